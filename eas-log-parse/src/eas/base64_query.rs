//! The query of a request in its base64-encoded form (MS-ASHTTP 2.2.1.1.1.1).

use core::ops::Range;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::command::Command;
use super::version::ProtocolVersion;
use crate::fault::{Fault, FaultKind};
use crate::text::{Encoded, Escaped};

/// A request whose whole query is one base64 text, as clients may send it from protocol 12.1 on.
///
/// Decoding needs memory, so this type owns its bytes; it is made when
/// [`EasQuery::is_base64`](super::EasQuery::is_base64) says so.
///
/// ```
/// use eas_log_parse::{Base64Query, Command};
/// let query = Base64Query::parse(b"jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l").unwrap();
/// assert_eq!(query.protocol_version().to_string(), "14.0");
/// assert_eq!(query.command(), Some(Command::Sync));
/// assert_eq!(query.locale(), 0x0409);
/// assert_eq!(query.device_id(), "v140Device");
/// assert_eq!(query.device_type(), b"SmartPhone");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base64Query {
    bytes: Vec<u8>,
    device_id: Range<usize>,
    policy_key: Option<u32>,
    device_type: Range<usize>,
    /// Where the parameters start, and where the last whole one ends.
    parameters: Range<usize>,
}

/// The standard alphabet, with or without padding at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The protocol versions that know this form.
const VERSIONS: [u8; 5] = [121, 140, 141, 160, 161];

/// The least that a request can be: version, command, locale, a device id of one byte, no policy
/// key, no device type.
const LEAST: usize = 8;

/// What can be a request in this form at all: letters of the alphabet, and none of a pair.
pub(super) fn looks_like(query: &[u8]) -> bool {
    let piece = first_piece(query);
    let end = piece
        .iter()
        .rposition(|&b| b != b'=')
        .map_or(0, |at| at + 1);
    // The versions begin with these letters: 121, 140, 141, 160, 161.
    let begins = matches!(piece, [b'e', b'Q' | b'R', ..])
        || matches!(piece, [b'j', b'A' | b'B' | b'Q' | b'R', ..])
        || matches!(piece, [b'o', b'A' | b'B' | b'Q' | b'R', ..]);
    begins && piece[..end].len() >= 11 && memchr::memchr(b'=', &piece[..end]).is_none()
}

fn first_piece(query: &[u8]) -> &[u8] {
    &query[..memchr::memchr(b'&', query).unwrap_or(query.len())]
}

/// Names of the commands by their code (MS-ASHTTP 2.2.1.1.1.1.2; 5 to 8 from older drafts).
fn command(code: u8) -> Option<Command<'static>> {
    Some(match code {
        0 => Command::Sync,
        1 => Command::SendMail,
        2 => Command::SmartForward,
        3 => Command::SmartReply,
        4 => Command::GetAttachment,
        5 => Command::GetHierarchy,
        6 => Command::CreateCollection,
        7 => Command::DeleteCollection,
        8 => Command::MoveCollection,
        9 => Command::FolderSync,
        10 => Command::FolderCreate,
        11 => Command::FolderDelete,
        12 => Command::FolderUpdate,
        13 => Command::MoveItems,
        14 => Command::GetItemEstimate,
        15 => Command::MeetingResponse,
        16 => Command::Search,
        17 => Command::Settings,
        18 => Command::Ping,
        19 => Command::ItemOperations,
        20 => Command::Provision,
        21 => Command::ResolveRecipients,
        22 => Command::ValidateCert,
        23 => Command::Find,
        _ => return None,
    })
}

