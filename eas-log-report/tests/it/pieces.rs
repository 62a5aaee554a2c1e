//! The report does not depend on how logs are cut into pieces, and which thread reads which: also
//! where fields and dates change in the middle of a log.

use std::path::PathBuf;

use eas_log_report::analysis::{self, analyse};
use eas_log_report::ingest::{Options, ingest};
use eas_log_report::input::discover;
use eas_log_report::render::write_json;

use crate::Dice;

/// The fields of a log, with a date and without.
const LAYOUTS: [&str; 4] = [
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken",
    "date time cs-uri-stem cs-uri-query cs-username sc-status",
    "date time cs-uri-stem cs-uri-query sc-status cs-username",
    "time cs-username cs-uri-stem cs-uri-query sc-status sc-substatus",
];

/// A line of a log with these fields.
fn line(dice: &mut Dice, layout: &str) -> String {
    let value = |dice: &mut Dice, field: &str| match field {
        "date" => format!("2011-05-{:02}", 1 + dice.below(28)),
        "time" => format!(
            "{:02}:{:02}:{:02}",
            dice.below(24),
            dice.below(60),
            dice.below(60)
        ),
        "cs-uri-stem" => dice
            .one_of(&["/Microsoft-Server-ActiveSync/default.eas", "/owa/"])
            .to_owned(),
        "cs-uri-query" => format!(
            "User=x&DeviceId=D{}&DeviceType=T&Cmd={}&Log=V141_Sk:{}_{}_",
            dice.below(4),
            dice.one_of(&["Sync", "Ping"]),
            dice.below(2),
            dice.one_of(&["S142", "Error:DeviceNotProvisioned_As:BlockedP", "Pk0"]),
        ),
        "cs-username" => dice.one_of(&["-", "C\\u1", "C\\u2", "u3@x.com"]).to_owned(),
        "sc-status" => dice.one_of(&["200", "200", "401", "449", "500"]).to_owned(),
        "sc-substatus" => dice.below(3).to_string(),
        _ => dice.below(100).to_string(),
    };
    let values: Vec<String> = layout.split(' ').map(|field| value(dice, field)).collect();
    values.join(" ")
}

/// A log in which anything can follow anything.
fn log(dice: &mut Dice) -> Vec<u8> {
    let mut layout = dice.one_of(&LAYOUTS);
    let mut lines = vec![
        "#Date: 2011-05-06 00:00:00".to_owned(),
        format!("#Fields: {layout}"),
    ];
    for _ in 0..5 + dice.below(100) {
        lines.push(match dice.below(50) {
            0..3 => {
                layout = dice.one_of(&LAYOUTS);
                format!("#Fields: {layout}")
            }
            3..6 => format!("#Date: 2011-06-{:02} 00:00:00", 1 + dice.below(28)),
            6 => String::new(),
            7 => "\0".repeat(dice.below(300) as usize),
            8 => line(dice, layout)[..9].to_owned(),
            9 => "\0".repeat(40) + &line(dice, layout),
            _ => line(dice, layout),
        });
    }
    let end = dice.one_of(&["\n", "\r\n"]);
    lines.join(end).into_bytes()
}

/// The report as JSON.
fn report(paths: &[PathBuf], threads: usize, piece_size: u64) -> String {
    let options = Options {
        threads,
        piece_size,
        ..Options::default()
    };
    let ingested = ingest(&discover(paths).sources, &options, &());
    let report = analyse(ingested, analysis::Options::default()).unwrap();
    let mut out = Vec::new();
    write_json(&report, None, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn pieces_and_threads_do_not_show() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex110506.log");
    let mut compared = 0;
    for seed in 0..40 {
        let mut dice = Dice(seed);
        std::fs::write(&path, log(&mut dice)).unwrap();
        let paths = [path.clone()];
        let whole = report(&paths, 1, u64::MAX);
        for (threads, piece_size) in [(2, 1), (3, 37), (2, 700), (4, 173)] {
            let cut = report(&paths, threads, piece_size);
            let mut lines = cut.lines().zip(whole.lines());
            let differs = lines.find(|(cut, whole)| cut != whole);
            let how = format!("seed {seed}, {threads} threads, pieces of {piece_size}");
            assert_eq!(differs, None, "{how}");
            assert_eq!(cut.len(), whole.len(), "{how}");
            compared += 1;
        }
    }
    assert_eq!(compared, 160);
}

/// A small file is looked at when it is read, a large one before that.
#[test]
fn a_small_file_is_taken_for_what_a_large_one_would_be() {
    let mut dice = Dice(7);
    let log = log(&mut dice);
    let fields = format!("#Fields: {}\n", LAYOUTS[0]).into_bytes();
    let lost = (0..1500).map(|_| line(&mut dice, LAYOUTS[0]) + "\n");
    let lost: Vec<u8> = lost.collect::<String>().into_bytes();
    let text = "text of a program that is no log\n"
        .repeat(3000)
        .into_bytes();
    assert!([&lost, &text].iter().all(|bytes| bytes.len() > 64 << 10));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, &log).unwrap();
    let gzip = gzip.finish().unwrap();
    // What is packed can be longer than what is in it.
    let tiny = b"#Fields: date\n2011-05-06\n";
    let mut tiny_gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut tiny_gzip, tiny).unwrap();
    let tiny_gzip = tiny_gzip.finish().unwrap();
    assert!(tiny_gzip.len() > tiny.len());
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("a log", log.clone(), "read"),
        ("nothing", Vec::new(), "skipped"),
        ("blocks of a crash", vec![0; 5000], "skipped"),
        ("UTF-16", b"\xff\xfe#\0S\0o\0".to_vec(), "unreadable"),
        (
            "a program",
            b"MZ\x90\0\x03\0\0\0\xff\xff\0\0".to_vec(),
            "skipped",
        ),
        ("gzip", gzip.clone(), "read"),
        ("little gzip", tiny_gzip, "read"),
        ("half of gzip", gzip[..gzip.len() / 2].to_vec(), "broken"),
        ("lines without fields", lost.clone(), "unreadable"),
        (
            "fields behind lines",
            [&lost[..], &fields, &lost].concat(),
            "read",
        ),
        ("text", text.clone(), "skipped"),
        (
            "fields behind text",
            [&text[..], &fields, &lost].concat(),
            "skipped",
        ),
    ];
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("a.log");
    std::fs::write(&good, log).unwrap();
    let path = folder.path().join("u_ex.log");
    for (what, bytes, state) in cases {
        std::fs::write(&path, bytes).unwrap();
        let paths = [path.clone(), good.clone()];
        let small = report(&paths, 1, u64::MAX);
        for (threads, piece_size) in [(2, u64::MAX), (1, 1000), (2, 1000)] {
            let large = report(&paths, threads, piece_size);
            let how = format!("{what}, {threads} threads, pieces of {piece_size}");
            assert_eq!(large, small, "{how}");
        }
        let found: serde_json::Value = serde_json::from_str(&small).unwrap();
        assert_eq!(found["input"]["per_file"][1]["state"], state, "{what}");
    }
}
