//! Calling from memory what will be needed soon.
//!
//! What is known of some thousand devices does not fit the cache of a processor. Where it is known some
//! lines of the log ahead what of it will be looked at, the processor need not wait for it.

use prefetch_index::prefetch_index;

/// Calls the line of the cache that a value begins in.
#[inline]
pub fn prefetch<T>(value: &T) {
    prefetch_index(std::slice::from_ref(value), 0);
}
