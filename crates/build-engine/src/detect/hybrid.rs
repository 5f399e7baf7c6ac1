//! Frameworks that can make files or a server: which of them a project is set to.
//!
//! What the catalog says of a framework (`static_when`) comes first; what takes more than one pattern is here.

use berth_model::{Decision, Reason};
use serde_json::Value;

use super::catalog::{Framework, Kind};
use super::command::Commands;
use super::config::{flag_of, object_of, own_flag, text_of};
use super::configured::angular_build;
use super::folder::Folder;

/// What a build leaves.
pub(super) enum Outcome {
    /// Files: where, if that is not the usual place.
    Files(Option<Place>),
    /// A server, with what would make it something else.
    Server { start: Start, hint: Option<Reason> },
}

/// What starts a server that a framework makes.
pub(super) enum Start {
    /// What usually does.
    Usual,
    /// This.
    Command(String),
    /// Nothing that is known: what is made runs at another host.
    Unknown,
}

/// A directory that a mode of the framework writes to.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) directory: String,
    pub(super) source: String,
    pub(super) reason: Reason,
}

/// What a framework's build leaves, as far as the project shows.
pub(super) fn outcome(
    folder: &Folder<'_>,
    framework: &Framework,
    commands: &Commands,
    by_catalog: Option<Place>,
) -> Outcome {
    let project = Project { folder, commands };
    let server = |what: &str| Outcome::Server { start: Start::Usual, hint: Some(hint(&framework.name, what)) };
    let files = |found: Option<Place>, hint: &str| match found.or_else(|| by_catalog.clone()) {
        Some(place) => Outcome::Files(Some(place)),
        None => server(hint),
    };
    match framework.name.as_str() {
        "nextjs" => files(project.next(), "`output: 'export'` in its configuration"),
        "nuxt" => files(project.nuxt(), "the build command `nuxt generate`"),
        "sveltekit" => project.sveltekit(),
        "astro" => project.astro(),
        "remix" | "react-router" => files(project.react_router(), "`ssr: false` in its configuration"),
        "tanstack-start" => match project.tanstack() {
            None if project.uses_nitro() => {
                Outcome::Server { start: Start::Command("node .output/server/index.mjs".to_owned()), hint: None }
            }
            place => files(place, "its option `spa` or `prerender`, and what makes it a server is Nitro"),
        },
        "solid-start" | "nitro" => files(project.nitro(), "the preset `static`"),
        "analog" => match project.analog() {
            None => {
                Outcome::Server { start: Start::Command("node dist/analog/server/index.mjs".to_owned()), hint: None }
            }
            place => Outcome::Files(place),
        },
        "vike" => files(project.vike(), "its option `prerender`"),
        // Its client alone is an application of Vite.
        "qwik" if !["@builder.io/qwik-city", "@qwik.dev/router"].iter().any(|name| folder.package.depends_on(name)) => {
            Outcome::Files(None)
        }
        "qwik" => files(project.qwik(), "its adapter `static`"),
        "waku" => files(project.waku(), "`render: 'static'` in all its pages"),
        "angular" => project.angular().unwrap_or(Outcome::Files(None)),
        "expo-web" if project.expo_serves() => server("`static` or `single` as `web.output` in app.json"),
        "quasar" if commands.option("quasar build", &["-m", "--mode"]).as_deref() == Some("ssr") => {
            server("the mode `spa`")
        }
        _ if framework.kind == Kind::Static => Outcome::Files(None),
        _ => files(None, "an output directory in the project's settings"),
    }
}

fn place(directory: &str, source: &str, reason: Reason) -> Option<Place> {
    Some(Place { directory: directory.to_owned(), source: source.to_owned(), reason })
}

/// What would make a server's project files.
fn hint(framework: &str, way: &str) -> Reason {
    Reason::MakesServer { framework: framework.into(), way: way.into() }
}

/// A server for the machines of one provider.
fn of_another_host(file: &str, adapter: &str, instead: &str) -> Outcome {
    let hint = Reason::AdapterOfOther { file: file.into(), adapter: adapter.into(), instead: instead.into() };
    Outcome::Server { start: Start::Unknown, hint: Some(hint) }
}

fn sets(file: &str, key: &str) -> Reason {
    Reason::FileSets { file: file.into(), key: key.into() }
}

