//! Decompressing ahead: what one thread reads, another that has nothing else to do decompresses.
//!
//! A stream cannot be cut, so two threads on one take a stage each. No thread is started for it: as
//! long as there are streams enough, each thread decompresses what it reads itself.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Decompressed bytes are passed on in blocks of this many.
const BLOCK: usize = 1 << 20;

/// How many blocks there are, with the one that is filled and the one that is read.
const BLOCKS: usize = 4;

/// An offer to take over the decompression of a stream, with the two ends of it.
pub(super) fn offer<R>() -> (Offer<R>, Helper<R>) {
    let accepted = Arc::new(AtomicBool::new(false));
    let (to, from) = channel();
    let offer = Offer {
        accepted: accepted.clone(),
        to,
    };
    (offer, Helper { accepted, from })
}

/// The end of who reads the stream.
pub(super) struct Offer<R> {
    accepted: Arc<AtomicBool>,
    to: Sender<Work<R>>,
}

/// The end of who can decompress it.
pub(super) struct Helper<R> {
    accepted: Arc<AtomicBool>,
    from: Receiver<Work<R>>,
}

/// A stream that is given away.
struct Work<R> {
    stream: R,
    full: SyncSender<Block>,
    empty: Receiver<Vec<u8>>,
}

enum Block {
    Bytes(Vec<u8>),
    End,
    Failed(io::Error),
}

impl<R: Read> Helper<R> {
    /// Decompresses the stream to its end, or as long as what comes out is read.
    pub(super) fn run(self) {
        self.accepted.store(true, Ordering::Release);
        // The stream may have come to its end meanwhile.
        let Ok(mut work) = self.from.recv() else {
            return;
        };
        while let Ok(mut block) = work.empty.recv() {
            let end = fill(&mut work.stream, &mut block);
            if !block.is_empty() && work.full.send(Block::Bytes(block)).is_err() {
                return;
            }
            if let Some(end) = end {
                // Who has stopped reading does not want to know.
                let _ = work.full.send(end);
                return;
            }
        }
    }
}

/// Fills a block, and tells if it is the last. What was read before an error is in the block.
fn fill(stream: &mut impl Read, block: &mut Vec<u8>) -> Option<Block> {
    block.resize(BLOCK, 0);
    let mut filled = 0;
    let end = loop {
        match stream.read(&mut block[filled..]) {
            Ok(0) => break Some(Block::End),
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(Block::Failed(error)),
        }
        if filled == BLOCK {
            break None;
        }
    };
    block.truncate(filled);
    end
}

/// A stream whose decompression is given away as soon as somebody accepts it.
pub(super) struct Ahead<R> {
    state: State<R>,
}

enum State<R> {
    Here(R, Offer<R>),
    Elsewhere {
        full: Receiver<Block>,
        empty: Sender<Vec<u8>>,
        block: Vec<u8>,
        read: usize,
    },
    Ended,
}

impl<R: Read> Ahead<R> {
    pub(super) fn new(stream: R, offer: Offer<R>) -> Ahead<R> {
        Ahead {
            state: State::Here(stream, offer),
        }
    }

    /// Gives the stream away if that was accepted.
    fn give(&mut self) {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Here(stream, offer) if offer.accepted.load(Ordering::Acquire) => {
                let (full, from) = sync_channel(BLOCKS);
                let (back, empty) = channel();
                for _ in 0..BLOCKS - 1 {
                    let _ = back.send(Vec::new());
                }
                let work = Work {
                    stream,
                    full,
                    empty,
                };
                self.state = match offer.to.send(work) {
                    Ok(()) => State::Elsewhere {
                        full: from,
                        empty: back,
                        block: Vec::new(),
                        read: 0,
                    },
                    Err(refused) => State::Here(refused.0.stream, offer),
                };
            }
            state => self.state = state,
        }
    }
}

