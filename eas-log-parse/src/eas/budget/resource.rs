//! The resources that a request touched, as Exchange 2010 lists them behind `Norm`.

use super::value;
use crate::fault::Fault;
use crate::text::{Encoded, symbol};

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
    rest: &'a [u8],
}

impl<'a> Resources<'a> {
    pub(super) fn new(list: &'a [u8]) -> Resources<'a> {
        Resources { rest: list }
    }
}

/// Offset of the first of these characters, plain or escaped.
fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some((symbol, width)) = symbol(text, at) {
        if wanted.contains(&symbol) {
            return Some(at);
        }
        at += width;
    }
    None
}

/// `(Kind)Name(Health:n%,HistLoad:n)`, separated by commas. In a damaged copy the parenthesis
/// behind the kind is missing, and the list is cut off; each costs what it hits.
impl<'a> Iterator for Resources<'a> {
    type Item = Resource<'a>;

    fn next(&mut self) -> Option<Resource<'a>> {
        let open = find(self.rest, b"(")?;
        let text = &self.rest[open + 1..];
        let kind_end = find(text, b"()").unwrap_or(text.len());
        let kind = &text[..kind_end];
        let text = text[kind_end..]
            .strip_prefix(b")")
            .unwrap_or(&text[kind_end..]);
        let name_end = find(text, b"()").unwrap_or(text.len());
        let name = &text[..name_end];
        let text = &text[name_end..];
        let state_end = find(text, b")").unwrap_or(text.len());
        let (health_percent, historic_load) = value::health(&text[..state_end]);
        self.rest = &text[state_end..];
        Some(Resource {
            kind: Encoded::new(kind),
            name: Encoded::new(name),
            health_percent,
            historic_load,
        })
    }
}
