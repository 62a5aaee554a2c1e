//! What the files of a night are: which are as they were, and what of the store the others hold.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use eas_log_parse::Header;
use rayon::prelude::*;

use super::work::Work;
use super::{Done, Summary, Update};
use crate::input::{Source, find_by_name};
use crate::store::Store;
use crate::store::manifest::{Held, Holding, Look, SourceEntry, Stamp};
use crate::store::print::{Bytes, Match, Print, compare};

/// A file that was last written so many seconds before another of the logs is not written to any
/// more.
const FINISHED_S: u64 = 86_400;

/// A file that is not as it was when it was last looked at.
pub(super) struct Changed {
    pub(super) name: String,
    pub(super) stamp: Option<Stamp>,
    /// What it was then.
    pub(super) look: Option<Look>,
    /// Whether nobody writes to it any more, so that its last line is whole without a line break.
    pub(super) finished: bool,
    pub(super) state: State,
}

pub(super) enum State {
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
pub(super) enum Key {
    /// Files with the same first request.
    Request(u64),
    /// A file without one, by its name.
    Name(String),
}

/// A source that a file can be: a number to name it by, its number in the store, and what is known of
/// it.
pub(super) type Entry<'a> = (u32, Option<u32>, &'a SourceEntry);

impl Store {
    /// Looks at all files, notes those that are as they were, and gives the others.
    pub(super) fn look(
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
    pub(super) fn present(&self, sources: &[Source], changed: &[Changed]) -> HashSet<u32> {
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
    pub(super) fn places(&self) -> HashMap<String, Vec<u32>> {
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
    pub(super) fn best(
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
}

impl Changed {
    /// What of sources the path held.
    pub(super) fn holdings(&self) -> Vec<Holding> {
        self.look.iter().flat_map(Look::holdings).collect()
    }

    /// How much of a work the path holds, of which it is a beginning of this length.
    pub(super) fn beginning(&self, length: u64, work: &Work) -> io::Result<Holding> {
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

/// Where a log lies, whatever it is wrapped in: its folder, and its name without endings.
pub(super) fn place(name: &str) -> String {
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
pub(super) fn file_of(path: &str) -> &Path {
    Path::new(path.split_once('!').map_or(path, |(file, _)| file))
}

/// About how many bytes of a file are to be read.
pub(super) fn unread(file: &Changed) -> u64 {
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
