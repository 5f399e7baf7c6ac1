//! Identifiers. Rows have 64-bit integers; the instance and a deployment's public short id are random text.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! row_ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<i64> for $name {
            fn from(id: i64) -> Self {
                Self(id)
            }
        }
    )+};
}

row_ids! {
    /// A person with an account.
    UserId,
    /// A signed-in browser or client.
    SessionId,
    /// A link that opens an account or sets a password, once.
    InvitationId,
    /// A connected repository with its settings.
    ProjectId,
    /// A variable of a project.
    VariableId,
    /// One run of the pipeline for one commit.
    BuildId,
    /// One published result of a build.
    DeploymentId,
    /// A request to put a deployment live (after a build, by rollback or promotion).
    ActivationId,
    /// A branch or a pull request with a site of its own.
    PreviewId,
    /// An address that queues a build.
    DeployHookId,
    /// A command that somebody runs once in a service's image.
    RunId,
    /// What lets a program act for its owner.
    ApiTokenId,
    /// What a git host is to be told of one thing.
    ReportId,
    /// A received webhook delivery, as we count them (the sender's own id is text).
    DeliveryId,
    /// A state change; increases.
    EventId,
}

/// Names this installation on everything it owns: database, deployments directory, containers, images, volumes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceId(String);

impl InstanceId {
    /// A new random id: 12 characters of base 32.
    #[must_use]
    pub fn random() -> Self {
        Self(random_text(12))
    }

    /// Reads a stored id; `None` if it is not 12 characters of our alphabet.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 12 && text.bytes().all(|b| ALPHABET.contains(&b))).then(|| Self(text.to_owned()))
    }

    /// The id as text, safe in names of networks and files.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The random part of a deployment's own host name, 10 characters: `<project>-<short id>.<domain>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ShortId(pub String);

impl ShortId {
    /// A new random short id.
    #[must_use]
    pub fn random() -> Self {
        Self(random_text(10))
    }
}

impl fmt::Display for ShortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower-case base 32 without look-alikes (no `i`, `l`, `o`, `u`): safe in host names and file names.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn random_text(length: usize) -> String {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the operating system provides randomness");
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()
}
