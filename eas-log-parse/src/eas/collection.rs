//! The folders of a Sync or GetItemEstimate request.

use super::change_counts::ChangeCounts;
use super::element::{Element, Elements};
use crate::fault::Fault;
use crate::text::Encoded;

/// Class of the items of a folder (element `Ty`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum CollectionClass {
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
    Other([u8; 2]),
}

impl CollectionClass {
    /// Reads a code of two letters; longer ones are cut. Codes are case-sensitive.
    pub(crate) fn parse(code: &[u8]) -> CollectionClass {
        match code {
            b"Em" => CollectionClass::Email,
            b"Ca" => CollectionClass::Calendar,
            b"Co" => CollectionClass::Contacts,
            b"Ta" => CollectionClass::Tasks,
            b"Nt" => CollectionClass::Notes,
            other => CollectionClass::Other([
                other.first().copied().unwrap_or(b'?'),
                other.get(1).copied().unwrap_or(b'?'),
            ]),
        }
    }
}

/// Kind of a synchronization (element `St`; Exchange 2007 element list).
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

/// Which items of a folder are wanted (element `Filt`; Exchange 2007 element list).
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

/// One folder of a request: the elements from `Fid` up to the next `Fid`.
///
/// Exchange writes them in a fixed order and leaves out what it has not; where `Fid` itself is
/// missing (searches, folder commands), counts stand alone and make a folder without an id. Above
/// a server limit on folders a request lists none at all.
///
/// ```
/// use eas_log_parse::{CollectionClass, EasLog, SyncType};
/// let log = EasLog::new(b"V140_Fid:5_Ty:Em_St:S_Sk:871_Srv:3a0c1d_Fid:7_Ty:Ca_St:F_Sk:0_LdapC1_");
/// let [mail, calendar] = &log.collections().collect::<Vec<_>>()[..] else { panic!() };
/// assert_eq!(mail.class(), Some(CollectionClass::Email));
/// assert_eq!(mail.server_changes().unwrap().adds(), Ok(3));
/// assert_eq!(calendar.sync_type(), Some(SyncType::First));
/// ```
#[derive(Clone, Debug)]
pub struct Collection<'a> {
    elements: Elements<'a>,
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

impl<'a> Collection<'a> {
    /// The elements of the folder, in order.
    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        let mut first = true;
        self.elements
            .clone()
            .take_while(move |element| {
                let starts = std::mem::replace(&mut first, false);
                starts || element.identifier() != b"Fid"
            })
            .filter(|element| is_of_a_folder(element.identifier()))
    }

    /// The first element of one of these names.
    fn element(&self, identifiers: &[&[u8]]) -> Option<Element<'a>> {
        self.elements()
            .find(|element| identifiers.contains(&element.identifier()))
    }

    /// Server id of the folder. It is text, though mostly a number; `RI` is the recipient cache.
    pub fn folder_id(&self) -> Option<Encoded<'a>> {
        self.element(&[b"Fid"]).map(|element| element.text())
    }

    /// Class of its items.
    pub fn class(&self) -> Option<CollectionClass> {
        self.element(&[b"Ty"])
            .map(|element| CollectionClass::parse(element.value()))
    }

    /// Which items are wanted. Elements `Filt` and, in late builds, `Filter1`.
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn filter_type(&self) -> Result<Option<FilterType>, Fault> {
        let element = self.element(&[b"Filt", b"Filter1"]);
        element
            .map(|element| element.number().map(FilterType))
            .transpose()
    }

    /// Kind of the synchronization.
    pub fn sync_type(&self) -> Option<SyncType> {
        self.element(&[b"St"])
            .and_then(|element| SyncType::parse(element.value()))
    }

    /// Sync key that the client sent; 0 starts over. It is text, though mostly a number.
    pub fn sync_key(&self) -> Option<Encoded<'a>> {
        self.element(&[b"Sk"]).map(|element| element.text())
    }

    /// Sync key that the server returned.
    pub fn server_sync_key(&self) -> Option<Encoded<'a>> {
        self.element(&[b"Sks"]).map(|element| element.text())
    }

    /// Size of the sync state in KB.
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn sync_state_kb(&self) -> Result<Option<u64>, Fault> {
        self.element(&[b"Sst"])
            .map(|element| element.number())
            .transpose()
    }

    /// EAS status of the folder in the response.
    ///
    /// # Errors
    /// If the value is not a number.
    pub fn status(&self) -> Result<Option<u16>, Fault> {
        self.element(&[b"Pfs"])
            .map(|element| element.number())
            .transpose()
    }

    /// What the client sent. Absent when nothing.
    pub fn client_changes(&self) -> Option<ChangeCounts<'a>> {
        self.element(&[b"Cli"])
            .map(|element| ChangeCounts::new(element.value()))
    }

    /// What the server sent. Absent when nothing. Elements `Srv` and, in the documentation of
    /// Exchange 2007, `Svr`.
    pub fn server_changes(&self) -> Option<ChangeCounts<'a>> {
        self.element(&[b"Srv", b"Svr"])
            .map(|element| ChangeCounts::new(element.value()))
    }
}

/// Iterator over the folders of a request; see
/// [`EasLog::collections`](super::EasLog::collections).
#[derive(Clone, Debug)]
pub struct Collections<'a> {
    elements: Elements<'a>,
    any: bool,
}

impl<'a> Collections<'a> {
    pub(super) fn new(elements: Elements<'a>) -> Collections<'a> {
        Collections {
            elements,
            any: false,
        }
    }
}

impl<'a> Iterator for Collections<'a> {
    type Item = Collection<'a>;

    fn next(&mut self) -> Option<Collection<'a>> {
        loop {
            let here = self.elements.clone();
            let element = self.elements.next()?;
            let starts = element.identifier() == b"Fid"
                || (!self.any && is_of_a_folder(element.identifier()));
            if starts {
                self.any = true;
                return Some(Collection { elements: here });
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
        assert_eq!(second.class(), Some(CollectionClass::Other(*b"Zz")));
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
}
