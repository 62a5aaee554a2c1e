//! What a code, a name, a user agent or a whole line means.
//!
//! Everything is explained as a tree of parts, each with its value in words, its meaning and the
//! evidence for it. What is not known is a part like any other, and says so.

mod code;
mod line;
mod query;
mod value;

use eas_log_parse::{FieldLayout, Header};

pub use line::{LineAt, explain_line, line_at};

/// A part of what is explained.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// What kind of thing it is, such as `HTTP status` or `element`.
    pub kind: &'static str,
    /// Its name, as it stands.
    pub name: String,
    /// Its value, decoded, with its unit.
    pub value: Option<String>,
    /// What it means; none if that is not known.
    pub meaning: Option<String>,
    /// What else is to be said: causes, units, versions.
    pub notes: Vec<String>,
    /// Evidence marks; empty where nothing is claimed.
    pub evidence: String,
    /// Source identifiers.
    pub source: String,
    /// The parts that it is made of.
    pub parts: Vec<Part>,
}

impl Part {
    fn new(kind: &'static str, name: impl Into<String>) -> Part {
        Part {
            kind,
            name: name.into(),
            ..Part::default()
        }
    }

    fn value(mut self, value: impl Into<String>) -> Part {
        self.value = Some(value.into());
        self
    }

    fn meaning(mut self, meaning: impl Into<String>) -> Part {
        let meaning = meaning.into();
        self.meaning = (!meaning.is_empty()).then_some(meaning);
        self
    }

    fn note(mut self, label: &str, note: &str) -> Part {
        if !note.is_empty() {
            self.notes.push(if label.is_empty() {
                note.into()
            } else {
                format!("{label}: {note}")
            });
        }
        self
    }

    fn known_by(mut self, evidence: &str, source: &str) -> Part {
        self.evidence = evidence.into();
        self.source = source.into();
        self
    }

    fn with(mut self, parts: impl IntoIterator<Item = Part>) -> Part {
        self.parts.extend(parts);
        self
    }

    /// Whether nothing is known of it.
    pub fn is_unknown(&self) -> bool {
        self.meaning.is_none() && self.parts.is_empty() && self.evidence.is_empty()
    }
}

/// Explains a subject: a line, a query, a `Log=` value, a code, a name or a user agent. Several
/// parts where it can mean several things; none where it is not known as anything.
pub fn explain(subject: &str, layout: Option<&FieldLayout>) -> Vec<Part> {
    let trimmed = subject.trim();
    if trimmed.split_whitespace().count() >= 8 || trimmed.contains("/Microsoft-Server-ActiveSync") {
        let header = layout.cloned().map(Header::with_layout).unwrap_or_default();
        return vec![explain_line(trimmed.as_bytes(), &header)];
    }
    if let Some(part) = query::recognise(trimmed.as_bytes()) {
        return vec![part];
    }
    code::explain(trimmed)
}

/// Names that are near to one that is not known.
pub fn suggestions(subject: &str) -> Vec<&'static str> {
    code::near(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(subject: &str) -> Vec<(&'static str, String)> {
        explain(subject, None)
            .into_iter()
            .map(|part| (part.kind, part.name))
            .collect()
    }

    #[test]
    fn subjects_are_recognised() {
        let cases: [(&str, &[(&str, &str)]); 14] = [
            ("449", &[("HTTP status", "449")]),
            ("142", &[("EAS status", "142")]),
            ("401.2", &[("IIS substatus", "401.2")]),
            ("1326", &[("Windows status", "1326")]),
            ("0x8009030e", &[("Windows status", "2148074254")]),
            (
                "DeviceNotProvisioned",
                &[("error", "DeviceNotProvisioned"), ("EAS status", "142")],
            ),
            ("BlockedP", &[("access state", "BlockedP")]),
            ("RpcL", &[("element", "RpcL")]),
            ("FolderSync", &[("command", "FolderSync")]),
            ("cs-username", &[("field", "cs-username")]),
            ("MaxBurst", &[("budget entry", "MaxBurst")]),
            (
                "Apple-iPhone3C1/801.293",
                &[("user agent", "Apple-iPhone3C1/801.293")],
            ),
            ("V121_Pk0_As:BlockedP_", &[("Log", "Log")]),
            ("Nonsense", &[]),
        ];
        for (subject, want) in cases {
            let want: Vec<_> = want
                .iter()
                .map(|&(kind, name)| (kind, name.to_owned()))
                .collect();
            assert_eq!(kinds(subject), want, "{subject}");
        }
        assert!(
            kinds("3")
                .iter()
                .filter(|(kind, _)| *kind == "EAS status")
                .count()
                > 5
        );
    }

    #[test]
    fn near_names_are_suggested() {
        assert_eq!(
            suggestions("DeviceNotProvisoned").first(),
            Some(&"DeviceNotProvisioned")
        );
        assert!(suggestions("zzzzzzzzzzzz").is_empty());
    }
}
