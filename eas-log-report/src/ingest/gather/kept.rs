//! Lines that are kept as they are, for who wants to see them.

use eas_log_parse::Field;

use crate::facts::Moment;

/// A request with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// When and where it was logged.
    pub at: Moment,
    /// The user, as logged.
    pub user: Vec<u8>,
    /// The device id, as logged.
    pub device: Vec<u8>,
    /// The server, by name or address.
    pub server: Vec<u8>,
    /// The command, or the method of a request without one.
    pub command: Vec<u8>,
    /// What the server said: statuses, error, access state.
    pub said: String,
    /// The name of its class.
    pub class: &'static str,
    /// Whether it failed.
    pub failed: bool,
    /// Time that the server took, in milliseconds.
    pub time_taken_ms: Option<u64>,
    /// The line.
    pub line: Vec<u8>,
    /// The standard fields of its columns.
    pub fields: Vec<Option<Field>>,
}
