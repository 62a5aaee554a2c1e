//! The file of `--moves`: when each user moved.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use anyhow::{bail, ensure};
use chrono::{DateTime, NaiveDate, NaiveTime};
use csv::{ReaderBuilder, StringRecord};
use eas_log_parse::Account;

use super::time::parse_time;
use crate::render::grouped;

/// So many bad rows of a file are named.
const BAD_ROWS_NAMED: usize = 10;

/// So many users are named that only one side knows.
const USERS_NAMED: usize = 5;

/// How to get a file of moves that can be read.
const EXPORT: &str = "Get-MoveRequest | Get-MoveRequestStatistics | Select-Object \
                      @{n='User';e={$_.Alias}}, \
                      @{n='Time';e={$_.CompletionTimestamp.ToUniversalTime().ToString('s')}} | \
                      Export-Csv moves.csv -NoTypeInformation";

/// Names of the columns that tell the user, in lower case, those first that are most likely the name
/// in logs. A row with several of them is found by each.
const USER_COLUMNS: [&str; 11] = [
    "samaccountname",
    "user",
    "username",
    "alias",
    "userprincipalname",
    "primarysmtpaddress",
    "windowsemailaddress",
    "emailaddress",
    "mailbox",
    "identity",
    "displayname",
];
/// Names of the column of times, in lower case.
const TIME_COLUMNS: [&str; 7] = [
    "time",
    "movetime",
    "movedat",
    "completiontimestamp",
    "completedat",
    "endtimestamp",
    "date",
];

/// When users moved.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    /// The time of each user, by every name that the file has for one.
    pub(super) times: HashMap<String, i64>,
    /// The names of each user in the file, the first of them to show.
    users: Vec<Vec<String>>,
    /// Whether there are times without a zone.
    zoneless: bool,
}

impl Moves {
    /// Reads a file of moves: a user and a time in each row.
    ///
    /// # Errors
    /// If it cannot be read, or has bad rows; the message names them.
    pub(super) fn read(path: &Path) -> anyhow::Result<Moves> {
        Moves::parse(&decode(std::fs::read(path)?))
    }

