//! Which lines are requests of devices, and of which device.

use crate::inputs::write;
use crate::{json, run};

const FIELDS: &str = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username \
    c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status\n";
const FRONT: &str = "/Microsoft-Server-ActiveSync/default.eas";
const BACK: &str = "/Microsoft-Server-ActiveSync/Proxy/default.eas";

/// The report over lines given as minute, stem, query, port, user, address, and what follows.
fn report(lines: &[&str]) -> serde_json::Value {
    let mut log = FIELDS.to_owned();
    for line in lines {
        let (minute, rest) = line.split_once(' ').unwrap();
        log.push_str(&format!("2016-08-01 10:{minute}:00 10.0.0.1 POST {rest}\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    json(&[&write(folder.path(), "u_ex160801.log", log.as_bytes())])
}

fn total(report: &serde_json::Value, name: &str) -> u64 {
    report["totals"][name].as_u64().unwrap()
}

#[test]
fn a_front_end_that_appends_no_ids_is_recognised_by_its_back_end() {
    let asked = "Cmd=Sync&User=C%5Cu1&DeviceId=D1&DeviceType=iPhone";
    let agent = "Apple-iPhone7C2/1306.72";
    let front = format!("{FRONT} {asked} 443 C\\u1 9.9.9.9 {agent} 200 0 0");
    let back =
        format!("{BACK} {asked}&Log=PrxFrom:10.0.0.1_V141_S1_ 444 C\\u1 10.0.0.1 {agent} 200 0 0");
    let refused = format!("{FRONT} {asked} 443 - 9.9.9.9 {agent} 401 2 5");
    let lines = [
        format!("00 {refused}"),
        format!("00 {front}"),
        format!("00 {back}"),
        format!("05 {front}"),
        format!("05 {back}"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let found = report(&lines);
    assert_eq!(
        (total(&found, "requests"), total(&found, "logged_twice")),
        (3, 2)
    );
    let hours: u64 = found["sections"]["hours"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hour| hour["requests"].as_u64().unwrap())
        .sum();
    assert_eq!(hours, 3);

    // Without a back end it is an answer like any other.
    let alone = report(&[lines[0], lines[1], lines[3]]);
    assert_eq!(
        (total(&alone, "requests"), total(&alone, "logged_twice")),
        (3, 0)
    );
}

#[test]
fn a_client_does_not_hide_behind_what_monitoring_calls_itself() {
    let hidden = [
        format!(
            "01 {FRONT} Cmd=Sync&User=HealthMailbox1&DeviceId=D1&DeviceType=iPhone&Log=V121_ 443 C\\bob 9.9.9.9 Apple-iPhone7C2/1306.72 401 1 1326"
        ),
        format!(
            "02 {FRONT} Cmd=Sync&User=u2&DeviceId=D2&DeviceType=Android&Log=V141_ 443 C\\u2 9.9.9.9 AMProbe 200 0 0"
        ),
        format!(
            "03 {FRONT} Cmd=Sync&User=u2&DeviceId=D3&DeviceType=TestActiveSyncConnectivity&Log=V141_ 443 C\\u2 9.9.9.9 x 200 0 0"
        ),
    ];
    let probes = [
        format!(
            "04 {FRONT} Cmd=Ping&DeviceId=P&DeviceType=x&Log=V141_ 443 C\\HealthMailbox7 9.9.9.9 x 200 0 0"
        ),
        format!(
            "05 {FRONT} Cmd=Ping&User=u2&DeviceId=P&DeviceType=x&Log=V141_ 443 C\\u2 10.0.0.1 AMProbe/Local/ClientAccess 200 0 0"
        ),
        format!("06 {FRONT} - 443 - 127.0.0.1 x 200 0 0"),
    ];
    let lines: Vec<&str> = hidden.iter().chain(&probes).map(String::as_str).collect();
    let found = report(&lines);
    let totals = ["requests", "probes", "devices"].map(|name| total(&found, name));
    assert_eq!(totals, [3, 3, 3]);
    assert_eq!(total(&found, "failed_requests"), 1);
}

#[test]
fn a_device_id_of_sixteen_letters_is_the_same_in_hexadecimal() {
    let found = report(&[
        &format!(
            "00 {FRONT} jQAJBBBOaW5lNDM4M0FGMzQ2ODYwBAAAAAAHQW5kcm9pZAcBAA==&Log=V141_ 443 C\\u1 9.9.9.9 - 200 0 0"
        ),
        &format!(
            "01 {FRONT} Cmd=Sync&User=u1&DeviceId=4E696E65343338334146333436383630&DeviceType=Android&Log=V141_ 443 C\\u1 9.9.9.9 - 200 0 0"
        ),
        &format!(
            "02 {FRONT} Cmd=Sync&User=u1&DeviceId=nine4383af346860&DeviceType=Android&Log=V141_ 443 C\\u1 9.9.9.9 - 200 0 0"
        ),
    ]);
    assert_eq!(
        (total(&found, "requests"), total(&found, "devices")),
        (3, 1)
    );
}

/// What is not known of requests without a time is null, not 0.
#[test]
fn hours_of_requests_without_a_time_are_unknown() {
    let asked = "User=u&DeviceId=D1&DeviceType=T&Cmd=Sync";
    let log =
        format!("#Fields: time cs-uri-stem cs-uri-query sc-status\n10:00:00 {FRONT} {asked} 200\n");
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "undated.log", log.as_bytes());
    let found = json(&[&path]);
    let null = serde_json::Value::Null;
    let hours = serde_json::json!([
        {"hour": null, "requests": 1, "failed_requests": 0, "devices": null, "users": null}
    ]);
    assert_eq!(found["sections"]["hours"], hours);
    assert_eq!(found["meta"]["first_seen"], null);
    assert_eq!(total(&found, "devices"), 1);
    let (text, _, _) = run(&["devices", &path]);
    assert!(text.contains("D1"), "{text}");
    assert!(!text.contains("never"), "it worked: {text}");
}
