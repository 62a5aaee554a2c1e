//! What a day has that the days before it had not.
//!
//! Compares reports of days, and says only what is beyond chance, by the rule of [`usual`]: a quiet
//! night has no section here.

mod devices;
mod usual;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use self::devices::Devices;
use self::usual::{LEAST_DAYS, Usual};
use crate::report::{Changes, Column, Measure, Report, Row, Section, Value};

/// A day before, to compare with.
pub struct Earlier {
    /// How many days ago it was.
    pub days_ago: i32,
    /// Its report.
    pub report: Report,
}

const fn column(key: &'static str, label: &'static str, measure: Measure) -> Column {
    Column {
        key,
        label,
        measure,
        detail: false,
    }
}

const CHANGE: Column = column("change", "Change", Measure::Text);
const USER: Column = column("user", "User", Measure::Text);
const REQUESTS: Column = column("requests", "Requests", Measure::Count);
const FAILED: Column = column("failed_requests", "Failed", Measure::Count);
const DEVICES: Column = column("devices", "Devices", Measure::Count);
const NIGHT_BEFORE: Column = column("night_before", "Night before", Measure::Count);
const PER_DAY: Column = column("usual_per_day", "Usual a day", Measure::Count);

/// Fewer requests than this are not worth a line.
const LEAST: i64 = 10;

/// What changed on a day, named as its zone has it, and the sections about it that have rows.
/// `before` are the days that were logged of the last seven, in their order.
pub fn changes(date: String, today: &Report, before: &[Earlier]) -> (Changes, Vec<Section>) {
    let mut sections: Vec<Section> = Vec::new();
    if !before.is_empty() {
        sections.extend(Devices::new(today, before).sections());
        if before.len() >= LEAST_DAYS {
            sections.push(new_clients(today, before));
            sections.push(rising(today, before));
            sections.push(hours(today, before));
        }
        sections.push(servers(today, before));
    }
    sections.retain(|section| section.total > 0);
    let mean = |number: fn(&Report) -> u64| {
        let numbers = before.iter().map(|day| number(&day.report));
        let sum: u64 = numbers.sum();
        (sum as f64 / before.len().max(1) as f64).round() as u64
    };
    let changes = Changes {
        date,
        days_before: before.len(),
        usual_requests: mean(|report| report.totals.requests),
        usual_failed_requests: mean(|report| report.totals.failed_requests),
        usual_devices: mean(|report| report.totals.devices),
        is_quiet: sections.is_empty(),
    };
    (changes, sections)
}

fn section(
    id: &'static str,
    title: &'static str,
    about: &'static str,
    columns: Vec<Column>,
    rows: Vec<Row>,
) -> Section {
    Section {
        id,
        title,
        about,
        columns,
        total: rows.len(),
        rows,
    }
}

/// A row of a section, by the keys of its columns.
#[derive(Clone, Copy)]
struct Named<'r> {
    section: &'r Section,
    row: &'r Row,
}

fn rows<'r>(report: &'r Report, id: &str) -> impl Iterator<Item = Named<'r>> + use<'r> {
    let section = report.section(id);
    section
        .into_iter()
        .flat_map(|section| section.rows.iter().map(move |row| Named { section, row }))
}

