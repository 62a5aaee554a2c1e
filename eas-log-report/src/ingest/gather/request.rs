//! Requests that wait to be added up.
//!
//! To add a request as soon as it is read would be to wait for memory a dozen times a line. So a few
//! requests wait, in their order, while what is known of their devices is called.

use eas_log_parse::Half;

use crate::facts::{CellKey, Gauge, Moment, NONE, TextId, note, raise, raise_at, sum_up};

/// So many requests wait: enough to read other lines meanwhile, and so few that what was called for
/// them is still in the cache at their turn.
pub(super) const WAITING: usize = 16;

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

/// What a request adds to the sums, extremes and latest values of its device.
#[derive(Clone, Copy)]
pub(super) struct Measures {
    pub(super) bytes_sent: Option<u64>,
    pub(super) bytes_received: Option<u64>,
    pub(super) rpc_count: Option<u64>,
    pub(super) rpc_latency_ms: Option<u64>,
    pub(super) throttle_ms: Option<u64>,
    pub(super) sync_state_kb: Option<u64>,
    /// How long it took, of a Ping.
    pub(super) ping_ms: Option<u64>,
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
        sum_up(&mut gauge.bytes_sent, self.bytes_sent);
        sum_up(&mut gauge.bytes_received, self.bytes_received);
        sum_up(&mut gauge.rpc_count, self.rpc_count);
        sum_up(&mut gauge.rpc_latency_ms, self.rpc_latency_ms);
        let here = |number: Option<u64>| number.map(|number| (number, moment));
        raise_at(&mut gauge.largest_rpc_count, here(self.rpc_count));
        raise_at(&mut gauge.largest_rpc_latency_ms, here(self.rpc_latency_ms));
        raise(&mut gauge.max_throttle_ms, self.throttle_ms);
        raise_at(&mut gauge.max_sync_state_kb, here(self.sync_state_kb));
        sum_up(&mut gauge.overdrawn, self.overdrawn.map(u64::from));
        if self.is_ping {
            gauge.ping(moment, self.ping_ms, self.broken);
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
