//! The API over its real router and a real SQLite database, with a GitHub of our own. What the worker would do is done
//! through the store, as the worker does it.

mod audit;
mod auth;
mod builds;
mod concurrency;
mod contract;
mod deployments;
mod detections;
mod fake_github;
mod folders;
mod github;
mod harness;
mod health;
mod hook_repair;
mod ids;
mod invitations;
mod limits;
mod matrix;
mod names;
mod openapi;
mod previews;
mod projects;
mod protocol;
mod realtime;
mod repo_access;
mod runs;
mod services;
mod stuck;
mod system;
mod tokens;
mod traffic;
mod users;
mod variables;
mod webhook;
