//! From bytes to entries.
//!
//! [`LogSlice`] reads a log (or a piece of one) in memory, [`LogReader`] reads a stream. Both give
//! the same entries for the same bytes; a property test holds them to it.

use std::io::{self, Read};

use crate::fault::{Fault, FaultKind};
use crate::position::Position;
use crate::w3c::{Directive, Header, Line, Miscount, Record, Span, split};

/// Longest line that is read whole, in bytes. IIS limits a logged field to some kilobytes, so a
/// longer line is no log line; the limit bounds the memory that one can take.
pub const MAX_LINE: usize = 1 << 20;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One line of a log, and what it is.
///
/// ```
/// use eas_log_parse::{Entry, LogSlice};
/// let mut log = LogSlice::new(b"#Fields: time sc-status\n11:30:11 449\n11:30:12\n");
/// assert!(matches!(log.next_entry(), Some(Entry::Directive(..))));
/// let Some(Entry::Record(record)) = log.next_entry() else { panic!("no record") };
/// assert_eq!(record.sc_status(), Ok(Some(449)));
/// let Some(Entry::Malformed(malformed)) = log.next_entry() else { panic!("a value is missing") };
/// assert_eq!(malformed.line.position.line, 3);
/// ```
#[derive(Debug)]
pub enum Entry<'a, 'l> {
    /// A line of nothing but blanks.
    Blank(Line<'a>),
    /// A line that starts with `#`.
    Directive(Line<'a>, Directive<'a>),
    /// A line of values.
    Record(Record<'a, 'l>),
    /// A line that is none of these.
    Malformed(Malformed<'a>),
}

impl<'a> Entry<'a, '_> {
    /// The line itself.
    pub fn line(&self) -> Line<'a> {
        match self {
            Entry::Blank(line) | Entry::Directive(line, _) => *line,
            Entry::Record(record) => record.line,
            Entry::Malformed(malformed) => malformed.line,
        }
    }
}

/// A line that could not be read, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed<'a> {
    /// The line.
    pub line: Line<'a>,
    /// What is wrong with it, and at which offset of the line.
    pub fault: Fault,
}

/// What readers carry from line to line.
#[derive(Debug, Default)]
struct State {
    position: Position,
    header: Header,
    values: Vec<Span>,
}

impl State {
    /// Reads one line. `bytes` is without its line feed; `consumed` counts everything up to the
    /// next line, and `bytes` may hold less of it when the line is too long.
    #[inline]
    fn entry<'a, 'l>(
        &'l mut self,
        bytes: &'a [u8],
        consumed: u64,
        terminated: bool,
    ) -> Entry<'a, 'l> {
        let position = self.position;
        self.position.byte += consumed;
        self.position.line += 1;

        let too_long = consumed - u64::from(terminated) > MAX_LINE as u64;
        let mut bytes = bytes;
        if let [head @ .., b'\r'] = bytes
            && !too_long
        {
            bytes = head;
        }
        if position.byte == 0 {
            bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        }
        let line = Line {
            position,
            bytes,
            terminated,
        };
        if too_long {
            let fault = Fault::new(FaultKind::LineTooLong, MAX_LINE);
            return Entry::Malformed(Malformed { line, fault });
        }
        match bytes.first() {
            None => Entry::Blank(line),
            Some(b'#') => self.directive(line, line.bytes),
            Some(0 | 0xef) => self.after_filler(line),
            Some(b' ' | b'\t' | b'\r') => self.indented(line),
            Some(_) => self.record(line),
        }
    }

    fn directive<'a, 'l>(&'l mut self, line: Line<'a>, text: &'a [u8]) -> Entry<'a, 'l> {
        match Directive::parse(text) {
            Ok(directive) => {
                self.header.apply(&directive);
                Entry::Directive(line, directive)
            }
            Err(fault) => Entry::Malformed(Malformed { line, fault }),
        }
    }

    #[inline]
    fn record<'a, 'l>(&'l mut self, line: Line<'a>) -> Entry<'a, 'l> {
        let Some(layout) = self.header.layout() else {
            let fault = Fault::new(FaultKind::NoFields, 0);
            return Entry::Malformed(Malformed { line, fault });
        };
        match split(line.bytes, layout.len(), &mut self.values) {
            Ok(()) => Entry::Record(Record {
                line,
                layout,
                values: &self.values,
                date: self.header.date(),
            }),
            Err(miscount) => Entry::Malformed(miscounted(line, miscount)),
        }
    }

