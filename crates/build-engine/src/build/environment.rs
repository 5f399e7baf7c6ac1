//! The environment of commands: what makes tools quiet and cached, then the project's own variables, which win.

use berth_model::PackageManager;
use berth_runtime::EnvVar;

use super::{PACKAGE_CACHE, inside};
use crate::run::Job;

/// Settings of tools that hold for every command.
const TOOLS: &[(&str, &str)] = &[
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
];

/// Package managers keep what they download here; the volume outlives the container.
const CACHES: &[(&str, &str)] = &[
    ("npm_config_cache", "npm"),
    ("YARN_CACHE_FOLDER", "yarn"),
    ("YARN_GLOBAL_FOLDER", "berry"),
    ("BUN_INSTALL_CACHE_DIR", "bun"),
];

/// Only for pnpm itself: npm warns about a setting that it does not know.
const PNPM_STORE: (&str, &str) = ("npm_config_store_dir", "pnpm");

/// For installing: without `NODE_ENV`, with which package managers leave out what builds need.
pub(super) fn of_install(job: &Job) -> Vec<EnvVar> {
    let mut environment = base(job);
    let manager = job.service.toolchain.as_ref().and_then(|toolchain| toolchain.package_manager.as_ref());
    let is_pnpm = manager.is_some_and(|manager| manager.value == PackageManager::Pnpm);
    let caches = CACHES.iter().chain(is_pnpm.then_some(&PNPM_STORE));
    environment.extend(caches.map(|(key, name)| EnvVar::new(*key, format!("{PACKAGE_CACHE}/{name}"))));
    // A lockfile names exact versions with their hashes: what is in the cache needs no second look.
    if job.service.install_command.as_ref().is_some_and(|command| command.source != "default") {
        environment.push(EnvVar::new("npm_config_prefer_offline", "true"));
    }
    environment.extend(job.variables.environment().filter(|variable| variable.key != "NODE_ENV"));
    environment
}

/// For building.
pub(super) fn of_build(job: &Job) -> Vec<EnvVar> {
    let mut environment = base(job);
    environment.extend(job.variables.environment());
    environment
}

fn base(job: &Job) -> Vec<EnvVar> {
    let mut environment: Vec<EnvVar> = TOOLS.iter().map(|(key, value)| EnvVar::new(*key, *value)).collect();
    let mut programs = vec![inside(job.root())];
    if job.service.install_directory.as_str() != job.root() {
        programs.push(inside(job.service.install_directory.as_str()));
    }
    let programs: Vec<String> = programs.iter().map(|directory| format!("{directory}/node_modules/.bin")).collect();
    environment.push(EnvVar::new("BERTH_PROGRAMS", programs.join(":")));
    environment.push(EnvVar::new("BERTH_COMMIT", job.commit.as_str()));
    environment.push(EnvVar::new("BERTH_BRANCH", job.branch.as_str()));
    environment
}
