//! What a host sends to libgit2, read along before libgit2 has it: lines of text, then a pack, which [`PackReader`]
//! judges.
//!
//! libgit2 takes the answers of one transport for one stream: what it left of the list of references it reads as the
//! beginning of the next answer. So one reader follows a transport from its first byte to its last, and where libgit2
//! would pass over bytes of a pack (before the host has said that the pack comes), it refuses them.

use super::pack::PackReader;
use crate::BuildError;

/// A line's own length, in hexadecimal digits.
const DIGITS: usize = 4;
/// All lines that are no pack's and no progress: references, and where a shallow history ends. libgit2 keeps them.
const MOST_WORDS: usize = 32 << 20;

/// The first byte of a line that carries a part of the pack.
const OF_THE_PACK: u8 = 1;
/// Words for who waits, and the reason why there is no pack.
const PROGRESS: u8 = 2;
const ERROR: u8 = 3;

/// Reads along with one transport of libgit2.
pub(super) struct AnswerReader {
    pack: PackReader,
    place: Place,
    has_begun: bool,
    words_left: usize,
}

/// Why no further byte of a host is read.
#[derive(Debug)]
pub(super) enum Refusal {
    /// It does not speak git's protocol.
    NotGit,
    /// It does, and sends what is not wanted.
    Of(BuildError),
}

/// Where in the answers the next byte is.
enum Place {
    /// In the length of a line, of which so many digits came.
    Length { digits: [u8; DIGITS], came: usize },
    /// At the first byte of a line; so many are left of it.
    Start { left: usize },
    /// In a line that carries a part of the pack.
    Pack { left: usize },
    /// In any other line.
    Words { left: usize },
    /// In a pack that comes without lines.
    Bare,
}

impl Place {
    const NEXT_LINE: Self = Self::Length { digits: [0; DIGITS], came: 0 };

    /// Further in a line, or before the next.
    fn within(left: usize, place: impl FnOnce(usize) -> Self) -> Self {
        if left == 0 { Self::NEXT_LINE } else { place(left) }
    }
}

impl AnswerReader {
    pub(super) fn new(pack: PackReader) -> Self {
        Self { pack, place: Place::NEXT_LINE, has_begun: false, words_left: MOST_WORDS }
    }

