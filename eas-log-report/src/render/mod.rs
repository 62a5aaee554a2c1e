//! Writing a report. Renderers decide how a thing looks, never what it is.

mod cell;
mod csv;
mod escape;
mod explanation;
mod files;
mod html;
mod json;
mod markdown;
mod news;
mod number;
mod prometheus;
mod sheet;
mod sink;
mod text;
mod time;
mod words;

pub use self::csv::{csv_files, section_csv};
pub use escape::{formula_safe, terminal_safe};
pub use explanation::{write_explanation_json, write_explanation_text};
pub use html::{HTML_ROWS, write_html};
pub use json::write_json;
pub use markdown::write_markdown;
pub use news::{headline, news};
pub use number::{bytes, grouped, percent};
pub use prometheus::write_prometheus;
pub use sheet::{write_sheet_json, write_sheet_text};
pub use sink::{try_folder, try_to_write, write_atomically, write_folder};
pub use text::{TextOptions, write_text};
pub use time::{iso_time, short_time};
pub(crate) use words::{nothing, whom, without_findings};
