//! What is said of a service that does not run: on its 503 page, and of a version that was not put live.

use std::net::SocketAddr;
use std::num::NonZeroU16;

use berth_model::ReplicaEnd;
use berth_model::words::Bytes;

/// What went wrong with a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It ended by itself.
    Ended(ReplicaEnd),
    /// It runs, but did not become healthy in time; how the last question ended.
    Silent(String),
    /// It could not be started.
    NotStarted(String),
}

impl Trouble {
    /// For the page that visitors get meanwhile.
    pub(crate) fn for_visitors(&self) -> String {
        match self {
            Self::Ended(ReplicaEnd { out_of_memory: Some(limit), .. }) => {
                format!("crashed: out of memory (limit {})", Bytes(*limit))
            }
            Self::Ended(ReplicaEnd { exit_code: 0, .. }) => "ended: exit code 0".to_owned(),
            Self::Ended(end) => format!("crashed: exit code {}", end.exit_code),
            Self::Silent(_) => "started, but does not answer".to_owned(),
            // What Docker says of it is no visitor's business.
            Self::NotStarted(_) => "could not be started".to_owned(),
        }
    }

    /// For the project's owner: what happened, and what to do about it where that is known.
    pub(crate) fn for_owner(&self) -> String {
        match self {
            Self::Ended(ReplicaEnd { exit_code: 0, out_of_memory: None }) => {
                "it ended with exit code 0, and a service has to keep running; what is to end is a release command"
                    .to_owned()
            }
            Self::Ended(end) => of_end(*end),
            Self::Silent(problem) | Self::NotStarted(problem) => problem.clone(),
        }
    }
}

/// How a process ended.
pub(crate) fn of_end(end: ReplicaEnd) -> String {
    match (end.out_of_memory, meaning(end.exit_code)) {
        (Some(limit), _) => format!(
            "it ran out of memory, for it used more than its {}; give it more (memory in berth.toml), or make it use less",
            Bytes(limit)
        ),
        (None, Some(meaning)) => format!("it ended with exit code {} ({meaning})", end.exit_code),
        (None, None) => format!("it ended with exit code {}", end.exit_code),
    }
}

/// What the shell and Linux mean by some exit codes.
fn meaning(exit_code: i64) -> Option<&'static str> {
    Some(match exit_code {
        126 => "the command may not be executed",
        127 => "the command was not found",
        134 => "it aborted",
        137 => "it was killed",
        139 => "a memory fault",
        143 => "it was asked to stop",
        _ => return None,
    })
}

/// What a service does that is not reached at its port: where it listens instead, and what makes the two agree.
pub(crate) fn elsewhere(port: NonZeroU16, listening: &[SocketAddr]) -> Option<String> {
    const UNREACHED: &str = "which nothing outside of its container reaches";
    /// A process may listen on all that there are.
    const MOST_PORTS: usize = 5;
    let (inside, outside): (Vec<SocketAddr>, Vec<SocketAddr>) =
        listening.iter().partition(|address| address.ip().is_loopback());
    if let Some(own) = inside.iter().find(|address| address.port() == port.get()) {
        return Some(format!("it listens on {own} alone, {UNREACHED}: let it listen on 0.0.0.0"));
    }
    let mut ports: Vec<u16> = outside.iter().map(SocketAddr::port).collect();
    ports.sort_unstable();
    ports.dedup();
    match (&ports[..], &inside[..]) {
        ([], []) => None,
        ([], [only, ..]) => Some(format!("it listens on {only} instead, {UNREACHED}")),
        ([other], _) => Some(format!(
            "it listens on port {other} instead: let it take the number from PORT, or say `port = {other}` in berth.toml"
        )),
        (several, _) => {
            let named: Vec<String> = several.iter().take(MOST_PORTS).map(u16::to_string).collect();
            let more = if several.len() > MOST_PORTS { ", …" } else { "" };
            Some(format!(
                "it listens on the ports {}{more} instead: let it take the number from PORT, or say which one as `port` in \
                 berth.toml",
                named.join(", ")
            ))
        }
    }
}

/// The newest lines of a log, below what they explain.
pub(crate) fn with_lines(text: String, lines: &[String]) -> String {
    match lines {
        [] => format!("{text}\n(it printed nothing)"),
        lines => format!("{text}\nIts last lines:\n{}", lines.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit_code: i64, out_of_memory: Option<u64>) -> Trouble {
        Trouble::Ended(ReplicaEnd { exit_code, out_of_memory })
    }

    #[test]
    fn memory_is_named_with_its_limit() {
        let trouble = ended(137, Some(512 << 20));
        assert_eq!(trouble.for_visitors(), "crashed: out of memory (limit 512 MiB)");
        assert!(trouble.for_owner().contains("more than its 512 MiB"));
    }

    #[test]
    fn visitors_do_not_learn_what_docker_said() {
        let refused = "Docker refused to create a container: no such image sha256:12".to_owned();
        assert_eq!(Trouble::NotStarted(refused.clone()).for_visitors(), "could not be started");
        assert_eq!(Trouble::NotStarted(refused.clone()).for_owner(), refused);
    }

    #[test]
    fn exit_codes_are_explained_where_they_mean_something() {
        assert_eq!(ended(127, None).for_owner(), "it ended with exit code 127 (the command was not found)");
        assert_eq!(ended(3, None).for_owner(), "it ended with exit code 3");
        assert!(ended(0, None).for_owner().contains("has to keep running"));
        assert_eq!(ended(1, None).for_visitors(), "crashed: exit code 1");
    }

    #[test]
    fn where_it_listens_instead_is_said() {
        let port = NonZeroU16::new(3000).unwrap();
        let said = |addresses: &[&str]| {
            let addresses: Vec<SocketAddr> = addresses.iter().map(|address| address.parse().unwrap()).collect();
            elsewhere(port, &addresses)
        };
        assert_eq!(said(&[]), None);
        let other = said(&["0.0.0.0:4000", "[::]:4000", "127.0.0.1:9229"]).unwrap();
        assert!(other.starts_with("it listens on port 4000 instead") && other.contains("`port = 4000`"), "{other}");
        let own = said(&["[::1]:3000", "0.0.0.0:4000"]).unwrap();
        assert!(own.starts_with("it listens on [::1]:3000 alone, which nothing outside"), "{own}");
        assert!(said(&["127.0.0.1:8080"]).unwrap().starts_with("it listens on 127.0.0.1:8080 instead"));
        assert!(said(&["0.0.0.0:1", "0.0.0.0:2"]).unwrap().starts_with("it listens on the ports 1, 2 instead"));
        let all: Vec<String> = (1..9_000).map(|port| format!("0.0.0.0:{port}")).collect();
        let all = said(&all.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        assert!(all.starts_with("it listens on the ports 1, 2, 3, 4, 5, … instead"), "{all}");
    }

    #[test]
    fn lines_stand_below() {
        assert_eq!(with_lines("It failed.".to_owned(), &[]), "It failed.\n(it printed nothing)");
        let lines = ["a".to_owned(), "b".to_owned()];
        assert_eq!(with_lines("It failed.".to_owned(), &lines), "It failed.\nIts last lines:\na\nb");
    }
}
