//! Requests made of the OpenAPI document, most of them wrong somewhere: none may be answered with a 5xx.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Tally;
use super::dice::Dice;
use super::values::{mutate, parameter, text, value};
use crate::webhook::{fresh_id, sign};
use crate::{Database, Project, Session, WEBHOOK_SECRET, World, push_payload};

const DOCUMENT: &str = include_str!("../../../web/openapi.json");

/// So many connections ask at once.
const AT_ONCE: u64 = 8;

/// Routes that are not in the document: those of existing clients, of hooks and of operators.
const OTHER_ROUTES: &[(&str, &str)] = &[
    ("GET", "/health"),
    ("GET", "/api"),
    ("GET", "/api/repo/orgs"),
    ("GET", "/api/repo/repos"),
    ("POST", "/api/project"),
    ("GET", "/api/project/projects"),
    ("PUT", "/api/project/projects/{id}"),
    ("DELETE", "/api/project/secret/{id}"),
    ("POST", "/api/build/rebuild/{id}"),
    ("GET", "/api/build/{id}"),
    ("PUT", "/api/deploy/rollback"),
    ("GET", "/api/deploy/deployments/{id}"),
    ("GET", "/api/auth/github/callback"),
    ("POST", "/api/hooks/{id}"),
    ("POST", "/api/deploy-hooks/{id}"),
    ("GET", "/socket.io/"),
    ("GET", "/{id}"),
];

/// One thing that can be asked for.
struct Operation {
    method: Method,
    path: String,
    queries: Vec<String>,
    body: Option<(String, Value)>,
}

/// What the tasks share.
struct Fuzz {
    client: reqwest::Client,
    origin: String,
    token: String,
    operations: Vec<Operation>,
    schemas: Value,
    payload: Value,
    /// Numbers of things that there are.
    known: Vec<i64>,
    tally: Mutex<Tally>,
    /// How often each status was the answer.
    statuses: Mutex<BTreeMap<u16, u64>>,
}

/// Sends so many requests, and as many of webhooks as a tenth of them; a 5xx is a failure. Afterwards Berth must be well:
/// ready, its site served, and no panic in its log.
///
/// # Errors
/// When the world breaks otherwise.
pub async fn fuzz_requests(database: &Database, seed: u64, requests: u64) -> Result<Tally> {
    let world =
        World::open(database, &[("BERTH_SIGNUP", "open"), ("BERTH_LIMIT_STRANGERS", "0"), ("BERTH_LIMIT_WRITES", "0")])
            .await?;
    let project = world.open_pages("target", "The page that stays").await?;
    let (mut tally, mut statuses) = (Tally::default(), BTreeMap::new());
    // A request may end the session that asks: each portion begins with a new one.
    for (number, portion) in portions(requests).enumerate() {
        let session = Session::over_oauth(&world.berth, &world.github).await?;
        let number = u64::try_from(number)?;
        tally.add(ask(&world, &project, &session, seed.wrapping_add(number << 32), portion, &mut statuses).await?);
    }
    ensure!(world.berth.request("GET", "/health/ready").send().await?.status() == 200, "it is not ready any more");
    let log = world.berth.log()?;
    if let Some(line) = log.lines().find(|line| line.contains("panicked")) {
        tally.failures.push(format!("a panic: {line}"));
    }
    let projects = world.github.repo("after")?;
    projects.say("After all of it")?;
    let again = Session::over_oauth(&world.berth, &world.github).await?;
    again.get("/api/v1/me").await?.expect(200)?;
    // A Berth that refuses everything has no faults either.
    let done = statuses.range(200..300).map(|(_, times)| times).sum::<u64>();
    if done * 10 < tally.tried {
        tally.failures.push(format!("only {done} of {} requests were right: {statuses:?}", tally.tried));
    }
    tally.note = format!("seed {seed}, answers {statuses:?}");
    if tally.failures.is_empty() {
        world.close().await?;
    }
    Ok(tally)
}

fn portions(requests: u64) -> impl Iterator<Item = u64> {
    const PORTION: u64 = 500;
    (0..requests.div_ceil(PORTION)).map(move |number| PORTION.min(requests - number * PORTION))
}

