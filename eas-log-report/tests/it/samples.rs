//! The reports over `samples/` are what the files in `tests/expected/` say.
//!
//! `UPDATE_EXPECTED=1 cargo test` writes these files anew; look at the difference before you commit
//! it.

use std::fs;
use std::path::Path;

use crate::{json, run, workspace};

/// Compares with a file of `tests/expected/`. Paths in reports have the separators of the system.
pub(crate) fn expect(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/expected")
        .join(name);
    let found = if cfg!(windows) {
        found.replace('\\', "/")
    } else {
        found.to_owned()
    };
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "{name}:{}", number + 1);
    }
    assert_eq!(found.lines().count(), expected.lines().count(), "{name}");
}

#[test]
fn text() {
    let (out, err, code) = run(&["samples/coexistence"]);
    assert_eq!((err.as_str(), code), ("", 0));
    expect("coexistence.txt", &out);
    let (out, err, code) = run(&["samples/defects"]);
    assert_eq!((err.as_str(), code), ("", 0));
    expect("defects.txt", &out);
}

#[test]
fn json_of_both() {
    for name in ["coexistence", "defects"] {
        let (out, err, code) = run(&["--format", "json", &format!("samples/{name}")]);
        assert_eq!((err.as_str(), code), ("", 0));
        expect(&format!("{name}.json"), &out);
    }
}

#[test]
fn csv() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let (out, err, code) = run(&["--format", "csv", "--output", output, "samples/coexistence"]);
    assert_eq!((out.as_str(), err.as_str(), code), ("", "", 0));
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 15, "{names:?}");
    for name in names {
        let found = fs::read_to_string(folder.path().join(&name)).unwrap();
        expect(&format!("coexistence.csv/{name}"), &found);
    }
}

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
