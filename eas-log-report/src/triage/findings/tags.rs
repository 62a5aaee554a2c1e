//! Tags: what findings can ask of a device. `data/findings.toml` describes each.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use eas_log_parse::codes::Class;
use eas_log_parse::{
    Client, Escaped, Tier, os_of_device_information, os_of_device_type, systems_agree,
};

use super::rule::{Rule, numbers};
use crate::facts::{Facts, InternalKey, LogForm, NONE, Outcome, PolicyKey, TextId, error_names};
use crate::triage::device::Device;
use crate::triage::history::{Event, History};
use crate::triage::rules::{Limits, resync, storm, sync_loop};
use crate::triage::verdict::Verdict;

/// Tags without a value. They stand first, in this order.
pub(super) const PLAIN: [&str; 22] = [
    "fails",
    "proxied",
    "works_when_proxied",
    "fails_only_when_proxied",
    "followed_redirect",
    "storm",
    "ping_storm",
    "sync_loop",
    "resync",
    "overdrawn",
    "delayed",
    "broken_pings",
    "short_heartbeat",
    "large_sync_state",
    "never_worked",
    "works_without_policy",
    "lockout_source",
    "claims_false_client",
    "not_on_2011_logo_list",
    "new_device_of_user",
    "many_devices",
    "shared_device",
];

/// The number of a tag without a value.
pub(super) fn plain(tag: &str) -> u32 {
    let number = PLAIN.iter().position(|other| *other == tag);
    number.map_or(u32::MAX, |number| number as u32)
}

/// Windows statuses of a logon to a locked account.
const ACCOUNT_LOCKED: [u64; 2] = [1909, 3_221_226_036];
/// Windows statuses of logons that were denied for another reason than a wrong password, so that they
/// do not count towards the lock of an account: restricted, outside of its hours, expired, disabled,
/// without the right to log on, must change its password, and locked already.
const NO_GUESSES: [u64; 9] = [
    1327,
    1328,
    1330,
    1331,
    1385,
    1907,
    1909,
    3_221_225_586,
    3_221_226_036,
];
/// After this day the list of 2011 says nothing: 2013-01-01.
const LOGO_LIST_ENDS: i64 = 1_356_998_400;
/// A heartbeat that breaks before this is cut by something on the way, in milliseconds.
const SHORT_HEARTBEAT_MS: u64 = 300_000;
/// A sync state above this is large, in KB.
const LARGE_SYNC_STATE_KB: u64 = 1000;
/// So many failures or calls are more than an accident.
const SEVERAL: u64 = 3;
/// Delays by throttling from this on are felt, in milliseconds.
const DELAY_MS: u64 = 1000;

/// Operating systems that devices tell by themselves, other than by a user agent.
const SYSTEMS_TOLD: [&str; 6] = [
    "iOS",
    "Android",
    "Windows Phone",
    "Windows Mobile",
    "BlackBerry",
    "Symbian",
];

/// Texts of tags by their numbers.
#[derive(Default)]
pub(super) struct Tags {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Tags {
    fn number(&mut self, tag: String) -> u32 {
        let next = self.texts.len() as u32;
        let texts = &mut self.texts;
        *self.numbers.entry(tag).or_insert_with_key(|tag| {
            texts.push(tag.clone());
            next
        })
    }

    /// Every tag, by its number.
    pub(super) fn texts(&self) -> &[String] {
        &self.texts
    }
}

/// What a user agent or device type stands for.
#[derive(Clone, Default)]
struct Kind {
    tags: Vec<u32>,
    os: Option<&'static str>,
    /// Numbers of the rules whose `client_below` or `os_below` holds.
    below: Vec<u32>,
    /// Whether it was on the list of 2011, where that can be told.
    on_logo_list: Option<bool>,
}

/// Gives devices their tags. Whatever a tag depends on is looked at once, not once a device.
pub(super) struct Tagger<'f> {
    facts: &'f Facts,
    limits: Limits,
    pub(super) tags: Tags,
    outcomes: Vec<Vec<u32>>,
    agents: Vec<Kind>,
    types: Vec<Kind>,
    verdicts: Vec<u32>,
    commands: Vec<u32>,
    systems: HashMap<&'static str, u32>,
    versions: HashMap<u16, u32>,
    access: HashMap<TextId, Vec<u32>>,
    on_exchange_2003: u32,
    fails_on_exchange_2003: u32,
    only_when_proxied: HashSet<Answer>,
    logo_list_counts: bool,
}

