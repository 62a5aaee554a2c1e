//! What a device is: vendor, client, model and operating system.
//!
//! Decoded from data tables: published lists of user agents, of Apple models and of Apple builds.
//! The client chooses what it sends, and some do not tell the truth, so every part says where it is
//! from, and parts that contradict each other are noticed.

mod apple;
mod forms;

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::codes::table;
use crate::text::Escaped;
use forms::Form;

pub use apple::{AppleBuild, AppleModel, apple_build, apple_model};

/// A client, as its user agent tells.
///
/// ```
/// use eas_log_parse::Client;
/// let client = Client::from_user_agent(b"Apple-iPhone3C1/801.293").unwrap();
/// assert_eq!(client.model.as_deref(), Some("iPhone 4 GSM"));
/// assert_eq!(client.os, Some("iOS"));
/// assert_eq!(client.os_version.as_deref(), Some("4.0"));
///
/// let client = Client::from_user_agent(b"NokiaE721/2.02(0)MailforExchange+3gpp-gba").unwrap();
/// assert_eq!(client.name, Some("Mail for Exchange"));
/// assert_eq!(client.version.as_deref(), Some("2.02.0"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Client<'a> {
    /// Vendor of the device or of the client.
    pub vendor: Option<&'static str>,
    /// Name of the client.
    pub name: Option<&'static str>,
    /// Version of the client.
    pub version: Option<Cow<'a, str>>,
    /// Model: its marketing name where a table has it, else as the user agent writes it.
    pub model: Option<Cow<'a, str>>,
    /// Operating system.
    pub os: Option<&'static str>,
    /// Version of the operating system, as precise as the tables allow.
    pub os_version: Option<Cow<'a, str>>,
    /// What else is known.
    pub note: &'static str,
    /// Evidence marks of the least certain part.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

struct Row {
    prefix: &'static str,
    form: Form,
    client: Client<'static>,
}

fn some(cell: &'static str) -> Option<&'static str> {
    (!cell.is_empty()).then_some(cell)
}

static CLIENTS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/clients.tsv"))
        .map(
            |[prefix, form, name, vendor, os, note, evidence, source]| Row {
                prefix,
                form: Form::from_name(form).unwrap_or_else(|| panic!("no such form: {form}")),
                client: Client {
                    vendor: some(vendor),
                    name: some(name),
                    os: some(os),
                    note,
                    evidence,
                    source,
                    ..Client::default()
                },
            },
        )
        .collect()
});

/// What is known of a device type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DeviceType {
    /// The type; one that ends in `*` stands for all that begin so.
    pub name: &'static str,
    /// The operating system that it stands for, if it stands for one.
    pub os: Option<&'static str>,
    /// What else is known.
    pub note: &'static str,
    /// Evidence marks.
    pub evidence: &'static str,
    /// Source identifiers.
    pub source: &'static str,
}

static DEVICE_TYPES: LazyLock<Vec<DeviceType>> = LazyLock::new(|| {
    table::rows(include_str!("../../data/device-types.tsv"))
        .map(|[name, os, note, evidence, source]| DeviceType {
            name,
            os: some(os),
            note,
            evidence,
            source,
        })
        .collect()
});

fn starts_with(text: &[u8], prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(prefix.as_bytes()))
}

