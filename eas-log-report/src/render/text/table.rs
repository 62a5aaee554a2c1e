//! A table that fits the terminal.
//!
//! Where nobody watches (a pipe, a file) every cell is written whole. On a terminal a table that is
//! too wide gives way in this order: file names lose their folders, long texts their ends, and then
//! the columns that matter least are left out.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};

use super::super::cell::{shown, telling};
use crate::report::{Column, Measure, Row, Section, Value};

/// A table as text, and the labels of the columns that were left out to fit it.
pub(super) struct Fitted {
    pub(super) text: String,
    pub(super) left_out: Vec<&'static str>,
}

/// Blanks on both sides of a cell.
const PADDING: usize = 2;

/// No column of texts is made narrower than this before another is left out.
const NARROWEST: usize = 12;

/// Columns that can be left out, the first first.
const DISPENSABLE: [&str; 11] = [
    "first_seen",
    "users",
    "access_reason",
    "sample",
    "evidence",
    "requests",
    "last_seen",
    "last_success",
    "failed_requests",
    "sc_status",
    "eas_status",
];

/// Columns of a few words that say the most: they are not cut.
const WHOLE: [&str; 1] = ["verdict"];

/// Lays out rows in a width; none is as wide as it takes.
pub(super) fn table(section: &Section, rows: &[Row], width: Option<u16>) -> Fitted {
    let mut columns: Vec<Printed> = telling(section, rows)
        .filter(|(_, column)| !column.detail)
        .map(|(at, column)| Printed::new(column, rows.iter().map(|row| &row[at])))
        .collect();
    let mut left_out = Vec::new();
    if let Some(width) = width {
        left_out = fit(&mut columns, usize::from(width).saturating_sub(PADDING));
    }
    Fitted {
        text: layout(&columns),
        left_out,
    }
}

/// A column with its cells as they are printed.
struct Printed {
    column: Column,
    cells: Vec<String>,
    width: usize,
}

impl Printed {
    fn new<'v>(column: Column, values: impl Iterator<Item = &'v Value>) -> Printed {
        let cells: Vec<String> = values
            .map(|value| shown(column.measure, value).into_owned())
            .collect();
        let widest = cells.iter().map(|cell| cell.chars().count()).max();
        let width = widest.unwrap_or(0).max(column.label.chars().count());
        Printed {
            column,
            cells,
            width,
        }
    }

    /// The width below which the column is not made narrower.
    fn narrowest(&self) -> usize {
        match self.column.measure {
            Measure::Text if WHOLE.contains(&self.column.key) => self.width,
            Measure::Text | Measure::Place => NARROWEST.max(self.column.label.chars().count()),
            Measure::Code | Measure::Count | Measure::Time | Measure::Ever | Measure::Hour => {
                self.width
            }
        }
    }

    fn cut(&self, cell: &str) -> String {
        let length = cell.chars().count();
        if length <= self.width {
            return cell.to_owned();
        }
        let kept = self.width - 1;
        let is_account = self.column.key == "user" && cell.contains('\\');
        if self.column.measure == Measure::Place || is_account {
            // The end of a path tells more than its beginning, an account more than its domain.
            return format!("…{}", cell.chars().skip(length - kept).collect::<String>());
        }
        format!("{}…", cell.chars().take(kept).collect::<String>())
    }
}

/// Makes columns narrower, and leaves some out, until all fit. Gives the labels of those left out.
fn fit(columns: &mut Vec<Printed>, width: usize) -> Vec<&'static str> {
    let total = |columns: &[Printed]| -> usize { columns.iter().map(|c| c.width + PADDING).sum() };
    let least =
        |columns: &[Printed]| -> usize { columns.iter().map(|c| c.narrowest() + PADDING).sum() };
    let mut left_out = Vec::new();
    for key in DISPENSABLE {
        if least(columns) <= width {
            break;
        }
        // The first is what rows are told apart or sorted by.
        let at = columns.iter().position(|printed| printed.column.key == key);
        if let Some(at) = at.filter(|&at| at > 0) {
            left_out.push(columns.remove(at).column.label);
        }
    }
    // The widest gives way first; paths before texts.
    while total(columns) > width {
        let widest = columns
            .iter_mut()
            .filter(|printed| printed.width > printed.narrowest())
            .max_by_key(|printed| (printed.column.measure == Measure::Place, printed.width));
        let Some(widest) = widest else { break };
        widest.width -= 1;
    }
    left_out
}

fn layout(columns: &[Printed]) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|printed| printed.column.label));
    let height = columns.first().map_or(0, |printed| printed.cells.len());
    for row in 0..height {
        table.add_row(columns.iter().map(|printed| {
            let cell = Cell::new(printed.cut(&printed.cells[row]));
            match printed.column.measure {
                Measure::Count | Measure::Code => cell.set_alignment(CellAlignment::Right),
                _ => cell,
            }
        }));
    }
    for (at, printed) in columns.iter().enumerate() {
        if matches!(printed.column.measure, Measure::Count | Measure::Code)
            && let Some(column) = table.column_mut(at)
        {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section() -> Section {
        let column = |key, label, measure| Column {
            key,
            label,
            measure,
            detail: false,
        };
        Section {
            id: "failures",
            title: "Failures",
            about: "",
            columns: vec![
                column("user_agent", "User agent", Measure::Text),
                column("error", "Error", Measure::Text),
                column("requests", "Requests", Measure::Count),
                column("first_seen", "First seen (UTC)", Measure::Time),
                column("last_success", "Last success (UTC)", Measure::Ever),
                column("sample", "Sample", Measure::Place),
            ],
            total: 1,
            rows: vec![vec![
                Value::Text("NokiaE721/2.02(0)MailforExchange+3gpp-gba".into()),
                Value::Null,
                Value::Number(12_345),
                Value::Time(1_304_681_411),
                Value::Null,
                Value::Text("logs/CAS01/W3SVC1/u_ex110506.log:64".into()),
            ]],
        }
    }

    #[test]
    fn without_a_width_everything_is_whole() {
        let section = section();
        let Fitted { text, left_out } = table(&section, &section.rows, None);
        assert!(left_out.is_empty());
        assert!(
            !text.contains("Error"),
            "a column without a value is not shown: {text}"
        );
        for whole in [
            "NokiaE721/2.02(0)MailforExchange+3gpp-gba",
            "never",
            "12,345",
            "W3SVC1/u_ex",
        ] {
            assert!(text.contains(whole), "{text}");
        }
    }

    #[test]
    fn a_terminal_gets_what_fits() {
        let section = section();
        for width in [60, 80, 100, 120] {
            let Fitted { text, left_out } = table(&section, &section.rows, Some(width));
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= usize::from(width), "{width}: {widest}\n{text}");
            assert!(text.contains("12,345"), "counts are never cut: {text}");
            assert_eq!(left_out.is_empty(), width >= 80, "{width}: {left_out:?}");
        }
        let Fitted { text, .. } = table(&section, &section.rows, Some(100));
        assert!(text.contains("…") && text.contains(".log:64"), "{text}");
    }
}
