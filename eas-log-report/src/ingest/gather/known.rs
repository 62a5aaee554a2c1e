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
    /// Whether it is told apart from others.
    pub(super) told_apart: bool,
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
    /// The parts of all, one behind the other.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    index: HashTable<u32>,
    hasher: RandomState,
}

/// An identity, with all that finding it looks at in one place: it is looked up for each line, among
/// more of them than the cache of a processor holds.
struct Entry {
    /// Where its parts begin in the bytes of all.
    start: usize,
    lengths: [u32; 5],
    known: Known,
}

impl Entry {
    #[inline]
    fn parts<'a>(&self, bytes: &'a [u8]) -> Parts<'a> {
        let mut rest = &bytes[self.start..];
        self.lengths.map(|length| {
            let (part, behind) = rest.split_at(length as usize);
            rest = behind;
            part
        })
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
        let found = self.index.find(hash, |&number| {
            let entry = &self.entries[number as usize];
            entry.known.refused == refused && entry.parts(&self.bytes) == *parts
        });
        found.map(|&number| self.entries[number as usize].known)
    }

    /// Remembers what is known of parts that were not found.
    pub(super) fn insert(&mut self, hash: u64, parts: &Parts<'_>, known: Known) {
        let number = u32::try_from(self.entries.len()).expect("fewer than 2^32 identities");
        let start = self.bytes.len();
        let lengths = parts.map(|part| {
            self.bytes.extend_from_slice(part);
            u32::try_from(part.len()).expect("a line of less than 4 GiB")
        });
        self.entries.push(Entry {
            start,
            lengths,
            known,
        });
        let (entries, bytes, hasher) = (&self.entries, &self.bytes, &self.hasher);
        self.index.insert_unique(hash, number, |&number| {
            let entry = &entries[number as usize];
            hash_parts(hasher, &entry.parts(bytes), entry.known.refused)
        });
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}
