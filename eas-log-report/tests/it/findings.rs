//! Findings, and the screen that begins with them.

use std::fmt::Write as _;
use std::fs;

use eas_log_report::analysis::{self, analyse};
use eas_log_report::ingest::{Options, ingest};
use eas_log_report::input::discover;
use eas_log_report::render::{TextOptions, write_text};
use eas_log_report::report::Report;

use crate::{json, run, workspace};

fn report(path: &str) -> Report {
    let ingested = ingest(
        &discover(&[workspace().join(path)]).sources,
        &Options::default(),
        &(),
    );
    analyse(ingested, analysis::Options::default()).unwrap()
}

fn text(report: &Report, width: Option<u16>) -> String {
    let mut out = Vec::new();
    let top = Some(20);
    write_text(report, TextOptions { top, width }, &mut out).unwrap();
    anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
}

#[test]
fn the_first_screen_says_how_many_are_broken_who_acts_and_the_first_step() {
    let (out, _, code) = run(&["samples/coexistence"]);
    assert_eq!(code, 0);
    let head: Vec<&str> = out.lines().take(60).collect();
    // Counted by hand: of 14 devices, each of a user of its own, 4 are healthy.
    assert_eq!(head[1], "  10 of 14 devices are broken (10 of 14 users)");
    let head = head.join("\n");
    for part in [
        "2 not_provisionable, ",
        "; 4 healthy\n",
        "critical  1 device of 1 user: Nokia phones are refused: Mail for Exchange is older than 3.0.50\n",
        "Exchange administrator, helpdesk: Update Mail for Exchange on the phone to 3.0.50 or",
        "\nDevices (14)\n",
    ] {
        assert!(head.contains(part), "{part}\n{head}");
    }
}

#[test]
fn the_report_fits_a_terminal() {
    let report = report("samples");
    for width in [80, 100, 120] {
        let text = text(&report, Some(width));
        let too_wide: Vec<&str> = text
            .lines()
            .filter(|line| line.chars().count() > usize::from(width))
            // What is copied is not broken: cmdlets, commands, and the places of lines.
            .filter(|line| {
                let is_cmdlet = line.contains('-') && line.starts_with("           ")
                    || line.starts_with("   Run     ");
                !is_cmdlet && !line.trim_end().contains(".log") && !line.contains("eas-log-report")
            })
            .collect();
        assert!(too_wide.is_empty(), "{width}: {too_wide:#?}");
        let devices = text.split("\nDevices (").nth(1).unwrap();
        for whole in ["not_provisionable", "provisioning_loop"] {
            assert!(devices.contains(whole), "{width}: {whole}");
        }
    }
}

#[test]
fn devices_that_are_most_harmed_stand_first() {
    let report = report("samples");
    let devices = report.section("devices").unwrap();
    let text = |key| -> Vec<String> {
        let values = devices.values(key);
        values
            .map(|value| match value {
                eas_log_report::report::Value::Text(text) => text.clone(),
                _ => String::new(),
            })
            .collect()
    };
    let severities: Vec<_> = text("findings")
        .iter()
        .zip(text("verdict"))
        .map(|(ids, verdict)| {
            let worst = report
                .findings
                .iter()
                .filter(|finding| ids.split("; ").any(|id| id == finding.advice.id))
                .map(|finding| finding.advice.severity)
                .min();
            let well = ["healthy", "recovered", "unknown"].contains(&verdict.as_str());
            (
                well,
                worst.unwrap_or(eas_log_report::report::Severity::Info),
            )
        })
        .collect();
    assert!(severities.is_sorted(), "{severities:?}");
    assert!(severities.iter().any(|(well, _)| *well));
    let broken = severities.iter().filter(|(well, _)| !well).count();
    assert_eq!(report.totals.broken_devices, broken as u64);
}

const FIELDS: &str = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query cs-username \
                      cs(User-Agent) sc-status sc-substatus sc-win32-status";

const IPHONE: &str = "Apple-iPhone3C1/801.293";

/// A log of a server.
struct Log {
    text: String,
    /// The user agent of the phones to come.
    agent: &'static str,
}

impl Log {
    fn new() -> Log {
        Log {
            text: format!("{FIELDS}\n"),
            agent: IPHONE,
        }
    }