fn sets_to(file: &str, key: &str, value: impl ToString) -> Reason {
    Reason::FileSetsTo { file: file.into(), key: key.into(), value: value.to_string() }
}

fn command_runs(program: &str) -> Reason {
    Reason::CommandRuns { script: "build".into(), program: program.into() }
}

/// Whether a Nuxt project renders in the browser only: then `nuxt generate` makes what `nuxt build` would serve.
pub(super) fn is_client_only_nuxt(folder: &Folder<'_>) -> bool {
    let config = config_text(folder, "nuxt.config.*");
    config.is_some_and(|(_, text)| own_flag(&text, "ssr") == Some(false))
}

fn config_text(folder: &Folder<'_>, name: &str) -> Option<(String, String)> {
    let file = folder.files_like(name).into_iter().next()?;
    let text = folder.script_text(&file)?;
    Some((file, text))
}

struct Project<'a> {
    folder: &'a Folder<'a>,
    commands: &'a Commands,
}

impl Project<'_> {
    fn next(&self) -> Option<Place> {
        let config = config_text(self.folder, "next.config.*");
        let directory = config.as_ref().and_then(|(_, text)| text_of(text, "distDir"));
        let exports = |text: &str| {
            text_of(text, "output").as_deref() == Some("export")
                // `isProduction ? 'export' : undefined`
                || text.split("output").skip(1).any(|rest| {
                    let value = rest.split([',', '\n', '}']).next().unwrap_or_default();
                    value.contains('?') && ["'export'", "\"export\"", "`export`"].iter().any(|word| value.contains(word))
                })
        };
        if let Some((file, text)) = &config
            && exports(text)
        {
            return place(directory.as_deref().unwrap_or("out"), file, sets_to(file, "output", "export"));
        }
        self.commands.run("next export").then(|| place("out", "package.json", command_runs("next export")))?
    }

    fn nuxt(&self) -> Option<Place> {
        let is_second = self.folder.package.dependency("nuxt").is_some_and(|range| {
            let version = range.trim_start_matches(['^', '~', '>', '=', 'v', ' ']);
            version == "2" || version.starts_with("2.")
        });
        let directory = if is_second { "dist" } else { ".output/public" };
        for program in ["nuxt generate", "nuxi generate"] {
            if self.commands.run(program) {
                return place(directory, "package.json", command_runs(program));
            }
        }
        let prerenders = |program: &str| {
            self.commands.arguments(program).any(|arguments| arguments.iter().any(|word| word == "--prerender"))
        };
        if prerenders("nuxt build") || prerenders("nuxi build") {
            return place(directory, "package.json", Reason::CommandPrerenders);
        }
        self.nitro()
    }

    /// Nitro makes files where its preset says so.
    fn nitro(&self) -> Option<Place> {
        const PRESETS: &[&str] =
            &["static", "github-pages", "github_pages", "gitlab-pages", "netlify-static", "vercel-static"];
        let option = ["nuxt build", "nuxi build", "vinxi build", "nitro build"]
            .into_iter()
            .find_map(|program| self.commands.option(program, &["--preset"]));
        let commanded = option
            .or_else(|| self.commands.variable("NITRO_PRESET"))
            .or_else(|| self.commands.variable("SERVER_PRESET"));
        if commanded.is_some_and(|preset| PRESETS.contains(&preset.as_str())) {
            return place(".output/public", "package.json", Reason::CommandHasPreset);
        }
        ["nuxt.config.*", "app.config.*", "vite.config.*", "nitro.config.*"].into_iter().find_map(|name| {
            let (file, text) = config_text(self.folder, name)?;
            let preset = text_of(&text, "preset")?;
            let is_static = PRESETS.contains(&preset.as_str());
            let reason = Reason::FileSetsPreset { file: file.clone(), preset };
            is_static.then(|| place(".output/public", &file, reason))?
        })
    }

    fn react_router(&self) -> Option<Place> {
        ["react-router.config.*", "vite.config.*"].into_iter().find_map(|name| {
            let (file, text) = config_text(self.folder, name)?;
            if flag_of(&text, "ssr") != Some(false) {
                return None;
            }
            let directory = text_of(&text, "buildDirectory").unwrap_or_else(|| "build".to_owned());
            place(&format!("{}/client", directory.trim_end_matches('/')), &file, sets_to(&file, "ssr", false))
        })
    }

    /// The adapter decides.
    fn sveltekit(&self) -> Outcome {
        let Some(adapter) = SvelteAdapter::of(self.folder) else {
            let hint = hint("sveltekit", &format!("{SVELTE_ADAPTERS}static"));
            return Outcome::Server { start: Start::Unknown, hint: Some(hint) };
        };
        let asks_for_host = adapter.asks_for_host(self.folder);
        let SvelteAdapter { file, name, pages } = adapter;
        match name.as_str() {
            _ if asks_for_host => Outcome::Server { start: Start::Usual, hint: None },
            "static" => {
                let reason = Reason::FileNamesAdapter { file: file.clone(), adapter: name };
                Outcome::Files(place(pages.as_deref().unwrap_or("build"), &file, reason))
            }
            "node" => Outcome::Server { start: Start::Usual, hint: None },
            _ => of_another_host(&file, &format!("{SVELTE_ADAPTERS}{name}"), &format!("{SVELTE_ADAPTERS}node")),
        }
    }

    /// Astro makes files unless an adapter is at work.
    fn astro(&self) -> Outcome {
        const ADAPTERS: &[&str] =
            &["@astrojs/node", "@astrojs/vercel", "@astrojs/netlify", "@astrojs/cloudflare", "@deno/astro-adapter"];
        let config = config_text(self.folder, "astro.config.*");
        let mode = config.as_ref().and_then(|(_, text)| text_of(text, "output"));
        let file = config.as_ref().map_or("package.json", |(file, _)| file.as_str());
        if mode.as_deref() == Some("static") {
            return Outcome::Files(None);
        }
        let adapter = ADAPTERS.iter().find(|adapter| match &config {
            Some((_, text)) => text.contains(*adapter),
            None => self.folder.package.depends_on(adapter),
        });
        match (adapter, mode.as_deref()) {
            (Some(&"@astrojs/node"), _) => Outcome::Server { start: Start::Usual, hint: None },
            (Some(adapter), _) => of_another_host(file, adapter, "@astrojs/node"),
            (None, Some(mode @ ("server" | "hybrid"))) => {
                let way = format!("`output: 'static'`, and {file} says {mode} without an adapter");
                Outcome::Server { start: Start::Unknown, hint: Some(hint("astro", &way)) }
            }
            (None, _) => Outcome::Files(None),
        }
    }

    fn tanstack(&self) -> Option<Place> {
        let (file, text) =
            config_text(self.folder, "vite.config.*").or_else(|| config_text(self.folder, "app.config.*"))?;
        let mode = ["spa", "prerender"]
            .into_iter()
            .find(|mode| object_of(&text, mode).is_some_and(|options| flag_of(options, "enabled") != Some(false)));
        match mode {
            Some(mode) => place("dist/client", &file, sets(&file, mode)),
            None => self.nitro(),
        }
    }

    fn uses_nitro(&self) -> bool {
        self.folder.package.depends_on("nitro")
            || self.folder.package.depends_on("vinxi")
            || config_text(self.folder, "vite.config.*").is_some_and(|(_, text)| text.contains("nitro"))
    }

    fn analog(&self) -> Option<Place> {
        let (file, text) = config_text(self.folder, "vite.config.*")?;
        let set =
            [("static", true), ("ssr", false)].into_iter().find(|(key, value)| flag_of(&text, key) == Some(*value));
        let (key, value) = set?;
        place("dist/analog/public", &file, sets_to(&file, key, value))
    }

    fn vike(&self) -> Option<Place> {
        ["vite.config.*", "+config.*", "pages/+config.*", "renderer/+config.*"].into_iter().find_map(|name| {
            let (file, text) = config_text(self.folder, name)?;
            let prerenders = flag_of(&text, "prerender") == Some(true) || object_of(&text, "prerender").is_some();
            prerenders.then(|| place("dist/client", &file, sets(&file, "prerender")))?
        })
    }

    fn qwik(&self) -> Option<Place> {
        let adapter = ["adapters/static/vite.config.ts", "adapters/static/vite.config.mts"]
            .into_iter()
            .find(|file| self.folder.has(file))?;
        place("dist", adapter, Reason::AdapterMakesFiles { adapter: "static".into() })
    }

    /// Every page says how it is rendered.
    fn waku(&self) -> Option<Place> {
        let pages = self.folder.path("src/pages");
        let texts = self.folder.checkout.below(&pages).filter_map(|(path, _)| self.folder.checkout.text(path));
        let modes: Vec<Option<String>> = texts.map(|text| text_of(&text, "render")).collect();
        let has = |mode: &str| modes.iter().flatten().any(|found| found == mode);
        (has("static") && !has("dynamic")).then(|| place("dist/public", "src/pages", Reason::AllPagesStatic))?
    }

    /// Angular leaves files, unless its server renders pages when they are asked for.
    fn angular(&self) -> Option<Outcome> {
        let (name, build) = angular_build(self.folder)?;
        let options = build.get("options")?;
        let renders = options.get("ssr").is_some_and(|ssr| ssr.as_bool() != Some(false));
        let prerenders = options.get("prerender").is_some_and(|option| option.as_bool() != Some(false));
        let mode = options.get("outputMode").and_then(Value::as_str);
        if !renders || prerenders || mode == Some("static") {
            return None;
        }
        let routes = self.folder.text("src/app/app.routes.server.ts").unwrap_or_default();
        if routes.contains("RenderMode.Prerender") && !routes.contains("RenderMode.Server") {
            return None;
        }
        Some(Outcome::Server {
            start: Start::Command(format!("node dist/{name}/server/server.mjs")),
            hint: Some(hint("angular", "`outputMode` as `static` in angular.json")),
        })
    }

    fn expo_serves(&self) -> bool {
        let app: Option<Value> = self.folder.text("app.json").and_then(|text| serde_json::from_str(&text).ok());
        let output = app.as_ref().and_then(|app| app.get("expo")?.get("web")?.get("output")?.as_str());
        output == Some("server")
    }
}

