//! The store of a nightly run: the facts of each day, without the logs.
//!
//! A store is a folder of Parquet files, a folder for each day, and a manifest. The tables of a day
//! hold what every file that was read says of it, so that what one file contributed can be taken out
//! again, and what the manifest knows of those files, so that a day is not lost with the manifest. A
//! day whose facts change is written anew under names of its own; then the manifest is
//! exchanged for one that names the new tables, and only then the old ones are removed. So a crash at
//! any moment leaves the old state or the new one, and at most files that no manifest names, which
//! the next run removes.

mod adopt;
mod columns;
mod fault;
mod manifest;
mod merge;
mod print;
mod tables;
#[cfg(test)]
mod tests;
mod update;
mod values;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use rayon::prelude::*;

pub(crate) use fault::fault;
pub use update::{Again, Done, Summary, Update};
pub use zone::{NO_DAY, Zone, date_of, day_name, day_named};

use self::manifest::{Look, Manifest, OtherSchema, TableFile};
use self::print::hash;
use crate::facts::{Counts, Facts};
use crate::ingest::{Ingested, Part, Quality};
use crate::render::write_atomically;

/// A run that another run has to wait for is waited for so long. The reader of a store is done soon.
const WAIT_FOR_RUN: Duration = Duration::from_secs(2);
const WAIT_FOR_READERS: Duration = Duration::from_secs(60);
const WAIT_TO_READ: Duration = Duration::from_secs(10);

/// What each source says of a day, by its number.
type Parts = BTreeMap<u32, Part>;

const MANIFEST: &str = "manifest.json";
const LOCK: &str = "lock";
const DAY: &str = "day=";
/// The name that readers of such folders take for the absence of a value.
const NO_DAY_FOLDER: &str = "__HIVE_DEFAULT_PARTITION__";
const DAMAGED: &str = "damaged";

/// A store that is open.
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
    zone: Zone,
    /// Held as long as the store is open. The system lets go of it when the process dies.
    _lock: Option<File>,
}

/// What a store holds, for people.
#[derive(Clone, Debug)]
pub struct Status {
    /// The zone whose days part the facts.
    pub zone: &'static str,
    /// The days.
    pub days: Vec<DayStatus>,
    /// How many files were read.
    pub sources: usize,
    /// Their bytes, after decompression.
    pub bytes: u64,
    /// Tables that are damaged or missing, and why.
    pub damaged: Vec<(String, String)>,
    /// What was lost with damaged tables.
    pub lost: Vec<Lost>,
}

/// Names for all that a store says of days.
#[derive(Clone, Debug)]
pub struct Keys {
    zone: String,
    days: BTreeMap<i32, String>,
    pruned_before: Option<i32>,
    /// Days of which something was dropped or lost.
    dropped: BTreeSet<i32>,
}

impl Keys {
    /// A name for all that the store says of some days, and for what else a report depends on. It
    /// changes when one of them does.
    pub fn of(&self, days: std::ops::RangeInclusive<i32>, other: &str) -> String {
        let days: Vec<_> = self.days.range(days).collect();
        hash(format!("{} {days:?} {other}", self.zone).as_bytes())
    }

    /// Whether nothing was ever dropped of these days.
    pub fn has_all_of(&self, days: std::ops::RangeInclusive<i32>) -> bool {
        let pruned = self.pruned_before;
        pruned.is_none_or(|first| first <= *days.start())
            && self.dropped.range(days).next().is_none()
    }
}

/// What a store had of a day from a file, and has no more.
#[derive(Clone, Debug)]
pub struct Lost {
    /// The day.
    pub day: String,
    /// The file.
    pub file: String,
    /// How many requests of devices.
    pub requests: u64,
}

/// What was taken over into a store whose manifest was lost.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// How many days.
    pub days: usize,
    /// The files that were set aside.
    pub set_aside: Vec<String>,
}

/// What a store holds of a day.
#[derive(Clone, Debug)]
pub struct DayStatus {
    /// The date, or `none` for lines that tell no time.
    pub name: String,
    /// Requests of devices.
    pub requests: u64,
    /// Number of files that tell of it.
    pub files: usize,
    /// Bytes of its tables.
    pub bytes: u64,
}

impl Store {
    /// Opens a store to write to it. One that is not there is made, in this zone, or in UTC.
    ///
    /// # Errors
    /// If another run has it, if it is of another zone or form, or if it cannot be read or written.
    pub fn open(folder: &Path, zone: Option<Zone>) -> anyhow::Result<Store> {
        Store::open_or(folder, zone, Err)
    }

