//! Random tokens (sessions, setup, OAuth state, programs) and how they are stored and compared.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::SecretString;

/// A new token: 32 random bytes in base64url, 43 characters.
#[must_use]
pub fn token() -> SecretString {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
}

/// How every API token begins: people, and programs that look for leaked secrets, know one by it.
pub const API_TOKEN_PREFIX: &str = "berth_";

/// A new API token: the prefix and 32 characters of base 32, 160 random bits.
#[must_use]
pub fn api_token() -> SecretString {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    let random = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
    SecretString::from(API_TOKEN_PREFIX.chars().chain(random).collect::<String>())
}

/// What is stored of a token: its SHA-256. A token has at least 160 random bits, so a plain hash does.
#[must_use]
pub fn token_hash(token: &str) -> [u8; 32] {
    sha256(token.as_bytes())
}

/// Compares in time that depends on the lengths only.
#[must_use]
pub fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_differ() {
        assert_eq!(token().len(), 43);
        assert_ne!(token(), token());
        assert_eq!((api_token().len(), api_token().expose().starts_with(API_TOKEN_PREFIX)), (38, true));
        assert_ne!(api_token(), api_token());
        assert!(constant_time_eq(&token_hash("a"), &token_hash("a")));
        assert!(!constant_time_eq(b"ab", b"abc"));
    }
}
