//! Opening an input and looking at its first bytes.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use eas_log_parse::{Directive, Entry, Header, LogReader, LogSlice, Position};

use super::stream::{Head, Stream, Wrapping, unwrap};
use super::zip::Member;

/// Where bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A file in a zip archive.
    Member(Member),
    /// Standard input.
    Stdin,
}

impl Source {
    /// The name for reports: the path, the archive and the name in it with `!` between, or `-`.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => path.to_string_lossy().into_owned(),
            Source::Member(member) => member.name(),
            Source::Stdin => "-".to_owned(),
        }
    }

    /// Size in bytes as it lies on disk, where it is known.
    pub fn size(&self) -> Option<u64> {
        match self {
            Source::File(path) => Some(path.metadata().ok()?.len()),
            Source::Member(member) => Some(member.size()),
            Source::Stdin => None,
        }
    }

    /// The path and the length in bytes of a file that can be read at any place. What is read from a pipe
    /// is gone.
    ///
    /// # Errors
    /// If there is no such file.
    pub fn length(&self) -> io::Result<Option<(&Path, u64)>> {
        let Source::File(path) = self else {
            return Ok(None);
        };
        let found = path.metadata()?;
        Ok(found.is_file().then_some((path.as_path(), found.len())))
    }

    /// Whether it can be opened twice and says the same, as a pipe does not.
    pub fn can_be_read_again(&self) -> bool {
        match self {
            Source::File(path) => path.is_file(),
            Source::Member(_) => true,
            Source::Stdin => false,
        }
    }
}

/// An input that is worth reading: a W3C log, as far as its first bytes tell.
pub enum Content {
    /// Bytes that can be cut into pieces.
    Plain(PlainFile),
    /// Bytes that come one after the other, decompressed.
    Stream(Stream),
}

/// A plain file of this many bytes when it was opened. A log that grows is read up to there.
#[derive(Clone, Debug)]
pub struct PlainFile {
    /// The path, to be opened again for each piece.
    pub path: PathBuf,
    /// Length in bytes.
    pub length: u64,
    /// What the directives before its first record say, as far as its first bytes hold them.
    pub header: Header,
}

/// How many bytes are looked at to tell a log from something else. `#Fields` stands in the first
/// kilobyte of a log.
const HEAD: usize = 64 << 10;

/// The first record of a log mostly stands in its first bytes, and of many small files there is no more
/// to be read than these.
const FIRST_LOOK: usize = 4 << 10;

/// So many NUL bytes at the start are passed over for it. A crash leaves blocks of them, since the
/// room of a log is set aside before it is written.
const MOST_NULS: usize = 16 << 20;

/// So far `#Fields` is looked for in a stream that otherwise is like a log; in a file, to its end.
const FAR: usize = 64 << 20;

/// Opens an input. `Ok(Err(reason))` is one that can be read but is no W3C log. `fallback` is in
/// force until the first directive: the fields of a log that has lost its own.
///
/// # Errors
/// If it cannot be read, be it a log whose form is not known.
pub fn open(source: &Source, fallback: &Header) -> io::Result<Result<Content, String>> {
    let plain = match source.length()? {
        Some((path, length)) => open_plain(path, length, fallback)?,
        None => None,
    };
    Ok(match plain {
        Some(plain) => plain.map(Content::Plain),
        None => open_stream(source, fallback)?.map(Content::Stream),
    })
}

/// Whether there is a file that is a log, plain or compressed.
pub fn is_log(path: &Path) -> bool {
    let source = Source::File(path.to_owned());
    path.is_file() && matches!(open(&source, &Header::default()), Ok(Ok(_)))
}

/// Looks at a file of this length. `Ok(None)` is one that cannot be cut into pieces, for
/// [`open_stream`].
///
/// # Errors
/// If it cannot be read, be it a log whose form is not known.
pub fn open_plain(
    path: &Path,
    length: u64,
    fallback: &Header,
) -> io::Result<Option<Result<PlainFile, String>>> {
    let found = look_at_file(&mut File::open(path)?, length, fallback)?;
    let plain = |header: Header| PlainFile {
        path: path.to_owned(),
        length,
        header,
    };
    Ok(found.map(|found| found.map(plain)))
}

