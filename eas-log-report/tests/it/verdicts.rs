//! Verdicts: which of two goes before the other, and the commands that show them.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use eas_log_report::analysis::{self, analyse};
use eas_log_report::ingest::{Options, ingest};
use eas_log_report::input::discover;
use eas_log_report::report::Value;
use eas_log_report::triage::Verdict;

use crate::{json, run, samples::expect};

const FIELDS: &str = "#Fields: date time cs-method cs-uri-stem cs-uri-query cs-username \
                      cs(User-Agent) sc-status sc-substatus sc-win32-status";

/// A request: minute of the first day, second, command, HTTP status with substatus and Windows
/// status, and the rest of `Log=`.
type Step = (u32, u32, &'static str, &'static str, &'static str);

fn at(hour: u32, minutes: &[u32], step: (&'static str, &'static str, &'static str)) -> Vec<Step> {
    let (command, status, log) = step;
    let minutes = minutes.iter();
    minutes
        .map(|minute| (hour * 60 + minute, 0, command, status, log))
        .collect()
}

const OK: &str = "200 0 0";

/// Requests that get this verdict, where they are all there is.
fn steps(verdict: Verdict) -> Vec<Step> {
    let three = &[1, 2, 3];
    match verdict {
        // A refusal stands, so it comes last.
        Verdict::Disabled => at(
            10,
            three,
            ("FolderSync", "403 0 0", "_Error:UserDisabledForSync"),
        ),
        Verdict::Blocked => at(
            10,
            three,
            ("FolderSync", "403 0 0", "_Error:DeviceIsBlockedForThisUser"),
        ),
        Verdict::AutoBlocked => at(
            10,
            &[11, 12, 13],
            ("FolderSync", "403 0 0", "_As:BlockedABR"),
        ),
        Verdict::Quarantined => at(10, &[21, 22, 23], ("FolderSync", OK, "_As:QuarantinedG")),
        Verdict::NotProvisionable => at(
            10,
            three,
            ("Provision", "403 0 0", "_Error:DeviceNotFullyProvisionable"),
        ),
        Verdict::ProvisioningLoop => [
            at(
                10,
                three,
                ("FolderSync", "449 0 0", "_Error:DeviceNotProvisioned"),
            ),
            at(10, &[4], ("Provision", OK, "")),
            at(
                10,
                &[5, 6, 7],
                ("FolderSync", "449 0 0", "_Error:DeviceNotProvisioned"),
            ),
        ]
        .concat(),
        Verdict::Authentication => at(10, three, ("Sync", "401 1 1326", "")),
        Verdict::Redirected => at(
            10,
            three,
            ("FolderSync", "451 0 0", "_Error:MisconfiguredDevice"),
        ),
        // What follows leaves the rest working.
        Verdict::MailboxFull => at(
            8,
            three,
            ("SendMail", "507 0 0", "_Error:MailboxQuotaExceeded"),
        ),
        Verdict::SyncLoop => (0..12)
            .map(|n| {
                (
                    121 + n / 2,
                    n % 2 * 30,
                    "Sync",
                    OK,
                    "_Ty:Em_Fid:5_Sk:77_St:S",
                )
            })
            .collect(),
        Verdict::Resync => at(3, &[1, 11, 21, 31], ("Sync", OK, "_Ty:Em_Fid:9_Sk:0_St:F")),
        Verdict::Storm => (0..59)
            .chain(0..11)
            .map(|n| (241, n, "Ping", OK, ""))
            .collect(),
        Verdict::Throttled => at(1, &[31, 32, 33], ("Sync", "503 0 0", "_Error:OverBudget")),
        Verdict::ServerError => at(8, &[31, 32, 33, 34, 35, 36], ("MoveItems", "500 0 0", "")),
        Verdict::GoneSilent | Verdict::Healthy => Vec::new(),
        Verdict::Unknown => at(10, &[1], ("OPTIONS", OK, "")),
        Verdict::Intermittent => [episode(5), episode(6)].concat(),
        Verdict::Recovered => episode(7),
    }
}

/// Failures that end with a success.
fn episode(hour: u32) -> Vec<Step> {
    let failed = at(hour, &[1, 2, 3], ("FolderSync", "500 0 0", ""));
    [failed, at(hour, &[31], ("FolderSync", OK, ""))].concat()
}

fn line(day: u32, user: &str, (minute, second, command, status, log): Step) -> String {
    format!(
        "2011-05-{:02} {:02}:{:02}:{second:02} POST /Microsoft-Server-ActiveSync/default.eas \
         User={user}&DeviceId=D{user}&DeviceType=iPhone&Cmd={command}&Log=V121{log}_ {user} \
         Apple-iPhone3C1/801.293 {status}\n",
        day + minute / 1440,
        minute / 60 % 24,
        minute % 60,
    )
}

/// The verdict on a device that does all of this, and works before and between.
fn verdict(of: &[Verdict]) -> String {
    let mut steps: Vec<Step> = of.iter().flat_map(|&verdict| steps(verdict)).collect();
    if of[0] != Verdict::Unknown {
        steps.extend(at(0, &[5, 15], ("Sync", OK, "")));
        steps.extend(at(1, &[5], ("Sync", OK, "")));
        steps.extend(at(9, &[5], ("Sync", OK, "")));
    }
    steps.sort_unstable();
    let mut log = format!("{FIELDS}\n");
    for step in steps {
        log.push_str(&line(6, "jdoe", step));
    }
    if of.contains(&Verdict::GoneSilent) {
        for day in 6..11 {
            log.push_str(&line(day, "mia", (700, 0, "Sync", OK, "")));
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex110506.log");
    fs::write(&path, log).unwrap();
    verdict_of(path, "jdoe")
}

fn verdict_of(path: PathBuf, user: &str) -> String {
    let ingested = ingest(&discover(&[path]).sources, &Options::default(), &());
    let report = analyse(ingested, analysis::Options::default()).unwrap();
    let devices = report.section("devices").unwrap();
    let mut verdicts = devices.values("user").zip(devices.values("verdict"));
    match verdicts.find(|(of, _)| **of == Value::Text(user.to_owned())) {
        Some((_, Value::Text(verdict))) => verdict.clone(),
        _ => panic!("no verdict on {user}"),
    }
}

#[test]
fn of_two_verdicts_the_first_of_the_table_goes_before_the_other() {
    let mut wrong = String::new();
    let mut pairs = 0;
    for (first, name) in Verdict::ALL {
        for (second, other) in Verdict::ALL
            .into_iter()
            .filter(|(second, _)| *second >= first)
        {
            let found = verdict(&[first, second]);
            if found != name {
                writeln!(wrong, "{name} with {other}: {found}").unwrap();
            }
            pairs += 1;
        }
    }
    assert_eq!(pairs, 19 * 20 / 2);
    assert_eq!(wrong, "");
}

/// The verdict on `jdoe`, who does this from 2011-05-06 on, while another device works for so many
/// days from then on.
fn verdict_on(steps: &[Step], days: u32) -> String {
    let mut log = format!("{FIELDS}\n");
    for &step in steps {
        log.push_str(&line(6, "jdoe", step));
    }
    for day in 0..days {
        log.push_str(&line(6 + day, "mia", (1439, 59, "Sync", OK, "")));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex110506.log");
    fs::write(&path, log).unwrap();
    verdict_of(path, "jdoe")
}

const NOT_PROVISIONED: (&str, &str, &str) = (
    "FolderSync",
    "449 0 0",
    "_Pk0_As:BlockedP_Error:DeviceNotProvisioned",
);
const S142: (&str, &str, &str) = ("FolderSync", OK, "_Pk0_As:BlockedP_S142");
const PROVISION: (&str, &str, &str) = ("Provision", OK, "_Pk0_Pa1");
const SYNC: (&str, &str, &str) = ("Sync", OK, "");

/// A round of provisioning from a minute of a day on, with so many refusals.
fn round(
    day: u32,
    minute: u32,
    refusals: u32,
    refusal: (&'static str, &'static str, &'static str),
) -> Vec<Step> {
    let step = |second, (command, status, log)| {
        let minute = day * 1440 + minute + second / 60;
        (minute, second % 60, command, status, log)
    };
    let refused = (0..refusals).map(|number| step(number * 5, refusal));
    let rest = [PROVISION, PROVISION, SYNC].into_iter().zip(0..);
    refused
        .chain(rest.map(|(what, number)| step(refusals * 5 + number * 5, what)))
        .collect()
}

/// Seconds in which a step is done again, from a minute of the first day on.
fn again(
    minute: u32,
    times: u32,
    every_s: u32,
    step: (&'static str, &'static str, &'static str),
) -> Vec<Step> {
    let (command, status, log) = step;
    (0..times)
        .map(|n| {
            (
                minute + n * every_s / 60,
                n * every_s % 60,
                command,
                status,
                log,
            )
        })
        .collect()
}

#[test]
fn what_looks_like_another_verdict_and_is_not() {
    let works = |hours: std::ops::Range<u32>| -> Vec<Step> {
        hours.flat_map(|hour| at(hour, &[5, 35], SYNC)).collect()
    };
    let from = |day: u32, steps: Vec<Step>| -> Vec<Step> {
        let later = |step: Step| (step.0 + day * 1440, step.1, step.2, step.3, step.4);
        steps.into_iter().map(later).collect()
    };
    let all = |parts: &[Vec<Step>]| parts.concat();
    /// What is tried, what the device does, how many days the logs last, and its verdict.
    type Case = (&'static str, Vec<Step>, u32, &'static str);
    let cases: Vec<Case> = vec![
        // Rounds of provisioning.
        (
            "one round",
            all(&[round(0, 60, 2, NOT_PROVISIONED), works(2..20)]),
            1,
            "healthy",
        ),
        (
            "one round of many refusals",
            all(&[round(0, 60, 6, S142), works(2..20)]),
            1,
            "healthy",
        ),
        (
            "a round of four refusals every few hours",
            all(&[
                round(0, 60, 4, S142),
                round(0, 400, 4, S142),
                round(0, 800, 4, NOT_PROVISIONED),
                works(14..20),
            ]),
            1,
            "healthy",
        ),
        (
            "a round that waits for its end",
            all(&[works(2..20), again(1430, 3, 60, S142)]),
            1,
            "healthy",
        ),
        (
            "a round that never came to an end",
            all(&[works(2..10), again(700, 3, 60, S142)]),
            1,
            "not_provisionable",
        ),
        (
            "provisioned, and nothing since",
            all(&[
                works(2..10),
                again(700, 3, 60, S142),
                at(12, &[1, 2], PROVISION),
            ]),
            1,
            "healthy",
        ),
        (
            "provisioned in an endless loop",
            (0..6)
                .flat_map(|n| all(&[at(n, &[1], S142), at(n, &[2, 3], PROVISION)]))
                .collect(),
            1,
            "provisioning_loop",
        ),
        // Failures that are of the device, and storms that they make.
        (
            "blocked, and it hammers",
            all(&[
                works(2..10),
                again(
                    700,
                    400,
                    1,
                    (
                        "FolderSync",
                        "403 0 0",
                        "_As:BlockedD_Error:DeviceIsBlockedForThisUser",
                    ),
                ),
            ]),
            1,
            "blocked",
        ),
        (
            "the server fails, and the device hammers",
            all(&[works(2..10), again(700, 400, 1, ("Sync", "500 0 0", ""))]),
            1,
            "server_error",
        ),
        (
            "turned away by throttling, and it hammers",
            all(&[
                works(2..10),
                again(700, 400, 1, ("Sync", "503 0 0", "_Error:TooManyJobsQueued")),
            ]),
            1,
            "throttled",
        ),
        (
            "a storm that is not turned away",
            all(&[
                works(2..10),
                again(700, 60, 1, ("MoveItems", "500 0 0", "")),
                again(700, 60, 1, SYNC),
                again(702, 1, 1, ("MoveItems", OK, "")),
            ]),
            1,
            "storm",
        ),
        (
            "blocked by state, and it loops",
            all(&[
                works(2..10),
                again(
                    700,
                    40,
                    10,
                    ("Sync", OK, "_As:BlockedABS_Ty:Em_Fid:5_Sk:77_St:S"),
                ),
            ]),
            1,
            "auto_blocked",
        ),
        // Statuses.
        (
            "blocked by HTTP 456",
            again(700, 3, 60, ("Sync", "456 0 0", "")),
            1,
            "blocked",
        ),
        (
            "one device too many",
            again(700, 3, 60, ("FolderSync", OK, "_S177")),
            1,
            "blocked",
        ),
        (
            "managed elsewhere",
            again(700, 3, 60, ("Provision", OK, "_S145")),
            1,
            "not_provisionable",
        ),
        (
            "blocked for a reason that is not known",
            again(700, 3, 60, ("FolderSync", "403 0 0", "_As:BlockedZ")),
            1,
            "blocked",
        ),
        (
            "its password has expired",
            again(700, 3, 60, ("Sync", "457 0 0", "")),
            1,
            "authentication",
        ),
        // What never worked.
        (
            "only asks what the server can",
            again(700, 9, 60, ("OPTIONS", OK, "")),
            1,
            "unknown",
        ),
        (
            "only provisions",
            again(700, 2, 60, PROVISION),
            1,
            "unknown",
        ),
        (
            "gets a page in place of an answer",
            again(700, 9, 60, ("Sync", "302 0 0", "")),
            1,
            "server_error",
        ),
        (
            "only the state of folders fails",
            again(700, 9, 60, ("Sync", OK, "_S134")),
            1,
            "server_error",
        ),
        (
            "only items fail",
            again(700, 9, 60, ("ItemOperations", OK, "_S150")),
            1,
            "server_error",
        ),
        (
            "throttled from the start",
            again(700, 2, 60, ("Sync", "503 0 0", "_Error:OverBudget")),
            1,
            "throttled",
        ),
        (
            "the state of folders is lost, and nothing works since",
            all(&[works(2..10), again(700, 5, 600, ("Sync", OK, "_S134"))]),
            1,
            "server_error",
        ),
        // Benign errors.
        (
            "only collisions",
            again(0, 40, 1500, ("Ping", OK, "_S3_Error:PingCollisionDetected")),
            1,
            "healthy",
        ),
        (
            "Pings that end with the connection",
            all(&[works(2..20), again(600, 20, 300, ("Ping", "500 0 64", ""))]),
            1,
            "healthy",
        ),
        (
            "a collision and a fault",
            all(&[
                works(2..10),
                again(
                    700,
                    5,
                    600,
                    ("Sync", "500 0 0", "_Error:SyncCollisionDetected"),
                ),
            ]),
            1,
            "server_error",
        ),
        // Silence.
        (
            "not seen for two days of the week",
            from(3, works(0..20)),
            7,
            "gone_silent",
        ),
        ("not seen on the weekend", works(0..20), 3, "healthy"),
        ("not seen since the weekend", works(0..20), 6, "gone_silent"),
        (
            "gave up after a refusal",
            all(&[works(0..20), at(20, &[10, 11], S142)]),
            6,
            "not_provisionable",
        ),
        (
            "gave up after a wrong password",
            all(&[works(0..20), at(20, &[10], ("Sync", "401 1 1326", ""))]),
            6,
            "authentication",
        ),
        (
            "gave up after a fault",
            all(&[works(0..20), at(20, &[10], ("Sync", "500 0 0", ""))]),
            6,
            "server_error",
        ),
        // Quarantine.
        (
            "quarantined, and something gets through",
            all(&[
                works(0..3),
                at(4, &[1, 2], ("FolderSync", OK, "_As:QuarantinedG")),
                at(5, &[1, 21, 41], SYNC),
            ]),
            1,
            "quarantined",
        ),
        (
            "quarantined, and refused",
            all(&[
                at(4, &[1, 2], ("FolderSync", OK, "_As:QuarantinedG_S129")),
                at(5, &[1], SYNC),
            ]),
            1,
            "quarantined",
        ),
        (
            "allowed after quarantine",
            all(&[
                at(4, &[1, 2], ("FolderSync", OK, "_As:QuarantinedG")),
                at(5, &[1], ("FolderSync", OK, "_As:AllowedI")),
                works(6..20),
            ]),
            1,
            "healthy",
        ),
    ];
    let mut wrong = String::new();
    for (what, mut steps, days, want) in cases {
        steps.sort_by_key(|step| (step.0, step.1));
        let found = verdict_on(&steps, days);
        if found != want {
            writeln!(wrong, "{what}: {found}, not {want}").unwrap();
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn a_filter_changes_no_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex110506.log");
    let mut log = format!("{FIELDS}\n");
    for hour in 0..20 {
        log += &line(6, "jdoe", (hour * 60, 0, "Sync", OK, ""));
    }
    for day in 6..13 {
        log += &line(day, "mia", (700, 0, "Sync", OK, ""));
    }
    fs::write(&path, log).unwrap();
    let path = path.to_str().unwrap();
    let verdict = |arguments: &[&str]| {
        let found = json(&[&["devices", path], arguments].concat());
        let devices = found["sections"]["devices"].as_array().unwrap().clone();
        let jdoe = devices
            .into_iter()
            .find(|row| row["user"] == "jdoe")
            .unwrap();
        jdoe["verdict"].as_str().unwrap().to_owned()
    };
    for (arguments, want) in [
        (&[][..], "gone_silent"),
        (&["--user", "jdoe"], "gone_silent"),
        (&["--device", "Djdoe"], "gone_silent"),
        (&["--user", "jdoe", "--until", "2011-05-06"], "healthy"),
    ] {
        assert_eq!(verdict(arguments), want, "{arguments:?}");
    }
}

#[test]
fn the_device_that_guesses_locks_the_account() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex110506.log");
    let mut log = format!("{FIELDS}\n");
    for minute in 0..30 {
        // The old phone guesses until the account is locked, and so does the tool of an office.
        let status = if minute % 10 < 6 {
            "401 1 1326"
        } else {
            "401 1 1909"
        };
        log += &line(6, "jdoe", (600 + minute, 0, "Sync", status, ""));
        let told = line(6, "jdoe", (600 + minute, 30, "Sync", "401 1 1909", ""));
        log += &told.replace("DeviceId=Djdoe", "DeviceId=NEW");
    }
    fs::write(&path, log).unwrap();
    let found = json(&[
        "devices",
        path.to_str().unwrap(),
        "--finding",
        "lockout_source",
    ]);
    let ids: Vec<&str> = found["sections"]["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["device_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, ["Djdoe"]);
}

#[test]
fn of_refusals_more_than_an_hour_apart_the_latest_decides() {
    let early = |verdict| -> Vec<Step> {
        let steps: Vec<Step> = steps(verdict);
        steps
            .into_iter()
            .map(|step| (step.0 - 120, step.1, step.2, step.3, step.4))
            .collect()
    };
    let refusals: Vec<Verdict> = Verdict::ALL
        .iter()
        .map(|(verdict, _)| *verdict)
        .filter(|verdict| *verdict <= Verdict::Redirected)
        .collect();
    assert_eq!(refusals.len(), 8);
    let mut tried = 0;
    for &first in &refusals {
        for &last in refusals.iter().filter(|&&last| last != first) {
            // A state says how the device stands, so it is told by the last line that has one.
            let mut log = format!("{FIELDS}\n");
            let work = at(0, &[5], ("Sync", OK, ""));
            for step in [work, early(first), steps(last)].concat() {
                log.push_str(&line(6, "jdoe", step));
            }
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("u_ex110506.log");
            fs::write(&path, log).unwrap();
            assert_eq!(
                verdict_of(path, "jdoe"),
                last.name(),
                "{} first",
                first.name()
            );
            tried += 1;
        }
    }
    assert_eq!(tried, 56);
}

/// Users of `samples/verdicts` are named after their verdict: `healthy.handshake` is healthy.
#[test]
fn the_sample_of_every_verdict() {
    let found = json(&["devices", "samples/verdicts"]);
    let devices = found["sections"]["devices"].as_array().unwrap();
    let mut seen: Vec<&str> = Vec::new();
    for device in devices {
        let user = device["user"]
            .as_str()
            .unwrap()
            .trim_start_matches("FABRIKAM\\");
        let verdict = device["verdict"].as_str().unwrap();
        assert_eq!(user.split('.').next(), Some(verdict), "{user}");
        seen.push(verdict);
    }
    for (_, name) in Verdict::ALL {
        assert!(seen.contains(&name), "{name}");
    }
    assert_eq!(seen.len(), 22);
}

#[test]
fn devices_are_listed_selected_and_sorted() {
    let rows = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let found = json(&[&["devices", "samples/coexistence"], arguments].concat());
        assert_eq!(found["kind"], "devices");
        found["sections"]["devices"].as_array().unwrap().clone()
    };
    let all = rows(&[]);
    assert_eq!(all.len(), 14);
    let not_provisionable = rows(&["--verdict", "not_provisionable"]);
    assert_eq!(not_provisionable.len(), 2);
    assert!(
        not_provisionable
            .iter()
            .all(|row| row["verdict"] == "not_provisionable")
    );
    let broken = rows(&["--broken"]);
    assert!(
        broken.len() < all.len() && broken.len() >= 10,
        "{}",
        broken.len()
    );
    let found = rows(&["--finding", "policy_nokia_mail_for_exchange"]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["device_id"], "IMEI352924027511437");
    let sorted = rows(&["--sort", "requests"]);
    let requests: Vec<u64> = sorted
        .iter()
        .map(|row| row["requests"].as_u64().unwrap())
        .collect();
    assert!(requests.is_sorted_by(|a, b| a >= b), "{requests:?}");
    let (out, err, code) = run(&[
        "devices",
        "samples/coexistence",
        "--verdict",
        "blocked",
        "--format",
        "csv",
    ]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(out.lines().count(), 2);
    for (arguments, says) in [
        (["--verdict", "broken"], "expected one of disabled, blocked"),
        (
            ["--sort", "size"],
            "--sort size: expected one of verdict, user",
        ),
        (["--finding", "x"], "--finding x: no finding has that id"),
    ] {
        let (_, err, code) = run(&[&["devices", "samples"][..], &arguments].concat());
        assert_eq!(code, 2);
        assert!(err.contains(says), "{err}");
    }
}

#[test]
fn a_timeline_tells_every_step_with_its_line() {
    let device = ["--device", "IMEI352924027511437", "samples/coexistence"];
    let (out, err, code) = run(&[&["timeline"][..], &device].concat());
    assert_eq!((err.as_str(), code), ("", 0));
    expect("timeline.txt", &out);
    let found = json(&[&["timeline"][..], &device].concat());
    let steps = found["sections"]["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 27);
    // Every place is where the line stands.
    for step in steps {
        let (file, number) = step["place"].as_str().unwrap().rsplit_once(':').unwrap();
        let text = fs::read_to_string(crate::workspace().join(file)).unwrap();
        let line = text
            .lines()
            .nth(number.parse::<usize>().unwrap() - 1)
            .unwrap();
        assert_eq!(step["line"].as_str().unwrap(), line);
    }
    let (out, ..) = run(&[&["timeline", "--no-raw"][..], &device].concat());
    assert!(!out.contains("Log="), "{out}");
    for (arguments, says) in [
        (&["timeline", "samples"][..], "name whom it is about"),
        (
            &["timeline", "samples", "--user", "nobody"],
            "no request matches --user nobody",
        ),
    ] {
        let (_, err, code) = run(arguments);
        assert_eq!(code, 2);
        assert!(err.contains(says), "{err}");
    }
}

#[test]
fn findings_of_a_file_are_added() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.toml");
    let ours = "[[finding]]\nid = 'our_nokias'\nseverity = 'low'\ntitle = 'Ours'\n\
                any = ['vendor:nokia']\nwhy = 'w'\ndo = ['call them']\nwho = 'helpdesk'\n\
                references = ['ours']\ncertainty = 'certain'\nbecause = 'b'\n";
    fs::write(&path, ours).unwrap();
    let report = json(&["samples/coexistence", "--findings", path.to_str().unwrap()]);
    let findings = report["findings"].as_array().unwrap();
    let ours = findings
        .iter()
        .find(|finding| finding["id"] == "our_nokias")
        .unwrap();
    assert_eq!(ours["devices"], 2);
    assert_eq!(ours["listed"].as_array().unwrap().len(), 2);
    fs::write(&path, "[[finding]]\nid = 'x'\n").unwrap();
    let (_, err, code) = run(&["samples", "--findings", path.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(err.contains("missing field"), "{err}");
}

#[test]
fn storms_are_what_the_limits_say() {
    let storms = |arguments: &[&str]| {
        let report = json(&[&["samples/coexistence"], arguments].concat());
        let devices = report["sections"]["devices"].as_array().unwrap().clone();
        devices
            .iter()
            .filter(|row| row["verdict"] == "storm")
            .count()
    };
    assert_eq!(storms(&[]), 0);
    assert!(storms(&["--storm-per-day", "10"]) > 0);
}

/// Neither the minute of the clock nor the log of one server bounds what is a storm.
#[test]
fn a_storm_is_one_over_marks_of_the_clock_and_logs() {
    // Requests of a minute that begins in the middle of one, in turn by two servers.
    let logs = |requests: u32| -> [String; 2] {
        [0, 1].map(|server| {
            let mut text =
                "#Fields: date time cs-method cs-uri-stem cs-uri-query cs-username sc-status\n"
                    .to_owned();
            for n in (0..requests).filter(|n| n % 2 == server) {
                let second = 31 + n * 60 / requests;
                text += &format!(
                    "2011-05-06 10:{:02}:{:02} POST /Microsoft-Server-ActiveSync/default.eas \
                     User=u&DeviceId=D1&DeviceType=T&Cmd=Ping u 200\n",
                    second / 60,
                    second % 60
                );
            }
            text
        })
    };
    let folder = tempfile::tempdir().unwrap();
    for (requests, limit, verdict) in [
        (61, "60", "storm"),
        (61, "61", "healthy"),
        (60, "60", "healthy"),
        (100, "60", "storm"),
        (16, "15", "storm"),
        // Of fewer than eight in a row none is kept.
        (14, "13", "healthy"),
    ] {
        let [a, b] = logs(requests);
        for (first, second) in [(&a, &b), (&b, &a)] {
            fs::write(folder.path().join("1.log"), first).unwrap();
            fs::write(folder.path().join("2.log"), second).unwrap();
            let path = folder.path().to_str().unwrap();
            let report = json(&[path, "--storm-per-minute", limit]);
            let device = &report["sections"]["devices"][0];
            assert_eq!(device["verdict"], verdict, "{requests} of {limit}");
            let peak = &device["peak_per_minute"];
            match requests {
                14 => assert!(peak.is_null(), "{peak}"),
                _ => assert_eq!(*peak, requests, "{requests}"),
            }
        }
    }
}

/// Two days of a user each: one works on both, one only on the first, and so on.
fn two_days() -> String {
    let mut log = format!("{FIELDS}\n");
    let days = |user: &str, before: &[Step], after: &[Step]| {
        let before = before.iter().map(|&step| line(6, user, step));
        let after = after.iter().map(|&step| line(7, user, step));
        before.chain(after).collect::<String>()
    };
    let works = at(9, &[1, 31], ("Sync", OK, ""));
    let refused = steps(Verdict::Blocked);
    log += &days("works", &works, &works);
    log += &days("broken", &works, &refused);
    log += &days("gone", &works, &[]);
    log += &days("new", &[], &works);
    log += &days("fixed", &refused, &works);
    log += &days("failing", &refused, &refused);
    log
}

#[test]
fn before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex1105.log");
    fs::write(&path, two_days()).unwrap();
    let path = path.to_str().unwrap();
    let users = |found: &serde_json::Value, section: &str| -> Vec<String> {
        let rows = found["sections"][section].as_array().unwrap();
        rows.iter()
            .map(|row| row["user"].as_str().unwrap().to_owned())
            .collect()
    };
    let check = |found: &serde_json::Value| {
        for (section, user) in [
            ("broken", "broken"),
            ("never_came_back", "gone"),
            ("newly_seen", "new"),
            ("fixed", "fixed"),
            ("still_failing", "failing"),
        ] {
            assert_eq!(users(found, section), [user], "{section}");
        }
        let by_verdict = &found["sections"]["broken_by_verdict"];
        assert_eq!(by_verdict[0]["verdict_after"], "blocked");
        assert_eq!(by_verdict[0]["devices"], 1);
    };
    check(&json(&["compare", "--cutover", "2011-05-07", path]));

    // The same, with a time for each user.
    let moves = folder.path().join("moves.csv");
    let mut rows = "Alias,CompletionTimestamp\n".to_owned();
    for user in ["works", "broken", "gone", "new", "fixed", "failing"] {
        writeln!(rows, "CONTOSO\\{user},2011-05-06T20:00:00").unwrap();
    }
    fs::write(&moves, rows).unwrap();
    check(&json(&[
        "compare",
        "--moves",
        moves.to_str().unwrap(),
        path,
    ]));

    // A user without a time is left out, unless all have one.
    fs::write(&moves, "User,Time\nbroken,2011-05-07\n").unwrap();
    let only = json(&["compare", "--moves", moves.to_str().unwrap(), path]);
    assert_eq!(users(&only, "broken"), ["broken"]);
    assert!(users(&only, "fixed").is_empty());
    let moves_path = moves.to_str().unwrap();
    check(&json(&[
        "compare",
        "--moves",
        moves_path,
        "--cutover",
        "2011-05-07",
        path,
    ]));
}

/// No device is lost between the two sides, whatever it is called and however well it did.
#[test]
fn every_device_of_a_comparison_is_somewhere() {
    let works = at(9, &[1, 31], ("Sync", OK, ""));
    let half = [works.clone(), steps(Verdict::MailboxFull)].concat();
    let refused = steps(Verdict::Blocked);
    let mut log = format!("{FIELDS}\n");
    let mut tell = |day: u32, user: &str, id: &str, kind: &str, steps: &[Step]| {
        for &step in steps {
            log += &line(day, user, step)
                .replace(&format!("DeviceId=D{user}"), &format!("DeviceId={id}"))
                .replace("DeviceType=iPhone", &format!("DeviceType={kind}"));
        }
    };
    // Half of it worked, and nothing does.
    tell(6, "half", "HALF", "iPhone", &half);
    tell(7, "half", "HALF", "iPhone", &refused);
    // Half of it worked, and does.
    tell(6, "still", "STILL", "iPhone", &half);
    tell(7, "still", "STILL", "iPhone", &half);
    // One phone, whose user is named otherwise.
    tell(6, "CONTOSO\\amy", "AMY", "iPhone", &works);
    tell(7, "amy.lee@contoso.com", "AMY", "iPhone", &refused);
    // A phone of another make in place of the old one.
    tell(6, "bob", "OLD", "iPhone", &works);
    tell(7, "bob", "NEW", "Android", &works);
    // Never worked, and gave up.
    tell(6, "never", "NEVER", "iPhone", &refused);
    tell(6, "gone", "GONE", "iPhone", &works);
    tell(6, "well", "WELL", "iPhone", &works);
    tell(7, "well", "WELL", "iPhone", &works);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex1105.log");
    fs::write(&path, log).unwrap();
    let path = path.to_str().unwrap();
    let found = json(&["compare", "--cutover", "2011-05-07", path]);
    let column = |section: &str, key: &str| -> Vec<String> {
        let rows = found["sections"][section].as_array().unwrap();
        let text = |row: &serde_json::Value| row[key].as_str().unwrap().to_owned();
        let mut texts: Vec<String> = rows.iter().map(text).collect();
        texts.sort();
        texts
    };
    assert_eq!(column("broken", "device_id"), ["AMY", "HALF"]);
    assert_eq!(column("still_failing", "device_id"), ["STILL"]);
    assert_eq!(column("never_came_back", "device_id"), ["GONE"]);
    assert_eq!(column("new_device_ids", "device_id_before"), ["OLD"]);
    assert_eq!(column("newly_seen", "device_id"), [""; 0]);
    let changed = found["sections"]["changed"].as_array().unwrap();
    assert!(
        changed
            .iter()
            .any(|row| row["what"] == "user" && row["device_id"] == "AMY"),
        "{changed:?}"
    );
    let lost: u64 = found["sections"]["by_client"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["worked_before_only"].as_u64().unwrap())
        .sum();
    assert_eq!(lost, 3, "AMY, HALF and GONE");
    let (text, ..) = run(&["compare", "--cutover", "2011-05-07", path]);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains("1 fail as before; 1 work as before; 1 never worked and are gone"),
        "{text}"
    );

    // Who is only in the file, and who only in the logs.
    let moves = folder.path().join("moves.csv");
    let rows =
        "\u{feff}Alias\tCompletionTimestamp\r\nhalf\t2011-05-07 00:00\r\nzoe\t2011-05-07\r\n";
    let utf16: Vec<u8> = rows.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&moves, utf16).unwrap();
    let (text, err, code) = run(&["compare", "--moves", moves.to_str().unwrap(), path]);
    assert_eq!((err.as_str(), code), ("", 0));
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for says in [
        "of the 2 users in --moves, 1 is in no log: zoe",
        "of the 8 users in the logs, 7 have no time in --moves: amy, amy.lee, bob, gone, never, and 2 more",
        "times in --moves that tell no zone are taken as UTC",
    ] {
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_new_device_id_of_a_user_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for (name, id) in [("before", "OLD"), ("after", "NEW")] {
        let step = (600, 0, "Sync", OK, "");
        let text = line(6, "jdoe", step).replace("DeviceId=Djdoe", &format!("DeviceId={id}"));
        fs::write(folder.path().join(name), format!("{FIELDS}\n{text}")).unwrap();
    }
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let found = json(&[
        "compare",
        "--before",
        &path("before"),
        "--after",
        &path("after"),
    ]);
    let row = &found["sections"]["new_device_ids"][0];
    assert_eq!(
        (&row["device_id_before"], &row["device_id_after"]),
        (&"OLD".into(), &"NEW".into())
    );
    assert!(
        found["sections"]["never_came_back"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn compare_of_the_samples() {
    let both = [
        "--before",
        "samples/coexistence/FE2003",
        "--after",
        "samples/coexistence/CAS2010",
    ];
    let (out, err, code) = run(&[&["compare"][..], &both].concat());
    assert_eq!((err.as_str(), code), ("", 0));
    expect("compare.txt", &out);
    for (arguments, says) in [
        (&["compare", "samples"][..], "expected either --before"),
        (
            &["compare", "--before", "samples"],
            "expected both --before PATH and --after PATH",
        ),
        (
            &["compare", "--cutover", "now", "samples"],
            "--cutover now: expected a date",
        ),
        (
            &["compare", "--moves", "README.md", "samples"],
            "expected a header with a column",
        ),
    ] {
        let (_, err, code) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(err.contains(says), "{err}");
    }
}

#[test]
fn a_condition_gives_the_exit_code() {
    let code = |condition: &str| run(&["samples/coexistence", "--fail-on", condition]).2;
    for (condition, holds) in [
        ("broken", 3),
        ("broken>10", 0),
        ("failed>28%", 3),
        ("failed>29%", 0),
        ("critical", 3),
        ("storm", 0),
        ("policy_nokia_mail_for_exchange", 3),
        ("policy_nokia_mail_for_exchange>1", 0),
        ("nonsense", 2),
    ] {
        assert_eq!(code(condition), holds, "{condition}");
    }
    let (out, err, _) = run(&["samples/coexistence", "--fail-on", "broken>3"]);
    assert!(out.starts_with("Exchange ActiveSync report"));
    assert_eq!(
        err,
        "eas-log-report: --fail-on broken>3 holds: 10 devices\n"
    );
}

/// A refusal at the end of long logs may be the beginning of a round; in an excerpt of a few lines it
/// is what there is to know.
#[test]
fn an_excerpt_is_judged_by_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("excerpt.log");
    let line = |time: &str, user: &str, command: &str, status: u16, log: &str| {
        format!(
            "2011-05-06 {time} POST /Microsoft-Server-ActiveSync/default.eas User={user}&DeviceId=\
             IMEI{user}&DeviceType=NokiaEmail&Cmd={command}&Log=V121_{log}_ 443 FABRIKAM\\{user} \
             192.0.2.7 NokiaE72/2.02(0)MailforExchange {status} 0 0\n"
        )
    };
    let fields = "#Fields: date time cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
                  cs(User-Agent) sc-status sc-substatus sc-win32-status\n";
    let refused = "Pk0_Error:DeviceNotProvisioned_As:BlockedP";
    let excerpt = [
        line("11:29:50", "kim", "Settings", 449, refused),
        line("11:30:11", "kim", "FolderSync", 449, refused),
    ]
    .concat();
    let verdict = |before: &str, options: &[&str]| {
        fs::write(&path, [fields, before, &excerpt].concat()).unwrap();
        let report = json(&[&[path.to_str().unwrap()], options].concat());
        let rows = report["sections"]["devices"].as_array().unwrap().clone();
        let of = |row: &&serde_json::Value| row["user"] == "FABRIKAM\\kim";
        rows.iter().find(of).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict("", &[]), "not_provisionable");
    let others = line("09:00:00", "eva", "Ping", 200, "St:S");
    assert_eq!(verdict(&others, &[]), "unknown");
    assert_eq!(verdict(&others, &["--user", "kim"]), "unknown");
}
