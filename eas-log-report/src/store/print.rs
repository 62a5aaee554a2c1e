//! What a file is known by: its content, whatever its name, place and wrapping.
//!
//! Two files are one log if one of them is the beginning of the other **and** that beginning has at
//! least one line that is no directive. Servers that are started together write the same first
//! directives to the byte, so a header alone says nothing about whose it is; such a file is known by
//! its path, until it has its first request.
//!
//! A [`Print`] says of the first bytes of a log enough to know them again without reading all of
//! them: where each of its first lines ends and the hash of everything up to there, then hashes of
//! windows that lie ever farther apart, and of the last bytes. Where marks and windows lie depends
//! on nothing but the bytes before them, so the print of a beginning is the beginning of the print:
//! a log that grew has all marks of what it was, and a copy of its first half has the first half of
//! its marks. Up to 1 KiB a difference is found to the line, up to 20 KiB to the window, and beyond
//! it in one window of 4 KiB every fifth of the way.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use eas_log_parse::Header;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64, xxh3_128};

use crate::input::{Content, Source, open};

/// The first line that is no directive is looked for so far.
const HEAD: u64 = 16 << 10;

/// So many lines are marked.
const LINES: usize = 16;

/// The first window ends here.
const FIRST_WINDOW: u64 = 1 << 10;

/// No window is longer.
const WINDOW: u64 = 4 << 10;

/// What the first bytes of a file are known by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Print {
    /// How many bytes.
    pub(super) bytes: u64,
    /// What all that begin with the same first request have in common. `None` where there is none
    /// yet: it could be anybody's.
    pub(super) key: Option<u64>,
    /// Where each of the first lines that are no directives ends, and the hash of all up to there.
    lines: Vec<(u64, u64)>,
    /// The hash of each window, in the order of [`windows`].
    windows: Vec<u64>,
    /// The hash of the last bytes.
    end: u64,
}

impl Print {
    /// One number for all of it.
    pub(super) fn digest(&self) -> u64 {
        let mut hasher = Xxh3::new();
        hasher.update(&self.bytes.to_le_bytes());
        for (end, hash) in &self.lines {
            hasher.update(&end.to_le_bytes());
            hasher.update(&hash.to_le_bytes());
        }
        for hash in self.windows.iter().chain([&self.end]) {
            hasher.update(&hash.to_le_bytes());
        }
        hasher.digest()
    }

    /// Whether it is that of the beginning of what another is that of, or of the same.
    pub(super) fn is_beginning_of(&self, other: &Print) -> bool {
        if self.bytes == other.bytes {
            return self == other;
        }
        self.bytes < other.bytes
            && self.key.is_some()
            && self.key == other.key
            && self.lines.iter().eq(other.lines_to(self.bytes))
            && other.windows.starts_with(&self.windows)
    }

    fn lines_to(&self, end: u64) -> impl Iterator<Item = &(u64, u64)> {
        self.lines.iter().take_while(move |line| line.0 <= end)
    }
}

/// The windows of content of this length.
fn windows(length: u64) -> Vec<Range<u64>> {
    let mut windows = Vec::new();
    let (mut before, mut octave) = (0, FIRST_WINDOW);
    loop {
        for quarter in 4..8 {
            let end = octave / 4 * quarter;
            if end > length {
                return windows;
            }
            windows.push(before.max(end.saturating_sub(WINDOW))..end);
            before = end;
        }
        octave *= 2;
    }
}

fn last_window(length: u64) -> Range<u64> {
    length.saturating_sub(WINDOW)..length
}

/// The ends of the first lines that are no directives, and the hash of all up to there.
fn marks(head: &[u8]) -> Vec<(u64, u64)> {
    let mut start = 0;
    let lines = memchr::memchr_iter(b'\n', head).filter_map(|at| {
        let line = &head[std::mem::replace(&mut start, at + 1)..at];
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        let is_record = !line.trim_ascii().is_empty() && !line.starts_with(b"#");
        is_record.then(|| (at as u64 + 1, xxh3_64(&head[..=at])))
    });
    lines.take(LINES).collect()
}

