//! A commit becomes an artifact: source → detect → install → build.
//!
//! [`BuildEngine::begin`] opens a claimed build's log and steps; [`BuildRun::run`] is the pipeline, and reads as it:
//!
//! 1. **fetch** ([`source`]): the exact commit over smart HTTP, from judged addresses only;
//! 2. **detect** ([`mod@detect`]): the checkout becomes a plan, a pure function whose decisions carry their reasons;
//! 3. **install** (`build`): the project's packages, in a sandbox, kept as an image by what they depend on;
//! 4. **build** (`build`, `artifact`): the command in a sandbox, and what it left as plain files in a staging directory.
//!
//! [`unpack_folder`] takes what was built elsewhere, by the same rules.
//!
//! Beside it: `log` (masked, numbered, capped lines that never wait for the database), `variables` (environment,
//! `.env`, masks, and secrets that a release must not hold), `failure` (why a command ended, in words).
//!
//! What is deliberately not here: no decision about what is built when or again (the queue's and the server's), no
//! publishing (`deploy-engine`), no container settings (`runtime`), no SQL, and no shell outside a sandbox. Nothing
//! here runs a repository's code, and no file of a commit is written to disk but into an artifact.

mod artifact;
mod build;
mod checkout;
pub mod detect;
mod error;
mod failure;
mod files;
mod log;
mod run;
pub mod source;
mod variables;

pub use artifact::{Folder, unpack_folder};
pub use checkout::Checkout;
pub use error::BuildError;
pub use log::{BuildLog, LogOwner};
pub use run::{BuildEngine, BuildEngineConfig, BuildRun, Built, Detection, DetectionRequest};
