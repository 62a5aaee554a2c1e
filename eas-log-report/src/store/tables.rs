//! The facts of a day as tables.
//!
//! Every row names its source, so that what one file contributed can be taken out again. Numbers of
//! texts, identities, entities and outcomes hold within a source. The number of an entity is its
//! place in the order in which the identities name them.

use std::collections::BTreeMap;

use eas_log_parse::Half;
use polars::prelude::PolarsResult;

use super::columns::{Table, of_parquet, tables, to_parquet};
use super::values::{
    FORMS, HALVES, POLICY_KEYS, SYNC_TYPES, TIERS, Wrong, counts, id, moment, name, named, number,
    read_counts, read_text, time_s, unsigned, write_text,
};
use crate::facts::{
    BusyKey, BusyMinute, Cell, CellKey, DayKey, Facts, Gauge, Identity, InternalKey, Largest,
    Latest, NONE, Open, OpenRequest, Outcome, Quarters, ResyncKey, Run, Served, ServedKey, TextId,
    Texts,
};
use crate::ingest::{OpenOf, Part};

tables! {
    /// A text.
    TextTable of Text = "texts" {
        source: u32, kind: String, id: u32, text: String,
    }
    /// Who sent a request.
    Identities of IdentityRow = "identities" {
        source: u32, id: u32,
        user_text: Option<u32>, device: Option<u32>, device_type: Option<u32>,
        user_agent: Option<u32>,
    }
    /// What became of a request.
    Outcomes of OutcomeRow = "outcomes" {
        source: u32, id: u32,
        command: Option<u32>, sc_status: Option<u32>, sc_substatus: Option<u32>,
        sc_win32_status: Option<i64>, eas_status: Option<u32>, version: Option<u32>,
        error: Option<u32>, access: Option<u32>, policy_key: String, sync_type: Option<String>,
        form: String, anonymous: bool, tier: String,
    }
    /// What happened to whom.
    Cells of CellRow = "cells" {
        source: u32, identity: u32, outcome: u32,
        requests: i64, first_time_s: Option<i64>, first_line: u32,
        last_time_s: Option<i64>, last_line: u32,
    }
    /// Which servers logged the requests of whom.
    ServedTable of ServedRow = "served" {
        source: u32, entity: u32, server: Option<u32>, requests: i64, failed: i64,
    }
    /// Synchronizations from the start.
    Resyncs of ResyncRow = "resyncs" {
        source: u32, entity: u32, folder: i64, utc_day: i32,
        requests: i64, first_time_s: Option<i64>, first_line: u32,
        last_time_s: Option<i64>, last_line: u32,
    }
    /// Exchange's own calls.
    Internal of InternalRow = "internal" {
        source: u32, method: Option<u32>, sc_status: Option<u32>, sc_substatus: Option<u32>,
        server: Option<u32>,
        requests: i64, first_time_s: Option<i64>, first_line: u32,
        last_time_s: Option<i64>, last_line: u32,
    }
    /// Minutes with many requests.
    Busy of BusyRow = "busy" {
        source: u32, entity: u32, half: String, minute: i64, by_second: String,
        first_time_s: Option<i64>, first_line: u32,
    }
    /// Sums, extremes and latest values of a device.
    Gauges of GaugeRow = "gauges" {
        source: u32, entity: u32,
        bytes_sent: Option<i64>, bytes_received: Option<i64>,
        rpc_count: Option<i64>, rpc_latency_ms: Option<i64>,
        largest_rpc_count: Option<i64>, largest_rpc_count_time_s: Option<i64>,
        largest_rpc_count_line: Option<u32>,
        largest_rpc_latency_ms: Option<i64>, largest_rpc_latency_time_s: Option<i64>,
        largest_rpc_latency_line: Option<u32>,
        max_throttle_ms: Option<i64>, overdrawn: Option<i64>,
        max_sync_state_kb: Option<i64>, max_sync_state_time_s: Option<i64>,
        max_sync_state_line: Option<u32>,
        broken_pings: Option<i64>, shortest_broken_ping_ms: Option<i64>,
        longest_ping_ms: Option<i64>, longest_ping_time_s: Option<i64>,
        longest_ping_line: Option<u32>,
        sync_key_run: Option<i64>, sync_key_run_length: Option<u32>,
        sync_key_run_first_time_s: Option<i64>, sync_key_run_first_line: Option<u32>,
        sync_key_run_last_time_s: Option<i64>, sync_key_run_last_line: Option<u32>,
        mailbox_server: Option<u32>, mailbox_server_time_s: Option<i64>,
        mailbox_server_line: Option<u32>,
        device_os: Option<u32>, device_os_time_s: Option<i64>, device_os_line: Option<u32>,
        device_model: Option<u32>, device_model_time_s: Option<i64>,
        device_model_line: Option<u32>,
        proxied_to: Option<u32>, proxied_to_time_s: Option<i64>, proxied_to_line: Option<u32>,
        redirected_to: Option<u32>, redirected_to_time_s: Option<i64>,
        redirected_to_line: Option<u32>,
    }
    /// What devices did on a day (UTC).
    DayTable of DayRow = "days" {
        source: u32, entity: u32, utc_day: i32, half: String, lines: u32, seen: u32,
        worked_0: u32, worked_1: u32, worked_2: u32,
    }
    /// Their failures on a day (UTC).
    Troubles of TroubleRow = "troubles" {
        source: u32, entity: u32, utc_day: i32, half: String,
        failed_0: u32, failed_1: u32, failed_2: u32, by_hour: String,
    }
    /// What all devices did in an hour (UTC).
    Hours of HourRow = "hours" {
        source: u32, utc_hour: Option<i32>,
        requests_whole: i64, requests_front: i64, requests_back: i64,
        failed_whole: i64, failed_front: i64, failed_back: i64,
    }
    /// The files that tell of the day, and with it all that a lost manifest said of them.
    Sources of SourceRow = "sources" {
        source: u32, name: String, bytes: i64, requests: i64, known: String, day: String,
        check: String,
    }
    /// The last requests of a device, which may be some of many when their file goes on.
    OpenRequests of OpenRequestRow = "open_requests" {
        source: u32, entity: u32, half: String, told: bool, time_s: i64, line: u32,
    }
    /// Runs that may go on when their file does.
    OpenRuns of OpenRunRow = "open_runs" {
        source: u32, entity: u32, run: i64, length: u32,
        first_time_s: i64, first_line: u32, last_time_s: i64, last_line: u32,
    }
}

