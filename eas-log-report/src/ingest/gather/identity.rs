//! Who sent a request, and whether its requests count.

use eas_log_parse::{Account, Field, Record, Tier};

use super::device::DeviceState;
use super::known::{Known, Parts, Standing};
use super::strangers::{Sender, hash_of};
use super::{Asked, Gatherer};
use crate::facts::{Followed, Identity, NONE, TextId, TextTable};

/// What tells who sent a request.
pub(super) struct Sought<'a> {
    parts: Parts<'a>,
    refused: bool,
    hash: u64,
}

impl Gatherer<'_> {
    /// What tells who sent a request. What is known of that is called from memory.
    #[inline]
    pub(super) fn sought<'a>(&self, record: &Record<'a, '_>, asked: &Asked<'a>) -> Sought<'a> {
        let parts = [
            record.cs_username().unwrap_or_default(),
            asked.user,
            asked.device,
            asked.device_type,
            record.cs_user_agent().unwrap_or_default(),
        ];
        let refused = record.get(Field::ScStatus) == Some(b"401");
        let hash = self.known.hash(&parts, refused);
        self.known.prefetch(hash);
        Sought {
            parts,
            refused,
            hash,
        }
    }

    /// What is known of the identity of a request.
    #[inline]
    pub(super) fn identity(&mut self, record: &Record<'_, '_>, sought: &Sought<'_>) -> Known {
        let &Sought {
            parts,
            refused,
            hash,
        } = sought;
        match self.known.find(hash, &parts, refused) {
            Some(known) => known,
            None => self.new_identity(hash, &parts, refused, record),
        }
    }

    #[cold]
    fn new_identity(
        &mut self,
        hash: u64,
        parts: &Parts<'_>,
        refused: bool,
        record: &Record<'_, '_>,
    ) -> Known {
        let mut known = Known {
            identity: NONE,
            entity: NONE,
            standing: Standing::Probe,
            window: 0,
            refused,
            told_apart: true,
        };
        if Tier::is_probe(record) {
            self.remember(hash, parts, known);
            return known;
        }
        let &[username, query_user, device, device_type, user_agent] = parts;
        // A computer account is a server that passes on a request; who asked stands in the query.
        let user = if username.is_empty() || Account::parse(username).is_computer() {
            query_user
        } else {
            username
        };
        // Filters that name what is wanted keep what is remembered small by themselves.
        let sender = match username.is_empty() || refused {
            true => Sender::Stranger,
            false => Sender::user(user),
        };
        let told_apart = !self.filter.names_nothing() || self.strangers.has(sender, hash_of(parts));
        known.told_apart = told_apart;
        if self.has_given_up() {
            known.standing = Standing::GivenUp;
            return known;
        }
        let texts = &mut self.facts.texts;
        fn some(text: &[u8], intern: impl FnOnce(&[u8]) -> TextId) -> TextId {
            if text.is_empty() { NONE } else { intern(text) }
        }
        let mut identity = Identity::NOBODY;
        if told_apart || sender != Sender::Stranger {
            identity.user = some(user, |text| texts.users.intern(text));
        }
        if told_apart {
            identity.device = some(device, |text| texts.devices.intern(text));
            identity.device_type = some(device_type, |text| texts.device_types.intern(text));
            identity.user_agent = some(user_agent, |text| texts.user_agents.intern(text));
        }
        let users = &self.facts.texts.users;
        let key = (identity.user != NONE).then(|| users.keys().get(users.key_of(identity.user)));
        let window = self.filter.window(key);
        known.window = self.known.number_of(window.unwrap_or_default());
        known.standing = if window.is_some() && self.wants(&identity, query_user) {
            Standing::Counts
        } else {
            Standing::FilteredOut
        };
        // Only identities that count are part of the facts.
        if known.standing == Standing::Counts {
            known.identity = self.facts.identity(identity);
            known.entity = self.facts.entity_of(known.identity);
        }
        self.follow_all();
        if told_apart {
            self.remember(hash, parts, known);
        }
        known
    }

    /// Follows all entities that there are.
    pub(super) fn follow_all(&mut self) {
        let new = || {
            DeviceState::new(match self.behind_others {
                true => Followed::behind_others(),
                false => Followed::default(),
            })
        };
        let entities = self.facts.entities().len();
        self.devices.resize_with(entities, new);
    }

    /// Remembers an identity. What does not count is worked out again where there is too much of it.
    fn remember(&mut self, hash: u64, parts: &Parts<'_>, known: Known) {
        const ENOUGH: usize = 1 << 17;
        if known.standing == Standing::Counts || self.known.len() < ENOUGH {
            self.known.insert(hash, parts, known);
        }
    }

    fn wants(&self, identity: &Identity, query_user: &[u8]) -> bool {
        let (texts, filter) = (&self.facts.texts, self.filter);
        let asked = (!query_user.is_empty()).then_some(query_user);
        fn logged(texts: &TextTable, id: TextId) -> Option<&[u8]> {
            (id != NONE).then(|| texts.get(id))
        }
        let user = logged(texts.users.texts(), identity.user);
        filter.users.match_any(user.into_iter().chain(asked))
            && filter
                .devices
                .match_any(logged(texts.devices.texts(), identity.device))
            && filter
                .device_types
                .match_any(logged(texts.device_types.texts(), identity.device_type))
            && filter
                .user_agents
                .match_any(logged(&texts.user_agents, identity.user_agent))
    }
}
