//! Sending the report as a mail, or writing the mail into a file.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use clap::ValueEnum;
use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use serde::Deserialize;

use super::exit::Outcome;
use super::output::check_writable;
use crate::mail::{Letter, Login, PASSWORD_VARIABLE, Relay, Security, USER_VARIABLE};
use crate::render::{terminal_safe, write_atomically};
use crate::report::{Report, Severity};

/// So many seconds a server may take for an answer unless told otherwise.
const TIMEOUT: u64 = 60;
/// A file of certificates that is larger than this is none.
const LARGEST_AUTHORITY: u64 = 4 << 20;

/// How to mail the report. The login is no option: other users see the options of a process.
///
/// In a file of settings they are the keys of a table `[mail]`: `to`, `from`, `subject`, `when`,
/// `smtp`, `security`, `login`, `ca`, `timeout`, `eml`.
#[derive(Clone, Debug, Default, clap::Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct MailArgs {
    /// Send the report to this address, also as 'Name <address>': HTML with a text for those who do
    /// not see it, and a CSV file of the devices that need something. Can be repeated
    #[arg(long, value_name = "ADDRESS", help_heading = "Mail")]
    #[serde(rename = "to")]
    pub mail_to: Vec<String>,
    /// Who sends it
    #[arg(long, value_name = "ADDRESS", help_heading = "Mail")]
    #[serde(rename = "from")]
    pub mail_from: Option<String>,
    /// What it is called [default: such as 'ActiveSync 2011-05-06: 3 devices broken, 14
    /// findings']
    #[arg(long, value_name = "TEXT", help_heading = "Mail")]
    #[serde(rename = "subject")]
    pub mail_subject: Option<String>,
    /// When to send it [default: always]
    #[arg(long, value_enum, value_name = "WHEN", help_heading = "Mail")]
    #[serde(rename = "when")]
    pub mail_when: Option<MailWhen>,
    /// The mail server, which gets a login if --smtp-login or the environment
    /// (EAS_LOG_REPORT_SMTP_USER and EAS_LOG_REPORT_SMTP_PASSWORD) has one [default port: 587; 465
    /// for tls, 25 for none]
    #[arg(long, value_name = "HOST[:PORT]", help_heading = "Mail")]
    pub smtp: Option<String>,
    /// How the way to the server is protected [default: starttls; tls for port 465]
    #[arg(long, value_enum, value_name = "HOW", help_heading = "Mail")]
    #[serde(rename = "security")]
    pub smtp_security: Option<Security>,
    /// A file with the user on its first line and the password on its second, which others cannot
    /// read
    #[arg(long, value_name = "FILE", help_heading = "Mail")]
    #[serde(rename = "login")]
    pub smtp_login: Option<PathBuf>,
    /// A file (PEM) with certificates to trust besides those that the system trusts
    #[arg(long, value_name = "FILE", help_heading = "Mail")]
    #[serde(rename = "ca")]
    pub smtp_ca: Option<PathBuf>,
    /// How long the server may take for each answer [default: 60]
    #[arg(long, value_name = "SECONDS", help_heading = "Mail")]
    #[serde(rename = "timeout")]
    pub smtp_timeout: Option<u64>,
    /// Write the mail into this file instead of sending it
    #[arg(long, value_name = "FILE", help_heading = "Mail")]
    pub eml: Option<PathBuf>,
}

impl MailArgs {
    /// The files that are named.
    pub(super) fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let paths = [&mut self.smtp_login, &mut self.smtp_ca, &mut self.eml];
        paths.into_iter().flatten()
    }

    /// These options, and where one is not given that of others.
    pub(super) fn or(self, others: MailArgs) -> MailArgs {
        MailArgs {
            mail_to: if self.mail_to.is_empty() {
                others.mail_to
            } else {
                self.mail_to
            },
            mail_from: self.mail_from.or(others.mail_from),
            mail_subject: self.mail_subject.or(others.mail_subject),
            mail_when: self.mail_when.or(others.mail_when),
            smtp: self.smtp.or(others.smtp),
            smtp_security: self.smtp_security.or(others.smtp_security),
            smtp_login: self.smtp_login.or(others.smtp_login),
            smtp_ca: self.smtp_ca.or(others.smtp_ca),
            smtp_timeout: self.smtp_timeout.or(others.smtp_timeout),
            eml: self.eml.or(others.eml),
        }
    }
}

