//! Devices whose verdicts are known, since each of them lives through a story.
//!
//! The logs tell of four days on servers of every generation and hold nothing but the requests of
//! these devices. The verdicts come from the stories and share no code with the report, so that the
//! two can be held against each other.

mod refusal;
mod script;
mod site;
mod story;
mod text;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::corpus::date;
use crate::population::{Device, Population};
use crate::rng::Rng;
use script::{DAY, HOUR, Request, Script};
use site::{Kind, SITES, Site};
use story::{HEALTHY, STORIES};
use text::{Line, Part};

pub use site::Chain;
pub use story::Story;

/// A device with what it lives through.
#[derive(Debug)]
pub struct LabelledDevice {
    /// The device.
    pub device: Device,
    /// Its story.
    pub story: &'static Story,
    /// The way of its requests.
    pub chain: Chain,
    requests: Vec<Request>,
}

impl LabelledDevice {
    /// The account in lower case and the device id in upper case: what tells it from others.
    pub fn key(&self) -> (String, String) {
        (
            self.device.user.to_lowercase(),
            self.device.id.to_uppercase(),
        )
    }
}

/// Devices whose verdicts are known, with four days of their requests.
#[derive(Debug)]
pub struct Labelled {
    /// The devices.
    pub devices: Vec<LabelledDevice>,
    rng: Rng,
}

/// A line that is to be written, in the order of logs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    /// Seconds since the start of the period.
    at: u32,
    device: u32,
    request: u32,
    part: Part,
    /// The site that writes it, and the one at the other end of the chain: numbers of [`SITES`].
    site: usize,
    other: Option<usize>,
}

impl Labelled {
    /// So many devices. Every story has its share, and one device at least as long as there are
    /// enough; all devices that are left over are healthy.
    pub fn generate(devices: usize, seed: u64) -> Labelled {
        let mut rng = Rng::new(seed ^ 0x006c_6162_656c);
        let mut parts: Vec<(&'static Story, Chain)> = Vec::new();
        for story in STORIES {
            let share = (story.share * devices / 10_000).max(1);
            parts.extend(story.chains.iter().cycle().take(share).map(|&c| (story, c)));
        }
        parts.truncate(devices);
        let left_over = devices - parts.len();
        let chains = HEALTHY.chains.iter().cycle().take(left_over);
        parts.extend(chains.map(|&chain| (&HEALTHY, chain)));
        for last in (1..parts.len()).rev() {
            parts.swap(last, rng.below(last as u64 + 1) as usize);
        }
        let devices = people(devices, seed)
            .into_iter()
            .zip(parts)
            .map(|(device, (story, chain))| {
                let mut script = Script::new(&device, chain, Rng::new(rng.number()));
                (story.tell)(&mut script);
                LabelledDevice {
                    device,
                    story,
                    chain,
                    requests: script.requests,
                }
            })
            .collect();
        Labelled { devices, rng }
    }

    /// The verdict of each device, by [`LabelledDevice::key`].
    pub fn labels(&self) -> BTreeMap<(String, String), &'static str> {
        let label = |device: &LabelledDevice| (device.key(), device.story.verdict);
        self.devices.iter().map(label).collect()
    }

