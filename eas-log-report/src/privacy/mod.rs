//! Pseudonyms in the place of names, so that a report can go to somebody else.
//!
//! Users, device ids, servers, addresses and folders of files become pseudonyms that are the same for
//! the same name and key, in every report. Names are replaced before anything is made of the facts,
//! so that no output can show one. Of a line that is shown only what is known to name nobody is kept;
//! in texts that are kept word for word, such as user agents, the names of the logs are looked for.

mod known;

use std::collections::HashSet;
use std::ops::Range;

use eas_log_parse::{Account, DeviceId, EasLog, EasQuery, EasStem, Encoded, Field};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

pub(crate) use self::known::Known;
use crate::facts::{Latest, TextId};
use crate::ingest::{FileQuality, FileState, Ingested, Kept};

/// Shortest key, in bytes.
const SHORTEST_KEY: usize = 16;

/// A longer number may be that of a phone (IMEI).
const LONGEST_NUMBER: usize = 14;

/// Elements of `Log=` whose text is a word of the protocol and names nobody. Numbers are kept of all.
const PLAIN_ELEMENTS: [&[u8]; 16] = [
    b"Error",
    b"As",
    b"Ty",
    b"St",
    b"Cli",
    b"Srv",
    b"Ssnf",
    b"V",
    b"Ver",
    b"Filt",
    b"Filter",
    b"Sk",
    b"Fid",
    b"Pa",
    b"DevOS",
    b"DevModel",
];

/// Fields of a line that name nobody.
const PLAIN_FIELDS: [Field; 11] = [
    Field::Date,
    Field::Time,
    Field::CsMethod,
    Field::SPort,
    Field::CsVersion,
    Field::TimeTaken,
    Field::ScStatus,
    Field::ScSubstatus,
    Field::ScWin32Status,
    Field::ScBytes,
    Field::CsBytes,
];

/// Makes pseudonyms with a key.
#[derive(Clone)]
pub struct Pseudonyms {
    key: Hmac<Sha256>,
}

impl Pseudonyms {
    /// With the content of a key file.
    ///
    /// # Errors
    /// If the key is so short that names could be guessed with it.
    pub fn new(key: &[u8]) -> Result<Pseudonyms, String> {
        let key = key.trim_ascii();
        if key.len() < SHORTEST_KEY {
            return Err(format!(
                "expected a key of at least {SHORTEST_KEY} bytes, found {}: put some random text into \
                 the file, and keep it: the same key gives the same pseudonyms",
                key.len()
            ));
        }
        Ok(Pseudonyms {
            // HMAC takes a key of any length.
            key: Hmac::new_from_slice(key).map_err(|error| error.to_string())?,
        })
    }

    /// The pseudonym of a name of this kind.
    fn of(&self, kind: &str, name: &[u8]) -> String {
        let mut mac = self.key.clone();
        mac.update(kind.as_bytes());
        mac.update(b":");
        mac.update(name);
        let tag = mac.finalize().into_bytes();
        let digits: String = tag[..6].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{kind}-{digits}")
    }

    /// What tells one key from another without giving it away.
    pub fn fingerprint(&self) -> String {
        self.of("key", b"")
    }

    pub(crate) fn user(&self, raw: &[u8]) -> String {
        let decoded = Encoded::new(raw).decode();
        self.of("user", Account::parse(&decoded).key().as_bytes())
    }

    pub(crate) fn device(&self, raw: &[u8]) -> String {
        let decoded = Encoded::new(raw).decode();
        self.of("device", DeviceId::new(&decoded).key().as_bytes())
    }

    pub(crate) fn host(&self, raw: &[u8]) -> String {
        match std::str::from_utf8(raw) {
            Ok(text) => self.of("host", text.to_lowercase().as_bytes()),
            Err(_) => self.of("host", &raw.to_ascii_lowercase()),
        }
    }

