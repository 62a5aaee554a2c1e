//! The files of other tools: what they hold over `samples/`, and where they go.
//!
//! `UPDATE_EXPECTED=1 cargo test` writes the expected files anew.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{command, run, workspace};

const SHEETS: [&str; 6] = [
    "Users.csv",
    "Servers.csv",
    "Hourly.csv",
    "StatusCodes.csv",
    "PolicyCompliance.csv",
    "UserAgents.csv",
];

const CAS: &str = "samples/coexistence/CAS2010/W3SVC1/u_ex110506.log";

/// Compares with a file of `tests/expected/`, byte by byte.
fn expect(name: &str, found: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/expected")
        .join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read(&path).unwrap();
    let text = String::from_utf8_lossy;
    for (number, (found, expected)) in text(found)
        .split('\n')
        .zip(text(&expected).split('\n'))
        .enumerate()
    {
        assert_eq!(found, expected, "{name}:{}", number + 1);
    }
    assert!(found == expected, "{name}");
}

/// Runs the command, which must succeed, with a folder as its output, and gives what it wrote there,
/// by name, and what it said.
fn write_into(folder: &Path, arguments: &[&str]) -> (Vec<(String, Vec<u8>)>, String) {
    let output = ["--output", folder.to_str().unwrap()];
    let (out, err, code) = run(&[arguments, &output].concat());
    assert_eq!((out.as_str(), code), ("", 0), "{err}");
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    (files, err)
}

