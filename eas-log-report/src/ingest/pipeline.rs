//! The fan-out: pieces of files to threads, and the facts of the pieces back together.
//!
//! A plain file is cut into pieces, each read by the header at the top of its file. Few logs change
//! their fields on the way; where one did, the pieces behind the change were read wrongly, which
//! shows when the pieces are put together in order, and they are read again. So the common case
//! costs nothing, and no file is read twice to look for directives.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use eas_log_parse::{Entry, Header, LogReader, Position, Tally};

use super::filter::Filter;
use super::gather::Gatherer;
use super::quality::{FileQuality, FileState, KEPT, MalformedLine, Quality};
use crate::facts::{Facts, OpenRuns, Place};
use crate::input::{Content, Opened, RangeReader, Source, Stream, open};

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which requests are wanted.
    pub filter: Filter,
    /// Number of threads.
    pub threads: usize,
    /// Size of a piece of a file in bytes.
    pub piece_size: u64,
    /// In force until the first directive: the fields of logs that have lost their own.
    pub fallback: Header,
}

/// Size of a piece unless asked otherwise: large enough that putting together costs little, small
/// enough that all threads have work to the end.
const PIECE_SIZE: u64 = 16 << 20;

impl Default for Options {
    fn default() -> Self {
        Options {
            filter: Filter::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            piece_size: PIECE_SIZE,
            fallback: Header::default(),
        }
    }
}

/// What was read.
#[derive(Debug, Default)]
pub struct Ingested {
    /// What the logs say.
    pub facts: Facts,
    /// How well they could be read.
    pub quality: Quality,
    lines_before: Vec<Vec<u64>>,
}

impl Ingested {
    /// Name of the file and number of the line at a place.
    pub fn locate(&self, place: Place) -> (&str, u64) {
        let before = self.lines_before[place.file as usize][place.piece as usize];
        (
            &self.quality.files[place.file as usize].name,
            before + u64::from(place.line),
        )
    }
}

/// Is told how the work goes on.
pub trait Progress: Sync {
    /// All sizes are known: there is so much to do.
    fn begin(&self, bytes: u64);
    /// So many bytes more are done.
    fn advance(&self, bytes: u64);
}

/// Tells nobody.
impl Progress for () {
    fn begin(&self, _: u64) {}
    fn advance(&self, _: u64) {}
}

/// Reads all sources.
pub fn ingest(sources: &[Source], options: &Options, progress: &dyn Progress) -> Ingested {
    let mut files: Vec<FileQuality> = sources
        .iter()
        .map(|source| FileQuality::new(source.name()))
        .collect();
    let mut inputs = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        let state = match open(source, &options.fallback) {
            Ok(Ok(opened)) => {
                inputs.push((number, opened));
                continue;
            }
            Ok(Err(reason)) => FileState::Skipped(reason),
            Err(error) => FileState::Unreadable(error.to_string()),
        };
        files[number].state = state;
    }
    progress.begin(inputs.iter().filter_map(|(_, opened)| opened.size).sum());

    let mut assemblies: Vec<Assembly> = files.iter().map(|_| Assembly::default()).collect();
    for (number, opened) in &inputs {
        if let Content::Plain { length, .. } = opened.content {
            assemblies[*number].length = Some(length);
        }
    }
    let units = units(inputs, options);
    let state = State {
        merged: Mutex::new(Facts::default()),
        files: assemblies.into_iter().map(Mutex::new).collect(),
    };
    let next = AtomicUsize::new(0);
    let worker = || {
        while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
            run(unit, &state, options, progress);
        }
    };
    match rayon::ThreadPoolBuilder::new()
        .num_threads(options.threads)
        .build()
    {
        Ok(pool) => {
            pool.broadcast(|_| worker());
        }
        // Without threads the work is done all the same.
        Err(_) => worker(),
    }

    let mut lines_before = Vec::new();
    for (quality, assembly) in files.iter_mut().zip(state.files) {
        let assembly = assembly
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        lines_before.push(assembly.finish(quality));
    }
    let facts = state
        .merged
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    Ingested {
        facts,
        quality: Quality { files },
        lines_before,
    }
}

/// What one thread reads at a stretch.
enum Unit {
    /// One piece of a file that is cut.
    Piece(Piece),
    /// Whole small files.
    Files(Vec<Piece>),
    /// A stream.
    Stream(usize, Mutex<Option<Stream>>),
}

/// A piece of a plain file.
#[derive(Clone, Debug)]
struct Piece {
    file: usize,
    number: u32,
    path: PathBuf,
    from: u64,
    to: u64,
    length: u64,
    /// The header that the piece is expected to be read by.
    header: Header,
}

