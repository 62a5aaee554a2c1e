//! Queries, in either form.

use eas_log_parse::codes::{self, Fact};
use eas_log_parse::{Account, Base64Query, EasLog, EasQuery, Element, Encoded, Escaped, Pair};

use super::Part;
use super::code::fact;
use super::log::{element, log_part, measure};
use super::value::kind_of_device;

pub(super) fn shown(bytes: &[u8]) -> String {
    Escaped(bytes).to_string()
}

fn is_known(element: &Element<'_>) -> bool {
    std::str::from_utf8(element.identifier()).is_ok_and(|name| codes::element(name).is_some())
}

/// Takes a text that is a query, or the value of `Log=`, for what it is.
pub(super) fn recognise(text: &[u8]) -> Option<Part> {
    let query = EasQuery::parse(text);
    let names_a_parameter = |pair: Pair<'_>| {
        pair.value.is_some()
            && std::str::from_utf8(pair.key).is_ok_and(|key| codes::parameter(key).is_some())
    };
    if query.is_base64() || query.pairs().count() > 1 || query.pairs().any(names_a_parameter) {
        return Some(explain(text));
    }
    let log = EasLog::new(text);
    let elements = log.elements().count();
    let is_log = log.legacy().is_some()
        || (text.contains(&b'_') && log.elements().filter(is_known).count() * 2 > elements);
    is_log.then(|| log_part("Log", log, None))
}

/// Takes a text that is one element with its value for what it is.
pub(super) fn recognise_element(text: &[u8]) -> Option<Part> {
    let mut elements = EasLog::new(text).elements();
    let only = elements.next().filter(is_known)?;
    let value = only.value();
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    let has_value = text.contains(&b':') || digits.first().is_some_and(u8::is_ascii_digit);
    (has_value && !value.is_empty() && elements.next().is_none()).then(|| element(&only, None))
}

/// A measure of an activity by its name, if a table has it.
pub(super) fn measure_part(name: &str) -> Option<Part> {
    let known = codes::activity_measure(name).0.is_some();
    known.then(|| measure("measure", name))
}

/// The command that a query names, in either form.
pub(super) fn command(query: &EasQuery<'_>) -> Option<String> {
    let named = query.command().map(|command| command.to_string());
    named.or_else(|| {
        let decoded = Base64Query::parse(query.raw()).ok()?;
        query
            .is_base64()
            .then(|| decoded.command())?
            .map(|command| command.to_string())
    })
}

/// The device type that a query names, decoded, in either form.
pub(super) fn device_type(query: &EasQuery<'_>) -> Option<Vec<u8>> {
    let named = query.device_type().map(|text| text.decode().into_owned());
    named.or_else(|| {
        let decoded = Base64Query::parse(query.raw()).ok()?;
        query.is_base64().then(|| decoded.device_type().to_vec())
    })
}

/// A query in either form.
pub(super) fn explain(text: &[u8]) -> Part {
    let query = EasQuery::parse(text);
    let part = Part::new("query", "cs-uri-query");
    let command = command(&query);
    let of_pair = |pair: Pair<'_>| parameter(&query, pair, command.as_deref());
    if !query.is_base64() {
        return part.with(query.pairs().map(of_pair));
    }
    let part = match Base64Query::parse(text) {
        Ok(decoded) => part.with([base64(&decoded)]),
        Err(fault) => {
            let piece = text.split(|&b| b == b'&').next().unwrap_or_default();
            part.with([Part::new("base64", "base64-encoded query")
                .value(shown(piece))
                .note("not decoded", &fault.to_string())])
        }
    };
    // What servers append stands behind it.
    part.with(query.pairs().skip(1).map(of_pair))
}

