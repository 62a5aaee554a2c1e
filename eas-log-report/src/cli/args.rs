//! What was typed, and nothing of what it means.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use super::mail::MailArgs;
use super::watch::WatchArgs;
use super::{NightlyArgs, StoreCommand, StoreReportArgs};
use crate::dropin::Form;
use crate::render::HTML_ROWS;
use crate::triage::{Limits, Verdict};

const EXAMPLES: &str = "\
Examples:
  eas-log-report C:\\inetpub\\logs\\LogFiles
      everything below a folder: what fails, which devices are refused or blocked
  eas-log-report --since 2011-05-06 --user 'CONTOSO\\jdoe' \\\\cas01\\logs \\\\cas02\\logs
      one user on two servers, from a day on
  eas-log-report --format html --output report.html logs
      a page with charts, to be opened by anybody
  eas-log-report --format json --output report.json 'logs/u_ex1105*.log.gz'
      for programs, from compressed logs
  eas-log-report --format csv --output tables logs
      a spreadsheet for each section
  eas-log-report --output report.txt --smtp mail.contoso.com --smtp-login FILE \\
      --mail-from reports@contoso.com --mail-to it@contoso.com logs
      also as a mail

Exit codes:
  0  the report is written
  1  it is written, but some input could not be read, or not to its end, or more lines were
     malformed than --max-malformed allows
  2  there is no report: a wrong option, nothing to read, or no place to write
  3  the report is written, and a condition of --fail-on holds
  4  the report is written, but the mail of it did not get through
Of 1, 3 and 4 the highest that holds is told.";

