//! The sixty seconds in which a device made the most requests.

use eas_log_parse::Half;

use crate::facts::{BusyKey, BusyMinute, Moment};

/// The seconds of a minute, of each half of requests.
type Seconds = [[u16; 60]; 3];

/// Requests by the half that was logged.
type ByHalf = [u64; 3];

/// A minute of a device, in which the halves of its requests stand together.
struct Minute {
    minute: i64,
    first: Moment,
    seconds: Seconds,
}

/// Most requests within sixty seconds, with the first of them that is known, whichever servers logged
/// them; of equally busy ones the earliest. A request that two servers logged counts once.
pub(super) fn busiest<'f>(
    busy: impl Iterator<Item = (&'f BusyKey, &'f BusyMinute)>,
) -> Option<(u64, Moment)> {
    let minutes = put_together(busy);
    let mut most: Option<(u64, Moment)> = None;
    for (at, minute) in minutes.iter().enumerate() {
        let next = minutes.get(at + 1);
        let next = next.filter(|next| next.minute == minute.minute + 1);
        // How many there are from one second on: first of the minute itself, then later and later.
        let mut within: ByHalf = minute.seconds.map(|half| half.map(u64::from).iter().sum());
        for begin in 0..60 {
            let requests = requests(within);
            if most.is_none_or(|(most, _)| requests > most) {
                most = Some((requests, evidence(minute, next, begin)));
            }
            for (half, within) in within.iter_mut().enumerate() {
                *within -= u64::from(minute.seconds[half][begin]);
                *within += next.map_or(0, |next| u64::from(next.seconds[half][begin]));
            }
        }
    }
    most
}

/// The minutes in their order, each once.
fn put_together<'f>(busy: impl Iterator<Item = (&'f BusyKey, &'f BusyMinute)>) -> Vec<Minute> {
    let mut all: Vec<(i64, Half, Moment, &BusyMinute)> = busy
        .filter_map(|(key, busy)| Some((key.minute, key.half, busy.first?, busy)))
        .collect();
    all.sort_unstable_by_key(|&(minute, half, first, _)| (minute, half as u8, first));
    let mut minutes: Vec<Minute> = Vec::new();
    for (minute, half, first, busy) in all {
        if minutes.last().is_none_or(|last| last.minute != minute) {
            minutes.push(Minute {
                minute,
                first,
                seconds: [[0; 60]; 3],
            });
        }
        if let Some(here) = minutes.last_mut() {
            here.first = here.first.min(first);
            let seconds = &mut here.seconds[half as usize];
            for (ours, theirs) in seconds.iter_mut().zip(busy.by_second) {
                *ours = ours.saturating_add(theirs);
            }
        }
    }
    minutes
}

fn requests([whole, front, back]: ByHalf) -> u64 {
    whole + front.max(back)
}

/// One of the busiest requests, which begin at a second of a minute. Of a minute only the first is
/// known. If that is before them, some of them are in the next minute, since else the whole minute
/// would be as busy, and earlier: then the first of that minute is one of them.
fn evidence(minute: &Minute, next: Option<&Minute>, begin: usize) -> Moment {
    let second = minute.first.time.rem_euclid(60);
    match next {
        Some(next) if second < begin as i64 => next.first,
        _ => minute.first,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::{Add, Place};

    /// The busiest sixty seconds of requests, each a time and a half.
    fn busiest_of(requests: &[(i64, Half)]) -> Option<(u64, i64)> {
        let mut table: BTreeMap<(i64, u8), (BusyKey, BusyMinute)> = BTreeMap::new();
        for (line, &(time, half)) in (0..).zip(requests) {
            let minute = time.div_euclid(60);
            let key = BusyKey {
                entity: 0,
                half,
                minute,
            };
            let mut one = BusyMinute::default();
            let place = Place {
                file: 0,
                piece: 0,
                line,
            };
            one.count(Moment { time, place }, time.rem_euclid(60) as usize);
            let (_, sum) = table
                .entry((minute, half as u8))
                .or_insert((key, BusyMinute::default()));
            sum.add(&one);
        }
        // In another order than that of time.
        let rows = table.values().rev().map(|(key, minute)| (key, minute));
        busiest(rows).map(|(requests, first)| (requests, first.time))
    }

    /// So many requests from a time on, spread over so many seconds.
    fn burst(from: i64, many: i64, seconds: i64) -> Vec<(i64, Half)> {
        (0..many)
            .map(|n| (from + n * seconds / many, Half::Whole))
            .collect()
    }

    #[test]
    fn a_burst_is_found_wherever_it_begins() {
        for begin in 0..60 {
            for (many, seconds) in [(61, 60), (61, 10), (61, 1), (120, 60), (8, 60)] {
                let found = busiest_of(&burst(6000 + begin, many, seconds)).unwrap();
                assert_eq!(found.0, many as u64, "{many} from {begin}");
                let of_burst = 6000 + begin..6000 + begin + seconds;
                assert!(of_burst.contains(&found.1), "{found:?}, {begin}");
            }
        }
    }

    #[test]
    fn what_takes_longer_than_a_minute_is_not_counted_together() {
        // 61 requests in 61 seconds, and 120 in two minutes, are 60 within a minute.
        assert_eq!(busiest_of(&burst(6030, 61, 61)), Some((60, 6030)));
        assert_eq!(busiest_of(&burst(6030, 120, 120)), Some((60, 6030)));
        // Minutes that do not follow each other.
        let apart = [burst(6030, 20, 20), burst(6150, 30, 20)].concat();
        assert_eq!(busiest_of(&apart), Some((30, 6150)));
        assert_eq!(busiest_of(&[]), None);
    }

    #[test]
    fn the_evidence_is_one_of_the_busiest() {
        // The minute has an earlier request that is none of them.
        let busy = [burst(6001, 3, 1), burst(6050, 40, 30)].concat();
        assert_eq!(busiest_of(&busy), Some((40, 6060)));
    }

    #[test]
    fn what_two_servers_logged_counts_once() {
        let mut both = burst(6030, 50, 59);
        both.iter_mut().for_each(|(_, half)| *half = Half::Back);
        let fronts: Vec<_> = both.iter().map(|&(t, _)| (t + 1, Half::Front)).collect();
        let all = [both, fronts, burst(6040, 5, 5)].concat();
        assert_eq!(busiest_of(&all).map(|(requests, _)| requests), Some(55));
    }
}
