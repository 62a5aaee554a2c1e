//! HTTP statuses, IIS substatuses, Windows statuses and EAS statuses.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::class::Class;
use super::table;

/// Which kind of number a status is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum StatusScope {
    /// HTTP status.
    Http,
    /// EAS status common to all commands: 101 and above.
    EasCommon,
    /// EAS status of one command, by its name; up to 18.
    Command(&'static str),
    /// IIS status with substatus, as `401.1`.
    IisSubstatus,
    /// Windows status.
    Win32,
}

/// What is known of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Status {
    /// Which kind of number it is.
    pub scope: StatusScope,
    /// The number, or `status.substatus`.
    pub code: &'static str,
    /// Name, if it has one.
    pub name: &'static str,
    /// What kind of thing it says, if it says so by itself.
    pub class: Option<Class>,
    /// Meaning.
    pub meaning: &'static str,
    /// Likely cause, or what to look at.
    pub hint: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

static STATUSES: LazyLock<Vec<Status>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/statuses.tsv"))
        .map(
            |[scope, code, name, class, meaning, hint, evidence, source]| Status {
                scope: match scope {
                    "http" => StatusScope::Http,
                    "eas-common" => StatusScope::EasCommon,
                    "iis-substatus" => StatusScope::IisSubstatus,
                    "win32" => StatusScope::Win32,
                    command => StatusScope::Command(command.trim_start_matches("eas-")),
                },
                code,
                name,
                class: (!class.is_empty()).then(|| Class::from_name(class).expect("a class")),
                meaning,
                hint,
                evidence,
                source,
            },
        )
        .collect()
});

static BY_CODE: LazyLock<HashMap<(StatusScope, &str), &Status>> = LazyLock::new(|| {
    STATUSES
        .iter()
        .map(|status| ((status.scope, status.code), status))
        .collect()
});

fn find(scope: StatusScope, code: &str) -> Option<&'static Status> {
    BY_CODE.get(&(scope, code)).copied()
}

/// Every status that is known.
pub fn statuses() -> &'static [Status] {
    &STATUSES
}

/// What is known of an HTTP status.
///
/// ```
/// use eas_log_parse::codes::{self, Class};
/// assert_eq!(codes::http_status(449).unwrap().class, Some(Class::Provisioning));
/// assert!(codes::http_status(299).is_none());
/// ```
pub fn http_status(code: u16) -> Option<&'static Status> {
    find(StatusScope::Http, &code.to_string())
}

/// What is known of an EAS status that is common to all commands (101 and above).
pub fn eas_status(code: u16) -> Option<&'static Status> {
    find(StatusScope::EasCommon, &code.to_string())
}

/// What is known of an EAS status of one command (up to 18).
///
/// ```
/// use eas_log_parse::codes;
/// assert_eq!(codes::command_status("Ping", 2).unwrap().evidence, "D");
/// assert_eq!(codes::command_status("Ping", 3).unwrap().evidence, "K", "background knowledge");
/// ```
pub fn command_status(command: &str, code: u16) -> Option<&'static Status> {
    let code = code.to_string();
    STATUSES.iter().find(|status| {
        matches!(status.scope, StatusScope::Command(name) if name.eq_ignore_ascii_case(command))
            && status.code == code
    })
}

/// What is known of an IIS substatus.
///
/// ```
/// use eas_log_parse::codes;
/// assert_eq!(codes::iis_substatus(403, 4).unwrap().name, "SSL required");
/// ```
pub fn iis_substatus(status: u16, substatus: u16) -> Option<&'static Status> {
    find(StatusScope::IisSubstatus, &format!("{status}.{substatus}"))
}

/// What is known of a Windows status.
///
/// ```
/// use eas_log_parse::codes;
/// assert_eq!(codes::win32(1909).unwrap().name, "ERROR_ACCOUNT_LOCKED_OUT");
/// ```
pub fn win32(code: u64) -> Option<&'static Status> {
    find(StatusScope::Win32, &code.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_reads() {
        assert_eq!(statuses().len(), 224);
        assert_eq!(BY_CODE.len(), 224, "codes are distinct");
        let count = |scope| {
            statuses()
                .iter()
                .filter(|status| status.scope == scope)
                .count()
        };
        assert_eq!(
            (count(StatusScope::Http), count(StatusScope::EasCommon)),
            (18, 75)
        );
        assert_eq!(
            (count(StatusScope::IisSubstatus), count(StatusScope::Win32)),
            (15, 25)
        );
        for status in statuses() {
            let classed = match status.scope {
                StatusScope::Http | StatusScope::EasCommon => true,
                // Only those of a logon that was tried and denied.
                StatusScope::Win32 => status.class == Some(Class::Authentication),
                // Only of commands whose status is that of the whole request, where it is documented
                // what it says.
                StatusScope::Command("Sync" | "FolderSync" | "Provision" | "Ping") => {
                    status.evidence == "D" && !status.meaning.contains("unknown")
                }
                _ => false,
            };
            assert_eq!(status.class.is_some(), classed, "{status:?}");
        }
        let logons = statuses().iter().filter(|s| s.scope == StatusScope::Win32);
        assert_eq!(logons.filter(|s| s.class.is_some()).count(), 12);
    }

    #[test]
    fn every_kind_is_found() {
        assert_eq!(http_status(449).unwrap().class, Some(Class::Provisioning));
        assert_eq!(eas_status(129).unwrap().class, Some(Class::Blocked));
        assert!(eas_status(157).is_none(), "unused");
        assert_eq!(
            command_status("ping", 5).unwrap().evidence.chars().next(),
            Some('D')
        );
        let ping = |code| command_status("Ping", code).unwrap().evidence;
        assert_eq!([1, 2, 3, 4, 5, 6, 7, 8].map(ping).concat(), "DDKKDKKK");
        assert_eq!(iis_substatus(401, 1).unwrap().name, "logon failed");
        assert_eq!(win32(1326).unwrap().name, "ERROR_LOGON_FAILURE");
    }
}
