//! Keeping secrets: sealing values for the database, hashing passwords, making tokens, counting guesses.
//!
//! [`KeyRing`] seals with AES-256-GCM and binds every sealed value to its place, so that a row moved to another
//! project or key does not open. [`SecretString`] is the only type a clear value travels in: it prints as `***` and
//! wipes its memory. Nothing here knows a database or HTTP.

mod attempts;
mod key_ring;
mod password;
mod place;
mod secret_string;
mod token;

pub use attempts::{Attempts, neighbourhood};
pub use key_ring::{KeyRing, Sealed, SecretsError};
pub use password::{hash_password, verify_password};
pub use place::Place;
pub use secret_string::SecretString;
pub use token::{API_TOKEN_PREFIX, api_token, constant_time_eq, token, token_hash};
