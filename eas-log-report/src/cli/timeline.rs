//! `timeline`: what happened to one phone, step by step.

use std::io::{self, Write};

use anyhow::{Context, bail};
use eas_log_parse::{Encoded, Escaped};

use super::args::TimelineArgs;
use super::exit::Outcome;
use super::output::Target;
use super::plan::Plan;
use super::read::{Read, findings, limits, read};
use crate::analysis::{Options, analyse};
use crate::ingest::{Ingested, Kept};
use crate::render::{TextOptions, csv_files, iso_time, terminal_safe, write_sheet_json};
use crate::report::{Column, Measure, Report, Row, Section, Sheet, Value};
use crate::triage::Findings;

/// More requests than this are no step-by-step story, and would fill memory.
const MOST: u64 = 200_000;

pub(super) fn run(args: &TimelineArgs) -> anyhow::Result<Outcome> {
    if args.read.user.is_empty() && args.read.device.is_empty() {
        bail!("name whom it is about, with --device ID or --user NAME");
    }
    let mut plan = Plan::new(&args.read)?;
    plan.options.keep_lines = true;
    let more = findings(&args.triage)?;
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
    let steps: Vec<(Kept, String)> = steps
        .into_iter()
        .map(|kept| {
            let place = place(&ingested, &kept);
            (kept, place)
        })
        .collect();
    let options = Options {
        filters: plan.filters,
        findings: more.as_ref().unwrap_or_else(|| Findings::built_in()),
        limits: limits(&args.triage),
        devices: None,
    };
    let report = analyse(ingested, options).context("cannot analyse")?;
    let rows = args.output.rows();
    let sheet = || sheet(&steps, &report);
    target.write(
        |options, out| {
            // A story is told to its end unless it is cut on purpose.
            let top = args.output.top.and(options.top);
            text(
                &steps,
                &report,
                args.no_raw,
                TextOptions { top, ..options },
                out,
            )
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

/// Steps for people. Requests in a row that went the same way are one step, with the first and the
/// last line of them.
fn text(
    steps: &[(Kept, String)],
    report: &Report,
    no_raw: bool,
    options: TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "Timeline of {} requests (UTC)", steps.len())?;
    let devices = report.section("devices");
    for row in devices.into_iter().flat_map(|section| &section.rows) {
        let section = devices.into_iter().next();
        let value = |key: &str| {
            let at = section.and_then(|section| section.column(key));
            match at.map(|at| &row[at]) {
                Some(Value::Text(text)) => terminal_safe(text).into_owned(),
                _ => "-".to_owned(),
            }
        };
        let (user, id, client) = (value("user"), value("device_id"), value("client"));
        writeln!(
            out,
            "  {user}  {id}  {client}: {}, {}",
            value("verdict"),
            value("reason")
        )?;
    }
    let same = |a: &(Kept, String), b: &(Kept, String)| {
        let key = |kept: &Kept| {
            (
                kept.user.clone(),
                kept.device.clone(),
                kept.command.clone(),
                kept.said.clone(),
                kept.server.clone(),
            )
        };
        key(&a.0) == key(&b.0)
    };
    let runs: Vec<&[(Kept, String)]> = steps.chunk_by(same).collect();
    let top = options.top.unwrap_or(usize::MAX);
    let mut device: Option<(&[u8], &[u8])> = None;
    for run in runs.iter().take(top) {
        let (first, place) = &run[0];
        if device.replace((&first.user, &first.device)) != Some((&first.user, &first.device)) {
            let (user, id) = (shown(&first.user), shown(&first.device));
            writeln!(out, "\n{}  {}", terminal_safe(&user), terminal_safe(&id))?;
        }
        let time = first.at.seconds().map_or("no time".to_owned(), iso_time);
        let mark = if first.failed { '!' } else { ' ' };
        let said = terminal_safe(&first.said);
        let command = shown(&first.command);
        let taken = first
            .time_taken_ms
            .map_or(String::new(), |ms| format!(", {ms} ms"));
        writeln!(
            out,
            "{mark} {time}  {:<14} {said}{taken}  [{}]  {}",
            terminal_safe(&command),
            first.class,
            terminal_safe(&shown(&first.server)),
        )?;
        raw(first, place, no_raw, out)?;
        if let [_, .., (last, place)] = run {
            let time = last.at.seconds().map_or("no time".to_owned(), iso_time);
            writeln!(
                out,
                "    the same {} times more, until {time}",
                run.len() - 1
            )?;
            raw(last, place, no_raw, out)?;
        }
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
fn sheet(steps: &[(Kept, String)], report: &Report) -> Sheet {
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
        .map(|(kept, place)| {
            vec![
                kept.at.seconds().map_or(Value::Null, Value::Time),
                text(shown(&kept.user)),
                text(shown(&kept.device)),
                text(shown(&kept.server)),
                text(shown(&kept.command)),
                text(kept.said.clone()),
                Value::Text(kept.class.to_owned()),
                kept.time_taken_ms
                    .map_or(Value::Null, |ms| Value::Number(ms as i64)),
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
            column("class", "Class", Measure::Text),
            column("time_taken_ms", "Time taken (ms)", Measure::Count),
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
        values: vec![("requests", Value::Number(steps.total as i64))],
        sections: [steps].into_iter().chain(devices).collect(),
    }
}
