//! A parser that is slow and obvious: every step makes new lists of owned bytes. The real one is
//! held against it.

use eas_log_parse::{FaultKind, MAX_LINE};

#[path = "slow_eas.rs"]
mod eas;

pub(crate) use eas::{Asked, activity, base64, budget, collections, counts, value};

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Blank,
    Directive,
    Record(Vec<Vec<u8>>),
    Malformed(FaultKind),
}

/// The lines of a log, each with its bytes as far as readers show them.
pub(crate) fn lines(log: &[u8]) -> Vec<(Vec<u8>, Kind)> {
    let mut fields: Option<usize> = None;
    let mut lines = Vec::new();
    let mut pieces: Vec<&[u8]> = log.split(|&b| b == b'\n').collect();
    // Behind the last line feed there is a line only if there is something.
    let last_is_whole = pieces.last() == Some(&&b""[..]);
    if last_is_whole {
        pieces.pop();
    }
    let count = pieces.len();
    for (number, piece) in pieces.into_iter().enumerate() {
        let terminated = last_is_whole || number + 1 < count;
        let (bytes, kind) = line(piece, number == 0, terminated, &mut fields);
        lines.push((bytes, kind));
    }
    lines
}

fn line(
    piece: &[u8],
    first: bool,
    terminated: bool,
    fields: &mut Option<usize>,
) -> (Vec<u8>, Kind) {
    let mut bytes = piece.to_vec();
    let too_long = bytes.len() > MAX_LINE;
    bytes.truncate(MAX_LINE);
    if !too_long && bytes.ends_with(b"\r") {
        bytes.pop();
    }
    if first && bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    let malformed = |bytes: Vec<u8>, kind| (bytes, Kind::Malformed(kind));
    if too_long {
        return malformed(bytes, FaultKind::LineTooLong);
    }
    if bytes.iter().all(|b| b" \t\r".contains(b)) {
        return (bytes, Kind::Blank);
    }
    let mut text: Vec<u8> = bytes.iter().copied().skip_while(|&b| b == 0).collect();
    if text.starts_with(b"\xef\xbb\xbf") {
        text.drain(..3);
    }
    if text.is_empty() {
        return match bytes.contains(&0) {
            true => malformed(bytes, FaultKind::NulBlock),
            false => (bytes, Kind::Blank),
        };
    }
    let name = |text: &[u8]| {
        let name = text[1..].split(|&b| b == b':').next().unwrap_or_default();
        words(&name.to_ascii_lowercase())
    };
    let known = ["fields", "date", "software", "version"];
    let trimmed = bytes.trim_ascii_start();
    if b" \t\r".contains(&bytes[0])
        && trimmed.first() == Some(&b'#')
        && known
            .iter()
            .any(|known| name(trimmed) == [known.as_bytes()])
    {
        text = trimmed.to_vec();
    }
    if text[0] == b'#' {
        if name(&text) == [b"fields"] {
            let value: Vec<u8> = text
                .iter()
                .copied()
                .skip_while(|&b| b != b':')
                .skip(1)
                .collect();
            let names = words(&value).len();
            if names == 0 {
                return malformed(bytes, FaultKind::EmptyFields);
            }
            *fields = Some(names);
        }
        return (bytes, Kind::Directive);
    }
    let Some(expected) = *fields else {
        return malformed(bytes, FaultKind::NoFields);
    };
    let by = |separator: u8| -> Vec<Vec<u8>> {
        text.split(|&b| b == separator)
            .map(<[u8]>::to_vec)
            .collect()
    };
    let mut trimmed = by(b' ');
    if trimmed.last() == Some(&Vec::new()) && trimmed.len() > 1 {
        trimmed.pop();
    }
    let tabs = match text.contains(&b'\t') {
        true => by(b'\t'),
        false => Vec::new(),
    };
    let readings = [by(b' '), tabs, trimmed, quoted(&text)];
    for values in &readings {
        if values.len() == expected {
            // A line with NUL bytes before it is shown without them.
            return (text.clone(), Kind::Record(values.clone()));
        }
    }
    let too_few = readings[3].len() < expected;
    let kind = if text.contains(&0) || bytes.contains(&0) && text.contains(&0) {
        FaultKind::NulBlock
    } else if too_few && !terminated {
        FaultKind::Unterminated
    } else if too_few {
        FaultKind::TooFewValues
    } else {
        FaultKind::TooManyValues
    };
    malformed(bytes, kind)
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    text.split(|&b| b == b' ' || b == b'\t')
        .filter(|word| !word.is_empty())
        .map(<[u8]>::to_vec)
        .collect()
}

/// Values separated by runs of blanks and tabs, where a value may stand in quotes.
fn quoted(text: &[u8]) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    let mut rest = text;
    let mut closes = true;
    loop {
        rest = &rest[rest
            .iter()
            .take_while(|&&b| b == b' ' || b == b'\t')
            .count()..];
        if rest.is_empty() {
            return values;
        }
        let mut end = rest
            .iter()
            .position(|&b| b == b' ' || b == b'\t')
            .unwrap_or(rest.len());
        if closes && rest[0] == b'"' {
            match closing(rest) {
                Some(quote) if quote + 1 == rest.len() || b" \t".contains(&rest[quote + 1]) => {
                    end = quote + 1;
                }
                Some(_) => {}
                None => closes = false,
            }
        }
        values.push(rest[..end].to_vec());
        rest = &rest[end..];
    }
}

/// The quote that closes the one at the start; two in a row are one inside.
fn closing(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < text.len() {
        if text[at] == b'"' {
            if text.get(at + 1) != Some(&b'"') {
                return Some(at);
            }
            at += 1;
        }
        at += 1;
    }
    None
}

/// The pairs of a query: key and value.
pub(crate) fn pairs(query: &[u8]) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let pieces = query
        .split(|&b| b == b'&')
        .filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| match piece.iter().position(|&b| b == b'=') {
            Some(at) => (piece[..at].to_vec(), Some(piece[at + 1..].to_vec())),
            None => (piece.to_vec(), None),
        })
        .collect()
}

/// The elements of a `Log=` value: name and value.
pub(crate) fn elements(log: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let pieces = log.split(|&b| b == b'_').filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| {
            let letters = piece.iter().take_while(|b| b.is_ascii_alphabetic()).count();
            let by_letters = (piece[..letters].to_vec(), piece[letters..].to_vec());
            let Some(colon) = piece.iter().position(|&b| b == b':') else {
                return by_letters;
            };
            let hour = &piece[letters..colon];
            let is_time =
                piece.starts_with(b"Tm") && hour.len() == 2 && hour.iter().all(u8::is_ascii_digit);
            if is_time {
                return by_letters;
            }
            (piece[..colon].to_vec(), piece[colon + 1..].to_vec())
        })
        .collect()
}
