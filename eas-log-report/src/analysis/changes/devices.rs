//! Devices and users that fail and did not, that fail in another way, or that work again.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use eas_log_parse::{Account, DeviceId};

use super::usual::Usual;
use super::{CHANGE, Earlier, FAILED, Named, REQUESTS, USER, column, rows, section, text};
use crate::report::{Measure, Report, Row, Section, Value};
use crate::triage::Verdict;

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
    verdict.is_broken() && verdict != Verdict::GoneSilent
}

/// Whether a verdict stands on an answer of the server that is meant for the device, and not on how
/// often something happened: then a single request tells it.
fn is_decision(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Disabled
            | Verdict::Blocked
            | Verdict::AutoBlocked
            | Verdict::Quarantined
            | Verdict::NotProvisionable
            | Verdict::ProvisioningLoop
            | Verdict::Redirected
            | Verdict::MailboxFull
    )
}

/// Whether a verdict is about how much a device asks, and not about what fails.
fn is_of_load(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::SyncLoop | Verdict::Resync | Verdict::Storm
    )
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

/// What a device was on a day.
#[derive(Clone, Copy, Debug)]
struct Day {
    verdict: Verdict,
    requests: i64,
    failed: i64,
}

impl Day {
    fn of(row: &Named<'_>) -> Option<Day> {
        Some(Day {
            verdict: Verdict::from_name(&row.text("verdict")?)?,
            requests: row.number("requests"),
            failed: row.number("failed_requests"),
        })
    }

    /// Whether the device failed on this day beyond what is usual for it on the other days: a
    /// password that is wrong once, or a server that is restarted, is no news.
    fn fails_beyond<'d>(&self, others: &(impl Iterator<Item = &'d Day> + Clone)) -> bool {
        /// Fewer failures of a device are chance.
        const LEAST_FAILED: i64 = 10;
        /// Fewer requests of a device are no load.
        const LEAST_REQUESTS: i64 = 200;
        let usual = |number: fn(&Day) -> i64| {
            let numbers: Vec<i64> = others.clone().map(number).collect();
            Usual::of(&numbers)
        };
        if !fails(self.verdict) {
            return false;
        }
        is_decision(self.verdict)
            || usual(|day| day.failed).is_exceeded_by(self.failed, LEAST_FAILED)
            || is_of_load(self.verdict)
                && usual(|day| day.requests).is_exceeded_by(self.requests, LEAST_REQUESTS)
    }
}

/// What became of a device since the days before, on which it was seen in this order.
fn change(today: Day, before: &[Day]) -> Option<Change> {
    let others = |at: usize| {
        let others = before.iter().enumerate();
        others.filter_map(move |(other, day)| (other != at).then_some(day))
    };
    let failed: Vec<bool> = (0..before.len())
        .map(|at| before[at].fails_beyond(&others(at)))
        .collect();
    let failed_last = failed.last() == Some(&true);
    if today.fails_beyond(&before.iter()) {
        if !failed.contains(&true) {
            // One that fails in one way or another on most days does so on this one too.
            let failing = before.iter().filter(|day| fails(day.verdict)).count();
            return (failing * 2 <= before.len()).then_some(Change::NewlyFailing);
        }
        let is_known = before.iter().any(|day| day.verdict == today.verdict);
        return (failed_last && !is_known).then_some(Change::VerdictChanged);
    }
    // One that fails every now and then does not recover each time.
    let began = failed.iter().position(|&failed| failed)?;
    let without_a_break = before[began..].iter().all(|day| fails(day.verdict));
    (failed_last && without_a_break && today.verdict.is_well()).then_some(Change::Recovered)
}

/// A device that changed.
struct Changed<'r> {
    who: &'r Who,
    change: Change,
    before: Option<Verdict>,
    now: Verdict,
    row: Named<'r>,
}

/// The devices of a day and of the days before.
pub(super) struct Devices<'r> {
    today: Vec<(Who, Day, Named<'r>)>,
    before: HashMap<Who, Vec<Day>>,
}

