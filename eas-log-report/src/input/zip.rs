//! The members of a zip archive, each a source of its own.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::zip::read::{ZipFile, read_zipfile_from_stream};
use ::zip::{CompressionMethod, ZipArchive};
use flate2::CrcReader;

use super::decode::{Inflate, Zstd};
use super::stream::{Counting, Stream};

/// A file in a zip archive.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    archive: Arc<Path>,
    name: String,
    /// Where its bytes are, or why they cannot be read.
    packed: Result<Packed, String>,
}

/// The bytes of a member as they lie in the archive, and what they are to come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packed {
    method: Method,
    start: u64,
    length: u64,
    /// Length after decompression.
    size: u64,
    crc: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Method {
    Stored,
    Deflated,
    Zstd,
}

/// Bytes of an archive are read in steps of this many.
const STEP: usize = 256 << 10;

impl Member {
    /// The archive and the name in it. The name is for people: it may be that of a path outside.
    pub fn name(&self) -> String {
        format!("{}!{}", self.archive.display(), self.name)
    }

    /// The archive.
    pub fn archive(&self) -> &Path {
        &self.archive
    }

    /// Size in bytes as it lies in the archive.
    pub fn size(&self) -> u64 {
        self.packed.as_ref().map_or(0, |packed| packed.length)
    }

    /// Opens the member to be read from its start.
    pub(super) fn stream(&self) -> io::Result<Stream> {
        let packed = *self
            .packed
            .as_ref()
            .map_err(|why| io::Error::other(why.as_str()))?;
        let mut file = File::open(&self.archive)?;
        file.seek(SeekFrom::Start(packed.start))?;
        let consumed = Arc::new(AtomicU64::new(0));
        let source = Counting::new(file.take(packed.length), &consumed);
        let source = BufReader::with_capacity(STEP, source);
        let reader: Box<dyn Read + Send> = match packed.method {
            Method::Stored => Box::new(Checked::new(source, &packed)),
            Method::Deflated => Box::new(Checked::new(Inflate::new(source), &packed)),
            Method::Zstd => Box::new(Checked::new(Zstd::new(source)?, &packed)),
        };
        Ok(Stream::new(reader, consumed))
    }
}

/// Holds what comes to what the archive says of it.
struct Checked<R> {
    inner: CrcReader<R>,
    left: u64,
    crc: u32,
}

impl<R: Read> Checked<R> {
    fn new(inner: R, packed: &Packed) -> Checked<R> {
        Checked {
            inner: CrcReader::new(inner),
            left: packed.size,
            crc: packed.crc,
        }
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wrong = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        if self.left == 0 {
            return if self.inner.get_mut().read(&mut [0])? > 0 {
                wrong("it goes on beyond the length that the archive has for it")
            } else if self.inner.crc().sum() != self.crc {
                wrong("its checksum is not that which the archive has for it")
            } else {
                Ok(0)
            };
        }
        let most = usize::try_from(self.left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let n = self.inner.read(&mut buffer[..most])?;
        if n == 0 && most > 0 {
            let what = format!("it is cut short: {} bytes are missing", self.left);
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
        }
        self.left -= n as u64;
        Ok(n)
    }
}

/// What an archive holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Its files in the order of their names.
    pub(super) members: Vec<Member>,
    /// What is wrong with it as a whole, as a sentence without its subject.
    pub(super) problem: Option<String>,
}

/// Lists the files of an archive by its directory, or where that is lost, by what stands before each
/// file.
pub(super) fn list(path: &Path, file: &File) -> Listing {
    let archive: Arc<Path> = Arc::from(path);
    let mut listing = match ZipArchive::new(BufReader::new(file)) {
        Ok(directory) => by_directory(&archive, directory),
        Err(error) => {
            let members = by_walking(&archive, BufReader::with_capacity(STEP, file));
            let found = match members.len() {
                0 => "no file in it could be found".to_owned(),
                n => format!("its first {n} files are read, the last perhaps in part"),
            };
            Listing {
                members,
                problem: Some(format!(
                    "a damaged zip archive, or only the start of one ({error}): {found}"
                )),
            }
        }
    };
    refuse_overlaps(&mut listing.members);
    // As the files of a folder are sorted, so that an archive of it reads like the folder.
    listing
        .members
        .sort_by(|a, b| Path::new(&a.name).cmp(Path::new(&b.name)));
    listing
}

