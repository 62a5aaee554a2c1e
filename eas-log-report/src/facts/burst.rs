//! Bursts: many requests of a device within a minute.
//!
//! Which requests are of a burst depends on those before and behind, which may stand in another piece
//! of the file. So the last requests wait until it is known, and a piece that begins within a file
//! remembers its first ones too.

use eas_log_parse::Half;

use super::busy::BusyMinute;
use super::cell::Moment;

/// Requests of a burst lie within so many seconds: the first and the last are less than that apart.
pub const BURST_S: u64 = 60;

/// So many requests wait. With one more they are a burst, if they are close together.
const WAITING: usize = BusyMinute::LEAST - 1;

/// A request that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRequest {
    /// When and where.
    pub at: Moment,
    /// Which half of it was logged.
    pub half: Half,
    /// Whether it is known to be of a burst, and was told.
    pub told: bool,
}

/// The requests of a device in a stretch of a file, as far as bursts may go on beyond it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Burst {
    /// How many there were.
    requests: u64,
    /// The last of them: each in the place of its number, counted round.
    last: [Option<OpenRequest>; WAITING],
    /// The first of them, if the stretch may go on from another.
    first: Option<Box<[Option<OpenRequest>; WAITING]>>,
}

/// The place of a request in a ring.
fn place(number: u64) -> usize {
    (number % WAITING as u64) as usize
}

impl Burst {
    /// Of a stretch that may go on from another.
    pub(super) fn behind_others() -> Burst {
        Burst {
            first: Some(Box::default()),
            ..Burst::default()
        }
    }

    #[inline]
    pub(super) fn prefetch(&self) {
        super::prefetch(&self.requests);
        super::prefetch(&self.last[0]);
        super::prefetch(&self.last[2]);
        super::prefetch(&self.last[4]);
        super::prefetch(&self.last[6]);
    }

    /// One request more. Tells those that are now known to be of a burst.
    #[inline]
    pub(super) fn push(&mut self, request: OpenRequest, tell: &mut impl FnMut(Half, Moment)) {
        let number = self.requests;
        let before = self.last[place(number)].replace(request);
        self.requests += 1;
        if let Some(first) = &mut self.first
            && number < WAITING as u64
        {
            first[number as usize] = Some(request);
        }
        if let Some(before) = before
            && before.at.time.abs_diff(request.at.time) < BURST_S
        {
            self.tell(before, number, tell);
        }
    }

    /// Tells all that wait, which begin behind another request and end with the one of this number.
    fn tell(&mut self, before: OpenRequest, number: u64, tell: &mut impl FnMut(Half, Moment)) {
        let begin = number - WAITING as u64;
        if !before.told {
            tell(before.half, before.at);
            self.mark(begin);
        }
        for number in begin + 1..=number {
            if let Some(waiting) = &mut self.last[place(number)]
                && !waiting.told
            {
                waiting.told = true;
                tell(waiting.half, waiting.at);
                self.mark(number);
            }
        }
    }

    /// Remembers that a request was told, if it is one of the first.
    fn mark(&mut self, number: u64) {
        if let Some(first) = &mut self.first
            && let Some(Some(waiting)) = first.get_mut(number as usize)
        {
            waiting.told = true;
        }
    }

    /// Goes on with the stretch behind this one in the file.
    pub(super) fn then(&mut self, mut next: Burst, tell: &mut impl FnMut(Half, Moment)) {
        let before = self.requests;
        let Some(first) = next.first.take() else {
            *self = next;
            return;
        };
        for request in first.into_iter().flatten() {
            self.push(request, tell);
        }
        if next.requests <= WAITING as u64 {
            return;
        }
        // What was told just now may be among the last too.
        for number in next.requests - WAITING as u64..WAITING as u64 {
            let told = self.last[place(before + number)].is_some_and(|waiting| waiting.told);
            if let Some(waiting) = &mut next.last[place(number)] {
                waiting.told |= told;
            }
        }
        self.last = next.last;
        self.last.rotate_right(place(before));
        self.requests = before + next.requests;
    }

