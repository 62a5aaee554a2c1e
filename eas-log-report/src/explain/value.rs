//! Values in words.

use eas_log_parse::codes;
use eas_log_parse::{Access, Client};

use super::Part;

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

/// A user agent in words.
pub(super) fn client(agent: &str, client: &Client<'_>) -> Part {
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
    Part::new("user agent", agent)
        .meaning(words.join(", "))
        .note("", client.note)
        .known_by(client.evidence, client.source)
}
