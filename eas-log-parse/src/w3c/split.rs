//! Cutting a line into values.

use crate::separators::{Look, Separators, at_best};

/// The place of one value in its line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    #[inline]
    fn new(start: usize, end: usize) -> Span {
        // Lines are bounded by `reader::MAX_LINE`, far below `u32::MAX`.
        Span {
            start: start as u32,
            end: end as u32,
        }
    }

    /// The value itself.
    #[inline]
    pub(crate) fn of(self, line: &[u8]) -> &[u8] {
        line.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// Cuts a line that must hold `expected` values. On failure tells the offset at which the line has too
/// few or begins to have too many.
///
/// IIS separates values by one blank, so one blank cuts, and two in a row hold an empty value.
/// Only a line that does not come out right that way is read again: values in quotes
/// (Advanced Logging), several blanks or tabs in a row, tabs with blanks inside values.
#[inline]
pub(crate) fn split(line: &[u8], expected: usize, values: &mut Vec<Span>) -> Result<(), Miscount> {
    // From line to line it is the same number, whatever comes of a line: each value has its place
    // already, and a short line below many fields costs no more than it is long.
    values.resize(expected, Span::default());
    if split_into(b' ', line, values) {
        return Ok(());
    }
    split_again(line, values)
}

/// The number of values a line has when it is not the number expected, as IIS separates them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Miscount {
    /// Fewer than expected; otherwise more.
    pub(crate) too_few: bool,
    /// Offset of the first value too many, or of the end of the line.
    pub(crate) at: usize,
}

#[cold]
fn split_again(line: &[u8], places: &mut [Span]) -> Result<(), Miscount> {
    // Who separates by tabs writes blanks into values.
    if memchr::memchr(b'\t', line).is_some() && split_into(b'\t', line, places) {
        return Ok(());
    }
    if let Some(line) = line.strip_suffix(b" ")
        && split_into(b' ', line, places)
    {
        return Ok(());
    }
    split_blanks_and_quotes(line, places)
}

/// Cuts a line at each separator, and tells whether it holds as many values as there are places.
#[inline]
fn split_into(separator: u8, line: &[u8], places: &mut [Span]) -> bool {
    at_best!(split_by, separator, line, places)
}

#[inline(always)]
fn split_by(look: impl Look, separator: u8, line: &[u8], places: &mut [Span]) -> bool {
    let mut places = places.iter_mut();
    let mut start = 0;
    for end in Separators::new(look, line, [separator]) {
        let Some(place) = places.next() else {
            return false;
        };
        *place = Span::new(start, end);
        start = end + 1;
    }
    let Some(last) = places.next() else {
        return false;
    };
    *last = Span::new(start, line.len());
    places.next().is_none()
}

/// Runs of blanks and tabs separate; a value that opens with a quote runs to the quote that closes
/// it, where two quotes in a row are one inside. A quote that nothing closes is an ordinary byte.
fn split_blanks_and_quotes(line: &[u8], places: &mut [Span]) -> Result<(), Miscount> {
    let mut places = places.iter_mut();
    let is_separator = |at: usize| line.get(at).is_none_or(|&b| b == b' ' || b == b'\t');
    let mut at = 0;
    // Once one opening quote finds no closing one, no later one does: this keeps time linear.
    let mut quotes = true;
    while at < line.len() {
        if is_separator(at) {
            at += 1;
            continue;
        }
        let start = at;
        let mut end = None;
        if quotes && line[at] == b'"' {
            end = closing_quote(line, at);
            quotes = end.is_some();
        }
        at = match end {
            Some(quote) if is_separator(quote + 1) => quote + 1,
            _ => memchr::memchr2(b' ', b'\t', &line[start..]).map_or(line.len(), |n| start + n),
        };
        let Some(place) = places.next() else {
            return Err(Miscount {
                too_few: false,
                at: start,
            });
        };
        *place = Span::new(start, at);
    }
    match places.next() {
        None => Ok(()),
        Some(_) => Err(Miscount {
            too_few: true,
            at: line.len(),
        }),
    }
}

fn closing_quote(line: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        let quote = at + memchr::memchr(b'"', &line[at..])?;
        if line.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str, expected: usize) -> Result<Vec<&str>, Miscount> {
        let mut spans = Vec::new();
        split(line.as_bytes(), expected, &mut spans)?;
        Ok(spans
            .iter()
            .map(|s| &line[s.start as usize..s.end as usize])
            .collect())
    }

    #[test]
    fn lines_of_iis_and_of_others() {
        let cases: [(&str, &[&str]); 13] = [
            ("a b c", &["a", "b", "c"]),
            ("a  c", &["a", "", "c"]),
            ("a  b c", &["a", "b", "c"]),
            (" a b c ", &["a", "b", "c"]),
            ("a\tb\tc", &["a", "b", "c"]),
            ("a\tb with blanks\tc d", &["a", "b with blanks", "c d"]),
            ("a\t\tc d", &["a", "", "c d"]),
            ("a  c ", &["a", "", "c"]),
            ("a b  ", &["a", "b", ""]),
            (r#"a "b b" c"#, &["a", r#""b b""#, "c"]),
            (r#"a " ""b"" / b " c"#, &["a", r#"" ""b"" / b ""#, "c"]),
            (r#"a "b c"#, &["a", "\"b", "c"]),
            (r#"a "b"b c"#, &["a", "\"b\"b", "c"]),
        ];
        for (line, want) in cases {
            assert_eq!(values(line, 3).as_deref(), Ok(want), "{line:?}");
        }
    }

    #[test]
    fn a_miscount_says_where() {
        assert_eq!(
            values("a b", 3),
            Err(Miscount {
                too_few: true,
                at: 3
            })
        );
        assert_eq!(
            values("a b c d e", 3),
            Err(Miscount {
                too_few: false,
                at: 6
            })
        );
    }

    #[test]
    fn a_line_that_does_not_come_out_leaves_the_places() {
        let mut spans = Vec::new();
        for line in ["a", "a b c d", "\"a b", "", "a\tb"] {
            assert!(split(line.as_bytes(), 3, &mut spans).is_err(), "{line:?}");
            assert_eq!(
                spans.len(),
                3,
                "{line:?}: the next line would have to make them again"
            );
        }
        assert_eq!(split(b"a b c", 3, &mut spans), Ok(()));
    }

    #[test]
    fn unclosed_quotes_cost_linear_time() {
        let line = " \"".repeat(200_000);
        assert!(values(&line, 3).is_err());
    }
}
