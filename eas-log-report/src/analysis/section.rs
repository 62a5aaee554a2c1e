//! From a specification to a section: filter, group, count, name, sort.

use polars::prelude::*;

use super::frame::Frames;
use super::kinds::Members;
use super::specs::{Analysis, Count, Key, Of};
use super::texts::Shown;
use crate::ingest::Ingested;
use crate::report::{Column as ReportColumn, Measure, Row, Section, Value};

/// Makes one section. `devices` limits how many rows are written out of one that lists devices.
pub(super) fn build(
    analysis: &Analysis,
    frames: &Frames<'_>,
    ingested: &Ingested,
    devices: Option<usize>,
) -> PolarsResult<Section> {
    let keys: Vec<Expr> = analysis.keys.iter().map(|key| col(name(*key))).collect();
    let counts = analysis.counts.iter();
    let mut sums: Vec<Expr> = counts
        .filter_map(|count| sum(*count, analysis.of))
        .collect();
    let counts_who = analysis.of != Of::Hours && analysis.counts.contains(&Count::Devices);
    if counts_who {
        sums.push(col("kind"));
    }
    let mut groups = rows(analysis.of, frames)?
        .group_by(keys)
        .agg(sums)
        .collect()?;
    if counts_who {
        let members = match analysis.of {
            Of::Logged => &frames.served,
            _ => &frames.kinds.members,
        };
        count_who(&mut groups, members)?;
    }
    for key in analysis.keys {
        if let Some(texts) = dictionary(*key, frames) {
            let numbers = groups.column(name(*key))?.u32()?;
            let named: StringChunked = match texts {
                Dictionary::Texts(texts) => numbers
                    .iter()
                    .map(|n| n.map(|n| texts[n as usize].as_str()))
                    .collect(),
                Dictionary::Shown(shown) => numbers.iter().map(|n| shown.get(n?)).collect(),
            };
            groups.with_column(
                named
                    .into_series()
                    .with_name(name(*key).into())
                    .into_column(),
            )?;
        }
    }
    let sorted = sort(analysis, &groups)?;
    let total = sorted.height();
    let rows = match devices {
        Some(most) if analysis.keys.contains(&Key::DeviceId) => most.min(total),
        _ => total,
    };
    let sorted = sorted.head(Some(rows));
    let columns: Vec<ReportColumn> = analysis
        .keys
        .iter()
        .map(|key| key.column())
        .chain(analysis.counts.iter().map(|count| count.column()))
        .collect();
    let names = analysis.keys.iter().map(|key| name(*key));
    let names = names.chain(analysis.counts.iter().map(|count| count.column().key));
    let values = names
        .zip(&columns)
        .map(|(name, column)| values(sorted.column(name)?, column.measure, frames, ingested))
        .collect::<PolarsResult<Vec<_>>>()?;
    Ok(Section {
        id: analysis.id,
        title: analysis.title,
        about: analysis.about,
        columns,
        total,
        rows: transpose(values, rows),
    })
}

/// The name of a key's column in the frames.
fn name(key: Key) -> &'static str {
    match key {
        Key::DeviceId => "device",
        Key::ErrorName => "error_name",
        key => key.column().key,
    }
}

/// The texts that numbers stand for.
enum Dictionary<'t> {
    Texts(&'t [String]),
    Shown(&'t Shown<'t>),
}

/// The texts that a key's numbers stand for.
fn dictionary<'t>(key: Key, frames: &'t Frames<'_>) -> Option<Dictionary<'t>> {
    let texts = &frames.texts;
    Some(Dictionary::Texts(match key {
        Key::User => return Some(Dictionary::Shown(&texts.users)),
        Key::DeviceId => return Some(Dictionary::Shown(&texts.devices)),
        Key::DeviceType => &texts.device_types,
        Key::UserAgent => &texts.user_agents,
        Key::Error => &texts.errors,
        Key::ErrorName => &texts.error_names,
        Key::AccessState => &texts.access_states,
        Key::AccessReason => &texts.access_reasons,
        Key::Command => &texts.commands,
        Key::Server => &texts.servers,
        Key::ScStatus | Key::ScSubstatus | Key::ScWin32Status | Key::EasStatus | Key::Hour => {
            return None;
        }
    }))
}

