//! The manifest of a store: what it knows of every file, and which tables belong to it.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use eas_log_parse::{FaultKind, FieldLayout, Header, Tally};
use serde::{Deserialize, Serialize};

use super::print::{Print, hash};
use super::values::{read_text, write_text};
use crate::facts::Counts;
use crate::ingest::{FileQuality, FileState, MalformedLine};

/// Version of the form of a store. A store of another is not read.
pub(super) const SCHEMA: u32 = 4;

/// What a store holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// The zone whose days part the facts.
    pub(super) zone: String,
    /// How often facts were written. Tables have it in their names, so that none is written over.
    pub(super) revision: u64,
    /// The number that the next source gets.
    pub(super) next_source: u32,
    /// The files that were read, by number.
    pub(super) sources: BTreeMap<u32, SourceEntry>,
    /// What each path held when it was last looked at.
    pub(super) looks: BTreeMap<String, Look>,
    /// The days before this one were dropped.
    pub(super) pruned_before: Option<i32>,
    /// The tables of each day, by its name.
    pub(super) days: BTreeMap<String, Vec<TableFile>>,
}

/// A file that was read, known by its content.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SourceEntry {
    /// A path that holds it, or the last that did.
    pub(super) name: String,
    /// The store that it was merged from, by the name of its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) origin: Option<String>,
    /// What was read of it.
    pub(super) print: Print,
    /// Whether that does not end with a line break, as the last line of an archive need not.
    pub(super) mid_line: bool,
    /// The last `#Fields`.
    pub(super) fields: Option<String>,
    /// The day of the last `#Date`.
    pub(super) date: Option<String>,
    /// Times of the first and the last record.
    pub(super) period: Option<(i64, i64)>,
    /// Lines by kind.
    pub(super) lines: Lines,
    /// Values that did not have their form.
    pub(super) bad_values: u64,
    /// Requests of senders that are too many to be told apart.
    #[serde(default)]
    pub(super) not_told_apart: u64,
    /// The first lines that could not be read.
    pub(super) malformed: Vec<Malformed>,
    /// The error that ended the reading.
    pub(super) error: Option<String>,
    /// How many records of each kind on each day.
    pub(super) days: BTreeMap<String, DayCounts>,
    /// The same of days whose tables are gone: they were dropped, or were damaged and could not be
    /// read again.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) dropped: BTreeMap<String, DayCounts>,
    /// The days with runs that may go on.
    pub(super) open_days: Vec<String>,
}

/// Lines by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lines {
    pub(super) blank: u64,
    pub(super) directives: u64,
    pub(super) records: u64,
    pub(super) malformed: BTreeMap<String, u64>,
}

/// A line that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Malformed {
    pub(super) line: u64,
    pub(super) kind: String,
    pub(super) what: String,
}

/// How many records of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DayCounts {
    pub(super) requests: u64,
    pub(super) probes: u64,
    pub(super) internal: u64,
    pub(super) other: u64,
}

impl DayCounts {
    pub(super) fn of(counts: &Counts) -> DayCounts {
        DayCounts {
            requests: counts.requests,
            probes: counts.probes,
            internal: counts.internal,
            other: counts.other,
        }
    }

    pub(super) fn add(&mut self, other: DayCounts) {
        self.requests += other.requests;
        self.probes += other.probes;
        self.internal += other.internal;
        self.other += other.other;
    }
}

/// What a path held when it was last looked at, and by what that is known to be so still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Look {
    pub(super) stamp: Stamp,
    pub(super) held: Held,
    /// Whether a last line without its end waits to be completed.
    pub(super) waits: bool,
    /// What it held before, as long as what it holds now does not tell whether it is that anew.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) before: Vec<Holding>,
}

impl Look {
    /// What of sources it holds or held.
    pub(super) fn holdings(&self) -> impl Iterator<Item = Holding> {
        let now = match self.held {
            Held::Source(holding) => Some(holding),
            Held::Skipped(_) => None,
        };
        now.into_iter().chain(self.before.iter().copied())
    }

    /// The source that it holds.
    pub(super) fn source(&self) -> Option<u32> {
        match self.held {
            Held::Source(holding) => Some(holding.source),
            Held::Skipped(_) => None,
        }
    }
}

/// How much of a source is in a place. A copy of its beginning is less than all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Holding {
    /// The source, by number.
    pub(super) source: u32,
    pub(super) bytes: u64,
    /// The digest of their print.
    pub(super) digest: u64,
}

/// Length and time of the last change, as the file system tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) seconds: u64,
    pub(super) nanos: u32,
}

/// What a path holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Held {
    /// A source, or its beginning.
    Source(Holding),
    /// No log: why.
    Skipped(String),
}

/// A table of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableFile {
    /// Name of the table.
    pub(super) table: String,
    /// Path within the store.
    pub(super) path: String,
    /// Length in bytes.
    pub(super) bytes: u64,
    /// Hash of the bytes.
    pub(super) hash: String,
}

impl Manifest {
    pub(super) fn new(zone: &str) -> Manifest {
        Manifest {
            zone: zone.to_owned(),
            revision: 0,
            next_source: 1,
            sources: BTreeMap::new(),
            looks: BTreeMap::new(),
            pruned_before: None,
            days: BTreeMap::new(),
        }
    }

