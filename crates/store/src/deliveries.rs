//! Webhook deliveries: every one is kept with what became of it and why. What it leads to is done in the transaction
//! that keeps it.

use std::time::Duration;

use berth_model::{
    Access, BranchName, BuildId, BuildStatus, DeliveryId, EventPayload, ProjectId, ProjectName, Reason, RepoKey,
    Timestamp, UserId, Why,
};

use crate::audit::Change;
use crate::builds::Build;
use crate::owned::{Owned, SeenBy};
use crate::previews::{PreviewOf, PreviewPush};
use crate::queue::NewBuild;
use crate::sql::{FromRow, Row, json_text, sql};
use crate::store::Transaction;
use crate::{Store, StoreError};

/// Bytes of a delivery that are kept, so that it can be replayed.
pub const LARGEST_KEPT_BODY: usize = 1 << 20;

/// For so long bodies can be replayed, and deliveries that led to nothing are remembered.
const MEMORY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Refused deliveries that a project's own hook keeps, and how far apart they are: anybody can send them.
const REFUSED: i64 = 20;
const REFUSED_EVERY: Duration = Duration::from_secs(10);

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It led to something.
    Accepted,
    /// It had been accepted before.
    Duplicate,
    /// It was genuine and asked for nothing.
    Ignored,
    /// It was not believed.
    Rejected,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Duplicate, Self::Ignored, Self::Rejected];

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
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == text)
    }
}

/// A delivery as it came in.
#[derive(Clone, Debug)]
pub struct NewDelivery {
    /// Who sent it: `github`, `gitea`, `forgejo`, `gitlab`.
    pub provider: &'static str,
    /// The sender's own number for it.
    pub delivery_id: Option<String>,
    /// What it is about: `push`, `ping`.
    pub event: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Why. What became of it for each project is kept beside it.
    pub reason: Why,
    /// The repository that it names.
    pub repo: Option<RepoKey>,
    /// The projects that it concerns; their owners see it.
    pub projects: Vec<ProjectId>,
    /// The project whose own hook received it; `None`: the installation's.
    pub hook: Option<ProjectId>,
    /// The delivery that is done again.
    pub replay_of: Option<DeliveryId>,
    /// The raw body; kept for replay up to 1 MiB, unless the delivery is rejected: anybody can send those.
    pub body: Option<Vec<u8>>,
}

/// What a delivery is to lead to for one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A build of the project's own branch.
    Build(NewBuild),
    /// A build for a preview, unless its branch has one of that commit.
    Preview(PreviewPush),
    /// A preview has no branch or pull request any more.
    ClosePreview {
        /// Of which project.
        project: ProjectId,
        /// Which one.
        of: PreviewOf,
        /// Why, for people.
        why: &'static str,
    },
    /// A pull request shows a preview.
    DescribePreview {
        /// Of which project.
        project: ProjectId,
        /// Of which branch.
        branch: BranchName,
        /// The pull request's number.
        number: i64,
        /// Its title.
        title: Option<String>,
    },
    /// Nothing, and why.
    Nothing {
        /// Of which project.
        project: ProjectId,
        /// Why.
        why: Reason,
    },
}

impl Wish {
    fn project(&self) -> ProjectId {
        match self {
            Self::Build(NewBuild { project, .. }) | Self::Preview(PreviewPush { project, .. }) => *project,
            Self::ClosePreview { project, .. }
            | Self::DescribePreview { project, .. }
            | Self::Nothing { project, .. } => *project,
        }
    }
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
    /// Why.
    pub reason: Why,
    /// What it led to for each of the reader's projects.
    pub outcomes: Vec<Outcome>,
    /// The repository that it names.
    pub repo: Option<String>,
    /// The project whose own hook received it; `None`: the installation's.
    pub hook: Option<ProjectId>,
    /// The delivery that was done again.
    pub replay_of: Option<DeliveryId>,
    /// Whether its body is still kept.
    pub has_body: bool,
    /// The builds of the reader's projects that it led to.
    pub builds: Vec<BuildId>,
    /// When it came.
    pub received_at: Timestamp,
}

