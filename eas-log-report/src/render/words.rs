//! Sentences that every form of the report has in common.
//!
//! Names from logs stand in them as they are: the renderer makes them harmless.

use std::cmp::Reverse;

use super::number::{bytes, grouped, percent};
use super::time::short_time;
use crate::report::{Finding, Part, Report, Value};
use crate::triage::Verdict;

/// The first and the last request.
pub(super) fn period(report: &Report) -> String {
    match report.meta.period {
        Some((first, last)) => format!("{} to {} UTC", short_time(first), short_time(last)),
        None => "no request with a time".to_owned(),
    }
}

/// How much there is.
pub(super) fn extent(report: &Report) -> String {
    let totals = &report.totals;
    let servers = report
        .section("servers")
        .map_or(0, |section| section.rows.len());
    format!(
        "{} requests of {} users with {} device ids, logged by {} servers in {} files",
        grouped(totals.requests),
        grouped(totals.users),
        grouped(totals.devices),
        grouped(servers as u64),
        grouped(report.quality.read().count() as u64),
    )
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
    let named = |well: bool| -> Vec<String> {
        let of_kind = verdicts.iter().filter(|(_, verdict)| {
            Verdict::from_name(verdict).is_some_and(|verdict| verdict.is_well() == well)
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
    let mut groups = vec![named(false).join(", "), named(true).join(", ")];
    groups.retain(|group| !group.is_empty());
    (
        format!(
            "{} of {} devices {is} broken ({} of {} users)",
            grouped(totals.broken_devices),
            grouped(devices),
            grouped(totals.broken_users),
            grouped(totals.users),
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
            "({}); {} devices refused for want of provisioning, {} blocked",
            percent(totals.failed_requests, totals.requests),
            grouped(totals.non_provisionable_devices),
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
    if totals.logged_twice > 0 {
        lines.push(format!(
            "{} of the requests are logged a second time, by the other of two servers, and count \
             once",
            grouped(totals.logged_twice)
        ));
    }
    if totals.challenges > 0 {
        lines.push(format!(
            "{} of the requests are authentication challenges (401 without a user), no failures",
            grouped(totals.challenges)
        ));
    }
    if quality.bad_values() > 0 {
        lines.push(format!(
            "{} values did not have their form",
            grouped(quality.bad_values())
        ));
    }
    lines
}

/// Whom a finding is about, in a few words.
pub(super) fn whom(finding: &Finding) -> String {
    match finding.devices {
        0 if finding.failed_requests > 0 => {
            format!("{} calls", grouped(finding.failed_requests))
        }
        0 => "the logs".to_owned(),
        1 => "1 device".to_owned(),
        devices => format!("{} devices", grouped(devices)),
    }
}

/// Whom a finding is about, with their users.
pub(super) fn whom_of(finding: &Finding) -> String {
    let devices = whom(finding);
    match (finding.devices, finding.users) {
        (0, _) | (_, 0) => devices,
        (_, 1) => format!("{devices} of 1 user"),
        (_, users) => format!("{devices} of {} users", grouped(users)),
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
