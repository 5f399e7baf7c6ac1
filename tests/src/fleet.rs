//! Many projects at once, each from a directory: examples, and whatever else is there to be deployed as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::{Database, Project, World, eventually};

/// How long a whole fleet may wait for one build; every build has Berth's own limit besides.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A directory that becomes a project.
#[derive(Clone, Debug)]
pub struct Vessel {
    /// The project's name.
    pub name: String,
    /// Its files.
    pub directory: PathBuf,
    /// What the owner sets; an empty object where nothing has to be set.
    pub settings: Value,
}

/// How the first build of a project ended.
pub struct Voyage {
    /// The project.
    pub project: Project,
    /// The build as `/api/v1` shows it.
    pub build: Value,
}

impl Voyage {
    /// The build's status.
    #[must_use]
    pub fn status(&self) -> &str {
        self.build["status"].as_str().unwrap_or_default()
    }
}

/// Connects all of them to one Berth with these settings, which builds two at a time, and hands each to `judge` when its
/// build has ended. All are judged, whatever becomes of the others.
///
/// # Errors
/// What was wrong with each, one after the other.
pub async fn deploy_each(
    vessels: &[Vessel],
    settings: &[(&str, &str)],
    judge: impl AsyncFn(&World, &Vessel, &Voyage) -> Result<()>,
) -> Result<()> {
    let two = [("BERTH_BUILD_CONCURRENCY", "2"), ("BERTH_BUILD_CONCURRENCY_PER_USER", "2")];
    let world = World::open(&Database::Sqlite, &[&two, settings].concat()).await?;
    let mut under_way = Vec::new();
    for vessel in vessels {
        let repo = world.github.repo(&vessel.name)?;
        repo.copy_in(&vessel.directory)?;
        repo.publish("The project as it is", &[])?;
        under_way.push((vessel, world.connect_repo(&vessel.name, repo, vessel.settings.clone()).await?));
    }
    let mut complaints = BTreeMap::new();
    for (vessel, project) in under_way {
        let judged = async {
            let build = arrived(&world, &project).await?;
            eprintln!("{:<28} {:<8} {}", vessel.name, build["status"].as_str().unwrap_or_default(), steps(&build));
            let voyage = Voyage { project, build };
            if let Err(complaint) = judge(&world, vessel, &voyage).await {
                let log = world.log_text(voyage.project.first_build).await?;
                return Err(complaint.context(format!("{} {}\n{log}", voyage.status(), voyage.build["failure"])));
            }
            Ok(())
        };
        if let Err(complaint) = judged.await {
            complaints.insert(vessel.name.clone(), complaint);
        }
    }
    if !complaints.is_empty() {
        let mut all = String::new();
        for (name, complaint) in &complaints {
            writeln!(all, "\n=== {name}: {}\n{complaint:#}", complaint.root_cause())?;
        }
        let names: Vec<_> = complaints.keys().collect();
        bail!("{} of {} are not as they should be: {names:?}{all}", complaints.len(), vessels.len());
    }
    world.close().await
}

async fn arrived(world: &World, project: &Project) -> Result<Value> {
    let build = project.first_build;
    eventually(&format!("build {build} of {} ends", project.site.host), PATIENCE, async || {
        let seen = world.ada.get(&format!("/api/v1/builds/{build}")).await?.expect(200)?;
        let status = seen["status"].as_str().with_context(|| format!("no status in {seen}"))?;
        Ok((!matches!(status, "queued" | "running")).then_some(seen))
    })
    .await
}

/// `install 12.3 s, build 4.0 s`: what took its time.
fn steps(build: &Value) -> String {
    let steps = build["steps"].as_array().into_iter().flatten();
    let took = steps.filter_map(|step| {
        let millis = step["tookMs"].as_u64().filter(|millis| *millis >= 100)?;
        Some(format!("{} {}.{} s", step["name"].as_str()?, millis / 1_000, millis % 1_000 / 100))
    });
    took.collect::<Vec<_>>().join(", ")
}
