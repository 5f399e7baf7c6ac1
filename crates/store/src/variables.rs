//! Variables of projects. Values are sealed before they come here and opened after they leave.

use berth_model::{Access, EventPayload, ProjectId, Variable, VariableId, VariableKey, VariableKind, VariableScope};
use berth_secrets::Sealed;

use crate::owned::{Owned, SeenBy};
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// A variable ready to be stored.
#[derive(Clone, Debug)]
pub struct SealedVariable {
    /// Its name in the environment.
    pub key: VariableKey,
    /// Secret or plain.
    pub kind: VariableKind,
    /// Which builds get it.
    pub scope: VariableScope,
    /// Its value.
    pub value: Sealed,
}

macro_rules! select_variable {
    ($rest:literal) => {
        concat!(
            "SELECT v.id, v.project_id, v.key, v.kind, v.scope, v.value, v.created_at, p.user_id AS owner \
             FROM variable v JOIN project p ON p.id = v.project_id AND p.deleted_at IS NULL ",
            $rest
        )
    };
}

impl FromRow for Variable {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: VariableId(row.get("id")?),
            project_id: ProjectId(row.get("project_id")?),
            key: row.parsed("key", |text| VariableKey::parse(text).ok())?,
            kind: row.parsed("kind", VariableKind::parse)?,
            scope: row.parsed("scope", VariableScope::parse)?,
            created_at: row.time("created_at")?,
        })
    }
}

/// A variable and its value.
struct WithValue(Variable, Sealed);

impl FromRow for WithValue {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self(Variable::from_row(row)?, Sealed::stored(row.get("value")?)))
    }
}

impl Transaction<'_> {
    /// Adds variables, or replaces those with the same key and scope.
    pub(crate) async fn put_variables(
        &mut self,
        project: ProjectId,
        variables: Vec<SealedVariable>,
    ) -> Result<(), StoreError> {
        for SealedVariable { key, kind, scope, value } in variables {
            let upsert = sql("INSERT INTO variable (project_id, key, kind, scope, value, created_at, updated_at) \
                              VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (project_id, key, scope) DO UPDATE \
                              SET kind = excluded.kind, value = excluded.value, updated_at = excluded.updated_at");
            let upsert =
                upsert.bind(project).bind(key.as_str()).bind(kind.as_str()).bind(scope.as_str()).bind(value.as_str());
            self.run(upsert.bind(self.now)).await?;
        }
        Ok(())
    }
}

impl Store {
    /// The variables of a project by key, without values.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn variables(&self, access: Access, project: ProjectId) -> Result<Vec<Variable>, StoreError> {
        self.project(access, project).await?;
        self.all(sql(select_variable!("WHERE v.project_id = $1 ORDER BY v.key, v.scope")).bind(project)).await
    }

    /// The variables of a project of every scope with their values, for a build.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn sealed_variables(&self, project: ProjectId) -> Result<Vec<(Variable, Sealed)>, StoreError> {
        let select = sql(select_variable!("WHERE v.project_id = $1 ORDER BY v.key, v.scope")).bind(project);
        Ok(self.all(select).await?.into_iter().map(|WithValue(variable, value)| (variable, value)).collect())
    }

    /// Adds variables to a project, or replaces those with the same key and scope.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn put_variables(
        &self,
        access: Access,
        project: ProjectId,
        variables: Vec<SealedVariable>,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.project(access, project).await?;
        tx.put_variables(project, variables).await?;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        tx.commit().await
    }

    /// Removes a variable and says which it was.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn delete_variable(&self, access: Access, id: VariableId) -> Result<Variable, StoreError> {
        let mut tx = self.begin().await?;
        let found: Option<Owned<Variable>> = tx.one(sql(select_variable!("WHERE v.id = $1")).bind(id)).await?;
        let variable = found.seen_by(access)?.row;
        tx.run(sql("DELETE FROM variable WHERE id = $1").bind(id)).await?;
        let project = variable.project_id;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        tx.commit().await?;
        Ok(variable)
    }
}
