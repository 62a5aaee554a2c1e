//! Findings for people: a line each, then each in full.

use std::io::{self, Write};

use super::super::escape::terminal_safe;
use super::super::number::grouped;
use super::super::words;
use super::{ALARM, QUIET, TITLE, TextOptions, width};
use crate::report::{Finding, Listed, Report, Severity};

/// So many kinds of devices are named in a finding.
const PARTS: usize = 5;
/// So many devices are named in a finding.
const LISTED: usize = 3;
/// What stands before a text that is wrapped.
const INDENT: usize = 11;
/// The same in the list of findings, where a number and a severity stand there.
const LIST_INDENT: usize = 16;

/// Writes for each finding what is wrong with how many devices, who acts, and the first step.
pub(super) fn overview(
    report: &Report,
    options: TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let findings = &report.findings;
    writeln!(out, "{TITLE}Findings ({}){TITLE:#}", findings.len())?;
    if findings.is_empty() {
        return writeln!(out, "  none: {}", words::without_findings(report));
    }
    let shown = findings.len().min(options.top.unwrap_or(usize::MAX));
    let width = width(options);
    for (number, finding) in findings[..shown].iter().enumerate() {
        let advice = &finding.advice;
        let style = style(advice.severity);
        let title = format!("{}: {}", words::whom(finding), advice.title);
        let title = terminal_safe(&title);
        let mut lines = textwrap::wrap(&title, width - LIST_INDENT).into_iter();
        writeln!(
            out,
            "  {:>2}. {style}{:<8}{style:#}  {}",
            number + 1,
            advice.severity.name(),
            lines.next().unwrap_or_default(),
        )?;
        for line in lines {
            writeln!(out, "{:LIST_INDENT$}{line}", "")?;
        }
        if let Some(step) = advice.steps.first() {
            let step = format!("{}: {step}", advice.who);
            let step = terminal_safe(&step);
            for line in textwrap::wrap(&step, width - LIST_INDENT) {
                writeln!(out, "{:LIST_INDENT$}{QUIET}{line}{QUIET:#}", "")?;
            }
        }
    }
    if shown < findings.len() {
        let more = findings.len() - shown;
        writeln!(out, "  {QUIET}… {more} more below{QUIET:#}")?;
    }
    Ok(())
}

fn style(severity: Severity) -> anstyle::Style {
    match severity {
        Severity::Critical | Severity::High => ALARM,
        Severity::Medium | Severity::Low => TITLE,
        Severity::Info => QUIET,
    }
}

/// Writes each finding in full.
pub(super) fn details(
    report: &Report,
    options: TextOptions,
    out: &mut dyn Write,
) -> io::Result<()> {
    let findings = &report.findings;
    let shown = findings.len().min(options.top.unwrap_or(usize::MAX));
    let width = width(options);
    for (number, finding) in findings[..shown].iter().enumerate() {
        writeln!(out)?;
        let all = words::all_of(finding, report);
        detail(number + 1, finding, &all, width, out)?;
    }
    if shown < findings.len() {
        let more = findings.len() - shown;
        writeln!(
            out,
            "\n{QUIET}… {more} more findings; {}{QUIET:#}",
            words::shows_all(report)
        )?;
    }
    Ok(())
}

/// Writes a finding. `all` is the command that lists all of its devices.
fn detail(
    number: usize,
    finding: &Finding,
    all: &str,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    let advice = &finding.advice;
    let title = format!("{number}. {}", advice.title);
    for line in textwrap::wrap(
        &terminal_safe(&title),
        textwrap::Options::new(width).subsequent_indent("   "),
    ) {
        writeln!(out, "{TITLE}{line}{TITLE:#}")?;
    }
    let certainty = advice.certainty.name();
    let severity = style(advice.severity);
    writeln!(
        out,
        "   {severity}{}{severity:#}, {certainty}: {}  {QUIET}{}{QUIET:#}",
        advice.severity.name(),
        words::whom(finding),
        advice.id,
    )?;
    let mut part = |label: &str, text: &str| wrapped(label, text, width, out);
    part("Why", &advice.why)?;
    for (number, step) in advice.steps.iter().enumerate() {
        part(
            if number == 0 { "Do" } else { "" },
            &format!("{}. {step}", number + 1),
        )?;
    }
    if let Some(warning) = &advice.warning {
        part("Beware", warning)?;
    }
    part("Who", &advice.who)?;
    part("Sure", &advice.because)?;
    part("Source", &advice.references.join("; "))?;
    for (number, cmdlet) in advice.cmdlets.iter().enumerate() {
        // A command is copied, so it is not wrapped.
        writeln!(
            out,
            "   {QUIET}{:<8}{QUIET:#}{cmdlet}",
            if number == 0 { "Run" } else { "" }
        )?;
    }
    for (number, place) in finding.evidence.iter().enumerate() {
        let label = if number == 0 { "Lines" } else { "" };
        writeln!(out, "   {QUIET}{label:<8}{QUIET:#}{}", terminal_safe(place))?;
    }
    if finding.devices > 0 {
        wrapped("Devices", &parts(finding), width, out)?;
    }
    for (number, device) in finding.listed.iter().take(LISTED).enumerate() {
        let label = if number == 0 { "Such as" } else { "" };
        let (whom, places) = named(device);
        // Places are copied, so they are not broken.
        let whole = format!("{whom}  {}", places.join("  "));
        if whole.chars().count() + INDENT <= width {
            writeln!(out, "   {QUIET}{label:<8}{QUIET:#}{whole}")?;
            continue;
        }
        writeln!(out, "   {QUIET}{label:<8}{QUIET:#}{whom}")?;
        for place in places {
            writeln!(out, "{:INDENT$}  {place}", "")?;
        }
    }
    let more = finding.devices.saturating_sub(LISTED as u64);
    if more > 0 {
        writeln!(
            out,
            "   {QUIET}        … {} more: {all}{QUIET:#}",
            grouped(more)
        )?;
    }
    Ok(())
}

fn wrapped(label: &str, text: &str, width: usize, out: &mut dyn Write) -> io::Result<()> {
    let safe = terminal_safe(text);
    for (number, line) in textwrap::wrap(&safe, width - INDENT).iter().enumerate() {
        let label = if number == 0 { label } else { "" };
        writeln!(out, "   {QUIET}{label:<8}{QUIET:#}{line}")?;
    }
    Ok(())
}

/// The kinds of devices: how many of which client.
fn parts(finding: &Finding) -> String {
    let mut texts: Vec<String> = finding
        .parts
        .iter()
        .take(PARTS)
        .map(|part| format!("{} × {}", grouped(part.devices), words::kind(part)))
        .collect();
    if finding.parts.len() > PARTS {
        texts.push(format!("{} more kinds", finding.parts.len() - PARTS));
    }
    texts.join("; ")
}

/// Who a device is, and the lines that show it.
fn named(device: &Listed) -> (String, Vec<String>) {
    let part = |text: &Option<String>| {
        let text = text.as_deref().unwrap_or("-");
        terminal_safe(text).into_owned()
    };
    let places = device.evidence.iter();
    let places = places.map(|place| terminal_safe(place).into_owned());
    let (user, id) = (part(&device.user), part(&device.device_id));
    (format!("{user}  {id}"), places.collect())
}
