//! From one line to facts: the innermost loop.
//!
//! Everything that is the same for all lines of a device on a client (who it is, whether it is a
//! probe, whether the filters want it) is worked out once per identity and found again by the raw
//! bytes that make it.

mod by_day;
mod device;
mod identity;
mod kept;
mod known;
mod request;
mod strangers;

use chrono::{NaiveDate, Timelike};
use eas_log_parse::{
    Base64Query, Budget, CollectionClass, Command, EasLog, EasQuery, EasStem, ElementValue,
    Encoded, Escaped, Field, Half, LegacyLog, LogSummary, Record, SyncType, Tier,
};
use xxhash_rust::xxh3::xxh3_64;

use self::by_day::ByDay;
pub(super) use self::by_day::DayGatherer;
pub use self::by_day::{Days, OpenOf, Part};
use self::device::DeviceState;
pub use self::kept::{Kept, KeptColumn};
use self::known::{KnownIdentities, Standing};
use self::request::{Measures, Request};
pub(super) use self::strangers::{Bounds, Strangers};
use self::strangers::{Sender, hash_of_command};
pub use self::strangers::{TOLD_APART_OF_A_USER, TOLD_APART_WITHOUT_LOGON};
use super::filter::Filter;
use crate::facts::{
    Cell, CellKey, Facts, Followed, InternalKey, Judgement, LogForm, Moment, NONE, Outcome, Place,
    PolicyKey, ResyncKey, Run, ServedKey, TextId, TextTable, spanned,
};

/// In place of commands that are too many to be told apart.
const OTHER_COMMAND: &[u8] = b"(other)";

/// Gathers the facts of records.
pub(super) struct Gatherer<'f> {
    facts: Facts,
    /// By entity.
    devices: Vec<DeviceState>,
    /// Whether what is read may go on from what another has read of the file.
    behind_others: bool,
    bad_values: u64,
    filter: &'f Filter,
    names_somebody: bool,
    known: KnownIdentities,
    strangers: Strangers,
    /// Whether to gather nothing more once there is more than is told apart, since everything will be
    /// read again.
    gives_up: bool,
    not_told_apart: u64,
    waiting: Vec<Request>,
    last_date: Option<([u8; 10], i64)>,
    last_hour: Option<(Option<i32>, u32)>,
    last_server: Option<(Vec<u8>, TextId)>,
    /// The texts of commands that were met, by [`Command::number`].
    commands: [TextId; Command::ALL.len()],
    /// The lines themselves, if they are wanted.
    kept: Option<Vec<Kept>>,
    /// What other days have, if they are kept apart.
    by_day: Option<Box<ByDay<'f>>>,
    /// How often the sums in hand were exchanged.
    turn: u32,
}

/// What was gathered.
#[derive(Default)]
pub(super) struct Gathered {
    /// The facts of the records.
    pub(super) facts: Facts,
    /// For each entity what may go on behind the last of them.
    pub(super) followed: Vec<Followed>,
    /// The lines, if they were wanted.
    pub(super) kept: Vec<Kept>,
    /// What was told apart.
    pub(super) strangers: Strangers,
}

impl Gathered {
    /// Adds what else was gathered, but for what may go on, and gives for each of its entities the
    /// one here.
    pub(super) fn merge(&mut self, other: Gathered) -> Vec<u32> {
        self.kept.extend(other.kept);
        self.strangers.merge(other.strangers);
        self.facts.merge(&other.facts)
    }
}

/// What became of the request of one record: its command, and how it is judged. `None` if it is no
/// request of a device.
pub fn judge(record: &Record<'_, '_>) -> Option<(String, Judgement)> {
    let filter = Filter::default();
    let mut gatherer = Gatherer::new(&filter);
    gatherer.record(
        record,
        Place {
            file: 0,
            piece: 0,
            line: 1,
        },
    );
    let facts = gatherer.facts;
    let outcome = facts.outcomes().first()?;
    let command = match outcome.command {
        NONE => "no command".to_owned(),
        command => Escaped(facts.texts.commands.get(command)).to_string(),
    };
    Some((command, facts.judgement(0)))
}

