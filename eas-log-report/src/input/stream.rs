//! Bytes that come one after the other: standard input, compressed files, members of archives.

use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::decode::{Gzip, Zstd};

/// A stream of decompressed bytes that knows how many bytes of its source it has used up.
pub struct Stream {
    reader: Box<dyn Read + Send>,
    consumed: Arc<AtomicU64>,
    produced: u64,
}

/// No log shrinks to less than a thousandth: one and the same request, second by second, shrinks to a
/// fortieth by gzip and to a hundred and fiftieth by zstd at its best.
const MOST: u64 = 1000;

/// What may come of little before it is asked how much that is for its source.
const ROOM: u64 = 64 << 20;

impl Stream {
    pub(super) fn new(reader: Box<dyn Read + Send>, consumed: Arc<AtomicU64>) -> Stream {
        Stream {
            reader,
            consumed,
            produced: 0,
        }
    }

    /// The stream with what was read from it in front again.
    pub(super) fn begin_with(self, head: Head) -> Stream {
        let bytes = Cursor::new(head.bytes);
        Stream {
            reader: match head.error {
                None => Box::new(bytes.chain(self.reader)),
                Some(error) => Box::new(bytes.chain(Failing(Some(error)))),
            },
            ..self
        }
    }

    /// Bytes of the source used up, before decompression.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// The count behind [`Stream::consumed`], for who gives the stream away.
    pub fn consumption(&self) -> Arc<AtomicU64> {
        self.consumed.clone()
    }
}

/// The first bytes of an input.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    /// The error that came behind them. It is the end: decoders do not give it twice.
    pub(super) error: Option<io::Error>,
}

impl Head {
    /// Reads on until there are so many bytes. Gives false if the input ends before.
    pub(super) fn read(&mut self, source: &mut impl Read, length: usize) -> bool {
        let missing = length.saturating_sub(self.bytes.len());
        if self.error.is_none() {
            let mut source = source.take(missing as u64);
            self.error = source.read_to_end(&mut self.bytes).err();
        }
        self.bytes.len() >= length
    }
}

/// Fails once.
struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.produced > ROOM && self.produced / MOST > self.consumed() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("grows more than {MOST}-fold, as no log does: taken for a bomb"),
            ));
        }
        let n = self.reader.read(buffer)?;
        self.produced += n as u64;
        Ok(n)
    }
}

/// Counts the bytes that are read through it.
pub(super) struct Counting<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R> Counting<R> {
    pub(super) fn new(inner: R, count: &Arc<AtomicU64>) -> Counting<R> {
        Counting {
            inner,
            count: count.clone(),
        }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.count.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

/// How bytes are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    Gzip,
    Zstd,
    Zip,
}

/// As many bytes as it takes to tell a wrapping.
pub(super) const MAGIC: usize = 4;

impl Wrapping {
    /// Tells a wrapping by its first bytes, since names lie and standard input has none.
    pub(super) fn of(start: &[u8]) -> Option<Wrapping> {
        match start {
            [0x1f, 0x8b, ..] => Some(Wrapping::Gzip),
            // The second is a frame to skip, which parallel compressors put first.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                Some(Wrapping::Zstd)
            }
            // A member, or the end of an archive that has none.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Wrapping::Zip),
            _ => None,
        }
    }
}

/// Compressed bytes are read in steps of this many.
const STEP: usize = 256 << 10;

/// The bytes behind a wrapping, and how many of the source are used up. `Ok(Err(reason))` is a
/// wrapping that cannot be read from its start to its end.
pub(super) fn unwrap(source: impl Read + Send + 'static) -> io::Result<Result<Stream, String>> {
    let consumed = Arc::new(AtomicU64::new(0));
    let mut source = BufReader::with_capacity(STEP, Counting::new(source, &consumed));
    let mut start = Vec::with_capacity(MAGIC);
    source.by_ref().take(MAGIC as u64).read_to_end(&mut start)?;
    let wrapping = Wrapping::of(&start);
    let source = Cursor::new(start).chain(source);
    let reader: Box<dyn Read + Send> = match wrapping {
        None => Box::new(source),
        Some(Wrapping::Gzip) => Box::new(Gzip::new(source)),
        Some(Wrapping::Zstd) => Box::new(Zstd::new(source)?),
        Some(Wrapping::Zip) => {
            return Ok(Err(
                "a zip archive, which cannot be read from standard input; name it as a file"
                    .to_owned(),
            ));
        }
    };
    Ok(Ok(Stream::new(reader, consumed)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappings_are_told_by_their_first_bytes() {
        let cases: [(&[u8], Option<Wrapping>); 8] = [
            (b"\x1f\x8b\x08\0", Some(Wrapping::Gzip)),
            (b"\x28\xb5\x2f\xfd\x24", Some(Wrapping::Zstd)),
            (b"\x5f\x2a\x4d\x18\x04", Some(Wrapping::Zstd)),
            (b"PK\x03\x04\x14", Some(Wrapping::Zip)),
            (b"PK\x05\x06\0", Some(Wrapping::Zip)),
            (b"PK\x01\x02", None),
            (b"#Fields: date", None),
            (b"\x1f", None),
        ];
        for (start, want) in cases {
            assert_eq!(Wrapping::of(start), want, "{start:?}");
        }
    }

    #[test]
    fn what_grows_beyond_measure_is_cut_off() {
        let used = |consumed| Arc::new(AtomicU64::new(consumed));
        let mut bomb = Stream::new(Box::new(io::repeat(b'x')), used(1 << 10));
        let read = io::copy(&mut bomb, &mut io::sink());
        assert!(read.unwrap_err().to_string().contains("bomb"));
        assert!((ROOM..=ROOM + (1 << 20)).contains(&bomb.produced));

        let large = Box::new(io::repeat(b'x').take(ROOM * 2));
        let mut large = Stream::new(large, used(ROOM * 2 / MOST));
        assert_eq!(io::copy(&mut large, &mut io::sink()).unwrap(), ROOM * 2);
    }
}
