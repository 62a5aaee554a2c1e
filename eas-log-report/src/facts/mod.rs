//! The facts of a set of logs: what every report is made of.
//!
//! The one fine aggregate from which every section is derived. It grows with the number of devices
//! and of the different things that happened to them, not with the number of lines; and it is a
//! monoid, so that the facts of pieces, files, servers and days add up in any order.

mod burst;
mod busy;
mod cell;
mod day;
mod folded_table;
mod followed;
mod gauge;
mod key_table;
mod once;
mod outcome;
mod prefetch;
mod run;
mod served;
mod split;
mod sum_table;
mod text_table;

use eas_log_parse::{Account, DeviceId, Encoded};

pub use burst::{BURST_S, OpenRequest};
pub use busy::{BusyKey, BusyMinute};
pub use cell::{Cell, CellKey, InternalKey, Moment, Place, ResyncKey};
pub use day::{Day, DayKey, Hour, Quarters, Trouble};
pub use folded_table::{FoldedTable, Renumbered};
pub use followed::{Followed, Found, Open};
pub use gauge::{Gauge, Largest, Latest, note, raise, raise_at, sum_up};
pub use key_table::KeyTable;
pub use once::counted_once;
pub use outcome::{Judgement, LogForm, Outcome, PolicyKey};
pub use prefetch::prefetch;
pub use run::Run;
pub use served::{Served, ServedKey};
pub use sum_table::{Add, SumTable};
pub use text_table::{TextId, TextTable};

/// In place of a [`TextId`]: the line has no such value.
pub const NONE: TextId = TextId::MAX;

/// The span of two spans of time, each its first and its last moment.
pub(crate) fn spanned(a: (i64, i64), b: (i64, i64)) -> (i64, i64) {
    (a.0.min(b.0), a.1.max(b.1))
}

/// The texts that logs hold, by what they are.
#[derive(Clone, Debug)]
pub struct Texts {
    /// Users as logs name them; the key is the account in lower case without its domain.
    pub users: FoldedTable,
    /// Device ids; the key is that of [`DeviceId`].
    pub devices: FoldedTable,
    /// Device types; the key is decoded.
    pub device_types: FoldedTable,
    /// User agents, as logged.
    pub user_agents: TextTable,
    /// Commands and methods, as [`eas_log_parse::Command`] names them.
    pub commands: TextTable,
    /// Error names; the key is decoded.
    pub errors: FoldedTable,
    /// Access states, as logged.
    pub access: TextTable,
    /// Servers: name or, where the log has none, address.
    pub servers: TextTable,
    /// Other values that are kept word for word, such as mailbox servers; the key is decoded.
    pub values: FoldedTable,
}

impl Default for Texts {
    fn default() -> Self {
        Texts {
            users: FoldedTable::new(user_key),
            devices: FoldedTable::new(device_key),
            device_types: FoldedTable::new(|raw| Encoded::new(raw).decode().into_owned()),
            user_agents: TextTable::default(),
            commands: TextTable::default(),
            errors: FoldedTable::new(decode_form),
            access: TextTable::default(),
            servers: TextTable::default(),
            values: FoldedTable::new(decode_form),
        }
    }
}

fn decode_form(raw: &[u8]) -> Vec<u8> {
    Encoded::new(raw).decode_form().trim_ascii().to_vec()
}

fn user_key(raw: &[u8]) -> Vec<u8> {
    Account::parse(&Encoded::new(raw).decode())
        .key()
        .into_owned()
        .into_bytes()
}

fn device_key(raw: &[u8]) -> Vec<u8> {
    DeviceId::new(&Encoded::new(raw).decode())
        .key()
        .into_owned()
        .into_bytes()
}

/// The names in a decoded value of `Error`, which may join several with `;`.
pub fn error_names(decoded: &[u8]) -> impl Iterator<Item = &[u8]> {
    decoded
        .split(|&b| b == b';')
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty())
}

/// Who sent a request: a user on a device with a client. Each is the number of a text or [`NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The user, of [`Texts::users`].
    pub user: TextId,
    /// The device id, of [`Texts::devices`].
    pub device: TextId,
    /// The device type, of [`Texts::device_types`].
    pub device_type: TextId,
    /// The user agent, of [`Texts::user_agents`].
    pub user_agent: TextId,
}

