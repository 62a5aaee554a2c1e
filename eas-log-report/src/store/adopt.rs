//! Making a manifest anew from the tables of the days, when it is lost.
//!
//! The table of sources of a day has what the manifest knew of each file that tells of the day, as it
//! was when the day was written, and names the other tables of the day with their hashes. It is
//! written last, so a day whose table of sources holds is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::manifest::{DayCounts, Manifest, SourceEntry, TableFile};
use super::print::hash;
use super::tables::{self, SOURCES, SourceRow};
use super::zone::day_named;
use super::{Adopted, DAY, NO_DAY, NO_DAY_FOLDER, revision_of, set_aside};

/// What the table of sources says of the day.
#[derive(Serialize, Deserialize)]
struct DaySet {
    zone: String,
    pruned_before: Option<i32>,
    tables: Vec<TableFile>,
}

/// The table of sources of a day, which has these other tables. `None` if no file tells of it.
pub(super) fn sources_of(
    manifest: &Manifest,
    day: &str,
    files: &[TableFile],
) -> anyhow::Result<Option<Vec<u8>>> {
    let set = serde_json::to_string(&DaySet {
        zone: manifest.zone.clone(),
        pruned_before: manifest.pruned_before,
        tables: files.to_vec(),
    })?;
    let mut rows = Vec::new();
    for (&source, entry) in &manifest.sources {
        let Some(counts) = entry.days.get(day) else {
            continue;
        };
        let known = serde_json::to_string(entry)?;
        rows.push(SourceRow {
            source,
            name: entry.name.clone(),
            bytes: i64::try_from(entry.print.bytes).unwrap_or(i64::MAX),
            requests: i64::try_from(counts.requests).unwrap_or(i64::MAX),
            check: check(source, &known, &set),
            known,
            day: set.clone(),
        });
    }
    if rows.is_empty() {
        return Ok(None);
    }
    let bytes = tables::encode_sources(rows).context("cannot write a table")?;
    Ok(Some(bytes))
}

fn check(source: u32, known: &str, set: &str) -> String {
    hash(format!("{source} {known} {set}").as_bytes())
}

/// A day as it was written once.
struct Written {
    day: String,
    revision: u64,
    set: DaySet,
    /// All tables, with that of sources.
    tables: Vec<TableFile>,
    sources: BTreeMap<u32, SourceEntry>,
}

/// A manifest that names the tables of all days that are whole. Other tables are set aside. `None` if
/// there is no such day.
pub(super) fn adopt(folder: &Path, taken: &mut Adopted) -> anyhow::Result<Option<Manifest>> {
    let (found, tables) = find(folder)?;
    let revisions: BTreeSet<u64> = found.iter().map(|written| written.revision).collect();
    let mut latest = revisions.into_iter().rev();
    let last = latest.next().map(|revision| State::at(&found, revision));
    // A run that was killed has left some days of a state that never was.
    let before = latest.next().map(|revision| State::at(&found, revision));
    let state = match (last, before) {
        (Some(last), Some(before)) if before.torn < last.torn => Some(before),
        (last, _) => last,
    };
    let manifest = state.map(|state| state.manifest);
    let days = manifest.iter().flat_map(|manifest| &manifest.days);
    let named: BTreeSet<&str> = days
        .flat_map(|(_, files)| files.iter().map(|file| file.path.as_str()))
        .collect();
    for table in tables
        .iter()
        .filter(|table| !named.contains(table.as_str()))
    {
        taken.set_aside.push(set_aside(&folder.join(table))?);
    }
    taken.days = manifest.as_ref().map_or(0, |manifest| manifest.days.len());
    Ok(manifest)
}

/// The days that are whole, and the paths of all tables.
fn find(folder: &Path) -> anyhow::Result<(Vec<Written>, Vec<String>)> {
    let (mut found, mut tables) = (Vec::new(), Vec::new());
    let context = || format!("cannot read the store {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let entry = entry.with_context(context)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(day) = name.strip_prefix(DAY) else {
            continue;
        };
        let day = if day == NO_DAY_FOLDER { NO_DAY } else { day };
        for table in fs::read_dir(entry.path()).with_context(context)? {
            let file = table.with_context(context)?.file_name();
            let file = file.to_string_lossy();
            let Some(revision) = revision_of(&file) else {
                continue;
            };
            let path = format!("{name}/{file}");
            if file
                .strip_prefix(SOURCES)
                .is_some_and(|rest| rest.starts_with('-'))
            {
                found.extend(read(folder, day, revision, &path));
            }
            tables.push(path);
        }
    }
    tables.sort();
    Ok((found, tables))
}

