//! As much of GitHub as reports need: it remembers what it is told, and can be told what to answer.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, LOCATION};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

/// A call, in the order of arrival.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Whose token it came with.
    pub(crate) token: String,
    pub(crate) body: Value,
}

/// What becomes of the next call.
pub(crate) enum Next {
    /// It is refused with this status and message, and nothing happens.
    Refused(u16, &'static str),
    /// It belongs there.
    Moved(u16, String),
}

#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) calls: Vec<Call>,
    pub(crate) next: VecDeque<Next>,
    /// Number, writer and text.
    pub(crate) comments: Vec<(i64, String, String)>,
    /// Whether comments are made, and the answers lost on their way.
    pub(crate) loses_comments: bool,
    /// Tokens of people who may read here and not write.
    pub(crate) readers: HashSet<String>,
    last: i64,
}

/// A GitHub on a port of its own.
pub(crate) struct FakeGithub {
    pub(crate) url: Url,
    memory: Arc<Mutex<Memory>>,
}

impl FakeGithub {
    pub(crate) async fn start() -> Self {
        let memory = Arc::<Mutex<Memory>>::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&memory));
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, memory }
    }

    pub(crate) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    /// The calls since the last time.
    pub(crate) fn heard(&self) -> Vec<Call> {
        std::mem::take(&mut self.memory().calls)
    }
}

async fn answer(State(memory): State<Arc<Mutex<Memory>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = to_bytes(body, 1 << 20).await.unwrap();
    let token = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        token: token.trim_start_matches("Bearer ").to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let mut memory = memory.lock().unwrap();
    memory.calls.push(call.clone());
    match memory.next.pop_front() {
        None => {
            let done = memory.done(&call);
            let is_new_comment = call.method == Method::POST && call.path.ends_with("/comments");
            if memory.loses_comments && is_new_comment { refused(502, "Bad Gateway") } else { done }
        }
        Some(Next::Refused(status, message)) => refused(status, message),
        Some(Next::Moved(status, to)) => (StatusCode::from_u16(status).unwrap(), [(LOCATION, to)]).into_response(),
    }
}

fn refused(status: u16, message: &str) -> Response {
    let headers = [("x-ratelimit-remaining", "4999")];
    (StatusCode::from_u16(status).unwrap(), headers, json!({"message": message}).to_string()).into_response()
}

impl Memory {
    fn done(&mut self, call: &Call) -> Response {
        let comments = call.path.contains("/issues/");
        if !comments && self.readers.contains(&call.token) {
            return refused(403, "Must have push access to the repository.");
        }
        self.last += 1;
        let text = call.body["body"].as_str().unwrap_or_default().to_owned();
        if comments && call.method == Method::POST {
            self.comments.push((self.last, call.token.clone(), text));
        } else if comments && call.method == Method::PATCH {
            let number = call.path.rsplit('/').next().and_then(|number| number.parse().ok());
            let Some(comment) = self.comments.iter_mut().find(|comment| Some(comment.0) == number) else {
                return refused(404, "Not Found");
            };
            if comment.1 != call.token {
                return refused(403, "You may not edit somebody else's comment.");
            }
            comment.2 = text;
        } else if comments {
            let writer = |token: &str| token.trim_start_matches("token of ").parse::<i64>().unwrap();
            let shown = |(id, token, text): &(i64, String, String)| json!({"id": id, "user": {"id": writer(token)}, "body": text});
            return json!(self.comments.iter().map(shown).collect::<Vec<_>>()).to_string().into_response();
        }
        (StatusCode::CREATED, json!({"id": self.last}).to_string()).into_response()
    }
}
