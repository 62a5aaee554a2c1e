//! The text of lines, as the servers of each Exchange generation write them.

use std::fmt::Write;

use crate::behaviour::Event;
use crate::population::Device;
use crate::rng::Rng;

/// A generation of Exchange, by the form of its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Generation {
    /// Exchange 2003 SP2: packed `Log=`, IIS 6 fields.
    #[value(name = "2003")]
    Exchange2003,
    /// Exchange 2010: named elements, numbers without a colon.
    #[value(name = "2010")]
    Exchange2010,
    /// Exchange 2019 back end: every element with a colon.
    #[value(name = "2019")]
    Exchange2019,
}

/// When, where and by whom a line is written.
pub(crate) struct Scene<'a> {
    pub(crate) generation: Generation,
    /// Date as `YYYY-MM-DD`.
    pub(crate) date: &'a str,
    /// Second of the day.
    pub(crate) second: u32,
    /// Number of the server, from 0.
    pub(crate) server: usize,
}

impl Generation {
    /// The fields of its lines.
    pub(crate) fn fields(self) -> &'static str {
        match self {
            Generation::Exchange2003 => {
                "date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username \
                 c-ip cs(User-Agent) sc-status sc-substatus sc-win32-status"
            }
            Generation::Exchange2010 => {
                "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
                 cs(User-Agent) sc-status sc-substatus sc-win32-status time-taken"
            }
            Generation::Exchange2019 => {
                "date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port \
                 cs-username c-ip cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host \
                 sc-status sc-substatus sc-win32-status time-taken X-Forwarded-For"
            }
        }
    }

    /// The same fields in another order, as after a change of the settings.
    pub(crate) fn other_fields(self) -> Option<&'static str> {
        (self == Generation::Exchange2010).then_some(
            "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
             cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status sc-bytes cs-bytes \
             time-taken",
        )
    }

    pub(crate) fn software(self) -> &'static str {
        match self {
            Generation::Exchange2003 => "Microsoft Internet Information Services 6.0",
            Generation::Exchange2010 => "Microsoft Internet Information Services 7.5",
            Generation::Exchange2019 => "Microsoft Internet Information Services 10.0",
        }
    }

    /// How reports name a server: by name where the fields have it, else by address.
    pub(crate) fn server_name(self, server: usize) -> String {
        match self {
            Generation::Exchange2019 => format!("MBX{:02}", server + 1),
            _ => format!("10.1.0.{}", server + 10),
        }
    }
}

/// Which values a line has beyond those that all have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Whether the fields are [`Generation::other_fields`].
    pub(crate) other_fields: bool,
}

/// Writes the line of a request.
pub(crate) fn request(
    out: &mut String,
    scene: &Scene<'_>,
    shape: Shape,
    device: &Device,
    event: &Event,
    rng: &mut Rng,
) {
    let method = if event.command.is_some() {
        "POST"
    } else {
        "OPTIONS"
    };
    let stem = match scene.generation {
        Generation::Exchange2003 => "/Microsoft-Server-ActiveSync",
        Generation::Exchange2010 => "/Microsoft-Server-ActiveSync/default.eas",
        Generation::Exchange2019 => "/Microsoft-Server-ActiveSync/Proxy/default.eas",
    };
    begin(out, scene, method, stem);
    query(out, scene, device, event, rng);
    let user = if event.authenticated {
        Some(device.user.as_str())
    } else {
        None
    };
    end(
        out,
        scene,
        shape,
        user,
        &device.user_agent,
        event.status,
        rng,
    );
}

/// Writes the line of a request that is not ActiveSync's.
pub(crate) fn other(out: &mut String, scene: &Scene<'_>, shape: Shape, rng: &mut Rng) {
    const OTHERS: [(&str, &str, &str, &str); 4] = [
        (
            "GET",
            "/owa/",
            "&prfltncy=16&prfrpccnt=14&prfrpcltncy=15&prfldpcnt=0&prfldpltncy=0&prfavlcnt=0",
            "Mozilla/5.0+(Windows+NT+6.1;+WOW64)+AppleWebKit/537.36+(KHTML,+like+Gecko)",
        ),
        (
            "POST",
            "/EWS/Exchange.asmx",
            ";RC:5f8e2b0a;Init>>Conn:0,HangingConn:0,AD:$null/$null/0%,CAS:54000/53971/0%;SoapAction=\
             GetUserOofSettings;MailboxRPCRequests=10;MailboxRPCLatency=15;ADRequests=2;ADLatency=0;",
            "Microsoft+Office/14.0+(Windows+NT+6.1;+Microsoft+Outlook+14.0.7128;+Pro)",
        ),
        (
            "RPC_IN_DATA",
            "/rpc/rpcproxy.dll",
            "mbx01.contoso.com:6001",
            "MSRPC",
        ),
        (
            "POST",
            "/Autodiscover/Autodiscover.xml",
            "-",
            "Microsoft+Office/12.0",
        ),
    ];
    let (method, stem, query, agent) = *rng.pick(&OTHERS);
    begin(out, scene, method, stem);
    out.push_str(query);
    end(out, scene, shape, Some("desk"), agent, (200, 0, 0), rng);
}