/// The table of sources as a file, and from one.
pub(super) fn encode_sources(rows: impl IntoIterator<Item = SourceRow>) -> PolarsResult<Vec<u8>> {
    let mut table = Sources::default();
    for row in rows {
        table.push(row);
    }
    to_parquet(table)
}

pub(super) fn decode_sources(bytes: &[u8]) -> PolarsResult<Vec<SourceRow>> {
    Ok(of_parquet::<Sources>(bytes)?.into_rows().collect())
}

/// The name of the table of sources.
pub(super) const SOURCES: &str = Sources::NAME;

/// The tables of a day, as files: name of the table and bytes. Empty tables have none.
pub(super) fn encode(parts: &BTreeMap<u32, Part>) -> PolarsResult<Vec<(&'static str, Vec<u8>)>> {
    let mut tables = DayTables::default();
    for (&source, part) in parts {
        tables.push(source, part);
    }
    tables.encode()
}

/// What sources say of a day, from its tables. `number` gives for a source the number that its file
/// is to have in places.
pub(super) fn decode(
    files: &[(String, Vec<u8>)],
    number: &dyn Fn(u32) -> u32,
) -> Result<BTreeMap<u32, Part>, (String, Wrong)> {
    let mut tables = DayTables::default();
    for (name, bytes) in files {
        tables
            .decode(name, bytes)
            .map_err(|wrong| (name.clone(), wrong))?;
    }
    tables
        .into_parts(number)
        .map_err(|(name, wrong)| (name.to_owned(), wrong))
}

macro_rules! day_tables {
    ($($field:ident: $table:ident),+ $(,)?) => {
        #[derive(Default)]
        struct DayTables {
            $($field: $table,)+
        }

        impl DayTables {
            fn encode(self) -> PolarsResult<Vec<(&'static str, Vec<u8>)>> {
                let mut files = Vec::new();
                $(if !self.$field.is_empty() {
                    files.push(($table::NAME, to_parquet(self.$field)?));
                })+
                Ok(files)
            }

            fn decode(&mut self, name: &str, bytes: &[u8]) -> Result<(), Wrong> {
                $(if name == $table::NAME {
                    self.$field = of_parquet(bytes)?;
                    return Ok(());
                })+
                Err(Wrong(format!("there is no table '{name}'")))
            }
        }
    };
}

