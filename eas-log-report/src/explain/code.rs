//! Codes and names.

use eas_log_parse::codes::{self, Status, StatusScope};
use eas_log_parse::{Access, Client, device_type};

use super::Part;
use super::query;
use super::value::{access, build, device_os, kind_of_device, model, reason, user_agent};

/// Everything that a word can be.
pub(super) fn explain(word: &str) -> Vec<Part> {
    if let Some(code) = number(word) {
        return by_number(code);
    }
    if let Some((status, substatus)) = word.split_once('.')
        && let (Ok(status), Ok(substatus)) = (status.parse::<u16>(), substatus.parse::<u64>())
    {
        return by_numbers(word, status, substatus);
    }
    let found = by_name(word);
    if !found.is_empty() {
        return found;
    }
    let names = names().filter(|name| name.eq_ignore_ascii_case(word));
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().flat_map(by_name).collect()
}

/// A number in decimal, or in hexadecimal with `0x`.
fn number(word: &str) -> Option<u64> {
    match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}

fn by_number(code: u64) -> Vec<Part> {
    let mut parts = Vec::new();
    if let Ok(code) = u16::try_from(code) {
        parts.extend(codes::http_status(code).map(status_part));
        parts.extend(codes::eas_status(code).map(status_part));
        let text = code.to_string();
        parts.extend(
            codes::statuses()
                .iter()
                .filter(|status| matches!(status.scope, StatusScope::Command(_)))
                .filter(|status| status.code == text)
                .map(status_part),
        );
    }
    parts.extend(codes::win32(code).map(status_part));
    parts
}

/// An HTTP status with an IIS substatus, or else a build of iOS as user agents write it.
fn by_numbers(word: &str, status: u16, substatus: u64) -> Vec<Part> {
    let known = u16::try_from(substatus).ok();
    if let Some(known) = known.and_then(|substatus| codes::iis_substatus(status, substatus)) {
        return vec![status_part(known)];
    }
    match codes::http_status(status) {
        Some(known) if substatus == 0 => vec![status_part(known)],
        Some(known) => vec![status_part(known), Part::new("IIS substatus", word)],
        None => build(word).into_iter().collect(),
    }
}

pub(super) fn status_part(status: &'static Status) -> Part {
    let (kind, value) = match status.scope {
        StatusScope::Http => ("HTTP status", ""),
        StatusScope::EasCommon => ("EAS status", "of any command"),
        StatusScope::Command(command) => ("EAS status", command),
        StatusScope::IisSubstatus => ("IIS substatus", ""),
        StatusScope::Win32 => ("Windows status", ""),
    };
    let mut part = Part::new(kind, status.code)
        .meaning(match (status.name, status.meaning) {
            ("", meaning) => meaning.to_owned(),
            (name, meaning) if meaning.is_empty() || name == meaning => name.to_owned(),
            (name, meaning) => format!("{name}: {meaning}"),
        })
        .note("", status.hint)
        .known_by(status.evidence, status.source);
    if !value.is_empty() {
        part = part.value(value);
    }
    if let Some(class) = status.class {
        part = part.note("a request with it", class.meaning());
    }
    part
}

pub(super) fn error_part(name: &str) -> Part {
    let part = Part::new("error", name);
    let Some(error) = codes::error(name) else {
        return part.note(
            "",
            "no table has this name; Exchange makes some at run time",
        );
    };
    let part = part
        .meaning(if error.meaning.is_empty() {
            "only its name is known".to_owned()
        } else {
            error.meaning.to_owned()
        })
        .note("HTTP status", error.http_status)
        .note("EAS status", error.eas_status)
        .known_by(error.evidence, error.source);
    part.note("a request with it", error.class.meaning())
}

pub(super) fn element_part(name: &str) -> Option<Part> {
    let info = codes::element(name)?;
    Some(
        Part::new("element", name)
            .meaning(if info.meaning.is_empty() {
                format!("{}; only its name is known", info.internal_name)
            } else {
                info.meaning.to_owned()
            })
            .note("unit", info.unit)
            .note("form", info.value_type)
            .note("versions", info.versions)
            .known_by(info.evidence, info.source),
    )
}

/// A word with its meaning as a table has it.
pub(super) fn fact(kind: &'static str, fact: Option<&'static codes::Fact>) -> Option<Part> {
    fact.map(|fact| {
        Part::new(kind, fact.name)
            .meaning(fact.meaning)
            .note("unit", fact.unit)
            .known_by(fact.evidence, fact.source)
    })
}

fn by_name(word: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    if codes::error(word).is_some() {
        parts.push(error_part(word));
    }
    let named =
        |status: &&Status| status.name.eq_ignore_ascii_case(word) && !status.name.is_empty();
    parts.extend(codes::statuses().iter().filter(named).map(status_part));
    if let Ok(value) = Access::parse(word.as_bytes()) {
        parts.push(access(value));
    }
    let is_reason = |code: &&codes::AccessCode| {
        code.kind == "reason" && (code.name == word || code.letters == word)
    };
    parts.extend(codes::access_states().iter().filter(is_reason).map(reason));
    parts.extend(element_part(word));
    parts.extend(fact("command", codes::command(word)));
    parts.extend(fact("field", codes::field(word)));
    parts.extend(fact("parameter", codes::parameter(word)));
    parts.extend(fact("budget entry", codes::budget_key(word)));
    parts.extend(query::measure_part(word));
    if Client::from_user_agent(word.as_bytes()).is_some() {
        parts.push(user_agent(word.as_bytes()));
    }
    if device_type(word.as_bytes()).is_some() {
        parts.push(kind_of_device(word.as_bytes()));
    }
    parts.extend(model(word));
    parts.extend(build(word));
    parts.extend(device_os(word));
    parts
}

/// Every name that a word can be, but for those whose case does not matter anyway.
fn names() -> impl Iterator<Item = &'static str> {
    codes::error_names()
        .iter()
        .map(|error| error.name)
        .chain(codes::elements().iter().map(|element| element.name))
        .chain(codes::statuses().iter().map(|status| status.name))
        .chain(codes::access_states().iter().map(|state| state.name))
        .chain(codes::access_states().iter().map(|state| state.letters))
        .chain(codes::budget_keys().iter().map(|key| key.name))
        .chain(codes::activity_measures().iter().map(|key| key.name))
        .filter(|name| !name.is_empty())
}

/// How alike a name must be to be suggested: 1 is equal.
const ALIKE: f64 = 0.8;

/// How many names are suggested.
const SUGGESTED: usize = 3;

/// The most bytes of a word that names are held against: no name is as long by far, and to compare
/// long texts takes long.
const LONGEST: usize = 100;

/// Names that are like a word.
pub(super) fn near(word: &str) -> Vec<&'static str> {
    if word.len() > LONGEST {
        return Vec::new();
    }
    let others = codes::commands()
        .iter()
        .chain(codes::fields())
        .chain(codes::parameters());
    let word = word.to_lowercase();
    let mut near: Vec<(f64, &str)> = names()
        .chain(others.map(|fact| fact.name))
        .map(|name| (strsim::jaro_winkler(&word, &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    near.dedup_by(|a, b| a.1 == b.1);
    near.into_iter()
        .take(SUGGESTED)
        .map(|(_, name)| name)
        .collect()
}
