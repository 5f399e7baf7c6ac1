//! An artifact becomes a live site: publish, activate, roll back, prune.
//!
//! - [`DeployEngine::publish`] turns what a build staged into an immutable release with an index, durably, and tells
//!   the database; what a release holds of several services is in `parts`.
//! - [`DeployEngine::activate`] decides, installs, asks the edge, writes the table, confirms. Rollback and promotion are
//!   activations of a release that is there already; [`DeployEngine::activate_all`] does it for many projects at once.
//! - [`restore`] puts every site back on the edge at start, from one file and without the database;
//!   [`DeployEngine::reconcile`] then follows the database, which decides.
//! - [`Supervisor`] keeps services running that are processes and not files, and [`DeployEngine::roll_out`] brings a
//!   deployment live that has such: see `services`.
//! - [`DeployEngine::prune`], [`DeployEngine::remove_project`] and [`DeployEngine::sweep`] remove what nothing leads to.
//!
//! On disk, below the deployments directory: `.releases/<project id>/<deployment id>/` are the releases, `routes` is the
//! table of hosts, `.staging/` is where builds leave their output, `.trash/` is on its way out, and `<name>` is a link
//! to a project's live release, for people and tools, never read by Berth.
//!
//! What is deliberately not here: no build, no HTTP server, no decision about who may go live (the
//! store's), and no wait for the database while a site can be served without it.

mod activate;
mod engine;
mod error;
mod links;
mod parallel;
mod parts;
mod places;
mod prune;
mod publish;
mod restore;
mod services;
mod table;
mod targets;

pub use activate::Activated;
pub use engine::{DeployConfig, DeployEngine};
pub use error::DeployError;
pub use restore::restore;
pub use services::{Drain, ServicesConfig, Supervisor, adopt};

pub(crate) use engine::blocking;
