//! The message: what it says, and how it is put together.

use std::io;

use anyhow::{Context, anyhow};
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue,
};
use lettre::message::{Attachment, Body, Mailbox, Message, MultiPart, SinglePart};

use super::affected::Affected;
use super::body;
use crate::render::{grouped, headline, short_time, terminal_safe};
use crate::report::Report;

/// Name of the attached table.
const ATTACHMENT: &str = "affected-devices.csv";

/// What a mail says.
#[derive(Clone, Debug)]
pub struct Letter {
    /// What it is about.
    pub subject: String,
    /// The report as text.
    pub text: String,
    /// The report as HTML, for those who see it.
    pub html: Option<String>,
    /// The table that is attached.
    pub affected: Affected,
}

impl Letter {
    /// About a report whose section `devices` has a row for every device, and the same with the times
    /// that people are to read.
    ///
    /// # Errors
    /// If a part cannot be made.
    pub fn about(report: &Report, shown: &Report) -> io::Result<Letter> {
        let affected = Affected::of(report)?;
        Ok(Letter {
            subject: subject(shown),
            text: body::text(shown)?,
            html: Some(body::html(shown, &affected)),
            affected,
        })
    }

    /// The letter as a message: HTML with a text for those who do not see it, and the table.
    ///
    /// # Errors
    /// If it cannot be put together.
    pub fn message(&self, from: &Mailbox, to: &[Mailbox]) -> anyhow::Result<Message> {
        let mut headers = Message::builder()
            .from(safe(from))
            .subject(terminal_safe(&self.subject))
            .message_id(None)
            .date_now()
            .header(AutoSubmitted);
        for recipient in to {
            headers = headers.to(safe(recipient));
        }
        let mixed = MultiPart::mixed();
        let text = self.text.clone();
        let mixed = match &self.html {
            Some(html) => mixed.multipart(MultiPart::alternative_plain_html(text, html.clone())),
            None => mixed.singlepart(SinglePart::plain(text)),
        };
        // In base64, so that no server on the way changes the ends of its lines.
        let csv = self.affected.csv.clone();
        let table = Body::new_with_encoding(csv, ContentTransferEncoding::Base64)
            .map_err(|_| anyhow!("the table cannot be attached"))?;
        let kind = ContentType::parse("text/csv; charset=utf-8")?;
        let table = Attachment::new(ATTACHMENT.to_owned()).body(table, kind);
        headers
            .multipart(mixed.singlepart(table))
            .context("cannot put the message together")
    }
}

/// A mailbox whose name stays within its line.
fn safe(mailbox: &Mailbox) -> Mailbox {
    let name = mailbox.name.as_deref();
    Mailbox::new(
        name.map(|name| terminal_safe(name).into_owned()),
        mailbox.email.clone(),
    )
}

/// What a mail about a report is called, such as `ActiveSync 2011-05-06: 3 devices broken, 14
/// findings`; where it is known what changed, that comes first.
pub fn subject(report: &Report) -> String {
    let devices = match report.totals.broken_devices {
        0 => "no device".to_owned(),
        1 => "1 device".to_owned(),
        devices => format!("{} devices", grouped(devices)),
    };
    let findings = match report.findings.len() {
        0 => "no findings".to_owned(),
        1 => "1 finding".to_owned(),
        findings => format!("{} findings", grouped(findings as u64)),
    };
    // A quiet night and one without logs are not the same.
    let broken = match report.totals.requests {
        0 => format!("no requests, {findings}"),
        _ => format!("{devices} broken, {findings}"),
    };
    match (&report.changes, headline(report), days(report)) {
        (Some(changes), Some(headline), _) => {
            format!("ActiveSync {}: {headline}; {broken}", changes.date)
        }
        (.., Some(days)) => format!("ActiveSync {days}: {broken}"),
        (.., None) => format!("ActiveSync: {broken}"),
    }
}

/// The day of a report, or its first and last.
fn days(report: &Report) -> Option<String> {
    let (first, last) = report.meta.period?;
    let day = |time: i64| short_time(time).chars().take(10).collect::<String>();
    let (first, last) = (day(first), day(last));
    Some(if first == last {
        first
    } else {
        format!("{first} to {last}")
    })
}

