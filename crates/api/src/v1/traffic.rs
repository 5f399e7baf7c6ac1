//! What visitors of a project ask for: counted, and as it happens.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use berth_model::{
    AccessEvent, AccessLine, Latency, ProjectId, StatusClasses, Timestamp, Traffic, TrafficMinute, UserId,
};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, interval_at};
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::auth::Caller;
use crate::error::{ApiError, ErrorBody, ErrorCode};
use crate::input::{Id, Params};

/// Who watch requests or follow commands at once, of all accounts.
const WATCHING_AT_ONCE: usize = 64;
/// The same of one account.
const WATCHING_OF_ONE: usize = 8;
/// Who takes nothing for so long is taken for gone.
const TAKEN_WITHIN: Duration = Duration::from_secs(60);
/// Lines that wait for a connection to take them; more wait, and get lost, where they come from.
const WAITING: usize = 16;
/// How often who watches is looked at again, and hears that the connection stands.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// What the hosts of a project answered: production's, the previews', and each deployment's own.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrafficBody {
    /// When counting began: at Berth's start.
    since: Timestamp,
    requests: u64,
    statuses: StatusesBody,
    /// Bytes of bodies that were handed to visitors' connections.
    bytes: u64,
    /// Answers whose content was in memory, or with the visitor already (304).
    cache_hits: u64,
    /// How long answers took, in seconds; `null` if there was none.
    latency: Option<LatencyBody>,
    /// The minutes of the last hour in which somebody asked for something, oldest first.
    minutes: Vec<MinuteBody>,
}

/// Answers by the first digit of their status.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatusesBody {
    #[serde(rename = "2xx")]
    ok: u64,
    #[serde(rename = "3xx")]
    elsewhere: u64,
    #[serde(rename = "4xx")]
    refused: u64,
    #[serde(rename = "5xx")]
    failed: u64,
}

/// Percentiles in seconds, from a request's head until the last byte was handed to the connection. Each is off by a
/// fifth at most.
#[derive(Serialize, ToSchema)]
pub(crate) struct LatencyBody {
    p50: f64,
    p90: f64,
    p99: f64,
}

/// What was answered in one minute.
#[derive(Serialize, ToSchema)]
pub(crate) struct MinuteBody {
    /// When it began.
    from: Timestamp,
    requests: u64,
    bytes: u64,
}

impl TrafficBody {
    fn of(since: Timestamp, traffic: Traffic) -> Self {
        let StatusClasses([ok, elsewhere, refused, failed]) = traffic.statuses;
        let seconds = |latency: Latency| LatencyBody {
            p50: latency.p50.as_secs_f64(),
            p90: latency.p90.as_secs_f64(),
            p99: latency.p99.as_secs_f64(),
        };
        let minute = |TrafficMinute { from, requests, bytes }| MinuteBody { from, requests, bytes };
        Self {
            since,
            requests: traffic.requests(),
            statuses: StatusesBody { ok, elsewhere, refused, failed },
            bytes: traffic.bytes,
            cache_hits: traffic.cache_hits,
            latency: traffic.latency.map(seconds),
            minutes: traffic.minutes.into_iter().map(minute).collect(),
        }
    }
}

/// What visitors asked for since Berth started. A restart begins anew.
#[utoipa::path(get, path = "/api/v1/projects/{id}/traffic", tag = "traffic", params(("id" = i64, Path)), responses(
    (status = 200, body = TrafficBody), (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
))]
pub(crate) async fn read(State(api): State<Api>, caller: Caller, Id(id): Id) -> Result<Json<TrafficBody>, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?.id;
    Ok(Json(TrafficBody::of(api.observer.since(), api.observer.traffic(project))))
}

/// One request and its answer. It has no cookie and no credentials; a query stands in `path`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AccessLineBody<'a> {
    /// When the request came.
    time: Timestamp,
    #[schema(value_type = String)]
    client: IpAddr,
    host: &'a str,
    method: &'a str,
    path: &'a str,
    protocol: &'a str,
    status: u16,
    bytes: u64,
    /// Until the last byte was handed to the connection.
    seconds: f64,
    cache_hit: bool,
    referer: Option<&'a str>,
    user_agent: Option<&'a str>,
}

/// Lines that came faster than they were read, and are gone.
#[derive(Serialize)]
struct LostBody {
    lost: u64,
}

/// How the lines are written.
#[derive(Clone, Copy)]
enum Format {
    /// A JSON object a line.
    Json,
    /// As web servers have always written it.
    Combined,
}

/// What of the access log is asked for.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AccessLogQuery {
    /// So many of the last requests, oldest first, instead of those to come; Berth has at most 64.
    last: Option<u32>,
}

