//! Where a line stands in its log.

use core::fmt;

/// The place of a line: its first byte and its line number.
///
/// Both are counted in the text of the log itself: after decompression, and with a byte order
/// mark counted as bytes. `byte` counts from 0 and `line` from 1, so that `file:line` names the
/// same line in an editor. A line ends at a line feed; NUL bytes do not end one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Position {
    /// Offset of the first byte of the line, from 0.
    pub byte: u64,
    /// Number of the line, from 1.
    pub line: u64,
}

impl Position {
    /// The first line of a log.
    pub const START: Position = Position { byte: 0, line: 1 };
}

impl Default for Position {
    fn default() -> Self {
        Position::START
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} (byte {})", self.line, self.byte)
    }
}
