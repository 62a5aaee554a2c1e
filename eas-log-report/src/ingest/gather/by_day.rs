//! The facts of one file, each day's apart.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use eas_log_parse::Record;

use super::Gatherer;
use crate::facts::{BusyKey, Facts, OpenRuns, Place, Run, Stretch};
use crate::ingest::Filter;

/// Where days begin.
pub trait Days: Sync {
    /// The day of a time, as days since 1970-01-01, and the times of that day.
    fn day_of(&self, time: i64) -> (i32, Range<i64>);
}

/// What a run is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunKind {
    /// Requests within a minute.
    Minute,
    /// Synchronizations with one key.
    SyncKey,
}

impl RunKind {
    /// Takes in a run that has ended.
    #[inline]
    pub fn add(self, facts: &mut Facts, entity: u32, run: Run) {
        match self {
            RunKind::Minute => facts.add_minute_run(entity, run),
            RunKind::SyncKey => facts.add_sync_key_run(entity, run),
        }
    }
}

/// A run that may go on when the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// Who, by the number of the entity.
    pub entity: u32,
    /// What it is of.
    pub kind: RunKind,
    /// The run so far.
    pub run: Run,
}

/// What a file says of one day.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The facts, without the runs that may go on.
    pub facts: Facts,
    /// The runs that began on this day and may go on.
    pub open: Vec<Open>,
}

impl Part {
    /// Adds what more of the same file says of the day. Its open runs take the place of these.
    pub fn add(&mut self, more: &Part) {
        let entities = self.facts.merge(&more.facts);
        self.open = more
            .open
            .iter()
            .map(|open| Open {
                entity: entities[open.entity as usize],
                ..*open
            })
            .collect();
    }

    /// Whether it says no more than how many records there were.
    pub fn is_empty(&self) -> bool {
        let facts = &self.facts;
        facts.entities().is_empty() && facts.internal.is_empty() && facts.cells.is_empty()
    }

    /// The facts as if the file ended here.
    pub fn ended(mut self) -> Facts {
        for open in self.open {
            open.kind.add(&mut self.facts, open.entity, open.run);
        }
        self.facts
    }
}

/// A run that has ended, of an entity.
type Ended = (RunKind, u32, Run);

/// What a gatherer knows of other days than the one in hand.
pub(super) struct ByDay<'f> {
    days: &'f dyn Days,
    /// The day in hand; `None` for lines that tell no time.
    day: Option<i32>,
    /// The times of the day in hand.
    span: Range<i64>,
    /// The sums of the other days.
    others: HashMap<Option<i32>, Facts>,
    /// Runs that ended when another day was in hand than the one they began on.
    strays: Vec<Ended>,
    /// Times of the first and the last record.
    period: Option<(i64, i64)>,
}

impl ByDay<'_> {
    /// Takes a run if it began on another day than the one in hand.
    pub(super) fn take(&mut self, kind: RunKind, entity: u32, run: Run) -> bool {
        if kind == RunKind::Minute && run.length < BusyKey::LEAST {
            return true;
        }
        let strays = !self.span.contains(&run.start.time);
        if strays {
            self.strays.push((kind, entity, run));
        }
        strays
    }

    fn day_of(&self, time: Option<i64>) -> (Option<i32>, Range<i64>) {
        match time {
            Some(time) => {
                let (day, span) = self.days.day_of(time);
                (Some(day), span)
            }
            None => (None, 0..0),
        }
    }
}

/// A run whose start lies more seconds than this before the last line does not go on. Logs are
/// written in the order in which requests end, give or take the buffers of a server.
const OPEN_S: i64 = 86_400;

/// Gathers the facts of one file, each day's apart.
pub(in crate::ingest) struct DayGatherer<'f> {
    gatherer: Gatherer<'f>,
}

