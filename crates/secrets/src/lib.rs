//! Keeping secrets: sealing values for the database, hashing passwords, making tokens, counting guesses.
//!
//! [`KeyRing`] seals with AES-256-GCM and binds every sealed value to its place, so that a row moved to another
//! project or key does not open. [`SecretString`] is the only type a clear value travels in: it prints as `***` and
//! wipes its memory. Nothing here knows a database or HTTP.
//!
//! What programs print becomes [`Lines`] of a log through a [`Mask`], which lets no value of a secret out; [`Needles`]
//! finds values in any bytes.

mod attempts;
mod key_ring;
mod lines;
mod mask;
mod needles;
mod password;
mod place;
mod secret_string;
mod token;

pub use attempts::{Attempts, neighbourhood};
pub use key_ring::{KeyRing, Sealed, SecretsError};
pub use lines::{Lines, MOST_LINE_BYTES};
pub use mask::Mask;
pub use needles::Needles;
pub use password::{hash_password, verify_password};
pub use place::Place;
pub use secret_string::SecretString;
pub use token::{API_TOKEN_PREFIX, api_token, constant_time_eq, token, token_hash};
