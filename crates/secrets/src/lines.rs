//! Output in pieces, cut anywhere, becomes lines.

use crate::Mask;

/// What is kept of one line.
pub const MOST_LINE_BYTES: usize = 16 << 10;

/// Puts the lines of one stream together. Holds at most one line.
#[derive(Debug, Default)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Bytes of the line that did not fit.
    dropped: u64,
}

impl Lines {
    /// Takes a piece and hands every finished line to `emit`, masked.
    pub fn push(&mut self, piece: &[u8], mask: &Mask, mut emit: impl FnMut(String)) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(end) => {
                    self.take(end, mask);
                    emit(self.finish(mask));
                }
                None => self.take(part, mask),
            }
        }
    }

    /// The last line, if it has no end.
    pub fn end(&mut self, mask: &Mask) -> Option<String> {
        (!self.buffer.is_empty()).then(|| self.finish(mask))
    }

    /// A secret that begins within what is kept must be seen to its end, so that much more is held.
    fn take(&mut self, bytes: &[u8], mask: &Mask) {
        let most = MOST_LINE_BYTES + mask.longest();
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = most.saturating_sub(self.buffer.len());
            let (fits, over) = rest.split_at(rest.len().min(room));
            self.buffer.extend(fits.iter().filter(|byte| **byte != 0));
            rest = over;
            if rest.is_empty() {
                return;
            }
            if self.buffer.len() < most {
                continue;
            }
            // A progress display overwrites its line again and again; only the last state counts.
            let body = self.buffer.len() - self.buffer.iter().rev().take_while(|byte| **byte == b'\r').count();
            match self.buffer[..body].iter().rposition(|byte| *byte == b'\r') {
                Some(at) => drop(self.buffer.drain(..=at)),
                None => {
                    self.dropped += rest.len() as u64;
                    return;
                }
            }
        }
    }

    fn finish(&mut self, mask: &Mask) -> String {
        let mut bytes = std::mem::take(&mut self.buffer);
        while bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        if let Some(at) = bytes.iter().rposition(|byte| *byte == b'\r') {
            bytes.drain(..=at);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut dropped = std::mem::take(&mut self.dropped);
        // Of a line that was cut only what is kept is known to have no half of a secret, and masking makes it shorter.
        let kept = if dropped > 0 { MOST_LINE_BYTES } else { text.len() };
        dropped += text.len().saturating_sub(kept) as u64;
        let mut line = mask.apply_to_beginning(text, kept);
        if line.len() > MOST_LINE_BYTES {
            let cut = line.floor_char_boundary(MOST_LINE_BYTES);
            dropped += (line.len() - cut) as u64;
            line.truncate(cut);
        }
        if dropped > 0 {
            line.push_str(&format!(" … ({dropped} more bytes)"));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
        /// However the output is cut: not even half of a secret is in a line.
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
    }

    fn lines(pieces: &[&str], secrets: &[&str]) -> Vec<String> {
        let mask = Mask::of(secrets.iter().copied());
        let mut found = Vec::new();
        let mut lines = Lines::default();
        for piece in pieces {
            lines.push(piece.as_bytes(), &mask, |line| found.push(line));
        }
        found.extend(lines.end(&mask));
        found
    }

    #[test]
    fn pieces_become_lines() {
        assert_eq!(lines(&["a", "b\nc\n\nd\r\n", "e"], &[]), ["ab", "c", "", "d", "e"]);
        assert_eq!(lines(&["10%\r50%\r100%\n", "x\0y\n"], &[]), ["100%", "xy"]);
        assert_eq!(lines(&["\u{1b}[32mok\u{1b}[0m\n"], &[]), ["\u{1b}[32mok\u{1b}[0m"]);
    }

    #[test]
    fn secrets_are_masked_across_pieces() {
        let secret = "super-secret-value";
        for at in 1..secret.len() {
            let (one, two) = secret.split_at(at);
            assert_eq!(lines(&["<", one, two, ">\n"], &[secret]), ["<***>"]);
        }
    }

    #[test]
    fn a_long_line_is_cut_and_its_secrets_are_not_let_out() {
        let secret = "s".repeat(20_000);
        let text = format!("{}{secret}{}\n", "x".repeat(MOST_LINE_BYTES - 3), "y".repeat(100_000));
        let found = lines(&[&text], &[&secret]);
        assert!(found[0].starts_with("xxx") && !found[0].contains("ss"), "{}", &found[0][found[0].len() - 60..]);
        assert!(found[0].len() < MOST_LINE_BYTES + 40 && found[0].ends_with("more bytes)"));
        let progress: String = (0..100_000).map(|n| format!("{n}%\r")).collect();
        assert_eq!(lines(&[&progress, "done\n"], &[]), ["done"]);
    }
}
