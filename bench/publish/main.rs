//! How long it takes to publish a release and to put it live, beside the bare work: `cp -r`, and the same compression
//! by the same encoders on as many cores. See `bench/README.md`.
//!
//! `cargo run --release -p berth-deploy-engine --example bench-publish [rounds] [directory to work in]`

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

mod corpus;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use berth_deploy_engine::{Activated, DeployConfig, DeployEngine, restore};
use berth_edge::index::{Coding, ContentHash, IndexBuilder, Stored, layout};
use berth_edge::mime::{content_type, is_compressible};
use berth_edge::{Edge, EdgeConfig, Release, Site, Target};
use berth_model::{Access, Artifact, BranchName, BuiltService, Clock, ProjectName, RepoUrl, Role, Trigger};
use berth_store::{ActivationReason, Claimed, Deployment, NewBuild, NewProject, Project, Store};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Sites besides the one that is measured.
const OTHERS: usize = 10_000;
/// Projects that wait to go live, and how many of them the worker takes at once.
const WAITING: usize = 320;
const AT_ONCE: usize = 32;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(Ok(5), |rounds| rounds.parse())?;
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let work = tempfile::Builder::new().prefix("berth-bench-publish-").tempdir_in(parent)?;
    let corpus = work.path().join("corpus");
    fs::create_dir(&corpus)?;
    corpus::make(&corpus)?;
    let mut files = Vec::new();
    list(&corpus, &mut files)?;
    let bytes: u64 = files.iter().map(|file| file.metadata().map_or(0, |found| found.len())).sum();
    println!("{} files, {:.1} MB, {rounds} rounds, {} cores", files.len(), bytes as f64 / 1e6, cores());

    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut cost = (0, 0);
    for round in 0..rounds {
        let mut measured = |what, took| times.entry(what).or_default().push(took);
        let copy = work.path().join("copy");
        measured("1 cp -r", timed(|| cp(&corpus, &copy))?);
        fs::remove_dir_all(&copy)?;
        let compressed = work.path().join("compressed");
        fs::create_dir(&compressed)?;
        measured("2 compression, bare", timed(|| compress_all(&files, &compressed))?);
        fs::remove_dir_all(&compressed)?;

        let berth = Berth::new(&work.path().join(format!("berth-{round}"))).await?;
        let project = berth.project("bench").await?;
        let (first, took) = berth.publish(&project, &corpus, None).await?;
        measured("3 publish", took);
        let (inodes, blocks) = berth.disk()?;
        measured("6 activate, whole", berth.activate(&first).await?);
        let (second, took) = berth.publish(&project, &corpus, Some("docs/0/page-0.html")).await?;
        measured("4 publish again, one page changed", took);
        let (inodes_now, blocks_now) = berth.disk()?;
        cost = (inodes_now - inodes, blocks_now - blocks);
        measured("7 activate, whole, the second", berth.activate(&second).await?);
        for number in 0..20 {
            let back = if number % 2 == 0 { &first } else { &second };
            measured("8 roll back and forth, whole", berth.activate(back).await?);
        }
        measured("9 the switch that visitors see", berth.switch(&first, &second)?);
        fs::remove_dir_all(&berth.directory)?;
    }
    let median = |what: &str| {
        let mut times = times.get(what).cloned().unwrap_or_default();
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    };
    for what in times.keys() {
        println!("{:<36} {:>12.4} ms", &what[2..], median(what).as_secs_f64() * 1e3);
    }
    let (publish, bare) = (median("3 publish"), median("1 cp -r") + median("2 compression, bare"));
    println!("publish / (cp -r + compression)      {:>10.2}", publish.as_secs_f64() / bare.as_secs_f64());
    println!("a redeploy with one changed page takes {} files and {} KiB of disk", cost.0, cost.1 / 1024);
    println!("(all activations beside {OTHERS} other hosts in the table)");
    together(&work.path().join("together")).await?;
    start(&work.path().join("start"))
}

/// Projects that go live at the same time, as after `berth deploy --each`.
async fn together(directory: &Path) -> Outcome<()> {
    let berth = Berth::new(directory).await?;
    for number in 0..WAITING {
        let project = berth.project(&format!("site-{number}")).await?;
        berth.publish_page(&project).await?;
    }
    let pending: Vec<_> = berth.store.pending_activations().await?.iter().map(|pending| pending.id).collect();
    let begun = Instant::now();
    for turn in pending.chunks(AT_ONCE) {
        for ended in berth.engine.activate_all(turn).await? {
            if let Activated::Refused { reason } = ended? {
                return Err(reason.into());
            }
        }
    }
    let took = begun.elapsed();
    println!("{WAITING} projects that wait together go live at {:.0} a second", WAITING as f64 / took.as_secs_f64());
    Ok(())
}

