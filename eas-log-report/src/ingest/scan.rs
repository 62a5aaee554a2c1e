//! Reading one piece of a file, or a stream: lines to whoever takes records.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eas_log_parse::{Entry, Header, LogReader, Position, Tally};

use super::ahead::{Ahead, Offer};
use super::gather::Gatherer;
use super::pipeline::Progress;
use super::quality::{MalformedLine, keep};
use crate::facts::Place;
use crate::input::{RangeReader, Stream};

/// What reading one piece gave, but for its facts.
#[derive(Debug)]
pub(super) struct Scanned {
    /// The directives in force at its end.
    pub(super) header: Header,
    /// What its own directives say.
    pub(super) said: Header,
    /// Whether lines have their day from a `#Date` that stands before it.
    pub(super) needs_date: bool,
    pub(super) tally: Tally,
    pub(super) bytes: u64,
    pub(super) bad_values: u64,
    pub(super) not_told_apart: u64,
    pub(super) malformed: Vec<MalformedLine>,
    pub(super) error: Option<io::Error>,
}

impl Scanned {
    /// Nothing has been read yet, and this header is in force.
    fn nothing(header: &Header) -> Scanned {
        Scanned {
            header: header.clone(),
            said: Header::default(),
            needs_date: header.needs_date(),
            tally: Tally::default(),
            bytes: 0,
            bad_values: 0,
            not_told_apart: 0,
            malformed: Vec::new(),
            error: None,
        }
    }
}

/// A stream that tells how far its source on disk is read.
struct Reporting<'p> {
    stream: Ahead<Stream>,
    consumed: Arc<AtomicU64>,
    reported: u64,
    progress: &'p dyn Progress,
}

impl Read for Reporting<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.stream.read(buffer);
        let consumed = self.consumed.load(Ordering::Relaxed);
        self.progress.advance(consumed - self.reported);
        self.reported = consumed;
        result
    }
}

/// A piece of a plain file.
pub(super) struct Piece<'p> {
    /// Number of the file.
    pub(super) file: usize,
    /// Number of the piece within the file.
    pub(super) number: u32,
    pub(super) path: &'p Path,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Length of the file.
    pub(super) length: u64,
}

/// Buffer of a reader of lines, in bytes. A small file needs less.
const BUFFER: u64 = 256 << 10;

/// Reads a stream, and gives its decompression away if that is accepted.
pub(super) fn scan_stream(
    file: usize,
    stream: Stream,
    offer: Offer<Stream>,
    header: &Header,
    gatherer: &mut Gatherer<'_>,
    progress: &dyn Progress,
) -> Scanned {
    let (bad_values, not_told_apart) = (gatherer.bad_values(), gatherer.not_told_apart());
    let source = Reporting {
        consumed: stream.consumption(),
        stream: Ahead::new(stream, offer),
        reported: 0,
        progress,
    };
    let place = |line| Place {
        file: file as u32,
        piece: 0,
        line,
    };
    let mut log = LogReader::new(source).resume(Position::START, header.clone());
    let scanned = scan(&mut log, u64::MAX, |record, line| {
        gatherer.record(record, place(line));
    });
    Scanned {
        bad_values: gatherer.bad_values() - bad_values,
        not_told_apart: gatherer.not_told_apart() - not_told_apart,
        ..scanned
    }
}

/// What reads the pieces of a span, one after the other.
pub(super) type PieceReader = LogReader<RangeReader>;

/// Reads one piece of a plain file. `reader` has read the piece before it, and is left to who reads
/// the next.
pub(super) fn scan_piece(
    piece: &Piece<'_>,
    header: &Header,
    reader: &mut Option<PieceReader>,
    gatherer: &mut Gatherer<'_>,
    progress: &dyn Progress,
) -> Scanned {
    let (bad_values, not_told_apart) = (gatherer.bad_values(), gatherer.not_told_apart());
    let place = |line| Place {
        file: piece.file as u32,
        piece: piece.number,
        line,
    };
    let scanned = match reader.take().map_or_else(|| open(piece), Ok) {
        Ok(log) => {
            let start = Position {
                byte: log.position().byte,
                line: 1,
            };
            let mut log = log.resume(start, header.clone());
            let scanned = scan(&mut log, piece.to, |record, line| {
                gatherer.record(record, place(line));
            });
            progress.advance(piece.to - piece.from);
            // Behind an error nothing more would come of it.
            *reader = scanned.error.is_none().then_some(log);
            scanned
        }
        Err(error) => Scanned {
            error: Some(error),
            ..Scanned::nothing(header)
        },
    };
    Scanned {
        bad_values: gatherer.bad_values() - bad_values,
        not_told_apart: gatherer.not_told_apart() - not_told_apart,
        ..scanned
    }
}

/// Opens the file of a piece where the piece begins.
fn open(piece: &Piece<'_>) -> io::Result<PieceReader> {
    let file = File::open(piece.path)?;
    let range = RangeReader::new(file, piece.from, piece.length)?;
    let start = Position {
        byte: range.start(),
        line: 1,
    };
    // One byte more, so that the end shows without room for more.
    let room = BUFFER.min(piece.length - range.start() + 1) as usize;
    Ok(LogReader::with_capacity(room, range).resume(start, Header::default()))
}

/// Reads the lines from where a log is at to the first that starts at `to` or behind it.
pub(super) fn scan(
    log: &mut LogReader<impl Read>,
    to: u64,
    mut record: impl FnMut(&eas_log_parse::Record<'_, '_>, u32),
) -> Scanned {
    let start = log.position().byte;
    let mut scanned = Scanned::nothing(log.header());
    while log.position().byte < to {
        match log.next_entry() {
            Ok(Some(entry)) => {
                scanned.tally.count(&entry);
                match &entry {
                    Entry::Record(found) => record(found, found.position().line as u32),
                    Entry::Directive(_, directive) => {
                        scanned.said.apply(directive);
                        scanned.needs_date |=
                            scanned.said.needs_date() && scanned.said.date().is_none();
                    }
                    Entry::Malformed(bad) => {
                        keep(&mut scanned.malformed, bad.fault.kind, || MalformedLine {
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
    scanned.bytes = log.position().byte - start;
    scanned.header = log.header().clone();
    scanned
}
