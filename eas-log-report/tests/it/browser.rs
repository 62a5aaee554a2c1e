//! The page in a real browser: it loads without a network and without a complaint, sorts, filters,
//! and shows what clients send as text.
//!
//! `CHROMIUM` names the browser; otherwise the usual names are tried. Without one these tests are left
//! out, so that a Rust toolchain is enough to pass the tests, unless `EAS_LOG_REPORT_BROWSER=required`
//! says that there must be one, as CI does.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::pages::{ATTACKS, attacks, log, page};

/// A page takes a second or two; a machine may be busy with other tests.
const PATIENCE: Duration = Duration::from_secs(120);

/// The browser, if there is one.
fn browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(named.into());
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.iter().find_map(|name| {
        let mut files = std::env::split_paths(&folders).map(|folder| folder.join(name));
        files.find(|file| file.is_file())
    });
    if found.is_none() {
        let missing = format!(
            "no browser on the PATH ({}): install one (apt-get install chromium), or name it with \
             CHROMIUM=FILE",
            names.join(", ")
        );
        let required = std::env::var_os("EAS_LOG_REPORT_BROWSER");
        assert!(
            required.is_none_or(|value| value != "required"),
            "{missing}"
        );
        anstream::eprintln!("left out: the page is not tried in a browser: {missing}");
    }
    found
}

/// Loads a page. Gives the document as it is then, and what the browser wrote on its console.
fn load(browser: &Path, page: &str) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("page.html"), page).unwrap();
    let mut child = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
        ])
        .args([
            "--disable-dev-shm-usage",
            "--host-resolver-rules=MAP * ~NOTFOUND",
        ])
        .args([
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=60000",
        ])
        .arg(format!("--user-data-dir={}", path("profile").display()))
        .arg("--dump-dom")
        .arg(format!("file://{}", path("page.html").display()))
        .stdin(Stdio::null())
        .stdout(File::create(path("dom")).unwrap())
        .stderr(File::create(path("log")).unwrap())
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", browser.display()));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if started.elapsed() > PATIENCE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{} did not end", browser.display());
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let log = String::from_utf8_lossy(&fs::read(path("log")).unwrap()).into_owned();
    assert!(status.success(), "{} failed: {log}", browser.display());
    let dom = fs::read_to_string(path("dom")).unwrap();
    assert!(dom.contains("</html>"), "no document: {log}");
    let console = log.lines().filter(|line| line.contains("CONSOLE"));
    (dom, console.map(str::to_owned).collect())
}

/// Collects what goes wrong, from before the page has begun.
const WATCH: &str = "
const wrong = [];
window.hostile = function () { wrong.push('a text of a log ran'); };
addEventListener('error', function (event) { wrong.push(String(event.message || event.target)); }, true);
addEventListener('securitypolicyviolation', function (event) {
  wrong.push('policy: ' + event.violatedDirective + ' ' + event.blockedURI);
});
";

/// Runs an asynchronous function `drive` when the page is there, and leaves what it returns in the
/// document.
const TELL: &str = "
const wait = function () { return new Promise(function (done) { setTimeout(done, 300); }); };
const shown = function (table) {
  return Array.from(table.tBodies[0].rows, function (row) {
    return Array.from(row.cells, function (cell) { return cell.textContent; });
  });
};
addEventListener('load', async function () {
  let found;
  try { found = await drive(); } catch (error) { wrong.push(String(error)); }
  const told = JSON.stringify({ found: found, wrong: wrong });
  const bytes = new TextEncoder().encode(told);
  const told64 = btoa(Array.from(bytes, function (byte) { return String.fromCharCode(byte); }).join(''));
  document.documentElement.setAttribute('data-told', told64);
});
";

