//! Values in words.

use eas_log_parse::codes::{self, AccessCode};
use eas_log_parse::{
    Access, Client, DeviceProfile, Escaped, apple_build, apple_model, device_type,
    os_of_device_information,
};

use super::Part;

/// A value with its unit, where it has one and the value is a number.
pub(super) fn with_unit(value: &str, unit: &str) -> String {
    let number = value.strip_prefix('-').unwrap_or(value);
    let is_number = number.starts_with(|c: char| c.is_ascii_digit())
        && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    // That a unit is inferred is said by the marks of the evidence.
    match unit.trim_end_matches(" (inferred)") {
        "UTC time of day" => format!("{value} UTC"),
        unit @ ("ms" | "ms an hour" | "s" | "KB" | "bytes" | "chars") if is_number => {
            format!("{value} {unit}")
        }
        "count" | "count/flag" if is_number => format!("{value} (count)"),
        "flag" if value == "T" || value == "1" => format!("{value} (yes)"),
        "flag" if value == "0" => format!("{value} (no)"),
        _ => value.to_owned(),
    }
}

/// An access state with its reason.
pub(super) fn access(access: Access) -> Part {
    let state = codes::access_state(access.state);
    let reasons: Vec<_> = access
        .reason
        .into_iter()
        .flat_map(codes::access_reason)
        .collect();
    let meaning = state.map_or("", |state| state.meaning);
    let because: Vec<&str> = reasons.iter().map(|reason| reason.meaning).collect();
    let meaning = match because[..] {
        [] => meaning.to_owned(),
        [because] => format!("{meaning}: {because}"),
        _ => format!("{meaning}; one of: {}", because.join("; or ")),
    };
    let name = access.to_string();
    // A composed value may itself have been seen in a log.
    let seen = codes::access_states()
        .iter()
        .find(|c| c.kind == "combined" && c.name == name);
    let code = seen.or(state);
    let mut part = Part::new("access state", name).meaning(meaning).known_by(
        code.map_or("", |c| c.evidence),
        code.map_or("", |c| c.source),
    );
    for reason in reasons {
        part = part.note("reason", reason.name).note("", reason.note);
    }
    part
}

/// The reason of an access state.
pub(super) fn reason(reason: &AccessCode) -> Part {
    Part::new("access reason", reason.name)
        .meaning(reason.meaning)
        .note("letters in logs", reason.letters)
        .note("", reason.note)
        .known_by(reason.evidence, reason.source)
}

/// A user agent in words; unknown if no table has it.
pub(super) fn user_agent(agent: &[u8]) -> Part {
    let part = Part::new("user agent", Escaped(agent).to_string());
    match Client::from_user_agent(agent) {
        Some(found) => part
            .meaning(in_words(&found))
            .note("", found.note)
            .known_by(found.evidence, found.source),
        None => part,
    }
}

fn in_words(client: &Client<'_>) -> String {
    let mut words: Vec<String> = Vec::new();
    let with = |name: Option<&str>, version: Option<&str>| match (name, version) {
        (Some(name), Some(version)) => Some(format!("{name} {version}")),
        (Some(name), None) => Some(name.to_owned()),
        (None, Some(version)) => Some(format!("version {version}")),
        (None, None) => None,
    };
    words.extend(client.vendor.map(str::to_owned));
    words.extend(with(client.name, client.version.as_deref()));
    words.extend(client.model.as_deref().map(str::to_owned));
    words.extend(with(client.os, client.os_version.as_deref()));
    words.join(", ")
}

/// A device type in words; unknown if no table has it.
pub(super) fn kind_of_device(text: &[u8]) -> Part {
    let part = Part::new("device type", Escaped(text).to_string());
    let Some(known) = device_type(text) else {
        return part;
    };
    let meaning = match known.os {
        Some(os) => format!("a device with {os}"),
        None => known.note.to_owned(),
    };
    part.note("", if known.os.is_some() { known.note } else { "" })
        .meaning(meaning)
        .known_by(known.evidence, known.source)
}

/// The operating system that a device told, such as `iOS 9.2 13C71`; `None` if it is none that is
/// known.
pub(super) fn device_os(text: &str) -> Option<Part> {
    let os = os_of_device_information(text.as_bytes())?;
    let rest = text.get(os.len()..).unwrap_or_default();
    let mut words = rest.split_whitespace();
    let version = words
        .next()
        .filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let meaning = match version {
        Some(version) => format!("a device with {os} {version}"),
        None => format!("a device with {os}"),
    };
    let build = words.next().filter(|_| os == "iOS").and_then(build);
    let part = Part::new("operating system", text);
    Some(part.meaning(meaning).known_by("S", "B6,B7").with(build))
}

/// A model of Apple's.
pub(super) fn model(text: &str) -> Option<Part> {
    let known = apple_model(text)?;
    let names = format!("{}, in user agents {}", known.identifier, known.eas_model);
    Some(
        Part::new("Apple model", text)
            .meaning(known.name)
            .note("", &names)
            .known_by(known.evidence, known.source),
    )
}

/// A build of iOS.
pub(super) fn build(text: &str) -> Option<Part> {
    let known = apple_build(text)?;
    let names = format!("{}, in user agents {}", known.build, known.eas_form);
    Some(
        Part::new("iOS build", text)
            .meaning(format!("iOS {}", known.version))
            .note("", &names)
            .known_by(known.evidence, known.source),
    )
}

/// What contradicts itself in what a device says; `None` if nothing does.
pub(super) fn contradiction(device: &DeviceProfile<'_>) -> Option<String> {
    if !device.contradicts_itself() {
        return None;
    }
    let told = [
        ("what it told of itself", device.os_by_information),
        ("its user agent", device.client.as_ref().and_then(|c| c.os)),
        ("its device type", device.os_by_type),
    ];
    let told = told
        .iter()
        .filter_map(|(by, os)| Some(format!("{by} says {}", (*os)?)));
    let told: Vec<String> = told.collect();
    Some(format!(
        "the client contradicts itself: {}",
        told.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_their_units() {
        let cases = [
            ("250", "ms (inferred)", "250 ms"),
            ("-470", "s", "-470 s"),
            ("239706.2", "ms", "239706.2 ms"),
            ("$null", "ms", "$null"),
            ("45", "count", "45 (count)"),
            ("06:53:38.448", "UTC time of day", "06:53:38.448 UTC"),
            ("T", "flag", "T (yes)"),
            ("7", "hash", "7"),
            ("x", "", "x"),
        ];
        for (value, unit, want) in cases {
            assert_eq!(with_unit(value, unit), want);
        }
    }
}
