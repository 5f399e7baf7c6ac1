//! The packet filter's rules for the bridges of one kind (that of builds, or those of services): two chains of ours, which
//! two of the system's chains enter first.
//!
//! `INPUT` sees packets for the host itself, `DOCKER-USER` (where Docker has it, else `FORWARD`) those that pass
//! through. Each table goes in as one `iptables-restore`, so that there is no moment with half of it, and setting it
//! again changes nothing. Docker leaves both places alone when it restarts.
//!
//! But in the moment in which it makes a network, it takes the way to `DOCKER-USER` out and puts it in again. So what
//! passes through is looked at a second time, by the same rules in the table `security`, which comes after `filter` and
//! in which Docker changes nothing. What is refused there is dropped, the only thing that this table can do.
//!
//! iptables comes in two kinds, whose rules are kept apart and both hold: ours go where Docker's are. Berth in a
//! container, or a host that changed its kind, would else miss `DOCKER-USER` and Docker's own order.
//!
//! Answers to connections from outside are let through for services alone: builds publish no port. What stays on one of
//! the services' bridges is let through too, where the host is set to filter it (`br_netfilter`); what goes from one to
//! another is refused like any private address. Docker's own rules refuse that as well, but for that moment.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use berth_model::InstanceId;
use ipnet::Ipv4Net;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::{Egress, EngineConfig};

/// Addresses that do not belong to the public internet: this network, private, carrier's, loopback, link-local (where
/// clouds keep their metadata), protocol assignments, benchmarks, multicast, reserved and broadcast.
const PRIVATE: [&str; 11] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// There once the kernel's `br_netfilter` is, without which nothing has to be let through on a bridge.
const BRIDGE_FILTER: &str = "/proc/sys/net/bridge/bridge-nf-call-iptables";

const BRIDGED: &str = "-m physdev --physdev-is-bridged";

/// A refused connection ends at once, with an error (`EHOSTUNREACH`) that a host which is only down seldom gives.
const REFUSE: &str = "REJECT --reject-with icmp-admin-prohibited";
const DROP: &str = "DROP";

/// Somebody else, Docker with a network of its own first of all, may put a rule in front of ours at the same moment.
const TRIES: u32 = 3;
const A_MOMENT: Duration = Duration::from_millis(100);

impl EngineConfig {
    /// Whether builds are kept from connecting to this address.
    #[must_use]
    pub fn refuses(&self, address: Ipv4Addr) -> bool {
        let is_private = PRIVATE.iter().any(|net| net.parse().is_ok_and(|net: Ipv4Net| net.contains(&address)));
        self.egress == Egress::Closed && is_private && !self.egress_allow.iter().any(|net| net.contains(&address))
    }
}

/// Whose bridges the rules are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The one of builds.
    Builds,
    /// All of services.
    Services,
}

/// The rules that are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    side: Side,
    /// The bridge; of services what their names begin with and a `+`.
    bridge: String,
    /// For packets that pass through the host.
    forward_chain: String,
    /// For packets to the host.
    input_chain: String,
    name_servers: Vec<Ipv4Addr>,
    allowed: Vec<Ipv4Net>,
    /// Whether the filter sees what stays on one bridge.
    filters_bridged: bool,
}

/// What the filter holds of ours, as `iptables-save` prints it; two equal ones are two equal filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Snapshot(Vec<String>);

impl Rules {
    /// The rules for bridges, with the name servers that the host uses now.
    pub(super) async fn new(config: &EngineConfig, side: Side, bridge: &str) -> Self {
        Self {
            name_servers: name_servers().await,
            allowed: config.egress_allow.clone(),
            filters_bridged: Path::new(BRIDGE_FILTER).exists(),
            ..Self::empty(&config.instance, side, bridge)
        }
    }

    fn empty(instance: &InstanceId, side: Side, bridge: &str) -> Self {
        let chain = match side {
            Side::Builds => format!("BERTH-{instance}"),
            Side::Services => format!("BERTH-{instance}-S"),
        };
        Self {
            side,
            bridge: bridge.to_owned(),
            input_chain: format!("{chain}-IN"),
            forward_chain: chain,
            name_servers: Vec::new(),
            allowed: Vec::new(),
            filters_bridged: false,
        }
    }

