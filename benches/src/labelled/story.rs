//! The stories: what devices live through, each with the verdict that it is to get.
//!
//! A story keeps well inside the rule of its verdict. What comes close to a rule and must not get
//! its verdict is a story of its own, most often of a healthy device.

use super::refusal::{ACCOUNT_LOCKED, PASSWORD_EXPIRED, Refusal, WRONG_PASSWORD};
use super::script::{DAY, DAYS, END, MINUTE, Script, h};
use super::site::Chain;
use crate::behaviour::Event;

/// What devices live through.
#[derive(Debug)]
pub struct Story {
    /// Name in snake_case.
    pub name: &'static str,
    /// The verdict of its devices.
    pub verdict: &'static str,
    /// How many of ten thousand devices live through it.
    pub(crate) share: usize,
    /// The ways of requests on which it can be seen; its devices take them in turn.
    pub(crate) chains: &'static [Chain],
    /// Writes the requests of one device.
    pub(crate) tell: fn(&mut Script),
}

const fn story(
    verdict: &'static str,
    name: &'static str,
    share: usize,
    chains: &'static [Chain],
    tell: fn(&mut Script),
) -> Story {
    Story {
        name,
        verdict,
        share,
        chains,
        tell,
    }
}

/// Every way of a request.
const ALL: &[Chain] = &[
    Chain::Exchange2003,
    Chain::Exchange2010,
    Chain::Proxied,
    Chain::TwoTiers,
];

/// Where a line has named elements: EAS status, error, access state, sync key.
const NAMED: &[Chain] = &[Chain::Exchange2010, Chain::Proxied, Chain::TwoTiers];

/// Where two servers log a request.
const TWICE: &[Chain] = &[Chain::Proxied, Chain::TwoTiers];

/// Where one server logs a request.
const ONCE: &[Chain] = &[Chain::Exchange2003, Chain::Exchange2010];

const CAS: &[Chain] = &[Chain::Exchange2010];

const FE2003: &[Chain] = &[Chain::Exchange2003];

/// The story of every device that has no other.
pub(crate) static HEALTHY: Story = story("healthy", "healthy", 0, ALL, |s| {
    s.works(0..END, h(4));
});

