//! The index of a release: everything the edge needs to know about its files, in one small file.
//!
//! Written once, when the release is published ([`IndexBuilder`]); read with one read when it is put on a host
//! ([`Index`]) and looked up by path, without a system call or an allocation. It holds for each file its content type,
//! whether its name carries its hash, and per coding a length and a content hash; then `_redirects` and `_headers`,
//! parsed, and how the SPA fallback was decided. It does not hold contents: those are files of the release, opened by
//! the names in here.
//!
//! The format is little-endian: magic, version, checksum of the rest, a fixed header, the hashes of all paths in
//! ascending order (4 bytes each), the entries in the same order (16 bytes each), the forms that contents are kept in
//! (24 bytes each), the content types, the rules as JSON, the text that paths and types point into. A lookup is a
//! binary search over the hashes, which lie side by side: no visitor can choose names that make it slow, and ten thousand
//! small sites stay small. A file with a wrong checksum or an offset that leads outside is an error, never a panic; one
//! of the [first version](first) is rewritten in memory, one of an unknown version refused.

mod first;
mod read;
mod write;

pub use read::{Entry, Index};
pub use write::{Decided, IndexBuilder};

/// Names the file type.
const MAGIC: [u8; 8] = *b"BerthIdx";
/// Changes with the format.
const VERSION: u32 = 2;
/// Magic, version, nothing yet, checksum: the same in every version, and so is the deployment's id behind it.
const PREFIX: usize = 24;
/// Prefix; deployment; flags, entries, variants, types, length of the rules, length of the text; when it was published.
const HEADER: usize = PREFIX + 8 + 4 * 7;
/// The hash of one path.
const HASH: usize = 4;
/// One entry: where its path is and its first variant; length of the path, content type; flags, codings, nothing yet.
const ENTRY: usize = 4 + 4 + 2 + 2 + 1 + 1 + 2;
/// One variant: length, hash. Those of an entry follow each other in the order of [`Coding`], the ones it has.
const VARIANT: usize = 8 + 16;
/// One content type: where it is in the text, and its length.
const TYPE: usize = 4 + 4;

const FLAG_FALLBACK: u32 = 1;
const FLAG_NOT_FOUND_PAGE: u32 = 2;
/// The highest byte of the flags is a number: by which rule the compressed forms were made.
const RULE_SHIFT: u32 = 24;
const ENTRY_HASHED: u8 = 1;
const ENTRY_DOCUMENT: u8 = 2;

/// In which form a file's content is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstd,
    /// Gzip.
    Gzip,
}

impl Coding {
    const COUNT: usize = 4;

    const ALL: [Self; Self::COUNT] = [Self::Identity, Self::Brotli, Self::Zstd, Self::Gzip];

    /// The compressed forms, the one that is preferred first.
    pub const COMPRESSED: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// As in `Accept-Encoding` and `Content-Encoding`.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// The ending of its file's name; nothing for [`Coding::Identity`].
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The first half of the SHA-256 of some content: its strong ETag, and the name of a compressed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContentHash(pub [u8; 16]);

impl ContentHash {
    /// 32 hex digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

/// One form of a file's content, as kept on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its length in bytes.
    pub length: u64,
    /// Its hash (of the compressed bytes, where they are compressed).
    pub hash: ContentHash,
}

/// Where a release's files lie below its directory.
pub mod layout {
    use super::{Coding, ContentHash};

    /// Berth's own directory within a release; a project's directory of this name is never published.
    pub const OWN_DIRECTORY: &str = ".berth";

    /// The index, below the release directory.
    pub const INDEX_FILE: &str = ".berth/index";

