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
    let scanned = scan(source, Position::START, u64::MAX, header, |record, line| {
        gatherer.record(record, place(line));
    });
    Scanned {
        bad_values: gatherer.bad_values() - bad_values,
        not_told_apart: gatherer.not_told_apart() - not_told_apart,
        ..scanned
    }
}

/// Reads one piece of a plain file.
pub(super) fn scan_piece(
    piece: &Piece<'_>,
    header: &Header,
    gatherer: &mut Gatherer<'_>,
    progress: &dyn Progress,
) -> Scanned {
    let (bad_values, not_told_apart) = (gatherer.bad_values(), gatherer.not_told_apart());
    let place = |line| Place {
        file: piece.file as u32,
        piece: piece.number,
        line,
    };
    let range =
        File::open(piece.path).and_then(|file| RangeReader::new(file, piece.from, piece.length));
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

/// Reads the lines that start at `position` or behind it, and before `to`.
pub(super) fn scan(
    source: impl Read,
    position: Position,
    to: u64,
    header: &Header,
    mut record: impl FnMut(&eas_log_parse::Record<'_, '_>, u32),
) -> Scanned {
    let mut log = LogReader::new(source).resume(position, header.clone());
    let mut scanned = Scanned::nothing(header);
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
    scanned.bytes = log.position().byte - position.byte;
    scanned.header = log.header().clone();
    scanned
}