/// All other stories.
pub(crate) static STORIES: &[Story] = &[
    // Refused, and it stays so.
    story("disabled", "disabled_always", 60, ALL, |s| {
        s.options(h(1));
        s.refused(h(1)..END, h(5), &Refusal::DISABLED);
    }),
    story("disabled", "disabled_later", 60, ALL, |s| {
        s.works(0..h(50), h(3));
        s.refused(h(52)..END, h(3), &Refusal::DISABLED);
    }),
    story("disabled", "disabled_after_wrong_password", 30, ALL, |s| {
        s.works(0..h(24), h(3));
        s.locked_out(h(25)..h(60), h(5), WRONG_PASSWORD);
        s.refused(h(64)..END, h(5), &Refusal::DISABLED);
    }),
    // Within an hour of each other the order of the table decides.
    story("disabled", "disabled_and_wrong_password", 30, ALL, |s| {
        s.works(0..h(24), h(3));
        s.refused(h(25)..h(90), h(5), &Refusal::DISABLED);
        s.refuse(h(91), &Refusal::DISABLED);
        for number in 1..5 {
            s.logon_failure(h(91) + number * 5 * MINUTE, WRONG_PASSWORD);
        }
    }),
    story("blocked", "blocked_by_rule", 60, NAMED, |s| {
        s.options(h(2));
        s.refused(h(2)..END, h(5), &Refusal::blocked("BlockedD"));
    }),
    story("blocked", "blocked_by_default", 30, NAMED, |s| {
        s.refused(h(30)..h(40), h(2), &Refusal::blocked("BlockedG"));
    }),
    story("blocked", "blocked_later", 60, NAMED, |s| {
        s.works(0..h(60), h(3));
        s.refused(h(62)..END, h(3), &Refusal::blocked("BlockedI"));
    }),
    story("blocked", "blocked_by_state", 30, NAMED, |s| {
        s.works(0..h(60), h(3));
        for at in s.times(h(62)..END, h(4)) {
            s.state(at, "FolderSync", "BlockedI");
        }
    }),
    story("blocked", "wiped", 30, NAMED, |s| {
        s.works(0..h(40), h(3));
        s.refused(h(42)..END, h(6), &Refusal::WIPE);
    }),
    story("blocked", "too_many_devices", 30, NAMED, |s| {
        s.options(h(5));
        s.refused(h(5)..END, h(8), &Refusal::TOO_MANY_DEVICES);
    }),
    story("blocked", "blocked_for_unknown_reason", 30, NAMED, |s| {
        s.refused(h(5)..END, h(6), &Refusal::BLOCKED_FOR_UNKNOWN_REASON);
    }),
    story("blocked", "account_blocked", 30, NAMED, |s| {
        s.works(0..h(40), h(3));
        s.refused(h(42)..END, h(6), &Refusal::ACCOUNT_BLOCKED);
    }),
    story("blocked", "blocked_and_hammers", 20, NAMED, |s| {
        s.works(0..h(60), h(3));
        s.hammer(h(62), 90, &Refusal::blocked("BlockedD"));
    }),
    story("auto_blocked", "auto_blocked", 40, NAMED, |s| {
        s.works(0..h(70), h(3));
        s.refused(h(71)..END, h(1), &Refusal::AUTO_BLOCKED);
    }),
    story("auto_blocked", "auto_blocked_for_budget", 30, NAMED, |s| {
        s.refused(h(3)..END, h(3), &Refusal::AUTO_BLOCKED_FOR_BUDGET);
    }),
    story("auto_blocked", "auto_blocked_by_state", 30, NAMED, |s| {
        s.works(0..h(70), h(3));
        for at in s.times(h(72)..END, h(4)) {
            s.state(at, "Sync", "BlockedABS");
        }
    }),
    story("quarantined", "quarantined", 60, NAMED, |s| {
        s.options(h(1));
        quarantine(s, h(1), END);
    }),
    story("quarantined", "quarantined_later", 30, NAMED, |s| {
        s.works(0..h(48), h(3));
        quarantine(s, h(50), END);
    }),
    // What every new device goes through first.
    story(
        "quarantined",
        "quarantined_once_provisioned",
        30,
        NAMED,
        |s| {
            s.options(h(6));
            s.refuse(h(6) + 10, &Refusal::NOT_PROVISIONED);
            s.refuse(h(6) + 40, &Refusal::NOT_PROVISIONED);
            s.ok(h(6) + 50, "Provision");
            s.ok(h(6) + 60, "Provision");
            quarantine(s, h(6) + 70, END);
        },
    ),
    story("quarantined", "device_discovery", 30, NAMED, |s| {
        for at in s.times(h(1)..END, h(6)) {
            s.state(at, "FolderSync", "DeviceDiscoveryG");
            s.state(at + 5, "Settings", "DeviceDiscoveryG");
        }
    }),
    story("not_provisionable", "cannot_meet_policy", 60, NAMED, |s| {
        s.options(h(1));
        s.refused(h(1)..END, h(5), &Refusal::CANNOT_MEET_POLICY);
    }),
    story(
        "not_provisionable",
        "cannot_meet_policy_once",
        30,
        NAMED,
        |s| {
            s.works(0..h(80), h(3));
            s.refuse(h(82), &Refusal::CANNOT_MEET_POLICY);
        },
    ),
    story("not_provisionable", "too_old_for_policy", 30, NAMED, |s| {
        s.refused(h(10)..END, h(6), &Refusal::TOO_OLD_FOR_POLICY);
    }),
    story("not_provisionable", "never_provisions", 80, ALL, |s| {
        for at in s.times(h(1)..END, h(6)) {
            s.options(at);
            s.refuse(at + 5, &Refusal::NOT_PROVISIONED);
            s.refuse(at + 30, &Refusal::NOT_PROVISIONED);
        }
    }),
    story(
        "not_provisionable",
        "never_provisions_and_gives_up",
        40,
        ALL,
        |s| {
            s.options(h(20));
            let refusals = 1 + s.chance(2);
            for number in 0..refusals {
                s.refuse(h(20) + 10 + number * h(2), &Refusal::NOT_PROVISIONED);
            }
        },
    ),
    story(
        "not_provisionable",
        "policy_refresh_ignored",
        40,
        NAMED,
        |s| {
            s.works(0..h(48), h(3));
            s.refused(h(50)..END, h(4), &Refusal::POLICY_REFRESH);
        },
    ),
    // Refused once or twice, and then not seen any more.
    story(
        "not_provisionable",
        "gives_up_after_refusal",
        40,
        ALL,
        |s| {
            s.works(0..h(46), h(1));
            let refusals = 1 + s.chance(2);
            for number in 0..refusals {
                s.refuse(h(47) + number * 20, &Refusal::NOT_PROVISIONED);
            }
        },
    ),
    story("provisioning_loop", "loop_always", 80, ALL, |s| {
        provisioning_loop(s, h(1), &Refusal::NOT_PROVISIONED);
    }),
    story("provisioning_loop", "loop_later", 40, ALL, |s| {
        s.works(0..h(48), h(3));
        provisioning_loop(s, h(50), &Refusal::NOT_PROVISIONED);
    }),
    story(
        "provisioning_loop",
        "loop_of_policy_refresh",
        30,
        NAMED,
        |s| {
            s.works(0..h(70), h(3));
            provisioning_loop(s, h(72), &Refusal::POLICY_REFRESH);
        },
    ),
    story("authentication", "wrong_password_always", 60, ALL, |s| {
        let handshakes = s.chance(2) == 0;
        for at in s.times(h(1)..END, h(3)) {
            if handshakes {
                s.challenge(at, "Sync");
            }
            s.logon_failure(at + 1, WRONG_PASSWORD);
        }
    }),
    story("authentication", "wrong_password_later", 60, ALL, |s| {
        s.works(0..h(60), h(3));
        s.locked_out(h(61)..END, h(3), WRONG_PASSWORD);
    }),
    story("authentication", "wrong_password_once", 30, ALL, |s| {
        s.options(h(40));
        s.logon_failure(h(40) + 20, WRONG_PASSWORD);
    }),
    story("authentication", "password_expired", 30, ALL, |s| {
        s.works(0..h(72), h(3));
        s.locked_out(h(73)..END, h(1), PASSWORD_EXPIRED);
    }),
    story("authentication", "account_locked", 30, ALL, |s| {
        s.works(0..h(72), h(3));
        s.locked_out(h(73)..h(75), 10 * MINUTE, WRONG_PASSWORD);
        s.locked_out(h(75)..END, h(1), ACCOUNT_LOCKED);
    }),
    story(
        "authentication",
        "logon_failure_without_user",
        30,
        ALL,
        |s| {
            for at in s.times(h(1)..END, h(5)) {
                let event = Event {
                    status: (401, 1, WRONG_PASSWORD),
                    logged: false,
                    authenticated: false,
                    ..Event::ok("FolderSync")
                };
                s.event(at, event);
            }
        },
    ),
    story("authentication", "only_challenges", 40, ALL, |s| {
        for at in s.times(h(1)..END, h(5)) {
            s.challenge(at, "FolderSync");
        }
    }),
    story("authentication", "only_challenges_since", 30, ALL, |s| {
        s.works(0..h(40), h(3));
        for at in s.times(h(42)..END, h(5)) {
            s.challenge(at, "Sync");
        }
    }),
    story(
        "authentication",
        "gives_up_after_wrong_password",
        30,
        ALL,
        |s| {
            s.works(0..h(46), h(1));
            s.logon_failure(h(47), WRONG_PASSWORD);
        },
    ),
    story(
        "authentication",
        "wrong_password_after_disabled",
        30,
        ALL,
        |s| {
            s.refused(h(1)..h(40), h(5), &Refusal::DISABLED);
            s.locked_out(h(44)..END, h(5), WRONG_PASSWORD);
        },
    ),
    // What stands comes before the storm that it makes.
    story("authentication", "wrong_password_storm", 25, ALL, |s| {
        s.works(0..h(60), h(3));
        for number in 0..90 {
            s.logon_failure(h(62) + number * 60 / 90, WRONG_PASSWORD);
        }
        s.locked_out(h(63)..END, h(4), WRONG_PASSWORD);
    }),
    story("redirected", "redirected_always", 60, NAMED, |s| {
        s.refused(h(1)..END, h(6), &Refusal::REDIRECT);
    }),
    story("redirected", "redirected_later", 40, NAMED, |s| {
        s.works(0..h(60), h(3));
        s.refused(h(62)..END, h(4), &Refusal::REDIRECT);
    }),
    story("redirected", "redirected_once", 30, NAMED, |s| {
        s.options(h(70));
        s.refuse(h(70) + 5, &Refusal::REDIRECT);
    }),
    // Part of what devices ask for fails.
    story("mailbox_full", "mailbox_full_for_sync", 60, ALL, |s| {
        s.works(0..h(48), h(3));
        s.only(h(48)..END, h(4), &["Ping"]);
        s.refused(h(49)..END, h(4), &Refusal::mailbox_full(&["Sync"], 113));
    }),
    story("mailbox_full", "mailbox_full_for_sending", 40, ALL, |s| {
        s.only(0..END, h(4), &["Ping", "Sync"]);
        s.refused(h(30)..END, h(9), &Refusal::mailbox_full(&["SendMail"], 115));
    }),
    story("mailbox_full", "mailbox_full_always", 30, ALL, |s| {
        s.refused(h(1)..END, h(4), &Refusal::mailbox_full(&["Sync"], 113));
    }),
    story("sync_loop", "same_key", 25, NAMED, |s| {
        s.spread = false;
        looping(s, 20);
    }),
    // Each of the servers sees enough of it for itself.
    story("sync_loop", "same_key_on_several_servers", 25, CAS, |s| {
        s.spread = true;
        looping(s, 60);
    }),
    // No mark of the clock parts it, but for the hour at which a log ends.
    story("sync_loop", "same_key_over_a_mark", 25, NAMED, |s| {
        s.spread = false;
        s.works(0..h(30), h(3));
        let (sync_key, begin) = (s.new_sync_key(), 16 * MINUTE + s.chance(MINUTE));
        for number in 0..12 {
            s.sync(h(32) + begin + number * 40, 5, sync_key, 'S');
        }
        s.works(h(33)..END, h(3));
    }),
    story("sync_loop", "same_keys_of_two_folders", 25, NAMED, |s| {
        s.spread = false;
        s.works(0..h(30), h(3));
        let keys = [(2, s.new_sync_key()), (5, s.new_sync_key())];
        for number in 0..28 {
            let (folder, sync_key) = keys[number as usize % 2];
            s.sync(h(32) + number * 20, folder, sync_key, 'S');
        }
        s.works(h(33)..END, h(3));
    }),
    story("sync_loop", "recoveries", 40, ALL, |s| {
        s.only(0..END, h(4), &["Ping"]);
        recoveries(s, 18);
    }),
    story("resync", "resync_of_an_hour", 60, ALL, |s| {
        s.works(0..h(50), h(3));
        for number in 0..4 {
            s.sync(h(52) + 5 * MINUTE + number * 13 * MINUTE, 5, 0, 'F');
        }
        s.works(h(53)..END, h(3));
    }),
    story("resync", "resync_of_a_day", 40, ALL, |s| {
        s.works(0..h(46), h(3));
        for number in 0..12 {
            s.sync(2 * DAY + h(4) + number * 80 * MINUTE, 5, 0, 'F');
        }
        s.works(h(72)..END, h(3));
    }),
    story("storm", "storm_of_a_minute", 25, ALL, |s| {
        s.works(0..h(40), h(3));
        s.busy_minute(h(42), 90);
        s.works(h(43)..END, h(3));
    }),
    story("storm", "storm_on_several_servers", 25, ALL, |s| {
        s.works(0..h(40), h(3));
        s.spread = true;
        s.busy_minute(h(42), 120);
        s.works(h(43)..END, h(3));
    }),
    // Each of the two minutes has fewer than it takes.
    story("storm", "storm_over_a_mark", 25, ALL, |s| {
        s.works(0..h(40), h(3));
        let (requests, begin) = (61 + s.chance(40), 20 + s.chance(20));
        s.busy_minute(h(42) + begin, requests);
        s.works(h(43)..END, h(3));
    }),
    story("storm", "storm_of_pings", 25, ALL, |s| {
        s.works(0..h(40), h(3));
        for number in 0..85 {
            s.ok(h(42) + number * 60 / 85, "Ping");
        }
        s.works(h(43)..END, h(3));
    }),
    // Not every request of it gets through.
    story("storm", "storm_over_budget", 25, NAMED, |s| {
        s.works(0..h(40), h(3));
        for number in 0..45 {
            s.work(h(42) + number * 60 / 45);
            s.refuse(h(42) + number * 60 / 45, &Refusal::OVER_BUDGET);
        }
        s.works(h(43)..END, h(3));
    }),
    story("storm", "storm_of_a_day", 20, ONCE, |s| {
        s.works(0..h(46), h(4));
        s.busy_day(2, 1200);
        s.works(h(72)..END, h(4));
    }),
    story("throttled", "over_budget", 60, NAMED, |s| {
        s.works(0..END, h(3));
        s.refused(h(5)..h(90), h(10), &Refusal::OVER_BUDGET);
    }),
    story("throttled", "jobs_queued", 30, NAMED, |s| {
        s.works(0..h(60), h(3));
        s.refused(h(62)..h(64), 15 * MINUTE, &Refusal::JOBS_QUEUED);
        s.works(h(66)..END, h(3));
    }),
    // What turns it away says more than how often it knocks.
    story("throttled", "jobs_queued_and_hammers", 20, NAMED, |s| {
        s.works(0..h(60), h(3));
        s.hammer(h(62), 90, &Refusal::JOBS_QUEUED);
    }),
    story("throttled", "backing_off", 30, NAMED, |s| {
        s.works(0..END, h(4));
        s.refused(h(10)..END, h(10), &Refusal::BACKING_OFF);
    }),
    story("server_error", "server_error_always", 40, ALL, |s| {
        s.refused(h(2)..END, h(4), &Refusal::SERVER_ERROR);
    }),
    story("server_error", "server_error_later", 40, ALL, |s| {
        s.works(0..h(60), h(3));
        s.refused(h(62)..END, h(3), &Refusal::SERVER_ERROR);
    }),
    story("server_error", "server_error_and_hammers", 20, ALL, |s| {
        s.works(0..h(60), h(3));
        s.hammer(h(62), 90, &Refusal::SERVER_ERROR);
    }),
    story("server_error", "only_pages", 30, ONCE, |s| {
        s.refused(h(4)..END, h(6), &Refusal::PAGE);
    }),
    story("server_error", "only_lost_states", 30, NAMED, |s| {
        s.refused(h(4)..END, h(6), &Refusal::INVALID_SYNC_KEY);
    }),
    story(
        "server_error",
        "only_server_errors_of_sync",
        30,
        NAMED,
        |s| {
            s.refused(h(4)..END, h(6), &Refusal::sync_status(5));
        },
    ),
    story("mailbox_full", "no_space_to_sync", 30, NAMED, |s| {
        s.works(0..h(50), h(3));
        s.refused(h(52)..END, h(4), &Refusal::sync_status(9));
    }),
    story("server_error", "user_not_found", 40, NAMED, |s| {
        s.options(h(1));
        s.refused(h(1)..END, h(5), &Refusal::USER_NOT_FOUND);
    }),
    story("server_error", "sending_fails", 40, ALL, |s| {
        s.only(0..END, h(4), &["Ping", "Sync"]);
        let refusal = Refusal {
            commands: &["SendMail"],
            ..Refusal::SERVER_ERROR
        };
        s.refused(h(30)..END, h(9), &refusal);
    }),
    story("server_error", "no_server_for_mailbox", 30, CAS, |s| {
        s.refused(h(3)..END, h(5), &Refusal::NO_SERVER_FOR_MAILBOX);
    }),
    story("server_error", "bad_request", 30, NAMED, |s| {
        s.only(0..END, h(4), &["Ping"]);
        s.refused(h(40)..END, h(6), &Refusal::BAD_REQUEST);
    }),
    story("server_error", "unknown_error", 30, NAMED, |s| {
        s.only(0..END, h(4), &["Ping"]);
        s.refused(h(40)..END, h(6), &Refusal::UNKNOWN_ERROR);
    }),
    story("server_error", "refused_by_2003", 30, FE2003, |s| {
        s.refused(h(3)..END, h(5), &Refusal::REFUSED);
    }),
    story("gone_silent", "silent_after_hourly_work", 60, ALL, |s| {
        s.works(0..h(46), h(1));
    }),
    story("gone_silent", "silent_after_some_hours", 40, ALL, |s| {
        s.works(h(30)..h(40), h(2));
    }),
    // Trouble that is over.
    story("intermittent", "bad_hours", 60, ALL, |s| {
        s.works(0..h(10), h(2));
        bad_hour(s, h(10), &Refusal::SERVER_ERROR_ON_SYNC);
        s.works(h(12)..h(38), h(3));
        bad_hour(s, h(38), &Refusal::SERVER_ERROR_ON_SYNC);
        s.works(h(40)..h(57), h(3));
        bad_hour(s, h(57), &Refusal::SERVER_ERROR_ON_SYNC);
        s.works(h(59)..END, h(3));
    }),
    story("intermittent", "every_sixth_fails", 40, ALL, |s| {
        s.works(0..END, 90 * MINUTE);
        s.refused(h(2)..h(90), h(6), &Refusal::SERVER_ERROR_ON_SYNC);
    }),
    story(
        "intermittent",
        "wrong_password_and_server_error",
        30,
        ALL,
        |s| {
            s.works(0..h(26), h(2));
            for number in 0..4 {
                s.logon_failure(h(26) + number * 12 * MINUTE, WRONG_PASSWORD);
            }
            s.works(h(28)..h(50), h(3));
            bad_hour(s, h(50), &Refusal::SERVER_ERROR_ON_SYNC);
            s.works(h(52)..END, h(3));
        },
    ),
    story("recovered", "wrong_password_for_an_hour", 60, ALL, |s| {
        s.works(0..h(40), h(3));
        let win32 = *s.rng.pick(&[WRONG_PASSWORD, PASSWORD_EXPIRED]);
        for number in 0..6 {
            s.logon_failure(h(40) + 2 * MINUTE + number * 9 * MINUTE, win32);
        }
        s.works(h(42)..END, h(3));
    }),
    story("recovered", "blocked_then_allowed", 40, NAMED, |s| {
        s.refused(h(1)..h(11), h(2), &Refusal::blocked("BlockedD"));
        s.state(h(13), "FolderSync", "AllowedI");
        s.works(h(13)..END, h(3));
        s.state(h(90), "Sync", "AllowedI");
    }),
    story("recovered", "provisioned_late", 40, ALL, |s| {
        s.options(h(1));
        s.refused(h(1)..h(9), 90 * MINUTE, &Refusal::NOT_PROVISIONED);
        s.provisioning_round(h(11), 0, &Refusal::NOT_PROVISIONED);
        s.works(h(12)..END, h(3));
    }),
    story("recovered", "server_error_for_an_hour", 40, ALL, |s| {
        s.works(0..h(30), h(3));
        bad_hour(s, h(30), &Refusal::SERVER_ERROR_ON_SYNC);
        s.works(h(32)..END, h(3));
    }),
    // Nothing that it asks for tells.
    story("unknown", "only_options", 30, ALL, |s| {
        for at in s.times(h(3)..END, h(7)) {
            s.options(at);
        }
    }),
    story("unknown", "only_provisions", 30, ALL, |s| {
        s.options(h(30));
        s.refuse(h(30) + 5, &Refusal::NOT_PROVISIONED);
        s.ok(h(30) + 20, "Provision");
        s.ok(h(30) + 25, "Provision");
    }),
    story("unknown", "provisioning_begins", 30, ALL, |s| {
        s.options(END - 400);
        s.refuse(END - 390, &Refusal::NOT_PROVISIONED);
    }),
    story("unknown", "redirect_begins_at_once", 30, NAMED, |s| {
        s.refuse(END - 400, &Refusal::REDIRECT);
    }),
    // Nothing is wrong.
    story("healthy", "off_at_night", 60, ALL, |s| {
        for day in 0..DAYS {
            s.works(day * DAY + h(8)..day * DAY + h(22), h(2));
        }
    }),
    // The end of the period is more than a day away, but it has been away for half of that before.
    story("healthy", "off_for_a_day", 30, ALL, |s| {
        for day in 0..DAYS - 1 {
            s.works(day * DAY + h(7)..day * DAY + h(17), h(2));
        }
    }),
    story("healthy", "tried_once", 30, ALL, |s| {
        s.options(h(30));
        s.ok(h(30) + 10 * MINUTE, "FolderSync");
        s.ok(h(30) + 20 * MINUTE, "Sync");
    }),
    // Counted twice it would be a storm.
    story("healthy", "logged_twice", 30, TWICE, |s| {
        s.works(0..h(40), h(3));
        s.busy_minute(h(42), 40);
        s.works(h(43)..END, h(3));
    }),
    story("healthy", "logged_twice_all_day", 20, TWICE, |s| {
        s.works(0..h(46), h(4));
        s.busy_day(2, 600);
        s.works(h(72)..END, h(4));
    }),
    story("healthy", "on_several_servers", 60, ALL, |s| {
        s.spread = true;
        s.works(0..END, h(2));
    }),
    story("healthy", "busy_minute", 30, ALL, |s| {
        s.works(0..h(40), h(3));
        s.busy_minute(h(42), 58);
        s.works(h(43)..END, h(3));
    }),
    story("healthy", "busy_over_a_mark", 30, ALL, |s| {
        s.works(0..h(40), h(3));
        let begin = 20 + s.chance(20);
        s.busy_minute(h(42) + begin, 55);
        s.works(h(43)..END, h(3));
    }),
    // As many as a storm in any two minutes, but not within one.
    story("healthy", "busy_for_minutes", 20, ONCE, |s| {
        s.works(0..h(40), h(3));
        for minute in 0..5 {
            s.busy_minute(h(42) + 17 + minute * MINUTE, 50);
        }
        s.works(h(43)..END, h(3));
    }),
    story("healthy", "busy_day", 20, ONCE, |s| {
        s.works(0..h(46), h(4));
        s.busy_day(2, 950);
        s.works(h(72)..END, h(4));
    }),
    // The last line of the logs is of one of these.
    story("healthy", "polls", 20, NAMED, |s| {
        let sync_key = s.new_sync_key();
        let first = s.chance(15 * MINUTE);
        for at in (first..END).step_by(900) {
            s.sync(at, 5, sync_key, 'S');
        }
        let last = END - s.chance(MINUTE);
        s.sync(last, 5, sync_key, 'S');
    }),
    story("healthy", "polls_and_some_errors", 20, NAMED, |s| {
        let sync_key = s.new_sync_key();
        for number in 0..4 * 96 {
            let at = number * 15 * MINUTE + 7 * MINUTE;
            if number % 40 == 20 {
                s.refuse(at, &Refusal::SERVER_ERROR_ON_SYNC);
            } else {
                s.sync(at, 5, sync_key, 'S');
            }
        }
    }),
    // Nothing is new, so the key stays as it is.
    story("healthy", "polls_for_an_hour", 30, NAMED, |s| {
        same_key(s, 20, 3 * MINUTE);
    }),
    // Each Sync waits a minute for news, which is the shortest that it can.
    story("healthy", "waits_in_syncs", 30, NAMED, |s| {
        same_key(s, 30, 61);
    }),
    story("healthy", "some_same_keys", 40, NAMED, |s| {
        same_key(s, 7, 50);
    }),
    story("healthy", "state_lost_now_and_then", 30, NAMED, |s| {
        s.works(0..END, h(3));
        s.refused(h(20)..h(90), h(30), &Refusal::sync_status(3));
    }),
    story("healthy", "some_recoveries", 40, ALL, |s| {
        s.works(0..END, h(3));
        recoveries(s, 3);
    }),
    story("healthy", "two_resyncs", 40, ALL, |s| {
        s.works(0..h(50), h(3));
        s.sync(h(52) + 5 * MINUTE, 5, 0, 'F');
        s.sync(h(52) + 25 * MINUTE, 5, 0, 'F');
        s.works(h(53)..END, h(3));
    }),
    story("healthy", "first_sync", 60, ALL, |s| {
        s.options(h(20));
        s.ok(h(20) + 2, "FolderSync");
        // As many folders as Exchange 2003 tells apart: it logs their class.
        for folder in 0..4 {
            s.sync(h(20) + 5 + u32::from(folder), folder, 0, 'F');
        }
        s.works(h(21)..END, h(3));
    }),
    story("healthy", "first_sync_of_many_folders", 30, NAMED, |s| {
        s.options(h(20));
        s.ok(h(20) + 2, "FolderSync");
        for folder in 10..25 {
            s.sync(h(20) + u32::from(folder), folder, 0, 'F');
        }
        s.works(h(21)..END, h(3));
    }),
    story("healthy", "handshakes", 80, ALL, |s| {
        for at in s.times(0..END, h(3)) {
            s.challenge(at, "Sync");
            s.work(at + 1);
        }
    }),
    story("healthy", "provisioning_round", 80, ALL, |s| {
        s.options(h(9));
        let refusals = 1 + s.chance(2);
        let over = s.provisioning_round(h(9) + 5, refusals, &Refusal::NOT_PROVISIONED);
        s.works(over..END, h(3));
    }),
    story("healthy", "two_provisioning_rounds", 40, ALL, |s| {
        for start in [h(9), h(57)] {
            let refusals = 1 + s.chance(2);
            let over = s.provisioning_round(start, refusals, &Refusal::NOT_PROVISIONED);
            s.works(over..start + h(37), h(3));
        }
    }),
    story("healthy", "rounds_of_many_refusals", 40, ALL, |s| {
        for start in [h(9), h(33), h(57)] {
            let refusals = 4 + s.chance(3);
            let over = s.provisioning_round(start, refusals, &Refusal::NOT_PROVISIONED);
            s.works(over..start + h(20), h(3));
        }
        s.works(h(78)..END, h(3));
    }),
    story("healthy", "provisioning_begins_anew", 30, ALL, |s| {
        s.works(0..h(94), h(3));
        for number in 0..3 {
            s.refuse(END - 400 + number * 10, &Refusal::NOT_PROVISIONED);
        }
    }),
    story("healthy", "redirect_followed", 40, NAMED, |s| {
        s.spread = false;
        s.refuse(h(3), &Refusal::REDIRECT);
        s.move_on();
        s.works(h(3) + 10..END, h(3));
    }),
    story("healthy", "redirect_begins", 30, NAMED, |s| {
        s.works(0..h(94), h(3));
        s.refuse(END - 400, &Refusal::REDIRECT);
    }),
    story("healthy", "quarantine_lifted", 40, NAMED, |s| {
        quarantine(s, h(2), h(20));
        s.state(h(21), "FolderSync", "AllowedI");
        s.works(h(21) + MINUTE..END, h(3));
        s.state(h(93), "Sync", "AllowedI");
    }),
    story("healthy", "device_discovered", 30, NAMED, |s| {
        s.state(h(2), "FolderSync", "DeviceDiscoveryG");
        s.state(h(2) + 4, "Settings", "DeviceDiscoveryG");
        s.only(h(2) + 10..END, h(3), &["Ping", "Sync"]);
    }),
    story("healthy", "single_errors", 60, ALL, |s| {
        s.works(0..h(30), h(3));
        s.refuse(h(31), &Refusal::SERVER_ERROR_ON_SYNC);
        s.works(h(32)..h(60), h(3));
        s.refuse(h(61), &Refusal::UNAVAILABLE);
        s.works(h(62)..END, h(3));
    }),
    story("healthy", "last_request_fails", 60, ALL, |s| {
        s.works(0..h(92), h(3));
        let refusal = *s
            .rng
            .pick(&[&Refusal::SERVER_ERROR_ON_SYNC, &Refusal::UNAVAILABLE]);
        s.refuse(h(93), refusal);
    }),
    story("healthy", "over_budget_twice", 40, NAMED, |s| {
        s.works(0..h(30), h(3));
        s.refuse(h(31), &Refusal::OVER_BUDGET);
        s.works(h(32)..h(60), h(3));
        s.refuse(h(61), &Refusal::OVER_BUDGET);
        s.works(h(62)..END, h(3));
    }),
    story("healthy", "mailbox_full_for_a_while", 40, ALL, |s| {
        s.works(0..h(40), h(3));
        s.refuse(h(41), &Refusal::mailbox_full(&["Sync"], 113));
        s.ok(h(42), "Ping");
        s.refuse(h(43), &Refusal::mailbox_full(&["Sync"], 113));
        s.works(h(44)..END, h(3));
    }),
    story("healthy", "benign_errors", 60, NAMED, benign_errors),
    story("healthy", "aborted_pings", 60, ALL, |s| {
        for at in s.times(0..END, h(2)) {
            let event = Event {
                status: *s
                    .rng
                    .pick(&[(200, 0, 64), (200, 0, 995), (200, 0, 1236), (0, 0, 64)]),
                ..Event::ok("Ping")
            };
            s.event(at, event);
        }
        s.only(0..END, h(8), &["Sync"]);
    }),
    // The server writes a fault where the device hung up.
    story("healthy", "aborted_pings_as_faults", 30, ALL, |s| {
        s.works(0..h(92), h(3));
        for at in s.times(h(1)..END, h(4)) {
            let event = Event {
                status: *s.rng.pick(&[(500, 0, 64), (503, 0, 995)]),
                ..Event::ok("Ping")
            };
            s.event(at, event);
        }
    }),
    // They say something about an item or the state of a folder, not about the device.
    story("healthy", "item_errors", 40, NAMED, |s| {
        s.works(0..END, h(3));
        s.refused(h(10)..END, h(6), &Refusal::ITEM_NOT_FOUND);
        s.refused(h(10)..h(80), h(12), &Refusal::INVALID_SYNC_KEY);
    }),
    story("healthy", "names_in_every_form", 60, ALL, |s| {
        s.respelled = true;
        s.works(0..END, h(2));
    }),
];