/// Tells servers that nobody wrote this, so that no absence notice comes back (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::report::{Changes, Column, Measure, Section, Totals, Value};
    use crate::triage::Verdict;

    fn column(key: &'static str, measure: Measure) -> Column {
        Column {
            key,
            label: key,
            measure,
            detail: false,
        }
    }

    fn section(id: &'static str, columns: Vec<Column>, rows: Vec<Vec<Value>>) -> Section {
        Section {
            id,
            title: id,
            about: id,
            columns,
            total: rows.len(),
            rows,
        }
    }

    /// A report of devices, of each its verdict and its user.
    pub(in crate::mail) fn report(devices: &[(&str, &str)]) -> Report {
        let text = |text: &str| Value::Text(text.to_owned());
        let verdicts = Verdict::ALL.iter().filter_map(|(_, name)| {
            let number = devices.iter().filter(|(verdict, _)| verdict == name);
            match number.count() {
                0 => None,
                number => Some(vec![text(name), Value::Number(number as i64)]),
            }
        });
        let broken = devices
            .iter()
            .filter(|(verdict, _)| Verdict::from_name(verdict).is_some_and(Verdict::is_broken));
        let totals = Totals {
            requests: devices.len() as u64,
            broken_devices: broken.count() as u64,
            ..Totals::default()
        };
        let devices = devices
            .iter()
            .map(|(verdict, user)| vec![text(verdict), text(user)]);
        Report {
            meta: Default::default(),
            quality: Default::default(),
            counts: Default::default(),
            totals,
            changes: None,
            days: Vec::new(),
            findings: Vec::new(),
            sections: vec![
                section(
                    "verdicts",
                    vec![
                        column("verdict", Measure::Text),
                        column("devices", Measure::Count),
                    ],
                    verdicts.collect(),
                ),
                section(
                    "devices",
                    vec![
                        column("verdict", Measure::Text),
                        column("user", Measure::Text),
                    ],
                    devices.collect(),
                ),
            ],
        }
    }

    #[test]
    fn the_subject_says_what() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[], "ActiveSync: no requests, no findings"),
            (
                &[("healthy", "a")],
                "ActiveSync: no device broken, no findings",
            ),
            (
                &[("blocked", "a")],
                "ActiveSync: 1 device broken, no findings",
            ),
            (
                &[("blocked", "a"), ("storm", "b"), ("recovered", "c")],
                "ActiveSync: 2 devices broken, no findings",
            ),
        ];
        for (devices, want) in cases {
            assert_eq!(subject(&report(devices)), want);
        }
        let mut report = report(&[("blocked", "a")]);
        report.meta.period = Some((1_304_681_411, 1_304_681_412));
        let want = "ActiveSync 2011-05-06: 1 device broken, no findings";
        assert_eq!(subject(&report), want);
        report.meta.period = Some((1_304_681_411, 1_304_781_412));
        let want = "ActiveSync 2011-05-06 to 2011-05-07: 1 device broken, no findings";
        assert_eq!(subject(&report), want);
        report.changes = Some(Changes {
            date: "2011-05-05".to_owned(),
            days_before: 7,
            usual_requests: 1,
            usual_failed_requests: 1,
            usual_devices: 1,
            is_quiet: true,
        });
        let want = "ActiveSync 2011-05-05: nothing changed; 1 device broken, no findings";
        assert_eq!(subject(&report), want);
    }

    #[test]
    fn text_cannot_make_headers() {
        let about = |report: &Report| Letter::about(report, report);
        let mailbox =
            |name: &str| Mailbox::new(Some(name.to_owned()), "it@contoso.com".parse().unwrap());
        let evil = "x\r\nBcc: everybody@contoso.com\r\n\r\nbody\n.\n";
        let mut letter = about(&report(&[("blocked", evil)])).unwrap();
        letter.subject = format!("{evil}ü");
        let message = letter.message(&mailbox(evil), &[mailbox(evil)]).unwrap();
        assert_eq!(message.envelope().to().len(), 1);
        let formatted = String::from_utf8(message.formatted()).unwrap();
        let (headers, _) = formatted.split_once("\r\n\r\n").unwrap();
        let mut names: Vec<&str> = headers
            .split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| Some(line.split_once(':')?.0))
            .collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "Auto-Submitted",
                "Content-Type",
                "Date",
                "From",
                "MIME-Version",
                "Message-ID",
                "Subject",
                "To",
            ]
        );
        assert!(!formatted.contains("\r\n.\r\n"), "{formatted}");
        assert!(!formatted.contains("\nBcc:"), "{formatted}");
    }
}
