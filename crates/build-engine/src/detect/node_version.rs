//! Which Node a project wants: the setting, `.nvmrc`, `.node-version`, `engines`, and what that means as an image.

use berth_model::{Decision, Failure, FailureCode, Reason};

use super::folder::{Folder, package_json};
use super::versions::{Named, managed, own_file};
use super::wanted::{By, Given};

/// What a project gets that names no version.
const DEFAULT_MAJOR: u32 = 22;
/// In the order in which they are tried against a range.
const MAJORS: [u32; 4] = [22, 24, 20, 18];

/// Where a version can be written, in the order in which they win.
#[derive(Default)]
pub(super) struct Wishes<'a> {
    pub(super) setting: Option<&'a Given<String>>,
    /// Files that name a version, the strongest first.
    pub(super) files: Vec<Named>,
    /// The range in `engines`, of the project or the workspace around it.
    pub(super) engines: Option<String>,
}

impl<'a> Wishes<'a> {
    pub(super) fn of(folder: &'a Folder<'_>, setting: Option<&'a Given<String>>) -> Self {
        let volta = folder.package.volta("node");
        let files = [
            own_file(folder, ".nvmrc"),
            own_file(folder, ".node-version"),
            managed(folder, &["nodejs", "node"]),
            volta.map(|text| Named { file: "package.json", text: text.to_owned() }),
        ];
        let engines = folder.upwards().find_map(|directory| {
            let package = package_json(folder.checkout, directory).ok()??;
            package.engine("node").map(str::to_owned)
        });
        Self { setting, files: files.into_iter().flatten().collect(), engines }
    }
}

/// The image, and a warning if the wish could not be read.
pub(super) fn image(wishes: &Wishes<'_>) -> Result<(Decision<String>, Option<Reason>), Failure> {
    let image = |major: u32| format!("node:{major}-slim");
    if let Some((given, text)) =
        wishes.setting.map(|given| (given, given.value.trim())).filter(|(_, text)| !text.is_empty())
    {
        let major = major_of(text).ok_or_else(|| {
            Failure::new(
                FailureCode::BadSettings,
                format!("`{text}` is not a version of Node"),
                "Set the Node version to a number like 22, or leave it empty.",
            )
            .with_setting("nodeVersion")
        })?;
        let decision = match given.by {
            By::Settings => Decision::new(image(major), given.by.source(), Reason::SetToNode { version: text.into() }),
            By::File { .. } => given.of(image(major)),
        };
        return Ok((decision, None));
    }
    let mut warning = None;
    for named in &wishes.files {
        match major_of(&named.text) {
            Some(major) => return Ok((Decision::new(image(major), named.file, named.says()), warning)),
            None => {
                warning = Some(Reason::NoNodeVersion { file: named.file.into(), text: named.text.clone() });
            }
        }
    }
    if let Some(range) = &wishes.engines {
        // An older or a newer one than those: building takes the nearest that there is.
        let other = || major_of(range.trim().trim_start_matches(">=").trim());
        if let Some(major) = MAJORS.into_iter().find(|major| admits(range, *major)).or_else(other) {
            let asks = Reason::AsksFor { by: "package.json".into(), what: "Node".into(), version: range.clone() };
            return Ok((Decision::new(image(major), "package.json", asks), warning));
        }
        warning = Some(Reason::UnknownNodeVersion { version: range.clone(), known: format!("{MAJORS:?}") });
    }
    let reason = Reason::DefaultVersion { language: "Node".into(), version: DEFAULT_MAJOR.to_string() };
    Ok((Decision::new(image(DEFAULT_MAJOR), "default", reason), warning))
}

/// The major version that `v20.11.1`, `20`, `lts/iron`, `lts/*` or `node` mean.
fn major_of(text: &str) -> Option<u32> {
    let text = text.lines().next()?.trim().to_ascii_lowercase();
    match text.strip_prefix("lts/").unwrap_or(&text) {
        "*" | "lts" | "node" | "stable" | "latest" | "jod" => Some(22),
        "krypton" => Some(24),
        "iron" => Some(20),
        "hydrogen" => Some(18),
        version => {
            let version = version.strip_prefix('v').unwrap_or(version).trim_start_matches(['^', '~', '=']);
            let major: u32 = version.split('.').next()?.parse().ok()?;
            (1..=99).contains(&major).then_some(major)
        }
    }
}

