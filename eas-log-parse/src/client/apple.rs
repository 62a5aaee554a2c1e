//! Apple models and builds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::{Client, text};
use crate::codes::table;

/// A model of Apple's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AppleModel {
    /// As user agents write it, such as `iPhone3C1`.
    pub eas_model: &'static str,
    /// As Apple writes it, such as `iPhone3,1`.
    pub identifier: &'static str,
    /// Its marketing name.
    pub name: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

/// A build of iOS.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AppleBuild {
    /// As Apple names it, such as `8A293`.
    pub build: String,
    /// As user agents write it, such as `801.293`.
    pub eas_form: String,
    /// The version of iOS, by the exact build or, as in `4.x`, by the family of its number.
    pub version: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

static MODELS: LazyLock<Vec<AppleModel>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/apple-models.tsv"))
        .map(
            |[eas_model, identifier, name, evidence, source]| AppleModel {
                eas_model,
                identifier,
                // What the sources disagree on is said in brackets.
                name: name.split(" [").next().unwrap_or(name),
                evidence,
                source,
            },
        )
        .collect()
});

static BY_MODEL: LazyLock<HashMap<&str, &AppleModel>> = LazyLock::new(|| {
    let models = MODELS.iter();
    models.map(|model| (model.eas_model, model)).collect()
});

/// What is known of a model of Apple's, as user agents (`iPhone3C1`) or Apple (`iPhone3,1`) write it.
/// Case does not matter.
///
/// ```
/// let model = eas_log_parse::apple_model("iPhone3,1").unwrap();
/// assert_eq!((model.eas_model, model.name), ("iPhone3C1", "iPhone 4 GSM"));
/// ```
pub fn apple_model(model: &str) -> Option<&'static AppleModel> {
    MODELS.iter().find(|known| {
        known.eas_model.eq_ignore_ascii_case(model) || known.identifier.eq_ignore_ascii_case(model)
    })
}

/// What is known of a build of iOS, as user agents (`801.293`) or Apple (`8A293`) write it; `None` if
/// it is none, or of a family that no table knows.
///
/// ```
/// let build = eas_log_parse::apple_build("8C148a").unwrap();
/// assert_eq!((build.eas_form.as_str(), build.version), ("803.14800001", "4.2.1"));
/// assert_eq!(eas_log_parse::apple_build("801.293").unwrap().version, "4.0");
/// ```
pub fn apple_build(build: &str) -> Option<AppleBuild> {
    let build = decode(build.as_bytes()).or_else(|| read_build(build))?;
    let (version, evidence, source) = build.version()?;
    Some(AppleBuild {
        build: build.name(),
        eas_form: build.coded(),
        version,
        evidence,
        source,
    })
}

/// A version, the marks of the evidence for it, and its source.
type Known = (&'static str, &'static str, &'static str);

/// Versions by the exact build, as `8A293`.
static BUILDS: LazyLock<HashMap<&str, Known>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/apple-builds.tsv"))
        .map(|[_, build, version, evidence, source]| (build, (version, evidence, source)))
        .collect()
});

