//! Where output goes: a file, a folder, or standard output with or without colors.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anstream::{AutoStream, ColorChoice};
use anyhow::{Context, bail};

use super::args::{Color, Format, OutputArgs};
use crate::dropin::Form;
use crate::input::is_log;
use crate::render::{TextOptions, try_folder, try_to_write, write_atomically, write_folder};

/// Where output goes, in which form.
pub(super) struct Target<'a> {
    args: &'a OutputArgs,
    /// Whether csv is a folder of tables, and not one table.
    folder: bool,
}

impl<'a> Target<'a> {
    /// For the report, which has every form. Fails before the work, not after it, if it cannot be
    /// written.
    pub(super) fn report(args: &'a OutputArgs) -> anyhow::Result<Target<'a>> {
        match args.format {
            Format::Html | Format::Markdown => Target::file(args),
            _ => Target::tables(args),
        }
    }

    /// For output of several tables.
    pub(super) fn tables(args: &'a OutputArgs) -> anyhow::Result<Target<'a>> {
        check_form(args.format)?;
        let folder = args.format == Format::Csv;
        match output(args) {
            None if folder => {
                bail!("--format csv writes a file for each table: name a folder with --output")
            }
            Some(output) if folder => check_folder("--output", output)?,
            Some(output) => check_writable("--output", output)?,
            None => {}
        }
        Ok(Target { args, folder })
    }

    /// For output of one table.
    pub(super) fn table(args: &'a OutputArgs) -> anyhow::Result<Target<'a>> {
        check_form(args.format)?;
        Target::file(args)
    }

    fn file(args: &'a OutputArgs) -> anyhow::Result<Target<'a>> {
        if let Some(output) = output(args) {
            check_writable("--output", output)?;
        }
        Ok(Target {
            args,
            folder: false,
        })
    }

    /// Writes in the form that is asked for.
    pub(super) fn write(
        &self,
        text: impl Fn(TextOptions, &mut dyn Write) -> io::Result<()>,
        json: impl Fn(&mut dyn Write) -> io::Result<()>,
        csv: impl Fn() -> io::Result<Vec<(String, Vec<u8>)>>,
    ) -> anyhow::Result<()> {
        let args = self.args;
        if self.folder {
            let folder = output(args).unwrap_or(Path::new("."));
            return write_folder(folder, csv()?)
                .with_context(|| format!("cannot write into {}", folder.display()));
        }
        self.place(|out, width| match args.format {
            Format::Text => {
                let top = args.rows();
                text(TextOptions { top, width }, out)
            }
            Format::Json => json(out),
            Format::Csv => csv()?
                .iter()
                .try_for_each(|(_, table)| out.write_all(table)),
            _ => Err(io::Error::other(ONLY_THE_REPORT)),
        })
    }

    /// Writes one text to where the output goes. It is told the width of the terminal, if it goes to
    /// one.
    pub(super) fn place(
        &self,
        render: impl Fn(&mut dyn Write, Option<u16>) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        let args = self.args;
        match output(args) {
            Some(path) => {
                let choice = if args.color == Color::Always {
                    ColorChoice::Always
                } else {
                    ColorChoice::Never
                };
                write_atomically(path, |out| {
                    let mut text = AutoStream::new(Vec::new(), choice);
                    render(&mut text, None)?;
                    out.write_all(&text.into_inner())
                })
                .with_context(|| format!("cannot write {}", path.display()))
            }
            None => {
                let mut out = io::BufWriter::with_capacity(64 << 10, styled_stdout(args.color));
                render(&mut out, stdout_width())
                    .and_then(|()| out.flush())
                    .context("cannot write to standard output")
            }
        }
    }
}

/// The place that is named, if it is not standard output.
fn output(args: &OutputArgs) -> Option<&Path> {
    args.output
        .as_deref()
        .filter(|output| output.as_os_str() != "-")
}

const ONLY_THE_REPORT: &str =
    "only the report is written as html and markdown; choose text, json or csv";

/// Fails for the forms that only the report has.
fn check_form(format: Format) -> anyhow::Result<()> {
    match format {
        Format::Html => bail!("--format html: {ONLY_THE_REPORT}"),
        Format::Markdown => bail!("--format markdown: {ONLY_THE_REPORT}"),
        Format::ExportActiveSyncLog | Format::ActiveSyncReport => {
            let name = format.drop_in().map_or("", Form::name);
            bail!(
                "--format {name}: only the report is written so; choose text, json or csv, or say \
                 eas-log-report --format {name} --output PATH LOGS"
            )
        }
        Format::Text | Format::Json | Format::Csv => Ok(()),
    }
}

/// Fails if files cannot be written into this folder. It is made if it is not there.
pub(super) fn check_folder(option: &str, folder: &Path) -> anyhow::Result<()> {
    try_folder(folder).with_context(|| {
        format!(
            "{option} {}: cannot be a folder to write to",
            folder.display()
        )
    })
}

/// Fails if a file cannot be written there. What is there stays.
pub(super) fn check_writable(option: &str, output: &Path) -> anyhow::Result<()> {
    if output.is_dir() {
        bail!(
            "{option} {}: is a folder; name a file in it",
            output.display()
        );
    }
    let folder = output
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(folder) = folder
        && !folder.is_dir()
    {
        bail!(
            "{option} {}: there is no folder {}",
            output.display(),
            folder.display()
        );
    }
    if is_log(output) {
        bail!(
            "{option} {}: is a log, which would be lost; name another file",
            output.display()
        );
    }
    try_to_write(output)
        .with_context(|| format!("{option} {}: cannot be written", output.display()))
}

/// Standard output, which takes the escapes of styles off where they are not wanted.
pub(super) fn styled_stdout(color: Color) -> AutoStream<io::StdoutLock<'static>> {
    let stdout = io::stdout();
    let choice = match color {
        Color::Auto => AutoStream::choice(&stdout),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    AutoStream::new(stdout.lock(), choice)
}

/// Width of the terminal behind standard output; none if it is no terminal.
pub(super) fn stdout_width() -> Option<u16> {
    let width = terminal_size::terminal_size().map(|(width, _)| width.0);
    width.filter(|_| io::stdout().is_terminal())
}
