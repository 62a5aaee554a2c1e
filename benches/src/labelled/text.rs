//! The lines that the servers of the labelled population write.

use std::fmt::Write as _;

use super::script::{Folder, Request, Spelling};
use super::site::{Kind, Site};
use crate::population::Device;
use crate::rng::Rng;

/// The part of a site in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// It did everything.
    Alone,
    /// The device knocked there, and it passed the request on.
    Front,
    /// It was passed on to it.
    Back,
}

/// A line to be written.
pub(crate) struct Line<'a> {
    pub(crate) site: &'a Site,
    pub(crate) part: Part,
    /// The site at the other end of the chain.
    pub(crate) other: Option<&'a Site>,
    /// Date as `YYYY-MM-DD`.
    pub(crate) date: &'a str,
    /// Second of the day.
    pub(crate) second: u32,
    pub(crate) device: &'a Device,
    pub(crate) request: &'a Request,
}

/// Value of `Log=` that Exchange 2003 writes for a user who may not sync.
const UNAVAILABLE_2003: &str = "VNATNASNC:0A0C0D0FS:0A0C0D0SP:0C0I0S0R0S0L0H0P";

/// Classes of folders; a folder is of the class at its number.
const CLASSES: [&str; 4] = ["Em", "Ca", "Co", "Ta"];

fn class(folder: &Folder) -> &'static str {
    CLASSES[usize::from(folder.id) % CLASSES.len()]
}

