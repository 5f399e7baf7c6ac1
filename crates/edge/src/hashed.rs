//! Which files carry the hash of their content in their name, and so never change. It is asked twice, and doubted
//! differently:
//!
//! - [`is_hashed`], for `Cache-Control: immutable`: a wrong "yes" keeps an old file in browsers for a year, a wrong "no"
//!   costs a revalidation. Doubts are answered "no".
//! - [`may_be_hashed`], for what a release leaves to its successor: a wrong "yes" keeps a file reachable for ten minutes, a
//!   wrong "no" breaks the page that asks for it. Doubts are answered "yes".

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
    let Some(stem) = stem_of(name).filter(|stem| !is_uuid(stem)) else { return false };
    let is_code = [".js", ".mjs", ".css", ".js.map", ".css.map"].iter().any(|end| name.ends_with(end));
    let is_bundle = is_code && is_in_bundle(path);
    let last_part = stem.rsplit(['.', '-', '_']).next().filter(|part| part.len() < stem.len());
    last_part.is_some_and(|part| is_hex_hash(part, is_code))
        || is_base64_hash(stem, is_bundle)
        || (is_code && is_base32_hash(stem))
}

/// Whether the file at `path` (without a leading slash) looks as if it were named by its content: at the end of its name
/// stands something that is hardly a word, in any bundler's alphabet.
pub(crate) fn may_be_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let Some(stem) = stem_of(name).filter(|_| !name.ends_with(".html") && !path.contains("_nuxt/builds/")) else {
        return false;
    };
    let last_part = stem.rsplit(['.', '-', '_']).next().unwrap_or(stem);
    // A hash of eight characters that may have a `-` or `_` in it.
    let last_eight = stem.len().checked_sub(9).and_then(|cut| stem.get(cut..)?.strip_prefix(['-', '.']));
    is_hashed(path)
        || is_no_word(last_part, if last_part.len() == stem.len() { 8 } else { 6 })
        || last_eight.is_some_and(|hash| is_no_word(hash, 8) || (is_in_bundle(path) && is_base64(hash)))
}

/// At least so many characters of base 64, among them a digit or, behind the first, an upper-case letter.
fn is_no_word(part: &str, least: usize) -> bool {
    let letters = part.as_bytes();
    letters.len() >= least
        && is_base64(part)
        && (letters.iter().any(u8::is_ascii_digit) || letters[1..].iter().any(u8::is_ascii_uppercase))
}

fn is_base64(part: &str) -> bool {
    part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn is_in_bundle(path: &str) -> bool {
    path.rsplit('/').skip(1).any(|directory| BUNDLE_DIRECTORIES.contains(&directory))
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

/// A name by what it is about, not by its content. One without dashes looks like what webpack names pictures and fonts by,
/// and so do other identifiers, which is why a name that is nothing but hex digits is never taken for a hash for a year.
fn is_uuid(stem: &str) -> bool {
    stem.split('-').map(str::len).eq([8, 4, 4, 4, 12])
}

/// esbuild, Angular: eight characters of base 32 after a `-`.
fn is_base32_hash(stem: &str) -> bool {
    stem.rsplit_once('-').is_some_and(|(before, hash)| {
        !before.is_empty() && hash.len() == 8 && hash.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'2'..=b'7'))
    })
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
            "styles-5INURTSO.css", // Angular, a hash that begins with a digit
            "chunk-QWERTYUI.js",   // esbuild, a hash without digits
            "media/inter-22222222.js.map",
        ] {
            assert!(is_hashed(path) && may_be_hashed(path), "{path}");
        }
    }

    /// For a year it is doubted, for ten minutes it is not.
    #[test]
    fn names_that_bundlers_may_have_made() {
        for path in [
            "assets/logo-DiwrgTda.svg",    // Vite, a picture
            "assets/inter-D_-x9aZ1.woff2", // Vite, a font
            "assets/Inter-BqWEU-_K.woff2",
            "fonts/inter-QWERTYUI.woff2", // esbuild
            "img/logo.82b9c7.png",        // Vue CLI, six digits
            "logo.a1b2c3.webp",
            "assets/DiwrgTda.js", // Vite, `[hash].js`
            "entry.DxB4kQ.css",
            "assets/my-homepage.js",    // a word, or Vite's hash of one in four hundred
            "151cfcfa1bd74779aadb.png", // webpack, nothing but the hash
            "static/media/5d5d9eefa31e5e13a6610d9fa7a283bb.woff2",
        ] {
            assert!(may_be_hashed(path) && !is_hashed(path), "{path}");
        }
        for path in [
            "index.html",
            "page-BX3k9dQ1.html",
            "robots.txt",
            "sw.js",
            "service-worker.js",
            "app.js",
            "main.css",
            "privacy-policy.pdf",
            "data/prices.json",
            "_nuxt/builds/latest.json",
            "_nuxt/builds/meta/1a2b3c4d-0000.json",
            "LICENSE",
            "favicon.ico",
        ] {
            assert!(!may_be_hashed(path), "{path}");
        }
    }

    /// What the bundlers make of any content, by counting: nothing of it vanishes with a switch.
    #[test]
    fn no_hash_is_taken_for_a_word() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut hash = |alphabet: &[u8], length: usize| -> String {
            (0..length).map(|_| char::from(alphabet[next(alphabet.len())])).collect()
        };
        let (hex, base32) = (b"0123456789abcdef", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
        let base64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut missed = 0;
        for _ in 0..10_000 {
            for path in [
                format!("chunk-{}.js", hash(base32, 8)),
                format!("assets/logo-{}.svg", hash(base64, 8)),
                format!("assets/index-{}.js", hash(base64, 8)),
                format!("static/js/main.{}.js", hash(hex, 8)),
                format!("{}.png", hash(hex, 20)),
            ] {
                missed += usize::from(!may_be_hashed(&path));
            }
        }
        assert_eq!(missed, 0, "of 50,000");
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
            "data/507f1f77bcf86cd799439011.json", // an identifier of MongoDB
            "avatars/5d41402abc4b2a76b9719d911017c592.png", // of an address of e-mail
            "commits/da39a3ee5e6b4b0d3255bfef95601890afd80709.json",
            "users/0b9c5a6ef1d24c3f8a7de0c1b2a3f4d5.json", // a UUID
            "users/0b9c5a6e-f1d2-4c3f-8a7d-e0c1b2a3f4d5.json",
        ] {
            assert!(!is_hashed(path), "{path}");
        }
    }
}
