//! What must hold for any bytes: the body of every fuzz target, and of the replay of what fuzzing
//! has found.

use eas_log_parse::{
    Activity, Base64Query, Budget, BudgetPhase, ChangeCounts, Client, DeviceId, EasLog, EasQuery,
    EasStatus, ElementValue, Encoded, Entry, LegacyLog, LogReader, LogSlice, MAX_LINE, Record,
    Tally,
};

use super::slow;

/// A fuzz target: its name, which is also that of the folder of its corpus, and its body.
pub(crate) type Target = (&'static str, fn(&[u8]));

/// The fuzz targets.
pub(crate) const TARGETS: [Target; 6] = [
    ("line", line),
    ("query", query),
    ("log", log),
    ("budget", budget),
    ("base64", base64),
    ("reader", reader),
];

/// A log read by the slow parser and by the real one.
pub(crate) fn line(bytes: &[u8]) {
    let expected = slow::lines(bytes);
    let mut log = LogSlice::new(bytes);
    let mut tally = Tally::default();
    let mut found = Vec::new();
    while let Some(entry) = log.next_entry() {
        tally.count(&entry);
        let kind = match &entry {
            Entry::Blank(_) => slow::Kind::Blank,
            Entry::Directive(..) => slow::Kind::Directive,
            Entry::Malformed(malformed) => {
                let length = malformed.line.bytes.len();
                assert!(malformed.fault.at as usize <= length.max(MAX_LINE));
                let _ = malformed.fault.explain(malformed.line.bytes).to_string();
                slow::Kind::Malformed(malformed.fault.kind)
            }
            Entry::Record(record) => {
                getters(record);
                let values = (0..record.len()).filter_map(|column| record.raw(column));
                slow::Kind::Record(values.map(<[u8]>::to_vec).collect())
            }
        };
        found.push((entry.line().bytes.to_vec(), kind));
    }
    assert_eq!(found.len(), expected.len());
    for (number, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert!(
            found == expected,
            "line {}: {:?} or {:?}",
            number + 1,
            found.1,
            expected.1
        );
    }
    assert_eq!(tally.lines(), expected.len() as u64);
    assert_eq!(log.position().byte, bytes.len() as u64);
    assert_eq!(log.position().line, expected.len() as u64 + 1);
}

fn getters(record: &Record<'_, '_>) {
    let _ = (
        record.timestamp(),
        record.sc_status(),
        record.sc_substatus(),
    );
    let _ = (
        record.sc_win32_status(),
        record.sc_bytes(),
        record.cs_bytes(),
    );
    let _ = (
        record.time_taken_ms(),
        record.s_port(),
        record.x_forwarded_for(),
    );
    if let Some(eas) = record.eas() {
        query(eas.raw());
    }
    if let Some(agent) = record.cs_user_agent() {
        let _ = Client::from_user_agent(agent);
    }
}

/// A query by both parsers.
pub(crate) fn query(bytes: &[u8]) {
    let query = EasQuery::parse(bytes);
    let found: Vec<_> = query
        .pairs()
        .map(|pair| (pair.key.to_vec(), pair.value.map(<[u8]>::to_vec)))
        .collect();
    assert_eq!(found, slow::pairs(bytes));
    for pair in query.pairs() {
        assert!(query.get(pair.key).is_some() || pair.value.is_none() || found.len() > 1);
    }
    let found = [query.user(), query.device_id(), query.device_type()];
    let expected = ["User", "DeviceId", "DeviceType"].map(|key| slow::value(bytes, key));
    for (found, expected) in found.into_iter().zip(expected) {
        let expected = expected.filter(|value| !value.is_empty());
        assert_eq!(found.map(|value| value.raw().to_vec()), expected);
    }
    if let Some(id) = query.device_id() {
        let key = DeviceId::new(id.raw()).key();
        assert_eq!(key, DeviceId::new(&id.raw().to_ascii_lowercase()).key());
    }
    let expected = slow::value(bytes, "Cmd").filter(|name| !name.is_empty());
    let found = query.command().map(|command| command.name().to_vec());
    assert_eq!(found.is_some(), expected.is_some());
    assert!(found.is_none_or(|name| name.eq_ignore_ascii_case(&expected.unwrap_or_default())));
    let log_value = query.log().map(|log| log.raw().to_vec());
    assert_eq!(log_value, slow::value(bytes, "Log"));
    if query.is_base64() {
        base64(bytes);
    }
    let _ = (
        query.cafe_request_id(),
        query.correlation_id(),
        query.is_base64(),
    );
    if let Some(value) = query.log() {
        log(value.raw());
    }
}

/// A `Log=` value by both parsers.
pub(crate) fn log(bytes: &[u8]) {
    let log = EasLog::new(bytes);
    let found: Vec<_> = log
        .elements()
        .map(|e| (e.identifier().to_vec(), e.value().to_vec()))
        .collect();
    assert_eq!(found, slow::elements(bytes));
    // Elements joined again give the raw value.
    let mut joined = vec![b'_'; bytes.len()];
    for element in log.elements() {
        let at = element.at() as usize;
        joined[at..at + element.raw().len()].copy_from_slice(element.raw());
    }
    assert_eq!(joined, bytes);
    let summary = log.summary();
    assert_eq!(
        summary.error.map(ElementValue::raw),
        log.element("Error").map(|e| e.value())
    );
    assert_eq!(
        summary.access.map(ElementValue::raw),
        log.element("As").map(|e| e.value())
    );
    // The summary finds what the getters find, whose names are of all lengths.
    let named = [
        (summary.eas_status, ["S", "SC1"]),
        (summary.policy_key, ["Pk", "Pk"]),
        (summary.rpc_count, ["RpcC", "RpcC"]),
        (summary.budget, ["Budget", "Budget"]),
        (summary.proxy_from, ["PrxFrom", "PrxFrom"]),
        (summary.throttle, ["Throttle", "Throttle"]),
    ];
    for (found, names) in named {
        let places = names.iter().filter_map(|name| log.element(name));
        let first = places.min_by_key(eas_log_parse::Element::at);
        assert_eq!(found, first.map(ElementValue::from), "{names:?}");
    }
    let status = summary
        .eas_status
        .map(|value| value.number().map(EasStatus));
    assert_eq!(status.transpose(), log.eas_status());
    let _ = (log.protocol_version(), log.access(), log.policy_key());
    let _ = (
        log.heartbeat_s(),
        log.suggested_back_off(),
        log.time_received(),
    );
    let _ = (
        log.throttle_ms(),
        log.is_truncated(),
        LegacyLog::parse(bytes),
    );
    assert!(log.errors().count() <= bytes.len());
    if log.legacy().is_none() {
        let folders: Vec<Vec<_>> = log
            .collections()
            .map(|folder| {
                let elements = folder.elements();
                let parts = elements.map(|e| (e.identifier().to_vec(), e.value().to_vec()));
                parts.collect()
            })
            .collect();
        assert_eq!(folders, slow::collections(bytes));
    }
    for collection in log.collections() {
        let _ = (
            collection.folder_id(),
            collection.class(),
            collection.filter_type(),
        );
        let _ = (
            collection.sync_type(),
            collection.sync_key(),
            collection.status(),
        );
        let changes = [collection.client_changes(), collection.server_changes()];
        changes.iter().flatten().for_each(counts);
    }
    if let Some(value) = log.activity() {
        activity(value);
    }
    if let Some(value) = log.budget() {
        budget(value.raw());
    }
}

fn activity(activity: Activity<'_>) {
    let found: Vec<_> = activity
        .entries()
        .map(|entry| {
            let _ = (entry.kind(), entry.number());
            let instance = entry.instance().map(|instance| instance.raw().to_vec());
            (
                entry.name().to_vec(),
                instance,
                entry.value().raw().to_vec(),
            )
        })
        .collect();
    assert_eq!(found, slow::activity(activity.raw()));
}

fn counts(counts: &ChangeCounts<'_>) {
    let found: Vec<_> = counts
        .iter()
        .map(|(letters, digits)| (letters.to_vec(), digits.to_vec()))
        .collect();
    assert_eq!(found, slow::counts(counts.raw()));
    let joined: Vec<u8> = counts
        .iter()
        .flat_map(|(letters, digits)| [digits, letters].concat())
        .collect();
    assert_eq!(joined, counts.raw());
    let _ = (
        counts.adds(),
        counts.changes(),
        counts.deletes(),
        counts.conversion_errors(),
    );
}

/// A budget: nothing is read twice, nothing panics.
pub(crate) fn budget(bytes: &[u8]) {
    let budget = Budget::new(bytes);
    let found: Vec<_> = budget
        .snapshots()
        .map(|snapshot| {
            let letter = snapshot.phase().map(|phase| match phase {
                BudgetPhase::Acquired => b'A',
                BudgetPhase::Disposed => b'D',
            });
            let entries = snapshot.entries();
            let entries = entries.map(|e| (e.key().to_vec(), e.value().raw().to_vec()));
            (letter, entries.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(found, slow::budget(bytes));
    // A budget is overdrawn in every form that says the same.
    let decoded = Encoded::new(bytes).decode().into_owned();
    let same = Budget::new(&decoded).snapshots().count() == found.len();
    let whole = !bytes.contains(&b'%') || !decoded.contains(&b'%');
    if same && whole && budget.is_overdrawn() {
        assert!(Budget::new(&decoded).is_overdrawn());
    }
    let mut length = 0;
    for snapshot in budget.snapshots() {
        for entry in snapshot.entries() {
            length += entry.key().len() + entry.value().raw().len();
            let _ = entry.value().decode();
        }
        // One walk reads what the getters read.
        let values = snapshot.values();
        assert_eq!(values.conn, snapshot.conn());
        assert_eq!(values.hanging_conn, snapshot.hanging_conn());
        assert_eq!(values.ad, snapshot.ad());
        assert_eq!(values.cas, snapshot.cas());
        assert_eq!(values.ab, snapshot.ab());
        assert_eq!(values.rpc, snapshot.rpc());
        assert_eq!(values.find_count, snapshot.find_count());
        assert_eq!(values.max_conn, snapshot.max_conn());
        assert_eq!(values.max_burst_ms, snapshot.max_burst_ms());
        assert_eq!(values.balance_ms, snapshot.balance_ms());
        assert_eq!(values.cutoff_ms, snapshot.cutoff_ms());
        let recharge_rate = values.recharge_rate_ms_per_hour;
        assert_eq!(recharge_rate, snapshot.recharge_rate_ms_per_hour());
        assert_eq!(values.is_service_account, snapshot.is_service_account());
        assert_eq!(values.live_time, snapshot.live_time());
        assert_eq!(values.policy, snapshot.policy());
        assert_eq!(values.owner, snapshot.owner());
        assert_eq!(values.is_normal(), snapshot.is_normal());
        assert!(values.resources().eq(snapshot.resources()));
        assert!(snapshot.resources().count() <= bytes.len());
    }
    assert!(length <= bytes.len());
}

/// A base64-encoded query.
pub(crate) fn base64(bytes: &[u8]) {
    let expected = slow::base64(bytes);
    let Ok(query) = Base64Query::parse(bytes) else {
        // The slow parser does not look at the padding, which may stand escaped.
        let padded = bytes.contains(&b'=') || bytes.contains(&b'%');
        assert!(expected.is_none() || padded);
        return;
    };
    let parameters = query.parameters().map(|p| (p.tag, p.value.to_vec()));
    let found = slow::Asked {
        version: query.protocol_version().0,
        command: query.command_code(),
        locale: query.locale(),
        device_id: query.device_id_bytes().to_vec(),
        policy_key: query.policy_key(),
        device_type: query.device_type().to_vec(),
        parameters: parameters.collect(),
        truncated: query.is_truncated(),
    };
    assert_eq!(Some(found), expected);
    let parameters: usize = query.parameters().map(|p| p.value.len() + 2).sum();
    let key = if query.policy_key().is_some() { 4 } else { 0 };
    let fixed = 7 + query.device_id_bytes().len() + key + query.device_type().len();
    assert_eq!(
        fixed + parameters == query.bytes().len(),
        !query.is_truncated()
    );
    assert!(query.command().is_some());
    assert_eq!(
        query.device_id_hex().len(),
        2 * query.device_id_bytes().len()
    );
    let _ = (
        query.device_id(),
        query.user(),
        query.locale(),
        query.protocol_version(),
    );
}

/// A stream with a small buffer and the slice give the same entries. The first byte chooses the
/// size of the buffer.
pub(crate) fn reader(bytes: &[u8]) {
    let Some((&size, bytes)) = bytes.split_first() else {
        return;
    };
    let mut stream = LogReader::with_capacity(usize::from(size), bytes);
    let mut slice = LogSlice::new(bytes);
    loop {
        let (a, b) = (
            stream.next_entry().expect("a slice does not fail"),
            slice.next_entry(),
        );
        assert_eq!(a.is_some(), b.is_some());
        let (Some(a), Some(b)) = (a, b) else { break };
        assert_eq!(a.line(), b.line());
        assert_eq!(core::mem::discriminant(&a), core::mem::discriminant(&b));
        if let (Entry::Record(a), Entry::Record(b)) = (&a, &b) {
            assert_eq!(a.layout(), b.layout());
            assert!((0..a.len().max(b.len())).all(|column| a.raw(column) == b.raw(column)));
        }
    }
    assert_eq!(stream.position(), slice.position());
}
