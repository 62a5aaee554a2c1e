//! Standard output, with or without colors.

use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};

use super::args::Color;

/// Standard output, which takes the escapes of styles off where they are not wanted.
pub(super) fn styled_stdout(color: Color) -> AutoStream<io::StdoutLock<'static>> {
    let stdout = io::stdout();
    let choice = match color {
        Color::Auto => AutoStream::choice(&stdout),
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    AutoStream::new(stdout.lock(), choice)
}

/// Width of the terminal behind standard output; none if it is no terminal.
pub(super) fn stdout_width() -> Option<u16> {
    let width = terminal_size::terminal_size().map(|(width, _)| width.0);
    width.filter(|_| io::stdout().is_terminal())
}
