//! Users and their devices.

use crate::behaviour::{Behaviour, SHARES};
use crate::rng::Rng;

/// A device of a user.
#[derive(Clone, Debug)]
pub struct Device {
    /// Account of the user, without domain.
    pub user: String,
    /// Device id.
    pub id: String,
    /// Device type.
    pub device_type: &'static str,
    /// User agent as logs have it.
    pub user_agent: String,
    /// Protocol version times ten.
    pub version: u16,
    /// Policy key once provisioned.
    pub policy_key: u32,
    /// How it behaves.
    pub behaviour: Behaviour,
}

/// The devices of a corpus.
#[derive(Clone, Debug)]
pub struct Population {
    /// The devices.
    pub devices: Vec<Device>,
}

impl Population {
    /// So many devices; every tenth user has two.
    pub fn new(devices: usize, seed: u64) -> Population {
        let mut rng = Rng::new(seed ^ 0x706f_7075);
        let devices = (0..devices)
            .map(|number| device(number, &mut rng))
            .collect();
        Population { devices }
    }
}

fn device(number: usize, rng: &mut Rng) -> Device {
    let mut share = rng.below(1000);
    let behaviour = SHARES
        .iter()
        .find(|(_, part)| {
            let here = share < *part;
            share = share.wrapping_sub(*part);
            here
        })
        .map_or(Behaviour::Healthy, |&(behaviour, _)| behaviour);
    let user = if number % 11 == 10 {
        number - 1
    } else {
        number
    };
    let (device_type, user_agent, id, version) = client(number, rng);
    Device {
        user: format!("user{user:05}"),
        id,
        device_type,
        user_agent,
        version,
        policy_key: rng.number() as u32 | 1,
        behaviour,
    }
}

fn client(number: usize, rng: &mut Rng) -> (&'static str, String, String, u16) {
    let unique = (number as u64) << 20 | rng.below(1 << 20);
    match rng.below(10) {
        0..4 => {
            let model = rng.pick(&["iPhone2C1", "iPhone3C1", "iPhone4C1", "iPhone5C2"]);
            let build = rng.pick(&["801.293", "803.148", "902.206", "1001.403", "1104.257"]);
            let version = *rng.pick(&[121, 140, 141]);
            (
                "iPhone",
                format!("Apple-{model}/{build}"),
                format!("Appl{unique:010X}"),
                version,
            )
        }
        4 => {
            let agent = format!("Apple-iPad2C{}/902.206", 1 + rng.below(3));
            ("iPad", agent, format!("Appl{unique:010X}"), 140)
        }
        5..7 => {
            let release = rng.pick(&["2.2", "2.3.3", "4.0.4", "4.1.2"]);
            let agent = format!("Android/{release}-EAS-1.3");
            (
                "Android",
                agent,
                format!("android{unique:013}"),
                *rng.pick(&[121, 140]),
            )
        }
        7 => {
            let model = rng.pick(&["E721", "E52-1", "N97", "C7-00"]);
            let agent = format!(
                "Nokia{model}/2.0{}(0)MailforExchange+3gpp-gba",
                rng.below(6)
            );
            ("NokiaEmail", agent, format!("IMEI{unique:015}"), 121)
        }
        8 => {
            let agent = format!("MSFT-WP/7.{}.7{:03}", rng.below(2) * 10, rng.below(720));
            ("WP", agent, format!("{unique:032X}"), 140)
        }
        _ => {
            let agent = format!("TouchDown(MSRPC)/7.1.000{}/", 10 + rng.below(80));
            ("TouchDown", agent, format!("{unique:032x}"), 121)
        }
    }
}
