//! What a file is known by: its content, whatever its name, place and wrapping.
//!
//! A print is the hashes of parts of the content that lie ever farther apart, and of its end. Logs
//! are told apart by it without reading them whole, and a file that grew still has the print of what
//! it was. The beginning is covered without gaps, since small logs of servers that were started
//! together have much in common.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use eas_log_parse::Header;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::input::{Content, Source, open};

/// The first part, which all files that are one begin with.
pub(super) const HEAD: u64 = 256;

/// No part is longer.
const PART: u64 = 4096;

/// What the first bytes of a file are known by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Print {
    /// How many bytes.
    pub(super) bytes: u64,
    /// The hash of each part, in the order of [`parts`].
    pub(super) parts: Vec<String>,
}

/// The parts of content of this length that are hashed.
pub(super) fn parts(length: u64) -> Vec<Range<u64>> {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < length {
        let part = if at == 0 { HEAD } else { at.min(PART) };
        parts.push(at..(at + part).min(length));
        at = if at == 0 { HEAD } else { at * 2 };
    }
    parts.push(length.saturating_sub(PART)..length);
    parts
}

pub(super) fn hash(bytes: &[u8]) -> String {
    format!("{:032x}", xxh3_128(bytes))
}

/// The content of an input, to be looked at in several places.
pub(super) struct Bytes {
    source: Source,
    /// The path and the length of a file that can be read at any place.
    plain: Option<(PathBuf, u64)>,
    fallback: Header,
}

/// The hashes of parts, and how long the content is.
pub(super) struct Hashed {
    /// `None` where the content ends before the part does.
    pub(super) parts: Vec<Option<String>>,
    pub(super) length: u64,
}

impl Bytes {
    /// Opens an input. `Ok(Err(reason))` is one that is no W3C log.
    pub(super) fn open(source: &Source, fallback: &Header) -> io::Result<Result<Bytes, String>> {
        // What is read from a pipe is gone, and could not be looked at twice.
        if let Source::File(path) = source
            && !path.metadata()?.is_file()
        {
            return Ok(Err("not a file that can be read again".to_owned()));
        }
        Ok(open(source, fallback)?.map(|opened| Bytes {
            source: source.clone(),
            plain: match opened {
                Content::Plain(file) => Some((file.path, file.length)),
                Content::Stream(_) => None,
            },
            fallback: fallback.clone(),
        }))
    }

    /// Length of a file that can be read at any place, and that may go on.
    pub(super) fn plain(&self) -> Option<u64> {
        self.plain.as_ref().map(|(_, length)| *length)
    }

    /// The bytes from here on.
    pub(super) fn from(&self, start: u64) -> io::Result<Box<dyn Read + Send>> {
        if let Some((path, length)) = &self.plain {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(start))?;
            return Ok(Box::new(file.take(length.saturating_sub(start))));
        }
        match open(&self.source, &self.fallback)? {
            Ok(Content::Stream(mut stream)) => {
                io::copy(&mut (&mut stream).take(start), &mut io::sink())?;
                Ok(Box::new(stream))
            }
            Ok(Content::Plain(_)) | Err(_) => Err(changed()),
        }
    }

    /// The hashes of these parts, in one pass.
    pub(super) fn hashes(&self, parts: &[Range<u64>]) -> io::Result<Hashed> {
        if let Some((path, length)) = &self.plain {
            let mut file = File::open(path)?;
            let hashes = parts.iter().map(|part| -> io::Result<Option<String>> {
                if part.end > *length {
                    return Ok(None);
                }
                file.seek(SeekFrom::Start(part.start))?;
                let mut bytes = Vec::new();
                (&mut file)
                    .take(part.end - part.start)
                    .read_to_end(&mut bytes)?;
                let whole = bytes.len() as u64 == part.end - part.start;
                Ok(whole.then(|| hash(&bytes)))
            });
            return Ok(Hashed {
                parts: hashes.collect::<io::Result<_>>()?,
                length: *length,
            });
        }
        let mut reader = self.from(0)?;
        let mut hashers: Vec<Xxh3> = parts.iter().map(|_| Xxh3::new()).collect();
        let mut buffer = vec![0; 64 << 10];
        let mut length = 0;
        loop {
            let n = match reader.read(&mut buffer) {
                // An archive that is cut is read as far as it goes.
                Ok(0) => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                Err(_) => continue,
                Ok(n) => n,
            };
            let here = length..length + n as u64;
            for (part, hasher) in parts.iter().zip(&mut hashers) {
                let start = part.start.max(here.start);
                let end = part.end.min(here.end);
                if start < end {
                    let range = (start - here.start) as usize..(end - here.start) as usize;
                    hasher.update(&buffer[range]);
                }
            }
            length = here.end;
        }
        let hashes = parts.iter().zip(hashers);
        Ok(Hashed {
            parts: hashes
                .map(|(part, hasher)| {
                    (part.end <= length).then(|| format!("{:032x}", hasher.digest128()))
                })
                .collect(),
            length,
        })
    }

    /// The first part; of a shorter file, what there is.
    pub(super) fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.from(0)?.take(HEAD).read_to_end(&mut head)?;
        Ok(head)
    }

    /// The print of the first bytes.
    pub(super) fn print(&self, length: u64) -> io::Result<Print> {
        let hashed = self.hashes(&parts(length))?;
        let parts: Option<Vec<String>> = hashed.parts.into_iter().collect();
        Ok(Print {
            bytes: length,
            parts: parts.ok_or_else(changed)?,
        })
    }

    /// Where the last complete line ends, of a file that may go on; looked for down to a place.
    pub(super) fn complete(&self, down_to: u64) -> io::Result<u64> {
        const STEP: u64 = 64 << 10;
        let Some((path, length)) = &self.plain else {
            return Ok(u64::MAX);
        };
        let mut file = File::open(path)?;
        let mut end = *length;
        while end > down_to {
            let start = end.saturating_sub(STEP).max(down_to);
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            (&mut file).take(end - start).read_to_end(&mut bytes)?;
            if let Some(at) = memchr::memrchr(b'\n', &bytes) {
                return Ok(start + at as u64 + 1);
            }
            end = start;
        }
        Ok(down_to)
    }
}

