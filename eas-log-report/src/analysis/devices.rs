//! The ledger as sections: a row for each device, and how many devices have which verdict.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use eas_log_parse::{Client, Encoded};
use rayon::prelude::*;

use super::texts::{Dictionaries, text};
use crate::facts::{Facts, Largest, Latest, NONE, Place, PolicyKey, TextId};
use crate::ingest::Ingested;
use crate::report::{Advice, Column, Measure, Row, Section, Severity, Value};
use crate::triage::{Device, Ledger, RULES, Verdict};

/// So many user agents of a device are named.
const AGENTS_NAMED: usize = 10;

/// So many commands of a device are named: more than there are, if none is invented.
const COMMANDS_NAMED: usize = 30;

/// What columns take their values from.
pub(super) struct Source<'s> {
    pub(super) ingested: &'s Ingested,
    pub(super) texts: &'s Dictionaries<'s>,
    /// What the findings say, by their numbers.
    pub(super) findings: Vec<&'s Advice>,
}

/// A column with how to get its value.
type Get = fn(&Source<'_>, &Device) -> Value;

const fn shown(key: &'static str, label: &'static str, measure: Measure) -> Column {
    Column {
        key,
        label,
        measure,
        detail: false,
    }
}

const fn detail(key: &'static str, label: &'static str, measure: Measure) -> Column {
    Column {
        detail: true,
        ..shown(key, label, measure)
    }
}

/// The columns of the ledger.
static COLUMNS: &[(Column, Get)] = &[
    (shown("verdict", "Verdict", Measure::Text), |_, device| {
        Value::Text(device.verdict.name().to_owned())
    }),
    (shown("user", "User", Measure::Text), |source, device| {
        source.user(device.user)
    }),
    (
        shown("device_id", "Device ID", Measure::Text),
        |source, device| source.device(device.device),
    ),
    (
        shown("client", "Client", Measure::Text),
        |source, device| source.client(device).map_or(Value::Null, Value::Text),
    ),
    (
        shown("reason", "Reason", Measure::Text),
        |source, device| reason(&source.ingested.facts, device).map_or(Value::Null, Value::Text),
    ),
    (
        shown("requests", "Requests", Measure::Count),
        |_, device| number(device.requests),
    ),
    (
        shown("failed_requests", "Failed", Measure::Count),
        |_, device| number(device.failed),
    ),
    (
        shown("last_seen", "Last seen (UTC)", Measure::Time),
        |_, device| time(device.seen.1.seconds()),
    ),
    (
        shown("last_success", "Last success (UTC)", Measure::Ever),
        |_, device| time(device.worked.and_then(|(_, last)| last.seconds())),
    ),
    (
        shown("evidence", "Evidence", Measure::Place),
        |source, device| {
            let last = device.evidence.last();
            last.map_or(Value::Null, |&place| Value::Text(source.place(place)))
        },
    ),
    (
        detail("evidence_first", "First evidence", Measure::Place),
        |source, device| {
            let first = device.evidence.first();
            first.map_or(Value::Null, |&place| Value::Text(source.place(place)))
        },
    ),
    (
        detail("deciding_requests", "Deciding requests", Measure::Count),
        |_, device| number(device.number),
    ),
    (
        detail("findings", "Findings", Measure::Text),
        |source, device| {
            let ids = device
                .findings
                .iter()
                .map(|&number| source.findings[number as usize].id.as_str());
            joined(ids)
        },
    ),
    (
        detail("finding", "Worst finding", Measure::Text),
        |source, device| source.advised(device, |advice| Some(&advice.title)),
    ),
    (
        detail("who", "Who acts", Measure::Text),
        |source, device| source.advised(device, |advice| Some(&advice.who)),
    ),
    (
        detail("first_step", "First step", Measure::Text),
        |source, device| source.advised(device, |advice| advice.steps.first()),
    ),
    (
        detail("device_type", "Device type", Measure::Text),
        |source, device| by_number(&source.texts.device_types, device.device_type),
    ),
    (
        detail("user_agents", "User agents", Measure::Text),
        |source, device| {
            let agents = device.user_agents.iter().take(AGENTS_NAMED);
            let more = device.user_agents.len().saturating_sub(AGENTS_NAMED);
            let more = (more > 0).then(|| format!("and {more} more"));
            let texts = &source.texts.user_agents;
            joined(
                agents
                    .map(|&agent| texts[agent as usize].as_str())
                    .chain(more.as_deref()),
            )
        },
    ),
    (
        detail("vendor", "Vendor", Measure::Text),
        |source, device| source.decoded(device, |client| client.vendor.map(str::to_owned)),
    ),
    (
        detail("model", "Model", Measure::Text),
        |source, device| match source.latest(device.gauge.device_model) {
            Value::Null => source.decoded(device, |client| client.model.map(Into::into)),
            told => told,
        },
    ),
    (
        detail("os", "Operating system", Measure::Text),
        |source, device| match source.latest(device.gauge.device_os) {
            Value::Null => source.decoded(device, |client| {
                let version = client.os_version.as_deref().unwrap_or_default();
                client
                    .os
                    .map(|os| format!("{os} {version}").trim().to_owned())
            }),
            told => told,
        },
    ),
    (
        detail("protocol_versions", "Protocol versions", Measure::Text),
        |_, device| {
            let versions = device.versions.iter();
            let texts: Vec<String> = versions.map(|v| format!("{}.{}", v / 10, v % 10)).collect();
            joined(texts.iter().map(String::as_str))
        },
    ),
    (
        detail("servers", "Servers", Measure::Text),
        |source, device| {
            let names: BTreeSet<&str> = device
                .servers
                .iter()
                .map(|&server| source.texts.servers[server as usize].as_str())
                .collect();
            joined(names.into_iter())
        },
    ),
    (
        detail("mailbox_server", "Mailbox server", Measure::Text),
        |source, device| source.latest(device.gauge.mailbox_server),
    ),
    (
        detail("proxied_to", "Proxied to", Measure::Text),
        |source, device| source.latest(device.gauge.proxied_to),
    ),
    (
        detail("redirected_to", "Redirected to", Measure::Text),
        |source, device| source.latest(device.gauge.redirected_to),
    ),
    (
        detail("first_seen", "First seen (UTC)", Measure::Time),
        |_, device| time(device.seen.0.seconds()),
    ),
    (
        detail("first_success", "First success (UTC)", Measure::Ever),
        |_, device| time(device.worked.and_then(|(first, _)| first.seconds())),
    ),
    (
        detail("failures_by_class", "Failures by class", Measure::Text),
        |_, device| {
            let failures = device.failures.iter();
            let texts: Vec<String> = failures
                .map(|sum| format!("{} {}", sum.class.name(), sum.requests))
                .collect();
            joined(texts.iter().map(String::as_str))
        },
    ),
    (
        detail("commands", "Commands", Measure::Text),
        |source, device| {
            let name = |command: TextId| source.texts.commands[command as usize].as_str();
            let mut commands: Vec<_> = device.commands.iter().map(|&(c, n)| (name(c), n)).collect();
            commands.sort_unstable_by_key(|&(name, requests)| (Reverse(requests), name));
            let commands = commands.iter().take(COMMANDS_NAMED);
            let texts: Vec<String> = commands.map(|(name, n)| format!("{name} {n}")).collect();
            joined(texts.iter().map(String::as_str))
        },
    ),
    (
        detail(
            "provisioning_attempts",
            "Provision requests",
            Measure::Count,
        ),
        |_, device| number(device.provisioning_attempts),
    ),
    (
        detail(
            "longest_refusal_run",
            "Longest run of refusals",
            Measure::Count,
        ),
        |_, device| number(device.longest_refusal_run),
    ),
    (
        detail("access_state", "Access", Measure::Text),
        |_, device| {
            let state = device.access.map(|access| access.state.name().to_owned());
            state.map_or(Value::Null, Value::Text)
        },
    ),
    (
        detail("access_reason", "Reason of access", Measure::Text),
        |_, device| {
            let reason = device.access.and_then(|access| access.reason);
            reason.map_or(Value::Null, |reason| Value::Text(reason.name().to_owned()))
        },
    ),
    (
        detail("policy_key", "Policy key", Measure::Text),
        |_, device| match device.policy_key {
            PolicyKey::Unknown => Value::Null,
            PolicyKey::Zero => Value::Text("zero".to_owned()),
            PolicyKey::Set => Value::Text("set".to_owned()),
        },
    ),
    (
        detail("peak_per_minute", "Most in a minute", Measure::Count),
        |_, device| told((device.peak_per_minute > 0).then_some(device.peak_per_minute)),
    ),
    (
        detail("peak_per_day", "Most on a day", Measure::Count),
        |_, device| number(device.peak_per_day),
    ),
    (
        detail("bytes_sent", "Bytes sent", Measure::Count),
        |_, device| told(device.gauge.bytes_sent),
    ),
    (
        detail("bytes_received", "Bytes received", Measure::Count),
        |_, device| told(device.gauge.bytes_received),
    ),
    (
        detail("rpc_count", "Calls to the store", Measure::Count),
        |_, device| told(device.gauge.rpc_count),
    ),
    (
        detail("rpc_latency_ms", "Their latency (ms)", Measure::Count),
        |_, device| told(device.gauge.rpc_latency_ms),
    ),
    (
        detail(
            "largest_rpc_count",
            "Most calls of one request",
            Measure::Count,
        ),
        |_, device| largest(device.gauge.largest_rpc_count),
    ),
    (
        detail(
            "largest_rpc_count_line",
            "Request with most calls",
            Measure::Place,
        ),
        |source, device| source.line(device.gauge.largest_rpc_count),
    ),
    (
        detail(
            "largest_rpc_latency_ms",
            "Longest latency of one request (ms)",
            Measure::Count,
        ),
        |_, device| largest(device.gauge.largest_rpc_latency_ms),
    ),
    (
        detail(
            "largest_rpc_latency_line",
            "Request with longest latency",
            Measure::Place,
        ),
        |source, device| source.line(device.gauge.largest_rpc_latency_ms),
    ),
    (
        detail("max_throttle_ms", "Longest delay (ms)", Measure::Count),
        |_, device| told(device.gauge.max_throttle_ms),
    ),
    (
        detail("overdrawn_requests", "Overdrawn requests", Measure::Count),
        |_, device| told(device.gauge.overdrawn),
    ),
    (
        detail(
            "max_sync_state_kb",
            "Largest sync state (KB)",
            Measure::Count,
        ),
        |_, device| largest(device.gauge.max_sync_state_kb),
    ),
    (
        detail(
            "max_sync_state_line",
            "Request with largest sync state",
            Measure::Place,
        ),
        |source, device| source.line(device.gauge.max_sync_state_kb),
    ),
    (
        detail("broken_pings", "Broken Pings", Measure::Count),
        |_, device| told(device.gauge.broken_pings),
    ),
    (
        detail("longest_ping_ms", "Longest Ping (ms)", Measure::Count),
        |_, device| largest(device.gauge.longest_ping_ms),
    ),
    (
        detail("longest_ping_line", "Longest Ping", Measure::Place),
        |source, device| source.line(device.gauge.longest_ping_ms),
    ),
];

fn number(number: u64) -> Value {
    Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

/// A number, if the logs tell it.
fn told(value: Option<u64>) -> Value {
    value.map_or(Value::Null, number)
}

fn largest(value: Largest) -> Value {
    told(value.map(|(number, _)| number))
}

fn time(seconds: Option<i64>) -> Value {
    seconds.map_or(Value::Null, Value::Time)
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> Value {
    let joined = texts.collect::<Vec<_>>().join("; ");
    if joined.is_empty() {
        Value::Null
    } else {
        Value::Text(joined)
    }
}

fn by_number(texts: &[String], number: TextId) -> Value {
    let text = texts.get(number as usize);
    text.map_or(Value::Null, |text| Value::Text(text.clone()))
}

impl Source<'_> {
    /// A user, as logged.
    pub(super) fn user(&self, user: TextId) -> Value {
        self.texts.users.get(user).map_or(Value::Null, Value::Text)
    }

    /// A device id.
    pub(super) fn device(&self, device: TextId) -> Value {
        let text = self.texts.devices.get(device);
        text.map_or(Value::Null, Value::Text)
    }

    /// A line as `file:line`.
    pub(super) fn place(&self, place: Place) -> String {
        let (file, line) = self.ingested.locate(place);
        format!("{file}:{line}")
    }

    /// The line that says the largest of numbers.
    fn line(&self, largest: Largest) -> Value {
        largest.map_or(Value::Null, |(_, at)| Value::Text(self.place(at.place)))
    }

    /// The name of the latest client, with its version or that of its system; the user agent or the
    /// device type where no table knows it.
    pub(super) fn client(&self, device: &Device) -> Option<String> {
        let raw = self.agent(device);
        if let Some(client) = raw.and_then(Client::from_user_agent) {
            let mut parts: Vec<&str> = Vec::new();
            parts.extend(client.model.as_deref().or(client.vendor));
            parts.extend(
                client
                    .name
                    .filter(|name| *name != "Mail" && *name != "Email"),
            );
            let version = client.version.as_deref();
            match (version, client.os) {
                (Some(version), _) if client.name.is_some_and(|n| parts.contains(&n)) => {
                    parts.push(version);
                }
                (_, Some(os)) => {
                    parts.push(os);
                    parts.extend(client.os_version.as_deref());
                }
                _ => parts.extend(version),
            }
            if !parts.is_empty() {
                return Some(parts.join(" "));
            }
        }
        let logged = raw.map(text);
        logged.or_else(|| {
            self.texts
                .device_types
                .get(device.device_type as usize)
                .cloned()
        })
    }

    /// The worst of the findings that list the device; the first of those that are equally bad.
    fn worst_finding(&self, device: &Device) -> Option<&Advice> {
        let findings = device.findings.iter();
        findings
            .map(|&number| self.findings[number as usize])
            .min_by_key(|advice| advice.severity)
    }

    fn advised(&self, device: &Device, part: fn(&Advice) -> Option<&String>) -> Value {
        let text = self.worst_finding(device).and_then(part);
        text.map_or(Value::Null, |text| Value::Text(text.clone()))
    }

    fn agent(&self, device: &Device) -> Option<&[u8]> {
        let agents = &self.ingested.facts.texts.user_agents;
        (device.user_agent != NONE).then(|| agents.get(device.user_agent))
    }

    fn decoded(&self, device: &Device, part: fn(Client<'_>) -> Option<String>) -> Value {
        let client = self.agent(device).and_then(Client::from_user_agent);
        client.and_then(part).map_or(Value::Null, Value::Text)
    }

    fn latest(&self, latest: Latest) -> Value {
        let values = &self.ingested.facts.texts.values;
        latest.map_or(Value::Null, |(_, text_id)| {
            let key = values.keys().get(values.key_of(text_id));
            Value::Text(text(&Encoded::new(key).decode()))
        })
    }
}

/// Why a device has its verdict, in a few words.
fn reason(facts: &Facts, device: &Device) -> Option<String> {
    let n = device.number;
    match device.verdict {
        Verdict::Healthy | Verdict::Recovered => None,
        Verdict::SyncLoop => Some(format!("{n} Syncs with one key")),
        Verdict::Resync => Some(format!("{n} Syncs of a folder from the start")),
        Verdict::Storm if device.peak_per_minute == n => Some(format!("{n} requests in a minute")),
        Verdict::Storm => Some(format!("{n} requests on a day")),
        Verdict::GoneSilent => Some(format!("silent for {n} hours")),
        Verdict::Intermittent => device.failures.first().map(|most| {
            let class = most.class.meaning();
            format!("{} failures, most: {class}", device.failed)
        }),
        _ => device
            .decided_by
            .map(|outcome| facts.outcomes()[outcome as usize].describe(&facts.texts)),
    }
}

/// How many different users these are.
fn different(mut users: Vec<TextId>) -> u64 {
    users.retain(|&user| user != NONE);
    users.sort_unstable();
    users.dedup();
    users.len() as u64
}

/// How many devices need something, and how many users they have.
pub(super) fn broken(ledger: &Ledger) -> (u64, u64) {
    let broken = ledger
        .devices
        .iter()
        .filter(|device| device.verdict.is_broken());
    let users: Vec<TextId> = broken.map(|device| device.user).collect();
    (users.len() as u64, different(users))
}

/// The devices, the most harmed first: those that need something before those that work, then by the
/// worst of the findings that list them, then by how often they failed. `rows` limits how many are
/// written out.
pub(super) fn devices(source: &Source<'_>, ledger: &Ledger, rows: Option<usize>) -> Section {
    let rank = |device: &Device| {
        let worst = source
            .worst_finding(device)
            .map_or(Severity::Info, |advice| advice.severity);
        let harm = (!device.verdict.is_broken(), worst, Reverse(device.failed));
        (harm, device.verdict, device.seen)
    };
    let all = ledger.devices.par_iter();
    let mut order: Vec<_> = all.map(|device| (rank(device), device)).collect();
    let total = order.len();
    // No two devices have the same lines, so that the rank decides.
    match rows {
        Some(rows) if rows < total => {
            order.select_nth_unstable_by(rows, |a, b| a.0.cmp(&b.0));
            order.truncate(rows);
        }
        _ => {}
    }
    order.par_sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Section {
        id: "devices",
        title: "Devices",
        about: "Every device of every user with its verdict, the most harmed first.",
        columns: COLUMNS.iter().map(|(column, _)| *column).collect(),
        total,
        rows: order
            .par_iter()
            .map(|(_, device)| row(source, device))
            .collect(),
    }
}

fn row(source: &Source<'_>, device: &Device) -> Row {
    COLUMNS.iter().map(|(_, get)| get(source, device)).collect()
}

/// How many devices and users have which verdict, with the rule of it.
pub(super) fn verdicts(ledger: &Ledger) -> Section {
    let mut users: Vec<Vec<TextId>> = vec![Vec::new(); Verdict::ALL.len()];
    for device in &ledger.devices {
        users[device.verdict as usize].push(device.user);
    }
    let rows: Vec<Row> = RULES
        .iter()
        .filter_map(|rule| {
            let users = std::mem::take(&mut users[rule.verdict as usize]);
            (!users.is_empty()).then(|| {
                vec![
                    Value::Text(rule.verdict.name().to_owned()),
                    number(users.len() as u64),
                    number(different(users)),
                    Value::Text(rule.when.to_owned()),
                ]
            })
        })
        .collect();
    Section {
        id: "verdicts",
        title: "Verdicts",
        about: "How many devices have which verdict, and when a device gets it.",
        columns: vec![
            shown("verdict", "Verdict", Measure::Text),
            shown("devices", "Devices", Measure::Count),
            shown("users", "Users", Measure::Count),
            detail("rule", "Rule", Measure::Text),
        ],
        total: rows.len(),
        rows,
    }
}
