//! `berth.toml`: what is read of it, what a plan makes of it, and that its documentation says the same.

use berth_model::{Failure, Plan, PlanService, PlanSetting, RootDir, ServiceKind};
use serde_json::Value;

use super::service::{HEALTH, ROUTE, SERVICE, TOP};
use super::{Declaration, read};
use crate::Checkout;
use crate::detect::{ProjectSettings, detect, print};

const DOCUMENTATION: &str = include_str!("../../../../../docs/berth-toml.md");
const SCHEMA: &str = include_str!("../../../../../docs/berth.schema.json");

const SITE: &str = r#"{"scripts":{"build":"vite build"},"devDependencies":{"vite":"7"}}"#;
const API: &str = r#"{"scripts":{"start":"node server.js","migrate":"x"},"dependencies":{"express":"5"}}"#;

fn parsed(text: &str) -> Result<Declaration, Failure> {
    read("berth.toml".to_owned(), "", text)
}

/// A shop with a site and a server, and this file.
fn planned_with(text: &str, more: &[(&str, &str)], settings: &ProjectSettings) -> Result<Plan, Failure> {
    let files = [
        ("berth.toml", text),
        ("frontend/package.json", SITE),
        ("frontend/index.html", ""),
        ("backend/package.json", API),
        ("backend/server.js", "app.listen(process.env.PORT || 4000)"),
    ];
    let files: Vec<_> = files.iter().chain(more).copied().collect();
    let folder = crate::detect::tests::folder_of(&files);
    detect(&Checkout::of_folder(folder.path()).unwrap(), settings)
}

fn planned(text: &str) -> Result<Plan, Failure> {
    planned_with(text, &[], &ProjectSettings::default())
}

fn printed(text: &str) -> String {
    match planned(text) {
        Ok(plan) => print::lines(&plan),
        Err(failure) => panic!("{}\n{}", failure.title, failure.detail),
    }
}

#[test]
fn a_site_and_its_server() {
    let text = "[services.web]\nroot = \"frontend\"\n\n[services.api]\nroot = \"backend\"\nroutes = [\"/api\"]\n\
                release = \"npm run migrate\"\nhealth = { path = \"/api/health\", timeout = 30 }\nmemory = \"256 MiB\"\n\
                cpus = 0.5\nreplicas = 2\nprotocol = \"http1\"\nvolumes = { uploads = \"/data\" }\nenv = { LOG = \"info\" }\n";
    insta::assert_snapshot!(printed(text));
}

#[test]
fn without_routes_the_first_answers_and_the_others_are_internal() {
    let text = "[services.api]\nroot = \"backend\"\n[services.mail]\nroot = \"backend\"\nport = 2525\n\
                [services.jobs]\nroot = \"backend\"\nstart = \"node jobs.js\"\nport = false\n";
    insta::assert_snapshot!(printed(text));
}

#[test]
fn what_is_declared_wins_over_what_is_detected() {
    let text = "[services.web]\nroot = \"backend\"\nnode = 20\ninstall = \"npm ci --omit=dev\"\nbuild = \"\"\n\
                start = \"node --enable-source-maps server.js\"\nport = 9000\nroutes = [{ path = \"/\" }, { path = \"/x\", strip = true }]\n";
    insta::assert_snapshot!(printed(text));
}

#[test]
fn what_a_directory_says_is_run_before_the_switch_is_run_once() {
    let django = [("shop/manage.py", "django"), ("shop/requirements.txt", "django\ncelery\n")];
    let releases = |more: &str| -> Vec<Option<String>> {
        let text = format!(
            "[services.web]\nroot = \"shop\"\n[services.worker]\nroot = \"shop\"\nstart = \"celery\"\nport = false\n{more}"
        );
        let services = planned_with(&text, &django, &ProjectSettings::default()).unwrap().services;
        let release = |service: PlanService| match service.kind {
            ServiceKind::Running { run, .. } => {
                assert_eq!(run.release_command.is_some(), service.origins.contains_key(&PlanSetting::ReleaseCommand));
                run.release_command
            }
            ServiceKind::Static { .. } => None,
        };
        services.into_iter().map(release).collect()
    };
    let migrate = || Some("python manage.py migrate --noinput".to_owned());
    assert_eq!(releases(""), [migrate(), None]);
    assert_eq!(releases("release = \"./own\"\n"), [None, Some("./own".to_owned())]);
    assert_eq!(releases("[services.other]\nroot = \"backend\"\nrelease = \"./own\"\n")[..2], [migrate(), None]);
}

#[test]
fn a_dockerfile_that_is_named_is_built() {
    let text = "[services.web]\nroot = \"frontend\"\ndockerfile = \"../docker/web\"\n[services.site]\n\
                dockerfile = \"docker/web\"\noutput = \"srv\"\nroutes = [\"/site\"]\n";
    let more = [("docker/web", "FROM x\nEXPOSE 8081\n")];
    let plan = planned_with(text, &more, &ProjectSettings::default()).unwrap();
    insta::assert_snapshot!(print::lines(&plan));
}

