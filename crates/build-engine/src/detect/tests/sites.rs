//! Generators that are programs of their own.

use super::{assert_plan, detected};

#[test]
fn hugo() {
    let content = ("content/_index.md", "");
    assert_plan("hugo-in-config-directory", &[("config/_default/hugo.toml", "publishDir = \"out\"\n"), content]);
    assert_plan("hugo-with-yaml", &[("config.yaml", "baseURL: https://example.org\npublishDir: site\n"), content]);
    let package = r#"{"scripts":{"build":"tailwindcss -i a.css -o b.css"},"devDependencies":{"tailwindcss":"4"}}"#;
    assert_plan(
        "hugo-with-packages",
        &[("hugo.toml", ""), ("package.json", package), ("package-lock.json", "{}"), (".hugo-version", "0.150.0\n")],
    );
    assert_plan(
        "hugo-with-modules",
        &[("hugo.toml", "[module]\n[[module.imports]]\npath = \"x\"\n"), ("go.mod", "module x")],
    );
    // Anybody can have a `config.json` with such a key.
    let server = [("config.json", r#"{"baseURL":"http://x"}"#), ("package.json", r#"{"scripts":{"start":"node ."}}"#)];
    assert_eq!(detected(&server).framework.value, "node");
}

#[test]
fn jekyll() {
    assert_plan(
        "jekyll-without-gemfile",
        &[("_config.yml", "theme: jekyll-theme-cayman\ndestination: ./out\n"), ("index.md", "")],
    );
    assert_plan(
        "jekyll-with-old-ruby",
        &[("_config.yml", ""), ("Gemfile", "ruby \"3.2.2\"\ngem 'jekyll'\n"), ("docs/x.md", "")],
    );
}

#[test]
fn mkdocs() {
    let config = ("mkdocs.yml", "site_name: x\nsite_dir: public\ntheme:\n  name: material\n");
    assert_plan(
        "mkdocs-with-requirements",
        &[config, ("requirements.txt", "mkdocs-material==9.6\n"), (".python-version", "3.13.1\n")],
    );
    assert_plan(
        "mkdocs-with-requirements-of-its-own",
        &[config, ("requirements.txt", "numpy\n"), ("docs/requirements.txt", "mkdocs\n")],
    );
    let project = "[project]\nname = \"x\"\nrequires-python = \">=3.9,<3.12\"\ndependencies = [\"a\"]\n[project.optional-dependencies]\ndocs = [\"mkdocs\"]\n";
    assert_plan("mkdocs-of-a-library", &[config, ("pyproject.toml", project)]);
    assert_plan("mkdocs-with-uv", &[config, ("pyproject.toml", project), ("uv.lock", "")]);
    assert_plan(
        "mkdocs-with-poetry",
        &[
            config,
            ("pyproject.toml", "[tool.poetry.dependencies]\npython = \"^3.11\"\nmkdocs = \"1\"\n"),
            ("poetry.lock", ""),
        ],
    );
}

#[test]
fn themes_of_mkdocs_that_nothing_installs_are_named() {
    let warnings = |config: &str, requirements: &str| {
        detected(&[("mkdocs.yml", config), ("requirements.txt", requirements)]).warnings.sentences().to_vec()
    };
    let named = warnings("site_name: x\ntheme:\n  # ours\n  name: windmill\nnav: []\n", "");
    assert!(named[0].ends_with("and not the theme windmill"), "{named:?}");
    assert!(warnings("theme: cinder\n", "")[0].ends_with("cinder"));
    for config in ["site_name: x\n", "theme: readthedocs\n", "theme:\n  name: material\n"] {
        assert!(warnings(config, "").is_empty(), "{config}");
    }
    assert!(warnings("theme: windmill\n", "mkdocs-windmill\n").is_empty());
}

#[test]
fn mdbook_and_zola() {
    let output = |book: &str| detected(&[("book.toml", book)]).output_directory().unwrap().value.as_str().to_owned();
    assert_eq!(output("[output.html]\nx = 1\n[output.html.search]\n"), "book");
    assert_eq!(output("[output.html]\n[output.linkcheck]\n[build]\nbuild-dir = \"out\"\n"), "out/html");
    assert_plan(
        "mdbook-with-preprocessor",
        &[("book.toml", "[build]\nbuild-dir = \"out\"\n[preprocessor.mermaid]\ncommand = \"mdbook-mermaid\"\n")],
    );
    assert_plan(
        "zola-elsewhere",
        &[
            ("config.toml", "base_url = \"/\"\noutput_dir = \"site\"\n"),
            ("content/a.md", ""),
            (".tool-versions", "zola 0.21.0\n"),
        ],
    );
}
