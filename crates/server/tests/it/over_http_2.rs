//! A site's answers over HTTP/2 by prior knowledge: the same as over HTTP/1.1, whatever is asked.

use reqwest::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE};
use reqwest::{Client, Method, Response, StatusCode, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http_2::{PREFACE, SETTINGS, frame};
use crate::place::{Place, Running};

const HOST: &str = "shop.berth.test";

/// Clients of both versions, and a shop with a script, which is compressed, and a film, which comes in many frames.
async fn with_a_shop() -> (Place, Running, [Client; 2], Vec<u8>) {
    let (place, film) = (Place::new(), (0_u32..1 << 20).flat_map(u32::to_le_bytes).collect::<Vec<u8>>());
    place.start().await.stop().await;
    let files = [
        ("index.html", b"<!doctype html><title>Shop</title>".to_vec()),
        ("about.html", b"<!doctype html><title>About</title>".to_vec()),
        ("app.js", b"export const answer = 42;\n".repeat(900)),
        ("film.bin", film.clone()),
    ];
    place.publish_releases("shop", &[files.map(|(path, content)| (path.to_owned(), content)).into()]).await.unwrap();
    let berth = place.start().await;
    let client = || Client::builder().resolve(HOST, berth.address).redirect(reqwest::redirect::Policy::none());
    let clients = [client().http1_only(), client().http2_prior_knowledge()].map(|client| client.build().unwrap());
    (place, berth, clients, film)
}

async fn ask(
    client: &Client,
    berth: &Running,
    method: &Method,
    path: &str,
    headers: &[(HeaderName, &str)],
) -> Response {
    let address = format!("http://{HOST}:{}{path}", berth.address.port());
    let request = headers
        .iter()
        .fold(client.request(method.clone(), address), |request, (name, value)| request.header(name, *value));
    request.send().await.unwrap()
}

/// Without what belongs to the connection and the moment.
fn of_the_answer(headers: &HeaderMap) -> Vec<(String, String)> {
    let mut told: Vec<_> = headers
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "date" | "connection"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_the_same_over_both_versions() {
    let (_place, berth, clients, film) = with_a_shop().await;
    let tag = |answer: &Response| answer.headers()["etag"].to_str().unwrap().to_owned();
    let (get, head) = (&Method::GET, &Method::HEAD);
    let film_tag = tag(&ask(&clients[1], &berth, head, "/film.bin", &[]).await);
    let br = (ACCEPT_ENCODING, "br");
    let compressed = std::slice::from_ref(&br);
    let script_tag = tag(&ask(&clients[1], &berth, get, "/app.js", compressed).await);
    for (method, path, headers, status) in [
        (get, "/", &[][..], 200),
        (get, "/film.bin", &[], 200),
        (get, "/app.js", compressed, 200),
        (head, "/film.bin", &[], 200),
        (head, "/app.js", compressed, 200),
        (get, "/film.bin", &[(IF_NONE_MATCH, &film_tag)], 304),
        (get, "/app.js", &[br.clone(), (IF_NONE_MATCH, &script_tag)], 304),
        (get, "/app.js", &[(IF_NONE_MATCH, &script_tag)], 200),
        (get, "/film.bin", &[(RANGE, "bytes=1000000-2999999")], 206),
        (get, "/film.bin", &[(RANGE, "bytes=-5,0-4")], 206),
        (get, "/film.bin", &[(RANGE, "bytes=5-9"), (IF_RANGE, &film_tag)], 206),
        (get, "/film.bin", &[(RANGE, "bytes=5-9"), (IF_RANGE, "\"x\"")], 200),
        (get, "/film.bin", &[(RANGE, "bytes=99999999-")], 416),
        (get, "/about.html?a=b", &[], 308),
        (get, "/missing.js", &[], 404),
        (head, "/missing.js", &[], 404),
        (&Method::OPTIONS, "/", &[], 204),
        (&Method::POST, "/", &[], 405),
        (&Method::PUT, "/film.bin", &[], 405),
        (&Method::DELETE, "/", &[], 405),
    ] {
        let mut answers = Vec::new();
        for (client, version) in clients.iter().zip([Version::HTTP_11, Version::HTTP_2]) {
            let answer = ask(client, &berth, method, path, headers).await;
            assert_eq!((answer.version(), answer.status().as_u16()), (version, status), "{method} {path} {headers:?}");
            if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
                assert_eq!(answer.headers()["allow"], "GET, HEAD, OPTIONS");
            }
            let told = of_the_answer(answer.headers());
            answers.push((told, answer.bytes().await.unwrap()));
        }
        let [(one, one_body), (two, two_body)] = &answers[..] else { panic!("two answers") };
        assert_eq!(one, two, "{method} {path} {headers:?}");
        assert!(one_body == two_body, "{method} {path} {headers:?}");
        assert!(method == get || one_body.is_empty() || status == 405, "{method} {path}");
    }
    let whole = ask(&clients[1], &berth, get, "/film.bin", &[]).await.bytes().await.unwrap();
    assert!(whole == film);
    let part = ask(&clients[1], &berth, get, "/film.bin", &[(RANGE, "bytes=1000000-2999999")]).await;
    assert!(part.bytes().await.unwrap() == film[1_000_000..3_000_000]);
}

/// More than it takes at once: the others wait for their turn (RFC 9113, 6.5.2).
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_files_come_over_one_connection() {
    const MAX_CONCURRENT_STREAMS: u16 = 3;
    let (_place, berth, [_, client], film) = with_a_shop().await;
    let mut stream = TcpStream::connect(berth.address).await.unwrap();
    stream.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()).await.unwrap();
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.unwrap();
    assert_eq!(head[3], SETTINGS, "SETTINGS come first");
    let mut settings = vec![0; usize::from(head[2])];
    stream.read_exact(&mut settings).await.unwrap();
    let most = settings.chunks(6).find(|setting| setting[..2] == MAX_CONCURRENT_STREAMS.to_be_bytes()).unwrap();
    assert_eq!(u32::from_be_bytes(most[2..].try_into().unwrap()), 32);
    let asked = (0..100_usize).map(|number| {
        let (client, address) = (client.clone(), format!("http://{HOST}:{}/film.bin", berth.address.port()));
        let range = number * 40_000..(number + 1) * 40_000;
        tokio::spawn(async move {
            let header = format!("bytes={}-{}", range.start, range.end - 1);
            let answer = client.get(address).header(RANGE, header).send().await.unwrap();
            (range, answer.bytes().await.unwrap())
        })
    });
    for part in asked.collect::<Vec<_>>() {
        let (range, bytes) = part.await.unwrap();
        assert!(bytes == film[range.clone()], "{range:?}");
    }
}
