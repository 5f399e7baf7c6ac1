//! A request for a site becomes an answer. In this order:
//!
//! 1. the method: GET and HEAD; OPTIONS says so, everything else is 405
//! 2. the path, decoded once ([`crate::path`]); tricks are 400 or 404 and end here
//! 3. the file: the exact path, else a clean URL (`/about` → `about.html`, `/dir/` → `dir/index.html`); another form of
//!    an existing address redirects to the one form it has ([`crate::address`]); else a hashed asset of the release before
//! 4. `_redirects`: the first rule that matches and is forced, or stands where there is no file
//! 5. the SPA fallback, for navigations
//! 6. the nearest `404.html` up the tree, or a page of ours
//!
//! The files of a deployment of several parts ([`crate::mounts`]) never see the prefix that they are below, and what leads
//! to another address of theirs has it.
//!
//! Files then go through conditions, ranges and codings ([`crate::representation`]). Most requests are for a file as it
//! is named, of a site without rules: they take one lookup, and nothing is allocated for them but the answer.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};

use crate::address::{self, Address};
use crate::body::EdgeBody;
use crate::files::{Files, Takes};
use crate::hashed::{is_hashed, may_be_hashed};
use crate::index::Entry;
use crate::mime;
use crate::mounts::{Mount, Mounts};
use crate::negotiate::{asks_for_a_page, is_navigation};
use crate::pages;
use crate::path::{self, BadPath};
use crate::release::Release;
use crate::representation::{OF_CONTENT, REVALIDATED, Reply, Representation, Wanted};
use crate::rules::Action;
use crate::site::{Site, Target};

/// Below here a certificate's challenge is answered.
const CHALLENGES: &str = "/.well-known/acme-challenge/";
const ALLOWED: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// The answer of a site. The request's headers are its own to use again.
pub(crate) fn answer(
    files: &Files,
    site: &Site,
    method: &Method,
    uri: &Uri,
    headers: HeaderMap,
    takes: Takes,
) -> Response<EdgeBody> {
    match *method {
        Method::GET | Method::HEAD => {}
        Method::OPTIONS => return options(site, uri),
        _ => return allowed(StatusCode::METHOD_NOT_ALLOWED),
    }
    let path = match path::decode(uri.path()) {
        Ok(path) => path,
        Err(BadPath::Malformed) => return pages::bad_request("The path of this address is not one."),
        Err(BadPath::TooLong) => return pages::too_long(),
        // Without fallback, and without the site's own page: nothing that was decoded from it is looked up.
        Err(BadPath::Nowhere) => return pages::not_found(),
    };
    let release = match site.target() {
        Target::Release(release) => release,
        Target::Mounts(mounts) => return mounted(files, site, mounts, method, uri, &path, headers, takes),
        Target::NothingYet => return pages::nothing_yet(),
        Target::Unavailable => return pages::unavailable(),
    };
    let visit = Visit { files, site, release, prefix: "", method, headers: &headers, path: &path, takes };
    let reply = visit.answer(uri.query());
    of_release(release, reply.into_response(files, headers, takes))
}

/// A redirect and our own 404 page are the release's answers, too.
fn of_release(release: &Release, mut response: Response<EdgeBody>) -> Response<EdgeBody> {
    if response.body().deployment().is_none() {
        response.body_mut().set_deployment(release.deployment());
    }
    response
}

/// The answer of files below a prefix.
#[allow(clippy::too_many_arguments, reason = "it goes on where `answer` is")]
fn mounted(
    files: &Files,
    site: &Site,
    mounts: &Mounts,
    method: &Method,
    uri: &Uri,
    path: &str,
    headers: HeaderMap,
    takes: Takes,
) -> Response<EdgeBody> {
    let (place, release) = match mounts.find(uri.path()).map(|place| (place, place.mount())) {
        Some((place, Mount::Files(release))) => (place, release),
        // Visitors are led to it before: who asks here wants to know what the site is.
        Some((_, Mount::Service { .. })) => return of_mounts(mounts, pages::a_service_answers()),
        None => return of_mounts(mounts, pages::not_found()),
    };
    let (prefix, below) = (place.prefix(), place.below_decoded(path));
    if below.is_empty() {
        let root = format!("{prefix}/");
        let location = uri.query().map(|query| path::with_query(&root, query)).unwrap_or(root);
        return of_release(release, redirect(StatusCode::PERMANENT_REDIRECT, &location));
    }
    let visit = Visit { files, site, release, prefix, method, headers: &headers, path: below, takes };
    let reply = visit.answer(uri.query());
    of_release(release, reply.into_response(files, headers, takes))
}

