//! Which server of a chain wrote a line, and for whom.

use super::identity::Account;
use super::query::EasQuery;
use super::stem::EasStem;
use super::summary::LogSummary;
use crate::w3c::{Field, Record};

/// The part that the server of a line played in a request.
///
/// One request of a device can be logged twice: by the front end and the back end of Exchange 2013
/// and later, and by both servers when one Client Access server passes it on to another. Probes
/// and the server's own calls are no device's requests at all.
///
/// ```
/// use eas_log_parse::{Entry, Half, LogSlice, Tier};
/// let mut log = LogSlice::new(b"#Fields: s-port cs-uri-stem cs-uri-query cs(User-Agent)\n\
///     444 /Microsoft-Server-ActiveSync/Proxy/default.eas Cmd=Ping&Log=SC1:1_ Apple-iPhone/1\n");
/// log.next_entry();
/// let Some(Entry::Record(record)) = log.next_entry() else { panic!() };
/// let (stem, query) = (record.eas_stem().unwrap(), record.eas().unwrap());
/// let summary = query.log().map(|log| log.summary());
/// let tier = Tier::of(&record, stem, &query, summary.as_ref());
/// assert_eq!(tier, Tier::BackEnd);
/// assert_eq!(tier.half(), Some(Half::Back));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum Tier {
    /// The server that the device talked to, and that did the work, as far as the line tells.
    Client,
    /// Front end of Exchange 2013 or later: it appends `cafeReqId` or `CorrelationID` to the query
    /// and writes no `Log=` (observed).
    FrontEnd,
    /// Back end of Exchange 2013 or later: path `/Proxy`, with port 444 or the site `W3SVC2`
    /// (observed).
    BackEnd,
    /// A Client Access server that passed the request on: element `PrxTo` (observed).
    Proxying,
    /// A Client Access server that the request was passed on to: path `/Proxy` or element
    /// `PrxFrom`, and no back end.
    Proxied,
    /// A health probe of Exchange.
    Probe,
    /// Exchange's own call to its store: the WebDAV calls of Exchange 2003, and the question of a
    /// later server whether a mailbox is locked.
    Internal,
}

/// User agents that Exchange's own monitoring sends (observed, and background knowledge).
const PROBE_AGENTS: [&[u8]; 3] = [
    b"AMProbe",
    b"TestActiveSyncConnectivity",
    b"Microsoft.Exchange.Monitoring",
];

/// User agents of calls that Exchange makes itself: WebDAV of Exchange 2003 (observed), and the
/// lock check of later servers (interface fact).
const INTERNAL_AGENTS: [&[u8]; 2] = [b"Microsoft-Server-ActiveSync/", b"EAS-CheckForLock"];

fn starts_with_any(text: Option<&[u8]>, prefixes: &[&[u8]]) -> bool {
    let Some(text) = text else { return false };
    prefixes.iter().any(|prefix| {
        text.get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    })
}

/// Which half of a request a line is, where two servers log it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum Half {
    /// One server logged the request, as far as the line tells.
    Whole,
    /// The server that the device talked to.
    Front,
    /// The server that did the work.
    Back,
}

impl Tier {
    /// Which half of a request a line of this tier is; `None` for what no device asked for.
    ///
    /// No id joins the two halves in IIS logs: `cafeReqId` joins the front end to its HttpProxy log
    /// only (observed). What they share is the user, the device id, the command, the HTTP status
    /// (as long as the front does not answer by itself, as it does with 401 and 503) and the time
    /// of their end to about a second; and `PrxFrom` on the back names the front. So halves are
    /// counted against each other by user, device, command and status: of each such group the
    /// larger half is the number of requests.
    pub fn half(self) -> Option<Half> {
        match self {
            Tier::Client => Some(Half::Whole),
            Tier::FrontEnd | Tier::Proxying => Some(Half::Front),
            Tier::BackEnd | Tier::Proxied => Some(Half::Back),
            Tier::Probe | Tier::Internal => None,
        }
    }

    /// The tier of an ActiveSync request whose path, query and `Log=` value (where it has one) are
    /// already read.
    pub fn of(
        record: &Record<'_, '_>,
        stem: EasStem,
        query: &EasQuery<'_>,
        log: Option<&LogSummary<'_>>,
    ) -> Tier {
        if Tier::is_local(record, stem) || Tier::is_probe(record, query) {
            Tier::Probe
        } else {
            Tier::in_chain(record, stem, query, log)
        }
    }

    /// The tier of a request that is known to be no probe.
    #[inline]
    pub fn in_chain(
        record: &Record<'_, '_>,
        stem: EasStem,
        query: &EasQuery<'_>,
        log: Option<&LogSummary<'_>>,
    ) -> Tier {
        if stem == EasStem::Proxy {
            let back_end =
                record.get(Field::SPort) == Some(b"444") || record.s_sitename() == Some(b"W3SVC2");
            return if back_end {
                Tier::BackEnd
            } else {
                Tier::Proxied
            };
        }
        match log {
            Some(log) if log.proxy_to.is_some() => Tier::Proxying,
            Some(log) if log.proxy_from.is_some() => Tier::Proxied,
            Some(_) => Tier::Client,
            None if query.get(b"cafeReqId").is_some() => Tier::FrontEnd,
            None if query.get(b"CorrelationID").is_some() => Tier::FrontEnd,
            None => Tier::Client,
        }
    }

