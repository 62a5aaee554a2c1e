//! `StatusCodes.csv`: a row for each HTTP status with its substatus.

use std::collections::BTreeMap;
use std::io;

use crate::dropin::Rules;
use crate::dropin::cell::{Cell, Table, ratio};
use crate::dropin::request::Request;

const COLUMNS: [&str; 4] = ["Status", "SubStatus", "Hits", "Ratio"];

/// A row for each HTTP status with its substatus.
#[derive(Default)]
pub(super) struct Statuses {
    hits: BTreeMap<(Option<u16>, Option<u16>), u64>,
}

impl Statuses {
    #[inline]
    pub(super) fn take(&mut self, request: &Request<'_>) {
        let key = (request.status, request.substatus);
        *self.hits.entry(key).or_default() += 1;
    }

    pub(super) fn merge(&mut self, other: &Statuses) {
        for (&key, hits) in &other.hits {
            *self.hits.entry(key).or_default() += hits;
        }
    }

    pub(super) fn table(&self, rules: Rules) -> io::Result<Table> {
        let all: u64 = self.hits.values().sum();
        let mut table = Table::new(COLUMNS, rules)?;
        for (&(status, substatus), &hits) in &self.hits {
            let cells: [Cell<'_>; 4] = [
                status.map(u64::from).into(),
                substatus.map(u64::from).into(),
                hits.into(),
                match rules {
                    Rules::Corrected => ratio(hits, all, rules),
                    Rules::Compat => (hits / all).into(),
                },
            ];
            table.row(cells)?;
        }
        Ok(table)
    }
}
