//! `explain`: what a code, a name or a line means.

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read, Write};

use anyhow::{Context, bail, ensure};
use eas_log_parse::{Escaped, FieldLayout, Header};

use super::args::{ExplainArgs, ExplainFormat};
use super::exit::Outcome;
use super::output::styled_stdout;
use super::plan::layout;
use crate::explain::{Part, explain, explain_line, explain_lines, line_at, suggestions};
use crate::input::find_by_name;
use crate::render::{write_explanation_json, write_explanation_text};

/// Subjects, as they were given, with what they mean.
type Explanations = Vec<(String, Vec<Part>)>;

pub(super) fn run(args: &ExplainArgs) -> anyhow::Result<Outcome> {
    let given = args.fields.as_deref().map(layout).transpose()?;
    let mut explanations = Explanations::new();
    // A pasted `#Fields` is in force for the lines pasted behind it.
    let mut fields = given.clone();
    for line in &args.line {
        let found = pasted(line.as_encoded_bytes(), &mut fields);
        explanations.extend(found);
    }
    for subject in args.subject.iter().filter(|subject| *subject != "-") {
        let shown = Escaped(subject.as_encoded_bytes()).to_string();
        explanations.push((shown, explained(subject, given.as_ref())?));
    }
    let from_stdin = args.subject.iter().any(|subject| subject == "-");
    if from_stdin || args.line.is_empty() && args.subject.is_empty() {
        if !from_stdin && io::stdin().is_terminal() {
            bail!(
                "name what is to be explained: a code, a name, a user agent, a line, or FILE:LINE"
            );
        }
        let mut text = Vec::new();
        io::stdin()
            .read_to_end(&mut text)
            .context("cannot read standard input")?;
        let lines = shown(explain_lines(&text, &mut given.clone()));
        ensure!(
            !lines.is_empty(),
            "standard input is empty: expected a code, a name, a user agent or a line"
        );
        explanations.extend(lines);
    }
    write(args, &explanations)?;
    let unknown = |parts: &[Part]| parts.iter().all(Part::is_unknown);
    let unknown = explanations.iter().filter(|(_, parts)| unknown(parts));
    Ok(match unknown.count() {
        0 => Outcome::Written,
        all if all == explanations.len() => Outcome::NoReport,
        _ => Outcome::WrittenInPart,
    })
}

fn shown(explained: Vec<(Vec<u8>, Vec<Part>)>) -> Explanations {
    let explained = explained.into_iter();
    explained
        .map(|(subject, parts)| (Escaped(&subject).to_string(), parts))
        .collect()
}

/// Pasted lines, or queries without their lines.
fn pasted(text: &[u8], fields: &mut Option<FieldLayout>) -> Explanations {
    let mut explained = explain_lines(text, fields);
    if explained.is_empty() {
        explained.push((text.to_vec(), Vec::new()));
    }
    for (line, parts) in &mut explained {
        if parts.is_empty() {
            let header = fields.clone().map(Header::with_layout).unwrap_or_default();
            *parts = vec![explain_line(line, &header)];
        }
    }
    shown(explained)
}

fn explained(subject: &OsStr, fields: Option<&FieldLayout>) -> anyhow::Result<Vec<Part>> {
    // A path may hold anything, but a number behind it is text.
    let place = subject.to_str().and_then(|text| text.rsplit_once(':'));
    let place = place.and_then(|(path, number)| Some((path, number.parse::<u64>().ok()?)));
    if let Some((path, number)) = place
        && let Some(source) = find_by_name(path)
    {
        let fallback = fields.cloned().map(Header::with_layout).unwrap_or_default();
        let found = line_at(&source, number, &fallback)
            .map_err(|why| anyhow::anyhow!("{path}, line {number}: the file {why}"))?;
        return Ok(vec![explain_line(&found.bytes, &found.header)]);
    }
    let found = explain(subject.as_encoded_bytes(), fields);
    if let Some((path, number)) = place
        && found.is_empty()
        && path.contains(['.', '/', '\\'])
    {
        bail!("{path}: there is no such file, so line {number} of it cannot be explained");
    }
    Ok(found)
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
