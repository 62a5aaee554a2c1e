//! The folders of a Sync or GetItemEstimate request.

use super::change_counts::ChangeCounts;
use super::element::{Element, Elements};
use super::legacy::LegacyLog;
use crate::codes::{self, Scope};
use crate::fault::Fault;
use crate::text::Encoded;

/// Class of the items of a folder (element `Ty`; documented, `Nt` is an interface fact).
///
/// ```
/// use eas_log_parse::CollectionClass;
/// assert_eq!(CollectionClass::parse(b"Em"), CollectionClass::Email);
/// assert_eq!(CollectionClass::parse(b"Sms"), CollectionClass::Other(b"Sms"));
/// assert_eq!(CollectionClass::parse(b"em").code(), b"em", "codes are case-sensitive");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CollectionClass<'a> {
    /// `Em`: e-mail.
    Email,
    /// `Ca`: calendar.
    Calendar,
    /// `Co`: contacts.
    Contacts,
    /// `Ta`: tasks.
    Tasks,
    /// `Nt`: notes, in Exchange 2010 and later.
    Notes,
    /// Any other code. Those of SMS and of the recipient cache are not known.
    Other(&'a [u8]),
}

impl<'a> CollectionClass<'a> {
    /// Reads a code. Codes are case-sensitive.
    pub fn parse(code: &'a [u8]) -> CollectionClass<'a> {
        match code {
            b"Em" => CollectionClass::Email,
            b"Ca" => CollectionClass::Calendar,
            b"Co" => CollectionClass::Contacts,
            b"Ta" => CollectionClass::Tasks,
            b"Nt" => CollectionClass::Notes,
            other => CollectionClass::Other(other),
        }
    }

    /// The code as it stands in logs.
    pub fn code(self) -> &'a [u8] {
        match self {
            CollectionClass::Email => b"Em",
            CollectionClass::Calendar => b"Ca",
            CollectionClass::Contacts => b"Co",
            CollectionClass::Tasks => b"Ta",
            CollectionClass::Notes => b"Nt",
            CollectionClass::Other(code) => code,
        }
    }
}

/// Kind of a synchronization (element `St`; documented in the Exchange 2007 element list).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum SyncType {
    /// `F`: first, with sync key 0.
    First,
    /// `S`: subsequent.
    Subsequent,
    /// `R`: recovery: the client repeats its last key, since it missed the answer.
    Recovery,
    /// `I`: the key is not valid.
    Invalid,
}

impl SyncType {
    /// Reads a letter; `None` for `N` (Exchange 2003: not a Sync) and for what is not known.
    pub fn parse(letter: &[u8]) -> Option<SyncType> {
        Some(match letter {
            b"F" => SyncType::First,
            b"S" => SyncType::Subsequent,
            b"R" => SyncType::Recovery,
            b"I" => SyncType::Invalid,
            _ => return None,
        })
    }
}

/// Which items of a folder are wanted (element `Filt`; documented in the Exchange 2007 element
/// list).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FilterType(pub u8);

impl FilterType {
    /// The window in words; `None` for a code that is not known.
    ///
    /// ```
    /// assert_eq!(eas_log_parse::FilterType(3).window(), Some("1 week"));
    /// ```
    pub fn window(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "no filter",
            1 => "1 day",
            2 => "3 days",
            3 => "1 week",
            4 => "2 weeks",
            5 => "1 month",
            6 => "3 months",
            7 => "6 months",
            8 => "incomplete tasks only",
            _ => return None,
        })
    }
}

