//! What is known of one device, as the rules look at it.

use eas_log_parse::codes::Class;
use eas_log_parse::{Access, Half};

use super::calendar::{Calendar, weekend_s};
use crate::facts::{
    Cell, CellKey, Facts, Gauge, Identity, Judgement, Moment, NONE, Outcome, Run, TextId,
};

/// The requests of one kind that a device made: a cell with all that its numbers stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event<'f> {
    pub(crate) key: CellKey,
    pub(crate) cell: &'f Cell,
    pub(crate) outcome: &'f Outcome,
    pub(crate) judgement: Judgement,
    /// How many of the requests count, if each counts once.
    pub(crate) counted: u64,
}

impl Event<'_> {
    pub(crate) fn is(&self, class: Class) -> bool {
        self.judgement.class == class
    }

    pub(crate) fn is_front(&self) -> bool {
        self.outcome.tier.half() == Some(Half::Front)
    }
}

/// Requests of one kind: how many, and the first and last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) requests: u64,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
}

/// Adds up events of one kind. `None` if there is none.
pub(crate) fn sum<'e, 'f: 'e>(events: impl IntoIterator<Item = &'e Event<'f>>) -> Option<Sum> {
    let mut sum: Option<Sum> = None;
    for event in events {
        let Cell { first, last, .. } = *event.cell;
        match &mut sum {
            None => {
                sum = Some(Sum {
                    requests: event.counted,
                    first,
                    last,
                });
            }
            Some(sum) => {
                sum.requests += event.counted;
                sum.first = sum.first.min(first);
                if last.is_later_than(sum.last) {
                    sum.last = last;
                }
            }
        }
    }
    sum
}

/// Synchronizations of one folder from the start on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resync {
    pub(crate) requests: u64,
    pub(crate) first: Moment,
    pub(crate) last: Moment,
}

/// What is known of one device.
pub(crate) struct History<'f> {
    pub(crate) facts: &'f Facts,
    /// A text of the keys of users, or [`NONE`].
    pub(crate) user: TextId,
    /// A text of the keys of devices, or [`NONE`].
    pub(crate) device: TextId,
    /// What happened, in no order.
    pub(crate) events: Vec<Event<'f>>,
    /// The servers that logged it, each once.
    pub(crate) servers: Vec<TextId>,
    pub(crate) calendar: Calendar,
    pub(crate) gauge: Gauge,
    /// Most requests within sixty seconds, with one of them.
    pub(crate) busiest_minute: Option<(u64, Moment)>,
    /// Of the folders that were synchronized from the start, each on each day.
    pub(crate) resyncs: Vec<Resync>,
    /// The times of the first and the last request in all logs, also of those that the filters leave
    /// out.
    pub(crate) begin: i64,
    pub(crate) end: i64,
    /// Working requests.
    pub(crate) worked: Option<Sum>,
    /// The latest access state that a line tells.
    pub(crate) access: Option<(Moment, Access)>,
}

impl<'f> History<'f> {
    /// Finds out what worked. A front end writes success for what a back end behind it refused, so
    /// its lines count only where there are none of a back end.
    pub(crate) fn find_worked(&mut self) {
        let has_backs = self.has_backs();
        self.worked = sum(self
            .events
            .iter()
            .filter(|event| event.judgement.working && !(has_backs && event.is_front())));
    }

    pub(crate) fn has_backs(&self) -> bool {
        let half = |event: &Event<'_>| event.outcome.tier.half();
        self.events
            .iter()
            .any(|event| half(event) == Some(Half::Back))
    }

    /// Requests, each counted once.
    pub(crate) fn requests(&self) -> u64 {
        self.events.iter().map(|event| event.counted).sum()
    }

    pub(crate) fn failed(&self) -> u64 {
        let failed = self.events.iter().filter(|event| event.judgement.failed);
        failed.map(|event| event.counted).sum()
    }

    /// All requests.
    pub(crate) fn seen(&self) -> Option<Sum> {
        sum(&self.events)
    }

