//! What a build may know, reach and leave behind.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Docker, Shop, World, eventually};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::folders::unless_gone;

/// B5, B6, G11: values arrive byte for byte, and are nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_reach_the_build_and_nothing_else() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let values = [
        ("PLAIN_WORDS", "correct horse battery staple".to_owned()),
        ("QUOTES", r#"it's "quoted" and `ticked`"#.to_owned()),
        ("SIGNS", r"a=b#c $HOME ${PATH} \n \\ end".to_owned()),
        (
            "LINES",
            "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n".to_owned(),
        ),
        ("LARGE", "0123456789abcdef".repeat(1_280)),
    ];
    let secrets: Vec<Value> = values.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let keys: Vec<_> = values.iter().map(|(key, _)| *key).collect();
    let tell_all = format!(
        r"import {{ createHash }} from 'node:crypto';
import {{ existsSync }} from 'node:fs';
const digests = {{}};
for (const key of {keys}) {{
  const value = process.env[key] ?? '';
  digests[key] = createHash('sha256').update(value).digest('hex');
  console.log(key + ' is ' + value);
  process.stderr.write(value.slice(0, 9)); process.stderr.write(value.slice(9) + '\n');
}}
console.log('there is ' + (existsSync('.env') ? 'a' : 'no') + ' dotenv file');
writeFileSync('dist/digests.json', JSON.stringify(digests));",
        keys = json!(keys)
    );
    let shop = Shop::saying("Nothing to hide").then(&tell_all);
    let project = world.connect("discreet", &shop, json!({"outputDirectory": "dist", "secrets": secrets})).await?;
    world.shows(&project, "Nothing to hide").await?;

    let digests: Value = serde_json::from_str(&project.site.get("/digests.json").await?.body)?;
    for (key, value) in &values {
        ensure!(digests[key] == hex::encode(Sha256::digest(value)), "{key} did not arrive as it was sent");
    }
    // The site may be live before the last of the log is stored.
    let log = eventually("the end of the log is stored", Duration::from_secs(60), async || {
        Ok(Some(world.log_text(project.first_build).await?).filter(|log| log.contains("there is a dotenv file")))
    })
    .await?;
    ensure!(log.contains("PLAIN_WORDS is"), "the build did not speak: {log}");
    let images = world.berth.docker()?.image_texts()?;
    let shown = world.ada.get("/api/project/projects").await?.text;
    for (key, value) in &values {
        for part in value.lines().filter(|part| part.len() >= 6 && !part.starts_with("-----")) {
            ensure!(!log.contains(part), "{key} is in the log");
            ensure!(!images.contains(part), "{key} is in an image");
            ensure!(!shown.contains(part), "{key} comes back from the API");
            ensure!(!world.berth.log()?.contains(part), "{key} is in Berth's own log");
            if let Some(file) = find_in_files(&world.berth.deployments(), part)? {
                anyhow::bail!("{key} is in {file}");
            }
        }
    }
    ensure!(project.site.get("/.env").await?.status == 404);

    // A build that publishes a secret is refused, and says which file and which key.
    let leak = Shop::saying("Everything to hide").then("writeFileSync('dist/leak.js', process.env.PLAIN_WORDS);");
    let leaking = world.push(&project, &leak).await?;
    ensure!(world.ended(leaking).await? == "failed");
    let failure = world.failure(leaking).await?;
    ensure!(failure["code"] == "secret_in_output", "{failure}");
    let told = failure.to_string();
    ensure!(told.contains("leak.js") && told.contains("PLAIN_WORDS"), "{failure}");
    ensure!(!told.contains("correct horse"), "the refusal itself tells the secret: {failure}");
    world.shows(&project, "Nothing to hide").await?;
    world.close().await
}

