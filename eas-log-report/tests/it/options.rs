//! Options do what their help says.

use std::fs;
use std::process::Stdio;

use crate::{command, json, run};

const SAMPLE: &str = "samples/coexistence";

fn requests(arguments: &[&str]) -> (u64, u64) {
    let report = json(&[&[SAMPLE], arguments].concat());
    let number = |key: &str| report["totals"][key].as_u64().unwrap();
    (number("requests"), number("filtered_out"))
}

#[test]
fn filters_leave_out_and_count_what_they_leave_out() {
    let (all, none) = requests(&[]);
    assert_eq!((all, none), (201, 0));
    let cases: [(&[&str], u64); 17] = [
        (&["--user", "bernd.olsen"], 27),
        (&["--user", "fabrikam\\bernd.olsen"], 27),
        (&["--user", "Bernd.Olsen@fabrikam.com"], 27),
        (&["--user", "bernd.olse[n]"], 0),
        (&["--user", "{bernd,carla}*"], 0),
        (&["--device-type", "nokia?*"], 49),
        (&["--user", "FABRIKAM\\BERND*"], 27),
        (&["--user", "bernd.olsen", "--user", "carla.diaz"], 46),
        (&["--device", "imei352924027511437"], 27),
        (&["--device-type", "nokia*"], 49),
        (&["--user-agent", "MSFT-PPC/5.?.*"], 8),
        (&["--user", "bernd.olsen", "--device-type", "iPhone"], 0),
        (&["--since", "2011-05-07"], 84),
        (&["--until", "2011-05-06"], 117),
        (
            &["--since", "2011-05-06T11:30", "--until", "2011-05-06T11:30"],
            2,
        ),
        (
            &[
                "--since",
                "2011-05-06 11:29:50",
                "--until",
                "2011-05-06 11:29:50",
            ],
            1,
        ),
        (&["--since", "2012-01-01"], 0),
    ];
    for (arguments, want) in cases {
        assert_eq!(requests(arguments), (want, all - want), "{arguments:?}");
    }
}

/// A report about nothing must not look like one about devices that all work.
#[test]
fn a_report_about_nothing_says_so_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let owa = "#Fields: date time cs-uri-stem sc-status\r\n2011-05-06 11:00:00 /owa/ 200\r\n";
    let owa = crate::inputs::write(folder.path(), "owa.log", owa.as_bytes());
    let empty = b"#Fields: date time\r\n";
    let empty = crate::inputs::write(folder.path(), "empty.log", empty);
    let cases: [(&[&str], &str); 4] = [
        (
            &[SAMPLE, "--user", "nobody"],
            "0 of 201 requests match --user nobody",
        ),
        (
            &[SAMPLE, "--until", "2001-01-01", "--device-type", "WP"],
            "0 of 201 requests match --until 2001-01-01 --device-type WP",
        ),
        (&[&owa], "no ActiveSync request at all among 1 records"),
        (&[&empty], "no request at all: the logs have no records"),
    ];
    for (arguments, want) in cases {
        for format in ["text", "markdown", "html"] {
            let (out, err, code) = run(&[arguments, &["--format", format]].concat());
            assert_eq!(code, 0, "{arguments:?}");
            assert!(err.contains(want), "{arguments:?}, {format}: {err}");
            assert!(
                out.contains(want) || format == "markdown",
                "{arguments:?}, {format}: {out}"
            );
            assert!(
                !out.contains("every device works"),
                "{arguments:?}, {format}"
            );
        }
        let (_, err, code) = run(&[&["devices"], arguments].concat());
        assert_eq!(code, 0, "{arguments:?}");
        assert!(err.contains(want), "{arguments:?}: {err}");
    }
}

#[test]
fn top_limits_the_rows_of_every_form() {
    let report = json(&[SAMPLE, "--top", "2"]);
    for (id, rows) in report["sections"].as_object().unwrap() {
        assert!(rows.as_array().unwrap().len() <= 2, "{id}");
    }
    let (few, ..) = run(&[SAMPLE, "--top", "2"]);
    let (all, ..) = run(&[SAMPLE, "--top", "0"]);
    assert!(few.contains("--top 0 shows all"), "{few}");
    assert!(!all.contains("--top 0 shows all"), "{all}");
}

#[test]
fn threads_and_pieces_do_not_show() {
    let whole = run(&["samples", "--format", "json"]);
    for arguments in [
        &["--threads", "1"][..],
        &["--threads", "5", "--piece-size", "700"],
        &["--threads", "100000"],
    ] {
        let again = run(&[&["samples", "--format", "json"], arguments].concat());
        assert_eq!(again.0, whole.0, "{arguments:?}");
    }
}

#[test]
fn the_order_of_paths_does_not_show() {
    let one = run(&["samples/coexistence/FE2003", "samples/coexistence/CAS2010"]);
    let other = run(&[
        "samples/coexistence/CAS2010",
        "samples/coexistence/FE2003",
        "samples/coexistence/FE2003/W3SVC1/ex110506.log",
    ]);
    assert_eq!(one, other);
}

