//! Counts of items, as `6a0c0d0s0e0r0A0sd`.

use crate::fault::{Fault, FaultKind};
use crate::w3c::value;

/// Counts of the items that one side sent for a folder (elements `Cli` and `Srv`).
///
/// Each count is a number with one or two letters behind it. Letters differ by case (`a` are adds,
/// `A` items added because others refer to them) and by length (`s` and `sd`), but for the form of
/// upper-case letters, five in the documentation of Exchange 2007 and four in Exchange 2003, which is
/// read like its lower-case copy. A letter that is not written counts zero. The letters a, c, d, f
/// and e of `Cli` are documented, the others are interface facts.
///
/// ```
/// use eas_log_parse::ChangeCounts;
/// let counts = ChangeCounts::new(b"1a2c0d0s0e0r3A0sd");
/// assert_eq!(counts.adds(), Ok(1));
/// assert_eq!(counts.changes(), Ok(2));
/// assert_eq!(counts.get("A"), Ok(3));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeCounts<'a> {
    raw: &'a [u8],
}

impl<'a> ChangeCounts<'a> {
    /// Takes the value of the element.
    pub fn new(raw: &'a [u8]) -> ChangeCounts<'a> {
        ChangeCounts { raw }
    }

    /// The value as it stands in the log.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The counts in order: the letters with the digits before them. Either can be empty where the
    /// value is damaged.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut rest = self.raw;
        core::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            let letters = rest[digits..]
                .iter()
                .take_while(|b| !b.is_ascii_digit())
                .count();
            let (count, after) = rest.split_at(digits + letters);
            rest = after;
            Some((&count[digits..], &count[..digits]))
        })
    }

    /// Whether this is the form of Exchange 2003 or of the documentation of Exchange 2007: four or
    /// five upper-case letters, which mean what they do in lower case.
    ///
    /// ```
    /// use eas_log_parse::ChangeCounts;
    /// assert!(ChangeCounts::new(b"0A0C3D1F0E").is_upper_case());
    /// assert!(!ChangeCounts::new(b"1a0c0d0s0e0r2A0sd").is_upper_case());
    /// ```
    pub fn is_upper_case(&self) -> bool {
        matches!(self.iter().count(), 4 | 5)
            && self
                .iter()
                .all(|(letters, _)| letters.len() == 1 && letters[0].is_ascii_uppercase())
    }

    /// The count of these letters; 0 where they are not written.
    ///
    /// # Errors
    /// If what stands before the letters is not a number.
    pub fn get(&self, letters: &str) -> Result<u64, Fault> {
        let upper_case = self.is_upper_case();
        let found = self.iter().find(|(found, _)| {
            *found == letters.as_bytes()
                || (upper_case && found.eq_ignore_ascii_case(letters.as_bytes()))
        });
        match found {
            Some((_, digits)) => {
                value::number(digits).map_err(|_| Fault::new(FaultKind::BadNumber, 0))
            }
            None => Ok(0),
        }
    }

    /// `a`: adds.
    ///
    /// # Errors
    /// If the count is not a number, here and below.
    pub fn adds(&self) -> Result<u64, Fault> {
        self.get("a")
    }

    /// `c`: changes.
    ///
    /// # Errors
    /// If the count is not a number.
    pub fn changes(&self) -> Result<u64, Fault> {
        self.get("c")
    }

    /// `d`: deletes.
    ///
    /// # Errors
    /// If the count is not a number.
    pub fn deletes(&self) -> Result<u64, Fault> {
        self.get("d")
    }

    /// `e`: items that failed to convert.
    ///
    /// # Errors
    /// If the count is not a number.
    pub fn conversion_errors(&self) -> Result<u64, Fault> {
        self.get("e")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_matched_whole_and_by_case() {
        let counts = ChangeCounts::new(b"1a2c3d4s5e6r7A8sd");
        let letters = ["a", "c", "d", "s", "e", "r", "A", "sd"];
        let got: Vec<_> = letters.iter().map(|l| counts.get(l).unwrap()).collect();
        assert_eq!(got, [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(counts.get("fs"), Ok(0));
        let client = ChangeCounts::new(b"0a0c0d4f0e1s2fs");
        assert_eq!(
            (client.get("f"), client.get("fs"), client.get("s")),
            (Ok(4), Ok(2), Ok(1))
        );
    }

    #[test]
    fn the_form_of_exchange_2007() {
        let counts = ChangeCounts::new(b"0A0C3D1F2E");
        assert_eq!(
            (
                counts.deletes(),
                counts.get("f"),
                counts.conversion_errors()
            ),
            (Ok(3), Ok(1), Ok(2))
        );
        assert_eq!(counts.get("A"), Ok(0));
    }

    #[test]
    fn damage() {
        assert_eq!(ChangeCounts::new(b"").adds(), Ok(0));
        assert_eq!(
            ChangeCounts::new(b"ac").get("ac"),
            Err(Fault {
                kind: FaultKind::BadNumber,
                at: 0
            })
        );
        assert_eq!(ChangeCounts::new(b"12").iter().count(), 1);
        let huge = ChangeCounts::new(b"99999999999999999999a");
        assert_eq!(
            huge.adds(),
            Err(Fault {
                kind: FaultKind::BadNumber,
                at: 0
            })
        );
    }
}
