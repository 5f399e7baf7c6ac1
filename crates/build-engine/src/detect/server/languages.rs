//! Servers in other languages than Node's, by the files that their tools look for.

use berth_model::{Decision, PlanService, Reason, ServiceKind};

use super::{programs, python, running};
use crate::detect::bare;
use crate::detect::config::toml_value;
use crate::detect::equipment::Equipment;
use crate::detect::folder::Folder;
use crate::detect::sites;
use crate::detect::versions::{managed, own_file};

/// The first language that is recognised.
pub(super) fn service(folder: &Folder<'_>) -> Option<PlanService> {
    [php, go, java, rust, ruby, elixir, dotnet, python::service, deno, gleam, native, bun, shell, other, procfile]
        .into_iter()
        .find_map(|language| language(folder))
}

fn decided(value: impl Into<String>, source: &str, reason: Reason) -> Decision<String> {
    Decision::new(value.into(), source, reason)
}

fn found(value: &str, file: &str) -> Decision<String> {
    decided(value, file, Reason::FileFound { file: file.into() })
}

fn named(name: &str, file: &str) -> Decision<String> {
    decided(name, file, Reason::FileNames { file: file.into(), name: name.into() })
}

fn installs(command: &str, file: &str) -> Decision<String> {
    decided(command, file, Reason::Installs { file: file.into() })
}

fn newest(language: &str) -> Reason {
    Reason::NewestVersion { language: language.into() }
}

fn image(name: &str, reason: Reason) -> Option<berth_model::Toolchain> {
    Some(Equipment::image(decided(name, "default", reason)).toolchain)
}

fn go(folder: &Folder<'_>) -> Option<PlanService> {
    let file = ["go.mod", "go.work", "main.go"].into_iter().find(|file| folder.has(file))?;
    let place = match programs::of_go(folder).place {
        place if place.is_empty() => place,
        place => format!(" ./{place}"),
    };
    let build = decided(format!("go build -o out{place}"), file, Reason::MakesProgram { program: "go build".into() });
    let start = decided("./out", file, Reason::ProgramThatIsBuilt);
    let mut service = running(found("go", file), image("golang:1", newest("Go")), Some(build), Some(start));
    if folder.has("go.mod") {
        service.install_command = Some(installs("go mod download", "go.mod"));
        service.install_directory = folder.directory();
    }
    Some(service)
}

fn rust(folder: &Folder<'_>) -> Option<PlanService> {
    let manifest = folder.text("Cargo.toml")?;
    let own = || toml_value(&manifest, "package", "name").map(|name| (None, name));
    let program = programs::of_rust(folder).map(|program| (program.package, program.name)).or_else(own);
    let (package, name) = program.map_or((None, None), |(package, name)| (package, Some(name)));
    let command = match package {
        Some(package) => format!("cargo build --release --package {package}"),
        None => "cargo build --release".to_owned(),
    };
    let build = decided(command, "Cargo.toml", Reason::BuildsIt { program: "Cargo".into() });
    let start = name.map(|name| decided(format!("./target/release/{name}"), "Cargo.toml", Reason::ProgramThatIsBuilt));
    let toolchain = Some(Equipment::image(rust_image(folder)).toolchain);
    Some(running(found("rust", "Cargo.toml"), toolchain, Some(build), start))
}

/// The whole image, for many packages link with OpenSSL. A toolchain that is named is what `rustup` would fetch otherwise.
fn rust_image(folder: &Folder<'_>) -> Decision<String> {
    let toolchain = folder.near("rust-toolchain.toml").and_then(|text| toml_value(&text, "toolchain", "channel"));
    let by_file = toolchain.map(|text| ("rust-toolchain.toml", text));
    let named = by_file
        .or_else(|| own_file(folder, "rust-toolchain").map(|named| (named.file, named.text)))
        .or_else(|| managed(folder, &["rust"]).map(|named| (named.file, named.text)));
    let is_version = |text: &str| text.starts_with("1.") && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match named.filter(|(_, text)| is_version(text)) {
        Some((file, text)) => {
            decided(format!("rust:{text}"), file, Reason::FileSays { file: file.into(), text: text.clone() })
        }
        None => decided("rust:1", "default", newest("Rust")),
    }
}