impl<'a> Client<'a> {
    /// Decodes a user agent as logs have it, with `+` for a blank; `None` if no table knows it.
    pub fn from_user_agent(user_agent: &'a [u8]) -> Option<Client<'a>> {
        if forms::is_lg_model(user_agent) {
            let mut client = Client {
                vendor: Some("LG"),
                os: Some("Android"),
                evidence: "S",
                source: "C5",
                ..Client::default()
            };
            Form::Plain.read(user_agent, 0, &mut client);
            return Some(client);
        }
        CLIENTS
            .iter()
            .filter(|row| starts_with(user_agent, row.prefix))
            .find_map(|row| {
                let mut client: Client<'a> = row.client.clone();
                row.form
                    .read(user_agent, row.prefix.len(), &mut client)
                    .then_some(client)
            })
    }
}

/// What is known of a device type, without regard to case.
///
/// ```
/// use eas_log_parse::device_type;
/// assert_eq!(device_type(b"WindowsMail").unwrap().evidence, "S");
/// assert!(device_type(b"Toaster").is_none());
/// ```
pub fn device_type(text: &[u8]) -> Option<&'static DeviceType> {
    DEVICE_TYPES
        .iter()
        .find(|known| match known.name.strip_suffix('*') {
            Some(prefix) => starts_with(text, prefix),
            None => text.eq_ignore_ascii_case(known.name.as_bytes()),
        })
}

/// The operating system that a device type stands for; `None` if no table knows it.
///
/// ```
/// use eas_log_parse::os_of_device_type;
/// assert_eq!(os_of_device_type(b"htcbravo"), Some("Android"));
/// assert_eq!(os_of_device_type(b"Python"), None);
/// ```
pub fn os_of_device_type(text: &[u8]) -> Option<&'static str> {
    device_type(text)?.os
}

/// Systems that devices name one for the other: the phones of one vendor, whose device types are
/// those of the system before.
const KIN: [&[&str]; 2] = [
    &["Symbian", "MeeGo", "Maemo"],
    &["Windows Mobile", "Windows Phone"],
];

/// Whether two names of operating systems can both be true of one device.
///
/// ```
/// use eas_log_parse::systems_agree;
/// assert!(systems_agree("MeeGo", "Symbian"), "Nokia's device types are older than its N9");
/// assert!(!systems_agree("Android", "iOS"));
/// ```
pub fn systems_agree(one: &str, other: &str) -> bool {
    one == other
        || KIN
            .iter()
            .any(|kin| kin.contains(&one) && kin.contains(&other))
}

/// The operating system that a device told in Settings or Provision (element `DevOS`, decoded),
/// such as `iOS 9.2 13C71`; `None` if it is none of those that user agents tell.
pub fn os_of_device_information(device_os: &[u8]) -> Option<&'static str> {
    [
        "iOS",
        "Android",
        "Windows Phone",
        "Windows Mobile",
        "BlackBerry",
        "Symbian",
    ]
    .into_iter()
    .find(|os| starts_with(device_os, os))
}

/// What a device says of itself, and whether it contradicts itself.
///
/// The device's own information is trusted most, its user agent next, its device type least.
///
/// ```
/// use eas_log_parse::DeviceProfile;
/// let device = DeviceProfile::new(b"Android/4.1.2-EAS-1.3", Some(b"iPhone"), None);
/// assert_eq!(device.os(), Some("Android"));
/// assert!(device.contradicts_itself());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct DeviceProfile<'a> {
    /// What the user agent tells.
    pub client: Option<Client<'a>>,
    /// Operating system by the device type.
    pub os_by_type: Option<&'static str>,
    /// Operating system by the device's own information.
    pub os_by_information: Option<&'static str>,
}

impl<'a> DeviceProfile<'a> {
    /// Decodes a user agent, a decoded device type, and decoded device information (`DevOS`).
    pub fn new(
        user_agent: &'a [u8],
        device_type: Option<&[u8]>,
        device_os: Option<&[u8]>,
    ) -> DeviceProfile<'a> {
        DeviceProfile {
            client: Client::from_user_agent(user_agent),
            os_by_type: device_type.and_then(os_of_device_type),
            os_by_information: device_os.and_then(os_of_device_information),
        }
    }

    /// The operating system, by what is trusted most.
    pub fn os(&self) -> Option<&'static str> {
        let by_agent = self.client.as_ref().and_then(|client| client.os);
        self.os_by_information.or(by_agent).or(self.os_by_type)
    }

    /// Whether two parts name operating systems that do not agree: the client does not tell the truth
    /// about itself.
    pub fn contradicts_itself(&self) -> bool {
        let by_agent = self.client.as_ref().and_then(|client| client.os);
        let told: Vec<_> = [self.os_by_information, by_agent, self.os_by_type]
            .into_iter()
            .flatten()
            .collect();
        told.windows(2).any(|pair| !systems_agree(pair[0], pair[1]))
    }
}

