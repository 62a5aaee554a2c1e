//! What a job that watches needs: an exit code, and totals.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};

use super::exit::Outcome;
use super::output::check_writable;
use crate::render::{write_atomically, write_prometheus};
use crate::report::{Report, Severity, Value};
use crate::triage::{Findings, Verdict};

/// The options of a job that watches.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct WatchArgs {
    /// End with code 3 if this holds: failed, broken, a severity, a verdict or the id of a finding,
    /// for any; or with a bound, such as 'failed>5%' or 'storm>3'; can be repeated
    #[arg(long, value_name = "CONDITION", help_heading = "Watching")]
    pub(super) fail_on: Vec<String>,
    /// Write the totals for a Prometheus node exporter to this file
    #[arg(long, value_name = "FILE", help_heading = "Watching")]
    pub(super) prometheus: Option<PathBuf>,
}

/// What is watched.
pub(super) struct Watch {
    conditions: Vec<Condition>,
    prometheus: Option<PathBuf>,
}

impl Watch {
    /// Reads the conditions, before the work.
    pub(super) fn new<'f>(
        args: &WatchArgs,
        findings: impl Fn() -> &'f Findings,
    ) -> anyhow::Result<Watch> {
        let conditions = args.fail_on.iter();
        Ok(Watch {
            conditions: conditions
                .map(|typed| Condition::parse(typed, findings()))
                .collect::<anyhow::Result<_>>()?,
            prometheus: args.prometheus.clone(),
        })
    }

    /// Fails if the totals cannot be written.
    pub(super) fn try_totals(&self) -> anyhow::Result<()> {
        match &self.prometheus {
            Some(path) => check_writable("--prometheus", path),
            None => Ok(()),
        }
    }

    /// Whether there is nothing to watch.
    pub(super) fn is_idle(&self) -> bool {
        self.conditions.is_empty() && self.prometheus.is_none()
    }

    /// Says which conditions hold, and gives what came of the run.
    pub(super) fn look(&self, report: &Report, mut outcome: Outcome) -> Outcome {
        let holding = self.conditions.iter();
        for holds in holding.filter_map(|condition| condition.holds(report)) {
            anstream::eprintln!("eas-log-report: {holds}");
            outcome = Outcome::ConditionHolds;
        }
        outcome
    }

    /// Writes the totals, if they are wanted.
    pub(super) fn write_totals(&self, report: &Report) -> anyhow::Result<()> {
        let Some(path) = &self.prometheus else {
            return Ok(());
        };
        self.try_totals()?;
        write_atomically(path, |out| write_prometheus(report, out))
            .with_context(|| format!("--prometheus {}: cannot be written", path.display()))
    }
}

/// A condition on a report.
#[derive(Clone, Debug, PartialEq)]
struct Condition {
    typed: String,
    what: What,
    more_than: Bound,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    /// Devices that this finding lists, or 1 for a finding about the logs.
    Finding(String),
    /// Findings of this severity or a worse one.
    Severity(Severity),
    /// Devices with this verdict.
    Verdict(Verdict),
    /// Devices that are not well.
    Broken,
    /// Failed requests.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bound {
    Number(u64),
    Percent(f64),
}

const SEVERITIES: [Severity; 5] = [
    Severity::Critical,
    Severity::High,
    Severity::Medium,
    Severity::Low,
    Severity::Info,
];