impl<'f> DayGatherer<'f> {
    pub(in crate::ingest) fn new(filter: &'f Filter, days: &'f dyn Days) -> DayGatherer<'f> {
        let mut gatherer = Gatherer::new(filter);
        gatherer.by_day = Some(Box::new(ByDay {
            days,
            day: None,
            span: 0..0,
            others: HashMap::new(),
            strays: Vec::new(),
            period: None,
        }));
        DayGatherer { gatherer }
    }

    /// Goes on with the open runs of what was read before of the file.
    pub(in crate::ingest) fn resume(&mut self, part: &Part) {
        let mut named = part.facts.clone();
        named.swap_sums(&mut Facts::default());
        let (named, numbers) = named.compacted(part.open.iter().map(|open| open.entity));
        let gatherer = &mut self.gatherer;
        let entities = gatherer.facts.merge(&named);
        gatherer
            .devices
            .resize(gatherer.facts.entities().len(), Default::default());
        for open in &part.open {
            let entity = entities[numbers[open.entity as usize] as usize];
            let runs: &mut OpenRuns = &mut gatherer.devices[entity as usize].runs;
            let stretch = Some(Stretch::of(open.run));
            match open.kind {
                RunKind::Minute => runs.minute = stretch,
                RunKind::SyncKey => runs.sync_key = stretch,
            }
        }
    }

    /// Values that did not have their form.
    pub(in crate::ingest) fn bad_values(&self) -> u64 {
        self.gatherer.bad_values
    }

    /// Requests of senders that were not told apart.
    pub(in crate::ingest) fn not_told_apart(&self) -> u64 {
        self.gatherer.not_told_apart
    }

    /// Times of the first and the last record, of any kind.
    pub(in crate::ingest) fn period(&self) -> Option<(i64, i64)> {
        self.gatherer.by_day.as_ref()?.period
    }

    /// Takes in one record, which stands at this place.
    pub(in crate::ingest) fn record(&mut self, record: &Record<'_, '_>, place: Place) {
        let bad_values = self.gatherer.bad_values;
        let time = self.gatherer.time(record);
        // The time is read again with the rest of the record, and counted there if it is bad.
        self.gatherer.bad_values = bad_values;
        self.turn_to(time);
        self.gatherer.record(record, place);
    }

    /// Takes the sums of a day in hand.
    fn turn_to(&mut self, time: Option<i64>) {
        let Some(by_day) = &mut self.gatherer.by_day else {
            return;
        };
        let in_hand = match time {
            Some(time) => {
                let (first, last) = by_day.period.unwrap_or((time, time));
                by_day.period = Some((first.min(time), last.max(time)));
                by_day.span.contains(&time)
            }
            None => by_day.day.is_none(),
        };
        if in_hand {
            return;
        }
        self.gatherer.add_up_all();
        let Some(by_day) = &mut self.gatherer.by_day else {
            return;
        };
        let (day, span) = by_day.day_of(time);
        let mut sums = by_day.others.remove(&day).unwrap_or_default();
        self.gatherer.facts.swap_sums(&mut sums);
        by_day.others.insert(by_day.day, sums);
        (by_day.day, by_day.span) = (day, span);
        self.gatherer.last_hour = None;
        self.gatherer.turn += 1;
    }

    /// What the file says of each day; `None` has the lines that tell no time.
    pub(in crate::ingest) fn finish(mut self) -> BTreeMap<Option<i32>, Part> {
        self.gatherer.add_up_all();
        let Gatherer {
            mut facts,
            devices,
            by_day,
            ..
        } = self.gatherer;
        let Some(mut by_day) = by_day else {
            return BTreeMap::new();
        };
        let latest = by_day.period.map_or(i64::MAX, |(_, last)| last);
        let mut runs: BTreeMap<Option<i32>, (Vec<Ended>, Vec<Open>)> = BTreeMap::new();
        for (kind, entity, run) in std::mem::take(&mut by_day.strays) {
            let day = by_day.day_of(run.start.seconds()).0;
            runs.entry(day).or_default().0.push((kind, entity, run));
        }
        for (entity, device) in (0..).zip(devices) {
            let stretches = [
                (RunKind::Minute, device.runs.minute),
                (RunKind::SyncKey, device.runs.sync_key),
            ];
            for (kind, stretch) in stretches {
                let Some(stretch) = stretch else { continue };
                let (last, before) = stretch.open_end();
                if let Some(run) = before {
                    let day = by_day.day_of(run.start.seconds()).0;
                    runs.entry(day).or_default().0.push((kind, entity, run));
                }
                let start = last.start.seconds();
                let (ended, open) = runs.entry(by_day.day_of(start).0).or_default();
                if start.is_some_and(|start| start >= latest.saturating_sub(OPEN_S)) {
                    let run = last;
                    open.push(Open { entity, kind, run });
                } else {
                    ended.push((kind, entity, last));
                }
            }
        }
        let mut sums = Facts::default();
        facts.swap_sums(&mut sums);
        by_day.others.insert(by_day.day, sums);
        for day in runs.keys() {
            by_day.others.entry(*day).or_default();
        }
        let mut parts = BTreeMap::new();
        for (day, mut sums) in by_day.others {
            let (ended, mut open) = runs.remove(&day).unwrap_or_default();
            facts.swap_sums(&mut sums);
            for (kind, entity, run) in ended {
                kind.add(&mut facts, entity, run);
            }
            let (compact, entities) = facts.compacted(open.iter().map(|open| open.entity));
            facts.swap_sums(&mut sums);
            for open in &mut open {
                open.entity = entities[open.entity as usize];
            }
            if compact.counts.records() > 0 || !compact.entities().is_empty() {
                let facts = compact;
                parts.insert(day, Part { facts, open });
            }
        }
        parts
    }
}
