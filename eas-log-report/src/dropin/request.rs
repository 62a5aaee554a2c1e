//! What these reports use of one line.

use std::borrow::Cow;

use chrono::Timelike;
use eas_log_parse::{Account, Base64Query, Command, EasLog, EasQuery, Encoded, Fault, Record};

use super::Rules;
use super::lines::{Lines, Oddity};
use crate::facts::{Moment, Place};
use crate::ingest::Filter;

/// What these reports use of one line. What a line does not say is empty.
pub(super) struct Request<'a> {
    /// When it was logged, and where that stands.
    pub(super) at: Moment,
    /// `cs-username`, as logged.
    pub(super) user: &'a [u8],
    /// Whether there is a query at all.
    pub(super) has_query: bool,
    /// `Cmd`.
    pub(super) command: Option<Command<'a>>,
    /// `DeviceId`, as logged.
    pub(super) device: Cow<'a, [u8]>,
    /// `DeviceType`, as logged.
    pub(super) device_type: Cow<'a, [u8]>,
    /// `Log`.
    pub(super) log: Option<EasLog<'a>>,
    /// `cs(User-Agent)`, as logged.
    pub(super) user_agent: &'a [u8],
    /// `s-computername`, `cs-host` and `s-ip`.
    pub(super) server: [&'a [u8]; 3],
    /// `sc-status`.
    pub(super) status: Option<u16>,
    /// `sc-substatus`.
    pub(super) substatus: Option<u16>,
    /// `sc-bytes`.
    pub(super) bytes_sent: Option<u64>,
    /// `cs-bytes`.
    pub(super) bytes_received: Option<u64>,
    /// `time-taken`.
    pub(super) time_taken_ms: Option<u64>,
}

const DAY: i64 = 86_400;

impl Request<'_> {
    /// The day, in days since 1970-01-01.
    pub(super) fn day(&self) -> i32 {
        self.at.time.div_euclid(DAY) as i32
    }

    /// The hour of the week, from 0 for Sunday, 0:00.
    pub(super) fn hour_of_week(&self) -> usize {
        // 1970-01-01 was a Thursday.
        let weekday = (self.at.time.div_euclid(DAY) + 4).rem_euclid(7);
        (weekday * 24 + self.at.time.rem_euclid(DAY) / 3600) as usize
    }
}

/// Reads requests off records.
pub(super) struct Requests<'o> {
    rules: Rules,
    filter: &'o Filter,
    /// Whether requests of everybody are wanted.
    everybody: bool,
    /// What became of the lines.
    pub(super) lines: Lines,
    /// Values that did not have their form.
    pub(super) bad_values: u64,
}

