//! Rows that belong to somebody, and the one place that decides who may see them.

use berth_model::{Access, ProjectId, UserId};

use crate::StoreError;
use crate::sql::{FromRow, Row};

/// A row with its owner; queries name the columns of the owner and the project `owner` and `of_project`.
pub(crate) struct Owned<T> {
    pub(crate) row: T,
    pub(crate) owner: UserId,
    pub(crate) project: ProjectId,
}

impl<T: FromRow> FromRow for Owned<T> {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let (owner, project) = (UserId(row.get("owner")?), ProjectId(row.get("of_project")?));
        Ok(Self { row: T::from_row(row)?, owner, project })
    }
}

/// Lets the row through to its owner, and to a token that reaches its project.
pub(crate) trait SeenBy<T> {
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, [`StoreError::Forbidden`] if it is somebody else's, or
    /// another project's than the token's.
    fn seen_by(self, access: Access) -> Result<Owned<T>, StoreError>;
}

impl<T> SeenBy<T> for Option<Owned<T>> {
    fn seen_by(self, access: Access) -> Result<Owned<T>, StoreError> {
        match self {
            None => Err(StoreError::NotFound),
            Some(owned) if owned.owner != access.user() || !access.reaches(owned.project) => Err(StoreError::Forbidden),
            Some(owned) => Ok(owned),
        }
    }
}
