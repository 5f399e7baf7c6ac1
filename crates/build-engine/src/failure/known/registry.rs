//! Packages that a registry does not give: it wants a token, or has no such package.

use berth_model::FailureCode;

use super::Kind::Reason;
use super::{Row, Seen, Set, Words};

pub(super) const ROWS: &[Row] = &[
    (r"^npm (?:error|ERR!) code (?:E(401|403|404)|(ENEEDAUTH))", Reason, |seen| {
        match (seen.below(r"- (?:GET|PUT) (https?://\S+)"), seen.value()) {
            (Some(url), status) => refused(seen, status, &url),
            (None, "403" | "404") => None,
            // Without a token npm may ask nothing, or tell only how the registry wants to be asked.
            (None, status) => {
                let host = seen.below(r"logged in to https?://([^/\s]+)");
                named(seen, status, "a package", host.as_deref())
            }
        }
    }),
    (r"ERR_PNPM_FETCH_(40[134])\S*\s+GET (https?://\S+?):? ", Reason, |seen| {
        refused(seen, seen.group(1), seen.group(2))
    }),
    (
        r#"^error (?:Error|An unexpected error occurred): "?(https?://[^\s":]+(?::\d+)?[^\s":]*): "?(.+?)"?\.?$"#,
        Reason,
        |seen| {
            let says = seen.group(2).to_lowercase();
            let says = |words: &[&str]| words.iter().any(|word| says.contains(word));
            let status = match () {
                () if says(&["401", "unauth", "authenti"]) => "401",
                () if says(&["403", "forbidden"]) => "403",
                () if says(&["404", "not found"]) => "404",
                () => return None,
            };
            refused(seen, status, seen.group(1))
        },
    ),
    (r"YN0041: │ (\S+?)@\S+: Invalid authentication", Reason, |seen| named(seen, "401", seen.group(1), None)),
    (r"YN0035: │\s+Response Code: (40[134])", Reason, |seen| {
        refused(seen, seen.group(1), &seen.below(r"Request URL: (https?://\S+)")?)
    }),
    (r"^error: GET (https?://\S+) - (40[134])", Reason, |seen| refused(seen, seen.group(2), seen.group(1))),
    (r"^error Error: Failed to replace env in config: \$\{(\w+)\}", Reason, |seen| no_variable(seen.value())),
];

/// `url` is a package's document or archive.
fn refused(seen: &Seen<'_>, status: &str, url: &str) -> Option<Words> {
    let (_, rest) = url.split_once("://")?;
    let (host, path) = rest.split_once('/')?;
    let path = path.split("/-/").next()?.replace("%2f", "/").replace("%2F", "/");
    let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
    let name = parts.next()?.to_owned();
    let package = match parts.next().filter(|scope| scope.starts_with('@')) {
        Some(scope) => format!("{scope}/{name}"),
        None => name,
    };
    named(seen, status, &package, Some(host))
}

fn named(seen: &Seen<'_>, status: &str, package: &str, host: Option<&str>) -> Option<Words> {
    if let Some(variable) = seen.above(r"Failed to replace env in config: \$\{(\w+)\}") {
        return no_variable(&variable);
    }
    let registry = host.unwrap_or("the registry");
    let title = match status {
        "404" => format!("{package} is not at {registry}, or is private (404)"),
        "403" => format!("{registry} refused {package} (403)"),
        status => format!("{package} is private: {registry} wants a token ({status})"),
    };
    let known = match status {
        "404" => "Check the name. ",
        _ => "",
    };
    let is_berry = seen.lines[seen.at].text.contains("YN00");
    let place = match (is_berry, host) {
        (true, _) => "in .yarnrc.yml: npmAuthToken: ${NPM_TOKEN}".to_owned(),
        (false, host) => format!("in .npmrc: //{}/:_authToken=${{NPM_TOKEN}}", host.unwrap_or("registry.example.org")),
    };
    Words::new(
        FailureCode::PackageUnavailable,
        title,
        format!(
            "{known}A private package needs a token: add it to the project as a secret (NPM_TOKEN) and name it {place}. If it \
             is there already, it has expired or may not read this package."
        ),
    )
    .set("secrets")
}

fn no_variable(name: &str) -> Option<Words> {
    Words::new(
        FailureCode::PackageUnavailable,
        format!("the variable {name}, which .npmrc names, is not set"),
        format!("Add {name} to the project as a secret; then rebuild."),
    )
    .set("secrets")
}
