//! Markdown: the report for wikis and tickets, in the form that GitHub and its kin read.

use std::io::{self, Write};

use super::cell::{cut, shown, telling};
use super::escape::terminal_safe;
use super::files::file_sections;
use super::news::news;
use super::number::grouped;
use super::words;
use crate::report::{Finding, Listed, Measure, Report, Section, Value};

/// So many characters of a name are shown.
const LONGEST: usize = 300;
/// So many kinds of devices of a finding are named.
const PARTS: usize = 10;
/// So many devices of a finding are named.
const LISTED: usize = 10;

/// Writes a report as Markdown. `top` limits the rows of each table.
///
/// # Errors
/// If the output cannot be written.
pub fn write_markdown(report: &Report, top: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Exchange ActiveSync report\n")?;
    writeln!(out, "{}\n", words::period(report))?;
    for (option, value) in &report.meta.filters {
        writeln!(out, "- only `--{option}` {}", logged(value))?;
    }
    if !report.meta.filters.is_empty() {
        writeln!(out)?;
    }
    if let Some(news) = news(report) {
        writeln!(out, "## What changed\n")?;
        for line in news {
            writeln!(out, "- {}", prose(&line))?;
        }
        writeln!(out, "\n## Summary\n")?;
    }
    let (broken, verdicts) = words::broken(report);
    writeln!(out, "**{broken}**: {verdicts}.\n")?;
    let (failed, rest) = words::failures(report);
    writeln!(
        out,
        "{}. **{failed}** {rest}.\n",
        prose(&words::extent(report))
    )?;
    findings(report, out)?;
    let all = words::again(report).unwrap_or_else(|| "--top 0".to_owned());
    for section in &report.sections {
        writeln!(out)?;
        table(section, top, &all, out)?;
    }
    writeln!(out, "\n## Input\n")?;
    for line in words::input(report) {
        writeln!(out, "- {}", prose(&line))?;
    }
    for section in file_sections(&report.quality) {
        if section.total > 0 {
            writeln!(out)?;
            table(&section, top, &all, out)?;
        }
    }
    Ok(())
}

fn findings(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## Findings ({})\n", report.findings.len())?;
    if report.findings.is_empty() {
        return writeln!(out, "None: {}.", words::without_findings(report));
    }
    writeln!(out, "| | Severity | About | Finding |")?;
    writeln!(out, "| ---: | --- | ---: | --- |")?;
    for (finding, number) in report.findings.iter().zip(1..) {
        let advice = &finding.advice;
        writeln!(
            out,
            "| {number} | {} | {} | {} |",
            advice.severity.name(),
            words::whom(finding),
            prose(&advice.title)
        )?;
    }
    for (finding, number) in report.findings.iter().zip(1..) {
        writeln!(out)?;
        detail(number, finding, &words::all_of(finding, report), out)?;
    }
    Ok(())
}

fn detail(number: usize, finding: &Finding, all: &str, out: &mut dyn Write) -> io::Result<()> {
    let advice = &finding.advice;
    writeln!(out, "### {number}. {}\n", prose(&advice.title))?;
    writeln!(
        out,
        "**{}**, {}: {}. `{}`\n",
        advice.severity.name(),
        advice.certainty.name(),
        words::whom(finding),
        advice.id
    )?;
    writeln!(out, "**Why:** {}\n", prose(&advice.why))?;
    if !advice.steps.is_empty() {
        writeln!(out, "**What to do:**\n")?;
        for (step, number) in advice.steps.iter().zip(1..) {
            writeln!(out, "{number}. {}", prose(step))?;
        }
        writeln!(out)?;
    }
    if let Some(warning) = &advice.warning {
        writeln!(out, "> **Beware:** {}\n", prose(warning))?;
    }
    if !advice.cmdlets.is_empty() {
        let commands: Vec<_> = advice.cmdlets.iter().map(|c| terminal_safe(c)).collect();
        let commands = commands.join("\n");
        let fence = "`".repeat(longest_run(&commands).max(2) + 1);
        writeln!(out, "{fence}powershell\n{commands}\n{fence}\n")?;
    }
    writeln!(out, "- **Who acts:** {}", prose(&advice.who))?;
    writeln!(
        out,
        "- **How sure:** {}: {}",
        advice.certainty.name(),
        prose(&advice.because)
    )?;
    if !advice.references.is_empty() {
        let sources: Vec<_> = advice.references.iter().map(|text| prose(text)).collect();
        writeln!(out, "- **Sources:** {}", sources.join("; "))?;
    }
    if !finding.parts.is_empty() {
        let kinds = finding.parts.iter().take(PARTS);
        let mut kinds: Vec<String> = kinds
            .map(|part| format!("{} × {}", grouped(part.devices), logged(&words::kind(part))))
            .collect();
        if finding.parts.len() > PARTS {
            kinds.push(format!("{} more kinds", finding.parts.len() - PARTS));
        }
        writeln!(out, "- **Kinds of devices:** {}", kinds.join("; "))?;
    }
    if !finding.evidence.is_empty() {
        let lines: Vec<_> = finding.evidence.iter().map(|line| logged(line)).collect();
        writeln!(out, "- **Lines:** {}", lines.join(" "))?;
    }
    devices(finding, all, out)
}

