//! One host of the table as text: `host project deployment before link`, or the host alone, which leads nowhere any more.

use std::fmt::Write as _;

use berth_model::{DeploymentId, ProjectId, Timestamp};

use super::Placement;

/// What stands for nothing.
const NOTHING: &str = "-";

/// Appends what a host leads to.
pub(super) fn put(text: &mut String, host: &str, placement: Option<&Placement>) {
    text.push_str(host);
    let Some(Placement { project, deployment, before, link }) = placement else { return };
    // Writing to a string does not fail.
    let _ = write!(text, " {project} ");
    match deployment {
        Some(deployment) => drop(write!(text, "{deployment} ")),
        None => drop(write!(text, "{NOTHING} ")),
    }
    for (number, (deployment, until)) in before.iter().enumerate() {
        let _ = write!(text, "{}{deployment}@{}", if number == 0 { "" } else { "," }, until.0);
    }
    let _ = write!(text, "{} {}", if before.is_empty() { NOTHING } else { "" }, link.as_deref().unwrap_or(NOTHING));
}

/// Reads what [`put`] wrote.
pub(super) fn parse(text: &str) -> Option<(&str, Option<Placement>)> {
    let mut fields = text.split(' ');
    let host = fields.next().filter(|host| !host.is_empty())?;
    let Some(project) = fields.next() else { return Some((host, None)) };
    let (deployment, before, link) = (fields.next()?, fields.next()?, fields.next()?);
    if fields.next().is_some() {
        return None;
    }
    let or_nothing = |text| (text != NOTHING).then_some(text);
    let placement = Placement {
        project: ProjectId(project.parse().ok()?),
        deployment: match or_nothing(deployment) {
            Some(id) => Some(DeploymentId(id.parse().ok()?)),
            None => None,
        },
        before: or_nothing(before).map_or(Some(Vec::new()), |all| all.split(',').map(parse_before).collect())?,
        link: or_nothing(link).map(Box::from),
    };
    Some((host, Some(placement)))
}

fn parse_before(text: &str) -> Option<(DeploymentId, Timestamp)> {
    let (id, until) = text.split_once('@')?;
    Some((DeploymentId(id.parse().ok()?), Timestamp(until.parse().ok()?)))
}
