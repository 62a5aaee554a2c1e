//! A piece of a file, aligned to lines.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Reads a file from the first line that starts at or after an offset.
///
/// A piece `[from, to)` of a file owns the lines that start in it, so the pieces of a file own each
/// line exactly once. The reader goes on beyond `to`, since the last line may; who reads lines stops
/// at the first that starts there. It does not go beyond the length that the file had when it was
/// opened, so that a log that grows is read to one and the same place by all.
pub struct RangeReader {
    file: io::Take<File>,
    start: u64,
}

/// A line start is looked for in steps of this many bytes.
const STEP: usize = 4 << 10;

impl RangeReader {
    /// Takes a file of this length, and finds the first line start at or after `from`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn new(mut file: File, from: u64, length: u64) -> io::Result<RangeReader> {
        let start = line_start(&mut file, from, length)?;
        file.seek(SeekFrom::Start(start))?;
        Ok(RangeReader {
            file: file.take(length - start),
            start,
        })
    }

    /// Goes on with a file of this length behind so many of its bytes, where it is at.
    pub fn behind(read: u64, file: File, length: u64) -> RangeReader {
        RangeReader {
            file: file.take(length.saturating_sub(read)),
            start: 0,
        }
    }

    /// Where the first line starts.
    pub fn start(&self) -> u64 {
        self.start
    }
}

impl Read for RangeReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

fn line_start(file: &mut File, from: u64, length: u64) -> io::Result<u64> {
    if from == 0 {
        return Ok(0);
    }
    // The byte before tells whether a line starts right at the offset.
    let mut at = from - 1;
    file.seek(SeekFrom::Start(at))?;
    let mut step = [0; STEP];
    while at < length {
        let n = file.read(&mut step)?;
        if n == 0 {
            break;
        }
        if let Some(newline) = memchr::memchr(b'\n', &step[..n]) {
            return Ok((at + newline as u64 + 1).min(length));
        }
        at += n as u64;
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn every_piece_starts_at_a_line() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"ab\n\ncd\nlong line without end").unwrap();
        let starts: Vec<u64> = (0..=12)
            .map(|from| {
                RangeReader::new(file.reopen().unwrap(), from, 28)
                    .unwrap()
                    .start()
            })
            .collect();
        assert_eq!(starts, [0, 3, 3, 3, 4, 7, 7, 7, 28, 28, 28, 28, 28]);
    }

    #[test]
    fn nothing_beyond_the_length_is_read() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"ab\ncd\nef\n").unwrap();
        let mut text = String::new();
        let mut reader = RangeReader::new(file.reopen().unwrap(), 1, 6).unwrap();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "cd\n");
    }
}
