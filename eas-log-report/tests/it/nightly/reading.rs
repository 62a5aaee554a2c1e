//! What a night reads: the sums are those of all logs, whatever happens to the files.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::changes::{a_quiet_night_writes_nothing, what_changed};
use super::{Site, assert_same, gzip, log, so_far, two_nights};
use crate::{command, run};

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
