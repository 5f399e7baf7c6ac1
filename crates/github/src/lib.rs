//! GitHub: the part of its API that Berth uses, and what Berth reports to it.
//!
//! [`Github`] is the client (`client`); it knows no project and no database.
//!
//! What is deliberately not here: no sign-in (the API's OAuth exchange is a conversation with a browser), no route, no
//! git. Deliveries from GitHub are read by the API.

mod client;

pub use client::{Account, Github, GithubError, Owner, Repository, TIMEOUT, is_github_login};
