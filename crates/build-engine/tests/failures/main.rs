//! Every failure that a build can end with, made for real: real tools in real containers. Each row says how to cause
//! one and what its owner reads; `docs/FAILURES.md` is the same list for people.
//!
//! `BERTH_WRITE_FAILURE_LOGS=1` writes each log with its failure to `docs/failures/`.

mod compilers;
mod document;
mod machine;
mod managers;
mod network;
mod project;
mod row;
#[path = "../support/mod.rs"]
mod support;
