//! Which servers logged the requests of which devices.
//!
//! Kept apart from what became of the requests: devices are sent from server to server, and a cell
//! for each of these would be several times as many.

use super::sum_table::Add;
use super::text_table::TextId;

/// A device on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServedKey {
    /// Who, by the number of the [`Entity`](super::Entity).
    pub entity: u32,
    /// The server; a text of [`Texts::servers`](super::Texts::servers) or [`NONE`](super::NONE).
    pub server: TextId,
}

/// The requests of a device that a server logged. One that passes through two servers counts for
/// both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// All of them.
    pub requests: u64,
    /// Those that failed.
    pub failed: u64,
}

impl Served {
    /// One request more.
    #[inline]
    pub fn count(&mut self, failed: bool) {
        self.requests += 1;
        self.failed += u64::from(failed);
    }
}

impl Add for Served {
    fn add(&mut self, other: &Served) {
        self.requests += other.requests;
        self.failed += other.failed;
    }
}
