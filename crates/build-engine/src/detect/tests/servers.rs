//! Server applications: what is understood of them, and how that is said.

use berth_model::ToolName;

use super::{OutputDir, ProjectSettings, RootDir, assert_plan, plan, print};

#[test]
fn of_node() {
    let server = |scripts: &str, dependency: &str| {
        format!(r#"{{"scripts":{{{scripts}}},"dependencies":{{"{dependency}":"1"}}}}"#)
    };
    let express = server(r#""start":"node index.js""#, "express");
    assert_plan("server-express", &[("package.json", &express), ("package-lock.json", "{}")]);
    // A server with a page of its own is a server still; what only shows files to developers is none.
    assert_plan("server-with-pages", &[("package.json", &express), ("public/index.html", "")]);
    let serve = server(r#""start":"http-server""#, "http-server");
    let service = super::detected(&[("package.json", &serve), ("index.html", "")]);
    assert_eq!(service.framework.value, "static-html");
    let nest = server(r#""build":"nest build","start":"nest start","start:prod":"node dist/main""#, "@nestjs/core");
    assert_plan("server-nest", &[("package.json", &nest), ("yarn.lock", "")]);
    let fastify = server(r#""build":"tsc","start":"node dist/index.js""#, "fastify");
    assert_plan("server-fastify", &[("package.json", &fastify), ("pnpm-lock.yaml", "")]);
    assert_plan(
        "server-by-main-file",
        &[("package.json", r#"{"main":"index.js","dependencies":{"ws":"8"}}"#), ("index.js", "")],
    );
    assert_plan(
        "server-bun",
        &[
            ("package.json", r#"{"module":"index.ts","dependencies":{"hono":"4"}}"#),
            ("index.ts", ""),
            ("bun.lock", "{}"),
        ],
    );
    let top = r#"{"workspaces":["api"],"scripts":{"start":"npm start -w api"}}"#;
    assert_plan(
        "server-in-workspace",
        &[("package.json", top), ("api/package.json", &express), ("package-lock.json", "{}")],
    );
}

#[test]
fn prisma_brings_openssl() {
    let tools = |files: &[(&str, &str)], root: &str| {
        let root_directory = Some(RootDir::parse(root).unwrap());
        let settings = ProjectSettings { root_directory, ..ProjectSettings::default() };
        let service = plan(files, &settings).unwrap().services.remove(0);
        let tools = service.toolchain.unwrap().tools.into_iter();
        tools.map(|tool| (tool.value.name, tool.source, tool.why.sentence)).collect::<Vec<_>>()
    };
    let openssl = |file: &str, dependency: &str| {
        vec![(ToolName::Openssl, file.to_owned(), format!("{file} depends on {dependency}"))]
    };
    let package = |more: &str| format!(r#"{{"scripts":{{"start":"node ."}},{more}}}"#);
    let to_run = package(r#""dependencies":{"@prisma/client":"6"},"devDependencies":{"prisma":"6"}"#);
    assert_eq!(tools(&[("package.json", to_run.as_str())], ""), openssl("package.json", "@prisma/client"));
    let to_build = package(r#""devDependencies":{"prisma":"6"}"#);
    assert_eq!(tools(&[("package.json", to_build.as_str())], ""), openssl("package.json", "prisma"));
    let next = r#"{"scripts":{"build":"next build"},"dependencies":{"next":"16","@prisma/client":"6"}}"#;
    assert_eq!(tools(&[("package.json", next)], ""), openssl("package.json", "@prisma/client"));
    let express = package(r#""dependencies":{"express":"5"}"#);
    assert!(tools(&[("package.json", express.as_str())], "").is_empty());
    // The top of the workspace has it installed for all of its packages.
    let top = r#"{"workspaces":["apps/*"],"devDependencies":{"prisma":"6"}}"#;
    let files = [("code/package.json", top), ("code/apps/api/package.json", express.as_str())];
    assert_eq!(tools(&files, "code/apps/api"), openssl("code/package.json", "prisma"));
    // One that is no part of a workspace has nothing of what lies above it.
    let beside = [("package.json", to_build.as_str()), ("api/package.json", express.as_str())];
    assert!(tools(&beside, "api").is_empty());
}

#[test]
fn a_start_script_that_only_builds_or_shows_files_is_no_server() {
    let is_server = |build: &str, start: &str| {
        let package = format!(r#"{{"scripts":{{"build":"{build}","start":"{start}","serve":"node server.js"}}}}"#);
        super::detected(&[("package.json", &package)]).output_directory().is_none()
    };
    for start in [
        "npm run build && npx serve dist",
        "node build.js --watch",
        "npm run build -- --watch",
        "yarn build && yarn dlx http-server dist",
        "live-server dist",
        "vite preview",
    ] {
        assert!(!is_server("node build.js", start), "{start}");
    }
    for start in [
        "node server.js",
        "npm run serve",
        "npm run build && node server.js",
        "PORT=80 node server.js",
        "node -r dotenv/config server.js",
        "npm start -w api",
        "cd api && npm start",
        "npm --prefix api start",
        "yarn exec tsx server.ts",
        "npx nodemon server.js",
        "bun server.ts",
    ] {
        assert!(is_server("node -r dotenv/config build.js", start), "{start}");
    }
    // The top of a monorepo, where each script is another package's.
    assert!(is_server("npm run build -w shared && npm run build -w api", "npm run start -w api"));
    assert!(!is_server("npm run build -w web", "npm run build -w web"));
}

#[test]
fn of_python() {
    let main = ("main.py", "from fastapi import FastAPI\n");
    assert_plan("server-fastapi", &[main, ("requirements.txt", "fastapi\nuvicorn\n")]);
    assert_plan(
        "server-flask",
        &[
            ("app.py", "from flask import Flask"),
            ("requirements.txt", "Flask\ngunicorn\n"),
            ("runtime.txt", "python-3.11.9"),
        ],
    );
    assert_plan(
        "server-django",
        &[
            ("manage.py", ""),
            ("shop/wsgi.py", ""),
            ("Pipfile", "[packages]\ndjango = \"*\"\ngunicorn = \"*\"\n[requires]\npython_version = \"3.13\"\n"),
            ("Pipfile.lock", "{}"),
        ],
    );
    assert_plan(
        "server-procfile",
        &[("Procfile", "worker: x\nweb: gunicorn app:app\n"), ("app.py", ""), ("requirements.txt", "gunicorn\n")],
    );
    assert_plan(
        "server-python-script",
        &[
            ("bot.py", "print()"),
            ("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"httpx\"]\n"),
            ("pdm.lock", ""),
        ],
    );
}

#[test]
fn of_other_languages() {
    let rust = "[package]\nname = \"quay\"\n";
    let projects: &[(&str, &[(&str, &str)])] = &[
        ("server-go", &[("go.mod", "module x"), ("cmd/api/main.go", "package main")]),
        ("server-rust", &[("Cargo.toml", rust), ("src/main.rs", "")]),
        (
            "server-laravel",
            &[("composer.json", r#"{"require":{"laravel/framework":"^12"}}"#), ("public/index.php", "")],
        ),
        ("server-php", &[("index.php", "")]),
        (
            "server-rails",
            &[("Gemfile", "gem 'rails'\n"), ("Gemfile.lock", ""), (".ruby-version", "3.4.1\n"), ("config.ru", "")],
        ),
        ("server-spring", &[("pom.xml", "<artifactId>spring-boot-starter</artifactId>"), ("mvnw", "")]),
        ("server-phoenix", &[("mix.exs", "{:phoenix, \"~> 1.8\"}")]),
        ("server-deno", &[("deno.json", "{}"), ("main.ts", "")]),
        ("server-dotnet", &[("api/Api.csproj", "<Project />"), ("api/Program.cs", "")]),
        ("server-gleam", &[("gleam.toml", "name = \"quay\"\n")]),
        ("server-cmake", &[("CMakeLists.txt", "")]),
        ("server-gradle", &[("settings.gradle.kts", ""), ("gradlew", ""), ("app/build.gradle.kts", "")]),
        (
            "server-laravel-with-vite",
            &[
                ("composer.json", r#"{"require":{"laravel/framework":"^12"}}"#),
                ("artisan", ""),
                ("public/index.php", ""),
                ("package.json", r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#),
                ("vite.config.ts", ""),
            ],
        ),
        ("server-swift", &[("Package.swift", "")]),
        (
            "server-procfile-of-node",
            &[("package.json", r#"{"scripts":{"build":"node make.js"}}"#), ("Procfile", "web: node out/server.js\n")],
        ),
        (
            "server-with-generated-code",
            &[
                (
                    "package.json",
                    r#"{"scripts":{"build":"bun run prisma generate && tsc --noEmit"},"main":"index.js"}"#,
                ),
                ("index.js", ""),
            ],
        ),
        ("server-shell", &[("start.sh", "")]),
        ("server-dockerfile", &[("Dockerfile", "FROM scratch"), ("go.mod", "module x")]),
    ];
    for (name, files) in projects {
        assert_plan(name, files);
    }
}

#[test]
fn a_dockerfile_is_built_for_the_directory_that_is_set() {
    let settings =
        ProjectSettings { output_directory: Some(OutputDir::parse("site").unwrap()), ..ProjectSettings::default() };
    let files = [
        ("package.json", r#"{"scripts":{"build":"vite build"},"dependencies":{"vite":"7"}}"#),
        ("Dockerfile", "FROM x"),
    ];
    insta::assert_snapshot!(print(plan(&files, &settings)), @"
    framework: dockerfile (Dockerfile: there is a Dockerfile)
    dockerfile: Dockerfile (Dockerfile: it says how it is built)
    output: /site (settings: the project is set to it)
    ");
    let settings = ProjectSettings { build_command: Some("vite build".to_owned()), ..settings };
    let service = plan(&files, &settings).unwrap().services.remove(0);
    assert!(service.dockerfile.is_none() && service.toolchain.is_some() && service.warnings.sentences().len() == 1);
}
