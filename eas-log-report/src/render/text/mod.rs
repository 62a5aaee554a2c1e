//! Text for people: the answer on the first screen, everything below it.

mod findings;
mod table;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use table::{Fitted, table};

use super::escape::terminal_safe;
use super::news::news;
use super::number::grouped;
use super::words;
use crate::ingest::FileState;
use crate::report::{Report, Section};

/// How to write text.
#[derive(Clone, Copy, Debug)]
pub struct TextOptions {
    /// Rows of each table; none for all.
    pub top: Option<usize>,
    /// Width in characters to fit tables into; none where lines may be as long as they like.
    pub width: Option<u16>,
}

pub(super) const TITLE: Style = Style::new().bold();
const ALARM: Style = Style::new()
    .fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)))
    .bold();
const QUIET: Style = Style::new().dimmed();

/// Text is not made wider than this, since long lines are hard to read.
const WIDEST: usize = 100;

/// So many findings, and rows of the ledger, stand on the first screen.
const FIRST_SCREEN: usize = 10;

/// Writes a report as text. Styles are written as escapes; a stream that has none strips them.
///
/// # Errors
/// If the output cannot be written.
pub fn write_text(report: &Report, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    summary(report, options, out)?;
    let first = TextOptions {
        top: Some(FIRST_SCREEN.min(options.top.unwrap_or(usize::MAX))),
        ..options
    };
    writeln!(out)?;
    findings::overview(report, first, out)?;
    if let Some(section) = report.section("devices") {
        writeln!(out)?;
        write_section(section, first, "more below", out)?;
    }
    findings::details(report, options, out)?;
    for section in &report.sections {
        // What the first screen has shown whole is not shown again.
        if section.id != "devices" || section.total > FIRST_SCREEN {
            writeln!(out)?;
            let more = format!("more; {}", words::shows_all(report));
            write_section(section, options, &more, out)?;
        }
    }
    writeln!(out)?;
    input(report, options, out)
}

fn summary(report: &Report, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    let period = words::period(report);
    writeln!(out, "{TITLE}Exchange ActiveSync report{TITLE:#}  {period}")?;
    for (option, value) in &report.meta.filters {
        writeln!(
            out,
            "  {QUIET}only{QUIET:#} --{option} {}",
            terminal_safe(value)
        )?;
    }
    let width = width(options);
    if let Some(news) = news(report) {
        writeln!(out, "\n{TITLE}What changed{TITLE:#}")?;
        for line in news {
            let line = terminal_safe(&line);
            for (number, line) in textwrap::wrap(&line, width - 4).iter().enumerate() {
                let indent = if number == 0 { "  " } else { "    " };
                writeln!(out, "{indent}{line}")?;
            }
        }
        writeln!(out)?;
    }
    if let Some(nothing) = words::nothing(report) {
        for line in textwrap::wrap(&terminal_safe(&nothing), width - 2) {
            writeln!(out, "  {ALARM}{line}{ALARM:#}")?;
        }
        return Ok(());
    }
    let (broken, verdicts) = words::broken(report);
    let style = match report.totals.broken_devices {
        0 => Style::new(),
        _ => ALARM,
    };
    writeln!(out, "  {style}{broken}{style:#}")?;
    // A number stays with what it counts.
    let verdicts = verdicts.replace(", ", ",\n").replace("; ", ";\n");
    let together = verdicts.replace(' ', "\u{a0}").replace('\n', " ");
    for line in textwrap::wrap(&together, width - 4) {
        writeln!(out, "    {}", line.replace('\u{a0}', " "))?;
    }
    for line in textwrap::wrap(&words::extent(report), width - 2) {
        writeln!(out, "  {line}")?;
    }
    if let Some(unread) = words::unread(report) {
        writeln!(out, "  {ALARM}{unread}{ALARM:#}")?;
    }
    let alarm = if report.totals.failed_requests > 0 {
        ALARM
    } else {
        Style::new()
    };
    let (failed, rest) = words::failures(report);
    writeln!(out, "  {alarm}{failed}{alarm:#} {rest}")
}

/// How wide running text may be.
pub(super) fn width(options: TextOptions) -> usize {
    options.width.map_or(WIDEST, usize::from).clamp(40, WIDEST)
}

/// Writes one section: title, table, and how many rows are left out.
pub(super) fn write_section(
    section: &Section,
    options: TextOptions,
    more: &str,
    out: &mut dyn Write,
) -> io::Result<()> {
    let total = section.total;
    writeln!(
        out,
        "{TITLE}{} ({}){TITLE:#}",
        section.title,
        grouped(total as u64)
    )?;
    if total == 0 {
        return writeln!(out, "  none");
    }
    let shown = section.rows.len().min(options.top.unwrap_or(usize::MAX));
    let Fitted { text, left_out } = table(section, &section.rows[..shown], options.width);
    for line in text.lines() {
        writeln!(out, " {}", line.trim_end())?;
    }
    if !left_out.is_empty() {
        let columns = left_out.join(", ");
        let note = format!("a wider terminal, a file or a pipe also shows: {columns}");
        for line in textwrap::wrap(&note, width(options) - 2) {
            writeln!(out, "  {QUIET}{line}{QUIET:#}")?;
        }
    }
    if shown < total {
        writeln!(
            out,
            "  {QUIET}… {} {more}{QUIET:#}",
            grouped((total - shown) as u64)
        )?;
    }
    Ok(())
}

/// How well the input could be read, down to the sum that shows that no line is lost.
fn input(report: &Report, options: TextOptions, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{TITLE}Input{TITLE:#}")?;
    for sentence in words::input(report) {
        for line in textwrap::wrap(&terminal_safe(&sentence), width(options) - 2) {
            writeln!(out, "  {line}")?;
        }
    }
    for file in &report.quality.files {
        // There may be many, of which few are named.
        if file.state == FileState::Read && file.tally.malformed() == 0 {
            continue;
        }
        let name = terminal_safe(&file.name);
        match &file.state {
            FileState::Read => {}
            FileState::Skipped(why) => {
                writeln!(
                    out,
                    "  {QUIET}skipped:{QUIET:#} {name}: {}",
                    terminal_safe(why)
                )?;
            }
            FileState::Broken(why) => writeln!(
                out,
                "  {ALARM}read in part, {} lines:{ALARM:#} {name}: {}",
                grouped(file.tally.lines()),
                terminal_safe(why)
            )?,
            FileState::Unreadable(why) => {
                writeln!(
                    out,
                    "  {ALARM}not read:{ALARM:#} {name}: {}",
                    terminal_safe(why)
                )?;
            }
        }
        for bad in &file.malformed {
            writeln!(out, "  {name}:{}: {}", bad.line, bad.what)?;
        }
        let more = file.tally.malformed() - file.malformed.len() as u64;
        if more > 0 {
            writeln!(out, "  {name}: {} more malformed lines", grouped(more))?;
        }
    }
    Ok(())
}
