//! The routes, shapes and words that clients of the previous generation rely on, served by the same actions as
//! `/api/v1`. Nothing is decided here; a route that is new belongs elsewhere.
//!
//! Its words are fewer than ours: a build that was canceled or superseded is `failed`, a deployment is `live` (also
//! when it is about to be) or `rolled_back` (also when a newer one took its place), and one that failed is not shown.

mod bodies;
mod builds;
mod deployments;
mod github;
mod projects;

pub(crate) use bodies::{BuildBody, build_word};
pub(crate) use builds::{read as read_build, rebuild};
pub(crate) use deployments::{read as read_deployment, roll_back};
pub(crate) use github::{organizations, repositories};
pub(crate) use projects::{change, connect, delete_secret, list, remove};
