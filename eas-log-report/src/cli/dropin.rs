//! The report in the files of other tools.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use super::args::{DropInArgs, ReportArgs};
use super::exit::Outcome;
use super::output::{check_folder, check_writable};
use super::plan::Plan;
use super::read::read_by;
use crate::dropin::{Form, Rules, read};
use crate::render::{write_atomically, write_folder};

pub(super) fn run(args: &ReportArgs, form: Form) -> anyhow::Result<Outcome> {
    let name = form.name();
    ensure!(
        args.output.top.is_none(),
        "--top: does not go with --format {name}, whose files always have all rows"
    );
    for (option, given) in [
        ("--fail-on", !args.watch.fail_on.is_empty()),
        ("--prometheus", args.watch.prometheus.is_some()),
        ("--mail-to", !args.mail.mail_to.is_empty()),
        ("--eml", args.mail.eml.is_some()),
    ] {
        ensure!(
            !given,
            "{option}: does not go with --format {name}, which makes no report"
        );
    }
    let plan = Plan::new(&args.read)?;
    let rules = match args.drop_in.compat {
        true => Rules::Compat,
        false => Rules::Corrected,
    };
    let prefix = prefix(&args.drop_in)?;
    let place = Place::new(form, args.output.output.as_deref(), prefix)?;
    let (made, in_part) = read_by(
        &args.input.paths,
        &plan,
        &args.read,
        |sources, options, progress| {
            let pseudonyms = plan.pseudonyms.as_ref();
            read(form, sources, options, rules, prefix, pseudonyms, progress)
                .context("cannot make the files")
        },
        |made| &made.quality,
    )?;
    if let Some(note) = &made.note {
        anstream::eprintln!("eas-log-report: {name}: {note}");
    }
    place.write(made.files)?;
    Ok(Outcome::of(in_part))
}

/// Fails if an option was given that goes with these forms only.
pub(super) fn refuse_options(args: &DropInArgs) -> anyhow::Result<()> {
    let given = [
        ("--output-prefix", args.output_prefix.is_some()),
        ("--compat", args.compat),
    ];
    for (option, given) in given {
        ensure!(
            !given,
            "{option}: goes with --format {} or {} only",
            Form::ExportActiveSyncLog.name(),
            Form::ActiveSyncReport.name()
        );
    }
    Ok(())
}

/// What stands before the names of files.
fn prefix(args: &DropInArgs) -> anyhow::Result<&str> {
    let prefix = args.output_prefix.as_deref().unwrap_or_default();
    ensure!(
        !prefix.contains(['/', '\\', ':']),
        "--output-prefix {prefix}: expected the beginning of a file name, without / \\ or :; \
         name the folder with --output"
    );
    Ok(prefix)
}

/// Where the files go.
enum Place {
    Folder(PathBuf),
    File(PathBuf),
}

impl Place {
    /// Fails before the work, not after it, if nothing can be written there.
    fn new(form: Form, output: Option<&Path>, prefix: &str) -> anyhow::Result<Place> {
        let Some(output) = output else {
            let what = match form {
                Form::ExportActiveSyncLog => "writes six files: name a folder with --output",
                Form::ActiveSyncReport => {
                    "writes a file: name it, or a folder for it, with --output"
                }
            };
            bail!("--format {} {what}", form.name());
        };
        let is_folder = form == Form::ExportActiveSyncLog
            || output.is_dir()
            || output.to_string_lossy().ends_with(['/', '\\']);
        if is_folder {
            check_folder("--output", output)?;
            return Ok(Place::Folder(output.to_owned()));
        }
        ensure!(
            prefix.is_empty(),
            "--output-prefix {prefix}: --output {} names the whole file; name a folder that is \
             there, or end it with a slash",
            output.display()
        );
        check_writable("--output", output)?;
        Ok(Place::File(output.to_owned()))
    }

    fn write(&self, files: Vec<(String, Vec<u8>)>) -> anyhow::Result<()> {
        match self {
            Place::Folder(folder) => write_folder(folder, files)
                .with_context(|| format!("cannot write into {}", folder.display())),
            Place::File(path) => {
                for (_, content) in files {
                    write_atomically(path, |out| out.write_all(&content))
                        .with_context(|| format!("cannot write {}", path.display()))?;
                }
                Ok(())
            }
        }
    }
}