    /// A line that starts with NUL bytes, as they stand before the first line after a crash, or with
    /// a byte order mark, where logs were put together. What follows them is read; the offsets of a
    /// fault count from the start of the line.
    #[cold]
    fn after_filler<'a, 'l>(&'l mut self, line: Line<'a>) -> Entry<'a, 'l> {
        let nuls = line.bytes.iter().take_while(|&&b| b == 0).count();
        let text = &line.bytes[nuls..];
        let text = text.strip_prefix(BOM).unwrap_or(text);
        let filler = line.bytes.len() - text.len();
        match text.first() {
            Some(b'#') => self.directive(line, text),
            None if nuls == 0 => Entry::Blank(line),
            None => {
                let fault = Fault::new(FaultKind::NulBlock, 0);
                Entry::Malformed(Malformed { line, fault })
            }
            Some(_) => {
                let shifted = Line {
                    bytes: text,
                    ..line
                };
                match self.record(shifted) {
                    Entry::Malformed(Malformed { fault, .. }) => Entry::Malformed(Malformed {
                        line,
                        fault: Fault::new(fault.kind, filler + fault.at as usize),
                    }),
                    entry => entry,
                }
            }
        }
    }

    /// A line that starts with a blank: nothing, a directive that somebody indented, or a record
    /// whose first value is empty.
    #[cold]
    fn indented<'a, 'l>(&'l mut self, line: Line<'a>) -> Entry<'a, 'l> {
        if is_blank(line.bytes) {
            return Entry::Blank(line);
        }
        let text = line.bytes.trim_ascii_start();
        match Directive::parse(text) {
            Ok(Directive::Other { .. }) => self.record(line),
            _ if text.starts_with(b"#") => self.directive(line, text),
            _ => self.record(line),
        }
    }
}

fn is_blank(bytes: &[u8]) -> bool {
    bytes.iter().all(|&b| matches!(b, b' ' | b'\t' | b'\r'))
}

#[cold]
fn miscounted(line: Line<'_>, miscount: Miscount) -> Malformed<'_> {
    // NUL bytes inside a line explain any miscount: text was lost there.
    let fault = match memchr::memchr(0, line.bytes) {
        Some(at) => Fault::new(FaultKind::NulBlock, at),
        None if miscount.too_few && !line.terminated => {
            Fault::new(FaultKind::Unterminated, miscount.at)
        }
        None if miscount.too_few => Fault::new(FaultKind::TooFewValues, miscount.at),
        None => Fault::new(FaultKind::TooManyValues, miscount.at),
    };
    Malformed { line, fault }
}

/// Reads a log, or a piece of one, in memory. Allocates nothing per line.
///
/// ```
/// use eas_log_parse::{Entry, LogSlice};
///
/// let mut log = LogSlice::new(b"#Fields: date time sc-status\n2011-05-06 11:30:11 449\n");
/// let mut statuses = Vec::new();
/// while let Some(entry) = log.next_entry() {
///     if let Entry::Record(record) = entry {
///         statuses.push(record.sc_status().unwrap());
///     }
/// }
/// assert_eq!(statuses, [Some(449)]);
/// ```
#[derive(Debug)]
pub struct LogSlice<'a> {
    rest: &'a [u8],
    state: State,
}

