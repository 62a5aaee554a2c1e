//! Decoders that lose nothing of what stands before damage.
//!
//! A decoder gives as many bytes at a time as there is room for. Where it meets damage on the way, it
//! gives an error in their place, so that what is lost depends on the room that there happened to
//! be. Here the error comes behind all bytes that were decoded before it.

use std::io::{self, BufRead, Read};

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use zstd::stream::raw::{Decoder, InBuffer, Operation, OutBuffer};

/// Deflated bytes.
pub(super) struct Inflate<R> {
    inner: DeflateDecoder<R>,
    /// What comes behind the bytes that were given last.
    error: Option<io::Error>,
}

impl<R: BufRead> Inflate<R> {
    pub(super) fn new(source: R) -> Inflate<R> {
        Inflate {
            inner: DeflateDecoder::new(source),
            error: None,
        }
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let before = self.inner.total_out();
        let error = match self.inner.read(buffer) {
            Ok(n) => return Ok(n),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => cut_short(),
            Err(error) => error,
        };
        match (self.inner.total_out() - before) as usize {
            0 => Err(error),
            n => {
                self.error = Some(error);
                Ok(n)
            }
        }
    }
}

/// Members of gzip, one after the other (RFC 1952).
pub(super) struct Gzip<R> {
    body: Inflate<R>,
    crc: Crc,
    at: At,
}

enum At {
    FirstHeader,
    NextHeader,
    Body,
    End,
}

impl<R: BufRead> Gzip<R> {
    pub(super) fn new(source: R) -> Gzip<R> {
        Gzip {
            body: Inflate::new(source),
            crc: Crc::new(),
            at: At::FirstHeader,
        }
    }

    fn source(&mut self) -> &mut R {
        self.body.inner.get_mut()
    }

    /// Goes behind the header of a member. Gives false where there is none more.
    fn pass_header(&mut self, is_first: bool) -> io::Result<bool> {
        const MAGIC: [u8; 2] = [0x1f, 0x8b];
        const DEFLATED: u8 = 8;
        const HAS_CRC: u8 = 2;
        const HAS_EXTRA: u8 = 4;
        const HAS_NAME: u8 = 8;
        const HAS_REMARK: u8 = 16;
        const RESERVED: u8 = 0xe0;
        let source = self.source();
        if !is_first && !pass_zeros(source)? {
            return Ok(false);
        }
        let [id1, id2, method, flags, ..] = take::<10>(source)?;
        if [id1, id2] != MAGIC || method != DEFLATED || flags & RESERVED != 0 {
            let what = if is_first {
                "not the header of a gzip file"
            } else {
                "what follows is not gzip"
            };
            return Err(damaged(what));
        }
        if flags & HAS_EXTRA != 0 {
            let length = u64::from(u16::from_le_bytes(take(source)?));
            if io::copy(&mut source.by_ref().take(length), &mut io::sink())? < length {
                return Err(cut_short());
            }
        }
        for text in [HAS_NAME, HAS_REMARK] {
            if flags & text != 0 {
                source.skip_until(0)?;
            }
        }
        if flags & HAS_CRC != 0 {
            take::<2>(source)?;
        }
        self.body.inner.reset_data();
        self.crc.reset();
        Ok(true)
    }

    /// Holds what was decoded to what stands behind it.
    fn check(&mut self) -> io::Result<()> {
        let crc = u32::from_le_bytes(take(self.source())?);
        let length = u32::from_le_bytes(take(self.source())?);
        if (crc, length) == (self.crc.sum(), self.crc.amount()) {
            Ok(())
        } else {
            Err(damaged("its checksum or length is wrong"))
        }
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.at {
                At::FirstHeader | At::NextHeader => {
                    let is_first = matches!(self.at, At::FirstHeader);
                    // An error is the end.
                    self.at = At::End;
                    if self.pass_header(is_first)? {
                        self.at = At::Body;
                    }
                }
                At::Body if buffer.is_empty() => return Ok(0),
                At::Body => match self.body.read(buffer)? {
                    0 => {
                        self.at = At::End;
                        self.check()?;
                        self.at = At::NextHeader;
                    }
                    n => {
                        self.crc.update(&buffer[..n]);
                        return Ok(n);
                    }
                },
                At::End => return Ok(0),
            }
        }
    }
}

/// Goes behind the zeros that fill up a block of a tape. Gives false if nothing follows.
fn pass_zeros(source: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = source.fill_buf()?;
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        match bytes.len() {
            0 => return Ok(false),
            length if zeros < length => {
                source.consume(zeros);
                return Ok(true);
            }
            length => source.consume(length),
        }
    }
}

fn take<const N: usize>(source: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    match source.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(cut_short()),
        Err(error) => Err(error),
        Ok(()) => Ok(bytes),
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

fn cut_short() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it is cut short")
}

/// Frames of zstd, one after the other (RFC 8878).
pub(super) struct Zstd<R> {
    source: R,
    decoder: Decoder<'static>,
    /// How many bytes the decoder would have next; 0 between frames.
    wanted: usize,
}

/// The decoder wants the header of the next block with each block.
const BLOCK_HEADER: usize = 3;