impl<'o> Requests<'o> {
    pub(super) fn new(rules: Rules, filter: &'o Filter) -> Requests<'o> {
        let everybody = [
            &filter.users,
            &filter.devices,
            &filter.device_types,
            &filter.user_agents,
        ]
        .iter()
        .all(|patterns| patterns.is_empty());
        Requests {
            rules,
            filter,
            everybody,
            lines: Lines::default(),
            bad_values: 0,
        }
    }

    /// The request of a record, if it counts.
    pub(super) fn read<'a>(
        &mut self,
        record: &Record<'a, '_>,
        place: Place,
    ) -> Option<Request<'a>> {
        let path = Oddity::of_path(record);
        if let Some(oddity @ (Oddity::OtherPath | Oddity::Proxy)) = path {
            self.lines.count_odd(oddity);
            return None;
        }
        let raw = record.cs_uri_query();
        let query = EasQuery::parse(raw.unwrap_or_default());
        let asked = self.asked(&query);
        let user = record.cs_username().unwrap_or_default();
        let user_agent = record.cs_user_agent().unwrap_or_default();
        let time = self.good(record.timestamp()).map(|time| {
            let day = time.date().and_time(chrono::NaiveTime::MIN).and_utc();
            day.timestamp() + i64::from(time.num_seconds_from_midnight())
        });
        if !self.wants_time(time) || !self.wants(user, user_agent, &asked) {
            self.lines.filtered_out += 1;
            return None;
        }
        let oddity = match time {
            None => Some(Oddity::NoTime),
            Some(_) => path.or_else(|| Oddity::of_values(record, &query)),
        };
        if let Some(oddity) = oddity {
            self.lines.count_odd(oddity);
            if !oddity.counts(self.rules) {
                return None;
            }
        }
        self.lines.counted += 1;
        Some(Request {
            at: Moment { time: time?, place },
            user,
            has_query: raw.is_some(),
            command: asked.command,
            device: asked.device,
            device_type: asked.device_type,
            log: query.log(),
            user_agent,
            server: [record.s_computername(), record.cs_host(), record.s_ip()]
                .map(Option::unwrap_or_default),
            status: self.good(record.sc_status()),
            substatus: self.good(record.sc_substatus()),
            bytes_sent: self.good(record.sc_bytes()),
            bytes_received: self.good(record.cs_bytes()),
            time_taken_ms: self.good(record.time_taken_ms()),
        })
    }

    fn asked<'a>(&mut self, query: &EasQuery<'a>) -> Asked<'a> {
        if query.is_base64() {
            match Base64Query::parse(query.raw()) {
                Ok(decoded) => {
                    return Asked {
                        command: decoded.command(),
                        user: Cow::Owned(decoded.user().unwrap_or_default().to_vec()),
                        device: Cow::Owned(decoded.device_id().into_bytes()),
                        device_type: Cow::Owned(decoded.device_type().to_vec()),
                    };
                }
                // Such a request is not lost: it counts as one that names no device.
                Err(_) => self.bad_values += 1,
            }
        }
        let raw = |value: Option<Encoded<'a>>| Cow::Borrowed(value.map_or(&[][..], Encoded::raw));
        Asked {
            command: query.command(),
            user: raw(query.user()),
            device: raw(query.device_id()),
            device_type: raw(query.device_type()),
        }
    }

    /// Whether the filters want a request of this time. One without a time is wanted unless times
    /// matter.
    fn wants_time(&self, time: Option<i64>) -> bool {
        let (since, before) = (self.filter.since, self.filter.before);
        match time {
            Some(time) => {
                since.is_none_or(|since| time >= since) && before.is_none_or(|before| time < before)
            }
            None => since.is_none() && before.is_none(),
        }
    }

    /// Whether the filters want this request, as they do in every report of the tool.
    fn wants(&self, username: &[u8], user_agent: &[u8], asked: &Asked<'_>) -> bool {
        if self.everybody {
            return true;
        }
        // A computer account is a server that passes on a request; who asked stands in the query.
        let user = if username.is_empty() || Account::parse(username).is_computer() {
            &asked.user
        } else {
            username
        };
        fn some<'t>(texts: &[&'t [u8]]) -> impl Iterator<Item = &'t [u8]> {
            let texts: Vec<&[u8]> = texts.iter().copied().filter(|t| !t.is_empty()).collect();
            texts.into_iter()
        }
        let filter = self.filter;
        filter.users.match_any(some(&[user, &asked.user]))
            && filter.devices.match_any(some(&[&asked.device]))
            && filter.device_types.match_any(some(&[&asked.device_type]))
            && filter.user_agents.match_any(some(&[user_agent]))
    }

    /// A value that is there and has its form. One that does not is counted.
    fn good<T>(&mut self, value: Result<Option<T>, Fault>) -> Option<T> {
        value.unwrap_or_else(|_| {
            self.bad_values += 1;
            None
        })
    }
}

