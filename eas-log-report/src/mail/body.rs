//! The two bodies: HTML that mail programs show, and the text for those that do not.

use std::io;

use anstream::StripStream;

use super::affected::Affected;
use super::letter::subject;
use crate::render::{
    TextOptions, grouped, percent, short_time, terminal_safe, whom, without_findings, write_text,
};
use crate::report::{Finding, Report, Severity, Value};

/// Mail programs cut an HTML body that is larger than some 100 KB.
const HTML_CAP: usize = 90 << 10;
/// A text that is longer than this is not read to its end.
const TEXT_CAP: usize = 256 << 10;
/// Rows of each table of the text.
const TOP: usize = 20;
/// So many devices are named in a finding.
const LISTED: usize = 3;
/// So many filters are named.
const FILTERS: usize = 20;

const PAGE: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"color-scheme\" content=\"light dark\"></head>\n\
    <body style=\"font-family:Segoe UI,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.4\">\n";
const HEADING: &str = "<h2 style=\"font-size:16px;margin:20px 0 6px\">";
const CELL: &str = "<td style=\"padding:2px 16px 2px 0;text-align:left\">";
const NUMBER: &str = "<td style=\"padding:2px 16px 2px 0;text-align:right\">";

/// HTML. Tags are written as they stand in this file, everything else is escaped.
#[derive(Default)]
struct Html(String);

impl Html {
    fn tags(&mut self, tags: &'static str) -> &mut Html {
        self.0.push_str(tags);
        self
    }

    fn text(&mut self, text: &str) -> &mut Html {
        for ch in terminal_safe(text).chars() {
            match ch {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ => self.0.push(ch),
            }
        }
        self
    }
}

/// The report in short: findings, verdicts, totals.
pub(super) fn html(report: &Report, affected: &Affected) -> String {
    let mut end = Html::default();
    verdicts(report, &mut end);
    totals(report, affected, &mut end);
    end.tags("</body></html>\n");
    let mut page = Html::default();
    summary(report, &mut page);
    news(report, &mut page);
    findings(report, HTML_CAP.saturating_sub(end.0.len()), &mut page);
    page.0.push_str(&end.0);
    page.0
}

fn summary(report: &Report, page: &mut Html) {
    page.tags(PAGE);
    page.tags("<h1 style=\"font-size:20px;margin:0 0 4px\">");
    page.text(&subject(report))
        .tags("</h1>\n<p style=\"margin:0\">");
    match report.meta.period {
        Some((first, last)) => {
            let period = format!(
                "{} to {} {}",
                short_time(first),
                short_time(last),
                report.meta.zone()
            );
            page.text(&period);
        }
        None => {
            page.text("no request with a time");
        }
    }
    let filters = &report.meta.filters;
    for (option, value) in filters.iter().take(FILTERS) {
        page.tags("<br>only ");
        page.text(&format!("--{option} {}", cut(value, 200)));
    }
    if filters.len() > FILTERS {
        page.tags("<br>");
        page.text(&format!("and {} more filters", filters.len() - FILTERS));
    }
    page.tags("</p>\n");
}

/// What changed, which is what a mail of every night is opened for.
fn news(report: &Report, page: &mut Html) {
    let Some(lines) = crate::render::news(report) else {
        return;
    };
    page.tags(HEADING).text("What changed").tags("</h2>\n");
    page.tags("<ul style=\"margin:4px 0;padding-left:24px\">");
    for line in lines {
        page.tags("<li>").text(&line).tags("</li>");
    }
    page.tags("</ul>\n");
}

/// As many findings as `cap` bytes of the whole page allow.
fn findings(report: &Report, cap: usize, page: &mut Html) {
    let findings = &report.findings;
    page.tags(HEADING);
    page.text(&format!("Findings ({})", findings.len()));
    page.tags("</h2>\n");
    if findings.is_empty() {
        page.tags("<p>None: ");
        page.text(without_findings(report));
        page.tags(".</p>\n");
    }
    for (number, finding) in findings.iter().enumerate() {
        let mut one = Html::default();
        self::finding(number + 1, finding, &mut one);
        let mut rest = Html::default();
        let left = findings.len() - number;
        rest.tags("<p>");
        rest.text(&format!(
            "… and {left} more findings, which the report has."
        ));
        rest.tags("</p>\n");
        // So much must stay free for saying that there are more.
        if page.0.len() + one.0.len() + rest.0.len() > cap {
            page.0.push_str(&rest.0);
            return;
        }
        page.0.push_str(&one.0);
    }
}