/// Versions by the number and letter that a build begins with; `*` is any letter.
static FAMILIES: LazyLock<HashMap<(u32, char), Known>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/apple-build-families.tsv"))
        .map(|[major, letter, family, evidence]| {
            let key = (
                major.parse().expect("a number"),
                letter.chars().next().expect("a letter"),
            );
            (key, (family, evidence, ""))
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
    client.model = Some(match BY_MODEL.get(&*model) {
        Some(known) => {
            client.evidence = known.evidence;
            Cow::Borrowed(known.name)
        }
        None => Cow::Owned(comma(&model)),
    });
    if let Some((version, evidence, _)) = decode(build).and_then(|build| build.version()) {
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

    /// As user agents write it.
    fn coded(&self) -> String {
        let place = |letter: char, first: u8| letter as u32 - u32::from(first) + 1;
        let suffix = self
            .suffix
            .map(|letter| format!("000{:02}", place(letter, b'a')));
        let (major, number) = (self.major, self.number);
        let letter = place(self.letter, b'A');
        format!("{major}{letter:02}.{number}{}", suffix.unwrap_or_default())
    }

    /// Its version, by the exact build or by its family.
    fn version(&self) -> Option<Known> {
        if let Some(found) = BUILDS.get(&*self.name()) {
            return Some(*found);
        }
        let by_letter = FAMILIES.get(&(self.major, self.letter));
        by_letter
            .or_else(|| FAMILIES.get(&(self.major, '*')))
            .copied()
    }
}

/// Reads a build as Apple names it: digits, a capital letter, digits, and perhaps a small letter.
fn read_build(name: &str) -> Option<Build> {
    let at = name.find(|c: char| c.is_ascii_uppercase())?;
    let (major, rest) = name.split_at(at);
    let (letter, rest) = rest.split_at(1);
    let number = rest.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let suffix = &rest[number.len()..];
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain(major) || !plain(number) || suffix.len() > 1 {
        return None;
    }
    Some(Build {
        major: major.parse().ok()?,
        letter: letter.chars().next()?,
        number: number.parse().ok()?,
        suffix: suffix.chars().next(),
    })
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

    fn version(coded: &str) -> Option<(&'static str, &'static str)> {
        let (version, evidence, _) = decode(coded.as_bytes())?.version()?;
        Some((version, evidence))
    }

    #[test]
    fn every_row_of_the_tables_decodes() {
        assert_eq!((MODELS.len(), BUILDS.len(), FAMILIES.len()), (93, 115, 88));
        assert_eq!(BY_MODEL.len(), 93, "models are distinct");
        let mut builds = 0;
        for [coded, build, want, evidence, _] in
            table::rows(include_str!("../../data/apple-builds.tsv"))
        {
            let decoded = decode(coded.as_bytes()).unwrap();
            assert_eq!(decoded.name(), build, "{coded}");
            assert_eq!(version(coded), Some((want, evidence)), "{coded}");
            let by_name = apple_build(build).unwrap();
            assert_eq!(apple_build(coded).as_ref(), Some(&by_name), "{coded}");
            assert_eq!((by_name.build.as_str(), by_name.version), (build, want));
            builds += 1;
        }
        assert_eq!(builds, 115);
        let mut models = 0;
        for [model, identifier, name, evidence, source] in
            table::rows(include_str!("../../data/apple-models.tsv"))
        {
            assert_eq!(comma(model), identifier);
            let known = apple_model(identifier).unwrap();
            assert_eq!(apple_model(&model.to_lowercase()), Some(known));
            assert!(name.starts_with(known.name), "{name}");
            assert_eq!((known.evidence, known.source), (evidence, source));
            let agent = format!("{model}/801.293");
            let mut client = Client::default();
            assert!(read(agent.as_bytes(), &mut client), "{agent}");
            assert_eq!(client.model.as_deref(), Some(known.name), "{agent}");
            models += 1;
        }
        assert_eq!(models, 93);
        let mut families = 0;
        for [major, letter, want, evidence] in
            table::rows(include_str!("../../data/apple-build-families.tsv"))
        {
            // A number that no build has, so that the family decides.
            let letter = if letter == "*" { "Z" } else { letter };
            let build = apple_build(&format!("{major}{letter}9999")).unwrap();
            assert_eq!(
                (build.version, build.evidence),
                (want, evidence),
                "{build:?}"
            );
            families += 1;
        }
        assert_eq!(families, 88);
    }

    #[test]
    fn leading_zeros_and_families() {
        assert_eq!(
            version("705.018").unwrap().0,
            "3.1.3",
            "Apple's text pads to three digits"
        );
        assert_eq!(version("1905.999"), Some(("15.4", "K")));
        assert_eq!(version("2307.71").unwrap().0, "26.x");
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
        for bad in [
            "",
            "8A",
            "A1",
            "8A1ab",
            "8AA1",
            "8A1é",
            "99999999999A1",
            "8a293",
        ] {
            assert_eq!(read_build(bad), None, "{bad}");
        }
    }
}
