//! Runs: how often in a row a device synchronizes a folder with one key.
//!
//! Devices synchronize several folders in turn, so the runs of the last few are followed side by side.
//! A run can cross the boundary between two pieces of a file. So a piece that begins within a file
//! remembers the first run of each folder that may go on from before, and pieces are put together in
//! their order. Between files a run ends.

use xxhash_rust::xxh3::xxh3_64;

use super::cell::Moment;

/// The runs of so many folders are followed: of those that were synchronized last.
const FOLDERS: usize = 2;

/// Two Syncs with one key that are so many seconds apart are no run. A key stands still as long as
/// nothing is new, so only how fast it is repeated tells a loop; and a healthy client that waits for
/// news in its Syncs (`Wait`, `HeartbeatInterval`) waits for a minute at least (MS-ASCMD). So ten of a
/// run always lie within ten minutes.
const GAP_S: u64 = 60;

/// Synchronizations of a folder with one key, in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Hashes of the folder (the upper half) and of the key.
    pub key: u64,
    /// How many there are.
    pub length: u32,
    /// The first of them.
    pub first: Moment,
    /// The last of them.
    pub last: Moment,
}

impl Run {
    /// Hashes of a folder and a sync key. They are kept from night to night, so they are the same in
    /// every version and on every machine.
    #[inline]
    pub fn key(folder: &[u8], sync_key: &[u8]) -> u64 {
        xxh3_64(folder) << 32 | xxh3_64(sync_key) >> 32
    }

    /// One synchronization.
    #[inline]
    pub fn one(key: u64, at: Moment) -> Run {
        Run {
            key,
            length: 1,
            first: at,
            last: at,
        }
    }

    fn folder(&self) -> u32 {
        (self.key >> 32) as u32
    }

    fn goes_on_with(&self, next: &Run) -> bool {
        self.key == next.key && self.last.time.abs_diff(next.first.time) < GAP_S
    }

    fn then(self, next: Run) -> Run {
        Run {
            length: self.length.saturating_add(next.length),
            last: next.last,
            ..self
        }
    }

    /// Whether this is the other, perhaps further on.
    fn is(&self, other: &Run) -> bool {
        (self.key, self.first) == (other.key, other.first)
    }
}

/// The longer of two runs; of equally long ones the earlier.
pub(super) fn longer(a: Option<Run>, b: Option<Run>) -> Option<Run> {
    let rank = |run: &Run| (run.length, std::cmp::Reverse(run.first));
    a.into_iter().chain(b).max_by_key(rank)
}

/// The runs of a device in a stretch of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs {
    /// Those that may go on behind the stretch: that of the folder that was synchronized last first.
    open: [Option<Run>; FOLDERS],
    /// Those that may go on from before it, if the stretch may go on from another.
    head: Option<Box<Head>>,
}

/// The first run of each of the folders that came first in a stretch: what was open before goes on
/// with one of these, or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Head {
    /// In the order in which they began. One that is still open is as it began.
    runs: [Option<Run>; FOLDERS],
    /// Which of them have ended.
    ended: [bool; FOLDERS],
}

impl Runs {
    /// Of a stretch that may go on from another.
    pub(super) fn behind_others() -> Runs {
        Runs {
            head: Some(Box::default()),
            ..Runs::default()
        }
    }

    #[inline]
    pub(super) fn prefetch(&self) {
        super::prefetch(&self.open[0]);
        super::prefetch(&self.open[1]);
    }

    /// One synchronization or run more. Tells the runs that it ended.
    #[inline]
    pub(super) fn push(&mut self, run: Run, tell: &mut impl FnMut(Run)) {
        let folder = run.folder();
        let is_of_folder = |open: &Option<Run>| open.is_some_and(|open| open.folder() == folder);
        if let Some(at) = self.open.iter().position(is_of_folder) {
            let next = match self.open[at] {
                Some(open) if open.goes_on_with(&run) => open.then(run),
                open => {
                    self.close(open, tell);
                    run
                }
            };
            self.open[..=at].rotate_right(1);
            self.open[0] = Some(next);
            return;
        }
        self.close(self.open[FOLDERS - 1], tell);
        self.open.rotate_right(1);
        self.open[0] = Some(run);
        if let Some(head) = &mut self.head
            && let Some(free) = head.runs.iter_mut().find(|run| run.is_none())
        {
            *free = Some(run);
        }
    }

