//! The pieces of a `Log=` value.

use crate::fault::Fault;
use crate::separators::{BLOCK, Baseline, Look, mark};
use crate::text::Encoded;
use crate::w3c::value;

/// One element of a `Log=` value, such as `Throttle0`, `Error:DeviceNotProvisioned` or `SC1:1`.
///
/// Up to Exchange 2013 an element has a colon when its value is text and none when it is a number;
/// later ones always have it (observed). So an element with a colon is cut at the first one, and
/// one without after its letters.
///
/// ```
/// use eas_log_parse::EasLog;
/// let parts: Vec<_> = EasLog::new(b"Throttle0_SC1:142_TmRcv06:53:38.448_")
///     .elements()
///     .map(|element| (element.identifier(), element.value()))
///     .collect();
/// assert_eq!(parts[0], (&b"Throttle"[..], &b"0"[..]));
/// assert_eq!(parts[1], (&b"SC1"[..], &b"142"[..]));
/// assert_eq!(parts[2], (&b"TmRcv"[..], &b"06:53:38.448"[..]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    raw: &'a [u8],
    /// Length of the identifier.
    cut: u32,
    /// Offset of the value.
    value_at: u32,
    at: u32,
}

impl<'a> Element<'a> {
    /// An element, its place, and that of its first colon.
    #[inline]
    fn cut(raw: &'a [u8], at: usize, colon: Option<usize>) -> Element<'a> {
        let (cut, value_at) = match colon {
            Some(colon) if is_time_of_day(&raw[..colon]) => (colon - 2, colon - 2),
            Some(colon) => (colon, colon + 1),
            None => {
                let letters = leading_letters(raw);
                (letters, letters)
            }
        };
        Element {
            raw,
            cut: cut as u32,
            value_at: value_at as u32,
            at: at as u32,
        }
    }

    /// The name. It is case-sensitive: `S`, `St` and `Ssnf`, `E` and `Em` all differ.
    #[inline]
    pub fn identifier(&self) -> &'a [u8] {
        &self.raw[..self.cut as usize]
    }

    /// The value, as it stands in the log. Text is encoded in form style.
    #[inline]
    pub fn value(&self) -> &'a [u8] {
        &self.raw[self.value_at as usize..]
    }

    /// The value as encoded text.
    #[inline]
    pub fn text(&self) -> Encoded<'a> {
        Encoded::new(self.value())
    }

    /// The value as an unsigned number.
    ///
    /// # Errors
    /// If it is not a decimal number of this type.
    #[inline]
    pub fn number<T: TryFrom<u64>>(&self) -> Result<T, Fault> {
        value::number(self.value())
    }

    /// The value as a signed number.
    ///
    /// # Errors
    /// If it is not a decimal number with an optional minus sign.
    pub fn signed(&self) -> Result<i64, Fault> {
        value::signed(self.value())
    }

    /// The whole element, without the underscores around it.
    #[inline]
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Offset of the element in the `Log=` value, in bytes from 0.
    pub fn at(&self) -> u32 {
        self.at
    }
}

/// The value of an element, without its name.
///
/// ```
/// use eas_log_parse::EasLog;
/// let summary = EasLog::new(b"V141_DevOS:iOS+9.2+13C71_Hb600_").summary();
/// assert_eq!(summary.heartbeat.unwrap().number::<u32>(), Ok(600));
/// assert_eq!(&*summary.device_os.unwrap().text().decode_form(), b"iOS 9.2 13C71");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ElementValue<'a>(pub(super) &'a [u8]);

impl<'a> ElementValue<'a> {
    /// The value, as it stands in the log.
    #[inline]
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// The value as encoded text.
    #[inline]
    pub fn text(self) -> Encoded<'a> {
        Encoded::new(self.0)
    }

    /// The value as an unsigned number.
    ///
    /// # Errors
    /// If it is not a decimal number of this type.
    #[inline]
    pub fn number<T: TryFrom<u64>>(self) -> Result<T, Fault> {
        value::number(self.0)
    }
}

impl<'a> From<Element<'a>> for ElementValue<'a> {
    #[inline]
    fn from(element: Element<'a>) -> ElementValue<'a> {
        ElementValue(element.value())
    }
}

/// Whether the text before a colon is the name of a time of day and its hour, as Exchange 2013
/// writes them without a colon between (`TmRcv06:53:38.448`; interface fact).
#[inline]
fn is_time_of_day(before_colon: &[u8]) -> bool {
    matches!(before_colon, [b'T', b'm', name @ .., tens, ones]
        if tens.is_ascii_digit() && ones.is_ascii_digit() && name.iter().all(u8::is_ascii_alphabetic))
}

