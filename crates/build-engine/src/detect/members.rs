//! Which directories are packages of a workspace, by the globs that its top names.

use super::folder::join;
use super::package_json::PackageJson;
use crate::Checkout;

/// Alternatives of one glob that are looked at, and of all globs of a workspace together.
const MOST_ALTERNATIVES: usize = 64;
const MOST_GLOBS: usize = 1_000;
/// Longer ones are passed over: each alternative repeats what stands around it.
const MOST_GLOB_BYTES: usize = 512;

/// Whether a directory above a project is the top of a workspace that the project is part of.
pub(super) fn has_member(checkout: &Checkout, top: &str, package: Option<&PackageJson>, project: &str) -> bool {
    let below = project.strip_prefix(top).unwrap_or(project).trim_start_matches('/');
    let of_pnpm = checkout.text(&join(top, "pnpm-workspace.yaml")).map(|text| yaml_list(&text, "packages"));
    match of_pnpm {
        // Without a list pnpm looks everywhere.
        Some(None) => true,
        Some(Some(globs)) => is_named(&globs, below),
        None => package.is_some_and(|package| is_named(&package.workspaces, below)),
    }
}

/// Whether globs name a directory; the last one that says something about it holds, and `!` takes back.
fn is_named(globs: &[String], directory: &str) -> bool {
    let mut named = false;
    let mut left = MOST_GLOBS;
    for glob in globs.iter().filter(|glob| glob.len() <= MOST_GLOB_BYTES) {
        let (takes_back, glob) = glob.strip_prefix('!').map_or((false, glob.as_str()), |glob| (true, glob));
        let glob = glob.trim_start_matches("./").trim_end_matches('/');
        let alternatives = alternatives(glob);
        if alternatives.iter().any(|glob| matches(glob, directory)) {
            named = !takes_back;
        }
        left = left.saturating_sub(alternatives.len());
        if left == 0 {
            break;
        }
    }
    named
}

/// `a/{b,c}` as `a/b` and `a/c`; never more than are looked at.
fn alternatives(glob: &str) -> Vec<String> {
    let mut open = vec![glob.to_owned()];
    let mut done = Vec::new();
    while let Some(glob) = open.pop() {
        let room = MOST_ALTERNATIVES.saturating_sub(open.len() + done.len());
        let parts = glob.split_once('{').and_then(|(start, rest)| Some((start, rest.split_once('}')?)));
        match parts {
            Some((start, (inside, end))) => {
                open.extend(inside.split(',').take(room).map(|part| format!("{start}{part}{end}")));
            }
            None if room > 0 => done.push(glob),
            None => {}
        }
    }
    done
}

fn matches(glob: &str, directory: &str) -> bool {
    let glob: Vec<&str> = glob.split('/').collect();
    let directory: Vec<&str> = directory.split('/').collect();
    // Which beginnings of the directory the glob has matched so far: never more work than the two lengths together.
    let mut reached = vec![false; directory.len() + 1];
    reached[0] = true;
    for part in glob {
        let mut next = vec![false; directory.len() + 1];
        if part == "**" {
            let first = reached.iter().position(|is_reached| *is_reached).unwrap_or(next.len());
            next[first..].fill(true);
        } else {
            for (at, name) in directory.iter().enumerate() {
                next[at + 1] = reached[at] && name_matches(part, name);
            }
        }
        reached = next;
    }
    reached[directory.len()]
}

/// One name, in which a `*` stands for anything.
fn name_matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|start| name.strip_prefix(start)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((end, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.ends_with(end)
}

/// A list of texts at the top of a YAML file, in lines or between brackets; `None` where the key is missing.
fn yaml_list(text: &str, key: &str) -> Option<Vec<String>> {
    let plain = |item: &str| {
        let item = item.split(" #").next().unwrap_or_default();
        item.trim().trim_matches(['"', '\'']).to_owned()
    };
    let mut lines = text.lines();
    let first = lines.find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix(':'))?.trim();
    if let Some(items) = first.strip_prefix('[') {
        let items = items.split(']').next().unwrap_or_default();
        return Some(items.split(',').map(plain).filter(|item| !item.is_empty()).collect());
    }
    let items = lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Some(items.map_while(|line| line.strip_prefix('-')).map(plain).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_name_directories() {
        let named = |globs: &[&str], directory: &str| {
            is_named(&globs.iter().map(|glob| (*glob).to_owned()).collect::<Vec<_>>(), directory)
        };
        assert!(named(&["packages/*"], "packages/ui") && !named(&["packages/*"], "packages/ui/docs"));
        assert!(!named(&["packages/*"], "docs") && named(&["docs"], "docs") && named(&["./docs/"], "docs"));
        assert!(named(&["packages/**"], "packages/a/b") && named(&["**/site"], "site") && named(&["**"], "a/b"));
        assert!(named(&["{apps,packages}/*"], "apps/web") && named(&["apps/web-*"], "apps/web-a"));
        assert!(!named(&["apps/*", "!apps/old"], "apps/old") && named(&["apps/*", "!apps/old"], "apps/new"));
        assert!(!named(&["a*a"], "a") && named(&["*a*"], "bab") && !named(&[], "a"));
    }

    #[test]
    fn globs_that_multiply_are_cut() {
        let words = "a,".repeat(60);
        let many = alternatives(&format!("{{{words}}}").repeat(4));
        assert!(many.len() <= MOST_ALTERNATIVES, "{}", many.len());
        assert_eq!(alternatives("{a,b}/{c,d}").len(), 4);
        // Two million alternatives of a megabyte each.
        let named = |globs: &[String]| is_named(globs, "packages/ui");
        assert!(!named(&[format!("{{{}}}{}", ",".repeat(2 << 20), "x".repeat(1 << 20))]));
        let before: Vec<String> = (0..MOST_GLOBS).map(|number| format!("p{number}")).collect();
        assert!(!named(&[&before[..], &["packages/*".to_owned()]].concat()), "what comes after a thousand is not read");
        assert!(named(&[&before[1..], &["packages/*".to_owned()]].concat()));
    }

    #[test]
    fn lists_of_yaml() {
        let list = |text: &str| yaml_list(text, "packages");
        let wanted = Some(vec!["apps/*".to_owned(), "!x".to_owned()]);
        assert_eq!(list("packages:\n  # all\n  - 'apps/*' # here\n\n  - \"!x\"\ncatalog:\n  - no\n"), wanted);
        assert_eq!(list("a: 1\npackages: ['apps/*', \"!x\"]\n"), wanted);
        assert_eq!(list("onlyBuiltDependencies:\n- esbuild\n"), None);
    }
}
