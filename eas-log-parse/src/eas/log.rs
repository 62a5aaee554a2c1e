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
use crate::fault::{Fault, FaultKind};
use crate::text::{Encoded, split_at_symbol};
use crate::w3c::value;

/// The value of `Log=`, cut into elements on demand.
///
/// Each typed getter walks the value up to its element; who wants many of them walks once with
/// [`EasLog::elements`]. Of a repeated element the first counts. Like those of a
/// [`Record`](crate::Record), typed getters have three answers: absent, present, or wrong.
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
    ($($(#[$doc:meta])* $name:ident: $type:ty = $identifier:literal),+ $(,)?) => {
        $($(#[$doc])*
        #[doc = concat!("\n\nElement `", $identifier, "`.")]
        ///
        /// # Errors
        /// If the value is not a decimal number of this type.
        pub fn $name(&self) -> Result<Option<$type>, Fault> {
            self.element($identifier).map(|element| element.number()).transpose()
        })+
    };
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident = $identifier:literal),+ $(,)?) => {
        $($(#[$doc])*
        #[doc = concat!("\n\nElement `", $identifier, "`.")]
        pub fn $name(&self) -> Option<Encoded<'a>> {
            self.element($identifier).map(|element| element.text())
        })+
    };
}

macro_rules! times {
    ($($(#[$doc:meta])* $name:ident = $identifier:literal),+ $(,)?) => {
        $($(#[$doc])*
        #[doc = concat!("\n\nElement `", $identifier, "`, a time of day (UTC) without a date.")]
        ///
        /// # Errors
        /// If the value is not a time of day.
        pub fn $name(&self) -> Result<Option<NaiveTime>, Fault> {
            self.element($identifier).map(|element| value::time(element.value())).transpose()
        })+
    };
}

/// How much the server suggests that a device should back off (element `SBkOffD`).
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

    /// Whether the value ends in `...`, as a server marks a field that it cut to its limit. The
    /// last element is then not whole.
    pub fn is_truncated(&self) -> bool {
        self.raw.ends_with(b"...")
    }

    /// The elements, in order.
    #[inline]
    pub fn elements(&self) -> Elements<'a> {
        Elements::new(self.raw)
    }

    /// The first element of this name (case-sensitive, without its colon).
    pub fn element(&self, identifier: &str) -> Option<Element<'a>> {
        self.elements()
            .find(|element| element.identifier() == identifier.as_bytes())
    }

    /// The packed form of Exchange 2003; `None` for the named elements of later versions.
    pub fn legacy(&self) -> Option<LegacyLog> {
        LegacyLog::parse(self.raw)
    }

    /// The folders of a Sync or GetItemEstimate request. For Exchange 2003, whose one folder has no
    /// id, see [`EasLog::legacy`].
    pub fn collections(&self) -> Collections<'a> {
        Collections::new(self.elements())
    }

    /// The names in `Error`: mostly one, sometimes several joined with `;`.
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

    /// Protocol version. Elements `V` (Exchange 2007 to 2016) and `Ver1` (2016 and later), and the
    /// version of the packed form of Exchange 2003.
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn protocol_version(&self) -> Result<Option<ProtocolVersion>, Fault> {
        match self.element("V").or_else(|| self.element("Ver1")) {
            Some(element) => element.number().map(ProtocolVersion).map(Some),
            None => Ok(self.legacy().and_then(|legacy| legacy.protocol_version)),
        }
    }

    /// Heartbeat of a Ping or a hanging Sync, in seconds. Element `Hb`, and the last group of the
    /// packed form of Exchange 2003.
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
    /// Element `SBkOffD`: a level, a slash, and seconds.
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
    /// Element `ActivityContextData`.
    pub fn activity(&self) -> Option<Activity<'a>> {
        self.element("ActivityContextData")
            .map(|element| Activity::new(element.value()))
    }

    /// EAS status of the response. Elements `S` (up to Exchange 2016) and `SC1` (2016 and later;
    /// meaning inferred).
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn eas_status(&self) -> Result<Option<EasStatus>, Fault> {
        let element = self.element("S").or_else(|| self.element("SC1"));
        element
            .map(|element| element.number().map(EasStatus))
            .transpose()
    }

    /// Access state and reason of the device. Element `As`, written when device information is
    /// saved, so absent from many lines.
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
    /// Element `Budget`.
    pub fn budget(&self) -> Option<Budget<'a>> {
        self.element("Budget")
            .map(|element| Budget::new(element.value()))
    }

    numbers! {
        /// Policy key that the device sent; 0 asks to provision.
        policy_key: u32 = "Pk",
        /// Delay imposed by throttling, in milliseconds (inferred); 0 is none.
        throttle_ms: u64 = "Throttle",
        /// Time from receipt to completion, in milliseconds.
        elapsed_ms: u64 = "Fet",
        /// How long a finished response was held back, in milliseconds.
        completion_offset_ms: u64 = "Cpo",
        /// How long the request hung, in seconds.
        hang_s: u64 = "Hang",
        /// Number of remote procedure calls to the store.
        rpc_count: u64 = "RpcC",
        /// Latency of all calls to the store, in milliseconds (inferred).
        rpc_latency_ms: u64 = "RpcL",
        /// Number of LDAP requests.
        ldap_count: u64 = "LdapC",
        /// Latency of all LDAP requests, in milliseconds (inferred).
        ldap_latency_ms: u64 = "LdapL",
        /// Number of folders in the request.
        folder_count: u64 = "Fc",
        /// Number of errors in the request.
        error_count: u64 = "E",
        /// What the device acknowledged of the policy: 1 applied, 2 partly, 3 not, 4 managed by a
        /// third party.
        policy_acknowledgement: u16 = "Pa",
    }

    times! {
        /// When the request was received.
        time_received = "TmRcv",
        /// When work on it began.
        time_started = "TmSt",
        /// When the check of the device's access began.
        time_access_check_started = "TmDASt",
        /// When the check of its policy began.
        time_policy_check_started = "TmPolSt",
        /// When the command began to run.
        time_execute_started = "TmExSt",
        /// When the command had run.
        time_execute_finished = "TmExFin",
        /// When work on the request was finished.
        time_finished = "TmFin",
        /// When the response was complete.
        time_completed = "TmCmpl",
        /// When the request began to hang.
        time_hung = "TmHang",
        /// When it went on.
        time_continued = "TmCnt",
    }

    texts! {
        /// Name of the error, or several joined with `;`; see also [`EasLog::errors`].
        error = "Error",
        /// Mailbox server.
        mailbox_server = "Mbx",
        /// Domain controller.
        domain_controller = "Dc",
        /// Host that this server proxied the request to.
        proxy_to = "PrxTo",
        /// Host that the request was proxied from; on an Exchange 2013 or later back end, the
        /// front end.
        proxy_from = "PrxFrom",
        /// URL that the device was redirected to with HTTP 451.
        redirect_to = "RdirTo",
        /// Front end server that proxied the request (inferred).
        front_end = "Cafe",
        /// Host header that the client used.
        host = "HH",
        /// Primary SMTP address of the mailbox.
        smtp_address = "SmtpAdrs",
        /// Operating system of the device, as it told in Settings or Provision.
        device_os = "DevOS",
        /// Model of the device, as it told in Settings or Provision.
        device_model = "DevModel",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eas::{AccessReason, AccessState};

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
}
