use crate::fixture::{Answer, Fixture, request};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const REVALIDATED: &str = "public, max-age=0, must-revalidate";

fn alphabet() -> Fixture {
    Fixture::serving(&[("a.txt", "abcdefghijklmnopqrstuvwxyz"), ("app.js", "script"), ("empty.txt", "")])
}

#[test]
fn s6_every_file_has_its_type_and_nosniff() {
    let fixture =
        Fixture::serving(&[("index.html", "x"), ("a.js", "x"), ("a.css", "x"), ("a.svg", "x"), ("data", "x")]);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/a.js", "text/javascript; charset=utf-8"),
        ("/a.css", "text/css; charset=utf-8"),
        ("/a.svg", "image/svg+xml"),
        ("/data", "application/octet-stream"),
    ] {
        let answer = fixture.get(path);
        assert_eq!(
            (answer.header("content-type"), answer.header("x-content-type-options")),
            (Some(kind), Some("nosniff"))
        );
    }
    assert_eq!(fixture.get("/none.js").header("x-content-type-options"), Some("nosniff"));
}

#[test]
fn only_hashed_names_are_kept_for_ever() {
    let fixture = Fixture::serving(&[("index.html", "x"), ("app.js", "x"), ("assets/app-BX3k9dQ1.js", "x")]);
    for (path, caching) in [("/", REVALIDATED), ("/app.js", REVALIDATED), ("/assets/app-BX3k9dQ1.js", IMMUTABLE)] {
        assert_eq!(fixture.get(path).header("cache-control"), Some(caching), "{path}");
    }
}

#[test]
fn codings_are_negotiated_each_with_its_own_etag() {
    let fixture = alphabet();
    let mut tags = Vec::new();
    for (accept, coding, body) in [
        ("identity", None, "script"),
        ("gzip, deflate", Some("gzip"), "gzip:script"),
        ("gzip, deflate, br, zstd", Some("br"), "br:script"),
        ("zstd, gzip;q=0.5", Some("zstd"), "zstd:script"),
        ("br;q=0, *;q=0", None, "script"),
    ] {
        let answer = fixture.get_with("/app.js", &[("accept-encoding", accept)]);
        assert_eq!((answer.header("content-encoding"), answer.text()), (coding, body), "{accept}");
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()));
        tags.push(answer.header("etag").unwrap().to_owned());
    }
    assert_eq!(tags[0], tags[4]);
    tags.truncate(4);
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
    assert!(tags.iter().all(|tag| tag.starts_with('"') && tag.ends_with('"')));
    assert_eq!(fixture.get_with("/a.txt", &[("accept-encoding", "br")]).header("vary"), None);
}

#[test]
fn s5_conditional_requests() {
    let fixture = alphabet();
    let tag = fixture.get("/a.txt").header("etag").unwrap().to_owned();
    for value in [tag.as_str(), &format!("W/{tag}"), &format!("\"x\", {tag}"), "*"] {
        let answer = fixture.get_with("/a.txt", &[("if-none-match", value)]);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{value}");
        assert_eq!((answer.header("etag"), answer.header("cache-control")), (Some(tag.as_str()), Some(REVALIDATED)));
        assert_eq!((answer.header("content-length"), answer.header("content-type")), (None, None));
    }
    assert_eq!(fixture.get_with("/a.txt", &[("if-none-match", "\"x\"")]).status, 200);
    assert_eq!(fixture.get_with("/a.txt", &[("if-match", "\"x\"")]).status, 412);
    assert_eq!(fixture.get_with("/a.txt", &[("if-match", &tag)]).status, 200);
    assert_eq!(fixture.get_with("/none.txt", &[("if-none-match", "*")]).status, 404);
    // Another coding is another representation.
    let plain = fixture.get("/app.js").header("etag").unwrap().to_owned();
    let headers = [("if-none-match", plain.as_str()), ("accept-encoding", "br")];
    assert_eq!(fixture.get_with("/app.js", &headers).status, 200);
}

