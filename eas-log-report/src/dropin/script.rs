//! The file of `ActiveSyncReport.ps1`: a row for each user on a device with a client.

use std::io;
use std::path::Path;

use eas_log_parse::{Command, EasLog};

use super::Rules;
use super::cell::{Cell, Table};
use super::read::Gather;
use super::request::Request;
use super::seen::{First, note, place};
use crate::facts::{Add, FoldedTable, Renumbered, SumTable, TextId, error_names};
use crate::input::Source;
use crate::privacy::Pseudonyms;

/// The commands that have columns, in their order.
const COMMANDS: [Command<'static>; 23] = [
    Command::Ping,
    Command::Sync,
    Command::FolderSync,
    Command::SendMail,
    Command::SmartReply,
    Command::MeetingResponse,
    Command::GetAttachment,
    Command::SmartForward,
    Command::GetHierarchy,
    Command::CreateCollection,
    Command::DeleteCollection,
    Command::MoveCollection,
    Command::FolderCreate,
    Command::FolderDelete,
    Command::FolderUpdate,
    Command::MoveItems,
    Command::GetItemEstimate,
    Command::Search,
    Command::Settings,
    Command::ItemOperations,
    Command::Provision,
    Command::ResolveRecipients,
    Command::ValidateCert,
];

/// The errors that have columns, in their order.
const ERRORS: [&str; 13] = [
    "InvalidContent",
    "ServerError",
    "ServerErrorRetryLater",
    "MailboxQuotaExceeded",
    "DeviceIsBlockedForThisUser",
    "AccessDenied",
    "SyncStateNotFound",
    "DeviceNotFullyProvisionable",
    "DeviceNotProvisioned",
    "ItemNotFound",
    DISABLED,
    "TooManyJobsQueued",
    "OverBudget",
];

const DISABLED: &str = "UserDisabledForSync";

/// How a value of Exchange 2003 begins where the user may not synchronize.
const DISABLED_2003: &[u8] = b"VNATNASNC:";

/// Whether a column counts an HTTP status.
type Counts = fn(u16) -> bool;

/// The columns of HTTP statuses, and which statuses they count.
const STATUSES: [(&str, Counts); 6] = [
    ("IIS_5xx", |status| status / 100 == 5),
    ("IIS_4xx", |status| status / 100 == 4),
    ("IIS_503", |status| status == 503),
    ("IIS_507", |status| status == 507),
    ("IIS_409", |status| status == 409),
    ("IIS_451", |status| status == 451),
];

/// In place of a table where there is nothing to put in it.
const NOTHING_FOUND: &str = "No Active Sync information was found in the IIS Logs.";

/// The name of the file: of the log it is made of, or `Multiple_Files`.
pub(super) fn file_name(
    sources: &[Source],
    prefix: &str,
    pseudonyms: Option<&Pseudonyms>,
) -> String {
    let title = match sources {
        [Source::File(path)] => match pseudonyms {
            None => base_name(path),
            Some(pseudonyms) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                base_name(Path::new(&pseudonyms.path(&name)))
            }
        },
        [Source::Stdin] => "Standard_Input".to_owned(),
        _ => "Multiple_Files".to_owned(),
    };
    let separator = if prefix.is_empty() { "" } else { "_" };
    format!("EASyncOutputReport-{prefix}{separator}{title}.csv")
}

/// The name of a log without its folder and its endings.
fn base_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut name = name.as_ref();
    for ending in [".gz", ".zst", ".zip", ".log"] {
        name = name.strip_suffix(ending).unwrap_or(name);
    }
    name.to_owned()
}

/// User, device id, device type and user agent, by the numbers of their keys.
type Key = [TextId; 4];

/// The requests of a user on a device with a client.
#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// As they were first seen.
    names: [First; 4],
    hits: u64,
    commands: [u64; COMMANDS.len()],
    most_sent: Option<u64>,
    most_received: Option<u64>,
    longest_ms: Option<u64>,
    /// Sum of the durations, and how many there are.
    durations_ms: (u64, u64),
    errors: [u64; ERRORS.len()],
    statuses: [u64; STATUSES.len()],
}

