//! The throttling budget of a user (element `Budget`).
//!
//! Two forms exist. Exchange 2010 writes time shares per minute (`AD`, `CAS`, `AB`, `RPC`), a find
//! count, the policy and the health of resources; Exchange 2013 and later write a token bucket
//! (`MaxBurst`, `Balance`, `Cutoff`, `RechargeRate`). Nothing is decoded until it is asked for.
//! Sources: exchangedev blog 2010-03-10 for the names; observed lines for the rest; what is
//! inferred says so.

mod entry;
mod resource;
mod value;

use core::time::Duration;

pub use entry::{BudgetEntries, BudgetEntry};
pub use resource::{Resource, Resources};
pub use value::{FindCount, Triplet};

use crate::evidence::known_by;
use crate::fault::{Fault, FaultKind};
use crate::separators::{Look, Separators, at_best};
use crate::text::Encoded;

/// The value of `Budget`: one snapshot, or two in late builds of Exchange 2016 and 2019.
///
/// ```
/// use eas_log_parse::{Budget, BudgetPhase};
/// let budget = Budget::new(b"(D)Conn%3a1%2cRPC%3a36000%2f35985%2f0%25%2cNorm");
/// let snapshot = budget.snapshots().next().unwrap();
/// assert_eq!(snapshot.phase(), Some(BudgetPhase::Disposed));
/// assert_eq!(snapshot.conn(), Ok(Some(1)));
/// assert_eq!(snapshot.rpc().unwrap().unwrap().remaining_ms, Some(35985));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget<'a> {
    raw: &'a [u8],
}

impl<'a> Budget<'a> {
    /// Takes the value of the element.
    pub fn new(raw: &'a [u8]) -> Budget<'a> {
        Budget { raw }
    }

    /// The value as it stands in the log.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// The snapshots, in order.
    pub fn snapshots(&self) -> BudgetSnapshots<'a> {
        BudgetSnapshots { rest: self.raw }
    }

    /// The last snapshot, which is the state at the end of the request where there is one.
    pub fn last(&self) -> Option<BudgetSnapshot<'a>> {
        self.snapshots().last()
    }

    /// Whether the budget is overdrawn: in a snapshot the balance, or what remains of a time share,
    /// is below zero. A value that does not have its form is not counted.
    ///
    /// ```
    /// # use eas_log_parse::Budget;
    /// assert!(Budget::new(b"(D)Conn%3a1%2cRPC%3a36000%2f-15%2f60%25").is_overdrawn());
    /// assert!(Budget::new(b"(D)Conn:1,RPC:36000/-15/60%").is_overdrawn(), "as copies have it");
    /// assert!(!Budget::new(b"(D)Conn%3a1%2cRPC%3a36000%2f35985%2f0%25").is_overdrawn());
    /// ```
    pub fn is_overdrawn(&self) -> bool {
        // Few budgets are, and to look for the sign is much faster than to read all.
        at_best!(has_sign, self.raw)
            && self
                .snapshots()
                .any(|snapshot| snapshot.values().is_overdrawn())
    }
}

/// Whether a sign stands where a balance or a time share begins. Signs stand in names of policies and
/// owners too, mostly behind a digit.
#[inline(always)]
fn has_sign(look: impl Look, budget: &[u8]) -> bool {
    Separators::new(look, budget, [b'-']).any(
        #[inline(always)]
        |at| {
            let before = &budget[..at];
            match before.last() {
                Some(b'/') => true,
                Some(b'f' | b'F') => ends_with(before, b"%2f"),
                Some(b'a' | b'A') => ends_with(before, b"balance%3a"),
                Some(b':') => ends_with(before, b"balance:"),
                _ => false,
            }
        },
    )
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    let start = text.len().checked_sub(end.len());
    start.is_some_and(|start| text[start..].eq_ignore_ascii_case(end))
}

/// When a snapshot of the budget was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
pub enum BudgetPhase {
    /// `(A)`: when the budget was acquired, at the start of the request (inferred from the letter
    /// and from Ping lines).
    Acquired,
    /// `(D)`: when the budget was disposed of, at the end of the request (interface fact).
    Disposed,
}

/// Iterator over the snapshots of a budget; see [`Budget::snapshots`].
#[derive(Clone, Debug)]
pub struct BudgetSnapshots<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for BudgetSnapshots<'a> {
    type Item = BudgetSnapshot<'a>;

    fn next(&mut self) -> Option<BudgetSnapshot<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let (snapshot, rest) = entry::split_snapshot(self.rest);
        self.rest = rest;
        Some(BudgetSnapshot::new(snapshot))
    }
}

