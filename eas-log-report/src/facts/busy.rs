//! Minutes with many requests.

use eas_log_parse::Half;

use super::cell::Moment;
use super::sum_table::Add;

/// A device in a minute with many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BusyKey {
    /// Who, by the number of the [`Entity`](super::Entity).
    pub entity: u32,
    /// Which half of the requests was logged.
    pub half: Half,
    /// Minutes since 1970-01-01 00:00 UTC.
    pub minute: i64,
}

/// The requests of a device in a minute, second by second, so that how many there are within sixty
/// seconds can be told wherever these begin, and over all logs.
///
/// Only requests are here that are of at least [`LEAST`](BusyMinute::LEAST) in a row within sixty
/// seconds in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BusyMinute {
    /// The first of them; `None` as long as there is none.
    pub first: Option<Moment>,
    /// How many there are in each second; 65,535 stands for more too.
    pub by_second: [u16; 60],
}

impl Default for BusyMinute {
    fn default() -> Self {
        BusyMinute {
            first: None,
            by_second: [0; 60],
        }
    }
}

impl BusyMinute {
    /// The least number of requests in a row within sixty seconds that are worth keeping. Below it
    /// devices do what they should, and there would be a minute for almost every line.
    pub const LEAST: usize = 8;

    /// One request more, in the second of the minute.
    #[inline]
    pub fn count(&mut self, at: Moment, second: usize) {
        self.see(at);
        self.by_second[second] = self.by_second[second].saturating_add(1);
    }

    fn see(&mut self, at: Moment) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
    }
}

impl Add for BusyMinute {
    fn add(&mut self, other: &BusyMinute) {
        if let Some(first) = other.first {
            self.see(first);
        }
        for (ours, theirs) in self.by_second.iter_mut().zip(other.by_second) {
            *ours = ours.saturating_add(theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    #[test]
    fn minutes_add_up_in_any_order() {
        let at = |line| Moment {
            time: 7,
            place: Place {
                file: 0,
                piece: 0,
                line,
            },
        };
        let minute = |requests: &[(u32, usize)]| {
            let mut minute = BusyMinute::default();
            for &(line, second) in requests {
                minute.count(at(line), second);
            }
            minute
        };
        let parts = [
            minute(&[(3, 0), (4, 59)]),
            minute(&[(1, 59)]),
            BusyMinute::default(),
        ];
        let sum = |order: [usize; 3]| {
            let mut sum = BusyMinute::default();
            order.iter().for_each(|&part| sum.add(&parts[part]));
            sum
        };
        let whole = sum([0, 1, 2]);
        assert_eq!(whole, minute(&[(1, 59), (3, 0), (4, 59)]));
        assert_eq!((whole, whole), (sum([2, 1, 0]), sum([1, 2, 0])));
        assert_eq!((whole.by_second[0], whole.by_second[59]), (1, 2));
    }
}