fn finding(number: usize, finding: &Finding, page: &mut Html) {
    let advice = &finding.advice;
    page.tags("<div style=\"margin:0 0 14px;padding:2px 0 2px 10px;border-left:4px solid ");
    page.tags(color(advice.severity)).tags("\">\n<strong>");
    page.text(&format!("{number}. {}", advice.title));
    page.tags("</strong><br><span style=\"color:");
    page.tags(color(advice.severity)).tags("\">");
    page.text(advice.severity.name()).tags("</span>, ");
    page.text(advice.certainty.name()).tags(": ");
    page.text(&whom(finding)).tags("<br>\n");
    page.text(&advice.why);
    if !advice.steps.is_empty() {
        page.tags("\n<ol style=\"margin:4px 0;padding-left:24px\">");
        for step in &advice.steps {
            page.tags("<li>").text(step).tags("</li>");
        }
        page.tags("</ol>");
    }
    if let Some(warning) = &advice.warning {
        page.tags("\n<em>Beware: ").text(warning).tags("</em>");
    }
    for (number, device) in finding.listed.iter().take(LISTED).enumerate() {
        page.tags(if number == 0 { "\n<br>Such as " } else { "; " });
        let part = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), |t| cut(t, 80));
        page.text(&part(&device.user)).tags(" <code>");
        page.text(&part(&device.device_id)).tags("</code>");
    }
    page.tags("\n</div>\n");
}

fn color(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "#c62828",
        Severity::High => "#d84315",
        Severity::Medium => "#b26a00",
        Severity::Low => "#2e7d32",
        Severity::Info => "#607d8b",
    }
}

fn verdicts(report: &Report, page: &mut Html) {
    let Some(section) = report.section("verdicts") else {
        return;
    };
    page.tags(HEADING).text("Verdicts").tags("</h2>\n");
    page.tags("<table style=\"border-collapse:collapse\">\n<tr>");
    for column in section.columns.iter().filter(|column| !column.detail) {
        page.tags("<th style=\"padding:2px 16px 2px 0;text-align:left\">");
        page.text(column.label).tags("</th>");
    }
    page.tags("</tr>\n");
    for row in &section.rows {
        page.tags("<tr>");
        for (column, value) in section.columns.iter().zip(row) {
            match value {
                _ if column.detail => {}
                Value::Text(text) => {
                    page.tags(CELL).text(text).tags("</td>");
                }
                Value::Number(number) => {
                    let number = grouped(number.unsigned_abs());
                    page.tags(NUMBER).text(&number).tags("</td>");
                }
                Value::Null | Value::Time(_) => {
                    page.tags(CELL).tags("</td>");
                }
            }
        }
        page.tags("</tr>\n");
    }
    page.tags("</table>\n");
}

fn totals(report: &Report, affected: &Affected, page: &mut Html) {
    let totals = &report.totals;
    page.tags(HEADING).text("Totals").tags("</h2>\n<p>");
    page.text(&format!(
        "{} requests of {} users on {} devices; {} failed ({}).",
        grouped(totals.requests),
        grouped(totals.users),
        grouped(totals.devices),
        grouped(totals.failed_requests),
        percent(totals.failed_requests, totals.requests),
    ));
    page.tags("<br>\n");
    page.text(&format!(
        "{} lines read in {} files; {} malformed.",
        grouped(report.tally().lines()),
        grouped(report.quality.read().count() as u64),
        grouped(report.tally().malformed()),
    ));
    page.tags("</p>\n<p>");
    let Affected {
        devices, attached, ..
    } = *affected;
    page.text(&if attached < devices {
        format!(
            "The attached table has the first {} of {} devices that need something; all of them: {}.",
            grouped(attached),
            grouped(devices),
            match &report.changes {
                None => "eas-log-report devices --broken --format csv PATH".to_owned(),
                Some(changes) => format!(
                    "eas-log-report report --store DIR --from {0} --to {0} --format csv --output FOLDER",
                    changes.date
                ),
            }
        )
    } else {
        format!(
            "The attached table has the devices that need something: {}.",
            grouped(devices)
        )
    });
    page.tags("</p>\n");
}

