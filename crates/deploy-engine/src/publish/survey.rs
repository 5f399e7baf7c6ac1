//! What an artifact holds. Whatever could never be served is removed, so that a release contains what is served, the
//! two rule files, and nothing else.

use std::fs;
use std::io;
use std::path::Path;

use berth_edge::index::is_served;

/// A file that visitors can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SurveyedFile {
    /// Below the release, with `/` between segments.
    pub(super) path: String,
    /// In bytes.
    pub(super) length: u64,
}

/// Files in the order of their paths, and what the log says about the others.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) files: Vec<SurveyedFile>,
    pub(super) told: Vec<String>,
}

/// Names that one line of the log gives.
const TOLD: usize = 10;

/// Walks the directory and removes what is not served: links, devices, hidden files, names that no request can spell.
pub(super) fn survey(directory: &Path) -> io::Result<Survey> {
    let mut survey = Survey::default();
    let (mut special, mut hidden, mut odd) = (Vec::new(), Vec::new(), Vec::new());
    let mut waiting = vec![String::new()];
    while let Some(below) = waiting.pop() {
        for entry in fs::read_dir(directory.join(&below))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let shown = format!("{below}{}", entry.file_name().to_string_lossy());
            let Some(path) = entry.file_name().to_str().map(|name| format!("{below}{name}")) else {
                remove(&entry.path(), kind.is_dir())?;
                odd.push(shown);
                continue;
            };
            if kind.is_dir() && (path == ".well-known" || is_served(&path)) {
                waiting.push(path + "/");
            } else if kind.is_dir() || (kind.is_file() && is_hidden(&path)) {
                remove(&entry.path(), kind.is_dir())?;
                hidden.push(shown);
            } else if !kind.is_file() {
                fs::remove_file(entry.path())?;
                special.push(shown);
            } else if is_served(&path) {
                survey.files.push(SurveyedFile { path, length: entry.metadata()?.len() });
            } else if !matches!(path.as_str(), "_redirects" | "_headers") {
                fs::remove_file(entry.path())?;
                odd.push(shown);
            }
        }
    }
    survey.files.sort_by(|one, other| one.path.cmp(&other.path));
    let of = |what, names| tell(&format!("not published ({what})"), names);
    survey.told.extend(of("hidden files and directories", hidden));
    survey.told.extend(of("links and special files", special));
    survey.told.extend(of("files whose names no address can spell", odd));
    Ok(survey)
}

fn is_hidden(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.starts_with('.'))
}

fn remove(path: &Path, is_directory: bool) -> io::Result<()> {
    if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}

/// One line of the log; names are escaped, because they are the author's.
pub(super) fn tell(what: &str, mut names: Vec<String>) -> Option<String> {
    if names.is_empty() {
        return None;
    }
    names.sort();
    let more = names.len().saturating_sub(TOLD);
    let shown: Vec<String> = names.iter().take(TOLD).map(|name| name.escape_debug().to_string()).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("note: {what}: {}{more}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn s2_s3_s7_only_what_is_served_stays() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        for folder in [".git", ".well-known", "sub/.cache", "a\nb", ".berth"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        for file in [
            "index.html",
            ".env",
            ".git/config",
            ".well-known/security.txt",
            ".well-known/.secret",
            "sub/page.html",
            "sub/.cache/x",
            "a\r\nX-Evil: 1.html",
            "a\nb/c.html",
            "a\\b.html",
            "ü b.html",
            "_redirects",
            ".berth/index",
        ] {
            fs::write(at(file), file).unwrap();
        }
        symlink("/etc/passwd", at("passwd")).unwrap();
        symlink(".", at("loop")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o644),
            0,
        )
        .unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();

        let survey = survey(directory.path()).unwrap();
        let paths: Vec<&str> = survey.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, [".well-known/security.txt", "index.html", "sub/page.html", "ü b.html"]);
        for gone in [".env", ".git", "sub/.cache", "passwd", "loop", "pipe", "socket", "a\nb", ".berth"] {
            assert!(fs::symlink_metadata(at(gone)).is_err(), "{gone}");
        }
        assert!(at("_redirects").exists());
        let told = survey.told.join("\n");
        for named in [".env", ".git", "passwd", "loop", "pipe", "socket"] {
            assert!(told.contains(named), "{named} in {told}");
        }
        assert_eq!(told.lines().count(), 3);
    }
}
