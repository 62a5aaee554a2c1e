//! Zero-copy parser for IIS / W3C extended logs and for what Exchange ActiveSync (EAS) writes into
//! them, from Exchange 2003 to 2019.
//!
//! # A tour
//!
//! A log is read line by line. Each line is an [`Entry`]; a line of values is a [`Record`], seen
//! through the `#Fields` in force:
//!
//! ```
//! use eas_log_parse::{Entry, LogSlice};
//!
//! let bytes = b"#Fields: date time cs-uri-stem cs-uri-query cs-username sc-status\n\
//!     2011-05-06 11:30:11 /Microsoft-Server-ActiveSync/default.eas \
//!     User=u1&DeviceId=IMEI1&DeviceType=NokiaEmail&Cmd=Settings\
//!     &Log=V121_Pk0_Error:DeviceNotProvisioned_As:BlockedP_ CONTOSO\\u1 449\n\
//!     2011-05-06 11:30:12 cut off\n";
//!
//! let mut log = LogSlice::new(bytes);
//! let mut records = 0;
//! while let Some(entry) = log.next_entry() {
//!     match entry {
//!         Entry::Record(record) => {
//!             assert_eq!(record.timestamp()?.unwrap().to_string(), "2011-05-06 11:30:11");
//!             assert_eq!(record.sc_status(), Ok(Some(449)));
//!             records += 1;
//!         }
//!         Entry::Malformed(malformed) => {
//!             assert_eq!(malformed.line.position.line, 3);
//!             assert_eq!(malformed.fault.kind.name(), "too_few_values");
//!         }
//!         Entry::Blank(_) | Entry::Directive(..) => {}
//!     }
//! }
//! assert_eq!(records, 1);
//! # Ok::<(), eas_log_parse::Fault>(())
//! ```
//!
//! [`LogReader`] does the same over any [`Read`](std::io::Read).
//!
//! The query of an ActiveSync request is an [`EasQuery`], and what the server appended to it an
//! [`EasLog`], whose elements have typed getters:
//!
//! ```
//! use eas_log_parse::{AccessReason, Command, EasQuery, ProtocolVersion};
//!
//! let query = EasQuery::parse(b"User=CONTOSO%5Cu1&DeviceId=IMEI1&DeviceType=NokiaEmail&Cmd=Settings\
//!     &Log=V121_RpcL125_Pk0_Error:DeviceNotProvisioned_As:BlockedP_");
//! assert_eq!(query.command(), Some(Command::Settings));
//!
//! let log = query.log().unwrap();
//! assert_eq!(log.protocol_version()?, Some(ProtocolVersion(121)));
//! assert_eq!(log.rpc_latency_ms()?, Some(125));
//! assert_eq!(log.access()?.unwrap().reason, Some(AccessReason::Policy));
//! assert_eq!(log.heartbeat_s()?, None);
//! // Elements without a getter are reached by name, and in order.
//! assert_eq!(log.element("Pk").unwrap().number::<u32>()?, 0);
//! assert_eq!(log.elements().count(), 5);
//! # Ok::<(), eas_log_parse::Fault>(())
//! ```
//!
//! Deeper still are the [`Budget`] of throttling, the folders of a Sync ([`Collection`]), what a
//! request cost ([`Activity`]), the packed form of Exchange 2003 ([`LegacyLog`]) and base64-encoded
//! queries ([`Base64Query`]). [`Client`] decodes user agents, [`Account`] and [`DeviceId`] fold the
//! names of users and devices, [`Tier`] tells which server of a chain wrote a line, and [`codes`] says
//! what codes and names mean.
//!
//! # Evidence
//!
//! Exchange's logs are documented in part only. Whatever this crate reads says how it is known:
//! documented, observed in published lines, an interface fact that no line confirms yet, inferred, or
//! background knowledge. The words stand with each type and getter, and the marks and sources in
//! [`codes`]; tests hold one against the other.
//!
//! # Guarantees
//!
//! - **Nothing is dropped in silence.** Every line is a [`Entry::Blank`], a [`Entry::Directive`], a
//!   [`Entry::Record`] or an [`Entry::Malformed`] with the kind and place of its fault; a
//!   [`Tally`] counts them.
//! - **Any bytes are safe input.** The crate forbids unsafe code, does not panic on any bytes, takes
//!   time linear in its input, and takes memory bounded by the longest line, which is bounded by
//!   [`MAX_LINE`].
//! - **Zero copies.** Values are slices of the log. Nothing is allocated per line, and nothing is
//!   percent-decoded before it is asked for.
//! - **Absent, present or wrong.** `-` is absent, never zero; a value that does not have its form is
//!   an error with the offset of the first offending byte, and costs that value only.
//!
//! # Levels
//!
//! Each level is cut when it is asked for: lines by [`LogSlice`] and [`LogReader`], values by
//! [`Record`], parameters by [`EasQuery`], elements by [`EasLog`], throttling data by [`Budget`].
//! Who reads many lines takes the elements that matter in one walk with [`EasLog::summary`].
//!
//! # What is not supported, and why
//!
//! - The IIS native and NCSA formats and HTTPERR logs: they hold no `#Fields` and, but for NCSA, no
//!   `Log=`.
//! - UTF-16: IIS writes code pages or UTF-8.
//! - In a log without a date column the date is that of the last `#Date`, also past midnight: the
//!   log says nothing else.
//! - Meanings that no source tells. They stay unknown; [`codes`] has what is known, with its
//!   evidence.
//! - `Deserialize`: with the feature `serde` the types serialize, but a view into a log cannot be
//!   made without the log.
//!
//! # Features
//!
//! - `serde`: [`Serialize`](https://docs.rs/serde) for the public types. Off by default.
#![forbid(unsafe_code)]

/// The example of the README, compiled by the tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod client;
pub mod codes;
mod eas;
mod evidence;
mod fault;
mod grammar;
mod position;
mod reader;
mod separators;
#[cfg(feature = "serde")]
mod serialize;
mod tally;
mod text;
mod w3c;

pub use client::{
    AppleBuild, AppleModel, Client, DeviceProfile, DeviceType, apple_build, apple_model,
    device_type, os_of_device_information, os_of_device_type, systems_agree,
};
pub use eas::*;
pub use fault::{Explained, Fault, FaultKind};
pub use position::Position;
pub use reader::{Entry, LogReader, LogSlice, MAX_LINE, Malformed};
pub use tally::Tally;
pub use text::{Encoded, Escaped};
pub use w3c::{Directive, Field, FieldLayout, Header, Line, Record};