/// How many letters a text begins with. Names are short, so that the first eight bytes, looked at
/// together, mostly tell.
#[inline]
pub(super) fn leading_letters(text: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const TOPS: u64 = ONES << 7;
    let count = |text: &[u8]| text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let Some(head) = text.first_chunk() else {
        return count(text);
    };
    let head = u64::from_le_bytes(*head);
    // The top bit of each byte tells whether the byte, in lower case, is at least a, and beyond z.
    let lower = (head | ONES << 5) & !TOPS;
    let from_a = lower + ONES * (0x80 - b'a' as u64);
    let beyond_z = lower + ONES * (0x7f - b'z' as u64);
    let others = !(from_a & !beyond_z & !head) & TOPS;
    match others.trailing_zeros() / 8 {
        8 => 8 + count(&text[8..]),
        letters => letters as usize,
    }
}

/// Iterator over the elements of a `Log=` value; see [`EasLog::elements`](super::EasLog::elements).
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    places: Places<'a, Baseline>,
}

impl<'a> Elements<'a> {
    #[inline]
    pub(super) fn new(log: &'a [u8]) -> Elements<'a> {
        Elements {
            places: Places::new(Baseline, log),
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        let Place { start, end, colon } = self.places.next()?;
        let colon = colon.map(|colon| colon - start);
        Some(Element::cut(&self.places.log[start..end], start, colon))
    }
}

/// Where an element that is not empty begins, where it ends, and where its first colon is.
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) colon: Option<usize>,
}

/// Iterator over the places of the elements of a `Log=` value.
#[derive(Clone, Debug)]
pub(super) struct Places<'a, L> {
    look: L,
    log: &'a [u8],
    /// Where the next element begins.
    at: usize,
    /// Where the block behind the one in hand begins.
    block_end: usize,
    /// A bit for each underscore of the block in hand that no element was cut at yet, and for each
    /// colon behind what was cut off.
    ends: u64,
    colons: u64,
}

impl<'a, L: Look> Places<'a, L> {
    #[inline(always)]
    pub(super) fn new(look: L, log: &'a [u8]) -> Places<'a, L> {
        Places {
            look,
            log,
            at: 0,
            block_end: 0,
            ends: 0,
            colons: 0,
        }
    }

    /// The place of the next underscore, or the end of the log, and of the first colon before it.
    #[inline(always)]
    fn next_end(&mut self) -> (usize, Option<usize>) {
        let mut colon = None;
        let first = |marks: u64, end: usize| end - BLOCK + marks.trailing_zeros() as usize;
        while self.ends == 0 {
            if self.colons != 0 {
                colon = colon.or(Some(first(self.colons, self.block_end)));
            }
            if self.block_end >= self.log.len() {
                return (self.log.len(), colon);
            }
            [self.ends, self.colons] = mark(self.look, self.log, self.block_end, *b"_:");
            self.block_end += BLOCK;
        }
        let end = self.ends & self.ends.wrapping_neg();
        let before = self.colons & (end - 1);
        if before != 0 {
            colon = colon.or(Some(first(before, self.block_end)));
        }
        self.colons &= !(end - 1);
        self.ends ^= end;
        (first(end, self.block_end), colon)
    }
}

impl<L: Look> Iterator for Places<'_, L> {
    type Item = Place;

    // As with `Separators`, called it would keep what it knows in memory.
    #[inline(always)]
    fn next(&mut self) -> Option<Place> {
        while self.at < self.log.len() {
            let start = self.at;
            let (end, colon) = self.next_end();
            self.at = end + 1;
            if end > start {
                return Some(Place { start, end, colon });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_cut_as_their_writers_mean_them() {
        let cases: [(&str, &str, &str); 11] = [
            ("Throttle0", "Throttle", "0"),
            ("SC1:142", "SC1", "142"),
            ("Ver1:161", "Ver1", "161"),
            ("CmdHC-813709136", "CmdHC", "-813709136"),
            (
                "Error:DeviceNotProvisioned",
                "Error",
                "DeviceNotProvisioned",
            ),
            ("HH:mail%3a444", "HH", "mail%3a444"),
            ("TmRcv06:53:38.448", "TmRcv", "06:53:38.448"),
            ("TmRcv:06:53:38.448", "TmRcv", "06:53:38.448"),
            ("As:", "As", ""),
            ("Unknown", "Unknown", ""),
            ("123", "", "123"),
        ];
        for (raw, identifier, value) in cases {
            let element = Elements::new(raw.as_bytes()).next().unwrap();
            assert_eq!(element.identifier(), identifier.as_bytes(), "{raw}");
            assert_eq!(element.value(), value.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn letters_at_the_beginning() {
        for byte in 0..=u8::MAX {
            for (before, behind) in [
                ("", "bcdefghijk"),
                ("abcdefg", "z"),
                ("abcdefgh", ""),
                ("aZ", ""),
            ] {
                let text = [before.as_bytes(), &[byte], behind.as_bytes()].concat();
                let want = text.iter().take_while(|b| b.is_ascii_alphabetic()).count();
                assert_eq!(leading_letters(&text), want, "{}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn underscores_separate_and_may_repeat() {
        let found: Vec<_> = Elements::new(b"_V121__Pk0_")
            .map(|e| (e.at(), e.raw()))
            .collect();
        assert_eq!(found, [(1, &b"V121"[..]), (7, b"Pk0")]);
    }
}