/// Which ActiveSync devices are broken, why, and what to do, from the IIS logs of Exchange.
///
/// Reads W3C extended logs of Exchange 2003 to 2019 and decodes what ActiveSync writes into them.
/// Reads only; needs no Exchange tools and no administrator rights.
#[derive(Debug, Parser)]
#[command(
    name = "eas-log-report",
    version,
    after_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    max_term_width = 100
)]
pub struct Args {
    /// A command other than the report.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The report.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Commands other than the report.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what a code, a name, a user agent or a whole line means
    ///
    /// Each part in words, with its unit, its meaning and the evidence for it. What is not known is
    /// shown as unknown.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
    /// List devices with their verdicts
    ///
    /// Every device of every user, those that need most first; in full as json and csv.
    #[command(after_help = DEVICES_EXAMPLES)]
    Devices(DevicesArgs),
    /// Show what happened to one device or user, step by step, with the lines
    #[command(after_help = TIMELINE_EXAMPLES)]
    Timeline(TimelineArgs),
    /// Compare before and after a migration: who worked and fails now, who never came back
    ///
    /// Two sets of logs, or one set parted by a time. Also Exchange 2003 beside Exchange 2010.
    #[command(after_help = COMPARE_EXAMPLES)]
    Compare(CompareArgs),
    /// Read what is new since last night, keep it by day, and write the report of a day
    ///
    /// For a scheduled job. Logs that were rotated, moved, compressed or copied count once, and
    /// running it twice changes nothing.
    #[command(after_help = NIGHTLY_EXAMPLES)]
    Nightly(Box<NightlyArgs>),
    /// Report any days of a store, without the logs
    Report(StoreReportArgs),
    /// Look after a store
    Store {
        #[command(subcommand)]
        /// What to do with it.
        command: StoreCommand,
    },
    /// Print a script that completes this command in a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  eas-log-report explain 449
  eas-log-report explain 401.2 DeviceNotProvisioned BlockedP RpcL 0x8009030e
  eas-log-report explain 'Apple-iPhone3C1/801.293'
  eas-log-report explain u_ex110506.log:64
  eas-log-report explain --line '2011-05-06 11:30:11 192.0.2.41 POST /Microsoft-Server-...'

Exit codes: 0 all is explained; 1 some of the subjects are not known at all; 2 none of them is known,
or a file could not be read.";

const NIGHTLY_EXAMPLES: &str = "\
Examples:
  eas-log-report nightly --logs \\\\cas01\\logs \\\\cas02\\logs --store D:\\eas-store
  eas-log-report nightly --config /etc/eas-log-report.toml
  eas-log-report nightly --config /etc/eas-log-report.toml --check
  eas-log-report report --store D:\\eas-store --from 2011-05-01 --to 2011-05-31 --format html

Exit codes: 0 all is written; 1 it is, but some input could not be read; 2 it is not; 3 a condition of
--fail-on holds; 4 the mail did not get through.";

const DEVICES_EXAMPLES: &str = "\
Examples:
  eas-log-report devices --broken logs
  eas-log-report devices --verdict not_provisionable --format csv logs > helpdesk.csv
  eas-log-report devices --sort max_throttle_ms --top 10 logs
  eas-log-report devices --not-seen-for 30 --sort last_seen --reverse logs
  eas-log-report devices --user jdoe logs";

const TIMELINE_EXAMPLES: &str = "\
Examples:
  eas-log-report timeline --device IMEI352924027511437 logs
  eas-log-report timeline --user 'CONTOSO\\jdoe' --since 2011-05-06T08:00 --no-raw logs
  eas-log-report timeline --user jdoe --command SendMail --failed logs";

const COMPARE_EXAMPLES: &str = "\
Examples:
  eas-log-report compare --before \\\\ex2003\\logs --after \\\\cas2010\\logs
  eas-log-report compare --cutover 2011-05-06T11:00 logs
  eas-log-report compare --moves moves.csv logs
  eas-log-report compare --store D:\\eas --before 2011-05-01..2011-05-07 --after 2011-05-09

--moves reads a CSV with a column User (or Alias, SamAccountName, PrimarySmtpAddress ...) and a column
Time (or CompletionTimestamp ...), with times in UTC such as 2011-05-06T11:30:11. To export it:
  Get-MoveRequest | Get-MoveRequestStatistics | Select-Object @{n='User';e={$_.Alias}},
    @{n='Time';e={$_.CompletionTimestamp.ToUniversalTime().ToString('s')}} |
    Export-Csv moves.csv -NoTypeInformation";

/// The options of `compare`.
#[derive(Debug, clap::Args)]
pub struct CompareArgs {
    /// Logs that the time parts: files, folders, patterns
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<PathBuf>,
    /// Logs of before: files, folders, patterns; or with --store a span of days
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Sides")]
    pub(super) before: Vec<PathBuf>,
    /// Logs of after, or a span of days
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "Sides")]
    pub(super) after: Vec<PathBuf>,
    /// Compare two spans of the store that eas-log-report nightly fills, without the logs: --before
    /// and --after are days then, as 2011-05-01..2011-05-07
    #[arg(long, value_name = "DIR", help_heading = "Sides")]
    pub(super) store: Option<PathBuf>,
    /// The time (UTC) that parts before and after
    #[arg(long, value_name = "TIME", help_heading = "Sides")]
    pub(super) cutover: Option<String>,
    /// A CSV file with the time at which each user moved
    #[arg(long, value_name = "FILE", help_heading = "Sides")]
    pub(super) moves: Option<PathBuf>,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) triage: TriageArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// The options of `devices`.
#[derive(Debug, clap::Args)]
pub struct DevicesArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Only devices with this verdict; can be repeated
    #[arg(long, value_name = "VERDICT", value_parser = verdict, help_heading = "Filters")]
    pub(super) verdict: Vec<Verdict>,
    /// Only devices that need something: all but the healthy and the recovered
    #[arg(long, help_heading = "Filters")]
    pub(super) broken: bool,
    /// Only devices that this finding lists, by its id; can be repeated
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    pub(super) finding: Vec<String>,
    /// Only devices that made no request in the last N days before the end of the logs
    #[arg(long, value_name = "N", help_heading = "Filters",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) not_seen_for: Option<u32>,
    /// Sort by a column, by its name in json and csv: numbers and times the greatest first, texts in
    /// order, what has no value last [default: the most harmed first]
    #[arg(long, value_name = "COLUMN", help_heading = "Output")]
    pub(super) sort: Option<String>,
    /// With --sort: the other way round
    #[arg(long, requires = "sort", help_heading = "Output")]
    pub(super) reverse: bool,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) triage: TriageArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// Reads a whole number. What it is of stands in the help.