/// What is in common to all that begin with the same first request.
fn key(head: &[u8], marks: &[(u64, u64)]) -> Option<u64> {
    let all = || (head.len() as u64 >= HEAD).then(|| xxh3_64(head));
    marks.first().map(|&(_, hash)| hash).or_else(all)
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

/// The hashes of ranges, and how long the content is.
pub(super) struct Hashed {
    /// `None` where the content ends before the range does.
    pub(super) ranges: Vec<Option<u64>>,
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

    /// The hashes of these ranges, in one pass.
    pub(super) fn hashes(&self, ranges: &[Range<u64>]) -> io::Result<Hashed> {
        if let Some((path, length)) = &self.plain {
            let mut file = File::open(path)?;
            let hashes = ranges.iter().map(|range| -> io::Result<Option<u64>> {
                if range.end > *length {
                    return Ok(None);
                }
                file.seek(SeekFrom::Start(range.start))?;
                let mut bytes = Vec::new();
                (&mut file)
                    .take(range.end - range.start)
                    .read_to_end(&mut bytes)?;
                let whole = bytes.len() as u64 == range.end - range.start;
                Ok(whole.then(|| xxh3_64(&bytes)))
            });
            return Ok(Hashed {
                ranges: hashes.collect::<io::Result<_>>()?,
                length: *length,
            });
        }
        let mut reader = self.from(0)?;
        let mut hashers: Vec<Xxh3> = ranges.iter().map(|_| Xxh3::new()).collect();
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
            for (range, hasher) in ranges.iter().zip(&mut hashers) {
                let start = range.start.max(here.start);
                let end = range.end.min(here.end);
                if start < end {
                    let range = (start - here.start) as usize..(end - here.start) as usize;
                    hasher.update(&buffer[range]);
                }
            }
            length = here.end;
        }
        let hashes = ranges.iter().zip(hashers);
        Ok(Hashed {
            ranges: hashes
                .map(|(range, hasher)| (range.end <= length).then(|| hasher.digest()))
                .collect(),
            length,
        })
    }

    /// As much of the beginning as is looked at for lines; of a shorter file, what there is.
    fn head(&self) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        let mut reader = self.from(0)?.take(HEAD);
        match reader.read_to_end(&mut head) {
            // An archive that is cut is read as far as it goes.
            Err(error) if self.plain.is_some() => Err(error),
            _ => Ok(head),
        }
    }

    /// What all that begin with the same first request have in common; `None` without a request.
    pub(super) fn key(&self) -> io::Result<Option<u64>> {
        let head = self.head()?;
        Ok(key(&head, &marks(&head)))
    }

    /// The print of the first bytes.
    pub(super) fn print(&self, length: u64) -> io::Result<Print> {
        let mut head = self.head()?;
        head.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        let lines = marks(&head);
        let mut wanted = windows(length);
        wanted.push(last_window(length));
        let hashed = self.hashes(&wanted)?;
        let hashes: Option<Vec<u64>> = hashed.ranges.into_iter().collect();
        let mut windows = hashes.ok_or_else(changed)?;
        Ok(Print {
            bytes: length,
            key: key(&head, &lines),
            lines,
            end: windows.pop().unwrap_or_default(),
            windows,
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
    /// The file is the beginning of what is known, as far as the print tells: up to this place.
    Cut(u64),
}

/// Compares a file with prints of what is known, in one pass. Gives also the length of the file.
pub(super) fn compare(bytes: &Bytes, prints: &[&Print]) -> io::Result<(Vec<Match>, u64)> {
    let head = bytes.head()?;
    let ours = marks(&head);
    let mut wanted: Vec<Range<u64>> = Vec::new();
    for print in prints {
        wanted.extend(windows(print.bytes));
        wanted.push(last_window(print.bytes));
    }
    let hashed = bytes.hashes(&wanted)?;
    let mut found = wanted.iter().zip(&hashed.ranges);
    let matches = prints.iter().map(|print| {
        let (mut same, mut last) = (true, 0);
        for known in print.windows.iter().chain([&print.end]) {
            if let Some((range, Some(hash))) = found.next() {
                same &= hash == known;
                last = range.end;
            }
        }
        let end = print.bytes.min(hashed.length);
        let ours = ours.iter().take_while(|line| line.0 <= end);
        let is_known = print.bytes > 0 && same && ours.clone().eq(print.lines_to(end));
        match ours.last() {
            _ if !is_known => Match::Different,
            _ if hashed.length >= print.bytes => Match::Begins,
            Some(line) => Match::Cut(last.max(line.0)),
            None if hashed.length >= HEAD => Match::Cut(last),
            None => Match::Different,
        }
    });
    Ok((matches.collect(), hashed.length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn log(lines: u32) -> Vec<u8> {
        let mut log = "#Software: IIS\r\n#Fields: date time sc-status\r\n".to_owned();
        for line in 0..lines {
            writeln!(log, "2011-05-06 11:30:{:02} {line}\r", line % 60).unwrap();
        }
        log.into_bytes()
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
        io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn windows_cover_the_beginning_and_depend_on_nothing_behind_them() {
        let long = windows(1 << 40);
        assert!(long.len() < 130);
        let mut covered = 0;
        for window in &long {
            if window.start > covered {
                break;
            }
            covered = window.end;
        }
        assert!(covered >= 20 << 10, "{covered}");
        for length in [0, 1, 1023, 1024, 5000, 20_000, 1 << 20] {
            let windows = windows(length);
            assert!(long.starts_with(&windows));
            let last = windows.last().map_or(0, |window| window.end);
            assert!(length < 1024 || last * 5 >= length * 4, "{length} {last}");
        }
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
    fn a_small_log_is_known_to_the_line_and_a_header_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let whole = log(12);
        let print = file(folder.path(), "a.log", &whole)
            .print(whole.len() as u64)
            .unwrap();
        let header = log(0).len();
        for end in header..=whole.len() {
            let cut = file(folder.path(), "cut.log", &whole[..end]);
            let lines = memchr::memchr_iter(b'\n', &whole[..end]).count();
            let (found, _) = compare(&cut, &[&print]).unwrap();
            match found[0] {
                Match::Begins => assert_eq!(end, whole.len()),
                Match::Cut(to) => assert!(lines > 2 && to <= end as u64, "{end}"),
                Match::Different => assert!(lines <= 2, "{end}"),
            }
            if end <= header {
                continue;
            }
            // The same with the last byte changed is something else, unless its line is not whole.
            let mut other = whole[..end].to_vec();
            let last = end - if other.ends_with(b"\n") { 3 } else { 1 };
            other[last] = b'x';
            let is_whole = whole[end - 1] == b'\n';
            let other = file(folder.path(), "other.log", &other);
            let (found, _) = compare(&other, &[&print]).unwrap();
            assert!(found[0] == Match::Different || !is_whole, "{end}");
            let short = cut.print(end as u64).unwrap();
            assert_eq!(short.is_beginning_of(&print), lines > 2, "{end}");
            assert!(!print.is_beginning_of(&short) || end == whole.len());
        }
        let twin = file(folder.path(), "twin.log", &whole[..header]);
        assert_eq!(twin.key().unwrap(), None);
    }

    #[test]
    fn only_complete_lines_are_taken_of_a_file_that_may_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = file(folder.path(), "a.log", b"#Fields: date time\r\nab\ncd");
        assert_eq!(bytes.complete(0).unwrap(), 23);
        assert_eq!(bytes.complete(23).unwrap(), 23);
    }
}