/// The rows that a section counts.
fn rows(of: Of, frames: &Frames<'_>) -> PolarsResult<LazyFrame> {
    let Frames {
        requests, refused, ..
    } = frames;
    let flag = |frame: &DataFrame, name: &str| frame.column(name)?.bool().cloned();
    let told = |name: &str| PolarsResult::Ok(requests.column(name)?.is_not_null());
    let (frame, which) = match of {
        Of::All => return Ok(requests.clone().lazy()),
        Of::Logged => return Ok(frames.logged.clone().lazy()),
        Of::Hours => return Ok(frames.hours.clone().lazy()),
        Of::Failed => (requests, flag(requests, "failed")?),
        Of::Provisioning => (refused, flag(refused, "provisioning")?),
        Of::Blocked => (refused, flag(refused, "blocked")?),
        Of::EasStatus => (requests, told("eas_status")?),
        Of::Access => (requests, told("access_state")?),
        Of::Errors => (requests, told("error")?),
    };
    // By their numbers: to filter a column that tells nothing takes polars eight megabytes of zeros.
    let numbers = (0..).zip(which.iter());
    let numbers = numbers.filter_map(|(number, which)| (which == Some(true)).then_some(number));
    let rows = frame.take(&IdxCa::from_vec("row".into(), numbers.collect()))?;
    let names = || frames.error_names.clone().lazy();
    Ok(match of {
        Of::Errors => rows.lazy().inner_join(names(), col("error"), col("error")),
        _ => rows.lazy(),
    })
}

/// How a count is summed up over a group. Devices and users are no sums.
fn sum(count: Count, of: Of) -> Option<Expr> {
    if of == Of::Hours {
        // The rows are the groups.
        return Some(col(count.column().key).max());
    }
    Some(match count {
        Count::Requests => col("requests").sum(),
        Count::FailedRequests => col("failed_requests").sum(),
        Count::FirstSeen => col("first_seen").min(),
        Count::LastSeen => col("last_seen").max(),
        Count::LastSuccess => col("last_success").max(),
        Count::Sample => col("sample").min(),
        Count::Devices | Count::Users => return None,
    })
}

/// Adds how many different devices and users each group has, of which the kinds are known.
fn count_who(groups: &mut DataFrame, members: &Members) -> PolarsResult<()> {
    let lists = groups.column("kind")?.list()?;
    let lists = lists.no_null_series_iter().map(|list| {
        let kinds = list.u32()?;
        Ok(kinds.iter().flatten().collect())
    });
    let (devices, users) = members.count(&lists.collect::<PolarsResult<Vec<_>>>()?);
    for (count, counts) in [(Count::Devices, devices), (Count::Users, users)] {
        groups.with_column(Column::new(count.column().key.into(), counts))?;
    }
    Ok(())
}

/// The most requests first; hours in their order. Among equals the texts decide, so that the order
/// does not depend on how the rows came about.
fn sort(analysis: &Analysis, groups: &DataFrame) -> PolarsResult<DataFrame> {
    let mut by: Vec<PlSmallStr> = Vec::new();
    let mut descending = Vec::new();
    if analysis.of != Of::Hours {
        by.push("requests".into());
        descending.push(true);
    }
    for key in analysis.keys {
        by.push(name(*key).into());
        descending.push(false);
    }
    let options = SortMultipleOptions::new()
        .with_order_descending_multi(descending)
        .with_nulls_last(true);
    groups.sort(by, options)
}

/// The values of a column as reports hold them.
fn values(
    column: &Column,
    measure: Measure,
    frames: &Frames<'_>,
    ingested: &Ingested,
) -> PolarsResult<Vec<Value>> {
    if measure == Measure::Text {
        return Ok(column
            .str()?
            .iter()
            .map(|text| text.map_or(Value::Null, |text| Value::Text(text.to_owned())))
            .collect());
    }
    let numbers = column.cast(&DataType::Int64)?;
    let value = |number: i64| match measure {
        Measure::Time | Measure::Ever | Measure::Hour => Value::Time(number),
        Measure::Place => {
            let (file, line) = ingested.locate(frames.samples[number as usize]);
            Value::Text(format!("{file}:{line}"))
        }
        Measure::Text | Measure::Code | Measure::Count => Value::Number(number),
    };
    Ok(numbers
        .i64()?
        .iter()
        .map(|number| number.map_or(Value::Null, value))
        .collect())
}

fn transpose(columns: Vec<Vec<Value>>, height: usize) -> Vec<Row> {
    let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
    (0..height)
        .map(|_| columns.iter_mut().filter_map(Iterator::next).collect())
        .collect()
}