/// Loads a page with a driver: what it found. Only the driver is allowed beside what the page's own
/// policy allows.
fn drive(browser: &Path, page: &str, driver: &str) -> Value {
    let policy = "script-src ";
    assert_eq!(page.matches(policy).count(), 1);
    let page = page.replacen(policy, "script-src &#x27;nonce-driver&#x27; ", 1);
    let script = format!("<script nonce=\"driver\">{WATCH}{driver}{TELL}</script>\n<style>");
    let (dom, _) = load(browser, &page.replacen("<style>", &script, 1));
    let told = dom.split("data-told=\"").nth(1);
    let told = told.unwrap_or_else(|| panic!("the driver did not end: {dom}"));
    let told = STANDARD.decode(told.split('"').next().unwrap()).unwrap();
    let mut told: Value = serde_json::from_slice(&told).unwrap();
    assert_eq!(told["wrong"], Value::Array(Vec::new()));
    told["found"].take()
}

#[test]
fn it_loads_without_a_network_and_without_a_complaint() {
    let Some(browser) = browser() else { return };
    let page = page(&["samples/coexistence"]);
    let (dom, console) = load(&browser, &page);
    assert_eq!(console, Vec::<String>::new());
    assert!(
        dom.contains("<button type=\"button\">Verdict</button>"),
        "its script ran"
    );
    let found = drive(
        &browser,
        &page,
        "async function drive() {
           const levels = Array.from(document.querySelectorAll('h1, h2, h3, h4'), function (h) { return Number(h.tagName[1]); });
           return {
             requests: performance.getEntriesByType('resource').length,
             jumps: levels.filter(function (level, at) { return level > (levels[at - 1] || 0) + 1; }).length,
             first: levels[0],
             drawings: Array.from(document.querySelectorAll('svg'), function (svg) {
               return svg.getAttribute('aria-labelledby').split(' ').every(function (id) {
                 return document.getElementById(id).textContent.length > 0;
               });
             }),
             links: Array.from(document.querySelectorAll('a')).filter(function (a) {
               return !document.querySelector(a.getAttribute('href'));
             }).length,
             ids: Array.from(document.querySelectorAll('[id]')).length - new Set(Array.from(document.querySelectorAll('[id]'), function (e) { return e.id; })).size,
             wide: document.documentElement.scrollWidth > innerWidth,
           };
         }",
    );
    assert_eq!(found["requests"], 0, "it asks for nothing");
    assert_eq!(found["first"], 1);
    assert_eq!(found["jumps"], 0, "headings are in order");
    assert_eq!(
        found["drawings"],
        serde_json::json!([true, true, true, true, true])
    );
    assert_eq!(found["links"], 0, "every link leads somewhere");
    assert_eq!(found["ids"], 0, "no name is given twice");
    assert_eq!(found["wide"], false, "only tables scroll sideways");
}

/// A script that has come into the page is not run, and the console says so: the check above can
/// fail.
#[test]
fn its_policy_runs_no_other_script() {
    let Some(browser) = browser() else { return };
    let page = page(&["samples/coexistence"]).replacen(
        "</h1>",
        "</h1><script>document.title = 'taken'</script><p onclick=\"x()\" style=\"color: red\">",
        1,
    );
    let (dom, console) = load(&browser, &page);
    assert!(!dom.contains("<title>taken"), "the script ran");
    assert!(
        console
            .iter()
            .any(|line| line.contains("Content Security Policy")),
        "{console:?}"
    );
}

#[test]
fn every_table_sorts() {
    let Some(browser) = browser() else { return };
    let page = page(&["samples/coexistence"]);
    let found = drive(
        &browser,
        &page,
        "async function drive() {
           const steps = [];
           for (const table of document.querySelectorAll('table.data')) {
             const heads = Array.from(table.tHead.rows[0].cells);
             const before = shown(table);
             for (const [at, head] of heads.entries()) {
               const button = head.querySelector('button');
               const step = { table: table.closest('section').id, column: head.textContent, sort: head.dataset.sort, focusable: button.tabIndex === 0, orders: [] };
               for (let click = 0; click < 3; click++) {
                 button.click();
                 step.orders.push({
                   said: heads.map(function (head) { return head.getAttribute('aria-sort'); }).filter(Boolean),
                   own: head.getAttribute('aria-sort'),
                   values: shown(table).map(function (row) { return row[at]; }),
                 });
               }
               step.back = JSON.stringify(shown(table)) === JSON.stringify(before);
               steps.push(step);
             }
           }
           return steps;
         }",
    );
    let steps = found.as_array().unwrap();
    assert!(steps.len() > 80, "{}", steps.len());
    for step in steps {
        let column = format!("{} {}", step["table"], step["column"]);
        assert_eq!(step["focusable"], true, "{column}: reached by keyboard");
        assert_eq!(
            step["back"], true,
            "{column}: the third time is the order of the report"
        );
        let sort = step["sort"].as_str().unwrap();
        let directions = match sort {
            "text" => ["ascending", "descending"],
            _ => ["descending", "ascending"],
        };
        for (order, direction) in step["orders"].as_array().unwrap().iter().zip(directions) {
            assert_eq!(order["own"], direction, "{column}");
            assert_eq!(
                order["said"],
                serde_json::json!([direction]),
                "{column}: only one"
            );
            let values = order["values"].as_array().unwrap();
            assert_sorted(values, sort, direction == "descending", &column);
        }
        assert_eq!(step["orders"][2]["own"], Value::Null, "{column}");
    }
}

