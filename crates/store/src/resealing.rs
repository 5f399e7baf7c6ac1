//! The sealed values of all tables, for a new encryption key: found by the key that sealed them, and replaced a batch at
//! a time. A value that is sealed anew is the same value: nothing else of its row changes, and no event tells of it.

use berth_model::{ProjectId, RepoUrl, UserId};
use berth_secrets::{Place, Sealed};

use crate::sql::{FromRow, Row, Sql, sql};
use crate::{Store, StoreError};

/// A column that holds sealed values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedColumn {
    /// Values of variables.
    Variable,
    /// Access tokens of projects' repositories.
    RepoToken,
    /// Secrets of projects' own hooks.
    HookSecret,
    /// Users' tokens of GitHub's API.
    GithubToken,
}

/// A sealed value in its row.
#[derive(Clone, Debug)]
pub struct SealedRow {
    /// The row's id.
    pub id: i64,
    /// Where it belongs, by what its row says now.
    pub place: Place,
    /// The value.
    pub value: Sealed,
}

/// All sealed values of the database; the queries below look for those that a key did not seal.
macro_rules! of_all_sealed {
    ($select:literal, $condition:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM (SELECT value FROM variable UNION ALL SELECT repo_token FROM project UNION ALL \
             SELECT hook_secret FROM project UNION ALL SELECT github_token FROM \"user\") AS sealed WHERE ",
            $condition
        )
    };
}

impl SealedColumn {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Variable, Self::RepoToken, Self::HookSecret, Self::GithubToken];

    /// Id, owner, name and value of the rows behind an id whose value is not of a pattern.
    fn select(self) -> Sql {
        sql(match self {
            Self::Variable => {
                "SELECT id, project_id AS owner, key AS name, value FROM variable \
                 WHERE id > $1 AND value NOT LIKE $2 ORDER BY id LIMIT $3"
            }
            Self::RepoToken => {
                "SELECT id, id AS owner, repo_url AS name, repo_token AS value FROM project \
                 WHERE id > $1 AND repo_token NOT LIKE $2 ORDER BY id LIMIT $3"
            }
            Self::HookSecret => {
                "SELECT id, id AS owner, '' AS name, hook_secret AS value FROM project \
                 WHERE id > $1 AND hook_secret NOT LIKE $2 ORDER BY id LIMIT $3"
            }
            Self::GithubToken => {
                "SELECT id, id AS owner, '' AS name, github_token AS value FROM \"user\" \
                 WHERE id > $1 AND github_token NOT LIKE $2 ORDER BY id LIMIT $3"
            }
        })
    }

    fn update(self) -> Sql {
        sql(match self {
            Self::Variable => "UPDATE variable SET value = $3 WHERE id = $1 AND value = $2",
            Self::RepoToken => "UPDATE project SET repo_token = $3 WHERE id = $1 AND repo_token = $2",
            Self::HookSecret => "UPDATE project SET hook_secret = $3 WHERE id = $1 AND hook_secret = $2",
            Self::GithubToken => "UPDATE \"user\" SET github_token = $3 WHERE id = $1 AND github_token = $2",
        })
    }

    fn place(self, found: &Found) -> Place {
        let project = ProjectId(found.owner);
        match self {
            Self::Variable => Place::Variable { project, key: found.name.clone() },
            Self::RepoToken => {
                let origin = RepoUrl::parse(&found.name).map(|url| url.origin()).unwrap_or_default();
                Place::RepoToken { project, origin }
            }
            Self::HookSecret => Place::HookSecret { project },
            Self::GithubToken => Place::User { user: UserId(found.owner), name: "github".to_owned() },
        }
    }
}

/// A row of any of the columns.
struct Found {
    id: i64,
    owner: i64,
    name: String,
    value: Sealed,
}

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            owner: row.get("owner")?,
            name: row.get("name")?,
            value: Sealed::stored(row.get("value")?),
        })
    }
}

impl Store {
    /// How many values another key sealed than this one.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn count_sealed_otherwise(&self, key_id: &str) -> Result<i64, StoreError> {
        let count = sql(of_all_sealed!("COUNT(*)", "value NOT LIKE $1")).bind(sealed_with(key_id));
        Ok(self.one(count).await?.unwrap_or(0))
    }

    /// The next rows behind the id `after` whose value another key sealed, by id.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn sealed_otherwise(
        &self,
        column: SealedColumn,
        key_id: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SealedRow>, StoreError> {
        self.sealed_unlike(column, sealed_with(key_id), after, limit).await
    }

    /// The next rows behind the id `after`, whichever key sealed them, by id.
    pub(crate) async fn sealed(
        &self,
        column: SealedColumn,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SealedRow>, StoreError> {
        // No sealed value is empty.
        self.sealed_unlike(column, String::new(), after, limit).await
    }

    async fn sealed_unlike(
        &self,
        column: SealedColumn,
        pattern: String,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SealedRow>, StoreError> {
        let found: Vec<Found> = self.all(column.select().bind(after).bind(pattern).bind(limit)).await?;
        let row = |found: Found| SealedRow { id: found.id, place: column.place(&found), value: found.value };
        Ok(found.into_iter().map(row).collect())
    }

    /// Replaces values that were sealed anew, all in one transaction, each only if it is what was read. How many were.
    ///
    /// # Errors
    /// Only the database's own; nothing has changed then.
    pub async fn replace_sealed(
        &self,
        column: SealedColumn,
        values: &[(SealedRow, Sealed)],
    ) -> Result<u64, StoreError> {
        let mut tx = self.begin().await?;
        let mut replaced = 0;
        for (row, value) in values {
            let update = column.update().bind(row.id).bind(row.value.as_str()).bind(value.as_str());
            replaced += tx.run(update).await?;
        }
        tx.commit().await?;
        Ok(replaced)
    }
}

fn sealed_with(key_id: &str) -> String {
    format!("v1:{key_id}:%")
}
