//! 5,000 files and 50 MB, the same on every run: pages, scripts and pictures as a generator of documentation leaves
//! them.

use std::fs;
use std::io;
use std::path::Path;

/// Numbers that look random and are the same every time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

const WORDS: [&str; 32] = [
    "the",
    "release",
    "of",
    "a",
    "deployment",
    "is",
    "served",
    "from",
    "its",
    "index",
    "and",
    "never",
    "walks",
    "file",
    "system",
    "visitor",
    "request",
    "header",
    "answer",
    "function",
    "return",
    "const",
    "value",
    "class",
    "import",
    "export",
    "margin",
    "padding",
    "color",
    "display",
    "grid",
    "window",
];

/// Writes the corpus below an empty directory.
pub(crate) fn make(directory: &Path) -> io::Result<()> {
    let mut numbers = Numbers(0x5eed_5eed_5eed_5eed);
    for number in 0..5_000_u64 {
        let (name, content) = match number % 10 {
            0..6 => (format!("docs/{}/page-{number}.html", number % 37), text(&mut numbers, 6_500, "p")),
            6 | 7 => (format!("assets/chunk-{number}.js"), text(&mut numbers, 10_500, "b")),
            _ => (format!("images/{number}.png"), (0..20_000).map(|_| numbers.next() as u8).collect()),
        };
        let file = directory.join(name);
        fs::create_dir_all(file.parent().unwrap_or(directory))?;
        fs::write(file, content)?;
    }
    fs::write(directory.join("index.html"), text(&mut numbers, 6_500, "p"))
}

fn text(numbers: &mut Numbers, length: usize, tag: &str) -> Vec<u8> {
    let mut text = String::with_capacity(length + 64);
    while text.len() < length {
        text += &format!("<{tag} id=\"{:x}\">", numbers.next() % 0xffff);
        for _ in 0..numbers.next() % 24 {
            text += WORDS[(numbers.next() % 32) as usize];
            text += if numbers.next().is_multiple_of(9) { ", " } else { " " };
        }
        text += &format!("</{tag}>\n");
    }
    text.into_bytes()
}
