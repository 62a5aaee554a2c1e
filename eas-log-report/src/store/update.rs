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

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use eas_log_parse::{Header, Position};
use rayon::prelude::*;

use super::Store;
use super::manifest::{DayCounts, Held, Holding, Look, Manifest, SourceEntry, Stamp};
use super::print::{Bytes, Match, Print, compare};
use super::zone::day_name;
use crate::ingest::{Continued, MALFORMED_KEPT, Part, read_on};
use crate::input::{Source, find_by_name};

/// A file that was last written so many seconds before another of the logs is not written to any
/// more.
const FINISHED_S: u64 = 86_400;

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

/// A file that is not as it was when it was last looked at.
struct Changed {
    name: String,
    stamp: Option<Stamp>,
    /// What it was then.
    look: Option<Look>,
    /// Whether nobody writes to it any more, so that its last line is whole without a line break.
    finished: bool,
    state: State,
}

enum State {
    Log {
        bytes: Box<Bytes>,
        /// What its chain is known by.
        key: Key,
        /// What is known of it in the store.
        known: Option<(u32, Match)>,
    },
    Skipped(String),
    Unreadable(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    /// Files with the same first request.
    Request(u64),
    /// A file without one, by its name.
    Name(String),
}

/// A source that a file can be: a number to name it by, its number in the store, and what is known of
/// it.
type Entry<'a> = (u32, Option<u32>, &'a SourceEntry);

/// What more of a file was read.
struct More {
    continued: Continued,
    print: Print,
    /// Whether it does not end with a line break.
    mid_line: bool,
    /// The error that ended the reading.
    error: Option<String>,
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

/// A source that is being read.
struct Work {
    /// Its number, if the store has it.
    id: Option<u32>,
    /// Whether it is read from its start, and takes the place of what the store has.
    anew: bool,
    entry: SourceEntry,
    /// What more it says of each day.
    parts: BTreeMap<String, Part>,
    /// Days whose open runs are no longer open.
    open_before: BTreeSet<String>,
    changed: bool,
}

/// What came of a chain.
#[derive(Default)]
struct Chain {
    works: Vec<Work>,
    looks: Vec<NewLook>,
    withdrawn: BTreeSet<u32>,
    summary: Summary,
}

/// What a path holds now: the number of a work of the chain.
struct NewLook {
    name: String,
    stamp: Stamp,
    holds: Holds,
    waits: bool,
    before: Vec<Holding>,
}

enum Holds {
    /// All of a work, or as much of it as was held before or is now.
    Work(usize, Option<Holding>),
    Skipped(String),
}

impl Chain {
    /// The number of a work that is begun.
    fn push(&mut self, work: Work) -> usize {
        self.works.push(work);
        self.works.len() - 1
    }

    /// Drops the work that was begun last if nothing came of it.
    fn drop_empty(&mut self) {
        self.works.pop_if(|work| work.entry.print.bytes == 0);
    }
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

    /// Looks at all files, notes those that are as they were, and gives the others.
    fn look(
        &self,
        sources: &[Source],
        update: &Update,
        again: &HashSet<u32>,
        summary: &mut Summary,
    ) -> Vec<Changed> {
        let mut others = Vec::new();
        let stamps: Vec<Option<Stamp>> = sources.iter().map(stamp).collect();
        let newest = stamps.iter().flatten().map(|stamp| stamp.seconds).max();
        for (source, stamp) in sources.iter().zip(stamps) {
            let name = source.name();
            let finished = stamp
                .zip(newest)
                .is_some_and(|(stamp, newest)| stamp.seconds + FINISHED_S <= newest);
            match self.manifest.looks.get(&name) {
                Some(look)
                    if Some(look.stamp) == stamp
                        && !(look.waits && finished)
                        && look.source().is_none_or(|id| !again.contains(&id)) =>
                {
                    let done = match &look.held {
                        Held::Source(_) => Done::Unchanged,
                        Held::Skipped(why) => Done::Skipped(why.clone()),
                    };
                    summary.files.insert(name, done);
                }
                look => others.push((source, name, stamp, look.cloned(), finished)),
            }
        }
        let mut by_key: HashMap<u64, Vec<u32>> = HashMap::new();
        for (&id, source) in &self.manifest.sources {
            if let Some(key) = source.print.key {
                by_key.entry(key).or_default().push(id);
            }
        }
        others
            .into_par_iter()
            .map(|(source, name, stamp, look, finished)| {
                let state = self
                    .recognize(source, &name, look.as_ref(), &by_key, update)
                    .unwrap_or_else(|error| State::Unreadable(error.to_string()));
                Changed {
                    name,
                    stamp,
                    look,
                    finished,
                    state,
                }
            })
            .collect()
    }

