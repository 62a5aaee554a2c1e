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
use super::store::{old_days, prune, zone};
use super::watch::{Watch, WatchArgs};
use crate::analysis::{Earlier, Options, analyse, changes};
use crate::input::{Source, discover};
use crate::mail::Letter;
use crate::privacy::Pseudonyms;
use crate::render::{
    HTML_ROWS, TextOptions, bytes, terminal_safe, write_atomically, write_html, write_json,
    write_markdown, write_text,
};
use crate::report::{DayTotals, Report};
use crate::store::{Done, Keys, Store, Summary, Update, Zone, date_of, fault};
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
    /// Drop days that are older than so many, counted back from the latest. Their reports stay as
    /// they are
    #[arg(long, value_name = "N", help_heading = "Settings")]
    keep_days: Option<u32>,
    /// Settings from a TOML file: the names of these options, with _ for -. The command line wins.
    /// Paths in the file are relative to its folder
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    config: Option<PathBuf>,
    #[command(flatten)]
    mail: MailArgs,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    share: ShareArgs,
    /// Only say what would be done: read as ever, and write and send nothing
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
    #[serde(default, deserialize_with = "date_of_file")]
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
        for (key, limit, least) in [
            (
                "storm_per_minute",
                file.storm_per_minute,
                Limits::LEAST_PER_MINUTE,
            ),
            ("storm_per_day", file.storm_per_day, 1),
        ] {
            let limit = limit.unwrap_or(least);
            ensure!(limit >= least, "{key} = {limit}: expected {least} or more");
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
    let mut file: File = toml::from_str(&text).with_context(context)?;
    // A scheduled job runs in a folder that nobody thinks of.
    let folder = path.parent().unwrap_or(Path::new(""));
    let one = [
        &mut file.store,
        &mut file.out,
        &mut file.findings,
        &mut file.prometheus,
        &mut file.pseudonymize,
    ];
    let paths = one.into_iter().flatten().chain(&mut file.logs);
    for path in paths.chain(file.mail.paths_mut()) {
        *path = folder.join(&*path);
    }
    Ok(file)
}

/// A date with or without quotes: TOML has dates of its own.
fn date_of_file<'de, D: serde::Deserializer<'de>>(file: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(
        untagged,
        expecting = "expected a date such as 2011-05-06, or \"yesterday\""
    )]
    enum Date {
        Text(String),
        Date(toml::value::Datetime),
    }
    Ok(Some(match Date::deserialize(file)? {
        Date::Text(text) => text,
        Date::Date(date) => date.to_string(),
    }))
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
    let date = settings.date(store.zone())?;
    let summary = store.update(&found.sources, &settings.update)?;
    tell(&summary, args.verbose);
    let mut outcome = Outcome::of(!found.problems.is_empty() || is_in_part(&summary));
    fault("before_reports");
    let mut past = Past::of(&settings.store);
    // What one of the outputs lacks does not lose the others.
    let mut failed: Option<anyhow::Error> = None;
    let mut fails = |what: anyhow::Result<()>| {
        if let Err(error) = what
            && let Some(earlier) = failed.replace(error)
        {
            anstream::eprintln!("eas-log-report: {}", terminal_safe(&format!("{earlier:#}")));
        }
    };
    let mut written = Vec::new();
    fails(write_reports(
        &settings,
        &store,
        date,
        &mut past,
        &mut written,
    ));
    fails(past.save());
    if !settings.watch.is_idle() {
        let (report, _) = report(&settings, &store, date)?;
        outcome = settings.watch.look(&report, outcome);
        fails(settings.watch.write_totals(&report));
    }
    outcome = settings.mail(&store, date, &mut past, outcome)?;
    fault("before_prune");
    if let Some(keep_days) = settings.keep_days {
        prune(&mut store, keep_days)?;
    }
    anstream::println!(
        "read {} of {} files, {} days changed; {}",
        bytes(summary.bytes),
        summary.read(),
        summary.days.len(),
        match written.as_slice() {
            [] => format!("the report of {date} is as it was"),
            dates => format!(
                "wrote the report of {} to {}",
                list(dates),
                settings.out.display()
            ),
        }
    );
    match failed {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}

