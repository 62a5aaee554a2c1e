//! Texts that differ in form and mean the same.

use super::NONE;
use super::text_table::{TextId, TextTable};

/// A set of texts as they stand in logs, each with a key: what it is once decoded and folded.
///
/// Folding costs an allocation and is done once a text, not once a line.
#[derive(Clone, Debug)]
pub struct FoldedTable {
    texts: TextTable,
    keys: TextTable,
    key_of: Vec<TextId>,
    fold: fn(&[u8]) -> Vec<u8>,
}

impl FoldedTable {
    /// An empty table with this way of folding.
    pub fn new(fold: fn(&[u8]) -> Vec<u8>) -> FoldedTable {
        FoldedTable {
            texts: TextTable::default(),
            keys: TextTable::default(),
            key_of: Vec::new(),
            fold,
        }
    }

    /// The number of a text.
    #[inline]
    pub fn intern(&mut self, text: &[u8]) -> TextId {
        let id = self.texts.intern(text);
        if id as usize == self.key_of.len() {
            let key = self.keys.intern(&(self.fold)(text));
            self.key_of.push(key);
        }
        id
    }

    /// The number of the key of a text.
    #[inline]
    pub fn key_of(&self, text: TextId) -> TextId {
        self.key_of[text as usize]
    }

    /// The texts as they stand in logs.
    pub fn texts(&self) -> &TextTable {
        &self.texts
    }

    /// The keys.
    pub fn keys(&self) -> &TextTable {
        &self.keys
    }

    /// Gives texts other forms, which take the place of their keys too. What folds to one key must get
    /// one form; a text without a new form stays. Numbers stay as they are, and nothing can be
    /// interned afterwards.
    pub fn rename(&mut self, form: impl Fn(TextId, &[u8]) -> Option<Vec<u8>>) {
        let (mut texts, mut keys) = (TextTable::default(), vec![Vec::new(); self.keys.len()]);
        for (id, text) in (0..).zip(self.texts.iter()) {
            let key = self.key_of(id);
            let renamed = form(id, text);
            keys[key as usize] = match &renamed {
                Some(form) => form.clone(),
                None => self.keys.get(key).to_vec(),
            };
            texts.push(renamed.as_deref().unwrap_or(text));
        }
        self.texts = texts;
        self.keys = TextTable::default();
        for key in keys {
            self.keys.push(&key);
        }
    }

    /// Takes in all texts of another table.
    pub fn merge(&mut self, other: &FoldedTable) -> Renumbered {
        let texts: Vec<TextId> = other.texts.iter().map(|text| self.intern(text)).collect();
        let mut keys = vec![NONE; other.keys.len()];
        for (text, &key) in other.key_of.iter().enumerate() {
            keys[key as usize] = self.key_of(texts[text]);
        }
        Renumbered { texts, keys }
    }
}

/// For each number of a table that was taken in, the one in the table that took it.
#[derive(Debug)]
pub struct Renumbered {
    texts: Vec<TextId>,
    keys: Vec<TextId>,
}

impl Renumbered {
    /// The number of a text; [`NONE`] stays.
    pub fn text(&self, text: TextId) -> TextId {
        self.texts.get(text as usize).copied().unwrap_or(NONE)
    }

    /// The number of a key; [`NONE`] stays.
    pub fn key(&self, key: TextId) -> TextId {
        self.keys.get(key as usize).copied().unwrap_or(NONE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_key() {
        let mut table = FoldedTable::new(<[u8]>::to_ascii_uppercase);
        let ids = [
            table.intern(b"ab"),
            table.intern(b"AB"),
            table.intern(b"c"),
            table.intern(b"ab"),
        ];
        assert_eq!(ids, [0, 1, 2, 0]);
        assert_eq!(ids.map(|id| table.key_of(id)), [0, 0, 1, 0]);
        assert_eq!(table.texts().get(0), b"ab");
        assert_eq!(table.keys().get(0), b"AB");
    }
}
