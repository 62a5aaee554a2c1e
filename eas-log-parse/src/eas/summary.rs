//! The elements that most readers want, found in one walk.

use super::element::ElementValue;
use super::log::EasLog;

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

macro_rules! summary {
    ($($(#[$doc:meta])* $field:ident = $($identifier:literal)|+),+ $(,)?) => {
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
            $($(#[$doc])* pub $field: Option<ElementValue<'a>>,)+
        }

        impl<'a> EasLog<'a> {
            /// Walks the value once and keeps the elements that most readers want.
            #[inline]
            pub fn summary(&self) -> LogSummary<'a> {
                let mut summary = LogSummary::default();
                let mut elements = self.whole_elements();
                while let Some(element) = elements.next() {
                    let name = element.identifier();
                    let packed = pack(elements.rest(element.at() as usize), name.len());
                    // Comparisons of one number with many become a binary search.
                    let (slot, length) = $($(if packed == const { packed_name($identifier) } {
                        (&mut summary.$field, $identifier.len())
                    } else)+)+ {
                        continue;
                    };
                    if name.len() == length {
                        slot.get_or_insert_with(|| element.into());
                    }
                }
                summary
            }
        }
    };
}

summary! {
    /// `V` or `Ver1`: protocol version.
    version = b"V" | b"Ver1",
    /// `S` or `SC1`: EAS status.
    eas_status = b"S" | b"SC1",
    /// `Error`: name of the error, or several joined with `;`.
    error = b"Error",
    /// `As`: access state and reason.
    access = b"As",
    /// `Pk`: policy key that the device sent.
    policy_key = b"Pk",
    /// `Pa`: what the device acknowledged of the policy.
    policy_acknowledgement = b"Pa",
    /// `Throttle`: delay imposed by throttling, in milliseconds.
    throttle = b"Throttle",
    /// `Hb`: heartbeat, in seconds.
    heartbeat = b"Hb",
    /// `Mbx`: mailbox server.
    mailbox_server = b"Mbx",
    /// `Fid`: the first folder.
    folder_id = b"Fid",
    /// `Sk`: sync key of the first folder.
    sync_key = b"Sk",
    /// `St`: kind of the first folder's synchronization.
    sync_type = b"St",
    /// `Sst`: size of the first folder's sync state, in KB.
    sync_state_kb = b"Sst",
    /// `RpcC`: number of calls to the store.
    rpc_count = b"RpcC",
    /// `RpcL`: latency of all calls to the store, in milliseconds.
    rpc_latency_ms = b"RpcL",
    /// `RdirTo`: URL that the device was redirected to.
    redirect_to = b"RdirTo",
    /// `Budget`: throttling budget.
    budget = b"Budget",
    /// `PrxTo`: host that the request was proxied to.
    proxy_to = b"PrxTo",
    /// `PrxFrom`: host that the request was proxied from.
    proxy_from = b"PrxFrom",
    /// `DevOS`: operating system of the device.
    device_os = b"DevOS",
    /// `DevModel`: model of the device.
    device_model = b"DevModel",
}
