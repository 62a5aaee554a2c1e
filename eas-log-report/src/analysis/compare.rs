//! Two reports side by side: before and after a migration, or two spans of time.
//!
//! Devices are found again by user and device id, folded as in the ledger, so that logs of Exchange
//! 2003 and 2010 compare.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use eas_log_parse::{Account, DeviceId};

use crate::render::{grouped, iso_time};
use crate::report::{Column, Measure, Report, Row, Section, Sheet, Value};
use crate::triage::Verdict;

/// A device as one of the two reports has it.
struct Side<'r> {
    columns: &'r Columns,
    row: &'r Row,
}

/// Where the values of devices stand in the rows of a report.
struct Columns {
    by_key: HashMap<&'static str, usize>,
}

/// How far a device gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    /// Nowhere: it is refused, or has never worked.
    Refused,
    /// It gets through and is not well.
    Troubled,
    /// It works.
    Well,
}

/// Folded user and device id.
type Key = (String, String);

impl Side<'_> {
    fn value(&self, key: &str) -> Value {
        let at = self.columns.by_key.get(key);
        at.map_or(Value::Null, |&at| self.row[at].clone())
    }

    fn text(&self, key: &str) -> String {
        match self.value(key) {
            Value::Text(text) => text,
            _ => String::new(),
        }
    }

    fn number(&self, key: &str) -> i64 {
        match self.value(key) {
            Value::Number(number) => number,
            _ => 0,
        }
    }

    fn verdict(&self) -> Option<Verdict> {
        Verdict::from_name(&self.text("verdict"))
    }

    fn is_well(&self) -> bool {
        self.verdict().is_some_and(Verdict::is_well)
    }

    /// How it stood before. A device that fell silent may have moved.
    fn stood(&self) -> Standing {
        if self.worked() && self.verdict() == Some(Verdict::GoneSilent) {
            return Standing::Well;
        }
        self.stands()
    }

    /// How it stands.
    fn stands(&self) -> Standing {
        match self.verdict() {
            Some(verdict) if verdict.is_well() => Standing::Well,
            Some(verdict) if self.worked() && !verdict.is_refusal() => Standing::Troubled,
            _ => Standing::Refused,
        }
    }

    fn worked(&self) -> bool {
        self.value("last_success") != Value::Null
    }

    fn key(&self) -> Key {
        let user = self.text("user");
        let user = Account::parse(user.as_bytes()).key().into_owned();
        let device = DeviceId::new(self.text("device_id").as_bytes())
            .key()
            .into_owned();
        (user, device)
    }
}

impl Columns {
    fn of(section: &Section) -> Columns {
        let columns = section.columns.iter().enumerate();
        Columns {
            by_key: columns.map(|(at, column)| (column.key, at)).collect(),
        }
    }
}

const fn column(key: &'static str, label: &'static str, measure: Measure) -> Column {
    Column {
        key,
        label,
        measure,
        detail: false,
    }
}

const USER: Column = column("user", "User", Measure::Text);
const DEVICE: Column = column("device_id", "Device ID", Measure::Text);
const CLIENT: Column = column("client", "Client", Measure::Text);
const BEFORE: Column = column("verdict_before", "Before", Measure::Text);
const AFTER: Column = column("verdict_after", "After", Measure::Text);
const REASON: Column = column("reason", "Reason", Measure::Text);
const LAST_SUCCESS: Column = column("last_success", "Last success (UTC)", Measure::Ever);
const LAST_SEEN: Column = column("last_seen", "Last seen (UTC)", Measure::Time);
const EVIDENCE: Column = column("evidence", "Evidence", Measure::Place);

