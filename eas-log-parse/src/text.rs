//! Text as logs carry it: raw bytes, percent-encoded, and the ways to show it.

use std::borrow::Cow;

use core::fmt;

use percent_encoding::percent_decode;

/// Percent-encoded text, borrowed as it stands in the log.
///
/// Nothing is decoded until it is asked for. Two decodings exist because two writers encode:
/// a client encodes its query as URIs do, where `+` is a plus sign; Exchange encodes the values
/// of `Log=` in form style, where `+` is a blank (observed: `iOS+9.2+13C71`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Encoded<'a>(&'a [u8]);

impl<'a> Encoded<'a> {
    /// Takes the bytes as they stand in the log.
    pub fn new(raw: &'a [u8]) -> Encoded<'a> {
        Encoded(raw)
    }

    /// The bytes as they stand in the log.
    pub fn raw(self) -> &'a [u8] {
        self.0
    }

    /// Decodes `%XX` escapes once, in either case of hexadecimal digits. An invalid escape such as
    /// `%5P` stays as it is. Borrows when there is nothing to decode.
    ///
    /// ```
    /// use eas_log_parse::Encoded;
    /// assert_eq!(&*Encoded::new(b"contoso%5Cuser2").decode(), b"contoso\\user2");
    /// assert_eq!(&*Encoded::new(b"%5POLICY").decode(), b"%5POLICY");
    /// ```
    pub fn decode(self) -> Cow<'a, [u8]> {
        percent_decode(self.0).into()
    }

    /// Decodes as [`Encoded::decode`] does, and reads `+` as a blank. For values inside `Log=`.
    ///
    /// ```
    /// use eas_log_parse::Encoded;
    /// assert_eq!(&*Encoded::new(b"iOS+9.2+13C71").decode_form(), b"iOS 9.2 13C71");
    /// ```
    pub fn decode_form(self) -> Cow<'a, [u8]> {
        if memchr::memchr(b'+', self.0).is_none() {
            return self.decode();
        }
        let blanks: Vec<u8> = self
            .0
            .iter()
            .map(|&b| if b == b'+' { b' ' } else { b })
            .collect();
        Cow::Owned(percent_decode(&blanks).collect())
    }
}

impl fmt::Debug for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", Escaped(self.0))
    }
}

/// Shows the decoded text, with control bytes and invalid UTF-8 escaped.
impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.decode()))
    }
}

/// The character at an offset and the number of bytes it takes, an escape taking three.
#[inline]
pub(crate) fn symbol(text: &[u8], at: usize) -> Option<(u8, usize)> {
    let byte = *text.get(at)?;
    if byte == b'%'
        && let Some(&[_, high, low]) = text.get(at..at + 3)
        && let (Some(high), Some(low)) = (hex(high), hex(low))
    {
        return Some((high << 4 | low, 3));
    }
    Some((byte, 1))
}

#[inline]
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Cuts at the first of a character, plain or percent-encoded.
pub(crate) fn split_at_symbol(text: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    while let Some((found, width)) = symbol(text, at) {
        if found == wanted {
            return Some((&text[..at], &text[at + width..]));
        }
        at += width;
    }
    None
}

/// Shows bytes from a log to people: valid UTF-8 stays, everything that could steer a terminal
/// or hide (controls, line and paragraph separators, bidirectional overrides, invalid UTF-8) is
/// written as an escape.
///
/// ```
/// use eas_log_parse::Escaped;
/// assert_eq!(Escaped(b"a\x1b[31mb\xff").to_string(), r"a\x1b[31mb\xff");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for ch in chunk.valid().chars() {
                match ch {
                    '\u{0}'..='\u{1f}' | '\u{7f}' => write!(f, "\\x{:02x}", u32::from(ch))?,
                    _ if is_steering(ch) => write!(f, "\\u{{{:x}}}", u32::from(ch))?,
                    _ => fmt::Write::write_char(f, ch)?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Characters outside ASCII that move the cursor, reorder text or show as nothing.
fn is_steering(ch: char) -> bool {
    matches!(ch,
        '\u{80}'..='\u{9f}'         // C1 controls
        | '\u{200b}'..='\u{200f}'   // zero width and directional marks
        | '\u{2028}'..='\u{202e}'   // separators, embeddings, overrides
        | '\u{2060}'..='\u{206f}'   // word joiner, isolates
        | '\u{feff}'                // byte order mark
        | '\u{fff9}'..='\u{fffb}'   // interlinear annotation
        | '\u{e0000}'..='\u{e007f}' // tags
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_borrows_when_there_is_nothing_to_do() {
        assert!(matches!(
            Encoded::new(b"plain").decode(),
            Cow::Borrowed(b"plain")
        ));
        assert!(matches!(
            Encoded::new(b"plain").decode_form(),
            Cow::Borrowed(b"plain")
        ));
        assert!(matches!(Encoded::new(b"a%20b").decode(), Cow::Owned(_)));
    }

    #[test]
    fn decodes_once_and_leaves_bad_escapes() {
        let cases: [(&[u8], &[u8], &[u8]); 7] = [
            (b"", b"", b""),
            (b"a%5Cb", b"a\\b", b"a\\b"),
            (b"a%5cb", b"a\\b", b"a\\b"),
            (b"%255C", b"%5C", b"%5C"),
            (b"a+b%2B", b"a+b+", b"a b+"),
            (b"100%", b"100%", b"100%"),
            (b"%zz%4", b"%zz%4", b"%zz%4"),
        ];
        for (raw, uri, form) in cases {
            assert_eq!(&*Encoded::new(raw).decode(), uri, "{raw:?}");
            assert_eq!(&*Encoded::new(raw).decode_form(), form, "{raw:?}");
        }
    }

    #[test]
    fn escapes_what_could_steer_a_terminal() {
        let cases: [(&[u8], &str); 5] = [
            ("Zoë".as_bytes(), "Zoë"),
            (b"\r\n\t\x7f", r"\x0d\x0a\x09\x7f"),
            ("\u{202e}evil".as_bytes(), r"\u{202e}evil"),
            ("\u{9b}31m".as_bytes(), r"\u{9b}31m"),
            (b"\xc3(", r"\xc3("),
        ];
        for (bytes, want) in cases {
            assert_eq!(Escaped(bytes).to_string(), want);
        }
    }
}
