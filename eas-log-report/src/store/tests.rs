//! What stores make of files that grow, move, and are copied, cut and rewritten.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::manifest::SourceEntry;
use super::*;
use crate::input::discover;

const HEADER: &str = "#Software: Microsoft Internet Information Services 7.5\r\n#Version: 1.0\r\n\
    #Date: 2011-05-06 00:00:00\r\n#Fields: date time cs-method cs-uri-stem cs-uri-query cs-username sc-status\r\n";

/// A request in a second of two days, by a device that no other request is of.
fn request(second: u32, device: u32) -> String {
    let (day, second) = (6 + second / 86_400, second % 86_400);
    format!(
        "2011-05-{day:02} {:02}:{:02}:{:02} POST /Microsoft-Server-ActiveSync/default.eas User=u&DeviceId=D{device}&DeviceType=T&Cmd=Sync u 200\r\n",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// A log with so many requests from a second on, a minute apart.
fn log(start: u32, device: u32, requests: u32) -> String {
    let mut log = HEADER.to_owned();
    for number in 0..requests {
        log.push_str(&request(start + 60 * number, device + number));
    }
    log
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// A folder of logs with a store beside it.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("logs")).unwrap();
        Site { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), content).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::create_dir_all(self.path(to).parent().unwrap()).unwrap();
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    fn update(&self, update: &Update) -> Summary {
        let found = discover(&[self.path("")]);
        let mut store = Store::open(&self.store(), None).unwrap();
        store.update(&found.sources, update).unwrap()
    }

    /// A night. Gives how many requests are known after it.
    fn night(&self) -> u64 {
        let update = Update {
            threads: 1,
            ..Update::default()
        };
        // What would be done is what is done.
        let found = discover(&[self.path("")]);
        let would = Update {
            dry: true,
            ..update.clone()
        };
        let would = match Store::read(&self.store()) {
            Ok(mut store) => store.update(&found.sources, &would).unwrap(),
            Err(_) => Store::none(None).update(&found.sources, &would).unwrap(),
        };
        let did = self.update(&update);
        assert_eq!(format!("{would:?}"), format!("{did:?}"));
        requests(&self.store())
    }
}

fn requests(store: &Path) -> u64 {
    let store = Store::read(store).unwrap();
    let ingested = store.ingested(None, None).unwrap();
    let counts = ingested.facts.counts;
    let tally = ingested.quality.tally();
    assert_eq!(tally.records, counts.records(), "every record is counted");
    let cells = ingested.facts.cells.iter();
    let sum: u64 = cells.map(|(_, cell)| cell.requests).sum();
    assert_eq!(sum, counts.requests);
    counts.requests
}

#[test]
fn what_was_rewritten_is_withdrawn() {
    // Each rewrites five requests as three of the same times, by way of what a night saw between.
    type Step = fn(&Site);
    let between: [(&str, Step); 6] = [
        ("at once", |_| {}),
        ("its header", |site| {
            site.write("a/u_ex.log", HEADER);
            assert_eq!(site.night(), 5);
        }),
        ("nothing", |site| {
            site.remove("a/u_ex.log");
            assert_eq!(site.night(), 5);
        }),
        ("an empty file", |site| {
            site.write("a/u_ex.log", "");
            assert_eq!(site.night(), 5);
        }),
        ("an empty file and its header", |site| {
            site.write("a/u_ex.log", "");
            assert_eq!(site.night(), 5);
            site.write("a/u_ex.log", HEADER);
            assert_eq!(site.night(), 5);
        }),
        ("a part of it", |site| {
            site.write("a/u_ex.log", log(600, 1, 2));
            assert_eq!(site.night(), 5);
        }),
    ];
    for (what, step) in between {
        for (name, packed) in [("a/u_ex.log", false), ("a/u_ex.log.gz", true)] {
            let site = Site::new();
            site.write("a/u_ex.log", log(600, 1, 5));
            assert_eq!(site.night(), 5);
            step(&site);
            // Also one that begins as the old one did.
            let new = format!("{}{}", log(600, 1, 1), &log(660, 50, 2)[HEADER.len()..]);
            if packed {
                let _ = fs::remove_file(site.path("a/u_ex.log"));
                site.write(name, gzip(&new));
            } else {
                site.write(name, new);
            }
            assert_eq!(site.night(), 3, "{what}, {name}");
            assert_eq!(site.night(), 3, "{what}, {name}");
        }
    }
}

#[test]
fn what_only_took_its_turn_withdraws_nothing() {
    let site = Site::new();
    site.write("a/current.log", log(600, 1, 5));
    assert_eq!(site.night(), 5);
    // The old log is gone, and the new one begins in the second in which it ended.
    site.write("a/current.log", log(840, 100, 3));
    assert_eq!(site.night(), 8);
    site.rename("a/current.log", "a/old.log");
    site.write("a/current.log", HEADER);
    assert_eq!(site.night(), 8);
    site.write("a/current.log", log(960, 200, 1));
    assert_eq!(site.night(), 9);
    // Over a known log another known one is moved.
    site.rename("a/old.log", "a/current.log");
    assert_eq!(site.night(), 9);
}

#[test]
fn a_header_is_nobodys() {
    for remove in [false, true] {
        let site = Site::new();
        for server in ["a", "b", "c"] {
            site.write(&format!("{server}/u_ex.log"), HEADER);
        }
        assert_eq!(site.night(), 0);
        let sources = |site: &Site| Store::read(&site.store()).unwrap().status().sources;
        assert_eq!(sources(&site), 3);
        site.write("a/u_ex.log", log(600, 1, 5));
        assert_eq!(site.night(), 5);
        if remove {
            site.remove("a/u_ex.log");
        }
        site.write("b/u_ex.log", log(600, 100, 4));
        assert_eq!(site.night(), 9);
        site.rename("c/u_ex.log", "c/renamed.log");
        assert_eq!(site.night(), 9);
        assert_eq!(sources(&site), 3);
    }
}

#[test]
fn a_copy_of_a_part_counts_once() {
    for requests in [3, 12, 40, 400] {
        let whole = log(600, 1, requests);
        let cut = |part: usize| &whole[..whole.len() * part / 10];
        let all = u64::from(requests);
        // The copy is there before, with, and after the log; and while that is moved or away.
        let site = Site::new();
        site.write("copies/x.log", cut(6));
        let known = site.night();
        site.write("a/u_ex.log", &whole);
        assert_eq!(site.night(), all, "known before: {known}");
        site.write("copies/y.log", cut(8));
        assert_eq!(site.night(), all);
        site.remove("copies/x.log");
        site.rename("a/u_ex.log", "b/u_ex.log");
        site.write("copies/0.gz", gzip(cut(7)));
        assert_eq!(site.night(), all);
        site.remove("b/u_ex.log");
        site.write("copies/z.log", cut(9));
        assert_eq!(site.night(), all);
        site.write("b/u_ex.log.gz", gzip(&whole));
        assert_eq!(site.night(), all);
    }
}

#[test]
fn an_archive_that_is_cut_is_named_and_read_on_when_it_is_whole() {
    let whole = log(600, 1, 400);
    let packed = gzip(&whole);
    for left in [packed.len() / 2, packed.len() - 4] {
        let site = Site::new();
        site.write("a/u_ex.log.gz", &packed[..left]);
        let summary = site.update(&Update::default());
        assert!(
            summary.is_in_part() && summary.broken.len() == 1,
            "{summary:?}"
        );
        site.write("a/u_ex.log.gz", &packed);
        let summary = site.update(&Update::default());
        assert!(!summary.is_in_part(), "{summary:?}");
        assert_eq!(requests(&site.store()), 400);
        let store = Store::read(&site.store()).unwrap();
        assert!(!store.ingested(None, None).unwrap().quality.is_incomplete());
    }
}

/// Numbers that look random.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % n
    }
}