fn written(arguments: &[&str]) -> (Vec<(String, Vec<u8>)>, String) {
    let folder = tempfile::tempdir().unwrap();
    write_into(folder.path(), arguments)
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn the_six_files_over_the_samples() {
    for (variant, options) in [
        ("export-activesynclog", &[][..]),
        ("export-activesynclog-compat", &["--compat"]),
    ] {
        for sample in ["coexistence", "defects"] {
            let sources = format!("samples/{sample}");
            let format = ["--format", "export-activesynclog", &sources];
            let (files, err) = written(&[&format, options].concat());
            let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
            assert_eq!(names, sorted(SHEETS.map(str::to_owned).into()));
            for (name, content) in &files {
                assert!(content.starts_with(b"\xef\xbb\xbf"), "{name}");
                let feeds = content.iter().filter(|&&b| b == b'\n').count();
                let ends = content.windows(2).filter(|two| two == b"\r\n").count();
                assert_eq!(feeds, ends, "{name}");
                expect(&format!("{variant}/{sample}/{name}"), content);
            }
            expect(&format!("{variant}/{sample}/stderr.txt"), err.as_bytes());
        }
    }
}

#[test]
fn the_file_of_the_script_over_the_samples() {
    for (variant, options) in [
        ("activesyncreport", &[][..]),
        ("activesyncreport-compat", &["--compat"]),
    ] {
        for sample in ["coexistence", "defects"] {
            let sources = format!("samples/{sample}");
            let format = ["--format", "activesyncreport", &sources];
            let (files, err) = written(&[&format, options].concat());
            let [(name, content)] = &files[..] else {
                panic!("{files:?}")
            };
            assert_eq!(name, "EASyncOutputReport-Multiple_Files.csv");
            expect(&format!("{variant}/{sample}/{name}"), content);
            expect(&format!("{variant}/{sample}/stderr.txt"), err.as_bytes());
        }
    }
}

/// The rows of a file: each the values of its columns.
fn rows(files: &[(String, Vec<u8>)], name: &str) -> Vec<Vec<String>> {
    let (_, content) = files.iter().find(|(found, _)| found == name).unwrap();
    let mut reader = csv::Reader::from_reader(&content[..]);
    let values = |record: csv::StringRecord| record.iter().map(str::to_owned).collect();
    reader.records().map(|row| values(row.unwrap())).collect()
}

fn sum(rows: &[Vec<String>], column: usize) -> u64 {
    let number = |row: &Vec<String>| row[column].parse::<u64>().unwrap();
    rows.iter().map(number).sum()
}

/// The sheets agree with each other and with the report.
#[test]
fn the_sheets_add_up() {
    let (files, _) = written(&["--format", "export-activesynclog", "samples/coexistence"]);
    let users = rows(&files, "Users.csv");
    let (total, users) = users.split_last().unwrap();
    assert_eq!(total[0], "*** Total ***");
    let sums: Vec<String> = (3..8)
        .map(|column| sum(users, column).to_string())
        .collect();
    assert_eq!(sums, total[3..8]);
    let hits = sum(&rows(&files, "Servers.csv"), 4);
    assert_eq!(hits, sum(&rows(&files, "StatusCodes.csv"), 2));
    assert_eq!(hits, sum(&rows(&files, "UserAgents.csv"), 1));
    let report = crate::json(&["samples/coexistence"]);
    let requests = report["totals"]["requests"].as_u64().unwrap();
    let probes = report["totals"]["probes"].as_u64().unwrap();
    assert_eq!(hits, requests + probes);
    let ratios: f64 = rows(&files, "StatusCodes.csv")
        .iter()
        .map(|row| row[3].parse::<f64>().unwrap())
        .sum();
    assert!((ratios - 1.0).abs() < 1e-5, "{ratios}");
    let compliance = rows(&files, "PolicyCompliance.csv");
    assert_eq!(sum(&compliance, 1), users.len() as u64);
    assert_eq!(rows(&files, "Hourly.csv").len(), 168);
}

#[test]
fn filters_and_times_apply() {
    let format = ["--format", "export-activesynclog", "samples/coexistence"];
    let hits = |options: &[&str]| {
        let (files, _) = written(&[&format, options].concat());
        sum(&rows(&files, "StatusCodes.csv"), 2)
    };
    let all = hits(&[]);
    let (first, second) = (
        hits(&["--until", "2011-05-06"]),
        hits(&["--since", "2011-05-07"]),
    );
    assert!(first > 0 && second > 0);
    assert_eq!(first + second, all, "a day that is named is in it");
    assert_eq!(hits(&["--user", "bernd.olsen"]), 27);
    assert_eq!(hits(&["--device-type", "nokia*"]), 49);
    assert_eq!(hits(&["--since", "2012-01-01"]), 0);
}

#[test]
fn threads_wrappings_and_the_order_of_paths_do_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("packed.log.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&packed).unwrap(), Compression::default());
    let plain = fs::read(workspace().join(CAS)).unwrap();
    encoder.write_all(&plain).unwrap();
    encoder.finish().unwrap();
    let packed = packed.to_str().unwrap();
    for (format, options) in [
        ("export-activesynclog", &[][..]),
        ("export-activesynclog", &["--compat"]),
        ("activesyncreport", &[]),
    ] {
        let format = [&["--format", format], options].concat();
        let with = |more: &[&str]| written(&[&format, more].concat());
        let whole = with(&["samples"]);
        for threads in ["1", "2", "7"] {
            assert_eq!(with(&["samples", "--threads", threads]), whole, "{threads}");
        }
        let [one, other] = ["samples/defects", "samples/coexistence"];
        assert_eq!(with(&[one, other, other]), with(&[other, one]));
        let (plain, unpacked) = (with(&[CAS]), with(&[packed]));
        let contents = |files: Vec<(String, Vec<u8>)>| -> Vec<Vec<u8>> {
            files.into_iter().map(|(_, content)| content).collect()
        };
        assert_eq!(contents(plain.0), contents(unpacked.0));
    }
}

#[test]
fn names_of_files_and_where_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let new = folder.path().join("new");
    let format = ["--format", "export-activesynclog", CAS];
    let (files, _) = write_into(&new, &[&format[..], &["--output-prefix", "EAS"]].concat());
    let names: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
    let want = SHEETS.map(|name| format!("EAS{name}"));
    assert_eq!(names, sorted(want.into()), "a folder is made");

    let script = ["--format", "activesyncreport", CAS];
    let (files, _) = written(&[&script[..], &["--output-prefix", "CAS1"]].concat());
    assert_eq!(files[0].0, "EASyncOutputReport-CAS1_u_ex110506.csv");
    let (files, _) = written(&script);
    assert_eq!(files[0].0, "EASyncOutputReport-u_ex110506.csv");

    let file = folder.path().join("report.csv");
    fs::write(&file, "yesterday's").unwrap();
    let output = ["--output", file.to_str().unwrap()];
    assert_eq!(run(&[&script[..], &output].concat()).2, 0);
    assert_eq!(fs::read(&file).unwrap(), files[0].1, "a file is replaced");

    let folder = folder.path().join("made");
    let output = format!("{}/", folder.display());
    assert_eq!(run(&[&script[..], &["--output", &output]].concat()).2, 0);
    assert!(folder.join("EASyncOutputReport-u_ex110506.csv").is_file());
}

