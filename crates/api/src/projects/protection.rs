//! What a project asks its visitors for: the field `protection`, read into types and hashed.

use berth_model::{Lock, Protection, ProtectionScope};
use berth_secrets::{SecretString, hash_password};
use berth_store::Project;
use serde_json::{Map, Value};

use crate::auth::Hashing;
use crate::error::ApiError;
use crate::input::{Form, Given, unknown_field};

const FIELDS: [&str; 3] = ["scope", "user", "password"];
/// Characters of a password that several people are told.
const SHORTEST: usize = 8;
const LONGEST: usize = 1_024;
/// Bytes of a user name.
const LONGEST_USER: usize = 256;

/// A protection before its password is hashed.
#[derive(Debug)]
pub(crate) struct NewProtection {
    scope: ProtectionScope,
    user: Option<String>,
    key: Key,
}

/// What opens it.
#[derive(Debug)]
enum Key {
    New(SecretString),
    /// The hash of the password that it has already.
    Kept(String),
}

impl NewProtection {
    /// As it is stored.
    pub(crate) async fn hash(self, hashing: &Hashing) -> Result<Protection, ApiError> {
        let hash = match self.key {
            Key::New(password) => hashing.take(move || hash_password(&password)).await?,
            Key::Kept(hash) => hash,
        };
        Ok(Protection { scope: self.scope, lock: Lock { user: self.user, hash } })
    }
}

/// Reads `{scope, user?, password?}`; `null` opens the sites. A password that is not given stays the one it was.
pub(crate) fn read_protection(form: &mut Form, current: &Project) -> Given<NewProtection> {
    match form.object("protection") {
        Given::Absent => Given::Absent,
        Given::Null => Given::Null,
        Given::Value(fields) => match read(fields, current) {
            Ok(protection) => Given::Value(protection),
            Err((field, message)) => {
                form.problem(field, message);
                Given::Absent
            }
        },
    }
}

/// The password is never part of a message.
fn read(mut fields: Map<String, Value>, current: &Project) -> Result<NewProtection, (String, String)> {
    let problem = |field: &str, message: &str| (format!("protection.{field}"), message.to_owned());
    if let Some(unknown) = fields.keys().find(|field| !FIELDS.contains(&field.as_str())) {
        return Err(problem(unknown, &unknown_field(unknown, &FIELDS)));
    }
    let scope = fields.get("scope").and_then(Value::as_str).and_then(ProtectionScope::parse);
    let scope = scope.ok_or_else(|| problem("scope", "scope is everything or previews"))?;
    let kept = current.protection.as_ref().map(|protection| protection.lock.clone());
    let user = match fields.get("user") {
        // Whoever changes the scope alone changes nothing of the lock.
        None if !fields.contains_key("password") => kept.as_ref().and_then(|lock| lock.user.clone()),
        None | Some(Value::Null) => None,
        Some(Value::String(user)) if user.trim().is_empty() => None,
        Some(Value::String(user)) => Some(user.trim().to_owned()),
        Some(_) => return Err(problem("user", "this field is text")),
    };
    // A colon would end the name where the password begins.
    if user
        .as_ref()
        .is_some_and(|user| user.len() > LONGEST_USER || user.contains(|c: char| c == ':' || c.is_control()))
    {
        return Err(problem("user", "a user name has at most 256 bytes, and no colon or control character"));
    }
    let key = match fields.remove("password") {
        None | Some(Value::Null) => {
            kept.map(|lock| Key::Kept(lock.hash)).ok_or_else(|| problem("password", "this field is needed"))?
        }
        Some(Value::String(password)) => {
            let password = SecretString::from(password);
            if password.expose().chars().count() < SHORTEST || password.len() > LONGEST {
                return Err(problem("password", "a password for visitors has 8 to 1024 characters"));
            }
            if password.expose().chars().any(char::is_control) {
                return Err(problem("password", "a password for visitors has no control character"));
            }
            Key::New(password)
        }
        Some(_) => return Err(problem("password", "this field is text")),
    };
    Ok(NewProtection { scope, user, key })
}
