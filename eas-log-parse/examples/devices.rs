//! Lists the clients in some logs: vendor, model and operating system, and who does not tell the
//! truth about itself.
//!
//! ```text
//! cargo run -p eas-log-parse --example devices -- samples/coexistence/*/*/*.log
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;

use eas_log_parse::{DeviceProfile, Entry, Escaped, LogReader};

fn main() -> Result<(), Box<dyn Error>> {
    let mut seen = BTreeSet::new();
    for path in std::env::args_os().skip(1) {
        let mut log = LogReader::new(File::open(&path)?);
        while let Some(entry) = log.next_entry()? {
            let Entry::Record(record) = entry else {
                continue;
            };
            let (Some(query), Some(agent)) = (record.eas(), record.cs_user_agent()) else {
                continue;
            };
            let device_type = query.device_type().map(|t| t.decode().into_owned());
            if !seen.insert((agent.to_vec(), device_type.clone())) {
                continue;
            }
            let device = DeviceProfile::new(agent, device_type.as_deref(), None);
            let liar = if device.contradicts_itself() {
                "  contradicts itself"
            } else {
                ""
            };
            let client = device.client.as_ref();
            println!(
                "{:<44} {:<10} {:<18} {} {}{liar}",
                Escaped(agent).to_string(),
                client.and_then(|c| c.vendor).unwrap_or("-"),
                client.and_then(|c| c.model.as_deref()).unwrap_or("-"),
                device.os().unwrap_or("-"),
                client.and_then(|c| c.os_version.as_deref()).unwrap_or(""),
            );
        }
    }
    Ok(())
}
