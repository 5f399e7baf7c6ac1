//! Rollback and promotion: what is there already goes live.

use anyhow::{Context, Result};
use serde_json::json;

use super::{PAGES, one_of};
use crate::torture::{Ordeal, settled};
use crate::{Answer, Project, World, number};

/// A way back and forth between two deployments.
#[derive(Default)]
pub struct Rollback {
    project: Option<Project>,
    deployments: [i64; 2],
    round: u64,
}

impl Rollback {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    fn which(&self) -> usize {
        usize::from(self.round.is_multiple_of(2))
    }
}

impl Ordeal for Rollback {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        if self.project.is_none() {
            let project = world.open_pages("back", PAGES[0]).await?;
            project.repo.say(PAGES[1])?;
            let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
            world.live(&project, build).await?;
            let of = async |build| number(&world.deployed(&project, build).await?["id"]);
            self.deployments = [of(project.first_build).await?, of(build).await?];
            self.project = Some(project);
        }
        self.round = round;
        settled(world).await
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        let path = format!("/api/v1/deployments/{}/activate", self.deployments[self.which()]);
        Ok(world.ada.post(&path, &json!({})).await?.status == 200)
    }

    async fn is_done(&self, _: &World) -> Result<bool> {
        Ok(self.project()?.site.get("/").await?.body.contains(PAGES[self.which()]))
    }

    async fn first_look(&mut self, _: &World, acknowledged: bool) -> Result<()> {
        one_of(&self.project()?.site, PAGES, acknowledged.then(|| self.which())).await
    }

    async fn complete(&mut self, world: &World, _: bool) -> Result<()> {
        let path = format!("/api/v1/deployments/{}/activate", self.deployments[self.which()]);
        world.ada.post(&path, &json!({})).await?.expect(200)?;
        one_of(&self.project()?.site, PAGES, Some(self.which())).await
    }
}

/// A preview's deployment that becomes production.
#[derive(Default)]
pub struct Promotion {
    project: Option<Project>,
    old: i64,
    preview: i64,
}

impl Promotion {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    async fn promote(&self, world: &World) -> Result<Answer> {
        let path = format!("/api/v1/deployments/{}/promote", self.preview);
        world.ada.post(&path, &json!({"rebuild": false})).await
    }
}

impl Ordeal for Promotion {
    async fn prepare(&mut self, world: &World, _: u64) -> Result<()> {
        if self.project.is_none() {
            let project = world.open_pages("up", PAGES[0]).await?;
            project.repo.say_on("next", PAGES[1])?;
            let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
            world.sees(&world.branch_site(&project, "next"), PAGES[1]).await?;
            self.old = number(&world.deployed(&project, project.first_build).await?["id"])?;
            self.preview = number(&world.deployed(&project, build).await?["id"])?;
            self.project = Some(project);
        }
        world.ada.post(&format!("/api/v1/deployments/{}/activate", self.old), &json!({})).await?.expect(200)?;
        settled(world).await
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        Ok(self.promote(world).await?.status == 200)
    }

    async fn is_done(&self, _: &World) -> Result<bool> {
        Ok(self.project()?.site.get("/").await?.body.contains(PAGES[1]))
    }

    async fn first_look(&mut self, _: &World, acknowledged: bool) -> Result<()> {
        one_of(&self.project()?.site, PAGES, acknowledged.then_some(1)).await
    }

    async fn complete(&mut self, world: &World, _: bool) -> Result<()> {
        self.promote(world).await?.expect(200)?;
        one_of(&self.project()?.site, PAGES, Some(1)).await?;
        one_of(&world.branch_site(self.project()?, "next"), PAGES, Some(1)).await
    }
}
