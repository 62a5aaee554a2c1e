//! The rules: when a device gets which verdict. They stand in one table, in the order of precedence.

use std::cmp::Reverse;

use eas_log_parse::codes::Class;
use eas_log_parse::{AccessReason, AccessState, SyncType};

use super::calendar::Calendar;
use super::history::{Event, History, Sum, sum};
use super::verdict::Verdict;
use crate::facts::{BusyMinute, Cell, Moment};

/// How many requests are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// More requests within sixty seconds are a storm.
    pub per_minute: u64,
    /// More requests on a day are a storm.
    pub per_day: u64,
}

impl Limits {
    /// The least limit of requests within sixty seconds: fewer than it asks for are not kept.
    pub const LEAST_PER_MINUTE: u64 = BusyMinute::LEAST as u64 - 1;
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            per_minute: 60,
            per_day: 1000,
        }
    }
}

/// Why a rule holds: the requests that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    /// When the deciding requests began.
    pub(crate) from: Moment,
    /// The last of them.
    pub(crate) to: Moment,
    /// How many there are: refusals, or requests in a run, a minute or a day.
    pub(crate) number: u64,
}

impl From<Sum> for Ruling {
    fn from(sum: Sum) -> Ruling {
        Ruling {
            from: sum.first,
            to: sum.last,
            number: sum.requests,
        }
    }
}