impl Line<'_> {
    /// Writes the line, with its end.
    pub(crate) fn write(&self, out: &mut String, rng: &mut Rng) {
        let Line { site, second, .. } = *self;
        let event = &self.request.event;
        let (hour, minute) = (second / 3600, second / 60 % 60);
        let _ = write!(
            out,
            "{} {hour:02}:{minute:02}:{:02} ",
            self.date,
            second % 60
        );
        match site.kind {
            Kind::Exchange2003 => out.push_str("W3SVC1 "),
            Kind::BackEnd2019 => {
                let _ = write!(out, "W3SVC2 {} ", site.server);
            }
            _ => {}
        }
        let method = if event.command.is_some() {
            "POST"
        } else {
            "OPTIONS"
        };
        let stem = match (site.kind, self.part) {
            (Kind::Exchange2003, _) => "",
            (_, Part::Back) => "/Proxy/default.eas",
            _ => "/default.eas",
        };
        let _ = write!(
            out,
            "10.1.0.{} {method} /Microsoft-Server-ActiveSync{stem} ",
            site.address
        );
        let taken = match event.command {
            Some("Ping") => 400_000 + rng.below(500_000),
            _ => rng.below(2000),
        };
        self.query(out, taken, rng);
        self.end(out, taken, rng);
        out.push_str("\r\n");
    }

    /// The values behind the query.
    fn end(&self, out: &mut String, taken: u64, rng: &mut Rng) {
        let kind = self.site.kind;
        let is_back_end = matches!(
            kind,
            Kind::BackEnd2013 | Kind::BackEnd2016 | Kind::BackEnd2019
        );
        let _ = write!(out, " {} ", if is_back_end { 444 } else { 443 });
        self.username(out);
        match (self.part, self.other) {
            (Part::Back, Some(front)) => {
                let _ = write!(out, " 10.1.0.{} ", front.address);
            }
            _ => {
                let _ = write!(out, " 203.0.{}.{} ", rng.below(250), rng.below(250));
            }
        }
        let (code, sub, win32) = self.request.event.status;
        let agent = &self.device.user_agent;
        let _ = match kind {
            Kind::Exchange2003 => write!(out, "{agent} {code} {sub} {win32}"),
            Kind::BackEnd2019 => write!(
                out,
                "HTTP/1.1 {agent} - - mail.contoso.com:444 {code} {sub} {win32} {taken} \
                 198.51.100.{}",
                rng.below(250)
            ),
            _ => write!(out, "{agent} {code} {sub} {win32} {taken}"),
        };
    }

    /// Who was authenticated.
    fn username(&self, out: &mut String) {
        let user = &self.device.user;
        if !self.request.event.authenticated {
            out.push('-');
            return;
        }
        let _ = match (self.other, self.request.spelling) {
            // A server of 2010 asks in its own name.
            (Some(front), _) if self.part == Part::Back && front.kind == Kind::Exchange2010 => {
                write!(out, "CONTOSO\\{}$", front.server)
            }
            (_, Spelling::Usual) => write!(out, "CONTOSO\\{user}"),
            (_, Spelling::Mail) => write!(out, "{user}@contoso.com"),
            (_, Spelling::Plain) => write!(out, "{user}"),
            (_, Spelling::Upper) => write!(out, "Contoso\\{}", user.to_uppercase()),
        };
    }

    fn query(&self, out: &mut String, taken: u64, rng: &mut Rng) {
        let Device {
            user,
            id,
            device_type,
            ..
        } = self.device;
        let (user, id) = match self.request.spelling {
            Spelling::Usual => (user.clone(), id.clone()),
            Spelling::Mail => (format!("{user}%40contoso.com"), id.to_lowercase()),
            Spelling::Plain => (format!("contoso%5C{user}"), id.to_uppercase()),
            Spelling::Upper => (format!("Contoso%5c{}", user.to_uppercase()), id.clone()),
        };
        let event = &self.request.event;
        let who = format!("User={user}&DeviceId={id}&DeviceType={device_type}");
        match (event.command, self.site.kind) {
            (None, _) => out.push_str(&who),
            // As devices send it; others change the order.
            (Some(command), Kind::FrontEnd | Kind::BackEnd2013) => {
                let _ = write!(out, "Cmd={command}&{who}");
            }
            (Some(command), _) => {
                let _ = write!(out, "{who}&Cmd={command}");
            }
        }
        if self.site.kind == Kind::FrontEnd {
            let (a, b) = (rng.number(), rng.number());
            let _ = write!(
                out,
                "&CorrelationID=<empty>;&cafeReqId={:08x}-{:04x}-{:04x}-{:04x}-{:012x};",
                a >> 32,
                a >> 16 & 0xffff,
                a & 0xffff,
                b >> 48,
                b & 0xffff_ffff_ffff
            );
        } else if event.logged {
            out.push_str("&Log=");
            match self.site.kind {
                Kind::Exchange2003 => log_2003(out, self.request, rng),
                _ => self.log_named(out, taken, rng),
            }
        }
    }

    /// The value of `Log=` since Exchange 2007.
    fn log_named(&self, out: &mut String, taken: u64, rng: &mut Rng) {
        let Request { event, folder, .. } = self.request;
        let mut log = Elements {
            out,
            site: self.site,
        };
        match (self.part, self.other) {
            // What the other server answers it passes on unread.
            (Part::Front, Some(back)) => {
                log.text(
                    "PrxTo",
                    &format!("{}.contoso.com", back.server.to_lowercase()),
                );
                log.number("LdapC", rng.below(5));
                log.number("LdapL", rng.below(40));
                log.end(self.device, rng);
                return;
            }
            (Part::Back, Some(front)) => {
                log.text("PrxFrom", &format!("10.1.0.{}", front.address));
            }
            _ => {}
        }
        let version = match event.command {
            Some(_) => self.device.version,
            None => 0,
        };
        log.version(version, &self.device.user);
        if let Some(folder) = folder {
            log.folder(folder, rng);
        }
        match event.command {
            Some("Ping") => log.number("Hb", 480 + rng.below(10) * 60),
            Some(_) => log.number("RpcC", rng.below(60)),
            None => {}
        }
        log.number("Fet", taken);
        // A device that is to provision has no key yet, or has lost it.
        let key = if event.is_provisioning() {
            0
        } else {
            self.device.policy_key
        };
        log.number("Pk", key.into());
        if let Some(status) = event.eas_status {
            log.status(status);
        }
        if let Some(error) = event.error {
            log.text("Error", error);
        }
        if let Some(access) = event.access {
            log.text("As", access);
        }
        if event.status.0 == 451 {
            log.text(
                "RdirTo",
                "https%3a%2f%2fmail2.contoso.com%2fMicrosoft-Server-ActiveSync",
            );
        }
        log.end(self.device, rng);
    }
}