impl<'a> LogSlice<'a> {
    /// Reads a whole log from its start.
    pub fn new(bytes: &'a [u8]) -> LogSlice<'a> {
        LogSlice::resume(bytes, Position::START, Header::default())
    }

    /// Reads a piece of a log that starts at this position, a line start, where this header is in
    /// force.
    pub fn resume(bytes: &'a [u8], position: Position, header: Header) -> LogSlice<'a> {
        LogSlice {
            rest: bytes,
            state: State {
                position,
                header,
                values: Vec::new(),
            },
        }
    }

    /// The next line, or `None` at the end.
    #[inline]
    pub fn next_entry(&mut self) -> Option<Entry<'a, '_>> {
        if self.rest.is_empty() {
            return None;
        }
        let (length, terminated) = match memchr::memchr(b'\n', self.rest) {
            Some(at) => (at, true),
            None => (self.rest.len(), false),
        };
        let consumed = length + usize::from(terminated);
        let line = &self.rest[..length.min(MAX_LINE)];
        self.rest = &self.rest[consumed..];
        Some(self.state.entry(line, consumed as u64, terminated))
    }

    /// Where the next line stands.
    pub fn position(&self) -> Position {
        self.state.position
    }

    /// The directives in force for the next line.
    pub fn header(&self) -> &Header {
        &self.state.header
    }
}

/// Reads a log from a stream, through a buffer that grows to the longest line and no further than
/// [`MAX_LINE`]. No further buffering is needed around the stream.
///
/// ```
/// use eas_log_parse::{Entry, LogReader};
///
/// let mut log = LogReader::new(&b"#Fields: time sc-status\n11:30:11 449\n"[..]);
/// let mut records = 0;
/// while let Some(entry) = log.next_entry()? {
///     if let Entry::Record(_) = entry {
///         records += 1;
///     }
/// }
/// assert_eq!(records, 1);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct LogReader<R> {
    source: R,
    buffer: Vec<u8>,
    /// The part of the buffer that is read from the source and not yet given out.
    start: usize,
    end: usize,
    at_end: bool,
    /// An error that comes behind the line that it cut short.
    error: Option<io::Error>,
    state: State,
}

/// Buffer of a [`LogReader`] unless asked otherwise, in bytes.
const BUFFER: usize = 256 << 10;

impl<R: Read> LogReader<R> {
    /// Reads a log from the start of a stream.
    pub fn new(source: R) -> LogReader<R> {
        LogReader::with_capacity(BUFFER, source)
    }

    /// Reads through a buffer of this many bytes (at least one), which grows where a line needs it.
    pub fn with_capacity(capacity: usize, source: R) -> LogReader<R> {
        LogReader::with_buffer(vec![0; capacity.max(1)], 0, source)
    }

    /// Reads through this buffer, which grows where a line needs it. Its first `read` bytes, or all if it
    /// has fewer, were read from the source before: they come first.
    ///
    /// ```
    /// use eas_log_parse::LogReader;
    ///
    /// let mut buffer = b"#Fields: time\n11:30:11\n".to_vec();
    /// let read = buffer.len();
    /// for rest in ["", "11:30:12\n"] {
    ///     let mut log = LogReader::with_buffer(buffer, read, rest.as_bytes());
    ///     let mut lines = 0;
    ///     while log.next_entry()?.is_some() {
    ///         lines += 1;
    ///     }
    ///     assert_eq!(lines, 2 + rest.lines().count());
    ///     buffer = log.into_buffer();
    ///     buffer[..read].copy_from_slice(b"#Fields: time\n11:30:11\n");
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn with_buffer(buffer: Vec<u8>, read: usize, source: R) -> LogReader<R> {
        LogReader {
            source,
            start: 0,
            end: read.min(buffer.len()),
            buffer,
            at_end: false,
            error: None,
            state: State::default(),
        }
    }

    /// The buffer, to be used for another log. What stands in it is of no more use.
    pub fn into_buffer(self) -> Vec<u8> {
        self.buffer
    }

    /// Reads on from this position, a line start, with this header in force: for a piece of a log,
    /// or for a log that has lost its own `#Fields`.
    #[must_use]
    pub fn resume(mut self, position: Position, header: Header) -> LogReader<R> {
        self.state.position = position;
        self.state.header = header;
        self
    }

    /// The next line, or `None` at the end.
    ///
    /// # Errors
    /// What the source gives, but for interruptions, which are retried. After an error the source is
    /// taken to be at its end: what was read before it can still be had.
    pub fn next_entry(&mut self) -> io::Result<Option<Entry<'_, '_>>> {
        let mut searched = 0;
        let (length, terminated) = loop {
            let window = &self.buffer[self.start + searched..self.end];
            if let Some(at) = memchr::memchr(b'\n', window) {
                break (searched + at, true);
            }
            searched += window.len();
            if self.at_end || searched > MAX_LINE {
                break (searched, false);
            }
            self.fill()?;
        };
        if length == 0 && !terminated {
            return self.error.take().map_or(Ok(None), Err);
        }
        if !terminated && !self.at_end {
            return Ok(Some(self.overlong(length)));
        }
        let line_start = self.start;
        let consumed = length + usize::from(terminated);
        self.start += consumed;
        let line = &self.buffer[line_start..line_start + length.min(MAX_LINE)];
        Ok(Some(self.state.entry(line, consumed as u64, terminated)))
    }