#[test]
fn dates_answer_who_has_no_etag() {
    let fixture = alphabet();
    let get = |name: &str, value: &str| fixture.get_with("/a.txt", &[(name, value)]).status;
    let date = "Sat, 21 Nov 2026 10:00:00 GMT";
    assert_eq!(fixture.get("/a.txt").header("last-modified"), Some(date));
    assert_eq!(get("if-modified-since", date), 304);
    assert_eq!(get("if-modified-since", "Sat, 21 Nov 2026 09:59:59 GMT"), 200);
    assert_eq!(get("if-unmodified-since", date), 200);
    assert_eq!(get("if-unmodified-since", "Sat, 21 Nov 2026 09:59:59 GMT"), 412);
    // An ETag is the better word, a page that says that nothing is there has no date.
    assert_eq!(fixture.get_with("/a.txt", &[("if-modified-since", date), ("if-none-match", "\"x\"")]).status, 200);
    assert_eq!(fixture.get_with("/none.txt", &[("if-modified-since", date)]).status, 404);
}

#[test]
fn s5_ranges() {
    let fixture = alphabet();
    for (range, body, content_range) in [
        ("bytes=0-4", "abcde", "bytes 0-4/26"),
        ("bytes=20-", "uvwxyz", "bytes 20-25/26"),
        ("bytes=-3", "xyz", "bytes 23-25/26"),
        ("bytes=24-999", "yz", "bytes 24-25/26"),
        ("bytes=0-,0-,0-", "abcdefghijklmnopqrstuvwxyz", "bytes 0-25/26"),
    ] {
        let answer = fixture.get_with("/a.txt", &[("range", range)]);
        assert_eq!((answer.status, answer.text(), answer.header("content-range")), (206, body, Some(content_range)));
        assert_eq!(answer.header("content-length"), Some(body.len().to_string().as_str()));
    }
    for range in ["bytes=26-", "bytes=99999999999999999999-", "bytes=-0"] {
        let answer = fixture.get_with("/a.txt", &[("range", range)]);
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */26")), "{range}");
    }
    for range in ["bytes=x", "lines=1-2", "bytes=5-2"] {
        assert_eq!(fixture.get_with("/a.txt", &[("range", range)]).status, 200, "{range}");
    }
    assert_eq!(fixture.get_with("/empty.txt", &[("range", "bytes=0-")]).status, 416);
    assert_eq!(fixture.get_with("/empty.txt", &[("range", "bytes=-5")]).status, 200);
    assert_eq!(fixture.get("/empty.txt").header("content-length"), Some("0"));
}

#[test]
fn s5_several_ranges_are_parts() {
    let answer = alphabet().get_with("/a.txt", &[("range", "bytes=0-1,10-11,-1")]);
    assert_eq!(answer.status, 206);
    let boundary = answer.header("content-type").unwrap().strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: &str, body: &str| {
        format!(
            "\r\n--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {range}/26\r\n\r\n{body}"
        )
    };
    let expected = part("0-1", "ab") + &part("10-11", "kl") + &part("25-25", "z") + &format!("\r\n--{boundary}--\r\n");
    assert_eq!(answer.text(), expected);
    assert_eq!(answer.header("content-length"), Some(expected.len().to_string().as_str()));
}

#[test]
fn s5_parts_come_in_the_order_in_which_they_were_asked_for() {
    let fixture = Fixture::serving(&[
        ("data.bin", "abcdefghijklmnopqrstuvwxyz"),
        ("_headers", "/data.bin\n  Content-Type: application/json\n"),
    ]);
    let answer = fixture.get_with("/data.bin", &[("range", "bytes=20-25,0-4,3-6")]);
    let told: Vec<&str> =
        answer.text().split("\r\n").filter(|line| !line.starts_with("--") && !line.is_empty()).collect();
    let of_type = "Content-Type: application/json";
    assert_eq!(
        told,
        [of_type, "Content-Range: bytes 20-25/26", "uvwxyz", of_type, "Content-Range: bytes 0-6/26", "abcdefg"]
    );
}

