//! Hashes every file and compresses those that get smaller, on all cores.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use berth_edge::index::{Coding, ContentHash, Stored, layout};
use berth_edge::mime::{content_type, is_compressible};
use sha2::{Digest as _, Sha256};

use super::survey::SurveyedFile;

/// Files below this are sent in one packet anyway.
const SMALLEST: u64 = 256;
/// Larger files are not held in memory to be compressed.
const LARGEST: u64 = 32 << 20;
/// From here on brotli's quality 9 takes longer than it is worth.
const HEAVY: usize = 4 << 20;

/// What became of one file.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) identity: Stored,
    pub(super) compressed: Vec<(Coding, Stored)>,
}

/// The contents of all files, in their order. Compressed forms are written into the release's own directory.
pub(super) fn all(directory: &Path, files: &[SurveyedFile]) -> io::Result<Vec<Content>> {
    fs::create_dir_all(directory.join(layout::OWN_DIRECTORY))?;
    // The largest first, so that no core ends up alone with one.
    let mut order: Vec<usize> = (0..files.len()).collect();
    order.sort_by_key(|number| std::cmp::Reverse(files[*number].length));
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Content>>> = Mutex::new(vec![None; files.len()]);
    let cores = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 8).min(files.len().max(1));
    std::thread::scope(|scope| {
        let work = || -> io::Result<()> {
            while let Some(number) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let content =
                    one(directory, files, *number).inspect_err(|_| next.store(files.len(), Ordering::Relaxed))?;
                done.lock().unwrap_or_else(PoisonError::into_inner)[*number] = Some(content);
            }
            Ok(())
        };
        let others: Vec<_> = (1..cores).map(|_| scope.spawn(work)).collect();
        let mine = work();
        others
            .into_iter()
            .map(|other| other.join().unwrap_or_else(|_| Err(io::Error::other("a thread died"))))
            .fold(mine, io::Result::and)
    })?;
    let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.into_iter().collect::<Option<_>>().ok_or_else(|| io::Error::other("a file was left out"))
}

fn one(directory: &Path, files: &[SurveyedFile], number: usize) -> io::Result<Content> {
    let file = &files[number];
    let path = directory.join(&file.path);
    let siblings = siblings(directory, files, file)?;
    let wanted = is_compressible(&content_type(&file.path)) && (SMALLEST..=LARGEST).contains(&file.length);
    if !wanted {
        return Ok(Content { identity: hash_file(&path)?, compressed: siblings });
    }
    let content = fs::read(&path)?;
    let mut compressed = siblings;
    for coding in Coding::COMPRESSED {
        if compressed.iter().any(|(made, _)| *made == coding) {
            continue;
        }
        let smaller = compress(coding, &content)?;
        if smaller.len() > content.len() / 100 * 95 {
            // What brotli cannot make smaller, the others cannot either.
            break;
        }
        let stored = stored(&smaller);
        write_once(&directory.join(layout::compressed_file(coding, stored.hash)), &smaller)?;
        compressed.push((coding, stored));
    }
    Ok(Content { identity: stored(&content), compressed })
}

/// Compressed forms that the build made itself (`app.js.br` beside `app.js`): used as they are, if they are smaller.
fn siblings(directory: &Path, files: &[SurveyedFile], file: &SurveyedFile) -> io::Result<Vec<(Coding, Stored)>> {
    let mut found = Vec::new();
    for coding in Coding::COMPRESSED {
        let name = format!("{}{}", file.path, coding.extension());
        let Ok(at) = files.binary_search_by(|other| other.path.as_str().cmp(&name)) else { continue };
        if files[at].length == 0 || files[at].length >= file.length {
            continue;
        }
        let sibling = directory.join(&name);
        let stored = hash_file(&sibling)?;
        match fs::hard_link(&sibling, directory.join(layout::compressed_file(coding, stored.hash))) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => found.push((coding, stored)),
        }
    }
    Ok(found)
}

fn compress(coding: Coding, content: &[u8]) -> io::Result<Vec<u8>> {
    match coding {
        Coding::Identity => Ok(content.to_vec()),
        Coding::Brotli => {
            let quality = if content.len() > HEAVY { 5 } else { 9 };
            let params =
                brotli::enc::BrotliEncoderParams { quality, lgwin: 22, size_hint: content.len(), ..Default::default() };
            let mut compressed = Vec::with_capacity(content.len() / 3);
            brotli::BrotliCompress(&mut &content[..], &mut compressed, &params)?;
            Ok(compressed)
        }
        // Its window stays within the 8 MiB that browsers must accept (RFC 9659).
        Coding::Zstd => zstd::bulk::compress(content, 12),
        Coding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::with_capacity(content.len() / 3), flate2::Compression::new(8));
            encoder.write_all(content)?;
            encoder.finish()
        }
    }
}

