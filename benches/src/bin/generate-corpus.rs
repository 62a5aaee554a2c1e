//! Writes a corpus of logs, and what it holds.
#![allow(clippy::print_stderr, reason = "a command says what it did")]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Parser;
use eas_log_benches::{Corpus, Generation, Labelled, Output};

/// Write a corpus of IIS logs with ActiveSync traffic, the same for the same options.
#[derive(Parser)]
struct Args {
    /// Folder to write into, or - to write one log to standard output
    output: PathBuf,
    /// Size, such as 512M or 16G
    #[arg(long, default_value = "64M", value_parser = size)]
    size: u64,
    /// Start of the random numbers
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Exchange generation
    #[arg(long, value_enum, default_value = "2010")]
    generation: Generation,
    /// Share of lines that are ActiveSync's
    #[arg(long, default_value_t = 0.8)]
    eas: f64,
    /// Share of lines that are defects
    #[arg(long, default_value_t = 0.0005)]
    defects: f64,
    /// Number of devices
    #[arg(long, default_value_t = 5000)]
    devices: usize,
    /// Number of servers
    #[arg(long, default_value_t = 4)]
    servers: usize,
    /// Number of days
    #[arg(long, default_value_t = 2)]
    days: usize,
    /// Write what the corpus holds to this file, as JSON
    #[arg(long)]
    truth: Option<PathBuf>,
    /// Write four days of devices whose verdicts are known instead, and the verdicts to this file,
    /// as CSV; of the other options only --devices and --seed count
    #[arg(long, value_name = "FILE", conflicts_with = "truth")]
    labels: Option<PathBuf>,
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.trim_end_matches('B').split_at_checked(text.len() - 1) {
        Some((digits, "K")) => (digits, 10),
        Some((digits, "M")) => (digits, 20),
        Some((digits, "G")) => (digits, 30),
        _ => (text, 0),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "expected a size such as 512M".to_owned())?;
    number
        .checked_shl(unit)
        .ok_or_else(|| "too large".to_owned())
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(labels) = &args.labels {
        return write_labelled(&args, labels);
    }
    let share = |share: f64| (share.clamp(0.0, 1.0) * 1e6) as u64;
    let corpus = Corpus {
        size: args.size,
        seed: args.seed,
        generation: args.generation,
        eas_share: share(args.eas),
        defect_share: share(args.defects),
        devices: args.devices.max(1),
        servers: args.servers.max(1),
        days: args.days.max(1),
    };
    let truth = if args.output.as_os_str() == "-" {
        let mut out = BufWriter::with_capacity(1 << 20, io::stdout().lock());
        let truth = corpus.write(Output::Stream(&mut out))?;
        out.flush()?;
        truth
    } else {
        corpus
            .write(Output::Folder(&args.output))
            .with_context(|| format!("cannot write below {}", args.output.display()))?
    };
    eprintln!(
        "{} bytes, {} lines, {} requests",
        truth.bytes, truth.lines, truth.all.requests
    );
    if let Some(path) = &args.truth {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        serde_json::to_writer_pretty(BufWriter::new(file), &truth)?;
    }
    Ok(())
}

/// Writes the labelled population.
fn write_labelled(args: &Args, labels: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.output.as_os_str() != "-",
        "--labels needs a folder to write into"
    );
    let labelled = Labelled::generate(args.devices, args.seed);
    labelled
        .write(&args.output)
        .with_context(|| format!("cannot write below {}", args.output.display()))?;
    let file = File::create(labels).with_context(|| labels.display().to_string())?;
    let mut out = BufWriter::new(file);
    labelled.write_labels(&mut out)?;
    out.flush()?;
    eprintln!(
        "{} devices, {} requests",
        labelled.devices.len(),
        labelled.requests()
    );
    Ok(())
}
