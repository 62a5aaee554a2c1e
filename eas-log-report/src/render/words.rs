//! Sentences that every form of the report has in common.
//!
//! Names from logs stand in them as they are: the renderer makes them harmless.

use std::cmp::Reverse;

use eas_log_parse::FaultKind;

use super::number::{bytes, grouped, percent};
use super::time::short_time;
use crate::ingest::{FileState, Quality, TOLD_APART_OF_A_USER, TOLD_APART_WITHOUT_LOGON};
use crate::report::{Finding, Part, Report, Value};
use crate::triage::Verdict;

/// The first and the last request.
pub(super) fn period(report: &Report) -> String {
    match report.meta.period {
        Some((first, last)) => {
            let (first, last) = (short_time(first), short_time(last));
            format!("{first} to {last} {}", report.meta.zone())
        }
        None => "no request with a time".to_owned(),
    }
}

/// What of the input could not be read, if anything.
pub(super) fn unread(report: &Report) -> Option<String> {
    let of = |unread: fn(&FileState) -> bool| {
        let files = report.quality.files.iter();
        files.filter(|file| unread(&file.state)).count() as u64
    };
    let none = of(|state| matches!(state, FileState::Unreadable(_)));
    let part = of(|state| matches!(state, FileState::Broken(_)));
    let parts = [(none, "not read"), (part, "read in part")];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(files, _)| *files > 0)
        .map(|(files, how)| format!("{} {how}", some(*files, "file")))
        .collect();
    (!parts.is_empty()).then(|| format!("{}: see Input at the end", parts.join(", ")))
}

/// What it means that there are no findings: without a request nobody was seen to be well.
pub(crate) fn without_findings(report: &Report) -> &'static str {
    match (report.totals.requests, report.totals.broken_devices) {
        (0, _) => "no request, so nothing is known of how devices are",
        (_, 0) => "every device works",
        _ => "but not every device works, see the verdicts",
    }
}

/// Why there is nothing to tell, if there is not.
pub(crate) fn nothing(report: &Report) -> Option<String> {
    let counts = &report.counts;
    if counts.requests > 0 {
        return None;
    }
    let filters = report.meta.filters.iter();
    let filters: Vec<String> = filters
        .map(|(option, value)| format!("--{option} {value}"))
        .collect();
    Some(match (counts.filtered_out, counts.records()) {
        (0, 0) => "no request at all: the logs have no records".to_owned(),
        (0, records) => format!(
            "no ActiveSync request at all among {} records; the site that devices use has \
             /Microsoft-Server-ActiveSync in its logs",
            grouped(records)
        ),
        (left_out, _) => format!(
            "0 of {} requests match {}",
            grouped(left_out),
            filters.join(" ")
        ),
    })
}

/// How much there is.
pub(super) fn extent(report: &Report) -> String {
    if let Some(nothing) = nothing(report) {
        return nothing;
    }
    let totals = &report.totals;
    let servers = report
        .section("servers")
        .map_or(0, |section| section.rows.len());
    format!(
        "{} of {} with {}, logged by {} in {}",
        some(totals.requests, "request"),
        some(totals.users, "user"),
        some(totals.devices, "device id"),
        some(servers as u64, "server"),
        some(report.quality.read().count() as u64, "file"),
    )
}

/// A number of things.
fn some(number: u64, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", grouped(number))
}

/// How many devices and users are broken, and the rest of the sentence: with which verdicts, the most
/// frequent first.
pub(super) fn broken(report: &Report) -> (String, String) {
    let totals = &report.totals;
    let Some(section) = report.section("verdicts") else {
        return (String::new(), String::new());
    };
    let mut verdicts: Vec<(u64, &str)> = section
        .values("devices")
        .zip(section.values("verdict"))
        .filter_map(|pair| match pair {
            (Value::Number(devices), Value::Text(verdict)) => {
                Some((devices.unsigned_abs(), verdict.as_str()))
            }
            _ => None,
        })
        .collect();
    let devices: u64 = verdicts.iter().map(|(devices, _)| devices).sum();
    verdicts.sort_by_key(|&(devices, _)| Reverse(devices));
    let named = |broken: bool| -> Vec<String> {
        let of_kind = verdicts.iter().filter(|(_, verdict)| {
            Verdict::from_name(verdict).is_some_and(|verdict| verdict.is_broken() == broken)
        });
        of_kind
            .map(|(devices, verdict)| format!("{} {verdict}", grouped(*devices)))
            .collect()
    };
    let is = if totals.broken_devices == 1 {
        "is"
    } else {
        "are"
    };
    let mut groups = vec![named(true).join(", "), named(false).join(", ")];
    groups.retain(|group| !group.is_empty());
    (
        format!(
            "{} of {} {is} broken ({} of {})",
            grouped(totals.broken_devices),
            some(devices, "device"),
            grouped(totals.broken_users),
            some(totals.users, "user"),
        ),
        groups.join("; "),
    )
}

