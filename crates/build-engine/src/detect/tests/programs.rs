//! Which program, module or file is the server, where a repository has several of them, or has it in an unusual place.

use berth_model::{PlanService, ServiceKind};

use super::detected;

fn start(service: &PlanService) -> &str {
    let ServiceKind::Running { start_command, .. } = &service.kind else { panic!("{service:?}") };
    &start_command.as_ref().unwrap().value
}

fn port(service: &PlanService) -> u16 {
    let ServiceKind::Running { run, .. } = &service.kind else { panic!("{service:?}") };
    run.port.unwrap().get()
}

fn build(service: &PlanService) -> &str {
    &service.build_command.as_ref().unwrap().value
}

#[test]
fn of_several_programs_in_go_the_server_is_built() {
    let listens = "package main\nfunc main() { http.ListenAndServe(\":9090\", nil) }";
    let ends = "package main\nfunc main() {}";
    let module = ("go.mod", "module x");
    let by_name = detected(&[module, ("cmd/migrate/main.go", ends), ("cmd/server/main.go", listens)]);
    assert_eq!((build(&by_name), port(&by_name)), ("go build -o out ./cmd/server", 9090));
    let by_source = detected(&[module, ("cmd/admin/main.go", ends), ("cmd/shop/shop.go", listens)]);
    assert_eq!((build(&by_source), port(&by_source)), ("go build -o out ./cmd/shop", 9090));
    // A program at the top may be in a file of any name, but not in a generator's.
    let generator = ("gen.go", "//go:build ignore\n\npackage main");
    let at_top = detected(&[module, generator, ("serve.go", listens), ("tools/x/main.go", ends)]);
    assert_eq!((build(&at_top), port(&at_top)), ("go build -o out", 9090));
    assert_eq!(build(&detected(&[module, generator, ("cmd/api/main.go", listens)])), "go build -o out ./cmd/api");
}

#[test]
fn of_several_programs_in_rust_the_server_is_built() {
    let package = |name: &str, more: &str| format!("[package]\nname = \"{name}\"\n{more}");
    let listens = "use axum::Router; let l = TcpListener::bind(\"0.0.0.0:9191\")";
    let workspace = ("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\n");
    let (cli, shop) = (package("cli", ""), package("shop", ""));
    let several = detected(&[
        workspace,
        ("crates/cli/Cargo.toml", &cli),
        ("crates/cli/src/main.rs", "fn main() {}"),
        ("crates/shop/Cargo.toml", &shop),
        ("crates/shop/src/main.rs", listens),
    ]);
    assert_eq!(build(&several), "cargo build --release --package shop");
    assert_eq!((start(&several), port(&several)), ("./target/release/shop", 9191));
    let tools = package("tools", "");
    let of_files =
        detected(&[("Cargo.toml", &tools), ("src/bin/admin.rs", "fn main() {}"), ("src/bin/server.rs", listens)]);
    assert_eq!((start(&of_files), port(&of_files)), ("./target/release/server", 9191));
    // What lies aside is taken where there is nothing else.
    let aside = detected(&[workspace, ("tools/shop/Cargo.toml", &shop), ("tools/shop/src/main.rs", listens)]);
    assert_eq!(build(&aside), "cargo build --release --package shop");
    let renamed = package("shop", "[[bin]]\nname = \"shopd\"\npath = \"src/main.rs\"\n");
    let renamed = detected(&[("Cargo.toml", &renamed), ("src/main.rs", listens)]);
    assert_eq!((start(&renamed), port(&renamed)), ("./target/release/shopd", 9191));
}

#[test]
fn applications_of_python_are_found_in_packages() {
    let requirements = ("requirements.txt", "flask\ngunicorn\n");
    let start_of = |files: &[(&str, &str)]| start(&detected(&[&[requirements][..], files].concat())).to_owned();
    let factory = "def create_app(test_config=None):\n    app = Flask(__name__)\n";
    let bind = "gunicorn --bind 0.0.0.0:${PORT:-8000}";
    assert_eq!(start_of(&[("flaskr/__init__.py", factory)]), format!("{bind} 'flaskr:create_app()'"));
    assert_eq!(
        start_of(&[("src/shop/web.py", ""), ("src/shop/app.py", "app = Flask('shop')")]),
        format!("{bind} --chdir src shop.app:app")
    );
    // The one that is made for being served, where there is one.
    let made = ("wsgi.py", "from flaskr import create_app\n\napp = create_app()\n");
    assert_eq!(start_of(&[made, ("flaskr/__init__.py", factory)]), format!("{bind} wsgi:app"));
    // A test's is none.
    assert_eq!(
        start_of(&[("tests/app.py", "app = Flask('x')"), ("shop/app.py", "web = Flask('x')")]),
        format!("{bind} shop.app:web")
    );
}

