//! `compare`: before and after a migration.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail, ensure};
use chrono::NaiveDate;
use eas_log_parse::Account;

use super::args::CompareArgs;
use super::exit::Outcome;
use super::output::Target;
use super::plan::{Plan, pseudonyms};
use super::read::{Read, findings, limits, read};
use super::store::span;
use super::time::parse_time;
use crate::analysis::{Options, analyse, compare};
use crate::ingest::{Cutover, CutoverSide};
use crate::render::{csv_files, grouped, write_sheet_json, write_sheet_text};
use crate::report::Report;
use crate::store::Store;
use crate::triage::Findings;

/// So many bad rows of a file are named.
const BAD_ROWS_NAMED: usize = 10;

/// How to get a file of moves that can be read.
const EXPORT: &str = "Get-MoveRequest | Get-MoveRequestStatistics | Select-Object \
                      @{n='User';e={$_.Alias}}, \
                      @{n='Time';e={$_.CompletionTimestamp.ToUniversalTime().ToString('s')}} | \
                      Export-Csv moves.csv -NoTypeInformation";

pub(super) fn run(args: &CompareArgs) -> anyhow::Result<Outcome> {
    if let Some(folder) = &args.store {
        return spans(args, folder);
    }
    let (before_paths, after_paths) = sides(args)?;
    let cutover = cutover(args)?;
    let more = findings(&args.triage)?;
    let target = Target::tables(&args.output)?;
    let (mut reports, mut in_part) = (Vec::new(), false);
    for (paths, side) in [
        (before_paths, CutoverSide::Before),
        (after_paths, CutoverSide::After),
    ] {
        let mut plan = Plan::new(&args.read)?;
        plan.options.filter.cutover = cutover.clone().map(|cutover| (cutover, side));
        let read: Read = read(paths, &plan, &args.read)?;
        in_part |= read.in_part;
        let options = Options {
            filters: plan.filters,
            findings: more.as_ref().unwrap_or_else(|| Findings::built_in()),
            limits: limits(&args.triage),
            devices: None,
        };
        reports.push(analyse(read.ingested, options).context("cannot analyse")?);
    }
    let more_to_say = left_out(args, &reports[0]);
    write(args, &target, &reports[0], &reports[1], more_to_say)?;
    Ok(Outcome::of(in_part))
}

fn write(
    args: &CompareArgs,
    target: &Target<'_>,
    before: &Report,
    after: &Report,
    more_to_say: Option<String>,
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
    let more = findings(&args.triage)?;
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
            findings: more.as_ref().unwrap_or_else(|| Findings::built_in()),
            limits: limits(&args.triage),
            devices: None,
        };
        reports.push(analyse(ingested, options).context("cannot analyse")?);
    }
    write(args, &target, &reports[0], &reports[1], None)?;
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
fn cutover(args: &CompareArgs) -> anyhow::Result<Option<Arc<Cutover>>> {
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
    let of_users = match &args.moves {
        Some(path) => moves(path).with_context(|| format!("--moves {}", path.display()))?,
        None => HashMap::new(),
    };
    Ok(Some(Arc::new(Cutover { for_all, of_users })))
}

/// Names of the column of users, in lower case.
const USER_COLUMNS: [&str; 8] = [
    "user",
    "alias",
    "samaccountname",
    "userprincipalname",
    "primarysmtpaddress",
    "emailaddress",
    "mailbox",
    "identity",
];
/// Names of the column of times, in lower case.
const TIME_COLUMNS: [&str; 7] = [
    "time",
    "movetime",
    "movedat",
    "completiontimestamp",
    "completedat",
    "endtimestamp",
    "date",
];

