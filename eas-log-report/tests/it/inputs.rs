//! Good input in every wrapping, and bad input with a clear message and the right exit code.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::{command, json, run, workspace};

pub(crate) const LOG: &str = "samples/coexistence/CAS2010/W3SVC1/u_ex110506.log";

pub(crate) fn log() -> Vec<u8> {
    fs::read(workspace().join(LOG)).unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The sections of a report without the names of files.
pub(crate) fn sections(mut report: serde_json::Value) -> serde_json::Value {
    for rows in report["sections"].as_object_mut().unwrap().values_mut() {
        for row in rows.as_array_mut().unwrap() {
            let row = row.as_object_mut().unwrap();
            for place in [
                "sample",
                "evidence",
                "evidence_first",
                "longest_ping_line",
                "largest_rpc_count_line",
                "largest_rpc_latency_line",
                "max_sync_state_line",
            ] {
                row.remove(place);
            }
        }
    }
    report["sections"].clone()
}

pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn compressed_and_piped_logs_read_like_plain_ones() {
    let plain = sections(json(&[LOG]));
    let folder = tempfile::tempdir().unwrap();
    let whole = write(folder.path(), "a.log.gz", &gzip(&log()));
    assert_eq!(sections(json(&[&whole])), plain, "gzip");
    let log = log();
    let (head, tail) = log.split_at(5000);
    let members = [gzip(head), gzip(tail)].concat();
    let members = write(folder.path(), "without-ending", &members);
    assert_eq!(
        sections(json(&[&members])),
        plain,
        "several members, and no ending that tells"
    );
    for bytes in [log.clone(), gzip(&log)] {
        let mut child = command()
            .args(["-", "--format", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(sections(report), plain, "standard input");
    }
}

#[test]
fn a_file_named_twice_counts_once() {
    assert_eq!(
        sections(json(&[
            LOG,
            LOG,
            "samples/coexistence/CAS2010/W3SVC1/*06.log"
        ])),
        sections(json(&[LOG]))
    );
}

#[test]
fn nothing_to_read() {
    let empty = tempfile::tempdir().unwrap();
    let (out, err, code) = run(&[empty.path().to_str().unwrap()]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("nothing to read: no file was found"), "{err}");

    write(empty.path(), "notes.txt", b"call the vendor\n");
    write(
        empty.path(),
        "tool.exe",
        b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8\0\0\0",
    );
    let (out, err, code) = run(&[empty.path().to_str().unwrap()]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(
        err.contains("notes.txt: skipped: not a W3C extended log: no #Fields"),
        "{err}"
    );
    assert!(
        err.contains("tool.exe: skipped: not a W3C extended log: binary data"),
        "{err}"
    );
    assert!(
        err.contains("none of the 2 files found is a readable W3C extended log"),
        "{err}"
    );

    let (out, err, code) = run(&["no/such/folder"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(
        err.contains("no/such/folder: no such file or folder"),
        "{err}"
    );
}

#[test]
fn files_that_are_no_logs_are_named_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "u_ex110506.log", &log());
    for number in 0..12 {
        write(
            folder.path(),
            &format!("note{number:02}.txt"),
            b"call the vendor\n",
        );
    }
    let path = folder.path().to_str().unwrap();
    let (out, err, code) = run(&[path]);
    assert_eq!(code, 0);
    assert!(
        err.contains("2 more files skipped; --verbose names them"),
        "{err}"
    );
    assert!(
        out.contains("note11.txt: not a W3C extended log"),
        "the report names all: {out}"
    );
    assert_eq!(sections(json(&[path])), sections(json(&[LOG])));
}

#[test]
fn a_cut_archive_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let whole = gzip(&log());
    let cut = write(folder.path(), "cut.gz", &whole[..whole.len() * 2 / 3]);
    let (out, err, code) = run(&["--format", "json", &cut]);
    assert_eq!(code, 1, "written, but in part");
    assert!(err.contains("cut.gz: read only in part: "), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let lines = report["input"]["lines"].as_u64().unwrap();
    assert!((20..107).contains(&lines), "{lines}");
    assert_eq!(report["input"]["per_file"][0]["state"], "broken");

    let (_, err, code) = run(&[&write(folder.path(), "bad.gz", b"\x1f\x8b\x08\x00garbage")]);
    assert_eq!(code, 2);
    assert!(err.contains("bad.gz: cannot be read: "), "{err}");
}

#[test]
fn other_paths_are_read_when_one_is_missing() {
    let (out, err, code) = run(&[LOG, "no/such.log"]);
    assert_eq!(code, 1);
    assert!(err.contains("no/such.log: no such file or folder"), "{err}");
    assert!(out.contains("with 13 device ids"), "{out}");
}

/// A file that can be opened and not read, also by root.
#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_file_is_named() {
    let (out, err, code) = run(&["--format", "json", LOG, "/proc/self/mem"]);
    assert_eq!(code, 1);
    assert!(err.contains("/proc/self/mem: cannot be read: "), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["input"]["per_file"][0]["state"], "unreadable");
    assert_eq!(
        sections(report),
        sections(json(&[LOG])),
        "the other is read"
    );
}

#[test]
fn a_log_without_fields_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let text = String::from_utf8(log()).unwrap();
    let (header, records): (Vec<&str>, Vec<&str>) = text
        .split_inclusive('\n')
        .partition(|line| line.starts_with('#'));
    let lost = write(folder.path(), "lost.log", records.concat().as_bytes());
    let (_, err, code) = run(&[&lost]);
    assert_eq!(code, 2);
    assert!(
        err.contains("no #Fields directive, so its columns have no names"),
        "{err}"
    );
    assert!(err.contains("--fields"), "{err}");
    let fields = header
        .iter()
        .find(|line| line.starts_with("#Fields"))
        .unwrap();
    assert_eq!(
        sections(json(&[&lost, "--fields", fields])),
        sections(json(&[LOG]))
    );
}

#[test]
fn fields_that_come_late_and_blocks_of_nul_bytes_in_front_do_not_hide_a_log() {
    let want = sections(json(&[LOG]));
    let folder = tempfile::tempdir().unwrap();
    let record = "2011-05-06 11:00:00 192.0.2.1 POST /x - 443 - 192.0.2.9 - 200 0 0 12\r\n";
    for (name, front, malformed) in [
        ("block", vec![0; 64 << 10], 0),
        ("blocks", vec![0; 700_001], 0),
        ("lost-header", record.repeat(2000).into_bytes(), 2000),
    ] {
        let bytes = [front, log()].concat();
        assert!(bytes.len() > 64 << 10);
        for (ending, bytes) in [("log", bytes.clone()), ("gz", gzip(&bytes))] {
            let path = write(folder.path(), &format!("{name}.{ending}"), &bytes);
            let report = json(&[&path]);
            let found = &report["input"]["malformed"];
            assert_eq!(*found, malformed, "{path}");
            assert_eq!(sections(report), want, "{path}");
        }
        let mut child = command()
            .args(["-", "--format", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&bytes).unwrap();
        let output = child.wait_with_output().unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(sections(report), want, "{name} from standard input");
    }
}

/// A log that is not read is something else than a file that is none: the report lacks it.
#[test]
fn a_log_that_cannot_be_read_is_told_by_the_exit_code() {
    let text = String::from_utf8(log()).unwrap();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>, &str); 6] = [
        (
            "utf16.log",
            [&b"\xff\xfe"[..], &utf16].concat(),
            "UTF-16 text",
        ),
        (
            "mac.log",
            text.replace("\r\n", "\r").into_bytes(),
            "its lines end in CR alone",
        ),
        (
            "begun.log",
            b"#Software: Microsoft Internet Information Services 7.5\r\n".to_vec(),
            "directives, but no #Fields among them",
        ),
        (
            "lost.log",
            b"2011-05-06 11:00:00 192.0.2.1 POST /x\r\n".to_vec(),
            "no #Fields directive",
        ),
        (
            "native.log",
            b"192.0.2.1, -, 05/06/11, 1:0:0, W3SVC1, A, 192.0.2.2, 0, 1, 2, 200, 0, GET, /, -,\r\n"
                .to_vec(),
            "a log in the IIS native format",
        ),
        (
            "ncsa.log",
            b"192.0.2.1 - - [06/May/2011:11:30:11 +0200] \"GET / HTTP/1.1\" 200 0\r\n".to_vec(),
            "a log in the NCSA format",
        ),
    ];
    for (name, bytes, why) in cases {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [(name, bytes.clone()), ("x.gz", gzip(&bytes))] {
            let path = write(folder.path(), name, &bytes);
            let told = format!("{path}: cannot be read: {why}");
            let (out, err, code) = run(&[&path]);
            assert_eq!((out.as_str(), code), ("", 2), "alone: {err}");
            assert!(err.contains(&told), "{err}");
            let (out, err, code) = run(&[&path, LOG]);
            assert_eq!(code, 1, "beside another: {err}");
            assert!(err.contains(&told), "{err}");
            let told = format!("not read: {path}: {why}");
            assert!(out.contains(&told), "the report says so: {out}");
        }
    }
}

#[test]
fn too_much_malformed_is_told_by_the_exit_code() {
    let cases = [("3", 1), ("4", 0), ("1%", 1), ("10%", 0)];
    for (limit, want) in cases {
        let (out, err, code) = run(&["samples/defects", "--max-malformed", limit]);
        assert_eq!(code, want, "{limit}: {err}");
        assert!(
            out.contains("4 malformed"),
            "the report is written all the same"
        );
        assert_eq!(
            err.contains(&format!(
                "4 of 106 lines are malformed (3.8 %), more than --max-malformed {limit} allows: "
            )),
            want == 1,
            "{err}"
        );
    }
}

#[test]
fn hostile_text_is_harmless_in_every_form() {
    let (text, ..) = run(&["samples/defects/hostile-client.log", "--top", "0"]);
    assert!(text.contains(r"\x1b[31m<img/src=x>"), "{text}");
    assert!(!text.contains('\x1b'));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    run(&[
        "samples/defects/hostile-client.log",
        "--format",
        "csv",
        "--output",
        output,
    ]);
    let types = fs::read_to_string(folder.path().join("device_types.csv")).unwrap();
    assert!(types.contains("]0;x"), "{types}");
    let mut names = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let table = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!table.contains(",=") && !table.contains("\n="), "{table}");
        names += 1;
    }
    assert_eq!(names, 15);
}