    /// Puts the rules in force, whatever was there before. An error is a reason for the operator.
    pub(super) async fn install(&self) -> Result<Snapshot, String> {
        let mut installed = Err("the packet filter's rules change all the time".to_owned());
        let mut second = Ok(());
        for _ in 0..TRIES {
            let saved = save().await?;
            self.set(&saved).await?;
            second = self.set_second(&saved).await;
            berth_model::step!("network's rules set");
            installed = Snapshot::read(self).await;
            if installed.is_ok() && second.is_ok() {
                break;
            }
        }
        if let Err(why) = second {
            tracing::warn!(
                why,
                bridge = self.bridge,
                "no rules in the packet filter's table `security`: for some milliseconds with each network that Docker makes, \
                 private addresses can be reached"
            );
        }
        installed
    }

    /// As well as the kernel can. One that cannot refuse still drops: a build is told nothing, and waits. One that cannot
    /// tell what is bridged lets through what goes to any bridge of services, and leaves those to Docker's rules.
    async fn set(&self, saved: &Saved) -> Result<(), String> {
        let ways = [(REFUSE, BRIDGED), (DROP, BRIDGED), (DROP, &self.to_services())];
        restore_one(saved.kind, ways.map(|(refuse, bridged)| self.script(&saved.filter, refuse, bridged))).await
    }

    async fn set_second(&self, saved: &Saved) -> Result<(), String> {
        let ways = [BRIDGED, &self.to_services()];
        restore_one(saved.kind, ways.map(|bridged| self.second_script(&saved.security, bridged))).await
    }

    fn to_services(&self) -> String {
        format!("-o {}", self.bridge)
    }

    /// Takes the rules of an instance away.
    pub(super) async fn remove(instance: &InstanceId, side: Side, bridge: &str) -> Result<(), String> {
        let rules = Self::empty(instance, side, bridge);
        let saved = save().await?;
        let mut outcome = Ok(());
        for (table, saved_table) in [("filter", &saved.filter), ("security", &saved.security)] {
            let mut script = rules.without_jumps(saved_table);
            for chain in [&rules.forward_chain, &rules.input_chain] {
                if saved_table.lines().any(|line| line.starts_with(&format!(":{chain} "))) {
                    let _ = writeln!(script, "-F {chain}\n-X {chain}");
                }
            }
            if !script.is_empty() {
                outcome = restore(saved.kind, &format!("*{table}\n{script}COMMIT\n")).await.and(outcome);
            }
        }
        outcome
    }

    /// What `iptables-restore --noflush` is given: naming a chain empties it, the rest is in order.
    /// `refuse` is what happens to a packet that may not pass, `bridged` how one is known that stays on a bridge.
    fn script(&self, saved: &str, refuse: &str, bridged: &str) -> String {
        let Self { bridge, forward_chain, input_chain, .. } = self;
        let mut script = format!("*filter\n:{forward_chain} - [0:0]\n:{input_chain} - [0:0]\n");
        script += &self.without_jumps(saved);
        let _ = writeln!(script, "-I {} 1 -i {bridge} -j {forward_chain}", forward_parent(saved));
        let _ = writeln!(script, "-I INPUT 1 -i {bridge} -j {input_chain}");
        script += &self.passing_through(refuse, bridged);
        if self.side == Side::Services {
            let _ = writeln!(script, "-A {input_chain} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN");
        }
        script += &self.exceptions(input_chain);
        let _ = writeln!(script, "-A {input_chain} -j {refuse}");
        script + "COMMIT\n"
    }

    /// The same for what passes through, in the table that comes after.
    fn second_script(&self, saved: &str, bridged: &str) -> String {
        let Self { bridge, forward_chain, .. } = self;
        let jumps = self.without_jumps(saved);
        let rules = self.passing_through(DROP, bridged);
        format!(
            "*security\n:{forward_chain} - [0:0]\n{jumps}-I FORWARD 1 -i {bridge} -j {forward_chain}\n{rules}COMMIT\n"
        )
    }

    fn passing_through(&self, refuse: &str, bridged: &str) -> String {
        let chain = &self.forward_chain;
        let mut rules = String::new();
        if self.side == Side::Services && self.filters_bridged {
            let _ = writeln!(rules, "-A {chain} {bridged} -j RETURN");
        }
        rules += &self.exceptions(chain);
        for network in PRIVATE {
            let _ = writeln!(rules, "-A {chain} -d {network} -j {refuse}");
        }
        rules
    }

    fn exceptions(&self, chain: &str) -> String {
        let mut rules = String::new();
        for server in &self.name_servers {
            for protocol in ["udp", "tcp"] {
                let _ = writeln!(rules, "-A {chain} -d {server}/32 -p {protocol} --dport 53 -j RETURN");
            }
        }
        for network in &self.allowed {
            let _ = writeln!(rules, "-A {chain} -d {network} -j RETURN");
        }
        rules
    }

