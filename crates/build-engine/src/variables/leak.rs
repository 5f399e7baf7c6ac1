//! Secrets in a release: found by their value before anybody can fetch them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use berth_model::{Failure, FailureCode, VariableKind};
use berth_secrets::Needles;
use tokio_util::sync::CancellationToken;

use super::OpenVariable;
use crate::BuildError;

/// From this length on a secret in a release is refused; shorter ones occur by chance.
const REFUSED: usize = 12;
/// Below this nothing is said at all.
pub(super) const NOTICED: usize = 6;
const WINDOW: usize = 256 << 10;

/// Keys with these beginnings are meant for the browser by their framework's convention.
const PUBLIC: &[&str] = &[
    "VITE_",
    "NEXT_PUBLIC_",
    "PUBLIC_",
    "REACT_APP_",
    "NUXT_PUBLIC_",
    "GATSBY_",
    "VUE_APP_",
    "EXPO_PUBLIC_",
    "STORYBOOK_",
    "GRIDSOME_",
    "PREACT_APP_",
    "NG_APP_",
    "UMI_APP_",
    "RSPRESS_",
];

struct Wanted<'a> {
    key: &'a str,
    value: Vec<u8>,
    refused: bool,
}

/// What is still looked for.
struct Search<'a> {
    wanted: Vec<Wanted<'a>>,
    /// The values of `wanted`, in its order; `None` where nothing is left.
    needles: Option<Needles>,
    warnings: Vec<String>,
}

impl<'a> Search<'a> {
    fn of(wanted: Vec<Wanted<'a>>, warnings: Vec<String>) -> Self {
        let needles = Needles::new(wanted.iter().map(|wanted| wanted.value.clone()).collect());
        Self { wanted, needles, warnings }
    }
}

/// Looks through every file below `release`, until `stop`. The outer error is ours (a file that cannot be read).
pub(super) fn search(
    variables: &[OpenVariable],
    release: &Path,
    stop: &CancellationToken,
) -> Result<Result<Vec<String>, Failure>, BuildError> {
    let mut search = Search::of(wanted(variables), Vec::new());
    let mut waiting = vec![release.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).map_err(BuildError::ours)? {
            if search.needles.is_none() {
                return Ok(Ok(search.warnings));
            }
            let entry = entry.map_err(BuildError::ours)?;
            if entry.file_type().map_err(BuildError::ours)?.is_dir() {
                waiting.push(entry.path());
                continue;
            }
            let path = entry.path();
            let mut file = File::open(&path).map_err(BuildError::ours)?;
            let path = path.strip_prefix(release).unwrap_or(&path).display().to_string();
            if let Err(failure) = search.look_into(&mut file, &path, stop)? {
                return Ok(Err(failure));
            }
        }
    }
    Ok(Ok(search.warnings))
}

fn wanted(variables: &[OpenVariable]) -> Vec<Wanted<'_>> {
    let mut wanted = Vec::new();
    for variable in variables {
        let (key, value) = (variable.key.as_str(), variable.value.expose().trim());
        let is_public = PUBLIC.iter().any(|beginning| key.starts_with(beginning));
        if variable.kind != VariableKind::Secret || is_public || value.len() < NOTICED {
            continue;
        }
        let refused = value.len() >= REFUSED && !is_common(value);
        wanted.push(Wanted { key, value: value.as_bytes().to_vec(), refused });
        // In a script, line ends and quotes are escaped.
        let escaped = serde_json::to_string(value).unwrap_or_default();
        let escaped = escaped.trim_matches('"');
        if escaped != value {
            wanted.push(Wanted { key, value: escaped.as_bytes().to_vec(), refused });
        }
    }
    wanted
}