/// Many sites with one small release each, back on the edge from disk.
fn start(directory: &Path) -> Outcome<()> {
    let deployments = directory.join("deployments");
    let mut table = "berth routes 1\n".to_owned();
    for number in 1..=OTHERS {
        let release = deployments.join(format!(".releases/{number}/{number}"));
        fs::create_dir_all(release.join(layout::OWN_DIRECTORY))?;
        let mut index = IndexBuilder::new(number as i64);
        for file in 0..12 {
            let stored = Stored { length: 9, hash: ContentHash([file; 16]) };
            index.add(&format!("assets/file-{file}.js"), stored, &[(Coding::Brotli, stored)]);
        }
        fs::write(release.join(layout::INDEX_FILE), index.finish(None).0)?;
        table += &format!("site-{number}.example.org {number} {number} - site-{number}\n");
        table += &format!("site-{number}-x2b4c6d8.example.org {number} {number} - -\n");
    }
    fs::write(deployments.join("routes"), format!("{table}end {}\n", OTHERS * 2))?;
    let config = DeployConfig { deployments, base_domain: "example.org".to_owned(), retention: 5 };
    let mut times = Vec::new();
    for _ in 0..5 {
        let edge = Edge::new(EdgeConfig::default());
        let begun = Instant::now();
        let hosts = restore(&config, &edge);
        times.push(begun.elapsed());
        if hosts != OTHERS * 2 {
            return Err("not every host came back".into());
        }
    }
    times.sort();
    println!("{} hosts of {OTHERS} sites are back on the edge in {:.0} ms", OTHERS * 2, times[2].as_secs_f64() * 1e3);
    Ok(())
}

/// A Berth without a server and without builds.
struct Berth {
    directory: PathBuf,
    access: Access,
    store: Store,
    engine: DeployEngine,
}

impl Berth {
    async fn new(directory: &Path) -> Outcome<Self> {
        let config = || DeployConfig {
            deployments: directory.join("deployments"),
            base_domain: "example.org".to_owned(),
            retention: 5,
        };
        fs::create_dir_all(config().deployments)?;
        let mut table = "berth routes 1\n".to_owned();
        for number in 0..OTHERS {
            table += &format!("other-{number}.example.org {} - - other-{number}\n", 1_000 + number);
        }
        fs::write(config().deployments.join("routes"), format!("{table}end {OTHERS}\n"))?;
        let store = Store::open(&format!("sqlite://{}", directory.join("berth.db").display()), Clock::System).await?;
        let user = store.create_first_admin("admin@localhost", None, "hash").await?;
        let edge = Edge::new(EdgeConfig::default());
        restore(&config(), &edge);
        let engine = DeployEngine::new(config(), store.clone(), edge);
        let access = Access::of(user.id, Role::Admin);
        fs::create_dir_all(engine.staging())?;
        Ok(Self { directory: directory.to_owned(), access, store, engine })
    }

    async fn project(&self, name: &str) -> Outcome<Project> {
        let name = ProjectName::stored(name)?;
        let host = self.engine.project_host(&name);
        let repo = RepoUrl::parse("https://git.example.org/me/bench")?;
        let new = NewProject::new(name, BranchName::parse("main")?, Some(repo));
        Ok(self.store.create_project(self.access, new, &host, |_| Vec::new()).await?)
    }

    async fn claim(&self, project: &Project) -> Outcome<Claimed> {
        let build = NewBuild::production(project.id, Trigger::Push, project.branch.clone(), None);
        self.store.enqueue(build).await?;
        Ok(self.store.claim(Duration::from_secs(600), 9).await?.ok_or("there is no build")?)
    }

    async fn publish_page(&self, project: &Project) -> Outcome<()> {
        let claimed = self.claim(project).await?;
        let directory = self.engine.staging().join(claimed.build.id.to_string());
        fs::create_dir(&directory)?;
        fs::write(directory.join("index.html"), "<p>one page</p>")?;
        let artifact = Artifact { directory, files: 1, bytes: 15, spa_fallback: None };
        self.engine
            .publish(&claimed.lease, &claimed.project, vec![BuiltService::site(artifact)], Some(0), &mut |_: &str| {})
            .await?;
        Ok(())
    }