/// A day as it was written, if all of it is there.
fn read(folder: &Path, day: &str, revision: u64, path: &str) -> Option<Written> {
    day_named(day)?;
    let bytes = fs::read(folder.join(path)).ok()?;
    let rows = tables::decode_sources(&bytes).ok()?;
    let set: DaySet = serde_json::from_str(&rows.first()?.day).ok()?;
    let mut sources = BTreeMap::new();
    for row in &rows {
        if row.check != check(row.source, &row.known, &rows[0].day) {
            return None;
        }
        sources.insert(row.source, serde_json::from_str(&row.known).ok()?);
    }
    let is_whole = |file: &TableFile| {
        let bytes = fs::read(folder.join(&file.path));
        bytes.is_ok_and(|bytes| hash(&bytes) == file.hash)
    };
    if !set.tables.iter().all(is_whole) {
        return None;
    }
    let mut tables = set.tables.clone();
    tables.push(TableFile {
        table: SOURCES.to_owned(),
        path: path.to_owned(),
        bytes: bytes.len() as u64,
        hash: hash(&bytes),
    });
    Some(Written {
        day: day.to_owned(),
        revision,
        set,
        tables,
        sources,
    })
}

/// What a store held after a revision, as far as its days tell.
struct State {
    manifest: Manifest,
    /// How many days do not say of a file what other days say that they do.
    torn: usize,
}

impl State {
    fn at(found: &[Written], revision: u64) -> State {
        let mut days: BTreeMap<&str, &Written> = BTreeMap::new();
        for written in found.iter().filter(|written| written.revision <= revision) {
            let latest = days.entry(&written.day).or_insert(written);
            if latest.revision < written.revision {
                *latest = written;
            }
        }
        // A file is known as of the day that was written last of it.
        let mut sources: BTreeMap<u32, (u64, &SourceEntry)> = BTreeMap::new();
        for written in days.values() {
            for (&id, entry) in &written.sources {
                let latest = sources.entry(id).or_insert((written.revision, entry));
                if latest.0 < written.revision {
                    *latest = (written.revision, entry);
                }
            }
        }
        let latest = days.values().max_by_key(|written| written.revision);
        let set = latest.map(|written| &written.set);
        let mut manifest = Manifest::new(set.map_or("UTC", |set| &set.zone));
        manifest.revision = revision;
        manifest.pruned_before = set.and_then(|set| set.pruned_before);
        let mut torn = BTreeSet::new();
        for (id, (_, entry)) in sources {
            let mut entry = entry.clone();
            let told: BTreeSet<String> = entry.days.keys().cloned().collect();
            for day in told {
                let said: Option<Option<&DayCounts>> = days
                    .get(day.as_str())
                    .map(|written| written.sources.get(&id).and_then(|e| e.days.get(&day)));
                match said {
                    Some(said) if said == entry.days.get(&day) => continue,
                    Some(_) => {
                        torn.insert(day.clone());
                    }
                    None => {}
                }
                entry.drop_day(&day);
            }
            for (day, written) in &days {
                if written.sources.contains_key(&id) && !entry.days.contains_key(*day) {
                    torn.insert((*day).to_owned());
                }
            }
            manifest.next_source = manifest.next_source.max(id + 1);
            manifest.sources.insert(id, entry);
        }
        for (day, written) in days {
            if !torn.contains(day) {
                manifest.days.insert(day.to_owned(), written.tables.clone());
            }
        }
        // A day that is torn is of no use, and what it said of files is lost.
        for day in &torn {
            for source in manifest.sources.values_mut() {
                source.drop_day(day);
            }
        }
        manifest.forget_dropped();
        State {
            manifest,
            torn: torn.len(),
        }
    }
}

impl Manifest {
    /// Takes days before all that are there as dropped on purpose: nothing tells that they were lost.
    fn forget_dropped(&mut self) {
        let first = self.days.keys().filter_map(|day| day_named(day)?).min();
        let older = |day: &String| match (day_named(day), first) {
            (Some(Some(day)), Some(first)) => day < first,
            _ => false,
        };
        if self
            .sources
            .values()
            .any(|source| source.dropped.keys().any(older))
        {
            self.pruned_before = self.pruned_before.max(first);
        }
    }
}
