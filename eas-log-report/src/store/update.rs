//! Bringing a store up to date with what lies under the paths of logs.
//!
//! Files that begin alike are one chain and are looked at one after the other, so that copies of a
//! file are found also when all of them are new. Chains are read by several threads.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::{self, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::Context;
use eas_log_parse::{Header, Position};
use rayon::prelude::*;

use super::Store;
use super::manifest::{DayCounts, Held, Look, Manifest, SourceEntry, Stamp};
use super::print::{Bytes, HEAD, Match, Print, compare, hash};
use super::zone::day_name;
use crate::ingest::{Continued, MALFORMED_KEPT, Part, read_on};
use crate::input::Source;

/// A file that was last written so many seconds before another of the logs is not written to any
/// more.
const FINISHED_S: u64 = 86_400;

/// How a store is brought up to date.
#[derive(Clone, Debug)]
pub struct Update {
    /// In force until the first directive: the fields of logs that have lost their own.
    pub fallback: Header,
    /// Number of threads.
    pub threads: usize,
    /// About so many bytes of logs are read before what they say is written.
    pub batch: u64,
}

impl Default for Update {
    fn default() -> Self {
        Update {
            fallback: Header::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            batch: 2 << 30,
        }
    }
}

/// What is to be done with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Planned {
    /// It is as it was.
    Unchanged,
    /// It holds what was read under this name, and nothing more.
    Known(String),
    /// It holds what was read under this name up to this byte, and more.
    Grown(String, u64),
    /// It has not been read.
    New,
    /// It is no log: why.
    Skipped(String),
    /// It cannot be read: why.
    Unreadable(String),
}

/// What is to be done with all files, by their names.
pub type Plan = Vec<(String, Planned)>;

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Files of which something was read.
    pub read: BTreeSet<String>,
    /// Files that are no logs: why.
    pub skipped: BTreeMap<String, String>,
    /// Files that could not be read: why.
    pub unreadable: BTreeMap<String, String>,
    /// Files that were rewritten: what they said before is withdrawn.
    pub withdrawn: BTreeSet<String>,
    /// The days whose facts changed.
    pub days: BTreeSet<String>,
}

/// A file that is not as it was when it was last looked at.
struct Changed {
    name: String,
    stamp: Option<Stamp>,
    /// What the path held before.
    before: Option<u32>,
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
        length: u64,
    },
    Skipped(String),
    Unreadable(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    /// A source that is shorter than what files are told apart by.
    Short(u32),
    Head(String),
}

/// A source that is being read.
struct Work {
    /// Its number, if the store has it.
    id: Option<u32>,
    entry: SourceEntry,
    /// What more it says of each day.
    parts: BTreeMap<String, Part>,
    /// Days whose open runs are no longer open.
    open_before: BTreeSet<String>,
    changed: bool,
}

/// What came of a chain.
#[derive(Default)]
struct Done {
    works: Vec<Work>,
    /// What paths hold: the number of a work of this chain, or a source of the store.
    looks: Vec<(String, Stamp, Holds, bool)>,
    withdrawn: BTreeSet<u32>,
    summary: Summary,
}

impl Done {
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

enum Holds {
    Work(usize),
    Skipped(String),
}

impl Store {
    /// What an update would do.
    pub fn plan(&self, sources: &[Source], update: &Update) -> Plan {
        let (unchanged, changed) = self.look(sources, update);
        let name = |id: u32| self.manifest.sources[&id].name.clone();
        let mut plan: Plan = unchanged
            .into_iter()
            .map(|(name, held)| match held {
                Held::Source(_) => (name, Planned::Unchanged),
                Held::Skipped(why) => (name, Planned::Skipped(why)),
            })
            .collect();
        for file in changed {
            let planned = match file.state {
                State::Skipped(why) => Planned::Skipped(why),
                State::Unreadable(why) => Planned::Unreadable(why),
                State::Log { known: None, .. } => Planned::New,
                State::Log {
                    known: Some((id, Match::Begins)),
                    length,
                    ..
                } if length > self.manifest.sources[&id].print.bytes => {
                    Planned::Grown(name(id), self.manifest.sources[&id].print.bytes)
                }
                State::Log {
                    known: Some((id, _)),
                    ..
                } => Planned::Known(name(id)),
            };
            plan.push((file.name, planned));
        }
        plan.sort_by(|a, b| Path::new(&a.0).cmp(Path::new(&b.0)));
        plan
    }