/// Text of a user agent: a `+` there is a blank.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match core::str::from_utf8(bytes) {
        Ok(text) if !text.contains('+') => Cow::Borrowed(text),
        Ok(text) => Cow::Owned(text.replace('+', " ")),
        Err(_) => Cow::Owned(Escaped(bytes).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_read_and_every_row_is_reached() {
        assert_eq!(CLIENTS.len(), 40);
        assert_eq!(DEVICE_TYPES.len(), 24);
        let samples = [
            "Apple-iPad2C1/902.206",
            "iOS/11.2.6+(15D100)+dataaccessd/1.0",
            "KSAndroid/5.1.1-EAS-1.3",
            "Android/2.2-EAS-1.2",
            "Android-EAS/0.1",
            "Android/0.3",
            "SAMSUNG-GT-I9100/100.20303",
            "Moto-DROIDX/2.3",
            "HTC-T-MobileG2(4D6F7869SAM)/2.1402",
            "TouchDown(MSRPC)/7.1.00012/",
            "Moxier-Android/2.1",
            "Remoba-msm-x-y",
            "RoadSync-Android/1.0",
            "NokiaE7-00/3.0(50)MailforExchange+3gpp-gba",
            "MeeGo-MfE/1.0",
            "N900/1.1",
            "MSFT-PPC/5.2.5082",
            "MSFT-SPhone/5.1.2301",
            "MSFT-WP/7.0.7004",
            "Microsoft-PocketPC/3.0",
            "Microsoft-AirSync/3.0",
            "Mozilla/4.0 (compatible; ZuneHD 4.5)",
            "Mozilla/4.0+(compatible;+ZuneHD+4.5)",
            "PalmOne-TreoAce/2.01",
            "Palm/1.0.1",
            "RIM-Playbook/2.1",
            "BlackBerry/1.0 UNTRUSTED/1.0",
            "LGMC-LGEAS/1.0",
            "Ally/1.0",
            "Vortex/1.0",
            "PANTECH-P8010/2.0",
            "GARM-A50/1.0",
            "EASClient/1.0",
            "Outlook-iOS-Android/1.0",
            "Apache-HttpClient/UNAVAILABLE (java 1.4)",
            "EAS-CheckForLock/v1.0",
            "Microsoft-Server-ActiveSync/6.5.7638.1",
            "AMProbe/Local/ClientAccess",
            "Microsoft.Exchange.Monitoring.ActiveMonitoring",
            "TestActiveSyncConnectivity",
        ];
        assert_eq!(samples.len(), CLIENTS.len());
        for (sample, row) in samples.iter().zip(CLIENTS.iter()) {
            let client = Client::from_user_agent(sample.as_bytes()).expect(sample);
            assert_eq!(
                (client.vendor, client.name, client.os, client.note),
                (
                    row.client.vendor,
                    row.client.name,
                    row.client.os,
                    row.client.note
                ),
                "{sample}"
            );
        }
        assert_eq!(
            Client::from_user_agent(b"US670/1.0").unwrap().vendor,
            Some("LG")
        );
        for unknown in [
            "",
            "-",
            "Mozilla/5.0",
            "Nokia",
            "python-requests/2.0",
            "Android/4.0",
        ] {
            assert_eq!(
                Client::from_user_agent(unknown.as_bytes()),
                None,
                "{unknown}"
            );
        }
    }

    #[test]
    fn parts_of_user_agents() {
        // User agent, then client version, model, OS version.
        let cases: [(&str, &str, &str, &str); 17] = [
            ("Apple-iPhone/704.11", "", "iPhone", "3.1.2"),
            ("Apple-iPhone3C1/801.293", "", "iPhone 4 GSM", "4.0"),
            ("Apple-iPhone99C1/9901.1", "", "iPhone99,1", ""),
            ("iOS/11.2.6+(15D100)+dataaccessd/1.0", "", "", "11.2.6"),
            ("Android/2.3.3-EAS-1.3", "1.3", "", "2.3.3"),
            ("KSAndroid/5.1.1-EAS-1.3", "1.3", "", "5.1.1"),
            ("SAMSUNG-GT-I9100/100.20303", "", "GT-I9100", "2.3.3"),
            (
                "NokiaE721/2.02(0)MailforExchange+3gpp-gba",
                "2.02.0",
                "E721",
                "",
            ),
            ("NokiaE7-00/3.0(50)MailforExchange", "3.0.50", "E7-00", ""),
            ("MSFT-PPC/5.2.5082", "", "", "6.x"),
            ("MSFT-WP/7.10.8107", "", "", "7.5"),
            ("TouchDown(MSRPC)/7.1.00012/", "7.1.00012", "", ""),
            ("TouchDown(MSRPC)", "", "", ""),
            ("BlackBerry/4.2.1 UNTRUSTED/1.0", "4.2.1", "", ""),
            ("BlackBerry/4.2.1+UNTRUSTED/1.0", "4.2.1", "", ""),
            ("MSFT-WP/8.10.14219", "", "", "8.10"),
            // Either 3.2 or 3.0.2.
            ("SAMSUNG-GT-P7510/101.302", "", "GT-P7510", "3"),
        ];
        for (agent, version, model, os_version) in cases {
            let client = Client::from_user_agent(agent.as_bytes()).expect(agent);
            let found = [&client.version, &client.model, &client.os_version]
                .map(|part| part.as_deref().unwrap_or_default());
            assert_eq!(found, [version, model, os_version], "{agent}");
        }
    }

    #[test]
    fn every_device_type_is_found() {
        let mut types = 0;
        for known in DEVICE_TYPES.iter() {
            let text = known.name.replace('*', "X1");
            let found = device_type(text.to_uppercase().as_bytes());
            assert_eq!(found, Some(known), "{text}");
            assert!(known.os.is_some() || !known.note.is_empty(), "{text}");
            assert_eq!(os_of_device_type(text.as_bytes()), known.os);
            types += 1;
        }
        assert_eq!(types, 24);
    }

    #[test]
    fn older_names_of_one_vendor_are_no_lies() {
        let lies = |agent: &'static str, device_type: &'static str| {
            let profile = DeviceProfile::new(agent.as_bytes(), Some(device_type.as_bytes()), None);
            profile.contradicts_itself()
        };
        for (agent, device_type) in [
            ("MeeGo-MfE/1.0", "NokiaEmail"),
            ("N900/1.1", "NokiaN900"),
            ("MSFT-WP/8.10.14219", "SmartPhone"),
            ("Outlook-iOS-Android/1.0", "Outlook"),
        ] {
            assert!(!lies(agent, device_type), "{agent} {device_type}");
        }
        assert!(lies("MSFT-WP/8.10.14219", "iPhone"));
        assert!(lies("NokiaE7-00/3.0(50)MailforExchange", "PocketPC"));
    }

    #[test]
    fn a_client_that_does_not_tell_the_truth() {
        let honest = DeviceProfile::new(
            b"Apple-iPhone3C1/801.293",
            Some(b"iPhone"),
            Some(b"iOS 4.0"),
        );
        assert!(!honest.contradicts_itself());
        let posing = DeviceProfile::new(
            b"Apple-iPhone3C1/801.293",
            Some(b"iPhone"),
            Some(b"Android 4.1"),
        );
        assert!(posing.contradicts_itself());
        assert_eq!(posing.os(), Some("Android"));
        let unknown = DeviceProfile::new(b"x", Some(b"Python"), None);
        assert!(!unknown.contradicts_itself());
        assert_eq!(unknown.os(), None);
    }
}
