//! H1 to H7: whom a request is for.

use crate::place::{Place, Running, status};

const PAGE: &str = "<!doctype html><title>Shop</title>the shop";

/// A Berth with an administrator and one site, `shop.berth.test`.
async fn with_a_shop() -> (Place, Running) {
    let place = Place::new();
    place.start().await.stop().await;
    place.publish("shop", PAGE).await.unwrap();
    let running = place.start().await;
    (place, running)
}

#[tokio::test]
async fn h1_case_port_and_trailing_dot_lead_to_the_site() {
    let (_place, berth) = with_a_shop().await;
    for host in ["shop.berth.test", "Shop.BERTH.test:8080", "shop.berth.test.", "SHOP.berth.test.:80"] {
        let answer = berth.get(host, "/").await;
        assert!(status(&answer) == "200" && answer.ends_with(PAGE), "{host}: {answer}");
    }
}

#[tokio::test]
async fn h2_unknown_hosts_get_a_page_that_repeats_nothing() {
    let (_place, berth) = with_a_shop().await;
    for host in ["a.shop.berth.test", "nobody.berth.test", "example.org", "berth.test.example.org"] {
        let answer = berth.get(host, "/api/v1/setup").await;
        assert_eq!(status(&answer), "404", "{host}");
        assert!(answer.contains("text/html") && !answer.contains("nobody") && !answer.contains("example.org"));
    }
}

#[tokio::test]
async fn h3_addresses_lead_to_the_control_plane_until_setup_is_done_and_never_to_a_site() {
    let place = Place::new();
    let berth = place.start().await;
    let port = berth.address.port();
    for host in [format!("127.0.0.1:{port}"), format!("[::1]:{port}"), "192.0.2.7".to_owned()] {
        assert!(berth.get(&host, "/api/v1/setup").await.contains("\"done\":false"), "{host}");
    }
    let token = std::fs::read_to_string(place.data().join("setup-token")).unwrap();
    let body = format!(r#"{{"setupToken":"{}","login":"admin","password":"correct horse battery"}}"#, token.trim());
    assert_eq!(status(&berth.post_json("127.0.0.1", "/api/v1/setup", &body).await), "201");

    let mut closed = false;
    for _ in 0..600 {
        closed = status(&berth.get("127.0.0.1", "/api/v1/setup").await) == "404";
        if closed {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(closed, "an address still leads to the control plane");
    assert!(!place.data().join("setup-token").exists());
    assert_eq!(status(&berth.get("127.0.0.1", "/health").await), "200");
    assert_eq!(status(&berth.get("berth.test", "/api/v1/setup").await), "200");
}

#[tokio::test]
async fn h4_a_request_without_one_clear_host_is_400() {
    let (_place, berth) = with_a_shop().await;
    let long = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", "a".repeat(8_192));
    for request in [
        "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop.berth.test\r\nHost: berth.test\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop.berth.test/x\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: me@shop.berth.test\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: shop\0.berth.test\r\nConnection: close\r\n\r\n",
        &long.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    ] {
        let answer = berth.raw(request.as_bytes()).await;
        assert_eq!(status(&answer), "400", "{request:.80}: {answer}");
    }
}

#[tokio::test]
async fn h5_a_forwarded_host_is_ignored() {
    let (_place, berth) = with_a_shop().await;
    let request = "GET / HTTP/1.1\r\nHost: nobody.berth.test\r\nX-Forwarded-Host: shop.berth.test\r\nForwarded: \
                   host=shop.berth.test\r\nConnection: close\r\n\r\n";
    assert_eq!(status(&berth.raw(request.as_bytes()).await), "404");
}

#[tokio::test]
async fn h7_sites_never_reach_the_api_and_the_control_host_serves_no_site() {
    let (_place, berth) = with_a_shop().await;
    for path in ["/api", "/api/v1/setup", "/health", "/api/v1/openapi.json", "/socket.io/?EIO=4&transport=polling"] {
        let answer = berth.get("shop.berth.test", path).await;
        // The shop is a single page: some of these are its own to answer, none is the API's.
        assert!(answer.ends_with(PAGE) || status(&answer) == "404", "{path}: {answer}");
        assert!(!answer.contains("application/json") && !answer.contains("set-cookie"), "{path}: {answer}");
    }
    let control = berth.get("berth.test", "/").await;
    assert!(control.contains("<title>Berth</title>") && !control.contains("the shop"), "{control}");
    assert!(control.contains("content-security-policy"));
}

#[tokio::test]
async fn a_proxy_may_ask_whose_host_it_is() {
    let (_place, berth) = with_a_shop().await;
    let ask = async |query: &str| berth.get("127.0.0.1", &format!("/health/host{query}")).await;
    for ours in ["shop.berth.test", "SHOP.berth.test", "berth.test"] {
        assert_eq!(status(&ask(&format!("?domain={ours}")).await), "200", "{ours}");
    }
    for nobodys in ["other.berth.test", "shop.berth.test.evil.example", "127.0.0.1"] {
        assert_eq!(status(&ask(&format!("?domain={nobodys}")).await), "404", "{nobodys}");
    }
    assert_eq!(status(&ask("").await), "400");
    // What a proxy passes on is a visitor's question, though it comes from this machine.
    for passed_on in ["X-Forwarded-For: 198.51.100.7", "Forwarded: for=198.51.100.7"] {
        let request = format!(
            "GET /health/host?domain=shop.berth.test HTTP/1.1\r\nHost: 127.0.0.1\r\n{passed_on}\r\nConnection: \
             close\r\n\r\n"
        );
        assert_eq!(status(&berth.raw(request.as_bytes()).await), "403", "{passed_on}");
    }
    // Under a name it is a path like any other.
    assert!(berth.get("shop.berth.test", "/health/host?domain=shop.berth.test").await.ends_with(PAGE));
    assert_eq!(status(&berth.get("berth.test", "/health/host?domain=shop.berth.test").await), "404");
}

#[tokio::test]
async fn the_webhooks_host_shows_no_site_and_gets_a_certificate() {
    let place = Place::new();
    place.start().await.stop().await;
    // Somebody had the name before the operator wanted it.
    place.publish("hooks", PAGE).await.unwrap();
    let berth = place.start_with(&[("WEBHOOK_CALLBACK", "https://hooks.berth.test/api/webhook")]).await;
    let page = berth.get("hooks.berth.test", "/").await;
    assert!(status(&page) == "404" && !page.contains("the shop"), "{page}");
    let delivery = berth.post_json("hooks.berth.test", "/api/webhook", "{}").await;
    assert!(delivery.contains("application/json") && !delivery.contains("the shop"), "{delivery}");
    assert_eq!(status(&berth.get("hooks.berth.test", "/api/v1/setup").await), "404");
    assert_eq!(status(&berth.get("127.0.0.1", "/health/host?domain=hooks.berth.test").await), "200");
}

#[tokio::test]
async fn a_webhook_host_outside_the_domain_gets_a_certificate() {
    let place = Place::new();
    let berth = place.start_with(&[("WEBHOOK_CALLBACK", "https://hooks.example.net/api/webhook")]).await;
    assert_eq!(status(&berth.get("127.0.0.1", "/health/host?domain=hooks.example.net").await), "200");
}
