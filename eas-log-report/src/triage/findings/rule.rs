//! Findings as data: what an Exchange person writes.

use std::collections::HashSet;

use anyhow::{Context, bail, ensure};
use eas_log_parse::codes::Class;
use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

use crate::report::{Advice, Certainty, Severity};
use crate::triage::verdict::Verdict;

/// The findings that come with the tool.
const BUILT_IN: &str = include_str!("../../../data/findings.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    finding: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    severity: Severity,
    title: String,
    #[serde(default)]
    all: Vec<String>,
    #[serde(default)]
    any: Vec<String>,
    #[serde(default)]
    none: Vec<String>,
    #[serde(default)]
    unless: Vec<String>,
    client_below: Option<ClientBelow>,
    os_below: Option<OsBelow>,
    #[serde(default)]
    logs: Vec<String>,
    evidence: Option<String>,
    why: String,
    #[serde(default, rename = "do")]
    steps: Vec<String>,
    #[serde(default)]
    cmdlets: Vec<String>,
    warning: Option<String>,
    who: String,
    references: Vec<String>,
    certainty: Certainty,
    because: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClientBelow {
    client: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OsBelow {
    os: String,
    version: String,
}

/// A version that a client or an operating system must be below.
pub(super) struct Below {
    /// In lower case.
    pub(super) name: String,
    pub(super) version: String,
}

/// When a finding lists a device, or holds of the logs.
pub(super) struct Rule {
    pub(super) all: Vec<Pattern>,
    pub(super) any: Vec<Pattern>,
    pub(super) none: Vec<Pattern>,
    /// Numbers of earlier rules: what they list is left out.
    pub(super) unless: Vec<u16>,
    pub(super) client_below: Option<Below>,
    pub(super) os_below: Option<Below>,
    /// Patterns of tags of the logs; empty for a finding about devices.
    pub(super) logs: Vec<Pattern>,
    /// The classes, by their names, whose failures are the evidence.
    pub(super) evidence: Option<Pattern>,
    /// What it says.
    pub(super) advice: Advice,
}

/// Reads the findings of the tool, and those of a file on top: one with a known id takes its place.
pub(super) fn read(more: Option<&str>) -> anyhow::Result<Vec<Rule>> {
    let built_in: File = toml::from_str(BUILT_IN).context("the built-in findings")?;
    let mut written = built_in.finding;
    if let Some(more) = more {
        let more: File = toml::from_str(more)?;
        for finding in more.finding {
            match written.iter_mut().find(|other| other.id == finding.id) {
                Some(other) => *other = finding,
                None => written.push(finding),
            }
        }
    }
    let mut ids: Vec<String> = Vec::new();
    let mut rules = Vec::new();
    for finding in written {
        let id = finding.id.clone();
        rules.push(rule(finding, &ids).with_context(|| format!("finding '{id}'"))?);
        ids.push(id);
    }
    let different: HashSet<&String> = ids.iter().collect();
    ensure!(different.len() == ids.len(), "two findings have one id");
    Ok(rules)
}

fn rule(written: Written, ids: &[String]) -> anyhow::Result<Rule> {
    let of_logs = !written.logs.is_empty();
    let of_devices = !written.all.is_empty() || !written.any.is_empty();
    if !of_logs && !of_devices {
        bail!("expected `logs`, `all` or `any`: which logs or which devices it is about");
    }
    let patterns_in_all = written.all.len() + written.any.len() + written.none.len();
    ensure!(
        patterns_in_all < 63,
        "{patterns_in_all} patterns: expected at most 62"
    );
    let below = |name: &str, version: &str| -> anyhow::Result<Below> {
        ensure!(
            !numbers(version).is_empty(),
            "version '{version}': expected numbers such as 3.0.50"
        );
        Ok(Below {
            name: name.to_lowercase(),
            version: version.to_owned(),
        })
    };
    Ok(Rule {
        all: patterns(&written.all)?,
        any: patterns(&written.any)?,
        none: patterns(&written.none)?,
        unless: written
            .unless
            .iter()
            .map(|id| match ids.iter().position(|other| other == id) {
                Some(number) => Ok(number as u16),
                None => bail!("unless '{id}': no finding before this one has that id"),
            })
            .collect::<anyhow::Result<_>>()?,
        client_below: match &written.client_below {
            Some(ClientBelow { client, version }) => Some(below(client, version)?),
            None => None,
        },
        os_below: match &written.os_below {
            Some(OsBelow { os, version }) => Some(below(os, version)?),
            None => None,
        },
        logs: patterns(&written.logs)?,
        evidence: match written.evidence {
            Some(tag) => match tag.strip_prefix("class:") {
                Some(class) => {
                    // For the names that there are.
                    patterns(std::slice::from_ref(&tag))?;
                    Some(pattern(class)?)
                }
                None => bail!("evidence '{tag}': expected class: and the name of a class"),
            },
            None => None,
        },
        advice: Advice {
            id: written.id,
            severity: written.severity,
            title: written.title,
            why: written.why.trim().to_owned(),
            steps: written.steps,
            cmdlets: written.cmdlets,
            warning: written.warning,
            who: written.who,
            references: written.references,
            certainty: written.certainty,
            because: written.because,
        },
    })
}

fn patterns(patterns: &[String]) -> anyhow::Result<Vec<Pattern>> {
    let tags = patterns.iter().map(|tag| {
        ensure!(
            tag.contains(':') || super::tags::PLAIN.contains(&tag.as_str()),
            "pattern '{tag}': expected a tag such as verdict:blocked, or one of {}",
            super::tags::PLAIN.join(", ")
        );
        let matcher = pattern(tag)?;
        // These have few names, so that a wrong one would never match and nobody would know.
        if let Some((space @ ("verdict" | "has" | "class"), _)) = tag.split_once(':') {
            let names = names_of(space).map(|name| format!("{space}:{name}"));
            ensure!(
                names.into_iter().any(|name| matcher.is_match(&name)),
                "pattern '{tag}': expected one of {}",
                names_of(space).collect::<Vec<_>>().join(", ")
            );
        }
        Ok(matcher)
    });
    tags.collect()
}

/// The names that can stand behind the colon of such a tag.
fn names_of(space: &str) -> impl Iterator<Item = &'static str> + use<> {
    let classes = Class::ALL.iter().map(|(_, name)| *name);
    let verdicts = Verdict::ALL.iter().map(|(_, name)| *name);
    let of_class = space == "class";
    classes
        .filter(move |_| of_class)
        .chain(verdicts.filter(move |_| !of_class))
}

fn pattern(text: &str) -> anyhow::Result<Pattern> {
    if !text.contains(['*', '?', '[', ']', '{', '}']) {
        return Ok(Pattern::Plain(text.to_owned()));
    }
    let glob = GlobBuilder::new(text)
        .case_insensitive(true)
        .backslash_escape(false)
        .literal_separator(false)
        .build()
        .with_context(|| format!("pattern '{text}'"))?;
    Ok(Pattern::Wild(glob.compile_matcher()))
}

/// A pattern of tags. Most are tags as they are, and a matcher takes long to make.
pub enum Pattern {
    /// Without wildcards.
    Plain(String),
    /// With wildcards.
    Wild(GlobMatcher),
}

impl Pattern {
    /// Whether it stands for this tag, in capital or small letters.
    pub fn is_match(&self, tag: &str) -> bool {
        match self {
            Pattern::Plain(text) => text.eq_ignore_ascii_case(tag),
            Pattern::Wild(matcher) => matcher.is_match(tag),
        }
    }

    /// The pattern as it was written.
    pub(super) fn text(&self) -> &str {
        match self {
            Pattern::Plain(text) => text,
            Pattern::Wild(matcher) => matcher.glob().glob(),
        }
    }
}

/// The numbers in a version, in order.
pub(super) fn numbers(version: &str) -> Vec<u64> {
    version
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().unwrap_or(u64::MAX))
        .collect()
}

