//! What is followed of a device along a file, from one request to the next.

use eas_log_parse::Half;

use super::burst::{Burst, OpenRequest};
use super::cell::Moment;
use super::run::{Run, Runs};

/// What following a device has found out: it will not change, whatever comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A request is one of many within a minute.
    Busy(Half, Moment),
    /// A run of synchronizations with one key has ended.
    SyncKeyRun(Run),
}

impl Found {
    /// When it happened or began.
    pub fn at(&self) -> Moment {
        match self {
            Found::Busy(_, at) => *at,
            Found::SyncKeyRun(run) => run.first,
        }
    }
}

/// What may go on when a file does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// A request that may be one of many within a minute.
    Request(OpenRequest),
    /// A run of synchronizations with one key.
    SyncKeyRun(Run),
}

impl Open {
    /// When it happened or began.
    pub fn first(&self) -> Moment {
        match self {
            Open::Request(waiting) => waiting.at,
            Open::SyncKeyRun(run) => run.first,
        }
    }

    /// When it happened or went on last.
    pub fn last(&self) -> Moment {
        match self {
            Open::Request(waiting) => waiting.at,
            Open::SyncKeyRun(run) => run.last,
        }
    }
}

/// What is followed of a device along a stretch of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Followed {
    /// The file, once there is something of it.
    file: Option<u32>,
    burst: Burst,
    runs: Runs,
}

impl Followed {
    /// Of a stretch that may go on from another.
    pub fn behind_others() -> Followed {
        Followed {
            file: None,
            burst: Burst::behind_others(),
            runs: Runs::behind_others(),
        }
    }

    /// One request more, at a known time, and the [`Run::key`] of a synchronization.
    #[inline]
    pub fn push(
        &mut self,
        half: Half,
        at: Moment,
        sync_key: Option<u64>,
        tell: &mut impl FnMut(Found),
    ) {
        let file = Some(at.place.file);
        if self.file != file {
            if self.file.is_some() {
                self.end(tell);
            }
            self.file = file;
        }
        let request = OpenRequest {
            at,
            half,
            told: false,
        };
        self.burst.push(request, &mut busy(tell));
        if let Some(key) = sync_key {
            self.runs.push(Run::one(key, at), &mut run(tell));
        }
    }

    /// Calls it from memory: a field in each of its lines.
    #[inline]
    pub fn prefetch(&self) {
        super::prefetch(&self.file);
        self.burst.prefetch();
        self.runs.prefetch();
    }

    /// Goes on with the stretch behind this one, if it is of the same file.
    pub fn then(&mut self, next: Followed, tell: &mut impl FnMut(Found)) {
        if next.is_empty() {
            return;
        }
        if self.file.is_some() && self.file != next.file {
            self.end(tell);
            *self = next;
            return;
        }
        self.file = next.file;
        self.burst.then(next.burst, &mut busy(tell));
        self.runs.then(next.runs, &mut run(tell));
    }

    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        self.file.is_none()
    }

    /// Ends with the file.
    pub fn end(&mut self, tell: &mut impl FnMut(Found)) {
        self.runs.end(&mut run(tell));
        *self = Followed::default();
    }

    /// What may go on when the file does.
    pub fn open(&self) -> impl Iterator<Item = Open> {
        let requests = self.burst.waiting().map(Open::Request);
        requests.chain(self.runs.open().map(Open::SyncKeyRun))
    }

    /// Goes on with what was open where the reading of the file ended before. It is to be given in
    /// the order of its last lines.
    pub fn resume(&mut self, open: Open) {
        self.file = Some(open.first().place.file);
        match open {
            // So few requests cannot be a burst that was not told.
            Open::Request(waiting) => self.burst.push(waiting, &mut |_, _| ()),
            Open::SyncKeyRun(run) => self.runs.resume(run),
        }
    }
}

fn busy(tell: &mut impl FnMut(Found)) -> impl FnMut(Half, Moment) {
    |half, at| tell(Found::Busy(half, at))
}

fn run(tell: &mut impl FnMut(Found)) -> impl FnMut(Run) {
    |run| tell(Found::SyncKeyRun(run))
}
