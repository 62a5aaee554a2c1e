//! `--pseudonymize`: no form of output tells a name.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use eas_log_parse::{Account, EasQuery, Encoded, Entry, LogSlice};
use eas_log_report::triage::Verdict;
use mail_parser::{MessageParser, MimeHeaders};
use tempfile::TempDir;

use crate::{json, run, workspace};

const KEY: &str = "some random text for a test\n";

/// A folder with a key file, and the path of it.
fn key() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, KEY).unwrap();
    let path = path.to_str().unwrap().to_owned();
    (folder, path)
}

/// Every log below a folder.
fn logs(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            logs(&path, found);
        } else {
            found.push(fs::read(&path).unwrap());
        }
    }
}

/// Every user, device, address and server that the lines of some logs name, in lower case: as
/// logged, and decoded.
fn names(logs: &[Vec<u8>]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut note = |raw: &[u8]| {
        let decoded = Encoded::new(raw).decode();
        for text in [raw, &decoded] {
            names.insert(String::from_utf8_lossy(text).to_lowercase());
        }
        decoded.into_owned()
    };
    for log in logs {
        let mut log = LogSlice::new(log);
        while let Some(entry) = log.next_entry() {
            let Entry::Record(record) = entry else {
                continue;
            };
            let hosts = [
                record.c_ip(),
                record.s_ip(),
                record.s_computername(),
                record.cs_host(),
            ];
            hosts.into_iter().flatten().for_each(|host| {
                note(host);
            });
            let query = EasQuery::parse(record.cs_uri_query().unwrap_or_default());
            let in_query = query.user().map(Encoded::raw);
            for user in [record.cs_username(), in_query].into_iter().flatten() {
                let user = note(user);
                note(Account::parse(&user).name);
            }
            if let Some(device) = query.device_id() {
                note(device.raw());
            }
            for element in query.log().into_iter().flat_map(|log| log.elements()) {
                if matches!(element.identifier(), b"Mbx" | b"Dc" | b"PrxTo" | b"PrxFrom") {
                    let host = note(element.value());
                    note(host.split(|&b| b == b'.').next().unwrap());
                }
            }
        }
    }
    // Names of up to three letters cannot be told from words and numbers, nor can the users of
    // samples/verdicts, which are called what they suffer from, without their domain; and one sample
    // names its device like a word.
    let is_word = |name: &str| Verdict::from_name(name).is_some() || name == "internet";
    names.retain(|name| name.len() > 3 && !is_word(name));
    names
}

/// Every file of a folder, its name included.
fn content(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all += &path.file_name().unwrap().to_string_lossy();
        all += "\n";
        all += &String::from_utf8(fs::read(&path).unwrap()).unwrap();
    }
    all
}

/// All parts of a mail, decoded.
fn parts(mail: &str) -> String {
    let mail = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let mut all = mail.subject().unwrap().to_owned();
    for part in &mail.parts {
        all += part.text_contents().unwrap_or_default();
    }
    assert!(mail.attachment(0).unwrap().attachment_name().is_some());
    all
}

fn assert_hides(out: &str, names: &BTreeSet<String>, what: &str) {
    let lower = out.to_lowercase();
    for name in names {
        let found = lower.find(name.as_str());
        let around = found.map(|at| {
            let from = lower.floor_char_boundary(at.saturating_sub(60));
            &lower[from..lower.ceil_char_boundary((at + 60).min(lower.len()))]
        });
        assert_eq!(around, None, "{name} in {what}");
    }
}

#[test]
fn no_form_of_output_tells_a_name() {
    let (folder, key) = key();
    let mut samples = Vec::new();
    logs(&workspace().join("samples"), &mut samples);
    let mut names = names(&samples);
    assert!(names.len() > 120, "{}", names.len());
    // Parts of names, and folders, tell as much.
    for part in [
        "fabrikam",
        "olsen",
        "imei3529",
        "198.51.100.",
        "cas2010",
        "samples/",
    ] {
        names.insert(part.to_owned());
    }
    let place = |name: &str| {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        (path.to_str().unwrap().to_owned(), path)
    };
    let hidden = |arguments: &[&str]| {
        let (out, err, code) = run(&[arguments, &["--pseudonymize", &key]].concat());
        assert_eq!(code, 0, "{arguments:?}: {err}");
        out
    };
    let everybody = ["--user", "*", "--top", "0"];
    let forms = ["text", "json", "html", "markdown"].map(|form| vec!["--format", form]);
    for form in forms {
        let out = hidden(&[&["samples", "--top", "0"], &form[..]].concat());
        assert_hides(&out, &names, form[1]);
        assert!(out.contains("user-") && out.contains("device-"), "{form:?}");
    }
    for command in [
        &["devices", "samples", "--top", "0"][..],
        &["timeline", "samples", "--user", "*", "--top", "0"],
        &[
            "compare",
            "samples",
            "--cutover",
            "2011-05-07",
            "--top",
            "0",
        ],
    ] {
        for form in ["text", "json"] {
            let out = hidden(&[command, &["--format", form]].concat());
            assert_hides(&out, &names, &format!("{command:?} {form}"));
            assert!(out.contains("user-"), "{command:?} {form}");
        }
    }
    let base64 = hidden(&[&["timeline", "samples"], &everybody[..]].concat());
    assert!(base64.contains("Cmd=Sync&"), "lines are shown: {base64}");

    for (form, want) in [
        ("csv", 15),
        ("export-activesynclog", 6),
        ("activesyncreport", 1),
    ] {
        for more in [&[][..], &["--compat"]] {
            if form == "csv" && !more.is_empty() {
                continue;
            }
            let (output, path) = place(&format!("{form}{}", more.len()));
            let to = ["samples", "--format", form, "--output", &output];
            hidden(&[&to, more].concat());
            assert_eq!(fs::read_dir(&path).unwrap().count(), want, "{form}");
            let all = content(&path);
            assert_hides(&all, &names, form);
            assert!(all.contains("user-"), "{form}");
        }
    }
    let (_, path) = place("watched");
    let file = |name: &str| path.join(name).to_str().unwrap().to_owned();
    let (mail, totals) = (file("mail.eml"), file("totals.prom"));
    let from = [
        "--mail-from",
        "eas@contoso.com",
        "--mail-to",
        "it@contoso.com",
    ];
    hidden(
        &[
            &["samples", "--eml", &mail, "--prometheus", &totals],
            &from[..],
        ]
        .concat(),
    );
    assert_hides(&fs::read_to_string(totals).unwrap(), &names, "totals");
    let mail = parts(&fs::read_to_string(mail).unwrap());
    assert_hides(&mail, &names, "mail");
    assert!(mail.contains("user-"), "{mail}");
}

