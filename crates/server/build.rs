//! Builds the dashboard (`web/`) and writes the table of its files, which `pages` includes: part of the binary, compressed once.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// What the dashboard is made of, relative to `web/`.
const SOURCES: [&str; 7] =
    ["src", "public", "index.html", "package-lock.json", "vite.config.ts", "lingui.config.ts", "../scripts/build-web"];

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../..");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join("web").join(source).display());
    }
    let built = out.join("web");
    let status = Command::new(root.join("scripts/build-web")).arg(&built).status();
    assert!(
        status.as_ref().is_ok_and(std::process::ExitStatus::success),
        "the dashboard could not be built: scripts/build-web {} ended with {status:?}. It needs Node.js with npm.",
        built.display()
    );
    let mut table = String::from("[\n");
    for file in files(&built, &built) {
        if file.starts_with(".vite/") || file.ends_with(".br") || file.ends_with(".gz") {
            continue;
        }
        let include = |file: &str| format!("include_bytes!({:?})", built.join(file));
        let coded = |ending: &str| {
            let coded = format!("{file}{ending}");
            if built.join(&coded).exists() { format!("Some({})", include(&coded)) } else { "None".to_owned() }
        };
        let (whole, brotli, gzip) = (include(&file), coded(".br"), coded(".gz"));
        let hash = hash(&fs::read(built.join(&file)).expect("it was just listed"));
        writeln!(
            table,
            "Asset {{ address: \"/{file}\", hash: \"{hash:016x}\", whole: {whole}, brotli: {brotli}, gzip: {gzip} }},"
        )
        .expect("a String takes everything");
    }
    table.push(']');
    fs::write(out.join("assets.rs"), table).expect("OUT_DIR can be written");
}

/// Tells versions of a file apart; nothing depends on its being the same with another compiler.
fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Every file below `directory`, by its path from `top`, sorted.
fn files(directory: &Path, top: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the dashboard was built there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(files(&path, top));
        } else {
            let name =
                path.strip_prefix(top).expect("it is below the top").to_str().expect("Vite names files in ASCII");
            found.push(name.to_owned());
        }
    }
    found.sort();
    found
}
