//! What is remembered of a command's output for saying why it failed: its first and its last lines.

use std::collections::VecDeque;

const FIRST: usize = 200;
const LAST: usize = 300;
/// Enough of a line to recognise it by.
const MOST_BYTES: usize = 500;

/// Lines with their numbers, where they have one yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Excerpt {
    first: Vec<(Option<i64>, String)>,
    last: VecDeque<(Option<i64>, String)>,
}

impl Excerpt {
    pub(crate) fn add(&mut self, number: Option<i64>, mut text: String) {
        text.truncate(text.floor_char_boundary(MOST_BYTES));
        if self.first.len() < FIRST {
            self.first.push((number, text));
            return;
        }
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back((number, text));
    }

    /// The lines in order, without their colours.
    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = (Option<i64>, String)> {
        self.first.iter().chain(&self.last).map(|(number, text)| (*number, without_colours(text)))
    }
}

/// The text without ANSI escape sequences.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            plain.push(c);
        } else if chars.next() == Some('[') {
            // A control sequence ends with a letter or one of @[\]^_`{|}~.
            let _ = chars.by_ref().find(|c| matches!(c, '@'..='~'));
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_and_last_lines_without_colours() {
        let mut excerpt = Excerpt::default();
        for n in 1..=1_000 {
            excerpt.add(Some(n), format!("\u{1b}[1;31mline\u{1b}[0m {n}"));
        }
        let lines: Vec<_> = excerpt.lines().collect();
        assert_eq!(lines[0], (Some(1), "line 1".to_owned()));
        assert_eq!((lines[FIRST].0, lines.len()), (Some(701), FIRST + LAST));
    }
}
