//! One row of the ledger.

use std::cmp::Reverse;

use eas_log_parse::Access;
use eas_log_parse::codes::Class;

use super::history::{History, Sum};
use super::rules::Ruling;
use super::verdict::Verdict;
use crate::facts::{Gauge, Moment, NONE, Place, PolicyKey, TextId};

/// A device of a user, with its verdict and what it rests on. Texts are numbers of
/// [`Texts`](crate::facts::Texts), or [`NONE`].
#[derive(Clone, Debug)]
pub struct Device {
    /// The user: a key.
    pub user: TextId,
    /// The device id: a key.
    pub device: TextId,
    /// The verdict.
    pub verdict: Verdict,
    /// The outcome that decided it, by its number; none where no single one did.
    pub decided_by: Option<u32>,
    /// How many requests decided it: refusals, or requests in a run, a minute or a day; for a device
    /// that has gone silent, the hours since.
    pub number: u64,
    /// The first and the last deciding line.
    pub evidence: Vec<Place>,
    /// Its latest device type: a key.
    pub device_type: TextId,
    /// User agents in the order in which they were first seen.
    pub user_agents: Vec<TextId>,
    /// Its latest user agent.
    pub user_agent: TextId,
    /// Protocol versions, times ten.
    pub versions: Vec<u16>,
    /// Servers that logged it.
    pub servers: Vec<TextId>,
    /// Requests, each counted once.
    pub requests: u64,
    /// Of these the failed ones.
    pub failed: u64,
    /// Requests by command, or by method where there is none.
    pub commands: Vec<(TextId, u64)>,
    /// Failed requests by class, most first.
    pub failures: Vec<Failures>,
    /// First and last request.
    pub seen: (Moment, Moment),
    /// First and last request that worked.
    pub worked: Option<(Moment, Moment)>,
    /// Provision requests.
    pub provisioning_attempts: u64,
    /// Most failures without a success between them, as near as hours tell.
    pub longest_refusal_run: u64,
    /// The last access state that a line tells.
    pub access: Option<Access>,
    /// The last policy key that it sent.
    pub policy_key: PolicyKey,
    /// Most requests within sixty seconds, of those that were at least eight in a row in one file; 0
    /// where there are none.
    pub peak_per_minute: u64,
    /// Most requests on a day (UTC).
    pub peak_per_day: u64,
    /// Sums, extremes and latest values.
    pub gauge: Gauge,
    /// Numbers of its tags, which findings look at.
    pub(super) tags: Vec<u32>,
    /// Findings that list it, by their numbers.
    pub findings: Vec<u16>,
}

/// Failed requests of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// The class.
    pub class: Class,
    /// How many.
    pub requests: u64,
    /// The last of them.
    pub last: Moment,
}

impl Device {
    pub(super) fn new(
        history: &History<'_>,
        verdict: Verdict,
        ruling: &Ruling,
        seen: Sum,
    ) -> Device {
        let events = || history.events.iter();
        let mut agents: Vec<(Moment, TextId)> = events()
            .map(|event| (event.cell.first, history.identity(event).user_agent))
            .filter(|&(_, agent)| agent != NONE)
            .collect();
        agents.sort_unstable();
        let mut user_agents: Vec<TextId> = Vec::new();
        for (_, agent) in agents {
            if !user_agents.contains(&agent) {
                user_agents.push(agent);
            }
        }
        let latest = history.latest_identity();
        let mut versions: Vec<u16> = events()
            .filter_map(|event| event.outcome.version.filter(|&version| version > 0))
            .collect();
        versions.sort_unstable();
        versions.dedup();
        let mut commands: Vec<(TextId, u64)> = Vec::new();
        for event in events().filter(|event| event.outcome.command != NONE && event.counted > 0) {
            match commands
                .iter_mut()
                .find(|(command, _)| *command == event.outcome.command)
            {
                Some((_, requests)) => *requests += event.counted,
                None => commands.push((event.outcome.command, event.counted)),
            }
        }
        let mut failures: Vec<Failures> = Vec::new();
        for event in events().filter(|event| event.judgement.failed && event.counted > 0) {
            let (class, last) = (event.judgement.class, event.cell.last);
            match failures.iter_mut().find(|other| other.class == class) {
                Some(sum) => {
                    sum.requests += event.counted;
                    if last.is_later_than(sum.last) {
                        sum.last = last;
                    }
                }
                None => failures.push(Failures {
                    class,
                    requests: event.counted,
                    last,
                }),
            }
        }
        failures.sort_unstable_by_key(|sum| (Reverse(sum.requests), sum.class));
        let decided_by = events()
            .filter(|event| event.cell.last == ruling.to)
            .map(|event| event.key.outcome)
            .next();
        let mut evidence = vec![ruling.from.place];
        if ruling.to.place != ruling.from.place {
            evidence.push(ruling.to.place);
        }
        let policy_key = events()
            .filter(|event| event.outcome.policy_key != PolicyKey::Unknown)
            .max_by_key(|event| event.cell.last)
            .map_or(PolicyKey::Unknown, |event| event.outcome.policy_key);
        Device {
            user: history.user,
            device: history.device,
            verdict,
            decided_by: if verdict.is_well() { None } else { decided_by },
            number: ruling.number,
            evidence,
            device_type: latest.device_type,
            user_agent: latest.user_agent,
            user_agents,
            versions,
            servers: history.servers.clone(),
            requests: history.requests(),
            failed: history.failed(),
            commands,
            failures,
            seen: (seen.first, seen.last),
            worked: history.worked.map(|worked| (worked.first, worked.last)),
            provisioning_attempts: history
                .of(|event| history.command(event).eq_ignore_ascii_case(b"Provision"))
                .map_or(0, |sum| sum.requests),
            longest_refusal_run: history.calendar.longest_failing,
            access: history.access.map(|(_, access)| access),
            policy_key,
            peak_per_minute: history.busiest_minute.map_or(0, |(requests, _)| requests),
            peak_per_day: history
                .calendar
                .busiest_day
                .map_or(0, |(requests, _)| requests),
            gauge: history.gauge,
            tags: Vec::new(),
            findings: Vec::new(),
        }
    }
}
