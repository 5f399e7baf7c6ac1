//! A commit becomes an artifact: source → detect → plan → build.

mod artifact;
mod build;
mod checkout;
pub mod detect;
mod error;
mod failure;
mod files;
mod log;
mod run;
pub mod source;
mod variables;
mod words;

pub use checkout::Checkout;
pub use error::BuildError;
pub use log::{BuildLog, LogOwner};
pub use run::{BuildEngine, BuildEngineConfig, BuildRun, Built};
