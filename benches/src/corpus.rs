//! Writing a corpus: servers by days, with defects strewn in.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::behaviour::Event;
use crate::line::{self, Generation, Scene, Shape};
use crate::population::{Device, Population};
use crate::rng::Rng;
use crate::truth::{Truth, Written};

/// What a corpus is to be.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// Size in bytes, met within a line per file.
    pub size: u64,
    /// Start of the random numbers.
    pub seed: u64,
    /// Form of the lines.
    pub generation: Generation,
    /// Share of lines that are ActiveSync's, in a million.
    pub eas_share: u64,
    /// Share of lines that are defects, in a million.
    pub defect_share: u64,
    /// Number of devices.
    pub devices: usize,
    /// Number of servers, each with a folder of its own.
    pub servers: usize,
    /// Number of days, each with a file a server.
    pub days: usize,
}

impl Default for Corpus {
    fn default() -> Self {
        Corpus {
            size: 1 << 20,
            seed: 1,
            generation: Generation::Exchange2010,
            eas_share: 800_000,
            defect_share: 500,
            devices: 500,
            servers: 2,
            days: 2,
        }
    }
}

/// Where a corpus goes.
pub enum Output<'a> {
    /// A folder for each server below this one, a file for each day.
    Folder(&'a Path),
    /// One stream: one server, the days one after the other.
    Stream(&'a mut dyn Write),
}

/// Length of the months of a year that is no leap year.
const MONTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// The day so many days after 2011-05-01, as `YYYY-MM-DD`.
pub(crate) fn date(day: usize) -> String {
    let (mut month, mut day, mut year) = (4, day as u32, 2011);
    while day >= MONTHS[month] {
        day -= MONTHS[month];
        month += 1;
        if month == 12 {
            (month, year) = (0, year + 1);
        }
    }
    format!("{year}-{:02}-{:02}", month + 1, day + 1)
}

/// A device with the number of requests it has made.
struct Actor<'a> {
    device: &'a Device,
    made: u64,
}

/// One log file that is being written.
struct Log<'a> {
    out: Box<dyn Write + 'a>,
    server: usize,
    written: u64,
    shape: Shape,
}

impl Corpus {
    /// Writes the corpus and gives what it holds.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn write(&self, output: Output<'_>) -> io::Result<Truth> {
        let population = Population::new(self.devices, self.seed);
        let mut actors: Vec<Actor<'_>> = population
            .devices
            .iter()
            .map(|device| Actor { device, made: 0 })
            .collect();
        let mut rng = Rng::new(self.seed);
        let mut truth = Truth::default();
        match output {
            Output::Folder(folder) => {
                let per_file = self.size / (self.servers * self.days) as u64;
                for day in 0..self.days {
                    let date = date(day);
                    let mut logs = Vec::new();
                    for server in 0..self.servers {
                        let path = file_name(folder, server, &date)?;
                        let out = Box::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
                        logs.push(Log {
                            out,
                            server,
                            written: 0,
                            shape: Shape::default(),
                        });
                    }
                    self.day(
                        &date,
                        per_file,
                        &mut logs,
                        &mut actors,
                        &mut rng,
                        &mut truth,
                    )?;
                }
            }
            Output::Stream(out) => {
                let per_day = self.size / self.days as u64;
                for day in 0..self.days {
                    let log = Log {
                        out: Box::new(&mut *out),
                        server: 0,
                        written: 0,
                        shape: Shape::default(),
                    };
                    let date = date(day);
                    self.day(
                        &date,
                        per_day,
                        &mut [log],
                        &mut actors,
                        &mut rng,
                        &mut truth,
                    )?;
                }
            }
        }
        Ok(truth)
    }

    /// Writes one day of all servers, in the order of time.
    fn day(
        &self,
        date: &str,
        size: u64,
        logs: &mut [Log<'_>],
        actors: &mut [Actor<'_>],
        rng: &mut Rng,
        truth: &mut Truth,
    ) -> io::Result<()> {
        let mut text = String::with_capacity(1 << 16);
        for log in logs.iter_mut() {
            header(
                &mut text,
                date,
                self.generation,
                self.generation.fields(),
                truth,
            );
            log.flush(&mut text, truth)?;
        }
        // The log that is behind goes on, so that the servers stay abreast in time.
        while let Some(log) = logs.iter_mut().min_by_key(|log| log.written) {
            if log.written >= size {
                break;
            }
            let second = (u128::from(log.written) * 86_400 / u128::from(size)) as u32;
            let scene = Scene {
                generation: self.generation,
                date,
                second,
                server: log.server,
            };
            if rng.per_million(self.defect_share) {
                defect(&mut text, &scene, log, actors, rng, truth);
            } else if rng.per_million(self.eas_share) {
                let number = rng.below(actors.len() as u64) as usize;
                request(
                    &mut text,
                    &scene,
                    log.shape,
                    number,
                    &mut actors[number],
                    rng,
                    truth,
                );
            } else {
                line::other(&mut text, &scene, log.shape, rng);
                end_record(&mut text, truth);
                truth.other_records += 1;
            }
            log.flush(&mut text, truth)?;
        }
        logs.iter_mut().try_for_each(|log| log.out.flush())
    }
}

impl Log<'_> {
    fn flush(&mut self, text: &mut String, truth: &mut Truth) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.written += text.len() as u64;
        truth.bytes += text.len() as u64;
        text.clear();
        Ok(())
    }
}

