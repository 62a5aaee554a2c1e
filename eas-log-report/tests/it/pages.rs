//! HTML and Markdown of the report: what they say, and that what clients send stays text.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::run;

const HOSTILE: &str = "samples/defects/hostile-client.log";

/// The page over some paths.
pub(crate) fn page(arguments: &[&str]) -> String {
    let (out, err, code) = run(&[&["--format", "html"], arguments].concat());
    assert_eq!((err.as_str(), code), ("", 0));
    out
}

/// Writes a log of requests, each a query and a user agent, of which all fail.
pub(crate) fn log(requests: impl Iterator<Item = (String, String)>) -> (TempDir, PathBuf) {
    let mut text = String::from(
        "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
         cs(User-Agent) sc-status sc-substatus sc-win32-status\r\n",
    );
    for (number, (query, agent)) in requests.enumerate() {
        let (hour, minute) = (number / 60 % 24, number % 60);
        text += &format!(
            "2011-05-08 {hour:02}:{minute:02}:00 192.0.2.42 POST /Microsoft-Server-ActiveSync/default.eas \
             {query} 443 - 203.0.113.66 {agent} 403 0 0\r\n"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("u_ex110508.log");
    fs::write(&path, text).unwrap();
    (folder, path)
}

/// Texts that would be more than text if nobody escaped them.
pub(crate) const ATTACKS: [&str; 6] = [
    "<script>hostile()</script>",
    "\"><img/src=x/onerror=hostile()>",
    "'/onmouseover='hostile()",
    "</style></title><svg/onload=hostile()>",
    "{{7*7}}{%25raw%25}",
    "`|[x](javascript:hostile())|`**",
];

/// A log in which every attack stands in every place that a client can write to.
pub(crate) fn attacks() -> (TempDir, PathBuf) {
    log(ATTACKS.iter().map(|attack| {
        let part = attack.replace('&', "%26");
        (
            format!("User={part}&DeviceId={part}&DeviceType={part}&Cmd={part}&Log=Error:{part}_"),
            attack.replace("%25", "%"),
        )
    }))
}

/// Every start of a tag in a page.
fn tags(page: &str) -> Vec<&str> {
    page.split('<')
        .skip(1)
        .map(|rest| {
            let end = rest.find(|ch: char| !ch.is_ascii_alphanumeric() && ch != '/' && ch != '!');
            &rest[..end.unwrap_or(rest.len())]
        })
        .collect()
}

#[test]
fn what_clients_send_makes_no_tag_and_no_attribute() {
    let (_folder, log) = attacks();
    for paths in [HOSTILE, log.to_str().unwrap()] {
        let page = page(&[paths]);
        let script = page.find("<script>").unwrap();
        // The page ends with its own script, which no text of a log is in.
        let body = &page[page.find("</style>").unwrap()..script];
        let tags = tags(body);
        assert!(tags.contains(&"td") && tags.contains(&"svg"), "{tags:?}");
        for tag in ["script", "img", "/script", "iframe", "object", "meta"] {
            assert!(!tags.contains(&tag), "{paths}: <{tag}");
        }
        assert_eq!(
            tags.iter().filter(|tag| **tag == "/style").count(),
            1,
            "{paths}"
        );
        for (at, _) in body.match_indices("hostile()") {
            let before = &body[..at];
            let in_tag = before.rfind('<') > before.rfind('>');
            assert!(!in_tag, "{paths}: {}", &body[at.saturating_sub(80)..at]);
        }
    }
    let shown = page(&[HOSTILE]);
    assert!(shown.contains("&lt;script&gt;alert(1)&lt;&#x2f;script&gt;"));
    assert!(!shown.contains('\x1b'));
}

#[test]
fn what_clients_send_is_code_in_markdown() {
    let (_folder, log) = attacks();
    let log = log.to_str().unwrap();
    let (out, err, code) = run(&["--format", "markdown", "--top", "0", log]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.contains("`<script>hostile()</script>`"), "{out}");
    for line in out.lines().filter(|line| line.starts_with('|')) {
        // Without code spans no mark is left, and every row has its cells.
        let mut outside = String::new();
        for (number, part) in line.split('`').enumerate() {
            if number % 2 == 0 {
                outside += part;
            }
        }
        let outside = outside.replace("<code>", "").replace("</code>", "");
        assert!(!outside.contains(['<', '[', '*']), "{line}");
    }
    let failures = out.split("## Failures").nth(1).unwrap();
    let table: Vec<&str> = failures
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'))
        .collect();
    assert_eq!(table.len(), 2 + ATTACKS.len(), "{failures}");
    let bars = |line: &str| line.matches('|').count();
    for line in &table {
        assert_eq!(bars(line), bars(table[0]), "{line}");
    }
}

#[test]
fn tables_are_capped_and_say_so() {
    let (_folder, log) = log((0..2100).map(|number| {
        let query = format!("User=u{number}&DeviceId=D{number}&DeviceType=iPhone&Cmd=Sync");
        (query, "Apple-iPhone3C1/801.293".to_owned())
    }));
    let log = log.to_str().unwrap();
    let rows = |page: &str| {
        let devices = page.split("id=\"devices-rows\"").nth(1).unwrap();
        let devices = devices.split("</tbody>").next().unwrap();
        devices.matches("<tr>").count()
    };
    let capped = page(&[log]);
    assert_eq!(rows(&capped), 2000);
    assert!(capped.contains("The first 2,000 of 2,100 rows"), "no hint");
    assert!(capped.contains("<code>--format csv</code> has all"));
    let whole = page(&["--top", "0", log]);
    assert_eq!(rows(&whole), 2100);
    assert!(!whole.contains("The first 2,"));
}

#[test]
fn nothing_to_report_is_a_page_too() {
    let (page, _, code) = run(&[
        "--format",
        "html",
        "samples/coexistence",
        "--since",
        "2012-01-01",
    ]);
    assert_eq!(code, 0);
    assert!(page.contains("None: no request, so nothing is known of how devices are."));
    assert!(page.contains("0 of 201 requests match --since 2012-01-01"));
    assert!(page.contains("There is no request with a time."));
    assert!(page.contains("<code>--since 2012-01-01</code>"), "{page}");
}

#[test]
fn commands_that_have_no_page_say_so() {
    let cases: [&[&str]; 3] = [
        &["devices", "samples"],
        &["timeline", "--user", "bernd.olsen", "samples"],
        &["compare", "--cutover", "2011-05-06", "samples"],
    ];
    for command in cases {
        for form in ["html", "markdown"] {
            let (out, err, code) = run(&[command, &["--format", form]].concat());
            assert_eq!((out.as_str(), code), ("", 2), "{command:?}");
            let message = format!("--format {form}: only the report is written as html");
            assert!(err.contains(&message), "{command:?}: {err}");
        }
    }
}
