//! The inputs as tables, for the forms that have tables.

use crate::ingest::Quality;
use crate::report::{Column, Measure, Section, Value};

const fn column(key: &'static str, label: &'static str, measure: Measure) -> Column {
    Column {
        key,
        label,
        measure,
        detail: false,
    }
}

fn count(number: u64) -> Value {
    Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The files with their sums, and the lines that could not be read.
pub(super) fn file_sections(quality: &Quality) -> [Section; 2] {
    let files = quality.files.iter().map(|file| {
        let (state, message) = file.state.parts();
        let tally = file.tally;
        vec![
            text(&file.name),
            text(state),
            message.map_or(Value::Null, text),
            count(tally.lines()),
            count(tally.records),
            count(tally.malformed()),
            count(file.bad_values),
            count(file.bytes),
        ]
    });
    let files: Vec<_> = files.collect();
    let malformed: Vec<_> = quality
        .files
        .iter()
        .flat_map(|file| {
            file.malformed.iter().map(|bad| {
                vec![
                    Value::Text(format!("{}:{}", file.name, bad.line)),
                    text(&bad.what),
                ]
            })
        })
        .collect();
    [
        Section {
            id: "files",
            title: "Files",
            about: "Every input, and how well it could be read.",
            columns: vec![
                column("file", "File", Measure::Place),
                column("state", "State", Measure::Text),
                column("message", "Message", Measure::Text),
                column("lines", "Lines", Measure::Count),
                column("records", "Records", Measure::Count),
                column("malformed", "Malformed", Measure::Count),
                column("bad_values", "Bad values", Measure::Count),
                column("bytes", "Bytes", Measure::Count),
            ],
            total: files.len(),
            rows: files,
        },
        Section {
            id: "malformed_lines",
            title: "Malformed lines",
            about: "The first lines of each file that could not be read, and why.",
            columns: vec![
                column("line", "Line", Measure::Place),
                column("why", "Why", Measure::Text),
            ],
            total: malformed.len(),
            rows: malformed,
        },
    ]
}
