//! What happened, how often, when first and last, and where that stands.

use super::sum_table::Add;
use super::text_table::TextId;

/// A line of the input: enough to name it as `file:line` once all pieces of its file are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the file, in the order of their names.
    pub file: u32,
    /// Number of the piece within the file.
    pub piece: u32,
    /// Number of the line within the piece, from 1.
    pub line: u32,
}

/// Who did what: the key of a [`Cell`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CellKey {
    /// Who, by the number of the [`Identity`](super::Identity).
    pub identity: u32,
    /// What became of it, by the number of the [`Outcome`](super::Outcome).
    pub outcome: u32,
}

/// A folder that a device synchronized from the start on a day: sync key 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResyncKey {
    /// Who, by the number of the [`Entity`](super::Entity).
    pub entity: u32,
    /// The folder: a hash of its id, or 0 if the line names none.
    pub folder: u64,
    /// Days since 1970-01-01, or 0 for lines that tell no time.
    pub day: i32,
}

/// A call that Exchange made itself on behalf of ActiveSync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InternalKey {
    /// HTTP method; a text of [`Texts::commands`](super::Texts::commands).
    pub method: TextId,
    /// HTTP status.
    pub sc_status: Option<u16>,
    /// IIS substatus.
    pub sc_substatus: Option<u16>,
    /// The server that was called.
    pub server: TextId,
}

/// All requests of one key. It lies in one line of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(align(64))]
pub struct Cell {
    /// How many requests.
    pub requests: u64,
    /// When and where the first was logged.
    pub first: Moment,
    /// When and where the last was logged.
    pub last: Moment,
}

/// A time with the line that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Seconds since 1970-01-01 00:00:00 UTC, or [`Moment::NO_TIME`].
    pub time: i64,
    /// The line.
    pub place: Place,
}

impl Moment {
    /// The time of a line that tells none. It is later than any time, so that lines that tell one
    /// go first.
    pub const NO_TIME: i64 = i64::MAX;

    fn is_timed(self) -> bool {
        self.time != Moment::NO_TIME
    }

    /// Whether this is later than another; one without a time is earlier than any with one.
    #[inline]
    pub fn is_later_than(self, other: Moment) -> bool {
        (self.is_timed(), self) > (other.is_timed(), other)
    }

    /// The time, where the line tells one.
    pub fn seconds(self) -> Option<i64> {
        self.is_timed().then_some(self.time)
    }
}

impl Cell {
    /// One request.
    #[inline]
    pub fn one(at: Moment) -> Cell {
        Cell {
            requests: 1,
            first: at,
            last: at,
        }
    }
}

/// No request: its first moment is later than any, and its last is earlier.
impl Default for Cell {
    fn default() -> Cell {
        let never = |number| Moment {
            time: Moment::NO_TIME,
            place: Place {
                file: number,
                piece: number,
                line: number,
            },
        };
        Cell {
            requests: 0,
            first: never(u32::MAX),
            last: never(0),
        }
    }
}

impl Add for Cell {
    #[inline]
    fn add(&mut self, other: &Cell) {
        self.requests += other.requests;
        self.first = self.first.min(other.first);
        if other.last.is_later_than(self.last) {
            self.last = other.last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(time: i64, line: u32) -> Moment {
        Moment {
            time,
            place: Place {
                file: 0,
                piece: 0,
                line,
            },
        }
    }

    #[test]
    fn adding_keeps_the_first_and_the_last() {
        let mut cell = Cell::one(at(5, 2));
        for moment in [at(7, 3), at(5, 1), at(Moment::NO_TIME, 9), at(6, 4)] {
            cell.add(&Cell::one(moment));
        }
        assert_eq!(
            cell,
            Cell {
                requests: 5,
                first: at(5, 1),
                last: at(7, 3)
            }
        );
    }

    #[test]
    fn nothing_adds_nothing() {
        for moment in [at(5, 2), at(Moment::NO_TIME, 1)] {
            let one = Cell::one(moment);
            let mut sum = Cell::default();
            sum.add(&one);
            assert_eq!(sum, one);
            sum.add(&Cell::default());
            assert_eq!(sum, one);
        }
    }

    #[test]
    fn lines_without_a_time_count_all_the_same() {
        let mut cell = Cell::one(at(Moment::NO_TIME, 2));
        cell.add(&Cell::one(at(Moment::NO_TIME, 1)));
        assert_eq!((cell.first.place.line, cell.last.place.line), (1, 2));
        assert_eq!(cell.first.seconds(), None);
        cell.add(&Cell::one(at(3, 7)));
        assert_eq!((cell.first, cell.last), (at(3, 7), at(3, 7)));
    }
}
