//! `nightly`: reads what is new, keeps it by day, and leaves the report of a day.

mod past;
mod reports;
mod settings;

use anyhow::{Context, bail};
use chrono::NaiveDate;

use self::past::{Past, WEEK};
use self::reports::{in_zone, report, stale, write_reports};
pub use self::settings::NightlyArgs;
use self::settings::Settings;
use super::exit::Outcome;
use super::store::{old_days, prune};
use crate::input::{Source, discover};
use crate::mail::Letter;
use crate::privacy::Pseudonyms;
use crate::render::{bytes, terminal_safe};
use crate::store::{Done, Keys, Store, Summary, Update, date_of, fault};

pub(super) fn run(args: &NightlyArgs) -> anyhow::Result<Outcome> {
    let settings = Settings::new(args)?;
    let found = discover(&settings.logs);
    for problem in &found.problems {
        anstream::eprintln!("eas-log-report: {problem}");
    }
    if args.check {
        return check(&settings, &found.sources, !found.problems.is_empty());
    }
    let mut store = Store::open(&settings.store, settings.zone)?;
    let date = settings.date(store.zone())?;
    let summary = store.update(&found.sources, &settings.update)?;
    tell(&summary, args.verbose);
    let mut outcome = Outcome::of(!found.problems.is_empty() || is_in_part(&summary));
    fault("before_reports");
    let mut past = Past::of(&settings.store);
    // What one of the outputs lacks does not lose the others.
    let mut failed: Option<anyhow::Error> = None;
    let mut fails = |what: anyhow::Result<()>| {
        if let Err(error) = what
            && let Some(earlier) = failed.replace(error)
        {
            anstream::eprintln!("eas-log-report: {}", terminal_safe(&format!("{earlier:#}")));
        }
    };
    let mut written = Vec::new();
    fails(write_reports(
        &settings,
        &store,
        date,
        &mut past,
        &mut written,
    ));
    fails(past.save());
    if !settings.watch.is_idle() {
        let (report, _) = report(&settings, &store, date)?;
        outcome = settings.watch.look(&report, outcome);
        fails(settings.watch.write_totals(&report));
    }
    outcome = settings.mail(&store, date, &mut past, outcome)?;
    fault("before_prune");
    if let Some(keep_days) = settings.keep_days {
        prune(&mut store, keep_days)?;
    }
    anstream::println!(
        "read {} of {} files, {} days changed; {}",
        bytes(summary.bytes),
        summary.read(),
        summary.days.len(),
        match written.as_slice() {
            [] => format!("the report of {date} is as it was"),
            dates => format!(
                "wrote the report of {} to {}",
                list(dates),
                settings.out.display()
            ),
        }
    );
    match failed {
        Some(error) => Err(error),
        None => Ok(outcome),
    }
}

fn list(dates: &[NaiveDate]) -> String {
    let dates: Vec<String> = dates.iter().map(ToString::to_string).collect();
    dates.join(", ")
}

/// Whether the report is less than it could be. Says so if there is nothing that it could be of: a
/// folder that is empty because it is not there today looks like a good night.
fn is_in_part(summary: &Summary) -> bool {
    if !summary.has_logs() {
        anstream::eprintln!(
            "eas-log-report: there is no log under --logs that can be read: the report says nothing of \
             how devices are"
        );
    }
    summary.is_in_part() || !summary.has_logs()
}

impl Settings {
    /// Mails the report of the day if it is not the one that was mailed, and before it those of
    /// earlier nights that did not get through.
    fn mail(
        &self,
        store: &Store,
        date: NaiveDate,
        past: &mut Past,
        mut outcome: Outcome,
    ) -> anyhow::Result<Outcome> {
        let Some(mailer) = &self.mailer else {
            return Ok(outcome);
        };
        past.is_due(self, &store.keys()?, date);
        for late in past.forget_mails(date) {
            anstream::eprintln!(
                "eas-log-report: the report of {late} could not be mailed for {WEEK} days, and will not \
                 be; it is in {}",
                self.out.display()
            );
        }
        for due in past.due() {
            let (report, changed) = report(self, store, due)?;
            if mailer.wants(&report, changed) {
                // One that is mailed and then forgotten to be would be mailed twice, which is better
                // than not at all; also if there is no room to note it.
                let _ = past.save();
                fault("before_mail");
                let shown = in_zone(&report, store.zone());
                let letter =
                    Letter::about(&report, &shown).context("cannot put the message together");
                let posted = mailer.post(letter, outcome);
                if posted == Outcome::NotMailed {
                    anstream::eprintln!(
                        "eas-log-report: the report of {due} is in {}, and will be mailed on the next \
                         night",
                        self.out.display()
                    );
                    outcome = posted;
                    break;
                }
            }
            past.mailed(due);
        }
        past.save()?;
        Ok(outcome)
    }

