//! `Users.csv`: a row for each device of each user.

use std::io;

use super::texts::{Named, Renamed, Texts};
use crate::dropin::Rules;
use crate::dropin::cell::{Cell, Table};
use crate::dropin::items::{Items, Logged, OutOfOffice};
use crate::dropin::order::compare;
use crate::dropin::request::Request;
use crate::dropin::seen::{First, Newest, note, note_newest, place};
use crate::facts::{Add, NONE, SumTable, TextId};
use eas_log_parse::Command;

const COLUMNS: [&str; 26] = [
    "User Name",
    "Device ID",
    "Device Type",
    "Items Sent",
    "Items Received",
    "Hits",
    "Total Bytes Sent",
    "Total Bytes Received",
    "Total Emails Sent",
    "Total Emails Received",
    "Total Calendar Sent",
    "Total Calendar Received",
    "Total Contacts Sent",
    "Total Contacts Received",
    "Total Tasks Sent",
    "Total Tasks Received",
    "Total Notes Sent",
    "Total Notes Received",
    "Total OOF Messages Set by Client",
    "Total OOF Messages Retrieved from Server",
    "Total Searches requested",
    "Total SharePoint Access",
    "Total UNC Access",
    "Total Attachment Downloads",
    "Total Attachment Size",
    "Currently Compliant with Policy",
];

/// A user and a device, by the numbers of their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct UserKey {
    user: TextId,
    device: TextId,
}

/// The requests of a device of a user.
#[derive(Clone, Debug, Default)]
struct UserRow {
    /// As they were first seen.
    user: First,
    device: First,
    device_type: First,
    hits: u64,
    bytes_sent: u64,
    bytes_received: u64,
    /// Messages that the device sent, or tried to.
    messages: u64,
    searches: u64,
    set_out_of_office: u64,
    got_out_of_office: u64,
    /// Sums of what `Log=` says.
    logged: Logged,
    /// The newest acknowledgement of the policy.
    policy: Newest,
}

impl UserRow {
    fn add_logged(&mut self, other: &Logged) {
        let sums = &mut self.logged;
        sums.all.add(other.all);
        for (sum, items) in sums.of.iter_mut().zip(other.of) {
            sum.add(items);
        }
        for (sum, count) in [
            (&mut sums.sharepoint, other.sharepoint),
            (&mut sums.unc, other.unc),
            (&mut sums.attachments, other.attachments),
            (&mut sums.attachment_bytes, other.attachment_bytes),
        ] {
            *sum = sum.saturating_add(count);
        }
    }

    fn add_bytes(&mut self, sent: u64, received: u64) {
        self.bytes_sent = self.bytes_sent.saturating_add(sent);
        self.bytes_received = self.bytes_received.saturating_add(received);
    }

    fn compliance(&self) -> Compliance {
        match self.policy {
            Some((_, 1)) => Compliance::Compliant,
            Some((_, 2)) => Compliance::Partially,
            Some((_, 3)) => Compliance::Not,
            _ => Compliance::Unknown,
        }
    }
}

impl Add for UserRow {
    fn add(&mut self, other: &UserRow) {
        note(&mut self.user, other.user);
        note(&mut self.device, other.device);
        note(&mut self.device_type, other.device_type);
        self.hits += other.hits;
        self.add_bytes(other.bytes_sent, other.bytes_received);
        self.messages += other.messages;
        self.searches += other.searches;
        self.set_out_of_office += other.set_out_of_office;
        self.got_out_of_office += other.got_out_of_office;
        self.add_logged(&other.logged);
        note_newest(&mut self.policy, other.policy);
    }
}

/// How a device complies with the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compliance {
    Unknown,
    Compliant,
    Partially,
    Not,
}

impl Compliance {
    /// All, in the order of `PolicyCompliance.csv`.
    pub(super) const ALL: [Compliance; 4] = [
        Compliance::Unknown,
        Compliance::Compliant,
        Compliance::Partially,
        Compliance::Not,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Compliance::Unknown => "Unknown",
            Compliance::Compliant => "Compliant",
            Compliance::Partially => "Partially Compliant",
            Compliance::Not => "Not Compliant",
        }
    }
}

/// A row for each device of each user.
#[derive(Default)]
pub(super) struct Users {
    rows: SumTable<UserKey, UserRow>,
}

