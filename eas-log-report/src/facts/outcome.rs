//! What became of a request.

use eas_log_parse::codes::{self, Class};
use eas_log_parse::{Access, AccessReason, AccessState, Escaped, SyncType, Tier};

use super::text_table::TextId;
use super::{NONE, Texts};

/// What a device said of its policy key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicyKey {
    /// The line does not tell.
    #[default]
    Unknown,
    /// It has none: it is not provisioned.
    Zero,
    /// It has one.
    Set,
}

/// The form of the value of `Log=`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogForm {
    /// The line has none.
    #[default]
    None,
    /// Named elements: Exchange 2007 or later.
    Named,
    /// Packed: Exchange 2003.
    Packed,
    /// Packed, and Exchange 2003 wrote that it has neither version, class nor kind of the request.
    PackedUnavailable,
}

/// What a line says of the request and its result, without who sent it, where and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Command, or the HTTP method of a request without one; a text of [`Texts::commands`].
    pub command: TextId,
    /// HTTP status.
    pub sc_status: Option<u16>,
    /// IIS substatus.
    pub sc_substatus: Option<u16>,
    /// Windows status.
    pub sc_win32_status: Option<u64>,
    /// EAS status.
    pub eas_status: Option<u16>,
    /// Protocol version times ten.
    pub version: Option<u16>,
    /// Error names; a text of [`Texts::errors`], or [`NONE`].
    pub error: TextId,
    /// Access state; a text of [`Texts::access`], or [`NONE`].
    pub access: TextId,
    /// Policy key that the device sent.
    pub policy_key: PolicyKey,
    /// Kind of synchronization of the first folder.
    pub sync_type: Option<SyncType>,
    /// The form of `Log=`.
    pub form: LogForm,
    /// Whether the line names no authenticated user.
    pub anonymous: bool,
    /// The server's part in the request.
    pub tier: Tier,
}

/// What an outcome means for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What kind of thing it is.
    pub class: Class,
    /// Whether the request failed: HTTP 300 or above but for a challenge, or an EAS status of 101
    /// or above, or an error that is not benign.
    pub failed: bool,
    /// Whether the failure says something about the device, and not only about one item or the
    /// state of one folder.
    pub decisive: bool,
    /// Whether the request shows that the device works: it got through, with more than asking what
    /// the server can, or provisioning.
    pub working: bool,
    /// Whether the device was refused because it is not provisioned, or cannot be.
    pub provisioning: bool,
    /// Whether the device is blocked.
    pub blocked: bool,
}

/// Refusals for want of provisioning: HTTP status, and EAS statuses (MS-ASCMD 2.2.2).
const RETRY_AFTER_PROVISION: u16 = 449;

impl Outcome {
    /// Judges the outcome by the rules of the data files.
    pub fn judge(&self, texts: &Texts) -> Judgement {
        let errors = self.error_classes(texts);
        let named = |class: &Class| !matches!(class, Class::Benign | Class::Unknown);
        let error = errors.iter().copied().find(named);
        let eas = self
            .eas_status
            .filter(|&status| status >= 101)
            .map(|status| {
                codes::eas_status(status)
                    .and_then(|s| s.class)
                    .unwrap_or(Class::Refused)
            });
        let access = self.access(texts);
        let http = self
            .sc_status
            .filter(|&status| !(200..300).contains(&status))
            .map(|status| self.http_class(status, access));
        let access = access.map(|access| access.state);

        let benign = !errors.is_empty() && errors.iter().all(|class| *class == Class::Benign);
        // The error names the cause, the EAS status the kind, the HTTP status the least.
        let class = if self.is_challenge() && errors.is_empty() && eas.is_none() {
            Class::Challenge
        } else if benign && eas.is_none() {
            // As with HTTP 441, by which a proxy is asked for what it has not sent yet.
            Class::Benign
        } else {
            error.or(eas).or(http).unwrap_or(if errors.is_empty() {
                Class::Success
            } else if errors.contains(&Class::Unknown) {
                Class::Unknown
            } else {
                Class::Benign
            })
        };
        let failed = !matches!(class, Class::Success | Class::Benign | Class::Challenge);
        let command = (self.command != NONE).then(|| texts.commands.get(self.command));
        Judgement {
            class,
            failed,
            decisive: failed && !matches!(class, Class::Item | Class::SyncState),
            working: matches!(class, Class::Success | Class::Benign)
                && self
                    .sc_status
                    .is_none_or(|status| (200..300).contains(&status))
                && !matches!(
                    access,
                    Some(
                        AccessState::Blocked
                            | AccessState::Quarantined
                            | AccessState::DeviceDiscovery
                    )
                )
                && !matches!(command, None | Some(b"OPTIONS" | b"Options" | b"Provision")),
            provisioning: self.sc_status == Some(RETRY_AFTER_PROVISION)
                || self
                    .eas_status
                    .is_some_and(|status| (139..=144).contains(&status))
                || errors.iter().any(|class| {
                    matches!(
                        class,
                        Class::Provisioning | Class::NotProvisionable | Class::Wipe
                    )
                }),
            blocked: access == Some(AccessState::Blocked)
                || self.eas_status == Some(129)
                || errors
                    .iter()
                    .any(|class| matches!(class, Class::Blocked | Class::AutoBlocked)),
        }
    }

