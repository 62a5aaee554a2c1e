//! The grammars that are worth a grammar, with nom: directives and what stands in them.
//!
//! Lines, columns, query parameters and elements are split with memchr before anything here is
//! asked; nom stays off the per-byte path and out of the public API.

use chrono::NaiveDateTime;
use nom::bytes::complete::{tag, take_while};
use nom::combinator::opt;
use nom::sequence::{preceded, terminated};
use nom::{IResult, Parser};

use crate::fault::{Fault, FaultKind};
use crate::w3c::value;

/// The result of a parser over raw bytes. Its error carries nothing: callers make a [`Fault`].
pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn blanks(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(is_blank).parse(input)
}

/// `"#" name [ ":" value ]`, with blanks around both dropped. Any bytes are a directive.
pub(crate) fn directive(line: &[u8]) -> (&[u8], &[u8]) {
    let head = preceded(
        (opt(tag("#")), blanks),
        terminated(take_while(|b| b != b':'), opt(tag(":"))),
    );
    let split: Parsed<'_, _> = (head, blanks).parse(line);
    match split {
        Ok((value, (name, _))) => (trim_end(name), trim_end(value)),
        Err(_) => (line, b""),
    }
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let Some((&last, rest)) = bytes.split_last() {
        if !is_blank(last) {
            break;
        }
        bytes = rest;
    }
    bytes
}

/// `date 1*blank time`, and anything behind a blank.
pub(crate) fn date_time(input: &[u8]) -> Result<NaiveDateTime, Fault> {
    let word = |input| terminated(take_while(|b| !is_blank(b)), blanks).parse(input);
    let split: Parsed<'_, (&[u8], &[u8])> = (word, word).parse(input);
    let Ok((_, (date, time))) = split else {
        return Err(Fault::new(FaultKind::BadDate, 0));
    };
    let date_only = value::date(date)?;
    let at = time.as_ptr() as usize - input.as_ptr() as usize;
    let time = value::time(time).map_err(|fault| Fault::new(fault.kind, at))?;
    Ok(date_only.and_time(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_split_at_the_first_colon() {
        let cases: [(&str, &str, &str); 6] = [
            ("#Fields: date time ", "Fields", "date time"),
            ("#Fields:date", "Fields", "date"),
            (
                "# Date : 2011-05-06 11:29:50",
                "Date",
                "2011-05-06 11:29:50",
            ),
            ("#remark", "remark", ""),
            ("#", "", ""),
            ("#:", "", ""),
        ];
        for (line, name, value) in cases {
            assert_eq!(
                directive(line.as_bytes()),
                (name.as_bytes(), value.as_bytes())
            );
        }
    }

    #[test]
    fn the_fault_of_a_date_time_says_which_half() {
        assert_eq!(
            date_time(b"2011-05-06  11:29"),
            Err(Fault {
                kind: FaultKind::BadTime,
                at: 12
            })
        );
        assert_eq!(
            date_time(b""),
            Err(Fault {
                kind: FaultKind::BadDate,
                at: 0
            })
        );
    }
}