day_tables! {
    texts: TextTable,
    identities: Identities,
    outcomes: Outcomes,
    cells: Cells,
    served: ServedTable,
    resyncs: Resyncs,
    internal: Internal,
    busy: Busy,
    gauges: Gauges,
    days: DayTable,
    troubles: Troubles,
    hours: Hours,
    open_requests: OpenRequests,
    open_runs: OpenRuns,
}

const USERS: &str = "user";
const DEVICES: &str = "device";
const DEVICE_TYPES: &str = "device_type";
const USER_AGENTS: &str = "user_agent";
const COMMANDS: &str = "command";
const ERRORS: &str = "error";
const ACCESS: &str = "access";
const SERVERS: &str = "server";
const VALUES: &str = "value";

fn intern(texts: &mut Texts, kind: &str, text: &[u8]) -> Result<TextId, Wrong> {
    Ok(match kind {
        USERS => texts.users.intern(text),
        DEVICES => texts.devices.intern(text),
        DEVICE_TYPES => texts.device_types.intern(text),
        USER_AGENTS => texts.user_agents.intern(text),
        COMMANDS => texts.commands.intern(text),
        ERRORS => texts.errors.intern(text),
        ACCESS => texts.access.intern(text),
        SERVERS => texts.servers.intern(text),
        VALUES => texts.values.intern(text),
        _ => return Err(Wrong(format!("'{kind}' is not a kind of text"))),
    })
}

impl DayTables {
    fn push(&mut self, source: u32, part: &Part) {
        let facts = &part.facts;
        let texts = &facts.texts;
        for (kind, table) in [
            (USERS, texts.users.texts()),
            (DEVICES, texts.devices.texts()),
            (DEVICE_TYPES, texts.device_types.texts()),
            (USER_AGENTS, &texts.user_agents),
            (COMMANDS, &texts.commands),
            (ERRORS, texts.errors.texts()),
            (ACCESS, &texts.access),
            (SERVERS, &texts.servers),
            (VALUES, texts.values.texts()),
        ] {
            for (id, text) in (0..).zip(table.iter()) {
                self.texts.push(Text {
                    source,
                    kind: kind.to_owned(),
                    id,
                    text: write_text(text),
                });
            }
        }
        for (number, identity) in (0..).zip(facts.identities()) {
            self.identities.push(IdentityRow {
                source,
                id: number,
                user_text: id(identity.user),
                device: id(identity.device),
                device_type: id(identity.device_type),
                user_agent: id(identity.user_agent),
            });
        }
        for (number, outcome) in (0..).zip(facts.outcomes()) {
            self.outcomes.push(OutcomeRow {
                source,
                id: number,
                command: id(outcome.command),
                sc_status: outcome.sc_status.map(Into::into),
                sc_substatus: outcome.sc_substatus.map(Into::into),
                // The same 64 bits, whatever stood in the log.
                sc_win32_status: outcome.sc_win32_status.map(u64::cast_signed),
                eas_status: outcome.eas_status.map(Into::into),
                version: outcome.version.map(Into::into),
                error: id(outcome.error),
                access: id(outcome.access),
                policy_key: name(&POLICY_KEYS, outcome.policy_key),
                sync_type: outcome.sync_type.map(|kind| name(&SYNC_TYPES, kind)),
                form: name(&FORMS, outcome.form),
                anonymous: outcome.anonymous,
                tier: name(&TIERS, outcome.tier),
            });
        }
        self.push_cells(source, facts);
        self.push_devices(source, facts);
        for (&utc_hour, hour) in facts.hours.iter() {
            let [requests_whole, requests_front, requests_back] = hour.requests.lines().map(number);
            let [failed_whole, failed_front, failed_back] = hour.failed.lines().map(number);
            self.hours.push(HourRow {
                source,
                utc_hour,
                requests_whole,
                requests_front,
                requests_back,
                failed_whole,
                failed_front,
                failed_back,
            });
        }
        for of in &part.open {
            self.push_open(source, of);
        }
    }

