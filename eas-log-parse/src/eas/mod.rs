//! Exchange ActiveSync: what a request says, and what Exchange logs about it.

mod access;
mod activity;
mod base64_query;
mod budget;
mod change_counts;
mod collection;
mod command;
mod device_id;
mod element;
mod identity;
mod legacy;
mod log;
mod query;
mod status;
mod stem;
mod summary;
mod tier;
mod version;

pub use access::{Access, AccessReason, AccessState};
pub use activity::{Activity, ActivityMeasure, MeasureKind};
pub use base64_query::{Base64Parameter, Base64Query};
pub use budget::{
    Budget, BudgetEntries, BudgetEntry, BudgetPhase, BudgetSnapshot, BudgetSnapshots, BudgetValues,
    FindCount, Resource, Resources, Triplet,
};
pub use change_counts::ChangeCounts;
pub use collection::{Collection, CollectionClass, Collections, FilterType, SyncType};
pub use command::Command;
pub use device_id::DeviceId;
pub use element::{Element, ElementValue, Elements};
pub use identity::Account;
pub use legacy::{
    LegacyClientChanges, LegacyLast, LegacyLog, LegacyPerformance, LegacyServerChanges,
};
pub use log::{BackOff, BackOffLevel, EasLog};
pub use query::{EasQuery, Pair, Pairs};
pub use status::EasStatus;
pub use stem::EasStem;
pub use summary::LogSummary;
pub use tier::{Half, Tier};
pub use version::ProtocolVersion;
