//! Days in the zone of a store.

use std::ops::Range;

use chrono::{DateTime, Days as Step, NaiveDate, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use crate::ingest::Days;

/// A zone, in which days begin at midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

/// Name of the day that lines without a time are under.
pub const NO_DAY: &str = "none";

/// Days since 1970-01-01 as a date.
pub fn date_of(day: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or(NaiveDate::MIN)
}

/// The name of a day: its date, or that of lines that tell no time.
pub fn day_name(day: Option<i32>) -> String {
    day.map_or_else(|| NO_DAY.to_owned(), |day| date_of(day).to_string())
}

/// The day of a name. `None` if it is none.
pub fn day_named(name: &str) -> Option<Option<i32>> {
    if name == NO_DAY {
        return Some(None);
    }
    let date: NaiveDate = name.parse().ok()?;
    Some(Some(date.to_epoch_days()))
}

impl Zone {
    /// The zone of the logs.
    pub const UTC: Zone = Zone(Tz::UTC);

    /// The zone of a name such as Europe/Berlin.
    ///
    /// # Errors
    /// What was expected.
    pub fn named(name: &str) -> Result<Zone, String> {
        name.parse().map(Zone).map_err(|_| {
            format!("'{name}' is not the name of a time zone: expected one such as Europe/Berlin, America/New_York or UTC")
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The date at a time, in seconds since 1970-01-01 00:00:00 UTC.
    pub fn date_at(self, time: i64) -> NaiveDate {
        date_of(self.day_of(time).0)
    }

    /// How far its clocks are ahead of UTC at a time, in seconds.
    pub fn offset_at(self, time: i64) -> i64 {
        let utc = DateTime::from_timestamp(time, 0);
        let offset = utc.map(|utc| self.0.offset_from_utc_datetime(&utc.naive_utc()).fix());
        offset.map_or(0, |offset| offset.local_minus_utc().into())
    }

    /// The first second of a date.
    fn start(self, date: NaiveDate) -> i64 {
        const STEP: TimeDelta = TimeDelta::minutes(15);
        /// As long as it takes to skip a day, as Samoa did when it moved over the date line.
        const MOST: usize = 26 * 4;
        let mut local = date.and_time(NaiveTime::MIN);
        for _ in 0..MOST {
            // Where clocks go forward at midnight, the day begins later.
            if let Some(start) = self.0.from_local_datetime(&local).earliest() {
                return start.timestamp();
            }
            local += STEP;
        }
        date.and_time(NaiveTime::MIN).and_utc().timestamp()
    }

    fn span(self, date: NaiveDate) -> Range<i64> {
        let next = date.checked_add_days(Step::new(1)).unwrap_or(date);
        self.start(date)..self.start(next)
    }
}

impl Days for Zone {
    fn day_of(&self, time: i64) -> (i32, Range<i64>) {
        let Some(utc) = DateTime::from_timestamp(time, 0) else {
            let day = time.div_euclid(86_400);
            return (day as i32, day * 86_400..(day + 1) * 86_400);
        };
        let mut date = self.0.from_utc_datetime(&utc.naive_utc()).date_naive();
        // Where clocks go back over midnight, the first midnight parts the days.
        if time < self.start(date) {
            date = date.pred_opt().unwrap_or(date);
        } else if time >= self.span(date).end {
            date = date.succ_opt().unwrap_or(date);
        }
        (date.to_epoch_days(), self.span(date))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> i64 {
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S")
            .unwrap()
            .and_utc()
            .timestamp()
    }

    #[test]
    fn days_have_23_to_25_hours_and_follow_each_other() {
        let cases = [
            ("UTC", "2011-05-06", "2011-05-06 00:00:00", 24),
            ("Europe/Berlin", "2011-05-06", "2011-05-05 22:00:00", 24),
            ("Europe/Berlin", "2011-03-27", "2011-03-26 23:00:00", 23),
            ("Europe/Berlin", "2011-10-30", "2011-10-29 22:00:00", 25),
            // Clocks went forward at midnight.
            ("America/Sao_Paulo", "2011-10-16", "2011-10-16 03:00:00", 23),
            ("Asia/Kathmandu", "2011-05-06", "2011-05-05 18:15:00", 24),
        ];
        for (zone, date, start, hours) in cases {
            let zone = Zone::named(zone).unwrap();
            let date: NaiveDate = date.parse().unwrap();
            let day = date.to_epoch_days();
            let start = utc(start);
            let end = start + hours * 3600;
            for time in [start, start + 1, end - 1] {
                assert_eq!(zone.day_of(time), (day, start..end), "{date} {time}");
            }
            assert_eq!(zone.day_of(start - 1).0, day - 1);
            assert_eq!(zone.day_of(start - 1).1.end, start);
            assert_eq!(zone.day_of(end).0, day + 1);
        }
    }

    #[test]
    fn every_time_is_within_its_day() {
        // Havana turned clocks back at 01:00 to midnight, so that midnight came twice.
        for zone in ["America/Havana", "Pacific/Apia", "Australia/Lord_Howe"] {
            let zone = Zone::named(zone).unwrap();
            let mut before = None;
            for step in 0..4 * 24 * 4 * 366 {
                let time = utc("2010-01-01 00:00:00") + step * 900;
                let (day, span) = zone.day_of(time);
                assert!(span.contains(&time), "{time}");
                assert!(before.is_none_or(|before| before <= day), "{time}");
                before = Some(day);
            }
        }
        assert!(Zone::named("Mars").unwrap_err().contains("Europe/Berlin"));
    }

    #[test]
    fn names_of_days() {
        for day in [Some(0), Some(15_100), None] {
            assert_eq!(day_named(&day_name(day)), Some(day));
        }
        assert_eq!(day_name(Some(15_100)), "2011-05-06");
        assert_eq!(day_named("yesterday"), None);
    }
}
