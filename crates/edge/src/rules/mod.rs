//! `_redirects` and `_headers`, as Netlify documents them.
//!
//! Both are parsed when a release is published: [`redirects`] and [`headers`] read the text, and what they read is
//! compiled into [`Rules`], which travel in the index. Matching ([`pattern`]) happens on the decoded path of a request.
//! Rules that Berth cannot honour (conditions by country, language or role; proxying; a password) are left out and
//! told by line: applying them to everybody would be worse than not applying them.

mod headers;
mod loops;
mod pattern;
mod redirects;

use serde::{Deserialize, Serialize};

pub(crate) use headers::{HeaderRule, compile as compile_headers};
pub use loops::RedirectLoop;
pub(crate) use loops::find as find_loop;
pub(crate) use redirects::{Action, Redirect, compile as compile_redirects};

#[cfg(test)]
mod vectors;

/// Most rules of one file: they are tried one after the other.
const MOST_RULES: usize = 2_000;

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
