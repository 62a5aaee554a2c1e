//! What codes, names and elements mean.
//!
//! The tables are data files (`data/` in the source), compiled in: one source for this
//! documentation, for reports, and for who explains a line. Every fact carries the mark of its
//! evidence and the identifier of its source:
//!
//! | mark | evidence |
//! |---|---|
//! | D | documented by the vendor, a specification or a published table |
//! | S | seen in a published log line of a real server |
//! | X | interface fact, not yet confirmed by a line |
//! | I | inferred from lines or by arithmetic |
//! | K | background knowledge, not checked against a source |
//! | U | unknown |
//!
//! What is not in a table is unknown, and is to be shown as unknown.
//!
//! ```
//! use eas_log_parse::codes;
//! let status = codes::eas_status(142).unwrap();
//! assert_eq!(status.name, "DeviceNotProvisioned");
//! assert_eq!(status.evidence, "D");
//! assert_eq!(codes::element("RpcL").unwrap().unit, "ms");
//! assert!(codes::error("NeverHeardOf").is_none());
//! ```

mod access;
mod class;
mod elements;
mod errors;
mod facts;
mod statuses;
pub(crate) mod table;

pub use access::{AccessCode, access_reason, access_state, access_states};
pub use class::Class;
pub use elements::{ElementInfo, Scope, element, elements};
pub use errors::{ErrorName, error, error_names};
pub use facts::{
    Fact, activity_measure, activity_measures, all_count_letters, base64_command, base64_parameter,
    budget_key, budget_keys, command, commands, count_letters, element_value, element_values,
    field, fields, parameter, parameters,
};
pub use statuses::{
    Status, StatusScope, command_status, eas_status, http_status, iis_substatus, statuses, win32,
};

/// The words for a mark of evidence, such as `"D"`; several marks may stand together (`"X,S"`).
pub fn evidence(mark: char) -> Option<&'static str> {
    Some(match mark {
        'D' => "documented",
        'S' => "seen in published log lines",
        'X' => "interface fact, not confirmed by a line",
        'I' => "inferred",
        'K' => "background knowledge",
        'U' => "unknown",
        _ => return None,
    })
}
