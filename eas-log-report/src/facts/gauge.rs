//! Sums, extremes and latest values of a device.

use std::cmp::Reverse;

use super::cell::Moment;
use super::run::{Run, longer};
use super::text_table::TextId;

/// A value with the line that says it; of several the latest counts.
pub type Latest = Option<(Moment, TextId)>;

/// A number with the line that says it; of several the largest counts, and of equal ones the earliest.
pub type Largest = Option<(u64, Moment)>;

/// Sums, extremes and latest values of the requests of a device. What no line tells is `None`, and 0
/// is what lines tell as that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Bytes sent by the server.
    pub bytes_sent: Option<u64>,
    /// Bytes received by the server.
    pub bytes_received: Option<u64>,
    /// Calls to the store.
    pub rpc_count: Option<u64>,
    /// Their latency in milliseconds.
    pub rpc_latency_ms: Option<u64>,
    /// Most calls to the store of one request.
    pub largest_rpc_count: Largest,
    /// Their longest latency in one request, in milliseconds.
    pub largest_rpc_latency_ms: Largest,
    /// Longest delay by throttling, in milliseconds.
    pub max_throttle_ms: Option<u64>,
    /// Largest sync state of a folder, in KB.
    pub max_sync_state_kb: Largest,
    /// Requests at whose end the throttling budget was overdrawn; of those that tell it.
    pub overdrawn: Option<u64>,
    /// Pings that the connection did not survive: Windows status 64, 121, 995 or 1236; of those that
    /// tell that status.
    pub broken_pings: Option<u64>,
    /// Of these the shortest, in milliseconds.
    pub shortest_broken_ping_ms: Option<u64>,
    /// The longest Ping, in milliseconds, however it ended.
    pub longest_ping_ms: Largest,
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

/// Two values together, of which either may not be told.
#[inline]
fn both(a: Option<u64>, b: Option<u64>, together: impl FnOnce(u64, u64) -> u64) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(together(a, b)),
        (a, b) => a.or(b),
    }
}

/// Adds to a sum. Numbers from a log can be of any size.
#[inline]
pub fn sum_up(sum: &mut Option<u64>, more: Option<u64>) {
    *sum = both(*sum, more, u64::saturating_add);
}

/// Takes note of what may be the most.
#[inline]
pub fn raise(most: &mut Option<u64>, value: Option<u64>) {
    *most = both(*most, value, u64::max);
}

/// Takes note of what may be the largest.
#[inline]
pub fn raise_at(largest: &mut Largest, other: Largest) {
    *largest = match (*largest, other) {
        (Some(a), Some(b)) if (b.0, Reverse(b.1)) > (a.0, Reverse(a.1)) => Some(b),
        (a, b) => a.or(b),
    };
}

impl Gauge {
    /// Calls it from memory: a field in each of its lines.
    #[inline]
    pub fn prefetch(&self) {
        use super::prefetch;
        prefetch(&self.bytes_sent);
        prefetch(&self.rpc_count);
        prefetch(&self.largest_rpc_count);
        prefetch(&self.largest_rpc_latency_ms);
        prefetch(&self.max_sync_state_kb);
        prefetch(&self.overdrawn);
        prefetch(&self.longest_ping_ms);
        prefetch(&self.mailbox_server);
        prefetch(&self.device_os);
        prefetch(&self.device_model);
    }