/// Opens a small file of this length, and reads all of it that can be read at once into a buffer that
/// has room for it: gives how many bytes that are, and the file behind them. The rest as
/// [`open_plain`].
///
/// # Errors
/// If nothing can be read, or if it is a log whose form is not known.
pub fn open_small(
    path: &Path,
    length: usize,
    fallback: &Header,
    buffer: &mut [u8],
) -> io::Result<Option<Result<(usize, File), String>>> {
    let mut file = File::open(path)?;
    let mut filled = 0;
    while filled < length {
        match file.read(&mut buffer[filled..length]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if filled == 0 => return Err(error),
            // It comes again to who reads on behind what could be read.
            Err(_) => break,
        }
    }
    let found = look_at_file(&mut &buffer[..filled], length as u64, fallback)?;
    Ok(found.map(|found| found.map(|_| (filled, file))))
}

/// What a file of this length is: a log with this header in force at its first record, as far as its
/// first bytes tell; or no log, and why; or one that is to be decompressed.
fn look_at_file(
    file: &mut impl Read,
    length: u64,
    fallback: &Header,
) -> io::Result<Option<Result<Header, String>>> {
    let mut head = Head {
        bytes: Vec::with_capacity(FIRST_LOOK),
        error: None,
    };
    head.read(file, FIRST_LOOK);
    if Wrapping::of(&head.bytes).is_none()
        && let Look::Log(header) = look_at(whole_lines(&head.bytes), fallback)
    {
        return Ok(Some(Ok(header)));
    }
    read_head(&mut head, file);
    match Wrapping::of(&head.bytes) {
        Some(Wrapping::Gzip | Wrapping::Zstd) => return Ok(None),
        Some(Wrapping::Zip) => {
            let reason = "a zip archive; give it a name in .zip, or name one file in it as \
                          ARCHIVE!FILE";
            return Ok(Some(Err(reason.to_owned())));
        }
        None => {}
    }
    let found = look_at(&head.bytes, fallback);
    Ok(Some(match (found, head.error) {
        (Look::Log(header) | Look::LogSoFar(header), _) => Ok(header),
        (_, Some(error)) => return Err(error),
        (Look::WithFields(reason), None) => {
            let head = io::Cursor::new(&head.bytes);
            match names_fields(head.chain(file.take(length)))? {
                true => Ok(fallback.clone()),
                false => return Err(unread(reason)),
            }
        }
        (Look::Unread(reason), None) => return Err(unread(reason)),
        (Look::Other(reason), None) => Err(reason),
    }))
}

