//! The elements of `Log=`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table;

/// What is known of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ElementInfo {
    /// Identifier, case-sensitive.
    pub name: &'static str,
    /// Whether it belongs to the request or to a folder in it.
    pub scope: Scope,
    /// Form of the value, in words.
    pub value_type: &'static str,
    /// Unit; empty if it has none.
    pub unit: &'static str,
    /// Name of the property behind it; in parentheses if inferred.
    pub internal_name: &'static str,
    /// Meaning; empty if only the name is known.
    pub meaning: &'static str,
    /// Exchange versions that write it.
    pub versions: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

/// What an element describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum Scope {
    /// The request.
    Request,
    /// A folder of the request; see [`Collection`](crate::Collection).
    Folder,
}

static ELEMENTS: LazyLock<Vec<ElementInfo>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/elements.tsv"))
        .map(
            |[
                name,
                scope,
                value_type,
                unit,
                internal_name,
                meaning,
                versions,
                evidence,
                source,
            ]| {
                ElementInfo {
                    name,
                    scope: if scope == "folder" {
                        Scope::Folder
                    } else {
                        Scope::Request
                    },
                    value_type,
                    unit,
                    internal_name,
                    meaning,
                    versions,
                    evidence,
                    source,
                }
            },
        )
        .collect()
});

static BY_NAME: LazyLock<HashMap<&str, &ElementInfo>> = LazyLock::new(|| {
    ELEMENTS
        .iter()
        .map(|element| (element.name, element))
        .collect()
});

/// Every element that is known, in the order in which Exchange 2013 writes them.
pub fn elements() -> &'static [ElementInfo] {
    &ELEMENTS
}

/// What is known of an element. Case matters.
///
/// ```
/// use eas_log_parse::codes;
/// let heartbeat = codes::element("Hb").unwrap();
/// assert_eq!((heartbeat.unit, heartbeat.evidence), ("s", "D,X,S"));
/// ```
pub fn element(identifier: &str) -> Option<&'static ElementInfo> {
    BY_NAME.get(identifier).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        assert_eq!(elements().len(), 148);
        assert_eq!(BY_NAME.len(), 148, "names are distinct");
        assert_eq!(
            elements()
                .iter()
                .filter(|e| e.scope == Scope::Folder)
                .count(),
            26
        );
        assert_eq!(element("Hb").unwrap().unit, "s");
        assert!(element("hb").is_none(), "names are case-sensitive");
    }
}
