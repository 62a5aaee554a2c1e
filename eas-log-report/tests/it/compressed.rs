//! Compressed files and archives read like what is in them, whatever is wrong with them is told.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::inputs::{LOG, gzip, log, sections, write};
use crate::{command, json, run, workspace};

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// As the command zstd writes it: without a checksum, other literals are no damage.
fn zstd_with_checksum(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// An archive of these files; a name that ends in `/` is a folder.
fn zipped(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in files {
        if name.ends_with('/') {
            archive.add_directory(*name, options).unwrap();
        } else {
            archive.start_file(*name, options).unwrap();
            archive.write_all(bytes).unwrap();
        }
    }
    archive.finish().unwrap().into_inner()
}

fn deflated(files: &[(&str, &[u8])]) -> Vec<u8> {
    zipped(files, CompressionMethod::DEFLATE)
}

/// The files below a folder, by their paths from there with `/` between.
fn below(folder: &Path, path: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(folder, &path, found);
        } else {
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            found.push((name.replace('\\', "/"), fs::read(&path).unwrap()));
        }
    }
}

/// What a report says, but for what it says of its own making, with other names of files.
fn report(arguments: &[&str], renamed: &[(&str, &str)]) -> Value {
    let (mut out, err, code) = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{err}");
    for (from, to) in renamed {
        assert!(out.contains(from), "no {from}");
        out = out.replace(from, to);
    }
    let mut report: Value = serde_json::from_str(&out).unwrap();
    report.as_object_mut().unwrap().remove("meta");
    report
}

/// What became of each file, by its name.
fn states(out: &str) -> Vec<(String, String, String)> {
    let report: Value = serde_json::from_str(out).unwrap();
    let text = |file: &Value, key: &str| file[key].as_str().unwrap_or_default().to_owned();
    report["input"]["per_file"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            (
                text(file, "file"),
                text(file, "state"),
                text(file, "message"),
            )
        })
        .collect()
}

/// A log of so many copies of the records of a sample, each line with another end so that it does
/// not shrink to nothing.
fn long_log(copies: u32) -> Vec<u8> {
    let log = String::from_utf8(log()).unwrap();
    let (header, records): (Vec<&str>, Vec<&str>) = log
        .split_inclusive("\r\n")
        .partition(|line| line.starts_with('#'));
    let mut long = header.concat();
    let mut number = 1u32;
    for record in records.iter().cycle().take(records.len() * copies as usize) {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        long += record.trim_end();
        long += &format!("{}\r\n", number >> 8);
    }
    long.into_bytes()
}

#[test]
fn every_wrapping_reads_like_the_plain_files_with_any_number_of_threads() {
    let plain = report(&["samples"], &[]);
    let mut files = Vec::new();
    below(
        &workspace().join("samples"),
        &workspace().join("samples"),
        &mut files,
    );
    assert!(files.len() >= 20);
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in &files {
        for (ending, packed) in [("gz", gzip(bytes)), ("zst", zstd(bytes))] {
            let path = folder.path().join(ending).join(format!("{name}.{ending}"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, packed).unwrap();
        }
    }
    let members: Vec<(&str, &[u8])> = files
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
        .collect();
    let archive = write(folder.path(), "logs.zip", &deflated(&members));
    let stored = zipped(&members, CompressionMethod::STORE);
    let stored = write(folder.path(), "stored.zip", &stored);
    let base = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for threads in ["1", "2", "5"] {
        for ending in ["gz", "zst"] {
            let path = base(ending);
            let inside = format!("{path}/");
            let renamed = [
                (inside.as_str(), "samples/"),
                (&format!(".log.{ending}"), ".log"),
            ];
            let read = report(&[&path, "--threads", threads], &renamed);
            assert_eq!(read, plain, "{ending}, {threads} threads");
        }
        for archive in [&archive, &stored] {
            let inside = format!("{archive}!");
            let renamed = [(inside.as_str(), "samples/")];
            let read = report(&[archive, "--threads", threads], &renamed);
            assert_eq!(read, plain, "{archive}, {threads} threads");
        }
    }
}

#[test]
fn a_stream_that_another_thread_decompresses_gives_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let long = long_log(150);
    assert!(long.len() > 8 << 20, "several blocks: {}", long.len());
    let plain = write(folder.path(), "long.log", &long);
    let plain = report(&[&plain], &[(&plain, "long")]);
    let packed = [gzip(&long), zstd(&long), deflated(&[("u.log", &long)])];
    for (packed, ending) in packed.iter().zip(["gz", "zst", "zip"]) {
        let path = write(folder.path(), &format!("long.{ending}"), packed);
        let name = match ending {
            "zip" => format!("{path}!u.log"),
            _ => path.clone(),
        };
        for threads in ["1", "2", "3"] {
            let read = report(&[&path, "--threads", threads], &[(&name, "long")]);
            assert_eq!(read, plain, "{ending}, {threads} threads");
        }
        // What is missing is told, with help and without it, and what is there is read the same.
        let cut = write(
            folder.path(),
            &format!("cut.{ending}"),
            &packed[..packed.len() / 2],
        );
        let mut inputs = Vec::new();
        for threads in ["1", "2"] {
            let (out, err, code) = run(&[&cut, "--threads", threads, "--format", "json"]);
            assert_eq!(code, 1, "{ending}: {err}");
            assert!(err.contains("read only in part: "), "{ending}: {err}");
            let report: Value = serde_json::from_str(&out).unwrap();
            inputs.push((report["input"].clone(), sections(report)));
        }
        assert_eq!(inputs[0], inputs[1], "{ending}");
        let lines = inputs[0].0["lines"].as_u64().unwrap();
        assert!((2_000..13_000).contains(&lines), "{ending}: {lines}");
    }
}

