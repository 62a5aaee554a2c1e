//! The query of a request, in its plain text form (MS-ASHTTP 2.2.1.1.1.2).

use super::base64_query::looks_like;
use super::command::Command;
use super::log::EasLog;
use crate::separators::{Baseline, Look, Separators, at_best};
use crate::text::Encoded;

/// The query of an ActiveSync request.
///
/// Reading is total: any bytes are a query. Keys are compared without case and may stand in any
/// order; of a repeated key the first counts; empty pairs (`&&`) are passed over; unknown keys
/// are kept and reached by [`EasQuery::pairs`]. Values are decoded only when asked for.
///
/// ```
/// use eas_log_parse::{Command, EasQuery};
/// let query = EasQuery::parse(b"User=contoso%5Cu1&DeviceId=IMEI123&DeviceType=NokiaEmail\
///     &Cmd=Settings&Log=V121_Pk0_Error:DeviceNotProvisioned_As:BlockedP_");
/// assert_eq!(query.command(), Some(Command::Settings));
/// assert_eq!(&*query.user().unwrap().decode(), b"contoso\\u1");
/// let log = query.log().unwrap();
/// assert_eq!(log.error().unwrap().raw(), b"DeviceNotProvisioned");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EasQuery<'a> {
    raw: &'a [u8],
    command: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    device_id: Option<&'a [u8]>,
    device_type: Option<&'a [u8]>,
    log: Option<&'a [u8]>,
}

impl<'a> EasQuery<'a> {
    /// Reads the value of `cs-uri-query`.
    #[inline]
    pub fn parse(raw: &'a [u8]) -> EasQuery<'a> {
        at_best!(EasQuery::parse_by, raw)
    }

    #[inline(always)]
    fn parse_by(look: impl Look, raw: &'a [u8]) -> EasQuery<'a> {
        let mut query = EasQuery {
            raw,
            command: None,
            user: None,
            device_id: None,
            device_type: None,
            log: None,
        };
        for piece in Pieces::new(look, raw) {
            let (slot, value) = if let Some(value) = value_of(b"User", piece) {
                (&mut query.user, value)
            } else if let Some(value) = value_of(b"DeviceId", piece) {
                (&mut query.device_id, value)
            } else if let Some(value) = value_of(b"DeviceType", piece) {
                (&mut query.device_type, value)
            } else if let Some(value) = value_of(b"Cmd", piece) {
                (&mut query.command, value)
            } else if let Some(value) = value_of(b"Log", piece) {
                (&mut query.log, value)
            } else {
                continue;
            };
            slot.get_or_insert(value);
        }
        query
    }

    /// The query as it stands in the log.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Every pair that is not empty, in order, the known ones included.
    #[inline]
    pub fn pairs(&self) -> Pairs<'a> {
        Pairs {
            pieces: Pieces::new(Baseline, self.raw),
        }
    }

    /// The value of a key, without regard to case.
    pub fn get(&self, key: &[u8]) -> Option<Encoded<'a>> {
        let pair = self
            .pairs()
            .find(|pair| pair.key.eq_ignore_ascii_case(key))?;
        pair.value.map(Encoded::new)
    }

    /// `Cmd`. Absent from an OPTIONS request.
    #[inline]
    pub fn command(&self) -> Option<Command<'a>> {
        self.command
            .filter(|name| !name.is_empty())
            .map(Command::parse)
    }

    /// `User`, as the client wrote it: `user`, `DOMAIN\user` or `user@domain`. The client chooses
    /// it; `cs-username` is who was authenticated.
    #[inline]
    pub fn user(&self) -> Option<Encoded<'a>> {
        self.user
            .filter(|value| !value.is_empty())
            .map(Encoded::new)
    }

    /// `DeviceId`. Exchange compares device ids without case.
    #[inline]
    pub fn device_id(&self) -> Option<Encoded<'a>> {
        self.device_id
            .filter(|value| !value.is_empty())
            .map(Encoded::new)
    }

    /// `DeviceType`. The client chooses it.
    #[inline]
    pub fn device_type(&self) -> Option<Encoded<'a>> {
        self.device_type
            .filter(|value| !value.is_empty())
            .map(Encoded::new)
    }

    /// Whether this is the base64-encoded form, as far as its first letters tell. It is decoded by
    /// [`Base64Query::parse`](super::Base64Query::parse); the getters here find nothing in it but
    /// what a server appended.
    #[inline]
    pub fn is_base64(&self) -> bool {
        self.command.is_none() && self.device_id.is_none() && looks_like(self.raw)
    }

    /// Id under which the front end of Exchange 2013 and later logs the request (`cafeReqId`). It
    /// joins the line to the HttpProxy log, not to the line of the back end (observed).
    pub fn cafe_request_id(&self) -> Option<&'a [u8]> {
        self.appended(b"cafeReqId")
    }

    /// `CorrelationID`, which the front end of Exchange 2013 and later appends.
    pub fn correlation_id(&self) -> Option<&'a [u8]> {
        self.appended(b"CorrelationID")
    }

    /// A value that the front end appended: without its closing `;`, and none for `<empty>`.
    fn appended(&self, key: &[u8]) -> Option<&'a [u8]> {
        let value = self.get(key)?.raw();
        let value = value.strip_suffix(b";").unwrap_or(value);
        (!value.is_empty() && value != b"<empty>").then_some(value)
    }

    /// `Log`, what Exchange appended. Absent from the front end of Exchange 2013 and later.
    #[inline]
    pub fn log(&self) -> Option<EasLog<'a>> {
        self.log.map(EasLog::new)
    }
}

