//! Apple models and builds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Client, text};
use crate::codes::table;

static MODELS: LazyLock<HashMap<&str, (&str, &str)>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/apple-models.tsv"))
        .map(|[eas_model, _, name, evidence, _]| {
            // What the sources disagree on is said in brackets.
            let name = name.split(" [").next().unwrap_or(name);
            (eas_model, (name, evidence))
        })
        .collect()
});

/// Versions by the exact build, as `8A293`.
static BUILDS: LazyLock<HashMap<&str, (&str, &str)>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/apple-builds.tsv"))
        .map(|[_, build, version, evidence, _]| (build, (version, evidence)))
        .collect()
});

/// A version, and the mark of the evidence for it.
type Known = (&'static str, &'static str);

/// Versions by the number and letter that a build begins with; `*` is any letter.
static FAMILIES: LazyLock<HashMap<(u32, char), Known>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/apple-build-families.tsv"))
        .map(|[major, letter, family, evidence]| {
            let key = (
                major.parse().expect("a number"),
                letter.chars().next().expect("a letter"),
            );
            (key, (family, evidence))
        })
        .collect()
});

/// Reads `iPhone3C1/801.293`.
pub(super) fn read<'a>(rest: &'a [u8], client: &mut Client<'a>) -> bool {
    let Some(at) = memchr::memchr(b'/', rest) else {
        return false;
    };
    let (model, build) = (&rest[..at], &rest[at + 1..]);
    if ![&b"iPhone"[..], b"iPad", b"iPod"]
        .iter()
        .any(|kind| model.starts_with(kind))
    {
        return false;
    }
    let model = text(model);
    client.model = Some(match MODELS.get(&*model) {
        Some((name, evidence)) => {
            client.evidence = evidence;
            Cow::Borrowed(*name)
        }
        None => Cow::Owned(comma(&model)),
    });
    if let Some((version, evidence)) = version(build) {
        if evidence != "D" {
            client.evidence = evidence;
        }
        client.os_version = Some(Cow::Borrowed(version));
    }
    true
}

/// Apple's identifier for a model that no table has: `C` stands for the comma.
fn comma(model: &str) -> String {
    match model.rfind('C') {
        Some(at) => format!("{},{}", &model[..at], &model[at + 1..]),
        None => model.to_owned(),
    }
}

/// The version of a build, by the exact build or by its family.
fn version(coded: &[u8]) -> Option<(&'static str, &'static str)> {
    let build = decode(coded)?;
    if let Some(found) = BUILDS.get(&*build.name()) {
        return Some(*found);
    }
    let by_letter = FAMILIES.get(&(build.major, build.letter));
    by_letter
        .or_else(|| FAMILIES.get(&(build.major, '*')))
        .copied()
}

/// A build as Apple names it, such as `8C148a`.
#[derive(Debug, PartialEq, Eq)]
struct Build {
    major: u32,
    letter: char,
    number: u32,
    suffix: Option<char>,
}

impl Build {
    fn name(&self) -> String {
        let suffix = self.suffix.map(String::from).unwrap_or_default();
        format!("{}{}{}{suffix}", self.major, self.letter, self.number)
    }
}

/// Decodes a build (Apple deployment guide): the last two digits before the dot are the position of
/// a letter, and a letter at the end becomes `000` and two digits.
fn decode(coded: &[u8]) -> Option<Build> {
    let coded = core::str::from_utf8(coded).ok()?;
    let (left, right) = coded.split_once('.')?;
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain(left) || !plain(right) || left.len() < 3 || right.len() > 9 {
        return None;
    }
    let (major, letter) = left.split_at(left.len() - 2);
    let letter = position(letter.parse().ok()?, b'A')?;
    let (number, suffix) = match right.split_at_checked(right.len().saturating_sub(5)) {
        Some((number, tail)) if !number.is_empty() && tail.starts_with("000") => {
            match position(tail[3..].parse().ok()?, b'a') {
                Some(letter) => (number, Some(letter)),
                None => (right, None),
            }
        }
        _ => (right, None),
    };
    Some(Build {
        major: major.parse().ok()?,
        letter,
        number: number.parse().ok()?,
        suffix,
    })
}

/// The letter at a position from 1.
fn position(position: u8, first: u8) -> Option<char> {
    (1..=26)
        .contains(&position)
        .then(|| char::from(first + position - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_tables_decodes() {
        assert_eq!((MODELS.len(), BUILDS.len(), FAMILIES.len()), (93, 115, 88));
        let mut builds = 0;
        for [coded, build, want, _, _] in table::rows(include_str!("../../data/apple-builds.tsv")) {
            let decoded = decode(coded.as_bytes()).unwrap();
            assert_eq!(decoded.name(), build, "{coded}");
            assert_eq!(version(coded.as_bytes()).unwrap().0, want, "{coded}");
            builds += 1;
        }
        assert_eq!(builds, 115);
        let mut models = 0;
        for [model, identifier, ..] in table::rows::<5>(include_str!("../../data/apple-models.tsv"))
        {
            assert_eq!(comma(model), identifier);
            models += 1;
        }
        assert_eq!(models, 93);
    }

    #[test]
    fn leading_zeros_and_families() {
        assert_eq!(
            version(b"705.018").unwrap().0,
            "3.1.3",
            "Apple's text pads to three digits"
        );
        assert_eq!(version(b"1905.999"), Some(("15.4", "K")));
        assert_eq!(version(b"2307.71").unwrap().0, "26.x");
        for bad in [
            "",
            ".",
            "801",
            "801.",
            "27.1",
            "82799.1",
            "x01.2",
            "801.99999999999",
        ] {
            assert_eq!(decode(bad.as_bytes()), None, "{bad}");
        }
    }
}