#[test]
fn zstd_by_its_first_bytes_in_several_frames_and_from_standard_input() {
    let plain = sections(json(&[LOG]));
    let log = log();
    let (head, tail) = log.split_at(5000);
    let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd";
    let frames = [skipped, &zstd(head)[..], skipped, &zstd(tail)].concat();
    let folder = tempfile::tempdir().unwrap();
    let frames = write(folder.path(), "without-ending", &frames);
    assert_eq!(sections(json(&[&frames])), plain);

    let pipe = |bytes: &[u8]| {
        let mut child = command()
            .args(["-", "--format", "json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(bytes).unwrap();
        child.wait_with_output().unwrap()
    };
    let output = pipe(&zstd(&log));
    assert_eq!(output.status.code(), Some(0));
    let read = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(sections(read), plain);

    let output = pipe(&deflated(&[("a.log", &log)]));
    assert_eq!(output.status.code(), Some(2));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("-: skipped: a zip archive, which"), "{err}");
}

#[test]
fn a_cut_zstd_file_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (head, tail) = (zstd(&log()[..40_000]), zstd(&log()));
    let cut = [&head[..], &tail[..tail.len() / 2]].concat();
    let cut = write(folder.path(), "cut.zst", &cut);
    let (out, err, code) = run(&["--format", "json", &cut]);
    assert_eq!(code, 1, "written, but in part");
    assert!(err.contains("cut.zst: read only in part: "), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert!(report["input"]["bytes"].as_u64().unwrap() >= 40_000);

    let bad = write(folder.path(), "bad.zst", b"\x28\xb5\x2f\xfdgarbage");
    let (_, err, code) = run(&[&bad]);
    assert_eq!(code, 2);
    assert!(err.contains("bad.zst: cannot be read: "), "{err}");
}

#[test]
fn what_is_no_log_in_an_archive_is_named_and_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let log = log();
    let inner = deflated(&[("inner.log", &log)]);
    let archive = deflated(&[
        ("logs/", b""),
        ("logs/u.log", &log),
        ("logs/read me.txt", b"call the vendor\n"),
        ("inner.zip", &inner),
        ("inner.log.gz", &gzip(&log)),
        ("empty.log", b""),
        ("../../escape.log", b"#Fields: date time\r\n"),
        ("\x1b[31mred.log", b"MZ\0\0\0\0\0\0"),
    ]);
    let path = write(folder.path(), "logs.ZIP", &archive);
    let (out, err, code) = run(&["--format", "json", &path]);
    assert_eq!(code, 0, "{err}");
    let nested =
        "an archive or a compressed file in another, which is not opened; extract it first";
    let want = [
        (
            "\x1b[31mred.log",
            "skipped",
            "not a W3C extended log: binary data",
        ),
        ("../../escape.log", "read", ""),
        ("empty.log", "skipped", "empty"),
        ("inner.log.gz", "skipped", nested),
        ("inner.zip", "skipped", nested),
        (
            "logs/read me.txt",
            "skipped",
            "not a W3C extended log: no #Fields directive",
        ),
        ("logs/u.log", "read", ""),
    ];
    let want = want.map(|(name, state, why)| {
        let name = format!("{path}!{name}");
        (name, state.to_owned(), why.to_owned())
    });
    let mut found = states(&out);
    found.sort();
    assert_eq!(found, want);
    assert!(!err.contains('\x1b'), "{err}");
    assert!(err.contains("inner.zip: skipped: "), "{err}");
    let here = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(here, 1, "nothing is extracted");
    let read = serde_json::from_str(&out).unwrap();
    assert_eq!(sections(read), sections(json(&[LOG])));
}

