//! What a day has that the days before it had not.
//!
//! Compares reports, and says only what stands out: a quiet night has no section here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use eas_log_parse::{Account, DeviceId};

use crate::report::{Column, Measure, Report, Row, Section, Value};
use crate::triage::Verdict;

/// The days before, to compare with.
pub struct Week {
    /// How many of the last seven days were logged.
    pub days: usize,
    /// The report of all of them.
    pub report: Report,
    /// The report of the last day before, if it was logged.
    pub night_before: Option<Report>,
}

/// So many days tell what is usual. With fewer, what is new and what rises is not told.
const USUAL_DAYS: usize = 3;

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

/// What changed, as sections that have rows.
pub fn changes(today: &Report, week: &Week) -> Vec<Section> {
    let devices = Devices::new(today, week);
    let mut sections = vec![devices.section(), devices.users()];
    if week.days >= USUAL_DAYS {
        sections.push(new_clients(today, week));
        sections.push(rising(today, week));
        sections.push(hours(today, week));
    }
    sections.push(servers(today, week));
    sections.retain(|section| section.total > 0);
    sections
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

/// A device, however its user is written.
type Who = (Option<String>, Option<String>);

fn who(row: &Named<'_>) -> Who {
    let account = |user: String| Account::parse(user.as_bytes()).key().into_owned();
    (
        row.text("user").map(account),
        row.text("device_id")
            .map(|device| DeviceId::new(device.as_bytes()).key().into_owned()),
    )
}

/// Whether something is to be done for a device. One that is only not seen any more may be switched
/// off, and comes and goes.
fn fails(verdict: Verdict) -> bool {
    !verdict.is_well() && verdict != Verdict::GoneSilent
}

/// What became of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    NewlyFailing,
    VerdictChanged,
    Recovered,
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Change::NewlyFailing => "newly failing",
            Change::VerdictChanged => "verdict changed",
            Change::Recovered => "recovered",
        }
    }
}

/// What devices were, and are.
struct Devices<'r> {
    today: Vec<(Who, Verdict, Named<'r>)>,
    /// The verdict of the night before, and else that of the week.
    before: HashMap<Who, Verdict>,
}

fn verdict(row: &Named<'_>) -> Option<Verdict> {
    Verdict::from_name(&row.text("verdict")?)
}

