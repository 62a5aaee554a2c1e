//! What `Log=` says of items and more.

use eas_log_parse::{ChangeCounts, CollectionClass, EasLog, Element, LegacyLog};

use super::Rules;

/// The classes of folders that have columns, in their order.
const CLASSES: [&[u8]; 5] = [b"Em", b"Ca", b"Co", b"Ta", b"Nt"];

/// Number of the class of e-mail.
pub(super) const EMAIL: usize = 0;

/// Items that went one way and the other, as the server sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Items {
    /// From the server to the device.
    pub(super) sent: u64,
    /// From the device to the server.
    pub(super) received: u64,
}

impl Items {
    pub(super) fn add(&mut self, other: Items) {
        self.sent = self.sent.saturating_add(other.sent);
        self.received = self.received.saturating_add(other.received);
    }
}

/// What a client asked of the automatic replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OutOfOffice {
    /// To set them.
    Set,
    /// To have them.
    Get,
}

/// What one value of `Log=` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Logged {
    /// Items of all classes.
    pub(super) all: Items,
    /// Items by class: e-mail, calendar, contacts, tasks, notes.
    pub(super) of: [Items; CLASSES.len()],
    /// `Ssp`: documents of SharePoint.
    pub(super) sharepoint: u64,
    /// `Unc`: documents of file servers.
    pub(super) unc: u64,
    /// `Att`: attachments.
    pub(super) attachments: u64,
    /// `Attb`: their bytes.
    pub(super) attachment_bytes: u64,
    /// `Pa`: what the device acknowledged of the policy, if it did.
    pub(super) policy: Option<u64>,
    /// `Oof`.
    pub(super) out_of_office: Option<OutOfOffice>,
    /// Values that did not have their form.
    pub(super) bad_values: u64,
}

/// The letters of the counters that the replaced build of the cmdlet knows.
const CLIENT_LETTERS: [&[u8]; 5] = [b"a", b"c", b"d", b"f", b"e"];
const SERVER_LETTERS: [&[u8]; 8] = [b"a", b"c", b"d", b"s", b"e", b"r", b"A", b"sd"];

/// The section of a folder that the walk is in.
#[derive(Clone, Copy)]
enum Section {
    /// None: the class is not told.
    None,
    /// One of a class without columns.
    Other,
    /// One of the class of this number.
    Of(usize),
}

impl Logged {
    /// Reads a value.
    ///
    /// A section begins with its `Ty` and ends before the next `Ty` or `Fid`. In one the server's
    /// associated adds (`A`) count, as e-mail and among all; where no class is told they do not.
    pub(super) fn read(log: EasLog<'_>, rules: Rules) -> Logged {
        let mut logged = Logged::default();
        if rules == Rules::Corrected
            && log.raw().starts_with(b"V")
            && let Some(legacy) = log.legacy()
        {
            logged.legacy(&legacy);
            return logged;
        }
        let (mut section, mut any_section) = (Section::None, false);
        let mut unclassed = Items::default();
        let elements = match rules {
            Rules::Corrected => log.whole_elements(),
            // The replaced tool takes a number whose end is cut off for the whole.
            Rules::Compat => log.elements(),
        };
        for element in elements {
            let number = |logged: &mut Logged| logged.number(&element, rules);
            match element.identifier() {
                b"Fid" => section = Section::None,
                b"Ty" => {
                    any_section = true;
                    section = class(element.value()).map_or(Section::Other, Section::Of);
                }
                name @ (b"Cli" | b"Srv" | b"Svr") => {
                    let (items, associated) = logged.counters(name, &element, rules);
                    match section {
                        Section::None => unclassed.add(items),
                        Section::Other => logged.all.add(with(items, associated)),
                        Section::Of(class) => {
                            logged.all.add(with(items, associated));
                            let associated = if class == EMAIL { associated } else { 0 };
                            logged.of[class].add(with(items, associated));
                        }
                    }
                }
                b"Ssp" => logged.sharepoint = logged.sharepoint.saturating_add(number(&mut logged)),
                b"Unc" => logged.unc = logged.unc.saturating_add(number(&mut logged)),
                b"Att" => {
                    logged.attachments = logged.attachments.saturating_add(number(&mut logged));
                }
                b"Attb" => {
                    logged.attachment_bytes =
                        logged.attachment_bytes.saturating_add(number(&mut logged));
                }
                b"Pa" => {
                    let acknowledged = number(&mut logged);
                    logged.policy = (acknowledged > 0).then_some(acknowledged).or(logged.policy);
                }
                b"Oof" => {
                    logged.out_of_office = match element.value() {
                        b"Set" => Some(OutOfOffice::Set),
                        b"Get" => Some(OutOfOffice::Get),
                        _ => None,
                    };
                }
                _ => {}
            }
        }
        if !any_section || rules == Rules::Corrected {
            logged.all.add(unclassed);
        }
        logged
    }

