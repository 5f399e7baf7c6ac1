//! The session cookie and who may use it (A9–A11).

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use url::Url;

use crate::harness::{App, ORIGIN_OF_BERTH, PASSWORD, with_cookie};

#[tokio::test]
async fn a9_host_prefix_over_https() {
    let app = App::with(|config| config.public_url = Url::parse("https://berth.test").unwrap()).await;
    app.admin().await;
    let answer = app.sign_in("admin@localhost", PASSWORD, [192, 0, 2, 1]).await;
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-berth_session="), "{cookie}");
    for attribute in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.split("; ").any(|part| part == attribute), "{attribute} in {cookie}");
    }
}

#[tokio::test]
async fn a10_a_write_needs_our_own_origin() {
    let app = App::start().await;
    let admin = app.admin().await;
    let write = |origin: Option<&str>| {
        let request = Request::delete("/api/v1/me/github").header("cookie", &admin.cookie);
        let request = match origin {
            Some(origin) => request.header("origin", origin),
            None => request,
        };
        app.send(request.body(Body::empty()).unwrap())
    };
    for origin in [None, Some("null"), Some("http://shop.berth.test:8080"), Some("http://berth.test"), Some("")] {
        let refused = write(origin).await.expect(StatusCode::FORBIDDEN);
        assert_eq!(refused["error"]["code"], "foreign_origin", "{origin:?}");
    }
    write(Some(ORIGIN_OF_BERTH)).await.expect(StatusCode::NO_CONTENT);
    let read = Request::get("/api/v1/me").header("cookie", &admin.cookie).body(Body::empty()).unwrap();
    app.send(read).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a11_two_are_none_and_cleared() {
    let app = App::start().await;
    let admin = app.admin().await;
    let two = format!("{}; berth_session=injected", admin.cookie);
    let answer = app.send(with_cookie(Method::GET, "/api/v1/me", &two)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.header("set-cookie").starts_with("berth_session=; "), "{}", answer.header("set-cookie"));
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
}

#[tokio::test]
async fn a_session_slides_while_it_is_used() {
    let app = App::start().await;
    let admin = app.admin().await;
    let use_it = || app.send(with_cookie(Method::GET, "/api/v1/me", &admin.cookie));
    let days = |days: u64| app.clock.advance(std::time::Duration::from_secs(days * 24 * 60 * 60));
    days(20);
    use_it().await.expect(StatusCode::OK);
    days(20);
    use_it().await.expect(StatusCode::OK);
    days(31);
    use_it().await.expect(StatusCode::UNAUTHORIZED);
}
