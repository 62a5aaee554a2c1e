//! What strangers invent, kept within bounds.
//!
//! Whoever reaches a server can send a million device ids, users and user agents, and each would
//! be remembered. So only so many of those of one logon are told apart, and only so many of all that come
//! without one: those whose hash is lowest. Which these are depends on what the logs hold and not
//! on the order in which it is read. The requests of the others count in every total, and are those
//! of no device.

use foldhash::fast::RandomState;
use hashbrown::{HashMap, HashSet};
use xxhash_rust::xxh3::{Xxh3, xxh3_64_with_seed};

use super::known::Parts;

/// Who sends a request, as far as the server is sure of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sender {
    /// Nobody who has logged on.
    Stranger,
    /// A user who has, by the hash of the name.
    User(u64),
    /// Of commands and methods that Exchange does not know, it does not matter who sends them.
    Command,
}

impl Sender {
    pub(super) fn user(name: &[u8]) -> Sender {
        Sender::User(xxh3_64_with_seed(name, 1))
    }

    /// How many different things of one sender are told apart.
    fn most(self) -> usize {
        match self {
            Sender::Stranger => TOLD_APART_WITHOUT_LOGON,
            Sender::User(_) => TOLD_APART_OF_A_USER,
            Sender::Command => TOLD_APART_COMMANDS,
        }
    }
}

/// Of requests without a logon, so many combinations of user, device and client are told apart. Every
/// device whose first request carries no password is one of them.
pub const TOLD_APART_WITHOUT_LOGON: usize = 1 << 15;
/// So many of one user.
pub const TOLD_APART_OF_A_USER: usize = 1 << 10;
const TOLD_APART_COMMANDS: usize = 1 << 8;

/// A hash that is the same in every gatherer.
pub(super) fn hash_of(parts: &Parts<'_>) -> u64 {
    let mut hasher = Xxh3::with_seed(0);
    for part in parts {
        hasher.update(part);
        hasher.update(&part.len().to_le_bytes());
    }
    hasher.digest()
}

pub(super) fn hash_of_command(name: &[u8]) -> u64 {
    xxh3_64_with_seed(name, 0)
}

/// For each sender of too many things, the hash below which they are told apart.
#[derive(Clone, Debug, Default)]
pub(in crate::ingest) struct Bounds(HashMap<Sender, u64, RandomState>);

impl Bounds {
    fn has(&self, sender: Sender, hash: u64) -> bool {
        self.0.get(&sender).is_none_or(|&bound| hash < bound)
    }
}

/// The things of all senders that are told apart.
#[derive(Clone, Debug, Default)]
pub(in crate::ingest) struct Strangers {
    seen: HashSet<(Sender, u64), RandomState>,
    many: HashMap<Sender, usize, RandomState>,
    bounds: Bounds,
    /// Whether a bound was found that was not known from the start.
    surprised: bool,
}

impl Strangers {
    pub(super) fn new(bounds: &Bounds) -> Strangers {
        Strangers {
            bounds: bounds.clone(),
            ..Strangers::default()
        }
    }

    /// Whether a thing is to be told apart. It is kept in mind if it is.
    pub(super) fn has(&mut self, sender: Sender, hash: u64) -> bool {
        if !self.bounds.has(sender, hash) {
            return false;
        }
        if self.seen.insert((sender, hash)) {
            let many = self.many.entry(sender).or_default();
            *many += 1;
            if *many > sender.most() {
                self.lower(sender);
            }
        }
        self.bounds.has(sender, hash)
    }

    /// Lowers the bound of a sender until no more than are told apart lie below it.
    fn lower(&mut self, sender: Sender) {
        self.surprised = true;
        let mut hashes: Vec<u64> = self
            .seen
            .extract_if(|(other, _)| *other == sender)
            .map(|(_, hash)| hash)
            .collect();
        let mut bound = self.bounds.0.get(&sender).copied().unwrap_or(u64::MAX);
        while hashes.len() > sender.most() {
            bound = bound / 8 * 7;
            hashes.retain(|&hash| hash < bound);
        }
        self.bounds.0.insert(sender, bound);
        self.many.insert(sender, hashes.len());
        self.seen
            .extend(hashes.into_iter().map(|hash| (sender, hash)));
    }

