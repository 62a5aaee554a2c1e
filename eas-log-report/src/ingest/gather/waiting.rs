//! Requests that wait to be added up.
//!
//! What is known of twenty thousand devices does not fit the cache of a processor, so that adding each
//! request as it is read would wait for memory a dozen times a line. Requests wait in groups of
//! devices until a group has enough of them, which are then added up device by device. The requests
//! of a device stay in their order.

use eas_log_parse::Half;

use crate::facts::{CellKey, Gauge, Moment, NONE, TextId, note, raise, raise_at, sum_up};

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

/// The requests that wait, by groups of devices.
#[derive(Default)]
pub(super) struct Waiting {
    groups: Vec<Vec<Request>>,
    order: Order,
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
    pub(super) fn take(&mut self, group: usize) -> (Vec<Request>, Order) {
        let requests = self.groups.get_mut(group).map(std::mem::take);
        let order = std::mem::take(&mut self.order);
        (requests.unwrap_or_default(), order)
    }

    /// Lets the memory of requests that were added up be used again.
    pub(super) fn put_back(&mut self, group: usize, mut requests: Vec<Request>, order: Order) {
        requests.clear();
        if let Some(group) = self.groups.get_mut(group) {
            *group = requests;
        }
        self.order = order;
    }
}

/// Puts the requests of a group in order.
#[derive(Default)]
pub(super) struct Order {
    /// Where those of each device begin.
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Order {
    /// The requests device by device, and those of each in their order.
    pub(super) fn of<'r>(
        &mut self,
        requests: &'r [Request],
    ) -> impl Iterator<Item = &'r Request> + use<'r, '_> {
        // The devices of a group are this far apart.
        let device = |request: &Request| request.entity as usize / Waiting::GROUPS;
        let devices = requests.iter().map(|request| device(request) + 1).max();
        self.starts.clear();
        self.starts.resize(devices.unwrap_or(0) + 1, 0);
        for request in requests {
            self.starts[device(request) + 1] += 1;
        }
        let mut before = 0;
        for start in &mut self.starts {
            before += *start;
            *start = before;
        }
        self.places.clear();
        self.places.resize(requests.len(), 0);
        for (place, request) in (0..).zip(requests) {
            let next = &mut self.starts[device(request)];
            self.places[*next as usize] = place;
            *next += 1;
        }
        self.places.iter().map(|&place| &requests[place as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Place;

    fn request(entity: u32, line: u32) -> Request {
        let place = Place {
            file: 0,
            piece: 0,
            line,
        };
        Request {
            entity,
            key: CellKey {
                identity: 0,
                outcome: 0,
            },
            server: NONE,
            half: Half::Whole,
            moment: Moment { time: 0, place },
            sync_key: None,
            first_sync: None,
            measures: Measures {
                bytes_sent: None.into(),
                bytes_received: None.into(),
                rpc_count: None.into(),
                rpc_latency_ms: None.into(),
                throttle_ms: None.into(),
                sync_state_kb: None.into(),
                ping_ms: None.into(),
                is_ping: false,
                broken: None,
                overdrawn: None,
                latest: [NONE; 5],
            },
        }
    }

    #[test]
    fn requests_come_device_by_device_and_each_in_its_order() {
        let mut waiting = Waiting::default();
        let groups = Waiting::GROUPS as u32;
        for (line, place) in (0..).zip([9, 0, 1, 9, 0, 1000, 1]) {
            assert_eq!(waiting.push(request(2 + place * groups, line)), None);
        }
        waiting.push(request(3, 7));
        // The second time what the first has left does not matter.
        for _ in 0..2 {
            let (requests, mut order) = waiting.take(2);
            let lines = |request: &Request| request.moment.place.line;
            let found: Vec<u32> = order.of(&requests).map(lines).collect();
            assert_eq!(found, [1, 4, 2, 6, 0, 3, 5]);
            waiting.put_back(2, Vec::new(), order);
            for request in requests {
                waiting.push(request);
            }
        }
        let (requests, mut order) = waiting.take(4);
        assert_eq!(order.of(&requests).count(), 0);
    }

    #[test]
    fn a_group_tells_when_it_has_enough() {
        let mut waiting = Waiting::default();
        let full = (0..Waiting::ENOUGH as u32).map(|line| waiting.push(request(5, line)));
        let full: Vec<usize> = full.flatten().collect();
        assert_eq!(full, [5]);
    }
}