    /// The packed form of Exchange 2003, which has no associated adds.
    fn legacy(&mut self, legacy: &LegacyLog<'_>) {
        self.all = Items {
            sent: legacy.server.adds.saturating_add(legacy.server.changes),
            received: legacy.client.adds.saturating_add(legacy.client.changes),
        };
        let class = match legacy.class {
            Some(CollectionClass::Email) => EMAIL,
            Some(CollectionClass::Calendar) => 1,
            Some(CollectionClass::Contacts) => 2,
            Some(CollectionClass::Tasks) => 3,
            Some(CollectionClass::Notes) => 4,
            Some(CollectionClass::Other(_)) | None => return,
        };
        self.of[class] = self.all;
    }

    /// A number. The replaced build writes numbers without a colon, and knows no other.
    fn number(&mut self, element: &Element<'_>, rules: Rules) -> u64 {
        if rules == Rules::Compat && element.raw().contains(&b':') {
            return 0;
        }
        self.good(element.number())
    }

    /// The items that a group of counters tells, and the associated adds.
    fn counters(&mut self, name: &[u8], element: &Element<'_>, rules: Rules) -> (Items, u64) {
        let counts = ChangeCounts::new(element.value());
        let is_client = name == b"Cli";
        if rules == Rules::Compat {
            let letters: &[&[u8]] = if is_client {
                &CLIENT_LETTERS
            } else {
                &SERVER_LETTERS
            };
            let is_known = name != b"Svr"
                && counts.iter().count() >= letters.len()
                && counts
                    .iter()
                    .zip(letters)
                    .all(|((found, _), known)| found == *known);
            if !is_known {
                return (Items::default(), 0);
            }
        }
        let items = self
            .good(counts.adds())
            .saturating_add(self.good(counts.changes()));
        if is_client {
            let items = Items {
                received: items,
                ..Items::default()
            };
            (items, 0)
        } else {
            let items = Items {
                sent: items,
                ..Items::default()
            };
            // In the upper-case form of Exchange 2007, `A` are the adds themselves.
            let has_both = counts.iter().any(|(letters, _)| letters == b"a");
            let associated = if has_both { counts.get("A") } else { Ok(0) };
            (items, self.good(associated))
        }
    }

    fn good<E>(&mut self, number: Result<u64, E>) -> u64 {
        number.unwrap_or_else(|_| {
            self.bad_values += 1;
            0
        })
    }
}

/// The number of the class of this code, which is told by case.
fn class(code: &[u8]) -> Option<usize> {
    CLASSES.iter().position(|&class| class == code)
}

