//! Which requests are wanted.

use std::collections::HashMap;
use std::sync::Arc;

use eas_log_parse::{Account, DeviceId, Encoded, Escaped};
use globset::GlobMatcher;

use crate::input::wildcards;

/// When users moved from one system to another.
#[derive(Clone, Debug, Default)]
pub struct Cutover {
    /// The time of all users that have none of their own, in seconds since 1970-01-01 00:00:00 UTC.
    pub for_all: Option<i64>,
    /// The times of users, by account in lower case without its domain.
    pub of_users: HashMap<String, i64>,
}

/// One side of a cutover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutoverSide {
    /// Before it.
    Before,
    /// At it, or after.
    After,
}

/// Which requests are wanted. The default wants all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Earliest time, in seconds since 1970-01-01 00:00:00 UTC.
    pub since: Option<i64>,
    /// First time that is no longer wanted.
    pub before: Option<i64>,
    /// Users: as logged, or the account alone.
    pub users: Patterns,
    /// Device ids.
    pub devices: Patterns,
    /// Device types.
    pub device_types: Patterns,
    /// User agents.
    pub user_agents: Patterns,
    /// Only one side of a cutover.
    pub cutover: Option<(Arc<Cutover>, CutoverSide)>,
}

/// Times that are wanted: from the first on, before the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Window {
    since: i64,
    before: i64,
}

impl Default for Window {
    fn default() -> Self {
        Window {
            since: i64::MIN,
            before: i64::MAX,
        }
    }
}

impl Window {
    /// Whether a request of this time is wanted. One without a time is wanted unless times matter.
    #[inline]
    pub(super) fn has(self, time: Option<i64>) -> bool {
        match time {
            Some(time) => (self.since..self.before).contains(&time),
            None => (self.since, self.before) == (i64::MIN, i64::MAX),
        }
    }
}

impl Filter {
    /// Whether no user, device or client is named.
    pub(super) fn names_nothing(&self) -> bool {
        let patterns = [
            &self.users,
            &self.devices,
            &self.device_types,
            &self.user_agents,
        ];
        patterns.iter().all(|patterns| patterns.0.is_none())
    }

    /// The times that are wanted of a user, by its key; `None` if none are.
    pub(super) fn window(&self, user: Option<&[u8]>) -> Option<Window> {
        let mut window = Window {
            since: self.since.unwrap_or(i64::MIN),
            before: self.before.unwrap_or(i64::MAX),
        };
        if let Some((cutover, side)) = &self.cutover {
            let own = user
                .and_then(|user| std::str::from_utf8(user).ok())
                .and_then(|user| cutover.of_users.get(user));
            let time = own.copied().or(cutover.for_all)?;
            match side {
                CutoverSide::Before => window.before = window.before.min(time),
                CutoverSide::After => window.since = window.since.max(time),
            }
        }
        Some(window)
    }
}

/// Patterns of which one must match, with `*` and `?`, without regard to case. None at all match
/// everything, also what is absent. They match names as they are logged, decoded, and however else the
/// same name is written: what a report counts as one is found by any form of it.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Option<Vec<Pattern>>);

#[derive(Clone, Debug)]
enum Pattern {
    /// An account by its key.
    User(String),
    /// Accounts by their keys, and by their domain if one was typed.
    Users {
        domain: Option<GlobMatcher>,
        name: GlobMatcher,
    },
    /// A device by its key.
    Device(String),
    /// Devices by their keys.
    Devices(GlobMatcher),
    Text(GlobMatcher),
}

impl Patterns {
    /// Patterns of users, as `jdoe`, `CONTOSO\jdoe` or `jdoe@contoso.com`. As in reports, an account
    /// is one in all of these forms. Where several are wanted of a domain, accounts that are logged
    /// without a domain are taken to be of it.
    ///
    /// # Errors
    /// If one is empty or too large; the message names it.
    pub fn users(typed: &[String]) -> Result<Patterns, String> {
        Patterns::new(typed, |typed| {
            let account = Account::parse(typed.as_bytes());
            let name = account.key();
            if !has_wildcards(typed) {
                return Ok(Pattern::User(name.into_owned()));
            }
            let domain = account.domain.map(first_label);
            Ok(Pattern::Users {
                domain: domain.map(|domain| any_case(&domain)).transpose()?,
                name: any_case(&name)?,
            })
        })
    }

