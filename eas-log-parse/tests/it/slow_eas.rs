//! The slow and obvious readings of what is inside a `Log=` value, and of base64-encoded queries.

use eas_log_parse::codes::{self, Scope};

use super::{elements, pairs};

/// A character, decoded, with the bytes that it stands as.
type Symbol = (u8, Vec<u8>);

fn symbols(text: &[u8]) -> Vec<Symbol> {
    let mut symbols = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let digits = text.get(at + 1..at + 3).unwrap_or_default();
        let code = core::str::from_utf8(digits)
            .ok()
            .filter(|digits| digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) if text[at] == b'%' => {
                symbols.push((code, text[at..at + 3].to_vec()));
                at += 3;
            }
            _ => {
                symbols.push((text[at], vec![text[at]]));
                at += 1;
            }
        }
    }
    symbols
}

fn raw(symbols: &[Symbol]) -> Vec<u8> {
    symbols.iter().flat_map(|(_, raw)| raw.clone()).collect()
}

fn position(symbols: &[Symbol], wanted: u8) -> Option<usize> {
    symbols.iter().position(|(symbol, _)| *symbol == wanted)
}

/// A letter or digit that stands as itself.
fn is_of_a_key(symbol: &Symbol) -> bool {
    symbol.0.is_ascii_alphanumeric() && symbol.1.len() == 1
}

fn key_at_start(symbols: &[Symbol]) -> Vec<u8> {
    let key: Vec<Symbol> = symbols
        .iter()
        .take_while(|symbol| is_of_a_key(symbol))
        .cloned()
        .collect();
    raw(&key)
}

/// A snapshot of a budget: its letter, and its entries with key and value.
pub(crate) type Snapshot = (Option<u8>, Vec<(Vec<u8>, Vec<u8>)>);

/// The snapshots of a budget.
pub(crate) fn budget(text: &[u8]) -> Vec<Snapshot> {
    let mut snapshots = Vec::new();
    let mut rest = symbols(text);
    while !rest.is_empty() {
        let end = (0..rest.len()).find(|&at| {
            let next = rest.get(at + 1);
            rest[at].0 == b';' && next.is_some_and(|next| next.1 == b"(")
        });
        let (snapshot, after) = match end {
            Some(end) => (rest[..end].to_vec(), rest[end + 1..].to_vec()),
            None => (rest, Vec::new()),
        };
        rest = after;
        let letter = match raw(&snapshot) {
            text if text.starts_with(b"(A)") => Some(b'A'),
            text if text.starts_with(b"(D)") => Some(b'D'),
            _ => None,
        };
        let skipped = if letter.is_some() { 3 } else { 0 };
        snapshots.push((letter, entries(&snapshot[skipped..])));
    }
    snapshots
}

fn entries(snapshot: &[Symbol]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut entries = Vec::new();
    let mut rest = snapshot.to_vec();
    while !rest.is_empty() {
        let key = key_at_start(&rest);
        let mut value_at = key.len();
        if rest.get(value_at).is_some_and(|symbol| symbol.0 == b':') {
            value_at += 1;
        }
        let free_text = key == b"Policy" || key == b"Owner";
        let begins = |next: &[Symbol]| {
            let key = key_at_start(next);
            if !free_text {
                return !key.is_empty();
            }
            let goes_on = next
                .get(key.len())
                .is_some_and(|symbol| symbol.0.is_ascii_alphanumeric());
            let known: [&[u8]; 5] = [
                b"Conn",
                b"IsServiceAccount",
                b"LiveTime",
                b"Norm",
                b"MaxConn",
            ];
            !goes_on && known.contains(&key.as_slice())
        };
        let mut in_list = false;
        let mut end = rest.len();
        for at in value_at..rest.len() {
            match rest[at].0 {
                b'[' => in_list = true,
                b']' => in_list = false,
                b',' if !in_list && begins(&rest[at + 1..]) => {
                    end = at;
                    break;
                }
                _ => {}
            }
        }
        entries.push((key, raw(&rest[value_at..end])));
        rest = rest.get(end + 1..).unwrap_or_default().to_vec();
    }
    entries
}

/// A measure of an activity: name, instance and value.
pub(crate) type Measure = (Vec<u8>, Option<Vec<u8>>, Vec<u8>);

/// The measures of an activity.
pub(crate) fn activity(text: &[u8]) -> Vec<Measure> {
    let all = symbols(text);
    let entries = all.split(|(symbol, _)| *symbol == b';');
    entries
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let equals = position(entry, b'=').unwrap_or(entry.len());
            let value = raw(entry.get(equals + 1..).unwrap_or_default());
            let left = &entry[..equals];
            let left = &left[position(left, b':').map_or(0, |colon| colon + 1)..];
            let Some(open) = position(left, b'[') else {
                return (raw(left), None, value);
            };
            let inside = &left[open + 1..];
            let inside = &inside[..position(inside, b']').unwrap_or(inside.len())];
            (raw(&left[..open]), Some(raw(inside)), value)
        })
        .collect()
}

