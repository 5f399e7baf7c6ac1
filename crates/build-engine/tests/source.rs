//! Sources from a real `git http-backend`, and from hosts that mean harm.

#[path = "support/packs.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod packs;
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use berth_build_engine::BuildError;
use berth_build_engine::source::{Credentials, FetchRequest, Fetched, Source, SourceTimeouts};
use berth_model::{BranchName, BuildLimits, CommitHash, Failure, FailureCode, Fork, RepoUrl, SourceAllow};
use support::git_host::{GitHost, Rules, answer, listen};
use support::{commit, git, install_tls, write};
use tokio::io::AsyncWriteExt as _;
use tokio_util::sync::CancellationToken;

fn source(allow: &str) -> Source {
    install_tls();
    let timeouts = SourceTimeouts { connect: Duration::from_secs(2), silence: Duration::from_secs(5) };
    Source::new(SourceAllow::parse(allow).unwrap(), timeouts).unwrap()
}

struct Asked<'a> {
    allow: &'a str,
    url: String,
    commit: Option<&'a str>,
    /// The reference of a pull request from a fork.
    fork: Option<&'a str>,
    credentials: Option<Credentials>,
    limits: BuildLimits,
}

impl<'a> Asked<'a> {
    fn of(url: String) -> Self {
        Self { allow: "127.0.0.1", url, commit: None, fork: None, credentials: None, limits: BuildLimits::default() }
    }

    async fn fetch(self, directory: &Path) -> Result<Fetched, BuildError> {
        let url = RepoUrl::parse(&self.url).unwrap();
        let branch = BranchName::parse(if self.fork.is_some() { "pull/7" } else { "main" }).unwrap();
        let fork = self.fork.map(|of| Fork { repository: "mallory/site".to_owned(), reference: of.to_owned() });
        let commit = self.commit.map(|hash| CommitHash::parse(hash).unwrap());
        let (commit, credentials) = (commit.as_ref(), self.credentials.as_ref());
        let request = FetchRequest { url: &url, branch: &branch, fork: fork.as_ref(), commit, credentials };
        source(self.allow).fetch(request, &self.limits, directory, &CancellationToken::new()).await
    }

    /// The failure's code and words.
    async fn fails(self) -> (FailureCode, String) {
        let failure = self.failure().await;
        (failure.code, format!("{}: {}", failure.title, failure.detail))
    }

    /// The failure; nothing is left on disk.
    async fn failure(self) -> Failure {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("source");
        let error = self.fetch(&directory).await.unwrap_err();
        assert!(!directory.exists(), "the directory is removed");
        match error {
            BuildError::Theirs(failure, None) => *failure,
            other => panic!("not theirs: {other:?}"),
        }
    }
}

fn account(token: &str) -> Credentials {
    Credentials::of_account(token.into())
}

/// A host with one repository, `site`, holding one page.
async fn host_with_site(rules: Rules) -> (tempfile::TempDir, GitHost, String) {
    let root = tempfile::tempdir().unwrap();
    let site = root.path().join("site");
    write(&site, &[("index.html", "<h1>one</h1>"), ("docs/a.txt", "a")]);
    let hash = commit(&site, "First\n\nwith a body");
    let host = GitHost::start(root.path().to_owned(), rules).await;
    (root, host, hash)
}

