//! Settings, and what a night says that it would do.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::{Site, files, gzip, log, two_nights};
use crate::run;

#[test]
fn settings_of_a_file_and_what_would_be_done() {
    let site = Site::new();
    two_nights(&site, 1);
    let config = site.folder.path().join("nightly.toml");
    let text = format!(
        "logs = ['{}']\nstore = '{}'\ndate = '2011-05-07'\nformat = ['markdown']\n",
        site.logs(),
        site.store()
    );
    fs::write(&config, &text).unwrap();
    let config = config.to_str().unwrap();
    let (out, err, code) = run(&["nightly", "--config", config, "--check"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("u_ex110501.log: would be read"), "{out}");
    assert!(
        out.contains("the report of 2011-05-07 (UTC) would be written"),
        "{out}"
    );
    assert!(!site.folder.path().join("store").exists());
    let (_, err, code) = run(&["nightly", "--config", config, "--date", "2011-05-01"]);
    assert_eq!(code, 0, "{err}");
    let reports: Vec<PathBuf> = files(&site.folder.path().join("store/reports"))
        .into_keys()
        .collect();
    assert_eq!(reports.len(), 1);
    assert!(
        reports[0].ends_with("report-2011-05-01.md"),
        "the command line wins: {reports:?}"
    );
    fs::write(config, format!("{text}stoer = 'x'\n")).unwrap();
    let (_, err, code) = run(&["nightly", "--config", config]);
    assert_eq!(code, 2);
    assert!(err.contains("stoer"), "{err}");
    let cases: [(&[&str], &str); 4] = [
        (&["nightly", "--store", "x"], "name the logs"),
        (&["nightly", "--logs", "x"], "name the folder of the store"),
        (
            &["nightly", "--logs", "x", "--store", "y", "--tz", "Mars"],
            "not the name of a time zone",
        ),
        (
            &["nightly", "--logs", "x", "--store", "y", "--date", "today"],
            "expected a date",
        ),
    ];
    for (arguments, want) in cases {
        let (_, err, code) = run(arguments);
        assert_eq!(code, 2, "{arguments:?}");
        assert!(err.contains(want), "{err}");
    }
}

#[test]
fn what_would_be_done_is_what_is_done() {
    let site = Site::new();
    two_nights(&site, 1);
    site.night("2011-05-01");
    two_nights(&site, 2);
    site.write(0, "u_ex110501.log", &log(0, 1, 1));
    fs::write(site.path(1, "copy.gz"), gzip(log(1, 2, 0).as_bytes())).unwrap();
    fs::write(site.path(1, "notes.txt"), "nothing of interest\n").unwrap();
    let night = ["--date", "2011-05-02", "--keep-days", "1"];
    let before = site.state();
    let (would, err, code) = site.nightly(&[&night[..], &["--check"]].concat());
    assert_eq!(code, 0, "{err}");
    assert!(site.state() == before, "nothing was done");
    let (did, err, code) = site.nightly(&[&night[..], &["--verbose"]].concat());
    assert_eq!(code, 0, "{err}");
    let names = |text: &str, what: &str| -> BTreeSet<String> {
        let lines = text.lines().filter(|line| line.contains(what));
        lines
            .filter_map(|line| Some(line.split_once(": ")?.0.to_owned()))
            .collect()
    };
    assert_eq!(names(&would, ": would be read"), names(&err, ": read"));
    assert_eq!(
        names(&would, ": would be skipped"),
        names(&err, ": skipped")
    );
    assert_eq!(names(&would, ": would be read").len(), 3, "{would}");
    assert!(would.contains("u_ex110501.log: was rewritten"), "{would}");
    assert!(err.contains("u_ex110501.log: was rewritten"), "{err}");
    let (bytes, _) = did
        .strip_prefix("read ")
        .unwrap()
        .split_once(" of ")
        .unwrap();
    assert!(
        would.contains(&format!("{bytes} would be read, 2 days would change")),
        "{would}"
    );
    assert!(did.contains("2 days changed"), "{did}");
    assert!(
        would.contains("the report of 2011-05-01, 2011-05-02 (UTC) would be written"),
        "{would}"
    );
    assert!(
        did.contains("wrote the report of 2011-05-01, 2011-05-02 to"),
        "{did}"
    );
    assert!(
        would.contains("days that would be dropped: 2011-05-01"),
        "{would}"
    );
    let (again, _, _) = site.nightly(&[&night[..], &["--check"]].concat());
    assert!(
        again.contains("the report of 2011-05-02 would stay as it is"),
        "{again}"
    );
    assert!(!again.contains("dropped"), "{again}");
}

/// Paths of a file of settings are those of its folder, and a date needs no quotes.
#[test]
fn settings_are_where_they_are_written() {
    let site = Site::new();
    two_nights(&site, 2);
    let config = site.folder.path().join("nightly.toml");
    let text = "logs = ['logs']\nstore = 'store'\nout = 'out'\ndate = 2011-05-01\n";
    fs::write(&config, text).unwrap();
    let (out, err, code) = run(&["nightly", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 0, "{out}{err}");
    let report = site.folder.path().join("out/report-2011-05-01.json");
    let written = report.metadata().unwrap().modified().unwrap();
    // Reports that would be the same are left alone.
    fs::remove_file(site.folder.path().join("store/reports.json")).unwrap();
    let (out, err, code) = run(&["nightly", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("the report of 2011-05-01 is as it was"),
        "{out}"
    );
    assert_eq!(report.metadata().unwrap().modified().unwrap(), written);
    fs::write(&config, text.replace("2011-05-01", "[5]")).unwrap();
    let (_, err, code) = run(&["nightly", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 2);
    assert!(err.contains("expected a date such as 2011-05-06"), "{err}");
}

/// What people copy works as it is, and with everything that it only mentions.
#[test]
fn the_files_to_copy_are_good_settings() {
    let folder = crate::workspace().join("docs/schedule");
    let copy = tempfile::tempdir().unwrap();
    let mut settings = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        // Cron passes over names with dots.
        assert_eq!(name.contains('.'), !text.contains("/etc/cron.d"), "{name}");
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        settings += 1;
        // Every setting that is mentioned, and no sentence.
        let lines = text.lines().map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") || rest == "[mail]" => rest,
            _ => line,
        });
        let all = lines.collect::<Vec<_>>().join("\n");
        for text in [text, all] {
            let file = copy.path().join(&name);
            fs::write(&file, text).unwrap();
            let (out, err, code) = run(&["nightly", "--check", "--config", file.to_str().unwrap()]);
            assert_ne!(code, 2, "{name}: {out}{err}");
        }
    }
    assert_eq!(settings, 2);
}
