//! The environment of commands: what makes tools quiet and cached, then what the repository gives, then the project's own
//! variables, which win.

use std::collections::BTreeMap;

use berth_model::PackageManager;
use berth_runtime::EnvVar;

use super::{PACKAGE_CACHE, inside, lockfile};
use crate::run::Job;

/// Settings of tools that hold for every command.
pub(super) const TOOLS: &[(&str, &str)] = &[
    ("CI", "true"),
    ("BERTH", "1"),
    ("npm_config_update_notifier", "false"),
    ("npm_config_fund", "false"),
    ("npm_config_audit", "false"),
    ("YARN_ENABLE_TELEMETRY", "0"),
    ("NEXT_TELEMETRY_DISABLED", "1"),
    ("ASTRO_TELEMETRY_DISABLED", "1"),
    ("GATSBY_TELEMETRY_DISABLED", "1"),
    ("NUXT_TELEMETRY_DISABLED", "1"),
    ("NG_CLI_ANALYTICS", "false"),
    ("COREPACK_ENABLE_DOWNLOAD_PROMPT", "0"),
    ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
    ("PIP_ROOT_USER_ACTION", "ignore"),
    // What is installed must be among the project's files: the container's image is kept, a home directory's cache
    // may not be.
    ("POETRY_VIRTUALENVS_IN_PROJECT", "true"),
    ("PIPENV_VENV_IN_PROJECT", "1"),
    ("UV_LINK_MODE", "copy"),
    // The image's, which was chosen by what the project asks for or stands in for that: no other is fetched.
    ("UV_PYTHON", "python3"),
    ("UV_PYTHON_DOWNLOADS", "never"),
    ("JEKYLL_ENV", "production"),
];

/// Package managers keep what they download here; the volume outlives the container.
const CACHES: &[(&str, &str)] = &[
    ("npm_config_cache", "npm"),
    ("YARN_GLOBAL_FOLDER", "berry"),
    ("BUN_INSTALL_CACHE_DIR", "bun"),
    ("PIP_CACHE_DIR", "pip"),
    ("UV_CACHE_DIR", "uv"),
    ("POETRY_CACHE_DIR", "poetry"),
    ("PIPENV_CACHE_DIR", "pipenv"),
    ("BUNDLE_USER_CACHE", "bundler"),
];

/// The cache of one manager, by a name that others warn about or take for something else.
fn own_cache(manager: PackageManager) -> Option<(&'static str, &'static str)> {
    match manager {
        PackageManager::Pnpm => Some(("npm_config_store_dir", "pnpm")),
        PackageManager::Yarn => Some(("YARN_CACHE_FOLDER", "yarn")),
        _ => None,
    }
}

/// Where package managers put the programs of a project's packages.
pub(super) const PROGRAMS: [&str; 2] = ["node_modules/.bin", ".venv/bin"];

/// For installing: without `NODE_ENV`, with which package managers leave out what builds need.
pub(super) fn of_install(job: &Job) -> Vec<EnvVar> {
    let mut environment = base(job);
    let toolchain = job.service.toolchain.as_ref();
    let manager = toolchain.and_then(|toolchain| Some(toolchain.package_manager.as_ref()?.value));
    let caches = CACHES.iter().copied().chain(manager.and_then(own_cache));
    environment.extend(caches.map(|(key, name)| EnvVar::new(key, format!("{PACKAGE_CACHE}/{name}"))));
    // A lockfile names exact versions with their hashes: what is in the cache needs no second look.
    if job.service.install_command.as_ref().is_some_and(|command| command.source != "default") {
        environment.push(EnvVar::new("npm_config_prefer_offline", "true"));
    }
    // Zipped packages are run from where they lie: among the project's files, not in a cache that a build does not see.
    if manager == Some(PackageManager::YarnBerry) && lockfile::is_plug_and_play(job) {
        environment.push(EnvVar::new("YARN_ENABLE_GLOBAL_CACHE", "false"));
    }
    environment.extend(of_project(job).filter(|variable| variable.key != "NODE_ENV"));
    environment
}

/// For building.
pub(super) fn of_build(job: &Job) -> Vec<EnvVar> {
    let mut environment = base(job);
    environment.extend(of_project(job));
    environment
}

/// For the processes of a running service, in the image that they start from: nothing that is secret. What the project's
/// variables say is given to each as it starts, and wins. `base` is the environment of the image that was built in.
pub(super) fn of_service(job: &Job, base: &[String]) -> BTreeMap<String, String> {
    const USUAL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let path = base.iter().find_map(|pair| pair.strip_prefix("PATH=")).unwrap_or(USUAL_PATH);
    // Without it what Python prints is in the log only when its buffer is full.
    let mut environment: BTreeMap<String, String> =
        [("NODE_ENV", "production"), ("PYTHONUNBUFFERED", "1")].map(|(key, value)| (key.into(), value.into())).into();
    // A service may be started by `uv run`.
    let is_kept = |key: &str| key.ends_with("_TELEMETRY_DISABLED") || key.starts_with("UV_PYTHON");
    environment.extend(TOOLS.iter().filter(|(key, _)| is_kept(key)).map(owned));
    environment.extend(job.service.environment.iter().map(|(key, value)| (key.to_string(), value.clone())));
    environment.insert("PATH".to_owned(), format!("{}:{path}", programs(job)));
    environment
}

fn owned((key, value): &(&str, &str)) -> (String, String) {
    ((*key).to_owned(), (*value).to_owned())
}

/// The project's variables, and what the repository gives beside them.
fn of_project(job: &Job) -> impl Iterator<Item = EnvVar> {
    let plain = job.service.environment.iter().filter(|(key, _)| !job.variables.has(key));
    let plain = plain.map(|(key, value)| EnvVar::new(key.as_str(), value.as_str()));
    plain.chain(job.variables.environment())
}

fn base(job: &Job) -> Vec<EnvVar> {
    let mut environment: Vec<EnvVar> = TOOLS.iter().map(|(key, value)| EnvVar::new(*key, *value)).collect();
    environment.push(EnvVar::new("BERTH_PROGRAMS", programs(job)));
    environment.push(EnvVar::new("BERTH_COMMIT", job.commit.as_str()));
    environment.push(EnvVar::new("BERTH_BRANCH", job.branch.as_str()));
    environment
}

/// Where programs of the project's packages are found by their names.
fn programs(job: &Job) -> String {
    let mut places = vec![inside(job.root())];
    if job.service.install_directory.as_str() != job.root() {
        places.push(inside(job.service.install_directory.as_str()));
    }
    let places = places.iter().flat_map(|directory| PROGRAMS.map(|programs| format!("{directory}/{programs}")));
    places.collect::<Vec<_>>().join(":")
}
