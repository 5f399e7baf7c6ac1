//! Shorter stories, each about one promise of `acceptance.md`, told on the default database unless it matters.

mod backup;
mod boot;
mod builds;
mod commands;
mod comments;
mod connect;
mod crashes;
mod detections;
mod failures;
mod folders;
mod full_disk;
mod hooks;
mod inbox;
mod payloads;
mod polling;
mod previews;
mod promote;
mod pull_requests;
mod queue;
mod reconcile;
mod reports;
mod secrets;
mod services;
mod serving;
mod survival;
mod traffic;
