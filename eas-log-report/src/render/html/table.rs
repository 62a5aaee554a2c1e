//! Tables as the template writes them.

use serde::Serialize;

use super::super::cell::{cut, shown, telling};
use super::super::number::grouped;
use crate::report::{Measure, Section};

/// So many characters of a text are shown. Nobody reads more of a user agent, and a client may send
/// as many as it likes.
const LONGEST: usize = 300;

/// A table with everything as text.
#[derive(Serialize)]
pub(super) struct Table {
    id: &'static str,
    title: &'static str,
    about: &'static str,
    /// How many rows there are.
    total: String,
    /// How many of them are here; none if all are.
    capped_at: Option<String>,
    columns: Vec<Head>,
    /// How many columns are hidden at first.
    details: usize,
    rows: Vec<Vec<String>>,
}

#[derive(Serialize)]
struct Head {
    label: &'static str,
    /// How the script sorts it.
    sort: &'static str,
    /// Class of its cells.
    class: String,
}

impl Table {
    /// The first rows of a section.
    pub(super) fn new(section: &Section, top: Option<usize>) -> Table {
        let rows = &section.rows[..section.rows.len().min(top.unwrap_or(usize::MAX))];
        let (details, shown_first): (Vec<_>, Vec<_>) =
            telling(section, rows).partition(|(_, column)| column.detail);
        let columns = shown_first.iter().chain(&details);
        Table {
            id: section.id,
            title: section.title,
            about: section.about,
            total: grouped(section.total as u64),
            capped_at: (rows.len() < section.total).then(|| grouped(rows.len() as u64)),
            details: details.len(),
            columns: columns
                .clone()
                .map(|(_, column)| {
                    let (sort, class) = match column.measure {
                        Measure::Text => ("text", "s"),
                        Measure::Code | Measure::Count => ("number", "n"),
                        Measure::Time | Measure::Ever | Measure::Hour => ("time", "t"),
                        Measure::Place => ("text", "p"),
                    };
                    let class = if column.detail {
                        format!("{class} d")
                    } else {
                        class.to_owned()
                    };
                    Head {
                        label: column.label,
                        sort,
                        class,
                    }
                })
                .collect(),
            rows: rows
                .iter()
                .map(|row| {
                    let cells = columns.clone();
                    cells
                        .map(|&(at, column)| {
                            cut(shown(column.measure, &row[at]), LONGEST).into_owned()
                        })
                        .collect()
                })
                .collect(),
        }
    }
}
