//! Times for people and machines.

use chrono::DateTime;

/// ISO 8601 in UTC, such as `2011-05-06T11:30:11Z`.
pub fn iso_time(seconds: i64) -> String {
    format(seconds, "%Y-%m-%dT%H:%M:%SZ")
}

/// Date and time to the minute, such as `2011-05-06 11:30`.
pub fn short_time(seconds: i64) -> String {
    format(seconds, "%Y-%m-%d %H:%M")
}

fn format(seconds: i64, format: &str) -> String {
    match DateTime::from_timestamp(seconds, 0) {
        Some(time) => time.format(format).to_string(),
        None => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        assert_eq!(iso_time(1_304_681_411), "2011-05-06T11:30:11Z");
        assert_eq!(short_time(1_304_681_411), "2011-05-06 11:30");
        assert_eq!(iso_time(i64::MAX), "9223372036854775807 s");
    }
}
