//! Why something is as it is, in a sentence and as codes, for clients that say it in another language.
//!
//! The table below is the one place of all codes: a code with the values of its sentence, and the sentence. It does not
//! compile where a sentence names a value that its code has not, and is warned of where it leaves one out; the union in
//! the OpenAPI document is made of it. Plans, builds and deliveries are kept with their codes, so none is ever renamed,
//! and none loses a value.
//!
//! Why a build failed has words and codes of its own ([`crate::Failure`]), and so has what is wrong with a field
//! ([`crate::InputCode`]).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::PullRequestAction;

/// Why something is as it is: a sentence in English, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Why {
    /// A sentence: `package.json depends on vite`.
    #[serde(rename = "reason")]
    pub sentence: String,
    /// Its parts in the order of the sentence, for clients that say it in other words. Missing in what was kept before
    /// there were codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known")]
    #[schema(required = false)]
    pub because: Vec<Reason>,
}

impl Why {
    /// What was kept, with its parts if they were.
    #[must_use]
    pub fn kept(sentence: String, because: Option<Vec<Reason>>) -> Self {
        Self { sentence, because: because.unwrap_or_default() }
    }

    /// Adds to the sentence, behind `joint`.
    #[must_use]
    pub fn and(mut self, joint: &str, more: impl Into<Self>) -> Self {
        let more = more.into();
        self.sentence = format!("{}{joint}{}", self.sentence, more.sentence);
        self.because.extend(more.because);
        self
    }
}

impl From<Reason> for Why {
    fn from(reason: Reason) -> Self {
        Self { sentence: reason.to_string(), because: vec![reason] }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

/// What a later version of Berth kept may have codes that this one does not know: then the sentence speaks alone.
pub(crate) fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Reason>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Known(Vec<Reason>),
        #[allow(dead_code, reason = "it is read and dropped")]
        Unknown(serde::de::IgnoredAny),
    }
    Ok(match Kept::deserialize(deserializer)? {
        Kept::Known(reasons) => reasons,
        Kept::Unknown(_) => Vec::new(),
    })
}

/// Names in a sentence: `a, b and c`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Names(pub Vec<String>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => Ok(()),
            [only] => f.write_str(only),
            [others @ .., last] => write!(f, "{} and {last}", others.join(", ")),
        }
    }
}

/// A value by its name, with its schema.
type ValueOf = (&'static str, fn() -> RefOr<Schema>);
/// A code as its variant is called, with its sentence and values.
type CodeOf = (&'static str, &'static str, &'static [ValueOf]);

/// Not derived: that would be one expression for all codes, which takes megabytes of stack.
impl PartialSchema for Reason {
    fn schema() -> RefOr<Schema> {
        let described = "Why something is as it is; each code with its sentence.";
        let one_of = OneOfBuilder::new().description(Some(described));
        CODES
            .iter()
            .fold(one_of, |one_of, (variant, sentence, values)| one_of.item(code(variant, sentence, values)))
            .into()
    }
}

impl ToSchema for Reason {}

/// The schema of a code with its values.
fn code(variant: &str, sentence: &str, values: &[ValueOf]) -> Schema {
    let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some([snake_case(variant)]));
    let mut object = ObjectBuilder::new().description(Some(sentence)).property("code", name).required("code");
    if !values.is_empty() {
        let fields = values
            .iter()
            .fold(ObjectBuilder::new(), |fields, (name, schema)| fields.property(*name, schema()).required(*name));
        object = object.property("values", fields).required("values");
    }
    object.into()
}

/// As serde names a variant.
fn snake_case(variant: &str) -> String {
    let mut name = String::new();
    for letter in variant.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

macro_rules! reasons {
    ($($code:ident $({ $($value:ident: $kind:ty),+ })? = $sentence:tt;)+) => {
        /// Why something is as it is. Each code's description is its sentence in English.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "code", content = "values", rename_all = "snake_case")]
        #[allow(missing_docs, reason = "the sentence names the values")]
        pub enum Reason {
            $(#[doc = $sentence] $code $({ $($value: $kind),+ })?,)+
        }

        impl fmt::Display for Reason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$code $({ $($value),+ })? => write!(f, $sentence),)+
                }
            }
        }

        /// Every code with its sentence and its values.
        const CODES: &[CodeOf] = &[$(
            (stringify!($code), $sentence, &[$($((stringify!($value), <$kind as PartialSchema>::schema)),+)?])
        ),+];
    };
}

