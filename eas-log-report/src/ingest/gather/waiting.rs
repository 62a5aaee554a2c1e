//! Requests that wait to be added up.
//!
//! To add a request as soon as it is read would be to wait for memory a dozen times a line. So a few
//! requests wait, in their order, while what is known of their devices is called.

use eas_log_parse::Half;

use crate::facts::{CellKey, Gauge, Moment, NONE, TextId, note, raise, raise_at, sum_up};

/// So many requests wait: enough to read other lines meanwhile, and so few that what was called for
/// them is still in the cache at their turn.
pub(super) const MOST: usize = 16;

/// A request, as far as it changes what is known of its device.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) entity: u32,
    pub(super) key: CellKey,
    /// The server that logged it, or [`NONE`].
    pub(super) server: TextId,
    pub(super) half: Half,
    pub(super) moment: Moment,
    /// The hash of what a Sync says of its key.
    pub(super) sync_key: Option<u64>,
    /// The hash of the folder that it synchronized from the start.
    pub(super) first_sync: Option<u64>,
    pub(super) measures: Measures,
}

/// A number that a line may tell, in the room of one: many requests wait.
#[derive(Clone, Copy)]
pub(super) struct Told(u64);

impl Told {
    /// In place of a number.
    const NOT: u64 = u64::MAX;

    fn get(self) -> Option<u64> {
        (self.0 != Told::NOT).then_some(self.0)
    }
}

impl From<Option<u64>> for Told {
    /// The largest number that there is becomes the one before.
    #[inline]
    fn from(number: Option<u64>) -> Told {
        Told(number.map_or(Told::NOT, |number| number.min(Told::NOT - 1)))
    }
}

/// What a request adds to the sums, extremes and latest values of its device.
#[derive(Clone, Copy)]
pub(super) struct Measures {
    pub(super) bytes_sent: Told,
    pub(super) bytes_received: Told,
    pub(super) rpc_count: Told,
    pub(super) rpc_latency_ms: Told,
    pub(super) throttle_ms: Told,
    pub(super) sync_state_kb: Told,
    /// How long it took, of a Ping.
    pub(super) ping_ms: Told,
    /// Whether it is a Ping.
    pub(super) is_ping: bool,
    /// Whether its connection broke, of a Ping that tells.
    pub(super) broken: Option<bool>,
    /// Whether its budget was overdrawn, if it tells.
    pub(super) overdrawn: Option<bool>,
    /// Mailbox server, system and model of the device, the server it was proxied to and the one it was
    /// redirected to; or [`NONE`].
    pub(super) latest: [TextId; 5],
}

impl Measures {
    #[inline]
    pub(super) fn add_to(&self, gauge: &mut Gauge, moment: Moment) {
        let (rpc_count, rpc_latency_ms) = (self.rpc_count.get(), self.rpc_latency_ms.get());
        sum_up(&mut gauge.bytes_sent, self.bytes_sent.get());
        sum_up(&mut gauge.bytes_received, self.bytes_received.get());
        sum_up(&mut gauge.rpc_count, rpc_count);
        sum_up(&mut gauge.rpc_latency_ms, rpc_latency_ms);
        let here = |number: Option<u64>| number.map(|number| (number, moment));
        raise_at(&mut gauge.largest_rpc_count, here(rpc_count));
        raise_at(&mut gauge.largest_rpc_latency_ms, here(rpc_latency_ms));
        raise(&mut gauge.max_throttle_ms, self.throttle_ms.get());
        raise_at(&mut gauge.max_sync_state_kb, here(self.sync_state_kb.get()));
        sum_up(&mut gauge.overdrawn, self.overdrawn.map(u64::from));
        if self.is_ping {
            gauge.ping(moment, self.ping_ms.get(), self.broken);
        }
        let latest = [
            &mut gauge.mailbox_server,
            &mut gauge.device_os,
            &mut gauge.device_model,
            &mut gauge.proxied_to,
            &mut gauge.redirected_to,
        ];
        for (latest, text) in latest.into_iter().zip(self.latest) {
            if text != NONE {
                note(latest, moment, text);
            }
        }
    }
}
