//! Which device a request is from.

use std::borrow::Cow;

use crate::text::Escaped;

/// The id of a device, decoded.
///
/// One device can stand in logs under several texts: Exchange compares ids without case (background
/// knowledge), and a base64-encoded query carries bytes, of which one server makes text and another
/// hexadecimal digits ([`Base64Query::device_id`](crate::Base64Query::device_id)).
/// [`DeviceId::key`] folds them together.
///
/// ```
/// use eas_log_parse::DeviceId;
/// let key = |text: &'static str| DeviceId::new(text.as_bytes()).key();
/// assert_eq!(key("Appl5K0239F4A4S"), key("APPL5k0239f4a4s"));
/// assert_eq!(key("Nine4383AF346860"), key("4E696E65343338334146333436383630"));
/// assert_ne!(key("Appl5K0239F4A4S"), key("Appl5K0239F4A4T"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId<'a>(&'a [u8]);

impl<'a> DeviceId<'a> {
    /// Takes the decoded text.
    pub fn new(text: &'a [u8]) -> DeviceId<'a> {
        DeviceId(text)
    }

    /// The text as it was taken.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// The id in a form that is equal for every way to write it: ASCII letters in upper case, and
    /// the hexadecimal digits of sixteen printable bytes as the text that they are. An id of sixteen
    /// bytes that is no text is all printable once in some millions. Bytes that are not UTF-8 become
    /// `\xNN`.
    pub fn key(self) -> Cow<'a, str> {
        let text = match printable(self.0) {
            Some(text) => Cow::Owned(Escaped(&text).to_string()),
            None => match core::str::from_utf8(self.0) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => Cow::Owned(Escaped(self.0).to_string()),
            },
        };
        if text.bytes().any(|b| b.is_ascii_lowercase()) {
            return Cow::Owned(text.to_ascii_uppercase());
        }
        text
    }
}

/// The text behind 32 hexadecimal digits, if all of it is printable.
fn printable(digits: &[u8]) -> Option<[u8; 16]> {
    let digits: &[u8; 32] = digits.try_into().ok()?;
    let mut text = [0; 16];
    for (byte, pair) in text.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = (high << 4 | low) as u8;
    }
    text.iter()
        .all(|byte| (0x20..0x7f).contains(byte))
        .then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_as_devices_write_them() {
        let cases: [(&str, &str); 8] = [
            ("", ""),
            ("IMEI352924027511437", "IMEI352924027511437"),
            ("androidc537050526", "ANDROIDC537050526"),
            (
                "a81f31e18bc6f962b3674d98788a7c9a",
                "A81F31E18BC6F962B3674D98788A7C9A",
            ),
            // One byte of these is not printable.
            (
                "51664347215791916328638186235862",
                "51664347215791916328638186235862",
            ),
            ("4e696e65343338334146333436383630", "NINE4383AF346860"),
            (
                "4E696E6534333833414633343638363",
                "4E696E6534333833414633343638363",
            ),
            (
                "4E696E6534333833414633343638363X",
                "4E696E6534333833414633343638363X",
            ),
        ];
        for (text, key) in cases {
            assert_eq!(DeviceId::new(text.as_bytes()).key(), key, "{text}");
        }
        assert_eq!(DeviceId::new(b"a\xff").key(), "A\\XFF");
    }
}
