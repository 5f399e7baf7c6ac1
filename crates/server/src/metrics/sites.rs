//! The families with a series for each project that somebody asked for. They are written piece by piece while they are
//! sent: ten thousand projects are ten megabytes.

use std::sync::Arc;

use berth_edge::traffic::Tally;
use berth_model::StatusClasses;

use super::text::{Kind, Text};

/// Projects in one piece.
const AT_ONCE: usize = 200;

/// A project by the name that its series have.
pub(super) type Named = (String, Arc<Tally>);

/// A family, and how it writes one project.
struct Family {
    name: &'static str,
    kind: Kind,
    help: &'static str,
    write: fn(&mut Text, &str, (&str, &str), &Tally),
}

const FAMILIES: [Family; 4] = [
    Family {
        name: "berth_site_requests_total",
        kind: Kind::Counter,
        help: "Requests that a project's hosts answered, by the first digit of the status.",
        write: |text, name, project, tally| statuses(text, name, Some(project), &tally.read().statuses),
    },
    Family {
        name: "berth_site_sent_bytes_total",
        kind: Kind::Counter,
        help: "Bytes of bodies that were handed to visitors' connections.",
        write: |text, name, project, tally| text.sample(name, &[project], tally.read().bytes),
    },
    Family {
        name: "berth_site_cache_hits_total",
        kind: Kind::Counter,
        help: "Answers whose content was in memory, or with the visitor already (304).",
        write: |text, name, project, tally| text.sample(name, &[project], tally.read().cache_hits),
    },
    Family {
        name: "berth_site_answer_seconds",
        kind: Kind::Summary,
        help: "From a request's head until the last byte was handed to the connection, since Berth started.",
        write: |text, name, project, tally| text.summary(name, project, &tally.read().latency),
    },
];

/// All families, in pieces.
pub(super) fn pages(projects: Vec<Named>) -> impl Iterator<Item = String> + Send {
    let projects: Arc<[Named]> = projects.into();
    FAMILIES.iter().flat_map(move |family| {
        let projects = Arc::clone(&projects);
        (0..projects.len()).step_by(AT_ONCE).map(move |from| {
            let mut text = Text::default();
            if from == 0 {
                text.family(family.name, family.kind, family.help);
            }
            for (name, tally) in projects.iter().skip(from).take(AT_ONCE) {
                (family.write)(&mut text, family.name, ("project", name), tally);
            }
            text.into_string()
        })
    })
}

/// Answers by the first digit of their status.
pub(super) fn statuses(text: &mut Text, name: &str, label: Option<(&str, &str)>, statuses: &StatusClasses) {
    for (class, count) in StatusClasses::NAMES.iter().zip(statuses.0) {
        let labels: Vec<_> = label.into_iter().chain([("status", *class)]).collect();
        text.sample(name, &labels, count);
    }
}
