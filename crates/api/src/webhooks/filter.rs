//! Pushes that are not built, and why: the commit's message says so, or nothing of the project's changed. Left out is
//! only what is certain: a push whose changed files are all known, after a head that Berth has seen and built.

use std::collections::BTreeSet;

use berth_model::{BuildStatus, Environment, Plan, Reason, RootDir, Trigger, WatchPatterns};
use berth_store::{Admission, Build, Project};

use super::announcement::Push;
use crate::Api;
use crate::error::ApiError;

/// Files above a root directory that decide what its builds install and run.
const OF_EVERYBODY: [&str; 19] = [
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "yarn.lock",
    "bun.lock",
    "bun.lockb",
    "lerna.json",
    "nx.json",
    "turbo.json",
    ".npmrc",
    ".yarnrc",
    ".yarnrc.yml",
    ".nvmrc",
    ".node-version",
    ".tool-versions",
    ".pnpmfile.cjs",
    "tsconfig.base.json",
];
/// Patterns that a reason quotes.
const QUOTED: usize = 5;

/// Whether a push to a project's own branch, or to one with a preview, is built.
pub(super) async fn admission(api: &Api, project: &Project, push: &Push) -> Result<Admission, ApiError> {
    if let Some(word) = push.skip {
        return Ok(Admission::Skipped { reason: Reason::SkippedByMessage { word: word.into() }.into() });
    }
    let Some(files) = push.changes.as_ref().filter(|_| watches_a_part(project)) else { return Ok(Admission::Queued) };
    let Some(base) = followed(api, project, push).await? else { return Ok(Admission::Queued) };
    let plan = match (&project.watch, &base.commit_hash) {
        (Some(_), _) | (None, None) => None,
        (None, Some(_)) => match api.store.newest_plan(project.id, base.environment, &base.branch).await? {
            Some(plan) => Some(plan),
            // What it uses beside its root directory is not known yet.
            None => return Ok(Admission::Queued),
        },
    };
    let untouched = untouched(project.watch.as_ref(), project.root_directory.as_ref(), plan.as_ref(), files);
    Ok(untouched.map_or(Admission::Queued, |why| Admission::Skipped { reason: why.into() }))
}

fn watches_a_part(project: &Project) -> bool {
    project.watch.is_some() || project.root_directory.as_ref().is_some_and(|root| !root.is_top())
}

/// The build that the push starts from, so that what it changes is all that changed since: the branch's newest that was
/// not skipped, if it passed or still may. One that has not looked yet will be of this head or a later one. What a
/// preview that is gone showed does not count.
async fn followed(api: &Api, project: &Project, push: &Push) -> Result<Option<Build>, ApiError> {
    let is_own = project.branch == push.branch;
    let environment = if is_own { Environment::Production } else { Environment::Preview };
    let Some(newest) = api.store.newest_build(project.id, environment, &push.branch).await? else { return Ok(None) };
    let starts_there = match (&newest.commit_hash, &push.before) {
        (Some(seen), Some(before)) => seen == before || *seen == push.commit.hash,
        (None, _) | (_, None) => true,
    };
    let base = api.store.newest_admitted_build(project.id, environment, &push.branch).await?;
    // A folder is of no commit.
    let may_serve = |build: &Build| {
        matches!(build.status, BuildStatus::Queued | BuildStatus::Running | BuildStatus::Passed)
            && build.trigger != Trigger::Folder
    };
    let Some(base) = base.filter(|base| starts_there && may_serve(base)) else { return Ok(None) };
    let is_shown = is_own || {
        let previews = api.store.open_previews(project.id).await?;
        previews.iter().any(|preview| preview.branch == push.branch && preview.created_at <= base.created_at)
    };
    Ok(is_shown.then_some(base))
}

