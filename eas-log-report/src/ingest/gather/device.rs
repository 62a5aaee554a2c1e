//! What is followed of a device from one request to the next.

use eas_log_parse::Half;

use crate::facts::{BusyKey, DayKey, Facts, Judgement, Moment, NONE, OpenRuns, Run, Stretch};

/// What is followed of a device from one request to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeviceState {
    /// The day and half of its latest request, and their number: they seldom change.
    day: i32,
    half: Half,
    number: u32,
    /// Its runs.
    pub(super) runs: OpenRuns,
}

impl Default for DeviceState {
    fn default() -> Self {
        DeviceState {
            day: 0,
            half: Half::Whole,
            number: NONE,
            runs: OpenRuns::default(),
        }
    }
}

impl DeviceState {
    /// Counts a request on its day.
    #[inline]
    pub(super) fn count(
        &mut self,
        facts: &mut Facts,
        entity: u32,
        time: i64,
        half: Half,
        judgement: Judgement,
    ) {
        let day = time.div_euclid(86_400) as i32;
        let second = time.rem_euclid(86_400) as u32;
        let key = DayKey { entity, day, half };
        if self.number == NONE || self.day != day || self.half != half {
            (self.day, self.half) = (day, half);
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

    /// Follows the run of requests within a minute.
    #[inline]
    pub(super) fn follow_minute(&mut self, facts: &mut Facts, entity: u32, half: Half, at: Moment) {
        let Some(time) = at.seconds() else { return };
        let key = BusyKey::run_key(at.place.file, half, time);
        if let Some(ended) = push(&mut self.runs.minute, key, at) {
            facts.add_minute_run(entity, ended);
        }
    }

    /// Follows the run of synchronizations with one key: a hash.
    #[inline]
    pub(super) fn follow_sync_key(&mut self, facts: &mut Facts, entity: u32, key: u64, at: Moment) {
        if let Some(ended) = push(&mut self.runs.sync_key, key, at) {
            facts.add_sync_key_run(entity, ended);
        }
    }
}

#[inline]
fn push(runs: &mut Option<Stretch>, key: u64, at: Moment) -> Option<Run> {
    match runs {
        Some(runs) => runs.push(key, at),
        None => {
            *runs = Some(Stretch::one(key, at));
            None
        }
    }
}
