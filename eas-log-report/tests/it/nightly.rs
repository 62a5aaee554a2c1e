//! `nightly` and the store: the sums over the nights are those of one report over all logs, whatever
//! happens to the files and to the runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use mail_parser::MessageParser;
use serde_json::Value;

use crate::{Dice, command, run};

const SERVERS: [&str; 4] = ["CAS01", "CAS02", "CAS03", "CAS04"];

/// The log of a server on a day of May 2011. `version` tells what was rewritten from what was.
///
/// Devices sync, are refused, loop and storm, so that everything that facts hold is there: also runs
/// of requests in a minute, and of one sync key, that go on over every place where reading can stop.
fn log(server: usize, day: u32, version: u64) -> String {
    log_of(
        server,
        day,
        u64::from(day) * 100 + server as u64 * 10 + version,
    )
}

/// The log of a server on a day, of which a number decides what happens.
fn log_of(server: usize, day: u32, seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = format!(
        "#Software: Microsoft Internet Information Services 7.5\r\n#Version: 1.0\r\n#Date: 2011-05-{day:02} 00:00:0{server}\r\n\
         #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\r\n"
    );
    let mut second = 0;
    while second < 86_400 {
        let device = dice.below(9);
        let in_a_row = match dice.below(12) {
            0 if device >= 7 => 25,
            1 => 9,
            _ => 1,
        };
        for _ in 0..in_a_row {
            line(
                &mut text,
                &mut dice,
                server,
                day,
                second.min(86_399),
                device,
            );
            second += dice.below(3) as u32;
        }
        second += 300 + dice.below(1500) as u32;
    }
    text
}