    /// Adds the requests of another gauge of the same device. `renumber` translates its texts.
    pub fn add(&mut self, other: &Gauge, renumber: impl Fn(TextId) -> TextId) {
        sum_up(&mut self.bytes_sent, other.bytes_sent);
        sum_up(&mut self.bytes_received, other.bytes_received);
        sum_up(&mut self.rpc_count, other.rpc_count);
        sum_up(&mut self.rpc_latency_ms, other.rpc_latency_ms);
        raise_at(&mut self.largest_rpc_count, other.largest_rpc_count);
        raise_at(
            &mut self.largest_rpc_latency_ms,
            other.largest_rpc_latency_ms,
        );
        raise(&mut self.max_throttle_ms, other.max_throttle_ms);
        raise_at(&mut self.max_sync_state_kb, other.max_sync_state_kb);
        sum_up(&mut self.overdrawn, other.overdrawn);
        sum_up(&mut self.broken_pings, other.broken_pings);
        self.shortest_broken_ping_ms = both(
            self.shortest_broken_ping_ms,
            other.shortest_broken_ping_ms,
            u64::min,
        );
        raise_at(&mut self.longest_ping_ms, other.longest_ping_ms);
        self.longest_sync_key_run = longer(self.longest_sync_key_run, other.longest_sync_key_run);
        let here = |latest: Latest| latest.map(|(moment, text)| (moment, renumber(text)));
        self.mailbox_server = later(self.mailbox_server, here(other.mailbox_server));
        self.device_os = later(self.device_os, here(other.device_os));
        self.device_model = later(self.device_model, here(other.device_model));
        self.proxied_to = later(self.proxied_to, here(other.proxied_to));
        self.redirected_to = later(self.redirected_to, here(other.redirected_to));
    }

    /// One Ping more: how long it took, and whether its connection broke, as far as its line tells.
    pub fn ping(&mut self, at: Moment, duration_ms: Option<u64>, broken: Option<bool>) {
        raise_at(&mut self.longest_ping_ms, duration_ms.map(|ms| (ms, at)));
        sum_up(&mut self.broken_pings, broken.map(u64::from));
        if broken == Some(true) {
            self.shortest_broken_ping_ms =
                both(self.shortest_broken_ping_ms, duration_ms, u64::min);
        }
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

    fn at(time: i64, line: u32) -> Moment {
        let place = Place {
            file: 0,
            piece: 0,
            line,
        };
        Moment { time, place }
    }

    /// Both gauges together, in either order.
    fn sum(a: Gauge, b: Gauge) -> Gauge {
        let (mut ab, mut ba) = (a, b);
        ab.add(&b, |text| text);
        ba.add(&a, |text| text);
        assert_eq!(ab, ba);
        ab
    }

    #[test]
    fn the_latest_counts_in_any_order() {
        let (mut a, mut b) = (Gauge::default(), Gauge::default());
        note(&mut a.mailbox_server, at(5, 1), 0);
        note(&mut a.mailbox_server, at(4, 2), 1);
        note(&mut b.mailbox_server, at(5, 3), 2);
        assert_eq!(sum(a, b).mailbox_server, Some((at(5, 3), 2)));
    }

    #[test]
    fn pings_are_held_against_each_other() {
        let (mut a, mut b) = (Gauge::default(), Gauge::default());
        a.ping(at(1, 1), Some(9000), Some(true));
        a.ping(at(2, 2), Some(900_000), Some(false));
        b.ping(at(3, 3), Some(7000), Some(true));
        b.ping(at(4, 4), Some(900_000), None);
        b.ping(at(5, 5), None, Some(true));
        let both = sum(a, b);
        assert_eq!(both.broken_pings, Some(3));
        assert_eq!(both.shortest_broken_ping_ms, Some(7000));
        // Of equally long ones the earliest.
        assert_eq!(both.longest_ping_ms, Some((900_000, at(2, 2))));
    }

    #[test]
    fn what_no_line_tells_is_not_zero() {
        let told = Gauge {
            bytes_sent: Some(0),
            overdrawn: Some(0),
            max_throttle_ms: Some(0),
            ..Gauge::default()
        };
        assert_eq!(sum(Gauge::default(), Gauge::default()), Gauge::default());
        assert_eq!(sum(told, Gauge::default()), told);
        let all = Gauge {
            bytes_sent: Some(u64::MAX),
            ..Gauge::default()
        };
        assert_eq!(sum(all, all), all);
    }
}
