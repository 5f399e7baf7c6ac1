//! There is nothing where the files should be: which directories there are, and which of them looks right.

use std::collections::BTreeSet;

use berth_model::{Failure, FailureCode, OutputDir};

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

/// The output directory does not exist or holds nothing.
pub(crate) fn failure(output: &OutputDir, is_empty: bool, found: &Found) -> Failure {
    let output = if output.is_top() { "." } else { output.as_str() };
    let state = if is_empty { "is empty" } else { "does not exist" };
    let top = found.directories.iter().map(String::as_str).filter(|directory| !directory.contains('/'));
    let top: Vec<&str> = top.take(20).collect();
    let there = match top.as_slice() {
        [] => "There is no directory at all".to_owned(),
        top => format!("There are: {}", top.join(", ")),
    };
    let hint = match found.with_start_page.iter().find(|directory| *directory != output) {
        Some(directory) => format!("{directory} has an index.html and looks right: set the output directory to it."),
        None => "None of them has an index.html: check that the build command really builds the site.".to_owned(),
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
        let failure = failure(&dist, false, &found);
        assert_eq!(failure.title, "the output directory dist does not exist");
        assert!(failure.detail.contains("There are: build, public, src. build has an index.html and looks right"));
        assert_eq!(found.obvious(|directory| directory == "public").unwrap().as_str(), "build");
        assert!(found.obvious(|_| false).is_none(), "two are not obvious");
        let nothing = super::failure(&dist, true, &Found::default());
        assert!(nothing.detail.contains("is empty. There is no directory at all. None of them"));
    }
}
