//! `devices`: the ledger, as a list to hand to somebody.

use std::cmp::{Ordering, Reverse};

use anyhow::{Context, bail};

use super::args::DevicesArgs;
use super::exit::Outcome;
use super::output::Target;
use super::plan::Plan;
use super::read::{KnownFindings, Read, limits, read, tell_nothing};
use crate::analysis::{Options, analyse};
use crate::render::{csv_files, short_time, write_sheet_json, write_sheet_text};
use crate::report::{Section, Sheet, Value};
use crate::triage::Verdict;

pub(super) fn run(args: &DevicesArgs) -> anyhow::Result<Outcome> {
    let plan = Plan::new(&args.read)?;
    let findings = KnownFindings::read(&args.triage)?;
    for id in &args.finding {
        if !findings.get().ids().contains(&id.as_str()) {
            bail!(
                "--finding {id}: no finding has that id; `eas-log-report PATH` names those there are"
            );
        }
    }
    let target = Target::table(&args.output)?;
    let Read { ingested, in_part } = read(&args.input.paths, &plan, &args.read)?;
    let options = Options {
        filters: plan.filters,
        findings: findings.get(),
        limits: limits(&args.triage),
        devices: None,
    };
    let mut report = analyse(ingested, options).context("cannot analyse")?;
    tell_nothing(&report);
    let at = report
        .sections
        .iter()
        .position(|section| section.id == "devices");
    let mut section = report
        .sections
        .swap_remove(at.context("the report has no ledger")?);
    let all = section.total;
    keep(&mut section, args);
    let mut notes: Vec<String> = Vec::new();
    if let Some(days) = args.not_seen_for {
        let end = report.meta.period.map(|(_, end)| end);
        keep_unseen(&mut section, end, days);
        let end = end.map_or("the end".to_owned(), |end| {
            format!("{} UTC", short_time(end))
        });
        notes.push(format!("not seen in the {days} days before {end}"));
    }
    sort(&mut section, args)?;
    let mut for_people = Sheet {
        sections: vec![with_sorted_first(&section, args)],
        ..sheet(Vec::new(), section.total, all, &report.meta.filters, &notes)
    };
    if section.total < all {
        for_people.notes.extend(what_to_do(&section));
    }
    let shown = section.total;
    let sheet = sheet(vec![section], shown, all, &report.meta.filters, &notes);
    let rows = args.output.rows();
    target.write(
        |options, out| write_sheet_text(&for_people, options, out),
        |out| write_sheet_json(&sheet, rows, out),
        || csv_files(&sheet.sections, None, rows),
    )?;
    Ok(Outcome::of(in_part))
}

fn sheet(
    sections: Vec<Section>,
    shown: usize,
    all: usize,
    filters: &[(String, String)],
    notes: &[String],
) -> Sheet {
    let filters = filters
        .iter()
        .map(|(option, value)| format!("only --{option} {value}"))
        .chain(notes.iter().cloned())
        .collect();
    Sheet {
        kind: "devices",
        title: format!("{shown} of {all} devices"),
        notes: filters,
        values: vec![
            ("devices", Value::Number(all as i64)),
            ("selected", Value::Number(shown as i64)),
        ],
        sections,
    }
}

/// Who acts and the first step, for each finding that is the worst of one of the devices; the most
/// frequent first.
fn what_to_do(section: &Section) -> Vec<String> {
    /// More would hide the table.
    const MOST: usize = 5;
    let mut findings: Vec<(usize, [&str; 3])> = Vec::new();
    for row in &section.rows {
        let columns = ["finding", "who", "first_step"].map(|key| section.column(key));
        let texts = columns.map(|at| match at.map(|at| &row[at]) {
            Some(Value::Text(text)) => text.as_str(),
            _ => "",
        });
        if texts.contains(&"") {
            continue;
        }
        match findings.iter_mut().find(|(_, other)| *other == texts) {
            Some((devices, _)) => *devices += 1,
            None => findings.push((1, texts)),
        }
    }
    findings.sort_by_key(|&(devices, _)| Reverse(devices));
    let more = findings.len().saturating_sub(MOST);
    let mut notes: Vec<String> = findings
        .iter()
        .take(MOST)
        .map(|(devices, [finding, who, step])| format!("{devices} × {finding}. {who}: {step}"))
        .collect();
    if more > 0 {
        notes.push(format!("… and {more} more findings"));
    }
    notes
}

/// People see what the rows are sorted by, in the first column.
fn with_sorted_first(section: &Section, args: &DevicesArgs) -> Section {
    let mut section = section.clone();
    if let Some(at) = args.sort.as_deref().and_then(|key| section.column(key)) {
        section.columns[..=at].rotate_right(1);
        section.columns[0].detail = false;
        for row in &mut section.rows {
            row[..=at].rotate_right(1);
        }
    }
    section
}

/// Keeps the rows of devices that made no request in so many days before the end.
fn keep_unseen(section: &mut Section, end: Option<i64>, days: u32) {
    let last_seen = section.column("last_seen");
    section
        .rows
        .retain(|row| match (last_seen.map(|at| &row[at]), end) {
            (Some(Value::Time(last)), Some(end)) => last + i64::from(days) * 86_400 <= end,
            _ => false,
        });
    section.total = section.rows.len();
}

/// Keeps the rows that are asked for.
fn keep(section: &mut Section, args: &DevicesArgs) {
    let (verdict, findings) = (section.column("verdict"), section.column("findings"));
    let text = |row: &[Value], column: Option<usize>| match column.map(|at| &row[at]) {
        Some(Value::Text(text)) => text.clone(),
        _ => String::new(),
    };
    section.rows.retain(|row| {
        let verdict = text(row, verdict);
        let listed = text(row, findings);
        let of_verdict =
            args.verdict.is_empty() || args.verdict.iter().any(|wanted| wanted.name() == verdict);
        let of_finding = args.finding.is_empty()
            || listed
                .split("; ")
                .any(|id| args.finding.iter().any(|wanted| wanted == id));
        let broken = !args.broken || Verdict::from_name(&verdict).is_some_and(Verdict::is_broken);
        of_verdict && of_finding && broken
    });
    section.total = section.rows.len();
}

/// Sorts by a column: numbers and times the greatest first, texts in order, or the other way round;
/// nothing last.
fn sort(section: &mut Section, args: &DevicesArgs) -> anyhow::Result<()> {
    let Some(key) = &args.sort else { return Ok(()) };
    let Some(column) = section.column(key) else {
        let keys: Vec<&str> = section.columns.iter().map(|column| column.key).collect();
        bail!("--sort {key}: expected one of {}", keys.join(", "));
    };
    let turned = |order: Ordering| if args.reverse { order.reverse() } else { order };
    section.rows.sort_by(|a, b| match (&a[column], &b[column]) {
        (Value::Number(a), Value::Number(b)) | (Value::Time(a), Value::Time(b)) => turned(b.cmp(a)),
        (Value::Text(a), Value::Text(b)) => turned(a.cmp(b)),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        // A column holds values of one kind.
        _ => Ordering::Equal,
    });
    Ok(())
}
