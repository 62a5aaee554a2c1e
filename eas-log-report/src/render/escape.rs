//! Text from logs, made harmless for where it goes.
//!
//! Users, device ids, device types and user agents are chosen by whoever can reach the server.

use std::borrow::Cow;

use eas_log_parse::Escaped;

/// Text that cannot steer a terminal.
pub fn terminal_safe(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Escaped(text.as_bytes()).to_string())
}

/// Text that a spreadsheet does not take for a formula: a text that begins like one gets an
/// apostrophe in front, which spreadsheets hide.
pub fn formula_safe(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']) {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_are_not_steered() {
        assert_eq!(terminal_safe("Zoë+1"), "Zoë+1");
        assert_eq!(terminal_safe("a\x1b]0;x\x07"), r"a\x1b]0;x\x07");
    }

    #[test]
    fn formulas_are_text() {
        assert_eq!(formula_safe("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(formula_safe("@SUM(1)"), "'@SUM(1)");
        assert_eq!(
            formula_safe("'=1"),
            "''=1",
            "so that the apostrophe can be taken off again"
        );
        assert_eq!(formula_safe("iPhone"), "iPhone");
    }
}
