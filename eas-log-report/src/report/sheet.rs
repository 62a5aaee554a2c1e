//! A few tables with a heading: what the commands beside the report write.

use super::section::{Section, Value};

/// Some tables with a heading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// The command that made it, as JSON names it.
    pub kind: &'static str,
    /// Title for people.
    pub title: String,
    /// What there is to say before the tables, in sentences.
    pub notes: Vec<String>,
    /// Single values: a stable name in snake_case, and the value.
    pub values: Vec<(&'static str, Value)>,
    /// The tables.
    pub sections: Vec<Section>,
}
