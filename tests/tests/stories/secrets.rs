//! What Berth knows and nobody may read: under a new encryption key it is the same, and no log has it.

use anyhow::{Context, Result, ensure};
use berth_tests::{Database, Delivery, FakeGithub, Shop, WEBHOOK_SECRET, World};
use serde_json::{Value, json};

const VALUE: &str = "open sesame, says the shop";

/// Builds fail unless their secret is there as it was set.
const CHECK: &str = "if (process.env.SHOP_SECRET !== 'open sesame, says the shop') process.exit(7)";

/// With everything logged that Berth itself and what it is made of have to say.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_keeps_every_secret_and_no_log_has_one() -> Result<()> {
    let mut world = World::open(&Database::Sqlite, &[("BERTH_LOG", "trace")]).await?;
    let secrets = json!([{"key": "SHOP_SECRET", "value": VALUE}]);
    let settings = json!({"outputDirectory": "dist", "secrets": secrets});
    let project = world.connect("keeper", &Shop::saying("Before").then(CHECK), settings).await?;
    world.shows(&project, "Before").await?;
    let mut known = what_berth_was_told(&world, project.id).await?;

    let key = std::fs::read_to_string(world.berth.data().join("encryption-key"))?;
    let said = world.berth.run(&["secrets", "rotate"])?;
    ensure!(said.contains("start Berth"), "nobody was told what to do next: {said}");
    world.berth.terminate().await?;
    world.berth.restart().await?;
    let new_key = std::fs::read_to_string(world.berth.data().join("encryption-key"))?;
    ensure!(new_key != key && !world.berth.data().join("encryption-key.previous").exists(), "the key is the old one");
    // One that has just started looks for itself, too, and may find it before it is told.
    Shop::saying("After").then(CHECK).publish(&project.repo)?;
    Delivery::push(&project.repo)?.send(&world.berth).await?.heard()?;
    world.shows(&project, "After").await?;
    let hook = world.ada.post(&format!("/api/v1/projects/{}/hook/test", project.id), &json!({})).await?.expect(200)?;
    ensure!(hook["delivered"] == true, "what its hook signs is not believed any more: {hook}");

    let signing_key = std::fs::read_to_string(world.berth.data().join("secret"))?;
    known.extend([key, new_key, signing_key].map(|key| key.trim().to_owned()));
    let log = world.berth.log()? + &said;
    ensure!(log.contains("TRACE"), "this is not everything");
    for secret in known {
        let at = log.lines().find(|line| line.contains(&secret));
        ensure!(at.is_none(), "{secret} is in the log: {at:?}");
    }
    world.close().await
}

/// Gives it every kind of secret, in right and in wrong ways; what they were.
async fn what_berth_was_told(world: &World, project: i64) -> Result<Vec<String>> {
    let hook = world.ada.put(&format!("/api/v1/projects/{project}/hook"), &json!({})).await?.expect(200)?;
    let called = format!("/api/v1/projects/{project}/deploy-hooks");
    let called = world.ada.post(&called, &json!({"name": "nightly"})).await?.expect(201)?;
    let address = text_of(&called, "url")?;
    world.berth.client().post(&address).send().await?.error_for_status()?;
    let made = world.ada.post("/api/v1/tokens", &json!({"name": "ci"})).await?.expect(201)?;
    let token = text_of(&made, "token")?;
    let as_program = world.berth.request("GET", "/api/v1/projects").bearer_auth(&token).send().await?;
    ensure!(as_program.status() == 200, "{}", as_program.status());

    // A4: a token in an address gets nobody in.
    let in_address = format!("/api/v1/projects?token={}", world.ada.token);
    ensure!(world.berth.request("GET", &in_address).send().await?.status() == 401, "a token in an address was taken");
    let wrong = ["Basic wrong-credentials-0815", "Bearer wrong-token-0815"];
    for wrong in wrong {
        let answer = world.berth.request("GET", "/api/v1/projects").header("Authorization", wrong).send().await?;
        ensure!(answer.status() == 401, "{wrong} was taken");
    }
    let sign_in = json!({"login": "ada@localhost", "password": "wrong-password-0815"});
    let refused = world.berth.request("POST", "/api/v1/sessions").json(&sign_in).send().await?;
    ensure!(refused.status() == 401, "{}", refused.status());
    let misspelt = json!({"variables": [{"key": "9 lives", "value": "misspelt-value-0815"}]});
    let refused = world.ada.put(&format!("/api/v1/projects/{project}/variables"), &misspelt).await?;
    ensure!(refused.status == 422, "{refused:?}");
    let cut = format!("{{\"variables\": [{{\"key\": \"A\", \"value\": \"{}", "cut-off-value-0815");
    let path = format!("/api/v1/projects/{project}/variables");
    let request = world.berth.request("PUT", &path).bearer_auth(&world.ada.token);
    let refused = request.header("Content-Type", "application/json").body(cut).send().await?;
    ensure!(refused.status().is_client_error(), "{}", refused.status());

    let mut known = vec![VALUE.to_owned(), world.github.token(), world.ada.token.clone(), token];
    known.extend([text_of(&hook, "secret")?, address.rsplit('/').next().context("an address")?.to_owned()]);
    known.extend([WEBHOOK_SECRET, FakeGithub::CLIENT.1].map(str::to_owned));
    known.extend(["wrong-credentials-0815", "wrong-token-0815", "wrong-password-0815"].map(str::to_owned));
    known.extend(["misspelt-value-0815", "cut-off-value-0815"].map(str::to_owned));
    Ok(known)
}

fn text_of(body: &Value, field: &str) -> Result<String> {
    Ok(body[field].as_str().with_context(|| format!("no {field} in {body}"))?.to_owned())
}
