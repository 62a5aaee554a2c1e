//! The main job: read, analyse, write.

use std::io::{self, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, bail};

use super::args::{Color, Format, ReportArgs};
use super::exit::Outcome;
use super::output::{stdout_width, styled_stdout};
use super::plan::Plan;
use super::progress::Bar;
use crate::analysis::analyse;
use crate::ingest::{FileState, Quality, ingest};
use crate::input::{Problem, discover};
use crate::render::{
    TextOptions, bytes, csv_files, terminal_safe, write_atomically, write_folder, write_json,
    write_text,
};
use crate::report::Report;

pub(super) fn run(args: &ReportArgs) -> anyhow::Result<Outcome> {
    let plan = Plan::new(args)?;
    if let Some(output) = &args.output {
        check_writable(output, args.format)?;
    }
    let found = discover(&args.paths);
    name_problems(&found.problems);
    if found.sources.is_empty() {
        bail!("nothing to read: no file was found under the given paths");
    }

    let bar = Bar::new(args.no_progress);
    let ingested = ingest(&found.sources, &plan.options, &bar);
    let (elapsed, size) = (bar.elapsed(), ingested.quality.bytes());
    bar.finish();
    name_files(&ingested.quality, args.verbose);
    if args.verbose {
        anstream::eprintln!(
            "read {} in {:.2} s ({:.0} MB/s) with {} threads",
            bytes(size),
            elapsed.as_secs_f64(),
            size as f64 / 1e6 / elapsed.as_secs_f64(),
            plan.options.threads,
        );
    }
    if ingested.quality.read().next().is_none() {
        bail!(
            "nothing to read: none of the {} files found is a readable W3C extended log",
            found.sources.len()
        );
    }

    let tally = ingested.quality.tally();
    let too_malformed = plan
        .limit
        .is_some_and(|limit| limit.is_exceeded(tally.malformed(), tally.lines()));
    if too_malformed {
        anstream::eprintln!(
            "eas-log-report: {} of {} lines are malformed, more than --max-malformed allows",
            tally.malformed(),
            tally.lines()
        );
    }
    let incomplete = ingested.quality.is_incomplete() || !found.problems.is_empty();
    let report = analyse(ingested, plan.filters)?;
    write(&report, args, plan.top)?;
    Ok(if incomplete || too_malformed {
        Outcome::WrittenInPart
    } else {
        Outcome::Written
    })
}

/// Fails before the work, not after it, if the output cannot be written. What is there stays.
fn check_writable(output: &Path, format: Format) -> anyhow::Result<()> {
    if format == Format::Csv {
        return std::fs::create_dir_all(output)
            .with_context(|| format!("--output {}: cannot be a folder", output.display()));
    }
    if output.is_dir() {
        bail!(
            "--output {}: is a folder; name a file in it",
            output.display()
        );
    }
    let folder = output
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.is_dir()
    {
        bail!(
            "--output {}: there is no folder {}",
            output.display(),
            folder.display()
        );
    }
    Ok(())
}

/// Names the paths that came to nothing.
fn name_problems(problems: &[Problem]) {
    for problem in problems {
        anstream::eprintln!("eas-log-report: {problem}");
    }
}

/// How many skipped files are named unless all are asked for. The report names all.
const SKIPPED_NAMED: usize = 10;

/// Names the files that were not read, or not to their end.
fn name_files(quality: &Quality, verbose: bool) {
    let mut skipped = 0;
    for file in &quality.files {
        let name = terminal_safe(&file.name);
        match &file.state {
            FileState::Read => {
                if verbose {
                    anstream::eprintln!("{name}: {}", file.tally);
                }
            }
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

fn write(report: &Report, args: &ReportArgs, top: Option<usize>) -> anyhow::Result<()> {
    if args.format == Format::Csv {
        let folder = args.output.as_deref().unwrap_or(Path::new("."));
        return write_folder(folder, csv_files(report, top)?)
            .with_context(|| format!("cannot write into {}", folder.display()));
    }
    let render = |out: &mut dyn Write, width| match args.format {
        Format::Text => write_text(report, TextOptions { top, width }, out),
        Format::Json | Format::Csv => write_json(report, top, out),
    };
    match &args.output {
        Some(path) => {
            let choice = if args.color == Color::Always {
                ColorChoice::Always
            } else {
                ColorChoice::Never
            };
            write_atomically(path, |out| {
                let mut text = AutoStream::new(Vec::new(), choice);
                render(&mut text, None)?;
                out.write_all(&text.into_inner())
            })
            .with_context(|| format!("cannot write {}", path.display()))
        }
        None => {
            let mut out = io::BufWriter::with_capacity(64 << 10, styled_stdout(args.color));
            render(&mut out, stdout_width())?;
            out.flush().context("cannot write to standard output")
        }
    }
}
