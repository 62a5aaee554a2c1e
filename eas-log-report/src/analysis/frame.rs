//! The facts as frames of numbers.

use std::collections::HashMap;

use polars::prelude::*;

use super::kinds::{Kind, Kinds, Members};
use super::texts::{Dictionaries, Numbering, Shown, text, texts};
use crate::facts::{
    Add, Cell, Entity, Facts, FoldedTable, Identity, Moment, NONE, Place, Served, TextId,
    error_names,
};
use crate::ingest::Ingested;
use crate::report::Totals;

/// The facts as frames, and the texts that their numbers stand for.
pub(super) struct Frames<'f> {
    /// The kinds of requests, and who is in them.
    pub(super) kinds: Kinds,
    /// A row a kind of requests. Each counts once.
    pub(super) requests: DataFrame,
    /// A row a server: the requests that it logged. One that two servers logged counts for both.
    pub(super) logged: DataFrame,
    /// Who is in which row of these.
    pub(super) served: Members,
    /// A row a cell of requests that were refused: for want of provisioning, or as blocked.
    pub(super) refused: DataFrame,
    /// A row an hour.
    pub(super) hours: DataFrame,
    /// For each value of `error`, the names in it.
    pub(super) error_names: DataFrame,
    /// The lines that samples stand for, by their numbers.
    pub(super) samples: Vec<Place>,
    /// The numbers at the top of a report.
    pub(super) totals: Totals,
    pub(super) texts: Dictionaries<'f>,
}

/// What all requests of an outcome have in common, as frames show it.
struct OutcomeRow {
    command: Option<u32>,
    sc_status: Option<u32>,
    sc_substatus: Option<u32>,
    sc_win32_status: Option<i64>,
    eas_status: Option<u32>,
    error: Option<u32>,
    access_state: Option<u32>,
    access_reason: Option<u32>,
    failed: bool,
    provisioning: bool,
    blocked: bool,
    challenge: bool,
    working: bool,
}

fn id(id: TextId) -> Option<u32> {
    (id != NONE).then_some(id)
}

