//! What is wished of a service, by the project's settings or by `berth.toml`; what is not wished is detected.

use berth_model::{Decision, OutputDir, Reason, Why};

use super::ProjectSettings;

/// What one service shall be like.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) install_command: Option<Given<String>>,
    /// Empty: the files as they are.
    pub(super) build_command: Option<Given<String>>,
    pub(super) output_directory: Option<Given<OutputDir>>,
    pub(super) node_version: Option<Given<String>>,
    /// The path of a Dockerfile in the repository.
    pub(super) dockerfile: Option<Given<String>>,
    pub(super) start_command: Option<Given<String>>,
    /// It shall run, whatever it looks like.
    pub(super) runs: bool,
    /// It shall be files: a Dockerfile that nobody names is not meant.
    pub(super) is_static: bool,
}

/// A wished value, and who wishes it.
#[derive(Clone, Debug)]
pub(super) struct Given<T> {
    pub(super) value: T,
    pub(super) by: By,
}

/// Who says what a project shall be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Its owner, in its settings.
    Settings,
    /// `berth.toml`, in this line.
    File { line: u32 },
}

impl By {
    /// The name of the file that declares services.
    pub(super) const FILE: &str = "berth.toml";

    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::File { .. } => Self::FILE,
        }
    }

    pub(super) fn why(self) -> Why {
        match self {
            Self::Settings => Reason::Set.into(),
            Self::File { line } => Reason::Declared { line }.into(),
        }
    }
}

impl<T> Given<T> {
    pub(super) fn decision(&self) -> Decision<T>
    where
        T: Clone,
    {
        self.of(self.value.clone())
    }

    /// A value that follows from this one.
    pub(super) fn of<U>(&self, value: U) -> Decision<U> {
        Decision::new(value, self.by.source(), self.by.why())
    }
}

impl Wanted {
    /// By the project's settings alone.
    pub(super) fn of_settings(settings: &ProjectSettings) -> Self {
        fn set<T: Clone>(value: Option<&T>) -> Option<Given<T>> {
            value.map(|value| Given { value: value.clone(), by: By::Settings })
        }
        Self {
            install_command: set(settings.install_command.as_ref()),
            build_command: set(settings.build_command.as_ref()),
            output_directory: set(settings.output_directory.as_ref()),
            node_version: set(settings.node_version.as_ref()),
            ..Self::default()
        }
    }

    /// The build command, if one is wished.
    pub(super) fn build_line(&self) -> Option<&str> {
        self.build_command.as_ref().map(|command| command.value.as_str())
    }
}