impl Users {
    #[inline]
    pub(super) fn take(&mut self, request: &Request<'_>, named: &Named, logged: &Logged) {
        if request.user.is_empty() && request.device.is_empty() {
            return;
        }
        let place = request.at.place;
        let row = self.rows.of(UserKey {
            user: named.user_key,
            device: named.device_key,
        });
        note(&mut row.user, Some((place, named.user)));
        note(&mut row.device, Some((place, named.device)));
        let device_type = (named.device_type != NONE).then_some((place, named.device_type));
        note(&mut row.device_type, device_type);
        row.hits += 1;
        row.add_bytes(
            request.bytes_sent.unwrap_or(0),
            request.bytes_received.unwrap_or(0),
        );
        match request.command {
            Some(Command::SendMail | Command::SmartReply | Command::SmartForward) => {
                row.messages += 1;
            }
            Some(Command::Search) => row.searches += 1,
            Some(Command::Settings) => match logged.out_of_office {
                Some(OutOfOffice::Set) => row.set_out_of_office += 1,
                Some(OutOfOffice::Get) => row.got_out_of_office += 1,
                None => {}
            },
            _ => {}
        }
        row.add_logged(logged);
        let policy = logged.policy.map(|policy| (request.at, policy));
        note_newest(&mut row.policy, policy);
    }

    pub(super) fn merge(&mut self, other: &Users, renamed: &Renamed) {
        for (key, row) in other.rows.iter() {
            let mut row = row.clone();
            for (first, texts) in [
                (&mut row.user, &renamed.users),
                (&mut row.device, &renamed.devices),
            ] {
                *first = first.map(|(place, text)| (place, texts.text(text)));
            }
            row.device_type = row
                .device_type
                .map(|(place, text)| (place, renamed.device_types[text as usize]));
            let key = UserKey {
                user: renamed.users.key(key.user),
                device: renamed.devices.key(key.device),
            };
            self.rows.of(key).add(&row);
        }
    }

    /// How each row complies with the policy.
    pub(super) fn compliance(&self) -> impl Iterator<Item = Compliance> {
        self.rows.iter().map(|(_, row)| row.compliance())
    }

    pub(super) fn table(&self, texts: &Texts, rules: Rules) -> io::Result<Table> {
        let mut rows: Vec<(Vec<u8>, &[u8], &UserRow)> = self
            .rows
            .iter()
            .map(|(key, row)| {
                let user = texts.users.keys().get(key.user);
                let device = texts.devices.keys().get(key.device);
                ([user, b"_", device].concat(), user, row)
            })
            .collect();
        rows.sort_by(|(a, user, row), (b, other, other_row)| {
            // With underscores in them, two users can have one sort key, and two ways to write a user
            // have one pseudonym.
            let names = compare(a, b, rules).then_with(|| user.cmp(other));
            names.then_with(|| place(row.user).cmp(&place(other_row.user)))
        });
        let mut table = Table::new(COLUMNS, rules)?;
        let (mut items, mut sums) = (Items::default(), UserRow::default());
        for (.., row) in rows {
            items.add(row.logged.all);
            sums.hits += row.hits;
            sums.add_bytes(row.bytes_sent, row.bytes_received);
            table.row(cells(row, texts))?;
        }
        let total: [Cell<'_>; 8] = [
            "*** Total ***".into(),
            Cell::Empty,
            Cell::Empty,
            items.sent.into(),
            items.received.into(),
            sums.hits.into(),
            sums.bytes_sent.into(),
            sums.bytes_received.into(),
        ];
        let rest = (total.len()..COLUMNS.len()).map(|_| Cell::Empty);
        table.row(total.into_iter().chain(rest))?;
        Ok(table)
    }
}

fn cells<'t>(row: &UserRow, texts: &'t Texts) -> [Cell<'t>; 26] {
    fn name<'t>(first: First, get: impl Fn(TextId) -> &'t [u8]) -> Cell<'t> {
        first.map_or(Cell::Empty, |(_, text)| Cell::Logged(get(text)))
    }
    let logged = &row.logged;
    let [email, calendar, contacts, tasks, notes] = logged.of;
    [
        name(row.user, |text| texts.users.texts().get(text)),
        name(row.device, |text| texts.devices.texts().get(text)),
        name(row.device_type, |text| texts.device_types.get(text)),
        logged.all.sent.into(),
        logged.all.received.into(),
        row.hits.into(),
        row.bytes_sent.into(),
        row.bytes_received.into(),
        email.sent.into(),
        row.messages.into(),
        calendar.sent.into(),
        calendar.received.into(),
        contacts.sent.into(),
        contacts.received.into(),
        tasks.sent.into(),
        tasks.received.into(),
        notes.sent.into(),
        notes.received.into(),
        row.set_out_of_office.into(),
        row.got_out_of_office.into(),
        row.searches.into(),
        logged.sharepoint.into(),
        logged.unc.into(),
        logged.attachments.into(),
        logged.attachment_bytes.into(),
        row.compliance().name().into(),
    ]
}
