//! The closed network. Nothing is probed but listeners of the test's own.

use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use berth_model::InstanceId;
use berth_runtime::{Container, Egress, Engine, EngineConfig, Kind, NetworkState, RuntimeError};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpListener;

use crate::harness::{NODE, docker, sandbox, sh, with_engine};

fn closed(config: &mut EngineConfig) {
    config.egress = Egress::Closed;
}

/// Whether a program in the container gets a connection.
async fn connects(container: &Container, to: Ipv4Addr, port: u16) -> bool {
    let script = format!("timeout 10 bash -c 'exec 3<>/dev/tcp/{to}/{port}' 2>/dev/null && echo connected || echo not");
    let ran = sh(container, &script).await;
    assert!(["connected\n", "not\n"].contains(&ran.stdout.as_str()), "{ran:?}");
    ran.stdout == "connected\n"
}

fn gateway(engine: &Engine) -> Ipv4Addr {
    let network = format!("berth-build-{}", engine.config().instance);
    let format = "{{range .IPAM.Config}}{{.Gateway}}{{end}}";
    docker(&["network", "inspect", "--format", format, &network]).parse().expect("the network has a gateway")
}

pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A network namespace with one listener in it, a cable away from the host: another machine on its private network.
pub(crate) struct Neighbour {
    namespace: String,
    pub(crate) host_end: Ipv4Addr,
    pub(crate) address: Ipv4Addr,
    listener: Child,
}

/// The second address of a /30 under `first.second`, random, so that two runs on one machine do not meet. The third
/// number is a multiple of 7, and so never the 169 under which clouds keep their metadata.
pub(crate) fn unused_address(first: u8, second: u8) -> Ipv4Addr {
    let random = InstanceId::random();
    let below_32 = |at: usize| random.as_str().as_bytes()[at] % 32;
    Ipv4Addr::new(first, second, below_32(0) * 7, below_32(1) * 4 + 2)
}

impl Neighbour {
    pub(crate) const PORT: u16 = 7_700;

