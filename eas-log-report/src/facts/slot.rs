//! What a device did in an hour.

use eas_log_parse::Half;

/// A device in an hour: the key of a [`Slot`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SlotKey {
    /// Who, by the number of the [`Entity`](super::Entity).
    pub entity: u32,
    /// Hours since 1970-01-01 00:00 UTC, or [`SlotKey::NO_TIME`].
    pub hour: i32,
}

impl SlotKey {
    /// The hour of lines that tell no time.
    pub const NO_TIME: i32 = i32::MIN;
}

/// Counts of requests by which half of them was logged: the whole, the front, the back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByHalf([u32; 3]);

impl ByHalf {
    /// One more.
    #[inline]
    pub fn count(&mut self, half: Half) {
        let count = &mut self.0[half as usize];
        *count = count.saturating_add(1);
    }

    /// The requests behind the lines: of the two halves the more numerous.
    pub fn requests(&self) -> u64 {
        let [whole, front, back] = self.0.map(u64::from);
        whole + front.max(back)
    }

    fn add(&mut self, other: &ByHalf) {
        for (sum, n) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(n);
        }
    }
}

/// The seconds of an hour between the first and the last of some requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seconds {
    /// The first; above [`Seconds::last`] if there is none.
    pub first: u16,
    /// The last.
    pub last: u16,
}

impl Default for Seconds {
    fn default() -> Self {
        Seconds {
            first: u16::MAX,
            last: 0,
        }
    }
}

impl Seconds {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.first > self.last
    }

    /// One more.
    #[inline]
    pub fn include(&mut self, second: u16) {
        self.first = self.first.min(second);
        self.last = self.last.max(second);
    }

    fn add(&mut self, other: Seconds) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// What a device did in an hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot {
    /// Requests.
    pub requests: ByHalf,
    /// Failed requests.
    pub failed: ByHalf,
    /// Failures that say something about the device.
    pub decisive: u32,
    /// When these were.
    pub decisive_at: Seconds,
    /// Requests that worked, and show that the device works.
    pub working: u32,
    /// When these were.
    pub working_at: Seconds,
}

impl Slot {
    /// Adds the requests of another slot of the same key.
    pub fn add(&mut self, other: &Slot) {
        self.requests.add(&other.requests);
        self.failed.add(&other.failed);
        self.decisive = self.decisive.saturating_add(other.decisive);
        self.decisive_at.add(other.decisive_at);
        self.working = self.working.saturating_add(other.working);
        self.working_at.add(other.working_at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_count_once() {
        let mut counts = ByHalf::default();
        for half in [Half::Whole, Half::Front, Half::Front, Half::Back] {
            counts.count(half);
        }
        assert_eq!(counts.requests(), 3);
    }

    #[test]
    fn adding_has_an_identity_and_any_order() {
        let mut slot = Slot {
            decisive: 2,
            working: 1,
            ..Slot::default()
        };
        slot.requests.count(Half::Whole);
        slot.decisive_at.include(7);
        slot.working_at.include(3599);
        let mut left = Slot::default();
        left.add(&slot);
        assert_eq!(left, slot);
        let mut right = slot;
        right.add(&Slot::default());
        assert_eq!(right, slot);
        assert!(Seconds::default().is_empty() && !slot.decisive_at.is_empty());
    }
}
