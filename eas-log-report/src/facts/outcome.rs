//! What became of a request.

use std::hash::{Hash, Hasher};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// In five words, and not in one or two for each field: there is one to be looked up for each line.
impl Hash for Outcome {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let &Outcome {
            command,
            sc_status,
            sc_substatus,
            sc_win32_status,
            eas_status,
            version,
            error,
            access,
            policy_key,
            sync_type,
            form,
            anonymous,
            tier,
        } = self;
        let number = |number: Option<u16>| number.map_or(u32::MAX, u32::from);
        let two = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let kinds = [
            policy_key as u8,
            sync_type.map_or(u8::MAX, |kind| kind as u8),
            form as u8,
            (tier as u8) << 1 | u8::from(anonymous),
        ];
        state.write_u64(two(command, number(sc_status)));
        state.write_u64(two(number(sc_substatus), number(eas_status)));
        state.write_u64(two(number(version), error));
        state.write_u64(two(access, u32::from_le_bytes(kinds)));
        state.write_u64(sc_win32_status.unwrap_or(u64::MAX));
    }
}

/// What an outcome means for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// What kind of thing it is.
    pub class: Class,
    /// Whether the request counts as failed: HTTP 400 or above but for a [challenge](Self::challenge),
    /// or an EAS status of 101 or above or one below by which its command fails, or an error that is
    /// not benign.
    pub failed: bool,
    /// Whether the request counts as the first leg of a handshake: HTTP 401.1 or 401.2 of nobody.
    pub challenge: bool,
    /// Whether the failure says something about the device, and not only about one item, the state of
    /// one folder, or a connection.
    pub decisive: bool,
    /// Whether the request shows that the device works: it got through, with more than asking what
    /// the server can, or provisioning.
    pub working: bool,
    /// Whether the device was refused because it is not provisioned, or cannot be.
    pub provisioning: bool,
    /// Whether the device is blocked, to be wiped, or one too many.
    pub blocked: bool,
}

impl Judgement {
    /// Whether the request says why a device does not work: it failed, or a logon was denied that
    /// counts as a leg of a handshake, or a page came in place of an answer.
    pub fn is_trouble(self) -> bool {
        self.failed || matches!(self.class, Class::Authentication | Class::Refused)
    }
}

/// What an EAS status says, if it is one of failure. From 101 on a status means the same with every
/// command; below it depends on the command, and only where that is documented it says anything.
fn eas_class(command: Option<&[u8]>, status: u16) -> Option<Class> {
    if status >= 101 {
        let known = codes::eas_status(status).and_then(|known| known.class);
        return Some(known.unwrap_or(Class::Refused));
    }
    let command = std::str::from_utf8(command?).ok()?;
    let class = codes::command_status(command, status)?.class?;
    (!matches!(class, Class::Success | Class::Benign)).then_some(class)
}

/// HTTP status of a refusal for want of provisioning.
const RETRY_AFTER_PROVISION: u16 = 449;

/// HTTP status by which one server asks the other for what it has not sent yet. With
/// `MissingCscCacheEntry` that is part of normal work between them, and no device hears of it.
const PROXY_HANDSHAKE: u16 = 441;

/// Every access state.
const STATES: [AccessState; 5] = [
    AccessState::Unknown,
    AccessState::Allowed,
    AccessState::Blocked,
    AccessState::Quarantined,
    AccessState::DeviceDiscovery,
];

/// Windows statuses of connections that broke while a request waited: network name deleted,
/// semaphore timeout, operation aborted, connection aborted.
const BROKEN_CONNECTIONS: [u64; 4] = [64, 121, 995, 1236];