/// Asks for its folders and gets the mail that tells of the quarantine.
fn quarantine(s: &mut Script, from: u32, to: u32) {
    for at in s.times(from..to, h(4)) {
        s.state(at, "FolderSync", "QuarantinedG");
        s.state(at + 3, "Sync", "QuarantinedG");
    }
}

/// Is refused, provisions, which gets through, and is refused again.
fn provisioning_loop(s: &mut Script, from: u32, refusal: &Refusal) {
    s.options(from);
    for at in s.times(from..END, h(4)) {
        s.refuse(at, refusal);
        s.ok(at + 10, "Provision");
        s.ok(at + 15, "Provision");
        s.refuse(at + 20, refusal);
    }
}

/// Synchronizes one folder with one key again and again, so many times in nine of ten minutes, on
/// each of two days.
fn looping(s: &mut Script, times: u32) {
    s.works(0..h(30), h(3));
    for window in [h(32), h(58) + 20 * MINUTE] {
        let sync_key = s.new_sync_key();
        for number in 0..times {
            s.sync(window + 30 + number * 9 * MINUTE / times, 5, sync_key, 'S');
        }
    }
    s.works(h(60)..END, h(3));
}

/// Syncs a folder so many times with one key, at such a distance in seconds, and works before and behind.
fn same_key(s: &mut Script, times: u32, gap_s: u32) {
    s.works(0..h(40), h(3));
    let sync_key = s.new_sync_key();
    for number in 0..times {
        s.sync(h(42) + number * gap_s, 5, sync_key, 'S');
    }
    s.works(h(43)..END, h(3));
}

