//! A site behind a password, from the request that sets it to the restart without the database.

use crate::place::{Place, Running, status};

const PAGE: &str = "<!doctype html><title>Shop</title>the shop";
/// `ada:open sesame`, as browsers send it.
const RIGHT: &str = "Basic YWRhOm9wZW4gc2VzYW1l";
const WRONG: &str = "Basic YWRhOm9wZW4gYmFybGV5";

async fn get(berth: &Running, path: &str, authorization: Option<&str>) -> String {
    let authorization = authorization.map(|value| format!("Authorization: {value}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop.berth.test\r\n{authorization}Connection: close\r\n\r\n");
    berth.raw(request.as_bytes()).await
}

/// Changes the protection of the only project.
async fn protect(berth: &Running, bearer: &str, protection: &str) -> String {
    let body = format!(r#"{{"protection":{protection}}}"#);
    let request = format!(
        "PATCH /api/v1/projects/1 HTTP/1.1\r\nHost: berth.test\r\nAuthorization: Bearer {bearer}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    berth.raw(request.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_closes_a_site_at_once_and_survives_a_start_without_the_database() {
    let place = Place::new();
    let berth = place.start().await;
    let token = std::fs::read_to_string(place.data().join("setup-token")).unwrap();
    let body = format!(r#"{{"setupToken":"{}","login":"owner","password":"correct horse battery"}}"#, token.trim());
    let answer = berth.post_json("berth.test", "/api/v1/setup", &body).await;
    let bearer = answer.split(r#""token":""#).nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    berth.stop().await;
    place.publish("shop", PAGE).await.unwrap();
    let berth = place.start().await;

    // Open, and with what is wrong refused.
    assert!(get(&berth, "/", None).await.ends_with(PAGE));
    for (wrong, field) in [
        ("true", "protection"),
        (r#"{"scope":"all","password":"open sesame"}"#, "protection.scope"),
        (r#"{"scope":"everything","password":"short"}"#, "protection.password"),
        (r#"{"scope":"everything"}"#, "protection.password"),
        (r#"{"scope":"everything","user":"a:b","password":"open sesame"}"#, "protection.user"),
        (r#"{"scope":"everything","pasword":"open sesame"}"#, "protection.pasword"),
    ] {
        let answer = protect(&berth, &bearer, wrong).await;
        assert!(status(&answer) == "422" && answer.contains(&format!("\"{field}\"")), "{wrong}: {answer}");
        assert!(!answer.contains("sesame"), "{answer}");
    }

    // Closed when the answer is there: every path, every method, with nothing of the site.
    let answer = protect(&berth, &bearer, r#"{"scope":"everything","user":"ada","password":"open sesame"}"#).await;
    assert!(
        answer.contains(r#""protection":{"scope":"everything","user":"ada"}"#) && !answer.contains("argon2"),
        "{answer}"
    );
    for path in ["/", "/nothing.js", "/%00", "/about/", "/.well-known/acme-challenge/no-file"] {
        let answer = get(&berth, path, None).await;
        assert!(status(&answer) == "401" && !answer.contains("the shop"), "{path}: {answer}");
        assert!(answer.contains("www-authenticate: Basic realm=\"Protected site\", charset=\"UTF-8\""), "{answer}");
        assert!(answer.contains("cache-control: no-store"), "{answer}");
    }
    assert_eq!(status(&get(&berth, "/", Some(WRONG)).await), "401");
    for _ in 0..3 {
        let answer = get(&berth, "/", Some(RIGHT)).await;
        assert!(
            answer.ends_with(PAGE) && answer.contains("cache-control: private, max-age=0, must-revalidate"),
            "{answer}"
        );
    }

    // A start that does not find its database serves from disk, and opens nothing.
    berth.stop().await;
    let berth = place.start_only(&[("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")]).await;
    assert_eq!(status(&get(&berth, "/", None).await), "401");
    assert!(get(&berth, "/", Some(RIGHT)).await.ends_with(PAGE));
    berth.stop().await;

    // Without a new password the old one stays; null opens.
    let berth = place.start().await;
    protect(&berth, &bearer, r#"{"scope":"everything"}"#).await;
    assert!(get(&berth, "/", Some(RIGHT)).await.ends_with(PAGE));
    protect(&berth, &bearer, r#"{"scope":"previews"}"#).await;
    assert!(get(&berth, "/", None).await.ends_with(PAGE));
    let answer = protect(&berth, &bearer, "null").await;
    assert!(answer.contains(r#""protection":null"#), "{answer}");
}
