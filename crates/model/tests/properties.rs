//! What holds for every name, branch and directory that is accepted, whatever somebody types.

use std::process::Command;

use berth_model::{BranchName, OutputDir, ProjectName, host_label, preview_labels};
use proptest::prelude::*;

/// Pieces that break names, more often than chance would make them.
fn pieces() -> impl Strategy<Value = String> {
    let hostile = prop::sample::select(vec![
        "-",
        "--",
        ".",
        "..",
        "/",
        "//",
        "@",
        "@{",
        "{",
        "~",
        "^",
        ":",
        "?",
        "*",
        "[",
        "\\",
        ".lock",
        " ",
        "\t",
        "\0",
        "\n",
        "xn--",
        "A",
        "é",
        "\u{202e}",
        "\u{10ffff}",
        "refs/heads/",
        "HEAD",
        "%2e",
        "$(id)",
        "'",
    ]);
    let piece = prop_oneof![3 => hostile.prop_map(str::to_owned), 3 => "[a-z0-9]{1,30}", 1 => "\\PC{0,3}"];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && bytes[0] != b'-'
        && bytes[bytes.len() - 1] != b'-'
}

fn git_takes(branch: &str) -> bool {
    let status = Command::new("git").args(["check-ref-format", &format!("refs/heads/{branch}")]).status();
    status.expect("git runs").success()
}

proptest! {
    #[test]
    fn a_branch_that_is_taken_is_one_for_git_and_no_option(text in pieces()) {
        if let Ok(branch) = BranchName::parse(&text) {
            prop_assert_eq!(branch.as_str(), &text);
            prop_assert!(!text.starts_with('-') && !text.contains(char::is_control));
            prop_assert!(git_takes(&text), "git refuses {text:?}");
        }
    }

    #[test]
    fn a_name_that_is_taken_is_a_label(text in pieces(), branch in pieces()) {
        if let Ok(name) = ProjectName::parse(&text, &[]) {
            prop_assert!(is_label(name.as_str()), "{name:?}");
            prop_assert_ne!(text.get(2..4), Some("--"));
            if let Ok(branch) = BranchName::parse(&branch) {
                for label in preview_labels(&name, &branch) {
                    prop_assert!(is_label(&label), "{label}");
                }
            }
        }
    }

    #[test]
    fn any_parts_make_a_label(name in "[a-z0-9]{1,63}", part in pieces()) {
        prop_assert!(is_label(&host_label(&[&name, &part])));
    }

    #[test]
    fn a_directory_that_is_taken_is_inside(text in pieces()) {
        if let Ok(directory) = OutputDir::parse(&text) {
            let text = directory.as_str();
            prop_assert!(!text.starts_with('/') && !text.contains(['\0', '\n']), "{text:?}");
            prop_assert!(text.split('/').all(|part| part != ".."), "{text:?}");
        }
    }
}
