//! Every device of the labelled population gets the verdict of its story, whatever the order of the
//! files, the number of threads and the size of the pieces.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use eas_log_benches::{Chain, Labelled, LabelledDevice};
use eas_log_report::analysis::{self, analyse};
use eas_log_report::ingest::{Options, ingest};
use eas_log_report::input::discover;
use eas_log_report::report::{Report, Value};
use tempfile::TempDir;

/// User in lower case without domain, and device id in upper case.
type Key = (String, String);

/// Devices of the large population.
const DEVICES: usize = 10_000;

/// The verdicts that there are.
const VERDICTS: [&str; 19] = [
    "disabled",
    "blocked",
    "auto_blocked",
    "quarantined",
    "not_provisionable",
    "provisioning_loop",
    "authentication",
    "redirected",
    "mailbox_full",
    "sync_loop",
    "resync",
    "storm",
    "throttled",
    "server_error",
    "gone_silent",
    "intermittent",
    "recovered",
    "unknown",
    "healthy",
];

fn written(devices: usize, seed: u64) -> (Labelled, TempDir) {
    let labelled = Labelled::generate(devices, seed);
    let folder = tempfile::tempdir().unwrap();
    labelled.write(folder.path()).unwrap();
    (labelled, folder)
}

fn report(paths: &[PathBuf], threads: usize, piece_size: u64) -> Report {
    let found = discover(paths);
    assert!(found.problems.is_empty(), "{:?}", found.problems);
    let options = Options {
        threads,
        piece_size,
        ..Options::default()
    };
    let ingested = ingest(&found.sources, &options, &());
    analyse(ingested, analysis::Options::default()).unwrap()
}

/// The account behind a name as logs write it, which is escaped in queries.
fn account(name: &str) -> String {
    let name = name.to_lowercase().replace("%5c", "\\").replace("%40", "@");
    let name = name.rsplit('\\').next().unwrap_or_default();
    name.split('@').next().unwrap_or_default().to_owned()
}

fn text(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("no text: {other:?}"),
    }
}

/// The verdicts of a report.
fn verdicts(report: &Report) -> BTreeMap<Key, String> {
    let section = report.section("devices").expect("a section of devices");
    let column = |key: &str| -> Vec<&str> { section.values(key).map(text).collect() };
    let (users, ids, verdicts) = (column("user"), column("device_id"), column("verdict"));
    assert_eq!(users.len(), section.rows.len());
    let rows: BTreeMap<Key, String> = users
        .iter()
        .zip(ids)
        .zip(verdicts)
        .map(|((user, id), verdict)| ((account(user), id.to_uppercase()), verdict.to_owned()))
        .collect();
    assert_eq!(rows.len(), section.rows.len(), "a device has one row");
    rows
}

/// Holds verdicts against the stories. What differs is counted by story, and shown by example.
fn check(labelled: &Labelled, found: &BTreeMap<Key, String>, what: &str) {
    let mut confusion: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    let mut examples = String::new();
    for device in &labelled.devices {
        let (key, story) = (device.key(), device.story);
        let verdict = found.get(&key).map_or("no row", String::as_str);
        if verdict != story.verdict {
            let wrong = confusion
                .entry((story.name, story.verdict, verdict))
                .or_default();
            *wrong += 1;
            if *wrong <= 2 && examples.lines().count() < 20 {
                let _ = writeln!(
                    examples,
                    "{} {}: {}, {:?}, {verdict}",
                    key.0, key.1, story.name, device.chain
                );
            }
        }
    }
    let table: String = confusion
        .iter()
        .map(|((story, want, got), devices)| format!("{story}: {want} -> {got}: {devices}\n"))
        .collect();
    assert!(
        table.is_empty(),
        "{what}: stories with wrong verdicts, and examples\n{table}\n{examples}"
    );
    assert_eq!(
        found.len(),
        labelled.devices.len(),
        "{what}: there are no other devices"
    );
}

/// How many devices there are of each.
fn count<K: Ord>(labelled: &Labelled, key: impl Fn(&LabelledDevice) -> K) -> BTreeMap<K, usize> {
    let mut counts = BTreeMap::new();
    for device in &labelled.devices {
        *counts.entry(key(device)).or_default() += 1;
    }
    counts
}

