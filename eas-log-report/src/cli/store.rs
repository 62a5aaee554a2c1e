//! `store`: what is kept of earlier nights; and `report`: any span of it, without the logs.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use chrono::NaiveDate;
use clap::Subcommand;

use super::args::{Format, OutputArgs, ShareArgs, TriageArgs};
use super::exit::Outcome;
use super::nightly::tell;
use super::output::Target;
use super::plan::pseudonyms;
use super::read::{KnownFindings, limits};
use super::report::write;
use super::watch::{Watch, WatchArgs};
use crate::analysis::{Options, analyse};
use crate::ingest::Ingested;
use crate::input::discover;
use crate::render::{bytes, grouped, terminal_safe};
use crate::report::DayTotals;
use crate::store::{Again, Store, Update, Zone, date_of};
use crate::triage::{Findings, Limits};

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub enum StoreCommand {
    /// Say which days it holds, and look whether every table is as it was written
    Status {
        /// The folder of the store
        store: PathBuf,
    },
    /// Read logs again for what is damaged, or for all that the logs still have
    Rebuild {
        /// The folder of the store
        store: PathBuf,
        /// The logs: files, folders, patterns
        #[arg(long, value_name = "PATH", num_args = 1.., required = true)]
        logs: Vec<PathBuf>,
        /// Read all logs again that are still there, and not only what is damaged
        #[arg(long)]
        all: bool,
        /// Zone whose days part the facts, if the store has to begin anew [default: UTC]
        #[arg(long, value_name = "ZONE")]
        tz: Option<String>,
    },
    /// Drop old days; the reports that were written stay
    Prune {
        /// The folder of the store
        store: PathBuf,
        /// Keep so many days, counted back from the latest that the store holds
        #[arg(long, value_name = "N")]
        keep_days: u32,
    },
    /// Make one store of several, such as those that servers fill on themselves
    Merge {
        /// The folders of the stores
        #[arg(value_name = "STORE", required = true, num_args = 1..)]
        stores: Vec<PathBuf>,
        /// The folder of the sum: a new one, or one of an earlier merge, which is replaced
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
}

/// The options of `report`.
#[derive(Debug, clap::Args)]
pub struct StoreReportArgs {
    /// The folder of the store that eas-log-report nightly fills
    #[arg(long, value_name = "DIR")]
    store: PathBuf,
    /// First day, in the zone of the store [default: the first that it holds]
    #[arg(long, value_name = "DATE")]
    from: Option<NaiveDate>,
    /// Last day [default: the last that it holds]
    #[arg(long, value_name = "DATE")]
    to: Option<NaiveDate>,
    #[command(flatten)]
    triage: TriageArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    share: ShareArgs,
}

pub(super) fn report(args: &StoreReportArgs) -> anyhow::Result<Outcome> {
    if let Some(form) = args.output.format.drop_in() {
        bail!(
            "--format {}: its numbers are counted line by line; read the logs with eas-log-report \
             --format {0} --output PATH LOGS",
            form.name()
        );
    }
    if let (Some(from), Some(to)) = (args.from, args.to) {
        ensure!(from <= to, "--from {from} is later than --to {to}");
    }
    let findings = KnownFindings::read(&args.triage)?;
    let watch = Watch::new(&args.watch, || findings.get())?;
    watch.try_totals()?;
    let pseudonyms = pseudonyms(&args.share)?;
    let target = Target::report(&args.output)?;
    let store = Store::read(&args.store)?;
    let day = |date: Option<NaiveDate>| date.map(|date| date.to_epoch_days());
    let (from, to) = (day(args.from), day(args.to));
    let mut ingested = span(&store, from, to)?;
    let days = match args.output.format {
        Format::Html => days_of(&store, from, to, findings.get(), limits(&args.triage))?,
        _ => Vec::new(),
    };
    let zone = store.zone();
    // A pager may keep this command for long, and the next night waits for the store.
    drop(store);
    if let Some(pseudonyms) = &pseudonyms {
        pseudonyms.apply(&mut ingested);
    }
    let span = [("from", args.from), ("to", args.to)];
    let rows = args.output.rows();
    let options = Options {
        filters: span
            .into_iter()
            .filter_map(|(option, date)| Some((option.to_owned(), date?.to_string())))
            .collect(),
        findings: findings.get(),
        limits: limits(&args.triage),
        devices: rows,
    };
    let mut report = analyse(ingested, options).context("cannot analyse")?;
    report.days = days;
    let shown = match args.output.format {
        // Programs get UTC.
        Format::Json | Format::Csv => None,
        _ => Some(report.in_zone(zone.name(), |time| zone.offset_at(time))),
    };
    let written = write(shown.as_ref().unwrap_or(&report), &args.output, &target);
    let in_part = report.quality.is_incomplete();
    let outcome = watch.look(&report, Outcome::of(in_part));
    let totals = watch.write_totals(&report);
    written?;
    totals?;
    Ok(outcome)
}

/// The totals of the last days of a span, which a chart can show.
fn days_of(
    store: &Store,
    from: Option<i32>,
    to: Option<i32>,
    findings: &Findings,
    limits: Limits,
) -> anyhow::Result<Vec<DayTotals>> {
    const MOST: usize = 92;
    let held: Vec<i32> = store
        .days()
        .iter()
        .copied()
        .filter(|day| from.is_none_or(|from| from <= *day) && to.is_none_or(|to| *day <= to))
        .collect();
    let last = &held[held.len().saturating_sub(MOST)..];
    last.iter()
        .map(|&day| {
            let options = Options {
                filters: Vec::new(),
                findings,
                limits,
                devices: None,
            };
            let ingested = store.ingested(Some(day), Some(day))?;
            let report = analyse(ingested, options).context("cannot analyse")?;
            Ok(DayTotals::of(date_of(day).to_string(), &report))
        })
        .collect()
}

/// What the store holds of a span of days, of which it must hold one.
pub(super) fn span(store: &Store, from: Option<i32>, to: Option<i32>) -> anyhow::Result<Ingested> {
    let held = store.days();
    let has = |day: &i32| from.is_none_or(|from| from <= *day) && to.is_none_or(|to| *day <= to);
    if !held.iter().any(has) {
        match (held.first(), held.last()) {
            (Some(&first), Some(&last)) => bail!(
                "the store holds no day of that span: it has days from {} to {}",
                date_of(first),
                date_of(last)
            ),
            _ => bail!("the store holds no day yet"),
        }
    }
    store.ingested(from, to)
}

pub(super) fn run(command: &StoreCommand) -> anyhow::Result<Outcome> {
    match command {
        StoreCommand::Status { store } => status(store),
        StoreCommand::Rebuild {
            store,
            logs,
            all,
            tz,
        } => rebuild(store, logs, *all, tz.as_deref()),
        StoreCommand::Prune { store, keep_days } => {
            ensure!(*keep_days > 0, "--keep-days 0: expected at least one day");
            let mut store = Store::open_existing(store)?;
            let dropped = prune(&mut store, *keep_days)?;
            anstream::println!("{} days dropped", dropped.len());
            Ok(Outcome::Written)
        }
        StoreCommand::Merge { stores, into } => merge(stores, into),
    }
}

/// Drops all days but so many.
pub(super) fn prune(store: &mut Store, keep_days: u32) -> anyhow::Result<Vec<String>> {
    match first_to_keep(store, keep_days) {
        Some(first) => store.prune(first),
        None => Ok(Vec::new()),
    }
}

/// The days that would be dropped.
pub(super) fn old_days(store: &Store, keep_days: u32) -> Vec<i32> {
    let first = first_to_keep(store, keep_days);
    let days = store.days().into_iter();
    days.filter(|&day| first.is_some_and(|first| day < first))
        .collect()
}

fn first_to_keep(store: &Store, keep_days: u32) -> Option<i32> {
    let keep = i32::try_from(keep_days).unwrap_or(i32::MAX);
    let last = store.days().last().copied()?;
    Some(last.saturating_sub(keep - 1))
}

/// The zone that was named.
pub(super) fn zone(name: Option<&str>) -> anyhow::Result<Option<Zone>> {
    name.map(|name| Zone::named(name).map_err(|why| anyhow!("--tz: {why}")))
        .transpose()
}

fn status(folder: &Path) -> anyhow::Result<Outcome> {
    let status = Store::read(folder)?.status();
    anstream::println!(
        "{} days ({}), of {} files with {}",
        status.days.len(),
        status.zone,
        status.sources,
        bytes(status.bytes)
    );
    for day in &status.days {
        anstream::println!(
            "  {}  {:>14} requests  {:>5} files  {:>10}",
            day.name,
            grouped(day.requests),
            day.files,
            bytes(day.bytes)
        );
    }
    for (path, why) in &status.damaged {
        anstream::println!("damaged: {}: {why}", terminal_safe(path));
    }
    for lost in &status.lost {
        anstream::println!(
            "lost: {} requests of {} from {}",
            grouped(lost.requests),
            lost.day,
            terminal_safe(&lost.file)
        );
    }
    Ok(Outcome::of(
        !status.damaged.is_empty() || !status.lost.is_empty(),
    ))
}

fn rebuild(
    folder: &Path,
    logs: &[PathBuf],
    all: bool,
    tz: Option<&str>,
) -> anyhow::Result<Outcome> {
    let found = discover(logs);
    for problem in &found.problems {
        anstream::eprintln!("eas-log-report: {problem}");
    }
    ensure!(
        !found.sources.is_empty(),
        "nothing to read: no file was found under --logs"
    );
    let (mut store, adopted) = Store::open_to_rebuild(folder, zone(tz)?)?;
    if let Some(adopted) = &adopted {
        anstream::println!(
            "the manifest was lost: {} days were taken over from their tables",
            adopted.days
        );
        for file in &adopted.set_aside {
            anstream::println!("set aside: {}", terminal_safe(file));
        }
    }
    for table in store.set_damaged_aside()? {
        anstream::println!("set aside: {}", terminal_safe(&table));
    }
    let update = Update {
        again: if all { Again::All } else { Again::Lost },
        ..Update::default()
    };
    let summary = store.update(&found.sources, &update)?;
    tell(&summary, false);
    // What was dropped on purpose came back with logs that were read again.
    if let Some(first) = store.pruned_before() {
        store.prune(first)?;
    }
    anstream::println!(
        "read {} of {} files; {} days written",
        bytes(summary.bytes),
        summary.read(),
        summary.days.len()
    );
    let lost = store.lost();
    for lost in &lost {
        anstream::eprintln!(
            "eas-log-report: {} requests of {} were in a damaged table, and their log {} is not under \
             --logs: they are lost",
            grouped(lost.requests),
            lost.day,
            terminal_safe(&lost.file)
        );
    }
    let in_part = !lost.is_empty() || summary.is_in_part() || !found.problems.is_empty();
    Ok(Outcome::of(in_part))
}

fn merge(stores: &[PathBuf], into: &Path) -> anyhow::Result<Outcome> {
    for store in stores {
        // It would wait for itself.
        let same = |a: &Path, b: &Path| {
            a.canonicalize()
                .is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
        };
        ensure!(
            !same(store, into),
            "--into {}: is one of the stores that are to be merged; name a new folder",
            into.display()
        );
    }
    let others = stores
        .iter()
        .map(|folder| Store::read(folder))
        .collect::<anyhow::Result<Vec<Store>>>()?;
    let zone = others.first().map(Store::zone);
    let mut sum = Store::open(into, zone)?;
    sum.merge(&others)?;
    anstream::println!(
        "{} stores with {} days in {}",
        others.len(),
        sum.days().len(),
        into.display()
    );
    Ok(Outcome::Written)
}