    /// Patterns of device ids.
    ///
    /// # Errors
    /// If one is empty or too large; the message names it.
    pub fn devices(typed: &[String]) -> Result<Patterns, String> {
        Patterns::new(typed, |typed| match has_wildcards(typed) {
            true => any_case(typed).map(Pattern::Devices),
            false => Ok(Pattern::Device(device_key(typed.as_bytes()))),
        })
    }

    /// Patterns of other texts. A blank stands also for the `+` that IIS writes in its place.
    ///
    /// # Errors
    /// If one is empty or too large; the message names it.
    pub fn texts(typed: &[String]) -> Result<Patterns, String> {
        Patterns::new(typed, |typed| {
            any_case(&typed.replace(' ', "+")).map(Pattern::Text)
        })
    }

    fn new(
        typed: &[String],
        read: impl Fn(&str) -> Result<Pattern, globset::Error>,
    ) -> Result<Patterns, String> {
        let patterns = typed.iter().map(|typed| match typed.is_empty() {
            true => {
                Err("expected a name, with * or ? for any characters, found nothing".to_owned())
            }
            false => {
                read(typed).map_err(|error| format!("'{typed}' is not a usable pattern: {error}"))
            }
        });
        let patterns: Vec<Pattern> = patterns.collect::<Result<_, _>>()?;
        Ok(Patterns((!patterns.is_empty()).then_some(patterns)))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Whether one of these texts, as they are logged, is wanted.
    pub fn match_any<'a>(&self, texts: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let Some(patterns) = &self.0 else { return true };
        texts.into_iter().any(|text| {
            let decoded = Encoded::new(text).decode();
            patterns
                .iter()
                .any(|pattern| pattern.matches(text, &decoded))
        })
    }
}

impl Pattern {
    fn matches(&self, raw: &[u8], decoded: &[u8]) -> bool {
        match self {
            Pattern::User(key) => Account::parse(decoded).key() == *key,
            Pattern::Users { domain, name } => {
                let account = Account::parse(decoded);
                let of_domain = match (domain, account.domain) {
                    (Some(wanted), Some(domain)) => wanted.is_match(first_label(domain)),
                    _ => true,
                };
                of_domain && name.is_match(&*account.key())
            }
            Pattern::Device(key) => device_key(decoded) == *key,
            Pattern::Devices(ids) => {
                ids.is_match(shown(decoded)) || ids.is_match(device_key(decoded))
            }
            Pattern::Text(texts) => [raw, decoded]
                .iter()
                .any(|text| texts.is_match(shown(text).replace(' ', "+"))),
        }
    }
}

fn has_wildcards(typed: &str) -> bool {
    typed.contains(['*', '?'])
}

fn any_case(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    wildcards(pattern, false, true)
}

fn device_key(decoded: &[u8]) -> String {
    DeviceId::new(decoded).key().into_owned()
}

/// What the NetBIOS and the DNS name of a domain have in common, as a rule.
fn first_label(domain: &[u8]) -> String {
    let label = domain.split(|&byte| byte == b'.').next();
    shown(label.unwrap_or_default())
}

