//! The resources that a request touched, as Exchange 2010 lists them behind `Norm`.

use super::value;
use crate::fault::Fault;
use crate::separators::{Baseline, Separators};
use crate::text::Encoded;

/// A resource with its health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Resource<'a> {
    /// Kind: `Mdb` is a mailbox database, `DC` a domain controller.
    pub kind: Encoded<'a>,
    /// Name of the database or server.
    pub name: Encoded<'a>,
    /// Health in percent; -1 is no value (inferred).
    pub health_percent: Result<i64, Fault>,
    /// Historic load (inferred from its name, `HistLoad`).
    pub historic_load: Result<i64, Fault>,
}

/// Iterator over resources; see [`BudgetSnapshot::resources`](super::BudgetSnapshot::resources).
#[derive(Clone, Debug)]
pub struct Resources<'a> {
    list: &'a [u8],
    /// The places from the next resource on where a parenthesis may stand, plain or escaped.
    places: Separators<'a, Baseline, 3>,
}

/// A parenthesis in a list.
struct Parenthesis {
    opens: bool,
    at: usize,
    /// Where what is behind it begins.
    end: usize,
}

impl<'a> Resources<'a> {
    pub(super) fn new(list: &'a [u8]) -> Resources<'a> {
        Resources {
            list,
            places: Separators::new(Baseline, list, *b"%()"),
        }
    }

    /// The next parenthesis of those that are wanted: whether it opens. The end of the list closes.
    #[inline]
    fn parenthesis(&mut self, wanted: fn(bool) -> bool) -> Parenthesis {
        let list = self.list;
        let end = list.len();
        let found = self.places.find_map(|at| {
            let (opens, width) = match list[at..] {
                [b'%', b'2', b'8', ..] => (true, 3),
                [b'%', b'2', b'9', ..] => (false, 3),
                [b'(', ..] => (true, 1),
                [b')', ..] => (false, 1),
                _ => return None,
            };
            wanted(opens).then_some(Parenthesis {
                opens,
                at,
                end: at + width,
            })
        });
        found.unwrap_or(Parenthesis {
            opens: false,
            at: end,
            end,
        })
    }
}

/// `(Kind)Name(Health:n%,HistLoad:n)`, separated by commas. In a damaged copy the parenthesis
/// behind the kind is missing, and the list is cut off; each costs what it hits.
impl<'a> Iterator for Resources<'a> {
    type Item = Resource<'a>;

    fn next(&mut self) -> Option<Resource<'a>> {
        let list = self.list;
        let before_kind = self.parenthesis(|opens| opens);
        if !before_kind.opens {
            return None;
        }
        let behind_kind = self.parenthesis(|_| true);
        let kind = &list[before_kind.end..behind_kind.at];
        let (name, behind_name) = if behind_kind.opens {
            (&[][..], behind_kind)
        } else {
            let behind_name = self.parenthesis(|_| true);
            (&list[behind_kind.end..behind_name.at], behind_name)
        };
        let state = if behind_name.opens {
            let end = self.parenthesis(|opens| !opens).at;
            &list[behind_name.end..end]
        } else {
            &[]
        };
        let (health_percent, historic_load) = value::health(state);
        Some(Resource {
            kind: Encoded::new(kind),
            name: Encoded::new(name),
            health_percent,
            historic_load,
        })
    }
}
