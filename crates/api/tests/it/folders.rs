//! Deploying a folder, as far as the API decides it: for whom, for which project, and what is refused unread. What an
//! archive may hold is tested where it is unpacked, and all of it in the stories.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use berth_api::{DeployedFolder, DeployingFolder, FolderError, FolderPublisher, FolderRequest};
use berth_model::{Failure, FailureCode};
use berth_store::{ActivationReason, FolderOf, NewDeployment, Store};
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::harness::{Answer, App, Person};

/// Plays the engines' part through the store. The archive's text says how it goes.
pub(crate) struct StoredFolders(pub(crate) Store);

impl FolderPublisher for StoredFolders {
    fn deploy(&self, wanted: FolderRequest) -> DeployingFolder {
        let store = self.0.clone();
        Box::pin(async move {
            let FolderRequest { access, token, of, mut archive, .. } = wanted;
            let mut text = Vec::new();
            while let Some(piece) = archive.next().await {
                text.extend_from_slice(&piece.map_err(|error| FolderError::Ours(error.into()))?);
            }
            let failure = |code| Box::new(Failure::new(code, "no", "do something"));
            match text.as_slice() {
                b"link" => return Err(FolderError::Refused(failure(FailureCode::BadOutput))),
                b"large" => return Err(FolderError::Refused(failure(FailureCode::OutputTooLarge))),
                b"loop" => return Err(FolderError::Unpublishable(failure(FailureCode::BadOutput))),
                b"late" => return Err(FolderError::NotLive("build 7 is newer and was live already".into())),
                b"busy" => return Err(FolderError::NotNow("16 folders come in already".into())),
                _ => {}
            }
            let is_new = matches!(of, FolderOf::Named { .. });
            let claimed = store.begin_folder(access, token, of, Duration::from_secs(60)).await?;
            let (id, short_id) = store.reserve_deployment(&claimed.lease).await?;
            let host = format!("{}-{short_id}.sites.test", claimed.project.name);
            let new = NewDeployment { id, short_id, host, files: 1, bytes: text.len() as u64, services: None };
            store.publish_deployment(&claimed.lease, new, None).await?;
            let activation = store.enqueue_activation(id, ActivationReason::Build).await?;
            // Another part of the test may be quicker.
            if store.decide_activation(activation).await.is_ok() {
                let _ = store.confirm_activation(activation).await;
            }
            let deployment = store.deployment(access, id).await?;
            Ok(DeployedFolder { deployment, is_new, log: vec!["Published 1 file".into()] })
        })
    }
}

impl App {
    pub(crate) async fn deploy(&self, who: &Person, project: &str, archive: &'static str) -> Answer {
        let path = format!("/api/v1/projects/{project}/deployments");
        let request = Request::post(path).header(AUTHORIZATION, format!("Bearer {}", who.bearer));
        self.send(request.body(Body::from(archive)).unwrap()).await
    }
}