/// B4: whatever a build does wrong, the old site stays, and the owner reads why.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_build_keeps_the_old_site() -> Result<()> {
    let world =
        World::open(&Database::Sqlite, &[("BERTH_BUILD_TIMEOUT", "40s"), ("BERTH_BUILD_MEMORY", "256m")]).await?;
    let project = world.open_shop("steady", &Shop::saying("All is well")).await?;
    let mistakes = [
        ("command_failed", "process.exit(3);"),
        ("missing_output", "(await import('node:fs')).rmSync('dist', { recursive: true });"),
        (
            "missing_output",
            "const fs = await import('node:fs'); fs.rmSync('dist', { recursive: true }); fs.mkdirSync('dist');",
        ),
        ("out_of_memory", "const hog = []; for (;;) hog.push(Buffer.alloc(16 << 20, 1));"),
        ("timed_out", "await new Promise((wake) => setTimeout(wake, 600_000));"),
    ];
    for (index, (code, script)) in mistakes.into_iter().enumerate() {
        let build = world.push(&project, &Shop::saying(&format!("Mistake {index}")).then(script)).await?;
        ensure!(world.ended(build).await? == "failed", "{code} did not fail");
        let failure = world.failure(build).await?;
        ensure!(failure["code"] == code, "{code} expected: {failure}");
        ensure!(failure["title"].as_str().is_some_and(|title| !title.is_empty()), "{failure}");
        ensure!(project.site.get("/").await?.body.contains("All is well"), "{code} changed the site");
    }
    let docker = world.berth.docker()?;
    eventually("no container is left", Duration::from_secs(15), async || {
        Ok(docker.containers()?.is_empty().then_some(()))
    })
    .await?;
    // And the next good push goes live as if nothing had been.
    world.push(&project, &Shop::saying("Better again")).await?;
    world.shows(&project, "Better again").await?;
    world.close().await
}

/// B2: a flood of output is kept to its cap, with head and tail, and costs little memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_keeps_its_head_and_tail() -> Result<()> {
    const LINES: usize = 2_000_000;
    let world = World::open(&Database::Sqlite, &[("BERTH_BUILD_LOG", "1m")]).await?;
    let project = world.open_shop("loud", &Shop::saying("Before")).await?;
    let process = world.berth.process()?;
    let before = process.memory_kib()?;
    let flood = format!(
        "const {{ writeSync }} = await import('node:fs'); \
         const hundred = (from) => Array.from({{ length: 100 }}, (_, i) => `line ${{from + i}} ${{'x'.repeat(90)}}\\n`).join(''); \
         const all = (text) => {{ for (let at = 0; at < text.length;) try {{ at += writeSync(1, text.slice(at)); }} \
           catch (error) {{ if (error.code !== 'EAGAIN') throw error; }} }}; \
         for (let line = 0; line < {LINES}; line += 100) all(hundred(line)); \
         all('that was all\\n');"
    );
    let build = world.push(&project, &Shop::saying("After the flood").then(&flood)).await?;
    let mut highest = before;
    eventually("the build ends", Duration::from_secs(600), async || {
        highest = highest.max(process.memory_kib()?);
        let status = world.ada.get(&format!("/api/v1/builds/{build}")).await?.expect(200)?["status"].clone();
        Ok((!matches!(status.as_str(), Some("queued" | "running"))).then_some(()))
    })
    .await?;
    ensure!(world.ended(build).await? == "passed", "{}", world.failure(build).await?);
    // The last of a log is stored while the build is told to have passed.
    let log = eventually("the end of the log is stored", Duration::from_secs(30), async || {
        Ok(Some(world.log_text(build).await?).filter(|log| log.contains("that was all")))
    })
    .await?;
    ensure!(log.len() < 2 << 20, "{} bytes of log are kept", log.len());
    ensure!(log.contains("line 0 "), "the head is missing");
    ensure!(highest < before + 64 * 1024, "memory grew from {before} KiB to {highest} KiB");
    world.close().await
}

/// After failed builds: no container, no directory, no file descriptor more than before.
#[tokio::test(flavor = "multi_thread")]
async fn failed_builds_leave_nothing_behind() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("tidy", &Shop::saying("Before")).await?;
    let fail = async |number: u32| {
        let build = world.push(&project, &Shop::saying(&format!("Failure {number}")).then("process.exit(1);")).await?;
        ensure!(world.ended(build).await? == "failed");
        Ok(())
    };
    let directories = || {
        Ok::<_, anyhow::Error>(directories_below(&world.berth.data())? + directories_below(&world.berth.deployments())?)
    };
    for number in 0..3 {
        fail(number).await?;
    }
    let docker = world.berth.docker()?;
    let process = world.berth.process()?;
    let before = (process.open_files()?, directories()?, docker.images()?.len(), docker.volumes()?.len());
    for number in 3..13 {
        fail(number).await?;
    }
    eventually("no container is left", Duration::from_secs(60), async || {
        Ok(docker.containers()?.is_empty().then_some(()))
    })
    .await?;
    let after = (directories()?, docker.images()?.len(), docker.volumes()?.len());
    ensure!(after == (before.1, before.2, before.3), "directories, images or volumes grew: {before:?} to {after:?}");
    // Connections come and go, and those to the database are kept open for a minute; ten leaks would show, and stay.
    eventually(&format!("about {} file descriptors are open", before.0), Duration::from_secs(120), async || {
        Ok((process.open_files()? < before.0 + 8).then_some(()))
    })
    .await?;
    world.close().await
}