/// What the query of a request says, in either of its forms.
struct Asked<'a> {
    command: Option<Command<'a>>,
    /// Protocol version, where the query itself tells it.
    version: Option<u16>,
    user: &'a [u8],
    device: &'a [u8],
    device_type: &'a [u8],
}

impl<'a> Asked<'a> {
    #[inline]
    fn of(query: &EasQuery<'a>) -> Asked<'a> {
        Asked {
            command: query.command(),
            version: None,
            user: query.user().map_or(&[], Encoded::raw),
            device: query.device_id().map_or(&[], Encoded::raw),
            device_type: query.device_type().map_or(&[], Encoded::raw),
        }
    }
}

impl<'f> Gatherer<'f> {
    pub(super) fn new(filter: &'f Filter) -> Gatherer<'f> {
        Gatherer {
            facts: Facts::default(),
            devices: Vec::new(),
            behind_others: false,
            bad_values: 0,
            filter,
            names_somebody: !filter.names_nothing(),
            known: KnownIdentities::default(),
            strangers: Strangers::default(),
            gives_up: false,
            not_told_apart: 0,
            waiting: Vec::new(),
            last_date: None,
            last_hour: None,
            last_server: None,
            commands: [NONE; Command::ALL.len()],
            kept: None,
            by_day: None,
            turn: 0,
        }
    }

    /// Sets room aside for what many devices have: so much that the tables lie in pages of their own,
    /// which a system can move as they grow, instead of copying them.
    pub(super) fn reserve(&mut self) {
        const DEVICES: usize = 1 << 12;
        self.facts.reserve(DEVICES, 16 * DEVICES);
        self.devices.reserve(DEVICES);
        self.known.reserve(DEVICES);
    }

    /// Keeps the lines of requests that count.
    pub(super) fn keep_lines(&mut self) {
        self.kept = Some(Vec::new());
    }

    /// Reads on from where another has read a file to, whatever that has found.
    pub(super) fn read_behind_others(&mut self) {
        self.behind_others = true;
    }

    /// Tells apart what lies within these bounds. `gives_up` if everything will be read again by
    /// other bounds where these do not hold.
    pub(super) fn keep_within(&mut self, bounds: &Bounds, gives_up: bool) {
        self.strangers = Strangers::new(bounds);
        self.gives_up = gives_up;
    }

    /// How many values did not have their form.
    pub(super) fn bad_values(&self) -> u64 {
        self.bad_values
    }

    /// How many requests are of senders that were not told apart.
    pub(super) fn not_told_apart(&self) -> u64 {
        self.not_told_apart
    }

    /// What of entities may go on behind the last record. It is new from here on.
    pub(super) fn take_followed(&mut self) -> Vec<(u32, Followed)> {
        self.add_up_all();
        let devices = (0..).zip(&mut self.devices);
        devices
            .filter(|(_, device)| !device.followed.is_empty())
            .map(|(entity, device)| (entity, std::mem::take(&mut device.followed)))
            .collect()
    }

    /// Whether there is more than is told apart, so that everything will be read again.
    pub(super) fn has_given_up(&self) -> bool {
        self.gives_up && self.strangers.is_surprised()
    }

    /// What was gathered: of who has given up, only what was told apart.
    pub(super) fn finish(mut self) -> Gathered {
        if self.has_given_up() {
            return Gathered {
                strangers: self.strangers,
                ..Gathered::default()
            };
        }
        self.add_up_all();
        let devices = self.devices.into_iter();
        Gathered {
            facts: self.facts,
            followed: devices.map(|device| device.followed).collect(),
            kept: self.kept.unwrap_or_default(),
            strangers: self.strangers,
        }
    }

    /// Takes in one record, which stands at this place.
    #[inline]
    pub(super) fn record(&mut self, record: &Record<'_, '_>, place: Place) {
        let Some(stem) = record.eas_stem() else {
            if Tier::is_internal(record) {
                self.internal(record, place);
            } else {
                self.facts.counts.other += 1;
            }
            return;
        };
        if Tier::is_local(record, stem) {
            self.facts.counts.probes += 1;
            return;
        }
        let query = EasQuery::parse(record.cs_uri_query().unwrap_or_default());
        if Tier::is_from_itself(record, stem) && Tier::says_probe(record, &query) {
            self.facts.counts.probes += 1;
            return;
        }
        if query.is_base64() {
            return self.base64_request(record, stem, &query, place);
        }
        let asked = Asked::of(&query);
        self.request(record, stem, &query, &asked, place);
    }

    /// Takes in a request whose query is base64-encoded. Few clients send such queries, and
    /// Exchange itself seems to log them rewritten, so decoding may allocate.
    #[cold]
    fn base64_request(
        &mut self,
        record: &Record<'_, '_>,
        stem: EasStem,
        query: &EasQuery<'_>,
        place: Place,
    ) {
        match Base64Query::parse(query.raw()) {
            Ok(decoded) => {
                let device = decoded.device_id();
                let asked = Asked {
                    command: decoded.command(),
                    version: Some(decoded.protocol_version().0),
                    user: decoded.user().unwrap_or_default(),
                    device: device.as_bytes(),
                    device_type: decoded.device_type(),
                };
                self.request(record, stem, query, &asked, place);
            }
            Err(_) => {
                self.bad_values += 1;
                self.request(record, stem, query, &Asked::of(query), place);
            }
        }
    }

    /// Takes in a call that Exchange made itself.
    #[cold]
    fn internal(&mut self, record: &Record<'_, '_>, place: Place) {
        self.facts.counts.internal += 1;
        let method = record.cs_method();
        let commands = &mut self.facts.texts.commands;
        let key = InternalKey {
            method: method.map_or(NONE, |method| commands.intern(method)),
            sc_status: self.good(record.sc_status()),
            sc_substatus: self.good(record.sc_substatus()),
            server: self.server(record),
        };
        let time = self.time(record).unwrap_or(Moment::NO_TIME);
        let cell = Cell::one(Moment { time, place });
        self.facts.internal.add(key, &cell);
    }

    /// Takes in a request.
    #[inline]
    fn request(
        &mut self,
        record: &Record<'_, '_>,
        stem: EasStem,
        query: &EasQuery<'_>,
        asked: &Asked<'_>,
        place: Place,
    ) {
        let sought = self.sought(record, asked);
        // Filters that name somebody leave out most lines, of which no more needs to be read.
        if self.names_somebody {
            let known = self.identity(record, &sought);
            if !self.counts(record, asked, known.standing) {
                return;
            }
        }
        let eas_log = query.log();
        let summary = eas_log.map(|log| log.summary());
        let known = self.identity(record, &sought);
        if !self.counts(record, asked, known.standing) {
            return;
        }
        self.facts.gauge(known.entity).prefetch();
        self.devices[known.entity as usize].prefetch();
        let time = self.time(record);
        if !self.known.window(known.window).has(time) {
            self.facts.counts.filtered_out += 1;
            return;
        }
        self.facts.counts.requests += 1;
        self.not_told_apart += u64::from(!known.told_apart);

        let tier = Tier::in_chain(record, stem, query, summary.as_ref());
        let nothing;
        let log = if let Some(log) = &summary {
            log
        } else {
            nothing = LogSummary::default();
            &nothing
        };
        let legacy = match log.version {
            Some(_) => None,
            None => eas_log.and_then(legacy),
        };
        let outcome = self.outcome(record, tier, asked, log, legacy.as_ref());
        let judgement = self.facts.judgement(outcome);
        let moment = Moment {
            time: time.unwrap_or(Moment::NO_TIME),
            place,
        };
        let key = CellKey {
            identity: known.identity,
            outcome,
        };
        self.facts.cells.prefetch(key);
        let server = self.server(record);
        let half = tier.half().unwrap_or(Half::Whole);
        self.count_hour(time, half, judgement);
        if self.kept.is_some() {
            self.keep(record, asked, key, server, moment);
        }
        let (sync_key, first_sync) = match asked.command {
            Some(Command::Sync) => sync(log, legacy.as_ref(), judgement),
            _ => (None, None),
        };
        let request = Request {
            entity: known.entity,
            key,
            server,
            half,
            moment,
            sync_key,
            first_sync,
            measures: self.measures(record, asked, log, outcome),
        };
        self.waiting.push(request);
        if self.waiting.len() >= request::WAITING {
            self.add_up_all();
        }
    }

    /// Whether the requests of an identity count. One that does not is counted as what it is.
    #[inline]
    fn counts(&mut self, record: &Record<'_, '_>, asked: &Asked<'_>, standing: Standing) -> bool {
        match standing {
            Standing::Counts => return true,
            Standing::Probe => self.facts.counts.probes += 1,
            Standing::FilteredOut => self.of_others(record),
            Standing::GivenUp => {
                self.command(record, asked);
            }
        }
        false
    }

    /// Takes in a request that the filters leave out for whose it is.
    #[cold]
    fn of_others(&mut self, record: &Record<'_, '_>) {
        self.facts.counts.filtered_out += 1;
        let window = self.filter.window(None);
        let time = self.time(record).filter(|&time| {
            let window = window.as_ref();
            window.is_some_and(|window| window.has(Some(time)))
        });
        let seen = time.map(|time| (time, time));
        self.facts.others = self.facts.others.into_iter().chain(seen).reduce(spanned);
    }

    /// Adds up all requests that wait.
    fn add_up_all(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for request in &waiting {
            self.add(request);
        }
        waiting.clear();
        self.waiting = waiting;
    }

    /// Adds a request to what is known of its device.
    #[inline]
    fn add(&mut self, request: &Request) {
        let &Request {
            entity,
            key,
            server,
            half,
            moment,
            ..
        } = request;
        let judgement = self.facts.judgement(key.outcome);
        self.facts.cells.add(key, &Cell::one(moment));
        let device = &mut self.devices[entity as usize];
        let key = ServedKey { entity, server };
        device.count_served((&mut self.facts, self.turn), key, judgement.failed);
        if let Some(time) = moment.seconds() {
            device.count((&mut self.facts, self.turn), entity, time, half, judgement);
            let (facts, by_day) = (&mut self.facts, &mut self.by_day);
            device
                .followed
                .push(half, moment, request.sync_key, &mut |found| {
                    if let Some(by_day) = by_day
                        && by_day.take(entity, found)
                    {
                        return;
                    }
                    facts.take_found(entity, found);
                });
        }
        if let Some(folder) = request.first_sync {
            let day = moment
                .seconds()
                .map_or(0, |time| time.div_euclid(86_400) as i32);
            let key = ResyncKey {
                entity,
                folder,
                day,
            };
            self.facts.resyncs.add(key, &Cell::one(moment));
        }
        request
            .measures
            .add_to(self.facts.gauge_mut(entity), moment);
    }

    /// Keeps a line.
    #[cold]
    fn keep(
        &mut self,
        record: &Record<'_, '_>,
        asked: &Asked<'_>,
        key: CellKey,
        server: TextId,
        at: Moment,
    ) {
        let facts = &self.facts;
        let outcome = facts.outcomes()[key.outcome as usize];
        let judgement = facts.judgement(key.outcome);
        let text = |table: &TextTable, text: TextId| match text {
            NONE => Vec::new(),
            text => table.get(text).to_vec(),
        };
        let user = facts.identities()[key.identity as usize].user;
        let kept = Kept {
            at,
            user: text(facts.texts.users.texts(), user),
            device: asked.device.to_vec(),
            server: text(&facts.texts.servers, server),
            command: text(&facts.texts.commands, outcome.command),
            said: outcome.describe(&facts.texts),
            sc_status: outcome.sc_status,
            sc_substatus: outcome.sc_substatus,
            sc_win32_status: outcome.sc_win32_status,
            eas_status: outcome.eas_status,
            errors: match outcome.error {
                NONE => Vec::new(),
                error => {
                    let errors = &facts.texts.errors;
                    errors.keys().get(errors.key_of(error)).to_vec()
                }
            },
            class: judgement.class.name(),
            failed: judgement.failed,
            time_taken_ms: record.time_taken_ms().ok().flatten(),
            line: record.line().bytes.to_vec(),
            columns: KeptColumn::of(record),
        };
        self.kept.get_or_insert_default().push(kept);
    }

    /// Counts a request in its hour, which is mostly that of the line before.
    #[inline]
    fn count_hour(&mut self, time: Option<i64>, half: Half, judgement: Judgement) {
        let hour = time.map(|time| time.div_euclid(3600) as i32);
        let number = match self.last_hour {
            Some((last, number)) if last == hour => number,
            _ => {
                let number = self.facts.hours.number(hour);
                self.last_hour = Some((hour, number));
                number
            }
        };
        let sum = self.facts.hours.get_mut(number);
        sum.requests.count(half, 1);
        sum.failed.count(half, judgement.failed.into());
    }

    /// What a request adds to sums, extremes and latest values.
    #[inline]
    fn measures(
        &mut self,
        record: &Record<'_, '_>,
        asked: &Asked<'_>,
        log: &LogSummary<'_>,
        outcome: u32,
    ) -> Measures {
        let is_ping = asked.command == Some(Command::Ping);
        let outcome = &self.facts.outcomes()[outcome as usize];
        let broken = match outcome.sc_win32_status {
            Some(_) if is_ping => Some(outcome.is_broken_connection()),
            _ => None,
        };
        let values = &mut self.facts.texts.values;
        let mut text = |value: Option<ElementValue<'_>>| {
            value.map_or(NONE, |value| values.intern(value.raw()))
        };
        let latest = [
            text(log.mailbox_server),
            text(log.device_os),
            text(log.device_model),
            text(log.proxy_to),
            text(log.redirect_to),
        ];
        Measures {
            bytes_sent: self.good(record.sc_bytes()),
            bytes_received: self.good(record.cs_bytes()),
            rpc_count: self.number(log.rpc_count),
            rpc_latency_ms: self.number(log.rpc_latency_ms),
            throttle_ms: self.number(log.throttle),
            sync_state_kb: self.number(log.sync_state_kb),
            ping_ms: match is_ping {
                true => self.good(record.time_taken_ms()),
                false => None,
            },
            is_ping,
            broken,
            overdrawn: log
                .budget
                .map(|budget| Budget::new(budget.raw()).is_overdrawn()),
            latest,
        }
    }

