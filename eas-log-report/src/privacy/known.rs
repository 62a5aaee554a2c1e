//! Names that stand within other texts.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use eas_log_parse::{Account, DeviceId, Encoded, codes, device_type, os_of_device_type};

use super::Pseudonyms;
use crate::facts::FoldedTable;

/// Shorter names are not looked for: as likely they are a part of a version or a word.
const SHORTEST_NAME: usize = 4;

/// The names of some logs, to be found where they stand within another text: a client may put a user
/// into its user agent, and an error may tell a server.
///
/// A text is cut into words, and a word that is a name, an address of a mailbox, or lies in a domain
/// of a name is replaced. A name that is also a word of the protocol, such as a user called
/// `android`, cannot be told from it and stays.
pub(crate) struct Known<'p> {
    pseudonyms: &'p Pseudonyms,
    words: HashMap<Vec<u8>, String>,
    domains: HashSet<Vec<u8>>,
}

impl<'p> Known<'p> {
    pub(super) fn new(pseudonyms: &'p Pseudonyms) -> Known<'p> {
        Known {
            pseudonyms,
            words: HashMap::new(),
            domains: HashSet::new(),
        }
    }

    /// Takes note of a user, as logged.
    pub(crate) fn user(&mut self, raw: &[u8]) {
        let decoded = Encoded::new(raw).decode();
        let account = Account::parse(&decoded);
        let pseudonym = self.pseudonyms.user(raw);
        self.learn(account.key().as_bytes(), pseudonym);
        if let Some(domain) = account.domain {
            self.learn(domain, self.pseudonyms.host(domain));
            if domain.contains(&b'.') {
                self.domains.insert(domain.to_ascii_lowercase());
            }
        }
    }

    /// Takes note of a device, as logged.
    pub(crate) fn device(&mut self, raw: &[u8]) {
        let decoded = Encoded::new(raw).decode();
        let pseudonym = self.pseudonyms.device(raw);
        self.learn(&decoded, pseudonym.clone());
        self.learn(DeviceId::new(&decoded).key().as_bytes(), pseudonym);
    }

    /// Takes note of a server or an address.
    pub(crate) fn host(&mut self, raw: &[u8]) {
        let pseudonym = self.pseudonyms.host(raw);
        let is_address = raw
            .iter()
            .all(|b| b.is_ascii_hexdigit() || b".:%".contains(b));
        if let Some(dot) = memchr::memchr(b'.', raw).filter(|_| !is_address) {
            self.learn(&raw[..dot], pseudonym.clone());
            self.domains.insert(raw[dot + 1..].to_ascii_lowercase());
        }
        self.learn(raw, pseudonym);
    }

    fn learn(&mut self, name: &[u8], pseudonym: String) {
        if name.len() >= SHORTEST_NAME && !is_word_of_the_protocol(name) {
            self.words.insert(name.to_ascii_lowercase(), pseudonym);
        }
    }

    /// A text, as logged, without the names in it; nothing if there is none in it.
    pub(crate) fn hide(&self, raw: &[u8]) -> Option<Vec<u8>> {
        let plain = self.hide_words(raw);
        if !raw.contains(&b'%') {
            return plain;
        }
        // Encoded, a name can be cut where it is none.
        let decoded = Encoded::new(raw).decode();
        self.hide_words(&decoded).or(plain)
    }

    /// The same for a text that is shown.
    pub(super) fn hide_in(&self, text: &mut String) {
        if let Some(hidden) = self.hide_words(text.as_bytes()) {
            *text = String::from_utf8_lossy(&hidden).into_owned();
        }
    }

    /// The same for all texts of a table.
    pub(super) fn hide_in_table(&self, table: &mut FoldedTable) {
        table.rename(|_, raw| self.hide(raw));
    }

    fn hide_words(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut hidden = Vec::new();
        self.hide_parts(text, JOINTS, &mut hidden).then_some(hidden)
    }

    /// Writes a text without the names in it, and says whether there was one. What is no name as a
    /// whole is cut at the first of the joints, and its parts at the others.
    fn hide_parts(&self, text: &[u8], joints: &[IsJoint], hidden: &mut Vec<u8>) -> bool {
        let [is_joint, finer @ ..] = joints else {
            hidden.extend_from_slice(text);
            return false;
        };
        let mut is_changed = false;
        for part in text.chunk_by(|&a, &b| is_joint(a) == is_joint(b)) {
            match self.pseudonym(part) {
                Some(pseudonym) => {
                    is_changed = true;
                    hidden.extend_from_slice(pseudonym.as_bytes());
                }
                None => is_changed |= self.hide_parts(part, finer, hidden),
            }
        }
        is_changed
    }

    fn pseudonym(&self, word: &[u8]) -> Option<Cow<'_, str>> {
        if word.len() < SHORTEST_NAME {
            return None;
        }
        let lower = word.to_ascii_lowercase();
        if let Some(known) = self.words.get(&lower) {
            return Some(Cow::Borrowed(known));
        }
        let at = memchr::memchr(b'@', &lower);
        if at.is_some_and(|at| at > 0 && at + 1 < lower.len()) {
            return Some(Cow::Owned(self.pseudonyms.user(word)));
        }
        // A host in a domain that is known, or with a part that is.
        let dots = memchr::memchr_iter(b'.', &lower);
        let is_in_domain = { dots }.any(|dot| self.domains.contains(&lower[dot + 1..]));
        let parts = || lower.split(|&b| b == b'.').filter(|part| !part.is_empty());
        let has_name = || parts().count() > 1 && parts().any(|part| self.words.contains_key(part));
        (is_in_domain || self.domains.contains(&lower) || has_name())
            .then(|| Cow::Owned(self.pseudonyms.host(word)))
    }
}

