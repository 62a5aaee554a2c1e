//! Where separators stand.
//!
//! Values, parameters and elements are so short that a search for the next separator costs more to
//! begin than to run. So separators are found for 64 bytes at a time, and given out one by one.
//!
//! By which instructions is best shows only when the program runs. What walks the whole of a text asks
//! once ([`at_best`]), and is compiled for each kind of processor with all that it calls; what is asked
//! for one place after the other looks by the instructions that each processor has ([`Baseline`]).

use fearless_simd::prelude::*;
use fearless_simd::{Level, dispatch, u8x64};

/// How many bytes are looked at in one go.
pub(crate) const BLOCK: usize = 64;

/// A way to look at blocks.
pub(crate) trait Look: Copy {
    /// Marks the separators in a block: for each of them a bit for each byte.
    fn mark_block<const N: usize>(self, block: &[u8; BLOCK], separators: [u8; N]) -> [u64; N];
}

/// Looks by the instructions that are known to be there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<S>(pub(crate) S);

impl<S: Simd> Look for Known<S> {
    #[inline(always)]
    fn mark_block<const N: usize>(self, block: &[u8; BLOCK], separators: [u8; N]) -> [u64; N] {
        let block = u8x64::from_slice(self.0, block);
        separators.map(
            #[inline(always)]
            |separator| block.simd_eq(separator).to_bitmask(),
        )
    }
}

/// Looks by the instructions that are there on each processor that the program is compiled for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Baseline;

impl Look for Baseline {
    #[inline(always)]
    fn mark_block<const N: usize>(self, block: &[u8; BLOCK], separators: [u8; N]) -> [u64; N] {
        dispatch!(Level::baseline(), simd => Known(simd).mark_block(block, separators))
    }
}

/// Calls a function with the best way to look at blocks on the processor at hand. The function, and what
/// it calls to look at blocks, is to be `#[inline(always)]`: only so it is compiled for that processor.
macro_rules! at_best {
    ($function:path, $($argument:expr),+) => {
        fearless_simd::dispatch!(
            fearless_simd::Level::new(),
            simd => $function($crate::separators::Known(simd), $($argument),+)
        )
    };
}
pub(crate) use at_best;

/// Iterator over the places of some bytes in a text, in order. None of them can be NUL.
#[derive(Clone, Debug)]
pub(crate) struct Separators<'a, L, const N: usize = 1> {
    look: L,
    text: &'a [u8],
    separators: [u8; N],
    /// A bit for each separator of the block in hand that was not given out yet.
    found: u64,
    /// Where the block behind the one in hand begins.
    end: usize,
}

impl<'a, L: Look, const N: usize> Separators<'a, L, N> {
    #[inline(always)]
    pub(crate) fn new(look: L, text: &'a [u8], separators: [u8; N]) -> Separators<'a, L, N> {
        Separators {
            look,
            text,
            separators,
            found: 0,
            end: 0,
        }
    }
}

impl<L: Look, const N: usize> Iterator for Separators<'_, L, N> {
    type Item = usize;

    // Called, it would keep what it knows in memory and not in registers, too.
    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            if self.end >= self.text.len() {
                return None;
            }
            let found = mark(self.look, self.text, self.end, self.separators);
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
#[inline(always)]
pub(crate) fn mark<const N: usize>(
    look: impl Look,
    text: &[u8],
    at: usize,
    separators: [u8; N],
) -> [u64; N] {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(block) = rest.first_chunk() {
        return look.mark_block(block, separators);
    }
    if let Some(block) = text.last_chunk() {
        // What comes before the rest was marked already, and is shifted out.
        return look
            .mark_block(block, separators)
            .map(|marks| match BLOCK - rest.len() {
                BLOCK => 0,
                before => marks >> before,
            });
    }
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    look.mark_block(&block, separators)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_search_byte_by_byte_finds_them() {
        check(Baseline);
        let level = Level::new();
        dispatch!(level, simd => check(Known(simd)));
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            level.as_sse4_2().map(Known).into_iter().for_each(check);
            level.as_avx2().map(Known).into_iter().for_each(check);
        }
    }

    fn check(look: impl Look) {
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
            let found: Vec<usize> = Separators::new(look, text, [b' ']).collect();
            assert_eq!(found, places(b' '), "{length}");
            let found: Vec<usize> = Separators::new(look, text, *b"_:").collect();
            let mut either = [places(b'_'), places(b':')].concat();
            either.sort_unstable();
            assert_eq!(found, either, "{length}");
            let mut both = [Vec::new(), Vec::new()];
            for at in (0..length + BLOCK).step_by(BLOCK) {
                for (marks, places) in mark(look, text, at, *b"_:").iter().zip(&mut both) {
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
        let mut places = Separators::new(Baseline, b"a b", [b' ']);
        assert_eq!(places.next(), Some(1));
        assert_eq!((places.next(), places.next()), (None, None));
    }
}
