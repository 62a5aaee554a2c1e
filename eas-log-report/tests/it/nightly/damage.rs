//! Crashes, full disks and damaged stores: nothing that was read is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Site, assert_same, report, two_nights};
use crate::{command, run};

/// Only programs for tests crash on demand.
#[cfg(debug_assertions)]
#[test]
fn a_crash_at_any_step_leaves_the_old_state_or_the_new() {
    let reference = Site::new();
    two_nights(&reference, 1);
    reference.night("2011-05-01");
    let old = reference.report(&[]);
    two_nights(&reference, 2);
    reference.night("2011-05-02");
    let new = reference.report(&[]);
    let paths = |report: &Value, site: &Site| {
        let text = report.to_string();
        let path = site.folder.path().to_str().unwrap();
        serde_json::from_str::<Value>(&text.replace(path, "")).unwrap()
    };
    let (old, new) = (paths(&old, &reference), paths(&new, &reference));
    assert_ne!(old, new);
    let steps = [
        ("table:1", true),
        ("table:2", true),
        ("table:9", true),
        ("before_manifest", true),
        ("after_manifest", false),
        ("after_cleaning", false),
        ("before_reports", false),
        ("report:1", false),
        ("report:3", false),
    ];
    for (step, is_old) in steps {
        let site = Site::new();
        two_nights(&site, 1);
        site.night("2011-05-01");
        two_nights(&site, 2);
        let (logs, store) = (site.logs(), site.store());
        let killed = command()
            .args([
                "nightly",
                "--logs",
                &logs,
                "--store",
                &store,
                "--date",
                "2011-05-02",
            ])
            .env("EAS_LOG_REPORT_FAIL_AT", step)
            .output()
            .unwrap();
        assert!(!killed.status.success(), "{step} was not passed");
        let left = paths(&site.report(&[]), &site);
        assert!(
            left == if is_old { old.clone() } else { new.clone() },
            "{step}"
        );
        site.night("2011-05-02");
        assert_eq!(paths(&site.report(&[]), &site), new, "{step}");
        let night = |site: &Site| paths(&site.report_of("2011-05-02"), site);
        assert_eq!(night(&site), night(&reference), "{step}");
        let names = |site: &Site| -> Vec<PathBuf> {
            let folder = site.folder.path();
            site.state()
                .into_keys()
                .map(|path| path.strip_prefix(folder).unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            names(&site),
            names(&reference),
            "{step} left something behind"
        );
    }
}

/// A limit on the size of files is met as a full disk is: by an error of a write.
#[cfg(unix)]
#[test]
fn a_full_disk_leaves_the_old_state() {
    let site = Site::new();
    two_nights(&site, 1);
    site.night("2011-05-01");
    let before = site.state();
    two_nights(&site, 2);
    let script = format!(
        "trap '' XFSZ; ulimit -f 4; exec '{}' nightly --logs '{}' --store '{}' --date 2011-05-02",
        env!("CARGO_BIN_EXE_eas-log-report"),
        site.logs(),
        site.store()
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("cannot write "), "{err}");
    assert!(site.state() == before);
    site.night("2011-05-02");
    assert_same(site.report(&[]), site.direct(&[]), "with room again");
}

#[test]
fn a_damaged_table_is_set_aside_and_read_again() {
    let site = Site::new();
    two_nights(&site, 2);
    site.night("2011-05-02");
    let good = site.report(&[]);
    let table = site
        .state()
        .into_keys()
        .find(|path| path.to_str().unwrap().contains("day=2011-05-02/cells-"))
        .unwrap();
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    let store = site.store();
    let (out, _, code) = run(&["store", "status", &store]);
    assert_eq!(code, 1);
    assert!(out.contains("damaged: ") && out.contains("cells-"), "{out}");
    let (_, err, code) = run(&["report", "--store", &store]);
    assert_eq!(code, 2);
    assert!(
        err.contains("is damaged") && err.contains("store rebuild"),
        "{err}"
    );
    assert!(table.with_extension("parquet.damaged").exists());
    let logs = site.logs();
    let (out, err, code) = run(&["store", "rebuild", &store, "--logs", &logs]);
    assert_eq!(code, 0, "{out}{err}");
    assert_same(site.report(&[]), good.clone(), "rebuilt");

    let manifest = site.folder.path().join("store/manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replacen("requests", "requestz", 1)).unwrap();
    let (_, err, code) = site.nightly(&["--date", "2011-05-02"]);
    assert_eq!(code, 2);
    assert!(err.contains("manifest.json is damaged"), "{err}");
    let (out, err, code) = run(&["store", "rebuild", &store, "--logs", &logs]);
    assert_eq!(code, 0, "{out}{err}");
    assert_same(site.report(&[]), good, "from the start");
}

/// A store of two nights, and what it says.
fn filled(site: &Site) -> Value {
    two_nights(site, 1);
    site.night("2011-05-01");
    two_nights(site, 2);
    site.night("2011-05-02");
    site.report(&[])
}

/// Deletes the logs of a day, as is done when they are old.
fn delete_logs(site: &Site, day: u32) {
    for server in 0..2 {
        fs::remove_file(site.path(server, &format!("u_ex1105{day:02}.log"))).unwrap();
    }
}

fn set_aside(site: &Site) -> usize {
    let names = site.state().into_keys();
    names
        .filter(|path| path.to_string_lossy().contains(".damaged"))
        .count()
}

#[test]
fn no_day_is_lost_with_the_manifest() {
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 3] = [
        ("changed", |path| {
            let text = fs::read_to_string(path).unwrap();
            fs::write(path, text.replacen("requests", "requestz", 1)).unwrap();
        }),
        ("empty", |path| fs::write(path, "").unwrap()),
        ("gone", |path| fs::remove_file(path).unwrap()),
    ];
    let site = Site::new();
    let good = filled(&site);
    delete_logs(&site, 1);
    let manifest = site.folder.path().join("store/manifest.json");
    for (number, (damage, apply)) in damages.into_iter().enumerate() {
        let before = site.state();
        apply(&manifest);
        let (_, err, code) = site.nightly(&["--date", "2011-05-02"]);
        assert_eq!(code, 2, "{damage}");
        assert!(err.contains("store rebuild"), "{err}");
        let (out, err, code) = run(&["store", "rebuild", &site.store(), "--logs", &site.logs()]);
        assert_eq!(code, 0, "{damage}: {out}{err}");
        assert!(out.contains("2 days were taken over"), "{out}");
        assert!(out.contains("read 0 bytes"), "{out}");
        assert_same(site.report(&[]), good.clone(), damage);
        // Each damaged manifest is kept, and every table.
        assert_eq!(set_aside(&site), (number + 1).min(2), "{damage}");
        let tables = |state: &BTreeMap<PathBuf, Vec<u8>>| -> Vec<PathBuf> {
            let tables = state
                .keys()
                .filter(|path| path.extension().is_some_and(|end| end == "parquet"));
            tables.cloned().collect()
        };
        assert_eq!(tables(&before), tables(&site.state()), "{damage}");
        site.night("2011-05-02");
    }
}

#[test]
fn all_that_is_there_is_read_again() {
    let site = Site::new();
    let good = filled(&site);
    delete_logs(&site, 1);
    let (out, err, code) = run(&[
        "store",
        "rebuild",
        &site.store(),
        "--logs",
        &site.logs(),
        "--all",
    ]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("of 2 files; 1 days written"), "{out}");
    assert_same(site.report(&[]), good, "read again");
    assert_eq!(set_aside(&site), 0);
    site.night("2011-05-02");
}

#[cfg(debug_assertions)]
#[test]
fn a_manifest_that_is_lost_in_a_crash_is_made_of_one_state() {
    for step in ["table:3", "table:12", "before_manifest", "after_manifest"] {
        let site = Site::new();
        two_nights(&site, 1);
        site.night("2011-05-01");
        two_nights(&site, 2);
        crash(&site, step, &["--date", "2011-05-02"]);
        fs::write(site.folder.path().join("store/manifest.json"), "x").unwrap();
        let (out, err, code) = run(&["store", "rebuild", &site.store(), "--logs", &site.logs()]);
        assert_eq!(code, 0, "{step}: {out}{err}");
        assert_same(site.report(&[]), site.direct(&[]), step);
    }
}

#[test]
fn one_damaged_table_costs_its_day_at_most() {
    let site = Site::new();
    filled(&site);
    let day = |day: &str| site.report(&["--from", day, "--to", day]);
    let second = day("2011-05-02");
    delete_logs(&site, 1);
    let cells = site
        .state()
        .into_keys()
        .find(|path| path.to_str().unwrap().contains("day=2011-05-01/cells-"))
        .unwrap();
    fs::write(cells, "no table").unwrap();
    let rebuild = || run(&["store", "rebuild", &site.store(), "--logs", &site.logs()]);
    let (out, err, code) = rebuild();
    assert_eq!(code, 1, "{out}{err}");
    assert!(
        err.contains("requests of 2011-05-01") && err.contains("lost"),
        "{err}"
    );
    assert_eq!(day("2011-05-02")["sections"], second["sections"]);
    // All tables of the day are kept for whoever can make something of them.
    assert!(set_aside(&site) > 5);
    let whole = site.report(&[]);
    let totals = &whole["totals"];
    let sum: i64 = [
        "requests",
        "filtered_out",
        "probes",
        "internal",
        "other_records",
    ]
    .iter()
    .map(|key| totals[key].as_i64().unwrap())
    .sum();
    assert_eq!(
        whole["input"]["records"], sum,
        "every record is accounted for"
    );
    let (out, _, code) = run(&["store", "status", &site.store()]);
    assert_eq!(code, 1);
    assert!(out.contains("lost: "), "{out}");
    // The report of that day knew more than the store does now.
    let report = site.report_of("2011-05-01");
    site.night("2011-05-02");
    let (_, err, code) = site.nightly(&["--date", "2011-05-01"]);
    assert_eq!(code, 0, "{err}");
    assert_eq!(site.report_of("2011-05-01"), report);
    // The logs come back.
    two_nights(&site, 2);
    let (out, err, code) = rebuild();
    assert_eq!(code, 0, "{out}{err}");
    assert_same(site.report(&[]), site.direct(&[]), "mended");
}

/// Runs a night that crashes at a step.
#[cfg(debug_assertions)]
fn crash(site: &Site, step: &str, more: &[&str]) {
    let (logs, store) = (site.logs(), site.store());
    let night = ["nightly", "--logs", &logs, "--store", &store];
    crash_of(step, &[&night, more].concat());
}

#[cfg(debug_assertions)]
fn crash_of(step: &str, arguments: &[&str]) {
    let killed = command()
        .args(arguments)
        .env("EAS_LOG_REPORT_FAIL_AT", step)
        .output()
        .unwrap();
    assert!(!killed.status.success(), "{step} was not passed");
}

#[cfg(debug_assertions)]
#[test]
fn a_crash_while_days_are_dropped_or_stores_are_merged() {
    let site = Site::new();
    filled(&site);
    let night = ["--date", "2011-05-02", "--keep-days", "1"];
    let store = site.store();
    for step in ["before_prune", "before_manifest"] {
        crash(&site, step, &night);
        let (_, err, code) = run(&["store", "status", &store]);
        assert_eq!(code, 0, "{step}: {err}");
        assert_eq!(
            site.report(&[])["totals"],
            site.direct(&[])["totals"],
            "{step}"
        );
    }
    let before = site.report_of("2011-05-02");
    for step in ["after_manifest", "none"] {
        if step == "none" {
            site.nightly(&night);
        } else {
            crash(&site, step, &night);
        }
        let kept = site.report(&[]);
        let direct = site.direct(&["--since", "2011-05-02"]);
        assert_eq!(kept["sections"], direct["sections"], "{step}");
        assert_eq!(kept["totals"]["requests"], direct["totals"]["requests"]);
        assert_eq!(site.report_of("2011-05-02"), before, "{step}");
    }
    // With the days of the week before gone, the night is no other one.
    let state = site.state();
    let (out, err, code) = site.nightly(&night);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("is as it was"), "{out}");
    assert!(site.state() == state);

    let other = Site::new();
    filled(&other);
    let sum = site.folder.path().join("sum");
    let sum = sum.to_str().unwrap();
    let merge = ["store", "merge", &store, &other.store(), "--into", sum];
    let into_itself = ["store", "merge", &store, "--into", &store];
    let (_, err, code) = run(&into_itself);
    assert_eq!(code, 2);
    assert!(
        err.contains("one of the stores that are to be merged"),
        "{err}"
    );
    let (_, err, code) = run(&merge);
    assert_eq!(code, 0, "{err}");
    let good = report(sum, &[]);
    for step in ["table:2", "before_manifest", "after_manifest"] {
        crash_of(step, &merge);
        assert_same(report(sum, &[]), good.clone(), step);
    }
    let (_, err, code) = run(&merge);
    assert_eq!(code, 0, "{err}");
    assert_same(report(sum, &[]), good, "again");
}

