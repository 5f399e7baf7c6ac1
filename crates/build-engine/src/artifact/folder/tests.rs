use std::io::Write as _;

use proptest::prelude::*;

use super::*;

struct Made {
    kind: EntryType,
    name: &'static [u8],
    content: &'static [u8],
}

fn file(name: &'static str, content: &'static str) -> Made {
    Made { kind: EntryType::Regular, name: name.as_bytes(), content: content.as_bytes() }
}

fn other(kind: EntryType, name: &'static str) -> Made {
    Made { kind, name: name.as_bytes(), content: b"" }
}

fn append(builder: &mut tar::Builder<Vec<u8>>, made: &Made) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(made.kind);
    header.set_size(made.content.len() as u64);
    if let (EntryType::GNUSparse, Some(gnu)) = (made.kind, header.as_gnu_mut()) {
        gnu.set_real_size(0);
    }
    // `set_path` refuses what a hostile archive would hold.
    header.as_mut_bytes()[..made.name.len()].copy_from_slice(made.name);
    header.set_cksum();
    builder.append(&header, made.content).unwrap();
}

fn archive(entries: &[Made]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    entries.iter().for_each(|made| append(&mut builder, made));
    builder.into_inner().unwrap()
}

fn small() -> BuildLimits {
    BuildLimits { output_bytes: 10_000, output_files: 20, ..BuildLimits::default() }
}

/// What became of it; nothing may be left where it failed.
fn unpacked(bytes: Vec<u8>, limits: &BuildLimits) -> (tempfile::TempDir, Result<Folder, BuildError>) {
    let scratch = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pieces: Vec<_> = bytes.chunks(700).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let target = scratch.path().join("folder");
    let unpacked = runtime.block_on(unpack_folder(futures_util::stream::iter(pieces), target.clone(), limits.clone()));
    assert_eq!(target.exists(), unpacked.is_ok());
    (scratch, unpacked)
}

#[track_caller]
fn refusal(bytes: Vec<u8>) -> String {
    match unpacked(bytes, &small()).1 {
        Err(BuildError::Theirs(failure, None)) => failure.title,
        other => panic!("not theirs: {other:?}"),
    }
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn folders_as_programs_send_them() {
    let mut builder = tar::Builder::new(Vec::new());
    for made in [
        other(EntryType::XGlobalHeader, "pax_global_header"),
        other(EntryType::Directory, "./"),
        file("./index.html", "<h1>hello</h1>"),
        other(EntryType::Directory, "./assets/"),
        file("./assets/a.js", "1"),
        file("old/", ""),
        file("./.env", "SECRET=1"),
        other(EntryType::Directory, ".git/"),
        file("./.well-known/security.txt", "x"),
    ] {
        append(&mut builder, &made);
    }
    let long = format!("deep/{}/page.html", "x".repeat(200));
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    builder.append_data(&mut header, &long, b"long".as_slice()).unwrap();
    let pax = format!("pax/{}.html", "é".repeat(100));
    builder.append_pax_extensions([("path", pax.as_bytes()), ("mtime", b"1.5")]).unwrap();
    append(&mut builder, &file("short", "pax"));
    let plain = builder.into_inner().unwrap();
    let filled = [plain.clone(), vec![0; 9_000]].concat();
    for bytes in [plain.clone(), filled, gzipped(&plain), zstd::encode_all(plain.as_slice(), 3).unwrap()] {
        let (scratch, folder) = unpacked(bytes, &small());
        let folder = folder.unwrap();
        assert_eq!((folder.files, folder.left_out), (5, 2));
        let read = |path: &str| std::fs::read_to_string(scratch.path().join("folder").join(path)).unwrap();
        assert_eq!((read("index.html").as_str(), read(&long).as_str()), ("<h1>hello</h1>", "long"));
        assert_eq!((read(&pax).as_str(), read(".well-known/security.txt").as_str()), ("pax", "x"));
        assert!(scratch.path().join("folder/old").is_dir());
    }
}

#[test]
fn what_a_folder_may_not_hold_is_refused_by_its_name() {
    for (made, named, why) in [
        (other(EntryType::Symlink, "link"), "link", "symbolic link"),
        (other(EntryType::Link, "hard"), "hard", "hard link"),
        (other(EntryType::Char, "tty"), "tty", "device"),
        (other(EntryType::Block, "disk"), "disk", "device"),
        (other(EntryType::Fifo, "pipe"), "pipe", "pipe"),
        (other(EntryType::GNUSparse, "holes"), "holes", "sparse"),
        (other(EntryType::new(b'Z'), "odd"), "odd", "neither a file"),
        (file("../up", "x"), "../up", ".."),
        (file("a/../../up", "x"), "a/../../up", ".."),
        (file("/etc/passwd", "x"), "/etc/passwd", "absolute"),
        (file("a\nb", "x"), "a\\nb", "control character"),
        (file("./", "x"), "./", "no name"),
        (Made { kind: EntryType::Regular, name: b"\xff\xfe", content: b"x" }, "\u{fffd}", "UTF-8"),
    ] {
        let title = refusal(archive(&[file("index.html", "x"), made]));
        assert!(title.contains(named) && title.contains(why), "{named}: {title}");
    }
    let twice = refusal(archive(&[file("a.html", "1"), file("./a.html", "2")]));
    assert!(twice.contains("two files of the name a.html"), "{twice}");
    let below = refusal(archive(&[file("a", "1"), file("a/b", "2")]));
    assert!(below.contains("two files of the name a"), "{below}");
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("GNU.sparse.major", b"1".as_slice()), ("GNU.sparse.realsize", b"9")]).unwrap();
    append(&mut builder, &file("holes", "x"));
    assert!(refusal(builder.into_inner().unwrap()).contains("sparse"));
    let mut builder = tar::Builder::new(Vec::new());
    builder.append_pax_extensions([("path", b"a\0b".as_slice())]).unwrap();
    append(&mut builder, &file("x", "x"));
    assert!(refusal(builder.into_inner().unwrap()).contains("control character"));
}

