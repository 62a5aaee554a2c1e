//! Lines that are kept as they are, for who wants to see them.

use eas_log_parse::{Field, Record};

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
    /// HTTP status.
    pub sc_status: Option<u16>,
    /// IIS substatus.
    pub sc_substatus: Option<u16>,
    /// Windows status.
    pub sc_win32_status: Option<u64>,
    /// EAS status.
    pub eas_status: Option<u16>,
    /// Its errors, as logged.
    pub errors: Vec<u8>,
    /// The name of its class.
    pub class: &'static str,
    /// Whether it failed.
    pub failed: bool,
    /// Time that the server took, in milliseconds.
    pub time_taken_ms: Option<u64>,
    /// The line.
    pub line: Vec<u8>,
    /// Where its values stand.
    pub columns: Vec<KeptColumn>,
}

/// Where a value of a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptColumn {
    /// Its field, if it is a standard one.
    pub field: Option<Field>,
    /// The offset of its first byte in the line.
    pub start: u32,
    /// The offset behind its last byte.
    pub end: u32,
}

impl KeptColumn {
    /// The columns of a record.
    pub(super) fn of(record: &Record<'_, '_>) -> Vec<KeptColumn> {
        let line = record.line().bytes.as_ptr().addr();
        let names = record.layout().names().enumerate();
        names
            .filter_map(|(column, name)| {
                let value = record.raw(column)?;
                let start = value.as_ptr().addr() - line;
                Some(KeptColumn {
                    field: Field::from_name(name),
                    start: start as u32,
                    end: (start + value.len()) as u32,
                })
            })
            .collect()
    }
}
