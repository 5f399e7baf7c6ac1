//! Whatever archive a container hands out: what is written lies inside, is plain, and is within the limits.

use std::os::unix::fs::PermissionsExt as _;

use proptest::prelude::*;

use super::*;

/// One entry: kind, name, link and content, of pieces that hostile archives are made of.
fn entry() -> impl Strategy<Value = (u8, String, String, Vec<u8>)> {
    let piece = prop::sample::select(vec![
        "dist",
        "/",
        "//",
        "..",
        ".",
        "a",
        "index.html",
        ".env",
        ".well-known",
        "\0",
        "\n",
        "é",
        "node_modules",
        "etc/passwd",
    ]);
    let path = prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat());
    let kind = prop::sample::select(b"0125346gxLKS7\0z".to_vec());
    (kind, path.clone(), path, prop::collection::vec(any::<u8>(), 0..700))
}

fn archive(entries: &[(u8, String, String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, path, link, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::new(*kind));
        header.set_mode(0o7777);
        header.set_size(content.len() as u64);
        let path = format!("dist/{path}");
        header.as_mut_bytes()[..path.len().min(100)].copy_from_slice(&path.as_bytes()[..path.len().min(100)]);
        header.as_mut_bytes()[157..157 + link.len().min(100)].copy_from_slice(&link.as_bytes()[..link.len().min(100)]);
        header.set_cksum();
        builder.append(&header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

proptest! {
    #[test]
    fn what_any_archive_leaves_is_plain_and_inside(
        entries in prop::collection::vec(entry(), 0..8),
        changes in prop::collection::vec((0_usize..4_000, any::<u8>()), 0..6),
        cut in 0_usize..12_000,
    ) {
        let mut bytes = archive(&entries);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut);
        let scratch = tempfile::tempdir().unwrap();
        let limits = BuildLimits { output_bytes: 4_000, output_files: 5, ..BuildLimits::default() };
        let outcome = unpack_from(bytes.as_slice(), &OutputDir::parse("dist").unwrap(), &scratch.path().join("top"), &limits);

        let (mut waiting, mut files, mut size) = (vec![scratch.path().to_owned()], 0, 0);
        while let Some(directory) = waiting.pop() {
            for entry in std::fs::read_dir(&directory).unwrap().map(Result::unwrap) {
                let found = std::fs::symlink_metadata(entry.path()).unwrap();
                prop_assert!(found.is_dir() || found.is_file(), "{:?}", entry.path());
                if found.is_dir() {
                    waiting.push(entry.path());
                    continue;
                }
                prop_assert_eq!(found.permissions().mode() & 0o7777, 0o644);
                files += 1;
                size += found.len();
            }
        }
        prop_assert!(files <= 5 && size <= 4_000, "{files} files, {size} bytes");
        let only = std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name());
        prop_assert!(only.into_iter().all(|name| name == "top"), "something lies beside the artifact");
        if let Ok(written) = outcome {
            prop_assert_eq!((written.files, written.bytes), (files, size));
        }
    }
}