fn begin(out: &mut String, scene: &Scene<'_>, method: &str, stem: &str) {
    let (h, m, s) = (
        scene.second / 3600,
        scene.second / 60 % 60,
        scene.second % 60,
    );
    let _ = write!(out, "{} {h:02}:{m:02}:{s:02} ", scene.date);
    match scene.generation {
        Generation::Exchange2003 => out.push_str("W3SVC1 "),
        Generation::Exchange2010 => {}
        Generation::Exchange2019 => {
            let _ = write!(
                out,
                "W3SVC2 {} ",
                scene.generation.server_name(scene.server)
            );
        }
    }
    let _ = write!(out, "10.1.0.{} {method} {stem} ", scene.server + 10);
}

fn end(
    out: &mut String,
    scene: &Scene<'_>,
    shape: Shape,
    user: Option<&str>,
    agent: &str,
    status: (u16, u16, u64),
    rng: &mut Rng,
) {
    let port = if scene.generation == Generation::Exchange2019 {
        444
    } else {
        443
    };
    let _ = write!(out, " {port} ");
    match user {
        Some(user) => {
            let _ = write!(out, "CONTOSO\\{user}");
        }
        None => out.push('-'),
    }
    let _ = write!(out, " 203.0.{}.{} ", rng.below(250), rng.below(250));
    let (code, sub, win32) = status;
    let taken = rng.below(20_000);
    let _ = match (scene.generation, shape.other_fields) {
        (Generation::Exchange2003, _) => write!(out, "{agent} {code} {sub} {win32}"),
        (Generation::Exchange2010, false) => {
            write!(out, "{agent} {code} {sub} {win32} {taken}")
        }
        (Generation::Exchange2010, true) => {
            write!(
                out,
                "{agent} - {code} {sub} {win32} {} {} {taken}",
                taken * 3,
                taken / 7
            )
        }
        (Generation::Exchange2019, _) => write!(
            out,
            "HTTP/1.1 {agent} - - mbx.contoso.com:444 {code} {sub} {win32} {taken} 198.51.100.{}",
            rng.below(250)
        ),
    };
}

fn query(out: &mut String, scene: &Scene<'_>, device: &Device, event: &Event, rng: &mut Rng) {
    let _ = write!(
        out,
        "User={}&DeviceId={}&DeviceType={}",
        device.user, device.id, device.device_type
    );
    if let Some(command) = event.command {
        let _ = write!(out, "&Cmd={command}");
    }
    if !event.logged {
        return;
    }
    out.push_str("&Log=");
    match scene.generation {
        Generation::Exchange2003 => log_2003(out, event, rng),
        Generation::Exchange2010 => log_2010(out, device, event, rng),
        Generation::Exchange2019 => log_2019(out, device, event, rng),
    }
}

fn log_2003(out: &mut String, event: &Event, rng: &mut Rng) {
    let sync = if event.command == Some("Sync") {
        "TEmSS"
    } else {
        "TNASN"
    };
    let _ = write!(
        out,
        "V4{sync}C:0A0C0D0FS:{}A0C0D0SP:2C{}I{}S{}R0S0L{}H0P",
        rng.below(5),
        rng.below(20),
        rng.below(9000),
        rng.below(99_000),
        if event.command == Some("Ping") {
            1740
        } else {
            0
        },
    );
}