    /// Tells a run that has ended, or keeps it for what may be before.
    fn close(&mut self, run: Option<Run>, tell: &mut impl FnMut(Run)) {
        let Some(run) = run else { return };
        if let Some(head) = &mut self.head
            && let Some(at) = head.open(&run)
        {
            head.runs[at] = Some(run);
            head.ended[at] = true;
            return;
        }
        tell(run);
    }

    /// Goes on with the stretch behind this one in the file.
    pub(super) fn then(&mut self, next: Runs, tell: &mut impl FnMut(Run)) {
        let Some(head) = next.head else {
            self.end(tell);
            *self = next;
            return;
        };
        for (begun, ended) in head.runs.into_iter().flatten().zip(head.ended) {
            let now = next.open.iter().flatten().find(|open| open.is(&begun));
            self.push(*now.unwrap_or(&begun), tell);
            if ended {
                // Its place stays taken: by a later run of the folder.
                let run = self.open[0].take();
                self.close(run, tell);
            }
        }
        // What went on from before is longer here than there.
        let before = self.open;
        let of_folder = |folder: u32| {
            let mut open = before.iter().flatten();
            open.find(move |open| open.folder() == folder).copied()
        };
        let behind = next.open.into_iter().flatten();
        let behind = behind.map(|run| match of_folder(run.folder()) {
            Some(longer) if longer.last == run.last => longer,
            _ => run,
        });
        let folders = next.open.map(|open| open.map(|run| run.folder()));
        let others = before.into_iter().flatten();
        let others = others.filter(|run| !folders.contains(&Some(run.folder())));
        let mut open = behind.chain(others);
        self.open = std::array::from_fn(|_| open.next());
    }

    /// Goes on with a run that was open where the reading of a file ended before.
    pub(super) fn resume(&mut self, run: Run) {
        self.open.rotate_right(1);
        self.open[0] = Some(run);
    }

    /// The runs that may go on.
    pub(super) fn open(&self) -> impl Iterator<Item = Run> {
        self.open.into_iter().flatten()
    }

    /// Tells the runs that end with the file.
    pub(super) fn end(&mut self, tell: &mut impl FnMut(Run)) {
        for run in std::mem::take(&mut self.open) {
            self.close(run, tell);
        }
        if let Some(head) = self.head.take() {
            head.runs.into_iter().flatten().for_each(tell);
        }
    }
}

