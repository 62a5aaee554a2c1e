//! `timeline`: what happened to one phone, step by step.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use anyhow::{Context, anyhow, bail};
use eas_log_parse::{Encoded, Escaped, Field};

use super::args::{Status, TimelineArgs};
use super::exit::Outcome;
use super::output::Target;
use super::plan::Plan;
use super::read::{KnownFindings, Read, limits, read};
use crate::analysis::{Options, analyse};
use crate::facts::error_names;
use crate::ingest::{Ingested, Kept, Patterns};
use crate::render::{TextOptions, csv_files, iso_time, terminal_safe, write_sheet_json};
use crate::report::{Column, Measure, Report, Row, Section, Sheet, Value};

/// More requests than this are no step-by-step story, and would fill memory.
const MOST: u64 = 200_000;

pub(super) fn run(args: &TimelineArgs) -> anyhow::Result<Outcome> {
    if args.read.user.is_empty() && args.read.device.is_empty() {
        bail!("name whom it is about, with --device ID or --user NAME");
    }
    let mut plan = Plan::new(&args.read)?;
    plan.options.keep_lines = true;
    let findings = KnownFindings::read(&args.triage)?;
    let target = Target::table(&args.output)?;
    let Read {
        mut ingested,
        in_part,
    } = read(&args.input.paths, &plan, &args.read)?;
    let requests = ingested.facts.counts.requests;
    if requests > MOST {
        bail!(
            "{requests} requests match: name one device or user, or a time with --since and --until"
        );
    }
    if requests == 0 {
        bail!(
            "no request matches {}: is the name right, and the time? `eas-log-report devices PATH` \
             lists all devices",
            typed(&plan.filters)
        );
    }
    let steps = std::mem::take(&mut ingested.kept);
    let mut last_seen: HashMap<Vec<u8>, i64> = HashMap::new();
    let mut steps: Vec<Step> = steps
        .into_iter()
        .map(|kept| {
            let place = place(&ingested, &kept);
            let device = kept.device.to_ascii_lowercase();
            let time = kept.at.seconds();
            let before = time.and_then(|time| last_seen.insert(device, time));
            let silence_s = time.zip(before).map(|(time, before)| time - before);
            Step {
                answer: answer(&kept),
                kept,
                place,
                silence_s,
            }
        })
        .collect();
    let wanted = Wanted::new(args)?;
    steps.retain(|step| wanted.has(&step.kept));
    let options = Options {
        filters: plan.filters,
        findings: findings.get(),
        limits: limits(&args.triage),
        devices: None,
    };
    let report = analyse(ingested, options).context("cannot analyse")?;
    let rows = args.output.rows();
    let sheet = || sheet(&steps, requests, &report);
    target.write(
        |options, out| {
            // A story is told to its end unless it is cut on purpose.
            let top = args.output.top.and(options.top);
            head(requests, steps.len(), &report, out)?;
            text(&steps, args.no_raw, TextOptions { top, ..options }, out)
        },
        |out| write_sheet_json(&sheet(), rows, out),
        || csv_files(&sheet().sections, None, rows),
    )?;
    Ok(Outcome::of(in_part))
}

fn typed(filters: &[(String, String)]) -> String {
    let options = filters
        .iter()
        .map(|(option, value)| format!("--{option} {value}"));
    options.collect::<Vec<_>>().join(" ")
}

fn place(ingested: &Ingested, kept: &Kept) -> String {
    let (file, line) = ingested.locate(kept.at.place);
    format!("{file}:{line}")
}

fn shown(raw: &[u8]) -> String {
    let decoded = Encoded::new(raw).decode();
    match std::str::from_utf8(&decoded) {
        Ok(text) => text.to_owned(),
        Err(_) => Escaped(&decoded).to_string(),
    }
}

/// A line that is not UTF-8 keeps what is, and shows the rest escaped.
fn line(raw: &[u8]) -> String {
    match std::str::from_utf8(raw) {
        Ok(text) => text.to_owned(),
        Err(_) => Escaped(raw).to_string(),
    }
}

/// A request, and how long its device had been silent before it.
struct Step {
    kept: Kept,
    answer: String,
    place: String,
    silence_s: Option<i64>,
}

impl Step {
    /// Whether the device had been silent for longer than one that waits for mail is.
    fn follows_silence(&self) -> bool {
        /// The longest heartbeat is an hour but a minute.
        const SILENCE_S: i64 = 2 * 3600;
        self.silence_s.is_some_and(|silence| silence >= SILENCE_S)
    }
}

