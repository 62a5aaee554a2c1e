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

use crate::smtp_server::{Server, Setup};
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
            let whole = log(0, 17, 0);
            fs::write(copy.join("half.log"), &whole[..whole.len() / 2]).unwrap();
        }
        // Truncated; a night sees no more than its header; then it is written anew.
        match day {
            23 => site.write(2, &name(22), &log(2, 22, 1)[..280]),
            24 => site.write(2, &name(22), &log(2, 22, 1)),
            _ => {}
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

    // People read the times of the zone, and are told so; programs get UTC.
    let reports = site.folder.path().join("store/reports");
    let read = |ending: &str| {
        let text = fs::read_to_string(reports.join(format!("report-2011-05-02.{ending}")));
        text.unwrap().replace("&#x2f;", "/")
    };
    let page = read("html");
    let body = page.split("</style>").nth(1).unwrap();
    for told in [
        "2011-05-02 00:",
        "Asia/Kathmandu</p>",
        "Times are Asia/Kathmandu and mark",
        "Hour (Asia/Kathmandu)",
        "<title id=\"trend-requests-title\">Requests and failures by day</title>",
        "<title>2011-05-01: ",
    ] {
        assert!(body.contains(told), "{told} is not in {body}");
    }
    assert!(!body.contains("UTC") && !body.contains(" PATH"), "{body}");
    let text = read("txt");
    assert!(
        text.contains(" Asia/Kathmandu\n") && !text.contains("UTC"),
        "{text}"
    );
    assert!(!text.contains(" PATH"), "{text}");
    let json: Value = serde_json::from_str(&read("json")).unwrap();
    let first = json["meta"]["first_seen"].as_str().unwrap();
    assert!(first.starts_with("2011-05-01T18:"), "{first}");
    let stored = ["report", "--store", &site.store(), "--format", "html"];
    let (page, err, code) = run(&stored);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(page.contains("<title>2011-05-03: "), "days of the span");
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

#[test]
fn a_mail_that_fails_is_sent_on_the_next_night() {
    let site = Site::new();
    two_nights(&site, 2);
    let night = |date: &str, server: &str| {
        let mail = [
            "--mail-to",
            "it@contoso.com",
            "--mail-from",
            "eas@contoso.com",
        ];
        let by = ["--smtp", server, "--smtp-security", "none", "--date", date];
        site.nightly(&[&mail[..], &by].concat())
    };
    let subjects = |server: Server| -> Vec<String> {
        let mails = server.finish().mails.into_iter();
        mails
            .map(|mail| String::from_utf8(mail.content).unwrap())
            .collect()
    };
    let serve = || {
        let server = Server::start(Setup::default());
        let address = format!("127.0.0.1:{}", server.port());
        (server, address)
    };
    // Nobody listens there.
    let (_, err, code) = night("2011-05-01", "127.0.0.1:1");
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("will be mailed on the next night"), "{err}");
    assert!(err.contains("report of 2011-05-01"), "{err}");
    // This server takes one message, so that the second fails.
    let (server, address) = serve();
    let (_, err, code) = night("2011-05-02", &address);
    assert_eq!(code, 4, "{err}");
    assert!(err.contains("report of 2011-05-02"), "{err}");
    let first = subjects(server);
    assert_eq!(first.len(), 1);
    let (server, address) = serve();
    let (_, err, code) = night("2011-05-02", &address);
    assert_eq!(code, 0, "{err}");
    let second = subjects(server);
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
    // Nothing is mailed twice.
    let (server, address) = serve();
    let (_, err, code) = night("2011-05-02", &address);
    assert_eq!(code, 0, "{err}");
    assert_eq!(subjects(server).len(), 0);
}

#[test]
fn one_output_that_fails_does_not_lose_the_others() {
    let site = Site::new();
    two_nights(&site, 1);
    let path = |name: &str| site.folder.path().join(name).to_str().unwrap().to_owned();
    let eml = path("night.eml");
    let mail = [
        "--mail-to",
        "it@contoso.com",
        "--mail-from",
        "eas@contoso.com",
        "--eml",
        &eml,
    ];
    fs::write(path("file"), "").unwrap();
    let totals = path("eas.prom");
    let cases = [
        (
            "2011-05-01",
            [
                "--prometheus",
                &path("none/eas.prom"),
                "--out",
                &path("out"),
            ],
            "--prometheus",
        ),
        (
            "2011-05-02",
            ["--prometheus", &totals, "--out", &path("file")],
            "--out",
        ),
    ];
    for (date, more, says) in cases {
        let (_, err, code) = site.nightly(&[&["--date", date], &mail[..], &more].concat());
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(says), "{err}");
        assert!(fs::remove_file(&eml).is_ok(), "{says}: the mail is written");
    }
    assert!(fs::exists(path("out/report-2011-05-01.json")).unwrap());
    assert!(fs::exists(totals).unwrap());
}

