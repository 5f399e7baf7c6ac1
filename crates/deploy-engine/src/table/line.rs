//! One host of the table as text: `host project deployment before link lock`, or the host alone, which leads nowhere any
//! more. Without a lock there is no sixth field.

use std::fmt::Write as _;
use std::sync::Arc;

use berth_model::{DeploymentId, Lock, ProjectId, Timestamp};

use super::Placement;

/// What stands for nothing.
const NOTHING: &str = "-";

/// Appends what a host leads to.
pub(super) fn put(text: &mut String, host: &str, placement: Option<&Placement>) {
    text.push_str(host);
    let Some(Placement { project, deployment, before, link, lock }) = placement else { return };
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
    if let Some(Lock { user, hash }) = lock.as_deref() {
        let _ = write!(text, " {hash}");
        if let Some(user) = user {
            // A name may hold what ends a field, a host or a line.
            text.push(':');
            for byte in user.bytes() {
                let _ = write!(text, "{byte:02x}");
            }
        }
    }
}

/// Reads what [`put`] wrote.
pub(super) fn parse(text: &str) -> Option<(&str, Option<Placement>)> {
    let mut fields = text.split(' ');
    let host = fields.next().filter(|host| !host.is_empty())?;
    let Some(project) = fields.next() else { return Some((host, None)) };
    let (deployment, before, link) = (fields.next()?, fields.next()?, fields.next()?);
    let lock = match fields.next() {
        Some(lock) => Some(Arc::new(parse_lock(lock)?)),
        None => None,
    };
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
        lock,
    };
    Some((host, Some(placement)))
}

fn parse_lock(text: &str) -> Option<Lock> {
    let (hash, user) = text.split_once(':').map_or((text, None), |(hash, user)| (hash, Some(user)));
    let user = match user {
        Some(hex) => {
            let bytes = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok());
            Some(String::from_utf8(bytes.collect::<Option<_>>()?).ok()?)
        }
        None => None,
    };
    (!hash.is_empty()).then(|| Lock { user, hash: hash.to_owned() })
}

fn parse_before(text: &str) -> Option<(DeploymentId, Timestamp)> {
    let (id, until) = text.split_once('@')?;
    Some((DeploymentId(id.parse().ok()?), Timestamp(until.parse().ok()?)))
}