#[test]
fn nothing_found_is_said_as_the_script_says_it() {
    let nobody = ["--format", "activesyncreport", CAS, "--user", "nobody"];
    let (files, err) = written(&nobody);
    assert_eq!(
        files[0].1,
        b"No Active Sync information was found in the IIS Logs.\r\n"
    );
    assert!(err.contains("0 lines counted; not counted:"), "{err}");
}

/// What the cmdlet passes over without a word.
const ODD: &str = "\
#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query cs-username cs(User-Agent) sc-status
2011-05-06 11:00:00 10.0.0.1 POST /Microsoft-Server-ActiveSync Cmd=Ping&DeviceId=a u =1+1 200
2011-05-06 11:00:01 10.0.0.1 POST /Microsoft-Server-ActiveSync jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l u x 200
2011-05-06 11:00:02 10.0.0.1 POST /Microsoft-Server-ActiveSync/ Cmd=Ping&DeviceId=a u x 200
2011-05-06 11:00:03 10.0.0.1 POST /Microsoft-Server-ActiveSync Cmd=Ping&&DeviceId=a u x 200
2011-05-06 11:00:04 10.0.0.1 POST /Microsoft-Server-ActiveSync/Proxy Cmd=Ping&DeviceId=a u x 200
- - 10.0.0.1 POST /Microsoft-Server-ActiveSync Cmd=Ping&DeviceId=a u x 200
2011-05-06 11:00:05 10.0.0.1 GET /owa/ - u x 200
2011-05-06 11:00:06 10.0.0.1 POST /Microsoft-Server-ActiveSync cut
";

#[test]
fn what_the_cmdlet_passes_over_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("odd.log");
    fs::write(&log, ODD).unwrap();
    let log = log.to_str().unwrap();
    let cases = [
        (
            &["--format", "export-activesynclog"][..],
            "export-activesynclog: 4 lines counted, some beyond those of the cmdlet (1 with a slash \
             behind the path, 1 with a base64 query, 1 with a query that is not key=value); not \
             counted: 1 of other paths, 1 of /Proxy, where a front end logs the request too, \
             1 without a date and time, 1 malformed",
        ),
        (
            &["--format", "export-activesynclog", "--compat"],
            "export-activesynclog: 1 line counted; not counted: 1 of other paths, 1 of /Proxy, \
             where a front end logs the request too, 1 without a date and time, 1 with a slash \
             behind the path, 1 with a base64 query, 1 with a query that is not key=value, \
             1 malformed",
        ),
        (
            &["--format", "activesyncreport", "--compat"],
            "activesyncreport: 4 lines counted; not counted: 1 of other paths, 1 of /Proxy, where \
             a front end logs the request too, 1 without a date and time, 1 malformed",
        ),
    ];
    for (options, want) in cases {
        let (_, err) = written(&[options, &[log]].concat());
        assert_eq!(err, format!("eas-log-report: {want}\n"));
    }
}

#[test]
fn formulas_are_text_unless_compatible() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("odd.log");
    fs::write(&log, ODD).unwrap();
    let format = ["--format", "export-activesynclog", log.to_str().unwrap()];
    let agents =
        |options: &[&str]| rows(&written(&[&format, options].concat()).0, "UserAgents.csv");
    assert_eq!(agents(&[])[0][0], "'=1+1");
    assert_eq!(agents(&["--compat"])[0][0], "=1+1");
}

