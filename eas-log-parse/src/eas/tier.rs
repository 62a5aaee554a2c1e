//! Which server of a chain wrote a line, and for whom.

use super::identity::Account;
use super::query::EasQuery;
use super::stem::EasStem;
use super::summary::LogSummary;
use crate::text::Encoded;
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
    /// The server that the device talked to, where it appended nothing to the query, and answered
    /// otherwise than with 401. That may be a front end: one of an early Exchange 2013 appends no
    /// ids (observed). It may as well be a server of any version whose ActiveSync the request did
    /// not reach. The line alone does not tell; that a back end logged the same request does.
    PerhapsFrontEnd,
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
const PROBE_AGENTS: [&[u8]; 3] = [b"AMProbe", TEST_CMDLET, b"Microsoft.Exchange.Monitoring"];

/// How the cmdlet of this name calls itself and its device (background knowledge).
const TEST_CMDLET: &[u8] = b"TestActiveSyncConnectivity";

/// How the names of the mailboxes begin that Exchange's monitoring uses (observed).
const HEALTH_MAILBOX: &[u8] = b"HealthMailbox";

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
            Tier::FrontEnd | Tier::PerhapsFrontEnd | Tier::Proxying => Some(Half::Front),
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
        let probe = Tier::is_local(record, stem)
            || Tier::is_probe(record)
            || Tier::is_from_itself(record, stem) && Tier::says_probe(record, query);
        if probe {
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
            // Whoever answers so does it alone: no back end is asked before somebody is let in.
            None if record.get(Field::ScStatus) == Some(b"401") => Tier::Client,
            None => Tier::PerhapsFrontEnd,
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

    /// Whether a request came to the client-facing side from an address of the server itself. Health
    /// probes do; where a reverse proxy runs on the server, devices do too.
    #[inline]
    pub fn is_from_itself(record: &Record<'_, '_>, stem: EasStem) -> bool {
        stem != EasStem::Proxy
            && record
                .c_ip()
                .is_some_and(|peer| record.s_ip() == Some(peer))
    }

    /// Whether a request is a health probe by who was authenticated: a health mailbox, which is an
    /// account of Exchange's own.
    pub fn is_probe(record: &Record<'_, '_>) -> bool {
        let is_health = |user| starts_with_any(Some(Account::parse(user).name), &[HEALTH_MAILBOX]);
        record.cs_username().is_some_and(is_health)
    }

    /// Whether a request calls itself a health probe, by its user agent, user or device type. The
    /// client chooses these, so by themselves they make no probe: only with an address of the
    /// server itself.
    pub fn says_probe(record: &Record<'_, '_>, query: &EasQuery<'_>) -> bool {
        let is_health = |user: Encoded<'_>| {
            let user = user.raw();
            // Without decoding: whoever asks this asks it of many lines.
            let domain = memchr::memmem::rfind(user, b"%5").map_or(0, |at| at + 3);
            let account = Account::parse(user.get(domain..).unwrap_or_default());
            starts_with_any(Some(account.name), &[HEALTH_MAILBOX])
        };
        starts_with_any(record.cs_user_agent(), &PROBE_AGENTS)
            || query.user().is_some_and(is_health)
            || query
                .device_type()
                .is_some_and(|kind| kind.raw() == TEST_CMDLET)
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
        tier_of(&format!("{line} 200 10.0.0.1 10.9.9.9"))
    }

    fn tier_of(line: &str) -> Option<Tier> {
        let log = format!(
            "#Fields: s-port cs-uri-stem cs-uri-query cs-username cs(User-Agent) sc-status s-ip c-ip\n{line}\n"
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
            Tier::PerhapsFrontEnd
        );
    }

    #[test]
    fn tiers() {
        const ROOT: &str = "/Microsoft-Server-ActiveSync";
        let cases: [(String, Option<Tier>); 13] = [
            (
                format!("443 {ROOT}/default.eas User=u&Log=V121_ u A/1"),
                Some(Tier::Client),
            ),
            (
                format!("443 {ROOT} User=u&Cmd=Ping&Log=V4TNASNC:0A u A/1"),
                Some(Tier::Client),
            ),
            (
                format!("443 {ROOT}/default.eas Cmd=Ping&User=u u A/1"),
                Some(Tier::PerhapsFrontEnd),
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
                format!("444 {ROOT}/Proxy Cmd=Settings C\\HealthMailbox1a2b A/1"),
                Some(Tier::Probe),
            ),
            (
                format!("443 {ROOT}/default.eas Cmd=Ping HealthMailbox1a2b@c.com A/1"),
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
    #[test]
    fn nobody_else_answers_what_is_answered_with_401() {
        let line = "443 /Microsoft-Server-ActiveSync Cmd=Ping&User=u - A/1 401 10.0.0.1 10.9.9.9";
        assert_eq!(tier_of(line), Some(Tier::Client));
    }

    #[test]
    fn what_a_client_says_makes_no_probe_by_itself() {
        const SAID: [&str; 5] = [
            "User=u&Log=V121_ u AMProbe/Local/ClientAccess",
            "User=u&Log=V121_ u Microsoft.Exchange.Monitoring.Probe",
            "User=HealthMailbox1&Log=V121_ C\\bob A/1",
            "User=c%5cHealthMailbox1&Log=V121_ - A/1",
            "DeviceType=TestActiveSyncConnectivity&Log=V121_ u A/1",
        ];
        let stem = "/Microsoft-Server-ActiveSync/default.eas";
        let mut cases = 0;
        for said in SAID {
            let from = |peer, stem: &str| {
                tier_of(&format!("443 {stem} {said} 200 10.0.0.1 {peer}")).unwrap()
            };
            assert_eq!(from("10.9.9.9", stem), Tier::Client, "{said}");
            assert_eq!(from("10.0.0.1", stem), Tier::Probe, "{said}");
            let back = from("10.0.0.1", "/Microsoft-Server-ActiveSync/Proxy");
            assert_eq!(
                back,
                Tier::Proxied,
                "{said}: a front end asks its own back end for devices"
            );
            cases += 1;
        }
        assert_eq!(cases, 5);
        let device = format!("443 {stem} User=u&Log=V121_ u A/1 200 10.0.0.1 10.0.0.1");
        assert_eq!(
            tier_of(&device),
            Some(Tier::Client),
            "a reverse proxy on the server hides addresses"
        );
    }
}
