//! Which lines count, and what became of the others.

use eas_log_parse::{EasQuery, EasStem, Field, Record};

use super::Rules;

/// Why the cmdlet passes over a line that is well formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// The path is not one of ActiveSync.
    OtherPath,
    /// The path is below `/Proxy`: another server logs the same request, as its front end.
    Proxy,
    /// No date or no time, or not of their form.
    NoTime,
    /// The path ends in a slash.
    Slash,
    /// The values are not separated by one blank each.
    Separation,
    /// The date stands in the `#Date` directive only.
    DateInDirective,
    /// The query is base64-encoded.
    Base64,
    /// The query is not a row of `key=value`.
    Query,
}

impl Oddity {
    /// Every oddity with what it is called behind a number of lines.
    const ALL: [(Oddity, &'static str); 8] = [
        (Oddity::OtherPath, "of other paths"),
        (
            Oddity::Proxy,
            "of /Proxy, where a front end logs the request too",
        ),
        (Oddity::NoTime, "without a date and time"),
        (Oddity::Slash, "with a slash behind the path"),
        (Oddity::Separation, "with values not separated by one blank"),
        (Oddity::DateInDirective, "with a date in #Date only"),
        (Oddity::Base64, "with a base64 query"),
        (Oddity::Query, "with a query that is not key=value"),
    ];

    /// Whether such a line counts. What is no request of its own, or belongs to no hour, never does.
    pub(super) fn counts(self, rules: Rules) -> bool {
        rules == Rules::Corrected
            && !matches!(self, Oddity::OtherPath | Oddity::Proxy | Oddity::NoTime)
    }

    /// What is odd about a line whose path is this.
    pub(super) fn of_path(record: &Record<'_, '_>) -> Option<Oddity> {
        let path = record.cs_uri_stem().unwrap_or_default();
        match EasStem::parse(path) {
            None | Some(EasStem::Other) => Some(Oddity::OtherPath),
            Some(EasStem::Proxy) => Some(Oddity::Proxy),
            Some(EasStem::Root) if path.ends_with(b"/") => Some(Oddity::Slash),
            Some(EasStem::Root | EasStem::DefaultEas) => None,
        }
    }

    /// What else is odd about a line.
    pub(super) fn of_values(record: &Record<'_, '_>, query: &EasQuery<'_>) -> Option<Oddity> {
        // The names in #Fields can have a blank behind them, and then each line has.
        let line = record.line().bytes.trim_ascii_end();
        let values = memchr::memchr_iter(b' ', line).count() + 1;
        if values != record.layout().len() {
            Some(Oddity::Separation)
        } else if record.layout().column(Field::Date).is_none() {
            Some(Oddity::DateInDirective)
        } else if query.is_base64() {
            Some(Oddity::Base64)
        } else if !is_pairs(query.raw()) {
            Some(Oddity::Query)
        } else {
            None
        }
    }
}

/// Whether a query is `key=value(&key=value)*`, or none. A value can be empty and holds no `=`.
fn is_pairs(query: &[u8]) -> bool {
    let is_pair = |piece: &[u8]| match memchr::memchr(b'=', piece) {
        None | Some(0) => false,
        Some(at) => memchr::memchr(b'=', &piece[at + 1..]).is_none(),
    };
    query.is_empty() || query.split(|&b| b == b'&').all(is_pair)
}

/// What became of lines of values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// Lines that count.
    pub(super) counted: u64,
    /// Lines that the filters left out.
    pub(super) filtered_out: u64,
    /// Lines that could not be read.
    pub(super) malformed: u64,
    odd: [u64; Oddity::ALL.len()],
}

impl Lines {
    /// Lines with this oddity, whether they count or not. A line has one: the first.
    pub(super) fn odd(&self, oddity: Oddity) -> u64 {
        self.odd[oddity as usize]
    }

    pub(super) fn count_odd(&mut self, oddity: Oddity) {
        self.odd[oddity as usize] += 1;
    }

    pub(super) fn add(&mut self, other: &Lines) {
        self.counted += other.counted;
        self.filtered_out += other.filtered_out;
        self.malformed += other.malformed;
        for (sum, odd) in self.odd.iter_mut().zip(other.odd) {
            *sum += odd;
        }
    }