/// The value of a piece, if it has this key.
#[inline(always)]
fn value_of<'a, const N: usize>(key: &[u8; N], piece: &'a [u8]) -> Option<&'a [u8]> {
    let (said, rest) = piece.split_first_chunk::<N>()?;
    let value = rest.strip_prefix(b"=")?;
    // Nearly all stand as Exchange writes them, which is quicker to see.
    (said == key || said.eq_ignore_ascii_case(key)).then_some(value)
}

/// One piece of a query.
///
/// ```
/// use eas_log_parse::{EasQuery, Pair};
/// let query = EasQuery::parse(b"Cmd=Ping&User=a%5Cb&&x");
/// let pairs: Vec<_> = query.pairs().collect();
/// assert_eq!(pairs[1], Pair { key: b"User", value: Some(b"a%5Cb") });
/// assert_eq!(pairs.last(), Some(&Pair { key: b"x", value: None }));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// What stands before the first `=`, or the whole piece if there is none.
    pub key: &'a [u8],
    /// What stands behind the first `=`. Of the values that the front end of Exchange 2013 and
    /// later appends (`cafeReqId`, `CorrelationID`, `ClientId`), the closing `;` is part.
    pub value: Option<&'a [u8]>,
}

/// Iterator over the pieces of a query; see [`EasQuery::pairs`].
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    pieces: Pieces<'a, Baseline>,
}

impl<'a> Pair<'a> {
    #[inline]
    fn cut(piece: &'a [u8]) -> Pair<'a> {
        // Keys are short, so that a plain loop is the fastest.
        let cut = piece.iter().position(|&b| b == b'=');
        Pair {
            key: &piece[..cut.unwrap_or(piece.len())],
            value: cut.map(|cut| &piece[cut + 1..]),
        }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        self.pieces.next().map(Pair::cut)
    }
}

/// Iterator over the pieces of a query that are not empty, as they stand.
#[derive(Clone, Debug)]
struct Pieces<'a, L> {
    query: &'a [u8],
    /// Where the next one begins.
    at: usize,
    separators: Separators<'a, L>,
}

impl<'a, L: Look> Pieces<'a, L> {
    #[inline(always)]
    fn new(look: L, query: &'a [u8]) -> Pieces<'a, L> {
        Pieces {
            query,
            at: 0,
            separators: Separators::new(look, query, [b'&']),
        }
    }
}

impl<'a, L: Look> Iterator for Pieces<'a, L> {
    type Item = &'a [u8];

    #[inline(always)]
    fn next(&mut self) -> Option<&'a [u8]> {
        while self.at < self.query.len() {
            let end = self.separators.next().unwrap_or(self.query.len());
            let piece = &self.query[self.at..end];
            self.at = end + 1;
            if !piece.is_empty() {
                return Some(piece);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_any_order_and_case() {
        let query =
            EasQuery::parse(b"cmd=Ping&&USER=u&deviceid=D1&Extra&DeviceType=iPhone&user=other");
        assert_eq!(query.command(), Some(Command::Ping));
        assert_eq!(query.user(), Some(Encoded::new(b"u")));
        assert_eq!(query.device_id(), Some(Encoded::new(b"D1")));
        assert_eq!(query.device_type(), Some(Encoded::new(b"iPhone")));
        assert_eq!(query.log(), None);
        let keys: Vec<_> = query.pairs().map(|pair| pair.key).collect();
        assert_eq!(
            keys,
            [
                &b"cmd"[..],
                b"USER",
                b"deviceid",
                b"Extra",
                b"DeviceType",
                b"user"
            ],
            "unknown and repeated keys are kept"
        );
    }

    #[test]
    fn what_stands_behind_log_is_not_part_of_it() {
        let query = EasQuery::parse(b"&Log=Ver1:140&CorrelationID=<empty>;&cafeReqId=896c;");
        assert_eq!(query.log().map(|log| log.raw()), Some(&b"Ver1:140"[..]));
        assert_eq!(query.get(b"CAFEREQID"), Some(Encoded::new(b"896c;")));
        assert_eq!(query.cafe_request_id(), Some(&b"896c"[..]));
        assert_eq!(query.correlation_id(), None, "<empty> is absent");
    }

    #[test]
    fn any_bytes_are_a_query() {
        for raw in [
            &b""[..],
            b"-",
            b"&",
            b"=",
            b"===&&&=x",
            b"\xff=\0",
            b"User=&Cmd=",
        ] {
            let query = EasQuery::parse(raw);
            assert_eq!(query.command(), None, "{raw:?}");
            assert_eq!(query.user(), None, "{raw:?}");
        }
        let template = EasQuery::parse(b"User=<user>&Cmd=Sync=Ping=<Data>");
        assert_eq!(
            template.command(),
            Some(Command::Other(b"Sync=Ping=<Data>"))
        );
    }
}