fn shown(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => Escaped(text).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&pattern| pattern.to_owned()).collect()
    }

    #[test]
    fn a_user_is_found_by_every_form_of_the_name() {
        let forms = [
            "jdoe",
            "JDoe",
            "CONTOSO\\JDoe",
            "Contoso%5Cjdoe",
            "jdoe@contoso.com",
            "JDOE%40contoso.com",
        ];
        let others = [
            "",
            "joanne",
            "CONTOSO\\jd",
            "xjdoe@contoso.com",
            "jdoe\\anne",
            "CONTOSO\\CAS1$",
        ];
        for pattern in [
            "jdoe",
            "contoso\\jdoe",
            "JDoe@contoso.com",
            "JDO?",
            "contoso\\jdo*",
            "jdoe*@contoso.com",
            "con*\\JDOE",
        ] {
            let patterns = Patterns::users(&typed(&[pattern])).unwrap();
            for form in forms {
                assert!(patterns.match_any([form.as_bytes()]), "{pattern}: {form}");
            }
            for other in others {
                assert!(
                    !patterns.match_any([other.as_bytes()]),
                    "{pattern}: {other}"
                );
            }
        }
        let of_domain = Patterns::users(&typed(&["CONTOSO\\*"])).unwrap();
        for (form, want) in [
            ("CONTOSO\\anne", true),
            ("anne@contoso.com", true),
            ("anne", true),
            ("FABRIKAM\\anne", false),
            ("anne@fabrikam.com", false),
        ] {
            assert_eq!(of_domain.match_any([form.as_bytes()]), want, "{form}");
        }
    }

    #[test]
    fn a_device_is_found_by_every_form_of_its_id() {
        for pattern in [
            "nine4383af346860",
            "NINE*60",
            "4e696e65343338334146333436383630",
        ] {
            let patterns = Patterns::devices(&typed(&[pattern])).unwrap();
            for form in [
                "Nine4383AF346860",
                "4E696E65343338334146333436383630",
                "%4eine4383AF346860",
            ] {
                assert!(patterns.match_any([form.as_bytes()]), "{pattern}: {form}");
            }
            assert!(!patterns.match_any([&b"Nine4383AF346861"[..]]), "{pattern}");
        }
        let hexadecimal = Patterns::devices(&typed(&["4E69*"])).unwrap();
        assert!(hexadecimal.match_any([&b"4E696E65343338334146333436383630"[..]]));
    }

    #[test]
    fn only_the_star_and_the_question_mark_are_wildcards() {
        let texts = |pattern: &str| Patterns::texts(&typed(&[pattern])).unwrap();
        for (pattern, text, want) in [
            ("MSFT-WP/*", "MSFT-WP/7.0.7004", true),
            ("MSFT-WP/?.0.*", "msft-wp/7.0.7004", true),
            ("[z-a]", "[Z-A]", true),
            ("[ab]", "a", false),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("a\\*", "a\\b", true),
            ("Mail for Exchange", "Mail+for+Exchange", true),
            ("Mail+for+*", "Mail+for+Exchange", true),
            ("Mail for Exchange", "Mail%20for%20Exchange", true),
            ("iPhone", "iPhone3C1", false),
        ] {
            assert_eq!(
                texts(pattern).match_any([text.as_bytes()]),
                want,
                "{pattern}: {text}"
            );
        }
        let some = Patterns::texts(&typed(&["iPhone", "iPad"])).unwrap();
        assert!(some.match_any([&b"x"[..], b"ipad"]));
        assert!(!some.match_any([]));
        let all = Patterns::texts(&[]).unwrap();
        assert!(all.is_empty() && all.match_any([]));
        let error = Patterns::users(&typed(&["jdoe", ""])).unwrap_err();
        assert!(error.starts_with("expected a name"), "{error}");
    }

    #[test]
    fn times() {
        let filter = Filter {
            since: Some(10),
            before: Some(20),
            ..Filter::default()
        };
        let window = filter.window(None).unwrap();
        let wanted: Vec<i64> = (8..22).filter(|&t| window.has(Some(t))).collect();
        assert_eq!(wanted, (10..20).collect::<Vec<_>>());
        assert!(!window.has(None));
        assert!(Filter::default().window(None).unwrap().has(None));
    }

    #[test]
    fn users_have_their_own_cutover() {
        let cutover = Arc::new(Cutover {
            for_all: Some(100),
            of_users: HashMap::from([("jdoe".to_owned(), 50)]),
        });
        let window = |half, user: &[u8]| {
            let filter = Filter {
                cutover: Some((Arc::clone(&cutover), half)),
                ..Filter::default()
            };
            filter.window(Some(user)).unwrap()
        };
        for (user, time) in [(&b"jdoe"[..], 50), (b"mia", 100)] {
            assert!(window(CutoverSide::Before, user).has(Some(time - 1)));
            assert!(!window(CutoverSide::Before, user).has(Some(time)));
            assert!(!window(CutoverSide::After, user).has(Some(time - 1)));
            assert!(window(CutoverSide::After, user).has(Some(time)));
        }
        let only = Filter {
            cutover: Some((Arc::default(), CutoverSide::After)),
            ..Filter::default()
        };
        assert_eq!(only.window(Some(b"mia")), None);
    }
}
