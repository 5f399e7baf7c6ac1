//! The table of hosts, and the way of a request through it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use berth_model::{AccessLine, Clock, Timestamp};
use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Response, Uri};
use http_body::Body;

use crate::body::EdgeBody;
use crate::files::{Files, Takes};
use crate::gate::{Gate, Insider};
use crate::host::{self, BadHost, Host, host_of};
use crate::passing::{AsksFor, Carrier, Passage, PassedBody, Visitor};
use crate::site::Site;
use crate::traffic::{Meter, Tallies, Tally};
use crate::upstream::Upstreams;
use crate::{pages, serve, traffic};

/// Settings of the edge.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Memory for small contents of all sites together, in bytes.
    pub cache_bytes: usize,
    /// Most large files that stay open between requests.
    pub open_files: usize,
    /// How long a service may say nothing: before its answer begins, and within it.
    pub patience: Duration,
    /// What time it is.
    pub clock: Clock,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        Self { cache_bytes: 32 << 20, open_files: 512, patience: Duration::from_secs(60 * 60), clock: Clock::System }
    }
}

/// The web server of all sites. Clones share the table.
#[derive(Clone, Debug)]
pub struct Edge(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Full host names, lower case. Requests hold the lock for one lookup, an installation for one insertion.
    sites: RwLock<HashMap<Box<str>, Arc<Site>>>,
    files: Files,
    gate: Gate,
    tallies: Tallies,
    upstreams: Upstreams,
    patience: Duration,
    clock: Clock,
}

/// Whom a request is for.
#[derive(Clone, Debug)]
pub enum HostDecision {
    /// A site.
    Site(Arc<Site>),
    /// A host that is no site: the control plane's, or nobody's.
    Unknown(String),
    /// An address instead of a name: never a site.
    Address(IpAddr),
    /// No host: 400.
    Bad(BadHost),
}

impl Edge {
    /// An edge without sites.
    #[must_use]
    pub fn new(config: EdgeConfig) -> Self {
        let files = Files::new(config.cache_bytes, config.open_files);
        let (gate, tallies) = (Gate::new(config.clock.clone()), Tallies::new(&config.clock));
        let (sites, upstreams) = (RwLock::default(), Upstreams::default());
        Self(Arc::new(Shared {
            sites,
            files,
            gate,
            tallies,
            upstreams,
            patience: config.patience,
            clock: config.clock,
        }))
    }

    /// What was answered.
    #[must_use]
    pub fn tallies(&self) -> &Tallies {
        &self.0.tallies
    }

    /// The services of all sites.
    #[must_use]
    pub fn upstreams(&self) -> &Upstreams {
        &self.0.upstreams
    }

    /// Puts a site on a host (lower case, without port) at once for all requests that come; running ones end with what
    /// they began with. The hashed assets of the release that it replaces stay reachable, if that was the same project's:
    /// a name that was given up is another's. Returns what was there.
    pub fn install(&self, host: &str, site: Site) -> Option<Arc<Site>> {
        let now = self.0.clock.now();
        let mut site = site.at(host, now);
        let mut sites = self.0.sites.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(replaced) = sites.get(host).filter(|replaced| replaced.project() == site.project()) {
            site.succeed(replaced, now);
        }
        sites.insert(host.into(), Arc::new(site))
    }

    /// What time it is for the edge: by this clock it counts how long something was replaced.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Undoes an [`Edge::install`] with what it returned.
    pub fn put_back(&self, host: &str, site: Option<Arc<Site>>) {
        let mut sites = self.0.sites.write().unwrap_or_else(PoisonError::into_inner);
        match site {
            Some(site) => drop(sites.insert(host.into(), site)),
            None => drop(sites.remove(host)),
        }
    }

    /// Takes a host out of service; it is nobody's from now on.
    pub fn remove(&self, host: &str) -> Option<Arc<Site>> {
        self.0.sites.write().unwrap_or_else(PoisonError::into_inner).remove(host)
    }

    /// What a host leads to.
    #[must_use]
    pub fn site(&self, host: &str) -> Option<Arc<Site>> {
        self.0.sites.read().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }

