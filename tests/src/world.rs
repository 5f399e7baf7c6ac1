//! What every story begins with: GitHub, a Berth, a person who signed in, and a shop to be deployed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{Berth, Database, Delivery, FakeGithub, Repo, Session, Site, eventually};

/// How long anything that contains a build may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A Berth with its surroundings and one signed-in person.
pub struct World {
    /// Where the repositories are.
    pub github: FakeGithub,
    /// The real thing.
    pub berth: Berth,
    /// The person.
    pub ada: Session,
}

/// A connected repository.
pub struct Project {
    /// Its id.
    pub id: i64,
    /// Its repository.
    pub repo: Repo,
    /// Its site.
    pub site: Site,
    /// The build that connecting it queued.
    pub first_build: i64,
}

impl World {
    /// Starts everything; `settings` go into Berth's environment.
    ///
    /// # Errors
    /// When a part is missing or does not start.
    pub async fn open(database: &Database, settings: &[(&str, &str)]) -> Result<Self> {
        let github = FakeGithub::start().await?;
        let berth = Berth::start(database, &github, settings).await?;
        let ada = Session::over_oauth(&berth, &github).await?;
        Ok(Self { github, berth, ada })
    }

    /// Signs the person in again when it is time: for what takes longer than a bearer token is good for.
    ///
    /// # Errors
    /// When they cannot sign in.
    pub async fn stay_signed_in(&mut self) -> Result<()> {
        if self.ada.is_old() {
            self.ada = Session::over_oauth(&self.berth, &self.github).await?;
        }
        Ok(())
    }

    /// Connects a new repository that holds `shop`, with more settings of the project, and does not wait for its build.
    ///
    /// # Errors
    /// When Berth refuses.
    pub async fn connect(&self, name: &str, shop: &Shop, settings: Value) -> Result<Project> {
        let repo = self.github.repo(name)?;
        shop.publish(&repo)?;
        self.connect_repo(name, repo, settings).await
    }

    /// The same for a repository that is there already.
    ///
    /// # Errors
    /// When Berth refuses.
    pub async fn connect_repo(&self, name: &str, repo: Repo, settings: Value) -> Result<Project> {
        let mut body = json!({"name": name, "branch": "main", "repoUrl": repo.url});
        for (key, value) in settings.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let created = self.ada.post("/api/project", &body).await?.expect(201)?;
        let id = created["project"]["id"].as_i64().with_context(|| format!("no project in {created}"))?;
        let first_build = created["initialBuildId"].as_i64().with_context(|| format!("no build in {created}"))?;
        Ok(Project { id, repo, site: Site::of(&self.berth, name), first_build })
    }

    /// Connects a repository and waits until its shop is open.
    ///
    /// # Errors
    /// When it does not open.
    pub async fn open_shop(&self, name: &str, shop: &Shop) -> Result<Project> {
        let project = self.connect(name, shop, json!({"outputDirectory": "dist"})).await?;
        self.shows(&project, &shop.text).await?;
        Ok(project)
    }

    /// Commits `shop`, pushes it and delivers the push; the build that Berth queued.
    ///
    /// # Errors
    /// When Berth does not accept it.
    pub async fn push(&self, project: &Project, shop: &Shop) -> Result<i64> {
        shop.publish(&project.repo)?;
        let answer = Delivery::push(&project.repo)?.send(&self.berth).await?.expect(201)?;
        answer["build"]["id"].as_i64().with_context(|| format!("no build in {answer}"))
    }

    /// A build as existing clients see it.
    ///
    /// # Errors
    /// When Berth does not show it.
    pub async fn build(&self, id: i64) -> Result<Value> {
        Ok(self.ada.get(&format!("/api/build/{id}")).await?.expect(200)?["build"].clone())
    }

