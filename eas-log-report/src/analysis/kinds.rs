//! Kinds of requests: those that are alike in outcome and client, whoever sent them.
//!
//! Twenty thousand devices have two hundred thousand cells, but only some thousand kinds of requests.
//! Sections are group-bys over the kinds. How many different devices and users a group has is no sum
//! over its kinds, so who is in which kind is kept beside them, and counted when the groups are known.

use crate::facts::{Add, Cell, Entity, Facts, NONE, SumTable, TextId};

/// What requests of a kind have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    /// What became of them, by the number of the outcome.
    pub(super) outcome: u32,
    /// A key of device types, or [`NONE`].
    pub(super) device_type: TextId,
    /// A user agent, or [`NONE`].
    pub(super) user_agent: TextId,
    /// Whether they count at all: not those whose other half is counted.
    pub(super) counts: bool,
}

/// The kinds of requests that there are.
pub(super) struct Kinds {
    /// All requests of each kind. Each counts once.
    sums: SumTable<Kind, Cell>,
    pub(super) members: Members,
}

impl Kinds {
    /// `counted` tells of each cell how many of its requests count.
    pub(super) fn new(facts: &Facts, counted: &[u64]) -> Kinds {
        let texts = &facts.texts;
        let mut sums: SumTable<Kind, Cell> = SumTable::default();
        let mut of_cells: Vec<u32> = Vec::with_capacity(facts.cells.len());
        for ((key, cell), &counted) in facts.cells.iter().zip(counted) {
            let identity = &facts.identities()[key.identity as usize];
            let kind = sums.number(Kind {
                outcome: key.outcome,
                device_type: match identity.device_type {
                    NONE => NONE,
                    text => texts.device_types.key_of(text),
                },
                user_agent: identity.user_agent,
                counts: counted > 0,
            });
            of_cells.push(kind);
            sums.get_mut(kind).add(&Cell {
                requests: counted,
                ..*cell
            });
        }
        let cells = facts.cells.iter().zip(&of_cells);
        let entities = cells.map(|((key, _), &kind)| (facts.entity_of(key.identity), kind));
        let members = Members::new(facts, sums.len(), entities);
        Kinds { sums, members }
    }

    /// Every kind with its sum, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &Kind, &Cell)> {
        let sums = (0..).zip(self.sums.iter());
        sums.map(|(number, (kind, sum))| (number, kind, sum))
    }
}

/// The devices and users of kinds: of these kinds or of others that have numbers.
pub(super) struct Members {
    /// How many kinds there are.
    kinds: usize,
    devices: Who,
    users: Who,
}

impl Members {
    /// Of so many kinds, from pairs of an entity and a kind that it is in.
    pub(super) fn new(
        facts: &Facts,
        kinds: usize,
        pairs: impl Iterator<Item = (u32, u32)> + Clone + Send,
    ) -> Members {
        let who = |pairs, of: fn(&Entity) -> TextId| {
            let entities = facts.entities();
            let named = |(entity, kind)| (of(&entities[entity as usize]), kind);
            Who::new(Iterator::map(pairs, named))
        };
        let of_devices = pairs.clone();
        let (devices, users) = rayon::join(
            || who(of_devices, |entity| entity.device),
            || who(pairs, |entity| entity.user),
        );
        Members {
            kinds,
            devices,
            users,
        }
    }

    /// How many different devices and how many different users each group of kinds has.
    pub(super) fn count(&self, groups: &[Vec<u32>]) -> (Vec<i64>, Vec<i64>) {
        let groups = Groups::new(self.kinds, groups);
        (self.devices.count(&groups), self.users.count(&groups))
    }
}

/// Who is in which kind: the number of a device or user above that of a kind, in order.
struct Who(Vec<u64>);

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
    fn count(&self, groups: &Groups) -> Vec<i64> {
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
struct Groups {
    many: usize,
    /// For each kind where its groups begin; they end where those of the next begin.
    starts: Vec<u32>,
    groups: Vec<u32>,
}

impl Groups {
    /// The kinds of each group, of so many kinds in all.
    fn new(kinds: usize, of_groups: &[Vec<u32>]) -> Groups {
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
