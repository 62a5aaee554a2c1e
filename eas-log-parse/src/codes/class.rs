//! What kind of thing became of a request.

/// The kind of an outcome: what went wrong, in the terms that decide who has to act.
///
/// The tables of errors and statuses name a class for each error, EAS status and HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum Class {
    /// Nothing went wrong.
    Success,
    /// Named as an error, but part of normal work.
    Benign,
    /// First leg of an authentication handshake.
    Challenge,
    /// The device is asked to provision.
    Provisioning,
    /// The server says that the device cannot meet the policy.
    NotProvisionable,
    /// A remote wipe is pending.
    Wipe,
    /// Blocked by organization, rule or person.
    Blocked,
    /// Blocked by the server for the device's behaviour.
    AutoBlocked,
    /// The user may not use ActiveSync.
    Disabled,
    /// Wrong, expired or locked credentials.
    Authentication,
    /// The user or mailbox cannot be found, or rights are missing, in Active Directory.
    Directory,
    /// The device should talk to another server.
    Redirect,
    /// A request could not be passed on to another server.
    Proxy,
    /// Over a limit on work.
    Throttled,
    /// The mailbox is full.
    MailboxFull,
    /// The user has too many devices.
    DeviceLimit,
    /// The state of synchronization is lost, locked or out of step.
    SyncState,
    /// A fault of the server.
    Server,
    /// The server did not understand the request.
    Request,
    /// Refused, and nothing more is known.
    Refused,
    /// About one item or folder, not about the device.
    Item,
    /// An error whose meaning is not known.
    Unknown,
}

impl Class {
    /// Every class with its name in data files and reports.
    pub const ALL: [(Class, &'static str); 22] = [
        (Class::Success, "success"),
        (Class::Benign, "benign"),
        (Class::Challenge, "challenge"),
        (Class::Provisioning, "provisioning"),
        (Class::NotProvisionable, "not_provisionable"),
        (Class::Wipe, "wipe"),
        (Class::Blocked, "blocked"),
        (Class::AutoBlocked, "auto_blocked"),
        (Class::Disabled, "disabled"),
        (Class::Authentication, "authentication"),
        (Class::Directory, "directory"),
        (Class::Redirect, "redirect"),
        (Class::Proxy, "proxy"),
        (Class::Throttled, "throttled"),
        (Class::MailboxFull, "mailbox_full"),
        (Class::DeviceLimit, "device_limit"),
        (Class::SyncState, "sync_state"),
        (Class::Server, "server"),
        (Class::Request, "request"),
        (Class::Refused, "refused"),
        (Class::Item, "item"),
        (Class::Unknown, "unknown"),
    ];

    /// What the class says of a request, as a sentence without its subject.
    pub fn meaning(self) -> &'static str {
        match self {
            Class::Success => "worked",
            Class::Benign => "worked; what is named as an error is part of normal work",
            Class::Challenge => {
                "is the first leg of an authentication handshake, which is no failure"
            }
            Class::Provisioning => "was refused: the device is asked to provision",
            Class::NotProvisionable => "was refused: the device cannot meet the policy",
            Class::Wipe => "was refused: a remote wipe is pending",
            Class::Blocked => "was refused: the device is blocked",
            Class::AutoBlocked => "was refused: the server blocks the device for its behaviour",
            Class::Disabled => "was refused: the user may not use ActiveSync",
            Class::Authentication => "was refused: the credentials are wrong, expired or locked",
            Class::Directory => {
                "failed: the user or mailbox, or rights to it, are missing in Active Directory"
            }
            Class::Redirect => "was sent on: the device should talk to another server",
            Class::Proxy => "failed: it could not be passed on to another server",
            Class::Throttled => "was refused: too much work",
            Class::MailboxFull => "failed: the mailbox is full",
            Class::DeviceLimit => "was refused: the user has too many devices",
            Class::SyncState => {
                "failed: the state of synchronization is lost, locked or out of step"
            }
            Class::Server => "failed: a fault of the server",
            Class::Request => "was refused: the server did not understand it",
            Class::Refused => "was refused",
            Class::Item => "failed for one item or folder",
            Class::Unknown => "failed with an error whose meaning is not known",
        }
    }

    /// The class of a name.
    pub fn from_name(name: &str) -> Option<Class> {
        Class::ALL
            .iter()
            .find(|(_, n)| *n == name)
            .map(|&(class, _)| class)
    }

    /// The name in data files and reports.
    pub fn name(self) -> &'static str {
        Class::ALL
            .iter()
            .find(|&&(class, _)| class == self)
            .map_or("", |&(_, name)| name)
    }
}