impl Outcome {
    /// Judges the outcome by the rules of the data files.
    ///
    /// The error names the cause, the EAS status the kind, the HTTP status the least: the first of
    /// them that says something is the class. A benign error says nothing, so that beside one the
    /// statuses decide as if it were not there: 401, 500 and 503 stay what they are.
    pub fn judge(&self, texts: &Texts) -> Judgement {
        let errors = self.error_classes(texts);
        let named = |class: &Class| !matches!(class, Class::Benign | Class::Unknown);
        let error = errors.iter().copied().find(named);
        let command = (self.command != NONE).then(|| texts.commands.get(self.command));
        let eas = self
            .eas_status
            .and_then(|status| eas_class(command, status));
        let access = self.access(texts);
        let http = self
            .sc_status
            .filter(|&status| !(200..300).contains(&status))
            .map(|status| self.http_class(status, access));
        let access = access.map(|access| access.state);

        let is_bad = |status| status >= 400;
        let only_benign = errors.iter().all(|class| *class == Class::Benign);
        let challenge = self.is_challenge() && only_benign && eas.is_none();
        let class = match error.or(eas) {
            Some(class) => class,
            None if challenge && !self.is_logon_failure() => Class::Challenge,
            None if only_benign && self.is_between_servers_or_broken(command, &errors) => {
                Class::Benign
            }
            None => match http {
                Some(class) if class != Class::Benign => class,
                _ if !only_benign => Class::Unknown,
                None if errors.is_empty() => Class::Success,
                _ => Class::Benign,
            },
        };
        let failed =
            self.sc_status.is_some_and(is_bad) && !challenge || eas.is_some() || !only_benign;
        let says = |which: fn(Class) -> bool| {
            errors
                .iter()
                .copied()
                .chain(eas)
                .chain(http)
                .chain([class])
                .any(which)
        };
        Judgement {
            class,
            failed,
            challenge,
            decisive: failed
                && !matches!(
                    class,
                    Class::Item | Class::SyncState | Class::Benign | Class::Challenge
                ),
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
                || says(|class| {
                    matches!(
                        class,
                        Class::Provisioning | Class::NotProvisionable | Class::Wipe
                    )
                }),
            blocked: access == Some(AccessState::Blocked)
                || says(|class| {
                    matches!(
                        class,
                        Class::Blocked | Class::AutoBlocked | Class::DeviceLimit | Class::Wipe
                    )
                }),
        }
    }

    /// Whether this is the first leg of an authentication handshake by its form: nobody is named.
    /// Where Windows says that a logon was tried and denied, it counts as a leg all the same, but the
    /// device is not let in.
    fn is_challenge(&self) -> bool {
        self.sc_status == Some(401) && self.anonymous && matches!(self.sc_substatus, Some(1 | 2))
    }

    /// Whether the status is none that a device gets, or says that the connection broke: on a Ping,
    /// which waits for long, or within a logon. Windows then speaks of the connection.
    fn is_between_servers_or_broken(&self, command: Option<&[u8]>, errors: &[Class]) -> bool {
        let broke = self.is_broken_connection();
        match self.sc_status {
            Some(PROXY_HANDSHAKE) => !errors.is_empty(),
            Some(401) => broke,
            Some(500..) => broke && command == Some(b"Ping"),
            _ => false,
        }
    }

