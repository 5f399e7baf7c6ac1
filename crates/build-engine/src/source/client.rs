//! The HTTP client of sources. Its resolver judges every address of a name and hands out only judged ones: what was
//! checked is what is connected to, however often the name changes its mind.

use std::fmt;
use std::io;
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
        let allow = Arc::new(allow);
        let http = reqwest::Client::builder()
            // Some hosts answer the git protocol only to an agent that starts like git's own.
            .user_agent(concat!("git/2.0 (berth ", env!("CARGO_PKG_VERSION"), ")"))
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.silence)
            .dns_resolver(JudgingResolver { allow: allow.clone() })
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
        Box::pin(async move {
            let found: io::Result<Vec<SocketAddr>> =
                tokio::net::lookup_host((host.as_str(), 0)).await.map(Iterator::collect);
            let Ok(found) = found else { return Err(Unresolved { host }.into()) };
            match found.iter().map(SocketAddr::ip).find(|ip| !allow.permits_address(*ip, &host)) {
                Some(address) => Err(ForbiddenAddress { host, address }.into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_has_none() {
        let resolve = async |allow: &str, name: &str| {
            let resolver = JudgingResolver { allow: Arc::new(SourceAllow::parse(allow).unwrap()) };
            resolver.resolve(name.parse().unwrap()).await.map(Iterator::count)
        };
        let refused = resolve("10.0.0.0/8", "localhost").await.unwrap_err();
        assert!(refused.is::<ForbiddenAddress>(), "{refused}");
        assert!(resolve("localhost", "localhost").await.unwrap() > 0);
        assert!(resolve("127.0.0.0/8 ::1", "localhost").await.unwrap() > 0);
        assert!(resolve("", "no-such-host.invalid").await.unwrap_err().is::<Unresolved>());
    }
}
