//! Queries, `Log=` values and what is in them.

use eas_log_parse::codes::{self, Scope};
use eas_log_parse::{
    Access, Activity, Base64Query, Budget, BudgetPhase, ChangeCounts, EasLog, EasQuery, Element,
    Encoded, Escaped, LegacyLog, MeasureKind, ProtocolVersion,
};

use super::Part;
use super::code::{element_part, error_part, status_part};
use super::value::access;

fn shown(bytes: &[u8]) -> String {
    Escaped(bytes).to_string()
}

/// Takes a text that is a query, or the value of `Log=`, for what it is.
pub(super) fn recognise(text: &[u8]) -> Option<Part> {
    let query = EasQuery::parse(text);
    if query.is_base64() || query.pairs().count() > 1 || query.log().is_some() {
        return Some(explain(text));
    }
    let log = EasLog::new(text);
    let known = |element: Element<'_>| {
        std::str::from_utf8(element.identifier()).is_ok_and(|name| codes::element(name).is_some())
    };
    let elements = log.elements().count();
    let is_log = log.legacy().is_some()
        || (text.contains(&b'_') && log.elements().filter(|e| known(*e)).count() * 2 > elements);
    is_log.then(|| log_part("Log", log, None))
}

/// A query in either form.
pub(super) fn explain(text: &[u8]) -> Part {
    let query = EasQuery::parse(text);
    let part = Part::new("query", "cs-uri-query");
    if query.is_base64() {
        return match Base64Query::parse(text) {
            Ok(decoded) => part.with([base64(&decoded)]),
            Err(fault) => part
                .value(shown(text))
                .note("not decoded", &fault.to_string()),
        };
    }
    let command = query.command().map(|command| command.to_string());
    part.with(query.pairs().map(|pair| {
        let name = shown(pair.key);
        let value = pair.value.unwrap_or_default();
        if let Some(log) = query.log().filter(|_| name.eq_ignore_ascii_case("Log")) {
            return log_part(&name, log, command.as_deref());
        }
        let part = Part::new("parameter", name.as_str()).value(Encoded::new(value).to_string());
        let part = match codes::parameter(&name) {
            Some(fact) => part
                .meaning(fact.meaning)
                .known_by(fact.evidence, fact.source),
            None => part,
        };
        match codes::command(&part.value.clone().unwrap_or_default()) {
            Some(fact) if name.eq_ignore_ascii_case("Cmd") => part
                .meaning(fact.meaning)
                .known_by(fact.evidence, fact.source),
            _ => part,
        }
    }))
}

fn base64(query: &Base64Query) -> Part {
    let from = |name: &str, value: String, meaning: &str| {
        Part::new("base64", name)
            .value(value)
            .meaning(meaning)
            .known_by("D", "A1")
    };
    let mut parts = vec![
        from(
            "protocol version",
            query.protocol_version().to_string(),
            "protocol version",
        ),
        match query.command() {
            Some(command) => {
                let name = command.to_string();
                let fact = codes::command(&name);
                from("command", name, fact.map_or("command", |fact| fact.meaning))
            }
            None => from("command", query.command_code().to_string(), ""),
        },
        from(
            "locale",
            format!("0x{:04x}", query.locale()),
            "language of the device, as a Windows LCID",
        ),
        from("device id", query.device_id(), "id of the device"),
    ];
    if query.device_id_bytes().len() == 16 && query.device_id() != query.device_id_hex() {
        let other = parts
            .pop()
            .map(|part| part.note("other servers show it as", &query.device_id_hex()));
        parts.extend(other);
    }
    match query.policy_key() {
        Some(0) => parts.push(from("policy key", "0".into(), "asks to provision")),
        Some(key) => parts.push(from(
            "policy key",
            key.to_string(),
            "policy key that the device has",
        )),
        None => {}
    }
    parts.push(from(
        "device type",
        shown(query.device_type()),
        "kind of device, as the client names it",
    ));
    for parameter in query.parameters() {
        let name = parameter
            .name()
            .map_or_else(|| format!("tag {}", parameter.tag), str::to_owned);
        let part = Part::new("base64", name).value(shown(parameter.value));
        parts.push(
            match (
                parameter.name(),
                parameter.save_in_sent(),
                parameter.accept_multi_part(),
            ) {
                (_, Some(save), Some(parts)) => {
                    let yes = |yes: bool| if yes { "yes" } else { "no" };
                    let meaning = format!(
                        "save in sent items: {}, accept several parts: {}",
                        yes(save),
                        yes(parts)
                    );
                    part.meaning(meaning).known_by("D", "A1")
                }
                (Some(_), ..) => part.meaning("command parameter").known_by("D", "A1"),
                (None, ..) => part,
            },
        );
    }
    if query.is_truncated() {
        parts.push(Part::new("base64", "…").meaning("the last parameter is cut off"));
    }
    Part::new("base64", "base64-encoded query")
        .meaning("MS-ASHTTP 2.2.1.1.1.1")
        .with(parts)
}