fn units(inputs: Vec<(usize, Opened)>, options: &Options) -> Vec<Unit> {
    let size = options.piece_size.max(1);
    let mut streams = Vec::new();
    let mut units = Vec::new();
    let mut small = Vec::new();
    let mut small_size = 0;
    for (file, opened) in inputs {
        let (path, length) = match opened.content {
            Content::Plain { path, length } => (path, length),
            Content::Stream(stream) => {
                streams.push(Unit::Stream(file, Mutex::new(Some(stream))));
                continue;
            }
        };
        let pieces = length.div_ceil(size).max(1);
        let mut cut = (0..pieces).map(|number| Piece {
            file,
            number: number as u32,
            path: path.clone(),
            from: number * size,
            to: ((number + 1) * size).min(length),
            length,
            header: if number == 0 {
                options.fallback.clone()
            } else {
                opened.header.clone()
            },
        });
        if pieces > 1 {
            units.extend(cut.map(Unit::Piece));
            continue;
        }
        small.extend(cut.next());
        small_size += length;
        if small_size >= size {
            units.push(Unit::Files(std::mem::take(&mut small)));
            small_size = 0;
        }
    }
    if !small.is_empty() {
        units.push(Unit::Files(small));
    }
    // A stream cannot be cut, so the longest work begins first.
    streams.extend(units);
    streams
}

/// A stream that tells how far its source on disk is read.
struct Reporting<'p> {
    stream: Stream,
    reported: u64,
    progress: &'p dyn Progress,
}

impl Read for Reporting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.read(buffer);
        let consumed = self.stream.consumed();
        self.progress.advance(consumed - self.reported);
        self.reported = consumed;
        result
    }
}

/// What the threads share.
struct State {
    merged: Mutex<Facts>,
    files: Vec<Mutex<Assembly>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The facts of a piece, and for each of its entities the runs that go on behind it.
type Gathered = (Facts, Vec<OpenRuns>);

/// Adds the facts of whole files to the merged ones.
fn merge_whole((facts, runs): &Gathered, merged: &mut Facts) {
    let entities = merged.merge(facts);
    for (&entity, &runs) in entities.iter().zip(runs) {
        merged.end_runs(entity, runs);
    }
}

/// What reading one piece gave, but for its facts.
#[derive(Debug)]
struct Scanned {
    header: Header,
    tally: Tally,
    bytes: u64,
    bad_values: u64,
    malformed: Vec<MalformedLine>,
    error: Option<io::Error>,
}

/// The pieces of a file, put together in order.
#[derive(Default)]
struct Assembly {
    /// Pieces that are read before those before them are.
    waiting: Vec<(Piece, Scanned, Gathered)>,
    done: Vec<Scanned>,
    /// By entity of the merged facts, the runs that go on behind the pieces that are done.
    runs: HashMap<u32, OpenRuns>,
    /// Length in bytes when the file was opened, where it is known.
    length: Option<u64>,
}

impl Assembly {
    /// Takes the next piece out of those that wait.
    fn take_next(&mut self) -> Option<(Piece, Scanned, Gathered)> {
        let next = self.done.len() as u32;
        let at = self
            .waiting
            .iter()
            .position(|(piece, ..)| piece.number == next)?;
        Some(self.waiting.swap_remove(at))
    }

    /// Adds what the next piece gave to the merged facts.
    fn merge(&mut self, piece: &Piece, (facts, runs): &Gathered, merged: &mut Facts) {
        let entities = merged.merge(facts);
        for (&entity, &behind) in entities.iter().zip(runs) {
            let before = self.runs.remove(&entity).unwrap_or_default();
            let joined = merged.join_runs(entity, before, behind);
            self.runs.insert(entity, joined);
        }
        if piece.to == piece.length {
            for (entity, runs) in self.runs.drain() {
                merged.end_runs(entity, runs);
            }
        }
    }

