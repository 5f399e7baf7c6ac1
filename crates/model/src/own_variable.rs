//! What Berth itself tells the processes of services: the names of those variables, for whoever starts a process and for
//! whoever shows what it was started with.

/// A variable whose value only Berth knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnVariable {
    /// Where to listen.
    Host,
    /// At which port.
    Port,
    /// The project's address, or the preview's.
    Url,
    /// Which service it is.
    Service,
    /// Which of the service's replicas; a command is none.
    Replica,
    /// Production or preview.
    Environment,
    /// Which deployment it belongs to.
    Deployment,
}

impl OwnVariable {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Host, Self::Port, Self::Url, Self::Service, Self::Replica, Self::Environment, Self::Deployment];

    /// By what name a process reads it.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Host => "HOST",
            Self::Port => "PORT",
            Self::Url => "BERTH_URL",
            Self::Service => "BERTH_SERVICE",
            Self::Replica => "BERTH_REPLICA",
            Self::Environment => "BERTH_ENVIRONMENT",
            Self::Deployment => "BERTH_DEPLOYMENT",
        }
    }

    /// Whether what the repository or the project says goes before it.
    #[must_use]
    pub const fn gives_way(self) -> bool {
        matches!(self, Self::Host)
    }
}
