//! What the directives so far have said.

use chrono::NaiveDate;

use super::directive::Directive;
use super::field::Field;
use super::layout::FieldLayout;

/// The directives in force at a place in a log: how the lines below it are to be read.
///
/// A log that is cut into pieces to be read in parallel needs for each piece the header in force
/// at its start; [`LogSlice::resume`](crate::LogSlice::resume) takes it.
///
/// ```
/// use eas_log_parse::{Entry, LogSlice};
/// let bytes = b"#Fields: time sc-status\n11:30:11 200\n11:30:12 449\n";
/// let (head, tail) = bytes.split_at(37);
/// let mut first = LogSlice::new(head);
/// while first.next_entry().is_some() {}
/// let mut second = LogSlice::resume(tail, first.position(), first.header().clone());
/// let Some(Entry::Record(record)) = second.next_entry() else { panic!() };
/// assert_eq!((record.position().line, record.sc_status()), (3, Ok(Some(449))));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Header {
    layout: Option<FieldLayout>,
    date: Option<NaiveDate>,
}

impl Header {
    /// A header as it was at a place in a log, to read on from there another time.
    pub fn new(layout: Option<FieldLayout>, date: Option<NaiveDate>) -> Header {
        Header { layout, date }
    }

    /// A header with this layout, for a log that has lost its own.
    pub fn with_layout(layout: FieldLayout) -> Header {
        Header {
            layout: Some(layout),
            date: None,
        }
    }

    /// The last `#Fields`.
    #[inline]
    pub fn layout(&self) -> Option<&FieldLayout> {
        self.layout.as_ref()
    }

    /// The day of the last `#Date`.
    #[inline]
    pub fn date(&self) -> Option<NaiveDate> {
        self.date
    }

    /// Takes notice of a directive.
    pub fn apply(&mut self, directive: &Directive<'_>) {
        match directive {
            Directive::Fields(layout) => self.layout = Some(layout.clone()),
            Directive::Date(Ok(at)) => self.date = Some(at.date()),
            _ => {}
        }
    }

    /// Whether both headers read every line alike, up to the next directive. The day of `#Date`
    /// matters only to a log without a date column.
    ///
    /// ```
    /// use eas_log_parse::{FieldLayout, Header};
    /// let header = Header::with_layout(FieldLayout::parse(b"date time sc-status"));
    /// assert!(header.reads_like(&header.clone()));
    /// assert!(!header.reads_like(&Header::default()));
    /// ```
    pub fn reads_like(&self, other: &Header) -> bool {
        self.layout == other.layout && (self.date == other.date || !self.needs_date())
    }

    /// Whether lines get their day from `#Date`, since the log has no date column.
    pub fn needs_date(&self) -> bool {
        let dated = |layout: &FieldLayout| layout.column(Field::Date).is_some();
        self.layout().is_some_and(|layout| !dated(layout))
    }

    /// The header behind a part of a log that this one is in force before. `said` is what the
    /// directives of that part say, applied to a header without anything.
    ///
    /// ```
    /// use eas_log_parse::{FieldLayout, Header};
    /// let before = Header::with_layout(FieldLayout::parse(b"date time sc-status"));
    /// assert!(before.then(&Header::default()).reads_like(&before));
    /// let said = Header::with_layout(FieldLayout::parse(b"time sc-status"));
    /// assert!(before.then(&said).reads_like(&said));
    /// ```
    #[must_use]
    pub fn then(&self, said: &Header) -> Header {
        Header {
            layout: said.layout.clone().or_else(|| self.layout.clone()),
            date: said.date.or(self.date),
        }
    }
}