/// The state of a budget at one moment.
///
/// Getters have three answers, as those of an [`EasLog`](super::EasLog) have: absent, which is also
/// what `$null` says, present, or wrong.
///
/// ```
/// use eas_log_parse::Budget;
/// let budget = Budget::new(
///     b"(A)Owner%3aSid%7eCONTOSO%5cu1%7eEas%7efalse%2cConn%3a0%2cMaxConn%3a10%2cMaxBurst%3a480000\
///     %2cBalance%3a-1500.5%2cPolicy%3aGlobal%5F1%2cLiveTime%3a00%3a00%3a30.5",
/// );
/// let snapshot = budget.last().unwrap();
/// assert_eq!(&*snapshot.owner().unwrap().decode(), b"Sid~CONTOSO\\u1~Eas~false");
/// assert_eq!(snapshot.balance_ms()?, Some(-1500.5));
/// assert_eq!(snapshot.live_time()?.unwrap().as_millis(), 30_500);
/// assert_eq!(snapshot.cas()?, None, "the shares of time are of Exchange 2010");
/// assert_eq!(snapshot.entries().count(), 7);
/// # Ok::<(), eas_log_parse::Fault>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSnapshot<'a> {
    phase: Option<BudgetPhase>,
    entries: &'a [u8],
}

macro_rules! entries {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $key:literal [$($mark:ident)+] via $read:expr),+ $(,)?) => {
        /// The entries of a snapshot with their types, read in one walk.
        ///
        /// For readers of many lines: the getters of a [`BudgetSnapshot`] each walk the snapshot
        /// again. The answers are the same as theirs.
        ///
        /// ```
        /// use eas_log_parse::Budget;
        /// let budget = Budget::new(b"(D)Conn%3a1%2cRPC%3a36000%2fx%2f0%25%2cFC%3a1000%2f3%2cNorm");
        /// let values = budget.last().unwrap().values();
        /// assert_eq!(values.conn, Ok(Some(1)));
        /// assert_eq!(values.find_count.unwrap().unwrap().in_use, 3);
        /// assert!(values.rpc.is_err());
        /// assert_eq!(values.ad, Ok(None));
        /// assert!(values.is_normal());
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct BudgetValues<'a> {
            $($(#[$doc])*
            #[doc = known_by!("Entry", $key, "", $($mark)+)]
            pub $name: Result<Option<$type>, Fault>,)+
            /// As [`BudgetSnapshot::policy`].
            pub policy: Option<Encoded<'a>>,
            /// As [`BudgetSnapshot::owner`].
            pub owner: Option<Encoded<'a>>,
            /// Normal priority, not throttled (inferred), with the list of [resources](Self::resources).
            ///
            /// Entry `Norm` (observed). Exchange 2010.
            pub normal: Option<Encoded<'a>>,
        }

        /// The entries with types by their numbers.
        #[allow(non_camel_case_types, reason = "named as the getters are")]
        enum NumberOfEntry {
            $($name,)+
        }

        impl<'a> BudgetSnapshot<'a> {
            /// Walks the snapshot once and reads every entry that has a type.
            pub fn values(&self) -> BudgetValues<'a> {
                let mut values = BudgetValues {
                    $($name: Ok(None),)+
                    policy: None,
                    owner: None,
                    normal: None,
                };
                // A value may be none though its entry is there, and then the first counts too.
                let mut seen = 0u32;
                let mut is_first = |number: NumberOfEntry| {
                    let bit = 1 << number as u32;
                    let first = seen & bit == 0;
                    seen |= bit;
                    first
                };
                for entry in self.entries() {
                    let value = entry.value();
                    match_key!(entry.key(), {
                        $($key => if is_first(NumberOfEntry::$name) {
                            values.$name = $read(value.raw());
                        },)+
                        "Policy" => { values.policy.get_or_insert(value); },
                        "Owner" => { values.owner.get_or_insert(value); },
                        "Norm" => { values.normal.get_or_insert(value); },
                    });
                }
                values
            }

            $($(#[$doc])*
            #[doc = known_by!("Entry", $key, "", $($mark)+)]
            ///
            /// # Errors
            /// If the value does not have this form.
            pub fn $name(&self) -> Result<Option<$type>, Fault> {
                match self.entry($key) {
                    Some(entry) => $read(entry.value().raw()),
                    None => Ok(None),
                }
            })+

            /// The entries that these read, with the marks of their evidence.
            #[cfg(test)]
            const GETTERS: &'static [(&'static str, &'static str)] =
                &[$(($key, crate::evidence::marks!($($mark)+))),+];
        }
    };
}

