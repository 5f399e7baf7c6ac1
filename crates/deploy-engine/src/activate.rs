//! A release goes live: after a build, by rollback, by promotion. The same steps for each.
//!
//! 1. decide: the database says whether it may, and points the project's host at it; for a preview's deployment that is
//!    promoted it asks for production's copy first, which is published like a build's ([`crate::publish`])
//! 2. install: the release goes on its own host, then on the project's; requests that run end as they began
//! 3. ask: the edge has to answer both with it
//! 4. write the table that the next start serves from
//! 5. confirm: the database makes it `live` and says so to everybody
//!
//! A failure in 2 to 4 puts the old site back and refuses. A crash anywhere leaves the activation pending; doing it
//! again from 1 leads to the same end. The database away at 5 does too: it has decided, so the site stays.

use std::sync::Arc;

use berth_edge::{Edge, Insider, Site};
use berth_model::{ActivationId, DeploymentId, Environment, Lock, ShortId};
use berth_store::{ActivationDecision, Deployment, StoreError};
use http::{Request, header};

use crate::engine::lock_of;
use crate::table::{Placement, Table};
use crate::targets::files_at_root;
use crate::{DeployEngine, DeployError, blocking, links};

/// How an activation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activated {
    /// The deployment is live.
    Live(Box<Deployment>),
    /// It is not; what was live still is.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

/// How far an activation got in one go.
enum Step {
    Ended(Activated),
    /// Production's copy comes first.
    Copy {
        deployment: Box<Deployment>,
        id: DeploymentId,
        short_id: ShortId,
    },
}

type Stepped = Result<Step, DeployError>;

/// A release on its way to its hosts, and what was there before.
struct Installed {
    activation: ActivationId,
    deployment: Deployment,
    /// The project's.
    host: String,
    link: Option<Box<str>>,
    lock: Option<Arc<Lock>>,
    /// Of the project's host, and of the deployment's own.
    sites: [Option<Arc<Site>>; 2],
    placements: [Option<Placement>; 2],
}

impl DeployEngine {
    /// Puts a deployment live, as an activation that is pending asks.
    ///
    /// # Errors
    /// The database's own; the activation is still pending then.
    pub async fn activate(&self, id: ActivationId) -> Result<Activated, DeployError> {
        let ended = self.activate_all(&[id]).await?;
        ended.into_iter().next().unwrap_or(Err(StoreError::NotFound.into()))
    }

    /// Puts deployments of different projects live: the same steps, each done once for all of them, because what takes
    /// time is the disk. One that fails leaves the others alone. The answers are in the order of the ids.
    ///
    /// # Errors
    /// The database's own; what has not ended is still pending then.
    pub async fn activate_all(&self, ids: &[ActivationId]) -> Result<Vec<Result<Activated, DeployError>>, DeployError> {
        let mut ended = Vec::with_capacity(ids.len());
        for (id, step) in self.put_live(ids).await? {
            ended.push(match step {
                Ok(Step::Ended(activated)) => Ok(activated),
                Ok(Step::Copy { deployment, id: copy, short_id }) => {
                    match self.publish_copy(id, &deployment, copy, short_id).await {
                        Ok(()) => Box::pin(self.activate(id)).await,
                        Err(error) if error.is_unavailable() => return Err(error),
                        Err(error) => self.refuse(id, &deployment, &error).await,
                    }
                }
                Err(error) => Err(error),
            });
        }
        Ok(ended)
    }

    /// Makes production's copy of a preview's deployment, where an activation needs it; how it ended, if it did.
    ///
    /// # Errors
    /// The database's own; the activation is still pending then.
    pub(crate) async fn copy(&self, id: ActivationId) -> Result<Option<Activated>, DeployError> {
        match self.store().decide_activation(id).await? {
            ActivationDecision::Copy { deployment, id: copy, short_id } => {
                match self.publish_copy(id, &deployment, copy, short_id).await {
                    Ok(()) => Ok(None),
                    Err(error) if error.is_unavailable() => Err(error),
                    Err(error) => self.refuse(id, &deployment, &error).await.map(Some),
                }
            }
            ActivationDecision::Refused { reason } => Ok(Some(Activated::Refused { reason })),
            // Somebody made it meanwhile.
            ActivationDecision::Go { .. } => Ok(None),
        }
    }

