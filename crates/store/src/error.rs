//! What can go wrong with a query, sorted by what the caller can do about it.

use berth_model::{IllegalTransition, Names, VariableKey};

/// A query that did not do what was asked. The texts never contain SQL, values or addresses; sources may, and are
/// for the operator's log only.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such row.
    #[error("there is no such thing here")]
    NotFound,
    /// The row is another user's. Routes decide whether they admit that it exists.
    #[error("this belongs to somebody else")]
    Forbidden,
    /// Only administrators do this, and the user is none (any more).
    #[error("this is for administrators")]
    AdminsOnly,
    /// The account may not be used until an administrator says otherwise.
    #[error("this account is deactivated; ask an administrator of this Berth")]
    Deactivated,
    /// The API token was revoked or ran out since the request began.
    #[error("the API token was revoked, or ran out, while the folder came in")]
    TokenEnded,
    /// A project, deployment or account has this name or host already.
    #[error("this name is taken; choose another")]
    NameTaken,
    /// The request met a state that it does not fit; the text says which.
    #[error("{0}")]
    Conflict(&'static str),
    /// The build is no longer the caller's: its lease expired and somebody else may run it. Stop working on it.
    #[error("the lease of this build was lost")]
    LeaseLost,
    /// A status cannot follow another.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The database did not answer in time, or cannot write. Trying again later may help.
    #[error("the database is not available at the moment; try again")]
    Unavailable(#[source] Source),
    /// The database answered, and refuses us: a wrong address, name or password, a file that cannot be opened.
    #[error("the database cannot be used as it is configured (DATABASE_URL)")]
    Misconfigured(#[source] Source),
    /// Bringing the tables up to date failed; nothing was changed.
    #[error("the database could not be brought up to date, and was left as it was")]
    Migration(#[source] Source),
    /// A newer Berth has been here: its migrations are not ours to undo. Nothing was changed.
    #[error(
        "the database was brought up to date by a newer Berth; start that one, or restore the backup from before the \
         update"
    )]
    Newer,
    /// A stored value is not what was written there.
    #[error("a stored value in column {0} cannot be read")]
    Corrupt(&'static str),
    /// Values of these variables are not what was sealed there, or were sealed with a key that is not here any more.
    #[error(
        "the value of {} cannot be opened: it is damaged, or was sealed with a key that this Berth no longer has; set it \
         again in the project that it is in",
        Names(.0.iter().map(ToString::to_string).collect())
    )]
    Unopened(Vec<VariableKey>),
    /// The file of a log could not be read or written.
    #[error("the log could not be read from the disk of this Berth, or not be written there (BERTH_DATA_DIR)")]
    LogFile(#[source] Source),
    /// The database refused a statement: a bug of ours.
    #[error("the database refused a statement")]
    Refused(#[source] Source),
}

/// What is underneath: for the log.
pub type Source = Box<dyn std::error::Error + Send + Sync + 'static>;

impl StoreError {
    /// Whether the same request may succeed once the database is back: an API answers 503.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Reads a unique violation where the caller knows that only a name can collide.
    pub(crate) fn of_a_name(self) -> Self {
        match self {
            Self::Conflict(EXISTS) => Self::NameTaken,
            other => other,
        }
    }
}

/// What a unique index says, until a caller knows better.
pub(crate) const EXISTS: &str = "this exists already";

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => {
                if refusal.is_unique_violation() {
                    return Self::Conflict(EXISTS);
                }
                if refusal.is_foreign_key_violation() {
                    return Self::NotFound;
                }
                match Answer::of(refusal.as_ref()) {
                    Answer::NotNow => Self::Unavailable(error.into()),
                    Answer::NotUs => Self::Misconfigured(error.into()),
                    Answer::No => Self::Refused(error.into()),
                }
            }
            sqlx::Error::Configuration(_) => Self::Misconfigured(error.into()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error.into()),
            _ => Self::Refused(error.into()),
        }
    }
}

/// What a refusal by the database means.
enum Answer {
    NotNow,
    NotUs,
    No,
}

impl Answer {
    fn of(refusal: &dyn sqlx::error::DatabaseError) -> Self {
        let code = refusal.code().unwrap_or_default();
        if refusal.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
            // The low byte is the primary code: BUSY, LOCKED, READONLY, IOERR, FULL; CANTOPEN, NOTADB.
            return match code.parse::<i64>().unwrap_or_default() & 0xff {
                5 | 6 | 8 | 10 | 13 => Self::NotNow,
                14 | 26 => Self::NotUs,
                _ => Self::No,
            };
        }
        // SQLSTATE classes: connection, resources, operator intervention, lock timeout; authorisation, catalog name.
        match code.get(..2) {
            Some("08" | "53" | "57") => Self::NotNow,
            _ if matches!(&*code, "55P03" | "25P03" | "25006") => Self::NotNow,
            Some("28" | "3D") => Self::NotUs,
            _ => Self::No,
        }
    }
}