fn text(bytes: &[u8]) -> String {
    Escaped(bytes).to_string().to_lowercase()
}

impl<'f> Tagger<'f> {
    pub(super) fn new(facts: &'f Facts, limits: Limits, rules: &[Rule], end: i64) -> Tagger<'f> {
        let mut tags = Tags::default();
        for tag in PLAIN {
            tags.number(tag.to_owned());
        }
        let texts = &facts.texts;
        let verdicts = Verdict::ALL
            .iter()
            .map(|(_, name)| tags.number(format!("verdict:{name}")))
            .collect();
        let commands = texts
            .commands
            .iter()
            .map(|command| tags.number(format!("command:{}", text(command))))
            .collect();
        let outcomes = (0..)
            .zip(facts.outcomes())
            .map(|(number, outcome)| {
                let judgement = facts.judgement(number);
                let (class, matters) = (judgement.class, judgement.is_trouble());
                outcome_tags(facts, outcome, class, matters, &mut tags)
            })
            .collect();
        let agents: Vec<Kind> = texts
            .user_agents
            .iter()
            .map(|agent| agent_kind(agent, rules, &mut tags))
            .collect();
        let types: Vec<Kind> = texts
            .device_types
            .keys()
            .iter()
            .map(|device_type| Kind {
                tags: vec![tags.number(format!("type:{}", text(device_type)))],
                os: os_of_device_type(device_type),
                ..Kind::default()
            })
            .collect();
        let mut access = HashMap::new();
        for outcome in facts.outcomes().iter().filter(|o| o.access != NONE) {
            access.entry(outcome.access).or_insert_with(|| {
                let Some(access) = outcome.access(texts) else {
                    return vec![tags.number("access:unknown".to_owned())];
                };
                let state = access.state.name().to_lowercase();
                let reason = access.reason.map(|reason| reason.letters().to_lowercase());
                let reason = reason.map(|reason| tags.number(format!("reason:{reason}")));
                let state = tags.number(format!("access:{state}"));
                [state].into_iter().chain(reason).collect()
            });
        }
        let systems: Vec<&'static str> = agents
            .iter()
            .chain(&types)
            .filter_map(|kind: &Kind| kind.os)
            .chain(SYSTEMS_TOLD)
            .collect();
        let systems = systems
            .into_iter()
            .map(|os| (os, tags.number(format!("os:{}", os.to_lowercase()))))
            .collect();
        let versions = facts
            .outcomes()
            .iter()
            .filter_map(|outcome| outcome.version)
            .map(|version| {
                let tag = format!("protocol:{}.{}", version / 10, version % 10);
                (version, tags.number(tag))
            })
            .collect();
        Tagger {
            facts,
            limits,
            outcomes,
            agents,
            types,
            verdicts,
            commands,
            systems,
            versions,
            access,
            on_exchange_2003: tags.number("on:exchange2003".to_owned()),
            fails_on_exchange_2003: tags.number("fails_on:exchange2003".to_owned()),
            only_when_proxied: only_when_proxied(facts),
            logo_list_counts: end < LOGO_LIST_ENDS,
            tags,
        }
    }

    /// The tags of a device, but for those that depend on other devices.
    pub(super) fn tags(&self, history: &History<'_>, device: &Device) -> Vec<u32> {
        let mut found = vec![self.verdicts[device.verdict as usize]];
        let mut plain_if = |tag: &str, holds: bool| {
            if holds {
                found.push(plain(tag));
            }
        };
        let gauge = &history.gauge;
        let passes_on = |event: &Event<'_>| is_proxied(event.outcome);
        let proxied = gauge.proxied_to.is_some() || history.events.iter().any(passes_on);
        let works = |when_proxied: bool| {
            history
                .events
                .iter()
                .any(|event| passes_on(event) == when_proxied && event.judgement.working)
        };
        let matters = self.failures_that_matter(history, device);
        let requests_that_matter: u64 = matters.iter().map(|event| event.counted).sum();
        let storm = storm(history, &self.limits).is_some();
        let name = |command: TextId| self.facts.texts.commands.get(command);
        let most_used = device
            .commands
            .iter()
            .max_by_key(|&&(command, requests)| (requests, Reverse(name(command))))
            .map(|&(command, _)| command);
        let pings = most_used.is_some_and(|command| name(command) == b"Ping");
        plain_if("fails", device.failed > 0);
        plain_if("proxied", proxied);
        plain_if("works_when_proxied", works(true));
        plain_if(
            "fails_only_when_proxied",
            proxied
                && !matters.is_empty()
                && matters.iter().all(|event| passes_on(event))
                && (works(false) && requests_that_matter >= SEVERAL
                    || matters.iter().all(|event| {
                        let answer = Answer::of(event.outcome);
                        self.only_when_proxied.contains(&answer)
                    })),
        );
        let redirect = history.of(|event| event.is(Class::Redirect));
        plain_if(
            "followed_redirect",
            redirect
                .zip(history.worked)
                .is_some_and(|(told, worked)| worked.last.is_later_than(told.last)),
        );
        plain_if("storm", storm);
        plain_if("ping_storm", storm && pings);
        plain_if("sync_loop", sync_loop(history).is_some());
        plain_if("resync", resync(history).is_some());
        plain_if("overdrawn", gauge.overdrawn.is_some_and(|n| n > 0));
        plain_if(
            "delayed",
            gauge.max_throttle_ms.is_some_and(|ms| ms >= DELAY_MS),
        );
        let broken_pings = gauge.broken_pings.is_some_and(|n| n >= 3);
        let shortest_ms = gauge.shortest_broken_ping_ms;
        plain_if("broken_pings", broken_pings);
        plain_if(
            "short_heartbeat",
            broken_pings && shortest_ms.is_some_and(|ms| ms < SHORT_HEARTBEAT_MS),
        );
        plain_if(
            "large_sync_state",
            gauge
                .max_sync_state_kb
                .is_some_and(|(kb, _)| kb > LARGE_SYNC_STATE_KB),
        );
        plain_if("never_worked", history.never_worked());
        plain_if("works_without_policy", works_without_policy(history));
        plain_if("lockout_source", is_lockout_source(history));

        let agent = self.agents.get(device.user_agent as usize);
        let kind = self.types.get(device.device_type as usize);
        let told = gauge.device_os.and_then(|(_, os)| {
            let values = &self.facts.texts.values;
            os_of_device_information(values.keys().get(values.key_of(os)))
        });
        let by_agent = agent.and_then(|agent| agent.os);
        let by_type = kind.and_then(|kind| kind.os);
        let told_by = [told, by_agent, by_type];
        let mut systems = told_by.iter().flatten();
        let first = systems.next();
        plain_if(
            "claims_false_client",
            first.is_some_and(|first| systems.any(|os| !systems_agree(first, os))),
        );
        plain_if(
            "not_on_2011_logo_list",
            self.logo_list_counts
                && !history.never_worked()
                && agent.is_some_and(|agent| agent.on_logo_list == Some(false)),
        );
        if let Some(agent) = agent {
            found.extend(&agent.tags);
            found.extend(&agent.below);
        }
        if let Some(kind) = kind {
            found.extend(&kind.tags);
        }
        let os = told.or(by_agent).or(by_type);
        found.extend(os.and_then(|os| self.systems.get(os)));
        found.extend(most_used.map(|command| self.commands[command as usize]));
        if history.events.iter().any(|event| is_of_2003(event.outcome)) {
            found.push(self.on_exchange_2003);
        }
        if matters.iter().any(|event| is_of_2003(event.outcome)) {
            found.push(self.fails_on_exchange_2003);
        }
        let told = history
            .events
            .iter()
            .filter(|event| event.outcome.access != NONE);
        let last = told.reduce(|a, b| {
            if b.cell.last.is_later_than(a.cell.last) {
                b
            } else {
                a
            }
        });
        if let Some(event) = last {
            found.extend(&self.access[&event.outcome.access]);
        }
        let versions = device.versions.iter();
        found.extend(versions.filter_map(|version| self.versions.get(version)));
        for event in matters {
            found.extend(&self.outcomes[event.key.outcome as usize]);
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Failed requests that say why the device has its verdict: of one that is refused those that
    /// stand, of others all.
    fn failures_that_matter<'h, 'e>(
        &self,
        history: &'h History<'e>,
        device: &Device,
    ) -> Vec<&'h Event<'e>> {
        let refused = device.verdict.is_refusal();
        let stands = |event: &Event<'_>| {
            history
                .worked
                .is_none_or(|worked| event.cell.last.is_later_than(worked.last))
        };
        history
            .events
            .iter()
            .filter(|event| event.judgement.is_trouble() && (!refused || stands(event)))
            .collect()
    }
}

/// Whether the last request that worked, of those that tell the policy key, had none.
fn works_without_policy(history: &History<'_>) -> bool {
    let tells = |event: &&Event<'_>| {
        event.judgement.working && event.outcome.policy_key != PolicyKey::Unknown
    };
    let last = history
        .events
        .iter()
        .filter(tells)
        .max_by_key(|event| event.cell.last);
    last.is_some_and(|event| event.outcome.policy_key == PolicyKey::Zero)
}

/// Whether a server passed the request on, or it was passed on to this one.
fn is_proxied(outcome: &Outcome) -> bool {
    matches!(outcome.tier, Tier::Proxying | Tier::Proxied)
}

/// Whether Exchange 2003 logged it.
fn is_of_2003(outcome: &Outcome) -> bool {
    matches!(outcome.form, LogForm::Packed | LogForm::PackedUnavailable)
}

/// What the server said of a failure, whoever asked for what.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Answer {
    sc_status: Option<u16>,
    eas_status: Option<u16>,
    error: TextId,
}