    /// Opens a store to write to it. Of one whose manifest is damaged or missing the manifest is set
    /// aside, and one is made that names the tables of all days that are whole.
    ///
    /// # Errors
    /// As [`open`](Store::open).
    pub fn open_to_rebuild(
        folder: &Path,
        zone: Option<Zone>,
    ) -> anyhow::Result<(Store, Option<Adopted>)> {
        let mut adopted = None;
        let store = Store::open_or(folder, zone, |error| {
            if error.downcast_ref::<OtherSchema>().is_some() {
                return Err(error);
            }
            let mut taken = Adopted::default();
            let manifest = adopt::adopt(folder, &mut taken)?;
            let path = folder.join(MANIFEST);
            if path.exists() {
                taken.set_aside.push(set_aside(&path)?);
            }
            adopted = Some(taken);
            Ok(manifest)
        })?;
        Ok((store, adopted))
    }

    fn open_or(
        folder: &Path,
        zone: Option<Zone>,
        damaged: impl FnOnce(anyhow::Error) -> anyhow::Result<Option<Manifest>>,
    ) -> anyhow::Result<Store> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the store {}", folder.display()))?;
        let lock = lock(folder)?;
        let (found, is_new) = match read_manifest(folder) {
            Ok(found) => {
                let is_new = found.is_none();
                (found, is_new)
            }
            Err(error) => (damaged(error)?, true),
        };
        let manifest = match found {
            Some(manifest) => manifest,
            None => Manifest::new(zone.map_or("UTC", Zone::name)),
        };
        let own = Zone::named(&manifest.zone).map_err(|why| anyhow!("the store: {why}"))?;
        if let Some(zone) = zone {
            ensure!(
                zone == own,
                "the store {} has days in the zone {}, not {}: leave --tz out, or take a new folder",
                folder.display(),
                own.name(),
                zone.name()
            );
        }
        let store = Store {
            folder: folder.to_owned(),
            manifest,
            zone: own,
            _lock: Some(lock),
        };
        if is_new {
            store.write_manifest(&store.manifest)?;
        }
        store.remove_orphans()?;
        Ok(store)
    }

    /// Opens a store to read from it.
    ///
    /// # Errors
    /// If a run is just writing to it, or if there is none, or it cannot be read.
    pub fn read(folder: &Path) -> anyhow::Result<Store> {
        let path = folder.join(LOCK);
        // A store on a medium that cannot be written is not locked, and nobody changes it.
        let lock = match File::open(&path) {
            Ok(file) => match wait(WAIT_TO_READ, || file.try_lock_shared()) {
                Ok(()) => Some(file),
                Err(TryLockError::WouldBlock) => bail!(is_locked(folder)),
                Err(TryLockError::Error(_)) => None,
            },
            Err(_) => None,
        };
        let manifest = read_manifest(folder)?.with_context(|| {
            format!(
                "there is no store in {}: eas-log-report nightly makes one",
                folder.display()
            )
        })?;
        let zone = Zone::named(&manifest.zone).map_err(|why| anyhow!("the store: {why}"))?;
        Ok(Store {
            folder: folder.to_owned(),
            manifest,
            zone,
            _lock: lock,
        })
    }

    /// An empty store that is nowhere, to plan with.
    pub fn none(zone: Option<Zone>) -> Store {
        let zone = zone.unwrap_or(Zone::UTC);
        Store {
            folder: PathBuf::new(),
            manifest: Manifest::new(zone.name()),
            zone,
            _lock: None,
        }
    }

    /// Opens a store to write to it, which must be there.
    ///
    /// # Errors
    /// As [`open`](Store::open), and if there is none.
    pub fn open_existing(folder: &Path) -> anyhow::Result<Store> {
        ensure!(
            folder.join(MANIFEST).exists(),
            "there is no store in {}",
            folder.display()
        );
        Store::open(folder, None)
    }

    /// The zone whose days part the facts.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The days that it has facts of, in their order, as days since 1970-01-01.
    pub fn days(&self) -> BTreeSet<i32> {
        let sources = self.manifest.sources.values();
        sources
            .flat_map(|source| source.days.keys())
            .filter_map(|name| day_named(name)?)
            .collect()
    }

    /// Names for all that the store says of days.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which would be a fault of this program.
    pub fn keys(&self) -> anyhow::Result<Keys> {
        let mut days: BTreeMap<i32, String> = BTreeMap::new();
        let mut add = |name: &str, what: &str| {
            if let Some(Some(day)) = day_named(name) {
                days.entry(day).or_default().push_str(what);
            }
        };
        for source in self.manifest.sources.values() {
            let known = hash(&serde_json::to_vec(source)?);
            source.days.keys().for_each(|day| add(day, &known));
        }
        for (day, files) in &self.manifest.days {
            files.iter().for_each(|file| add(day, &file.hash));
        }
        let sources = self.manifest.sources.values();
        let dropped = sources.flat_map(|source| source.dropped.keys());
        Ok(Keys {
            zone: self.manifest.zone.clone(),
            days,
            pruned_before: self.manifest.pruned_before,
            dropped: dropped.filter_map(|day| day_named(day)?).collect(),
        })
    }

    /// The first day that was kept when days were dropped.
    pub fn pruned_before(&self) -> Option<i32> {
        self.manifest.pruned_before
    }

    /// What was lost with damaged tables.
    pub fn lost(&self) -> Vec<Lost> {
        let pruned = self.manifest.pruned_before;
        let is_lost = |name: &str| match day_named(name) {
            Some(Some(day)) => pruned.is_none_or(|pruned| pruned <= day),
            _ => true,
        };
        let sources = self.manifest.sources.values();
        sources
            .flat_map(|source| source.dropped.iter().map(move |day| (source, day)))
            .filter(|(_, (day, _))| is_lost(day))
            .map(|(source, (day, counts))| Lost {
                day: day.clone(),
                file: source.name.clone(),
                requests: counts.requests,
            })
            .collect()
    }

    /// Reads days as if from their logs: those from the first to the last, and all without limits.
    ///
    /// # Errors
    /// If a table is damaged or missing.
    pub fn ingested(&self, from: Option<i32>, to: Option<i32>) -> anyhow::Result<Ingested> {
        let wanted = |name: &str| match day_named(name) {
            Some(Some(day)) => from.is_none_or(|from| from <= day) && to.is_none_or(|to| day <= to),
            // Lines that tell no time are on no day.
            _ => from.is_none() && to.is_none(),
        };
        // Files have their numbers in the order of their names.
        let mut sources: Vec<(u32, &manifest::SourceEntry)> = self
            .manifest
            .sources
            .iter()
            .filter(|(_, source)| {
                source.days.keys().any(|day| wanted(day)) || (from.is_none() && to.is_none())
            })
            .map(|(&id, source)| (id, source))
            .collect();
        sources.sort_by_key(|(id, source)| (Path::new(&source.name), *id));
        let numbers: BTreeMap<u32, u32> = sources.iter().map(|(id, _)| *id).zip(0..).collect();
        let number = |source: u32| numbers.get(&source).copied().unwrap_or(u32::MAX);
        let days: Vec<&String> = self
            .manifest
            .days
            .keys()
            .filter(|day| wanted(day))
            .collect();
        let facts = days
            .par_iter()
            .map(|day| -> anyhow::Result<Facts> {
                let mut facts = Facts::default();
                for part in self.parts(day, &number)?.into_values() {
                    facts.merge(&part.ended());
                }
                Ok(facts)
            })
            .try_reduce(Facts::default, |mut sum, facts| {
                sum.merge(&facts);
                Ok(sum)
            });
        let mut facts = facts?;
        facts.counts = Counts::default();
        for (_, source) in &sources {
            let held = source
                .days
                .iter()
                .map(|(day, counts)| (wanted(day), counts));
            // Their lines were read, so that they count as those of other days do.
            let dropped = source.dropped.values().map(|counts| (false, counts));
            for (is_wanted, counts) in held.chain(dropped) {
                if is_wanted {
                    facts.counts.requests += counts.requests;
                } else {
                    facts.counts.filtered_out += counts.requests;
                }
                facts.counts.probes += counts.probes;
                facts.counts.internal += counts.internal;
                facts.counts.other += counts.other;
            }
        }
        let mut named: BTreeMap<&str, u32> = BTreeMap::new();
        for (_, source) in &sources {
            *named.entry(&source.name).or_default() += 1;
        }
        let files = sources.iter().map(|(_, source)| {
            let mut quality = source.quality();
            // Servers have logs in folders of the same name.
            if named[source.name.as_str()] > 1
                && let Some(origin) = &source.origin
            {
                quality.name = format!("{origin}: {}", source.name);
            }
            quality
        });
        let files = files.collect();
        Ok(Ingested::whole_files(facts, Quality { files }))
    }

    /// What each source says of a day.
    fn parts(&self, day: &str, number: &(dyn Fn(u32) -> u32 + Sync)) -> anyhow::Result<Parts> {
        let Some(files) = self.manifest.days.get(day) else {
            return Ok(Parts::new());
        };
        let mut tables = Vec::new();
        for file in files.iter().filter(|file| file.table != tables::SOURCES) {
            tables.push((file.table.clone(), self.read_table(file)?));
        }
        tables::decode(&tables, number).map_err(|(table, values::Wrong(why))| {
            anyhow!("the table {table} of {day} in the store: {why}: {REBUILD}")
        })
    }

    /// The bytes of a table, which are those that were written.
    fn read_table(&self, file: &TableFile) -> anyhow::Result<Vec<u8>> {
        let path = self.folder.join(&file.path);
        let bytes = fs::read(&path).map_err(|error| {
            let aside = aside(&path, 1);
            let hint = if aside.exists() {
                format!(" (it was damaged and is set aside as {})", aside.display())
            } else {
                String::new()
            };
            anyhow!(
                "the store lacks {}{hint}: {error}: {REBUILD}",
                path.display()
            )
        })?;
        if bytes.len() as u64 == file.bytes && hash(&bytes) == file.hash {
            return Ok(bytes);
        }
        let what = match set_aside(&path) {
            Ok(aside) => format!("it is set aside as {aside}"),
            Err(error) => format!("it cannot be set aside: {error:#}"),
        };
        bail!(
            "{} is damaged: its content is not what was written; {what}: {REBUILD}",
            path.display()
        )
    }

    /// Looks at every table.
    pub fn status(&self) -> Status {
        let mut days: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
        for source in self.manifest.sources.values() {
            for (day, counts) in &source.days {
                let sum = days.entry(day).or_default();
                sum.0 += counts.requests;
                sum.1 += 1;
            }
        }
        let bytes = |day: &str| {
            let files = self.manifest.days.get(day).into_iter().flatten();
            files.map(|file| file.bytes).sum()
        };
        Status {
            zone: self.zone.name(),
            days: days
                .iter()
                .map(|(day, &(requests, files))| DayStatus {
                    name: (*day).to_owned(),
                    requests,
                    files,
                    bytes: bytes(day),
                })
                .collect(),
            sources: self.manifest.sources.len(),
            bytes: self.manifest.sources.values().map(|s| s.print.bytes).sum(),
            damaged: self
                .damaged()
                .into_iter()
                .map(|(_, path, why)| (path, why))
                .collect(),
            lost: self.lost(),
        }
    }

    /// The tables that are not what was written: their days, their paths, and why.
    fn damaged(&self) -> Vec<(String, String, String)> {
        let files = self
            .manifest
            .days
            .iter()
            .flat_map(|(day, files)| files.iter().map(move |file| (day, file)));
        files
            .filter_map(|(day, file)| {
                let path = self.folder.join(&file.path);
                let why = match fs::read(&path) {
                    Err(error) => error.to_string(),
                    Ok(bytes) if hash(&bytes) != file.hash => {
                        "its content is not what was written".to_owned()
                    }
                    Ok(_) => return None,
                };
                Some((day.clone(), path.display().to_string(), why))
            })
            .collect()
    }

    /// Sets days aside of which a table is damaged. What was read of other days stays, and the files
    /// that told of these stay known, as files of which something is lost. Gives the paths of the
    /// tables.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn set_damaged_aside(&mut self) -> anyhow::Result<Vec<String>> {
        let damaged = self.damaged();
        let days: BTreeSet<&String> = damaged.iter().map(|(day, ..)| day).collect();
        if days.is_empty() {
            return Ok(Vec::new());
        }
        let mut next = self.manifest.clone();
        let mut tables: BTreeSet<PathBuf> = BTreeSet::new();
        for day in days {
            // What is whole of such a day is of no use without the rest, and is kept with it.
            let files = next.days.remove(day).into_iter().flatten();
            tables.extend(files.map(|file| self.folder.join(file.path)));
            for source in next.sources.values_mut() {
                source.drop_day(day);
            }
        }
        for table in tables.iter().filter(|table| table.exists()) {
            set_aside(table)?;
        }
        self.rewrite(next, &BTreeSet::new(), |_, parts| Ok(parts))?;
        Ok(damaged.into_iter().map(|(_, path, _)| path).collect())
    }

    /// Drops the days before this one. What was read stays known as long as it is there, so that it is
    /// not read again. Gives the days that were dropped.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn prune(&mut self, first: i32) -> anyhow::Result<Vec<String>> {
        let mut next = self.manifest.clone();
        let old = |name: &str| matches!(day_named(name), Some(Some(day)) if day < first);
        let mut dropped: BTreeSet<String> = BTreeSet::new();
        next.days.retain(|day, _| {
            let keep = !old(day);
            if !keep {
                dropped.insert(day.clone());
            }
            keep
        });
        for source in next.sources.values_mut() {
            let days: Vec<String> = source.days.keys().filter(|day| old(day)).cloned().collect();
            for day in days {
                source.drop_day(&day);
                dropped.insert(day);
            }
        }
        let held: BTreeSet<u32> = next.looks.values().filter_map(Look::source).collect();
        next.sources.retain(|id, source| {
            let says_nothing = source.days.is_empty() && source.dropped.keys().all(|day| old(day));
            !says_nothing || source.dropped.is_empty() || held.contains(id)
        });
        next.pruned_before = Some(next.pruned_before.map_or(first, |before| before.max(first)));
        if !dropped.is_empty() || next.sources.len() < self.manifest.sources.len() {
            self.rewrite(next, &BTreeSet::new(), |_, parts| Ok(parts))?;
        }
        Ok(dropped.into_iter().collect())
    }

    /// Writes days anew, as `change` changes their parts, and makes a manifest the one that holds.
    /// On an error the store is as it was.
    fn rewrite(
        &mut self,
        mut next: Manifest,
        days: &BTreeSet<String>,
        mut change: impl FnMut(&str, Parts) -> anyhow::Result<Parts>,
    ) -> anyhow::Result<()> {
        next.revision = self.manifest.revision + 1;
        let written = self.write_days(&mut next, days, &mut change);
        let done = written.and_then(|()| {
            fault("before_manifest");
            self.write_manifest(&next)
        });
        match done {
            Ok(()) => {
                self.manifest = next;
                fault("after_manifest");
            }
            Err(error) => {
                // What was written belongs to no manifest. If it cannot be removed now, the next
                // run does.
                let _ = self.remove_orphans();
                return Err(error);
            }
        }
        self.remove_orphans()?;
        fault("after_cleaning");
        Ok(())
    }

    fn write_days(
        &self,
        next: &mut Manifest,
        days: &BTreeSet<String>,
        change: &mut dyn FnMut(&str, Parts) -> anyhow::Result<Parts>,
    ) -> anyhow::Result<()> {
        for day in days {
            // A day that was given up has no tables that could be read.
            let parts = match next.days.contains_key(day) {
                true => self.parts(day, &|_| 0)?,
                false => Parts::new(),
            };
            let parts = change(day, parts)?;
            let value = match day.as_str() {
                NO_DAY => NO_DAY_FOLDER,
                day => day,
            };
            let name = format!("{DAY}{value}");
            let folder = self.folder.join(&name);
            let mut files = Vec::new();
            let write = |table: &str, bytes: &[u8]| -> anyhow::Result<TableFile> {
                fs::create_dir_all(&folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
                let path = format!("{name}/{table}-{:06}.parquet", next.revision);
                let file = self.folder.join(&path);
                write_atomically(&file, |out| out.write_all(bytes))
                    .with_context(|| format!("cannot write {}", file.display()))?;
                fault("table");
                Ok(TableFile {
                    table: table.to_owned(),
                    path,
                    bytes: bytes.len() as u64,
                    hash: hash(bytes),
                })
            };
            for (table, bytes) in tables::encode(&parts).context("cannot write a table")? {
                files.push(write(table, &bytes)?);
            }
            // Last, since it names the others.
            if let Some(sources) = adopt::sources_of(next, day, &files)? {
                files.push(write(tables::SOURCES, &sources)?);
            }
            if files.is_empty() {
                next.days.remove(day);
            } else {
                sync_folder(&folder)?;
                next.days.insert(day.clone(), files);
            }
        }
        sync_folder(&self.folder)
    }

    fn write_manifest(&self, manifest: &Manifest) -> anyhow::Result<()> {
        let path = self.folder.join(MANIFEST);
        let bytes = manifest.to_bytes()?;
        write_atomically(&path, |out| out.write_all(&bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
        sync_folder(&self.folder)
    }

    /// Removes the tables that the manifest does not name: those of an older state, or of a run that
    /// did not come to its end.
    fn remove_orphans(&self) -> anyhow::Result<()> {
        let named: BTreeSet<PathBuf> = self
            .manifest
            .days
            .values()
            .flatten()
            .map(|file| self.folder.join(&file.path))
            .collect();
        let clean = || -> io::Result<()> {
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                let name = entry.file_name();
                let name = name.to_string_lossy();
                if is_temporary(&name) {
                    fs::remove_file(entry.path())?;
                }
                if !name.starts_with(DAY) || !entry.file_type()?.is_dir() {
                    continue;
                }
                let mut left = 0;
                for table in fs::read_dir(entry.path())? {
                    let table = table?;
                    let path = table.path();
                    let name = table.file_name();
                    let name = name.to_string_lossy();
                    // A run that was killed leaves tables of the next revision. Those of later ones
                    // mean that the manifest is older than they are, and are no litter.
                    let is_table = revision_of(&name)
                        .is_some_and(|revision| revision <= self.manifest.revision + 1)
                        && !named.contains(&path);
                    if is_table || is_temporary(&name) {
                        fs::remove_file(path)?;
                    } else {
                        left += 1;
                    }
                }
                if left == 0 {
                    fs::remove_dir(entry.path())?;
                }
            }
            Ok(())
        };
        clean().with_context(|| format!("cannot clean the store {}", self.folder.display()))
    }
}

const REBUILD: &str = "run eas-log-report store rebuild with --logs to mend it";

fn is_temporary(name: &str) -> bool {
    name.starts_with(".eas-log-report-")
}

/// The revision that a table was written in, from its name.
fn revision_of(name: &str) -> Option<u64> {
    let (_, number) = name.strip_suffix(".parquet")?.rsplit_once('-')?;
    number.parse().ok()
}

/// Where a file goes that is set aside, the first time or a later one.
fn aside(path: &Path, time: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(DAMAGED);
    if time > 1 {
        name.push(format!("-{time}"));
    }
    name.into()
}

/// Sets a file aside, next to what was set aside before. Gives its new path.
fn set_aside(path: &Path) -> anyhow::Result<String> {
    let mut time = 1;
    while aside(path, time).exists() {
        time += 1;
    }
    let aside = aside(path, time);
    fs::rename(path, &aside).with_context(|| format!("cannot set {} aside", path.display()))?;
    Ok(aside.display().to_string())
}

/// Tries until it works, or for so long.
fn wait(
    long: Duration,
    mut attempt: impl FnMut() -> Result<(), TryLockError>,
) -> Result<(), TryLockError> {
    const STEP: Duration = Duration::from_millis(50);
    let end = Instant::now() + long;
    loop {
        match attempt() {
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(STEP),
            done => return done,
        }
    }
}

fn is_locked(folder: &Path) -> String {
    format!(
        "another run is at work on the store {}: wait until it has ended. (The lock is let go of when \
         its process ends, however it ends; no file needs to be removed.)",
        folder.display()
    )
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open the lock {}", path.display()))?;
    let mut waited = wait(WAIT_FOR_RUN, || file.try_lock());
    // Readers share the lock with each other, and are worth waiting for.
    if matches!(waited, Err(TryLockError::WouldBlock))
        && file.try_lock_shared().is_ok()
        && file.unlock().is_ok()
    {
        waited = wait(WAIT_FOR_READERS, || file.try_lock());
    }
    match waited {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!(is_locked(folder)),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock {}", path.display()))
        }
    }
}

/// The manifest of a store; `None` if the folder is no store yet.
fn read_manifest(folder: &Path) -> anyhow::Result<Option<Manifest>> {
    let path = folder.join(MANIFEST);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let days = fs::read_dir(folder).into_iter().flatten().flatten();
            let has_days = days
                .into_iter()
                .any(|entry| entry.file_name().to_string_lossy().starts_with(DAY));
            ensure!(
                !has_days,
                "the store {} has days and no {MANIFEST}: {REBUILD}",
                folder.display()
            );
            return Ok(None);
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    match Manifest::of_bytes(&bytes) {
        Ok(manifest) => Ok(Some(manifest)),
        Err(error) if error.downcast_ref::<OtherSchema>().is_some() => Err(error),
        Err(error) => Err(error.context(format!("{} is damaged: {REBUILD}", path.display()))),
    }
}

/// Makes sure that the names in a folder are on the disk. Windows does so by itself.
fn sync_folder(folder: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .with_context(|| format!("cannot write the folder {}", folder.display()))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
