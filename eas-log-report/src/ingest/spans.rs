//! Which thread reads what: whole files first, then the back halves of what others are at, then the
//! decompression of what others read.

use std::path::PathBuf;

use eas_log_parse::Header;

use super::ahead::{Helper, Offer, offer};
use super::found::Found;
use crate::input::{PlainFile, Stream};

/// A file that can be read at any place.
pub(super) struct Plain {
    /// Number of the file among all.
    pub(super) file: usize,
    pub(super) path: PathBuf,
    /// The header in force at its first record, as far as its first bytes tell.
    header: Header,
    /// Length in bytes when it was opened.
    pub(super) length: u64,
    pub(super) piece_size: u64,
    /// How many pieces it has.
    pub(super) pieces: u32,
}

impl Plain {
    pub(super) fn new(file: usize, found: PlainFile, piece_size: u64) -> Plain {
        let PlainFile {
            path,
            length,
            header,
        } = found;
        // Pieces are numbered in 32 bits.
        let piece_size = piece_size.max(1).max(length.div_ceil(u64::from(u32::MAX)));
        let pieces = length.div_ceil(piece_size).max(1) as u32;
        Plain {
            file,
            path,
            header,
            length,
            piece_size,
            pieces,
        }
    }
}

/// A file that is read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Small {
    /// Number of the file among all.
    pub(super) file: usize,
    /// Length in bytes when it was found.
    pub(super) length: usize,
}

/// Pieces of a file in a row, for one thread.
#[derive(Clone, Debug)]
pub(super) struct Span {
    /// Number of the file among all.
    pub(super) file: usize,
    /// Number of the file among the plain ones.
    pub(super) plain: usize,
    /// The first piece.
    pub(super) first: u32,
    /// The next piece to read.
    next: u32,
    /// The piece behind the last.
    pub(super) end: u32,
    /// The header that the first piece is read by.
    pub(super) header: Header,
}

impl Span {
    /// The span of a whole file that is one piece.
    pub(super) fn whole(file: usize, header: &Header) -> Span {
        Span {
            file,
            plain: usize::MAX,
            first: 0,
            next: 1,
            end: 1,
            header: header.clone(),
        }
    }

    /// The same span, to be read again by another header.
    pub(super) fn again(self, header: Header) -> Span {
        Span {
            next: self.first,
            header,
            ..self
        }
    }
}

/// What a thread can begin.
pub(super) enum Task {
    /// To read this file, which is a stream, and to give its decompression away if asked.
    Stream(usize, Offer<Stream>),
    /// To read a small file.
    Small(Small),
    /// To decompress what another thread reads.
    Help(Helper<Stream>),
    /// To read a span.
    Span(Span),
}

/// What is to be done, and what is being done.
pub(super) struct Queue {
    /// The header at the first record of each plain file.
    headers: Vec<Header>,
    /// The files that are streams. The last is begun first.
    streams: Vec<usize>,
    /// The last is begun first.
    small: Vec<Small>,
    /// Streams that were begun, for who can help with them. The last was begun last.
    offered: Vec<Helper<Stream>>,
    /// The last is begun first.
    waiting: Vec<Span>,
    /// With the header that the next piece is expected to be read by.
    begun: Vec<Span>,
}

impl Queue {
    pub(super) fn new(found: &Found, header: &Header) -> Queue {
        let Found { plain, .. } = found;
        let mut streams = found.streams.clone();
        // The largest is begun first, so that no thread is left alone with it at the end.
        streams.sort_by_key(|&(_, size)| size);
        let whole = |(number, plain): (usize, &Plain)| Span {
            file: plain.file,
            plain: number,
            first: 0,
            next: 0,
            end: plain.pieces,
            header: header.clone(),
        };
        Queue {
            headers: plain.iter().map(|plain| plain.header.clone()).collect(),
            streams: streams.into_iter().map(|(file, _)| file).collect(),
            small: found.small.iter().rev().copied().collect(),
            offered: Vec::new(),
            waiting: plain.iter().enumerate().map(whole).rev().collect(),
            begun: Vec::new(),
        }
    }

    /// Adds spans.
    pub(super) fn add(&mut self, spans: Vec<Span>) {
        self.waiting.extend(spans);
    }

    /// A small file that turned out to be a stream is begun next.
    pub(super) fn add_stream(&mut self, file: usize) {
        self.streams.push(file);
    }

    /// Something to begin. A stream cannot be cut, so streams come first; small files come last, to
    /// fill up what time is left; to help with a stream is what is left when there is nothing to begin.
    pub(super) fn begin(&mut self) -> Option<Task> {
        if let Some(file) = self.streams.pop() {
            let (offer, helper) = offer();
            self.offered.push(helper);
            return Some(Task::Stream(file, offer));
        }
        if self.waiting.is_empty()
            && let Some(small) = self.small.pop()
        {
            return Some(Task::Small(small));
        }
        let Some(span) = self.waiting.pop().or_else(|| self.take_over()) else {
            return self.offered.pop().map(Task::Help);
        };
        let mut begun = span.clone();
        if span.first == 0 {
            // Its directives are still to be read, by who reads it. Who takes over its back half
            // before that is told what they were seen to say.
            begun.header = self.headers[span.plain].clone();
        }
        self.begun.push(begun);
        Some(Task::Span(span))
    }

    /// The back half of the span that has most left. The first piece of a file stays with who began
    /// the file: what stands before the first directive is read by no header but the one given.
    fn take_over(&mut self) -> Option<Span> {
        let left = |span: &Span| span.end - span.next.max(1);
        let victim = self.begun.iter_mut().max_by_key(|span| left(span))?;
        let half = left(victim).div_ceil(2);
        if half == 0 {
            return None;
        }
        let first = victim.end - half;
        let taken = Span {
            first,
            next: first,
            ..victim.clone()
        };
        victim.end = first;
        Some(taken)
    }

