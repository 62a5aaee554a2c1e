//! The days of a device: when it failed, when it worked, when it was not seen.

use eas_log_parse::Half;

use crate::facts::{Day, DayKey, Quarters, Trouble};

/// The least number of failures in a row that are an episode and no accident.
pub(crate) const EPISODE: u64 = 3;

/// What the days of a device come to. Failures are those that say something about the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calendar {
    /// Stretches of at least three failures that ended with a request that worked.
    pub(crate) episodes: u32,
    /// Failures since the last request that worked. Those in the hour of that request count all, since
    /// which of them came later is not known.
    pub(crate) failures_since: u64,
    /// Most failures without a request that worked between them.
    pub(crate) longest_failing: u64,
    /// Most requests on a day, with the day.
    pub(crate) busiest_day: Option<(u64, i32)>,
    /// Different hours in which requests worked.
    pub(crate) hours_worked: u32,
    /// The longest time in hours, whole ones, between two requests; of one that is not seen on
    /// weekends, without those between them.
    pub(crate) longest_gap_h: i64,
    /// Whether it was seen on a Saturday or Sunday (UTC).
    pub(crate) seen_on_weekends: bool,
}

/// Seconds of Saturdays and Sundays (UTC) between two times.
pub(crate) fn weekend_s(from: i64, to: i64) -> i64 {
    const DAY: i64 = 86_400;
    // From a Monday on: 1970-01-01 was a Thursday.
    let before = |time: i64| {
        let since_monday = time + 3 * DAY;
        let week = since_monday.rem_euclid(7 * DAY);
        since_monday.div_euclid(7 * DAY) * 2 * DAY + (week - 5 * DAY).max(0)
    };
    before(to) - before(from)
}

fn is_weekend(day: i32) -> bool {
    (i64::from(day) + 3).rem_euclid(7) >= 5
}

/// A day, with the halves of its requests put together.
#[derive(Default)]
struct Whole {
    lines: [u64; 3],
    seen: u32,
    worked: Quarters,
    failed: Quarters,
    by_hour: [[u16; 24]; 3],
}

impl Whole {
    fn requests(lines: [u64; 3]) -> u64 {
        let [whole, front, back] = lines;
        whole + front.max(back)
    }

    fn failures(&self, hour: usize) -> u64 {
        Whole::requests(self.by_hour.map(|hours| hours[hour].into()))
    }
}

/// The days of a device and the failures on them, in any order. Front ends know what worked only if
/// there is nothing behind them.
pub(crate) struct Days<'f> {
    pub(crate) days: Vec<(DayKey, &'f Day)>,
    pub(crate) troubles: Vec<(DayKey, &'f Trouble)>,
    pub(crate) has_backs: bool,
    /// So many quarters of an hour must lie between the first and the last failure of an episode: as
    /// long as a round of provisioning may take, where failures are of such rounds.
    pub(crate) least_quarters: i64,
}

impl Days<'_> {
    /// Goes through the quarters of all hours in order. Of an hour with several stretches of
    /// failures, the first has all of them.
    pub(crate) fn read(mut self) -> Calendar {
        self.days.sort_unstable_by_key(|(key, _)| key.day);
        self.troubles.sort_unstable_by_key(|(key, _)| key.day);
        let mut calendar = Calendar::default();
        // Failures in a row: each of them once, and with all of an hour that has several stretches.
        let (mut failing, mut at_most): (u64, u64) = (0, 0);
        // The first and the last quarter of them.
        let mut failing_in: Option<(i64, i64)> = None;
        let mut counted_hour = None;
        let mut seen_hour: Option<i64> = None;
        calendar.seen_on_weekends = self
            .days
            .iter()
            .any(|(key, day)| day.seen != 0 && is_weekend(key.day));
        let mut troubles = self.troubles.as_slice();
        for same in self.days.chunk_by(|a, b| a.0.day == b.0.day) {
            let day = same[0].0.day;
            let here = troubles.partition_point(|(key, _)| key.day <= day);
            let (of_day, rest) = troubles.split_at(here);
            troubles = rest;
            let whole = put_together(same, of_day, self.has_backs);
            let requests = Whole::requests(whole.lines);
            if calendar.busiest_day.is_none_or(|(most, _)| requests > most) {
                calendar.busiest_day = Some((requests, day));
            }
            for hour in (0..24).filter(|hour| whole.seen >> hour & 1 == 1) {
                let number = i64::from(day) * 24 + hour;
                if let Some(before) = seen_hour.replace(number) {
                    let mut gap = number - before;
                    if !calendar.seen_on_weekends && gap > calendar.longest_gap_h {
                        gap -= weekend_s(before * 3600, number * 3600) / 3600;
                    }
                    calendar.longest_gap_h = calendar.longest_gap_h.max(gap);
                }
                let worked = whole.worked.of_hour(hour as usize);
                let failed = whole.failed.of_hour(hour as usize);
                calendar.hours_worked += u32::from(worked != 0);
                if failed == 0 && (worked == 0 || failing_in.is_none() && at_most == 0) {
                    continue;
                }
                let in_hour = whole.failures(hour as usize);
                for quarter in 0..4 {
                    let is_in = |quarters: u32| quarters >> quarter & 1 == 1;
                    let (worked, failed) = (is_in(worked), is_in(failed));
                    if failed {
                        let now = number * 4 + quarter;
                        failing_in = Some((failing_in.map_or(now, |(first, _)| first), now));
                        if counted_hour == Some(number) {
                            at_most = at_most.max(in_hour);
                        } else {
                            counted_hour = Some(number);
                            failing += in_hour;
                            at_most += in_hour;
                        }
                        calendar.longest_failing = calendar.longest_failing.max(at_most);
                    }
                    if worked {
                        let long = failing_in
                            .take()
                            .is_some_and(|(first, last)| last - first >= self.least_quarters);
                        calendar.episodes += u32::from(long && failing >= EPISODE);
                        failing = 0;
                        at_most = if failed { in_hour } else { 0 };
                    }
                }
            }
        }
        calendar.failures_since = at_most;
        calendar
    }
}