/// Why none of these files is the project's; `None` if one is.
fn untouched(
    watch: Option<&WatchPatterns>,
    root: Option<&RootDir>,
    plan: Option<&Plan>,
    files: &BTreeSet<String>,
) -> Option<Reason> {
    let mut names = files.iter().map(String::as_str);
    if let Some(watch) = watch {
        let patterns = watch.as_slice();
        let more = if patterns.len() > QUOTED { ", …" } else { "" };
        let quoted = patterns[..patterns.len().min(QUOTED)].join(", ");
        let skipped = || Reason::SkippedByPatterns { patterns: format!("{quoted}{more}") };
        return watch.first(names).is_none().then(skipped);
    }
    let root = root.filter(|root| !root.is_top())?;
    let mut used: Vec<&str> = Vec::new();
    for service in plan.iter().flat_map(|plan| &plan.services) {
        // A plan of before packages were noted: what it uses is not known.
        used.extend(service.workspace_packages.as_ref()?.iter().map(RootDir::as_str));
    }
    let is_ours = |file: &str| {
        is_within(file, root.as_str()) || decides_above(file, root) || used.iter().any(|dir| is_within(file, dir))
    };
    (!names.any(is_ours)).then(|| Reason::SkippedBelow { directory: root.as_str().into() })
}

fn is_within(file: &str, directory: &str) -> bool {
    file.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a file stands in a directory above the root, and is one that everything below depends on.
fn decides_above(file: &str, root: &RootDir) -> bool {
    let (directory, name) = file.rsplit_once('/').unwrap_or(("", file));
    OF_EVERYBODY.contains(&name) && (directory.is_empty() || is_within(root.as_str(), directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(packages: Option<&[&str]>) -> Plan {
        let decision = |value: &str| serde_json::json!({"value": value, "source": "default", "reason": "x"});
        let mut plan: Plan = serde_json::from_value(serde_json::json!({"services": [{
            "name": "web", "kind": "static", "rootDirectory": decision("apps/web"), "framework": decision("vite"),
            "toolchain": null, "installCommand": null, "buildCommand": null, "outputDirectory": decision("dist"),
        }]}))
        .unwrap();
        let parse = |dirs: &[&str]| dirs.iter().map(|dir| RootDir::parse(dir).unwrap()).collect();
        plan.services[0].workspace_packages = packages.map(parse);
        plan
    }

    fn files(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_root_directory_and_what_it_depends_on() {
        let root = RootDir::parse("apps/web").unwrap();
        let skipped = |names: &[&str], plan: Option<&Plan>| untouched(None, Some(&root), plan, &files(names));
        let why = Some(Reason::SkippedBelow { directory: "apps/web".into() });
        assert_eq!(skipped(&["apps/docs/a.md", "README.md", "apps/website/a.js"], None), why);
        assert_eq!(skipped(&["apps/docs/a.md", "apps/web/a.js"], None), None);
        for above in ["package-lock.json", ".nvmrc", "apps/package.json", "pnpm-workspace.yaml"] {
            assert_eq!(skipped(&[above], None), None, "{above}");
        }
        assert_eq!(skipped(&["apps/docs/package.json"], None), why, "another project's");
        let uses_ui = plan(Some(&["packages/ui"]));
        assert_eq!(skipped(&["packages/ui/button.js"], Some(&uses_ui)), None);
        assert_eq!(skipped(&["packages/icons/a.svg"], Some(&uses_ui)), why);
        assert_eq!(skipped(&["packages/icons/a.svg"], Some(&plan(None))), None, "an old plan does not say");
    }

    #[test]
    fn watch_patterns_go_before_the_root_directory() {
        let root = RootDir::parse("apps/web").unwrap();
        let watch =
            WatchPatterns::parse(vec!["apps/web".to_owned(), "shared/**".to_owned(), "!*.md".to_owned()]).unwrap();
        let skipped = |names: &[&str]| untouched(Some(&watch), Some(&root), None, &files(names));
        assert_eq!(skipped(&["shared/a.js"]), None);
        let why = Reason::SkippedByPatterns { patterns: "apps/web, shared/**, !*.md".into() };
        assert_eq!(skipped(&["apps/web/README.md", "package.json"]), Some(why));
    }

    #[test]
    fn a_project_at_the_top_is_touched_by_everything() {
        for root in [None, Some(&RootDir::default())] {
            assert_eq!(untouched(None, root, None, &files(&["README.md"])), None);
        }
    }
}