/// What clients write into free text is searched for names, whatever wraps them.
#[test]
fn names_within_other_texts_are_found() {
    let (folder, key) = key();
    let log = folder.path().join("contoso-cas01.log");
    let fields = "#Fields: date time s-ip cs-uri-stem cs-uri-query cs-username c-ip \
                  cs(User-Agent) sc-status\n";
    let line = "2011-05-06 11:00:00 192.0.2.9 /Microsoft-Server-ActiveSync \
                User=jane.doe%40contoso.com&DeviceId=SN12345X&DeviceType=Phone-SN12345X&Cmd=Sync&\
                Log=V140_Error:NoMailboxOf%3ajane.doe%40contoso.com_DevModel:SN12345X_\
                Mbx:MBX7.corp.contoso.com_ CONTOSO\\jane.doe 203.0.113.9 \
                OneMail/1.0+(jane.doe@contoso.com;+mbx8.corp.contoso.com) 500\n";
    fs::write(&log, format!("{fields}{line}{line}")).unwrap();
    let log = log.to_str().unwrap();
    let output = folder.path().join("files");
    let output = output.to_str().unwrap();
    let mut tried = 0;
    for arguments in [
        &["--format", "json", log][..],
        &["--format", "html", log],
        &["timeline", "--user", "jane.doe", log],
        &["--format", "export-activesynclog", "--output", output, log],
        &["--format", "activesyncreport", "--output", output, log],
    ] {
        let (mut out, err, code) = run(&[arguments, &["--pseudonymize", &key]].concat());
        assert_eq!((err.as_str(), code), ("", 0));
        if arguments.contains(&"--output") {
            out = content(Path::new(output));
        }
        for name in [
            "jane",
            "contoso",
            "sn12345x",
            "mbx7",
            "mbx8",
            "192.0.2.9",
            "203.0",
        ] {
            assert!(!out.to_lowercase().contains(name), "{name} in {out}");
        }
        assert!(
            out.contains("1.0+(user-") || out.contains("1.0 (user-"),
            "{out}"
        );
        tried += 1;
    }
    assert_eq!(tried, 5);
}

/// But for names nothing changes, and the same key gives the same pseudonyms in every form.
#[test]
fn pseudonyms_are_the_same_everywhere() {
    let (folder, key) = key();
    let (plain, hidden) = (
        json(&["samples"]),
        json(&["samples", "--pseudonymize", &key]),
    );
    assert_eq!(plain["totals"], hidden["totals"]);
    for section in ["verdicts", "device_types", "http_status", "errors", "hours"] {
        let rows = |report: &serde_json::Value| {
            let mut rows = report["sections"][section].as_array().unwrap().clone();
            // A place names its file.
            for row in &mut rows {
                row.as_object_mut().unwrap().remove("sample");
            }
            rows
        };
        assert_eq!(rows(&plain), rows(&hidden), "{section}");
    }
    let rows = |report: &serde_json::Value, section: &str| {
        report["sections"][section].as_array().map(Vec::len)
    };
    assert_eq!(rows(&plain, "failures"), rows(&hidden, "failures"));
    let findings = |report: &serde_json::Value| -> Vec<(String, u64)> {
        let findings = report["findings"].as_array().unwrap().iter();
        findings
            .map(|one| (one["id"].to_string(), one["devices"].as_u64().unwrap()))
            .collect()
    };
    assert_eq!(findings(&plain), findings(&hidden));

    let output = folder.path().to_str().unwrap();
    let (_, err, code) = run(&[
        "samples/coexistence",
        "--format",
        "export-activesynclog",
        "--output",
        output,
        "--pseudonymize",
        &key,
    ]);
    assert_eq!(code, 0, "{err}");
    let users = fs::read_to_string(folder.path().join("Users.csv")).unwrap();
    let mut known = 0;
    for row in hidden["sections"]["devices"].as_array().unwrap() {
        let (user, device) = (row["user"].as_str(), row["device_id"].as_str());
        let (Some(user), Some(device)) = (user, device) else {
            continue;
        };
        known += usize::from(users.contains(&format!("{user},{device},")));
    }
    assert!(known >= 10, "{known} of the report are in {users}");

    fs::write(&key, "short").unwrap();
    let (_, err, code) = run(&["samples", "--pseudonymize", &key]);
    assert_eq!(code, 2);
    assert!(err.contains("at least 16 bytes"), "{err}");
}