const SVELTE_ADAPTERS: &str = "@sveltejs/adapter-";

/// What makes of SvelteKit's output something that runs somewhere.
struct SvelteAdapter {
    file: String,
    /// Without what all their names begin with: `node`.
    name: String,
    pages: Option<String>,
}

impl SvelteAdapter {
    /// Either configuration file can name it; where none does, what is installed tells.
    fn of(folder: &Folder<'_>) -> Option<Self> {
        let configs = ["svelte.config.*", "vite.config.*"].into_iter().filter_map(|name| config_text(folder, name));
        let named = configs.into_iter().find_map(|(file, text)| {
            let (_, rest) = text.split_once(SVELTE_ADAPTERS)?;
            let name = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
            Some(Self { file, name, pages: text_of(&text, "pages") })
        });
        named.or_else(|| {
            let is_installed = |name: &&str| folder.package.depends_on(&format!("{SVELTE_ADAPTERS}{name}"));
            let name = ["static", "node", "auto"].into_iter().find(is_installed)?;
            Some(Self { file: "package.json".to_owned(), name: name.to_owned(), pages: None })
        })
    }

    /// Whether it is the one that installs another, by what the environment says of the host; before its third version it
    /// knew of no host with plain Node. One that no configuration names is not at work.
    fn asks_for_host(&self, folder: &Folder<'_>) -> bool {
        let range = folder.package.dependency("@sveltejs/adapter-auto").unwrap_or_default();
        let is_old = matches!(range.trim_start_matches(['^', '~']).split('.').next(), Some("1" | "2"));
        self.name == "auto" && self.file != "package.json" && !is_old
    }
}

/// Whether SvelteKit's adapter has to be told of a host whose servers are plain Node.
pub(super) fn svelte_adapter_asks_for_host(folder: &Folder<'_>) -> bool {
    SvelteAdapter::of(folder).is_some_and(|adapter| adapter.asks_for_host(folder))
}

/// The command that starts what a framework built.
pub(super) fn start_command(
    framework: &Framework,
    script: Option<Decision<String>>,
    start: Start,
) -> Option<Decision<String>> {
    let usual = match start {
        Start::Usual => framework.start_command.clone(),
        Start::Command(command) => Some(command),
        Start::Unknown => None,
    };
    script
        .or_else(|| Some(Decision::new(usual?, "framework", Reason::ServesBuilt { framework: framework.name.clone() })))
}
