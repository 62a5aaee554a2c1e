//! From the paths that were asked for to bytes: finding files, opening them, cutting them.

mod decode;
mod discover;
mod open;
mod pattern;
mod range;
mod stream;
mod zip;

pub use discover::{Discovered, Problem, discover, find_by_name};
pub use open::{Content, PlainFile, Source, is_log, open, open_plain, open_small, open_stream};
pub use pattern::wildcards;
pub use range::RangeReader;
pub use stream::Stream;
pub use zip::Member;
