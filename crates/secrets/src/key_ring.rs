//! AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces, and the additional data that ties a value to its place.
//! One key seals; those before it open what was sealed with them, until it is sealed anew.

use std::fmt;
use std::sync::Arc;

use aes_gcm::aead::{Aead, Nonce, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use berth_model::{ProjectId, UserId};
use zeroize::Zeroizing;

use crate::{Place, SecretString};

/// What can go wrong with a key or a sealed value. None of it shows a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretsError {
    /// The configured key is not 32 bytes in hex.
    #[error("an encryption key is 64 hex digits (32 bytes); make one with: openssl rand -hex 32")]
    BadKey,
    /// A stored value is not in the format that [`KeyRing`] writes.
    #[error("a sealed value is damaged: it is not v1:<key id>:<iv>:<tag>:<ciphertext>")]
    BadFormat,
    /// A stored value was sealed with a key that is not on the ring.
    #[error("a sealed value needs the key {0}, which is not configured")]
    UnknownKey(String),
    /// The key is wrong, or the value was altered or moved to another place.
    #[error("a sealed value does not open: the encryption key is another one, or the value was altered or moved")]
    DoesNotOpen,
    /// The clear value is not UTF-8.
    #[error("a sealed value opened to bytes that are not text")]
    NotText,
}

/// A sealed value as stored: `v1:<key id>:<iv>:<tag>:<ciphertext>`, the last three in hex.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// Takes what the database holds; opening it finds out whether it is whole.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// What the database stores.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the key that it was sealed with; `None` if it is not in the format.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.0.strip_prefix("v1:")?.split_once(':').map(|(id, _)| id)
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(***)")
    }
}

/// The keys that open sealed values; the first one seals. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    keys: Arc<[Key]>,
}

struct Key {
    id: String,
    cipher: Aes256Gcm,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

impl KeyRing {
    /// A ring of one key. Its id is the first 8 hex digits of the key's SHA-256, so that the same key always has
    /// the same id.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self { keys: Arc::new([Key::new(key)]) }
    }

    /// A ring of one key given as `ENCRYPTION_KEY` has it.
    ///
    /// # Errors
    /// [`SecretsError::BadKey`] unless it is 64 hex digits.
    pub fn from_hex(text: &str) -> Result<Self, SecretsError> {
        Self::with_previous(text, [])
    }

