//! Bringing a store up to date with what lies under the paths of logs.
//!
//! A source is a log, known by its content (see [`print`](super::print)): a file that goes on where
//! a source ends is that source grown, one that is its beginning is a copy of a part of it, and
//! neither where it lies nor how it is wrapped matters. A look is what a path held, and how much of
//! it, when it was last seen. What a path held before and holds no more was rotated away, moved,
//! or rewritten; it was rewritten, and what it said is withdrawn, if
//!
//! * the path now holds a log that is new, which does not begin with what the path held,
//! * no other path still holds all of the old one, and
//! * the new one tells of the same times. One that only comes after it took its turn.
//!
//! This is asked of what lay in the same place on whatever night: also when the file was away or
//! empty in between, and when it comes back compressed.
//!
//! Files with the same first request are a chain and are looked at one after the other, so that
//! copies of a file are found also when all of them are new. Chains are read by several threads.

mod recognize;
mod work;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use eas_log_parse::{Header, Position};
use rayon::prelude::*;

use self::recognize::{Changed, Entry, Key, State, file_of, place, unread};
use self::work::{Chain, Holds, More, NewLook, Work};
use super::Store;
use super::manifest::{Held, Holding, Look, Manifest, SourceEntry};
use super::print::{Bytes, Match};
use super::zone::day_name;
use crate::ingest::read_on;
use crate::input::Source;

/// A log that is begun when another is full can have its first lines so many seconds before the last
/// of that one: they are written when requests end, by several threads.
const JITTER_S: i64 = 5;

/// How a store is brought up to date.
#[derive(Clone, Debug)]
pub struct Update {
    /// In force until the first directive: the fields of logs that have lost their own.
    pub fallback: Header,
    /// Number of threads.
    pub threads: usize,
    /// About so many bytes of logs are read before what they say is written.
    pub batch: u64,
    /// Whether to read as ever, and to write nothing.
    pub dry: bool,
    /// What to read from its start although it is known.
    pub again: Again,
}

/// Which known logs are read again, if they are still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// None.
    None,
    /// Those of which the store has lost a day.
    Lost,
    /// All.
    All,
}

impl Default for Update {
    fn default() -> Self {
        Update {
            fallback: Header::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            batch: 2 << 30,
            dry: false,
            again: Again::None,
        }
    }
}

/// What became of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is as it was.
    Unchanged,
    /// It holds what was read under this name, and nothing more.
    Known(String),
    /// It holds what was read under this name up to this byte, and more, which was read.
    Grown(String, u64),
    /// It was read from its start.
    New,
    /// It is no log: why.
    Skipped(String),
    /// It cannot be read: why.
    Unreadable(String),
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// What became of every file.
    pub files: BTreeMap<String, Done>,
    /// Files that were read as far as it goes: why not to their end.
    pub broken: BTreeMap<String, String>,
    /// Files that were rewritten: what they said before is withdrawn.
    pub withdrawn: BTreeSet<String>,
    /// The days whose facts changed.
    pub days: BTreeSet<String>,
}

impl Summary {
    /// How many files something was read of.
    pub fn read(&self) -> usize {
        let read = |done: &&Done| matches!(done, Done::New | Done::Grown(..));
        self.files.values().filter(read).count()
    }

    /// Whether some input could not be read, or not to its end.
    pub fn is_in_part(&self) -> bool {
        let unreadable = |done: &Done| matches!(done, Done::Unreadable(_));
        !self.broken.is_empty() || self.files.values().any(unreadable)
    }

    /// Whether there is a log that was read, now or before.
    pub fn has_logs(&self) -> bool {
        let is_log = |done: &Done| !matches!(done, Done::Skipped(_) | Done::Unreadable(_));
        self.files.values().any(is_log)
    }

    fn add(&mut self, other: Summary) {
        self.bytes += other.bytes;
        for (name, done) in other.files {
            // What was done first is what was done.
            if done != Done::Unchanged || !self.files.contains_key(&name) {
                self.files.insert(name, done);
            }
        }
        self.broken.extend(other.broken);
        self.withdrawn.extend(other.withdrawn);
        self.days.extend(other.days);
    }
}

/// What is known before files are read.
struct Night<'a> {
    update: &'a Update,
    /// Sources that some path holds as a whole.
    present: HashSet<u32>,
    /// Sources that are to be read again.
    again: HashSet<u32>,
    /// The sources that were last found in a place.
    places: HashMap<String, Vec<u32>>,
}