fn put_together(
    days: &[(DayKey, &Day)],
    troubles: &[(DayKey, &Trouble)],
    has_backs: bool,
) -> Whole {
    let mut whole = Whole::default();
    for (key, day) in days {
        whole.lines[key.half as usize] += u64::from(day.lines);
        whole.seen |= day.seen;
        if key.half != Half::Front || !has_backs {
            whole.worked.add(day.worked);
        }
    }
    for (key, trouble) in troubles {
        whole.failed.add(trouble.failed);
        let hours = &mut whole.by_hour[key.half as usize];
        for (ours, theirs) in hours.iter_mut().zip(trouble.by_hour) {
            *ours = ours.saturating_add(theirs);
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calendar of requests: second since some midnight, and whether it worked.
    fn calendar(requests: &[(u32, bool)]) -> Calendar {
        read(requests, 0)
    }

    fn read(requests: &[(u32, bool)], least_quarters: i64) -> Calendar {
        let mut days: Vec<(DayKey, Day, Trouble)> = Vec::new();
        for &(time, worked) in requests {
            let key = DayKey {
                entity: 0,
                day: (time / 86_400) as i32,
                half: Half::Whole,
            };
            let at = days.iter().position(|(other, ..)| *other == key);
            let at = at.unwrap_or_else(|| {
                days.push((key, Day::default(), Trouble::default()));
                days.len() - 1
            });
            let (_, day, trouble) = &mut days[at];
            let second = time % 86_400;
            day.lines += 1;
            day.seen |= 1 << (second / 3600);
            if worked {
                day.worked.set(second);
            } else {
                trouble.count(second);
            }
        }
        Days {
            days: days.iter().map(|(key, day, _)| (*key, day)).collect(),
            troubles: days.iter().map(|(key, _, t)| (*key, t)).collect(),
            has_backs: false,
            least_quarters,
        }
        .read()
    }

    /// So many requests from a time on, one a minute.
    fn minutes(from: u32, many: u32, worked: bool) -> Vec<(u32, bool)> {
        (0..many).map(|n| (from + n * 60, worked)).collect()
    }

    #[test]
    fn episodes_end_with_what_works() {
        let hour = 3600;
        let cases = [
            (minutes(0, 5, true), (0, 0, 0)),
            (minutes(0, 5, false), (0, 5, 5)),
            (
                [minutes(0, 5, false), minutes(hour, 1, true)].concat(),
                (1, 0, 5),
            ),
            // Two are an accident.
            (
                [minutes(0, 2, false), minutes(hour, 1, true)].concat(),
                (0, 0, 2),
            ),
            (
                [
                    minutes(0, 3, false),
                    minutes(hour, 1, true),
                    minutes(90_000, 4, false),
                    minutes(100_000, 1, true),
                    minutes(110_000, 1, false),
                ]
                .concat(),
                (2, 1, 4),
            ),
            // Which came first within a quarter is not known.
            (vec![(0, true), (60, false), (120, false)], (0, 2, 2)),
            // Over midnight.
            (
                [minutes(86_000, 20, false), minutes(89_000, 1, true)].concat(),
                (1, 0, 20),
            ),
        ];
        for (requests, (episodes, since, longest)) in cases {
            let found = calendar(&requests);
            assert_eq!(
                (found.episodes, found.failures_since, found.longest_failing),
                (episodes, since, longest),
                "{requests:?}"
            );
        }
    }

    #[test]
    fn days_and_gaps() {
        let found = calendar(&[
            (0, true),
            (3600 * 5, true),
            (86_400 * 2, true),
            (86_401 * 2, true),
        ]);
        assert_eq!(found.busiest_day, Some((2, 0)));
        assert_eq!(found.hours_worked, 3);
        assert_eq!(found.longest_gap_h, 43);
    }

    #[test]
    fn rounds_that_are_over_soon_are_no_episodes() {
        let round = |from| [minutes(from, 3, false), minutes(from + 200, 1, true)].concat();
        let rounds = [round(0), round(40_000)].concat();
        assert_eq!(
            (read(&rounds, 0).episodes, read(&rounds, 4).episodes),
            (2, 0)
        );
        let long = [minutes(0, 80, false), minutes(90_000, 1, true)].concat();
        assert_eq!(read(&long, 4).episodes, 1);
    }

    #[test]
    fn weekends() {
        // 2011-05-06 was a Friday.
        let friday = 15_100 * 86_400;
        let hour = 3600;
        for (from, to, hours) in [
            (0, 24, 0),
            (0, 48, 24),
            (0, 25, 1),
            (12, 84, 48),
            (30, 31, 1),
            (72, 100, 0),
            (0, 24 * 8, 48),
        ] {
            let weekend = weekend_s(friday + from * hour, friday + to * hour);
            assert_eq!(weekend, hours * hour, "{from} to {to}");
        }
        // Office hours from Wednesday to Friday and on Monday.
        let days: Vec<(u32, bool)> = [0, 1, 2, 5]
            .map(|day| (15_098 + day) * 86_400)
            .into_iter()
            .flat_map(|day| [(day + 8 * 3600, true), (day + 17 * 3600, true)])
            .collect();
        let found = calendar(&days);
        assert_eq!((found.longest_gap_h, found.seen_on_weekends), (15, false));
        let all = [days, vec![(15_101 * 86_400, true)]].concat();
        let found = calendar(&all);
        assert_eq!((found.longest_gap_h, found.seen_on_weekends), (56, true));
    }
}