    /// The sources that some path holds as a whole.
    fn present(&self, sources: &[Source], changed: &[Changed]) -> HashSet<u32> {
        let names: HashSet<String> = sources.iter().map(Source::name).collect();
        let mut present = HashSet::new();
        let looked_at: HashMap<&str, &State> = changed
            .iter()
            .map(|file| (file.name.as_str(), &file.state))
            .collect();
        for (path, look) in &self.manifest.looks {
            match looked_at.get(path.as_str()) {
                Some(State::Log { .. } | State::Skipped(_)) => continue,
                // What cannot be read is not known to be gone.
                Some(State::Unreadable(_)) => {
                    present.extend(look.holdings().map(|holding| holding.source));
                }
                None if !names.contains(path) && !file_of(path).exists() => continue,
                None => {}
            }
            if let Held::Source(holding) = look.held
                && let Some(source) = self.manifest.sources.get(&holding.source)
                && holding.bytes >= source.print.bytes
            {
                present.insert(holding.source);
            }
        }
        present.extend(changed.iter().filter_map(|file| match file.state {
            State::Log {
                known: Some((id, Match::Begins)),
                ..
            } => Some(id),
            _ => None,
        }));
        present
    }

    /// The sources that were last found in each place.
    fn places(&self) -> HashMap<String, Vec<u32>> {
        let mut places: HashMap<String, Vec<u32>> = HashMap::new();
        for (&id, source) in &self.manifest.sources {
            places.entry(place(&source.name)).or_default().push(id);
        }
        places
    }

    /// Finds what the store knows of a file.
    fn recognize(
        &self,
        source: &Source,
        name: &str,
        look: Option<&Look>,
        by_key: &HashMap<u64, Vec<u32>>,
        update: &Update,
    ) -> io::Result<State> {
        let bytes = match Bytes::open(source, &update.fallback)? {
            Ok(bytes) => bytes,
            Err(why) => return Ok(State::Skipped(why)),
        };
        let key = bytes.key()?;
        let same = key.and_then(|key| by_key.get(&key)).into_iter().flatten();
        // A log without a request is known by its path only.
        let own = look.and_then(Look::source).filter(|id| {
            let source = self.manifest.sources.get(id);
            source.is_some_and(|source| source.print.key.is_none())
        });
        let entries: Vec<Entry<'_>> = same
            .copied()
            .chain(own)
            .map(|id| (id, Some(id), &self.manifest.sources[&id]))
            .collect();
        let known = self.best(&bytes, name, &entries)?.0;
        Ok(State::Log {
            bytes: Box::new(bytes),
            key: key.map_or_else(|| Key::Name(name.to_owned()), Key::Request),
            known,
        })
    }

