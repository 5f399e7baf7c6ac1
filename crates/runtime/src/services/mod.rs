//! Running services: their replicas, commands beside them, and their volumes.
//!
//! - `replica` starts and stops replicas; `look` reads what stands in Docker about them, and is the one place that knows
//!   their addresses; `listening` tells where their processes listen.
//! - `events` tells what happens to them, `output` what they print, `usage` what they use.
//! - `command` runs something once in a service's image.
//! - `volume` keeps their data, `sizes` says how much that is.
//!
//! What should run, how often it is tried again and what is served while it is not up is decided elsewhere: nothing here
//! starts anything by itself. What runs here outlives Berth's process, so whatever the next process has to know about a
//! container stands in its labels.

mod command;
mod events;
mod listening;
mod look;
mod output;
mod replica;
mod shell;
mod sizes;
mod time;
mod usage;
mod volume;

pub use command::{Command, CommandSpec};
pub use events::ReplicaEvent;
pub use look::ReplicaContainer;
pub use output::LogRecord;
pub(crate) use output::Readers;
pub use replica::ReplicaSpec;
pub use shell::shell;
pub(crate) use sizes::Sizes;
pub(crate) use usage::Looks;
pub use volume::KeptVolume;
