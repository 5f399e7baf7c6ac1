//! The container that one build works in, and its caches.

use berth_runtime::{Container, Exec, Kind, Labels, Sandbox, VolumeMount};

use super::archive::{Contents, OurFile};
use super::command::{self, CommandLine};
use super::{PACKAGE_CACHE, SOURCE, environment, inside};
use crate::BuildError;
use crate::failure::Command;
use crate::run::Job;

/// A container with the project's packages in it, ready for its files and its build command.
pub(crate) struct Workshop {
    pub(super) container: Container,
    /// What it was made of.
    pub(super) image: String,
    /// Whether the commit's files are in it already.
    pub(super) has_sources: bool,
}

impl Workshop {
    /// A container for installing: with the owner's package cache. A stranger's commit has one of its own.
    pub(super) async fn to_install(job: &Job, image: &str) -> Result<Self, BuildError> {
        let (purpose, labels) = match job.stranger {
            None => {
                let owner = Some(job.owner);
                let labels = Labels { owner, ..Labels::shared(Kind::Cache) };
                (format!("packages-{}", job.owner), labels)
            }
            Some(_) => (job.cache_name("packages"), job.labels(Kind::Cache, None)),
        };
        let volume = job.engine.ensure_volume(&purpose, &labels).await?;
        let mounts = vec![VolumeMount { volume, path: PACKAGE_CACHE.to_owned() }];
        Self::open(job, image, Kind::Dependencies, mounts).await
    }

    /// A container for building only: with what the project's own tools keep between builds. Installing would trip
    /// over these mounts, for it begins by removing `node_modules`.
    pub(super) async fn to_build(job: &Job, image: &str) -> Result<Self, BuildError> {
        let labels = job.labels(Kind::Cache, None);
        let mut mounts = Vec::new();
        for (name, directory) in job.caches() {
            let volume = job.engine.ensure_volume(&job.cache_name(name), &labels).await?;
            mounts.push(VolumeMount { volume, path: format!("{}/{directory}", inside(job.root())) });
        }
        Self::open(job, image, Kind::Build, mounts).await
    }

    async fn open(job: &Job, image: &str, kind: Kind, volumes: Vec<VolumeMount>) -> Result<Self, BuildError> {
        let labels = job.labels(kind, Some(job.build));
        let sandbox = Sandbox { image: image.to_owned(), labels, volumes, workdir: Some(SOURCE.to_owned()) };
        Ok(Self { container: job.engine.create(&sandbox).await?, image: image.to_owned(), has_sources: false })
    }

    /// Puts files of the commit in.
    pub(super) async fn take_files(&self, job: &Job, only: Option<Vec<String>>) -> Result<(), BuildError> {
        let contents = Contents { checkout: job.checkout.clone(), below: String::new(), only, ours: Vec::new() };
        Ok(self.container.upload(SOURCE, contents.into_stream()).await?)
    }

    /// Puts everything in that the build command sees: the commit's files, and the variables as `.env`.
    async fn take_sources(&mut self, job: &Job) -> Result<(), BuildError> {
        let dotenv = dotenv(job);
        let only = self.has_sources.then(Vec::new);
        if dotenv.is_none() && self.has_sources {
            return Ok(());
        }
        let ours = dotenv.into_iter().collect();
        let contents = Contents { checkout: job.checkout.clone(), below: String::new(), only, ours };
        self.container.upload(SOURCE, contents.into_stream()).await?;
        self.has_sources = true;
        Ok(())
    }

    /// Puts the commit's files in, where no build command needs anything else.
    pub(super) async fn take_commit(&mut self, job: &Job) -> Result<(), BuildError> {
        if !self.has_sources {
            self.take_files(job, None).await?;
            self.has_sources = true;
        }
        Ok(())
    }

    /// Runs the build command.
    pub(crate) async fn build(&mut self, job: &Job, line: &str) -> Result<(), BuildError> {
        self.take_sources(job).await?;
        let environment = environment::of_build(job);
        let command = CommandLine { which: Command::Build, line, workdir: inside(job.root()), environment };
        command::run(job, &self.container, command).await
    }

    /// Takes out again what was put in for the build alone: our `.env`, wherever a tool has copied it, and puts the
    /// commit's own in its place.
    pub(super) async fn take_back_variables(&self, job: &Job) -> Result<(), BuildError> {
        // Caches are not looked through: they are volumes, and no part of what is kept.
        const REMOVE: &str = r#"
            find . -xdev -type f -name '.env*' ! -path "./$0" -exec cmp -s "$0" {} \; -exec rm -f {} \; && rm -f "$0"
        "#;
        if job.variables.is_empty() {
            return Ok(());
        }
        let path = dotenv_path(job);
        let exec = Exec {
            workdir: Some(SOURCE.to_owned()),
            ..Exec::new(["sh", "-c", &format!("[ ! -f \"$0\" ] || {{ {REMOVE} }}"), &path])
        };
        let mut said = Vec::new();
        let end = self.container.exec(&exec, |_, piece| said.extend_from_slice(&piece)).await?;
        if end.exit_code != 0 {
            let said = job.log.masked(String::from_utf8_lossy(&said).into_owned());
            return Err(BuildError::ours(format!("the build's .env could not be taken out again: {}", said.trim())));
        }
        if job.checkout.has_file(&path) {
            self.take_files(job, Some(vec![path])).await?;
        }
        Ok(())
    }

    /// Removes the container without waiting for it; a removal that fails is left to the sweep.
    pub(crate) fn leave(self) {
        tokio::spawn(async move {
            if let Err(error) = self.container.stop_and_remove().await {
                tracing::warn!(%error, "a build's container could not be removed");
            }
        });
    }
}

/// The `.env` of the build, if the project has variables; says what it replaces and what it cannot hold.
fn dotenv(job: &Job) -> Option<OurFile> {
    if job.variables.is_empty() {
        return None;
    }
    let path = dotenv_path(job);
    if job.checkout.has_file(&path) {
        job.log.say(&format!("warning: the project's variables replace the repository's own {path}"));
    }
    let (text, left_out) = job.variables.dotenv();
    for key in left_out {
        job.log.say(&format!("{key} is in the environment only: .env has no way to write its value"));
    }
    Some(OurFile { path, text, mode: 0o600 })
}

fn dotenv_path(job: &Job) -> String {
    if job.root().is_empty() { ".env".to_owned() } else { format!("{}/.env", job.root()) }
}
