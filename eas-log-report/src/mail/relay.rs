//! The way to a mail server.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use clap::ValueEnum;
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{DEFAULT_MECHANISMS, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;

use serde::Deserialize;

use super::login::Login;
use crate::render::terminal_safe;

/// How the way to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte
    Tls,
    /// TLS by the command STARTTLS; a server without it gets no mail
    Starttls,
    /// Neither encrypted nor sure to reach the right server; with a login only on this machine
    None,
}

impl Security {
    /// The port that is meant if none is named.
    pub fn port(self) -> u16 {
        match self {
            Security::Tls => 465,
            Security::Starttls => 587,
            Security::None => 25,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Security::Tls => "with TLS",
            Security::Starttls => "with STARTTLS",
            Security::None => "without TLS",
        }
    }
}

/// A mail server and how to reach it.
#[derive(Debug)]
pub struct Relay {
    /// Its name or address. With TLS, its certificate has to have it.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub security: Security,
    /// Who sends, if the server wants to know.
    pub login: Option<Login>,
    /// Certificates to trust besides those that the system trusts.
    pub authority: Option<Certificate>,
    /// How long to wait for the connection, and then for each answer.
    pub timeout: Duration,
}

/// Why a mail was not sent, or not to everybody.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was tried, where.
    pub tried: String,
    /// What the server or the network said.
    pub said: String,
    /// What to check.
    pub check: &'static str,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { tried, said, check } = self;
        write!(f, "tried to {tried}: {said}; check {check}")
    }
}

impl std::error::Error for Failure {}

/// A step on the way of a mail.
#[derive(Clone, Copy)]
enum Step<'m> {
    Connect,
    StartTls,
    Login,
    From(&'m Mailbox),
    To(&'m Mailbox),
    Content,
}

/// What a step that went wrong came to.
type Stopped<'m> = (Step<'m>, String, &'static str);

impl Relay {
    /// Sends a message. A recipient whom the server refuses does not keep the others from getting it.
    ///
    /// # Errors
    /// If it is not sent, or not to every recipient.
    pub fn send(&self, from: &Mailbox, to: &[Mailbox], message: &Message) -> Result<(), Failure> {
        let sent = self.open().and_then(|mut connection| {
            let sent = self.talk(&mut connection, from, to, &message.formatted());
            match sent {
                Ok(()) => {
                    // The server has taken the mail, whatever it says now.
                    let _ = connection.quit();
                }
                Err(_) => connection.abort(),
            }
            sent
        });
        sent.map_err(|(step, said, check)| self.failure(step, &said, check))
    }

    fn open(&self) -> Result<SmtpConnection, Stopped<'static>> {
        let wrapper = match self.security {
            Security::Tls => Some(self.tls(Step::Connect)?),
            Security::Starttls | Security::None => None,
        };
        SmtpConnection::connect(
            (self.host.as_str(), self.port),
            Some(self.timeout),
            &ClientId::default(),
            wrapper.as_ref(),
            None,
        )
        .map_err(|error| stopped(Step::Connect, &error))
    }

    fn tls<'m>(&self, step: Step<'m>) -> Result<TlsParameters, Stopped<'m>> {
        let mut tls = TlsParameters::builder(self.host.clone());
        if let Some(authority) = &self.authority {
            tls = tls.add_root_certificate(authority.clone());
        }
        tls.build().map_err(|error| stopped(step, &error))
    }

    fn talk<'m>(
        &self,
        connection: &mut SmtpConnection,
        from: &'m Mailbox,
        to: &'m [Mailbox],
        content: &[u8],
    ) -> Result<(), Stopped<'m>> {
        if self.security == Security::Starttls {
            if !connection.can_starttls() {
                return Err((
                    Step::StartTls,
                    "the server does not offer STARTTLS, so it was told nothing".to_owned(),
                    "the port, and whether something between here and the server changes what it says",
                ));
            }
            connection
                .starttls(&self.tls(Step::StartTls)?, &ClientId::default())
                .map_err(|error| stopped(Step::StartTls, &error))?;
        }
        if let Some(login) = &self.login {
            let offered = |&mechanism: &Mechanism| {
                connection.server_info().supports_auth_mechanism(mechanism)
            };
            if !DEFAULT_MECHANISMS.iter().any(offered) {
                return Err((
                    Step::Login,
                    "the server offers neither AUTH PLAIN nor AUTH LOGIN".to_owned(),
                    "whether it wants a login here at all: leave the login out, or use the port for \
                     clients, which is mostly 587",
                ));
            }
            connection
                .auth(DEFAULT_MECHANISMS, &login.credentials())
                .map_err(|error| stopped(Step::Login, &error))?;
        }
        connection
            .command(Mail::new(Some(from.email.clone()), Vec::new()))
            .map_err(|error| stopped(Step::From(from), &error))?;
        let mut refused = None;
        let mut taken = 0;
        for recipient in to {
            match connection.command(Rcpt::new(recipient.email.clone(), Vec::new())) {
                Ok(_) => taken += 1,
                Err(error) => {
                    let stopped = stopped(Step::To(recipient), &error);
                    // Without an answer there is nobody to go on with.
                    if error.status().is_none() {
                        return Err(stopped);
                    }
                    refused.get_or_insert(stopped);
                }
            }
        }
        if taken > 0 {
            connection
                .command(Data)
                .and_then(|_| connection.message(content))
                .map_err(|error| stopped(Step::Content, &error))?;
        }
        match refused {
            None => Ok(()),
            Some((step, said, check)) => {
                let all = to.len();
                let said = format!("{said} (sent to {taken} of {all} recipients)");
                Err((step, said, check))
            }
        }
    }

    fn failure(&self, step: Step<'_>, said: &str, check: &'static str) -> Failure {
        let host = match self.host.parse() {
            Ok(IpAddr::V6(host)) => format!("[{host}]"),
            _ => self.host.clone(),
        };
        let what = match step {
            Step::Connect => "connect".to_owned(),
            Step::StartTls => "start TLS".to_owned(),
            Step::Login => "log in".to_owned(),
            Step::From(from) => format!("send from {}", from.email),
            Step::To(to) => format!("send to {}", to.email),
            Step::Content => "hand the message over".to_owned(),
        };
        let words = self.security.words();
        let said = match &self.login {
            Some(login) => login.conceal(said),
            None => said.to_owned(),
        };
        Failure {
            tried: format!("{what}, at {host}:{} {words}", self.port),
            said: terminal_safe(&said).into_owned(),
            check,
        }
    }
}

