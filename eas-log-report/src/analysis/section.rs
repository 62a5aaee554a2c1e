//! From a specification to a section: filter, group, count, name, sort.

use polars::prelude::*;

use super::frame::Frames;
use super::specs::{Analysis, Count, Key, Of};
use crate::ingest::Ingested;
use crate::report::{Column as ReportColumn, Measure, Row, Section, Value};

/// Makes one section.
pub(super) fn build(
    analysis: &Analysis,
    frames: &Frames,
    ingested: &Ingested,
) -> PolarsResult<Section> {
    let keys = || analysis.keys.iter().map(|key| col(name(*key)));
    let counts: Vec<Expr> = analysis
        .counts
        .iter()
        .filter_map(|count| aggregate(*count, analysis.of))
        .collect();
    let mut groups = rows(analysis.of, frames)
        .group_by(keys().collect::<Vec<_>>())
        .agg(counts);
    if analysis.counts.contains(&Count::LastSuccess) {
        groups = groups.join(
            last_successes(frames),
            [col("user"), col("device")],
            [col("user"), col("device")],
            JoinArgs {
                nulls_equal: true,
                ..JoinArgs::new(JoinType::Left)
            },
        );
    }
    let mut groups = groups.collect()?;
    for key in analysis.keys {
        if let Some(texts) = dictionary(*key, frames) {
            let numbers = groups.column(name(*key))?.u32()?;
            let named: StringChunked = numbers
                .iter()
                .map(|n| n.map(|n| texts[n as usize].as_str()))
                .collect();
            groups.with_column(
                named
                    .into_series()
                    .with_name(name(*key).into())
                    .into_column(),
            )?;
        }
    }
    let sorted = sort(analysis, &groups)?;
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
        total: sorted.height(),
        rows: transpose(values, sorted.height()),
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

/// The texts that a key's numbers stand for.
fn dictionary(key: Key, frames: &Frames) -> Option<&[String]> {
    let texts = &frames.texts;
    Some(match key {
        Key::User => &texts.users,
        Key::DeviceId => &texts.devices,
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
    })
}

/// The rows that a section counts.
fn rows(of: Of, frames: &Frames) -> LazyFrame {
    let requests = || frames.requests.clone().lazy();
    match of {
        Of::All => requests(),
        Of::Logged => frames.logged.clone().lazy(),
        Of::Hours => frames.hours.clone().lazy(),
        Of::Failed => requests().filter(col("failed")),
        Of::Provisioning => requests().filter(col("provisioning")),
        Of::Blocked => requests().filter(col("blocked")),
        Of::EasStatus => requests().filter(col("eas_status").is_not_null()),
        Of::Access => requests().filter(col("access_state").is_not_null()),
        Of::Errors => requests().filter(col("error").is_not_null()).inner_join(
            frames.error_names.clone().lazy(),
            col("error"),
            col("error"),
        ),
    }
}

/// How a count is taken of a group. The last success is joined, not taken.
fn aggregate(count: Count, of: Of) -> Option<Expr> {
    if of == Of::Hours {
        // The rows are the groups.
        return Some(col(count.column().key).max());
    }
    // Different values, without counting absence as one.
    let different = |name: &str| {
        (col(name).n_unique().cast(DataType::Int64)
            - col(name).is_null().any(true).cast(DataType::Int64))
        .alias(count.column().key)
    };
    Some(match count {
        Count::Requests => col("requests").sum(),
        Count::FailedRequests => col("failed_requests").sum(),
        Count::Devices => different("device"),
        Count::Users => different("user"),
        Count::FirstSeen => col("first_seen").min(),
        Count::LastSeen => col("last_seen").max(),
        Count::Sample => col("sample").min(),
        Count::LastSuccess => return None,
    })
}

/// When each device last got through with more than asking what the server can, or provisioning.
fn last_successes(frames: &Frames) -> LazyFrame {
    let working = frames.requests.clone().lazy().filter(col("working"));
    let last = col("last_seen")
        .max()
        .alias(Count::LastSuccess.column().key);
    working.group_by([col("user"), col("device")]).agg([last])
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
    frames: &Frames,
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