    /// Reads what is new in these files, and adds it. A file that was only begun counts as far as its
    /// last complete line.
    ///
    /// # Errors
    /// If the store cannot be read or written. What was written before is complete in itself.
    pub fn update(&mut self, sources: &[Source], update: &Update) -> anyhow::Result<Summary> {
        let (unchanged, changed) = self.look(sources, update);
        let mut summary = Summary::default();
        let mut present: HashSet<u32> = HashSet::new();
        for (name, held) in &unchanged {
            match held {
                Held::Source(id) => {
                    present.insert(*id);
                }
                Held::Skipped(why) => {
                    summary.skipped.insert(name.clone(), why.clone());
                }
            }
        }
        let mut chains: BTreeMap<Key, Vec<Changed>> = BTreeMap::new();
        let mut none: Vec<(String, Stamp, String)> = Vec::new();
        for file in changed {
            let key = match &file.state {
                State::Unreadable(why) => {
                    summary.unreadable.insert(file.name, why.clone());
                    continue;
                }
                State::Skipped(why) => {
                    summary.skipped.insert(file.name.clone(), why.clone());
                    none.extend(file.stamp.map(|stamp| (file.name, stamp, why.clone())));
                    continue;
                }
                State::Log { key, known, .. } => {
                    present.extend(known.map(|(id, _)| id));
                    key.clone()
                }
            };
            chains.entry(key).or_default().push(file);
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
        let mut first = true;
        while first || chains.peek().is_some() {
            let mut batch = Vec::new();
            let mut bytes = 0;
            while let Some(chain) = chains.next_if(|_| bytes < update.batch) {
                bytes += chain.iter().map(unread).sum::<u64>();
                batch.push(chain);
            }
            let store = &*self;
            let done: Vec<anyhow::Result<Done>> = pool.install(|| {
                batch
                    .into_par_iter()
                    .map(|chain| store.read_chain(chain, &present, update))
                    .collect()
            });
            let done = done.into_iter().collect::<anyhow::Result<Vec<Done>>>()?;
            let none = std::mem::take(&mut none);
            self.add(done, none, sources, first, &mut summary)?;
            first = false;
        }
        Ok(summary)
    }

    /// Looks at all files: those that are as they were, with what they hold, and the others.
    #[allow(clippy::type_complexity, reason = "two lists that are made together")]
    fn look(&self, sources: &[Source], update: &Update) -> (Vec<(String, Held)>, Vec<Changed>) {
        let mut unchanged = Vec::new();
        let mut others = Vec::new();
        let stamps: Vec<Option<Stamp>> = sources.iter().map(stamp).collect();
        let newest = stamps.iter().flatten().map(|stamp| stamp.seconds).max();
        for (source, stamp) in sources.iter().zip(stamps) {
            let name = source.name();
            let finished = stamp
                .zip(newest)
                .is_some_and(|(stamp, newest)| stamp.seconds + FINISHED_S <= newest);
            match self.manifest.looks.get(&name) {
                Some(look) if Some(look.stamp) == stamp && !(look.waits && finished) => {
                    unchanged.push((name, look.held.clone()));
                }
                look => {
                    let before = look.and_then(|look| match look.held {
                        Held::Source(id) => Some(id),
                        Held::Skipped(_) => None,
                    });
                    others.push((source, name, stamp, before, finished));
                }
            }
        }
        let heads = Heads::new(&self.manifest);
        let changed = others
            .into_par_iter()
            .map(|(source, name, stamp, before, finished)| {
                let state = self
                    .recognize(source, &name, &heads, update)
                    .unwrap_or_else(|error| State::Unreadable(error.to_string()));
                Changed {
                    name,
                    stamp,
                    before,
                    finished,
                    state,
                }
            })
            .collect();
        (unchanged, changed)
    }

    /// Finds what the store knows of a file.
    fn recognize(
        &self,
        source: &Source,
        name: &str,
        heads: &Heads,
        update: &Update,
    ) -> io::Result<State> {
        let bytes = match Bytes::open(source, &update.fallback)? {
            Ok(bytes) => bytes,
            Err(why) => return Ok(State::Skipped(why)),
        };
        let head = bytes.head()?;
        let candidates = heads.of(&head, &self.manifest);
        let entries: Vec<(u32, &SourceEntry)> = candidates
            .iter()
            .map(|&id| (id, &self.manifest.sources[&id]))
            .collect();
        let (known, length) = best(&bytes, name, &entries)?;
        let short = candidates
            .iter()
            .find(|id| self.manifest.sources[id].print.bytes < HEAD);
        Ok(State::Log {
            bytes: Box::new(bytes),
            key: match short {
                Some(&id) => Key::Short(id),
                None => Key::Head(hash(&head)),
            },
            known,
            length,
        })
    }

    /// Reads the files of a chain one after the other.
    fn read_chain(
        &self,
        chain: Vec<Changed>,
        present: &HashSet<u32>,
        update: &Update,
    ) -> anyhow::Result<Done> {
        let mut done = Done::default();
        for file in chain {
            let name = file.name.clone();
            if let Err(error) = self.read_file(file, present, update, &mut done)? {
                done.summary.unreadable.insert(name, error.to_string());
            }
        }
        Ok(done)
    }

    /// Reads what is new in a file. The outer error is one of the store, the inner one of the file.
    fn read_file(
        &self,
        file: Changed,
        present: &HashSet<u32>,
        update: &Update,
        done: &mut Done,
    ) -> anyhow::Result<io::Result<()>> {
        let State::Log { bytes, known, .. } = file.state else {
            return Ok(Ok(()));
        };
        let known = known.map(|(id, _)| id);
        let unread = known.filter(|id| done.works.iter().all(|work| work.id != Some(*id)));
        let in_chain = (0..).zip(done.works.iter().map(|work| &work.entry));
        let in_store = unread.map(|id| (u32::MAX, &self.manifest.sources[&id]));
        let entries: Vec<(u32, &SourceEntry)> = in_chain.chain(in_store).collect();
        let work = match best(&bytes, &file.name, &entries) {
            Ok((Some((u32::MAX, _)), _)) => done.push(Work {
                id: unread,
                entry: unread.map_or_else(SourceEntry::default, |id| {
                    self.manifest.sources[&id].clone()
                }),
                ..Work::new(&file.name)
            }),
            Ok((Some((work, _)), _)) => work as usize,
            Ok((None, _)) => done.push(Work::new(&file.name)),
            Err(error) => return Ok(Err(error)),
        };
        let end = match bytes.plain() {
            Some(length) if file.finished => Ok(length),
            _ => bytes.complete(done.works[work].entry.print.bytes),
        };
        let read = match end {
            Ok(end) => self.read_on(&bytes, end, work, update, done)?,
            Err(error) => Err(error),
        };
        let (work, more) = match read {
            Ok(read) => read,
            Err(error) => {
                done.drop_empty();
                return Ok(Err(error));
            }
        };
        if more > 0 {
            done.summary.bytes += more;
            done.summary.read.insert(file.name.clone());
        }
        let entry = &done.works[work].entry;
        if let Some(before) = file.before
            && done.works[work].id != Some(before)
            && !present.contains(&before)
            && let Some(old) = self.manifest.sources.get(&before)
            && rewrites(entry, old)
        {
            done.withdrawn.insert(before);
        }
        if let Some(stamp) = file.stamp {
            let holds = if entry.print.bytes == 0 {
                Holds::Skipped("no complete line yet".to_owned())
            } else {
                Holds::Work(work)
            };
            let waits = bytes
                .plain()
                .is_some_and(|length| length > entry.print.bytes);
            done.looks.push((file.name, stamp, holds, waits));
        }
        done.drop_empty();
        Ok(Ok(()))
    }

    /// Reads what a file has behind what is known of it, up to an end. Gives the work that it is now, and how many
    /// bytes were read.
    fn read_on(
        &self,
        bytes: &Bytes,
        end: u64,
        mut work: usize,
        update: &Update,
        done: &mut Done,
    ) -> anyhow::Result<io::Result<(usize, u64)>> {
        let entry = &done.works[work].entry;
        let seen = entry.print.bytes;
        if end <= seen {
            return Ok(Ok((work, 0)));
        }
        let mut start = seen;
        if entry.mid_line {
            // The last line that was counted goes on: it was another one.
            match bytes.from(seen).and_then(|mut rest| rest.read(&mut [0])) {
                Ok(0) => return Ok(Ok((work, 0))),
                Ok(_) => {}
                Err(error) => return Ok(Err(error)),
            }
            let name = entry.name.clone();
            let old = &mut done.works[work];
            match old.id {
                Some(id) => {
                    done.withdrawn.insert(id);
                    work = done.push(Work::new(&name));
                }
                None => *old = Work::new(&name),
            }
            start = 0;
        }
        let before = done.works[work].open_parts(self)?;
        let entry = &done.works[work].entry;
        let source = match bytes.from(start) {
            Ok(source) => source.take(end - start),
            Err(error) => return Ok(Err(error)),
        };
        let mut source = LastByte { source, last: None };
        let position = Position {
            byte: start,
            line: entry.line_count() + 1,
        };
        let header = entry.header(&update.fallback);
        let continued = read_on(&mut source, position, &header, &self.zone, before.iter());
        let is_plain = bytes.plain().is_some();
        if is_plain {
            if let Some(error) = continued.error {
                return Ok(Err(error));
            }
            if start + continued.bytes != end {
                let error = io::Error::other("it changed while it was read");
                return Ok(Err(error));
            }
        }
        if continued.bytes == 0 {
            return Ok(Ok((work, 0)));
        }
        let print = match bytes.print(start + continued.bytes) {
            Ok(print) => print,
            Err(error) => return Ok(Err(error)),
        };
        let more = continued.bytes;
        done.works[work].take(continued, print, source.last != Some(b'\n'));
        Ok(Ok((work, more)))
    }

    /// Adds what chains gave, and makes it the state of the store.
    fn add(
        &mut self,
        done: Vec<Done>,
        none: Vec<(String, Stamp, String)>,
        sources: &[Source],
        forget: bool,
        summary: &mut Summary,
    ) -> anyhow::Result<()> {
        let mut next = self.manifest.clone();
        let mut days: BTreeSet<String> = BTreeSet::new();
        let mut withdrawn: BTreeSet<u32> = BTreeSet::new();
        let mut changed: HashMap<u32, Work> = HashMap::new();
        if forget {
            // Paths that are gone.
            let found: HashSet<String> = sources.iter().map(Source::name).collect();
            next.looks.retain(|path, _| {
                let file = path.split_once('!').map_or(path.as_str(), |(file, _)| file);
                found.contains(path) || Path::new(file).exists()
            });
        }
        for (name, stamp, why) in none {
            let look = Look {
                stamp,
                held: Held::Skipped(why),
                waits: false,
            };
            next.looks.insert(name, look);
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
                    days.extend(work.parts.keys().cloned());
                    days.extend(work.open_before.iter().cloned());
                    let entry = std::mem::take(&mut work.entry);
                    next.sources.insert(id, entry);
                    changed.insert(id, work);
                }
            }
            for (name, stamp, holds, waits) in chain.looks {
                let held = match holds {
                    Holds::Work(work) => Held::Source(ids[work]),
                    Holds::Skipped(why) => {
                        summary.skipped.insert(name.clone(), why.clone());
                        Held::Skipped(why)
                    }
                };
                next.looks.insert(name, Look { stamp, held, waits });
            }
            withdrawn.extend(chain.withdrawn);
            summary.bytes += chain.summary.bytes;
            summary.read.extend(chain.summary.read);
            summary.unreadable.extend(chain.summary.unreadable);
        }
        for id in &withdrawn {
            if let Some(source) = next.sources.remove(id) {
                summary.withdrawn.insert(source.name);
                days.extend(source.days.into_keys());
                days.extend(source.open_days);
            }
        }
        next.looks
            .retain(|_, look| !matches!(look.held, Held::Source(id) if withdrawn.contains(&id)));
        next.name_sources();
        if next == self.manifest {
            return Ok(());
        }
        summary.days.extend(days.iter().cloned());
        self.rewrite(next, &days, |day, mut parts| {
            parts.retain(|id, _| !withdrawn.contains(id));
            for (id, work) in &changed {
                if withdrawn.contains(id) {
                    continue;
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
    /// Names every source by a path that holds it: by the one that it has, while that does, and else
    /// by the first in order.
    fn name_sources(&mut self) {
        let mut paths: HashMap<u32, Vec<&String>> = HashMap::new();
        for (path, look) in &self.looks {
            if let Held::Source(id) = look.held {
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
    fn take(&mut self, continued: Continued, print: Print, mid_line: bool) {
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
        entry.error = continued.error.map(|error| error.to_string());
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

/// The sources that files of a beginning can be.
struct Heads {
    by_head: HashMap<String, Vec<u32>>,
    short: Vec<u32>,
}

impl Heads {
    fn new(manifest: &Manifest) -> Heads {
        let mut heads = Heads {
            by_head: HashMap::new(),
            short: Vec::new(),
        };
        for (&id, source) in &manifest.sources {
            match source.print.parts.first() {
                Some(head) if source.print.bytes >= HEAD => {
                    heads.by_head.entry(head.clone()).or_default().push(id);
                }
                _ => heads.short.push(id),
            }
        }
        heads
    }

    fn of(&self, head: &[u8], manifest: &Manifest) -> Vec<u32> {
        let begins = |id: &&u32| {
            let print = &manifest.sources[id].print;
            let length = usize::try_from(print.bytes).unwrap_or(usize::MAX);
            head.get(..length)
                .is_some_and(|head| Some(&hash(head)) == print.parts.first())
        };
        let short = self.short.iter().filter(begins);
        let same = self.by_head.get(&hash(head)).into_iter().flatten();
        short.chain(same).copied().collect()
    }
}

/// The entry that a file is, or goes on, or is the beginning of; the longest of several. Also the
/// length of the file, or 0 if there is nothing to compare it with.
fn best(
    bytes: &Bytes,
    name: &str,
    entries: &[(u32, &SourceEntry)],
) -> io::Result<(Option<(u32, Match)>, u64)> {
    let prints: Vec<&Print> = entries.iter().map(|(_, entry)| &entry.print).collect();
    if prints.is_empty() {
        return Ok((None, bytes.plain().unwrap_or(0)));
    }
    let (matches, length) = compare(bytes, &prints)?;
    let mut best: Option<(u32, Match, (bool, u64))> = None;
    for ((id, entry), found) in entries.iter().zip(matches) {
        let is_it = match found {
            Match::Different => false,
            Match::Begins => entry.print.bytes > 0,
            Match::Cut(from) => entry.name == name || is_cut_of(bytes, from..length, entry),
        };
        let rank = (found == Match::Begins, entry.print.bytes);
        if is_it && best.as_ref().is_none_or(|(.., other)| *other < rank) {
            best = Some((*id, found, rank));
        }
    }
    Ok((best.map(|(id, found, _)| (id, found)), length))
}

/// Whether the end of a file is the same in the file that a source was last found in.
fn is_cut_of(bytes: &Bytes, end: std::ops::Range<u64>, entry: &SourceEntry) -> bool {
    let source = Source::File((&entry.name).into());
    let Ok(Ok(other)) = Bytes::open(&source, &Header::default()) else {
        return false;
    };
    let ends = [end];
    match (bytes.hashes(&ends), other.hashes(&ends)) {
        (Ok(ours), Ok(theirs)) => ours.parts == theirs.parts && ours.parts[0].is_some(),
        _ => false,
    }
}

/// Whether a file took the place of another in the same path, and not only came after it: whether it
/// tells of times that the other told of.
fn rewrites(new: &SourceEntry, old: &SourceEntry) -> bool {
    match (new.period, old.period) {
        (Some((first, _)), Some((_, last))) => first <= last,
        _ => false,
    }
}

/// About how many bytes of a file are to be read.
fn unread(file: &Changed) -> u64 {
    match &file.state {
        State::Log { length, .. } => *length.max(&file.stamp.map_or(0, |stamp| stamp.bytes)),
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
