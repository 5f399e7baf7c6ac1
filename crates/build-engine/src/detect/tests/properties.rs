//! Whatever a repository's files say, detection answers, and its commands and directories are inside.

use proptest::prelude::*;

use super::*;

/// A file that detection reads, with a text of pieces that such files are made of.
fn file() -> impl Strategy<Value = (&'static str, String)> {
    let name = prop::sample::select(vec![
        "package.json",
        "a/package.json",
        "packages/b/package.json",
        "pnpm-workspace.yaml",
        "package-lock.json",
        "yarn.lock",
        "vite.config.ts",
        "rsbuild.config.ts",
        "next.config.js",
        "astro.config.mjs",
        "angular.json",
        "nuxt.config.ts",
        "svelte.config.js",
        "requirements.txt",
        "pyproject.toml",
        "mkdocs.yml",
        "index.html",
        ".nvmrc",
        "Dockerfile",
        "hugo.toml",
        "Procfile",
        "main.py",
        "server.js",
        "main.go",
        "berth.toml",
    ]);
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        "'",
        "`",
        ":",
        ",",
        "\n",
        "\\",
        "//",
        "/*",
        "*/",
        "(",
        ")",
        "=>",
        "${",
        "\0",
        "é",
        "\"name\":\"a\"",
        "\"scripts\":{\"build\":\"vite build\"}",
        "\"dependencies\":{",
        "\"vite\":\"^7\"",
        "\"next\":\"15\"",
        "\"astro\":\"5\"",
        "\"react-scripts\":\"5\"",
        "\"workspaces\":[\"packages/*\",\"{a,b,../c}\"]",
        "\"engines\":{\"node\":\">=99\"}",
        "export default",
        "defineConfig",
        "distPath:{root:",
        "outDir:",
        "\"../../etc\"",
        "output:\"export\"",
        "build:{",
        "packages:\n",
        "  - '**'",
        "site_dir: ../x",
        "22",
        "lts/*",
        "-e git+x",
        "FROM node",
        "; id",
        "$(id)",
        "web: node server.js\n",
        "\"start\":\"node server.js\"",
        "\"express\":\"5\"",
        "app.listen(",
        "PORT",
        "65536",
        "EXPOSE $PORT\n",
        "[services.web]\n",
        "[services.api]\n",
        "root = \"a\"\n",
        "port = 65536\n",
        "routes = [\"/\"]\n",
        "memory = \"1é\"\n",
        "start = \"x\"\n",
    ]);
    (name, prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat()))
}

proptest! {
    #[test]
    fn any_repository_is_judged(files in prop::collection::vec(file(), 0..6), is_json in any::<bool>()) {
        let mut files: Vec<(&str, String)> = files;
        if is_json {
            files.push(("package.json", r#"{"name":"x","scripts":{"build":"vite build"},"dependencies":{"vite":"^7"}}"#.to_owned()));
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        if let Ok(plan) = plan(&files, &ProjectSettings::default()) {
            // Each route is one service's, and everything that is planned can be printed.
            let routes: Vec<_> = plan.services.iter().flat_map(|service| &service.routes).map(|route| &route.path).collect();
            prop_assert!(routes.iter().enumerate().all(|(at, path)| !routes[..at].contains(path)), "{routes:?}");
            prop_assert!(!print::lines(&plan).is_empty());
            for service in &plan.services {
                let Some(output) = service.output_directory() else { continue };
                let output = output.value.as_str();
                prop_assert!(!output.starts_with('/') && output.split('/').all(|part| part != ".."), "{output:?}");
            }
        }
    }
}