    /// The entry that a file is, or goes on, or is the beginning of; the longest of several. Also the
    /// length of the file, or 0 if there is nothing to compare it with.
    fn best(
        &self,
        bytes: &Bytes,
        name: &str,
        entries: &[Entry<'_>],
    ) -> io::Result<(Option<(u32, Match)>, u64)> {
        let prints: Vec<&Print> = entries.iter().map(|(.., entry)| &entry.print).collect();
        if prints.is_empty() {
            return Ok((None, 0));
        }
        let (matches, length) = compare(bytes, &prints)?;
        let mut best: Option<(u32, Match, (bool, u64))> = None;
        for ((number, id, entry), found) in entries.iter().zip(matches) {
            let is_it = match found {
                Match::Different => false,
                Match::Begins => true,
                Match::Cut(to) => self.is_cut_of(bytes, name, to..length, *id, entry),
            };
            let rank = (found == Match::Begins, entry.print.bytes);
            if is_it && best.as_ref().is_none_or(|(.., other)| *other < rank) {
                best = Some((*number, found, rank));
            }
        }
        Ok((best.map(|(number, found, _)| (number, found)), length))
    }

    /// Whether the end of a file, of which the print of a source does not tell, is the same in some
    /// other file that holds the source. If none is there, the print is all there is to go by.
    fn is_cut_of(
        &self,
        bytes: &Bytes,
        name: &str,
        end: std::ops::Range<u64>,
        id: Option<u32>,
        entry: &SourceEntry,
    ) -> bool {
        if end.is_empty() {
            return true;
        }
        let holds = |look: &Look| id.is_some() && look.source() == id;
        let looks = self.manifest.looks.iter();
        let holders = looks.filter(|(_, look)| holds(look)).map(|(path, _)| path);
        let ends = [end];
        let theirs = std::iter::once(&entry.name)
            .chain(holders)
            .filter(|path| *path != name)
            .find_map(|path| {
                let other = Bytes::open(&find_by_name(path)?, &Header::default()).ok()?;
                other.ok()?.hashes(&ends).ok()?.ranges[0]
            });
        let ours = bytes.hashes(&ends).ok().and_then(|ours| ours.ranges[0]);
        theirs.is_none_or(|theirs| Some(theirs) == ours)
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

impl Changed {
    /// What of sources the path held.
    fn holdings(&self) -> Vec<Holding> {
        self.look.iter().flat_map(Look::holdings).collect()
    }

    /// How much of a work the path holds, of which it is a beginning of this length.
    fn beginning(&self, length: u64, work: &Work) -> io::Result<Holding> {
        // A path that held more was cut. If it goes on from here, it is being rewritten.
        let held = self.look.as_ref().and_then(|look| match look.held {
            Held::Source(held) if Some(held.source) == work.id => Some(held),
            _ => None,
        });
        let State::Log { bytes, .. } = &self.state else {
            return Err(io::Error::other("no log"));
        };
        let end = match bytes.plain() {
            Some(_) => bytes.complete(0)?,
            None => length,
        };
        match held {
            Some(held) if held.bytes > end => Ok(held),
            _ => Ok(Holding {
                source: 0,
                bytes: end,
                digest: bytes.print(end)?.digest(),
            }),
        }
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
}

impl Manifest {
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

impl Work {
    fn new(name: &str) -> Work {
        Work {
            id: None,
            anew: false,
            entry: SourceEntry {
                name: name.to_owned(),
                ..SourceEntry::default()
            },
            parts: BTreeMap::new(),
            open_before: BTreeSet::new(),
            changed: false,
        }
    }

    /// The parts with runs that may go on.
    fn open_parts(&self, store: &Store) -> anyhow::Result<Vec<Part>> {
        let mut open = Vec::new();
        for day in &self.entry.open_days {
            // If this work has read of the day, it has the latest.
            if let Some(part) = self.parts.get(day) {
                open.push(part.clone());
            } else if let Some(id) = self.id
                && let Some(part) = store.parts(day, &|_| 0)?.remove(&id)
            {
                open.push(part);
            }
        }
        Ok(open)
    }

    /// Takes in what more was read.
    fn take(&mut self, more: More) {
        let More {
            continued,
            print,
            mid_line,
            error,
        } = more;
        self.changed = true;
        let entry = &mut self.entry;
        self.open_before.extend(entry.open_days.drain(..));
        for part in self.parts.values_mut() {
            part.open.clear();
        }
        entry.set_tally(&(entry.tally() + continued.tally));
        entry.print = print;
        entry.mid_line = mid_line;
        entry.set_header(&continued.header);
        entry.period = match (entry.period, continued.period) {
            (Some(a), Some(b)) => Some((a.0.min(b.0), a.1.max(b.1))),
            (a, b) => a.or(b),
        };
        entry.bad_values += continued.bad_values;
        entry.not_told_apart += continued.not_told_apart;
        let room = MALFORMED_KEPT.saturating_sub(entry.malformed.len());
        let malformed = continued.malformed.iter().take(room).map(Into::into);
        entry.malformed.extend(malformed);
        entry.error = error;
        for (day, part) in continued.parts {
            let day = day_name(day);
            let counts = DayCounts::of(&part.facts.counts);
            entry.days.entry(day.clone()).or_default().add(counts);
            if !part.open.is_empty() {
                entry.open_days.push(day.clone());
            }
            self.parts.entry(day).or_default().add(&part);
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

/// Where a log lies, whatever it is wrapped in: its folder, and its name without endings.
fn place(name: &str) -> String {
    let (archive, member) = match name.split_once('!') {
        Some((archive, member)) => (archive, Path::new(member).file_name()),
        None => (name, None),
    };
    let path = Path::new(archive);
    let file = member.or(path.file_name()).unwrap_or_default();
    let mut file = file.to_string_lossy().to_lowercase();
    while let Some(end) = [".gz", ".zst", ".zip", ".log"]
        .into_iter()
        .find(|end| file.ends_with(end))
    {
        file.truncate(file.len() - end.len());
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    folder.join(file).to_string_lossy().into_owned()
}

/// The file that a path is, or is in.
fn file_of(path: &str) -> &Path {
    Path::new(path.split_once('!').map_or(path, |(file, _)| file))
}

/// About how many bytes of a file are to be read.
fn unread(file: &Changed) -> u64 {
    match &file.state {
        State::Log { bytes, .. } => bytes
            .plain()
            .or(file.stamp.map(|stamp| stamp.bytes))
            .unwrap_or(0),
        _ => 0,
    }
}

/// Length and time of the last change. `None` for what is read anew each time.
fn stamp(source: &Source) -> Option<Stamp> {
    let path = match source {
        Source::File(path) => path.as_path(),
        Source::Member(member) => member.archive(),
        Source::Stdin => return None,
    };
    let metadata = path.metadata().ok()?;
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Stamp {
        bytes: metadata.len(),
        seconds: modified.as_secs(),
        nanos: modified.subsec_nanos(),
    })
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