fn file_name(folder: &Path, server: usize, date: &str) -> io::Result<PathBuf> {
    let folder = folder.join(format!("CAS{:02}", server + 1)).join("W3SVC1");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("u_ex{}.log", date[2..].replace('-', ""))))
}

fn header(text: &mut String, date: &str, generation: Generation, fields: &str, truth: &mut Truth) {
    let _ = write!(
        text,
        "#Software: {}\r\n#Version: 1.0\r\n#Date: {date} 00:00:00\r\n#Fields: {fields}\r\n",
        generation.software()
    );
    truth.lines += 4;
    truth.directives += 4;
}

fn end_record(text: &mut String, truth: &mut Truth) {
    text.push_str("\r\n");
    truth.lines += 1;
    truth.records += 1;
}

fn request(
    text: &mut String,
    scene: &Scene<'_>,
    shape: Shape,
    number: usize,
    actor: &mut Actor<'_>,
    rng: &mut Rng,
    truth: &mut Truth,
) {
    let device = actor.device;
    let version = scene.generation.version(device);
    let event = device.behaviour.next(version, actor.made, rng);
    actor.made += 1;
    line::request(text, scene, shape, device, &event, rng);
    end_record(text, truth);
    truth.request(&Written {
        number: number as u32,
        device,
        shown: scene.generation.shown(event),
        server: &scene.generation.server_name(scene.server),
        hour: format!("{}T{:02}", scene.date, scene.second / 3600),
    });
}

/// What goes wrong with logs.
fn defect(
    text: &mut String,
    scene: &Scene<'_>,
    log: &mut Log<'_>,
    actors: &mut [Actor<'_>],
    rng: &mut Rng,
    truth: &mut Truth,
) {
    let mut malformed = |kind: &'static str| {
        truth.lines += 1;
        *truth.malformed.entry(kind).or_default() += 1;
    };
    match rng.below(6) {
        0 => {
            text.push_str("\r\n");
            truth.lines += 1;
            truth.blank += 1;
        }
        1 => {
            text.push_str("2011-05-06 11:30:11 10.1.0.10 POST /Microsoft-Server-Active\r\n");
            malformed("too_few_values");
        }
        2 => {
            text.push_str(&"\0".repeat(200));
            text.push_str("\r\n");
            malformed("nul_block");
        }
        3 => {
            line::other(text, scene, log.shape, rng);
            text.push_str(" one two three\r\n");
            malformed("too_many_values");
        }
        4 => {
            // A restart writes the header again, now and then with other fields.
            if scene.generation.other_fields().is_some() {
                log.shape.other_fields = !log.shape.other_fields;
            }
            let fields = match scene.generation.other_fields() {
                Some(fields) if log.shape.other_fields => fields,
                _ => scene.generation.fields(),
            };
            header(text, scene.date, scene.generation, fields, truth);
        }
        _ => {
            // NUL bytes before a line that is whole.
            text.push_str(&"\0".repeat(64));
            let number = rng.below(actors.len() as u64) as usize;
            request(
                text,
                scene,
                log.shape,
                number,
                &mut actors[number],
                rng,
                truth,
            );
        }
    }
}

impl Generation {
    /// The protocol version that a device speaks with a server of this generation.
    fn version(self, device: &Device) -> u16 {
        match self {
            Generation::Exchange2003 => 25,
            Generation::Exchange2010 | Generation::Exchange2019 => device.version,
        }
    }

    /// What a line of this generation shows of an event.
    fn shown(self, event: Event) -> Event {
        if self == Generation::Exchange2003 || !event.logged {
            Event {
                eas_status: None,
                error: None,
                access: None,
                ..event
            }
        } else {
            event
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_go_on_over_months_and_years() {
        assert_eq!(date(0), "2011-05-01");
        assert_eq!(date(31), "2011-06-01");
        assert_eq!(date(245), "2012-01-01");
    }

    #[test]
    fn the_same_seed_makes_the_same_bytes() {
        let bytes = |seed| {
            let mut out = Vec::new();
            let corpus = Corpus {
                seed,
                size: 100_000,
                ..Corpus::default()
            };
            let truth = corpus.write(Output::Stream(&mut out)).unwrap();
            assert_eq!(truth.bytes, out.len() as u64);
            out
        };
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
    }
}
