//! `git http-backend` behind a small HTTP/1.1 front: one request per connection, as CGI.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A running host; ends with the test's runtime.
pub(crate) struct GitHost {
    pub(crate) address: SocketAddr,
    /// Every request line and authorization that arrived.
    pub(crate) seen: Arc<Mutex<Vec<Request>>>,
    meanwhile: Arc<Mutex<Option<Meanwhile>>>,
}

type Meanwhile = Box<dyn FnOnce() + Send>;

#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What the host does besides serving.
#[derive(Clone)]
pub(crate) struct Rules {
    /// The user that goes with the token.
    pub(crate) user: &'static str,
    /// Requests without this token get 401.
    pub(crate) token: Option<&'static str>,
    /// Requests with any token get 401.
    pub(crate) refuses_tokens: bool,
    /// Paths below the first are redirected to the second.
    pub(crate) renamed: Option<(&'static str, String)>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { user: "x-access-token", token: None, refuses_tokens: false, renamed: None }
    }
}

impl GitHost {
    /// Serves every repository below `root`.
    pub(crate) async fn start(root: PathBuf, rules: Rules) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let meanwhile = Arc::new(Mutex::new(None::<Meanwhile>));
        let (log, then) = (seen.clone(), meanwhile.clone());
        let address = listen(move |request, mut stream| {
            log.lock().unwrap().push(request.clone());
            let (root, rules, then) = (root.clone(), rules.clone(), then.clone());
            async move {
                let answer = respond(root, rules, request).await;
                if let Some(happens) = then.lock().unwrap().take() {
                    happens();
                }
                let _ = stream.write_all(&answer).await;
            }
        })
        .await;
        Self { address, seen, meanwhile }
    }

    /// Does this between the next answer and the one after it.
    pub(crate) fn meanwhile(&self, happens: impl FnOnce() + Send + 'static) {
        *self.meanwhile.lock().unwrap() = Some(Box::new(happens));
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}

/// Accepts connections on a free loopback port, reads one request of each, and hands both over.
pub(crate) async fn listen<F, Fut>(handle: F) -> SocketAddr
where
    F: Fn(Request, TcpStream) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let handle = handle.clone();
            tokio::spawn(async move {
                if let Some((request, stream)) = read_request(stream).await {
                    handle(request, stream).await;
                }
            });
        }
    });
    address
}

async fn read_request(stream: TcpStream) -> Option<(Request, TcpStream)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).await.ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some((Request { method, target, headers, body }, reader.into_inner()))
}

async fn respond(root: PathBuf, rules: Rules, request: Request) -> Vec<u8> {
    if let Some(token) = rules.token {
        let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{}:{token}", rules.user));
        if request.headers.get("authorization") != Some(&format!("Basic {wanted}")) {
            return answer("401 Unauthorized", "www-authenticate: Basic\r\n", b"");
        }
    }
    if rules.refuses_tokens && request.headers.contains_key("authorization") {
        return answer("401 Unauthorized", "www-authenticate: Basic\r\n", b"");
    }
    if let Some((from, to)) = &rules.renamed
        && let Some(rest) = request.target.strip_prefix(from)
    {
        return answer("301 Moved Permanently", &format!("location: {to}{rest}\r\n"), b"");
    }
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut child = tokio::process::Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "safe.directory")
        .env("GIT_CONFIG_VALUE_0", "*")
        .env("REQUEST_METHOD", &request.method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", request.headers.get("content-type").map_or("", String::as_str))
        .env("CONTENT_LENGTH", request.body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let body = request.body;
    tokio::spawn(async move {
        let _ = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").map_or(output.len(), |at| at + 4);
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head.lines().find_map(|line| line.strip_prefix("Status: ")).unwrap_or("200 OK").to_owned();
    let headers: String = head
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("Status:"))
        .map(|line| format!("{line}\r\n"))
        .collect();
    answer(&status, &headers, &output[end..])
}

pub(crate) fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n", body.len())
            .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