#[test]
fn output_goes_into_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.txt");
    fs::write(&path, "yesterday's").unwrap();
    let (out, err, code) = run(&[SAMPLE, "--output", path.to_str().unwrap()]);
    assert_eq!((out.as_str(), err.as_str(), code), ("", "", 0));
    assert_eq!(fs::read_to_string(&path).unwrap(), run(&[SAMPLE]).0);
}

/// What stands at the path of any output is written through, or replaced as a whole, or left alone.
#[cfg(unix)]
#[test]
fn output_never_replaces_what_is_no_file() {
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, symlink};

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let pipe = path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    fs::create_dir(path("real")).unwrap();
    symlink("real/target", path("link")).unwrap();
    let eml = ["--mail-to", "a@x.com", "--mail-from", "b@x.com", "--eml"];
    let mail = |path: &'static str| [&eml[..], &[path]].concat();
    let (piped, linked) = (pipe.clone().leak(), path("link").leak());
    for (to_pipe, to_link, begin) in [
        (
            vec!["--output", &*piped],
            vec!["--output", &*linked],
            "Exchange ActiveSync report",
        ),
        (
            vec!["--prometheus", piped],
            vec!["--prometheus", linked],
            "# HELP",
        ),
        (mail(piped), mail(linked), "From: b@x.com"),
    ] {
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || {
                let mut text = String::new();
                fs::File::open(pipe)
                    .unwrap()
                    .read_to_string(&mut text)
                    .unwrap();
                text
            }
        });
        let (_, err, code) = run(&[&[SAMPLE][..], &to_pipe].concat());
        assert_eq!((err.as_str(), code), ("", 0), "{to_pipe:?}");
        assert!(
            fs::metadata(&pipe).unwrap().file_type().is_fifo(),
            "{to_pipe:?}"
        );
        assert!(reader.join().unwrap().starts_with(begin), "{to_pipe:?}");

        let (_, err, code) = run(&[&[SAMPLE][..], &to_link].concat());
        assert_eq!((err.as_str(), code), ("", 0), "{to_link:?}");
        assert!(fs::symlink_metadata(path("link")).unwrap().is_symlink());
        let text = fs::read_to_string(path("real/target")).unwrap();
        assert!(text.starts_with(begin), "{to_link:?}");
    }
    for output in ["/dev/stdout", "-"] {
        let (out, err, code) = run(&[SAMPLE, "--output", output]);
        assert_eq!((err.as_str(), code), ("", 0), "{output}");
        assert_eq!(out, run(&[SAMPLE]).0, "{output}");
    }
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["link", "pipe", "real"], "nothing is left behind");
}

#[test]
fn output_does_not_replace_a_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("u_ex110506.log");
    fs::copy(crate::workspace().join(crate::inputs::LOG), &log).unwrap();
    let before = fs::read(&log).unwrap();
    let path = log.to_str().unwrap();
    for option in ["--output", "--prometheus"] {
        let (out, err, code) = run(&[path, option, path]);
        assert_eq!((out.as_str(), code), ("", 2), "{option}");
        let want = format!("{option} {path}: is a log, which would be lost");
        assert!(err.contains(&want), "{err}");
    }
    assert_eq!(fs::read(&log).unwrap(), before);
}

/// No file can be made there, not even by root. It is told before the logs are read.
#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_told_before_the_work() {
    for (option, place) in [
        ("--output", "/proc/report.txt"),
        ("--prometheus", "/proc/totals.prom"),
    ] {
        let (out, err, code) = run(&[SAMPLE, "--verbose", option, place]);
        assert_eq!((out.as_str(), code), ("", 2), "{option}");
        let want = format!("{option} {place}: cannot be written: no file can be made in /proc");
        assert!(err.contains(&want), "{err}");
        assert!(!err.contains("lines ="), "nothing was read: {err}");
    }
    for arguments in [["--format", "csv"], ["--format", "export-activesynclog"]] {
        let (_, err, code) = run(&[&[SAMPLE, "-o", "/proc/sys"][..], &arguments].concat());
        assert_eq!(code, 2, "{arguments:?}");
        assert!(
            err.contains("/proc/sys: cannot be a folder to write to"),
            "{err}"
        );
    }
}

#[test]
fn colors_are_written_only_where_asked_for() {
    let (plain, ..) = run(&[SAMPLE]);
    assert!(!plain.contains('\x1b'));
    let (colored, ..) = run(&[SAMPLE, "--color", "always"]);
    assert!(colored.contains("\x1b[1m"));
}

#[test]
fn verbose_names_files_and_speed() {
    let (out, err, code) = run(&[SAMPLE, "--verbose", "--no-progress"]);
    assert_eq!(code, 0);
    assert_eq!(out, run(&[SAMPLE]).0);
    assert!(
        err.contains("u_ex110506.log: 107 lines = 0 blank + 4 directives"),
        "{err}"
    );
    assert!(err.contains("MB/s"), "{err}");
}