/// When a device gets a verdict.
pub struct Rule {
    /// The verdict.
    pub verdict: Verdict,
    /// The condition in words.
    pub when: &'static str,
    /// Whether the device is refused access as a whole. Of several refusals the latest decides; of
    /// those within an hour, the order of the table.
    pub refusal: bool,
    test: fn(&History<'_>, &Limits) -> Option<Ruling>,
}

/// Failures of this number are no accident.
const SEVERAL: u64 = 3;
/// Failures of this share in percent are no accident.
const SHARE: u64 = 5;
/// Refusals in a row that are no single round of provisioning.
const ROUND: u64 = 10;
/// Synchronizations of a folder with one key in a row that are a loop. They lie within ten minutes,
/// since each of a run follows the one before within one.
const LOOP: u32 = 10;
/// Refusals this close are one.
const SAME_REFUSAL_S: i64 = 3600;

/// Classes of failures that are the server's, or that nothing more is known of.
const SERVER: [Class; 6] = [
    Class::Server,
    Class::Directory,
    Class::Proxy,
    Class::Request,
    Class::Refused,
    Class::Unknown,
];

/// Every rule, in the order of precedence.
pub static RULES: [Rule; 19] = [
    Rule {
        verdict: Verdict::Disabled,
        when: "refused because the user may not use ActiveSync, and nothing worked since",
        refusal: true,
        test: |history, _| {
            history
                .standing(|event| event.is(Class::Disabled))
                .map(Ruling::from)
        },
    },
    Rule {
        verdict: Verdict::Blocked,
        when: "refused as blocked, to be wiped, or one device too many, and nothing worked since; or \
               the last access state is Blocked by a person, a rule or the organization",
        refusal: true,
        test: |history, _| {
            let refused = history.standing(|event| {
                event.is(Class::Blocked) || event.is(Class::Wipe) || event.is(Class::DeviceLimit)
            });
            refused.map(Ruling::from).or_else(|| {
                blocked(history, |reason| {
                    reason.is_none_or(|reason| {
                        !reason.is_automatic() && reason != AccessReason::Policy
                    })
                })
            })
        },
    },
    Rule {
        verdict: Verdict::AutoBlocked,
        when: "refused as blocked for its behaviour, and nothing worked since; or the last access \
               state is Blocked for such a reason (AB…)",
        refusal: true,
        test: |history, _| {
            let refused = history.standing(|event| event.is(Class::AutoBlocked));
            refused.map(Ruling::from).or_else(|| {
                blocked(history, |reason| {
                    reason.is_some_and(AccessReason::is_automatic)
                })
            })
        },
    },
    Rule {
        verdict: Verdict::Quarantined,
        when: "the last access state is Quarantined; or DeviceDiscovery, and nothing worked since",
        refusal: true,
        test: |history, _| {
            let (at, access) = history.access?;
            let waits = match access.state {
                AccessState::Quarantined => true,
                AccessState::DeviceDiscovery => history
                    .worked
                    .is_none_or(|worked| at.is_later_than(worked.last)),
                _ => false,
            };
            if !waits {
                return None;
            }
            history
                .of(|event| {
                    let texts = &history.facts.texts;
                    event.outcome.access(texts).map(|access| access.state) == Some(access.state)
                })
                .map(Ruling::from)
        },
    },
    Rule {
        verdict: Verdict::NotProvisionable,
        when: "the server says that the device cannot meet the policy, and nothing worked since; or \
               it is refused for want of provisioning at least 3 times, or once if it never worked or \
               is not seen any more, and no Provision gets through between or after; fewer than 10 \
               refusals that all came within 15 minutes before the end may be a round that goes on",
        refusal: true,
        test: |history, _| {
            let told = history.standing(|event| event.is(Class::NotProvisionable));
            told.map(Ruling::from)
                .or_else(|| not_provisioned(history, Provisions::None))
        },
    },
    Rule {
        verdict: Verdict::ProvisioningLoop,
        when: "refused at least 3 times, though a Provision got through between the first and the last",
        refusal: true,
        test: |history, _| not_provisioned(history, Provisions::Between),
    },
    Rule {
        verdict: Verdict::Authentication,
        when: "not let in at least 3 times, or once if it never worked or is not seen any more, and \
               nothing worked since; or it has made nothing but 3 or more first legs of a handshake, \
               or for more than a day nothing else",
        refusal: true,
        test: |history, _| {
            let denied = history.standing(|event| event.is(Class::Authentication));
            if let Some(denied) = denied {
                let enough = history.never_worked()
                    || since(history, &denied) >= SEVERAL
                    || history.silent_s().is_some();
                return enough.then(|| denied.into());
            }
            let challenged = history.standing(|event| event.is(Class::Challenge))?;
            let others = history.of(|event| !event.is(Class::Challenge));
            let nothing_else = others.is_none_or(|others| {
                let (other, last) = (others.last.seconds(), challenged.last.seconds());
                matches!((other, last), (Some(other), Some(last)) if last - other > 86_400)
            });
            (nothing_else && challenged.requests >= SEVERAL).then(|| challenged.into())
        },
    },
    Rule {
        verdict: Verdict::Redirected,
        when: "told to use another server (451) twice, or once more than 15 minutes before the end, \
               and nothing worked since",
        refusal: true,
        test: |history, _| {
            let told = history.standing(|event| event.is(Class::Redirect))?;
            let enough = since(history, &told) >= 2 || !history.is_in_progress(told.last);
            enough.then(|| told.into())
        },
    },
    Rule {
        verdict: Verdict::MailboxFull,
        when: "a command fails because the mailbox is full, and has not worked since",
        refusal: false,
        test: |history, _| {
            history
                .standing_by_command(&[Class::MailboxFull])
                .map(|(failed, _)| failed.into())
        },
    },
    Rule {
        verdict: Verdict::SyncLoop,
        when: "at least 10 synchronizations of a folder with one sync key in a row in the log of one server, \
               each less than a minute after the one before and with at most one other folder between; or \
               at least 10 recoveries (sync type R) that are a fifth of all its synchronizations; and it \
               is not turned away",
        refusal: false,
        test: |history, _| sync_loop(history).filter(|_| !is_turned_away(history)),
    },
    Rule {
        verdict: Verdict::Resync,
        when: "a folder is synchronized from the start (sync key 0) on a day (UTC) at least 3 times \
               and more often than twice an hour, or at least 10 times; and the device is not turned \
               away",
        refusal: false,
        test: |history, _| resync(history).filter(|_| !is_turned_away(history)),
    },
    Rule {
        verdict: Verdict::Storm,
        when: "more than 60 requests within 60 seconds, wherever they begin (in all logs that have 8 of them \
               in a row), or more than 1,000 on a day (both adjustable), and it is not turned away: that \
               its last 3 or more requests failed goes before how many it made",
        refusal: false,
        test: |history, limits| storm(history, limits).filter(|_| !is_turned_away(history)),
    },
    Rule {
        verdict: Verdict::Throttled,
        when: "at least 3 requests and 5 % of all are turned away by throttling, or it never worked",
        refusal: false,
        test: |history, _| {
            let throttled = history.of(|event| event.is(Class::Throttled))?;
            let enough = history.never_worked() || is_no_accident(history, throttled.requests);
            enough.then(|| throttled.into())
        },
    },
    Rule {
        verdict: Verdict::ServerError,
        when: "a command fails with an error of the server at least 3 times (6 if it worked between \
               them) and in 5 % of all requests, and has not worked since; or nothing ever worked, \
               whatever else failed; or nothing has worked since the state of its folders was lost at \
               least 3 times; or an error of the server is the last of a device that is not seen any \
               more",
        refusal: false,
        test: server_error,
    },
    Rule {
        verdict: Verdict::GoneSilent,
        when: "it worked in at least two hours, and is not seen for more than a day, and for more than \
               three times its longest earlier silence, while others are; Saturdays and Sundays (UTC) \
               count only for a device that was seen on one",
        refusal: false,
        test: |history, _| {
            let last = history.seen()?.last;
            let silent = history.silent_s()?;
            (history.calendar.hours_worked >= 2).then_some(Ruling {
                from: last,
                to: last,
                number: (silent / 3600) as u64,
            })
        },
    },
    Rule {
        verdict: Verdict::Intermittent,
        when: "at least two stretches of 3 or more failures that each ended with a success, as near \
               as hours tell; or at least 10 single failures that are 5 % of all requests. Rounds of \
               provisioning that are over within an hour are none",
        refusal: false,
        test: |history, _| {
            let Calendar { episodes, .. } = history.calendar;
            let failures = history.failures_but_rounds();
            let often = failures >= 10 && is_no_accident(history, failures);
            (episodes >= 2 || (often && !history.never_worked() && episodes != 1))
                .then(|| decisive(history))
                .flatten()
        },
    },
    Rule {
        verdict: Verdict::Recovered,
        when: "one such stretch, and it works since",
        refusal: false,
        test: |history, _| {
            (history.calendar.episodes == 1)
                .then(|| decisive(history))
                .flatten()
        },
    },
    Rule {
        verdict: Verdict::Unknown,
        when: "none of these, and no request shows that it works: it has only asked what the server can, \
               provisioned, or has just begun",
        refusal: false,
        test: |history, _| {
            let seen = history.seen().filter(|_| history.never_worked())?;
            Some(seen.into())
        },
    },
    Rule {
        verdict: Verdict::Healthy,
        when: "none of these: it works, with the rounds of provisioning and the single errors that \
               are normal",
        refusal: false,
        test: |history, _| {
            let seen = history.seen()?;
            let last = history.worked.map_or(seen, |worked| worked);
            Some(Ruling {
                from: last.last,
                to: last.last,
                number: last.requests,
            })
        },
    },
];

/// The verdict on a device, and why. `None` if it has made no request.
pub(crate) fn decide(history: &History<'_>, limits: &Limits) -> Option<(Verdict, Ruling)> {
    let refusals: Vec<(Verdict, Ruling)> = RULES
        .iter()
        .filter(|rule| rule.refusal)
        .filter_map(|rule| Some((rule.verdict, (rule.test)(history, limits)?)))
        .collect();
    let last = |ruling: &Ruling| ruling.to.seconds().unwrap_or(i64::MIN);
    if let Some(latest) = refusals.iter().map(|(_, ruling)| last(ruling)).max() {
        let same = |ruling: &Ruling| latest.saturating_sub(last(ruling)) <= SAME_REFUSAL_S;
        return refusals.into_iter().find(|(_, ruling)| same(ruling));
    }
    RULES
        .iter()
        .filter(|rule| !rule.refusal)
        .find_map(|rule| Some((rule.verdict, (rule.test)(history, limits)?)))
}

/// The last access state, if it is Blocked for such a reason.
fn blocked(
    history: &History<'_>,
    reasons: impl Fn(Option<AccessReason>) -> bool,
) -> Option<Ruling> {
    let (at, access) = history.access?;
    let stands = history
        .worked
        .is_none_or(|worked| at.is_later_than(worked.last));
    (access.state == AccessState::Blocked && reasons(access.reason) && stands).then_some(())?;
    history
        .of(|event| event.outcome.access(&history.facts.texts) == Some(access))
        .map(Ruling::from)
}

/// Whether a Provision got through since the refusals began that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provisions {
    /// Not at all.
    None,
    /// After the first refusal and before the last.
    Between,
    /// After the last refusal only: whatever was refused before is past.
    After,
}

