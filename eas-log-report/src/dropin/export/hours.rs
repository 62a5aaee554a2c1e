//! `Hourly.csv`: a row for each hour of the week, over all weeks.

use std::io;

use super::texts::{Named, Renamed};
use crate::dropin::Rules;
use crate::dropin::cell::{Cell, Table};
use crate::dropin::request::Request;
use crate::facts::{Add, SumTable, TextId};
use eas_log_parse::Command;

const COLUMNS: [&str; 4] = ["Day", "Hour", "Unique Devices", "Sync Related Requests"];

const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const HOURS: usize = 24 * DAYS.len();

/// The hours of the week in which a device was seen, a bit for each.
#[derive(Clone, Copy, Debug, Default)]
struct Week([u64; HOURS.div_ceil(64)]);

impl Week {
    fn set(&mut self, hour: usize) {
        self.0[hour / 64] |= 1 << (hour % 64);
    }

    fn is_set(&self, hour: usize) -> bool {
        self.0[hour / 64] >> (hour % 64) & 1 == 1
    }
}

impl Add for Week {
    fn add(&mut self, other: &Week) {
        for (bits, other) in self.0.iter_mut().zip(other.0) {
            *bits |= other;
        }
    }
}

/// A row for each hour of the week.
pub(super) struct Hours {
    synchronizations: [u64; HOURS],
    devices: SumTable<TextId, Week>,
}

impl Default for Hours {
    fn default() -> Self {
        Hours {
            synchronizations: [0; HOURS],
            devices: SumTable::default(),
        }
    }
}

impl Hours {
    #[inline]
    pub(super) fn take(&mut self, request: &Request<'_>, named: &Named) {
        let hour = request.hour_of_week();
        if matches!(
            request.command,
            Some(Command::Sync | Command::GetItemEstimate)
        ) {
            self.synchronizations[hour] += 1;
        }
        if let Some(device) = named.one_device {
            self.devices.of(device).set(hour);
        }
    }

    pub(super) fn merge(&mut self, other: &Hours, renamed: &Renamed) {
        for (sum, count) in self.synchronizations.iter_mut().zip(other.synchronizations) {
            *sum += count;
        }
        self.devices
            .merge(&other.devices, |device| renamed.one_device(device));
    }

    pub(super) fn table(&self, rules: Rules) -> io::Result<Table> {
        let mut devices = [0u64; HOURS];
        for (_, week) in self.devices.iter() {
            for (hour, count) in devices.iter_mut().enumerate() {
                *count += u64::from(week.is_set(hour));
            }
        }
        let mut table = Table::new(COLUMNS, rules)?;
        for (hour, (devices, synchronizations)) in
            devices.into_iter().zip(self.synchronizations).enumerate()
        {
            let cells: [Cell<'_>; 4] = [
                DAYS[hour / 24].into(),
                (hour as u64 % 24).into(),
                devices.into(),
                synchronizations.into(),
            ];
            table.row(cells)?;
        }
        Ok(table)
    }
}