pub(super) fn number<T: FromStr>(typed: &str) -> Result<T, String> {
    let found = match typed.parse::<i128>() {
        Err(_) => "which is no such number",
        Ok(number) if number < 0 => "which is less than 0",
        Ok(_) => "which is too large",
    };
    typed
        .parse()
        .map_err(|_| format!("expected a whole number such as 20, found '{typed}', {found}"))
}

fn from_one(typed: &str) -> Result<u64, String> {
    match number(typed)? {
        0 => Err("expected a whole number from 1 on, found 0".to_owned()),
        number => Ok(number),
    }
}

/// A limit of requests within a minute.
fn per_minute(typed: &str) -> Result<u64, String> {
    match number(typed)? {
        limit if limit >= Limits::LEAST_PER_MINUTE => Ok(limit),
        limit => Err(format!(
            "expected a whole number from {} on, found {limit}: fewer requests in a row are not kept",
            Limits::LEAST_PER_MINUTE
        )),
    }
}

fn verdict(name: &str) -> Result<Verdict, String> {
    Verdict::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Verdict::ALL.iter().map(|(_, name)| *name).collect();
        format!("expected one of {}", names.join(", "))
    })
}

/// A status that steps are to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// HTTP status and substatus.
    Http(u16, Option<u16>),
    /// EAS status.
    Eas(u16),
}

fn status(text: &str) -> Result<Status, String> {
    let expected = "expected an HTTP status such as 449 or 401.1, or an EAS status such as eas:142";
    let number = |digits: &str| digits.parse::<u16>().map_err(|_| expected.to_owned());
    if let Some((space, status)) = text.split_once(':') {
        return match space.eq_ignore_ascii_case("eas") {
            true => Ok(Status::Eas(number(status)?)),
            false => Err(expected.to_owned()),
        };
    }
    match text.split_once('.') {
        Some((status, substatus)) => Ok(Status::Http(number(status)?, Some(number(substatus)?))),
        None => Ok(Status::Http(number(text)?, None)),
    }
}

/// The options of `timeline`.
#[derive(Debug, clap::Args)]
pub struct TimelineArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    /// Show only requests with this status: 449 or 401.1 of HTTP, eas:142 of EAS; can be repeated, as
    /// the next two. What is shown of the device and how many requests there are stay the same
    #[arg(long, value_name = "STATUS", value_parser = status, help_heading = "Steps")]
    pub(super) status: Vec<Status>,
    /// Show only requests with this error; * and ? stand for any characters
    #[arg(long, value_name = "NAME", help_heading = "Steps")]
    pub(super) error: Vec<String>,
    /// Show only requests with this command, or method where there is none; * and ? stand for any
    /// characters
    #[arg(long, value_name = "NAME", help_heading = "Steps")]
    pub(super) command: Vec<String>,
    /// Show only requests that failed
    #[arg(long, help_heading = "Steps")]
    pub(super) failed: bool,
    /// Only the places of lines, without the lines
    #[arg(long, help_heading = "Output")]
    pub(super) no_raw: bool,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) triage: TriageArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