    /// Time of a record in seconds since 1970. Dates repeat from line to line and are read once.
    #[inline]
    fn time(&mut self, record: &Record<'_, '_>) -> Option<i64> {
        let midnight = match record.get(Field::Date).map(<[u8; 10]>::try_from) {
            Some(Ok(date)) => match self.last_date {
                Some((last, midnight)) if last == date => Some(midnight),
                _ => {
                    let midnight = midnight(self.good(record.date())?);
                    self.last_date = Some((date, midnight));
                    Some(midnight)
                }
            },
            _ => self.good(record.date()).map(midnight),
        }?;
        let time = self.good(record.time())?;
        Some(midnight + i64::from(time.num_seconds_from_midnight()))
    }

    /// A value that is there and has its form. One that does not is counted.
    #[inline]
    fn good<T, E>(&mut self, value: Result<Option<T>, E>) -> Option<T> {
        value.unwrap_or_else(|_| {
            self.bad_values += 1;
            None
        })
    }

    #[inline]
    fn number<T: TryFrom<u64>>(&mut self, value: Option<ElementValue<'_>>) -> Option<T> {
        self.good(value.map(ElementValue::number).transpose())
    }

    #[inline]
    fn outcome(
        &mut self,
        record: &Record<'_, '_>,
        tier: Tier,
        asked: &Asked<'_>,
        log: &LogSummary<'_>,
        legacy: Option<&LegacyLog<'_>>,
    ) -> u32 {
        let sc_status = self.good(record.sc_status());
        let sc_substatus = self.good(record.sc_substatus());
        let sc_win32_status = self.good(record.sc_win32_status());
        let eas_status = self.number(log.eas_status);
        let version = match log.version {
            Some(_) => self.number(log.version),
            None => asked
                .version
                .or_else(|| legacy?.protocol_version.map(|version| version.0)),
        };
        let command = self.command(record, asked);
        let texts = &mut self.facts.texts;
        let outcome = Outcome {
            command,
            sc_status,
            sc_substatus,
            sc_win32_status,
            eas_status,
            version,
            error: log
                .error
                .map_or(NONE, |error| texts.errors.intern(error.raw())),
            access: log
                .access
                .map_or(NONE, |access| texts.access.intern(access.raw())),
            policy_key: match log.policy_key.map(ElementValue::raw) {
                None => PolicyKey::Unknown,
                Some(b"0") => PolicyKey::Zero,
                Some(_) => PolicyKey::Set,
            },
            sync_type: match legacy {
                Some(legacy) => legacy.sync_type,
                None => log
                    .sync_type
                    .and_then(|letter| SyncType::parse(letter.raw())),
            },
            form: match legacy {
                Some(legacy) if legacy.is_unavailable() => LogForm::PackedUnavailable,
                Some(_) => LogForm::Packed,
                None if log.version.is_some() => LogForm::Named,
                None => LogForm::None,
            },
            anonymous: record.cs_username().is_none(),
            tier,
        };
        self.facts.outcome(outcome)
    }