    /// The manifest as a file: JSON with a hash of its own.
    pub(super) fn to_bytes(&self) -> anyhow::Result<Vec<u8>> {
        let body = serde_json::to_string(self)?;
        let check = hash(body.as_bytes());
        Ok(
            format!("{{\"schema\":{SCHEMA},\"check\":\"{check}\",\"store\":{body}}}\n")
                .into_bytes(),
        )
    }

    /// The manifest of a file.
    pub(super) fn of_bytes(bytes: &[u8]) -> anyhow::Result<Manifest> {
        let text = std::str::from_utf8(bytes).context("it is not UTF-8")?;
        let rest = text
            .strip_prefix("{\"schema\":")
            .context("it does not begin as a manifest does")?;
        let (schema, rest) = rest
            .split_once(",\"check\":\"")
            .context("it does not begin as a manifest does")?;
        if schema != SCHEMA.to_string() {
            bail!(OtherSchema(schema.to_owned()));
        }
        let (check, rest) = rest
            .split_once("\",\"store\":")
            .context("it does not begin as a manifest does")?;
        let body = rest.strip_suffix("}\n").context("its end is missing")?;
        if hash(body.as_bytes()) != check {
            bail!("its content does not match its hash");
        }
        serde_json::from_str(body).context("its content is not that of a manifest")
    }
}

/// A store of another form.
#[derive(Debug)]
pub(super) struct OtherSchema(String);

impl std::fmt::Display for OtherSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the store has form {}, and this program reads form {SCHEMA}: use the version that wrote \
             it, or a new folder",
            self.0
        )
    }
}

impl std::error::Error for OtherSchema {}

impl SourceEntry {
    /// All of it, as held in a place.
    pub(super) fn holding(&self, source: u32) -> Holding {
        Holding {
            source,
            bytes: self.print.bytes,
            digest: self.print.digest(),
        }
    }

    /// Takes note that the tables of a day have nothing of it any more.
    pub(super) fn drop_day(&mut self, day: &str) {
        if let Some(counts) = self.days.remove(day) {
            self.dropped.entry(day.to_owned()).or_default().add(counts);
        }
        self.open_days.retain(|open| open != day);
    }

    /// The header in force at the end of what was read.
    pub(super) fn header(&self, fallback: &Header) -> Header {
        let fields = self.fields.as_deref().and_then(|f| read_text(f).ok());
        let date = self.date.as_deref().and_then(|date| date.parse().ok());
        match fields {
            None => fallback.clone(),
            Some(fields) => Header::new(Some(FieldLayout::parse(&fields)), date),
        }
    }

    pub(super) fn set_header(&mut self, header: &Header) {
        self.fields = header.layout().map(|layout| {
            let names: Vec<&[u8]> = layout.names().collect();
            write_text(&names.join(&b' '))
        });
        self.date = header.date().map(|date| date.to_string());
    }

    /// Number of lines that were read.
    pub(super) fn line_count(&self) -> u64 {
        self.tally().lines()
    }

    pub(super) fn tally(&self) -> Tally {
        let mut tally = Tally::default();
        tally.blank = self.lines.blank;
        tally.directives = self.lines.directives;
        tally.records = self.lines.records;
        for kind in FaultKind::ALL {
            let lines = self.lines.malformed.get(kind.name());
            tally.count_malformed(kind, lines.copied().unwrap_or(0));
        }
        tally
    }

    pub(super) fn set_tally(&mut self, tally: &Tally) {
        self.lines = Lines {
            blank: tally.blank,
            directives: tally.directives,
            records: tally.records,
            malformed: FaultKind::ALL
                .into_iter()
                .filter(|&kind| tally.malformed_as(kind) > 0)
                .map(|kind| (kind.name().to_owned(), tally.malformed_as(kind)))
                .collect(),
        };
    }

    /// How well the file could be read.
    pub(super) fn quality(&self) -> FileQuality {
        let kind = |name: &str| FaultKind::ALL.into_iter().find(|kind| kind.name() == name);
        FileQuality {
            name: self.name.clone(),
            state: match &self.error {
                None => FileState::Read,
                Some(error) => FileState::Broken(error.clone()),
            },
            bytes: self.print.bytes,
            tally: self.tally(),
            bad_values: self.bad_values,
            not_told_apart: self.not_told_apart,
            malformed: self
                .malformed
                .iter()
                .filter_map(|bad| {
                    Some(MalformedLine {
                        line: bad.line,
                        kind: kind(&bad.kind)?,
                        what: bad.what.clone(),
                    })
                })
                .collect(),
        }
    }
}

impl From<&MalformedLine> for Malformed {
    fn from(bad: &MalformedLine) -> Malformed {
        Malformed {
            line: bad.line,
            kind: bad.kind.name().to_owned(),
            what: bad.what.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read_as_it_was_written_or_not_at_all() {
        let mut manifest = Manifest::new("Europe/Berlin");
        manifest.sources.insert(
            1,
            SourceEntry {
                name: "u_ex110506.log".to_owned(),
                ..SourceEntry::default()
            },
        );
        let bytes = manifest.to_bytes().unwrap();
        assert_eq!(Manifest::of_bytes(&bytes).unwrap(), manifest);
        assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(Manifest::of_bytes(&damaged).is_err(), "byte {at}");
            assert!(Manifest::of_bytes(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