/// Two files with one content share the compressed one.
fn write_once(path: &Path, content: &[u8]) -> io::Result<()> {
    match File::create_new(path) {
        Ok(mut file) => file.write_all(content),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn stored(content: &[u8]) -> Stored {
    Stored { length: content.len() as u64, hash: first_half(Sha256::digest(content).into()) }
}

fn hash_file(path: &Path) -> io::Result<Stored> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    let mut length = 0;
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(Stored { length, hash: first_half(hasher.finalize().into()) }),
            read => {
                hasher.update(&buffer[..read]);
                length += read as u64;
            }
        }
    }
}

fn first_half(hash: [u8; 32]) -> ContentHash {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    ContentHash(half)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surveyed(directory: &Path, files: &[(&str, &[u8])]) -> Vec<SurveyedFile> {
        let mut surveyed: Vec<_> = files
            .iter()
            .map(|(path, content)| {
                fs::write(directory.join(path), content).unwrap();
                SurveyedFile { path: (*path).to_owned(), length: content.len() as u64 }
            })
            .collect();
        surveyed.sort_by(|one, other| one.path.cmp(&other.path));
        surveyed
    }

    fn read_back(directory: &Path, coding: Coding, stored: Stored) -> Vec<u8> {
        let bytes = fs::read(directory.join(layout::compressed_file(coding, stored.hash))).unwrap();
        assert_eq!(bytes.len() as u64, stored.length);
        let mut plain = Vec::new();
        match coding {
            Coding::Brotli => brotli::BrotliDecompress(&mut &bytes[..], &mut plain).unwrap(),
            Coding::Zstd => plain = zstd::stream::decode_all(&bytes[..]).unwrap(),
            Coding::Gzip => drop(flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut plain).unwrap()),
            Coding::Identity => plain = bytes,
        }
        plain
    }

    #[test]
    fn what_gets_smaller_is_kept_in_three_codings() {
        let directory = tempfile::tempdir().unwrap();
        let text = "function x(){return 1}\n".repeat(200);
        let noise: Vec<u8> = (0..4096_u32).flat_map(|n| Sha256::digest(n.to_le_bytes())).collect();
        let files = surveyed(
            directory.path(),
            &[
                ("a.js", text.as_bytes()),
                ("b.js", text.as_bytes()),
                ("photo.png", text.as_bytes()),
                ("small.css", b"a{}"),
                ("noise.json", &noise),
            ],
        );
        let contents = all(directory.path(), &files).unwrap();
        let of = |path: &str| &contents[files.iter().position(|file| file.path == path).unwrap()];
        for path in ["a.js", "b.js"] {
            assert_eq!(of(path).compressed.len(), 3);
            for (coding, stored) in &of(path).compressed {
                assert_eq!(read_back(directory.path(), *coding, *stored), text.as_bytes());
            }
        }
        for path in ["photo.png", "small.css", "noise.json"] {
            assert_eq!(of(path).compressed.len(), 0, "{path}");
        }
        assert_eq!(of("a.js").identity, of("b.js").identity);
        assert_ne!(of("a.js").identity.hash, of("noise.json").identity.hash);
        // a.js and b.js share their files.
        assert_eq!(fs::read_dir(directory.path().join(layout::OWN_DIRECTORY)).unwrap().count(), 3);
    }

    #[test]
    fn what_the_build_compressed_is_used_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let text = "body{margin:0}\n".repeat(100);
        let files =
            surveyed(directory.path(), &[("a.css", text.as_bytes()), ("a.css.br", b"theirs"), ("a.css.gz", b"")]);
        let contents = all(directory.path(), &files).unwrap();
        let brotli = contents[0].compressed.iter().find(|(coding, _)| *coding == Coding::Brotli).unwrap().1;
        let kept = directory.path().join(layout::compressed_file(Coding::Brotli, brotli.hash));
        assert_eq!(fs::read(kept).unwrap(), b"theirs");
        let gzip = contents[0].compressed.iter().find(|(coding, _)| *coding == Coding::Gzip).unwrap().1;
        assert_eq!(read_back(directory.path(), Coding::Gzip, gzip), text.as_bytes());
    }
}
