//! The servers of the labelled population, and the ways that requests take through them.

use crate::line::Generation;

/// What a server writes, by its version and its part in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Exchange 2003: packed `Log=`.
    Exchange2003,
    /// Exchange 2010: named elements, numbers without a colon. Also what it passes on to another.
    Exchange2010,
    /// Front end of Exchange 2013 or later: no `Log=`.
    FrontEnd,
    /// Back end of Exchange 2013: numbers without a colon.
    BackEnd2013,
    /// Back end of Exchange 2016: numbers with a colon, and the version in both forms.
    BackEnd2016,
    /// Back end of Exchange 2019: everything with a colon, and more fields.
    BackEnd2019,
}

impl Kind {
    /// The generation that has the same fields.
    pub(crate) fn generation(self) -> Generation {
        match self {
            Kind::Exchange2003 => Generation::Exchange2003,
            Kind::Exchange2010 | Kind::FrontEnd | Kind::BackEnd2013 | Kind::BackEnd2016 => {
                Generation::Exchange2010
            }
            Kind::BackEnd2019 => Generation::Exchange2019,
        }
    }
}

/// A web site of a server, which has logs of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site {
    /// Name of the server.
    pub(crate) server: &'static str,
    /// Name of the site, as its folder of logs has it.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Last part of the address of the server.
    pub(crate) address: u8,
    /// Whether it begins a new log every hour, and not every day.
    pub(crate) hourly: bool,
}

const fn site(server: &'static str, name: &'static str, kind: Kind, address: u8) -> Site {
    Site {
        server,
        name,
        kind,
        address,
        hourly: false,
    }
}

/// Every site.
pub(crate) const SITES: [Site; 12] = [
    site("FE01", "W3SVC1", Kind::Exchange2003, 11),
    site("FE02", "W3SVC1", Kind::Exchange2003, 12),
    site("CAS01", "W3SVC1", Kind::Exchange2010, 21),
    Site {
        hourly: true,
        ..site("CAS02", "W3SVC1", Kind::Exchange2010, 22)
    },
    site("CAS03", "W3SVC1", Kind::Exchange2010, 23),
    site("CAS11", "W3SVC1", Kind::Exchange2010, 31),
    site("MBX01", "W3SVC1", Kind::FrontEnd, 41),
    Site {
        hourly: true,
        ..site("MBX02", "W3SVC1", Kind::FrontEnd, 42)
    },
    site("MBX03", "W3SVC1", Kind::FrontEnd, 43),
    site("MBX01", "W3SVC2", Kind::BackEnd2013, 41),
    site("MBX02", "W3SVC2", Kind::BackEnd2016, 42),
    site("MBX03", "W3SVC2", Kind::BackEnd2019, 43),
];

/// The way of a device's requests through the servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// One server of Exchange 2003.
    Exchange2003,
    /// One server of Exchange 2010.
    Exchange2010,
    /// A server of Exchange 2010 that passes the request on to one of another place.
    Proxied,
    /// Front end and back end of Exchange 2013 to 2019.
    TwoTiers,
}

impl Chain {
    /// Where devices knock: numbers of [`SITES`].
    pub(crate) fn fronts(self) -> &'static [usize] {
        match self {
            Chain::Exchange2003 => &[0, 1],
            Chain::Exchange2010 | Chain::Proxied => &[2, 3, 4],
            Chain::TwoTiers => &[6, 7, 8],
        }
    }

    /// Where the work is done if not where the device knocks; that depends on the mailbox.
    pub(crate) fn back(self, mailbox: usize) -> Option<usize> {
        match self {
            Chain::Exchange2003 | Chain::Exchange2010 => None,
            Chain::Proxied => Some(5),
            Chain::TwoTiers => Some(9 + mailbox % 3),
        }
    }
}
