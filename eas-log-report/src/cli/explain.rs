//! `explain`: what a code, a name or a line means.

use std::io::{self, IsTerminal, Read, Write};

use anyhow::{Context, bail};
use eas_log_parse::{FieldLayout, Header};

use super::args::{ExplainArgs, ExplainFormat};
use super::exit::Outcome;
use super::output::styled_stdout;
use super::plan::layout;
use crate::explain::{Part, explain, explain_line, line_at, suggestions};
use crate::input::find_by_name;
use crate::render::{write_explanation_json, write_explanation_text};

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let fields = args.fields.as_deref().map(layout).transpose()?;
    let mut explanations = Vec::new();
    for line in &args.line {
        explanations.push((line.clone(), explained_line(line, fields.as_ref())));
    }
    for subject in args.subject.iter().filter(|subject| *subject != "-") {
        explanations.push((subject.clone(), explained(subject, fields.as_ref())?));
    }
    let from_stdin = args.subject.iter().any(|subject| subject == "-");
    if from_stdin || explanations.is_empty() {
        if explanations.is_empty() && !from_stdin && io::stdin().is_terminal() {
            bail!(
                "name what is to be explained: a code, a name, a user agent, a line, or FILE:LINE"
            );
        }
        let mut text = Vec::new();
        io::stdin()
            .read_to_end(&mut text)
            .context("cannot read standard input")?;
        let text = String::from_utf8_lossy(&text);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            explanations.push((line.to_owned(), explain(line, fields.as_ref())));
        }
    }
    write(args, &explanations)?;
    let unknown = explanations.iter().any(|(_, parts)| parts.is_empty());
    Ok(if unknown {
        Outcome::WrittenInPart
    } else {
        Outcome::Written
    })
}

/// A pasted line, or a query without its line.
fn explained_line(line: &str, fields: Option<&FieldLayout>) -> Vec<Part> {
    let found = explain(line, fields);
    if !found.is_empty() {
        return found;
    }
    let header = fields.cloned().map(Header::with_layout).unwrap_or_default();
    vec![explain_line(line.as_bytes(), &header)]
}

fn explained(subject: &str, fields: Option<&FieldLayout>) -> anyhow::Result<Vec<Part>> {
    if let Some((path, number)) = subject.rsplit_once(':')
        && let Ok(number) = number.parse()
        && let Some(source) = find_by_name(path)
    {
        let fallback = fields.cloned().map(Header::with_layout).unwrap_or_default();
        let found = line_at(&source, number, &fallback)
            .map_err(|why| anyhow::anyhow!("{path}, line {number}: the file {why}"))?;
        return Ok(vec![explain_line(&found.bytes, &found.header)]);
    }
    Ok(explain(subject, fields))
}

fn write(args: &ExplainArgs, explanations: &[(String, Vec<Part>)]) -> anyhow::Result<()> {
    let mut out = io::BufWriter::new(styled_stdout(args.color));
    match args.format {
        ExplainFormat::Json => write_explanation_json(explanations, &mut out)?,
        ExplainFormat::Text => {
            for (number, (subject, parts)) in explanations.iter().enumerate() {
                if number > 0 {
                    writeln!(out)?;
                }
                let near = if parts.is_empty() {
                    suggestions(subject)
                } else {
                    Vec::new()
                };
                write_explanation_text(subject, parts, &near, &mut out)?;
            }
        }
    }
    out.flush().context("cannot write to standard output")
}