#[test]
fn a_place_in_an_archive_can_be_explained() {
    let folder = tempfile::tempdir().unwrap();
    let archive = deflated(&[("logs/u!1.log", &log())]);
    let path = write(folder.path(), "a!b.zip", &archive);
    let (in_archive, err, code) = run(&["explain", &format!("{path}!logs/u!1.log:64")]);
    assert_eq!(code, 0, "{err}");
    let (plain, ..) = run(&["explain", &format!("{LOG}:64")]);
    let body = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert!(plain.lines().count() > 5);
    assert_eq!(body(&in_archive), body(&plain));
    let (_, err, code) = run(&["explain", &format!("{path}!logs/other.log:64")]);
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("there is no such file"), "{err}");
}

/// Sets a field of two bytes in what stands before each file, and in the directory.
fn patch(archive: &mut [u8], at: usize, value: u16) {
    let mut patched = 0;
    for start in 0..archive.len() - 4 {
        // The directory has the version of the program in front of the same fields.
        let field = match &archive[start..start + 4] {
            b"PK\x03\x04" => start + at,
            b"PK\x01\x02" => start + at + 2,
            _ => continue,
        };
        archive[field..field + 2].copy_from_slice(&value.to_le_bytes());
        patched += 1;
    }
    assert_eq!(patched, 2, "one file");
}

#[test]
fn what_cannot_be_read_in_an_archive_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let log = log();
    let one = [("u.log", log.as_slice())];
    // Offsets of the fields before a file: flags 6, method 8, checksum 14, length 22.
    let cases: [(&str, usize, u16, i32, &str); 4] = [
        (
            "encrypted",
            6,
            1,
            2,
            "cannot be read: encrypted; extract it with its password",
        ),
        (
            "bzip2",
            8,
            12,
            2,
            "cannot be read: compressed by Bzip2, which is not supported",
        ),
        (
            "checksum",
            14,
            0,
            1,
            "read only in part: its checksum is not that which",
        ),
        (
            "longer",
            22,
            1000,
            1,
            "read only in part: it goes on beyond the length",
        ),
    ];
    for (name, field, value, code, want) in cases {
        let mut archive = deflated(&one);
        patch(&mut archive, field, value);
        let path = write(folder.path(), &format!("{name}.zip"), &archive);
        let (_, err, found) = run(&[&path]);
        assert_eq!(found, code, "{name}: {err}");
        assert!(err.contains(&format!("{name}.zip!u.log: {want}")), "{err}");
        // The others are read all the same.
        let (out, err, found) = run(&["--format", "json", &path, LOG]);
        assert_eq!(found, 1, "{name}: {err}");
        assert_eq!(states(&out).len(), 2);
    }
    let mut shorter = deflated(&one);
    patch(&mut shorter, 22, u16::MAX);
    let shorter = write(folder.path(), "shorter.zip", &shorter);
    let (_, err, code) = run(&[&shorter]);
    assert_eq!(code, 1);
    assert!(err.contains("in part: it is cut short: "), "{err}");

    let empty = write(folder.path(), "empty.zip", &deflated(&[]));
    let (_, err, code) = run(&[&empty, LOG]);
    assert_eq!(code, 1);
    assert!(
        err.contains("empty.zip: a zip archive without files"),
        "{err}"
    );
    let misnamed = write(folder.path(), "archive.log", &deflated(&one));
    let (_, err, code) = run(&[&misnamed]);
    assert_eq!(code, 2);
    assert!(
        err.contains("a zip archive; give it a name in .zip"),
        "{err}"
    );
}