impl Identity {
    /// Of a request that tells nothing of who sent it.
    pub const NOBODY: Identity = Identity {
        user: NONE,
        device: NONE,
        device_type: NONE,
        user_agent: NONE,
    };
}

/// A device of a user, whatever its client: what gets a verdict. Each is the number of a key or
/// [`NONE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Entity {
    /// The user, of the keys of [`Texts::users`].
    pub user: TextId,
    /// The device id, of the keys of [`Texts::devices`].
    pub device: TextId,
}

/// How many records there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// ActiveSync requests that are in the report.
    pub requests: u64,
    /// ActiveSync requests that the filters left out.
    pub filtered_out: u64,
    /// Health probes of Exchange.
    pub probes: u64,
    /// Exchange's own calls on behalf of ActiveSync.
    pub internal: u64,
    /// Records that are no ActiveSync requests.
    pub other: u64,
}

impl Counts {
    /// Records in all.
    pub fn records(&self) -> u64 {
        self.requests + self.filtered_out + self.probes + self.internal + self.other
    }

    fn add(&mut self, other: &Counts) {
        self.requests += other.requests;
        self.filtered_out += other.filtered_out;
        self.probes += other.probes;
        self.internal += other.internal;
        self.other += other.other;
    }
}

/// The facts of a set of log lines. See the [module](self).
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The texts that the keys below name by number.
    pub texts: Texts,
    identities: KeyTable<Identity>,
    entity_of: Vec<u32>,
    entities: KeyTable<Entity>,
    gauges: Vec<Gauge>,
    outcomes: KeyTable<Outcome>,
    judgements: Vec<Judgement>,
    /// What happened to whom.
    pub cells: SumTable<CellKey, Cell>,
    /// Which servers logged the requests of whom.
    pub served: SumTable<ServedKey, Served>,
    /// Synchronizations from the start.
    pub resyncs: SumTable<ResyncKey, Cell>,
    /// Exchange's own calls on behalf of ActiveSync.
    pub internal: SumTable<InternalKey, Cell>,
    /// Minutes with many requests.
    pub busy: SumTable<BusyKey, BusyMinute>,
    /// What devices did on a day.
    pub days: SumTable<DayKey, Day>,
    /// Their failures on a day that say something about them.
    pub troubles: SumTable<DayKey, Trouble>,
    /// What all devices did in an hour, by hours since 1970-01-01 00:00 UTC; `None` for lines that
    /// tell no time.
    pub hours: SumTable<Option<i32>, Hour>,
    /// How many records of each kind.
    pub counts: Counts,
    /// Times of the first and the last request that the filters left out for whose they were: how long
    /// others go on.
    pub others: Option<(i64, i64)>,
}

impl Facts {
    /// Sets room aside for so many identities and cells.
    pub fn reserve(&mut self, identities: usize, cells: usize) {
        self.identities.set_aside(identities);
        self.gauges.reserve(identities);
        self.cells.set_aside(cells);
    }

    /// The number of an identity. Its entity is made with it.
    pub fn identity(&mut self, identity: Identity) -> u32 {
        let id = self.identities.intern(identity);
        if id as usize == self.entity_of.len() {
            let key = |table: &FoldedTable, text| match text {
                NONE => NONE,
                text => table.key_of(text),
            };
            let entity = self.entities.intern(Entity {
                user: key(&self.texts.users, identity.user),
                device: key(&self.texts.devices, identity.device),
            });
            self.entity_of.push(entity);
            self.gauges.resize(self.entities.len(), Gauge::default());
        }
        id
    }

    /// Every identity, by its number.
    pub fn identities(&self) -> &[Identity] {
        self.identities.as_slice()
    }

    /// The number of the entity of an identity.
    #[inline]
    pub fn entity_of(&self, identity: u32) -> u32 {
        self.entity_of[identity as usize]
    }

    /// Every entity, by its number.
    pub fn entities(&self) -> &[Entity] {
        self.entities.as_slice()
    }

    /// The sums, extremes and latest values of an entity.
    #[inline]
    pub fn gauge(&self, entity: u32) -> &Gauge {
        &self.gauges[entity as usize]
    }

    /// The texts, and the sums, extremes and latest values of an entity to add to.
    #[inline]
    pub fn gauge_mut(&mut self, entity: u32) -> &mut Gauge {
        &mut self.gauges[entity as usize]
    }

