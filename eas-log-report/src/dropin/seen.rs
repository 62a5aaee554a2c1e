//! What was seen first.

use crate::facts::{Moment, Place, TextId};

/// A text with the line that says it; of several the one that stands first in the logs counts.
pub(super) type First = Option<(Place, TextId)>;

/// Takes note of a text, if there is one.
#[inline]
pub(super) fn note(first: &mut First, other: First) {
    if let Some(other) = other
        && first.is_none_or(|first| other.0 < first.0)
    {
        *first = Some(other);
    }
}

/// Where a text stands first: what tells rows apart whose names look the same.
pub(super) fn place(first: First) -> Option<Place> {
    first.map(|(place, _)| place)
}

/// A number with the line that says it; of several the newest counts.
pub(super) type Newest = Option<(Moment, u64)>;

/// Takes note of a number, if there is one.
#[inline]
pub(super) fn note_newest(newest: &mut Newest, other: Newest) {
    if let Some(other) = other
        && newest.is_none_or(|newest| other.0.is_later_than(newest.0))
    {
        *newest = Some(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_newest_in_any_order() {
        let place = |file, line| Place {
            file,
            piece: 0,
            line,
        };
        let mut first = None;
        for (at, text) in [(place(1, 2), 0), (place(0, 9), 1), (place(1, 1), 2)] {
            note(&mut first, Some((at, text)));
            note(&mut first, None);
        }
        assert_eq!(first, Some((place(0, 9), 1)));
        let at = |time, line| Moment {
            time,
            place: place(0, line),
        };
        let mut newest = None;
        for (moment, number) in [(at(5, 1), 1), (at(7, 2), 2), (at(7, 3), 3), (at(6, 4), 4)] {
            note_newest(&mut newest, Some((moment, number)));
            note_newest(&mut newest, None);
        }
        assert_eq!(newest, Some((at(7, 3), 3)));
    }
}