#[test]
fn limits_hold_whatever_an_archive_promises() {
    static LARGE: [u8; 10_001] = [b'x'; 10_001];
    let large = Made { kind: EntryType::Regular, name: b"large.bin", content: &LARGE };
    assert!(refusal(archive(&[large])).contains("limit: BERTH_BUILD_OUTPUT"));
    let names: Vec<&'static str> = (0..21).map(|n| &*Box::leak(format!("f{n}").into_boxed_str())).collect();
    let many: Vec<Made> = names.iter().map(|name| file(name, "")).collect();
    assert!(refusal(archive(&many)).contains("more than 20 files"));

    // A name of a gigabyte that is never sent, and one of 200 KB that is.
    let mut promised = tar::Header::new_gnu();
    promised.set_entry_type(EntryType::GNULongName);
    promised.set_size(1 << 30);
    promised.set_cksum();
    let endless = [promised.as_bytes().as_slice(), &vec![b'x'; 200 << 10]].concat();
    assert!(refusal(endless).contains("more than 64 KiB"));
    // Hidden files are not kept, and count all the same; so do zeros that compress to nothing.
    let hidden: Vec<Made> =
        (0..12).map(|_| Made { kind: EntryType::Regular, name: b".hidden", content: &LARGE }).collect();
    assert!(refusal(gzipped(&archive(&hidden))).contains("limit: BERTH_BUILD_OUTPUT"));
    assert!(refusal(gzipped(&vec![0; 8 << 20])).contains("limit: BERTH_BUILD_OUTPUT"));
}

#[test]
fn every_cut_is_noticed() {
    let whole = archive(&[file("index.html", "<h1>hello</h1>"), file("zeros", "\0\0\0\0")]);
    let end = whole.len() - 1_024;
    for cut in (0..end).step_by(128).chain([end]) {
        let title = refusal(whole[..cut].to_vec());
        assert!(title.contains("breaks off"), "{cut}: {title}");
    }
    let gzip = gzipped(&whole);
    for cut in (4..gzip.len()).step_by(5) {
        assert!(refusal(gzip[..cut].to_vec()).contains("breaks off"), "{cut}");
    }
    assert!(refusal([whole.clone(), b"more".to_vec()].concat()).contains("follows the end"));
    assert!(refusal(b"<html>this is no archive</html>".repeat(40)).contains("no tar archive"));
}

proptest! {
    #[test]
    fn no_archive_is_a_fault_of_ours(changes in prop::collection::vec((0_usize..6_000, any::<u8>()), 0..40), cut in 0_usize..8_000) {
        let mut bytes = archive(&[
            other(EntryType::Directory, "assets/"),
            file("index.html", "<h1>hello</h1>"),
            file("assets/a.js", "console.log(1)"),
            file("b.css", "b { color: red }"),
        ]);
        for (at, byte) in changes {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        bytes.truncate(cut.max(1));
        let (_scratch, outcome) = unpacked(bytes, &small());
        prop_assert!(!matches!(outcome, Err(BuildError::Ours { .. })), "{outcome:?}");
    }
}