/// The requests for a project's hosts from now on, a line each when it was answered, for as long as the client stays; or
/// the `last` ones. NDJSON; with `Accept: text/plain` the combined log format. Every 20 seconds there is an empty line. A
/// client that reads too slowly loses lines, and is told how many (`{"lost": 12}`).
#[utoipa::path(get, path = "/api/v1/projects/{id}/access-log", tag = "traffic", params(("id" = i64, Path), AccessLogQuery), responses(
    (status = 200, content((AccessLineBody = "application/x-ndjson"), (String = "text/plain"))),
    (status = 401, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 429, description = "Too many watch already", body = ErrorBody),
))]
pub(crate) async fn watch(
    State(api): State<Api>,
    caller: Caller,
    Id(id): Id,
    Params(query): Params<AccessLogQuery>,
    parts: Parts,
) -> Result<Response, ApiError> {
    let project = api.store.project(caller.access(), ProjectId(id)).await?.id;
    let format = Format::wanted(&parts.headers);
    if let Some(most) = query.last {
        let lines = api.observer.last(project, usize::try_from(most).unwrap_or(usize::MAX));
        let text: String = lines.into_iter().map(|line| format.line(&AccessEvent::Line(line))).collect();
        return Ok(([(CONTENT_TYPE, format.content_type())], text).into_response());
    }
    let turn = api.watching.turn(caller.user.id)?;
    let watcher = Watcher {
        events: api.observer.watch(project),
        look: interval_at(Instant::now() + LOOK_AGAIN, LOOK_AGAIN),
        api,
        parts,
        project,
        format,
        _turn: turn,
    };
    // A task, not the body: it asks again whether they may watch though their connection takes nothing.
    let (lines, taken) = mpsc::channel(WAITING);
    tokio::spawn(watcher.tell(lines));
    let body =
        stream::unfold(taken, |mut taken| async move { Some((Ok::<_, Infallible>(taken.recv().await?), taken)) });
    let headers = [
        (CONTENT_TYPE.as_str(), format.content_type()),
        // For a proxy in front: a line is wanted when it is there.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

/// Who watch now.
#[derive(Debug, Default)]
pub(crate) struct Watchers(Mutex<Vec<(UserId, Weak<()>)>>);

impl Watchers {
    /// A turn, for as long as it is held.
    pub(super) fn turn(&self, user: UserId) -> Result<Arc<()>, ApiError> {
        let mut watching = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watching.retain(|(_, turn)| turn.strong_count() > 0);
        let own = watching.iter().filter(|(whose, _)| *whose == user).count();
        let who = match (own, watching.len()) {
            (WATCHING_OF_ONE.., _) => format!("{WATCHING_OF_ONE} clients of this account"),
            (_, WATCHING_AT_ONCE..) => format!("{WATCHING_AT_ONCE} clients"),
            _ => {
                let turn = Arc::new(());
                watching.push((user, Arc::downgrade(&turn)));
                return Ok(turn);
            }
        };
        let text = format!("{who} watch requests or follow commands already; end one, or try again later");
        Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyWatchers, text))
    }
}

/// Somebody who watches.
struct Watcher {
    events: BoxStream<'static, AccessEvent>,
    look: Interval,
    api: Api,
    /// What they asked with.
    parts: Parts,
    project: ProjectId,
    format: Format,
    _turn: Arc<()>,
}

impl Watcher {
    /// Tells them until they leave, may not stay, or take nothing any more.
    async fn tell(mut self, lines: mpsc::Sender<Bytes>) {
        let stop = self.api.stop.clone();
        loop {
            let line = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = lines.closed() => return,
                _ = self.look.tick() => match self.may_stay().await {
                    true => "\n".to_owned(),
                    false => return,
                },
                event = self.events.next() => match event {
                    Some(event) => self.format.line(&event),
                    None => return,
                },
            };
            if lines.send_timeout(line.into(), TAKEN_WITHIN).await.is_err() {
                return;
            }
        }
    }

    /// Whether they may still ask, and the project still theirs. A database that is away sends nobody away.
    async fn may_stay(&mut self) -> bool {
        match Caller::from_request_parts(&mut self.parts, &self.api).await {
            Ok(caller) => match self.api.store.project(caller.access(), self.project).await {
                Ok(_) => true,
                Err(error) => error.is_unavailable(),
            },
            Err(refused) => refused.status().is_server_error(),
        }
    }
}