/// Compares two reports that list all their devices.
pub fn compare(before: &Report, after: &Report) -> Sheet {
    let section = |report: &Report| report.section("devices").map(Columns::of);
    let none = || Columns {
        by_key: HashMap::new(),
    };
    let columns = [
        section(before).unwrap_or_else(none),
        section(after).unwrap_or_else(none),
    ];
    let (old, new) = (devices(before, &columns[0]), devices(after, &columns[1]));
    let pairs = Pairs::new(&old, &new);
    let days = [days(before), days(after)];
    let sections = vec![
        pairs.by_verdict(),
        pairs.broken(),
        pairs.never_came_back(),
        pairs.new_device_ids(),
        pairs.newly_seen(),
        pairs.fixed(),
        pairs.still_failing(),
        pairs.changed(),
        pairs.by_client(&old, &new, days),
    ];
    let count = |id: &str| {
        let section = sections.iter().find(|section| section.id == id);
        section.map_or(0, |section| section.total)
    };
    let notes = vec![
        period("before", before, days[0]),
        period("after", after, days[1]),
        format!(
            "{} devices worked before and fail now; {} never came back; {} have a new device id; {} \
             are new; {} are fixed; {} fail as before; {} work as before; {} never worked and are gone",
            grouped(count("broken") as u64),
            grouped(count("never_came_back") as u64),
            grouped(count("new_device_ids") as u64),
            grouped(count("newly_seen") as u64),
            grouped(count("fixed") as u64),
            grouped(count("still_failing") as u64),
            grouped(pairs.well_as_before() as u64),
            grouped((pairs.gone.len() - pairs.lost().count()) as u64),
        ),
    ];
    let mut values = Vec::new();
    for (report, [first, last, requests, failed]) in [
        (
            before,
            [
                "before_first_seen",
                "before_last_seen",
                "before_requests_per_day",
                "before_failed_per_day",
            ],
        ),
        (
            after,
            [
                "after_first_seen",
                "after_last_seen",
                "after_requests_per_day",
                "after_failed_per_day",
            ],
        ),
    ] {
        let time = |part: fn((i64, i64)) -> i64| {
            report
                .meta
                .period
                .map_or(Value::Null, |p| Value::Time(part(p)))
        };
        let days = self::days(report);
        values.push((first, time(|period| period.0)));
        values.push((last, time(|period| period.1)));
        values.push((requests, Value::Number(rate(report.totals.requests, days))));
        values.push((
            failed,
            Value::Number(rate(report.totals.failed_requests, days)),
        ));
    }
    Sheet {
        kind: "compare",
        title: "Before and after".to_owned(),
        notes,
        values,
        sections,
    }
}

fn devices<'r>(report: &'r Report, columns: &'r Columns) -> BTreeMap<Key, Side<'r>> {
    let section = report.section("devices");
    section
        .into_iter()
        .flat_map(|section| &section.rows)
        .map(|row| Side { columns, row })
        .map(|side| (side.key(), side))
        .collect()
}

/// Length of the period of a report in days, at least an hour.
fn days(report: &Report) -> f64 {
    let seconds = report.meta.period.map_or(0, |(first, last)| last - first);
    (seconds as f64 / 86_400.0).max(1.0 / 24.0)
}

fn rate(number: u64, days: f64) -> i64 {
    (number as f64 / days).round() as i64
}

fn period(name: &str, report: &Report, days: f64) -> String {
    let Some((first, last)) = report.meta.period else {
        return format!("{name}: no request with a time");
    };
    let totals = &report.totals;
    let per_day = |number| grouped(rate(number, days) as u64);
    format!(
        "{name}: {} to {}, {} devices, {} requests a day of which {} failed",
        iso_time(first),
        iso_time(last),
        grouped(totals.devices),
        per_day(totals.requests),
        per_day(totals.failed_requests),
    )
}

/// What became of each device.
struct Pairs<'p, 'r> {
    both: Vec<(&'p Side<'r>, &'p Side<'r>)>,
    gone: Vec<&'p Side<'r>>,
    new: Vec<&'p Side<'r>>,
    /// Devices that are gone, each with the new one of the same user in its place.
    renamed: Vec<(&'p Side<'r>, &'p Side<'r>)>,
}

