//! Access states and their reasons.

use std::sync::LazyLock;

use super::table;
use crate::eas::{AccessReason, AccessState};

/// What is known of an access state, a reason, or a composed value of `As`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct AccessCode {
    /// `state`, `reason` or `combined`.
    pub kind: &'static str,
    /// Name, or the composed value.
    pub name: &'static str,
    /// Letters of a reason in logs.
    pub letters: &'static str,
    /// Meaning.
    pub meaning: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
    /// What else is to be said.
    pub note: &'static str,
}

static ACCESS: LazyLock<Vec<AccessCode>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/access-states.tsv"))
        .map(
            |[kind, _, name, letters, _, meaning, evidence, source, note]| AccessCode {
                kind,
                name,
                letters,
                meaning,
                evidence,
                source,
                note,
            },
        )
        .collect()
});

/// Every state, reason and composed value that is known.
pub fn access_states() -> &'static [AccessCode] {
    &ACCESS
}

/// What is known of a state.
///
/// ```
/// use eas_log_parse::{AccessState, codes};
/// assert_eq!(codes::access_state(AccessState::Allowed).unwrap().meaning, "device may sync");
/// ```
pub fn access_state(state: AccessState) -> Option<&'static AccessCode> {
    ACCESS
        .iter()
        .find(|code| code.kind == "state" && code.name == state.name())
}

/// What is known of a reason. Letters that stand for several reasons give all of them.
pub fn access_reason(reason: AccessReason) -> impl Iterator<Item = &'static AccessCode> {
    ACCESS
        .iter()
        .filter(move |code| code.kind == "reason" && code.letters == reason.letters())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eas::Access;

    #[test]
    fn the_table_reads_and_agrees_with_the_types() {
        assert_eq!(access_states().len(), 50);
        let mut values = 0;
        for code in access_states() {
            match code.kind {
                "state" | "combined" => {
                    let access = Access::parse(code.name.as_bytes()).unwrap();
                    assert_eq!(access.to_string(), code.name);
                    values += 1;
                }
                "reason" => {
                    let reason = AccessReason::all()
                        .find(|r| r.letters() == code.letters)
                        .unwrap();
                    assert!(reason.name().contains(code.name), "{}", code.name);
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!(values, 34);
        for reason in AccessReason::all() {
            assert!(access_reason(reason).count() > 0, "{reason:?}");
        }
        assert_eq!(access_reason(AccessReason::UpgradeOrUnknown).count(), 2);
        assert!(
            access_state(AccessState::Quarantined)
                .unwrap()
                .meaning
                .contains("administrator")
        );
    }
}
