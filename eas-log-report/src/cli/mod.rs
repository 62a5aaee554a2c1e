//! The command: what was typed, what it means, and what came of it.

mod args;
mod compare;
mod devices;
mod dropin;
mod exit;
mod explain;
mod mail;
mod moves;
mod nightly;
mod output;
mod plan;
mod progress;
mod read;
mod report;
mod store;
mod time;
mod timeline;
mod watch;

use std::io::{self, Write};

use anyhow::Context;
use clap::{CommandFactory, Parser};

pub use args::{Args, Command, Format, ReportArgs};
pub use exit::Outcome;
pub use nightly::NightlyArgs;
pub use store::{StoreCommand, StoreReportArgs};

/// Runs the command with the arguments of the process.
pub fn run() -> Outcome {
    let args = Args::parse();
    let result = match args.command {
        Some(Command::Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "eas-log-report", &mut script);
            io::stdout()
                .write_all(&script)
                .map(|()| Outcome::Written)
                .context("cannot write to standard output")
        }
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Devices(args)) => devices::run(&args),
        Some(Command::Compare(args)) => compare::run(&args),
        Some(Command::Timeline(args)) => timeline::run(&args),
        Some(Command::Nightly(args)) => nightly::run(&args),
        Some(Command::Report(args)) => store::report(&args),
        Some(Command::Store { command }) => store::run(&command),
        None => report::run(&args.report),
    };
    result.unwrap_or_else(|error| {
        // Who reads the output has seen enough.
        let closed = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
        if error
            .chain()
            .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(closed))
        {
            return Outcome::Written;
        }
        anstream::eprintln!("eas-log-report: {error:#}");
        Outcome::NoReport
    })
}
