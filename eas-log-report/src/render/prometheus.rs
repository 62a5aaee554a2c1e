//! The totals for a Prometheus node exporter: its text format, for the textfile collector.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::report::{Report, Section, Value};

/// Writes the totals of a report as metrics. All are gauges: they tell of the logs that were read.
///
/// # Errors
/// If the output cannot be written.
pub fn write_prometheus(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    let tally = report.tally();
    let mut text = String::new();
    let single = [
        (
            "requests",
            "ActiveSync requests of devices",
            totals.requests,
        ),
        (
            "failed_requests",
            "Failed ActiveSync requests",
            totals.failed_requests,
        ),
        ("users", "Different users", totals.users),
        ("devices", "Different devices", totals.devices),
        ("lines", "Lines read", tally.lines()),
        (
            "malformed_lines",
            "Lines that could not be read",
            tally.malformed(),
        ),
    ];
    for (name, help, value) in single {
        metric(&mut text, name, help, [(String::new(), value)]);
    }
    if let Some((first, last)) = report.meta.period {
        for (name, help, time) in [
            (
                "first_request_timestamp_seconds",
                "Time of the first request",
                first,
            ),
            (
                "last_request_timestamp_seconds",
                "Time of the last request",
                last,
            ),
        ] {
            metric(&mut text, name, help, [(String::new(), time.max(0) as u64)]);
        }
    }
    let findings = report.findings.iter().map(|finding| {
        let labels = labels(&[
            ("finding", &finding.advice.id),
            ("severity", finding.advice.severity.name()),
        ]);
        (labels, finding.devices)
    });
    metric(
        &mut text,
        "finding_devices",
        "Devices that a finding lists",
        findings,
    );
    for (section, key, count, name, help) in [
        (
            "verdicts",
            "verdict",
            "devices",
            "verdict_devices",
            "Devices by verdict",
        ),
        (
            "http_status",
            "sc_status",
            "requests",
            "http_status_requests",
            "Requests by HTTP status",
        ),
        (
            "eas_status",
            "eas_status",
            "requests",
            "eas_status_requests",
            "Requests by EAS status",
        ),
        (
            "servers",
            "server",
            "requests",
            "server_requests",
            "Requests by server",
        ),
    ] {
        if let Some(section) = report.section(section) {
            metric(&mut text, name, help, by(section, key, count));
        }
    }
    out.write_all(text.as_bytes())
}

/// One metric with its values by labels. One without values is left out.
fn metric(
    text: &mut String,
    name: &str,
    help: &str,
    values: impl IntoIterator<Item = (String, u64)>,
) {
    let mut values = values.into_iter().peekable();
    if values.peek().is_none() {
        return;
    }
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP eas_{name} {help}");
    let _ = writeln!(text, "# TYPE eas_{name} gauge");
    for (labels, value) in values {
        let _ = writeln!(text, "eas_{name}{labels} {value}");
    }
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}=\"{}\"", escape(value)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}

/// As the format asks: backslash, quotation mark and line feed.
fn escape(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// The sums of a section by one of its keys, in the order in which it first stands there.
fn by(section: &Section, key: &'static str, count: &str) -> Vec<(String, u64)> {
    let mut sums: Vec<(String, u64)> = Vec::new();
    for (value, count) in section.values(key).zip(section.values(count)) {
        let (value, Value::Number(count)) = (text(value), count) else {
            continue;
        };
        let labels = labels(&[(key.trim_start_matches("sc_"), &value)]);
        let count = count.unsigned_abs();
        match sums.iter_mut().find(|(other, _)| *other == labels) {
            Some((_, sum)) => *sum += count,
            None => sums.push((labels, count)),
        }
    }
    sums
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        Value::Number(number) | Value::Time(number) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let found = labels(&[("server", "a\"b\\c\nd")]);
        assert_eq!(found, "{server=\"a\\\"b\\\\c\\nd\"}");
    }
}