/// Which steps are shown.
struct Wanted<'a> {
    status: &'a [Status],
    failed: bool,
    errors: Patterns,
    commands: Patterns,
}

impl<'a> Wanted<'a> {
    fn new(args: &'a TimelineArgs) -> anyhow::Result<Wanted<'a>> {
        let patterns = |option: &str, texts: &[String]| {
            Patterns::texts(texts).map_err(|error| anyhow!("--{option}: {error}"))
        };
        Ok(Wanted {
            status: &args.status,
            failed: args.failed,
            errors: patterns("error", &args.error)?,
            commands: patterns("command", &args.command)?,
        })
    }

    fn has(&self, kept: &Kept) -> bool {
        let of_status = |status: &Status| match *status {
            Status::Http(status, substatus) => {
                kept.sc_status == Some(status)
                    && (substatus.is_none() || kept.sc_substatus == substatus)
            }
            Status::Eas(status) => kept.eas_status == Some(status),
        };
        (self.status.is_empty() || self.status.iter().any(of_status))
            && (kept.failed || !self.failed)
            && self.errors.match_any(error_names(&kept.errors))
            && self.commands.match_any([&kept.command[..]])
    }
}

/// What the server said. Of a 401 also whether the log could tell more: without a substatus or a
/// Windows status a wrong password looks like the beginning of a handshake.
fn answer(kept: &Kept) -> String {
    if kept.sc_status != Some(401) {
        return kept.said.clone();
    }
    let mut said = kept.said.clone();
    for (field, name, status) in [
        (
            Field::ScSubstatus,
            "substatus",
            kept.sc_substatus.map(u64::from),
        ),
        (Field::ScWin32Status, "Windows", kept.sc_win32_status),
    ] {
        let has_column = kept
            .columns
            .iter()
            .any(|column| column.field == Some(field));
        match status {
            Some(0) => write!(said, ", {name} 0"),
            Some(_) => Ok(()),
            None if has_column => write!(said, ", {name} -"),
            None => write!(said, ", no column {}", field.name()),
        }
        .ok();
    }
    said
}

/// A time in its two largest units.
fn lasting(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = if days > 0 {
        [(days, "d"), (hours, "h")]
    } else {
        [(hours, "h"), (minutes, "min")]
    };
    let parts = parts.iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, unit)| format!("{number} {unit}"))
        .collect();
    parts.join(" ")
}

/// How many requests there are, and what became of whom.
fn head(requests: u64, shown: usize, report: &Report, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "Timeline of {requests} requests (UTC)")?;
    if shown as u64 != requests {
        write!(out, ", {shown} shown")?;
    }
    writeln!(out)?;
    let Some(section) = report.section("devices") else {
        return Ok(());
    };
    for row in &section.rows {
        let value = |key: &str| match section.column(key).map(|at| &row[at]) {
            Some(Value::Text(text)) => Some(terminal_safe(text)),
            _ => None,
        };
        let or_dash = |key: &str| value(key).unwrap_or("-".into());
        write!(
            out,
            "  {}  {}  {}: {}",
            or_dash("user"),
            or_dash("device_id"),
            or_dash("client"),
            or_dash("verdict"),
        )?;
        match value("reason") {
            Some(reason) => writeln!(out, ", {reason}")?,
            None => writeln!(out)?,
        }
    }
    Ok(())
}

