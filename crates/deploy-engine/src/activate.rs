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

use berth_edge::{Served, Site, Target};
use berth_model::{ActivationId, DeploymentId, Environment};
use berth_store::{ActivationDecision, Deployment, StoreError};
use http::{Request, header};

use crate::table::{Placement, Table};
use crate::{DeployEngine, DeployError, blocking, links};

/// How an activation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activated {
    /// The deployment is live.
    Live(Deployment),
    /// It is not; what was live still is.
    Refused {
        /// Why, for people.
        reason: String,
    },
}

impl DeployEngine {
    /// Puts a deployment live, as an activation that is pending asks.
    ///
    /// # Errors
    /// The database's own; the activation is still pending then.
    pub async fn activate(&self, id: ActivationId) -> Result<Activated, DeployError> {
        let (mut table, deployment, host) = loop {
            let table = self.table().await;
            match self.store().decide_activation(id).await? {
                ActivationDecision::Go { deployment, host, .. } => break (table, deployment, host),
                ActivationDecision::Refused { reason } => return Ok(Activated::Refused { reason }),
                ActivationDecision::Copy { deployment, id: copy, short_id } => {
                    // Where hosts lead may change meanwhile.
                    drop(table);
                    match self.publish_copy(id, &deployment, copy, short_id).await {
                        Ok(()) => {}
                        Err(error) if error.is_unavailable() => return Err(error),
                        Err(error) => return self.refuse(id, &deployment, error).await,
                    }
                }
            }
        };
        let release = match self.open_release(deployment.project, deployment.id).await {
            Ok(release) => release,
            Err(error) => return self.refuse(id, &deployment, error).await,
        };
        let name = self.link_name(&deployment).await?;
        let before = table.clone();
        let own_site = self.edge().install(&deployment.host, Site::of(Target::Release(Arc::clone(&release))));
        let old_site = self.edge().install(&host, Site::of(Target::Release(release)));

        let installed = async {
            self.ask(&deployment.host, deployment.id)?;
            self.ask(&host, deployment.id)?;
            self.place(&mut table, &deployment, &host, name.clone());
            self.save(&table).await
        };
        let put_back = |table: &mut Table| {
            self.edge().put_back(&host, old_site.clone());
            self.edge().put_back(&deployment.host, own_site.clone());
            *table = before.clone();
        };
        if let Err(error) = installed.await {
            put_back(&mut table);
            return self.refuse(id, &deployment, error).await;
        }
        match self.store().confirm_activation(id).await {
            Ok(live) => {
                if let Some(name) = name {
                    let (places, project) = (self.places().clone(), live.project);
                    let deployment = live.id;
                    blocking(move || {
                        links::point(&places, &name, project, deployment);
                        Ok(())
                    })
                    .await?;
                }
                Ok(Activated::Live(live))
            }
            Err(error) if error.is_unavailable() => Err(error.into()),
            // The project was deleted, or another activation took the host: not by us, who hold the table.
            Err(error) => {
                put_back(&mut table);
                self.save(&table).await?;
                self.refuse(id, &deployment, error.into()).await
            }
        }
    }

    /// Asks the edge, as a visitor would, whether a host answers with a deployment.
    fn ask(&self, host: &str, deployment: DeploymentId) -> Result<(), DeployError> {
        let silent = |why: &str| {
            DeployError::disk("the site does not answer with the new release")(std::io::Error::other(why.to_owned()))
        };
        let request = Request::builder()
            .uri("/")
            .header(header::HOST, host)
            .body(())
            .map_err(|_| silent("the host is not one"))?;
        let response = self.edge().respond(&self.edge().decide(&request), &request);
        match response.extensions().get::<Served>() {
            Some(served) if served.deployment == deployment.0 && !response.status().is_server_error() => Ok(()),
            _ => Err(silent(response.status().as_str())),
        }
    }

    /// The link that follows a deployment: production only.
    async fn link_name(&self, deployment: &Deployment) -> Result<Option<String>, StoreError> {
        if deployment.environment != Environment::Production {
            return Ok(None);
        }
        let project = self.store().project_unscoped(deployment.project).await?;
        Ok(project.map(|project| project.name.as_str().to_owned()))
    }

    fn place(&self, table: &mut Table, deployment: &Deployment, host: &str, link: Option<String>) {
        let was = table.0.get(host);
        let replaced = was.and_then(|was| was.deployment).filter(|replaced| *replaced != deployment.id);
        let before = match replaced {
            Some(replaced) => Some((replaced, self.store().clock().now())),
            None => was.and_then(|was| was.before),
        };
        let placement = Placement { project: deployment.project, deployment: Some(deployment.id), before, link };
        table.0.insert(host.to_owned(), placement);
        table.0.insert(deployment.host.clone(), Placement::of(deployment));
    }

    async fn refuse(
        &self,
        id: ActivationId,
        deployment: &Deployment,
        error: DeployError,
    ) -> Result<Activated, DeployError> {
        tracing::error!(deployment = %deployment.id, error = %chain(&error), "a deployment was not put live");
        let reason = error.to_string();
        match self.store().refuse_activation(id, &reason).await {
            // Gone with its project.
            Ok(()) | Err(StoreError::NotFound) => Ok(Activated::Refused { reason }),
            Err(error) => Err(error.into()),
        }
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
