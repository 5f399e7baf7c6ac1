//! The `berth` binary: configuration, wiring, the worker loop, lifecycle.
//!
//! [`run`] is what the binary and the tests call. `config` is the only place of all crates that reads the environment;
//! `front` accepts connections and decides by the host, before any router, whether the edge or the API answers;
//! `lifecycle` reads as the order in which Berth starts and stops.
//!
//! What is deliberately not here: no SQL, no Docker call, no build step, no route of the API. A rule of the product
//! that another crate could hold is held there.

mod backup;
pub mod cli;
mod compression;
pub mod config;
mod data_dir;
mod deploy;
mod detection;
mod folders;
mod front;
mod health;
mod keys;
mod lifecycle;
mod logging;
mod memory;
mod metrics;
mod ownership;
mod pages;
mod plan;
mod remote;
mod rotate;
mod runs;
mod setup;
mod volumes;
mod worker;

pub use config::{Config, ConfigProblems};
pub use front::ConnectionLimits;
pub use lifecycle::{run, run_with};
