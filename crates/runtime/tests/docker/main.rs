//! The crate against a real daemon. Every test has an instance id of its own and takes away what it made, also when
//! it fails. Without Docker they fail and say so.

mod commands;
mod containers;
mod harness;
mod held;
mod images;
mod limits;
mod network;
mod registry;
mod replica_events;
mod replica_output;
mod replicas;
mod room;
mod service_networks;
mod services;
mod sweep;
