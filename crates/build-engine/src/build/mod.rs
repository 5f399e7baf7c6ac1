//! A plan becomes files, or an image that runs: toolchain image → dependencies → build container → output; or, where the
//! repository's own Dockerfile is the plan, its image → output. Of a running service the container or the image is kept
//! ([`service`]).
//!
//! Each command runs by `exec` in a container that idles, with its environment in the `exec`: an image made of the
//! container keeps none of it. Sources go in and the output comes out as tar streams; nothing is mounted but caches.

mod archive;
mod command;
mod container;
mod dependencies;
mod dockerfile;
mod environment;
mod lockfile;
mod output;
mod service;
mod space;
mod toolchain;
mod written_out;

pub(crate) use container::Workshop;
pub(crate) use dependencies::{Installed, install};
pub(crate) use dockerfile::{build as build_dockerfile, exposed_ports, port_variable, started_command};
pub(crate) use lockfile::pnpm as pnpm_of_lockfile;
pub(crate) use output::{Output, collect};
pub(crate) use service::{Start, by_dockerfile, keep as keep_service};
pub(crate) use written_out::dockerfile as written_out;

/// Where the commit's files are in a container.
pub(crate) const SOURCE: &str = "/app";
/// Where the owner's package cache is.
const PACKAGE_CACHE: &str = "/berth/packages";

/// A directory of the commit as a path in the container.
fn inside(directory: &str) -> String {
    if directory.is_empty() { SOURCE.to_owned() } else { format!("{SOURCE}/{directory}") }
}
