//! What a request cost, as Exchange 2013 and later write it (element `ActivityContextData`).

use crate::text::{Encoded, split_at_symbol};

/// The value of `ActivityContextData`: a list of measures, such as `I32:ADS.C[dc1]=1`.
///
/// The form is observed; what the names mean is inferred from them. Nothing is decoded until it is
/// asked for.
///
/// ```
/// use eas_log_parse::{Activity, MeasureKind};
/// let activity = Activity::new(b"ActivityID%3d0483%3bI32%3aADS.C%5bdc1%5d%3d1%3bS%3aWLM.BT%3dEas");
/// assert_eq!(activity.id().unwrap().raw(), b"0483");
/// let measure = activity.measures().next().unwrap();
/// assert_eq!(measure.kind(), MeasureKind::Integer);
/// assert_eq!(measure.name(), b"ADS.C");
/// assert_eq!(measure.instance().unwrap().raw(), b"dc1");
/// assert_eq!(measure.value().raw(), b"1");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activity<'a> {
    raw: &'a [u8],
}

/// Type of a measure, by the word before its colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum MeasureKind {
    /// `I32`: an integer.
    Integer,
    /// `Dbl`: a number with a fraction.
    Double,
    /// `F`: a number with a fraction.
    Float,
    /// `S`: text.
    Text,
    /// No word, or another.
    Other,
}

/// One entry of a list of measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityMeasure<'a> {
    kind: &'a [u8],
    name: &'a [u8],
    instance: Option<&'a [u8]>,
    value: &'a [u8],
}

impl<'a> Activity<'a> {
    /// Takes the value of the element.
    pub fn new(raw: &'a [u8]) -> Activity<'a> {
        Activity { raw }
    }

    /// The value as it stands in the log.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Every entry, in order, the id included.
    pub fn entries(&self) -> impl Iterator<Item = ActivityMeasure<'a>> + use<'a> {
        let mut rest = self.raw;
        core::iter::from_fn(move || {
            while !rest.is_empty() {
                let (entry, after) = split_at_symbol(rest, b';').unwrap_or((rest, &[]));
                rest = after;
                if !entry.is_empty() {
                    return Some(ActivityMeasure::parse(entry));
                }
            }
            None
        })
    }

    /// Id of the activity, a GUID.
    pub fn id(&self) -> Option<Encoded<'a>> {
        self.entries()
            .find(|entry| entry.name == b"ActivityID")
            .map(|entry| entry.value())
    }

    /// The measures, without the id.
    pub fn measures(&self) -> impl Iterator<Item = ActivityMeasure<'a>> + use<'a> {
        self.entries().filter(|entry| entry.name != b"ActivityID")
    }
}

impl<'a> ActivityMeasure<'a> {
    /// `[kind ":"] name ["[" instance "]"] ["=" value]`
    fn parse(entry: &'a [u8]) -> ActivityMeasure<'a> {
        let (left, value) = split_at_symbol(entry, b'=').unwrap_or((entry, &[]));
        let (kind, rest) = split_at_symbol(left, b':').unwrap_or((&[], left));
        let (name, instance) = match split_at_symbol(rest, b'[') {
            Some((name, after)) => {
                let inner = split_at_symbol(after, b']').map_or(after, |(inner, _)| inner);
                (name, Some(inner))
            }
            None => (rest, None),
        };
        ActivityMeasure {
            kind,
            name,
            instance,
            value,
        }
    }

    /// Its type.
    pub fn kind(&self) -> MeasureKind {
        match self.kind {
            b"I32" => MeasureKind::Integer,
            b"Dbl" => MeasureKind::Double,
            b"F" => MeasureKind::Float,
            b"S" => MeasureKind::Text,
            _ => MeasureKind::Other,
        }
    }

    /// Its name, such as `ADS.C`. Endings: `.C` a count, `.T` a total in ms, `.AL` an average
    /// latency in ms (inferred).
    pub fn name(&self) -> &'a [u8] {
        self.name
    }

    /// What it was measured of, such as a domain controller.
    pub fn instance(&self) -> Option<Encoded<'a>> {
        self.instance.map(Encoded::new)
    }

    /// Its value.
    pub fn value(&self) -> Encoded<'a> {
        Encoded::new(self.value)
    }

    /// Its value as a number, where it is one.
    pub fn number(&self) -> Option<f64> {
        let text = core::str::from_utf8(self.value).ok()?;
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
        text.parse().ok().filter(|_| plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_all_kinds() {
        let activity = Activity::new(
            b"ActivityID%3d0483abd0%3bI32%3aADS.C%5bdc-srv%5d%3d1%3bF%3aADS.AL%5bdc-srv%5d%3d1.62791\
            %3bDbl%3aBudgUse.T%5b%5d%3d12.5%3bS%3aWLM.Bal%3d480000%3bodd%3b",
        );
        assert_eq!(activity.entries().count(), 6);
        assert_eq!(activity.id(), Some(Encoded::new(b"0483abd0")));
        let measures: Vec<_> = activity
            .measures()
            .map(|m| (m.kind(), m.name(), m.number()))
            .collect();
        assert_eq!(
            measures,
            [
                (MeasureKind::Integer, &b"ADS.C"[..], Some(1.0)),
                (MeasureKind::Float, b"ADS.AL", Some(1.62791)),
                (MeasureKind::Double, b"BudgUse.T", Some(12.5)),
                (MeasureKind::Text, b"WLM.Bal", Some(480_000.0)),
                (MeasureKind::Other, b"odd", None),
            ]
        );
    }

    #[test]
    fn damage_costs_what_it_hits() {
        let activity = Activity::new(b"I32:ADS.C[dc1;S:=;=;;F%3aX%5b1");
        let entries: Vec<_> = activity
            .entries()
            .map(|e| (e.name(), e.instance()))
            .collect();
        assert_eq!(
            entries,
            [
                (&b"ADS.C"[..], Some(Encoded::new(b"dc1"))),
                (b"", None),
                (b"", None),
                (b"X", Some(Encoded::new(b"1"))),
            ]
        );
    }
}
