//! The parser, level by level, in bytes of log per second. Each is compared with memchr over the same
//! bytes: nothing that looks at every line can be faster than finding the lines, and blanks stand
//! closer in the short lines of Exchange 2003.
#![allow(missing_docs, reason = "criterion's macros make items without docs")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use eas_log_benches::{Corpus, Generation, Output};
use eas_log_parse::{EasLog, EasQuery, Entry, LogReader, LogSlice, Record};

fn corpus(generation: Generation) -> Vec<u8> {
    let mut log = Vec::new();
    let corpus = Corpus {
        generation,
        size: 8 << 20,
        devices: 2000,
        ..Corpus::default()
    };
    corpus
        .write(Output::Stream(&mut log))
        .expect("a vector takes everything");
    log
}

/// Calls for each record of a log.
fn records(log: &[u8], mut each: impl FnMut(&Record<'_, '_>)) -> u64 {
    let mut log = LogSlice::new(log);
    let mut records = 0;
    while let Some(entry) = log.next_entry() {
        if let Entry::Record(record) = &entry {
            each(record);
            records += 1;
        }
    }
    records
}

fn newlines_and_blanks(group: &mut BenchmarkGroup<'_, WallTime>, log: &[u8]) {
    group.bench_function("memchr newlines and blanks", |b| {
        b.iter(|| memchr::memchr2_iter(b'\n', b' ', black_box(log)).count());
    });
}

fn lines(c: &mut Criterion) {
    let log = corpus(Generation::Exchange2010);
    let count = memchr::memchr_iter(b'\n', &log).count() as u64;
    let mut group = c.benchmark_group("lines");
    group.throughput(Throughput::Bytes(log.len() as u64));
    group.bench_function("memchr newlines", |b| {
        b.iter(|| {
            assert_eq!(
                memchr::memchr_iter(b'\n', black_box(&log)).count() as u64,
                count
            );
        });
    });
    newlines_and_blanks(&mut group, &log);
    group.bench_function("LogSlice", |b| b.iter(|| records(black_box(&log), |_| {})));
    group.bench_function("LogReader", |b| {
        b.iter(|| {
            let mut log = LogReader::new(black_box(&log[..]));
            let mut lines = 0;
            while let Ok(Some(_)) = log.next_entry() {
                lines += 1;
            }
            assert_eq!(lines, count);
        });
    });
    group.finish();
}

fn eas(c: &mut Criterion) {
    for (name, generation) in [
        ("eas 2003", Generation::Exchange2003),
        ("eas 2010", Generation::Exchange2010),
        ("eas 2019", Generation::Exchange2019),
    ] {
        let log = corpus(generation);
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(log.len() as u64));
        newlines_and_blanks(&mut group, &log);
        group.bench_function("record", |b| {
            b.iter(|| {
                records(black_box(&log), |record| {
                    let _ =
                        black_box((record.timestamp(), record.sc_status(), record.cs_username()));
                })
            });
        });
        group.bench_function("record and query", |b| {
            b.iter(|| {
                records(black_box(&log), |record| {
                    black_box(record.eas());
                })
            });
        });
        group.bench_function("record, query and summary", |b| {
            b.iter(|| {
                records(black_box(&log), |record| {
                    black_box(record.eas().and_then(|q| q.log()).map(|log| log.summary()));
                })
            });
        });
        group.finish();
    }
}

fn parts(c: &mut Criterion) {
    let log = corpus(Generation::Exchange2010);
    let mut queries: Vec<Vec<u8>> = Vec::new();
    records(&log, |record| {
        if record.eas_stem().is_some() {
            queries.extend(record.cs_uri_query().map(<[u8]>::to_vec));
        }
    });
    let logs: Vec<&[u8]> = queries
        .iter()
        .filter_map(|q| EasQuery::parse(q).log())
        .map(|log| log.raw())
        .collect();
    let budgets: Vec<_> = logs
        .iter()
        .filter_map(|log| EasLog::new(log).budget())
        .collect();
    assert!(budgets.len() > 1000);
    let size =
        |parts: &mut dyn Iterator<Item = usize>| Throughput::Bytes(parts.sum::<usize>() as u64);

    let mut group = c.benchmark_group("parts");
    group.throughput(size(&mut queries.iter().map(Vec::len)));
    group.bench_function("query", |b| {
        b.iter(|| {
            queries
                .iter()
                .filter(|q| EasQuery::parse(black_box(q)).command().is_some())
                .count()
        });
    });
    group.throughput(size(&mut logs.iter().map(|log| log.len())));
    group.bench_function("elements", |b| {
        b.iter(|| {
            logs.iter()
                .map(|log| EasLog::new(black_box(log)).elements().count())
                .sum::<usize>()
        });
    });
    group.bench_function("summary", |b| {
        b.iter(|| {
            logs.iter()
                .filter(|log| EasLog::new(black_box(log)).summary().error.is_some())
                .count()
        });
    });
    group.throughput(size(&mut budgets.iter().map(|budget| budget.raw().len())));
    group.bench_function("budget in full", |b| {
        b.iter(|| {
            for budget in &budgets {
                for snapshot in black_box(budget).snapshots() {
                    let values = black_box(snapshot.values());
                    values.resources().for_each(|resource| {
                        black_box(resource);
                    });
                }
            }
        });
    });
    group.finish();
}

criterion_group!(benches, lines, eas, parts);
criterion_main!(benches);
