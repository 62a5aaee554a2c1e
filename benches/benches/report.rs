//! The whole report and its stages, in bytes of log per second.
#![allow(missing_docs, reason = "criterion's macros make items without docs")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use eas_log_benches::{Corpus, Output};
use eas_log_report::analysis::{self, analyse};
use eas_log_report::ingest::{Options, ingest};
use eas_log_report::input::{Source, discover};
use eas_log_report::render::write_json;

fn report(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let corpus = Corpus {
        size: 64 << 20,
        devices: 5000,
        ..Corpus::default()
    };
    let truth = corpus
        .write(Output::Folder(folder.path()))
        .expect("room for the corpus");
    let sources: Vec<Source> = discover(&[folder.path().to_owned()]).sources;

    let mut group = c.benchmark_group("report");
    group.throughput(Throughput::Bytes(truth.bytes));
    group.sample_size(10);
    for threads in [1, 2] {
        let options = Options {
            threads,
            ..Options::default()
        };
        group.bench_function(format!("read, {threads} threads"), |b| {
            b.iter(|| {
                let ingested = ingest(&sources, &options, &());
                assert_eq!(ingested.facts.counts.requests, truth.all.requests);
            });
        });
    }
    let options = Options {
        threads: 2,
        ..Options::default()
    };
    group.bench_function("read, analyse and write, 2 threads", |b| {
        b.iter(|| {
            let ingested = ingest(&sources, &options, &());
            let report = analyse(ingested, analysis::Options::default()).expect("a report");
            let mut out = Vec::new();
            write_json(&report, None, &mut out).expect("a vector takes everything");
            out
        });
    });
    group.finish();
}

criterion_group!(benches, report);
criterion_main!(benches);
