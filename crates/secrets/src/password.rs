//! Passwords: argon2id with the crate's defaults (19 MiB, 2 passes), which are OWASP's.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};

use crate::SecretString;

/// Hashes a password to a PHC string. Takes tens of milliseconds of CPU: call it off the async threads.
#[must_use]
pub fn hash_password(password: &SecretString) -> String {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).expect("the operating system provides randomness");
    let salt = SaltString::encode_b64(&salt).expect("16 bytes make a salt");
    let hash = Argon2::default().hash_password(password.expose().as_bytes(), &salt);
    hash.expect("default parameters are valid").to_string()
}

/// Whether `password` is the one that was hashed. Without a hash (no such account) it does the same work and says no,
/// so that the time taken does not tell which accounts exist.
#[must_use]
pub fn verify_password(password: &SecretString, hash: Option<&str>) -> bool {
    static NOBODY: LazyLock<String> = LazyLock::new(|| hash_password(&crate::token()));
    let parsed = PasswordHash::new(hash.unwrap_or(&NOBODY));
    let matches =
        parsed.is_ok_and(|parsed| Argon2::default().verify_password(password.expose().as_bytes(), &parsed).is_ok());
    matches && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_password_only() {
        let hash = hash_password(&"correct horse".into());
        assert!(hash.starts_with("$argon2id$"));
        assert!(verify_password(&"correct horse".into(), Some(&hash)));
        assert!(!verify_password(&"wrong horse".into(), Some(&hash)));
        assert!(!verify_password(&"correct horse".into(), None));
        assert!(!verify_password(&"correct horse".into(), Some("not a hash")));
    }
}