    fn push_open(&mut self, source: u32, of: &OpenOf) {
        let entity = of.entity;
        match of.open {
            Open::Request(OpenRequest { at, half, told }) => {
                self.open_requests.push(OpenRequestRow {
                    source,
                    entity,
                    half: name(&HALVES, half),
                    told,
                    time_s: at.time,
                    line: at.place.line,
                });
            }
            Open::SyncKeyRun(run) => self.open_runs.push(OpenRunRow {
                source,
                entity,
                run: run.key.cast_signed(),
                length: run.length,
                first_time_s: run.first.time,
                first_line: run.first.place.line,
                last_time_s: run.last.time,
                last_line: run.last.place.line,
            }),
        }
    }

    fn push_cells(&mut self, source: u32, facts: &Facts) {
        for (key, cell) in facts.cells.iter() {
            self.cells.push(CellRow {
                source,
                identity: key.identity,
                outcome: key.outcome,
                requests: number(cell.requests),
                first_time_s: time_s(cell.first),
                first_line: cell.first.place.line,
                last_time_s: time_s(cell.last),
                last_line: cell.last.place.line,
            });
        }
        for (key, served) in facts.served.iter() {
            self.served.push(ServedRow {
                source,
                entity: key.entity,
                server: id(key.server),
                requests: number(served.requests),
                failed: number(served.failed),
            });
        }
        for (key, cell) in facts.resyncs.iter() {
            self.resyncs.push(ResyncRow {
                source,
                entity: key.entity,
                folder: key.folder.cast_signed(),
                utc_day: key.day,
                requests: number(cell.requests),
                first_time_s: time_s(cell.first),
                first_line: cell.first.place.line,
                last_time_s: time_s(cell.last),
                last_line: cell.last.place.line,
            });
        }
        for (key, cell) in facts.internal.iter() {
            self.internal.push(InternalRow {
                source,
                method: id(key.method),
                sc_status: key.sc_status.map(Into::into),
                sc_substatus: key.sc_substatus.map(Into::into),
                server: id(key.server),
                requests: number(cell.requests),
                first_time_s: time_s(cell.first),
                first_line: cell.first.place.line,
                last_time_s: time_s(cell.last),
                last_line: cell.last.place.line,
            });
        }
        for (key, busy) in facts.busy.iter() {
            let Some(first) = busy.first else { continue };
            self.busy.push(BusyRow {
                source,
                entity: key.entity,
                half: name(&HALVES, key.half),
                minute: key.minute,
                by_second: counts(&busy.by_second),
                first_time_s: time_s(first),
                first_line: first.place.line,
            });
        }
    }

    fn push_devices(&mut self, source: u32, facts: &Facts) {
        for entity in 0..facts.entities().len() as u32 {
            let gauge = facts.gauge(entity);
            if *gauge != Gauge::default() {
                self.gauges.push(gauge_row(source, entity, gauge));
            }
        }
        for (key, day) in facts.days.iter() {
            let [worked_0, worked_1, worked_2] = day.worked.bits();
            self.days.push(DayRow {
                source,
                entity: key.entity,
                utc_day: key.day,
                half: name(&HALVES, key.half),
                lines: day.lines,
                seen: day.seen,
                worked_0,
                worked_1,
                worked_2,
            });
        }
        for (key, trouble) in facts.troubles.iter() {
            let [failed_0, failed_1, failed_2] = trouble.failed.bits();
            self.troubles.push(TroubleRow {
                source,
                entity: key.entity,
                utc_day: key.day,
                half: name(&HALVES, key.half),
                failed_0,
                failed_1,
                failed_2,
                by_hour: counts(&trouble.by_hour),
            });
        }
    }

