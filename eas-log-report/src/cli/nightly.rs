//! `nightly`: reads what is new, keeps it by day, and leaves the report of a day.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail, ensure};
use chrono::NaiveDate;
use eas_log_parse::Header;
use serde::{Deserialize, Serialize};

use super::args::ShareArgs;
use super::exit::Outcome;
use super::mail::{MailArgs, Mailer};
use super::output::check_folder;
use super::plan::{layout, pseudonyms};
use super::store::{prune, zone};
use super::watch::{Watch, WatchArgs};
use crate::analysis::{Earlier, Options, analyse, changes};
use crate::input::{Source, discover};
use crate::mail::Letter;
use crate::privacy::Pseudonyms;
use crate::render::{
    HTML_ROWS, TextOptions, bytes, terminal_safe, write_atomically, write_html, write_json,
    write_markdown, write_text,
};
use crate::report::Report;
use crate::store::{Planned, Store, Summary, Update, Zone, date_of, fault};
use crate::triage::{Findings, Limits};

/// The options of `nightly`.
#[derive(Debug, clap::Args)]
pub struct NightlyArgs {
    /// The logs: files, folders (searched to the bottom), patterns. Only what was not read on an
    /// earlier night is read
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Settings")]
    logs: Vec<PathBuf>,
    /// The folder in which the facts are kept; it is made if it is not there
    #[arg(long, value_name = "DIR", help_heading = "Settings")]
    store: Option<PathBuf>,
    /// The day to report: a date such as 2011-05-06, or yesterday [default: yesterday]
    #[arg(long, value_name = "DATE", help_heading = "Settings")]
    date: Option<String>,
    /// The zone whose days are meant, such as Europe/Berlin. A store keeps the one that it was made
    /// with [default: UTC]
    #[arg(long, value_name = "ZONE", help_heading = "Settings")]
    tz: Option<String>,
    /// The folder for reports [default: reports, in the store]
    #[arg(long, value_name = "DIR", help_heading = "Settings")]
    out: Option<PathBuf>,
    /// Forms of the report, each a file [default: text, json, html]
    #[arg(
        long,
        value_name = "FORM",
        value_delimiter = ',',
        help_heading = "Settings"
    )]
    format: Vec<Form>,
    /// Drop days that are older than so many, counted back from the latest
    #[arg(long, value_name = "N", help_heading = "Settings")]
    keep_days: Option<u32>,
    /// Settings from a TOML file: the names of these options, with _ for -. The command line wins
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    config: Option<PathBuf>,
    #[command(flatten)]
    mail: MailArgs,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    share: ShareArgs,
    /// Only say what would be done
    #[arg(long)]
    check: bool,
    /// Name every file on standard error
    #[arg(short, long)]
    verbose: bool,
}

/// Form of a report of a night.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
enum Form {
    /// For people, as on a terminal
    Text,
    /// One object, for programs
    Json,
    /// A page that needs nothing else
    Html,
    /// For wikis and tickets
    Markdown,
}

impl Form {
    fn extension(self) -> &'static str {
        match self {
            Form::Text => "txt",
            Form::Json => "json",
            Form::Html => "html",
            Form::Markdown => "md",
        }
    }

    fn write(self, report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
        /// How many rows of a table a person wants to see.
        const TOP: usize = 20;
        let top = Some(TOP);
        match self {
            Form::Text => {
                let mut plain = anstream::StripStream::new(Vec::new());
                write_text(report, TextOptions { top, width: None }, &mut plain)?;
                out.write_all(&plain.into_inner())
            }
            Form::Json => write_json(report, None, out),
            Form::Html => write_html(report, Some(HTML_ROWS), out),
            Form::Markdown => write_markdown(report, top, out),
        }
    }
}

/// The settings of a file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    logs: Vec<PathBuf>,
    store: Option<PathBuf>,
    date: Option<String>,
    tz: Option<String>,
    out: Option<PathBuf>,
    #[serde(default)]
    format: Vec<Form>,
    keep_days: Option<u32>,
    fields: Option<String>,
    findings: Option<PathBuf>,
    storm_per_minute: Option<u64>,
    storm_per_day: Option<u64>,
    threads: Option<usize>,
    #[serde(default)]
    fail_on: Vec<String>,
    prometheus: Option<PathBuf>,
    pseudonymize: Option<PathBuf>,
    #[serde(default)]
    mail: MailArgs,
}

