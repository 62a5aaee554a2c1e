//! Small tables: fields, parameters, commands, budget entries, counts, and values of elements.

use std::sync::LazyLock;

use super::table;

/// What is known of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Fact {
    /// The name, or the value.
    pub name: &'static str,
    /// Unit; empty if it has none.
    pub unit: &'static str,
    /// Meaning.
    pub meaning: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

type Table = LazyLock<Vec<Fact>>;

/// A table whose first column is the name.
fn named(text: &'static str) -> Vec<Fact> {
    table::rows(text)
        .map(|[name, unit, meaning, evidence, source]| Fact {
            name,
            unit,
            meaning,
            evidence,
            source,
        })
        .collect()
}

/// A table of names within groups.
fn grouped(text: &'static str) -> Vec<(&'static str, Fact)> {
    table::rows(text)
        .map(|[group, name, meaning, evidence, source]| {
            (
                group,
                Fact {
                    name,
                    unit: "",
                    meaning,
                    evidence,
                    source,
                },
            )
        })
        .collect()
}

static FIELDS: Table = LazyLock::new(|| named(include_str!("../../data/fields.tsv")));
static PARAMETERS: Table = LazyLock::new(|| named(include_str!("../../data/parameters.tsv")));
static COMMANDS: Table = LazyLock::new(|| named(include_str!("../../data/commands.tsv")));
static ACTIVITY: Table = LazyLock::new(|| named(include_str!("../../data/activity.tsv")));
static ACTIVITY_ENDINGS: Table =
    LazyLock::new(|| named(include_str!("../../data/activity-endings.tsv")));
/// Commands of base64-encoded queries by their code, as text.
static BASE64_COMMANDS: Table = LazyLock::new(|| {
    table::rows(include_str!("../../data/base64-commands.tsv"))
        .map(|[code, command, evidence, source]| Fact {
            name: code,
            unit: "",
            meaning: command,
            evidence,
            source,
        })
        .collect()
});
/// Parameters of base64-encoded queries by their tag, as text.
static BASE64_PARAMETERS: Table = LazyLock::new(|| {
    table::rows(include_str!("../../data/base64-params.tsv"))
        .map(|[tag, name, _, _, evidence, source]| Fact {
            name: tag,
            unit: "",
            meaning: name,
            evidence,
            source,
        })
        .collect()
});
static BUDGET_KEYS: Table = LazyLock::new(|| named(include_str!("../../data/budget-keys.tsv")));
static VALUES: LazyLock<Vec<(&str, Fact)>> =
    LazyLock::new(|| grouped(include_str!("../../data/element-values.tsv")));
static LETTERS: LazyLock<Vec<(&str, Fact)>> =
    LazyLock::new(|| grouped(include_str!("../../data/count-letters.tsv")));

fn find(table: &'static [Fact], name: &str) -> Option<&'static Fact> {
    table
        .iter()
        .find(|fact| fact.name.eq_ignore_ascii_case(name))
}

/// Every field that is known.
pub fn fields() -> &'static [Fact] {
    &FIELDS
}

/// Every parameter of a query that is known.
pub fn parameters() -> &'static [Fact] {
    &PARAMETERS
}

/// Every command that is known.
pub fn commands() -> &'static [Fact] {
    &COMMANDS
}

/// Every entry of a throttling budget that is known.
pub fn budget_keys() -> &'static [Fact] {
    &BUDGET_KEYS
}

/// Every measure of an [`Activity`](crate::Activity) that is known, without its ending.
pub fn activity_measures() -> &'static [Fact] {
    &ACTIVITY
}

/// What is known of a field, by its name in `#Fields`, without regard to case.
pub fn field(name: &str) -> Option<&'static Fact> {
    find(&FIELDS, name)
}

/// What is known of a parameter of a query, without regard to case.
pub fn parameter(name: &str) -> Option<&'static Fact> {
    find(&PARAMETERS, name)
}

/// What is known of a command, without regard to case.
pub fn command(name: &str) -> Option<&'static Fact> {
    find(&COMMANDS, name)
}