impl Store {
    /// Reads what is new in these files, and adds it. A file that was only begun counts as far as its
    /// last complete line.
    ///
    /// # Errors
    /// If the store cannot be read or written. What was written before is complete in itself.
    pub fn update(&mut self, sources: &[Source], update: &Update) -> anyhow::Result<Summary> {
        let mut update = update.clone();
        let mut summary = Summary::default();
        loop {
            let pass = self.pass(sources, &update)?;
            let withdrawn = !pass.withdrawn.is_empty();
            summary.add(pass);
            // A copy of the beginning of what was withdrawn is a log of its own now.
            let is_unknown = |source: &Source| !self.manifest.looks.contains_key(&source.name());
            if !withdrawn || !sources.iter().any(is_unknown) {
                return Ok(summary);
            }
            update.again = Again::None;
        }
    }

    /// Looks at all files once.
    fn pass(&mut self, sources: &[Source], update: &Update) -> anyhow::Result<Summary> {
        let mut summary = Summary::default();
        let again = self.to_read_again(update.again);
        let changed = self.look(sources, update, &again, &mut summary);
        let night = Night {
            update,
            present: self.present(sources, &changed),
            places: self.places(),
            again,
        };
        let mut chains: BTreeMap<Key, Vec<Changed>> = BTreeMap::new();
        let mut none = Vec::new();
        for file in changed {
            let done = match &file.state {
                State::Unreadable(why) => Done::Unreadable(why.clone()),
                State::Skipped(why) => {
                    let why = why.clone();
                    let skipped = file.stamp.map(|stamp| NewLook {
                        name: file.name.clone(),
                        stamp,
                        holds: Holds::Skipped(why.clone()),
                        waits: false,
                        before: file.holdings(),
                    });
                    none.extend(skipped);
                    Done::Skipped(why)
                }
                State::Log { key, .. } => {
                    chains.entry(key.clone()).or_default().push(file);
                    continue;
                }
            };
            summary.files.insert(file.name, done);
        }
        let mut chains: Vec<Vec<Changed>> = chains.into_values().collect();
        // Files of one day have similar names on all servers, and their days are written together.
        let order = |chain: &Vec<Changed>| {
            chain.first().map(|file| {
                let path = Path::new(&file.name);
                (path.file_name().map(ToOwned::to_owned), path.to_owned())
            })
        };
        chains.sort_by_cached_key(order);

        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(update.threads)
            .build()
            .context("cannot start threads")?;
        let mut chains = chains.into_iter().peekable();
        let mut skipped = Some(Chain {
            looks: none,
            ..Chain::default()
        });
        while skipped.is_some() || chains.peek().is_some() {
            let mut batch = Vec::new();
            let mut bytes = 0;
            while let Some(chain) = chains.next_if(|_| bytes < update.batch) {
                bytes += chain.iter().map(unread).sum::<u64>();
                batch.push(chain);
            }
            let store = &*self;
            let done: Vec<anyhow::Result<Chain>> = pool.install(|| {
                batch
                    .into_par_iter()
                    .map(|chain| store.read_chain(chain, &night))
                    .collect()
            });
            let mut done = done.into_iter().collect::<anyhow::Result<Vec<Chain>>>()?;
            let forget = skipped.is_some();
            done.extend(skipped.take());
            self.add(done, sources, forget, update.dry, &mut summary)?;
        }
        Ok(summary)
    }

    fn to_read_again(&self, again: Again) -> HashSet<u32> {
        let pruned = self.manifest.pruned_before.map(|day| day_name(Some(day)));
        let lost = |source: &SourceEntry| {
            let mut dropped = source.dropped.keys();
            dropped.any(|day| pruned.as_ref().is_none_or(|pruned| day >= pruned))
        };
        let sources = self.manifest.sources.iter();
        sources
            .filter(|(_, source)| match again {
                Again::None => false,
                Again::Lost => lost(source),
                Again::All => true,
            })
            .map(|(&id, _)| id)
            .collect()
    }

    /// Reads the files of a chain one after the other.
    fn read_chain(&self, chain: Vec<Changed>, night: &Night<'_>) -> anyhow::Result<Chain> {
        let mut done = Chain::default();
        for file in chain {
            let name = file.name.clone();
            if let Err(error) = self.read_file(file, night, &mut done)? {
                done.drop_empty();
                let unreadable = Done::Unreadable(error.to_string());
                done.summary.files.insert(name, unreadable);
            }
        }
        Ok(done)
    }