/// Compares a key with names, which as text cannot be patterns of bytes.
macro_rules! match_key {
    ($key:expr, { $($name:literal => $then:expr,)+ }) => {{
        let key = $key;
        $(if key == $name.as_bytes() { $then } else)+ {}
    }};
}

impl<'a> BudgetSnapshot<'a> {
    fn new(raw: &'a [u8]) -> BudgetSnapshot<'a> {
        let (phase, entries) = match raw {
            [b'(', b'A', b')', entries @ ..] => (Some(BudgetPhase::Acquired), entries),
            [b'(', b'D', b')', entries @ ..] => (Some(BudgetPhase::Disposed), entries),
            entries => (None, entries),
        };
        BudgetSnapshot { phase, entries }
    }

    /// When it was taken.
    pub fn phase(&self) -> Option<BudgetPhase> {
        self.phase
    }

    /// Every entry, in order, the unknown ones included.
    pub fn entries(&self) -> BudgetEntries<'a> {
        BudgetEntries::new(self.entries)
    }

    /// The first entry of this key (case-sensitive).
    pub fn entry(&self, key: &str) -> Option<BudgetEntry<'a>> {
        self.entries().find(|entry| entry.key() == key.as_bytes())
    }

    /// Name of the throttling policy, usually with an underscore and a GUID behind it.
    ///
    /// Entry `Policy` (observed).
    pub fn policy(&self) -> Option<Encoded<'a>> {
        self.entry("Policy").map(|entry| entry.value())
    }

    /// Key of the budget: a SID with device id and type, or `Sid~DOMAIN\user~Eas~false`.
    ///
    /// Entry `Owner` (observed). Exchange 2013 and later.
    pub fn owner(&self) -> Option<Encoded<'a>> {
        self.entry("Owner").map(|entry| entry.value())
    }

    /// Whether the entry `Norm` is there: normal priority, not throttled (inferred). Exchange 2010.
    pub fn is_normal(&self) -> bool {
        self.entry("Norm").is_some()
    }

    /// The resources that the request touched, with their health. Empty where none are listed.
    ///
    /// Part of the entry `Norm` (observed; inferred what it means). Exchange 2010.
    pub fn resources(&self) -> Resources<'a> {
        Resources::new(self.entry("Norm").map_or(&[], |entry| entry.value().raw()))
    }
}

entries! {
    /// Concurrent requests charged to the budget.
    conn: u32 = "Conn" [D] via value::count,
    /// Of these, the long hanging ones (inferred). Exchange 2010.
    hanging_conn: u32 = "HangingConn" [S I] via value::count,
    /// Time in Active Directory calls. Exchange 2010.
    ad: Triplet = "AD" [S I] via value::triplet,
    /// Time on the Client Access server. Exchange 2010.
    cas: Triplet = "CAS" [S I] via value::triplet,
    /// Time in address book calls. Exchange 2010.
    ab: Triplet = "AB" [S I] via value::triplet,
    /// Time in calls to the store. Exchange 2010.
    rpc: Triplet = "RPC" [S I] via value::triplet,
    /// Find count. Exchange 2010.
    find_count: FindCount = "FC" [D I] via value::find_count,
    /// Limit of concurrent requests. Exchange 2013 and later.
    max_conn: u32 = "MaxConn" [S] via value::count,
    /// Size of the bucket: work allowed at once, in milliseconds. Exchange 2013 and later.
    max_burst_ms: u64 = "MaxBurst" [S] via value::count,
    /// What is left in the bucket, in milliseconds; below zero it is overdrawn. Exchange 2013
    /// and later.
    balance_ms: f64 = "Balance" [S] via value::balance,
    /// How far below zero, in milliseconds, the user is shut out (background knowledge).
    /// Exchange 2013 and later.
    cutoff_ms: u64 = "Cutoff" [S K] via value::count,
    /// How fast the bucket refills, in milliseconds per hour (background knowledge). Exchange
    /// 2013 and later.
    recharge_rate_ms_per_hour: u64 = "RechargeRate" [S K] via value::count,
    /// Whether the account is a service account. Exchange 2013 and later.
    is_service_account: bool = "IsServiceAccount" [S] via value::boolean,
    /// Age of the budget. Exchange 2013 and later.
    live_time: Duration = "LiveTime" [S] via value::live_time,
}

