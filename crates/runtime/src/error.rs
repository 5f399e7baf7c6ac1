//! What goes wrong with Docker, told apart by who can do something about it.

use bollard::errors::Error as DockerError;

/// An error of this crate. Texts name the thing and what to do; none holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// No answer from the daemon: it is stopped, restarting, or its socket is not ours to open.
    #[error("Docker does not answer ({reason}); is it running, and may this user open its socket?")]
    Unreachable {
        /// What the connection said.
        reason: String,
    },
    /// An image that is needed is neither here nor to be had.
    #[error("the image {image} is not on this machine and could not be pulled ({reason}); run `docker pull {image}`")]
    MissingImage {
        /// Its name.
        image: String,
        /// What the daemon said.
        reason: String,
    },
    /// The daemon answered, and said no.
    #[error("Docker refused to {doing}: {reason}")]
    Refused {
        /// What was asked, as a verb: `create a container`.
        doing: &'static str,
        /// What the daemon said.
        reason: String,
    },
    /// The container ended or was removed by somebody else while it was in use (a restart of Docker does that).
    #[error("the build container went away while it was in use (Docker restarted, or somebody removed it)")]
    Gone,
    /// A path that was to be read does not exist in the container.
    #[error("{path} does not exist in the container")]
    NoSuchPath {
        /// The path inside the container.
        path: String,
    },
    /// A step of a Dockerfile failed.
    #[error("the Dockerfile's build failed: {reason}")]
    DockerfileFailed {
        /// The daemon's last words.
        reason: String,
        /// The exit code of a `RUN`, if that was it.
        exit_code: Option<i64>,
    },
    /// A container's files are longer, all together, than what they take on disk, by so much that they are not copied.
    #[error("the files of a container would take {bytes} bytes more in an image than they take now")]
    Hollow {
        /// By how much.
        bytes: u64,
    },
    /// A step of a Dockerfile had started more processes than it may before it could be kept to the limit.
    #[error("a step of the Dockerfile started more than {limit} processes")]
    TooManyProcesses {
        /// How many it may have.
        limit: u32,
    },
    /// Containers could reach the host or its networks, so none is started.
    #[error(
        "builds do not start, because their network cannot be closed: {why}; \
         fix that, or set BERTH_EGRESS=open to let builds reach this machine and its private networks"
    )]
    NetworkOpen {
        /// Why the rules are not in force.
        why: String,
    },
    /// The same of services.
    #[error(
        "services do not start, because their network cannot be closed: {why}; \
         fix that, or set BERTH_EGRESS=open to let services reach this machine and its private networks"
    )]
    ServicesOpen {
        /// Why the rules are not in force.
        why: String,
    },
    /// The image of a service's deployment is not there any more.
    #[error("the image that was built for this deployment is not on this machine any more; build it again")]
    ImageGone {
        /// Its id.
        image: String,
    },
    /// The image or its start command names nothing that can be run.
    #[error("it could not be started: {reason}")]
    CannotStart {
        /// What the daemon said.
        reason: String,
    },
    /// The daemon still lists a container that was to be removed.
    #[error("container {id} is still there after 15 seconds of trying to remove it; Docker may need a restart")]
    NotRemoved {
        /// The container's id, 12 digits.
        id: String,
    },
    /// The archive that was to go in could not be read to its end.
    #[error("the files for the container could not be read: {0}")]
    Stream(#[source] std::io::Error),
}

impl RuntimeError {
    /// Whether the repository or its settings caused it; everything else is ours or Docker's.
    #[must_use]
    pub fn is_theirs(&self) -> bool {
        matches!(
            self,
            Self::DockerfileFailed { .. }
                | Self::TooManyProcesses { .. }
                | Self::NoSuchPath { .. }
                | Self::CannotStart { .. }
        )
    }

    /// Whether trying once more may help without anybody doing something.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Gone | Self::NotRemoved { .. })
    }
}

/// Names what was being done when the daemon's answer came; to be used with `map_err`.
pub(crate) fn while_doing(doing: &'static str) -> impl Fn(DockerError) -> RuntimeError {
    move |error| match error {
        DockerError::DockerResponseServerError { message, .. } => RuntimeError::Refused { doing, reason: message },
        DockerError::DockerStreamError { error } => RuntimeError::Refused { doing, reason: error },
        DockerError::RequestTimeoutError => {
            RuntimeError::Unreachable { reason: format!("no answer in time when asked to {doing}") }
        }
        other => RuntimeError::Unreachable { reason: with_causes(&other) },
    }
}

/// The same for calls on a container: a missing one is [`RuntimeError::Gone`].
pub(crate) fn in_container(doing: &'static str) -> impl Fn(DockerError) -> RuntimeError {
    move |error| if is_status(&error, 404) { RuntimeError::Gone } else { while_doing(doing)(error) }
}

/// Whether the daemon answered with this HTTP status.
pub(crate) fn is_status(error: &DockerError, status: u16) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code, .. } if *status_code == status)
}

/// Whether the daemon answered at all.
pub(crate) fn is_answer(error: &DockerError) -> bool {
    matches!(error, DockerError::DockerResponseServerError { .. })
}

/// An error with what lies beneath it, on one line: hyper's own text is only "client error".
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}
