//! What is to be done on a night: the options, the file of settings, and the defaults.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, ensure};
use chrono::NaiveDate;
use eas_log_parse::Header;
use serde::{Deserialize, Serialize};

use crate::cli::args::ShareArgs;
use crate::cli::mail::{MailArgs, Mailer};
use crate::cli::plan::{layout, pseudonyms};
use crate::cli::store::zone;
use crate::cli::watch::{Watch, WatchArgs};
use crate::privacy::Pseudonyms;
use crate::render::{HTML_ROWS, TextOptions, write_html, write_json, write_markdown, write_text};
use crate::report::Report;
use crate::store::{Update, Zone};
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
    pub(super) check: bool,
    /// Name every file on standard error
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// Form of a report of a night.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
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
    pub(super) fn extension(self) -> &'static str {
        match self {
            Form::Text => "txt",
            Form::Json => "json",
            Form::Html => "html",
            Form::Markdown => "md",
        }
    }

    pub(super) fn write(self, report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
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
pub(super) struct Settings {
    pub(super) logs: Vec<PathBuf>,
    pub(super) store: PathBuf,
    pub(super) date: Option<NaiveDate>,
    pub(super) zone: Option<Zone>,
    pub(super) out: PathBuf,
    pub(super) forms: BTreeSet<Form>,
    pub(super) keep_days: Option<u32>,
    pub(super) update: Update,
    pub(super) findings: Option<Findings>,
    /// The text of the findings, on which reports depend.
    pub(super) findings_text: String,
    pub(super) limits: Limits,
    pub(super) mailer: Option<Mailer>,
    pub(super) watch: Watch,
    pub(super) pseudonyms: Option<Pseudonyms>,
}

impl Settings {
    pub(super) fn new(args: &NightlyArgs) -> anyhow::Result<Settings> {
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
        let watch = Watch::new(&watch, || known)?;
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
    pub(super) fn date(&self, zone: Zone) -> anyhow::Result<NaiveDate> {
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