    /// The file of some compressed content, below the release directory: `.berth/<hash>.br`.
    #[must_use]
    pub fn compressed_file(coding: Coding, hash: ContentHash) -> String {
        format!("{OWN_DIRECTORY}/{}{}", hash.to_hex(), coding.extension())
    }
}

/// Whether visitors may ever see the file at `path` (relative to the release, `/` between segments): not dot files and
/// directories but `.well-known/` at the top, not `_redirects` and `_headers`, and no name with control characters or
/// backslashes, which no request can ask for.
#[must_use]
pub fn is_served(path: &str) -> bool {
    let dot = |(number, segment): (usize, &str)| segment.starts_with('.') && !(number == 0 && segment == ".well-known");
    !path.is_empty()
        && !matches!(path, "_redirects" | "_headers")
        && !path.chars().any(|c| c.is_control() || c == '\\')
        && !path.split('/').enumerate().any(dot)
}

/// The index of the same files under another deployment's id.
///
/// # Errors
/// When what is given is no index.
pub fn of_another(index: Vec<u8>, deployment: i64) -> Result<Vec<u8>, crate::EdgeError> {
    let mut copy = index.clone();
    Index::parse(index)?;
    copy[PREFIX..PREFIX + 8].copy_from_slice(&deployment.to_le_bytes());
    let sum = checksum(&copy[PREFIX..]);
    copy[PREFIX - 8..PREFIX].copy_from_slice(&sum.to_le_bytes());
    Ok(copy)
}

/// FNV-1a, 64 bits: finds torn and damaged files. It protects against accidents, not against somebody who can write
/// to the releases.
fn checksum(bytes: &[u8]) -> u64 {
    Fnv::default().and(bytes).0
}

/// The hash of a path that may come in parts.
#[derive(Clone, Copy)]
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn and(self, bytes: &[u8]) -> Self {
        Self(bytes.iter().fold(self.0, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    /// Its upper half, which the last bytes have reached, too.
    fn of_path(self) -> u32 {
        (self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(seed: u8) -> Stored {
        Stored { length: u64::from(seed) * 10, hash: ContentHash([seed; 16]) }
    }

    fn sample() -> Vec<u8> {
        let mut builder = IndexBuilder::new(7);
        builder.add("index.html", stored(1), &[(Coding::Brotli, stored(2)), (Coding::Gzip, stored(3))]);
        builder.add("assets/app-1a2b3c4d.js", stored(4), &[]);
        builder.add("a b.txt", stored(5), &[(Coding::Zstd, stored(6))]);
        builder.redirects("/old /new 302\n");
        builder.published(1_800_000_000);
        builder.finish(None).0
    }

    #[test]
    fn what_is_written_is_read() {
        let index = Index::parse(sample()).unwrap();
        assert_eq!((index.deployment(), index.len(), index.published()), (7, 3, 1_800_000_000));
        let page = index.find("index.html").unwrap();
        assert_eq!(page.content_type(), "text/html; charset=utf-8");
        assert!(page.is_document() && !page.is_hashed());
        assert_eq!(page.stored(Coding::Identity), Some(stored(1)));
        assert_eq!(page.stored(Coding::Brotli), Some(stored(2)));
        assert_eq!(page.stored(Coding::Zstd), None);
        assert_eq!(page.stored(Coding::Gzip), Some(stored(3)));
        assert!(index.find("assets/app-1a2b3c4d.js").unwrap().is_hashed());
        assert_eq!(index.find("a b.txt").unwrap().path(), "a b.txt");
        for missing in ["", "a", "index.htm", "index.html ", "zzz"] {
            assert!(index.find(missing).is_none(), "{missing}");
        }
        for (path, ending, is_there) in
            [("index", ".html", true), ("", "index.html", true), ("index.html", ".html", false), ("index", "", false)]
        {
            assert_eq!(index.find_joined(path, ending).is_some(), is_there, "{path}{ending}");
        }
        assert_eq!(index.rules().unwrap().redirects.len(), 1);
    }

    #[test]
    fn content_types_are_the_usual_ones_or_the_releases_own() {
        let paths = ["a.glb", "a.html", "a.mp3", "a.png", "b.glb"];
        let mut builder = IndexBuilder::new(1);
        paths.iter().for_each(|path| builder.add(path, stored(1), &[]));
        let index = Index::parse(builder.finish(None).0).unwrap();
        for path in paths {
            assert_eq!(index.find(path).unwrap().content_type(), crate::mime::content_type(path).as_str(), "{path}");
        }
    }

    #[test]
    fn every_file_of_many_is_found() {
        let mut builder = IndexBuilder::new(1);
        let paths: Vec<String> = (0..5_000).map(|number| format!("assets/{number}.js")).collect();
        for path in &paths {
            builder.add(path, stored(1), &[]);
        }
        let index = Index::parse(builder.finish(None).0).unwrap();
        assert!(paths.iter().all(|path| index.find(path).is_some_and(|entry| entry.path() == path)));
        assert!(paths.iter().all(|path| index.find(&path[1..]).is_none()));
    }

    #[test]
    fn a_copy_differs_in_its_deployment_only() {
        let copy = of_another(sample(), 9).unwrap();
        assert_eq!(Index::parse(copy.clone()).unwrap().deployment(), 9);
        assert_eq!(of_another(copy, 7).unwrap(), sample());
        assert!(of_another(b"no index".to_vec(), 9).is_err());
    }

    #[test]
    fn the_fallback_is_decided_by_the_files_unless_set() {
        let decide = |files: &[&str], setting: Option<bool>| {
            let mut builder = IndexBuilder::new(1);
            for file in files {
                builder.add(file, stored(1), &[]);
            }
            let (bytes, decided) = builder.finish(setting);
            let index = Index::parse(bytes).unwrap();
            assert_eq!(index.fallback().is_some(), decided.fallback);
            index.fallback().map(|entry| entry.path().to_owned())
        };
        assert_eq!(decide(&["index.html", "app.js"], None).as_deref(), Some("index.html"));
        assert_eq!(decide(&["index.html", "200.html", "about.html"], None).as_deref(), Some("200.html"));
        assert_eq!(decide(&["index.html", "about.html"], None), None);
        assert_eq!(decide(&["index.html", "404.html"], None), None);
        assert_eq!(decide(&["a/index.html"], None), None);
        assert_eq!(decide(&["app.js"], None), None);
        assert_eq!(decide(&["index.html"], Some(false)), None);
        assert_eq!(decide(&["index.html", "404.html", "a.html"], Some(true)).as_deref(), Some("index.html"));
        assert_eq!(decide(&["app.js"], Some(true)), None);
    }

    #[test]
    fn damage_is_an_error_and_never_a_panic() {
        let good = sample();
        for cut in 0..good.len() {
            assert!(Index::parse(good[..cut].to_vec()).is_err(), "cut at {cut}");
        }
        for at in 0..good.len() {
            let mut damaged = good.clone();
            damaged[at] ^= 0x41;
            assert!(Index::parse(damaged).is_err(), "damaged at {at}");
        }
        let mut longer = good;
        longer.push(0);
        assert!(Index::parse(longer).is_err());
    }

    #[test]
    fn offsets_are_checked_even_where_the_checksum_fits() {
        let good = sample();
        for at in PREFIX..good.len() {
            for value in [0x00, 0x7f, 0xff] {
                let mut forged = good.clone();
                forged[at] = value;
                let sum = checksum(&forged[PREFIX..]);
                forged[PREFIX - 8..PREFIX].copy_from_slice(&sum.to_le_bytes());
                if let Ok(index) = Index::parse(forged) {
                    for path in ["index.html", "assets/app-1a2b3c4d.js", "a b.txt", "none"] {
                        if let Some(entry) = index.find(path) {
                            let _ = (entry.content_type(), entry.stored(Coding::Gzip), entry.is_document());
                        }
                    }
                    let _ = (index.fallback().is_some(), index.rules().map(|rules| rules.redirects.len()));
                }
            }
        }
    }

    #[test]
    fn s2_dot_files_and_rule_files_are_not_served() {
        for path in ["index.html", ".well-known/security.txt", "a/b c.txt", "ü.html", "sub/_headers"] {
            assert!(is_served(path), "{path}");
        }
        for path in [
            "",
            ".env",
            ".git/config",
            "a/.b/c",
            "_redirects",
            "_headers",
            "a\r\nX: y.html",
            "a\\b",
            ".berth/index",
            "a/.well-known/x",
        ] {
            assert!(!is_served(path), "{path:?}");
        }
    }
}
