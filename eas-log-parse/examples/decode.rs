//! Prints what every line of some logs is, and every element of the ActiveSync requests in them.
//!
//! ```text
//! cargo run -p eas-log-parse --example decode -- samples/coexistence/*/*/*.log
//! ```
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::fs::File;

use eas_log_parse::{Budget, Entry, Escaped, LogReader, Record, Tally};

fn main() -> Result<(), Box<dyn Error>> {
    for path in std::env::args_os().skip(1) {
        let mut log = LogReader::new(File::open(&path)?);
        let mut tally = Tally::default();
        println!("{}", path.display());
        while let Some(entry) = log.next_entry()? {
            tally.count(&entry);
            match entry {
                Entry::Blank(_) => {}
                Entry::Directive(line, _) => println!("  {}", Escaped(line.bytes)),
                Entry::Malformed(bad) => {
                    let position = bad.line.position;
                    println!("  {position}: {}", bad.fault.explain(bad.line.bytes));
                }
                Entry::Record(record) => print(&record),
            }
        }
        println!("  {tally}");
    }
    Ok(())
}

fn print(record: &Record<'_, '_>) {
    let line = record.position().line;
    match record.timestamp() {
        Ok(Some(at)) => println!("  line {line}: {at} status {:?}", record.sc_status()),
        other => println!("  line {line}: {other:?} status {:?}", record.sc_status()),
    }
    let Some(query) = record.eas() else { return };
    for pair in query
        .pairs()
        .filter(|pair| !pair.key.eq_ignore_ascii_case(b"Log"))
    {
        let value = pair.value.unwrap_or_default();
        println!("    {} = {}", Escaped(pair.key), Escaped(value));
    }
    let Some(log) = query.log() else { return };
    for element in log
        .elements()
        .filter(|element| element.identifier() != b"Budget")
    {
        println!(
            "    {}: {}",
            Escaped(element.identifier()),
            Escaped(&element.text().decode_form())
        );
    }
    for snapshot in log.budget().iter().flat_map(Budget::snapshots) {
        println!("    Budget {:?}", snapshot.phase());
        for entry in snapshot.entries() {
            println!("      {}: {}", Escaped(entry.key()), entry.value());
        }
        for resource in snapshot.resources() {
            println!("      {resource:?}");
        }
    }
}
