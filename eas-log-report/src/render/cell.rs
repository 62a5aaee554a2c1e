//! Values of tables for people.

use std::borrow::Cow;

use super::escape::terminal_safe;
use super::number::grouped;
use super::time::short_time;
use crate::report::{Column, Measure, Row, Section, Value};

/// A value as people read it, without anything that steers where it is shown.
pub(super) fn shown(measure: Measure, value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null if measure == Measure::Ever => Cow::Borrowed("never"),
        Value::Null => Cow::Borrowed("-"),
        Value::Text(text) => terminal_safe(text),
        Value::Number(number) if measure == Measure::Count => {
            Cow::Owned(grouped(u64::try_from(*number).unwrap_or(0)))
        }
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Time(seconds) => Cow::Owned(short_time(*seconds)),
    }
}

/// A text of at most so many characters; what is cut off is marked.
pub(super) fn cut(text: Cow<'_, str>, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => text,
    }
}

/// The columns of a table in which something stands, with their places. A time that never came says
/// something too.
pub(super) fn telling<'s>(
    section: &'s Section,
    rows: &'s [Row],
) -> impl Iterator<Item = (usize, Column)> + use<'s> {
    let columns = section.columns.iter().copied().enumerate();
    columns.filter(|&(at, column)| {
        column.measure == Measure::Ever || rows.iter().any(|row| row[at] != Value::Null)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let cases = [
            (Measure::Text, Value::Null, "-"),
            (Measure::Ever, Value::Null, "never"),
            (Measure::Count, Value::Number(1234), "1,234"),
            (Measure::Code, Value::Number(1326), "1326"),
            (
                Measure::Ever,
                Value::Time(1_304_681_411),
                "2011-05-06 11:30",
            ),
            (
                Measure::Text,
                Value::Text("a\u{202e}b".into()),
                r"a\u{202e}b",
            ),
        ];
        for (measure, value, want) in cases {
            assert_eq!(shown(measure, &value), want);
        }
        assert_eq!(cut("Zoë".into(), 3), "Zoë");
        assert_eq!(cut("Zoë!".into(), 3), "Zoë…");
    }
}