impl Condition {
    /// Reads `NAME`, `NAME>N` or `NAME>N%`.
    fn parse(typed: &str, findings: &Findings) -> anyhow::Result<Condition> {
        let (name, bound) = match typed.split_once('>') {
            Some((name, bound)) => (name.trim(), bound.trim()),
            None => (typed.trim(), "0"),
        };
        let more_than = match bound.strip_suffix('%') {
            // Of NaN nothing is true, and more than 100 % is never reached: no alarm would ever come.
            Some(share) => match share.trim().parse::<f64>() {
                Ok(share) if (0.0..100.0).contains(&share) => Bound::Percent(share),
                _ => bail!(
                    "--fail-on {typed}: '{bound}': expected a share from 0% to below 100%, such as 5%"
                ),
            },
            None => match bound.parse() {
                Ok(number) => Bound::Number(number),
                Err(_) => {
                    bail!("--fail-on {typed}: '{bound}': expected a number, or a share such as 5%")
                }
            },
        };
        let severity = SEVERITIES.iter().find(|severity| severity.name() == name);
        let what = match (name, severity, Verdict::from_name(name)) {
            ("failed", ..) => What::Failed,
            ("broken", ..) => What::Broken,
            (_, Some(&severity), _) => What::Severity(severity),
            (_, _, Some(verdict)) => What::Verdict(verdict),
            _ if findings.ids().contains(&name) => What::Finding(name.to_owned()),
            _ => bail!(
                "--fail-on {typed}: expected failed, broken, a severity (critical, high, medium, \
                 low), a verdict such as not_provisionable, or the id of a finding; with a bound \
                 such as '>10' or '>5%' if it is not for any"
            ),
        };
        if matches!(more_than, Bound::Percent(_)) {
            ensure!(
                !matches!(what, What::Severity(_)),
                "--fail-on {typed}: a number of findings has no share: expected a number"
            );
        }
        Ok(Condition {
            typed: typed.to_owned(),
            what,
            more_than,
        })
    }

    /// What there is to say if it holds.
    fn holds(&self, report: &Report) -> Option<String> {
        let all_devices = || verdicts(report, |_| true);
        let (number, all, of) = match &self.what {
            What::Finding(id) => {
                let found = report
                    .findings
                    .iter()
                    .find(|finding| finding.advice.id == *id);
                let number = found.map_or(0, |finding| finding.devices.max(1));
                (number, all_devices(), "devices")
            }
            What::Severity(severity) => {
                let findings = report.findings.iter();
                let found = findings.filter(|finding| finding.advice.severity <= *severity);
                (found.count() as u64, 0, "findings")
            }
            What::Verdict(verdict) => (
                verdicts(report, |of| of == *verdict),
                all_devices(),
                "devices",
            ),
            What::Broken => (
                verdicts(report, Verdict::is_broken),
                all_devices(),
                "devices",
            ),
            What::Failed => (
                report.totals.failed_requests,
                report.totals.requests,
                "requests",
            ),
        };
        let holds = match self.more_than {
            Bound::Number(bound) => number > bound,
            Bound::Percent(bound) => number as f64 * 100.0 > bound * all as f64,
        };
        holds.then(|| format!("--fail-on {} holds: {number} {of}", self.typed))
    }
}

/// How many devices have such a verdict.
fn verdicts(report: &Report, which: impl Fn(Verdict) -> bool) -> u64 {
    let Some(section) = report.section("verdicts") else {
        return 0;
    };
    let rows = section.values("verdict").zip(section.values("devices"));
    rows.filter_map(|pair| match pair {
        (Value::Text(verdict), Value::Number(devices)) => {
            let verdict = Verdict::from_name(verdict)?;
            which(verdict).then_some(devices.unsigned_abs())
        }
        _ => None,
    })
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let parse = |typed: &str| Condition::parse(typed, Findings::built_in());
        for (typed, what, more_than) in [
            ("failed>5%", What::Failed, Bound::Percent(5.0)),
            ("broken", What::Broken, Bound::Number(0)),
            (
                "critical",
                What::Severity(Severity::Critical),
                Bound::Number(0),
            ),
            ("storm > 3", What::Verdict(Verdict::Storm), Bound::Number(3)),
            (
                "mailbox_full",
                What::Verdict(Verdict::MailboxFull),
                Bound::Number(0),
            ),
            (
                "lockout_source>1",
                What::Finding("lockout_source".to_owned()),
                Bound::Number(1),
            ),
        ] {
            let found = parse(typed).unwrap();
            assert_eq!((found.what, found.more_than), (what, more_than), "{typed}");
        }
        for typed in [
            "",
            "nothing",
            "failed>",
            "failed>x",
            "failed>x%",
            "failed>nan%",
            "failed>inf%",
            "failed>-1%",
            "failed>100%",
            "failed>1e9%",
            "failed>nan",
            "failed>inf",
            "failed>-1",
            "failed>0.5",
            "failed>18446744073709551616",
            "failed>5>3",
            "critical>5%",
        ] {
            let error = parse(typed).unwrap_err().to_string();
            assert!(error.contains("expected"), "{typed}: {error}");
        }
    }
}