impl Delivery {
    /// Why, for people, with what it led to for each of the reader's projects.
    #[must_use]
    pub fn told(&self) -> String {
        let outcomes = self.outcomes.iter().map(|Outcome { project, what }| format!("; {project}: {what}"));
        std::iter::once(self.reason.to_string()).chain(outcomes).collect()
    }
}

/// What a delivery led to for one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Which one.
    pub project: ProjectName,
    /// What.
    pub what: Why,
}

/// What a delivery led to.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// It was done now, as far as there was something to do.
    Now {
        /// Builds that were added, in the order of the wishes: waiting, held or skipped.
        builds: Vec<Build>,
        /// Whether anything was done at all. If not, the delivery is kept as ignored.
        acted: bool,
    },
    /// It had been accepted before; nothing was done.
    Duplicate,
}

macro_rules! select_delivery {
    ($rest:literal) => {
        concat!(
            "SELECT v.id, v.provider, v.delivery_id, v.event, v.verdict, v.reason, v.because, v.repo, v.hook, v.replay_of, \
             v.body IS NOT NULL AS has_body, v.received_at, p.user_id AS owner, p.id AS of_project FROM delivery v \
             JOIN delivery_project l ON l.delivery = v.id JOIN project p ON p.id = l.project_id AND p.deleted_at IS NULL ",
            $rest
        )
    };
}

impl FromRow for Delivery {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let hook: i64 = row.get("hook")?;
        Ok(Self {
            id: DeliveryId(row.get("id")?),
            provider: row.get("provider")?,
            delivery_id: row.get("delivery_id")?,
            event: row.get("event")?,
            verdict: row.parsed("verdict", Verdict::parse)?,
            reason: row.why("reason", "because")?,
            outcomes: Vec::new(),
            repo: row.get("repo")?,
            hook: (hook != 0).then_some(ProjectId(hook)),
            replay_of: row.get::<Option<i64>>("replay_of")?.map(DeliveryId),
            has_body: row.get("has_body")?,
            builds: Vec::new(),
            received_at: row.time("received_at")?,
        })
    }
}

/// What a delivery led to for one project.
struct Told(DeliveryId, Outcome);

impl FromRow for Told {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let project = row.parsed("name", |text| ProjectName::stored(text).ok())?;
        Ok(Self(DeliveryId(row.get("delivery")?), Outcome { project, what: row.why("outcome", "because")? }))
    }
}

/// A build and the delivery that led to it.
struct Led(DeliveryId, BuildId);

impl FromRow for Led {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self(DeliveryId(row.get("delivery")?), BuildId(row.get("id")?)))
    }
}

/// The body of a delivery.
struct Body(Option<Vec<u8>>);

impl FromRow for Body {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        row.get("body").map(Self)
    }
}

/// What became of a wish.
struct Fulfilled {
    build: Option<Build>,
    acted: bool,
    outcome: Why,
}

impl Fulfilled {
    fn by(build: Build) -> Self {
        let id = build.id.0;
        let outcome = match (build.status, build.reason.clone()) {
            (BuildStatus::Skipped, Some(reason)) => Why::from(Reason::Build { build: id }).and(" ", reason),
            (BuildStatus::Held, Some(reason)) => Why::from(Reason::BuildHeld { build: id }).and(": ", reason),
            _ => Reason::Build { build: id }.into(),
        };
        Self { build: Some(build), acted: true, outcome }
    }

    fn otherwise(acted: bool, outcome: impl Into<Why>) -> Self {
        Self { build: None, acted, outcome: outcome.into() }
    }
}

