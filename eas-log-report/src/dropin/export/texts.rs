//! The names in logs, by number.

use crate::dropin::Rules;
use crate::dropin::request::Request;
use crate::facts::{FoldedTable, NONE, Renumbered, TextId, TextTable};
use crate::privacy::Pseudonyms;

/// The names in logs; where one has a key, it is the name in lower case.
pub(super) struct Texts {
    pub(super) users: FoldedTable,
    pub(super) devices: FoldedTable,
    pub(super) device_types: TextTable,
    /// Names, hosts and addresses of servers.
    pub(super) servers: FoldedTable,
    pub(super) agents: TextTable,
}

impl Default for Texts {
    fn default() -> Self {
        Texts {
            users: FoldedTable::new(lower_case),
            devices: FoldedTable::new(lower_case),
            device_types: TextTable::default(),
            servers: FoldedTable::new(lower_case),
            agents: TextTable::default(),
        }
    }
}

fn lower_case(text: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(text) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => text.to_ascii_lowercase(),
    }
}

/// The names in one request. What it does not name is the empty text.
pub(super) struct Named {
    pub(super) user: TextId,
    pub(super) user_key: TextId,
    pub(super) device: TextId,
    pub(super) device_key: TextId,
    /// The device as it is counted where devices are counted; none if it is not.
    pub(super) one_device: Option<TextId>,
    /// Of [`Texts::device_types`]; [`NONE`] if there is none.
    pub(super) device_type: TextId,
    /// Name, host and address.
    pub(super) server: [TextId; 3],
    pub(super) server_key: [TextId; 3],
    pub(super) agent: TextId,
}

impl Texts {
    #[inline]
    pub(super) fn name(&mut self, request: &Request<'_>, rules: Rules) -> Named {
        let user = self.users.intern(request.user);
        let device = self.devices.intern(&request.device);
        let device_key = self.devices.key_of(device);
        let counts = match rules {
            Rules::Corrected => !request.device.is_empty(),
            Rules::Compat => request.has_query,
        };
        let server = request.server.map(|text| self.servers.intern(text));
        Named {
            user,
            user_key: self.users.key_of(user),
            device,
            device_key,
            one_device: counts.then_some(match rules {
                Rules::Corrected => device_key,
                Rules::Compat => device,
            }),
            device_type: match &*request.device_type {
                b"" => NONE,
                text => self.device_types.intern(text),
            },
            server,
            server_key: server.map(|text| self.servers.key_of(text)),
            agent: self.agents.intern(request.user_agent),
        }
    }

    /// Puts pseudonyms in the place of names. Nothing can be taken in afterwards.
    pub(super) fn pseudonymize(&mut self, pseudonyms: &Pseudonyms) {
        let mut known = pseudonyms.known();
        self.users.texts().iter().for_each(|raw| known.user(raw));
        self.devices
            .texts()
            .iter()
            .for_each(|raw| known.device(raw));
        self.servers.texts().iter().for_each(|raw| known.host(raw));
        // What a line does not name stays nameless.
        let of = |raw: &[u8], pseudonym: String| (!raw.is_empty()).then(|| pseudonym.into_bytes());
        self.users.rename(|_, raw| of(raw, pseudonyms.user(raw)));
        self.devices
            .rename(|_, raw| of(raw, pseudonyms.device(raw)));
        self.servers.rename(|_, raw| of(raw, pseudonyms.host(raw)));
        for table in [&mut self.device_types, &mut self.agents] {
            table.rename(|raw| known.hide(raw).unwrap_or_else(|| raw.to_vec()));
        }
    }

    /// Takes in the names of others.
    pub(super) fn merge(&mut self, other: &Texts, rules: Rules) -> Renamed {
        Renamed {
            users: self.users.merge(&other.users),
            devices: self.devices.merge(&other.devices),
            device_types: self.device_types.merge(&other.device_types),
            servers: self.servers.merge(&other.servers),
            agents: self.agents.merge(&other.agents),
            rules,
        }
    }
}

/// For the names of others that were taken in, the ones here.
pub(super) struct Renamed {
    pub(super) users: Renumbered,
    pub(super) devices: Renumbered,
    pub(super) device_types: Vec<TextId>,
    pub(super) servers: Renumbered,
    pub(super) agents: Vec<TextId>,
    rules: Rules,
}

impl Renamed {
    /// A device as it is counted where devices are counted.
    pub(super) fn one_device(&self, device: TextId) -> TextId {
        match self.rules {
            Rules::Corrected => self.devices.key(device),
            Rules::Compat => self.devices.text(device),
        }
    }
}
