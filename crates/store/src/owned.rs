//! Rows that belong to somebody, and the one place that decides who may see them.

use berth_model::{Access, UserId};

use crate::StoreError;
use crate::sql::{FromRow, Row};

/// A row with its owner; queries name the owner's column `owner`.
pub(crate) struct Owned<T> {
    pub(crate) row: T,
    pub(crate) owner: UserId,
}

impl<T: FromRow> FromRow for Owned<T> {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { owner: UserId(row.get("owner")?), row: T::from_row(row)? })
    }
}

/// Lets the row through to its owner.
pub(crate) trait SeenBy<T> {
    /// # Errors
    /// [`StoreError::NotFound`] if there is none, [`StoreError::Forbidden`] if it is somebody else's.
    fn seen_by(self, access: Access) -> Result<Owned<T>, StoreError>;
}

impl<T> SeenBy<T> for Option<Owned<T>> {
    fn seen_by(self, access: Access) -> Result<Owned<T>, StoreError> {
        match self {
            None => Err(StoreError::NotFound),
            Some(owned) if owned.owner != access.user() => Err(StoreError::Forbidden),
            Some(owned) => Ok(owned),
        }
    }
}