#[test]
fn files_that_share_bytes_are_refused() {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    archive.start_file("a.log", options).unwrap();
    archive.write_all(&log()).unwrap();
    for copy in ["b.log", "c.log"] {
        archive.shallow_copy_file("a.log", copy).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let archive = archive.finish().unwrap().into_inner();
    let path = write(folder.path(), "shared.zip", &archive);
    let (out, err, code) = run(&["--format", "json", &path]);
    assert_eq!(code, 1, "{err}");
    let why = "it shares bytes with another file of the archive";
    let found: Vec<(String, String)> = states(&out)
        .into_iter()
        .map(|(_, state, why)| (state, why))
        .collect();
    let state = |state: &str, why: &str| (state.to_owned(), why.to_owned());
    let refused = state("unreadable", why);
    assert_eq!(found, [state("read", ""), refused.clone(), refused]);
}

#[test]
fn a_cut_archive_is_read_file_by_file() {
    let log = log();
    let archive = deflated(&[("a.log", &log), ("b/", b""), ("b/c.log", &log)]);
    let folder = tempfile::tempdir().unwrap();
    let whole = archive.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for (length, want) in [
        (whole, ["read", "read"]),
        (whole - 2000, ["read", "broken"]),
    ] {
        let path = write(folder.path(), "cut.zip", &archive[..length]);
        let (out, err, code) = run(&["--format", "json", &path]);
        assert_eq!(code, 1, "{err}");
        assert!(
            err.contains("cut.zip: a damaged zip archive, or only the start of one"),
            "{err}"
        );
        assert!(err.contains("its first 2 files are read"), "{err}");
        let found: Vec<String> = states(&out)
            .into_iter()
            .map(|(_, state, _)| state)
            .collect();
        assert_eq!(found, want);
    }
    let path = write(folder.path(), "cut.zip", b"PK\x03\x04garbage");
    let (_, err, code) = run(&[&path, LOG]);
    assert_eq!(code, 1);
    assert!(err.contains("no file in it could be found"), "{err}");
}

#[test]
fn a_bomb_is_cut_off() {
    let mut bomb = log();
    bomb.resize(160 << 20, b'x');
    let folder = tempfile::tempdir().unwrap();
    let packed = zstd(&bomb);
    assert!(packed.len() < 64 << 10, "{}", packed.len());
    let path = write(folder.path(), "bomb.zst", &packed);
    for threads in ["1", "2"] {
        let (out, err, code) = run(&["--format", "json", &path, "--threads", threads]);
        assert_eq!(code, 1, "{err}");
        let (_, state, why) = &states(&out)[0];
        assert_eq!(state, "broken");
        assert!(why.contains("taken for a bomb"), "{why}");
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["input"]["records"], 103, "the log in front counts");
        assert!(report["input"]["bytes"].as_u64().unwrap() < 70 << 20);
    }
}

/// Compressed files are opened when it is their turn, and a pipe is read once.
#[cfg(target_os = "linux")]
#[test]
fn many_compressed_files_need_few_open_files_and_a_pipe_is_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..200 {
        write(folder.path(), &format!("{number:03}.gz"), &gzip(&log()));
    }
    let run_in_shell = |script: &str, argument: &str| {
        let output = Command::new("bash")
            .args(["-c", script, "bash", env!("CARGO_BIN_EXE_eas-log-report")])
            .arg(argument)
            .current_dir(workspace())
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{err}");
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let script = "ulimit -n 64; exec \"$1\" \"$2\" --format json";
    let many = run_in_shell(script, folder.path().to_str().unwrap());
    assert_eq!(many["input"]["files"], 200);
    assert_eq!(many["input"]["records"], 200 * 103);
    for packed in ["cat", "gzip -c"] {
        let script = format!("exec \"$1\" <({packed} \"$2\") --format json");
        let piped = run_in_shell(&script, LOG);
        assert_eq!(piped["input"]["malformed"], 0, "the first bytes are there");
        assert_eq!(sections(piped), sections(json(&[LOG])), "{packed}");
    }
}

