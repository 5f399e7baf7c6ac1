//! Real parts on loopback: repositories made with git, served by `git http-backend`.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod git_host;
pub(crate) mod world;

use std::path::Path;
use std::process::Command;

/// Runs git in `directory`, with an identity and without the machine's configuration.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "init.defaultBranch=main"])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Writes files, given as path and text.
pub(crate) fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Commits everything in `directory` (made a repository if it is none) and returns the commit's hash.
pub(crate) fn commit(directory: &Path, message: &str) -> String {
    if !directory.join(".git").exists() {
        git(directory, &["init", "-q"]);
    }
    git(directory, &["add", "-A"]);
    git(directory, &["commit", "-q", "--allow-empty", "-m", message]);
    git(directory, &["rev-parse", "HEAD"])
}

/// TLS is installed once per process, as the server does it.
pub(crate) fn install_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
