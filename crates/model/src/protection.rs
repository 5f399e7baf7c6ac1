//! What a site's visitors have to know before they see anything of it.

use std::fmt;

use crate::{Environment, ProtectionScope};

/// A password, and perhaps a user name, that opens a host.
#[derive(Clone, PartialEq, Eq)]
pub struct Lock {
    /// The user name; `None`: any will do.
    pub user: Option<String>,
    /// Of the password, as a PHC string.
    pub hash: String,
}

/// Without the hash: who has it can guess at home.
impl fmt::Debug for Lock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lock").field("user", &self.user).finish_non_exhaustive()
    }
}

/// How a project's sites are protected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Which of its sites.
    pub scope: ProtectionScope,
    /// What opens them.
    pub lock: Lock,
}

impl Protection {
    /// What opens the sites of an environment, if they are protected.
    #[must_use]
    pub fn lock_of(&self, environment: Environment) -> Option<&Lock> {
        let is_meant = match self.scope {
            ProtectionScope::Everything => true,
            ProtectionScope::Previews => environment == Environment::Preview,
        };
        is_meant.then_some(&self.lock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_alone_or_everything() {
        let lock = Lock { user: None, hash: "$argon2id$x".to_owned() };
        let locked = |scope, environment| Protection { scope, lock: lock.clone() }.lock_of(environment).is_some();
        assert!(locked(ProtectionScope::Previews, Environment::Preview));
        assert!(!locked(ProtectionScope::Previews, Environment::Production));
        assert!(locked(ProtectionScope::Everything, Environment::Production));
        assert!(!format!("{lock:?}").contains("argon2"));
    }
}
