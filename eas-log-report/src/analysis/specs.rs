//! The registry of analyses: what each section counts, and by what.

use crate::report::{Column, Measure};

/// What a section is made of.
pub struct Analysis {
    /// Stable name in snake_case.
    pub id: &'static str,
    /// Title for people.
    pub title: &'static str,
    /// What the rows are, in a sentence.
    pub about: &'static str,
    /// Which requests count.
    pub(super) of: Of,
    /// By what they are grouped.
    pub(super) keys: &'static [Key],
    /// What is counted of each group.
    pub(super) counts: &'static [Count],
}

/// Which requests a section counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// All.
    All,
    /// All, also the second time that another server logged one.
    Logged,
    /// All, by hour.
    Hours,
    /// The failed ones.
    Failed,
    /// Those refused for want of provisioning.
    Provisioning,
    /// Those of blocked devices.
    Blocked,
    /// Those with an EAS status.
    EasStatus,
    /// Those with an error, once for each name in it.
    Errors,
    /// Those with an access state.
    Access,
}

macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $key:literal $label:literal $measure:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($variant,)+
        }

        impl $name {
            /// The column as reports show it.
            pub(super) fn column(self) -> Column {
                match self {
                    $($name::$variant => Column {
                        key: $key,
                        label: $label,
                        measure: Measure::$measure,
                        detail: false,
                    },)+
                }
            }
        }
    };
}

columns! {
    /// By what requests are grouped.
    Key {
        User = "user" "User" Text,
        DeviceId = "device_id" "Device ID" Text,
        DeviceType = "device_type" "Device type" Text,
        UserAgent = "user_agent" "User agent" Text,
        Error = "error" "Error" Text,
        ErrorName = "error" "Error" Text,
        ScStatus = "sc_status" "HTTP" Code,
        ScSubstatus = "sc_substatus" "Sub" Code,
        ScWin32Status = "sc_win32_status" "Win32" Code,
        EasStatus = "eas_status" "EAS" Code,
        AccessState = "access_state" "Access" Text,
        AccessReason = "access_reason" "Reason" Text,
        Command = "command" "Command" Text,
        Hour = "hour" "Hour (UTC)" Hour,
        Server = "server" "Server" Text,
    }
}

columns! {
    /// What is counted of a group.
    Count {
        Requests = "requests" "Requests" Count,
        FailedRequests = "failed_requests" "Failed" Count,
        Devices = "devices" "Devices" Count,
        Users = "users" "Users" Count,
        FirstSeen = "first_seen" "First seen (UTC)" Time,
        LastSeen = "last_seen" "Last seen (UTC)" Time,
        LastSuccess = "last_success" "Last success (UTC)" Ever,
        Sample = "sample" "Sample" Place,
    }
}

use Count::{Devices, FailedRequests, FirstSeen, LastSeen, LastSuccess, Requests, Sample, Users};

/// Every analysis, in the order of the report.
pub static ANALYSES: &[Analysis] = &[
    Analysis {
        id: "failures",
        title: "Failures",
        about: "Failed requests by device type, user agent and what was answered.",
        of: Of::Failed,
        keys: &[
            Key::DeviceType,
            Key::UserAgent,
            Key::Error,
            Key::ScStatus,
            Key::EasStatus,
            Key::AccessState,
            Key::AccessReason,
        ],
        counts: &[Requests, Devices, Users, FirstSeen, LastSeen, Sample],
    },
    Analysis {
        id: "non_provisionable_devices",
        title: "Devices refused for want of provisioning",
        about: "Answered with HTTP 449, EAS status 139 to 144, or an error that means the same. \
                A device that was refused once and works since has provisioned; one without a \
                success since cannot meet the policy, or does not try.",
        of: Of::Provisioning,
        keys: &[Key::User, Key::DeviceId, Key::DeviceType, Key::UserAgent],
        counts: &[Requests, FirstSeen, LastSeen, LastSuccess, Sample],
    },
    Analysis {
        id: "blocked_devices",
        title: "Blocked devices",
        about: "Access state Blocked for any reason, or an error or status that means it.",
        of: Of::Blocked,
        keys: &[
            Key::User,
            Key::DeviceId,
            Key::DeviceType,
            Key::UserAgent,
            Key::AccessReason,
        ],
        counts: &[Requests, FirstSeen, LastSeen, LastSuccess, Sample],
    },
    Analysis {
        id: "http_status",
        title: "HTTP status",
        about: "All requests by HTTP status, IIS substatus and Windows status.",
        of: Of::All,
        keys: &[Key::ScStatus, Key::ScSubstatus, Key::ScWin32Status],
        counts: &[Requests, Devices, Users, Sample],
    },
    Analysis {
        id: "eas_status",
        title: "EAS status",
        about: "Requests by the status inside the response. From 101 on it says why a request was \
                refused; below, its meaning depends on the command.",
        of: Of::EasStatus,
        keys: &[Key::EasStatus],
        counts: &[Requests, Devices, Users, Sample],
    },
    Analysis {
        id: "errors",
        title: "Errors",
        about: "Requests by error name, the benign ones included. A request with several names \
                counts for each.",
        of: Of::Errors,
        keys: &[Key::ErrorName],
        counts: &[Requests, Devices, Users, Sample],
    },
    Analysis {
        id: "access_states",
        title: "Access states",
        about: "Requests by access state and its reason. Most lines do not tell one.",
        of: Of::Access,
        keys: &[Key::AccessState, Key::AccessReason],
        counts: &[Requests, Devices, Users, Sample],
    },
    Analysis {
        id: "commands",
        title: "Commands",
        about: "All requests by command, or by HTTP method where there is none.",
        of: Of::All,
        keys: &[Key::Command],
        counts: &[Requests, FailedRequests, Devices, Users],
    },
    Analysis {
        id: "device_types",
        title: "Device types",
        about: "All requests by device type.",
        of: Of::All,
        keys: &[Key::DeviceType],
        counts: &[Requests, FailedRequests, Devices, Users],
    },
    Analysis {
        id: "user_agents",
        title: "User agents",
        about: "All requests by user agent.",
        of: Of::All,
        keys: &[Key::UserAgent],
        counts: &[Requests, FailedRequests, Devices, Users],
    },
    Analysis {
        id: "hours",
        title: "Hours",
        about: "All requests by the hour in which they ended.",
        of: Of::Hours,
        keys: &[Key::Hour],
        counts: &[Requests, FailedRequests, Devices, Users],
    },
    Analysis {
        id: "servers",
        title: "Servers",
        about: "All requests by the server that logged them. One that passes through two servers \
                counts for both.",
        of: Of::Logged,
        keys: &[Key::Server],
        counts: &[Requests, FailedRequests, Devices, Users],
    },
];