fn php(folder: &Folder<'_>) -> Option<PlanService> {
    let file = ["composer.json", "index.php", "public/index.php"].into_iter().find(|file| folder.has(file))?;
    let composer = folder.text("composer.json").unwrap_or_default();
    let name = ["laravel/framework", "symfony/framework-bundle"].into_iter().find(|name| composer.contains(name));
    let name = match name {
        Some(name) => {
            let requires = Reason::FileRequires { file: "composer.json".into(), name: name.into() };
            decided(name.split('/').next().unwrap_or("php"), file, requires)
        }
        None => found("php", file),
    };
    let documents = if folder.has("public/index.php") { " -t public" } else { "" };
    let own = Reason::OwnServer { language: "PHP".into() };
    let start = decided(format!("php -S 0.0.0.0:${{PORT:-8000}}{documents}"), file, own);
    let mut service = running(name, image("php:8-cli", Reason::NoVersionAsked), None, Some(start));
    if folder.has("composer.json") {
        service.install_command = Some(installs("composer install --no-dev --optimize-autoloader", "composer.json"));
        service.install_directory = folder.directory();
    }
    Some(service)
}

fn ruby(folder: &Folder<'_>) -> Option<PlanService> {
    let gemfile = folder.text("Gemfile")?;
    let (name, start) = if gemfile.contains("rails") {
        (
            decided("rails", "Gemfile", Reason::GemfileNames { name: "rails".into() }),
            Some("bundle exec rails server -b 0.0.0.0 -p ${PORT:-3000}"),
        )
    } else if folder.has("config.ru") {
        (found("rack", "config.ru"), Some("bundle exec rackup --host 0.0.0.0 --port ${PORT:-9292}"))
    } else {
        let main = ["app.rb", "main.rb", "server.rb"].into_iter().find(|file| folder.has(file));
        let start = main.map(|file| match file {
            "app.rb" => "bundle exec ruby app.rb",
            "main.rb" => "bundle exec ruby main.rb",
            _ => "bundle exec ruby server.rb",
        });
        (found("ruby", "Gemfile"), start)
    };
    let start_command = start.map(|start| decided(start, "Gemfile", Reason::UsualStartOfSuch));
    let equipment = sites::bundler(folder, sites::ruby_image(folder));
    Some(equipment.equip(bare(name, ServiceKind::running(start_command))))
}

