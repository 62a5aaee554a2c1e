//! Mails, sent to a real server on loopback that speaks TLS and wants a login.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders};
use tempfile::TempDir;

use crate::samples::expect;
use crate::smtp_server::{Mail, Server, Session, Setup};
use crate::{command, run};

const SAMPLE: &str = "samples/coexistence";
const USER: &str = "reports@contoso.com";
const PASSWORD: &str = "Quokka 9=Zebra";

/// A folder with a login, and the certificate of an authority.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Desk {
        let desk = Desk {
            folder: tempfile::tempdir().unwrap(),
        };
        desk.write("login", &format!("{USER}\n{PASSWORD}\n"), 0o600);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str, mode: u32) {
        fs::write(self.path(name), content).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(self.path(name), permissions).unwrap();
        }
        #[cfg(not(unix))]
        let _ = mode;
    }

    /// Mails the report of the sample by the server, whose name and certificate fit.
    fn mail(&self, server: &Server, more: &[&str]) -> Output {
        self.mail_by(&format!("localhost:{}", server.port()), server, more)
    }

    fn mail_by(&self, host: &str, server: &Server, more: &[&str]) -> Output {
        fs::write(self.path("ca.pem"), server.authority()).unwrap();
        command()
            .args(["--mail-to", "Help Desk <helpdesk@contoso.com>"])
            .args(["--mail-to", "it@contoso.com"])
            .args(["--mail-from", "Reports <reports@contoso.com>"])
            .args(["--smtp", host])
            .args(more)
            .arg(SAMPLE)
            .env("SSL_CERT_FILE", self.path("ca.pem"))
            .output()
            .unwrap()
    }

    /// Without trusting the authority of the server.
    fn mail_distrusting(&self, server: &Server, more: &[&str]) -> Output {
        fs::write(self.path("empty.pem"), "").unwrap();
        command()
            .args(["--mail-to", "it@contoso.com"])
            .args(["--mail-from", "reports@contoso.com"])
            .args(["--smtp", &format!("localhost:{}", server.port())])
            .args(more)
            .arg(SAMPLE)
            .env("SSL_CERT_FILE", self.path("empty.pem"))
            .output()
            .unwrap()
    }

    fn login(&self) -> String {
        self.path("login").to_str().unwrap().to_owned()
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The report is there, the mail is not, and nothing shows the password. Returns what was said.
fn not_mailed(output: &Output) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(4), "{err}");
    assert_eq!(out, run(&[SAMPLE]).0, "the report is written all the same");
    assert!(
        err.contains("eas-log-report: the mail did not get through: "),
        "{err}"
    );
    let plain = format!("\0{USER}\0{PASSWORD}");
    let shown = format!("{out}{err}");
    for secret in [
        PASSWORD,
        &STANDARD.encode(PASSWORD),
        &STANDARD.encode(plain),
    ] {
        assert!(!shown.contains(secret), "{err}");
    }
    assert!(
        !shown.contains("Quokka") && !shown.contains("Zebra"),
        "{err}"
    );
    err.to_owned()
}

/// The names of the commands that were sent without encryption.
fn in_clear(session: &Session) -> Vec<&str> {
    let clear = session.commands.iter().filter(|command| !command.encrypted);
    clear
        .map(|command| command.line.split(' ').next().unwrap())
        .collect()
}

fn read_mail(content: &[u8]) -> Message<'_> {
    MessageParser::new().parse(content).unwrap()
}

/// The value of a header, unfolded and without blanks around it.
fn header(mail: &Message<'_>, name: &str) -> String {
    let raw = mail.header_raw(name).unwrap();
    raw.replace("\r\n", "").trim().to_owned()
}

