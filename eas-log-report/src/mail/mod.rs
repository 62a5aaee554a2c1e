//! A report as a mail: what it says, the message of it, and the way to a mail server.
//!
//! Everything in a mail but the advice of findings comes from strangers or from the network. Text is
//! escaped for the form that it stands in, and what a mail server says is escaped for the terminal.

mod affected;
mod body;
mod letter;
mod login;
mod relay;

pub use affected::Affected;
pub use letter::{Letter, subject};
pub use login::{Login, PASSWORD_VARIABLE, USER_VARIABLE};
pub use relay::{Failure, Relay, Security};
