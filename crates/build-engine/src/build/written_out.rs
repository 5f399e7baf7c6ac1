//! A plan as a Dockerfile, for people who build elsewhere or want to see each step. The image holds what Berth would
//! publish, and nothing else.
//!
//! Berth itself does not build it: its builds keep packages between commits and have limits that a Dockerfile cannot
//! state.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use berth_model::{Decision, Failure, FailureCode, OutputDir, PlanService, RunSettings, ServiceKind};

use super::{SOURCE, environment, inside, toolchain};
use crate::Checkout;
use crate::detect::{Sources, sources};

/// The Dockerfile of a service.
///
/// # Errors
/// In words, where there is nothing to write: a repository's own Dockerfile, or a toolchain that Berth cannot set up.
pub(crate) fn dockerfile(checkout: &Checkout, service: &PlanService) -> Result<String, Failure> {
    if let Some(own) = &service.dockerfile {
        return Err(Failure::new(
            FailureCode::BadSettings,
            format!("the plan is to build the Dockerfile that is there: {}", own.value),
            "There is nothing to write out: that file says how.",
        ));
    }
    let root = service.root_directory.value.as_str();
    let mut text = format!("# {}: {}\n", service.framework.value, service.framework.why);
    match (&service.kind, &service.toolchain) {
        (ServiceKind::Static { output_directory }, None) => {
            let from = [root, output_directory.value.as_str()].into_iter().filter(|part| !part.is_empty());
            let from = from.collect::<Vec<_>>().join("/");
            add(&mut text, "FROM scratch");
            add(&mut text, &copy(&[directory(&from)], "/", None));
        }
        (ServiceKind::Static { output_directory }, Some(_)) => {
            build_stage(&mut text, checkout, service)?;
            add(&mut text, "\nFROM scratch");
            add(&mut text, &copy(&[output(root, &output_directory.value)], "/", Some("build")));
        }
        (ServiceKind::Running { start_command, run }, Some(_)) => {
            build_stage(&mut text, checkout, service)?;
            starting(&mut text, service, run, start_command.as_ref());
        }
        (ServiceKind::Running { .. }, None) => {
            return Err(Failure::new(
                FailureCode::ServerApplication,
                format!("no image is known that runs this application ({})", service.framework.value),
                "Add a Dockerfile that does.",
            ));
        }
    }
    Ok(text)
}

/// What runs in the image, and with what.
fn starting(text: &mut String, service: &PlanService, run: &RunSettings, start: Option<&Decision<String>>) {
    let port = run.port.map(|port| ("PORT".to_owned(), port.to_string()));
    let listens = port.clone().map(|_| ("HOST".to_owned(), "0.0.0.0".to_owned()));
    let image = service.toolchain.as_ref().map_or("", |toolchain| toolchain.image.value.as_str());
    let node = image.starts_with("node").then(|| ("NODE_ENV".to_owned(), "production".to_owned()));
    let given = service.environment.iter().map(|(key, value)| (key.to_string(), value.clone()));
    let pairs = node.into_iter().chain(listens).chain(port).chain(given);
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={}", quoted(&value))).collect();
    if !pairs.is_empty() {
        add(text, &format!("ENV {}", pairs.join(" \\\n    ")));
    }
    if let Some(port) = run.port {
        add(text, &format!("EXPOSE {port}"));
    }
    for volume in &run.volumes {
        add(text, &format!("VOLUME {}", words(&[volume.path.as_str()])));
    }
    if let Some(release) = &run.release_command {
        add(text, &format!("# Before it goes live: {}", release.replace(['\n', '\r'], " ")));
    }
    if let Some(start) = start {
        add(text, &format!("CMD {}", words(&["sh", "-c", &start.value])));
    }
}

/// A value of `ENV`, of which the builder takes nothing for its own.
fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/:,@%+=".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    let escaped: String = value
        .chars()
        .flat_map(|c| {
            matches!(c, '"' | '\\' | '$').then_some('\\').into_iter().chain([if c == '\n' { ' ' } else { c }])
        })
        .collect();
    format!("\"{escaped}\"")
}

/// The stage that ends with the built project.
fn build_stage(text: &mut String, checkout: &Checkout, service: &PlanService) -> Result<(), Failure> {
    text.push_str(&toolchain::written_out(checkout, service, "build")?);
    let top = service.install_directory.as_str();
    let root = service.root_directory.value.as_str();
    let image = service.toolchain.as_ref().map_or("", |toolchain| toolchain.image.value.as_str());
    add(text, &variables(image, root, top));
    add(text, &format!("WORKDIR {}", inside(top)));
    let mut is_all_there = false;
    if let Some(command) = &service.install_command {
        match sources(checkout, service) {
            Sources::Files(files) => copy_each(text, &files),
            Sources::Everything(why) => {
                add(text, &format!("# All files, because {why}"));
                add(text, &copy(&[".".to_owned()], &format!("{SOURCE}/"), None));
                is_all_there = true;
            }
        }
        add(text, &run(&command.value));
    }
    if !is_all_there {
        add(text, &copy(&[".".to_owned()], &format!("{SOURCE}/"), None));
    }
    if root != top {
        add(text, &format!("WORKDIR {}", inside(root)));
    }
    if let Some(command) = &service.build_command {
        add(text, &run(&command.value));
    }
    Ok(())
}