/// What the query says, in either of its forms.
struct Asked<'a> {
    command: Option<Command<'a>>,
    user: Cow<'a, [u8]>,
    device: Cow<'a, [u8]>,
    device_type: Cow<'a, [u8]>,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ingest::Patterns;
    use eas_log_parse::{Entry, LogSlice};

    /// Gives each request of a log, whose lines stand in this file, to a function.
    pub(in crate::dropin) fn each(
        log: &str,
        file: u32,
        rules: Rules,
        mut take: impl FnMut(&Request<'_>),
    ) -> Lines {
        with_filter(log, file, rules, &Filter::default(), &mut take)
    }

    fn with_filter(
        log: &str,
        file: u32,
        rules: Rules,
        filter: &Filter,
        take: &mut dyn FnMut(&Request<'_>),
    ) -> Lines {
        let mut requests = Requests::new(rules, filter);
        let mut log = LogSlice::new(log.as_bytes());
        while let Some(entry) = log.next_entry() {
            let Entry::Record(record) = entry else {
                continue;
            };
            let place = Place {
                file,
                piece: 0,
                line: record.position().line as u32,
            };
            if let Some(request) = requests.read(&record, place) {
                take(&request);
            }
        }
        requests.lines
    }

    const HEAD: &str = "#Fields: date time cs-uri-stem cs-uri-query cs-username sc-status\n";

    fn line(time: &str, query: &str, user: &str) -> String {
        format!("{time} /Microsoft-Server-ActiveSync {query} {user} 200\n")
    }

    #[test]
    fn a_base64_query_is_decoded_and_counts_unless_compatible() {
        let log = HEAD.to_owned()
            + &line(
                "2011-05-06 11:00:00",
                "jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
                "u",
            )
            + &line("2011-05-06 11:00:00", "jAAJBAp2MTQw", "u");
        let mut found = Vec::new();
        let lines = each(&log, 0, Rules::Corrected, |request| {
            found.push((
                request.command.map(|command| command.to_string()),
                request.device.to_vec(),
                request.device_type.to_vec(),
            ));
        });
        let whole = (
            Some("Sync".to_owned()),
            b"v140Device".to_vec(),
            b"SmartPhone".to_vec(),
        );
        assert_eq!(found, [whole, (None, Vec::new(), Vec::new())]);
        assert_eq!((lines.counted, lines.odd(Oddity::Base64)), (2, 2));
        let lines = each(&log, 0, Rules::Compat, |_| panic!("counted"));
        assert_eq!((lines.counted, lines.odd(Oddity::Base64)), (0, 2));
    }

    #[test]
    fn a_line_without_a_time_belongs_to_no_hour() {
        let log = HEAD.to_owned() + &line("- 11:00:00", "-", "u") + &line("x y", "-", "u");
        for rules in [Rules::Corrected, Rules::Compat] {
            let lines = each(&log, 0, rules, |_| panic!("counted"));
            assert_eq!(lines.odd(Oddity::NoTime), 2);
        }
    }

    #[test]
    fn hours_of_the_week() {
        let cases = [
            ("1970-01-01 00:00:00", (0, 4 * 24)),
            ("2011-05-08 00:59:59", (15_102, 0)),
            ("2011-05-07 23:00:00", (15_101, 167)),
            ("1969-12-31 23:59:59", (-1, 3 * 24 + 23)),
        ];
        for (time, want) in cases {
            let mut found = None;
            each(
                &(HEAD.to_owned() + &line(time, "-", "u")),
                0,
                Rules::Compat,
                |request| found = Some((request.day(), request.hour_of_week())),
            );
            assert_eq!(found, Some(want), "{time}");
        }
    }

    #[test]
    fn filters_are_those_of_the_tool() {
        let query = "User=other&DeviceId=Dev1&DeviceType=WP";
        let log = HEAD.to_owned()
            + &line("2011-05-06 11:00:00", query, "CONTOSO\\JDoe")
            + &line("2011-05-07 11:00:00", query, "CONTOSO\\CAS1$")
            + &line("2011-05-08 11:00:00", "-", "-");
        let typed = |text: &str| [text.to_owned()];
        let day = |day: i64| Some(1_304_640_000 + day * DAY);
        let cases = [
            (Filter::default(), 3),
            (
                Filter {
                    users: Patterns::users(&typed("jdoe")).unwrap(),
                    ..Filter::default()
                },
                1,
            ),
            (
                Filter {
                    users: Patterns::users(&typed("other")).unwrap(),
                    ..Filter::default()
                },
                2,
            ),
            (
                Filter {
                    users: Patterns::users(&typed("*")).unwrap(),
                    ..Filter::default()
                },
                2,
            ),
            (
                Filter {
                    devices: Patterns::devices(&typed("dev?")).unwrap(),
                    ..Filter::default()
                },
                2,
            ),
            (
                Filter {
                    device_types: Patterns::texts(&typed("iPhone")).unwrap(),
                    ..Filter::default()
                },
                0,
            ),
            (
                Filter {
                    since: day(1),
                    before: day(2),
                    ..Filter::default()
                },
                1,
            ),
        ];
        for (filter, want) in cases {
            let lines = with_filter(&log, 0, Rules::Compat, &filter, &mut |_| {});
            assert_eq!(
                (lines.counted, lines.filtered_out),
                (want, 3 - want),
                "{filter:?}"
            );
        }
    }
}
