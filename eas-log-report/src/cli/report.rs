//! The main job: read, analyse, write.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::args::{Format, OutputArgs, ReportArgs};
use super::dropin;
use super::exit::Outcome;
use super::mail::Mailer;
use super::output::Target;
use super::plan::Plan;
use super::read::{KnownFindings, Read, limits, read, tell_nothing};
use super::watch::Watch;
use crate::analysis::{Options, analyse};
use crate::mail::Letter;
use crate::render::{csv_files, write_html, write_json, write_markdown, write_text};
use crate::report::Report;

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<Outcome> {
    tell_no_command(&args.input.paths);
    if let Some(form) = args.output.format.drop_in() {
        return dropin::run(args, form);
    }
    dropin::refuse_options(&args.drop_in)?;
    let plan = Plan::new(&args.read)?;
    let findings = KnownFindings::read(&args.triage)?;
    let watch = Watch::new(&args.watch, || findings.get())?;
    watch.try_totals()?;
    let target = Target::report(&args.output)?;
    let mailer = Mailer::new(&args.mail, false)?;
    let Read { ingested, in_part } = read(&args.input.paths, &plan, &args.read)?;
    let rows = args.output.rows();
    let options = Options {
        filters: plan.filters,
        findings: findings.get(),
        limits: limits(&args.triage),
        // The mail has all that need something.
        devices: if mailer.is_some() { None } else { rows },
    };
    let mut report = analyse(ingested, options).context("cannot analyse")?;
    tell_nothing(&report);
    let mailer = mailer.filter(|mailer| mailer.wants(&report, false));
    let mail = mailer.map(|mailer| (mailer, Letter::about(&report, &report)));
    for finding in &mut report.findings {
        finding.listed.truncate(rows.unwrap_or(usize::MAX));
    }
    let written = write(&report, &args.output, &target);
    let mut outcome = watch.look(&report, Outcome::of(in_part));
    let totals = watch.write_totals(&report);
    // One that cannot be written is mailed all the same, and one that cannot be mailed is written.
    if let Some((mailer, letter)) = mail {
        let letter = letter.context("cannot put the message together");
        outcome = mailer.post(letter, outcome);
    }
    written?;
    totals?;
    Ok(outcome)
}

/// Says so if what stands in the place of a command is none, and no path either.
fn tell_no_command(paths: &[PathBuf]) {
    let Some(word) = paths.first().and_then(|path| path.to_str()) else {
        return;
    };
    if word.bytes().all(|byte| byte.is_ascii_lowercase()) && !Path::new(word).exists() {
        anstream::eprintln!("eas-log-report: {word}: no such command; --help lists them");
    }
}

/// Writes a report in the form that is asked for.
pub(super) fn write(
    report: &Report,
    output: &OutputArgs,
    target: &Target<'_>,
) -> anyhow::Result<()> {
    let rows = output.rows();
    match output.format {
        Format::Html => target.place(|out, _| write_html(report, rows, out)),
        Format::Markdown => target.place(|out, _| write_markdown(report, rows, out)),
        _ => target.write(
            |options, out| write_text(report, options, out),
            |out| write_json(report, rows, out),
            || csv_files(&report.sections, Some(&report.quality), rows),
        ),
    }
}
