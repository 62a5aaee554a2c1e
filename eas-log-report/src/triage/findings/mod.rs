//! Findings: what is wrong with which devices, why, and what to do.
//!
//! They are data: `data/findings.toml` says which tags of a device, or of the logs, make a finding.

mod rule;
mod tags;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use foldhash::fast::RandomState;
use rayon::prelude::*;

pub use self::rule::Pattern;
use self::rule::Rule;
use self::tags::{InternalCalls, Tagger, below_tag, of_logs, plain};
use super::device::Device;
use super::ledger::Ledger;
use super::rules::Limits;
use super::verdict::Verdict;
use crate::facts::{Add, Cell, Facts, NONE, Place, TextId, spanned};
use crate::report::{Advice, Severity};

/// From how many devices on a user has many.
const MANY_DEVICES: usize = 10;

/// What findings there are.
pub struct Findings {
    rules: Vec<Rule>,
}

/// The devices that a finding lists.
pub struct Match<'r> {
    /// What the finding says.
    pub advice: &'r Advice,
    /// Numbers of the devices in the ledger, those with most failures first.
    pub devices: Vec<usize>,
    /// How many calls that Exchange made itself show it.
    pub calls: u64,
    /// The first and the last of these.
    pub lines: Vec<Place>,
    /// The classes, by their names, whose failures are the evidence.
    pub evidence: Option<&'r Pattern>,
}

/// What a tag means to a rule.
#[derive(Clone, Copy)]
struct Hit {
    rule: u16,
    /// The patterns of the rule that the tag matches.
    bits: u64,
}

/// The patterns of a rule by their bits.
#[derive(Clone, Copy, Default)]
struct Masks {
    all: u64,
    any: u64,
    none: u64,
}

impl Masks {
    fn hold(self, bits: u64) -> bool {
        bits & self.all == self.all
            && (self.any == 0 || bits & self.any != 0)
            && bits & self.none == 0
    }
}

