//! A few tables with a heading, as text and as JSON.

use std::io::{self, Write};

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::escape::terminal_safe;
use super::json::Sections;
use super::text::{TITLE, TextOptions, width, write_section};
use super::time::iso_time;
use crate::report::{SCHEMA, Sheet, Value};

/// Writes tables as text.
///
/// # Errors
/// If the output cannot be written.
pub fn write_sheet_text(
    sheet: &Sheet,
    options: TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{TITLE}{}{TITLE:#}", terminal_safe(&sheet.title))?;
    for note in &sheet.notes {
        for line in textwrap::wrap(&terminal_safe(note), width(options) - 2) {
            writeln!(out, "  {line}")?;
        }
    }
    for section in &sheet.sections {
        writeln!(out)?;
        write_section(section, options, "more; --top 0 shows all", out)?;
    }
    Ok(())
}

/// Writes tables as one JSON object: `schema`, `kind`, the single values, and `sections` as in a
/// report.
///
/// # Errors
/// If the output cannot be written.
pub fn write_sheet_json(sheet: &Sheet, top: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &Object { sheet, top })?;
    out.write_all(b"\n")
}

struct Object<'s> {
    sheet: &'s Sheet,
    top: Option<usize>,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", SCHEMA)?;
        map.serialize_entry("kind", self.sheet.kind)?;
        for (key, value) in &self.sheet.values {
            match value {
                Value::Null => map.serialize_entry(key, &())?,
                Value::Text(text) => map.serialize_entry(key, text)?,
                Value::Number(number) => map.serialize_entry(key, number)?,
                Value::Time(seconds) => map.serialize_entry(key, &iso_time(*seconds))?,
            }
        }
        map.serialize_entry(
            "sections",
            &Sections {
                sections: &self.sheet.sections,
                top: self.top,
            },
        )?;
        map.end()
    }
}
