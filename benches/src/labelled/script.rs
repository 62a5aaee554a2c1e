//! What a device does over the period: requests by request, as its story tells.

use std::ops::Range;

use super::refusal::Refusal;
use super::site::Chain;
use crate::behaviour::{Event, work};
use crate::population::Device;
use crate::rng::Rng;

/// Seconds of a minute, an hour and a day.
pub(crate) const MINUTE: u32 = 60;
pub(crate) const HOUR: u32 = 60 * MINUTE;
pub(crate) const DAY: u32 = 24 * HOUR;

/// Length of the period in days.
pub(crate) const DAYS: u32 = 4;

/// End of the period, a few seconds before midnight: a front end logs a request up to a second
/// after the back end, and that is to stay within the last day.
pub(crate) const END: u32 = DAYS * DAY - 5;

/// So many hours after the start of the period.
pub(crate) const fn h(hours: u32) -> u32 {
    hours * HOUR
}

/// One request of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Seconds since the start of the period.
    pub(crate) at: u32,
    pub(crate) event: Event,
    /// What a Sync says of its folder.
    pub(crate) folder: Option<Folder>,
    /// Where it knocks: an index into [`Chain::fronts`].
    pub(crate) server: u8,
    pub(crate) spelling: Spelling,
    /// Whether only the servers of the chain know of it.
    pub(crate) inner: bool,
}

/// What a Sync says of its folder.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Folder {
    pub(crate) id: u8,
    pub(crate) sync_key: u32,
    /// Kind of synchronization: `F` first, `S` subsequent, `R` recovery.
    pub(crate) kind: char,
}

/// How a line writes user and device id.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spelling {
    /// `DOMAIN\user`, and in the query the name alone.
    Usual,
    /// `user@domain`, and the device id in lower case.
    Mail,
    /// The name alone, but `DOMAIN\user` in the query, and the device id in upper case.
    Plain,
    /// `Domain\USER`, and so in the query.
    Upper,
}

/// The folders that ordinary requests synchronize.
const FOLDERS: [u8; 3] = [1, 2, 5];

/// The requests of a device, in the making.
pub(crate) struct Script {
    chain: Chain,
    version: u16,
    pub(crate) rng: Rng,
    /// Where the device knocks.
    server: u8,
    /// Whether it knocks anywhere, each time anew.
    pub(crate) spread: bool,
    /// Whether its lines write user and device id in every way.
    pub(crate) respelled: bool,
    sync_key: u32,
    pub(crate) requests: Vec<Request>,
}

impl Script {
    pub(crate) fn new(device: &Device, chain: Chain, mut rng: Rng) -> Script {
        let server = rng.below(chain.fronts().len() as u64) as u8;
        Script {
            chain,
            version: match chain {
                Chain::Exchange2003 => 25,
                _ => device.version,
            },
            server,
            spread: rng.below(4) == 0,
            respelled: rng.below(8) == 0,
            sync_key: 100_000 + rng.below(1_000_000_000) as u32,
            rng,
            requests: Vec::new(),
        }
    }

    /// The number from 0 below `bound` that chance gives.
    pub(crate) fn chance(&mut self, bound: u32) -> u32 {
        self.rng.below(bound.into()) as u32
    }

    /// A request that ends like this. A Sync that works is one of a folder with a new key.
    pub(crate) fn event(&mut self, at: u32, event: Event) {
        let folder = (event.command == Some("Sync") && !event.failed()).then(|| {
            self.sync_key += 1;
            Folder {
                id: *self.rng.pick(&FOLDERS),
                sync_key: self.sync_key,
                kind: 'S',
            }
        });
        self.push(at, event, folder);
    }

    fn push(&mut self, at: u32, event: Event, folder: Option<Folder>) {
        let servers = self.chain.fronts().len() as u32;
        let server = if self.spread {
            self.chance(servers) as u8
        } else {
            self.server
        };
        let spelling = if self.respelled {
            let all = [
                Spelling::Usual,
                Spelling::Mail,
                Spelling::Plain,
                Spelling::Upper,
            ];
            *self.rng.pick(&all)
        } else {
            Spelling::Usual
        };
        self.requests.push(Request {
            at: at.min(END),
            event,
            folder,
            server,
            spelling,
            inner: false,
        });
    }

    /// From now on the device knocks at another server.
    pub(crate) fn move_on(&mut self) {
        self.server = (self.server + 1) % self.chain.fronts().len() as u8;
    }

    /// A command that works.
    pub(crate) fn ok(&mut self, at: u32, command: &'static str) {
        self.event(at, Event::ok(command));
    }

    /// The device asks what the server can.
    pub(crate) fn options(&mut self, at: u32) {
        let event = Event {
            command: None,
            ..Event::ok("")
        };
        self.event(at, event);
    }

    /// A Sync that works, with this key and kind.
    pub(crate) fn sync(&mut self, at: u32, id: u8, sync_key: u32, kind: char) {
        let folder = Folder { id, sync_key, kind };
        self.push(at, Event::ok("Sync"), Some(folder));
    }

