//! The main job: read, analyse, write.

use anyhow::Context;

use super::args::ReportArgs;
use super::exit::Outcome;
use super::mail::Mailer;
use super::output::Target;
use super::plan::Plan;
use super::read::{Read, findings, limits, read};
use crate::analysis::{Options, analyse};
use crate::mail::Letter;
use crate::render::{csv_files, write_json, write_text};
use crate::triage::Findings;

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<Outcome> {
    let plan = Plan::new(&args.read)?;
    let findings = findings(&args.triage)?;
    let target = Target::tables(&args.output)?;
    let mailer = Mailer::new(&args.mail, false)?;
    let Read { ingested, in_part } = read(&args.input.paths, &plan, &args.read)?;
    let rows = args.output.rows();
    let options = Options {
        filters: plan.filters,
        findings: findings.as_ref().unwrap_or_else(|| Findings::built_in()),
        limits: limits(&args.triage),
        // The mail has all that need something.
        devices: if mailer.is_some() { None } else { rows },
    };
    let mut report = analyse(ingested, options).context("cannot analyse")?;
    let mailer = mailer.filter(|mailer| mailer.wants(&report, false));
    let mail = mailer.map(|mailer| (mailer, Letter::about(&report)));
    for finding in &mut report.findings {
        finding.listed.truncate(rows.unwrap_or(usize::MAX));
    }
    let written = target.write(
        |options, out| write_text(&report, options, out),
        |out| write_json(&report, rows, out),
        || csv_files(&report.sections, Some(&report.quality), rows),
    );
    // One that cannot be written is mailed all the same, and one that cannot be mailed is written.
    let mut outcome = Outcome::of(in_part);
    if let Some((mailer, letter)) = mail {
        let letter = letter.context("cannot put the message together");
        outcome = mailer.post(letter, outcome);
    }
    written?;
    Ok(outcome)
}
