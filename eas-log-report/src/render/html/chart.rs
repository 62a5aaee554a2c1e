//! Charts: where things stand in them. The templates draw them, and escape what they write.

use chrono::{DateTime, Datelike, Timelike};
use serde::Serialize;

use super::super::cell::cut;
use super::super::escape::terminal_safe;
use super::super::number::{grouped, percent};
use super::super::time::short_time;
use crate::report::{DayTotals, Report, Section, Value};
use crate::triage::Verdict;

const HOUR: i64 = 3600;

/// All charts of a page.
#[derive(Serialize)]
pub(super) struct Charts {
    timeline: Option<Timeline>,
    /// Requests and devices by day.
    trend: Vec<Timeline>,
    bars: Vec<Bars>,
    heats: Vec<Heat>,
}

/// The charts of a report, as far as there is something to draw.
pub(super) fn charts(report: &Report) -> Charts {
    let hours = report.section("hours").map(hours).unwrap_or_default();
    let bars = [
        report.section("device_types").and_then(device_types),
        report.section("verdicts").and_then(verdicts),
    ];
    let zone = report.meta.zone();
    let heats = [
        Heat::new("heat-requests", "Requests", zone, &hours, |hour| {
            hour.requests
        }),
        Heat::new("heat-failures", "Failed requests", zone, &hours, |hour| {
            hour.failed
        }),
    ];
    Charts {
        timeline: Timeline::new(&hours, zone),
        trend: trend(&report.days),
        bars: bars.into_iter().flatten().collect(),
        heats: heats.into_iter().flatten().collect(),
    }
}

/// The requests of an hour, or of several.
#[derive(Clone, Copy, Default)]
struct Hour {
    start: i64,
    requests: u64,
    failed: u64,
}

fn hours(section: &Section) -> Vec<Hour> {
    let times = section.values("hour");
    let hours = times.zip(counts(section, "requests").zip(counts(section, "failed_requests")));
    let mut hours: Vec<Hour> = hours
        .filter_map(|(time, (requests, failed))| match time {
            Value::Time(start) => Some(Hour {
                start: *start,
                requests,
                failed,
            }),
            _ => None,
        })
        .collect();
    hours.sort_unstable_by_key(|hour| hour.start);
    hours
}

fn counts<'s>(section: &'s Section, key: &str) -> impl Iterator<Item = u64> + use<'s> {
    section.values(key).map(|value| match value {
        Value::Number(number) => u64::try_from(*number).unwrap_or(0),
        _ => 0,
    })
}

fn names<'s>(section: &'s Section, key: &str) -> impl Iterator<Item = String> + use<'s> {
    section.values(key).map(|value| match value {
        Value::Text(text) => terminal_safe(text).into_owned(),
        _ => "unknown".to_owned(),
    })
}

