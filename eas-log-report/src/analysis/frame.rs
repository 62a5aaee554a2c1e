//! The facts as frames of numbers.

use std::collections::HashMap;

use eas_log_parse::{Encoded, Escaped};
use polars::prelude::*;

use crate::facts::{
    Cell, Entity, Facts, FoldedTable, Moment, NONE, Place, TextId, TextTable, error_names,
};
use crate::ingest::Ingested;
use crate::report::Totals;

/// The facts as frames, and the texts that their numbers stand for.
pub(super) struct Frames {
    /// A row a cell: what happened to whom on which server. Requests count once.
    pub(super) requests: DataFrame,
    /// The same as logged: a request that two servers logged counts for both.
    pub(super) logged: DataFrame,
    /// A row an hour.
    pub(super) hours: DataFrame,
    /// For each value of `error`, the names in it.
    pub(super) error_names: DataFrame,
    /// The first line of each cell that has a `sample`, by its number.
    pub(super) samples: Vec<Place>,
    pub(super) texts: Dictionaries,
}

/// Texts by the numbers that stand for them in frames.
pub(super) struct Dictionaries {
    pub(super) users: Vec<String>,
    pub(super) devices: Vec<String>,
    pub(super) device_types: Vec<String>,
    pub(super) user_agents: Vec<String>,
    pub(super) commands: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) error_names: Vec<String>,
    pub(super) access_states: Vec<String>,
    pub(super) access_reasons: Vec<String>,
    pub(super) servers: Vec<String>,
}

/// Bytes from a log as text. What is not UTF-8 becomes an escape, so that different bytes stay
/// different.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => Escaped(bytes).to_string(),
    }
}

fn texts(table: &TextTable) -> Vec<String> {
    table.iter().map(text).collect()
}

/// For each key the text to show for it: of all texts that fold to it, the first in order.
fn shown(table: &FoldedTable) -> Vec<String> {
    let mut shown: Vec<Option<String>> = vec![None; table.keys().len()];
    for (id, raw) in table.texts().iter().enumerate() {
        let text = text(&Encoded::new(raw).decode());
        let shown = &mut shown[table.key_of(id as TextId) as usize];
        if shown.as_ref().is_none_or(|other| text < *other) {
            *shown = Some(text);
        }
    }
    shown.into_iter().map(Option::unwrap_or_default).collect()
}

/// Numbers for texts that are made here.
#[derive(Default)]
struct Numbering {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Numbering {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
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

impl Frames {
    pub(super) fn new(ingested: &Ingested, counted: &[u64]) -> PolarsResult<Frames> {
        let facts = &ingested.facts;
        let (mut states, mut reasons) = (Numbering::default(), Numbering::default());
        let outcomes = outcome_rows(facts, &mut states, &mut reasons);
        let (requests, samples) = requests(facts, &outcomes, |row, _| counted[row])?;
        let mut cells = facts.cells.iter().zip(counted);
        let logged = if cells.all(|((_, cell), &once)| cell.requests == once) {
            requests.clone()
        } else {
            super::frame::requests(facts, &outcomes, |_, cell| cell.requests)?.0
        };
        let (error_names, names) = names_of_errors(&facts.texts.errors)?;
        let texts = Dictionaries {
            users: shown(&facts.texts.users),
            devices: shown(&facts.texts.devices),
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
            requests,
            logged,
            hours: hours(facts)?,
            error_names,
            samples,
            texts,
        })
    }

