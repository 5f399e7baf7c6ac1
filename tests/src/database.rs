//! The two databases that every story is told on.

/// Where a Berth of the tests keeps its data.
pub enum Database {
    /// A file in Berth's own data directory: the default, so nothing is configured.
    Sqlite,
}

impl Database {
    /// What `DATABASE_URL` is set to, if it is set.
    #[must_use]
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite => None,
        }
    }
}
