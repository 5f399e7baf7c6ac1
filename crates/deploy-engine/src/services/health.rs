//! Whether a replica is well, asked for as long as it runs; and what it uses, for whoever looks.

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use berth_edge::health::{self, HealthProblem};
use berth_model::{HealthPath, ReplicaId, Replicas, RunningService, ServiceProtocol, ServiceSpec};
use berth_runtime::Engine;
use tokio::sync::mpsc;

use super::crew::Happened;
use super::words;

/// Between two questions while it starts: at first, and at most.
const SOON: Duration = Duration::from_millis(100);
const LATER: Duration = Duration::from_secs(1);
/// Between two questions once it is well, and between two measurements.
const NOW_AND_THEN: Duration = Duration::from_secs(10);
/// For one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// Of so many questions that nothing took, one leads to a look at where it listens instead.
const LOOK_AT_EACH: u32 = 10;
/// What listens nowhere is well when it has stayed up for so long.
const STAYS: Duration = Duration::from_secs(5);

/// What shows that a service is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// It answers this path, in the protocol that it speaks.
    Answers(HealthPath, ServiceProtocol),
    /// It takes visitors' requests. Asked until it does; a process that lives is well from then on.
    TakesRequests,
    /// It takes connections. The same.
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
            // What only its siblings reach, or what speaks otherwise, need not understand a request.
            None if spec.routes.is_empty() || settings.protocol == Some(ServiceProtocol::H2c) => Self::Accepts,
            None => Self::TakesRequests,
        }
    }

    async fn ask(&self, endpoint: Option<SocketAddr>, host: &str) -> Result<(), Missed> {
        let address =
            || endpoint.ok_or_else(|| Missed { problem: "it has no address in its network".to_owned(), nobody: false });
        match self {
            Self::Answers(path, protocol) => health::answers(address()?, host, path, *protocol, ANSWER_WITHIN).await,
            Self::TakesRequests => health::takes_requests(address()?, host, ANSWER_WITHIN).await,
            Self::Accepts => health::accepts(address()?, ANSWER_WITHIN).await,
            Self::Lives => {
                tokio::time::sleep(STAYS).await;
                return Ok(());
            }
        }
        .map_err(|problem| Missed {
            nobody: matches!(problem, HealthProblem::NothingListens { .. }),
            problem: problem.to_string(),
        })
    }
}

/// A question that was not answered as it should be.
struct Missed {
    problem: String,
    /// There was nobody to be asked.
    nobody: bool,
}

/// One replica under watch; it ends when its container does.
pub(crate) struct Watch {
    pub(crate) engine: Engine,
    pub(crate) replicas: Replicas,
    pub(crate) replica: ReplicaId,
    pub(crate) container: String,
    pub(crate) endpoint: Option<SocketAddr>,
    /// Where it should listen, in its container.
    pub(crate) port: NonZeroU16,
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
        let (mut missed, mut elsewhere) = (0_u32, None);
        loop {
            let container = self.container.clone();
            let heard = match self.check.ask(self.endpoint, &self.host).await {
                Ok(()) => {
                    is_well = true;
                    Happened::Answered { container }
                }
                Err(Missed { mut problem, nobody }) => {
                    missed += u32::from(nobody);
                    if nobody && missed.is_multiple_of(LOOK_AT_EACH) {
                        elsewhere = self.elsewhere().await;
                    }
                    if let Some(elsewhere) = elsewhere.as_ref().filter(|_| nobody) {
                        problem = format!("{problem}; {elsewhere}");
                    }
                    Happened::Missed { container, problem }
                }
            };
            if self.tell.send(heard).await.is_err() || (is_well && !matches!(self.check, Check::Answers(..))) {
                return;
            }
            tokio::time::sleep(if is_well { NOW_AND_THEN } else { pause }).await;
            pause = (pause * 2).min(LATER);
        }
    }

    /// Where it listens instead, if that can be seen.
    async fn elsewhere(&self) -> Option<String> {
        let listening = self.engine.listening(&self.container).await.ok()?;
        words::elsewhere(self.port, &listening)
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