    /// To be told the names of some logs, and to find them in other texts of these logs.
    pub(crate) fn known(&self) -> Known<'_> {
        Known::new(self)
    }

    /// Puts pseudonyms in the place of all names in what was read.
    pub fn apply(&self, ingested: &mut Ingested) {
        let facts = &mut ingested.facts;
        let named: HashSet<TextId> = (0..facts.entities().len() as u32)
            .flat_map(|entity| {
                let gauge = facts.gauge(entity);
                let of = |latest: Latest| latest.map(|(_, text)| text);
                [gauge.mailbox_server, gauge.proxied_to, gauge.redirected_to].map(of)
            })
            .flatten()
            .collect();
        let texts = &mut facts.texts;
        let mut known = self.known();
        texts.users.texts().iter().for_each(|raw| known.user(raw));
        let devices = texts.devices.texts();
        devices.iter().for_each(|raw| known.device(raw));
        texts.servers.iter().for_each(|raw| known.host(raw));
        for &text in &named {
            known.host(texts.values.texts().get(text));
        }
        texts
            .users
            .rename(|_, raw| Some(self.user(raw).into_bytes()));
        texts
            .devices
            .rename(|_, raw| Some(self.device(raw).into_bytes()));
        texts.servers.rename(|raw| self.host(raw).into_bytes());
        texts.values.rename(|text, raw| {
            if named.contains(&text) {
                return Some(self.host(raw).into_bytes());
            }
            known.hide(raw)
        });
        known.hide_in_table(&mut texts.device_types);
        known.hide_in_table(&mut texts.errors);
        for table in [
            &mut texts.user_agents,
            &mut texts.commands,
            &mut texts.access,
        ] {
            table.rename(|raw| known.hide(raw).unwrap_or_else(|| raw.to_vec()));
        }
        for kept in &mut ingested.kept {
            self.apply_to_line(kept, &known);
        }
        for file in &mut ingested.quality.files {
            self.apply_to_file(file, &known);
        }
    }

    fn apply_to_file(&self, file: &mut FileQuality, known: &Known<'_>) {
        file.name = self.path(&file.name);
        if let FileState::Broken(why) | FileState::Skipped(why) | FileState::Unreadable(why) =
            &mut file.state
        {
            known.hide_in(why);
        }
        for bad in &mut file.malformed {
            // What is said of a malformed line shows a part of it.
            bad.what = bad.kind.name().to_owned();
        }
    }

    /// The values of filters on names.
    pub fn apply_to_filters(&self, filters: &mut [(String, String)]) {
        for (option, value) in filters {
            match option.as_str() {
                "user" => *value = self.user(value.as_bytes()),
                "device" => *value = self.device(value.as_bytes()),
                _ => {}
            }
        }
    }

    /// Folders become pseudonyms, but for those of sites such as `W3SVC1`; names of files are kept if
    /// they are names that IIS gives.
    pub(crate) fn path(&self, path: &str) -> String {
        let parts = path
            .split(['/', '\\'])
            .filter(|part| !part.is_empty() && *part != "-");
        let renamed: Vec<String> = parts
            .map(|part| {
                let is_site = is_site(part.as_bytes());
                if is_site || is_log(part) {
                    part.to_owned()
                } else {
                    self.of("path", part.as_bytes())
                }
            })
            .collect();
        if renamed.is_empty() {
            return path.to_owned();
        }
        renamed.join("/")
    }

    fn apply_to_line(&self, kept: &mut Kept, known: &Known<'_>) {
        kept.user = self.user(&kept.user).into_bytes();
        kept.device = self.device(&kept.device).into_bytes();
        kept.server = self.host(&kept.server).into_bytes();
        known.hide_in(&mut kept.said);
        if let Some(hidden) = known.hide(&kept.errors) {
            kept.errors = hidden;
        }
        if let Some(hidden) = known.hide(&kept.command) {
            kept.command = hidden;
        }
        let columns = kept.columns.iter();
        let columns =
            columns.map(|column| (column.field, column.start as usize..column.end as usize));
        kept.line = self.line(&kept.line, columns, known);
    }

    /// A line of which only what names nobody is as it was. Its columns have their fields.
    fn line(
        &self,
        line: &[u8],
        columns: impl Iterator<Item = (Option<Field>, Range<usize>)>,
        known: &Known<'_>,
    ) -> Vec<u8> {
        let mut hidden = Vec::with_capacity(line.len());
        let mut done = 0;
        for (field, range) in columns {
            let between = line.get(done..range.start).unwrap_or_default();
            hidden.extend(between.iter().filter(|&&b| b == b' ' || b == b'\t'));
            let value = line.get(range.clone()).unwrap_or_default();
            done = range.end;
            match value {
                [b'"', inner @ .., b'"'] => {
                    hidden.push(b'"');
                    hidden.extend(self.value(field, inner, known));
                    hidden.push(b'"');
                }
                _ => hidden.extend(self.value(field, value, known)),
            }
        }
        hidden
    }

    fn value(&self, field: Option<Field>, value: &[u8], known: &Known<'_>) -> Vec<u8> {
        let hide = |value: &[u8]| known.hide(value).unwrap_or_else(|| value.to_vec());
        match (field, value) {
            (_, b"-" | b"") => value.to_vec(),
            (Some(Field::CsUserAgent), _) => hide(value),
            (Some(field), _) if PLAIN_FIELDS.contains(&field) => hide(value),
            (Some(Field::CsUriStem), _)
                if EasStem::parse(value).is_some_and(|stem| stem != EasStem::Other) =>
            {
                value.to_vec()
            }
            (Some(Field::SSitename), _) if is_site(value) => value.to_vec(),
            (Some(Field::CsUsername), _) => self.user(value).into_bytes(),
            (Some(Field::CsUriQuery), _) => self.query(value, known),
            _ => self.host(value).into_bytes(),
        }
    }

    fn query(&self, raw: &[u8], known: &Known<'_>) -> Vec<u8> {
        let hide = |value: &[u8]| known.hide(value).unwrap_or_else(|| value.to_vec());
        let query = EasQuery::parse(raw);
        if query.is_base64() {
            return self.of("query", raw).into_bytes();
        }
        let pairs: Vec<Vec<u8>> = query
            .pairs()
            .map(|pair| {
                let (key, value) = (pair.key, pair.value.unwrap_or_default());
                let renamed = match key.to_ascii_lowercase().as_slice() {
                    b"user" => self.user(value).into_bytes(),
                    b"deviceid" => self.device(value).into_bytes(),
                    b"cmd" | b"devicetype" => hide(value),
                    b"log" => self.log(value, known),
                    // A key that nobody knows may be a name.
                    _ => return b"...".to_vec(),
                };
                [key, b"=", &renamed].concat()
            })
            .collect();
        pairs.join(&b'&')
    }

    fn log(&self, raw: &[u8], known: &Known<'_>) -> Vec<u8> {
        let log = EasLog::new(raw);
        if log.legacy().is_some() {
            // The packed form holds versions, counts and letters only.
            return raw.to_vec();
        }
        let elements: Vec<Vec<u8>> = log
            .elements()
            .map(|element| {
                let name = element.identifier();
                let is_plain = PLAIN_ELEMENTS
                    .iter()
                    .any(|plain| name.trim_ascii_end() == *plain);
                let value = element.value();
                let is_number = value.len() <= LONGEST_NUMBER
                    && value
                        .iter()
                        .all(|b| b.is_ascii_digit() || *b == b':' || *b == b'-');
                if is_plain || is_number {
                    let raw = element.raw();
                    known.hide(raw).unwrap_or_else(|| raw.to_vec())
                } else {
                    [name, b":..."].concat()
                }
            })
            .collect();
        elements.join(&b'_')
    }
}

