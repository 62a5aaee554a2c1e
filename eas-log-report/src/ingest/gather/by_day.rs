//! The facts of one file, each day's apart.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use eas_log_parse::Record;

use super::Gatherer;
use crate::facts::{Facts, Found, Open, Place};
use crate::ingest::Filter;

/// Where days begin.
pub trait Days: Sync {
    /// The day of a time, as days since 1970-01-01, and the times of that day.
    fn day_of(&self, time: i64) -> (i32, Range<i64>);
}

/// What of an entity may go on when the file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOf {
    /// Who, by the number of the entity.
    pub entity: u32,
    /// What may go on.
    pub open: Open,
}

/// What a file says of one day.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The facts, without what may go on.
    pub facts: Facts,
    /// What began on this day and may go on.
    pub open: Vec<OpenOf>,
}

impl Part {
    /// Adds what more of the same file says of the day. What may go on of it takes the place of
    /// what might have here.
    pub fn add(&mut self, more: &Part) {
        let entities = self.facts.merge(&more.facts);
        self.open = more
            .open
            .iter()
            .map(|open| OpenOf {
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
        for OpenOf { entity, open } in self.open {
            if let Open::SyncKeyRun(run) = open {
                self.facts.take_found(entity, Found::SyncKeyRun(run));
            }
        }
        self.facts
    }
}

/// What a gatherer knows of other days than the one in hand.
pub(super) struct ByDay<'f> {
    days: &'f dyn Days,
    /// The day in hand; `None` for lines that tell no time.
    day: Option<i32>,
    /// The times of the day in hand.
    span: Range<i64>,
    /// The sums of the other days.
    others: HashMap<Option<i32>, Facts>,
    /// What was found of entities when another day was in hand than the one it began on.
    strays: Vec<(u32, Found)>,
    /// Times of the first and the last record.
    period: Option<(i64, i64)>,
}

impl ByDay<'_> {
    /// Takes what was found if it began on another day than the one in hand.
    pub(super) fn take(&mut self, entity: u32, found: Found) -> bool {
        let strays = !self.span.contains(&found.at().time);
        if strays {
            self.strays.push((entity, found));
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

/// What lies more seconds than this before the last line does not go on. Nothing goes on for more than
/// a minute, and logs are written in the order in which requests end, give or take the buffers of a
/// server.
const OPEN_S: i64 = 3600;

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

    /// Goes on with what was open of what was read before of the file.
    pub(in crate::ingest) fn resume<'p>(&mut self, parts: impl IntoIterator<Item = &'p Part>) {
        let mut all = Vec::new();
        for part in parts {
            let mut named = part.facts.clone();
            named.swap_sums(&mut Facts::default());
            let (named, numbers) = named.compacted(part.open.iter().map(|open| open.entity));
            let entities = self.gatherer.facts.merge(&named);
            all.extend(part.open.iter().map(|open| OpenOf {
                entity: entities[numbers[open.entity as usize] as usize],
                ..*open
            }));
        }
        self.gatherer.follow_all();
        all.sort_by_key(|of| of.open.last().place);
        for OpenOf { entity, open } in all {
            self.gatherer.devices[entity as usize].followed.resume(open);
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
        let strays = std::mem::take(&mut by_day.strays);
        let mut ended: BTreeMap<Option<i32>, Vec<(u32, Found)>> = BTreeMap::new();
        let mut open: BTreeMap<Option<i32>, Vec<OpenOf>> = BTreeMap::new();
        let mut end = |entity, found: Found| {
            let day = by_day.day_of(found.at().seconds()).0;
            ended.entry(day).or_default().push((entity, found));
        };
        for (entity, found) in strays {
            end(entity, found);
        }
        for (entity, device) in (0..).zip(devices) {
            for of_device in device.followed.open() {
                if of_device.last().time >= latest.saturating_sub(OPEN_S) {
                    let day = by_day.day_of(of_device.first().seconds()).0;
                    let open = open.entry(day).or_default();
                    open.push(OpenOf {
                        entity,
                        open: of_device,
                    });
                } else if let Open::SyncKeyRun(run) = of_device {
                    end(entity, Found::SyncKeyRun(run));
                }
            }
        }
        let mut sums = Facts::default();
        facts.swap_sums(&mut sums);
        by_day.others.insert(by_day.day, sums);
        for day in ended.keys().chain(open.keys()) {
            by_day.others.entry(*day).or_default();
        }
        let mut parts = BTreeMap::new();
        for (day, mut sums) in by_day.others {
            let ended = ended.remove(&day).unwrap_or_default();
            let mut open = open.remove(&day).unwrap_or_default();
            facts.swap_sums(&mut sums);
            for (entity, found) in ended {
                facts.take_found(entity, found);
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