impl Answer {
    fn of(outcome: &Outcome) -> Answer {
        Answer {
            sc_status: outcome.sc_status,
            eas_status: outcome.eas_status,
            error: outcome.error,
        }
    }
}

/// Failures that occur on requests that were passed on, several times, and on no other, where others
/// work.
fn only_when_proxied(facts: &Facts) -> HashSet<Answer> {
    let mut numbers: HashMap<Answer, u64> = HashMap::new();
    let mut elsewhere: HashSet<Answer> = HashSet::new();
    let mut others_work = false;
    for (key, cell) in facts.cells.iter() {
        let outcome = &facts.outcomes()[key.outcome as usize];
        let judgement = facts.judgement(key.outcome);
        let proxied = is_proxied(outcome);
        others_work |= !proxied && judgement.working;
        if judgement.failed && proxied {
            *numbers.entry(Answer::of(outcome)).or_default() += cell.requests;
        } else if judgement.failed {
            elsewhere.insert(Answer::of(outcome));
        }
    }
    numbers.retain(|answer, requests| {
        others_work && *requests >= SEVERAL && !elsewhere.contains(answer)
    });
    numbers.into_keys().collect()
}

/// Whether the device keeps trying a password that is wrong, so often that it locks the account. One
/// that is only told of the lock, or of a password that has expired, locks nothing.
fn is_lockout_source(history: &History<'_>) -> bool {
    let code = |event: &Event<'_>| event.outcome.sc_win32_status;
    let Some(denied) = history.of(|event| {
        let guess = code(event).is_none_or(|code| !NO_GUESSES.contains(&code));
        event.is(Class::Authentication) && event.outcome.sc_status == Some(401) && guess
    }) else {
        return false;
    };
    let locked = history
        .events
        .iter()
        .any(|event| code(event).is_some_and(|code| ACCOUNT_LOCKED.contains(&code)));
    let seconds = match (denied.first.seconds(), denied.last.seconds()) {
        (Some(first), Some(last)) => last - first,
        _ => i64::MAX,
    };
    let hourly = denied.requests >= 10
        && (denied.requests as i64).saturating_mul(3600) >= seconds.saturating_mul(10);
    denied.requests >= 5 && (locked || hourly)
}