/// Damage in the first bytes, which are looked at before, is told like damage further on, and what
/// stands before it counts with any number of threads.
#[test]
fn damage_anywhere_is_told_and_lines_before_it_count() {
    let folder = tempfile::tempdir().unwrap();
    let log = log()[..50_000].to_vec();
    let long = long_log(12);
    // What a checksum alone tells, and what cannot be decoded, in front and further on.
    for (name, packed, whole) in [
        ("short.gz", gzip(&log), &log),
        ("long.gz", gzip(&long), &long),
        ("long.zst", zstd_with_checksum(&long), &long),
        ("short.zip", deflated(&[("u.log", &log)]), &log),
    ] {
        // Damaged bits can go on as other text for a while, so the most tells.
        let (mut told, mut lines) = (0, 0);
        let end = match name.strip_suffix(".zip") {
            Some(_) => packed.windows(4).position(|w| w == b"PK\x01\x02").unwrap(),
            None => packed.len(),
        };
        for at in (150..end - 8).step_by(end / 4) {
            let mut damaged = packed.clone();
            damaged[at..at + 4].fill(0xff);
            let path = write(folder.path(), name, &damaged);
            let mut runs = Vec::new();
            for threads in ["1", "2"] {
                let (out, err, code) = run(&[&path, "--threads", threads, "--format", "json"]);
                let nothing = err.contains("cannot be read: ");
                assert!(
                    nothing || err.contains("read only in part: "),
                    "{name}, {at}: {err}"
                );
                assert_eq!(code, if nothing { 2 } else { 1 }, "{name}, {at}: {err}");
                runs.push(out);
            }
            assert_eq!(runs[0], runs[1], "{name}, {at}");
            if runs[0].is_empty() {
                continue;
            }
            let report: Value = serde_json::from_str(&runs[0]).unwrap();
            let input = &report["input"];
            let number = |key: &str| input[key].as_u64().unwrap();
            let sum = ["blank", "directives", "records", "malformed"].map(number);
            assert_eq!(number("lines"), sum.iter().sum::<u64>(), "{name}, {at}");
            lines = lines.max(number("lines"));
            assert_eq!(input["per_file"][0]["state"], "broken");
            told += 1;
        }
        assert!(told >= 2, "{name}: {told}");
        let all = whole.iter().filter(|&&byte| byte == b'\n').count() as u64;
        assert!(lines > all / 2, "{name}: {lines} of {all}");
    }
}

/// Wherever a stream is cut, also in the middle of a line, all that is there is counted.
#[test]
fn a_stream_that_is_cut_in_the_middle_of_a_line_counts_to_there() {
    let folder = tempfile::tempdir().unwrap();
    let log = log();
    let packed = gzip(&log);
    for cut in (400..packed.len()).step_by(packed.len() / 6) {
        let path = write(folder.path(), "cut.gz", &packed[..cut]);
        let (out, err, code) = run(&[&path, "--format", "json"]);
        assert_eq!(code, 1, "{cut}: {err}");
        assert!(
            err.contains("cut.gz: read only in part: it is cut short"),
            "{cut}: {err}"
        );
        let report: Value = serde_json::from_str(&out).unwrap();
        let number = |key: &str| report["input"][key].as_u64().unwrap();
        let read = &log[..number("bytes") as usize];
        let lines = read.split_inclusive(|&byte| byte == b'\n').count() as u64;
        let sum = ["blank", "directives", "records", "malformed"].map(number);
        assert_eq!(
            (number("lines"), sum.iter().sum::<u64>()),
            (lines, lines),
            "{cut}"
        );
        let total = |key: &str| report["totals"][key].as_u64().unwrap();
        let kinds = [
            "requests",
            "logged_twice",
            "filtered_out",
            "probes",
            "internal",
            "other_records",
        ];
        assert_eq!(
            number("records"),
            kinds.map(total).iter().sum::<u64>(),
            "{cut}"
        );
        let (text, ..) = run(&[&path]);
        let told = format!("read in part, {lines} lines: {path}: it is cut short");
        assert!(text.contains(&told), "{text}");
    }
}