/// When to send a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum MailWhen {
    /// Always
    Always,
    /// If something has changed since the night before (nightly only)
    Changes,
    /// If there is a finding that is more than information
    Findings,
}

/// What is to be mailed, and where to.
#[derive(Debug)]
pub(super) struct Mailer {
    from: Mailbox,
    to: Vec<Mailbox>,
    subject: Option<String>,
    when: MailWhen,
    way: Way,
}

#[derive(Debug)]
enum Way {
    File(PathBuf),
    /// A login or a certificate that cannot be read does not lose the report, so the error waits
    /// until there is one.
    Server(Box<anyhow::Result<Relay>>),
}

/// For whom, when, and how, to say what would be done.
impl fmt::Display for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to: Vec<String> = self.to.iter().map(ToString::to_string).collect();
        write!(f, "to {}", terminal_safe(&to.join(", ")))?;
        match &self.way {
            Way::File(path) => write!(f, ", into {}", path.display())?,
            Way::Server(relay) => match &**relay {
                Ok(relay) => write!(f, ", by {}", relay.host)?,
                Err(_) => f.write_str(", which cannot work yet")?,
            },
        }
        f.write_str(match self.when {
            MailWhen::Always => "",
            MailWhen::Changes => ", if something has changed",
            MailWhen::Findings => ", if there is a finding",
        })
    }
}

impl Mailer {
    /// What the options ask for. `knows_changes` is for a command that can tell what has changed.
    pub(super) fn new(args: &MailArgs, knows_changes: bool) -> anyhow::Result<Option<Mailer>> {
        if args.mail_to.is_empty() {
            if let Some(option) = args.first_beside_recipients() {
                bail!("{option}: to whom? Add --mail-to ADDRESS, or leave {option} out");
            }
            return Ok(None);
        }
        let to = args.mail_to.iter().map(|text| mailbox("--mail-to", text));
        let to = to.collect::<anyhow::Result<Vec<Mailbox>>>()?;
        let Some(from) = &args.mail_from else {
            bail!("--mail-to: from whom? Add --mail-from ADDRESS");
        };
        if let Some(subject) = &args.mail_subject {
            ensure!(
                !subject.contains(char::is_control),
                "--mail-subject: expected one line; found a control character"
            );
        }
        let when = args.mail_when.unwrap_or(MailWhen::Always);
        ensure!(
            knows_changes || when != MailWhen::Changes,
            "--mail-when changes: only the command nightly knows what has changed; choose always or \
             findings"
        );
        Ok(Some(Mailer {
            from: mailbox("--mail-from", from)?,
            to,
            subject: args.mail_subject.clone(),
            when,
            way: args.way()?,
        }))
    }

    /// Whether a mail is wanted about this report. `changed` says whether something has.
    pub(super) fn wants(&self, report: &Report, changed: bool) -> bool {
        match self.when {
            MailWhen::Always => true,
            MailWhen::Changes => changed,
            MailWhen::Findings => {
                let mut findings = report.findings.iter();
                findings.any(|finding| finding.advice.severity != Severity::Info)
            }
        }
    }

    /// Sends a letter, or writes it. A failure is told, and is no error: there is a report.
    pub(super) fn post(&self, letter: anyhow::Result<Letter>, outcome: Outcome) -> Outcome {
        match letter.and_then(|letter| self.try_to_post(letter)) {
            Ok(()) => outcome,
            Err(error) => {
                let error = format!("{error:#}");
                anstream::eprintln!(
                    "eas-log-report: the mail did not get through: {}",
                    terminal_safe(&error)
                );
                Outcome::NotMailed
            }
        }
    }