    /// Writes the verdicts as CSV with a header.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn write_labels(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"user,device_id,verdict\r\n")?;
        for ((user, id), verdict) in self.labels() {
            write!(out, "{user},{id},{verdict}\r\n")?;
        }
        Ok(())
    }

    /// How many requests there are, of which some are logged twice.
    pub fn requests(&self) -> usize {
        self.devices
            .iter()
            .map(|device| device.requests.len())
            .sum()
    }

    /// Writes the logs: below the folder one for each server, with one for each of its sites, where
    /// each log holds a day or an hour.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        let mut rng = self.rng.clone();
        let mut logs: Vec<Log<'_>> = SITES.iter().map(|site| Log::new(folder, site)).collect();
        let mut text = String::new();
        for due in self.due(&mut rng) {
            let labelled = &self.devices[due.device as usize];
            let date = date((due.at / DAY) as usize);
            let line = Line {
                site: &SITES[due.site],
                part: due.part,
                other: due.other.map(|site| &SITES[site]),
                date: &date,
                second: due.at % DAY,
                device: &labelled.device,
                request: &labelled.requests[due.request as usize],
            };
            text.clear();
            line.write(&mut text, &mut rng);
            logs[due.site].write(&date, due.at, &text)?;
        }
        logs.into_iter().try_for_each(Log::close)
    }

    /// All lines, in the order of time.
    fn due(&self, rng: &mut Rng) -> Vec<Due> {
        let mut lines = Vec::new();
        for (number, device) in self.devices.iter().enumerate() {
            let back = device.chain.back(number);
            for (index, request) in device.requests.iter().enumerate() {
                let front = device.chain.fronts()[usize::from(request.server)];
                let line = |part, at, site, other| Due {
                    at,
                    device: number as u32,
                    request: index as u32,
                    part,
                    site,
                    other,
                };
                // What IIS refuses is not passed on.
                let Some(back) = back.filter(|_| request.event.logged) else {
                    lines.push(line(Part::Alone, request.at, front, None));
                    continue;
                };
                lines.push(line(Part::Back, request.at, back, Some(front)));
                if !request.inner {
                    let at = request.at + rng.below(2) as u32;
                    lines.push(line(Part::Front, at, front, Some(back)));
                }
            }
        }
        lines.sort_unstable();
        lines
    }
}

/// The devices: some users have two, and some devices two users.
fn people(devices: usize, seed: u64) -> Vec<Device> {
    let mut devices = Population::new(devices, seed).devices;
    for number in (50..devices.len()).step_by(101) {
        if devices[number].user != devices[number - 1].user {
            devices[number] = Device {
                user: devices[number].user.clone(),
                ..devices[number - 1].clone()
            };
        }
    }
    devices
}

/// The logs of a site, of which one is open.
struct Log<'a> {
    folder: PathBuf,
    site: &'a Site,
    open: Option<(String, BufWriter<File>)>,
}

impl<'a> Log<'a> {
    fn new(folder: &Path, site: &'a Site) -> Log<'a> {
        Log {
            folder: folder.join(site.server).join(site.name),
            site,
            open: None,
        }
    }

    fn write(&mut self, date: &str, at: u32, line: &str) -> io::Result<()> {
        let name = self.file_name(date, at);
        match &mut self.open {
            Some((open, out)) if *open == name => out.write_all(line.as_bytes()),
            _ => {
                if let Some((_, mut out)) = self.open.take() {
                    out.flush()?;
                }
                fs::create_dir_all(&self.folder)?;
                let mut out = BufWriter::new(File::create(self.folder.join(&name))?);
                let generation = self.site.kind.generation();
                write!(
                    out,
                    "#Software: {}\r\n#Version: 1.0\r\n#Date: {date} 00:00:00\r\n#Fields: {}\r\n{line}",
                    generation.software(),
                    generation.fields()
                )?;
                self.open = Some((name, out));
                Ok(())
            }
        }
    }

    fn file_name(&self, date: &str, at: u32) -> String {
        let day = date[2..].replace('-', "");
        let prefix = match self.site.kind {
            Kind::Exchange2003 => "ex",
            _ => "u_ex",
        };
        if self.site.hourly {
            format!("{prefix}{day}{:02}.log", at % DAY / HOUR)
        } else {
            format!("{prefix}{day}.log")
        }
    }

    fn close(self) -> io::Result<()> {
        match self.open {
            Some((_, mut out)) => out.flush(),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn stories_have_distinct_names() {
        let names: BTreeSet<&str> = STORIES.iter().map(|story| story.name).collect();
        assert_eq!(names.len(), STORIES.len());
    }

    #[test]
    fn the_same_seed_makes_the_same_logs() {
        let logs = |seed| {
            let folder = tempfile::tempdir().unwrap();
            Labelled::generate(200, seed).write(folder.path()).unwrap();
            let log = folder.path().join("MBX03/W3SVC2/u_ex110502.log");
            fs::read(log).unwrap()
        };
        assert!(logs(7) == logs(7));
        assert!(logs(7) != logs(8));
    }

    #[test]
    fn devices_have_distinct_keys() {
        let labelled = Labelled::generate(3000, 3);
        assert_eq!(labelled.labels().len(), 3000);
        let ids: BTreeSet<String> = labelled.devices.iter().map(|d| d.key().1).collect();
        assert!(ids.len() < 3000, "some devices have two users");
    }
}
