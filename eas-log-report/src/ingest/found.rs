//! Looking at what there is to read.

use std::io;

use rayon::prelude::*;

use super::pipeline::Options;
use super::quality::FileState;
use super::spans::{Plain, Small};
use crate::input::{PlainFile, Source, open_plain};

/// Largest size in bytes of a file that is not looked at before it is read.
pub(super) const SMALL: u64 = 256 << 10;

/// What the sources are, as far as that is known before they are read.
pub(super) struct Found {
    /// Numbers of files that are not for reading, and why.
    pub(super) unread: Vec<(usize, FileState)>,
    pub(super) plain: Vec<Plain>,
    /// Numbers of files, with their sizes.
    pub(super) streams: Vec<(usize, u64)>,
    pub(super) small: Vec<Small>,
    /// Bytes on disk in all.
    pub(super) bytes: u64,
    /// Whether all of them can be read twice and say the same.
    pub(super) lasts: bool,
}

/// What a source is.
enum Looked {
    /// A log that can be cut into pieces.
    Plain(PlainFile),
    /// A file of this length, which is looked at when it is read: so it is opened but once.
    Small(usize),
    /// What can only be read from its start to its end.
    Stream,
    /// No log, and what it is.
    Other(String),
}

impl Found {
    /// Looks at all sources, by the threads of the pool if there is one.
    pub(super) fn look(
        sources: &[Source],
        options: &Options,
        pool: Option<&rayon::ThreadPool>,
    ) -> Found {
        let look = |source: &Source| look_at(source, options);
        let looked_at: Vec<_> = match pool {
            Some(pool) => pool.install(|| sources.par_iter().map(look).collect()),
            None => sources.iter().map(look).collect(),
        };
        let mut found = Found {
            unread: Vec::new(),
            plain: Vec::new(),
            streams: Vec::new(),
            small: Vec::new(),
            bytes: 0,
            lasts: true,
        };
        for ((file, source), looked) in sources.iter().enumerate().zip(looked_at) {
            match looked {
                Ok(Looked::Plain(plain)) => {
                    found.bytes += plain.length;
                    let plain = Plain::new(file, plain, options.piece_size);
                    found.plain.push(plain);
                }
                Ok(Looked::Small(length)) => {
                    found.bytes += length as u64;
                    found.small.push(Small { file, length });
                }
                // Streams are opened when it is their turn, however many there are.
                Ok(Looked::Stream) => {
                    let size = source.size();
                    found.bytes += size.unwrap_or(0);
                    found.streams.push((file, size.unwrap_or(u64::MAX)));
                    found.lasts &= source.can_be_read_again();
                }
                Ok(Looked::Other(reason)) => {
                    found.unread.push((file, FileState::Skipped(reason)));
                }
                Err(error) => {
                    let state = FileState::Unreadable(error.to_string());
                    found.unread.push((file, state));
                }
            }
        }
        found
    }
}

fn look_at(source: &Source, options: &Options) -> io::Result<Looked> {
    let Some((path, length)) = source.length()? else {
        return Ok(Looked::Stream);
    };
    // Some file systems say zero of files that are not empty.
    if length > 0 && length <= SMALL.min(options.piece_size) {
        return Ok(Looked::Small(length as usize));
    }
    Ok(match open_plain(path, length, &options.fallback)? {
        Some(Ok(plain)) => Looked::Plain(plain),
        Some(Err(reason)) => Looked::Other(reason),
        None => Looked::Stream,
    })
}

/// What is said of a file of this length of which there were only so many bytes.
pub(super) fn became_shorter(bytes: u64, length: u64) -> Option<String> {
    (bytes < length).then(|| {
        format!("the file became shorter while it was read: {bytes} of {length} bytes were there")
    })
}
