//! Facts of several days side by side: one set of texts, and sums for each day.

use std::mem::swap;

use super::{
    BusyKey, CellKey, DayKey, Facts, Gauge, Identity, InternalKey, Latest, NONE, Outcome,
    ResyncKey, ServedKey, TextId,
};

impl Facts {
    /// Exchanges all sums with those of other facts, which have no texts of their own but use those
    /// of these: so one reader can gather the facts of several days apart.
    pub fn swap_sums(&mut self, other: &mut Facts) {
        swap(&mut self.gauges, &mut other.gauges);
        swap(&mut self.cells, &mut other.cells);
        swap(&mut self.served, &mut other.served);
        swap(&mut self.resyncs, &mut other.resyncs);
        swap(&mut self.internal, &mut other.internal);
        swap(&mut self.busy, &mut other.busy);
        swap(&mut self.days, &mut other.days);
        swap(&mut self.troubles, &mut other.troubles);
        swap(&mut self.hours, &mut other.hours);
        swap(&mut self.counts, &mut other.counts);
        self.gauges.resize(self.entities.len(), Gauge::default());
    }

    /// These facts with no more texts, identities and outcomes than their sums name, and for each
    /// entity the one there. Entities in `named` are kept in any case.
    pub fn compacted(&self, named: impl IntoIterator<Item = u32>) -> (Facts, Vec<u32>) {
        let mut compact = Compact::new(self);
        for (key, cell) in self.cells.iter() {
            let key = CellKey {
                identity: compact.identity(key.identity),
                outcome: compact.outcome(key.outcome),
            };
            compact.facts.cells.add(key, cell);
        }
        for (key, served) in self.served.iter() {
            let key = ServedKey {
                entity: compact.entity(key.entity),
                server: compact.server(key.server),
            };
            *compact.facts.served.of(key) = *served;
        }
        for (key, cell) in self.resyncs.iter() {
            let entity = compact.entity(key.entity);
            let key = ResyncKey { entity, ..*key };
            compact.facts.resyncs.add(key, cell);
        }
        for (key, cell) in self.internal.iter() {
            let key = InternalKey {
                method: compact.command(key.method),
                server: compact.server(key.server),
                ..*key
            };
            compact.facts.internal.add(key, cell);
        }
        for (key, minute) in self.busy.iter() {
            let entity = compact.entity(key.entity);
            *compact.facts.busy.of(BusyKey { entity, ..*key }) = *minute;
        }
        for (key, day) in self.days.iter() {
            let entity = compact.entity(key.entity);
            *compact.facts.days.of(DayKey { entity, ..*key }) = *day;
        }
        for (key, trouble) in self.troubles.iter() {
            let entity = compact.entity(key.entity);
            *compact.facts.troubles.of(DayKey { entity, ..*key }) = *trouble;
        }
        for (hour, sum) in self.hours.iter() {
            *compact.facts.hours.of(*hour) = *sum;
        }
        for entity in named {
            compact.entity(entity);
        }
        for (entity, gauge) in (0..).zip(&self.gauges) {
            if *gauge != Gauge::default() {
                compact.gauge(entity, gauge);
            }
        }
        compact.facts.counts = self.counts;
        (compact.facts, compact.entities)
    }
}

/// Facts that take over what is asked for.
struct Compact<'f> {
    from: &'f Facts,
    facts: Facts,
    identities: Vec<u32>,
    entities: Vec<u32>,
    outcomes: Vec<u32>,
    /// For each entity an identity of it.
    identity_of: Vec<u32>,
}

impl<'f> Compact<'f> {
    fn new(from: &'f Facts) -> Compact<'f> {
        let mut identity_of = vec![NONE; from.entities.len()];
        for (identity, &entity) in (0..).zip(&from.entity_of) {
            let first = &mut identity_of[entity as usize];
            *first = identity.min(*first);
        }
        Compact {
            from,
            facts: Facts::default(),
            identities: vec![NONE; from.identities.len()],
            entities: vec![NONE; from.entities.len()],
            outcomes: vec![NONE; from.outcomes.len()],
            identity_of,
        }
    }

    fn identity(&mut self, number: u32) -> u32 {
        if self.identities[number as usize] == NONE {
            let Identity {
                user,
                device,
                device_type,
                user_agent,
            } = self.from.identities()[number as usize];
            let (from, to) = (&self.from.texts, &mut self.facts.texts);
            let identity = Identity {
                user: some(user, |user| to.users.intern(from.users.texts().get(user))),
                device: some(device, |device| {
                    to.devices.intern(from.devices.texts().get(device))
                }),
                device_type: some(device_type, |device_type| {
                    to.device_types
                        .intern(from.device_types.texts().get(device_type))
                }),
                user_agent: some(user_agent, |agent| {
                    to.user_agents.intern(from.user_agents.get(agent))
                }),
            };
            let here = self.facts.identity(identity);
            self.identities[number as usize] = here;
            self.entities[self.from.entity_of(number) as usize] = self.facts.entity_of(here);
        }
        self.identities[number as usize]
    }

    fn entity(&mut self, number: u32) -> u32 {
        if self.entities[number as usize] == NONE {
            self.identity(self.identity_of[number as usize]);
        }
        self.entities[number as usize]
    }

    fn outcome(&mut self, number: u32) -> u32 {
        if self.outcomes[number as usize] == NONE {
            let outcome = self.from.outcomes()[number as usize];
            let (from, to) = (&self.from.texts, &mut self.facts.texts);
            let outcome = Outcome {
                command: some(outcome.command, |command| {
                    to.commands.intern(from.commands.get(command))
                }),
                error: some(outcome.error, |error| {
                    to.errors.intern(from.errors.texts().get(error))
                }),
                access: some(outcome.access, |access| {
                    to.access.intern(from.access.get(access))
                }),
                ..outcome
            };
            self.outcomes[number as usize] = self.facts.outcome(outcome);
        }
        self.outcomes[number as usize]
    }

    fn command(&mut self, command: TextId) -> TextId {
        let (from, to) = (&self.from.texts, &mut self.facts.texts);
        some(command, |command| {
            to.commands.intern(from.commands.get(command))
        })
    }

    fn server(&mut self, server: TextId) -> TextId {
        let (from, to) = (&self.from.texts, &mut self.facts.texts);
        some(server, |server| to.servers.intern(from.servers.get(server)))
    }

    fn gauge(&mut self, entity: u32, gauge: &Gauge) {
        let here = self.entity(entity);
        let (from, to) = (&self.from.texts.values, &mut self.facts.texts.values);
        let mut take = |latest: Latest| {
            latest.map(|(moment, value)| (moment, to.intern(from.texts().get(value))))
        };
        let mut taken = *gauge;
        let Gauge {
            mailbox_server,
            device_os,
            device_model,
            proxied_to,
            redirected_to,
            ..
        } = &mut taken;
        for latest in [
            mailbox_server,
            device_os,
            device_model,
            proxied_to,
            redirected_to,
        ] {
            *latest = take(*latest);
        }
        *self.facts.gauge_mut(here) = taken;
    }
}

fn some(text: TextId, take: impl FnOnce(TextId) -> TextId) -> TextId {
    if text == NONE { NONE } else { take(text) }
}
