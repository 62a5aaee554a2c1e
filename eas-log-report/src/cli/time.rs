//! Times as they are typed.

use chrono::{NaiveDate, NaiveDateTime};

/// Reads a date, or a date with a time, as UTC. Gives the first second, and the first second behind
/// the stretch that was named: a day, a minute or a second.
///
/// # Errors
/// What was expected.
pub(super) fn parse_time(text: &str) -> Result<(i64, i64), String> {
    let plain = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if let Ok(date) = NaiveDate::parse_from_str(plain, "%Y-%m-%d") {
        let start = date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        return Ok((start, start + 86_400));
    }
    let forms = [
        ("%Y-%m-%dT%H:%M", 60),
        ("%Y-%m-%d %H:%M", 60),
        ("%Y-%m-%dT%H:%M:%S", 1),
        ("%Y-%m-%d %H:%M:%S", 1),
    ];
    for (form, stretch) in forms {
        if let Ok(time) = NaiveDateTime::parse_from_str(plain, form) {
            let start = time.and_utc().timestamp();
            return Ok((start, start + stretch));
        }
    }
    Err(
        "expected a date or time (UTC) as 2011-05-06, 2011-05-06T11:30 or 2011-05-06T11:30:11"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_their_stretch() {
        const DAY: i64 = 1_304_640_000;
        assert_eq!(parse_time("2011-05-06"), Ok((DAY, DAY + 86_400)));
        assert_eq!(
            parse_time("2011-05-06T11:30"),
            Ok((DAY + 41_400, DAY + 41_460))
        );
        assert_eq!(
            parse_time("2011-05-06 11:30:11Z"),
            Ok((DAY + 41_411, DAY + 41_412))
        );
        for bad in [
            "",
            "yesterday",
            "2011-02-29",
            "06.05.2011",
            "2011-05-06T25:00",
        ] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
