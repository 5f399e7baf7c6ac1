use std::os::unix::fs::PermissionsExt as _;

use super::*;

enum Made<'a> {
    Directory(&'a str),
    File(&'a str, &'a str),
    Other(EntryType, &'a str, &'a str),
}
use Made::{Directory, File, Other};

fn archive(entries: &[Made<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for entry in entries {
        let (kind, path, data, link) = match *entry {
            Directory(path) => (EntryType::Directory, path, "", ""),
            File(path, data) => (EntryType::Regular, path, data, ""),
            Other(kind, path, link) => (kind, path, "", link),
        };
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o4777);
        header.set_size(data.len() as u64);
        // `set_path` refuses what a hostile archive would hold.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_cksum();
        builder.append(&header, data.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn unpacked(bytes: &[u8], limits: &BuildLimits) -> (tempfile::TempDir, Result<Written, BuildError>) {
    let scratch = tempfile::tempdir().unwrap();
    let output = OutputDir::parse("dist").unwrap();
    let outcome = unpack_from(bytes, &output, &scratch.path().join("top"), limits);
    (scratch, outcome)
}

fn failure(bytes: &[u8], limits: &BuildLimits) -> Failure {
    match unpacked(bytes, limits).1 {
        Err(BuildError::Theirs(failure, None)) => *failure,
        other => panic!("not theirs: {other:?}"),
    }
}

#[test]
fn files_and_directories_become_plain() {
    let entries = [
        Directory("dist/"),
        File("dist/index.html", "hello"),
        Directory("dist/assets/"),
        File("dist/assets/a.js", "a"),
        File("dist/deep/er/b.txt", "b"),
        File("dist/.well-known/x", "x"),
        File("dist/.env", "SECRET=1"),
        File("dist/.git/config", ""),
        Other(EntryType::Link, "dist/copy.html", "dist/index.html"),
    ];
    let (scratch, written) = unpacked(&archive(&entries), &BuildLimits::default());
    let top = scratch.path().join("top");
    assert_eq!(written.unwrap(), Written { files: 5, bytes: 13, notes: Vec::new() });
    assert_eq!(std::fs::read_to_string(top.join("copy.html")).unwrap(), "hello");
    assert!(!top.join(".env").exists() && !top.join(".git").exists());
    let mode = |path: &str| std::fs::metadata(top.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("index.html"), mode("assets"), mode("deep/er")), (0o644, 0o755, 0o755));
}

#[test]
fn everything_else_is_dropped_and_named() {
    let entries = [
        Directory("dist/"),
        File("dist/index.html", ""),
        Other(EntryType::Symlink, "dist/etc", "/etc"),
        File("dist/etc/passwd", "x"),
        Other(EntryType::Link, "dist/shadow", "/etc/shadow"),
        Other(EntryType::Fifo, "dist/pipe", ""),
        Other(EntryType::Char, "dist/null", ""),
        File("dist/../../escape", "x"),
        File("dist/a\nb", "x"),
    ];
    let (scratch, written) = unpacked(&archive(&entries), &BuildLimits::default());
    insta::assert_snapshot!(written.unwrap().notes.join("\n"), @r"
    etc is a symbolic link; it is not published
    shadow is a link to a file outside the output; it is not published
    pipe is a pipe; it is not published
    null is a device; it is not published
    ../../escape is a name that cannot be published; it is not published
    a\nb is a name that cannot be published; it is not published
    ");
    let names: Vec<_> = std::fs::read_dir(scratch.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["top"]);
    assert!(scratch.path().join("top/etc").symlink_metadata().unwrap().is_dir(), "made anew, not through the link");
}

#[test]
fn limits_are_asked_before_anything_is_written() {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_path("dist/huge").unwrap();
    header.set_size(1 << 40);
    header.set_cksum();
    let mut bytes = archive(&[Directory("dist/")]);
    bytes.truncate(512);
    bytes.extend_from_slice(header.as_bytes());
    let huge = failure(&bytes, &BuildLimits::default());
    assert_eq!(huge.code, FailureCode::OutputTooLarge);
    assert!(huge.title.contains("1 GiB") && huge.detail.contains("1024 GiB"));

    let limits = BuildLimits { output_files: 3, ..BuildLimits::default() };
    let many = [Directory("dist/"), File("dist/a", ""), File("dist/b", ""), File("dist/c/d", "")];
    assert!(failure(&archive(&many), &limits).title.contains("more than 3 files"));
}

#[test]
fn an_output_that_is_no_directory() {
    let title = |entries: &[Made<'_>]| failure(&archive(entries), &BuildLimits::default()).title;
    assert_eq!(title(&[File("dist", "x")]), "the output directory dist is a file");
    assert_eq!(title(&[Other(EntryType::Symlink, "dist", "/etc")]), "the output directory dist is a symbolic link");
    let twice = [Directory("dist/"), File("dist/a", ""), File("dist/a", "")];
    assert!(title(&twice).contains("two files of the name a"));
}

#[test]
fn an_archive_that_breaks_off_is_not_a_release() {
    let mut bytes = archive(&[Directory("dist/"), File("dist/index.html", &"x".repeat(5_000))]);
    bytes.truncate(2_000);
    assert!(matches!(unpacked(&bytes, &BuildLimits::default()).1, Err(BuildError::Ours { .. })));
}
