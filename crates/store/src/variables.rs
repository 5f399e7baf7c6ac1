//! Variables of projects. Values are sealed before they come here and opened after they leave.

use berth_model::{
    Access, AuditAction, Environment, EventPayload, ProjectId, Variable, VariableId, VariableKey, VariableKind,
    VariableScope,
};
use berth_secrets::{Sealed, SecretsError};

use crate::audit::Change;
use crate::builds::Build;
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

/// What is to change of a variable, whose value stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VariableChange {
    /// Another name.
    pub key: Option<VariableKey>,
    /// Secret or plain.
    pub kind: Option<VariableKind>,
    /// Which builds get it.
    pub scope: Option<VariableScope>,
}

macro_rules! select_variable {
    ($rest:literal) => {
        concat!(
            "SELECT v.id, v.project_id, v.key, v.kind, v.scope, v.value, v.created_at, v.updated_at, p.user_id AS owner, p.id AS of_project \
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
            updated_at: row.time("updated_at")?,
        })
    }
}

/// A variable and its value.
#[derive(Clone)]
struct WithValue {
    variable: Variable,
    value: Sealed,
}

impl FromRow for WithValue {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { variable: Variable::from_row(row)?, value: Sealed::stored(row.get("value")?) })
    }
}

/// A variable that is no more.
struct Removed {
    key: VariableKey,
    kind: VariableKind,
    scope: VariableScope,
}

impl FromRow for Removed {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            key: row.parsed("key", |text| VariableKey::parse(text).ok())?,
            kind: row.parsed("kind", VariableKind::parse)?,
            scope: row.parsed("scope", VariableScope::parse)?,
        })
    }
}

/// Whose variables, and for what. The one place that decides which of them a build gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildFor {
    /// Of which project.
    pub project: ProjectId,
    /// One for this environment goes before one for both.
    pub environment: Environment,
    /// Whether the commit is a stranger's: no secret is for it.
    pub is_of_fork: bool,
}

impl BuildFor {
    /// For production.
    #[must_use]
    pub fn production(project: ProjectId) -> Self {
        Self { project, environment: Environment::Production, is_of_fork: false }
    }

    /// What a build is.
    #[must_use]
    pub fn of(build: &Build) -> Self {
        let is_of_fork = build.pull_request.as_ref().is_some_and(|pull_request| pull_request.fork.is_some());
        Self { project: build.project, environment: build.environment, is_of_fork }
    }

    /// One variable of a key at most. A secret hides a plain one that it goes before, from a stranger's commit too.
    fn choose(self, all: Vec<WithValue>) -> Vec<WithValue> {
        let mut chosen: Vec<WithValue> = Vec::new();
        for candidate in all.into_iter().filter(|candidate| candidate.variable.scope.covers(self.environment)) {
            match chosen.iter_mut().find(|known| known.variable.key == candidate.variable.key) {
                None => chosen.push(candidate),
                Some(known) if known.variable.scope == VariableScope::Both => *known = candidate,
                Some(_) => {}
            }
        }
        chosen.retain(|variable| self.may_get(variable.variable.kind));
        chosen
    }

    fn may_get(self, kind: VariableKind) -> bool {
        !self.is_of_fork || kind == VariableKind::Plain
    }
}