    fn parse(text: &str) -> anyhow::Result<Moves> {
        let (text, skipped, said) = without_preamble(text);
        let header = text.lines().next().unwrap_or_default();
        let mut reader = ReaderBuilder::new()
            .delimiter(said.unwrap_or_else(|| delimiter(header)))
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_bytes());
        let headers = reader.headers()?.clone();
        let places = |names: &[&str]| -> Vec<usize> {
            let place = |name: &&str| {
                headers
                    .iter()
                    .position(|header| header.replace([' ', '_'], "").eq_ignore_ascii_case(name))
            };
            names.iter().filter_map(place).collect()
        };
        let (users_at, times_at) = (places(&USER_COLUMNS), places(&TIME_COLUMNS));
        let (false, Some(&time_at)) = (users_at.is_empty(), times_at.first()) else {
            let found: Vec<&str> = headers.iter().collect();
            bail!(
                "expected a header with a column for the user ({}) and one for the time ({}), found: \
                 {}. To export such a file: {EXPORT}",
                USER_COLUMNS.join(", "),
                TIME_COLUMNS.join(", "),
                found.join(", ")
            );
        };
        let mut bad = Vec::new();
        let mut rows: Vec<(u64, StringRecord)> = Vec::new();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let row = record.position().map_or(0, csv::Position::line) + skipped;
                    rows.push((row, record));
                }
                Err(error) => bad.push(error.to_string()),
            }
        }
        let cell = |record: &StringRecord, at: usize| record.get(at).unwrap_or_default().to_owned();
        let times: Vec<String> = rows.iter().map(|(_, row)| cell(row, time_at)).collect();
        let order = DayOrder::of(&times);

        let mut moves = Moves::default();
        let mut first: HashMap<String, (i64, u64)> = HashMap::new();
        let mut more: Vec<(String, i64)> = Vec::new();
        for ((row, record), typed) in rows.iter().zip(&times) {
            let names: Vec<String> = users_at
                .iter()
                .map(|&at| key(&cell(record, at)))
                .filter(|name| !name.is_empty())
                .collect();
            let Some(user) = names.first() else {
                bad.push(format!("row {row}: no user"));
                continue;
            };
            let time = match order.time(typed) {
                Ok((time, zoneless)) => {
                    moves.zoneless |= zoneless;
                    time
                }
                Err(expected) => {
                    bad.push(format!("row {row}, {user}: '{typed}': {expected}"));
                    continue;
                }
            };
            match first.get(user) {
                Some((other, at)) if *other != time => {
                    bad.push(format!("row {row}: {user} has another time in row {at}"));
                }
                Some(_) => {}
                None => {
                    first.insert(user.clone(), (time, *row));
                    more.extend(names[1..].iter().map(|name| (name.clone(), time)));
                    moves.users.push(names);
                }
            }
        }
        if !bad.is_empty() {
            let more = bad.len().saturating_sub(BAD_ROWS_NAMED);
            bad.truncate(BAD_ROWS_NAMED);
            if more > 0 {
                bad.push(format!("and {more} more"));
            }
            bail!(
                "{}. To export times that can be read: {EXPORT}",
                bad.join("; ")
            );
        }
        ensure!(!moves.users.is_empty(), "the file names no user");
        moves.times = first
            .into_iter()
            .map(|(user, (time, _))| (user, time))
            .collect();
        // The second name of one user may be the first of another, whose it is then.
        for (name, time) in more {
            moves.times.entry(name).or_insert(time);
        }
        Ok(moves)
    }

    /// What is to be said of users that only the file or only the logs know, these by their keys.
    /// Those that only the logs know need no time of their own where there is one for all. Without
    /// names where they are to be hidden.
    pub(super) fn strangers(
        &self,
        logs: &HashSet<String>,
        time_for_all: bool,
        named: bool,
    ) -> Vec<String> {
        let mut said = Vec::new();
        let in_no_log: BTreeSet<&str> = self
            .users
            .iter()
            .filter(|names| !names.iter().any(|name| logs.contains(name)))
            .map(|names| names[0].as_str())
            .collect();
        let without_move: BTreeSet<&str> = logs
            .iter()
            .map(String::as_str)
            .filter(|user| !time_for_all && !self.times.contains_key(*user))
            .collect();
        let of_file = format!(
            "of the {} users in --moves",
            grouped(self.users.len() as u64)
        );
        let of_logs = format!("of the {} users in the logs", grouped(logs.len() as u64));
        for (users, of, [what, what_many]) in [
            (in_no_log, of_file, ["is in no log", "are in no log"]),
            (
                without_move,
                of_logs,
                ["has no time in --moves", "have no time in --moves"],
            ),
        ] {
            if users.is_empty() {
                continue;
            }
            let what = if users.len() == 1 { what } else { what_many };
            let mut line = format!("{of}, {} {what}", grouped(users.len() as u64));
            if named {
                let mut names: Vec<&str> = users.iter().take(USERS_NAMED).copied().collect();
                let more = (users.len().saturating_sub(USERS_NAMED)) as u64;
                let rest = format!("and {} more", grouped(more));
                if more > 0 {
                    names.push(&rest);
                }
                line.push_str(": ");
                line.push_str(&names.join(", "));
            }
            said.push(line);
        }
        if self.zoneless {
            said.push("times in --moves that tell no zone are taken as UTC".to_owned());
        }
        said
    }
}

/// How logs name a user, whatever the column is: also the last part of an identity such as
/// `contoso.com/Users/jdoe`.
fn key(name: &str) -> String {
    let name = name.strip_prefix("SMTP:").unwrap_or(name);
    let name = name.rsplit('/').next().unwrap_or_default();
    Account::parse(name.trim().as_bytes()).key().into_owned()
}

/// The text of a file: UTF-16 and UTF-8 by their byte order marks; bytes that are no UTF-8 as the
/// Latin letters that editors of Windows write.
fn decode(bytes: Vec<u8>) -> String {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| unit([pair[0], pair[1]]))
            .collect();
        String::from_utf16_lossy(&units)
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => match String::from_utf8(bytes) {
            Ok(text) => text.trim_start_matches('\u{feff}').to_owned(),
            Err(error) => error.into_bytes().into_iter().map(char::from).collect(),
        },
    }
}

/// The text without the lines that come before the header: the type of the objects, which `Export-Csv`
/// of Windows PowerShell writes, and the separator, which Excel writes. With how many lines they are,
/// and the separator.
fn without_preamble(mut text: &str) -> (&str, u64, Option<u8>) {
    let (mut skipped, mut separator) = (0, None);
    loop {
        let line = text.lines().next().unwrap_or_default();
        let said = line.trim().trim_matches('"').strip_prefix("sep=");
        match said.map(str::as_bytes) {
            Some(&[byte]) => separator = Some(byte),
            Some(b"\\t" | b"") => separator = Some(b'\t'),
            Some(_) => {}
            None if line.starts_with("#TYPE") => {}
            None => return (text, skipped, separator),
        }
        skipped += 1;
        text = text.split_once('\n').map_or("", |(_, rest)| rest);
    }
}

/// What separates the columns of a header: the most frequent of those that can.
fn delimiter(header: &str) -> u8 {
    let count = |byte: u8| header.bytes().filter(|&other| other == byte).count();
    let mut most = b',';
    for byte in [b';', b'\t'] {
        if count(byte) > count(most) {
            most = byte;
        }
    }
    most
}

