//! The command `eas-log-report`.

use std::process::ExitCode;

fn main() -> ExitCode {
    eas_log_report::cli::run().into()
}
