//! Releases made by hand, and requests to them.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::path::Path;
use std::sync::Arc;

use berth_edge::index::{Coding, ContentHash, IndexBuilder, Stored, is_served, layout};
use berth_edge::{Edge, EdgeBody, EdgeConfig, Release, Site, Target};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tower::ServiceExt as _;

pub(crate) const HOST: &str = "shop.example.org";
/// When every release was published: Saturday, 21 November 2026, 10:00.
const PUBLISHED: u32 = 1_795_255_200;

/// A directory for releases and an edge that serves them.
pub(crate) struct Fixture {
    pub(crate) edge: Edge,
    pub(crate) directory: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) response: Response<()>,
    pub(crate) deployment: Option<i64>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self { edge: Edge::new(EdgeConfig::default()), directory: tempfile::tempdir().unwrap() }
    }

    /// An edge with one release of these files on [`HOST`].
    pub(crate) fn serving(files: &[(&str, &str)]) -> Self {
        let fixture = Self::new();
        let release = fixture.release(1, files, None);
        fixture.edge.install(HOST, Site::of(Target::Release(release)));
        fixture
    }

    /// Writes a release as publishing does, with a stand-in for each compressed content of a script.
    pub(crate) fn release(&self, deployment: i64, files: &[(&str, &str)], fallback: Option<bool>) -> Arc<Release> {
        let directory = self.directory.path().join(deployment.to_string());
        write_release(&directory, deployment, files, fallback);
        Arc::new(Release::open(&directory).unwrap())
    }

    pub(crate) fn begin(&self, request: Request<()>) -> Response<EdgeBody> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(self.edge.clone().oneshot(request)).unwrap()
    }

    pub(crate) fn ask(&self, request: Request<()>) -> Answer {
        read(self.begin(request))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    pub(crate) fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(request("GET", path, headers))
    }
}

pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut builder = Request::builder().method(method).uri(path).header("host", HOST);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).unwrap()
}

pub(crate) fn read(response: Response<EdgeBody>) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (parts, body) = response.into_parts();
    let deployment = body.deployment();
    let body = runtime.block_on(body.collect()).unwrap().to_bytes().to_vec();
    Answer { status: parts.status.as_u16(), response: Response::from_parts(parts, ()), deployment, body }
}

pub(crate) fn write_release(directory: &Path, deployment: i64, files: &[(&str, &str)], fallback: Option<bool>) {
    let mut builder = IndexBuilder::new(deployment);
    builder.published(PUBLISHED);
    std::fs::create_dir_all(directory.join(layout::OWN_DIRECTORY)).unwrap();
    for (path, content) in files {
        let file = directory.join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, content).unwrap();
        match *path {
            "_redirects" => assert_eq!(builder.redirects(content), []),
            "_headers" => assert_eq!(builder.headers(content), []),
            _ => {}
        }
        if is_served(path) {
            let codings: &[Coding] = if path.ends_with(".js") { &Coding::COMPRESSED } else { &[] };
            let compressed: Vec<_> =
                codings.iter().map(|coding| (*coding, compress(directory, *coding, content))).collect();
            builder.add(path, stored(content), &compressed);
        }
    }
    std::fs::write(directory.join(layout::INDEX_FILE), builder.finish(fallback).0).unwrap();
}

/// A site of one page with rule files that may be nonsense.
pub(crate) fn write_rules(fixture: &Fixture, redirects: &str, headers: &str) -> Site {
    let directory = fixture.directory.path().join("rules");
    std::fs::create_dir_all(directory.join(layout::OWN_DIRECTORY)).unwrap();
    std::fs::write(directory.join("index.html"), "page").unwrap();
    let mut builder = IndexBuilder::new(1);
    builder.redirects(redirects);
    builder.headers(headers);
    builder.add("index.html", stored("page"), &[]);
    std::fs::write(directory.join(layout::INDEX_FILE), builder.finish(None).0).unwrap();
    Site::of(Target::Release(Arc::new(Release::open(&directory).unwrap())))
}

/// Not real compression: the edge never looks inside.
fn compress(directory: &Path, coding: Coding, content: &str) -> Stored {
    let compressed = format!("{}:{content}", coding.token());
    let stored = stored(&compressed);
    std::fs::write(directory.join(layout::compressed_file(coding, stored.hash)), compressed).unwrap();
    stored
}

fn stored(content: &str) -> Stored {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, content).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    Stored { length: content.len() as u64, hash: ContentHash((half(0) << 64 | half(1)).to_le_bytes()) }
}
