//! `Log=` values and what is in them.

use eas_log_parse::codes::{self, Scope};
use eas_log_parse::{
    Access, Activity, BackOffLevel, Budget, BudgetPhase, BudgetSnapshot, ChangeCounts,
    CollectionClass, EasLog, Element, Encoded, LegacyLog, MeasureKind, ProtocolVersion, SyncType,
    Triplet,
};

use super::Part;
use super::code::{element_part, error_part, status_part};
use super::query::shown;
use super::value::{access, device_os, model, user_agent, with_unit};

pub(super) fn log_part(name: &str, log: EasLog<'_>, command: Option<&str>) -> Part {
    let part = Part::new("Log", name).meaning("what the server appended about the request");
    if let Some(legacy) = log.legacy() {
        let part = part.note("form", "packed, of Exchange 2003");
        let part = if legacy.is_unavailable() {
            part.note(
                "",
                "no version, class or kind: the user may not use ActiveSync (with HTTP 403), or the \
                 request failed before its command was understood (inferred)",
            )
        } else {
            part
        };
        return part.with(legacy_parts(&legacy));
    }
    let mut parts: Vec<Part> = log
        .elements()
        .map(|element| self::element(&element, command))
        .collect();
    if !log.is_truncated() {
        return part.with(parts);
    }
    if let Some(last) = parts.pop() {
        let cut = Part::new("element", last.name).value(last.value.unwrap_or_default());
        parts.push(cut.note("", "cut off: not whole, and not used"));
    }
    part.note("", "cut off by the server: the last element is not whole")
        .with(parts)
}