/// Values that a page contains for its own reasons: a host name, an address without credentials, a number, a word.
fn is_common(value: &str) -> bool {
    let is_number = value.parse::<f64>().is_ok();
    let lower = value.chars().all(|c| c.is_ascii_lowercase());
    let upper = value.chars().all(|c| c.is_ascii_uppercase());
    let capitalised = value.chars().next().is_some_and(|c| c.is_ascii_uppercase())
        && value.chars().skip(1).all(|c| c.is_ascii_lowercase());
    let host = value.contains('.')
        && value.split('.').all(|label| {
            !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
        && value.rsplit('.').next().is_some_and(|last| last.chars().all(|c| c.is_ascii_alphabetic()) && last.len() <= 24)
        // A JWT has dots too, but its parts are longer than any name's.
        && value.split('.').all(|label| label.len() <= 30);
    is_number || lower || upper || capitalised || host || is_plain_url(value)
}

fn is_plain_url(value: &str) -> bool {
    let Ok(url) = url::Url::parse(value) else { return false };
    matches!(url.scheme(), "http" | "https" | "ws" | "wss")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        // A hook's address carries its secret in the path.
        && url.path().split('/').all(|part| part.len() < 20)
}

impl Search<'_> {
    /// Reads a file in windows that overlap by the longest value.
    fn look_into(
        &mut self,
        file: &mut impl Read,
        path: &str,
        stop: &CancellationToken,
    ) -> Result<Result<(), Failure>, BuildError> {
        let longest = self.needles.as_ref().map_or(0, Needles::longest);
        let mut window = Vec::with_capacity(WINDOW + longest);
        loop {
            if stop.is_cancelled() {
                return Err(BuildError::Canceled);
            }
            let before = window.len();
            file.by_ref().take(WINDOW as u64).read_to_end(&mut window).map_err(BuildError::ours)?;
            if window.len() == before {
                return Ok(Ok(()));
            }
            while let Some(found) = self.needles.as_ref().and_then(|needles| needles.first_in(&window)) {
                let Wanted { key, refused: is_refused, .. } = self.wanted[found];
                if is_refused {
                    return Ok(Err(refused(path, key)));
                }
                self.warn(path, key);
            }
            let keep = window.len().saturating_sub(longest);
            window.drain(..keep);
        }
    }

    /// Says it once of a key, which is looked for no more.
    fn warn(&mut self, path: &str, key: &str) {
        self.warnings.push(format!("warning: {path} contains the value of {key}; everybody can read it there"));
        let left = std::mem::take(&mut self.wanted).into_iter().filter(|wanted| wanted.key != key);
        *self = Self::of(left.collect(), std::mem::take(&mut self.warnings));
    }
}

fn refused(path: &str, key: &str) -> Failure {
    Failure::new(
        FailureCode::SecretInOutput,
        format!("{path} contains the secret {key}"),
        format!(
            "Everybody could read {key} in the published site, so nothing was published. Use it only in code that runs \
             in the build; if it is meant for browsers, give it a public name (VITE_…, NEXT_PUBLIC_…, PUBLIC_…) or make \
             it a plain variable."
        ),
    )
    .with_setting("secrets")
}

#[cfg(test)]
mod tests {
    use berth_model::VariableKey;
    use berth_secrets::SecretString;

    use super::*;

    fn search_for(key: &str, value: &str, kind: VariableKind, text: &str) -> Result<Vec<String>, Failure> {
        let release = tempfile::tempdir().unwrap();
        std::fs::create_dir(release.path().join("assets")).unwrap();
        std::fs::write(release.path().join("assets/app.js"), text).unwrap();
        let variable = OpenVariable { key: VariableKey::parse(key).unwrap(), kind, value: SecretString::from(value) };
        search(&[variable], release.path(), &CancellationToken::new()).unwrap()
    }

    #[test]
    fn a_secret_is_refused_by_file_and_key() {
        let failure =
            search_for("API_KEY", "sk_live_51H8abcdef", VariableKind::Secret, "x='sk_live_51H8abcdef'").unwrap_err();
        assert_eq!(
            (failure.code, failure.title.as_str()),
            (FailureCode::SecretInOutput, "assets/app.js contains the secret API_KEY")
        );
        assert!(!failure.detail.contains("sk_live"));
        // As a bundler writes a value of several lines.
        let pem = "-----BEGIN KEY-----\nMIIabc\n-----END KEY-----\n";
        let script = r#"const k="-----BEGIN KEY-----\nMIIabc\n-----END KEY-----""#;
        assert!(search_for("PEM", pem, VariableKind::Secret, script).is_err());
        // Across two windows.
        let far = format!("{}sk_live_51H8abcdef", "x".repeat(WINDOW - 5));
        assert!(search_for("API_KEY", "sk_live_51H8abcdef", VariableKind::Secret, &far).is_err());
    }

    /// The beginning of the value is at every place of the file.
    #[test]
    fn a_value_that_overlaps_itself_is_judged_and_the_search_can_be_stopped() {
        let value = format!("{}_B", "a".repeat(65_534));
        let file = "a".repeat(1 << 20);
        assert!(search_for("A", &value, VariableKind::Secret, &file).unwrap().is_empty());
        assert!(search_for("A", &value, VariableKind::Secret, &format!("{file}_B")).is_err());

        let mut search = Search::of(vec![Wanted { key: "A", value: b"value".to_vec(), refused: true }], Vec::new());
        let stop = CancellationToken::new();
        stop.cancel();
        let stopped = search.look_into(&mut std::io::repeat(b'a'), "x", &stop);
        assert!(matches!(stopped, Err(BuildError::Canceled)));
    }

    #[test]
    fn what_is_only_warned_of_is_said_once_and_hides_no_secret() {
        let release = tempfile::tempdir().unwrap();
        std::fs::write(release.path().join("a.js"), "production sk_live_51H8abcdef production").unwrap();
        let open = |key: &str, value: &str| OpenVariable {
            key: VariableKey::parse(key).unwrap(),
            kind: VariableKind::Secret,
            value: SecretString::from(value),
        };
        let variables = [open("MODE", "production"), open("API_KEY", "sk_live_51H8abcdef")];
        let search = |variables: &[OpenVariable]| search(variables, release.path(), &CancellationToken::new()).unwrap();
        assert_eq!(search(&variables).unwrap_err().title, "a.js contains the secret API_KEY");
        assert_eq!(
            search(&variables[..1]).unwrap(),
            ["warning: a.js contains the value of MODE; everybody can read it there"]
        );
    }

    #[test]
    fn public_plain_common_and_short_values_pass() {
        let search = |key: &str, value: &str, kind| search_for(key, value, kind, &format!("<{value}>")).unwrap();
        assert!(search("VITE_API_KEY", "sk_live_51H8abcdef", VariableKind::Secret).is_empty());
        assert!(search("API_KEY", "sk_live_51H8abcdef", VariableKind::Plain).is_empty());
        assert!(search("LETTER", "abc", VariableKind::Secret).is_empty());
        for common in [
            "api.example.org",
            "https://api.example.org/v1",
            "123456789012345",
            "production",
            "Internationalisation",
            "short1",
        ] {
            assert_eq!(search("KEY", common, VariableKind::Secret).len(), 1, "{common} is a warning");
        }
        for not_common in [
            "postgres://u:p@db.example.org/x",
            "https://u:pass@example.org/",
            "https://hooks.example.org/T00000000/B0000000000XXXXXXXXXXXXX",
            "correct horse battery",
        ] {
            let text = format!("<{not_common}>");
            assert!(search_for("KEY", not_common, VariableKind::Secret, &text).is_err(), "{not_common}");
        }
    }
}