    /// `address` is of [`unused_address`].
    pub(crate) async fn new(address: Ipv4Addr) -> Self {
        let [first, second, third, fourth] = address.octets();
        let host_end = Ipv4Addr::new(first, second, third, fourth - 1);
        let name = InstanceId::random().as_str()[..8].to_owned();
        let (namespace, inner) = (format!("berth-{name}"), format!("bti-{name}"));
        let outer = format!("bto-{name}");
        run("ip", &["netns", "add", &namespace]);
        run("ip", &["link", "add", &outer, "type", "veth", "peer", "name", &inner, "netns", &namespace]);
        run("ip", &["address", "add", &format!("{host_end}/30"), "dev", &outer]);
        run("ip", &["link", "set", &outer, "up"]);
        let within = |arguments: &[&str]| run("ip", &[&["-n", namespace.as_str()], arguments].concat());
        within(&["address", "add", &format!("{address}/30"), "dev", &inner]);
        within(&["link", "set", &inner, "up"]);
        let listen = format!("require('net').createServer().listen({}, '{address}')", Self::PORT);
        let listener = Command::new("ip")
            .args(["netns", "exec", &namespace, "node", "-e", &listen])
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let neighbour = Self { namespace, host_end, address, listener };
        let started = Instant::now();
        while tokio::net::TcpStream::connect((address, Self::PORT)).await.is_err() {
            assert!(started.elapsed() < Duration::from_secs(30), "the listener did not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        neighbour
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        let _ = self.listener.kill();
        let _ = self.listener.wait();
        // takes the cable with it
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).status();
    }
}

#[tokio::test]
async fn the_host_and_link_local_addresses_are_out_of_reach_and_the_registry_is_not() {
    with_engine(
        |_| (),
        |engine| async move {
            assert_eq!(engine.prepare_network().await.unwrap(), NetworkState::Closed);
            let container = engine.create(&sandbox()).await.unwrap();
            let listener = TcpListener::bind((gateway(&engine), 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            assert!(!connects(&container, gateway(&engine), port).await, "the bridge's own address");
            let link_local = Neighbour::new(unused_address(169, 254)).await;
            assert!(!connects(&container, link_local.address, Neighbour::PORT).await, "a link-local neighbour");
            let listener = TcpListener::bind((link_local.host_end, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            assert!(!connects(&container, link_local.host_end, port).await, "the host's link-local address");

            // the ordinary client, with the name and address that it knows itself
            let ran = sh(&container, "npm view is-number version 2>&1").await;
            assert_eq!(ran.end.exit_code, 0, "{ran:?}");
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn an_allowed_network_is_within_reach_and_its_neighbours_are_not() {
    let (address, other) = (unused_address(10, 213), unused_address(10, 214));
    with_engine(
        |config| {
            closed(config);
            config.egress_allow = vec![address.into()];
        },
        move |engine| async move {
            let allowed = Neighbour::new(address).await;
            let private = Neighbour::new(other).await;
            let container = engine.create(&sandbox()).await.unwrap();
            assert!(connects(&container, allowed.address, Neighbour::PORT).await);
            assert!(!connects(&container, private.address, Neighbour::PORT).await);
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn an_open_network_reaches_all_of_it() {
    with_engine(
        |config| config.egress = Egress::Open,
        |engine| async move {
            assert_eq!(engine.prepare_network().await.unwrap(), NetworkState::Open);
            let container = engine.create(&sandbox()).await.unwrap();
            let listener = TcpListener::bind((gateway(&engine), 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            assert!(connects(&container, gateway(&engine), port).await, "the same attempt succeeds without the rules");
            let link_local = Neighbour::new(unused_address(169, 254)).await;
            assert!(connects(&container, link_local.address, Neighbour::PORT).await);
            container.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn containers_cannot_reach_each_other() {
    with_engine(
        |_| (),
        |engine| async move {
            let server = engine.create(&sandbox()).await.unwrap();
            let client = engine.create(&sandbox()).await.unwrap();
            let address = sh(&server, "hostname -i").await.stdout.trim().parse().unwrap();
            let listen = berth_runtime::Exec::new([
                "node",
                "-e",
                "require('net').createServer().listen(7700); console.log('on')",
            ]);
            let (said, mut hears) = tokio::sync::mpsc::unbounded_channel();
            tokio::select! {
                ended = server.exec(&listen, |_, bytes| said.send(bytes).unwrap()) => panic!("it ended: {ended:?}"),
                () = async {
                    hears.recv().await;
                    assert!(connects(&server, address, 7_700).await, "its own address works");
                    assert!(!connects(&client, address, 7_700).await);
                } => {}
            }
            server.stop_and_remove().await.unwrap();
            client.stop_and_remove().await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn rules_that_went_missing_are_set_again_before_the_next_container() {
    with_engine(
        |_| (),
        |engine| async move {
            let mut started = Started::of(&engine.config().instance, "{{index .Actor.Attributes \"berth.kind\"}}");
            engine.prepare_network().await.unwrap();
            let instance = engine.config().instance.to_string();
            let rules = || run("iptables-save", &["-t", "filter"]).matches(&instance).count();
            let installed = rules();

            engine.prepare_network().await.unwrap();
            engine.create(&sandbox()).await.unwrap().stop_and_remove().await.unwrap();
            let [probe, build] = [Kind::Probe, Kind::Build].map(Kind::as_str);
            assert_eq!([started.next().await, started.next().await], [probe, build], "tried once: nothing changed");

            run("iptables", &["-w", "-F", &format!("BERTH-{instance}-IN")]);
            let container = engine.create(&sandbox()).await.unwrap();
            assert_eq!(rules(), installed);
            assert_eq!([started.next().await, started.next().await], [probe, build], "tried again");
            let listener = TcpListener::bind((gateway(&engine), 0)).await.unwrap();
            assert!(!connects(&container, gateway(&engine), listener.local_addr().unwrap().port()).await);
            container.stop_and_remove().await.unwrap();

            // and somebody else's rule in front of ours is not overlooked
            let bridge = format!("bt-{instance}");
            run("iptables", &["-w", "-I", "INPUT", "-i", &bridge, "-p", "tcp", "-j", "ACCEPT"]);
            let prepared = engine.prepare_network().await;
            run("iptables", &["-w", "-D", "INPUT", "-i", &bridge, "-p", "tcp", "-j", "ACCEPT"]);
            assert_eq!(prepared.unwrap(), NetworkState::Closed, "ours go in front again");
        },
    )
    .await;
}

/// Docker takes the way to its chain for users' rules out, and puts it in again, with each network that it makes.
#[tokio::test(flavor = "multi_thread")]
async fn no_moment_of_dockers_lets_a_build_through() {
    // A connection has 20 ms: over the cable it takes less than one.
    const TRY: &str = r"
        const [address, port] = process.argv.slice(1), tried = { connected: 0, in_vain: 0 };
        const attempt = () => {
          if (require('fs').existsSync('/tmp/all-made')) return;
          const socket = require('net').connect({ host: address, port, timeout: 20 });
          const ended = (how) => socket.destroy() && tried[how]++;
          socket.once('connect', () => ended('connected')).once('timeout', () => ended('in_vain'));
          socket.once('error', () => ended('in_vain')).once('close', attempt);
        };
        for (let i = 0; i < 8; i++) attempt();
        process.on('exit', () => console.log(tried.connected, tried.in_vain > 100))";
    with_engine(closed, |engine| async move {
        let private = Neighbour::new(unused_address(10, 217)).await;
        let container = engine.create(&sandbox()).await.unwrap();
        let (address, port) = (private.address.to_string(), Neighbour::PORT.to_string());
        let exec = berth_runtime::Exec::new(["node", "-e", TRY, &address, &port]);
        let mut said = String::new();
        let trying = container.exec(&exec, |_, bytes| said.push_str(&String::from_utf8_lossy(&bytes)));
        let instance = engine.config().instance.to_string();
        let [first, second, third, fourth] = unused_address(10, 218).octets();
        let subnet = format!("{first}.{second}.{third}.{}/30", fourth - 2);
        let making = tokio::task::spawn_blocking(move || {
            let (name, label) = (format!("berth-{instance}-moment"), format!("berth.instance={instance}"));
            let of = ["--label", label.as_str(), "--label", "berth.deployment=0", "--subnet", subnet.as_str()];
            for _ in 0..20 {
                run("docker", &[&["network", "create"], &of[..], &[name.as_str()]].concat());
                run("docker", &["network", "rm", &name]);
            }
        });
        let made = async {
            making.await.unwrap();
            sh(&container, "touch /tmp/all-made").await
        };
        let (tried, _) = tokio::join!(trying, made);
        tried.unwrap();
        assert_eq!(said, "0 true\n", "connections, and whether it tried often");
        container.stop_and_remove().await.unwrap();
    })
    .await;
}

/// What a repository brought into an image of ours has no say in whether the network is closed.
#[tokio::test]
async fn an_image_with_others_programs_proves_nothing() {
    with_engine(closed, |engine| async move {
        let said = "RUN for program in node python3 sh; do rm -f /usr/local/bin/$program; \
                    printf '#!/bin/bash\\necho connected\\n' > /usr/bin/$program.new; chmod +x /usr/bin/$program.new; done; \
                    mv /usr/bin/node.new /usr/bin/node; mv /usr/bin/python3.new /usr/bin/python3; mv /usr/bin/sh.new /bin/sh";
        let (forged, stdout, _) = crate::images::build(&engine, &format!("FROM {NODE}\n{said}\n")).await;
        let forged = forged.unwrap_or_else(|error| panic!("{error}\n{stdout}"));
        let liar = engine.create(&berth_runtime::Sandbox { image: forged.clone(), ..sandbox() }).await.unwrap();
        assert_eq!(sh(&liar, "true").await.stdout, "connected\n", "it lies");
        liar.stop_and_remove().await.unwrap();

        let later = Engine::connect(engine.config().clone());
        assert_eq!(later.prepare_network().await.unwrap(), NetworkState::Closed);
        let later = Engine::connect(engine.config().clone());
        let liar = later.create(&berth_runtime::Sandbox { image: forged.clone(), ..sandbox() }).await.unwrap();
        liar.stop_and_remove().await.unwrap();
        engine.remove_image(&forged).await.unwrap();
    })
    .await;
}

/// What is asked of the containers that start, in their order, as the daemon tells of them: it remembers a few hundred events
/// only, fewer than the tests beside this one cause.
struct Started {
    told: Lines<BufReader<tokio::process::ChildStdout>>,
    _listening: tokio::process::Child,
}

impl Started {
    fn of(instance: &InstanceId, format: &str) -> Self {
        let filter = format!("label=berth.instance={instance}");
        let mut listening = tokio::process::Command::new("docker")
            // All that this instance began: it is new, and the command takes a moment to listen.
            .args(["events", "--since", "1m", "--filter", "event=start", "--filter", &filter])
            .args(["--format", format])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the docker command is installed");
        Self { told: BufReader::new(listening.stdout.take().unwrap()).lines(), _listening: listening }
    }

    async fn next(&mut self) -> String {
        let next = tokio::time::timeout(Duration::from_secs(30), self.told.next_line()).await;
        next.expect("a container starts").unwrap().expect("the daemon goes on telling")
    }
}

/// The same attempt in Python's images.
#[tokio::test]
async fn the_network_is_tried_in_python_too() {
    with_engine(closed, |engine| async move {
        let python = "python:3.12-slim";
        let later = Engine::connect(engine.config().clone());
        later.ensure_base_image(python, &mut |_| ()).await.unwrap();
        let mut started = Started::of(&later.config().instance, "{{.Actor.Attributes.image}}");
        assert_eq!(later.prepare_network().await.unwrap(), NetworkState::Closed);
        let next = later.create(&sandbox()).await.unwrap();
        assert_eq!([started.next().await, started.next().await], [python, NODE], "one probe, in this image");
        next.stop_and_remove().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn where_the_rules_cannot_be_set_no_container_starts() {
    // A daemon that is spoken to over the network is somebody else's machine.
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("tcp://{}", relay.local_addr().unwrap());
    let relaying = tokio::spawn(async move {
        while let Ok((mut near, _)) = relay.accept().await {
            tokio::spawn(async move {
                if let Ok(mut far) = tokio::net::UnixStream::connect("/var/run/docker.sock").await {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                }
            });
        }
    });
    with_engine(
        |config| {
            closed(config);
            config.host = Some(host);
        },
        |engine| async move {
            let state = engine.prepare_network().await.unwrap();
            assert!(matches!(state, NetworkState::Unenforced { .. }), "{state:?}");
            let error = engine.create(&sandbox()).await.unwrap_err();
            assert!(
                matches!(error, RuntimeError::NetworkOpen { .. }) && error.to_string().contains("BERTH_EGRESS=open")
            );
            let stopped = engine.create_stopped(&sandbox()).await.unwrap();
            assert_eq!(
                docker(&["inspect", "--format", "{{index .Config.Labels \"berth.kind\"}}", stopped.id()]),
                Kind::Build.as_str()
            );
            stopped.stop_and_remove().await.unwrap();
        },
    )
    .await;
    relaying.abort();
}
