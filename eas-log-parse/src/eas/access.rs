//! The access state of a device (element `As`).

use core::fmt;

use crate::fault::{Fault, FaultKind};

/// What Exchange decided about a device when it last evaluated its access.
///
/// Source: interface facts; `Allowed` and `Blocked` observed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum AccessState {
    /// Not evaluated.
    Unknown,
    /// May sync.
    Allowed,
    /// Refused.
    Blocked,
    /// Waits for an administrator.
    Quarantined,
    /// Waits for the device to tell its information; treated like quarantine.
    DeviceDiscovery,
}

/// Why a device is in its access state.
///
/// Logs abbreviate the reason to its first letter, and the reasons of automatic blocking to `AB`
/// with a letter. Source: interface facts; `G` and `P` observed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum AccessReason {
    /// `G`: default access level of the organization.
    Global,
    /// `I`: list of allowed or blocked devices of the mailbox.
    Individual,
    /// `D`: a device access rule.
    DeviceRule,
    /// `U`: carried over by an upgrade, or not recorded. The letter does not tell which.
    UpgradeOrUnknown,
    /// `P`: the mobile device mailbox policy.
    Policy,
    /// `ABU`: the user agent changed too often.
    UserAgentsChanges,
    /// `ABR`: too many recent commands.
    RecentCommands,
    /// `ABW`: requests raised server exceptions.
    Watsons,
    /// `ABO`: repeatedly over the throttling budget.
    OutOfBudgets,
    /// `ABS`: identical Sync commands again and again.
    SyncCommands,
    /// `ABE`: the slot exists, its use is unknown.
    EnableNotificationEmail,
    /// `ABC`: commands too frequent.
    CommandFrequency,
    /// `E`: decided by an external mobile device management.
    External,
}

/// A value of the element `As`, such as `AllowedG` or `BlockedP`.
///
/// ```
/// use eas_log_parse::{Access, AccessReason, AccessState, codes};
/// let access = Access::parse(b"BlockedABO").unwrap();
/// assert_eq!(access.state, AccessState::Blocked);
/// let reason = access.reason.unwrap();
/// assert!(reason.is_automatic());
/// assert_eq!(reason.name(), "OutOfBudgets");
/// assert_eq!(access.to_string(), "BlockedABO");
/// assert_eq!(codes::access_reason(reason).next().unwrap().evidence, "X");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Access {
    /// The state.
    pub state: AccessState,
    /// The reason, where the value gives one.
    pub reason: Option<AccessReason>,
}

const STATES: [(&[u8], AccessState); 5] = [
    (b"Allowed", AccessState::Allowed),
    (b"Blocked", AccessState::Blocked),
    (b"Quarantined", AccessState::Quarantined),
    (b"DeviceDiscovery", AccessState::DeviceDiscovery),
    (b"Unknown", AccessState::Unknown),
];

const REASONS: [(&str, AccessReason); 13] = [
    ("G", AccessReason::Global),
    ("I", AccessReason::Individual),
    ("D", AccessReason::DeviceRule),
    ("U", AccessReason::UpgradeOrUnknown),
    ("P", AccessReason::Policy),
    ("ABU", AccessReason::UserAgentsChanges),
    ("ABR", AccessReason::RecentCommands),
    ("ABW", AccessReason::Watsons),
    ("ABO", AccessReason::OutOfBudgets),
    ("ABS", AccessReason::SyncCommands),
    ("ABE", AccessReason::EnableNotificationEmail),
    ("ABC", AccessReason::CommandFrequency),
    ("E", AccessReason::External),
];

impl Access {
    /// Reads a value of `As`.
    ///
    /// # Errors
    /// If it is not a known state with a known reason: the text is then to be shown as it is.
    ///
    /// ```
    /// use eas_log_parse::{Access, AccessReason, AccessState};
    /// let access = Access::parse(b"BlockedP").unwrap();
    /// assert_eq!(access.state, AccessState::Blocked);
    /// assert_eq!(access.reason, Some(AccessReason::Policy));
    /// assert!(Access::parse(b"Allowed?").is_err());
    /// ```
    pub fn parse(value: &[u8]) -> Result<Access, Fault> {
        let bad = |at| Fault::new(FaultKind::BadAccessState, at);
        let (letters, state) = STATES
            .iter()
            .find_map(|&(name, state)| Some((value.strip_prefix(name)?, state)))
            .ok_or(bad(0))?;
        let reason = match letters {
            [] => None,
            _ => Some(
                REASONS
                    .iter()
                    .find(|(name, _)| name.as_bytes() == letters)
                    .map(|&(_, reason)| reason)
                    .ok_or(bad(value.len() - letters.len()))?,
            ),
        };
        Ok(Access { state, reason })
    }
}

impl AccessState {
    /// The name as Exchange writes it.
    pub fn name(self) -> &'static str {
        match self {
            AccessState::Unknown => "Unknown",
            AccessState::Allowed => "Allowed",
            AccessState::Blocked => "Blocked",
            AccessState::Quarantined => "Quarantined",
            AccessState::DeviceDiscovery => "DeviceDiscovery",
        }
    }
}

impl AccessReason {
    /// Every reason.
    pub fn all() -> impl ExactSizeIterator<Item = AccessReason> {
        REASONS.iter().map(|&(_, reason)| reason)
    }

    /// The letters that stand for the reason in logs.
    pub fn letters(self) -> &'static str {
        REASONS
            .iter()
            .find(|&&(_, reason)| reason == self)
            .map_or("", |&(letters, _)| letters)
    }

    /// The name as `DeviceAccessStateReason` gives it in the management shell.
    pub fn name(self) -> &'static str {
        match self {
            AccessReason::Global => "Global",
            AccessReason::Individual => "Individual",
            AccessReason::DeviceRule => "DeviceRule",
            AccessReason::UpgradeOrUnknown => "Upgrade or Unknown",
            AccessReason::Policy => "Policy",
            AccessReason::UserAgentsChanges => "UserAgentsChanges",
            AccessReason::RecentCommands => "RecentCommands",
            AccessReason::Watsons => "Watsons",
            AccessReason::OutOfBudgets => "OutOfBudgets",
            AccessReason::SyncCommands => "SyncCommands",
            AccessReason::EnableNotificationEmail => "EnableNotificationEmail",
            AccessReason::CommandFrequency => "CommandFrequency",
            AccessReason::External => "ExternallyManaged, ExternalCompliance or ExternalEnrollment",
        }
    }

    /// Whether the server blocked the device by itself, because of its behaviour.
    pub fn is_automatic(self) -> bool {
        self.letters().starts_with("AB")
    }
}

/// Shows the value as Exchange writes it, such as `BlockedP`.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.state.name())?;
        self.reason
            .map_or(Ok(()), |reason| f.write_str(reason.letters()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_with_every_reason_reads_back() {
        assert_eq!(AccessReason::all().len(), 13);
        for (_, state) in STATES {
            for reason in AccessReason::all().map(Some).chain([None]) {
                let access = Access { state, reason };
                assert_eq!(Access::parse(access.to_string().as_bytes()), Ok(access));
            }
        }
    }

    #[test]
    fn what_is_not_known_is_a_fault() {
        for (value, at) in [("allowedG", 0), ("Allowedg", 7), ("BlockedABX", 7), ("", 0)] {
            let want = Err(Fault {
                kind: FaultKind::BadAccessState,
                at,
            });
            assert_eq!(Access::parse(value.as_bytes()), want, "{value}");
        }
    }
}