fn log_part(name: &str, log: EasLog<'_>, command: Option<&str>) -> Part {
    let part = Part::new("Log", name).meaning("what the server appended about the request");
    if let Some(legacy) = log.legacy() {
        return part
            .note("form", "packed, of Exchange 2003")
            .with(legacy_parts(&legacy));
    }
    let part = part.with(
        log.elements()
            .map(|element| self::element(&element, command)),
    );
    if log.is_truncated() {
        part.note("", "cut off by the server: the last element is not whole")
    } else {
        part
    }
}

fn legacy_parts(log: &LegacyLog) -> Vec<Part> {
    let part = |name: &str, value: String, meaning: &str, evidence: &str| {
        let source = if evidence == "U" { "" } else { "B2,B2a" };
        Part::new("packed", name)
            .value(value)
            .meaning(meaning)
            .known_by(evidence, source)
    };
    let none = || "NA".to_owned();
    let version = log
        .protocol_version
        .map_or_else(none, |version| version.to_string());
    let class = log.class.map_or_else(none, |class| format!("{class:?}"));
    let kind = log
        .sync_type
        .map_or_else(|| "N".to_owned(), |kind| format!("{kind:?}"));
    let (client, server, performance) = (log.client, log.server, log.performance);
    let mut parts = vec![
        part("V", version, "protocol version", "D,I"),
        part("T", class, "class of the folder", "D,I"),
        part("S", kind, "kind of synchronization; N is none", "D"),
        part(
            "C:",
            format!(
                "{} adds, {} changes, {} deletes, {} fetches",
                client.adds, client.changes, client.deletes, client.fetches
            ),
            "what the client sent",
            "D",
        ),
        part(
            "S:",
            format!(
                "{} adds, {} changes, {} deletes, {} soft deletes",
                server.adds, server.changes, server.deletes, server.soft_deletes
            ),
            "what the server sent",
            "D,I",
        ),
        part(
            "P: C",
            performance.c.to_string(),
            "connections or calls",
            "I",
        ),
        part("P: I", performance.i.to_string(), "I/O or items", "I"),
        part("P: S", performance.s.to_string(), "bytes sent", "I"),
        part("P: R", performance.r.to_string(), "bytes received", "I"),
    ];
    if let Some(last) = log.last {
        parts.push(part("S", last.s.to_string(), "", "U"));
        parts.push(part("L", last.l.to_string(), "", "U"));
        parts.push(part(
            "H",
            format!("{} s", last.heartbeat_s),
            "heartbeat",
            "I",
        ));
        parts.push(part("P", last.p.to_string(), "", "U"));
    }
    parts
}