/// So many Syncs whose answer is lost, so that the device sends the key a second time.
fn recoveries(s: &mut Script, times: u32) {
    for number in 0..times {
        let at = h(3) + number * h(90) / times;
        let sync_key = s.new_sync_key();
        s.sync(at, 2, sync_key, 'S');
        s.sync(at + 40, 2, sync_key, 'R');
    }
}

/// Fails four times within an hour.
fn bad_hour(s: &mut Script, hour: u32, refusal: &Refusal) {
    for number in 0..4 {
        s.refuse(hour + 5 * MINUTE + number * 12 * MINUTE, refusal);
    }
}

/// Works, with errors that are part of it, also on the last request.
fn benign_errors(s: &mut Script) {
    s.works(0..h(90), h(3));
    let mut times = s.times(h(1)..h(93), h(6));
    times.push(h(94));
    for (number, at) in times.into_iter().enumerate() {
        let (command, error) = match number % 3 {
            0 => ("Ping", "PingCollisionDetected"),
            1 => ("Sync", "SyncCollisionDetected"),
            _ => ("FolderSync", "MissingCscCacheEntry"),
        };
        let event = Event {
            error: Some(error),
            ..Event::ok(command)
        };
        s.event(at, event);
    }
    // The two servers agree on their session like this before the first of them passes on a request.
    if s.is_proxied() {
        for day in 0..3 {
            let event = Event {
                status: (441, 0, 0),
                error: Some("MissingCscCacheEntry"),
                ..Event::ok("Sync")
            };
            s.inner(day * DAY + h(12), event);
            s.ok(day * DAY + h(12) + 1, "Sync");
        }
    }
}