/// A text of at most so many characters.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// The report as text, to its end unless it is very long.
pub(super) fn text(report: &Report) -> io::Result<String> {
    let mut out = StripStream::new(Vec::new());
    let options = TextOptions {
        top: Some(TOP),
        width: None,
    };
    write_text(report, options, &mut out)?;
    let text = String::from_utf8(out.into_inner()).map_err(io::Error::other)?;
    Ok(cut_lines(text, TEXT_CAP))
}

/// The whole lines of the first `cap` bytes.
fn cut_lines(mut text: String, cap: usize) -> String {
    if text.len() > cap {
        let end = text.as_bytes()[..cap].iter().rposition(|&b| b == b'\n');
        let rest = text.split_off(end.map_or(0, |end| end + 1));
        let lines = grouped(rest.lines().count() as u64);
        text.push_str(&format!("… {lines} more lines, which the report has\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::letter::tests::report;
    use crate::report::{Advice, Certainty, Listed};

    fn finding(title: &str) -> Finding {
        Finding {
            advice: Advice {
                id: "test".to_owned(),
                severity: Severity::High,
                title: title.to_owned(),
                why: title.to_owned(),
                steps: vec![title.to_owned()],
                cmdlets: Vec::new(),
                warning: Some(title.to_owned()),
                who: String::new(),
                references: Vec::new(),
                certainty: Certainty::Certain,
                because: String::new(),
            },
            devices: 2,
            users: 1,
            failed_requests: 7,
            evidence: Vec::new(),
            parts: Vec::new(),
            listed: vec![Listed {
                user: Some(title.to_owned()),
                device_id: None,
                verdict: "blocked",
                evidence: Vec::new(),
            }],
        }
    }

    fn page(report: &Report) -> String {
        html(report, &Affected::of(report).unwrap())
    }

    #[test]
    fn every_text_is_escaped() {
        let evil = "<script>alert('\"&\u{202e}\x1b\r\n')</script><img src=http://x/>";
        let mut report = report(&[("blocked", evil)]);
        report.findings = vec![finding(evil)];
        report.meta.filters = vec![("user".to_owned(), evil.to_owned())];
        let page = page(&report);
        assert!(!page.contains("<script"), "{page}");
        assert!(!page.contains("<img"), "{page}");
        assert!(!page.contains(['\u{202e}', '\x1b', '\r']), "{page}");
        let escaped = "&lt;script&gt;alert(&#39;&quot;&amp;";
        assert_eq!(page.matches(escaped).count(), 6, "{page}");
        let open = |tag: &str| page.matches(tag).count();
        assert_eq!(open("<div"), open("</div>"));
        assert_eq!(open("<p"), open("</p>"));
    }

    #[test]
    fn nothing_is_loaded() {
        let mut report = report(&[("blocked", "a")]);
        report.findings = vec![finding("title")];
        let page = page(&report);
        for loads in [
            "src=", "href=", "url(", "@import", "<link", "http:", "https:",
        ] {
            assert!(!page.contains(loads), "{loads}");
        }
    }

    #[test]
    fn a_page_with_too_many_findings_says_how_many_more() {
        let mut report = report(&[("blocked", "a")]);
        report.findings = vec![finding(&"<long> ".repeat(100)); 300];
        let long = page(&report);
        assert!(long.len() <= HTML_CAP, "{}", long.len());
        assert!(long.len() > HTML_CAP * 9 / 10, "{}", long.len());
        let shown = long.matches("<div").count();
        let more = format!("… and {} more findings", 300 - shown);
        assert!(long.contains(&more), "{shown}");
        assert!(long.ends_with("</body></html>\n"));
        report.findings.truncate(2);
        assert!(!page(&report).contains("more findings"));
    }

    #[test]
    fn a_long_text_ends_with_a_whole_line() {
        let text = "one\ntwo\nthree\n";
        assert_eq!(cut_lines(text.to_owned(), text.len()), text);
        assert_eq!(
            cut_lines(text.to_owned(), 9),
            "one\ntwo\n… 1 more lines, which the report has\n"
        );
        assert_eq!(
            cut_lines(text.to_owned(), 2),
            "… 3 more lines, which the report has\n"
        );
    }
}
