//! What the columns of a line mean.

use core::fmt;
use core::ops::Range;
use std::sync::Arc;

use super::field::Field;
use crate::text::Escaped;

/// The order of fields on the lines below a `#Fields` directive.
///
/// Cloning is cheap (a reference count). Two layouts are equal when they hold the same names in
/// the same order, without regard to case.
///
/// ```
/// use eas_log_parse::FieldLayout;
/// let layout = FieldLayout::parse(b"date time X-Forwarded-For");
/// assert_eq!(layout.column_named(b"x-forwarded-for"), Some(2));
/// assert_eq!(layout.to_string(), "date time X-Forwarded-For");
/// assert_eq!(layout, FieldLayout::parse(b"Date Time x-forwarded-for"));
/// ```
#[derive(Clone)]
pub struct FieldLayout(Arc<Inner>);

struct Inner {
    text: Box<[u8]>,
    /// Where the names stand in the text.
    names: Vec<Range<usize>>,
    columns: [u16; Field::COUNT],
}

/// Marks a standard field that the layout does not have.
const ABSENT: u16 = u16::MAX;

impl FieldLayout {
    /// Reads the value of a `#Fields` directive: names separated by blanks or tabs.
    ///
    /// Where a name stands twice, the first one is taken for the typed getters, and both remain
    /// reachable by column.
    ///
    /// ```
    /// use eas_log_parse::{Field, FieldLayout};
    /// let layout = FieldLayout::parse(b"date time cs-uri-stem sc-status ");
    /// assert_eq!(layout.len(), 4);
    /// assert_eq!(layout.column(Field::ScStatus), Some(3));
    /// ```
    pub fn parse(names: &[u8]) -> FieldLayout {
        let mut columns = [ABSENT; Field::COUNT];
        let text: Box<[u8]> = names.into();
        let mut names = Vec::new();
        let mut start = 0;
        for name in text.split(|&b| b == b' ' || b == b'\t') {
            let end = start + name.len();
            if !name.is_empty() {
                names.push(start..end);
            }
            start = end + 1;
        }
        for (column, name) in names.iter().enumerate().take(usize::from(ABSENT)) {
            if let Some(field) = Field::from_name(&text[name.clone()]) {
                let slot = &mut columns[field as usize];
                if *slot == ABSENT {
                    *slot = column as u16;
                }
            }
        }
        FieldLayout(Arc::new(Inner {
            text,
            names,
            columns,
        }))
    }

    /// Number of fields, which is the number of values a record must have.
    pub fn len(&self) -> usize {
        self.0.names.len()
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.0.names.is_empty()
    }

    /// The column of a standard field, from 0.
    #[inline]
    pub fn column(&self, field: Field) -> Option<usize> {
        let column = self.0.columns[field as usize];
        (column != ABSENT).then_some(usize::from(column))
    }

    /// The column of a field of any name, from 0, without regard to case.
    pub fn column_named(&self, name: &[u8]) -> Option<usize> {
        self.names().position(|n| n.eq_ignore_ascii_case(name))
    }

    /// The names as they were written, in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let Inner { text, names, .. } = &*self.0;
        names.iter().map(|name| &text[name.clone()])
    }
}

impl PartialEq for FieldLayout {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.len() == other.len()
                && self
                    .names()
                    .zip(other.names())
                    .all(|(a, b)| a.eq_ignore_ascii_case(b)))
    }
}

impl Eq for FieldLayout {}

impl fmt::Debug for FieldLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldLayout({self})")
    }
}

impl fmt::Display for FieldLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (column, name) in self.names().enumerate() {
            let blank = if column > 0 { " " } else { "" };
            write!(f, "{blank}{}", Escaped(name))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case_order_and_spacing() {
        let layout = FieldLayout::parse(b"  SC-Status\tX-Custom  date  ");
        assert_eq!(layout.len(), 3);
        assert_eq!(layout.column(Field::ScStatus), Some(0));
        assert_eq!(layout.column(Field::Date), Some(2));
        assert_eq!(layout.column(Field::Time), None);
        assert_eq!(layout.column_named(b"x-custom"), Some(1));
        assert_eq!(layout.to_string(), "SC-Status X-Custom date");
        assert_eq!(layout, FieldLayout::parse(b"sc-status x-custom DATE"));
        assert_ne!(layout, FieldLayout::parse(b"sc-status date x-custom"));
    }

    #[test]
    fn the_first_of_two_equal_names_counts() {
        let layout = FieldLayout::parse(b"date time date");
        assert_eq!(layout.column(Field::Date), Some(0));
        assert_eq!(layout.len(), 3);
    }

    #[test]
    fn more_names_than_a_column_number_holds() {
        let many = b"x ".repeat(70_000);
        let layout = FieldLayout::parse(&[&many[..], b"date"].concat());
        assert_eq!(layout.len(), 70_001);
        assert_eq!(layout.column(Field::Date), None);
        assert_eq!(layout.column_named(b"date"), Some(70_000));
    }
}
