//! From facts to the sections of a report.
//!
//! Polars is the engine here, and only here: requests that are alike in kind become a row of a frame
//! of numbers, every section is a group-by over one of a few such frames, and texts take the place of
//! their numbers when a section is small. The ledger and the sections know nothing of each other and
//! are made at the same time.

mod changes;
mod compare;
mod devices;
mod findings;
mod frame;
mod kinds;
mod section;
mod specs;
mod texts;

use polars::prelude::PolarsError;
use rayon::prelude::*;

use crate::facts::{Facts, counted_once};
use crate::ingest::Ingested;
use crate::report::{Measure, Meta, Report, Section, Totals};
use crate::triage::{Findings, Limits};
pub use changes::{Earlier, changes};
pub use compare::compare;
use frame::Frames;
pub use specs::ANALYSES;

/// What to make of what was read.
pub struct Options<'o> {
    /// The filters, as they were typed.
    pub filters: Vec<(String, String)>,
    /// What findings there are.
    pub findings: &'o Findings,
    /// How many requests are too many.
    pub limits: Limits,
    /// How many devices are written out: in the ledger, in other sections that list devices, and in each
    /// finding; none for all.
    pub devices: Option<usize>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            filters: Vec::new(),
            findings: Findings::built_in(),
            limits: Limits::default(),
            devices: None,
        }
    }
}

/// Makes the report of what was read.
///
/// # Errors
/// If polars refuses an expression, which would be a fault of this program.
pub fn analyse(ingested: Ingested, options: Options<'_>) -> Result<Report, PolarsError> {
    let counted = counted_once(&ingested.facts);
    let ((ledger, matches), tables) = rayon::join(
        || {
            options
                .findings
                .find(&ingested.facts, &counted, options.limits)
        },
        || tables(&ingested, &counted, options.devices),
    );
    let (frames, tables) = tables?;
    let source = devices::Source {
        ingested: &ingested,
        texts: &frames.texts,
        findings: options.findings.advice(),
    };
    let (findings, devices) = rayon::join(
        || findings::findings(&source, &ledger, matches, options.devices),
        || devices::devices(&source, &ledger, options.devices),
    );
    let mut sections = vec![devices::verdicts(&ledger), devices];
    sections.extend(tables);
    let (broken_devices, broken_users) = devices::broken(&ledger);
    let totals = Totals {
        broken_devices,
        broken_users,
        ..frames.totals
    };
    let meta = Meta {
        filters: options.filters,
        period: period(&ingested.facts),
        zone: None,
    };
    if meta.period.is_none() {
        without_never(&mut sections);
    }
    let Ingested { facts, quality, .. } = ingested;
    let counts = facts.counts;
    // Nobody needs to wait until so much memory is given back.
    rayon::spawn(|| drop((facts, ledger)));
    Ok(Report {
        meta,
        quality,
        counts,
        totals,
        changes: None,
        days: Vec::new(),
        findings,
        sections,
    })
}

/// Where the lines tell no day, no moment says that a thing never came.
fn without_never(sections: &mut [Section]) {
    for column in sections.iter_mut().flat_map(|section| &mut section.columns) {
        if column.measure == Measure::Ever {
            column.measure = Measure::Time;
        }
    }
}

/// The frames of facts, and the sections that are made of them.
fn tables<'f>(
    ingested: &'f Ingested,
    counted: &[u64],
    devices: Option<usize>,
) -> Result<(Frames<'f>, Vec<Section>), PolarsError> {
    let frames = Frames::new(ingested, counted)?;
    let sections = ANALYSES
        .par_iter()
        .map(|analysis| section::build(analysis, &frames, ingested, devices))
        .collect::<Result<_, _>>()?;
    Ok((frames, sections))
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
