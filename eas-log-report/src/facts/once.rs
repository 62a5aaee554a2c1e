//! Requests that two servers logged count once.

use eas_log_parse::Half;
use eas_log_parse::codes::Class;

use super::cell::Moment;
use super::{Facts, TextId};

/// What the two halves of a request share: who, the command, and the HTTP status.
type Shared = (u32, TextId, Option<u16>);

/// The requests of a cell that are one half of a request each.
struct Halves {
    shared: Shared,
    half: Half,
    class: Class,
    failed: bool,
    first: Moment,
    /// Number of the cell.
    cell: usize,
    /// How many count.
    counted: u64,
    /// Of how many the other half is not found yet.
    single: u64,
}

/// For each cell how many of its requests count: all, but for those whose other half is counted.
///
/// No id joins the halves of a request, so they are counted against each other where user, device,
/// command and HTTP status are the same: of each such group the more numerous half is the number of
/// requests. What counts are the lines that say the most. Where a front end and a back end say the
/// same, that is the back end, which has the details; where only one tells of a failure, that one.
pub fn counted_once(facts: &Facts) -> Vec<u64> {
    let mut counted: Vec<u64> = facts.cells.iter().map(|(_, cell)| cell.requests).collect();
    let mut halves: Vec<Halves> = facts
        .cells
        .iter()
        .enumerate()
        .filter_map(|(number, (key, cell))| {
            let outcome = facts.outcomes()[key.outcome as usize];
            let half = outcome.tier.half().filter(|&half| half != Half::Whole)?;
            let judgement = facts.judgement(key.outcome);
            Some(Halves {
                shared: (
                    facts.entity_of(key.identity),
                    outcome.command,
                    outcome.sc_status,
                ),
                half,
                class: judgement.class,
                failed: judgement.failed,
                first: cell.first,
                cell: number,
                counted: cell.requests,
                single: cell.requests,
            })
        })
        .collect();
    halves.sort_unstable_by_key(|halves| (halves.shared, halves.first));
    for group in halves.chunk_by_mut(|a, b| a.shared == b.shared) {
        pair(group);
        for halves in group {
            counted[halves.cell] = halves.counted;
        }
    }
    counted
}

/// Finds the halves that belong together, and counts one of each two.
fn pair(group: &mut [Halves]) {
    for (class, _) in Class::ALL {
        let of = |half| move |halves: &Halves| halves.class == class && halves.half == half;
        let pairs = single(group, of(Half::Front)).min(single(group, of(Half::Back)));
        take(group, pairs, of(Half::Front), |halves, many| {
            halves.counted -= many;
        });
        take(group, pairs, of(Half::Back), |_, _| {});
    }
    // What is left of the two says different things of the same requests.
    let of = |half| move |halves: &Halves| halves.half == half;
    let pairs = single(group, of(Half::Front)).min(single(group, of(Half::Back)));
    let uncount = |halves: &mut Halves, many| halves.counted -= many;
    let rest = take(group, pairs, |halves| !halves.failed, uncount);
    take(group, rest, of(Half::Front), uncount);
}

/// How many halves of this kind are single.
fn single(group: &[Halves], which: impl Fn(&Halves) -> bool) -> u64 {
    let which = group.iter().filter(|halves| which(halves));
    which.map(|halves| halves.single).sum()
}

/// Takes so many single halves of this kind, the first first, and gives how many there were too few.
fn take(
    group: &mut [Halves],
    mut many: u64,
    which: impl Fn(&Halves) -> bool,
    then: impl Fn(&mut Halves, u64),
) -> u64 {
    for halves in group.iter_mut().filter(|halves| which(halves)) {
        let taken = many.min(halves.single);
        halves.single -= taken;
        many -= taken;
        then(halves, taken);
    }
    many
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    /// What counts of halves given as half, class and number.
    fn counted(halves: &[(Half, Class, u64)]) -> Vec<u64> {
        let mut group: Vec<Halves> = halves
            .iter()
            .enumerate()
            .map(|(cell, &(half, class, number))| Halves {
                shared: (0, 0, Some(200)),
                half,
                class,
                failed: class != Class::Success,
                first: Moment {
                    time: 0,
                    place: Place {
                        file: 0,
                        piece: 0,
                        line: cell as u32,
                    },
                },
                cell,
                counted: number,
                single: number,
            })
            .collect();
        pair(&mut group);
        group.iter().map(|halves| halves.counted).collect()
    }

    #[test]
    fn the_more_numerous_half_is_the_number_of_requests() {
        use Class::{Provisioning, Success, Throttled};
        use Half::{Back, Front};
        /// Halves as half, class and number, and what counts of each.
        type Case<'a> = (&'a [(Half, Class, u64)], &'a [u64]);
        let cases: [Case<'_>; 7] = [
            (&[(Front, Success, 5)], &[5]),
            (&[(Front, Success, 5), (Back, Success, 5)], &[0, 5]),
            (&[(Front, Success, 7), (Back, Success, 5)], &[2, 5]),
            (&[(Front, Success, 5), (Back, Success, 7)], &[0, 7]),
            // The front end knows only that it answered 200.
            (
                &[
                    (Front, Success, 5),
                    (Back, Success, 3),
                    (Back, Provisioning, 2),
                ],
                &[0, 3, 2],
            ),
            // The front end refused by itself.
            (
                &[
                    (Front, Throttled, 2),
                    (Front, Success, 3),
                    (Back, Success, 5),
                ],
                &[2, 0, 3],
            ),
            // Both tell of failures, of different ones.
            (&[(Front, Throttled, 2), (Back, Provisioning, 3)], &[0, 3]),
        ];
        for (halves, want) in cases {
            assert_eq!(counted(halves), want, "{halves:?}");
        }
    }
}