#[test]
fn every_verdict_and_every_story_occurs() {
    let labelled = Labelled::generate(DEVICES, 1);
    let verdicts = count(&labelled, |device| device.story.verdict);
    assert_eq!(
        verdicts.keys().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(VERDICTS)
    );
    let stories = count(&labelled, |device| device.story.name);
    let rare: Vec<_> = stories
        .iter()
        .filter(|&(_, &devices)| devices < 20)
        .collect();
    assert!(rare.is_empty(), "{rare:?}");
    let chains: BTreeMap<Chain, usize> = count(&labelled, |device| device.chain);
    assert!(chains.len() == 4 && chains.values().all(|&devices| devices > 1000));

    let healthy_and_not = |who: fn(Key) -> String| {
        let mut seen: BTreeMap<String, BTreeSet<bool>> = BTreeMap::new();
        for device in &labelled.devices {
            let healthy = device.story.verdict == "healthy";
            seen.entry(who(device.key())).or_default().insert(healthy);
        }
        seen.values().filter(|both| both.len() == 2).count()
    };
    let users = healthy_and_not(|(user, _)| user);
    assert!(
        users >= 20,
        "{users} users with a healthy device and another"
    );
    let ids = healthy_and_not(|(_, id)| id);
    assert!(
        ids >= 20,
        "{ids} device ids of a healthy device and another"
    );
}

#[test]
fn every_line_is_read_and_every_request_counts_once() {
    let (labelled, folder) = written(2_000, 2);
    let report = report(&[folder.path().to_owned()], 2, 16 << 20);
    let (tally, lines) = (report.tally(), lines(folder.path()));
    assert_eq!(tally.malformed(), 0);
    assert_eq!(tally.records + tally.directives, lines);
    assert_eq!(report.quality.bad_values(), 0);
    assert_eq!(report.counts.requests, tally.records);
    assert_eq!(report.totals.requests, labelled.requests() as u64);
    let users = count(&labelled, |device| device.key().0);
    assert_eq!(report.totals.users, users.len() as u64);
    let ids = count(&labelled, |device| device.key().1);
    assert_eq!(report.totals.devices, ids.len() as u64);
    let (from, to) = report.meta.period.unwrap();
    assert!(
        (4 * 86_400 - 120..4 * 86_400).contains(&(to - from)),
        "{}",
        to - from
    );
}

#[test]
fn every_device_gets_its_verdict() {
    let (labelled, folder) = written(DEVICES, 1);
    let report = report(&[folder.path().to_owned()], 2, 16 << 20);
    check(&labelled, &verdicts(&report), "the large population");
}

#[test]
fn threads_and_pieces_change_no_verdict() {
    for (devices, threads, piece_size) in [
        (500, 1, 16 << 20),
        (500, 2, 1_000),
        (2_000, 3, 100_000),
        (2_000, 1, 100_000),
        (2_000, 2, 16 << 20),
    ] {
        let (labelled, folder) = written(devices, 3);
        let report = report(&[folder.path().to_owned()], threads, piece_size);
        let what = format!("{devices} devices, {threads} threads, pieces of {piece_size}");
        check(&labelled, &verdicts(&report), &what);
    }
}

#[test]
fn the_order_of_files_changes_no_verdict() {
    let (labelled, folder) = written(2_000, 4);
    let files = files(folder.path());
    let backwards: Vec<PathBuf> = files.iter().rev().cloned().collect();
    let given = report(&backwards, 2, 100_000);
    check(&labelled, &verdicts(&given), "paths in another order");

    // Inputs are read in the order of their names.
    let renamed = tempfile::tempdir().unwrap();
    for (number, file) in backwards.iter().enumerate() {
        fs::rename(file, renamed.path().join(format!("{number:04}.log"))).unwrap();
    }
    let flipped = report(&[renamed.path().to_owned()], 2, 100_000);
    check(&labelled, &verdicts(&flipped), "names in another order");
}

/// The files below a folder, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn lines(folder: &Path) -> u64 {
    let of = |file: &PathBuf| {
        let text = fs::read(file).unwrap();
        text.iter().filter(|&&byte| byte == b'\n').count() as u64
    };
    files(folder).iter().map(of).sum()
}