/// How much failed, and the rest of the sentence.
pub(super) fn failures(report: &Report) -> (String, String) {
    let totals = &report.totals;
    (
        format!("{} failed", grouped(totals.failed_requests)),
        format!(
            "({}); {} refused for want of provisioning, {} blocked",
            percent(totals.failed_requests, totals.requests),
            some(totals.non_provisionable_devices, "device"),
            grouped(totals.blocked_devices),
        ),
    )
}

/// How well the input could be read, down to the sums that show that no line is lost.
pub(super) fn input(report: &Report) -> Vec<String> {
    let (quality, counts, totals) = (&report.quality, &report.counts, &report.totals);
    let mut lines = vec![
        format!("{} ({})", quality.tally(), bytes(quality.bytes())),
        format!(
            "{} records = {} requests + {} filtered out + {} probes + {} internal + {} other",
            counts.records(),
            counts.requests,
            counts.filtered_out,
            counts.probes,
            counts.internal,
            counts.other,
        ),
    ];
    lines.extend(malformed(quality));
    if totals.logged_twice > 0 {
        lines.push(format!(
            "{} {} logged a second time, by the other of two servers, and count once",
            some(totals.logged_twice, "request"),
            if totals.logged_twice == 1 {
                "is"
            } else {
                "are"
            },
        ));
    }
    if totals.challenges > 0 {
        lines.push(format!(
            "{} (401 without a user), no failures, among the requests",
            some(totals.challenges, "authentication challenge")
        ));
    }
    if quality.not_told_apart() > 0 {
        lines.push(format!(
            "{} of the requests are in the totals and in no row: they name more users, devices and \
             user agents than are told apart, {} without a logon and {} of one user",
            grouped(quality.not_told_apart()),
            grouped(TOLD_APART_WITHOUT_LOGON as u64),
            grouped(TOLD_APART_OF_A_USER as u64),
        ));
    }
    if quality.bad_values() > 0 {
        lines.push(format!(
            "{} did not have their form",
            some(quality.bad_values(), "value")
        ));
    }
    lines
}

/// What could not be read of the lines: how many of each kind, the first of them, and what to do.
fn malformed(quality: &Quality) -> Vec<String> {
    let tally = quality.tally();
    let kinds = FaultKind::ALL
        .into_iter()
        .map(|kind| (kind, tally.malformed_as(kind)));
    kinds
        .filter(|&(_, lines)| lines > 0)
        .map(|(kind, lines)| {
            let first = quality.files.iter().find_map(|file| {
                let line = file.malformed.iter().find(|line| line.kind == kind)?;
                Some(format!(", the first at {}:{}", file.name, line.line))
            });
            format!(
                "{} malformed as {kind}{}: {}",
                grouped(lines),
                first.unwrap_or_default(),
                remedy(kind)
            )
        })
        .collect()
}

/// What a line of this kind means for who has the log, and what to do.
fn remedy(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::NoFields => {
            "they stand before #Fields; if it is lost, name the columns with --fields"
        }
        FaultKind::TooFewValues => {
            "cut off, or the fields of the site were changed without a new #Fields; \
             eas-log-report explain FILE:LINE shows one"
        }
        FaultKind::TooManyValues => {
            "two lines in one, a value with blanks, or fields that were changed without a new \
             #Fields; eas-log-report explain FILE:LINE shows one"
        }
        FaultKind::Unterminated => {
            "the last line of a log, cut off or still being written; once the log goes on, it counts"
        }
        FaultKind::NulBlock => "what a crash left of the lines; it cannot be had back",
        FaultKind::LineTooLong => "longer than 1 MiB, as no request is: text of something else",
        FaultKind::EmptyFields => {
            "a #Fields without names: the lines behind it keep the names before it"
        }
        // These are kinds of values.
        _ => "eas-log-report explain FILE:LINE shows one",
    }
}

/// The command that gives the report of a night anew, with all of it. A page that is made by a job has
/// no other command that its reader could run again.
pub(super) fn again(report: &Report) -> Option<String> {
    let date = &report.changes.as_ref()?.date;
    Some(format!(
        "eas-log-report report --store DIR --from {date} --to {date} --top 0"
    ))
}

/// What shows all rows of a table of text.
pub(super) fn shows_all(report: &Report) -> String {
    again(report).map_or_else(
        || "--top 0 shows all".to_owned(),
        |command| format!("{command} shows all"),
    )
}

/// The command that lists all devices of a finding.
pub(super) fn all_of(finding: &Finding, report: &Report) -> String {
    let id = &finding.advice.id;
    again(report).unwrap_or_else(|| format!("eas-log-report devices --finding {id} PATH"))
}

/// Whom a finding is about, in a few words.
pub(crate) fn whom(finding: &Finding) -> String {
    match (finding.devices, finding.users) {
        (0, _) if finding.failed_requests > 0 => some(finding.failed_requests, "call"),
        (0, _) => "the logs".to_owned(),
        (devices, 0) => some(devices, "device"),
        (devices, users) => format!("{} of {}", some(devices, "device"), some(users, "user")),
    }
}

/// What devices of a finding are: device type and client.
pub(super) fn kind(part: &Part) -> String {
    let names = [part.device_type.as_deref(), part.client.as_deref()];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    if names.is_empty() {
        return "unknown".to_owned();
    }
    names.join(", ")
}
