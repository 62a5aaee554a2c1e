//! The report as plain data: what renderers write, and nothing of how they write it.

mod finding;
mod section;
mod sheet;

use eas_log_parse::Tally;

pub use finding::{Advice, Certainty, Finding, Listed, Part, Severity};
pub use section::{Column, Measure, Row, Section, Value};
pub use sheet::Sheet;

use crate::facts::Counts;
use crate::ingest::Quality;

/// Version of the JSON form. It changes when a reader of the old form would be misled.
pub const SCHEMA: &str = "eas-log-report/1";

/// Everything a report says.
#[derive(Clone, Debug)]
pub struct Report {
    /// What the report is about.
    pub meta: Meta,
    /// How well the input could be read.
    pub quality: Quality,
    /// Records by kind.
    pub counts: Counts,
    /// The numbers at the top.
    pub totals: Totals,
    /// What changed against the days before; none where a report is not of one day among others.
    pub changes: Option<Changes>,
    /// The totals of days, this one the last, where a store holds several.
    pub days: Vec<DayTotals>,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// The sections, in the order of the registry of analyses.
    pub sections: Vec<Section>,
}

/// What a report is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The filters that were set, as they were typed: option and value.
    pub filters: Vec<(String, String)>,
    /// Time of the first and the last request, in seconds since 1970-01-01 00:00:00 UTC.
    pub period: Option<(i64, i64)>,
    /// The zone in which times are told; UTC if there is none.
    pub zone: Option<String>,
}

impl Meta {
    /// The zone in which times are told.
    pub fn zone(&self) -> &str {
        self.zone.as_deref().unwrap_or("UTC")
    }
}

/// The totals of a day.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DayTotals {
    /// The day, in its zone.
    pub date: String,
    /// Requests.
    pub requests: u64,
    /// Of these, the failed ones.
    pub failed_requests: u64,
    /// Devices.
    pub devices: u64,
    /// Of these, those that need something.
    pub broken_devices: u64,
}

impl DayTotals {
    /// Of the report of a day.
    pub fn of(date: String, report: &Report) -> DayTotals {
        let totals = &report.totals;
        DayTotals {
            date,
            requests: totals.requests,
            failed_requests: totals.failed_requests,
            devices: totals.devices,
            broken_devices: totals.broken_devices,
        }
    }
}

/// What changed on a day. The sections whose ids begin with `changes_` have all of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Changes {
    /// The day, in its zone.
    pub date: String,
    /// How many of the seven days before were logged.
    pub days_before: usize,
    /// Requests on a usual day of these.
    pub usual_requests: u64,
    /// Failed requests on a usual day.
    pub usual_failed_requests: u64,
    /// Devices on a usual day.
    pub usual_devices: u64,
    /// Whether nothing changed.
    pub is_quiet: bool,
}

/// The numbers at the top of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// ActiveSync requests of devices. Each counts once.
    pub requests: u64,
    /// Lines that tell of a request that the line of another server is counted for.
    pub logged_twice: u64,
    /// Of these, the failed ones.
    pub failed_requests: u64,
    /// Of these, the first legs of authentication handshakes, which are no failures.
    pub challenges: u64,
    /// Different users.
    pub users: u64,
    /// Different devices.
    pub devices: u64,
    /// Devices with a request refused for want of provisioning.
    pub non_provisionable_devices: u64,
    /// Blocked devices.
    pub blocked_devices: u64,
    /// Rows of the ledger whose verdict says that something needs to be done, each a device of a
    /// user.
    pub broken_devices: u64,
    /// The users of these.
    pub broken_users: u64,
}

impl Report {
    /// The report with times as the clocks of a zone show them, for people. `offset` gives how far
    /// these are ahead of UTC at a time, in seconds. Programs get UTC.
    pub fn in_zone(&self, zone: &str, offset: impl Fn(i64) -> i64) -> Report {
        let local = |time: i64| time.saturating_add(offset(time));
        let mut report = self.clone();
        let meta = &mut report.meta;
        meta.zone = Some(zone.to_owned());
        meta.period = meta.period.map(|(first, last)| (local(first), local(last)));
        for section in &mut report.sections {
            for column in &mut section.columns {
                let label = column.label;
                column.label = label.strip_suffix(" (UTC)").unwrap_or(label);
            }
            for value in section.rows.iter_mut().flatten() {
                if let Value::Time(time) = value {
                    *time = local(*time);
                }
            }
        }
        report
    }

    /// The section of this id.
    pub fn section(&self, id: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.id == id)
    }

    /// Lines of all inputs by kind.
    pub fn tally(&self) -> Tally {
        self.quality.tally()
    }
}