    /// The requests that wait, in their order.
    pub(super) fn waiting(&self) -> impl Iterator<Item = OpenRequest> {
        let begin = self.requests.saturating_sub(WAITING as u64);
        (begin..self.requests).filter_map(|number| self.last[place(number)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    fn request(line: u32, time: i64) -> OpenRequest {
        let place = Place {
            file: 0,
            piece: 0,
            line,
        };
        OpenRequest {
            at: Moment { time, place },
            half: Half::Whole,
            told: false,
        }
    }

    /// The burst of requests at these times, and the lines that it told.
    fn burst(mut burst: Burst, times: &[i64], from: usize) -> (Burst, Vec<u32>) {
        let mut told = Vec::new();
        for (line, &time) in (from as u32..).zip(times) {
            burst.push(request(line, time), &mut |_, at| told.push(at.place.line));
        }
        (burst, told)
    }

    fn sorted(mut lines: Vec<u32>) -> Vec<u32> {
        lines.sort_unstable();
        lines
    }

    /// The lines of which eight in a row lie within less than a minute.
    fn expected(times: &[i64]) -> Vec<u32> {
        let of_burst = |line: usize| {
            (line.saturating_sub(WAITING)..=line).any(|begin| {
                times
                    .get(begin + WAITING)
                    .is_some_and(|end| end.abs_diff(times[begin]) < BURST_S)
            })
        };
        (0..times.len())
            .filter(|&line| of_burst(line))
            .map(|line| line as u32)
            .collect()
    }

    #[test]
    fn eight_within_a_minute_are_a_burst() {
        let step = |step: i64, many: i64| (0..many).map(|n| n * step).collect::<Vec<_>>();
        for (times, told) in [
            (step(0, 7), 0),
            (step(0, 8), 8),
            // 7 × 8 s are less than a minute, 7 × 9 s are not.
            (step(8, 30), 30),
            (step(9, 30), 0),
            // Those before and behind are none of it.
            ([vec![-900, -61], step(1, 8), vec![900]].concat(), 8),
        ] {
            assert_eq!(
                burst(Burst::default(), &times, 0).1.len(),
                told,
                "{times:?}"
            );
            assert_eq!(expected(&times).len(), told, "{times:?}");
        }
    }

    #[test]
    fn every_way_to_cut_tells_the_same_requests() {
        // Each bit is a short or a long gap: stretches of a burst, and what is none, of all lengths.
        for bits in 0..1u32 << 17 {
            if bits.count_ones() > 4 {
                continue;
            }
            let mut time = 0;
            let times: Vec<i64> = (0..18)
                .map(|number| {
                    time += if bits >> number & 1 == 1 { 31 } else { 3 };
                    time
                })
                .collect();
            let want = expected(&times);
            let (whole, told) = burst(Burst::default(), &times, 0);
            assert_eq!(sorted(told), want);
            for (a, b) in [(1, 3), (3, 9), (5, 6), (7, 14), (8, 17), (2, 16), (9, 10)] {
                let (x, mut told) = burst(Burst::default(), &times[..a], 0);
                let (y, more) = burst(Burst::behind_others(), &times[a..b], a);
                told.extend(more);
                let (z, more) = burst(Burst::behind_others(), &times[b..], b);
                told.extend(more);
                // Put together from either side.
                let mut other = told.clone();
                let mut left = x.clone();
                left.then(y.clone(), &mut |_, at| told.push(at.place.line));
                left.then(z.clone(), &mut |_, at| told.push(at.place.line));
                let (mut right, mut behind) = (x, y);
                behind.then(z, &mut |_, at| other.push(at.place.line));
                right.then(behind, &mut |_, at| other.push(at.place.line));
                assert_eq!((&left, &right), (&whole, &whole), "{times:?}: {a}, {b}");
                assert_eq!(sorted(told), want, "{times:?} cut at {a} and {b}");
                assert_eq!(sorted(other), want, "{times:?} cut at {a} and {b}");
            }
        }
    }
}
