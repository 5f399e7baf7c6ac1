//! What a build left becomes a release.
//!
//! 1. survey: what the staging directory holds; what could never be served is removed from it and named in the log
//! 2. contents: every file is hashed; what an older release of the project holds is linked, what is new is compressed
//!    where that saves something, on all cores
//! 3. index: paths, hashes, codings, `_redirects`, `_headers` go into one file
//!    (1 to 3 for each static service; the one that answers everything is the release, the others lie in it: [`parts`])
//! 4. durable: everything reaches the disk, then the directory gets its name by one rename
//! 5. the database: one transaction makes the deployment `ready` and the build `passed`
//!
//! The staging directory *is* the release to be: nothing is copied. Of a running service the release holds what starts
//! it; its image is Docker's to keep. Files are never changed once they are published, so
//! releases of a project may share them. A crash before 4 leaves a staging directory, one
//! between 4 and 5 a release without a row; both are swept at the next start.
//!
//! Production's copy of a preview's release ([`copy`]) enters at 3: its files are linked, not copied.

mod compress;
mod contents;
mod copy;
mod durable;
mod kept;
mod survey;

use std::path::{Path, PathBuf};

use berth_edge::index::{IndexBuilder, layout};
use berth_edge::{RedirectLoop, RuleProblem};
use berth_model::words::Bytes;
use berth_model::{Artifact, BuiltService, DeploymentId, Failure, FailureCode, ServiceSpec, Timestamp};
use berth_store::{Deployment, Lease, NewDeployment, Project};

use crate::{DeployEngine, DeployError, blocking, parts};

pub(crate) use durable::remove;

/// The longest `_redirects` or `_headers` that is read, in bytes.
const LONGEST_RULES: u64 = 1 << 20;
/// Most rule problems that the log tells one by one.
const TOLD_PROBLEMS: usize = 20;

/// A staging directory that is ready to be renamed.
struct Prepared {
    directory: PathBuf,
    /// What the database keeps of the services; `None` where they are one static one that answers everything.
    services: Option<Vec<ServiceSpec>>,
    files: u64,
    bytes: u64,
    /// What the build's log says about it.
    told: Vec<String>,
}

/// What the releases of all static services of a deployment have in common.
struct Common<'a> {
    id: DeploymentId,
    /// Where the project's other releases are.
    of_project: &'a Path,
    /// When it is published, in seconds; 0 where another release has that second.
    published: u32,
}