    /// The next piece of a span that was begun, if it still has one. `header` is the one in force
    /// there.
    pub(super) fn next_piece(&mut self, span: &Span, header: &Header) -> Option<u32> {
        let at = self
            .begun
            .iter()
            .position(|begun| (begun.plain, begun.first) == (span.plain, span.first))?;
        let begun = &mut self.begun[at];
        if begun.next == begun.end {
            self.begun.swap_remove(at);
            return None;
        }
        let piece = begun.next;
        begun.next += 1;
        if piece > 0 {
            begun.header = header.clone();
        }
        Some(piece)
    }
}

#[cfg(test)]
mod tests {
    use eas_log_parse::FieldLayout;

    use super::*;

    /// The header of a file: with so many fields more than one.
    fn header(file: usize) -> Header {
        let fields = "a ".repeat(file) + "b";
        Header::with_layout(FieldLayout::parse(fields.as_bytes()))
    }

    fn fields(header: &Header) -> Option<usize> {
        header.layout().map(FieldLayout::len)
    }

    fn queue(pieces: &[u32]) -> Queue {
        let plain: Vec<Plain> = pieces
            .iter()
            .enumerate()
            .map(|(file, &pieces)| {
                let found = PlainFile {
                    path: PathBuf::new(),
                    length: u64::from(pieces) * 10,
                    header: header(file),
                };
                Plain::new(file, found, 10)
            })
            .collect();
        let found = Found {
            unread: Vec::new(),
            plain,
            streams: Vec::new(),
            small: Vec::new(),
            bytes: 0,
            lasts: true,
        };
        Queue::new(&found, &Header::default())
    }

    fn span(queue: &mut Queue) -> Option<Span> {
        match queue.begin() {
            Some(Task::Span(span)) => Some(span),
            _ => None,
        }
    }

    #[test]
    fn every_piece_is_read_once_however_threads_take_turns() {
        let mut tried = 0;
        for seed in 0..50u32 {
            let mut queue = queue(&[7, 1, 3]);
            let mut read = Vec::new();
            let mut at_work: Vec<Span> = Vec::new();
            let mut turn = seed;
            loop {
                turn = turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if at_work.len() < 3 && (turn >> 16) % 2 == 0 {
                    at_work.extend(span(&mut queue));
                }
                for span in &at_work {
                    assert_eq!(span.first == 0, fields(&span.header).is_none());
                }
                if at_work.is_empty() {
                    match span(&mut queue) {
                        Some(span) => at_work.push(span),
                        None => break,
                    }
                }
                let who = (turn >> 20) as usize % at_work.len();
                match queue.next_piece(&at_work[who], &header(at_work[who].file)) {
                    Some(piece) => read.push((at_work[who].file, piece)),
                    None => {
                        at_work.swap_remove(who);
                    }
                }
            }
            read.sort_unstable();
            let all = [(0, 7), (1, 1), (2, 3)];
            let want: Vec<(usize, u32)> = all
                .iter()
                .flat_map(|&(file, pieces)| (0..pieces).map(move |piece| (file, piece)))
                .collect();
            assert_eq!(read, want, "seed {seed}");
            tried += 1;
        }
        assert_eq!(tried, 50);
    }

    #[test]
    fn the_back_half_goes_to_who_has_nothing() {
        let mut queue = queue(&[8]);
        let whole = span(&mut queue).unwrap();
        assert_eq!(queue.next_piece(&whole, &Header::default()), Some(0));
        let taken = span(&mut queue).unwrap();
        assert_eq!((taken.first, taken.end), (4, 8));
        let read: Vec<u32> =
            std::iter::from_fn(|| queue.next_piece(&whole, &Header::default())).collect();
        assert_eq!(read, [1, 2, 3]);
    }

    #[test]
    fn the_first_piece_stays_with_who_began_the_file() {
        let mut queue = queue(&[1, 2]);
        let (one, two) = (span(&mut queue).unwrap(), span(&mut queue).unwrap());
        let taken = span(&mut queue).unwrap();
        assert_eq!((taken.file, taken.first), (1, 1));
        assert_eq!(queue.next_piece(&taken, &taken.header), Some(1));
        assert!(span(&mut queue).is_none());
        for begun in [one, two] {
            assert_eq!(queue.next_piece(&begun, &begun.header), Some(0));
        }
    }

    #[test]
    fn what_is_taken_over_is_read_by_the_header_there() {
        for read_before in [false, true] {
            let mut queue = queue(&[1, 8]);
            let small = span(&mut queue).unwrap();
            assert!(queue.next_piece(&small, &Header::default()).is_some());
            assert!(queue.next_piece(&small, &Header::default()).is_none());
            let whole = span(&mut queue).unwrap();
            assert_eq!(fields(&whole.header), None, "its directives are to be read");
            if read_before {
                assert!(queue.next_piece(&whole, &whole.header).is_some());
            }
            let taken = span(&mut queue).unwrap();
            assert_eq!((taken.first, fields(&taken.header)), (4, Some(2)));
            // What was read tells more than what was seen.
            for piece in u32::from(read_before)..3 {
                assert_eq!(queue.next_piece(&whole, &header(6)), Some(piece));
            }
            for piece in 4..8 {
                assert_eq!(queue.next_piece(&taken, &header(9)), Some(piece));
            }
            let last = span(&mut queue).unwrap();
            assert_eq!((last.first, fields(&last.header)), (3, Some(7)));
        }
    }
}
