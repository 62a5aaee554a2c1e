//! The `Log=` value: what Exchange 2007 to 2019 append to the query of a request.

use chrono::NaiveTime;

use super::access::Access;
use super::activity::Activity;
use super::budget::Budget;
use super::collection::Collections;
use super::element::{Element, Elements};
use super::legacy::LegacyLog;
use super::status::EasStatus;
use super::version::ProtocolVersion;
use crate::evidence::known_by;
use crate::fault::{Fault, FaultKind};
use crate::text::{Encoded, split_at_symbol};
use crate::w3c::value;

/// The value of `Log=`, cut into elements on demand.
///
/// Each typed getter walks the value up to its element; who wants many of them walks once with
/// [`EasLog::elements`]. Of a repeated element the first counts; a last one that the server cut off
/// ([`EasLog::is_truncated`]) is none. Like those of a [`Record`](crate::Record), typed getters have
/// three answers: absent, present, or wrong.
///
/// Each getter names its element and the evidence for what it means: documented, seen, an interface
/// fact, or inferred. [`codes::element`](crate::codes::element) says the same of every element, with
/// units, versions and sources.
///
/// ```
/// use eas_log_parse::EasLog;
/// let log = EasLog::new(b"V121_Hb600_Throttle0_Pk9x_Mbx:MB1.contoso.com_");
/// assert_eq!(log.heartbeat_s(), Ok(Some(600)));
/// assert_eq!(log.throttle_ms(), Ok(Some(0)), "zero is not absent");
/// assert_eq!(log.eas_status(), Ok(None), "absent is not zero");
/// assert!(log.policy_key().is_err(), "a damaged value costs itself only");
/// assert_eq!(log.mailbox_server().unwrap().raw(), b"MB1.contoso.com");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EasLog<'a> {
    raw: &'a [u8],
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $identifier:literal [$($mark:ident)+]),+ $(,)?) => {
        $($(#[$doc])*
        #[doc = known_by!("Element", $identifier, "", $($mark)+)]
        ///
        /// # Errors
        /// If the value is not a decimal number of this type.
        pub fn $name(&self) -> Result<Option<$type>, Fault> {
            self.element($identifier).map(|element| element.number()).transpose()
        })+

        /// The elements that these read, with the marks of their evidence.
        #[cfg(test)]
        const NUMBERS: &'static [(&'static str, &'static str)] =
            &[$(($identifier, crate::evidence::marks!($($mark)+))),+];
    };
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $identifier:literal [$($mark:ident)+]),+ $(,)?) => {
        $($(#[$doc])*
        #[doc = known_by!("Element", $identifier, "", $($mark)+)]
        pub fn $name(&self) -> Option<Encoded<'a>> {
            self.element($identifier).map(|element| element.text())
        })+

        /// The elements that these read, with the marks of their evidence.
        #[cfg(test)]
        const TEXTS: &'static [(&'static str, &'static str)] =
            &[$(($identifier, crate::evidence::marks!($($mark)+))),+];
    };
}