impl Add for Row {
    fn add(&mut self, other: &Row) {
        for (name, other) in self.names.iter_mut().zip(other.names) {
            note(name, other);
        }
        self.hits += other.hits;
        self.most_sent = self.most_sent.max(other.most_sent);
        self.most_received = self.most_received.max(other.most_received);
        self.longest_ms = self.longest_ms.max(other.longest_ms);
        self.durations_ms.0 = self.durations_ms.0.saturating_add(other.durations_ms.0);
        self.durations_ms.1 += other.durations_ms.1;
        let ours = self.commands.iter_mut();
        let ours = ours.chain(&mut self.errors).chain(&mut self.statuses);
        let theirs = other.commands.iter();
        let theirs = theirs.chain(&other.errors).chain(&other.statuses);
        for (sum, count) in ours.zip(theirs) {
            *sum += count;
        }
    }
}

/// What the file is made of.
pub(super) struct Script {
    rules: Rules,
    /// The texts of each part of a key.
    texts: [FoldedTable; 4],
    rows: SumTable<Key, Row>,
}

impl Script {
    pub(super) fn new(rules: Rules) -> Script {
        let as_logged: fn(&[u8]) -> Vec<u8> = <[u8]>::to_vec;
        let name: fn(&[u8]) -> Vec<u8> = match rules {
            Rules::Corrected => <[u8]>::to_ascii_lowercase,
            Rules::Compat => as_logged,
        };
        Script {
            rules,
            texts: [name, name, as_logged, as_logged].map(FoldedTable::new),
            rows: SumTable::default(),
        }
    }

    /// Puts pseudonyms in the place of names, once all is taken in.
    pub(super) fn pseudonymize(&mut self, pseudonyms: &Pseudonyms) {
        let mut known = pseudonyms.known();
        let [users, devices, device_types, agents] = &mut self.texts;
        users.texts().iter().for_each(|raw| known.user(raw));
        devices.texts().iter().for_each(|raw| known.device(raw));
        let of = |raw: &[u8], pseudonym: String| (!raw.is_empty()).then(|| pseudonym.into_bytes());
        users.rename(|_, raw| of(raw, pseudonyms.user(raw)));
        devices.rename(|_, raw| of(raw, pseudonyms.device(raw)));
        for table in [device_types, agents] {
            table.rename(|_, raw| known.hide(raw));
        }
    }

    /// The file. It is marked as UTF-8 only if it holds more than ASCII: the script writes the code
    /// page of its server, which no mark tells.
    pub(super) fn content(&self) -> io::Result<Vec<u8>> {
        if self.rows.iter().len() == 0 {
            return Ok(format!("{NOTHING_FOUND}\r\n").into_bytes());
        }
        self.table()?.marked_beyond_ascii()
    }

    fn table(&self) -> io::Result<Table> {
        let mut rows: Vec<(&Key, &Row)> = self.rows.iter().collect();
        let keys = |key: &Key| -> Vec<&[u8]> {
            let keys = self.texts.iter().zip(key);
            keys.map(|(texts, &key)| texts.keys().get(key)).collect()
        };
        rows.sort_by(|(a, left), (b, right)| {
            let most = right.hits.cmp(&left.hits);
            let names = || keys(a).cmp(&keys(b));
            // Two ways to write a user have one pseudonym.
            let places = || place(left.names[0]).cmp(&place(right.names[0]));
            most.then_with(names).then_with(places)
        });
        let sent = rows.iter().any(|(_, row)| row.most_sent.is_some());
        let received = rows.iter().any(|(_, row)| row.most_received.is_some());
        let timed = rows.iter().any(|(_, row)| row.longest_ms.is_some());

        let mut columns = vec!["User", "DeviceId", "DeviceType", "User-Agent", "Hits"];
        let names: Vec<String> = COMMANDS.iter().map(ToString::to_string).collect();
        columns.extend(names.iter().map(String::as_str));
        columns.extend(sent.then_some("LargestBytesSentToClient"));
        columns.extend(received.then_some("LargestBytesReceivedFrClient"));
        if timed {
            columns.extend(["LongestRequestTime(s)", "AVGRequestTime(s)"]);
        }
        columns.extend(ERRORS);
        columns.extend(STATUSES.map(|(name, _)| name));

        let mut table = Table::new(columns, self.rules)?;
        for (_, row) in rows {
            let mut cells: Vec<Cell<'_>> = Vec::new();
            for (texts, first) in self.texts.iter().zip(row.names) {
                let text = first.map_or(&[][..], |(_, text)| texts.texts().get(text));
                cells.push(Cell::Logged(text));
            }
            cells.push(row.hits.into());
            cells.extend(row.commands.map(Cell::from));
            cells.extend(sent.then_some(row.most_sent.into()));
            cells.extend(received.then_some(row.most_received.into()));
            if timed {
                let (sum, count) = row.durations_ms;
                let average_ms = sum.checked_div(count);
                let seconds = |ms: Option<u64>| Cell::from(ms.map(|ms| ms / 1000));
                cells.extend([seconds(row.longest_ms), seconds(average_ms)]);
            }
            cells.extend(row.errors.map(Cell::from));
            cells.extend(row.statuses.map(Cell::from));
            table.row(cells)?;
        }
        Ok(table)
    }
}

