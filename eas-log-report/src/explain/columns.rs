//! The columns of a line that stands alone, without the `#Fields` of its log.
//!
//! IIS writes its fields in one order, whichever of them are switched on, and custom ones behind
//! them. So a line is held against the sets that servers write unless they are told otherwise, and
//! then against every choice of fields in that order that the forms of its values allow.

use eas_log_parse::FieldLayout;

/// The field sets that servers write unless they are told otherwise, with the versions of IIS.
/// The first that a line fits is taken.
const STANDARD: [(&str, &str); 3] = [
    (
        "IIS 6",
        "date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip \
         cs(User-Agent) sc-status sc-substatus sc-win32-status",
    ),
    (
        "IIS 7",
        "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) \
         sc-status sc-substatus sc-win32-status time-taken",
    ),
    (
        "IIS 8",
        "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) \
         cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
    ),
];

/// What names the columns if no standard set does.
const BY_FORM: &str = "the forms of the values, in the order in which IIS writes fields";

/// A field, what it costs to take or to leave it where both are possible, and the form of its
/// values.
struct Column {
    name: &'static str,
    taken: u32,
    left: u32,
    fits: fn(&[u8]) -> bool,
}

/// A cost that no choice has.
const NEVER: u32 = 1000;

const fn column(name: &'static str, taken: u32, left: u32, fits: fn(&[u8]) -> bool) -> Column {
    Column {
        name,
        taken,
        left,
        fits,
    }
}

/// The fields in the order of IIS. Those of the standard sets are cheap to take and dear to leave.
const COLUMNS: [Column; 22] = [
    column("date", 0, 4, is_date),
    column("time", 0, 4, is_time),
    column("s-sitename", 1, 0, is_site),
    column("s-computername", 1, 0, is_name),
    column("s-ip", 0, 4, is_address),
    column("cs-method", 0, 4, is_method),
    column("cs-uri-stem", 0, NEVER, |value| value.starts_with(b"/")),
    column("cs-uri-query", 0, NEVER, |_| true),
    column("s-port", 0, 4, is_port),
    column("cs-username", 0, 4, |_| true),
    column("c-ip", 0, 4, is_address),
    column("cs-version", 1, 0, |value| value.starts_with(b"HTTP/")),
    column("cs(User-Agent)", 0, 4, |_| true),
    column("cs(Cookie)", 3, 0, |v| v == b"-" || v.contains(&b'=')),
    column("cs(Referer)", 1, 0, |v| v == b"-" || v.starts_with(b"http")),
    column("cs-host", 2, 0, |v| {
        !v.contains(&b'=') && !v.contains(&b'/')
    }),
    column("sc-status", 0, NEVER, is_status),
    column("sc-substatus", 0, 4, |value| is_number(value, 3)),
    column("sc-win32-status", 0, 4, |value| is_number(value, 10)),
    column("sc-bytes", 1, 0, |value| is_number(value, 20)),
    column("cs-bytes", 1, 0, |value| is_number(value, 20)),
    column("time-taken", 0, 1, |value| is_number(value, 20)),
];

/// What a column behind those of IIS costs.
const CUSTOM: u32 = 3;

/// What a line without `#Fields` may be read by: who writes these fields, the fields, and whether
/// the values allow others too.
pub(super) fn layouts(line: &[u8]) -> Vec<(&'static str, FieldLayout, bool)> {
    let separator = if line.contains(&b'\t') { b'\t' } else { b' ' };
    let values: Vec<&[u8]> = line
        .split(|&b| b == separator)
        .filter(|value| !value.is_empty())
        .collect();
    let standard = STANDARD.iter().filter_map(|(server, names)| {
        let mut columns = names.split(' ').map(|name| {
            let named = |column: &&Column| column.name == name;
            COLUMNS.iter().find(named)
        });
        let fits = names.split(' ').count() == values.len()
            && values.iter().all(|value| {
                let column = columns.next().flatten();
                column.is_some_and(|column| (column.fits)(value))
            });
        fits.then(|| (*server, FieldLayout::parse(names.as_bytes()), false))
    });
    let mut found: Vec<_> = standard.collect();
    if let Some((names, alone)) = aligned(&values) {
        let layout = FieldLayout::parse(names.join(" ").as_bytes());
        found.push((BY_FORM, layout, !alone));
    }
    found
}

/// The best choice of fields for these values, and whether it is the only one.
fn aligned(values: &[&[u8]]) -> Option<(Vec<&'static str>, bool)> {
    // Costs and numbers of the choices for the values from one on and the fields from one on.
    let (rows, width) = (values.len() + 1, COLUMNS.len() + 1);
    let mut best = vec![(NEVER, 0u64); rows * width];
    let at = |value: usize, column: usize| value * width + column;
    for value in (0..rows).rev() {
        let behind = (rows - 1 - value) as u32;
        let custom = behind.saturating_mul(CUSTOM).min(NEVER);
        best[at(value, COLUMNS.len())] = (custom, u64::from(custom < NEVER));
        for (number, column) in COLUMNS.iter().enumerate().rev() {
            let (left, left_ways) = best[at(value, number + 1)];
            let mut cost = (left + column.left).min(NEVER);
            let mut ways = if column.left < NEVER { left_ways } else { 0 };
            if value + 1 < rows && (column.fits)(values[value]) {
                let (taken, taken_ways) = best[at(value + 1, number + 1)];
                cost = cost.min(taken + column.taken);
                ways = ways.saturating_add(taken_ways);
            }
            best[at(value, number)] = (cost, ways);
        }
    }
    let (cost, ways) = best[0];
    if cost >= NEVER {
        return None;
    }
    let mut names = Vec::new();
    let mut value = 0;
    for (number, column) in COLUMNS.iter().enumerate() {
        let (cost, _) = best[at(value, number)];
        let takes = value + 1 < rows
            && (column.fits)(values[value])
            && best[at(value + 1, number + 1)].0 + column.taken == cost;
        if takes {
            names.push(column.name);
            value += 1;
        }
    }
    names.extend(values[value..].iter().map(|value| custom_name(value)));
    Some((names, ways == 1))
}

