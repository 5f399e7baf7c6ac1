//! All SQL of Berth, for SQLite and PostgreSQL: users, projects, the build queue with its leases, deployments,
//! routes, deliveries and the event log.
//!
//! [`Store`] is the whole surface; each noun has a module that adds its queries to it. One SQL text serves both
//! databases (`sql.rs`), every change runs in a transaction that nobody writes beside (`database.rs`), and the event
//! that tells of it is part of that transaction (`store.rs`).
//!
//! What is deliberately not here: no HTTP, no container, no file but the database's own; no secret in the clear
//! (values arrive as [`berth_secrets::Sealed`], tokens and passwords as hashes); no transaction that outlives a call.
//! No other crate names sqlx.

mod database;
mod error;
mod events;
mod oauth;
mod sessions;
mod settings;
mod signals;
mod sql;
mod store;
mod users;

pub use database::Backend;
pub use error::{Source, StoreError};
pub use oauth::OauthAttempt;
pub use sessions::Session;
pub use signals::{LogBatch, Signals};
pub use store::Store;
pub use users::{GithubProfile, User};
