//! The identities met so far, by the raw bytes that make them.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::ingest::filter::Window;

/// The raw bytes that make an identity: user of the line, user of the query, device id, device type,
/// user agent.
pub(super) type Parts<'a> = [&'a [u8]; 5];

/// What is known of the raw bytes that make an identity.
#[derive(Clone, Copy)]
pub(super) struct Known {
    /// Number of the identity, if its requests count.
    pub(super) identity: u32,
    /// Number of its entity, if its requests count.
    pub(super) entity: u32,
    /// Whether they do.
    pub(super) standing: Standing,
    /// At which times.
    pub(super) window: Window,
    /// Whether it is of requests whose logon failed.
    pub(super) refused: bool,
}

/// Whether the requests of an identity count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Counts,
    Probe,
    FilteredOut,
    /// It is not even counted, since everything will be read again.
    GivenUp,
}

/// The identities met so far, by the raw bytes that make them.
#[derive(Default)]
pub(super) struct KnownIdentities {
    parts: PartsStore,
    known: Vec<Known>,
    index: HashTable<u32>,
    hasher: RandomState,
}

/// The parts of identities, one behind the other in one buffer.
#[derive(Default)]
struct PartsStore {
    bytes: Vec<u8>,
    /// For each identity, where its parts end in `bytes`.
    ends: Vec<[usize; 5]>,
}

impl PartsStore {
    #[inline]
    fn get(&self, known: u32) -> Parts<'_> {
        let known = known as usize;
        let mut start = if known == 0 {
            0
        } else {
            self.ends[known - 1][4]
        };
        self.ends[known].map(|end| {
            let part = &self.bytes[start..end];
            start = end;
            part
        })
    }

    fn push(&mut self, parts: &Parts<'_>) {
        let ends = parts.map(|part| {
            self.bytes.extend_from_slice(part);
            self.bytes.len()
        });
        self.ends.push(ends);
    }
}

#[inline]
fn hash_parts(hasher: &RandomState, parts: &Parts<'_>, refused: bool) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write_u8(refused.into());
    for part in parts {
        hasher.write(part);
        // So that no two ways to divide the same bytes are alike.
        hasher.write_usize(part.len());
    }
    hasher.finish()
}

impl KnownIdentities {
    /// The hash of parts.
    #[inline]
    pub(super) fn hash(&self, parts: &Parts<'_>, refused: bool) -> u64 {
        hash_parts(&self.hasher, parts, refused)
    }

    /// What is known of these parts, of which this is the hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, parts: &Parts<'_>, refused: bool) -> Option<Known> {
        let found = self.index.find(hash, |&known| {
            self.known[known as usize].refused == refused && self.parts.get(known) == *parts
        });
        found.map(|&known| self.known[known as usize])
    }

    /// Keeps what is known of these parts, which are new.
    pub(super) fn insert(&mut self, hash: u64, parts: &Parts<'_>, known: Known) {
        let number = u32::try_from(self.known.len()).expect("fewer than 2^32 identities");
        self.parts.push(parts);
        self.known.push(known);
        let (store, all, hasher) = (&self.parts, &self.known, &self.hasher);
        self.index.insert_unique(hash, number, |&known| {
            let refused = all[known as usize].refused;
            hash_parts(hasher, &store.get(known), refused)
        });
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}
