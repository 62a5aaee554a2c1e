//! Findings, and the screen that begins with them.

use eas_log_report::analysis::{self, analyse};
use eas_log_report::ingest::{Options, ingest};
use eas_log_report::input::discover;
use eas_log_report::render::{TextOptions, write_text};
use eas_log_report::report::Report;

use crate::{run, workspace};

fn report(path: &str) -> Report {
    let ingested = ingest(
        &discover(&[workspace().join(path)]).sources,
        &Options::default(),
        &(),
    );
    analyse(ingested, analysis::Options::default()).unwrap()
}

fn text(report: &Report, width: Option<u16>) -> String {
    let mut out = Vec::new();
    let top = Some(20);
    write_text(report, TextOptions { top, width }, &mut out).unwrap();
    anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
}

#[test]
fn the_first_screen_says_how_many_are_broken_who_acts_and_the_first_step() {
    let (out, _, code) = run(&["samples/coexistence"]);
    assert_eq!(code, 0);
    let head: Vec<&str> = out.lines().take(60).collect();
    // Counted by hand: of 14 devices, each of a user of its own, 4 are healthy.
    assert_eq!(head[1], "  10 of 14 devices are broken (10 of 14 users)");
    let head = head.join("\n");
    for part in [
        "2 not_provisionable, ",
        "; 4 healthy\n",
        "critical  1 device of 1 user: Nokia phones are refused: Mail for Exchange is older than 3.0.50\n",
        "Exchange administrator, helpdesk: Update Mail for Exchange on the phone to 3.0.50 or",
        "\nDevices (14)\n",
    ] {
        assert!(head.contains(part), "{part}\n{head}");
    }
}

#[test]
fn the_report_fits_a_terminal() {
    let report = report("samples");
    for width in [80, 100, 120] {
        let text = text(&report, Some(width));
        let too_wide: Vec<&str> = text
            .lines()
            .filter(|line| line.chars().count() > usize::from(width))
            // What is copied is not broken: cmdlets, commands, and the places of lines.
            .filter(|line| {
                let is_cmdlet = line.contains('-') && line.starts_with("           ")
                    || line.starts_with("   Run     ");
                !is_cmdlet && !line.trim_end().contains(".log") && !line.contains("eas-log-report")
            })
            .collect();
        assert!(too_wide.is_empty(), "{width}: {too_wide:#?}");
        let devices = text.split("\nDevices (").nth(1).unwrap();
        for whole in ["not_provisionable", "provisioning_loop"] {
            assert!(devices.contains(whole), "{width}: {whole}");
        }
    }
}

#[test]
fn devices_that_are_most_harmed_stand_first() {
    let report = report("samples");
    let devices = report.section("devices").unwrap();
    let text = |key| -> Vec<String> {
        let values = devices.values(key);
        values
            .map(|value| match value {
                eas_log_report::report::Value::Text(text) => text.clone(),
                _ => String::new(),
            })
            .collect()
    };
    let severities: Vec<_> = text("findings")
        .iter()
        .zip(text("verdict"))
        .map(|(ids, verdict)| {
            let worst = report
                .findings
                .iter()
                .filter(|finding| ids.split("; ").any(|id| id == finding.advice.id))
                .map(|finding| finding.advice.severity)
                .min();
            let well = ["healthy", "recovered"].contains(&verdict.as_str());
            (
                well,
                worst.unwrap_or(eas_log_report::report::Severity::Info),
            )
        })
        .collect();
    assert!(severities.is_sorted(), "{severities:?}");
    assert!(severities.iter().any(|(well, _)| *well));
    let broken = severities.iter().filter(|(well, _)| !well).count();
    assert_eq!(report.totals.broken_devices, broken as u64);
}
