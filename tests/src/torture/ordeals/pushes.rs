//! Pushes of plain files, of what is built in a container, and of what runs in one.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{is_over, only_kept_images, page, whole};
use crate::torture::{Ordeal, settled};
use crate::{Delivery, Project, Repo, World};

/// A push, of a new version each time.
pub struct Push {
    content: Content,
    project: Option<Project>,
    version: u64,
}

/// What is pushed.
#[derive(Clone, Copy)]
enum Content {
    /// Files that are the site.
    Files,
    /// A build command, and dependencies that no image holds yet.
    Sources,
    /// A server with a Dockerfile.
    Service,
}

impl Push {
    /// Of files that are published as they are.
    #[must_use]
    pub fn of_files() -> Self {
        Self { content: Content::Files, project: None, version: 0 }
    }

    /// Of what a container builds.
    #[must_use]
    pub fn of_sources() -> Self {
        Self { content: Content::Sources, project: None, version: 0 }
    }

    /// Of what becomes an image and runs.
    #[must_use]
    pub fn of_service() -> Self {
        Self { content: Content::Service, project: None, version: 0 }
    }

    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }
}

impl Content {
    fn settings(self) -> Value {
        match self {
            Self::Files => json!({"buildCommand": ""}),
            Self::Sources => json!({"outputDirectory": "dist"}),
            Self::Service => json!({}),
        }
    }

    fn files(self, version: u64) -> Vec<(&'static str, String)> {
        match self {
            Self::Files => plain_files(version).into(),
            Self::Sources => sources(version).into(),
            Self::Service => service(version).into(),
        }
    }
}

impl Ordeal for Push {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        self.version = round;
        let content = self.content;
        let publish = |repo: &Repo, version| {
            let files = content.files(version);
            let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
            repo.publish(&format!("Version {version}"), &files).map(drop)
        };
        if self.project.is_none() {
            let repo = world.github.repo("hardy")?;
            publish(&repo, 0)?;
            let project = world.connect_repo("hardy", repo, content.settings()).await?;
            world.shows(&project, &page(0)).await?;
            settled(world).await?;
            self.project = Some(project);
        }
        publish(&self.project()?.repo, round)
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

    async fn at_last(&mut self, world: &mut World) -> Result<()> {
        match self.content {
            Content::Service => only_kept_images(world, self.project()?).await,
            Content::Files | Content::Sources => Ok(()),
        }
    }
}

/// A site of plain files, some of which change with its version.
pub(super) fn plain_files(version: u64) -> [(&'static str, String); 4] {
    let text = format!("/* version {version} */ {}", "p{color:red}".repeat(200));
    [
        ("index.html", page(version)),
        ("assets/app.css", text),
        ("same.txt", "the same in every version, linked ".repeat(50)),
        ("_headers", "/*\n  X-Torture: yes\n".to_owned()),
    ]
}

/// The same site as a package: another version in the lockfile is another image of dependencies.
fn sources(version: u64) -> [(&'static str, String); 4] {
    let number = format!("1.0.{version}");
    let build = "mkdir -p dist/assets && cp index.html dist && cp app.css dist/assets";
    let package = json!({"name": "hardy", "version": number, "private": true, "scripts": {"build": build}});
    let root = json!({"name": "hardy", "version": number});
    let lock = json!({"name": "hardy", "version": number, "lockfileVersion": 3, "packages": {"": root}});
    [
        ("package.json", package.to_string()),
        ("package-lock.json", lock.to_string()),
        ("index.html", page(version)),
        ("app.css", format!("/* version {version} */")),
    ]
}

/// The same site from a process.
fn service(version: u64) -> [(&'static str, String); 2] {
    let dockerfile = "FROM node:22-slim\nEXPOSE 3000\nCOPY server.js .\nCMD [\"node\", \"server.js\"]\n";
    let (page, style) = (json!(page(version)), json!(format!("/* version {version} */")));
    let server = format!(
        "const answer = (path) => (path === '/' ? {page} : {style});
require('http').createServer((request, response) => response.end(answer(request.url))).listen(3000, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
"
    );
    [("Dockerfile", dockerfile.to_owned()), ("server.js", server)]
}
