//! Projects whose files are published as they are, because what is told of them is not about building, and the sites of
//! their branches.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{Project, Repo, Site, World, eventually};

/// How long anything that contains a build may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

impl Repo {
    /// Commits and pushes a page that says `text`, on the branch that is checked out; the commit's id.
    ///
    /// # Errors
    /// When git refuses.
    pub fn say(&self, text: &str) -> Result<String> {
        self.publish(text, &[("index.html", &format!("<!doctype html><title>Shop</title><h1>{text}</h1>"))])
    }

    /// Commits and pushes such a page on a new branch that begins where `main` is.
    ///
    /// # Errors
    /// When git refuses.
    pub fn say_on(&self, branch: &str, text: &str) -> Result<String> {
        self.switch("main")?;
        self.switch(branch)?;
        self.say(text)
    }
}

impl World {
    /// Connects a new repository whose page says `text`, with previews, and waits until it is live.
    ///
    /// # Errors
    /// When Berth refuses.
    pub async fn open_pages(&self, name: &str, text: &str) -> Result<Project> {
        let repo = self.github.repo(name)?;
        repo.say(text)?;
        let project = self.connect_repo(name, repo, json!({"buildCommand": ""})).await?;
        self.change(&project, json!({"previews": true})).await?;
        self.live(&project, project.first_build).await?;
        Ok(project)
    }

    /// Changes settings of a project.
    ///
    /// # Errors
    /// When Berth refuses.
    pub async fn change(&self, project: &Project, settings: Value) -> Result<Value> {
        self.ada.patch(&format!("/api/v1/projects/{}", project.id), &settings).await?.expect(200)
    }

    /// A list under a project, such as `previews` or `deliveries`.
    ///
    /// # Errors
    /// When Berth does not show it.
    pub async fn list(&self, project: &Project, what: &str) -> Result<Vec<Value>> {
        let listed = self.ada.get(&format!("/api/v1/projects/{}/{what}", project.id)).await?.expect(200)?;
        listed.as_array().cloned().with_context(|| format!("{what} are no list: {listed}"))
    }

    /// The newest build of a project; a delivery is answered when its builds are there.
    ///
    /// # Errors
    /// When there is none.
    pub async fn newest_build(&self, project: &Project) -> Result<Value> {
        self.list(project, "builds").await?.into_iter().next().context("there is a build")
    }

    /// The site of a branch whose host nothing else wanted.
    #[must_use]
    pub fn branch_site(&self, project: &Project, branch: &str) -> Site {
        let label: String = branch.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let name = project.site.host.split('.').next().unwrap_or_default();
        Site::at(&self.berth, &format!("{name}-git-{}.{}", label.to_ascii_lowercase(), self.berth.domain()))
    }

    /// The site at an address that Berth told.
    ///
    /// # Errors
    /// When it is no address.
    pub fn site_at(&self, url: &Value) -> Result<Site> {
        let host = url.as_str().and_then(|url| url.strip_prefix("http://"));
        let host = host.with_context(|| format!("{url} is no address"))?;
        Ok(Site::at(&self.berth, host.trim_end_matches('/')))
    }

    /// Waits until a site shows `text`.
    ///
    /// # Errors
    /// When it does not; says what it shows instead.
    pub async fn sees(&self, site: &Site, text: &str) -> Result<()> {
        let mut last = String::new();
        let seen = eventually("the text shows", PATIENCE, async || {
            let page = site.get("/").await?;
            last = format!("{} {}", page.status, page.body.chars().take(300).collect::<String>());
            Ok(page.body.contains(text).then_some(()))
        });
        seen.await.map_err(|error| error.context(format!("{} should show {text:?}, shows {last}", site.host)))
    }

    /// Waits until nothing is served at a host.
    ///
    /// # Errors
    /// When something still is.
    pub async fn gone(&self, site: &Site) -> Result<()> {
        eventually(&format!("{} is gone", site.host), Duration::from_secs(60), async || {
            Ok((site.get("/").await?.status == 404).then_some(()))
        })
        .await
    }

    /// A build as `/api/v1` shows it.
    ///
    /// # Errors
    /// When Berth does not show it.
    pub async fn seen(&self, build: i64) -> Result<Value> {
        self.ada.get(&format!("/api/v1/builds/{build}")).await?.expect(200)
    }

    /// The deployment of a build as `/api/v1` shows it.
    ///
    /// # Errors
    /// When it has none.
    pub async fn deployed(&self, project: &Project, build: i64) -> Result<Value> {
        let deployments = self.list(project, "deployments").await?;
        let found = deployments
            .iter()
            .find(|deployment| deployment["buildId"] == build && deployment["promotedFrom"].is_null());
        found.cloned().with_context(|| format!("build {build} has no deployment among {deployments:?}"))
    }
}