    /// A sentence about lines that do not count and, if wanted, about those that do though the cmdlet
    /// passes over them; none if there are no such lines. `rules` are those by which lines were
    /// counted.
    pub(super) fn describe(&self, rules: Rules, beyond: bool) -> Option<String> {
        let list = |counts: bool| -> Vec<String> {
            Oddity::ALL
                .iter()
                .filter(|(oddity, _)| oddity.counts(rules) == counts)
                .map(|&(oddity, name)| (self.odd(oddity), name))
                .filter(|&(lines, _)| lines > 0)
                .map(|(lines, name)| format!("{lines} {name}"))
                .collect()
        };
        let also = if beyond { list(true) } else { Vec::new() };
        let mut not = list(false);
        for (lines, name) in [
            (self.filtered_out, "filtered out"),
            (self.malformed, "malformed"),
        ] {
            if lines > 0 {
                not.push(format!("{lines} {name}"));
            }
        }
        if also.is_empty() && not.is_empty() {
            return None;
        }
        let lines = if self.counted == 1 { "line" } else { "lines" };
        let mut text = format!("{} {lines} counted", self.counted);
        if !also.is_empty() {
            text += &format!(", some beyond those of the cmdlet ({})", also.join(", "));
        }
        if !not.is_empty() {
            text += &format!("; not counted: {}", not.join(", "));
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eas_log_parse::{Entry, LogSlice};

    const FIELDS: &str = "date time cs-uri-stem cs-uri-query sc-status";

    fn oddity(fields: &str, line: &str) -> Option<Oddity> {
        let log = format!("#Date: 2011-05-06 00:00:00\n#Fields: {fields}\n{line}\n");
        let mut log = LogSlice::new(log.as_bytes());
        while let Some(entry) = log.next_entry() {
            if let Entry::Record(record) = entry {
                let query = EasQuery::parse(record.cs_uri_query().unwrap_or_default());
                return Oddity::of_path(&record).or_else(|| Oddity::of_values(&record, &query));
            }
        }
        panic!("no record: {line}");
    }

    #[test]
    fn paths() {
        let root = "/Microsoft-Server-ActiveSync";
        let cases = [
            (root.to_owned(), None),
            (root.to_ascii_lowercase(), None),
            (format!("{root}/default.eas"), None),
            (format!("{root}/Default.EAS"), None),
            (format!("{root}/"), Some(Oddity::Slash)),
            (format!("{root}/Proxy"), Some(Oddity::Proxy)),
            (format!("{root}/Proxy/default.eas"), Some(Oddity::Proxy)),
            (format!("{root}/other"), Some(Oddity::OtherPath)),
            ("/owa/".to_owned(), Some(Oddity::OtherPath)),
            ("-".to_owned(), Some(Oddity::OtherPath)),
        ];
        for (path, want) in cases {
            let line = format!("2011-05-06 11:00:00 {path} Cmd=Ping 200");
            assert_eq!(oddity(FIELDS, &line), want, "{path}");
        }
    }

    #[test]
    fn queries() {
        let cases = [
            ("-", None),
            ("Cmd=Ping", None),
            ("User=&DeviceId=x&Log=V140_Hb900_", None),
            ("Cmd=Ping&&Log=V1", Some(Oddity::Query)),
            ("&Log=V1", Some(Oddity::Query)),
            ("Cmd=Sync=Ping", Some(Oddity::Query)),
            ("Cmd", Some(Oddity::Query)),
            ("=x", Some(Oddity::Query)),
            ("jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l", Some(Oddity::Base64)),
            (
                "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l&Log=V140_",
                Some(Oddity::Base64),
            ),
        ];
        for (query, want) in cases {
            let line = format!("2011-05-06 11:00:00 /Microsoft-Server-ActiveSync {query} 200");
            assert_eq!(oddity(FIELDS, &line), want, "{query}");
        }
    }

    #[test]
    fn forms_of_lines() {
        let rest = "/Microsoft-Server-ActiveSync Cmd=Ping 200";
        let cases = [
            (FIELDS, format!("2011-05-06 11:00:00 {rest}"), None),
            (FIELDS, format!("2011-05-06 11:00:00 {rest} "), None),
            (
                FIELDS,
                format!("2011-05-06  11:00:00 {rest}"),
                Some(Oddity::Separation),
            ),
            (
                FIELDS,
                format!("2011-05-06 11:00:00 {rest}").replace(' ', "\t"),
                Some(Oddity::Separation),
            ),
            (
                "time cs-uri-stem cs-uri-query sc-status",
                format!("11:00:00 {rest}"),
                Some(Oddity::DateInDirective),
            ),
        ];
        for (fields, line, want) in cases {
            assert_eq!(oddity(fields, &line), want, "{line}");
        }
    }

    #[test]
    fn what_counts_is_decided_by_the_rules() {
        let counted: Vec<&str> = Oddity::ALL
            .iter()
            .filter(|(oddity, _)| oddity.counts(Rules::Corrected))
            .map(|(_, name)| *name)
            .collect();
        assert_eq!(counted.len(), 5, "{counted:?}");
        for (at, (oddity, name)) in Oddity::ALL.iter().enumerate() {
            assert_eq!(*oddity as usize, at, "{name}");
            assert!(!oddity.counts(Rules::Compat), "{name}");
        }
    }

    #[test]
    fn nothing_is_lost_in_silence() {
        let mut lines = Lines {
            counted: 7,
            ..Lines::default()
        };
        assert_eq!(lines.describe(Rules::Corrected, true), None);
        lines.count_odd(Oddity::Base64);
        assert_eq!(
            lines.describe(Rules::Corrected, true).as_deref(),
            Some("7 lines counted, some beyond those of the cmdlet (1 with a base64 query)")
        );
        assert_eq!(lines.describe(Rules::Corrected, false), None);
        lines.count_odd(Oddity::OtherPath);
        lines.malformed = 2;
        lines.filtered_out = 3;
        assert_eq!(
            lines.describe(Rules::Compat, true).as_deref(),
            Some(
                "7 lines counted; not counted: 1 of other paths, 1 with a base64 query, \
                 3 filtered out, 2 malformed"
            )
        );
        let mut twice = lines;
        twice.add(&lines);
        assert_eq!((twice.counted, twice.odd(Oddity::Base64)), (14, 2));
    }
}