impl Format {
    fn wanted(headers: &HeaderMap) -> Self {
        let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut kinds = accepted.flat_map(|value| value.split(','));
        match kinds
            .any(|kind| kind.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/plain")))
        {
            true => Self::Combined,
            false => Self::Json,
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/x-ndjson",
            Self::Combined => "text/plain; charset=utf-8",
        }
    }

    fn line(self, event: &AccessEvent) -> String {
        match (self, event) {
            (Self::Json, AccessEvent::Line(line)) => json(&AccessLineBody::of(line)),
            (Self::Json, AccessEvent::Lost(lost)) => json(&LostBody { lost: *lost }),
            (Self::Combined, AccessEvent::Line(line)) => combined(line),
            (Self::Combined, AccessEvent::Lost(lost)) => format!("# {lost} lines came faster than they were read\n"),
        }
    }
}

impl<'a> AccessLineBody<'a> {
    fn of(line: &'a AccessLine) -> Self {
        Self {
            time: line.time,
            client: line.client,
            host: &line.host,
            method: &line.method,
            path: &line.target,
            protocol: line.version,
            status: line.status,
            bytes: line.bytes,
            seconds: line.took.as_secs_f64(),
            cache_hit: line.cache_hit,
            referer: line.referer.as_deref(),
            user_agent: line.user_agent.as_deref(),
        }
    }
}

fn json(line: &impl Serialize) -> String {
    // Our own structs, with text keys: this cannot fail.
    serde_json::to_string(line).unwrap_or_default() + "\n"
}

/// `client - - [time] "request" status bytes "referer" "user agent"`.
fn combined(line: &AccessLine) -> String {
    let quoted = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), escaped);
    format!(
        "{} - - [{}] \"{} {} {}\" {} {} \"{}\" \"{}\"\n",
        line.client,
        common_time(line.time),
        escaped(&line.method),
        escaped(&line.target),
        line.version,
        line.status,
        line.bytes,
        quoted(line.referer.as_deref()),
        quoted(line.user_agent.as_deref()),
    )
}

/// `21/Nov/2026:09:30:00 +0000`.
fn common_time(time: Timestamp) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = time.to_string();
    let month = text[5..7].parse::<usize>().ok().and_then(|month| MONTHS.get(month - 1)).unwrap_or(&"Jan");
    format!("{}/{month}/{}:{} +0000", &text[8..10], &text[..4], &text[11..19])
}

/// What could end a field or a line is written as `\xHH`.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' | 0..0x20 | 0x7f.. => escaped += &format!("\\x{byte:02X}"),
            plain => escaped.push(char::from(plain)),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn a_line_of_the_combined_format_stays_one_line() {
        let line = AccessLine {
            time: Timestamp(1_795_253_400_250_000),
            client: Ipv4Addr::new(192, 0, 2, 7).into(),
            host: "shop.example.org".to_owned(),
            method: "GET".to_owned(),
            target: "/a?b=\"c\"".to_owned(),
            version: "HTTP/1.1",
            status: 206,
            bytes: 17,
            took: Duration::from_micros(80),
            cache_hit: false,
            referer: None,
            user_agent: Some("me\n192.0.2.8 - - \\ ü".to_owned()),
        };
        let expected = "192.0.2.7 - - [21/Nov/2026:09:30:00 +0000] \"GET /a?b=\\x22c\\x22 HTTP/1.1\" 206 17 \"-\" \
                        \"me\\x0A192.0.2.8 - - \\x5C \\xC3\\xBC\"\n";
        assert_eq!(combined(&line), expected);
    }

    #[test]
    fn nobody_watches_for_everybody() {
        let watchers = Watchers::default();
        let mut own: Vec<_> = (0..8).map(|_| watchers.turn(UserId(1)).unwrap()).collect();
        assert!(watchers.turn(UserId(1)).unwrap_err().message().contains("of this account"));
        let others: Vec<_> = (0..56).map(|number| watchers.turn(UserId(2 + number / 8)).unwrap()).collect();
        assert_eq!(watchers.turn(UserId(100)).unwrap_err().status(), StatusCode::TOO_MANY_REQUESTS);
        own.pop();
        assert!(watchers.turn(UserId(100)).is_ok(), "a turn ends when it is let go");
        drop(others);
    }

    #[test]
    fn text_is_for_who_asks_for_it() {
        let format = |accept: &'static str| {
            Format::wanted(&HeaderMap::from_iter([(ACCEPT, http::HeaderValue::from_static(accept))])).content_type()
        };
        assert_eq!(format("*/*"), "application/x-ndjson");
        assert_eq!(format("application/x-ndjson"), "application/x-ndjson");
        assert_eq!(format("text/html, text/plain;q=0.5"), "text/plain; charset=utf-8");
    }
}
