//! Reading, as every command does that reads logs.

use std::path::PathBuf;

use anyhow::{Context, bail};
use eas_log_parse::{FaultKind, Tally};

use super::args::{ReadArgs, TriageArgs};
use super::plan::Plan;
use super::progress::Bar;
use crate::ingest::{FileState, Ingested, Options, Progress, Quality, ingest};
use crate::input::{Problem, Source, discover};
use crate::render::{bytes, grouped, nothing, percent, terminal_safe};
use crate::report::Report;
use crate::triage::{Findings, Limits};

/// What was read.
pub(super) struct Read {
    pub(super) ingested: Ingested,
    /// Whether some input could not be read, or more of it was malformed than was allowed.
    pub(super) in_part: bool,
}

/// Reads all that is found under the paths, and says on standard error what could not be read.
pub(super) fn read(paths: &[PathBuf], plan: &Plan, args: &ReadArgs) -> anyhow::Result<Read> {
    let (mut ingested, in_part) = read_by(
        paths,
        plan,
        args,
        |sources, options, progress| Ok(ingest(sources, options, progress)),
        |ingested| &ingested.quality,
    )?;
    if let Some(pseudonyms) = &plan.pseudonyms {
        pseudonyms.apply(&mut ingested);
    }
    Ok(Read { ingested, in_part })
}

/// Reads all that is found under the paths in a way of its own, and says on standard error what could
/// not be read. Gives with it whether some input could not be read, or more of it was malformed than
/// was allowed.
pub(super) fn read_by<T>(
    paths: &[PathBuf],
    plan: &Plan,
    args: &ReadArgs,
    read: impl FnOnce(&[Source], &Options, &dyn Progress) -> anyhow::Result<T>,
    quality: impl Fn(&T) -> &Quality,
) -> anyhow::Result<(T, bool)> {
    let found = discover(paths);
    name_problems(&found.problems);
    if found.sources.is_empty() {
        bail!("nothing to read: no file was found under the given paths");
    }

    // What follows the reading keeps to so many threads too. A pool that is there already is that of
    // logs that were read before, and has as many.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.options.threads);
    let _ = pool.build_global();

    let bar = Bar::new(args.no_progress);
    let made = read(&found.sources, &plan.options, &bar)?;
    let quality = quality(&made);
    let (elapsed, size) = (bar.elapsed(), quality.bytes());
    bar.finish();
    name_files(quality, args.verbose);
    if args.verbose {
        anstream::eprintln!(
            "read {} in {:.2} s ({:.0} MB/s) with {} threads",
            bytes(size),
            elapsed.as_secs_f64(),
            size as f64 / 1e6 / elapsed.as_secs_f64(),
            plan.options.threads,
        );
    }
    if quality.read().next().is_none() {
        bail!(
            "nothing to read: {} a readable W3C extended log",
            match found.sources.len() {
                1 => "the only file found is not".to_owned(),
                files => format!("none of the {files} files found is"),
            }
        );
    }

    let tally = quality.tally();
    let exceeded = plan.limit.as_ref();
    let exceeded =
        exceeded.filter(|(limit, _)| limit.is_exceeded(tally.malformed(), tally.lines()));
    if let Some((_, typed)) = exceeded {
        anstream::eprintln!(
            "eas-log-report: {} of {} lines are malformed ({}), more than --max-malformed {typed} \
             allows: {}; the report names the first of each file",
            grouped(tally.malformed()),
            grouped(tally.lines()),
            percent(tally.malformed(), tally.lines()),
            kinds(&tally)
        );
    }
    let too_malformed = exceeded.is_some();
    let in_part = too_malformed || quality.is_incomplete() || !found.problems.is_empty();
    Ok((made, in_part))
}

/// Says on standard error if a report is about nothing, which a report that nobody looks at hides.
pub(super) fn tell_nothing(report: &Report) {
    if let Some(nothing) = nothing(report) {
        anstream::eprintln!("eas-log-report: {}", terminal_safe(&nothing));
    }
}

/// The findings that come with the tool, or these with those of a file on top.
pub(super) struct KnownFindings(Option<Findings>);

impl KnownFindings {
    /// Reads the file, if there is one. If there is none, a thread reads what comes with the tool while
    /// the logs are found; where no thread is to be had, it is read when it is needed.
    pub(super) fn read(args: &TriageArgs) -> anyhow::Result<KnownFindings> {
        let Some(path) = &args.findings else {
            let _ = std::thread::Builder::new().spawn(Findings::built_in);
            return Ok(KnownFindings(None));
        };
        let context = || format!("--findings {}", path.display());
        let text = std::fs::read_to_string(path).with_context(context)?;
        let findings = Findings::read(Some(&text)).with_context(context)?;
        Ok(KnownFindings(Some(findings)))
    }

    /// The findings, once they are read.
    pub(super) fn get(&self) -> &Findings {
        self.0.as_ref().unwrap_or_else(|| Findings::built_in())
    }
}

/// How many requests are too many.
pub(super) fn limits(args: &TriageArgs) -> Limits {
    Limits {
        per_minute: args.storm_per_minute,
        per_day: args.storm_per_day,
    }
}

/// How many lines are malformed in which way.
fn kinds(tally: &Tally) -> String {
    let kinds = FaultKind::ALL
        .into_iter()
        .map(|kind| (kind, tally.malformed_as(kind)));
    let kinds = kinds.filter(|&(_, lines)| lines > 0);
    let kinds: Vec<String> = kinds
        .map(|(kind, lines)| format!("{lines} {kind}"))
        .collect();
    kinds.join(", ")
}

/// Names the paths that came to nothing.
fn name_problems(problems: &[Problem]) {
    for problem in problems {
        let problem = problem.to_string();
        anstream::eprintln!("eas-log-report: {}", terminal_safe(&problem));
    }
}

/// How many skipped files are named unless all are asked for. The report names all.
const SKIPPED_NAMED: usize = 10;

/// Names the files that were not read, or not to their end.
fn name_files(quality: &Quality, verbose: bool) {
    let mut skipped = 0;
    for file in &quality.files {
        // There may be many, of which few are named.
        if file.state == FileState::Read && !verbose {
            continue;
        }
        let name = terminal_safe(&file.name);
        match &file.state {
            FileState::Read => anstream::eprintln!("{name}: {}", file.tally),
            FileState::Skipped(why) => {
                skipped += 1;
                if verbose || skipped <= SKIPPED_NAMED {
                    anstream::eprintln!("eas-log-report: {name}: skipped: {why}");
                }
            }
            FileState::Broken(why) => {
                let why = terminal_safe(why);
                anstream::eprintln!("eas-log-report: {name}: read only in part: {why}");
            }
            FileState::Unreadable(why) => {
                let why = terminal_safe(why);
                anstream::eprintln!("eas-log-report: {name}: cannot be read: {why}");
            }
        }
    }
    if skipped > SKIPPED_NAMED && !verbose {
        let more = skipped - SKIPPED_NAMED;
        anstream::eprintln!("eas-log-report: {more} more files skipped; --verbose names them");
    }
}
