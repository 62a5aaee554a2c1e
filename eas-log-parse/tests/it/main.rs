//! Tests of the public interface.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checks;
mod laws;
mod replay;
mod round_trip;
mod slow;
mod tables;
