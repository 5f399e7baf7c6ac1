//! Services that run: what should run is kept running, and a new version is live only once it has shown that it works.
//!
//! - [`Supervisor`] compares what should run with what does, and has a `keeper` for each service of a deployment, whose
//!   decisions are those of `crew`: a state machine without IO (`restarts`: pauses and crash loops; `words`: what is said).
//!   Who goes is drained and stopped (`leaving`).
//! - [`DeployEngine::roll_out`](crate::DeployEngine::roll_out) brings a deployment with services live (`rollout`).
//! - `mounts` makes of a deployment what the edge serves; [`adopt`] leads it to what runs, at start and without the
//!   database.
//! - [`Supervisor::run_commands`] carries out one-off commands (`runs`).
//!
//! What is deliberately not here: how a container is made or reached (`berth-runtime`), how a request is passed on or a
//! health path asked (`berth-edge`), and any decision about who may go live (the store's).

mod crew;
mod environment;
mod health;
mod keeper;
mod leaving;
mod logs;
mod restarts;
mod rollout;
mod rolls;
mod runs;
mod supervisor;
mod words;

use std::time::Duration;

use berth_model::{Cpus, ServiceMaximum};

pub use supervisor::{Supervisor, adopt};

/// After SIGTERM, before SIGKILL.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How long what is under way to a replica that goes may take to end.
#[derive(Clone, Copy, Debug)]
pub struct Drain {
    /// Requests, where another version took its place.
    pub requests: Duration,
    /// What has no end of its own, WebSockets and event streams; and requests, where somebody wants the replica to go.
    pub lasting: Duration,
}

/// What the operator decides about services.
#[derive(Clone, Debug)]
pub struct ServicesConfig {
    /// Memory of a replica, in bytes, where its repository says nothing.
    pub memory: u64,
    /// Its processors.
    pub cpus: Cpus,
    /// Its processes and threads.
    pub pids: u32,
    /// The most that it gets, whatever its repository says.
    pub maximum: ServiceMaximum,
    /// How a replica goes that visitors were led to.
    pub drain: Drain,
    /// How visitors reach sites: `http` or `https`.
    pub site_scheme: String,
    /// At which port, if it is not the scheme's own.
    pub site_port: Option<u16>,
}
