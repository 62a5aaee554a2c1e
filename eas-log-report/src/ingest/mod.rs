//! From bytes to facts: reading inputs in parallel.

mod ahead;
mod continued;
mod filter;
mod found;
mod gather;
mod pipeline;
mod quality;
mod scan;
mod spans;

pub use continued::{Continued, read_on};
pub use filter::{Cutover, CutoverSide, Filter, Patterns};
pub use gather::{
    Days, Kept, KeptColumn, OpenOf, Part, TOLD_APART_OF_A_USER, TOLD_APART_WITHOUT_LOGON, judge,
};
pub use pipeline::{Ingested, Options, Progress, ingest};
pub(crate) use quality::KEPT as MALFORMED_KEPT;
pub use quality::{FileQuality, FileState, MalformedLine, Quality};