    /// Reads what is new in a file. The outer error is one of the store, the inner one of the file.
    fn read_file(
        &self,
        file: Changed,
        night: &Night<'_>,
        done: &mut Chain,
    ) -> anyhow::Result<io::Result<()>> {
        /// Stands for the source of the store among the numbers of works.
        const IN_STORE: u32 = u32::MAX;
        let State::Log { bytes, known, .. } = &file.state else {
            return Ok(Ok(()));
        };
        let known = known.map(|(id, _)| id);
        let in_store = known
            .filter(|id| done.works.iter().all(|work| work.id != Some(*id)))
            .map(|id| (IN_STORE, Some(id), &self.manifest.sources[&id]));
        let in_chain = (0..).zip(&done.works);
        let entries: Vec<Entry<'_>> = in_chain
            // One without a request is known by its path only.
            .filter(|(_, work)| work.entry.print.key.is_some())
            .map(|(number, work)| (number, work.id, &work.entry))
            .chain(in_store)
            .collect();
        let (found, length) = match self.best(bytes, &file.name, &entries) {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        let is_cut = matches!(found, Some((_, Match::Cut(_))));
        let work = match (found, known) {
            (None, _) => done.push(Work::new(&file.name)),
            (Some((IN_STORE, _)), Some(id)) => {
                let old = self.manifest.sources[&id].clone();
                let anew = night.again.contains(&id) && !is_cut;
                done.push(Work {
                    id: Some(id),
                    anew,
                    entry: if anew { old.to_read_again() } else { old },
                    ..Work::new(&file.name)
                })
            }
            (Some((work, _)), _) => work as usize,
        };
        let was = done.works[work].entry.name.clone();
        let (work, from, more) = if is_cut {
            (work, 0, 0)
        } else {
            let seen = done.works[work].entry.print.bytes;
            let end = match bytes.plain() {
                Some(length) if file.finished => Ok(length),
                _ => bytes.complete(seen),
            };
            let read = match end {
                Ok(end) => self.read_on(&file.name, bytes, end, work, night.update, done)?,
                Err(error) => Err(error),
            };
            match read {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            }
        };
        done.summary.bytes += more;
        let entry = &done.works[work].entry;
        let what = match (more, from) {
            _ if entry.print.bytes == 0 => Done::Skipped("no complete line yet".to_owned()),
            (0, _) => Done::Known(was),
            (_, 0) => Done::New,
            (_, from) => Done::Grown(was, from),
        };
        let before = match self.before(&file, &done.works[work], night) {
            Ok((before, withdrawn)) => {
                done.withdrawn.extend(withdrawn);
                before
            }
            Err(error) => return Ok(Err(error)),
        };
        if let Some(stamp) = file.stamp {
            let work_now = &done.works[work];
            let holds = match &what {
                Done::Skipped(why) => Holds::Skipped(why.clone()),
                _ if is_cut => match file.beginning(length, work_now) {
                    Ok(holding) => Holds::Work(work, Some(holding)),
                    Err(error) => return Ok(Err(error)),
                },
                _ => Holds::Work(work, None),
            };
            done.looks.push(NewLook {
                name: file.name.clone(),
                stamp,
                holds,
                waits: bytes
                    .plain()
                    .is_some_and(|length| length > work_now.entry.print.bytes),
                before,
            });
        }
        done.summary.files.insert(file.name, what);
        done.drop_empty();
        Ok(Ok(()))
    }

    /// What a path held before it held this work, as far as that is not settled yet; and what of it
    /// was rewritten.
    fn before(
        &self,
        file: &Changed,
        work: &Work,
        night: &Night<'_>,
    ) -> io::Result<(Vec<Holding>, Vec<u32>)> {
        let State::Log { bytes, .. } = &file.state else {
            return Ok((Vec::new(), Vec::new()));
        };
        let mut held = file.holdings();
        if held.is_empty() {
            // The file was away, or it is the same log in another wrapping.
            let here = night.places.get(&place(&file.name)).into_iter().flatten();
            let entries = here.map(|&id| self.manifest.sources[&id].holding(id));
            held.extend(entries);
        }
        let look = file.look.as_ref().and_then(Look::source);
        // What was read in another path has only moved here.
        let is_new = work.id.is_none() || work.id == look;
        let (mut open, mut rewritten) = (Vec::new(), Vec::new());
        for old in held {
            let Some(source) = self.manifest.sources.get(&old.source) else {
                continue;
            };
            if !is_new || work.id == Some(old.source) || night.present.contains(&old.source) {
                continue;
            }
            let print = &work.entry.print;
            let goes_on =
                old.bytes <= print.bytes && bytes.print(old.bytes)?.digest() == old.digest;
            match work.entry.rewrites(source) {
                _ if goes_on => {}
                None => open.push(old),
                Some(true) => rewritten.push(old.source),
                Some(false) => {}
            }
        }
        Ok((open, rewritten))
    }

    /// Reads what a file has behind what is known of it, up to an end. Gives the work that it is now,
    /// from where it was read, and how many bytes were read.
    fn read_on(
        &self,
        name: &str,
        bytes: &Bytes,
        end: u64,
        mut work: usize,
        update: &Update,
        done: &mut Chain,
    ) -> anyhow::Result<io::Result<(usize, u64, u64)>> {
        let known = &mut done.works[work];
        let start = known.entry.print.bytes;
        if end <= start {
            // A plain file is there to its end, whatever was wrong with an archive of it.
            known.changed |= known.entry.error.take().is_some();
            return Ok(Ok((work, start, 0)));
        }
        let mut restart = None;
        if known.entry.mid_line {
            // The last line that was counted goes on: it was another one.
            match bytes.from(start).and_then(|mut rest| rest.read(&mut [0])) {
                Ok(0) => return Ok(Ok((work, start, 0))),
                Ok(_) => restart = Some(Work::new(&known.entry.name)),
                Err(error) => return Ok(Err(error)),
            }
        }
        let from = restart.as_ref().unwrap_or(known);
        let start = from.entry.print.bytes;
        let more = match self.read_more(bytes, start..end, from, update)? {
            Ok(more) => more,
            Err(error) => return Ok(Err(error)),
        };
        if let Some(error) = &more.error {
            done.summary.broken.insert(name.to_owned(), error.clone());
        }
        let read = more.continued.bytes;
        if read == 0 {
            known.changed |= more.error.is_none() && known.entry.error.take().is_some();
            return Ok(Ok((work, start, 0)));
        }
        if let Some(restart) = restart {
            match known.id {
                Some(id) => {
                    done.withdrawn.insert(id);
                    work = done.push(restart);
                }
                None => *known = restart,
            }
        }
        let known = &mut done.works[work];
        if known.anew
            && let Some(old) = known.id.and_then(|id| self.manifest.sources.get(&id))
            && read < old.print.bytes
        {
            // What the store has is more.
            *known = Work {
                id: known.id,
                entry: old.clone(),
                ..Work::new(name)
            };
            return Ok(Ok((work, start, 0)));
        }
        known.take(more);
        Ok(Ok((work, start, read)))
    }

    /// Reads a part of a file, behind what is known of it.
    fn read_more(
        &self,
        bytes: &Bytes,
        part: std::ops::Range<u64>,
        known: &Work,
        update: &Update,
    ) -> anyhow::Result<io::Result<More>> {
        let before = known.open_parts(self)?;
        let source = match bytes.from(part.start) {
            Ok(source) => source.take(part.end - part.start),
            Err(error) => return Ok(Err(error)),
        };
        let mut source = LastByte { source, last: None };
        let position = Position {
            byte: part.start,
            line: known.entry.line_count() + 1,
        };
        let header = known.entry.header(&update.fallback);
        let mut continued = read_on(&mut source, position, &header, &self.zone, before.iter());
        let error = continued.error.take();
        let end = part.start + continued.bytes;
        if bytes.plain().is_some() {
            if let Some(error) = error {
                return Ok(Err(error));
            }
            if end != part.end {
                let error = io::Error::other("it changed while it was read");
                return Ok(Err(error));
            }
        }
        Ok(bytes.print(end).map(|print| More {
            continued,
            print,
            mid_line: source.last != Some(b'\n'),
            error: error.map(|error| error.to_string()),
        }))
    }

    /// Adds what chains gave, and makes it the state of the store.
    fn add(
        &mut self,
        done: Vec<Chain>,
        sources: &[Source],
        forget: bool,
        dry: bool,
        summary: &mut Summary,
    ) -> anyhow::Result<()> {
        let mut next = self.manifest.clone();
        let mut days: BTreeSet<String> = BTreeSet::new();
        let mut withdrawn: BTreeSet<u32> = BTreeSet::new();
        let mut changed: HashMap<u32, Work> = HashMap::new();
        if forget {
            // Paths that are gone.
            let found: HashSet<String> = sources.iter().map(Source::name).collect();
            next.looks
                .retain(|path, _| found.contains(path) || file_of(path).exists());
        }
        for mut chain in done {
            let mut ids = Vec::new();
            for mut work in std::mem::take(&mut chain.works) {
                let id = work.id.unwrap_or_else(|| {
                    next.next_source += 1;
                    next.next_source - 1
                });
                ids.push(id);
                if work.changed {
                    if let Some(old) = next.sources.get(&id).filter(|_| work.anew) {
                        days.extend(old.days.keys().cloned());
                    }
                    days.extend(work.parts.keys().cloned());
                    days.extend(work.open_before.iter().cloned());
                    let entry = std::mem::take(&mut work.entry);
                    next.sources.insert(id, entry);
                    changed.insert(id, work);
                }
            }
            for look in chain.looks {
                let held =
                    match look.holds {
                        Holds::Work(work, part) => {
                            let (id, all) = (ids[work], &next.sources[&ids[work]]);
                            Held::Source(part.map_or_else(
                                || all.holding(id),
                                |part| Holding { source: id, ..part },
                            ))
                        }
                        Holds::Skipped(why) => Held::Skipped(why),
                    };
                let now = Look {
                    stamp: look.stamp,
                    held,
                    waits: look.waits,
                    before: look.before,
                };
                next.looks.insert(look.name, now);
            }
            withdrawn.extend(chain.withdrawn);
            summary.add(chain.summary);
        }
        for id in &withdrawn {
            if let Some(source) = next.sources.remove(id) {
                summary.withdrawn.insert(source.name);
                days.extend(source.days.into_keys());
                days.extend(source.open_days);
            }
        }
        next.looks.retain(|_, look| {
            look.before.retain(|old| !withdrawn.contains(&old.source));
            look.source().is_none_or(|id| !withdrawn.contains(&id))
        });
        next.forget_headers();
        next.name_sources();
        if next == self.manifest {
            return Ok(());
        }
        summary.days.extend(days.iter().cloned());
        if dry {
            self.manifest = next;
            return Ok(());
        }
        self.rewrite(next, &days, |day, mut parts| {
            parts.retain(|id, _| !withdrawn.contains(id));
            for (id, work) in &changed {
                if withdrawn.contains(id) {
                    continue;
                }
                if work.anew {
                    parts.remove(id);
                }
                if let Some(part) = parts.get_mut(id) {
                    part.open.clear();
                }
                if let Some(more) = work.parts.get(day) {
                    parts.entry(*id).or_default().add(more);
                }
            }
            // What a day says may be no more than how many records it has, and those the manifest
            // counts.
            parts.retain(|_, part| !part.is_empty());
            Ok(parts)
        })
    }
}

impl Manifest {
    /// Forgets logs that say nothing and are no longer there: without a request, they are known by
    /// their path only.
    fn forget_headers(&mut self) {
        let held: HashSet<u32> = self.looks.values().filter_map(Look::source).collect();
        self.sources.retain(|id, source| {
            source.print.key.is_some() || !source.days.is_empty() || held.contains(id)
        });
    }