#[test]
fn help_version_and_completions() {
    let (help, _, code) = run(&["--help"]);
    assert_eq!(code, 0);
    for word in [
        "--since",
        "--max-malformed",
        "Exit codes:",
        "Examples:",
        "completions",
    ] {
        assert!(help.contains(word), "{word}");
    }
    assert!(!help.contains("--piece-size"));
    let (version, _, code) = run(&["--version"]);
    assert_eq!((version.as_str(), code), ("eas-log-report 0.1.0\n", 0));
    for shell in ["bash", "powershell", "zsh", "fish"] {
        let (script, _, code) = run(&["completions", shell]);
        assert_eq!(code, 0);
        assert!(script.contains("max-malformed"), "{shell}");
    }
}

#[test]
fn wrong_options_say_what_was_expected() {
    let cases: [(&[&str], &str); 20] = [
        (
            &["--since", "yesterday"],
            "--since yesterday: expected a date or time (UTC)",
        ),
        (
            &["--since", "2011-05-08", "--until", "2011-05-06"],
            "--since is later than --until",
        ),
        (&["--user", ""], "--user: expected a name"),
        (
            &["--threads", "0"],
            "--threads 0: expected at least one thread",
        ),
        (
            &["--max-malformed", "few"],
            "--max-malformed few: expected a number of lines",
        ),
        (
            &["--max-malformed", "-1"],
            "--max-malformed -1: expected a number of lines",
        ),
        (
            &["--max-malformed", "101%"],
            "such as 100, or a share of all from 0% to 100%",
        ),
        (
            &["--top", "x"],
            "'--top <N>': expected a whole number such as 20, found 'x', which is no such number",
        ),
        (&["--top", "-1"], "found '-1', which is less than 0"),
        (
            &["--threads", "-2"],
            "'--threads <N>': expected a whole number",
        ),
        (
            &["--storm-per-minute", "1e3"],
            "found '1e3', which is no such number",
        ),
        (
            &["--storm-per-minute", "6"],
            "expected a whole number from 7 on, found 6",
        ),
        (
            &["--storm-per-day", "0"],
            "expected a whole number from 1 on, found 0",
        ),
        (
            &["--since", "2011-13-45"],
            "--since 2011-13-45: expected a date or time (UTC)",
        ),
        (&["--fields", " "], "--fields: expected names"),
        (&["--format", "csv"], "name a folder with --output"),
        (&["--format", "xml"], "possible values: text, json, csv"),
        (&["--output", "samples"], "--output samples: is a folder"),
        (&["--output", "no/such/report.txt"], "there is no folder no"),
        (&["--sinse", "2011-05-06"], "--since"),
    ];
    for (arguments, message) in cases {
        let (out, err, code) = run(&[&[SAMPLE], arguments].concat());
        assert_eq!((out.as_str(), code), ("", 2), "{arguments:?}");
        assert!(err.contains(message), "{arguments:?}: {err}");
    }
}

/// Each kind of line that cannot be read, with the number of them, a place and what to do.
#[test]
fn malformed_lines_are_told_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let log = b"2011-05-06 11:00:00 a b\n#Fields: date time a b\n2011-05-06 11:00:00 a\n\
        2011-05-06 11:00:01 a\n2011-05-06 11:00:00 a b c d\n\0\0\0\n2011-05-06 11:00:00 a b\n\
        #Fields:\n2011-05-06 11:";
    let path = crate::inputs::write(folder.path(), "u.log", log);
    let (out, err, code) = run(&[&path, "--max-malformed", "0"]);
    assert_eq!(code, 1);
    for (kind, lines, first) in [
        ("no_fields", 1, 1),
        ("too_few_values", 2, 3),
        ("too_many_values", 1, 5),
        ("nul_block", 1, 6),
        ("empty_fields", 1, 8),
        ("unterminated", 1, 9),
    ] {
        let want = format!("{lines} malformed as {kind}, the first at {path}:{first}: ");
        let unwrapped = out.replace("\n  ", " ");
        assert!(unwrapped.contains(&want), "{want}: {out}");
        assert!(err.contains(&format!("{lines} {kind}")), "{err}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_with_its_place() {
    for arguments in [
        &[SAMPLE][..],
        &[SAMPLE, "--format", "json"],
        &["devices", SAMPLE],
        &["explain", "449"],
        &["completions", "bash"],
    ] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = command().args(arguments).stdout(full).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(
            err.contains("cannot write to standard output: "),
            "{arguments:?}: {err}"
        );
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_word_that_is_no_command_is_told_as_that() {
    let (_, err, code) = run(&["devcies", SAMPLE]);
    assert_eq!(code, 1);
    assert!(
        err.contains("devcies: no such command; --help lists them"),
        "{err}"
    );
    assert!(err.contains("devcies: no such file or folder"), "{err}");
}

#[test]
fn a_closed_pipe_is_no_error() {
    let mut child = command()
        .args(["samples", "--top", "0", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