/// A place in a drawing. A tenth of a unit is as fine as anybody sees.
fn place(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// A mark on an axis.
#[derive(Serialize)]
struct Tick {
    at: f64,
    label: String,
}

/// Requests over time, the failed ones below; or devices.
#[derive(Serialize)]
struct Timeline {
    id: &'static str,
    /// What the lower part of a column is, and the upper.
    parts: [&'static str; 2],
    /// The section that has the numbers; none if none has.
    table: Option<&'static str>,
    heading: String,
    description: String,
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    base: f64,
    columns: Vec<Stacked>,
    across: Vec<Tick>,
    up: Vec<Tick>,
}

#[derive(Serialize)]
struct Stacked {
    x: f64,
    width: f64,
    failed_y: f64,
    failed_height: f64,
    rest_y: f64,
    rest_height: f64,
    label: String,
}

impl Timeline {
    const WIDTH: f64 = 900.0;
    const HEIGHT: f64 = 250.0;
    const LEFT: f64 = 52.0;
    const RIGHT: f64 = 890.0;
    const TOP: f64 = 12.0;
    const BASE: f64 = 222.0;
    /// More columns are too narrow to be seen.
    const COLUMNS: i64 = 240;
    /// Wider columns look as if they were something special.
    const WIDEST: f64 = 36.0;

    fn new(hours: &[Hour], zone: &str) -> Option<Timeline> {
        let (first, last) = (hours.first()?.start, hours.last()?.start);
        let step = step(first, last, Self::COLUMNS);
        let start = first.div_euclid(step) * step;
        let slots = (last - start) / step + 1;
        let summed = summed(hours, step);
        let most = summed.iter().map(|sum| sum.requests).max()?;
        let (top, up) = scale(most);
        let height = |number: u64| place(share(number, top) * (Self::BASE - Self::TOP));
        let slot = (Self::RIGHT - Self::LEFT) / slots as f64;
        let x = |time: i64| Self::LEFT + (time - start) as f64 / step as f64 * slot;
        let width = (slot * 0.82).min(Self::WIDEST);
        let columns = summed.iter().map(|sum| {
            let failed_height = height(sum.failed);
            let rest_height = height(sum.requests - sum.failed);
            Stacked {
                x: place(x(sum.start) + (slot - width) / 2.0),
                width: place(width),
                failed_y: place(Self::BASE - failed_height),
                failed_height,
                rest_y: place(Self::BASE - failed_height - rest_height),
                rest_height,
                label: format!(
                    "{}: {} requests, {} failed",
                    short_time(sum.start),
                    grouped(sum.requests),
                    grouped(sum.failed)
                ),
            }
        });
        let unit = unit(step);
        let busiest = summed.iter().max_by_key(|sum| sum.requests)?;
        let worst = summed.iter().max_by_key(|sum| sum.failed)?;
        let description = format!(
            "From {} to {} {zone}. The most requests: {}, in the {unit} from {}. The most failures: {}, \
             in the {unit} from {}.",
            short_time(first),
            short_time(last + HOUR),
            grouped(busiest.requests),
            short_time(busiest.start),
            grouped(worst.failed),
            short_time(worst.start),
        );
        Some(Timeline {
            id: "timeline",
            parts: ["failed", "other requests"],
            table: Some("hours"),
            heading: format!("Requests and failures by {unit}"),
            description,
            width: Self::WIDTH,
            height: Self::HEIGHT,
            left: Self::LEFT,
            right: Self::RIGHT,
            base: Self::BASE,
            columns: columns.collect(),
            across: dates(start, start + slots * step, step)
                .map(|(time, label)| Tick {
                    at: place(x(time)),
                    label,
                })
                .collect(),
            up: up
                .into_iter()
                .map(|number| Tick {
                    at: place(Self::BASE - height(number)),
                    label: grouped(number),
                })
                .collect(),
        })
    }
}

/// The charts of the days of a store. One day has no trend.
fn trend(days: &[DayTotals]) -> Vec<Timeline> {
    if days.len() < 2 {
        return Vec::new();
    }
    let requests = Trend {
        id: "trend-requests",
        heading: "Requests and failures by day",
        parts: ["failed", "other requests"],
        whole: "requests",
        numbers: |day| (day.requests, day.failed_requests),
    };
    let devices = Trend {
        id: "trend-devices",
        heading: "Broken devices by day",
        parts: ["broken", "other devices"],
        whole: "devices",
        numbers: |day| (day.devices, day.broken_devices),
    };
    [requests, devices]
        .iter()
        .filter_map(|trend| trend.of(days))
        .collect()
}

/// What a chart of days shows.
struct Trend {
    id: &'static str,
    heading: &'static str,
    parts: [&'static str; 2],
    whole: &'static str,
    /// The whole and the lower part.
    numbers: fn(&DayTotals) -> (u64, u64),
}

impl Trend {
    /// So many dates stand under a chart.
    const DATES: usize = 9;

    fn of(&self, days: &[DayTotals]) -> Option<Timeline> {
        let Trend {
            parts: [part, _],
            whole,
            ..
        } = *self;
        let numbers: Vec<(u64, u64)> = days.iter().map(self.numbers).collect();
        let (top, up) = scale(numbers.iter().map(|(all, _)| *all).max()?);
        let height = |number: u64| place(share(number, top) * (Timeline::BASE - Timeline::TOP));
        let slot = (Timeline::RIGHT - Timeline::LEFT) / days.len() as f64;
        let width = (slot * 0.82).min(Timeline::WIDEST);
        let x = |at: usize| Timeline::LEFT + at as f64 * slot;
        let told = |at: usize| {
            let (all, some) = numbers[at];
            format!(
                "{}: {} {whole}, {} {part}",
                days[at].date,
                grouped(all),
                grouped(some)
            )
        };
        let columns = (0..days.len()).map(|at| {
            let (all, some) = numbers[at];
            let (low, high) = (height(some), height(all.saturating_sub(some)));
            Stacked {
                x: place(x(at) + (slot - width) / 2.0),
                width: place(width),
                failed_y: place(Timeline::BASE - low),
                failed_height: low,
                rest_y: place(Timeline::BASE - low - high),
                rest_height: high,
                label: told(at),
            }
        });
        let every = days.len().div_ceil(Trend::DATES);
        let worst = (0..days.len()).max_by_key(|&at| numbers[at].1)?;
        let last = days.len() - 1;
        Some(Timeline {
            id: self.id,
            parts: self.parts,
            table: None,
            heading: self.heading.to_owned(),
            description: format!(
                "{} days. The last, {}. The most {part}, {}.",
                days.len(),
                told(last),
                told(worst)
            ),
            width: Timeline::WIDTH,
            height: Timeline::HEIGHT,
            left: Timeline::LEFT,
            right: Timeline::RIGHT,
            base: Timeline::BASE,
            columns: columns.collect(),
            across: (0..days.len())
                .step_by(every)
                .map(|at| Tick {
                    at: place(x(at) + slot / 2.0),
                    label: days[at].date.clone(),
                })
                .collect(),
            up: up
                .into_iter()
                .map(|number| Tick {
                    at: place(Timeline::BASE - height(number)),
                    label: grouped(number),
                })
                .collect(),
        })
    }
}

/// Hours that count as one column, so that there are at most so many.
fn step(first: i64, last: i64, columns: i64) -> i64 {
    let hours = (last - first) / HOUR + 2;
    let nice = [1, 3, 6, 12, 24, 168];
    let found = nice.into_iter().find(|step| hours / step < columns);
    // Logs may have any date: then whole weeks, as many as it takes.
    found.unwrap_or_else(|| (hours / columns / 168 + 1) * 168) * HOUR
}

fn unit(step: i64) -> String {
    match step / HOUR {
        1 => "hour".to_owned(),
        24 => "day".to_owned(),
        168 => "week".to_owned(),
        hours if hours < 24 => format!("{hours} hours"),
        hours => format!("{} weeks", hours / 168),
    }
}

fn summed(hours: &[Hour], step: i64) -> Vec<Hour> {
    let mut sums: Vec<Hour> = Vec::new();
    for hour in hours {
        let start = hour.start.div_euclid(step) * step;
        match sums.last_mut() {
            Some(sum) if sum.start == start => {
                sum.requests += hour.requests;
                sum.failed += hour.failed;
            }
            _ => sums.push(Hour { start, ..*hour }),
        }
    }
    sums
}

/// The end of a scale that starts at 0, and its marks.
fn scale(most: u64) -> (u64, Vec<u64>) {
    /// More lines than this across a chart are noise.
    const LINES: u64 = 4;
    let powers = (0..=18).map(|power| 10_u64.pow(power));
    let steps = powers.flat_map(|power| [power, 2 * power, 5 * power]);
    let enough = steps.into_iter().find(|step| most.div_ceil(*step) <= LINES);
    let step = enough.unwrap_or(most);
    let lines = most.div_ceil(step).max(1);
    (
        lines * step,
        (0..=lines).map(|number| number * step).collect(),
    )
}

/// The times to mark between two times, with their names.
fn dates(start: i64, end: i64, step: i64) -> impl Iterator<Item = (i64, String)> {
    const MOST: i64 = 9;
    let hours = (end - start) / HOUR;
    let nice = [1, 2, 3, 6, 12, 24, 48, 96, 168, 336, 672, 1344, 2688, 8736];
    let found = nice
        .into_iter()
        .find(|every| every * HOUR >= step && hours / every <= MOST);
    let every = found.unwrap_or((hours / MOST / 168 + 1) * 168) * HOUR;
    let first = start.div_euclid(every) * every;
    let marks = (0..).map(move |number| first + number * every);
    marks
        .skip_while(move |&time| time < start)
        .take_while(move |&time| time < end)
        .filter_map(move |time| {
            let date = DateTime::from_timestamp(time, 0)?;
            // The first mark names its day in any case.
            let form = if date.hour() > 0 && time - every >= start {
                "%H:%M"
            } else if date.hour() > 0 {
                "%-d %b %H:%M"
            } else if hours > 300 * 24 {
                "%-d %b %Y"
            } else {
                "%-d %b"
            };
            Some((time, date.format(form).to_string()))
        })
}

/// Numbers by name.
#[derive(Serialize)]
struct Bars {
    id: &'static str,
    heading: &'static str,
    description: String,
    /// The section that has the numbers.
    table: &'static str,
    width: f64,
    height: f64,
    left: f64,
    bars: Vec<Bar>,
}

#[derive(Serialize)]
struct Bar {
    name: String,
    y: f64,
    width: f64,
    tone: &'static str,
    value: String,
    label: String,
}

fn device_types(section: &Section) -> Option<Bars> {
    let numbers = counts(section, "requests").zip(counts(section, "failed_requests"));
    let mut failing: Vec<(String, u64, u64)> = names(section, "device_type")
        .zip(numbers)
        .map(|(name, (requests, failed))| (name, requests, failed))
        .filter(|(.., failed)| *failed > 0)
        .collect();
    failing.sort_by_key(|(.., failed)| std::cmp::Reverse(*failed));
    let (most, _, widest) = failing.first()?.clone();
    let total: u64 = failing.iter().map(|(.., failed)| failed).sum();
    let description = format!(
        "{} failed requests of {} device types, {} of them of {}. The share is that of the \
         requests of the type.",
        grouped(total),
        grouped(failing.len() as u64),
        grouped(widest),
        cut(most.into(), Bars::NAME),
    );
    if failing.len() > Bars::MOST {
        let others = failing.split_off(Bars::MOST - 1);
        let name = format!("{} others", others.len());
        let sum = others.iter().fold((0, 0), |sum, (_, requests, failed)| {
            (sum.0 + requests, sum.1 + failed)
        });
        failing.push((name, sum.0, sum.1));
    }
    let bars = failing.into_iter().map(|(name, requests, failed)| {
        let value = format!("{} ({})", grouped(failed), percent(failed, requests));
        let label = format!(
            "{} of {} requests failed",
            grouped(failed),
            grouped(requests)
        );
        (name, failed, "bad", value, label)
    });
    Bars::new(
        ("chart-device-types", "device_types"),
        "Failures by device type",
        description,
        bars,
    )
}

fn verdicts(section: &Section) -> Option<Bars> {
    let devices: u64 = counts(section, "devices").sum();
    let named = || names(section, "verdict").zip(counts(section, "devices"));
    let is_broken = |name: &str| Verdict::from_name(name).is_some_and(Verdict::is_broken);
    let all_that = |holds: fn(Verdict) -> bool| -> u64 {
        named()
            .filter(|(name, _)| Verdict::from_name(name).is_some_and(holds))
            .map(|(_, devices)| devices)
            .sum()
    };
    let description = format!(
        "{} of {} devices are well, {} need something.",
        grouped(all_that(Verdict::is_well)),
        grouped(devices),
        grouped(all_that(Verdict::is_broken)),
    );
    let bars = named().map(|(name, number)| {
        let tone = if is_broken(&name) { "bad" } else { "good" };
        let value = format!("{} ({})", grouped(number), percent(number, devices));
        let label = format!("{} of {} devices", grouped(number), grouped(devices));
        (name, number, tone, value, label)
    });
    Bars::new(
        ("chart-verdicts", "verdicts"),
        "Verdicts of devices",
        description,
        bars,
    )
}

/// Name, number, tone, the number in words, and what it is.
type Named = (String, u64, &'static str, String, String);

impl Bars {
    const WIDTH: f64 = 440.0;
    const LEFT: f64 = 140.0;
    /// Room for the number behind a bar.
    const VALUE: f64 = 100.0;
    const ROW: f64 = 24.0;
    /// So many bars can be told apart.
    const MOST: usize = 12;
    /// So many characters of a name fit before a bar.
    const NAME: usize = 19;
    /// So many characters of a name are told at all.
    const WHOLE_NAME: usize = 100;

    fn new(
        (id, table): (&'static str, &'static str),
        heading: &'static str,
        description: String,
        bars: impl Iterator<Item = Named>,
    ) -> Option<Bars> {
        let named: Vec<Named> = bars.collect();
        let widest = named.iter().map(|bar| bar.1).max()?;
        let room = Self::WIDTH - Self::LEFT - Self::VALUE;
        let mut y = 0.0;
        let mut bars = Vec::new();
        for (name, number, tone, value, label) in named {
            let whole = cut(name.as_str().into(), Self::WHOLE_NAME);
            bars.push(Bar {
                label: format!("{whole}: {label}"),
                name: cut(name.into(), Self::NAME).into_owned(),
                y,
                width: place(share(number, widest) * room),
                tone,
                value,
            });
            y += Self::ROW;
        }
        Some(Bars {
            id,
            heading,
            description,
            table,
            width: Self::WIDTH,
            height: y,
            left: Self::LEFT,
            bars,
        })
    }
}

/// Numbers by hour of the day and day of the week.
#[derive(Serialize)]
struct Heat {
    id: &'static str,
    heading: String,
    description: String,
    width: f64,
    height: f64,
    left: f64,
    size: f64,
    /// The lowest number of each shade but the first, which is for none.
    shades: Vec<String>,
    hours: Vec<Tick>,
    days: Vec<Day>,
}

#[derive(Serialize)]
struct Day {
    name: &'static str,
    y: f64,
    cells: Vec<Square>,
}

#[derive(Serialize)]
struct Square {
    x: f64,
    shade: u64,
    number: String,
    label: String,
}

impl Heat {
    const LEFT: f64 = 40.0;
    const TOP: f64 = 18.0;
    /// The pitch of the squares.
    const PITCH: f64 = 16.5;
    const SIZE: f64 = 15.0;
    /// More shades than this cannot be told apart.
    const SHADES: u64 = 5;
    const DAYS: [&'static str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

    fn new(
        id: &'static str,
        what: &str,
        zone: &str,
        hours: &[Hour],
        number: fn(&Hour) -> u64,
    ) -> Option<Heat> {
        let mut sums = [[0_u64; 24]; 7];
        for hour in hours {
            if let Some(time) = DateTime::from_timestamp(hour.start, 0) {
                let day = time.weekday().num_days_from_monday();
                sums[day as usize][time.hour() as usize] += number(hour);
            }
        }
        let most = sums.iter().flatten().copied().max()?;
        if most == 0 {
            return None;
        }
        let x = |hour: f64| place(Self::LEFT + hour * Self::PITCH);
        let mut peak = String::new();
        let mut days = Vec::new();
        let mut y = Self::TOP;
        for (name, sums) in Self::DAYS.into_iter().zip(sums) {
            let cells = sums.into_iter().zip(0_u32..).map(|(sum, hour)| {
                if sum == most && peak.is_empty() {
                    peak = format!("{name} {hour:02}:00");
                }
                Square {
                    x: x(f64::from(hour)),
                    shade: (sum * Self::SHADES).div_ceil(most),
                    number: grouped(sum),
                    label: format!("{name} {hour:02}:00: {}", grouped(sum)),
                }
            });
            let cells = cells.collect();
            days.push(Day { name, y, cells });
            y = place(y + Self::PITCH);
        }
        let shades = (0..Self::SHADES).map(|shade| grouped(shade * most / Self::SHADES + 1));
        Some(Heat {
            id,
            heading: format!("{what} by weekday and hour"),
            description: format!(
                "{what} summed over the period, by weekday and hour ({zone}). The most: {}, {peak}.",
                grouped(most)
            ),
            width: x(24.0),
            height: y,
            left: Self::LEFT,
            size: Self::SIZE,
            shades: shades.collect(),
            hours: (0..24_u32)
                .step_by(3)
                .map(|hour| Tick {
                    at: x(f64::from(hour)),
                    label: format!("{hour:02}"),
                })
                .collect(),
            days,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let cases: [(u64, u64, usize); 7] = [
            (0, 1, 2),
            (1, 1, 2),
            (4, 4, 5),
            (23, 30, 4),
            (101, 150, 4),
            (1000, 1000, 3),
            (u64::MAX / 2, 10_000_000_000_000_000_000, 3),
        ];
        for (most, top, lines) in cases {
            let (found, marks) = scale(most);
            assert_eq!((found, marks.len()), (top, lines), "{most}");
            assert_eq!((marks[0], marks[lines - 1]), (0, top), "{most}");
        }
    }

    #[test]
    fn any_time_fits_into_the_columns() {
        let cases = [
            (0, 0, "hour"),
            (0, 9, "hour"),
            (0, 24 * 14, "3 hours"),
            (0, 24 * 200, "day"),
            (0, 24 * 365 * 4, "week"),
            (-24 * 365 * 300, 24 * 365 * 300, "131 weeks"),
        ];
        for (first, last, name) in cases {
            let (first, last) = (first * HOUR, last * HOUR);
            let step = step(first, last, Timeline::COLUMNS);
            assert_eq!(unit(step), name);
            assert!((last - first) / step < Timeline::COLUMNS, "{name}");
            let marks: Vec<_> = dates(first, last + step, step).collect();
            assert!((1..=11).contains(&marks.len()), "{name}: {marks:?}");
        }
    }

    #[test]
    fn nothing_is_lost_between_hours_and_columns() {
        let hours: Vec<Hour> = (0..1000)
            .map(|hour| Hour {
                start: 1_304_640_000 + hour * 7 * HOUR,
                requests: 3,
                failed: 1,
            })
            .collect();
        let sums = summed(&hours, 168 * HOUR);
        let total = |count: fn(&Hour) -> u64| sums.iter().map(count).sum::<u64>();
        assert_eq!(
            (total(|sum| sum.requests), total(|sum| sum.failed)),
            (3000, 1000)
        );
        let timeline = Timeline::new(&hours, "UTC").unwrap();
        assert_eq!(timeline.heading, "Requests and failures by week");
        for column in &timeline.columns {
            assert!(column.x >= Timeline::LEFT && column.x + column.width <= Timeline::RIGHT);
            assert!(column.rest_y >= Timeline::TOP, "{}", column.label);
        }
        let heat = Heat::new("heat", "Requests", "UTC", &hours, |hour| hour.requests).unwrap();
        let squares = heat.days.iter().flat_map(|day| &day.cells);
        let number = |square: &Square| square.number.parse::<u64>().unwrap();
        assert_eq!(squares.map(number).sum::<u64>(), 3000);
    }

    #[test]
    fn days_have_a_trend() {
        let day = |number: u64| DayTotals {
            date: format!("2011-05-{number:02}"),
            requests: 100 * number,
            failed_requests: number % 4,
            devices: 10,
            broken_devices: number % 3,
        };
        let days: Vec<DayTotals> = (1..=31).map(day).collect();
        assert!(trend(&days[..1]).is_empty());
        let charts = trend(&days);
        let [requests, devices] = charts.as_slice() else {
            panic!("{} charts", charts.len());
        };
        assert_eq!(
            requests.description,
            "31 days. The last, 2011-05-31: 3,100 requests, 3 failed. The most failed, \
             2011-05-31: 3,100 requests, 3 failed."
        );
        assert_eq!(devices.columns[1].label, "2011-05-02: 10 devices, 2 broken");
        for chart in &charts {
            assert_eq!(chart.columns.len(), 31);
            assert!(chart.across.len() <= Trend::DATES);
            for column in &chart.columns {
                assert!(column.x >= Timeline::LEFT && column.x + column.width <= Timeline::RIGHT);
                assert!(column.rest_y >= Timeline::TOP, "{}", column.label);
            }
        }
    }

    #[test]
    fn a_report_of_nothing_has_no_charts() {
        assert!(Timeline::new(&[], "UTC").is_none());
        assert!(
            Heat::new("heat", "Failures", "UTC", &[Hour::default()], |hour| hour
                .failed)
            .is_none()
        );
    }
}