impl Named<'_> {
    fn value(&self, key: &str) -> Value {
        let column = self.section.column(key);
        column.map_or(Value::Null, |column| self.row[column].clone())
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.value(key) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    fn number(&self, key: &str) -> i64 {
        match self.value(key) {
            Value::Number(number) | Value::Time(number) => number,
            _ => 0,
        }
    }

    /// A number that names something, or nothing where the line has none.
    fn code(&self, key: &str) -> Option<i64> {
        match self.value(key) {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// The report of the night before, if it was logged.
fn night_before(before: &[Earlier]) -> Option<&Report> {
    let last = before.iter().find(|earlier| earlier.days_ago == 1);
    last.map(|earlier| &earlier.report)
}

fn new_clients(today: &Report, before: &[Earlier]) -> Section {
    let mut found = Vec::new();
    // Of user agents there are so many that one that nobody else has is no news.
    for (id, key, kind, least_devices) in [
        ("device_types", "device_type", "device type", 1),
        ("user_agents", "user_agent", "user agent", 2),
    ] {
        let known: BTreeSet<String> = before
            .iter()
            .flat_map(|earlier| rows(&earlier.report, id))
            .filter_map(|row| row.text(key))
            .collect();
        for row in rows(today, id) {
            let is_news = row.number("requests") >= LEAST && row.number("devices") >= least_devices;
            if let Some(name) = row
                .text(key)
                .filter(|name| is_news && !known.contains(name))
            {
                found.push(vec![
                    text(kind),
                    Value::Text(name),
                    row.value("requests"),
                    row.value("failed_requests"),
                    row.value("devices"),
                    row.value("users"),
                ]);
            }
        }
    }
    section(
        "changes_clients",
        "New device types and clients",
        "Device types, and user agents of several devices, that were not seen in the last seven days.",
        vec![
            column("kind", "Kind", Measure::Text),
            column("name", "Name", Measure::Text),
            REQUESTS,
            FAILED,
            DEVICES,
            column("users", "Users", Measure::Count),
        ],
        found,
    )
}

/// Sums of requests by name, with the devices of the largest.
fn sums(
    report: &Report,
    id: &str,
    name: impl Fn(&Named<'_>) -> Option<String>,
) -> BTreeMap<String, (i64, i64)> {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in rows(report, id) {
        if let Some(name) = name(&row) {
            let (requests, devices) = sums.entry(name).or_default();
            *requests += row.number("requests");
            *devices = row.number("devices").max(*devices);
        }
    }
    sums
}

fn rising(today: &Report, before: &[Earlier]) -> Section {
    /// What one device does has a row under devices.
    const LEAST_DEVICES: i64 = 2;
    type Name = fn(&Named<'_>) -> Option<String>;
    let kinds: [(&str, &str, Name); 3] = [
        ("errors", "error", |row| row.text("error")),
        ("http_status", "HTTP status", |row| {
            let status = row.code("sc_status")?;
            let substatus = row.code("sc_substatus").filter(|&substatus| substatus != 0);
            (!(200..400).contains(&status)).then(|| match substatus {
                Some(substatus) => format!("{status}.{substatus}"),
                None => status.to_string(),
            })
        }),
        ("eas_status", "EAS status", |row| {
            let status = row.code("eas_status")?;
            (status >= 101).then(|| status.to_string())
        }),
    ];
    let mut found = Vec::new();
    for (id, kind, name) in kinds {
        let days: Vec<_> = before
            .iter()
            .map(|earlier| (earlier.days_ago, sums(&earlier.report, id, name)))
            .collect();
        for (what, (now, devices)) in sums(today, id, name) {
            let on = |sums: &BTreeMap<String, (i64, i64)>| sums.get(&what).map_or(0, |sum| sum.0);
            let numbers: Vec<i64> = days.iter().map(|(_, sums)| on(sums)).collect();
            let usual = Usual::of(&numbers);
            if devices < LEAST_DEVICES || !usual.is_exceeded_by(now, LEAST) {
                continue;
            }
            let last = days.iter().find(|(days_ago, _)| *days_ago == 1);
            let last = last.map(|(_, sums)| on(sums));
            found.push((
                now,
                vec![
                    text(kind),
                    Value::Text(what),
                    Value::Number(now),
                    last.map_or(Value::Null, Value::Number),
                    Value::Number(usual.rounded()),
                    Value::Number(devices),
                ],
            ));
        }
    }
    found.sort_by_key(|(now, _)| Reverse(*now));
    section(
        "changes_rising",
        "Errors and statuses that rise",
        "More than twice as often as on a usual day of the last seven, more than on each of them, and \
         beyond what chance gives.",
        vec![
            column("kind", "Kind", Measure::Text),
            column("name", "Name", Measure::Text),
            REQUESTS,
            NIGHT_BEFORE,
            PER_DAY,
            DEVICES,
        ],
        found.into_iter().map(|(_, row)| row).collect(),
    )
}

fn servers(today: &Report, before: &[Earlier]) -> Section {
    let name = |row: &Named<'_>| row.text("server");
    let now = sums(today, "servers", name);
    let mut usual: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for earlier in before {
        for (server, (requests, _)) in sums(&earlier.report, "servers", name) {
            usual.entry(server).or_default().push(requests);
        }
    }
    let last = night_before(before).map(|report| sums(report, "servers", name));
    let rows = usual
        .into_iter()
        .filter_map(|(server, requests)| {
            let per_day = requests.iter().sum::<i64>() as f64 / before.len() as f64;
            let last = last
                .as_ref()
                .map(|last| last.get(&server).map_or(0, |(sum, _)| *sum));
            // It is told on the first night, and not on each of the next seven.
            let was_there = last.is_none_or(|last| last > 0);
            // One with fewer requests may well have none on a day.
            let is_busy = per_day >= LEAST as f64;
            (is_busy && was_there && !now.contains_key(&server)).then(|| {
                vec![
                    Value::Text(server),
                    Value::Number(0),
                    last.map_or(Value::Null, Value::Number),
                    Value::Number(per_day.round() as i64),
                ]
            })
        })
        .collect();
    section(
        "changes_servers",
        "Servers that went silent",
        "Servers without a line on this day: they are down, out of the load balancer, or their logs \
         did not arrive.",
        vec![
            column("server", "Server", Measure::Text),
            REQUESTS,
            NIGHT_BEFORE,
            PER_DAY,
        ],
        rows,
    )
}

/// Requests and failures by hour.
fn by_hour(report: &Report) -> BTreeMap<i64, (i64, i64)> {
    rows(report, "hours")
        .filter_map(|row| match row.value("hour") {
            Value::Time(hour) => Some((
                hour,
                (row.number("requests"), row.number("failed_requests")),
            )),
            _ => None,
        })
        .collect()
}

fn hours(today: &Report, before: &[Earlier]) -> Section {
    const HOUR: i64 = 3600;
    /// Hours with fewer requests say nothing when they have none.
    const BUSY: i64 = 50;
    /// Fewer failures of an hour are the retries of one device.
    const LEAST_FAILED: i64 = 30;
    let now = by_hour(today);
    // Where a day begins within an hour, two days have a part of it.
    let mut usual: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for (hour, (requests, failed)) in before.iter().flat_map(|earlier| by_hour(&earlier.report)) {
        let sum = usual.entry(hour).or_default();
        *sum = (sum.0 + requests, sum.1 + failed);
    }
    let (first, last) = match (now.first_key_value(), now.last_key_value()) {
        (Some((&first, _)), Some((&last, _))) => (first, last),
        _ => (0, -1),
    };
    let has_this_weekday = before.iter().any(|earlier| earlier.days_ago == 7);
    let mut found = Vec::new();
    for hour in (first..=last).step_by(HOUR as usize) {
        let (requests, failed) = now.get(&hour).copied().unwrap_or_default();
        let same = before.iter().map(|earlier| {
            let then = hour - i64::from(earlier.days_ago) * 24 * HOUR;
            usual.get(&then).copied().unwrap_or_default()
        });
        let (all, failures): (Vec<i64>, Vec<i64>) = same.unzip();
        let (usual_requests, usual_failed) = (Usual::of(&all), Usual::of(&failures));
        let share = |failed: f64, requests: f64| failed / requests.max(1.0);
        let change = if usual_failed.is_exceeded_by(failed, LEAST_FAILED)
            && share(failed as f64, requests as f64)
                > 2.0 * share(usual_failed.mean, usual_requests.mean)
        {
            "more failures"
        } else if has_this_weekday
            && all
                .iter()
                .all(|&other| other >= BUSY && requests * 5 < other)
        {
            "fewer requests"
        } else {
            continue;
        };
        found.push(vec![
            Value::Time(hour),
            text(change),
            Value::Number(requests),
            Value::Number(failed),
            Value::Number(usual_requests.rounded()),
            Value::Number(usual_failed.rounded()),
        ]);
    }
    section(
        "changes_hours",
        "Hours that stand out",
        "Hours with far more failures, and a larger share of them, or less than a fifth of the \
         requests, than the same hour had on each of the last seven days.",
        vec![
            column("hour", "Hour (UTC)", Measure::Hour),
            CHANGE,
            REQUESTS,
            FAILED,
            column("usual_requests", "Usual requests", Measure::Count),
            column("usual_failed", "Usual failed", Measure::Count),
        ],
        found,
    )
}