/// What is absent stands last; the rest is in order.
fn assert_sorted(values: &[Value], sort: &str, descending: bool, column: &str) {
    let texts: Vec<&str> = values.iter().map(|value| value.as_str().unwrap()).collect();
    let is_absent = |text: &&str| ["-", "never"].contains(text);
    let there = texts.iter().position(is_absent).unwrap_or(texts.len());
    assert!(texts[there..].iter().all(is_absent), "{column}: {texts:?}");
    for pair in texts[..there].windows(2) {
        let (first, second) = if descending {
            (pair[1], pair[0])
        } else {
            (pair[0], pair[1])
        };
        let is_ordered = match sort {
            "number" => {
                let number = |text: &str| text.replace(',', "").parse::<u64>().unwrap();
                number(first) <= number(second)
            }
            "time" => first <= second,
            // Numbers in a text count as numbers, and signs as the language has them: what is left
            // is that texts begin with letters that are in order.
            _ => {
                let letter = |text: &str| text.chars().next().map(|ch| ch.to_ascii_lowercase());
                let (first, second) = (letter(first), letter(second));
                let are_letters = [first, second]
                    .iter()
                    .all(|ch| ch.is_some_and(|ch| ch.is_ascii_alphabetic()));
                !are_letters || first <= second
            }
        };
        assert!(is_ordered, "{column}: {pair:?}");
    }
}

#[test]
fn tables_filter_and_show_their_details() {
    let Some(browser) = browser() else { return };
    let page = page(&["samples/coexistence"]);
    let found = drive(
        &browser,
        &page,
        "async function drive() {
           const section = document.getElementById('devices');
           const table = section.querySelector('table');
           const input = section.querySelector('input[type=search]');
           const output = section.querySelector('output');
           const toggle = section.querySelector('.toggle');
           const seen = function () {
             return Array.from(table.tHead.rows[0].cells).filter(function (cell) { return getComputedStyle(cell).display !== 'none'; }).length;
           };
           const type = async function (text) {
             input.value = text;
             input.dispatchEvent(new Event('input'));
             await wait();
             return { rows: shown(table).length, users: shown(table).map(function (row) { return row[1]; }), said: output.textContent };
           };
           const told = { offered: !section.querySelector('.filter').hidden, labelled: input.labels.length, seen: seen() };
           told.one = await type('BERND');
           told.words = await type('iphone healthy');
           told.none = await type('<b>');
           told.detail = await type('policy_android_2');
           toggle.click();
           await wait();
           told.detail_seen = shown(table).length;
           told.seen_then = seen();
           section.querySelector('th button').click();
           told.sorted = shown(table).length;
           told.all = await type('');
           return told;
         }",
    );
    assert_eq!(found["offered"], true);
    assert_eq!(found["labelled"], 1);
    assert_eq!(found["seen"], 10);
    assert_eq!(
        found["one"]["users"],
        serde_json::json!(["FABRIKAM\\bernd.olsen"])
    );
    assert_eq!(found["one"]["said"], "1 of 14 rows");
    assert_eq!(found["words"]["rows"], 2);
    assert_eq!(found["none"]["said"], "0 of 14 rows");
    assert_eq!(
        found["detail"]["rows"], 0,
        "what is not seen is not searched"
    );
    assert_eq!(found["detail_seen"], 1, "and what is seen is");
    assert!(found["seen_then"].as_u64().unwrap() > 30);
    assert_eq!(
        found["sorted"], 1,
        "a filter stays when the table is sorted"
    );
    assert_eq!(found["all"]["rows"], 14);
    assert_eq!(found["all"]["said"], "");
}