    /// A sync key that was not there yet.
    pub(crate) fn new_sync_key(&mut self) -> u32 {
        self.sync_key += 1;
        self.sync_key
    }

    /// A command that works and shows this access state.
    pub(crate) fn state(&mut self, at: u32, command: &'static str, access: &'static str) {
        let event = Event {
            access: Some(access),
            ..Event::ok(command)
        };
        self.event(at, event);
    }

    /// A refusal.
    pub(crate) fn refuse(&mut self, at: u32, refusal: &Refusal) {
        let command = self.rng.pick(refusal.commands);
        let mut event = Event::ok(command);
        match refusal.eas {
            // Of a command each version tells the status.
            Some(eas) if eas < 101 || self.version >= 140 => event.eas_status = Some(eas),
            _ => event.status.0 = refusal.http,
        }
        event.error = refusal.error;
        event.access = refusal.access;
        self.event(at, event);
    }

    /// A logon that fails for this Windows status. IIS refuses it before ActiveSync hears of it.
    pub(crate) fn logon_failure(&mut self, at: u32, win32: u64) {
        let event = Event {
            status: (401, 1, win32),
            logged: false,
            ..Event::ok("Sync")
        };
        self.event(at, event);
    }

    /// The first leg of a handshake.
    pub(crate) fn challenge(&mut self, at: u32, command: &'static str) {
        let event = Event {
            status: *self.rng.pick(&[(401, 2, 5), (401, 1, 2_148_074_254)]),
            logged: false,
            authenticated: false,
            ..Event::ok(command)
        };
        self.event(at, event);
    }

    /// A request that one server of the chain makes of the other before it passes on the device's.
    pub(crate) fn inner(&mut self, at: u32, event: Event) {
        self.event(at, event);
        if let Some(request) = self.requests.last_mut() {
            request.inner = true;
        }
    }

    /// The times within a range that are about so far apart, give or take a quarter.
    pub(crate) fn times(&mut self, range: Range<u32>, gap: u32) -> Vec<u32> {
        let mut times = Vec::new();
        let mut at = range.start + self.chance(gap / 2);
        while at < range.end {
            times.push(at);
            at += gap * 3 / 4 + self.chance(gap / 2);
        }
        times
    }

    /// An ordinary request that works.
    pub(crate) fn work(&mut self, at: u32) {
        let event = work(self.version, &mut self.rng);
        self.event(at, event);
    }

    /// Ordinary requests that work. The last two are a Ping and a Sync, so that these commands have
    /// worked last, whatever became of them before.
    pub(crate) fn works(&mut self, range: Range<u32>, gap: u32) {
        let end = range.end;
        let times = self.times(range, gap);
        for &at in &times {
            self.work(at);
        }
        if let Some(&last) = times.last() {
            let third = (end - last) / 3;
            self.ok(last + third, "Ping");
            self.ok(last + 2 * third, "Sync");
        }
    }

    /// Requests that work and are all of one of these commands.
    pub(crate) fn only(&mut self, range: Range<u32>, gap: u32, commands: &[&'static str]) {
        for at in self.times(range, gap) {
            let command = self.rng.pick(commands);
            self.ok(at, command);
        }
    }

    /// Refusals.
    pub(crate) fn refused(&mut self, range: Range<u32>, gap: u32, refusal: &Refusal) {
        for at in self.times(range, gap) {
            self.refuse(at, refusal);
        }
    }

    /// So many refusals in a minute, and more to the end.
    pub(crate) fn hammer(&mut self, minute: u32, requests: u32, refusal: &Refusal) {
        for number in 0..requests {
            self.refuse(minute + number * 60 / requests, refusal);
        }
        self.refused(minute + HOUR..END, h(4), refusal);
    }

    /// Logons that fail.
    pub(crate) fn locked_out(&mut self, range: Range<u32>, gap: u32, win32: u64) {
        for at in self.times(range, gap) {
            self.logon_failure(at, win32);
        }
    }

    /// So many requests in a minute, which all work.
    pub(crate) fn busy_minute(&mut self, minute: u32, requests: u32) {
        for number in 0..requests {
            self.work(minute + number * 60 / requests);
        }
    }

    /// So many requests from 01:00 to 23:00 of a day, which all work.
    pub(crate) fn busy_day(&mut self, day: u32, requests: u32) {
        for number in 0..requests {
            self.work(day * DAY + h(1) + number * h(22) / requests);
        }
    }

    /// A provisioning round as it should be: so many refusals, two Provisions, and a FolderSync that
    /// works. Gives the time when it is over.
    pub(crate) fn provisioning_round(&mut self, at: u32, refusals: u32, refusal: &Refusal) -> u32 {
        let mut at = at;
        for _ in 0..refusals {
            self.refuse(at, refusal);
            at += 20 + self.chance(10);
        }
        for command in ["Provision", "Provision", "FolderSync"] {
            self.ok(at, command);
            at += 2 + self.chance(5);
        }
        at
    }

    /// Whether a server of the chain passes its requests on to another.
    pub(crate) fn is_proxied(&self) -> bool {
        self.chain == Chain::Proxied
    }
}
