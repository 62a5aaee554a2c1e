//! What strangers invent costs no more than is set aside for it, and hides nobody.

use std::fmt::Write;
use std::fs;

use crate::run;

const FIELDS: &str = "#Fields: date time cs-method cs-uri-stem cs-uri-query cs-username c-ip \
                      cs(User-Agent) sc-status sc-substatus sc-win32-status\n";

/// Lines of strangers, of a user whose client invents ids, and of devices that are real.
fn logs() -> Vec<String> {
    let mut logs = vec![FIELDS.to_owned(); 3];
    let mut line = |number: u32, user: &str, device: &str, agent: &str, cmd: &str, logon: &str| {
        let (minute, second) = (number / 60 % 1440, number % 60);
        writeln!(
            logs[number as usize % 3],
            "2011-05-06 {:02}:{:02}:{second:02} POST /Microsoft-Server-ActiveSync/default.eas \
             User={user}&DeviceId={device}&DeviceType=T&Cmd={cmd} {logon}",
            minute / 60,
            minute % 60,
            logon = logon.replace("AGENT", agent),
        )
        .unwrap();
    };
    for n in 0..35_000 {
        let (user, device) = (format!("u{n}"), format!("D{n}"));
        line(
            n,
            &user,
            &device,
            "a/1",
            "Sync",
            "- 203.0.113.9 AGENT 401 2 5",
        );
    }
    for n in 0..2500 {
        let (device, agent) = (format!("N{n}"), format!("b/{n}"));
        line(
            n,
            "eva",
            &device,
            &agent,
            "Sync",
            r"C\eva 203.0.113.8 AGENT 200 0 0",
        );
    }
    for n in 0..600 {
        let (device, cmd) = (format!("REAL{}", n % 6), format!("Odd{n}"));
        // Each real device says who it is only when it is asked.
        line(
            n,
            "kim",
            &device,
            "c/1",
            "Sync",
            "- 203.0.113.7 AGENT 401 2 5",
        );
        line(
            n,
            "kim",
            &device,
            "c/1",
            "Sync",
            r"C\kim 203.0.113.7 AGENT 200 0 0",
        );
        line(
            n,
            "kim",
            &device,
            "c/1",
            &cmd,
            r"C\kim 203.0.113.7 AGENT 200 0 0",
        );
    }
    logs
}

const REQUESTS: u64 = 35_000 + 2500 + 3 * 600;

#[test]
fn strangers_are_bounded_and_hide_nobody() {
    let folder = tempfile::tempdir().unwrap();
    for (number, log) in logs().iter().enumerate() {
        fs::write(folder.path().join(format!("{number}.log")), log).unwrap();
    }
    let path = folder.path().to_str().unwrap();
    let whole = run(&[path, "--format", "json", "--threads", "1"]);
    let report: serde_json::Value = serde_json::from_str(&whole.0).unwrap();
    assert_eq!(report["totals"]["requests"], REQUESTS);
    let lost = report["input"]["not_told_apart"].as_u64().unwrap();
    assert!((3600..10_000).contains(&lost), "{lost}");
    let devices = report["sections"]["devices"].as_array().unwrap();
    let of = |user: &str| {
        let users = devices.iter().filter(|device| {
            device["user"]
                .as_str()
                .is_some_and(|name| name.ends_with(user))
        });
        users.collect::<Vec<_>>()
    };
    let kim = of("kim");
    assert_eq!(kim.len(), 6, "the real ones are all there");
    for device in kim {
        assert!(device["requests"].as_u64().unwrap() >= 200, "{device}");
    }
    let eva = of("eva").len();
    assert!((800..=1025).contains(&eva), "{eva}");
    assert!(
        (28_000..34_000).contains(&devices.len()),
        "{}",
        devices.len()
    );

    // Nothing depends on who reads what first. The files are named in one order in any case.
    let files = ["2", "0", "1"].map(|number| format!("{path}/{number}.log"));
    let files = files.each_ref().map(String::as_str);
    let turned = run(&[&files[..], &["--format", "json", "--threads", "2"]].concat());
    assert!(turned == whole, "another order, another report");

    // Only requests that are in the report can be missing from its rows.
    let (late, _, _) = run(&[path, "--since", "2011-05-06T09:40"]);
    let number = |end: &str| {
        let line = late.lines().find(|line| line.contains(end)).unwrap();
        let digits = line.trim().split(' ').next().unwrap().replace(',', "");
        digits.parse::<u64>().unwrap()
    };
    let (requests, missing) = (
        number(" requests of "),
        number(" of the requests are in the totals"),
    );
    assert!(missing > 0 && missing < requests, "{missing} of {requests}");

    // Who is asked for by name is found, however many others there are.
    let (wanted, _, code) = run(&[path, "--device", "D34999", "--color", "never"]);
    assert_eq!(code, 0);
    assert!(wanted.contains("D34999"), "{wanted}");
    assert!(!wanted.contains("told apart"), "{wanted}");
    let (all, _, _) = run(&[path]);
    assert!(all.contains("than are told apart"), "{all}");
}
