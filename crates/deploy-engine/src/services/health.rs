//! Whether a replica is well, asked for as long as it runs; and what it uses, for whoever looks.

use std::net::SocketAddr;
use std::time::Duration;

use berth_edge::health;
use berth_model::{HealthPath, ReplicaId, Replicas, RunningService, ServiceProtocol, ServiceSpec};
use berth_runtime::Engine;
use tokio::sync::mpsc;

use super::crew::Happened;

/// Between two questions while it starts: at first, and at most.
const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(1);
/// Between two questions once it is well, and between two measurements.
const NOW_AND_THEN: Duration = Duration::from_secs(10);
/// For one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// What listens nowhere is well when it has stayed up for so long.
const STAYS: Duration = Duration::from_secs(5);

/// What shows that a service is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// It answers this path, in the protocol that it speaks.
    Answers(HealthPath, ServiceProtocol),
    /// It takes connections. Asked until it does; a process that lives is well from then on.
    Accepts,
    /// It listens nowhere: it lives.
    Lives,
}

impl Check {
    pub(crate) fn of(spec: &ServiceSpec, running: &RunningService) -> Self {
        let settings = &running.settings;
        match &settings.health_path {
            Some(path) => Self::Answers(path.clone(), settings.protocol.unwrap_or_default()),
            None if spec.port().is_none() => Self::Lives,
            None => Self::Accepts,
        }
    }

    async fn ask(&self, endpoint: Option<SocketAddr>, host: &str) -> Result<(), String> {
        let address = || endpoint.ok_or_else(|| "it has no address in its network".to_owned());
        match self {
            Self::Answers(path, protocol) => health::answers(address()?, host, path, *protocol, ANSWER_WITHIN).await,
            Self::Accepts => health::accepts(address()?, ANSWER_WITHIN).await,
            Self::Lives => {
                tokio::time::sleep(STAYS).await;
                return Ok(());
            }
        }
        .map_err(|problem| problem.to_string())
    }
}

/// One replica under watch; it ends when its container does.
pub(crate) struct Watch {
    pub(crate) engine: Engine,
    pub(crate) replicas: Replicas,
    pub(crate) replica: ReplicaId,
    pub(crate) container: String,
    pub(crate) endpoint: Option<SocketAddr>,
    pub(crate) host: String,
    pub(crate) check: Check,
    pub(crate) tell: mpsc::Sender<Happened>,
}

impl Watch {
    pub(crate) async fn run(self) {
        tokio::join!(self.ask_on(), self.measure());
    }

    async fn ask_on(&self) {
        let (mut is_well, mut pause) = (false, SOON);
        loop {
            let container = self.container.clone();
            let heard = match self.check.ask(self.endpoint, &self.host).await {
                Ok(()) => {
                    is_well = true;
                    Happened::Answered { container }
                }
                Err(problem) => Happened::Missed { container, problem },
            };
            if self.tell.send(heard).await.is_err() || (is_well && !matches!(self.check, Check::Answers(..))) {
                return;
            }
            tokio::time::sleep(if is_well { NOW_AND_THEN } else { pause }).await;
            pause = (pause * 2).min(LATER);
        }
    }

    async fn measure(&self) {
        loop {
            // One that cannot be measured now is told by its end, if it is that.
            if let Ok(usage) = self.engine.replica_usage(&self.container).await {
                self.replicas.measure(&self.replica, usage);
            }
            tokio::time::sleep(NOW_AND_THEN).await;
        }
    }
}
