//! What each file holds: hashed, stored once, and compressed where that saves something, on all cores.
//!
//! 1. hash every file
//! 2. look the contents up in the releases that the project still has ([`super::kept`])
//! 3. each content once: link what is there, compress what is not
//! 4. files with the same content become one

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};

use berth_edge::index::{Coding, ContentHash, Stored, layout};
use sha2::{Digest as _, Sha256};

use super::compress;
use super::kept::{KeptContents, replace_by_link};
use super::survey::SurveyedFile;
use crate::parallel;

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) identity: Stored,
    pub(super) compressed: Vec<(Coding, Stored)>,
}

/// The contents of all files, in their order.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) of_files: Vec<Content>,
    /// How many files an older release of the project has, too.
    pub(super) unchanged: usize,
    /// Compressed files of the build's own that are not what their names say.
    pub(super) wrong: Vec<String>,
}

/// Files with one content; there is at least one.
struct Group<'a> {
    identity: Stored,
    /// Where they are among all files.
    files: Vec<usize>,
    is_worth_trying: bool,
    /// What the build compressed itself: `app.js.br` beside `app.js`.
    siblings: Vec<(Coding, &'a SurveyedFile, Stored)>,
}

/// Reads, shares and compresses the files of a release to be. Compressed forms are written into its own directory.
pub(super) fn all(release: &Path, of_project: &Path, files: &[SurveyedFile]) -> io::Result<Contents> {
    fs::create_dir_all(release.join(layout::OWN_DIRECTORY))?;
    berth_model::step!("own directory made");
    let hashes = parallel::try_map(parallel::cores(), files, |file| hash_file(&release.join(&file.path)))?;
    let kept = KeptContents::find(of_project, &hashes);
    let mut groups = group(files, &hashes);
    // The largest first, so that no core ends up alone with one.
    groups.sort_by_key(|group| std::cmp::Reverse(group.identity.length));
    let done = parallel::try_map(parallel::cores(), &groups, |group| {
        let mut wrong = Vec::new();
        let compressed = one(release, files, group, &kept, &mut wrong)?;
        for other in &group.files[1..] {
            let first = release.join(&files[group.files[0]].path);
            replace_by_link(&first, &release.join(&files[*other].path), &spare(release, *other));
        }
        Ok::<_, io::Error>((compressed, wrong))
    })?;
    let mut of_files: Vec<Option<Content>> = vec![None; files.len()];
    let mut wrong = Vec::new();
    for (group, (compressed, theirs)) in groups.iter().zip(done) {
        wrong.extend(theirs);
        for number in &group.files {
            of_files[*number] = Some(Content { identity: group.identity, compressed: compressed.clone() });
        }
    }
    let of_files =
        of_files.into_iter().collect::<Option<_>>().ok_or_else(|| io::Error::other("a file was left out"))?;
    let is_kept = |group: &&Group<'_>| kept.get(group.identity).is_some();
    let unchanged = groups.iter().filter(is_kept).map(|group| group.files.len()).sum();
    Ok(Contents { of_files, unchanged, wrong })
}

/// A name for a link on its way to the place of a file.
fn spare(release: &Path, file: usize) -> PathBuf {
    release.join(layout::OWN_DIRECTORY).join(format!("link-{file}"))
}

/// Files by their content.
fn group<'a>(files: &'a [SurveyedFile], hashes: &[Stored]) -> Vec<Group<'a>> {
    let mut known: HashMap<ContentHash, usize> = HashMap::new();
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (number, (file, identity)) in files.iter().zip(hashes).enumerate() {
        let at = *known.entry(identity.hash).or_insert_with(|| {
            groups.push(Group { identity: *identity, files: Vec::new(), is_worth_trying: false, siblings: Vec::new() });
            groups.len() - 1
        });
        groups[at].files.push(number);
        groups[at].is_worth_trying |= compress::is_worth_trying(&file.path, file.length);
        for coding in Coding::COMPRESSED {
            let name = format!("{}{}", file.path, coding.extension());
            let Ok(sibling) = files.binary_search_by(|other| other.path.as_str().cmp(&name)) else { continue };
            if (1..identity.length).contains(&hashes[sibling].length) {
                groups[at].siblings.push((coding, &files[sibling], hashes[sibling]));
            }
        }
    }
    groups
}

/// One content: links what is kept of it, and makes the compressed forms that are missing.
fn one(
    release: &Path,
    files: &[SurveyedFile],
    group: &Group<'_>,
    kept: &KeptContents,
    wrong: &mut Vec<String>,
) -> io::Result<Vec<(Coding, Stored)>> {
    let kept = kept.get(group.identity);
    let path = release.join(&files[group.files[0]].path);
    if let Some(kept) = kept {
        kept.link(group.identity.length, &path, &spare(release, group.files[0]));
    }
    let mut content = None;
    let mut compressed = Vec::new();
    for coding in Coding::COMPRESSED {
        let known = kept.and_then(|kept| kept.compressed.iter().find(|(made, _)| *made == coding));
        let own = group.siblings.iter().filter(|(of, ..)| *of == coding);
        if let Some(stored) = sibling(release, coding, &path, own, known.map(|(_, stored)| *stored), wrong)? {
            compressed.push((coding, stored));
            continue;
        }
        if let (Some(kept), Some((_, stored))) = (kept, known)
            && kept.link_compressed(release, coding, *stored)
        {
            compressed.push((coding, *stored));
            continue;
        }
        let was_tried = known.is_none() && kept.is_some_and(|kept| kept.is_compressed_by_rule);
        if !group.is_worth_trying || was_tried {
            continue;
        }
        if content.is_none() {
            content = Some(fs::read(&path)?);
        }
        if let Some(smaller) = compress::compress(coding, content.as_deref().unwrap_or_default())? {
            let stored = stored(&smaller);
            write(&release.join(layout::compressed_file(coding, stored.hash)), &smaller)?;
            berth_model::step!("compressed form written");
            compressed.push((coding, stored));
        }
    }
    Ok(compressed)
}

