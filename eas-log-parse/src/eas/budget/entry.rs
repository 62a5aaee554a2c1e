//! Cutting a budget into snapshots and entries.
//!
//! Separators are percent-encoded in logs (`%2c`, `%3a`, `%3b`, `%5b`, `%5d`, in either case) and
//! plain in published copies; both are read.

use core::fmt;

use crate::text::{Encoded, Escaped, symbol};

/// Cuts off the first snapshot: up to a `;` that a `(` follows.
pub(super) fn split_snapshot(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some((symbol, width)) = symbol(text, at) {
        if symbol == b';' && text.get(at + width) == Some(&b'(') {
            return (&text[..at], &text[at + width..]);
        }
        at += width;
    }
    (text, &[])
}

/// One entry of a snapshot: a key with a value, or the bare word `Norm` with an optional list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BudgetEntry<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> BudgetEntry<'a> {
    /// The key.
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// The value as it stands in the log.
    pub fn value(&self) -> Encoded<'a> {
        Encoded::new(self.value)
    }
}

impl fmt::Debug for BudgetEntry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Escaped(self.key), Escaped(self.value))
    }
}

/// Iterator over the entries of a snapshot; see
/// [`BudgetSnapshot::entries`](super::BudgetSnapshot::entries).
#[derive(Clone, Debug)]
pub struct BudgetEntries<'a> {
    rest: &'a [u8],
}

impl<'a> BudgetEntries<'a> {
    pub(super) fn new(rest: &'a [u8]) -> BudgetEntries<'a> {
        BudgetEntries { rest }
    }
}

/// The keys that are known to follow a name that may itself hold commas and colons.
const AFTER_A_NAME: [&[u8]; 5] = [
    b"Conn",
    b"IsServiceAccount",
    b"LiveTime",
    b"Norm",
    b"MaxConn",
];

/// Whether an entry begins here, after a comma. Names of owners and policies are free text.
fn begins_entry(text: &[u8], after_name: bool) -> bool {
    let letters = text
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric())
        .count();
    let key = &text[..letters];
    if after_name {
        // An escape may stand for a letter, and the key go on.
        let ends = symbol(text, letters).is_none_or(|(next, _)| !next.is_ascii_alphanumeric());
        return ends && AFTER_A_NAME.contains(&key);
    }
    letters > 0
}

impl<'a> Iterator for BudgetEntries<'a> {
    type Item = BudgetEntry<'a>;

    fn next(&mut self) -> Option<BudgetEntry<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let text = self.rest;
        let key_end = text
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric())
            .count();
        let key = &text[..key_end];
        let value_at = match symbol(text, key_end) {
            Some((b':', width)) => key_end + width,
            _ => key_end,
        };
        let is_name = key == b"Policy" || key == b"Owner";
        let mut at = value_at;
        let mut in_list = false;
        let mut end = None;
        while let Some((symbol, width)) = symbol(text, at) {
            match symbol {
                b'[' => in_list = true,
                b']' => in_list = false,
                b',' if !in_list && begins_entry(&text[at + width..], is_name) => {
                    end = Some((at, at + width));
                    break;
                }
                _ => {}
            }
            at += width;
        }
        let (value_end, next) = end.unwrap_or((text.len(), text.len()));
        self.rest = &text[next..];
        Some(BudgetEntry {
            key,
            value: &text[value_at..value_end],
        })
    }
}