reasons! {
    // Of a plan: what is set, and what is so by default
    Set = "the project is set to it";
    SetToPlainFiles = "the project is set to publish its files as they are";
    SetToCommand = "the project is set to a build command, and there is no framework that is known";
    SetToNode { version: String } = "the project is set to Node {version}";
    TopOfRepository = "the top of the repository";
    NoVersionAsked = "no version is asked for";
    NoVersionOfProgram { program: String } = "no version of {program} is asked for";
    DefaultVersion { language: String, version: String } = "no version is asked for; {language} {version} is the default";
    NewestVersion { language: String } = "the newest {language} builds all before it";
    NearestImage { image: String } = "but {image} could not be had, and this is the nearest";

    Declared { line: u32 } = "line {line} says so";

    // Of a plan: what files say
    FileFound { file: String } = "there is a {file}";
    FileSays { file: String, text: String } = "{file} says {text}";
    GemfileSays { line: String } = "the Gemfile says {line}";
    FileNamesIt { file: String } = "{file} names it";
    TheFileNamesIt { file: String } = "the {file} names it";
    FileNames { file: String, name: String } = "{file} names {name}";
    GemfileNames { name: String } = "the Gemfile names {name}";
    FileRequires { file: String, name: String } = "{file} requires {name}";
    PipfileRequires = "the Pipfile requires it";
    PackagesName { name: String } = "its packages name {name}";
    FileSets { file: String, key: String } = "{file} sets {key}";
    FileSetsTo { file: String, key: String, value: String } = "{file} sets {key} to {value}";
    FileSetsPreset { file: String, preset: String } = "{file} sets the preset {preset}";
    FileNamesAdapter { file: String, adapter: String } = "{file} names the adapter {adapter}";
    AdapterMakesFiles { adapter: String } = "the adapter {adapter} makes files";
    AllPagesStatic = "all pages are static";
    DependsOn { file: String, dependency: String } = "{file} depends on {dependency}";
    DependsNotOn { file: String, dependency: String } = "{file} does not depend on {dependency}";
    AsksFor { by: String, what: String, version: String } = "{by} asks for {what} {version}";
    SaysHowBuilt = "it says how it is built";
    NoFileNames { name: String } = "no file of the project names {name}";
    NamesGitPackage { file: String } = "{file} names a package that is a git repository";

    // Of a plan: commands and scripts
    BuildScript = "package.json has a build script";
    BuildScriptAlone = "package.json has a build script, and no framework that is known";
    NoBuildScript { framework: String } = "package.json has no build script; {framework} builds with it";
    BuildScriptRuns { program: String } = "the build script runs {program}";
    BuildScriptPrepares { program: String } = "the build script prepares what {program} builds";
    ScriptRuns { script: String, program: String } = "the script {script} runs {program}";
    ScriptsRun { program: String } = "its scripts run {program}";
    StartScript { script: String } = "the start script is {script}";
    MainFile { file: String } = "there is no start script, and {file} is the package's main file";
    CommandRuns { script: String, program: String } = "the {script} command runs {program}";
    CommandNames { directory: String } = "the build command names {directory}";
    CommandSets { variable: String } = "the build command sets {variable}";
    CommandHasMode { mode: String } = "the build command's mode is {mode}";
    CommandHasPreset = "the build command names a preset that makes files";
    CommandPrerenders = "the build command prerenders";
    CommandBuilds { package: String } = "the build command builds {package}";
    BuildsSite { program: String } = "{program} builds the site with it";
    ServesBuilt { framework: String } = "what {framework} built is served with it";
    RendersInBrowser = "the site renders in the browser only, which nuxt generate makes files of";
    BuiltBefore { packages: Names } = "{packages} of the workspace, which it uses, built before it";

    // Of a plan: where the files are
    UsualOutput { framework: String } = "the usual output of {framework}";
    MostOutputs { directory: String } = "most builds leave their files in {directory}";
    BuildsInto { program: String, directory: String } = "{program} builds into {directory}";
    BelowPages { program: String } = "{program} builds below the folder of its pages";
    BesideAssets = "the build makes styles and scripts for the pages that are there";
    ViteRoot { directory: String } = "vite's root is {directory}";
    TargetNamesIt = "package.json names the distDir of a target";
    SeveralRenderers { file: String } = "{file} names several renderers";
    AngularProject { name: String } = "the project {name} of angular.json builds there";
    OnlySite { package: String } = "{package} is the only site of the workspace";
    OwnDirectory = "the project's own directory";
    PlainPages = "an index.html, and nothing to build";
    StartPageHere = "the index.html is here";
    StartPageThere = "the index.html is there";
    OnlyStartPageThere = "the only index.html is there";

    // Of a plan: packages and tools
    PackageManagerIs { manager: String, version: String } = "packageManager is {manager}@{version}";
    InstallsExactly { file: String } = "installs exactly what {file} names";
    Installs { file: String } = "installs what {file} names";
    InstallsGems { file: String } = "installs the gems that {file} names";
    NoLockfile = "there is no lockfile";
    NoGemfile = "there is no Gemfile";
    InstalledWithPip { program: String } = "{program} is installed with pip";
    NeedsNothingElse { program: String } = "{program} needs nothing else";
    FailedWithoutGit { line: String } = "installing without git failed ({line})";
    FailedWithoutCompiler { line: String } = "installing without a compiler failed ({line})";

    // Of a plan: servers
    UsualStart { framework: String } = "what {framework} applications are usually started with";
    UsualStartOfSuch = "what such applications are usually started with";
    UsualEntry = "the usual entry";
    OwnServer { language: String } = "{language}'s own server";
    BuildsIt { program: String } = "{program} builds it";
    CompilesIt { program: String } = "{program} compiles it";
    MakesProgram { program: String } = "{program} makes one program";
    MakesWholeProgram = "makes one program with all it needs";
    MakesArchive = "its build tool makes one archive";
    BuildToolIsCalled = "its build tool is called this way";
    FetchesImports = "fetches what it imports";
    ProgramThatIsBuilt = "the program that is built";
    ArchiveThatIsBuilt = "the archive that is built";
    StartScriptOf { name: String, script: String } = "the script {name}, for production, is {script}";
    Migrates { framework: String } = "what {framework} brings its database up to date with";
    CollectsFiles { name: String } = "it collects the files that {name} shows";

    // Of a plan: what runs
    Exposes { file: String } = "the {file} exposes it";
    ExposesSeveral { file: String } = "the first of the ports that the {file} exposes";
    StartNamesPort = "the start command names it";
    SourceListens { file: String } = "{file} listens there";
    SourceTakesPort { file: String } = "{file} listens there unless PORT says otherwise";
    UsualPort { framework: String } = "where {framework} applications usually listen; PORT tells them";
    ListensEverywhere { framework: String } = "so that {framework} listens on all addresses of its container";
    LearnsAddress { framework: String } = "so that {framework} learns the address that its visitors see";
    AdapterChoosesNode { adapter: String } = "so that {adapter} makes a server for Node.js";
    RunsInProduction { framework: String } = "so that {framework} runs as in production";
    OnlyService = "the only service of the project";
    DefaultRoute = "the only one that can answer at the top";
    PrintsAtOnce { language: String } = "so that {language} writes its log at once";

    // Of a plan: its warnings
    // Kept with plans of before services ran.
    DockerfileUnused = "the Dockerfile is not used: Berth publishes static output for now and builds what it detects; \
        set a build command to make this explicit, or an output directory to have the Dockerfile built and that \
        directory of its image published";
    DockerfileRuns { framework: String } = "the Dockerfile is built and run; to have the files of {framework} published \
        instead, set a build command";
    AdapterOfOther { file: String, adapter: String, instead: String } = "{file} names the adapter {adapter}, which makes \
        nothing that could be run here; {instead} does";
    ProcessesUnused { names: Names } = "the Procfile names {names}, which nobody starts: declare them as services in \
        berth.toml";
    Internal { name: String } = "{name} has no routes: only the project's other services reach it, by the name {name}";
    SettingsUnused { settings: Names } = "berth.toml names several services, so these settings of the project are not \
        used: {settings}";
    ListensLocally { file: String, address: String } = "{file} listens on {address}, which nothing outside of its \
        container reaches; let it listen on 0.0.0.0";
    ImageReplaced { image: String, instead: String } = "{image} could not be had: {instead} is used instead, the nearest \
        that could";
    StartRunsServer { script: String } = "the start script runs a server ({script}); only the built files are published";
    MakesServer { framework: String, way: String } = "{framework} is set to make a server; what makes it files is {way}";
    WritesOutside { path: String, root: String, output: String } = "the build writes to {path}, outside the root directory; \
        set the root directory to /{root} and the output directory to {output}";
    WritesAbove { path: String } = "the build writes to {path}, outside the root directory; let it write to a directory \
        of its own below the root directory";
    TopOfWorkspace { sites: String } = "this is the top of a workspace; set the root directory to one of {sites}";
    WorkspaceTooLarge { packages: u32 } = "the workspace has more than {packages} packages, or more than 8 MiB of \
        package.json: which of them this project uses is not looked for. A push that changes anything builds it, and \
        nothing is built before it";
    LockfileUnused { file: String, manager: String } = "{file} is not used: packages are installed with {manager}";
    LockfileMissing { file: String } = "there is no {file}: versions can change between builds";
    VersionsCanChange = "there is no lockfile: versions can change between builds";
    NoNodeVersion { file: String, text: String } = "{file} says `{text}`, which is not a version of Node";
    UnknownNodeVersion { version: String, known: String } = "package.json asks for Node {version}, which is none of {known}";
    SubmodulesMissing { path: String } = "submodules are not fetched, so {path} is empty; commit its files, or name the \
        theme in another way";
    HugoModules = "modules of Hugo need Go, which is not there; commit them with `hugo mod vendor`";
    JekyllThemeMissing { theme: String } = "without a Gemfile only Jekyll is installed, and not the theme {theme}";
    MkdocsThemeMissing { theme: String } = "no file of the project names mkdocs: only MkDocs and the theme material are \
        installed, and not the theme {theme}";
    ZolaMissing = "Zola is in no package registry, so Berth cannot install it: add a Dockerfile that builds the site, and \
        set the output directory";
    PreprocessorMissing { name: String, command: String } = "the preprocessor {name} needs {command}, which is not there";

    // Of a build: why it is skipped or held
    SkippedByMessage { word: String } = "skipped: the commit's message says {word}";
    SkippedBelow { directory: String } = "skipped: no change under {directory}";
    SkippedByPatterns { patterns: String } = "skipped: no change matches the watch patterns {patterns}";
    NameOfPullRequest = "branches with a name like pull/7 have no preview: pull requests from forks have it";
    HostsTaken { wanted: String, other: String } = "the hosts {wanted} and {other} are taken; rename the branch or the project";
    FromFork { fork: String } = "a pull request from {fork}: approve it to build it";

    // Of a delivery: what it says
    Push { branch: String } = "a push to {branch}";
    BranchDeleted { branch: String } = "{branch} was deleted";
    PullRequest { number: i64, action: PullRequestAction } = "pull request #{number} was {action}";
    HookWorks = "the host tried the hook, and it works";
    NotBranch = "not a branch";
    BranchUnmoved = "a test: the branch did not move";
    OtherEvent = "Berth builds on push and pull_request events only";
    OtherEventOfGitlab = "Berth builds on push and merge request events only";
    PullRequestUnnamed = "it names no pull request";
    MergeRequestUnnamed = "it names no merge request";
    OtherOfPullRequest = "nothing is built when this happens to a pull request";
    OtherOfMergeRequest = "nothing is built when this happens to a merge request";

    // Of a delivery: why it was not believed, or is nobody's
    AcceptedBefore = "accepted before";
    NoProject = "no project is connected to this repository";
    NoRepository = "this project has no repository";
    AnotherRepository { named: String, own: String } = "it is about {named}, and this project is built from {own}";
    NotJson { line: u32, column: u32 } = "not the JSON of such an event: line {line}, column {column}";
    BadValue { field: String, problem: String } = "{field}: {problem}";
    NoPayload = "the form has no field payload";
    NoDeliveryType = "a delivery is application/json or application/x-www-form-urlencoded";
    UnknownSender = "no header tells who sent it; add the hook as one of GitHub's, Gitea's, Forgejo's or GitLab's form";
    NotSigned { header: String } = "it is not signed ({header}); enter the hook's secret where it was added";
    NoToken { header: String } = "it has no token ({header}); enter the hook's secret where it was added";
    SignedOtherwise = "the signature is not this body's; choose the content type application/json where the hook was added";
    OtherSecret = "it is signed with another secret; enter the one that was shown when this hook was made, or make a new \
        one";

    // Of a delivery: what it led to for a project
    Build { build: i64 } = "build #{build}";
    BuildHeld { build: i64 } = "build #{build} is held";
    BuiltAlready { branch: String } = "{branch} has a build of this commit";
    PreviewRemoved { branch: String } = "the preview of {branch} was removed";
    PreviewShows { branch: String } = "the preview of {branch} shows it";
    NoPreview { branch: String } = "{branch} has no preview";
    NoPreviewEnds = "no preview ends with it";
    PreviewsOff = "previews are off";
    OwnBranchGone = "its own branch is gone; the site stays";
    OwnBranch = "it is of the branch that goes live";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_code_with_values_and_a_sentence() {
        let vite = Reason::DependsOn { file: "package.json".into(), dependency: "vite".into() };
        let written = serde_json::to_value(Why::from(vite.clone())).unwrap();
        let wanted = serde_json::json!({
            "reason": "package.json depends on vite",
            "because": [{"code": "depends_on", "values": {"file": "package.json", "dependency": "vite"}}],
        });
        assert_eq!(written, wanted);
        assert_eq!(serde_json::from_value::<Why>(written).unwrap(), vite.into());
        let alone = serde_json::to_value(Reason::NoLockfile).unwrap();
        assert_eq!(alone, serde_json::json!({"code": "no_lockfile"}));
        assert_eq!(serde_json::from_value::<Reason>(alone).unwrap(), Reason::NoLockfile);
    }

    #[test]
    fn reasons_add_up() {
        let names = |names: &[&str]| Names(names.iter().map(|name| (*name).to_owned()).collect());
        let why =
            Why::from(Reason::BuildScript).and("; ", Reason::BuiltBefore { packages: names(&["ui", "words", "io"]) });
        assert_eq!(
            why.to_string(),
            "package.json has a build script; ui, words and io of the workspace, which it uses, built before it"
        );
        assert_eq!(why.because.len(), 2);
        assert_eq!((names(&["ui"]).to_string(), names(&[]).to_string()), ("ui".to_owned(), String::new()));
    }

    #[test]
    fn what_was_kept_by_other_versions_reads() {
        let read = |text: &str| serde_json::from_str::<Why>(text).unwrap();
        let before = read(r#"{"reason": "package.json depends on vite"}"#);
        assert_eq!((before.sentence.as_str(), before.because.len()), ("package.json depends on vite", 0));
        let after = read(
            r#"{"reason": "x", "because": [{"code": "no_lockfile"}, {"code": "of_tomorrow", "values": {"a": 1}}]}"#,
        );
        assert_eq!(after, Why::kept("x".to_owned(), None));
    }

    #[test]
    fn the_description_names_codes_as_they_are_written() {
        let RefOr::T(Schema::OneOf(described)) = Reason::schema() else { panic!() };
        let described = serde_json::to_value(described).unwrap();
        let codes = described["oneOf"].as_array().unwrap();
        assert_eq!(codes.len(), CODES.len());
        let of = |code: &str| codes.iter().find(|known| known["properties"]["code"]["enum"][0] == code).unwrap();
        let written =
            serde_json::to_value(Reason::PullRequest { number: 7, action: PullRequestAction::Opened }).unwrap();
        let described = of(written["code"].as_str().unwrap());
        assert_eq!(described["properties"]["values"]["required"], serde_json::json!(["number", "action"]));
        assert_eq!(described["properties"]["values"]["properties"]["action"]["enum"][0], written["values"]["action"]);
        assert_eq!(of("no_lockfile")["required"], serde_json::json!(["code"]));
        assert_eq!(described["description"], "pull request #{number} was {action}");
    }

    /// Two codes of one sentence would be two names of one thing.
    #[test]
    fn no_two_codes_say_the_same() {
        let plain = |sentence: &str| {
            let parts = sentence.split('{').map(|part| part.split_once('}').map_or(part, |(_, rest)| rest));
            parts.collect::<Vec<_>>().join("{}")
        };
        for (at, (code, sentence, _)) in CODES.iter().enumerate() {
            let twin = CODES[..at].iter().find(|(_, other, _)| plain(other) == plain(sentence));
            assert!(twin.is_none(), "{code} says what {} says", twin.map_or("", |twin| twin.0));
        }
    }
}