impl DeployEngine {
    /// Publishes what a build made: the deployment is `ready` at its own host, the build has `passed`, and its
    /// activation is pending. The artifacts' directories are gone afterwards, whatever happened; images are not touched.
    /// To be run to its end: a build that was canceled meanwhile is refused by the database, and then nothing stays.
    ///
    /// # Errors
    /// [`DeployError::Theirs`] where an artifact holds nothing to publish; the disk's and the database's own, among
    /// them a lost lease and a build that was canceled meanwhile.
    pub async fn publish(
        &self,
        lease: &Lease,
        project: &Project,
        services: Vec<BuiltService>,
        exit_code: Option<i64>,
        log: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Deployment, DeployError> {
        let staged: Vec<PathBuf> =
            services.iter().filter_map(BuiltService::files).map(|artifact| artifact.directory.clone()).collect();
        let published = self.publish_staged(lease, project, services, exit_code, log).await;
        if published.is_err() {
            for directory in staged {
                self.discard(directory).await;
            }
        }
        published
    }

    async fn publish_staged(
        &self,
        lease: &Lease,
        project: &Project,
        services: Vec<BuiltService>,
        exit_code: Option<i64>,
        log: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Deployment, DeployError> {
        let (id, short_id) = self.store().reserve_deployment(lease).await?;
        let release = self.places().release(project.id, id);
        let to = release.clone();
        let of_project = self.places().project(project.id);
        // For a deployment without files.
        let empty = self.staging().join(format!("empty-{id}"));
        let now = self.store().clock().now();
        let prepared = blocking(move || {
            let prepared = prepare_all(&services, id, &of_project, &empty, now);
            if prepared.is_err() {
                // There only where no artifact is the release; what cannot be removed now is swept.
                let _ = std::fs::remove_dir_all(&empty);
            }
            let prepared = prepared?;
            durable::move_into_place(&prepared.directory, &to)?;
            Ok(prepared)
        })
        .await?;
        for line in &prepared.told {
            log(line);
        }
        let host = self.deployment_host(&project.name, &short_id);
        let Prepared { services, files, bytes, .. } = prepared;
        let new = NewDeployment { id, short_id, host, files, bytes, services };
        match self.store().publish_deployment(lease, new, exit_code).await {
            Ok(deployment) => {
                self.place_own_host(&deployment).await;
                Ok(deployment)
            }
            // Without an answer the row may be there: only the next start, which asks for it, may remove the files.
            Err(error) if error.is_unavailable() => Err(error.into()),
            Err(error) => {
                self.discard(release).await;
                Err(error.into())
            }
        }
    }

    /// Removes a directory that nothing leads to; what is left of it is swept at the next start.
    pub async fn discard(&self, directory: PathBuf) {
        let trash = self.places().trash();
        let removed = blocking(move || Ok(remove(&directory, &trash))).await;
        if let Ok(Err(error)) | Err(DeployError::Disk { source: error, .. }) = removed {
            tracing::warn!(%error, "a directory that is not needed any more could not be removed yet");
        }
    }
}

/// Steps 1 to 3 for every static service, and the first half of 4. `empty` becomes the release where no artifact does.
fn prepare_all(
    services: &[BuiltService],
    id: DeploymentId,
    of_project: &Path,
    empty: &Path,
    now: Timestamp,
) -> Result<Prepared, DeployError> {
    let disk = DeployError::disk;
    let specs: Vec<ServiceSpec> = services.iter().map(BuiltService::spec).collect();
    let root = parts::root(&specs);
    // A date stands for one release. Of two in one second only the first has it.
    let second = u32::try_from(now.since(Timestamp(0)).as_secs()).unwrap_or_default();
    let published = if kept::last_published(of_project) < second { second } else { 0 };
    let common = Common { id, of_project, published };
    let mut prepared = Prepared { directory: empty.to_owned(), services: None, files: 0, bytes: 0, told: Vec::new() };
    let mut further = Vec::new();
    for service in services {
        let Some(artifact) = service.files() else { continue };
        let part = prepare(artifact, &common)
            .map_err(|error| if services.len() > 1 { error.of_service(&service.name) } else { error })?;
        let prefix = if services.len() > 1 { format!("{} | ", service.name) } else { String::new() };
        prepared.told.extend(part.told.into_iter().map(|line| format!("{prefix}{line}")));
        prepared.files += part.files;
        prepared.bytes += part.bytes;
        if root == Some(&service.name) {
            prepared.directory.clone_from(&artifact.directory);
        } else {
            further.push((&service.name, &artifact.directory));
        }
    }
    let release = prepared.directory.clone();
    let put_together = || -> std::io::Result<()> {
        if root.is_none() {
            std::fs::create_dir_all(release.join(layout::OWN_DIRECTORY))?;
            let mut index = IndexBuilder::new(id.0);
            index.published(published);
            std::fs::write(release.join(layout::INDEX_FILE), index.finish(None).0)?;
            berth_model::step!("empty index written");
        }
        for (name, from) in further {
            let to = parts::directory(&release, &specs, name);
            if let Some(above) = to.parent() {
                std::fs::create_dir_all(above)?;
            }
            std::fs::rename(from, to)?;
            berth_model::step!("part moved into the release");
        }
        if !parts::is_plain(&specs) {
            parts::write(&release, &specs)?;
            berth_model::step!("list of services written");
        }
        durable::sync(&release)
    };
    put_together().map_err(disk("the release could not be brought to the disk"))?;
    prepared.services = (!parts::is_plain(&specs)).then_some(specs);
    Ok(prepared)
}

/// What one static service's release holds.
struct Part {
    files: u64,
    bytes: u64,
    told: Vec<String>,
}

/// Steps 1 to 3 for one static service.
fn prepare(artifact: &Artifact, common: &Common<'_>) -> Result<Part, DeployError> {
    let Common { id, of_project, published } = *common;
    let directory = artifact.directory.as_path();
    let survey = survey::survey(directory).map_err(DeployError::disk("the artifact could not be read"))?;
    let mut told = survey.told;
    if survey.files.is_empty() {
        return Err(DeployError::Theirs(
            Failure::new(
                FailureCode::MissingOutput,
                "there is nothing to publish",
                "The output holds no file that a visitor could open. Check which directory the build writes to.",
            )
            .with_setting("outputDirectory"),
        ));
    }
    let disk = DeployError::disk;
    let contents = contents::all(directory, of_project, &survey.files)
        .map_err(disk("a file of the release could not be written"))?;
    told.extend(survey::tell("not used, because they are not the compressed files they are named for", contents.wrong));

    let mut index = IndexBuilder::new(id.0);
    index.compressed_by(compress::RULE);
    index.published(published);
    let mut problems = Vec::new();
    for (name, read) in [("_redirects", IndexBuilder::redirects as ReadRules), ("_headers", IndexBuilder::headers)] {
        if let Some(text) = read_rules(directory, name)? {
            problems.extend(read(&mut index, &text).into_iter().map(|problem| (name, problem)));
        }
    }
    let (mut bytes, mut compressed) = (0, 0);
    for (file, content) in survey.files.iter().zip(&contents.of_files) {
        index.add(&file.path, content.identity, &content.compressed);
        bytes += content.identity.length;
        compressed += usize::from(!content.compressed.is_empty());
    }
    if let Some(found) = index.redirect_loop() {
        return Err(DeployError::Theirs(endless(&found)));
    }
    let (index, decided) = index.finish(artifact.spa_fallback);
    std::fs::write(directory.join(layout::INDEX_FILE), index).map_err(disk("the index could not be written"))?;
    berth_model::step!("index written");

    for (name, problem) in problems.iter().take(TOLD_PROBLEMS) {
        told.push(format!("warning: {name}, line {}: {}", problem.line, problem.message));
    }
    if problems.len() > TOLD_PROBLEMS {
        told.push(format!(
            "warning: … and {} more lines of rule files that were left out",
            problems.len() - TOLD_PROBLEMS
        ));
    }
    if artifact.spa_fallback == Some(true) && !decided.fallback {
        told.push(
            "warning: the setting spaFallback has no effect: there is no index.html or 200.html to fall back to"
                .to_owned(),
        );
    }
    let unchanged = match contents.unchanged {
        0 => String::new(),
        count => format!(", {count} as in an earlier release"),
    };
    told.push(format!(
        "Published {} file{}, {} ({compressed} compressed{unchanged}){}",
        decided.files,
        if decided.files == 1 { "" } else { "s" },
        Bytes(bytes),
        if decided.fallback { "; unknown paths open the application" } else { "" }
    ));
    Ok(Part { files: decided.files, bytes, told })
}

/// Visitors would be sent round until their browser gives up.
fn endless(found: &RedirectLoop) -> Failure {
    let lines: Vec<String> = found.lines().iter().map(usize::to_string).collect();
    let lines = match &lines[..] {
        [one] => format!("Line {one} of _redirects sends"),
        [before @ .., last] if before.len() < 10 => {
            format!("Lines {} and {last} of _redirects send", before.join(", "))
        }
        _ => format!("{} lines of _redirects send", lines.len()),
    };
    Failure::new(
        FailureCode::BadOutput,
        format!("_redirects loops: {found}"),
        format!("{lines} visitors round without end. Change or remove one of these rules, then deploy again."),
    )
}

type ReadRules = fn(&mut IndexBuilder, &str) -> Vec<RuleProblem>;

/// The text of a rule file, without a byte order mark; what of it is not UTF-8 is replaced.
///
/// # Errors
/// [`DeployError::Theirs`] where it is too long: rules that are left out where a file is cut off are missed by nobody
/// until a visitor does.
fn read_rules(directory: &Path, name: &str) -> Result<Option<String>, DeployError> {
    const UNREADABLE: &str = "a rule file could not be read";
    let file = directory.join(name);
    let length = match std::fs::metadata(&file) {
        Ok(found) if found.is_file() => found.len(),
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DeployError::disk(UNREADABLE)(error)),
    };
    if length > LONGEST_RULES {
        return Err(DeployError::Theirs(Failure::new(
            FailureCode::BadOutput,
            format!("{name} is too long"),
            format!(
                "It has {}, and Berth reads at most {}, because every request goes through its rules. Join rules with \
                 placeholders (/:name) or a splat (/*), then deploy again.",
                Bytes(length),
                Bytes(LONGEST_RULES)
            ),
        )));
    }
    let bytes = std::fs::read(&file).map_err(DeployError::disk(UNREADABLE))?;
    Ok(Some(String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').to_owned()))
}