#[test]
fn what_serves_a_python_application_is_installed_with_it() {
    let install = |file: &str, text: &str| {
        let service = detected(&[("main.py", "app = FastAPI()"), (file, text)]);
        let install = service.install_command.unwrap();
        (install.value, install.why.sentence)
    };
    let (command, why) = install("requirements.txt", "fastapi\n");
    assert_eq!(command, "pip install -r requirements.txt uvicorn");
    assert!(why.ends_with("; no file of the project names uvicorn"), "{why}");
    for named in ["fastapi\nuvicorn[standard]", "fastapi[standard]", "python-fasthtml"] {
        assert_eq!(install("requirements.txt", named).0, "pip install -r requirements.txt");
    }
}

#[test]
fn servers_of_pythons_own_library_say_where_they_listen() {
    for (source, wanted) in [
        ("HTTPServer(('', 9000), Handler).serve_forever()", 9000),
        ("with socketserver.TCPServer((\"0.0.0.0\", 9001), Handler) as httpd:", 9001),
        ("PORT = 9002\nHTTPServer(('', PORT), Handler)", 9002),
        ("make_server('', 9003, app).serve_forever()", 9003),
        ("redis = connect(('127.0.0.1', 6379))", 8000),
    ] {
        let service = detected(&[("main.py", source)]);
        assert_eq!(port(&service), wanted, "{source}");
        assert!(service.warnings.sentences().is_empty(), "{source}");
    }
}

#[test]
fn a_port_is_looked_for_in_what_the_source_imports() {
    let package = r#"{"scripts":{"start":"node index.js"},"dependencies":{"express":"5"}}"#;
    let port_of = |files: &[(&str, &str)]| port(&detected(&[&[("package.json", package)][..], files].concat()));
    let index = ("index.js", "const { serverPort } = require('./config')\napp.listen(serverPort)");
    assert_eq!(port_of(&[index, ("config.js", "module.exports = { serverPort: 4321, dbPort: 1 }")]), 4321);
    let config = "export default { db: { port: 5432 }, port: Number(process.env.PORT) || 4322 }";
    assert_eq!(port_of(&[index, ("config/index.js", config)]), 4322);
    // A database's is none of the server's, wherever it stands.
    let pool = "new Pool({ host: 'db', port: 5432 })\nmail({ port: 587 })\n";
    assert_eq!(port_of(&[("index.js", &format!("{pool}app.listen(4325)"))]), 4325);
    assert_eq!(port_of(&[("index.js", &format!("{pool}app.listen(port())"))]), 3000);
    assert_eq!(port_of(&[("index.js", "metrics({ port: 9999 })\napp.listen(4326)")]), 4326);
    assert_eq!(port_of(&[index, ("config.js", "module.exports = { db: { port: 5432 } }")]), 3000);
    // Through several files, and in a circle.
    let index = ("index.js", "import './src/app.js'");
    let files = [
        index,
        ("src/app.js", "import '../index.js'; import { start } from './http'"),
        ("src/http.ts", "s.listen(4323)"),
    ];
    assert_eq!(port_of(&files), 4323);
    assert_eq!(port_of(&[("index.js", "require('../../outside'); require('./missing')")]), 3000);
}

#[test]
fn a_server_without_a_start_script_is_found_by_its_framework() {
    let hono = r#"{"scripts":{"dev":"bun run --hot src/index.ts"},"dependencies":{"hono":"4"}}"#;
    assert_eq!(start(&detected(&[("package.json", hono), ("src/index.ts", "export default app")])), "bun src/index.ts");
    let express = r#"{"dependencies":{"express":"5"}}"#;
    assert_eq!(start(&detected(&[("package.json", express), ("src/server.js", "")])), "node src/server.js");
    // What stands on nothing of the kind may be anything.
    let library = super::refused(&[("package.json", "{}"), ("src/index.js", "")]);
    assert_eq!(library.title, "nothing to build or publish was found");
}
