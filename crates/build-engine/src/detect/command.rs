//! Command lines of `package.json`, taken apart as far as a plan depends on them.

use super::package_json::PackageJson;

/// What a command line runs, command by command, with the scripts that it calls put in.
#[derive(Debug, Default)]
pub(super) struct Commands(Vec<Vec<String>>);

/// Scripts that call each other do so at most this deep.
const MOST_DEPTH: usize = 4;
/// Commands and called scripts that are looked at, in all: scripts that name each other often are many more.
const MOST_COMMANDS: usize = 500;
/// Words of a command that are looked at.
const MOST_WORDS: usize = 1000;

impl Commands {
    pub(super) fn of(line: &str, package: &PackageJson) -> Self {
        let mut commands = Self::default();
        commands.add(line, package, 0, &mut { MOST_COMMANDS });
        commands
    }

    fn add(&mut self, line: &str, package: &PackageJson, depth: usize, left: &mut usize) {
        for words in line.split(['&', '|', ';', '\n']).map(words).filter(|words| !words.is_empty()) {
            if depth < MOST_DEPTH {
                for script in called_scripts(&words, package) {
                    // A script counts, too: it can be without a command.
                    let Some(rest) = left.checked_sub(1) else { return };
                    *left = rest;
                    self.add(script, package, depth + 1, left);
                }
            }
            let Some(rest) = left.checked_sub(1) else { return };
            *left = rest;
            self.0.push(words);
        }
    }

    /// Each command's words.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[String]> {
        self.0.iter().map(Vec::as_slice)
    }

    /// Whether all commands are of a kind.
    pub(super) fn all(&self, holds: impl Fn(&[String]) -> bool) -> bool {
        self.0.iter().all(|words| holds(words))
    }

    /// The programs that are run, without those that only run others.
    pub(super) fn programs(&self) -> impl Iterator<Item = &str> {
        const RUNNERS: &[&str] =
            &["npx", "npm", "pnpm", "yarn", "bun", "bunx", "run-s", "run-p", "npm-run-all", "cross-env"];
        self.0.iter().filter_map(|words| {
            let first = words
                .iter()
                .find(|word| !word.contains('=') && !["npx", "bunx", "cross-env"].contains(&word.as_str()))?;
            let program = first.rsplit('/').next().unwrap_or(first);
            (!RUNNERS.contains(&program)).then_some(program)
        })
    }

    /// Whether a command runs these words, the first of them as a program.
    pub(super) fn run(&self, program: &str) -> bool {
        self.arguments(program).next().is_some()
    }

    /// What stands behind these words, for each command that has them.
    pub(super) fn arguments<'a>(&'a self, program: &str) -> impl Iterator<Item = &'a [String]> {
        let wanted: Vec<String> = program.split(' ').map(str::to_owned).collect();
        self.0.iter().filter_map(move |words| {
            let at = (0..words.len()).find(|at| {
                let first = words[*at].rsplit('/').next().unwrap_or_default();
                first == wanted[0] && words[at + 1..].starts_with(&wanted[1..])
            })?;
            words.get(at + wanted.len()..)
        })
    }

    /// The value of an option of a program: `--out x` and `--out=x`.
    pub(super) fn option(&self, program: &str, names: &[&str]) -> Option<String> {
        self.arguments(program).find_map(|arguments| {
            arguments.iter().enumerate().find_map(|(at, word)| {
                if names.contains(&word.as_str()) {
                    return arguments.get(at + 1).filter(|value| !value.starts_with('-')).cloned();
                }
                let (name, value) = word.split_once('=')?;
                names.contains(&name).then(|| value.trim_matches(['"', '\'']).to_owned())
            })
        })
    }

    /// The value of a variable that is set in front of a program.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let set = self.0.iter().flatten().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        set.map(|value| value.trim_matches(['"', '\'']).to_owned())
    }
}

fn words(part: &str) -> Vec<String> {
    let words = part.split_whitespace().take(MOST_WORDS);
    words.map(|word| word.trim_matches(['"', '\'', '(', ')']).to_owned()).collect()
}

/// The texts of the scripts that a command calls: `npm run x`, `pnpm x`, `run-s x y`.
pub(super) fn called_scripts<'a>(words: &[String], package: &'a PackageJson) -> Vec<&'a str> {
    let mut rest = words.iter().skip_while(|word| word.contains('=') || *word == "cross-env" || *word == "npx");
    let script = |name: &str| package.script(name);
    match rest.next().map(String::as_str) {
        Some("npm" | "pnpm" | "yarn" | "bun") => {
            let name = rest.find(|word| *word != "run" && *word != "run-script" && !word.starts_with('-'));
            name.and_then(|name| script(name)).into_iter().collect()
        }
        Some("run-s" | "run-p" | "npm-run-all" | "npm-run-all2") => rest
            .filter(|word| !word.starts_with('-'))
            .flat_map(|name| match name.split_once('*') {
                Some((start, _)) => package.scripts_starting_with(start),
                None => script(name).into_iter().collect(),
            })
            .take(MOST_COMMANDS)
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_called_scripts() {
        let package = r#"{"scripts":{"build":"run-s check build:*","check":"tsc","build:site":"NODE_ENV=production vite build --outDir=www -m x",
            "build:loop":"npm run build"}}"#;
        let package = PackageJson::parse(package).unwrap();
        let commands = Commands::of("pnpm run build && echo done", &package);
        assert_eq!(commands.option("vite build", &["--outDir"]).as_deref(), Some("www"));
        assert_eq!(commands.option("vite build", &["-m", "--mode"]).as_deref(), Some("x"));
        assert_eq!(commands.variable("NODE_ENV").as_deref(), Some("production"));
        assert!(commands.run("tsc") && !commands.run("vite preview"));
        let direct = Commands::of("npx ./node_modules/.bin/vitepress build docs", &package);
        assert_eq!(direct.arguments("vitepress build").next().unwrap(), ["docs"]);
    }

    #[test]
    fn scripts_that_call_each_other_without_end_are_cut_off() {
        let thousand = |name: &str| format!("run-s {}", vec![name; 1000].join(" "));
        for last in ["echo", "&"] {
            let scripts =
                [("build", thousand("a")), ("a", thousand("b")), ("b", thousand("c")), ("c", last.to_owned())];
            let scripts: std::collections::BTreeMap<_, _> = scripts.into_iter().collect();
            let package = serde_json::json!({ "scripts": scripts }).to_string();
            let commands = Commands::of("npm run build", &PackageJson::parse(&package).unwrap());
            assert!(commands.iter().count() <= MOST_COMMANDS);
        }
        let package = serde_json::json!({ "scripts": { "build": thousand("build") } }).to_string();
        let commands = Commands::of("npm run build", &PackageJson::parse(&package).unwrap());
        assert!(commands.run("run-s") && commands.iter().count() <= MOST_COMMANDS);
    }
}