    /// Sums up the pieces, and gives the number of lines before each.
    fn finish(self, quality: &mut FileQuality) -> Vec<u64> {
        let mut lines_before = Vec::with_capacity(self.done.len());
        for scanned in self.done {
            let before = quality.tally.lines();
            lines_before.push(before);
            let kept = scanned
                .malformed
                .into_iter()
                .take(KEPT - quality.malformed.len());
            quality.malformed.extend(kept.map(|bad| MalformedLine {
                line: before + bad.line,
                ..bad
            }));
            quality.tally += scanned.tally;
            quality.bytes += scanned.bytes;
            quality.bad_values += scanned.bad_values;
            if let Some(error) = scanned.error {
                quality.state = FileState::Broken(error.to_string());
            }
        }
        if let Some(length) = self.length
            && quality.bytes < length
            && quality.state == FileState::Read
        {
            quality.state = FileState::Broken(format!(
                "the file became shorter while it was read: {} of {length} bytes were there",
                quality.bytes
            ));
        }
        lines_before
    }
}

fn run(unit: &Unit, state: &State, options: &Options, progress: &dyn Progress) {
    let mut gatherer = Gatherer::new(&options.filter);
    match unit {
        Unit::Files(pieces) => {
            for piece in pieces {
                let scanned = scan_piece(piece, &piece.header, &mut gatherer, progress);
                lock(&state.files[piece.file]).done.push(scanned);
            }
            merge_whole(&gatherer.finish(), &mut lock(&state.merged));
        }
        Unit::Stream(file, stream) => {
            let Some(stream) = lock(stream).take() else {
                return;
            };
            let source = Reporting {
                stream,
                reported: 0,
                progress,
            };
            let scanned = scan(
                source,
                Position::START,
                u64::MAX,
                &options.fallback,
                |record, line| {
                    let place = Place {
                        file: *file as u32,
                        piece: 0,
                        line,
                    };
                    gatherer.record(record, place);
                },
            );
            let scanned = Scanned {
                bad_values: gatherer.bad_values(),
                ..scanned
            };
            lock(&state.files[*file]).done.push(scanned);
            merge_whole(&gatherer.finish(), &mut lock(&state.merged));
        }
        Unit::Piece(piece) => {
            let scanned = scan_piece(piece, &piece.header, &mut gatherer, progress);
            let mut assembly = lock(&state.files[piece.file]);
            assembly
                .waiting
                .push((piece.clone(), scanned, gatherer.finish()));
            while let Some((piece, mut scanned, mut gathered)) = assembly.take_next() {
                if let Some(before) = assembly.done.last()
                    && !before.header.reads_like(&piece.header)
                {
                    let mut again = Gatherer::new(&options.filter);
                    scanned = scan_piece(&piece, &before.header, &mut again, &());
                    gathered = again.finish();
                }
                assembly.done.push(scanned);
                assembly.merge(&piece, &gathered, &mut lock(&state.merged));
            }
        }
    }
}

/// Reads one piece of a plain file.
fn scan_piece(
    piece: &Piece,
    header: &Header,
    gatherer: &mut Gatherer<'_>,
    progress: &dyn Progress,
) -> Scanned {
    let bad_values = gatherer.bad_values();
    let place = |line| Place {
        file: piece.file as u32,
        piece: piece.number,
        line,
    };
    let range =
        File::open(&piece.path).and_then(|file| RangeReader::new(file, piece.from, piece.length));
    let scanned = match range {
        Ok(range) => {
            let position = Position {
                byte: range.start(),
                line: 1,
            };
            let scanned = scan(range, position, piece.to, header, |record, line| {
                gatherer.record(record, place(line));
            });
            progress.advance(piece.to - piece.from);
            scanned
        }
        Err(error) => Scanned {
            header: header.clone(),
            tally: Tally::default(),
            bytes: 0,
            bad_values: 0,
            malformed: Vec::new(),
            error: Some(error),
        },
    };
    Scanned {
        bad_values: gatherer.bad_values() - bad_values,
        ..scanned
    }
}

/// Reads the lines that start at `position` or behind it, and before `to`.
fn scan(
    source: impl Read,
    position: Position,
    to: u64,
    header: &Header,
    mut record: impl FnMut(&eas_log_parse::Record<'_, '_>, u32),
) -> Scanned {
    let mut log = LogReader::new(source).resume(position, header.clone());
    let mut scanned = Scanned {
        header: header.clone(),
        tally: Tally::default(),
        bytes: 0,
        bad_values: 0,
        malformed: Vec::new(),
        error: None,
    };
    while log.position().byte < to {
        match log.next_entry() {
            Ok(Some(entry)) => {
                scanned.tally.count(&entry);
                match &entry {
                    Entry::Record(found) => record(found, found.position().line as u32),
                    Entry::Malformed(bad) if scanned.malformed.len() < KEPT => {
                        scanned.malformed.push(MalformedLine {
                            line: bad.line.position.line,
                            kind: bad.fault.kind,
                            what: bad.fault.explain(bad.line.bytes).to_string(),
                        });
                    }
                    _ => {}
                }
            }
            Ok(None) => break,
            // What was read before the error is still to come.
            Err(error) => scanned.error = Some(error),
        }
    }
    scanned.bytes = log.position().byte - position.byte;
    scanned.header = log.header().clone();
    scanned
}