    /// Requests of a user's phone, one at each of these minutes of the day.
    fn phone(&mut self, user: &str, minutes: &[u32], command: &str, log: &str, status: &str) {
        for minute in minutes {
            self.request(user, minute * 60, command, log, status);
        }
    }

    /// A request of a user's phone, at this second of the day.
    fn request(&mut self, user: &str, second: u32, command: &str, log: &str, status: &str) {
        writeln!(
            self.text,
            "2011-05-06 {:02}:{:02}:{:02} 192.0.2.41 POST /Microsoft-Server-ActiveSync/default.eas \
             User={user}&DeviceId=D{user}&DeviceType=iPhone&Cmd={command}&Log={log} {user} {} {status}",
            second / 3600,
            second / 60 % 60,
            second % 60,
            self.agent,
        )
        .unwrap();
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// The report, and the folder of the log, which goes with it.
    fn report(&self) -> (serde_json::Value, tempfile::TempDir) {
        let (folder, path) = self.written();
        (json(&[&path]), folder)
    }

    fn written(&self) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("u_ex110506.log");
        fs::write(&path, &self.text).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }
}

/// The finding of this id, if there is one.
fn finding<'r>(report: &'r serde_json::Value, id: &str) -> Option<&'r serde_json::Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["id"] == id)
}

/// The users whose devices a finding lists, in order.
fn users(report: &serde_json::Value, id: &str) -> Vec<String> {
    let listed = finding(report, id).map(|finding| finding["listed"].as_array().unwrap());
    let mut users: Vec<String> = listed
        .into_iter()
        .flatten()
        .map(|device| device["user"].as_str().unwrap().to_owned())
        .collect();
    users.sort();
    users
}

/// The line that a finding shows first of a device.
fn shown_line(report: &serde_json::Value, id: &str, log: &Log) -> String {
    let place = finding(report, id).unwrap()["listed"][0]["evidence"][0]
        .as_str()
        .unwrap();
    let number: usize = place.rsplit_once(':').unwrap().1.parse().unwrap();
    log.text.lines().nth(number - 1).unwrap().to_owned()
}

#[test]
fn no_failure_is_left_without_a_finding() {
    let report = json(&["samples"]);
    let mut failing = 0;
    for device in report["sections"]["devices"].as_array().unwrap() {
        if device["failed_requests"].as_u64().unwrap() > 0 {
            assert!(device["findings"].is_string(), "{device}");
            failing += 1;
        }
    }
    assert!(failing > 20, "{failing}");

    // Every verdict has a finding, whatever the failures look like, so that a device with an error
    // that nobody knows is listed too.
    let mut log = Log::new();
    log.phone("works", &[1, 31, 61, 91], "Sync", "V121_", "200 0 0");
    log.phone("once", &[2, 62], "Sync", "V121_", "200 0 0");
    log.phone("once", &[32], "Sync", "V121_Error:NeverHeardOf_", "500 0 0");
    let (report, _folder) = log.report();
    assert_eq!(users(&report, "failed_requests"), ["once"]);
    assert!(shown_line(&report, "failed_requests", &log).contains("NeverHeardOf"));
    assert_eq!(
        finding(&report, "failed_requests").unwrap()["severity"],
        "info"
    );
}

#[test]
fn errors_that_occur_only_when_requests_are_passed_on() {
    let to_other_site = "V121_PrxTo:cas2.contoso.com_";
    let fails = "V121_PrxTo:cas2.contoso.com_Error:KeepAliveFailure_";
    let make = |elsewhere: bool| {
        let mut log = Log::new();
        log.phone("near", &[1, 31, 61, 91], "Sync", "V121_", "200 0 0");
        // This one has no request that is not passed on.
        log.phone("far", &[2, 62, 122, 182], "Sync", to_other_site, "200 0 0");
        log.phone("far", &[32, 92, 152], "Sync", fails, "500 0 0");
        if elsewhere {
            let fails = "V121_Error:KeepAliveFailure_";
            log.phone("near", &[41], "Sync", fails, "500 0 0");
        }
        log
    };
    let log = make(false);
    let (report, _folder) = log.report();
    assert_eq!(users(&report, "proxied_only_failures"), ["far"]);
    assert!(shown_line(&report, "proxied_only_failures", &log).contains("KeepAliveFailure"));
    assert_eq!(users(&report, "failed_requests"), [""; 0]);
    let (report, _folder) = make(true).report();
    assert_eq!(users(&report, "proxied_only_failures"), [""; 0]);
    assert_eq!(users(&report, "failed_requests"), ["far", "near"]);
}

