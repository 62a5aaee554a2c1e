//! `UserAgents.csv`: a row for each user agent.

use std::io;

use super::texts::{Named, Renamed, Texts};
use crate::dropin::Rules;
use crate::dropin::cell::{Cell, Table};
use crate::dropin::order::compare;
use crate::facts::{Add, KeyTable, SumTable, TextId};

const COLUMNS: [&str; 3] = ["User Agent", "Hits", "Unique Devices"];

#[derive(Clone, Copy, Debug, Default)]
struct Hits(u64);

impl Add for Hits {
    fn add(&mut self, other: &Hits) {
        self.0 += other.0;
    }
}

/// A row for each user agent, as logged.
#[derive(Default)]
pub(super) struct Agents {
    hits: SumTable<TextId, Hits>,
    /// User agents, each with a device that was seen with it.
    devices: KeyTable<(TextId, TextId)>,
}

impl Agents {
    #[inline]
    pub(super) fn take(&mut self, named: &Named) {
        self.hits.of(named.agent).0 += 1;
        if let Some(device) = named.one_device {
            self.devices.intern((named.agent, device));
        }
    }

    pub(super) fn merge(&mut self, other: &Agents, renamed: &Renamed) {
        let here = |agent: TextId| renamed.agents[agent as usize];
        self.hits.merge(&other.hits, here);
        for &(agent, device) in other.devices.as_slice() {
            self.devices
                .intern((here(agent), renamed.one_device(device)));
        }
    }

    pub(super) fn table(&self, texts: &Texts, rules: Rules) -> io::Result<Table> {
        let mut devices = vec![0u64; texts.agents.len()];
        for &(agent, _) in self.devices.as_slice() {
            devices[agent as usize] += 1;
        }
        let mut rows: Vec<(&[u8], u64, u64)> = self
            .hits
            .iter()
            .map(|(&agent, hits)| (texts.agents.get(agent), hits.0, devices[agent as usize]))
            .collect();
        rows.sort_by(|a, b| compare(a.0, b.0, rules).then_with(|| (a.1, a.2).cmp(&(b.1, b.2))));
        let mut table = Table::new(COLUMNS, rules)?;
        for (agent, hits, devices) in rows {
            table.row([Cell::Logged(agent), hits.into(), devices.into()])?;
        }
        Ok(table)
    }
}
