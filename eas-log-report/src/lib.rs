//! Reads Exchange ActiveSync traffic from IIS logs and says which devices are broken, why, and what
//! to do.
//!
//! The way of the data: [`input`] finds files and cuts them into pieces, [`ingest`] reads the pieces
//! in parallel into [`facts`], [`analysis`] derives the sections of a [`report`] from the facts, and
//! [`render`] writes the report. [`store`] keeps the facts of each day from night to night. [`cli`] is the command around it. What codes and names mean stands in
//! [`eas_log_parse::codes`].

pub mod analysis;
pub mod cli;
pub mod dropin;
pub mod explain;
pub mod facts;
pub mod ingest;
pub mod input;
pub mod mail;
pub mod privacy;
pub mod render;
pub mod report;
pub mod store;
pub mod triage;
