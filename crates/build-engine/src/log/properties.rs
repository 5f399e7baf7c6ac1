//! What holds for any output, however it is cut: no secret survives, not even half of one.

use proptest::prelude::*;

use super::lines::{Lines, MOST_LINE_BYTES};
use super::{Excerpt, Mask};

/// So much of a secret in a row is a secret that got out.
const HALF: usize = 8;

/// What a build prints: noise, control characters, lengths around the limit of a line, and, at a `None`, its secret.
fn output() -> impl Strategy<Value = Vec<Option<String>>> {
    let noise = prop_oneof![
        4 => "[a-z .:/=-]{0,40}".prop_map(Some),
        2 => prop::sample::select(vec!["\n", "\r", "\r\n", "\0", "\u{1b}[31m", "\u{1b}[", "\u{1b}", "ü", "\u{10ffff}"])
            .prop_map(|text| Some(text.to_owned())),
        1 => (0_usize..40).prop_map(|less| Some("-".repeat(MOST_LINE_BYTES - less))),
        1 => (1_usize..200).prop_map(|many| Some("\0".repeat(many * 20))),
    ];
    prop::collection::vec(prop_oneof![3 => noise, 2 => Just(None)], 0..40)
}

proptest! {
    #[test]
    fn no_secret_survives_any_cut(
        secret in "[A-Z0-9_]{20,400}",
        printed in output(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let text: String = printed.iter().map(|piece| piece.as_deref().unwrap_or(&secret)).collect();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        places.sort_unstable();
        places.push(text.len());

        let mask = Mask::of([secret.as_str()]);
        let (mut lines, mut shown, mut from) = (Lines::default(), Vec::new(), 0);
        for to in places {
            lines.push(&text.as_bytes()[from..to], &mask, |line| shown.push(line));
            from = to;
        }
        shown.extend(lines.end(&mask));
        for line in &shown {
            prop_assert!(line.len() < MOST_LINE_BYTES + 60, "a line of {} bytes", line.len());
            for half in secret.as_bytes().windows(HALF) {
                let half = std::str::from_utf8(half).unwrap_or_default();
                prop_assert!(!line.contains(half), "{half} of {secret} is in the log");
            }
        }
    }

    #[test]
    fn any_line_loses_its_colours_and_nothing_else(plain in "[a-z ]{0,20}", colour in "[0-9;]{0,8}", any in "\\PC{0,40}") {
        let mut excerpt = Excerpt::default();
        excerpt.add(None, format!("\u{1b}[{colour}m{plain}\u{1b}[0m"));
        excerpt.add(None, format!("\u{1b}{any}"));
        let lines: Vec<String> = excerpt.lines().map(|(_, text)| text).collect();
        prop_assert_eq!(&lines[0], &plain);
        prop_assert!(!lines[1].contains('\u{1b}'), "an escape is left");
    }
}
