//! The main job: read, analyse, write.

use anyhow::Context;

use super::args::ReportArgs;
use super::exit::Outcome;
use super::output::Target;
use super::plan::Plan;
use super::read::{Read, findings, limits, read};
use crate::analysis::{Options, analyse};
use crate::render::{csv_files, write_json, write_text};
use crate::triage::Findings;

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<Outcome> {
    let plan = Plan::new(&args.read)?;
    let findings = findings(&args.triage)?;
    let target = Target::tables(&args.output)?;
    let Read { ingested, in_part } = read(&args.input.paths, &plan, &args.read)?;
    let rows = args.output.rows();
    let options = Options {
        filters: plan.filters,
        findings: findings.as_ref().unwrap_or_else(|| Findings::built_in()),
        limits: limits(&args.triage),
        devices: rows,
    };
    let report = analyse(ingested, options).context("cannot analyse")?;
    target.write(
        |options, out| write_text(&report, options, out),
        |out| write_json(&report, rows, out),
        || csv_files(&report.sections, Some(&report.quality), rows),
    )?;
    Ok(Outcome::of(in_part))
}
