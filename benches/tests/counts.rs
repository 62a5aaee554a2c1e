//! Every count of a report equals what the generator of the corpus wrote, whatever the number of
//! threads and the size of the pieces.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use eas_log_benches::{Corpus, Generation, Groups, Output, Truth};
use eas_log_parse::FaultKind;
use eas_log_report::analysis::{self, analyse};
use eas_log_report::ingest::{Options, ingest};
use eas_log_report::input::discover;
use eas_log_report::render::write_json;
use eas_log_report::report::{Report, Section, Value};

fn report(folder: &Path, threads: usize, piece_size: u64) -> Report {
    let found = discover(&[folder.to_owned()]);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    let options = Options {
        threads,
        piece_size,
        ..Options::default()
    };
    let ingested = ingest(&found.sources, &options, &());
    analyse(ingested, analysis::Options::default()).unwrap()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Time(seconds) => eas_log_report::render::iso_time(*seconds),
    }
}

fn number(section: &Section, row: &[Value], key: &str) -> Option<u64> {
    match row[section.column(key)?] {
        Value::Number(number) => Some(number as u64),
        _ => None,
    }
}

/// Requests, failed requests, devices and users of a group.
type Counted = (u64, Option<u64>, u64, u64);

fn counted(
    section: &Section,
    key: impl Fn(&dyn Fn(&str) -> String) -> String,
) -> BTreeMap<String, Counted> {
    section
        .rows
        .iter()
        .map(|row| {
            let value = |key: &str| {
                section
                    .column(key)
                    .map(|at| text(&row[at]))
                    .unwrap_or_default()
            };
            let get = |key| number(section, row, key);
            let counted = (
                get("requests").unwrap(),
                get("failed_requests"),
                get("devices").unwrap(),
                get("users").unwrap(),
            );
            (key(&value), counted)
        })
        .collect()
}

fn expected(groups: &Groups, failed: bool) -> BTreeMap<String, Counted> {
    groups
        .iter()
        .map(|(key, counts)| {
            let failed = failed.then_some(counts.failed);
            let counted = (
                counts.requests,
                failed,
                counts.devices.len() as u64,
                counts.users.len() as u64,
            );
            (key.clone(), counted)
        })
        .collect()
}

/// The access state as logs write it, from its parts.
fn access(state: &str, reason: &str) -> String {
    let letter = match reason {
        "" => "",
        "Policy" => "P",
        "DeviceRule" => "D",
        "Global" => "G",
        other => panic!("no such reason in the corpus: {other}"),
    };
    format!("{state}{letter}")
}

fn check(report: &Report, truth: &Truth) {
    let tally = report.tally();
    assert_eq!(report.quality.bytes(), truth.bytes);
    assert_eq!(tally.lines(), truth.lines);
    assert_eq!(tally.blank, truth.blank);
    assert_eq!(tally.directives, truth.directives);
    assert_eq!(tally.records, truth.records);
    for kind in FaultKind::ALL {
        let want = truth.malformed.get(kind.name()).copied().unwrap_or(0);
        assert_eq!(tally.malformed_as(kind), want, "{kind}");
    }
    assert_eq!(report.counts.other, truth.other_records);
    assert_eq!(report.counts.records(), truth.records);
    let totals = report.totals;
    assert_eq!(totals.requests, truth.all.requests);
    assert_eq!(totals.failed_requests, truth.all.failed);
    assert_eq!(totals.challenges, truth.challenges);
    assert_eq!(totals.users, truth.all.users.len() as u64);
    assert_eq!(totals.devices, truth.all.devices.len() as u64);

    let section = |id: &str| report.section(id).unwrap();
    let simple = |id: &str, key: &str, want: &Groups, failed| {
        assert!(!want.is_empty(), "{id}");
        assert_eq!(
            counted(section(id), |value| value(key)),
            expected(want, failed),
            "{id}"
        );
    };
    simple("commands", "command", &truth.commands, true);
    simple("device_types", "device_type", &truth.device_types, true);
    simple("user_agents", "user_agent", &truth.user_agents, true);
    simple("servers", "server", &truth.servers, true);
    let hours = counted(section("hours"), |value| value("hour")[..13].to_owned());
    assert_eq!(hours, expected(&truth.hours, true));
    let http = counted(section("http_status"), |value| {
        format!(
            "{}|{}|{}",
            value("sc_status"),
            value("sc_substatus"),
            value("sc_win32_status")
        )
    });
    assert_eq!(http, expected(&truth.http_status, false));
    let eas = counted(section("eas_status"), |value| value("eas_status"));
    assert_eq!(eas, expected(&truth.eas_status, false));
    let errors = counted(section("errors"), |value| value("error"));
    assert_eq!(errors, expected(&truth.errors, false));
    let states = counted(section("access_states"), |value| {
        access(&value("access_state"), &value("access_reason"))
    });
    assert_eq!(states, expected(&truth.access_states, false));
    let failures = counted(section("failures"), |value| {
        format!(
            "{}|{}|{}|{}|{}|{}",
            value("device_type"),
            value("user_agent"),
            value("error"),
            value("sc_status"),
            value("eas_status"),
            access(&value("access_state"), &value("access_reason"))
        )
    });
    assert_eq!(failures, expected(&truth.failures, false));

    let by_device = |id: &str| {
        let section = section(id);
        let mut devices: BTreeMap<String, u64> = BTreeMap::new();
        for row in &section.rows {
            let id = text(&row[section.column("device_id").unwrap()]).to_uppercase();
            *devices.entry(id).or_default() += number(section, row, "requests").unwrap();
        }
        devices
    };
    assert_eq!(by_device("non_provisionable_devices"), truth.provisioning);
    assert_eq!(by_device("blocked_devices"), truth.blocked);
    assert_eq!(
        totals.non_provisionable_devices,
        truth.provisioning.len() as u64
    );
    assert_eq!(totals.blocked_devices, truth.blocked.len() as u64);
}

fn json(report: &Report) -> Vec<u8> {
    let mut out = Vec::new();
    write_json(report, None, &mut out).unwrap();
    out
}

/// Size of the corpora in bytes. `CORPUS_MIB=512 cargo test --release -p eas-log-benches` takes
/// larger ones.
fn size() -> u64 {
    let mib = std::env::var("CORPUS_MIB")
        .ok()
        .and_then(|mib| mib.parse().ok());
    mib.unwrap_or(3) << 20
}

#[test]
fn every_count_equals_what_was_written() {
    let generations = [
        Generation::Exchange2003,
        Generation::Exchange2010,
        Generation::Exchange2019,
    ];
    for generation in generations {
        let folder = tempfile::tempdir().unwrap();
        let corpus = Corpus {
            generation,
            size: size(),
            seed: 42,
            defect_share: 20_000,
            devices: if size() > 64 << 20 { 20_000 } else { 300 },
            ..Corpus::default()
        };
        let truth = corpus.write(Output::Folder(folder.path())).unwrap();
        assert!(
            truth.all.requests > 1000,
            "{generation:?}: {}",
            truth.all.requests
        );
        let whole = report(folder.path(), 2, 16 << 20);
        check(&whole, &truth);
        let whole = json(&whole);
        for (threads, piece_size) in [(1, 16 << 20), (2, 100_000), (3, 1_000)] {
            let cut = json(&report(folder.path(), threads, piece_size));
            assert!(
                cut == whole,
                "{generation:?}: {threads} threads, pieces of {piece_size}"
            );
        }
    }
}