/// What is to be done, with every default in place.
struct Settings {
    logs: Vec<PathBuf>,
    store: PathBuf,
    date: Option<NaiveDate>,
    zone: Option<Zone>,
    out: PathBuf,
    forms: BTreeSet<Form>,
    keep_days: Option<u32>,
    update: Update,
    findings: Option<Findings>,
    /// The text of the findings, on which reports depend.
    findings_text: String,
    limits: Limits,
    mailer: Option<Mailer>,
    watch: Watch,
    pseudonyms: Option<Pseudonyms>,
}

impl Settings {
    fn new(args: &NightlyArgs) -> anyhow::Result<Settings> {
        let file = match &args.config {
            Some(path) => read_file(path)?,
            None => File::default(),
        };
        let logs = if args.logs.is_empty() {
            file.logs
        } else {
            args.logs.clone()
        };
        ensure!(
            !logs.is_empty(),
            "name the logs with --logs, or with logs = [...] in the file of --config"
        );
        ensure!(
            logs.iter().all(|path| path.as_os_str() != "-"),
            "--logs -: standard input cannot be known again on the next night; name files"
        );
        let store = args.store.clone().or(file.store).context(
            "name the folder of the store with --store, or with store = \"...\" in the file of \
             --config",
        )?;
        let date = args.date.clone().or(file.date);
        let date = match date.as_deref() {
            None | Some("yesterday") => None,
            Some(date) => Some(date.parse().map_err(|_| {
                anyhow!("--date {date}: expected a date such as 2011-05-06, or yesterday")
            })?),
        };
        let forms = if args.format.is_empty() {
            file.format
        } else {
            args.format.clone()
        };
        let forms: BTreeSet<Form> = if forms.is_empty() {
            [Form::Text, Form::Json, Form::Html].into()
        } else {
            forms.into_iter().collect()
        };
        let keep_days = args.keep_days.or(file.keep_days);
        ensure!(
            keep_days != Some(0),
            "--keep-days 0: expected at least one day"
        );
        let findings_text = match &file.findings {
            None => String::new(),
            Some(path) => fs::read_to_string(path)
                .with_context(|| format!("findings = \"{}\"", path.display()))?,
        };
        let findings = match findings_text.as_str() {
            "" => None,
            text => Some(Findings::read(Some(text)).context("the file of findings")?),
        };
        let known = findings.as_ref().unwrap_or_else(|| Findings::built_in());
        let watch = WatchArgs {
            fail_on: if args.watch.fail_on.is_empty() {
                file.fail_on
            } else {
                args.watch.fail_on.clone()
            },
            prometheus: args.watch.prometheus.clone().or(file.prometheus),
        };
        let watch = Watch::new(&watch, known)?;
        let share = ShareArgs {
            pseudonymize: args.share.pseudonymize.clone().or(file.pseudonymize),
        };
        for (key, limit) in [
            ("storm_per_minute", file.storm_per_minute),
            ("storm_per_day", file.storm_per_day),
        ] {
            ensure!(limit != Some(0), "{key} = 0: expected at least one request");
        }
        let mailer = Mailer::new(&args.mail.clone().or(file.mail), true)?;
        let defaults = Update::default();
        let threads = file.threads.unwrap_or(defaults.threads);
        ensure!(threads > 0, "threads = 0: expected at least one thread");
        Ok(Settings {
            logs,
            out: args
                .out
                .clone()
                .or(file.out)
                .unwrap_or_else(|| store.join("reports")),
            store,
            date,
            zone: zone(args.tz.as_deref().or(file.tz.as_deref()))?,
            forms,
            keep_days,
            update: Update {
                fallback: match &file.fields {
                    None => Header::default(),
                    Some(names) => Header::with_layout(layout(names)?),
                },
                threads,
                ..defaults
            },
            findings,
            findings_text,
            mailer,
            watch,
            pseudonyms: pseudonyms(&share)?,
            limits: Limits {
                per_minute: file
                    .storm_per_minute
                    .unwrap_or(Limits::default().per_minute),
                per_day: file.storm_per_day.unwrap_or(Limits::default().per_day),
            },
        })
    }