    /// The steps, for all that need no copy first.
    async fn put_live(&self, ids: &[ActivationId]) -> Result<Vec<(ActivationId, Stepped)>, DeployError> {
        let mut table = self.table().await;
        let (mut steps, installed) = self.decide_and_install(&mut table, ids).await?;
        steps.extend(match self.save(&mut table).await {
            Ok(()) => self.confirm(&mut table, installed).await?,
            Err(error) => self.take_back(&mut table, installed, &error).await,
        });
        steps.sort_by_key(|(id, _)| ids.iter().position(|wanted| wanted == id));
        Ok(steps)
    }

    /// Steps 1 to 3, and the table in memory.
    async fn decide_and_install(
        &self,
        table: &mut Table,
        ids: &[ActivationId],
    ) -> Result<(Vec<(ActivationId, Stepped)>, Vec<Installed>), DeployError> {
        let (mut steps, mut installed) = (Vec::new(), Vec::new());
        for (&id, decision) in ids.iter().zip(self.store().decide_activations(ids).await?) {
            let step = match decision {
                Ok(ActivationDecision::Go { deployment, host, .. }) => {
                    match self.install(table, id, &deployment, host).await {
                        Ok(one) => {
                            installed.push(one);
                            continue;
                        }
                        Err(error) if error.is_unavailable() => Err(error),
                        Err(error) => self.refuse(id, &deployment, &error).await.map(Step::Ended),
                    }
                }
                Ok(ActivationDecision::Refused { reason }) => Ok(Step::Ended(Activated::Refused { reason })),
                Ok(ActivationDecision::Copy { deployment, id, short_id }) => {
                    Ok(Step::Copy { deployment: Box::new(deployment), id, short_id })
                }
                Err(error) => Err(error.into()),
            };
            steps.push((id, step));
        }
        Ok((steps, installed))
    }

    /// Step 5. Without an answer the sites stay: the database has decided.
    async fn confirm(
        &self,
        table: &mut Table,
        installed: Vec<Installed>,
    ) -> Result<Vec<(ActivationId, Stepped)>, DeployError> {
        let ids: Vec<ActivationId> = installed.iter().map(|one| one.activation).collect();
        let confirmed = match self.store().confirm_activations(&ids).await {
            Ok(confirmed) => confirmed,
            Err(error) if ids.len() == 1 && !error.is_unavailable() => vec![Err(error)],
            Err(error) => return Err(error.into()),
        };
        let (mut steps, mut links) = (Vec::new(), Vec::new());
        for (one, confirmed) in installed.into_iter().zip(confirmed) {
            match confirmed {
                Ok(live) => {
                    links.extend(one.link.map(|name| (name, live.project, live.id)));
                    steps.push((one.activation, Ok(Step::Ended(Activated::Live(Box::new(live))))));
                }
                // The project was deleted, or another activation took the host: not by us, who hold the table.
                Err(error) => {
                    steps.extend(self.take_back(table, vec![one], &error.into()).await);
                    self.save(table).await?;
                }
            }
        }
        let places = self.places().clone();
        blocking(move || {
            for (name, project, deployment) in links {
                links::point(&places, &name, project, deployment);
            }
            Ok(())
        })
        .await?;
        Ok(steps)
    }

    /// Puts the old sites back and refuses.
    async fn take_back(
        &self,
        table: &mut Table,
        installed: Vec<Installed>,
        error: &DeployError,
    ) -> Vec<(ActivationId, Stepped)> {
        self.put_back(table, &installed);
        let mut steps = Vec::new();
        for one in installed {
            steps.push((one.activation, self.refuse(one.activation, &one.deployment, error).await.map(Step::Ended)));
        }
        steps
    }

