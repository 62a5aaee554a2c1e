//! Explanations, as text and as JSON.

use std::io::{self, Write};

use anstyle::Style;
use eas_log_parse::codes;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::escape::terminal_safe;
use crate::explain::Part;

const NAME: Style = Style::new().bold();
const QUIET: Style = Style::new().dimmed();

/// Columns in which values and meanings begin, as far as what stands before them allows.
const VALUE_AT: usize = 26;
const MEANING_AT: usize = 62;

/// Writes what something means. Whatever of it stood in a log is made harmless for a terminal.
///
/// # Errors
/// If the output cannot be written.
pub fn write_explanation_text(
    subject: &str,
    parts: &[Part],
    suggestions: &[&str],
    out: &mut dyn Write,
) -> io::Result<()> {
    if parts.is_empty() {
        writeln!(
            out,
            "{NAME}{}{NAME:#}  unknown: no table has it",
            terminal_safe(subject)
        )?;
        if !suggestions.is_empty() {
            writeln!(out, "  near to it: {}", suggestions.join(", "))?;
        }
        return Ok(());
    }
    for part in parts {
        match part.kind {
            "line" | "query" | "Log" => {
                let meaning = part.meaning.as_deref().unwrap_or(part.kind);
                writeln!(out, "{NAME}{}{NAME:#}", terminal_safe(meaning))?;
                for note in &part.notes {
                    writeln!(out, "  {QUIET}{}{QUIET:#}", terminal_safe(note))?;
                }
                if let Some(value) = &part.value {
                    writeln!(out, "  {}", terminal_safe(value))?;
                }
                for part in &part.parts {
                    write_part(part, 1, out)?;
                }
            }
            _ => write_alone(part, out)?,
        }
    }
    Ok(())
}

/// One code or name, with all that is known of it.
fn write_alone(part: &Part, out: &mut dyn Write) -> io::Result<()> {
    let name = terminal_safe(&part.name);
    let value = part
        .value
        .as_deref()
        .map(|value| format!(" ({})", terminal_safe(value)))
        .unwrap_or_default();
    writeln!(out, "{NAME}{} {name}{NAME:#}{value}", part.kind)?;
    let meaning = part.meaning.as_deref();
    let meaning = meaning.or(part.parts.is_empty().then_some("unknown"));
    if let Some(meaning) = meaning {
        writeln!(out, "  {}", terminal_safe(meaning))?;
    }
    for note in &part.notes {
        writeln!(out, "  {}", terminal_safe(note))?;
    }
    let evidence = evidence_in_words(&part.evidence);
    if !evidence.is_empty() {
        let source = if part.source.is_empty() {
            String::new()
        } else {
            format!(" ({})", part.source)
        };
        writeln!(out, "  {QUIET}{evidence}{source}{QUIET:#}")?;
    }
    part.parts
        .iter()
        .try_for_each(|part| write_part(part, 1, out))
}

/// A part of a line: name, value, meaning, evidence; and its own parts below it.
fn write_part(part: &Part, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let indent = depth * 2;
    let name = terminal_safe(&part.name);
    let mut column = indent + name.chars().count();
    write!(out, "{:indent$}{NAME}{name}{NAME:#}", "")?;
    let to = |out: &mut dyn Write, column: &mut usize, at: usize| -> io::Result<()> {
        let blanks = at.saturating_sub(*column).max(2);
        *column += blanks;
        write!(out, "{:blanks$}", "")
    };
    if let Some(value) = &part.value {
        let value = terminal_safe(value);
        to(out, &mut column, VALUE_AT)?;
        column += value.chars().count();
        write!(out, "{value}")?;
    }
    let meaning =
        part.meaning
            .as_deref()
            .unwrap_or(if part.parts.is_empty() { "unknown" } else { "" });
    if !meaning.is_empty() {
        to(out, &mut column, MEANING_AT)?;
        write!(out, "{}", terminal_safe(meaning))?;
    }
    if !part.evidence.is_empty() {
        write!(out, "  {QUIET}[{}]{QUIET:#}", part.evidence)?;
    }
    writeln!(out)?;
    for note in &part.notes {
        let note = terminal_safe(note);
        writeln!(out, "{:1$}{QUIET}{note}{QUIET:#}", "", indent + 2)?;
    }
    part.parts
        .iter()
        .try_for_each(|part| write_part(part, depth + 1, out))
}

/// The words for marks of evidence, which stand together as in `X,S` or `D+I`.
fn evidence_in_words(marks: &str) -> String {
    let words: Vec<&str> = marks.chars().filter_map(codes::evidence).collect();
    words.join("; ")
}

/// Writes explanations as JSON: an array with an object for each subject.
///
/// # Errors
/// If the output cannot be written.
pub fn write_explanation_json(
    explanations: &[(String, Vec<Part>)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let subjects: Vec<Subject<'_>> = explanations.iter().map(Subject).collect();
    serde_json::to_writer_pretty(&mut *out, &subjects)?;
    out.write_all(b"\n")
}

struct Subject<'a>(&'a (String, Vec<Part>));

impl Serialize for Subject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (subject, parts) = self.0;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("subject", subject)?;
        map.serialize_entry("meanings", &parts.iter().map(OnePart).collect::<Vec<_>>())?;
        map.end()
    }
}

struct OnePart<'a>(&'a Part);

impl Serialize for OnePart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let part = self.0;
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", part.kind)?;
        map.serialize_entry("name", &part.name)?;
        map.serialize_entry("value", &part.value)?;
        map.serialize_entry("meaning", &part.meaning)?;
        map.serialize_entry("known", &!part.is_unknown())?;
        map.serialize_entry("notes", &part.notes)?;
        map.serialize_entry("evidence", &text(&part.evidence))?;
        map.serialize_entry("source", &text(&part.source))?;
        map.serialize_entry("parts", &part.parts.iter().map(OnePart).collect::<Vec<_>>())?;
        map.end()
    }
}
