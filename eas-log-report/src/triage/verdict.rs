//! The verdicts.

/// What is to be said of a device. The order is the order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The user may not use ActiveSync.
    Disabled,
    /// Blocked by the organization, a rule or a person.
    Blocked,
    /// Blocked by the server for its behaviour.
    AutoBlocked,
    /// Waits for an administrator.
    Quarantined,
    /// Cannot meet the policy, or never gets through.
    NotProvisionable,
    /// Provisions, and is refused again.
    ProvisioningLoop,
    /// Is not let in: wrong, expired or locked password.
    Authentication,
    /// Should use another server and does not.
    Redirected,
    /// Its mailbox is full.
    MailboxFull,
    /// Synchronizes with the same key again and again.
    SyncLoop,
    /// Synchronizes from the start again and again.
    Resync,
    /// Sends too many requests.
    Storm,
    /// Is slowed down or turned away by throttling.
    Throttled,
    /// Runs into faults of the server.
    ServerError,
    /// Worked, and is not seen any more.
    GoneSilent,
    /// Fails for a while, again and again.
    Intermittent,
    /// Failed for a while and works since.
    Recovered,
    /// The logs do not show whether it works.
    Unknown,
    /// Works.
    Healthy,
}

impl Verdict {
    /// Every verdict with its name in reports.
    pub const ALL: [(Verdict, &'static str); 19] = [
        (Verdict::Disabled, "disabled"),
        (Verdict::Blocked, "blocked"),
        (Verdict::AutoBlocked, "auto_blocked"),
        (Verdict::Quarantined, "quarantined"),
        (Verdict::NotProvisionable, "not_provisionable"),
        (Verdict::ProvisioningLoop, "provisioning_loop"),
        (Verdict::Authentication, "authentication"),
        (Verdict::Redirected, "redirected"),
        (Verdict::MailboxFull, "mailbox_full"),
        (Verdict::SyncLoop, "sync_loop"),
        (Verdict::Resync, "resync"),
        (Verdict::Storm, "storm"),
        (Verdict::Throttled, "throttled"),
        (Verdict::ServerError, "server_error"),
        (Verdict::GoneSilent, "gone_silent"),
        (Verdict::Intermittent, "intermittent"),
        (Verdict::Recovered, "recovered"),
        (Verdict::Unknown, "unknown"),
        (Verdict::Healthy, "healthy"),
    ];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        Verdict::ALL[self as usize].1
    }

    /// The verdict of this name.
    pub fn from_name(name: &str) -> Option<Verdict> {
        let found = Verdict::ALL.iter().find(|(_, other)| *other == name);
        found.map(|&(verdict, _)| verdict)
    }

    /// Whether nothing needs to be done for the device now.
    pub fn is_well(self) -> bool {
        matches!(self, Verdict::Healthy | Verdict::Recovered)
    }

    /// Whether something is to be done for the device. Of one that did too little to tell, neither is
    /// known.
    pub fn is_broken(self) -> bool {
        !self.is_well() && self != Verdict::Unknown
    }

    /// Whether the device is refused as a whole.
    pub fn is_refusal(self) -> bool {
        self <= Verdict::Redirected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_precedence() {
        for (number, (verdict, name)) in Verdict::ALL.into_iter().enumerate() {
            assert_eq!(verdict as usize, number, "{name}");
            assert_eq!(Verdict::from_name(name), Some(verdict));
        }
        assert_eq!(Verdict::from_name("well"), None);
    }

    #[test]
    fn a_device_is_well_or_broken_or_not_known() {
        let neither = Verdict::ALL
            .into_iter()
            .filter(|(verdict, _)| verdict.is_well() == verdict.is_broken());
        assert_eq!(neither.collect::<Vec<_>>(), [(Verdict::Unknown, "unknown")]);
    }
}
