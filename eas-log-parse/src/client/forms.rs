//! The forms of user agents.

use std::borrow::Cow;

use super::apple;
use super::{Client, text};

/// How the parts of a user agent stand in it. Named in the table of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing more to be read.
    Plain,
    /// A slash and the version of the client, up to a blank or another slash.
    Version,
    /// The model, a slash, and a version.
    ModelVersion,
    /// `Apple-<model>/<build>`.
    Apple,
    /// `iOS/<version> (<build>) …`.
    Ios,
    /// `…/<Android version>-EAS-<client version>`.
    AndroidEas,
    /// `SAMSUNG-<model>/<digits>.<Android version as digits>`.
    Samsung,
    /// `Nokia<model>/<version>(<build>)MailforExchange`.
    Nokia,
    /// `…/<5.x.build>`.
    WindowsMobile,
    /// `…/<7.x.build>`.
    WindowsPhone,
}

impl Form {
    pub(super) fn from_name(name: &str) -> Option<Form> {
        Some(match name {
            "plain" => Form::Plain,
            "version" => Form::Version,
            "model_version" => Form::ModelVersion,
            "apple" => Form::Apple,
            "ios" => Form::Ios,
            "android_eas" => Form::AndroidEas,
            "samsung" => Form::Samsung,
            "nokia" => Form::Nokia,
            "windows_mobile" => Form::WindowsMobile,
            "windows_phone" => Form::WindowsPhone,
            _ => return None,
        })
    }

    /// Reads the parts behind a prefix of this length. Gives whether the text has the form.
    pub(super) fn read<'a>(self, agent: &'a [u8], prefix: usize, client: &mut Client<'a>) -> bool {
        let rest = &agent[prefix..];
        match self {
            Form::Plain => true,
            Form::Version => {
                let slash = memchr::memchr(b'/', agent).map_or(agent.len(), |at| at + 1);
                let behind = &agent[slash..];
                let end = memchr::memchr3(b'/', b'+', b' ', behind).unwrap_or(behind.len());
                client.version = part(&behind[..end]);
                true
            }
            Form::ModelVersion => {
                let Some((model, version)) = slash(rest) else {
                    return false;
                };
                client.model = part(model);
                client.version = part(version);
                true
            }
            Form::Apple => apple::read(rest, client),
            Form::Ios => {
                let end = rest
                    .iter()
                    .position(|&b| b == b'+' || b == b' ')
                    .unwrap_or(rest.len());
                client.os_version = part(&rest[..end]);
                rest.first().is_some_and(u8::is_ascii_digit)
            }
            Form::AndroidEas => {
                let Some(at) = memchr::memmem::find(rest, b"-EAS-") else {
                    return false;
                };
                client.os_version = part(&rest[..at]);
                client.version = part(&rest[at + 5..]);
                true
            }
            Form::Samsung => samsung(rest, client),
            Form::Nokia => nokia(rest, client),
            Form::WindowsMobile => {
                client.os_version = match rest {
                    [b'5', b'.', b'1', b'.', ..] => Some(Cow::Borrowed("5")),
                    [b'5', b'.', b'2', b'.', ..] => Some(Cow::Borrowed("6.x")),
                    _ => None,
                };
                true
            }
            Form::WindowsPhone => {
                client.os_version = match rest {
                    [b'7', b'.', b'0', b'.', ..] => Some(Cow::Borrowed("7.0")),
                    [b'7', b'.', b'1', b'0', b'.', ..] => Some(Cow::Borrowed("7.5")),
                    [b'8', b'.', b'0', b'.', ..] => Some(Cow::Borrowed("8")),
                    // No table says more of later ones than they say themselves.
                    [b'8' | b'9' | b'1', ..] => {
                        let dots = memchr::memchr_iter(b'.', rest).nth(1);
                        dots.and_then(|end| part(&rest[..end]))
                    }
                    _ => None,
                };
                true
            }
        }
    }
}

fn part(bytes: &[u8]) -> Option<Cow<'_, str>> {
    (!bytes.is_empty()).then(|| text(bytes))
}

/// What stands before and behind the last slash, but for one at the very end.
fn slash(agent: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = agent.strip_suffix(b"/").unwrap_or(agent).len();
    let at = memchr::memrchr(b'/', &agent[..end])?;
    Some((&agent[..at], &agent[at + 1..]))
}

/// Models of LG that stand alone: two letters, three digits, a slash (`US670/1.0`).
pub(super) fn is_lg_model(agent: &[u8]) -> bool {
    matches!(agent, [a, b, c, d, e, b'/', ..]
        if a.is_ascii_uppercase() && b.is_ascii_uppercase()
            && [c, d, e].iter().all(|digit| digit.is_ascii_digit()))
}

/// The Android version in the digits behind the dot: one digit, then two for each further part, so
/// that 202 is 2.2 and 20303 is 2.3.3. Documented for 4.1.2 and 4.3, inferred for the others. By the
/// same rule 302 is 3.2; since it may as well be 3.0.2, no more is said than that it is 3.
fn samsung<'a>(rest: &'a [u8], client: &mut Client<'a>) -> bool {
    let Some((model, version)) = slash(rest) else {
        return false;
    };
    client.model = part(model.strip_prefix(b"-").unwrap_or(model));
    let Some(dot) = memchr::memchr(b'.', version) else {
        return false;
    };
    let digits = &version[dot + 1..];
    if !matches!(digits.len(), 3 | 5) || !digits.iter().all(u8::is_ascii_digit) {
        return true;
    }
    if digits == b"302" {
        client.os_version = Some(Cow::Borrowed("3"));
        return true;
    }
    let mut numbers = vec![u32::from(digits[0] - b'0')];
    for pair in digits[1..].chunks(2) {
        numbers.push(u32::from(pair[0] - b'0') * 10 + u32::from(pair[1] - b'0'));
    }
    let parts: Vec<String> = numbers.iter().map(u32::to_string).collect();
    client.os_version = Some(Cow::Owned(parts.join(".")));
    true
}

fn nokia<'a>(rest: &'a [u8], client: &mut Client<'a>) -> bool {
    let Some(end) = memchr::memmem::find(rest, b"MailforExchange") else {
        return false;
    };
    let Some((model, version)) = slash(&rest[..end]) else {
        return false;
    };
    client.model = part(model);
    // `2.02(0)` is version 2.02, build 0.
    let version = text(version).replace('(', ".").replace(')', "");
    client.version = Some(Cow::Owned(version));
    true
}
