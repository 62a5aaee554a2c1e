//! One store of several, such as those that servers fill on themselves.
//!
//! Of sources of which one is the beginning of another the longest stays, whichever store has it, and
//! each day of it is taken from a store that still has it. What comes out depends neither on the
//! order of the stores nor on which of them were merged before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::ensure;

use super::Store;
use super::manifest::{DayCounts, Manifest, SourceEntry};
use crate::ingest::Part;

/// A source of one of the stores: the store, its number there, and what is known of it.
struct Candidate {
    store: usize,
    id: u32,
    entry: SourceEntry,
}

/// A source of the sum.
struct Kept {
    entry: SourceEntry,
    /// Which store has what it says of each day, and under which number.
    days: BTreeMap<String, (usize, u32)>,
}

impl Store {
    /// Makes this the sum of other stores, which takes the place of what it was. A file that several
    /// of them have read counts once, as far as one of them has read it.
    ///
    /// # Errors
    /// If the zones differ, if this store was filled from logs, or if one cannot be read or written.
    pub fn merge(&mut self, others: &[Store]) -> anyhow::Result<()> {
        ensure!(
            self.manifest.looks.is_empty(),
            "the store {} was filled from logs: merge into a new folder",
            self.folder.display()
        );
        let mut next = Manifest::new(self.zone.name());
        let mut candidates = Vec::new();
        for (store, other) in others.iter().enumerate() {
            ensure!(
                other.zone == self.zone,
                "the stores have days in different zones: {} in {}, {} in {}",
                self.zone.name(),
                self.folder.display(),
                other.zone.name(),
                other.folder.display()
            );
            next.pruned_before = next.pruned_before.max(other.manifest.pruned_before);
            let origin = other.origin();
            candidates.extend(other.manifest.sources.iter().map(|(&id, source)| {
                let mut entry = source.clone();
                entry.origin.get_or_insert_with(|| origin.clone());
                Candidate { store, id, entry }
            }));
        }
        let mut origins = Vec::new();
        for kept in longest(candidates) {
            next.sources.insert(next.next_source, kept.entry);
            origins.push((next.next_source, kept.days));
            next.next_source += 1;
        }
        let days: BTreeSet<String> = others
            .iter()
            .flat_map(|other| other.manifest.days.keys().cloned())
            .chain(self.manifest.days.keys().cloned())
            .collect();
        self.rewrite(next, &days, |day, _| {
            let mut merged: BTreeMap<u32, Part> = BTreeMap::new();
            for (number, other) in others.iter().enumerate() {
                let parts = other.parts(day, &|_| 0)?;
                for (kept, days) in &origins {
                    if let Some(&(store, id)) = days.get(day)
                        && store == number
                        && let Some(part) = parts.get(&id)
                    {
                        merged.insert(*kept, part.clone());
                    }
                }
            }
            Ok(merged)
        })
    }

    /// What sources of this store are told apart by from those of others: servers have logs in
    /// folders of the same name.
    fn origin(&self) -> String {
        let folder = self.folder.canonicalize();
        let folder = folder.as_deref().unwrap_or(&self.folder);
        let name = folder.file_name().unwrap_or(folder.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// The sources that are the beginning of no other, in an order of their own.
fn longest(mut candidates: Vec<Candidate>) -> Vec<Kept> {
    candidates.sort_by(|a, b| {
        // The longest first; and of the same the one that was read without an error, for the rest.
        let order = |c: &Candidate| {
            (
                std::cmp::Reverse(c.entry.print.bytes),
                c.entry.print.clone(),
                c.entry.error.is_some(),
            )
        };
        order(a)
            .cmp(&order(b))
            .then_with(|| Path::new(&a.entry.name).cmp(Path::new(&b.entry.name)))
            .then_with(|| a.entry.origin.cmp(&b.entry.origin))
    });
    let mut groups: Vec<Vec<&Candidate>> = Vec::new();
    for candidate in &candidates {
        let mut is_kept = true;
        for group in &mut groups {
            if candidate.is_beginning_of(group[0]) {
                group.push(candidate);
                is_kept = false;
            }
        }
        if is_kept {
            groups.push(vec![candidate]);
        }
    }
    let mut kept: Vec<Kept> = groups.iter().map(|group| Kept::of(group)).collect();
    kept.sort_by(|a, b| {
        let (a, b) = (&a.entry, &b.entry);
        Path::new(&a.name)
            .cmp(Path::new(&b.name))
            .then_with(|| a.origin.cmp(&b.origin))
            .then_with(|| a.print.cmp(&b.print))
    });
    kept
}

impl Candidate {
    fn is_beginning_of(&self, longer: &Candidate) -> bool {
        let (own, other) = (&self.entry, &longer.entry);
        // A log without a request is known by its path only.
        own.print.is_beginning_of(&other.print)
            && (own.print.key.is_some() || (&own.name, &own.origin) == (&other.name, &other.origin))
    }
}

impl Kept {
    /// The first of a group, with the days of all: a store may have dropped some that another has.
    fn of(group: &[&Candidate]) -> Kept {
        let mut entry = group[0].entry.clone();
        let (days, dropped) = (
            std::mem::take(&mut entry.days),
            std::mem::take(&mut entry.dropped),
        );
        let mut from = BTreeMap::new();
        for name in days.keys().chain(dropped.keys()).collect::<BTreeSet<_>>() {
            let mut all = DayCounts::default();
            for counts in [days.get(name), dropped.get(name)].into_iter().flatten() {
                all.add(*counts);
            }
            // A shorter one that counts as much has read all of that day. (But for a run of requests
            // over its midnight, of which it has the part that it has read.)
            let whole = group
                .iter()
                .find(|one| one.entry.days.get(name) == Some(&all));
            if let Some(one) = whole {
                entry.days.insert(name.clone(), all);
                from.insert(name.clone(), (one.store, one.id));
                continue;
            }
            if let Some(counts) = days.get(name) {
                entry.days.insert(name.clone(), *counts);
                from.insert(name.clone(), (group[0].store, group[0].id));
            }
            if let Some(counts) = dropped.get(name) {
                entry.dropped.insert(name.clone(), *counts);
            }
        }
        entry.open_days.retain(|day| entry.days.contains_key(day));
        Kept { entry, days: from }
    }
}
