//! The only crate that talks to Docker: sandbox settings, services, networks, labels, sweep.
//!
//! - [`Engine`] is one Docker daemon as one Berth instance sees it. It is cheap to clone, and constructing it works
//!   while Docker is down. Engines from 20.10 (API 1.41) up are spoken to in the version they know.
//! - [`Container`] is a sandbox that runs nothing by itself: commands are run in it one by one ([`Container::exec`]),
//!   files go in and out as tar streams, and its files can be kept as an image.
//! - `sandbox` holds the one function that makes a container's `HostConfig`; `network` keeps containers away from the
//!   host and its private networks, and proves it; `sweep` removes what earlier processes of this instance left; `room`
//!   gives disk back, the least recently used (`uses`) first.
//! - `services` starts what runs for longer than a build, and says what becomes of it; `service_image` keeps the images
//!   that it starts from.
//!
//! Everything made here carries the labels of [`Labels`], and nothing without this instance's label is ever removed.
//! The client library prints request bodies, and with them the variables of commands, to the `log` crate at its debug
//! level: nothing in this workspace may install a logger for it.
//!
//! There is no bind mount, no privileged container and no shell in this crate; it knows no repository, no database and
//! no setting of its own: what it is told is in [`EngineConfig`].

mod container;
mod docker_build;
mod engine;
mod error;
mod exec;
mod image;
mod labels;
mod network;
mod room;
mod sandbox;
mod service_image;
mod services;
mod steps;
mod sweep;
mod tar_stream;
mod uses;
mod volume;
mod written;

pub use container::{Container, PathStat};
pub use docker_build::BuildImage;
pub use engine::{DiskSpace, Egress, Engine, EngineConfig, EngineInfo, SandboxLimits};
pub use error::RuntimeError;
pub use exec::{EnvVar, Exec, ExecEnd};
pub use image::ImageFacts;
pub use labels::{Kind, Labels};
pub use network::{Doors, NetworkState};
pub use sandbox::{LARGEST_FILE, Sandbox};
pub use service_image::ServiceImage;
pub use services::{Command, CommandSpec, KeptVolume, LogRecord, ReplicaContainer, ReplicaEvent, ReplicaSpec, shell};
pub use tar_stream::{TarStream, tar_from_bytes, tar_from_reader};
pub use volume::{VolumeMount, VolumeName};
pub use written::{Amount, Written};
