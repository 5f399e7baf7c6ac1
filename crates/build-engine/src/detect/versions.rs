//! Versions of languages, where files of version managers name them.

use berth_model::Reason;

use super::config::toml_value;
use super::folder::Folder;

/// A version as it is written, and the file that says it.
pub(super) struct Named {
    pub(super) file: &'static str,
    pub(super) text: String,
}

impl Named {
    /// Why this version was chosen.
    pub(super) fn says(&self) -> Reason {
        Reason::FileSays { file: self.file.into(), text: self.text.clone() }
    }
}

/// What `.tool-versions` or `mise.toml` say of a program, in the project's directory or the nearest one above.
pub(super) fn managed(folder: &Folder<'_>, programs: &[&str]) -> Option<Named> {
    if let Some(text) = folder.near(".tool-versions") {
        let version = text.lines().find_map(|line| {
            let mut words = line.split_whitespace();
            programs.contains(&words.next()?).then(|| words.next().map(str::to_owned))?
        });
        if let Some(text) = version {
            return Some(Named { file: ".tool-versions", text });
        }
    }
    ["mise.toml", ".mise.toml"].into_iter().find_map(|file| {
        let text = folder.near(file)?;
        let version = programs.iter().find_map(|program| toml_value(&text, "tools", program))?;
        Some(Named { file, text: version })
    })
}

/// The first line of a file that holds a version and nothing else.
pub(super) fn own_file(folder: &Folder<'_>, file: &'static str) -> Option<Named> {
    let text = folder.near(file)?;
    let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
    Some(Named { file, text: line.to_owned() })
}

/// Major and minor version of `3.12.1`, `python-3.12`, `>=3.10`, `~> 3.3.0`.
pub(super) fn major_minor(text: &str) -> Option<(u32, u32)> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let mut numbers = text[start..].split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}
