//! The status inside the response.

use core::fmt;

/// Status of an ActiveSync response (elements `S` and `SC1`).
///
/// Up to 16 its meaning depends on the command; from 101 on it is common to all commands
/// (MS-ASCMD 2.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct EasStatus(pub u16);

impl EasStatus {
    /// Whether the meaning is common to all commands. Such a status always says that the request
    /// was refused or failed.
    pub fn is_common(self) -> bool {
        self.0 >= 101
    }

    /// Whether the device is asked to provision, or cannot (139 to 144; MS-ASCMD 2.2.2).
    pub fn is_provisioning(self) -> bool {
        (139..=144).contains(&self.0)
    }
}

impl fmt::Display for EasStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
