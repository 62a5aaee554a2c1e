//! From facts to the sections of a report.
//!
//! Polars is the engine here, and only here: the facts become two frames of numbers, every section
//! is a group-by over one of them, and texts take the place of their numbers when a section is
//! small.

mod frame;
mod section;
mod specs;

use polars::prelude::PolarsError;

use crate::facts::Facts;
use crate::ingest::Ingested;
use crate::report::{Meta, Report};
use frame::Frames;
pub use specs::ANALYSES;

/// Makes the report of what was read.
///
/// # Errors
/// If polars refuses an expression, which would be a fault of this program.
pub fn analyse(ingested: Ingested, filters: Vec<(String, String)>) -> Result<Report, PolarsError> {
    let frames = Frames::new(&ingested)?;
    let sections = ANALYSES
        .iter()
        .map(|spec| section::build(spec, &frames, &ingested))
        .collect::<Result<Vec<_>, _>>()?;
    let totals = frames.totals(ingested.facts.counts.requests)?;
    let meta = Meta {
        filters,
        period: period(&ingested.facts),
    };
    let Ingested { facts, quality, .. } = ingested;
    Ok(Report {
        meta,
        quality,
        counts: facts.counts,
        totals,
        sections,
    })
}

/// Time of the first and of the last request.
fn period(facts: &Facts) -> Option<(i64, i64)> {
    let first = facts
        .cells
        .iter()
        .filter_map(|(_, cell)| cell.first.seconds())
        .min()?;
    let last = facts
        .cells
        .iter()
        .filter_map(|(_, cell)| cell.last.seconds())
        .max()?;
    Some((first, last))
}
