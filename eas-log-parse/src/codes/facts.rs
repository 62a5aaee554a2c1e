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

/// What is known of an entry of a throttling budget. Case matters.
pub fn budget_key(key: &str) -> Option<&'static Fact> {
    BUDGET_KEYS.iter().find(|fact| fact.name == key)
}

/// What a value of an element means, where values have meanings of their own. Case matters.
pub fn element_value(element: &str, value: &str) -> Option<&'static Fact> {
    let element = match element {
        "Filter1" | "Filts" => "Filt",
        other => other,
    };
    VALUES
        .iter()
        .find(|(of, fact)| *of == element && fact.name == value)
        .map(|(_, fact)| fact)
}

/// What the letters of a count mean. Case matters.
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
        ];
        assert_eq!(lengths, [23, 16, 26, 19]);
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