fn outcome_tags(
    facts: &Facts,
    outcome: &Outcome,
    class: Class,
    matters: bool,
    tags: &mut Tags,
) -> Vec<u32> {
    if !matters {
        return Vec::new();
    }
    let mut texts = vec![format!("class:{}", class.name())];
    if let Some(status) = outcome.sc_status {
        texts.push(format!("http:{status}"));
        if let Some(substatus) = outcome.sc_substatus {
            texts.push(format!("http:{status}.{substatus}"));
        }
        if outcome.command != NONE {
            let command = text(facts.texts.commands.get(outcome.command));
            texts.push(format!("fails:{command}:{status}"));
        }
    }
    if let Some(code) = outcome.sc_win32_status.filter(|&code| code != 0) {
        texts.push(format!("win32:{code}"));
    }
    if let Some(status) = outcome.eas_status {
        texts.push(format!("eas:{status}"));
    }
    if outcome.error != NONE {
        let errors = &facts.texts.errors;
        let names = errors.keys().get(errors.key_of(outcome.error));
        texts.extend(error_names(names).map(|name| format!("error:{}", text(name))));
    }
    texts.into_iter().map(|tag| tags.number(tag)).collect()
}

/// The tag of a rule whose `client_below` or `os_below` holds. No pattern can be it.
pub(super) fn below_tag(rule: usize) -> String {
    format!("\u{0}below:{rule}")
}

