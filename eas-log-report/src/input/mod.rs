//! From the paths that were asked for to bytes: finding files, opening them, cutting them.

mod discover;
mod open;
mod range;

pub use discover::{Discovered, Problem, discover};
pub use open::{Content, Opened, Source, Stream, open};
pub use range::RangeReader;
