//! A request for a site becomes an answer. In this order:
//!
//! 1. the method: GET and HEAD; OPTIONS says so, everything else is 405
//! 2. the path, decoded once ([`crate::path`]); tricks are 400 or 404 and end here
//! 3. the file: the exact path, else a clean URL (`/about` → `about.html`, `/dir/` → `dir/index.html`); another form of
//!    an existing address redirects to the one form it has; else a hashed asset of the release before
//! 4. `_redirects`: the first rule that matches and is forced, or stands where there is no file
//! 5. the SPA fallback, for navigations
//! 6. the nearest `404.html` up the tree, or a page of ours
//!
//! Files then go through conditions, ranges and codings, and `_headers` has the last word on their headers.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::response::Builder;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use crate::body::{EdgeBody, FileSlice, Piece, read_cached};
use crate::cache::{MAX_CONTENT, SmallContents};
use crate::conditional::{self, Precondition};
use crate::hashed::is_hashed;
use crate::index::{Coding, Entry};
use crate::negotiate::{coding_for, is_navigation};
use crate::pages;
use crate::path::{self, BadPath};
use crate::range::{self, Ranges};
use crate::release::Release;
use crate::rules::Action;
use crate::site::{Site, Target};

const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");
/// Documents, and every file whose name may come back with other content.
const REVALIDATED: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");
/// Files named by their content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Which deployment an answer came from: an extension of every response that a release gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The deployment's id.
    pub deployment: i64,
}

/// The answer of a site.
pub(crate) fn answer<B>(contents: &SmallContents, site: &Site, host: &str, request: &Request<B>) -> Response<EdgeBody> {
    match *request.method() {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return allowed(StatusCode::NO_CONTENT),
        _ => return allowed(StatusCode::METHOD_NOT_ALLOWED),
    }
    let path = match path::decode(request.uri().path()) {
        Ok(path) => path,
        Err(BadPath::Malformed) => return pages::bad_request("The path of this address is not one."),
        Err(BadPath::TooLong) => return pages::too_long(),
        // Without fallback, and without the site's own page: nothing that was decoded from it is looked up.
        Err(BadPath::Nowhere) => return pages::not_found(),
    };
    match site.target(&path) {
        Some(Target::Release(release)) => {
            let visit = Visit { contents, method: request.method(), headers: request.headers(), path: &path };
            let mut response = visit.answer(site, release, host, request.uri().query());
            // A redirect and our own 404 page are this release's answers, too.
            let extensions = response.extensions_mut();
            if extensions.get::<Served>().is_none() {
                extensions.insert(Served { deployment: release.deployment() });
            }
            response
        }
        Some(Target::NothingYet) | None => pages::nothing_yet(),
        Some(Target::Unavailable) => pages::unavailable(),
    }
}

/// Declares the length, and drops the body for HEAD.
pub(crate) fn finish(method: &Method, mut response: Response<EdgeBody>) -> Response<EdgeBody> {
    let bodiless = matches!(response.status(), StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT);
    if !bodiless && !response.headers().contains_key(header::CONTENT_LENGTH) {
        let length = response.body().length();
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    if method == Method::HEAD {
        *response.body_mut() = EdgeBody::empty();
    }
    response
}

fn allowed(status: StatusCode) -> Response<EdgeBody> {
    let mut response = if status == StatusCode::NO_CONTENT { Response::default() } else { pages::method_not_allowed() };
    *response.status_mut() = status;
    response.headers_mut().insert(header::ALLOW, ALLOWED);
    response
}

/// What a path leads to within one release.
enum Found<'a> {
    File(Entry<'a>),
    /// The file has another address: this one.
    At(String),
}

fn find<'a>(release: &'a Release, path: &str) -> Option<Found<'a>> {
    let index = release.index();
    let key = &path[1..];
    if let Some(directory) = key.strip_suffix('/').or((key.is_empty()).then_some("")) {
        let page = if directory.is_empty() { "index.html".to_owned() } else { format!("{directory}/index.html") };
        if let Some(entry) = index.find(&page) {
            return Some(Found::File(entry));
        }
        let without_slash = !directory.is_empty() && index.find(&format!("{directory}.html")).is_some();
        return without_slash.then(|| Found::At(format!("/{directory}")));
    }
    if let Some(entry) = index.find(key).or_else(|| index.find(&format!("{key}.html"))) {
        return Some(Found::File(entry));
    }
    index.find(&format!("{key}/index.html")).map(|_| Found::At(format!("{path}/")))
}

/// One GET or HEAD for a decoded path.
struct Visit<'a> {
    contents: &'a SmallContents,
    method: &'a Method,
    headers: &'a HeaderMap,
    path: &'a str,
}

