//! The ledger: a row for each device, from all facts.

use eas_log_parse::codes::Class;
use rayon::prelude::*;

use super::busiest::busiest;
use super::calendar::{Calendar, Days, EPISODE};
use super::device::Device;
use super::history::{Event, History, Resync};
use super::rules::{Limits, decide};
use crate::facts::{Add, Cell, CellKey, Facts, Gauge, NONE, ResyncKey, TextId};

/// A row for each device of each user.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The rows, in no order.
    pub devices: Vec<Device>,
}

/// What of the facts belongs to which row. Each list is in the order of rows.
struct Sorted {
    /// For each row its entities: the one that names it first.
    rows: Vec<Vec<u32>>,
    /// Numbers of cells by entity.
    cells: ByEntity,
    served: ByEntity,
    days: ByEntity,
    troubles: ByEntity,
    busy: ByEntity,
    resyncs: ByEntity,
}

/// Numbers of things in the order of their entities.
struct ByEntity {
    starts: Vec<u32>,
    numbers: Vec<u32>,
}

impl ByEntity {
    fn new(entities: usize, of: impl ExactSizeIterator<Item = u32> + Clone) -> ByEntity {
        let mut starts = vec![0u32; entities + 1];
        for entity in of.clone() {
            starts[entity as usize + 1] += 1;
        }
        for entity in 0..entities {
            starts[entity + 1] += starts[entity];
        }
        let mut next = starts.clone();
        let mut numbers = vec![0; of.len()];
        for (number, entity) in of.enumerate() {
            let place = &mut next[entity as usize];
            numbers[*place as usize] = number as u32;
            *place += 1;
        }
        ByEntity { starts, numbers }
    }

    fn of<'s>(&'s self, entities: &'s [u32]) -> impl Iterator<Item = usize> + use<'s> {
        entities.iter().flat_map(|&entity| {
            let range = self.starts[entity as usize]..self.starts[entity as usize + 1];
            self.numbers[range.start as usize..range.end as usize]
                .iter()
                .map(|&number| number as usize)
        })
    }
}

