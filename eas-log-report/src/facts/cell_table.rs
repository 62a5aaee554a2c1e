//! Cells by their keys.

use std::hash::Hash;

use super::cell::Cell;
use super::key_table::KeyTable;

/// A cell for each key.
#[derive(Clone, Debug)]
pub struct CellTable<K> {
    keys: KeyTable<K>,
    cells: Vec<Cell>,
}

impl<K> Default for CellTable<K> {
    fn default() -> Self {
        CellTable {
            keys: KeyTable::default(),
            cells: Vec::new(),
        }
    }
}

impl<K: Copy + Eq + Hash> CellTable<K> {
    /// Adds requests to the cell of a key.
    #[inline]
    pub fn add(&mut self, key: K, cell: &Cell) {
        let id = self.keys.intern(key) as usize;
        match self.cells.get_mut(id) {
            Some(sum) => sum.add(cell),
            None => self.cells.push(*cell),
        }
    }

    /// Every cell with its key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &Cell)> + Clone {
        self.keys.as_slice().iter().zip(&self.cells)
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Adds the cells of another table, whose keys are translated.
    pub fn merge(&mut self, other: &CellTable<K>, translate: impl Fn(K) -> K) {
        self.keys.reserve(other.keys.len());
        for (key, cell) in other.iter() {
            self.add(translate(*key), cell);
        }
    }
}
