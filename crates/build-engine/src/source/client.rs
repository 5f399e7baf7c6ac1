//! The HTTP client of sources. Its resolver judges every address of a name and hands out only judged ones: what was
//! checked is what is connected to, however often the name changes its mind.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use berth_model::{InvalidInput, RepoUrl, SourceAllow};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use url::{Host, Url};

use super::{SourceTimeouts, failures};
use crate::BuildError;

/// Cheap to clone; connections are kept between fetches.
#[derive(Clone)]
pub(super) struct SourceClient {
    http: reqwest::Client,
    allow: Arc<SourceAllow>,
    pub(super) timeouts: SourceTimeouts,
}

impl fmt::Debug for SourceClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceClient").field("allow", &self.allow).finish_non_exhaustive()
    }
}

impl SourceClient {
    pub(super) fn new(allow: SourceAllow, timeouts: SourceTimeouts) -> Result<Self, BuildError> {
        Self::with_names(allow, timeouts, SystemNames)
    }

    /// The same, with another way from names to addresses.
    fn with_names(
        allow: SourceAllow,
        timeouts: SourceTimeouts,
        names: impl Resolve + 'static,
    ) -> Result<Self, BuildError> {
        let allow = Arc::new(allow);
        let http = reqwest::Client::builder()
            // Some hosts answer the git protocol only to an agent that starts like git's own.
            .user_agent(concat!("git/2.0 (berth ", env!("CARGO_PKG_VERSION"), ")"))
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(timeouts.connect)
            .dns_resolver(JudgingResolver { allow: allow.clone(), names: Arc::new(names) })
            .build()
            .map_err(BuildError::ours_for_good)?;
        Ok(Self { http, allow, timeouts })
    }

    /// Judges what can be judged of an address without resolving it; a saved project's may have been allowed once.
    pub(super) fn check(&self, url: &RepoUrl) -> Result<(), BuildError> {
        self.allow.check_url(url).map_err(|InvalidInput { message, .. }| failures::forbidden_url(&message))
    }

    /// A request to `url`. The resolver never sees a literal address, so that is judged here.
    pub(super) fn request(&self, method: reqwest::Method, url: &Url) -> Result<reqwest::RequestBuilder, BuildError> {
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            _ => None,
        };
        match literal {
            Some(ip) if !self.allow.permits_address(ip, &ip.to_string()) => {
                Err(failures::forbidden_address(&ip.to_string()))
            }
            _ => Ok(self.http.request(method, url.clone())),
        }
    }
}

struct JudgingResolver {
    allow: Arc<SourceAllow>,
    names: Arc<dyn Resolve>,
}

/// The machine's own way from names to addresses.
struct SystemNames;

impl Resolve for SystemNames {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

/// A name leads to an address that may not be fetched from. One such address spoils the name: which of several
/// would be connected to is not the name server's choice to make.
#[derive(Debug, thiserror::Error)]
#[error("{host} resolves to {address}, which is not public")]
pub(super) struct ForbiddenAddress {
    pub(super) host: String,
    address: std::net::IpAddr,
}

/// A name leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error("{host} does not resolve")]
pub(super) struct Unresolved {
    host: String,
}

impl Resolve for JudgingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow, host) = (self.allow.clone(), name.as_str().to_owned());
        let lookup = self.names.resolve(name);
        Box::pin(async move {
            let Ok(found) = lookup.await else { return Err(Unresolved { host }.into()) };
            let found: Vec<SocketAddr> = found.collect();
            match found.iter().map(SocketAddr::ip).find(|ip| !allow.permits_address(*ip, &host)) {
                Some(address) => Err(ForbiddenAddress { host, address }.into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn resolver(allow: &str, names: impl Resolve + 'static) -> JudgingResolver {
        JudgingResolver { allow: Arc::new(SourceAllow::parse(allow).unwrap()), names: Arc::new(names) }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_has_none() {
        let resolve = async |allow: &str, name: &str| {
            resolver(allow, SystemNames).resolve(name.parse().unwrap()).await.map(Iterator::count)
        };
        let refused = resolve("10.0.0.0/8", "localhost").await.unwrap_err();
        assert!(refused.is::<ForbiddenAddress>(), "{refused}");
        assert!(resolve("localhost", "localhost").await.unwrap() > 0);
        assert!(resolve("127.0.0.0/8 ::1", "localhost").await.unwrap() > 0);
        assert!(resolve("", "no-such-host.invalid").await.unwrap_err().is::<Unresolved>());
    }

    /// A name server that means harm: it answers in turn, the last answer for ever.
    struct Rebinding {
        answers: Vec<Vec<IpAddr>>,
        asked: Arc<Mutex<usize>>,
    }

    impl Resolve for Rebinding {
        fn resolve(&self, _: Name) -> Resolving {
            let mut asked = self.asked.lock().unwrap();
            let answer = self.answers[(*asked).min(self.answers.len() - 1)].clone();
            *asked += 1;
            Box::pin(async move { Ok(Box::new(answer.into_iter().map(|ip| SocketAddr::new(ip, 0))) as Addrs) })
        }
    }

    /// Counts connections, and answers each with a word before it closes it.
    async fn greeter(address: &str) -> (SocketAddr, Arc<Mutex<usize>>) {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, count) = (listener.local_addr().unwrap(), Arc::<Mutex<usize>>::default());
        let counting = count.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                *counting.lock().unwrap() += 1;
                let _ = stream.read(&mut [0; 1_000]).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi").await;
            }
        });
        (address, count)
    }

    /// G5: what was judged is what is connected to, for each connection anew.
    #[tokio::test]
    async fn a_name_that_changes_its_mind_leads_nowhere_else() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (allowed, met) = greeter("127.0.0.1:0").await;
        let (_private, touched) = greeter(&format!("127.0.0.2:{}", allowed.port())).await;
        let (good, bad): (IpAddr, IpAddr) = ("127.0.0.1".parse().unwrap(), "127.0.0.2".parse().unwrap());
        let asked = Arc::<Mutex<usize>>::default();
        let names = Rebinding { answers: vec![vec![good], vec![bad]], asked: asked.clone() };
        let allow = SourceAllow::parse("127.0.0.1").unwrap();
        let client = SourceClient::with_names(allow, SourceTimeouts::default(), names).unwrap();
        let url: Url = format!("http://rebinding.example.org:{}/", allowed.port()).parse().unwrap();
        let ask = || client.request(reqwest::Method::GET, &url).unwrap().send();

        assert_eq!(ask().await.unwrap().status(), 200);
        assert_eq!((*asked.lock().unwrap(), *met.lock().unwrap()), (1, 1), "it is looked up once for a connection");
        let refused = ask().await.unwrap_err();
        let mut causes = std::iter::successors(Some(&refused as &dyn std::error::Error), |error| error.source());
        assert!(causes.any(|cause| cause.is::<ForbiddenAddress>()), "{refused:?}");
        assert_eq!((*met.lock().unwrap(), *touched.lock().unwrap()), (1, 0), "nothing is sent there");

        let mixed = Rebinding { answers: vec![vec![good, bad]], asked };
        let refused = resolver("127.0.0.1", mixed).resolve("rebinding.example.org".parse().unwrap()).await.err();
        assert!(refused.unwrap().is::<ForbiddenAddress>(), "one such address spoils the name");
    }
}
