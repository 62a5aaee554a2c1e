//! Corpora of logs that do not exist, made the same every time, with what is in them counted while
//! they are written.
//!
//! The counts come from the writer's side and share no code with the parser, so that the two can be
//! held against each other. So do the verdicts of [`Labelled`], whose devices live through stories.

mod behaviour;
mod corpus;
mod labelled;
mod line;
mod population;
mod rng;
mod truth;

pub use behaviour::{Behaviour, Event};
pub use corpus::{Corpus, Output};
pub use labelled::{Chain, Labelled, LabelledDevice, Story};
pub use line::Generation;
pub use population::{Device, Population};
pub use rng::Rng;
pub use truth::{Counts, Groups, Truth};
