//! A folder goes live from another machine, with the real program and an API token.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use berth_tests::{Answer, Berth, Database, Session, Site, World, eventually};
use serde_json::{Value, json};

async fn token(ada: &Session, project: Option<i64>) -> Result<String> {
    let made = ada.post("/api/v1/tokens", &json!({"name": "ci", "projectId": project})).await?.expect(201)?;
    Ok(made["token"].as_str().context("a token")?.to_owned())
}

fn write(directory: &Path, files: &[(&str, &str)]) -> Result<()> {
    for (path, content) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().context("a parent")?)?;
        std::fs::write(path, content)?;
    }
    Ok(())
}

/// A file below a directory that holds a text. What goes meanwhile, as the journal of a database does, is passed over.
fn found_in(directory: &Path, text: &str) -> Result<Option<PathBuf>> {
    let Some(entries) = unless_gone(std::fs::read_dir(directory))? else { return Ok(None) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            if let Some(found) = found_in(&path, text)? {
                return Ok(Some(found));
            }
        } else if path.is_file()
            && let Some(content) = unless_gone(std::fs::read(&path))?
            && content.windows(text.len()).any(|part| part == text.as_bytes())
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

pub(super) fn unless_gone<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// What the first administrator reads of what was done with tokens.
async fn audit_of_tokens(berth: &Berth) -> Result<Value> {
    let setup_token = std::fs::read_to_string(berth.data().join("setup-token"))?;
    let body = json!({"setupToken": setup_token.trim(), "login": "olga", "password": "correct horse battery staple"});
    let olga = Answer::of(berth.request("POST", "/api/v1/setup").json(&body)).await?.expect(201)?;
    let token = olga["token"].as_str().context("a token")?;
    Answer::of(berth.request("GET", "/api/v1/audit?means=token").bearer_auth(token)).await?.expect(200)
}

async fn deployed(berth: &Berth, token: &str, directory: &Path, project: &str) -> Result<String> {
    let (code, said) = berth.deploy(token, &[&directory.display().to_string(), "--project", project]).await?;
    ensure!(code == Some(0), "{code:?}: {said}");
    Ok(said)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_live_and_back() -> Result<()> {
    for database in [Database::Sqlite, Database::postgres()] {
        let world = World::open(&database, &[]).await?;
        goes_live_and_back(&world).await?;
        world.close().await?;
    }
    Ok(())
}

async fn goes_live_and_back(world: &World) -> Result<()> {
    let (berth, ada, folder) = (&world.berth, &world.ada, tempfile::tempdir()?);
    let account = token(ada, None).await?;
    let page = |n: u32| format!("<h1>Folder {n}.</h1>");
    write(
        folder.path(),
        &[("index.html", &page(1)), ("assets/a.js", "1"), (".env", "A=b"), (".well-known/x.txt", "y")],
    )?;
    let said = deployed(berth, &account, folder.path(), "shop").await?;
    let site = Site::of(berth, "shop");
    ensure!(said.contains(&format!("http://{}", site.host)) && said.contains("1 hidden"), "{said}");
    ensure!(site.get("/").await?.body == page(1) && site.get("/.well-known/x.txt").await?.status == 200);
    ensure!(site.get("/.env").await?.status == 404);
    let audit = audit_of_tokens(berth).await?;
    let theirs = audit.as_array().context("entries")?.iter().map(|entry| json!([entry["action"], entry["meansName"]]));
    ensure!(theirs.eq([json!(["folder_deployed", "ci"]), json!(["project_created", "ci"])]), "{audit}");

    // The second one with a token of that project alone.
    let projects = ada.get("/api/v1/projects").await?.expect(200)?;
    let (id, first) = (projects[0]["id"].as_i64().context("an id")?, projects[0]["liveDeployment"]["id"].clone());
    let confined = token(ada, Some(id)).await?;
    write(folder.path(), &[("index.html", &page(2)), ("_redirects", "/old /assets/a.js 301\n")])?;
    deployed(berth, &confined, folder.path(), "shop").await?;
    ensure!(site.get("/").await?.body == page(2) && site.get("/old").await?.status == 301);
    let (code, said) = berth.deploy(&confined, &[&folder.path().display().to_string(), "--project", "blog"]).await?;
    ensure!(code == Some(1) && said.contains("for one project alone"), "{code:?}: {said}");

    // What cannot be published changes nothing, and says why.
    write(folder.path(), &[("_redirects", "/a /b\n/b /a\n")])?;
    let (code, said) = berth.deploy(&confined, &[&folder.path().display().to_string(), "--project", "shop"]).await?;
    ensure!(code == Some(1) && said.contains("loops"), "{code:?}: {said}");
    ensure!(site.get("/").await?.body == page(2));
    let builds = ada.get(&format!("/api/v1/projects/{id}/builds")).await?.expect(200)?;
    ensure!((&builds[0]["status"], &builds[1]["status"]) == (&json!("failed"), &json!("passed")), "{builds}");
    let log = ada.get(&format!("/api/v1/builds/{}/log", builds[1]["id"])).await?.expect(200)?;
    ensure!(log.to_string().contains("Received a folder"), "{log}");

    let back = ada.post(&format!("/api/v1/deployments/{first}/activate"), &json!({})).await?.expect(200)?;
    ensure!(back["status"] == "live" && site.get("/").await?.body == page(1), "{back}");
    // Tokens are kept as hashes: their texts stand nowhere.
    ensure!(found_in(folder.path(), &page(2))?.is_some(), "what is there is found");
    for token in [&account, &confined] {
        ensure!(found_in(&berth.data(), token)?.is_none(), "a token is in {:?}", found_in(&berth.data(), token)?);
    }
    let (code, said) =
        berth.deploy("berth_nobodys", &[&folder.path().display().to_string(), "--project", "shop"]).await?;
    ensure!(code == Some(1) && said.contains("no such API token"), "{code:?}: {said}");
    let (code, said) = berth.deploy(&account, &["nowhere", "--project", "shop"]).await?;
    ensure!(code == Some(2) && said.contains("there is no folder"), "{code:?}: {said}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_folder_goes_to_the_project_of_its_name() -> Result<()> {
    let world = World::open(&Database::Sqlite, &[]).await?;
    let (berth, sites) = (&world.berth, tempfile::tempdir()?);
    let account = token(&world.ada, None).await?;
    for n in 0..40 {
        write(sites.path(), &[(&format!("site-{n}/index.html"), &format!("<h1>Site {n}.</h1>"))])?;
    }
    write(sites.path(), &[("Not A Name/index.html", "x"), ("beside.txt", "x")])?;
    let directory = sites.path().display().to_string();
    for _ in 0..2 {
        let (code, said) = berth.deploy(&account, &[&directory, "--each"]).await?;
        ensure!(code == Some(1) && said.contains("40 of 41 are live") && said.contains("Not A Name: a name"), "{said}");
        for n in [0, 17, 39] {
            let page = Site::of(berth, &format!("site-{n}")).get("/").await?;
            ensure!(page.body == format!("<h1>Site {n}.</h1>"), "{n}: {}", page.body);
        }
    }
    world.close().await
}

/// C1 for folders: killed at random moments, the site is wholly old or wholly new, and no folder is begun again.
#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_folder_comes_in_it_recovers() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[]).await?;
    let (account, folder, site) =
        (token(&world.ada, None).await?, tempfile::tempdir()?, Site::of(&world.berth, "hardy"));
    let filling = "x".repeat(200_000);
    let fill = |version: u32| -> Result<()> {
        for n in 0..40 {
            write(folder.path(), &[(&format!("assets/{n}.txt"), &format!("{version} {n} {filling}"))])?;
        }
        write(folder.path(), &[("index.html", &format!("Version {version}."))])
    };
    fill(0)?;
    deployed(&world.berth, &account, folder.path(), "hardy").await?;
    let mut live = 0;
    for version in 1..=6 {
        fill(version)?;
        let directory = folder.path().display().to_string();
        let wait = Duration::from_millis(RandomState::new().hash_one(version) % 1_200);
        let arguments = [directory.as_str(), "--project", "hardy"];
        tokio::select! {
            ended = world.berth.deploy(&account, &arguments) => { ended?; }
            () = tokio::time::sleep(wait) => {}
        }
        world.berth.kill_9()?;
        world.berth.restart().await?;
        let seen = answers(&site).await?;
        let known = |seen: &str| [live, version].into_iter().find(|known| seen == format!("Version {known}."));
        ensure!(known(&seen).is_some(), "killed after {wait:?}: {seen}");
        all_has_come_to_its_end(&world).await?;
        let seen = answers(&site).await?;
        live = known(&seen).with_context(|| format!("killed after {wait:?}: {seen}"))?;
        ensure!(site.get("/assets/39.txt").await?.body.starts_with(&format!("{live} 39 ")), "a mixture");
    }
    fill(7)?;
    deployed(&world.berth, &account, folder.path(), "hardy").await?;
    ensure!(site.get("/").await?.body == "Version 7.");
    let staging = world.berth.deployments().join(".staging");
    ensure!(std::fs::read_dir(staging)?.next().is_none(), "something is left in the staging directory");
    world.close().await
}

async fn answers(site: &Site) -> Result<String> {
    eventually("the site answers", Duration::from_secs(60), async || {
        let page = site.get("/").await?;
        Ok((page.status == 200).then_some(page.body))
    })
    .await
}

/// Beside its answers to the first requests, Berth ends the build that was cut off, and puts live what only had to be.
async fn all_has_come_to_its_end(world: &World) -> Result<()> {
    let projects = world.ada.get("/api/v1/projects").await?.expect(200)?;
    let project = format!("/api/v1/projects/{}", projects[0]["id"]);
    let is_over = |list: &Value| {
        let mut statuses = list.as_array().into_iter().flatten().map(|one| &one["status"]);
        !statuses.any(|status| ["queued", "running", "ready"].iter().any(|word| status == word))
    };
    eventually("all builds are over, and live what is to be", Duration::from_secs(60), async || {
        let builds = world.ada.get(&format!("{project}/builds")).await?.expect(200)?;
        let deployments = world.ada.get(&format!("{project}/deployments")).await?.expect(200)?;
        Ok((is_over(&builds) && is_over(&deployments)).then_some(()))
    })
    .await
}
