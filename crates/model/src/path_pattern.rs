//! One pattern of paths, as a `.gitignore` has them.

use globset::{Glob, GlobBuilder, GlobMatcher};

pub(crate) struct Pattern {
    /// `!docs/`.
    pub(crate) takes_back: bool,
    /// The file itself; not for `docs/`, which is a directory.
    file: Option<GlobMatcher>,
    /// What is below it.
    below: GlobMatcher,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// Says what is wrong with it, as the end of a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (takes_back, path) = text.strip_prefix('!').map_or((false, text), |path| (true, path));
        let is_directory = path.ends_with('/');
        let name = path.trim_start_matches("./").trim_end_matches('/');
        // Without a slash it is the name of a file or directory anywhere.
        let whole = if name.contains('/') { name.to_owned() } else { format!("**/{name}") };
        if whole.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err("names no path in the repository".to_owned());
        }
        let below = if whole.ends_with("/**") || whole == "**" { whole.clone() } else { format!("{whole}/**") };
        Ok(Self { takes_back, file: if is_directory { None } else { Some(matcher(&whole)?) }, below: matcher(&below)? })
    }

    /// Whether it names a file, or a directory that the file is in.
    pub(crate) fn matches(&self, file: &str) -> bool {
        self.below.is_match(file) || self.file.as_ref().is_some_and(|glob| glob.is_match(file))
    }
}

/// A `*` stays within a name.
fn matcher(glob: &str) -> Result<GlobMatcher, String> {
    let glob: Result<Glob, _> = GlobBuilder::new(glob).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| format!("cannot be read: {}", error.kind()))
}
