//! Which files carry the hash of their content in their name, and so never change.
//!
//! A wrong "yes" keeps an old file in browsers for a year, a wrong "no" costs a revalidation: doubts are answered "no".

/// Directories in which bundlers put nothing but hashed files.
const HASHED_DIRECTORIES: &[&str] = &["_next/static/", "_app/immutable/", "_astro/", "_nuxt/"];

/// Directories of bundlers in which also a suffix of mixed letters is taken for a hash.
const BUNDLE_DIRECTORIES: &[&str] = &["assets", "build", "chunks", "static", "js", "css"];

/// Whether the file at `path` (without a leading slash) is named by its content.
pub(crate) fn is_hashed(path: &str) -> bool {
    // Nuxt's list of builds changes with each one.
    if path.contains("_nuxt/builds/") {
        return false;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut stem_and_extension = name.splitn(2, '.');
    if name.ends_with(".html") || stem_and_extension.nth(1).is_none() {
        return false;
    }
    if HASHED_DIRECTORIES.iter().any(|directory| path.starts_with(directory) || path.contains(&format!("/{directory}")))
    {
        return true;
    }
    let Some(stem) = stem_of(name) else { return false };
    let is_code = [".js", ".mjs", ".css", ".js.map", ".css.map"].iter().any(|end| name.ends_with(end));
    let is_bundle = is_code && path.rsplit('/').skip(1).any(|directory| BUNDLE_DIRECTORIES.contains(&directory));
    let last_part = stem.rsplit(['.', '-', '_']).next().filter(|part| part.len() < stem.len());
    last_part.is_some_and(|part| is_hex_hash(part, is_code)) || is_base64_hash(stem, is_bundle)
}

/// The name up to its extension: `index-BX3k9dQ1` of `index-BX3k9dQ1.js` and of `index-BX3k9dQ1.js.map`.
fn stem_of(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".map").unwrap_or(name);
    let name = name.strip_suffix(".LICENSE.txt").unwrap_or(name);
    let stem = name.rsplit_once('.')?.0;
    Some(
        stem.strip_suffix(".chunk")
            .or_else(|| stem.strip_suffix(".min"))
            .or_else(|| stem.strip_suffix(".module"))
            .unwrap_or(stem),
    )
}

/// webpack, Parcel, Gatsby: eight or more hex digits. Only decimal ones are a date or a number, unless it is code.
fn is_hex_hash(part: &str, is_code: bool) -> bool {
    if !(8..=64).contains(&part.len()) || !part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return false;
    }
    part.bytes().any(|b| b.is_ascii_alphabetic()) || (is_code && !starts_like_a_date(part))
}

fn starts_like_a_date(digits: &str) -> bool {
    let number = |from, to| digits.get(from..to).and_then(|part: &str| part.parse::<u32>().ok()).unwrap_or(0);
    (1900..2100).contains(&number(0, 4)) && (1..=12).contains(&number(4, 6)) && (1..=31).contains(&number(6, 8))
}

/// Rollup, Vite, esbuild: exactly eight characters of base 64 (or 32) after a `-` or `.`, which may contain `-` and `_`.
fn is_base64_hash(stem: &str, is_bundle: bool) -> bool {
    let Some(cut) = stem.len().checked_sub(9).filter(|cut| *cut > 0) else { return false };
    let Some((separator, hash)) = stem.as_bytes().get(cut..).and_then(<[u8]>::split_first) else { return false };
    if !matches!(separator, b'-' | b'.') || !hash.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    {
        return false;
    }
    // `section2`, `800x6000` and `IMG_0042` are words with numbers; a digit between letters hardly ever is.
    let first = hash.iter().position(u8::is_ascii_alphabetic);
    let last = hash.iter().rposition(u8::is_ascii_alphabetic);
    let (Some(first), Some(last)) = (first, last) else { return false };
    let core = &hash[first..=last];
    if core.iter().any(u8::is_ascii_digit) && !hash.contains(&b'_') && !hash.contains(&b'-') {
        return true;
    }
    let mixed = hash.iter().any(u8::is_ascii_uppercase)
        && hash[1..].iter().any(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    is_bundle && (mixed || core.iter().any(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_bundlers_make() {
        for path in [
            "assets/index-BX3k9dQ1.js",  // Vite
            "assets/index-DiwrgTda.css", // Vite, a hash without digits
            "assets/index-D_-x9aZ1.js",  // Vite, a hash with - and _
            "assets/logo-B1k9dQx2.svg",  // Vite, an image
            "assets/index-BX3k9dQ1.js.map",
            "assets/app.Dx8a1bCq.js",     // VitePress
            "static/js/main.8f6d7c8e.js", // Create React App
            "static/js/2.8f6d7c8e.chunk.js",
            "static/js/main.8f6d7c8e.js.LICENSE.txt",
            "js/app.1a2b3c4d.js",          // Vue CLI
            "app-0a1b2c3d4e5f60718293.js", // Gatsby
            "main-ABCDE23F.js",            // Angular, esbuild
            "chunk-K7QW2ERT.js",
            "_next/static/chunks/webpack.js",
            "_next/static/abcDEF/_buildManifest.js",
            "docs/_astro/page.css",
            "_app/immutable/entry/start.js",
            "_nuxt/BK3Dq8fH.js",
            "assets/app-aaaaaaaa.js",
            "assets/app-11111111.js",
        ] {
            assert!(is_hashed(path), "{path}");
        }
    }

    #[test]
    fn names_that_people_give() {
        for path in [
            "index.html",
            "about-BX3k9dQ1.html",
            "favicon.ico",
            "robots.txt",
            "app.js",
            "style.css",
            "assets/app.js",
            "assets/my-homepage.js",
            "assets/image-section2.png",
            "assets/photo-800x6000.jpg",
            "report-20240601.pdf",
            "js/news-20240601.js",
            "assets/IMG-IMG_0042.jpg",
            "jquery-3.7.1.min.js",
            "bootstrap.bundle.min.js",
            "README-TEMPLATE.md",
            "assets/photo-vacation1.jpg",
            "_nuxt/builds/latest.json",
            "_next/static",
            "sw.js",
            "service-worker.js",
            "11111111.js",
            "assets/photo-55550000.jpg",
            "assets/card-Homepage.js",
            "assets/icon-iPhoneSE.png",
        ] {
            assert!(!is_hashed(path), "{path}");
        }
    }
}