    /// Takes in what following an entity has found out.
    #[inline]
    pub fn take_found(&mut self, entity: u32, found: Found) {
        match found {
            Found::Busy(half, at) => {
                let key = BusyKey {
                    entity,
                    half,
                    minute: at.time.div_euclid(60),
                };
                let second = at.time.rem_euclid(60) as usize;
                self.busy.of(key).count(at, second);
            }
            Found::SyncKeyRun(run) => {
                let longest = &mut self.gauges[entity as usize].longest_sync_key_run;
                *longest = run::longer(*longest, Some(run));
            }
        }
    }

    /// The number of an outcome, which is judged when it is new.
    #[inline]
    pub fn outcome(&mut self, outcome: Outcome) -> u32 {
        let id = self.outcomes.intern(outcome);
        if id as usize == self.judgements.len() {
            self.judgements.push(outcome.judge(&self.texts));
        }
        id
    }

    /// Every outcome, by its number.
    pub fn outcomes(&self) -> &[Outcome] {
        self.outcomes.as_slice()
    }

    /// The judgement of an outcome.
    #[inline]
    pub fn judgement(&self, outcome: u32) -> Judgement {
        self.judgements[outcome as usize]
    }

    /// Adds the facts of other lines, and gives for each of its entities the one here.
    pub fn merge(&mut self, other: &Facts) -> Vec<u32> {
        let texts = &mut self.texts;
        let users = texts.users.merge(&other.texts.users);
        let devices = texts.devices.merge(&other.texts.devices);
        let device_types = texts.device_types.merge(&other.texts.device_types);
        let user_agents = texts.user_agents.merge(&other.texts.user_agents);
        let commands = texts.commands.merge(&other.texts.commands);
        let errors = texts.errors.merge(&other.texts.errors);
        let access = texts.access.merge(&other.texts.access);
        let servers = texts.servers.merge(&other.texts.servers);
        let values = texts.values.merge(&other.texts.values);

        let renumber = |ids: &[TextId], id: TextId| ids.get(id as usize).copied().unwrap_or(NONE);
        let identities: Vec<u32> = other
            .identities()
            .iter()
            .map(|identity| {
                self.identity(Identity {
                    user: users.text(identity.user),
                    device: devices.text(identity.device),
                    device_type: device_types.text(identity.device_type),
                    user_agent: renumber(&user_agents, identity.user_agent),
                })
            })
            .collect();
        let entities: Vec<u32> = other
            .entities()
            .iter()
            .map(|entity| {
                self.entities.intern(Entity {
                    user: users.key(entity.user),
                    device: devices.key(entity.device),
                })
            })
            .collect();
        let outcomes: Vec<u32> = other
            .outcomes()
            .iter()
            .map(|outcome| {
                self.outcome(Outcome {
                    command: renumber(&commands, outcome.command),
                    error: errors.text(outcome.error),
                    access: renumber(&access, outcome.access),
                    ..*outcome
                })
            })
            .collect();
        self.internal.merge(&other.internal, |key| InternalKey {
            method: renumber(&commands, key.method),
            server: renumber(&servers, key.server),
            ..key
        });
        // About as much as all the rest.
        let cells = || {
            self.cells.merge(&other.cells, |key| CellKey {
                identity: identities[key.identity as usize],
                outcome: outcomes[key.outcome as usize],
            });
        };
        let day = |key: DayKey| DayKey {
            entity: entities[key.entity as usize],
            ..key
        };
        let rest = || {
            for (gauge, &ours) in other.gauges.iter().zip(&entities) {
                self.gauges[ours as usize].add(gauge, |text| values.text(text));
            }
            self.served.merge(&other.served, |key| ServedKey {
                entity: entities[key.entity as usize],
                server: renumber(&servers, key.server),
            });
            self.resyncs.merge(&other.resyncs, |key| ResyncKey {
                entity: entities[key.entity as usize],
                ..key
            });
            self.busy.merge(&other.busy, |key| BusyKey {
                entity: entities[key.entity as usize],
                ..key
            });
            self.days.merge(&other.days, day);
            self.troubles.merge(&other.troubles, day);
            self.hours.merge(&other.hours, |hour| hour);
        };
        rayon::join(cells, rest);
        self.counts.add(&other.counts);
        self.others = self.others.into_iter().chain(other.others).reduce(spanned);
        entities
    }
}