impl Base64Query {
    /// Decodes the value of `cs-uri-query`: the text before its first `&`. `+` is data; percent
    /// escapes are decoded first.
    ///
    /// # Errors
    /// If it is not base64, or if the bytes are not those of a request: the place is then an offset
    /// into the decoded bytes.
    pub fn parse(query: &[u8]) -> Result<Base64Query, Fault> {
        let text = Encoded::new(first_piece(query)).decode();
        // A decoder on the way may have taken the plus signs for blanks.
        let text: Vec<u8> = text
            .iter()
            .map(|&b| if b == b' ' { b'+' } else { b })
            .collect();
        let bytes = BASE64
            .decode(&text)
            .map_err(|_| Fault::new(FaultKind::BadBase64, 0))?;
        Base64Query::from_bytes(bytes)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Base64Query, Fault> {
        let bad = |at: usize| Fault::new(FaultKind::BadRequestBytes, at);
        if bytes.len() < LEAST {
            return Err(bad(bytes.len()));
        }
        if !VERSIONS.contains(&bytes[0]) {
            return Err(bad(0));
        }
        if command(bytes[1]).is_none() {
            return Err(bad(1));
        }
        /// The length at an offset, and the bytes behind it.
        fn counted(bytes: &[u8], at: usize) -> Option<Range<usize>> {
            let length = usize::from(*bytes.get(at)?);
            (at + 1 + length <= bytes.len()).then_some(at + 1..at + 1 + length)
        }
        let device_id = counted(&bytes, 4)
            .filter(|id| !id.is_empty())
            .ok_or(bad(4))?;
        let key = counted(&bytes, device_id.end).ok_or(bad(device_id.end))?;
        let policy_key = match bytes[key.clone()] {
            [] => None,
            [a, b, c, d] => Some(u32::from_le_bytes([a, b, c, d])),
            _ => return Err(bad(device_id.end)),
        };
        let device_type = counted(&bytes, key.end).ok_or(bad(key.end))?;
        let mut end = device_type.end;
        while let Some(value) = counted(&bytes, end + 1) {
            end = value.end;
        }
        let parameters = device_type.end..end;
        Ok(Base64Query {
            device_id,
            policy_key,
            device_type,
            parameters,
            bytes,
        })
    }

    /// The decoded bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Protocol version.
    pub fn protocol_version(&self) -> ProtocolVersion {
        ProtocolVersion(u16::from(self.bytes[0]))
    }

    /// Code of the command.
    pub fn command_code(&self) -> u8 {
        self.bytes[1]
    }

    /// The command.
    pub fn command(&self) -> Option<Command<'static>> {
        command(self.bytes[1])
    }

    /// Locale of the device, as a Windows LCID such as 0x0409.
    pub fn locale(&self) -> u16 {
        u16::from_le_bytes([self.bytes[2], self.bytes[3]])
    }

    /// The device id as bytes.
    pub fn device_id_bytes(&self) -> &[u8] {
        &self.bytes[self.device_id.clone()]
    }

    /// The device id as Exchange shows it: text if all of it is printable ASCII, upper-case
    /// hexadecimal digits otherwise (checked against published pairs). For sixteen printable bytes
    /// servers differ; [`Base64Query::device_id_hex`] is the other form.
    pub fn device_id(&self) -> String {
        let bytes = self.device_id_bytes();
        if bytes.iter().all(|b| (0x20..0x7f).contains(b)) {
            bytes.iter().map(|&b| char::from(b)).collect()
        } else {
            self.device_id_hex()
        }
    }

    /// The device id in upper-case hexadecimal digits, in the order of its bytes.
    pub fn device_id_hex(&self) -> String {
        self.device_id_bytes()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect()
    }

    /// Policy key. The byte order (little-endian) is inferred: every published sample holds 0.
    pub fn policy_key(&self) -> Option<u32> {
        self.policy_key
    }

    /// Device type, ASCII.
    pub fn device_type(&self) -> &[u8] {
        &self.bytes[self.device_type.clone()]
    }

    /// The command parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = Base64Parameter<'_>> {
        let mut rest = &self.bytes[self.parameters.clone()];
        core::iter::from_fn(move || {
            let [tag, length, after @ ..] = rest else {
                return None;
            };
            let (value, after) = after.split_at_checked(usize::from(*length))?;
            rest = after;
            Some(Base64Parameter { tag: *tag, value })
        })
    }

    /// The user, where the client named one so that the log can show it (tag 8).
    pub fn user(&self) -> Option<&[u8]> {
        self.parameters()
            .find(|parameter| parameter.tag == 8)
            .map(|parameter| parameter.value)
    }

    /// Whether the last parameter is cut off. It is not among [`Base64Query::parameters`].
    pub fn is_truncated(&self) -> bool {
        self.parameters.end < self.bytes.len()
    }
}

/// A command parameter (MS-ASHTTP 2.2.1.1.1.1.3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Base64Parameter<'a> {
    /// Its tag.
    pub tag: u8,
    /// Its value.
    pub value: &'a [u8],
}

impl Base64Parameter<'_> {
    /// Name of the tag; `None` for one that is not in the specification.
    pub fn name(&self) -> Option<&'static str> {
        Some(match self.tag {
            0 => "AttachmentName",
            1 => "CollectionId",
            3 => "ItemId",
            4 => "LongId",
            6 => "Occurrence",
            7 => "Options",
            8 => "User",
            _ => return None,
        })
    }

    /// Of the parameter `Options`, whether sent mail is to be saved.
    pub fn save_in_sent(&self) -> Option<bool> {
        self.option(0x01)
    }

    /// Of the parameter `Options`, whether a response of several parts is accepted.
    pub fn accept_multi_part(&self) -> Option<bool> {
        self.option(0x02)
    }

    fn option(&self, bit: u8) -> Option<bool> {
        match (self.tag, self.value) {
            (7, [options]) => Some(options & bit != 0),
            _ => None,
        }
    }
}

