//! `compare`: before and after a migration.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use chrono::NaiveDate;

use super::args::CompareArgs;
use super::exit::Outcome;
use super::moves::Moves;
use super::output::Target;
use super::plan::{Plan, pseudonyms};
use super::read::{KnownFindings, Read, limits, read};
use super::store::span;
use super::time::parse_time;
use crate::analysis::{Options, analyse, compare};
use crate::ingest::{Cutover, CutoverSide};
use crate::render::{csv_files, grouped, write_sheet_json, write_sheet_text};
use crate::report::Report;
use crate::store::Store;

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<Outcome> {
    if let Some(folder) = &args.store {
        return spans(args, folder);
    }
    let (before_paths, after_paths) = sides(args)?;
    let moves = match &args.moves {
        Some(path) => {
            Some(Moves::read(path).with_context(|| format!("--moves {}", path.display()))?)
        }
        None => None,
    };
    let cutover = cutover(args, moves.as_ref())?;
    let findings = KnownFindings::read(&args.triage)?;
    let target = Target::tables(&args.output)?;
    let (mut reports, mut in_part) = (Vec::new(), false);
    let mut users = HashSet::new();
    for (paths, side) in [
        (before_paths, CutoverSide::Before),
        (after_paths, CutoverSide::After),
    ] {
        let mut plan = Plan::new(&args.read)?;
        plan.options.filter.cutover = cutover.clone().map(|cutover| (cutover, side));
        let read: Read = read(paths, &plan, &args.read)?;
        in_part |= read.in_part;
        let keys = read.ingested.facts.texts.users.keys();
        users.extend(
            keys.iter()
                .map(|key| String::from_utf8_lossy(key).into_owned()),
        );
        let options = Options {
            filters: plan.filters,
            findings: findings.get(),
            limits: limits(&args.triage),
            devices: None,
        };
        reports.push(analyse(read.ingested, options).context("cannot analyse")?);
    }
    let mut more_to_say = Vec::from_iter(left_out(args, &reports[0]));
    // With other filters, it is not known whose requests they leave out.
    if let Some(moves) = &moves
        && args.read.user.is_empty()
    {
        let named = args.read.share.pseudonymize.is_none();
        more_to_say.extend(moves.strangers(&users, args.cutover.is_some(), named));
    }
    write(args, &target, &reports[0], &reports[1], more_to_say)?;
    Ok(Outcome::of(in_part))
}

fn write(
    args: &CompareArgs,
    target: &Target<'_>,
    before: &Report,
    after: &Report,
    more_to_say: Vec<String>,
) -> anyhow::Result<()> {
    for (report, name) in [(before, "before"), (after, "after")] {
        if report.totals.requests == 0 {
            anstream::eprintln!("eas-log-report: there are no requests {name}: is the time right?");
        }
    }
    let mut sheet = compare(before, after);
    sheet.notes.extend(more_to_say);
    let rows = args.output.rows();
    target.write(
        |options, out| write_sheet_text(&sheet, options, out),
        |out| write_sheet_json(&sheet, rows, out),
        || csv_files(&sheet.sections, None, rows),
    )
}

/// Compares two spans of a store.
fn spans(args: &CompareArgs, folder: &Path) -> anyhow::Result<Outcome> {
    ensure!(
        args.cutover.is_none() && args.moves.is_none() && args.paths.is_empty(),
        "--store: goes with --before DAYS and --after DAYS, not with logs or times"
    );
    let findings = KnownFindings::read(&args.triage)?;
    let pseudonyms = pseudonyms(&args.read.share)?;
    let target = Target::tables(&args.output)?;
    let store = Store::read(folder)?;
    let mut reports = Vec::new();
    for (option, typed) in [("--before", &args.before), ("--after", &args.after)] {
        let [typed] = typed.as_slice() else {
            bail!("--store: expected {option} with a span of days, such as 2011-05-01..2011-05-07");
        };
        let (from, to) = days(&typed.to_string_lossy())
            .with_context(|| format!("{option} {}", typed.display()))?;
        let mut ingested = span(&store, Some(from), Some(to)).with_context(|| option.to_owned())?;
        if let Some(pseudonyms) = &pseudonyms {
            pseudonyms.apply(&mut ingested);
        }
        let options = Options {
            filters: Vec::new(),
            findings: findings.get(),
            limits: limits(&args.triage),
            devices: None,
        };
        reports.push(analyse(ingested, options).context("cannot analyse")?);
    }
    write(args, &target, &reports[0], &reports[1], Vec::new())?;
    Ok(Outcome::Written)
}

/// The first and the last day of `2011-05-01..2011-05-07`, or of one day.
fn days(typed: &str) -> anyhow::Result<(i32, i32)> {
    let (from, to) = typed.split_once("..").unwrap_or((typed, typed));
    let day = |text: &str| -> anyhow::Result<i32> {
        let date: Result<NaiveDate, _> = text.trim().parse();
        let date = date.map_err(|_| {
            anyhow!("expected days such as 2011-05-01..2011-05-07 or 2011-05-01, found '{text}'")
        })?;
        Ok(date.to_epoch_days())
    };
    let (from, to) = (day(from)?, day(to)?);
    ensure!(from <= to, "the first day is later than the last");
    Ok((from, to))
}

/// The paths of both sides. They are the same where a time parts them.
fn sides(args: &CompareArgs) -> anyhow::Result<(&[PathBuf], &[PathBuf])> {
    let by_time = args.cutover.is_some() || args.moves.is_some();
    let by_paths = !args.before.is_empty() || !args.after.is_empty();
    ensure!(
        by_time != by_paths,
        "expected either --before PATH --after PATH, or PATH with --cutover TIME or --moves FILE"
    );
    if by_time {
        ensure!(
            !args.paths.is_empty(),
            "name the logs that the time parts, behind the options"
        );
        return Ok((&args.paths, &args.paths));
    }
    ensure!(
        args.paths.is_empty(),
        "{}: with --before and --after every path belongs to one of them",
        args.paths[0].display()
    );
    ensure!(
        !args.before.is_empty() && !args.after.is_empty(),
        "expected both --before PATH and --after PATH"
    );
    Ok((&args.before, &args.after))
}

/// What --moves leaves out, to be said.
fn left_out(args: &CompareArgs, before: &Report) -> Option<String> {
    (args.moves.is_some() && args.cutover.is_none()).then(|| {
        format!(
            "users that --moves does not name are left out: with the other filters, {} requests; \
             --cutover TIME gives them a time",
            grouped(before.counts.filtered_out)
        )
    })
}

/// When each user moved.
fn cutover(args: &CompareArgs, moves: Option<&Moves>) -> anyhow::Result<Option<Arc<Cutover>>> {
    if args.cutover.is_none() && args.moves.is_none() {
        return Ok(None);
    }
    let for_all = match &args.cutover {
        Some(text) => {
            let (start, _) = parse_time(text).map_err(|why| anyhow!("--cutover {text}: {why}"))?;
            Some(start)
        }
        None => None,
    };
    let of_users = moves.map_or_else(HashMap::new, |moves| moves.times.clone());
    Ok(Some(Arc::new(Cutover { for_all, of_users })))
}
