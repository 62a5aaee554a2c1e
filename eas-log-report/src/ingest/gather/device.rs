//! What is followed of a device from one request to the next.

use eas_log_parse::Half;

use crate::facts::{DayKey, Facts, Followed, Judgement, NONE, ServedKey, TextId};

/// What is followed of a device from one request to the next.
#[derive(Debug)]
pub(super) struct DeviceState {
    /// The day and half of its latest request.
    day: Recent<(i32, Half)>,
    /// The server of its latest request.
    server: Recent<TextId>,
    /// Its bursts and runs.
    pub(super) followed: Followed,
}

/// The number that a table of sums gave for the key of the latest request: it seldom changes.
#[derive(Debug)]
struct Recent<K> {
    key: K,
    number: u32,
    /// Of which of the tables that the gatherer had in hand, one after the other.
    turn: u32,
}

impl<K: Copy + PartialEq> Recent<K> {
    fn none(key: K) -> Recent<K> {
        Recent {
            key,
            number: NONE,
            turn: 0,
        }
    }

    /// The number of a key in the table of this turn.
    #[inline]
    fn number(&mut self, key: K, turn: u32, find: impl FnOnce() -> u32) -> u32 {
        if self.number == NONE || self.key != key || self.turn != turn {
            *self = Recent {
                key,
                number: find(),
                turn,
            };
        }
        self.number
    }
}

impl DeviceState {
    pub(super) fn new(followed: Followed) -> DeviceState {
        DeviceState {
            day: Recent::none((0, Half::Whole)),
            server: Recent::none(NONE),
            followed,
        }
    }

    /// Calls it from memory: a field in each of its lines.
    #[inline]
    pub(super) fn prefetch(&self) {
        crate::facts::prefetch(&self.day);
        self.followed.prefetch();
    }

    /// Counts a request for the server that logged it, in the sums of this turn.
    #[inline]
    pub(super) fn count_served(
        &mut self,
        (facts, turn): (&mut Facts, u32),
        key: ServedKey,
        failed: bool,
    ) {
        let served = &mut facts.served;
        let number = self.server.number(key.server, turn, || served.number(key));
        served.get_mut(number).count(failed);
    }

    /// Counts a request on its day, in the sums of this turn.
    #[inline]
    pub(super) fn count(
        &mut self,
        (facts, turn): (&mut Facts, u32),
        entity: u32,
        time: i64,
        half: Half,
        judgement: Judgement,
    ) {
        let day = time.div_euclid(86_400) as i32;
        let second = time.rem_euclid(86_400) as u32;
        let key = DayKey { entity, day, half };
        let days = &mut facts.days;
        let number = self.day.number((day, half), turn, || days.number(key));
        let sum = days.get_mut(number);
        sum.lines = sum.lines.saturating_add(1);
        sum.seen |= 1 << (second / 3600);
        if judgement.working {
            sum.worked.set(second);
        }
        if judgement.decisive {
            facts.troubles.of(key).count(second);
        }
    }
}
