//! Programs that an install needs and slim images lack: git for packages that are repositories, compilers for those
//! that are built on arrival.
//!
//! A lockfile that names repositories is known beforehand. The rest shows when the install fails; it is then done once
//! more with them. Carrying them always would make the first build of every project wait for them.

use std::sync::LazyLock;

use berth_model::{Decision, Reason, Tool, ToolName};
use regex::Regex;

use crate::detect::{Sources, sources};
use crate::log::Excerpt;
use crate::run::Job;

const LOCKFILES: &[&str] = &[
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "bun.lock",
    "requirements.txt",
    "poetry.lock",
    "uv.lock",
    "Pipfile.lock",
];

static REPOSITORY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"git\+(?:ssh|https?|file)://|git://|git@[\w.-]+[:/]|type: git\b|\.git#commit=").ok());

/// What failed installs print, and what they were missing.
const SHOWN: &[(&str, ToolName)] = &[
    (
        r#"(?i)spawn git ENOENT|syscall spawn git|\bgit: (?:command )?not found|Cannot find command 'git'|posix_spawn.*\bgit\b|"git" (?:not found|executable)|You need to install git"#,
        ToolName::Git,
    ),
    (
        r#"gyp ERR! find Python|gyp ERR! stack Error: not found: (?:make|g\+\+)|not found: make|\bmake: (?:command )?not found|\b(?:gcc|g\+\+|cc|c\+\+): (?:command )?not found|command '[\w./-]*(?:gcc|g\+\+|cc)' failed|No such file or directory: '(?:gcc|g\+\+|cc|make)'|Unknown compiler|no acceptable C compiler|linker `cc` not found|pg_config executable not found"#,
        ToolName::Compiler,
    ),
];

static SHOWS: LazyLock<Vec<(Regex, ToolName)>> = LazyLock::new(|| {
    let compiled =
        SHOWN.iter().map(|(pattern, tool)| (Regex::new(pattern).expect("the patterns above are well formed"), *tool));
    compiled.collect()
});

/// Git, if a lockfile names a repository.
pub(in crate::build) fn named_in_lockfiles(job: &Job) -> Option<Decision<Tool>> {
    let Sources::Files(files) = sources(&job.checkout, &job.service) else { return None };
    let lockfiles = files.iter().filter(|path| LOCKFILES.contains(&path.rsplit('/').next().unwrap_or(path)));
    let mut naming = lockfiles.filter(|path| {
        let text = job.checkout.text(path);
        text.is_some_and(|text| REPOSITORY.as_ref().is_some_and(|pattern| pattern.is_match(&text)))
    });
    let path = naming.next()?;
    let names = Reason::NamesGitPackage { file: path.clone() };
    Some(Decision::new(Tool { name: ToolName::Git, version: None }, path.clone(), names))
}

/// What an install was missing, by its output.
pub(in crate::build) fn shown_by(excerpt: &Excerpt) -> Option<Decision<Tool>> {
    for (pattern, tool) in SHOWS.iter() {
        if let Some((_, line)) = excerpt.lines().find(|(_, line)| pattern.is_match(line)) {
            let line: String = line.trim().chars().take(120).collect();
            let reason = match tool {
                ToolName::Git => Reason::FailedWithoutGit { line },
                _ => Reason::FailedWithoutCompiler { line },
            };
            return Some(Decision::new(Tool { name: *tool, version: None }, INSTALL, reason));
        }
    }
    None
}

/// The source of a decision that a failed install led to.
pub(in crate::build) const INSTALL: &str = "install";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_read_from_the_output() {
        for (line, wanted) in [
            ("npm error syscall spawn git", Some(ToolName::Git)),
            ("npm error enoent An unknown git error occurred: spawn git ENOENT", Some(ToolName::Git)),
            ("ERROR: Error [Errno 2] No such file or directory: 'git'. Cannot find command 'git'", Some(ToolName::Git)),
            ("sh: 1: git: not found", Some(ToolName::Git)),
            ("npm error gyp ERR! find Python ", Some(ToolName::Compiler)),
            ("gyp ERR! stack Error: not found: make", Some(ToolName::Compiler)),
            ("error: command 'gcc' failed: No such file or directory", Some(ToolName::Compiler)),
            ("      Error: pg_config executable not found.", Some(ToolName::Compiler)),
            ("npm error code ERESOLVE", None),
            ("remote: Repository not found.", None),
            ("npm error code ENOENT", None),
            ("GET https://github.com/a/b.tgz failed: ENOENT: no such file or directory", None),
        ] {
            let mut excerpt = Excerpt::default();
            excerpt.add(None, line.to_owned());
            assert_eq!(shown_by(&excerpt).map(|tool| tool.value.name), wanted, "{line}");
        }
    }
}
