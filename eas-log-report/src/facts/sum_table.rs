//! Sums by their keys.

use std::hash::Hash;

use super::key_table::KeyTable;
use super::prefetch::prefetch;

/// Adds up what falls on one key.
pub trait Add {
    /// Adds another value of the same key.
    fn add(&mut self, other: &Self);
}

/// A sum for each key.
#[derive(Clone, Debug)]
pub struct SumTable<K, V> {
    keys: KeyTable<K>,
    sums: Vec<V>,
}

impl<K, V> Default for SumTable<K, V> {
    fn default() -> Self {
        SumTable {
            keys: KeyTable::default(),
            sums: Vec::new(),
        }
    }
}

impl<K: Copy + Eq + Hash, V: Default + Add> SumTable<K, V> {
    /// Sets room aside for so many keys with their sums.
    pub(super) fn set_aside(&mut self, more: usize) {
        self.keys.set_aside(more);
        self.sums.reserve(more);
    }

    /// The number of a key.
    #[inline]
    pub fn number(&mut self, key: K) -> u32 {
        let id = self.keys.intern(key);
        if id as usize == self.sums.len() {
            self.sums.push(V::default());
        }
        id
    }

    /// The sum of a number that this table gave.
    #[inline]
    pub fn get_mut(&mut self, number: u32) -> &mut V {
        &mut self.sums[number as usize]
    }

    /// The sum of a key.
    #[inline]
    pub fn of(&mut self, key: K) -> &mut V {
        let number = self.number(key);
        self.get_mut(number)
    }

    /// Adds to the sum of a key.
    #[inline]
    pub fn add(&mut self, key: K, other: &V) {
        self.of(key).add(other);
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.sums.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Calls from memory what adding to the sum of a key will look at.
    #[inline]
    pub fn prefetch(&self, key: K) {
        if let Some(number) = self.keys.prefetch(key) {
            prefetch(&self.sums[number as usize]);
        }
    }

    /// Every sum with its key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> + Clone {
        self.keys.as_slice().iter().zip(&self.sums)
    }

    /// Adds the sums of another table, whose keys are translated.
    pub fn merge(&mut self, other: &SumTable<K, V>, translate: impl Fn(K) -> K) {
        self.keys.reserve(other.keys.len());
        for (key, sum) in other.iter() {
            self.add(translate(*key), sum);
        }
    }
}