#[test]
fn what_is_passed_on_and_never_works_may_be_a_mailbox_on_exchange_2003() {
    let make = |works: bool| {
        let mut log = Log::new();
        log.phone("near", &[1, 31, 61, 91], "Sync", "V121_", "200 0 0");
        let to_2003 = "V121_PrxTo:fe2003.contoso.com_";
        if works {
            log.phone("old", &[2, 62], "Sync", to_2003, "200 0 0");
        }
        log.phone("old", &[92, 93, 94, 95, 96, 97], "Sync", to_2003, "500 0 0");
        log.report()
    };
    let (report, _folder) = make(false);
    assert_eq!(users(&report, "mailbox_on_exchange_2003_http_500"), ["old"]);
    let (report, _folder) = make(true);
    assert_eq!(users(&report, "mailbox_on_exchange_2003_http_500"), [""; 0]);
    assert_eq!(users(&report, "proxied_only_failures"), ["old"]);
}

#[test]
fn calls_that_a_filter_refuses_are_several_on_one_server() {
    let make = |method: &str, statuses: &[u32]| {
        let mut log = Log::new();
        let old = "V4TEmSSC:0A0C0D0FS:0A0C0D0SP:2C16I3555S33791R";
        log.phone("old", &[1, 31], "Sync", old, "200 0 0");
        log.phone("new", &[2, 32], "Sync", "V121_", "200 0 0");
        for (second, status) in statuses.iter().enumerate() {
            log.line(&format!(
                "2011-05-06 00:05:{second:02} 192.0.2.41 {method} /exchange/old/Inbox/a.EML - old \
                 Microsoft-Server-ActiveSync/6.5.7638.1 {status} 0 0"
            ));
        }
        log
    };
    for (method, statuses, id, found) in [
        (
            "X-MS-ENUMATTS",
            &[403, 403, 403][..],
            "urlscan_attachments_403",
            true,
        ),
        (
            "X-MS-ENUMATTS",
            &[403, 403],
            "urlscan_attachments_403",
            false,
        ),
        (
            "X-MS-ENUMATTS",
            &[404, 404, 404],
            "urlscan_attachments_404",
            true,
        ),
        (
            "X-MS-ENUMATTS",
            &[404, 404, 404, 207, 207, 207, 207],
            "urlscan_attachments_404",
            false,
        ),
        ("GET", &[404, 404, 404, 200], "urlscan_if_header", true),
        ("GET", &[404, 200, 200, 200], "urlscan_if_header", false),
        (
            "PROPFIND",
            &[403, 403, 403],
            "exchange2003_webdav_403",
            true,
        ),
        (
            "PROPFIND",
            &[403, 207, 207],
            "exchange2003_webdav_403",
            false,
        ),
    ] {
        let log = make(method, statuses);
        let (report, _folder) = log.report();
        assert_eq!(
            finding(&report, id).is_some(),
            found,
            "{method} {statuses:?}"
        );
        if found {
            // The phone of Exchange 2003 is concerned, the other is not.
            assert_eq!(users(&report, id), ["old"]);
            let lines = finding(&report, id).unwrap()["evidence"]
                .as_array()
                .unwrap();
            assert_eq!(lines.len(), 2, "the first and the last call");
            let number: usize = lines[0]
                .as_str()
                .unwrap()
                .rsplit_once(':')
                .unwrap()
                .1
                .parse()
                .unwrap();
            let line = log.text.lines().nth(number - 1).unwrap();
            assert!(line.contains(method), "{line}");
        }
    }
}

#[test]
fn a_first_synchronization_that_fails_without_a_name() {
    let mut log = Log::new();
    log.phone("works", &[1, 31, 61, 91], "Sync", "V121_", "200 0 0");
    log.phone("new", &[3], "OPTIONS", "V0_", "200 0 0");
    log.phone("new", &[4, 5, 6], "FolderSync", "V121_", "500 0 0");
    // The same after work is something else.
    log.phone("known", &[2, 32], "Sync", "V121_", "200 0 0");
    log.phone("known", &[44, 45, 46, 47], "FolderSync", "V121_", "500 0 0");
    // IIS says by the substatus that it wants SSL.
    log.phone("plain", &[4, 5, 6], "FolderSync", "V121_", "403 4 5");
    let (report, _folder) = log.report();
    assert_eq!(users(&report, "first_sync_fails"), ["new"]);
    assert_eq!(users(&report, "access_refused"), ["plain"]);
    assert_eq!(users(&report, "server_error_other"), ["known"]);
}

