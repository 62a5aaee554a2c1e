//! `Serialize` for the types that are views into a log: as what they say, not as what they are.
//!
//! There is no `Deserialize`: a view needs the log that it looks at.

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::{
    Account, Activity, ActivityMeasure, Base64Parameter, Base64Query, Budget, BudgetEntry,
    BudgetSnapshot, ChangeCounts, Collection, CollectionClass, Command, DeviceId, Directive,
    EasLog, EasQuery, Element, ElementValue, Encoded, Entry, Escaped, FaultKind, Field,
    FieldLayout, Header, Line, Malformed, Pair, Record, Tally,
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

/// A directive becomes its name and its value: the names of `Fields` as an array, the time of `Date`
/// or null where it is none.
impl Serialize for Directive<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        let value = match self {
            Directive::Fields(layout) => {
                map.serialize_entry("name", "Fields")?;
                map.serialize_entry("value", layout)?;
                return map.end();
            }
            Directive::Date(date) => {
                map.serialize_entry("name", "Date")?;
                let date = date.ok().map(|date| date.to_string());
                map.serialize_entry("value", &date)?;
                return map.end();
            }
            Directive::Software(value) => {
                map.serialize_entry("name", "Software")?;
                value
            }
            Directive::Version(value) => {
                map.serialize_entry("name", "Version")?;
                value
            }
            Directive::Other { name, value } => {
                map.serialize_entry("name", &text(name))?;
                value
            }
        };
        map.serialize_entry("value", &text(value))?;
        map.end()
    }
}

/// A header becomes the names of the fields and the day in force, or null.
impl Serialize for Header {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("fields", &self.layout())?;
        map.serialize_entry("date", &self.date().map(|date| date.to_string()))?;
        map.end()
    }
}

/// An entry becomes an object of one key, which says what it is.
impl Serialize for Entry<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Entry::Blank(line) => map.serialize_entry("blank", line)?,
            Entry::Directive(_, directive) => map.serialize_entry("directive", directive)?,
            Entry::Record(record) => map.serialize_entry("record", record)?,
            Entry::Malformed(malformed) => map.serialize_entry("malformed", malformed)?,
        }
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

impl Serialize for Pair<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("key", &text(self.key))?;
        map.serialize_entry("value", &self.value.map(Encoded::new))?;
        map.end()
    }
}

/// An account becomes its domain, its name and its key.
impl Serialize for Account<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        map.serialize_entry("domain", &self.domain.map(text))?;
        map.serialize_entry("name", &text(self.name))?;
        map.serialize_entry("key", &self.key())?;
        map.end()
    }
}

impl Serialize for DeviceId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.raw()))
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

/// The value of an element becomes its decoded text.
impl Serialize for ElementValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(&self.text().decode_form()))
    }
}

/// A class becomes its code.
impl Serialize for CollectionClass<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(self.code()))
    }
}

/// A folder becomes an array of its elements; that of Exchange 2003, which has none, what it says.
impl Serialize for Collection<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.packed() {
            Some(log) => log.serialize(serializer),
            None => serializer.collect_seq(self.elements()),
        }
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
    use crate::{Account, Base64Query, EasLog, Entry, LogSlice, Pair};
    use serde_json::json;

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
    fn every_kind_of_entry_as_json() {
        let mut log = LogSlice::new(
            b"#Date: 2011-05-06 11:30:11\n#Date: x\n#Fields: time sc-status\n#Remark: a\x1bb\n\n\
            11:30:11 200\n11:30:11\n",
        );
        let mut found = Vec::new();
        while let Some(entry) = log.next_entry() {
            found.push(serde_json::to_value(&entry).unwrap());
        }
        assert_eq!(found.len(), 7);
        let date = json!({"directive": {"name": "Date", "value": "2011-05-06 11:30:11"}});
        assert_eq!(found[0], date);
        assert_eq!(found[1]["directive"]["value"], json!(null));
        assert_eq!(found[2]["directive"]["value"], json!(["time", "sc-status"]));
        assert_eq!(found[3]["directive"]["value"], "a\\x1bb");
        assert_eq!(found[4]["blank"]["text"], "");
        let record = json!({"record": {"time": "11:30:11", "sc-status": "200"}});
        assert_eq!(found[5], record);
        assert_eq!(found[6]["malformed"]["line"]["text"], "11:30:11");
        let header = json!({"fields": ["time", "sc-status"], "date": "2011-05-06"});
        assert_eq!(serde_json::to_value(log.header()).unwrap(), header);
    }

    #[test]
    fn parts_of_requests_as_json() {
        let log = EasLog::new(b"V141_S142_DevOS:iOS+9.2_Fid:5_Ty:Sms_Sk:0_");
        let json = serde_json::to_value(log.summary()).unwrap();
        assert_eq!(json["eas_status"], "142");
        assert_eq!(json["device_os"], "iOS 9.2");
        assert_eq!(json["access"], json!(null));
        let folder = log.collections().next().unwrap();
        let json = serde_json::to_value((&folder, folder.class())).unwrap();
        assert_eq!(json[0][1], json!({"name": "Ty", "value": "Sms"}));
        assert_eq!(json[1], "Sms");
        let packed = EasLog::new(b"V2TCoSSC:0A0C0D0FS:1A0C0D0SP:1C2I105992S109982R");
        let json = serde_json::to_value(packed.collections().next().unwrap()).unwrap();
        assert_eq!(json["class"], "Co");
        assert_eq!(json["server"]["adds"], 1);
        let json = serde_json::to_value(Account::parse(b"CONTOSO\\JDoe")).unwrap();
        assert_eq!(
            json,
            json!({"domain": "CONTOSO", "name": "JDoe", "key": "jdoe"})
        );
        let pair = Pair {
            key: b"User",
            value: Some(b"a%5Cb"),
        };
        let json = serde_json::to_value(pair).unwrap();
        assert_eq!(json, json!({"key": "User", "value": "a\\b"}));
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
