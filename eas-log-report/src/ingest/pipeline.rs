//! The fan-out: files and spans of files to threads, and their facts together.
//!
//! Each thread gathers the facts of all that it reads in one place, since putting facts together
//! costs about as much as gathering them. Whole files come first, small ones last, each of which is
//! opened, looked at and read at once. A thread that finds none takes over the back half of the file
//! that another has most left of. It reads that by the header that the other is at, or that the first
//! bytes of the file tell, and keeps its facts apart. A stream cannot be cut: a thread that finds
//! nothing else decompresses what another reads. Few logs change their fields on the way: where one
//! did just between the two, the span was read wrongly, which shows at the end, and it is read again.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use eas_log_parse::{Header, LogReader};
use rayon::prelude::*;

use super::ahead::Offer;
use super::filter::Filter;
use super::found::{Found, SMALL, became_shorter};
use super::gather::{Bounds, Gathered, Gatherer, Kept, Strangers};
use super::quality::{FileQuality, FileState, MalformedLine, Quality, keep};
use super::scan::{Piece, Scanned, scan_piece, scan_stream};
use super::spans::{Plain, Queue, Small, Span, Task};
use crate::facts::{Facts, Followed, Place};
use crate::input::{RangeReader, Source, Stream, open_small, open_stream};

/// How to read.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which requests are wanted.
    pub filter: Filter,
    /// Number of threads.
    pub threads: usize,
    /// Whether to keep the lines of the requests that count.
    pub keep_lines: bool,
    /// Size of a piece of a file in bytes.
    pub piece_size: u64,
    /// In force until the first directive: the fields of logs that have lost their own.
    pub fallback: Header,
}

/// Size of a piece unless asked otherwise: large enough that opening a file for each costs little,
/// small enough that all threads have work to the end.
const PIECE_SIZE: u64 = 2 << 20;

impl Default for Options {
    fn default() -> Self {
        Options {
            filter: Filter::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            keep_lines: false,
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
    /// The requests with their lines, if they were wanted, in the order of time.
    pub kept: Vec<Kept>,
    lines_before: Vec<Vec<u64>>,
}

impl Ingested {
    /// Facts whose places tell lines of whole files, and not of pieces.
    pub(crate) fn whole_files(facts: Facts, quality: Quality) -> Ingested {
        let lines_before = quality.files.iter().map(|_| vec![0]).collect();
        Ingested {
            facts,
            quality,
            lines_before,
            ..Ingested::default()
        }
    }

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

/// Reads all sources. Twice, if strangers have invented more senders than are told apart: which of them
/// are is known only at the end.
pub fn ingest(sources: &[Source], options: &Options, progress: &dyn Progress) -> Ingested {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads);
    // Without threads the work is done all the same.
    let pool = pool.build().ok();
    let found = Found::look(sources, options, pool.as_ref());
    let reading = Reading {
        sources,
        found: &found,
        options,
        progress,
        pool: pool.as_ref(),
        bounds: Bounds::default(),
        gives_up: found.lasts,
    };
    let (ingested, strangers) = reading.all();
    if !reading.gives_up || !strangers.is_surprised() {
        return ingested;
    }
    drop(ingested);
    let again = Reading {
        bounds: strangers.into_bounds(),
        gives_up: false,
        ..reading
    };
    again.all().0
}

/// A way through all sources.
struct Reading<'r> {
    sources: &'r [Source],
    /// What they are.
    found: &'r Found,
    options: &'r Options,
    progress: &'r dyn Progress,
    pool: Option<&'r rayon::ThreadPool>,
    /// Who is told apart.
    bounds: Bounds,
    /// Whether to give up where more senders come than are told apart.
    gives_up: bool,
}

impl Reading<'_> {
    fn all(&self) -> (Ingested, Strangers) {
        let &Reading {
            found,
            options,
            pool,
            ..
        } = self;
        let Found { plain, .. } = found;
        self.progress.begin(found.bytes);
        let state = State {
            queue: Mutex::new(Queue::new(found, &options.fallback)),
            collected: Mutex::default(),
        };
        loop {
            let worker = || Worker::new(self, plain, &state).run();
            match pool {
                Some(pool) => {
                    pool.broadcast(|_| worker());
                }
                None => worker(),
            }
            let mut collected = lock(&state.collected);
            let wrong = collected.take_wrong();
            if wrong.is_empty() {
                break;
            }
            drop(collected);
            lock(&state.queue).add(wrong);
        }

        let collected = state.collected.into_inner();
        let mut collected = collected.unwrap_or_else(PoisonError::into_inner);
        let files = self.sources.iter();
        let mut files: Vec<FileQuality> = files.map(|file| FileQuality::new(file.name())).collect();
        let unread = found.unread.iter().cloned();
        for (file, state) in unread.chain(collected.unread.drain(..)) {
            files[file].state = state;
        }
        let shares = collected.shares();
        let whole = match pool {
            Some(pool) => pool.install(|| {
                let shares = shares.into_par_iter();
                shares.reduce(Share::default, Share::merge)
            }),
            None => shares.into_iter().fold(Share::default(), Share::merge),
        };
        let (gathered, done) = whole.finish(plain);
        let mut lines_before: Vec<Vec<u64>> = files.iter().map(|_| Vec::new()).collect();
        for (file, pieces) in done {
            lines_before[file] = sum_up(pieces, &mut files[file]);
        }
        for plain in plain {
            let quality = &mut files[plain.file];
            if quality.state == FileState::Read
                && let Some(what) = became_shorter(quality.bytes, plain.length)
            {
                quality.state = FileState::Broken(what);
            }
        }
        let ingested = Ingested {
            facts: gathered.facts,
            quality: Quality { files },
            kept: gathered.kept,
            lines_before,
        };
        (ingested, gathered.strangers)
    }