    /// The same with keys from before, which only open: what they sealed is to be sealed anew.
    ///
    /// # Errors
    /// [`SecretsError::BadKey`] unless each is 64 hex digits.
    pub fn with_previous<'k>(text: &str, previous: impl IntoIterator<Item = &'k str>) -> Result<Self, SecretsError> {
        let mut keys = vec![Key::from_hex(text)?];
        for text in previous {
            let key = Key::from_hex(text)?;
            if keys.iter().all(|known| known.id != key.id) {
                keys.push(key);
            }
        }
        Ok(Self { keys: keys.into() })
    }

    /// The id of the key that seals.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.keys[0].id
    }

    /// The ids of the keys that only open.
    pub fn previous_ids(&self) -> impl Iterator<Item = &str> {
        self.keys[1..].iter().map(|key| key.id.as_str())
    }

    /// Seals a value that has been sealed before, at the same place, with the key that seals now.
    ///
    /// # Errors
    /// When it does not open at this place: what was moved stays useless where it is.
    pub fn reseal(&self, place: &Place, sealed: &Sealed) -> Result<Sealed, SecretsError> {
        Ok(self.seal_at(place, self.open_at(place, sealed)?.expose()))
    }

    /// Whether a value opens at its place, without showing it to anybody.
    ///
    /// # Errors
    /// Why it does not.
    pub fn look(&self, place: &Place, sealed: &Sealed) -> Result<(), SecretsError> {
        self.open_at(place, sealed).map(drop)
    }

    /// Whether a key of this id is here.
    #[must_use]
    pub fn has(&self, key_id: &str) -> bool {
        self.keys.iter().any(|key| key.id == key_id)
    }

    /// Seals a variable of a project.
    #[must_use]
    pub fn seal(&self, project: ProjectId, name: &str, clear: &str) -> Sealed {
        self.seal_at(&Place::Variable { project, key: name.to_owned() }, clear)
    }

    /// Opens what [`KeyRing::seal`] made for the same project and name.
    ///
    /// # Errors
    /// When the value is damaged, was sealed for another place, or its key is not here.
    pub fn open(&self, project: ProjectId, name: &str, sealed: &Sealed) -> Result<SecretString, SecretsError> {
        self.open_at(&Place::Variable { project, key: name.to_owned() }, sealed)
    }

    /// Seals the access token of a project's repository, for one host (`https://git.example.org`): moved to another
    /// project or another address it does not open.
    #[must_use]
    pub fn seal_repo_token(&self, project: ProjectId, host: &str, clear: &str) -> Sealed {
        self.seal_at(&Place::RepoToken { project, origin: host.to_owned() }, clear)
    }

    /// Opens what [`KeyRing::seal_repo_token`] made for the same project and host.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub fn open_repo_token(
        &self,
        project: ProjectId,
        host: &str,
        sealed: &Sealed,
    ) -> Result<SecretString, SecretsError> {
        self.open_at(&Place::RepoToken { project, origin: host.to_owned() }, sealed)
    }

    /// Seals the secret of a project's own hook.
    #[must_use]
    pub fn seal_hook_secret(&self, project: ProjectId, clear: &str) -> Sealed {
        self.seal_at(&Place::HookSecret { project }, clear)
    }

    /// Opens what [`KeyRing::seal_hook_secret`] made for the same project.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub fn open_hook_secret(&self, project: ProjectId, sealed: &Sealed) -> Result<SecretString, SecretsError> {
        self.open_at(&Place::HookSecret { project }, sealed)
    }

    /// Seals something of a user (`github`, for the token of its API).
    #[must_use]
    pub fn seal_for_user(&self, user: UserId, name: &str, clear: &str) -> Sealed {
        self.seal_at(&Place::User { user, name: name.to_owned() }, clear)
    }

    /// Opens what [`KeyRing::seal_for_user`] made.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub fn open_for_user(&self, user: UserId, name: &str, sealed: &Sealed) -> Result<SecretString, SecretsError> {
        self.open_at(&Place::User { user, name: name.to_owned() }, sealed)
    }

    /// Seals something of the installation (the value that tells a wrong key at start).
    #[must_use]
    pub fn seal_instance(&self, name: &str, clear: &str) -> Sealed {
        self.seal_at(&Place::Instance { name: name.to_owned() }, clear)
    }

    /// Opens what [`KeyRing::seal_instance`] made.
    ///
    /// # Errors
    /// As [`KeyRing::open`].
    pub fn open_instance(&self, name: &str, sealed: &Sealed) -> Result<SecretString, SecretsError> {
        self.open_at(&Place::Instance { name: name.to_owned() }, sealed)
    }

    fn seal_at(&self, place: &Place, clear: &str) -> Sealed {
        let key = &self.keys[0];
        let mut iv = [0; IV_LENGTH];
        getrandom::fill(&mut iv).expect("the operating system provides randomness");
        let place = place.sealed_as();
        let payload = Payload { msg: clear.as_bytes(), aad: place.as_bytes() };
        let sealed = key.cipher.encrypt(&Nonce::<Aes256Gcm>::from(iv), payload).expect("a value shorter than 64 GiB");
        let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG_LENGTH);
        Sealed(format!("v1:{}:{}:{}:{}", key.id, hex::encode(iv), hex::encode(tag), hex::encode(ciphertext)))
    }

    fn open_at(&self, place: &Place, sealed: &Sealed) -> Result<SecretString, SecretsError> {
        let parts: Vec<&str> = sealed.0.split(':').collect();
        let ["v1", key_id, iv, tag, ciphertext] = parts[..] else { return Err(SecretsError::BadFormat) };
        let key = self.keys.iter().find(|key| key.id == key_id);
        let key = key.ok_or_else(|| SecretsError::UnknownKey(key_id.to_owned()))?;
        let bytes = |text: &str| hex::decode(text).map_err(|_| SecretsError::BadFormat);
        let iv: [u8; IV_LENGTH] = bytes(iv)?.try_into().map_err(|_| SecretsError::BadFormat)?;
        let message = [bytes(ciphertext)?, bytes(tag)?].concat();
        let place = place.sealed_as();
        let payload = Payload { msg: &message, aad: place.as_bytes() };
        let clear =
            key.cipher.decrypt(&Nonce::<Aes256Gcm>::from(iv), payload).map_err(|_| SecretsError::DoesNotOpen)?;
        String::from_utf8(clear).map(SecretString::from).map_err(|_| SecretsError::NotText)
    }
}

impl Key {
    fn new(key: &[u8; 32]) -> Self {
        let id = hex::encode(&crate::token::sha256(key)[..4]);
        Self { id, cipher: Aes256Gcm::new(key.into()) }
    }