#[test]
fn s5_a_range_is_of_the_representation_that_would_be_sent_whole() {
    let fixture = alphabet();
    for (accept, whole) in [("identity", "script"), ("br", "br:script"), ("gzip, zstd", "zstd:script")] {
        let plain = fixture.get_with("/app.js", &[("accept-encoding", accept)]);
        let part = fixture.get_with("/app.js", &[("accept-encoding", accept), ("range", "bytes=1-3")]);
        assert_eq!((plain.text(), part.status, part.text()), (whole, 206, &whole[1..4]), "{accept}");
        for same in ["etag", "content-encoding", "content-type", "vary", "last-modified"] {
            assert_eq!(part.header(same), plain.header(same), "{accept}: {same}");
        }
        assert_eq!(part.header("content-range"), Some(format!("bytes 1-3/{}", whole.len()).as_str()));
        let several = fixture.get_with("/app.js", &[("accept-encoding", accept), ("range", "bytes=0-0,-1")]);
        assert_eq!(several.header("content-encoding"), plain.header("content-encoding"), "{accept}");
        if accept == "identity" {
            assert_eq!(several.status, 206);
            assert!(several.text().contains("\r\n\r\ns\r\n--"), "{}", several.text());
            assert!(several.text().contains("\r\n\r\nt\r\n--"), "{}", several.text());
        } else {
            // A body of several parts is not compressed as its header would say.
            assert_eq!((several.status, several.text(), several.header("content-range")), (200, whole, None));
            assert_eq!(several.header("content-type"), plain.header("content-type"), "{accept}");
        }
        // A download of it goes on by its own ETag, and not by another's.
        let tag = plain.header("etag").unwrap();
        let resume = |tag: &str| {
            fixture.get_with("/app.js", &[("accept-encoding", accept), ("range", "bytes=2-"), ("if-range", tag)])
        };
        assert_eq!((resume(tag).status, resume(tag).text()), (206, &whole[2..]), "{accept}");
        for other in [format!("W/{tag}"), "\"x\"".to_owned()] {
            assert_eq!((resume(&other).status, resume(&other).text()), (200, whole), "{accept} {other}");
        }
    }
    let plain = fixture.get("/app.js").header("etag").unwrap().to_owned();
    let headers = [("accept-encoding", "br"), ("range", "bytes=0-1"), ("if-range", plain.as_str())];
    assert_eq!(fixture.get_with("/app.js", &headers).status, 200, "the tag of another coding");
}

#[test]
fn s5_if_range_takes_the_date_of_what_has_one_form() {
    let fixture = alphabet();
    let ask = |path: &str, date: &str| fixture.get_with(path, &[("range", "bytes=0-1"), ("if-range", date)]);
    let date = fixture.get("/a.txt").header("last-modified").unwrap().to_owned();
    assert_eq!((ask("/a.txt", &date).status, ask("/a.txt", &date).text()), (206, "ab"));
    assert_eq!(ask("/a.txt", "Sat, 21 Nov 2026 10:00:01 GMT").status, 200);
    assert_eq!(ask("/a.txt", "Sat, 21 Nov 2026 09:59:59 GMT").status, 200);
    // It is the date of all codings: whose part the client has it cannot tell.
    assert_eq!(ask("/app.js", &date).status, 200);
}

#[test]
fn s5_head_is_get_without_the_body() {
    let fixture = alphabet();
    for (path, headers) in [
        ("/a.txt", &[][..]),
        ("/app.js", &[("accept-encoding", "br")]),
        ("/none.txt", &[]),
        ("/empty.txt", &[]),
        ("/%00", &[]),
    ] {
        let get = fixture.get_with(path, headers);
        let head = fixture.ask(request("HEAD", path, headers));
        assert_eq!((get.status, get.response.headers()), (head.status, head.response.headers()), "{path}");
        assert!(head.body.is_empty());
    }
    // Ranges are for GET.
    assert_eq!(fixture.ask(request("HEAD", "/a.txt", &[("range", "bytes=0-1")])).status, 200);
}

#[test]
fn large_files_are_streamed_whole_and_in_part() {
    let large: String = (0..200_000).map(|number| format!("{number:07}\n")).collect();
    let fixture = Fixture::serving(&[("large.txt", &large)]);
    let check = |answer: Answer, expected: &str| assert!(answer.text() == expected, "{} bytes", answer.body.len());
    check(fixture.get("/large.txt"), &large);
    check(fixture.get_with("/large.txt", &[("range", "bytes=8-999999")]), &large[8..1_000_000]);
    check(fixture.get_with("/large.txt", &[("range", "bytes=-9")]), &large[large.len() - 9..]);
}