#[test]
fn a_dockerfile_beside_a_static_service_is_left_alone() {
    let more = [("frontend/Dockerfile", "FROM x\n")];
    let files =
        planned_with("[services.web]\nroot = \"frontend\"\ntype = \"static\"\n", &more, &ProjectSettings::default());
    assert_eq!(files.unwrap().services[0].framework.value, "vite");
    let image = planned_with("[services.web]\nroot = \"frontend\"\n", &more, &ProjectSettings::default());
    assert_eq!(image.unwrap().services[0].framework.value, "dockerfile");
}

#[test]
fn settings_win_over_a_single_service_and_are_ignored_for_several() {
    let settings = ProjectSettings {
        build_command: Some("npm run build -- --mode staging".to_owned()),
        root_directory: Some(RootDir::parse("frontend").unwrap()),
        ..ProjectSettings::default()
    };
    let one = planned_with("[services.web]\nroot = \"backend\"\nbuild = \"x\"\n", &[], &settings).unwrap();
    let web = &one.services[0];
    assert_eq!((web.root_directory.value.as_str(), web.root_directory.source.as_str()), ("frontend", "settings"));
    assert_eq!(web.build_command.as_ref().unwrap().value, "npm run build -- --mode staging");
    let two = "[services.web]\nroot = \"frontend\"\n[services.api]\nroot = \"backend\"\n";
    let two = planned_with(two, &[], &settings).unwrap();
    assert_eq!(
        two.services[0].warnings.sentences().last().unwrap(),
        "berth.toml names several services, so these settings of the project are not used: root directory and build \
         command"
    );
    // A file in the project's own directory comes first, and its paths begin there.
    let own = planned_with("[services.x]\n", &[("frontend/berth.toml", "[services.site]\n")], &settings).unwrap();
    assert_eq!((own.services[0].name.as_str(), own.services[0].root_directory.value.as_str()), ("site", "frontend"));
}

/// Each of these is wrong at the place that is named.
#[test]
fn errors_name_line_and_column() {
    let several =
        |tail: &str| format!("[services.web]\nroot = \"frontend\"\n[services.api]\nroot = \"backend\"\n{tail}");
    let cases = [
        ("[services.web".to_owned(), "line 1, column 14"),
        ("x = 1".to_owned(), "line 1, column 1: `x` is not known"),
        (String::new(), "line 1, column 1: no service is declared"),
        ("services = 3".to_owned(), "line 1, column 12: `services` is a number here"),
        ("[services]".to_owned(), "no service is declared"),
        ("[services.Web]".to_owned(), "line 1, column 11: a service's name"),
        ("[services.web]\nroot = \"backend\"\nruotes = []".to_owned(), "line 3, column 1: `ruotes` is not known"),
        ("[services.web]\nroot = 3".to_owned(), "line 2, column 8: `root` is a number here"),
        ("[services.web]\nroot = \"../x\"".to_owned(), "line 2, column 8"),
        ("[services.web]\nroot = \"nowhere\"".to_owned(), "line 2, column 8: there is no directory nowhere"),
        ("[services.web]\ndockerfile = \"nowhere\"".to_owned(), "line 2, column 14: there is no file nowhere"),
        ("[services.web]\ntype = \"worker\"".to_owned(), "line 2, column 8: `worker` is no type of service"),
        (several("routes = \"/api\""), "line 5, column 10: `routes` is text here"),
        (several("routes = [\"api\"]"), "line 5, column 11: a route's path"),
        (several("routes = [\"/a\", \"/a\"]"), "line 5, column 17: /a is a route of api already (line 5, column 11)"),
        (several("routes = [{ strip = true }]"), "line 5, column 11: a route without a path"),
        (several("routes = [{ path = \"/x\", rest = 1 }]"), "line 5, column 26: `rest` is not known"),
        (several("port = 0"), "line 5, column 8: 0 is no port"),
        (several("port = 65536"), "line 5, column 8: 65536 is no port"),
        (several("port = \"80\""), "line 5, column 8: `port` is text here"),
        (several("port = false\nroutes = [\"/a\"]"), "line 5, column 8: api listens nowhere"),
        (several("memory = \"5 MB\""), "line 5, column 10: `5 MB` is no amount of memory"),
        (several("memory = \"1 MiB\""), "line 5, column 10"),
        (several("memory = \"1e99 GiB\""), "line 5, column 10"),
        (several("memory = 512"), "line 5, column 10: `memory` is a number here"),
        (several("cpus = 0"), "line 5, column 8"),
        (several("cpus = nan"), "line 5, column 8"),
        (several("replicas = 21"), "line 5, column 12: 21 replicas cannot be"),
        (several("health = \"health\""), "line 5, column 10"),
        (several("health = { timeout = 0 }"), "line 5, column 22: 0 is no timeout"),
        (several("env = { PORT = \"1\" }"), "line 5, column 9: PORT is Berth's to set"),
        (several("env = { A = 1 }"), "line 5, column 13: `env.A` is a number here"),
        (several("env = { \"é\" = \"1\" }"), "line 5, column 9"),
        (several("volumes = { data = \"/etc\" }"), "line 5, column 20"),
        (several("volumes = { a = \"/d\", b = \"/d/\" }"), "line 5, column 27: /d is where the volume a is mounted"),
        (several("start = \" \""), "line 5, column 9: `start` is empty"),
        (several("output = \"x\"\nstart = \"y\""), "line 5, column 10: api runs"),
        (several("type = \"static\""), "line 5, column 8: api is static, but express makes a server of it"),
        ("[services.web]\nroot = \"frontend\"\nreplicas = 2".to_owned(), "line 3, column 1: `replicas` is for running"),
        (
            "[services.web]\nroot = \"frontend\"\ntype = \"running\"".to_owned(),
            "line 1, column 11: nothing says how web",
        ),
        (
            "[services.a]\nroot = \"frontend\"\n[services.b]\nroot = \"frontend\"".to_owned(),
            "line 3, column 11: nothing could reach b",
        ),
        ("[services.a]\nroot = \"frontend\"\nroutes = []".to_owned(), "line 3, column 10: nothing could reach a"),
        ("[services.é]\n".to_owned(), "line 1, column 11"),
        ("# ü\n[services.web]\nnode = \"ü\" # x\nroutes = 1".to_owned(), "line 4, column 10"),
    ];
    for (text, wanted) in cases {
        let failure = planned(&text).map(|plan| print::lines(&plan)).unwrap_err();
        assert!(
            failure.title.starts_with("berth.toml, line ") && failure.title.contains(wanted),
            "{text}\n{}",
            failure.title
        );
        assert!(!failure.detail.is_empty(), "{text}");
    }
    let failure = planned("[services.web]\nruotes = []").unwrap_err();
    assert!(
        failure.detail.starts_with("Did you mean `routes`? What may stand here: type, root, "),
        "{}",
        failure.detail
    );
    let many: String = (0..21).map(|number| format!("[services.s{number}]\n")).collect();
    assert!(planned(&many).unwrap_err().title.contains("line 21, column 11: a project has at most 20 services"));
    let nested = format!("[services.web]\nenv = {}", "[".repeat(100_000));
    assert!(planned(&nested).is_err());
}