    /// Takes the ways to our chains out.
    fn without_jumps(&self, saved: &str) -> String {
        self.jumps_in(saved).iter().map(|jump| format!("-D {jump}\n")).collect()
    }

    /// The rules of the system's chains that lead to ours, without their `-A`.
    fn jumps_in<'a>(&self, saved: &'a str) -> Vec<&'a str> {
        let ours = [format!("-j {}", self.forward_chain), format!("-j {}", self.input_chain)];
        saved
            .lines()
            .filter(|line| ours.iter().any(|jump| line.ends_with(jump.as_str())))
            .filter_map(|line| line.strip_prefix("-A "))
            .collect()
    }
}

impl Snapshot {
    /// Reads what is in force; an error if our chains are not entered before anything else could let a packet pass.
    pub(super) async fn read(rules: &Rules) -> Result<Self, String> {
        Self::of(rules, &save().await?)
    }

    fn of(rules: &Rules, Saved { filter: saved, security, .. }: &Saved) -> Result<Self, String> {
        for (parent, chain) in [(forward_parent(saved), &rules.forward_chain), ("INPUT", &rules.input_chain)] {
            let wanted = format!("-A {parent} -i {} -j {chain}", rules.bridge);
            let in_parent = format!("-A {parent} ");
            let first = saved.lines().find(|line| line.starts_with(&in_parent) && concerns(line, &rules.bridge));
            if first != Some(wanted.as_str()) {
                return Err(format!("the rule for {} is not the first of the chain {parent}", rules.bridge));
            }
        }
        let own = [format!("-A {} ", rules.forward_chain), format!("-A {} ", rules.input_chain)];
        let is_own = |line: &&str| own.iter().any(|chain| line.starts_with(chain.as_str()));
        let second = rules.jumps_in(security).into_iter().chain(security.lines().filter(is_own));
        Ok(Self(saved.lines().filter(is_own).chain(second).map(str::to_owned).collect()))
    }
}

/// Whether a rule can be for packets from this bridge (these bridges, with a `+`): not if it names other interfaces, as rules
/// of this instance or of others on this machine for bridges of their own do.
fn concerns(line: &str, bridge: &str) -> bool {
    let Some((before, rest)) = line.split_once(" -i ") else { return true };
    let interface = rest.split(' ').next().unwrap_or_default();
    let (named, ours) = (interface.trim_end_matches('+'), bridge.trim_end_matches('+'));
    before.ends_with('!') || named.starts_with(ours) || (interface.ends_with('+') && ours.starts_with(named))
}

/// Docker enters `DOCKER-USER` before any rule of its own and never changes it. Without the way in, it is no use.
fn forward_parent(saved: &str) -> &'static str {
    if saved.lines().any(|line| line == "-A FORWARD -j DOCKER-USER") { "DOCKER-USER" } else { "FORWARD" }
}

/// The name servers that Docker hands to containers: the host's own, or what systemd's local one asks.
pub(super) async fn name_servers() -> Vec<Ipv4Addr> {
    for path in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
        let servers = parse_name_servers(&tokio::fs::read_to_string(path).await.unwrap_or_default());
        if !servers.is_empty() {
            return servers;
        }
    }
    Vec::new()
}

/// The IPv4 servers of a `resolv.conf`, without those that only the host itself can ask.
fn parse_name_servers(text: &str) -> Vec<Ipv4Addr> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver")?.trim().parse().ok())
        .filter_map(|server: IpAddr| match server {
            IpAddr::V4(server) if !server.is_loopback() => Some(server),
            _ => None,
        })
        .collect()
}

/// The kinds by the names of their programs; the first is what the system calls its own.
const KINDS: [&str; 3] = ["iptables", "iptables-nft", "iptables-legacy"];

/// The packet filter as `iptables-save` prints it, by its tables.
struct Saved {
    /// How the programs are called.
    kind: &'static str,
    filter: String,
    /// Nothing where the kernel has no such table.
    security: String,
}

/// What it holds, but for the moment in which Docker, which makes a network, has the way to its chain out.
async fn save() -> Result<Saved, String> {
    let (kind, mut filter) = save_filter().await?;
    for _ in 0..TRIES {
        if !filter.contains("\n:DOCKER-USER ") || forward_parent(&filter) == "DOCKER-USER" {
            break;
        }
        tokio::time::sleep(A_MOMENT).await;
        filter = save_table(kind, "filter").await?;
    }
    let security = save_table(kind, "security").await.unwrap_or_default();
    Ok(Saved { kind, filter, security })
}

