//! The one comment under a pull request: a table of what each project of this Berth made of it.

use std::fmt::Write;

use berth_model::{BuildStatus, DeploymentStatus, InstanceId, Timestamp};

use super::facts::Facts;

/// The longest title of a failure in the table.
const LONGEST_TITLE: usize = 120;

/// Invisible in the comment, and how it is found again.
pub(super) fn mark(instance: &InstanceId) -> String {
    format!("<!-- berth:{} -->", instance.as_str())
}

/// The comment; `None` if no project made anything of the pull request.
pub(super) fn comment(instance: &InstanceId, projects: &[Facts]) -> Option<String> {
    if projects.is_empty() {
        return None;
    }
    let mut text =
        format!("{}\n\n| Project | State | Site | Commit | Updated |\n|---|---|---|---|---|\n", mark(instance));
    for facts in projects {
        let (state, site) = state(facts);
        let site = site.map(|url| format!("[{}]({url})", bare(&url))).unwrap_or_default();
        let commit = facts.build.commit_hash.as_ref().map(|hash| hash.as_str().chars().take(7).collect::<String>());
        let _ = writeln!(
            text,
            "| {} | [{state}]({}) | {site} | {} | {} |",
            facts.project,
            facts.page,
            commit.unwrap_or_default(),
            minute(facts.changed_at()),
        );
    }
    Some(text)
}

fn state(facts: &Facts) -> (String, Option<String>) {
    let build = &facts.build;
    let word = match build.status {
        BuildStatus::Held => "Waiting for approval".to_owned(),
        BuildStatus::Queued => "Queued".to_owned(),
        BuildStatus::Running => "Building".to_owned(),
        BuildStatus::Failed => {
            format!("Failed: {}", verbatim(build.failure.as_ref().map_or("", |failure| &failure.title)))
        }
        BuildStatus::Canceled => "Canceled".to_owned(),
        BuildStatus::Superseded => "Superseded".to_owned(),
        BuildStatus::Skipped => "Skipped".to_owned(),
        BuildStatus::Passed => match (&facts.deployment, &facts.site) {
            (_, None) => "Removed".to_owned(),
            (Some(deployment), Some(site)) => match deployment.status {
                DeploymentStatus::Live => return ("Ready".to_owned(), Some(site.clone())),
                DeploymentStatus::Ready => "Going live".to_owned(),
                DeploymentStatus::Failed => "It could not be put live".to_owned(),
                DeploymentStatus::Retired | DeploymentStatus::RolledBack => "No longer live".to_owned(),
            },
            (None, Some(_)) => "Built".to_owned(),
        },
    };
    (word, None)
}

/// Words that may come from a stranger's commit, as code: they mention nobody, link nowhere and end no cell.
fn verbatim(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(LONGEST_TITLE).collect();
    format!("`{}`", text.replace('`', "'").replace('|', "\\|"))
}

/// An address without its scheme, as people read it.
fn bare(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// `2026-11-21 09:30 UTC`.
fn minute(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..16])
}
