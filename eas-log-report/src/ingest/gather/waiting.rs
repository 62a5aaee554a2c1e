//! Requests that wait to be added up.
//!
//! What is known of twenty thousand devices does not fit the cache of a processor, so that adding each
//! request as it is read would wait for memory a dozen times a line. Requests wait in groups of
//! devices until a group has enough of them, which are then added up device by device. The requests
//! of a device stay in their order.

use eas_log_parse::Half;

use crate::facts::{CellKey, Gauge, Moment, NONE, TextId, note};

/// A request, as far as it changes what is known of its device.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) entity: u32,
    pub(super) key: CellKey,
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
    pub(super) bytes_sent: u64,
    pub(super) bytes_received: u64,
    pub(super) rpc_count: u64,
    pub(super) rpc_latency_ms: u64,
    pub(super) throttle_ms: u64,
    pub(super) sync_state_kb: u64,
    /// How long a Ping waited whose connection broke.
    pub(super) broken_ping_ms: Option<u64>,
    /// Whether its budget was overdrawn.
    pub(super) overdrawn: bool,
    /// Mailbox server, system and model of the device, the server it was proxied to and the one it was
    /// redirected to; or [`NONE`].
    pub(super) latest: [TextId; 5],
}

impl Measures {
    #[inline]
    pub(super) fn add_to(&self, gauge: &mut Gauge, moment: Moment) {
        gauge.bytes_sent += self.bytes_sent;
        gauge.bytes_received += self.bytes_received;
        gauge.rpc_count += self.rpc_count;
        gauge.rpc_latency_ms += self.rpc_latency_ms;
        gauge.max_throttle_ms = gauge.max_throttle_ms.max(self.throttle_ms);
        gauge.max_sync_state_kb = gauge.max_sync_state_kb.max(self.sync_state_kb);
        gauge.overdrawn += u64::from(self.overdrawn);
        if let Some(duration_ms) = self.broken_ping_ms {
            gauge.broken_ping(duration_ms);
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

/// The requests that wait, by groups of devices.
#[derive(Default)]
pub(super) struct Waiting {
    groups: Vec<Vec<Request>>,
}

impl Waiting {
    /// So many that what is known of the devices of one of them fits the cache.
    pub(super) const GROUPS: usize = 64;
    /// How many requests of a group wait: several of each device where there are many devices.
    const ENOUGH: usize = 1024;

    /// Takes a request, and tells its group if that has enough of them.
    #[inline]
    pub(super) fn push(&mut self, request: Request) -> Option<usize> {
        if self.groups.is_empty() {
            self.groups.resize_with(Waiting::GROUPS, Vec::new);
        }
        let number = request.entity as usize % Waiting::GROUPS;
        let group = &mut self.groups[number];
        group.push(request);
        (group.len() >= Waiting::ENOUGH).then_some(number)
    }

    /// The requests of a group, in the order in which they came.
    pub(super) fn take(&mut self, group: usize) -> Vec<Request> {
        self.groups
            .get_mut(group)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Lets the memory of requests that were added up be used again.
    pub(super) fn put_back(&mut self, group: usize, mut requests: Vec<Request>) {
        requests.clear();
        if let Some(group) = self.groups.get_mut(group) {
            *group = requests;
        }
    }
}

/// The requests device by device, and those of each in their order.
pub(super) fn in_order_of_devices(requests: &[Request]) -> impl Iterator<Item = &Request> {
    let entities = requests.iter().map(|request| u64::from(request.entity));
    let mut order: Vec<u64> = (0..)
        .zip(entities)
        .map(|(n, entity)| entity << 32 | n)
        .collect();
    order.sort_unstable();
    order
        .into_iter()
        .map(|place| &requests[place as u32 as usize])
}