impl Ledger {
    /// Makes the ledger. `counted` tells of each cell how many of its requests count, the span is
    /// that of all requests, `tag` gives the tags of a device.
    pub(crate) fn new(
        facts: &Facts,
        counted: &[u64],
        limits: &Limits,
        (begin, end): (i64, i64),
        tag: impl Fn(&History<'_>, &Device) -> Vec<u32> + Sync,
    ) -> Ledger {
        let sorted = Sorted::new(facts);
        let cells: Vec<_> = facts.cells.iter().collect();
        let served: Vec<_> = facts.served.iter().collect();
        let days: Vec<_> = facts.days.iter().collect();
        let troubles: Vec<_> = facts.troubles.iter().collect();
        let busy: Vec<_> = facts.busy.iter().collect();
        let resyncs: Vec<_> = facts.resyncs.iter().collect();
        let devices = sorted
            .rows
            .par_iter()
            .filter_map(|entities| {
                let named = facts.entities()[entities[0] as usize];
                let events: Vec<Event<'_>> = sorted
                    .cells
                    .of(entities)
                    .map(|number| {
                        let (key, cell) = cells[number];
                        Event {
                            key: *key,
                            cell,
                            outcome: &facts.outcomes()[key.outcome as usize],
                            judgement: facts.judgement(key.outcome),
                            counted: counted[number],
                        }
                    })
                    .collect();
                if !is_a_device(&events, named.user == NONE, named.device == NONE) {
                    return None;
                }
                let mut history = History {
                    facts,
                    user: named.user,
                    device: named.device,
                    events,
                    servers: servers(sorted.served.of(entities).map(|n| served[n].0.server)),
                    calendar: Calendar::default(),
                    gauge: gauge(facts, entities),
                    busiest_minute: busiest(sorted.busy.of(entities).map(|n| busy[n])),
                    resyncs: folders(sorted.resyncs.of(entities).map(|n| resyncs[n])),
                    begin,
                    end,
                    worked: None,
                    access: None,
                };
                history.find_worked();
                history.find_access();
                let borrowed = |number: usize| (*days[number].0, days[number].1);
                let trouble = |number: usize| (*troubles[number].0, troubles[number].1);
                history.calendar = Days {
                    days: sorted.days.of(entities).map(borrowed).collect(),
                    troubles: sorted.troubles.of(entities).map(trouble).collect(),
                    has_backs: history.has_backs(),
                    least_quarters: least_quarters(&history),
                }
                .read();
                let seen = history.seen()?;
                let (verdict, ruling) = decide(&history, limits)?;
                let mut device = Device::new(&history, verdict, &ruling, seen);
                device.tags = tag(&history, &device);
                Some(device)
            })
            .collect();
        Ledger { devices }
    }
}

/// Whether requests without a user or without a device id are worth a row: only if they failed in a
/// way that says something, or if nobody ever got further.
fn is_a_device(events: &[Event<'_>], no_user: bool, no_device: bool) -> bool {
    if no_device {
        return !no_user && events.iter().any(|event| event.judgement.decisive);
    }
    !no_user
        || events
            .iter()
            .any(|event| event.judgement.class != Class::Challenge)
}

/// How long failures must go on to be an episode: an hour where they are refusals of a device that
/// provisions, since such rounds are normal, however many refusals each has.
fn least_quarters(history: &History<'_>) -> i64 {
    let rounds = history.failures_but_rounds() < EPISODE && history.provisions().next().is_some();
    if rounds { 4 } else { 0 }
}

fn gauge(facts: &Facts, entities: &[u32]) -> Gauge {
    let mut gauge = Gauge::default();
    for &entity in entities {
        gauge.add(facts.gauge(entity), |text| text);
    }
    gauge
}

/// The servers that logged requests, each once.
fn servers(servers: impl Iterator<Item = TextId>) -> Vec<TextId> {
    let mut servers: Vec<TextId> = servers.filter(|&server| server != NONE).collect();
    servers.sort_unstable();
    servers.dedup();
    servers
}

/// The folders that were synchronized from the start, on each day.
fn folders<'f>(resyncs: impl Iterator<Item = (&'f ResyncKey, &'f Cell)>) -> Vec<Resync> {
    let mut folders: Vec<((u64, i32), Cell)> = Vec::new();
    for (key, cell) in resyncs {
        let key = (key.folder, key.day);
        match folders.iter_mut().find(|(other, _)| *other == key) {
            Some((_, sum)) => sum.add(cell),
            None => folders.push((key, *cell)),
        }
    }
    let resync = |(_, cell): (_, Cell)| Resync {
        requests: cell.requests,
        first: cell.first,
        last: cell.last,
    };
    folders.into_iter().map(resync).collect()
}

impl Sorted {
    fn new(facts: &Facts) -> Sorted {
        let entities = facts.entities().len();
        let list = |of: Vec<u32>| ByEntity::new(entities, of.into_iter());
        let identity = |(key, _): (&CellKey, &Cell)| facts.entity_of(key.identity);
        Sorted {
            rows: rows(facts),
            cells: list(facts.cells.iter().map(identity).collect()),
            served: list(facts.served.iter().map(|(key, _)| key.entity).collect()),
            days: list(facts.days.iter().map(|(key, _)| key.entity).collect()),
            troubles: list(facts.troubles.iter().map(|(key, _)| key.entity).collect()),
            busy: list(facts.busy.iter().map(|(key, _)| key.entity).collect()),
            resyncs: list(facts.resyncs.iter().map(|(key, _)| key.entity).collect()),
        }
    }
}

/// The entities of each row. Requests of a device that name no user are those of its only user.
fn rows(facts: &Facts) -> Vec<Vec<u32>> {
    let entities = facts.entities();
    // For each device the entity of its user, if there is but one.
    let mut users: Vec<Option<Option<u32>>> = vec![None; facts.texts.devices.keys().len()];
    for (number, entity) in (0..).zip(entities) {
        if entity.user != NONE && entity.device != NONE {
            let only = &mut users[entity.device as usize];
            *only = Some(only.map_or(Some(number), |_| None));
        }
    }
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); entities.len()];
    for (number, entity) in (0..).zip(entities) {
        let row = match entity.device {
            NONE => number,
            device => match users[device as usize] {
                Some(Some(only)) if entity.user == NONE => only,
                _ => number,
            },
        };
        let row = &mut rows[row as usize];
        row.push(number);
        // The one that names the row goes first.
        if entity.user != NONE {
            let last = row.len() - 1;
            row.swap(0, last);
        }
    }
    rows.retain(|row| !row.is_empty());
    rows
}