#[test]
fn a_night_without_logs_is_not_a_good_one() {
    let site = Site::new();
    let (_, err, code) = site.nightly(&["--date", "2011-05-01"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("no log under --logs"), "{err}");
    fs::write(site.path(0, "notes.txt"), "nothing of interest\n").unwrap();
    let (_, err, code) = site.nightly(&["--date", "2011-05-01"]);
    assert_eq!(code, 1, "{err}");
    let packed = gzip(log(0, 1, 0).as_bytes());
    fs::write(
        site.path(0, "u_ex110501.log.gz"),
        &packed[..packed.len() / 2],
    )
    .unwrap();
    let (_, err, code) = site.nightly(&["--date", "2011-05-01"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.contains("u_ex110501.log.gz: read only in part"),
        "{err}"
    );
    let (_, _, code) = run(&["report", "--store", &site.store()]);
    assert_eq!(code, 1, "as a report of the log itself");
    fs::write(site.path(0, "u_ex110501.log.gz"), &packed).unwrap();
    site.night("2011-05-01");
    assert_eq!(site.report(&[])["totals"], site.direct(&[])["totals"]);
}

#[test]
fn a_reader_and_a_night_wait_for_each_other() {
    let site = Site::new();
    two_nights(&site, 1);
    site.night("2011-05-01");
    two_nights(&site, 2);
    let file = || File::open(site.folder.path().join("store/lock")).unwrap();
    let hold = |lock: File| {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_secs(3));
            drop(lock);
        })
    };
    let reader = file();
    reader.lock_shared().unwrap();
    let holder = hold(reader);
    site.night("2011-05-02");
    holder.join().unwrap();
    let writer = file();
    writer.lock().unwrap();
    let holder = hold(writer);
    assert_same(site.report(&[]), site.direct(&[]), "read in the end");
    holder.join().unwrap();
}

#[test]
fn what_would_be_done_is_what_is_done() {
    let site = Site::new();
    two_nights(&site, 1);
    site.night("2011-05-01");
    two_nights(&site, 2);
    site.write(0, "u_ex110501.log", &log(0, 1, 1));
    fs::write(site.path(1, "copy.gz"), gzip(log(1, 2, 0).as_bytes())).unwrap();
    fs::write(site.path(1, "notes.txt"), "nothing of interest\n").unwrap();
    let night = ["--date", "2011-05-02", "--keep-days", "1"];
    let before = site.state();
    let (would, err, code) = site.nightly(&[&night[..], &["--check"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(site.state() == before, "nothing was done");
    let (did, err, code) = site.nightly(&[&night[..], &["--verbose"]].concat());
    assert_eq!(code, 0, "{err}");
    let names = |text: &str, what: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| line.contains(what));
        lines
            .filter_map(|line| Some(line.split_once(": ")?.0.to_owned()))
            .collect()
    };
    assert_eq!(names(&would, ": would be read"), names(&err, ": read"));
    assert_eq!(
        names(&would, ": would be skipped"),
        names(&err, ": skipped")
    );
    assert_eq!(names(&would, ": would be read").len(), 3, "{would}");
    assert!(would.contains("u_ex110501.log: was rewritten"), "{would}");
    assert!(err.contains("u_ex110501.log: was rewritten"), "{err}");
    let (bytes, _) = did
        .strip_prefix("read ")
        .unwrap()
        .split_once(" of ")
        .unwrap();
    assert!(
        would.contains(&format!("{bytes} would be read, 2 days would change")),
        "{would}"
    );
    assert!(did.contains("2 days changed"), "{did}");
    assert!(
        would.contains("the report of 2011-05-01, 2011-05-02 (UTC) would be written"),
        "{would}"
    );
    assert!(
        did.contains("wrote the report of 2011-05-01, 2011-05-02 to"),
        "{did}"
    );
    assert!(
        would.contains("days that would be dropped: 2011-05-01"),
        "{would}"
    );
    let (again, _, _) = site.nightly(&[&night[..], &["--check"]].concat());
    assert!(
        again.contains("the report of 2011-05-02 would stay as it is"),
        "{again}"
    );
    assert!(!again.contains("dropped"), "{again}");
}

/// Paths of a file of settings are those of its folder, and a date needs no quotes.
#[test]
fn settings_are_where_they_are_written() {
    let site = Site::new();
    two_nights(&site, 2);
    let config = site.folder.path().join("nightly.toml");
    let text = "logs = ['logs']\nstore = 'store'\nout = 'out'\ndate = 2011-05-01\n";
    fs::write(&config, text).unwrap();
    let (out, err, code) = run(&["nightly", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 0, "{out}{err}");
    let report = site.folder.path().join("out/report-2011-05-01.json");
    let written = report.metadata().unwrap().modified().unwrap();
    // Reports that would be the same are left alone.
    fs::remove_file(site.folder.path().join("store/reports.json")).unwrap();
    let (out, err, code) = run(&["nightly", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("the report of 2011-05-01 is as it was"),
        "{out}"
    );
    assert_eq!(report.metadata().unwrap().modified().unwrap(), written);
    fs::write(&config, text.replace("2011-05-01", "[5]")).unwrap();
    let (_, err, code) = run(&["nightly", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(err.contains("expected a date such as 2011-05-06"), "{err}");
}

/// What people copy works as it is, and with everything that it only mentions.
#[test]
fn the_files_to_copy_are_good_settings() {
    let folder = crate::workspace().join("docs/schedule");
    let copy = tempfile::tempdir().unwrap();
    let mut settings = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        // Cron passes over names with dots.
        assert_eq!(name.contains('.'), !text.contains("/etc/cron.d"), "{name}");
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        settings += 1;
        // Every setting that is mentioned, and no sentence.
        let lines = text.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest == "[mail]" => rest,
            _ => line,
        });
        let all = lines.collect::<Vec<_>>().join("\n");
        for text in [text, all] {
            let file = copy.path().join(&name);
            fs::write(&file, text).unwrap();
            let (out, err, code) = run(&["nightly", "--check", "--config", file.to_str().unwrap()]);
            assert_ne!(code, 2, "{name}: {out}{err}");
        }
    }
    assert_eq!(settings, 2);
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
