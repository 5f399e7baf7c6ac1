//! `berth backup <directory>`: a copy of everything that is this installation, made while it runs.
//!
//! ```text
//! data/instance, secret, encryption-key, webhook-secret     the files that are there, with encryption-key.previous
//! data/berth.db                                             SQLite's database, wherever it lies
//! deployments/                                              releases, the table of hosts, links, .instance
//! ```
//!
//! The database comes first: a release that it names is complete by then, and stays for ten minutes at least after
//! another took its place. One that is published meanwhile is unknown to it, and swept at the first start.
//!
//! Restoring is copying back, so there is no command for it. PostgreSQL's database is `pg_dump`'s to copy, before this.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use berth_store::{Backend, copy_database};

use crate::data_dir::read_if_there;
use crate::{Config, keys};

/// What is copied of the data directory besides the database.
const KEPT: [&str; 5] = ["instance", "secret", keys::KEY, keys::PREVIOUS, "webhook-secret"];
/// What is not copied of the deployments directory: it is on its way in or out.
const PASSING: [&str; 3] = [".staging", ".trash", "routes.new"];

/// Copies the installation into a directory that is new or empty.
pub(crate) async fn back_up(config: &Config, to: &Path) -> Result<()> {
    if !config.data_dir.join("instance").is_file() {
        bail!(
            "there is no installation in {} (BERTH_DATA_DIR); run this with the settings that Berth runs with",
            config.data_dir.display()
        );
    }
    let (from, to) = (config.clone(), std::path::absolute(to)?);
    let place = existing_part(&to);
    for (kept, variable) in [(&from.data_dir, "BERTH_DATA_DIR"), (&from.deployments_dir, "BERTH_DEPLOYMENTS_DIR")] {
        if place.starts_with(kept.canonicalize().as_ref().unwrap_or(kept)) {
            let (to, kept) = (to.display(), kept.display());
            bail!("{to} is in {kept} ({variable}), which is what is backed up; name a directory elsewhere");
        }
    }
    private_dir(&to).with_context(|| format!("{} cannot be used", to.display()))?;
    if fs::read_dir(&to)?.next().is_some() {
        bail!("{} is not empty; name a new directory", to.display());
    }
    let data = to.join("data");
    private_dir(&data)?;
    for file in KEPT {
        copy_if_there(&from.data_dir.join(file), &data.join(file))?;
    }
    let backend = copy_database(from.database_url.expose(), &data.join("berth.db")).await?;
    if backend == Backend::Postgres {
        tracing::warn!(
            "DATABASE_URL names PostgreSQL, which is not in this backup: dump it with pg_dump, and before this"
        );
    }
    // Berth may have been started into a new encryption key meanwhile, and the database sealed with one that is not here.
    for file in KEPT {
        if read_if_there(&from.data_dir.join(file))? != read_if_there(&data.join(file))? {
            bail!("the keys have changed meanwhile; remove {} and run this again", to.display());
        }
    }
    let deployments = to.join("deployments");
    let copied = tokio::task::spawn_blocking(move || {
        copy_tree(&from.deployments_dir, &deployments, &PASSING, &mut HashMap::new())
    });
    copied.await?.context("the deployments could not be copied")?;
    tracing::info!("data and deployments are in {}; who has it can read every secret", to.display());
    Ok(())
}

/// The directory itself, or the nearest one above it that is there, under its real name.
fn existing_part(path: &Path) -> PathBuf {
    path.ancestors().find_map(|part| part.canonicalize().ok()).unwrap_or_else(|| path.to_owned())
}

fn private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() { Ok(()) } else { DirBuilder::new().recursive(true).mode(0o700).create(path) }
}

fn copy_if_there(from: &Path, to: &Path) -> Result<()> {
    match fs::copy(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("{} could not be copied", from.display())),
        Ok(_) => Ok(File::open(to)?.sync_all()?),
    }
}

/// Copies directories, files and links. What goes away meanwhile is left out: a release that is pruned, a link that
/// moves. `copied` are the files that have several names, by device and inode: releases share files, and so do copies.
fn copy_tree(from: &Path, to: &Path, but: &[&str], copied: &mut HashMap<(u64, u64), PathBuf>) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if but.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        let done = if kind.is_dir() {
            copy_tree(&source, &target, &[], copied)
        } else if kind.is_symlink() {
            fs::read_link(&source).and_then(|leads_to| std::os::unix::fs::symlink(leads_to, &target))
        } else {
            copy_file(&source, target, copied)
        };
        match done {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    File::open(to)?.sync_all()
}

fn copy_file(source: &Path, target: PathBuf, copied: &mut HashMap<(u64, u64), PathBuf>) -> io::Result<()> {
    let found = fs::symlink_metadata(source)?;
    let inode = (found.dev(), found.ino());
    if copied.get(&inode).is_some_and(|copy| fs::hard_link(copy, &target).is_ok()) {
        return Ok(());
    }
    fs::copy(source, &target)?;
    if found.nlink() > 1 {
        copied.insert(inode, target);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_releases_share_is_copied_once() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        for release in ["1", "2"] {
            fs::create_dir_all(from.join(release)).unwrap();
            fs::write(from.join(release).join("own"), release).unwrap();
        }
        fs::write(from.join("1/shared"), "of both").unwrap();
        fs::hard_link(from.join("1/shared"), from.join("2/shared")).unwrap();
        fs::create_dir(from.join("passing")).unwrap();
        copy_tree(&from, &to, &["passing"], &mut HashMap::new()).unwrap();
        let inode = |path: &str| fs::metadata(to.join(path)).unwrap().ino();
        assert_eq!(inode("1/shared"), inode("2/shared"));
        assert_ne!(inode("1/own"), inode("2/own"));
        assert_ne!(inode("1/shared"), fs::metadata(from.join("1/shared")).unwrap().ino());
        assert_eq!(fs::read_to_string(to.join("2/shared")).unwrap(), "of both");
        assert!(!to.join("passing").exists());
    }
}