    /// Steps 2 and 3, and the table in memory; a failure leaves everything as it was.
    async fn install(
        &self,
        table: &mut Table,
        activation: ActivationId,
        deployment: &Deployment,
        host: String,
    ) -> Result<Installed, DeployError> {
        let target = self.open_target(deployment.project, deployment.id).await?;
        let (edge, hosts, id) = (self.edge().clone(), [deployment.host.clone(), host.clone()], deployment.id);
        let answers_itself = files_at_root(&target).is_some();
        let project = self.store().project_unscoped(deployment.project).await?;
        let lock = lock_of(project.as_ref().and_then(|project| project.protection.as_ref()), deployment.environment);
        let follows = deployment.environment == Environment::Production;
        let link = project.filter(|_| follows).map(|project| project.name.as_str().into());
        let placements = [&*host, &deployment.host].map(|host| table.get(host).cloned());
        let site = |target| Site::of(target).of_project(deployment.project).locked(lock.clone());
        let own_site = self.edge().install(&deployment.host, site(target.clone()));
        let old_site = self.edge().install(&host, site(target));
        let sites = [old_site, own_site];
        // On a thread of its own: a release that brings the edge to panic is refused, and the worker lives.
        let answers = blocking(move || hosts.iter().try_for_each(|host| ask(&edge, host, id, answers_itself))).await;
        let one = Installed { activation, deployment: deployment.clone(), host, link, lock, sites, placements };
        match answers {
            Ok(()) => {
                self.place(table, &one);
                Ok(one)
            }
            Err(error) => {
                self.put_back(table, &[one]);
                Err(error)
            }
        }
    }

    /// Puts back what was on the hosts before, the last change first.
    fn put_back(&self, table: &mut Table, installed: &[Installed]) {
        for Installed { deployment, host, sites, placements, .. } in installed.iter().rev() {
            for ((host, site), placement) in [host, &deployment.host].into_iter().zip(sites).zip(placements) {
                self.edge().put_back(host, site.clone());
                table.put_back(host, placement.clone());
            }
        }
    }

    fn place(&self, table: &mut Table, one: &Installed) {
        let Installed { deployment, host, link, lock, .. } = one;
        let (project, live) = (deployment.project, Some(deployment.id));
        let before = Placement::before(table.get(host), project, live, self.store().clock().now());
        table.place(host, Placement { project, deployment: live, before, link: link.clone(), lock: lock.clone() });
        table.place(&deployment.host, Placement::of(deployment, lock.clone()));
    }

    async fn refuse(
        &self,
        id: ActivationId,
        deployment: &Deployment,
        error: &DeployError,
    ) -> Result<Activated, DeployError> {
        tracing::error!(deployment = %deployment.id, error = %chain(error), "a deployment was not put live");
        self.refuse_because(id, error.to_string()).await
    }

    /// Refuses for a reason that is told to its owner.
    pub(crate) async fn refuse_because(&self, id: ActivationId, reason: String) -> Result<Activated, DeployError> {
        match self.store().refuse_activation(id, &reason).await {
            // Gone with its project.
            Ok(()) | Err(StoreError::NotFound) => Ok(Activated::Refused { reason }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Asks the edge, as a visitor would, whether a host answers with a deployment; what a service answers is not asked for
/// here, for it has shown before that it is healthy.
fn ask(edge: &Edge, host: &str, deployment: DeploymentId, answers_itself: bool) -> Result<(), DeployError> {
    let silent = |why: &str| {
        DeployError::disk("the site does not answer with the new release")(std::io::Error::other(why.to_owned()))
    };
    let request = Request::builder()
        .uri("/")
        .header(header::HOST, host)
        .extension(Insider)
        .body(())
        .map_err(|_| silent("the host is not one"))?;
    let response = edge.respond(&edge.decide(&request), &request);
    match response.body().deployment() {
        Some(served) if served == deployment.0 && !(answers_itself && response.status().is_server_error()) => Ok(()),
        _ => Err(silent(response.status().as_str())),
    }
}

/// An error with what caused it, for the log.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
