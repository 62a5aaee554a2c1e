//! Texts from logs, each kept once and known by a number.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// Number of a text in a [`TextTable`].
pub type TextId = u32;

/// A set of texts in the order in which they were first seen.
///
/// The bytes lie in one buffer, so that a hundred thousand user agents are two allocations.
#[derive(Clone, Debug, Default)]
pub struct TextTable {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    index: HashTable<TextId>,
    hasher: RandomState,
}

impl TextTable {
    /// The number of a text, which is new if the text is.
    #[inline]
    pub fn intern(&mut self, text: &[u8]) -> TextId {
        let hash = self.hasher.hash_one(text);
        let (bytes, ends) = (&self.bytes, &self.ends);
        if let Some(&id) = self.index.find(hash, |&id| slice(bytes, ends, id) == text) {
            return id;
        }
        let id = TextId::try_from(self.ends.len()).expect("fewer than 2^32 different texts");
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        let (bytes, ends, hasher) = (&self.bytes, &self.ends, &self.hasher);
        self.index
            .insert_unique(hash, id, |&id| hasher.hash_one(slice(bytes, ends, id)));
        id
    }

    /// Adds a text under the next number, also if it is there already. It cannot be found by
    /// [`TextTable::intern`].
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Gives all texts other forms. Numbers stay as they are, and nothing can be interned afterwards.
    pub fn rename(&mut self, form: impl Fn(&[u8]) -> Vec<u8>) {
        let mut renamed = TextTable::default();
        for text in self.iter() {
            renamed.push(&form(text));
        }
        *self = renamed;
    }

    /// The text of a number that this table gave.
    #[inline]
    pub fn get(&self, id: TextId) -> &[u8] {
        slice(&self.bytes, &self.ends, id)
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The texts in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.len()).map(|id| self.get(id as TextId))
    }

    /// Takes in all texts of another table, and gives for each of its numbers the one here.
    pub fn merge(&mut self, other: &TextTable) -> Vec<TextId> {
        other.iter().map(|text| self.intern(text)).collect()
    }
}

#[inline]
fn slice<'a>(bytes: &'a [u8], ends: &[usize], id: TextId) -> &'a [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &bytes[start..ends[id]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_number() {
        let mut table = TextTable::default();
        assert_eq!(table.intern(b"a"), 0);
        assert_eq!(table.intern(b""), 1);
        assert_eq!(table.intern(b"a"), 0);
        assert_eq!(
            (table.len(), table.get(0), table.get(1)),
            (2, &b"a"[..], &b""[..])
        );
    }

    #[test]
    fn merging_translates_numbers() {
        let (mut left, mut right) = (TextTable::default(), TextTable::default());
        left.intern(b"x");
        right.intern(b"y");
        right.intern(b"x");
        assert_eq!(left.merge(&right), [1, 0]);
        assert_eq!(left.iter().collect::<Vec<_>>(), [b"x", b"y"]);
    }

    #[test]
    fn many_texts() {
        let mut table = TextTable::default();
        for n in 0..10_000u32 {
            assert_eq!(table.intern(n.to_string().as_bytes()), n);
        }
        for n in 0..10_000u32 {
            assert_eq!(table.intern(n.to_string().as_bytes()), n);
        }
    }
}