    /// Reads the bytes that libgit2 gets next.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Result<(), Refusal> {
        while let Some((&first, rest)) = bytes.split_first() {
            match &mut self.place {
                Place::Length { digits, came } => {
                    digits[*came] = first;
                    *came += 1;
                    bytes = rest;
                    if *came == DIGITS {
                        let digits = *digits;
                        self.begin_line(digits)?;
                    }
                }
                Place::Start { left } => {
                    let left = *left;
                    if first == OF_THE_PACK {
                        bytes = rest;
                        self.has_begun = true;
                        self.place = Place::within(left - 1, |left| Place::Pack { left });
                    } else {
                        self.admit_words(first, left)?;
                        self.place = Place::Words { left };
                    }
                }
                Place::Pack { left } => {
                    let (part, rest) = bytes.split_at(bytes.len().min(*left));
                    bytes = rest;
                    self.place = Place::within(*left - part.len(), |left| Place::Pack { left });
                    self.pack.read(part).map_err(Refusal::Of)?;
                }
                Place::Words { left } => {
                    let read = bytes.len().min(*left);
                    bytes = &bytes[read..];
                    self.place = Place::within(*left - read, |left| Place::Words { left });
                }
                Place::Bare => return self.pack.read(bytes).map_err(Refusal::Of),
            }
        }
        Ok(())
    }

    /// Before a line, or at a pack that comes without lines.
    fn begin_line(&mut self, digits: [u8; DIGITS]) -> Result<(), Refusal> {
        if &digits == b"PACK" && !self.has_begun {
            self.has_begun = true;
            self.place = Place::Bare;
            return self.pack.read(&digits).map_err(Refusal::Of);
        }
        let length = digits.iter().try_fold(0, |length, digit| Some(length * 16 + char::from(*digit).to_digit(16)?));
        self.place = match length.map(|length| length as usize) {
            // Without a line: a list is at its end.
            Some(0) => Place::NEXT_LINE,
            Some(length) if length > DIGITS => Place::Start { left: length - DIGITS },
            _ => return Err(Refusal::NotGit),
        };
        Ok(())
    }

    fn admit_words(&mut self, first: u8, length: usize) -> Result<(), Refusal> {
        if matches!(first, PROGRESS | ERROR) {
            return Ok(());
        }
        if self.has_begun {
            return Err(Refusal::NotGit);
        }
        self.words_left = self.words_left.checked_sub(length).ok_or(Refusal::NotGit)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use berth_model::{BuildLimits, FailureCode};

    use super::super::packs::{BLOB, copies, delta, entry, pack};
    use super::*;

    fn reader() -> AnswerReader {
        AnswerReader::new(PackReader::new(&BuildLimits::default()))
    }

    fn line(text: &[u8]) -> Vec<u8> {
        [format!("{:04x}", text.len() + DIGITS).as_bytes(), text].concat()
    }

    /// In lines of up to 60 KB, as hosts send it.
    fn in_lines(pack: &[u8]) -> Vec<u8> {
        pack.chunks(60_000).flat_map(|part| line(&[&[OF_THE_PACK], part].concat())).collect()
    }

    /// A good one, and one with a delta that would become a gigabyte.
    fn packs() -> [Vec<u8>; 2] {
        let hello = entry(BLOB, b"hello");
        let more = delta(hello.len(), &copies(5, 1 << 30, 1));
        [pack(std::slice::from_ref(&hello)), pack(&[hello, more])]
    }

    #[test]
    fn a_pack_is_found_however_it_comes() {
        let [good, bad] = packs();
        let references = [line(b"# service=git-upload-pack\n"), b"0000".to_vec(), line(b"1 refs"), b"0000".to_vec()];
        let before = [references.concat(), line(b"shallow 1"), b"0000".to_vec(), line(b"NAK\n")].concat();
        for (pack, is_good) in [(good, true), (bad, false)] {
            let progress = line(&[&[PROGRESS], &b"counting"[..]].concat());
            for rest in [[progress.clone(), in_lines(&pack), progress, b"0000".to_vec()].concat(), pack] {
                let all = [before.clone(), rest].concat();
                for size in [1, 7, all.len()] {
                    let mut reader = reader();
                    let told = all.chunks(size).try_for_each(|piece| reader.read(piece));
                    match told {
                        Ok(()) => assert!(is_good, "in pieces of {size}"),
                        Err(Refusal::Of(BuildError::Theirs(failure, _))) => {
                            assert!(!is_good && failure.code == FailureCode::SourceTooLarge, "{failure:?}");
                        }
                        Err(other) => panic!("{other:?}"),
                    }
                }
            }
        }
    }

    /// libgit2 passes over a pack that comes before the host has said that it does, and then takes another.
    #[test]
    fn there_is_one_pack_and_nothing_after_it() {
        let [good, bad] = packs();
        for second in [[line(b"NAK\n"), in_lines(&bad)].concat(), bad.clone(), line(b"1 refs")] {
            let told = reader().read(&[in_lines(&good), second].concat());
            assert!(matches!(told, Err(Refusal::NotGit)), "{told:?}");
        }
        let told = reader().read(&in_lines(&[good, bad].concat()));
        assert!(matches!(told, Err(Refusal::Of(_))), "{told:?}");
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for nonsense in ["zzzz", "0004", "0001", "-001", "+0x1", "PAC0", "<htm"] {
            assert!(matches!(reader().read(nonsense.as_bytes()), Err(Refusal::NotGit)), "{nonsense}");
        }
        let words = line(&[b'x'; 60_000]);
        let mut reader = reader();
        let told = (0..1_000).try_for_each(|_| reader.read(&words));
        assert!(matches!(told, Err(Refusal::NotGit)), "{told:?}");
    }
}