    /// The numbers at the top of a report. `lines` is how many lines tell of a request.
    pub(super) fn totals(&self, lines: u64) -> PolarsResult<Totals> {
        let devices_if = |flag: &'static str| {
            col("device")
                .filter(col(flag))
                .drop_nulls()
                .n_unique()
                .alias(flag)
        };
        let sums = self
            .requests
            .clone()
            .lazy()
            .select([
                col("requests").sum(),
                col("failed_requests").sum(),
                col("requests")
                    .filter(col("challenge"))
                    .sum()
                    .alias("challenges"),
                col("user").drop_nulls().n_unique().alias("users"),
                col("device").drop_nulls().n_unique().alias("devices"),
                devices_if("provisioning"),
                devices_if("blocked"),
            ])
            .collect()?;
        let number = |name: &str| -> PolarsResult<u64> {
            Ok(sums
                .column(name)?
                .cast(&DataType::UInt64)?
                .u64()?
                .get(0)
                .unwrap_or(0))
        };
        let requests = number("requests")?;
        Ok(Totals {
            requests,
            failed_requests: number("failed_requests")?,
            challenges: number("challenges")?,
            users: number("users")?,
            devices: number("devices")?,
            logged_twice: lines - requests,
            non_provisionable_devices: number("provisioning")?,
            blocked_devices: number("blocked")?,
            ..Totals::default()
        })
    }
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

/// The frame of cells, and the lines that its samples stand for. `count` says how many requests of a
/// cell count; one without any is left out.
fn requests(
    facts: &Facts,
    outcomes: &[OutcomeRow],
    count: impl Fn(usize, &Cell) -> u64,
) -> PolarsResult<(DataFrame, Vec<Place>)> {
    let height = facts.cells.len();
    let (mut user, mut device) = (Vec::with_capacity(height), Vec::with_capacity(height));
    let (mut device_type, mut user_agent) =
        (Vec::with_capacity(height), Vec::with_capacity(height));
    let (mut server, mut outcome) = (Vec::with_capacity(height), Vec::with_capacity(height));
    let mut requests: Vec<i64> = Vec::with_capacity(height);
    let mut failed_requests: Vec<i64> = Vec::with_capacity(height);
    let (mut first, mut last) = (Vec::with_capacity(height), Vec::with_capacity(height));
    // Samples are numbered in the order of their moments, so that the least is the first.
    let mut moments: Vec<(Moment, usize)> = Vec::new();
    // Of requests that went well one line an outcome is enough.
    let mut first_of: Vec<Option<(Moment, usize)>> = vec![None; outcomes.len()];
    for (number, (key, cell)) in facts.cells.iter().enumerate() {
        let counted = count(number, cell) as i64;
        if counted == 0 {
            continue;
        }
        let row = requests.len();
        let identity = facts.identities()[key.identity as usize];
        let what = &outcomes[key.outcome as usize];
        user.push(id(identity.user).map(|user| facts.texts.users.key_of(user)));
        device.push(id(identity.device).map(|device| facts.texts.devices.key_of(device)));
        device_type.push(id(identity.device_type).map(|t| facts.texts.device_types.key_of(t)));
        user_agent.push(id(identity.user_agent));
        server.push(id(key.server));
        outcome.push(what);
        requests.push(counted);
        failed_requests.push(if what.failed { counted } else { 0 });
        first.push(cell.first.seconds());
        last.push(cell.last.seconds());
        if what.failed || what.provisioning || what.blocked {
            moments.push((cell.first, row));
        } else {
            let first = &mut first_of[key.outcome as usize];
            if first.is_none_or(|first| (cell.first, row) < first) {
                *first = Some((cell.first, row));
            }
        }
    }
    moments.extend(first_of.into_iter().flatten());
    moments.sort_unstable();
    let mut sample = vec![None; requests.len()];
    for (number, &(_, row)) in moments.iter().enumerate() {
        sample[row] = Some(number as u32);
    }
    let samples = moments
        .into_iter()
        .map(|(moment, _)| moment.place)
        .collect();

    fn flags(outcomes: &[&OutcomeRow], flag: fn(&OutcomeRow) -> bool) -> Vec<bool> {
        outcomes.iter().map(|row| flag(row)).collect()
    }
    fn numbers(outcomes: &[&OutcomeRow], n: fn(&OutcomeRow) -> Option<u32>) -> Vec<Option<u32>> {
        outcomes.iter().map(|row| n(row)).collect()
    }
    let win32: Vec<Option<i64>> = outcome.iter().map(|row| row.sc_win32_status).collect();
    let frame = df!(
        "user" => user,
        "device" => device,
        "device_type" => device_type,
        "user_agent" => user_agent,
        "server" => server,
        "requests" => requests,
        "failed_requests" => failed_requests,
        "first_seen" => first,
        "last_seen" => last,
        "sample" => sample,
        "command" => numbers(&outcome, |row| row.command),
        "sc_status" => numbers(&outcome, |row| row.sc_status),
        "sc_substatus" => numbers(&outcome, |row| row.sc_substatus),
        "sc_win32_status" => win32,
        "eas_status" => numbers(&outcome, |row| row.eas_status),
        "error" => numbers(&outcome, |row| row.error),
        "access_state" => numbers(&outcome, |row| row.access_state),
        "access_reason" => numbers(&outcome, |row| row.access_reason),
        "failed" => flags(&outcome, |row| row.failed),
        "provisioning" => flags(&outcome, |row| row.provisioning),
        "blocked" => flags(&outcome, |row| row.blocked),
        "challenge" => flags(&outcome, |row| row.challenge),
        "working" => flags(&outcome, |row| row.working),
    )?;
    Ok((frame, samples))
}

/// The frame of hours. How many devices and users there were is counted over bits, since a row for
/// each of them in each hour would be the largest frame by far.
fn hours(facts: &Facts) -> PolarsResult<DataFrame> {
    let devices = seen_by_hour(facts, |entity| entity.device);
    let users = seen_by_hour(facts, |entity| entity.user);
    let (mut hour, mut seen_devices, mut seen_users) = (Vec::new(), Vec::new(), Vec::new());
    let (mut requests, mut failed) = (Vec::new(), Vec::new());
    for (&number, sum) in facts.hours.iter() {
        let seen = |by: &HashMap<i32, i64>| number.map(|n| by.get(&n).copied().unwrap_or(0));
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

/// For each hour, how many different texts of this kind were seen.
fn seen_by_hour(facts: &Facts, of: impl Fn(&Entity) -> TextId) -> HashMap<i32, i64> {
    let mut days: Vec<(TextId, i32, u32)> = facts
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
        .collect();
    days.sort_unstable();
    let mut hours: HashMap<i32, i64> = HashMap::new();
    for same in days.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let seen = same.iter().fold(0, |seen, day| seen | day.2);
        for hour in (0..24).filter(|hour| seen >> hour & 1 == 1) {
            *hours.entry(same[0].1 * 24 + hour).or_default() += 1;
        }
    }
    hours
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
