//! Counting entries, so that no line is lost in silence.

use core::fmt;
use core::ops::{Add, AddAssign};

use crate::fault::FaultKind;
use crate::reader::Entry;

/// How many lines of each kind there were.
///
/// A tally is a monoid: the tallies of the parts of a log add up to the tally of the whole.
///
/// ```
/// use eas_log_parse::{LogSlice, Tally};
/// let mut log = LogSlice::new(b"#Fields: time sc-status\n\n11:30:11 200\n11:30:12\n");
/// let mut tally = Tally::default();
/// while let Some(entry) = log.next_entry() {
///     tally.count(&entry);
/// }
/// assert_eq!(tally.lines(), 4);
/// assert_eq!(
///     tally.to_string(),
///     "4 lines = 1 blank + 1 directives + 1 records + 1 malformed"
/// );
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines of nothing but blanks.
    pub blank: u64,
    /// Lines that start with `#`.
    pub directives: u64,
    /// Lines of values.
    pub records: u64,
    malformed: [u64; FaultKind::ALL.len()],
}

impl Tally {
    /// Counts one entry.
    #[inline]
    pub fn count(&mut self, entry: &Entry<'_, '_>) {
        match entry {
            Entry::Record(_) => self.records += 1,
            Entry::Blank(_) => self.blank += 1,
            Entry::Directive(..) => self.directives += 1,
            Entry::Malformed(malformed) => self.malformed[malformed.fault.kind as usize] += 1,
        }
    }

    /// Counts so many lines that could not be read for this reason, as a tally that was written down
    /// has them.
    pub fn count_malformed(&mut self, kind: FaultKind, lines: u64) {
        self.malformed[kind as usize] += lines;
    }

    /// Lines in all.
    pub fn lines(&self) -> u64 {
        self.blank + self.directives + self.records + self.malformed()
    }

    /// Lines that could not be read.
    pub fn malformed(&self) -> u64 {
        self.malformed.iter().sum()
    }

    /// Lines that could not be read for this reason.
    pub fn malformed_as(&self, kind: FaultKind) -> u64 {
        self.malformed[kind as usize]
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.blank += other.blank;
        self.directives += other.directives;
        self.records += other.records;
        for (sum, n) in self.malformed.iter_mut().zip(other.malformed) {
            *sum += n;
        }
    }
}

impl Add for Tally {
    type Output = Tally;

    fn add(mut self, other: Tally) -> Tally {
        self += other;
        self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} lines = {} blank + {} directives + {} records + {} malformed",
            self.lines(),
            self.blank,
            self.directives,
            self.records,
            self.malformed()
        )
    }
}