fn devices(finding: &Finding, all: &str, out: &mut dyn Write) -> io::Result<()> {
    if finding.listed.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| User | Device ID | Verdict | Evidence |")?;
    writeln!(out, "| --- | --- | --- | --- |")?;
    let listed = &finding.listed[..finding.listed.len().min(LISTED)];
    for device in listed {
        let Listed {
            user,
            device_id,
            verdict,
            evidence,
        } = device;
        let name = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), logged);
        let lines: Vec<_> = evidence.iter().map(|line| logged(line)).collect();
        writeln!(
            out,
            "| {} | {} | {verdict} | {} |",
            name(user),
            name(device_id),
            lines.join(" ")
        )?;
    }
    let more = finding.devices.saturating_sub(listed.len() as u64);
    if more > 0 {
        writeln!(out, "\n… {} more: `{all}`", grouped(more))?;
    }
    Ok(())
}

/// A section with the columns for people. `all` is what shows all rows.
fn table(section: &Section, top: Option<usize>, all: &str, out: &mut dyn Write) -> io::Result<()> {
    let total = section.total;
    writeln!(out, "## {} ({})\n", section.title, grouped(total as u64))?;
    if total == 0 {
        return writeln!(out, "None.");
    }
    let rows = &section.rows[..section.rows.len().min(top.unwrap_or(usize::MAX))];
    let columns: Vec<_> = telling(section, rows)
        .filter(|(_, column)| !column.detail)
        .collect();
    for (_, column) in &columns {
        write!(out, "| {} ", column.label)?;
    }
    writeln!(out, "|")?;
    for (_, column) in &columns {
        let is_number = matches!(column.measure, Measure::Count | Measure::Code);
        write!(out, "| {} ", if is_number { "---:" } else { "---" })?;
    }
    writeln!(out, "|")?;
    for row in rows {
        for &(at, column) in &columns {
            match &row[at] {
                Value::Text(text) => write!(out, "| {} ", logged(text))?,
                value => write!(out, "| {} ", shown(column.measure, value))?,
            }
        }
        writeln!(out, "|")?;
    }
    if rows.len() < total {
        writeln!(
            out,
            "\n… {} more; `{all}` shows all",
            grouped((total - rows.len()) as u64)
        )?;
    }
    Ok(())
}

/// A text from a log, as code: nothing in it is a mark, a link or a mention.
///
/// In a table a bar would end the cell, and a backslash before it does not help everywhere after
/// another one. Texts with bars or backticks are therefore written as references to characters.
fn logged(text: &str) -> String {
    let text = cut(terminal_safe(text), LONGEST);
    if text.trim().is_empty() {
        return "-".to_owned();
    }
    // The blanks at the ends of a code span may be taken off it.
    if text.contains(['|', '`']) || text.trim() != text {
        let mut code = String::from("<code>");
        for ch in text.chars() {
            if ch.is_alphanumeric() {
                code.push(ch);
            } else {
                code.push_str(&format!("&#{};", u32::from(ch)));
            }
        }
        code.push_str("</code>");
        return code;
    }
    format!("`{text}`")
}

/// A text of a finding: no mark in it has a meaning, and no HTML.
fn prose(text: &str) -> String {
    let text = terminal_safe(text);
    let mut safe = String::with_capacity(text.len());
    let is_number = |before: &str| !before.is_empty() && before.bytes().all(|b| b.is_ascii_digit());
    for (at, ch) in text.char_indices() {
        match ch {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '|' => safe.push_str("&#124;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '$' => {
                safe.push('\\');
                safe.push(ch);
            }
            // Where a text begins a line, these would make it an item of a list or a rule.
            '-' | '+' | '=' if at == 0 => {
                safe.push('\\');
                safe.push(ch);
            }
            '.' | ')' if is_number(&text[..at]) => {
                safe.push('\\');
                safe.push(ch);
            }
            _ => safe.push(ch),
        }
    }
    safe
}

/// How many backticks stand together at most.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|ch| ch != '`').map(str::len);
    runs.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_from_logs_are_code() {
        let cases = [
            ("iPhone", "`iPhone`"),
            (r"FABRIKAM\jdoe", r"`FABRIKAM\jdoe`"),
            ("<img src=x>", "`<img src=x>`"),
            ("@all http://evil #1", "`@all http://evil #1`"),
            (r"a\|b", "<code>a&#92;&#124;b</code>"),
            ("`x", "<code>&#96;x</code>"),
            (" x", "<code>&#32;x</code>"),
            ("a\nb", r"`a\x0ab`"),
            ("", "-"),
        ];
        for (text, want) in cases {
            assert_eq!(logged(text), want);
        }
        assert_eq!(logged(&"x".repeat(1000)).chars().count(), LONGEST + 3);
    }

    #[test]
    fn texts_of_findings_have_no_marks() {
        let cases = [
            ("Set it to $true.", r"Set it to \$true."),
            ("a_b *c* [d](e)", r"a\_b \*c\* \[d\](e)"),
            ("<b>&", "&lt;b&gt;&amp;"),
            ("a | b", "a &#124; b"),
            ("# x", r"\# x"),
            ("- x - y", r"\- x - y"),
            ("12. x 3. y", r"12\. x 3. y"),
        ];
        for (text, want) in cases {
            assert_eq!(prose(text), want);
        }
        assert_eq!(longest_run("a``b`"), 2);
    }
}