fn of_mounts(mounts: &Mounts, mut response: Response<EdgeBody>) -> Response<EdgeBody> {
    response.body_mut().set_deployment(mounts.deployment());
    response
}

/// Declares the length, and drops the body for HEAD. A connection that takes files declares the length of a body itself,
/// and does it faster.
pub(crate) fn finish(method: &Method, mut response: Response<EdgeBody>, takes: Takes) -> Response<EdgeBody> {
    let (is_head, length) = (method == Method::HEAD, response.body().length());
    if takes == Takes::Files && length > 0 && !is_head {
        return response;
    }
    let bodiless = matches!(response.status(), StatusCode::NOT_MODIFIED | StatusCode::NO_CONTENT);
    if !bodiless && !response.headers().contains_key(header::CONTENT_LENGTH) {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    if is_head {
        response.body_mut().clear();
    }
    response
}

/// What a protected site shows to everybody: a file that lies exactly where a certificate's challenge is looked for.
pub(crate) fn challenge(
    files: &Files,
    site: &Site,
    method: &Method,
    uri: &Uri,
    headers: HeaderMap,
    takes: Takes,
) -> Option<Response<EdgeBody>> {
    let path = path::decode(uri.path()).ok().filter(|path| path.starts_with(CHALLENGES))?;
    let release = site.release().filter(|_| matches!(*method, Method::GET | Method::HEAD))?;
    let entry = release.index().find(&path[1..])?;
    let visit = Visit { files, site, release, prefix: "", method, headers: &headers, path: &path, takes };
    Some(visit.file(entry, StatusCode::OK).into_response(files, headers, takes))
}

/// The answer of a protected site: nobody but its visitor keeps it, whatever its author's headers say.
pub(crate) fn private<B>(mut response: Response<B>) -> Response<B> {
    let given = response.headers().get(header::CACHE_CONTROL).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kept = given.split(',').map(str::trim).filter(|directive| {
        let name = directive.split('=').next().unwrap_or_default();
        !["", "public", "private", "s-maxage"].iter().any(|other| name.eq_ignore_ascii_case(other))
    });
    let private = ["private"].into_iter().chain(kept).collect::<Vec<_>>().join(", ");
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&private) {
        headers.insert(header::CACHE_CONTROL, value);
    }
    // Words to shared caches alone.
    for name in ["cdn-cache-control", "surrogate-control", "expires"] {
        headers.remove(name);
    }
    response
}

/// What may be done with an address, and what `_headers` says of it: a browser that wants to fetch from another site asks
/// first whether that is allowed there.
fn options(site: &Site, uri: &Uri) -> Response<EdgeBody> {
    let mut response = allowed(StatusCode::NO_CONTENT);
    let Ok(path) = path::decode(uri.path()) else { return response };
    match site.target() {
        Target::Release(release) => add_rules(&mut response, release, &path),
        Target::Mounts(mounts) => {
            if let Some(place) = mounts.find(uri.path())
                && let Mount::Files(release) = place.mount()
            {
                add_rules(&mut response, release, place.below_decoded(&path));
            }
        }
        Target::NothingYet | Target::Unavailable => {}
    }
    response
}

/// What `_headers` says of a path, on an answer that is no file of it.
fn add_rules(response: &mut Response<EdgeBody>, release: &Release, path: &str) {
    let headers = release.index().rules().into_iter().flat_map(|rules| rules.headers_of(path));
    for (name, value) in headers.filter(|(name, _)| !OF_CONTENT.contains(name)) {
        match name {
            // Our page's own says what it needs.
            header::CONTENT_SECURITY_POLICY => {}
            header::SET_COOKIE => drop(response.headers_mut().append(name, value)),
            _ => drop(response.headers_mut().insert(name, value)),
        }
    }
}

fn allowed(status: StatusCode) -> Response<EdgeBody> {
    let mut response = if status == StatusCode::NO_CONTENT { Response::default() } else { pages::method_not_allowed() };
    *response.status_mut() = status;
    response.headers_mut().insert(header::ALLOW, ALLOWED);
    response
}

/// One GET or HEAD for a decoded path.
struct Visit<'a, 'h> {
    files: &'a Files,
    site: &'a Site,
    release: &'a Arc<Release>,
    /// Where the release is mounted: nothing, or what stands before its addresses.
    prefix: &'a str,
    method: &'h Method,
    headers: &'h HeaderMap,
    /// Below the prefix.
    path: &'a str,
    takes: Takes,
}

