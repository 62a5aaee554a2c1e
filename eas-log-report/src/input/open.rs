//! Opening an input and looking at its first bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use eas_log_parse::{Entry, Header, LogReader, Position};
use flate2::read::MultiGzDecoder;

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// The name for reports: the path, or `-`.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.to_string_lossy().into_owned(),
            Source::Stdin => "-".to_owned(),
        }
    }
}

/// An input that is worth reading.
pub struct Opened {
    /// The bytes.
    pub content: Content,
    /// The directives in force after those at the top: what the rest of the file is expected to be
    /// read by.
    pub header: Header,
    /// Size in bytes as it lies on disk, where it is known.
    pub size: Option<u64>,
}

/// Bytes that can be cut into pieces, or that come one after the other.
pub enum Content {
    /// A plain file of this many bytes when it was opened. A log that grows is read up to there.
    Plain {
        /// The path, to be opened again for each piece.
        path: PathBuf,
        /// Length in bytes.
        length: u64,
    },
    /// A stream, decompressed.
    Stream(Stream),
}

/// A stream of decompressed bytes that knows how many bytes of its source it has used up.
pub struct Stream {
    reader: Box<dyn Read + Send>,
    consumed: Arc<AtomicU64>,
}

impl Stream {
    /// Bytes of the source used up, before decompression.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

/// Counts the bytes that are read through it.
struct Counting<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// How many bytes are looked at to tell a log from something else. `#Fields` stands in the first
/// kilobyte of a log; a block of NUL bytes from a crash can stand before it.
const HEAD: usize = 64 << 10;

const GZIP: &[u8] = &[0x1f, 0x8b];

/// Opens an input. `Ok(Err(reason))` is one that can be read but is no W3C log. `fallback` is in
/// force until the first directive: the fields of a log that has lost its own.
///
/// # Errors
/// If it cannot be read.
pub fn open(source: &Source, fallback: &Header) -> io::Result<Result<Opened, String>> {
    match source {
        Source::File(path) => {
            let mut file = File::open(path)?;
            let length = file.metadata()?.len();
            let head = read_head(&mut file)?;
            if head.starts_with(GZIP) {
                file.seek(SeekFrom::Start(0))?;
                let opened = open_stream(file, fallback)?;
                return Ok(opened.map(|opened| Opened {
                    size: Some(length),
                    ..opened
                }));
            }
            Ok(look_at(&head, fallback).map(|header| Opened {
                content: Content::Plain {
                    path: path.clone(),
                    length,
                },
                header,
                size: Some(length),
            }))
        }
        Source::Stdin => open_stream(io::stdin(), fallback),
    }
}

/// Opens a stream, compressed or not.
fn open_stream(
    source: impl Read + Send + 'static,
    fallback: &Header,
) -> io::Result<Result<Opened, String>> {
    let consumed = Arc::new(AtomicU64::new(0));
    let mut source = Counting {
        inner: source,
        count: consumed.clone(),
    };
    let start = read_head(&mut source)?;
    let is_gzip = start.starts_with(GZIP);
    let source = io::Cursor::new(start).chain(source);
    let mut reader: Box<dyn Read + Send> = if is_gzip {
        Box::new(MultiGzDecoder::new(io::BufReader::new(source)))
    } else {
        Box::new(source)
    };
    let head = read_head(&mut reader)?;
    Ok(look_at(&head, fallback).map(|header| {
        let reader = Box::new(io::Cursor::new(head).chain(reader));
        Opened {
            content: Content::Stream(Stream { reader, consumed }),
            header,
            size: None,
        }
    }))
}

/// Reads the first bytes; fewer than [`HEAD`] only at the end, or where an error follows them.
fn read_head(reader: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD];
    let mut filled = 0;
    while filled < HEAD {
        match reader.read(&mut head[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // The error comes again when the rest is read.
            Err(_) if filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    head.truncate(filled);
    Ok(head)
}

/// Tells a W3C log by its first bytes, and gives the directives at its top.
fn look_at(head: &[u8], fallback: &Header) -> Result<Header, String> {
    if head.is_empty() {
        return Err("empty".to_owned());
    }
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err("UTF-16 text; convert it to UTF-8 first".to_owned());
    }
    let mut header = fallback.clone();
    let mut log = LogReader::new(head).resume(Position::START, header.clone());
    let mut lines_of_a_record = false;
    while let Ok(Some(entry)) = log.next_entry() {
        match entry {
            Entry::Directive(_, directive) => header.apply(&directive),
            Entry::Record(_) => return Ok(header),
            Entry::Malformed(malformed) => {
                lines_of_a_record |= begins_with_a_date(malformed.line.bytes);
            }
            Entry::Blank(_) => {}
        }
    }
    if header.layout().is_some() {
        return Ok(header);
    }
    let text = head
        .iter()
        .filter(|&&b| b >= 0x20 || matches!(b, b'\t' | b'\r' | b'\n' | 0x1b));
    let is_text = text.count() * 10 >= head.len() * 9;
    Err(if lines_of_a_record {
        "no #Fields directive, so its columns have no names; \
         if the log has lost its header, name them with --fields"
            .to_owned()
    } else if is_text {
        "not a W3C extended log: no #Fields directive".to_owned()
    } else {
        "not a W3C extended log: binary data".to_owned()
    })
}

fn begins_with_a_date(line: &[u8]) -> bool {
    matches!(line, [a, b, c, d, b'-', _, _, b'-', _, _, b' ', ..]
        if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is() {
        let reason = |head: &[u8]| look_at(head, &Header::default()).err().unwrap_or_default();
        assert_eq!(reason(b"#Software: x\r\n#Fields: date time\r\n"), "");
        assert_eq!(reason(b"\xef\xbb\xbf#Fields: date\n2011-05-06\n"), "");
        assert_eq!(reason(b"\0\0\0\n#Fields: date time\n"), "");
        assert_eq!(reason(b""), "empty");
        assert!(reason(b"\xff\xfe#\0").contains("UTF-16"));
        assert!(reason(b"2011-05-06 11:00:00 GET /\n").contains("--fields"));
        assert!(
            reason(b"10.0.0.1, -, 05/06/11, 1:0:0, W3SVC1\n").ends_with("no #Fields directive")
        );
        assert!(reason(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0").ends_with("binary data"));
    }
}