    /// The parts of each source, table by table. An error names the table.
    fn into_parts(
        self,
        number: &dyn Fn(u32) -> u32,
    ) -> Result<BTreeMap<u32, Part>, (&'static str, Wrong)> {
        let mut parts: BTreeMap<u32, Part> = BTreeMap::new();
        let at = |name: &'static str| move |wrong: Wrong| (name, wrong);
        for row in self.texts.into_rows() {
            let texts = &mut parts.entry(row.source).or_default().facts.texts;
            read_text(&row.text)
                .and_then(|text| intern(texts, &row.kind, &text))
                .and_then(|id| in_order(id, row.id))
                .map_err(at(TextTable::NAME))?;
        }
        for row in self.identities.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            identity(facts, &row).map_err(at(Identities::NAME))?;
        }
        for row in self.outcomes.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            outcome(facts, &row).map_err(at(Outcomes::NAME))?;
        }
        for row in self.cells.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let key = CellKey {
                identity: within(row.identity, facts.identities().len())
                    .map_err(at(Cells::NAME))?,
                outcome: within(row.outcome, facts.outcomes().len()).map_err(at(Cells::NAME))?,
            };
            facts.cells.add(
                key,
                &Cell {
                    requests: unsigned(row.requests),
                    first: moment(number(row.source), row.first_time_s, row.first_line),
                    last: moment(number(row.source), row.last_time_s, row.last_line),
                },
            );
        }
        for row in self.served.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let server = text_within(row.server, facts.texts.servers.len());
            let key = ServedKey {
                entity: within(row.entity, facts.entities().len())
                    .map_err(at(ServedTable::NAME))?,
                server: server.map_err(at(ServedTable::NAME))?,
            };
            *facts.served.of(key) = Served {
                requests: unsigned(row.requests),
                failed: unsigned(row.failed),
            };
        }
        for row in self.resyncs.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let key = ResyncKey {
                entity: within(row.entity, facts.entities().len()).map_err(at(Resyncs::NAME))?,
                folder: row.folder.cast_unsigned(),
                day: row.utc_day,
            };
            facts.resyncs.add(
                key,
                &Cell {
                    requests: unsigned(row.requests),
                    first: moment(number(row.source), row.first_time_s, row.first_line),
                    last: moment(number(row.source), row.last_time_s, row.last_line),
                },
            );
        }
        for row in self.internal.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let key = internal_key(facts, &row).map_err(at(Internal::NAME))?;
            facts.internal.add(
                key,
                &Cell {
                    requests: unsigned(row.requests),
                    first: moment(number(row.source), row.first_time_s, row.first_line),
                    last: moment(number(row.source), row.last_time_s, row.last_line),
                },
            );
        }
        for row in self.busy.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let key = BusyKey {
                entity: within(row.entity, facts.entities().len()).map_err(at(Busy::NAME))?,
                half: named(&HALVES, &row.half).map_err(at(Busy::NAME))?,
                minute: row.minute,
            };
            *facts.busy.of(key) = BusyMinute {
                first: Some(moment(number(row.source), row.first_time_s, row.first_line)),
                by_second: read_counts(&row.by_second).map_err(at(Busy::NAME))?,
            };
        }
        for row in self.gauges.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let gauge = gauge(facts, &row, number(row.source)).map_err(at(Gauges::NAME))?;
            *facts.gauge_mut(row.entity) = gauge;
        }
        for row in self.days.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let key = day_key(facts, row.entity, row.utc_day, &row.half);
            let day = facts.days.of(key.map_err(at(DayTable::NAME))?);
            day.lines = row.lines;
            day.seen = row.seen;
            day.worked = Quarters::from_bits([row.worked_0, row.worked_1, row.worked_2]);
        }
        for row in self.troubles.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let key = day_key(facts, row.entity, row.utc_day, &row.half);
            let trouble = facts.troubles.of(key.map_err(at(Troubles::NAME))?);
            trouble.failed = Quarters::from_bits([row.failed_0, row.failed_1, row.failed_2]);
            trouble.by_hour = read_counts(&row.by_hour).map_err(at(Troubles::NAME))?;
        }
        for row in self.hours.into_rows() {
            let facts = &mut parts.entry(row.source).or_default().facts;
            let hour = facts.hours.of(row.utc_hour);
            for (half, requests, failed) in [
                (Half::Whole, row.requests_whole, row.failed_whole),
                (Half::Front, row.requests_front, row.failed_front),
                (Half::Back, row.requests_back, row.failed_back),
            ] {
                hour.requests.count(half, unsigned(requests));
                hour.failed.count(half, unsigned(failed));
            }
        }
        for row in self.open_requests.into_rows() {
            let part = parts.entry(row.source).or_default();
            let entities = part.facts.entities().len();
            part.open.push(OpenOf {
                entity: within(row.entity, entities).map_err(at(OpenRequests::NAME))?,
                open: Open::Request(OpenRequest {
                    at: moment(number(row.source), Some(row.time_s), row.line),
                    half: named(&HALVES, &row.half).map_err(at(OpenRequests::NAME))?,
                    told: row.told,
                }),
            });
        }
        for row in self.open_runs.into_rows() {
            let part = parts.entry(row.source).or_default();
            let entities = part.facts.entities().len();
            part.open.push(OpenOf {
                entity: within(row.entity, entities).map_err(at(OpenRuns::NAME))?,
                open: Open::SyncKeyRun(Run {
                    key: row.run.cast_unsigned(),
                    length: row.length,
                    first: moment(number(row.source), Some(row.first_time_s), row.first_line),
                    last: moment(number(row.source), Some(row.last_time_s), row.last_line),
                }),
            });
        }
        Ok(parts)
    }
}