fn list(dates: &[NaiveDate]) -> String {
    let dates: Vec<String> = dates.iter().map(ToString::to_string).collect();
    dates.join(", ")
}

/// Whether the report is less than it could be. Says so if there is nothing that it could be of: a
/// folder that is empty because it is not there today looks like a good night.
fn is_in_part(summary: &Summary) -> bool {
    if !summary.has_logs() {
        anstream::eprintln!(
            "eas-log-report: there is no log under --logs that can be read: the report says nothing of \
             how devices are"
        );
    }
    summary.is_in_part() || !summary.has_logs()
}

impl Settings {
    /// Mails the report of the day if it is not the one that was mailed, and before it those of
    /// earlier nights that did not get through.
    fn mail(
        &self,
        store: &Store,
        date: NaiveDate,
        past: &mut Past,
        mut outcome: Outcome,
    ) -> anyhow::Result<Outcome> {
        let Some(mailer) = &self.mailer else {
            return Ok(outcome);
        };
        past.is_due(self, &store.keys()?, date);
        for late in past.forget_mails(date) {
            anstream::eprintln!(
                "eas-log-report: the report of {late} could not be mailed for {WEEK} days, and will not \
                 be; it is in {}",
                self.out.display()
            );
        }
        for due in past.due() {
            let (report, changed) = report(self, store, due)?;
            if mailer.wants(&report, changed) {
                // One that is mailed and then forgotten to be would be mailed twice, which is better
                // than not at all; also if there is no room to note it.
                let _ = past.save();
                fault("before_mail");
                let shown = in_zone(&report, store.zone());
                let letter =
                    Letter::about(&report, &shown).context("cannot put the message together");
                let posted = mailer.post(letter, outcome);
                if posted == Outcome::NotMailed {
                    anstream::eprintln!(
                        "eas-log-report: the report of {due} is in {}, and will be mailed on the next \
                         night",
                        self.out.display()
                    );
                    outcome = posted;
                    break;
                }
            }
            past.mailed(due);
        }
        past.save()?;
        Ok(outcome)
    }

    /// A name for all that the report of a day depends on.
    fn key(&self, keys: &Keys, date: NaiveDate) -> String {
        let day = date.to_epoch_days();
        keys.of(
            day - WEEK..=day,
            &format!(
                "{} {:?} {:?}",
                self.key_of_totals(),
                self.forms,
                self.pseudonyms.as_ref().map(Pseudonyms::fingerprint)
            ),
        )
    }

    /// A name for what the totals of a day depend on besides its facts.
    fn key_of_totals(&self) -> String {
        let (version, limits) = (env!("CARGO_PKG_VERSION"), self.limits);
        format!("{version} {limits:?} {}", self.findings_text)
    }
}

/// Says on standard error what was not read, and what was withdrawn.
pub(super) fn tell(summary: &Summary, verbose: bool) {
    for (name, done) in &summary.files {
        let name = terminal_safe(name);
        match done {
            Done::Unreadable(why) => {
                let why = terminal_safe(why);
                anstream::eprintln!("eas-log-report: {name}: cannot be read: {why}");
            }
            Done::New | Done::Grown(..) if verbose => anstream::eprintln!("{name}: read"),
            Done::Skipped(why) if verbose => anstream::eprintln!("{name}: skipped: {why}"),
            _ => {}
        }
    }
    for (name, why) in &summary.broken {
        let (name, why) = (terminal_safe(name), terminal_safe(why));
        anstream::eprintln!("eas-log-report: {name}: read only in part: {why}");
    }
    for name in &summary.withdrawn {
        anstream::eprintln!(
            "eas-log-report: {}: was rewritten; what it said before is withdrawn",
            terminal_safe(name)
        );
    }
}