/// The build's own compressed form of a file, used as it is; one that is something else is named.
fn sibling<'a>(
    release: &Path,
    coding: Coding,
    path: &Path,
    own: impl Iterator<Item = &'a (Coding, &'a SurveyedFile, Stored)>,
    known: Option<Stored>,
    wrong: &mut Vec<String>,
) -> io::Result<Option<Stored>> {
    for (_, file, stored) in own {
        let coded = release.join(&file.path);
        // One that an older release uses was checked then.
        if known != Some(*stored) && !compress::is_coded(coding, &coded, path)? {
            wrong.push(file.path.clone());
            continue;
        }
        let kept = release.join(layout::compressed_file(coding, stored.hash));
        // A file system that has no links, or no more of this file.
        match fs::hard_link(&coded, &kept) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => drop(fs::copy(&coded, &kept)?),
            _ => {}
        }
        return Ok(Some(*stored));
    }
    Ok(None)
}

/// Two contents can have one compressed form only if they are the same; another file may be called so, a sibling.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
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
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    fn surveyed(release: &Path, files: &[(&str, &[u8])]) -> Vec<SurveyedFile> {
        let mut surveyed: Vec<_> = files
            .iter()
            .map(|(path, content)| {
                fs::write(release.join(path), content).unwrap();
                SurveyedFile { path: (*path).to_owned(), length: content.len() as u64 }
            })
            .collect();
        surveyed.sort_by(|one, other| one.path.cmp(&other.path));
        surveyed
    }

    fn compressed(coding: Coding, text: &str) -> Vec<u8> {
        compress::compress(coding, text.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn same_files_are_one_and_what_saves_nothing_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let release = directory.path();
        let text = "function x(){return 1}\n".repeat(200);
        let noise: Vec<u8> = (0..4096_u32).flat_map(|n| Sha256::digest(n.to_le_bytes())).collect();
        let files = surveyed(
            release,
            &[
                ("a.js", text.as_bytes()),
                ("b.js", text.as_bytes()),
                ("photo.png", &text.as_bytes()[1..]),
                ("small.css", b"a{}"),
                ("noise.json", &noise),
            ],
        );
        let Contents { of_files, wrong, .. } = all(release, &release.join("no releases yet"), &files).unwrap();
        let of = |path: &str| &of_files[files.iter().position(|file| file.path == path).unwrap()];
        assert!(wrong.is_empty());
        assert_eq!(of("a.js"), of("b.js"));
        let inode = |path: &str| fs::metadata(release.join(path)).unwrap().ino();
        assert_eq!(inode("a.js"), inode("b.js"));
        assert_eq!(of("a.js").compressed.len(), 3);
        for (coding, stored) in &of("a.js").compressed {
            let bytes = fs::read(release.join(layout::compressed_file(*coding, stored.hash))).unwrap();
            assert_eq!((bytes.len() as u64, bytes), (stored.length, compressed(*coding, &text)));
        }
        for path in ["photo.png", "small.css", "noise.json"] {
            assert_eq!(of(path).compressed, [], "{path}");
        }
        assert_ne!(of("a.js").identity.hash, of("noise.json").identity.hash);
        assert_eq!(fs::read_dir(release.join(layout::OWN_DIRECTORY)).unwrap().count(), 3, "nothing else is left there");
    }

    #[test]
    fn what_the_build_compressed_is_used_if_it_is_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let release = directory.path();
        let text = "body{margin:0}\n".repeat(100);
        // Better than ours, another file's, none at all, and one that saves nothing.
        let mut theirs = Vec::new();
        let best = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
        brotli::BrotliCompress(&mut text.as_bytes(), &mut theirs, &best).unwrap();
        let stale = compressed(Coding::Zstd, &text.replace("margin", "border"));
        let files = surveyed(
            release,
            &[
                ("a.css", text.as_bytes()),
                ("a.css.br", &theirs),
                ("a.css.zst", &stale),
                ("a.css.gz", b""),
                ("b.svg", b"<svg/>"),
                ("b.svg.gz", b"longer than the file"),
            ],
        );
        let Contents { of_files, wrong, .. } = all(release, &release.join("none"), &files).unwrap();
        assert_eq!(wrong, ["a.css.zst"]);
        let kept = |coding: Coding| {
            let (_, stored) = of_files[0].compressed.iter().find(|(made, _)| *made == coding).unwrap();
            release.join(layout::compressed_file(coding, stored.hash))
        };
        let inode = |path: &Path| fs::metadata(path).unwrap().ino();
        assert_eq!(inode(&kept(Coding::Brotli)), inode(&release.join("a.css.br")));
        for coding in [Coding::Zstd, Coding::Gzip] {
            assert_eq!(fs::read(kept(coding)).unwrap(), compressed(coding, &text));
        }
    }
}