    /// The command of a request, or its method where it has none.
    #[inline]
    fn command(&mut self, record: &Record<'_, '_>, asked: &Asked<'_>) -> TextId {
        let number = asked.command.and_then(Command::number);
        if let Some(known) = number.map(|number| self.commands[number])
            && known != NONE
        {
            return known;
        }
        match (asked.command, record.cs_method()) {
            (Some(Command::Other(name)), _) => self.other_command(name),
            (Some(command), _) => {
                let text = self.facts.texts.commands.intern(command.name());
                if let Some(number) = number {
                    self.commands[number] = text;
                }
                text
            }
            (None, Some(method @ (b"OPTIONS" | b"POST" | b"GET" | b"HEAD"))) => {
                self.facts.texts.commands.intern(method)
            }
            (None, Some(method)) => self.other_command(method),
            (None, None) => NONE,
        }
    }

    /// A command or method that Exchange does not have.
    #[cold]
    fn other_command(&mut self, name: &[u8]) -> TextId {
        let told_apart = self.strangers.has(Sender::Command, hash_of_command(name));
        let name = if told_apart { name } else { OTHER_COMMAND };
        self.facts.texts.commands.intern(name)
    }

    /// The server that wrote the line: by name or, where the log has none, by address.
    #[inline]
    fn server(&mut self, record: &Record<'_, '_>) -> TextId {
        let Some(name) = record.s_computername().or_else(|| record.s_ip()) else {
            return NONE;
        };
        match &self.last_server {
            Some((last, id)) if last == name => *id,
            _ => {
                let id = self.facts.texts.servers.intern(name);
                self.last_server = Some((name.to_vec(), id));
                id
            }
        }
    }
}

/// What a Sync says of its key, as a [`Run::key`]; and the hash of its folder, if that was synchronized
/// from the start.
#[inline]
fn sync(
    log: &LogSummary<'_>,
    legacy: Option<&LegacyLog<'_>>,
    judgement: Judgement,
) -> (Option<u64>, Option<u64>) {
    fn raw<'a>(value: Option<ElementValue<'a>>) -> &'a [u8] {
        value.map_or(&[], ElementValue::raw)
    }
    let (folder, sync_key) = (raw(log.folder_id), raw(log.sync_key));
    let key = (!sync_key.is_empty()).then(|| Run::key(folder, sync_key));
    let first = sync_key == b"0"
        || raw(log.sync_type) == b"F"
        || legacy.is_some_and(|legacy| legacy.sync_type == Some(SyncType::First));
    let first = (first && !judgement.failed).then(|| match legacy {
        Some(legacy) => xxh3_64(legacy.class.map_or(&[0; 2], CollectionClass::code)),
        None => xxh3_64(folder),
    });
    (key, first)
}

/// The packed form of Exchange 2003, which begins with its version.
#[inline]
fn legacy(log: EasLog<'_>) -> Option<LegacyLog<'_>> {
    log.raw().starts_with(b"V").then(|| log.legacy()).flatten()
}

fn midnight(date: NaiveDate) -> i64 {
    date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
}
