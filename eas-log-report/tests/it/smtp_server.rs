//! A mail server on loopback for one session, which writes down what it is told.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How the server behaves.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    /// Whether TLS starts with the first byte.
    pub(crate) tls_at_once: bool,
    /// Whether STARTTLS is offered.
    pub(crate) starttls: bool,
    /// What AUTH offers.
    pub(crate) mechanisms: &'static str,
    /// User and password without which no mail is taken.
    pub(crate) login: Option<(&'static str, &'static str)>,
    /// Whether a refused login is repeated in the answer.
    pub(crate) echo: bool,
    /// A recipient who is refused.
    pub(crate) refused: Option<&'static str>,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            tls_at_once: false,
            starttls: true,
            mechanisms: "PLAIN LOGIN",
            login: None,
            echo: false,
            refused: None,
        }
    }
}

/// What was said in a session.
#[derive(Default)]
pub(crate) struct Session {
    pub(crate) commands: Vec<Command>,
    pub(crate) logged_in: bool,
    pub(crate) mails: Vec<Mail>,
}

/// A line of the client outside of messages.
pub(crate) struct Command {
    pub(crate) encrypted: bool,
    pub(crate) line: String,
}

/// A mail that the server has taken.
#[derive(Default)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) content: Vec<u8>,
}

/// A server, until it is dropped.
pub(crate) struct Server {
    port: u16,
    authority: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Session>>,
}

impl Server {
    pub(crate) fn start(setup: Setup) -> Server {
        let (config, authority) = certified();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        listener.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut session = Session::default();
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((stream, _)) = listener.accept() {
                    // The client may hang up whenever it likes.
                    let _ = serve(stream, setup, config, &mut session);
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
            session
        });
        Server {
            port,
            authority,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of who issued that of the server, as PEM.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    pub(crate) fn finish(mut self) -> Session {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// A certificate for localhost, and the one of the authority that issued it.
fn certified() -> (Arc<ServerConfig>, String) {
    let mut root = CertificateParams::new(Vec::new()).unwrap();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name
        .push(DnType::CommonName, "Contoso Root");
    let root_key = KeyPair::generate().unwrap();
    let authority = root.self_signed(&root_key).unwrap().pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(leaf.der().to_vec())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    (Arc::new(config), authority)
}

fn serve(
    stream: TcpStream,
    setup: Setup,
    config: Arc<ServerConfig>,
    session: &mut Session,
) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let encrypt = |stream| {
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        io::Result::Ok(StreamOwned::new(connection, stream))
    };
    if setup.tls_at_once {
        let mut stream = encrypt(stream)?;
        greet(&mut stream)?;
        talk(&mut stream, true, setup, session)?;
        return Ok(());
    }
    let mut stream = stream;
    greet(&mut stream)?;
    if talk(&mut stream, false, setup, session)? {
        talk(&mut encrypt(stream)?, true, setup, session)?;
    }
    Ok(())
}

fn greet(stream: &mut dyn Write) -> io::Result<()> {
    stream.write_all(b"220 localhost ready\r\n")?;
    stream.flush()
}

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// Talks until the client has said enough, or, if that is returned, until TLS starts.
fn talk(
    stream: &mut dyn Stream,
    encrypted: bool,
    setup: Setup,
    session: &mut Session,
) -> io::Result<bool> {
    let mut mail = Mail::default();
    while let Some(line) = read_line(stream)? {
        let line = String::from_utf8(line).unwrap();
        session.commands.push(Command {
            encrypted,
            line: line.clone(),
        });
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let answer = match verb {
            "EHLO" => {
                let starttls = if setup.starttls && !encrypted {
                    "250-STARTTLS\r\n"
                } else {
                    ""
                };
                format!(
                    "250-localhost\r\n{starttls}250-8BITMIME\r\n250 AUTH {}",
                    setup.mechanisms
                )
            }
            "STARTTLS" if setup.starttls && !encrypted => {
                say(stream, "220 go ahead")?;
                return Ok(true);
            }
            "AUTH" => {
                let given = authenticate(stream, rest)?;
                let (user, password) = &given;
                session.logged_in = setup.login == Some((user, password));
                match (session.logged_in, setup.echo) {
                    (true, _) => "235 2.7.0 welcome".to_owned(),
                    (false, false) => "535 5.7.8 not with this password".to_owned(),
                    (false, true) => {
                        let encoded = STANDARD.encode(password);
                        format!("535 5.7.8 {user} {password} {encoded} {rest} is wrong")
                    }
                }
            }
            "MAIL" if setup.login.is_some() && !session.logged_in => "530 5.7.0 log in".to_owned(),
            "MAIL" => {
                mail.from = address(rest);
                "250 2.1.0 ok".to_owned()
            }
            "RCPT"
                if setup
                    .refused
                    .is_some_and(|refused| address(rest) == refused) =>
            {
                "550 5.1.1 no such \x1b[31muser".to_owned()
            }
            "RCPT" => {
                mail.to.push(address(rest));
                "250 2.1.5 ok".to_owned()
            }
            "DATA" => {
                say(stream, "354 go on")?;
                mail.content = read_content(stream)?;
                session.mails.push(std::mem::take(&mut mail));
                "250 2.0.0 taken".to_owned()
            }
            "QUIT" => {
                say(stream, "221 bye")?;
                return Ok(false);
            }
            _ => "502 5.5.1 what?".to_owned(),
        };
        say(stream, &answer)?;
    }
    Ok(false)
}

fn say(stream: &mut dyn Stream, answer: &str) -> io::Result<()> {
    stream.write_all(format!("{answer}\r\n").as_bytes())?;
    stream.flush()
}

/// One line without its end. Byte by byte, since what follows STARTTLS is not for this reader.
fn read_line(stream: &mut dyn Stream) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte)? == 1 {
        line.push(byte[0]);
        if line.ends_with(b"\r\n") {
            line.truncate(line.len() - 2);
            return Ok(Some(line));
        }
    }
    Ok(None)
}

fn read_content(stream: &mut dyn Stream) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    loop {
        let line = read_line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if line == b"." {
            return Ok(content);
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        content.extend_from_slice(b"\r\n");
    }
}

/// User and password.
fn authenticate(stream: &mut dyn Stream, rest: &str) -> io::Result<(String, String)> {
    let decode = |text: &str| String::from_utf8(STANDARD.decode(text).unwrap()).unwrap();
    let mut ask = |question: &str| {
        say(stream, &format!("334 {}", STANDARD.encode(question)))?;
        let line = read_line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        io::Result::Ok(decode(std::str::from_utf8(&line).unwrap()))
    };
    match rest.split_once(' ') {
        Some(("PLAIN", response)) => {
            let response = decode(response);
            let parts: Vec<&str> = response.split('\0').collect();
            Ok((parts[1].to_owned(), parts[2].to_owned()))
        }
        _ => {
            assert_eq!(rest, "LOGIN");
            Ok((ask("Username:")?, ask("Password:")?))
        }
    }
}

/// The address of `FROM:<a@b>` or `TO:<a@b>`.
fn address(rest: &str) -> String {
    let (_, rest) = rest.split_once('<').unwrap();
    rest.split_once('>').unwrap().0.to_owned()
}