    fn try_to_post(&self, mut letter: Letter) -> anyhow::Result<()> {
        if let Some(subject) = &self.subject {
            letter.subject.clone_from(subject);
        }
        let message = letter.message(&self.from, &self.to)?;
        match &self.way {
            Way::File(path) => write_atomically(path, |out| out.write_all(&message.formatted()))
                .with_context(|| format!("--eml {}: cannot be written", path.display())),
            Way::Server(relay) => match &**relay {
                Ok(relay) => Ok(relay.send(&self.from, &self.to, &message)?),
                Err(error) => Err(anyhow!("{error:#}")),
            },
        }
    }
}

impl MailArgs {
    /// The first option that is set although there is nobody to send to.
    fn first_beside_recipients(&self) -> Option<&'static str> {
        let set = [
            ("--mail-from", self.mail_from.is_some()),
            ("--mail-subject", self.mail_subject.is_some()),
            ("--mail-when", self.mail_when.is_some()),
            ("--smtp", self.smtp.is_some()),
            ("--smtp-security", self.smtp_security.is_some()),
            ("--smtp-login", self.smtp_login.is_some()),
            ("--smtp-ca", self.smtp_ca.is_some()),
            ("--smtp-timeout", self.smtp_timeout.is_some()),
            ("--eml", self.eml.is_some()),
        ];
        let first = set.into_iter().find(|&(_, is_set)| is_set);
        first.map(|(option, _)| option)
    }

    fn way(&self) -> anyhow::Result<Way> {
        match (&self.eml, &self.smtp) {
            (Some(_), Some(_)) => bail!("--eml, --smtp: write or send? Leave one of them out"),
            (None, None) => bail!(
                "--mail-to: by which server? Add --smtp HOST, or --eml FILE to write the mail into a \
                 file"
            ),
            (Some(path), None) => {
                check_writable("--eml", path)?;
                Ok(Way::File(path.clone()))
            }
            (None, Some(server)) => {
                let relay = self.relay(server)?;
                if let Err(error) = &relay {
                    let error = format!("{error:#}");
                    anstream::eprintln!(
                        "eas-log-report: the report will not be mailed: {}",
                        terminal_safe(&error)
                    );
                }
                Ok(Way::Server(Box::new(relay)))
            }
        }
    }

    /// The server. The inner error is for what is wrong with a file or the environment, and not with
    /// what was typed.
    fn relay(&self, server: &str) -> anyhow::Result<anyhow::Result<Relay>> {
        let (host, port) = host_and_port(server)?;
        let security = self.smtp_security.unwrap_or(match port {
            Some(465) => Security::Tls,
            _ => Security::Starttls,
        });
        let timeout = self.smtp_timeout.unwrap_or(TIMEOUT);
        ensure!(
            (1..=3600).contains(&timeout),
            "--smtp-timeout {timeout}: expected 1 to 3600 seconds"
        );
        ensure!(
            security != Security::None || self.smtp_ca.is_none(),
            "--smtp-ca: without TLS (--smtp-security none) there is no certificate to check"
        );
        ensure!(
            security != Security::None || self.smtp_login.is_none() || is_this_machine(host),
            "--smtp-login: {NOT_IN_CLEAR}"
        );
        let relay = |login, authority| Relay {
            host: host.to_owned(),
            port: port.unwrap_or(security.port()),
            security,
            login,
            authority,
            timeout: Duration::from_secs(timeout),
        };
        Ok(self.login(security, host).and_then(|login| {
            let authority = self.smtp_ca.as_deref().map(authority).transpose()?;
            Ok(relay(login, authority))
        }))
    }

    fn login(&self, security: Security, host: &str) -> anyhow::Result<Option<Login>> {
        if let Some(path) = &self.smtp_login {
            let login = Login::from_file(path);
            let login = login.with_context(|| format!("--smtp-login {}", path.display()))?;
            return Ok(Some(login));
        }
        let login = Login::from_environment()?;
        ensure!(
            login.is_none() || security != Security::None || is_this_machine(host),
            "{USER_VARIABLE}, {PASSWORD_VARIABLE}: {NOT_IN_CLEAR}"
        );
        Ok(login)
    }
}

