//! The values of budget entries.

use core::time::Duration;

use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case};
use nom::combinator::{all_consuming, map, opt, value};
use nom::sequence::{delimited, preceded, separated_pair, terminated};
use nom::{Err::Error, Parser};

use super::bad;
use crate::fault::Fault;
use crate::grammar::Parsed;
use crate::text::symbol;
use crate::w3c::value::number;

/// Time of one kind of work within the current minute. Exchange 2010.
///
/// Arithmetic on published lines shows the form: `54000/36907/28%` is a limit of 54,000 ms a
/// minute of which 36,907 are left, and 28 % of the minute (not of the limit) is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Triplet {
    /// Limit in milliseconds a minute; none if the policy sets none.
    pub limit_ms: Option<u64>,
    /// What is left of it; none if there is no limit.
    pub remaining_ms: Option<i64>,
    /// Share of the minute that is used, in percent.
    pub used_percent: u32,
}

/// Find count. Exchange 2010. The order of the two numbers is inferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FindCount {
    /// Limit.
    pub limit: u64,
    /// In use.
    pub in_use: u64,
}

/// A character, plain or escaped.
fn character<'a>(wanted: u8) -> impl Fn(&'a [u8]) -> Parsed<'a, ()> {
    move |input| match symbol(input, 0) {
        Some((found, width)) if found == wanted => Ok((&input[width..], ())),
        _ => Err(Error(())),
    }
}

/// `$null`, PowerShell's word for no value.
fn null(input: &[u8]) -> Parsed<'_, ()> {
    value((), (character(b'$'), tag("null"))).parse(input)
}

fn digits(input: &[u8]) -> Parsed<'_, &[u8]> {
    match input.iter().take_while(|b| b.is_ascii_digit()).count() {
        0 => Err(Error(())),
        count => Ok((&input[count..], &input[..count])),
    }
}

fn unsigned<T: TryFrom<u64>>(input: &[u8]) -> Parsed<'_, T> {
    let (rest, digits) = digits(input)?;
    let number = number(digits).map_err(|_| Error(()))?;
    Ok((rest, number))
}

fn signed(input: &[u8]) -> Parsed<'_, i64> {
    match input.strip_prefix(b"-") {
        Some(input) => map(unsigned, |number: i64| -number).parse(input),
        None => unsigned(input),
    }
}

fn time_of_day(input: &[u8]) -> Parsed<'_, (u64, u64, u64)> {
    let colon = || character(b':');
    let parser = (unsigned, colon(), unsigned, colon(), unsigned);
    map(parser, |(hours, (), minutes, (), seconds)| {
        (hours, minutes, seconds)
    })
    .parse(input)
}

/// Runs a parser over the whole of a value.
fn whole<'a, T>(
    parser: impl Parser<&'a [u8], Output = T, Error = ()>,
    text: &'a [u8],
) -> Result<T, Fault> {
    all_consuming(parser)
        .parse(text)
        .map(|(_, parsed)| parsed)
        .map_err(|_| bad())
}

/// A number; `$null` is none.
pub(super) fn count<T: TryFrom<u64>>(text: &[u8]) -> Result<Option<T>, Fault> {
    whole(alt((map(unsigned, Some), map(null, |()| None))), text)
}

/// `limit/remaining/used%`.
pub(super) fn triplet(text: &[u8]) -> Result<Option<Triplet>, Fault> {
    let limit = alt((map(unsigned, Some), map(null, |()| None)));
    let remaining = alt((map(signed, Some), map(null, |()| None)));
    let parser = map(
        (
            terminated(limit, character(b'/')),
            terminated(remaining, character(b'/')),
            terminated(unsigned, character(b'%')),
        ),
        |(limit_ms, remaining_ms, used_percent)| Triplet {
            limit_ms,
            remaining_ms,
            used_percent,
        },
    );
    whole(parser, text).map(Some)
}

/// `limit/in use`.
pub(super) fn find_count(text: &[u8]) -> Result<Option<FindCount>, Fault> {
    let pair = separated_pair(unsigned, character(b'/'), unsigned);
    let parser = map(pair, |(limit, in_use)| FindCount { limit, in_use });
    whole(parser, text).map(Some)
}

