//! Webhook deliveries: every one is kept with what became of it and why.

use std::time::Duration;

use berth_model::{Access, DeliveryId, ProjectId, RepoKey, Timestamp};

use crate::builds::Build;
use crate::owned::{Owned, SeenBy};
use crate::queue::NewBuild;
use crate::sql::{FromRow, Row, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// Bodies up to this size are kept for replay.
const BODY: usize = 1 << 20;

/// For so long bodies can be replayed, and deliveries that led to nothing are remembered.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It queued builds.
    Accepted,
    /// It had been accepted before.
    Duplicate,
    /// It was genuine and asked for nothing.
    Ignored,
    /// It was not believed.
    Rejected,
}

impl Verdict {
    /// As stored and shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Rejected => "rejected",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::Accepted, Self::Duplicate, Self::Ignored, Self::Rejected];
        all.into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// A delivery as it came in.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Who sent it: `github`.
    pub provider: &'static str,
    /// The sender's own number for it.
    pub delivery_id: Option<String>,
    /// What it is about: `push`, `ping`.
    pub event: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, for people.
    pub reason: String,
    /// The repository that it names.
    pub repo: Option<RepoKey>,
    /// The projects that it concerns; their owners see it.
    pub projects: Vec<ProjectId>,
    /// The raw body; kept for replay up to 1 MiB, unless the delivery is rejected: anybody can send those.
    pub body: Option<Vec<u8>>,
}

/// A delivery that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The row.
    pub id: DeliveryId,
    /// Who sent it.
    pub provider: String,
    /// The sender's own number for it.
    pub delivery_id: Option<String>,
    /// What it is about.
    pub event: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, for people.
    pub reason: String,
    /// The repository that it names.
    pub repo: Option<String>,
    /// When it came.
    pub received_at: Timestamp,
}

/// What a push led to.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// These builds wait now, in the order of the projects; none if all of these were deleted meanwhile.
    Builds(Vec<Build>),
    /// It had been accepted before; nothing was queued.
    Duplicate,
}

macro_rules! select_delivery {
    ($rest:literal) => {
        concat!(
            "SELECT v.id, v.provider, v.delivery_id, v.event, v.verdict, v.reason, v.repo, v.received_at, v.body, \
             p.user_id AS owner FROM delivery v JOIN delivery_project l ON l.delivery = v.id \
             JOIN project p ON p.id = l.project_id AND p.deleted_at IS NULL ",
            $rest
        )
    };
}

impl FromRow for Delivery {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeliveryId(row.get("id")?),
            provider: row.get("provider")?,
            delivery_id: row.get("delivery_id")?,
            event: row.get("event")?,
            verdict: row.parsed("verdict", Verdict::parse)?,
            reason: row.get("reason")?,
            repo: row.get("repo")?,
            received_at: row.time("received_at")?,
        })
    }
}

/// A delivery and what it said.
struct WithBody(Delivery, Option<Vec<u8>>);

impl FromRow for WithBody {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self(Delivery::from_row(row)?, row.get("body")?))
    }
}

impl Transaction<'_> {
    /// Keeps a delivery; `None` if it is to be accepted and one like it was.
    async fn keep_delivery(&mut self, new: &NewDelivery, verdict: Verdict) -> Result<Option<DeliveryId>, StoreError> {
        let insert =
            sql("INSERT INTO delivery (provider, delivery_id, event, verdict, reason, repo, body, received_at) \
                          VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                          ON CONFLICT (provider, delivery_id) WHERE verdict = 'accepted' DO NOTHING RETURNING id")
            .bind(new.provider)
            .bind(&new.delivery_id)
            .bind(&new.event)
            .bind(verdict.as_str())
            .bind(&new.reason)
            .bind(new.repo.as_ref().map(RepoKey::as_str))
            .bind(new.body.clone().filter(|body| body.len() <= BODY && verdict != Verdict::Rejected))
            .bind(self.now);
        let Some(id) = self.one::<DeliveryId>(insert).await? else { return Ok(None) };
        for project in &new.projects {
            let link =
                sql("INSERT INTO delivery_project (delivery, project_id) SELECT $1, id FROM project WHERE id = $2 \
                            ON CONFLICT (delivery, project_id) DO NOTHING");
            self.run(link.bind(id).bind(*project)).await?;
        }
        Ok(Some(id))
    }

    /// Lets old bodies go, and old deliveries that led to nothing.
    pub(crate) async fn forget_old_deliveries(&mut self) -> Result<(), StoreError> {
        let old = self.now.before(MEMORY);
        self.run(sql("UPDATE delivery SET body = NULL WHERE received_at <= $1 AND body IS NOT NULL").bind(old)).await?;
        self.run(sql("DELETE FROM delivery WHERE received_at <= $1 AND verdict <> 'accepted'").bind(old)).await?;
        Ok(())
    }
}

impl Store {
    /// Accepts a push: the delivery, its builds, what they supersede and the events, in one step. Of the same delivery
    /// many times at once one is accepted; the others are kept as duplicates. One whose acceptance failed can be sent
    /// again.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn accept_push(&self, delivery: NewDelivery, builds: Vec<NewBuild>) -> Result<Accepted, StoreError> {
        let mut tx = self.begin().await?;
        if tx.keep_delivery(&delivery, Verdict::Accepted).await?.is_none() {
            let duplicate = NewDelivery { body: None, reason: "accepted before".to_owned(), ..delivery };
            tx.keep_delivery(&duplicate, Verdict::Duplicate).await?;
            tx.commit().await?;
            return Ok(Accepted::Duplicate);
        }
        let mut queued = Vec::with_capacity(builds.len());
        for build in builds {
            match tx.project_unscoped(build.project).await {
                Ok(project) => queued.push(tx.enqueue(project.user, &build).await?),
                Err(StoreError::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        tx.commit().await?;
        Ok(Accepted::Builds(queued))
    }

    /// Keeps a delivery that queued nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an accepted one that was accepted before: use [`Store::accept_push`].
    pub async fn record_delivery(&self, delivery: NewDelivery) -> Result<DeliveryId, StoreError> {
        let mut tx = self.begin().await?;
        let kept = tx.keep_delivery(&delivery, delivery.verdict).await?;
        let id = kept.ok_or(StoreError::Conflict("this delivery was accepted before"))?;
        tx.commit().await?;
        Ok(id)
    }

    /// At most `limit` deliveries that concern a project, newest first.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn deliveries_of(
        &self,
        access: Access,
        project: ProjectId,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.project(access, project).await?;
        let select = sql(select_delivery!("WHERE l.project_id = $1 ORDER BY v.id DESC LIMIT $2"));
        self.all(select.bind(project).bind(i64::from(limit))).await
    }

    /// A delivery that concerns a project of the user's, with its body if it is kept: for replay.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn delivery(&self, access: Access, id: DeliveryId) -> Result<(Delivery, Option<Vec<u8>>), StoreError> {
        let mine = sql(select_delivery!("WHERE v.id = $1 ORDER BY CASE WHEN p.user_id = $2 THEN 0 ELSE 1 END LIMIT 1"));
        let found: Option<Owned<WithBody>> = self.one(mine.bind(id).bind(access.user())).await?;
        let WithBody(delivery, body) = found.seen_by(access)?.row;
        Ok((delivery, body))
    }
}
