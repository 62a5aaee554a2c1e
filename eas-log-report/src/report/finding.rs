//! What is wrong, why, and what to do.

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Mail does not flow.
    Critical,
    /// Mail does not flow for some, or not always.
    High,
    /// Mail flows, at a cost.
    Medium,
    /// Worth a look.
    Low,
    /// Nothing is wrong.
    Info,
}

/// How sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// The log says so.
    Certain,
    /// It explains what the log shows, and little else does.
    Likely,
    /// One of several explanations.
    Possible,
}

impl Severity {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
            Severity::Info => "info",
        }
    }
}

impl Certainty {
    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Certainty::Certain => "certain",
            Certainty::Likely => "likely",
            Certainty::Possible => "possible",
        }
    }
}

/// What a finding says, whomever it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Stable name in snake_case.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, in a line.
    pub title: String,
    /// Why it is so.
    pub why: String,
    /// What to do, in order.
    pub steps: Vec<String>,
    /// Cmdlets to run.
    pub cmdlets: Vec<String>,
    /// What to beware of.
    pub warning: Option<String>,
    /// Who acts.
    pub who: String,
    /// Where it is written.
    pub references: Vec<String>,
    /// How sure it is.
    pub certainty: Certainty,
    /// Why it is that sure.
    pub because: String,
}

/// A number of devices of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// Device type, as logged.
    pub device_type: Option<String>,
    /// Decoded client, or the user agent where no table knows it.
    pub client: Option<String>,
    /// How many devices.
    pub devices: u64,
    /// How many users.
    pub users: u64,
}

/// A device that a finding lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// User, as logged.
    pub user: Option<String>,
    /// Device id.
    pub device_id: Option<String>,
    /// Its verdict.
    pub verdict: &'static str,
    /// Lines that show it, as `file:line`.
    pub evidence: Vec<String>,
}

/// What is wrong with some devices, why, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it says.
    #[serde(flatten)]
    pub advice: Advice,
    /// How many devices it is about; 0 for a finding about the logs.
    pub devices: u64,
    /// How many users they have.
    pub users: u64,
    /// Failed requests of these devices; for a finding about the logs, calls that Exchange made itself.
    pub failed_requests: u64,
    /// Lines that show what a finding says about the logs, as `file:line`.
    pub evidence: Vec<String>,
    /// The devices by type and client, most first.
    pub parts: Vec<Part>,
    /// The devices, those with most failures first.
    pub listed: Vec<Listed>,
}
