//! Compressing, and checking what the build compressed itself.

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::Path;

use berth_edge::index::Coding;
use berth_edge::mime::{content_type, is_compressible};

/// Changes with anything below that changes what is made of a content: then it is made anew with the next release, and
/// not taken over from the last. 0 is for releases of before it was noted.
pub(super) const RULE: u8 = 2;

/// Files below this are sent in one packet anyway.
const SMALLEST: u64 = 256;
/// Larger files are not held in memory to be compressed.
const LARGEST: u64 = 32 << 20;
/// From here on brotli's quality 9 takes longer than it is worth.
const HEAVY: usize = 4 << 20;
/// A compressed form has to be so much smaller, in percent.
const SAVING: usize = 5;
/// The largest window that browsers must accept of Zstandard, as a power of two: 8 MiB (RFC 9659).
const ZSTD_WINDOW: u32 = 23;

/// Whether a file may get smaller, by its name and its length.
pub(super) fn is_worth_trying(path: &str, length: u64) -> bool {
    (SMALLEST..=LARGEST).contains(&length) && is_compressible(&content_type(path))
}

/// The content in a coding, where that saves something.
pub(super) fn compress(coding: Coding, content: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let compressed = match coding {
        Coding::Identity => return Ok(None),
        Coding::Brotli => {
            let quality = if content.len() > HEAVY { 5 } else { 9 };
            let params =
                brotli::enc::BrotliEncoderParams { quality, lgwin: 22, size_hint: content.len(), ..Default::default() };
            let mut compressed = Vec::with_capacity(content.len() / 3);
            brotli::BrotliCompress(&mut &content[..], &mut compressed, &params)?;
            compressed
        }
        // Its window stays within what browsers must accept.
        Coding::Zstd => zstd::bulk::compress(content, 12)?,
        Coding::Gzip => {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::with_capacity(content.len() / 3), flate2::Compression::new(8));
            encoder.write_all(content)?;
            encoder.finish()?
        }
    };
    Ok(saves_enough(compressed.len(), content.len()).then_some(compressed))
}

/// Whether a compressed form is worth being kept.
fn saves_enough(compressed: usize, plain: usize) -> bool {
    compressed * 100 <= plain * (100 - SAVING)
}

/// Whether one file is another in a coding. Reads as much of both as agrees, in pieces: what would unpack to a terabyte
/// ends where the other file does.
pub(super) fn is_coded(coding: Coding, coded: &Path, plain: &Path) -> io::Result<bool> {
    let plain = File::open(plain)?;
    let coded = BufReader::new(File::open(coded)?);
    let same = match coding {
        Coding::Identity => agree(coded, plain),
        Coding::Brotli => agree(brotli::Decompressor::new(coded, 64 * 1024), plain),
        Coding::Gzip => {
            // Browsers differ in what they make of a second member: there is none.
            let mut decoder = flate2::bufread::GzDecoder::new(coded);
            agree(&mut decoder, plain).and_then(|same| Ok(same && decoder.into_inner().read(&mut [0])? == 0))
        }
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(coded)?;
            decoder.window_log_max(ZSTD_WINDOW)?;
            agree(decoder, plain)
        }
    };
    // What cannot be decoded is not the other file; what cannot be read is found when it is served.
    Ok(same.unwrap_or(false))
}

/// Whether two streams are the same to their ends.
fn agree(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    let (mut piece, mut expected) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        let read = one.read(&mut piece)?;
        if read == 0 {
            return Ok(other.read(&mut expected[..1])? == 0);
        }
        match other.read_exact(&mut expected[..read]) {
            Ok(()) if piece[..read] == expected[..read] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_saves_less_than_five_percent_is_left() {
        assert!(saves_enough(95, 100) && saves_enough(950, 1_000) && saves_enough(0, 0));
        assert!(!saves_enough(96, 100) && !saves_enough(951, 1_000));
        // Noise that no coding makes smaller, and zeros that all make into nothing.
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .take(10_000)
        .collect();
        let content = |zeros: usize| [&noise[..], &vec![0; zeros]].concat();
        for coding in Coding::COMPRESSED {
            assert!(compress(coding, &content(400)).unwrap().is_none(), "{coding:?}: less than four in a hundred");
            assert!(compress(coding, &content(1_500)).unwrap().is_some(), "{coding:?}: more than ten in a hundred");
        }
    }

    #[test]
    fn a_sibling_is_believed_only_if_it_is_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let text = "body{margin:0}\n".repeat(10_000);
        fs::write(at("plain"), &text).unwrap();
        let is_coded = |coding: Coding, bytes: &[u8]| {
            fs::write(at("coded"), bytes).unwrap();
            is_coded(coding, &at("coded"), &at("plain")).unwrap()
        };
        for coding in Coding::COMPRESSED {
            let good = compress(coding, text.as_bytes()).unwrap().unwrap();
            assert!(is_coded(coding, &good), "{coding:?}");
            for other in
                [format!("{text}x"), text[1..].to_owned(), text[..text.len() - 1].to_owned(), text.replace("0", "1")]
            {
                assert!(!is_coded(coding, &compress(coding, other.as_bytes()).unwrap().unwrap()), "{coding:?}");
            }
            let bomb = compress(coding, &vec![b'b'; 1 << 26]).unwrap().unwrap();
            assert!(!is_coded(coding, &bomb) && !is_coded(coding, &good[..good.len() / 2]) && !is_coded(coding, b""));
            for another in Coding::COMPRESSED.into_iter().filter(|another| *another != coding) {
                assert!(!is_coded(another, &good), "{coding:?} is no {another:?}");
            }
        }
        let twice = [compress(Coding::Gzip, text.as_bytes()).unwrap().unwrap(), vec![0]].concat();
        assert!(!is_coded(Coding::Gzip, &twice));
        let mut wide = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        wide.window_log(25).unwrap();
        wide.include_contentsize(false).unwrap();
        wide.write_all(text.as_bytes()).unwrap();
        assert!(!is_coded(Coding::Zstd, &wide.finish().unwrap()), "browsers refuse such a window");
    }
}