/// Whether a name of a site is one that IIS gives.
fn is_site(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let number = lower.strip_prefix(b"w3svc").unwrap_or_default();
    !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

/// Whether a name of a file is one that IIS gives, such as `u_ex110506.log`, perhaps compressed.
fn is_log(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let mut parts = lower.split('.');
    let stem = parts.next().unwrap_or_default();
    let stem = stem.trim_start_matches("u_").trim_end_matches("_x");
    let is_dated = ["ex", "nc", "in"]
        .iter()
        .any(|prefix| stem.strip_prefix(prefix).is_some_and(is_number));
    is_dated && parts.all(|ending| ["log", "gz", "zst", "zip"].contains(&ending))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms() -> Pseudonyms {
        Pseudonyms::new(b"a key for tests only").unwrap()
    }

    #[test]
    fn the_same_name_has_the_same_pseudonym_however_it_is_written() {
        let p = pseudonyms();
        let user = p.user(b"jdoe");
        for form in [
            &b"CONTOSO\\JDoe"[..],
            b"jdoe@contoso.com",
            b"CONTOSO%5Cjdoe",
        ] {
            assert_eq!(p.user(form), user);
        }
        assert_ne!(p.user(b"mia"), user);
        assert_eq!(p.device(b"imei1"), p.device(b"IMEI1"));
        // Another key gives others, and a name of another kind too.
        let other = Pseudonyms::new(b"another key for tests").unwrap();
        assert_ne!(other.user(b"jdoe"), user);
        assert_ne!(p.host(b"jdoe")[5..], user[5..]);
        assert!(Pseudonyms::new(b"short \n").is_err());
    }

    #[test]
    fn of_paths_the_names_of_iis_are_kept() {
        let p = pseudonyms();
        let path = p.path("\\\\cas01\\logs\\W3SVC1\\u_ex110506.log");
        assert!(path.ends_with("/W3SVC1/u_ex110506.log"), "{path}");
        assert!(!path.contains("cas01"), "{path}");
        for name in ["contoso.log", "u_ex110506.contoso.log", "u_excontoso.log"] {
            assert!(!p.path(name).contains("contoso"), "{name}");
        }
        assert_eq!(p.path("ex110506.log.gz"), "ex110506.log.gz");
        assert_eq!(p.path("-"), "-");
    }

    #[test]
    fn a_line_keeps_what_names_nobody() {
        let p = pseudonyms();
        let mut known = p.known();
        known.user(b"jdoe");
        let query = "User=jdoe&DeviceId=D1&Cmd=Sync&SaveInSent=T&Log=V121_Fc1_Fid:5_Ty:Em_\
                     Mbx:MBX1.contoso.com_Error:OverBudget_DevIMEI:490154203237518_Hb900_\
                     Budget:(D)Owner%3aSid%7ejdoe_";
        let values = [
            "2011-05-06",
            query,
            "CONTOSO\\jdoe",
            "192.0.2.7",
            "jdoe's phone",
            "503",
        ];
        use Field::{CIp, CsUriQuery, CsUserAgent, CsUsername, Date, ScStatus};
        let fields = [Date, CsUriQuery, CsUsername, CIp, CsUserAgent, ScStatus];
        // As IIS writes it, as others do, and with blanks within values.
        for (between, quote) in [(" ", ""), ("\t", ""), ("  ", "\"")] {
            let (mut line, mut columns) = (String::new(), Vec::new());
            for (value, field) in values.iter().zip(fields) {
                let start = line.len();
                line += &format!("{quote}{value}{quote}");
                columns.push((Some(field), start..line.len()));
                line += between;
            }
            let found = p.line(line.as_bytes(), columns.into_iter(), &known);
            let found = String::from_utf8(found).unwrap();
            for secret in ["jdoe", "D1", "contoso", "MBX1", "192.0.2.7", "490154"] {
                assert!(!found.contains(secret), "{secret} in {found}");
            }
            for kept in [
                "User=user-",
                "Cmd=Sync",
                "Fid:5",
                "Ty:Em",
                "OverBudget",
                "Hb900",
                "'s phone",
            ] {
                assert!(found.contains(kept), "{kept} not in {found}");
            }
            let ends = [
                format!("{quote}2011-05-06{quote}{between}"),
                format!("{between}{quote}503{quote}"),
            ];
            assert!(
                found.starts_with(&ends[0]) && found.ends_with(&ends[1]),
                "{found}"
            );
        }
    }
}
