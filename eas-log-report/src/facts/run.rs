//! Runs: how long a thing goes on without a break, in the order of a file.
//!
//! Two kinds are followed of each device: its requests within one minute, and its synchronizations
//! with one sync key. A run can cross the boundary between two pieces of a file, so a piece keeps
//! its first and its last run open, and pieces are put together in their order. Between files a run
//! ends.

use super::cell::Moment;

/// Requests in a row that have something in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// What they have in common.
    pub key: u64,
    /// How many there are.
    pub length: u32,
    /// The first of them.
    pub start: Moment,
}

impl Run {
    fn one(key: u64, at: Moment) -> Run {
        Run {
            key,
            length: 1,
            start: at,
        }
    }
}

/// The longer of two runs; of equally long ones the earlier.
pub(super) fn longer(a: Option<Run>, b: Option<Run>) -> Option<Run> {
    let rank = |run: &Run| (run.length, std::cmp::Reverse(run.start));
    a.into_iter().chain(b).max_by_key(rank)
}

/// A stretch of a file, as far as the runs of one device go: the first and the last, which may go
/// on in the stretches beside it. Those between have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    first: Run,
    last: Run,
    /// Whether the first run is the last too.
    single: bool,
}

impl Stretch {
    /// A stretch of one request.
    #[inline]
    pub fn one(key: u64, at: Moment) -> Stretch {
        let run = Run::one(key, at);
        Stretch {
            first: run,
            last: run,
            single: true,
        }
    }

    /// One request more, and the run that it ended, if it did.
    #[inline]
    pub fn push(&mut self, key: u64, at: Moment) -> Option<Run> {
        if self.last.key == key {
            self.last.length = self.last.length.saturating_add(1);
            if self.single {
                self.first = self.last;
            }
            return None;
        }
        let ended = self.inner(self.last);
        self.last = Run::one(key, at);
        self.single = false;
        ended
    }

    /// A run at the end of this stretch, if the stretch has two.
    #[inline]
    fn inner(&self, run: Run) -> Option<Run> {
        (!self.single).then_some(run)
    }

    /// This stretch with the one behind it, and the runs that ended where they meet.
    #[must_use]
    pub fn then(self, next: Stretch) -> (Stretch, [Option<Run>; 2]) {
        if self.last.key != next.first.key {
            let whole = Stretch {
                first: self.first,
                last: next.last,
                single: false,
            };
            return (whole, [self.inner(self.last), next.inner(next.first)]);
        }
        let length = self.last.length.saturating_add(next.first.length);
        let joined = Run {
            length,
            ..self.last
        };
        let whole = Stretch {
            first: if self.single { joined } else { self.first },
            last: if next.single { joined } else { next.last },
            single: self.single && next.single,
        };
        let ended = (!self.single && !next.single).then_some(joined);
        (whole, [ended, None])
    }

    /// A stretch that begins with a run.
    pub fn of(run: Run) -> Stretch {
        Stretch {
            first: run,
            last: run,
            single: true,
        }
    }

    /// The run that goes on behind a stretch from the start of a file, and the one before it that
    /// has ended.
    pub fn open_end(self) -> (Run, Option<Run>) {
        (self.last, self.inner(self.first))
    }

    /// The runs that end with the file.
    pub fn end(self) -> [Option<Run>; 2] {
        [Some(self.first), self.inner(self.last)]
    }
}

/// The runs of a device that may go on behind the lines that were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenRuns {
    /// Requests within a minute. The key is a [`run_key`](super::BusyKey::run_key).
    pub minute: Option<Stretch>,
    /// Synchronizations with one key of one folder within ten minutes. The key is a hash.
    pub sync_key: Option<Stretch>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    fn at(line: u32) -> Moment {
        let place = Place {
            file: 0,
            piece: 0,
            line,
        };
        Moment { time: 0, place }
    }

    /// The stretch of these keys, and the runs that ended in it.
    fn stretch(keys: &[u64], from: u32) -> (Stretch, Vec<Run>) {
        let mut stretch = Stretch::one(keys[0], at(from));
        let lines = from + 1..;
        let ended = keys[1..]
            .iter()
            .zip(lines)
            .filter_map(|(&key, line)| stretch.push(key, at(line)))
            .collect();
        (stretch, ended)
    }

    fn sorted(mut runs: Vec<Run>) -> Vec<Run> {
        runs.sort_by_key(|run| run.start);
        runs
    }

    #[test]
    fn every_way_to_cut_gives_the_same_runs() {
        // All sequences of length 7 over three keys, cut in two places each.
        for number in 0..3u32.pow(7) {
            let keys: Vec<u64> = (0..7)
                .map(|place| u64::from(number / 3u32.pow(place) % 3))
                .collect();
            let (whole, mut ended) = stretch(&keys, 0);
            ended.extend(whole.end().into_iter().flatten());
            let want = sorted(ended);
            assert_eq!(want.iter().map(|run| run.length).sum::<u32>(), 7);
            for (a, b) in [(1, 2), (1, 6), (2, 4), (3, 5), (5, 6)] {
                let parts = [(&keys[..a], 0), (&keys[a..b], a), (&keys[b..], b)]
                    .map(|(keys, from)| stretch(keys, from as u32));
                let mut runs: Vec<Run> =
                    parts.iter().flat_map(|(_, ended)| ended.clone()).collect();
                let [x, y, z] = parts.map(|(stretch, _)| stretch);
                // Put together from either side.
                let (xy, first) = x.then(y);
                let (left, second) = xy.then(z);
                let (yz, third) = y.then(z);
                let (right, fourth) = x.then(yz);
                assert_eq!(left, right);
                let mut other = runs.clone();
                runs.extend(first.into_iter().chain(second).chain(left.end()).flatten());
                other.extend(third.into_iter().chain(fourth).chain(right.end()).flatten());
                assert_eq!(sorted(runs), want, "{keys:?} cut at {a} and {b}");
                assert_eq!(sorted(other), want, "{keys:?} cut at {a} and {b}");
            }
        }
    }

    #[test]
    fn of_equal_runs_the_first_is_the_longer() {
        let run = |length, line| {
            Some(Run {
                key: 1,
                length,
                start: at(line),
            })
        };
        assert_eq!(longer(run(2, 9), run(2, 3)), run(2, 3));
        assert_eq!(longer(run(3, 9), run(2, 3)), run(3, 9));
        assert_eq!(longer(None, run(1, 1)), run(1, 1));
    }
}