    /// A name for all that the report of a day depends on.
    fn key(&self, keys: &Keys, date: NaiveDate) -> String {
        let day = date.to_epoch_days();
        keys.of(
            day - WEEK..=day,
            &format!(
                "{} {:?} {:?}",
                self.key_of_totals(),
                self.forms,
                self.pseudonyms.as_ref().map(Pseudonyms::fingerprint)
            ),
        )
    }

    /// A name for what the totals of a day depend on besides its facts.
    fn key_of_totals(&self) -> String {
        let (version, limits) = (env!("CARGO_PKG_VERSION"), self.limits);
        format!("{version} {limits:?} {}", self.findings_text)
    }
}

/// Says on standard error what was not read, and what was withdrawn.
pub(super) fn tell(summary: &Summary, verbose: bool) {
    for (name, done) in &summary.files {
        let name = terminal_safe(name);
        match done {
            Done::Unreadable(why) => {
                let why = terminal_safe(why);
                anstream::eprintln!("eas-log-report: {name}: cannot be read: {why}");
            }
            Done::New | Done::Grown(..) if verbose => anstream::eprintln!("{name}: read"),
            Done::Skipped(why) if verbose => anstream::eprintln!("{name}: skipped: {why}"),
            _ => {}
        }
    }
    for (name, why) in &summary.broken {
        let (name, why) = (terminal_safe(name), terminal_safe(why));
        anstream::eprintln!("eas-log-report: {name}: read only in part: {why}");
    }
    for name in &summary.withdrawn {
        anstream::eprintln!(
            "eas-log-report: {}: was rewritten; what it said before is withdrawn",
            terminal_safe(name)
        );
    }
}

/// Says what would be done.
fn check(settings: &Settings, sources: &[Source], problems: bool) -> anyhow::Result<Outcome> {
    let mut store = if settings.store.join("manifest.json").exists() {
        Store::read(&settings.store)?
    } else {
        anstream::println!("the store {} would be made", settings.store.display());
        Store::none(settings.zone)
    };
    if let Some(zone) = settings.zone
        && zone != store.zone()
    {
        bail!(
            "the store has days in the zone {}, not {}",
            store.zone().name(),
            zone.name()
        );
    }
    let date = settings.date(store.zone())?;
    let dry = Update {
        dry: true,
        ..settings.update.clone()
    };
    let summary = store.update(sources, &dry)?;
    let mut unchanged = 0;
    for (name, done) in &summary.files {
        let shown = terminal_safe(name);
        match done {
            Done::Unchanged => unchanged += 1,
            Done::Known(as_what) => {
                anstream::println!("{shown}: known, as {}", terminal_safe(as_what));
            }
            Done::Grown(as_what, from) => anstream::println!(
                "{shown}: would be read from byte {from} on; so far it is known as {}",
                terminal_safe(as_what)
            ),
            Done::New => anstream::println!("{shown}: would be read"),
            Done::Skipped(why) => anstream::println!("{shown}: would be skipped: {why}"),
            Done::Unreadable(why) => {
                anstream::println!("{shown}: cannot be read: {}", terminal_safe(why));
            }
        }
        if let Some(why) = summary.broken.get(name) {
            anstream::println!("{shown}: only in part: {}", terminal_safe(why));
        }
    }
    for name in &summary.withdrawn {
        anstream::println!(
            "{}: was rewritten; what it said before would be withdrawn",
            terminal_safe(name)
        );
    }
    anstream::println!("{unchanged} files are as they were");
    anstream::println!(
        "{} would be read, {} days would change",
        bytes(summary.bytes),
        summary.days.len()
    );
    let mut past = Past::of(&settings.store);
    match stale(settings, &store, date, &past)?.as_slice() {
        [] => anstream::println!("the report of {date} would stay as it is"),
        dates => anstream::println!(
            "the report of {} ({}) would be written to {}",
            list(dates),
            store.zone().name(),
            settings.out.display()
        ),
    }
    if let Some(mailer) = &settings.mailer {
        past.is_due(settings, &store.keys()?, date);
        past.forget_mails(date);
        for due in past.due() {
            anstream::println!("the report of {due} would be mailed {mailer}");
        }
    }
    if let Some(keep_days) = settings.keep_days {
        let old = old_days(&store, keep_days);
        if !old.is_empty() {
            let dates: Vec<NaiveDate> = old.into_iter().map(date_of).collect();
            anstream::println!("days that would be dropped: {}", list(&dates));
        }
    }
    Ok(Outcome::of(problems || is_in_part(&summary)))
}