/// Counts: letters and the digits before them.
pub(crate) fn counts(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut counts: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    let mut after_letter = true;
    for &byte in text {
        let digit = byte.is_ascii_digit();
        if counts.is_empty() || digit && after_letter {
            counts.push((Vec::new(), Vec::new()));
        }
        let Some((letters, digits)) = counts.last_mut() else {
            continue;
        };
        if digit { digits } else { letters }.push(byte);
        after_letter = !digit;
    }
    counts
}

/// The elements of each folder: name and value.
pub(crate) fn collections(log: &[u8]) -> Vec<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut elements = elements(log);
    if log.ends_with(b"...") {
        elements.pop();
    }
    let scope = |name: &[u8]| {
        let name = core::str::from_utf8(name).ok()?;
        codes::element(name).map(|element| element.scope)
    };
    let mut folders: Vec<Vec<(Vec<u8>, Vec<u8>)>> = Vec::new();
    let mut over = false;
    for (name, value) in elements {
        let scope = scope(&name);
        if name == b"Fid" || folders.is_empty() && scope == Some(Scope::Folder) {
            folders.push(Vec::new());
            over = false;
        }
        over = over || scope == Some(Scope::Request);
        if let Some(folder) = folders.last_mut()
            && (scope == Some(Scope::Folder) || scope.is_none() && !over)
        {
            folder.push((name, value));
        }
    }
    folders
}

/// What a base64-encoded query says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) version: u16,
    pub(crate) command: u8,
    pub(crate) locale: u16,
    pub(crate) device_id: Vec<u8>,
    pub(crate) policy_key: Option<u32>,
    pub(crate) device_type: Vec<u8>,
    pub(crate) parameters: Vec<(u8, Vec<u8>)>,
    pub(crate) truncated: bool,
}

/// A base64-encoded query; `None` if it is none. Padding is not looked at.
pub(crate) fn base64(query: &[u8]) -> Option<Asked> {
    let piece = query.split(|&b| b == b'&').next()?;
    let text: Vec<u8> = symbols(piece)
        .into_iter()
        .map(|(symbol, _)| symbol)
        .collect();
    let mut text: Vec<u8> = text
        .into_iter()
        .map(|b| if b == b' ' { b'+' } else { b })
        .collect();
    while text.last() == Some(&b'=') {
        text.pop();
    }
    let mut bits: Vec<bool> = Vec::new();
    for byte in text {
        let place = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits.extend((0..6).rev().map(|bit| place >> bit & 1 == 1));
    }
    let bytes = bits.chunks_exact(8);
    let left = bytes.remainder();
    if left.len() >= 6 || left.contains(&true) {
        return None;
    }
    let bytes: Vec<u8> = bytes
        .map(|bits| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit)))
        .collect();
    asked(&bytes)
}

fn asked(bytes: &[u8]) -> Option<Asked> {
    let mut rest = bytes.to_vec();
    let mut take = |many: usize| -> Option<Vec<u8>> {
        if rest.len() < many {
            return None;
        }
        Some(rest.drain(..many).collect())
    };
    let head = take(4)?;
    if ![121, 140, 141, 160, 161].contains(&head[0]) || head[1] > 23 {
        return None;
    }
    let mut counted = || -> Option<Vec<u8>> {
        let length = take(1)?[0];
        take(length.into())
    };
    let device_id = counted()?;
    let key = counted()?;
    let device_type = counted()?;
    if device_id.is_empty() || !matches!(key.len(), 0 | 4) {
        return None;
    }
    let mut asked = Asked {
        version: head[0].into(),
        command: head[1],
        locale: u16::from(head[3]) * 256 + u16::from(head[2]),
        device_id,
        policy_key: (!key.is_empty()).then(|| {
            let places = key.iter().rev();
            places.fold(0, |number, &byte| number * 256 + u32::from(byte))
        }),
        device_type,
        parameters: Vec::new(),
        truncated: false,
    };
    while !rest.is_empty() {
        let length = rest.get(1).map(|&length| usize::from(length));
        match length {
            Some(length) if rest.len() >= 2 + length => {
                asked
                    .parameters
                    .push((rest[0], rest[2..2 + length].to_vec()));
                rest.drain(..2 + length);
            }
            _ => {
                asked.truncated = true;
                break;
            }
        }
    }
    Some(asked)
}

/// The value of the first pair of a key that has one.
pub(crate) fn value(query: &[u8], key: &str) -> Option<Vec<u8>> {
    pairs(query)
        .into_iter()
        .find(|(found, value)| found.eq_ignore_ascii_case(key.as_bytes()) && value.is_some())
        .and_then(|(_, value)| value)
}