/// Refusals for want of provisioning that stand and are more than a normal round.
fn not_provisioned(history: &History<'_>, provisions: Provisions) -> Option<Ruling> {
    let refused = history.standing(|event| event.is(Class::Provisioning))?;
    // A round of provisioning before the last success is past.
    let from = match history.worked {
        Some(worked) if worked.last.is_later_than(refused.first) => worked.last,
        _ => refused.first,
    };
    let number = since(history, &refused);
    let found = provisions_since(history, from, &refused, number);
    let enough = match found {
        Provisions::After => false,
        Provisions::Between => number >= SEVERAL || history.never_worked() && number >= 2,
        // Some devices knock for several folders at once before they provision.
        Provisions::None if number < ROUND && history.is_in_progress(from) => false,
        Provisions::None => {
            number >= SEVERAL || history.never_worked() || history.silent_s().is_some()
        }
    };
    (enough && found == provisions).then(|| refused.into())
}

/// Whether a Provision got through since a time, and on which side of these refusals.
fn provisions_since(history: &History<'_>, from: Moment, refused: &Sum, number: u64) -> Provisions {
    let mut after = false;
    for event in history.provisions() {
        let Cell { first, last, .. } = *event.cell;
        if !last.is_later_than(from) {
            continue;
        }
        let (begins, ends) = (first.is_later_than(from), last.is_later_than(refused.last));
        // Where the first of such Provisions was before and the last behind, nothing is known of one
        // between: only that a round of several refusals has several reasons.
        if refused.last.is_later_than(first) && (begins || !ends || number >= 2 * SEVERAL) {
            return Provisions::Between;
        }
        after |= ends;
    }
    if after {
        Provisions::After
    } else {
        Provisions::None
    }
}

