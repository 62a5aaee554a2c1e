//! What holds for any bytes.

use std::io::{self, Read};

use eas_log_parse::{
    Budget, EasLog, EasQuery, Entry, Field, Header, LogReader, LogSlice, Position, Tally,
};
use proptest::prelude::*;

use crate::checks;

/// An entry as text, with everything that a reader says of it.
fn told(entry: &Entry<'_, '_>) -> String {
    let line = entry.line();
    let values = match entry {
        Entry::Record(record) => {
            let values: Vec<_> = (0..record.len()).map(|column| record.raw(column)).collect();
            format!("{values:?} {:?}", record.date())
        }
        Entry::Directive(_, directive) => format!("{directive:?}"),
        Entry::Blank(_) => "blank".to_owned(),
        Entry::Malformed(malformed) => format!("{:?}", malformed.fault),
    };
    format!(
        "{} {:?} {:?} {values}",
        line.position, line.bytes, line.terminated
    )
}

fn by_slice(bytes: &[u8]) -> (Vec<String>, Tally) {
    let (mut entries, mut tally) = (Vec::new(), Tally::default());
    let mut log = LogSlice::new(bytes);
    while let Some(entry) = log.next_entry() {
        tally.count(&entry);
        entries.push(told(&entry));
    }
    (entries, tally)
}

/// Gives at most so many bytes at a time, and is interrupted before each.
struct Trickle<'a> {
    bytes: &'a [u8],
    step: usize,
    interrupted: bool,
}

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.interrupted = !self.interrupted;
        if self.interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let n = self.step.min(buffer.len()).min(self.bytes.len());
        buffer[..n].copy_from_slice(&self.bytes[..n]);
        self.bytes = &self.bytes[n..];
        Ok(n)
    }
}

fn by_reader(bytes: &[u8], capacity: usize, step: usize) -> Vec<String> {
    let source = Trickle {
        bytes,
        step,
        interrupted: false,
    };
    let mut log = LogReader::with_capacity(capacity, source);
    let mut entries = Vec::new();
    while let Some(entry) = log.next_entry().unwrap() {
        entries.push(told(&entry));
    }
    entries
}

/// Lines of which logs are made, whole and broken.
fn line() -> impl Strategy<Value = Vec<u8>> {
    const LINES: &[&[u8]] = &[
        b"#Fields: date time cs-uri-stem cs-uri-query sc-status",
        b"#Fields: time\tcs-uri-query ",
        b"#Fields:",
        b"#Date: 2011-05-06 11:30:11",
        b"#Software: IIS",
        b"2011-05-06 11:30:11 /Microsoft-Server-ActiveSync Cmd=Ping&Log=V121_S3_ 200",
        b"2011-05-06 11:30:11  /x \"a \"\"b\"\" c\" 200",
        b"2011-05-06\t11:30:11\t/x\t-\t200",
        b"11:30:11 -",
        b"\0\0\0",
        b"\0\0#Fields: time",
        b"",
        b"  ",
        b"\xef\xbb\xbf#Fields: time",
    ];
    let fixed = prop::sample::select(LINES);
    prop_oneof![
        8 => fixed.prop_map(<[u8]>::to_vec),
        2 => prop::collection::vec(any::<u8>(), 0..80),
    ]
}