fn element(element: &Element<'_>, command: Option<&str>) -> Part {
    let name = shown(element.identifier());
    let value = shown(&element.text().decode_form());
    let Some(info) = codes::element(&name) else {
        return Part::new("element", name).value(value);
    };
    let mut part = element_part(&name).unwrap_or_default();
    part.notes.clear();
    if info.scope == Scope::Folder {
        part = part.note("", "of a folder");
    }
    let unit = if matches!(info.unit, "ms" | "s" | "KB" | "bytes" | "chars") {
        format!(" {}", info.unit)
    } else {
        String::new()
    };
    if let Some(fact) = codes::element_value(&name, &value) {
        return part.value(format!("{value} ({})", fact.meaning));
    }
    match name.as_str() {
        "V" | "Ver1" => match element.number() {
            Ok(number) => part.value(format!("{value} ({})", ProtocolVersion(number))),
            Err(fault) => part
                .value(value)
                .note("not read", &fault.explain(element.value()).to_string()),
        },
        "S" | "SC1" | "Pfs" => status(part, element, &value, command),
        "As" => match Access::parse(element.value()) {
            Ok(state) => part.value(value).with([access(state)]),
            Err(_) => part.value(value).note("", "no table has this state"),
        },
        "Error" => {
            let names: Vec<String> = EasLog::new(element.raw())
                .errors()
                .map(|name| shown(name.decode_form().trim_ascii()))
                .collect();
            part.value(value)
                .with(names.iter().map(|name| error_part(name)))
        }
        "Cli" | "Srv" | "Svr" => part.with(counts(element, name != "Cli")),
        "Budget" => part.with(budget(Budget::new(element.value()))),
        "ActivityContextData" => part.with(activity(Activity::new(element.value()))),
        _ => part.value(format!("{value}{unit}")),
    }
}

fn status(part: Part, element: &Element<'_>, value: &str, command: Option<&str>) -> Part {
    let Ok(code) = element.number::<u16>() else {
        return part.value(value).note("", "not a number");
    };
    let known = codes::eas_status(code)
        .or_else(|| command.and_then(|command| codes::command_status(command, code)));
    part.value(value).with(known.map(status_part))
}

fn counts(element: &Element<'_>, from_server: bool) -> Vec<Part> {
    ChangeCounts::new(element.value())
        .iter()
        .map(|(letters, digits)| {
            let letters = shown(letters);
            let part = Part::new("count", letters.as_str()).value(shown(digits));
            match codes::count_letters(from_server, &letters) {
                Some(fact) => part
                    .meaning(fact.meaning)
                    .known_by(fact.evidence, fact.source),
                None => part,
            }
        })
        .collect()
}

fn budget(budget: Budget<'_>) -> Vec<Part> {
    budget
        .snapshots()
        .map(|snapshot| {
            let (name, meaning, evidence) = match snapshot.phase() {
                Some(BudgetPhase::Acquired) => ("(A)", "at the start of the request", "I"),
                Some(BudgetPhase::Disposed) => ("(D)", "at the end of the request", "X"),
                None => ("", "", ""),
            };
            Part::new("budget", name)
                .meaning(meaning)
                .known_by(evidence, "")
                .with(snapshot.entries().map(|entry| {
                    let name = shown(entry.key());
                    let value = entry.value().to_string();
                    let Some(fact) = codes::budget_key(&name) else {
                        return Part::new("budget entry", name).value(value);
                    };
                    let unit = match fact.unit {
                        "ms" | "ms an hour" => format!(" {}", fact.unit),
                        _ => String::new(),
                    };
                    Part::new("budget entry", name)
                        .value(format!("{value}{unit}"))
                        .meaning(fact.meaning)
                        .known_by(fact.evidence, fact.source)
                }))
        })
        .collect()
}

fn activity(activity: Activity<'_>) -> Vec<Part> {
    activity
        .entries()
        .map(|entry| {
            let mut name = shown(entry.name());
            if let Some(instance) = entry.instance() {
                name = format!("{name}[{instance}]");
            }
            let meaning = match entry.name() {
                b"ActivityID" => "id of the activity",
                name if name.ends_with(b".C") => "a count",
                name if name.ends_with(b".T") => "a total in milliseconds",
                name if name.ends_with(b".AL") => "an average latency in milliseconds",
                _ => "",
            };
            let evidence = if meaning.is_empty() { "" } else { "I" };
            let kind = match entry.kind() {
                MeasureKind::Integer => "integer",
                MeasureKind::Double | MeasureKind::Float => "number",
                MeasureKind::Text => "text",
                MeasureKind::Other => "measure",
            };
            Part::new(kind, name)
                .value(entry.value().to_string())
                .meaning(meaning)
                .known_by(evidence, "")
        })
        .collect()
}
