//! The W3C extended log format, as IIS and others write it.

mod directive;
mod field;
mod header;
mod layout;
mod line;
mod record;
mod split;
pub(crate) mod value;

pub use directive::Directive;
pub use field::Field;
pub use header::Header;
pub use layout::FieldLayout;
pub use line::Line;
pub use record::Record;
pub(crate) use split::{Miscount, Span, split};
