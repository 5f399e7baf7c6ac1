//! Host → site → static file or service: the web server of every site, over plain `http` types.
//!
//! The server decides the host of each request with [`Edge::decide`] before any router sees it, and lets
//! [`Edge::visit`] answer what is a site's, or [`Edge::pass`] what a service of it answers. A request's path is looked up in the [`index`] of a [`Release`], which was
//! written when the release was published; nothing a visitor sends ever becomes a path on disk. Publishing, activating
//! and the table on disk are the deploy engine's; TLS, connections and their time limits the server's.
//!
//! This crate never names axum, never reads the database, and never walks a directory.

mod address;
mod body;
mod cache;
mod conditional;
mod edge;
mod error;
mod files;
mod gate;
mod hashed;
pub mod health;
mod host;
pub mod index;
mod mapping;
pub mod mime;
mod mounts;
mod negotiate;
mod open_files;
mod pages;
mod passing;
mod path;
mod range;
mod release;
mod representation;
mod rules;
mod serve;
mod site;
pub mod traffic;
mod upstream;

pub use body::EdgeBody;
pub use edge::{Edge, EdgeConfig, HostDecision};
pub use error::EdgeError;
pub use files::Takes;
pub use gate::Insider;
pub use host::BadHost;
pub use mapping::Mapping;
pub use mounts::{Mount, Mounts};
pub use negotiate::coding_among;
pub use passing::{Passage, PassedBody, Visitor};
pub use release::Release;
pub use rules::{RedirectLoop, RuleProblem};
pub use site::{Site, Target};
pub use upstream::{Upstream, UpstreamState, Upstreams};