/// Of the first kind that holds Docker's chains, else of the first that works.
async fn save_filter() -> Result<(&'static str, String), String> {
    let mut found = None;
    let mut failed = Ok(());
    for kind in KINDS {
        match save_table(kind, "filter").await {
            Ok(saved) if knows_docker(&saved) => return Ok((kind, saved)),
            Ok(saved) => found = found.or(Some((kind, saved))),
            Err(why) => failed = failed.and(Err(why)),
        }
    }
    match (found, failed) {
        (Some(found), _) => Ok(found),
        (None, Err(why)) => Err(why),
        (None, Ok(())) => Err("there is no iptables on this machine".to_owned()),
    }
}

async fn save_table(kind: &str, table: &str) -> Result<String, String> {
    run(Command::new(format!("{kind}-save")).args(["-t", table]), "").await
}

fn knows_docker(saved: &str) -> bool {
    saved.lines().any(|line| line.starts_with(":DOCKER"))
}

async fn restore(kind: &str, script: &str) -> Result<(), String> {
    let mut command = Command::new(format!("{kind}-restore"));
    run(command.args(["--wait", "5", "--noflush"]), script).await.map(drop)
}

/// The first of the scripts that the kernel takes.
async fn restore_one(kind: &str, scripts: impl IntoIterator<Item = String>) -> Result<(), String> {
    let mut outcome = Ok(());
    for script in scripts {
        outcome = restore(kind, &script).await;
        if outcome.is_ok() {
            break;
        }
    }
    outcome
}

