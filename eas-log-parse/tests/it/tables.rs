//! Every row of the tables is reached through the public interface.

use eas_log_parse::codes::{self, Scope, StatusScope};
use eas_log_parse::{
    Access, Base64Query, Budget, ChangeCounts, CollectionClass, Command, EasLog, EasQuery, Entry,
    LogSlice, MeasureKind, ProtocolVersion,
};

#[test]
fn every_element_is_read_by_its_name() {
    let mut rows = 0;
    for info in codes::elements() {
        // A value of the form that the table gives, with and without a colon where both occur.
        let (value, bare) = match info.value_type {
            form if form.starts_with("int") || form.starts_with("uint32") => ("42", true),
            form if form.starts_with("time") => ("06:53:38.448", true),
            form if form.starts_with("counter") => ("1a0c0d", false),
            _ => ("Some%5Ftext+here", false),
        };
        let with_colon = format!("X1:1_{}:{value}_Y2:2_", info.name);
        let log = EasLog::new(with_colon.as_bytes());
        let element = log
            .element(info.name)
            .unwrap_or_else(|| panic!("{}", info.name));
        assert_eq!(element.value(), value.as_bytes(), "{}", info.name);
        if bare && info.name.bytes().all(|b| b.is_ascii_alphabetic()) {
            let without = format!("{}{value}_", info.name);
            let log = EasLog::new(without.as_bytes());
            let element = log
                .element(info.name)
                .unwrap_or_else(|| panic!("{without}"));
            assert_eq!(element.value(), value.as_bytes(), "{without}");
            if value == "42" {
                assert_eq!(element.number::<u64>(), Ok(42), "{without}");
            }
        }
        if info.scope == Scope::Folder {
            let folder = format!("Fid:1_{}:{value}_", info.name);
            let log = EasLog::new(folder.as_bytes());
            let collection = log.collections().next().unwrap();
            let found = collection
                .elements()
                .any(|e| e.identifier() == info.name.as_bytes());
            assert!(found, "{} belongs to a folder", info.name);
        }
        assert_eq!(codes::element(info.name), Some(info));
        rows += 1;
    }
    assert_eq!(rows, 148);
}

#[test]
fn every_error_is_found_by_its_name() {
    let mut rows = 0;
    for error in codes::error_names() {
        let name = error.name.strip_suffix('*').unwrap_or(error.name);
        assert_eq!(codes::error(name).map(|found| found.name), Some(error.name));
        rows += 1;
    }
    assert_eq!(rows, 172);
}

#[test]
fn every_status_is_found_by_its_number() {
    let mut rows = 0;
    for status in codes::statuses() {
        let number = || status.code.parse().unwrap();
        let found = match status.scope {
            StatusScope::Http => codes::http_status(number()),
            StatusScope::EasCommon => codes::eas_status(number()),
            StatusScope::Command(command) => codes::command_status(command, number()),
            StatusScope::IisSubstatus => {
                let (status, substatus) = status.code.split_once('.').unwrap();
                codes::iis_substatus(status.parse().unwrap(), substatus.parse().unwrap())
            }
            StatusScope::Win32 => codes::win32(status.code.parse().unwrap()),
        };
        assert_eq!(found, Some(status));
        rows += 1;
    }
    assert_eq!(rows, 224);
}

#[test]
fn every_access_state_is_read_from_a_line() {
    let mut rows = 0;
    for code in codes::access_states()
        .iter()
        .filter(|code| code.kind == "combined")
    {
        let raw = format!("V141_As:{}_", code.name);
        let access = EasLog::new(raw.as_bytes()).access().unwrap().unwrap();
        assert_eq!(access.to_string(), code.name);
        assert_eq!(Access::parse(code.name.as_bytes()), Ok(access));
        assert!(codes::access_state(access.state).is_some());
        assert!(
            access
                .reason
                .is_none_or(|reason| codes::access_reason(reason).count() > 0)
        );
        rows += 1;
    }
    assert_eq!(rows, 29);
}

#[test]
fn every_value_of_an_element_is_read_as_what_it_means() {
    let mut rows = 0;
    for (element, fact) in codes::element_values() {
        assert_eq!(codes::element_value(element, fact.name), Some(fact));
        let value = fact.name;
        let raw = match element {
            "SBkOffD" => format!("SBkOffD:{value}%2f-470_"),
            _ => format!("{element}:{value}_"),
        };
        let log = EasLog::new(raw.as_bytes());
        let folder = || log.collections().next().unwrap();
        let typed = match element {
            "Ty" => !matches!(folder().class(), None | Some(CollectionClass::Other(_))),
            "St" => folder().sync_type().is_some(),
            "Filt" => folder().filter_type().unwrap().unwrap().window() == Some(fact.meaning),
            "Sk" => folder().sync_key().unwrap().raw() == b"0",
            "V" => log.protocol_version() == Ok(Some(ProtocolVersion(0))),
            "Pk" => log.policy_key() == Ok(Some(0)),
            "Pa" => log.policy_acknowledgement().unwrap().unwrap().to_string() == value,
            "Throttle" => log.throttle_ms() == Ok(Some(0)),
            "SBkOffD" => log.suggested_back_off().unwrap().is_some(),
            "Rto" | "OrgType" => log.element(element).unwrap().value() == value.as_bytes(),
            other => panic!("{other}"),
        };
        assert!(typed, "{raw}");
        rows += 1;
    }
    assert_eq!(rows, 33);
}