/// One folder of a request: the elements from `Fid` up to the next `Fid`, and the one folder of a
/// line of Exchange 2003.
///
/// Exchange writes them in a fixed order and leaves out what it has not (interface fact, seen in
/// part); where `Fid` itself is missing (searches, folder commands; observed), counts stand alone and
/// make a folder without an id. Above a server limit on folders a request lists none at all
/// (interface fact).
///
/// ```
/// use eas_log_parse::{CollectionClass, EasLog, SyncType};
/// let log = EasLog::new(b"V140_Fid:5_Ty:Em_St:S_Sk:871_Srv:3a0c1d_Fid:7_Ty:Ca_St:F_Sk:0_LdapC1_");
/// let [mail, calendar] = &log.collections().collect::<Vec<_>>()[..] else { panic!() };
/// assert_eq!(mail.class(), Some(CollectionClass::Email));
/// assert_eq!(mail.server_changes().unwrap().adds(), Ok(3));
/// assert_eq!(calendar.sync_type(), Some(SyncType::First));
/// assert_eq!(calendar.element("Sk").unwrap().value(), b"0");
///
/// let log = EasLog::new(b"V2TCoSSC:0A0C0D0FS:1A0C0D0SP:1C2I105992S109982R");
/// let contacts = log.collections().next().unwrap();
/// assert_eq!(contacts.class(), Some(CollectionClass::Contacts));
/// assert_eq!(contacts.server_changes().unwrap().adds(), Ok(1));
/// ```
#[derive(Clone, Debug)]
pub struct Collection<'a> {
    form: Form<'a>,
}

#[derive(Clone, Debug)]
enum Form<'a> {
    /// From its first element on.
    Named(Elements<'a>),
    Packed(LegacyLog<'a>),
}

/// The elements that belong to a folder, in any version.
fn is_of_a_folder(identifier: &[u8]) -> bool {
    matches!(
        identifier,
        b"Fid"
            | b"Ty"
            | b"Filt"
            | b"Filter1"
            | b"Filts"
            | b"St"
            | b"Sk"
            | b"Sks"
            | b"Sst"
            | b"Sslc"
            | b"SsCmt"
            | b"TotSvC"
            | b"ColdSvC"
            | b"ColdCpyC"
            | b"TotLdC"
            | b"MR"
            | b"FtsR"
            | b"ProvSyncType"
            | b"GetChgsIter"
            | b"GetChgsTime"
            | b"Cli"
            | b"Srv"
            | b"Svr"
            | b"Pfs"
            | b"BR"
            | b"BPR"
    )
}

/// Whether an element is known as one of the request.
fn is_of_the_request(identifier: &[u8]) -> bool {
    let name = core::str::from_utf8(identifier).ok();
    name.and_then(codes::element)
        .is_some_and(|element| element.scope == Scope::Request)
}

impl<'a> Collection<'a> {
    /// The elements of the folder, in order. Those that no table knows are among them as long as
    /// none follows that is known to be of the request. None for Exchange 2003.
    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let elements = match &self.form {
            Form::Named(elements) => Some(elements.clone()),
            Form::Packed(_) => None,
        };
        let (mut first, mut over) = (true, false);
        elements
            .into_iter()
            .flatten()
            .take_while(move |element| {
                let starts = core::mem::replace(&mut first, false);
                starts || element.identifier() != b"Fid"
            })
            .filter(move |element| {
                if is_of_a_folder(element.identifier()) {
                    return true;
                }
                over = over || is_of_the_request(element.identifier());
                !over
            })
    }

    /// The first element of this name (case-sensitive).
    pub fn element(&self, identifier: &str) -> Option<Element<'a>> {
        self.elements()
            .find(|element| element.identifier() == identifier.as_bytes())
    }

    pub(crate) fn packed(&self) -> Option<&LegacyLog<'a>> {
        match &self.form {
            Form::Named(_) => None,
            Form::Packed(log) => Some(log),
        }
    }

    /// Server id of the folder. It is text, though mostly a number; `RI` is the recipient cache.
    /// Element `Fid` (documented, observed).
    pub fn folder_id(&self) -> Option<Encoded<'a>> {
        self.element("Fid").map(|element| element.text())
    }

    /// Class of its items. Element `Ty` (documented, observed).
    pub fn class(&self) -> Option<CollectionClass<'a>> {
        match self.packed() {
            Some(log) => log.class,
            None => self
                .element("Ty")
                .map(|element| CollectionClass::parse(element.value())),
        }
    }

    /// Which items are wanted. Elements `Filt` (documented) and, in late builds, `Filter1`
    /// (inferred).
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn filter_type(&self) -> Result<Option<FilterType>, Fault> {
        let element = self.element("Filt").or_else(|| self.element("Filter1"));
        element
            .map(|element| element.number().map(FilterType))
            .transpose()
    }

    /// Kind of the synchronization. Element `St` (documented).
    pub fn sync_type(&self) -> Option<SyncType> {
        match self.packed() {
            Some(log) => log.sync_type,
            None => self
                .element("St")
                .and_then(|element| SyncType::parse(element.value())),
        }
    }

    /// Sync key that the client sent; 0 starts over. It is text, though mostly a number. Element
    /// `Sk` (documented, observed).
    pub fn sync_key(&self) -> Option<Encoded<'a>> {
        self.element("Sk").map(|element| element.text())
    }

    /// Sync key that the server returned. Element `Sks` (interface fact).
    pub fn server_sync_key(&self) -> Option<Encoded<'a>> {
        self.element("Sks").map(|element| element.text())
    }

    /// Size of the sync state in KB. Element `Sst` (interface fact).
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn sync_state_kb(&self) -> Result<Option<u64>, Fault> {
        self.element("Sst")
            .map(|element| element.number())
            .transpose()
    }

    /// EAS status of the folder in the response. Element `Pfs` (interface fact).
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn status(&self) -> Result<Option<u16>, Fault> {
        self.element("Pfs")
            .map(|element| element.number())
            .transpose()
    }

    /// What the client sent. Absent when nothing. Element `Cli` (documented).
    pub fn client_changes(&self) -> Option<ChangeCounts<'a>> {
        match self.packed() {
            Some(log) => Some(log.client_counts()),
            None => self
                .element("Cli")
                .map(|element| ChangeCounts::new(element.value())),
        }
    }

    /// What the server sent. Absent when nothing. Elements `Srv` (interface fact, observed) and, in
    /// the documentation of Exchange 2007, `Svr`.
    pub fn server_changes(&self) -> Option<ChangeCounts<'a>> {
        if let Some(log) = self.packed() {
            return Some(log.server_counts());
        }
        let element = self.element("Srv").or_else(|| self.element("Svr"));
        element.map(|element| ChangeCounts::new(element.value()))
    }
}

