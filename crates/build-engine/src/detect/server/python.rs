//! Servers in Python: the module that holds the application, and what serves it.

use std::sync::LazyLock;

use berth_model::{Decision, PackageManager, PlanService, Reason, ServiceKind};
use regex::Regex;

use super::complete::release_with;
use super::has_web_process;
use crate::detect::config::toml_value;
use crate::detect::folder::Folder;
use crate::detect::{bare, output, python};

const FILES: &[&str] = &[
    "manage.py",
    "pyproject.toml",
    "requirements.txt",
    "Pipfile",
    "setup.py",
    "main.py",
    "app.py",
    "server.py",
    "wsgi.py",
    "bot.py",
];
const MAIN: &[&str] = &["main.py", "app.py", "server.py", "wsgi.py", "bot.py", "run.py", "start.py", "hello.py"];
/// Where applications lie that are packages, or in a directory of their own.
const BELOW: &[&str] =
    &["app/main.py", "src/main.py", "app/__init__.py", "app/app.py", "src/app.py", "api/main.py", "src/app/main.py"];
/// Files of packages that applications are made in, where none of those above makes one.
const OF_PACKAGES: &[&str] = &["__init__.py", "main.py", "app.py", "asgi.py", "wsgi.py", "server.py", "api.py"];
/// Packages that hold something else.
const ASIDE: &[&str] = &["tests", "test", "docs", "examples", "scripts", "migrations", "alembic", "venv", ".venv"];
/// So many of those files are read.
const MOST_PACKAGES: usize = 40;
/// Frameworks that uvicorn serves.
const ASGI: &[&str] = &["fasthtml", "fastapi", "starlette", "litestar", "quart"];