impl<'a> Visit<'a, '_> {
    fn resolve(&self, path: &str) -> Option<Address<Entry<'a>>> {
        let index = self.release.index();
        address::resolve(path, |path, ending| index.find_joined(path, ending))
    }

    fn answer(&self, query: Option<&str>) -> Reply<'a> {
        let found = self.resolve(self.path);
        let kept = if found.is_none() { self.kept_by_predecessor() } else { None };
        if let Some(rules) = self.release.index().rules() {
            let exists = found.is_some() || kept.is_some();
            let action = |exists| rules.action(self.site.host(), self.path, query, exists);
            // Where the file before only looks hashed, a redirect says what became of it; a rewrite is mostly one of
            // everything (`/* /index.html 200`).
            let is_doubtful = kept.is_some() && !is_hashed(&self.path[1..]);
            let redirect = || action(false).filter(|action| is_doubtful && !matches!(action, Action::Rewrite { .. }));
            if let Some(action) = action(exists).or_else(redirect) {
                return self.apply(action);
            }
        }
        match (found, kept) {
            (Some(Address::Here(entry)), _) => self.file(entry, StatusCode::OK),
            (Some(Address::At(path, _)), _) => {
                let path = [self.prefix, &path::encode(&path)].concat();
                let location = query.map(|query| path::with_query(&path, query)).unwrap_or(path);
                Reply::Page(redirect(StatusCode::PERMANENT_REDIRECT, &location))
            }
            (None, Some(predecessor)) => Reply::Page(self.of_predecessor(&predecessor)),
            (None, None) => self.fall_back(),
        }
    }

    /// The release before, if it has this hashed asset: pages that were loaded from it still ask for it.
    fn kept_by_predecessor(&self) -> Option<Arc<Release>> {
        let key = &self.path[1..];
        if !self.site.has_predecessors() || !may_be_hashed(key) {
            return None;
        }
        self.site.predecessors(self.prefix).find(|release| release.index().find(key).is_some())
    }

    fn of_predecessor(&self, release: &Arc<Release>) -> Response<EdgeBody> {
        let Some(entry) = release.index().find(&self.path[1..]) else { return pages::not_found() };
        self.file_of(release, entry, StatusCode::OK).into_response(self.files, HeaderMap::new(), self.takes)
    }

    fn apply(&self, action: Action) -> Reply<'a> {
        match action {
            Action::Redirect { location, status } => {
                // An address of the release's own; `//host/` is another host's.
                let is_own = location.starts_with('/') && !location.starts_with("//");
                let location = if is_own { [self.prefix, &location].concat() } else { location };
                Reply::Page(redirect(StatusCode::from_u16(status).unwrap_or(StatusCode::FOUND), &location))
            }
            Action::TooLong => Reply::Page(pages::too_long()),
            Action::Rewrite { path, status } => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
                self.resolve(&path).map_or_else(|| self.not_found(), |address| self.file(address.into_file(), status))
            }
        }
    }

    /// Unknown paths of an application, when somebody opens them as a page.
    fn fall_back(&self) -> Reply<'a> {
        let has_dot = self.path.rsplit('/').next().is_some_and(|segment| segment.contains('.'));
        let is_file = has_dot && mime::is_of_a_file(self.path);
        let Some(page) = self.release.index().fallback().filter(|_| !is_file) else { return self.not_found() };
        // A name with a dot may be a file's all the same: whoever opens a page has to say so.
        let opens = if has_dot { asks_for_a_page(self.headers) } else { is_navigation(self.headers) };
        let mut reply = if opens { self.file(page, StatusCode::OK) } else { self.not_found() };
        match &mut reply {
            Reply::File(file) => file.varies_by_navigation = true,
            Reply::Page(response) => {
                response.headers_mut().append(header::VARY, HeaderValue::from_static("Accept, Sec-Fetch-Dest"));
            }
        }
        reply
    }

    /// The nearest `404.html` up the tree.
    fn not_found(&self) -> Reply<'a> {
        let index = self.release.index();
        if index.has_not_found_page() {
            let mut directories = self.path.match_indices('/').map(|(at, _)| &self.path[1..=at]).rev();
            if let Some(page) = directories.find_map(|directory| index.find_joined(directory, "404.html")) {
                return self.file(page, StatusCode::NOT_FOUND);
            }
        }
        let mut page = pages::not_found();
        add_rules(&mut page, self.release, self.path);
        Reply::Page(page)
    }

    fn file(&self, entry: Entry<'a>, status: StatusCode) -> Reply<'a> {
        self.file_of(self.release, entry, status)
    }

    fn file_of<'r>(&self, release: &'r Arc<Release>, entry: Entry<'r>, status: StatusCode) -> Reply<'r>
    where
        'a: 'r,
    {
        let wanted = Wanted { method: self.method, path: self.path, headers: self.headers, since: self.site.since() };
        Representation::choose(release, entry, status, wanted)
    }
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
