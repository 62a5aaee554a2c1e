//! The `Log=` value of Exchange 2003: packed, without separators.

use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take};
use nom::character::complete::u64;
use nom::combinator::{all_consuming, consumed, map, opt, value, verify};
use nom::sequence::{preceded, terminated};

use super::change_counts::ChangeCounts;
use super::collection::{CollectionClass, SyncType};
use super::version::ProtocolVersion;
use crate::grammar::Parsed;

/// The value that Exchange 2003 writes, such as
/// `V4TNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R0S0L1740H0P`.
///
/// Sources: Exchange team blog 609476 (2005) for `V`, `T`, `S` and the change counts; observed
/// lines for the rest, whose meaning is inferred or unknown, as each field says.
///
/// ```
/// use eas_log_parse::{LegacyLog, ProtocolVersion};
/// let log = LegacyLog::parse(b"V4TNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R0S0L1740H0P");
/// let log = log.unwrap();
/// assert_eq!(log.protocol_version, Some(ProtocolVersion(25)));
/// assert_eq!(log.last.unwrap().heartbeat_s, 1740);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LegacyLog<'a> {
    /// `V`: the number as it stands; `NA` is none.
    pub version: Option<u64>,
    /// The protocol version that the number stands for: 1 is 1.0, 2 is 2.0, 3 is 2.1 (documented),
    /// 4 is 2.5 (inferred); of others it is not known.
    pub protocol_version: Option<ProtocolVersion>,
    /// `T`: class of the folder (documented; that of tasks is inferred); `NA` is none.
    pub class: Option<CollectionClass<'a>>,
    /// `S`: kind of synchronization (documented); `N` is none.
    pub sync_type: Option<SyncType>,
    /// `C`: what the client sent (documented).
    pub client: LegacyClientChanges,
    /// `S`: what the server sent (documented).
    pub server: LegacyServerChanges,
    /// `P`: the performance group.
    pub performance: LegacyPerformance,
    /// The last group, which only SP2 writes (observed).
    pub last: Option<LegacyLast>,
    #[cfg_attr(feature = "serde", serde(skip))]
    client_counts: &'a [u8],
    #[cfg_attr(feature = "serde", serde(skip))]
    server_counts: &'a [u8],
}

/// What the client sent, in items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LegacyClientChanges {
    /// `A`: adds.
    pub adds: u64,
    /// `C`: changes.
    pub changes: u64,
    /// `D`: deletes.
    pub deletes: u64,
    /// `F`: fetches.
    pub fetches: u64,
}

/// What the server sent, in items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LegacyServerChanges {
    /// `A`: adds.
    pub adds: u64,
    /// `C`: changes.
    pub changes: u64,
    /// `D`: deletes.
    pub deletes: u64,
    /// `S`: soft deletes (inferred).
    pub soft_deletes: u64,
}

/// The performance group. The meanings are inferred from magnitudes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LegacyPerformance {
    /// `C`: connections or calls.
    pub c: u64,
    /// `I`: I/O or items.
    pub i: u64,
    /// `S`: bytes sent.
    pub s: u64,
    /// `R`: bytes received.
    pub r: u64,
}

/// The last group of SP2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct LegacyLast {
    /// `S`: unknown.
    pub s: u64,
    /// `L`: unknown.
    pub l: u64,
    /// `H`: heartbeat in seconds (inferred); 0 where the request has none.
    pub heartbeat_s: u64,
    /// `P`: unknown.
    pub p: u64,
}

impl<'a> LegacyLog<'a> {
    /// Reads a value; `None` if it does not have this form from its first byte to its last.
    pub fn parse(log: &'a [u8]) -> Option<LegacyLog<'a>> {
        all_consuming(legacy).parse(log).ok().map(|(_, log)| log)
    }

    /// Whether version, class and kind are all `NA` or `N`: Exchange 2003 writes this for a user
    /// who may not sync (Microsoft's ActiveSyncReport counts it so), and for any request that failed
    /// before its command was understood (inferred). The HTTP status tells which.
    pub fn is_unavailable(&self) -> bool {
        self.version.is_none() && self.class.is_none() && self.sync_type.is_none()
    }

    /// Whether the request is about a folder.
    pub(super) fn has_folder(&self) -> bool {
        self.class.is_some() || self.sync_type.is_some()
    }

    /// What the client sent, as counts of later versions are read.
    pub(super) fn client_counts(&self) -> ChangeCounts<'a> {
        ChangeCounts::new(self.client_counts)
    }

    /// What the server sent, as counts of later versions are read.
    pub(super) fn server_counts(&self) -> ChangeCounts<'a> {
        ChangeCounts::new(self.server_counts)
    }
}

/// `number letter`, as in `12A`.
fn counted<'a>(letter: &'static str) -> impl Parser<&'a [u8], Output = u64, Error = ()> {
    terminated(u64, tag(letter))
}

/// `NA` or what the parser reads.
fn available<'a, T: Clone>(
    parser: impl Parser<&'a [u8], Output = T, Error = ()>,
) -> impl Parser<&'a [u8], Output = Option<T>, Error = ()> {
    alt((value(None, tag("NA")), map(parser, Some)))
}

