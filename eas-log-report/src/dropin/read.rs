//! The fan-out: whole files to threads, and what they gather together.

use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use eas_log_parse::{Entry, Header, LogReader, Position, Record, Tally};

use super::Rules;
use super::lines::Lines;
use super::request::{Request, Requests};
use crate::facts::Place;
use crate::ingest::{FileQuality, FileState, Options, Progress, Quality};
use crate::input::{Content, PlainFile, RangeReader, Source, Stream, open};

/// Takes in requests. What two have taken in, in any order, merges to what one would have.
pub(super) trait Gather: Send {
    /// Takes in a request.
    fn take(&mut self, request: &Request<'_>);
    /// Takes in what another has gathered.
    fn merge(&mut self, other: &Self);
    /// Values of requests that did not have their form.
    fn bad_values(&self) -> u64;
}

/// How the reading went.
pub(super) struct Done {
    pub(super) quality: Quality,
    pub(super) lines: Lines,
}

/// Reads all sources, each by one thread.
pub(super) fn gather<G: Gather>(
    sources: &[Source],
    options: &Options,
    rules: Rules,
    make: impl Fn() -> G + Sync,
    progress: &dyn Progress,
) -> (G, Done) {
    progress.begin(sources.iter().filter_map(Source::size).sum());
    let next = AtomicUsize::new(0);
    let collected = Mutex::new((make(), Lines::default(), Vec::new()));
    let work = || {
        let mut gathered = make();
        let mut requests = Requests::new(rules, &options.filter);
        let mut files = Vec::new();
        loop {
            let file = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(file) else {
                break;
            };
            let before = requests.bad_values + gathered.bad_values();
            let mut take = |record: &Record<'_, '_>| {
                let place = Place {
                    file: file as u32,
                    piece: 0,
                    line: record.position().line as u32,
                };
                if let Some(request) = requests.read(record, place) {
                    gathered.take(&request);
                }
            };
            let mut quality = read_source(source, &options.fallback, progress, &mut take);
            quality.bad_values = requests.bad_values + gathered.bad_values() - before;
            requests.lines.malformed += quality.tally.malformed();
            files.push((file, quality));
        }
        let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
        collected.0.merge(&gathered);
        collected.1.add(&requests.lines);
        collected.2.append(&mut files);
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads.min(sources.len()).max(1))
        .build();
    match &pool {
        Ok(pool) => {
            pool.broadcast(|_| work());
        }
        // Without threads the work is done all the same.
        Err(_) => work(),
    }
    let collected = collected.into_inner();
    let (gathered, lines, mut files) = collected.unwrap_or_else(PoisonError::into_inner);
    files.sort_by_key(|(file, _)| *file);
    let files = files.into_iter().map(|(_, quality)| quality).collect();
    let quality = Quality { files };
    (gathered, Done { quality, lines })
}

/// Bytes that tell how far their source on disk is read.
struct Reporting<'p> {
    bytes: Bytes,
    reported: u64,
    progress: &'p dyn Progress,
}

enum Bytes {
    Plain { range: RangeReader, read: u64 },
    Stream(Stream),
}

impl Read for Reporting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (result, consumed) = match &mut self.bytes {
            Bytes::Plain { range, read } => {
                let result = range.read(buffer);
                *read += *result.as_ref().unwrap_or(&0) as u64;
                (result, *read)
            }
            Bytes::Stream(stream) => (stream.read(buffer), stream.consumed()),
        };
        self.progress.advance(consumed - self.reported);
        self.reported = consumed;
        result
    }
}

/// Reads a source from its start to its end.
fn read_source(
    source: &Source,
    fallback: &Header,
    progress: &dyn Progress,
    take: &mut dyn FnMut(&Record<'_, '_>),
) -> FileQuality {
    let mut quality = FileQuality {
        name: source.name(),
        state: FileState::Read,
        bytes: 0,
        tally: Tally::default(),
        bad_values: 0,
        not_told_apart: 0,
        malformed: Vec::new(),
    };
    let opened = open(source, fallback).and_then(|opened| match opened {
        Err(reason) => Ok(Err(reason)),
        Ok(opened) => Ok(Ok(match opened {
            Content::Plain(PlainFile { path, length, .. }) => {
                let range = RangeReader::new(File::open(path)?, 0, length)?;
                (Bytes::Plain { range, read: 0 }, Some(length))
            }
            Content::Stream(stream) => (Bytes::Stream(stream), None),
        })),
    });
    let (bytes, length) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(reason)) => {
            quality.state = FileState::Skipped(reason);
            return quality;
        }
        Err(error) => {
            quality.state = FileState::Unreadable(error.to_string());
            return quality;
        }
    };
    let source = Reporting {
        bytes,
        reported: 0,
        progress,
    };
    let mut log = LogReader::new(source).resume(Position::START, fallback.clone());
    loop {
        match log.next_entry() {
            Ok(Some(entry)) => {
                quality.tally.count(&entry);
                if let Entry::Record(record) = &entry {
                    take(record);
                }
            }
            Ok(None) => break,
            // What was read before the error is still to come.
            Err(error) => quality.state = FileState::Broken(error.to_string()),
        }
    }
    quality.bytes = log.position().byte;
    if let Some(length) = length
        && quality.bytes < length
        && quality.state == FileState::Read
    {
        quality.state = FileState::Broken(format!(
            "the file became shorter while it was read: {} of {length} bytes were there",
            quality.bytes
        ));
    }
    quality
}