    fn gatherer(&self) -> Gatherer<'_> {
        let mut gatherer = Gatherer::new(&self.options.filter);
        if self.options.keep_lines {
            gatherer.keep_lines();
        }
        gatherer.keep_within(&self.bounds, self.gives_up);
        gatherer
    }
}

/// Sums up the pieces of a file, and gives the number of lines before each.
fn sum_up(pieces: Vec<Scanned>, quality: &mut FileQuality) -> Vec<u64> {
    let mut lines_before = Vec::with_capacity(pieces.len());
    for scanned in pieces {
        let before = quality.tally.lines();
        lines_before.push(before);
        for bad in scanned.malformed {
            keep(&mut quality.malformed, bad.kind, || MalformedLine {
                line: before + bad.line,
                ..bad
            });
        }
        quality.tally += scanned.tally;
        quality.bytes += scanned.bytes;
        quality.bad_values += scanned.bad_values;
        quality.not_told_apart += scanned.not_told_apart;
        if let Some(error) = scanned.error {
            quality.state = FileState::Broken(error.to_string());
        }
    }
    lines_before
}

/// What the threads share.
struct State {
    queue: Mutex<Queue>,
    collected: Mutex<Collected>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the threads have read.
#[derive(Default)]
struct Collected {
    /// What threads that are done have read rightly.
    right: Option<Share>,
    /// Spans that were read by a header that has yet to prove right, with their facts.
    apart: Vec<(Done, Gathered)>,
    /// Streams and small files that turned out not to be for reading.
    unread: Vec<(usize, FileState)>,
}

/// What one thread has read, or what several have.
#[derive(Default)]
struct Share {
    /// What was gathered, without what may go on.
    gathered: Gathered,
    /// The spans that it is gathered from.
    spans: Vec<Done>,
}

/// A span that is read.
struct Done {
    span: Span,
    /// Its pieces in order.
    pieces: Vec<Scanned>,
    /// What goes on beyond it, if it is not the whole file, by the entities of the facts that it is
    /// gathered in.
    followed: Vec<(u32, Followed)>,
}

impl Done {
    /// The header in force behind the span, if this one is before it.
    fn end_of(&self, header: &Header) -> Header {
        let pieces = self.pieces.iter();
        pieces.fold(header.clone(), |header, piece| header.then(&piece.said))
    }

    /// Whether it was read as it is read by this header.
    fn is_read_by(&self, right: &Header) -> bool {
        let header = &self.span.header;
        let undated = |piece: &&Scanned| piece.said.date().is_none();
        let before_date = self.pieces.iter().take_while(undated);
        let first_dated = self.pieces.iter().find(|piece| !undated(piece));
        let needs_date = before_date.chain(first_dated).any(|piece| piece.needs_date);
        header.reads_like(right) && (header.date() == right.date() || !needs_date)
    }
}

impl Collected {
    /// Takes out the spans that were read by a wrong header, each with the right one.
    fn take_wrong(&mut self) -> Vec<Span> {
        let place = |done: &Done| (done.span.file, done.span.first);
        let spans = match &mut self.right {
            Some(share) => share.spans.as_mut_slice(),
            None => &mut [],
        };
        spans.sort_by_key(place);
        self.apart.sort_by_key(|(done, _)| place(done));
        let mut spans = spans.iter().peekable();
        let mut wrong = Vec::new();
        let mut right = Header::default();
        for (done, gathered) in std::mem::take(&mut self.apart) {
            while let Some(before) = spans.next_if(|before| place(before) < place(&done)) {
                right = before.end_of(&before.span.header);
            }
            let end = done.end_of(&right);
            if done.is_read_by(&right) {
                self.apart.push((done, gathered));
            } else {
                wrong.push(done.span.again(right));
            }
            right = end;
        }
        wrong
    }

