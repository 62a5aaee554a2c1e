//! The names of W3C extended log fields, as IIS writes them.

use core::fmt;

macro_rules! fields {
    ($($(#[$doc:meta])* $variant:ident = $name:literal $(| $alias:literal)*),+ $(,)?) => {
        /// A field that IIS writes under a standard name. Names are compared without case.
        ///
        /// Fields of other names are kept in the [`FieldLayout`](super::FieldLayout) and reached
        /// by name.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field {
            $($(#[$doc])* #[doc = concat!("\n\nField name: `", $name, "`.")] $variant,)+
        }

        impl Field {
            /// Every standard field.
            pub const ALL: &'static [Field] = &[$(Field::$variant),+];

            /// The name as IIS writes it after `#Fields:`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Field::$variant => $name,)+
                }
            }

            /// The standard field of this name, without regard to case.
            pub fn from_name(name: &[u8]) -> Option<Field> {
                $(
                    if name.eq_ignore_ascii_case($name.as_bytes())
                        $(|| name.eq_ignore_ascii_case($alias.as_bytes()))*
                    {
                        return Some(Field::$variant);
                    }
                )+
                None
            }
        }
    };
}

fields! {
    /// Date (UTC) on which the request ended, as `YYYY-MM-DD`.
    Date = "date",
    /// Time of day (UTC) at which the request ended, as `HH:MM:SS`.
    Time = "time",
    /// Site instance, such as `W3SVC1`. Exchange 2013 and later: 1 is the front end, 2 the back end.
    SSitename = "s-sitename",
    /// Name of the server.
    SComputername = "s-computername",
    /// Address of the server.
    SIp = "s-ip",
    /// HTTP method.
    CsMethod = "cs-method",
    /// Path of the request.
    CsUriStem = "cs-uri-stem",
    /// Query of the request, percent-encoded, without the question mark.
    CsUriQuery = "cs-uri-query",
    /// Port of the server. Exchange 2013 and later: 443 is the front end, 444 the back end.
    SPort = "s-port",
    /// Authenticated user.
    CsUsername = "cs-username",
    /// Address of the peer: a client, a proxy or a load balancer.
    CIp = "c-ip",
    /// HTTP version of the request.
    CsVersion = "cs-version",
    /// `User-Agent` header, with `+` for a blank.
    CsUserAgent = "cs(User-Agent)",
    /// `Cookie` header.
    CsCookie = "cs(Cookie)",
    /// `Referer` header.
    CsReferer = "cs(Referer)" | "cs(Referrer)",
    /// `Host` header. Advanced Logging spells it `cs(Host)`.
    CsHost = "cs-host" | "cs(Host)",
    /// HTTP status of the response.
    ScStatus = "sc-status",
    /// IIS substatus of the response.
    ScSubstatus = "sc-substatus",
    /// Windows status, in decimal. Values beyond 32 bits occur.
    ScWin32Status = "sc-win32-status",
    /// Bytes sent by the server.
    ScBytes = "sc-bytes",
    /// Bytes received by the server.
    CsBytes = "cs-bytes",
    /// Duration of the request in milliseconds. Advanced Logging spells it `TimeTakenMS`.
    TimeTaken = "time-taken" | "TimeTakenMS",
    /// Chain of client addresses, logged where an administrator added the header.
    XForwardedFor = "X-Forwarded-For",
}

impl Field {
    /// Number of standard fields.
    pub(crate) const COUNT: usize = Field::ALL.len();
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_by_its_name_in_any_case() {
        assert_eq!(Field::ALL.len(), 23);
        for &field in Field::ALL {
            assert_eq!(Field::from_name(field.name().as_bytes()), Some(field));
            let upper = field.name().to_ascii_uppercase();
            assert_eq!(Field::from_name(upper.as_bytes()), Some(field));
        }
        assert_eq!(Field::from_name(b"cs(Referrer)"), Some(Field::CsReferer));
        assert_eq!(Field::from_name(b"date-local"), None);
    }
}