/// What to make of an error.
fn stopped<'m>(step: Step<'m>, error: &Error) -> Stopped<'m> {
    if let Some(code) = error.status() {
        let text = std::error::Error::source(error).map(ToString::to_string);
        let said = format!("the server said {code} {}", text.unwrap_or_default());
        return (step, said.trim_end().to_owned(), check_answer(step));
    }
    let said = error.to_string();
    let check = if said.contains("certificate") {
        "that the host is named as in its certificate, and that this machine trusts who issued it: \
         --smtp-ca names a file with the certificate of a private authority"
    } else if error.is_timeout() || said.contains("temporarily unavailable") {
        "that the port is right and how it is protected: 465 mostly expects --smtp-security tls, 587 \
         and 25 starttls; a slow server needs a longer --smtp-timeout"
    } else if said.contains("corrupt message") {
        "how the port is protected: it does not speak TLS from the first byte, so it may want \
         --smtp-security starttls"
    } else {
        match step {
            Step::Connect => "host and port, and that firewalls let this machine through to them",
            _ => "the log of the mail server",
        }
    };
    (step, said, check)
}

/// What to check if the server refuses a step.
fn check_answer(step: Step<'_>) -> &'static str {
    match step {
        Step::Connect | Step::StartTls => "that the server takes mail from this machine",
        Step::Login => {
            "user and password, and that the account may log in by SMTP (AUTH PLAIN or LOGIN)"
        }
        Step::From(_) => "--mail-from, and whether the server wants a login for it",
        Step::To(_) => {
            "the address, and whether the server passes mail on to it from this machine or login"
        }
        Step::Content => "the limits of the server for the size and the content of messages",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_was_tried_without_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("login");
        std::fs::write(&path, "reports\nhunter2\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&path, private).unwrap();
        }
        let relay = Relay {
            host: "::1".to_owned(),
            port: 587,
            security: Security::Starttls,
            login: Some(Login::from_file(&path).unwrap()),
            authority: None,
            timeout: Duration::from_secs(1),
        };
        let said = "the server said 535 no hunter2\x1b[2J";
        let failure = relay.failure(Step::Login, said, check_answer(Step::Login));
        assert_eq!(
            failure.to_string(),
            "tried to log in, at [::1]:587 with STARTTLS: the server said 535 no (password)\\x1b[2J; \
             check user and password, and that the account may log in by SMTP (AUTH PLAIN or LOGIN)"
        );
        assert!(!format!("{relay:?}").contains("hunter2"), "{relay:?}");
    }
}
