//! Which requests are wanted.

use std::collections::HashMap;
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
/// everything, also what is absent.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Option<GlobSet>);

impl Patterns {
    /// Reads patterns.
    ///
    /// # Errors
    /// If one is no pattern; the message names it.
    pub fn new(patterns: &[String]) -> Result<Patterns, String> {
        if patterns.is_empty() {
            return Ok(Patterns(None));
        }
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            let glob = GlobBuilder::new(pattern)
                .case_insensitive(true)
                .backslash_escape(false)
                .literal_separator(false)
                .build()
                .map_err(|error| format!("'{pattern}' is not a usable pattern: {error}"))?;
            set.add(glob);
        }
        set.build()
            .map(|set| Patterns(Some(set)))
            .map_err(|error| error.to_string())
    }

    /// Whether one of these texts is wanted.
    pub fn match_any<'a>(&self, texts: impl IntoIterator<Item = &'a [u8]>) -> bool {
        let Some(set) = &self.0 else { return true };
        texts
            .into_iter()
            .any(|text| set.is_match(&*String::from_utf8_lossy(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let patterns =
            |list: &[&str]| Patterns::new(&list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>());
        let all = patterns(&[]).unwrap();
        assert!(all.match_any([]));
        let some = patterns(&["CONTOSO\\j*", "anne"]).unwrap();
        assert!(some.match_any([&b"contoso\\jdoe"[..]]));
        assert!(some.match_any([&b"x"[..], b"Anne"]));
        assert!(!some.match_any([&b"joanne"[..]]));
        assert!(!some.match_any([]));
        assert!(
            patterns(&["MSFT-WP/*"])
                .unwrap()
                .match_any([&b"MSFT-WP/7.0.7004"[..]])
        );
        assert!(
            patterns(&["[z-a]"])
                .unwrap_err()
                .starts_with("'[z-a]' is not a usable pattern")
        );
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
