//! What the build command left, taken out of its container.

use std::path::Path;

use berth_model::{Decision, LogStream, OutputDir};
use berth_runtime::{Container, Exec, RuntimeError};

use super::container::Workshop;
use super::inside;
use crate::BuildError;
use crate::artifact::missing::{self, Found};
use crate::artifact::{Written, unpack};
use crate::failure;
use crate::run::Job;

/// What `find` may say before nobody reads on.
const MOST_LISTING: usize = 256 << 10;

/// The files, and where they were.
pub(crate) struct Output {
    pub(crate) written: Written,
    /// Another directory than the plan's, where that was only a guess.
    pub(crate) found_in: Option<OutputDir>,
}

/// Takes the output into `target`, which is made here.
pub(crate) async fn collect(
    job: &Job,
    workshop: &Workshop,
    planned: &Decision<OutputDir>,
    target: &Path,
) -> Result<Output, BuildError> {
    if let Some(written) = take(job, &workshop.container, (&planned.value, &place(job, &planned.value)), target).await?
    {
        return Ok(Output { written, found_in: None });
    }
    let is_empty = target.exists();
    // A container full of processes starts no more; the reason is worth more than the listing.
    let looked = look_around(job, workshop).await;
    let found = looked.as_ref().map_or_else(|_| Found::default(), Clone::clone);
    let is_source = |directory: &str| {
        let path = if job.root().is_empty() { directory.to_owned() } else { format!("{}/{directory}", job.root()) };
        job.checkout.has_directory(&path)
    };
    if planned.source == "default"
        && !is_empty
        && let Some(obvious) = found.obvious(is_source)
        && let Some(written) = take(job, &workshop.container, (&planned.value, &place(job, &obvious)), target).await?
    {
        let (planned, there) = (planned.value.as_str(), obvious.as_str());
        job.log.say(&format!("There is no {planned}; the build left its files in {there}"));
        return Ok(Output { written, found_in: Some(obvious) });
    }
    if let Some(failure) = failure::of_silent_command(&job.scene(&job.log.excerpt())) {
        return Err(failure.into());
    }
    looked.and(Err(missing::failure(&planned.value, is_empty, &found, is_source).into()))
}

/// A directory of the project in the container.
fn place(job: &Job, output: &OutputDir) -> String {
    let root = inside(job.root());
    if output.is_top() { root } else { format!("{root}/{}", output.as_str()) }
}

/// Takes an output directory that is at this path in the container; `None` if it does not exist (then `target` does not either) or holds nothing to
/// publish.
pub(super) async fn take(
    job: &Job,
    container: &Container,
    (output, path): (&OutputDir, &str),
    target: &Path,
) -> Result<Option<Written>, BuildError> {
    let archive = match container.download(path).await {
        Ok(archive) => archive,
        Err(RuntimeError::NoSuchPath { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let written = unpack(archive, output, target, &job.limits).await?;
    Ok((written.files > 0).then_some(written))
}

/// The directories of the project and the start pages in them.
async fn look_around(job: &Job, workshop: &Workshop) -> Result<Found, BuildError> {
    const FIND: &str =
        "find . -maxdepth 3 ( -name node_modules -o -name .git ) -prune -o -type d -print -o -name index.html -print";
    let exec = Exec { workdir: Some(inside(job.root())), ..Exec::new(FIND.split(' ')) };
    let mut listing = Vec::new();
    let listed = workshop.container.exec(&exec, |stream, piece| {
        if stream == LogStream::Stdout && listing.len() < MOST_LISTING {
            listing.extend_from_slice(&piece);
        }
    });
    listed.await?;
    Ok(Found::of_paths(String::from_utf8_lossy(&listing).lines()))
}