#[test]
fn every_letter_of_a_count_is_read() {
    let mut rows = 0;
    for (from_server, fact) in codes::all_count_letters() {
        let raw = format!("7x3{}9y", fact.name);
        assert_eq!(
            ChangeCounts::new(raw.as_bytes()).get(fact.name),
            Ok(3),
            "{raw}"
        );
        assert_eq!(codes::count_letters(from_server, fact.name), Some(fact));
        rows += 1;
    }
    assert_eq!(rows, 15);
}

#[test]
fn every_entry_of_a_budget_is_read() {
    let mut rows = 0;
    for fact in codes::budget_keys() {
        let raw = format!("(D)First%3a1%2c{}%3a5%2fx%2cConn%3a7", fact.name);
        let snapshot = Budget::new(raw.as_bytes()).last().unwrap();
        let entry = snapshot.entry(fact.name).unwrap();
        assert_eq!(entry.value().raw(), b"5%2fx", "{raw}");
        assert_eq!(codes::budget_key(fact.name), Some(fact));
        rows += 1;
    }
    assert_eq!(rows, 19);
}

#[test]
fn every_parameter_and_command_of_a_query_is_read() {
    let mut parameters = 0;
    for fact in codes::parameters() {
        let raw = format!("a=b&{}=C%5Cd;&Last=1", fact.name.to_uppercase());
        let query = EasQuery::parse(raw.as_bytes());
        let value = query.get(fact.name.as_bytes()).unwrap();
        assert_eq!(value.raw(), b"C%5Cd;", "{raw}");
        let typed = match fact.name {
            "Cmd" => query.command() == Some(Command::Other(b"C%5Cd;")),
            "User" => query.user() == Some(value),
            "DeviceId" => query.device_id() == Some(value),
            "DeviceType" => query.device_type() == Some(value),
            "Log" => query.log() == Some(EasLog::new(b"C%5Cd;")),
            "cafeReqId" => query.cafe_request_id() == Some(b"C%5Cd"),
            "CorrelationID" => query.correlation_id() == Some(b"C%5Cd"),
            _ => true,
        };
        assert!(typed, "{raw}");
        assert_eq!(codes::parameter(fact.name), Some(fact));
        parameters += 1;
    }
    assert_eq!(parameters, 17);
    let mut commands = 0;
    for fact in codes::commands() {
        let raw = format!("Cmd={}", fact.name.to_lowercase());
        let command = EasQuery::parse(raw.as_bytes()).command().unwrap();
        assert_eq!(command.to_string(), fact.name);
        assert!(Command::ALL.contains(&command), "{raw}");
        assert_eq!(codes::command(fact.name), Some(fact));
        commands += 1;
    }
    assert_eq!(commands, Command::ALL.len());
}

#[test]
fn every_code_of_a_base64_query_is_read() {
    let mut commands = 0;
    for code in 0..=u8::MAX {
        let mut bytes = b"\x8c\0\x09\x04\x01A\0\0".to_vec();
        bytes[1] = code;
        let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes);
        let query = Base64Query::parse(text.as_bytes());
        let known = codes::base64_command(code);
        let found = query.ok().and_then(|query| query.command());
        let found = found.map(|command| command.to_string());
        assert_eq!(found.as_deref(), known.map(|known| known.meaning), "{code}");
        commands += u32::from(known.is_some());
    }
    assert_eq!(commands, 24);
    let parameters = (0..=u8::MAX).filter_map(codes::base64_parameter);
    assert_eq!(parameters.count(), 10);
}

#[test]
fn every_measure_of_an_activity_is_read() {
    let mut rows = 0;
    for fact in codes::activity_measures() {
        for ending in ["", ".C", ".T", ".AL"] {
            let name = format!("{}{ending}", fact.name);
            let raw = format!("ActivityContextData:S%3aX%3d1%3bI32%3a{name}%5bdc1%5d%3d5_");
            let activity = EasLog::new(raw.as_bytes()).activity().unwrap();
            let measure = activity.entries().last().unwrap();
            assert_eq!(measure.kind(), MeasureKind::Integer);
            assert_eq!(
                (measure.name(), measure.number()),
                (name.as_bytes(), Some(5.0))
            );
            let (what, how) = codes::activity_measure(&name);
            assert_eq!(what, Some(fact), "{name}");
            let want = Some(&ending[1.min(ending.len())..]).filter(|how| !how.is_empty());
            assert_eq!(how.map(|how| how.name), want, "{name}");
        }
        rows += 1;
    }
    assert_eq!(rows, 19);
    let total = codes::activity_measure("MBLB.T").1;
    assert_eq!(total, None, "a name of its own, and no time");
}

#[test]
fn every_field_is_read_by_its_name() {
    let mut rows = 0;
    for fact in codes::fields() {
        let text = format!("#Fields: a {} b\n1 value 2\n", fact.name);
        let mut log = LogSlice::new(text.as_bytes());
        log.next_entry();
        let Some(Entry::Record(record)) = log.next_entry() else {
            panic!("{text}")
        };
        let column = record.layout().column_named(fact.name.as_bytes());
        assert_eq!(column.and_then(|at| record.value(at)), Some(&b"value"[..]));
        assert_eq!(codes::field(&fact.name.to_uppercase()), Some(fact));
        rows += 1;
    }
    assert_eq!(rows, 23);
}