/// Says what would be done.
fn check(settings: &Settings, sources: &[Source], problems: bool) -> anyhow::Result<Outcome> {
    let mut store = if settings.store.join("manifest.json").exists() {
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
    let dry = Update {
        dry: true,
        ..settings.update.clone()
    };
    let summary = store.update(sources, &dry)?;
    let mut unchanged = 0;
    for (name, done) in &summary.files {
        let shown = terminal_safe(name);
        match done {
            Done::Unchanged => unchanged += 1,
            Done::Known(as_what) => {
                anstream::println!("{shown}: known, as {}", terminal_safe(as_what));
            }
            Done::Grown(as_what, from) => anstream::println!(
                "{shown}: would be read from byte {from} on; so far it is known as {}",
                terminal_safe(as_what)
            ),
            Done::New => anstream::println!("{shown}: would be read"),
            Done::Skipped(why) => anstream::println!("{shown}: would be skipped: {why}"),
            Done::Unreadable(why) => {
                anstream::println!("{shown}: cannot be read: {}", terminal_safe(why));
            }
        }
        if let Some(why) = summary.broken.get(name) {
            anstream::println!("{shown}: only in part: {}", terminal_safe(why));
        }
    }
    for name in &summary.withdrawn {
        anstream::println!(
            "{}: was rewritten; what it said before would be withdrawn",
            terminal_safe(name)
        );
    }
    anstream::println!("{unchanged} files are as they were");
    anstream::println!(
        "{} would be read, {} days would change",
        bytes(summary.bytes),
        summary.days.len()
    );
    let mut past = Past::of(&settings.store);
    match stale(settings, &store, date, &past)?.as_slice() {
        [] => anstream::println!("the report of {date} would stay as it is"),
        dates => anstream::println!(
            "the report of {} ({}) would be written to {}",
            list(dates),
            store.zone().name(),
            settings.out.display()
        ),
    }
    if let Some(mailer) = &settings.mailer {
        past.is_due(settings, &store.keys()?, date);
        past.forget_mails(date);
        for due in past.due() {
            anstream::println!("the report of {due} would be mailed {mailer}");
        }
    }
    if let Some(keep_days) = settings.keep_days {
        let old = old_days(&store, keep_days);
        if !old.is_empty() {
            let dates: Vec<NaiveDate> = old.into_iter().map(date_of).collect();
            anstream::println!("days that would be dropped: {}", list(&dates));
        }
    }
    Ok(Outcome::of(problems || is_in_part(&summary)))
}

/// What became of the reports of earlier nights.
#[derive(Clone, Debug, Default)]
struct Past {
    path: PathBuf,
    now: Kept,
    /// As it is in its file.
    saved: Kept,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The reports that were written, by the path of each without its ending. With them a night
    /// without news writes nothing, and a report whose day changed is made anew.
    reports: BTreeMap<String, Written>,
    /// The mails, by the day of their report.
    mails: BTreeMap<i32, Mail>,
    /// The totals of days, so that a chart of a month needs the facts of one day only.
    #[serde(default)]
    totals: BTreeMap<i32, Totals>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Written {
    day: i32,
    /// What it was made of.
    of: String,
    /// The length of each file.
    bytes: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mail {
    /// What the report was made of.
    of: String,
    /// Whether it got through, or nobody wanted it.
    done: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Totals {
    /// What they were made of.
    of: String,
    totals: DayTotals,
}

/// So many days have a place in the chart of days.
const TREND: i32 = 31;

/// So many days before are compared with.
const WEEK: i32 = 7;

/// So long it is known what was mailed.
const MAILS_KNOWN: i32 = 31;

impl Past {
    fn of(store: &Path) -> Past {
        let path = store.join("reports.json");
        // One that cannot be read costs no more than writing reports again, and mailing the last.
        let saved: Kept = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Past {
            path,
            now: saved.clone(),
            saved,
        }
    }

    fn save(&mut self) -> anyhow::Result<()> {
        if self.now == self.saved {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&self.now)?;
        write_atomically(&self.path, |out| out.write_all(&text))
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        fault("past");
        self.saved = self.now.clone();
        Ok(())
    }

    /// The totals of the days up to this one.
    fn trend(
        &mut self,
        date: NaiveDate,
        settings: &Settings,
        store: &Store,
        keys: &Keys,
    ) -> anyhow::Result<Vec<DayTotals>> {
        let (last, held) = (date.to_epoch_days(), store.days());
        let known = &mut self.now.totals;
        known.retain(|day, _| held.contains(day));
        let mut days = Vec::new();
        for day in (last - TREND + 1..=last).filter(|day| held.contains(day)) {
            let of = keys.of(day..=day, &settings.key_of_totals());
            if known.get(&day).is_none_or(|known| known.of != of) {
                let report = report_of_day(settings, store, day, Vec::new())?;
                let totals = DayTotals::of(date_of(day).to_string(), &report);
                known.insert(day, Totals { of, totals });
            }
            days.extend(known.get(&day).map(|known| known.totals.clone()));
        }
        Ok(days)
    }

    /// Takes note that the report of a day is to be mailed, unless this one was.
    fn is_due(&mut self, settings: &Settings, keys: &Keys, date: NaiveDate) {
        let (day, of) = (date.to_epoch_days(), settings.key(keys, date));
        let known = self.now.mails.get(&day);
        if known.is_none_or(|mail| mail.of != of && is_whole(keys, day)) {
            self.now.mails.insert(day, Mail { of, done: false });
        }
    }

    fn mailed(&mut self, date: NaiveDate) {
        if let Some(mail) = self.now.mails.get_mut(&date.to_epoch_days()) {
            mail.done = true;
        }
    }

    /// The days whose reports are to be mailed.
    fn due(&self) -> Vec<NaiveDate> {
        let due = self.now.mails.iter().filter(|(_, mail)| !mail.done);
        due.map(|(&day, _)| date_of(day)).collect()
    }

    /// Forgets what is long mailed, and gives the days whose reports nobody waits for any more.
    fn forget_mails(&mut self, date: NaiveDate) -> Vec<NaiveDate> {
        let today = date.to_epoch_days();
        let mut late = Vec::new();
        self.now.mails.retain(|&day, mail| {
            let is_late = !mail.done && day < today - WEEK;
            if is_late {
                late.push(date_of(day));
            }
            !is_late && day >= today - MAILS_KNOWN
        });
        late
    }
}

/// Whether the store has all that the report of a day is made of.
fn is_whole(keys: &Keys, day: i32) -> bool {
    keys.has_all_of(day - WEEK..=day)
}

/// The path of a report without its ending.
fn stem(settings: &Settings, date: NaiveDate) -> String {
    let stem = settings.out.join(format!("report-{date}"));
    stem.to_string_lossy().into_owned()
}

/// The report of the day if it is not as it was made, and those of other days whose facts changed
/// since they were made. One whose days are partly dropped is left as it is: it knew more.
fn stale(
    settings: &Settings,
    store: &Store,
    date: NaiveDate,
    past: &Past,
) -> anyhow::Result<Vec<NaiveDate>> {
    let mut dates: BTreeSet<NaiveDate> = [date].into();
    dates.extend(past.now.reports.iter().filter_map(|(path, one)| {
        let date = date_of(one.day);
        (*path == stem(settings, date)).then_some(date)
    }));
    let keys = store.keys()?;
    let mut stale = Vec::new();
    for date in dates {
        let is_there = |one: &Written| {
            one.bytes
                .iter()
                .all(|(path, length)| fs::metadata(path).is_ok_and(|found| found.len() == *length))
        };
        let made = past.now.reports.get(&stem(settings, date));
        let is_good = match made {
            Some(one) if !is_whole(&keys, one.day) => is_there(one),
            Some(one) => is_there(one) && one.of == settings.key(&keys, date),
            None => false,
        };
        if !is_good {
            stale.push(date);
        }
    }
    Ok(stale)
}

/// Writes the report of a day, and those of other days whose facts changed since they were written.
/// Adds the days of which a file was written: one that would be the same stays.
fn write_reports(
    settings: &Settings,
    store: &Store,
    date: NaiveDate,
    past: &mut Past,
    done: &mut Vec<NaiveDate>,
) -> anyhow::Result<()> {
    let stale = stale(settings, store, date, past)?;
    if !stale.is_empty() {
        check_folder("--out", &settings.out)?;
    }
    let keys = store.keys()?;
    for date in stale {
        let stem = stem(settings, date);
        let (mut report, _) = report(settings, store, date)?;
        report.days = past.trend(date, settings, store, &keys)?;
        let shown = in_zone(&report, store.zone());
        let mut lengths = BTreeMap::new();
        for form in &settings.forms {
            let path = format!("{stem}.{}", form.extension());
            let mut text = Vec::new();
            let report = match form {
                Form::Json => &report,
                Form::Text | Form::Html | Form::Markdown => &shown,
            };
            form.write(report, &mut text)?;
            if fs::read(&path).ok().as_ref() != Some(&text) {
                write_atomically(Path::new(&path), |out| out.write_all(&text))
                    .with_context(|| format!("cannot write {path}"))?;
                fault("report");
                if done.last() != Some(&date) {
                    done.push(date);
                }
            }
            lengths.insert(path, text.len() as u64);
        }
        let one = Written {
            day: date.to_epoch_days(),
            of: settings.key(&keys, date),
            bytes: lengths,
        };
        past.now.reports.insert(stem, one);
    }
    Ok(())
}

/// A report with its times as people read them: in the zone of the store. Programs get UTC.
fn in_zone(report: &Report, zone: Zone) -> Report {
    report.in_zone(zone.name(), |time| zone.offset_at(time))
}

/// The report of a day by itself.
fn report_of_day(
    settings: &Settings,
    store: &Store,
    day: i32,
    filters: Vec<(String, String)>,
) -> anyhow::Result<Report> {
    let mut ingested = store.ingested(Some(day), Some(day))?;
    if let Some(pseudonyms) = &settings.pseudonyms {
        pseudonyms.apply(&mut ingested);
    }
    let findings = settings.findings.as_ref();
    let options = Options {
        filters,
        findings: findings.unwrap_or_else(|| Findings::built_in()),
        limits: settings.limits,
        devices: None,
    };
    analyse(ingested, options).context("cannot analyse")
}

/// The report of a day with what changed, and whether something did.
fn report(settings: &Settings, store: &Store, date: NaiveDate) -> anyhow::Result<(Report, bool)> {
    let day = date.to_epoch_days();
    let mut filters = vec![("date".to_owned(), date_of(day).to_string())];
    if store.zone().name() != "UTC" {
        filters.push(("tz".to_owned(), store.zone().name().to_owned()));
    }
    let mut report = report_of_day(settings, store, day, filters)?;
    let days = store.days();
    let before = (day - WEEK..day).filter(|earlier| days.contains(earlier));
    let before = before
        .map(|earlier| {
            Ok(Earlier {
                days_ago: day - earlier,
                report: report_of_day(settings, store, earlier, Vec::new())?,
            })
        })
        .collect::<anyhow::Result<Vec<Earlier>>>()?;
    let (changes, sections) = changes(date.to_string(), &report, &before);
    let changed = !changes.is_quiet;
    report.changes = Some(changes);
    report.sections.splice(0..0, sections);
    Ok((report, changed))
}