impl Findings {
    /// Those that come with the tool.
    pub fn built_in() -> &'static Findings {
        static BUILT_IN: LazyLock<Findings> = LazyLock::new(|| {
            Findings::read(None).expect("the built-in findings, which a test reads")
        });
        &BUILT_IN
    }

    /// Those that come with the tool, and those of a file on top.
    ///
    /// # Errors
    /// If the file does not have the form; the message says where.
    pub fn read(more: Option<&str>) -> anyhow::Result<Findings> {
        Ok(Findings {
            rules: rule::read(more)?,
        })
    }

    /// Their ids, by their numbers.
    pub fn ids(&self) -> Vec<&str> {
        self.rules
            .iter()
            .map(|rule| rule.advice.id.as_str())
            .collect()
    }

    /// What they say, by their numbers.
    pub fn advice(&self) -> Vec<&Advice> {
        self.rules.iter().map(|rule| &rule.advice).collect()
    }

    /// Makes the ledger, and finds what holds of its devices and of the logs.
    pub fn find(&self, facts: &Facts, counted: &[u64], limits: Limits) -> (Ledger, Vec<Match<'_>>) {
        let times = facts
            .cells
            .iter()
            .filter_map(|(_, cell)| Some((cell.first.seconds()?, cell.last.seconds()?)));
        let span = times.chain(facts.others).reduce(spanned).unwrap_or((0, 0));
        let end = span.1;
        let tagger = Tagger::new(facts, limits, &self.rules, end);
        let mut ledger = Ledger::new(facts, counted, &limits, span, |history, device| {
            tagger.tags(history, device)
        });
        tag_neighbours(&mut ledger);
        let verdicts: BTreeSet<Verdict> =
            ledger.devices.iter().map(|device| device.verdict).collect();
        let internal = InternalCalls::new(facts);
        let of_logs = of_logs(facts, &internal, verdicts.into_iter());
        let in_logs: Vec<bool> = self
            .rules
            .iter()
            .map(|rule| {
                let found = |pattern: &Pattern| of_logs.iter().any(|tag| pattern.is_match(tag));
                rule.logs.iter().all(found)
            })
            .collect();
        let (masks, hits) = self.hits(tagger.tags.texts());
        ledger.devices.par_iter_mut().for_each(|device| {
            device.findings = self.of_device(&device.tags, &masks, &hits, &in_logs);
        });

        let mut listed: Vec<Vec<usize>> = self.rules.iter().map(|_| Vec::new()).collect();
        for (number, device) in ledger.devices.iter().enumerate() {
            for &rule in &device.findings {
                listed[rule as usize].push(number);
            }
        }
        let matches = self
            .rules
            .iter()
            .zip(listed)
            .zip(in_logs)
            .filter_map(|((rule, devices), in_logs)| {
                let of_logs = in_logs && !rule.logs.is_empty();
                let calls = if of_logs {
                    calls(facts, &internal, rule)
                } else {
                    None
                };
                // One about devices in such logs says nothing if there is neither such a device nor
                // a call.
                let lists = !rule.all.is_empty() || !rule.any.is_empty();
                if devices.is_empty() && (!of_logs || lists && calls.is_none()) {
                    return None;
                }
                Some(Match {
                    advice: &rule.advice,
                    devices,
                    calls: calls.map_or(0, |cell| cell.requests),
                    lines: calls.map_or_else(Vec::new, |cell| {
                        let mut lines = vec![cell.first.place, cell.last.place];
                        lines.dedup();
                        lines
                    }),
                    evidence: rule.evidence.as_ref(),
                })
            })
            .collect();
        (ledger, matches)
    }

    /// For each tag the rules whose patterns it matches.
    fn hits<'s>(&'s self, tags: &'s [String]) -> (Vec<Masks>, Vec<Vec<Hit>>) {
        let mut masks = vec![Masks::default(); self.rules.len()];
        let mut hits: Vec<Vec<Hit>> = tags.iter().map(|_| Vec::new()).collect();
        // Patterns by what stands before the colon, since most tags match none.
        let mut by_space: BTreeMap<&'s str, Vec<(u16, u64, &'s Pattern)>> = BTreeMap::new();
        let mut everywhere: Vec<(u16, u64, &Pattern)> = Vec::new();
        let numbers: HashMap<&str, usize> = tags
            .iter()
            .enumerate()
            .map(|(n, tag)| (tag.as_str(), n))
            .collect();
        for (number, rule) in self.rules.iter().enumerate() {
            let mut next = 1u64;
            let mut add = |mask: &mut u64, pattern: Option<&'s Pattern>| {
                let bit = next;
                // A rule with more patterns than bits is refused where rules are read.
                next = next.wrapping_shl(1);
                *mask |= bit;
                if let Some(pattern) = pattern {
                    let entry = (number as u16, bit, pattern);
                    let glob = pattern.text();
                    match glob.split_once(':') {
                        Some((space, _)) if !space.contains(['*', '?', '[', '{']) => {
                            by_space.entry(space).or_default().push(entry);
                        }
                        Some(_) => everywhere.push(entry),
                        None => by_space.entry(glob).or_default().push(entry),
                    }
                }
                bit
            };
            let masks = &mut masks[number];
            for pattern in &rule.all {
                add(&mut masks.all, Some(pattern));
            }
            for pattern in &rule.any {
                add(&mut masks.any, Some(pattern));
            }
            for pattern in &rule.none {
                add(&mut masks.none, Some(pattern));
            }
            if rule.client_below.is_some() || rule.os_below.is_some() {
                let bits = add(&mut masks.all, None);
                if let Some(&tag) = numbers.get(below_tag(number).as_str()) {
                    let rule = number as u16;
                    hits[tag].push(Hit { rule, bits });
                }
            }
        }
        for (tag, hits) in tags.iter().zip(&mut hits) {
            let space = tag.split_once(':').map_or(tag.as_str(), |(space, _)| space);
            let patterns = by_space.get(space).into_iter().flatten().chain(&everywhere);
            for &(rule, bits, pattern) in patterns {
                if pattern.is_match(tag) {
                    hits.push(Hit { rule, bits });
                }
            }
        }
        (masks, hits)
    }

    /// The rules that list a device with these tags.
    fn of_device(
        &self,
        tags: &[u32],
        masks: &[Masks],
        hits: &[Vec<Hit>],
        in_logs: &[bool],
    ) -> Vec<u16> {
        let mut bits: Vec<(u16, u64)> = Vec::new();
        for hit in tags.iter().flat_map(|&tag| &hits[tag as usize]) {
            match bits.iter_mut().find(|(rule, _)| *rule == hit.rule) {
                Some((_, bits)) => *bits |= hit.bits,
                None => bits.push((hit.rule, hit.bits)),
            }
        }
        bits.sort_unstable_by_key(|&(rule, _)| rule);
        let mut found: Vec<u16> = Vec::new();
        for (rule, bits) in bits {
            let unless = &self.rules[rule as usize].unless;
            if in_logs[rule as usize]
                && masks[rule as usize].hold(bits)
                && !unless.iter().any(|other| found.contains(other))
            {
                found.push(rule);
            }
        }
        found
    }
}