/// The options of `explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// An HTTP, EAS or Windows status, an error, an access state or its reason, an element of Log=
    /// with or without its value, a command, a field, a user agent, a device type, an Apple model or
    /// build, a query, a line, or FILE:LINE; - reads lines from standard input
    #[arg(value_name = "SUBJECT")]
    pub subject: Vec<OsString>,
    /// A pasted log line or query; one that begins with #Fields names the columns of those behind it
    #[arg(long, value_name = "LINE")]
    pub line: Vec<OsString>,
    /// Names of the columns of a pasted line, as #Fields lists them; without, they are told by the
    /// forms of its values
    #[arg(long, value_name = "NAMES")]
    pub fields: Option<String>,
    /// Form of the explanation
    #[arg(short, long, value_enum, default_value_t = ExplainFormat::Text)]
    pub format: ExplainFormat,
    /// Colors in text
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// Form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// The options of the report.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,
    #[command(flatten)]
    pub(super) read: ReadArgs,
    #[command(flatten)]
    pub(super) triage: TriageArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    pub(super) drop_in: DropInArgs,
    #[command(flatten)]
    pub(super) watch: WatchArgs,
    #[command(flatten)]
    pub(super) mail: MailArgs,
}

/// What to read.
#[derive(Debug, clap::Args)]
pub(super) struct InputArgs {
    /// Log files, folders (searched to the bottom), patterns such as 'logs/**/u_ex*.log' (with *, ? and
    /// ** for any folders), or - for standard input. Files compressed with gzip or zstd and the files in
    /// zip archives are read as they are; files that are no W3C logs are named and skipped
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

/// Which requests count, and how to read them.
#[derive(Debug, clap::Args)]
pub(super) struct ReadArgs {
    /// Only requests that ended at or after this time (UTC): 2011-05-06 or 2011-05-06T11:30:11
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub since: Option<String>,
    /// Only requests that ended before the end of this day, minute or second (UTC)
    #[arg(long, value_name = "TIME", help_heading = "Filters")]
    pub until: Option<String>,
    /// Only this user: jdoe, CONTOSO\jdoe and jdoe@contoso.com are one, as in the report. * and ? stand
    /// for any characters, case does not matter, and the option can be repeated, here and below
    #[arg(long, value_name = "USER", help_heading = "Filters")]
    pub user: Vec<String>,
    /// Only this device id
    #[arg(long, value_name = "ID", help_heading = "Filters")]
    pub device: Vec<String>,
    /// Only this device type
    #[arg(long, value_name = "TYPE", help_heading = "Filters")]
    pub device_type: Vec<String>,
    /// Only this user agent
    #[arg(long, value_name = "AGENT", help_heading = "Filters")]
    pub user_agent: Vec<String>,

    /// Names of the columns of logs that have lost their #Fields directive, as it would list them
    #[arg(long, value_name = "NAMES", help_heading = "Reading")]
    pub fields: Option<String>,
    /// End with code 1 if more lines than this are malformed: a number, or a share such as 0.1%
    #[arg(
        long,
        value_name = "LIMIT",
        allow_negative_numbers = true,
        help_heading = "Reading"
    )]
    pub max_malformed: Option<String>,
    /// Number of threads, 256 at most [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = number::<usize>, allow_negative_numbers = true, help_heading = "Reading")]
    pub threads: Option<usize>,
    /// Do not show how the reading goes on. It is shown only on a terminal, on standard error
    #[arg(long, help_heading = "Reading")]
    pub no_progress: bool,
    /// Name every file on standard error, and say how long it took
    #[arg(short, long, help_heading = "Reading")]
    pub verbose: bool,
    #[command(flatten)]
    pub(super) share: ShareArgs,
    /// Size in bytes of the pieces that large files are cut into
    #[arg(long, value_name = "BYTES", value_parser = number::<u64>, hide = true)]
    pub piece_size: Option<u64>,
}

/// How a report can go to somebody else.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ShareArgs {
    /// Replace users, device ids, servers and addresses by pseudonyms, in every form of output: the
    /// same for the same name and the same key. What is said on standard error keeps the names, for
    /// who runs it. KEYFILE holds some random text
    #[arg(long, value_name = "KEYFILE", help_heading = "Sharing")]
    pub(super) pseudonymize: Option<PathBuf>,
}

