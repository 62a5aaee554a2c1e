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

/// What is printed for what stands on standard input, on standard error, and the exit code.
fn piped(bytes: &[u8]) -> (String, String, i32) {
    let mut child = command()
        .arg("explain")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
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

    let (piped, err, code) = piped(line.as_bytes());
    assert_eq!((err.as_str(), code), ("", 0));
    assert_eq!(piped, pasted);
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
    let (out, err, code) = run(&["explain", "DeviceNotProvisoned"]);
    assert_eq!((err.as_str(), code), ("", 2), "nothing is explained");
    assert!(out.contains("near to it: DeviceNotProvisioned"), "{out}");
    let (_, err, code) = run(&[
        "explain",
        "samples/coexistence/FE2003/W3SVC1/ex110506.log:999",
    ]);
    assert_eq!(code, 2);
    assert!(err.contains("line 999: the file has 39 lines"), "{err}");
    let (out, err, code) = run(&["explain", "nofile.log:64"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("nofile.log: there is no such file"), "{err}");
    for nothing in ["", "\n  \n"] {
        let (out, err, code) = piped(nothing.as_bytes());
        assert_eq!((out.as_str(), code), ("", 2));
        assert!(err.contains("standard input is empty"), "{err}");
    }
}

#[test]
fn codes_of_a_line_that_no_table_has_are_unknown_in_json_too() {
    let line = "2016-08-01 10:00:00 10.0.0.1 POST /Microsoft-Server-ActiveSync/default.eas \
        Cmd=Nap&Log=V141_S199_ 443 u 9.9.9.9 foo/1 299 9 12345 50";
    let (out, _, code) = run(&["explain", "--line", line, "--format", "json"]);
    assert_eq!(code, 0);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let fields = json[0]["meanings"][0]["parts"].as_array().unwrap();
    let mut unknown = 0;
    for name in [
        "cs(User-Agent)",
        "sc-status",
        "sc-substatus",
        "sc-win32-status",
    ] {
        let field = fields.iter().find(|field| field["name"] == name).unwrap();
        assert_eq!(field["known"], true, "{name}");
        assert_eq!(field["parts"][0]["known"], false, "{name}");
        unknown += 1;
    }
    assert_eq!(unknown, 4);
}

#[test]
fn nothing_in_a_log_steers_the_terminal() {
    let agent = "TouchDown(MSRPC)/\x1b[31mRED\x1b]0;pwn\x07";
    let model = "Moto-a\u{202e}evil/1";
    let line = format!(
        "2011-05-06 11:30:11 192.0.2.41 POST /Microsoft-Server-ActiveSync/default.eas \
         User=u&DeviceId=D1&DeviceType=\x1b[35mx&Cmd=Pi\x1b[31mng&Log=V121_\x1b[32mX:1_Error:\x1b[33mx_\
         Budget:(D)\x1b[34mZ%3a1_ActivityContextData:S%3a\x1b[36mN%3d1_ 443 C\\u 10.0.0.1 {agent} 200 0 0 10"
    );
    let mut cases = 0;
    for text in [agent, model, &line, "\x1b[31mnothing", "X\u{9b}31m:1"] {
        let (out, err, _) = piped(text.as_bytes());
        let steers = |c: char| {
            c.is_control() && c != '\n'
                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        assert!(!out.is_empty() && !out.contains(steers), "{out:?}");
        assert!(!err.contains(steers), "{err:?}");
        cases += 1;
    }
    assert_eq!(cases, 5);
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let fields = "#Fields: cs-uri-stem cs-uri-query sc-status\n";
    let line = b"/Microsoft-Server-ActiveSync Cmd=Ping&User=caf\xe9&Log=V140_S3_ 200\n";
    let (out, err, code) = piped(&[fields.as_bytes(), line].concat());
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.contains(r"caf\xe9"), "{out}");
    assert!(out.contains("columns named by: #Fields"), "{out}");
    let (out, _, code) = piped(b"Android/caf\xe9-EAS-1.3");
    assert_eq!(code, 2, "{out}");
    assert!(out.contains(r"Android/caf\xe9-EAS-1.3"), "{out}");
}

#[test]
fn pasted_lines_are_read_by_the_header_pasted_with_them() {
    let text =
        "#Fields: sc-status cs-uri-stem cs-uri-query\n449 /Microsoft-Server-ActiveSync Cmd=Sync\n";
    let (by_stdin, err, code) = piped(text.as_bytes());
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(by_stdin.contains("columns named by: #Fields"), "{by_stdin}");
    assert!(by_stdin.contains("must run Provision"), "{by_stdin}");
    let (by_option, _, code) = run(&["explain", "--line", text]);
    assert_eq!((code, &by_option), (0, &by_stdin));
    let (head, line) = text.split_once('\n').unwrap();
    let (by_two, _, code) = run(&["explain", "--line", head, "--line", line]);
    assert_eq!(code, 0);
    assert!(by_two.ends_with(&by_stdin), "{by_two}");
}
