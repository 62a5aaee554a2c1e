//! The reports of days, and which of them are to be written anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Context;
use chrono::NaiveDate;

use super::past::{Past, WEEK, Written, is_whole};
use super::settings::{Form, Settings};
use crate::analysis::{Earlier, Options, analyse, changes};
use crate::cli::output::check_folder;
use crate::render::write_atomically;
use crate::report::Report;
use crate::store::{Store, Zone, date_of, fault};
use crate::triage::Findings;

/// The path of a report without its ending.
fn stem(settings: &Settings, date: NaiveDate) -> String {
    let stem = settings.out.join(format!("report-{date}"));
    stem.to_string_lossy().into_owned()
}

/// The report of the day if it is not as it was made, and those of other days whose facts changed
/// since they were made. One whose days are partly dropped is left as it is: it knew more.
pub(super) fn stale(
    settings: &Settings,
    store: &Store,
    date: NaiveDate,
    past: &Past,
) -> anyhow::Result<Vec<NaiveDate>> {
    let mut dates: BTreeSet<NaiveDate> = [date].into();
    dates.extend(past.now.reports.iter().filter_map(|(path, one)| {
        let date = date_of(one.day);
        (*path == stem(settings, date)).then_some(date)
    }));
    let keys = store.keys()?;
    let mut stale = Vec::new();
    for date in dates {
        let is_there = |one: &Written| {
            one.bytes
                .iter()
                .all(|(path, length)| fs::metadata(path).is_ok_and(|found| found.len() == *length))
        };
        let made = past.now.reports.get(&stem(settings, date));
        let is_good = match made {
            Some(one) if !is_whole(&keys, one.day) => is_there(one),
            Some(one) => is_there(one) && one.of == settings.key(&keys, date),
            None => false,
        };
        if !is_good {
            stale.push(date);
        }
    }
    Ok(stale)
}

/// Writes the report of a day, and those of other days whose facts changed since they were written.
/// Adds the days of which a file was written: one that would be the same stays.
pub(super) fn write_reports(
    settings: &Settings,
    store: &Store,
    date: NaiveDate,
    past: &mut Past,
    done: &mut Vec<NaiveDate>,
) -> anyhow::Result<()> {
    let stale = stale(settings, store, date, past)?;
    if !stale.is_empty() {
        check_folder("--out", &settings.out)?;
    }
    let keys = store.keys()?;
    for date in stale {
        let stem = stem(settings, date);
        let (mut report, _) = report(settings, store, date)?;
        report.days = past.trend(date, settings, store, &keys)?;
        let shown = in_zone(&report, store.zone());
        let mut lengths = BTreeMap::new();
        for form in &settings.forms {
            let path = format!("{stem}.{}", form.extension());
            let mut text = Vec::new();
            let report = match form {
                Form::Json => &report,
                Form::Text | Form::Html | Form::Markdown => &shown,
            };
            form.write(report, &mut text)?;
            if fs::read(&path).ok().as_ref() != Some(&text) {
                write_atomically(Path::new(&path), |out| out.write_all(&text))
                    .with_context(|| format!("cannot write {path}"))?;
                fault("report");
                if done.last() != Some(&date) {
                    done.push(date);
                }
            }
            lengths.insert(path, text.len() as u64);
        }
        let one = Written {
            day: date.to_epoch_days(),
            of: settings.key(&keys, date),
            bytes: lengths,
        };
        past.now.reports.insert(stem, one);
    }
    Ok(())
}

/// A report with its times as people read them: in the zone of the store. Programs get UTC.
pub(super) fn in_zone(report: &Report, zone: Zone) -> Report {
    report.in_zone(zone.name(), |time| zone.offset_at(time))
}

/// The report of a day by itself.
pub(super) fn report_of_day(
    settings: &Settings,
    store: &Store,
    day: i32,
    filters: Vec<(String, String)>,
) -> anyhow::Result<Report> {
    let mut ingested = store.ingested(Some(day), Some(day))?;
    if let Some(pseudonyms) = &settings.pseudonyms {
        pseudonyms.apply(&mut ingested);
    }
    let findings = settings.findings.as_ref();
    let options = Options {
        filters,
        findings: findings.unwrap_or_else(|| Findings::built_in()),
        limits: settings.limits,
        devices: None,
    };
    analyse(ingested, options).context("cannot analyse")
}

/// The report of a day with what changed, and whether something did.
pub(super) fn report(
    settings: &Settings,
    store: &Store,
    date: NaiveDate,
) -> anyhow::Result<(Report, bool)> {
    let day = date.to_epoch_days();
    let mut filters = vec![("date".to_owned(), date_of(day).to_string())];
    if store.zone().name() != "UTC" {
        filters.push(("tz".to_owned(), store.zone().name().to_owned()));
    }
    let mut report = report_of_day(settings, store, day, filters)?;
    let days = store.days();
    let before = (day - WEEK..day).filter(|earlier| days.contains(earlier));
    let before = before
        .map(|earlier| {
            Ok(Earlier {
                days_ago: day - earlier,
                report: report_of_day(settings, store, earlier, Vec::new())?,
            })
        })
        .collect::<anyhow::Result<Vec<Earlier>>>()?;
    let (changes, sections) = changes(date.to_string(), &report, &before);
    let changed = !changes.is_quiet;
    report.changes = Some(changes);
    report.sections.splice(0..0, sections);
    Ok((report, changed))
}