/// A log of such lines, with either line end and perhaps none at the last.
fn log() -> impl Strategy<Value = Vec<u8>> {
    (
        prop::collection::vec((line(), any::<bool>()), 0..20),
        any::<bool>(),
    )
        .prop_map(|(lines, ended)| {
            let mut log = Vec::new();
            for (line, crlf) in lines {
                log.extend(line);
                log.extend(if crlf { &b"\r\n"[..] } else { b"\n" });
            }
            if !ended {
                while matches!(log.last(), Some(b'\r' | b'\n')) {
                    log.pop();
                }
            }
            log
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn a_reader_gives_what_a_slice_gives(log in log(), capacity in 1usize..40, step in 1usize..20) {
        prop_assert_eq!(by_reader(&log, capacity, step), by_slice(&log).0);
    }

    #[test]
    fn the_slow_parser_agrees(log in log(), raw in prop::collection::vec(any::<u8>(), 0..200)) {
        checks::line(&log);
        checks::line(&raw);
        checks::query(&raw);
        checks::log(&raw);
    }

    #[test]
    fn no_line_is_lost(log in log()) {
        let (entries, tally) = by_slice(&log);
        let feeds = log.iter().filter(|&&b| b == b'\n').count();
        let rest = usize::from(!log.is_empty() && !log.ends_with(b"\n"));
        prop_assert_eq!(entries.len(), feeds + rest);
        prop_assert_eq!(tally.lines(), entries.len() as u64);
    }

    #[test]
    fn pieces_give_what_the_whole_gives(log in log(), cut in any::<prop::sample::Index>()) {
        let starts: Vec<usize> = std::iter::once(0)
            .chain(log.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1))
            .collect();
        let cut = starts[cut.index(starts.len())];
        let (mut entries, mut tally) = (Vec::new(), Tally::default());
        let (mut position, mut header) = (Position::START, Header::default());
        for piece in [&log[..cut], &log[cut..]] {
            let mut part = Tally::default();
            let mut log = LogSlice::resume(piece, position, header.clone());
            while let Some(entry) = log.next_entry() {
                part.count(&entry);
                entries.push(told(&entry));
            }
            (position, header) = (log.position(), log.header().clone());
            tally += part;
        }
        prop_assert_eq!((entries, tally), by_slice(&log));
    }

    #[test]
    fn typed_getters_take_any_bytes(values in prop::collection::vec("[^ \n\r\0\"#\t\u{feff}]{1,20}", 23)) {
        let names: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
        let log = format!("#Fields: {}\n{}\n", names.join(" "), values.join(" "));
        let mut log = LogSlice::new(log.as_bytes());
        log.next_entry();
        let Some(Entry::Record(record)) = log.next_entry() else { panic!("not a record") };
        for (column, value) in values.iter().enumerate() {
            prop_assert_eq!(record.raw(column), Some(value.as_bytes()));
        }
        let _ = (record.timestamp(), record.sc_status(), record.sc_win32_status());
        let _ = (record.time_taken_ms(), record.s_port(), record.eas());
    }

    #[test]
    fn queries_and_logs_take_any_bytes(raw in prop::collection::vec(any::<u8>(), 0..200)) {
        let query = EasQuery::parse(&raw);
        let pairs: usize = query.pairs().map(|p| p.key.len() + p.value.map_or(0, |v| v.len() + 1)).sum();
        let separators = raw.iter().filter(|&&b| b == b'&').count();
        prop_assert_eq!(pairs + separators, raw.len(), "every byte is in a pair or separates");
        let log = EasLog::new(&raw);
        let _ = (log.protocol_version(), log.eas_status(), log.access(), log.policy_key());
        let elements: usize = log.elements().map(|element| element.raw().len()).sum();
        let separators = raw.iter().filter(|&&b| b == b'_').count();
        prop_assert_eq!(elements + separators, raw.len(), "every byte is in an element or separates");
    }

    #[test]
    fn budgets_take_any_text(raw in "(\\((A|D)\\))?([A-Za-z]{0,6}(%3a|:)?([0-9$/%,;\\[\\]()]|%2c|%2f|%25|%3b|%5b|%5d){0,12}){0,8}") {
        for snapshot in Budget::new(raw.as_bytes()).snapshots() {
            let _ = (snapshot.conn(), snapshot.ad(), snapshot.find_count(), snapshot.balance_ms());
            let _ = (snapshot.live_time(), snapshot.is_service_account(), snapshot.policy());
            prop_assert!(snapshot.entries().count() <= raw.len());
            prop_assert!(snapshot.resources().count() <= raw.len());
        }
    }
}

#[test]
fn a_line_beyond_the_limit_is_one_fault_and_the_rest_goes_on() {
    let mut log = b"#Fields: time sc-status\n".to_vec();
    log.extend(vec![b'x'; eas_log_parse::MAX_LINE + 5]);
    log.extend(b"\r\n11:30:11 200\n");
    log.extend(vec![b'y'; 3 * eas_log_parse::MAX_LINE]);
    let (entries, tally) = by_slice(&log);
    assert_eq!(
        tally.to_string(),
        "4 lines = 0 blank + 1 directives + 1 records + 2 malformed"
    );
    for (capacity, step) in [(1, 4096), (1 << 16, 1 << 20), (4 << 20, 8 << 20)] {
        assert!(
            by_reader(&log, capacity, step) == entries,
            "{capacity} {step}"
        );
    }
}

#[test]
fn an_error_of_the_source_does_not_lose_what_came_before_it() {
    struct Failing(bool);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if std::mem::replace(&mut self.0, true) {
                return Err(io::Error::other("unplugged"));
            }
            let text = b"#Fields: time\n11:30:11\n11:30";
            buffer[..text.len()].copy_from_slice(text);
            Ok(text.len())
        }
    }
    let mut log = LogReader::new(Failing(false));
    let mut seen = Vec::new();
    loop {
        match log.next_entry() {
            Ok(Some(entry)) => seen.push(told(&entry)),
            Ok(None) => break,
            Err(error) => seen.push(error.to_string()),
        }
    }
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[2], "unplugged");
    assert!(
        seen[3].contains("false"),
        "the last line is not terminated: {}",
        seen[3]
    );
}
