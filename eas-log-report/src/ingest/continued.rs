//! Reading a file on from where the reading of it ended before, each day apart.

use std::collections::BTreeMap;
use std::io::{self, Read};

use eas_log_parse::{Header, LogReader, Position, Tally};

use super::filter::Filter;
use super::gather::{DayGatherer, Days, Part};
use super::quality::MalformedLine;
use super::scan::scan;
use crate::facts::Place;

/// What more was read of a file.
#[derive(Debug)]
pub struct Continued {
    /// What it says of each day; `None` has the lines that tell no time.
    pub parts: BTreeMap<Option<i32>, Part>,
    /// Times of the first and the last record, of any kind.
    pub period: Option<(i64, i64)>,
    /// The directives in force at its end.
    pub header: Header,
    /// Lines by kind.
    pub tally: Tally,
    /// How many bytes they are.
    pub bytes: u64,
    /// Values that did not have their form.
    pub bad_values: u64,
    /// Requests of senders that are too many to be told apart.
    pub not_told_apart: u64,
    /// The first lines that could not be read.
    pub malformed: Vec<MalformedLine>,
    /// The error that ended the reading, if one did.
    pub error: Option<io::Error>,
}

/// Reads lines from this position on, which the source begins with. `before` is what was read before
/// of the days of which something may go on.
pub fn read_on<'p>(
    source: impl Read,
    position: Position,
    header: &Header,
    days: &dyn Days,
    before: impl IntoIterator<Item = &'p Part>,
) -> Continued {
    let filter = Filter::default();
    let mut gatherer = DayGatherer::new(&filter, days);
    gatherer.resume(before);
    let place = |line| Place {
        file: 0,
        piece: 0,
        line,
    };
    let mut log = LogReader::new(source).resume(position, header.clone());
    let scanned = scan(&mut log, u64::MAX, |record, line| {
        gatherer.record(record, place(line));
    });
    Continued {
        bad_values: gatherer.bad_values(),
        not_told_apart: gatherer.not_told_apart(),
        period: gatherer.period(),
        parts: gatherer.finish(),
        header: scanned.header,
        tally: scanned.tally,
        bytes: scanned.bytes,
        malformed: scanned.malformed,
        error: scanned.error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Facts;
    use crate::store::Zone;

    /// Requests of two devices around midnight, whose order is not quite that of their times.
    fn log() -> Vec<String> {
        let mut lines =
            vec!["#Fields: date time cs-uri-stem cs-uri-query cs-username sc-status\n".to_owned()];
        for number in 0..150u32 {
            let device = if number % 50 < 30 { 1 } else { number % 2 };
            // Now and then a line comes three seconds late.
            let second = 86_400 - 60 + number - if number % 7 == 3 { 3 } else { 0 };
            let (day, second) = (6 + second / 86_400, second % 86_400);
            lines.push(format!(
                "2011-05-{day:02} {:02}:{:02}:{:02} /Microsoft-Server-ActiveSync/default.eas User=u&DeviceId=D{device}&DeviceType=T&Cmd=Sync&Log=V140_Fid:5_Ty:Em_Sk:{}_ u 200\n",
                second / 3600,
                second / 60 % 60,
                second % 60,
                number / 40
            ));
        }
        lines
    }

    /// What facts say of runs and requests, in an order of its own.
    fn told(facts: &Facts) -> Vec<String> {
        let device = |entity: u32| {
            let entity = facts.entities()[entity as usize];
            String::from_utf8_lossy(facts.texts.devices.keys().get(entity.device)).into_owned()
        };
        let busy = facts.busy.iter().map(|(key, minute)| {
            format!(
                "{} {:?} {} {minute:?}",
                device(key.entity),
                key.half,
                key.minute
            )
        });
        let gauges = (0..facts.entities().len() as u32)
            .map(|entity| format!("{} {:?}", device(entity), facts.gauge(entity)));
        let cells = facts.cells.iter().map(|(key, cell)| {
            let entity = facts.entity_of(key.identity);
            format!("{} {cell:?}", device(entity))
        });
        let mut told: Vec<String> = busy.chain(gauges).chain(cells).collect();
        told.sort();
        told
    }

    fn read(text: &str, before: Option<(&Continued, u64)>) -> Continued {
        let (position, header, parts) = match before {
            None => (Position::START, Header::default(), Vec::new()),
            Some((read, byte)) => (
                Position {
                    byte,
                    line: read.tally.lines() + 1,
                },
                read.header.clone(),
                read.parts.values().collect(),
            ),
        };
        read_on(text.as_bytes(), position, &header, &Zone::UTC, parts)
    }

    #[test]
    fn wherever_reading_stops_the_sum_is_the_same() {
        let lines = log();
        let whole = read(&lines.concat(), None);
        assert_eq!(whole.parts.len(), 2);
        let want: Vec<Vec<String>> = whole
            .parts
            .into_values()
            .map(|part| told(&part.ended()))
            .collect();
        assert!(
            want.iter().flatten().any(|row| row.contains("Whole")),
            "{want:?}"
        );
        for cut in 1..lines.len() {
            let first = lines[..cut].concat();
            let one = read(&first, None);
            let two = read(&lines[cut..].concat(), Some((&one, first.len() as u64)));
            let mut sum = one.parts;
            for part in sum.values_mut() {
                part.open.clear();
            }
            for (day, part) in &two.parts {
                sum.entry(*day).or_default().add(part);
            }
            let told: Vec<Vec<String>> =
                sum.into_values().map(|part| told(&part.ended())).collect();
            assert_eq!(told, want, "cut before line {}", cut + 1);
        }
    }
}