    /// Names every source by a path that holds it: by the one that it has, while that does, and else
    /// by the first in order.
    fn name_sources(&mut self) {
        let mut paths: HashMap<u32, Vec<&String>> = HashMap::new();
        for (path, look) in &self.looks {
            if let Some(id) = look.source() {
                paths.entry(id).or_default().push(path);
            }
        }
        for (id, paths) in paths {
            if let Some(source) = self.sources.get_mut(&id)
                && !paths.contains(&&source.name)
                && let Some(path) = paths
                    .into_iter()
                    .min_by(|a, b| Path::new(a).cmp(Path::new(b)))
            {
                source.name.clone_from(path);
            }
        }
    }
}

impl SourceEntry {
    /// Nothing of it, under its name.
    fn to_read_again(&self) -> SourceEntry {
        SourceEntry {
            name: self.name.clone(),
            ..SourceEntry::default()
        }
    }

    /// Whether it tells of times that another told of, and did not only come after it. `None` as
    /// long as it tells of none.
    fn rewrites(&self, old: &SourceEntry) -> Option<bool> {
        let (first, _) = self.period?;
        let Some((old_first, old_last)) = old.period else {
            return Some(false);
        };
        Some(first <= old_first || first < old_last - JITTER_S)
    }
}

/// A source that remembers its last byte.
struct LastByte<R> {
    source: R,
    last: Option<u8>,
}

impl<R: Read> Read for LastByte<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.source.read(buffer)?;
        if let Some(&last) = buffer[..n].last() {
            self.last = Some(last);
        }
        Ok(n)
    }
}