/// In which order a file writes day and month, where it writes them with slashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DayOrder {
    /// 31/12/2011.
    DayFirst,
    /// 12/31/2011.
    MonthFirst,
    /// No day is above 12, or some are on either side.
    Open,
}

impl DayOrder {
    /// The order that the dates of a file have in common.
    fn of(times: &[String]) -> DayOrder {
        let above_12 = |at: usize| {
            times.iter().any(|time| {
                time.contains('/')
                    && time
                        .split('/')
                        .nth(at)
                        .and_then(|part| part.trim().parse::<u32>().ok())
                        .is_some_and(|part| (13..=31).contains(&part))
            })
        };
        match (above_12(0), above_12(1)) {
            (true, false) => DayOrder::DayFirst,
            (false, true) => DayOrder::MonthFirst,
            _ => DayOrder::Open,
        }
    }

    /// A time in seconds since 1970-01-01 00:00:00 UTC, and whether it tells no zone.
    fn time(self, typed: &str) -> Result<(i64, bool), String> {
        // The round-trip form of .NET, also with a blank or without a colon in the offset.
        let with_t = typed.replacen(' ', "T", usize::from(!typed.contains('T')));
        for form in ["%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M%#z"] {
            let compact: String = with_t.split_whitespace().collect();
            if let Ok(time) = DateTime::parse_from_str(&compact, form) {
                return Ok((time.timestamp(), false));
            }
        }
        // A part of a second changes no comparison with lines, which have whole ones.
        let whole = match typed.rsplit_once('.') {
            Some((whole, part))
                if whole.contains(':')
                    && part
                        .trim_end_matches(['Z', 'z'])
                        .bytes()
                        .all(|b| b.is_ascii_digit()) =>
            {
                if typed.ends_with(['Z', 'z']) {
                    format!("{whole}Z")
                } else {
                    whole.to_owned()
                }
            }
            _ => typed.to_owned(),
        };
        if let Ok((start, _)) = parse_time(&whole) {
            return Ok((start, !typed.ends_with(['Z', 'z'])));
        }
        self.local(&whole).map(|time| (time, true))
    }

    /// A time in a local form: `31.12.2011 17:30:00`, `12/31/2011 5:30:00 PM`.
    fn local(self, typed: &str) -> Result<i64, String> {
        let expected = || {
            "expected a date or time as 2011-05-06, 2011-05-06T11:30:11, 2011-05-06T11:30:11+02:00, \
             06.05.2011 11:30 or 5/16/2011 11:30:11 AM"
                .to_owned()
        };
        let (date, time) = match typed.split_once([' ', 'T']) {
            Some((date, time)) => (date.trim_end_matches(','), time.trim()),
            None => (typed, ""),
        };
        let date_forms: &[&str] = if date.contains('.') {
            &["%d.%m.%Y"]
        } else if date.contains('/') {
            let year_first = date.split('/').next().is_some_and(|year| year.len() == 4);
            match self {
                _ if year_first => &["%Y/%m/%d"],
                DayOrder::DayFirst => &["%d/%m/%Y"],
                DayOrder::MonthFirst => &["%m/%d/%Y"],
                DayOrder::Open => {
                    return Err(
                        "the file does not tell which of the two is the day: expected \
                                2011-05-06, or 16/5/2011 in some row"
                            .to_owned(),
                    );
                }
            }
        } else {
            &["%Y-%m-%d"]
        };
        let date = date_forms
            .iter()
            .find_map(|form| NaiveDate::parse_from_str(date, form).ok())
            .ok_or_else(expected)?;
        // Windows parts hours and AM with a narrow blank since 2022.
        let time: String = time
            .chars()
            .map(|c| if c.is_whitespace() { ' ' } else { c })
            .collect();
        let forms = ["%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p"];
        let time = if time.is_empty() {
            NaiveTime::MIN
        } else {
            forms
                .iter()
                .find_map(|form| NaiveTime::parse_from_str(&time, form).ok())
                .ok_or_else(expected)?
        };
        Ok(date.and_time(time).and_utc().timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 1_304_640_000;

    fn read_moves(bytes: &[u8]) -> Result<Vec<(String, i64)>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("moves.csv");
        std::fs::write(&path, bytes).unwrap();
        let moves = Moves::read(&path).map_err(|error| format!("{error:#}"))?;
        let mut times: Vec<_> = moves.times.into_iter().collect();
        times.sort();
        Ok(times)
    }

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
        let text = format!("\u{feff}{}", text.trim_start_matches('\u{feff}'));
        text.encode_utf16().flat_map(unit).collect()
    }