fn code(answer: Answer, status: StatusCode) -> String {
    answer.expect(status)["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_folder_makes_its_project_and_goes_to_it_again() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let made = app.deploy(&ada, "shop", "<h1>1</h1>").await.expect(StatusCode::CREATED);
    assert_eq!((&made["status"], &made["newProject"]), (&json!("live"), &json!(true)));
    assert_eq!(made["siteUrl"], "http://shop.sites.test:8080");
    assert_eq!(made["log"], json!(["Published 1 file"]));
    let again = app.deploy(&ada, "shop", "<h1>2</h1>").await.expect(StatusCode::CREATED);
    assert_eq!((&again["projectId"], &again["newProject"]), (&made["projectId"], &json!(false)));
    let number = made["projectId"].to_string();
    let by_number = app.deploy(&ada, &number, "<h1>3</h1>").await.expect(StatusCode::CREATED);
    assert_eq!(by_number["projectId"], made["projectId"]);
    let builds = app.get(&format!("/api/v1/projects/{number}/builds"), Some(&ada)).await.json();
    assert_eq!(
        (&builds[0]["trigger"], &builds[0]["status"], &builds[0]["commit"]),
        (&json!("folder"), &json!("passed"), &Value::Null)
    );
    let rebuilt = app.post(&format!("/api/v1/builds/{}/rebuild", builds[0]["id"]), Some(&ada), json!({})).await;
    let rebuilt = rebuilt.expect(StatusCode::CONFLICT);
    assert!(rebuilt["error"]["message"].as_str().unwrap().contains("deploy the folder again"), "{rebuilt}");
    // Going back to an earlier folder is as for any deployment.
    app.start_activating();
    let back = format!("/api/v1/deployments/{}/activate", made["id"]);
    assert_eq!(app.post(&back, Some(&ada), json!({})).await.expect(StatusCode::OK)["status"], "live");
}

#[tokio::test]
async fn whose_project_it_is() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let shop = app.deploy(&ada, "shop", "x").await.expect(StatusCode::CREATED)["projectId"].as_i64();
    let (program, _) = app.program(&ada, shop).await;
    app.deploy(&program, "shop", "y").await.expect(StatusCode::CREATED);
    assert_eq!(code(app.deploy(&program, "blog", "y").await, StatusCode::FORBIDDEN), "project_token");
    app.deploy(&ada, "blog", "z").await.expect(StatusCode::CREATED);
    assert_eq!(code(app.deploy(&program, "blog", "y").await, StatusCode::FORBIDDEN), "project_token");
    let (program, _) = app.program(&ada, None).await;
    app.deploy(&program, "third", "y").await.expect(StatusCode::CREATED);
    app.deploy(&bob, "shop", "evil").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    app.deploy(&bob, &shop.unwrap().to_string(), "evil").await.expect(StatusCode::NOT_FOUND);
    for name in ["internal", "UPPER", "a..b", "-x", "4711x!"] {
        app.deploy(&ada, name, "x").await.expect(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let anonymous = Request::post("/api/v1/projects/shop/deployments").body(Body::from("x")).unwrap();
    app.send(anonymous).await.expect(StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_went_wrong_is_told_with_its_own_status() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    for (archive, status, told) in [
        ("link", StatusCode::BAD_REQUEST, "bad_archive"),
        ("large", StatusCode::PAYLOAD_TOO_LARGE, "folder_too_large"),
        ("loop", StatusCode::UNPROCESSABLE_ENTITY, "bad_output"),
        ("late", StatusCode::CONFLICT, "activation_refused"),
        ("busy", StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    ] {
        assert_eq!(code(app.deploy(&ada, "shop", archive).await, status), told);
    }
    assert_eq!(app.get("/api/v1/projects", Some(&ada)).await.json(), json!([]), "a refused archive makes no project");
    for (header, value, is_fine) in [
        (CONTENT_TYPE, "application/x-tar", true),
        (CONTENT_TYPE, "Application/Octet-Stream", true),
        (CONTENT_TYPE, "application/json", false),
        (CONTENT_TYPE, "multipart/form-data; boundary=x", false),
        (CONTENT_ENCODING, "gzip", true),
        (CONTENT_ENCODING, "br", false),
    ] {
        let request = Request::post("/api/v1/projects/shop/deployments").header(&header, value);
        let request = request.header(AUTHORIZATION, format!("Bearer {}", ada.bearer));
        let answer = app.send(request.body(Body::from("x")).unwrap()).await;
        let wanted = if is_fine { StatusCode::CREATED } else { StatusCode::UNSUPPORTED_MEDIA_TYPE };
        assert_eq!(answer.status, wanted, "{header}: {value}");
    }
    // A mebibyte is no limit here.
    let large: &'static str = Box::leak("x".repeat(3 << 20).into_boxed_str());
    app.deploy(&ada, "shop", large).await.expect(StatusCode::CREATED);
}