    /// All hosts, in no order.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        let sites = self.0.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.keys().map(|host| String::from(&**host)).collect()
    }

    /// How many hosts lead to a site.
    #[must_use]
    pub fn number_of_hosts(&self) -> usize {
        self.0.sites.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whom a request is for. This is asked before any router sees it.
    pub fn decide<B>(&self, request: &Request<B>) -> HostDecision {
        if let Some(site) = host::as_sent(request).and_then(|host| self.site(host)) {
            return HostDecision::Site(site);
        }
        match host_of(request) {
            Ok(Host::Name(name)) => match self.site(&name) {
                Some(site) => HostDecision::Site(site),
                None => HostDecision::Unknown(name.into_owned()),
            },
            Ok(Host::Address(address)) => HostDecision::Address(address),
            Err(bad) => HostDecision::Bad(bad),
        }
    }

    /// Whether [`Edge::visit`] answers without more ado. Where it does not, the site is protected, so that
    /// [`Edge::admit`] is to be asked first, or a service answers, which [`Edge::pass`] asks.
    #[must_use]
    pub fn answers_at_once(decision: &HostDecision, uri: &Uri) -> bool {
        match decision {
            HostDecision::Site(site) => site.is_plain() || site.shows_files(uri.path()),
            _ => true,
        }
    }

    /// Finds out whether a request opens a protected site; [`Edge::respond`] knows it then. Takes a while where the
    /// password is new.
    ///
    /// # Errors
    /// The answer, where the password is not even looked at.
    #[allow(clippy::result_large_err, reason = "it is the answer, and rare")]
    pub async fn admit(
        &self,
        decision: &HostDecision,
        method: &Method,
        headers: &HeaderMap,
        client: IpAddr,
    ) -> Result<(), Response<EdgeBody>> {
        let HostDecision::Site(site) = decision else { return Ok(()) };
        let Some(lock) = site.lock() else { return Ok(()) };
        let began = Instant::now();
        let tried = self.0.gate.try_key(lock, headers, client).await;
        tried.map_err(|refusal| {
            let mut refusal = serve::finish(method, refusal, Takes::Bytes);
            if let Some(tally) = self.tally(decision) {
                measure(&mut refusal, tally, began, None);
            }
            refusal
        })
    }

    /// Answers a request as it was decided, without counting it. A host that is not a site gets a page that says so.
    pub fn respond<B>(&self, decision: &HostDecision, request: &Request<B>) -> Response<EdgeBody> {
        let (headers, extensions) = (request.headers().clone(), request.extensions());
        self.answer(decision, request.method(), request.uri(), headers, extensions, Takes::Bytes)
    }

    /// The same for a visitor's request, which nobody needs any more, on a connection that may take files: it is counted,
    /// and told to whoever watches, with the address of the `client`.
    pub fn visit<B>(
        &self,
        takes: Takes,
        decision: &HostDecision,
        request: Request<B>,
        client: impl FnOnce(&HeaderMap) -> IpAddr,
    ) -> Response<EdgeBody> {
        let began = Instant::now();
        let tally = self.tally(decision);
        let line = match (decision, tally) {
            (HostDecision::Site(site), Some(tally)) if tally.wants_line(began) => {
                Some(traffic::line_of(&request, site.host(), client(request.headers()), self.now()))
            }
            _ => None,
        };
        let (head, _) = request.into_parts();
        let mut response = self.answer(decision, &head.method, &head.uri, head.headers, &head.extensions, takes);
        if let Some(tally) = tally {
            measure(&mut response, tally, began, line);
        }
        response
    }

    /// The way to the service that answers this address of a site, if one does and the site is open to the request. The
    /// request is under way from now on.
    #[must_use]
    pub fn passage<B>(&self, decision: &HostDecision, request: &Request<B>) -> Option<Passage> {
        let HostDecision::Site(site) = decision else { return None };
        let is_open = site.lock().is_none_or(|lock| self.0.gate.is_open(lock, request.headers()));
        if is_open { Passage::of(site, request.uri()) } else { None }
    }

    /// Has a service answer. It is counted, and told to whoever watches, as [`Edge::visit`] is.
    pub async fn pass<B>(&self, passage: Passage, request: Request<B>, visitor: Visitor) -> Response<PassedBody>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (began, site) = (Instant::now(), Arc::clone(&passage.site));
        let meter = site.tally(&self.0.tallies).map(|tally| {
            let wants_line = tally.wants_line(began);
            let line = wants_line.then(|| traffic::line_of(&request, site.host(), visitor.client, self.now()));
            Meter::unanswered(Arc::clone(tally), began, line)
        });
        let (method, asks_for) = (request.method().clone(), AsksFor::of(request.headers()));
        let (patience, is_locked) = (self.0.patience, site.lock().is_some());
        let carrier = Carrier { visitor, patience, is_locked, site_now: &|host| self.site(host) };
        let mut response = carrier.carry(passage, request).await.unwrap_or_else(|problem| {
            serve::finish(&method, problem.answer(&asks_for), Takes::Bytes).map(PassedBody::page)
        });
        if is_locked {
            response = serve::private(response);
        }
        if let Some(mut meter) = meter {
            meter.answered(response.status());
            response.body_mut().measure(meter);
        }
        response
    }

    /// Where requests like this one are counted.
    fn tally<'a>(&'a self, decision: &'a HostDecision) -> Option<&'a Arc<Tally>> {
        match decision {
            HostDecision::Site(site) => site.tally(&self.0.tallies),
            _ => Some(self.0.tallies.unknown_hosts()),
        }
    }

    fn answer(
        &self,
        decision: &HostDecision,
        method: &Method,
        uri: &Uri,
        headers: HeaderMap,
        extensions: &Extensions,
        takes: Takes,
    ) -> Response<EdgeBody> {
        let files = &self.0.files;
        let response = match decision {
            HostDecision::Site(site) => match site.lock() {
                None => serve::answer(files, site, method, uri, headers, takes),
                Some(lock) if self.0.gate.is_open(lock, &headers) || extensions.get::<Insider>().is_some() => {
                    serve::private(serve::answer(files, site, method, uri, headers, takes))
                }
                Some(_) => serve::challenge(files, site, method, uri, headers, takes).unwrap_or_else(pages::locked),
            },
            HostDecision::Unknown(_) | HostDecision::Address(_) => pages::unknown_host(),
            HostDecision::Bad(bad) => pages::bad_request(&bad.to_string()),
        };
        serve::finish(method, response, takes)
    }
}

/// Has an answer counted when it ends.
fn measure(response: &mut Response<EdgeBody>, tally: &Arc<Tally>, began: Instant, line: Option<AccessLine>) {
    let (status, body) = (response.status(), response.body_mut());
    let meter = Meter::new(Arc::clone(tally), began, status, body.is_cached());
    body.measure(meter.with_line(line));
}

/// The edge alone as a service: what is no site is answered with a page.
impl<B> tower::Service<Request<B>> for Edge {
    type Response = Response<EdgeBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let decision = self.decide(&request);
        ready(Ok(self.visit(Takes::Bytes, &decision, request, |_| Ipv4Addr::UNSPECIFIED.into())))
    }
}
