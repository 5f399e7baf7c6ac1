//! The rules for every file of an artifact.
//!
//! - Regular files are 0644 and directories 0755, whatever they were; anything else is dropped and named.
//! - Names stay inside: each part is a plain name. Files are made anew, never written through something that exists.
//! - Names that begin with a dot are left out (`.git`, `.env`), except `.well-known`: the edge would not serve them.
//! - Sizes count as they appear, before a byte is read: a sparse file of a terabyte is a terabyte.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use berth_model::words::Bytes;
use berth_model::{BuildLimits, Failure, FailureCode};

use crate::BuildError;

/// Dropped files are named up to here, and counted beyond.
const MOST_NAMED: usize = 20;
const MOST_DEPTH: usize = 64;

/// An artifact in the making.
pub(crate) struct Writer<'a> {
    top: &'a Path,
    limits: &'a BuildLimits,
    directories: BTreeSet<PathBuf>,
    written: Written,
    dropped: usize,
}

/// What was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Regular files.
    pub(crate) files: u64,
    /// Their sizes added up.
    pub(crate) bytes: u64,
    /// Lines for the log: what was dropped.
    pub(crate) notes: Vec<String>,
}

/// Where an entry goes.
pub(crate) enum Place {
    /// Here, below the artifact's directory.
    At(PathBuf),
    /// Nowhere, by the rules; nobody needs to hear of it.
    LeftOut,
    /// Nowhere: its name cannot be published.
    Unusable,
}

impl<'a> Writer<'a> {
    /// Makes `top`, which must not exist.
    pub(crate) fn begin(top: &'a Path, limits: &'a BuildLimits) -> Result<Self, BuildError> {
        let mut builder = DirBuilder::new();
        builder.mode(0o755).recursive(true).create(top.parent().unwrap_or(top)).map_err(BuildError::ours)?;
        builder.recursive(false).create(top).map_err(BuildError::ours)?;
        berth_model::step!("artifact's directory made");
        Ok(Self { top, limits, directories: BTreeSet::new(), written: Written::default(), dropped: 0 })
    }

    /// Where a path inside the output goes.
    pub(crate) fn place(path: &[u8]) -> Place {
        let Ok(path) = std::str::from_utf8(path) else { return Place::Unusable };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
        let unusable = |part: &&str| *part == ".." || part.len() > 255 || part.chars().any(char::is_control);
        if path.starts_with('/') || parts.len() > MOST_DEPTH || path.len() > 4_096 || parts.iter().any(unusable) {
            return Place::Unusable;
        }
        if parts.iter().any(|part| part.starts_with('.') && *part != ".well-known") {
            return Place::LeftOut;
        }
        Place::At(parts.into_iter().collect())
    }

    /// Makes a directory and those above it.
    pub(crate) fn directory(&mut self, path: &Path) -> Result<(), BuildError> {
        let mut missing: Vec<&Path> = path.ancestors().take_while(|part| !part.as_os_str().is_empty()).collect();
        missing.retain(|part| !self.directories.contains(*part));
        for part in missing.into_iter().rev() {
            self.count()?;
            DirBuilder::new().mode(0o755).create(self.top.join(part)).map_err(|error| clash(part, error))?;
            berth_model::step!("directory of the artifact made");
            self.directories.insert(part.to_owned());
        }
        Ok(())
    }

    /// Writes a file of `size` bytes.
    pub(crate) fn file(&mut self, path: &Path, size: u64, content: &mut impl Read) -> Result<(), BuildError> {
        if let Some(parent) = path.parent() {
            self.directory(parent)?;
        }
        self.count()?;
        self.written.bytes = self.written.bytes.saturating_add(size);
        if self.written.bytes > self.limits.output_bytes {
            return Err(too_large(path, size, self.limits));
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o644)
            .open(self.top.join(path))
            .map_err(|error| clash(path, error))?;
        berth_model::step!("file of the artifact made");
        let copied = io::copy(&mut content.take(size), &mut file).map_err(BuildError::ours)?;
        if copied != size {
            return Err(BuildError::ours(io::Error::from(io::ErrorKind::UnexpectedEof)));
        }
        // The process's mask may have taken bits away.
        file.set_permissions(Permissions::from_mode(0o644)).map_err(BuildError::ours)?;
        berth_model::step!("file of the artifact written");
        self.written.files += 1;
        Ok(())
    }

    /// Notes that something is not part of the artifact.
    pub(crate) fn drop_entry(&mut self, path: &[u8], what: &str) {
        self.dropped += 1;
        if self.dropped <= MOST_NAMED {
            let path = String::from_utf8_lossy(path).escape_debug().to_string();
            self.written.notes.push(format!("{path} is {what}; it is not published"));
        }
    }

    /// A file that was written before, for hard links to it.
    pub(crate) fn existing(&self, path: &Path) -> Option<(std::fs::File, u64)> {
        let file = std::fs::File::open(self.top.join(path)).ok()?;
        let metadata = file.metadata().ok()?;
        metadata.is_file().then_some((file, metadata.len()))
    }

    /// What was written.
    pub(crate) fn end(mut self) -> Written {
        if self.dropped > MOST_NAMED {
            self.written.notes.push(format!("{} more are not published", self.dropped - MOST_NAMED));
        }
        self.written
    }

    fn count(&self) -> Result<(), BuildError> {
        let most = self.limits.output_files;
        if self.written.files + self.directories.len() as u64 >= most {
            return Err(Failure::new(
                FailureCode::OutputTooLarge,
                format!("the output has more than {most} files"),
                "Publish fewer files: look for copied dependencies or caches in the output directory.",
            )
            .with_setting("outputDirectory")
            .into());
        }
        Ok(())
    }
}

fn too_large(path: &Path, size: u64, limits: &BuildLimits) -> BuildError {
    let limit = Bytes(limits.output_bytes);
    Failure::new(
        FailureCode::OutputTooLarge,
        format!("the output is larger than {limit} (limit: BERTH_BUILD_OUTPUT)"),
        format!("The limit was passed at {}, which has {}.", path.display(), Bytes(size)),
    )
    .with_setting("BERTH_BUILD_OUTPUT")
    .into()
}

/// One name for two things can only come from a tree that was made by hand.
fn clash(path: &Path, error: io::Error) -> BuildError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => BuildError::theirs(
            FailureCode::BadOutput,
            format!("the output has two files of the name {}", path.display()),
            "One path can be one file. Look for what writes it twice.",
        ),
        _ => BuildError::ours(error),
    }
}
