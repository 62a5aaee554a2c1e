//! Drop-in replacements: the CSV files of two tools that existing sheets and imports are built on,
//! Microsoft's `Export-ActiveSyncLog` cmdlet and its `ActiveSyncReport.ps1` script.
//!
//! # Why they count apart from the facts
//!
//! The rest of this crate derives every report from [`facts`](crate::facts). These files cannot be:
//! other lines count in them (probes do, requests that one server passed on to another under
//! `/Proxy` do not), a user is `cs-username` as it is logged and not a folded account, and what is
//! counted, items by class of folder and hours of the week, stands in no fact. So they have
//! accumulators of their own, over the same inputs, filters and parser. Each thread has one, takes
//! whole files, and the accumulators merge in any order to the same result: what is "the first" or
//! "the newest" goes by the place of a line, not by who read it when.
//!
//! # By the letter, or right
//!
//! Names, columns, order, encoding and counting rules are always those of the tool that is replaced.
//! Where that tool is known to be wrong, [`Rules`] decides:
//!
//! | | [`Rules::Corrected`] | [`Rules::Compat`] |
//! |---|---|---|
//! | lines with a base64 query, another query that is not `key=value`, a `/` behind the path, more than one blank between values, or a date in `#Date` only | counted | passed over |
//! | ratio in `StatusCodes.csv` | of the hits | integer division, so 0 or 1 |
//! | device ids | one in any case of letters | as logged, but for `Users.csv` |
//! | a query without `DeviceId` | no device | one device, but for `Users.csv` |
//! | item counters in the forms of other versions of Exchange | read | not read |
//! | order of names | by their bytes | close to that of a server in English |
//! | values with `"`, CR or LF | quoted | quoted only with a comma |
//! | values that a spreadsheet takes for a formula | with an apostrophe in front | as logged |
//! | bytes that are no UTF-8, and control characters | as escapes (`\xNN`) | as logged, with U+FFFD for what is no UTF-8 |
//! | `SmartForward` in the script's file | counted | 0 |
//! | errors in the script's file | each name of `Error:` | the only name, and `_` must follow |
//!
//! The order "of a server in English" is an approximation: punctuation before digits before letters,
//! case told apart last, hyphens and apostrophes passed over; letters beyond ASCII are not sorted
//! beside their base letter. Under both rules decimals have a point, and hours are UTC as logged.
//! Which lines count does not depend on the rules for the script, which had no such limits.
//!
//! Where nothing is known of the replaced tools, this is assumed of them: a section of a folder ends
//! before the next `Ty` or `Fid`; the last `Oof` of a line counts for both columns; the newest `Pa` is
//! that of the latest time; the first value of a device type that is not empty is the first seen;
//! devices are told apart by case in `Hourly.csv` and `UserAgents.csv` as they are in `Servers.csv`; a
//! value in `key=value` holds no further `=`; a line without a status or a user agent has a row with
//! an empty one; the script's `User` is `cs-username`, and it counts the lines of `/Proxy` no more
//! than the cmdlet does. A request that one server passed on to another under the same path stands in
//! the logs of both, and counts twice where both are read, as it always has.
//!
//! Under both rules no line is lost in silence: [`DropIn::note`] tells what is left out, and why.

mod cell;
mod export;
mod items;
mod lines;
mod order;
mod read;
mod request;
mod script;
mod seen;

use std::io;

use crate::ingest::{Options, Progress, Quality};
use crate::input::Source;
use crate::privacy::Pseudonyms;

use export::Export;
use read::gather;
use script::{Script, file_name};

/// A tool whose files are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The cmdlet `Export-ActiveSyncLog`: six files.
    ExportActiveSyncLog,
    /// The script `ActiveSyncReport.ps1`: one file.
    ActiveSyncReport,
}

impl Form {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Form::ExportActiveSyncLog => "export-activesynclog",
            Form::ActiveSyncReport => "activesyncreport",
        }
    }
}

/// Whether known defects of the replaced tools are put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// They are.
    Corrected,
    /// They are not: what the tool would have written.
    Compat,
}

/// What reading some logs gave.
#[derive(Debug)]
pub struct DropIn {
    /// The files in the order in which the replaced tool writes them: a name and its content each.
    pub files: Vec<(String, Vec<u8>)>,
    /// A sentence about lines that do not count, or would not for the replaced tool; none if there
    /// are no such lines.
    pub note: Option<String>,
    /// How well the inputs could be read.
    pub quality: Quality,
}

/// Reads logs and makes the files of a tool. The prefix goes where the tool puts it: directly before
/// the names of the cmdlet's files, and within the name of the script's. With pseudonyms, rows are as
/// many as without, in the order of the pseudonyms.
///
/// # Errors
/// If a record cannot be made.
pub fn read(
    form: Form,
    sources: &[Source],
    options: &Options,
    rules: Rules,
    prefix: &str,
    pseudonyms: Option<&Pseudonyms>,
    progress: &dyn Progress,
) -> io::Result<DropIn> {
    match form {
        Form::ExportActiveSyncLog => {
            let make = || Export::new(rules);
            let (mut export, done) = gather(sources, options, rules, make, progress);
            if let Some(pseudonyms) = pseudonyms {
                export.pseudonymize(pseudonyms);
            }
            Ok(DropIn {
                files: export.files(prefix)?,
                note: done.lines.describe(rules, true),
                quality: done.quality,
            })
        }
        Form::ActiveSyncReport => {
            let (make, lines) = (|| Script::new(rules), Rules::Corrected);
            let (mut script, done) = gather(sources, options, lines, make, progress);
            if let Some(pseudonyms) = pseudonyms {
                script.pseudonymize(pseudonyms);
            }
            let name = file_name(sources, prefix, pseudonyms);
            Ok(DropIn {
                files: vec![(name, script.content()?)],
                note: done.lines.describe(lines, false),
                quality: done.quality,
            })
        }
    }
}
