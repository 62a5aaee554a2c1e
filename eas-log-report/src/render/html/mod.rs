//! HTML: one file that needs nothing else, for people who open it from a share or a mail.
//!
//! The engine escapes whatever it is not told to leave alone, which are the style and the script of
//! the page. Should it ever fail, the page's own policy still allows no other script, no other style
//! and no request.

mod chart;
mod table;

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::{Environment, UndefinedBehavior, Value, value::Serde};
use serde::Serialize;
use sha2::{Digest, Sha256};

use self::chart::{Charts, charts};
use self::table::Table;
use super::cell::cut;
use super::escape::terminal_safe;
use super::files::file_sections;
use super::news::news;
use super::number::{grouped, percent};
use super::words;
use crate::report::{Finding, Report, Section};

/// Rows of a table unless asked: with 30,000 devices that is a page of some 4 MB, which a mail can
/// carry and a browser shows at once. All rows would be ten times that.
pub const HTML_ROWS: usize = 2000;

/// So many devices of a finding are named.
const LISTED: usize = 50;
/// So many kinds of devices of a finding are named.
const PARTS: usize = 10;
/// So many characters of a name are shown.
const LONGEST: usize = 300;

const STYLE: &str = include_str!("../../../templates/report.css");
const SCRIPT: &str = include_str!("../../../templates/report.js");

const TEMPLATES: [(&str, &str); 6] = [
    (
        "report.html",
        include_str!("../../../templates/report.html"),
    ),
    (
        "finding.html",
        include_str!("../../../templates/finding.html"),
    ),
    (
        "timeline.html",
        include_str!("../../../templates/timeline.html"),
    ),
    ("chart.html", include_str!("../../../templates/chart.html")),
    ("heat.html", include_str!("../../../templates/heat.html")),
    ("table.html", include_str!("../../../templates/table.html")),
];

/// Writes a report as one HTML page. `top` limits the rows of each table.
///
/// # Errors
/// If the output cannot be written.
pub fn write_html(report: &Report, top: Option<usize>, out: &mut dyn Write) -> io::Result<()> {
    let page = Page::new(report, top);
    write_page(&page, out).map_err(io::Error::other)
}

fn write_page(page: &Page, out: &mut dyn Write) -> Result<(), minijinja::Error> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, template) in TEMPLATES {
        engine.add_template(name, template)?;
    }
    let template = engine.get_template("report.html")?;
    template.render_captured_to(Value::from(Serde(page)), out)?;
    Ok(())
}

/// What the page consists of.
#[derive(Serialize)]
struct Page {
    style: &'static str,
    script: &'static str,
    policy: String,
    version: &'static str,
    period: String,
    /// The zone of its times.
    zone: String,
    /// The command that gives all rows, where a page is not made by a command of its reader.
    again: Option<String>,
    extent: String,
    filters: Vec<String>,
    figures: Vec<Figure>,
    /// What changed; nothing where that is not known.
    news: Option<Vec<String>>,
    /// The tables of what changed.
    news_tables: Vec<Table>,
    findings: Vec<Told>,
    without_findings: &'static str,
    charts: Charts,
    /// The tables of the report, and those of its input.
    tables: Vec<Table>,
    input: Vec<String>,
    input_tables: Vec<Table>,
}

/// A number at the top.
#[derive(Serialize)]
struct Figure {
    number: String,
    label: &'static str,
    note: String,
    is_bad: bool,
}

impl Page {
    fn new(report: &Report, top: Option<usize>) -> Page {
        let filters = report.meta.filters.iter();
        let findings = report.findings.iter().zip(1..);
        let is_news = |section: &&Section| section.id.starts_with("changes_");
        let (news_tables, tables): (Vec<_>, Vec<_>) = report.sections.iter().partition(is_news);
        let table = |section: &Section| Table::new(section, top);
        let files = file_sections(&report.quality);
        Page {
            style: STYLE,
            script: SCRIPT,
            policy: policy(),
            version: env!("CARGO_PKG_VERSION"),
            period: words::period(report),
            zone: report.meta.zone().to_owned(),
            again: words::again(report),
            extent: terminal_safe(&words::extent(report)).into_owned(),
            filters: filters
                .map(|(option, value)| format!("--{option} {}", name(value)))
                .collect(),
            figures: figures(report),
            without_findings: words::without_findings(report),
            news: news(report).map(|lines| lines.iter().map(|line| name(line)).collect()),
            news_tables: news_tables.into_iter().map(table).collect(),
            findings: findings
                .map(|(finding, number)| Told::new(number, finding, words::all_of(finding, report)))
                .collect(),
            charts: charts(report),
            tables: tables.into_iter().map(table).collect(),
            input: words::input(report)
                .iter()
                .map(|line| terminal_safe(line).into_owned())
                .collect(),
            input_tables: files
                .iter()
                .filter(|section| section.total > 0)
                .map(|section| Table::new(section, top))
                .collect(),
        }
    }
}