impl Below {
    /// Whether this is the name, and its version is lower.
    pub(super) fn holds(&self, name: &str, version: &str) -> bool {
        let (theirs, ours) = (numbers(version), numbers(&self.version));
        // What is missing is 0: 3.0 is below 3.0.50.
        let length = theirs.len().max(ours.len());
        let padded = |numbers: &[u64]| -> Vec<u64> {
            let zeros = std::iter::repeat(0);
            numbers.iter().copied().chain(zeros).take(length).collect()
        };
        name.eq_ignore_ascii_case(&self.name)
            && !theirs.is_empty()
            && padded(&theirs) < padded(&ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_findings_are_sound() {
        let rules = read(None).unwrap();
        assert!(rules.len() >= 30, "{}", rules.len());
        for rule in &rules {
            let advice = &rule.advice;
            assert!(
                !advice.why.is_empty() && !advice.references.is_empty(),
                "{}",
                advice.id
            );
            if advice.severity != Severity::Info {
                assert!(!advice.steps.is_empty(), "{}", advice.id);
            }
        }
    }

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let below = Below {
            name: "mail for exchange".to_owned(),
            version: "3.0.50".to_owned(),
        };
        for (version, holds) in [
            ("2.02.0", true),
            ("3.0", true),
            ("3.0.9", true),
            ("3.0.50", false),
            ("3.0.50.1", false),
            ("10.0", false),
            ("", false),
        ] {
            assert_eq!(
                below.holds("Mail for Exchange", version),
                holds,
                "{version}"
            );
        }
        assert!(!below.holds("TouchDown", "2.0"));
    }

    #[test]
    fn a_file_adds_and_replaces() {
        let finding = |id: &str, more: &str| {
            format!(
                "[[finding]]\nid = '{id}'\nseverity = 'low'\ntitle = 't'\nwhy = 'w'\nwho = 'w'\n\
                 references = ['r']\ncertainty = 'likely'\nbecause = 'b'\n{more}\n"
            )
        };
        let before = read(None).unwrap().len();
        let new = finding("ours", "all = ['verdict:blocked']");
        assert_eq!(read(Some(&new)).unwrap().len(), before + 1);
        let known = &read(None).unwrap()[0].advice.id.clone();
        let replaced = finding(known, "all = ['verdict:blocked']");
        assert_eq!(read(Some(&replaced)).unwrap().len(), before);
        for (more, says) in [
            ("", "expected `logs`, `all` or `any`"),
            (
                "all = ['blocked']",
                "expected a tag such as verdict:blocked",
            ),
            (
                "all = ['a:b']\nunless = ['later']",
                "no finding before this one",
            ),
            ("all = ['a:b']\ncolour = 'red'", "unknown field `colour`"),
            (
                "all = ['verdict:blockd']",
                "pattern 'verdict:blockd': expected one of disabled, blocked",
            ),
            ("all = ['class:polisy']", "pattern 'class:polisy'"),
            (
                "all = ['a:b']\nevidence = 'class:polisy'",
                "pattern 'class:polisy'",
            ),
        ] {
            let error = match read(Some(&finding("ours", more))) {
                Ok(_) => panic!("{more} was taken"),
                Err(error) => format!("{error:#}"),
            };
            assert!(error.contains(says), "{more}: {error}");
        }
    }
}
