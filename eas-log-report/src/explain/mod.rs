//! What a code, a name, a user agent or a whole line means.
//!
//! Everything is explained as a tree of parts, each with its value in words, its meaning and the
//! evidence for it. What is not known is a part like any other, and says so.

mod code;
mod columns;
mod line;
mod log;
mod query;
mod value;

use eas_log_parse::{Directive, Entry, FieldLayout, Header, LogSlice};

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

/// Whether a text is a line of a log: a directive, or several values.
fn is_line(text: &[u8]) -> bool {
    let words = text.split(u8::is_ascii_whitespace);
    text.starts_with(b"#")
        || words.filter(|word| !word.is_empty()).count() >= 8
        || memchr::memmem::find(text, b"/Microsoft-Server-ActiveSync").is_some()
}

/// Explains a subject: a line, a query, a `Log=` value, an element, a code, a name or a user agent.
/// Several parts where it can mean several things; none where it is not known as anything.
pub fn explain(subject: &[u8], layout: Option<&FieldLayout>) -> Vec<Part> {
    let subject = subject.trim_ascii();
    if is_line(subject) {
        let header = layout.cloned().map(Header::with_layout).unwrap_or_default();
        return vec![explain_line(subject, &header)];
    }
    if let Some(part) = query::recognise(subject) {
        return vec![part];
    }
    let found = match std::str::from_utf8(subject) {
        Ok(word) => code::explain(word),
        Err(_) => Vec::new(),
    };
    if !found.is_empty() {
        return found;
    }
    query::recognise_element(subject).into_iter().collect()
}

/// Explains a text of several lines, each of which is a subject. Directives among them say how the
/// lines below them are read, and are explained themselves only where nothing else is.
pub fn explain_lines(text: &[u8], layout: &mut Option<FieldLayout>) -> Vec<(Vec<u8>, Vec<Part>)> {
    let lines = text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    let only_directives = lines.iter().all(|line| line.starts_with(b"#"));
    let mut explained = Vec::new();
    for line in lines {
        let is_directive = line.starts_with(b"#");
        if is_directive
            && let Some(Entry::Directive(_, Directive::Fields(fields))) =
                LogSlice::new(line).next_entry()
        {
            *layout = Some(fields);
        }
        if !is_directive || only_directives {
            explained.push((line.to_vec(), explain(line, layout.as_ref())));
        }
    }
    explained
}