const NOT_IN_CLEAR: &str = "a login is not sent over a network without TLS; choose --smtp-security \
                            tls or starttls, or send without a login";

/// Whether a server is this machine, so that nothing goes over a network.
fn is_this_machine(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

fn mailbox(option: &str, text: &str) -> anyhow::Result<Mailbox> {
    let shown = terminal_safe(text);
    ensure!(
        !text.contains(char::is_control),
        "{option} {shown}: expected an address; found a control character"
    );
    let Ok(mailbox) = text.parse::<Mailbox>() else {
        bail!(
            "{option} {shown}: expected one address, such as it@contoso.com or 'IT \
             <it@contoso.com>'; repeat --mail-to for several"
        );
    };
    ensure!(
        mailbox.email.to_string().is_ascii(),
        "{option} {shown}: expected an address in ASCII; write the domain in its xn-- form"
    );
    Ok(mailbox)
}

/// The parts of `HOST`, `HOST:PORT`, `ADDRESS` or `[ADDRESS]:PORT`.
fn host_and_port(text: &str) -> anyhow::Result<(&str, Option<u16>)> {
    let expected = || {
        let shown = terminal_safe(text);
        format!("--smtp {shown}: expected HOST or HOST:PORT, such as mail.contoso.com:587")
    };
    let (host, port) = if text.parse::<IpAddr>().is_ok() {
        (text, None)
    } else if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').with_context(expected)?;
        ensure!(host.parse::<IpAddr>().is_ok(), expected());
        match rest {
            "" => (host, None),
            _ => (host, Some(rest.strip_prefix(':').with_context(expected)?)),
        }
    } else {
        match text.split_once(':') {
            None => (text, None),
            Some((host, port)) => (host, Some(port)),
        }
    };
    let name = |ch: char| ch.is_ascii_alphanumeric() || matches!(ch, '.' | '-' | '_' | ':');
    ensure!(!host.is_empty() && host.chars().all(name), expected());
    let port = match port.map(str::parse::<u16>) {
        None => None,
        Some(Ok(port)) if port > 0 => Some(port),
        Some(_) => bail!(expected()),
    };
    Ok((host, port))
}

