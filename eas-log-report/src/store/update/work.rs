//! Sources that are being read, and what came of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Summary;
use crate::ingest::{Continued, MALFORMED_KEPT, Part};
use crate::store::Store;
use crate::store::manifest::{DayCounts, Holding, SourceEntry, Stamp};
use crate::store::print::Print;
use crate::store::zone::day_name;

/// What more of a file was read.
pub(super) struct More {
    pub(super) continued: Continued,
    pub(super) print: Print,
    /// Whether it does not end with a line break.
    pub(super) mid_line: bool,
    /// The error that ended the reading.
    pub(super) error: Option<String>,
}

/// A source that is being read.
pub(super) struct Work {
    /// Its number, if the store has it.
    pub(super) id: Option<u32>,
    /// Whether it is read from its start, and takes the place of what the store has.
    pub(super) anew: bool,
    pub(super) entry: SourceEntry,
    /// What more it says of each day.
    pub(super) parts: BTreeMap<String, Part>,
    /// Days whose open runs are no longer open.
    pub(super) open_before: BTreeSet<String>,
    pub(super) changed: bool,
}

/// What came of a chain.
#[derive(Default)]
pub(super) struct Chain {
    pub(super) works: Vec<Work>,
    pub(super) looks: Vec<NewLook>,
    pub(super) withdrawn: BTreeSet<u32>,
    pub(super) summary: Summary,
}

/// What a path holds now: the number of a work of the chain.
pub(super) struct NewLook {
    pub(super) name: String,
    pub(super) stamp: Stamp,
    pub(super) holds: Holds,
    pub(super) waits: bool,
    pub(super) before: Vec<Holding>,
}

pub(super) enum Holds {
    /// All of a work, or as much of it as was held before or is now.
    Work(usize, Option<Holding>),
    Skipped(String),
}

impl Chain {
    /// The number of a work that is begun.
    pub(super) fn push(&mut self, work: Work) -> usize {
        self.works.push(work);
        self.works.len() - 1
    }

    /// Drops the work that was begun last if nothing came of it.
    pub(super) fn drop_empty(&mut self) {
        self.works.pop_if(|work| work.entry.print.bytes == 0);
    }
}

impl Work {
    pub(super) fn new(name: &str) -> Work {
        Work {
            id: None,
            anew: false,
            entry: SourceEntry {
                name: name.to_owned(),
                ..SourceEntry::default()
            },
            parts: BTreeMap::new(),
            open_before: BTreeSet::new(),
            changed: false,
        }
    }

    /// The parts with runs that may go on.
    pub(super) fn open_parts(&self, store: &Store) -> anyhow::Result<Vec<Part>> {
        let mut open = Vec::new();
        for day in &self.entry.open_days {
            // If this work has read of the day, it has the latest.
            if let Some(part) = self.parts.get(day) {
                open.push(part.clone());
            } else if let Some(id) = self.id
                && let Some(part) = store.parts(day, &|_| 0)?.remove(&id)
            {
                open.push(part);
            }
        }
        Ok(open)
    }

    /// Takes in what more was read.
    pub(super) fn take(&mut self, more: More) {
        let More {
            continued,
            print,
            mid_line,
            error,
        } = more;
        self.changed = true;
        let entry = &mut self.entry;
        self.open_before.extend(entry.open_days.drain(..));
        for part in self.parts.values_mut() {
            part.open.clear();
        }
        entry.set_tally(&(entry.tally() + continued.tally));
        entry.print = print;
        entry.mid_line = mid_line;
        entry.set_header(&continued.header);
        entry.period = match (entry.period, continued.period) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        entry.bad_values += continued.bad_values;
        entry.not_told_apart += continued.not_told_apart;
        let room = MALFORMED_KEPT.saturating_sub(entry.malformed.len());
        let malformed = continued.malformed.iter().take(room).map(Into::into);
        entry.malformed.extend(malformed);
        entry.error = error;
        for (day, part) in continued.parts {
            let day = day_name(day);
            let counts = DayCounts::of(&part.facts.counts);
            entry.days.entry(day.clone()).or_default().add(counts);
            if !part.open.is_empty() {
                entry.open_days.push(day.clone());
            }
            self.parts.entry(day).or_default().add(&part);
        }
    }
}
