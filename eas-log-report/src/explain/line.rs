//! Whole lines.

use std::io;

use eas_log_parse::codes;
use eas_log_parse::{
    Account, DeviceProfile, Directive, EasStem, Entry, Escaped, Header, LogReader, LogSlice,
    Position, Record, Tier,
};

use super::Part;
use super::code::status_part;
use super::columns;
use super::query;
use super::value::{contradiction, user_agent, with_unit};
use crate::ingest::judge;
use crate::input::{Content, Source, open};

/// Explains a line by the header in force, or by the standard field set that it fits.
pub fn explain_line(line: &[u8], header: &Header) -> Part {
    if let Some(part) = read(line, header, "#Fields") {
        return part;
    }
    for (server, layout, others_fit) in columns::layouts(line) {
        if let Some(part) = read(line, &Header::with_layout(layout), server) {
            let note = "other fields than these fit too; --fields or FILE:LINE tells them for sure";
            return part.note("", if others_fit { note } else { "" });
        }
    }
    // Without names for the columns, what stands behind the path is still a query.
    let mut words = line.split(|&b| b == b' ');
    let stem = words.find(|word| EasStem::parse(word).is_some());
    let part = Part::new("line", "line").note(
        "",
        "its columns have no names, and their forms tell none; give --fields, or FILE:LINE",
    );
    match stem.and_then(|_| words.next()) {
        Some(found) => part.with([query::explain(found)]),
        None => part.value(Escaped(line).to_string()),
    }
}

fn read(line: &[u8], header: &Header, by: &str) -> Option<Part> {
    let mut log = LogSlice::resume(line, Position::START, header.clone());
    let entry = log.next_entry()?;
    let part = Part::new("line", "line");
    Some(match entry {
        Entry::Record(record) => explain_record(&record).note("columns named by", by),
        Entry::Directive(_, directive) => {
            let meaning = match directive {
                Directive::Fields(_) => "names the columns of the lines below it",
                Directive::Date(_) => "when this part of the log was begun (UTC)",
                Directive::Software(_) => "the writer of the log",
                Directive::Version(_) => "the version of the log format",
                _ => "a directive",
            };
            part.value(Escaped(line).to_string())
                .meaning(meaning)
                .known_by("D", "D11")
        }
        Entry::Blank(_) => part.meaning("a blank line"),
        Entry::Malformed(malformed) => {
            header.layout()?;
            let what = malformed.fault.explain(malformed.line.bytes).to_string();
            part.value(Escaped(line).to_string())
                .meaning("malformed")
                .note("", &what)
        }
    })
}

fn explain_record(record: &Record<'_, '_>) -> Part {
    let parts = record
        .layout()
        .names()
        .enumerate()
        .map(|(column, name)| field(record, column, &Escaped(name).to_string()));
    let mut line = Part::new("line", "line").with(parts);
    let stem = record.eas_stem();
    line.meaning = Some(match (stem, record.eas()) {
        (Some(stem), Some(query)) => {
            let log = query.log().map(|log| log.summary());
            let tier = Tier::of(record, stem, &query, log.as_ref());
            line.notes
                .push(format!("logged by {}", tier_in_words(tier)));
            let device_type = query::device_type(&query);
            let device_os = log.and_then(|log| log.device_os);
            let device_os = device_os.map(|os| os.text().decode_form());
            let device = DeviceProfile::new(
                record.cs_user_agent().unwrap_or_default(),
                device_type.as_deref(),
                device_os.as_deref(),
            );
            line.notes.extend(contradiction(&device));
            match judge(record) {
                Some((command, judgement)) => {
                    format!(
                        "an ActiveSync request ({command}) that {}",
                        judgement.class.meaning()
                    )
                }
                None => "an ActiveSync request that no device asked for".to_owned(),
            }
        }
        _ if Tier::is_internal(record) => {
            "Exchange's own call on behalf of ActiveSync; no device asked for it".to_owned()
        }
        _ => "a request that is not ActiveSync's".to_owned(),
    });
    line
}