impl<R: BufRead> Zstd<R> {
    pub(super) fn new(source: R) -> io::Result<Zstd<R>> {
        Ok(Zstd {
            source,
            decoder: Decoder::new()?,
            wanted: 0,
        })
    }
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let available = self.source.fill_buf()?;
            if self.wanted == 0 {
                if available.is_empty() {
                    return Ok(0);
                }
                self.decoder.reinit()?;
            }
            // One block at a time and nothing of the next, so that a damaged one takes none with it.
            let step = self.wanted.saturating_sub(BLOCK_HEADER).max(1);
            let mut input = InBuffer::around(&available[..available.len().min(step)]);
            let mut output = OutBuffer::around(buffer);
            self.wanted = self.decoder.run(&mut input, &mut output)?;
            let (used, given) = (input.pos(), output.pos());
            let at_end = available.is_empty();
            self.source.consume(used);
            if given > 0 {
                return Ok(given);
            }
            if at_end && self.wanted > 0 {
                return Err(cut_short());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Write};

    fn text() -> Vec<u8> {
        let mut seed = 1u32;
        let mut text = Vec::new();
        while text.len() < 300 << 10 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            writeln!(text, "2011-05-06 11:30:{:02} GET /{seed:x} 200", seed % 60).unwrap();
        }
        text
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::GzBuilder::new()
            .filename("u_ex110506.log")
            .comment("of CAS1")
            .extra("extra")
            .write(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.include_checksum(true).unwrap();
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn decoder(name: &str, packed: Vec<u8>, step: usize) -> Box<dyn Read> {
        let source = BufReader::with_capacity(step, io::Cursor::new(packed));
        match name {
            "gzip" => Box::new(Gzip::new(source)),
            _ => Box::new(Zstd::new(source).unwrap()),
        }
    }

    /// All that comes before an error, with so much room at a time, and the error.
    fn decode(name: &str, packed: &[u8], room: usize) -> (Vec<u8>, Option<String>) {
        let mut reader = decoder(name, packed.to_vec(), 4096.max(room / 3));
        let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return (all, None),
                Ok(n) => all.extend_from_slice(&buffer[..n]),
                Err(error) => return (all, Some(error.to_string())),
            }
        }
    }

    #[test]
    fn what_is_whole_is_read_whole() {
        let text = text();
        let half = text.len() / 2;
        let parts = |pack: fn(&[u8]) -> Vec<u8>| {
            [pack(&text[..half]), pack(b""), pack(&text[half..])].concat()
        };
        let skipped = b"\x50\x2a\x4d\x18\x04\0\0\0abcd";
        for (name, packed) in [
            ("gzip", gzip(&text)),
            ("gzip", parts(gzip)),
            ("gzip", [gzip(&text), vec![0; 9000]].concat()),
            ("zstd", zstd(&text)),
            ("zstd", [skipped, &parts(zstd)[..], skipped].concat()),
        ] {
            for room in [997, 64 << 10, 1 << 20] {
                let (read, error) = decode(name, &packed, room);
                assert_eq!(error, None, "{name}, {room}");
                assert!(read == text, "{name}, {room}");
            }
        }
    }

    #[test]
    fn an_error_comes_behind_all_that_is_before_it_whatever_room_there_is() {
        let text = text();
        for (name, packed) in [("gzip", gzip(&text)), ("zstd", zstd(&text))] {
            let mut found = 0;
            for at in (60..packed.len()).step_by(packed.len() / 12) {
                let mut bad = packed.clone();
                bad[at] ^= 0xff;
                let cut = packed[..at].to_vec();
                for damaged in [bad, cut] {
                    let (want, error) = decode(name, &damaged, 1);
                    assert!(error.is_some(), "{name}, {at}");
                    for room in [64 << 10, 1 << 20] {
                        let (read, again) = decode(name, &damaged, room);
                        assert_eq!(again, error, "{name}, {at}, {room}");
                        assert!(
                            read == want,
                            "{name}, {at}, {room}: {} {}",
                            read.len(),
                            want.len()
                        );
                    }
                    found += usize::from(want.len() > text.len() / 2);
                }
            }
            assert!(found > 6, "{name}: {found}");
        }
    }

    #[test]
    fn what_is_wrong_with_gzip_is_told() {
        let whole = gzip(b"a log");
        let changed = |at: usize, value: u8| {
            let mut changed = whole.clone();
            changed[at] = value;
            changed
        };
        let end = whole.len();
        for (packed, want) in [
            (whole[..5].to_vec(), "it is cut short"),
            (whole[..14].to_vec(), "it is cut short"),
            (whole[..end - 3].to_vec(), "it is cut short"),
            (changed(2, 7), "not the header of a gzip file"),
            (changed(3, 0xff), "not the header of a gzip file"),
            (changed(end - 1, 7), "its checksum or length is wrong"),
            (
                changed(end - 8, !whole[end - 8]),
                "its checksum or length is wrong",
            ),
            (
                [&whole[..], b"and more text"].concat(),
                "what follows is not gzip",
            ),
        ] {
            let (_, error) = decode("gzip", &packed, 1000);
            assert_eq!(error.as_deref(), Some(want));
        }
    }
}