/// Iterator over the folders of a request; see
/// [`EasLog::collections`](super::EasLog::collections).
#[derive(Clone, Debug)]
pub struct Collections<'a> {
    elements: Elements<'a>,
    packed: Option<LegacyLog<'a>>,
    any: bool,
}

impl<'a> Collections<'a> {
    pub(super) fn named(elements: Elements<'a>) -> Collections<'a> {
        Collections {
            elements,
            packed: None,
            any: false,
        }
    }

    pub(super) fn packed(log: LegacyLog<'a>) -> Collections<'a> {
        Collections {
            elements: Elements::new(&[]),
            packed: Some(log).filter(LegacyLog::has_folder),
            any: false,
        }
    }
}

impl<'a> Iterator for Collections<'a> {
    type Item = Collection<'a>;

    fn next(&mut self) -> Option<Collection<'a>> {
        if let Some(log) = self.packed.take() {
            let form = Form::Packed(log);
            return Some(Collection { form });
        }
        loop {
            let here = self.elements.clone();
            let element = self.elements.next()?;
            let starts = element.identifier() == b"Fid"
                || (!self.any && is_of_a_folder(element.identifier()));
            if starts {
                self.any = true;
                let form = Form::Named(here);
                return Some(Collection { form });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EasLog;

    #[test]
    fn several_folders_in_one_request() {
        let log = EasLog::new(
            b"V121_Fc2_Fid:12_Ty:Em_Filt5_St:S_Sk:871163472_Sst2_Cli:1a0c0d0f0e0s0fs_BR1_BPR0_\
            Fid:Ri%5F1_Ty:Zz_St:F_Sk:0_Srv:6a0c0d0s0e0r0A0sd_Pfs1_LdapC1_MRi2_",
        );
        let [first, second] = &log.collections().collect::<Vec<_>>()[..] else {
            panic!()
        };
        assert_eq!(first.folder_id(), Some(Encoded::new(b"12")));
        assert_eq!(first.class(), Some(CollectionClass::Email));
        assert_eq!(first.filter_type(), Ok(Some(FilterType(5))));
        assert_eq!(first.sync_type(), Some(SyncType::Subsequent));
        assert_eq!(first.sync_key(), Some(Encoded::new(b"871163472")));
        assert_eq!(first.sync_state_kb(), Ok(Some(2)));
        assert_eq!(first.client_changes().unwrap().adds(), Ok(1));
        assert!(
            first.server_changes().is_none(),
            "absence is zero, and told by absence"
        );
        assert_eq!(first.elements().count(), 9);

        assert_eq!(&*second.folder_id().unwrap().decode(), b"Ri_1");
        assert_eq!(second.class(), Some(CollectionClass::Other(b"Zz")));
        assert_eq!(second.sync_type(), Some(SyncType::First));
        assert_eq!(second.server_changes().unwrap().adds(), Ok(6));
        assert_eq!(second.status(), Ok(Some(1)));
        assert_eq!(
            second.elements().count(),
            6,
            "what follows belongs to the request"
        );
    }

    #[test]
    fn spellings_of_other_versions() {
        let log = EasLog::new(b"Fid5_Sk123_Filter1:3_Svr:2A0C2D1F1E_");
        let [only] = &log.collections().collect::<Vec<_>>()[..] else {
            panic!()
        };
        assert_eq!(only.folder_id(), Some(Encoded::new(b"5")));
        assert_eq!(only.sync_key(), Some(Encoded::new(b"123")));
        assert_eq!(only.filter_type(), Ok(Some(FilterType(3))));
        assert_eq!(only.server_changes().unwrap().deletes(), Ok(2));
    }

    #[test]
    fn counts_without_a_folder() {
        let log = EasLog::new(b"V141_LdapC1_Srv:6a0c0d0s0e0r0A0sd_SrchP:Doc_");
        let [only] = &log.collections().collect::<Vec<_>>()[..] else {
            panic!()
        };
        assert_eq!(only.folder_id(), None);
        assert_eq!(only.server_changes().unwrap().adds(), Ok(6));
        assert_eq!(EasLog::new(b"V141_Hb600_").collections().count(), 0);
    }
    #[test]
    fn what_no_table_knows_stays_with_its_folder() {
        let log = EasLog::new(b"Fid:5_New1:7_Sk:2_LdapC1_Newer:1_Pfs1_Fid:6_Newest:8");
        let [first, second] = &log.collections().collect::<Vec<_>>()[..] else {
            panic!()
        };
        let names = |collection: &Collection<'_>| -> Vec<String> {
            let raw = collection.elements().map(|element| element.raw().to_vec());
            raw.map(|raw| String::from_utf8(raw).unwrap()).collect()
        };
        assert_eq!(names(first), ["Fid:5", "New1:7", "Sk:2", "Pfs1"]);
        assert_eq!(names(second), ["Fid:6", "Newest:8"]);
        assert_eq!(first.element("New1").unwrap().value(), b"7");
        assert_eq!(first.element("Newer"), None);
    }

    #[test]
    fn the_elements_of_folders_are_those_of_the_table() {
        let mut folder = 0;
        for info in codes::elements() {
            let name = info.name.as_bytes();
            assert_eq!(is_of_a_folder(name), info.scope == Scope::Folder);
            assert_ne!(is_of_a_folder(name), is_of_the_request(name));
            folder += u32::from(is_of_a_folder(name));
        }
        assert_eq!(folder, 26);
    }

    #[test]
    fn the_folder_of_exchange_2003() {
        let log = EasLog::new(b"V4TEmSFC:1A2C3D4FS:5A6C7D8SP:2C14I7546S161180R0S0L0H0P");
        let [only] = &log.collections().collect::<Vec<_>>()[..] else {
            panic!()
        };
        assert_eq!(only.class(), Some(CollectionClass::Email));
        assert_eq!(only.sync_type(), Some(SyncType::First));
        let (client, server) = (
            only.client_changes().unwrap(),
            only.server_changes().unwrap(),
        );
        let counts = |of: ChangeCounts<'_>, letters: [&str; 4]| letters.map(|l| of.get(l).unwrap());
        assert_eq!(counts(client, ["a", "c", "d", "f"]), [1, 2, 3, 4]);
        assert_eq!(counts(server, ["a", "c", "d", "s"]), [5, 6, 7, 8]);
        assert_eq!((only.folder_id(), only.elements().count()), (None, 0));
        let ping = EasLog::new(b"V4TNASNC:0A0C0D0FS:0A0C0D0SP:2C14I7546S161180R0S0L1740H0P");
        assert_eq!(ping.collections().count(), 0);
    }
}
