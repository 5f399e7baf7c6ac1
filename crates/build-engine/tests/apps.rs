//! The real applications, each built twice: `cargo test -p berth-build-engine --test apps -- --ignored --nocapture`.
//! `BERTH_APPS=vite-react-ts,angular` chooses some of them; `BERTH_FOLDERS=<directory>` builds each folder in there
//! instead (`any_folder`).

mod support;

use std::path::{Path, PathBuf};
use std::time::Instant;

use berth_model::{BuildLimits, RootDir, StepState};
use berth_store::{Project, ProjectChange};
use serde_json::Value;
use support::world::{Ended, World};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes long; needs ../shared/apps and a package registry"]
async fn every_static_application_builds_twice() {
    let mut above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|directory| directory.join("shared/apps"));
    let Some(apps) = above.find(|apps| apps.exists()) else { return };
    let Ok(manifest) = std::fs::read_to_string(apps.join("manifest.json")) else { return };
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let chosen = std::env::var("BERTH_APPS").ok();
    let world = World::new(BuildLimits::default()).await;
    for app in manifest["apps"].as_array().unwrap() {
        let name = app["directory"].as_str().unwrap();
        let is_chosen = chosen.as_ref().is_none_or(|chosen| chosen.split(',').any(|one| one == name));
        if !is_chosen {
            continue;
        }
        match app["kind"].as_str() {
            Some("static" | "build-fails") => {}
            Some("dockerfile") if name == "dockerfile-static" => {
                from_its_dockerfile(&world, &apps.join(name), app["contains"].as_str().unwrap()).await;
            }
            _ => continue,
        }
        let project = connect(&world, &apps.join(name), name, app["root_directory"].as_str()).await;
        if app["kind"] == "build-fails" {
            // As a site of files, so that its build is what fails.
            world.push(name, &[("next.config.ts", "export default { output: 'export' };")]);
            let ended = world.build(&project).await;
            let (failure, _) = ended.failure();
            eprintln!("{name}: {}\n{}", failure.title, failure.detail);
            assert!(failure.title.to_lowercase().contains("font"), "{failure:?}\n{}", ended.log);
            continue;
        }
        for round in ["cold", "warm"] {
            let began = Instant::now();
            let ended = world.build(&project).await;
            let took = began.elapsed();
            eprintln!("{name} {round} {:.2} s: {}", took.as_secs_f64(), steps(&ended));
            let file = app["measured"]["served_file"].as_str().unwrap_or("index.html");
            let page = ended.file(file);
            let wanted = app["contains"].as_str().unwrap();
            let somewhere = page.contains(wanted) || any_file_contains(&ended.artifact().directory, wanted);
            assert!(somewhere, "{name}: `{wanted}` is nowhere\n{}", ended.log);
        }
    }
    world.end().await;
}

/// The same project by its Dockerfile, which an output directory asks for.
async fn from_its_dockerfile(world: &World, from: &Path, wanted: &str) {
    let name = "by-dockerfile";
    let project = connect(world, from, name, None).await;
    let output = berth_model::OutputDir::parse("usr/share/nginx/html").unwrap();
    let change = ProjectChange { output_directory: Some(Some(output)), ..ProjectChange::default() };
    let host = format!("{name}.localhost");
    let project = world.store.update_project(world.access, project.id, change, &host, Vec::new()).await.unwrap();
    let began = Instant::now();
    let ended = world.build(&project).await;
    eprintln!("{name} {:.2} s: {}", began.elapsed().as_secs_f64(), steps(&ended));
    assert_eq!(ended.build.plan.as_ref().unwrap().services[0].framework.value, "dockerfile");
    assert!(any_file_contains(&ended.artifact().directory, wanted), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "for projects that are not here"]
async fn any_folder() {
    let Ok(folders) = std::env::var("BERTH_FOLDERS") else { return };
    let chosen = std::env::var("BERTH_APPS").ok();
    let world = World::new(BuildLimits::default()).await;
    let mut failed = Vec::new();
    for folder in std::fs::read_dir(&folders).unwrap().map(|entry| entry.unwrap().path()) {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if chosen.as_ref().is_some_and(|chosen| !chosen.split(',').any(|one| one == name)) {
            continue;
        }
        let project = connect(&world, &folder, &name, None).await;
        let ended = world.build(&project).await;
        let outcome = match &ended.outcome {
            Ok(_) => format!("{} files", ended.artifact().files),
            Err(error) => {
                failed.push(name.clone());
                format!("{error:?}\n{}", ended.log)
            }
        };
        eprintln!("{name}: {}: {outcome}", steps(&ended));
    }
    world.end().await;
    assert!(failed.is_empty(), "{failed:?}");
}

async fn connect(world: &World, from: &Path, name: &str, root: Option<&str>) -> Project {
    copy(from, &world.repository(name));
    let project = world.project(name, &[]).await;
    let root_directory = root.map(|root| Some(RootDir::parse(root).unwrap()));
    let change = ProjectChange { root_directory, ..ProjectChange::default() };
    let host = format!("{name}.localhost");
    world.store.update_project(world.access, project.id, change, &host, Vec::new()).await.unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::write(&target, std::fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

fn steps(ended: &Ended) -> String {
    let steps = ended.build.steps.iter().map(|step| {
        let skipped = if step.state == StepState::Skipped { " (skipped)" } else { "" };
        format!("{:?} {} ms{skipped}", step.name, step.took_ms.unwrap_or(0))
    });
    steps.collect::<Vec<_>>().join(", ")
}

fn any_file_contains(directory: &PathBuf, wanted: &str) -> bool {
    std::fs::read_dir(directory).unwrap().map(Result::unwrap).any(|entry| {
        if entry.file_type().unwrap().is_dir() {
            any_file_contains(&entry.path(), wanted)
        } else {
            std::fs::read(entry.path()).unwrap().windows(wanted.len()).any(|window| window == wanted.as_bytes())
        }
    })
}