fn legacy_parts(log: &LegacyLog<'_>) -> Vec<Part> {
    let part = |name: &str, value: String, meaning: &str, evidence: &str| {
        let source = if evidence == "U" { "" } else { "B2,B2a" };
        Part::new("packed", name)
            .value(value)
            .meaning(meaning)
            .known_by(evidence, source)
    };
    let version = match (log.version, log.protocol_version) {
        (None, _) => part("V", "NA".into(), "protocol version", "D"),
        (Some(4), Some(version)) => part("V", format!("4 ({version})"), "protocol version", "I"),
        (Some(code), Some(version)) => {
            part("V", format!("{code} ({version})"), "protocol version", "D")
        }
        (Some(code), None) => part("V", code.to_string(), "protocol version", "D")
            .with([Part::new("protocol version", code.to_string())]),
    };
    let class = match log.class {
        None => part("T", "NA".into(), "class of the folder", "D"),
        Some(CollectionClass::Other(code)) => part("T", shown(code), "class of the folder", "D")
            .with([Part::new("class", shown(code))]),
        Some(class) => {
            let code = shown(class.code());
            let words = codes::element_value("Ty", &code).map_or("", |fact| fact.meaning);
            let evidence = if class == CollectionClass::Tasks {
                "I"
            } else {
                "D"
            };
            part(
                "T",
                format!("{code} ({words})"),
                "class of the folder",
                evidence,
            )
        }
    };
    let kind = match log.sync_type {
        None => "N (no Sync)",
        Some(SyncType::First) => "F (first, with sync key 0)",
        Some(SyncType::Subsequent) => "S (subsequent)",
        Some(SyncType::Recovery) => "R (recovery: the client repeats its last key)",
        Some(SyncType::Invalid) => "I (invalid key)",
    };
    let (client, server, performance) = (log.client, log.server, log.performance);
    let mut parts = vec![
        version,
        class,
        part("S", kind.to_owned(), "kind of synchronization", "D"),
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
        part(
            "P: S",
            format!("{} bytes", performance.s),
            "bytes sent",
            "I",
        ),
        part(
            "P: R",
            format!("{} bytes", performance.r),
            "bytes received",
            "I",
        ),
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

/// Elements whose values are codes: what a table does not have is unknown.
const CODED: [&str; 8] = [
    "Ty", "St", "Filt", "Filter1", "Filts", "Rto", "Pa", "OrgType",
];

pub(super) fn element(element: &Element<'_>, command: Option<&str>) -> Part {
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
    let in_units = with_unit(&value, info.unit);
    if let Some(fact) = codes::element_value(&name, &value) {
        return part.value(format!("{in_units} ({})", fact.meaning));
    }
    match name.as_str() {
        "V" | "Ver1" => version(part, element, &value),
        "S" | "SC1" | "Pfs" => status(part, element, &value, command),
        "As" => match Access::parse(element.value()) {
            Ok(state) => part.value(value).with([access(state)]),
            Err(_) => part
                .with([Part::new("access state", value.as_str())])
                .value(value),
        },
        "Error" => {
            let names: Vec<String> = EasLog::new(element.raw())
                .errors()
                .map(|name| shown(name.decode_form().trim_ascii()))
                .collect();
            part.value(value)
                .with(names.iter().map(|name| error_part(name)))
        }
        "SBkOffD" => back_off(part, element, &value),
        "DevOS" => part.with(device_os(&value)).value(value),
        "DevModel" => part.with(model(&value)).value(value),
        "DevAgent" => part
            .value(value)
            .with([user_agent(&element.text().decode_form())]),
        "Cli" | "Srv" | "Svr" => part.with(counts(element, name != "Cli")),
        "Budget" => part.with(budget(Budget::new(element.value()))),
        "ActivityContextData" => part.with(activity(Activity::new(element.value()))),
        coded if CODED.contains(&coded) => {
            let unknown = Part::new("value", value.as_str());
            part.value(value).with([unknown])
        }
        _ => part.value(in_units),
    }
}

/// The protocol versions that there are (MS-ASHTTP; the list of Exchange 2007).
const VERSIONS: [u16; 10] = [10, 20, 21, 25, 120, 121, 140, 141, 160, 161];

fn version(part: Part, element: &Element<'_>, value: &str) -> Part {
    match element.number() {
        Ok(number) if VERSIONS.contains(&number) => {
            part.value(format!("{value} ({})", ProtocolVersion(number)))
        }
        Ok(_) => part
            .value(value)
            .with([Part::new("protocol version", value)]),
        Err(fault) => part
            .value(value)
            .note("not read", &fault.explain(element.value()).to_string()),
    }
}

fn status(part: Part, element: &Element<'_>, value: &str, command: Option<&str>) -> Part {
    let Ok(code) = element.number::<u16>() else {
        return part.value(value).note("", "not a number");
    };
    let known = codes::eas_status(code)
        .or_else(|| command.and_then(|command| codes::command_status(command, code)));
    let known = known.map(status_part).unwrap_or_else(|| {
        let unknown = Part::new("EAS status", value);
        if code < 101 && command.is_none() {
            unknown.note("", "what it means depends on the command")
        } else {
            unknown
        }
    });
    part.value(value).with([known])
}

fn back_off(part: Part, element: &Element<'_>, value: &str) -> Part {
    match EasLog::new(element.raw()).suggested_back_off() {
        Ok(Some(back_off)) => {
            let level = match back_off.level {
                BackOffLevel::Low => "L",
                BackOffLevel::Medium => "M",
                BackOffLevel::High => "H",
            };
            let words = codes::element_value("SBkOffD", level).map_or("", |fact| fact.meaning);
            part.value(format!("{value} ({words}, {} s)", back_off.seconds))
        }
        _ => part.value(value).note("", "not a level with seconds"),
    }
}

fn counts(element: &Element<'_>, from_server: bool) -> Vec<Part> {
    let counts = ChangeCounts::new(element.value());
    counts
        .iter()
        .map(|(letters, digits)| {
            let letters = shown(letters);
            let part =
                Part::new("count", letters.as_str()).value(with_unit(&shown(digits), "count"));
            let means = if counts.is_upper_case() {
                letters.to_ascii_lowercase()
            } else {
                letters
            };
            match codes::count_letters(from_server, &means) {
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
                None => ("snapshot", "", ""),
            };
            Part::new("budget", name)
                .meaning(meaning)
                .known_by(evidence, "")
                .with(snapshot.entries().map(|entry| {
                    let name = shown(entry.key());
                    let value = entry.value().to_string();
                    let part = Part::new("budget entry", name.as_str());
                    let Some(fact) = codes::budget_key(&name) else {
                        return part.value(value);
                    };
                    let value = match entry_in_words(&snapshot, &name) {
                        Some(words) => format!("{value} ({words})"),
                        None => with_unit(&value, fact.unit),
                    };
                    let part = part
                        .meaning(fact.meaning)
                        .known_by(fact.evidence, fact.source);
                    if name == "Norm" {
                        return part.with(resources(&snapshot));
                    }
                    part.value(value)
                }))
        })
        .collect()
}

fn entry_in_words(snapshot: &BudgetSnapshot<'_>, key: &str) -> Option<String> {
    let share = |share: Triplet| match (share.limit_ms, share.remaining_ms) {
        (Some(limit), Some(remaining)) => format!(
            "{remaining} of {limit} ms a minute left, {} % of the minute used",
            share.used_percent
        ),
        _ => format!("no limit, {} % of the minute used", share.used_percent),
    };
    match key {
        "AD" => snapshot.ad().ok()?.map(share),
        "CAS" => snapshot.cas().ok()?.map(share),
        "AB" => snapshot.ab().ok()?.map(share),
        "RPC" => snapshot.rpc().ok()?.map(share),
        "FC" => {
            let count = snapshot.find_count().ok()??;
            Some(format!("{} in use of {}", count.in_use, count.limit))
        }
        _ => None,
    }
}

/// The resources that stand behind `Norm`.
fn resources(snapshot: &BudgetSnapshot<'_>) -> Vec<Part> {
    snapshot
        .resources()
        .map(|resource| {
            let health = match resource.health_percent {
                Ok(-1) => "health not measured".to_owned(),
                Ok(percent) => format!("health {percent} %"),
                Err(_) => "health not read".to_owned(),
            };
            let load = match resource.historic_load {
                Ok(load) => format!("historic load {load}"),
                Err(_) => "historic load not read".to_owned(),
            };
            Part::new("resource", resource.name.to_string())
                .value(format!("{health}, {load}"))
                .meaning(match resource.kind.raw() {
                    b"Mdb" => "mailbox database",
                    b"DC" => "domain controller",
                    _ => "",
                })
                .known_by("I", "B1")
        })
        .collect()
}

/// A measure of an activity by its name.
pub(super) fn measure(kind: &'static str, name: &str) -> Part {
    let part = Part::new(kind, name);
    let (what, how) = codes::activity_measure(name);
    let known = what
        .or(how)
        .map_or(("", ""), |fact| (fact.evidence, fact.source));
    let meaning = match (what, how) {
        (Some(what), Some(how)) => format!("{}: {}", what.meaning, how.meaning),
        (Some(what), None) => what.meaning.to_owned(),
        (None, Some(how)) => format!("{} of something that no table has", how.meaning),
        (None, None) => return part,
    };
    part.meaning(meaning).known_by(known.0, known.1)
}

fn activity(activity: Activity<'_>) -> Vec<Part> {
    activity
        .entries()
        .map(|entry| {
            let kind = match entry.kind() {
                MeasureKind::Integer => "integer",
                MeasureKind::Double | MeasureKind::Float => "number",
                MeasureKind::Text => "text",
                MeasureKind::Other => "measure",
            };
            let name = shown(entry.name());
            let (what, how) = codes::activity_measure(&name);
            let unit = how.or(what).map_or("", |fact| fact.unit);
            let mut part = measure(kind, &name);
            let instance = entry
                .instance()
                .filter(|instance| !instance.raw().is_empty());
            if let Some(instance) = instance.map(Encoded::decode) {
                part.name = format!("{name}[{}]", shown(&instance));
            }
            part.value(with_unit(&entry.value().to_string(), unit))
        })
        .collect()
}