/// The value of `Log=` that Exchange 2003 writes.
fn log_2003(out: &mut String, request: &Request, rng: &mut Rng) {
    if request.event.error == Some("UserDisabledForSync") {
        out.push_str(UNAVAILABLE_2003);
        return;
    }
    let (class, kind) = match &request.folder {
        Some(folder) => (class(folder), folder.kind),
        None => ("NA", 'N'),
    };
    let heartbeat = match request.event.command {
        Some("Ping") => 1740,
        _ => 0,
    };
    let _ = write!(
        out,
        "V4T{class}S{kind}C:0A0C0D0FS:{}A0C0D0SP:2C{}I{}S{}R0S0L{heartbeat}H0P",
        rng.below(5),
        rng.below(20),
        rng.below(9000),
        rng.below(99_000),
    );
}

/// A value of `Log=` in the making: the form of its elements depends on the version.
struct Elements<'a> {
    out: &'a mut String,
    site: &'a Site,
}

impl Elements<'_> {
    fn text(&mut self, name: &str, value: &str) {
        let _ = write!(self.out, "{name}:{value}_");
    }

    fn number(&mut self, name: &str, value: u64) {
        let colon = match self.site.kind {
            Kind::BackEnd2016 | Kind::BackEnd2019 => ":",
            _ => "",
        };
        let _ = write!(self.out, "{name}{colon}{value}_");
    }

    fn version(&mut self, version: u16, user: &str) {
        if self.site.kind != Kind::BackEnd2019 {
            let _ = write!(self.out, "V{version}_");
        }
        if matches!(self.site.kind, Kind::BackEnd2016 | Kind::BackEnd2019) {
            self.number("Ver1", version.into());
        }
        if self.site.kind != Kind::Exchange2010 {
            let _ = write!(
                self.out,
                "HH:mail.contoso.com_SmtpAdrs:{user}%40contoso.com_"
            );
        }
    }

    fn status(&mut self, status: u16) {
        let name = match self.site.kind {
            Kind::BackEnd2016 | Kind::BackEnd2019 => "SC1",
            _ => "S",
        };
        self.number(name, status.into());
    }

    fn folder(&mut self, folder: &Folder, rng: &mut Rng) {
        self.number("Fc", 1);
        self.text("Fid", &folder.id.to_string());
        self.text("Ty", class(folder));
        self.number("Filt", rng.below(6));
        let _ = write!(self.out, "St:{}_Sk:{}_", folder.kind, folder.sync_key);
        self.number("Sst", rng.below(50));
        self.text("Srv", &format!("{}a0c0d0s0e0r0A0sd", 1 + rng.below(9)));
    }

    /// What every value ends with.
    fn end(&mut self, device: &Device, rng: &mut Rng) {
        // Since 2013 the server that writes this is the one with the mailbox.
        let mailbox = match self.site.kind {
            Kind::Exchange2010 => format!("MBX{}.contoso.com", 11 + device.policy_key % 4),
            _ => format!("{}.contoso.com", self.site.server),
        };
        self.text("Mbx", &mailbox);
        self.text("Dc", "dc1.contoso.com");
        self.number("Throttle", 0);
        let budget = match self.site.kind {
            Kind::Exchange2010 => format!(
                "(D)Conn%3a{}%2cHangingConn%3a0%2cFC%3a1000%2f0%2cPolicy%3aDefault%2cNorm",
                rng.below(3)
            ),
            _ => format!(
                "(D)Owner%3aS-1-5-21-{}%5F{}%5F{}%2cConn%3a0%2cMaxConn%3a10%2cBalance%3a{}",
                1000 + rng.below(9000),
                device.id,
                device.device_type,
                480_000 - rng.below(1000)
            ),
        };
        self.text("Budget", &budget);
    }
}
