//! What is usual, and what is beyond it: the one rule by which a number is news.
//!
//! The numbers of days vary without a reason, and a list of what varied is read once and never
//! again. A number is told as a rise only if
//!
//! - it is large enough to matter, which depends on what is counted,
//! - it is more than twice the mean of the days before,
//! - and it is more than on each of them, by three roots of the largest: the days before hold each day
//!   of the week, so what comes back on every Monday is no news, nor is what was told the night before;
//!   and the root is how far independent requests vary (Poisson).
//!
//! Retries come in rows, so that one device makes large numbers by itself. What is told of all devices
//! is therefore told only if several have it; one device that fails has a row of its own.

/// So many days tell what is usual. With fewer, what is new and what rises is not told.
pub(super) const LEAST_DAYS: usize = 3;

/// How many roots of a number are beyond chance.
const ROOTS: f64 = 3.0;

/// The numbers of some days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usual {
    /// Their mean.
    pub(super) mean: f64,
    most: i64,
}

impl Usual {
    /// Of the numbers of some days, which may be none.
    pub(super) fn of(numbers: &[i64]) -> Usual {
        Usual {
            mean: numbers.iter().sum::<i64>() as f64 / numbers.len().max(1) as f64,
            most: numbers.iter().copied().max().unwrap_or(0),
        }
    }

    /// Whether a number that is at least so large is beyond what is usual.
    pub(super) fn is_exceeded_by(&self, number: i64, least: i64) -> bool {
        let (size, most) = (number as f64, self.most as f64);
        number >= least && size > 2.0 * self.mean && size > most + ROOTS * most.max(1.0).sqrt()
    }

    /// The mean as a number to be read.
    pub(super) fn rounded(&self) -> i64 {
        self.mean.round() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beyond_the_usual() {
        // The days before, and the least number that is beyond them.
        let cases: [(&[i64], i64); 8] = [
            (&[], 10),
            (&[0; 7], 10),
            (&[1, 0, 2, 1, 0, 1, 1], 10),
            (&[9; 7], 19),
            (&[100; 7], 201),
            (&[0, 0, 0, 70, 0, 0, 0], 96),
            (&[20, 22, 19, 21, 90, 20, 18], 119),
            (&[1000, 1000, 1000, 1000, 1000, 300, 250], 1586),
        ];
        for (days, least) in cases {
            let usual = Usual::of(days);
            assert!(!usual.is_exceeded_by(least - 1, 10), "{days:?}");
            assert!(usual.is_exceeded_by(least, 10), "{days:?}");
            assert!(!usual.is_exceeded_by(least, least + 1), "too few to matter");
        }
    }

    /// A number that is like the others is told of on one night in thousands.
    #[test]
    fn chance_is_no_news() {
        let mut state = 1_u64;
        let mut dice = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        for mean in [0.5, 3.0, 12.0, 40.0] {
            // Knuth's way to draw from a Poisson distribution.
            let mut draw = || {
                let (mut product, mut number) = (dice(), 0);
                while product > f64::exp(-mean) {
                    product *= dice();
                    number += 1;
                }
                number
            };
            let mut told = 0;
            for _ in 0..20_000 {
                let days: [i64; 7] = std::array::from_fn(|_| draw());
                told += u32::from(Usual::of(&days).is_exceeded_by(draw(), 10));
            }
            assert!(told <= 10, "{told} of 20000 nights with a mean of {mean}");
        }
    }
}