    /// Whether the Windows status says that the connection broke while the request waited.
    #[inline]
    pub fn is_broken_connection(&self) -> bool {
        self.sc_win32_status
            .is_some_and(|code| BROKEN_CONNECTIONS.contains(&code))
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
            // A page, as with 302: no failure by its number, but nothing that a device can use.
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

    /// What the server said, in a few words: errors, which say most and may be all that there is room
    /// for, statuses, access state, and what Windows says. Bytes that are not UTF-8 are escaped.
    pub fn describe(&self, texts: &Texts) -> String {
        let mut parts: Vec<String> = Vec::new();
        if self.error != NONE {
            let names = texts.errors.keys().get(texts.errors.key_of(self.error));
            parts.push(match std::str::from_utf8(names) {
                Ok(names) => names.to_owned(),
                Err(_) => Escaped(names).to_string(),
            });
        }
        if let Some(status) = self.sc_status {
            let substatus = self.sc_substatus.filter(|&substatus| substatus != 0);
            let substatus = substatus.map(|substatus| format!(".{substatus}"));
            parts.push(format!("HTTP {status}{}", substatus.unwrap_or_default()));
        }
        parts.extend(self.eas_status.map(|status| format!("EAS {status}")));
        if let Some(said) = self.unknown_access(texts) {
            parts.push(Escaped(said).to_string());
        } else if let Some(access) = self.access(texts) {
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

    /// The access state, where the line has a known one. A reason that is not known is left out, since
    /// the device is blocked all the same.
    pub fn access(&self, texts: &Texts) -> Option<Access> {
        if self.access == NONE {
            return None;
        }
        let said = texts.access.get(self.access);
        Access::parse(said).ok().or_else(|| {
            let state = STATES
                .into_iter()
                .find(|state| said.starts_with(state.name().as_bytes()))?;
            Some(Access {
                state,
                reason: None,
            })
        })
    }

    /// The access state as the line has it, where that is not a known state with a known reason.
    pub fn unknown_access<'t>(&self, texts: &'t Texts) -> Option<&'t [u8]> {
        if self.access == NONE {
            return None;
        }
        let said = texts.access.get(self.access);
        Access::parse(said).is_err().then_some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How a line is judged that says this: command, HTTP status with substatus and Windows status,
    /// whether it names a user, EAS status, error, and access state; each empty if it does not.
    fn judge(
        command: &str,
        status: (u16, u16, u64),
        named: bool,
        (eas_status, error, access): (Option<u16>, &str, &str),
    ) -> Judgement {
        let mut texts = Texts::default();
        let outcome = Outcome {
            command: texts.commands.intern(command.as_bytes()),
            sc_status: Some(status.0),
            sc_substatus: Some(status.1),
            sc_win32_status: Some(status.2),
            eas_status,
            version: None,
            error: match error {
                "" => NONE,
                error => texts.errors.intern(error.as_bytes()),
            },
            access: match access {
                "" => NONE,
                access => texts.access.intern(access.as_bytes()),
            },
            policy_key: PolicyKey::Unknown,
            sync_type: None,
            form: LogForm::Named,
            anonymous: !named,
            tier: Tier::Client,
        };
        outcome.judge(&texts)
    }

    #[test]
    fn statuses_errors_and_states() {
        const NO: (Option<u16>, &str, &str) = (None, "", "");
        let error = |name| (None, name, "");
        let eas = |status| (Some(status), "", "");
        let access = |state| (None, "", state);
        // What holds: failed, challenge, decisive, working, provisioning, blocked.
        let cases = [
            ("Sync", (200, 0, 0), true, NO, Class::Success, "w"),
            ("Sync", (200, 0, 0), true, eas(1), Class::Success, "w"),
            ("OPTIONS", (200, 0, 0), true, NO, Class::Success, ""),
            ("Provision", (200, 0, 0), true, NO, Class::Success, ""),
            // No failures by their number, and nothing that works.
            ("Sync", (301, 0, 0), true, NO, Class::Refused, ""),
            ("Sync", (302, 0, 0), true, NO, Class::Refused, ""),
            ("Sync", (304, 0, 0), true, NO, Class::Refused, ""),
            ("Sync", (399, 0, 0), true, NO, Class::Refused, ""),
            ("Sync", (0, 0, 64), true, NO, Class::Benign, ""),
            ("Sync", (400, 0, 0), true, NO, Class::Request, "fd"),
            // Handshakes, and logons.
            ("Sync", (401, 2, 5), false, NO, Class::Challenge, "c"),
            (
                "Sync",
                (401, 1, 2_148_074_254),
                false,
                NO,
                Class::Challenge,
                "c",
            ),
            ("Sync", (401, 1, 64), false, NO, Class::Challenge, "c"),
            (
                "Sync",
                (401, 1, 1326),
                false,
                NO,
                Class::Authentication,
                "c",
            ),
            ("Sync", (401, 3, 5), false, NO, Class::Authentication, "fd"),
            (
                "Sync",
                (401, 1, 1326),
                true,
                NO,
                Class::Authentication,
                "fd",
            ),
            ("Sync", (401, 1, 64), true, NO, Class::Benign, "f"),
            (
                "Sync",
                (401, 2, 5),
                false,
                error("AnonymousUser"),
                Class::Authentication,
                "fd",
            ),
            (
                "Sync",
                (401, 2, 5),
                false,
                error("SyncCollisionDetected"),
                Class::Challenge,
                "c",
            ),
            // Benign errors say nothing.
            (
                "Ping",
                (200, 0, 0),
                true,
                error("PingCollisionDetected"),
                Class::Benign,
                "w",
            ),
            (
                "Sync",
                (401, 1, 0),
                true,
                error("SyncCollisionDetected"),
                Class::Authentication,
                "fd",
            ),
            (
                "Ping",
                (500, 0, 0),
                true,
                error("PingCollisionDetected"),
                Class::Server,
                "fd",
            ),
            (
                "Ping",
                (503, 0, 0),
                true,
                error("PingCollisionDetected"),
                Class::Server,
                "fd",
            ),
            (
                "Sync",
                (200, 0, 0),
                true,
                error("PingCollisionDetected%3bOverBudget"),
                Class::Throttled,
                "fd",
            ),
            (
                "Sync",
                (441, 0, 0),
                true,
                error("MissingCscCacheEntry"),
                Class::Benign,
                "f",
            ),
            ("Sync", (441, 0, 0), true, NO, Class::Proxy, "fd"),
            // A device that hangs up.
            ("Ping", (200, 0, 64), true, NO, Class::Success, "w"),
            ("Ping", (500, 0, 995), true, NO, Class::Benign, "f"),
            ("Sync", (500, 0, 995), true, NO, Class::Server, "fd"),
            (
                "Ping",
                (503, 0, 64),
                true,
                error("OverBudget"),
                Class::Throttled,
                "fd",
            ),
            // Errors.
            (
                "Sync",
                (200, 0, 0),
                true,
                error("NeverHeardOf"),
                Class::Unknown,
                "fd",
            ),
            (
                "Sync",
                (0, 0, 64),
                true,
                error("NeverHeardOf"),
                Class::Unknown,
                "fd",
            ),
            (
                "Sync",
                (500, 0, 0),
                true,
                error("NeverHeardOf"),
                Class::Server,
                "fd",
            ),
            (
                "ItemOperations",
                (200, 0, 0),
                true,
                eas(150),
                Class::Item,
                "f",
            ),
            ("Sync", (200, 0, 0), true, eas(134), Class::SyncState, "f"),
            // Statuses of a command.
            ("Sync", (200, 0, 0), true, eas(3), Class::SyncState, "f"),
            ("Sync", (200, 0, 0), true, eas(5), Class::Server, "fd"),
            ("Sync", (200, 0, 0), true, eas(8), Class::Item, "f"),
            ("Sync", (200, 0, 0), true, eas(9), Class::MailboxFull, "fd"),
            ("FolderSync", (200, 0, 0), true, eas(6), Class::Server, "fd"),
            ("Ping", (200, 0, 0), true, eas(2), Class::Success, "w"),
            ("Ping", (200, 0, 0), true, eas(5), Class::Success, "w"),
            // What nothing documents says nothing, as with a command that has no such status.
            ("Ping", (200, 0, 0), true, eas(8), Class::Success, "w"),
            ("MoveItems", (200, 0, 0), true, eas(3), Class::Success, "w"),
            ("Sync", (200, 0, 0), true, eas(2), Class::Success, "w"),
            // Provisioning.
            (
                "FolderSync",
                (449, 0, 0),
                true,
                NO,
                Class::Provisioning,
                "fdp",
            ),
            (
                "FolderSync",
                (200, 0, 0),
                true,
                eas(142),
                Class::Provisioning,
                "fdp",
            ),
            (
                "FolderSync",
                (403, 0, 0),
                true,
                access("BlockedP"),
                Class::Provisioning,
                "fdpb",
            ),
            (
                "Provision",
                (200, 0, 0),
                true,
                eas(145),
                Class::NotProvisionable,
                "fdp",
            ),
            (
                "Provision",
                (403, 0, 0),
                true,
                error("DeviceNotFullyProvisionable"),
                Class::NotProvisionable,
                "fdp",
            ),
            // Blocked.
            ("Sync", (456, 0, 0), true, NO, Class::Blocked, "fdb"),
            ("Sync", (200, 0, 0), true, eas(129), Class::Blocked, "fdb"),
            (
                "FolderSync",
                (200, 0, 0),
                true,
                eas(177),
                Class::DeviceLimit,
                "fdb",
            ),
            (
                "FolderSync",
                (403, 0, 0),
                true,
                error("MaxDevicesExceeded"),
                Class::DeviceLimit,
                "fdb",
            ),
            (
                "FolderSync",
                (200, 0, 0),
                true,
                eas(140),
                Class::Wipe,
                "fdpb",
            ),
            (
                "Sync",
                (503, 0, 0),
                true,
                error("DeviceIsAutoBlocked"),
                Class::AutoBlocked,
                "fdb",
            ),
            (
                "Sync",
                (403, 0, 0),
                true,
                access("BlockedZ"),
                Class::Blocked,
                "fdb",
            ),
            (
                "Sync",
                (200, 0, 0),
                true,
                access("BlockedZ"),
                Class::Success,
                "b",
            ),
            (
                "Sync",
                (200, 0, 0),
                true,
                access("QuarantinedG"),
                Class::Success,
                "",
            ),
            (
                "Sync",
                (200, 0, 0),
                true,
                access("AllowedG"),
                Class::Success,
                "w",
            ),
        ];
        let mut wrong = Vec::new();
        for (command, status, named, rest, class, holds) in cases {
            let judged = judge(command, status, named, rest);
            let found: String = [
                (judged.failed, 'f'),
                (judged.challenge, 'c'),
                (judged.decisive, 'd'),
                (judged.working, 'w'),
                (judged.provisioning, 'p'),
                (judged.blocked, 'b'),
            ]
            .iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, letter)| *letter)
            .collect();
            if (judged.class, found.as_str()) != (class, holds) {
                wrong.push(format!(
                    "{command} {status:?} {named} {rest:?}: {:?} {found}, not {class:?} {holds}",
                    judged.class
                ));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
