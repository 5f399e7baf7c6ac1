//! Content types by file name, with their charset, and which of them are worth compressing.

use http::HeaderValue;

/// What most files of most sites are. Their headers are part of the program: ten thousand sites share them, and nobody
/// counts who does.
static USUAL: [HeaderValue; 24] = [
    HeaderValue::from_static("text/html; charset=utf-8"),
    HeaderValue::from_static("text/javascript; charset=utf-8"),
    HeaderValue::from_static("text/css; charset=utf-8"),
    HeaderValue::from_static("text/plain; charset=utf-8"),
    HeaderValue::from_static("text/markdown; charset=utf-8"),
    HeaderValue::from_static("application/json; charset=utf-8"),
    HeaderValue::from_static("application/manifest+json; charset=utf-8"),
    HeaderValue::from_static("application/xml; charset=utf-8"),
    HeaderValue::from_static("application/rss+xml; charset=utf-8"),
    HeaderValue::from_static("application/octet-stream"),
    HeaderValue::from_static("application/pdf"),
    HeaderValue::from_static("application/wasm"),
    HeaderValue::from_static("application/zip"),
    HeaderValue::from_static("image/svg+xml"),
    HeaderValue::from_static("image/png"),
    HeaderValue::from_static("image/jpeg"),
    HeaderValue::from_static("image/webp"),
    HeaderValue::from_static("image/avif"),
    HeaderValue::from_static("image/gif"),
    HeaderValue::from_static("image/x-icon"),
    HeaderValue::from_static("font/woff2"),
    HeaderValue::from_static("font/woff"),
    HeaderValue::from_static("font/ttf"),
    HeaderValue::from_static("video/mp4"),
];

/// Whatever it may be.
const UNKNOWN: &str = "application/octet-stream";

/// The number of a usual content type.
pub(crate) fn usual(content_type: &[u8]) -> Option<usize> {
    USUAL.iter().position(|usual| usual.as_bytes() == content_type)
}

/// The header of a usual content type.
pub(crate) fn usual_header(number: usize) -> &'static HeaderValue {
    &USUAL[number]
}

