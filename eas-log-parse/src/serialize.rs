//! `Serialize` for the types that are views into a log: as what they say, not as what they are.
//!
//! There is no `Deserialize`: a view needs the log that it looks at.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{
    Activity, ActivityMeasure, Base64Parameter, Base64Query, Budget, BudgetEntry, BudgetSnapshot,
    ChangeCounts, Collection, Command, EasLog, EasQuery, Element, Encoded, Escaped, FaultKind,
    Field, FieldLayout, Line, Malformed, Record, Tally,
};

/// Bytes of a log as text; what is not UTF-8 or could steer a terminal is escaped.
fn text(bytes: &[u8]) -> String {
    Escaped(bytes).to_string()
}

/// Percent-encoded text becomes its decoded form.
impl Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(&self.decode()))
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Serialize for FieldLayout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names().map(text))
    }
}

impl Serialize for Command<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Tally {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("lines", &self.lines())?;
        map.serialize_entry("blank", &self.blank)?;
        map.serialize_entry("directives", &self.directives)?;
        map.serialize_entry("records", &self.records)?;
        for kind in FaultKind::ALL
            .into_iter()
            .filter(|&kind| self.malformed_as(kind) > 0)
        {
            map.serialize_entry(kind.name(), &self.malformed_as(kind))?;
        }
        map.end()
    }
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("position", &self.position)?;
        map.serialize_entry("text", &text(self.bytes))?;
        map.serialize_entry("terminated", &self.terminated)?;
        map.end()
    }
}

impl Serialize for Malformed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("line", &self.line)?;
        map.serialize_entry("fault", &self.fault)?;
        map.end()
    }
}

/// A record becomes an object of its values by the names of their fields; `-` becomes null.
impl Serialize for Record<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = (0..self.len()).map(|column| self.value(column).map(text));
        serializer.collect_map(self.layout().names().map(text).zip(values))
    }
}

/// A query becomes an object of its pairs, with `Log` decoded into its elements.
impl Serialize for EasQuery<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for pair in self.pairs() {
            if pair.key.eq_ignore_ascii_case(b"Log") {
                map.serialize_entry(&text(pair.key), &pair.value.map(EasLog::new))?;
            } else {
                map.serialize_entry(&text(pair.key), &pair.value.map(Encoded::new))?;
            }
        }
        map.end()
    }
}

/// A `Log=` value becomes an array of its elements.
impl Serialize for EasLog<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.legacy() {
            Some(legacy) => legacy.serialize(serializer),
            None => serializer.collect_seq(self.elements()),
        }
    }
}

/// An element becomes its name and its value, decoded as far as its name tells how.
impl Serialize for Element<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("name", &text(self.identifier()))?;
        match self.identifier() {
            b"Budget" => map.serialize_entry("value", &Budget::new(self.value()))?,
            b"ActivityContextData" => {
                map.serialize_entry("value", &Activity::new(self.value()))?;
            }
            b"Cli" | b"Srv" | b"Svr" => {
                map.serialize_entry("value", &ChangeCounts::new(self.value()))?;
            }
            _ => map.serialize_entry("value", &text(&self.text().decode_form()))?,
        }
        map.end()
    }
}

impl Serialize for Collection<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.elements())
    }
}

impl Serialize for ChangeCounts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.iter()
                .map(|(letters, digits)| (text(letters), text(digits))),
        )
    }
}

impl Serialize for Budget<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.snapshots())
    }
}

impl Serialize for BudgetSnapshot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("phase", &self.phase())?;
        for entry in self.entries() {
            map.serialize_entry(&text(entry.key()), &entry)?;
        }
        map.end()
    }
}

impl Serialize for BudgetEntry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl Serialize for Activity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.entries())
    }
}

impl Serialize for ActivityMeasure<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(4))?;
        map.serialize_entry("kind", &self.kind())?;
        map.serialize_entry("name", &text(self.name()))?;
        map.serialize_entry("instance", &self.instance())?;
        map.serialize_entry("value", &self.value())?;
        map.end()
    }
}

impl Serialize for Base64Query {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("protocol_version", &self.protocol_version())?;
        map.serialize_entry("command", &self.command())?;
        map.serialize_entry("locale", &self.locale())?;
        map.serialize_entry("device_id", &self.device_id())?;
        map.serialize_entry("policy_key", &self.policy_key())?;
        map.serialize_entry("device_type", &text(self.device_type()))?;
        map.serialize_entry("parameters", &self.parameters().collect::<Vec<_>>())?;
        map.serialize_entry("truncated", &self.is_truncated())?;
        map.end()
    }
}

impl Serialize for Base64Parameter<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("tag", &self.tag)?;
        map.serialize_entry("name", &self.name())?;
        map.serialize_entry("value", &text(self.value))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Base64Query, Entry, LogSlice};

    #[test]
    fn a_record_and_its_query_as_json() {
        let mut log = LogSlice::new(
            b"#Fields: time cs-uri-stem cs-uri-query sc-status\n\
            11:30:11 /Microsoft-Server-ActiveSync Cmd=Sync&User=a%5Cb&Log=V121_Srv:1a0c_Budget:(D)Conn%3a1_ -\n",
        );
        log.next_entry();
        let Some(Entry::Record(record)) = log.next_entry() else {
            panic!()
        };
        let json = serde_json::to_value(record).unwrap();
        assert_eq!(json["time"], "11:30:11");
        assert_eq!(json["sc-status"], serde_json::Value::Null);
        let json = serde_json::to_value(record.eas().unwrap()).unwrap();
        assert_eq!(json["User"], "a\\b");
        assert_eq!(
            json["Log"][0],
            serde_json::json!({ "name": "V", "value": "121" })
        );
        assert_eq!(json["Log"][1]["value"]["a"], "1");
        assert_eq!(
            json["Log"][2]["value"][0],
            serde_json::json!({ "phase": "disposed", "Conn": "1" })
        );
    }

    #[test]
    fn a_base64_query_as_json() {
        let query = Base64Query::parse(b"jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l").unwrap();
        let json = serde_json::to_value(query).unwrap();
        assert_eq!(json["device_id"], "v140Device");
        assert_eq!(json["policy_key"], serde_json::Value::Null);
        assert_eq!(json["protocol_version"], 140);
    }
}
