//! Decompresses files and throws the text away: what reading compressed logs costs at least, with the
//! libraries that the report reads them by.
#![allow(clippy::print_stderr, reason = "a command says what it did")]

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use anyhow::Context;
use clap::Parser;

/// Decompress files (.gz, .zst, .zip), several at a time, and count the bytes.
#[derive(Parser)]
struct Args {
    /// Compressed files
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// How many files at a time
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// How many bytes a stream has.
fn count(mut stream: impl Read) -> io::Result<u64> {
    let mut buffer = vec![0; 256 << 10];
    let mut bytes = 0;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(bytes),
            n => bytes += n as u64,
        }
    }
}

fn decompress(path: &Path) -> anyhow::Result<u64> {
    let file = BufReader::with_capacity(256 << 10, File::open(path)?);
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => Ok(count(flate2::bufread::MultiGzDecoder::new(file))?),
        Some("zst") => Ok(count(zstd::stream::read::Decoder::with_buffer(file)?)?),
        Some("zip") => {
            let mut archive = zip::ZipArchive::new(file)?;
            let mut bytes = 0;
            for number in 0..archive.len() {
                bytes += count(archive.by_index(number)?)?;
            }
            Ok(bytes)
        }
        _ => anyhow::bail!("expected .gz, .zst or .zip"),
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (next, bytes) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || -> anyhow::Result<()> {
        while let Some(path) = args.paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let found = decompress(path).with_context(|| path.display().to_string())?;
            bytes.fetch_add(found, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| -> anyhow::Result<()> {
        let threads: Vec<_> = (0..args.threads.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        for thread in threads {
            thread
                .join()
                .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
        }
        Ok(())
    })?;
    eprintln!("{} bytes", bytes.into_inner());
    Ok(())
}