fn in_order(found: u32, want: u32) -> Result<(), Wrong> {
    if found == want {
        return Ok(());
    }
    Err(Wrong(format!(
        "number {want} stands where {found} should be"
    )))
}

fn within(number: u32, length: usize) -> Result<u32, Wrong> {
    if (number as usize) < length {
        return Ok(number);
    }
    Err(Wrong(format!("number {number} is named, of {length}")))
}

fn text_within(id: Option<u32>, length: usize) -> Result<TextId, Wrong> {
    id.map_or(Ok(NONE), |id| within(id, length))
}

fn identity(facts: &mut Facts, row: &IdentityRow) -> Result<(), Wrong> {
    let texts = &facts.texts;
    let identity = Identity {
        user: text_within(row.user_text, texts.users.texts().len())?,
        device: text_within(row.device, texts.devices.texts().len())?,
        device_type: text_within(row.device_type, texts.device_types.texts().len())?,
        user_agent: text_within(row.user_agent, texts.user_agents.len())?,
    };
    in_order(facts.identity(identity), row.id)
}

fn small(number: Option<u32>) -> Result<Option<u16>, Wrong> {
    number
        .map(|number| {
            u16::try_from(number).map_err(|_| Wrong(format!("{number} is no status or version")))
        })
        .transpose()
}

fn outcome(facts: &mut Facts, row: &OutcomeRow) -> Result<(), Wrong> {
    let texts = &facts.texts;
    let outcome = Outcome {
        command: text_within(row.command, texts.commands.len())?,
        sc_status: small(row.sc_status)?,
        sc_substatus: small(row.sc_substatus)?,
        sc_win32_status: row.sc_win32_status.map(i64::cast_unsigned),
        eas_status: small(row.eas_status)?,
        version: small(row.version)?,
        error: text_within(row.error, texts.errors.texts().len())?,
        access: text_within(row.access, texts.access.len())?,
        policy_key: named(&POLICY_KEYS, &row.policy_key)?,
        sync_type: row
            .sync_type
            .as_deref()
            .map(|kind| named(&SYNC_TYPES, kind))
            .transpose()?,
        form: named(&FORMS, &row.form)?,
        anonymous: row.anonymous,
        tier: named(&TIERS, &row.tier)?,
    };
    in_order(facts.outcome(outcome), row.id)
}

fn internal_key(facts: &Facts, row: &InternalRow) -> Result<InternalKey, Wrong> {
    Ok(InternalKey {
        method: text_within(row.method, facts.texts.commands.len())?,
        sc_status: small(row.sc_status)?,
        sc_substatus: small(row.sc_substatus)?,
        server: text_within(row.server, facts.texts.servers.len())?,
    })
}

fn day_key(facts: &Facts, entity: u32, day: i32, half: &str) -> Result<DayKey, Wrong> {
    Ok(DayKey {
        entity: within(entity, facts.entities().len())?,
        day,
        half: named(&HALVES, half)?,
    })
}

