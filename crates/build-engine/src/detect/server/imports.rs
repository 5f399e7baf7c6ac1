//! What a script takes from other files of its project.

use std::collections::VecDeque;
use std::sync::LazyLock;

use regex::Regex;

use super::listens::{is_script, read};
use crate::detect::config::normal_path;
use crate::detect::folder::Folder;

/// So many files that a source imports are read.
const MOST_IMPORTED: usize = 20;
/// So many imports of one source are looked at.
const MOST_NAMED: usize = 100;

/// A file of the project that a script takes something from: `require('./config')`, `import x from '../app.js'`.
static IMPORT: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?:\brequire\(\s*|\bfrom\s*|\bimport\s*\(?\s*)['"](\.{1,2}/[^'"\n]*|\.{1,2})['"]"#).ok()
});

/// What a script takes from files of its own project, and they from theirs: a server's port is often in one of them.
pub(super) fn imported(folder: &Folder<'_>, file: &str, text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    if !is_script(file) {
        return found;
    }
    let mut waiting = VecDeque::from([(file.to_owned(), text.to_owned())]);
    while let Some((from, text)) = waiting.pop_front() {
        let place = from.rsplit_once('/').map_or("", |(place, _)| place);
        for named in IMPORT.iter().flat_map(|pattern| pattern.captures_iter(&text)).take(MOST_NAMED) {
            let Some(path) = normal_path(&format!("{place}/{}", &named[1])) else { continue };
            // TypeScript names what a file is compiled to.
            let stem = path.strip_suffix(".js").unwrap_or(&path);
            let mut tried = [path.clone()].into_iter().chain(
                [".js", ".ts", ".mjs", ".cjs", "/index.js", "/index.ts"].map(|ending| format!("{stem}{ending}")),
            );
            let Some(path) = tried.find(|path| is_script(path) && folder.has(path)) else { continue };
            if path == file || found.iter().any(|(known, _)| *known == path) {
                continue;
            }
            let Some(text) = read(folder, &path) else { continue };
            waiting.push_back((path.clone(), text.clone()));
            found.push((path, text));
            if found.len() == MOST_IMPORTED {
                return found;
            }
        }
    }
    found
}
