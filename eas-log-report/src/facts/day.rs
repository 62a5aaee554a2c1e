//! What devices did on a day, and what all of them did in an hour.
//!
//! A device has an entry for each day it was seen, with one bit for each quarter of an hour, and a
//! second one only for days with failures. Months of logs stay small so, and the entries of pieces
//! add up in any order.

use eas_log_parse::Half;

use super::sum_table::Add;

/// A device on a day, by the half of its requests that was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DayKey {
    /// Who, by the number of the [`Entity`](super::Entity).
    pub entity: u32,
    /// Days since 1970-01-01.
    pub day: i32,
    /// Which half of the requests.
    pub half: Half,
}

/// Quarters of the hours of a day, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quarters([u32; 3]);

impl Quarters {
    /// Sets the quarter of a second of the day.
    #[inline]
    pub fn set(&mut self, second: u32) {
        let quarter = second / 900;
        self.0[(quarter / 32) as usize] |= 1 << (quarter % 32);
    }

    /// The quarters of an hour as four bits, the first one first.
    #[inline]
    pub fn of_hour(self, hour: usize) -> u32 {
        self.0[hour / 8] >> (hour % 8 * 4) & 0b1111
    }

    /// Adds the quarters of another set.
    pub fn add(&mut self, other: Quarters) {
        for (ours, theirs) in self.0.iter_mut().zip(other.0) {
            *ours |= theirs;
        }
    }

    /// The quarters as bits, the first ones first.
    pub fn bits(self) -> [u32; 3] {
        self.0
    }

    /// The quarters of these bits.
    pub fn from_bits(bits: [u32; 3]) -> Quarters {
        Quarters(bits)
    }

    /// Whether none is set.
    pub fn is_empty(self) -> bool {
        self.0 == [0; 3]
    }
}

/// What a device did on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Lines.
    pub lines: u32,
    /// Hours with a line, one bit each.
    pub seen: u32,
    /// When requests worked, in a way that shows that the device works.
    pub worked: Quarters,
}

/// The failures of a device on a day that say something about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    /// When.
    pub failed: Quarters,
    /// How many in each hour; 65,535 stands for more too.
    pub by_hour: [u16; 24],
}

impl Add for Day {
    fn add(&mut self, other: &Day) {
        self.lines = self.lines.saturating_add(other.lines);
        self.seen |= other.seen;
        self.worked.add(other.worked);
    }
}

impl Add for Trouble {
    fn add(&mut self, other: &Trouble) {
        self.failed.add(other.failed);
        for (ours, theirs) in self.by_hour.iter_mut().zip(other.by_hour) {
            *ours = ours.saturating_add(theirs);
        }
    }
}

impl Trouble {
    /// One more at this second of the day.
    #[inline]
    pub fn count(&mut self, second: u32) {
        self.failed.set(second);
        let hour = &mut self.by_hour[(second / 3600) as usize];
        *hour = hour.saturating_add(1);
    }
}

/// Counts of lines by which half of a request they tell of: the whole, the front, the back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByHalf([u64; 3]);

impl ByHalf {
    /// So many more.
    #[inline]
    pub fn count(&mut self, half: Half, lines: u64) {
        self.0[half as usize] += lines;
    }

    /// The lines of each half.
    pub fn lines(&self) -> [u64; 3] {
        self.0
    }

    /// The requests behind the lines: of the two halves the more numerous.
    pub fn requests(&self) -> u64 {
        let [whole, front, back] = self.0;
        whole + front.max(back)
    }

    fn add(&mut self, other: &ByHalf) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum += n;
        }
    }
}

/// What all devices did in an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// Requests.
    pub requests: ByHalf,
    /// Failed requests.
    pub failed: ByHalf,
}

impl Add for Hour {
    fn add(&mut self, other: &Hour) {
        self.requests.add(&other.requests);
        self.failed.add(&other.failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_count_once() {
        let mut counts = ByHalf::default();
        for (half, lines) in [(Half::Whole, 1), (Half::Front, 2), (Half::Back, 1)] {
            counts.count(half, lines);
        }
        assert_eq!(counts.requests(), 3);
    }

    #[test]
    fn quarters_and_hours_of_a_day() {
        let mut trouble = Trouble::default();
        for second in [0, 899, 900, 86_399] {
            trouble.count(second);
        }
        let hours: Vec<u32> = (0..24).map(|hour| trouble.failed.of_hour(hour)).collect();
        let mut want = [0; 24];
        (want[0], want[23]) = (0b11, 0b1000);
        assert_eq!(hours, want);
        assert_eq!((trouble.by_hour[0], trouble.by_hour[23]), (3, 1));
        let mut twice = trouble;
        twice.add(&trouble);
        assert_eq!(twice.failed, trouble.failed);
        assert_eq!(twice.by_hour[0], 6);
        for _ in 0..70_000 {
            twice.count(0);
        }
        assert_eq!(twice.by_hour[0], u16::MAX);
    }
}
