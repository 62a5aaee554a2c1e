//! How well the input could be read.

use eas_log_parse::{FaultKind, Tally};

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MalformedLine {
    /// Number of the line in its file, from 1.
    pub line: u64,
    /// Why.
    pub kind: FaultKind,
    /// What was expected and what was found, as a sentence.
    pub what: String,
}

/// How many malformed lines are kept word for word, per file, and beyond them the first of each kind.
/// All are counted.
pub(crate) const KEPT: usize = 5;

/// Keeps a malformed line if it is one of the first, or the first of its kind.
pub(super) fn keep(
    kept: &mut Vec<MalformedLine>,
    kind: FaultKind,
    line: impl FnOnce() -> MalformedLine,
) {
    if kept.len() < KEPT || kept.iter().all(|kept| kept.kind != kind) {
        kept.push(line());
    }
}

/// What became of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Read to its end.
    Read,
    /// Read in part: the error that ended it.
    Broken(String),
    /// Not read, since it is no W3C log: why.
    Skipped(String),
    /// Could not be read at all: the error.
    Unreadable(String),
}

impl FileState {
    /// The state in a word for machines, and its message.
    pub fn parts(&self) -> (&'static str, Option<&str>) {
        match self {
            FileState::Read => ("read", None),
            FileState::Broken(why) => ("broken", Some(why)),
            FileState::Skipped(why) => ("skipped", Some(why)),
            FileState::Unreadable(why) => ("unreadable", Some(why)),
        }
    }
}

/// How well one input could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileQuality {
    /// Name: the path, or `-`.
    pub name: String,
    /// What became of it.
    pub state: FileState,
    /// Bytes read, after decompression.
    pub bytes: u64,
    /// Lines by kind.
    pub tally: Tally,
    /// Values that did not have their form, though their line is a record.
    pub bad_values: u64,
    /// Requests of senders that are too many to be told apart.
    pub not_told_apart: u64,
    /// The first lines that could not be read, and the first of each kind.
    pub malformed: Vec<MalformedLine>,
}

impl FileQuality {
    pub(super) fn new(name: String) -> FileQuality {
        FileQuality {
            name,
            state: FileState::Read,
            bytes: 0,
            tally: Tally::default(),
            bad_values: 0,
            not_told_apart: 0,
            malformed: Vec::new(),
        }
    }
}

/// How well all inputs could be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quality {
    /// Each input, in the order of their names.
    pub files: Vec<FileQuality>,
}

impl Quality {
    /// The inputs that were read, whole or in part.
    pub fn read(&self) -> impl Iterator<Item = &FileQuality> {
        self.files
            .iter()
            .filter(|f| matches!(f.state, FileState::Read | FileState::Broken(_)))
    }

    /// Lines of all inputs by kind.
    pub fn tally(&self) -> Tally {
        self.files
            .iter()
            .fold(Tally::default(), |sum, file| sum + file.tally)
    }

    /// Bytes of all inputs, after decompression.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Requests of all inputs whose senders are too many to be told apart.
    pub fn not_told_apart(&self) -> u64 {
        self.files.iter().map(|file| file.not_told_apart).sum()
    }

    /// Values of all inputs that did not have their form.
    pub fn bad_values(&self) -> u64 {
        self.files.iter().map(|file| file.bad_values).sum()
    }

    /// Whether an input that should have been read was not, or not to its end.
    pub fn is_incomplete(&self) -> bool {
        self.files
            .iter()
            .any(|f| matches!(f.state, FileState::Broken(_) | FileState::Unreadable(_)))
    }
}