fn java(folder: &Folder<'_>) -> Option<PlanService> {
    let files = ["pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
    let file = files.into_iter().find(|file| folder.has(file))?;
    let spring = folder.text(file).is_some_and(|text| text.contains("spring-boot"));
    let name = if spring { named("spring-boot", file) } else { found("java", file) };
    let (build, jar) = match (file, folder.has("mvnw"), folder.has("gradlew")) {
        ("pom.xml", true, _) => ("./mvnw -DskipTests package", "target/*.jar"),
        ("pom.xml", false, _) => ("mvn -DskipTests package", "target/*.jar"),
        (_, _, true) => ("./gradlew build -x test", "build/libs/*.jar"),
        (_, _, false) => ("gradle build -x test", "build/libs/*.jar"),
    };
    let build = decided(build, file, Reason::MakesArchive);
    // An archive without what it depends on lies beside the whole one.
    let archive = format!("$(ls {jar} | grep -v -e plain -e original | head -n 1)");
    let port = if spring { " -Dserver.port=${PORT:-8080}" } else { "" };
    let start = decided(format!("java{port} -jar {archive}"), file, Reason::ArchiveThatIsBuilt);
    let base = match (file, folder.has("mvnw"), folder.has("gradlew")) {
        ("pom.xml", false, _) => "maven:3-eclipse-temurin-21",
        (file, _, false) if file != "pom.xml" => "gradle:8-jdk21",
        _ => "eclipse-temurin:21",
    };
    Some(running(name, image(base, Reason::NoVersionAsked), Some(build), Some(start)))
}

fn elixir(folder: &Folder<'_>) -> Option<PlanService> {
    let project = folder.text("mix.exs")?;
    let phoenix = project.contains(":phoenix,");
    let name = if phoenix { named("phoenix", "mix.exs") } else { found("elixir", "mix.exs") };
    let start = if phoenix { "mix phx.server" } else { "mix run --no-halt" };
    let build = decided("mix compile", "mix.exs", Reason::CompilesIt { program: "Mix".into() });
    let start = decided(start, "mix.exs", Reason::UsualStartOfSuch);
    let mut service = running(name, image("elixir:1.17-slim", Reason::NoVersionAsked), Some(build), Some(start));
    service.install_command = Some(installs("mix deps.get --only prod", "mix.exs"));
    service.install_directory = folder.directory();
    Some(service)
}

fn deno(folder: &Folder<'_>) -> Option<PlanService> {
    let file = ["deno.json", "deno.jsonc"].into_iter().find(|file| folder.has(file))?;
    let main = ["main.ts", "server.ts", "mod.ts", "index.ts", "main.js"].into_iter().find(|file| folder.has(file));
    let start = main.map(|main| decided(format!("deno run --allow-all {main}"), main, Reason::UsualEntry));
    let build = main.map(|main| decided(format!("deno cache {main}"), main, Reason::FetchesImports));
    Some(running(found("deno", file), image("denoland/deno:2", Reason::NoVersionAsked), build, start))
}

/// .NET, by the project file in the folder or right below it.
fn dotnet(folder: &Folder<'_>) -> Option<PlanService> {
    let is_project = |path: &&str| [".csproj", ".fsproj", ".vbproj"].iter().any(|ending| path.ends_with(ending));
    let path = folder.checkout.below(folder.root).map(|(path, _)| path).find(is_project)?;
    let name = path.rsplit('/').next()?.rsplit_once('.')?.0;
    let build = decided(format!("dotnet publish {path} -c Release -o out"), path, Reason::MakesWholeProgram);
    let start = decided(format!("dotnet out/{name}.dll"), path, Reason::ProgramThatIsBuilt);
    Some(running(found("dotnet", path), None, Some(build), Some(start)))
}

fn gleam(folder: &Folder<'_>) -> Option<PlanService> {
    let manifest = folder.text("gleam.toml")?;
    let build = decided("gleam export erlang-shipment", "gleam.toml", Reason::MakesWholeProgram);
    let start = "./build/erlang-shipment/entrypoint.sh run";
    let start = toml_value(&manifest, "", "name").map(|_| decided(start, "gleam.toml", Reason::ProgramThatIsBuilt));
    Some(running(found("gleam", "gleam.toml"), None, Some(build), start))
}

/// C and C++, whose tools do not say what they make.
fn native(folder: &Folder<'_>) -> Option<PlanService> {
    let (file, command) = [
        ("CMakeLists.txt", "cmake -B build -DCMAKE_BUILD_TYPE=Release && cmake --build build"),
        ("meson.build", "meson setup build --buildtype=release && meson compile -C build"),
    ]
    .into_iter()
    .find(|(file, _)| folder.has(file))?;
    let build = decided(command, file, Reason::BuildToolIsCalled);
    Some(running(found("cpp", file), None, Some(build), None))
}

/// Without a `package.json`, which Bun does not need.
fn bun(folder: &Folder<'_>) -> Option<PlanService> {
    let file = ["bunfig.toml", "bun.lock"].into_iter().find(|file| folder.has(file))?;
    let main = ["index.ts", "server.ts", "index.js"].into_iter().find(|file| folder.has(file))?;
    let start = decided(format!("bun {main}"), main, Reason::UsualEntry);
    Some(running(found("bun", file), image("oven/bun:1", Reason::NoVersionAsked), None, Some(start)))
}

fn shell(folder: &Folder<'_>) -> Option<PlanService> {
    let start = found("sh start.sh", "start.sh");
    folder.has("start.sh").then(|| running(found("shell", "start.sh"), None, None, Some(start)))
}

/// Languages that are only named: nothing says how their programs are called.
fn other(folder: &Folder<'_>) -> Option<PlanService> {
    const FILES: &[(&str, &str)] = &[
        ("project.clj", "clojure"),
        ("deps.edn", "clojure"),
        ("shard.yml", "crystal"),
        ("pubspec.yaml", "dart"),
        ("stack.yaml", "haskell"),
        ("cabal.project", "haskell"),
        ("build.sbt", "scala"),
        ("Package.swift", "swift"),
        ("build.zig", "zig"),
    ];
    let (file, language) = FILES.iter().find(|(file, _)| folder.has(file))?;
    Some(running(found(language, file), None, None, None))
}

/// A Procfile alone; what it says is put in for all languages.
fn procfile(folder: &Folder<'_>) -> Option<PlanService> {
    folder.has("Procfile").then(|| running(found("process", "Procfile"), None, None, None))
}