impl<'r> Devices<'r> {
    pub(super) fn new(today: &'r Report, before: &'r [Earlier]) -> Devices<'r> {
        let mut days: HashMap<Who, Vec<Day>> = HashMap::new();
        for row in before
            .iter()
            .flat_map(|earlier| rows(&earlier.report, "devices"))
        {
            if let Some(day) = Day::of(&row) {
                days.entry(who(&row)).or_default().push(day);
            }
        }
        let today = rows(today, "devices")
            .filter_map(|row| Some((who(&row), Day::of(&row)?, row)))
            .collect();
        Devices {
            today,
            before: days,
        }
    }

    fn before(&self, who: &Who) -> &[Day] {
        self.before.get(who).map_or(&[], Vec::as_slice)
    }

    /// The sections of devices and of users.
    pub(super) fn sections(&self) -> [Section; 2] {
        let mut changed: Vec<Changed<'_>> = self
            .today
            .iter()
            .filter_map(|(who, day, row)| {
                let before = self.before(who);
                Some(Changed {
                    who,
                    change: change(*day, before)?,
                    before: before.last().map(|day| day.verdict),
                    now: day.verdict,
                    row: *row,
                })
            })
            .collect();
        changed.sort_by_cached_key(|changed| {
            let row = &changed.row;
            (
                changed.change,
                changed.now,
                Reverse(row.number("failed_requests")),
                row.text("user"),
                row.text("device_id"),
            )
        });
        [devices(&changed), self.users(&changed)]
    }

    /// Users of whom a device fails and none did before, and those of whom none fails any more.
    fn users(&self, changed: &[Changed<'_>]) -> Section {
        #[derive(Default)]
        struct Of {
            name: String,
            failing: i64,
            failing_before: i64,
            failed: i64,
        }
        let mut users: BTreeMap<&str, (Change, Of)> = BTreeMap::new();
        for changed in changed {
            if let Some(user) = &changed.who.0
                && changed.change != Change::VerdictChanged
            {
                // Sorted as they are, what newly fails comes first.
                let of = || (changed.change, Of::default());
                users.entry(user).or_insert_with(of);
            }
        }
        for (who, day, row) in &self.today {
            let user = who.0.as_deref().and_then(|user| users.get_mut(user));
            if let Some((_, of)) = user {
                of.name = row.text("user").unwrap_or_default();
                of.failing += i64::from(fails(day.verdict));
                of.failed += day.failed;
            }
        }
        for (who, days) in &self.before {
            let user = who.0.as_deref().and_then(|user| users.get_mut(user));
            if let (Some((_, of)), Some(last)) = (user, days.last()) {
                of.failing_before += i64::from(fails(last.verdict));
            }
        }
        let mut users: Vec<(Change, Of)> = users.into_values().collect();
        users.retain(|(change, of)| match change {
            Change::NewlyFailing => of.failing_before == 0,
            _ => of.failing == 0,
        });
        users.sort_by(|(a, of_a), (b, of_b)| {
            (a, Reverse(of_a.failed), &of_a.name).cmp(&(b, Reverse(of_b.failed), &of_b.name))
        });
        let rows = users
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

fn devices(changed: &[Changed<'_>]) -> Section {
    let row = |changed: &Changed<'_>| -> Row {
        let row = &changed.row;
        vec![
            text(changed.change.name()),
            changed
                .before
                .map_or(Value::Null, |before| text(before.name())),
            text(changed.now.name()),
            row.value("user"),
            row.value("device_id"),
            row.value("client"),
            row.value("reason"),
            row.value("requests"),
            row.value("failed_requests"),
            row.value("evidence"),
        ]
    };
    section(
        "changes_devices",
        "Devices that changed",
        "Devices that fail and did not in the last seven days, that fail in another way, or that work \
         again after failing without a break. Failures that a device has every now and then are no \
         change.",
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
        changed.iter().map(row).collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use Verdict::{
        Authentication, Blocked, Healthy, Intermittent, Quarantined, ServerError, Storm,
    };

    fn day(verdict: Verdict, requests: i64, failed: i64) -> Day {
        Day {
            verdict,
            requests,
            failed,
        }
    }

    #[test]
    fn changes_of_a_device() {
        let well = day(Healthy, 100, 1);
        let refused = day(Blocked, 4, 4);
        let cases: [(&[Day], Day, Option<Change>); 14] = [
            (&[], well, None),
            (&[], refused, Some(Change::NewlyFailing)),
            (&[well; 7], refused, Some(Change::NewlyFailing)),
            (&[refused; 7], refused, None),
            (&[well, well, refused], well, Some(Change::Recovered)),
            (
                &[refused; 3],
                day(Quarantined, 2, 0),
                Some(Change::VerdictChanged),
            ),
            // Every now and then is no news in either direction.
            (&[refused, well, well, refused, well], refused, None),
            (&[refused, well, refused], well, None),
            // A few failures at the end of a day are chance; a day of failures is not.
            (&[well; 7], day(ServerError, 100, 3), None),
            (
                &[well; 7],
                day(ServerError, 100, 60),
                Some(Change::NewlyFailing),
            ),
            (
                &[day(Intermittent, 90, 20); 7],
                day(Authentication, 90, 22),
                None,
            ),
            (&[well, well, day(ServerError, 100, 2)], well, None),
            (
                &[well, well, day(ServerError, 100, 60)],
                well,
                Some(Change::Recovered),
            ),
            (&[well; 7], day(Storm, 9000, 0), Some(Change::NewlyFailing)),
        ];
        for (before, today, want) in cases {
            assert_eq!(change(today, before), want, "{before:?} {today:?}");
        }
    }
}
