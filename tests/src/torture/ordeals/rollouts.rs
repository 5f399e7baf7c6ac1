//! A promotion of what runs: two services, a release command and a volume.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::json;

use super::only_kept_images;
use crate::torture::settled::is_settled;
use crate::torture::{Ordeal, settled};
use crate::{Answer, Project, Repo, World, number};

/// The branch of what is promoted.
const BRANCH: &str = "next";

const SERVICES: &str = r#"
[services.web]
dockerfile = "Dockerfile"
release = "echo $BERTH_DEPLOYMENT >> /data/releases; sleep 0.3; echo migrated"
volumes = { data = "/data" }

[services.side]
dockerfile = "Dockerfile"
routes = ["/side"]
"#;

const DOCKERFILE: &str = r#"FROM node:22-slim
WORKDIR /app
EXPOSE 3000
COPY server.js .
CMD ["node", "server.js"]
"#;

/// Answers with its version, and at `/releases` with what release commands have noted.
const SERVER: &str = r"
const { readFileSync } = require('fs');
const releases = () => { try { return readFileSync('/data/releases', 'utf8'); } catch { return ''; } };
const server = require('http').createServer((request, response) => {
  response.end(request.url === '/releases' ? releases() : version);
});
server.listen(process.env.PORT, '0.0.0.0');
process.on('SIGTERM', () => process.exit(0));
";

/// A preview of a new version that becomes production, each time. Its build is over before: what is interrupted is the
/// copy, the release command, the replicas' start, the switch, and the end of the old ones.
#[derive(Default)]
pub struct Rollout {
    project: Option<Project>,
    version: u64,
    preview: i64,
    /// Production's containers when the round began, and since when they run.
    before: BTreeMap<String, String>,
}

impl Rollout {
    fn project(&self) -> Result<&Project> {
        self.project.as_ref().context("a prepared project")
    }

    async fn promote(&self, world: &World) -> Result<Answer> {
        let path = format!("/api/v1/deployments/{}/promote", self.preview);
        world.ada.post(&path, &json!({"rebuild": false})).await
    }

    fn page(&self) -> String {
        format!("version {}", self.version)
    }

    /// The containers of production's live deployment, and since when each runs.
    async fn production(&self, world: &World) -> Result<BTreeMap<String, String>> {
        let project = world.ada.get(&format!("/api/v1/projects/{}", self.project()?.id)).await?.expect(200)?;
        let live = number(&project["liveDeployment"]["id"])?;
        let docker = world.berth.docker()?;
        let replicas = docker.replicas()?.into_iter().filter(|replica| replica.deployment == live);
        replicas.map(|replica| Ok((replica.container.clone(), docker.runs_since(&replica.container)?))).collect()
    }

    /// Whether what was production still runs, untouched.
    fn before_runs(&self, world: &World) -> Result<bool> {
        let docker = world.berth.docker()?;
        for (container, since) in &self.before {
            if docker.runs_since(container)? != *since {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Each release command ran once, and that of what is live did.
    async fn check_releases(&self, world: &World) -> Result<()> {
        let project = self.project()?;
        let noted = project.site.get("/releases").await?.body;
        let mut released = BTreeSet::new();
        for deployment in noted.lines() {
            ensure!(released.insert(deployment), "the release command of {deployment} ran twice: {noted:?}");
        }
        let deployments = world.list(project, "deployments").await?;
        for deployment in deployments.iter().filter(|one| one["environment"] == "production") {
            ensure!(deployment["status"] != "ready", "this deployment has not ended: {deployment}");
            // Its own address has the id that its processes are told.
            let url = deployment["url"].as_str().context("an address")?;
            let has_run = released.iter().any(|id| url.contains(id));
            ensure!(has_run || deployment["status"] != "live", "{url} is live without its release command: {noted:?}");
        }
        Ok(())
    }
}

fn publish(repo: &Repo, version: u64) -> Result<()> {
    let server = format!("const version = 'version {version}';\n{SERVER}");
    let files = [("berth.toml", SERVICES), ("Dockerfile", DOCKERFILE), ("server.js", &server)];
    repo.publish(&format!("Version {version}"), &files).map(drop)
}

impl Ordeal for Rollout {
    async fn prepare(&mut self, world: &World, round: u64) -> Result<()> {
        self.version = round;
        if self.project.is_none() {
            let repo = world.github.repo("fleet")?;
            publish(&repo, 0)?;
            let project = world.connect_repo("fleet", repo, json!({})).await?;
            world.change(&project, json!({"previews": true})).await?;
            world.live(&project, project.first_build).await?;
            project.repo.switch("main")?;
            project.repo.switch(BRANCH)?;
            self.project = Some(project);
        }
        let project = self.project()?;
        publish(&project.repo, round)?;
        let build = number(&world.github.deliver_push(&project.repo).await?.expect(201)?["build"]["id"])?;
        world.sees(&world.branch_site(project, BRANCH), &self.page()).await?;
        self.preview = number(&world.deployed(project, build).await?["id"])?;
        settled(world).await?;
        self.before = self.production(world).await?;
        ensure!(self.before.len() == 2, "production runs as {:?}", self.before);
        Ok(())
    }

    async fn ask(&mut self, world: &World) -> Result<bool> {
        Ok(self.promote(world).await?.status == 200)
    }

    /// The old replicas are gone, too.
    async fn is_done(&self, world: &World) -> Result<bool> {
        Ok(self.project()?.site.get("/").await?.body == self.page() && is_settled(world).await)
    }

    async fn first_look(&mut self, world: &World, acknowledged: bool) -> Result<()> {
        let site = &self.project()?.site;
        let (page, side) = (site.get("/").await?, site.get("/side").await?);
        ensure!(page.status == 200 && side.status == 200, "visitors get {page:?} and {side:?}");
        if page.body == self.page() {
            return Ok(());
        }
        ensure!(!acknowledged, "the promotion was answered, and visitors get {page:?}");
        ensure!(page.body.starts_with("version "), "neither the old nor the new version: {page:?}");
        ensure!(self.before_runs(world)?, "what was live was started again: {:?}", self.before);
        Ok(())
    }

    async fn complete(&mut self, world: &World, acknowledged: bool) -> Result<()> {
        if !acknowledged {
            // Where the first request was heard this asks for the same copy once more.
            let asked = self.promote(world).await?;
            ensure!(matches!(asked.status, 200 | 503), "the promotion is answered {} {}", asked.status, asked.text);
        }
        world.shows(self.project()?, &self.page()).await?;
        settled(world).await?;
        self.check_releases(world).await
    }

    async fn at_last(&mut self, world: &mut World) -> Result<()> {
        only_kept_images(world, self.project()?).await
    }
}
