//! What became of the reports of earlier nights: what they were made of, and which were mailed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::reports::report_of_day;
use super::settings::Settings;
use crate::render::write_atomically;
use crate::report::DayTotals;
use crate::store::{Keys, Store, date_of, fault};

/// What became of the reports of earlier nights.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    path: PathBuf,
    pub(super) now: Kept,
    /// As it is in its file.
    saved: Kept,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The reports that were written, by the path of each without its ending. With them a night
    /// without news writes nothing, and a report whose day changed is made anew.
    pub(super) reports: BTreeMap<String, Written>,
    /// The mails, by the day of their report.
    mails: BTreeMap<i32, Mail>,
    /// The totals of days, so that a chart of a month needs the facts of one day only.
    #[serde(default)]
    totals: BTreeMap<i32, Totals>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) day: i32,
    /// What it was made of.
    pub(super) of: String,
    /// The length of each file.
    pub(super) bytes: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mail {
    /// What the report was made of.
    of: String,
    /// Whether it got through, or nobody wanted it.
    done: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Totals {
    /// What they were made of.
    of: String,
    totals: DayTotals,
}

/// So many days have a place in the chart of days.
const TREND: i32 = 31;

/// So many days before are compared with.
pub(super) const WEEK: i32 = 7;

/// So long it is known what was mailed.
const MAILS_KNOWN: i32 = 31;

impl Past {
    pub(super) fn of(store: &Path) -> Past {
        let path = store.join("reports.json");
        // One that cannot be read costs no more than writing reports again, and mailing the last.
        let saved: Kept = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Past {
            path,
            now: saved.clone(),
            saved,
        }
    }

    pub(super) fn save(&mut self) -> anyhow::Result<()> {
        if self.now == self.saved {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&self.now)?;
        write_atomically(&self.path, |out| out.write_all(&text))
            .with_context(|| format!("cannot write {}", self.path.display()))?;
        fault("past");
        self.saved = self.now.clone();
        Ok(())
    }

    /// The totals of the days up to this one.
    pub(super) fn trend(
        &mut self,
        date: NaiveDate,
        settings: &Settings,
        store: &Store,
        keys: &Keys,
    ) -> anyhow::Result<Vec<DayTotals>> {
        let (last, held) = (date.to_epoch_days(), store.days());
        let known = &mut self.now.totals;
        known.retain(|day, _| held.contains(day));
        let mut days = Vec::new();
        for day in (last - TREND + 1..=last).filter(|day| held.contains(day)) {
            let of = keys.of(day..=day, &settings.key_of_totals());
            if known.get(&day).is_none_or(|known| known.of != of) {
                let report = report_of_day(settings, store, day, Vec::new())?;
                let totals = DayTotals::of(date_of(day).to_string(), &report);
                known.insert(day, Totals { of, totals });
            }
            days.extend(known.get(&day).map(|known| known.totals.clone()));
        }
        Ok(days)
    }

    /// Takes note that the report of a day is to be mailed, unless this one was.
    pub(super) fn is_due(&mut self, settings: &Settings, keys: &Keys, date: NaiveDate) {
        let (day, of) = (date.to_epoch_days(), settings.key(keys, date));
        let known = self.now.mails.get(&day);
        if known.is_none_or(|mail| mail.of != of && is_whole(keys, day)) {
            self.now.mails.insert(day, Mail { of, done: false });
        }
    }

    pub(super) fn mailed(&mut self, date: NaiveDate) {
        if let Some(mail) = self.now.mails.get_mut(&date.to_epoch_days()) {
            mail.done = true;
        }
    }

    /// The days whose reports are to be mailed.
    pub(super) fn due(&self) -> Vec<NaiveDate> {
        let due = self.now.mails.iter().filter(|(_, mail)| !mail.done);
        due.map(|(&day, _)| date_of(day)).collect()
    }

    /// Forgets what is long mailed, and gives the days whose reports nobody waits for any more.
    pub(super) fn forget_mails(&mut self, date: NaiveDate) -> Vec<NaiveDate> {
        let today = date.to_epoch_days();
        let mut late = Vec::new();
        self.now.mails.retain(|&day, mail| {
            let is_late = !mail.done && day < today - WEEK;
            if is_late {
                late.push(date_of(day));
            }
            !is_late && day >= today - MAILS_KNOWN
        });
        late
    }
}

/// Whether the store has all that the report of a day is made of.
pub(super) fn is_whole(keys: &Keys, day: i32) -> bool {
    keys.has_all_of(day - WEEK..=day)
}