    /// Waits for the end of a build; its status as `/api/v1` spells it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn ended(&self, build: i64) -> Result<String> {
        eventually(&format!("build {build} ends"), PATIENCE, async || {
            let seen = self.ada.get(&format!("/api/v1/builds/{build}")).await?.expect(200)?;
            let status = seen["status"].as_str().with_context(|| format!("no status in {seen}"))?;
            Ok((!matches!(status, "queued" | "running")).then(|| status.to_owned()))
        })
        .await
    }

    /// Waits until the deployment of `build` is the project's live one.
    ///
    /// # Errors
    /// When it does not go live.
    pub async fn live(&self, project: &Project, build: i64) -> Result<()> {
        eventually(&format!("build {build} of {} is live", project.site.host), PATIENCE, async || {
            let seen = self.ada.get(&format!("/api/v1/projects/{}", project.id)).await?.expect(200)?;
            Ok((seen["liveDeployment"]["buildId"] == build).then_some(()))
        })
        .await
    }

    /// Waits until the newest deployment is live, and no other: visitors get it a moment before the database says so and
    /// the next start would serve it.
    ///
    /// # Errors
    /// When it does not go live.
    pub async fn newest_is_live(&self, project: &Project) -> Result<()> {
        eventually("the newest deployment is live, and no other", PATIENCE, async || {
            let deployments = self.list(project, "deployments").await?;
            let live: Vec<_> = deployments.iter().map(|deployment| deployment["status"] == "live").collect();
            Ok((live.first() == Some(&true) && !live[1..].contains(&true)).then_some(()))
        })
        .await
    }

    /// Why a build failed, as `/api/v1` tells it.
    ///
    /// # Errors
    /// When Berth does not show it.
    pub async fn failure(&self, build: i64) -> Result<Value> {
        Ok(self.ada.get(&format!("/api/v1/builds/{build}")).await?.expect(200)?["failure"].clone())
    }

    /// The log of a build so far.
    ///
    /// # Errors
    /// When Berth does not show it.
    pub async fn log_text(&self, build: i64) -> Result<String> {
        let (mut text, mut after) = (String::new(), 0);
        loop {
            let page = self.ada.get(&format!("/api/v1/builds/{build}/log?after={after}")).await?.expect(200)?;
            let lines = page["lines"].as_array().with_context(|| format!("no lines in {page}"))?;
            for line in lines {
                text += line["text"].as_str().with_context(|| format!("not a line: {line}"))?;
                text.push('\n');
            }
            if lines.is_empty() {
                return Ok(text);
            }
            after = page["next"].as_i64().with_context(|| format!("no next line in {page}"))?;
        }
    }

    /// All builds of a project, newest first.
    ///
    /// # Errors
    /// When Berth does not list it.
    pub async fn builds(&self, project: &Project) -> Result<Vec<Value>> {
        let projects = self.ada.get("/api/project/projects").await?.expect(200)?;
        let projects = projects["projects"].as_array().context("a list of projects")?;
        let found = projects.iter().find(|seen| seen["id"] == project.id).context("the project is not listed")?;
        Ok(found["builds"].as_array().context("a list of builds")?.clone())
    }

    /// The id of a build's deployment.
    ///
    /// # Errors
    /// When it has none.
    pub async fn deployment_of(&self, build: i64) -> Result<i64> {
        let build = self.build(build).await?;
        build["deployment"]["id"].as_i64().with_context(|| format!("no deployment in {build}"))
    }

    /// Goes back from the deployment of one build to that of another.
    ///
    /// # Errors
    /// When Berth refuses.
    pub async fn roll_back(&self, latest: i64, previous: i64) -> Result<Value> {
        let (latest, previous) = (self.deployment_of(latest).await?, self.deployment_of(previous).await?);
        let path = format!("/api/deploy/rollback?latest={latest}&prev={previous}");
        self.ada.put(&path, &json!({})).await?.expect(200)
    }

    /// Waits until the project's site shows `text`.
    ///
    /// # Errors
    /// When it does not; says what it shows instead.
    pub async fn shows(&self, project: &Project, text: &str) -> Result<()> {
        let mut last = String::new();
        let seen = eventually("the text shows", PATIENCE, async || {
            let page = project.site.get("/").await?;
            last = format!("{} {}", page.status, page.body);
            Ok(page.body.contains(text).then_some(()))
        });
        let seen = seen.await;
        if seen.is_err() {
            let builds = self.builds(project).await.unwrap_or_default();
            let builds: Vec<_> = builds.iter().map(|build| format!("{} {}", build["id"], build["status"])).collect();
            ensure!(seen.is_ok(), "{} should show {text:?}, shows {last}; builds: {builds:?}", project.site.host);
        }
        Ok(())
    }

    /// Ends a story that went well.
    ///
    /// # Errors
    /// When Berth does not stop cleanly.
    pub async fn close(self) -> Result<()> {
        self.berth.stop().await
    }
}

/// A small npm project without dependencies, whose build writes one page and one script.
#[derive(Clone)]
pub struct Shop {
    /// What the page says.
    pub text: String,
    /// How long the build takes on purpose.
    pub seconds: u32,
    /// More JavaScript for the end of the build.
    pub script: String,
}

impl Shop {
    /// A shop whose build takes no time.
    #[must_use]
    pub fn saying(text: &str) -> Self {
        Self { text: text.to_owned(), seconds: 0, script: String::new() }
    }

    /// The same, but the build takes so many seconds.
    #[must_use]
    pub fn slowly(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }

    /// The same, and the build ends with this.
    #[must_use]
    pub fn then(self, script: &str) -> Self {
        Self { script: script.to_owned(), ..self }
    }

    /// Commits and pushes it; the commit's id.
    ///
    /// # Errors
    /// When git refuses.
    pub fn publish(&self, repo: &Repo) -> Result<String> {
        const PACKAGE: &str = r#"{
  "name": "shop",
  "version": "1.0.0",
  "private": true,
  "type": "module",
  "scripts": { "build": "node build.mjs" }
}
"#;
        const LOCKFILE: &str = r#"{
  "name": "shop",
  "version": "1.0.0",
  "lockfileVersion": 3,
  "requires": true,
  "packages": { "": { "name": "shop", "version": "1.0.0" } }
}
"#;
        let Self { text, seconds, script } = self;
        let build = format!(
            r#"import {{ mkdirSync, writeFileSync }} from 'node:fs';
const text = {text};
console.log('building the shop that says ' + text);
for (let second = 0; second < {seconds}; second++) {{
  console.log('second ' + second);
  await new Promise((wake) => setTimeout(wake, 1000));
}}
mkdirSync('dist/assets', {{ recursive: true }});
writeFileSync('dist/index.html', '<!doctype html><title>Shop</title><h1>' + text + '</h1><script src="/assets/shop.js"></script>');
writeFileSync('dist/assets/shop.js', 'document.title = ' + JSON.stringify(text));
console.error('the shop is built');
{script}
"#,
            text = Value::from(text.as_str())
        );
        repo.publish(text, &[("package.json", PACKAGE), ("package-lock.json", LOCKFILE), ("build.mjs", &build)])
    }
}
