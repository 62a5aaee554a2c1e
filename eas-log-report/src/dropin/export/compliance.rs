//! `PolicyCompliance.csv`: a row for each way to comply with the policy.

use std::io;

use super::users::Compliance;
use crate::dropin::Rules;
use crate::dropin::cell::{Cell, Table, ratio};

const COLUMNS: [&str; 3] = ["Compliance Type", "Total", "Ratio"];

/// Counts the rows of `Users.csv`.
pub(super) fn table(rows: impl Iterator<Item = Compliance>, rules: Rules) -> io::Result<Table> {
    let mut totals = [0u64; Compliance::ALL.len()];
    for compliance in rows {
        totals[compliance as usize] += 1;
    }
    let all = totals.iter().sum();
    let mut table = Table::new(COLUMNS, rules)?;
    for compliance in Compliance::ALL {
        let total = totals[compliance as usize];
        let cells: [Cell<'_>; 3] = [
            compliance.name().into(),
            total.into(),
            ratio(total, all, rules),
        ];
        table.row(cells)?;
    }
    Ok(table)
}