impl Gather for Script {
    fn take(&mut self, request: &Request<'_>) {
        let texts: [&[u8]; 4] = [
            request.user,
            &request.device,
            &request.device_type,
            request.user_agent,
        ];
        let (mut key, mut names) = (Key::default(), [First::None; 4]);
        for (at, (table, text)) in self.texts.iter_mut().zip(texts).enumerate() {
            let id = table.intern(text);
            key[at] = table.key_of(id);
            names[at] = Some((request.at.place, id));
        }
        let mut row = Row {
            names,
            hits: 1,
            most_sent: request.bytes_sent,
            most_received: request.bytes_received,
            longest_ms: request.time_taken_ms,
            durations_ms: request.time_taken_ms.map_or((0, 0), |ms| (ms, 1)),
            ..Row::default()
        };
        let command = COMMANDS
            .iter()
            .position(|&command| request.command == Some(command))
            .filter(|&at| self.rules == Rules::Corrected || COMMANDS[at] != Command::SmartForward);
        if let Some(at) = command {
            row.commands[at] = 1;
        }
        if let Some(log) = request.log {
            row.errors = errors(log, self.rules);
        }
        if let Some(status) = request.status {
            row.statuses = STATUSES.map(|(_, counts)| u64::from(counts(status)));
        }
        self.rows.of(key).add(&row);
    }

    fn merge(&mut self, other: &Script) {
        let renamed: Vec<Renumbered> = self
            .texts
            .iter_mut()
            .zip(&other.texts)
            .map(|(ours, theirs)| ours.merge(theirs))
            .collect();
        for (key, row) in other.rows.iter() {
            let (mut key, mut row) = (*key, *row);
            for (at, renamed) in renamed.iter().enumerate() {
                key[at] = renamed.key(key[at]);
                row.names[at] = row.names[at].map(|(place, text)| (place, renamed.text(text)));
            }
            self.rows.of(key).add(&row);
        }
    }

    fn bad_values(&self) -> u64 {
        0
    }
}