fn changed() -> io::Error {
    io::Error::other("the file changed while it was read")
}

/// How a file and content that is known go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// They do not.
    Different,
    /// The file begins with what is known.
    Begins,
    /// The file is the beginning of what is known, as far as can be told: up to this place.
    Cut(u64),
}

/// Compares a file with prints of what is known, in one pass.
pub(super) fn compare(bytes: &Bytes, prints: &[&Print]) -> io::Result<(Vec<Match>, u64)> {
    let wanted: Vec<Range<u64>> = prints.iter().flat_map(|print| parts(print.bytes)).collect();
    let hashed = bytes.hashes(&wanted)?;
    let mut found = hashed.parts.iter();
    let matches = prints
        .iter()
        .map(|print| {
            let mut same = true;
            let mut cut = None;
            for (number, range) in parts(print.bytes).into_iter().enumerate() {
                match found.next() {
                    Some(Some(hash)) => {
                        same &= Some(hash) == print.parts.get(number);
                        if hashed.length < print.bytes {
                            cut = cut.max(Some(range.end));
                        }
                    }
                    _ => same &= hashed.length < print.bytes,
                }
            }
            match cut {
                _ if !same => Match::Different,
                _ if hashed.length >= print.bytes => Match::Begins,
                Some(end) => Match::Cut(end),
                None => Match::Different,
            }
        })
        .collect();
    Ok((matches, hashed.length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn log(lines: u32) -> Vec<u8> {
        let mut log = b"#Fields: date time sc-status\r\n".to_vec();
        for line in 0..lines {
            writeln!(log, "2011-05-06 11:30:{:02} {line}\r", line % 60).unwrap();
        }
        log
    }

    fn file(folder: &std::path::Path, name: &str, bytes: &[u8]) -> Bytes {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        Bytes::open(&Source::File(path), &Header::default())
            .unwrap()
            .unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_beginning_and_the_end_are_covered() {
        for length in [0, 1, 255, 256, 257, 5000, 8192, 1 << 20] {
            let parts = parts(length);
            let mut at = 0;
            for part in &parts {
                if part.start <= at && part.start < 8192 {
                    at = at.max(part.end);
                }
            }
            assert!(at >= length.min(8192), "{length}");
            assert_eq!(parts.last().map(|part| part.end), Some(length));
        }
        assert!(parts(1 << 34).len() < 40);
    }

    #[test]
    fn content_is_known_in_every_wrapping() {
        let folder = tempfile::tempdir().unwrap();
        let old = log(2000);
        let print = file(folder.path(), "a.log", &old)
            .print(old.len() as u64)
            .unwrap();
        let mut changed = log(3000);
        changed[300] ^= 1;
        let cases: [(&str, Vec<u8>, Match); 6] = [
            ("same.log", old.clone(), Match::Begins),
            ("same.gz", gzip(&old), Match::Begins),
            ("grown.log", log(3000), Match::Begins),
            ("grown.gz", gzip(&log(3000)), Match::Begins),
            ("changed.log", changed, Match::Different),
            ("cut.log", old[..9000].to_vec(), Match::Cut(8192)),
        ];
        for (name, bytes, want) in cases {
            let bytes = file(folder.path(), name, &bytes);
            let (found, _) = compare(&bytes, &[&Print::default(), &print]).unwrap();
            assert_eq!(found[0], Match::Different, "nothing is known");
            assert_eq!(found[1], want, "{name}");
        }
    }

    #[test]
    fn only_complete_lines_are_taken_of_a_file_that_may_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = file(folder.path(), "a.log", b"#Fields: date time\r\nab\ncd");
        assert_eq!(bytes.complete(0).unwrap(), 23);
        assert_eq!(bytes.complete(23).unwrap(), 23);
    }
}
