//! Repositories at GitHub: lists, and the one hook that their projects share.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::fake_github::Trouble;
use crate::harness::{App, Person, WEBHOOK_SECRET, repository};
use crate::webhook::{self, signed};

async fn connect(app: &App, owner: &Person, name: &str, repository: &str) -> crate::harness::Answer {
    let new = json!({"name": name, "branch": "main", "repoUrl": app.github.page(repository)});
    app.post("/api/project", Some(owner), new).await
}

async fn delete(app: &App, owner: &Person, project: &Value) {
    let path = format!("/api/project/projects/{}", project["project"]["id"]);
    app.call(Method::DELETE, &path, Some(owner), None).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn lists_accounts_and_repositories() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let first = |list: &Value, n: usize| Value::from(list.as_array().unwrap()[..n].to_vec());
    let organizations = app.get("/api/repo/orgs?page=", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(organizations.as_object().unwrap().len(), 1);
    insta::assert_json_snapshot!("organizations", first(&organizations["organizations"], 2));
    assert_eq!(organizations["organizations"].as_array().unwrap().len(), 101, "a page of 100, and her own account");
    let more = app.get("/api/repo/orgs?page=2", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(more["organizations"].as_array().unwrap().len(), 1, "her own account is on the first page only");

    let own = app.get("/api/repo/repos?org=&page=", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(own.as_object().unwrap().len(), 1);
    insta::assert_json_snapshot!("own", first(&own["repos"], 2));
    assert_eq!(own["repos"].as_array().unwrap().len(), 100);
    assert_eq!(own, app.get("/api/repo/repos", Some(&ada)).await.json());
    let rest = app.get("/api/repo/repos?page=2", Some(&ada)).await.expect(StatusCode::OK);
    let names: Vec<_> = rest["repos"].as_array().unwrap().iter().map(|repo| repo["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["r002", "r001"], "the oldest come last, and nobody else's");
    for bad in ["x", "-1", "1.5"] {
        app.get(&format!("/api/repo/repos?page={bad}"), Some(&ada)).await.expect(StatusCode::BAD_REQUEST);
    }
    let own = app.get("/api/repo/repos?org=ada", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(own["repos"][0]["name"], "shop");
    let theirs = app.get("/api/v1/github/repositories?org=Acme", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(theirs["repos"][0]["owner"], "Acme");
    for bad in ["..%2Fuser", "a%2Fb", "nobody"] {
        app.get(&format!("/api/repo/repos?org={bad}"), Some(&ada)).await.expect(StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn lists_are_searched_and_say_where_they_go_on() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    let list = async |who: &Person, path: &str| {
        app.get(&format!("/api/v1/github/{path}"), Some(who)).await.expect(StatusCode::OK)
    };
    let names = |list: &Value, field: &str| -> Vec<String> {
        list[field].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(list(&ada, "organizations").await["nextPage"], 2);
    assert_eq!(list(&ada, "organizations?page=2").await["nextPage"], Value::Null);
    assert_eq!(list(&ada, "repositories").await["nextPage"], 2);
    assert_eq!(list(&ada, "repositories?page=2").await["nextPage"], Value::Null);

    // More than a page: GitHub searches, in this account only, whatever is typed.
    let found = list(&ada, "repositories?q=R00").await;
    assert_eq!(names(&found, "repos").len(), 0, "this GitHub minds the case");
    assert_eq!(names(&list(&ada, "repositories?q=r00").await, "repos").len(), 9);
    assert_eq!(names(&list(&ada, "repositories?q=r0&org=ada").await, "repos").len(), 99);
    let sly = list(&ada, "repositories?q=user:somebody%20theirs").await;
    assert!(names(&sly, "repos").is_empty(), "{sly}");
    // One page: what has the text in its name, whatever the case, and at once.
    assert_eq!(names(&list(&ada, "repositories?org=Acme&q=SIT").await, "repos"), ["site"]);
    assert!(names(&list(&ada, "repositories?org=Acme&q=shop").await, "repos").is_empty());

    let branches = list(&ada, "branches?repo=ada/shop").await;
    assert_eq!((names(&branches, "branches").len(), &branches["nextPage"]), (100, &json!(2)));
    assert_eq!(branches["branches"][0], json!({"name": "feat/001", "head": "a1b2c3"}));
    assert_eq!(names(&list(&ada, "branches?repo=ada/shop&page=2").await, "branches").len(), 52);
    assert_eq!(names(&list(&ada, "branches?repo=ada/shop&q=feat/01").await, "branches").len(), 10);
    assert!(names(&list(&ada, "branches?repo=ada/shop&q=../../user").await, "branches").is_empty());
    assert_eq!(names(&list(&bob, "branches?repo=bob/site&q=EX").await, "branches"), ["next"]);
    for bad in ["branches", "branches?repo=shop", "branches?repo=ada/shop&page=x"] {
        app.get(&format!("/api/v1/github/{bad}"), Some(&ada)).await.expect(StatusCode::BAD_REQUEST);
    }
    for elsewhere in ["..%2F..", "ada/..", "ada/a%2Fb"] {
        let path = format!("/api/v1/github/branches?repo={elsewhere}");
        app.get(&path, Some(&ada)).await.expect(StatusCode::NOT_FOUND);
    }
    app.github.revoke("ada");
    let refused = app.get("/api/v1/github/branches?repo=ada/shop", Some(&ada)).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "github_reconnect");
}

#[tokio::test]
async fn a_lost_token_says_how_to_connect_again() {
    let app = App::start().await;
    let (ada, admin) = (app.member("ada").await, app.admin().await);
    let without = app.get("/api/repo/orgs", Some(&admin)).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(without["message"], "connect your GitHub account first, at /api/auth/github");
    let without = connect(&app, &admin, "shop", "ada/shop").await.expect(StatusCode::FORBIDDEN);
    assert_eq!(without["message"], "connect your GitHub account first, at /api/auth/github");
    app.github.revoke("ada");
    let refused = app.get("/api/repo/orgs", Some(&ada)).await.expect(StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().contains("connect GitHub again"), "{refused}");
    let refused = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().contains("connect GitHub again"), "{refused}");
    assert_eq!(app.get("/api/v1/projects", Some(&ada)).await.json(), json!([]), "nothing is left of it");
}

#[tokio::test]
async fn w12_one_hook_is_shared_and_goes_with_the_last_project() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    let docs = connect(&app, &ada, "docs", "Ada/Shop.git").await.expect(StatusCode::CREATED);
    let hooks = app.github.hooks("ada/shop");
    assert_eq!(hooks.len(), 1);
    assert_eq!(hooks[0]["events"], json!(["push", "pull_request"]));
    let config = json!({"url": "http://berth.test:8080/api/webhook", "content_type": "json", "insecure_ssl": "0",
                        "secret": WEBHOOK_SECRET});
    assert_eq!(hooks[0]["config"], config);
    assert_eq!(shop["project"]["webhookId"], hooks[0]["id"]);
    assert_eq!(docs["project"]["webhookId"], hooks[0]["id"]);
    delete(&app, &ada, &shop).await;
    assert_eq!(app.github.hooks("ada/shop").len(), 1);
    delete(&app, &ada, &docs).await;
    assert_eq!(app.github.hooks("ada/shop").len(), 0);
}

#[tokio::test]
async fn a_hook_that_is_there_already_is_taken_over() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let first = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    // As after a database that was lost: GitHub still has the hook, nobody here knows it.
    app.store.set_webhook(1.into(), None).await.unwrap();
    let second = connect(&app, &ada, "docs", "ada/shop").await.expect(StatusCode::CREATED);
    assert_eq!(first["project"]["webhookId"], second["project"]["webhookId"]);
    assert_eq!(app.github.hooks("ada/shop").len(), 1);
}

#[tokio::test]
async fn a_repository_of_others_needs_their_consent() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let refused = connect(&app, &ada, "shop", "bob/site").await.expect(StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().contains("admin access"), "{refused}");
    let again = connect(&app, &ada, "shop", "ada/shop").await;
    again.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn deleting_works_while_github_does_not() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    app.github.revoke("ada");
    delete(&app, &ada, &shop).await;
    assert_eq!(app.get("/api/v1/projects", Some(&ada)).await.json(), json!([]));
}

#[tokio::test]
async fn without_a_secret_nothing_is_announced_and_that_is_said() {
    let app = App::with(|config| config.webhook_secret = None).await;
    let ada = app.member("ada").await;
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    let message = shop["message"].as_str().unwrap();
    assert!(message.contains("WEBHOOK_SECRET"), "{message}");
    assert_eq!(app.github.hooks("ada/shop").len(), 0);
}

#[tokio::test]
async fn p5_many_at_once_share_one_hook_and_leave_none() {
    let app = std::sync::Arc::new(App::start().await);
    let ada = app.member("ada").await;
    for _ in 0..3 {
        let connecting: Vec<_> = (0..20)
            .map(|n| {
                let (app, ada) = (app.clone(), ada.clone());
                tokio::spawn(async move { connect(&app, &ada, &format!("shop{n}"), "ada/shop").await })
            })
            .collect();
        let mut connected = Vec::new();
        for connecting in connecting {
            connected.push(connecting.await.unwrap().expect(StatusCode::CREATED));
        }
        let hooks = app.github.hooks("ada/shop");
        assert_eq!(hooks.len(), 1);
        assert!(connected.iter().all(|project| project["project"]["webhookId"] == hooks[0]["id"]));
        // The last one goes while another comes.
        let leaving: Vec<_> = connected
            .into_iter()
            .map(|project| {
                let (app, ada) = (app.clone(), ada.clone());
                tokio::spawn(async move { delete(&app, &ada, &project).await })
            })
            .collect();
        let late = connect(&app, &ada, "late", "ada/shop").await.expect(StatusCode::CREATED);
        for leaving in leaving {
            leaving.await.unwrap();
        }
        let hooks = app.github.hooks("ada/shop");
        assert_eq!(hooks.len(), 1, "the one that came has a hook that is there");
        assert_eq!(late["project"]["webhookId"], hooks[0]["id"]);
        delete(&app, &ada, &late).await;
        assert_eq!(app.github.hooks("ada/shop").len(), 0);
    }
}

#[tokio::test]
async fn a_hook_of_others_stays_and_ours_is_taken_over_with_our_secret() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let hook = |id: i64, url: &str| json!({"id": id, "config": {"url": url, "secret": "theirs"}});
    app.github.add_hook("ada/shop", hook(900, "https://ci.example/hook"));
    app.github.add_hook("ada/shop", hook(901, "http://berth.test:8080/api/webhook"));
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    assert_eq!(shop["project"]["webhookId"], 901);
    let secrets: Vec<_> = app.github.hooks("ada/shop").iter().map(|hook| hook["config"]["secret"].clone()).collect();
    assert_eq!(secrets, ["theirs", WEBHOOK_SECRET]);
    delete(&app, &ada, &shop).await;
    let left: Vec<_> = app.github.hooks("ada/shop").iter().map(|hook| hook["id"].clone()).collect();
    assert_eq!(left, [900]);
}

#[tokio::test]
async fn a_bad_day_at_github_is_told_in_words_and_leaves_nothing() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    let html = "<html>unicorn</html>";
    let days: [(Trouble, u16, &str); 8] = [
        (Trouble::Answer(500, &[], html), 502, "GitHub has a problem (it answered 500); try again in a minute"),
        (Trouble::Answer(503, &[], html), 502, "GitHub has a problem (it answered 503); try again in a minute"),
        (
            Trouble::Answer(200, &[], html),
            502,
            "GitHub cannot be reached, or what answers is not GitHub; try again in a minute",
        ),
        (
            Trouble::Answer(302, &[("location", "https://evil.example/")], ""),
            502,
            "GitHub has a problem (it answered 302); try again in a minute",
        ),
        (
            Trouble::Answer(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1795000120")], "{}"),
            429,
            "GitHub takes no more requests for your account; try again in 2 minutes",
        ),
        (
            Trouble::Answer(403, &[("retry-after", "30")], r#"{"message": "secondary rate limit"}"#),
            429,
            "GitHub takes no more requests for your account; try again in 30 seconds",
        ),
        (Trouble::Answer(429, &[], "{}"), 429, "GitHub takes no more requests for your account; try again in 1 minute"),
        (
            Trouble::Answer(401, &[], r#"{"message": "Bad credentials"}"#),
            403,
            "GitHub no longer accepts the token it gave for your account; connect GitHub again at /api/auth/github",
        ),
    ];
    for (trouble, status, message) in days {
        app.github.suffer(trouble.clone());
        for path in ["/api/repo/orgs", "/api/repo/repos"] {
            let answer = app.get(path, Some(&ada)).await;
            assert_eq!(answer.status.as_u16(), status, "{trouble:?}: {}", answer.text);
            assert_eq!(answer.json(), json!({"message": message}), "{trouble:?}");
            assert_eq!(status == 429, answer.headers.contains_key("retry-after"));
        }
        let refused = connect(&app, &ada, "shop", "ada/shop").await;
        assert_eq!((refused.status.as_u16(), refused.json()["message"].as_str()), (status, Some(message)));
        let listed = app.get("/api/project/projects", Some(&ada)).await.expect(StatusCode::OK);
        assert_eq!(listed["projects"], json!([]), "{trouble:?}");
    }
    // The last of these days takes signing in again to end.
    app.github.suffer(None);
    app.over_github("ada").await;
    app.github.suffer(Trouble::Answer(
        403,
        &[],
        r#"{"message": "Resource protected by organization SAML enforcement."}"#,
    ));
    let refused = app.get("/api/repo/repos", Some(&ada)).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["message"], "GitHub refused: Resource protected by organization SAML enforcement.");
    app.github.suffer(None);
    connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_silent_github_is_not_waited_for_for_ever() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    app.github.suffer(Trouble::Silence);
    let answer = app.get("/api/repo/repos", Some(&ada)).await.expect(StatusCode::BAD_GATEWAY);
    assert_eq!(answer["message"], "GitHub did not answer within 15 seconds; try again in a minute");
}

#[tokio::test]
async fn an_enterprise_server_below_a_path() {
    let app = App::with_github_below("/github").await;
    let ada = app.member("ada").await;
    let repos = app.get("/api/repo/repos", Some(&ada)).await.expect(StatusCode::OK);
    assert_eq!(repos["repos"][0]["name"], "shop");
    let shop = connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    assert_eq!(app.github.hooks("ada/shop")[0]["id"], shop["project"]["webhookId"]);
    delete(&app, &ada, &shop).await;
    assert_eq!(app.github.hooks("ada/shop").len(), 0);
    // Its neighbours on the same host are plain git.
    let beside = app.github.url.join("/elsewhere/shop").unwrap();
    let new = json!({"name": "beside", "branch": "main", "repoUrl": beside});
    let made = app.post("/api/project", Some(&ada), new).await.expect(StatusCode::CREATED);
    assert_eq!(made["project"]["webhookId"], Value::Null);
}

#[tokio::test]
async fn without_an_application_its_repositories_are_plain_git() {
    let app = App::with(|config| config.github = None).await;
    let admin = app.admin().await;
    let shop = connect(&app, &admin, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    assert_eq!((&shop["message"], &shop["project"]["webhookId"]), (&json!("Project created"), &Value::Null));
    delete(&app, &admin, &shop).await;
}

#[tokio::test]
async fn who_brings_a_token_needs_no_account() {
    let app = App::start().await;
    let admin = app.admin().await;
    let new =
        json!({"name": "shop", "branch": "main", "repoUrl": app.github.page("ada/shop"), "repoToken": "github_pat_1"});
    let made = app.post("/api/v1/projects", Some(&admin), new).await.expect(StatusCode::CREATED);
    assert_eq!(made["note"], "pushes are not announced: no GitHub account is connected");
    assert_eq!((&made["project"]["hasRepoToken"], &made["project"]["webhookId"]), (&json!(true), &Value::Null));
}

/// Her account sees the repository and may not add a hook to it.
#[tokio::test]
async fn who_brings_a_token_needs_no_admin_rights() {
    const NOTE: &str = "pushes are not announced: your GitHub account may not add a webhook to the repository, which needs admin access";
    let app = App::start().await;
    let ada = app.member("ada").await;
    let theirs = |name: &str| app.github.page(&format!("bob/{name}"));
    let new = |name: &str| json!({"name": name, "branch": "main", "repoUrl": theirs("site"), "repoToken": "pat_1"});
    let made = app.post("/api/v1/projects", Some(&ada), new("site")).await.expect(StatusCode::CREATED);
    assert_eq!((&made["note"], &made["project"]["webhookId"]), (&json!(NOTE), &Value::Null));
    let made = app.post("/api/project", Some(&ada), new("page")).await.expect(StatusCode::CREATED);
    assert_eq!(made["message"], format!("Project created; {NOTE}"));

    // Another repository of the host: the token goes along, and she is told the same.
    let change = async |change: Value| app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(change)).await;
    let moved = change(json!({"repoUrl": theirs("blog")})).await.expect(StatusCode::OK);
    assert_eq!((&moved["note"], &moved["hasRepoToken"], &moved["name"]), (&json!(NOTE), &json!(true), &json!("site")));
    let renamed = change(json!({"branch": "next"})).await.expect(StatusCode::OK);
    assert_eq!(renamed.get("note"), None);

    // A token of another host does not follow, so it opens nothing here.
    change(json!({"repoUrl": "https://git.example.org/bob/site", "repoToken": "t"})).await.expect(StatusCode::OK);
    let refused = change(json!({"repoUrl": theirs("site")})).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "github_no_admin");
    change(json!({"repoUrl": theirs("site"), "repoToken": "pat_2"})).await.expect(StatusCode::OK);
    // GitHub being away is no reason to go on without.
    app.github.suffer(Trouble::Answer(500, &[], "{}"));
    change(json!({"repoUrl": theirs("blog")})).await.expect(StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn what_a_hook_tells_is_for_those_who_may_see_the_repository() {
    let app = App::start().await;
    let (ada, bob) = (app.member("ada").await, app.member("bob").await);
    connect(&app, &ada, "secret", "ada/secret").await.expect(StatusCode::CREATED);
    let refused = connect(&app, &bob, "spy", "ada/secret").await.expect(StatusCode::FORBIDDEN);
    assert!(refused["message"].as_str().unwrap().starts_with("GitHub does not let you"), "{refused}");
    assert_eq!(app.get("/api/v1/projects", Some(&bob)).await.json(), json!([]));

    // A token that is not asked of GitHub before the first fetch.
    let page = app.github.page("ada/secret");
    let new = json!({"name": "spy", "branch": "main", "repoUrl": page, "repoToken": "made-up"});
    let made = app.post("/api/v1/projects", Some(&bob), new).await.expect(StatusCode::CREATED);
    assert_eq!(made["project"]["webhookId"], Value::Null);
    let spy = format!("/api/v1/projects/{}", made["project"]["id"]);
    app.call(Method::PATCH, &spy, Some(&bob), Some(json!({"previews": true}))).await.expect(StatusCode::OK);
    let repair = app.post(&format!("{spy}/hook/repair"), Some(&bob), json!({})).await.expect(StatusCode::OK);
    assert_eq!((&repair["state"], &repair["hookId"]), (&json!("lost"), &Value::Null), "nor with Ada's token");

    let push = |branch: &str| {
        let change = json!({"ref": format!("refs/heads/{branch}"), "repository": repository(&page)});
        app.send(signed("push", &webhook::push(change), None))
    };
    push("acquisition").await.expect(StatusCode::OK);
    let mut request = webhook::pull_request("opened", repository(&page), webhook::HEAD);
    request["repository"] = repository(&page);
    app.send(signed("pull_request", &request, None)).await.expect(StatusCode::OK);
    let heard = async |path: &str| app.get(&format!("{spy}/{path}"), Some(&bob)).await;
    assert_eq!(heard("deliveries").await.json(), json!([]));
    assert_eq!(heard("previews").await.json(), json!([]));
    // That its own branch moved is no secret: it is built as far as the token goes.
    let built = push("main").await.expect(StatusCode::CREATED);
    assert_eq!(built["builds"].as_array().unwrap().len(), 2);
    let builds = heard("builds").await;
    assert_eq!(builds.json()[0]["commit"], json!({"hash": webhook::HEAD, "message": "", "author": ""}));
    assert!(!builds.text.contains("Say hello"));
    let told = app.get("/api/v1/projects/1/builds", Some(&ada)).await.json();
    assert_eq!(told[0]["commit"]["message"], "Say hello");

    // Whose token has opened it needs no GitHub for another project.
    app.github.suffer(Trouble::Answer(500, &[], "{}"));
    connect(&app, &ada, "docs", "ada/secret").await.expect(StatusCode::CREATED);
    // Another member may see it when GitHub says so.
    app.github.suffer(None);
    connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    let joined = connect(&app, &bob, "theirs", "ada/shop").await.expect(StatusCode::CREATED);
    assert_eq!(joined["project"]["webhookId"], app.github.hooks("ada/shop")[0]["id"]);
}

#[tokio::test]
async fn the_hook_moves_along_with_the_repository() {
    let app = App::start().await;
    let ada = app.member("ada").await;
    connect(&app, &ada, "shop", "ada/shop").await.expect(StatusCode::CREATED);
    connect(&app, &ada, "docs", "ada/docs").await.expect(StatusCode::CREATED);
    let hooks = |repository: &str| app.github.hooks(repository).len();
    let change = async |change: Value| app.call(Method::PATCH, "/api/v1/projects/1", Some(&ada), Some(change)).await;

    // The name is taken: the new hook is taken back, the old one stays.
    let refused = change(json!({"repoUrl": app.github.page("ada/store"), "name": "docs"})).await;
    refused.expect(StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!((hooks("ada/shop"), hooks("ada/store")), (1, 0));
    // Somebody else's repository: nothing happens at all.
    let refused = change(json!({"repoUrl": app.github.page("bob/site")})).await.expect(StatusCode::FORBIDDEN);
    assert_eq!(refused["error"]["code"], "github_no_admin");
    assert_eq!(app.get("/api/v1/projects/1", Some(&ada)).await.json()["repoUrl"], app.github.page("ada/shop"));

    let moved = change(json!({"repoUrl": app.github.page("ada/store")})).await.expect(StatusCode::OK);
    assert_eq!((hooks("ada/shop"), hooks("ada/store")), (0, 1));
    assert_eq!(moved["webhookId"], app.github.hooks("ada/store")[0]["id"]);
    let shared = change(json!({"repoUrl": app.github.page("Ada/Docs")})).await.expect(StatusCode::OK);
    assert_eq!((hooks("ada/store"), hooks("ada/docs")), (0, 1));
    assert_eq!(shared["webhookId"], app.github.hooks("ada/docs")[0]["id"]);
    let away = change(json!({"repoUrl": "https://git.example.org/ada/docs"})).await.expect(StatusCode::OK);
    assert_eq!((&away["webhookId"], hooks("ada/docs")), (&Value::Null, 1), "the other project still has it");
}