/// Certificates of a file.
fn authority(path: &Path) -> anyhow::Result<Certificate> {
    let read = || -> anyhow::Result<Certificate> {
        let size = std::fs::metadata(path).context("cannot be read")?.len();
        let content = match size {
            0..=LARGEST_AUTHORITY => std::fs::read(path).context("cannot be read")?,
            _ => Vec::new(),
        };
        let marker = b"-----BEGIN CERTIFICATE-----";
        ensure!(
            memchr::memmem::find(&content, marker).is_some(),
            "expected certificates in PEM (-----BEGIN CERTIFICATE-----); found none. To convert a \
             .cer file: certutil -encode ca.cer ca.pem, or openssl x509 -inform der -in ca.cer -out \
             ca.pem"
        );
        Certificate::from_pem(&content).context("expected certificates in PEM")
    };
    read().with_context(|| format!("--smtp-ca {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(server: &str) -> MailArgs {
        MailArgs {
            mail_to: vec!["it@contoso.com".to_owned()],
            mail_from: Some("Reports <reports@contoso.com>".to_owned()),
            smtp: Some(server.to_owned()),
            ..MailArgs::default()
        }
    }

    fn error(args: &MailArgs) -> String {
        format!("{:#}", Mailer::new(args, false).unwrap_err())
    }

    #[test]
    fn hosts_and_ports() {
        let cases = [
            ("mail.contoso.com", "mail.contoso.com", None),
            ("mail.contoso.com:25", "mail.contoso.com", Some(25)),
            ("192.0.2.1", "192.0.2.1", None),
            ("::1", "::1", None),
            ("[::1]", "::1", None),
            ("[::1]:465", "::1", Some(465)),
        ];
        for (text, host, port) in cases {
            assert_eq!(host_and_port(text).unwrap(), (host, port), "{text}");
        }
        for text in [
            "",
            ":25",
            "mail:",
            "mail:0",
            "mail:65536",
            "mail:a",
            "a b",
            "smtp://mail",
            "[::1",
            "[x]:1",
            "mail\r\nQUIT",
            "[::1]25",
        ] {
            let error = host_and_port(text).unwrap_err().to_string();
            assert!(error.contains("expected HOST or HOST:PORT"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_mail_needs_its_parts() {
        let none = MailArgs::default();
        assert!(Mailer::new(&none, false).unwrap().is_none());
        let good = args("mail");
        assert!(Mailer::new(&good, false).unwrap().is_some());
        type Change = fn(&mut MailArgs);
        let cases: [(Change, &str); 9] = [
            (|args| args.mail_to.clear(), "--mail-from: to whom?"),
            (|args| args.mail_from = None, "from whom?"),
            (|args| args.smtp = None, "by which server?"),
            (|args| args.eml = Some("a.eml".into()), "write or send?"),
            (
                |args| args.mail_to.push("a@contoso.com, b@contoso.com".to_owned()),
                "repeat --mail-to",
            ),
            (
                |args| args.mail_to.push("it@contoso.com\r\nBcc: a@b.c".to_owned()),
                "control character",
            ),
            (
                |args| args.mail_subject = Some("a\nBcc: a@b.c".to_owned()),
                "control character",
            ),
            (
                |args| args.mail_when = Some(MailWhen::Changes),
                "only the command nightly",
            ),
            (|args| args.smtp_timeout = Some(0), "expected 1 to 3600"),
        ];
        for (change, want) in cases {
            let mut args = good.clone();
            change(&mut args);
            let error = error(&args);
            assert!(error.contains(want), "{error}");
            assert!(!error.contains(['\r', '\n']), "{error}");
        }
    }

    #[test]
    fn the_way_is_protected_unless_asked_otherwise() {
        let way = |server: &str, security| {
            let mut args = args(server);
            args.smtp_security = security;
            let relay = args.relay(server).unwrap().unwrap();
            (relay.port, relay.security)
        };
        assert_eq!(way("mail", None), (587, Security::Starttls));
        assert_eq!(way("mail:25", None), (25, Security::Starttls));
        assert_eq!(way("mail:465", None), (465, Security::Tls));
        assert_eq!(way("mail", Some(Security::Tls)), (465, Security::Tls));
        assert_eq!(way("mail", Some(Security::None)), (25, Security::None));
    }

    #[test]
    fn a_login_does_not_go_over_a_network_in_clear() {
        for (server, refused) in [
            ("mail.contoso.com", true),
            ("192.0.2.1", true),
            ("localhost.contoso.com", true),
            ("localhost", false),
            ("127.0.0.1:2525", false),
            ("[::1]:2525", false),
        ] {
            let mut args = args(server);
            args.smtp_security = Some(Security::None);
            args.smtp_login = Some("/nonexistent/login".into());
            match Mailer::new(&args, false) {
                Ok(_) => assert!(!refused, "{server}"),
                Err(error) => {
                    assert!(refused, "{server}");
                    assert!(error.to_string().contains("without TLS"), "{error}");
                }
            }
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_does_not_stop_the_report() {
        let mut args = args("mail");
        args.smtp_ca = Some("/nonexistent/ca.pem".into());
        let mailer = Mailer::new(&args, false).unwrap().unwrap();
        let Way::Server(relay) = &mailer.way else {
            panic!("expected a server");
        };
        let error = format!("{:#}", relay.as_ref().as_ref().unwrap_err());
        assert!(error.contains("--smtp-ca /nonexistent/ca.pem"), "{error}");
    }
}