    /// The day to report.
    fn date(&self, zone: Zone) -> anyhow::Result<NaiveDate> {
        if let Some(date) = self.date {
            return Ok(date);
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock of this machine is before 1970")?;
        let today = zone.date_at(i64::try_from(now.as_secs())?);
        today.pred_opt().context("there is no day before this one")
    }
}

fn read_file(path: &Path) -> anyhow::Result<File> {
    let context = || format!("--config {}", path.display());
    let text = fs::read_to_string(path).with_context(context)?;
    toml::from_str(&text).with_context(context)
}

pub(super) fn run(args: &NightlyArgs) -> anyhow::Result<Outcome> {
    let settings = Settings::new(args)?;
    let found = discover(&settings.logs);
    for problem in &found.problems {
        anstream::eprintln!("eas-log-report: {problem}");
    }
    if args.check {
        return check(&settings, &found.sources, !found.problems.is_empty());
    }
    let mut store = Store::open(&settings.store, settings.zone)?;
    check_folder("--out", &settings.out)?;
    let date = settings.date(store.zone())?;
    let summary = store.update(&found.sources, &settings.update)?;
    tell(&summary, args.verbose);
    fault("before_reports");
    let written = write_reports(&settings, &store, date)?;
    if let Some(keep_days) = settings.keep_days {
        prune(&mut store, keep_days)?;
    }
    anstream::println!(
        "read {} of {} files, {} days changed; {}",
        bytes(summary.bytes),
        summary.read.len(),
        summary.days.len(),
        match written.as_slice() {
            [] => format!("the report of {date} is as it was"),
            dates => format!(
                "wrote the report of {} to {}",
                dates
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(", "),
                settings.out.display()
            ),
        }
    );
    let in_part = !summary.unreadable.is_empty() || !found.problems.is_empty();
    let outcome = settings.watch(&store, date, Outcome::of(in_part))?;
    settings.mail(&store, date, written.contains(&date), outcome)
}

impl Settings {
    /// Looks at the report of the day, as often as the job runs.
    fn watch(&self, store: &Store, date: NaiveDate, outcome: Outcome) -> anyhow::Result<Outcome> {
        if self.watch.is_idle() {
            return Ok(outcome);
        }
        self.watch.look(&report(self, store, date)?.0, outcome)
    }

