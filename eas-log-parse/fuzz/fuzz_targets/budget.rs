//! See `tests/it/checks.rs`, which holds the body and is replayed by `cargo test`.
#![no_main]

#[allow(dead_code, reason = "a target needs a part of it")]
#[path = "../../tests/it/checks.rs"]
mod checks;
#[allow(dead_code, reason = "a target needs a part of it")]
#[path = "../../tests/it/slow.rs"]
mod slow;

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::budget(data));
