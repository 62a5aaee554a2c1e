//! Small keys, each kept once and known by a number.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::prefetch::prefetch;

/// A set of keys in the order in which they were first seen.
#[derive(Clone, Debug)]
pub struct KeyTable<K> {
    keys: Vec<K>,
    index: HashTable<u32>,
    hasher: RandomState,
}

impl<K> Default for KeyTable<K> {
    fn default() -> Self {
        KeyTable {
            keys: Vec::new(),
            index: HashTable::new(),
            hasher: RandomState::default(),
        }
    }
}

impl<K: Copy + Eq + Hash> KeyTable<K> {
    /// The number of a key, which is new (the former length) if the key is.
    #[inline]
    pub fn intern(&mut self, key: K) -> u32 {
        let hash = self.hasher.hash_one(key);
        if let Some(&id) = self.index.find(hash, |&id| self.keys[id as usize] == key) {
            return id;
        }
        let id = u32::try_from(self.keys.len()).expect("fewer than 2^32 different keys");
        self.keys.push(key);
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.index
            .insert_unique(hash, id, |&id| hasher.hash_one(keys[id as usize]));
        id
    }

    /// Calls from memory what will be looked at to find a key, and gives the number that it most likely
    /// has.
    #[inline]
    pub fn prefetch(&self, key: K) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        let id = *self.index.iter_hash(hash).next()?;
        prefetch(&self.keys[id as usize]);
        Some(id)
    }

    /// Sets room aside for so many keys.
    pub(super) fn set_aside(&mut self, more: usize) {
        self.keys.reserve(more);
    }

    /// Makes room for so many keys more, as far as finding them goes.
    pub fn reserve(&mut self, more: usize) {
        let (keys, hasher) = (&self.keys, &self.hasher);
        self.index
            .reserve(more, |&id| hasher.hash_one(keys[id as usize]));
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys in the order of their numbers.
    pub fn as_slice(&self) -> &[K] {
        &self.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_number() {
        let mut table = KeyTable::default();
        for n in 0..1000u64 {
            assert_eq!(table.intern(n * 7), n as u32);
        }
        assert_eq!(table.intern(21), 3);
        assert_eq!(table.as_slice()[3], 21);
    }
}
