//! Servers as they run: the port, the start command, the release command and the environment of each.

use berth_model::{PackageManager, PlanService, ServiceKind};

use super::{assert_plan, detected, refused};

/// A server of Node with a start script and a source.
fn node(dependency: &str, start: &str, source: (&str, &str)) -> PlanService {
    let package = format!(r#"{{"scripts":{{"start":"{start}"}},"dependencies":{{"{dependency}":"1"}}}}"#);
    detected(&[("package.json", &package), source])
}

fn port(service: &PlanService) -> u16 {
    let ServiceKind::Running { run, .. } = &service.kind else { panic!("{service:?}") };
    run.port.unwrap().get()
}

fn start(service: &PlanService) -> &str {
    let ServiceKind::Running { start_command, .. } = &service.kind else { panic!("{service:?}") };
    &start_command.as_ref().unwrap().value
}

#[test]
fn node_says_in_its_source_where_it_listens() {
    for (source, wanted) in [
        ("app.listen(process.env.PORT || 4000)", 4000),
        ("const port = Number(process.env.PORT ?? 8787)\napp.listen(port)", 8787),
        ("const PORT = process.env['PORT'] || '5001'", 5001),
        ("const { PORT = 4321 } = process.env", 4321),
        ("const port = process.env.PORT ? Number(process.env.PORT) : 3456", 3456),
        ("app.listen(8081, () => console.log('http://localhost:8081'))", 8081),
        ("// app.listen(9999)\nserve({ fetch: app.fetch, port: 6001 })", 6001),
        ("const db = { port: 5432 }; app.listen(process.env.PORT)", 3000),
        ("start()", 3000),
    ] {
        assert_eq!(port(&node("express", "node index.js", ("index.js", source))), wanted, "{source}");
    }
    // What starts it wins, and compiled files are found in their sources.
    assert_eq!(port(&node("express", "PORT=7000 node index.js", ("index.js", "app.listen(1)"))), 7000);
    assert_eq!(port(&node("next", "next start -p 4100", ("x", ""))), 4100);
    assert_eq!(port(&node("express", "node dist/server.js", ("src/server.ts", "app.listen(4242)"))), 4242);
    assert_eq!(port(&node("@nestjs/core", "node dist/main", ("src/main.ts", "await app.listen(3333)"))), 3333);
}

#[test]
fn a_server_of_another_package_is_looked_for_there() {
    let api = r#"{"name":"@shop/api","scripts":{"start":"node server.js"},"dependencies":{"express":"5"}}"#;
    for command in
        ["npm start -w api", "npm start --workspace=@shop/api", "cd api && npm start", "npm --prefix ./api start"]
    {
        let top = format!(r#"{{"workspaces":["api"],"scripts":{{"start":"{command}"}}}}"#);
        let service =
            detected(&[("package.json", &top), ("api/package.json", api), ("api/server.js", "app.listen(4700)")]);
        assert_eq!((port(&service), service.framework.value.as_str()), (4700, "express"), "{command}");
    }
}

#[test]
fn an_address_that_nothing_reaches_is_said() {
    let warned = |service: &PlanService| {
        let sentence = service.warnings.sentences().iter().find(|sentence| sentence.contains("container reaches"));
        sentence.map(|sentence| sentence.split(',').next().unwrap().to_owned())
    };
    let of = |dependency, source| warned(&node(dependency, "node index.js", ("index.js", source)));
    assert_eq!(of("express", "app.listen(3000, '127.0.0.1')").unwrap(), "index.js listens on 127.0.0.1");
    assert_eq!(of("fastify", "app.listen({ port: 3000 })").unwrap(), "index.js listens on localhost");
    assert!(of("fastify", "app.listen({ port: 3000, host: '0.0.0.0' })").is_none());
    assert!(of("express", "app.listen(3000, () => console.log('localhost'))").is_none());
    let go = detected(&[("go.mod", ""), ("main.go", r#"http.ListenAndServe("localhost:8090", nil)"#)]);
    assert_eq!(warned(&go).unwrap(), "main.go listens on localhost");
}

#[test]
fn scripts_for_production_are_taken_where_the_other_is_for_developers() {
    for (scripts, wanted) in [
        (r#""start":"nest start","start:prod":"node dist/main""#, "npm run start:prod"),
        (r#""start":"nodemon index.js","start:production":"node index.js""#, "npm run start:production"),
        (r#""start":"node index.js","start:prod":"pm2 start""#, "npm start"),
        (r#""start":"nest start""#, "npm start"),
    ] {
        let package = format!(r#"{{"scripts":{{{scripts}}},"dependencies":{{"@nestjs/core":"11"}}}}"#);
        assert_eq!(start(&detected(&[("package.json", &package)])), wanted, "{scripts}");
    }
}

#[test]
fn python_names_its_module() {
    let files = |path: &'static str, text: &'static str, packages: &'static str| {
        detected(&[(path, text), ("requirements.txt", packages)])
    };
    for (path, text, packages, wanted) in [
        ("main.py", "app = FastAPI()", "fastapi", "uvicorn main:app --host 0.0.0.0 --port ${PORT:-8000}"),
        (
            "app/main.py",
            "api: FastAPI = FastAPI(x=1)",
            "fastapi[standard]",
            "uvicorn app.main:api --host 0.0.0.0 --port ${PORT:-8000}",
        ),
        (
            "src/main.py",
            "app = fastapi.FastAPI()",
            "fastapi",
            "uvicorn main:app --app-dir src --host 0.0.0.0 --port ${PORT:-8000}",
        ),
        (
            "app/__init__.py",
            "def create_app():\n",
            "flask\ngunicorn",
            "gunicorn --bind 0.0.0.0:${PORT:-8000} 'app:create_app()'",
        ),
        ("app.py", "server = Flask(__name__)", "flask\ngunicorn", "gunicorn --bind 0.0.0.0:${PORT:-8000} app:server"),
        (
            "app.py",
            "app = Flask(__name__)\napp.run()",
            "flask",
            "flask --app app run --host 0.0.0.0 --port ${PORT:-8000}",
        ),
        ("main.py", "app = Flask(__name__)\napp.run(host='0.0.0.0', port=5005)", "flask", "python main.py"),
        (
            "main.py",
            "app, rt = fast_app(live=True)",
            "python-fasthtml",
            "uvicorn main:app --host 0.0.0.0 --port ${PORT:-8000}",
        ),
        (
            "server.py",
            "app = Sanic('Links')\napp.prepare()",
            "sanic",
            "sanic server:app --host 0.0.0.0 --port ${PORT:-8000}",
        ),
        ("server.py", "app = Sanic('Links')\napp.run(host='0.0.0.0', port=9999)", "sanic", "python server.py"),
        (
            "app.py",
            "import streamlit as st",
            "streamlit",
            "streamlit run app.py --server.address 0.0.0.0 --server.port ${PORT:-8501}",
        ),
    ] {
        assert_eq!(start(&files(path, text, packages)), wanted, "{text}");
    }
    let own = files("main.py", "app = Flask(__name__)\napp.run(host='0.0.0.0', port=5005)", "flask");
    assert_eq!(port(&own), 5005);
    for (text, wanted) in [
        ("app = Flask(__name__)\napp.run(debug=True, host='0.0.0.0')", 5000),
        ("app = Flask(__name__)\napp.run('0.0.0.0', 5006)", 5006),
        ("app = Flask(__name__)\ncache = Redis(port=6379)\napp.run(host='0.0.0.0')", 5000),
    ] {
        let own = files("app.py", text, "flask");
        assert_eq!((start(&own), port(&own)), ("python app.py", wanted), "{text}");
    }
    let tornado = files("main.py", "app.listen(8888)", "tornado");
    assert_eq!((start(&tornado), port(&tornado)), ("python main.py", 8888));
    assert_eq!(port(&files("main.py", "web.run_app(app)", "aiohttp")), 8080);
    let django = |packages| {
        detected(&[("manage.py", "django"), ("shop/wsgi.py", ""), ("shop/asgi.py", ""), ("requirements.txt", packages)])
    };
    assert_eq!(start(&django("django")), "python manage.py runserver --noreload 0.0.0.0:${PORT:-8000}");
    assert_eq!(start(&django("django\ndaphne")), "daphne -b 0.0.0.0 -p ${PORT:-8000} shop.asgi:application");
    assert_eq!(port(&django("django")), 8000);
    let built = django("django\ngunicorn\nwhitenoise").build_command.unwrap().value;
    assert_eq!(built, "python manage.py collectstatic --noinput");
}

#[test]
fn django_migrates_where_its_data_is() {
    const MIGRATE: &str = "python manage.py migrate --noinput";
    const SERVE: &str = "gunicorn --bind 0.0.0.0:${PORT:-8000} shop.wsgi:application";
    let (file, server) = ("'ENGINE': 'django.db.backends.sqlite3'", "'ENGINE': 'django.db.backends.postgresql'");
    let either = "'default': dj_database_url.config(default='sqlite:///db.sqlite3')";
    let (before_serving, twice) = (format!("{MIGRATE} && {SERVE}"), "both: nobody says which");
    for (path, settings, start_command, release, why) in [
        ("shop/settings.py", file.to_owned(), before_serving.as_str(), None, "a file is the replica's own"),
        ("shop/settings/base.py", file.to_owned(), &before_serving, None, "in a package of settings as well"),
        ("shop/settings.py", server.to_owned(), SERVE, Some(MIGRATE), "a server is migrated once"),
        ("shop/settings.py", format!("    # {file}\n{server}"), SERVE, Some(MIGRATE), "a comment is none"),
        ("shop/settings.py", either.to_owned(), &before_serving, Some(MIGRATE), twice),
    ] {
        let found = detected(&[
            ("manage.py", "django"),
            ("shop/wsgi.py", ""),
            ("requirements.txt", "django\ngunicorn\n"),
            (path, &settings),
        ]);
        assert_eq!(start(&found), start_command, "{why}");
        let ServiceKind::Running { run, .. } = &found.kind else { panic!("{found:?}") };
        assert_eq!(run.release_command.as_deref(), release, "{why}");
        assert_eq!(port(&found), 8000);
    }
}

#[test]
fn django_below_the_list_of_its_packages_is_started_there() {
    const MIGRATE: &str = "python shop/manage.py migrate --noinput";
    const GUNICORN: &str = "gunicorn --bind 0.0.0.0:${PORT:-8000} --chdir shop config.wsgi:application";
    let (file, server) = ("'ENGINE': 'django.db.backends.sqlite3'", "'ENGINE': 'django.db.backends.postgresql'");
    let django = |packages: &str, settings: &str| {
        detected(&[
            ("requirements.txt", packages),
            ("shop/manage.py", "django"),
            ("shop/config/wsgi.py", ""),
            ("shop/config/asgi.py", ""),
            ("shop/config/settings.py", settings),
        ])
    };
    let found = django("django\ngunicorn\nwhitenoise\n", server);
    assert_eq!((start(&found), found.framework.value.as_str(), port(&found)), (GUNICORN, "django", 8000));
    let ServiceKind::Running { run, .. } = &found.kind else { panic!("{found:?}") };
    assert_eq!(run.release_command.as_deref(), Some(MIGRATE));
    assert_eq!(found.build_command.as_ref().unwrap().value, "python shop/manage.py collectstatic --noinput");
    assert_eq!(found.install_command.as_ref().unwrap().value, "pip install -r requirements.txt");
    assert_eq!(start(&django("django\ngunicorn\n", file)), format!("{MIGRATE} && {GUNICORN}"));
    for (packages, wanted) in [
        ("django\ndaphne\n", "cd shop && daphne -b 0.0.0.0 -p ${PORT:-8000} config.asgi:application"),
        ("django\nuvicorn\n", "cd shop && uvicorn config.asgi:application --host 0.0.0.0 --port ${PORT:-8000}"),
        ("django\n", "python shop/manage.py runserver --noreload 0.0.0.0:${PORT:-8000}"),
    ] {
        let found = django(packages, server);
        assert_eq!((start(&found), port(&found)), (wanted, 8000));
    }
}

#[test]
fn django_below_is_taken_only_where_nothing_else_is_meant() {
    let (packages, shop) = (("requirements.txt", "django\n"), ("shop/manage.py", "django"));
    for files in [
        vec![packages, shop, ("blog/manage.py", "django")],
        vec![packages, ("tests/manage.py", "django")],
        vec![packages, ("my shop/manage.py", "django")],
        vec![packages, ("code/shop/manage.py", "django")],
        vec![("requirements.txt", "httpx\n"), ("shop/manage.py", "import click")],
    ] {
        assert_eq!(refused(&files).title, "nothing says how this application is started (python)", "{files:?}");
    }
    let framework = |more: (&str, &str)| detected(&[packages, shop, more]).framework.value;
    assert_eq!(framework(("README.md", "")), "django");
    assert_eq!(framework(("main.py", "")), "python");
    assert_eq!(framework(("Procfile", "web: gunicorn --chdir shop config.wsgi\n")), "python");
    assert_eq!(framework(("index.html", "")), "static-html");
}

#[test]
fn python_is_installed_from_the_list_that_it_runs_with() {
    let django = [("manage.py", "django"), ("shop/wsgi.py", "")];
    let (base, docs) = (("requirements/base.txt", "django\n"), ("requirements/docs.txt", "sphinx\n"));
    let (short, long) = ("-r base.txt\ngunicorn\n", "-r requirements/base.txt\ngunicorn\n");
    for (lists, wanted) in [
        (vec![base, ("requirements/prod.txt", short)], "pip install -r requirements/prod.txt"),
        (vec![base, ("requirements/production.txt", short)], "pip install -r requirements/production.txt"),
        (vec![base, ("requirements-prod.txt", long)], "pip install -r requirements-prod.txt"),
        (vec![base, docs, ("requirements/dev.txt", short)], "pip install -r requirements/base.txt"),
        (vec![docs, ("requirements/requirements.txt", "django\n")], "pip install -r requirements/requirements.txt"),
        (vec![base, ("pyproject.toml", "[tool.black]\n")], "pip install -r requirements/base.txt"),
        // What was understood before is as it was.
        (vec![base, ("requirements.txt", "django\n")], "pip install -r requirements.txt"),
        (vec![base, ("Pipfile", "[packages]\ndjango = \"*\"\n")], "pipenv install"),
        (vec![docs], "pip install -r requirements/docs.txt"),
    ] {
        let files = [&django[..], &lists[..]].concat();
        assert_eq!(detected(&files).install_command.unwrap().value, wanted, "{files:?}");
    }
    // The program that serves it may be among those for production alone.
    let found = detected(&[django[0], django[1], base, ("requirements/prod.txt", short)]);
    assert_eq!(start(&found), "gunicorn --bind 0.0.0.0:${PORT:-8000} shop.wsgi:application");
    // Such a list shows Python where there is something to start, and nothing where there is not.
    let list = ("requirements/base.txt", "fastapi\n");
    let found = detected(&[list, ("app/main.py", "app = FastAPI()")]);
    assert_eq!(start(&found), "uvicorn app.main:app --host 0.0.0.0 --port ${PORT:-8000}");
    assert_eq!(found.install_command.unwrap().value, "pip install -r requirements/base.txt uvicorn");
    let found = detected(&[docs, ("requirements/base.txt", "httpx\n"), ("deno.json", "{}"), ("main.ts", "")]);
    assert_eq!(found.framework.value, "deno");
}

#[test]
fn a_project_that_only_names_packages_is_not_built_itself() {
    let install = |more: &str, file: (&str, &str)| {
        let project = format!("[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"fastapi\"]\n{more}");
        let app = ("main.py", "app = FastAPI()");
        let files = [app, ("api/routes.py", ""), ("pyproject.toml", project.as_str()), file];
        let service = detected(&files);
        let manager = service.toolchain.unwrap().package_manager.unwrap().value;
        (manager, service.install_command.unwrap().value)
    };
    let nothing = ("README.md", "");
    let (manager, command) = install("", nothing);
    assert_eq!((manager, command.as_str()), (PackageManager::Uv, "uv pip install --system -r pyproject.toml uvicorn"));
    let docs = "[project.optional-dependencies]\ndocs = [\"mkdocs\"]\n";
    assert_eq!(install(docs, nothing).1, "uv pip install --system -r pyproject.toml --extra docs uvicorn");
    // What says how it is built is built.
    let build = "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
    for (more, file) in [
        (build, nothing),
        ("[tool.setuptools]\npackages = [\"api\"]\n", nothing),
        ("[project.scripts]\nx = \"api.routes:main\"\n", nothing),
        ("", ("setup.py", "")),
        ("", ("setup.cfg", "[options]\npackages = api\n")),
        ("", ("src/x/__init__.py", "")),
    ] {
        let (manager, command) = install(more, file);
        assert_eq!((manager, command.as_str()), (PackageManager::Pip, "pip install . uvicorn"), "{more} {file:?}");
    }
    assert_eq!(install("", ("setup.cfg", "[flake8]\n")).0, PackageManager::Uv);
}

#[test]
fn compiled_servers_say_where_they_listen() {
    let go = |source| port(&detected(&[("go.mod", "module x"), ("cmd/api/main.go", source)]));
    assert_eq!(go(r#"port := os.Getenv("PORT"); if port == "" { port = "9001" }"#), 9001);
    assert_eq!(go(r#"http.ListenAndServe(":9002", nil)"#), 9002);
    assert_eq!(go("r := gin.Default(); r.Run()"), 8080);
    let rust = |source| {
        port(&detected(&[
            ("Cargo.toml", "[package]\nname = \"x\"\n[dependencies]\naxum = \"0.8\""),
            ("src/main.rs", source),
        ]))
    };
    assert_eq!(rust(r#"TcpListener::bind("0.0.0.0:3001")"#), 3001);
    assert_eq!(rust("SocketAddr::from(([0, 0, 0, 0], 3002))"), 3002);
    // In two pieces: whoever looks for crates that read their environment would find this one.
    assert_eq!(rust(concat!("std::env", r#"::var("PORT").unwrap_or("3003".into())"#)), 3003);
    assert_eq!(rust("start()"), 8080);
    for (file, text, image) in [
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"1.85.1\"\n", "rust:1.85.1"),
        ("rust-toolchain.toml", "[toolchain]\nchannel = \"nightly\"\n", "rust:1"),
        ("rust-toolchain", "1.84\n", "rust:1.84"),
    ] {
        let service = detected(&[("Cargo.toml", "[package]\nname = \"x\"\n"), (file, text)]);
        assert_eq!(service.toolchain.unwrap().image.value, image, "{text}");
    }
    let several = "[package]\nname = \"x\"\n[[bin]]\nname = \"server\"\npath = \"src/bin/server.rs\"\n";
    assert_eq!(start(&detected(&[("Cargo.toml", several), ("src/bin/server.rs", "")])), "./target/release/server");
}

#[test]
fn frameworks_that_render_on_request() {
    let package =
        |dependencies: &str, scripts: &str| format!(r#"{{"scripts":{{{scripts}}},"dependencies":{{{dependencies}}}}}"#);
    let svelte = package(r#""@sveltejs/kit":"2","@sveltejs/adapter-node":"5","vite":"7""#, r#""build":"vite build""#);
    assert_plan(
        "running-sveltekit",
        &[("package.json", &svelte), ("svelte.config.js", "import a from '@sveltejs/adapter-node'")],
    );
    let auto = package(r#""@sveltejs/kit":"2","@sveltejs/adapter-auto":"5","vite":"7""#, r#""build":"vite build""#);
    assert_plan(
        "running-sveltekit-auto",
        &[("package.json", &auto), ("svelte.config.js", "import a from '@sveltejs/adapter-auto'")],
    );
    let told = |package: &str, file: (&str, &str)| {
        let files = [("package.json", package), ("svelte.config.js", "import a from '@sveltejs/adapter-auto'"), file];
        let service = detected(&files);
        service.environment.keys().any(|key| key.as_str() == "GCP_BUILDPACKS")
    };
    assert!(told(&auto, ("README.md", "")));
    assert!(!told(&auto, ("Dockerfile", "FROM node\nCMD node build")), "a Dockerfile builds it");
    let own = auto.replace(r#""build":"#, r#""start":"node server.js","build":"#);
    assert!(!told(&own, ("server.js", "")), "something else is started");
    for (package, config) in [
        (auto.as_str(), "import a from '@sveltejs/adapter-vercel'"),
        (auto.as_str(), "import a from 'svelte-adapter-bun'"),
        (&auto.replace(r#"auto":"5"#, r#"auto":"^2.1.0"#), "import a from '@sveltejs/adapter-auto'"),
    ] {
        let refusal = refused(&[("package.json", package), ("svelte.config.js", config)]);
        assert_eq!(refusal.title, "nothing says how this application is started (sveltekit)");
        assert!(refusal.detail.contains("@sveltejs/adapter-node does"), "{config} {}", refusal.detail);
    }
    let astro = package(r#""astro":"5","@astrojs/node":"9""#, r#""build":"astro build","start":"astro dev""#);
    assert_plan(
        "running-astro",
        &[
            ("package.json", &astro),
            ("astro.config.mjs", "import node from '@astrojs/node'\nexport default { output: 'server' }"),
        ],
    );
    let nuxt = package(r#""nuxt":"4""#, r#""build":"nuxt build""#);
    assert_plan("running-nuxt", &[("package.json", &nuxt), ("package-lock.json", "{}")]);
    let router = package(
        r#""react-router":"7","@react-router/dev":"7","@react-router/serve":"7""#,
        r#""build":"react-router build","start":"react-router-serve ./build/server/index.js""#,
    );
    assert_plan("running-react-router", &[("package.json", &router)]);
    let next = package(r#""next":"16""#, r#""build":"next build","start":"next start""#);
    assert_plan("running-next", &[("package.json", &next), ("package-lock.json", "{}")]);
}

#[test]
fn a_site_and_its_server_in_one_package_run() {
    let both = r#"{"scripts":{"build":"vite build","start":"node server.js"},"dependencies":{"express":"5"},"devDependencies":{"vite":"7"}}"#;
    assert_plan(
        "running-vite-and-express",
        &[("package.json", both), ("server.js", "app.listen(process.env.PORT || 5173)")],
    );
    // A server that only developers have shows them the files.
    let for_developers =
        both.replace("\"dependencies\":{\"express\":\"5\"},", "").replace("{\"vite\"", "{\"express\":\"5\",\"vite\"");
    assert!(detected(&[("package.json", &for_developers), ("server.js", "")]).output_directory().is_some());
}

#[test]
fn a_procfile_says_what_runs_and_what_runs_before() {
    assert_plan(
        "running-procfile",
        &[
            (
                "Procfile",
                "# processes\nrelease: python manage.py migrate\nweb: gunicorn shop.wsgi --bind 0.0.0.0:$PORT\nworker: celery -A shop worker\n",
            ),
            ("manage.py", "django"),
            ("requirements.txt", "django\ngunicorn\n"),
        ],
    );
    let dockerfile = [("Dockerfile", "FROM x\nEXPOSE 81 82\n"), ("Procfile", "release: ./migrate\nweb: ./other\n")];
    assert_plan("running-dockerfile", &dockerfile);
}

#[test]
fn rocket_is_told_where_to_listen() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\nrocket = \"0.5\"\n";
    assert_plan("running-rocket", &[("Cargo.toml", manifest), ("src/main.rs", "#[launch]")]);
}

#[test]
fn a_dockerfile_without_expose_may_say_it_otherwise() {
    let port_of = |dockerfile: &str, more: (&'static str, &'static str)| {
        let service = detected(&[("Dockerfile", dockerfile), more]);
        let ServiceKind::Running { run, .. } = service.kind else { panic!() };
        run.port.map(std::num::NonZeroU16::get)
    };
    let nothing = ("README.md", "");
    assert_eq!(port_of("FROM python\nCMD [\"uvicorn\", \"main:app\", \"--port\", \"81\"]", nothing), Some(81));
    assert_eq!(port_of("FROM python\nCMD gunicorn -b 0.0.0.0:${PORT:-5000} app:app", nothing), Some(5000));
    assert_eq!(port_of("FROM node\nENV PORT=3100\nCMD node x.js", nothing), Some(3100));
    assert_eq!(port_of("FROM node\nCMD [\"node\", \"x.js\"]", ("x.js", "app.listen(8123)")), Some(8123));
    let go = ("main.go", "http.ListenAndServe(\":8124\", nil)");
    let service = detected(&[("Dockerfile", "FROM scratch\nENTRYPOINT [\"/app\"]"), ("go.mod", ""), go]);
    assert_eq!(port(&service), 8124);
    assert_eq!(port_of("FROM nginx\nCOPY . /usr/share/nginx/html", nothing), None);
}