/// An application as a framework makes it: `app = FastAPI(…)`, `app, rt = fast_app(…)`.
static APPLICATION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    // Or by a function of the project's own that makes it.
    let made =
        r"(?:\w+\.)?(?:FastAPI|Starlette|Litestar|Quart|Sanic|Flask|FastHTML|fast_app|(?:create|make|build|get)_app)\(";
    Regex::new(&format!(r"(?m)^(\w+)(?:\s*,\s*\w+)*\s*(?::\s*[\w.]+\s*)?=\s*{made}")).ok()
});
/// What makes one when it is called.
static FACTORY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^def (create_app|make_app|build_app|get_app)\(").ok());

/// What administers an application of Django.
const MANAGE: &str = "manage.py";
/// What settings of Django name that keep their data on a server, or may be told to.
const DATABASE_SERVERS: &[&str] =
    &["DATABASE_URL", "dj_database_url", "env.db", "postgresql", "backends.mysql", "backends.oracle"];
/// So many of them are read.
const MOST_SETTINGS: usize = 10;

/// An application in a module.
struct Application {
    file: String,
    /// `app.main`.
    module: String,
    /// `app`, or `create_app` where that makes it.
    name: String,
    is_factory: bool,
    /// The directory that its imports begin at, where that is not the project's.
    directory: Option<&'static str>,
}

pub(super) fn service(folder: &Folder<'_>) -> Option<PlanService> {
    let usual = FILES.iter().copied().find(|file| folder.has(file));
    let shown = usual.or_else(|| python::lists_to_run(folder).first().copied())?;
    let packages = python::named_packages(folder);
    let main = MAIN.iter().copied().find(|file| folder.has(file));
    // Packages can be there for something else: the main file, where there is one, must name them too.
    let text = main.and_then(|file| folder.text(file)).unwrap_or_default();
    let lower = text.to_lowercase();
    let uses = |name: &str| packages.contains(name);
    let application = application(folder, main);
    let serves = |name: &str| uses(name) && (main.is_none() || lower.contains(name) || application.is_some());
    let by = |name: &str| Decision::new(name.to_owned(), shown, Reason::PackagesName { name: name.into() });
    let found =
        |value: &str, file: &str| Decision::new(value.to_owned(), file, Reason::FileFound { file: file.into() });
    let manage = match (main, &application) {
        _ if folder.has(MANAGE) => Some(MANAGE),
        (None, None) => manage_below(folder, &packages),
        _ => None,
    };
    let mut release = None;
    let (name, start) = if let Some(manage) = manage {
        let data = DjangoData::of(folder);
        let migrate = format!("python {manage} migrate --noinput");
        let serve = django(folder, manage, uses);
        let start = if data.is_in_a_file { format!("{migrate} && {serve}") } else { serve };
        release = data.is_on_a_server.then(|| {
            let reason = Reason::Migrates { framework: "Django".into() };
            Decision::new(migrate, manage, reason)
        });
        (found("django", manage), Some(start))
    } else if let Some(name) = ASGI.iter().copied().find(|name| serves(name)) {
        (by(name), Some(asgi(application.as_ref(), main)))
    } else if serves("flask") {
        (by("flask"), Some(flask(application.as_ref(), main, uses("gunicorn"), &text)))
    } else if serves("sanic") {
        (by("sanic"), Some(sanic(application.as_ref(), main, &text)))
    } else if serves("streamlit") {
        let file = main.unwrap_or("app.py");
        let start = format!("streamlit run {file} --server.address 0.0.0.0 --server.port ${{PORT:-8501}}");
        (by("streamlit"), Some(start))
    } else {
        (found("python", shown), main.map(|file| format!("python {file}")).or_else(|| script(folder)))
    };
    // A directory called `requirements` may be anybody's.
    if usual.is_none() && start.is_none() && !has_web_process(folder) {
        return None;
    }
    let source = match (manage, &application) {
        (Some(manage), _) => manage,
        (None, Some(application)) => application.file.as_str(),
        (None, None) => main.unwrap_or(shown),
    };
    let start_command =
        start.map(|start| Decision::new(start, source, Reason::UsualStart { framework: name.value.clone() }));
    let mut service = python::equipment(folder).equip(bare(name, ServiceKind::running(start_command)));
    let starts = |program: &str| match &service.kind {
        ServiceKind::Running { start_command: Some(start), .. } => start.value.starts_with(program),
        _ => false,
    };
    // FastHTML depends on it, and the others' extras do.
    if starts("uvicorn ") && !["uvicorn", "[standard", "[all", "fasthtml"].into_iter().any(uses) {
        bring(&mut service, "uvicorn");
    }
    if let Some(release) = release {
        release_with(&mut service, release);
    }
    if let Some(manage) = manage.filter(|_| uses("whitenoise")) {
        let collects = Reason::CollectsFiles { name: "whitenoise".into() };
        let command = format!("python {manage} collectstatic --noinput");
        service.build_command = Some(Decision::new(command, manage, collects));
    }
    Some(service)
}

/// The `manage.py` of a Django application that lies in a directory of the project, below the list of its packages: the
/// only one, where nothing else here could be started or published.
fn manage_below<'a>(folder: &Folder<'a>, packages: &str) -> Option<&'a str> {
    let is_beside = |(place, file): (&str, &str)| file == MANAGE && !ASIDE.contains(&place);
    let mut found = paths(folder).filter(|path| path.split_once('/').is_some_and(is_beside));
    let manage = found.next().filter(|_| found.next().is_none())?;
    // It becomes part of command lines as it is.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
    let says_django = |text: &str| text.contains("django");
    let is_of_django = says_django(packages) || folder.text(manage).is_some_and(|text| says_django(&text));
    let is_something_else =
        has_web_process(folder) || script(folder).is_some() || output::plain_directory(folder).is_some();
    let is_meant = manage.bytes().all(is_plain) && !manage.starts_with(['-', '.']);
    (is_meant && is_of_django && !is_something_else).then_some(manage)
}

/// Has a package installed with those that the project names.
fn bring(service: &mut PlanService, package: &str) {
    let manager = service.toolchain.as_ref().and_then(|toolchain| Some(toolchain.package_manager.as_ref()?.value));
    let Some(install) = &mut service.install_command else { return };
    match manager {
        Some(PackageManager::Pip) => install.value.push_str(&format!(" {package}")),
        Some(PackageManager::Uv) if install.value.starts_with("uv pip install ") => {
            install.value.push_str(&format!(" {package}"));
        }
        Some(PackageManager::Uv) => install.value.push_str(&format!(" && uv pip install {package}")),
        _ => return,
    }
    install.why = install.why.clone().and("; ", Reason::NoFileNames { name: package.to_owned() });
}