    /// All that was read, none of which is wrong any more.
    fn shares(self) -> Vec<Share> {
        let apart = self.apart.into_iter().map(|(mut done, mut gathered)| {
            let followed = std::mem::take(&mut gathered.followed);
            let followed = (0..).zip(followed);
            done.followed = followed.filter(|(_, of)| !of.is_empty()).collect();
            Share {
                gathered,
                spans: vec![done],
            }
        });
        self.right.into_iter().chain(apart).collect()
    }
}

impl Share {
    /// Both together.
    fn merge(mut self, mut other: Share) -> Share {
        // To put few things to many costs less than many to few.
        if self.size() < other.size() {
            std::mem::swap(&mut self, &mut other);
        }
        if other.spans.is_empty() {
            return self;
        }
        let entities = self.gathered.merge(other.gathered);
        for mut done in other.spans {
            for (entity, _) in &mut done.followed {
                *entity = entities[*entity as usize];
            }
            self.spans.push(done);
        }
        self
    }

    fn size(&self) -> (usize, usize) {
        (self.gathered.facts.cells.len(), self.spans.len())
    }

    /// All facts together, and the pieces of each file in order.
    fn finish(mut self, plain: &[Plain]) -> (Gathered, HashMap<usize, Vec<Scanned>>) {
        self.spans
            .sort_by_key(|done| (done.span.file, done.span.first));
        let mut files = HashMap::new();
        for spans in self.spans.chunk_by_mut(|a, b| a.span.file == b.span.file) {
            let facts = &mut self.gathered.facts;
            let file = spans[0].span.file;
            let mut pieces = Vec::new();
            let mut open: Vec<(u32, usize, &mut Followed)> = Vec::new();
            for (number, done) in spans.iter_mut().enumerate() {
                if number == 0 {
                    pieces = std::mem::take(&mut done.pieces);
                } else {
                    pieces.append(&mut done.pieces);
                }
                let followed = done.followed.iter_mut();
                open.extend(followed.map(|(entity, followed)| (*entity, number, followed)));
            }
            open.sort_unstable_by_key(|&(entity, number, _)| (entity, number));
            for of_entity in open.chunk_by_mut(|a, b| a.0 == b.0) {
                let entity = of_entity[0].0;
                let mut followed = Followed::default();
                for (_, _, behind) in of_entity {
                    let behind = std::mem::take(*behind);
                    followed.then(behind, &mut |found| facts.take_found(entity, found));
                }
                followed.end(&mut |found| facts.take_found(entity, found));
            }
            files.insert(file, pieces);
        }
        debug_assert!(plain.iter().all(|plain| {
            files
                .get(&plain.file)
                .is_some_and(|pieces| pieces.len() == plain.pieces as usize)
        }));
        self.gathered.kept.sort_unstable_by_key(|kept| kept.at);
        (self.gathered, files)
    }
}

/// A thread at work.
struct Worker<'w> {
    reading: &'w Reading<'w>,
    plain: &'w [Plain],
    state: &'w State,
    /// Gathers what is known to be read rightly.
    own: Gatherer<'w>,
    spans: Vec<Done>,
    /// The buffer of small files.
    buffer: Vec<u8>,
}

