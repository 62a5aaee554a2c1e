//! Rows of values, as the replaced tools write them.

use std::borrow::Cow;
use std::io;

use eas_log_parse::Escaped;

use super::Rules;
use crate::render::formula_safe;

/// One value of a row.
pub(super) enum Cell<'a> {
    /// Text from a log.
    Logged(&'a [u8]),
    /// Text of our own.
    Own(Cow<'static, str>),
    /// A number.
    Number(u64),
    /// Nothing.
    Empty,
}

impl From<u64> for Cell<'_> {
    fn from(number: u64) -> Self {
        Cell::Number(number)
    }
}

impl From<Option<u64>> for Cell<'_> {
    fn from(number: Option<u64>) -> Self {
        number.map_or(Cell::Empty, Cell::Number)
    }
}

impl From<&'static str> for Cell<'_> {
    fn from(text: &'static str) -> Self {
        Cell::Own(Cow::Borrowed(text))
    }
}

impl From<String> for Cell<'_> {
    fn from(text: String) -> Self {
        Cell::Own(Cow::Owned(text))
    }
}

/// A table that is being written: values separated by commas, lines that end in CR LF.
pub(super) struct Table {
    out: csv::Writer<Vec<u8>>,
    rules: Rules,
}

/// Tells readers that a file is UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

impl Table {
    /// A table of these columns.
    pub(super) fn new<'h>(
        columns: impl IntoIterator<Item = &'h str>,
        rules: Rules,
    ) -> io::Result<Table> {
        let style = match rules {
            Rules::Corrected => csv::QuoteStyle::Necessary,
            // What is to be quoted is quoted here.
            Rules::Compat => csv::QuoteStyle::Never,
        };
        let mut out = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .quote_style(style)
            .from_writer(Vec::new());
        out.write_record(columns)?;
        Ok(Table { out, rules })
    }

    /// Writes a row.
    pub(super) fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> io::Result<()> {
        for cell in cells {
            let text = match cell {
                Cell::Logged(text) => logged(text, self.rules),
                Cell::Own(text) => text,
                Cell::Number(number) => Cow::Owned(number.to_string()),
                Cell::Empty => Cow::Borrowed(""),
            };
            self.out.write_field(&*text)?;
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(())
    }

    /// The file, with the mark that it is UTF-8 in front.
    pub(super) fn marked(self) -> io::Result<Vec<u8>> {
        Ok([BOM, &self.plain()?].concat())
    }

    /// The file, with the mark only if it holds more than ASCII.
    pub(super) fn marked_beyond_ascii(self) -> io::Result<Vec<u8>> {
        let content = self.plain()?;
        let mark = if content.is_ascii() { &[] } else { BOM };
        Ok([mark, &content].concat())
    }

    fn plain(self) -> io::Result<Vec<u8>> {
        self.out
            .into_inner()
            .map_err(csv::IntoInnerError::into_error)
    }
}

/// Text from a log.
fn logged(text: &[u8], rules: Rules) -> Cow<'_, str> {
    match rules {
        Rules::Corrected => {
            let text = Escaped(text).to_string();
            Cow::Owned(formula_safe(&text).into_owned())
        }
        Rules::Compat => {
            let text = String::from_utf8_lossy(text);
            if text.contains(',') {
                Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
            } else {
                text
            }
        }
    }
}

/// A part of a whole as a number of single precision, with seven digits that count; nothing of
/// nothing.
pub(super) fn ratio(part: u64, whole: u64, rules: Rules) -> Cell<'static> {
    if whole == 0 {
        return Cell::Empty;
    }
    let ratio = part as f32 / whole as f32;
    let scientific = format!("{ratio:.6e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let short = |number: &str| match number.contains('.') {
        true => number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => number.to_owned(),
    };
    // So small a number is written with its exponent by the server, which few imports read.
    if exponent < -4 && rules == Rules::Compat {
        return format!("{}E-{:02}", short(digits), -exponent).into();
    }
    let decimals = usize::try_from(6 - exponent).unwrap_or(0);
    short(&format!("{ratio:.decimals$}")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &[u8], rules: Rules) -> String {
        let mut table = Table::new(["Text", "Number"], rules).unwrap();
        table.row([Cell::Logged(text), 7.into()]).unwrap();
        String::from_utf8(table.plain().unwrap()).unwrap()
    }

    #[test]
    fn texts_are_quoted_and_made_harmless() {
        // As logged, corrected, compatible.
        let cases: [(&[u8], &str, &str); 9] = [
            (b"a+b%5Cc", "a+b%5Cc", "a+b%5Cc"),
            (b"a,b", "\"a,b\"", "\"a,b\""),
            (b"a,\"b\"", "\"a,\"\"b\"\"\"", "\"a,\"\"b\"\"\""),
            (b"a\"b", "\"a\"\"b\"", "a\"b"),
            (b"=1+2", "'=1+2", "=1+2"),
            (b"@x", "'@x", "@x"),
            (b"\x1b[31m", "\\x1b[31m", "\x1b[31m"),
            (b"j\xf6rg", "j\\xf6rg", "j\u{fffd}rg"),
            ("Zoë".as_bytes(), "Zoë", "Zoë"),
        ];
        for (text, corrected, compatible) in cases {
            for (rules, want) in [(Rules::Corrected, corrected), (Rules::Compat, compatible)] {
                assert_eq!(table(text, rules), format!("Text,Number\r\n{want},7\r\n"));
            }
        }
    }

    #[test]
    fn the_mark_stands_in_front() {
        let table = Table::new(["A", "B"], Rules::Compat).unwrap();
        assert_eq!(table.marked().unwrap(), b"\xef\xbb\xbfA,B\r\n");
    }

    #[test]
    fn ratios() {
        let cases = [
            ((1, 3), "0.3333333", "0.3333333"),
            ((2, 3), "0.6666667", "0.6666667"),
            ((1, 2), "0.5", "0.5"),
            ((0, 9), "0", "0"),
            ((9, 9), "1", "1"),
            ((7, 0), "", ""),
            ((1, 8192), "0.0001220703", "0.0001220703"),
            ((1, 100_000), "0.00001", "1E-05"),
            ((1, 3_000_000), "0.0000003333333", "3.333333E-07"),
            ((99_999_999, 100_000_000), "1", "1"),
        ];
        for ((part, whole), corrected, compatible) in cases {
            for (rules, want) in [(Rules::Corrected, corrected), (Rules::Compat, compatible)] {
                let text = match ratio(part, whole, rules) {
                    Cell::Own(text) => text,
                    _ => "".into(),
                };
                assert_eq!(text, want, "{part}/{whole} {rules:?}");
            }
        }
    }
}