/// Where an application of Django keeps its data, by its settings.
struct DjangoData {
    /// SQLite: the file is the replica's own, which no release command reaches.
    is_in_a_file: bool,
    is_on_a_server: bool,
}

impl DjangoData {
    fn of(folder: &Folder<'_>) -> Self {
        let is_settings =
            |path: &str| path.ends_with(".py") && !path.contains("venv/") && format!("/{path}").contains("/settings");
        let paths = paths(folder).filter(|path| is_settings(path)).take(MOST_SETTINGS);
        let texts: Vec<String> = paths.filter_map(|path| folder.text(path)).collect();
        let mut lines = texts.iter().flat_map(|text| text.lines()).filter(|line| !line.trim_start().starts_with('#'));
        let is_in_a_file = lines.clone().any(|line| line.contains("sqlite"));
        let names_a_server = lines.any(|line| DATABASE_SERVERS.iter().any(|server| line.contains(server)));
        Self { is_in_a_file, is_on_a_server: names_a_server || !is_in_a_file }
    }
}

/// What serves an application of Django: what its packages name, else its own server. Its modules are named from the
/// directory of its `manage.py`.
fn django(folder: &Folder<'_>, manage: &str, uses: impl Fn(&str) -> bool) -> String {
    let place = manage.trim_end_matches(MANAGE);
    let (option, before) = match place.trim_end_matches('/') {
        "" => (String::new(), String::new()),
        directory => (format!(" --chdir {directory}"), format!("cd {directory} && ")),
    };
    match (module_of(folder, place, "wsgi.py"), module_of(folder, place, "asgi.py")) {
        (Some(module), _) if uses("gunicorn") => {
            format!("gunicorn --bind 0.0.0.0:${{PORT:-8000}}{option} {module}:application")
        }
        (_, Some(module)) if uses("uvicorn") => {
            format!("{before}uvicorn {module}:application --host 0.0.0.0 --port ${{PORT:-8000}}")
        }
        (_, Some(module)) if uses("daphne") => {
            format!("{before}daphne -b 0.0.0.0 -p ${{PORT:-8000}} {module}:application")
        }
        _ => format!("python {manage} runserver --noreload 0.0.0.0:${{PORT:-8000}}"),
    }
}

fn asgi(application: Option<&Application>, main: Option<&str>) -> String {
    let (module, options) = match application {
        Some(application) => {
            let factory = if application.is_factory { " --factory" } else { "" };
            let directory =
                application.directory.map(|directory| format!(" --app-dir {directory}")).unwrap_or_default();
            (format!("{}:{}", application.module, application.name), format!("{factory}{directory}"))
        }
        None => (format!("{}:app", main.map_or("main", |file| file.trim_end_matches(".py"))), String::new()),
    };
    format!("uvicorn {module}{options} --host 0.0.0.0 --port ${{PORT:-8000}}")
}

/// Gunicorn where it is a package; the file itself where it listens everywhere; else Flask's own server.
fn flask(application: Option<&Application>, main: Option<&str>, has_gunicorn: bool, text: &str) -> String {
    if has_gunicorn {
        let (module, options) = match application {
            Some(application) => {
                let call = if application.is_factory { "()" } else { "" };
                let target = format!("{}:{}{call}", application.module, application.name);
                let directory =
                    application.directory.map(|directory| format!(" --chdir {directory}")).unwrap_or_default();
                (if application.is_factory { format!("'{target}'") } else { target }, directory)
            }
            None => (format!("{}:app", main.map_or("main", |file| file.trim_end_matches(".py"))), String::new()),
        };
        return format!("gunicorn --bind 0.0.0.0:${{PORT:-8000}}{options} {module}");
    }
    match (main, application) {
        (Some(file), _) if text.contains("0.0.0.0") => format!("python {file}"),
        (_, Some(application)) => {
            let module = match application.directory {
                Some(directory) => format!("{directory}/{}", application.module),
                None => application.module.clone(),
            };
            format!("flask --app {module} run --host 0.0.0.0 --port ${{PORT:-8000}}")
        }
        (Some(file), None) => {
            let module = file.trim_end_matches(".py");
            format!("flask --app {module} run --host 0.0.0.0 --port ${{PORT:-8000}}")
        }
        (None, None) => "flask run --host 0.0.0.0 --port ${PORT:-8000}".to_owned(),
    }
}

