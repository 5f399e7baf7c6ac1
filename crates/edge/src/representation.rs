//! A file becomes an answer: preconditions, ranges and codings choose what of it is sent, and `_headers` has the last
//! word on its headers.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use berth_model::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};

use crate::body::EdgeBody;
use crate::conditional::{self, Modified, Precondition, Tag};
use crate::files::{Files, Takes};
use crate::index::{Coding, Entry};
use crate::negotiate::coding_for;
use crate::pages;
use crate::range::{self, Ranges};
use crate::release::Release;

/// Documents, and every file whose name may come back with other content.
pub(crate) const REVALIDATED: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");
/// Files named by their content.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What `_headers` says of a file's content, and how long it is kept.
pub(crate) const OF_CONTENT: [HeaderName; 5] = [
    header::CACHE_CONTROL,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LANGUAGE,
    header::CONTENT_TYPE,
    header::EXPIRES,
];
/// As many headers as a file has by itself.
const HEADERS: usize = 9;

/// An answer, or what is needed for it.
pub(crate) enum Reply<'a> {
    /// A page, a redirect, a refusal: whole.
    Page(Response<EdgeBody>),
    /// A file.
    File(Representation<'a>),
}

impl Reply<'_> {
    /// The answer. The headers of a file's go into `headers`, of which only the memory is used.
    pub(crate) fn into_response(self, files: &Files, headers: HeaderMap, takes: Takes) -> Response<EdgeBody> {
        match self {
            Self::Page(response) => response,
            Self::File(file) => file.into_response(files, headers, takes),
        }
    }
}

/// What of a file is sent, and as what. It borrows nothing of the request's headers: their map is used again for the
/// answer's.
pub(crate) struct Representation<'a> {
    release: &'a Arc<Release>,
    entry: Entry<'a>,
    /// The decoded path that was asked for.
    path: &'a str,
    status: StatusCode,
    coding: Coding,
    length: u64,
    tag: Tag,
    /// Only these bytes.
    parts: Option<Vec<Range<u64>>>,
    is_head: bool,
    /// Whether the same request with other wishes gets a 404 instead.
    pub(crate) varies_by_navigation: bool,
}

/// What is asked of a file.
pub(crate) struct Wanted<'a, 'h> {
    pub(crate) method: &'h Method,
    /// The decoded path.
    pub(crate) path: &'a str,
    pub(crate) headers: &'h HeaderMap,
    /// Since when the host shows what it shows.
    pub(crate) since: Timestamp,
}

impl<'a> Representation<'a> {
    /// Decides what a request gets of a file that is answered with `status`: perhaps nothing.
    pub(crate) fn choose(
        release: &'a Arc<Release>,
        entry: Entry<'a>,
        mut status: StatusCode,
        wanted: Wanted<'a, '_>,
    ) -> Reply<'a> {
        let Wanted { method, path, headers, since } = wanted;
        let of = |coding| entry.stored(coding).map(|stored| (stored.length, Tag::of(stored.hash)));
        let coding = coding_for(headers, &entry);
        let Some((length, tag)) = of(coding) else { return Reply::Page(pages::unavailable()) };
        let published = release.index().published();
        // A range is one of the coding that was chosen (RFC 9110, 14.2), and of the very bytes that the client has a part of.
        let ranged = status == StatusCode::OK && method == Method::GET && headers.contains_key(header::RANGE) && {
            let strong = Some(published).filter(|published| *published != 0 && !entry.is_negotiated());
            conditional::range_applies(headers, tag.as_str(), strong)
        };

