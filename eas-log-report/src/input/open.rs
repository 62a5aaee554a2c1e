//! Opening an input and looking at its first bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use eas_log_parse::{Entry, Header, LogReader, Position};

use super::stream::{Stream, Wrapping, unwrap};
use super::zip::Member;

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A file in a zip archive.
    Member(Member),
    /// Standard input.
    Stdin,
}

impl Source {
    /// The name for reports: the path, the archive and the name in it with `!` between, or `-`.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.to_string_lossy().into_owned(),
            Source::Member(member) => member.name(),
            Source::Stdin => "-".to_owned(),
        }
    }

    /// Size in bytes as it lies on disk, where it is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Source::File(path) => Some(path.metadata().ok()?.len()),
            Source::Member(member) => Some(member.size()),
            Source::Stdin => None,
        }
    }

    /// Whether it can be opened twice and says the same, as a pipe does not.
    pub fn can_be_read_again(&self) -> bool {
        match self {
            Source::File(path) => path.is_file(),
            Source::Member(_) => true,
            Source::Stdin => false,
        }
    }
}

/// An input that is worth reading: a W3C log, as far as its first bytes tell.
pub enum Content {
    /// Bytes that can be cut into pieces.
    Plain(PlainFile),
    /// Bytes that come one after the other, decompressed.
    Stream(Stream),
}

/// A plain file of this many bytes when it was opened. A log that grows is read up to there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainFile {
    /// The path, to be opened again for each piece.
    pub path: PathBuf,
    /// Length in bytes.
    pub length: u64,
}

/// How many bytes are looked at to tell a log from something else. `#Fields` stands in the first
/// kilobyte of a log; a block of NUL bytes from a crash can stand before it.
const HEAD: usize = 64 << 10;

/// Opens an input. `Ok(Err(reason))` is one that can be read but is no W3C log. `fallback` is in
/// force until the first directive: the fields of a log that has lost its own.
///
/// # Errors
/// If it cannot be read.
pub fn open(source: &Source, fallback: &Header) -> io::Result<Result<Content, String>> {
    Ok(match open_plain(source, fallback)? {
        Some(plain) => plain.map(Content::Plain),
        None => open_stream(source, fallback)?.map(Content::Stream),
    })
}

/// Whether there is a file that is a log, plain or compressed.
pub fn is_log(path: &Path) -> bool {
    let source = Source::File(path.to_owned());
    path.is_file() && matches!(open(&source, &Header::default()), Ok(Ok(_)))
}

/// Looks at an input that can be cut into pieces. `Ok(None)` is one that cannot, for
/// [`open_stream`].
///
/// # Errors
/// If it cannot be read.
pub fn open_plain(
    source: &Source,
    fallback: &Header,
) -> io::Result<Option<Result<PlainFile, String>>> {
    let Source::File(path) = source else {
        return Ok(None);
    };
    let found = path.metadata()?;
    // What is read from a pipe is gone.
    if !found.is_file() {
        return Ok(None);
    }
    let length = found.len();
    let head = read_head(&mut File::open(path)?)?;
    Ok(match Wrapping::of(&head) {
        Some(Wrapping::Gzip | Wrapping::Zstd) => None,
        Some(Wrapping::Zip) => Some(Err(
            "a zip archive; give it a name in .zip, or name one file in it as ARCHIVE!FILE"
                .to_owned(),
        )),
        None => Some(look_at(&head, fallback).map(|()| PlainFile {
            path: path.clone(),
            length,
        })),
    })
}

/// Opens an input to be read from its start to its end.
///
/// # Errors
/// If it cannot be read.
pub fn open_stream(source: &Source, fallback: &Header) -> io::Result<Result<Stream, String>> {
    let stream = match source {
        Source::File(path) => unwrap(File::open(path)?)?,
        Source::Member(member) => Ok(member.stream()?),
        Source::Stdin => unwrap(io::stdin())?,
    };
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(reason) => return Ok(Err(reason)),
    };
    let head = read_head(&mut stream)?;
    if Wrapping::of(&head).is_some() {
        let reason = "an archive or a compressed file in another, which is not opened; \
                      extract it first";
        return Ok(Err(reason.to_owned()));
    }
    Ok(look_at(&head, fallback).map(|()| stream.begin_with(head)))
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

/// Tells a W3C log by its first bytes, or says what they are.
fn look_at(head: &[u8], fallback: &Header) -> Result<(), String> {
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
            Entry::Record(_) => return Ok(()),
            Entry::Malformed(malformed) => {
                lines_of_a_record |= begins_with_a_date(malformed.line.bytes);
            }
            Entry::Blank(_) => {}
        }
    }
    if header.layout().is_some() {
        return Ok(());
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
