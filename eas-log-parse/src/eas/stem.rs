//! The path of an ActiveSync request.

/// Which of the paths of ActiveSync a request went to.
///
/// Paths are compared without case. Source: MS-ASHTTP 2.2.1.1.1 (`/Microsoft-Server-ActiveSync`);
/// the others observed in logs of Exchange 2007 to 2019.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum EasStem {
    /// `/Microsoft-Server-ActiveSync`, with or without a slash behind it.
    Root,
    /// `/Microsoft-Server-ActiveSync/default.eas`: the same, after the server's own rewrite.
    DefaultEas,
    /// `/Microsoft-Server-ActiveSync/Proxy`, with or without `/default.eas`: another server sent
    /// the request here. Every line of an Exchange 2013 or later back end is one.
    Proxy,
    /// Any other path below `/Microsoft-Server-ActiveSync/`.
    Other,
}

const ROOT: &[u8] = b"/Microsoft-Server-ActiveSync";

impl EasStem {
    /// Recognises a path; `None` if it is not ActiveSync's.
    ///
    /// ```
    /// use eas_log_parse::EasStem;
    /// let proxied = b"/microsoft-server-activesync/Proxy/default.eas";
    /// assert_eq!(EasStem::parse(proxied), Some(EasStem::Proxy));
    /// assert_eq!(EasStem::parse(b"/owa/"), None);
    /// ```
    #[inline]
    pub fn parse(path: &[u8]) -> Option<EasStem> {
        // As almost every server writes it.
        if path == b"/Microsoft-Server-ActiveSync/default.eas" {
            return Some(EasStem::DefaultEas);
        }
        let (root, rest) = path.split_at_checked(ROOT.len())?;
        if !root.eq_ignore_ascii_case(ROOT) || !matches!(rest, [] | [b'/', ..]) {
            return None;
        }
        let is = |tail: &[u8]| rest.eq_ignore_ascii_case(tail);
        Some(if is(b"/default.eas") {
            EasStem::DefaultEas
        } else if is(b"") || is(b"/") {
            EasStem::Root
        } else if is(b"/Proxy/default.eas") || is(b"/Proxy") || is(b"/Proxy/") {
            EasStem::Proxy
        } else {
            EasStem::Other
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let cases: [(&str, Option<EasStem>); 10] = [
            ("/Microsoft-Server-ActiveSync", Some(EasStem::Root)),
            ("/Microsoft-Server-ActiveSync/", Some(EasStem::Root)),
            (
                "/MICROSOFT-SERVER-ACTIVESYNC/DEFAULT.EAS",
                Some(EasStem::DefaultEas),
            ),
            ("/Microsoft-Server-ActiveSync/Proxy", Some(EasStem::Proxy)),
            (
                "/Microsoft-Server-ActiveSync/proxy/default.eas",
                Some(EasStem::Proxy),
            ),
            (
                "/Microsoft-Server-ActiveSync/scripts/x",
                Some(EasStem::Other),
            ),
            ("/Microsoft-Server-ActiveSync2", None),
            ("/Microsoft-Server-ActiveSyn", None),
            ("/owa/Microsoft-Server-ActiveSync", None),
            ("", None),
        ];
        for (path, want) in cases {
            assert_eq!(EasStem::parse(path.as_bytes()), want, "{path}");
        }
    }
}