impl Visit<'_> {
    fn answer(&self, site: &Site, release: &Release, host: &str, query: Option<&str>) -> Response<EdgeBody> {
        let found = find(release, self.path);
        let kept = if found.is_none() { self.kept_by_predecessor(site) } else { None };
        let exists = found.is_some() || kept.is_some();
        let mut rules = release.index().rules().redirects.iter().filter(|rule| rule.force || !exists);
        if let Some(action) = rules.find_map(|rule| rule.action(host, self.path, query)) {
            return self.apply(release, action);
        }
        match (found, kept) {
            (Some(Found::File(entry)), _) => self.file(release, &entry, StatusCode::OK),
            (Some(Found::At(path)), _) => {
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                redirect(StatusCode::PERMANENT_REDIRECT, &(path::encode(&path) + &query))
            }
            (None, Some(predecessor)) => match predecessor.index().find(&self.path[1..]) {
                Some(entry) => self.file(&predecessor, &entry, StatusCode::OK),
                None => self.not_found(release),
            },
            (None, None) => self.fall_back(release),
        }
    }

    /// The release before, if it has this hashed asset: pages that were loaded from it still ask for it.
    fn kept_by_predecessor(&self, site: &Site) -> Option<Arc<Release>> {
        let key = &self.path[1..];
        if !is_hashed(key) {
            return None;
        }
        site.predecessors().find(|release| release.index().find(key).is_some())
    }

    fn apply(&self, release: &Release, action: Action) -> Response<EdgeBody> {
        match action {
            Action::Redirect { location, status } => {
                redirect(StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND), &location)
            }
            Action::Rewrite { path, status } => {
                let target = match find(release, &path) {
                    Some(Found::At(path)) => find(release, &path),
                    found => found,
                };
                match target {
                    Some(Found::File(entry)) => {
                        self.file(release, &entry, StatusCode::from_u16(status).unwrap_or(StatusCode::OK))
                    }
                    _ => self.not_found(release),
                }
            }
        }
    }

    /// Unknown paths of an application, when somebody opens them as a page.
    fn fall_back(&self, release: &Release) -> Response<EdgeBody> {
        let has_dot = self.path.rsplit('/').next().is_some_and(|segment| segment.contains('.'));
        let Some(page) = release.index().fallback().filter(|_| !has_dot) else { return self.not_found(release) };
        let mut response = if is_navigation(self.headers) {
            self.file(release, &page, StatusCode::OK)
        } else {
            self.not_found(release)
        };
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept, Sec-Fetch-Dest"));
        response
    }

    /// The nearest `404.html` up the tree.
    fn not_found(&self, release: &Release) -> Response<EdgeBody> {
        if release.index().has_not_found_page() {
            let directories = self.path.match_indices('/').map(|(at, _)| &self.path[1..=at]);
            let mut pages = directories.rev().map(|directory| format!("{directory}404.html"));
            if let Some(page) = pages.find_map(|page| release.index().find(&page)) {
                return self.file(release, &page, StatusCode::NOT_FOUND);
            }
        }
        pages::not_found()
    }

    /// A file, as far as the request wants it.
    fn file(&self, release: &Release, entry: &Entry<'_>, status: StatusCode) -> Response<EdgeBody> {
        let tag_of =
            |coding| entry.stored(coding).map(|stored| format!("\"{}\"", stored.hash.to_hex())).unwrap_or_default();
        // A range is always of the identity coding, and only of the very bytes that the client has a part of.
        let ranged = status == StatusCode::OK
            && self.method == Method::GET
            && self.headers.contains_key(header::RANGE)
            && conditional::range_applies(self.headers, &tag_of(Coding::Identity));
        let coding = if ranged { Coding::Identity } else { coding_for(self.headers, entry) };
        let length = entry.stored(coding).map_or(0, |stored| stored.length);
        let tag = tag_of(coding);

        let mut part = None;
        let mut status = status;
        if status == StatusCode::OK {
            match conditional::evaluate(self.headers, &tag) {
                Precondition::Holds => {}
                Precondition::NotModified => status = StatusCode::NOT_MODIFIED,
                Precondition::Failed => return pages::precondition_failed(),
            }
        }
        if ranged && status == StatusCode::OK {
            match range::requested(self.headers, length) {
                Ranges::Whole => {}
                Ranges::Unsatisfiable => return unsatisfiable(length),
                Ranges::Parts(parts) => {
                    status = StatusCode::PARTIAL_CONTENT;
                    part = Some(parts);
                }
            }
        }

        let mut head = Response::builder().status(status);
        if let Some(headers) = head.headers_mut() {
            self.describe(headers, entry, coding, status, &tag);
            for (name, value) in release.index().rules().headers.iter().flat_map(|rule| rule.values(self.path)) {
                if name == header::SET_COOKIE {
                    headers.append(name, value)
                } else {
                    headers.insert(name, value).is_some()
                };
            }
        }
        let sent = match part {
            _ if status == StatusCode::NOT_MODIFIED => Ok(with_body(head, EdgeBody::empty())),
            None if self.method == Method::HEAD => {
                Ok(with_body(head.header(header::CONTENT_LENGTH, length), EdgeBody::empty()))
            }
            None => self.content(release, entry, coding, 0..length).map(|body| with_body(head, body)),
            Some(parts) => self.parts(release, entry, head, &parts, length),
        };
        sent.map_or_else(
            |error| {
                tracing::error!(deployment = release.deployment(), path = entry.path(), %error, "a published file cannot be read");
                pages::unavailable()
            },
            |mut response| {
                response.extensions_mut().insert(Served { deployment: release.deployment() });
                response
            },
        )
    }

    /// The headers that say what the content is. An error page has no ETag: it is not what the address stands for.
    fn describe(&self, headers: &mut HeaderMap, entry: &Entry<'_>, coding: Coding, status: StatusCode, tag: &str) {
        let is_error = status.is_client_error();
        headers.insert(header::CONTENT_TYPE, entry.content_type().clone());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CACHE_CONTROL, if entry.is_hashed() && !is_error { IMMUTABLE } else { REVALIDATED });
        if entry.is_negotiated() {
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if coding != Coding::Identity {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.token()));
        }
        if !is_error {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            if let Ok(tag) = HeaderValue::from_str(tag) {
                headers.insert(header::ETAG, tag);
            }
        }
        if status == StatusCode::NOT_MODIFIED {
            // What a cache knows already (RFC 9110, 15.4.5).
            headers.remove(header::CONTENT_TYPE);
            headers.remove(header::CONTENT_ENCODING);
            headers.remove(header::ACCEPT_RANGES);
        }
    }

    /// Bytes of a file: of the cache, or of an open file.
    fn content(&self, release: &Release, entry: &Entry<'_>, coding: Coding, range: Range<u64>) -> io::Result<EdgeBody> {
        let stored = entry.stored(coding).ok_or(io::ErrorKind::NotFound)?;
        if stored.length == 0 {
            return Ok(EdgeBody::empty());
        }
        let cut = |content: Bytes| EdgeBody::from(content.slice(range.start as usize..range.end as usize));
        if stored.length > MAX_CONTENT {
            let file = Arc::new(release.open_file(entry, coding)?);
            return Ok(EdgeBody::file(FileSlice::new(file, range.start, range.end - range.start)));
        }
        if let Some(content) = self.contents.get(stored.hash) {
            return Ok(cut(content));
        }
        let file = release.open_file(entry, coding)?;
        match read_cached(&file, 0, stored.length as usize)? {
            Some(content) if content.len() as u64 == stored.length => {
                self.contents.put(stored.hash, content.clone());
                Ok(cut(content))
            }
            _ => Ok(EdgeBody::file(FileSlice::new(Arc::new(file), range.start, range.end - range.start))),
        }
    }

    /// One range as it is, several as `multipart/byteranges`.
    fn parts(
        &self,
        release: &Release,
        entry: &Entry<'_>,
        head: Builder,
        parts: &[Range<u64>],
        length: u64,
    ) -> io::Result<Response<EdgeBody>> {
        let content_range = |part: &Range<u64>| format!("bytes {}-{}/{length}", part.start, part.end - 1);
        if let [part] = parts {
            let body = self.content(release, entry, Coding::Identity, part.clone())?;
            return Ok(with_body(head.header(header::CONTENT_RANGE, content_range(part)), body));
        }
        let stored = entry.stored(Coding::Identity).ok_or(io::ErrorKind::NotFound)?;
        let boundary = format!("berth-{}", stored.hash.to_hex());
        let kind = entry.content_type().to_str().unwrap_or("application/octet-stream");
        let file = Arc::new(release.open_file(entry, Coding::Identity)?);
        let mut pieces = VecDeque::with_capacity(parts.len() * 2 + 1);
        for part in parts {
            let head =
                format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {}\r\n\r\n", content_range(part));
            pieces.push_back(Piece::Bytes(head.into()));
            pieces.push_back(Piece::File(FileSlice::new(Arc::clone(&file), part.start, part.end - part.start)));
        }
        pieces.push_back(Piece::Bytes(format!("\r\n--{boundary}--\r\n").into()));
        let mut response = with_body(head, EdgeBody::pieces(pieces));
        if let Ok(kind) = HeaderValue::from_str(&format!("multipart/byteranges; boundary={boundary}")) {
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        Ok(response)
    }
}

/// Every header was a value before it came here, so that building cannot fail; were it so, the answer is 503.
fn with_body(head: Builder, body: EdgeBody) -> Response<EdgeBody> {
    head.body(body).unwrap_or_else(|_| pages::unavailable())
}

fn redirect(status: StatusCode, location: &str) -> Response<EdgeBody> {
    let Ok(location) = HeaderValue::from_str(location) else { return pages::not_found() };
    let mut response = Response::new(EdgeBody::empty());
    *response.status_mut() = status;
    response.headers_mut().insert(header::LOCATION, location);
    // The next deployment may put something else here.
    response.headers_mut().insert(header::CACHE_CONTROL, REVALIDATED);
    response
}

fn unsatisfiable(length: u64) -> Response<EdgeBody> {
    let mut response = Response::new(EdgeBody::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