fn log_2010(out: &mut String, device: &Device, event: &Event, rng: &mut Rng) {
    let version = if event.command.is_some() {
        device.version
    } else {
        0
    };
    let _ = write!(out, "V{version}_");
    if event.command == Some("Sync") && !event.failed() {
        let _ = write!(
            out,
            "Fc1_Fid:{}_Ty:Em_Filt{}_St:S_Sk:{}_Sst{}_Srv:{}a0c0d0s0e0r0A0sd_BR1_BPR0_",
            rng.below(40),
            rng.below(6),
            rng.below(2_000_000_000),
            rng.below(50),
            rng.below(9),
        );
    }
    let _ = write!(
        out,
        "LdapC{}_LdapL{}_RpcC{}_RpcL{}_",
        rng.below(9),
        rng.below(40),
        rng.below(60),
        rng.below(900)
    );
    if event.command == Some("Ping") {
        out.push_str("Hb1680_Rto1_");
    }
    let _ = write!(out, "Cpo{}_Fet{}_", rng.below(20_000), rng.below(20_000));
    let key = if event.failed() { 0 } else { device.policy_key };
    let _ = write!(out, "Pk{key}_");
    if let Some(status) = event.eas_status {
        let _ = write!(out, "S{status}_");
    }
    if let Some(error) = event.error {
        let _ = write!(out, "Error:{error}_");
    }
    if let Some(access) = event.access {
        let _ = write!(out, "As:{access}_");
    }
    let _ = write!(
        out,
        "Mbx:MBX{:02}.contoso.com_Dc:dc1.contoso.com_Throttle0_Budget:(D)Conn%3a{}%2cHangingConn\
         %3a0%2cAD%3a%24null%2f%24null%2f{}%25%2cCAS%3a%24null%2f%24null%2f{}%25%2cAB%3a%24null%2f\
         %24null%2f0%25%2cRPC%3a%24null%2f%24null%2f{}%25%2cFC%3a1000%2f0%2cPolicy%3aDefault\
         ThrottlingPolicy%5F6f1c8f0e-3a52-4b7e-9c1d-0a4b8e7d2c55%2cNorm%5bResources%3a(Mdb)MBDB\
         {:02}(Health%3a-1%25%2cHistLoad%3a0)%2c(DC)dc1.contoso.com(Health%3a-1%25%2cHistLoad%3a0)\
         %2c%5d_",
        1 + rng.below(4),
        rng.below(3),
        rng.below(3),
        rng.below(9),
        rng.below(9),
        1 + rng.below(4),
    );
}

fn log_2019(out: &mut String, device: &Device, event: &Event, rng: &mut Rng) {
    if let Some(status) = event.eas_status {
        let _ = write!(out, "SC1:{status}_");
    }
    let _ = write!(
        out,
        "PrxFrom:10.1.0.{}_Ver1:{}_HH:mail.contoso.com_SmtpAdrs:{}%40contoso.com_",
        10 + rng.below(4),
        device.version,
        device.user
    );
    if event.command == Some("Ping") {
        out.push_str("Hb:600_Rto:2_");
    }
    let _ = write!(out, "Cpo:{}_Fet:{}_", rng.below(900), rng.below(60_000));
    let key = if event.failed() { 0 } else { device.policy_key };
    let _ = write!(out, "Pk:{key}_");
    if let Some(error) = event.error {
        let _ = write!(out, "Error:{error}_");
    }
    if let Some(access) = event.access {
        let _ = write!(out, "As:{access}_");
    }
    let _ = write!(
        out,
        "Mbx:mbx{:02}.contoso.com_Cafe:MBX{:02}.CONTOSO.COM_Dc:dc1.contoso.com_Throttle:0_SBkOffD:\
         L%2f-470_TmRcv:06:53:38.4480003_TmSt:06:53:38.4519947_TmFin:06:53:38.4519947_TmCmpl:\
         07:03:38.440522_TmCnt:07:03:37.7834641_Budget:(D)Owner%3aS-1-5-21-1023191730-727829927-\
         3110000192-{}%5F{}%5F{}%2cConn%3a0%2cMaxConn%3a10%2cMaxBurst%3a480000%2cBalance%3a{}%2c\
         Cutoff%3a600000%2cRechargeRate%3a1800000%2cPolicy%3aGlobalThrottlingPolicy%5F5c9d3d31-\
         7f05-4e14-b8f8-05780608b52f%2cIsServiceAccount%3aFalse%2cLiveTime%3a00%3a00%3a30.6952647_",
        1 + rng.below(4),
        1 + rng.below(4),
        1000 + rng.below(9000),
        device.id,
        device.device_type,
        480_000 - rng.below(1000),
    );
}