/// A log of the model: where it is, and what it says.
struct Modelled {
    name: String,
    text: String,
    packed: bool,
}

/// Whatever happens to logs, each request of a log that was not rewritten counts once.
#[test]
fn whatever_happens_to_logs_each_request_counts_once() {
    for seed in 0..12 {
        let mut dice = Dice(seed);
        let site = Site::new();
        let mut told = String::new();
        let mut logs: Vec<Modelled> = Vec::new();
        let mut counted: BTreeSet<String> = BTreeSet::new();
        let mut second = 600;
        let mut device = 0;
        let mut more = |text: &mut String, second: &mut u32, requests: u32| {
            for _ in 0..requests {
                *second += 7;
                device += 1;
                text.push_str(&request(*second, device));
            }
        };
        for step in 0..24 {
            second += 60;
            let server = ["a", "b"][dice.below(2) as usize];
            let at = (!logs.is_empty()).then(|| dice.below(logs.len() as u32) as usize);
            let what = dice.below(9);
            if what >= 7 && at.is_some() {
                // What no night has seen cannot be known.
                site.night();
            }
            writeln!(told, "{what} {:?}", at.map(|at| &logs[at].name)).unwrap();
            match (what, at) {
                // A new log, perhaps without a request yet.
                (0, _) | (_, None) => {
                    let mut text = HEADER.to_owned();
                    let requests = dice.below(30);
                    more(&mut text, &mut second, requests);
                    let name = format!("{server}/u_ex{step}.log");
                    let packed = false;
                    logs.push(Modelled { name, text, packed });
                }
                // It grows.
                (1..=3, Some(at)) if !logs[at].packed => {
                    let requests = dice.below(40);
                    more(&mut logs[at].text, &mut second, requests);
                }
                // It is packed, or moved.
                (4, Some(at)) if !logs[at].packed => {
                    site.remove(&logs[at].name);
                    logs[at].name.push_str(".gz");
                    logs[at].packed = true;
                }
                (5, Some(at)) => {
                    site.remove(&logs[at].name);
                    logs[at].name = format!("{server}/moved{step}/{}", logs[at].name);
                }
                // A part of it is copied.
                (6, Some(at)) => {
                    let text = &logs[at].text;
                    let part = dice.below(text.len() as u32 + 1) as usize;
                    site.write(&format!("copies/{step}.log"), &text[..part]);
                }
                // It is deleted. What it said stays.
                (7, Some(at)) => {
                    site.remove(&logs[at].name);
                    logs.remove(at);
                }
                // It is rewritten. A copy of a part of what it said would bring that back.
                (8, Some(at)) if !logs[at].packed => {
                    let _ = fs::remove_dir_all(site.path("copies"));
                    let old = std::mem::take(&mut logs[at].text);
                    let lines: Vec<&str> = old.split_inclusive('\n').skip(4).collect();
                    for line in &lines {
                        counted.remove(*line);
                    }
                    let kept = dice.below(lines.len() as u32 + 1) as usize;
                    let mut text = HEADER.to_owned();
                    for line in &lines[lines.len() - kept..] {
                        text.push_str(&line.replace("&Cmd", "x&Cmd"));
                    }
                    logs[at].text = text;
                    if kept == 0 || kept == 1 && lines.len() > 1 {
                        // It does not tell of the same times: it took its turn.
                        counted.extend(lines.into_iter().map(str::to_owned));
                    }
                }
                _ => {}
            }
            for log in &logs {
                let content = if log.packed {
                    gzip(&log.text)
                } else {
                    log.text.clone().into_bytes()
                };
                if fs::read(site.path(&log.name)).ok().as_ref() != Some(&content) {
                    site.write(&log.name, content);
                }
                counted.extend(log.text.split_inclusive('\n').skip(4).map(str::to_owned));
            }
            // Some nights are missed.
            if dice.below(4) > 0 || what == 8 {
                assert_eq!(
                    site.night(),
                    counted.len() as u64,
                    "seed {seed}, step {step}:\n{told}"
                );
            }
        }
    }
}

