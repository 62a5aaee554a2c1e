//! Tests that run the command.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod browser;
mod compressed;
mod dropin;
mod explain;
mod findings;
mod inputs;
mod mail;
mod nightly;
mod options;
mod pages;
mod pieces;
mod requests;
mod samples;
mod sharing;
mod smtp_server;
mod strangers;
mod verdicts;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the workspace, in which the command runs so that paths in reports are the same
/// everywhere.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// The command, in the folder of the workspace.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eas-log-report"));
    command.current_dir(workspace());
    command.env_remove("EAS_LOG_REPORT_SMTP_USER");
    command.env_remove("EAS_LOG_REPORT_SMTP_PASSWORD");
    command
}

/// What a run printed on standard output and standard error, and its exit code.
fn run(arguments: &[&str]) -> (String, String, i32) {
    let output = command().args(arguments).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    let Some(code) = output.status.code() else {
        panic!("{arguments:?} ended with {}: {err}", output.status);
    };
    (String::from_utf8(output.stdout).unwrap(), err, code)
}

/// The JSON report of a run that must succeed.
fn json(arguments: &[&str]) -> serde_json::Value {
    let (out, err, code) = run(&[arguments, &["--format", "json"]].concat());
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn one_of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len() as u64) as usize]
    }
}
