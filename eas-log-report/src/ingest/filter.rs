//! Which requests are wanted.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

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
}

impl Filter {
    /// Whether a request of this time is wanted. One without a time is wanted unless times matter.
    #[inline]
    pub fn wants_time(&self, time: Option<i64>) -> bool {
        if self.since.is_none() && self.before.is_none() {
            return true;
        }
        time.is_some_and(|time| {
            self.since.is_none_or(|since| time >= since)
                && self.before.is_none_or(|before| time < before)
        })
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
        let wanted: Vec<i64> = (8..22).filter(|&t| filter.wants_time(Some(t))).collect();
        assert_eq!(wanted, (10..20).collect::<Vec<_>>());
        assert!(!filter.wants_time(None));
        assert!(Filter::default().wants_time(None));
    }
}
