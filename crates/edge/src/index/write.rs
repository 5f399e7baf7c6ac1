//! Builds an index, when a release is published.

use std::collections::BTreeMap;

use super::{
    Coding, ENTRY_DOCUMENT, ENTRY_HASHED, FLAG_FALLBACK, FLAG_NOT_FOUND_PAGE, HEADER, MAGIC, PREFIX, RULE_SHIFT,
    Stored, VERSION, checksum,
};
use crate::hashed::is_hashed;
use crate::mime::content_type;
use crate::rules::{self, RedirectLoop, RuleProblem, Rules};

/// Collects the files and rules of one release.
#[derive(Debug)]
pub struct IndexBuilder {
    deployment: i64,
    /// By path, which sorts them.
    files: BTreeMap<String, [Option<Stored>; Coding::COUNT]>,
    rules: Rules,
    compression_rule: u8,
}

/// What [`IndexBuilder::finish`] decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Whether unknown paths are answered with the application's page.
    pub fallback: bool,
    /// How many files can be asked for.
    pub files: u64,
}

impl IndexBuilder {
    /// An empty index of the deployment with this id.
    #[must_use]
    pub fn new(deployment: i64) -> Self {
        Self { deployment, files: BTreeMap::new(), rules: Rules::default(), compression_rule: 0 }
    }

    /// Notes by which rule the compressed forms were made, a number that means something to whoever made them: a later
    /// release takes over what was made by its own rule.
    pub fn compressed_by(&mut self, rule: u8) {
        self.compression_rule = rule;
    }

    /// Adds a file by its path below the release, for which [`super::is_served`] holds.
    pub fn add(&mut self, path: &str, identity: Stored, compressed: &[(Coding, Stored)]) {
        let mut variants = [None; Coding::COUNT];
        variants[Coding::Identity as usize] = Some(identity);
        for (coding, stored) in compressed {
            variants[*coding as usize] = Some(*stored);
        }
        self.files.insert(path.to_owned(), variants);
    }

    /// Reads the text of `_redirects`; what cannot be used is told by line and left out.
    pub fn redirects(&mut self, text: &str) -> Vec<RuleProblem> {
        let (redirects, problems) = rules::compile_redirects(text);
        self.rules.redirects = redirects;
        problems
    }

    /// The first loop among the redirects, as they apply with the files that were added.
    #[must_use]
    pub fn redirect_loop(&self) -> Option<RedirectLoop> {
        rules::find_loop(&self.rules.redirects, |path| self.files.contains_key(path), self.files.keys())
    }

    /// Reads the text of `_headers`; what cannot be used is told by line and left out.
    pub fn headers(&mut self, text: &str) -> Vec<RuleProblem> {
        let (headers, problems) = rules::compile_headers(text);
        self.rules.headers = headers;
        problems
    }

    /// The index as bytes. `fallback` is the project's setting; without one the SPA fallback is on with `200.html`, or
    /// when `index.html` is the only HTML document and there is no `404.html`.
    #[must_use]
    pub fn finish(self, fallback: Option<bool>) -> (Vec<u8>, Decided) {
        let has = |path: &str| self.files.contains_key(path);
        let documents = self.files.keys().filter(|path| is_document(path)).count();
        let page = has("200.html") || has("index.html");
        let by_files = has("200.html") || (has("index.html") && documents == 1);
        let fallback = page && fallback.unwrap_or(by_files);
        let not_found_page = self.files.keys().any(|path| path == "404.html" || path.ends_with("/404.html"));
        let decided = Decided { fallback, files: self.files.len() as u64 };

        let mut types: Vec<String> = Vec::new();
        let mut text = String::new();
        let mut entries = Vec::new();
        for (path, variants) in &self.files {
            let kind = content_type(path);
            let kind_number = types.iter().position(|known| *known == kind).unwrap_or_else(|| {
                types.push(kind);
                types.len() - 1
            });
            let flags = u16::from(is_hashed(path)) * ENTRY_HASHED + u16::from(is_document(path)) * ENTRY_DOCUMENT;
            put_span(&mut entries, &mut text, path);
            entries.extend((kind_number as u16).to_le_bytes());
            entries.extend(flags.to_le_bytes());
            for variant in variants {
                let (length, hash) = variant.map_or((u64::MAX, [0; 16]), |stored| (stored.length, stored.hash.0));
                entries.extend(length.to_le_bytes());
                entries.extend(hash);
            }
        }
        let mut kinds = Vec::new();
        for kind in &types {
            put_span(&mut kinds, &mut text, kind);
        }
        let rules = self.rules.to_json();

        let flags = u32::from(fallback) * FLAG_FALLBACK
            + u32::from(not_found_page) * FLAG_NOT_FOUND_PAGE
            + (u32::from(self.compression_rule) << RULE_SHIFT);
        let mut bytes = Vec::with_capacity(HEADER + entries.len() + kinds.len() + rules.len() + text.len());
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(self.deployment.to_le_bytes());
        bytes.extend((rules.len() as u64).to_le_bytes());
        bytes.extend((text.len() as u64).to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend((self.files.len() as u32).to_le_bytes());
        bytes.extend((types.len() as u32).to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(entries);
        bytes.extend(kinds);
        bytes.extend(rules);
        bytes.extend(text.as_bytes());
        let sum = checksum(&bytes[PREFIX..]);
        bytes[PREFIX - 8..PREFIX].copy_from_slice(&sum.to_le_bytes());
        (bytes, decided)
    }
}

fn is_document(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.ends_with(".html") || lower.ends_with(".htm")
}

/// Appends `value` to the text, and its offset and length to the table. A release has at most 100,000 files with paths
/// of at most 4 KiB, which stays far below 4 GiB.
fn put_span(table: &mut Vec<u8>, text: &mut String, value: &str) {
    table.extend((text.len() as u32).to_le_bytes());
    table.extend((value.len() as u32).to_le_bytes());
    text.push_str(value);
}
