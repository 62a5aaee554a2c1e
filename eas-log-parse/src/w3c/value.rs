//! Values of fixed form: numbers, dates and times of day.
//!
//! Read by position rather than by a format string: the forms are fixed, and a date and a time
//! stand on every line.

use chrono::{NaiveDate, NaiveTime};

use crate::fault::{Fault, FaultKind};

/// An unsigned decimal number that fits `T`.
#[inline]
pub(crate) fn number<T: TryFrom<u64>>(value: &[u8]) -> Result<T, Fault> {
    if value.is_empty() {
        return Err(Fault::new(FaultKind::BadNumber, 0));
    }
    // So few digits always fit, and almost no number has more.
    if value.len() <= u64::MAX.ilog10() as usize {
        let (mut n, mut digits) = (0u64, true);
        for &byte in value {
            let digit = byte.wrapping_sub(b'0');
            digits &= digit <= 9;
            // What is no number may wrap.
            n = n.wrapping_mul(10).wrapping_add(digit.into());
        }
        if digits {
            return T::try_from(n).map_err(|_| Fault::new(FaultKind::NumberTooLarge, 0));
        }
    }
    checked_number(value)
}

/// The same, where it may be no number or too large.
#[cold]
fn checked_number<T: TryFrom<u64>>(value: &[u8]) -> Result<T, Fault> {
    let mut n: u64 = 0;
    for (at, &byte) in value.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Fault::new(FaultKind::BadNumber, at));
        }
        n = n
            .checked_mul(10)
            .and_then(|n| n.checked_add(u64::from(digit)))
            .ok_or(Fault::new(FaultKind::NumberTooLarge, 0))?;
    }
    T::try_from(n).map_err(|_| Fault::new(FaultKind::NumberTooLarge, 0))
}

/// A signed decimal number.
pub(crate) fn signed(value: &[u8]) -> Result<i64, Fault> {
    match value.split_first() {
        Some((b'-', digits)) => number::<i64>(digits)
            .map(|n| -n)
            .map_err(|fault| Fault::new(fault.kind, fault.at as usize + 1)),
        _ => number(value),
    }
}

/// Two digits at an offset, as a number; anything else gives a number above 99.
#[inline]
fn two_digits(value: &[u8], at: usize) -> u32 {
    let (tens, ones) = (
        value[at].wrapping_sub(b'0'),
        value[at + 1].wrapping_sub(b'0'),
    );
    if tens > 9 || ones > 9 {
        100
    } else {
        u32::from(tens) * 10 + u32::from(ones)
    }
}

/// `YYYY-MM-DD`.
#[inline]
pub(crate) fn date(value: &[u8]) -> Result<NaiveDate, Fault> {
    let bad = Fault::new(FaultKind::BadDate, 0);
    if value.len() != 10 || value[4] != b'-' || value[7] != b'-' {
        return Err(bad);
    }
    let (century, year) = (two_digits(value, 0), two_digits(value, 2));
    if century > 99 || year > 99 {
        return Err(bad);
    }
    NaiveDate::from_ymd_opt(
        (century * 100 + year) as i32,
        two_digits(value, 5),
        two_digits(value, 8),
    )
    .ok_or(bad)
}

/// `HH:MM:SS`, with a fraction of up to nine digits kept and further ones dropped.
#[inline]
pub(crate) fn time(value: &[u8]) -> Result<NaiveTime, Fault> {
    let bad = Fault::new(FaultKind::BadTime, 0);
    let Some((whole, rest)) = value.split_first_chunk() else {
        return Err(bad);
    };
    let nanos = match rest {
        [] => 0,
        rest => fraction(rest).ok_or(bad)?,
    };
    let [hour, minute, second] = clock(*whole).ok_or(bad)?;
    NaiveTime::from_hms_nano_opt(hour, minute, second, nanos).ok_or(bad)
}

