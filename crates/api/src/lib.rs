//! REST, webhooks, sign-in, Socket.IO and OpenAPI: the control plane's conversation with people and programs.
//!
//! [`Api`] is assembled by the server and gives it a router. What a request may do is decided by extractors
//! (`auth`), how much of it there may be by `limits`, what it says is read once into types (`input`, `projects`), what it changes is the store's, and what goes
//! wrong has one shape (`error`); `audit` says of each change whose it is. `router.rs` lists every address; `legacy` speaks the contract of the previous
//! generation, `v1` our own, `webhooks` GitHub's, `realtime` Socket.IO.
//!
//! What is deliberately not here: no engine, no Docker, no git, no site's file. The API writes what is wanted into the
//! store, wakes the worker, and waits for events. It reads no environment variable and opens no file.

mod activation;
mod audit;
mod auth;
mod config;
mod detection;
mod error;
mod folder;
mod headers;
mod health;
mod input;
mod legacy;
mod limits;
mod observer;
mod openapi;
mod projects;
mod realtime;
mod router;
mod state;
mod v1;
mod volumes;
mod webhooks;

pub use config::{
    ApiConfig, BuildNetwork, DiskSpace, GithubConfig, HealthCheck, HealthChecks, Machine, RateLimits, Signup,
};
pub use detection::{Detecting, Detection, DetectionError, DetectionRequest, Detector, SourceToken};
pub use folder::{DeployedFolder, DeployingFolder, FolderArchive, FolderError, FolderPublisher, FolderRequest};
pub use headers::harden;
pub use observer::{Metrics, Observer};
pub use state::{Api, ClientAddress, Parts};
pub use volumes::{VolumeSize, VolumeSizes};
pub use webhooks::{WEBHOOK_PATH, is_hook_path};
