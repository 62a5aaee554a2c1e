//! A physical line.

use crate::position::Position;

/// One line of a log, without its line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where the line stands.
    pub position: Position,
    /// The bytes of the line, without CR LF or LF, and without a byte order mark. A line beyond
    /// the length limit holds its first bytes only.
    pub bytes: &'a [u8],
    /// Whether a line feed followed. Only the last line of a log can lack it.
    pub terminated: bool,
}