fn line(text: &mut String, dice: &mut Dice, server: usize, day: u32, second: u32, device: u64) {
    let (agent, kind) = match device {
        0..4 => ("Apple-iPhone3C1/801.293", "iPhone"),
        4..7 => ("Android/0.3", "Android"),
        _ => ("MSFT-PPC/5.2.5082", "PocketPC"),
    };
    let user = if day.is_multiple_of(2) {
        format!("CONTOSO\\user{device}")
    } else {
        format!("user{device}")
    };
    // Only the last two devices have faults of their own.
    let outcome = dice.below(40);
    let outcome = if device < 7 { outcome.max(5) } else { outcome };
    // One device stops working on the 21st.
    let refused = device == 5 && day >= 21 || outcome == 0;
    let (log, status) = match outcome {
        _ if refused => (
            "V140_LdapC1_RpcC28_RpcL31_Pk0_Error:DeviceNotProvisioned_Mbx:MBX1_".to_owned(),
            "449 0 0",
        ),
        1 => (
            "V140_Fc1_Fid:5_Ty:Em_Filt3_St:F_Sk:0_RpcC9_Mbx:MBX2_".to_owned(),
            "200 0 0",
        ),
        2 => (
            "V140_S144_Error:UserDisabledForSync_As:BlockedG_".to_owned(),
            "403 0 0",
        ),
        3 => ("V140_Error:ServerBusy_Throttle1500_".to_owned(), "503 0 64"),
        4 => (String::new(), "401 1 5"),
        _ => (
            format!(
                "V140_Fc1_Fid:5_Ty:Em_Filt3_St:S_Sk:{}_RpcC57_RpcL300_SST4_Pk77_Mbx:MBX{}_",
                1000 + second / 3600,
                1 + server % 2
            ),
            "200 0 0",
        ),
    };
    let command = if outcome % 4 == 3 { "Ping" } else { "Sync" };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    writeln!(
        text,
        "2011-05-{day:02} {hour:02}:{minute:02}:{second:02} 192.0.2.{server} POST /Microsoft-Server-ActiveSync/default.eas User=user{device}&DeviceId=Appl{device}0AB&DeviceType={kind}&Cmd={command}&Log={log} 443 {user} 198.51.100.{device} {agent} {status} {}\r",
        dice.below(900)
    )
    .unwrap();
    if outcome == 9 {
        text.push_str("a line that is cut\r\n");
    }
    if outcome == 10 {
        writeln!(text, "2011-05-{day:02} {hour:02}:{minute:02}:{second:02} 192.0.2.{server} GET /owa/ - 443 - 198.51.100.9 Mozilla 200 0 0 5\r").unwrap();
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder of logs, and a store beside it.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        for server in SERVERS {
            fs::create_dir_all(folder.path().join("logs").join(server)).unwrap();
        }
        Site { folder }
    }

    fn logs(&self) -> String {
        self.folder.path().join("logs").to_str().unwrap().to_owned()
    }

    fn store(&self) -> String {
        self.folder
            .path()
            .join("store")
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn path(&self, server: usize, name: &str) -> PathBuf {
        self.folder
            .path()
            .join("logs")
            .join(SERVERS[server])
            .join(name)
    }

    /// Writes the first part of a log, which is what a server has written by then.
    fn write(&self, server: usize, name: &str, text: &str) {
        fs::write(self.path(server, name), text).unwrap();
    }

    fn nightly(&self, more: &[&str]) -> (String, String, i32) {
        let (logs, store) = (self.logs(), self.store());
        run(&[&["nightly", "--logs", &logs, "--store", &store], more].concat())
    }

    /// A night that must go well.
    fn night(&self, date: &str) -> String {
        let (out, err, code) = self.nightly(&["--date", date]);
        assert_eq!(code, 0, "{date}: {err}");
        out
    }

    fn report(&self, more: &[&str]) -> Value {
        report(&self.store(), more)
    }

    /// The report of a night.
    fn report_of(&self, date: &str) -> Value {
        let path = self
            .folder
            .path()
            .join(format!("store/reports/report-{date}.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The report over the logs themselves.
    fn direct(&self, more: &[&str]) -> Value {
        let logs = self.logs();
        crate::json(&[&[logs.as_str()], more].concat())
    }

    /// Every file of the store with its content.
    fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(&self.folder.path().join("store"))
    }
}

fn report(store: &str, more: &[&str]) -> Value {
    crate::json(&[&["report", "--store", store], more].concat())
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// Reports of the same requests are the same but for the filters that they name.
fn assert_same(mut a: Value, mut b: Value, why: &str) {
    for report in [&mut a, &mut b] {
        report["meta"]["filters"].take();
    }
    for key in ["meta", "input", "totals", "findings"] {
        assert_eq!(a[key], b[key], "{why}: {key}");
    }
    let (a, b) = (
        a["sections"].as_object().unwrap(),
        b["sections"].as_object().unwrap(),
    );
    for (id, rows) in a {
        assert_eq!(rows, &b[id], "{why}: {id}");
    }
    assert_eq!(a.len(), b.len(), "{why}");
}

/// A file as far as it is written after so many hours of its day, in the middle of a line.
fn so_far(text: &str, day: u32, hour: u32) -> &str {
    let time = format!("2011-05-{day:02} {hour:02}:");
    match text.find(&time) {
        Some(at) => &text[..at + 40],
        None => text,
    }
}

const LAST: u32 = 30;

/// A month of four servers: logs grow while they are read, are rotated, compressed, moved, copied,
/// rewritten and late, and some nights are missed.
fn live_through(site: &Site, nights: &mut BTreeSet<u32>) {
    for day in 1..=LAST {
        let name = |day: u32| format!("u_ex1105{day:02}.log");
        // What is written by the night after this day, at two o'clock.
        for server in 0..4 {
            let late = (server, day) == (0, 10);
            if server != 3 && !late {
                site.write(server, &name(day), &log(server, day, 0));
                if day < LAST {
                    site.write(
                        server,
                        &name(day + 1),
                        so_far(&log(server, day + 1, 0), day + 1, 2),
                    );
                }
            }
        }
        // This server writes to one name, and renames what is full. On the 20th it is down.
        if day > 1 && day != 21 {
            fs::rename(
                site.path(3, "current.log"),
                site.path(3, &format!("old-{:02}.log", day - 1)),
            )
            .unwrap();
        }
        if day != 20 {
            site.write(3, "current.log", &log(3, day, 0));
        }
        if day == 14 {
            site.write(0, &name(10), &log(0, 10, 0));
        }
        if day == 13 {
            // Truncated, and written anew.
            site.write(1, &name(12), &log(1, 12, 1));
        }
        if day > 2 {
            let old = site.path(1, &name(day - 2));
            let packed = gzip(&fs::read(&old).unwrap());
            fs::write(old.with_extension("log.gz"), packed).unwrap();
            fs::remove_file(old).unwrap();
        }
        if day > 3 {
            let archive = site.path(2, "archive");
            fs::create_dir_all(&archive).unwrap();
            fs::rename(site.path(2, &name(day - 3)), archive.join(name(day - 3))).unwrap();
        }
        if day == 17 {
            let copy = site.folder.path().join("logs/copies");
            fs::create_dir_all(&copy).unwrap();
            fs::copy(site.path(0, &name(16)), copy.join("a.log")).unwrap();
            fs::write(copy.join("b.gz"), gzip(log(2, 17, 0).as_bytes())).unwrap();
        }
        if matches!(day, 7 | 8 | 19) {
            continue;
        }
        nights.insert(day);
        site.night(&format!("2011-05-{day:02}"));
        if day % 5 == 0 {
            let before = site.state();
            let out = site.night(&format!("2011-05-{day:02}"));
            assert!(out.contains("read 0 bytes of 0 files"), "{out}");
            assert!(site.state() == before, "night {day} again");
        }
    }
}

#[test]
fn the_sums_over_the_nights_are_those_of_all_logs() {
    let site = Site::new();
    let mut nights = BTreeSet::new();
    live_through(&site, &mut nights);
    assert_eq!(nights.len(), 27);
    fs::remove_dir_all(site.folder.path().join("logs/copies")).unwrap();
    assert_same(site.report(&[]), site.direct(&[]), "all days");
    let span = ["--from", "2011-05-09", "--to", "2011-05-15"];
    let stored = site.report(&span);
    let direct = site.direct(&["--since", "2011-05-09", "--until", "2011-05-15"]);
    for key in ["findings", "sections"] {
        assert_eq!(stored[key], direct[key], "{key}");
    }
    assert_eq!(stored["totals"]["requests"], direct["totals"]["requests"]);

    // The report of a night is that of its day, also where the day was completed later.
    for day in ["2011-05-10", "2011-05-12", "2011-05-30"] {
        let mut night = site.report_of(day);
        let sections = night["sections"].as_object_mut().unwrap();
        sections.retain(|id, _| !id.starts_with("changes_"));
        let direct = site.report(&["--from", day, "--to", day]);
        assert_same(night, direct, day);
    }
    what_changed(&site);
    a_quiet_night_writes_nothing(&site);
    however_many_days_the_stack_is_as_deep(&site);
}

/// Threads that wait for each other within days would stack up day upon day.
fn however_many_days_the_stack_is_as_deep(site: &Site) {
    let mut report = command();
    report.env("RUST_MIN_STACK", "1000000");
    let output = report
        .args(["report", "--store", &site.store()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn what_changed(site: &Site) {
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

fn a_quiet_night_writes_nothing(site: &Site) {
    // The copies are gone, which the store takes notice of once.
    site.night("2011-05-30");
    let before = site.state();
    let out = site.night("2011-05-30");
    assert!(out.contains("read 0 bytes of 0 files"), "{out}");
    assert!(site.state() == before);
}

/// Two days of two servers, as they are on the first night and on the second.
fn two_nights(site: &Site, night: u32) {
    for server in 0..2 {
        site.write(server, "u_ex110501.log", &log(server, 1, 0));
        let next = log(server, 2, 0);
        let next = if night == 1 {
            so_far(&next, 2, 2)
        } else {
            &next
        };
        site.write(server, "u_ex110502.log", next);
    }
}

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
fn a_second_run_is_refused() {
    let site = Site::new();
    two_nights(&site, 1);
    site.night("2011-05-01");
    let before = site.state();
    let lock = File::open(site.folder.path().join("store/lock")).unwrap();
    lock.lock().unwrap();
    two_nights(&site, 2);
    let (_, err, code) = site.nightly(&["--date", "2011-05-02"]);
    assert_eq!(code, 2);
    assert!(err.contains("another run is at work on the store"), "{err}");
    assert!(site.state() == before);
    // A process that is gone holds nothing, whatever it left there.
    drop(lock);
    site.night("2011-05-02");
}

#[test]
fn a_log_that_grows_while_it_is_read() {
    let site = Site::new();
    let whole = log(0, 3, 0);
    let path = site.path(0, "u_ex110503.log");
    fs::write(&path, &whole[..300]).unwrap();
    let writer = std::thread::spawn({
        let (path, whole) = (path.clone(), whole.clone());
        move || {
            let mut file = File::options().append(true).open(path).unwrap();
            for piece in whole.as_bytes()[300..].chunks(997) {
                file.write_all(piece).unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let mut runs = 0;
    while !writer.is_finished() || runs < 3 {
        site.night("2011-05-03");
        runs += 1;
    }
    writer.join().unwrap();
    site.night("2011-05-03");
    assert_eq!(fs::read_to_string(path).unwrap(), whole);
    assert_same(site.report(&[]), site.direct(&[]), "grown");
}

#[test]
fn a_last_line_waits_until_nobody_writes() {
    let site = Site::new();
    let whole = log(0, 3, 0);
    let open = whole.trim_end();
    site.write(0, "u_ex110503.log", open);
    site.night("2011-05-03");
    let lines = |report: Value| report["input"]["lines"].as_u64().unwrap();
    let all = lines(site.direct(&[]));
    assert_eq!(lines(site.report(&[])), all - 1);
    site.write(0, "u_ex110506.log", &log(0, 6, 0));
    let old = SystemTime::now() - Duration::from_secs(3 * 86_400);
    let file = File::options()
        .append(true)
        .open(site.path(0, "u_ex110503.log"))
        .unwrap();
    file.set_modified(old).unwrap();
    site.night("2011-05-06");
    assert_same(site.report(&[]), site.direct(&[]), "finished");
    // And if it goes on all the same, what was counted as its last line is withdrawn.
    site.write(
        0,
        "u_ex110503.log",
        &format!("{open} more\r\n{}", log(0, 4, 0)),
    );
    site.night("2011-05-06");
    assert_same(site.report(&[]), site.direct(&[]), "gone on");
}

#[test]
fn days_of_a_zone() {
    let site = Site::new();
    for day in 1..=3 {
        site.write(0, &format!("u_ex1105{day:02}.log"), &log(0, day, 0));
    }
    let (_, err, code) = site.nightly(&["--date", "2011-05-02", "--tz", "Asia/Kathmandu"]);
    assert_eq!(code, 0, "{err}");
    assert_same(site.report(&[]), site.direct(&[]), "all days");
    let span = ["--since", "2011-05-01T18:15", "--until", "2011-05-02T18:14"];
    let direct = site.direct(&span);
    let stored = site.report(&["--from", "2011-05-02", "--to", "2011-05-02"]);
    assert_eq!(stored["totals"]["requests"], direct["totals"]["requests"]);
    assert_eq!(stored["sections"]["hours"], direct["sections"]["hours"]);
    let (_, err, code) = site.nightly(&["--tz", "UTC"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("days in the zone Asia/Kathmandu, not UTC"),
        "{err}"
    );
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

#[test]
fn stores_of_servers_are_merged() {
    let site = Site::new();
    two_nights(&site, 2);
    let mut stores = Vec::new();
    for server in 0..2 {
        let logs = site.path(server, "");
        let store = site.folder.path().join(format!("store{server}"));
        let store = store.to_str().unwrap().to_owned();
        let (_, err, code) = run(&[
            "nightly",
            "--logs",
            logs.to_str().unwrap(),
            "--store",
            &store,
            "--date",
            "2011-05-01",
        ]);
        assert_eq!(code, 0, "{err}");
        stores.push(store);
    }
    let sum = site.store();
    for _ in 0..2 {
        let (_, err, code) = run(&["store", "merge", &stores[0], &stores[1], "--into", &sum]);
        assert_eq!(code, 0, "{err}");
        let mut merged = site.report(&[]);
        let mut direct = site.direct(&[]);
        // A folder may be named with a separator at its end.
        for report in [&mut merged, &mut direct] {
            let text = report.to_string().replace("//", "/");
            *report = serde_json::from_str(&text).unwrap();
        }
        assert_same(merged, direct, "merged");
    }
    let (_, err, code) = run(&["store", "merge", &sum, "--into", &stores[0]]);
    assert_eq!(code, 2);
    assert!(err.contains("was filled from logs"), "{err}");
}

#[test]
fn old_days_are_dropped_and_not_read_again() {
    let site = Site::new();
    for day in 1..=5 {
        site.write(0, &format!("u_ex1105{day:02}.log"), &log(0, day, 0));
    }
    site.night("2011-05-05");
    let store = site.store();
    let (out, err, code) = run(&["store", "prune", &store, "--keep-days", "2"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("3 days dropped"), "{out}");
    let direct = site.direct(&["--since", "2011-05-04"]);
    assert_eq!(site.report(&[])["sections"], direct["sections"]);
    let out = site.night("2011-05-05");
    assert!(out.contains("read 0 bytes"), "{out}");
    let (_, err, code) = run(&["report", "--store", &store, "--to", "2011-05-03"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("it has days from 2011-05-04 to 2011-05-05"),
        "{err}"
    );
}

#[test]
fn settings_of_a_file_and_what_would_be_done() {
    let site = Site::new();
    two_nights(&site, 1);
    let config = site.folder.path().join("nightly.toml");
    let text = format!(
        "logs = ['{}']\nstore = '{}'\ndate = '2011-05-07'\nformat = ['markdown']\n",
        site.logs(),
        site.store()
    );
    fs::write(&config, &text).unwrap();
    let config = config.to_str().unwrap();
    let (out, err, code) = run(&["nightly", "--config", config, "--check"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("u_ex110501.log: would be read"), "{out}");
    assert!(
        out.contains("the report of 2011-05-07 (UTC) would be written"),
        "{out}"
    );
    assert!(!site.folder.path().join("store").exists());
    let (_, err, code) = run(&["nightly", "--config", config, "--date", "2011-05-01"]);
    assert_eq!(code, 0, "{err}");
    let reports: Vec<PathBuf> = files(&site.folder.path().join("store/reports"))
        .into_keys()
        .collect();
    assert_eq!(reports.len(), 1);
    assert!(
        reports[0].ends_with("report-2011-05-01.md"),
        "the command line wins: {reports:?}"
    );
    fs::write(config, format!("{text}stoer = 'x'\n")).unwrap();
    let (_, err, code) = run(&["nightly", "--config", config]);
    assert_eq!(code, 2);
    assert!(err.contains("stoer"), "{err}");
    let cases: [(&[&str], &str); 4] = [
        (&["nightly", "--store", "x"], "name the logs"),
        (&["nightly", "--logs", "x"], "name the folder of the store"),
        (
            &["nightly", "--logs", "x", "--store", "y", "--tz", "Mars"],
            "not the name of a time zone",
        ),
        (
            &["nightly", "--logs", "x", "--store", "y", "--date", "today"],
            "expected a date",
        ),
    ];
    for (arguments, want) in cases {
        let (_, err, code) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(err.contains(want), "{err}");
    }
}

#[test]
fn the_night_mails_watches_and_hides_names() {
    let site = Site::new();
    two_nights(&site, 1);
    two_nights(&site, 2);
    let path = |name: &str| site.folder.path().join(name);
    let config = path("nightly.toml");
    fs::write(path("key"), "some random text for a test\n").unwrap();
    let text = format!(
        "logs = ['{}']\nstore = '{}'\ndate = '2011-05-01'\nformat = ['json']\n\
         fail_on = ['failed>0']\nprometheus = '{}'\npseudonymize = '{}'\n\
         [mail]\nto = ['helpdesk@contoso.com']\nfrom = 'eas@contoso.com'\nwhen = 'changes'\neml = '{}'\n",
        site.logs(),
        site.store(),
        path("eas.prom").display(),
        path("key").display(),
        path("night.eml").display(),
    );
    fs::write(&config, text).unwrap();
    let night = |date: &str| {
        let config = config.to_str().unwrap();
        let (_, err, code) = run(&["nightly", "--config", config, "--date", date]);
        assert!(err.contains("--fail-on failed>0 holds"), "{err}");
        assert_eq!(code, 3, "{err}");
    };
    // On the first night there is nothing to compare with.
    night("2011-05-01");
    assert!(!path("night.eml").exists());
    assert!(
        fs::read_to_string(path("eas.prom"))
            .unwrap()
            .contains("eas_requests ")
    );
    let report = path("store/reports/report-2011-05-01.json");
    let report = fs::read_to_string(report).unwrap();
    assert!(report.contains("\"user-"), "pseudonyms stand in the report");
    // On the second a device is blocked that was not there, and the mail hides names too.
    let blocked = "2011-05-02 09:00:00 192.0.2.1 POST /Microsoft-Server-ActiveSync/default.eas \
                   User=user99&DeviceId=Appl990AB&DeviceType=iPhone&Cmd=Sync&\
                   Log=V140_Error:DeviceIsBlockedForThisUser_As:BlockedD_ 443 user99 198.51.100.99 \
                   Apple-iPhone3C1/801.293 403 0 0 5\r\n";
    let first = log(0, 2, 1);
    let fields = first
        .lines()
        .find(|line| line.starts_with("#Fields"))
        .unwrap();
    site.write(
        0,
        "u_ex110502_x.log",
        &format!("{fields}\r\n{}", blocked.repeat(3)),
    );
    night("2011-05-02");
    let mail = fs::read_to_string(path("night.eml")).unwrap();
    assert!(mail.contains("helpdesk@contoso.com"), "{mail}");
    let parsed = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let subject = parsed.subject().unwrap();
    assert!(subject.starts_with("ActiveSync 2011-05-02: "), "{subject}");
    assert!(subject.contains(" newly failing"), "{subject}");
    let bodies = [parsed.body_text(0).unwrap(), parsed.body_html(0).unwrap()];
    for body in bodies {
        let (news, findings) = (body.find("What changed"), body.find("Findings ("));
        assert!(news.is_some() && news < findings, "{body}");
        let told = &body[news.unwrap()..findings.unwrap()];
        assert!(told.contains("newly fail"), "{told}");
        assert!(told.contains("; the day before: "), "{told}");
        assert!(told.contains("user-") && !told.contains("Appl"), "{told}");
    }
    // The same again is no news.
    fs::remove_file(path("night.eml")).unwrap();
    night("2011-05-02");
    assert!(!path("night.eml").exists());

    // Spans of the store compare.
    let store = site.store();
    let spans = [
        "compare",
        "--store",
        &store,
        "--before",
        "2011-05-01",
        "--after",
        "2011-05-02",
    ];
    let found = crate::json(&spans);
    assert_eq!(
        found["before_first_seen"].as_str().unwrap()[..10],
        *"2011-05-01"
    );
    assert_eq!(
        found["after_last_seen"].as_str().unwrap()[..10],
        *"2011-05-02"
    );
    for (arguments, says) in [
        (
            &["compare", "--store", &store, "--before", "2011-05-01"][..],
            "expected --after",
        ),
        (
            &[
                "compare", "--store", &store, "--before", "x", "--after", "y",
            ],
            "found 'x'",
        ),
        (
            &[
                "compare",
                "--store",
                &store,
                "--before",
                "2012-01-01",
                "--after",
                "2012-01-02",
            ],
            "no day of that span",
        ),
    ] {
        let (_, err, code) = run(arguments);
        assert_eq!(code, 2);
        assert!(err.contains(says), "{err}");
    }
}