/// The file itself where it listens everywhere; else what Sanic brings.
fn sanic(application: Option<&Application>, main: Option<&str>, text: &str) -> String {
    if let Some(file) = main.filter(|_| text.contains("0.0.0.0")) {
        return format!("python {file}");
    }
    let (target, factory) = match application {
        Some(Application { module, name, is_factory, .. }) => {
            (format!("{module}:{name}"), if *is_factory { " --factory" } else { "" })
        }
        None => (format!("{}:app", main.map_or("main", |file| file.trim_end_matches(".py"))), ""),
    };
    format!("sanic {target}{factory} --host 0.0.0.0 --port ${{PORT:-8000}}")
}

/// The first usual file that makes an application, else the first of a package.
fn application(folder: &Folder<'_>, main: Option<&str>) -> Option<Application> {
    let files = main.into_iter().chain(MAIN.iter().copied()).chain(BELOW.iter().copied());
    let usual = files.filter(|file| folder.has(file)).find_map(|file| application_of(folder, file));
    usual.or_else(|| packages(folder).into_iter().find_map(|file| application_of(folder, &file)))
}

/// Files of packages, from the project's directory or from `src`, in the order of [`OF_PACKAGES`].
fn packages(folder: &Folder<'_>) -> Vec<String> {
    let ranked = paths(folder).filter_map(|path| {
        let (package, file) = path.strip_prefix("src/").unwrap_or(path).split_once('/')?;
        let rank = OF_PACKAGES.iter().position(|usual| *usual == file)?;
        (package != "src" && !ASIDE.contains(&package)).then(|| (rank, path.to_owned()))
    });
    let mut ranked: Vec<_> = ranked.take(MOST_PACKAGES).collect();
    ranked.sort();
    ranked.into_iter().map(|(_, path)| path).collect()
}

fn application_of(folder: &Folder<'_>, file: &str) -> Option<Application> {
    let text = folder.text(file)?;
    let (name, is_factory) = match APPLICATION.as_ref()?.captures(&text) {
        Some(found) => (found[1].to_owned(), false),
        None => (FACTORY.as_ref()?.captures(&text)?[1].to_owned(), true),
    };
    // Names in `src` begin below it, unless they say `src`.
    let below_src = file.strip_prefix("src/").filter(|_| !text.contains("from src") && !text.contains("import src"));
    let path = below_src.unwrap_or(file).trim_end_matches(".py").trim_end_matches("/__init__");
    let directory = below_src.map(|_| "src");
    Some(Application { file: file.to_owned(), module: path.replace('/', "."), name, is_factory, directory })
}

/// All files, from the project's directory.
fn paths<'a>(folder: &Folder<'a>) -> impl Iterator<Item = &'a str> {
    let skip = if folder.root.is_empty() { 0 } else { folder.root.len() + 1 };
    folder.checkout.below(folder.root).filter_map(move |(path, _)| path.get(skip..))
}

/// `mysite.wsgi`, of the file that Django makes, from the directory `place`.
fn module_of(folder: &Folder<'_>, place: &str, file: &str) -> Option<String> {
    let mut paths = paths(folder).filter_map(|path| path.strip_prefix(place));
    let path = paths.find(|path| path.rsplit('/').next() == Some(file) && !path.contains(".venv/"))?;
    Some(path.trim_end_matches(".py").replace('/', "."))
}

/// The first program that the package brings.
fn script(folder: &Folder<'_>) -> Option<String> {
    let text = folder.text("pyproject.toml")?;
    let (_, rest) = text.split_once("[project.scripts]")?;
    let (name, _) = rest.lines().find_map(|line| line.split_once('='))?;
    let name = name.trim().trim_matches('"').to_owned();
    toml_value(&text, "project.scripts", &name).map(|_| name)
}
