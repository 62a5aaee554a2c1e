//! From bytes to facts: reading inputs in parallel.

mod filter;
mod gather;
mod pipeline;
mod quality;
mod scan;
mod spans;

pub use filter::{Cutover, CutoverSide, Filter, Patterns};
pub use gather::{Kept, judge};
pub use pipeline::{Ingested, Options, Progress, ingest};
pub use quality::{FileQuality, FileState, MalformedLine, Quality};
