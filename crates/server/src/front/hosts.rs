//! Which hosts are the control plane's.

use std::net::IpAddr;

use berth_api::{WEBHOOK_PATH, is_hook_path};
use url::{Host, Url};

use crate::config::Config;

/// The hosts that the control plane answers at. No site is shown at one of them: nobody can take its label, and a site
/// that had it before the operator chose that host is not asked.
#[derive(Clone, Debug)]
pub(crate) struct ControlHosts {
    public: Host<String>,
    /// Where GitHub delivers, if that is another host: it gets the webhook and nothing else.
    webhook: Option<Host<String>>,
}

impl ControlHosts {
    pub(crate) fn of(config: &Config) -> Self {
        let host = |url: &Url| {
            url.host().map(|host| match host {
                Host::Domain(name) => Host::Domain(name.trim_end_matches('.').to_owned()),
                address => address.to_owned(),
            })
        };
        let public = host(&config.public_url).unwrap_or_else(|| Host::Domain(config.base_domain.name.clone()));
        Self { public, webhook: config.webhook_callback.as_ref().and_then(host) }
    }

    /// The control plane's own host name or address, as it stands in a URL.
    pub(crate) fn public(&self) -> String {
        self.public.to_string()
    }

    /// Whether the control plane answers at this name, be it with hooks alone.
    pub(super) fn contain(&self, name: &str) -> bool {
        self.name_is_control(name, WEBHOOK_PATH)
    }

    pub(super) fn name_is_control(&self, name: &str, path: &str) -> bool {
        let is = |host: &Host<String>| matches!(host, Host::Domain(domain) if domain == name);
        is(&self.public) || self.webhook.as_ref().is_some_and(is) && is_hook_path(path)
    }

    /// An address gets the control plane until there is an administrator, since names may not resolve yet; afterwards
    /// only where it is the public address. Load balancers may always ask how we are.
    pub(super) fn address_is_control(&self, address: IpAddr, path: &str, set_up: bool) -> bool {
        let is = |host: &Host<String>| match host {
            Host::Domain(_) => false,
            Host::Ipv4(ip) => address.to_canonical() == IpAddr::V4(*ip),
            Host::Ipv6(ip) => address.to_canonical() == IpAddr::V6(*ip).to_canonical(),
        };
        let is_health = matches!(path, "/health" | "/health/ready");
        !set_up || is_health || is(&self.public) || is_hook_path(path) && self.webhook.as_ref().is_some_and(is)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(pairs: &[(&str, &str)]) -> ControlHosts {
        ControlHosts::of(&Config::from_pairs(pairs.iter().copied()).unwrap())
    }

    #[test]
    fn the_public_host_and_nothing_else() {
        let hosts = hosts(&[("BASE_DOMAIN", "example.org"), ("BERTH_PUBLIC_URL", "https://Panel.example.org:8443")]);
        assert!(hosts.name_is_control("panel.example.org", "/"));
        for name in ["example.org", "shop.example.org", "apanel.example.org", "panel.example.org.evil.org"] {
            assert!(!hosts.name_is_control(name, "/"), "{name}");
        }
    }

    #[test]
    fn localhost_is_its_own_control_host() {
        let hosts = hosts(&[]);
        assert!(hosts.name_is_control("localhost", "/"));
        assert!(!hosts.name_is_control("shop.localhost", "/"));
    }

    #[test]
    fn addresses_until_setup_is_done() {
        let loopback: IpAddr = "127.0.0.1".parse().unwrap();
        let by_name = hosts(&[]);
        assert!(by_name.address_is_control(loopback, "/", false));
        assert!(!by_name.address_is_control(loopback, "/", true));
        assert!(by_name.address_is_control(loopback, "/health/ready", true));
        let by_address = hosts(&[("BERTH_PUBLIC_URL", "http://127.0.0.1:8080")]);
        assert!(by_address.address_is_control(loopback, "/", true));
        assert!(!by_address.address_is_control("192.0.2.1".parse().unwrap(), "/", true));
    }

    #[test]
    fn a_callback_elsewhere_gets_hooks_alone() {
        let hosts = hosts(&[("WEBHOOK_CALLBACK", "https://hooks.example.net/api/webhook")]);
        for hook in ["/api/webhook", "/api/hooks/12", "/api/deploy-hooks/0123456789"] {
            assert!(hosts.name_is_control("hooks.example.net", hook), "{hook}");
        }
        assert!(!hosts.name_is_control("hooks.example.net", "/api/v1/projects"));
        assert!(hosts.contain("hooks.example.net") && !hosts.contain("example.net"));
    }
}
