//! What changed, in sentences: what a report of a night begins with.
//!
//! Names from logs stand in them as they are: the renderer makes them harmless.

use super::cell::cut;
use super::number::grouped;
use super::time::short_time;
use crate::report::{Report, Row, Section, Value};

/// So many things of a kind are named; the tables have all.
const NAMED: usize = 3;
/// So many characters of a name are told.
const LONGEST: usize = 80;

/// What changed, a sentence for each kind of change; nothing where that is not known.
pub fn news(report: &Report) -> Option<Vec<String>> {
    let changes = report.changes.as_ref()?;
    let totals = &report.totals;
    let all = format!(
        "{} requests of {} devices, {} failed",
        grouped(totals.requests),
        grouped(totals.devices),
        grouped(totals.failed_requests),
    );
    let days = match changes.days_before {
        0 => {
            let none = "no earlier day is there to compare with";
            return Some(vec![format!("{all}; {none}.")]);
        }
        1 => "the day before".to_owned(),
        days => format!("usual of {days} days"),
    };
    let usual = format!(
        "{days}: {}, {} and {}",
        grouped(changes.usual_requests),
        grouped(changes.usual_devices),
        grouped(changes.usual_failed_requests),
    );
    if changes.is_quiet {
        return Some(vec![format!("Nothing changed: {all}; {usual}.")]);
    }
    let mut lines = Vec::new();
    for (change, one, many) in [
        ("newly failing", "device newly fails", "devices newly fail"),
        (
            "verdict changed",
            "device fails in another way",
            "devices fail in another way",
        ),
        ("recovered", "device works again", "devices work again"),
    ] {
        let tell = |row: Of<'_>| {
            let device = format!("{} on {}", row.text("user"), row.text("device_id"));
            match change {
                "newly failing" => format!(
                    "{device} ({}, {} of {} requests failed)",
                    row.text("verdict"),
                    row.count("failed_requests"),
                    row.count("requests")
                ),
                "verdict changed" => {
                    format!(
                        "{device} ({}, was {})",
                        row.text("verdict"),
                        row.text("before")
                    )
                }
                _ => format!("{device} (was {})", row.text("before")),
            }
        };
        let is_one = |row: &Of<'_>| row.text("change") == change;
        lines.extend(sentence(
            report,
            "changes_devices",
            is_one,
            (one, many),
            tell,
        ));
    }
    let of_kind = |kind: &'static str| move |row: &Of<'_>| row.text("kind") == kind;
    for (kind, one, many) in [
        ("device type", "new device type", "new device types"),
        ("user agent", "new client", "new clients"),
    ] {
        let tell = |row: Of<'_>| {
            format!(
                "{} ({} requests of {} devices, {} failed)",
                row.text("name"),
                row.count("requests"),
                row.count("devices"),
                row.count("failed_requests")
            )
        };
        lines.extend(sentence(
            report,
            "changes_clients",
            of_kind(kind),
            (one, many),
            tell,
        ));
    }
    for (kind, one, many) in [
        ("error", "error rises", "errors rise"),
        ("HTTP status", "HTTP status rises", "HTTP statuses rise"),
        ("EAS status", "EAS status rises", "EAS statuses rise"),
    ] {
        let tell = |row: Of<'_>| {
            format!(
                "{} ({} requests of {} devices; on a usual day {})",
                row.text("name"),
                row.count("requests"),
                row.count("devices"),
                row.count("usual_per_day")
            )
        };
        lines.extend(sentence(
            report,
            "changes_rising",
            of_kind(kind),
            (one, many),
            tell,
        ));
    }
    let silent = ("server went silent", "servers went silent");
    lines.extend(sentence(
        report,
        "changes_servers",
        |_| true,
        silent,
        |row| {
            format!(
                "{} (on a usual day {} requests)",
                row.text("server"),
                row.count("usual_per_day")
            )
        },
    ));
    let out = ("hour stands out", "hours stand out");
    lines.extend(sentence(
        report,
        "changes_hours",
        |_| true,
        out,
        |row| {
            format!(
                "{} with {} ({} of {} requests failed; usually {} of {})",
                row.text("hour"),
                row.text("change"),
                row.count("failed_requests"),
                row.count("requests"),
                row.count("usual_failed"),
                row.count("usual_requests"),
            )
        },
    ));
    lines.push(format!("In all {all}; {usual}."));
    Some(lines)
}

/// What changed in a few words, for the subject of a mail; nothing where that is not known.
pub fn headline(report: &Report) -> Option<String> {
    let changes = report.changes.as_ref()?;
    if changes.days_before == 0 {
        return None;
    }
    if changes.is_quiet {
        return Some("nothing changed".to_owned());
    }
    let count = |id: &str, change: &str| {
        let section = report.section(id);
        let rows = section.into_iter().flat_map(rows);
        let found = rows.filter(|row| change.is_empty() || row.text("change") == change);
        found.count()
    };
    let parts = [
        (count("changes_devices", "newly failing"), "newly failing"),
        (count("changes_devices", "recovered"), "recovered"),
        (
            count("changes_devices", "verdict changed"),
            "failing in another way",
        ),
        (count("changes_clients", ""), "new client types"),
        (count("changes_rising", ""), "rising errors"),
        (count("changes_servers", ""), "silent servers"),
        (count("changes_hours", ""), "hours that stand out"),
    ];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts
        .map(|(number, what)| format!("{} {what}", grouped(number as u64)))
        .collect();
    Some(parts.join(", "))
}

/// A row, by the keys of its columns.
#[derive(Clone, Copy)]
struct Of<'r> {
    section: &'r Section,
    row: &'r Row,
}

fn rows(section: &Section) -> impl Iterator<Item = Of<'_>> {
    section.rows.iter().map(move |row| Of { section, row })
}

impl Of<'_> {
    fn value(&self, key: &str) -> &Value {
        let column = self.section.column(key);
        column.map_or(&Value::Null, |column| &self.row[column])
    }

    fn text(&self, key: &str) -> String {
        match self.value(key) {
            Value::Text(text) => cut(text.into(), LONGEST).into_owned(),
            Value::Time(time) => short_time(*time),
            _ => "-".to_owned(),
        }
    }

    fn count(&self, key: &str) -> String {
        match self.value(key) {
            Value::Number(number) => grouped(number.unsigned_abs()),
            _ => "-".to_owned(),
        }
    }
}

/// A sentence about the rows of a section that are meant; nothing if there are none.
fn sentence(
    report: &Report,
    id: &str,
    is_meant: impl Fn(&Of<'_>) -> bool,
    (one, many): (&str, &str),
    tell: impl Fn(Of<'_>) -> String,
) -> Option<String> {
    let meant: Vec<Of<'_>> = rows(report.section(id)?).filter(is_meant).collect();
    let mut named: Vec<String> = meant.iter().take(NAMED).map(|row| tell(*row)).collect();
    if meant.len() > NAMED {
        named.push(format!(
            "and {} more",
            grouped((meant.len() - NAMED) as u64)
        ));
    }
    let what = if meant.len() == 1 { one } else { many };
    let number = grouped(meant.len() as u64);
    (!meant.is_empty()).then(|| format!("{number} {what}: {}.", named.join("; ")))
}