#[test]
fn standard_input_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = command()
        .args(["--format", "export-activesynclog", "--output"])
        .arg(folder.path())
        .arg("-")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let log = fs::read(workspace().join(CAS)).unwrap();
    child.stdin.take().unwrap().write_all(&log).unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let (files, _) = written(&["--format", "export-activesynclog", CAS]);
    for (name, content) in files {
        assert_eq!(
            fs::read(folder.path().join(&name)).unwrap(),
            content,
            "{name}"
        );
    }
}

#[test]
fn wrong_options_and_inputs_say_what_was_expected() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let (there, file) = (folder.path().to_str().unwrap(), file.to_str().unwrap());
    let (six, one) = ("export-activesynclog", "activesyncreport");
    let cases: [(&[&str], &str); 12] = [
        (&["--format", six], "name a folder with --output"),
        (&["--format", one], "with --output"),
        (&["--format", six, "--output", file], "cannot be a folder"),
        (
            &["--format", one, "--output", "no/such/file.csv"],
            "there is no folder no",
        ),
        (
            &["--compat"],
            "--compat: goes with --format export-activesynclog",
        ),
        (
            &["--format", "json", "--output-prefix", "x"],
            "--output-prefix: goes with --format",
        ),
        (
            &[
                "--format",
                six,
                "--output",
                there,
                "--output-prefix",
                "../x",
            ],
            "--output-prefix ../x: expected the beginning of a file name",
        ),
        (
            &["--format", one, "--output", file, "--output-prefix", "x"],
            "names the whole file",
        ),
        (
            &["--format", six, "--output", there, "--top", "3"],
            "--top: does not go with --format export-activesynclog",
        ),
        (
            &["--format", six, "--output", there, "--since", "yesterday"],
            "--since yesterday: expected a date",
        ),
        (
            &["--format", six, "--output", there, "--fields", " "],
            "--fields: expected names",
        ),
        (
            &["--format", one, "--output", there, "--threads", "0"],
            "--threads 0",
        ),
    ];
    for (arguments, message) in cases {
        let (out, err, code) = run(&[&["samples"], arguments].concat());
        assert_eq!((out.as_str(), code), ("", 2), "{arguments:?}");
        assert!(err.contains(message), "{arguments:?}: {err}");
    }
    for command in ["devices", "timeline"] {
        for format in [six, one] {
            let arguments = [command, "--format", format, "--user", "x", "samples"];
            let (_, err, code) = run(&arguments);
            assert_eq!(code, 2, "{arguments:?}");
            let message = format!("--format {format}: only the report is written so");
            assert!(err.contains(&message), "{arguments:?}: {err}");
        }
    }
}

#[test]
fn inputs_that_cannot_be_read_are_named_and_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "no log\n").unwrap();
    let output = folder.path().join("out");
    let (text, out) = (text.to_str().unwrap(), output.to_str().unwrap());
    let format = ["--format", "export-activesynclog", "--output", out];
    let (_, err, code) = run(&[&format[..], &[text]].concat());
    assert_eq!(code, 2);
    assert!(err.contains("no #Fields directive"), "{err}");
    assert_eq!(fs::read_dir(&output).unwrap().count(), 0);
    let (_, err, code) = run(&[&format[..], &[CAS, "no/such.log"]].concat());
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("no/such.log: no such file or folder"), "{err}");
    assert_eq!(fs::read_dir(&output).unwrap().count(), 6);
    let most = ["--max-malformed", "0", "samples/defects"];
    let (_, err, code) = run(&[&format[..], &most].concat());
    assert_eq!(code, 1);
    assert!(err.contains("more than --max-malformed 0 allows"), "{err}");
}

#[test]
fn the_help_says_what_becomes_of_formulas() {
    let (help, _, code) = run(&["--help"]);
    assert_eq!(code, 0);
    for word in [
        "export-activesynclog",
        "activesyncreport",
        "--compat",
        "apostrophe",
    ] {
        assert!(help.contains(word), "{word}");
    }
}
