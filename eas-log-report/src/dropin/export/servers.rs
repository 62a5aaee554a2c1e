//! `Servers.csv`: a row for each server under each of its names.

use std::io;

use super::texts::{Named, Renamed, Texts};
use crate::dropin::Rules;
use crate::dropin::cell::{Cell, Table};
use crate::dropin::order::compare;
use crate::dropin::request::Request;
use crate::dropin::seen::{First, note, place};
use crate::facts::{Add, KeyTable, SumTable, TextId};

const COLUMNS: [&str; 7] = [
    "Server",
    "Host",
    "IP Address",
    "Average Unique Devices",
    "Hits",
    "Total Bytes Sent",
    "Total Bytes Received",
];

/// Name, host and address, by the numbers of their keys.
type ServerKey = [TextId; 3];

/// The requests to a server.
#[derive(Clone, Copy, Debug, Default)]
struct ServerRow {
    /// As it was first seen.
    names: [First; 3],
    hits: u64,
    bytes_sent: u64,
    bytes_received: u64,
}

impl Add for ServerRow {
    fn add(&mut self, other: &ServerRow) {
        for (name, other) in self.names.iter_mut().zip(other.names) {
            note(name, other);
        }
        self.hits += other.hits;
        self.bytes_sent = self.bytes_sent.saturating_add(other.bytes_sent);
        self.bytes_received = self.bytes_received.saturating_add(other.bytes_received);
    }
}

/// A device on a day on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct DeviceDay {
    server: ServerKey,
    day: i32,
    device: TextId,
}

/// A row for each server under each of its names.
#[derive(Default)]
pub(super) struct Servers {
    rows: SumTable<ServerKey, ServerRow>,
    devices: KeyTable<DeviceDay>,
}

impl Servers {
    #[inline]
    pub(super) fn take(&mut self, request: &Request<'_>, named: &Named) {
        let server = named.server_key;
        let row = ServerRow {
            names: named.server.map(|text| Some((request.at.place, text))),
            hits: 1,
            bytes_sent: request.bytes_sent.unwrap_or(0),
            bytes_received: request.bytes_received.unwrap_or(0),
        };
        self.rows.of(server).add(&row);
        if let Some(device) = named.one_device {
            self.devices.intern(DeviceDay {
                server,
                day: request.day(),
                device,
            });
        }
    }

    pub(super) fn merge(&mut self, other: &Servers, renamed: &Renamed) {
        let texts = &renamed.servers;
        for (key, row) in other.rows.iter() {
            let name = |first: First| first.map(|(place, text)| (place, texts.text(text)));
            let names = row.names.map(name);
            self.rows
                .of(key.map(|text| texts.key(text)))
                .add(&ServerRow { names, ..*row });
        }
        for seen in other.devices.as_slice() {
            self.devices.intern(DeviceDay {
                server: seen.server.map(|text| texts.key(text)),
                device: renamed.one_device(seen.device),
                day: seen.day,
            });
        }
    }

    pub(super) fn table(&self, texts: &Texts, rules: Rules) -> io::Result<Table> {
        let mut days: Vec<(ServerKey, i32)> = self
            .devices
            .as_slice()
            .iter()
            .map(|seen| (seen.server, seen.day))
            .collect();
        days.sort_unstable();
        // Devices of all days by server, and the number of its days with any.
        let mut averages: Vec<(ServerKey, u64)> = Vec::new();
        for of_server in days.chunk_by(|a, b| a.0 == b.0) {
            let days = of_server.chunk_by(|a, b| a == b).count();
            averages.push((of_server[0].0, (of_server.len() / days) as u64));
        }
        let mut rows: Vec<([&[u8]; 3], u64, &ServerRow)> = self
            .rows
            .iter()
            .map(|(key, row)| {
                let keys = texts.servers.keys();
                let names = key.map(|text| keys.get(text));
                let average = averages.binary_search_by_key(key, |(server, _)| *server);
                (names, average.map_or(0, |at| averages[at].1), row)
            })
            .collect();
        rows.sort_by(|(a, _, row), (b, _, other)| {
            let order = |at: usize| compare(a[at], b[at], rules);
            let names = order(0).then_with(|| order(1)).then_with(|| order(2));
            names.then_with(|| place(row.names[0]).cmp(&place(other.names[0])))
        });
        let mut table = Table::new(COLUMNS, rules)?;
        for (_, average, row) in rows {
            let names = row.names.map(|first| {
                first.map_or(Cell::Empty, |(_, text)| {
                    Cell::Logged(texts.servers.texts().get(text))
                })
            });
            let numbers = [average, row.hits, row.bytes_sent, row.bytes_received];
            table.row(names.into_iter().chain(numbers.map(Cell::from)))?;
        }
        Ok(table)
    }
}