/// Opens an input to be read from its start to its end.
///
/// # Errors
/// If it cannot be read, be it a log whose form is not known.
pub fn open_stream(source: &Source, fallback: &Header) -> io::Result<Result<Stream, String>> {
    let stream = match source {
        Source::File(path) => unwrap(File::open(path)?)?,
        Source::Member(member) => Ok(member.stream()?),
        Source::Stdin => unwrap(io::stdin())?,
    };
    let mut stream = match stream {
        Ok(stream) => stream,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut head = Head::default();
    read_head(&mut head, &mut stream);
    if Wrapping::of(&head.bytes).is_some() {
        let reason = "an archive or a compressed file in another, which is not opened; \
                      extract it first";
        return Ok(Err(reason.to_owned()));
    }
    let mut found = look_at(&head.bytes, fallback);
    if let Look::WithFields(_) = found {
        // What was read cannot be had again.
        head.read(&mut stream, FAR);
        if names_fields(&*head.bytes)? {
            found = Look::LogSoFar(Header::default());
        }
    }
    match (found, head.error.take()) {
        (Look::Log(_) | Look::LogSoFar(_), error) => {
            Ok(Ok(stream.begin_with(Head { error, ..head })))
        }
        (_, Some(error)) => Err(error),
        (Look::WithFields(reason) | Look::Unread(reason), None) => Err(unread(reason)),
        (Look::Other(reason), None) => Ok(Err(reason)),
    }
}

fn unread(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads on to the end of the first bytes, with as many more as there are NUL bytes in front.
fn read_head(head: &mut Head, source: &mut impl Read) {
    let mut nuls = 0;
    while head.read(source, nuls + HEAD) && nuls < MOST_NULS {
        let before = nuls;
        nuls += count_nuls(&head.bytes[nuls..]);
        if nuls == before {
            break;
        }
    }
}

/// The lines of the first bytes that are whole: what is seen there, whatever comes behind them.
fn whole_lines(head: &[u8]) -> &[u8] {
    &head[..memchr::memrchr(b'\n', head).map_or(0, |at| at + 1)]
}

fn count_nuls(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte == 0).count()
}

/// Whether a line of these is a `#Fields` directive.
fn names_fields(bytes: impl Read) -> io::Result<bool> {
    let mut log = LogReader::new(bytes);
    while log.header().layout().is_none() {
        if log.next_entry()?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// What an input is, as far as its first bytes tell.
enum Look {
    /// A log, with the header in force at its first record.
    Log(Header),
    /// A log whose first record is not among them, with the header in force behind them.
    LogSoFar(Header),
    /// A log if `#Fields` comes later; if not, why it cannot be read.
    WithFields(String),
    /// A log that cannot be read: why.
    Unread(String),
    /// No log: what it is.
    Other(String),
}

fn look_at(head: &[u8], fallback: &Header) -> Look {
    let unread = |reason: &str| Look::Unread(reason.to_owned());
    let other = |reason: &str| Look::Other(reason.to_owned());
    let text = &head[count_nuls(head)..];
    match (head, text) {
        ([], _) => return other("empty"),
        (_, []) => return other("nothing but NUL bytes, as a crash leaves them"),
        // A directive with a mark of its encoding, or without.
        (_, [0xff, 0xfe, b'#', 0, ..] | [0xfe, 0xff, 0, b'#', ..] | [b'#', 0, ..]) => {
            return unread(
                "UTF-16 text, as a redirection in PowerShell writes it; convert it to UTF-8 \
                 first: Get-Content FILE | Set-Content -Encoding UTF8 NEWFILE",
            );
        }
        (_, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => return other("UTF-16 text"),
        _ => {}
    }
    if ends_lines_in_cr(text) {
        return unread("its lines end in CR alone; convert them to LF or CR LF first");
    }
    let mut header = fallback.clone();
    let mut log = LogSlice::resume(text, Position::START, header.clone());
    let (mut of_a_server, mut dated_lines) = (false, false);
    while let Some(entry) = log.next_entry() {
        match entry {
            Entry::Directive(line, directive) => {
                match &directive {
                    Directive::Fields(layout)
                        if layout.len() == 1 && line.bytes.contains(&b',') =>
                    {
                        return other(
                            "a log with commas between its values, as Exchange keeps them \
                             besides those of IIS",
                        );
                    }
                    Directive::Software(_) | Directive::Date(Ok(_)) => of_a_server = true,
                    _ => {}
                }
                header.apply(&directive);
            }
            Entry::Record(_) => return Look::Log(header),
            Entry::Malformed(malformed) => {
                let line = malformed.line.bytes;
                if let Some(form) = other_form(line) {
                    return Look::Unread(format!(
                        "a log in the {form} format; only W3C extended logs are read, which IIS \
                         writes if it is told to"
                    ));
                }
                dated_lines |= begins_with_a_date(line);
            }
            Entry::Blank(_) => {}
        }
    }
    if header.layout().is_some() {
        return Look::LogSoFar(header);
    }
    let is_text = |byte: &&u8| **byte >= 0x20 || matches!(**byte, b'\t' | b'\r' | b'\n' | 0x1b);
    if dated_lines {
        Look::WithFields(
            "no #Fields directive, so its columns have no names; if the log has lost its \
             header, name them with --fields"
                .to_owned(),
        )
    } else if of_a_server {
        Look::WithFields("directives, but no #Fields among them, and no lines".to_owned())
    } else if text.iter().filter(is_text).count() * 10 >= text.len() * 9 {
        other("not a W3C extended log: no #Fields directive")
    } else {
        other("not a W3C extended log: binary data")
    }
}

fn begins_with_a_date(line: &[u8]) -> bool {
    matches!(line, [a, b, c, d, b'-', _, _, b'-', _, _, b' ', ..]
        if [a, b, c, d].iter().all(|digit| digit.is_ascii_digit()))
}

/// Whether this is a log all the same, with the line ends of old Macs.
fn ends_lines_in_cr(text: &[u8]) -> bool {
    let mut lines = text.split(|&byte| byte == b'\r');
    let is_of_a_log = |line: &[u8]| line.starts_with(b"#") || begins_with_a_date(line);
    !text.contains(&b'\n')
        && lines.next().is_some_and(is_of_a_log)
        && lines.next().is_some_and(is_of_a_log)
}

/// The name of the format that IIS can write instead, if the line has it.
fn other_form(line: &[u8]) -> Option<&'static str> {
    // 192.0.2.41, -, 5/6/2011, 11:30:11, W3SVC1, ...
    let mut values = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let day = values.nth(2).unwrap_or_default();
    let time = values.next().unwrap_or_default();
    let count = |text: &[u8], byte: u8| text.iter().filter(|&&b| b == byte).count();
    if values.count() >= 8 && count(day, b'/') == 2 && count(time, b':') == 2 {
        return Some("IIS native");
    }
    // 192.0.2.41 - - [06/May/2011:11:30:11 +0200] "GET / HTTP/1.1" 200 0
    let at = memchr::memmem::find(line, b" [")?;
    let is_time = matches!(
        &line[at + 2..],
        [_, _, b'/', _, _, _, b'/', _, _, _, _, b':', ..]
    );
    (is_time && memchr::memmem::find(line, b"] \"").is_some()).then_some("NCSA")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_is() {
        let block = [&[0; 5000][..], b"#Fields: date time\n"].concat();
        let logs: [&[u8]; 5] = [
            b"#Software: x\r\n#Fields: date time\r\n",
            b"\xef\xbb\xbf#Fields: date\n2011-05-06\n",
            b"\0\0\0\n#Fields: date time\n",
            &block,
            b"#Fields: date time\r",
        ];
        for head in logs {
            let (Look::Log(header) | Look::LogSoFar(header)) = look_at(head, &Header::default())
            else {
                panic!("{}", head.escape_ascii());
            };
            assert!(header.layout().is_some());
        }
        let cases: [(&[u8], &str); 16] = [
            (b"", "other: empty"),
            (b"\0\0\0\0", "other: nothing but NUL bytes"),
            (b"\xff\xfe#\0S\0", "unread: UTF-16 text"),
            (b"\xfe\xff\0#\0S", "unread: UTF-16 text"),
            (b"#\0S\0o\0", "unread: UTF-16 text"),
            (b"\xff\xfeH\0i\0", "other: UTF-16 text"),
            (b"#Software: IIS\r#Fields: date\r2011-05-06\r", "unread: its lines end in CR"),
            (b"2011-05-06 11:00:00 GET /\n", "with fields: no #Fields directive, so"),
            (b"#Software: IIS\n#Date: 2011-05-06 11:00:00\n", "with fields: directives, but"),
            (
                b"192.0.2.1, -, 05/06/11, 1:0:0, W3SVC1, CAS1, 192.0.2.2, 0, 1, 2, 200, 0, GET, /, -,\n",
                "unread: a log in the IIS native format",
            ),
            (
                b"192.0.2.1 - - [06/May/2011:11:30:11 +0200] \"GET / HTTP/1.1\" 200 0\n",
                "unread: a log in the NCSA format",
            ),
            (
                b"#Software: Microsoft Exchange Server\n#Fields: date-time,session-id,seq\n",
                "other: a log with commas",
            ),
            (b"# A title\r\nand text\r\n", "other: not a W3C extended log: no #Fields"),
            (b"one, two\rthree [four]\r", "other: not a W3C extended log: no #Fields"),
            (b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0", "other: not a W3C extended log: binary"),
            (b"\0\0\0\x7fELF\x02\x01\x01\0\0", "other: not a W3C extended log: binary"),
        ];
        for (head, want) in cases {
            let found = match look_at(head, &Header::default()) {
                Look::Log(_) | Look::LogSoFar(_) => "log".to_owned(),
                Look::WithFields(why) => format!("with fields: {why}"),
                Look::Unread(why) => format!("unread: {why}"),
                Look::Other(what) => format!("other: {what}"),
            };
            assert!(found.starts_with(want), "{}: {found}", head.escape_ascii());
        }
    }

    #[test]
    fn the_head_goes_on_behind_nuls() {
        for (nuls, text) in [(0, 10), (10, HEAD), (3 * HEAD + 1, 20), (HEAD, 2 * HEAD)] {
            let bytes = [vec![0; nuls], vec![b'x'; text]].concat();
            let mut head = Head::default();
            read_head(&mut head, &mut &*bytes);
            assert_eq!(head.bytes.len(), nuls + text.min(HEAD), "{nuls}, {text}");
        }
        let mut head = Head::default();
        read_head(&mut head, &mut io::repeat(0));
        assert!((MOST_NULS..MOST_NULS + 3 * HEAD).contains(&head.bytes.len()));
    }
}