        let mut parts = None;
        if status == StatusCode::OK {
            let modified = Modified { published, since };
            match conditional::evaluate(headers, tag.as_str(), modified) {
                Precondition::Holds => {}
                Precondition::NotModified => status = StatusCode::NOT_MODIFIED,
                Precondition::Failed => return Reply::Page(pages::precondition_failed()),
            }
        }
        if ranged && status == StatusCode::OK {
            match range::requested(headers, length) {
                Ranges::Whole => {}
                // Each part would be one of the compressed form in a body that is none: no client reads that.
                Ranges::Parts(wanted) if wanted.len() > 1 && coding != Coding::Identity => {}
                Ranges::Unsatisfiable => return Reply::Page(unsatisfiable(length)),
                Ranges::Parts(wanted) => {
                    status = StatusCode::PARTIAL_CONTENT;
                    parts = Some(wanted);
                }
            }
        }
        let is_head = method == Method::HEAD;
        let varies_by_navigation = false;
        Reply::File(Self { release, entry, path, status, coding, length, tag, parts, is_head, varies_by_navigation })
    }

    fn into_response(mut self, files: &Files, mut headers: HeaderMap, takes: Takes) -> Response<EdgeBody> {
        headers.clear();
        headers.reserve(HEADERS);
        self.describe(&mut headers);
        match self.body(files, &mut headers, takes) {
            Ok(mut body) => {
                body.set_deployment(self.release.deployment());
                let mut response = Response::new(body);
                *response.status_mut() = self.status;
                *response.headers_mut() = headers;
                response
            }
            Err(error) => {
                let (deployment, path) = (self.release.deployment(), self.entry.path());
                tracing::error!(deployment, path, %error, "a published file cannot be read");
                pages::unavailable()
            }
        }
    }

    /// The headers that say what the content is. An error page has no ETag: it is not what the address stands for. A
    /// 304 has only what a cache does not know already (RFC 9110, 15.4.5).
    fn describe(&self, headers: &mut HeaderMap) {
        let (is_error, is_new) = (self.status.is_client_error(), self.status != StatusCode::NOT_MODIFIED);
        if is_new {
            headers.insert(header::CONTENT_TYPE, self.entry.content_type().clone());
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // A rewrite shows it at an address that may stand for something else tomorrow.
        let is_immutable = self.entry.is_hashed() && !is_error && self.path.get(1..) == Some(self.entry.path());
        let caching = if is_immutable { IMMUTABLE } else { REVALIDATED };
        headers.insert(header::CACHE_CONTROL, caching);
        if self.entry.is_negotiated() {
            headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if self.coding != Coding::Identity && is_new {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(self.coding.token()));
        }
        if !is_error && is_new {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        }
        if !is_error && let Ok(tag) = HeaderValue::from_str(self.tag.as_str()) {
            headers.insert(header::ETAG, tag);
            if let Some(date) = self.release.last_modified().and_then(|date| date.header()) {
                headers.insert(header::LAST_MODIFIED, date);
            }
        }
        for (name, value) in self.release.index().rules().into_iter().flat_map(|rules| rules.headers_of(self.path)) {
            // They are about what lies at the path: not about the page that says that nothing does, nor about a 304.
            if (is_error && OF_CONTENT.contains(&name)) || (!is_new && name == header::CONTENT_TYPE) {
                continue;
            }
            if name == header::SET_COOKIE {
                headers.append(name, value);
            } else {
                headers.insert(name, value);
            }
        }
        if self.varies_by_navigation {
            headers.append(header::VARY, HeaderValue::from_static("Accept, Sec-Fetch-Dest"));
        }
    }

    /// The content, as far as it is sent, and the headers that go with its part.
    fn body(&mut self, files: &Files, headers: &mut HeaderMap, takes: Takes) -> io::Result<EdgeBody> {
        if self.status == StatusCode::NOT_MODIFIED {
            return Ok(EdgeBody::empty().cached());
        }
        if self.is_head {
            headers.insert(header::CONTENT_LENGTH, self.length.into());
            return Ok(EdgeBody::empty());
        }
        let content = |range| files.content(self.release, &self.entry, self.coding, range, takes);
        match self.parts.take() {
            None => content(0..self.length),
            Some(parts) if parts.len() == 1 => {
                headers.insert(header::CONTENT_RANGE, value(self.content_range(&parts[0]))?);
                content(parts[0].clone())
            }
            Some(parts) => self.several(&parts, files, headers, takes),
        }
    }

    /// `multipart/byteranges`.
    fn several(
        &self,
        parts: &[Range<u64>],
        files: &Files,
        headers: &mut HeaderMap,
        takes: Takes,
    ) -> io::Result<EdgeBody> {
        let boundary = format!("berth-{}", self.tag.as_str().trim_matches('"'));
        // As the whole would be, which `_headers` may have said.
        let kind = headers.get(header::CONTENT_TYPE).unwrap_or(self.entry.content_type());
        let kind = kind.to_str().unwrap_or("application/octet-stream").to_owned();
        headers.insert(header::CONTENT_TYPE, value(format!("multipart/byteranges; boundary={boundary}"))?);
        let parts = parts.iter().map(|part| {
            let range = self.content_range(part);
            (format!("\r\n--{boundary}\r\nContent-Type: {kind}\r\nContent-Range: {range}\r\n\r\n"), part.clone())
        });
        files.parts(self.release, &self.entry, self.coding, parts, format!("\r\n--{boundary}--\r\n"), takes)
    }

    fn content_range(&self, part: &Range<u64>) -> String {
        format!("bytes {}-{}/{}", part.start, part.end - 1, self.length)
    }
}

/// Numbers and words of ours are always a header's value.
fn value(text: String) -> io::Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(io::Error::other)
}

fn unsatisfiable(length: u64) -> Response<EdgeBody> {
    let mut response = Response::new(EdgeBody::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    if let Ok(value) = value(format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