    /// Whether there are more than are told apart, which was not known from the start.
    pub(in crate::ingest) fn is_surprised(&self) -> bool {
        self.surprised
    }

    /// Takes in what another gatherer has seen.
    pub(in crate::ingest) fn merge(&mut self, other: Strangers) {
        self.surprised |= other.surprised;
        for (sender, bound) in other.bounds.0 {
            let ours = self.bounds.0.entry(sender).or_insert(bound);
            *ours = bound.min(*ours);
            // What lies between the two bounds is told apart no more.
            let bound = *ours;
            self.seen
                .retain(|&(other, hash)| other != sender || hash < bound);
            let many = self.seen.iter().filter(|(other, _)| *other == sender);
            self.many.insert(sender, many.count());
        }
        for (sender, hash) in other.seen {
            self.has(sender, hash);
        }
    }

    /// The bounds, to read everything again by.
    pub(in crate::ingest) fn into_bounds(self) -> Bounds {
        self.bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(count: u64, seed: u64) -> impl Iterator<Item = u64> {
        (0..count).map(move |n| xxh3_64_with_seed(&n.to_le_bytes(), seed))
    }

    /// What is told apart in the end of things that came to gatherers in turn.
    fn told_apart(hashes: &[u64], gatherers: usize) -> Vec<u64> {
        let mut parts = vec![Strangers::default(); gatherers];
        for (number, &hash) in hashes.iter().enumerate() {
            parts[number % gatherers].has(Sender::Stranger, hash);
        }
        let mut all = Strangers::default();
        for part in parts {
            all.merge(part);
        }
        assert_eq!(all.is_surprised(), hashes.len() > TOLD_APART_WITHOUT_LOGON);
        let bounds = all.into_bounds();
        let told = |hash: &u64| bounds.has(Sender::Stranger, *hash);
        let mut told: Vec<u64> = hashes.iter().copied().filter(told).collect();
        told.sort_unstable();
        told
    }

    #[test]
    fn what_is_told_apart_is_the_same_in_any_order_and_by_any_number_of_gatherers() {
        let mut cases = 0;
        for count in [10, 32_768, 32_769, 70_000, 300_000] {
            let mut hashes: Vec<u64> = hashes(count, 7).collect();
            let want = told_apart(&hashes, 1);
            assert!(want.len() <= TOLD_APART_WITHOUT_LOGON);
            assert!(want.len() >= (count as usize).min(TOLD_APART_WITHOUT_LOGON / 5 * 4));
            hashes.reverse();
            for gatherers in [1, 2, 5] {
                assert_eq!(told_apart(&hashes, gatherers), want, "{count} {gatherers}");
                cases += 1;
            }
        }
        assert_eq!(cases, 15);
    }

    #[test]
    fn those_who_logged_on_are_not_lost_among_strangers() {
        let mut strangers = Strangers::default();
        for hash in hashes(100_000, 1) {
            strangers.has(Sender::Stranger, hash);
        }
        assert!(strangers.is_surprised());
        for (number, hash) in (0u64..).zip(hashes(10_000, 2)) {
            assert!(strangers.has(Sender::user(&number.to_le_bytes()), hash));
        }
        let told = hashes(5000, 3).filter(|&hash| strangers.has(Sender::user(b"u"), hash));
        let told = told.count();
        assert!(told >= TOLD_APART_OF_A_USER, "{told}");
        let bounds = strangers.into_bounds();
        let told = hashes(5000, 3).filter(|&hash| bounds.has(Sender::user(b"u"), hash));
        assert!(told.count() <= TOLD_APART_OF_A_USER);
    }
}
