//! The values of the element `Error`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::class::Class;
use super::table;

/// What is known of an error name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ErrorName {
    /// The name; one that ends in `*` stands for all names that begin so.
    pub name: &'static str,
    /// What kind of thing it says.
    pub class: Class,
    /// HTTP status that goes with it; empty if unknown.
    pub http_status: &'static str,
    /// EAS status that goes with it; empty if unknown.
    pub eas_status: &'static str,
    /// Meaning; empty if unknown.
    pub meaning: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

static ERRORS: LazyLock<Vec<ErrorName>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/errors.tsv"))
        .map(
            |[
                name,
                class,
                http_status,
                eas_status,
                meaning,
                evidence,
                source,
            ]| ErrorName {
                name,
                class: Class::from_name(class).expect("a class of the table"),
                http_status,
                eas_status,
                meaning,
                evidence,
                source,
            },
        )
        .collect()
});

static EXACT: LazyLock<HashMap<&str, &ErrorName>> =
    LazyLock::new(|| ERRORS.iter().map(|error| (error.name, error)).collect());

/// Every error name that is known. The list is not complete: Exchange makes names at run time.
pub fn error_names() -> &'static [ErrorName] {
    &ERRORS
}

/// What is known of one error name. Case matters.
///
/// ```
/// use eas_log_parse::codes::{self, Class};
/// let error = codes::error("DeviceNotProvisioned").unwrap();
/// assert_eq!((error.class, error.eas_status), (Class::Provisioning, "142"));
/// ```
pub fn error(name: &str) -> Option<&'static ErrorName> {
    if let Some(error) = EXACT.get(name) {
        return Some(error);
    }
    ERRORS.iter().find(|e| {
        e.name
            .strip_suffix('*')
            .is_some_and(|start| name.starts_with(start))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        assert_eq!(error_names().len(), 172);
        assert_eq!(EXACT.len(), ERRORS.len(), "names are distinct");
        assert_eq!(
            error("DeviceNotProvisioned").unwrap().class,
            Class::Provisioning
        );
        assert_eq!(error("PingCollisionDetected").unwrap().class, Class::Benign);
    }

    #[test]
    fn names_with_a_varying_end() {
        assert_eq!(
            error("DupeSupportedTags-42").unwrap().name,
            "DupeSupportedTags-*"
        );
        assert_eq!(
            error("AirSyncPermanentException:").unwrap().class,
            Class::Server
        );
        assert!(error("NeverHeardOf").is_none());
    }
}