impl<'a> BudgetValues<'a> {
    /// As [`BudgetSnapshot::is_normal`].
    pub fn is_normal(&self) -> bool {
        self.normal.is_some()
    }

    /// As [`BudgetSnapshot::resources`].
    pub fn resources(&self) -> Resources<'a> {
        Resources::new(self.normal.map_or(&[], Encoded::raw))
    }

    fn is_overdrawn(&self) -> bool {
        let below_zero = |share: Result<Option<Triplet>, Fault>| matches!(share, Ok(Some(Triplet { remaining_ms: Some(remaining), .. })) if remaining < 0);
        matches!(self.balance_ms, Ok(Some(balance)) if balance < 0.0)
            || [self.ad, self.cas, self.ab, self.rpc]
                .into_iter()
                .any(below_zero)
    }
}

/// The fault of an entry that does not have its form.
fn bad() -> Fault {
    Fault::new(FaultKind::BadBudget, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCHANGE_2010: &[u8] = b"(D)Conn%3a1%2cHangingConn%3a0%2cAD%3a%24null%2f%24null%2f1%25\
        %2cCAS%3a54000%2f36907%2f28%25%2cAB%3a%24null%2f%24null%2f0%25%2cRPC%3a36000%2f-15%2f60%25\
        %2cFC%3a1000%2f3%2cPolicy%3aDefaultThrottlingPolicy%5F0d1e\
        %2cNorm%5bResources%3a(Mdb)MBDB%2001(Health%3a-1%25%2cHistLoad%3a0)%2c\
        (DC)dc1.contoso.com(Health%3a90%25%2cHistLoad%3a2)%2c%5d";

    #[test]
    fn the_form_of_exchange_2010() {
        let budget = Budget::new(EXCHANGE_2010);
        assert_eq!(budget.snapshots().count(), 1);
        let snapshot = budget.last().unwrap();
        assert_eq!(snapshot.phase(), Some(BudgetPhase::Disposed));
        assert_eq!(snapshot.conn(), Ok(Some(1)));
        assert_eq!(snapshot.hanging_conn(), Ok(Some(0)));
        let triplet = |limit_ms, remaining_ms, used_percent| {
            Ok(Some(Triplet {
                limit_ms,
                remaining_ms,
                used_percent,
            }))
        };
        assert_eq!(snapshot.ad(), triplet(None, None, 1));
        assert_eq!(snapshot.cas(), triplet(Some(54000), Some(36907), 28));
        assert_eq!(snapshot.ab(), triplet(None, None, 0));
        assert_eq!(snapshot.rpc(), triplet(Some(36000), Some(-15), 60));
        assert_eq!(
            snapshot.find_count(),
            Ok(Some(FindCount {
                limit: 1000,
                in_use: 3
            }))
        );
        assert_eq!(
            &*snapshot.policy().unwrap().decode(),
            b"DefaultThrottlingPolicy_0d1e"
        );
        assert!(snapshot.is_normal());
        let resources: Vec<_> = snapshot
            .resources()
            .map(|r| {
                (
                    r.kind.to_string(),
                    r.name.to_string(),
                    r.health_percent,
                    r.historic_load,
                )
            })
            .collect();
        assert_eq!(
            resources,
            [
                ("Mdb".into(), "MBDB 01".into(), Ok(-1), Ok(0)),
                ("DC".into(), "dc1.contoso.com".into(), Ok(90), Ok(2)),
            ]
        );
        assert_eq!(snapshot.balance_ms(), Ok(None));
        assert!(budget.is_overdrawn());
    }

    #[test]
    fn the_form_of_exchange_2013_with_two_snapshots() {
        let budget = Budget::new(
            b"(A)Owner%3aS-1-5-21-1%5FABC%5FiPhone%2cConn%3a0%2cMaxConn%3a10%2cMaxBurst%3a480000\
            %2cBalance%3a-239706.2%2cCutoff%3a600000%2cRechargeRate%3a1800000%2cPolicy%3aA%2c b%3ac\
            %2cIsServiceAccount%3aFalse%2cLiveTime%3a1.02%3a03%3a04.5%3b(D)Owner%3aX%2cConn%3a1",
        );
        let [first, last] = budget.snapshots().collect::<Vec<_>>()[..] else {
            panic!("not two")
        };
        assert_eq!(first.phase(), Some(BudgetPhase::Acquired));
        assert_eq!(&*first.owner().unwrap().decode(), b"S-1-5-21-1_ABC_iPhone");
        assert_eq!(first.max_conn(), Ok(Some(10)));
        assert_eq!(first.max_burst_ms(), Ok(Some(480_000)));
        assert_eq!(first.balance_ms(), Ok(Some(-239_706.2)));
        assert_eq!(first.cutoff_ms(), Ok(Some(600_000)));
        assert_eq!(first.recharge_rate_ms_per_hour(), Ok(Some(1_800_000)));
        assert_eq!(
            &*first.policy().unwrap().decode(),
            b"A, b:c",
            "a name may hold separators"
        );
        assert_eq!(first.is_service_account(), Ok(Some(false)));
        assert_eq!(
            first.live_time(),
            Ok(Some(Duration::from_millis(93_784_500)))
        );
        assert_eq!(first.resources().count(), 0);
        assert_eq!(last.phase(), Some(BudgetPhase::Disposed));
        assert_eq!(last.conn(), Ok(Some(1)));
        assert!(budget.is_overdrawn());
    }

    #[test]
    fn the_evidence_of_getters_is_that_of_the_table() {
        assert_eq!(BudgetSnapshot::GETTERS.len(), 14);
        for &(key, evidence) in BudgetSnapshot::GETTERS {
            assert_eq!(
                crate::codes::budget_key(key).unwrap().evidence,
                evidence,
                "{key}"
            );
        }
    }

    #[test]
    fn overdrawn_in_either_form() {
        for raw in [
            "(D)Balance:-1",
            "(D)Balance%3A-1",
            "(D)AD:1/-1/1%",
            "(D)AD%3a1%2F-1%2f1%25",
        ] {
            assert!(Budget::new(raw.as_bytes()).is_overdrawn(), "{raw}");
        }
    }

    #[test]
    fn a_sign_elsewhere_is_no_overdraft() {
        let named =
            b"(D)AD%3a1%2f1%2f1%25%2cPolicy%3aa%2F-b%2cNorm%5bResources%3a(Mdb)x(Health%3a-1%25)";
        assert!(!Budget::new(named).is_overdrawn());
    }

    #[test]
    fn decoded_text_reads_like_encoded_text() {
        let decoded = Encoded::new(EXCHANGE_2010).decode().into_owned();
        let (raw, plain) = (Budget::new(EXCHANGE_2010), Budget::new(&decoded));
        let (raw, plain) = (raw.last().unwrap(), plain.last().unwrap());
        assert_eq!(raw.entries().count(), 9);
        for (a, b) in raw.entries().zip(plain.entries()) {
            assert_eq!(a.key(), b.key());
            assert_eq!(a.value().decode(), b.value().raw());
        }
        assert_eq!(raw.cas(), plain.cas());
        assert_eq!(raw.resources().count(), plain.resources().count());
    }

    #[test]
    fn damage_costs_what_it_hits() {
        let budget = Budget::new(
            b"(D)Conn%3ax%2cAD%3a1%2f2%2cCAS%3a%24null%2f%24null%2f5%25\
            %2cNorm%5bResources%3a(DC.LOCAL(Health%3a-1%25%2cHistLoad%3a0)%2c(Mdb)M(Health%3a",
        );
        let snapshot = budget.last().unwrap();
        assert_eq!(
            snapshot.conn(),
            Err(Fault {
                kind: FaultKind::BadBudget,
                at: 0
            })
        );
        assert_eq!(
            snapshot.ad(),
            Err(Fault {
                kind: FaultKind::BadBudget,
                at: 0
            })
        );
        assert_eq!(snapshot.cas().unwrap().unwrap().used_percent, 5);
        let resources: Vec<_> = snapshot.resources().collect();
        assert_eq!(resources.len(), 2);
        assert_eq!(resources[0].kind, Encoded::new(b"DC.LOCAL"));
        assert_eq!(resources[0].health_percent, Ok(-1));
        assert!(resources[1].health_percent.is_err());
    }
}