async fn ask(
    world: &World,
    project: &Project,
    session: &Session,
    seed: u64,
    requests: u64,
    statuses: &mut BTreeMap<u16, u64>,
) -> Result<Tally> {
    let document: Value = serde_json::from_str(DOCUMENT)?;
    let fuzz = Arc::new(Fuzz {
        client: world.berth.client().clone(),
        origin: world.berth.origin(),
        token: session.token.clone(),
        operations: operations(&document)?,
        schemas: document["components"]["schemas"].clone(),
        payload: push_payload(&project.repo, &project.repo.head()?)?,
        known: (1..=3).chain([project.id, project.first_build]).collect(),
        tally: Mutex::default(),
        statuses: Mutex::default(),
    });
    let mut asking = JoinSet::new();
    for lane in 0..AT_ONCE {
        let fuzz = Arc::clone(&fuzz);
        let share = requests / AT_ONCE + u64::from(lane < requests % AT_ONCE);
        asking.spawn(async move {
            let mut dice = Dice::of(seed ^ (lane << 48));
            for _ in 0..share {
                fuzz.one(&mut dice).await;
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked?;
    }
    for (status, times) in fuzz.statuses.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        *statuses.entry(*status).or_default() += times;
    }
    let tally = std::mem::take(&mut *fuzz.tally.lock().unwrap_or_else(PoisonError::into_inner));
    Ok(tally)
}

impl Fuzz {
    async fn one(&self, dice: &mut Dice) {
        let (told, request) = if dice.one_in(10) { self.delivery(dice) } else { self.request(dice) };
        let answer = request.send().await;
        if let Ok(answer) = &answer {
            let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
            *statuses.entry(answer.status().as_u16()).or_default() += 1;
        }
        let outcome = match answer {
            Ok(answer) if answer.status().is_server_error() => {
                let status = answer.status();
                let said = answer.text().await.unwrap_or_default();
                Err(anyhow::anyhow!("{status} for {told}: {said}"))
            }
            Ok(answer) => answer.bytes().await.map(drop).with_context(|| format!("{told}: the answer broke off")),
            // What cannot be sent at all is no request.
            Err(error) if error.is_builder() => return,
            Err(error) => Err(anyhow::Error::from(error).context(told)),
        };
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).count(outcome);
    }

    fn request(&self, dice: &mut Dice) -> (String, reqwest::RequestBuilder) {
        let operation = dice.pick(&self.operations);
        let mut path = String::new();
        for part in operation.path.split('/').skip(1) {
            path.push('/');
            path += &if part.starts_with('{') { encoded(&parameter(dice, &self.known)) } else { part.to_owned() };
        }
        let mut queries = Vec::new();
        for name in &operation.queries {
            if dice.one_in(2) {
                queries.push(format!("{name}={}", encoded(&parameter(dice, &self.known))));
            }
        }
        let mut told = format!("{} {path}?{}", operation.method, queries.join("&"));
        let url = format!("{}{path}?{}", self.origin, queries.join("&"));
        let mut request = self.client.request(operation.method.clone(), url);
        request = match dice.below(10) {
            0 => request,
            1 => request.bearer_auth(text(dice).replace(|sign: char| !sign.is_ascii_graphic(), "")),
            _ => request.bearer_auth(&self.token),
        };
        if let Some((content_type, schema)) = &operation.body {
            let (content_type, body) = self.body(dice, content_type, schema);
            told +=
                &format!(" {content_type}: {}", String::from_utf8_lossy(&body).chars().take(600).collect::<String>());
            request = request.header("content-type", content_type).body(body);
        }
        (told, request)
    }

    fn body(&self, dice: &mut Dice, content_type: &str, schema: &Value) -> (String, Vec<u8>) {
        let content_type = if dice.one_in(30) { "text/plain" } else { content_type };
        let body = match dice.below(20) {
            0 => Vec::new(),
            1 => b"{\"name\":".to_vec(),
            2 => "[".repeat(dice.below(5_000)).into_bytes(),
            3 => b"{\"name\":\"\\ud800\",\"id\":1e400}".to_vec(),
            4 => vec![0xff, 0xfe, 0x00],
            _ => value(dice, &self.schemas, schema, 0).to_string().into_bytes(),
        };
        (content_type.to_owned(), body)
    }

    /// A delivery that is signed, and not as it should be.
    fn delivery(&self, dice: &mut Dice) -> (String, reqwest::RequestBuilder) {
        let mut payload = self.payload.clone();
        for _ in 0..=dice.below(3) {
            mutate(dice, &mut payload);
        }
        let mut body = payload.to_string().into_bytes();
        if dice.one_in(10) {
            body.truncate(dice.below(body.len()));
        }
        let event = *dice.pick(&["push", "push", "ping", "pull_request", "installation", "", "delete"]);
        let told = format!("{event}: {}", String::from_utf8_lossy(&body));
        let request = self.client.post(format!("{}/api/webhook", self.origin));
        let request = request
            .header("content-type", "application/json")
            .header("x-github-event", event)
            .header("x-github-delivery", fresh_id())
            .header("x-hub-signature-256", sign(WEBHOOK_SECRET, &body));
        (told, request.body(body))
    }
}

/// Every operation of the document, and the routes beside it. Left out: what ends the account that asks.
fn operations(document: &Value) -> Result<Vec<Operation>> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().context("the document has paths")? {
        for (method, described) in methods.as_object().into_iter().flatten() {
            let Ok(method) = method.to_ascii_uppercase().parse::<Method>() else { continue };
            let parameters = described["parameters"].as_array().cloned().unwrap_or_default();
            let queries = parameters.iter().filter(|one| one["in"] == "query");
            let content = described["requestBody"]["content"].as_object();
            let body = content.and_then(|content| content.iter().next());
            found.push(Operation {
                method,
                path: path.clone(),
                queries: queries.filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect(),
                body: body.map(|(content_type, of)| (content_type.clone(), of["schema"].clone())),
            });
        }
    }
    ensure!(found.len() > 60, "only {} operations in the document", found.len());
    for (method, path) in OTHER_ROUTES {
        let has_body = matches!(*method, "POST" | "PUT");
        let form = json!({"$ref": "#/components/schemas/NewProjectForm"});
        found.push(Operation {
            method: method.parse()?,
            path: (*path).to_owned(),
            queries: ["org", "latest", "prev", "state", "code", "EIO", "transport"].map(str::to_owned).to_vec(),
            body: has_body.then(|| ("application/json".to_owned(), form)),
        });
    }
    Ok(found)
}

/// As a part of a path or a query; some of it as it is, for who does not encode.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