/// Whether a byte parts names.
type IsJoint = fn(u8) -> bool;

/// Where a text is cut: between words, of which a backslash parts a domain from a user; and within
/// them where a name may be joined with something else.
const JOINTS: &[IsJoint] = &[
    |byte| !(byte.is_ascii_alphanumeric() || !byte.is_ascii() || b".-_@$".contains(&byte)),
    |byte| byte == b'-' || byte == b'_',
    |byte| byte == b'.',
];

fn is_word_of_the_protocol(name: &[u8]) -> bool {
    let is_code = |name: &str| codes::error(name).is_some() || codes::command(name).is_some();
    device_type(name).is_some()
        || os_of_device_type(name).is_some()
        || std::str::from_utf8(name).is_ok_and(is_code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_texts() {
        let pseudonyms = Pseudonyms::new(b"a key for tests only").unwrap();
        let mut known = Known::new(&pseudonyms);
        known.user(b"CONTOSO\\JDoe");
        known.user(b"mia@fabrikam.example");
        known.user(b"android");
        known.device(b"Appl5K0239F4A4S");
        known.host(b"CAS01.contoso.com");
        known.host(b"192.0.2.7");
        let (user, device) = (
            pseudonyms.user(b"jdoe"),
            pseudonyms.device(b"Appl5K0239F4A4S"),
        );
        let (cas, mbx) = (
            pseudonyms.host(b"CAS01.contoso.com"),
            pseudonyms.host(b"mbx9.CONTOSO.com"),
        );
        let cases = [
            ("Mail/1.0 (jdoe)", format!("Mail/1.0 ({user})")),
            (
                "contoso%5Cjdoe",
                format!("{}\\{user}", pseudonyms.host(b"contoso")),
            ),
            ("x:appl5k0239f4a4s", format!("x:{device}")),
            ("Phone-Appl5K0239F4A4S_2", format!("Phone-{device}_2")),
            ("no answer of cas01.", format!("no answer of {cas}.")),
            ("mbx9.CONTOSO.com:443", format!("{mbx}:443")),
            (
                "for other@elsewhere.example",
                format!("for {}", pseudonyms.user(b"other")),
            ),
            ("192.0.2.7", pseudonyms.host(b"192.0.2.7")),
        ];
        for (text, want) in cases {
            let found = known.hide(text.as_bytes()).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), want, "{text}");
        }
        for text in [
            "Android/2.3.3-EAS-1.2",
            "Apple-iPhone3C1/801.293",
            "jdoes",
            "%",
            "",
        ] {
            assert_eq!(known.hide(text.as_bytes()), None, "{text}");
        }
    }
}
