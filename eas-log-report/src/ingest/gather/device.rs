//! What is followed of a device from one request to the next.

use eas_log_parse::Half;

use crate::facts::{DayKey, Facts, Followed, Judgement, NONE};

/// What is followed of a device from one request to the next.
#[derive(Debug)]
pub(super) struct DeviceState {
    /// The day and half of its latest request, and their number: they seldom change.
    day: i32,
    half: Half,
    number: u32,
    /// For which of the sums that the gatherer had in hand, one after the other, the number is.
    turn: u32,
    /// Its bursts and runs.
    pub(super) followed: Followed,
}

impl DeviceState {
    pub(super) fn new(followed: Followed) -> DeviceState {
        DeviceState {
            day: 0,
            half: Half::Whole,
            number: NONE,
            turn: 0,
            followed,
        }
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
        let same = self.day == day && self.half == half && self.turn == turn;
        if self.number == NONE || !same {
            (self.day, self.half, self.turn) = (day, half, turn);
            self.number = facts.days.number(key);
        }
        let sum = facts.days.get_mut(self.number);
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
