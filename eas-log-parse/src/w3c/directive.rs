//! Directives: the lines that start with `#`.

use chrono::NaiveDateTime;

use super::layout::FieldLayout;
use crate::fault::{Fault, FaultKind};
use crate::grammar;

/// A directive line (W3C WD-logfile, "Directives").
///
/// ```
/// use eas_log_parse::{Directive, Entry, LogSlice};
/// let mut log = LogSlice::new(b"#Software: Microsoft Internet Information Services 7.5\n");
/// let Some(Entry::Directive(line, directive)) = log.next_entry() else { panic!() };
/// assert_eq!(line.position.line, 1);
/// let software = b"Microsoft Internet Information Services 7.5";
/// assert_eq!(directive, Directive::Software(software));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive<'a> {
    /// `#Fields:` with the names of the values on the lines below it.
    Fields(FieldLayout),
    /// `#Date:`, the time (UTC) at which this part of the log was begun. The value is read up to
    /// the seconds; what follows them is ignored. `Err` if it is not a date and time.
    Date(Result<NaiveDateTime, Fault>),
    /// `#Software:`, the writer of the log.
    Software(&'a [u8]),
    /// `#Version:`, the version of the log format.
    Version(&'a [u8]),
    /// Any other directive: its name, and its value (empty where there is no colon).
    Other {
        /// The text between `#` and the colon.
        name: &'a [u8],
        /// The text after the colon, without blanks around it.
        value: &'a [u8],
    },
}

impl<'a> Directive<'a> {
    /// Reads a line that starts with `#`. Only a `#Fields` directive without a name is a fault.
    pub(crate) fn parse(line: &'a [u8]) -> Result<Directive<'a>, Fault> {
        let (name, value) = grammar::directive(line);
        let is = |expected: &str| name.eq_ignore_ascii_case(expected.as_bytes());
        Ok(if is("Fields") {
            let layout = FieldLayout::parse(value);
            if layout.is_empty() {
                return Err(Fault::new(FaultKind::EmptyFields, line.len()));
            }
            Directive::Fields(layout)
        } else if is("Date") {
            Directive::Date(grammar::date_time(value))
        } else if is("Software") {
            Directive::Software(value)
        } else if is("Version") {
            Directive::Version(value)
        } else {
            Directive::Other { name, value }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_of_real_servers() {
        let date = |line| match Directive::parse(line) {
            Ok(Directive::Date(Ok(at))) => at.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!(date(b"#Date: 2011-05-06 11:29:50"), "2011-05-06 11:29:50");
        assert_eq!(
            date(b"#date:2011-05-06 11:29:50  // first entry"),
            "2011-05-06 11:29:50"
        );
        assert_eq!(
            Directive::parse(b"#Date: 28/Jun/2017 07:28:59"),
            Ok(Directive::Date(Err(Fault {
                kind: FaultKind::BadDate,
                at: 0
            })))
        );
        assert_eq!(
            Directive::parse(b"#Software: Microsoft Internet Information Services 7.5 "),
            Ok(Directive::Software(
                b"Microsoft Internet Information Services 7.5"
            ))
        );
        assert_eq!(
            Directive::parse(b"#GMT-Offset: -0800"),
            Ok(Directive::Other {
                name: b"GMT-Offset",
                value: b"-0800"
            })
        );
        assert_eq!(
            Directive::parse(b"# a remark"),
            Ok(Directive::Other {
                name: b"a remark",
                value: b""
            })
        );
    }

    #[test]
    fn fields_without_names_are_a_fault() {
        assert_eq!(
            Directive::parse(b"#Fields:  "),
            Err(Fault {
                kind: FaultKind::EmptyFields,
                at: 10
            })
        );
    }
}
