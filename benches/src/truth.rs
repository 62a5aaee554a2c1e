//! What a corpus holds, counted by its writer.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::behaviour::Event;
use crate::population::Device;

/// Requests of a group with the devices and users behind them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Requests.
    pub requests: u64,
    /// Of these, the failed ones.
    pub failed: u64,
    /// Devices, by number.
    #[serde(serialize_with = "count")]
    pub devices: BTreeSet<u32>,
    /// Users, by the number of their first device.
    #[serde(serialize_with = "count")]
    pub users: BTreeSet<u32>,
}

fn count<S: serde::Serializer>(set: &BTreeSet<u32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(set.len() as u64)
}

/// Groups by their key, whose parts are joined with `|`; an absent part is empty.
pub type Groups = BTreeMap<String, Counts>;

/// What a corpus holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Truth {
    /// Bytes.
    pub bytes: u64,
    /// Lines of every kind.
    pub lines: u64,
    /// Blank lines.
    pub blank: u64,
    /// Directive lines.
    pub directives: u64,
    /// Records.
    pub records: u64,
    /// Malformed lines by kind.
    pub malformed: BTreeMap<&'static str, u64>,
    /// Records that are not ActiveSync's.
    pub other_records: u64,
    /// Challenges among the requests.
    pub challenges: u64,
    /// All requests.
    pub all: Counts,
    /// Requests refused for want of provisioning, by device id.
    pub provisioning: BTreeMap<String, u64>,
    /// Requests of blocked devices, by device id.
    pub blocked: BTreeMap<String, u64>,
    /// Failed requests by device type, user agent, error, HTTP status, EAS status, access state.
    pub failures: Groups,
    /// Requests by HTTP status, substatus and Windows status.
    pub http_status: Groups,
    /// Requests by EAS status, where there is one.
    pub eas_status: Groups,
    /// Requests by error, where there is one.
    pub errors: Groups,
    /// Requests by access state, where there is one.
    pub access_states: Groups,
    /// Requests by command.
    pub commands: Groups,
    /// Requests by device type.
    pub device_types: Groups,
    /// Requests by user agent.
    pub user_agents: Groups,
    /// Requests by hour.
    pub hours: Groups,
    /// Requests by server.
    pub servers: Groups,
}

/// A request as it was written.
pub(crate) struct Written<'a> {
    pub(crate) number: u32,
    pub(crate) device: &'a Device,
    /// What the line shows: a generation does not write everything.
    pub(crate) shown: Event,
    pub(crate) server: &'a str,
    /// Hour as `YYYY-MM-DDTHH`.
    pub(crate) hour: String,
}

impl Truth {
    pub(crate) fn request(&mut self, request: &Written<'_>) {
        let Written {
            number,
            device,
            shown,
            ..
        } = *request;
        // Users are `user` and a number; the second device of a user belongs to the one before.
        let user = device.user[4..].parse().unwrap_or(number);
        let failed = shown.failed();
        let add = |counts: &mut Counts| {
            counts.requests += 1;
            counts.failed += u64::from(failed);
            counts.devices.insert(number);
            counts.users.insert(user);
        };
        let group = |groups: &mut Groups, key: String| add(groups.entry(key).or_default());
        let text = |value: Option<u16>| value.map(|v| v.to_string()).unwrap_or_default();
        add(&mut self.all);
        self.challenges += u64::from(shown.is_challenge());
        let (http, sub, win32) = shown.status;
        let (error, access) = (
            shown.error.unwrap_or_default(),
            shown.access.unwrap_or_default(),
        );
        if failed {
            let key = format!(
                "{}|{}|{error}|{http}|{}|{access}",
                device.device_type,
                device.user_agent,
                text(shown.eas_status)
            );
            group(&mut self.failures, key);
        }
        if shown.is_provisioning() {
            *self
                .provisioning
                .entry(device.id.to_uppercase())
                .or_default() += 1;
        }
        if shown.is_blocked() {
            *self.blocked.entry(device.id.to_uppercase()).or_default() += 1;
        }
        group(&mut self.http_status, format!("{http}|{sub}|{win32}"));
        if shown.eas_status.is_some() {
            group(&mut self.eas_status, text(shown.eas_status));
        }
        if !error.is_empty() {
            group(&mut self.errors, error.to_owned());
        }
        if !access.is_empty() {
            group(&mut self.access_states, access.to_owned());
        }
        group(
            &mut self.commands,
            shown.command.unwrap_or("OPTIONS").to_owned(),
        );
        group(&mut self.device_types, device.device_type.to_owned());
        group(&mut self.user_agents, device.user_agent.clone());
        group(&mut self.hours, request.hour.clone());
        group(&mut self.servers, request.server.to_owned());
    }
}