/// What counts as a fault, and what to say of it.
#[derive(Debug, clap::Args)]
pub(super) struct TriageArgs {
    /// More findings, or others in the place of those of the same id: a file of the form of
    /// findings.toml, which the README describes
    #[arg(long, value_name = "FILE", help_heading = "Verdicts")]
    pub findings: Option<PathBuf>,
    /// More requests of a device within 60 seconds are a storm (7 at least)
    #[arg(long, value_name = "N", value_parser = per_minute, allow_negative_numbers = true, default_value_t = Limits::default().per_minute, help_heading = "Verdicts")]
    pub storm_per_minute: u64,
    /// More requests of a device on a day (UTC) are a storm
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true, default_value_t = Limits::default().per_day, help_heading = "Verdicts")]
    pub storm_per_day: u64,
}

/// How to write.
#[derive(Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    pub format: Format,
    /// Write to this file, or for csv of several tables into this folder; without it, or as -, to
    /// standard output. What is there is replaced once the new file is whole: but links are followed,
    /// devices and pipes written to, and logs left alone
    #[arg(short, long, value_name = "PATH", help_heading = "Output")]
    pub output: Option<PathBuf>,
    /// Rows of each table; 0 for all [default: 20 for text and markdown, 2000 for html, all for
    /// json and csv]
    #[arg(long, value_name = "N", value_parser = number::<usize>, allow_negative_numbers = true, help_heading = "Output")]
    pub top: Option<usize>,
    /// Colors in text
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", help_heading = "Output")]
    pub color: Color,
}

impl OutputArgs {
    /// Rows of each table; none for all.
    pub(super) fn rows(&self) -> Option<usize> {
        /// How many rows of a table a person wants to see unless asked.
        const TOP: usize = 20;
        match (self.top, self.format) {
            (Some(0), _) | (None, Format::Json | Format::Csv) => None,
            (None, Format::Text | Format::Markdown) => Some(TOP),
            (None, Format::Html) => Some(HTML_ROWS),
            (top, _) => top,
        }
    }
}

/// Form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people, on a terminal or in a file
    Text,
    /// One object, for programs
    Json,
    /// A file for each section
    Csv,
    /// A page that needs nothing else, for people (the report only)
    Html,
    /// For wikis and tickets (the report only)
    Markdown,
    /// The six files of Microsoft's Export-ActiveSyncLog, into the folder of --output (the report
    /// only)
    #[value(name = Form::ExportActiveSyncLog.name())]
    ExportActiveSyncLog,
    /// The file of Microsoft's ActiveSyncReport.ps1, as --output or into the folder of that name (the
    /// report only)
    #[value(name = Form::ActiveSyncReport.name())]
    ActiveSyncReport,
}

impl Format {
    /// The other tool whose files are written.
    pub(super) fn drop_in(self) -> Option<Form> {
        match self {
            Format::ExportActiveSyncLog => Some(Form::ExportActiveSyncLog),
            Format::ActiveSyncReport => Some(Form::ActiveSyncReport),
            _ => None,
        }
    }
}

/// How to write the files of other tools.
#[derive(Debug, clap::Args)]
pub(super) struct DropInArgs {
    /// With export-activesynclog and activesyncreport: put this into the name of each file, where the
    /// replaced tool puts its prefix
    #[arg(long, value_name = "TEXT", help_heading = "Output")]
    pub output_prefix: Option<String>,
    /// With these: repeat also the known defects of the replaced tool, such as a status ratio of 0,
    /// and write values as logged. Without this option those that a spreadsheet takes for formulas
    /// (beginning with = + - @) get an apostrophe in front, as in csv
    #[arg(long, help_heading = "Output")]
    pub compat: bool,
}

/// When to use colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound_and_every_option_has_help() {
        let command = Args::command();
        command.clone().debug_assert();
        let mut options = 0;
        for argument in command.get_arguments() {
            assert!(argument.get_help().is_some(), "{}", argument.get_id());
            options += 1;
        }
        assert!(options >= 16, "{options}");
    }
}