/// What commands find in their environment; settings of other languages' tools are left out.
fn variables(image: &str, root: &str, top: &str) -> String {
    let is_wanted = |key: &str| match key {
        "BERTH" => false,
        "CI" => true,
        "JEKYLL_ENV" => image.starts_with("ruby"),
        _ if ["PIP", "POETRY", "UV"].iter().any(|tool| key.starts_with(tool)) => image.starts_with("python"),
        _ => image.starts_with("node"),
    };
    let mut places = vec![inside(root)];
    if root != top {
        places.push(inside(top));
    }
    let programs =
        environment::PROGRAMS.iter().flat_map(|below| places.iter().map(move |place| format!("{place}/{below}")));
    let path = format!("PATH=\"{}:$PATH\"", programs.collect::<Vec<_>>().join(":"));
    let tools =
        environment::TOOLS.iter().filter(|(key, _)| is_wanted(key)).map(|(key, value)| format!("{key}={value}"));
    let pairs: Vec<String> = tools.chain([path]).collect();
    format!("ENV {}", pairs.join(" \\\n    "))
}

/// The manifests of each directory, in one instruction each.
fn copy_each(text: &mut String, files: &[String]) {
    let mut by_directory: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for file in files {
        by_directory.entry(file.rsplit_once('/').map_or("", |(place, _)| place)).or_default().push(file.clone());
    }
    for (place, files) in by_directory {
        let target = format!("{}/", inside(place));
        add(text, &copy(&files, &target, None));
    }
}

fn output(root: &str, output: &OutputDir) -> String {
    let place = inside(root);
    if output.is_top() { format!("{place}/") } else { format!("{place}/{}/", output.as_str()) }
}

/// A directory of the context: what is in it, not itself.
fn directory(path: &str) -> String {
    if path.is_empty() { ".".to_owned() } else { format!("{path}/") }
}

fn copy(from: &[String], to: &str, stage: Option<&str>) -> String {
    let stage = stage.map(|name| format!("--from={name} ")).unwrap_or_default();
    let paths: Vec<&str> = from.iter().map(String::as_str).chain([to]).collect();
    if paths.iter().any(|path| path.contains(char::is_whitespace) || path.contains(['"', '\''])) {
        return format!("COPY {stage}{}", words(&paths));
    }
    format!("COPY {stage}{}", paths.join(" "))
}

/// A command as a shell runs it; one of several lines is handed over whole.
fn run(command: &str) -> String {
    if command.contains(['\n', '\r']) || command.ends_with('\\') || command.starts_with('[') {
        return format!("RUN {}", words(&["sh", "-c", command]));
    }
    format!("RUN {command}")
}

/// The form of an instruction that no shell reads.
fn words(words: &[&str]) -> String {
    serde_json::Value::from(words).to_string()
}

fn add(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{ProjectSettings, detect};

    fn written(files: &[(&str, &str)], root: &str) -> Result<String, Failure> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let checkout = Checkout::of_folder(folder.path()).unwrap();
        let root_directory = Some(berth_model::RootDir::parse(root).unwrap());
        let plan = detect(&checkout, &ProjectSettings { root_directory, ..ProjectSettings::default() }).unwrap();
        dockerfile(&checkout, &plan.services[0])
    }

    #[test]
    fn manifests_come_before_sources() {
        let files = [
            ("package.json", r#"{"workspaces":["apps/*"],"packageManager":"pnpm@10.2.0"}"#),
            ("pnpm-lock.yaml", "lockfileVersion: '9.0'"),
            ("pnpm-workspace.yaml", ""),
            ("apps/my site/package.json", r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#),
        ];
        insta::assert_snapshot!(written(&files, "apps/my site").unwrap());
    }

    #[test]
    fn other_languages_and_servers() {
        let site = [("mkdocs.yml", "site_name: x"), ("requirements.txt", "mkdocs\n")];
        insta::assert_snapshot!("a_site_of_python", written(&site, "").unwrap());
        let server = [("package.json", r#"{"scripts":{"start":"node ."}}"#), ("index.js", "")];
        let start = "ENV NODE_ENV=production \\\n    HOST=0.0.0.0 \\\n    PORT=3000\nEXPOSE 3000\nCMD [\"sh\",\"-c\",\"npm start\"]\n";
        assert!(written(&server, "").unwrap().ends_with(start));
        // What is brought to install with is there when it runs.
        let prisma = [("package.json", r#"{"scripts":{"start":"node ."},"dependencies":{"prisma":"6"}}"#)];
        let prisma = written(&prisma, "").unwrap();
        assert!(prisma.contains("--no-install-recommends ca-certificates openssl\n"), "{prisma}");
        assert_eq!(prisma.matches("FROM ").count(), 1, "{prisma}");
        let declared =
            "[services.web]\nrelease = \"npm run x\"\nenv = { A = \"$B \\\"c\\\"\" }\nvolumes = { d = \"/d\" }\n";
        let declared = written(&[server[0], server[1], ("berth.toml", declared)], "").unwrap();
        let wanted = "    A=\"\\$B \\\"c\\\"\"\nEXPOSE 3000\nVOLUME [\"/d\"]\n# Before it goes live: npm run x\n";
        assert!(declared.contains(wanted), "{declared}");
        assert_eq!(written(&[("public/index.html", "")], "").unwrap().lines().last(), Some("COPY public/ /"));
        let own = written(&[("Dockerfile", "FROM x")], "").unwrap_err();
        assert_eq!(own.title, "the plan is to build the Dockerfile that is there: Dockerfile");
        let zola = [("config.toml", "base_url = \"x\""), ("content/a.md", "")];
        assert_eq!(written(&zola, "").unwrap_err().title, "Berth cannot install Zola");
    }
}