    /// Mails the report of the day when it is new.
    fn mail(
        &self,
        store: &Store,
        date: NaiveDate,
        is_new: bool,
        outcome: Outcome,
    ) -> anyhow::Result<Outcome> {
        let Some(mailer) = self.mailer.as_ref().filter(|_| is_new) else {
            return Ok(outcome);
        };
        let (report, changed) = report(self, store, date)?;
        if !mailer.wants(&report, changed) {
            return Ok(outcome);
        }
        let letter = Letter::about(&report).context("cannot put the message together");
        Ok(mailer.post(letter, outcome))
    }
}

/// Says on standard error what was not read, and what was withdrawn.
fn tell(summary: &Summary, verbose: bool) {
    for (name, why) in &summary.unreadable {
        let (name, why) = (terminal_safe(name), terminal_safe(why));
        anstream::eprintln!("eas-log-report: {name}: cannot be read: {why}");
    }
    for name in &summary.withdrawn {
        anstream::eprintln!(
            "eas-log-report: {}: was rewritten; what it said before is withdrawn",
            terminal_safe(name)
        );
    }
    if verbose {
        for name in &summary.read {
            anstream::eprintln!("{}: read", terminal_safe(name));
        }
        for (name, why) in &summary.skipped {
            anstream::eprintln!("{}: skipped: {why}", terminal_safe(name));
        }
    }
}

/// Says what would be done.
fn check(settings: &Settings, sources: &[Source], problems: bool) -> anyhow::Result<Outcome> {
    let store = if settings.store.join("manifest.json").exists() {
        Store::read(&settings.store)?
    } else {
        anstream::println!("the store {} would be made", settings.store.display());
        Store::none(settings.zone)
    };
    if let Some(zone) = settings.zone
        && zone != store.zone()
    {
        bail!(
            "the store has days in the zone {}, not {}",
            store.zone().name(),
            zone.name()
        );
    }
    let date = settings.date(store.zone())?;
    let mut in_part = problems;
    let mut unchanged = 0;
    for (name, planned) in store.plan(sources, &settings.update) {
        let name = terminal_safe(&name);
        match planned {
            Planned::Unchanged => unchanged += 1,
            Planned::Known(as_what) => {
                anstream::println!("{name}: known, as {}", terminal_safe(&as_what));
            }
            Planned::Grown(as_what, from) => anstream::println!(
                "{name}: would be read from byte {from} on; so far it is known as {}",
                terminal_safe(&as_what)
            ),
            Planned::New => anstream::println!("{name}: would be read"),
            Planned::Skipped(why) => anstream::println!("{name}: would be skipped: {why}"),
            Planned::Unreadable(why) => {
                in_part = true;
                anstream::println!("{name}: cannot be read: {}", terminal_safe(&why));
            }
        }
    }
    anstream::println!("{unchanged} files are as they were");
    anstream::println!(
        "the report of {date} ({}) would be written to {}",
        store.zone().name(),
        settings.out.display()
    );
    Ok(Outcome::of(in_part))
}

/// The reports that were written, by the path of each without its ending: what they were made of,
/// and the length of each file. With it a night without news writes nothing, and a report whose day
/// changed is made anew.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Written(BTreeMap<String, OneWritten>);

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct OneWritten {
    day: i32,
    of: String,
    bytes: BTreeMap<String, u64>,
}

const WRITTEN: &str = "reports.json";

/// So many days before are compared with.
const WEEK: i32 = 7;

/// Writes the report of a day, and those of other days whose facts changed since they were written.
fn write_reports(
    settings: &Settings,
    store: &Store,
    date: NaiveDate,
) -> anyhow::Result<Vec<NaiveDate>> {
    let path = settings.store.join(WRITTEN);
    // A list that cannot be read costs no more than writing reports again.
    let mut written: Written = fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default();
    let mut dates: BTreeSet<NaiveDate> = [date].into();
    let here = |date: NaiveDate| {
        let stem = settings.out.join(format!("report-{date}"));
        stem.to_string_lossy().into_owned()
    };
    dates.extend(written.0.iter().filter_map(|(stem, one)| {
        let date = date_of(one.day);
        let whole = store.has_all_since(one.day - WEEK);
        (*stem == here(date) && whole).then_some(date)
    }));
    let mut done = Vec::new();
    for date in dates {
        let day = date.to_epoch_days();
        let of = store.key(
            day - WEEK,
            day,
            &format!(
                "{} {:?} {:?} {} {:?}",
                env!("CARGO_PKG_VERSION"),
                settings.limits,
                settings.forms,
                settings.findings_text,
                settings.pseudonyms.as_ref().map(Pseudonyms::fingerprint)
            ),
        )?;
        let stem = here(date);
        let as_written = |one: &OneWritten| {
            one.of == of
                && one.bytes.iter().all(|(path, length)| {
                    fs::metadata(path).is_ok_and(|found| found.len() == *length)
                })
        };
        if written.0.get(&stem).is_some_and(as_written) {
            continue;
        }
        let (report, _) = report(settings, store, date)?;
        let mut lengths = BTreeMap::new();
        for form in &settings.forms {
            let path = format!("{stem}.{}", form.extension());
            let mut text = Vec::new();
            form.write(&report, &mut text)?;
            write_atomically(Path::new(&path), |out| out.write_all(&text))
                .with_context(|| format!("cannot write {path}"))?;
            fault("report");
            lengths.insert(path, text.len() as u64);
        }
        let one = OneWritten {
            day,
            of,
            bytes: lengths,
        };
        written.0.insert(stem, one);
        done.push(date);
    }
    if !done.is_empty() {
        let text = serde_json::to_vec_pretty(&written)?;
        write_atomically(&path, |out| out.write_all(&text))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(done)
}

/// The report of a day with what changed, and whether something did.
fn report(settings: &Settings, store: &Store, date: NaiveDate) -> anyhow::Result<(Report, bool)> {
    let day = date.to_epoch_days();
    let options = |filters: Vec<(String, String)>| Options {
        filters,
        findings: settings
            .findings
            .as_ref()
            .unwrap_or_else(|| Findings::built_in()),
        limits: settings.limits,
        devices: None,
    };
    let of = |from: i32, to: i32, filters| -> anyhow::Result<Report> {
        let mut ingested = store.ingested(Some(from), Some(to))?;
        if let Some(pseudonyms) = &settings.pseudonyms {
            pseudonyms.apply(&mut ingested);
        }
        analyse(ingested, options(filters)).context("cannot analyse")
    };
    let mut filters = vec![("date".to_owned(), date_of(day).to_string())];
    if store.zone().name() != "UTC" {
        filters.push(("tz".to_owned(), store.zone().name().to_owned()));
    }
    let mut report = of(day, day, filters)?;
    let days = store.days();
    let before = (day - WEEK..day).filter(|earlier| days.contains(earlier));
    let before = before
        .map(|earlier| {
            Ok(Earlier {
                days_ago: day - earlier,
                report: of(earlier, earlier, Vec::new())?,
            })
        })
        .collect::<anyhow::Result<Vec<Earlier>>>()?;
    let (changes, sections) = changes(date.to_string(), &report, &before);
    let changed = !changes.is_quiet;
    report.changes = Some(changes);
    report.sections.splice(0..0, sections);
    Ok((report, changed))
}