/// The protocol version that a number stands for.
fn protocol_version(number: u64) -> Option<ProtocolVersion> {
    Some(ProtocolVersion(match number {
        1 => 10,
        2 => 20,
        3 => 21,
        4 => 25,
        _ => return None,
    }))
}

fn class(input: &[u8]) -> Parsed<'_, CollectionClass<'_>> {
    map(
        verify(take(2usize), |code: &[u8]| code[0].is_ascii_uppercase()),
        CollectionClass::parse,
    )
    .parse(input)
}

fn sync_type(input: &[u8]) -> Parsed<'_, Option<SyncType>> {
    let letter = verify(take(1usize), |letter: &[u8]| b"NSRFI".contains(&letter[0]));
    map(letter, SyncType::parse).parse(input)
}

fn legacy(input: &[u8]) -> Parsed<'_, LegacyLog<'_>> {
    let head = (
        preceded(tag("V"), available(u64)),
        preceded(tag("T"), available(class)),
        preceded(tag("S"), sync_type),
    );
    let client = preceded(
        tag("C:"),
        consumed((counted("A"), counted("C"), counted("D"), counted("F"))),
    );
    let server = preceded(
        tag("S:"),
        consumed((counted("A"), counted("C"), counted("D"), counted("S"))),
    );
    let performance = preceded(
        tag("P:"),
        (counted("C"), counted("I"), counted("S"), counted("R")),
    );
    let last = (counted("S"), counted("L"), counted("H"), counted("P"));
    map(
        (head, client, server, performance, opt(last)),
        |(head, client, server, perf, last)| {
            let (version, class, sync_type) = head;
            let ((client_counts, client), (server_counts, server)) = (client, server);
            LegacyLog {
                version,
                protocol_version: version.and_then(protocol_version),
                class,
                sync_type,
                client: LegacyClientChanges {
                    adds: client.0,
                    changes: client.1,
                    deletes: client.2,
                    fetches: client.3,
                },
                server: LegacyServerChanges {
                    adds: server.0,
                    changes: server.1,
                    deletes: server.2,
                    soft_deletes: server.3,
                },
                performance: LegacyPerformance {
                    c: perf.0,
                    i: perf.1,
                    s: perf.2,
                    r: perf.3,
                },
                last: last.map(|(s, l, heartbeat_s, p)| LegacyLast {
                    s,
                    l,
                    heartbeat_s,
                    p,
                }),
                client_counts,
                server_counts,
            }
        },
    )
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_published_forms() {
        let log = LegacyLog::parse(b"V2TCoSSC:0A0C0D0FS:1A0C0D0SP:1C2I105992S109982R").unwrap();
        assert_eq!(log.protocol_version, Some(ProtocolVersion(20)));
        assert_eq!(log.class, Some(CollectionClass::Contacts));
        assert_eq!(log.sync_type, Some(SyncType::Subsequent));
        assert_eq!(
            log.server,
            LegacyServerChanges {
                adds: 1,
                ..Default::default()
            }
        );
        assert_eq!(
            log.performance,
            LegacyPerformance {
                c: 1,
                i: 2,
                s: 105_992,
                r: 109_982
            }
        );
        assert_eq!(log.last, None);

        let log = LegacyLog::parse(b"V4TNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R0S0L1740H0P");
        let log = log.unwrap();
        assert_eq!((log.class, log.sync_type), (None, None));
        assert_eq!(
            log.last,
            Some(LegacyLast {
                heartbeat_s: 1740,
                ..Default::default()
            })
        );
        assert!(!log.is_unavailable());
    }

    #[test]
    fn a_user_who_may_not_sync() {
        let log = LegacyLog::parse(b"VNATNASNC:0A0C0D0FS:0A0C0D0SP:0C0I0S0R0S0L0H0P").unwrap();
        assert!(log.is_unavailable());
    }

    #[test]
    fn a_version_that_is_not_known_is_kept_and_no_protocol_version() {
        for (number, known) in [(4, Some(25)), (5, None), (25, None)] {
            let text = format!("V{number}TSMSSC:0A0C0D0FS:0A0C0D0SP:0C0I0S0R");
            let log = LegacyLog::parse(text.as_bytes()).unwrap();
            assert_eq!(log.version, Some(number));
            assert_eq!(log.protocol_version, known.map(ProtocolVersion), "{text}");
            assert_eq!(log.class, Some(CollectionClass::Other(b"SM")));
            assert!(!log.is_unavailable());
        }
    }

    #[test]
    fn anything_else_is_not_of_this_form() {
        let cases: [&[u8]; 7] = [
            b"",
            b"V121_Pk0_",
            b"V4TNASN",
            b"V4TNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R0S0L1740H0P_",
            b"V4TNASXC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R",
            b"V4TNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S99999999999999999999R",
            b"VxTNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R",
        ];
        for case in cases {
            assert_eq!(LegacyLog::parse(case), None, "{case:?}");
        }
    }
}
