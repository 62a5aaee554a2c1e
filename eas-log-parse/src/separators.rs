//! Where separators stand.
//!
//! Values, parameters and elements are so short that a search for the next separator costs more to
//! begin than to run. So separators are found for 64 bytes at a time, and given out one by one.

use wide::u8x16;

/// How many bytes are looked at in one go.
pub(crate) const BLOCK: usize = 64;

/// Iterator over the places of some bytes in a text, in order. None of them can be NUL.
#[derive(Clone, Debug)]
pub(crate) struct Separators<'a, const N: usize = 1> {
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

    // Whether the compiler inlines this, and what calls it, of its own accord changes with code
    // elsewhere. Called, it keeps what it knows in memory and not in registers.
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            if self.end >= self.text.len() {
                return None;
            }
            let found = mark(self.text, self.end, self.separators);
            self.found = found.into_iter().fold(0, |all, one| all | one);
            self.end += BLOCK;
        }
        let place = self.end - BLOCK + self.found.trailing_zeros() as usize;
        self.found &= self.found - 1;
        Some(place)
    }
}

/// Marks the separators in the block that begins at a place of a text: for each of them a bit for
/// each byte. What is behind the text has none, as long as NUL is no separator.
#[inline]
pub(crate) fn mark<const N: usize>(text: &[u8], at: usize, separators: [u8; N]) -> [u64; N] {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return mark_block(block, separators);
    }
    if let Some(block) = text.last_chunk() {
        // What comes before the rest was marked already, and is shifted out.
        return mark_block(block, separators).map(|marks| match BLOCK - rest.len() {
            BLOCK => 0,
            before => marks >> before,
        });
    }
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    mark_block(&block, separators)
}

#[inline]
fn mark_block<const N: usize>(block: &[u8; BLOCK], separators: [u8; N]) -> [u64; N] {
    let (parts, _) = block.as_chunks();
    let mut marks = [0; N];
    for (number, part) in parts.iter().enumerate() {
        let part = u8x16::new(*part);
        for (marks, separator) in marks.iter_mut().zip(separators) {
            let same = part.simd_eq(u8x16::splat(separator)).to_bitmask();
            *marks |= u64::from(same) << (16 * number);
        }
    }
    marks
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
            let places = |separator: u8| -> Vec<usize> {
                (0..length).filter(|&at| text[at] == separator).collect()
            };
            let found: Vec<usize> = Separators::new(text, [b' ']).collect();
            assert_eq!(found, places(b' '), "{length}");
            let found: Vec<usize> = Separators::new(text, *b"_:").collect();
            let mut either = [places(b'_'), places(b':')].concat();
            either.sort_unstable();
            assert_eq!(found, either, "{length}");
            let mut both = [Vec::new(), Vec::new()];
            for at in (0..length + BLOCK).step_by(BLOCK) {
                for (marks, places) in mark(text, at, *b"_:").iter().zip(&mut both) {
                    places.extend(
                        (0..BLOCK)
                            .filter(|bit| marks >> bit & 1 == 1)
                            .map(|bit| at + bit),
                    );
                }
            }
            assert_eq!(both, [places(b'_'), places(b':')], "{length}");
        }
    }

    #[test]
    fn it_stays_at_the_end() {
        let mut places = Separators::new(b"a b", [b' ']);
        assert_eq!(places.next(), Some(1));
        assert_eq!((places.next(), places.next()), (None, None));
    }
}