impl<R: Read> Read for Ahead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.give();
        match &mut self.state {
            State::Here(stream, _) => stream.read(buffer),
            State::Elsewhere {
                full,
                empty,
                block,
                read,
            } => {
                if *read == block.len() {
                    // A helper that is gone takes no more blocks.
                    let _ = empty.send(std::mem::take(block));
                    *read = 0;
                    match full.recv() {
                        Ok(Block::Bytes(bytes)) => *block = bytes,
                        Ok(Block::End) => {
                            self.state = State::Ended;
                            return Ok(0);
                        }
                        Ok(Block::Failed(error)) => {
                            self.state = State::Ended;
                            return Err(error);
                        }
                        Err(_) => {
                            self.state = State::Ended;
                            return Err(io::Error::other("its decompression broke off"));
                        }
                    }
                }
                let n = buffer.len().min(block.len() - *read);
                buffer[..n].copy_from_slice(&block[*read..*read + n]);
                *read += n;
                Ok(n)
            }
            State::Ended => Ok(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn bytes() -> Vec<u8> {
        (0..3 * BLOCK as u32 + 77)
            .map(|n| (n % 251) as u8)
            .collect()
    }

    /// Fails after some bytes, once.
    struct Failing(Cursor<Vec<u8>>, Option<io::Error>);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => self.1.take().map_or(Ok(0), Err),
                n => Ok(n),
            }
        }
    }

    /// What is read before somebody accepts, and how the reading ends.
    fn read_with_help(mut before: usize, stream: Failing) -> (Vec<u8>, Option<String>) {
        let (offer, helper) = offer();
        let mut ahead = Ahead::new(stream, offer);
        let mut read = Vec::new();
        let mut buffer = [0; 1000];
        let mut helper = Some(helper);
        std::thread::scope(|scope| {
            loop {
                if before == 0
                    && let Some(helper) = helper.take()
                {
                    let accepted = helper.accepted.clone();
                    scope.spawn(|| helper.run());
                    while !accepted.load(Ordering::Acquire) {
                        std::thread::yield_now();
                    }
                }
                before = before.saturating_sub(1);
                match ahead.read(&mut buffer) {
                    Ok(0) => break (read, None),
                    Ok(n) => read.extend_from_slice(&buffer[..n]),
                    Err(error) => {
                        assert_eq!(ahead.read(&mut buffer).unwrap(), 0, "an error is the end");
                        break (read, Some(error.to_string()));
                    }
                }
            }
        })
    }

    #[test]
    fn the_bytes_are_the_same_whenever_somebody_helps() {
        for before in [0, 1, 500, 4000] {
            let stream = Failing(Cursor::new(bytes()), None);
            let (read, error) = read_with_help(before, stream);
            assert!(read == bytes(), "{before}");
            assert_eq!(error, None);
        }
    }

    #[test]
    fn an_error_comes_after_what_was_read_before_it() {
        for before in [0, 1, 500] {
            let stream = Failing(Cursor::new(bytes()), Some(io::Error::other("torn")));
            let (read, error) = read_with_help(before, stream);
            assert!(read == bytes(), "{before}");
            assert_eq!(error.as_deref(), Some("torn"));
        }
    }

    #[test]
    fn a_helper_ends_with_who_reads() {
        let (offer, helper) = offer();
        let mut ahead = Ahead::new(io::repeat(1), offer);
        std::thread::scope(|scope| {
            let accepted = helper.accepted.clone();
            let helper = scope.spawn(|| helper.run());
            while !accepted.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            assert_eq!(ahead.read(&mut [0; 10]).unwrap(), 10);
            assert!(!helper.is_finished(), "there is no end to it");
            drop(ahead);
            helper.join().unwrap();
        });
        // A stream that ended without help.
        let (_, helper) = super::offer::<io::Empty>();
        helper.run();
    }

    #[test]
    fn a_helper_that_breaks_off_is_no_end() {
        struct Panics;
        impl Read for Panics {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                panic!("a defect in a decoder")
            }
        }
        let (offer, helper) = offer();
        let mut ahead = Ahead::new(Panics, offer);
        let accepted = helper.accepted.clone();
        let helper = std::thread::spawn(move || helper.run());
        while !accepted.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let error = ahead.read(&mut [0; 10]).unwrap_err();
        assert_eq!(error.to_string(), "its decompression broke off");
        assert!(helper.join().is_err());
    }
}
