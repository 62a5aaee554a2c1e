//! Every row of the tables is reached through the public interface.

use eas_log_parse::codes::{self, Scope, StatusScope};
use eas_log_parse::{Access, EasLog};

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
