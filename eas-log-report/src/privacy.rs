//! Pseudonyms in the place of names, so that a report can go to somebody else.
//!
//! Users, device ids, servers, addresses and folders of files become pseudonyms that are the same for
//! the same name and key, in every report. Names are replaced before anything is made of the facts,
//! so that no output can show one. Of a line that is shown only what is known to name nobody is kept.

use std::collections::HashSet;

use eas_log_parse::{Account, DeviceId, EasLog, EasQuery, Encoded, Field};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::facts::{Latest, TextId};
use crate::ingest::{Ingested, Kept};

/// Shortest key, in bytes.
const SHORTEST_KEY: usize = 16;

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
const PLAIN_FIELDS: [Field; 13] = [
    Field::Date,
    Field::Time,
    Field::SSitename,
    Field::CsMethod,
    Field::CsUriStem,
    Field::SPort,
    Field::CsVersion,
    Field::CsUserAgent,
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

    fn user(&self, raw: &[u8]) -> String {
        let decoded = Encoded::new(raw).decode();
        self.of("user", Account::parse(&decoded).key().as_bytes())
    }

    fn device(&self, raw: &[u8]) -> String {
        let decoded = Encoded::new(raw).decode();
        self.of("device", DeviceId::new(&decoded).key().as_bytes())
    }

    fn host(&self, raw: &[u8]) -> String {
        self.of("host", &raw.to_ascii_lowercase())
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
        texts
            .users
            .rename(|_, raw| Some(self.user(raw).into_bytes()));
        texts
            .devices
            .rename(|_, raw| Some(self.device(raw).into_bytes()));
        texts.servers.rename(|raw| self.host(raw).into_bytes());
        texts
            .values
            .rename(|text, raw| named.contains(&text).then(|| self.host(raw).into_bytes()));
        for kept in &mut ingested.kept {
            self.apply_to_line(kept);
        }
        for file in &mut ingested.quality.files {
            file.name = self.path(&file.name);
            for bad in &mut file.malformed {
                // What is said of a malformed line shows a part of it.
                bad.what = bad.kind.name().to_owned();
            }
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
    fn path(&self, path: &str) -> String {
        let parts: Vec<&str> = path
            .split(['/', '\\'])
            .filter(|part| !part.is_empty())
            .collect();
        let renamed: Vec<String> = parts
            .iter()
            .map(|part| {
                let lower = part.to_ascii_lowercase();
                let is_site = lower.strip_prefix("w3svc").is_some_and(is_number);
                let stem = lower.split('.').next().unwrap_or_default();
                let stem = stem.trim_start_matches("u_").trim_end_matches("_x");
                let is_log = ["ex", "nc", "in"]
                    .iter()
                    .any(|prefix| stem.strip_prefix(prefix).is_some_and(is_number));
                if is_site || is_log {
                    (*part).to_owned()
                } else {
                    self.of("path", part.as_bytes())
                }
            })
            .collect();
        renamed.join("/")
    }

    fn apply_to_line(&self, kept: &mut Kept) {
        kept.user = self.user(&kept.user).into_bytes();
        kept.device = self.device(&kept.device).into_bytes();
        kept.server = self.host(&kept.server).into_bytes();
        kept.line = self.line(&kept.line, &kept.fields);
    }

    /// A line of which only what names nobody is as it was.
    fn line(&self, line: &[u8], fields: &[Option<Field>]) -> Vec<u8> {
        let values: Vec<Vec<u8>> = line
            .split(|&b| b == b' ')
            .enumerate()
            .map(
                |(column, value)| match (fields.get(column).copied().flatten(), value) {
                    (_, b"-") => b"-".to_vec(),
                    (Some(field), _) if PLAIN_FIELDS.contains(&field) => value.to_vec(),
                    (Some(Field::TimeTaken), _) => value.to_vec(),
                    (Some(Field::CsUsername), _) => self.user(value).into_bytes(),
                    (Some(Field::CsUriQuery), _) => self.query(value),
                    _ => self.host(value).into_bytes(),
                },
            )
            .collect();
        values.join(&b' ')
    }

    fn query(&self, raw: &[u8]) -> Vec<u8> {
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
                    b"cmd" | b"devicetype" => value.to_vec(),
                    b"log" => self.log(value),
                    // A key that nobody knows may be a name.
                    _ => return b"...".to_vec(),
                };
                [key, b"=", &renamed].concat()
            })
            .collect();
        pairs.join(&b'&')
    }

    fn log(&self, raw: &[u8]) -> Vec<u8> {
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
                let is_number = element
                    .value()
                    .iter()
                    .all(|b| b.is_ascii_digit() || *b == b':' || *b == b'-');
                if is_plain || is_number {
                    element.raw().to_vec()
                } else {
                    [name, b":..."].concat()
                }
            })
            .collect();
        elements.join(&b'_')
    }
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
        assert!(!p.path("contoso.log").contains("contoso"));
    }

    #[test]
    fn a_line_keeps_what_names_nobody() {
        use Field::{CIp, CsUriQuery, CsUsername, Date, ScStatus};
        let p = pseudonyms();
        let line = b"2011-05-06 User=jdoe&DeviceId=D1&Cmd=Sync&SaveInSent=T&Log=V121_Fc1_Fid:5_Ty:Em_\
                     Mbx:MBX1.contoso.com_Error:OverBudget_Budget:(D)Owner%3aSid%7ejdoe_ CONTOSO\\jdoe \
                     192.0.2.7 503";
        let fields = [Date, CsUriQuery, CsUsername, CIp, ScStatus].map(Some);
        let found = String::from_utf8(p.line(line, &fields)).unwrap();
        for secret in ["jdoe", "D1", "contoso", "MBX1", "192.0.2.7"] {
            assert!(!found.contains(secret), "{secret} in {found}");
        }
        for kept in [
            "2011-05-06 User=user-",
            "Cmd=Sync",
            "Fid:5",
            "Ty:Em",
            "OverBudget",
            " 503",
        ] {
            assert!(found.contains(kept), "{kept} not in {found}");
        }
    }
}