impl Transaction<'_> {
    /// Keeps a delivery and tells the owners of its projects; `None` if it is to be accepted and one like it was.
    async fn keep_delivery(&mut self, new: &NewDelivery, verdict: Verdict) -> Result<Option<DeliveryId>, StoreError> {
        let insert = sql("INSERT INTO delivery (provider, delivery_id, event, verdict, reason, because, repo, body, \
                          received_at, hook, replay_of) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                          ON CONFLICT (hook, provider, delivery_id) WHERE verdict = 'accepted' DO NOTHING RETURNING id")
        .bind(new.provider)
        .bind(&new.delivery_id)
        .bind(&new.event)
        .bind(verdict.as_str())
        .bind(&new.reason.sentence)
        .bind(json_text(&new.reason.because))
        .bind(new.repo.as_ref().map(RepoKey::as_str))
        .bind(new.body.clone().filter(|body| body.len() <= LARGEST_KEPT_BODY && verdict != Verdict::Rejected))
        .bind(self.now)
        .bind(new.hook.map_or(0, |project| project.0))
        .bind(new.replay_of);
        let Some(id) = self.one::<DeliveryId>(insert).await? else { return Ok(None) };
        for project in &new.projects {
            let link =
                sql("INSERT INTO delivery_project (delivery, project_id) SELECT $1, id FROM project WHERE id = $2 \
                            ON CONFLICT (delivery, project_id) DO NOTHING");
            self.run(link.bind(id).bind(*project)).await?;
            let owner = sql("SELECT user_id FROM project WHERE id = $1 AND deleted_at IS NULL").bind(*project);
            if let Some(owner) = self.one::<UserId>(owner).await? {
                let received = EventPayload::DeliveryReceived { delivery: id, project: *project };
                self.event(owner, Some(*project), &received).await?;
            }
        }
        Ok(Some(id))
    }

    /// Does what a delivery is to lead to for one project. A project that was deleted meanwhile wants nothing.
    async fn fulfil(&mut self, delivery: DeliveryId, wish: &Wish) -> Result<Option<Fulfilled>, StoreError> {
        let project = match self.project_unscoped(wish.project()).await {
            Ok(project) => project,
            Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut fulfilled = match wish {
            Wish::Build(new) if self.was_told_otherwise(delivery, new).await? => {
                Fulfilled::otherwise(false, Reason::BuiltAlready { branch: new.branch.to_string() })
            }
            Wish::Build(new) => Fulfilled::by(self.enqueue(project.user, new).await?),
            Wish::Preview(push) => match self.push_to_preview(push).await? {
                Some(build) => Fulfilled::by(build),
                None => Fulfilled::otherwise(false, Reason::BuiltAlready { branch: push.branch.to_string() }),
            },
            Wish::ClosePreview { project, of, why } => match self.close_preview(*project, of, why).await? {
                Some(preview) => {
                    self.record(Change::of_removed(&preview)).await?;
                    Fulfilled::otherwise(true, Reason::PreviewRemoved { branch: preview.branch.to_string() })
                }
                None => Fulfilled::otherwise(false, Reason::NoPreviewEnds),
            },
            Wish::DescribePreview { project, branch, number, title } => {
                let is_there = self.describe_preview(*project, branch, *number, title.as_deref()).await?;
                let branch = branch.to_string();
                match is_there {
                    true => Fulfilled::otherwise(true, Reason::PreviewShows { branch }),
                    false => Fulfilled::otherwise(false, Reason::NoPreview { branch }),
                }
            }
            Wish::Nothing { why, .. } => Fulfilled::otherwise(false, why.clone()),
        };
        if let Some(build) = &mut fulfilled.build {
            self.record(Change::of_queued(build)).await?;
            self.run(sql("UPDATE build SET delivery = $2 WHERE id = $1").bind(build.id).bind(delivery)).await?;
            build.delivery = Some(delivery);
        }
        let tell =
            sql("UPDATE delivery_project SET outcome = $3, because = $4 WHERE delivery = $1 AND project_id = $2");
        let Why { sentence, because } = &fulfilled.outcome;
        self.run(tell.bind(delivery).bind(project.id).bind(sentence).bind(json_text(because))).await?;
        Ok(Some(fulfilled))
    }

    /// Whether the branch's newest push became known another way (by another hook, or by looking), and is built or will
    /// be. Whoever does a delivery again wants another build.
    async fn was_told_otherwise(&mut self, delivery: DeliveryId, new: &NewBuild) -> Result<bool, StoreError> {
        let Some(commit) = &new.commit else { return Ok(false) };
        let told = sql("SELECT EXISTS (SELECT 1 FROM build b JOIN delivery v ON v.id = $1 AND v.replay_of IS NULL \
                        LEFT JOIN delivery o ON o.id = b.delivery \
                        WHERE b.commit_hash = $2 AND b.status IN ('queued', 'running', 'passed') \
                        AND (b.trigger IN ('poll', 'reconcile') OR o.hook <> v.hook) \
                        AND b.id = (SELECT MAX(n.id) FROM build n WHERE n.project_id = $3 AND n.branch = $4 \
                        AND n.environment = $5 AND n.trigger NOT IN ('rebuild', 'promote', 'folder')))")
        .bind(delivery)
        .bind(commit.hash.as_str())
        .bind(new.project)
        .bind(new.branch.as_str())
        .bind(new.environment.as_str());
        Ok(self.one(told).await?.unwrap_or(false))
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
    /// Accepts a delivery: the row, what it leads to and the events, in one step. Of the same delivery many times at
    /// once one is accepted; the others are kept as duplicates. One whose acceptance failed can be sent again.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn accept_delivery(&self, delivery: NewDelivery, wishes: Vec<Wish>) -> Result<Accepted, StoreError> {
        let mut tx = self.begin().await?;
        let Some(id) = tx.keep_delivery(&delivery, Verdict::Accepted).await? else {
            let duplicate = NewDelivery { body: None, reason: Reason::AcceptedBefore.into(), ..delivery };
            tx.keep_delivery(&duplicate, Verdict::Duplicate).await?;
            tx.commit().await?;
            return Ok(Accepted::Duplicate);
        };
        let (mut builds, mut acted) = (Vec::new(), false);
        for wish in &wishes {
            let Some(fulfilled) = tx.fulfil(id, wish).await? else { continue };
            acted |= fulfilled.acted;
            builds.extend(fulfilled.build);
        }
        if !acted {
            let ignored = sql("UPDATE delivery SET verdict = $2 WHERE id = $1");
            tx.run(ignored.bind(id).bind(Verdict::Ignored.as_str())).await?;
        }
        tx.commit().await?;
        Ok(Accepted::Now { builds, acted })
    }

    /// Keeps a delivery that leads to nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] for an accepted one that was accepted before: use [`Store::accept_delivery`].
    pub async fn record_delivery(&self, delivery: NewDelivery) -> Result<DeliveryId, StoreError> {
        let mut tx = self.begin().await?;
        let kept = tx.keep_delivery(&delivery, delivery.verdict).await?;
        let id = kept.ok_or(StoreError::Conflict("this delivery was accepted before"))?;
        tx.commit().await?;
        Ok(id)
    }

    /// Keeps that a project's own hook did not believe a delivery: the newest few, so that a stranger fills no disk.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn refuse_delivery(&self, hook: ProjectId, refused: NewDelivery) -> Result<(), StoreError> {
        let recent = || {
            sql("SELECT EXISTS (SELECT 1 FROM delivery WHERE hook = $1 AND verdict = 'rejected' AND received_at > $2)")
                .bind(hook)
                .bind(self.now().before(REFUSED_EVERY))
        };
        // Most of a flood ends here, without the one writing transaction of the moment.
        if self.one(recent()).await?.unwrap_or(false) {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        if tx.one(recent()).await?.unwrap_or(false) {
            return Ok(());
        }
        let refused = NewDelivery { body: None, hook: Some(hook), projects: vec![hook], ..refused };
        tx.keep_delivery(&refused, Verdict::Rejected).await?;
        let older = sql("DELETE FROM delivery WHERE hook = $1 AND verdict = 'rejected' AND id NOT IN \
                         (SELECT id FROM delivery WHERE hook = $1 AND verdict = 'rejected' ORDER BY id DESC LIMIT $2)");
        tx.run(older.bind(hook).bind(REFUSED)).await?;
        tx.commit().await
    }

    /// At most `limit` deliveries that concern a project, newest first; those older than `before`, if given.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn deliveries_of(
        &self,
        access: Access,
        project: ProjectId,
        limit: u32,
        before: Option<DeliveryId>,
    ) -> Result<Vec<Delivery>, StoreError> {
        self.project(access, project).await?;
        let before = before.unwrap_or(DeliveryId(i64::MAX));
        let select = sql(select_delivery!("WHERE l.project_id = $1 AND v.id < $2 ORDER BY v.id DESC LIMIT $3"));
        let mut deliveries = self.all(select.bind(project).bind(before).bind(i64::from(limit))).await?;
        self.tell_outcomes(access, &mut deliveries).await?;
        Ok(deliveries)
    }

    /// A delivery that concerns a project of the user's.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`].
    pub async fn delivery(&self, access: Access, id: DeliveryId) -> Result<Delivery, StoreError> {
        let mine = sql(select_delivery!(
            "WHERE v.id = $1 ORDER BY CASE WHEN p.user_id = $2 AND p.id = COALESCE($3, p.id) THEN 0 ELSE 1 END LIMIT 1"
        ));
        let mine = mine.bind(id).bind(access.user()).bind(access.only());
        let found: Option<Owned<Delivery>> = self.one(mine).await?;
        let mut found = [found.seen_by(access)?.row];
        self.tell_outcomes(access, &mut found).await?;
        let [delivery] = found;
        Ok(delivery)
    }

    /// What a delivery said, if that is still kept: for replay.
    ///
    /// # Errors
    /// Only the database's own.
    pub async fn delivery_body(&self, id: DeliveryId) -> Result<Option<Vec<u8>>, StoreError> {
        let body: Option<Body> = self.one(sql("SELECT body FROM delivery WHERE id = $1").bind(id)).await?;
        Ok(body.and_then(|Body(body)| body))
    }

    /// Adds what deliveries, newest first, led to for the reader's projects. What they led to for the projects of
    /// others of the same repository is nobody else's to see.
    async fn tell_outcomes(&self, access: Access, deliveries: &mut [Delivery]) -> Result<(), StoreError> {
        let (Some(newest), Some(oldest)) = (deliveries.first(), deliveries.last()) else { return Ok(()) };
        let (newest, oldest) = (newest.id, oldest.id);
        let told = sql("SELECT l.delivery, p.name, l.outcome, l.because FROM delivery_project l \
                        JOIN project p ON p.id = l.project_id AND p.deleted_at IS NULL AND p.user_id = $1 \
                        AND p.id = COALESCE($4, p.id) \
                        WHERE l.delivery BETWEEN $2 AND $3 AND l.outcome IS NOT NULL ORDER BY p.id");
        let told: Vec<Told> = self.all(told.bind(access.user()).bind(oldest).bind(newest).bind(access.only())).await?;
        let led = sql("SELECT b.delivery, b.id FROM build b \
                       JOIN project p ON p.id = b.project_id AND p.deleted_at IS NULL AND p.user_id = $1 \
                        AND p.id = COALESCE($4, p.id) \
                       WHERE b.delivery BETWEEN $2 AND $3 ORDER BY b.id");
        let led: Vec<Led> = self.all(led.bind(access.user()).bind(oldest).bind(newest).bind(access.only())).await?;
        for delivery in deliveries {
            let of_this = told.iter().filter(|told| told.0 == delivery.id);
            delivery.outcomes = of_this.map(|told| told.1.clone()).collect();
            delivery.builds = led.iter().filter(|led| led.0 == delivery.id).map(|led| led.1).collect();
        }
        Ok(())
    }
}