/// The parts of a mail: the plain text, the HTML, and the table.
fn parts(mail: &Message<'_>) -> (String, String, String) {
    let kind = |part: &MessagePart<'_>| {
        let kind = part.content_type().unwrap();
        format!("{}/{}", kind.ctype(), kind.subtype().unwrap())
    };
    let kinds: Vec<String> = mail.parts.iter().map(kind).collect();
    assert_eq!(
        kinds,
        [
            "multipart/mixed",
            "multipart/alternative",
            "text/plain",
            "text/html",
            "text/csv"
        ]
    );
    assert_eq!(mail.parts[0].sub_parts(), Some(&[1, 4][..]));
    assert_eq!(mail.parts[1].sub_parts(), Some(&[2, 3][..]));
    let table = &mail.parts[4];
    assert!(table.content_disposition().unwrap().is_attachment());
    assert_eq!(table.attachment_name(), Some("affected-devices.csv"));
    let body = |part: &MessagePart<'_>| part.text_contents().unwrap().replace("\r\n", "\n");
    let table = String::from_utf8(table.contents().to_vec()).unwrap();
    (body(&mail.parts[2]), body(&mail.parts[3]), table)
}

/// What every mail server takes: ASCII, lines that are not too long and end with CR LF.
fn assert_well_formed(content: &[u8]) {
    assert!(content.is_ascii());
    let content = text(content);
    for line in content.split("\r\n") {
        assert!(line.len() <= 998, "{}", line.len());
        assert!(!line.contains(['\r', '\n']), "{line:?}");
    }
}

#[test]
fn a_mail_reaches_both_recipients_by_starttls() {
    let desk = Desk::new();
    let server = Server::start(Setup {
        login: Some((USER, PASSWORD)),
        ..Setup::default()
    });
    let output = desk.mail(&server, &["--smtp-login", &desk.login()]);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!((err, output.status.code()), ("", Some(0)));
    let session = server.finish();
    assert_eq!(in_clear(&session), ["EHLO", "STARTTLS"]);
    assert!(session.logged_in);
    let [Mail { from, to, content }] = &session.mails[..] else {
        panic!("expected one mail");
    };
    assert_eq!(from, "reports@contoso.com");
    assert_eq!(to[..], ["helpdesk@contoso.com", "it@contoso.com"]);
    assert_well_formed(content);
    let mail = read_mail(content);
    assert_eq!(
        mail.subject(),
        Some("ActiveSync 2011-05-06 to 2011-05-07: 10 devices broken, 14 findings")
    );
    assert_eq!(
        header(&mail, "To").replace('"', ""),
        "Help Desk <helpdesk@contoso.com>, it@contoso.com"
    );
    assert_eq!(header(&mail, "Auto-Submitted"), "auto-generated");
    let (plain, html, table) = parts(&mail);
    assert_eq!(plain, out, "the text is the report");
    assert!(html.contains("Blocked by a device access rule"), "{html}");
    let broken = run(&["devices", "--broken", "--format", "csv", SAMPLE]).0;
    assert_eq!(table, broken);
    assert_eq!(table.lines().count(), 1 + 10);
}

