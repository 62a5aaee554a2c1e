//! What came of a run, as an exit code.

use std::process::ExitCode;

/// What came of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The report is written.
    Written,
    /// The report is written, but some input could not be read, or more of it was malformed than
    /// was allowed.
    WrittenInPart,
    /// There is no report.
    NoReport,
    /// The report is written, and a condition of `--fail-on` holds.
    ConditionHolds,
    /// The report is written, whole or in part, but the mail of it did not get through.
    NotMailed,
}

impl Outcome {
    /// What came of a run that has read and written.
    pub(super) fn of(in_part: bool) -> Outcome {
        if in_part {
            Outcome::WrittenInPart
        } else {
            Outcome::Written
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> ExitCode {
        ExitCode::from(match outcome {
            Outcome::Written => 0,
            Outcome::WrittenInPart => 1,
            Outcome::NoReport => 2,
            Outcome::ConditionHolds => 3,
            Outcome::NotMailed => 4,
        })
    }
}
