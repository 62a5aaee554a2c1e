//! `devices`: the ledger, as a list to hand to somebody.

use std::cmp::Ordering;

use anyhow::{Context, bail};

use super::args::DevicesArgs;
use super::exit::Outcome;
use super::output::Target;
use super::plan::Plan;
use super::read::{Read, findings, limits, read};
use crate::analysis::{Options, analyse};
use crate::render::{csv_files, write_sheet_json, write_sheet_text};
use crate::report::{Section, Sheet, Value};
use crate::triage::{Findings, Verdict};

pub(super) fn run(args: &DevicesArgs) -> anyhow::Result<Outcome> {
    let plan = Plan::new(&args.read)?;
    let more = findings(&args.triage)?;
    let known = more.as_ref().unwrap_or_else(|| Findings::built_in());
    for id in &args.finding {
        if !known.ids().contains(&id.as_str()) {
            bail!(
                "--finding {id}: no finding has that id; `eas-log-report PATH` names those there are"
            );
        }
    }
    let target = Target::table(&args.output)?;
    let Read { ingested, in_part } = read(&args.input.paths, &plan, &args.read)?;
    let options = Options {
        filters: plan.filters,
        findings: known,
        limits: limits(&args.triage),
        devices: None,
    };
    let mut report = analyse(ingested, options).context("cannot analyse")?;
    let at = report
        .sections
        .iter()
        .position(|section| section.id == "devices");
    let mut section = report
        .sections
        .swap_remove(at.context("the report has no ledger")?);
    let all = section.total;
    keep(&mut section, args);
    sort(&mut section, args)?;
    let sheet = sheet(section, all, &report.meta.filters);
    let rows = args.output.rows();
    target.write(
        |options, out| write_sheet_text(&sheet, options, out),
        |out| write_sheet_json(&sheet, rows, out),
        || csv_files(&sheet.sections, None, rows),
    )?;
    Ok(Outcome::of(in_part))
}

fn sheet(section: Section, all: usize, filters: &[(String, String)]) -> Sheet {
    let filters: Vec<String> = filters
        .iter()
        .map(|(option, value)| format!("only --{option} {value}"))
        .collect();
    let shown = section.total;
    Sheet {
        kind: "devices",
        title: format!("{shown} of {all} devices"),
        notes: filters,
        values: vec![
            ("devices", Value::Number(all as i64)),
            ("selected", Value::Number(shown as i64)),
        ],
        sections: vec![section],
    }
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
        let broken =
            !args.broken || Verdict::from_name(&verdict).is_some_and(|verdict| !verdict.is_well());
        of_verdict && of_finding && broken
    });
    section.total = section.rows.len();
}

/// Sorts by a column: numbers and times the greatest first, texts in order, nothing last.
fn sort(section: &mut Section, args: &DevicesArgs) -> anyhow::Result<()> {
    let Some(key) = &args.sort else { return Ok(()) };
    let Some(column) = section.column(key) else {
        let keys: Vec<&str> = section.columns.iter().map(|column| column.key).collect();
        bail!("--sort {key}: expected one of {}", keys.join(", "));
    };
    section.rows.sort_by(|a, b| match (&a[column], &b[column]) {
        (Value::Number(a), Value::Number(b)) | (Value::Time(a), Value::Time(b)) => b.cmp(a),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Greater,
        (_, Value::Null) => Ordering::Less,
        // A column holds values of one kind.
        _ => Ordering::Equal,
    });
    Ok(())
}
