//! Where separators stand.
//!
//! Values, parameters and elements are so short that a search for the next separator costs more to
//! begin than to run. So separators are found for 64 bytes at a time, and given out one by one.

use wide::u8x16;

/// How many bytes are looked at in one go.
const BLOCK: usize = 64;

/// Iterator over the places of some bytes in a text, in order. NUL cannot be one of them.
#[derive(Clone, Debug)]
pub(crate) struct Separators<'a, const N: usize> {
    text: &'a [u8],
    separators: [u8; N],
    /// A bit for each separator of the block in hand that was not given out yet.
    found: u64,
    /// Where the block behind the one in hand begins.
    end: usize,
}

impl<'a, const N: usize> Separators<'a, N> {
    #[inline]
    pub(crate) fn new(text: &'a [u8], separators: [u8; N]) -> Separators<'a, N> {
        debug_assert!(!separators.contains(&0));
        Separators {
            text,
            separators,
            found: 0,
            end: 0,
        }
    }
}

impl<const N: usize> Iterator for Separators<'_, N> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            let rest = self.text.get(self.end..)?;
            self.found = match rest.first_chunk() {
                Some(block) => mark(block, self.separators),
                None if rest.is_empty() => return None,
                None => mark_last(self.text, rest, self.separators),
            };
            self.end += BLOCK;
        }
        let place = self.end - BLOCK + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(place)
    }
}

/// A bit for each byte of a block that is one of the separators.
#[inline]
fn mark<const N: usize>(block: &[u8; BLOCK], separators: [u8; N]) -> u64 {
    let (parts, _) = block.as_chunks();
    let mut marks = 0;
    for (number, part) in parts.iter().enumerate() {
        let part = u8x16::new(*part);
        let mut same = u8x16::splat(0);
        for separator in separators {
            same |= part.simd_eq(u8x16::splat(separator));
        }
        marks |= u64::from(same.to_bitmask()) << (16 * number);
    }
    marks
}

/// The same for the rest of a text, which is shorter than a block.
#[inline]
fn mark_last<const N: usize>(text: &[u8], rest: &[u8], separators: [u8; N]) -> u64 {
    match text.last_chunk() {
        // What comes before the rest was marked already, and is shifted out.
        Some(block) => mark(block, separators) >> (BLOCK - rest.len()),
        None => {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            mark(&block, separators)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_search_byte_by_byte_finds_them() {
        // Every length up to three blocks, with separators in places that look random.
        let mut dice = 1u32;
        let text: Vec<u8> = (0..200)
            .map(|_| {
                dice = dice.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                b"a:_\0\xff b&"[(dice >> 29) as usize]
            })
            .collect();
        for length in 0..text.len() {
            let text = &text[text.len() - length..];
            let want: Vec<usize> = (0..length)
                .filter(|&at| b"_:".contains(&text[at]))
                .collect();
            let found: Vec<usize> = Separators::new(text, *b"_:").collect();
            assert_eq!(found, want, "{length}");
            let want: Vec<usize> = (0..length).filter(|&at| text[at] == b' ').collect();
            let found: Vec<usize> = Separators::new(text, *b" ").collect();
            assert_eq!(found, want, "{length}");
        }
    }

    #[test]
    fn it_stays_at_the_end() {
        let mut places = Separators::new(b"a b", *b" ");
        assert_eq!(places.next(), Some(1));
        assert_eq!((places.next(), places.next()), (None, None));
    }
}
