//! A frontend and a backend beside each other, with nothing above them.

use super::{OutputDir, PlannedFolder, ProjectSettings, RootDir, assert_plan, folder_of, plan};

const SITE: &str = r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#;
const SERVER: &str = r#"{"scripts":{"start":"node index.js"},"dependencies":{"express":"5"}}"#;

#[test]
fn both_are_services_at_one_address() {
    let (site, server) = (("frontend/package.json", SITE), ("backend/package.json", SERVER));
    let lists = ("backend/index.js", "app.get('/api/notes', list)\napp.listen(process.env.PORT || 4000)");
    assert_plan("pair-that-names-its-prefix", &[("README.md", ""), site, server, lists]);
    // One that knows nothing of the prefix is not shown it, in a monorepo as at the top.
    let files = [
        ("package.json", r#"{"private":true,"workspaces":["apps/*"],"scripts":{"dev":"x"}}"#),
        ("apps/client/package.json", SITE),
        ("apps/server/requirements.txt", "flask"),
        ("apps/server/app.py", "app = Flask(__name__)\n@app.get('/notes')"),
    ];
    assert_plan("pair-that-does-not-name-its-prefix", &files);
}

#[test]
fn a_monorepo_that_builds_everything_at_its_top_runs_its_backend() {
    for (top, package) in [
        ("npm run build --workspaces --if-present", "package-lock.json"),
        ("turbo run build", "turbo.json"),
        ("cd apps/web && npm run build", "README.md"),
    ] {
        let top = format!(r#"{{"private":true,"workspaces":["apps/*"],"scripts":{{"build":"{top}"}}}}"#);
        let site = r#"{"name":"web","scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#;
        let server = r#"{"name":"api","scripts":{"start":"node index.js"},"dependencies":{"express":"5"}}"#;
        let files = [
            ("package.json", top.as_str()),
            (package, "{}"),
            ("apps/web/package.json", site),
            ("apps/api/package.json", server),
            ("apps/api/index.js", "app.get('/api/notes', list)\napp.listen(process.env.PORT || 4000)"),
        ];
        let services = plan(&files, &ProjectSettings::default()).unwrap().services;
        let names: Vec<&str> = services.iter().map(|service| service.name.as_str()).collect();
        assert_eq!(names, ["web", "api"], "{top}");
        assert!(services[0].output_directory().is_some() && services[1].output_directory().is_none());
        // Whoever means the files alone says where they are.
        let output =
            ProjectSettings { output_directory: OutputDir::parse("apps/web/dist").ok(), ..ProjectSettings::default() };
        assert_eq!(plan(&files, &output).unwrap().services.len(), 1);
    }
}

#[test]
fn what_is_set_or_could_be_something_else_is_no_pair() {
    let files = [
        ("frontend/package.json", SITE),
        ("backend/package.json", SERVER),
        ("backend/index.js", "app.listen(process.env.PORT)"),
    ];
    let root = ProjectSettings { root_directory: RootDir::parse("backend").ok(), ..ProjectSettings::default() };
    assert_eq!(plan(&files, &root).unwrap().services.len(), 1);
    let build = ProjectSettings { build_command: Some("make".to_owned()), ..ProjectSettings::default() };
    assert_eq!(plan(&files, &build).unwrap().services.len(), 1);
    // The top says something, or there is nothing that runs.
    let top = [files.as_slice(), &[("index.html", "")]].concat();
    assert_eq!(plan(&top, &ProjectSettings::default()).unwrap().services.len(), 1);
    let two_sites = [files[0], ("server/package.json", SITE)];
    let refused = PlannedFolder::of(folder_of(&two_sites).path(), &ProjectSettings::default()).unwrap_err();
    assert!(
        refused.detail.ends_with(
            "frontend, server. Set the root directory to one of them, or name several as services in berth.toml."
        ),
        "{}",
        refused.detail
    );
}