    /// The requests of this kind.
    pub(crate) fn of(&self, which: impl Fn(&Event<'f>) -> bool) -> Option<Sum> {
        sum(self.events.iter().filter(|event| which(event)))
    }

    /// The requests of this kind, if the last of them is later than the last that worked.
    pub(crate) fn standing(&self, which: impl Fn(&Event<'f>) -> bool) -> Option<Sum> {
        self.of(which).filter(|sum| {
            self.worked
                .is_none_or(|worked| sum.last.is_later_than(worked.last))
        })
    }

    /// The requests of these classes and one command, if the last of them is later than the last
    /// request of that command that worked, and whether none of that command worked between them.
    /// Of several commands, the one with most.
    pub(crate) fn standing_by_command(&self, classes: &[Class]) -> Option<(Sum, bool)> {
        let fails = |event: &Event<'_>| classes.contains(&event.judgement.class);
        let has_backs = self.has_backs();
        self.events
            .iter()
            .filter(|event| fails(event))
            .map(|event| event.outcome.command)
            .filter_map(|command| {
                let failed = self.of(|event| fails(event) && event.outcome.command == command)?;
                let worked = self.of(|event| {
                    event.outcome.command == command
                        && event.judgement.working
                        && !(has_backs && event.is_front())
                });
                let Some(worked) = worked else {
                    return Some((failed, true));
                };
                let unbroken = failed.first.is_later_than(worked.last);
                let stands = failed.last.is_later_than(worked.last);
                stands.then_some((failed, unbroken))
            })
            .max_by_key(|(sum, _)| (sum.requests, sum.last.place))
    }

    /// Finds the latest access state that a line tells.
    pub(crate) fn find_access(&mut self) {
        let told = self.events.iter().filter_map(|event| {
            let access = event.outcome.access(&self.facts.texts)?;
            Some((event.cell.last, access))
        });
        self.access = told.reduce(|a, b| if b.0.is_later_than(a.0) { b } else { a });
    }

    /// Whether it is now at most so many seconds before the end of the logs, and what began then may go
    /// on. Of an excerpt that is no longer than that, this would be so of everything: there what it
    /// says counts.
    pub(crate) fn is_in_progress(&self, at: Moment) -> bool {
        const IN_PROGRESS_S: i64 = 15 * 60;
        if self.end - self.begin <= IN_PROGRESS_S {
            return false;
        }
        at.seconds()
            .is_some_and(|time| self.end - time <= IN_PROGRESS_S)
    }

    /// For how many seconds the device was not seen at the end of the logs, if that is out of the
    /// common: more than a day, and more than three times its longest earlier silence. Weekends count
    /// only for a device that is seen on weekends.
    pub(crate) fn silent_s(&self) -> Option<i64> {
        let last = self.seen()?.last.seconds()?;
        let silent = self.end - last;
        let weekends = match self.calendar.seen_on_weekends {
            true => 0,
            false => weekend_s(last, self.end),
        };
        let counts = silent - weekends;
        (counts > 24 * 3600 && counts > 3 * 3600 * self.calendar.longest_gap_h).then_some(silent)
    }

    /// Provisions that got through.
    pub(crate) fn provisions(&self) -> impl Iterator<Item = &Event<'f>> {
        self.events.iter().filter(|event| {
            self.command(event).eq_ignore_ascii_case(b"Provision")
                && !event.judgement.failed
                && !event.judgement.challenge
        })
    }

    /// Failures that say something about the device, but for the refusals of rounds of provisioning
    /// that came to their end.
    pub(crate) fn failures_but_rounds(&self) -> u64 {
        let provisions = self.provisions().next().is_some();
        let counts = |event: &&Event<'f>| {
            event.judgement.decisive && !(provisions && event.is(Class::Provisioning))
        };
        let failures = self.events.iter().filter(counts);
        failures.map(|event| event.counted).sum()
    }

    pub(crate) fn never_worked(&self) -> bool {
        self.worked.is_none()
    }

    /// The longest run of synchronizations with one key.
    pub(crate) fn sync_key_run(&self) -> Option<Run> {
        self.gauge.longest_sync_key_run
    }

    /// Who made the requests of an event.
    pub(crate) fn identity(&self, event: &Event<'_>) -> Identity {
        self.facts.identities()[event.key.identity as usize]
    }

    /// Its latest device type, a key, and its latest user agent.
    pub(crate) fn latest_identity(&self) -> Identity {
        let latest = |text: fn(&Identity) -> TextId| {
            let said = self
                .events
                .iter()
                .filter(|event| text(&self.identity(event)) != NONE);
            let last = said.reduce(|a, b| {
                if b.cell.last.is_later_than(a.cell.last) {
                    b
                } else {
                    a
                }
            });
            last.map_or(NONE, |event| text(&self.identity(event)))
        };
        let device_type = latest(|identity| identity.device_type);
        Identity {
            user: self.user,
            device: self.device,
            device_type: match device_type {
                NONE => NONE,
                text => self.facts.texts.device_types.key_of(text),
            },
            user_agent: latest(|identity| identity.user_agent),
        }
    }

    /// The command of an event, as it was logged.
    pub(crate) fn command(&self, event: &Event<'_>) -> &'f [u8] {
        match event.outcome.command {
            NONE => b"",
            command => self.facts.texts.commands.get(command),
        }
    }
}
