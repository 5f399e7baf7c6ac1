//! A project goes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::{PAGES, one_of};
use crate::torture::{Ordeal, settled};
use crate::{Answer, Project, World, eventually};

/// How long files may take to go.
const PATIENCE: Duration = Duration::from_secs(60);

/// A project that is deleted with everything it has.
#[derive(Default)]
pub struct Deletion {
    project: Option<Project>,
}

impl Deletion {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    async fn delete(&self, world: &World) -> Result<Answer> {
        world.ada.delete(&format!("/api/v1/projects/{}", self.project()?.id)).await
    }

    async fn is_gone(&self, world: &World) -> Result<bool> {
        let path = format!("/api/v1/projects/{}", self.project()?.id);
        Ok(world.ada.get(&path).await?.status == 404)
    }
}

impl Ordeal for Deletion {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        self.project = Some(world.open_pages(&format!("doomed-{round}"), PAGES[0]).await?);
        settled(world).await
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        Ok(self.delete(world).await?.status == 204)
    }

    async fn is_done(&self, world: &World) -> Result<bool> {
        let of_project = world.berth.deployments().join(".releases").join(self.project()?.id.to_string());
        Ok(self.is_gone(world).await? && !of_project.exists())
    }

    async fn first_look(&mut self, world: &World, acknowledged: bool) -> Result<()> {
        let is_gone = self.is_gone(world).await?;
        ensure!(is_gone || !acknowledged, "a deleted project is back");
        if !is_gone {
            one_of(&self.project()?.site, PAGES, Some(0)).await?;
        }
        Ok(())
    }

    async fn complete(&mut self, world: &World, _: bool) -> Result<()> {
        let status = self.delete(world).await?.status;
        ensure!(matches!(status, 204 | 404), "deleting answers {status}");
        world.gone(&self.project()?.site).await?;
        let link = world.berth.deployments().join(self.project()?.site.host.split('.').next().unwrap_or_default());
        eventually("the link is gone", PATIENCE, async || Ok(link.symlink_metadata().is_err().then_some(()))).await
    }
}