/// One pair of a query.
fn parameter(query: &EasQuery<'_>, pair: Pair<'_>, command: Option<&str>) -> Part {
    let name = shown(pair.key);
    let value = pair.value.unwrap_or_default();
    if let Some(log) = query.log().filter(|_| name.eq_ignore_ascii_case("Log")) {
        return log_part(&name, log, command);
    }
    let known = codes::parameter(&name);
    let part = match known {
        Some(fact) => Part::new("parameter", name.as_str())
            .meaning(fact.meaning)
            .known_by(fact.evidence, fact.source),
        None => Part::new("parameter", name.as_str()),
    };
    let text = Encoded::new(value).to_string();
    match known.map_or("", |fact| fact.name) {
        "Cmd" => {
            let known = fact("command", codes::command(&text));
            let child = known.unwrap_or_else(|| Part::new("command", text.as_str()));
            part.value(text).with([child])
        }
        "DeviceType" => {
            let child = kind_of_device(&Encoded::new(value).decode());
            part.value(text).with([child])
        }
        "User" if Account::parse(&Encoded::new(value).decode()).is_computer() => {
            part.value(text).note("", "a computer account")
        }
        // A semicolon closes what front ends append, and is no part of it.
        "cafeReqId" | "CorrelationID" | "ClientId" | "RequestId" => {
            match text.strip_suffix(';').unwrap_or(&text) {
                "<empty>" | "" => part.value("-"),
                text => part.value(text),
            }
        }
        _ => part.value(text),
    }
}

fn base64(query: &Base64Query) -> Part {
    let documented = |name: &str, value: String, meaning: &str| {
        Part::new("base64", name)
            .value(value)
            .meaning(meaning)
            .known_by("D", "A1")
    };
    let mut parts = vec![documented(
        "protocol version",
        query.protocol_version().to_string(),
        "protocol version",
    )];
    let code = codes::base64_command(query.command_code());
    let name = code.map_or("", |code| code.meaning);
    let meaning = codes::command(name).map_or("", |command| command.meaning);
    parts.push(
        Part::new("base64", "command")
            .value(format!("{} ({name})", query.command_code()))
            .meaning(meaning)
            .known_by(
                code.map_or("", |code| code.evidence),
                code.map_or("", |code| code.source),
            ),
    );
    parts.push(documented(
        "locale",
        format!("0x{:04x}", query.locale()),
        "language of the device, as a Windows LCID",
    ));
    let id = documented("device id", query.device_id(), "id of the device");
    let other = query.device_id_hex();
    let has_two_forms = query.device_id_bytes().len() == 16 && query.device_id() != other;
    parts.push(id.note(
        "other servers show it as",
        if has_two_forms { &other } else { "" },
    ));
    parts.extend(query.policy_key().map(|key| {
        let meaning = if key == 0 {
            "asks to provision"
        } else {
            "policy key that the device has"
        };
        // The order of its bytes is inferred.
        documented("policy key", key.to_string(), meaning).known_by("D,I", "A1")
    }));
    let kind = kind_of_device(query.device_type());
    parts.push(
        documented(
            "device type",
            shown(query.device_type()),
            "kind of device, as the client names it",
        )
        .with([kind]),
    );
    for parameter in query.parameters() {
        let known = codes::base64_parameter(parameter.tag);
        let name = parameter
            .name()
            .map_or_else(|| format!("tag {}", parameter.tag), str::to_owned);
        let part = Part::new("base64", name).value(shown(parameter.value));
        let options = parameter.save_in_sent().zip(parameter.accept_multi_part());
        parts.push(match (options, known) {
            (Some((save, several)), Some(known)) => {
                let yes = |yes: bool| if yes { "yes" } else { "no" };
                let meaning = format!(
                    "save in sent items: {}, accept several parts: {}",
                    yes(save),
                    yes(several)
                );
                part.meaning(meaning).known_by(known.evidence, known.source)
            }
            (None, Some(known)) => part
                .meaning(meaning_of_tag(known))
                .known_by(known.evidence, known.source),
            (_, None) => part,
        });
    }
    if query.is_truncated() {
        parts.push(Part::new("base64", "…").meaning("the last parameter is cut off"));
    }
    Part::new("base64", "base64-encoded query")
        .meaning("MS-ASHTTP 2.2.1.1.1.1")
        .with(parts)
}

/// What the parameter of a tag is: as a parameter of its name, or what the table says in brackets.
fn meaning_of_tag(tag: &'static Fact) -> &'static str {
    let name = tag.meaning;
    match codes::parameter(name) {
        Some(parameter) => parameter.meaning,
        None => name.trim_start_matches('(').trim_end_matches(')'),
    }
}
