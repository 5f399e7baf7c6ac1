//! Builds an index, when a release is published.

use std::collections::BTreeMap;

use super::{
    Coding, ENTRY_DOCUMENT, ENTRY_HASHED, FLAG_FALLBACK, FLAG_NOT_FOUND_PAGE, Fnv, HASH, HEADER, MAGIC, PREFIX,
    RULE_SHIFT, Stored, TYPE, VARIANT, VERSION, checksum,
};
use crate::hashed::is_hashed;
use crate::mime::content_type;
use crate::rules::{self, RedirectLoop, RuleProblem, Rules};

/// Collects the files and rules of one release.
#[derive(Debug)]
pub struct IndexBuilder {
    deployment: i64,
    published: u32,
    /// By path.
    files: BTreeMap<String, [Option<Stored>; Coding::COUNT]>,
    pub(super) rules: Rules,
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
        Self { deployment, published: 0, files: BTreeMap::new(), rules: Rules::default(), compression_rule: 0 }
    }

    /// Says when it is published, in seconds since 1970.
    pub fn published(&mut self, seconds: u32) {
        self.published = seconds;
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

        let mut files: Vec<_> = self.files.iter().map(|(path, variants)| (hash_of(path), path, variants)).collect();
        files.sort_unstable_by_key(|(hash, path, _)| (*hash, *path));
        let (mut types, mut text) = (Vec::<String>::new(), String::new());
        let (mut hashes, mut entries, mut variants) = (Vec::new(), Vec::new(), Vec::new());
        for (hash, path, stored) in files {
            let kind = content_type(path);
            let kind_number = types.iter().position(|known| *known == kind).unwrap_or_else(|| {
                types.push(kind);
                types.len() - 1
            });
            let flags = u8::from(is_hashed(path)) * ENTRY_HASHED + u8::from(is_document(path)) * ENTRY_DOCUMENT;
            let codings = Coding::ALL.iter().filter(|coding| stored[**coding as usize].is_some());
            let codings: u8 = codings.map(|coding| 1 << *coding as u8).sum();
            hashes.extend(hash.to_le_bytes());
            entries.extend(put(&mut text, path).to_le_bytes());
            entries.extend(((variants.len() / VARIANT) as u32).to_le_bytes());
            entries.extend((path.len() as u16).to_le_bytes());
            entries.extend((kind_number as u16).to_le_bytes());
            entries.extend([flags, codings, 0, 0]);
            for stored in stored.iter().flatten() {
                variants.extend(stored.length.to_le_bytes());
                variants.extend(stored.hash.0);
            }
        }
        let mut kinds = Vec::with_capacity(types.len() * TYPE);
        for kind in &types {
            kinds.extend(put(&mut text, kind).to_le_bytes());
            kinds.extend((kind.len() as u32).to_le_bytes());
        }
        let rules = self.rules.to_json();

        let flags = u32::from(fallback) * FLAG_FALLBACK
            + u32::from(not_found_page) * FLAG_NOT_FOUND_PAGE
            + (u32::from(self.compression_rule) << RULE_SHIFT);
        let sizes = [hashes.len() / HASH, variants.len() / VARIANT, types.len(), rules.len(), text.len()];
        let mut bytes = Vec::with_capacity(
            HEADER + hashes.len() + entries.len() + variants.len() + kinds.len() + rules.len() + text.len(),
        );
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(0_u64.to_le_bytes());
        bytes.extend(self.deployment.to_le_bytes());
        bytes.extend(flags.to_le_bytes());
        bytes.extend(sizes.iter().flat_map(|size| (*size as u32).to_le_bytes()));
        bytes.extend(self.published.to_le_bytes());
        bytes.extend([hashes, entries, variants, kinds, rules, text.into_bytes()].concat());
        let sum = checksum(&bytes[PREFIX..]);
        bytes[PREFIX - 8..PREFIX].copy_from_slice(&sum.to_le_bytes());
        (bytes, decided)
    }
}

fn hash_of(path: &str) -> u32 {
    Fnv::default().and(path.as_bytes()).of_path()
}

fn is_document(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    lower.ends_with(".html") || lower.ends_with(".htm")
}

/// Appends `value` to the text and says where. A release has at most 100,000 files with paths of at most 4 KiB, which
/// stays far below 4 GiB.
fn put(text: &mut String, value: &str) -> u32 {
    let at = text.len() as u32;
    text.push_str(value);
    at
}
