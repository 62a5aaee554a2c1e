//! The devices that need something, as a table to attach.

use std::io;

use crate::render::section_csv;
use crate::report::{Report, Row, Section, Value};
use crate::triage::Verdict;

/// Mail servers turn large messages away, most of them from 10 MB on, and base64 adds a third.
const CAP: usize = 5 << 20;

/// The devices of a report that need something: their verdict is neither healthy nor recovered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Affected {
    /// The table as CSV, with the columns of the section `devices`.
    pub csv: Vec<u8>,
    /// How many devices need something.
    pub devices: u64,
    /// How many of them are in the table, those that need most.
    pub attached: u64,
}

impl Affected {
    /// Of a report whose section `devices` has a row for every device.
    ///
    /// # Errors
    /// If a record cannot be made.
    pub fn of(report: &Report) -> io::Result<Affected> {
        Affected::within(report, CAP)
    }

    fn within(report: &Report, cap: usize) -> io::Result<Affected> {
        let Some(section) = report.section("devices") else {
            return Ok(Affected {
                csv: Vec::new(),
                devices: 0,
                attached: 0,
            });
        };
        let verdict = section.column("verdict");
        let rows: Vec<Row> = section
            .rows
            .iter()
            .filter(|row| {
                let value = verdict.and_then(|column| row.get(column));
                value.is_some_and(is_affected)
            })
            .cloned()
            .collect();
        let section = Section {
            columns: section.columns.clone(),
            rows,
            ..*section
        };
        let mut attached = section.rows.len();
        let mut csv = section_csv(&section, None)?;
        while csv.len() > cap && attached > 0 {
            // In proportion, and one less, so that it comes to an end.
            attached = (attached * cap / csv.len()).min(attached - 1);
            csv = section_csv(&section, Some(attached))?;
        }
        Ok(Affected {
            csv,
            devices: section.rows.len() as u64,
            attached: attached as u64,
        })
    }
}

fn is_affected(value: &Value) -> bool {
    let Value::Text(name) = value else {
        return false;
    };
    Verdict::from_name(name).is_some_and(Verdict::is_broken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::letter::tests::report;

    fn lines(affected: &Affected) -> Vec<&str> {
        std::str::from_utf8(&affected.csv)
            .unwrap()
            .lines()
            .collect()
    }

    #[test]
    fn devices_that_are_well_are_left_out() {
        let report = report(&[
            ("blocked", "=cmd"),
            ("recovered", "CONTOSO\\a"),
            ("healthy", "CONTOSO\\b"),
            ("gone_silent", "CONTOSO\\c"),
        ]);
        let affected = Affected::of(&report).unwrap();
        assert_eq!((affected.devices, affected.attached), (2, 2));
        assert_eq!(
            lines(&affected),
            ["verdict,user", "blocked,'=cmd", "gone_silent,CONTOSO\\c"],
        );
    }

    #[test]
    fn a_table_that_is_too_large_ends_early_with_whole_rows() {
        let rows = [("blocked", "CONTOSO\\somebody"); 100];
        let whole = Affected::of(&report(&rows)).unwrap().csv.len();
        for cap in [whole, whole - 1, whole / 2, 40, 0] {
            let affected = Affected::within(&report(&rows), cap).unwrap();
            assert_eq!(affected.devices, 100);
            assert_eq!(lines(&affected).len() as u64, affected.attached + 1);
            assert!(affected.csv.len() <= cap || affected.attached == 0, "{cap}");
            assert!(affected.attached > 0 || cap < 50, "{cap}");
            assert_eq!(affected.attached == 100, cap == whole);
        }
    }
}