/// A file system that is really full, where one can be mounted.
#[cfg(target_os = "linux")]
#[test]
#[allow(clippy::print_stderr, reason = "a test that is skipped says so")]
fn a_small_file_system_that_is_full_leaves_the_old_state() {
    let site = Site::new();
    let store = site.folder.path().join("store");
    fs::create_dir(&store).unwrap();
    let mount = |options: &str| {
        let mut mount = std::process::Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&store);
        mount.stderr(std::process::Stdio::null());
        mount.status().is_ok_and(|status| status.success())
    };
    if !mount("size=4m") {
        eprintln!("skipped: only root can mount a small file system");
        return;
    }
    let _mounted = Mounted(store.clone());
    two_nights(&site, 1);
    site.night("2011-05-01");
    let before = site.state();
    let old = site.report(&[]);
    two_nights(&site, 2);
    let mut full_at = BTreeSet::new();
    // From no room at all to room for all, so that every step meets the end once.
    for kilobytes in (0..400).step_by(16) {
        let filler = store.join("filler");
        let room = 4 << 20;
        let used = std::process::Command::new("du")
            .args(["-sk"])
            .arg(&store)
            .output()
            .unwrap();
        let used = String::from_utf8(used.stdout).unwrap();
        let used: usize = used.split_whitespace().next().unwrap().parse().unwrap();
        fs::write(&filler, vec![0; room - (used + kilobytes) * 1024]).unwrap();
        let (_, err, code) = site.nightly(&["--date", "2011-05-02"]);
        fs::remove_file(&filler).unwrap();
        if code == 0 {
            break;
        }
        assert_eq!(code, 2, "{err}");
        full_at.insert(err.contains("manifest") || err.contains("parquet"));
        if site.report(&[]) == old {
            let now = site.state();
            assert!(
                before
                    .iter()
                    .all(|(path, bytes)| now.get(path) == Some(bytes))
            );
        } else {
            assert_same(
                site.report(&[]),
                site.direct(&[]),
                "only a report was not written",
            );
        }
    }
    assert!(full_at.contains(&true), "it was never full");
    site.night("2011-05-02");
    assert_same(site.report(&[]), site.direct(&[]), "with room again");
}

#[cfg(target_os = "linux")]
struct Mounted(PathBuf);

#[cfg(target_os = "linux")]
impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}
