//! What can be wrong with a line or a value, and where in it.

use core::fmt;

use crate::text::Escaped;

/// What is wrong, and where.
///
/// A fault is two words: it holds no text and allocates nothing, so that a log made of faults
/// costs no more to read than a sound one. [`Fault::explain`] makes a sentence of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Offset of the first offending byte, in bytes from 0, within the line (for a line that
    /// makes no record) or within the value (for a value that was asked for).
    pub at: u32,
}

/// The kinds of fault.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum FaultKind {
    /// A record stands before any `#Fields` directive: its values have no names.
    NoFields,
    /// The line has fewer values than `#Fields` has names.
    TooFewValues,
    /// The line has more values than `#Fields` has names, under every reading of quotes, tabs
    /// and repeated blanks.
    TooManyValues,
    /// The last line of the log has no line feed and makes no record: it was cut off, or it is
    /// still being written.
    Unterminated,
    /// The line holds NUL bytes, as a server that lost power leaves them, and text was lost.
    NulBlock,
    /// The line is longer than the reader's limit; its tail was passed over.
    LineTooLong,
    /// A `#Fields` directive names no field.
    EmptyFields,
    /// Not a date as `YYYY-MM-DD`.
    BadDate,
    /// Not a time of day as `HH:MM:SS` with an optional fraction.
    BadTime,
    /// Not a decimal number.
    BadNumber,
    /// A number too large for the type that was asked for.
    NumberTooLarge,
    /// Not an access state that Exchange is known to write.
    BadAccessState,
    /// Not one of the forms of a throttling budget entry.
    BadBudget,
    /// Not base64 text.
    BadBase64,
    /// Base64 text whose bytes are not those of a request.
    BadRequestBytes,
}

impl FaultKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [FaultKind; 15] = [
        FaultKind::NoFields,
        FaultKind::TooFewValues,
        FaultKind::TooManyValues,
        FaultKind::Unterminated,
        FaultKind::NulBlock,
        FaultKind::LineTooLong,
        FaultKind::EmptyFields,
        FaultKind::BadDate,
        FaultKind::BadTime,
        FaultKind::BadNumber,
        FaultKind::NumberTooLarge,
        FaultKind::BadAccessState,
        FaultKind::BadBudget,
        FaultKind::BadBase64,
        FaultKind::BadRequestBytes,
    ];

    /// A stable name in snake_case, as reports and JSON show it.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::NoFields => "no_fields",
            FaultKind::TooFewValues => "too_few_values",
            FaultKind::TooManyValues => "too_many_values",
            FaultKind::Unterminated => "unterminated",
            FaultKind::NulBlock => "nul_block",
            FaultKind::LineTooLong => "line_too_long",
            FaultKind::EmptyFields => "empty_fields",
            FaultKind::BadDate => "bad_date",
            FaultKind::BadTime => "bad_time",
            FaultKind::BadNumber => "bad_number",
            FaultKind::NumberTooLarge => "number_too_large",
            FaultKind::BadAccessState => "bad_access_state",
            FaultKind::BadBudget => "bad_budget",
            FaultKind::BadBase64 => "bad_base64",
            FaultKind::BadRequestBytes => "bad_request_bytes",
        }
    }

    /// What was expected, as the middle of a sentence.
    pub fn expected(self) -> &'static str {
        match self {
            FaultKind::NoFields => "a #Fields directive before the first record",
            FaultKind::TooFewValues => "as many values as #Fields has names",
            FaultKind::TooManyValues => "no more values than #Fields has names",
            FaultKind::Unterminated => "a whole last line",
            FaultKind::NulBlock => "text",
            FaultKind::LineTooLong => "a line within the length limit",
            FaultKind::EmptyFields => "at least one field name after #Fields:",
            FaultKind::BadDate => "a date as YYYY-MM-DD",
            FaultKind::BadTime => "a time of day as HH:MM:SS",
            FaultKind::BadNumber => "a decimal number",
            FaultKind::NumberTooLarge => "a smaller number",
            FaultKind::BadAccessState => "an access state such as AllowedG or BlockedP",
            FaultKind::BadBudget => "a throttling budget entry such as AD:$null/$null/0%",
            FaultKind::BadBase64 => "base64 text",
            FaultKind::BadRequestBytes => "the bytes of a request (MS-ASHTTP 2.2.1.1.1.1)",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Fault {
    /// A fault of this kind at this offset. Offsets beyond `u32` are held at its maximum.
    pub(crate) fn new(kind: FaultKind, at: usize) -> Fault {
        Fault {
            kind,
            at: u32::try_from(at).unwrap_or(u32::MAX),
        }
    }

    /// A sentence for people: what was expected and what was found, with the found bytes escaped
    /// and cut to a readable length. `bytes` is the line or value that the fault was found in.
    ///
    /// ```
    /// use eas_log_parse::{Fault, FaultKind};
    /// let fault = Fault { kind: FaultKind::BadDate, at: 0 };
    /// assert_eq!(
    ///     fault.explain(b"YYYY-MM-DD").to_string(),
    ///     "expected a date as YYYY-MM-DD, but found 'YYYY-MM-DD'"
    /// );
    /// ```
    pub fn explain(self, bytes: &[u8]) -> Explained<'_> {
        let at = (self.at as usize).min(bytes.len());
        Explained {
            kind: self.kind,
            found: &bytes[at..],
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {} at byte {}", self.kind.expected(), self.at)
    }
}

impl core::error::Error for Fault {}

/// A fault with the bytes it was found in, made by [`Fault::explain`].
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    kind: FaultKind,
    found: &'a [u8],
}

/// A sentence shows no more characters than this of what was found: enough to recognise the line,
/// short enough for one terminal row.
const SHOWN: usize = 60;

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, but found ", self.kind.expected())?;
        if self.found.is_empty() {
            return f.write_str("the end");
        }
        let head = Escaped(&self.found[..self.found.len().min(SHOWN)]).to_string();
        let shown: String = head.chars().take(SHOWN).collect();
        write!(f, "'{shown}'")?;
        if self.found.len() > SHOWN || shown.len() < head.len() {
            write!(f, "… ({} bytes)", self.found.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_snake_case() {
        let names: std::collections::BTreeSet<_> =
            FaultKind::ALL.iter().map(|k| k.name()).collect();
        assert_eq!(names.len(), FaultKind::ALL.len());
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        assert!(names.iter().all(|n| n.bytes().all(plain)));
    }

    #[test]
    fn a_sentence_says_what_was_expected_and_found() {
        let cases: [(FaultKind, u32, &[u8], &str); 3] = [
            (
                FaultKind::BadNumber,
                1,
                b"4x9",
                "expected a decimal number, but found 'x9'",
            ),
            (
                FaultKind::BadNumber,
                9,
                b"",
                "expected a decimal number, but found the end",
            ),
            (
                FaultKind::NulBlock,
                0,
                b"\0\x1b[2J",
                r"expected text, but found '\x00\x1b[2J'",
            ),
        ];
        for (kind, at, bytes, want) in cases {
            assert_eq!(Fault { kind, at }.explain(bytes).to_string(), want);
        }
        let long = [b'a'; 100];
        let fault = Fault {
            kind: FaultKind::BadTime,
            at: 0,
        };
        assert!(fault.explain(&long).to_string().ends_with("… (100 bytes)"));
    }
}
