//! What the arguments mean.

use anyhow::{Context, anyhow, ensure};
use eas_log_parse::{FieldLayout, Header};

use super::args::{ReadArgs, ShareArgs};
use super::time::parse_time;
use crate::ingest::{Filter, Options, Patterns};
use crate::privacy::Pseudonyms;

/// More threads than this cost memory and gain nothing.
const MOST_THREADS: usize = 256;

/// What is to be read, with every default in place.
pub(super) struct Plan {
    /// How to read.
    pub(super) options: Options,
    /// The filters, as they were typed.
    pub(super) filters: Vec<(String, String)>,
    /// How much may be malformed, and how that was typed.
    pub(super) limit: Option<(Limit, String)>,
    /// Pseudonyms for names, if they are wanted.
    pub(super) pseudonyms: Option<Pseudonyms>,
}

impl Plan {
    pub(super) fn new(args: &ReadArgs) -> anyhow::Result<Plan> {
        let defaults = Options::default();
        let threads = args.threads.unwrap_or(defaults.threads);
        ensure!(
            threads > 0,
            "--threads 0: expected at least one thread; leave it out for one for each processor"
        );
        let fallback = match &args.fields {
            None => Header::default(),
            Some(names) => Header::with_layout(layout(names)?),
        };
        let pseudonyms = pseudonyms(&args.share)?;
        let mut filters = typed_filters(args);
        if let Some(pseudonyms) = &pseudonyms {
            pseudonyms.apply_to_filters(&mut filters);
        }
        Ok(Plan {
            pseudonyms,
            options: Options {
                filter: filter(args)?,
                threads: threads.min(MOST_THREADS),
                keep_lines: false,
                piece_size: args.piece_size.unwrap_or(defaults.piece_size),
                fallback,
            },
            filters,
            limit: args
                .max_malformed
                .as_deref()
                .map(|typed| Ok::<_, anyhow::Error>((Limit::parse(typed)?, typed.to_owned())))
                .transpose()?,
        })
    }
}

/// The pseudonyms of a key file, if there is one.
pub(super) fn pseudonyms(args: &ShareArgs) -> anyhow::Result<Option<Pseudonyms>> {
    let Some(path) = &args.pseudonymize else {
        return Ok(None);
    };
    let key = std::fs::read(path)
        .with_context(|| format!("--pseudonymize {}: cannot be read", path.display()))?;
    let pseudonyms =
        Pseudonyms::new(&key).map_err(|why| anyhow!("--pseudonymize {}: {why}", path.display()))?;
    Ok(Some(pseudonyms))
}

/// The layout that `--fields` names.
pub(super) fn layout(names: &str) -> anyhow::Result<FieldLayout> {
    let names = names.trim().trim_start_matches("#Fields:");
    let layout = FieldLayout::parse(names.as_bytes());
    ensure!(
        !layout.is_empty(),
        "--fields: expected names as after #Fields:, such as 'date time s-ip cs-method'"
    );
    Ok(layout)
}

fn filter(args: &ReadArgs) -> anyhow::Result<Filter> {
    let time = |option: &str, text: &Option<String>| {
        text.as_deref()
            .map(|text| parse_time(text).map_err(|why| anyhow!("--{option} {text}: {why}")))
            .transpose()
    };
    let named = |option: &'static str| move |why| anyhow!("--{option}: {why}");
    let filter = Filter {
        since: time("since", &args.since)?.map(|(start, _)| start),
        before: time("until", &args.until)?.map(|(_, end)| end),
        users: Patterns::users(&args.user).map_err(named("user"))?,
        devices: Patterns::devices(&args.device).map_err(named("device"))?,
        device_types: Patterns::texts(&args.device_type).map_err(named("device-type"))?,
        user_agents: Patterns::texts(&args.user_agent).map_err(named("user-agent"))?,
        cutover: None,
    };
    if let (Some(since), Some(before)) = (filter.since, filter.before) {
        ensure!(
            since < before,
            "--since is later than --until: no request can be between them"
        );
    }
    Ok(filter)
}

/// The filters as they were typed, for the report to say what it is about.
fn typed_filters(args: &ReadArgs) -> Vec<(String, String)> {
    let once = [("since", &args.since), ("until", &args.until)];
    let many = [
        ("user", &args.user),
        ("device", &args.device),
        ("device-type", &args.device_type),
        ("user-agent", &args.user_agent),
    ];
    let once = once
        .into_iter()
        .filter_map(|(option, value)| Some((option, value.as_ref()?)));
    let many = many
        .into_iter()
        .flat_map(|(option, values)| values.iter().map(move |v| (option, v)));
    once.chain(many)
        .map(|(option, value)| (option.to_owned(), value.clone()))
        .collect()
}

/// How much may be malformed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Limit {
    /// A number of lines.
    Lines(u64),
    /// A share of all lines, in percent.
    Percent(f64),
}

impl Limit {
    fn parse(text: &str) -> anyhow::Result<Limit> {
        let limit = match text.strip_suffix('%') {
            Some(share) => share.trim().parse().map(Limit::Percent).ok(),
            None => text.parse().map(Limit::Lines).ok(),
        };
        limit
            .filter(|limit| match limit {
                Limit::Lines(_) => true,
                Limit::Percent(share) => (0.0..=100.0).contains(share),
            })
            .with_context(|| {
                format!(
                    "--max-malformed {text}: expected a number of lines such as 100, or a share of \
                     all from 0% to 100% such as 0.1%"
                )
            })
    }

    /// Whether so many malformed of so many lines are too many.
    pub(super) fn is_exceeded(self, malformed: u64, lines: u64) -> bool {
        match self {
            Limit::Lines(limit) => malformed > limit,
            Limit::Percent(limit) => malformed as f64 * 100.0 > limit * lines as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert_eq!(Limit::parse("10").unwrap(), Limit::Lines(10));
        assert_eq!(Limit::parse("0.5%").unwrap(), Limit::Percent(0.5));
        for bad in ["", "many", "-1", "101%", "nan%", "%"] {
            assert!(Limit::parse(bad).is_err(), "{bad}");
        }
        assert!(Limit::Lines(0).is_exceeded(1, 10));
        assert!(!Limit::Percent(10.0).is_exceeded(1, 10));
        assert!(Limit::Percent(9.9).is_exceeded(1, 10));
        assert!(!Limit::Percent(0.0).is_exceeded(0, 0));
    }
}