/// The pull request 7 of `site`: its commit is at its reference, and a branch of the same name holds another page.
fn pull_request(site: &Path, page: &str) -> String {
    git(site, &["checkout", "-q", "--detach"]);
    write(site, &[("index.html", page)]);
    let hash = commit(site, "A stranger's");
    git(site, &["update-ref", "refs/pull/7/head", &hash]);
    git(site, &["checkout", "-q", "main"]);
    hash
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_commit_is_fetched_by_its_pull_request_and_no_other() {
    let (root, host, _) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");
    let approved = pull_request(&site, "<h1>a stranger's</h1>");
    git(&site, &["branch", "pull/7", "main"]);
    let asked = |commit| Asked { commit: Some(commit), fork: Some("refs/pull/7/head"), ..Asked::of(host.url("site")) };
    let scratch = tempfile::tempdir().unwrap();
    let fetched = asked(&approved).fetch(&scratch.path().join("source")).await.unwrap();
    assert_eq!(fetched.commit.hash.as_str(), approved, "not the branch of that name");

    // It moved on: what nobody looked at is not fetched, and neither is what somebody looked at before.
    let moved = pull_request(&site, "<h1>something else</h1>");
    let (code, said) = asked(&approved).fails().await;
    assert_eq!(code, FailureCode::SourceUnavailable);
    assert!(said.contains("moved on") && said.contains("Approve the newer build"), "{said}");
    git(&site, &["update-ref", "-d", "refs/pull/7/head"]);
    let (_, said) = asked(&moved).fails().await;
    assert!(said.contains("no longer shows pull/7"), "{said}");

    for reference in ["refs/heads/main", "refs/pull/7/merge", "refs/pull//head", "refs/pull/7/../x/head", "7"] {
        let asked = Asked { commit: Some(&approved), fork: Some(reference), ..Asked::of(host.url("site")) };
        let refused = asked.fetch(&scratch.path().join("refused")).await;
        assert!(matches!(refused, Err(BuildError::Ours { retryable: false, .. })), "{reference}");
    }
}

/// Somebody pushes between the look at where a branch is and the transfer.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_during_a_fetch_is_no_fault_of_it() {
    let (root, host, first) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");
    let approved = pull_request(&site, "<h1>a stranger's</h1>");
    for (wanted, which) in [(Some(first.as_str()), "pushed"), (None, "pushed again")] {
        let asked = Asked { commit: wanted, ..Asked::of(host.url("site")) };
        let head = git(&site, &["rev-parse", "main"]);
        let pushed = site.clone();
        host.meanwhile(move || {
            write(&pushed, &[("index.html", which)]);
            commit(&pushed, which);
        });
        let scratch = tempfile::tempdir().unwrap();
        let fetched = asked.fetch(&scratch.path().join("source")).await.unwrap();
        assert_eq!(fetched.commit.hash.as_str(), head.trim(), "the branch had been there: {which}");
    }
    let moves = site.clone();
    host.meanwhile(move || drop(pull_request(&moves, "<h1>something else</h1>")));
    let asked = Asked { commit: Some(&approved), fork: Some("refs/pull/7/head"), ..Asked::of(host.url("site")) };
    let (_, said) = asked.fails().await;
    assert!(said.contains("moved on"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_branches_are_listed_at_once() {
    let (root, host, hash) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");
    git(&site, &["branch", "feat/a"]);
    let moved = pull_request(&site, "<h1>a stranger's</h1>");
    let url = RepoUrl::parse(&host.url("site")).unwrap();
    let heads = source("127.0.0.1").heads(&url, None).await.unwrap();
    let mut told: Vec<_> = heads.iter().map(|(branch, hash)| (branch.as_str(), hash.as_str())).collect();
    told.sort_unstable();
    assert_eq!(told, [("feat/a", hash.as_str()), ("main", hash.as_str())]);
    assert_ne!(moved, hash);
    let requests = host.seen.lock().unwrap().len();
    assert_eq!(requests, 1, "one listing, nothing fetched");
}

#[tokio::test]
async fn the_head_of_a_branch_and_an_exact_commit() {
    let (root, host, first) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");
    write(&site, &[("index.html", "<h1>two</h1>")]);
    let second = commit(&site, "Second");
    let scratch = tempfile::tempdir().unwrap();

    let head = Asked::of(host.url("site/.git")).fetch(&scratch.path().join("a")).await.unwrap();
    assert_eq!(head.commit.hash.as_str(), second);
    assert_eq!((head.commit.message.as_str(), head.commit.author.as_str()), ("Second", "Ada"));
    assert!(head.checkout.has_file("index.html") && head.checkout.has_directory("docs"));
    assert!(!head.checkout.has_directory(".git"));

    // The server does not give out commits by id, so the branch is searched.
    let mut asked = Asked::of(host.url("site/.git"));
    asked.commit = Some(&first);
    let old = asked.fetch(&scratch.path().join("b")).await.unwrap();
    assert_eq!(old.commit.message, "First\n\nwith a body");

    // Where it does, the commit comes alone, even when no branch holds it any more.
    git(&site, &["config", "uploadpack.allowAnySHA1InWant", "true"]);
    write(&site, &[("index.html", "<h1>three</h1>")]);
    git(&site, &["add", "-A"]);
    git(&site, &["commit", "-q", "--amend", "-m", "Instead of the second"]);
    let mut asked = Asked::of(host.url("site/.git"));
    asked.commit = Some(&second);
    assert_eq!(asked.fetch(&scratch.path().join("c")).await.unwrap().commit.message, "Second");

    let (url, branch) = (RepoUrl::parse(&host.url("site/.git")).unwrap(), BranchName::parse("main").unwrap());
    let there = source("127.0.0.1").heads(&url, None).await.unwrap();
    assert_eq!(there[&branch].as_str(), git(&site, &["rev-parse", "main"]));

    drop((head, old));
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "a dropped checkout leaves nothing");
}

#[tokio::test]
async fn a_commit_that_was_pushed_over_is_named() {
    let (root, host, first) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");
    git(&site, &["commit", "-q", "--amend", "-m", "Rewritten"]);
    let mut asked = Asked::of(host.url("site/.git"));
    asked.commit = Some(&first);
    let (code, words) = asked.fails().await;
    assert_eq!(code, FailureCode::SourceUnavailable);
    assert!(
        words.starts_with(&format!("commit {} is no longer on branch main (force-pushed?)", &first[..7])),
        "{words}"
    );
}

#[tokio::test]
async fn a_missing_branch_repository_or_access_is_said() {
    let (root, host, _) = host_with_site(Rules { token: Some("s3cret-token"), ..Rules::default() }).await;
    git(&root.path().join("site"), &["branch", "-m", "main", "trunk"]);

    let (_, words) = Asked::of(host.url("site/.git")).fails().await;
    assert!(words.contains("private or does not exist"), "{words}");

    let mut asked = Asked::of(host.url("site/.git"));
    asked.credentials = Some(account("wrong"));
    let (_, words) = asked.fails().await;
    assert!(words.contains("no access to site/.git") && !words.contains("wrong"), "{words}");

    let mut asked = Asked::of(host.url("site/.git"));
    asked.credentials = Some(account("s3cret-token"));
    let (_, words) = asked.fails().await;
    assert!(words.contains("no branch main") && words.contains("trunk"), "{words}");

    let mut asked = Asked::of(host.url("nowhere/.git"));
    asked.credentials = Some(account("s3cret-token"));
    assert!(asked.fails().await.1.contains("nowhere/.git was not found"));

    git(root.path(), &["init", "-q", "--bare", "empty.git"]);
    let mut asked = Asked::of(host.url("empty.git"));
    asked.credentials = Some(account("s3cret-token"));
    assert!(asked.fails().await.1.contains("the repository is empty"));
}

#[tokio::test]
async fn a_token_that_has_expired_does_not_shut_out_of_public_repositories() {
    let (_root, host, hash) = host_with_site(Rules { refuses_tokens: true, ..Rules::default() }).await;
    let scratch = tempfile::tempdir().unwrap();
    let mut asked = Asked::of(host.url("site/.git"));
    asked.credentials = Some(account("expired"));
    assert_eq!(asked.fetch(&scratch.path().join("a")).await.unwrap().commit.hash.as_str(), hash);
}

#[tokio::test]
async fn a_projects_own_token_and_its_user_go_to_the_repositorys_host() {
    const TOKEN: &str = "glpat-x7Qm2Vn8Rt4K";
    let common = Rules { user: "oauth2", token: Some(TOKEN), ..Rules::default() };
    let (_root, host, hash) = host_with_site(common).await;
    let scratch = tempfile::tempdir().unwrap();
    let with = |host: &GitHost, user: Option<&str>, token: &str| {
        let mut asked = Asked::of(host.url("site/.git"));
        asked.credentials = Some(Credentials::of_project(user.map(str::to_owned), token.into()));
        asked
    };
    let fetched = with(&host, None, TOKEN).fetch(&scratch.path().join("a")).await.unwrap();
    assert_eq!(fetched.commit.hash.as_str(), hash);

    let named = Rules { user: "x-token-auth", token: Some(TOKEN), ..Rules::default() };
    let (_other_root, other, hash) = host_with_site(named).await;
    let fetched = with(&other, Some("x-token-auth"), TOKEN).fetch(&scratch.path().join("b")).await.unwrap();
    assert_eq!(fetched.commit.hash.as_str(), hash);

    for asked in [with(&other, None, TOKEN), with(&other, Some("x-token-auth"), "expired")] {
        let failure = asked.failure().await;
        assert_eq!((failure.title.as_str(), failure.setting.as_deref()), ("no access to site/.git", Some("repoToken")));
        assert!(failure.detail.contains("refused the project's access token"), "{}", failure.detail);
        assert!(failure.detail.contains("repoUser") && !failure.detail.contains(TOKEN), "{}", failure.detail);
    }
    let failure = Asked::of(host.url("site/.git")).failure().await;
    assert_eq!(failure.title, "site/.git is private or does not exist");
    assert_eq!(failure.setting.as_deref(), Some("repoToken"));
}

#[tokio::test]
async fn a_renamed_repository_is_followed_on_its_own_host_only() {
    let (_root, host, hash) =
        host_with_site(Rules { renamed: Some(("/old", "/site/.git".to_owned())), ..Rules::default() }).await;
    let scratch = tempfile::tempdir().unwrap();
    let fetched = Asked::of(host.url("old")).fetch(&scratch.path().join("a")).await.unwrap();
    assert_eq!(fetched.commit.hash.as_str(), hash);

    // Another port is another host: nothing reaches it, least of all the token.
    let elsewhere = Rules { renamed: Some(("/site", format!("http://{}/site", host.address))), ..Rules::default() };
    let before = host.seen.lock().unwrap().len();
    let (_root, other, _) = host_with_site(elsewhere).await;
    let mut asked = Asked::of(other.url("site/.git"));
    asked.credentials = Some(Credentials::of_project(None, "s3cret-token".into()));
    let (code, words) = asked.fails().await;
    assert_eq!(code, FailureCode::SourceForbidden);
    assert!(words.contains("leads to another host") && !words.contains("s3cret"), "{words}");
    assert!(other.seen.lock().unwrap().iter().all(|request| request.headers.contains_key("authorization")));
    assert_eq!(host.seen.lock().unwrap().len(), before);
}

#[tokio::test]
async fn private_addresses_get_no_packet() {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let address = listen(move |_, _| {
        count.fetch_add(1, Ordering::SeqCst);
        async {}
    })
    .await;
    let port = address.port();
    for (allow, host) in [("", "127.0.0.1"), ("", "localhost"), ("git.lan", "127.1"), ("10.0.0.0/8", "[::1]")] {
        for scheme in ["http", "https"] {
            let mut asked = Asked::of(format!("{scheme}://{host}:{port}/a/b"));
            asked.allow = allow;
            let (code, words) = asked.fails().await;
            assert_eq!(code, FailureCode::SourceForbidden, "{words}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
    let (code, _) = Asked::of(format!("http://127.0.0.1:{port}/a/b")).fails().await;
    assert_eq!((code, connections.load(Ordering::SeqCst)), (FailureCode::SourceUnavailable, 1));
}

const ADVERTISEMENT: &str = "content-type: application/x-git-upload-pack-advertisement\r\n";

#[tokio::test]
async fn a_host_that_hangs_or_lies_ends_in_words() {
    let silent = listen(|_, stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let began = Instant::now();
    let (_, words) = Asked::of(format!("http://{silent}/a/b")).fails().await;
    assert!(words.contains("stopped answering") && began.elapsed() < Duration::from_secs(20), "{words}");

    let page = listen(|_, mut stream| async move {
        let _ = stream.write_all(&answer("200 OK", "content-type: text/html\r\n", b"<h1>hello</h1>")).await;
    })
    .await;
    assert!(Asked::of(format!("http://{page}/a/b")).fails().await.1.contains("no git repository at this address"));

    let cut = listen(|_, mut stream| async move {
        let head = format!("HTTP/1.1 200 OK\r\n{ADVERTISEMENT}content-length: 1000\r\n\r\n001e# service=git-upload");
        let _ = stream.write_all(head.as_bytes()).await;
    })
    .await;
    assert!(Asked::of(format!("http://{cut}/a/b")).fails().await.1.contains("too early"));

    let nonsense = listen(|_, mut stream| async move {
        let _ = stream.write_all(&answer("200 OK", ADVERTISEMENT, &[b'z'; 4_000])).await;
    })
    .await;
    assert!(Asked::of(format!("http://{nonsense}/a/b")).fails().await.1.contains("no git repository at this address"));

    let circle = listen(|request, mut stream| async move {
        let location = format!("location: {}\r\n", request.target);
        let _ = stream.write_all(&answer("302 Found", &location, b"")).await;
    })
    .await;
    assert!(Asked::of(format!("http://{circle}/a/b")).fails().await.1.contains("in circles"));
}

#[tokio::test]
async fn an_endless_answer_stops_at_its_limit() {
    let endless = listen(|_, mut stream| async move {
        let head =
            format!("HTTP/1.1 200 OK\r\n{ADVERTISEMENT}connection: close\r\n\r\n001e# service=git-upload-pack\n0000");
        let _ = stream.write_all(head.as_bytes()).await;
        let hash = "1".repeat(40);
        let reference = format!("{hash} refs/heads/{}\n", "x".repeat(900));
        let line = format!("{:04x}{reference}", reference.len() + 4).repeat(100);
        while stream.write_all(line.as_bytes()).await.is_ok() {}
    })
    .await;
    let (code, words) = Asked::of(format!("http://{endless}/a/b")).fails().await;
    assert_eq!((code, words.contains("16 MiB")), (FailureCode::SourceTooLarge, true), "{words}");

    let (root, host, _) = host_with_site(Rules::default()).await;
    let noise: String = (0..30_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string()).collect();
    write(&root.path().join("site"), &[("noise.txt", &noise)]);
    commit(&root.path().join("site"), "Noise");
    let mut asked = Asked::of(host.url("site/.git"));
    asked.limits.source_bytes = 100_000;
    let (code, words) = asked.fails().await;
    assert_eq!((code, words.contains("larger than 97.6 KiB")), (FailureCode::SourceTooLarge, true), "{words}");
}

#[tokio::test]
async fn tree_bombs_and_malformed_trees_fail_early() {
    let (root, host, _) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");

    // Ten directories of ten directories …, all the same objects: a few hundred bytes, ten billion files.
    let blob = git(&site, &["hash-object", "-w", "index.html"]);
    let mut tree = make_tree(&site, &format!("100644 blob {blob}\tx\n"));
    for _ in 0..10 {
        let level: String = (0..10).map(|n| format!("040000 tree {tree}\td{n}\n")).collect();
        tree = make_tree(&site, &level);
    }
    let bomb = git(&site, &["commit-tree", &tree, "-m", "Bomb"]);
    git(&site, &["update-ref", "refs/heads/main", &bomb]);
    let mut asked = Asked::of(host.url("site/.git"));
    asked.limits.source_files = 5_000;
    let (code, words) = asked.fails().await;
    assert_eq!(code, FailureCode::SourceTooLarge);
    assert!(words.contains("more than 5000 files"), "{words}");

    for name in ["..", ".git", ".GIT", "."] {
        let hash = raw_tree(&site, &[("100644", name, &blob)]);
        let malformed = git(&site, &["commit-tree", &hash, "-m", "Malformed"]);
        git(&site, &["update-ref", "refs/heads/main", &malformed]);
        let (code, words) = Asked::of(host.url("site/.git")).fails().await;
        assert!(matches!(code, FailureCode::BadRepository | FailureCode::SourceUnavailable), "{name}: {words}");
    }
}

const RESULT: &str = "content-type: application/x-git-upload-pack-result\r\n";

fn line(text: &[u8]) -> Vec<u8> {
    [format!("{:04x}", text.len() + 4).as_bytes(), text].concat()
}

/// What hosts answer who asks for their references: one branch.
fn one_branch() -> Vec<u8> {
    let reference = format!("{} refs/heads/main\0side-band-64k ofs-delta shallow multi_ack\n", "1".repeat(40));
    [line(b"# service=git-upload-pack\n"), b"0000".to_vec(), line(reference.as_bytes()), b"0000".to_vec()].concat()
}

/// The end of a fetch: no further words, and then the pack.
fn with_pack(pack: &[u8]) -> Vec<u8> {
    let lines: Vec<u8> = pack.chunks(60_000).flat_map(|part| line(&[&[1], part].concat())).collect();
    [&b"0000"[..], &line(b"NAK\n"), &lines, b"0000"].concat()
}

/// Answers with one branch and whatever `rest` says to a request for its objects.
async fn host_of_packs(rest: impl Fn(&[u8]) -> Vec<u8> + Send + Sync + 'static) -> std::net::SocketAddr {
    listen(move |request, mut stream| {
        let answer = match request.method.as_str() {
            "GET" => answer("200 OK", ADVERTISEMENT, &one_branch()),
            // How deep it goes is asked for first, and answered alone.
            _ if !request.body.ends_with(b"done\n") => answer("200 OK", RESULT, b"0000"),
            _ => rest(&request.body),
        };
        async move {
            let _ = stream.write_all(&answer).await;
        }
    })
    .await
}

/// The most memory that this process had at once since [`forget_most_memory`], in MiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}

fn forget_most_memory() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[tokio::test]
async fn a_pack_of_a_megabyte_takes_no_gigabyte() {
    const LARGE: usize = 288 << 20;
    let base = [packs::head(packs::BLOB, LARGE), packs::deflated_zeros(LARGE >> 20)].concat();
    let delta = packs::delta(base.len(), &packs::copies(LARGE, 64 << 10, 1));
    let pack = packs::pack(&[base, delta]);
    assert!(pack.len() < 2 << 20);
    let whole = with_pack(&pack);
    let host = host_of_packs(move |_| answer("200 OK", RESULT, &whole)).await;
    forget_most_memory();
    let before = most_memory();
    let (code, words) = Asked::of(format!("http://{host}/a/b")).fails().await;
    assert_eq!((code, words.contains("larger than 100 MiB")), (FailureCode::SourceTooLarge, true), "{words}");
    let grown = most_memory() - before;
    assert!(grown < 256, "{grown} MiB");
}

/// libgit2 reads on where the list of references ends: what a host sends there is judged, too.
#[tokio::test]
async fn a_pack_that_begins_among_the_references_is_judged() {
    let large = [packs::head(packs::BLOB, 4 << 20), packs::deflated_zeros(4)].concat();
    let whole = with_pack(&packs::pack(&[large]));
    let (begun, rest) = ([one_branch(), whole[..100].to_vec()].concat(), whole[100..].to_vec());
    let host = listen(move |request, mut stream| {
        let answer = match request.method.as_str() {
            "GET" => answer("200 OK", ADVERTISEMENT, &begun),
            _ => answer("200 OK", RESULT, &rest),
        };
        async move {
            let _ = stream.write_all(&answer).await;
        }
    })
    .await;
    let mut asked = Asked::of(format!("http://{host}/a/b"));
    asked.limits.source_bytes = 100_000;
    let (code, words) = asked.fails().await;
    assert_eq!((code, words.contains("unpacks to more than")), (FailureCode::SourceTooLarge, true), "{words}");
}

/// A pack that ends too early, and one that never does.
#[tokio::test]
async fn a_pack_that_is_cut_off_or_drips_ends_with_its_build() {
    let noise: Vec<u8> = (0..20_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let whole = with_pack(&packs::pack(&[packs::entry(packs::BLOB, &noise)]));
    let half = whole[..whole.len() / 2].to_vec();
    let ended = half.clone();
    let cut = host_of_packs(move |_| answer("200 OK", RESULT, &ended)).await;
    let (code, words) = Asked::of(format!("http://{cut}/a/b")).fails().await;
    assert!(code == FailureCode::SourceUnavailable && words.contains("too early"), "{words}");
    let length = format!("{RESULT}content-length: {}\r\n", whole.len());
    let broken = host_of_packs(move |_| [format!("HTTP/1.1 200 OK\r\n{length}\r\n").as_bytes(), &half].concat()).await;
    let (code, words) = Asked::of(format!("http://{broken}/a/b")).fails().await;
    assert!(code == FailureCode::SourceUnavailable && words.contains("too early"), "{words}");

    // A byte now and then is no silence: only the build's own limit ends it, which drops the fetch.
    let dripping = listen(move |request, mut stream| {
        let whole = whole.clone();
        async move {
            let _ = match request.method.as_str() {
                "GET" => stream.write_all(&answer("200 OK", ADVERTISEMENT, &one_branch())).await,
                _ if !request.body.ends_with(b"done\n") => stream.write_all(&answer("200 OK", RESULT, b"0000")).await,
                _ => {
                    let head = format!("HTTP/1.1 200 OK\r\n{RESULT}connection: close\r\n\r\n");
                    let _ = stream.write_all(head.as_bytes()).await;
                    for byte in whole {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        if stream.write_all(&[byte]).await.is_err() {
                            break;
                        }
                    }
                    Ok(())
                }
            };
        }
    })
    .await;
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("source");
    let fetching = Asked::of(format!("http://{dripping}/a/b")).fetch(&directory);
    assert!(tokio::time::timeout(Duration::from_secs(7), fetching).await.is_err(), "it goes on past a silence's limit");
    let removed = async {
        while directory.exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), removed).await.expect("its thread ends, its directory goes");
}

/// What is small in git, and large in memory.
#[tokio::test]
async fn long_messages_and_long_paths_fail_early() {
    let (root, host, _) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");
    let tree = git(&site, &["rev-parse", "HEAD^{tree}"]);
    std::fs::write(root.path().join("message"), "long ".repeat(300_000)).unwrap();
    let message = root.path().join("message");
    let long = git(&site, &["commit-tree", &tree, "-F", message.to_str().unwrap()]);
    git(&site, &["update-ref", "refs/heads/main", &long]);
    let (code, words) = Asked::of(host.url("site/.git")).fails().await;
    assert!(code == FailureCode::BadRepository && words.contains("larger than 1 MiB"), "{words}");

    let blob = git(&site, &["hash-object", "-w", "index.html"]);
    let files: String = (0..20_000).map(|n| format!("100644 blob {blob}\t{n}\n")).collect();
    let mut tree = make_tree(&site, &files);
    for _ in 0..15 {
        tree = make_tree(&site, &format!("040000 tree {tree}\t{}\n", "d".repeat(255)));
    }
    let long = git(&site, &["commit-tree", &tree, "-m", "Long"]);
    git(&site, &["update-ref", "refs/heads/main", &long]);
    let (code, words) = Asked::of(host.url("site/.git")).fails().await;
    assert!(code == FailureCode::BadRepository && words.contains("64 MiB together"), "{words}");
}

#[tokio::test]
async fn submodules_and_lfs_files_are_noted() {
    let (root, host, hash) = host_with_site(Rules::default()).await;
    let site = root.path().join("site");
    let pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:".to_owned() + &"0".repeat(64) + "\nsize 12345\n";
    write(&site, &[(".gitattributes", "*.mp4 filter=lfs diff=lfs\n"), ("film.mp4", &pointer)]);
    git(&site, &["update-index", "--add", "--cacheinfo", &format!("160000,{hash},theme")]);
    git(&site, &["add", ".gitattributes", "film.mp4"]);
    git(&site, &["commit", "-q", "-m", "Links elsewhere"]);
    let scratch = tempfile::tempdir().unwrap();
    let fetched = Asked::of(host.url("site/.git")).fetch(&scratch.path().join("a")).await.unwrap();
    assert!(fetched.notes[0].starts_with("theme is a submodule"), "{:?}", fetched.notes);
    assert!(fetched.notes[1].starts_with("film.mp4 is kept in git LFS"), "{:?}", fetched.notes);
    assert!(!fetched.checkout.has_directory("theme"));
}

#[tokio::test]
async fn canceling_ends_a_fetch_at_once() {
    let silent = listen(|_, stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    install_tls();
    let patient = Source::new(SourceAllow::parse("127.0.0.1").unwrap(), SourceTimeouts::default()).unwrap();
    let (url, branch) = (RepoUrl::parse(&format!("http://{silent}/a/b")).unwrap(), BranchName::parse("main").unwrap());
    let cancel = CancellationToken::new();
    let scratch = tempfile::tempdir().unwrap();
    let stop = cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    let began = Instant::now();
    let request = FetchRequest { url: &url, branch: &branch, fork: None, commit: None, credentials: None };
    let limits = BuildLimits::default();
    let error = patient.fetch(request, &limits, &scratch.path().join("a"), &cancel).await.unwrap_err();
    assert!(matches!(error, BuildError::Canceled), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(10));
}

fn make_tree(repository: &Path, listing: &str) -> String {
    pipe(repository, &["mktree"], listing.as_bytes())
}

/// A tree that git's own tools would not make.
fn raw_tree(repository: &Path, entries: &[(&str, &str, &str)]) -> String {
    let mut bytes = Vec::new();
    for (mode, name, hash) in entries {
        bytes.extend(format!("{mode} {name}\0").bytes());
        bytes.extend(hex::decode(hash).unwrap());
    }
    pipe(repository, &["hash-object", "-t", "tree", "-w", "--stdin", "--literally"], &bytes)
}

fn pipe(repository: &Path, arguments: &[&str], input: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = std::process::Command::new("git")
        .args(arguments)
        .current_dir(repository)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
