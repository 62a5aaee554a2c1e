//! The identities met so far, by the raw bytes that make them.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::facts::{KeyTable, prefetch};
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
    /// At which times: the number of a window of [`KnownIdentities`].
    pub(super) window: u32,
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
    entries: Vec<Entry>,
    /// The parts of those for which an entry has no room, with their lengths.
    far: Vec<(Vec<u8>, [usize; 5])>,
    index: HashTable<u32>,
    hasher: RandomState,
    /// The windows that there are: of most identities the same.
    windows: KeyTable<Window>,
}

/// So many bytes are room for the parts of most identities.
const NEAR: usize = 98;

/// An identity, with all that finding it looks at in two neighbouring lines of the cache: it is looked
/// up for each line, among more of them than the cache holds, and what it waits for is memory.
#[repr(align(128))]
struct Entry {
    known: Known,
    /// The place among those that have no room here, or [`NEARBY`].
    far: u32,
    lengths: [u8; 5],
    /// The parts, one behind the other, if there is room for them.
    near: [u8; NEAR],
}

/// In place of a place elsewhere.
const NEARBY: u32 = u32::MAX;

impl Entry {
    #[inline]
    fn parts<'a>(&'a self, far: &'a [(Vec<u8>, [usize; 5])]) -> Parts<'a> {
        match self.far {
            NEARBY => cut(&self.near, self.lengths.map(usize::from)),
            place => {
                let (bytes, lengths) = &far[place as usize];
                cut(bytes, *lengths)
            }
        }
    }
}

/// Cuts off parts of these lengths, one behind the other.
#[inline]
fn cut(bytes: &[u8], lengths: [usize; 5]) -> Parts<'_> {
    let mut rest = bytes;
    lengths.map(|length| {
        let (part, behind) = rest.split_at(length);
        rest = behind;
        part
    })
}

#[inline]
fn hash_parts(hasher: &RandomState, parts: &Parts<'_>, refused: bool) -> u64 {
    let mut hasher = hasher.build_hasher();
    hasher.write_u8(refused.into());
    for part in parts {
        // The length of each goes into the hash by itself.
        hasher.write(part);
    }
    hasher.finish()
}

impl KnownIdentities {
    /// Sets room aside for so many identities.
    pub(super) fn reserve(&mut self, identities: usize) {
        self.entries.reserve(identities);
    }

    /// The hash of parts.
    #[inline]
    pub(super) fn hash(&self, parts: &Parts<'_>, refused: bool) -> u64 {
        hash_parts(&self.hasher, parts, refused)
    }

    /// Calls from memory what will be looked at to find the parts of this hash.
    #[inline]
    pub(super) fn prefetch(&self, hash: u64) {
        if let Some(&number) = self.index.iter_hash(hash).next() {
            let entry = &self.entries[number as usize];
            prefetch(&entry.known);
            prefetch(&entry.near[NEAR / 2]);
        }
    }

    /// What is known of these parts, of which this is the hash.
    #[inline]
    pub(super) fn find(&self, hash: u64, parts: &Parts<'_>, refused: bool) -> Option<Known> {
        let found = self.index.find(hash, |&number| {
            let entry = &self.entries[number as usize];
            entry.known.refused == refused && entry.parts(&self.far) == *parts
        });
        found.map(|&number| self.entries[number as usize].known)
    }

    /// Remembers what is known of parts that were not found.
    pub(super) fn insert(&mut self, hash: u64, parts: &Parts<'_>, known: Known) {
        let number = u32::try_from(self.entries.len()).expect("fewer than 2^32 identities");
        let together = parts.concat();
        let mut entry = Entry {
            known,
            far: NEARBY,
            lengths: [0; 5],
            near: [0; NEAR],
        };
        if let Some(near) = entry.near.get_mut(..together.len()) {
            near.copy_from_slice(&together);
            entry.lengths = parts.map(|part| part.len() as u8);
        } else {
            entry.far = u32::try_from(self.far.len()).expect("fewer than 2^32 identities");
            self.far.push((together, parts.map(<[u8]>::len)));
        }
        self.entries.push(entry);
        let (entries, far, hasher) = (&self.entries, &self.far, &self.hasher);
        self.index.insert_unique(hash, number, |&number| {
            let entry = &entries[number as usize];
            hash_parts(hasher, &entry.parts(far), entry.known.refused)
        });
    }

    /// The number of a window.
    pub(super) fn number_of(&mut self, window: Window) -> u32 {
        self.windows.intern(window)
    }

    /// The window of a number.
    #[inline]
    pub(super) fn window(&self, number: u32) -> Window {
        self.windows.as_slice()[number as usize]
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_fits_two_lines_of_the_cache() {
        assert_eq!(size_of::<Entry>(), 128);
    }

    #[test]
    fn parts_near_and_far_are_found() {
        let mut table = KnownIdentities::default();
        let agents: Vec<String> = (0..3 * NEAR).map(|length| "x".repeat(length)).collect();
        let parts = |n: usize| -> Parts<'_> {
            [
                b"CONTOSO\\u1",
                b"u1",
                b"D1",
                b"iPhone",
                agents[n].as_bytes(),
            ]
        };
        for refused in [false, true] {
            for n in 0..agents.len() {
                let hash = table.hash(&parts(n), refused);
                assert!(table.find(hash, &parts(n), refused).is_none(), "{n}");
                let known = Known {
                    identity: n as u32,
                    entity: 0,
                    standing: Standing::Counts,
                    window: 0,
                    refused,
                    told_apart: true,
                };
                table.insert(hash, &parts(n), known);
            }
        }
        for refused in [false, true] {
            for n in 0..agents.len() {
                let hash = table.hash(&parts(n), refused);
                let found = table.find(hash, &parts(n), refused);
                let found = found.map(|known| (known.identity, known.refused));
                assert_eq!(found, Some((n as u32, refused)));
            }
        }
        assert_eq!(table.len(), 2 * agents.len());
    }
}