/// Which errors a value of `Log=` names, each once.
fn errors(log: EasLog<'_>, rules: Rules) -> [u64; ERRORS.len()] {
    let mut found = [0; ERRORS.len()];
    let mut note = |name: &[u8]| {
        if let Some(at) = ERRORS.iter().position(|error| error.as_bytes() == name) {
            found[at] = 1;
        }
    };
    if log.raw().starts_with(DISABLED_2003) {
        note(DISABLED.as_bytes());
    } else if let Some(element) = log.element("Error") {
        match rules {
            Rules::Corrected => {
                let decoded = element.text().decode_form();
                error_names(&decoded).for_each(note);
            }
            Rules::Compat => {
                let end = element.at() as usize + element.raw().len();
                if log.raw().get(end) == Some(&b'_') {
                    note(element.value());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::request::tests::each;
    use super::*;
    use std::path::PathBuf;

    const FIELDS: &str = "#Fields: date time cs-uri-stem cs-uri-query cs-username cs(User-Agent) \
        sc-status sc-bytes cs-bytes time-taken\n";

    fn line(query: &str, user: &str, agent: &str, status: &str, numbers: &str) -> String {
        format!(
            "2011-05-06 11:00:00 /Microsoft-Server-ActiveSync/default.eas {query} {user} {agent} \
             {status} {numbers}\n"
        )
    }

    fn script(log: &str, rules: Rules) -> Script {
        let mut script = Script::new(rules);
        each(log, 0, Rules::Corrected, |request| script.take(request));
        script
    }

    /// The rows by the names of their columns.
    fn rows(script: &Script) -> Vec<Vec<(String, String)>> {
        let content = script.content().unwrap();
        let mut reader = csv::Reader::from_reader(&content[..]);
        let names = reader.headers().unwrap().clone();
        reader
            .records()
            .map(|record| {
                let record = record.unwrap();
                let pairs = names.iter().zip(&record);
                pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
            })
            .collect()
    }

    /// The columns behind the hits that are neither 0 nor empty.
    fn set(row: &[(String, String)]) -> Vec<(&str, &str)> {
        row.iter()
            .skip(5)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(_, value)| !matches!(*value, "0" | ""))
            .collect()
    }

    #[test]
    fn names_of_the_file() {
        let file = |name: &str| Source::File(PathBuf::from(name));
        let cases = [
            (vec![file("a/u_ex110506.log")], "", "u_ex110506"),
            (vec![file("ex.log.gz")], "CAS1", "CAS1_ex"),
            (vec![file("a"), file("b")], "", "Multiple_Files"),
            (vec![file("a"), Source::Stdin], "X", "X_Multiple_Files"),
            (vec![Source::Stdin], "", "Standard_Input"),
        ];
        for (sources, prefix, want) in cases {
            let want = format!("EASyncOutputReport-{want}.csv");
            assert_eq!(file_name(&sources, prefix, None), want);
        }
    }

    #[test]
    fn the_columns() {
        let head = "User,DeviceId,DeviceType,User-Agent,Hits,Ping,Sync,FolderSync,SendMail,\
            SmartReply,MeetingResponse,GetAttachment,SmartForward,GetHierarchy,CreateCollection,\
            DeleteCollection,MoveCollection,FolderCreate,FolderDelete,FolderUpdate,MoveItems,\
            GetItemEstimate,Search,Settings,ItemOperations,Provision,ResolveRecipients,ValidateCert,";
        let tail = "InvalidContent,ServerError,ServerErrorRetryLater,MailboxQuotaExceeded,\
            DeviceIsBlockedForThisUser,AccessDenied,SyncStateNotFound,DeviceNotFullyProvisionable,\
            DeviceNotProvisioned,ItemNotFound,UserDisabledForSync,TooManyJobsQueued,OverBudget,\
            IIS_5xx,IIS_4xx,IIS_503,IIS_507,IIS_409,IIS_451";
        let cases = [
            ("- - -", ""),
            ("1 - -", "LargestBytesSentToClient,"),
            ("- 1 -", "LargestBytesReceivedFrClient,"),
            ("- - 1", "LongestRequestTime(s),AVGRequestTime(s),"),
        ];
        for (numbers, middle) in cases {
            let log = FIELDS.to_owned() + &line("Cmd=Ping", "u", "a", "200", numbers);
            let content = script(&log, Rules::Corrected).content().unwrap();
            let text = String::from_utf8(content).unwrap();
            let header = text.split("\r\n").next().unwrap();
            assert_eq!(header, format!("{head}{middle}{tail}"));
        }
    }

    #[test]
    fn one_line_says_that_there_is_nothing() {
        for rules in [Rules::Corrected, Rules::Compat] {
            assert_eq!(
                Script::new(rules).content().unwrap(),
                b"No Active Sync information was found in the IIS Logs.\r\n"
            );
        }
    }

    #[test]
    fn each_column() {
        // A query and a status, and the columns set when corrected and when compatible.
        type Set<'s> = &'s [(&'s str, &'s str)];
        let cases: [(&str, &str, Set<'_>, Set<'_>); 14] = [
            ("Cmd=Ping", "200", &[("Ping", "1")], &[("Ping", "1")]),
            ("cmd=sync", "200", &[("Sync", "1")], &[("Sync", "1")]),
            ("Cmd=SmartForward", "200", &[("SmartForward", "1")], &[]),
            ("Cmd=Nap", "200", &[], &[]),
            (
                "Log=V140_Error:AccessDenied_Pk0_",
                "200",
                &[("AccessDenied", "1")],
                &[("AccessDenied", "1")],
            ),
            (
                "Log=V140_Error:AccessDenied",
                "200",
                &[("AccessDenied", "1")],
                &[],
            ),
            (
                "Log=Error:ServerErrorRetryLater_",
                "200",
                &[("ServerErrorRetryLater", "1")],
                &[("ServerErrorRetryLater", "1")],
            ),
            (
                "Log=Error:OverBudget%3bItemNotFound%3bOverBudget_",
                "200",
                &[("ItemNotFound", "1"), ("OverBudget", "1")],
                &[],
            ),
            (
                "Log=VNATNASNC:0A0C0D0FS:0A0C0D0SP:0C0I0S0R0S0L0H0P",
                "200",
                &[("UserDisabledForSync", "1")],
                &[("UserDisabledForSync", "1")],
            ),
            (
                "-",
                "503",
                &[("IIS_5xx", "1"), ("IIS_503", "1")],
                &[("IIS_5xx", "1"), ("IIS_503", "1")],
            ),
            ("-", "449", &[("IIS_4xx", "1")], &[("IIS_4xx", "1")]),
            (
                "-",
                "451",
                &[("IIS_4xx", "1"), ("IIS_451", "1")],
                &[("IIS_4xx", "1"), ("IIS_451", "1")],
            ),
            (
                "-",
                "409",
                &[("IIS_4xx", "1"), ("IIS_409", "1")],
                &[("IIS_4xx", "1"), ("IIS_409", "1")],
            ),
            (
                "-",
                "507",
                &[("IIS_5xx", "1"), ("IIS_507", "1")],
                &[("IIS_5xx", "1"), ("IIS_507", "1")],
            ),
        ];
        for (query, status, corrected, compatible) in cases {
            let log = FIELDS.to_owned() + &line(query, "u", "a", status, "- - -");
            for (rules, want) in [(Rules::Corrected, corrected), (Rules::Compat, compatible)] {
                let rows = rows(&script(&log, rules));
                assert_eq!(rows[0][4].1, "1");
                assert_eq!(set(&rows[0]), want, "{query} {status} {rules:?}");
            }
        }
    }

    #[test]
    fn extremes_and_averages_are_whole_seconds() {
        let log = FIELDS.to_owned()
            + &line("-", "u", "a", "200", "10 900 1999")
            + &line("-", "u", "a", "200", "90 - 1000")
            + &line("-", "u", "a", "200", "- 100 -");
        let want = [
            ("LargestBytesSentToClient", "90"),
            ("LargestBytesReceivedFrClient", "900"),
            ("LongestRequestTime(s)", "1"),
            ("AVGRequestTime(s)", "1"),
        ];
        assert_eq!(set(&rows(&script(&log, Rules::Compat))[0]), want);
    }

    #[test]
    fn groups_and_their_order() {
        let log = FIELDS.to_owned()
            + &line("DeviceId=d&DeviceType=T", "c\\U", "x", "200", "- - -")
            + &line("DeviceId=D&DeviceType=T", "c\\u", "x", "200", "- - -")
            + &line("DeviceId=D&DeviceType=T", "c\\u", "y", "200", "- - -")
            + &line("-", "-", "-", "200", "- - -")
            + &line("DeviceId=d&DeviceType=t", "c\\u", "=x", "200", "- - -");
        let heads = |rules| -> Vec<String> {
            let rows = rows(&script(&log, rules));
            let head = |row: &Vec<(String, String)>| {
                let values: Vec<&str> = row[..5].iter().map(|(_, v)| v.as_str()).collect();
                values.join(" ")
            };
            rows.iter().map(head).collect()
        };
        assert_eq!(
            heads(Rules::Corrected),
            ["c\\U d T x 2", "    1", "c\\u D T y 1", "c\\u d t '=x 1"]
        );
        assert_eq!(
            heads(Rules::Compat),
            [
                "    1",
                "c\\U d T x 1",
                "c\\u D T x 1",
                "c\\u D T y 1",
                "c\\u d t =x 1"
            ]
        );
    }

    #[test]
    fn a_mark_only_beyond_ascii() {
        for (user, marked) in [("anna", false), ("zoë", true)] {
            let log = FIELDS.to_owned() + &line("-", user, "a", "200", "- - -");
            let content = script(&log, Rules::Compat).content().unwrap();
            assert_eq!(content.starts_with(b"\xef\xbb\xbf"), marked, "{user}");
        }
    }

    #[test]
    fn merging_in_any_order_is_reading_in_one_place() {
        let logs: Vec<String> = (0..3u32)
            .map(|file| {
                let mut log = FIELDS.to_owned();
                for n in 0..100u32 {
                    let n = n * 5 + file * 13;
                    let query =
                        format!("Cmd=Sync&DeviceId={}{}", ["d", "D"][n as usize % 2], n % 7);
                    let numbers = format!("{n} {} {}", n % 13, n * 100);
                    log += &line(&query, &format!("u{}", n % 3), "a", "503", &numbers);
                }
                log
            })
            .collect();
        for rules in [Rules::Corrected, Rules::Compat] {
            let mut whole = Script::new(rules);
            let parts: Vec<Script> = (0..)
                .zip(&logs)
                .map(|(file, log)| {
                    let mut part = Script::new(rules);
                    each(log, file, rules, |request| part.take(request));
                    each(log, file, rules, |request| whole.take(request));
                    part
                })
                .collect();
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                let mut merged = Script::new(rules);
                order.iter().for_each(|&part| merged.merge(&parts[part]));
                assert_eq!(
                    merged.content().unwrap(),
                    whole.content().unwrap(),
                    "{order:?}"
                );
            }
        }
    }
}
