//! CSV: one table a section, with a header line, for spreadsheets and imports.

use std::io;

use super::escape::formula_safe;
use super::time::iso_time;
use crate::ingest::Quality;
use crate::report::{Section, Value};

/// The files of some tables: a name and its content for each, and for the input.
///
/// # Errors
/// If a record cannot be made.
pub fn csv_files(
    sections: &[Section],
    quality: Option<&Quality>,
    top: Option<usize>,
) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for section in sections {
        files.push((format!("{}.csv", section.id), section_csv(section, top)?));
    }
    if let Some(quality) = quality {
        files.push(("input.csv".to_owned(), input_csv(quality)?));
    }
    Ok(files)
}

/// One section. `top` limits the rows.
///
/// # Errors
/// If a record cannot be made.
pub fn section_csv(section: &Section, top: Option<usize>) -> io::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record(section.columns.iter().map(|column| column.key))?;
    for row in section.rows.iter().take(top.unwrap_or(usize::MAX)) {
        out.write_record(row.iter().map(cell))?;
    }
    out.into_inner().map_err(csv::IntoInnerError::into_error)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => formula_safe(text).into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Time(seconds) => iso_time(*seconds),
    }
}

fn input_csv(quality: &Quality) -> io::Result<Vec<u8>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "file",
        "state",
        "message",
        "bytes",
        "lines",
        "blank",
        "directives",
        "records",
        "malformed",
        "bad_values",
    ])?;
    for file in &quality.files {
        let (state, message) = file.state.parts();
        let message = message.unwrap_or_default();
        let tally = file.tally;
        let counts = [
            file.bytes,
            tally.lines(),
            tally.blank,
            tally.directives,
            tally.records,
            tally.malformed(),
            file.bad_values,
        ];
        let texts = [&file.name, state, message].map(|text| formula_safe(text).into_owned());
        out.write_record(
            texts
                .into_iter()
                .chain(counts.map(|count| count.to_string())),
        )?;
    }
    out.into_inner().map_err(csv::IntoInnerError::into_error)
}
