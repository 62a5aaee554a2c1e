//! Who a request is from.

use std::borrow::Cow;

/// A user or computer account, as logs name it: `user`, `DOMAIN\user` or `user@domain`.
///
/// One person stands in a log under several of these, and a report that keeps them apart counts one
/// person several times. [`Account::key`] folds them together.
///
/// ```
/// use eas_log_parse::Account;
/// let account = Account::parse(b"CONTOSO\\JDoe");
/// assert_eq!(account.domain, Some(&b"CONTOSO"[..]));
/// assert_eq!(account.name, b"JDoe");
/// assert_eq!(account.key(), Account::parse(b"jdoe@contoso.com").key());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account<'a> {
    /// The domain, NetBIOS or DNS, where the text has one.
    pub domain: Option<&'a [u8]>,
    /// The name within the domain.
    pub name: &'a [u8],
}

impl<'a> Account<'a> {
    /// Reads decoded text.
    ///
    /// ```
    /// use eas_log_parse::Account;
    /// assert_eq!(&*Account::parse(b"CONTOSO\\Jane.Doe").key(), "jane.doe");
    /// assert_eq!(&*Account::parse(b"jane.doe@contoso.com").key(), "jane.doe");
    /// assert!(Account::parse(b"CONTOSO\\CAS01$").is_computer());
    /// ```
    pub fn parse(text: &'a [u8]) -> Account<'a> {
        if let Some(at) = memchr::memrchr(b'\\', text) {
            return Account {
                domain: Some(&text[..at]),
                name: &text[at + 1..],
            };
        }
        match memchr::memrchr(b'@', text) {
            Some(at) if at > 0 => Account {
                domain: Some(&text[at + 1..]),
                name: &text[..at],
            },
            _ => Account {
                domain: None,
                name: text,
            },
        }
    }

    /// Whether it is the account of a computer: one server passed on a request to another, and the
    /// user stands in the query.
    pub fn is_computer(&self) -> bool {
        self.name.ends_with(b"$")
    }

    /// The name in lower case without its domain: equal for every way to write one account, and
    /// also for accounts of one name in several domains. Bytes that are not UTF-8 become `\xNN`.
    pub fn key(&self) -> Cow<'a, str> {
        // `DOMAIN\user@upn` names the domain twice.
        let name = match memchr::memchr(b'@', self.name) {
            Some(at) if at > 0 => &self.name[..at],
            _ => self.name,
        };
        match core::str::from_utf8(name) {
            Ok(text) if !text.chars().any(char::is_uppercase) => Cow::Borrowed(text),
            Ok(text) => Cow::Owned(text.to_lowercase()),
            Err(_) => Cow::Owned(crate::Escaped(name).to_string().to_lowercase()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_has_one_key() {
        let same = [
            "jdoe",
            "JDoe",
            "CONTOSO\\jdoe",
            "jdoe@contoso.com",
            "contoso\\JDOE@contoso.com",
        ];
        for text in same {
            assert_eq!(Account::parse(text.as_bytes()).key(), "jdoe", "{text}");
        }
        assert_eq!(Account::parse("ÄNNE@x".as_bytes()).key(), "änne");
        assert_eq!(Account::parse(b"\xc4NNE").key(), "\\xc4nne");
        assert_eq!(Account::parse(b"@x").key(), "@x");
        assert_eq!(Account::parse(b"").key(), "");
    }

    #[test]
    fn computers() {
        assert!(Account::parse(b"CONTOSO\\CAS01$").is_computer());
        assert!(!Account::parse(b"CONTOSO\\cash$flow").is_computer());
    }
}