impl<'f> Frames<'f> {
    pub(super) fn new(ingested: &'f Ingested, counted: &[u64]) -> PolarsResult<Frames<'f>> {
        let facts = &ingested.facts;
        let (mut states, mut reasons) = (Numbering::default(), Numbering::default());
        let outcomes = outcome_rows(facts, &mut states, &mut reasons);
        let (kinds, hours) = rayon::join(|| Kinds::new(facts, counted), || hours(facts));
        let (logged, served) = logged(facts);
        let refused = refused(facts, counted, &outcomes);
        let firsts = kinds.iter().map(|(_, _, sum)| sum.first);
        let samples = in_order(firsts.chain(refused.iter().map(|row| row.cell.first)));
        let (error_names, names) = names_of_errors(&facts.texts.errors)?;
        let texts = Dictionaries {
            users: Shown::new(&facts.texts.users),
            devices: Shown::new(&facts.texts.devices),
            device_types: texts(facts.texts.device_types.keys()),
            user_agents: texts(&facts.texts.user_agents),
            commands: texts(&facts.texts.commands),
            errors: texts(facts.texts.errors.keys()),
            error_names: names,
            access_states: states.texts,
            access_reasons: reasons.texts,
            servers: texts(&facts.texts.servers),
        };
        Ok(Frames {
            requests: frame_of_kinds(&kinds, &outcomes, &samples)?,
            logged: logged?,
            served,
            refused: frame_of_refused(facts, &refused, &samples)?,
            hours: hours?,
            error_names,
            totals: totals(facts, &kinds, &outcomes),
            samples: samples.iter().map(|moment| moment.place).collect(),
            kinds,
            texts,
        })
    }
}

/// The numbers at the top of a report, as far as kinds of requests tell them.
fn totals(facts: &Facts, kinds: &Kinds, outcomes: &[OutcomeRow]) -> Totals {
    let of = |kind: &Kind| &outcomes[kind.outcome as usize];
    let sum = |which: fn(&OutcomeRow) -> bool| {
        let which = kinds.iter().filter(|(_, kind, _)| which(of(kind)));
        which.map(|(_, _, sum)| sum.requests).sum()
    };
    let numbers = |which: fn(&OutcomeRow) -> bool| -> Vec<u32> {
        let which = kinds
            .iter()
            .filter(|(_, kind, _)| kind.counts && which(of(kind)));
        which.map(|(number, ..)| number).collect()
    };
    let groups = [
        numbers(|_| true),
        numbers(|outcome| outcome.provisioning),
        numbers(|outcome| outcome.blocked),
    ];
    let (devices, users) = kinds.members.count(&groups);
    let requests = sum(|_| true);
    Totals {
        requests,
        failed_requests: sum(|outcome| outcome.failed),
        challenges: sum(|outcome| outcome.challenge),
        users: users[0] as u64,
        devices: devices[0] as u64,
        logged_twice: facts.counts.requests - requests,
        non_provisionable_devices: devices[1] as u64,
        blocked_devices: devices[2] as u64,
        ..Totals::default()
    }
}

/// Moments in order, each once: the number of one is its place among them, so that the least is the
/// first.
fn in_order(moments: impl Iterator<Item = Moment>) -> Vec<Moment> {
    let mut moments: Vec<Moment> = moments.collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

fn sample(moment: Moment, samples: &[Moment]) -> Option<u32> {
    let number = samples.binary_search(&moment).ok()?;
    Some(number as u32)
}

fn outcome_rows(facts: &Facts, states: &mut Numbering, reasons: &mut Numbering) -> Vec<OutcomeRow> {
    let texts = &facts.texts;
    let outcomes = facts.outcomes();
    outcomes
        .iter()
        .enumerate()
        .map(|(number, outcome)| {
            let judgement = facts.judgement(number as u32);
            // A state that is not known is shown as it stands.
            let (state, reason) = match (outcome.unknown_access(texts), outcome.access(texts)) {
                (Some(raw), _) => (Some(states.number(&text(raw))), None),
                (None, Some(access)) => (
                    Some(states.number(access.state.name())),
                    access.reason.map(|reason| reasons.number(reason.name())),
                ),
                (None, None) => (None, None),
            };
            OutcomeRow {
                command: id(outcome.command),
                sc_status: outcome.sc_status.map(u32::from),
                sc_substatus: outcome.sc_substatus.map(u32::from),
                sc_win32_status: outcome
                    .sc_win32_status
                    .map(|code| code.min(i64::MAX as u64) as i64),
                eas_status: outcome.eas_status.map(u32::from),
                error: id(outcome.error).map(|error| texts.errors.key_of(error)),
                access_state: state,
                access_reason: reason,
                failed: judgement.failed,
                provisioning: judgement.provisioning,
                blocked: judgement.blocked,
                challenge: judgement.challenge,
                working: judgement.working,
            }
        })
        .collect()
}

fn column<R, T>(rows: &[R], value: impl Fn(&R) -> T) -> Vec<T> {
    rows.iter().map(value).collect()
}

/// The frame of kinds of requests.
fn frame_of_kinds(
    kinds: &Kinds,
    outcomes: &[OutcomeRow],
    samples: &[Moment],
) -> PolarsResult<DataFrame> {
    let outcome = |kind: &Kind| &outcomes[kind.outcome as usize];
    let rows: Vec<_> = kinds
        .iter()
        .filter(|(_, kind, _)| kind.counts)
        .map(|(number, kind, sum)| (number, kind, sum, outcome(kind)))
        .collect();
    let requests = |cell: &Cell| cell.requests as i64;
    df!(
        "kind" => column(&rows, |row| row.0),
        "device_type" => column(&rows, |row| id(row.1.device_type)),
        "user_agent" => column(&rows, |row| id(row.1.user_agent)),
        "requests" => column(&rows, |row| requests(row.2)),
        "failed_requests" => column(&rows, |row| if row.3.failed { requests(row.2) } else { 0 }),
        "first_seen" => column(&rows, |row| row.2.first.seconds()),
        "last_seen" => column(&rows, |row| row.2.last.seconds()),
        "sample" => column(&rows, |row| sample(row.2.first, samples)),
        "command" => column(&rows, |row| row.3.command),
        "sc_status" => column(&rows, |row| row.3.sc_status),
        "sc_substatus" => column(&rows, |row| row.3.sc_substatus),
        "sc_win32_status" => column(&rows, |row| row.3.sc_win32_status),
        "eas_status" => column(&rows, |row| row.3.eas_status),
        "error" => column(&rows, |row| row.3.error),
        "access_state" => column(&rows, |row| row.3.access_state),
        "access_reason" => column(&rows, |row| row.3.access_reason),
        "failed" => column(&rows, |row| row.3.failed),
    )
}

/// The frame of servers, and who was served by each.
fn logged(facts: &Facts) -> (PolarsResult<DataFrame>, Members) {
    // Behind the servers, those lines that name none.
    let servers = facts.texts.servers.len();
    let row = |server: TextId| server.min(servers as u32);
    let mut sums = vec![Served::default(); servers + 1];
    for (key, served) in facts.served.iter() {
        sums[row(key.server) as usize].add(served);
    }
    let pairs = facts.served.iter();
    let pairs = pairs.map(|(key, _)| (key.entity, row(key.server)));
    let members = Members::new(facts, sums.len(), pairs);
    let logs = (0..).zip(&sums).filter(|(_, served)| served.requests > 0);
    let rows: Vec<(u32, &Served)> = logs.collect();
    let frame = df!(
        "kind" => column(&rows, |row| row.0),
        "server" => column(&rows, |row| (row.0 < servers as u32).then_some(row.0)),
        "requests" => column(&rows, |row| row.1.requests as i64),
        "failed_requests" => column(&rows, |row| row.1.failed as i64),
    );
    (frame, members)
}

/// Requests of one cell that were refused.
struct Refused<'f> {
    identity: Identity,
    cell: &'f Cell,
    outcome: &'f OutcomeRow,
    /// How many count.
    requests: u64,
    /// When the device last got through with more than asking what the server can, or provisioning.
    last_success: Option<i64>,
}

fn refused<'f>(facts: &'f Facts, counted: &[u64], outcomes: &'f [OutcomeRow]) -> Vec<Refused<'f>> {
    let mut last_success: Vec<Option<i64>> = vec![None; facts.entities().len()];
    let mut refused = Vec::new();
    for ((key, cell), &requests) in facts.cells.iter().zip(counted) {
        let outcome = &outcomes[key.outcome as usize];
        if requests == 0 {
            continue;
        }
        if outcome.working {
            let last = &mut last_success[facts.entity_of(key.identity) as usize];
            *last = cell.last.seconds().max(*last);
        }
        if outcome.provisioning || outcome.blocked {
            refused.push((key.identity, cell, outcome, requests));
        }
    }
    let named = |(identity, cell, outcome, requests)| Refused {
        identity: facts.identities()[identity as usize],
        cell,
        outcome,
        requests,
        last_success: last_success[facts.entity_of(identity) as usize],
    };
    refused.into_iter().map(named).collect()
}

fn frame_of_refused(
    facts: &Facts,
    rows: &[Refused<'_>],
    samples: &[Moment],
) -> PolarsResult<DataFrame> {
    let texts = &facts.texts;
    let key = |table: &FoldedTable, text| id(text).map(|text| table.key_of(text));
    df!(
        "user" => column(rows, |row| key(&texts.users, row.identity.user)),
        "device" => column(rows, |row| key(&texts.devices, row.identity.device)),
        "device_type" => column(rows, |row| key(&texts.device_types, row.identity.device_type)),
        "user_agent" => column(rows, |row| id(row.identity.user_agent)),
        "access_reason" => column(rows, |row| row.outcome.access_reason),
        "requests" => column(rows, |row| row.requests as i64),
        "first_seen" => column(rows, |row| row.cell.first.seconds()),
        "last_seen" => column(rows, |row| row.cell.last.seconds()),
        "last_success" => column(rows, |row| row.last_success),
        "sample" => column(rows, |row| sample(row.cell.first, samples)),
        "provisioning" => column(rows, |row| row.outcome.provisioning),
        "blocked" => column(rows, |row| row.outcome.blocked),
    )
}

/// The frame of hours. How many devices and users there were is counted over bits, since a row for
/// each of them in each hour would be the largest frame by far.
fn hours(facts: &Facts) -> PolarsResult<DataFrame> {
    let (devices, users) = rayon::join(
        || seen_by_hour(facts, |entity| entity.device),
        || seen_by_hour(facts, |entity| entity.user),
    );
    let (mut hour, mut seen_devices, mut seen_users) = (Vec::new(), Vec::new(), Vec::new());
    let (mut requests, mut failed) = (Vec::new(), Vec::new());
    for (&number, sum) in facts.hours.iter() {
        let seen = |by_day: &HashMap<i32, [i64; 24]>| {
            let number = number?;
            let hours = by_day.get(&number.div_euclid(24));
            Some(hours.map_or(0, |hours| hours[number.rem_euclid(24) as usize]))
        };
        hour.push(number.map(|number| i64::from(number) * 3600));
        requests.push(sum.requests.requests() as i64);
        failed.push(sum.failed.requests() as i64);
        seen_devices.push(seen(&devices));
        seen_users.push(seen(&users));
    }
    df!(
        "hour" => hour,
        "requests" => requests,
        "failed_requests" => failed,
        "devices" => seen_devices,
        "users" => seen_users,
    )
}

/// For each hour of each day, how many different texts of this kind were seen.
fn seen_by_hour(facts: &Facts, of: impl Fn(&Entity) -> TextId) -> HashMap<i32, [i64; 24]> {
    // Who above the day, whose sign does not matter to find what is alike.
    let key = |text: TextId, day: i32| u64::from(text) << 32 | u64::from(day.cast_unsigned());
    let mut days: Vec<(u64, u32)> = facts
        .days
        .iter()
        .map(|(key, day)| {
            (
                of(&facts.entities()[key.entity as usize]),
                key.day,
                day.seen,
            )
        })
        .filter(|&(text, ..)| text != NONE)
        .map(|(text, day, seen)| (key(text, day), seen))
        .collect();
    days.sort_unstable_by_key(|&(key, _)| key);
    let mut by_day: HashMap<i32, [i64; 24]> = HashMap::new();
    for same in days.chunk_by(|a, b| a.0 == b.0) {
        let seen = same.iter().fold(0, |seen, day| seen | day.1);
        let hours = by_day.entry(same[0].0 as u32 as i32).or_default();
        for (hour, many) in hours.iter_mut().enumerate() {
            *many += i64::from(seen >> hour & 1);
        }
    }
    by_day
}

/// For each value of `error` the names in it: usually one, sometimes several.
fn names_of_errors(errors: &FoldedTable) -> PolarsResult<(DataFrame, Vec<String>)> {
    let mut names = Numbering::default();
    let (mut error, mut error_name) = (Vec::new(), Vec::new());
    for (key, value) in errors.keys().iter().enumerate() {
        let mut numbers: Vec<u32> = error_names(value)
            .map(|name| names.number(&text(name)))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        for number in numbers {
            error.push(key as u32);
            error_name.push(number);
        }
    }
    Ok((
        df!("error" => error, "error_name" => error_name)?,
        names.texts,
    ))
}
