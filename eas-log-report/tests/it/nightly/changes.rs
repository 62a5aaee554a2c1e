//! What a night says of changes, and that it is silent about chance.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::{Site, log_of};

pub(super) fn what_changed(site: &Site) {
    let changes = |date: &str| -> BTreeMap<String, Value> {
        let report = site.report_of(date);
        let sections = report["sections"].as_object().unwrap();
        let changes = sections.iter().filter(|(id, _)| id.starts_with("changes_"));
        changes
            .map(|(id, rows)| (id.clone(), rows.clone()))
            .collect()
    };
    let silent = &changes("2011-05-20")["changes_servers"];
    assert_eq!(silent[0]["server"], "192.0.2.3");
    assert!(silent[0]["usual_per_day"].as_i64() > Some(10), "{silent}");
    assert!(!changes("2011-05-22").contains_key("changes_servers"));
    let devices = &changes("2011-05-21")["changes_devices"];
    let failing = devices
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["device_id"] == "Appl50AB");
    let failing = failing.unwrap_or_else(|| panic!("{devices}"));
    assert_eq!(failing["change"], "newly failing");
    let again = changes("2011-05-23")
        .remove("changes_devices")
        .unwrap_or_default();
    let rows = again.as_array().cloned().unwrap_or_default();
    assert!(
        rows.iter().all(|row| row["device_id"] != "Appl50AB"),
        "{rows:?}"
    );
}

/// What the report of a night says of changes, and the sections that it has about them.
fn told(site: &Site, date: &str) -> (Vec<String>, String) {
    let report = site.report_of(date);
    let ids = report["sections"].as_object().unwrap().keys();
    let ids = ids.filter(|id| id.starts_with("changes_")).cloned();
    let text = fs::read_to_string(
        site.folder
            .path()
            .join(format!("store/reports/report-{date}.txt")),
    );
    (ids.collect(), text.unwrap())
}

/// Days that are like each other but for chance: nights are quiet. Devices fail now and then, loop
/// and storm on each of them.
#[test]
fn chance_is_no_news() {
    for seed in [1, 2] {
        let site = Site::new();
        for day in 1..=14 {
            for server in 0..2 {
                let log = log_of(
                    server,
                    day,
                    seed * 1000 + u64::from(day) * 10 + server as u64,
                );
                site.write(server, &format!("u_ex1105{day:02}.log"), &log);
            }
        }
        for day in 8..=14 {
            let date = format!("2011-05-{day:02}");
            site.night(&date);
            let (ids, text) = told(&site, &date);
            assert_eq!(ids, [""; 0], "{seed}: {text}");
            let quiet: Vec<&str> = text
                .lines()
                .skip_while(|line| *line != "What changed")
                .collect();
            assert!(quiet[1].starts_with("  Nothing changed: "), "{text}");
            assert_eq!(quiet[2], "", "one line says it all: {text}");
        }
    }
}

#[test]
fn nothing_is_said_of_a_quiet_night() {
    let site = Site::new();
    let name = |day: u32| format!("u_ex1105{day:02}.log");
    for day in 1..=9 {
        for server in 0..2 {
            let mut log = log_of(server, day, u64::from(day) * 10 + server as u64);
            if day == 9 {
                log = log.replace("iPhone3C1/801.293", "iPhone4C1/901.334");
                log = log.replace(" 200 0 0 ", " 500 0 0 ");
            }
            site.write(server, &name(day), &log);
        }
    }
    site.night("2011-05-08");
    site.night("2011-05-09");
    let changes = |date: &str| -> Vec<String> {
        let report = site.report_of(date);
        let ids = report["sections"].as_object().unwrap().keys();
        ids.filter(|id| id.starts_with("changes_"))
            .cloned()
            .collect()
    };
    assert_eq!(changes("2011-05-08"), [""; 0]);
    let all = [
        "changes_devices",
        "changes_users",
        "changes_clients",
        "changes_rising",
        "changes_hours",
    ];
    assert_eq!(changes("2011-05-09"), all);
}

pub(super) fn a_quiet_night_writes_nothing(site: &Site) {
    // The copies are gone, which the store takes notice of once.
    site.night("2011-05-30");
    let before = site.state();
    let out = site.night("2011-05-30");
    assert!(out.contains("read 0 bytes of 0 files"), "{out}");
    assert!(site.state() == before);
}
