//! How values are written in tables, and read again.

use eas_log_parse::{Half, SyncType, Tier};

use crate::facts::{LogForm, Moment, NONE, Place, PolicyKey, TextId};

pub(super) const HALVES: [(Half, &str); 3] = [
    (Half::Whole, "whole"),
    (Half::Front, "front"),
    (Half::Back, "back"),
];
pub(super) const TIERS: [(Tier, &str); 8] = [
    (Tier::Client, "client"),
    (Tier::FrontEnd, "front_end"),
    (Tier::PerhapsFrontEnd, "perhaps_front_end"),
    (Tier::BackEnd, "back_end"),
    (Tier::Proxying, "proxying"),
    (Tier::Proxied, "proxied"),
    (Tier::Probe, "probe"),
    (Tier::Internal, "internal"),
];
pub(super) const POLICY_KEYS: [(PolicyKey, &str); 3] = [
    (PolicyKey::Unknown, "unknown"),
    (PolicyKey::Zero, "zero"),
    (PolicyKey::Set, "set"),
];
pub(super) const SYNC_TYPES: [(SyncType, &str); 4] = [
    (SyncType::First, "first"),
    (SyncType::Subsequent, "subsequent"),
    (SyncType::Recovery, "recovery"),
    (SyncType::Invalid, "invalid"),
];
pub(super) const FORMS: [(LogForm, &str); 4] = [
    (LogForm::None, "none"),
    (LogForm::Named, "named"),
    (LogForm::Packed, "packed"),
    (LogForm::PackedUnavailable, "packed_unavailable"),
];

pub(super) fn name<T: PartialEq + Copy>(names: &[(T, &'static str)], value: T) -> String {
    let found = names.iter().find(|(other, _)| *other == value);
    found.map_or_else(String::new, |(_, name)| (*name).to_owned())
}

/// What is wrong with a table that cannot be what was written.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) String);

impl From<polars::prelude::PolarsError> for Wrong {
    fn from(error: polars::prelude::PolarsError) -> Wrong {
        Wrong(error.to_string())
    }
}

pub(super) fn named<T: Copy>(names: &[(T, &'static str)], name: &str) -> Result<T, Wrong> {
    let found = names.iter().find(|(_, other)| *other == name);
    found
        .map(|(value, _)| *value)
        .ok_or_else(|| Wrong(format!("'{name}' is not a value of its column")))
}

pub(super) fn id(text: TextId) -> Option<u32> {
    (text != NONE).then_some(text)
}

/// Texts from logs are nearly always UTF-8, and stand as they are. Others are written in
/// hexadecimal behind this mark.
const NOT_UTF8: char = '\u{fffd}';

pub(super) fn write_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.starts_with(NOT_UTF8) => text.to_owned(),
        _ => format!("{NOT_UTF8}{}", hex(bytes)),
    }
}

pub(super) fn read_text(text: &str) -> Result<Vec<u8>, Wrong> {
    match text.strip_prefix(NOT_UTF8) {
        None => Ok(text.as_bytes().to_vec()),
        Some(digits) => unhex(digits),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(digits: &str) -> Result<Vec<u8>, Wrong> {
    let wrong = || Wrong(format!("'{digits}' is not hexadecimal"));
    let digits = digits.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return Err(wrong());
    }
    digits
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            u8::from_str_radix(pair, 16).map_err(|_| wrong())
        })
        .collect()
}

/// Counts of which most are 0: each other one behind its place, such as `0:3 17:250`.
pub(super) fn counts(counts: &[u16]) -> String {
    let counts = counts.iter().enumerate().filter(|&(_, &count)| count > 0);
    let texts: Vec<String> = counts.map(|(at, count)| format!("{at}:{count}")).collect();
    texts.join(" ")
}

pub(super) fn read_counts<const N: usize>(text: &str) -> Result<[u16; N], Wrong> {
    let mut counts = [0; N];
    for pair in text.split_ascii_whitespace() {
        let count = pair.split_once(':').and_then(|(at, count)| {
            let place = counts.get_mut(at.parse::<usize>().ok()?)?;
            *place = count.parse().ok()?;
            Some(())
        });
        count.ok_or_else(|| Wrong(format!("'{pair}' is not a place below {N} and a number")))?;
    }
    Ok(counts)
}

pub(super) fn time_s(moment: Moment) -> Option<i64> {
    moment.seconds()
}

pub(super) fn moment(file: u32, time_s: Option<i64>, line: u32) -> Moment {
    Moment {
        time: time_s.unwrap_or(Moment::NO_TIME),
        place: Place {
            file,
            piece: 0,
            line,
        },
    }
}

pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_kept_byte_for_byte() {
        for bytes in [
            &b""[..],
            b"CONTOSO\\j\xf8e",
            b"j\xc3\xb8e",
            b"\xff\xfe",
            "\u{fffd}ab".as_bytes(),
        ] {
            assert_eq!(read_text(&write_text(bytes)).unwrap(), bytes);
        }
        assert_eq!(write_text("j\u{f8}e".as_bytes()), "j\u{f8}e");
        assert!(read_text("\u{fffd}abc").is_err());
        assert!(read_text("\u{fffd}zz").is_err());
    }

    #[test]
    fn counts_are_read_as_they_were_written() {
        let mut all = [0; 24];
        assert_eq!(counts(&all), "");
        (all[0], all[23]) = (7, u16::MAX);
        assert_eq!(counts(&all), "0:7 23:65535");
        assert_eq!(read_counts(&counts(&all)).unwrap(), all);
        for wrong in ["24:1", "1", "1:", "1:65536", "-1:1"] {
            assert!(read_counts::<24>(wrong).is_err(), "{wrong}");
        }
    }
}