impl<'r> Devices<'r> {
    fn new(today: &'r Report, week: &Week) -> Devices<'r> {
        let mut before = HashMap::new();
        for report in [Some(&week.report), week.night_before.as_ref()] {
            for row in report
                .into_iter()
                .flat_map(|report| rows(report, "devices"))
            {
                if let Some(verdict) = verdict(&row) {
                    before.insert(who(&row), verdict);
                }
            }
        }
        let today = rows(today, "devices")
            .filter_map(|row| Some((who(&row), verdict(&row)?, row)))
            .collect();
        Devices { today, before }
    }

    fn section(&self) -> Section {
        let mut changed: Vec<(Change, Option<Verdict>, Verdict, Named<'_>)> = self
            .today
            .iter()
            .filter_map(|(who, now, row)| {
                let before = self.before.get(who).copied();
                let change = match before {
                    Some(before) if fails(before) && now.is_well() => Change::Recovered,
                    Some(before) if fails(before) && fails(*now) => {
                        (before != *now).then_some(Change::VerdictChanged)?
                    }
                    _ => fails(*now).then_some(Change::NewlyFailing)?,
                };
                Some((change, before, *now, *row))
            })
            .collect();
        changed.sort_by_key(|(change, _, now, row)| {
            let failed = Reverse(row.number("failed_requests"));
            (
                *change,
                *now,
                failed,
                row.text("user"),
                row.text("device_id"),
            )
        });
        let rows = changed
            .into_iter()
            .map(|(change, before, now, row)| {
                vec![
                    text(change.name()),
                    before.map_or(Value::Null, |before| text(before.name())),
                    text(now.name()),
                    row.value("user"),
                    row.value("device_id"),
                    row.value("client"),
                    row.value("reason"),
                    row.value("requests"),
                    row.value("failed_requests"),
                    row.value("evidence"),
                ]
            })
            .collect();
        section(
            "changes_devices",
            "Devices that changed",
            "Devices that fail and did not, that fail in another way, or that work again, against the \
             night before, and for a device that was not seen then, the last seven days.",
            vec![
                CHANGE,
                column("before", "Before", Measure::Text),
                column("verdict", "Verdict", Measure::Text),
                USER,
                column("device_id", "Device ID", Measure::Text),
                column("client", "Client", Measure::Text),
                column("reason", "Reason", Measure::Text),
                REQUESTS,
                FAILED,
                column("evidence", "Evidence", Measure::Place),
            ],
            rows,
        )
    }

    /// Users of whom a device fails and none did before, and those of whom none fails any more.
    fn users(&self) -> Section {
        #[derive(Default)]
        struct Of {
            name: String,
            failing: i64,
            well: i64,
            failing_before: i64,
            failed: i64,
        }
        let mut users: BTreeMap<&str, Of> = BTreeMap::new();
        for ((user, _), verdict, row) in &self.today {
            let Some(user) = user else { continue };
            let of = users.entry(user).or_default();
            of.name = row.text("user").unwrap_or_default();
            of.failing += i64::from(fails(*verdict));
            of.well += i64::from(verdict.is_well());
            of.failed += row.number("failed_requests");
        }
        for ((user, _), verdict) in &self.before {
            if let Some(of) = user.as_deref().and_then(|user| users.get_mut(user)) {
                of.failing_before += i64::from(fails(*verdict));
            }
        }
        let mut changed: Vec<(Change, Of)> = users
            .into_values()
            .filter_map(|of| match (of.failing_before, of.failing) {
                (0, 1..) => Some((Change::NewlyFailing, of)),
                (1.., 0) if of.well > 0 => Some((Change::Recovered, of)),
                _ => None,
            })
            .collect();
        changed.sort_by(|(a, of_a), (b, of_b)| {
            (a, Reverse(of_a.failed), &of_a.name).cmp(&(b, Reverse(of_b.failed), &of_b.name))
        });
        let rows = changed
            .into_iter()
            .map(|(change, of)| {
                vec![
                    text(change.name()),
                    Value::Text(of.name),
                    Value::Number(of.failing),
                    Value::Number(of.failing_before),
                    Value::Number(of.failed),
                ]
            })
            .collect();
        section(
            "changes_users",
            "Users that changed",
            "Users of whom a device fails and none did before, and users whose devices work again.",
            vec![
                CHANGE,
                USER,
                column("failing_devices", "Failing devices", Measure::Count),
                column("failing_before", "Before", Measure::Count),
                FAILED,
            ],
            rows,
        )
    }
}

fn new_clients(today: &Report, week: &Week) -> Section {
    let mut found = Vec::new();
    for (id, key, kind) in [
        ("device_types", "device_type", "device type"),
        ("user_agents", "user_agent", "user agent"),
    ] {
        let known: BTreeSet<String> = rows(&week.report, id)
            .filter_map(|row| row.text(key))
            .collect();
        for row in rows(today, id) {
            if let Some(name) = row.text(key).filter(|name| !known.contains(name)) {
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
        "Device types and user agents that were not seen in the last seven days.",
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

/// Whether so many are more than what is usual a day, beyond what chance gives.
fn is_more(now: i64, usual: f64) -> bool {
    /// Fewer are not worth a line.
    const LEAST: i64 = 10;
    let now_f = now as f64;
    now >= LEAST && now_f > 2.0 * usual && now_f > usual + 3.0 * (usual + 1.0).sqrt()
}

fn rising(today: &Report, week: &Week) -> Section {
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
        let usual = sums(&week.report, id, name);
        let before = week.night_before.as_ref();
        let before = before.map(|report| sums(report, id, name));
        for (what, (now, devices)) in sums(today, id, name) {
            let per_day =
                usual.get(&what).map_or(0, |(sum, _)| *sum) as f64 / week.days.max(1) as f64;
            let last = before
                .as_ref()
                .map(|before| before.get(&what).map_or(0, |(sum, _)| *sum));
            if is_more(now, per_day) && last.is_none_or(|last| now > last) {
                found.push((
                    now,
                    vec![
                        text(kind),
                        Value::Text(what),
                        Value::Number(now),
                        last.map_or(Value::Null, Value::Number),
                        Value::Number(per_day.round() as i64),
                        Value::Number(devices),
                    ],
                ));
            }
        }
    }
    found.sort_by_key(|(now, _)| Reverse(*now));
    section(
        "changes_rising",
        "Errors and statuses that rise",
        "More than twice as often as on a usual day of the last seven, and more than on the night \
         before.",
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

fn servers(today: &Report, week: &Week) -> Section {
    /// A server with fewer requests may well have none on a day.
    const LEAST: f64 = 10.0;
    let name = |row: &Named<'_>| row.text("server");
    let now = sums(today, "servers", name);
    let usual = sums(&week.report, "servers", name);
    let before = week
        .night_before
        .as_ref()
        .map(|report| sums(report, "servers", name));
    let rows = usual
        .into_iter()
        .filter_map(|(server, (sum, _))| {
            let per_day = sum as f64 / week.days.max(1) as f64;
            let last = before
                .as_ref()
                .map(|before| before.get(&server).map_or(0, |(sum, _)| *sum));
            // It is told on the first night, and not on each of the next seven.
            let was_there = last.is_none_or(|last| last > 0);
            (per_day >= LEAST && was_there && !now.contains_key(&server)).then(|| {
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

fn hours(today: &Report, week: &Week) -> Section {
    const HOUR: i64 = 3600;
    /// Hours with fewer requests say nothing when they have none.
    const BUSY: i64 = 50;
    type Sums = (i64, i64);
    let of = |report: &Report| -> BTreeMap<i64, Sums> {
        rows(report, "hours")
            .filter_map(|row| match row.value("hour") {
                Value::Time(hour) => Some((
                    hour,
                    (row.number("requests"), row.number("failed_requests")),
                )),
                _ => None,
            })
            .collect()
    };
    let (now, usual) = (of(today), of(&week.report));
    let (Some((&first, _)), Some((&last, _))) = (now.first_key_value(), now.last_key_value())
    else {
        return section("changes_hours", "", "", Vec::new(), Vec::new());
    };
    let days = week.days.max(1) as i64;
    let mut found = Vec::new();
    for hour in (first..=last).step_by(HOUR as usize) {
        let (requests, failed) = now.get(&hour).copied().unwrap_or_default();
        let same: Vec<Sums> = (1..=7)
            .filter_map(|day| usual.get(&(hour - day * 24 * HOUR)).copied())
            .collect();
        let usual_requests = same.iter().map(|(requests, _)| requests).sum::<i64>() / days;
        let usual_failed = same.iter().map(|(_, failed)| failed).sum::<i64>() as f64 / days as f64;
        let share = |failed: f64, requests: i64| failed / (requests.max(1) as f64);
        let change = if is_more(failed, usual_failed)
            && share(failed as f64, requests) > 2.0 * share(usual_failed, usual_requests)
        {
            "more failures"
        } else if same.len() as i64 == days
            && same
                .iter()
                .all(|(other, _)| *other >= BUSY && requests * 5 < *other)
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
            Value::Number(usual_requests),
            Value::Number(usual_failed.round() as i64),
        ]);
    }
    section(
        "changes_hours",
        "Hours that stand out",
        "Hours with more than twice the failures, or less than a fifth of the requests, of the same \
         hour on the last seven days.",
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
