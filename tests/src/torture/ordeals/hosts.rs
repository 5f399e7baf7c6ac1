//! A host takes the place of another, or goes.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::PAGES;
use crate::torture::{Ordeal, settled};
use crate::{Page, Project, Site, World, number};

fn shows(page: &Page, text: &str) -> bool {
    page.status == 200 && page.body.contains(text)
}

/// A project gets another name, back and forth.
#[derive(Default)]
pub struct Renaming {
    project: Option<Project>,
    round: u64,
}

impl Renaming {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    /// The name that it has before the round, and the one after.
    fn names(&self) -> [&'static str; 2] {
        if self.round.is_multiple_of(2) { ["thither", "hither"] } else { ["hither", "thither"] }
    }

    async fn rename(&self, world: &World) -> Result<u16> {
        let path = format!("/api/v1/projects/{}", self.project()?.id);
        Ok(world.ada.patch(&path, &json!({"name": self.names()[1]})).await?.status)
    }

    /// Whether the page is at the old host and at the new one. Under a name that is not the project's there is nothing.
    async fn is_at(&self, world: &World) -> Result<[bool; 2]> {
        let mut is_at = [false; 2];
        for (name, is_at) in self.names().iter().zip(&mut is_at) {
            let page = Site::of(&world.berth, name).get("/").await?;
            *is_at = shows(&page, PAGES[0]);
            ensure!(*is_at || page.status == 404, "{name} answers {page:?}");
        }
        Ok(is_at)
    }
}

impl Ordeal for Renaming {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        if self.project.is_none() {
            self.project = Some(world.open_pages("hither", PAGES[0]).await?);
        }
        self.round = round;
        settled(world).await
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        Ok(self.rename(world).await? == 200)
    }

    async fn is_done(&self, world: &World) -> Result<bool> {
        Ok(self.is_at(world).await? == [false, true])
    }

    async fn first_look(&mut self, world: &World, acknowledged: bool) -> Result<()> {
        let is_at = self.is_at(world).await?;
        ensure!(is_at[0] != is_at[1], "of {:?} the project is at {is_at:?}", self.names());
        ensure!(is_at[1] || !acknowledged, "the old name is back");
        Ok(())
    }

    async fn complete(&mut self, world: &World, _: bool) -> Result<()> {
        let status = self.rename(world).await?;
        ensure!(status == 200, "renaming answers {status}");
        ensure!(self.is_at(world).await? == [false, true], "the name has no host: {:?}", self.is_at(world).await?);
        Ok(())
    }
}

/// A branch goes, and its preview with it.
#[derive(Default)]
pub struct BranchEnd {
    project: Option<Project>,
    branch: String,
    /// The preview's release on the disk.
    release: PathBuf,
}

impl BranchEnd {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    fn site(&self, world: &World) -> Result<Site> {
        Ok(world.branch_site(self.project()?, &self.branch))
    }
}

impl Ordeal for BranchEnd {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        if self.project.is_none() {
            self.project = Some(world.open_pages("trunk", PAGES[0]).await?);
        }
        self.branch = format!("branch-{round}");
        let repo = &self.project()?.repo;
        repo.say_on(&self.branch, PAGES[1])?;
        let build = number(&world.github.deliver_push(repo).await?.expect(201)?["build"]["id"])?;
        world.sees(&self.site(world)?, PAGES[1]).await?;
        let deployment = number(&world.deployed(self.project()?, build).await?["id"])?;
        let project = self.project()?.id;
        self.release = world.berth.deployments().join(format!(".releases/{project}/{deployment}"));
        ensure!(self.release.exists(), "the preview has no release at {}", self.release.display());
        settled(world).await
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        Ok(world.github.delete_branch(&self.project()?.repo, &self.branch).await?.status == 200)
    }

    async fn is_done(&self, world: &World) -> Result<bool> {
        Ok(self.site(world)?.get("/").await?.status == 404
            && world.list(self.project()?, "previews").await?.is_empty()
            && !self.release.exists())
    }

    async fn first_look(&mut self, world: &World, acknowledged: bool) -> Result<()> {
        let found = self.site(world)?.get("/").await?;
        ensure!(found.status == 404 || (shows(&found, PAGES[1]) && !acknowledged), "the branch's site is {found:?}");
        let trunk = self.project()?.site.get("/").await?;
        ensure!(shows(&trunk, PAGES[0]), "production is {trunk:?}");
        Ok(())
    }

    /// Heard or not: Berth looks which branches there are.
    async fn complete(&mut self, world: &World, _: bool) -> Result<()> {
        world.gone(&self.site(world)?).await?;
        let left = world.list(self.project()?, "previews").await?;
        ensure!(left.is_empty(), "there are the previews {left:?}");
        let trunk = self.project()?.site.get("/").await?;
        ensure!(shows(&trunk, PAGES[0]), "production is {trunk:?}");
        Ok(())
    }
}
