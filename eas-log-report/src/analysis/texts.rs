//! The texts of a report, by the numbers that stand for them.

use std::collections::HashMap;

use eas_log_parse::{Encoded, Escaped};

use crate::facts::{FoldedTable, NONE, TextId, TextTable};

/// Texts by the numbers that stand for them in frames.
pub(super) struct Dictionaries<'f> {
    pub(super) users: Shown<'f>,
    pub(super) devices: Shown<'f>,
    pub(super) device_types: Vec<String>,
    pub(super) user_agents: Vec<String>,
    pub(super) commands: Vec<String>,
    pub(super) errors: Vec<String>,
    pub(super) error_names: Vec<String>,
    pub(super) access_states: Vec<String>,
    pub(super) access_reasons: Vec<String>,
    pub(super) servers: Vec<String>,
}

/// Bytes from a log as text. What is not UTF-8 becomes an escape, so that different bytes stay
/// different.
pub(super) fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => Escaped(bytes).to_string(),
    }
}

pub(super) fn texts(table: &TextTable) -> Vec<String> {
    table.iter().map(text).collect()
}

/// For each key the text to show for it: of all texts that fold to it, the first in order. There are
/// many, of which few are shown.
pub(super) struct Shown<'f> {
    table: &'f FoldedTable,
    /// By key.
    texts: Vec<TextId>,
}

impl<'f> Shown<'f> {
    pub(super) fn new(table: &'f FoldedTable) -> Shown<'f> {
        let mut texts = vec![NONE; table.keys().len()];
        for id in 0..table.texts().len() as TextId {
            let first = &mut texts[table.key_of(id) as usize];
            if *first == NONE || decoded(table, id) < decoded(table, *first) {
                *first = id;
            }
        }
        Shown { table, texts }
    }

    /// The text of a key; none of [`NONE`].
    pub(super) fn get(&self, key: TextId) -> Option<String> {
        let &text = self.texts.get(key as usize)?;
        Some(decoded(self.table, text))
    }
}

fn decoded(table: &FoldedTable, id: TextId) -> String {
    text(&Encoded::new(table.texts().get(id)).decode())
}

/// Numbers for texts that are made here.
#[derive(Default)]
pub(super) struct Numbering {
    pub(super) texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Numbering {
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.texts.len() as u32;
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}