#[test]
fn long_tables_are_shown_in_parts() {
    let Some(browser) = browser() else { return };
    let (_folder, log) = log((0..450).map(|number| {
        let query = format!("User=u{number}&DeviceId=D{number}&DeviceType=iPhone&Cmd=Sync");
        (query, "Apple-iPhone3C1/801.293".to_owned())
    }));
    let page = page(&[log.to_str().unwrap()]);
    let found = drive(
        &browser,
        &page,
        "async function drive() {
           const section = document.getElementById('devices');
           const table = section.querySelector('table');
           const more = section.querySelector('.next');
           const told = [];
           const tell = function () { told.push([shown(table).length, more.hidden ? '' : more.textContent]); };
           tell();
           more.click();
           told.push(document.activeElement === table.tBodies[0].rows[200]);
           tell();
           more.click();
           tell();
           const input = section.querySelector('input[type=search]');
           dispatchEvent(new Event('beforeprint'));
           told.push([shown(table).length, more.hidden]);
           dispatchEvent(new Event('afterprint'));
           section.querySelector('th button').click();
           dispatchEvent(new Event('beforeprint'));
           told.push([shown(table).length, more.hidden]);
           dispatchEvent(new Event('afterprint'));
           told.push(shown(table).length);
           input.value = 'u449';
           input.dispatchEvent(new Event('input'));
           await wait();
           tell();
           return told;
         }",
    );
    let want = serde_json::json!([
        [200, "Show 200 more of 250 rows"],
        true,
        [400, "Show 50 more of 50 rows"],
        [450, ""],
        [450, true],
        [450, true],
        200,
        [1, ""]
    ]);
    assert_eq!(found, want);
}

#[test]
fn what_clients_send_is_shown_as_text() {
    let Some(browser) = browser() else { return };
    let (_folder, log) = attacks();
    for path in ["samples/defects/hostile-client.log", log.to_str().unwrap()] {
        let page = page(&[path]);
        let (_, console) = load(&browser, &page);
        assert_eq!(console, Vec::<String>::new(), "{path}");
        let found = drive(
            &browser,
            &page,
            "async function drive() {
               for (const element of document.querySelectorAll('td, rect, g, a, button')) {
                 element.dispatchEvent(new Event('mouseover'));
               }
               for (const button of document.querySelectorAll('th button')) button.click();
               const all = Array.from(document.querySelectorAll('*'));
               return {
                 elements: Array.from(new Set(all.map(function (e) { return e.localName; }))).sort(),
                 scripts: document.scripts.length,
                 handlers: all.filter(function (e) {
                   return Array.from(e.attributes).some(function (a) { return a.name.startsWith('on') || a.name === 'style' || a.name === 'src'; });
                 }).length,
                 cells: Array.from(document.querySelectorAll('td'), function (cell) { return cell.textContent; }),
               };
             }",
        );
        let elements = found["elements"].as_array().unwrap();
        for element in ["img", "iframe", "object", "b", "x"] {
            assert!(!elements.contains(&element.into()), "{path}: <{element}>");
        }
        assert_eq!(found["scripts"], 2, "{path}: its own and the driver");
        assert_eq!(found["handlers"], 0, "{path}");
        let cells = found["cells"].as_array().unwrap();
        let texts: &[&str] = if path.starts_with("samples") {
            &["<script>alert(1)</script>", "\\x1b[31m<img/src=x>"]
        } else {
            &ATTACKS[..4]
        };
        for text in texts {
            assert!(
                cells.contains(&(*text).into()),
                "{path}: {text} in {cells:?}"
            );
        }
    }
}
