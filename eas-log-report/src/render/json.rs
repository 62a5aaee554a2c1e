//! JSON: one object, for programs. The README describes it.

use std::io::{self, Write};

use eas_log_parse::{FaultKind, Tally};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, json};

use super::time::iso_time;
use crate::ingest::FileQuality;
use crate::report::{Changes, Finding, Report, Row, SCHEMA, Section, Value};

/// Writes a report as JSON. `top` limits the rows of each section.
///
/// # Errors
/// If the output cannot be written.
pub fn write_json(report: &Report, top: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let whole = Whole {
        schema: SCHEMA,
        meta: meta(report),
        input: input(report),
        totals: totals(report),
        changes: report.changes.as_ref(),
        findings: &report.findings,
        sections: Sections {
            sections: &report.sections,
            top,
        },
    };
    serde_json::to_writer_pretty(&mut *out, &whole)?;
    out.write_all(b"\n")
}

/// The parts that are small are made as values; the sections, which may have a row for every
/// device, are written row by row.
#[derive(Serialize)]
struct Whole<'r> {
    schema: &'static str,
    meta: serde_json::Value,
    input: serde_json::Value,
    totals: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<&'r Changes>,
    findings: &'r [Finding],
    sections: Sections<'r>,
}

fn meta(report: &Report) -> serde_json::Value {
    let meta = &report.meta;
    let filters: Vec<_> = meta
        .filters
        .iter()
        .map(|(option, value)| json!({ "option": option, "value": value }))
        .collect();
    json!({
        "tool": env!("CARGO_PKG_NAME"),
        "version": env!("CARGO_PKG_VERSION"),
        "first_seen": meta.period.map(|(first, _)| iso_time(first)),
        "last_seen": meta.period.map(|(_, last)| iso_time(last)),
        "filters": filters,
    })
}

fn input(report: &Report) -> serde_json::Value {
    let quality = &report.quality;
    let mut input = Map::new();
    input.insert("files".into(), json!(quality.read().count()));
    input.extend(counts(
        &quality.tally(),
        quality.bytes(),
        quality.bad_values(),
    ));
    input.insert("not_told_apart".into(), json!(quality.not_told_apart()));
    input.insert(
        "per_file".into(),
        quality.files.iter().map(per_file).collect(),
    );
    input.into()
}

fn per_file(file: &FileQuality) -> serde_json::Value {
    let (state, message) = file.state.parts();
    let malformed: Vec<_> = file
        .malformed
        .iter()
        .map(|bad| json!({ "line": bad.line, "kind": bad.kind.name(), "what": bad.what }))
        .collect();
    let mut object = Map::new();
    object.insert("file".into(), json!(file.name));
    object.insert("state".into(), json!(state));
    object.insert("message".into(), json!(message));
    object.extend(counts(&file.tally, file.bytes, file.bad_values));
    object.insert("malformed_lines".into(), json!(malformed));
    object.into()
}

/// The counts that an input and each of its files have.
fn counts(tally: &Tally, bytes: u64, bad_values: u64) -> Map<String, serde_json::Value> {
    let by_kind: Map<_, _> = FaultKind::ALL
        .iter()
        .filter(|&&kind| tally.malformed_as(kind) > 0)
        .map(|&kind| (kind.name().to_owned(), json!(tally.malformed_as(kind))))
        .collect();
    [
        ("bytes", json!(bytes)),
        ("lines", json!(tally.lines())),
        ("blank", json!(tally.blank)),
        ("directives", json!(tally.directives)),
        ("records", json!(tally.records)),
        ("malformed", json!(tally.malformed())),
        ("malformed_by_kind", json!(by_kind)),
        ("bad_values", json!(bad_values)),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into_iter()
    .collect()
}

fn totals(report: &Report) -> serde_json::Value {
    let (totals, counts) = (&report.totals, &report.counts);
    json!({
        "requests": totals.requests,
        "logged_twice": totals.logged_twice,
        "failed_requests": totals.failed_requests,
        "challenges": totals.challenges,
        "users": totals.users,
        "devices": totals.devices,
        "non_provisionable_devices": totals.non_provisionable_devices,
        "blocked_devices": totals.blocked_devices,
        "broken_devices": totals.broken_devices,
        "broken_users": totals.broken_users,
        "filtered_out": counts.filtered_out,
        "probes": counts.probes,
        "internal": counts.internal,
        "other_records": counts.other,
    })
}

/// An object of arrays of flat objects, by section id.
pub(super) struct Sections<'r> {
    pub(super) sections: &'r [Section],
    pub(super) top: Option<usize>,
}

impl Serialize for Sections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.sections.iter().map(|section| {
            let shown = section.rows.len().min(self.top.unwrap_or(usize::MAX));
            (
                section.id,
                Rows {
                    section,
                    rows: &section.rows[..shown],
                },
            )
        }))
    }
}

struct Rows<'r> {
    section: &'r Section,
    rows: &'r [Row],
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|row| OneRow {
            section: self.section,
            row,
        }))
    }
}

struct OneRow<'r> {
    section: &'r Section,
    row: &'r Row,
}

impl Serialize for OneRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.row.len()))?;
        for (column, value) in self.section.columns.iter().zip(self.row) {
            match value {
                Value::Null => map.serialize_entry(column.key, &())?,
                Value::Text(text) => map.serialize_entry(column.key, text)?,
                Value::Number(number) => map.serialize_entry(column.key, number)?,
                Value::Time(seconds) => map.serialize_entry(column.key, &iso_time(*seconds))?,
            }
        }
        map.end()
    }
}