/// Only this style and this script, and nothing from anywhere.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; \
         form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// A text from a log.
fn name(text: &str) -> String {
    cut(terminal_safe(text), LONGEST).into_owned()
}

fn figures(report: &Report) -> Vec<Figure> {
    let totals = &report.totals;
    let figure = |number: u64, label, note: String, is_bad: bool| Figure {
        number: grouped(number),
        label,
        note,
        is_bad: is_bad && number > 0,
    };
    vec![
        figure(
            totals.broken_devices,
            "devices broken",
            format!("of {} users", grouped(totals.broken_users)),
            true,
        ),
        figure(
            totals.devices,
            "devices",
            format!("of {} users", grouped(totals.users)),
            false,
        ),
        figure(totals.requests, "requests", String::new(), false),
        figure(
            totals.failed_requests,
            "failed requests",
            format!(
                "{} of all",
                percent(totals.failed_requests, totals.requests)
            ),
            true,
        ),
        figure(
            totals.non_provisionable_devices,
            "devices refused",
            "for want of provisioning".to_owned(),
            true,
        ),
        figure(
            totals.blocked_devices,
            "devices blocked",
            String::new(),
            true,
        ),
    ]
}

/// A finding with everything as text.
#[derive(Serialize)]
struct Told {
    number: usize,
    id: String,
    severity: &'static str,
    certainty: &'static str,
    title: String,
    whom: String,
    failed_requests: String,
    why: String,
    steps: Vec<String>,
    cmdlets: Vec<String>,
    warning: Option<String>,
    who: String,
    because: String,
    references: Vec<String>,
    parts: Vec<(String, String)>,
    parts_left_out: usize,
    evidence: Vec<String>,
    listed: Vec<Device>,
    /// How many devices are not named here; none if all are.
    left_out: Option<String>,
    /// The command that lists all.
    all: String,
}

#[derive(Serialize)]
struct Device {
    user: String,
    id: String,
    verdict: &'static str,
    evidence: Vec<String>,
}

impl Told {
    fn new(number: usize, finding: &Finding, all: String) -> Told {
        let advice = &finding.advice;
        let or_dash = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), name);
        let texts = |texts: &[String]| texts.iter().map(|text| name(text)).collect();
        let listed: Vec<Device> = finding
            .listed
            .iter()
            .take(LISTED)
            .map(|device| Device {
                user: or_dash(&device.user),
                id: or_dash(&device.device_id),
                verdict: device.verdict,
                evidence: texts(&device.evidence),
            })
            .collect();
        let left_out = finding.devices.saturating_sub(listed.len() as u64);
        let parts = finding.parts.iter().take(PARTS);
        Told {
            number,
            id: advice.id.clone(),
            severity: advice.severity.name(),
            certainty: advice.certainty.name(),
            title: advice.title.clone(),
            whom: words::whom(finding),
            failed_requests: grouped(finding.failed_requests),
            evidence: texts(&finding.evidence),
            why: advice.why.clone(),
            steps: advice.steps.clone(),
            cmdlets: advice.cmdlets.clone(),
            warning: advice.warning.clone(),
            who: advice.who.clone(),
            because: advice.because.clone(),
            references: advice.references.clone(),
            parts: parts
                .map(|part| (grouped(part.devices), name(&words::kind(part))))
                .collect(),
            parts_left_out: finding.parts.len().saturating_sub(PARTS),
            listed,
            left_out: (left_out > 0).then(|| grouped(left_out)),
            all,
        }
    }
}
