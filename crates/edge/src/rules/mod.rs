//! `_redirects` and `_headers`, as Netlify documents them.
//!
//! Both are parsed when a release is published: [`redirects`] and [`headers`] read the text, and what they read is
//! compiled into [`Rules`], which travel in the index. Matching ([`pattern`]) happens on the decoded path of a request, on
//! a thread that serves everybody: files, rules, what is made of an address and how many rules are tried have bounds.
//! Rules that Berth cannot honour (conditions by country, language or role; proxying; a password) are left out and
//! told by line: applying them to everybody would be worse than not applying them.

mod headers;
mod loops;
mod pattern;
mod redirects;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

pub(crate) use headers::{HeaderRule, compile as compile_headers};
pub use loops::RedirectLoop;
pub(crate) use loops::find as find_loop;
pub(crate) use redirects::{Action, compile as compile_redirects};
use redirects::{Query, Redirect};

#[cfg(test)]
mod vectors;

/// Most rules of one file: they are tried one after the other.
const MOST_RULES: usize = 2_000;
/// Rules that are tried although the ones before matched: those led to where the visitor is already.
const MOST_PASSED_OVER: usize = 32;
/// The longest rule of `_redirects`, in bytes and without the spaces in it.
const LONGEST_LINE: usize = 4 << 10;
/// Parts of an address that one rule takes by name.
const MOST_PLACES: usize = 64;
/// Most headers of one rule, and of all that apply to one answer.
const MOST_HEADERS: usize = 100;
/// Bytes of their names and values. What is larger hardly gets through any proxy.
const LARGEST_HEADERS: usize = 16 << 10;

/// A line of a rule file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleProblem {
    /// Counts from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// The compiled rules of a release.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rules {
    /// In the order of the file: the first that applies wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) redirects: Vec<Redirect>,
    /// In the order of the file: all that match apply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<HeaderRule>,
}

impl Rules {
    /// What the first rule asks for that matches a request and leads elsewhere. A rule that is not forced stands back
    /// where something `exists`.
    pub(crate) fn action(&self, host: &str, path: &str, query: Option<&str>, exists: bool) -> Option<Action> {
        let asked = Query::of(query);
        let standing = self.redirects.iter().filter(|rule| rule.force || !exists);
        let mut actions = standing.filter_map(|rule| rule.leads_to(host, path, &asked)).take(MOST_PASSED_OVER);
        actions.find(|action| action.leads_from(host, path, query))
    }

    /// The headers for a decoded path, in the order of the file; of very many, the first.
    pub(crate) fn headers_of(&self, path: &str) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        let mut bytes = 0;
        self.headers.iter().flat_map(move |rule| rule.values(path)).take(MOST_HEADERS).take_while(
            move |(name, value)| {
                bytes += name.as_str().len() + value.len();
                bytes <= LARGEST_HEADERS
            },
        )
    }

    /// Nothing at all where there are no rules, as in most releases.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        if self.redirects.is_empty() && self.headers.is_empty() {
            return Vec::new();
        }
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn from_json(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() { Some(Self::default()) } else { serde_json::from_slice(bytes).ok() }
    }
}