/// Items with associated adds.
fn with(items: Items, associated: u64) -> Items {
    Items {
        sent: items.sent.saturating_add(associated),
        ..items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(log: &str, rules: Rules) -> Logged {
        Logged::read(EasLog::new(log.as_bytes()), rules)
    }

    fn items(sent: u64, received: u64) -> Items {
        Items { sent, received }
    }

    #[test]
    fn what_is_cut_off_is_not_counted() {
        let log = "Att1_Ty:Em_Srv:3a4c0d0s0e0r0A0sd_Attb12...";
        let logged = read(log, Rules::Corrected);
        assert_eq!((logged.attachments, logged.attachment_bytes), (1, 0));
        assert_eq!((logged.all, logged.bad_values), (items(7, 0), 0));
        let log = "Att1_Ty:Em_Srv:3a4c0d0s0e0r5...";
        let logged = read(log, Rules::Corrected);
        assert_eq!((logged.all, logged.attachments), (items(0, 0), 1));
    }

    #[test]
    fn items_by_class() {
        const NONE: Items = Items {
            sent: 0,
            received: 0,
        };
        // What is logged, all items, and items by class, under both rules.
        let cases: [(&str, Items, [Items; 5]); 8] = [
            ("V140_Fid:5_Ty:Em_LdapC1_", NONE, [NONE; 5]),
            (
                "V140_Fid:5_Ty:Em_Cli:1a2c4d8f16e_Srv:1a2c4d8s16e32r64A128sd_",
                items(67, 3),
                [items(67, 3), NONE, NONE, NONE, NONE],
            ),
            (
                "V140_Fid:5_Ty:Ca_Cli:1a2c4d8f16e32s64fs_Srv:1a2c4d8s16e32r64A128sd_",
                items(67, 3),
                [NONE, items(3, 3), NONE, NONE, NONE],
            ),
            (
                "Fid:1_Ty:Co_Srv:1a0c0d0s0e0r0A0sd_Fid:2_Ty:Ta_Srv:0a2c0d0s0e0r0A0sd_\
                 Fid:3_Ty:Nt_Cli:3a0c0d0f0e_",
                items(3, 3),
                [NONE, NONE, items(1, 0), items(2, 0), items(0, 3)],
            ),
            (
                "Fid:1_Ty:Em_Srv:1a0c0d0s0e0r0A0sd_Fid:2_Ty:Em_Srv:2a0c0d0s0e0r0A0sd_",
                items(3, 0),
                [items(3, 0), NONE, NONE, NONE, NONE],
            ),
            // A class without columns counts among all, and codes are told by case.
            ("Fid:1_Ty:em_Srv:1a0c0d0s0e0r4A0sd_", items(5, 0), [NONE; 5]),
            // No class at all: adds and changes only.
            ("V140_Srv:6a1c0d0s0e0r4A0sd_", items(7, 0), [NONE; 5]),
            // Nothing of the second folder falls to the first.
            (
                "Fid:1_Ty:Em_St:S_Fid:2_Ty:Ca_Srv:1a0c0d0s0e0r0A0sd_",
                items(1, 0),
                [NONE, items(1, 0), NONE, NONE, NONE],
            ),
        ];
        for (log, all, of) in cases {
            for rules in [Rules::Corrected, Rules::Compat] {
                let found = read(log, rules);
                assert_eq!((found.all, found.of), (all, of), "{log} {rules:?}");
                assert_eq!(found.bad_values, 0, "{log}");
            }
        }
    }

    #[test]
    fn forms_that_the_replaced_build_does_not_know() {
        let cases = [
            ("Fid:1_Ty:Em_Srv:2A1C0D1F1E_", items(3, 0)),
            ("Fid:1_Ty:Em_Svr:2A1C0D1F1E_", items(3, 0)),
            ("Fid:1_Ty:Em_Srv:2a1c0d0s0e_", items(3, 0)),
            ("Fid:1_Ty:Em_Cli:2a1c_", items(0, 3)),
            ("V4TEmSSC:1A2C0D0FS:4A0C0D0SP:2C13I1986S22000R", items(4, 3)),
        ];
        for (log, want) in cases {
            let right = read(log, Rules::Corrected);
            assert_eq!((right.all, right.of[EMAIL]), (want, want), "{log}");
            let compatible = read(log, Rules::Compat);
            assert_eq!(compatible.all, Items::default(), "{log}");
        }
        let calendar = read(
            "V4TCaSSC:1A2C0D0FS:4A0C0D0SP:2C13I1986S22000R",
            Rules::Corrected,
        );
        assert_eq!(calendar.of[1], items(4, 3));
        let none = read(
            "V4TNASNC:1A2C0D0FS:4A0C0D0SP:2C13I1986S22000R",
            Rules::Corrected,
        );
        assert_eq!((none.all, none.of), (items(4, 3), Default::default()));
    }

    #[test]
    fn counters_outside_of_the_sections_of_a_line_that_has_some() {
        let log = "Srv:1a0c0d0s0e0r0A0sd_Fid:1_Ty:Em_Srv:2a0c0d0s0e0r0A0sd_";
        assert_eq!(read(log, Rules::Corrected).all, items(3, 0));
        assert_eq!(read(log, Rules::Compat).all, items(2, 0));
    }

    #[test]
    fn other_elements() {
        let log = "Ssp1_Sspb9_Unc2_Uncb9_Att3_Attb4096_Att1_Pa2_Oof:Get_Oof:Set_";
        for rules in [Rules::Corrected, Rules::Compat] {
            let found = read(log, rules);
            assert_eq!((found.sharepoint, found.unc), (1, 2));
            assert_eq!((found.attachments, found.attachment_bytes), (4, 4096));
            assert_eq!(found.policy, Some(2));
            assert_eq!(
                found.out_of_office,
                Some(OutOfOffice::Set),
                "the last counts"
            );
        }
        assert_eq!(read("Pa0_", Rules::Compat).policy, None);
        assert_eq!(read("Oof:get_", Rules::Compat).out_of_office, None);
        let later = "Ssp:1_Att:3_Pa:1_";
        let found = read(later, Rules::Corrected);
        assert_eq!(
            (found.sharepoint, found.attachments, found.policy),
            (1, 3, Some(1))
        );
        assert_eq!(read(later, Rules::Compat), Logged::default());
    }

    #[test]
    fn damage_counts_nothing_and_is_told() {
        let found = read(
            "Ty:Em_Srv:xa99999999999999999999c_Att_Pa1x_",
            Rules::Corrected,
        );
        assert_eq!(
            (found.all, found.attachments, found.policy),
            (items(0, 0), 0, None)
        );
        assert_eq!(found.bad_values, 3);
        let most = format!("Att{0}_Att{0}_", u64::MAX);
        assert_eq!(read(&most, Rules::Compat).attachments, u64::MAX);
    }
}
