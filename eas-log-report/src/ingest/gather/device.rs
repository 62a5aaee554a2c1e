//! What is followed of a device from one request to the next.

use eas_log_parse::Half;

use crate::facts::{BusyKey, Facts, Judgement, Moment, NONE, OpenRuns, SlotKey, Stretch};

/// What is followed of a device from one request to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct DeviceState {
    /// The hour of its latest request, and the number of the slot: it seldom changes.
    hour: i32,
    slot: u32,
    /// Its runs.
    pub(super) runs: OpenRuns,
}

impl Default for DeviceState {
    fn default() -> Self {
        DeviceState {
            hour: SlotKey::NO_TIME,
            slot: NONE,
            runs: OpenRuns::default(),
        }
    }
}

impl DeviceState {
    /// Counts a request in its hour.
    #[inline]
    pub(super) fn count(
        &mut self,
        facts: &mut Facts,
        entity: u32,
        time: Option<i64>,
        half: Half,
        judgement: Judgement,
    ) {
        let hour = time.map_or(SlotKey::NO_TIME, |time| time.div_euclid(3600) as i32);
        if self.slot == NONE || self.hour != hour {
            self.hour = hour;
            self.slot = facts.slot(SlotKey { entity, hour });
        }
        let slot = facts.slot_mut(self.slot);
        slot.requests.count(half);
        if judgement.failed {
            slot.failed.count(half);
        }
        let second = time.map_or(0, |time| time.rem_euclid(3600) as u16);
        if judgement.decisive {
            slot.decisive = slot.decisive.saturating_add(1);
            slot.decisive_at.include(second);
        }
        if judgement.working {
            slot.working = slot.working.saturating_add(1);
            slot.working_at.include(second);
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
fn push(runs: &mut Option<Stretch>, key: u64, at: Moment) -> Option<crate::facts::Run> {
    match runs {
        Some(runs) => runs.push(key, at),
        None => {
            *runs = Some(Stretch::one(key, at));
            None
        }
    }
}
