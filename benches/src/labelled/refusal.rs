//! The refusals that devices meet.

/// How a server refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    /// The commands that are refused; one of them each time.
    pub(crate) commands: &'static [&'static str],
    /// HTTP status: for a protocol before 14.0 and, without an EAS status, for each.
    pub(crate) http: u16,
    /// EAS status, which takes its place since 14.0.
    pub(crate) eas: Option<u16>,
    pub(crate) error: Option<&'static str>,
    pub(crate) access: Option<&'static str>,
}

/// Windows statuses of logons that fail.
pub(crate) const WRONG_PASSWORD: u64 = 1326;
pub(crate) const PASSWORD_EXPIRED: u64 = 1330;
pub(crate) const ACCOUNT_LOCKED: u64 = 1909;

/// The commands of a device that starts.
const FIRST: &[&str] = &["FolderSync", "Settings", "Sync"];

impl Refusal {
    pub(crate) const DISABLED: Refusal = Refusal {
        commands: FIRST,
        http: 403,
        eas: Some(126),
        error: Some("UserDisabledForSync"),
        access: None,
    };

    pub(crate) const fn blocked(access: &'static str) -> Refusal {
        Refusal {
            commands: FIRST,
            http: 403,
            eas: Some(129),
            error: Some("DeviceIsBlockedForThisUser"),
            access: Some(access),
        }
    }

    /// A state whose reason no table knows.
    pub(crate) const BLOCKED_FOR_UNKNOWN_REASON: Refusal = Refusal {
        commands: FIRST,
        http: 403,
        eas: None,
        error: None,
        access: Some("BlockedZ"),
    };

    pub(crate) const ACCOUNT_BLOCKED: Refusal = Refusal {
        commands: FIRST,
        http: 456,
        eas: None,
        error: None,
        access: None,
    };

    pub(crate) const WIPE: Refusal = Refusal {
        commands: FIRST,
        http: 449,
        eas: Some(140),
        error: Some("RemoteWipeRequested"),
        access: None,
    };

    pub(crate) const TOO_MANY_DEVICES: Refusal = Refusal {
        commands: &["FolderSync"],
        http: 403,
        eas: Some(177),
        error: Some("MaxDevicesExceeded"),
        access: None,
    };

    pub(crate) const AUTO_BLOCKED: Refusal = Refusal {
        commands: &["Sync", "Ping"],
        http: 503,
        eas: None,
        error: Some("DeviceIsAutoBlocked"),
        access: Some("BlockedABC"),
    };

    pub(crate) const AUTO_BLOCKED_FOR_BUDGET: Refusal = Refusal {
        error: Some("DeviceIsAutoBlockedOnOOB"),
        access: Some("BlockedABO"),
        ..Refusal::AUTO_BLOCKED
    };

    pub(crate) const CANNOT_MEET_POLICY: Refusal = Refusal {
        commands: &["Provision"],
        http: 403,
        eas: Some(139),
        error: Some("DeviceNotFullyProvisionable"),
        access: Some("BlockedP"),
    };

    pub(crate) const TOO_OLD_FOR_POLICY: Refusal = Refusal {
        commands: FIRST,
        http: 403,
        eas: Some(141),
        error: Some("LegacyDeviceOnStrictPolicy"),
        access: Some("BlockedP"),
    };

    pub(crate) const NOT_PROVISIONED: Refusal = Refusal {
        commands: FIRST,
        http: 449,
        eas: Some(142),
        error: Some("DeviceNotProvisioned"),
        access: Some("BlockedP"),
    };

    pub(crate) const POLICY_REFRESH: Refusal = Refusal {
        eas: Some(143),
        error: Some("PolicyRefresh"),
        access: Some("AllowedG"),
        ..Refusal::NOT_PROVISIONED
    };

    pub(crate) const REDIRECT: Refusal = Refusal {
        commands: &["FolderSync", "Ping"],
        http: 451,
        eas: None,
        error: Some("MisconfiguredDevice"),
        access: None,
    };

    pub(crate) const fn mailbox_full(commands: &'static [&'static str], eas: u16) -> Refusal {
        Refusal {
            commands,
            http: 507,
            eas: Some(eas),
            error: Some("MailboxQuotaExceeded"),
            access: None,
        }
    }

    pub(crate) const OVER_BUDGET: Refusal = Refusal {
        commands: &["Sync", "Ping"],
        http: 503,
        eas: None,
        error: Some("OverBudget"),
        access: None,
    };

    pub(crate) const JOBS_QUEUED: Refusal = Refusal {
        error: Some("TooManyJobsQueued"),
        ..Refusal::OVER_BUDGET
    };

    pub(crate) const BACKING_OFF: Refusal = Refusal {
        eas: Some(111),
        error: Some("BackingOffMailboxServer"),
        ..Refusal::OVER_BUDGET
    };

    pub(crate) const SERVER_ERROR: Refusal = Refusal {
        commands: &["FolderSync", "Sync", "Ping"],
        http: 500,
        eas: None,
        error: Some("ServerError"),
        access: None,
    };

    pub(crate) const SERVER_ERROR_ON_SYNC: Refusal = Refusal {
        commands: &["Sync"],
        ..Refusal::SERVER_ERROR
    };

    pub(crate) const UNAVAILABLE: Refusal = Refusal {
        commands: &["Ping"],
        http: 503,
        error: None,
        ..Refusal::SERVER_ERROR
    };

    pub(crate) const USER_NOT_FOUND: Refusal = Refusal {
        commands: FIRST,
        http: 403,
        eas: Some(125),
        error: Some("UserPrincipalCouldNotBeFound"),
        access: None,
    };

    pub(crate) const NO_SERVER_FOR_MAILBOX: Refusal = Refusal {
        eas: Some(130),
        error: Some("UserHasNoCAS"),
        ..Refusal::USER_NOT_FOUND
    };

    pub(crate) const BAD_REQUEST: Refusal = Refusal {
        commands: &["Sync"],
        http: 400,
        eas: Some(101),
        error: Some("InvalidContent"),
        access: None,
    };

    /// Exchange makes names of errors at run time.
    pub(crate) const UNKNOWN_ERROR: Refusal = Refusal {
        commands: &["Sync"],
        http: 200,
        eas: None,
        error: Some("StorageOfTheHourException"),
        access: None,
    };

    /// A page, which a device cannot use.
    pub(crate) const PAGE: Refusal = Refusal {
        http: 302,
        ..Refusal::REFUSED
    };

    /// 403 with version and class, which says no more than that.
    pub(crate) const REFUSED: Refusal = Refusal {
        commands: FIRST,
        http: 403,
        eas: None,
        error: None,
        access: None,
    };

    pub(crate) const ITEM_NOT_FOUND: Refusal = Refusal {
        commands: &["ItemOperations"],
        http: 200,
        eas: Some(150),
        error: Some("ItemNotFound"),
        access: None,
    };

    pub(crate) const INVALID_SYNC_KEY: Refusal = Refusal {
        commands: &["FolderSync"],
        http: 200,
        eas: None,
        error: Some("InvalidSyncKey"),
        access: None,
    };

    /// A Sync by whose status alone is told that it failed.
    pub(crate) const fn sync_status(eas: u16) -> Refusal {
        Refusal {
            commands: &["Sync"],
            http: 200,
            eas: Some(eas),
            error: None,
            access: None,
        }
    }
}