    /// Whether this is the first leg of an authentication handshake: nobody is named, and no logon
    /// was tried.
    fn is_challenge(&self) -> bool {
        self.sc_status == Some(401)
            && self.anonymous
            && matches!(self.sc_substatus, Some(1 | 2))
            && !self.is_logon_failure()
    }

    /// Whether the Windows status says that a logon was tried and denied.
    pub fn is_logon_failure(&self) -> bool {
        let class = |code| codes::win32(code).and_then(|status| status.class);
        self.sc_win32_status.and_then(class) == Some(Class::Authentication)
    }

    fn http_class(&self, status: u16, access: Option<Access>) -> Class {
        match codes::http_status(status).and_then(|s| s.class) {
            // Exchange 2003 refuses a user who may not sync like this.
            Some(Class::Refused) if status == 403 && self.form == LogForm::PackedUnavailable => {
                Class::Disabled
            }
            Some(Class::Refused)
                if access.is_some_and(|access| access.state == AccessState::Blocked) =>
            {
                // Blocked by policy until it provisions.
                match access.and_then(|access| access.reason) {
                    Some(AccessReason::Policy) => Class::Provisioning,
                    Some(reason) if reason.is_automatic() => Class::AutoBlocked,
                    _ => Class::Blocked,
                }
            }
            Some(class) => class,
            // No answer came about, as with 0: the connection broke.
            None if status < 300 => Class::Benign,
            None if status < 500 => Class::Refused,
            None => Class::Server,
        }
    }

    /// The classes of the error names, in order.
    fn error_classes(&self, texts: &Texts) -> Vec<Class> {
        if self.error == NONE {
            return Vec::new();
        }
        let names = texts.errors.keys().get(texts.errors.key_of(self.error));
        super::error_names(names)
            .map(|name| match codes::error(&String::from_utf8_lossy(name)) {
                Some(error) => error.class,
                None => Class::Unknown,
            })
            .collect()
    }

    /// What the server said, in a few words: statuses, errors, access state, and what Windows says of
    /// a logon. Bytes that are not UTF-8 are escaped.
    pub fn describe(&self, texts: &Texts) -> String {
        let mut parts: Vec<String> = Vec::new();
        if let Some(status) = self.sc_status {
            let substatus = self.sc_substatus.filter(|&substatus| substatus != 0);
            let substatus = substatus.map(|substatus| format!(".{substatus}"));
            parts.push(format!("HTTP {status}{}", substatus.unwrap_or_default()));
        }
        parts.extend(self.eas_status.map(|status| format!("EAS {status}")));
        if self.error != NONE {
            let names = texts.errors.keys().get(texts.errors.key_of(self.error));
            parts.push(match std::str::from_utf8(names) {
                Ok(names) => names.to_owned(),
                Err(_) => Escaped(names).to_string(),
            });
        }
        if let Some(access) = self.access(texts) {
            let reason = access.reason.map(|reason| format!(" ({})", reason.name()));
            parts.push(format!(
                "{}{}",
                access.state.name(),
                reason.unwrap_or_default()
            ));
        }
        if let Some(code) = self.sc_win32_status.filter(|&code| code != 0) {
            parts.push(match codes::win32(code) {
                Some(known) if self.is_logon_failure() => format!("Windows {code} {}", known.name),
                _ => format!("Windows {code}"),
            });
        }
        parts.join(", ")
    }

    /// The access state, where the line has a known one.
    pub fn access(&self, texts: &Texts) -> Option<Access> {
        if self.access == NONE {
            return None;
        }
        Access::parse(texts.access.get(self.access)).ok()
    }
}