fn tier_in_words(tier: Tier) -> &'static str {
    match tier {
        Tier::Client => "the server that the device talked to",
        Tier::FrontEnd => "the front end of Exchange 2013 or later; the back end logs it too",
        Tier::PerhapsFrontEnd => {
            "the server that the device talked to; if that is a front end of Exchange 2013 or later, \
             the back end logs it too"
        }
        Tier::BackEnd => "the back end of Exchange 2013 or later; the front end logs it too",
        Tier::Proxying => "a server that passed it on; the other logs it too",
        Tier::Proxied => "a server that it was passed on to; the other logs it too",
        Tier::Probe => "a server whose monitoring asked for it: a health probe, no device",
        Tier::Internal => "the server that made the call itself",
    }
}

fn field(record: &Record<'_, '_>, column: usize, name: &str) -> Part {
    let part = Part::new("field", name);
    let part = match codes::field(name) {
        Some(fact) => part
            .meaning(fact.meaning)
            .known_by(fact.evidence, fact.source),
        None => part,
    };
    let Some(value) = record.value(column) else {
        return part.value("-");
    };
    let shown = Escaped(value).to_string();
    let unit = codes::field(name).map_or("", |fact| fact.unit);
    let number = || shown.parse::<u64>().ok();
    let small = || number().and_then(|number| u16::try_from(number).ok());
    match name.to_ascii_lowercase().as_str() {
        "cs-uri-query" if record.eas_stem().is_some() => Part {
            parts: query::explain(value).parts,
            ..part
        },
        "cs(user-agent)" => part.value(shown).with([user_agent(value)]),
        "cs-username" => {
            let account = Account::parse(value);
            let part = part.value(shown);
            if account.is_computer() {
                part.note(
                    "",
                    "a computer account: one server passed the request on to another",
                )
            } else {
                part
            }
        }
        "sc-status" => {
            let known = small().and_then(codes::http_status);
            let known = known.map_or_else(|| Part::new("HTTP status", shown.as_str()), status_part);
            part.value(shown).with([known])
        }
        // 0 says that there is nothing more to say.
        "sc-substatus" if shown != "0" => {
            let status = record.sc_status().ok().flatten();
            let known = status
                .zip(small())
                .and_then(|(status, substatus)| codes::iis_substatus(status, substatus));
            let unknown = || {
                let status = status.map(|status| format!("{status}."));
                Part::new("IIS substatus", status.unwrap_or_default() + &shown)
            };
            let known = known.map_or_else(unknown, status_part);
            part.value(shown).with([known])
        }
        "sc-win32-status" => {
            let known = number().and_then(codes::win32);
            let unknown = || Part::new("Windows status", shown.as_str());
            let known = known.map_or_else(unknown, status_part);
            part.value(shown).with([known])
        }
        _ => part.value(with_unit(&shown, unit)),
    }
}

/// A line of a file, with the header in force there.
#[derive(Debug)]
pub struct LineAt {
    /// The bytes of the line.
    pub bytes: Vec<u8>,
    /// The header that it is read by.
    pub header: Header,
}

/// Finds a line of an input by its number, from 1.
///
/// # Errors
/// If the file cannot be read, is no log, or has no such line; the message says which.
pub fn line_at(source: &Source, number: u64, fallback: &Header) -> Result<LineAt, String> {
    let opened = open(source, fallback)
        .map_err(|error| error.to_string())?
        .map_err(|why| format!("is {why}"))?;
    let reader: Box<dyn io::Read> = match opened {
        Content::Plain(file) => {
            Box::new(std::fs::File::open(file.path).map_err(|error| error.to_string())?)
        }
        Content::Stream(stream) => Box::new(stream),
    };
    let mut log = LogReader::new(reader).resume(Position::START, fallback.clone());
    loop {
        let header = (log.position().line == number).then(|| log.header().clone());
        match log.next_entry() {
            Ok(Some(entry)) => {
                if let Some(header) = header {
                    return Ok(LineAt {
                        bytes: entry.line().bytes.to_vec(),
                        header,
                    });
                }
            }
            Ok(None) => return Err(format!("has {} lines", log.position().line - 1)),
            Err(error) => return Err(error.to_string()),
        }
    }
}