    /// Publishes a copy of the corpus, with one page changed; the copying is not measured.
    async fn publish(
        &self,
        project: &Project,
        corpus: &Path,
        changed: Option<&str>,
    ) -> Outcome<(Deployment, Duration)> {
        let claimed = self.claim(project).await?;
        let directory = self.engine.staging().join(claimed.build.id.to_string());
        cp(corpus, &directory)?;
        if let Some(page) = changed {
            let page = directory.join(page);
            let text = fs::read(&page)?;
            fs::write(&page, [b"<p>changed</p>\n", &text[..]].concat())?;
        }
        // What the copying left to be written is not the publishing's.
        rustix::fs::sync();
        let artifact = Artifact { directory, files: 0, bytes: 0, spa_fallback: None };
        let begun = Instant::now();
        let deployment = self
            .engine
            .publish(&claimed.lease, &claimed.project, vec![BuiltService::site(artifact)], Some(0), &mut |_: &str| {})
            .await?;
        let took = begun.elapsed();
        Ok((deployment, took))
    }

    /// From the wish in the database to `live`: two transactions and the table, each on the disk.
    async fn activate(&self, deployment: &Deployment) -> Outcome<Duration> {
        let pending = self.store.pending_activations().await?;
        let id = match pending.iter().find(|activation| activation.deployment == deployment.id) {
            Some(by_build) => by_build.id,
            None => self.store.request_activation(self.access, deployment.id, ActivationReason::Rollback).await?,
        };
        let begun = Instant::now();
        match self.engine.activate(id).await? {
            Activated::Live(_) => Ok(begun.elapsed()),
            Activated::Refused { reason } => Err(reason.into()),
        }
    }

    /// How long the edge takes from the opened release to answering with it.
    fn switch(&self, one: &Deployment, other: &Deployment) -> Outcome<Duration> {
        let open = |deployment: &Deployment| {
            let place = format!("deployments/.releases/{}/{}", deployment.project, deployment.id);
            Release::open(&self.directory.join(place)).map(Arc::new)
        };
        let (edge, releases) = (Edge::new(EdgeConfig::default()), [open(one)?, open(other)?]);
        for number in 0..OTHERS {
            edge.install(&format!("other-{number}.example.org"), Site::of(Target::NothingYet));
        }
        let begun = Instant::now();
        for number in 0..1_000 {
            let site = Site::of(Target::Release(Arc::clone(&releases[number % 2])));
            black_box(edge.install("bench.example.org", site));
        }
        Ok(begun.elapsed() / 1_000)
    }

    /// Files and bytes that the releases take, each inode once.
    fn disk(&self) -> Outcome<(usize, u64)> {
        let mut files = Vec::new();
        list(&self.directory.join("deployments/.releases"), &mut files)?;
        let mut inodes = BTreeMap::new();
        for file in files {
            let found = fs::metadata(file)?;
            inodes.insert(found.ino(), found.blocks() * 512);
        }
        Ok((inodes.len(), inodes.values().sum()))
    }
}

fn timed(work: impl FnOnce() -> Outcome<()>) -> Outcome<Duration> {
    rustix::fs::sync();
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}

fn cp(from: &Path, to: &Path) -> Outcome<()> {
    let done = Command::new("cp").arg("-r").arg(from).arg(to).status()?;
    if done.success() { Ok(()) } else { Err("cp -r failed".into()) }
}

fn list(directory: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() { list(&entry.path(), files)? } else { files.push(entry.path()) }
    }
    Ok(())
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from).min(8)
}

/// The three codings of every file that gets smaller, written to files, on all cores: what publishing cannot avoid.
fn compress_all(files: &[PathBuf], into: &Path) -> Outcome<()> {
    let next = AtomicUsize::new(0);
    let work = || -> std::io::Result<()> {
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(number) else { return Ok(()) };
            if !is_compressible(&content_type(&file.to_string_lossy())) {
                continue;
            }
            let content = fs::read(file)?;
            let params = brotli::enc::BrotliEncoderParams {
                quality: 9,
                lgwin: 22,
                size_hint: content.len(),
                ..Default::default()
            };
            brotli::BrotliCompress(&mut &content[..], &mut File::create(into.join(format!("{number}.br")))?, &params)?;
            fs::write(into.join(format!("{number}.zst")), zstd::bulk::compress(&content, 12)?)?;
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(8));
            gzip.write_all(&content)?;
            fs::write(into.join(format!("{number}.gz")), gzip.finish()?)?;
        }
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..cores()).map(|_| scope.spawn(work)).collect();
        others.into_iter().map(|other| other.join().unwrap_or(Ok(()))).fold(work(), Result::and)
    })?;
    Ok(())
}