/// What was changed of a variable, as the API calls it.
fn what_differs(before: &Variable, after: &Variable) -> Vec<String> {
    let renamed = (before.key != after.key).then(|| format!("key: {}", after.key));
    let kind = (before.kind != after.kind).then(|| format!("kind: {}", after.kind.as_str()));
    let scope = (before.scope != after.scope).then(|| format!("scope: {}", after.scope.as_str()));
    renamed.into_iter().chain(kind).chain(scope).collect()
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

    /// Notes that builds no longer get a variable as it was: what they got before is compared with what there is.
    async fn note_removed(&mut self, variable: &Variable) -> Result<(), StoreError> {
        let note = sql("INSERT INTO removed_variable (project_id, key, kind, scope, removed_at) \
                        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project_id, key, scope, kind) DO UPDATE \
                        SET removed_at = excluded.removed_at")
        .bind(variable.project_id)
        .bind(variable.key.as_str())
        .bind(variable.kind.as_str())
        .bind(variable.scope.as_str());
        self.run(note.bind(self.now)).await.map(drop)
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

    /// What builds get of a project's variables, by key, with their values: see [`BuildFor`].
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn variables_for(&self, build: BuildFor) -> Result<Vec<(Variable, Sealed)>, StoreError> {
        let select = sql(select_variable!("WHERE v.project_id = $1 ORDER BY v.key")).bind(build.project);
        let effective = build.choose(self.all(select).await?);
        Ok(effective.into_iter().map(|WithValue { variable, value }| (variable, value)).collect())
    }

    /// The keys of those variables that production's builds get otherwise than this build got them: another value, one
    /// that this build had not, or none any more.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn other_in_production(&self, build: &Build) -> Result<Vec<VariableKey>, StoreError> {
        let select = || sql(select_variable!("WHERE v.project_id = $1 ORDER BY v.key")).bind(build.project);
        let all: Vec<WithValue> = self.all(select()).await?;
        let there = BuildFor::production(build.project).choose(all.clone());
        let here = BuildFor::of(build).choose(all);
        // What was set after the build had begun is not what it got.
        let began = build.started_at.unwrap_or(build.created_at);
        let got = |other: &WithValue| {
            here.iter().any(|v| v.variable.id == other.variable.id && v.variable.updated_at <= began)
        };
        let had = |key: &VariableKey| there.iter().any(|other| other.variable.key == *key);
        let mut keys: Vec<VariableKey> =
            there.iter().filter(|other| !got(other)).map(|other| other.variable.key.clone()).collect();
        keys.extend(here.iter().filter(|v| !had(&v.variable.key)).map(|v| v.variable.key.clone()));
        let removed = sql("SELECT key, kind, scope FROM removed_variable WHERE project_id = $1 AND removed_at >= $2");
        let removed: Vec<Removed> = self.all(removed.bind(build.project).bind(began)).await?;
        let of = BuildFor::of(build);
        let was_given = |removed: &Removed| removed.scope.covers(of.environment) && of.may_get(removed.kind);
        keys.extend(removed.into_iter().filter(was_given).map(|removed| removed.key));
        keys.sort();
        keys.dedup();
        Ok(keys)
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
        let keys: Vec<String> = variables.iter().map(|variable| variable.key.to_string()).collect();
        tx.put_variables(project, variables).await?;
        tx.record(Change::of(AuditAction::VariablesSet).of_project(project).exactly(keys)).await?;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        tx.commit().await
    }

    /// Renames a variable or changes what it is, without anybody knowing its value: `reseal` seals it for its new name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`]; [`StoreError::NameTaken`] if another variable of the project
    /// has this name and scope; [`StoreError::Corrupt`] if `reseal` cannot open the value.
    pub async fn change_variable(
        &self,
        access: Access,
        id: VariableId,
        change: VariableChange,
        reseal: impl FnOnce(&Variable, &VariableKey, &Sealed) -> Result<Sealed, SecretsError> + Send,
    ) -> Result<Variable, StoreError> {
        let mut tx = self.begin().await?;
        let found: Option<Owned<WithValue>> = tx.one(sql(select_variable!("WHERE v.id = $1")).bind(id)).await?;
        let WithValue { variable: before, mut value } = found.seen_by(access)?.row;
        let mut after = before.clone();
        after.key = change.key.unwrap_or(after.key);
        after.kind = change.kind.unwrap_or(after.kind);
        after.scope = change.scope.unwrap_or(after.scope);
        if after == before {
            return Ok(before);
        }
        let project = before.project_id;
        let other = sql("SELECT COUNT(*) FROM variable WHERE project_id = $1 AND key = $2 AND scope = $3 AND id <> $4");
        let other = other.bind(project).bind(after.key.as_str()).bind(after.scope.as_str()).bind(id);
        if tx.one::<i64>(other).await?.unwrap_or(0) > 0 {
            return Err(StoreError::NameTaken);
        }
        if after.key != before.key {
            let unopened = |_| StoreError::Unopened(vec![before.key.clone()]);
            value = reseal(&before, &after.key, &value).map_err(unopened)?;
        }
        after.updated_at = tx.now;
        tx.note_removed(&before).await?;
        let update =
            sql("UPDATE variable SET key = $2, kind = $3, scope = $4, value = $5, updated_at = $6 WHERE id = $1")
                .bind(id)
                .bind(after.key.as_str())
                .bind(after.kind.as_str())
                .bind(after.scope.as_str())
                .bind(value.as_str());
        tx.run(update.bind(tx.now)).await?;
        let changed = Change::of(AuditAction::VariableChanged).of_project(project).to(&before.key);
        tx.record(changed.exactly(what_differs(&before, &after))).await?;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        tx.commit().await?;
        Ok(after)
    }

    /// Gives a project variables of another one, as they are there, without anybody knowing their values: `reseal` seals
    /// each for the project that it comes to. One with the same key and scope is replaced. No other value is read.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if there is no such project, or no such variable in `from`; [`StoreError::Forbidden`];
    /// [`StoreError::Unopened`] with the keys of all values that `reseal` cannot open. Then nothing is copied.
    pub async fn copy_variables(
        &self,
        access: Access,
        from: ProjectId,
        to: ProjectId,
        wanted: &[VariableId],
        reseal: impl Fn(&Variable, &Sealed) -> Result<Sealed, SecretsError> + Send,
    ) -> Result<(), StoreError> {
        let mut tx = self.begin().await?;
        tx.project(access, from).await?;
        tx.project(access, to).await?;
        // A list that both databases take as one value: `,7,12,`.
        let listed: String = wanted.iter().map(|id| format!("{id},")).collect();
        let select = sql(select_variable!(
            "WHERE v.project_id = $1 AND $2 LIKE '%,' || CAST(v.id AS TEXT) || ',%' ORDER BY v.key, v.scope"
        ));
        let there: Vec<WithValue> = tx.all(select.bind(from).bind(format!(",{listed}"))).await?;
        if !wanted.iter().all(|id| there.iter().any(|known| known.variable.id == *id)) {
            return Err(StoreError::NotFound);
        }
        let (mut copies, mut unopened) = (Vec::with_capacity(wanted.len()), Vec::new());
        for WithValue { variable, value } in there {
            match reseal(&variable, &value) {
                Ok(value) => {
                    let Variable { key, kind, scope, .. } = variable;
                    copies.push(SealedVariable { key, kind, scope, value });
                }
                Err(_) => unopened.push(variable.key),
            }
        }
        if !unopened.is_empty() {
            unopened.dedup();
            return Err(StoreError::Unopened(unopened));
        }
        let keys: Vec<String> = copies.iter().map(|copy| copy.key.to_string()).collect();
        tx.put_variables(to, copies).await?;
        tx.record(Change::of(AuditAction::VariablesSet).of_project(to).exactly(keys)).await?;
        tx.event(access.user(), Some(to), &EventPayload::ProjectUpdated { project: to }).await?;
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
        tx.note_removed(&variable).await?;
        tx.record(Change::of(AuditAction::VariableDeleted).of_project(project).to(&variable.key)).await?;
        tx.event(access.user(), Some(project), &EventPayload::ProjectUpdated { project }).await?;
        tx.commit().await?;
        Ok(variable)
    }
}
