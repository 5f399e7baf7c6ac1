//! A repository's own Dockerfile: real images, the directory taken out of them, and nothing left behind.

mod support;

use std::time::Duration;

use berth_model::{BuildLimits, FailureCode, OutputDir};
use berth_store::{Project, ProjectChange};
use support::world::World;
use tokio_util::sync::CancellationToken;

const BASE: &str = "node:20-slim";

/// A project with these files and an output directory, so that its Dockerfile is what is built.
async fn project(world: &World, name: &str, output: &str, files: &[(&str, &str)]) -> Project {
    let project = world.project(name, files).await;
    let change =
        ProjectChange { output_directory: Some(Some(OutputDir::parse(output).unwrap())), ..ProjectChange::default() };
    world
        .store
        .update_project(world.access, project.id, change, &format!("{name}.localhost"), Vec::new())
        .await
        .unwrap()
}

async fn docker(arguments: &[&str]) -> String {
    let output = tokio::process::Command::new("docker").args(arguments).output().await.unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Images that the instance has of Dockerfiles, finished or not.
async fn images(world: &World) -> String {
    let instance = format!("label=berth.instance={}", world.engine.config().instance);
    docker(&["image", "ls", "--all", "--quiet", "--filter", &instance, "--filter", "label=berth.kind=dockerfile"]).await
}

async fn no_images_left(world: &World) {
    for _ in 0..300 {
        if images(world).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("images are left: {}", images(world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_output_directory_comes_out_of_the_image() {
    let world = World::new(BuildLimits::default()).await;
    let dockerfile = format!(
        "# syntax=example.invalid/frontend:1\nARG VERSION=20\nFROM node:${{VERSION}}-slim AS build\nWORKDIR /work\nCOPY . .\n\
         RUN mkdir -p site/sub && ls -a > site/sub/files && cp src/page.html site/index.html\n\
         FROM {BASE}\nARG GREETING\nARG NODE_ENV\nLABEL berth.project=999 berth.instance=other\n\
         HEALTHCHECK CMD exit 1\nENV BERTH_PROJECT=999\nWORKDIR /srv\nVOLUME /srv/site\n\
         COPY --from=build /work/site /srv/site\nRUN echo \"$GREETING\" > /srv/site/greeting; touch /srv/.hidden\n\
         ONBUILD RUN exit 7\nUSER node\nENTRYPOINT [\"false\"]\n"
    );
    let files = [
        ("Dockerfile", dockerfile.as_str()),
        (".dockerignore", "**/*.secret\nDockerfile\n"),
        ("src/page.html", "<h1>out of an image</h1>"),
        ("src/key.secret", "x"),
        (".env", "OLD=1"),
    ];
    let project = project(&world, "boxed", "site", &files).await;
    world.set(&project, &[("GREETING", "hello you"), ("UNASKED", "nothing of this")]).await;
    let ended = world.build(&project).await;
    assert_eq!(ended.file("index.html"), "<h1>out of an image</h1>");
    // A variable that the Dockerfile asks for is its own to publish; the secret is caught all the same elsewhere.
    let listed = ended.file("sub/files");
    let listed: Vec<&str> = listed.lines().collect();
    assert!(listed.contains(&"src") && listed.contains(&".env") && !listed.contains(&"Dockerfile"), "{listed:?}");
    assert!(!listed.iter().any(|name| name.starts_with(".berth") || *name == ".git"), "{listed:?}");
    assert!(ended.log.contains("UNASKED is not given to the Dockerfile"), "{}", ended.log);
    assert!(!ended.log.contains("berth.instance=\""), "our labels are no news: {}", ended.log);
    assert_eq!(ended.build.plan.as_ref().unwrap().services[0].dockerfile.as_ref().unwrap().value, "Dockerfile");
    assert_eq!(images(&world).await, "", "the image is gone");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_may_be_named_from_the_top() {
    let world = World::new(BuildLimits::default()).await;
    let dockerfile =
        format!("FROM {BASE}\nWORKDIR /app\nCOPY index.html /usr/share/site/\nRUN ln -s /usr/share/site /link\n");
    let files = [("web/Dockerfile", dockerfile.as_str()), ("web/index.html", "hi"), ("index.html", "not this")];
    let project = project(&world, "topmost", "usr/share/site", &files).await;
    let change = ProjectChange {
        root_directory: Some(Some(berth_model::RootDir::parse("web").unwrap())),
        ..ProjectChange::default()
    };
    let host = "topmost.localhost";
    let project = world.store.update_project(world.access, project.id, change, host, Vec::new()).await.unwrap();
    assert_eq!(world.build(&project).await.file("index.html"), "hi");
    for (output, title) in [("nothing/here", "does not exist"), ("link", "is a symbolic link")] {
        let change = ProjectChange {
            output_directory: Some(Some(OutputDir::parse(output).unwrap())),
            ..ProjectChange::default()
        };
        let project = world.store.update_project(world.access, project.id, change, host, Vec::new()).await.unwrap();
        let ended = world.build(&project).await;
        assert!(ended.failure().0.title.ends_with(title), "{:?}", ended.failure());
    }
    no_images_left(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_gets_at_nothing_that_is_not_its_own() {
    let world = World::new(BuildLimits::default()).await;
    // Somebody's packages, kept as an image of ours.
    let kept = format!("berth-dependencies-{}:0123456789", world.engine.config().instance);
    docker(&["tag", BASE, &kept]).await;
    let id = docker(&["image", "inspect", "--format", "{{.Id}}", BASE]).await;
    let id = id.trim().trim_start_matches("sha256:");
    // An image of others that takes files from elsewhere in whatever is built on it.
    let sly = format!("sly-{}:1", world.engine.config().instance);
    let container = docker(&["create", BASE]).await;
    docker(&["commit", "--change", "ONBUILD ADD http://127.0.0.1:1/x /out/", container.trim(), &sly]).await;
    docker(&["rm", container.trim()]).await;
    // Under the name of the registry that a name without one means, it is the same image.
    let usual_registry = ["docker", "io"].join(".");
    let project = project(&world, "sly", "out", &[("Dockerfile", "")]).await;
    world.set(&project, &[("TOKEN", "quite-a-secret-value")]).await;
    for (lines, wanted) in [
        (format!("FROM {kept}"), "may not use the image"),
        (format!("FROM {usual_registry}/library/{kept}"), "may not use the image"),
        (format!("ARG A={kept}\nFROM ${{A}}"), "may not use the image"),
        (format!("FROM {}", &id[..12]), "may not use the image"),
        (format!("FROM sha256:{id}"), "may not use the image"),
        (format!("FROM {BASE}\nCOPY --from={kept} / /out"), "may not use the image"),
        (format!("FROM {BASE}\nCOPY --from={} / /out", &id[..12]), "may not use the image"),
        (
            format!("FROM {BASE}\nRUN --mount=type=bind,source=/,target=/host ls /host"),
            "needs BuildKit: RUN --mount at line 2",
        ),
        (format!("FROM {BASE}\nRUN --security=insecure id"), "needs BuildKit: RUN --security"),
        (format!("FROM {BASE}\nRUN --network=host id"), "needs BuildKit: RUN --network"),
        (format!("FROM {BASE}\nCOPY ../../etc/shadow /out/"), "could not be built"),
        (format!("FROM {BASE}\nADD ../secret /out/"), "could not be built"),
        (format!("FROM {BASE}\nADD http://127.0.0.1:1/x /out/"), "may not ADD `http://127.0.0.1:1/x` (line 2)"),
        (format!("FROM {BASE}\nARG TOKEN\nADD $TOKEN /out/"), "may not ADD `$TOKEN` (line 3)"),
        ("FROM 10.0.0.5:5000/x".to_owned(), "may not use the image 10.0.0.5:5000/x (line 1)"),
        ("FROM Node:20".to_owned(), "that the Dockerfile begins with could not be had"),
        (format!("FROM {BASE}\nCOPY --from=10.0.0.5:5000/x / /out"), "may not use the image 10.0.0.5:5000/x (line 2)"),
        (format!("FROM {BASE} AS a3f\nCOPY --from=a3f / /out"), "may not use the image a3f (line 2)"),
        (format!("FROM {BASE}\nRUN true \\\r \nCOPY --from={kept} / /out"), "unclear at line 2"),
        (format!("\u{feff}\u{feff}FROM {BASE}"), "unclear at line 1"),
        (format!("# escape=`\nFROM {BASE}\nCOPY --fr`\nom={kept} / /out"), "unclear at line 1"),
        (format!("FROM {sly}"), "takes files from elsewhere when something is built on it"),
        (format!("FROM {BASE}$1a"), "names an image that cannot be told"),
        ("FROM ${HTTP_PROXY}".to_owned(), "names an image that cannot be told"),
        (format!("FROM {BASE}\nARG TOKEN\nCOPY $TOKEN /out/"), "could not be built"),
        (format!("FROM {BASE}\nRUNN x"), "could not be built"),
        (format!("FROM {BASE}\nRUN exit 9"), "exit code 9: the step `RUN exit 9` of the Dockerfile failed"),
        ("FROM no-such-image-anywhere:1".to_owned(), "that the Dockerfile begins with could not be had"),
    ] {
        world.push("sly", &[("Dockerfile", &lines)]);
        let ended = world.build(&project).await;
        let failure = ended.failure().0;
        assert!(failure.title.contains(wanted), "{lines}: {failure:?}\n{}", ended.log);
        assert!(!failure.detail.contains("line 4"), "lines are the Dockerfile's own: {failure:?}");
        assert!(!failure.detail.contains("quite-a-secret"), "{failure:?}");
        assert!(!lines.contains("COPY $TOKEN") || failure.detail.contains("***"), "{failure:?}");
    }
    // A link in the context leads nowhere but into the context.
    world.push("sly", &[("Dockerfile", &format!("FROM {BASE}\nCOPY link /out/x\nRUN cat /out/x"))]);
    std::os::unix::fs::symlink("/etc/shadow", world.repository("sly").join("link")).unwrap();
    world.push("sly", &[]);
    let ended = world.build(&project).await;
    assert!(!ended.log.contains("root:"), "{}", ended.log);
    ended.failure();

    docker(&["rmi", &kept, &sly]).await;
    no_images_left(&world).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dockerfile_keeps_to_limits_and_ends_when_it_is_told_to() {
    let limits = BuildLimits { memory: 128 << 20, timeout: Duration::from_secs(40), ..BuildLimits::default() };
    let world = World::new(limits).await;
    let run = |command: &str| format!("FROM {BASE}\nRUN {command}\n");
    let greedy = run("node -e \"const a=[];for(;;)a.push(Buffer.alloc(1e7,1))\"");
    let project = project(&world, "greedy", "out", &[("Dockerfile", &greedy)]).await;
    let ended = world.build(&project).await;
    assert!(ended.failure().0.title.starts_with("exit code 137"), "{:?}\n{}", ended.failure(), ended.log);

    world.push("greedy", &[("Dockerfile", &run("touch /kept && sleep 600"))]);
    let ended = world.build(&project).await;
    assert_eq!(ended.failure().0.code, FailureCode::TimedOut);

    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let mut lines = world.store.signals().subscribe_logs();
    world.push("greedy", &[("Dockerfile", &run("echo begun; sleep 600"))]);
    tokio::spawn(async move {
        while !lines.recv().await.unwrap().lines.iter().any(|line| line.text == "begun") {}
        stop.cancel();
    });
    let ended = world.build_until(&project, &cancel).await;
    assert!(ended.log.ends_with("Stopped\n"), "{}", ended.log);
    no_images_left(&world).await;
    let network = format!("network=berth-build-{}", world.engine.config().instance);
    for _ in 0..150 {
        if docker(&["ps", "--all", "--quiet", "--filter", &network]).await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(docker(&["ps", "--all", "--quiet", "--filter", &network]).await, "", "no step is left");
    world.end().await;
}

/// Says whether a connection to an address comes about, after one to itself that must.
const CONNECT: &str = r"
const net = require('net');
const attempt = (host, port, then) => {
  const socket = net.connect({ host, port, timeout: 2000 });
  const end = (how) => { socket.destroy(); then(how) };
  socket.on('connect', () => end('connected')).on('error', () => end('refused')).on('timeout', () => end('silent'));
};
const own = net.createServer().listen(0, '127.0.0.1', () => attempt('127.0.0.1', own.address().port, (how) => {
  console.log(`itself: ${how}`);
  attempt(process.argv[2], +process.argv[3], (how) => { console.log(`the host: ${how}`); process.exit() });
}));
";

/// B13 and G11 of a Dockerfile's own steps, S3 and S8 of what it leaves.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_reaches_no_host_finds_no_git_and_leaves_files_only() {
    let world = World::new(BuildLimits::default()).await;
    world.engine.prepare_network().await.unwrap();
    let network = format!("berth-build-{}", world.engine.config().instance);
    let gateway =
        docker(&["network", "inspect", "--format", "{{range .IPAM.Config}}{{.Gateway}}{{end}}", &network]).await;
    let gateway: std::net::IpAddr = gateway.trim().parse().unwrap();
    let listener = tokio::net::TcpListener::bind((gateway, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dockerfile = format!(
        "FROM {BASE}\nCOPY . /\nRUN find / -xdev -name .git -print | sed 's/^/found: /'; ls -a /\n\
         RUN node /connect.js {gateway} {port}\n\
         RUN mkdir /out && cp /page.html /out/index.html && mknod /out/disk b 8 0 && mknod /out/null c 1 3 && \
         mkfifo /out/pipe && ln -s / /out/link && (truncate -s 1T /out/hollow; rm /out/hollow)\n"
    );
    let files = [("Dockerfile", dockerfile.as_str()), ("page.html", "hi"), ("connect.js", CONNECT)];
    let project = project(&world, "curious", "out", &files).await;
    let ended = world.build(&project).await;
    let log = &ended.log;
    assert!(log.contains("page.html\n"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("found: ") || line == ".git"), "{log}");
    assert!(log.contains("itself: connected\n"), "{log}");
    assert!(log.contains("the host: refused\n") || log.contains("the host: silent\n"), "{log}");
    let arrived = tokio::time::timeout(Duration::from_millis(10), listener.accept()).await;
    assert!(arrived.is_err(), "nothing arrived: {arrived:?}");
    let directory = &ended.artifact().directory;
    let names: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["index.html"], "{log}");
    for note in ["disk is a device", "null is a device", "pipe is a pipe", "link is a symbolic link"] {
        assert!(log.contains(note), "{note}: {log}");
    }
    no_images_left(&world).await;
    world.end().await;
}
