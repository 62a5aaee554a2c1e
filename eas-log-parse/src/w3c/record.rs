//! A line of values, seen through the layout in force.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::field::Field;
use super::layout::FieldLayout;
use super::line::Line;
use super::split::Span;
use super::value;
use crate::eas::{EasQuery, EasStem};
use crate::fault::Fault;
use crate::position::Position;

/// One logged request.
///
/// Values are borrowed from the log (`'a`) and outlive the call that read them; the record itself
/// borrows the reader's layout (`'l`) and lives until the next entry is asked for.
///
/// A typed getter has three answers: the value is absent (`Ok(None)`: the log has no such column,
/// or `-` or nothing stands in it), present (`Ok(Some(_))`), or wrong (`Err`). Text has two.
///
/// ```
/// use eas_log_parse::{Entry, LogSlice};
/// let mut log = LogSlice::new(b"#Fields: cs-username sc-status time-taken X-Custom\n- 2OO 15 a\n");
/// log.next_entry();
/// let Some(Entry::Record(record)) = log.next_entry() else { panic!() };
/// assert_eq!(record.cs_username(), None);
/// assert_eq!(record.sc_status().unwrap_err().to_string(), "expected a decimal number at byte 1");
/// assert_eq!(record.time_taken_ms(), Ok(Some(15)));
/// assert_eq!(record.sc_bytes(), Ok(None), "no such column");
/// assert_eq!(record.get_named(b"x-custom"), Some(&b"a"[..]));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Record<'a, 'l> {
    pub(crate) line: Line<'a>,
    pub(crate) layout: &'l FieldLayout,
    pub(crate) values: &'l [Span],
    /// The date of the last `#Date`, for logs without a date column.
    pub(crate) date: Option<NaiveDate>,
}

/// A value that opens with a quote.
#[cold]
fn unquoted(value: &[u8]) -> Option<&[u8]> {
    let value = match value {
        [b'"', inner @ .., b'"'] => inner,
        plain => plain,
    };
    (!value.is_empty() && value != b"-").then_some(value)
}

/// A getter whose value is a number.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $field:ident),+ $(,)?) => {
        $($(#[$doc])*
        ///
        /// # Errors
        /// If the value is not a decimal number of this type.
        #[inline]
        pub fn $name(&self) -> Result<Option<$type>, Fault> {
            self.get(Field::$field).map(value::number).transpose()
        })+
    };
}

/// A getter whose value is text.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $field:ident),+ $(,)?) => {
        $($(#[$doc])*
        #[inline]
        pub fn $name(&self) -> Option<&'a [u8]> {
            self.get(Field::$field)
        })+
    };
}

impl<'a, 'l> Record<'a, 'l> {
    /// The line that the record was read from.
    pub fn line(&self) -> Line<'a> {
        self.line
    }

    /// Where the line stands.
    pub fn position(&self) -> Position {
        self.line.position
    }

    /// The layout that names the values.
    pub fn layout(&self) -> &'l FieldLayout {
        self.layout
    }

    /// Number of values, which is the number of fields of the layout.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value. Never so for a record that a reader returns.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The value of a column as it was written, `-` and quotes included. `None` beyond the last.
    #[inline]
    pub fn raw(&self, column: usize) -> Option<&'a [u8]> {
        self.values.get(column).map(|span| span.of(self.line.bytes))
    }

    /// The value of a column: `None` for `-`, nothing, and beyond the last column. Quotes around
    /// the whole value (Advanced Logging) are taken off; doubled quotes inside stay doubled.
    #[inline]
    pub fn value(&self, column: usize) -> Option<&'a [u8]> {
        match self.raw(column)? {
            [] | [b'-'] => None,
            [b'"', ..] => unquoted(self.raw(column)?),
            plain => Some(plain),
        }
    }

    /// The value of a standard field.
    #[inline]
    pub fn get(&self, field: Field) -> Option<&'a [u8]> {
        self.value(self.layout.column(field)?)
    }

    /// The value of a field of any name, without regard to case.
    pub fn get_named(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.value(self.layout.column_named(name)?)
    }

    /// Date (UTC): of the `date` column or, in a log without one, of the last `#Date`.
    ///
    /// # Errors
    /// If the value is not a date as `YYYY-MM-DD`.
    #[inline]
    pub fn date(&self) -> Result<Option<NaiveDate>, Fault> {
        match self.layout.column(Field::Date) {
            Some(column) => self.value(column).map(value::date).transpose(),
            None => Ok(self.date),
        }
    }

    /// Time of day (UTC), with a fraction where the log has one.
    ///
    /// # Errors
    /// If the value is not a time as `HH:MM:SS`.
    #[inline]
    pub fn time(&self) -> Result<Option<NaiveTime>, Fault> {
        self.get(Field::Time).map(value::time).transpose()
    }

    /// Date and time (UTC) at which the request ended. IIS writes a line when the response ends;
    /// the start is this minus [`time_taken_ms`](Record::time_taken_ms).
    ///
    /// # Errors
    /// If the date or the time is wrong.
    #[inline]
    pub fn timestamp(&self) -> Result<Option<NaiveDateTime>, Fault> {
        Ok(match (self.date()?, self.time()?) {
            (Some(date), Some(time)) => Some(date.and_time(time)),
            _ => None,
        })
    }

    numbers! {
        /// HTTP status.
        sc_status: u16 = ScStatus,
        /// IIS substatus.
        sc_substatus: u16 = ScSubstatus,
        /// Windows status. Values beyond 32 bits occur (observed).
        sc_win32_status: u64 = ScWin32Status,
        /// Bytes sent by the server.
        sc_bytes: u64 = ScBytes,
        /// Bytes received by the server.
        cs_bytes: u64 = CsBytes,
        /// Duration of the request in milliseconds.
        time_taken_ms: u64 = TimeTaken,
        /// Port of the server.
        s_port: u16 = SPort,
    }

    texts! {
        /// Site instance, such as `W3SVC1`.
        s_sitename = SSitename,
        /// Name of the server.
        s_computername = SComputername,
        /// Address of the server.
        s_ip = SIp,
        /// HTTP method.
        cs_method = CsMethod,
        /// Path of the request.
        cs_uri_stem = CsUriStem,
        /// Query of the request, percent-encoded.
        cs_uri_query = CsUriQuery,
        /// Authenticated user.
        cs_username = CsUsername,
        /// Address of the peer.
        c_ip = CIp,
        /// User agent, with `+` for a blank.
        cs_user_agent = CsUserAgent,
        /// `Host` header.
        cs_host = CsHost,
        /// Chain of client addresses.
        x_forwarded_for = XForwardedFor,
    }

    /// What the path says about an ActiveSync request; `None` if it is not one.
    #[inline]
    pub fn eas_stem(&self) -> Option<EasStem> {
        self.cs_uri_stem().and_then(EasStem::parse)
    }

    /// The query of an ActiveSync request; `None` if the path is not ActiveSync's. A request
    /// without a query has an empty one.
    #[inline]
    pub fn eas(&self) -> Option<EasQuery<'a>> {
        self.eas_stem()?;
        Some(EasQuery::parse(self.cs_uri_query().unwrap_or_default()))
    }
}