fn by_directory(archive: &Arc<Path>, mut directory: ZipArchive<BufReader<&File>>) -> Listing {
    let mut members = Vec::with_capacity(directory.len());
    for index in 0..directory.len() {
        let name = match directory.by_index_data(index) {
            Ok(entry) => String::from_utf8_lossy(entry.name_raw()).into_owned(),
            Err(_) => format!("file {}", index + 1),
        };
        match directory.by_index_raw(index) {
            Ok(file) => {
                let start = file.data_start().unwrap_or_default();
                members.extend(member(archive, &file, start));
            }
            Err(error) => members.push(Member {
                archive: archive.clone(),
                name,
                packed: Err(error.to_string()),
            }),
        }
    }
    let problem = if directory.has_duplicate_names() {
        Some("a zip archive with several files of one name: the last of each is read".to_owned())
    } else if members.is_empty() {
        Some("a zip archive without files".to_owned())
    } else {
        None
    };
    Listing { members, problem }
}

/// Goes from file to file as long as each says how long it is.
fn by_walking(archive: &Arc<Path>, mut file: impl Read + Seek) -> Vec<Member> {
    let mut members = Vec::new();
    if file.rewind().is_err() {
        return members;
    }
    let at = Arc::new(AtomicU64::new(0));
    let mut source = Counting::new(file, &at);
    // What is left of a file is passed over when it is dropped.
    while let Ok(Some(file)) = read_zipfile_from_stream(&mut source) {
        let start = at.load(Ordering::Relaxed);
        members.extend(member(archive, &file, start));
    }
    members
}

/// The member that this is the entry of; none for a folder.
fn member<R: Read>(archive: &Arc<Path>, file: &ZipFile<'_, R>, start: u64) -> Option<Member> {
    if file.is_dir() {
        return None;
    }
    let name = file.name().map_or_else(
        |_| String::from_utf8_lossy(file.name_raw()).into_owned(),
        std::borrow::Cow::into_owned,
    );
    let method = match file.compression() {
        CompressionMethod::STORE => Some(Method::Stored),
        CompressionMethod::DEFLATE => Some(Method::Deflated),
        CompressionMethod::ZSTD => Some(Method::Zstd),
        _ => None,
    };
    let packed = if file.encrypted() {
        Err("encrypted; extract it with its password first".to_owned())
    } else if let Some(method) = method {
        Ok(Packed {
            method,
            start,
            length: file.compressed_size(),
            size: file.size(),
            crc: file.crc32(),
        })
    } else {
        Err(format!(
            "compressed by {}, which is not supported; extract it first",
            file.compression()
        ))
    };
    Some(Member {
        archive: archive.clone(),
        name,
        packed,
    })
}

/// Refuses files that share bytes: many of them over the same bytes make a bomb, and no program
/// that archives logs writes such.
fn refuse_overlaps(members: &mut [Member]) {
    members.sort_by_key(|member| member.packed.as_ref().map_or(0, |packed| packed.start));
    let mut end = 0;
    for member in members {
        if let Ok(packed) = member.packed {
            if packed.start < end {
                member.packed = Err("it shares bytes with another file of the archive".to_owned());
            }
            end = end.max(packed.start.saturating_add(packed.length));
        }
    }
}

/// The archive of a member of this name, if there is such a file.
pub(super) fn archive_of(name: &str) -> Option<PathBuf> {
    name.match_indices('!')
        .map(|(at, _)| Path::new(&name[..at]))
        .find(|archive| archive.is_file())
        .map(Path::to_owned)
}