/// Runs a program of the packet filter without a shell; an error is a reason for the operator.
async fn run(command: &mut Command, input: &str) -> Result<String, String> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!("{program} is not installed"),
        _ => format!("{program} could not be started ({error})"),
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends without reading says why on its standard error.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let output = child.wait_with_output().await.map_err(|error| format!("{program} could not be run ({error})"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason").trim();
    Err(format!("{program} failed: {first} (Berth needs CAP_NET_ADMIN, as root has it)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules {
            name_servers: vec![Ipv4Addr::new(10, 0, 0, 53)],
            allowed: vec!["192.168.7.0/24".parse().unwrap()],
            ..Rules::empty(&InstanceId::parse("0123456789ab").unwrap(), Side::Builds, "bt-0123456789ab")
        }
    }

    #[test]
    fn services_answer_who_connects_to_them_and_stay_on_their_bridges() {
        let rules = Rules {
            allowed: vec!["192.168.7.0/24".parse().unwrap()],
            filters_bridged: true,
            ..Rules::empty(&InstanceId::parse("0123456789ab").unwrap(), Side::Services, "bs01234567+")
        };
        let script = rules.script("-A FORWARD -j DOCKER-USER\n", "DROP", BRIDGED);
        let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text} is missing in\n{script}"));
        let answers = at("-A BERTH-0123456789ab-S-IN -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN");
        assert!(answers < at("-A BERTH-0123456789ab-S-IN -j DROP"));
        assert!(at("-A BERTH-0123456789ab-S -m physdev --physdev-is-bridged -j RETURN") < at("-d 10.0.0.0/8 -j DROP"));
        assert!(!script.contains("-A BERTH-0123456789ab-S -m conntrack"), "what passes through is not let through");
        assert!(!script.contains(" -o "), "one of them is to another what any private address is");
        let unfiltered = Rules { filters_bridged: false, ..rules };
        assert!(!unfiltered.script("", "DROP", BRIDGED).contains("physdev"), "which would have the kernel filter them");
        assert!(!self::rules().script("", "DROP", BRIDGED).contains("conntrack"), "nobody connects to builds");
    }

    #[test]
    fn exceptions_come_before_the_ranges() {
        let script = rules().script("-A FORWARD -j DOCKER-USER\n", "DROP", BRIDGED);
        let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text} is missing in\n{script}"));
        assert!(at("-d 10.0.0.53/32 -p udp --dport 53 -j RETURN") < at("-d 10.0.0.0/8 -j DROP"));
        assert!(at("-d 192.168.7.0/24 -j RETURN") < at("-d 192.168.0.0/16 -j DROP"));
        assert!(script.contains("-I DOCKER-USER 1 -i bt-0123456789ab -j BERTH-0123456789ab\n"));
        assert!(script.ends_with("-A BERTH-0123456789ab-IN -j DROP\nCOMMIT\n"));
    }

    #[test]
    fn what_passes_through_meets_the_same_rules_twice() {
        let rules = rules();
        let script = rules.second_script("-A FORWARD -i bt-0123456789ab -j BERTH-0123456789ab\n", BRIDGED);
        let (head, second) = script.split_once("-A ").unwrap();
        assert_eq!(
            head,
            "*security\n:BERTH-0123456789ab - [0:0]\n-D FORWARD -i bt-0123456789ab -j BERTH-0123456789ab\n\
             -I FORWARD 1 -i bt-0123456789ab -j BERTH-0123456789ab\n"
        );
        let first = rules.script("", DROP, BRIDGED);
        assert!(first.contains(second.strip_suffix("COMMIT\n").unwrap()), "{first}\n{second}");
        assert!(!second.contains("-IN "), "what goes to this machine meets them once: Docker has no part in that");
    }

    #[test]
    fn what_is_refused_is_said_as_the_rules_have_it() {
        let mut config = EngineConfig::new(InstanceId::parse("0123456789ab").unwrap());
        config.egress_allow = vec!["192.168.7.0/24".parse().unwrap()];
        let refuses = |config: &EngineConfig, address: [u8; 4]| config.refuses(address.into());
        for address in [[10, 1, 2, 3], [169, 254, 1, 1], [192, 168, 8, 1], [127, 0, 0, 1]] {
            assert!(refuses(&config, address), "{address:?}");
        }
        for address in [[192, 168, 7, 9], [198, 51, 100, 7]] {
            assert!(!refuses(&config, address), "{address:?}");
        }
        config.egress = Egress::Open;
        assert!(!refuses(&config, [10, 1, 2, 3]));
    }

    #[test]
    fn without_docker_user_the_rules_stand_in_forward() {
        assert!(
            rules().script("", "DROP", BRIDGED).contains("-I FORWARD 1 -i bt-0123456789ab -j BERTH-0123456789ab\n")
        );
    }

    #[test]
    fn setting_them_again_first_takes_the_old_jumps_away() {
        let saved = "-A INPUT -i bt-0123456789ab -j BERTH-0123456789ab-IN\n-A INPUT -i bt-other -j BERTH-other-IN\n";
        let script = rules().script(saved, REFUSE, BRIDGED);
        assert_eq!(script.matches("\n-D ").count(), 1);
        assert!(script.contains("-D INPUT -i bt-0123456789ab -j BERTH-0123456789ab-IN\n"));
    }

    #[test]
    fn a_rule_before_ours_is_noticed() {
        let of = |filter: &str, security: &str| {
            Snapshot::of(&rules(), &Saved { filter: filter.to_owned(), security: security.to_owned(), kind: "" })
        };
        let ours = "-A FORWARD -i bt-0123456789ab -j BERTH-0123456789ab\n\
                    -A INPUT -i bt-zzz -j BERTH-zzz-IN\n-A INPUT -i bs01234567+ -j BERTH-zzz-S-IN\n-A INPUT -i bt-0123456789ab -j BERTH-0123456789ab-IN\n";
        assert!(of(ours, "").is_ok());
        assert!(of(&format!("-A INPUT -j ACCEPT\n{ours}"), "").is_err());
        for matched in ["! -i eth0", "-i bt-+", "-i +", "-i bt-0123456789ab", "-o eth0"] {
            assert!(of(&format!("-A INPUT {matched} -p tcp -j ACCEPT\n{ours}"), "").is_err(), "{matched}");
        }
        assert!(of(&format!("-A INPUT -i bt-zzz -p tcp -j ACCEPT\n{ours}"), "").is_ok(), "it is for another bridge");
        assert!(of("", "").is_err());
        assert_ne!(of(ours, ""), of(&format!("{ours}-A BERTH-0123456789ab -j ACCEPT\n"), ""));
        let second =
            "-A FORWARD -i bt-0123456789ab -j BERTH-0123456789ab\n-A BERTH-0123456789ab -d 10.0.0.0/8 -j DROP\n";
        for gone in second.split_inclusive('\n') {
            assert_ne!(of(ours, second), of(ours, &second.replace(gone, "")), "{gone}");
        }
        assert_eq!(of(ours, ""), of(ours, "-A FORWARD -i bt-zzz -j BERTH-zzz\n"), "another's");
    }

    #[test]
    fn dockers_chains_tell_its_kind() {
        assert!(knows_docker("*filter\n:INPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\nCOMMIT\n"));
        assert!(!knows_docker("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DOCKER\nCOMMIT\n"));
    }

    #[test]
    fn name_servers_that_containers_can_ask() {
        let text = "# c\nnameserver 127.0.0.53\nnameserver 10.1.2.3\n nameserver\t::1\nsearch x\noptions edns0\n";
        assert_eq!(parse_name_servers(text), [Ipv4Addr::new(10, 1, 2, 3)]);
    }
}