#[test]
fn the_mail_has_every_device_whatever_the_report_shows() {
    let desk = Desk::new();
    let server = Server::start(Setup::default());
    let arguments = ["--top", "1", "--format", "json"];
    let output = desk.mail(&server, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let alone = run(&[&arguments, &[SAMPLE][..]].concat()).0;
    assert_eq!(text(&output.stdout), alone);
    let session = server.finish();
    let mail = read_mail(&session.mails[0].content);
    assert_eq!(parts(&mail).2.lines().count(), 1 + 10);
}

#[test]
fn tls_from_the_first_byte_with_a_login_of_the_environment() {
    let desk = Desk::new();
    let server = Server::start(Setup {
        tls_at_once: true,
        mechanisms: "LOGIN",
        login: Some((USER, PASSWORD)),
        ..Setup::default()
    });
    let authority = desk.path("ca.pem");
    fs::write(&authority, server.authority()).unwrap();
    let output = command()
        .args(["--mail-to", "it@contoso.com", "--mail-from", USER])
        .args(["--smtp", &format!("localhost:{}", server.port())])
        .args(["--smtp-security", "tls", "--smtp-ca"])
        .arg(&authority)
        .args(["--mail-subject", "Füße, nightly", SAMPLE])
        .env("EAS_LOG_REPORT_SMTP_USER", USER)
        .env("EAS_LOG_REPORT_SMTP_PASSWORD", PASSWORD)
        .output()
        .unwrap();
    assert_eq!((text(&output.stderr), output.status.code()), ("", Some(0)));
    let session = server.finish();
    assert!(session.logged_in);
    assert!(in_clear(&session).is_empty(), "{:?}", in_clear(&session));
    let mail = read_mail(&session.mails[0].content);
    let subject = mail.subject().unwrap();
    assert_eq!(subject, "Füße, nightly");
}

#[test]
fn without_starttls_the_server_is_told_nothing() {
    let desk = Desk::new();
    let server = Server::start(Setup {
        starttls: false,
        login: Some((USER, PASSWORD)),
        ..Setup::default()
    });
    let err = not_mailed(&desk.mail(&server, &["--smtp-login", &desk.login()]));
    assert!(err.contains("does not offer STARTTLS"), "{err}");
    let session = server.finish();
    assert_eq!(in_clear(&session), ["EHLO", "QUIT"]);
    assert!(session.mails.is_empty());
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let desk = Desk::new();
    for echo in [false, true] {
        let server = Server::start(Setup {
            login: Some((USER, "another")),
            echo,
            ..Setup::default()
        });
        let err = not_mailed(&desk.mail(&server, &["--smtp-login", &desk.login()]));
        assert!(err.contains("tried to log in, at localhost:"), "{err}");
        assert!(err.contains("the server said 535 5.7.8 "), "{err}");
        assert!(err.contains("check user and password"), "{err}");
        assert_eq!(err.contains("(password)"), echo, "{err}");
        let session = server.finish();
        assert!(!session.logged_in);
        assert!(session.mails.is_empty());
    }
}

#[test]
fn a_server_that_is_not_trusted_gets_no_login() {
    let desk = Desk::new();
    let login = desk.login();
    let server = Server::start(Setup {
        login: Some((USER, PASSWORD)),
        ..Setup::default()
    });
    let err = not_mailed(&desk.mail_distrusting(&server, &["--smtp-login", &login]));
    assert!(
        err.contains("certificate") && err.contains("--smtp-ca"),
        "{err}"
    );
    let session = server.finish();
    assert_eq!(in_clear(&session), ["EHLO", "STARTTLS"]);
    assert!(!session.logged_in);

    // Trusted, but for another name.
    let server = Server::start(Setup::default());
    let host = format!("127.0.0.1:{}", server.port());
    let err = not_mailed(&desk.mail_by(&host, &server, &["--smtp-login", &login]));
    assert!(
        err.contains("that the host is named as in its certificate"),
        "{err}"
    );
    assert!(server.finish().mails.is_empty());
}

#[test]
fn a_refused_recipient_does_not_keep_the_others_from_the_mail() {
    let desk = Desk::new();
    let server = Server::start(Setup {
        refused: Some("helpdesk@contoso.com"),
        ..Setup::default()
    });
    let err = not_mailed(&desk.mail(&server, &[]));
    assert!(
        err.contains("tried to send to helpdesk@contoso.com"),
        "{err}"
    );
    assert!(err.contains("550 5.1.1 no such \\x1b[31muser"), "{err}");
    assert!(err.contains("(sent to 1 of 2 recipients)"), "{err}");
    let session = server.finish();
    assert_eq!(session.mails[0].to[..], ["it@contoso.com"]);
}

#[test]
fn a_login_that_the_server_does_not_offer() {
    let desk = Desk::new();
    let server = Server::start(Setup {
        mechanisms: "GSSAPI NTLM",
        ..Setup::default()
    });
    let err = not_mailed(&desk.mail(&server, &["--smtp-login", &desk.login()]));
    assert!(err.contains("neither AUTH PLAIN nor AUTH LOGIN"), "{err}");
    assert!(server.finish().mails.is_empty());
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let desk = Desk::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
    let server = Server::start(Setup::default());
    let start = std::time::Instant::now();
    let err = not_mailed(&desk.mail_by(&host, &server, &["--smtp-timeout", "1"]));
    assert!(start.elapsed().as_secs() < 30);
    assert!(
        err.contains(&format!("tried to connect, at {host}")),
        "{err}"
    );
    assert!(err.contains("--smtp-timeout"), "{err}");
    drop(listener);
    let err = not_mailed(&desk.mail_by(&host, &server, &[]));
    assert!(err.contains("check host and port"), "{err}");
}

#[test]
fn without_tls_only_if_asked_and_on_this_machine_with_a_login() {
    let desk = Desk::new();
    let server = Server::start(Setup {
        starttls: false,
        login: Some((USER, PASSWORD)),
        ..Setup::default()
    });
    let clear = ["--smtp-security", "none"];
    let login = ["--smtp-login", &desk.login()];
    let output = desk.mail(&server, &[&clear[..], &login].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(server.finish().mails.len(), 1);
    let common = [
        "--mail-to",
        "it@contoso.com",
        "--mail-from",
        "it@contoso.com",
        "--smtp",
        "192.0.2.1",
        SAMPLE,
    ];
    let (out, err, code) = run(&[&common[..], &clear, &login].concat());
    assert_eq!((out.as_str(), code), ("", 2), "{err}");
    assert!(
        err.contains("a login is not sent over a network without TLS"),
        "{err}"
    );
}

#[cfg(unix)]
#[test]
fn a_login_that_others_can_read_is_not_used() {
    let desk = Desk::new();
    desk.write("login", &format!("{USER}\n{PASSWORD}\n"), 0o644);
    let server = Server::start(Setup::default());
    let err = not_mailed(&desk.mail(&server, &["--smtp-login", &desk.login()]));
    assert!(
        err.starts_with("eas-log-report: the report will not be mailed: --smtp-login "),
        "{err}"
    );
    assert!(
        err.contains("mode 644") && err.contains("chmod 600"),
        "{err}"
    );
}

#[test]
fn an_eml_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.eml");
    let (out, err, code) = to_file(&path, &[SAMPLE]);
    assert_eq!((err.as_str(), code), ("", 0));
    let content = fs::read(&path).unwrap();
    assert_well_formed(&content);
    let mail = read_mail(&content);
    let (plain, html, _) = parts(&mail);
    assert_eq!(plain, out);
    // What differs from run to run has its form checked and is left out.
    let mut shown = String::new();
    for (name, _) in mail.headers_raw() {
        let value = match name {
            "Date" => {
                assert!(mail.date().unwrap().is_valid());
                "(time)".to_owned()
            }
            "Message-ID" => {
                let id = header(&mail, name);
                assert!(
                    id.starts_with('<') && id.contains('@') && id.ends_with('>'),
                    "{id}"
                );
                "(id)".to_owned()
            }
            "Content-Type" => {
                let boundary = mail.content_type().unwrap().attribute("boundary");
                header(&mail, name).replace(boundary.unwrap(), "(boundary)")
            }
            "Subject" => mail.subject().unwrap().to_owned(),
            _ => header(&mail, name),
        };
        shown.push_str(&format!("{name}: {value}\n"));
    }
    expect("mail.html", &format!("<!--\n{shown}-->\n{html}"));
}

fn to_file(path: &Path, more: &[&str]) -> (String, String, i32) {
    let eml = path.to_str().unwrap();
    let common = [
        "--mail-to",
        "it@contoso.com",
        "--mail-from",
        "Reports <reports@contoso.com>",
        "--eml",
        eml,
    ];
    run(&[&common[..], more].concat())
}

#[test]
fn a_mail_about_findings_only_if_there_are_any() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.eml");
    let when = ["--mail-when", "findings", SAMPLE];
    let (_, err, code) = to_file(&path, &[&when[..], &["--since", "2012-01-01"]].concat());
    let want = "eas-log-report: 0 of 201 requests match --since 2012-01-01\n";
    assert_eq!((err.as_str(), code), (want, 0));
    assert!(!path.exists());
    let (_, err, code) = to_file(&path, &when);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(path.exists());
}

#[test]
fn wrong_options_are_told_before_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.eml");
    let nowhere = folder.path().join("none").join("report.eml");
    for (path, more, want) in [
        (
            &path,
            &["--mail-subject", "a\r\nBcc: b@c.d"][..],
            "control character",
        ),
        (
            &path,
            &["--mail-to", "a@b.c\r\nBcc: b@c.d"],
            "control character",
        ),
        (
            &path,
            &["--mail-when", "changes"],
            "only the command nightly",
        ),
        (&path, &["--smtp", "mail"], "write or send?"),
        (&nowhere, &[], "there is no folder"),
    ] {
        let (out, err, code) = to_file(path, &[more, &[SAMPLE]].concat());
        assert_eq!((out.as_str(), code), ("", 2), "{err}");
        assert!(err.contains(want), "{err}");
    }
    assert!(!path.exists());
}