impl core::fmt::Debug for Base64Parameter<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}={}", self.name().unwrap_or("?"), Escaped(self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::table::rows;

    #[test]
    fn commands_and_tags_agree_with_the_tables() {
        let mut codes = 0;
        for [code, name, _, _] in rows(include_str!("../../data/base64-commands.tsv")) {
            let found = command(code.parse().unwrap()).unwrap();
            assert_eq!(found.to_string(), name);
            codes += 1;
        }
        assert_eq!(codes, 24);
        assert_eq!(command(24), None);
        let mut tags = 0;
        for [tag, name, ..] in rows::<6>(include_str!("../../data/base64-params.tsv")) {
            let parameter = Base64Parameter {
                tag: tag.parse().unwrap(),
                value: b"",
            };
            let want = (!name.starts_with('(')).then_some(name);
            assert_eq!(parameter.name(), want);
            tags += 1;
        }
        assert_eq!(tags, 10);
    }

    #[test]
    fn a_binary_device_id_and_parameters() {
        let query = b"jBMHBBCoHzHhi8b5YrNnTZh4inyaBAAAAAACV1AHAQI=";
        assert!(looks_like(query));
        let query = Base64Query::parse(query).unwrap();
        assert_eq!(query.command(), Some(Command::ItemOperations));
        assert_eq!(query.device_id(), "A81F31E18BC6F962B3674D98788A7C9A");
        assert_eq!(
            (query.policy_key(), query.device_type()),
            (Some(0), &b"WP"[..])
        );
        let [options] = query.parameters().collect::<Vec<_>>()[..] else {
            panic!()
        };
        assert_eq!(
            (options.save_in_sent(), options.accept_multi_part()),
            (Some(false), Some(true))
        );
        assert_eq!(query.user(), None);
        assert!(!query.is_truncated());
    }

    #[test]
    fn what_logs_do_to_the_text() {
        let plain =
            Base64Query::parse(b"jAkJBBC32YBsEj5p+IUKLTDTcJoYBAAAAAALV2luZG93c01haWw=").unwrap();
        for form in [
            &b"jAkJBBC32YBsEj5p%2BIUKLTDTcJoYBAAAAAALV2luZG93c01haWw%3D"[..],
            b"jAkJBBC32YBsEj5p IUKLTDTcJoYBAAAAAALV2luZG93c01haWw",
            b"jAkJBBC32YBsEj5p+IUKLTDTcJoYBAAAAAALV2luZG93c01haWw=&Log=V140_",
        ] {
            assert_eq!(Base64Query::parse(form).as_ref(), Ok(&plain), "{form:?}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused_with_its_place() {
        let fault = |bytes: &[u8]| Base64Query::from_bytes(bytes.to_vec()).unwrap_err();
        let at = |bytes: &[u8]| (fault(bytes).kind, fault(bytes).at);
        let bad = FaultKind::BadRequestBytes;
        assert_eq!(at(b"\x8c\0\x09"), (bad, 3));
        assert_eq!(
            at(b"\x19\0\x09\x04\x01A\0\0"),
            (bad, 0),
            "version 2.5 has no such form"
        );
        assert_eq!(at(b"\x8c\x18\x09\x04\x01A\0\0"), (bad, 1));
        assert_eq!(
            at(b"\x8c\0\x09\x04\0A\0\0"),
            (bad, 4),
            "a device id must not be empty"
        );
        assert_eq!(
            at(b"\x8c\0\x09\x04\x01A\x03xyz\0"),
            (bad, 6),
            "a policy key has 0 or 4 bytes"
        );
        assert_eq!(at(b"\x8c\0\x09\x04\x01A\0\x02x"), (bad, 7));
        let cut = Base64Query::from_bytes(b"\x8c\0\x09\x04\x01A\0\0\x01\x01X\x03\x05ab".to_vec());
        let cut = cut.unwrap();
        assert!(cut.is_truncated());
        assert_eq!(cut.parameters().count(), 1);
        let not_base64 = Base64Query::parse(b"Cmd=Ping&User=u").unwrap_err();
        assert_eq!(not_base64.kind, FaultKind::BadBase64);
    }

    #[test]
    fn plain_queries_do_not_look_like_it() {
        for query in [
            &b""[..],
            b"-",
            b"jA",
            b"Cmd=Ping&User=u",
            b"jAkHBBCoHzHhi8b5=YrNnTZh4inya",
        ] {
            assert!(!looks_like(query), "{query:?}");
        }
    }
}
