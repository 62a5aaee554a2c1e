//! Cutting a budget into snapshots and entries.
//!
//! Separators are percent-encoded in logs (`%2c`, `%3a`, `%3b`, `%5b`, `%5d`, in either case) and
//! plain in published copies; both are read.

use core::fmt;

use crate::separators::{Baseline, Separators};
use crate::text::{Encoded, Escaped, symbol};

/// Cuts off the first snapshot: up to a `;` that a `(` follows.
pub(super) fn split_snapshot(text: &[u8]) -> (&[u8], &[u8]) {
    for open in memchr::memchr_iter(b'(', text) {
        // No escape holds a percent sign or a semicolon, so that one before a place is a whole one.
        let end = match &text[..open] {
            [before @ .., b'%', b'3', b'b' | b'B'] | [before @ .., b';'] => before.len(),
            _ => continue,
        };
        return (&text[..end], &text[open..]);
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
    text: &'a [u8],
    /// Where the next entry begins.
    at: usize,
    /// The places from there on where a comma or a bracket may stand, plain or escaped.
    places: Separators<'a, Baseline, 4>,
}

impl<'a> BudgetEntries<'a> {
    pub(super) fn new(text: &'a [u8]) -> BudgetEntries<'a> {
        BudgetEntries {
            text,
            at: 0,
            places: Separators::new(Baseline, text, *b"%,[]"),
        }
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

/// Length of the key that a text begins with.
#[inline]
fn key_length(text: &[u8]) -> usize {
    text.iter()
        .take_while(|b| b.is_ascii_alphanumeric())
        .count()
}

/// Whether an entry begins here, after a comma. Names of owners and policies are free text.
#[inline]
fn begins_entry(text: &[u8], after_name: bool) -> bool {
    if !after_name {
        return text.first().is_some_and(u8::is_ascii_alphanumeric);
    }
    let letters = key_length(text);
    // An escape may stand for a letter, and the key go on.
    let ends = symbol(text, letters).is_none_or(|(next, _)| !next.is_ascii_alphanumeric());
    ends && AFTER_A_NAME.contains(&&text[..letters])
}

/// A separator of entries and lists at a place, with the number of bytes that it takes.
#[inline]
fn separator(text: &[u8], at: usize) -> Option<(u8, usize)> {
    match *text.get(at..)? {
        [b'%', b'2', b'c' | b'C', ..] => Some((b',', 3)),
        [b'%', b'5', b'b' | b'B', ..] => Some((b'[', 3)),
        [b'%', b'5', b'd' | b'D', ..] => Some((b']', 3)),
        [plain @ (b',' | b'[' | b']'), ..] => Some((plain, 1)),
        _ => None,
    }
}

impl<'a> Iterator for BudgetEntries<'a> {
    type Item = BudgetEntry<'a>;

    #[inline]
    fn next(&mut self) -> Option<BudgetEntry<'a>> {
        let text = self.text;
        let start = self.at;
        let rest = text.get(start..).filter(|rest| !rest.is_empty())?;
        let letters = key_length(rest);
        let key = &rest[..letters];
        let value_at = match symbol(rest, letters) {
            Some((b':', width)) => start + letters + width,
            _ => start + letters,
        };
        let is_name = key == b"Policy" || key == b"Owner";
        let mut in_list = false;
        let (value_end, next) = loop {
            let Some(at) = self.places.next() else {
                break (text.len(), text.len());
            };
            // The colon behind the key.
            if at < value_at {
                continue;
            }
            match separator(text, at) {
                Some((b'[', _)) => in_list = true,
                Some((b']', _)) => in_list = false,
                Some((b',', width)) if !in_list && begins_entry(&text[at + width..], is_name) => {
                    break (at, at + width);
                }
                _ => {}
            }
        };
        self.at = next;
        Some(BudgetEntry {
            key,
            value: &text[value_at..value_end],
        })
    }
}