impl<'p, 'r> Pairs<'p, 'r> {
    fn new(old: &'p BTreeMap<Key, Side<'r>>, new: &'p BTreeMap<Key, Side<'r>>) -> Pairs<'p, 'r> {
        let mut both: Vec<_> = old
            .iter()
            .filter_map(|(key, side)| Some((side, new.get(key)?)))
            .collect();
        let mut gone: BTreeMap<&'p Key, &'p Side<'r>> = old
            .iter()
            .filter(|(key, _)| !new.contains_key(*key))
            .collect();
        let mut fresh: BTreeMap<&'p Key, &'p Side<'r>> = new
            .iter()
            .filter(|(key, _)| !old.contains_key(*key))
            .collect();

        // One id is one device, also where the user is named otherwise or not at all: by account
        // before and by mail address after, or only in the logs of one side.
        let only = |of: &BTreeMap<&'p Key, &'p Side<'r>>| {
            let mut ids: HashMap<&'p str, Option<&'p Key>> = HashMap::new();
            for &key in of.keys().filter(|key| !key.1.is_empty()) {
                let entry = ids.entry(key.1.as_str());
                entry.and_modify(|only| *only = None).or_insert(Some(key));
            }
            ids
        };
        let (before, after) = (only(&gone), only(&fresh));
        let mut same: Vec<(&'p Key, &'p Key)> = before
            .into_iter()
            .filter_map(|(id, key)| Some((key?, (*after.get(id)?)?)))
            .collect();
        same.sort_unstable();
        for (old, new) in same {
            both.extend(gone.remove(old).zip(fresh.remove(new)));
        }