    fn from_hex(text: &str) -> Result<Self, SecretsError> {
        let mut key = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, &mut *key).map_err(|_| SecretsError::BadKey)?;
        Ok(Self::new(&key))
    }
}

const IV_LENGTH: usize = 12;
const TAG_LENGTH: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(&[7; 32])
    }

    #[test]
    fn opens_only_at_its_own_place() {
        let (project, other) = (ProjectId(1), ProjectId(2));
        let sealed = ring().seal(project, "TOKEN", "s3cret\n\"$#");
        assert_eq!(ring().open(project, "TOKEN", &sealed).unwrap().expose(), "s3cret\n\"$#");
        assert_eq!(ring().open(other, "TOKEN", &sealed), Err(SecretsError::DoesNotOpen));
        assert_eq!(ring().open(project, "OTHER", &sealed), Err(SecretsError::DoesNotOpen));
        assert_eq!(ring().open_for_user(UserId(1), "TOKEN", &sealed), Err(SecretsError::DoesNotOpen));

        let sealed = ring().seal_repo_token(project, "https://git.example.org", "glpat-x");
        let open = |project, host| ring().open_repo_token(project, host, &sealed);
        assert_eq!(open(project, "https://git.example.org").unwrap().expose(), "glpat-x");
        assert_eq!(open(other, "https://git.example.org"), Err(SecretsError::DoesNotOpen));
        for host in ["http://git.example.org", "https://git.example.org:8443", "https://evil.example"] {
            assert_eq!(open(project, host), Err(SecretsError::DoesNotOpen), "{host}");
        }
    }

    #[test]
    fn the_same_value_never_seals_alike() {
        let sealed: std::collections::HashSet<String> =
            (0..100).map(|_| ring().seal(ProjectId(1), "A", "x").as_str().to_owned()).collect();
        assert_eq!(sealed.len(), 100);
    }

    #[test]
    fn another_key_is_told_apart_from_a_damaged_value() {
        let sealed = ring().seal_instance("check", "berth");
        let other = KeyRing::new(&[8; 32]);
        assert!(matches!(other.open_instance("check", &sealed), Err(SecretsError::UnknownKey(_))));
        let mut damaged = sealed.as_str().to_owned();
        damaged.replace_range(damaged.len() - 1.., if damaged.ends_with('0') { "1" } else { "0" });
        assert_eq!(ring().open_instance("check", &Sealed::stored(damaged)), Err(SecretsError::DoesNotOpen));
        assert_eq!(ring().open_instance("check", &Sealed::stored("x".into())), Err(SecretsError::BadFormat));
    }

    #[test]
    fn a_key_from_before_opens_and_does_not_seal() {
        let (old, new) = ("07".repeat(32), "08".repeat(32));
        let before = ring().seal(ProjectId(1), "TOKEN", "s3cret");
        let both = KeyRing::with_previous(&new, [old.as_str(), &old, &new]).unwrap();
        assert_eq!(both.previous_ids().collect::<Vec<_>>(), [ring().key_id()]);
        assert_eq!(both.open(ProjectId(1), "TOKEN", &before).unwrap().expose(), "s3cret");

        let place = Place::Variable { project: ProjectId(1), key: "TOKEN".to_owned() };
        let after = both.reseal(&place, &before).unwrap();
        assert_eq!((before.key_id(), after.key_id()), (Some(ring().key_id()), Some(both.key_id())));
        let only_new = KeyRing::from_hex(&new).unwrap();
        assert_eq!(only_new.open(ProjectId(1), "TOKEN", &after).unwrap().expose(), "s3cret");
        assert_eq!(
            only_new.open(ProjectId(1), "TOKEN", &before),
            Err(SecretsError::UnknownKey(ring().key_id().to_owned()))
        );
        let moved = Place::Variable { project: ProjectId(2), key: "TOKEN".to_owned() };
        assert_eq!(both.reseal(&moved, &before), Err(SecretsError::DoesNotOpen));
    }

    #[test]
    fn nothing_secret_in_debug_output() {
        let sealed = ring().seal(ProjectId(1), "A", "hunter2");
        assert_eq!(format!("{sealed:?}"), "Sealed(***)");
        assert_eq!(format!("{:?}", ring()), format!("[{:?}]", ring().keys[0].id));
    }

    #[test]
    fn keys_are_64_hex_digits() {
        assert!(KeyRing::from_hex(&"0a".repeat(32)).is_ok());
        for bad in ["", "0a", &"0a".repeat(33), &"zz".repeat(32)] {
            assert_eq!(KeyRing::from_hex(bad).unwrap_err(), SecretsError::BadKey);
        }
    }
}