#[test]
fn devices_that_answer_meetings_again_and_again() {
    let mut log = Log::new();
    let minutes: Vec<u32> = (60..100).collect();
    log.phone("loops", &[1, 31], "Sync", "V121_", "200 0 0");
    log.phone("loops", &minutes, "MeetingResponse", "V121_", "200 0 0");
    log.phone("answers", &minutes, "Sync", "V121_", "200 0 0");
    log.phone("answers", &[3, 33], "MeetingResponse", "V121_", "200 0 0");
    let (report, _folder) = log.report();
    assert_eq!(users(&report, "meeting_response_loop"), ["loops"]);
}

#[test]
fn devices_that_were_not_seen_for_days() {
    let list = |arguments: &[&str]| -> Vec<String> {
        let found = json(&[&["devices", "samples/verdicts"], arguments].concat());
        let rows = found["sections"]["devices"].as_array().unwrap();
        rows.iter()
            .map(|row| row["last_seen"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = list(&[]);
    let end = all.iter().max().unwrap();
    assert!(end.starts_with("2011-05-11T"), "{end}");
    // A day before the last request.
    let limit = end.replace("05-11", "05-10");
    let mut want: Vec<String> = all.iter().filter(|last| **last <= limit).cloned().collect();
    want.sort();
    assert!(!want.is_empty() && want.len() < all.len());
    let oldest_first = ["--not-seen-for", "1", "--sort", "last_seen", "--reverse"];
    assert_eq!(list(&oldest_first), want);
    want.reverse();
    assert_eq!(list(&oldest_first[..4]), want);
    let (out, ..) = run(&["devices", "samples/verdicts", "--not-seen-for", "30"]);
    assert!(
        out.contains("not seen in the 30 days before 2011-05-11"),
        "{out}"
    );
    for wrong in [&["--reverse"][..], &["--not-seen-for", "0"]] {
        let (.., code) = run(&[&["devices", "samples/verdicts"], wrong].concat());
        assert_eq!(code, 2, "{wrong:?}");
    }
}

#[test]
fn what_devices_are_sorted_by_is_shown_first() {
    let (out, ..) = run(&["devices", "samples/coexistence", "--sort", "peak_per_day"]);
    let mut lines = out.lines().skip_while(|line| !line.contains("Verdict"));
    assert!(
        lines
            .next()
            .unwrap()
            .trim_start()
            .starts_with("Most on a day  Verdict "),
        "{out}"
    );
    let numbers: Vec<u32> = lines
        .map_while(|line| line.split_whitespace().next()?.parse().ok())
        .collect();
    assert!(
        numbers.len() == 14 && numbers.is_sorted_by(|a, b| a >= b),
        "{out}"
    );
}

#[test]
fn the_list_for_the_helpdesk_says_what_to_do() {
    let (out, ..) = run(&[
        "devices",
        "samples/coexistence",
        "--verdict",
        "not_provisionable",
        "--format",
        "csv",
    ]);
    let mut lines = out.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    for head in [
        "user",
        "device_id",
        "device_type",
        "model",
        "client",
        "os",
        "verdict",
        "reason",
        "finding",
        "who",
        "first_step",
        "evidence",
    ] {
        assert!(heads.contains(&head), "{head}: {heads:?}");
    }
    let (text, ..) = run(&[
        "devices",
        "samples/coexistence",
        "--verdict",
        "not_provisionable",
    ]);
    assert!(
        text.contains(
            "\n  1 × Nokia phones are refused: Mail for Exchange is older than 3.0.50. Exchange"
        ) && text.contains(" Update Mail for Exchange on the phone to 3.0.50 or later.\n"),
        "{text}"
    );
    let nokia = lines.find(|line| line.contains("bernd.olsen")).unwrap();
    for part in [
        "Nokia phones are refused: Mail for Exchange is older than 3.0.50",
        "Update Mail for Exchange on the phone to 3.0.50 or later.",
        "NokiaEmail",
    ] {
        assert!(nokia.contains(part), "{part}: {nokia}");
    }
}

#[test]
fn a_timeline_shows_what_is_asked_for_and_counts_all() {
    let device = [
        "timeline",
        "samples/coexistence",
        "--device",
        "IMEI352924027511437",
    ];
    let shown = |arguments: &[&str]| -> (u64, Vec<String>) {
        let found = json(&[&device, arguments].concat());
        let steps = found["sections"]["steps"].as_array().unwrap();
        assert_eq!(found["shown"], steps.len());
        let steps = steps.iter().map(|step| {
            let text = |key: &str| step[key].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {}",
                text("command"),
                step["sc_status"],
                text("error")
            )
        });
        (found["requests"].as_u64().unwrap(), steps.collect())
    };
    let (_, all) = shown(&[]);
    for (arguments, part) in [
        (&["--status", "449"][..], " 449 "),
        (&["--error", "devicenot*"], " DeviceNotProvisioned"),
        (&["--command", "options"], "OPTIONS "),
        (&["--command", "Settings", "--failed"], "Settings 449"),
    ] {
        let (requests, found) = shown(arguments);
        assert_eq!(requests, 27, "{arguments:?}");
        let want: Vec<String> = all
            .iter()
            .filter(|step| step.contains(part))
            .cloned()
            .collect();
        assert!(!want.is_empty() && want.len() < all.len());
        assert_eq!(found, want, "{arguments:?}");
    }
    let (_, none) = shown(&["--status", "eas:142"]);
    assert!(none.is_empty());
    let (out, ..) = run(&[&device[..], &["--status", "449"]].concat());
    assert!(
        out.starts_with("Timeline of 27 requests (UTC), 14 shown\n"),
        "{out}"
    );
    for wrong in ["eas", "http:449", "449.x", "70000"] {
        let (_, err, code) = run(&[&device[..], &["--status", wrong]].concat());
        assert_eq!(code, 2);
        assert!(err.contains("such as 449 or 401.1"), "{wrong}: {err}");
    }
}

#[test]
fn a_timeline_tells_of_silences() {
    let mut log = Log::new();
    log.phone("a", &[0, 119, 239, 240], "Sync", "V121_", "200 0 0");
    let (_folder, path) = log.written();
    let (out, ..) = run(&["timeline", "--no-raw", "--user", "a", &path]);
    let steps: Vec<&str> = out
        .lines()
        .filter(|line| line.contains("no request for") || line.contains("the same"))
        .map(str::trim)
        .collect();
    // Of 119 minutes nothing is said.
    assert_eq!(
        steps,
        [
            "the same 1 times more, until 2011-05-06T01:59:00Z",
            "… no request for 2 h",
            "the same 1 times more, until 2011-05-06T04:00:00Z",
        ],
        "{out}"
    );
    let found = json(&["timeline", "--user", "a", &path]);
    let steps = found["sections"]["steps"].as_array().unwrap();
    let silences: Vec<_> = steps
        .iter()
        .map(|step| step["silence_s"].as_i64())
        .collect();
    assert_eq!(silences, [None, Some(7140), Some(7200), Some(60)]);
}

#[test]
fn a_401_says_what_the_log_has_no_column_for() {
    let mut log = Log::new();
    log.phone("a", &[1], "Sync", "V121_", "401 1 1326");
    log.phone("a", &[2], "Sync", "V121_", "401 0 0");
    log.phone("a", &[3], "Sync", "V121_", "401 - -");
    log.line(&FIELDS.replace(" sc-substatus sc-win32-status", ""));
    log.phone("a", &[4], "Sync", "V121_", "401");
    let (_folder, path) = log.written();
    let (out, ..) = run(&["timeline", "--no-raw", "--user", "a", &path]);
    for part in [
        "HTTP 401.1, Windows 1326 ERROR_LOGON_FAILURE ",
        "HTTP 401, substatus 0, Windows 0 ",
        "HTTP 401, substatus -, Windows - ",
        "HTTP 401, no column sc-substatus, no column sc-win32-status ",
    ] {
        assert!(out.contains(part), "{part}\n{out}");
    }
}

/// Each of these findings lists the phone that it is about, and not the one that looks like it.
#[test]
fn findings_have_two_sides() {
    let ok = "200 0 0";
    let mut log = Log::new();
    log.phone("calm", &[1, 31, 61, 91], "Sync", "V121_", ok);

    // The same loop with iOS 4.0 and with a later one, and iOS 4.0 without a loop.
    for (user, agent, loops) in [
        ("ios40", "Apple-iPhone3C1/801.293", true),
        ("ios421", "Apple-iPhone3C1/803.148", true),
        ("ios40calm", "Apple-iPhone3C1/801.293", false),
    ] {
        log.agent = agent;
        for n in 0..12 {
            let key = if loops { 77 } else { 77 + n };
            let folder = format!("V121_Fid:5_Ty:Em_Filt5_St:S_Sk:{key}_");
            log.request(user, 3600 + 30 * n, "Sync", &folder, ok);
        }
    }
    // Meetings.
    let minutes: Vec<u32> = (120..140).collect();
    for (user, agent, command) in [
        ("ios61", "Apple-iPhone5C1/1002.141", "MeetingResponse"),
        ("ios612", "Apple-iPhone5C1/1002.146", "MeetingResponse"),
        ("ios61calm", "Apple-iPhone5C1/1002.141", "Sync"),
        ("ios612calm", "Apple-iPhone5C1/1002.146", "Sync"),
    ] {
        log.agent = agent;
        log.phone(user, &minutes, command, "V141_", ok);
    }
    // Storms.
    log.agent = "Apple-iPhone4C1/902.206";
    for (user, command, requests) in [
        ("pings", "Ping", 70),
        ("syncs", "Sync", 70),
        ("sixty", "Ping", 60),
    ] {
        for n in 0..requests {
            // More than one a second, in the minute of 5:00.
            log.request(user, 5 * 3600 + n * 59 / requests, command, "V141_", ok);
        }
    }
    // Sync states, in KB.
    log.phone(
        "large",
        &[301],
        "Sync",
        "V141_Fid:5_Ty:Em_Filt0_St:S_Sk:1_Sst1001_",
        ok,
    );
    log.phone(
        "medium",
        &[301],
        "Sync",
        "V141_Fid:5_Ty:Em_Filt0_St:S_Sk:1_Sst1000_",
        ok,
    );
    // Full mailboxes.
    let full = "V141_Error:MailboxQuotaExceeded_";
    log.phone("full", &[301, 302, 303], "SendMail", full, "507 0 0");
    log.phone("emptied", &[301, 302, 303], "SendMail", full, "507 0 0");
    log.phone("emptied", &[304, 334], "SendMail", "V141_", ok);
    // Redirects.
    for (user, version) in [("old", "V121_"), ("new", "V141_"), ("followed", "V141_")] {
        let told = format!("{version}Error:MisconfiguredDevice_");
        log.phone(user, &[301, 311, 321], "FolderSync", &told, "451 0 0");
        if user == "followed" {
            log.phone(user, &[331, 361], "Sync", version, ok);
        }
    }
    // Pings that break: after two minutes, after twenty, and too few.
    log.line(&format!("{FIELDS} time-taken"));
    for (user, number, duration_ms) in [
        ("cut", 3, 120_000),
        ("long", 3, 1_200_000),
        ("twice", 2, 120_000),
    ] {
        for n in 0..number {
            let status = format!("200 0 64 {duration_ms}");
            log.request(user, 6 * 3600 + n * 1500, "Ping", "V141_", &status);
        }
        log.request(user, 8 * 3600, "Sync", "V141_", "200 0 0 15");
    }

    let (report, _folder) = log.report();
    for (id, listed) in [
        ("ios_4_0_full_sync", &["ios40"][..]),
        ("sync_loop", &["ios421"]),
        ("ios_6_1_calendar_loop", &["ios61"]),
        ("meeting_response_loop", &["ios612"]),
        ("ios_6_1_in_use", &["ios61calm"]),
        ("ping_storm", &["pings"]),
        ("request_storm", &["syncs"]),
        ("large_sync_state", &["large"]),
        ("mailbox_full", &["full"]),
        ("redirect_old_protocol", &["old"]),
        ("redirect_not_followed", &["new"]),
        ("redirect_followed", &["followed"]),
        ("short_heartbeats", &["cut"]),
    ] {
        assert_eq!(users(&report, id), listed, "{id}");
    }
}

/// Columns of numbers that lines may tell, also as 0.
const TOLD: [&str; 10] = [
    "bytes_sent",
    "bytes_received",
    "rpc_count",
    "rpc_latency_ms",
    "largest_rpc_count",
    "largest_rpc_latency_ms",
    "max_throttle_ms",
    "max_sync_state_kb",
    "broken_pings",
    "longest_ping_ms",
];

#[test]
fn columns_of_which_the_logs_tell_nothing_are_empty() {
    let mut log = Log::new();
    log.phone("a", &[1, 31], "Sync", "V121_", "200 0 0");
    let (report, _folder) = log.report();
    let device = &report["sections"]["devices"][0];
    let others = [
        "largest_rpc_count_line",
        "largest_rpc_latency_line",
        "overdrawn_requests",
        "max_sync_state_line",
        "longest_ping_line",
        "peak_per_minute",
    ];
    for column in TOLD.into_iter().chain(others) {
        assert!(device[column].is_null(), "{column}: {}", device[column]);
    }
    assert_eq!(device["failed_requests"], 0);
}

#[test]
fn what_the_logs_tell_as_zero_is_zero() {
    let mut log = Log::new();
    log.line(&format!("{FIELDS} sc-bytes cs-bytes time-taken"));
    let zeros = "V121_RpcC0_RpcL0_Throttle0_Sst0_";
    for second in [60, 90] {
        log.request("a", second, "Ping", zeros, "200 0 0 0 0 0");
    }
    let (report, _folder) = log.report();
    let device = &report["sections"]["devices"][0];
    for column in TOLD {
        assert_eq!(device[column], 0, "{column}");
    }
}

/// The largest of all requests, each with its line; of equally large ones the first.
#[test]
fn the_largest_request_of_a_device_is_named() {
    let mut log = Log::new();
    log.line(&format!("{FIELDS} time-taken"));
    for (second, command, elements, taken_ms) in [
        (60, "Sync", "V121_Fid:5_Sst90_RpcC20_RpcL31_", 5_000_000),
        (90, "Sync", "V121_Fid:7_Sst800_", 20),
        (120, "Ping", "V121_RpcC3_RpcL900_", 480_000),
        (180, "Ping", "V121_RpcC20_", 1_700_000),
        (240, "Ping", "V121_RpcL900_", 1_700_000),
    ] {
        log.request(
            "a",
            second,
            command,
            elements,
            &format!("200 0 0 {taken_ms}"),
        );
    }
    let (report, _folder) = log.report();
    let device = &report["sections"]["devices"][0];
    for (column, value, line_column, line) in [
        ("longest_ping_ms", 1_700_000, "longest_ping_line", ":6"),
        ("largest_rpc_count", 20, "largest_rpc_count_line", ":3"),
        (
            "largest_rpc_latency_ms",
            900,
            "largest_rpc_latency_line",
            ":5",
        ),
        ("max_sync_state_kb", 800, "max_sync_state_line", ":4"),
    ] {
        assert_eq!(device[column], value, "{column}");
        let place = device[line_column].as_str().unwrap();
        assert!(place.ends_with(line), "{line_column}: {place}");
    }
    assert_eq!(
        (&device["rpc_count"], &device["rpc_latency_ms"]),
        (&43.into(), &1831.into())
    );
}

#[test]
fn the_first_screen_tells_of_files_that_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.log.gz");
    // The beginning of a gzip file, and then something else.
    fs::write(&cut, b"\x1f\x8b\x08\x00garbage").unwrap();
    let (out, _, code) = run(&["samples/coexistence", cut.to_str().unwrap()]);
    assert_eq!(code, 1);
    let head: Vec<&str> = out.lines().take(8).collect();
    assert!(
        head.iter()
            .any(|line| line.contains("1 file not read: see Input at the end")),
        "{head:?}"
    );
}

/// Every status, error and access state names the first line that has it, whether it failed or not.
#[test]
fn numbers_can_be_followed_to_their_lines() {
    let mut log = Log::new();
    log.phone("a", &[1, 31], "Sync", "V141_", "200 0 0");
    log.phone("b", &[2, 32], "Sync", "V141_S142_As:BlockedP_", "200 0 0");
    log.phone(
        "a",
        &[41],
        "Ping",
        "V141_Error:PingCollisionDetected_",
        "200 0 64",
    );
    log.phone("b", &[42], "Sync", "V141_As:AllowedG_", "200 0 0");
    let (report, _folder) = log.report();
    let samples = |section: &str| -> Vec<u32> {
        let rows = report["sections"][section].as_array().unwrap().iter();
        let lines = rows.map(|row| row["sample"].as_str().unwrap().rsplit_once(':').unwrap().1);
        let mut lines: Vec<u32> = lines.map(|line| line.parse().unwrap()).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(samples("http_status"), [2, 6]);
    assert_eq!(samples("eas_status"), [4]);
    assert_eq!(samples("errors"), [6]);
    assert_eq!(samples("access_states"), [4, 7]);
}

#[test]
fn devices_that_would_stop_if_a_policy_were_asked_for() {
    let mut log = Log::new();
    log.phone("none", &[1, 31, 61], "Sync", "V141_Pk0_", "200 0 0");
    // The first step of provisioning has no key either.
    log.phone("got", &[2], "FolderSync", "V141_Pk0_S142_", "200 0 0");
    log.phone("got", &[3], "Provision", "V141_Pk0_", "200 0 0");
    log.phone("got", &[32, 62], "Sync", "V141_Pk3942919513_", "200 0 0");
    log.phone("untold", &[4, 34, 64], "Sync", "V141_", "200 0 0");
    log.phone("refused", &[5, 35, 65], "Sync", "V141_Pk0_S142_", "200 0 0");
    let (report, _folder) = log.report();
    assert_eq!(users(&report, "works_without_policy"), ["none"]);
}

#[test]
fn a_401_beside_exchange_2003_is_a_hint_only_where_windows_gives_no_reason() {
    let make = |with_2003: bool| {
        let mut log = Log::new();
        if with_2003 {
            let old = "V4TEmSSC:0A0C0D0FS:0A0C0D0SP:2C16I3555S33791R";
            log.phone("old", &[1, 31], "Sync", old, "200 0 0");
        }
        log.phone("new", &[2, 32], "Sync", "V121_", "200 0 0");
        log.phone("unexplained", &[3, 33, 63], "Sync", "V121_", "401 1 0");
        log.phone("wrong", &[4, 34, 64], "Sync", "V121_", "401 1 1326");
        log.report()
    };
    let (report, _folder) = make(true);
    assert_eq!(users(&report, "coexistence_http_401"), ["unexplained"]);
    assert_eq!(users(&report, "auth_wrong_password"), ["wrong"]);
    let (report, _folder) = make(false);
    assert_eq!(users(&report, "coexistence_http_401"), [""; 0]);
}

/// Every command that the README names for a question runs, with its options and columns.
#[test]
fn the_commands_of_the_readme_run() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let table = readme
        .split("### Which command answers which question")
        .nth(1)
        .and_then(|rest| rest.split("### Verdicts").next())
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let mut ran = 0;
    for part in table.split('`').skip(1).step_by(2) {
        let words: Vec<&str> = part
            .split_whitespace()
            .map(|word| match word {
                "LOGS" | "LOGS_OF_THAT_SERVER" => "samples/coexistence",
                "NAME" => "frank.moss",
                "ID" => "Appl5K0239F4A4S",
                "TIME" => "2011-05-06T11:00",
                "CODE" => "449",
                "FILE:LINE" => "samples/coexistence/CAS2010/W3SVC1/u_ex110506.log:64",
                "DIR" => folder,
                word => word,
            })
            .collect();
        let arguments = match words[..] {
            // What is left out is told by its dots.
            _ if part.contains('…') => continue,
            ["eas-log-report", ..] => words[1..].to_vec(),
            ["devices" | "explain", ..] => words,
            [
                "--sort" | "--finding" | "--verdict" | "--not-seen-for",
                _,
                ..,
            ] => [&["devices"], &words[..]].concat(),
            _ => continue,
        };
        let names_input = arguments.contains(&"samples/coexistence") || arguments[0] == "explain";
        let arguments = if names_input {
            arguments
        } else {
            [&arguments[..], &["samples/coexistence"]].concat()
        };
        // A user or device of the samples has not sent everything that is asked for.
        let (_, err, code) = run(&arguments);
        assert_eq!(code, 0, "{part}: {err}");
        ran += 1;
    }
    assert!(ran >= 35, "{ran}");
}