impl Head {
    /// The place of a run that is still open.
    fn open(&self, run: &Run) -> Option<usize> {
        let is_here = |at: &usize| self.runs[*at].is_some_and(|begun| begun.is(run));
        (0..FOLDERS).filter(|&at| !self.ended[at]).find(is_here)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    fn at(line: u32, time: i64) -> Moment {
        let place = Place {
            file: 0,
            piece: 0,
            line,
        };
        Moment { time, place }
    }

    /// A synchronization as the tests write it: folder, key, and seconds since the one before.
    type Sync = (u64, u64, i64);

    /// The runs of these synchronizations, and those that ended in them.
    fn runs(mut runs: Runs, syncs: &[Sync], from: usize) -> (Runs, Vec<Run>) {
        let mut ended = Vec::new();
        // A time depends on the place alone, however a sequence is cut.
        for (line, &(folder, key, time)) in (from as u32..).zip(syncs) {
            let run = Run::one(folder << 32 | key, at(line, time));
            runs.push(run, &mut |run| ended.push(run));
        }
        (runs, ended)
    }

    fn sorted(mut runs: Vec<Run>) -> Vec<Run> {
        runs.sort_by_key(|run| run.first);
        runs
    }

    /// All runs of synchronizations, told by looking back from each.
    fn expected(syncs: &[Sync]) -> Vec<Run> {
        let mut found: Vec<Run> = Vec::new();
        for (line, &(folder, key, time)) in syncs.iter().enumerate() {
            let one = Run::one(folder << 32 | key, at(line as u32, time));
            let before = syncs[..line].iter().rposition(|sync| sync.0 == folder);
            let follows = before.filter(|&before| {
                let mut between: Vec<u64> = syncs[before + 1..line].iter().map(|s| s.0).collect();
                between.sort_unstable();
                between.dedup();
                between.len() < FOLDERS
                    && syncs[before].1 == key
                    && syncs[before].2.abs_diff(time) < GAP_S
            });
            let run = follows.and_then(|before| {
                let last = at(before as u32, syncs[before].2);
                found.iter_mut().find(|run| run.last == last)
            });
            match run {
                Some(run) => *run = run.then(one),
                None => found.push(one),
            }
        }
        sorted(found)
    }

    /// Holds every way to cut the synchronizations into three against the whole.
    fn check(syncs: &[Sync]) {
        let (whole, mut ended) = runs(Runs::default(), syncs, 0);
        whole.clone().end(&mut |run| ended.push(run));
        let want = sorted(ended);
        assert_eq!(want, expected(syncs), "{syncs:?}");
        for a in 0..syncs.len() {
            for b in a..=syncs.len() {
                let (x, mut told) = runs(Runs::default(), &syncs[..a], 0);
                let (y, more) = runs(Runs::behind_others(), &syncs[a..b], a);
                told.extend(more);
                let (z, more) = runs(Runs::behind_others(), &syncs[b..], b);
                told.extend(more);
                // Put together from either side.
                let mut other = told.clone();
                let mut left = x.clone();
                left.then(y.clone(), &mut |run| told.push(run));
                left.then(z.clone(), &mut |run| told.push(run));
                let (mut right, mut behind) = (x, y);
                behind.then(z, &mut |run| other.push(run));
                right.then(behind, &mut |run| other.push(run));
                assert_eq!((&left, &right), (&whole, &whole), "{syncs:?}: {a}, {b}");
                left.end(&mut |run| told.push(run));
                right.end(&mut |run| other.push(run));
                assert_eq!(sorted(told), want, "{syncs:?} cut at {a} and {b}");
                assert_eq!(sorted(other), want, "{syncs:?} cut at {a} and {b}");
            }
        }
    }

    #[test]
    fn every_way_to_cut_gives_the_same_runs() {
        // All sequences of length 6 of three folders, one of which has two keys; and of two folders
        // with short and long gaps.
        let kinds = [(1, 1), (1, 2), (2, 1), (3, 1)];
        for number in 0..4usize.pow(6) {
            let kind = |place: u32| number / 4usize.pow(place) % 4;
            let syncs: Vec<Sync> = (0..6)
                .map(|place| (kinds[kind(place)].0, kinds[kind(place)].1, place.into()))
                .collect();
            check(&syncs);
            let mut time = 0;
            let syncs: Vec<Sync> = (0..6)
                .map(|place| {
                    time += if kind(place) < 2 { 1 } else { GAP_S as i64 };
                    (kind(place) as u64 % 2, 7, time)
                })
                .collect();
            check(&syncs);
        }
    }

    #[test]
    fn only_what_is_fast_is_a_run() {
        let longest = |step: i64| {
            let syncs: Vec<Sync> = (0..30).map(|n| (5, 9, 1_000_000 + n * step)).collect();
            let found = expected(&syncs);
            found.iter().map(|run| run.length).max()
        };
        assert_eq!((longest(59), longest(60)), (Some(30), Some(1)));
    }

    #[test]
    fn a_key_tells_folder_and_sync_key_apart() {
        let key = Run::key;
        assert_eq!(key(b"5", b"17"), key(b"5", b"17"));
        assert_ne!(key(b"5", b"17"), key(b"5", b"18"));
        let folder = |key: u64| key >> 32;
        assert_eq!(folder(key(b"5", b"17")), folder(key(b"5", b"18")));
        assert_ne!(folder(key(b"5", b"17")), folder(key(b"6", b"17")));
    }

    #[test]
    fn of_equal_runs_the_first_is_the_longer() {
        let run = |length, line| {
            Some(Run {
                length,
                ..Run::one(1, at(line, 0))
            })
        };
        assert_eq!(longer(run(2, 9), run(2, 3)), run(2, 3));
        assert_eq!(longer(run(3, 9), run(2, 3)), run(3, 9));
        assert_eq!(longer(None, run(1, 1)), run(1, 1));
    }
}
