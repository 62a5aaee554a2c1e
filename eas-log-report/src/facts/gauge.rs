//! Sums, extremes and latest values of a device.

use super::cell::Moment;
use super::run::{Run, longer};
use super::text_table::TextId;

/// A value with the line that says it; of several the latest counts.
pub type Latest = Option<(Moment, TextId)>;

/// Sums, extremes and latest values of the requests of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Bytes sent by the server.
    pub bytes_sent: u64,
    /// Bytes received by the server.
    pub bytes_received: u64,
    /// Calls to the store.
    pub rpc_count: u64,
    /// Their latency in milliseconds.
    pub rpc_latency_ms: u64,
    /// Longest delay by throttling, in milliseconds.
    pub max_throttle_ms: u64,
    /// Largest sync state of a folder, in KB.
    pub max_sync_state_kb: u64,
    /// Requests at whose end the throttling budget was overdrawn.
    pub overdrawn: u64,
    /// Pings that the connection did not survive: Windows status 64, 121, 995 or 1236.
    pub broken_pings: u64,
    /// Of these the shortest, in milliseconds; 0 if there is none.
    pub shortest_broken_ping_ms: u64,
    /// Most synchronizations of a folder with one sync key, in a row.
    pub longest_sync_key_run: Option<Run>,
    /// Mailbox server; a text of [`Texts::values`](super::Texts::values), as below.
    pub mailbox_server: Latest,
    /// Operating system, as the device told.
    pub device_os: Latest,
    /// Model, as the device told.
    pub device_model: Latest,
    /// Host that requests were passed on to.
    pub proxied_to: Latest,
    /// URL that the device was redirected to.
    pub redirected_to: Latest,
}

/// The value that counts of two. Each line says one value, so no two moments are equal.
#[inline]
fn later(a: Latest, b: Latest) -> Latest {
    match (a, b) {
        (Some(a), Some(b)) => Some(if b.0.is_later_than(a.0) { b } else { a }),
        (a, b) => a.or(b),
    }
}

fn least_but_zero(a: u64, b: u64) -> u64 {
    if a == 0 || b == 0 { a.max(b) } else { a.min(b) }
}

impl Gauge {
    /// Adds the requests of another gauge of the same device. `renumber` translates its texts.
    pub fn add(&mut self, other: &Gauge, renumber: impl Fn(TextId) -> TextId) {
        self.bytes_sent += other.bytes_sent;
        self.bytes_received += other.bytes_received;
        self.rpc_count += other.rpc_count;
        self.rpc_latency_ms += other.rpc_latency_ms;
        self.max_throttle_ms = self.max_throttle_ms.max(other.max_throttle_ms);
        self.max_sync_state_kb = self.max_sync_state_kb.max(other.max_sync_state_kb);
        self.overdrawn += other.overdrawn;
        self.broken_pings += other.broken_pings;
        self.shortest_broken_ping_ms =
            least_but_zero(self.shortest_broken_ping_ms, other.shortest_broken_ping_ms);
        self.longest_sync_key_run = longer(self.longest_sync_key_run, other.longest_sync_key_run);
        let here = |latest: Latest| latest.map(|(moment, text)| (moment, renumber(text)));
        self.mailbox_server = later(self.mailbox_server, here(other.mailbox_server));
        self.device_os = later(self.device_os, here(other.device_os));
        self.device_model = later(self.device_model, here(other.device_model));
        self.proxied_to = later(self.proxied_to, here(other.proxied_to));
        self.redirected_to = later(self.redirected_to, here(other.redirected_to));
    }

    /// One broken Ping more, of this duration.
    pub fn broken_ping(&mut self, duration_ms: u64) {
        self.broken_pings += 1;
        self.shortest_broken_ping_ms = least_but_zero(self.shortest_broken_ping_ms, duration_ms);
    }
}

/// Takes note of a value.
#[inline]
pub fn note(latest: &mut Latest, moment: Moment, text: TextId) {
    *latest = later(*latest, Some((moment, text)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    #[test]
    fn the_latest_counts_in_any_order() {
        let at = |time, line| Moment {
            time,
            place: Place {
                file: 0,
                piece: 0,
                line,
            },
        };
        let (mut a, mut b) = (Gauge::default(), Gauge::default());
        note(&mut a.mailbox_server, at(5, 1), 0);
        note(&mut a.mailbox_server, at(4, 2), 1);
        note(&mut b.mailbox_server, at(5, 3), 2);
        a.broken_ping(9000);
        b.broken_ping(7000);
        let (mut ab, mut ba) = (a, b);
        ab.add(&b, |text| text);
        ba.add(&a, |text| text);
        assert_eq!(ab, ba);
        assert_eq!(ab.mailbox_server, Some((at(5, 3), 2)));
        assert_eq!((ab.broken_pings, ab.shortest_broken_ping_ms), (2, 7000));
    }
}