    /// Whether a request came to the client-facing side from the server itself: no device does that,
    /// health probes do. The back end is asked by its own server also on behalf of devices.
    #[inline]
    pub fn is_local(record: &Record<'_, '_>, stem: EasStem) -> bool {
        stem != EasStem::Proxy
            && record
                .c_ip()
                .is_some_and(|peer| peer == b"::1" || peer.starts_with(b"127."))
    }

    /// Whether a request is a health probe. Who sends it says so: the user agent, the mailbox
    /// `HealthMailbox…`, or the device type.
    pub fn is_probe(record: &Record<'_, '_>, query: &EasQuery<'_>) -> bool {
        if starts_with_any(record.cs_user_agent(), &PROBE_AGENTS) {
            return true;
        }
        let is_health =
            |text: &[u8]| starts_with_any(Some(Account::parse(text).name), &[b"HealthMailbox"]);
        record.cs_username().is_some_and(is_health)
            || query.user().is_some_and(|user| is_health(&user.decode()))
            || query
                .device_type()
                .is_some_and(|kind| kind.raw() == b"TestActiveSyncConnectivity")
    }

    /// Whether a line that is no ActiveSync request is one of Exchange's own calls on behalf of
    /// ActiveSync.
    #[inline]
    pub fn is_internal(record: &Record<'_, '_>) -> bool {
        starts_with_any(record.cs_user_agent(), &INTERNAL_AGENTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, LogSlice};

    fn tier(line: &str) -> Option<Tier> {
        let log = format!(
            "#Fields: s-port cs-uri-stem cs-uri-query cs-username cs(User-Agent) c-ip\n{line} 10.9.9.9\n"
        );
        let mut log = LogSlice::new(log.as_bytes());
        log.next_entry();
        let Some(Entry::Record(record)) = log.next_entry() else {
            panic!("{line}")
        };
        let Some(stem) = record.eas_stem() else {
            return Tier::is_internal(&record).then_some(Tier::Internal);
        };
        let query = record.eas()?;
        let summary = query.log().map(|log| log.summary());
        Some(Tier::of(&record, stem, &query, summary.as_ref()))
    }

    #[test]
    fn a_request_of_the_server_to_itself_is_a_probe() {
        let line = |peer: &str, stem: &str| {
            let log = format!("#Fields: c-ip cs-uri-stem cs-uri-query\n{peer} {stem} Cmd=Ping\n");
            let mut log = LogSlice::new(log.as_bytes());
            log.next_entry();
            let Some(Entry::Record(record)) = log.next_entry() else {
                panic!()
            };
            let (stem, query) = (record.eas_stem().unwrap(), record.eas().unwrap());
            Tier::of(&record, stem, &query, None)
        };
        assert_eq!(
            line("127.0.0.1", "/Microsoft-Server-ActiveSync"),
            Tier::Probe
        );
        assert_eq!(
            line("::1", "/Microsoft-Server-ActiveSync/default.eas"),
            Tier::Probe
        );
        assert_eq!(
            line("::1", "/Microsoft-Server-ActiveSync/Proxy"),
            Tier::Proxied
        );
        assert_eq!(
            line("10.0.0.1", "/Microsoft-Server-ActiveSync"),
            Tier::Client
        );
    }

    #[test]
    fn tiers() {
        const ROOT: &str = "/Microsoft-Server-ActiveSync";
        let cases: [(String, Option<Tier>); 12] = [
            (
                format!("443 {ROOT}/default.eas User=u&Log=V121_ u A/1"),
                Some(Tier::Client),
            ),
            (
                format!("443 {ROOT} User=u&Cmd=Ping&Log=V4TNASNC:0A u A/1"),
                Some(Tier::Client),
            ),
            (
                format!("443 {ROOT}/default.eas Cmd=Ping&cafeReqId=1; u A/1"),
                Some(Tier::FrontEnd),
            ),
            (
                format!("443 {ROOT}/default.eas &CorrelationID=<empty>; u A/1"),
                Some(Tier::FrontEnd),
            ),
            (
                format!("444 {ROOT}/Proxy/default.eas Log=SC1:1_ u A/1"),
                Some(Tier::BackEnd),
            ),
            (
                format!("443 {ROOT}/Proxy User=u&Log=V121_ C\\CAS01$ A/1"),
                Some(Tier::Proxied),
            ),
            (
                format!("443 {ROOT}/default.eas Log=PrxFrom:10.0.0.1_ u A/1"),
                Some(Tier::Proxied),
            ),
            (
                format!("443 {ROOT}/default.eas Log=V121_PrxTo:b_ u A/1"),
                Some(Tier::Proxying),
            ),
            (
                format!("444 {ROOT}/Proxy Cmd=Settings - TestActiveSyncConnectivity"),
                Some(Tier::Probe),
            ),
            (
                format!("443 {ROOT} User=HealthMailbox1a2b@c.com - A/1"),
                Some(Tier::Probe),
            ),
            (
                "80 /exchange/u/ - u Microsoft-Server-ActiveSync/6.5.7638.1".into(),
                Some(Tier::Internal),
            ),
            ("443 /owa/ - u Mozilla/5.0".into(), None),
        ];
        for (line, want) in cases {
            assert_eq!(tier(&line), want, "{line}");
        }
    }
}