fn gauge_row(source: u32, entity: u32, gauge: &Gauge) -> GaugeRow {
    let text = |latest: Latest| latest.map(|(_, text)| text);
    let time = |latest: Latest| latest.and_then(|(moment, _)| time_s(moment));
    let line = |latest: Latest| latest.map(|(moment, _)| moment.place.line);
    let largest = |largest: Largest| largest.map(|(value, _)| number(value));
    let largest_time = |largest: Largest| largest.and_then(|(_, moment)| time_s(moment));
    let largest_line = |largest: Largest| largest.map(|(_, moment)| moment.place.line);
    let run = gauge.longest_sync_key_run;
    GaugeRow {
        source,
        entity,
        bytes_sent: gauge.bytes_sent.map(number),
        bytes_received: gauge.bytes_received.map(number),
        rpc_count: gauge.rpc_count.map(number),
        rpc_latency_ms: gauge.rpc_latency_ms.map(number),
        largest_rpc_count: largest(gauge.largest_rpc_count),
        largest_rpc_count_time_s: largest_time(gauge.largest_rpc_count),
        largest_rpc_count_line: largest_line(gauge.largest_rpc_count),
        largest_rpc_latency_ms: largest(gauge.largest_rpc_latency_ms),
        largest_rpc_latency_time_s: largest_time(gauge.largest_rpc_latency_ms),
        largest_rpc_latency_line: largest_line(gauge.largest_rpc_latency_ms),
        max_throttle_ms: gauge.max_throttle_ms.map(number),
        max_sync_state_kb: largest(gauge.max_sync_state_kb),
        max_sync_state_time_s: largest_time(gauge.max_sync_state_kb),
        max_sync_state_line: largest_line(gauge.max_sync_state_kb),
        overdrawn: gauge.overdrawn.map(number),
        broken_pings: gauge.broken_pings.map(number),
        shortest_broken_ping_ms: gauge.shortest_broken_ping_ms.map(number),
        longest_ping_ms: largest(gauge.longest_ping_ms),
        longest_ping_time_s: largest_time(gauge.longest_ping_ms),
        longest_ping_line: largest_line(gauge.longest_ping_ms),
        sync_key_run: run.map(|run| run.key.cast_signed()),
        sync_key_run_length: run.map(|run| run.length),
        sync_key_run_first_time_s: run.map(|run| run.first.time),
        sync_key_run_first_line: run.map(|run| run.first.place.line),
        sync_key_run_last_time_s: run.map(|run| run.last.time),
        sync_key_run_last_line: run.map(|run| run.last.place.line),
        mailbox_server: text(gauge.mailbox_server),
        mailbox_server_time_s: time(gauge.mailbox_server),
        mailbox_server_line: line(gauge.mailbox_server),
        device_os: text(gauge.device_os),
        device_os_time_s: time(gauge.device_os),
        device_os_line: line(gauge.device_os),
        device_model: text(gauge.device_model),
        device_model_time_s: time(gauge.device_model),
        device_model_line: line(gauge.device_model),
        proxied_to: text(gauge.proxied_to),
        proxied_to_time_s: time(gauge.proxied_to),
        proxied_to_line: line(gauge.proxied_to),
        redirected_to: text(gauge.redirected_to),
        redirected_to_time_s: time(gauge.redirected_to),
        redirected_to_line: line(gauge.redirected_to),
    }
}