/// Names that are near to one that is not known.
pub fn suggestions(subject: &str) -> Vec<&'static str> {
    code::near(subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(subject: &str) -> Vec<(&'static str, String)> {
        explain(subject.as_bytes(), None)
            .into_iter()
            .map(|part| (part.kind, part.name))
            .collect()
    }

    #[test]
    fn subjects_are_recognised() {
        let cases: [(&str, &[(&str, &str)]); 46] = [
            ("449", &[("HTTP status", "449")]),
            ("142", &[("EAS status", "142")]),
            ("401.2", &[("IIS substatus", "401.2")]),
            ("449.0", &[("HTTP status", "449")]),
            (
                "401.9",
                &[("HTTP status", "401"), ("IIS substatus", "401.9")],
            ),
            ("1326", &[("Windows status", "1326")]),
            ("0x8009030e", &[("Windows status", "2148074254")]),
            (
                "DeviceNotProvisioned",
                &[("error", "DeviceNotProvisioned"), ("EAS status", "142")],
            ),
            ("BlockedP", &[("access state", "BlockedP")]),
            ("blockedp", &[("access state", "BlockedP")]),
            ("Global", &[("access reason", "Global")]),
            ("global", &[("access reason", "Global")]),
            ("CommandFrequency", &[("access reason", "CommandFrequency")]),
            ("ABO", &[("access reason", "OutOfBudgets")]),
            (
                "Policy",
                &[("access reason", "Policy"), ("budget entry", "Policy")],
            ),
            ("RpcL", &[("element", "RpcL")]),
            ("rpcl", &[("element", "RpcL")]),
            ("SC1:142", &[("element", "SC1")]),
            ("Hb600", &[("element", "Hb")]),
            ("As:BlockedP", &[("element", "As")]),
            ("Error:DeviceNotProvisioned", &[("element", "Error")]),
            ("CmdHC-813709136", &[("element", "CmdHC")]),
            ("FolderSync", &[("command", "FolderSync")]),
            ("Cmd=Ping", &[("query", "cs-uri-query")]),
            ("cs-username", &[("field", "cs-username")]),
            ("maxburst", &[("budget entry", "MaxBurst")]),
            ("ADS.C", &[("measure", "ADS.C")]),
            ("WLM.BT", &[("measure", "WLM.BT")]),
            (
                "Apple-iPhone3C1/801.293",
                &[("user agent", "Apple-iPhone3C1/801.293")],
            ),
            ("iPhone3C1", &[("Apple model", "iPhone3C1")]),
            ("iPhone3,1", &[("Apple model", "iPhone3,1")]),
            ("8A293", &[("iOS build", "8A293")]),
            ("801.293", &[("iOS build", "801.293")]),
            ("iOS 9.2 13C71", &[("operating system", "iOS 9.2 13C71")]),
            ("WP8", &[("device type", "WP8")]),
            ("Outlook", &[("device type", "Outlook")]),
            ("ClassicSkype", &[("device type", "ClassicSkype")]),
            ("Python", &[("device type", "Python")]),
            (
                "EAS-CheckForLock/v1.0",
                &[("user agent", "EAS-CheckForLock/v1.0")],
            ),
            (
                "Microsoft-Server-ActiveSync/6.5.7638.1",
                &[("user agent", "Microsoft-Server-ActiveSync/6.5.7638.1")],
            ),
            (
                "AMProbe/Local/ClientAccess",
                &[("user agent", "AMProbe/Local/ClientAccess")],
            ),
            ("V121_Pk0_As:BlockedP_", &[("Log", "Log")]),
            ("Nonsense", &[]),
            ("foo=bar", &[]),
            ("Zz9:1", &[]),
            ("", &[]),
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
        assert_eq!(suggestions("FolderSnyc").first(), Some(&"FolderSync"));
        assert!(suggestions("zzzzzzzzzzzz").is_empty());
        assert!(suggestions(&"DeviceNotProvisioned".repeat(1000)).is_empty());
    }

    /// Every part below these, by name, value and meaning.
    fn told(parts: &[Part]) -> Vec<(String, String, Option<String>)> {
        parts
            .iter()
            .flat_map(|part| {
                let value = part.value.clone().unwrap_or_default();
                let own = (part.name.clone(), value, part.meaning.clone());
                [own].into_iter().chain(told(&part.parts))
            })
            .collect()
    }

    #[test]
    fn values_are_in_words_with_their_units() {
        let log = "User=u&Cmd=Sync&Log=V141_GetChgsTime12_SrchTime7_Throttle250_RpcC45_Ssnf:T_\
            TmRcv06:53:38.448_SBkOffD:L%2f-470_Cli:0A0C3D1F0E_\
            Budget:(D)Conn%3a1%2cRPC%3a36000%2f35985%2f0%25%2cAB%3a%24null%2f%24null%2f7%25\
            %2cFC%3a1000%2f3%2cBalance%3a-5%2cNorm%5bResources%3a(Mdb)M1(Health%3a-1%25%2c\
            HistLoad%3a0)%2c%5d_\
            ActivityContextData:Dbl%3aADS.AL%5bdc1%5d%3d1.5%3bI32%3aMBLB.T%5b%5d%3d9_";
        let told = told(&explain(log.as_bytes(), None));
        let cases = [
            ("V", "141 (14.1)"),
            ("GetChgsTime", "12 ms"),
            ("SrchTime", "7 ms"),
            ("Throttle", "250 ms"),
            ("RpcC", "45 (count)"),
            ("Ssnf", "T (yes)"),
            ("TmRcv", "06:53:38.448 UTC"),
            ("SBkOffD", "L/-470 (level low, -470 s)"),
            ("D", "3 (count)"),
            ("Conn", "1 (count)"),
            (
                "RPC",
                "36000/35985/0% (35985 of 36000 ms a minute left, 0 % of the minute used)",
            ),
            ("AB", "$null/$null/7% (no limit, 7 % of the minute used)"),
            ("FC", "1000/3 (3 in use of 1000)"),
            ("Balance", "-5 ms"),
            ("M1", "health not measured, historic load 0"),
            ("ADS.AL[dc1]", "1.5 ms"),
            ("MBLB.T", "9"),
        ];
        for (name, value) in cases {
            let found = told.iter().find(|(found, _, _)| found == name);
            let (_, found, meaning) = found.unwrap_or_else(|| panic!("{name}: {told:?}"));
            assert_eq!(found, value, "{name}");
            assert!(meaning.is_some(), "{name} is known");
        }
    }

    #[test]
    fn codes_that_no_table_has_are_unknown() {
        let fields = FieldLayout::parse(
            b"cs-uri-stem cs-uri-query cs(User-Agent) sc-status sc-substatus sc-win32-status",
        );
        let line = "/Microsoft-Server-ActiveSync Cmd=Nap&DeviceType=Toaster&\
            Log=V199_S199_As:BlockedZ_St:Q_Error:Foo_ foo/1 299 9 12345";
        let told = told(&explain(line.as_bytes(), Some(&fields)));
        let unknown = [
            "Nap", "Toaster", "199", "BlockedZ", "Q", "Foo", "foo/1", "299", "299.9", "12345",
        ];
        for name in unknown {
            let found = told
                .iter()
                .any(|(found, _, meaning)| found == name && meaning.is_none());
            assert!(found, "{name}: {told:?}");
        }
    }

    #[test]
    fn what_stands_behind_a_base64_query_is_explained() {
        let query = b"jQAJBBBOaW5lNDM4M0FGMzQ2ODYwBAAAAAAHQW5kcm9pZAcBAA==\
            &Log=V141_S4_Error:PingCollisionDetected_&cafeReqId=12-34;&CorrelationID=<empty>;";
        let [part] = &explain(query, None)[..] else {
            panic!("not one part")
        };
        let names: Vec<&str> = part.parts.iter().map(|part| part.name.as_str()).collect();
        let want = ["base64-encoded query", "Log", "cafeReqId", "CorrelationID"];
        assert_eq!(names, want);
        assert_eq!(part.parts[2].value.as_deref(), Some("12-34"));
        assert_eq!(part.parts[3].value.as_deref(), Some("-"));
        let told = told(&part.parts[1].parts);
        let status = told
            .iter()
            .find(|(name, value, _)| name == "4" && value == "Sync");
        assert!(
            status.is_some(),
            "the command is that of the base64 text: {told:?}"
        );
        let evidence = |name: &str, parts: &[Part]| {
            let part = parts.iter().find(|part| part.name == name);
            part.map(|part| part.evidence.clone()).unwrap_or_default()
        };
        let base64 = &part.parts[0].parts;
        assert_eq!(evidence("command", base64), "D");
        assert_eq!(evidence("policy key", base64), "D,I");
        let old = explain(b"jAUJBAREZXYxAAFY", None);
        assert_eq!(evidence("command", &old[0].parts[0].parts), "K");
    }

    #[test]
    fn the_packed_form_is_in_words() {
        let of = |log: &str| told(&explain(log.as_bytes(), None));
        let found = of("V5TCoSSC:0A0C0D0FS:1A0C0D0SP:1C2I105992S109982R");
        assert!(
            found.contains(&("5".into(), String::new(), None)),
            "{found:?}"
        );
        assert!(found.contains(&(
            "T".into(),
            "Co (contacts)".into(),
            Some("class of the folder".into())
        )));
        let found = of("V25TSMSSC:0A0C0D0FS:1A0C0D0SP:1C2I105992S109982R");
        assert!(
            found.contains(&("SM".into(), String::new(), None)),
            "{found:?}"
        );
        let disabled = explain(b"VNATNASNC:0A0C0D0FS:0A0C0D0SP:0C0I0S0R0S0L0H0P", None);
        assert!(
            disabled[0]
                .notes
                .iter()
                .any(|note| note.contains("may not use ActiveSync")),
            "{:?}",
            disabled[0].notes
        );
    }

    #[test]
    fn an_element_that_is_cut_off_is_not_explained() {
        let log = explain(b"V141_Error:DeviceNotPro...", None);
        let last = log[0].parts.last().unwrap();
        assert_eq!((last.name.as_str(), &last.meaning), ("Error", &None));
        assert!(last.notes[0].contains("cut off"), "{:?}", last.notes);
    }

    #[test]
    fn a_client_that_contradicts_itself_is_noticed() {
        let fields = FieldLayout::parse(b"cs-uri-stem cs-uri-query cs(User-Agent) sc-status");
        let notes = |query: &str| {
            let line = format!(
                "/Microsoft-Server-ActiveSync/default.eas {query} Android/4.1.2-EAS-1.3 200"
            );
            explain(line.as_bytes(), Some(&fields)).remove(0).notes
        };
        let lies = |query: &str| {
            let told = "its user agent says Android, its device type says iOS";
            notes(query).iter().any(|note| note.contains(told))
        };
        assert!(lies("Cmd=Sync&DeviceType=iPhone&Log=V141_"));
        assert!(!lies("Cmd=Sync&DeviceType=Android&Log=V141_"));
        let told = notes("Cmd=Sync&DeviceType=Android&Log=V141_DevOS:iOS+9.2+13C71_");
        assert!(
            told.iter()
                .any(|note| note.contains("what it told of itself says iOS"))
        );
    }

    #[test]
    fn a_pasted_header_names_the_columns() {
        let text = b"#Software: x\r\n#Fields: sc-status cs-uri-stem\r\n449 /Microsoft-Server-ActiveSync\r\n";
        let mut layout = None;
        let found = explain_lines(text, &mut layout);
        assert_eq!(found.len(), 1);
        assert!(told(&found[0].1).iter().any(|(name, _, _)| name == "449"));
        assert_eq!(layout.unwrap().to_string(), "sc-status cs-uri-stem");
        let alone = explain_lines(b"#Fields: sc-status\n", &mut None);
        assert_eq!(
            alone[0].1[0].meaning.as_deref(),
            Some("names the columns of the lines below it")
        );
        assert!(explain_lines(b" \n\n", &mut None).is_empty());
    }
}
