//! The protocol version.

use core::fmt;

/// Version of the ActiveSync protocol, times ten, as logs write it: 121 is 12.1.
///
/// Known values are 10, 20, 21, 25, 120, 121, 140, 141, 160 and 161 (MS-ASHTTP; Exchange 2007
/// element list), and 0 for a request that names none, as OPTIONS does (observed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ProtocolVersion(pub u16);

impl ProtocolVersion {
    /// Whether the server reports refusals as HTTP 200 with an EAS status of 101 or more
    /// (14.0 and later), rather than as an HTTP status.
    pub fn reports_status_in_body(self) -> bool {
        self.0 >= 140
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0 / 10, self.0 % 10)
    }
}