fn agent_kind(agent: &[u8], rules: &[Rule], tags: &mut Tags) -> Kind {
    let mut kind = Kind {
        tags: vec![tags.number(format!("agent:{}", text(agent)))],
        ..Kind::default()
    };
    let Some(client) = Client::from_user_agent(agent) else {
        return kind;
    };
    let mut tag = |space: &str, value: Option<&str>| {
        if let Some(value) = value {
            kind.tags
                .push(tags.number(format!("{space}:{}", value.to_lowercase())));
        }
    };
    tag("client", client.name);
    tag("vendor", client.vendor);
    tag("model", client.model.as_deref());
    if let (Some(os), Some(version)) = (client.os, client.os_version.as_deref()) {
        tag("os", Some(&format!("{os} {version}")));
    }
    kind.os = client.os;
    let (name, os) = (
        client.name.unwrap_or_default(),
        client.os.unwrap_or_default(),
    );
    let version = client.version.as_deref().unwrap_or_default();
    let os_version = client.os_version.as_deref().unwrap_or_default();
    for (number, rule) in rules.iter().enumerate() {
        let client_below = rule
            .client_below
            .as_ref()
            .map(|below| below.holds(name, version));
        let os_below = rule
            .os_below
            .as_ref()
            .map(|below| below.holds(os, os_version));
        let asked = client_below.is_some() || os_below.is_some();
        if asked && client_below.unwrap_or(true) && os_below.unwrap_or(true) {
            kind.below.push(tags.number(below_tag(number)));
        }
    }
    kind.on_logo_list = on_logo_list(&client);
    kind
}

/// Whether a client was on the Exchange ActiveSync Logo list of April 2011: Windows Phone 7, Windows
/// Mobile 6.5, Nokia's Mail for Exchange 3.0.50, the Nokia E7, iOS 4. `None` if the user agent does
/// not tell the version that it depends on.
fn on_logo_list(client: &Client<'_>) -> Option<bool> {
    let version = |text: Option<&str>| text.map(numbers).filter(|numbers| !numbers.is_empty());
    let os = version(client.os_version.as_deref());
    match client.os.unwrap_or_default() {
        "Windows Phone" => Some(os?[0] == 7),
        "iOS" => Some(os?[0] == 4),
        // A user agent of Windows Mobile 6 has the number of all its versions.
        "Windows Mobile" if os.as_ref()?[0] == 6 => os?.get(1).map(|&minor| minor == 5),
        "Windows Mobile" => Some(false),
        _ if client
            .model
            .as_deref()
            .is_some_and(|model| model.starts_with("E7-")) =>
        {
            Some(true)
        }
        _ if client.name == Some("Mail for Exchange") => {
            Some(version(client.version.as_deref())? >= vec![3, 0, 50])
        }
        _ => Some(false),
    }
}

