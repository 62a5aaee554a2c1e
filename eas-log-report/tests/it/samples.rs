//! The reports over `samples/` are what the files in `tests/expected/` say.
//!
//! `UPDATE_EXPECTED=1 cargo test` writes these files anew, which the README tells too; look at the
//! difference before you commit it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{json, run, workspace};

const WRITE_ANEW: &str = "UPDATE_EXPECTED=1 cargo test writes the expected files anew, to look at the \
                          difference";

/// Compares with a file of `tests/expected/`. Paths in reports have the separators of the system.
pub(crate) fn expect(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/expected")
        .join(name);
    let plain = |text: &str| match cfg!(windows) {
        true => text.replace('\\', "/"),
        false => text.to_owned(),
    };
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
    }
    let expected =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}; {WRITE_ANEW}"));
    let (found, expected) = (plain(found), plain(&expected));
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{name}:{}; {WRITE_ANEW}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
}

/// The names of the files of a folder.
fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).unwrap();
    files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// What a run prints that must succeed and complain of nothing.
fn printed(arguments: &[&str]) -> String {
    let (out, err, code) = run(arguments);
    assert_eq!((err.as_str(), code), ("", 0), "{arguments:?}");
    out
}

#[test]
fn every_form_of_every_sample() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["coexistence", "defects", "verdicts"] {
        let logs = format!("samples/{name}");
        for (form, ending) in [
            ("text", "txt"),
            ("json", "json"),
            ("html", "html"),
            ("markdown", "md"),
        ] {
            let found = printed(&["--format", form, &logs]);
            expect(&format!("{name}.{ending}"), &found);
        }
        let output = folder.path().join(name);
        let totals = folder.path().join("totals.prom");
        let (tables, totals) = (output.to_str().unwrap(), totals.to_str().unwrap());
        printed(&[
            "--format",
            "csv",
            "--output",
            tables,
            "--prometheus",
            totals,
            &logs,
        ]);
        expect(
            &format!("{name}.prom"),
            &fs::read_to_string(totals).unwrap(),
        );
        for table in names(&output) {
            let found = fs::read_to_string(output.join(&table)).unwrap();
            expect(&format!("{name}.csv/{table}"), &found);
        }
        let expected = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected");
        let expected = names(&expected.join(format!("{name}.csv")));
        assert_eq!(names(&output), expected, "{name}");
    }
}

#[test]
fn the_other_commands() {
    let cases: [(&str, &[&str]); 9] = [
        ("devices.txt", &["devices", "samples"]),
        ("devices.json", &["devices", "samples", "--format", "json"]),
        ("devices.csv", &["devices", "samples", "--format", "csv"]),
        (
            "timeline.json",
            &[
                "timeline",
                "samples",
                "--user",
                "bernd.olsen",
                "--format",
                "json",
            ],
        ),
        (
            "timeline.csv",
            &[
                "timeline",
                "samples",
                "--user",
                "bernd.olsen",
                "--format",
                "csv",
            ],
        ),
        (
            "compare.json",
            &[
                "compare",
                "samples/coexistence",
                "--cutover",
                "2011-05-07",
                "--format",
                "json",
            ],
        ),
        ("explain-2003.txt", &["explain", LINE_OF_2003]),
        ("explain-2010.txt", &["explain", LINE_OF_2010]),
        (
            "explain-2010.json",
            &["explain", LINE_OF_2010, "--format", "json"],
        ),
    ];
    for (name, arguments) in cases {
        expect(name, &printed(arguments));
    }
}

const LINE_OF_2003: &str = "samples/coexistence/FE2003/W3SVC1/ex110506.log:6";
const LINE_OF_2010: &str = "samples/coexistence/CAS2010/W3SVC1/u_ex110507.log:84";

/// The story that the sample tells, counted by hand from its lines.
#[test]
fn the_devices_of_the_sample() {
    let report = json(&["samples/coexistence"]);
    let rows = |section: &str| report["sections"][section].as_array().unwrap().clone();
    let refused: Vec<_> = rows("non_provisionable_devices")
        .iter()
        .map(|row| {
            (
                row["user"].as_str().unwrap().to_owned(),
                row["requests"].as_u64().unwrap(),
            )
        })
        .collect();
    let want = [
        ("bernd.olsen", 14),
        ("carla.diaz", 10),
        ("jan.novak", 5),
        ("anna.berg", 1),
        ("mette.juhl", 1),
    ];
    let want: Vec<_> = want
        .iter()
        .map(|(u, n)| (format!("FABRIKAM\\{u}"), *n))
        .collect();
    assert_eq!(refused, want);
    let blocked = rows("blocked_devices");
    assert!(blocked.iter().any(|row| {
        row["device_type"] == "PocketPC"
            && row["access_reason"] == "DeviceRule"
            && row["requests"] == 4
    }));
    let status = |code: u64| -> u64 {
        let rows = rows("http_status");
        rows.iter()
            .filter(|row| row["sc_status"] == code)
            .map(|row| row["requests"].as_u64().unwrap())
            .sum()
    };
    assert_eq!(
        [
            status(449),
            status(451),
            status(500),
            status(503),
            status(401)
        ],
        [25, 3, 4, 3, 10]
    );
    assert_eq!(
        report["totals"]["internal"], 22,
        "WebDAV calls of Exchange 2003 are set apart"
    );
    assert_eq!(report["totals"]["challenges"], 2);
}

#[test]
fn every_sample_is_read_and_no_line_is_lost() {
    let report = json(&["samples"]);
    let input = &report["input"];
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    assert_eq!(number(&input["files"]), 26);
    let mut sums = [0; 2];
    for file in input["per_file"].as_array().unwrap() {
        let text = fs::read(workspace().join(file["file"].as_str().unwrap())).unwrap();
        let feeds = text.iter().filter(|&&b| b == b'\n').count() as u64;
        let lines = feeds + u64::from(!text.ends_with(b"\n"));
        assert_eq!(number(&file["lines"]), lines, "{}", file["file"]);
        assert_eq!(
            number(&file["bytes"]),
            text.len() as u64,
            "{}",
            file["file"]
        );
        sums[0] += lines;
        sums[1] += text.len() as u64;
    }
    assert_eq!([number(&input["lines"]), number(&input["bytes"])], sums);
    let parts = ["blank", "directives", "records", "malformed"];
    assert_eq!(
        parts.map(|part| number(&input[part])).iter().sum::<u64>(),
        sums[0]
    );
}
