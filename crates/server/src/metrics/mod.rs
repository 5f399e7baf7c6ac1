//! What is counted, told to those who ask: Prometheus and the API.
//!
//! - [`sites`], [`process`]: what is told of projects and of this process, in the format of [`text`].
//! - [`listener`]: where Prometheus reads it without an account.
//!
//! Nothing is counted here, and no site's host ever answers with it.

pub(crate) mod listener;
pub(crate) mod process;
mod sites;
mod text;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use berth_api::Observer;
use berth_edge::Edge;
use berth_model::{AccessEvent, AccessLine, BuildStatus, ProjectId, Timestamp, Traffic};
use berth_store::{Overview, Store};
use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};

use crate::front::Front;
use text::{Kind, Text};

/// For the database's part of a page.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything that is counted.
pub(crate) struct Metrics {
    edge: Edge,
    front: Arc<Front>,
    /// Set once it is there.
    store: OnceLock<Store>,
    /// What projects are called, as the database said last.
    names: Mutex<HashMap<ProjectId, String>>,
}

impl Metrics {
    pub(crate) fn new(edge: Edge, front: Arc<Front>) -> Self {
        Self { edge, front, store: OnceLock::new(), names: Mutex::default() }
    }

    /// From now on the database is asked, too.
    pub(crate) fn open(&self, store: Store) {
        // It is opened once; a second store would be a bug that changes nothing.
        let _ = self.store.set(store);
    }

    /// A number that grows with all that happens: answers, and events of builds and people.
    pub(crate) fn happened(&self) -> u64 {
        let newest = self.store.get().map_or(0, |store| store.signals().subscribe_events().borrow().0);
        let answers = self.front.counts().control().answers() + self.edge.tallies().answers();
        answers + newest.unsigned_abs()
    }

    /// A page in pieces. A database that does not answer costs its part of the page only.
    pub(crate) async fn page(&self) -> impl Stream<Item = Bytes> + Send + 'static {
        let overview = self.overview().await;
        let mut text = Text::default();
        process::write(&mut text, self.edge.tallies().since());
        self.write(&mut text, overview.as_ref());
        let of_sites = sites::pages(self.named(overview));
        stream::iter([text.into_string()].into_iter().chain(of_sites).map(Bytes::from))
    }

    async fn overview(&self) -> Option<Overview> {
        tokio::time::timeout(PATIENCE, self.store.get()?.overview()).await.ok()?.ok()
    }

    fn write(&self, text: &mut Text, overview: Option<&Overview>) {
        text.family("berth_build_info", Kind::Gauge, "1, with the version of this Berth.");
        text.sample("berth_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let help = "Whether the database answered.";
        text.single("berth_database_up", Kind::Gauge, help, u8::from(overview.is_some()));
        if let Some(overview) = overview {
            text.single("berth_projects", Kind::Gauge, "Projects.", overview.projects.len());
            text.family("berth_builds", Kind::Gauge, "Builds by status; queued ones wait for their turn.");
            for status in BuildStatus::ALL {
                let count = overview.builds.iter().find(|(with, _)| with == status).map_or(0, |(_, count)| *count);
                text.sample("berth_builds", &[("status", status.as_str())], count);
            }
        }
        let tallies = self.edge.tallies();
        let help = "Hosts that lead to a site.";
        text.single("berth_hosts", Kind::Gauge, help, self.edge.number_of_hosts());
        let help = "Connections of visitors and of the control plane that are open.";
        text.single("berth_connections_open", Kind::Gauge, help, self.front.counts().open_connections());
        let help = "From a request's head until the last byte was handed to the connection, of all projects.";
        text.histogram("berth_answer_seconds", help, &tallies.latency());

        let name = "berth_unknown_host_requests_total";
        text.family(name, Kind::Counter, "Requests for hosts that are nobody's, by the first digit of the status.");
        sites::statuses(text, name, None, &tallies.unknown_hosts().read().statuses);
        let (control, name) = (self.front.counts().control().read(), "berth_control_requests_total");
        text.family(name, Kind::Counter, "Requests to the API and the dashboard, by the first digit of the status.");
        sites::statuses(text, name, None, &control.statuses);
        let help = "The same of the API and the dashboard; long polling waits on purpose.";
        text.histogram("berth_control_answer_seconds", help, &control.latency);
    }

    /// Projects that were asked for, with their names. While the database is away they keep the names that they had; one
    /// that has none yet is called by its number, which no name looks like.
    fn named(&self, overview: Option<Overview>) -> Vec<sites::Named> {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = overview.is_some();
        if let Some(overview) = overview {
            *names = overview.projects.into_iter().collect();
        }
        let named = self.edge.tallies().projects().into_iter().filter_map(|(project, tally)| {
            let name = names.get(&project).cloned();
            // A project that is gone has no name any more.
            let name = if is_current { name } else { name.or_else(|| Some(format!("#{project}"))) };
            Some((name?, tally))
        });
        named.collect()
    }
}

/// What the API asks.
pub(crate) struct Observing(pub(crate) Arc<Metrics>);

impl Observer for Observing {
    fn since(&self) -> Timestamp {
        self.0.edge.tallies().since()
    }

    fn traffic(&self, project: ProjectId) -> Traffic {
        self.0.edge.tallies().traffic(project)
    }

    fn last(&self, project: ProjectId, most: usize) -> Vec<Arc<AccessLine>> {
        self.0.edge.tallies().last(project, most)
    }

    fn watch(&self, project: ProjectId) -> BoxStream<'static, AccessEvent> {
        let watching = self.0.edge.tallies().watch(project);
        stream::unfold(watching, |mut watching| async move { Some((watching.next().await?, watching)) }).boxed()
    }

    fn metrics(&self) -> BoxFuture<'static, berth_api::Metrics> {
        let metrics = Arc::clone(&self.0);
        async move { berth_api::Metrics { content_type: text::CONTENT_TYPE, pieces: metrics.page().await.boxed() } }
            .boxed()
    }
}
