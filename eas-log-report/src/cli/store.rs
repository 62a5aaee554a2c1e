//! `store`: what is kept of earlier nights; and `report`: any span of it, without the logs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use chrono::NaiveDate;
use clap::Subcommand;

use super::args::{OutputArgs, ShareArgs, TriageArgs};
use super::exit::Outcome;
use super::output::Target;
use super::plan::pseudonyms;
use super::read::{findings, limits};
use super::report::write;
use super::watch::{Watch, WatchArgs};
use crate::analysis::{Options, analyse};
use crate::ingest::Ingested;
use crate::input::{Source, discover};
use crate::render::{bytes, grouped, terminal_safe};
use crate::store::{Store, Update, Zone, date_of};
use crate::triage::Findings;

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
    let findings = findings(&args.triage)?;
    let known = findings.as_ref().unwrap_or_else(|| Findings::built_in());
    let watch = Watch::new(&args.watch, known)?;
    let pseudonyms = pseudonyms(&args.share)?;
    let target = Target::report(&args.output)?;
    let store = Store::read(&args.store)?;
    let day = |date: Option<NaiveDate>| date.map(|date| date.to_epoch_days());
    let (from, to) = (day(args.from), day(args.to));
    let mut ingested = span(&store, from, to)?;
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
        findings: known,
        limits: limits(&args.triage),
        devices: rows,
    };
    let report = analyse(ingested, options).context("cannot analyse")?;
    write(&report, &args.output, &target)?;
    watch.look(&report, Outcome::Written)
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
    let Some(last) = store.days().last().copied() else {
        return Ok(Vec::new());
    };
    let keep = i32::try_from(keep_days).unwrap_or(i32::MAX);
    store.prune(last.saturating_sub(keep - 1))
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
    Ok(Outcome::of(!status.damaged.is_empty()))
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
    let mut store = Store::open_to_rebuild(folder, zone(tz)?)?;
    let (tables, lost) = store.give_up_damaged()?;
    for table in &tables {
        anstream::println!("set aside: {}", terminal_safe(table));
    }
    let update = Update::default();
    let mut summary = store.update(&found.sources, &update)?;
    if all {
        let names: BTreeSet<String> = found.sources.iter().map(Source::name).collect();
        store.give_up_found(&names)?;
        summary = store.update(&found.sources, &update)?;
    }
    anstream::println!(
        "read {} of {} files; {} days written",
        bytes(summary.bytes),
        summary.read.len(),
        summary.days.len()
    );
    let names = store.names();
    let gone: Vec<&String> = lost
        .iter()
        .filter(|name| !names.contains(name.as_str()))
        .collect();
    for name in &gone {
        anstream::eprintln!(
            "eas-log-report: {} was in a damaged table and is not under --logs: what it said is lost",
            terminal_safe(name)
        );
    }
    let in_part = !gone.is_empty() || !summary.unreadable.is_empty() || !found.problems.is_empty();
    Ok(Outcome::of(in_part))
}

fn merge(stores: &[PathBuf], into: &Path) -> anyhow::Result<Outcome> {
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
