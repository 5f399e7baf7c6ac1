//! Whatever a Dockerfile says: it is judged, with bounded work, and no image without a name that can be checked comes of it.

use std::collections::BTreeMap;

use berth_model::SourceAllow;
use proptest::prelude::*;

use super::{instructions, references};

fn text() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "FROM ",
        "ARG ",
        "ONBUILD ",
        "COPY ",
        "RUN ",
        "--from=",
        "--platform=",
        "A=",
        "$A",
        "${A}",
        "${A:-b}",
        "${A:+c}",
        "${",
        "}",
        "$",
        "$A$A",
        "node",
        ":22",
        "@sha256:",
        "scratch",
        "localhost/",
        "127.0.0.1:5000/",
        " AS b",
        "b",
        "/",
        "\\\n",
        "\\",
        "\n",
        "\n",
        "# escape=`\n",
        "# syntax=x\n",
        "`",
        "\"",
        "'",
        "<<EOF",
        "EOF",
        "\t",
        "\u{feff}",
        "\r",
        "\0",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_dockerfile_is_judged(text in text(), doublings in 0_usize..40) {
        let mut doubled = String::from("ARG A=aaaaaaaaaaaaaaaa\n");
        for _ in 0..doublings {
            doubled += "ARG A=$A$A\n";
        }
        for text in [text.clone(), format!("{doubled}{text}")] {
            let Ok(parsed) = instructions::parse(&text) else { continue };
            prop_assert!(parsed.len() <= text.lines().count());
            let images = references::images(&parsed, &BTreeMap::new(), &SourceAllow::default()).unwrap_or_default();
            for image in images {
                prop_assert!(image.len() <= 4 << 10 && !image.contains(['$', ' ', '\n']), "{image:?}");
                prop_assert!(!image.starts_with("localhost/") && !image.starts_with("127."), "{image:?}");
            }
        }
    }
}
