//! A commit becomes an artifact: source → detect → plan → build.

mod checkout;
pub mod detect;
mod error;
mod files;
pub mod source;
mod words;

pub use checkout::Checkout;
pub use error::BuildError;