/// Steps for people. Requests in a row that went the same way are one step, with the first and the
/// last line of them.
fn text(steps: &[Step], no_raw: bool, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let same = |a: &Step, b: &Step| {
        let went_the_same_way = |of: fn(&Kept) -> &[u8]| of(&a.kept) == of(&b.kept);
        went_the_same_way(|kept| &kept.user)
            && went_the_same_way(|kept| &kept.device)
            && went_the_same_way(|kept| &kept.command)
            && went_the_same_way(|kept| &kept.server)
            && a.answer == b.answer
            && !b.follows_silence()
    };
    let runs: Vec<&[Step]> = steps.chunk_by(same).collect();
    let top = options.top.unwrap_or(usize::MAX);
    let mut device: Option<(&[u8], &[u8])> = None;
    for run in runs.iter().take(top) {
        let Step {
            kept: first, place, ..
        } = &run[0];
        if device.replace((&first.user, &first.device)) != Some((&first.user, &first.device)) {
            let (user, id) = (shown(&first.user), shown(&first.device));
            writeln!(out, "\n{}  {}", terminal_safe(&user), terminal_safe(&id))?;
        }
        if let (true, Some(silence)) = (run[0].follows_silence(), run[0].silence_s) {
            writeln!(out, "  … no request for {}", lasting(silence))?;
        }
        let time = first.at.seconds().map_or("no time".to_owned(), iso_time);
        let mark = if first.failed { '!' } else { ' ' };
        let command = shown(&first.command);
        let taken = first
            .time_taken_ms
            .map_or(String::new(), |ms| format!(", {ms} ms"));
        writeln!(
            out,
            "{mark} {time}  {:<14} {}{taken}  [{}]  {}",
            terminal_safe(&command),
            terminal_safe(&run[0].answer),
            first.class,
            terminal_safe(&shown(&first.server)),
        )?;
        raw(first, place, no_raw, out)?;
        if let [_, .., last] = run {
            let Step {
                kept: last, place, ..
            } = last;
            let time = last.at.seconds().map_or("no time".to_owned(), iso_time);
            writeln!(
                out,
                "    the same {} times more, until {time}",
                run.len() - 1
            )?;
            raw(last, place, no_raw, out)?;
        }
    }
    if steps.is_empty() {
        writeln!(out, "\nnone of them is as asked for")?;
    }
    if runs.len() > top {
        writeln!(
            out,
            "\n… {} more steps; --top 0 shows all",
            runs.len() - top
        )?;
    }
    Ok(())
}

fn raw(kept: &Kept, place: &str, no_raw: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "    {}", terminal_safe(place))?;
    if no_raw {
        return Ok(());
    }
    writeln!(out, "    {}", terminal_safe(&line(&kept.line)))
}

/// Steps for programs: a row for each request.
fn sheet(steps: &[Step], requests: u64, report: &Report) -> Sheet {
    let column = |key, label, measure| Column {
        key,
        label,
        measure,
        detail: false,
    };
    let text = |text: String| {
        if text.is_empty() {
            Value::Null
        } else {
            Value::Text(text)
        }
    };
    let rows: Vec<Row> = steps
        .iter()
        .map(|step| {
            let Step {
                kept,
                answer,
                place,
                silence_s,
            } = step;
            let code = |code: Option<u64>| {
                let number = code.and_then(|code| i64::try_from(code).ok());
                number.map_or(Value::Null, Value::Number)
            };
            vec![
                kept.at.seconds().map_or(Value::Null, Value::Time),
                text(shown(&kept.user)),
                text(shown(&kept.device)),
                text(shown(&kept.server)),
                text(shown(&kept.command)),
                text(answer.clone()),
                code(kept.sc_status.map(u64::from)),
                code(kept.sc_substatus.map(u64::from)),
                code(kept.sc_win32_status),
                code(kept.eas_status.map(u64::from)),
                text(line(&kept.errors)),
                Value::Text(kept.class.to_owned()),
                kept.time_taken_ms
                    .map_or(Value::Null, |ms| Value::Number(ms as i64)),
                silence_s.map_or(Value::Null, Value::Number),
                Value::Text(place.clone()),
                Value::Text(line(&kept.line)),
            ]
        })
        .collect();
    let steps = Section {
        id: "steps",
        title: "Steps",
        about: "The requests in the order of time, each with its line.",
        columns: vec![
            column("time", "Time (UTC)", Measure::Time),
            column("user", "User", Measure::Text),
            column("device_id", "Device ID", Measure::Text),
            column("server", "Server", Measure::Text),
            column("command", "Command", Measure::Text),
            column("answer", "Answer", Measure::Text),
            column("sc_status", "HTTP", Measure::Code),
            column("sc_substatus", "Sub", Measure::Code),
            column("sc_win32_status", "Win32", Measure::Code),
            column("eas_status", "EAS", Measure::Code),
            column("error", "Error", Measure::Text),
            column("class", "Class", Measure::Text),
            column("time_taken_ms", "Time taken (ms)", Measure::Count),
            column("silence_s", "Seconds since the one before", Measure::Count),
            column("place", "Place", Measure::Place),
            column("line", "Line", Measure::Text),
        ],
        total: rows.len(),
        rows,
    };
    let devices = report.section("devices").cloned();
    Sheet {
        kind: "timeline",
        title: "Timeline".to_owned(),
        notes: Vec::new(),
        values: vec![
            ("requests", Value::Number(requests as i64)),
            ("shown", Value::Number(steps.total as i64)),
        ],
        sections: [steps].into_iter().chain(devices).collect(),
    }
}