        // The same kind of device, or else whatever the user has in its place.
        let mut renamed = Vec::new();
        for same_kind in [true, false] {
            gone.retain(|key, side| {
                let kind = side.text("device_type");
                let successor = fresh.iter().find(|(new, side)| {
                    !key.0.is_empty()
                        && new.0 == key.0
                        && (!same_kind || side.text("device_type") == kind)
                });
                let Some((&successor, &new)) = successor else {
                    return true;
                };
                fresh.remove(successor);
                renamed.push((*side, new));
                false
            });
        }
        renamed.sort_by_key(|(old, _)| old.key());
        let (gone, new) = (gone.into_values().collect(), fresh.into_values().collect());
        Pairs {
            both,
            gone,
            new,
            renamed,
        }
    }

    /// Devices that worked before and fail now, also under a new id: those that were well and are not,
    /// and those that got through with trouble and do not get through now.
    fn failing_now(&self) -> impl Iterator<Item = &(&'p Side<'r>, &'p Side<'r>)> {
        self.both
            .iter()
            .chain(&self.renamed)
            .filter(|(old, new)| !new.is_well() && new.stands() < old.stood())
    }

    /// How many devices were well and are.
    fn well_as_before(&self) -> usize {
        let well =
            |(old, new): &&(&Side<'_>, &Side<'_>)| old.stood() == Standing::Well && new.is_well();
        self.both.iter().filter(well).count()
    }

    /// Devices that worked before and are not seen now.
    fn lost(&self) -> impl Iterator<Item = &&'p Side<'r>> {
        self.gone.iter().filter(|old| old.worked())
    }

    fn by_verdict(&self) -> Section {
        let mut verdicts: BTreeMap<Option<Verdict>, (i64, HashSet<String>)> = BTreeMap::new();
        for (_, new) in self.failing_now() {
            let (devices, users) = verdicts.entry(new.verdict()).or_default();
            *devices += 1;
            users.insert(new.key().0);
        }
        let rows = verdicts
            .into_iter()
            .map(|(verdict, (devices, users))| {
                vec![
                    Value::Text(verdict.map_or("unknown", Verdict::name).to_owned()),
                    Value::Number(devices),
                    Value::Number(users.len() as i64),
                ]
            })
            .collect();
        table(
            "broken_by_verdict",
            "Worked before, fail now: by verdict",
            "Devices that were well before and are not now, or got through and do not now.",
            vec![
                AFTER,
                column("devices", "Devices", Measure::Count),
                column("users", "Users", Measure::Count),
            ],
            rows,
        )
    }

    fn broken(&self) -> Section {
        let mut failing: Vec<_> = self.failing_now().collect();
        failing.sort_by_key(|(_, new)| (new.verdict(), Reverse(new.number("failed_requests"))));
        let row = |(old, new): &(&Side<'_>, &Side<'_>)| {
            vec![
                new.value("verdict"),
                new.value("user"),
                new.value("device_id"),
                new.value("client"),
                new.value("reason"),
                // The last time that it worked may be in either.
                match new.value("last_success") {
                    Value::Null => old.value("last_success"),
                    later => later,
                },
                new.value("evidence"),
            ]
        };
        table(
            "broken",
            "Worked before, fail now",
            "Devices that were well before and are not now, or got through and do not now, by verdict.",
            vec![AFTER, USER, DEVICE, CLIENT, REASON, LAST_SUCCESS, EVIDENCE],
            failing.into_iter().map(row).collect(),
        )
    }

    fn never_came_back(&self) -> Section {
        let mut gone: Vec<_> = self.lost().collect();
        gone.sort_by_key(|old| Reverse(old.number("requests")));
        let row = |old: &&Side<'_>| {
            vec![
                old.value("user"),
                old.value("device_id"),
                old.value("client"),
                old.value("verdict"),
                old.value("last_seen"),
                old.value("evidence"),
            ]
        };
        table(
            "never_came_back",
            "Never came back",
            "Devices that worked before and have made no request since.",
            vec![USER, DEVICE, CLIENT, BEFORE, LAST_SEEN, EVIDENCE],
            gone.into_iter().map(row).collect(),
        )
    }

    fn new_device_ids(&self) -> Section {
        let row = |(old, new): &(&Side<'_>, &Side<'_>)| {
            vec![
                old.value("user"),
                old.value("device_id"),
                new.value("device_id"),
                new.value("client"),
                old.value("verdict"),
                new.value("verdict"),
            ]
        };
        table(
            "new_device_ids",
            "New device id for the same user",
            "A device is gone, and the same user has a new one: of the same device type if there is one.",
            vec![
                USER,
                column("device_id_before", "Device ID before", Measure::Text),
                column("device_id_after", "Device ID after", Measure::Text),
                CLIENT,
                BEFORE,
                AFTER,
            ],
            self.renamed.iter().map(row).collect(),
        )
    }

    fn newly_seen(&self) -> Section {
        let mut new: Vec<_> = self.new.iter().collect();
        new.sort_by_key(|side| (side.verdict(), Reverse(side.number("failed_requests"))));
        let row = |new: &&Side<'_>| {
            vec![
                new.value("verdict"),
                new.value("user"),
                new.value("device_id"),
                new.value("client"),
                new.value("reason"),
                new.value("first_seen"),
                new.value("evidence"),
            ]
        };
        table(
            "newly_seen",
            "Newly seen",
            "Devices that were not seen before.",
            vec![
                AFTER,
                USER,
                DEVICE,
                CLIENT,
                REASON,
                column("first_seen", "First seen (UTC)", Measure::Time),
                EVIDENCE,
            ],
            new.into_iter().map(row).collect(),
        )
    }

    fn fixed(&self) -> Section {
        let fixed = self
            .both
            .iter()
            .filter(|(old, new)| old.stood() < Standing::Well && new.is_well());
        self.before_and_after(
            "fixed",
            "Fixed",
            "Devices that were not well before and are now.",
            fixed,
        )
    }

    fn still_failing(&self) -> Section {
        let failing = self
            .both
            .iter()
            .filter(|(old, new)| !new.is_well() && new.stands() >= old.stood());
        self.before_and_after(
            "still_failing",
            "Fail as before",
            "Devices that were not well before and are not now.",
            failing,
        )
    }

    fn before_and_after<'s>(
        &self,
        id: &'static str,
        title: &'static str,
        about: &'static str,
        pairs: impl Iterator<Item = &'s (&'p Side<'r>, &'p Side<'r>)>,
    ) -> Section
    where
        'p: 's,
        'r: 's,
    {
        let row = |(old, new): &(&Side<'_>, &Side<'_>)| {
            vec![
                old.value("verdict"),
                new.value("verdict"),
                new.value("user"),
                new.value("device_id"),
                new.value("client"),
                new.value("reason"),
                new.value("last_success"),
                new.value("evidence"),
            ]
        };
        table(
            id,
            title,
            about,
            vec![
                BEFORE,
                AFTER,
                USER,
                DEVICE,
                CLIENT,
                REASON,
                LAST_SUCCESS,
                EVIDENCE,
            ],
            pairs.map(row).collect(),
        )
    }

    /// What else changed: protocol version, server, client.
    fn changed(&self) -> Section {
        const WHAT: [&str; 5] = [
            "user",
            "protocol_versions",
            "servers",
            "mailbox_server",
            "client",
        ];
        let mut rows: Vec<Row> = Vec::new();
        for (old, new) in &self.both {
            for what in WHAT {
                let (before, after) = (old.value(what), new.value(what));
                // One user is named in several ways.
                let same = before == after || what == "user" && old.key().0 == new.key().0;
                if same || before == Value::Null || after == Value::Null {
                    continue;
                }
                rows.push(vec![
                    Value::Text(what.to_owned()),
                    new.value("user"),
                    new.value("device_id"),
                    before,
                    after,
                    new.value("verdict"),
                ]);
            }
        }
        // By what changed, in the order above.
        let rank = |row: &Row| match &row[0] {
            Value::Text(what) => WHAT.iter().position(|other| other == what),
            _ => None,
        };
        rows.sort_by_key(rank);
        table(
            "changed",
            "Changed",
            "Devices whose user, protocol version, server, mailbox server or client is another one now.",
            vec![
                column("what", "What", Measure::Text),
                USER,
                DEVICE,
                column("before", "Before", Measure::Text),
                column("after", "After", Measure::Text),
                AFTER,
            ],
            rows,
        )
    }

    /// Devices by kind: how many, how many of them fail or are lost, and their rates.
    fn by_client(
        &self,
        old: &BTreeMap<Key, Side<'_>>,
        new: &BTreeMap<Key, Side<'_>>,
        days: [f64; 2],
    ) -> Section {
        let kind_of = |side: &Side<'_>| (side.text("device_type"), side.text("client"));
        let mut kinds: BTreeMap<(String, String), [Kind; 2]> = BTreeMap::new();
        for (at, devices) in [old, new].into_iter().enumerate() {
            for side in devices.values() {
                let kind = &mut kinds.entry(kind_of(side)).or_default()[at];
                kind.devices += 1;
                kind.failing += i64::from(side.verdict().is_none_or(Verdict::is_broken));
                kind.requests += side.number("requests").unsigned_abs();
                kind.failed += side.number("failed_requests").unsigned_abs();
            }
        }
        // Where they belonged before: the client may have changed with the failure.
        let lost = self.failing_now().map(|(old, _)| *old);
        for side in lost.chain(self.lost().copied()) {
            kinds.entry(kind_of(side)).or_default()[0].lost += 1;
        }
        let mut kinds: Vec<_> = kinds.into_iter().collect();
        kinds.sort_by_key(|(_, [_, after])| (Reverse(after.failing), Reverse(after.devices)));
        let share = |kind: &Kind| match kind.requests {
            0 => Value::Null,
            requests => {
                Value::Number((kind.failed as f64 * 1000.0 / requests as f64).round() as i64)
            }
        };
        let text = |text: String| {
            if text.is_empty() {
                Value::Null
            } else {
                Value::Text(text)
            }
        };
        let rows = kinds
            .into_iter()
            .map(|((device_type, client), [before, after])| {
                vec![
                    text(device_type),
                    text(client),
                    Value::Number(before.devices),
                    Value::Number(after.devices),
                    Value::Number(before.failing),
                    Value::Number(after.failing),
                    Value::Number(before.lost),
                    Value::Number(rate(before.requests, days[0])),
                    Value::Number(rate(after.requests, days[1])),
                    share(&before),
                    share(&after),
                ]
            })
            .collect();
        table(
            "by_client",
            "By device type and client",
            "How many devices, how many of them are not well, how many worked before only (they fail now or \
         never came back), requests a day, and failures of a thousand requests, before and after.",
            vec![
                column("device_type", "Device type", Measure::Text),
                CLIENT,
                column("devices_before", "Devices before", Measure::Count),
                column("devices_after", "after", Measure::Count),
                column("failing_before", "Not well before", Measure::Count),
                column("failing_after", "after", Measure::Count),
                column("worked_before_only", "Only before", Measure::Count),
                column("requests_per_day_before", "A day before", Measure::Count),
                column("requests_per_day_after", "after", Measure::Count),
                column(
                    "failed_per_1000_before",
                    "Failed of 1,000 before",
                    Measure::Count,
                ),
                column("failed_per_1000_after", "after", Measure::Count),
            ],
            rows,
        )
    }
}

/// Counts of one kind of device in one of the two reports.
#[derive(Default)]
struct Kind {
    devices: i64,
    failing: i64,
    lost: i64,
    requests: u64,
    failed: u64,
}

fn table(
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
