//! What devices do, and what servers answer.

use crate::rng::Rng;

/// One request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Command; none for OPTIONS.
    pub command: Option<&'static str>,
    /// HTTP status, IIS substatus, Windows status.
    pub status: (u16, u16, u64),
    /// EAS status.
    pub eas_status: Option<u16>,
    /// Value of `Error`.
    pub error: Option<&'static str>,
    /// Value of `As`.
    pub access: Option<&'static str>,
    /// Whether the request reached ActiveSync, which then wrote `Log=`.
    pub logged: bool,
    /// Whether the line names the user.
    pub authenticated: bool,
}

impl Event {
    pub(crate) const fn ok(command: &'static str) -> Event {
        Event {
            command: Some(command),
            status: (200, 0, 0),
            eas_status: None,
            error: None,
            access: None,
            logged: true,
            authenticated: true,
        }
    }

    /// A refusal in the form of the protocol version: an HTTP status before 14.0, HTTP 200 with an
    /// EAS status since.
    const fn refused(
        version: u16,
        command: &'static str,
        http: u16,
        eas: u16,
        error: &'static str,
        access: Option<&'static str>,
    ) -> Event {
        let mut event = Event::ok(command);
        if version < 140 {
            event.status.0 = http;
        } else {
            event.eas_status = Some(eas);
        }
        event.error = Some(error);
        event.access = access;
        event
    }

    /// Whether the request failed, by the definition of the report.
    pub fn failed(&self) -> bool {
        let benign = matches!(
            self.error,
            None | Some("PingCollisionDetected" | "SyncCollisionDetected" | "MissingCscCacheEntry")
        );
        !self.is_challenge()
            && (self.status.0 >= 400 || self.eas_status.is_some_and(|s| s >= 101) || !benign)
    }

    /// Whether it is the first leg of a handshake.
    pub fn is_challenge(&self) -> bool {
        self.status.0 == 401 && !self.authenticated && matches!(self.status.1, 1 | 2)
    }

    /// Whether the device was refused for want of provisioning.
    pub fn is_provisioning(&self) -> bool {
        self.status.0 == 449
            || self.eas_status.is_some_and(|s| (139..=144).contains(&s))
            || matches!(
                self.error,
                Some("DeviceNotProvisioned" | "DeviceNotFullyProvisionable")
            )
    }

    /// Whether the device is blocked.
    pub fn is_blocked(&self) -> bool {
        self.access
            .is_some_and(|access| access.starts_with("Blocked"))
            || self.eas_status == Some(129)
            || self.error == Some("DeviceIsBlockedForThisUser")
    }
}

/// How a device behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Behaviour {
    /// Works.
    Healthy,
    /// Works, with a handshake before every other request.
    Handshakes,
    /// Is refused, since it is not provisioned and does not become so.
    NotProvisioned,
    /// Cannot meet the policy, and the server says so.
    NotProvisionable,
    /// Blocked by a rule.
    Blocked,
    /// Waits for an administrator.
    Quarantined,
    /// Sends a wrong password.
    WrongPassword,
    /// Should use another server.
    Redirected,
    /// Runs into a fault of the server.
    ServerError,
    /// Is over its budget now and then.
    Throttled,
    /// Has a full mailbox.
    MailboxFull,
}

/// Behaviours with their share in a thousand devices.
pub(crate) const SHARES: [(Behaviour, u64); 11] = [
    (Behaviour::Healthy, 700),
    (Behaviour::Handshakes, 50),
    (Behaviour::NotProvisioned, 90),
    (Behaviour::NotProvisionable, 30),
    (Behaviour::Blocked, 30),
    (Behaviour::Quarantined, 20),
    (Behaviour::WrongPassword, 30),
    (Behaviour::Redirected, 10),
    (Behaviour::ServerError, 10),
    (Behaviour::Throttled, 20),
    (Behaviour::MailboxFull, 10),
];

impl Behaviour {
    /// The next request of a device that has made `count` of them.
    pub fn next(self, version: u16, count: u64, rng: &mut Rng) -> Event {
        match self {
            Behaviour::Healthy => work(version, rng),
            Behaviour::Handshakes if count.is_multiple_of(2) => Event {
                status: *rng.pick(&[(401, 2, 5), (401, 1, 2_148_074_254)]),
                logged: false,
                authenticated: false,
                ..work(version, rng)
            },
            Behaviour::Handshakes => work(version, rng),
            Behaviour::NotProvisioned => match count % 4 {
                0 => Event {
                    command: None,
                    ..Event::ok("")
                },
                3 => Event::ok("Provision"),
                _ => Event::refused(
                    version,
                    rng.pick::<&str>(&["FolderSync", "Settings", "Sync"]),
                    449,
                    142,
                    "DeviceNotProvisioned",
                    Some("BlockedP"),
                ),
            },
            Behaviour::NotProvisionable => Event::refused(
                version,
                "Provision",
                403,
                139,
                "DeviceNotFullyProvisionable",
                Some("BlockedP"),
            ),
            Behaviour::Blocked => Event::refused(
                version,
                "FolderSync",
                403,
                129,
                "DeviceIsBlockedForThisUser",
                Some("BlockedD"),
            ),
            Behaviour::Quarantined => Event {
                access: Some("QuarantinedG"),
                ..Event::ok("FolderSync")
            },
            Behaviour::WrongPassword => Event {
                status: (401, 1, 1326),
                logged: false,
                ..Event::ok("Sync")
            },
            Behaviour::Redirected => {
                let error = Some("MisconfiguredDevice");
                Event {
                    status: (451, 0, 0),
                    error,
                    ..Event::ok("FolderSync")
                }
            }
            Behaviour::ServerError => Event {
                status: (500, 0, 0),
                error: Some("UserPrincipalCouldNotBeFound"),
                ..Event::ok("FolderSync")
            },
            Behaviour::Throttled if count.is_multiple_of(3) => Event {
                status: (503, 0, 0),
                error: Some("OverBudget"),
                ..Event::ok("Sync")
            },
            Behaviour::Throttled => work(version, rng),
            Behaviour::MailboxFull => {
                Event::refused(version, "Sync", 507, 113, "MailboxQuotaExceeded", None)
            }
        }
    }
}

/// An ordinary request that works.
pub(crate) fn work(version: u16, rng: &mut Rng) -> Event {
    match rng.below(100) {
        0..50 => Event {
            eas_status: (version >= 140).then_some(if rng.below(4) == 0 { 2 } else { 1 }),
            status: (200, 0, if rng.below(20) == 0 { 64 } else { 0 }),
            ..Event::ok("Ping")
        },
        50 => Event {
            eas_status: Some(3),
            error: Some("PingCollisionDetected"),
            ..Event::ok("Ping")
        },
        51..85 => Event {
            eas_status: (version >= 140).then_some(1),
            access: (rng.below(10) == 0).then_some("AllowedG"),
            ..Event::ok("Sync")
        },
        85..90 => Event::ok("FolderSync"),
        90..93 => Event::ok("SendMail"),
        93..95 => Event::ok("ItemOperations"),
        95..97 => Event::ok("GetItemEstimate"),
        97..99 => Event::ok("Settings"),
        _ => Event::ok("SmartReply"),
    }
}