#[test]
fn memory_is_written_as_people_do() {
    let memory = |text: &str| {
        let declared = parsed(&format!("[services.web]\nmemory = \"{text}\"")).map_err(|failure| failure.title)?;
        Ok::<u64, String>(declared.services[0].memory.as_ref().unwrap().value)
    };
    for (text, wanted) in
        [("512 MiB", 512 << 20), ("512M", 512 << 20), ("1.5 GiB", 3 << 29), ("1g", 1 << 30), ("32768k", 32 << 20)]
    {
        assert_eq!(memory(text).unwrap(), wanted, "{text}");
    }
    for text in ["", "512", "MiB", "-1 GiB", "1 GB", "1 GiBs", "NaN GiB", "2 TiB"] {
        assert!(memory(text).is_err(), "{text}");
    }
}

#[test]
fn every_example_of_the_documentation_is_one() {
    let examples: Vec<&str> =
        DOCUMENTATION.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(examples.len() >= 5);
    for example in examples {
        if let Err(failure) = parsed(example) {
            panic!("{}\n{}\n{example}", failure.title, failure.detail);
        }
    }
    for key in SERVICE {
        assert!(DOCUMENTATION.contains(&format!("`{key}`")), "the documentation says nothing of {key}");
    }
    // The one that is printed as an error is one.
    let failure = parsed("[services.web]\nroot = \"x\"\n\nruotes = []").err().unwrap();
    assert!(DOCUMENTATION.contains(&failure.title), "{}", failure.title);
}

#[test]
fn the_schema_knows_what_the_parser_knows() {
    fn keys(schema: &Value) -> Vec<String> {
        assert_eq!(schema["additionalProperties"], false, "{schema}");
        let mut keys: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    }
    let sorted = |keys: &[&str]| {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        keys
    };
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let service = &schema["$defs"]["service"];
    assert_eq!(keys(&schema), sorted(TOP));
    assert_eq!(keys(service), sorted(SERVICE));
    assert_eq!(keys(&service["properties"]["routes"]["items"]["oneOf"][1]), sorted(ROUTE));
    assert_eq!(keys(&service["properties"]["health"]["oneOf"][1]), sorted(HEALTH));
    // What it gives as examples is read.
    for (key, property) in service["properties"].as_object().unwrap() {
        let examples = property["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{key}");
        for example in examples {
            let text = format!("[services.web]\n{key} = {}", as_toml(example));
            if let Err(failure) = parsed(&text) {
                panic!("{}: {text}", failure.title);
            }
        }
    }
}

fn as_toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key} = {}", as_toml(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
