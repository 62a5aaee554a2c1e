//! `explain` says what codes, names and lines mean.

use std::io::Write;
use std::process::Stdio;

use crate::{command, run};

const LINE: &str = "samples/coexistence/CAS2010/W3SVC1/u_ex110506.log:64";

/// What is printed for a subject that must be known.
fn explain(subject: &str) -> String {
    let (out, err, code) = run(&["explain", subject]);
    assert_eq!((err.as_str(), code), ("", 0), "{subject}");
    out
}

#[test]
fn the_subjects_of_the_help_are_known() {
    let cases: [(&str, &[&str]); 9] = [
        (
            "449",
            &["HTTP status 449", "must run Provision", "documented"],
        ),
        ("401.2", &["IIS substatus 401.2", "background knowledge"]),
        (
            "DeviceNotProvisioned",
            &["error DeviceNotProvisioned", "EAS status 142"],
        ),
        (
            "BlockedP",
            &["access state BlockedP", "mailbox policy", "reason: Policy"],
        ),
        ("RpcL", &["element RpcL", "unit: ms", "inferred"]),
        (
            "0x80090322",
            &["Windows status 2148074274", "SEC_E_WRONG_PRINCIPAL"],
        ),
        ("1326", &["Windows status 1326", "bad password"]),
        ("Apple-iPhone3C1/801.293", &["iPhone 4 GSM", "iOS 4.0"]),
        (
            "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
            &["v140Device", "SmartPhone", "0x0409"],
        ),
    ];
    for (subject, words) in cases {
        let out = explain(subject);
        for word in words {
            assert!(out.contains(word), "{subject}: {word}\n{out}");
        }
    }
}

#[test]
fn a_line_by_its_place_and_pasted() {
    let by_place = explain(LINE);
    for word in [
        "an ActiveSync request (Settings) that was refused: the device is asked to provision",
        "columns named by: #Fields",
        "121 (12.1)",
        "device was never or no longer provisioned",
        "Nokia, Mail for Exchange 2.02.0, E721, Symbian",
        "at the end of the request",
        "19999 ms",
    ] {
        assert!(by_place.contains(word), "{word}\n{by_place}");
    }
    let (path, number) = LINE.rsplit_once(':').unwrap();
    let text = std::fs::read_to_string(crate::workspace().join(path)).unwrap();
    let line = text
        .lines()
        .nth(number.parse::<usize>().unwrap() - 1)
        .unwrap();
    let (pasted, err, code) = run(&["explain", "--line", line]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(
        pasted.replace("IIS 7", "#Fields"),
        by_place,
        "the fields of IIS 7 are recognised"
    );

    let mut child = command()
        .arg("explain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(line.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), pasted);
}

#[test]
fn lines_of_other_servers() {
    let line = "samples/coexistence/FE2003/W3SVC1/ex110506.log:6";
    assert!(
        explain(line).contains("packed, of Exchange 2003"),
        "{}",
        explain(line)
    );
    let query = "User=u&DeviceId=D&Cmd=Ping&Log=V141_Zz9_S3_Error:PingCollisionDetected_";
    let out = explain(query);
    assert!(
        out.contains("unknown"),
        "an element that no table has: {out}"
    );
    assert!(
        out.contains("a newer Ping of the same device replaced this one"),
        "{out}"
    );
    let odd = "2011-05-06 x y /Microsoft-Server-ActiveSync Cmd=Ping&User=u a b c d e f g h i j k l";
    let out = explain(odd);
    assert!(
        out.contains("its columns have no names") && out.contains("waits for changes"),
        "{out}"
    );
}

#[test]
fn json_says_the_same() {
    let (out, _, code) = run(&["explain", "449", LINE, "--format", "json"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json[0]["subject"], "449");
    assert_eq!(json[0]["meanings"][0]["kind"], "HTTP status");
    assert_eq!(json[0]["meanings"][0]["evidence"], "D+X");
    let fields = json[1]["meanings"][0]["parts"].as_array().unwrap();
    assert_eq!(fields.len(), 14);
    assert_eq!(fields[10]["name"], "sc-status");
    assert_eq!(fields[10]["value"], "449");
}

#[test]
fn what_is_not_known_is_said_to_be_unknown() {
    let (out, err, code) = run(&["explain", "DeviceNotProvisoned", "449"]);
    assert_eq!((err.as_str(), code), ("", 1));
    assert!(out.contains("unknown: no table has it"), "{out}");
    assert!(out.contains("near to it: DeviceNotProvisioned"), "{out}");
    assert!(
        out.contains("HTTP status 449"),
        "the other is explained: {out}"
    );
    let (_, err, code) = run(&[
        "explain",
        "samples/coexistence/FE2003/W3SVC1/ex110506.log:999",
    ]);
    assert_eq!(code, 2);
    assert!(err.contains("line 999: the file has 39 lines"), "{err}");
}
