//! Commands that a signal ended: somebody killed them, or they broke.

use berth_model::words::Bytes;
use berth_model::{Failure, FailureCode};
use berth_runtime::LARGEST_FILE;

use super::{Command, Scene, telling};

/// A signal that ends programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Signal {
    name: &'static str,
    means: Means,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    Killed,
    ToldToStop,
    GaveUp,
    FileTooLarge,
    Crashed(&'static str),
}

const SIGNALS: &[(i64, Signal)] = &[
    (2, Signal { name: "SIGINT", means: Means::ToldToStop }),
    (4, Signal { name: "SIGILL", means: Means::Crashed("an instruction that this processor does not have") }),
    (6, Signal { name: "SIGABRT", means: Means::GaveUp }),
    (7, Signal { name: "SIGBUS", means: Means::Crashed("a bus error") }),
    (8, Signal { name: "SIGFPE", means: Means::Crashed("a wrong calculation") }),
    (9, Signal { name: "SIGKILL", means: Means::Killed }),
    (11, Signal { name: "SIGSEGV", means: Means::Crashed("a segmentation fault") }),
    (15, Signal { name: "SIGTERM", means: Means::ToldToStop }),
    (25, Signal { name: "SIGXFSZ", means: Means::FileTooLarge }),
];

/// The signal behind an exit code: shells add 128.
pub(super) fn of_exit_code(exit_code: i64) -> Option<Signal> {
    SIGNALS.iter().find(|(number, _)| number + 128 == exit_code).map(|(_, signal)| *signal)
}

/// The signal that a tool names when it ends with a code of its own.
pub(super) fn named(name: &str) -> Option<Signal> {
    SIGNALS.iter().map(|(_, signal)| *signal).find(|signal| signal.name == name)
}

/// What a signal says of who got it, and what to do.
pub(super) fn words(signal: Signal, what: &str, memory: u64) -> (String, String) {
    let name = signal.name;
    match signal.means {
        Means::Killed => (
            format!("{what} was killed ({name})"),
            format!(
                "Docker reported no process that reached the limit of {} of memory. Either something in the build kills \
                 processes, or the machine itself ran out of memory: rebuild, and if it happens again, ask the operator.",
                Bytes(memory)
            ),
        ),
        Means::ToldToStop => (
            format!("{what} was told to stop ({name})"),
            "Berth stops a build by removing its container, never so: look for a program in the build that stops others, \
             or that limits its own time."
                .to_owned(),
        ),
        Means::GaveUp => (
            format!("{what} gave up ({name})"),
            "A program found itself in a state that it cannot continue from; what it printed before says more.".to_owned(),
        ),
        Means::FileTooLarge => (
            format!("{what} was stopped because it made a file larger than {} ({name})", Bytes(LARGEST_FILE)),
            "No file of a build may be larger, also one that is mostly empty. Look for what makes it.".to_owned(),
        ),
        Means::Crashed(how) => (
            format!("{what} crashed ({name}: {how})"),
            "A native program or package broke. It may be made for another system or version of Node: build it again for \
             this one (remove prebuilt files from the repository), or choose another version."
                .to_owned(),
        ),
    }
}

/// The command itself was ended.
pub(super) fn failure(command: Command, exit_code: i64, signal: Signal, scene: &Scene<'_>) -> Failure {
    let memory = scene.limits.memory;
    let (title, mut detail) = words(signal, command.what(), memory);
    if command == Command::Step && signal.means == Means::Killed {
        detail = format!(
            "Most often that is because it used more than {} of memory (limit: BERTH_BUILD_MEMORY), which the builder does \
             not tell. Give it less to hold at once, or ask the operator for more.",
            Bytes(memory)
        );
    }
    let failure = Failure::new(FailureCode::Killed, format!("exit code {exit_code}: {title}"), detail);
    telling(failure, scene)
}