macro_rules! times {
    ($($(#[$doc:meta])* $name:ident = $identifier:literal [$($mark:ident)+]),+ $(,)?) => {
        $($(#[$doc])*
        #[doc = known_by!("Element", $identifier, ", a time of day (UTC) without a date", $($mark)+)]
        ///
        /// # Errors
        /// If the value is not a time of day.
        pub fn $name(&self) -> Result<Option<NaiveTime>, Fault> {
            self.element($identifier).map(|element| value::time(element.value())).transpose()
        })+

        /// The elements that these read, with the marks of their evidence.
        #[cfg(test)]
        const TIMES: &'static [(&'static str, &'static str)] =
            &[$(($identifier, crate::evidence::marks!($($mark)+))),+];
    };
}

/// How much the server suggests that a device should back off (element `SBkOffD`; interface fact,
/// observed).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct BackOff {
    /// Level.
    pub level: BackOffLevel,
    /// Seconds; below zero there is no need to (inferred).
    pub seconds: i64,
}

/// Level of a [`BackOff`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum BackOffLevel {
    /// `L`.
    Low,
    /// `M`.
    Medium,
    /// `H`.
    High,
}

impl<'a> EasLog<'a> {
    /// Takes the value behind `Log=`.
    #[inline]
    pub fn new(raw: &'a [u8]) -> EasLog<'a> {
        EasLog { raw }
    }

    /// The value as it stands in the log.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Whether the value ends in `...`, as a server marks a field that it cut to its limit
    /// (background knowledge). The last element is then not whole: [`EasLog::elements`] gives it as
    /// it stands, and nothing else takes it, nor does [`EasLog::whole_elements`].
    #[inline]
    pub fn is_truncated(&self) -> bool {
        self.raw.ends_with(b"...")
    }

    /// The elements, in order, but for a last one that is not whole.
    #[inline]
    pub fn whole_elements(&self) -> Elements<'a> {
        Elements::new(self.whole())
    }

    /// The value without a last element that is not whole.
    #[inline]
    pub(super) fn whole(&self) -> &'a [u8] {
        if !self.is_truncated() {
            return self.raw;
        }
        let end = memchr::memrchr(b'_', self.raw).unwrap_or(0);
        &self.raw[..end]
    }

    /// The elements, in order.
    #[inline]
    pub fn elements(&self) -> Elements<'a> {
        Elements::new(self.raw)
    }

    /// The first whole element of this name (case-sensitive, without its colon).
    pub fn element(&self, identifier: &str) -> Option<Element<'a>> {
        self.whole_elements()
            .find(|element| element.identifier() == identifier.as_bytes())
    }

    /// The first whole element that has one of the two names that servers gave it.
    fn first_of(&self, names: [&str; 2]) -> Option<Element<'a>> {
        self.whole_elements().find(|element| {
            names
                .iter()
                .any(|name| element.identifier() == name.as_bytes())
        })
    }

    /// The packed form of Exchange 2003; `None` for the named elements of later versions.
    pub fn legacy(&self) -> Option<LegacyLog<'a>> {
        LegacyLog::parse(self.raw)
    }

    /// The folders of a Sync or GetItemEstimate request. For Exchange 2003 that is at most one,
    /// without an id.
    pub fn collections(&self) -> Collections<'a> {
        match self.legacy() {
            Some(log) => Collections::packed(log),
            None => Collections::named(self.whole_elements()),
        }
    }

    /// The names in `Error` (interface fact, observed): mostly one, sometimes several joined with `;`.
    ///
    /// ```
    /// use eas_log_parse::EasLog;
    /// let log = EasLog::new(b"V141_Error:OldSync%3bNMStolen_");
    /// let names: Vec<_> = log.errors().map(|name| name.to_string()).collect();
    /// assert_eq!(names, ["OldSync", "NMStolen"]);
    /// ```
    pub fn errors(&self) -> impl Iterator<Item = Encoded<'a>> + use<'a> {
        let mut rest = self.error().map_or(&[][..], Encoded::raw);
        core::iter::from_fn(move || {
            while !rest.is_empty() {
                let (name, after) = split_at_symbol(rest, b';').unwrap_or((rest, &[]));
                rest = after;
                if !name.is_empty() {
                    return Some(Encoded::new(name));
                }
            }
            None
        })
    }

    /// Protocol version. Elements `V` (Exchange 2007 to 2016; documented, observed) and `Ver1` (2016
    /// and later; observed), and the version of the packed form of Exchange 2003.
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn protocol_version(&self) -> Result<Option<ProtocolVersion>, Fault> {
        match self.first_of(["V", "Ver1"]) {
            Some(element) => element.number().map(ProtocolVersion).map(Some),
            None => Ok(self.legacy().and_then(|legacy| legacy.protocol_version)),
        }
    }

    /// Heartbeat of a Ping or a hanging Sync, in seconds. Element `Hb` (documented, observed), and
    /// the last group of the packed form of Exchange 2003 (inferred).
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn heartbeat_s(&self) -> Result<Option<u64>, Fault> {
        match self.element("Hb") {
            Some(element) => element.number().map(Some),
            None => {
                let last = self.legacy().and_then(|legacy| legacy.last);
                Ok(last
                    .map(|last| last.heartbeat_s)
                    .filter(|&seconds| seconds > 0))
            }
        }
    }

    /// How much the server suggests that the device should back off.
    ///
    /// Element `SBkOffD` (interface fact, observed): a level, a slash, and seconds.
    ///
    /// # Errors
    /// If the value does not have this form.
    pub fn suggested_back_off(&self) -> Result<Option<BackOff>, Fault> {
        let Some(element) = self.element("SBkOffD") else {
            return Ok(None);
        };
        let bad = Fault::new(FaultKind::BadNumber, 0);
        let (level, seconds) = split_at_symbol(element.value(), b'/').ok_or(bad)?;
        let level = match level {
            b"L" => BackOffLevel::Low,
            b"M" => BackOffLevel::Medium,
            b"H" => BackOffLevel::High,
            _ => return Err(bad),
        };
        let seconds = value::signed(seconds).map_err(|_| bad)?;
        Ok(Some(BackOff { level, seconds }))
    }

    /// What the request cost. Exchange 2013 and later.
    ///
    /// Element `ActivityContextData` (interface fact, observed).
    pub fn activity(&self) -> Option<Activity<'a>> {
        self.element("ActivityContextData")
            .map(|element| Activity::new(element.value()))
    }

    /// EAS status of the response. Elements `S` (up to Exchange 2016; interface fact, observed) and
    /// `SC1` (2016 and later; observed, meaning inferred).
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn eas_status(&self) -> Result<Option<EasStatus>, Fault> {
        self.first_of(["S", "SC1"])
            .map(|element| element.number().map(EasStatus))
            .transpose()
    }

    /// Access state and reason of the device. Element `As` (interface fact, observed), written when
    /// device information is saved, so absent from many lines.
    ///
    /// ```
    /// use eas_log_parse::{AccessReason, AccessState, EasLog};
    /// let access = EasLog::new(b"V141_As:QuarantinedG_").access()?.unwrap();
    /// assert_eq!(access.state, AccessState::Quarantined);
    /// assert_eq!(access.reason, Some(AccessReason::Global));
    /// assert!(EasLog::new(b"As:BlockedZ_").access().is_err(), "no table has this reason");
    /// # Ok::<(), eas_log_parse::Fault>(())
    /// ```
    ///
    /// # Errors
    /// If the value is not a known state with a known reason.
    pub fn access(&self) -> Result<Option<Access>, Fault> {
        self.element("As")
            .map(|element| Access::parse(element.value()))
            .transpose()
    }

    /// Throttling budget of the user.
    ///
    /// Element `Budget` (interface fact, observed).
    pub fn budget(&self) -> Option<Budget<'a>> {
        self.element("Budget")
            .map(|element| Budget::new(element.value()))
    }

    numbers! {
        /// Policy key that the device sent; 0 asks to provision.
        policy_key: u32 = "Pk" [X S],
        /// Delay imposed by throttling, in milliseconds (inferred); 0 is none.
        throttle_ms: u64 = "Throttle" [X S I],
        /// Time from receipt to completion, in milliseconds.
        elapsed_ms: u64 = "Fet" [X S],
        /// How long a finished response was held back, in milliseconds.
        completion_offset_ms: u64 = "Cpo" [X S],
        /// How long the request hung, in seconds.
        hang_s: u64 = "Hang" [X],
        /// Number of remote procedure calls to the store.
        rpc_count: u64 = "RpcC" [S],
        /// Latency of all calls to the store, in milliseconds (inferred).
        rpc_latency_ms: u64 = "RpcL" [S I],
        /// Number of LDAP requests.
        ldap_count: u64 = "LdapC" [S],
        /// Latency of all LDAP requests, in milliseconds (inferred).
        ldap_latency_ms: u64 = "LdapL" [S I],
        /// Number of folders in the request.
        folder_count: u64 = "Fc" [D X],
        /// Number of errors in the request.
        error_count: u64 = "E" [D X],
        /// What the device acknowledged of the policy: 1 applied, 2 partly, 3 not, 4 managed by a
        /// third party.
        policy_acknowledgement: u16 = "Pa" [X D],
    }

    times! {
        /// When the request was received.
        time_received = "TmRcv" [X S],
        /// When work on it began.
        time_started = "TmSt" [X S],
        /// When the check of the device's access began.
        time_access_check_started = "TmDASt" [X],
        /// When the check of its policy began.
        time_policy_check_started = "TmPolSt" [X],
        /// When the command began to run.
        time_execute_started = "TmExSt" [X],
        /// When the command had run.
        time_execute_finished = "TmExFin" [X],
        /// When work on the request was finished.
        time_finished = "TmFin" [X S],
        /// When the response was complete.
        time_completed = "TmCmpl" [X S],
        /// When the request began to hang.
        time_hung = "TmHang" [X],
        /// When it went on.
        time_continued = "TmCnt" [X S],
    }

    texts! {
        /// Name of the error, or several joined with `;`; see also [`EasLog::errors`].
        error = "Error" [X S],
        /// Mailbox server.
        mailbox_server = "Mbx" [X S],
        /// Domain controller.
        domain_controller = "Dc" [X S],
        /// Host that this server proxied the request to.
        proxy_to = "PrxTo" [X S],
        /// Host that the request was proxied from; on an Exchange 2013 or later back end, the
        /// front end.
        proxy_from = "PrxFrom" [X S],
        /// URL that the device was redirected to with HTTP 451.
        redirect_to = "RdirTo" [X],
        /// Front end server that proxied the request (inferred).
        front_end = "Cafe" [S I],
        /// Host header that the client used.
        host = "HH" [X S],
        /// Primary SMTP address of the mailbox.
        smtp_address = "SmtpAdrs" [X S],
        /// Operating system of the device, as it told in Settings or Provision.
        device_os = "DevOS" [X S],
        /// Model of the device, as it told in Settings or Provision.
        device_model = "DevModel" [X],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eas::{AccessReason, AccessState, LogSummary};

    #[test]
    fn colons_make_no_difference() {
        for raw in [
            "V121_S142_Throttle7_Pk0_",
            "Ver1:121_SC1:142_Throttle:7_Pk:0",
        ] {
            let log = EasLog::new(raw.as_bytes());
            assert_eq!(
                log.protocol_version(),
                Ok(Some(ProtocolVersion(121))),
                "{raw}"
            );
            assert_eq!(log.eas_status(), Ok(Some(EasStatus(142))), "{raw}");
            assert_eq!(log.throttle_ms(), Ok(Some(7)), "{raw}");
            assert_eq!(log.policy_key(), Ok(Some(0)), "{raw}");
        }
    }

    #[test]
    fn names_are_matched_whole_and_by_case() {
        let log = EasLog::new(b"Ssnf:T_St:F_Sk:7_Em:T_E2_");
        assert_eq!(log.eas_status(), Ok(None));
        assert_eq!(log.error_count(), Ok(Some(2)));
        assert_eq!(log.element("st"), None);
        assert_eq!(log.element("St").unwrap().value(), b"F");
    }

    #[test]
    fn a_damaged_value_costs_the_value() {
        let log = EasLog::new(b"V1x1_As:BlockedZ_Pk4294967296_Mbx:MB_");
        assert_eq!(
            log.protocol_version(),
            Err(Fault {
                kind: FaultKind::BadNumber,
                at: 1
            })
        );
        assert_eq!(
            log.access(),
            Err(Fault {
                kind: FaultKind::BadAccessState,
                at: 7
            })
        );
        assert_eq!(
            log.policy_key(),
            Err(Fault {
                kind: FaultKind::NumberTooLarge,
                at: 0
            })
        );
        assert_eq!(log.mailbox_server(), Some(Encoded::new(b"MB")));
    }

    #[test]
    fn the_packed_form_answers_where_the_meaning_is_the_same() {
        let log = EasLog::new(b"V4TNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R0S0L1740H0P");
        assert_eq!(log.protocol_version(), Ok(Some(ProtocolVersion(25))));
        assert_eq!(log.heartbeat_s(), Ok(Some(1740)));
        assert!(log.legacy().is_some());
        let log = EasLog::new(b"VNATNASNC:0A0C0D0FS:0A0C0D0SP:0C0I0S0R0S0L0H0P");
        assert_eq!(
            (log.protocol_version(), log.heartbeat_s()),
            (Ok(None), Ok(None))
        );
        assert!(EasLog::new(b"V121_Hb600_").legacy().is_none());
    }

    #[test]
    fn times_back_off_and_several_errors() {
        let log = EasLog::new(
            b"TmRcv06:53:38.448_TmCmpl:07:03:38.440522_TmSt25:00:00_SBkOffD:L%2f-470_\
            Error:DeviceNotProvisioned%3bDIS:FormatException%3B_",
        );
        let time = |h, m, s, micro| NaiveTime::from_hms_micro_opt(h, m, s, micro);
        assert_eq!(log.time_received(), Ok(time(6, 53, 38, 448_000)));
        assert_eq!(log.time_completed(), Ok(time(7, 3, 38, 440_522)));
        assert_eq!(
            log.time_started(),
            Err(Fault {
                kind: FaultKind::BadTime,
                at: 0
            })
        );
        let back_off = BackOff {
            level: BackOffLevel::Low,
            seconds: -470,
        };
        assert_eq!(log.suggested_back_off(), Ok(Some(back_off)));
        let names: Vec<_> = log.errors().map(Encoded::raw).collect();
        assert_eq!(
            names,
            [&b"DeviceNotProvisioned"[..], b"DIS:FormatException"]
        );
        for bad in ["SBkOffD:X/1", "SBkOffD:L", "SBkOffD:L%2fx"] {
            assert!(
                EasLog::new(bad.as_bytes()).suggested_back_off().is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn access_and_truncation() {
        let log = EasLog::new(b"As:QuarantinedG_Budget:(D)Conn%3a1%2cHang...");
        let access = log.access().unwrap().unwrap();
        assert_eq!(access.state, AccessState::Quarantined);
        assert_eq!(access.reason, Some(AccessReason::Global));
        assert!(log.is_truncated());
    }

    #[test]
    fn an_element_that_is_cut_off_is_not_used() {
        let log = EasLog::new(b"V141_Mbx:MB1.con...");
        assert_eq!(log.mailbox_server(), None);
        assert_eq!(log.element("Mbx"), None);
        assert_eq!(log.protocol_version(), Ok(Some(ProtocolVersion(141))));
        assert_eq!(log.elements().count(), 2, "it can still be shown");
        assert_eq!(EasLog::new(b"V141_S14...").eas_status(), Ok(None));
        let log = EasLog::new(b"V141_Error:DeviceNotPro...");
        assert_eq!(log.errors().count(), 0);
        assert_eq!(log.summary().error, None);
        assert_eq!(log.summary().version.unwrap().raw(), b"141");
        assert_eq!(EasLog::new(b"V141...").summary(), LogSummary::default());
        let log = EasLog::new(b"Fid:5_Sk:12...");
        assert_eq!(log.collections().next().unwrap().sync_key(), None);
        let whole = EasLog::new(b"V141_Mbx:MB1..._");
        assert!(whole.mailbox_server().is_some(), "this one is whole");
    }

    #[test]
    fn the_evidence_of_getters_is_that_of_the_table() {
        let mut checked = 0;
        let getters_and_fields = [
            EasLog::NUMBERS,
            EasLog::TIMES,
            EasLog::TEXTS,
            LogSummary::FIELDS,
        ];
        for (name, evidence) in getters_and_fields.concat() {
            assert_eq!(
                crate::codes::element(name).unwrap().evidence,
                evidence,
                "{name}"
            );
            checked += 1;
        }
        assert_eq!(checked, 33 + 23);
    }
}