fn server_error(history: &History<'_>, _: &Limits) -> Option<Ruling> {
    if history.never_worked() {
        // Also what says no more than that of one item, or a page in place of an answer.
        let failed = history.of(|event| {
            let class = event.judgement.class;
            SERVER.contains(&class) || matches!(class, Class::Item | Class::SyncState)
        });
        return failed.map(Ruling::from);
    }
    if let Some((failed, unbroken)) = history.standing_by_command(&SERVER) {
        // How many of those that were followed by a success came later is not known.
        let several = if unbroken { SEVERAL } else { 2 * SEVERAL };
        if failed.requests >= several && is_no_accident(history, failed.requests) {
            return Some(failed.into());
        }
    }
    let worked = history.worked?.last;
    let lost = history
        .of(|event| event.is(Class::SyncState) && event.cell.first.is_later_than(worked))
        .filter(|lost| lost.requests >= SEVERAL);
    let last = || {
        history.silent_s()?;
        history.standing(|event| SERVER.contains(&event.judgement.class))
    };
    lost.or_else(last).map(Ruling::from)
}

/// Whether its last requests, at least three, all failed: what it does then says less than why.
fn is_turned_away(history: &History<'_>) -> bool {
    history
        .standing(|event| event.judgement.decisive)
        .is_some_and(|failed| since(history, &failed) >= SEVERAL)
}

/// How many of these requests came since something worked, as near as is known.
fn since(history: &History<'_>, failed: &Sum) -> u64 {
    match history.worked {
        Some(worked) if !failed.first.is_later_than(worked.last) => {
            failed.requests.min(history.calendar.failures_since.max(1))
        }
        _ => failed.requests,
    }
}

/// Whether so many failures are more than an accident.
fn is_no_accident(history: &History<'_>, failures: u64) -> bool {
    failures >= SEVERAL && failures * 100 >= SHARE * history.requests()
}

/// The failures that say something about the device.
fn decisive(history: &History<'_>) -> Option<Ruling> {
    history
        .of(|event| event.judgement.decisive)
        .map(Ruling::from)
}

pub(super) fn sync_loop(history: &History<'_>) -> Option<Ruling> {
    if let Some(run) = history.sync_key_run()
        && run.length >= LOOP
    {
        return Some(Ruling {
            from: run.first,
            to: run.last,
            number: run.length.into(),
        });
    }
    let is_sync = |event: &Event<'_>| history.command(event) == b"Sync";
    let recovery = Some(SyncType::Recovery);
    let recoveries = sum(history
        .events
        .iter()
        .filter(|event| is_sync(event) && event.outcome.sync_type == recovery))?;
    let syncs = history.of(is_sync)?;
    (recoveries.requests >= LOOP.into() && recoveries.requests * 5 >= syncs.requests)
        .then(|| recoveries.into())
}

pub(super) fn resync(history: &History<'_>) -> Option<Ruling> {
    let worst = history.resyncs.iter().filter(|resync| {
        let (Some(first), Some(last)) = (resync.first.seconds(), resync.last.seconds()) else {
            return false;
        };
        // Of n events there are n - 1 intervals.
        let intervals = resync.requests.saturating_sub(1) as i64;
        let hourly = resync.requests >= 3 && intervals * 3600 > 2 * (last - first);
        hourly || resync.requests >= 10
    });
    worst
        .max_by_key(|resync| (resync.requests, Reverse(resync.first)))
        .map(|resync| Ruling {
            from: resync.first,
            to: resync.last,
            number: resync.requests,
        })
}

pub(super) fn storm(history: &History<'_>, limits: &Limits) -> Option<Ruling> {
    if let Some((requests, first)) = history.busiest_minute
        && requests > limits.per_minute
    {
        return Some(Ruling {
            from: first,
            to: first,
            number: requests,
        });
    }
    let (requests, day) = history.calendar.busiest_day?;
    if requests <= limits.per_day {
        return None;
    }
    // The first line that is known of the day, or of all.
    let midnight = i64::from(day) * 86_400;
    let on_day = |moment: Moment| {
        moment
            .seconds()
            .is_some_and(|time| (midnight..midnight + 86_400).contains(&time))
    };
    let moments = || {
        history
            .events
            .iter()
            .flat_map(|event| [event.cell.first, event.cell.last])
    };
    let from = moments().filter(|&at| on_day(at)).min();
    let from = from.or_else(|| moments().min())?;
    Some(Ruling {
        from,
        to: from,
        number: requests,
    })
}
