//! Minutes with many requests.

use eas_log_parse::Half;

/// A device in a minute with many requests: the key of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BusyKey {
    /// Who, by the number of the [`Entity`](super::Entity).
    pub entity: u32,
    /// Which half of the requests was logged.
    pub half: Half,
    /// Minutes since 1970-01-01 00:00 UTC.
    pub minute: u32,
}

impl BusyKey {
    /// The least number of requests, in a row and in one file, that make a minute worth keeping.
    /// Below it devices do what they should, and there would be a minute for almost every line.
    pub const LEAST: u32 = 8;

    /// The key of the run of a device within a minute of a file: a time in seconds since 1970.
    #[inline]
    pub fn run_key(file: u32, half: Half, time: i64) -> u64 {
        let minute = time.div_euclid(60) as u32;
        u64::from(file) << 34 | (half as u64) << 32 | u64::from(minute)
    }

    /// The minute of such a run.
    pub(super) fn of(entity: u32, run_key: u64) -> BusyKey {
        let half = match run_key >> 32 & 3 {
            0 => Half::Whole,
            1 => Half::Front,
            _ => Half::Back,
        };
        BusyKey {
            entity,
            half,
            minute: run_key as u32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_key_tells_the_half_and_the_minute() {
        let mut cases = 0;
        for half in [Half::Whole, Half::Front, Half::Back] {
            for (time, minute) in [(0, 0), (59, 0), (1_304_681_411, 21_744_690)] {
                let key = BusyKey::of(7, BusyKey::run_key(3, half, time));
                let want = BusyKey {
                    entity: 7,
                    half,
                    minute,
                };
                assert_eq!(key, want);
                cases += 1;
            }
        }
        assert_eq!(cases, 9);
        let key = |file, time| BusyKey::run_key(file, Half::Whole, time);
        assert_ne!(key(1, 0), key(2, 0), "a run ends with its file");
        assert_ne!(key(1, 59), key(1, 60));
    }
}