/// The numbers of `HH:MM:SS`, all eight bytes at once.
#[inline]
fn clock(text: [u8; 8]) -> Option<[u32; 3]> {
    // What is left of a digit is its value, and nothing of a colon.
    let values = u64::from_le_bytes(text) ^ u64::from_le_bytes(*b"00:00:00");
    let no_colon = u64::from_le_bytes([0, 0, 0xff, 0, 0, 0xff, 0, 0]);
    // Of what is below 16, six more has a bit above if it is above nine.
    let above = u64::from_le_bytes([0xf0; 8]);
    let six = u64::from_le_bytes([6; 8]);
    if values & (no_colon | above) != 0 || (values + six) & above != 0 {
        return None;
    }
    // Each byte with the one behind it. None of them grows beyond a byte.
    let pairs = (values * 10 + (values >> 8)).to_le_bytes();
    Some([pairs[0], pairs[3], pairs[6]].map(u32::from))
}

/// A fraction of a second with its point, in nanoseconds.
fn fraction(value: &[u8]) -> Option<u32> {
    let (point, digits) = value.split_first()?;
    if *point != b'.' || digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut nanos = 0;
    for place in 0..9 {
        nanos = nanos * 10 + digits.get(place).map_or(0, |d| u32::from(d - b'0'));
    }
    Some(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        fn fault<T>(kind: FaultKind, at: u32) -> Result<T, Fault> {
            Err(Fault { kind, at })
        }
        assert_eq!(number::<u16>(b"200"), Ok(200));
        assert_eq!(number::<u64>(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(
            number::<u64>(b"18446744073709551616"),
            fault(FaultKind::NumberTooLarge, 0)
        );
        assert_eq!(number::<u16>(b"65536"), fault(FaultKind::NumberTooLarge, 0));
        assert_eq!(number::<u16>(b""), fault(FaultKind::BadNumber, 0));
        assert_eq!(number::<u16>(b"20O"), fault(FaultKind::BadNumber, 2));
        assert_eq!(
            number::<u64>(b"9999999999999999999"),
            Ok(9_999_999_999_999_999_999)
        );
        assert_eq!(
            number::<u64>(b"//////////////////9"),
            fault(FaultKind::BadNumber, 0)
        );
        assert_eq!(number::<u64>(b"000000000000000000007"), Ok(7));
        assert_eq!(signed(b"-813709136"), Ok(-813_709_136));
        assert_eq!(signed(b"7"), Ok(7));
        assert_eq!(
            signed(b"-x"),
            Err(Fault {
                kind: FaultKind::BadNumber,
                at: 1
            })
        );
        assert_eq!(
            signed(b"-"),
            Err(Fault {
                kind: FaultKind::BadNumber,
                at: 1
            })
        );
    }

    #[test]
    fn dates() {
        assert_eq!(
            date(b"2012-02-29"),
            Ok(NaiveDate::from_ymd_opt(2012, 2, 29).unwrap())
        );
        for bad in [
            &b"2011-02-29"[..],
            b"YYYY-MM-DD",
            b"2011-5-6",
            b"2011/05/06",
            b"",
            b"-",
        ] {
            assert_eq!(
                date(bad),
                Err(Fault {
                    kind: FaultKind::BadDate,
                    at: 0
                }),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn times() {
        let at = |h, m, s, nano| Ok(NaiveTime::from_hms_nano_opt(h, m, s, nano).unwrap());
        assert_eq!(time(b"23:59:59"), at(23, 59, 59, 0));
        assert_eq!(time(b"06:53:38.4480003"), at(6, 53, 38, 448_000_300));
        assert_eq!(time(b"06:53:38.1234567891"), at(6, 53, 38, 123_456_789));
        for bad in [
            &b"24:00:00"[..],
            b"12:60:00",
            b"1:02:03",
            b"HH:MM:SS",
            b"12-00:00",
            b"12:00.00",
            b"1/:00:00",
            b"1::00:00",
            b"12:0\xb0:00",
            b"12:00:0\x30\x30",
            b"12:00:0J",
            b"12:00:00.",
            b"12:00:00x1",
        ] {
            assert_eq!(
                time(bad),
                Err(Fault {
                    kind: FaultKind::BadTime,
                    at: 0
                }),
                "{bad:?}"
            );
        }
    }
}