/// Whether a range of versions admits the newest release of a major version. Minor versions are not weighed: images
/// carry the newest.
pub(crate) fn admits(range: &str, major: u32) -> bool {
    range.split("||").any(|alternative| {
        let spaced = alternative.replace(',', " ");
        // `>= 18` and `>=18` are one comparator; `18 - 20` is two.
        let mut words: Vec<String> = Vec::new();
        for word in spaced.split_whitespace() {
            match words.last_mut() {
                Some(last) if last.ends_with(['>', '<', '=', '^', '~']) => last.push_str(word),
                _ => words.push(word.to_owned()),
            }
        }
        if let [from, dash, to] = words.as_slice()
            && dash == "-"
        {
            return comparator(&format!(">={from}"), major) && comparator(&format!("<={to}"), major);
        }
        words.iter().all(|word| comparator(word, major))
    })
}

fn comparator(text: &str, major: u32) -> bool {
    let at = text.find(|c: char| !matches!(c, '>' | '<' | '=' | '^' | '~')).unwrap_or(text.len());
    let (operator, version) = text.split_at(at);
    let version = version.trim_start_matches('v');
    let mut parts = version.split('.');
    let first = parts.next().unwrap_or_default();
    if matches!(first, "" | "*" | "x" | "X") {
        return true;
    }
    let Ok(wanted) = first.parse::<u32>() else { return false };
    let rest_is_zero = parts.all(|part| matches!(part, "0" | "x" | "X" | "*"));
    match operator {
        ">=" => major >= wanted,
        ">" => major > wanted || major == wanted && version.contains('.'),
        "<" => major < wanted || major == wanted && !rest_is_zero,
        "<=" => major <= wanted,
        _ => major == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_choose_a_major() {
        for (range, image_wanted) in [
            (">=18", "node:22-slim"),
            (">= 20.0.0 <21", "node:20-slim"),
            ("20.x", "node:20-slim"),
            ("^20.19.0 || >=22.12.0", "node:22-slim"),
            ("18 - 20", "node:20-slim"),
            ("~18.3", "node:18-slim"),
            ("<22.0.0", "node:20-slim"),
            ("*", "node:22-slim"),
            (">=24", "node:24-slim"),
            ("6", "node:6-slim"),
            (">=26.1", "node:26-slim"),
            ("<4", "node:22-slim"),
        ] {
            let wishes = Wishes { engines: Some(range.to_owned()), ..Wishes::default() };
            assert_eq!(image(&wishes).unwrap().0.value, image_wanted, "{range}");
        }
    }

    #[test]
    fn the_setting_wins_then_the_files() {
        let file = |file, text: &str| Named { file, text: text.to_owned() };
        let [twenty, in_words] = ["20", "twenty"].map(|value| Given { value: value.to_owned(), by: By::Settings });
        let mut wishes = Wishes {
            setting: Some(&twenty),
            files: vec![file(".nvmrc", "v18.1.0"), file(".node-version", "22")],
            engines: Some("24".to_owned()),
        };
        assert_eq!(image(&wishes).unwrap().0.source, "settings");
        wishes.setting = None;
        assert_eq!(image(&wishes).unwrap().0.value, "node:18-slim");
        wishes.files[0].text = "lts/iron".to_owned();
        assert_eq!(image(&wishes).unwrap().0.value, "node:20-slim");
        wishes.files[0].text = "whatever".to_owned();
        let (decision, warning) = image(&wishes).unwrap();
        assert_eq!((decision.source.as_str(), warning.is_some()), (".node-version", true));
        wishes.setting = Some(&in_words);
        assert_eq!(image(&wishes).unwrap_err().setting.as_deref(), Some("nodeVersion"));
    }
}