fn custom_name(value: &[u8]) -> &'static str {
    let mut addresses = value.split(|&b| b == b',');
    let forwarded = addresses.all(|one| is_address(one.strip_prefix(b"+").unwrap_or(one)));
    if forwarded || value == b"-" {
        "X-Forwarded-For"
    } else {
        "custom"
    }
}

/// Whether a text has the form in which `0` stands for a digit and every other byte for itself.
fn has_form(text: &[u8], form: &[u8]) -> bool {
    text.len() == form.len()
        && text.iter().zip(form).all(|(byte, form)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte == form,
        })
}

fn is_date(value: &[u8]) -> bool {
    has_form(value, b"0000-00-00")
}

fn is_time(value: &[u8]) -> bool {
    value
        .get(..8)
        .is_some_and(|time| has_form(time, b"00:00:00"))
}

fn is_number(value: &[u8], digits: usize) -> bool {
    value == b"-"
        || !value.is_empty() && value.len() <= digits && value.iter().all(u8::is_ascii_digit)
}

fn is_port(value: &[u8]) -> bool {
    value != b"-" && is_number(value, 5)
}

fn is_status(value: &[u8]) -> bool {
    has_form(value, b"000") && value[0] != b'0'
}

fn is_method(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|b| b.is_ascii_uppercase() || *b == b'_')
}

fn is_site(value: &[u8]) -> bool {
    value
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case(b"W3SVC"))
}

fn is_name(value: &[u8]) -> bool {
    value.iter().any(u8::is_ascii_alphabetic)
        && value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

fn is_address(value: &[u8]) -> bool {
    let text = core::str::from_utf8(value).unwrap_or_default();
    let without_zone = text.split('%').next().unwrap_or_default();
    without_zone.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value of the form of a field.
    fn value(name: &str) -> &'static str {
        match name {
            "date" => "2016-08-01",
            "time" => "10:00:00",
            "s-sitename" => "W3SVC1",
            "s-computername" => "CAS-01",
            "s-ip" => "10.0.0.1",
            "cs-method" => "POST",
            "cs-uri-stem" => "/Microsoft-Server-ActiveSync/default.eas",
            "cs-uri-query" => "Cmd=Ping&User=u",
            "s-port" => "443",
            "cs-username" => "C\\u1",
            "c-ip" => "fe80::1%12",
            "cs-version" => "HTTP/1.1",
            "cs(User-Agent)" => "Apple-iPhone7C2/1306.72",
            "cs(Cookie)" => "a=b",
            "cs(Referer)" => "http://x/",
            "cs-host" => "mail.contoso.com:444",
            "sc-status" => "200",
            "X-Forwarded-For" => "44.29.25.201,+10.140.11.12",
            "custom" => "x/y",
            _ => "64",
        }
    }

    #[test]
    fn lines_are_aligned_by_the_forms_of_their_values() {
        let all: Vec<&str> = COLUMNS.iter().map(|column| column.name).collect();
        let all = all.join(" ");
        let [iis_6, iis_7, iis_8] = STANDARD.map(|(_, names)| names);
        let cases = [
            (iis_6.to_owned(), "IIS 6"),
            (iis_7.to_owned(), "IIS 7"),
            (iis_8.to_owned(), "IIS 8"),
            (all.clone(), BY_FORM),
            (format!("{all} X-Forwarded-For"), BY_FORM),
            (format!("{iis_6} time-taken"), BY_FORM),
            (format!("{iis_8} X-Forwarded-For"), BY_FORM),
            (format!("{iis_7} custom"), BY_FORM),
            (
                iis_8.replace("time-taken", "sc-bytes cs-bytes time-taken"),
                BY_FORM,
            ),
            (iis_7.replace("date time ", ""), BY_FORM),
            (
                iis_7.replace("c-ip cs(User-Agent)", "c-ip cs-version cs(User-Agent)"),
                BY_FORM,
            ),
        ];
        assert_eq!(cases.len(), 11);
        for (names, by) in cases {
            let line: Vec<&str> = names.split(' ').map(value).collect();
            let found = layouts(line.join(" ").as_bytes());
            let (server, layout, _) = &found[0];
            assert_eq!((*server, layout.to_string()), (by, names));
        }
    }

    #[test]
    fn what_is_no_line_of_iis_is_not_aligned() {
        for line in [
            "",
            "a b c d e f g h",
            "2016-08-01 10:00:00 /x - 443 200",
            "10:00:00 POST /x Cmd=Ping",
        ] {
            let found = layouts(line.as_bytes());
            let only_with_status = found.iter().all(|(_, layout, _)| {
                layout.column_named(b"sc-status").is_some()
                    && layout.column_named(b"cs-uri-stem").is_some()
            });
            assert!(only_with_status, "{line}");
            assert_eq!(found.is_empty(), !line.contains("200"), "{line}");
        }
    }

    #[test]
    fn other_fields_that_fit_too_are_told() {
        let (_, names) = STANDARD[1];
        let line: Vec<&str> = names.split(' ').map(value).collect();
        let line = line.join(" ");
        let empty = line.replace("Apple-iPhone7C2/1306.72", "Apple-iPhone7C2/1306.72 - -");
        let found = layouts(empty.as_bytes());
        assert_eq!(found.len(), 1);
        assert!(found[0].2, "{}", found[0].1);
    }
}