impl<'w> Worker<'w> {
    fn new(reading: &'w Reading<'w>, plain: &'w [Plain], state: &'w State) -> Worker<'w> {
        let mut own = reading.gatherer();
        // Not what is gathered apart, of which there may be much at once.
        own.reserve();
        Worker {
            reading,
            plain,
            state,
            own,
            spans: Vec::new(),
            buffer: Vec::new(),
        }
    }

    fn run(mut self) {
        loop {
            let task = lock(&self.state.queue).begin();
            match task {
                None => break,
                Some(Task::Help(helper)) => helper.run(),
                Some(Task::Stream(file, offer)) => self.read_stream(file, offer),
                Some(Task::Small(small)) => self.read_small(small),
                Some(Task::Span(span)) if span.first == 0 => {
                    let (span, pieces) = read_span(
                        span,
                        self.plain,
                        self.state,
                        &mut self.own,
                        self.reading.progress,
                    );
                    // Others were faster.
                    if pieces.is_empty() {
                        continue;
                    }
                    let whole = pieces.len() == self.plain[span.plain].pieces as usize;
                    self.spans.push(Done {
                        span,
                        pieces,
                        followed: if whole {
                            Vec::new()
                        } else {
                            self.own.take_followed()
                        },
                    });
                }
                Some(Task::Span(span)) => {
                    let mut apart = self.reading.gatherer();
                    apart.read_behind_others();
                    let (span, pieces) = read_span(
                        span,
                        self.plain,
                        self.state,
                        &mut apart,
                        self.reading.progress,
                    );
                    if pieces.is_empty() {
                        continue;
                    }
                    let done = Done {
                        span,
                        pieces,
                        followed: Vec::new(),
                    };
                    lock(&self.state.collected)
                        .apart
                        .push((done, apart.finish()));
                }
            }
        }
        if self.own.has_given_up() {
            for done in &mut self.spans {
                done.followed.clear();
            }
        }
        let mut gathered = self.own.finish();
        let followed = std::mem::take(&mut gathered.followed);
        let facts = &mut gathered.facts;
        for (entity, mut followed) in (0..).zip(followed) {
            followed.end(&mut |found| facts.take_found(entity, found));
        }
        let mut share = Share {
            gathered,
            spans: self.spans,
        };
        // Whoever is done later puts the two together, while others go on.
        loop {
            let mut collected = lock(&self.state.collected);
            let Some(other) = collected.right.take() else {
                collected.right = Some(share);
                break;
            };
            drop(collected);
            share = share.merge(other);
        }
    }

    fn read_stream(&mut self, file: usize, offer: Offer<Stream>) {
        let &Reading {
            sources,
            options,
            progress,
            ..
        } = self.reading;
        let fallback = &options.fallback;
        let state = match open_stream(&sources[file], fallback) {
            Ok(Ok(stream)) => {
                let own = &mut self.own;
                let scanned = scan_stream(file, stream, offer, fallback, own, progress);
                self.spans.push(Done {
                    span: Span::whole(file, fallback),
                    pieces: vec![scanned],
                    followed: Vec::new(),
                });
                return;
            }
            Ok(Err(reason)) => FileState::Skipped(reason),
            Err(error) => FileState::Unreadable(error.to_string()),
        };
        self.leave_unread(file, sources[file].size().unwrap_or(0), state);
    }

    fn read_small(&mut self, Small { file, length }: Small) {
        let &Reading {
            sources,
            options,
            progress,
            ..
        } = self.reading;
        let Source::File(path) = &sources[file] else {
            return;
        };
        let fallback = &options.fallback;
        // One byte more, so that the end shows without room for more.
        let room = (SMALL as usize).max(length) + 1;
        self.buffer.resize(self.buffer.len().max(room), 0);
        let state = match open_small(path, length, fallback, &mut self.buffer) {
            Ok(Some(Ok((read, opened)))) => {
                let piece = Piece {
                    file,
                    number: 0,
                    path,
                    from: 0,
                    to: length as u64,
                    length: length as u64,
                };
                let rest = RangeReader::behind(read as u64, opened, piece.length);
                let buffer = std::mem::take(&mut self.buffer);
                let mut reader = Some(LogReader::with_buffer(buffer, read, rest));
                let scanned = scan_piece(&piece, fallback, &mut reader, &mut self.own, progress);
                self.buffer = reader.map_or_else(Vec::new, LogReader::into_buffer);
                let shorter = became_shorter(scanned.bytes, piece.length);
                // Nothing is read behind it, and there may be many.
                let scanned = Scanned {
                    error: scanned.error.or(shorter.map(io::Error::other)),
                    header: Header::default(),
                    said: Header::default(),
                    ..scanned
                };
                self.spans.push(Done {
                    span: Span::whole(file, fallback),
                    pieces: vec![scanned],
                    followed: Vec::new(),
                });
                return;
            }
            Ok(None) => return lock(&self.state.queue).add_stream(file),
            Ok(Some(Err(reason))) => FileState::Skipped(reason),
            Err(error) => FileState::Unreadable(error.to_string()),
        };
        self.leave_unread(file, length as u64, state);
    }

    /// Notes a file of this size that is not for reading.
    fn leave_unread(&self, file: usize, size: u64, state: FileState) {
        self.reading.progress.advance(size);
        lock(&self.state.collected).unread.push((file, state));
    }
}

/// Reads the pieces of a span as long as the span has some: another thread may take over its end.
fn read_span(
    mut span: Span,
    plain: &[Plain],
    state: &State,
    gatherer: &mut Gatherer<'_>,
    progress: &dyn Progress,
) -> (Span, Vec<Scanned>) {
    let file = &plain[span.plain];
    let mut header = span.header.clone();
    let mut pieces = Vec::new();
    let mut reader = None;
    loop {
        let next = lock(&state.queue).next_piece(&span, &header);
        let Some(number) = next else { break };
        let piece = Piece {
            file: file.file,
            number,
            path: &file.path,
            from: u64::from(number) * file.piece_size,
            to: (u64::from(number + 1) * file.piece_size).min(file.length),
            length: file.length,
        };
        let scanned = scan_piece(&piece, &header, &mut reader, gatherer, progress);
        header = scanned.header.clone();
        pieces.push(scanned);
    }
    span.end = span.first + pieces.len() as u32;
    (span, pieces)
}
