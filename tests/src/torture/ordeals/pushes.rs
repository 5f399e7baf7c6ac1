//! Pushes of plain files, and of what is built in a container.

use anyhow::{Context, Result};
use serde_json::json;

use super::{is_over, page, whole};
use crate::torture::{Ordeal, settled};
use crate::{Delivery, Project, Repo, World};

/// A push of plain files.
#[derive(Default)]
pub struct PlainPush {
    project: Option<Project>,
    version: u64,
}

impl PlainPush {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    pub(super) fn files(version: u64) -> [(&'static str, String); 4] {
        let text = format!("/* version {version} */ {}", "p{color:red}".repeat(200));
        [
            ("index.html", page(version)),
            ("assets/app.css", text),
            ("same.txt", "the same in every version, linked ".repeat(50)),
            ("_headers", "/*\n  X-Torture: yes\n".to_owned()),
        ]
    }

    fn publish(&self) -> Result<()> {
        let files = Self::files(self.version);
        let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        self.project()?.repo.publish(&format!("Version {}", self.version), &files).map(drop)
    }
}

impl Ordeal for PlainPush {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        if self.project.is_none() {
            let repo = world.github.repo("hardy")?;
            repo.publish("Version 0", &[("index.html", &page(0))])?;
            self.project = Some(world.connect_repo("hardy", repo, json!({"buildCommand": ""})).await?);
            world.shows(self.project()?, &page(0)).await?;
            settled(world).await?;
        }
        self.version = round;
        self.publish()
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        Ok(Delivery::push(&self.project()?.repo)?.send(&world.berth).await?.status == 201)
    }

    async fn is_done(&self, world: &World) -> Result<bool> {
        Ok(self.project()?.site.get("/").await?.body == page(self.version)
            && world.list(self.project()?, "builds").await?.iter().all(is_over))
    }

    async fn first_look(&mut self, _: &World, _: bool) -> Result<()> {
        whole(&self.project()?.site, self.version, "/assets/app.css").await
    }

    /// Acknowledged or not: Berth looks where the branch is.
    async fn complete(&mut self, world: &World, _: bool) -> Result<()> {
        world.shows(self.project()?, &page(self.version)).await?;
        whole(&self.project()?.site, self.version, "/assets/app.css").await
    }
}

/// A push that is built in a container, with dependencies that no image holds yet.
#[derive(Default)]
pub struct ContainerBuild {
    project: Option<Project>,
    version: u64,
}

impl ContainerBuild {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    fn publish(&self, repo: &Repo) -> Result<()> {
        let version = self.version;
        // Another version in the lockfile is another image of dependencies.
        let package = format!(
            r#"{{"name":"hall","version":"1.0.{version}","private":true,"scripts":{{"build":"mkdir -p dist/assets && cp index.html dist && cp app.css dist/assets"}}}}"#
        );
        let lock = format!(
            r#"{{"name":"hall","version":"1.0.{version}","lockfileVersion":3,"requires":true,"packages":{{"":{{"name":"hall","version":"1.0.{version}"}}}}}}"#
        );
        let css = format!("/* version {version} */");
        let files = [
            ("package.json", package.as_str()),
            ("package-lock.json", &lock),
            ("index.html", &page(version)),
            ("app.css", &css),
        ];
        repo.publish(&format!("Version {version}"), &files).map(drop)
    }
}

impl Ordeal for ContainerBuild {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        if self.project.is_none() {
            let repo = world.github.repo("hall")?;
            self.publish(&repo)?;
            self.project = Some(world.connect_repo("hall", repo, json!({"outputDirectory": "dist"})).await?);
            world.shows(self.project()?, &page(0)).await?;
        }
        settled(world).await?;
        self.version = round;
        self.publish(&self.project()?.repo)
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        Ok(Delivery::push(&self.project()?.repo)?.send(&world.berth).await?.status == 201)
    }

    async fn is_done(&self, world: &World) -> Result<bool> {
        Ok(self.project()?.site.get("/").await?.body == page(self.version)
            && world.list(self.project()?, "builds").await?.iter().all(is_over))
    }

    async fn first_look(&mut self, _: &World, _: bool) -> Result<()> {
        whole(&self.project()?.site, self.version, "/assets/app.css").await
    }

    async fn complete(&mut self, world: &World, _: bool) -> Result<()> {
        world.shows(self.project()?, &page(self.version)).await?;
        whole(&self.project()?.site, self.version, "/assets/app.css").await
    }
}
