//! Counts failed ActiveSync requests by device type and error, in a few lines.
//!
//! ```text
//! cargo run -p eas-log-parse --example failures -- samples/coexistence/CAS2010/W3SVC1/*.log
//! ```
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "an example prints"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;

use eas_log_parse::{Entry, Escaped, LogReader};

fn main() -> Result<(), Box<dyn Error>> {
    let mut failures: BTreeMap<(String, String), u64> = BTreeMap::new();
    for path in std::env::args_os().skip(1) {
        let mut log = LogReader::new(File::open(&path)?);
        while let Some(entry) = log.next_entry()? {
            let record = match entry {
                Entry::Record(record) => record,
                Entry::Malformed(bad) => {
                    let line = bad.line.position.line;
                    eprintln!("{}:{line}: {}", path.display(), bad.fault);
                    continue;
                }
                Entry::Blank(_) | Entry::Directive(..) => continue,
            };
            let Some(query) = record.eas() else { continue };
            let Some(error) = query.log().and_then(|log| log.error()) else {
                continue;
            };
            let device_type = query
                .device_type()
                .map(|t| t.to_string())
                .unwrap_or_default();
            *failures
                .entry((device_type, Escaped(&error.decode_form()).to_string()))
                .or_default() += 1;
        }
    }
    for ((device_type, error), requests) in failures {
        println!("{requests:>8}  {device_type:<16}  {error}");
    }
    Ok(())
}
