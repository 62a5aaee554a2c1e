//! What findings match, as reports tell it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::devices::Source;
use crate::facts::{NONE, Place, TextId};
use crate::report::{Finding, Listed, Part, Value};
use crate::triage::{Device, Ledger, Match, Pattern};

/// Lines of so many classes of failures are the evidence of a device.
const CLASSES_SHOWN: usize = 3;

/// Device type and client.
type Kind = (Option<String>, Option<String>);

fn text(value: Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// The findings, those with most devices first. `rows` limits the devices that each lists by name.
pub(super) fn findings(
    source: &Source<'_>,
    ledger: &Ledger,
    mut matches: Vec<Match<'_>>,
    rows: Option<usize>,
) -> Vec<Finding> {
    matches.sort_by_cached_key(|found| found.rank(ledger));
    matches
        .into_par_iter()
        .map(|mut found| {
            found.sort(ledger);
            finding(source, ledger, &found, rows)
        })
        .collect()
}

fn finding(
    source: &Source<'_>,
    ledger: &Ledger,
    found: &Match<'_>,
    rows: Option<usize>,
) -> Finding {
    let devices = || found.devices.iter().map(|&number| &ledger.devices[number]);
    let users: BTreeSet<TextId> = devices()
        .map(|device| device.user)
        .filter(|&user| user != NONE)
        .collect();
    let mut parts: BTreeMap<(TextId, TextId), (u64, BTreeSet<TextId>, &Device)> = BTreeMap::new();
    for device in devices() {
        let kind = (device.device_type, device.user_agent);
        let (number, users, _) = parts.entry(kind).or_insert((0, BTreeSet::new(), device));
        *number += 1;
        users.insert(device.user);
    }
    // Agents that decode to one client are one part.
    let mut named: BTreeMap<Kind, (u64, BTreeSet<TextId>)> = BTreeMap::new();
    for ((device_type, _), (number, users, device)) in parts {
        let device_type = source.texts.device_types.get(device_type as usize).cloned();
        let part = named
            .entry((device_type, source.client(device)))
            .or_default();
        part.0 += number;
        part.1.extend(users);
    }
    let mut parts: Vec<Part> = named
        .into_iter()
        .map(|((device_type, client), (devices, users))| Part {
            device_type,
            client,
            devices,
            users: users.iter().filter(|&&user| user != NONE).count() as u64,
        })
        .collect();
    parts.sort_by_key(|part| Reverse(part.devices));
    let requests = match found.calls {
        0 => devices().map(|device| device.failed).sum(),
        calls => calls,
    };
    Finding {
        advice: found.advice.clone(),
        devices: found.devices.len() as u64,
        users: users.len() as u64,
        failed_requests: requests,
        evidence: found
            .lines
            .iter()
            .map(|&place| source.place(place))
            .collect(),
        parts,
        listed: devices()
            .take(rows.unwrap_or(usize::MAX))
            .map(|device| Listed {
                user: text(source.user(device.user)),
                device_id: text(source.device(device.device)),
                verdict: device.verdict.name(),
                evidence: evidence(device, found.evidence)
                    .into_iter()
                    .map(|place| source.place(place))
                    .collect(),
            })
            .collect(),
    }
}

/// The lines that show it: of the classes that the finding names, the most frequent first, or those
/// that decided the verdict.
fn evidence(device: &Device, classes: Option<&Pattern>) -> Vec<Place> {
    let named: Vec<Place> = device
        .failures
        .iter()
        .filter(|sum| classes.is_some_and(|classes| classes.is_match(sum.class.name())))
        .map(|sum| sum.last.place)
        .take(CLASSES_SHOWN)
        .collect();
    if named.is_empty() {
        device.evidence.clone()
    } else {
        named
    }
}
