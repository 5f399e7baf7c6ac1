//! There is nothing where the files should be: which directories there are, and which of them looks right.

use std::collections::BTreeSet;

use berth_model::{Failure, FailureCode, OutputDir};

/// How many directories are named.
const MOST_NAMED: usize = 20;

/// What a project's directory holds after its build.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    directories: BTreeSet<String>,
    with_start_page: BTreeSet<String>,
}

impl Found {
    /// Sorts paths (`./dist`, `./dist/index.html`) as `find` prints them.
    pub(crate) fn of_paths<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for path in paths {
            let path = path.trim_start_matches("./");
            if matches!(path, "" | "." | "index.html") || path.split('/').any(|part| part.starts_with('.')) {
                continue;
            }
            match path.rsplit_once('/') {
                Some((directory, "index.html")) => found.with_start_page.insert(directory.to_owned()),
                _ => found.directories.insert(path.to_owned()),
            };
        }
        found
    }

    /// Sorts the files of a commit.
    pub(crate) fn of_files<'a>(files: impl Iterator<Item = &'a str>) -> Self {
        let mut paths = BTreeSet::new();
        for file in files.filter(|file| !file.contains("node_modules/")) {
            paths.extend(file.match_indices('/').take(2).map(|(at, _)| &file[..at]));
            if file.ends_with("/index.html") {
                paths.insert(file);
            }
        }
        Self::of_paths(paths.into_iter())
    }

    /// The one directory that a build has plainly left its files in: not among the sources, with a start page.
    pub(crate) fn obvious(&self, is_source: impl Fn(&str) -> bool) -> Option<OutputDir> {
        let mut candidates = self.with_start_page.iter().filter(|directory| !is_source(directory));
        let first = candidates.next()?;
        // A directory in it may have pages of its own.
        let alone = candidates.all(|other| other.starts_with(&format!("{first}/")));
        OutputDir::parse(first).ok().filter(|_| alone)
    }
}

/// The output directory does not exist or holds nothing. `is_source`: a directory that the commit has, which a build did
/// not make.
pub(crate) fn failure(output: &OutputDir, is_empty: bool, found: &Found, is_source: impl Fn(&str) -> bool) -> Failure {
    let output = if output.is_top() { "." } else { output.as_str() };
    let state = if is_empty { "is empty" } else { "does not exist" };
    let top = found.directories.iter().map(String::as_str);
    let top: Vec<&str> = top.filter(|directory| !directory.contains('/') && *directory != output).collect();
    let there = match top.as_slice() {
        [] if is_empty => "There is no other directory".to_owned(),
        [] => "There is no directory at all".to_owned(),
        top if top.len() > MOST_NAMED => {
            format!("There are: {}, and {} more", top[..MOST_NAMED].join(", "), top.len() - MOST_NAMED)
        }
        top => format!("There are: {}", top.join(", ")),
    };
    let pages = || found.with_start_page.iter().map(String::as_str).filter(|directory| *directory != output);
    // One within another is a part of the same site.
    let is_part = |directory: &str| pages().any(|other| directory.starts_with(&format!("{other}/")));
    let made: Vec<&str> =
        pages().filter(|directory| !is_source(directory) && !is_part(directory)).take(MOST_NAMED).collect();
    let hint = match (made.as_slice(), pages().find(|directory| is_source(directory))) {
        ([], None) => "No directory has an index.html: does the build command build the site?".to_owned(),
        ([], Some(source)) => format!(
            "Only {source} has an index.html, and it is part of the repository: does the build command build the site? If the \
             site is {source} as it is, set the output directory to it."
        ),
        ([one], _) => format!("{one} has an index.html and looks right: set the output directory to it."),
        ([some @ .., last], _) => {
            format!("{} and {last} have an index.html: set the output directory to the right one.", some.join(", "))
        }
    };
    Failure::new(
        FailureCode::MissingOutput,
        format!("the output directory {output} {state}"),
        format!("After the build {output} {state}. {there}. {hint}"),
    )
    .with_setting("outputDirectory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_directory_is_suggested() {
        let listing =
            ".\n./src\n./public\n./public/index.html\n./build\n./build/index.html\n./build/docs/index.html\n./.cache";
        let found = Found::of_paths(listing.lines());
        let dist = OutputDir::parse("dist").unwrap();
        let is_source = |directory: &str| directory == "public";
        let failure = failure(&dist, false, &found, is_source);
        assert_eq!(failure.title, "the output directory dist does not exist");
        assert!(failure.detail.contains("There are: build, public, src. build has an index.html and looks right"));
        assert_eq!(found.obvious(is_source).unwrap().as_str(), "build");
        assert!(found.obvious(|_| false).is_none(), "two are not obvious");
        let only_sources =
            super::failure(&dist, false, &Found::of_paths(["./public", "./public/index.html"].into_iter()), is_source);
        assert!(only_sources.detail.contains("Only public has an index.html, and it is part of the repository"));
        let both = Found::of_paths(["./out/index.html", "./build/index.html", "./build/en/index.html"].into_iter());
        let both = super::failure(&dist, false, &both, is_source);
        assert!(
            both.detail.ends_with("build and out have an index.html: set the output directory to the right one."),
            "{both:?}"
        );
        let nothing = super::failure(&dist, true, &Found::default(), is_source);
        assert!(nothing.detail.contains("is empty. There is no other directory. No directory has"));
    }
}
