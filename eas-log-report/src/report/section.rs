//! One table of a report.

/// A table: rows of like things, the most important first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Stable name in snake_case.
    pub id: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// What the rows are, in a sentence.
    pub about: &'static str,
    /// The columns.
    pub columns: Vec<Column>,
    /// How many rows there are, of which not all need to be here.
    pub total: usize,
    /// The rows, each with one value for each column.
    pub rows: Vec<Row>,
}

/// The values of a row, in the order of the columns.
pub type Row = Vec<Value>;

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Stable name in snake_case.
    pub key: &'static str,
    /// Heading for people.
    pub label: &'static str,
    /// What its values are.
    pub measure: Measure,
    /// Whether it is for programs and spreadsheets, and left out where people read.
    pub detail: bool,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Text, as logs have it: hostile.
    Text,
    /// A number that names something, such as a status.
    Code,
    /// How many.
    Count,
    /// A moment (UTC).
    Time,
    /// A moment (UTC) that may never have come.
    Ever,
    /// An hour (UTC), by its start.
    Hour,
    /// A line of the input.
    Place,
}

/// A value of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Absent.
    Null,
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
    /// A moment in seconds since 1970-01-01 00:00:00 UTC.
    Time(i64),
}

impl Section {
    /// The column of this key.
    pub fn column(&self, key: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.key == key)
    }

    /// The values of the column of this key.
    pub fn values<'s>(&'s self, key: &str) -> impl Iterator<Item = &'s Value> + use<'s> {
        let column = self.column(key);
        self.rows.iter().filter_map(move |row| row.get(column?))
    }
}
