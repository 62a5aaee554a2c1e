//! One store of several, such as those that servers fill on themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::ensure;

use super::Store;
use super::manifest::{Manifest, SourceEntry};
use super::print::{Print, parts};
use crate::ingest::Part;

/// A source of a merged store: which store has it, and its number there.
type Origin = (usize, u32);

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
        let mut origins: BTreeMap<u32, Origin> = BTreeMap::new();
        for (number, other) in others.iter().enumerate() {
            ensure!(
                other.zone == self.zone,
                "the stores have days in different zones: {} in {}, {} in {}",
                self.zone.name(),
                self.folder.display(),
                other.zone.name(),
                other.folder.display()
            );
            for (&id, source) in &other.manifest.sources {
                let same = next
                    .sources
                    .iter()
                    .find(|(_, kept)| is_beginning(&kept.print, &source.print))
                    .map(|(&kept, _)| kept);
                let known = next.sources.values();
                if known
                    .into_iter()
                    .any(|kept| is_beginning(&source.print, &kept.print))
                {
                    continue;
                }
                let kept = same.unwrap_or_else(|| {
                    next.next_source += 1;
                    next.next_source - 1
                });
                let entry = named(source, &next, kept, &other.folder);
                next.sources.insert(kept, entry);
                origins.insert(kept, (number, id));
            }
        }
        let days: BTreeSet<String> = others
            .iter()
            .flat_map(|other| other.manifest.days.keys().cloned())
            .chain(self.manifest.days.keys().cloned())
            .collect();
        next.days.clone_from(&self.manifest.days);
        self.rewrite(next, &days, |day, _| {
            let mut merged: BTreeMap<u32, Part> = BTreeMap::new();
            for (number, other) in others.iter().enumerate() {
                let mut parts = other.parts(day, &|_| 0)?;
                for (&kept, &(store, id)) in &origins {
                    if store == number
                        && let Some(part) = parts.remove(&id)
                    {
                        merged.insert(kept, part);
                    }
                }
            }
            Ok(merged)
        })
    }
}

/// Whether content is the beginning of other content, or the same, as far as their prints tell.
fn is_beginning(short: &Print, long: &Print) -> bool {
    if short.bytes > long.bytes {
        return false;
    }
    if short.bytes == long.bytes {
        return short == long;
    }
    let known: BTreeMap<(u64, u64), &String> = parts(long.bytes)
        .into_iter()
        .map(|part| (part.start, part.end))
        .zip(&long.parts)
        .collect();
    let mut compared = 0;
    for (part, hash) in parts(short.bytes).into_iter().zip(&short.parts) {
        if let Some(other) = known.get(&(part.start, part.end)) {
            if *other != hash {
                return false;
            }
            compared += 1;
        }
    }
    compared > 0
}

/// An entry under a name that no other has: servers have logs in folders of the same name.
fn named(source: &SourceEntry, next: &Manifest, id: u32, folder: &Path) -> SourceEntry {
    let mut entry = source.clone();
    let taken = |name: &str| {
        let others = next.sources.iter().filter(|(other, _)| **other != id);
        others.into_iter().any(|(_, entry)| entry.name == name)
    };
    if taken(&entry.name) {
        let of = folder.file_name().unwrap_or(folder.as_os_str());
        entry.name = format!("{}: {}", of.to_string_lossy(), entry.name);
    }
    entry
}
