//! What holds for any line of a log.

use proptest::prelude::*;

use super::Excerpt;

proptest! {
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