fn directories_below(directory: &Path) -> Result<usize> {
    let mut count = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            count += 1 + directories_below(&entry.path())?;
        }
    }
    Ok(count)
}

/// B3: a canceled build's container is gone within 15 seconds, by Docker's own list.
#[tokio::test(flavor = "multi_thread")]
async fn canceling_stops_the_container() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("patient", &Shop::saying("Before")).await?;
    let build = world.push(&project, &Shop::saying("Never").slowly(300)).await?;
    let docker = world.berth.docker()?;
    eventually("the build runs", Duration::from_secs(60), async || {
        Ok(world.log_text(build).await?.contains("second 1").then_some(()))
    })
    .await?;
    ensure!(!docker.containers()?.is_empty(), "a build runs, but in no container");

    let since = Instant::now();
    let answer = world.ada.post(&format!("/api/v1/builds/{build}/cancel"), &json!({})).await?;
    ensure!(answer.status < 300, "{answer:?}");
    eventually("the container is gone", Duration::from_secs(15), async || {
        Ok(docker.containers()?.is_empty().then_some(()))
    })
    .await?;
    ensure!(world.ended(build).await? == "canceled");
    ensure!(since.elapsed() < Duration::from_secs(15), "canceling took {:?}", since.elapsed());
    ensure!(world.build(build).await?["status"] == "failed", "existing clients know no `canceled`");
    ensure!(project.site.get("/").await?.body.contains("Before"));
    world.close().await
}

/// B13: from a build, the host is not there. A container outside of Berth proves that it could be.
#[tokio::test(flavor = "multi_thread")]
async fn a_build_cannot_reach_the_host() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let project = world.open_shop("curious", &Shop::saying("Before")).await?;
    let gateway = gateway_of(&world.berth.docker()?.networks()?)?;
    let listener = TcpListener::bind((gateway.as_str(), 0)).context("listening at the gateway of the build network")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || while listener.accept().is_ok() {});
    ensure!(TcpStream::connect(address).is_ok(), "the host does not reach its own listener");
    ensure!(
        probe_from_outside(&world.berth.docker()?, address)?,
        "a container outside of Berth does not reach the listener: this proves nothing"
    );

    let script = format!("{}\nwriteFileSync('dist/probe.txt', await probe());", probe_script(address));
    world.push(&project, &Shop::saying("After").then(&script)).await?;
    world.shows(&project, "After").await?;
    let seen = project.site.get("/probe.txt").await?.body;
    ensure!(seen == "closed", "a build reached {address} on the host: {seen:?}");
    world.close().await
}

fn probe_script(address: SocketAddr) -> String {
    format!(
        "const probe = async () => {{ const net = await import('node:net'); return new Promise((tell) => {{ \
         const socket = net.connect({{ host: '{}', port: {}, timeout: 3000 }}); \
         socket.on('connect', () => {{ tell('open'); socket.destroy(); }}); \
         socket.on('timeout', () => {{ tell('closed'); socket.destroy(); }}); \
         socket.on('error', () => tell('closed')); }}); }};",
        address.ip(),
        address.port()
    )
}

/// Whether a container on an ordinary network reaches `address`.
fn probe_from_outside(docker: &Docker, address: SocketAddr) -> Result<bool> {
    let network = docker.make_network("ordinary")?;
    let script = format!("{} probe().then((seen) => {{ console.log(seen); }});", probe_script(address));
    let output = Command::new("docker")
        .args(["run", "--rm", "--init", "--network", &network, "node:20-slim", "node", "-e", &script])
        .output()?;
    let seen = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(!seen.is_empty(), "the container did not run: {}", String::from_utf8_lossy(&output.stderr));
    Ok(seen == "open")
}

fn gateway_of(networks: &[String]) -> Result<String> {
    let network = networks.first().context("Berth has no build network")?;
    let format = "{{(index .IPAM.Config 0).Gateway}}";
    let output = Command::new("docker").args(["network", "inspect", "--format", format, network]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// The first file below `directory` that contains `text`, read without following links. What goes meanwhile, because a
/// build that is live clears up behind itself, is passed over.
fn find_in_files(directory: &Path, text: &str) -> Result<Option<String>> {
    for entry in unless_gone(std::fs::read_dir(directory))?.into_iter().flatten() {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if let Some(found) = find_in_files(&entry.path(), text)? {
                return Ok(Some(found));
            }
        } else if kind.is_file() {
            let Some(bytes) = unless_gone(std::fs::read(entry.path()))? else { continue };
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                return Ok(Some(entry.path().display().to_string()));
            }
        }
    }
    Ok(None)
}