/// What is known of a measure of an [`Activity`](crate::Activity), and of the ending of its name,
/// which says how it was measured. Case matters.
///
/// ```
/// use eas_log_parse::codes;
/// let (searches, count) = codes::activity_measure("ADS.C");
/// assert!(searches.unwrap().meaning.starts_with("searches in Active Directory"));
/// assert_eq!(count.unwrap().unit, "count");
/// assert_eq!(codes::activity_measure("WLM.Bal").1, None);
/// ```
pub fn activity_measure(name: &str) -> (Option<&'static Fact>, Option<&'static Fact>) {
    let of = |table: &'static [Fact], name: &str| table.iter().find(|fact| fact.name == name);
    if let Some(whole) = of(&ACTIVITY, name) {
        return (Some(whole), None);
    }
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    (of(&ACTIVITY, stem), of(&ACTIVITY_ENDINGS, ending))
}

/// What is known of the code of a command in a base64-encoded query: its name, as meaning.
pub fn base64_command(code: u8) -> Option<&'static Fact> {
    find(&BASE64_COMMANDS, &code.to_string())
}

/// What is known of the tag of a parameter in a base64-encoded query: its name, as meaning.
///
/// ```
/// use eas_log_parse::codes;
/// assert_eq!(codes::base64_parameter(7).unwrap().meaning, "Options");
/// assert_eq!(codes::base64_parameter(255).unwrap().evidence, "S");
/// ```
pub fn base64_parameter(tag: u8) -> Option<&'static Fact> {
    find(&BASE64_PARAMETERS, &tag.to_string())
}

/// What is known of an entry of a throttling budget. Case matters.
///
/// ```
/// use eas_log_parse::codes;
/// assert_eq!(codes::budget_key("Balance").unwrap().unit, "ms");
/// ```
pub fn budget_key(key: &str) -> Option<&'static Fact> {
    BUDGET_KEYS.iter().find(|fact| fact.name == key)
}

/// Every value of an element that has a meaning of its own, with the element.
pub fn element_values() -> impl ExactSizeIterator<Item = (&'static str, &'static Fact)> {
    VALUES.iter().map(|(element, fact)| (*element, fact))
}

/// What a value of an element means, where values have meanings of their own. Case matters.
///
/// ```
/// use eas_log_parse::codes;
/// assert_eq!(codes::element_value("Filt", "3").unwrap().meaning, "1 week");
/// assert_eq!(codes::element_value("Ty", "em"), None);
/// ```
pub fn element_value(element: &str, value: &str) -> Option<&'static Fact> {
    let element = match element {
        "Filter1" | "Filts" => "Filt",
        "Ver1" => "V",
        other => other,
    };
    VALUES
        .iter()
        .find(|(of, fact)| *of == element && fact.name == value)
        .map(|(_, fact)| fact)
}

/// The letters of every count that is known, and whether the server sends what they count.
pub fn all_count_letters() -> impl ExactSizeIterator<Item = (bool, &'static Fact)> {
    LETTERS.iter().map(|(side, fact)| (*side == "server", fact))
}

/// What the letters of a count mean. Case matters; see
/// [`ChangeCounts::is_upper_case`](crate::ChangeCounts::is_upper_case).
pub fn count_letters(from_server: bool, letters: &str) -> Option<&'static Fact> {
    let side = if from_server { "server" } else { "client" };
    LETTERS
        .iter()
        .find(|(of, fact)| *of == side && fact.name == letters)
        .map(|(_, fact)| fact)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Field};

    #[test]
    fn the_tables_read_and_agree_with_the_types() {
        let lengths = [
            FIELDS.len(),
            PARAMETERS.len(),
            COMMANDS.len(),
            BUDGET_KEYS.len(),
            ACTIVITY.len(),
            ACTIVITY_ENDINGS.len(),
        ];
        assert_eq!(lengths, [23, 17, 26, 19, 19, 3]);
        assert_eq!((BASE64_COMMANDS.len(), BASE64_PARAMETERS.len()), (24, 10));
        assert_eq!((VALUES.len(), LETTERS.len()), (33, 15));
        for name in Field::ALL {
            assert!(field(name.name()).is_some(), "{name}");
        }
        for name in Command::ALL {
            assert!(command(&name.to_string()).is_some(), "{name}");
        }
        for code in 0..9 {
            let fact = element_value("Filt", &code.to_string()).unwrap();
            assert_eq!(crate::FilterType(code).window(), Some(fact.meaning));
        }
        for (element, _) in VALUES.iter() {
            assert!(super::super::element(element).is_some(), "{element}");
        }
    }

    #[test]
    fn case_matters_where_it_does() {
        assert!(field("CS-USERNAME").is_some() && parameter("cmd").is_some());
        assert_ne!(count_letters(true, "a"), count_letters(true, "A"));
        assert!(count_letters(false, "sd").is_none());
        assert!(budget_key("conn").is_none());
    }
}