/// Reads a file of moves: a user and a time in each row.
fn moves(path: &Path) -> anyhow::Result<HashMap<String, i64>> {
    let text = std::fs::read_to_string(path)?;
    let text = text.trim_start_matches('\u{feff}');
    // Export-Csv of Windows PowerShell writes the type of its objects first.
    let (skipped, text) = match text.strip_prefix("#TYPE") {
        Some(rest) => (1, rest.split_once('\n').map_or("", |(_, rest)| rest)),
        None => (0, text),
    };
    let header = text.lines().next().unwrap_or_default();
    let delimiter = if header.contains(';') && !header.contains(',') {
        b';'
    } else {
        b','
    };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(text.as_bytes());
    let headers = reader.headers()?.clone();
    let find = |names: &[&str]| {
        names.iter().find_map(|name| {
            headers
                .iter()
                .position(|header| header.replace([' ', '_'], "").eq_ignore_ascii_case(name))
        })
    };
    let (Some(user_at), Some(time_at)) = (find(&USER_COLUMNS), find(&TIME_COLUMNS)) else {
        let found: Vec<&str> = headers.iter().collect();
        bail!(
            "expected a header with a column for the user ({}) and one for the time ({}), found: {}. \
             To export such a file: {EXPORT}",
            USER_COLUMNS.join(", "),
            TIME_COLUMNS.join(", "),
            found.join(", ")
        );
    };
    let mut moves: HashMap<String, (i64, u64)> = HashMap::new();
    let mut bad = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                bad.push(error.to_string());
                continue;
            }
        };
        let row = record.position().map_or(0, csv::Position::line) + skipped;
        let cell = |at: usize| record.get(at).unwrap_or_default();
        let user = Account::parse(cell(user_at).as_bytes()).key().into_owned();
        if user.is_empty() {
            bad.push(format!("row {row}: no user"));
            continue;
        }
        let time = match parse_time(cell(time_at)) {
            Ok((start, _)) => start,
            Err(expected) => {
                bad.push(format!(
                    "row {row}, {user}: '{}': {expected}",
                    cell(time_at)
                ));
                continue;
            }
        };
        if let Some((other, first)) = moves.insert(user.clone(), (time, row))
            && other != time
        {
            bad.push(format!("row {row}: {user} has another time in row {first}"));
        }
    }
    if !bad.is_empty() {
        let more = bad.len().saturating_sub(BAD_ROWS_NAMED);
        bad.truncate(BAD_ROWS_NAMED);
        if more > 0 {
            bad.push(format!("and {more} more"));
        }
        bail!(
            "{}. To export times that can be read: {EXPORT}",
            bad.join("; ")
        );
    }
    ensure!(!moves.is_empty(), "the file names no user");
    Ok(moves
        .into_iter()
        .map(|(user, (time, _))| (user, time))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_moves(text: &str) -> Result<Vec<(String, i64)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moves.csv");
        std::fs::write(&path, text).unwrap();
        let moves = moves(&path).map_err(|error| format!("{error:#}"))?;
        let mut moves: Vec<_> = moves.into_iter().collect();
        moves.sort();
        Ok(moves)
    }

    #[test]
    fn files_of_moves() {
        const DAY: i64 = 1_304_640_000;
        let want = vec![("jdoe".to_owned(), DAY), ("mia".to_owned(), DAY + 41_411)];
        for text in [
            "User,Time\nCONTOSO\\jdoe,2011-05-06\nmia@contoso.com,2011-05-06T11:30:11\n",
            "\u{feff}#TYPE Selected.X\r\n\"Alias\",\"CompletionTimestamp\"\r\n\"jdoe\",\"2011-05-06\"\r\n\
             \"mia\",\"2011-05-06 11:30:11Z\"\r\n",
            "Name;Completion Timestamp;Identity\nx;2011-05-06;jdoe\ny;2011-05-06 11:30:11;MIA\n",
        ] {
            assert_eq!(read_moves(text).as_ref(), Ok(&want), "{text}");
        }
        for (text, says) in [
            ("", "expected a header"),
            ("who,when\n", "found: who, when"),
            ("user,time\n", "names no user"),
            (
                "user,time\njdoe,05/06/2011\n",
                "row 2, jdoe: '05/06/2011': expected a date",
            ),
            ("user,time\n,2011-05-06\n", "row 2: no user"),
            (
                "user,time\na,2011-05-06\nA,2011-05-07\n",
                "row 3: a has another time in row 2",
            ),
        ] {
            let error = read_moves(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
