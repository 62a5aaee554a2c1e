//! The store of a nightly run: the facts of each day, without the logs.
//!
//! A store is a folder of Parquet files, a folder for each day, and a manifest. The tables of a day
//! hold what every file that was read says of it, so that what one file contributed can be taken out
//! again. A day whose facts change is written anew under names of its own; then the manifest is
//! exchanged for one that names the new tables, and only then the old ones are removed. So a crash at
//! any moment leaves the old state or the new one, and at most files that no manifest names, which
//! the next run removes.

mod columns;
mod fault;
mod manifest;
mod merge;
mod print;
mod tables;
mod update;
mod zone;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use rayon::prelude::*;

pub(crate) use fault::fault;
pub use update::{Plan, Planned, Summary, Update};
pub use zone::{NO_DAY, Zone, date_of, day_name, day_named};

use self::manifest::{Held, Manifest, OtherSchema, TableFile};
use self::print::hash;
use crate::facts::{Counts, Facts};
use crate::ingest::{Ingested, Part, Quality};
use crate::render::write_atomically;

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

    /// Opens a store to write to it. One whose manifest is damaged or missing begins anew: its
    /// manifest is set aside, and its tables are given up.
    ///
    /// # Errors
    /// As [`open`](Store::open).
    pub fn open_to_rebuild(folder: &Path, zone: Option<Zone>) -> anyhow::Result<Store> {
        Store::open_or(folder, zone, |error| {
            if error.downcast_ref::<OtherSchema>().is_some() {
                return Err(error);
            }
            let path = folder.join(MANIFEST);
            if path.exists() {
                fs::rename(&path, aside(&path))
                    .with_context(|| format!("cannot set {} aside", path.display()))?;
            }
            Ok(None)
        })
    }

    fn open_or(
        folder: &Path,
        zone: Option<Zone>,
        damaged: impl FnOnce(anyhow::Error) -> anyhow::Result<Option<Manifest>>,
    ) -> anyhow::Result<Store> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the store {}", folder.display()))?;
        let lock = lock(folder)?;
        let found = match read_manifest(folder) {
            Ok(found) => found,
            Err(error) => damaged(error)?,
        };
        let is_new = found.is_none();
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
            Ok(file) => match file.try_lock_shared() {
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

    /// The names of the files that it has read.
    pub fn names(&self) -> BTreeSet<&str> {
        let sources = self.manifest.sources.values();
        sources.map(|source| source.name.as_str()).collect()
    }

    /// A name for all that the store says of some days, and for what else a report depends on. It
    /// changes when one of them does.
    ///
    /// # Errors
    /// If it cannot be written as JSON, which would be a fault of this program.
    pub fn key(&self, from: i32, to: i32, other: &str) -> anyhow::Result<String> {
        let wanted =
            |name: &str| matches!(day_named(name), Some(Some(day)) if (from..=to).contains(&day));
        let manifest = &self.manifest;
        let days: Vec<_> = manifest
            .days
            .iter()
            .filter(|(day, _)| wanted(day))
            .collect();
        let sources: Vec<_> = manifest
            .sources
            .iter()
            .filter(|(_, source)| source.days.keys().any(|day| wanted(day)))
            .collect();
        let all = (&manifest.zone, days, sources, other);
        Ok(hash(&serde_json::to_vec(&all)?))
    }

    /// Whether no day from this one on was ever dropped.
    pub fn has_all_since(&self, day: i32) -> bool {
        self.manifest.pruned_before.is_none_or(|first| first <= day)
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
            for (day, counts) in &source.days {
                if wanted(day) {
                    facts.counts.requests += counts.requests;
                } else {
                    facts.counts.filtered_out += counts.requests;
                }
                facts.counts.probes += counts.probes;
                facts.counts.internal += counts.internal;
                facts.counts.other += counts.other;
            }
        }
        let files = sources.iter().map(|(_, source)| source.quality()).collect();
        Ok(Ingested::whole_files(facts, Quality { files }))
    }

    /// What each source says of a day.
    fn parts(&self, day: &str, number: &(dyn Fn(u32) -> u32 + Sync)) -> anyhow::Result<Parts> {
        let Some(files) = self.manifest.days.get(day) else {
            return Ok(Parts::new());
        };
        let mut tables = Vec::new();
        for file in files {
            tables.push((file.table.clone(), self.read_table(file)?));
        }
        tables::decode(&tables, number).map_err(|(table, tables::Wrong(why))| {
            anyhow!("the table {table} of {day} in the store: {why}: {REBUILD}")
        })
    }

    /// The bytes of a table, which are those that were written.
    fn read_table(&self, file: &TableFile) -> anyhow::Result<Vec<u8>> {
        let path = self.folder.join(&file.path);
        let bytes = fs::read(&path).map_err(|error| {
            let set_aside = aside(&path);
            let hint = if set_aside.exists() {
                format!(
                    " (it was damaged and is set aside as {})",
                    set_aside.display()
                )
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
        let set_aside = aside(&path);
        let what = match fs::rename(&path, &set_aside) {
            Ok(()) => format!("it is set aside as {}", set_aside.display()),
            Err(error) => format!("it cannot be set aside: {error}"),
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

    /// Sets damaged tables aside, and gives up the sources that they told of, which are to be read
    /// again. Gives the paths of the tables and the names of the sources.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn give_up_damaged(&mut self) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let damaged = self.damaged();
        let days: BTreeSet<&String> = damaged.iter().map(|(day, ..)| day).collect();
        for (_, path, _) in &damaged {
            let path = Path::new(path);
            if path.exists() {
                fs::rename(path, aside(path))
                    .with_context(|| format!("cannot set {} aside", path.display()))?;
            }
        }
        let lost: BTreeSet<u32> = self
            .manifest
            .sources
            .iter()
            .filter(|(_, source)| days.iter().any(|&day| source.days.contains_key(day)))
            .map(|(&id, _)| id)
            .collect();
        let names = lost
            .iter()
            .map(|id| self.manifest.sources[id].name.clone())
            .collect();
        let mut next = self.manifest.clone();
        for day in &days {
            next.days.remove(*day);
        }
        self.give_up(next, &lost)?;
        Ok((
            damaged.into_iter().map(|(_, path, _)| path).collect(),
            names,
        ))
    }

    /// Gives up sources whose files are among these paths, so that they are read again.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn give_up_found(&mut self, paths: &BTreeSet<String>) -> anyhow::Result<()> {
        let next = self.manifest.clone();
        let held = next.looks.iter().filter(|(path, _)| paths.contains(*path));
        let found: BTreeSet<u32> = held
            .filter_map(|(_, look)| match look.held {
                Held::Source(id) => Some(id),
                Held::Skipped(_) => None,
            })
            .collect();
        self.give_up(next, &found)
    }

    /// Takes sources out of a manifest and of the tables that it names, and makes it the one.
    fn give_up(&mut self, mut next: Manifest, sources: &BTreeSet<u32>) -> anyhow::Result<()> {
        let mut days: BTreeSet<String> = BTreeSet::new();
        for id in sources {
            if let Some(source) = next.sources.remove(id) {
                days.extend(source.days.into_keys());
                days.extend(source.open_days);
            }
        }
        next.looks
            .retain(|_, look| !matches!(look.held, Held::Source(id) if sources.contains(&id)));
        days.retain(|day| next.days.contains_key(day));
        self.rewrite(next, &days, |_, mut parts| {
            parts.retain(|source, _| !sources.contains(source));
            Ok(parts)
        })
    }

    /// Drops the days before this one. What was read stays known, so that it is not read again.
    /// Gives the days that were dropped.
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
            let days = source.days.keys().filter(|day| old(day));
            dropped.extend(days.cloned());
            source.days.retain(|day, _| !old(day));
            source.open_days.retain(|day| !old(day));
        }
        next.pruned_before = Some(next.pruned_before.map_or(first, |before| before.max(first)));
        if !dropped.is_empty() {
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
            for (table, bytes) in tables::encode(&parts).context("cannot write a table")? {
                fs::create_dir_all(&folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
                let path = format!("{name}/{table}-{:06}.parquet", next.revision);
                let file = self.folder.join(&path);
                write_atomically(&file, |out| out.write_all(&bytes))
                    .with_context(|| format!("cannot write {}", file.display()))?;
                fault("table");
                files.push(TableFile {
                    table: table.to_owned(),
                    path,
                    bytes: bytes.len() as u64,
                    hash: hash(&bytes),
                });
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
                    let is_table = name.ends_with(".parquet") && !named.contains(&path);
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

const REBUILD: &str = "run eas-log-report store rebuild with --logs to read its logs again";

fn is_temporary(name: &str) -> bool {
    name.starts_with(".eas-log-report-")
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(DAMAGED);
    name.into()
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
    match file.try_lock() {
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