/// A number that may be negative and may have a fraction; `$null` is none.
pub(super) fn balance(text: &[u8]) -> Result<Option<f64>, Fault> {
    if whole(null, text).is_ok() {
        return Ok(None);
    }
    let form = (opt(tag("-")), digits, opt((tag("."), digits)));
    whole(form, text)?;
    core::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .map(Some)
        .ok_or(bad())
}

/// `True` or `False`.
pub(super) fn boolean(text: &[u8]) -> Result<Option<bool>, Fault> {
    let parser = alt((
        value(true, tag_no_case("True")),
        value(false, tag_no_case("False")),
    ));
    whole(parser, text).map(Some)
}

/// `[days.]hh:mm:ss[.fraction]`, as .NET writes a time span.
pub(super) fn live_time(text: &[u8]) -> Result<Option<Duration>, Fault> {
    let days = opt(terminated(unsigned::<u64>, tag(".")));
    let fraction = opt(preceded(tag("."), digits));
    let (days, (hours, minutes, seconds), fraction) = whole((days, time_of_day, fraction), text)?;
    let in_range = hours < 24 && minutes < 60 && seconds < 60;
    let whole_seconds = days
        .unwrap_or(0)
        .checked_mul(86_400)
        .and_then(|days| days.checked_add(hours * 3600 + minutes * 60 + seconds))
        .filter(|_| in_range)
        .ok_or(bad())?;
    let digits = fraction.unwrap_or_default();
    let nanos = (0..9).fold(0, |nanos, place| {
        nanos * 10 + digits.get(place).map_or(0, |digit| u32::from(digit - b'0'))
    });
    Ok(Some(Duration::new(whole_seconds, nanos)))
}

/// `Health:n%,HistLoad:n`, the state of a resource without its parentheses. Either half can be
/// damaged alone.
pub(super) fn health(text: &[u8]) -> (Result<i64, Fault>, Result<i64, Fault>) {
    let percent = delimited((tag("Health"), character(b':')), signed, character(b'%'));
    let health: Parsed<'_, i64> = terminated(percent, opt(character(b','))).parse(text);
    let Ok((rest, health)) = health else {
        return (Err(bad()), Err(bad()));
    };
    let load = whole(preceded((tag("HistLoad"), character(b':')), signed), rest);
    (Ok(health), load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_null() {
        assert_eq!(count::<u32>(b"10"), Ok(Some(10)));
        assert_eq!(count::<u32>(b"%24null"), Ok(None));
        assert_eq!(count::<u32>(b"$null"), Ok(None));
        assert_eq!(count::<u32>(b"4294967296"), Err(bad()));
        assert_eq!(count::<u32>(b"-1"), Err(bad()));
        assert_eq!(count::<u64>(b"99999999999999999999"), Err(bad()));
        assert_eq!(count::<u32>(b""), Err(bad()));
    }

    #[test]
    fn balances() {
        assert_eq!(balance(b"480000"), Ok(Some(480_000.0)));
        assert_eq!(balance(b"-0.5"), Ok(Some(-0.5)));
        assert_eq!(balance(b"$null"), Ok(None));
        for text in [&b"1e9"[..], b"inf", b"NaN", b".5", b"5.", b"--1"] {
            assert_eq!(balance(text), Err(bad()), "{text:?}");
        }
    }

    #[test]
    fn time_spans() {
        assert_eq!(
            live_time(b"00%3A00%3a30.6952647"),
            Ok(Some(Duration::new(30, 695_264_700)))
        );
        assert_eq!(
            live_time(b"2.00:00:01"),
            Ok(Some(Duration::from_secs(172_801)))
        );
        for text in [&b"24:00:00"[..], b"00:60:00", b"1:2", b"00:00:00.", b""] {
            assert_eq!(live_time(text), Err(bad()), "{text:?}");
        }
        assert_eq!(live_time(b"18446744073709551615.00:00:00"), Err(bad()));
    }
}
