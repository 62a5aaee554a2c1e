//! `nightly` and the store: the sums over the nights are those of one report over all logs, whatever
//! happens to the files and to the runs.

mod changes;
mod damage;
mod outputs;
mod reading;
mod settings;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::{Dice, run};

const SERVERS: [&str; 4] = ["CAS01", "CAS02", "CAS03", "CAS04"];

/// The log of a server on a day of May 2011. `version` tells what was rewritten from what was.
///
/// Devices sync, are refused, loop and storm, so that everything that facts hold is there: also runs
/// of requests in a minute, and of one sync key, that go on over every place where reading can stop.
fn log(server: usize, day: u32, version: u64) -> String {
    log_of(
        server,
        day,
        u64::from(day) * 100 + server as u64 * 10 + version,
    )
}

/// The log of a server on a day, of which a number decides what happens.
fn log_of(server: usize, day: u32, seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = format!(
        "#Software: Microsoft Internet Information Services 7.5\r\n#Version: 1.0\r\n#Date: 2011-05-{day:02} 00:00:0{server}\r\n\
         #Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken\r\n"
    );
    let mut second = 0;
    while second < 86_400 {
        let device = dice.below(9);
        let in_a_row = match dice.below(12) {
            0 if device >= 7 => 25,
            1 => 9,
            _ => 1,
        };
        for _ in 0..in_a_row {
            line(
                &mut text,
                &mut dice,
                server,
                day,
                second.min(86_399),
                device,
            );
            second += dice.below(3) as u32;
        }
        second += 300 + dice.below(1500) as u32;
    }
    text
}

fn line(text: &mut String, dice: &mut Dice, server: usize, day: u32, second: u32, device: u64) {
    let (agent, kind) = match device {
        0..4 => ("Apple-iPhone3C1/801.293", "iPhone"),
        4..7 => ("Android/0.3", "Android"),
        _ => ("MSFT-PPC/5.2.5082", "PocketPC"),
    };
    let user = if day.is_multiple_of(2) {
        format!("CONTOSO\\user{device}")
    } else {
        format!("user{device}")
    };
    // Only the last two devices have faults of their own.
    let outcome = dice.below(40);
    let outcome = if device < 7 { outcome.max(5) } else { outcome };
    // One device stops working on the 21st.
    let refused = device == 5 && day >= 21 || outcome == 0;
    let (log, status) = match outcome {
        _ if refused => (
            "V140_LdapC1_RpcC28_RpcL31_Pk0_Error:DeviceNotProvisioned_Mbx:MBX1_".to_owned(),
            "449 0 0",
        ),
        1 => (
            "V140_Fc1_Fid:5_Ty:Em_Filt3_St:F_Sk:0_RpcC9_Mbx:MBX2_".to_owned(),
            "200 0 0",
        ),
        2 => (
            "V140_S144_Error:UserDisabledForSync_As:BlockedG_".to_owned(),
            "403 0 0",
        ),
        3 => ("V140_Error:ServerBusy_Throttle1500_".to_owned(), "503 0 64"),
        4 => (String::new(), "401 1 5"),
        _ => (
            format!(
                "V140_Fc1_Fid:5_Ty:Em_Filt3_St:S_Sk:{}_RpcC57_RpcL300_SST4_Pk77_Mbx:MBX{}_",
                1000 + second / 3600,
                1 + server % 2
            ),
            "200 0 0",
        ),
    };
    let command = if outcome % 4 == 3 { "Ping" } else { "Sync" };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    writeln!(
        text,
        "2011-05-{day:02} {hour:02}:{minute:02}:{second:02} 192.0.2.{server} POST /Microsoft-Server-ActiveSync/default.eas User=user{device}&DeviceId=Appl{device}0AB&DeviceType={kind}&Cmd={command}&Log={log} 443 {user} 198.51.100.{device} {agent} {status} {}\r",
        dice.below(900)
    )
    .unwrap();
    if outcome == 9 {
        text.push_str("a line that is cut\r\n");
    }
    if outcome == 10 {
        writeln!(text, "2011-05-{day:02} {hour:02}:{minute:02}:{second:02} 192.0.2.{server} GET /owa/ - 443 - 198.51.100.9 Mozilla 200 0 0 5\r").unwrap();
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A folder of logs, and a store beside it.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        for server in SERVERS {
            fs::create_dir_all(folder.path().join("logs").join(server)).unwrap();
        }
        Site { folder }
    }

    fn logs(&self) -> String {
        self.folder.path().join("logs").to_str().unwrap().to_owned()
    }

    fn store(&self) -> String {
        self.folder
            .path()
            .join("store")
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn path(&self, server: usize, name: &str) -> PathBuf {
        self.folder
            .path()
            .join("logs")
            .join(SERVERS[server])
            .join(name)
    }

    /// Writes the first part of a log, which is what a server has written by then.
    fn write(&self, server: usize, name: &str, text: &str) {
        fs::write(self.path(server, name), text).unwrap();
    }

    fn nightly(&self, more: &[&str]) -> (String, String, i32) {
        let (logs, store) = (self.logs(), self.store());
        run(&[&["nightly", "--logs", &logs, "--store", &store], more].concat())
    }

    /// A night that must go well.
    fn night(&self, date: &str) -> String {
        let (out, err, code) = self.nightly(&["--date", date]);
        assert_eq!(code, 0, "{date}: {err}");
        out
    }

    fn report(&self, more: &[&str]) -> Value {
        report(&self.store(), more)
    }

    /// The report of a night.
    fn report_of(&self, date: &str) -> Value {
        let path = self
            .folder
            .path()
            .join(format!("store/reports/report-{date}.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    /// The report over the logs themselves.
    fn direct(&self, more: &[&str]) -> Value {
        let logs = self.logs();
        crate::json(&[&[logs.as_str()], more].concat())
    }

    /// Every file of the store with its content.
    fn state(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        files(&self.folder.path().join("store"))
    }
}

fn report(store: &str, more: &[&str]) -> Value {
    crate::json(&[&["report", "--store", store], more].concat())
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

/// Reports of the same requests are the same but for the filters that they name.
fn assert_same(mut a: Value, mut b: Value, why: &str) {
    for report in [&mut a, &mut b] {
        report["meta"]["filters"].take();
    }
    for key in ["meta", "input", "totals", "findings"] {
        assert_eq!(a[key], b[key], "{why}: {key}");
    }
    let (a, b) = (
        a["sections"].as_object().unwrap(),
        b["sections"].as_object().unwrap(),
    );
    for (id, rows) in a {
        assert_eq!(rows, &b[id], "{why}: {id}");
    }
    assert_eq!(a.len(), b.len(), "{why}");
}

/// Two days of two servers, as they are on the first night and on the second.
fn two_nights(site: &Site, night: u32) {
    for server in 0..2 {
        site.write(server, "u_ex110501.log", &log(server, 1, 0));
        let next = log(server, 2, 0);
        let next = if night == 1 {
            so_far(&next, 2, 2)
        } else {
            &next
        };
        site.write(server, "u_ex110502.log", next);
    }
}

/// A file as far as it is written after so many hours of its day, in the middle of a line.
fn so_far(text: &str, day: u32, hour: u32) -> &str {
    let time = format!("2011-05-{day:02} {hour:02}:");
    match text.find(&time) {
        Some(at) => &text[..at + 40],
        None => text,
    }
}
