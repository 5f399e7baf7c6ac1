//! Docker's own list of what belongs to an instance: the truth that Berth's claims are held against.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// What one instance owns in Docker.
#[derive(Clone, Debug)]
pub struct Docker {
    instance: String,
    filter: String,
}

/// A container of a service that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Its id.
    pub container: String,
    /// Whose deployment's.
    pub deployment: i64,
    /// Which service, and which of its replicas: `web 1`.
    pub name: String,
}

impl Docker {
    /// Looks at what carries the label of `instance`.
    #[must_use]
    pub fn of(instance: &str) -> Self {
        Self { instance: instance.to_owned(), filter: format!("label=berth.instance={instance}") }
    }

    /// The ids of its containers, stopped ones included.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn containers(&self) -> Result<Vec<String>> {
        docker(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &self.filter])
    }

    /// Its replicas that run.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn replicas(&self) -> Result<Vec<Replica>> {
        const FORMAT: &str =
            r#"{{.ID}} {{.Label "berth.deployment"}} {{.Label "berth.service"}} {{.Label "berth.replica"}}"#;
        let kind = "label=berth.kind=replica";
        let listed = docker(&["ps", "--no-trunc", "--filter", &self.filter, "--filter", kind, "--format", FORMAT])?;
        let replica = |line: &String| {
            let mut words = line.splitn(3, ' ');
            let (container, deployment, name) = (words.next()?, words.next()?, words.next()?);
            Some(Replica { container: container.into(), deployment: deployment.parse().ok()?, name: name.into() })
        };
        listed.iter().map(|line| replica(line).with_context(|| format!("{line:?} is no replica"))).collect()
    }

    /// When a container was last started.
    ///
    /// # Errors
    /// When there is none.
    pub fn runs_since(&self, container: &str) -> Result<String> {
        Ok(docker(&["inspect", "--format", "{{.State.StartedAt}}", container])?.concat())
    }

    /// Stops all its containers at once, as a machine that goes down does.
    ///
    /// # Errors
    /// When Docker does not.
    pub fn stop_all(&self) -> Result<()> {
        let containers = self.containers()?;
        docker(&[&["stop", "--time", "1"], &containers.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat())
            .map(drop)
    }

    /// Removes a container, whatever it does.
    ///
    /// # Errors
    /// When Docker does not.
    pub fn remove(&self, container: &str) -> Result<()> {
        docker(&["rm", "--force", container]).map(drop)
    }

    /// The deployments that have a network of their own.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn networked_deployments(&self) -> Result<Vec<i64>> {
        let label = r#"{{.Label "berth.deployment"}}"#;
        let listed = docker(&["network", "ls", "--filter", &self.filter, "--format", label])?;
        Ok(listed.iter().filter_map(|deployment| deployment.parse().ok()).collect())
    }

    /// The builds that images of services are of.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn builds_with_service_images(&self) -> Result<BTreeSet<String>> {
        let kind = "label=berth.kind=service-image";
        let images = docker(&["images", "--quiet", "--no-trunc", "--filter", &self.filter, "--filter", kind])?;
        let label = r#"{{index .Config.Labels "berth.build"}}"#;
        let mut builds = BTreeSet::new();
        for image in images {
            // One that went meanwhile has none.
            builds.extend(
                docker(&["image", "inspect", "--format", label, &image])?.into_iter().filter(|id| !id.is_empty()),
            );
        }
        Ok(builds)
    }

    /// The ids of its images.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn images(&self) -> Result<Vec<String>> {
        docker(&["images", "--quiet", "--no-trunc", "--filter", &self.filter])
    }

    /// The names of its volumes.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn volumes(&self) -> Result<Vec<String>> {
        docker(&["volume", "ls", "--quiet", "--filter", &self.filter])
    }

    /// The ids of its networks.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn networks(&self) -> Result<Vec<String>> {
        docker(&["network", "ls", "--quiet", "--no-trunc", "--filter", &self.filter])
    }

    /// Makes a network with none of Berth's rules, which goes with the instance; its name.
    ///
    /// # Errors
    /// When Docker does not make it.
    pub fn make_network(&self, name: &str) -> Result<String> {
        let name = format!("berth-test-{name}-{}", self.instance);
        docker(&["network", "create", "--label", &format!("berth.instance={}", self.instance), &name])?;
        Ok(name)
    }

    /// Every layer command and configured environment of its images: where a secret must not be.
    ///
    /// # Errors
    /// When Docker does not answer.
    pub fn image_texts(&self) -> Result<String> {
        let mut text = String::new();
        for image in self.images()? {
            text += &docker(&["history", "--no-trunc", &image])?.join("\n");
            text += &docker(&["image", "inspect", &image])?.join("\n");
        }
        Ok(text)
    }

    /// Removes all of it, and the packet filter's rules for its network.
    ///
    /// # Errors
    /// When something is still there after ten seconds.
    pub fn remove_everything(&self) -> Result<()> {
        self.remove_rules();
        for _ in 0..20 {
            // What is in the way of one removal (a container that is just going, an image's child) goes by another.
            let removed = [
                each(&self.containers()?, &["rm", "--force", "--volumes"]),
                each(&self.volumes()?, &["volume", "rm", "--force"]),
                each(&self.networks()?, &["network", "rm"]),
                each(&self.images()?, &["rmi", "--force"]),
            ];
            if removed.iter().all(Result::is_ok) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        let left = [self.containers()?, self.volumes()?, self.networks()?, self.images()?].concat();
        ensure!(left.is_empty(), "{left:?}");
        Ok(())
    }

    /// Every rule that leads into a chain of the instance, then the chains. There are none under some configurations.
    fn remove_rules(&self) {
        ["filter", "security"].into_iter().for_each(|table| self.remove_rules_of(table));
    }

    fn remove_rules_of(&self, table: &str) {
        let iptables = |arguments: &[&str]| {
            let _ = Command::new("iptables").args(["--wait", "--table", table]).args(arguments).output();
        };
        let listed = Command::new("iptables").args(["--table", table, "--list-rules"]).output();
        let Ok(saved) = listed else { return };
        let saved = String::from_utf8_lossy(&saved.stdout).into_owned();
        let is_ours = |chain: &str| chain.starts_with(&format!("BERTH-{}", self.instance));
        let rules = saved.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        for rule in rules.filter(|rule| rule[0] == "-A" && rule.last().is_some_and(|chain| is_ours(chain))) {
            iptables(&[&["--delete"], &rule[1..]].concat());
        }
        let chains = || saved.lines().filter_map(|line| line.strip_prefix("-N ")).filter(|chain| is_ours(chain));
        chains().for_each(|chain| iptables(&["--flush", chain]));
        chains().for_each(|chain| iptables(&["--delete-chain", chain]));
    }
}

/// Runs `docker order… thing` for each thing; the first error after all were tried.
fn each(things: &[String], order: &[&str]) -> Result<()> {
    let tried: Vec<_> = things.iter().map(|thing| docker(&[order, &[thing.as_str()]].concat())).collect();
    tried.into_iter().try_for_each(|done| done.map(drop))
}

fn docker(arguments: &[&str]) -> Result<Vec<String>> {
    let output =
        Command::new("docker").args(arguments).output().context("the docker command is missing: install it")?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() || errors.contains("No such"), "docker {}: {errors}", arguments.join(" "));
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