    #[test]
    fn files_of_moves() {
        let want = vec![("jdoe".to_owned(), DAY), ("mia".to_owned(), DAY + 41_411)];
        let texts = [
            "User,Time\nCONTOSO\\jdoe,2011-05-06\nmia@contoso.com,2011-05-06T11:30:11\n",
            "\u{feff}#TYPE Selected.X\r\n\"Alias\",\"CompletionTimestamp\"\r\n\"jdoe\",\"2011-05-06\"\r\n\
             \"mia\",\"2011-05-06 11:30:11Z\"\r\n",
            "Name;Completion Timestamp;Identity\nx;2011-05-06;contoso.com/Users/jdoe\n\
             y;2011-05-06 11:30:11;MIA\n",
            "sep=;\r\nSamAccountName;Time\r\njdoe;06.05.2011\r\nmia;06.05.2011 11:30:11\r\n",
            "sep=\\t\r\n#TYPE X\r\nEmailAddress\tTime\r\njdoe@contoso.com\t2011-05-06T02:00:00+02:00\r\n\
             SMTP:mia@contoso.com\t2011-05-06T11:30:11.1234567Z\r\n",
            "DisplayName\tDate\njdoe\t2011-05-06 00:00\nMia\t2011-05-06 12:30:11 +0100\n",
        ];
        for text in texts {
            assert_eq!(read_moves(text.as_bytes()).as_ref(), Ok(&want), "{text}");
            for bytes in [utf16(text, u16::to_le_bytes), utf16(text, u16::to_be_bytes)] {
                let text = text.trim_start_matches('\u{feff}');
                assert_eq!(read_moves(&bytes).as_ref(), Ok(&want), "UTF-16: {text}");
            }
        }
        let latin = b"User,Time\nm\xfcller,2011-05-06\n";
        assert_eq!(read_moves(latin), Ok(vec![("müller".to_owned(), DAY)]));
        for (text, says) in [
            ("", "expected a header"),
            ("who,when\n", "found: who, when"),
            ("user,time\n", "names no user"),
            (
                "user,time\njdoe,05/06/2011\n",
                "row 2, jdoe: '05/06/2011': the file does not tell which",
            ),
            (
                "user,time\njdoe,yesterday\n",
                "row 2, jdoe: 'yesterday': expected",
            ),
            ("sep=,\nuser,time\n,2011-05-06\n", "row 3: no user"),
            (
                "user,time\na,2011-05-06\nA,2011-05-07\n",
                "row 3: a has another time in row 2",
            ),
        ] {
            let error = read_moves(text.as_bytes()).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }

    #[test]
    fn dates_with_slashes_are_of_one_order() {
        let of = |dates: &[&str]| {
            let rows: String = dates
                .iter()
                .enumerate()
                .map(|(n, date)| format!("u{n},{date}\n"))
                .collect();
            let times = read_moves(format!("user,time\n{rows}").as_bytes())?;
            Ok::<_, String>(times.iter().map(|(_, time)| time - DAY).collect::<Vec<_>>())
        };
        let american = [
            "5/6/2011 11:30:11 AM",
            "5/16/2011 1:30 PM",
            "5/6/2011 12:00:00 AM",
        ];
        assert_eq!(of(&american), Ok(vec![41_411, 10 * 86_400 + 48_600, 0]));
        let british = ["06/05/2011 11:30:11", "16/05/2011 13:30"];
        assert_eq!(of(&british), Ok(vec![41_411, 10 * 86_400 + 48_600]));
        assert!(of(&["5/6/2011", "6/5/2011"]).is_err());
        assert!(of(&["16/5/2011", "5/16/2011"]).is_err());
        assert_eq!(of(&["2011/05/06 11:30"]), Ok(vec![41_400]));
    }

    #[test]
    fn a_user_is_found_by_every_name() {
        let text = "Identity,Alias,SamAccountName,Time\n\
                    contoso.com/Users/John Doe,john.doe,jdoe,2011-05-06\n\
                    contoso.com/Users/jdoe,mia,,2011-05-07\n";
        let moves = Moves::parse(text).unwrap();
        let time = |name: &str| moves.times.get(name).map(|time| (time - DAY) / 86_400);
        let times = ["jdoe", "john.doe", "john doe", "mia", "x"].map(time);
        assert_eq!(times, [Some(0), Some(0), Some(0), Some(1), None]);

        let logs = ["john.doe", "amy", "bob"].map(str::to_owned);
        let said = moves.strangers(&HashSet::from(logs.clone()), false, true);
        assert_eq!(
            said,
            [
                "of the 2 users in --moves, 1 is in no log: mia",
                "of the 3 users in the logs, 2 have no time in --moves: amy, bob",
                "times in --moves that tell no zone are taken as UTC",
            ]
        );
        let hidden = moves.strangers(&HashSet::from(logs), true, false);
        assert_eq!(
            hidden,
            [
                "of the 2 users in --moves, 1 is in no log",
                "times in --moves that tell no zone are taken as UTC",
            ]
        );
    }
}