fn gauge(facts: &Facts, row: &GaugeRow, file: u32) -> Result<Gauge, Wrong> {
    within(row.entity, facts.entities().len())?;
    let latest =
        |text: Option<u32>, time: Option<i64>, line: Option<u32>| -> Result<Latest, Wrong> {
            let (Some(text), Some(line)) = (text, line) else {
                return Ok(None);
            };
            let text = within(text, facts.texts.values.texts().len())?;
            Ok(Some((moment(file, time, line), text)))
        };
    let largest = |value: Option<i64>, time: Option<i64>, line: Option<u32>| -> Largest {
        Some((unsigned(value?), moment(file, time, line?)))
    };
    let run = match (
        row.sync_key_run,
        row.sync_key_run_length,
        row.sync_key_run_first_line,
        row.sync_key_run_last_line,
    ) {
        (Some(key), Some(length), Some(first), Some(last)) => Some(Run {
            key: key.cast_unsigned(),
            length,
            first: moment(file, row.sync_key_run_first_time_s, first),
            last: moment(file, row.sync_key_run_last_time_s, last),
        }),
        _ => None,
    };
    Ok(Gauge {
        bytes_sent: row.bytes_sent.map(unsigned),
        bytes_received: row.bytes_received.map(unsigned),
        rpc_count: row.rpc_count.map(unsigned),
        rpc_latency_ms: row.rpc_latency_ms.map(unsigned),
        largest_rpc_count: largest(
            row.largest_rpc_count,
            row.largest_rpc_count_time_s,
            row.largest_rpc_count_line,
        ),
        largest_rpc_latency_ms: largest(
            row.largest_rpc_latency_ms,
            row.largest_rpc_latency_time_s,
            row.largest_rpc_latency_line,
        ),
        max_throttle_ms: row.max_throttle_ms.map(unsigned),
        max_sync_state_kb: largest(
            row.max_sync_state_kb,
            row.max_sync_state_time_s,
            row.max_sync_state_line,
        ),
        overdrawn: row.overdrawn.map(unsigned),
        broken_pings: row.broken_pings.map(unsigned),
        shortest_broken_ping_ms: row.shortest_broken_ping_ms.map(unsigned),
        longest_ping_ms: largest(
            row.longest_ping_ms,
            row.longest_ping_time_s,
            row.longest_ping_line,
        ),
        longest_sync_key_run: run,
        mailbox_server: latest(
            row.mailbox_server,
            row.mailbox_server_time_s,
            row.mailbox_server_line,
        )?,
        device_os: latest(row.device_os, row.device_os_time_s, row.device_os_line)?,
        device_model: latest(
            row.device_model,
            row.device_model_time_s,
            row.device_model_line,
        )?,
        proxied_to: latest(row.proxied_to, row.proxied_to_time_s, row.proxied_to_line)?,
        redirected_to: latest(
            row.redirected_to,
            row.redirected_to_time_s,
            row.redirected_to_line,
        )?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::read_on;
    use crate::store::Zone;
    use eas_log_parse::{Header, Position};

    #[test]
    fn tables_are_read_as_they_were_written() {
        let mut log = b"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query cs-username cs(User-Agent) sc-status sc-substatus sc-win32-status sc-bytes\n".to_vec();
        for line in 0..40u32 {
            let user: &[u8] = if line % 3 == 0 {
                b"j\xf8e"
            } else {
                b"CONTOSO\\jdoe"
            };
            let time = match line {
                39 => "-".to_owned(),
                line => format!("2011-05-06 11:30:{line:02}"),
            };
            log.extend_from_slice(
                time.replace('-', if line == 39 { "- -" } else { "-" })
                    .as_bytes(),
            );
            log.extend_from_slice(b" 192.0.2.1 POST /Microsoft-Server-ActiveSync/default.eas User=jdoe&DeviceId=A1&DeviceType=PocketPC&Cmd=Sync&Log=V140_Fid:5_Ty:Em_Sk:0_St:F_RpcC3_Mbx:MBX1_Error:DeviceNotProvisioned_As:BlockedP_S142_ ");
            log.extend_from_slice(user);
            log.extend_from_slice(b" MSFT-PPC/5.2 449 0 18446744073709551615 77\n");
        }
        let read = read_on(
            &log[..],
            Position::START,
            &Header::default(),
            &Zone::UTC,
            [],
        );
        assert_eq!(read.tally.malformed(), 0);
        assert_eq!(read.parts.len(), 2);
        for part in read.parts.into_values() {
            let parts = BTreeMap::from([(7, part)]);
            let files: Vec<(String, Vec<u8>)> = encode(&parts)
                .unwrap()
                .into_iter()
                .map(|(name, bytes)| (name.to_owned(), bytes))
                .collect();
            let again =
                decode(&files, &|_| 0).unwrap_or_else(|(name, Wrong(why))| panic!("{name}: {why}"));
            let twice: Vec<(String, Vec<u8>)> = encode(&again)
                .unwrap()
                .into_iter()
                .map(|(name, bytes)| (name.to_owned(), bytes))
                .collect();
            assert!(files == twice);
            assert!(files.len() >= 6, "{}", files.len());
        }
    }

    #[test]
    fn numbers_that_name_nothing_are_refused() {
        let mut tables = DayTables::default();
        tables.cells.push(CellRow {
            source: 1,
            identity: 0,
            outcome: 0,
            requests: 1,
            first_time_s: None,
            first_line: 1,
            last_time_s: None,
            last_line: 1,
        });
        let (name, Wrong(why)) = tables.into_parts(&|_| 0).unwrap_err();
        assert_eq!((name, why.as_str()), ("cells", "number 0 is named, of 0"));
    }
}