/// Exchange's own calls that make a finding about the logs.
fn calls(facts: &Facts, internal: &InternalCalls<'_>, rule: &Rule) -> Option<Cell> {
    let mut found: Option<Cell> = None;
    let calls = facts.internal.iter().filter(|(key, _)| {
        let tags = internal.tags(key);
        let mut patterns = rule.logs.iter();
        patterns.any(|pattern| tags.iter().any(|tag| pattern.is_match(tag)))
    });
    for (_, cell) in calls {
        match &mut found {
            Some(sum) => sum.add(cell),
            None => found = Some(*cell),
        }
    }
    found
}

/// Adds the tags that depend on the other devices of a user, and the other users of a device.
fn tag_neighbours(ledger: &mut Ledger) {
    let named = (0..).zip(&ledger.devices);
    let named = named.filter(|(_, device)| device.user != NONE && device.device != NONE);
    let mut by_user: Vec<(TextId, usize)> = named
        .clone()
        .map(|(number, device)| (device.user, number))
        .collect();
    by_user.sort_unstable();
    let mut users: HashMap<TextId, u32, RandomState> = HashMap::default();
    for (_, device) in named {
        *users.entry(device.device).or_default() += 1;
    }
    let mut tags: Vec<(usize, &str)> = Vec::new();
    for of_user in by_user.chunk_by(|a, b| a.0 == b.0) {
        for &(_, number) in of_user {
            let device = &ledger.devices[number];
            let follows = |&(_, other): &(TextId, usize)| {
                let other = &ledger.devices[other];
                other.device_type == device.device_type && device.seen.0.is_later_than(other.seen.1)
            };
            if of_user.len() > 1 && of_user.iter().any(follows) {
                tags.push((number, "new_device_of_user"));
            }
            if of_user.len() >= MANY_DEVICES {
                tags.push((number, "many_devices"));
            }
            if users[&device.device] > 1 {
                tags.push((number, "shared_device"));
            }
        }
    }
    for (number, tag) in tags {
        ledger.devices[number].tags.push(plain(tag));
    }
}

impl<'r> Match<'r> {
    /// Most harm first: devices and users, each by how badly they are off; information last.
    pub fn rank(&self, ledger: &Ledger) -> impl Ord + use<'r> {
        let devices = self.devices.iter().map(|&number| &ledger.devices[number]);
        let mut users: Vec<TextId> = devices.map(|device| device.user).collect();
        users.sort_unstable();
        users.dedup();
        let weight = match self.advice.severity {
            Severity::Critical => 8,
            Severity::High => 4,
            Severity::Medium => 2,
            Severity::Low | Severity::Info => 1,
        };
        (
            self.advice.severity == Severity::Info,
            // Behind what shows in the logs alone there is at least one device of one user.
            Reverse((self.devices.len() + users.len()).max(2) * weight),
            self.advice.severity,
            self.advice.id.as_str(),
        )
    }

    /// Sorts its devices: most failures first; among equals, the one that was seen first.
    pub fn sort(&mut self, ledger: &Ledger) {
        self.devices.sort_unstable_by_key(|&number| {
            let Device { failed, seen, .. } = &ledger.devices[number];
            (Reverse(*failed), *seen)
        });
    }
}
