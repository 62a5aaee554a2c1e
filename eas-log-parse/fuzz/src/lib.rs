//! The bodies of the fuzz targets, which `cargo test` replays: see `tests/it/checks.rs`.

#[path = "../../tests/it/checks.rs"]
mod checks;
#[path = "../../tests/it/slow.rs"]
mod slow;

/// Runs the body of a target.
///
/// # Panics
/// If what must hold does not, or there is no such target.
pub fn check(target: &str, bytes: &[u8]) {
    let found = checks::TARGETS.iter().find(|(name, _)| *name == target);
    let (_, check) = found.expect("a target of `checks.rs`");
    check(bytes);
}
