//! Kinds of requests: those that are alike in outcome, client and server, whoever sent them.
//!
//! Twenty thousand devices have a hundred thousand cells, but only some thousand kinds of requests.
//! Sections are group-bys over the kinds. How many different devices and users a group has is no sum
//! over its kinds, so who is in which kind is kept beside them, and counted when the groups are known.

use crate::facts::{Cell, Facts, KeyTable, NONE, TextId};

/// What requests of a kind have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// What became of them, by the number of the outcome.
    pub(super) outcome: u32,
    /// A key of device types, or [`NONE`].
    pub(super) device_type: TextId,
    /// A user agent, or [`NONE`].
    pub(super) user_agent: TextId,
    /// The server that logged them, or [`NONE`].
    pub(super) server: TextId,
    /// Whether they count at all: not those whose other half is counted.
    pub(super) counts: bool,
}

/// All requests of a kind.
pub(super) struct Sum {
    /// How many, each counted once, with the first and the last.
    pub(super) cell: Cell,
    /// How many were logged: one that two servers logged counts for both.
    pub(super) logged: u64,
}

/// The kinds of requests that there are.
pub(super) struct Kinds {
    /// By their numbers.
    pub(super) kinds: KeyTable<Kind>,
    /// By their numbers.
    pub(super) sums: Vec<Sum>,
    /// Which devices are in which kind.
    pub(super) devices: Who,
    /// Which users are in which kind.
    pub(super) users: Who,
}

impl Kinds {
    /// `counted` tells of each cell how many of its requests count.
    pub(super) fn new(facts: &Facts, counted: &[u64]) -> Kinds {
        let texts = &facts.texts;
        let mut kinds = KeyTable::default();
        let mut sums: Vec<Sum> = Vec::new();
        let mut of_cells: Vec<u32> = Vec::with_capacity(facts.cells.len());
        for ((key, cell), &counted) in facts.cells.iter().zip(counted) {
            let identity = &facts.identities()[key.identity as usize];
            let kind = kinds.intern(Kind {
                outcome: key.outcome,
                device_type: match identity.device_type {
                    NONE => NONE,
                    text => texts.device_types.key_of(text),
                },
                user_agent: identity.user_agent,
                server: key.server,
                counts: counted > 0,
            });
            of_cells.push(kind);
            let logged = cell.requests;
            let cell = Cell {
                requests: counted,
                ..*cell
            };
            match sums.get_mut(kind as usize) {
                Some(sum) => {
                    sum.cell.add(&cell);
                    sum.logged += logged;
                }
                None => sums.push(Sum { cell, logged }),
            }
        }
        let who = |of: fn(&Facts, u32) -> TextId| {
            let cells = facts.cells.iter().zip(&of_cells);
            Who::new(
                cells.map(|((key, _), &kind)| (of(facts, facts.entity_of(key.identity)), kind)),
            )
        };
        let (devices, users) = rayon::join(
            || who(|facts, entity| facts.entities()[entity as usize].device),
            || who(|facts, entity| facts.entities()[entity as usize].user),
        );
        Kinds {
            kinds,
            sums,
            devices,
            users,
        }
    }

    /// Every kind with its sum, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Kind, &Sum)> {
        let kinds = self.kinds.as_slice().iter().zip(&self.sums);
        (0..)
            .zip(kinds)
            .map(|(number, (kind, sum))| (number, kind, sum))
    }
}

/// Who is in which kind: the number of a device or user above that of a kind, in order.
pub(super) struct Who(Vec<u64>);

impl Who {
    fn new(pairs: impl Iterator<Item = (TextId, u32)>) -> Who {
        let named = pairs.filter(|&(who, _)| who != NONE);
        let mut pairs: Vec<u64> = named
            .map(|(who, kind)| u64::from(who) << 32 | u64::from(kind))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        Who(pairs)
    }

    /// How many different ones each group has.
    pub(super) fn count(&self, groups: &Groups) -> Vec<i64> {
        let mut counts = vec![0; groups.many];
        // Nobody is counted twice, since all that is known of one stands together.
        let mut last = vec![NONE; groups.many];
        for &pair in &self.0 {
            let (who, kind) = ((pair >> 32) as u32, pair as u32);
            for &group in groups.of(kind) {
                let last = &mut last[group as usize];
                if *last != who {
                    *last = who;
                    counts[group as usize] += 1;
                }
            }
        }
        counts
    }
}

/// The groups of each kind: none if it is left out, several where it counts for several.
pub(super) struct Groups {
    many: usize,
    /// For each kind where its groups begin; they end where those of the next begin.
    starts: Vec<u32>,
    groups: Vec<u32>,
}

impl Groups {
    /// The kinds of each group, of so many kinds in all.
    pub(super) fn new(kinds: usize, of_groups: &[Vec<u32>]) -> Groups {
        let mut starts = vec![0u32; kinds + 1];
        for &kind in of_groups.iter().flatten() {
            starts[kind as usize + 1] += 1;
        }
        for kind in 0..kinds {
            starts[kind + 1] += starts[kind];
        }
        let mut next = starts.clone();
        let mut groups = vec![0; starts[kinds] as usize];
        for (group, of_group) in (0..).zip(of_groups) {
            for &kind in of_group {
                let place = &mut next[kind as usize];
                groups[*place as usize] = group;
                *place += 1;
            }
        }
        Groups {
            many: of_groups.len(),
            starts,
            groups,
        }
    }

    #[inline]
    fn of(&self, kind: u32) -> &[u32] {
        let kind = kind as usize;
        &self.groups[self.starts[kind] as usize..self.starts[kind + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_counts_once_in_each_group() {
        let pairs = [
            (7, 0),
            (7, 1),
            (3, 1),
            (7, 2),
            (3, 1),
            (NONE, 0),
            (NONE, 2),
            (5, 3),
        ];
        let who = Who::new(pairs.into_iter());
        for (groups, want) in [
            (vec![vec![0, 1, 2, 3]], vec![3]),
            (vec![vec![0], vec![1], vec![2], vec![3]], vec![1, 2, 1, 1]),
            // A kind of two groups, one of none, and a group of nobody.
            (vec![vec![1, 2], vec![0, 1], vec![]], vec![2, 2, 0]),
        ] {
            assert_eq!(who.count(&Groups::new(4, &groups)), want, "{groups:?}");
        }
    }
}
