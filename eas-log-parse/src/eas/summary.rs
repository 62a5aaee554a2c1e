//! The elements that most readers want, found in one walk.

use super::element::{ElementValue, Place, Places, leading_letters};
use super::log::EasLog;
use crate::evidence::known_by;
use crate::separators::{Look, at_best};

/// The names of elements are at most this long.
const LONGEST: usize = 8;

/// A name of an element as a number.
const fn packed_name(name: &[u8]) -> u64 {
    assert!(name.len() <= LONGEST);
    let mut packed = [0; LONGEST];
    packed.split_at_mut(name.len()).0.copy_from_slice(name);
    u64::from_le_bytes(packed)
}

/// The name at the beginning of a text, which is so long, as a number. Names that differ can be one
/// number only if they differ in length.
#[inline]
fn pack(text: &[u8], length: usize) -> u64 {
    let head = match text.first_chunk() {
        Some(head) => u64::from_le_bytes(*head),
        None => packed_name(text),
    };
    match length {
        ..LONGEST => head & !(u64::MAX << (8 * length)),
        _ => head,
    }
}

/// A table of names in which each has a place of its own, so that one look tells what a name is.
struct Names {
    multiplier: u64,
    slots: [Slot; SLOTS],
}

#[derive(Clone, Copy)]
struct Slot {
    packed: u64,
    length: usize,
    /// Number of the field that the name stands for.
    field: usize,
}

/// So many that a multiplier is found soon.
const SLOTS: usize = 128;

const fn place(packed: u64, multiplier: u64) -> usize {
    (packed.wrapping_mul(multiplier) >> (u64::BITS - SLOTS.ilog2())) as usize
}

impl Names {
    /// Finds a multiplier that gives each name a place of its own. Done by the compiler.
    const fn new(names: &[(&[u8], usize)]) -> Names {
        // No name is this long.
        const FREE: Slot = Slot {
            packed: 0,
            length: usize::MAX,
            field: 0,
        };
        let mut multiplier = 0x9e37_79b9_7f4a_7c15_u64;
        loop {
            let mut slots = [FREE; SLOTS];
            let mut number = 0;
            while number < names.len() {
                let (name, field) = names[number];
                assert!(!matches!(name, [b'T', b'm', ..]), "may be a time of day");
                let packed = packed_name(name);
                let slot = &mut slots[place(packed, multiplier)];
                if slot.length != usize::MAX {
                    break;
                }
                *slot = Slot {
                    packed,
                    length: name.len(),
                    field,
                };
                number += 1;
            }
            if number == names.len() {
                return Names { multiplier, slots };
            }
            multiplier = multiplier
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(2);
        }
    }

    /// The number of the field that a name stands for.
    #[inline]
    fn field(&self, packed: u64, length: usize) -> Option<usize> {
        let slot = &self.slots[place(packed, self.multiplier)];
        (slot.packed == packed && slot.length == length).then_some(slot.field)
    }
}

macro_rules! summary {
    ($($(#[$doc:meta])* $field:ident = $($identifier:literal [$($mark:ident)+])|+),+ $(,)?) => {
        /// The elements of a `Log=` value that tell what became of a request, found in one walk.
        ///
        /// For readers of many lines: [`EasLog`]'s getters each walk the value again. Of a repeated
        /// element the first counts, and one that is cut off does not. The packed form of Exchange
        /// 2003 has no elements: see [`EasLog::legacy`].
        ///
        /// ```
        /// use eas_log_parse::EasLog;
        /// let summary = EasLog::new(b"V141_S142_Error:DeviceNotProvisioned_Pk0_").summary();
        /// assert_eq!(summary.eas_status.unwrap().number::<u16>(), Ok(142));
        /// assert_eq!(summary.access, None);
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize))]
        #[non_exhaustive]
        pub struct LogSummary<'a> {
            $($(#[$doc])*
            $(#[doc = known_by!("Element", $identifier, "", $($mark)+)])+
            pub $field: Option<ElementValue<'a>>,)+
        }

        /// The fields by their numbers.
        #[allow(non_camel_case_types, reason = "named as the fields are")]
        enum FieldOfSummary {
            $($field,)+
        }

        static NAMES: Names = Names::new(&[
            $($(($identifier.as_bytes(), FieldOfSummary::$field as usize),)+)+
        ]);

        #[cfg(test)]
        impl LogSummary<'_> {
            /// The elements that the fields hold, with the marks of their evidence.
            pub(super) const FIELDS: &'static [(&'static str, &'static str)] =
                &[$($(($identifier, crate::evidence::marks!($($mark)+)),)+)+];
        }

        impl<'a> EasLog<'a> {
            /// Walks the value once and keeps the elements that most readers want.
            #[inline]
            pub fn summary(&self) -> LogSummary<'a> {
                at_best!(LogSummary::of, self.whole())
            }
        }

        impl<'a> LogSummary<'a> {
            #[inline(always)]
            fn of(look: impl Look, log: &'a [u8]) -> LogSummary<'a> {
                let mut fields = [None; [$(stringify!($field)),+].len()];
                for Place { start, end, colon } in Places::new(look, log) {
                    // No underscore is a letter, so that nothing behind the element is looked at. No
                    // name here is that of a time of day, which ends before what its colon tells.
                    let (length, value_at) = match colon {
                        Some(colon) => (colon - start, colon + 1),
                        None => {
                            let letters = leading_letters(&log[start..]);
                            (letters, start + letters)
                        }
                    };
                    let packed = pack(&log[start..], length);
                    if let Some(field) = NAMES.field(packed, length) {
                        let value = log.get(value_at..end).unwrap_or_default();
                        fields[field].get_or_insert(ElementValue(value));
                    }
                }
                LogSummary {
                    $($field: fields[FieldOfSummary::$field as usize],)+
                }
            }
        }
    };
}

summary! {
    /// Protocol version.
    version = "V" [D S X] | "Ver1" [S],
    /// EAS status.
    eas_status = "S" [X S] | "SC1" [S I],
    /// Name of the error, or several joined with `;`.
    error = "Error" [X S],
    /// Access state and reason.
    access = "As" [X S],
    /// Policy key that the device sent.
    policy_key = "Pk" [X S],
    /// What the device acknowledged of the policy.
    policy_acknowledgement = "Pa" [X D],
    /// Delay imposed by throttling, in milliseconds.
    throttle = "Throttle" [X S I],
    /// Heartbeat, in seconds.
    heartbeat = "Hb" [D X S],
    /// Mailbox server.
    mailbox_server = "Mbx" [X S],
    /// The first folder.
    folder_id = "Fid" [D S X],
    /// Sync key of the first folder.
    sync_key = "Sk" [D S X],
    /// Kind of the first folder's synchronization.
    sync_type = "St" [D X],
    /// Size of the first folder's sync state, in KB.
    sync_state_kb = "Sst" [X],
    /// Number of calls to the store.
    rpc_count = "RpcC" [S],
    /// Latency of all calls to the store, in milliseconds.
    rpc_latency_ms = "RpcL" [S I],
    /// URL that the device was redirected to.
    redirect_to = "RdirTo" [X],
    /// Throttling budget.
    budget = "Budget" [X S],
    /// Host that the request was proxied to.
    proxy_to = "PrxTo" [X S],
    /// Host that the request was proxied from.
    proxy_from = "PrxFrom" [X S],
    /// Operating system of the device.
    device_os = "DevOS" [X S],
    /// Model of the device.
    device_model = "DevModel" [X],
}