/// The tables of each day: their names and the hashes of their content.
type Tables = BTreeMap<String, Vec<(String, String)>>;

/// What a store says, whatever its files are called.
fn content(store: &Path) -> (Vec<SourceEntry>, Tables) {
    let store = Store::read(store).unwrap();
    let days = store.manifest.days.iter().map(|(day, files)| {
        let tables = files.iter().filter(|file| file.table != tables::SOURCES);
        let tables = tables.map(|file| (file.table.clone(), file.hash.clone()));
        (day.clone(), tables.collect())
    });
    let days = days.collect();
    (store.manifest.sources.into_values().collect(), days)
}

#[test]
fn stores_are_merged_in_any_order() {
    let site = Site::new();
    let day = 86_400;
    // Two servers with logs of one name, a small one among them that begins as the large one does;
    // one store has read further; and one has dropped the first day.
    let both_days = log(day - 600, 1, 20);
    let half = log(day - 600, 1, 12);
    let fill = |name: &str, logs: &[&str], keep: Option<i32>| {
        let store = site.folder.path().join("stores").join(name);
        for text in logs {
            site.write("L/u_ex.log", text);
            let found = discover(&[site.path("L")]);
            let mut open = Store::open(&store, None).unwrap();
            open.update(&found.sources, &Update::default()).unwrap();
        }
        if let Some(first) = keep {
            Store::open(&store, None).unwrap().prune(first).unwrap();
        }
        fs::remove_dir_all(site.path("L")).unwrap();
        store
    };
    let second_day = day_named("2011-05-07").unwrap().unwrap();
    let stores = [
        fill("a", &[&half], None),
        fill("b", &[&half, &both_days], Some(second_day)),
        fill("c", &[&log(0, 900, 1)], None),
        fill("d", &[HEADER], None),
        fill("e", &[&log(0, 950, 30)], None),
    ];
    let merge = |name: &str, of: &[&PathBuf]| {
        let into = site.folder.path().join("sums").join(name);
        let others: Vec<Store> = of.iter().map(|store| Store::read(store).unwrap()).collect();
        let mut sum = Store::open(&into, None).unwrap();
        sum.merge(&others).unwrap();
        into
    };
    let [a, b, c, d, e] = &stores;
    let all = merge("all", &[a, b, c, d, e]);
    // The first day of the pruned store is in the other one.
    assert_eq!(requests(&all), 20 + 1 + 30);
    let want = content(&all);
    assert_eq!(content(&merge("back", &[e, d, c, b, a])), want);
    let ab = merge("ab", &[a, b]);
    let de = merge("de", &[d, e]);
    assert_eq!(content(&merge("left", &[&ab, c, &de])), want);
    let bc = merge("bc", &[c, b]);
    assert_eq!(content(&merge("right", &[&de, &bc, a])), want);
    assert_eq!(content(&merge("again", &[&all, a, &ab])), want);
}

#[test]
fn what_was_dropped_is_known_as_long_as_it_is_there() {
    let site = Site::new();
    let day = 86_400;
    site.write("a/1.log", log(0, 1, 5));
    site.write("a/2.log", log(600, 100, 6));
    site.write("a/3.log", log(day, 200, 7));
    site.write("a/4.log", log(day - 120, 300, 8));
    assert_eq!(site.night(), 26);
    site.remove("a/1.log");
    assert_eq!(site.night(), 26);
    let prune = |day: &str| {
        let mut store = Store::open(&site.store(), None).unwrap();
        let dropped = store.prune(day_named(day).unwrap().unwrap()).unwrap();
        (dropped.len(), store.status().sources)
    };
    assert_eq!(prune("2011-05-07"), (1, 3));
    assert_eq!(site.night(), 7 + 6, "nothing is read again");
    site.remove("a/2.log");
    site.night();
    assert_eq!(prune("2011-05-07"), (0, 2));
}