/// The `Content-Type` of a file, by its name.
#[must_use]
pub fn content_type(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    // Names that others have agreed on, without an extension.
    let well_known = path.strip_prefix(".well-known/").unwrap_or_default();
    if path == "apple-app-site-association"
        || matches!(
            well_known,
            "apple-app-site-association" | "openid-configuration" | "matrix/client" | "matrix/server"
        )
    {
        return "application/json; charset=utf-8".to_owned();
    }
    if well_known.starts_with("acme-challenge/") {
        return "text/plain; charset=utf-8".to_owned();
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    // Where mime_guess is older than the registrations in use.
    let essence = match extension.as_str() {
        "js" | "mjs" | "cjs" => "text/javascript",
        "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "xml" => "application/xml",
        "rss" => "application/rss+xml",
        "atom" => "application/atom+xml",
        "md" | "markdown" => "text/markdown",
        "wasm" => "application/wasm",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "ttf" => "font/ttf",
        "otf" => "font/otf",
        "yml" | "yaml" => "application/yaml",
        "toml" => "application/toml",
        "glb" => "model/gltf-binary",
        "jsonc" => "application/json",
        "ndjson" | "jsonl" => "application/x-ndjson",
        "m3u8" => "application/vnd.apple.mpegurl",
        "ts" => "video/mp2t",
        "m4s" => "video/iso.segment",
        "m4a" => "audio/mp4",
        "vcf" => "text/vcard",
        "tsx" => "text/plain",
        _ => mime_guess::from_ext(&extension).first_raw().unwrap_or(UNKNOWN),
    };
    if is_text(essence) { format!("{essence}; charset=utf-8") } else { essence.to_owned() }
}

/// Whether a path's last segment ends like a file's name: in an extension that stands for something. Releases (`1.2`),
/// people (`jane.doe`) and their like do not.
pub(crate) fn is_of_a_file(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    // Some are known to be of no known type.
    !extension.is_empty() && (content_type(name) != UNKNOWN || mime_guess::from_ext(extension).first_raw().is_some())
}

/// Text whose charset browsers would guess otherwise.
fn is_text(essence: &str) -> bool {
    essence.starts_with("text/")
        || matches!(
            essence,
            "application/json"
                | "application/manifest+json"
                | "application/ld+json"
                | "application/xml"
                | "application/rss+xml"
                | "application/atom+xml"
                | "application/xhtml+xml"
                | "application/yaml"
                | "application/toml"
        )
}

/// Whether content of this type usually gets smaller. Images, films, fonts in woff and archives are packed already.
#[must_use]
pub fn is_compressible(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    is_text(essence)
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(
            essence,
            "application/wasm"
                | "application/javascript"
                | "application/geo+json"
                | "application/x-ndjson"
                | "application/vnd.apple.mpegurl"
                | "application/vnd.ms-fontobject"
                | "font/ttf"
                | "font/otf"
                | "image/x-icon"
                | "image/bmp"
                | "model/gltf-binary"
                | "model/gltf+json"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s6_types_carry_their_charset() {
        for (path, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a/app.JS", "text/javascript; charset=utf-8"),
            ("a.mjs", "text/javascript; charset=utf-8"),
            ("a.css", "text/css; charset=utf-8"),
            ("a.json", "application/json; charset=utf-8"),
            ("a.js.map", "application/json; charset=utf-8"),
            ("a.txt", "text/plain; charset=utf-8"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.webp", "image/webp"),
            ("a.woff2", "font/woff2"),
            ("a.wasm", "application/wasm"),
            ("site.webmanifest", "application/manifest+json; charset=utf-8"),
            (".well-known/apple-app-site-association", "application/json; charset=utf-8"),
            ("apple-app-site-association", "application/json; charset=utf-8"),
            (".well-known/openid-configuration", "application/json; charset=utf-8"),
            (".well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA", "text/plain; charset=utf-8"),
            (".well-known/security.txt", "text/plain; charset=utf-8"),
            (".well-known/assetlinks.json", "application/json; charset=utf-8"),
            ("a.md", "text/markdown; charset=utf-8"),
            ("a.csv", "text/csv; charset=utf-8"),
            ("a.vtt", "text/vtt; charset=utf-8"),
            ("a.ics", "text/calendar; charset=utf-8"),
            ("a.xml", "application/xml; charset=utf-8"),
            ("a.rss", "application/rss+xml; charset=utf-8"),
            ("a.xhtml", "application/xhtml+xml; charset=utf-8"),
            ("a.jsonld", "application/ld+json; charset=utf-8"),
            ("a.geojson", "application/geo+json"),
            ("a.avif", "image/avif"),
            ("a.jpg", "image/jpeg"),
            ("a.gif", "image/gif"),
            ("a.ico", "image/x-icon"),
            ("a.pdf", "application/pdf"),
            ("a.mp4", "video/mp4"),
            ("a.webm", "video/webm"),
            ("a.mp3", "audio/mpeg"),
            ("a.woff", "font/woff"),
            ("a.ttf", "font/ttf"),
            ("a.zip", "application/zip"),
            ("a.gz", "application/gzip"),
            ("a.ts", "video/mp2t"),
            ("a.m3u8", "application/vnd.apple.mpegurl"),
            ("a.m4s", "video/iso.segment"),
            ("a.m4a", "audio/mp4"),
            ("a.vcf", "text/vcard; charset=utf-8"),
            ("a.jsonc", "application/json; charset=utf-8"),
            ("a.ndjson", "application/x-ndjson"),
            ("a.tsx", "text/plain; charset=utf-8"),
            ("LICENSE", "application/octet-stream"),
            ("a.unheard-of", "application/octet-stream"),
        ] {
            assert_eq!(content_type(path), expected, "{path}");
        }
    }

    #[test]
    fn s4_files_are_told_from_other_names_with_a_dot() {
        for path in ["/missing.js", "/a/b.css", "/a.PNG", "/x.json", "/a.js.map", "/a.wasm", "/a.exe", "/a.webmanifest"]
        {
            assert!(is_of_a_file(path), "{path}");
        }
        for path in ["/users/jane.doe", "/packages/x/1.3.0", "/v1.2", "/a.js/edit", "/", "/about", "/a.", "/@me.local"]
        {
            assert!(!is_of_a_file(path), "{path}");
        }
    }

    #[test]
    fn only_what_gets_smaller_is_compressed() {
        for path in ["a.html", "a.svg", "a.wasm", "a.json", "a.ttf", "a.xml"] {
            assert!(is_compressible(&content_type(path)), "{path}");
        }
        for path in ["a.png", "a.jpg", "a.woff2", "a.mp4", "a.zip", "a"] {
            assert!(!is_compressible(&content_type(path)), "{path}");
        }
    }
}