    /// Passes over the rest of a line that is longer than the limit, keeping its head.
    #[cold]
    fn overlong(&mut self, length: usize) -> Entry<'_, '_> {
        let head: Vec<u8> = self.buffer[self.start..self.start + MAX_LINE].to_vec();
        let mut consumed = length as u64;
        self.start += length;
        let terminated = loop {
            let window = &self.buffer[self.start..self.end];
            if let Some(at) = memchr::memchr(b'\n', window) {
                self.start += at + 1;
                consumed += at as u64 + 1;
                break true;
            }
            consumed += window.len() as u64;
            self.start = self.end;
            if self.at_end {
                break false;
            }
            // The line counts, so the error comes behind it.
            self.error = self.fill().err();
        };
        // The head takes the place of bytes already given out, or of room at the end.
        self.buffer.splice(..self.start, head);
        self.end = self.end - self.start + MAX_LINE;
        self.start = MAX_LINE;
        self.state
            .entry(&self.buffer[..MAX_LINE], consumed, terminated)
    }

    /// Reads more, after making room: by moving what is left to the front, then by growing.
    fn fill(&mut self) -> io::Result<()> {
        if self.start > 0 && self.end == self.buffer.len() {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize((self.buffer.len() * 2).max(1), 0);
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.at_end = true;
                    return Ok(());
                }
                Ok(n) => {
                    self.end += n;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.at_end = true;
                    return Err(error);
                }
            }
        }
    }

    /// Where the next line stands.
    pub fn position(&self) -> Position {
        self.state.position
    }

    /// The directives in force for the next line.
    pub fn header(&self) -> &Header {
        &self.state.header
    }

    /// Gives the source back. What is buffered is lost.
    pub fn into_inner(self) -> R {
        self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the lines behind `#Fields: a b` are, and the values of the records.
    fn read(lines: &[u8]) -> Vec<String> {
        let log = [b"#Fields: a b\r\n", lines].concat();
        let mut log = LogSlice::new(&log);
        let mut told = Vec::new();
        log.next_entry();
        while let Some(entry) = log.next_entry() {
            told.push(match entry {
                Entry::Blank(_) => "blank".to_owned(),
                Entry::Directive(..) => "directive".to_owned(),
                Entry::Malformed(malformed) => {
                    format!("{} at {}", malformed.fault.kind, malformed.fault.at)
                }
                Entry::Record(record) => {
                    let value = |name: &[u8]| record.get_named(name).map(<[u8]>::escape_ascii);
                    let [a, b] = [value(b"a"), value(b"b")].map(|value| match value {
                        Some(value) => value.to_string(),
                        None => "-".to_owned(),
                    });
                    format!("a={a} b={b}")
                }
            });
        }
        told
    }

    #[test]
    fn what_stands_before_a_line() {
        let cases: [(&[u8], &[&str]); 12] = [
            (b"\0\0one two", &["a=one b=two"]),
            (b"\0\0", &["nul_block at 0"]),
            (b"\0\0one", &["too_few_values at 5"]),
            // Logs that were put together, each with its byte order mark.
            (
                b"\xef\xbb\xbf#Fields: b a\none two",
                &["directive", "a=two b=one"],
            ),
            (
                b"\0\xef\xbb\xbf#Fields: b a\none two",
                &["directive", "a=two b=one"],
            ),
            (b"\xef\xbb\xbf", &["blank"]),
            (b"\xef\xbb\xbfone two", &["a=one b=two"]),
            (b"\xef\xbb\xbfone two three", &["too_many_values at 11"]),
            (b"\xc3\xaf\xef two", &["a=\\xc3\\xaf\\xef b=two"]),
            // Indented by hand.
            (b" \t#Fields: b a\none two", &["directive", "a=two b=one"]),
            (b" #hash", &["a=- b=#hash"]),
            (b"  \t\r", &["blank"]),
        ];
        for (lines, want) in cases {
            // A line that is cut short is told from one that is whole.
            let whole = [lines, b"\n"].concat();
            assert_eq!(read(&whole), want, "{}", lines.escape_ascii());
        }
    }

    #[test]
    fn a_buffer_of_any_size_will_do() {
        let log = b"#Fields: a b\n1 2\n3 4\n";
        let mut tried = 0;
        for read in 0..=log.len() {
            for room in [0, 1, 7, 100] {
                let mut buffer = log[..read].to_vec();
                buffer.resize(read + room, b'x');
                let mut log = LogReader::with_buffer(buffer, read, &log[read..]);
                let mut lines = 0;
                while log.next_entry().unwrap().is_some() {
                    lines += 1;
                }
                assert_eq!((lines, log.position().byte), (3, 21), "{read}, {room}");
                tried += 1;
            }
        }
        assert_eq!(tried, 22 * 4);
    }
}