/// Calls that Exchange made itself.
pub(super) struct InternalCalls<'f> {
    facts: &'f Facts,
    /// By server and method, since each server has its settings.
    calls: HashMap<(TextId, TextId), u64>,
    /// The same by HTTP status.
    with_status: HashMap<(TextId, TextId, u16), u64>,
}

impl<'f> InternalCalls<'f> {
    pub(super) fn new(facts: &'f Facts) -> InternalCalls<'f> {
        let mut of = InternalCalls {
            facts,
            calls: HashMap::new(),
            with_status: HashMap::new(),
        };
        for (key, cell) in facts.internal.iter() {
            *of.calls.entry((key.server, key.method)).or_default() += cell.requests;
            if let Some(status) = key.sc_status {
                let with_status = (key.server, key.method, status);
                *of.with_status.entry(with_status).or_default() += cell.requests;
            }
        }
        of
    }

    /// The tags of calls of this key.
    pub(super) fn tags(&self, key: &InternalKey) -> Vec<String> {
        let (Some(status), true) = (key.sc_status, key.method != NONE) else {
            return Vec::new();
        };
        let method = text(self.facts.texts.commands.get(key.method));
        let mut tags = vec![format!("internal:{method}:{status}")];
        let with_status = self.with_status[&(key.server, key.method, status)];
        if with_status >= SEVERAL && with_status * 2 >= self.calls[&(key.server, key.method)] {
            tags.push(format!("mostly_internal:{method}:{status}"));
        }
        tags
    }
}

/// The tags of the logs.
pub(super) fn of_logs(
    facts: &Facts,
    internal: &InternalCalls<'_>,
    verdicts: impl Iterator<Item = Verdict>,
) -> Vec<String> {
    let mut tags: Vec<String> = facts
        .internal
        .iter()
        .flat_map(|(key, _)| internal.tags(key))
        .collect();
    let form = |form: LogForm| facts.outcomes().iter().any(|outcome| outcome.form == form);
    if form(LogForm::Packed) || form(LogForm::PackedUnavailable) {
        tags.push("logs:exchange2003".to_owned());
    }
    if form(LogForm::Named) {
        tags.push("logs:named".to_owned());
    }
    tags.extend(verdicts.map(|verdict| format!("has:{}", verdict.name())));
    tags.sort_unstable();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logo_list_of_2011_has_two_sides_and_a_middle() {
        for (agent, listed) in [
            ("MSFT-WP/7.0.7004", Some(true)),
            ("MSFT-WP/8.0.10211", Some(false)),
            ("Apple-iPhone3C1/801.293", Some(true)),
            ("Apple-iPhone1C2/705.18", Some(false)),
            ("Apple-iPhone4C1/901.334", Some(false)),
            ("NokiaE721/2.02(0)MailforExchange+3gpp-gba", Some(false)),
            ("NokiaE521/3.00(50)MailforExchange", Some(true)),
            ("NokiaE521/3.00(0)MailforExchange", Some(false)),
            ("Android/2.2-EAS-1.3", Some(false)),
            // Windows Mobile 6.0, 6.1 and 6.5 say the same.
            ("MSFT-PPC/5.2.5082", None),
            ("MSFT-PPC/5.1.2301", Some(false)),
        ] {
            let client = Client::from_user_agent(agent.as_bytes()).unwrap();
            assert_eq!(on_logo_list(&client), listed, "{agent}: {client:?}");
        }
        // The E7 is on the list by its model.
        let mut e7 = Client::from_user_agent(b"NokiaE721/2.02(0)MailforExchange+3gpp-gba").unwrap();
        e7.model = Some("E7-00".into());
        assert_eq!(on_logo_list(&e7), Some(true));
    }
}
