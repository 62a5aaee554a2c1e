//! What holds for any bytes.

use std::io::{self, Read};

use eas_log_parse::{
    Budget, EasLog, EasQuery, Entry, Field, Header, LogReader, LogSlice, Position, Tally, codes,
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

/// Text as logs carry it, plain, escaped and damaged.
fn text() -> impl Strategy<Value = String> {
    "([A-Za-z0-9.+:;,()\\[\\]=/$-]|%2c|%3A|%3b|%5B|%5d|%3d|%2F|%25|%5F|%5P|%){0,12}"
}

fn budget() -> impl Strategy<Value = String> {
    let keys: Vec<&str> = codes::budget_keys().iter().map(|key| key.name).collect();
    let key = prop_oneof![4 => prop::sample::select(keys).prop_map(str::to_owned), 1 => "[A-Z]?[a-z0-9]{0,3}"];
    let value = prop_oneof![
        text(),
        "-?[0-9]{1,6}(\\.[0-9])?",
        "(%24null|\\$null|[0-9]{1,5})(%2f|/)(%24null|-?[0-9]{1,5})(/|%2F)[0-9]{1,2}(%25|%)",
        Just("%5bResources%3a(Mdb)M(Health%3a-1%25%2cHistLoad%3a0)%2c%5d".to_owned()),
    ];
    let entry = (
        key,
        prop::sample::select(&[":", "%3a", "%3A", ""][..]),
        value,
    )
        .prop_map(|(key, colon, value)| format!("{key}{colon}{value}"));
    let separator = prop::sample::select(&["%2c", "%2C", ",", "%3b(D)", ";(A)"][..]);
    let rest = prop::collection::vec((separator, entry.clone()), 0..8);
    (prop::sample::select(&["(A)", "(D)", ""][..]), entry, rest).prop_map(|(phase, first, rest)| {
        let rest: String = rest
            .into_iter()
            .map(|(by, entry)| format!("{by}{entry}"))
            .collect();
        format!("{phase}{first}{rest}")
    })
}

fn activity() -> impl Strategy<Value = String> {
    let names: Vec<&str> = codes::activity_measures()
        .iter()
        .map(|name| name.name)
        .collect();
    let measure = (
        prop::sample::select(&["I32%3a", "F:", "S%3A", "Dbl%3a", ""][..]),
        prop::sample::select(names),
        prop::sample::select(&["", ".C", ".T", ".AL"][..]),
        prop::sample::select(&["", "%5bdc1%5d", "[a:b]", "%5b", "]"][..]),
        text(),
    );
    prop::collection::vec(measure, 0..6).prop_map(|measures| {
        let measures = measures.into_iter();
        let measures = measures
            .map(|(kind, name, ending, of, value)| format!("{kind}{name}{ending}{of}%3d{value}"));
        measures.collect::<Vec<_>>().join("%3b")
    })
}

/// A `Log=` value of elements that there are, with values of their forms and others.
fn log_value() -> impl Strategy<Value = String> {
    let names: Vec<&str> = codes::elements()
        .iter()
        .map(|element| element.name)
        .collect();
    let folder: Vec<&str> = codes::elements()
        .iter()
        .filter(|element| element.scope == codes::Scope::Folder)
        .map(|element| element.name)
        .collect();
    let value = prop_oneof![
        3 => "[0-9]{1,6}",
        1 => "-[0-9]{1,6}",
        1 => "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\.[0-9]{0,7}",
        1 => "([0-9]{1,2}(a|c|d|s|e|r|A|sd|f|fs)){0,8}",
        1 => text(),
    ];
    let plain = (
        prop_oneof![
            2 => prop::sample::select(names).prop_map(str::to_owned),
            2 => prop::sample::select(folder).prop_map(str::to_owned),
            1 => "[A-Z][a-z0-9]{0,4}",
        ],
        prop::sample::select(&[":", ""][..]),
        value,
    )
        .prop_map(|(name, colon, value)| format!("{name}{colon}{value}"));
    let element = prop_oneof![
        10 => plain,
        1 => budget().prop_map(|budget| format!("Budget:{budget}")),
        1 => activity().prop_map(|activity| format!("ActivityContextData:{activity}")),
    ];
    let end = prop::sample::select(&["_", "", "__", "..."][..]);
    let separator = prop::sample::select(&["_", "__"][..]);
    (prop::collection::vec((element, separator), 0..14), end).prop_map(|(elements, end)| {
        let elements: String = elements
            .into_iter()
            .map(|(element, by)| format!("{element}{by}"))
            .collect();
        format!("{}{end}", elements.trim_end_matches('_'))
    })
}

/// A query in either form, with a `Log=` value and what a front end appends.
fn query() -> impl Strategy<Value = String> {
    const BASE64: &[&str] = &[
        "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
        "jBMHBBCoHzHhi8b5YrNnTZh4inyaBAAAAAACV1AHAQI=",
        "jAkJBBC32YBsEj5p%2BIUKLTDTcJoYBAAAAAALV2luZG93c01haWw%3D",
        "jAkJBBC32YBsEj5p+IUKLTDTcJoYBAAAAAALV2luZG93c01haWw",
        "jQAJBBBOaW5lNDM4M0FGMzQ2ODYwBAAAAAAHQW5kcm9pZAcBAA==",
    ];
    let keys = &[
        "User",
        "DeviceId",
        "DeviceType",
        "cmd",
        "ClientId",
        "SaveInSent",
        "",
    ][..];
    let pair =
        (prop::sample::select(keys), text()).prop_map(|(key, value)| format!("{key}={value}"));
    let cut = (prop::sample::select(BASE64), any::<prop::sample::Index>())
        .prop_map(|(text, cut)| text[..cut.index(text.len() + 1)].to_owned());
    let piece = prop_oneof![
        6 => pair,
        1 => Just("Cmd=Sync".to_owned()),
        1 => Just("DeviceId=4E696E65343338334146333436383630".to_owned()),
        1 => Just("CorrelationID=<empty>;".to_owned()),
        1 => Just("cafeReqId=1-2;".to_owned()),
        3 => log_value().prop_map(|log| format!("Log={log}")),
        1 => text(),
    ];
    let first = prop_oneof![2 => Just(String::new()), 1 => cut];
    (first, prop::collection::vec(piece, 0..6)).prop_map(|(first, pieces)| {
        let pieces = std::iter::once(first).chain(pieces);
        pieces.collect::<Vec<_>>().join("&")
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

proptest! {
    // Each case is held against the slow parser many times over.
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_slow_parser_agrees_on_what_servers_write(
        query in query(), log in log_value(), budget in budget(), activity in activity(),
    ) {
        checks::query(query.as_bytes());
        checks::log(log.as_bytes());
        checks::budget(budget.as_bytes());
        checks::log(format!("V141_ActivityContextData:{activity}_").as_bytes());
        let first = query.split('&').next().unwrap_or_default();
        checks::base64(first.as_bytes());
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

#[test]
fn an_error_in_the_middle_of_an_overlong_line_does_not_lose_the_line() {
    let text = [b"#Fields: time\n".to_vec(), vec![b'x'; 3 << 20]].concat();
    for fails_at in [text.len(), (1 << 20) + 100] {
        let source = (&text[..fails_at]).chain(Failing);
        let mut log = LogReader::new(source);
        let mut seen = Vec::new();
        loop {
            match log.next_entry() {
                Ok(Some(entry)) => seen.push(told(&entry)),
                Ok(None) => break,
                Err(error) => seen.push(error.to_string()),
            }
        }
        assert_eq!(seen.len(), 3);
        assert!(seen[1].contains("LineTooLong"), "{}", seen[1]);
        assert_eq!(seen[2], "unplugged");
        assert_eq!(log.position().byte, fails_at as u64);
    }

    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("unplugged"))
        }
    }
}
