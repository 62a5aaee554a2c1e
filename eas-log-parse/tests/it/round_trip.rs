//! What is encoded by the specification decodes to what it was.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use eas_log_parse::{Base64Query, Budget, BudgetPhase, FindCount, Triplet};
use proptest::prelude::*;

/// A request as bytes (MS-ASHTTP 2.2.1.1.1.1), written here for the test.
fn encode(
    head: (u8, u8, u16),
    device_id: &[u8],
    policy_key: Option<u32>,
    device_type: &str,
    parameters: &[(u8, Vec<u8>)],
) -> String {
    let mut bytes = vec![head.0, head.1];
    bytes.extend(head.2.to_le_bytes());
    bytes.push(device_id.len() as u8);
    bytes.extend(device_id);
    match policy_key {
        Some(key) => {
            bytes.push(4);
            bytes.extend(key.to_le_bytes());
        }
        None => bytes.push(0),
    }
    bytes.push(device_type.len() as u8);
    bytes.extend(device_type.as_bytes());
    for (tag, value) in parameters {
        bytes.extend([*tag, value.len() as u8]);
        bytes.extend(value);
    }
    STANDARD.encode(bytes)
}

/// Text as Exchange encodes it within an element: form style, underscores too.
fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'.' | b'(' | b')' | b'*' | b'!' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02x}"),
        })
        .collect()
}

fn triplet_text(triplet: Triplet) -> String {
    let or_null = |n: Option<String>| n.unwrap_or_else(|| "$null".to_owned());
    format!(
        "{}/{}/{}%",
        or_null(triplet.limit_ms.map(|n| n.to_string())),
        or_null(triplet.remaining_ms.map(|n| n.to_string())),
        triplet.used_percent
    )
}

fn triplet() -> impl Strategy<Value = Triplet> {
    (any::<Option<u64>>(), any::<Option<i64>>(), any::<u32>()).prop_map(
        |(limit_ms, remaining_ms, used_percent)| Triplet {
            limit_ms,
            remaining_ms,
            used_percent,
        },
    )
}

proptest! {
    #[test]
    fn base64_queries(
        version in prop::sample::select(&[121u8, 140, 141, 160, 161][..]),
        command in 0u8..24,
        locale in any::<u16>(),
        device_id in prop::collection::vec(any::<u8>(), 1..33),
        policy_key in any::<Option<u32>>(),
        device_type in "[A-Za-z0-9]{0,32}",
        parameters in prop::collection::vec(
            (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)), 0..5),
    ) {
        let head = (version, command, locale);
        let text = encode(head, &device_id, policy_key, &device_type, &parameters);
        let query = Base64Query::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(query.protocol_version().0, u16::from(version));
        prop_assert_eq!(query.command_code(), command);
        prop_assert_eq!(query.locale(), locale);
        prop_assert_eq!(query.device_id_bytes(), &device_id[..]);
        prop_assert_eq!(query.policy_key(), policy_key);
        prop_assert_eq!(query.device_type(), device_type.as_bytes());
        let decoded: Vec<_> = query.parameters().map(|p| (p.tag, p.value.to_vec())).collect();
        prop_assert_eq!(decoded, parameters);
        prop_assert!(!query.is_truncated());
    }

    #[test]
    fn budgets_of_exchange_2010(
        conn in any::<u32>(),
        times in prop::array::uniform4(triplet()),
        find_count in any::<(u64, u64)>(),
        policy in "[A-Za-z0-9 _.,:-]{1,30}",
        resources in prop::collection::vec(("[A-Z][a-z]{1,3}", "[A-Za-z0-9 ._-]{1,20}", any::<i64>(), any::<i64>()), 0..4),
        disposed in any::<bool>(),
    ) {
        let list: String = resources
            .iter()
            .map(|(kind, name, health, load)| {
                format!("({kind}){name}(Health:{health}%,HistLoad:{load}),")
            })
            .collect();
        let [ad, cas, ab, rpc] = times.map(triplet_text);
        let norm = if resources.is_empty() { String::new() } else { format!("[Resources:{list}]") };
        let text = format!(
            "Conn:{conn},HangingConn:0,AD:{ad},CAS:{cas},AB:{ab},RPC:{rpc},FC:{}/{},Policy:{policy},Norm{norm}",
            find_count.0, find_count.1
        );
        let raw = format!("({}){}", if disposed { "D" } else { "A" }, escape(&text));
        let snapshot = Budget::new(raw.as_bytes()).last().unwrap();
        let phase = if disposed { BudgetPhase::Disposed } else { BudgetPhase::Acquired };
        prop_assert_eq!(snapshot.phase(), Some(phase));
        prop_assert_eq!(snapshot.conn(), Ok(Some(conn)));
        let read = [snapshot.ad(), snapshot.cas(), snapshot.ab(), snapshot.rpc()];
        prop_assert_eq!(read, times.map(|time| Ok(Some(time))));
        let (limit, in_use) = find_count;
        prop_assert_eq!(snapshot.find_count(), Ok(Some(FindCount { limit, in_use })));
        let read = snapshot.policy().unwrap().decode().into_owned();
        prop_assert_eq!(String::from_utf8(read).unwrap(), policy);
        let read: Vec<_> = snapshot
            .resources()
            .map(|r| {
                let name = String::from_utf8(r.name.decode().into_owned()).unwrap();
                (r.kind.to_string(), name, r.health_percent.unwrap(), r.historic_load.unwrap())
            })
            .collect();
        prop_assert_eq!(read, resources);
    }

    #[test]
    fn budgets_of_exchange_2013(
        owner in "S-1-5-21-[0-9]{1,9}_[A-Z0-9]{1,12}_[A-Za-z]{1,8}",
        balance in -1_000_000i64..1_000_000,
        cutoff in any::<u64>(),
        seconds in 0u64..10_000_000,
    ) {
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        let time = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
        let live = if days > 0 { format!("{days}.{time}") } else { time };
        let text = format!(
            "Owner:{owner},Conn:1,MaxConn:10,MaxBurst:480000,Balance:{balance},Cutoff:{cutoff},\
             RechargeRate:1800000,Policy:P,IsServiceAccount:True,LiveTime:{live}"
        );
        let raw = format!("(A){}%3b(D){}", escape(&text), escape(&text));
        let budget = Budget::new(raw.as_bytes());
        prop_assert_eq!(budget.snapshots().count(), 2);
        for snapshot in budget.snapshots() {
            prop_assert_eq!(&*snapshot.owner().unwrap().decode(), owner.as_bytes());
            prop_assert_eq!(snapshot.balance_ms(), Ok(Some(balance as f64)));
            prop_assert_eq!(snapshot.cutoff_ms(), Ok(Some(cutoff)));
            prop_assert_eq!(snapshot.is_service_account(), Ok(Some(true)));
            prop_assert_eq!(snapshot.live_time().unwrap().unwrap().as_secs(), seconds);
        }
    }
}
