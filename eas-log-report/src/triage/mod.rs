//! The verdict on every device.
//!
//! [`ledger`](Ledger) puts all facts of a device together, and [`RULES`] say what they come to.

mod busiest;
mod calendar;
mod device;
mod findings;
mod history;
mod ledger;
mod rules;
mod verdict;

pub use device::{Device, Failures};
pub use findings::{Findings, Match, Pattern};
pub use ledger::Ledger;
pub use rules::{Limits, RULES, Rule};
pub use verdict::Verdict;
