//! Settings of a project as requests name them, parsed into types. Used by both sets of routes.

use std::collections::HashSet;

use berth_model::{
    BranchName, InputCode, InvalidInput, OutputDir, PollEvery, ProjectName, RepoUrl, RootDir, VariableKey,
    VariableKind, VariableScope, WatchPatterns,
};
use berth_secrets::SecretString;
use berth_store::{NewProject, Project, ProjectChange, RepoAccess};
use serde_json::{Map, Value};

use super::import::check;
use crate::Api;
use crate::error::{ApiError, FieldProblem};
use crate::input::{Dialect, Form, Given, text, unknown_field};

/// Bytes of a command.
const LONGEST_COMMAND: usize = 4_096;
/// Bytes of a variable's value: a certificate chain fits.
pub(super) const LONGEST_VALUE: usize = 64 << 10;
/// Bytes of an access token, and of the user that goes with it.
const LONGEST_TOKEN: usize = 4_096;
const LONGEST_USER: usize = 256;
/// What folders count as until a repository is connected.
const BRANCH_OF_FOLDERS: &str = "main";
/// Variables in one request.
pub(crate) const MOST_VARIABLES: usize = 200;

/// A variable before it is sealed.
pub(crate) struct NewVariable {
    pub(crate) key: VariableKey,
    pub(crate) kind: VariableKind,
    pub(crate) scope: VariableScope,
    pub(crate) value: SecretString,
}

/// What a new project is given and its row does not show, before it is sealed.
pub(crate) struct NewSecrets {
    pub(crate) variables: Vec<NewVariable>,
    /// The access token of its repository, and the user that goes with it.
    pub(crate) repo_access: Option<(SecretString, Option<String>)>,
}

/// The field that lists variables.
fn variables_field(form: &Form) -> &'static str {
    match form.dialect() {
        Dialect::Contract => "secrets",
        Dialect::V1 => "variables",
    }
}

pub(super) fn read_repo_url(api: &Api, given: &str) -> Result<RepoUrl, InvalidInput> {
    let url = RepoUrl::parse(given)?;
    api.config.source_allow.check_url(&url).map(|()| url)
}

/// Reads a new project.
pub(crate) fn read_new(api: &Api, form: &mut Form) -> Result<(NewProject, NewSecrets), ApiError> {
    let reserved = api.config.all_reserved_names();
    let name = form.required("name", |given| ProjectName::parse(given, &reserved));
    let (repo_url, branch) = match form.dialect() {
        Dialect::Contract => {
            let branch = form.required("branch", BranchName::parse);
            (form.required("repoUrl", |given| read_repo_url(api, given)), branch)
        }
        Dialect::V1 => read_source(api, form),
    };
    let optional = read_optional(form);
    let previews = read_previews(form);
    let repo_access = match (read_repo_token(form), read_repo_user(form)) {
        (Given::Value(token), user) => Some((token, user.into_option())),
        (_, Given::Value(_)) => {
            form.problem("repoUser", USER_WITHOUT_TOKEN);
            None
        }
        _ => None,
    };
    if repo_access.is_some() && repo_url.is_none() && !form.has_problem_with("repoUrl") {
        form.problem("repoToken", "an access token opens a repository; give repoUrl too");
    }
    let mut variables = read_variables(form, variables_field(form));
    read_env(form, &mut variables);
    form.check()?;
    let (Some(name), Some(branch)) = (name, branch) else { return Err(form.refusal()) };
    let project = NewProject {
        name,
        branch,
        repo_url,
        install_command: optional.install_command.into_option(),
        build_command: optional.build_command.into_option(),
        output_directory: optional.output_directory.into_option(),
        root_directory: optional.root_directory.into_option(),
        node_version: optional.node_version.into_option(),
        spa_fallback: optional.spa_fallback.into_option(),
        previews: previews.unwrap_or_default(),
    };
    Ok((project, NewSecrets { variables, repo_access }))
}

/// Adds the variables of a `.env`, if one is given; those that are given one by one go before it.
fn read_env(form: &mut Form, variables: &mut Vec<NewVariable>) {
    if form.dialect() == Dialect::Contract {
        return;
    }
    let Given::Value(file) = form.optional("env", |given| Ok(given.to_owned())) else { return };
    let import = check(&file, VariableKind::default(), VariableScope::default());
    for FieldProblem { field, message, .. } in import.problems("env") {
        form.problem(field, message);
    }
    for variable in import.into_variables() {
        if variables.iter().all(|known| known.key != variable.key || known.scope != variable.scope) {
            variables.push(variable);
        }
    }
}

/// A project that a folder is the first thing of.
pub(crate) fn folder_project(name: ProjectName) -> Result<NewProject, ApiError> {
    let branch = BranchName::parse(BRANCH_OF_FOLDERS).map_err(|problem| ApiError::internal(problem.message))?;
    Ok(NewProject::new(name, branch, None))
}

/// What a project is built from. Without a repository, folders are deployed, and the branch that they count as is only
/// met once a repository is connected.
fn read_source(api: &Api, form: &mut Form) -> (Option<RepoUrl>, Option<BranchName>) {
    match form.optional("repoUrl", |given| read_repo_url(api, given)) {
        Given::Value(repo_url) => (Some(repo_url), form.required("branch", BranchName::parse)),
        Given::Absent | Given::Null => match form.optional("branch", BranchName::parse) {
            Given::Value(branch) => (None, Some(branch)),
            Given::Absent | Given::Null => (None, BranchName::parse(BRANCH_OF_FOLDERS).ok()),
        },
    }
}

/// Reads changes: what is absent stays, `null` goes back to detection. `current` may keep its name even if the list of
/// reserved names has grown since. The contract's change does not name a repository, so that clients send along
/// whatever they have.
pub(crate) fn read_change(
    api: &Api,
    form: &mut Form,
    current: &Project,
) -> Result<(ProjectChange, Vec<NewVariable>), ApiError> {
    let reserved = api.config.all_reserved_names();
    let name = form.optional("name", |given| match given == current.name.as_str() {
        true => Ok(current.name.clone()),
        false => ProjectName::parse(given, &reserved),
    });
    let branch = form.optional("branch", BranchName::parse);
    let repo_url = match form.dialect() {
        Dialect::Contract => Given::Absent,
        Dialect::V1 => form.optional("repoUrl", |given| read_repo_url(api, given)),
    };
    let nulls =
        [("name", name == Given::Null), ("branch", branch == Given::Null), ("repoUrl", repo_url == Given::Null)];
    for (field, is_null) in nulls {
        if is_null {
            form.needed(field);
        }
    }
    let optional = read_optional(form);
    let following = read_following(form);
    let repo_url = repo_url.into_option();
    if repo_url.is_none() && current.repo_url.is_none() {
        following.refuse(form);
    }
    let repo_access = read_repo_access(api, form, current, repo_url.as_ref());
    let variables = read_variables(form, variables_field(form));
    form.check()?;
    let change = ProjectChange {
        name: name.into_option(),
        branch: branch.into_option(),
        repo_url,
        repo_access,
        webhook_id: None,
        install_command: optional.install_command.into_change(),
        build_command: optional.build_command.into_change(),
        output_directory: optional.output_directory.into_change(),
        root_directory: optional.root_directory.into_change(),
        node_version: optional.node_version.into_change(),
        spa_fallback: optional.spa_fallback.into_change(),
        previews: following.previews,
        watch: following.watch.into_change(),
        poll_every: following.poll_every.into_change(),
        protection: None,
    };
    Ok((change, variables))
}

const USER_WITHOUT_TOKEN: &str = "a user name goes with an access token; give repoToken too";

/// What becomes of the access token: `None` leaves it. A token of another host is not there any more.
fn read_repo_access(
    api: &Api,
    form: &mut Form,
    current: &Project,
    repo_url: Option<&RepoUrl>,
) -> Option<Option<RepoAccess>> {
    let Some(origin) = repo_url.or(current.repo_url.as_ref()).map(RepoUrl::origin) else {
        if form.has("repoToken") || form.has("repoUser") {
            form.problem("repoToken", "an access token opens a repository; give repoUrl too");
        }
        return None;
    };
    let kept = current.repo_access.clone().filter(|_| Some(&origin) == current.repo_origin().as_ref());
    match (read_repo_token(form), read_repo_user(form), kept) {
        (Given::Value(token), user, kept) => {
            let token = api.keys.seal_repo_token(current.id, &origin, token.expose());
            let user = user.into_change().unwrap_or_else(|| kept.and_then(|kept| kept.user));
            Some(Some(RepoAccess { token, user }))
        }
        (Given::Absent, Given::Value(user), Some(kept)) => Some(Some(RepoAccess { user: Some(user), ..kept })),
        (_, Given::Value(_), _) => {
            form.problem("repoUser", USER_WITHOUT_TOKEN);
            None
        }
        (Given::Absent, Given::Null, Some(kept)) => Some(Some(RepoAccess { user: None, ..kept })),
        (Given::Absent, ..) => None,
        (Given::Null, ..) => Some(None),
    }
}

/// Empty is as good as absent: a form does not know the token that is kept.
pub(super) fn read_repo_token(form: &mut Form) -> Given<SecretString> {
    match form.optional("repoToken", non_empty(repo_token)) {
        Given::Value(Some(token)) => Given::Value(token),
        Given::Value(None) | Given::Absent => Given::Absent,
        Given::Null => Given::Null,
    }
}

/// The token is never part of a message.
fn repo_token(given: &str) -> Result<SecretString, InvalidInput> {
    let token = given.trim();
    if token.len() > LONGEST_TOKEN || token.chars().any(|c| c.is_control() || c.is_whitespace()) {
        let message = format!("an access token has at most {LONGEST_TOKEN} bytes, and no space or control character");
        return Err(InvalidInput::new("repoToken", message));
    }
    Ok(SecretString::from(token.to_owned()))
}

pub(super) fn read_repo_user(form: &mut Form) -> Given<String> {
    or_null(form.optional("repoUser", non_empty(repo_user)))
}

/// A colon would end the name where the token begins.
fn repo_user(given: &str) -> Result<String, InvalidInput> {
    let user = given.trim();
    if user.len() > LONGEST_USER || user.contains(':') || user.chars().any(char::is_control) {
        let message = format!("a user name has at most {LONGEST_USER} bytes, and no colon or control character");
        return Err(InvalidInput::new("repoUser", message));
    }
    Ok(user.to_owned())
}

/// How a project is built, where it is not detected.
pub(super) struct Optional {
    pub(super) install_command: Given<String>,
    pub(super) build_command: Given<String>,
    pub(super) output_directory: Given<OutputDir>,
    pub(super) root_directory: Given<RootDir>,
    pub(super) node_version: Given<String>,
    spa_fallback: Given<bool>,
}

pub(super) fn read_optional(form: &mut Form) -> Optional {
    Optional {
        install_command: or_null(form.optional("installCommand", non_empty(|given| command("installCommand", given)))),
        // Here the empty string has a meaning of its own: publish the files as they are.
        build_command: form.optional("buildCommand", |given| command("buildCommand", given)),
        output_directory: or_null(form.optional("outputDirectory", non_empty(OutputDir::parse))),
        root_directory: or_null(form.optional("rootDirectory", non_empty(RootDir::parse))),
        node_version: or_null(form.optional("nodeVersion", non_empty(node_version))),
        spa_fallback: form.flag("spaFallback"),
    }
}

/// What of its repository a project follows.
struct Following {
    previews: Option<bool>,
    watch: Given<WatchPatterns>,
    poll_every: Given<PollEvery>,
}

impl Following {
    /// Without a repository there is nothing to follow: only what switches something off is taken.
    fn refuse(&self, form: &mut Form) {
        let follows = [
            ("previews", self.previews == Some(true)),
            ("watch", matches!(self.watch, Given::Value(_))),
            ("pollEvery", matches!(self.poll_every, Given::Value(_))),
        ];
        for (field, _) in follows.into_iter().filter(|(_, is_set)| *is_set) {
            form.problem(field, "this project has no repository to follow; connect one with repoUrl first");
        }
    }
}

/// The contract knows none of these.
fn read_following(form: &mut Form) -> Following {
    if form.dialect() == Dialect::Contract {
        return Following { previews: None, watch: Given::Absent, poll_every: Given::Absent };
    }
    Following {
        previews: read_previews(form),
        watch: form.texts("watch", WatchPatterns::parse),
        poll_every: form.number("pollEvery", PollEvery::seconds),
    }
}

fn read_previews(form: &mut Form) -> Option<bool> {
    let previews = form.flag("previews");
    if previews == Given::Null {
        form.problem("previews", "this field is true or false");
    }
    previews.into_option()
}

/// An input that was left empty in a form means the same as none.
fn non_empty<T>(
    parse: impl FnOnce(&str) -> Result<T, InvalidInput>,
) -> impl FnOnce(&str) -> Result<Option<T>, InvalidInput> {
    |given| if given.trim().is_empty() { Ok(None) } else { parse(given).map(Some) }
}

fn or_null<T>(given: Given<Option<T>>) -> Given<T> {
    match given {
        Given::Value(Some(value)) => Given::Value(value),
        Given::Value(None) | Given::Null => Given::Null,
        Given::Absent => Given::Absent,
    }
}

fn command(field: &'static str, given: &str) -> Result<String, InvalidInput> {
    text(field, given.trim(), LONGEST_COMMAND)
}

/// `20`, `20.11.1`, `>=18 <21`, `lts/*`: what `engines` and `.nvmrc` can hold. Resolved when the project is built.
fn node_version(given: &str) -> Result<String, InvalidInput> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b".*^~<>=|-/ ".contains(&b);
    if given.len() <= 64 && given.bytes().all(fits) {
        Ok(given.trim().to_owned())
    } else {
        let problem = InvalidInput::new("nodeVersion", "a version of Node looks like 20, 20.11.1 or >=18");
        Err(problem.coded(InputCode::NodeVersionForm))
    }
}

/// Reads the list of variables in `field`.
pub(crate) fn read_variables(form: &mut Form, field: &'static str) -> Vec<NewVariable> {
    let items = form.list(field);
    if items.len() > MOST_VARIABLES {
        form.problem(field, format!("at most {MOST_VARIABLES} variables at once"));
        return Vec::new();
    }
    let is_exact = form.dialect() == Dialect::V1;
    let mut seen = HashSet::new();
    let mut variables = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        // A secret as the contract's list shows it, sent back with the rest: it stays as it is.
        if !is_exact && item.contains_key("id") && !item.contains_key("value") {
            continue;
        }
        if let Some(unknown) = item.keys().find(|key| is_exact && !VARIABLE_FIELDS.contains(&key.as_str())) {
            let place = format!("{field}[{index}].{unknown}");
            form.problem(place, unknown_field(unknown, &VARIABLE_FIELDS));
            continue;
        }
        match read_variable(item) {
            Ok(variable) if seen.insert((variable.key.clone(), variable.scope.as_str())) => variables.push(variable),
            Ok(variable) => form.problem(format!("{field}[{index}]"), format!("{} is given twice", variable.key)),
            Err(message) => form.problem(format!("{field}[{index}]"), message),
        }
    }
    variables
}

const VARIABLE_FIELDS: [&str; 4] = ["key", "value", "kind", "scope"];

const KINDS: &str = "kind is secret or plain";
const SCOPES: &str = "scope is both, production or preview";

/// Reads how a variable is treated.
pub(crate) fn kind_of_variable(given: &str) -> Result<VariableKind, InvalidInput> {
    VariableKind::parse(given).ok_or_else(|| InvalidInput::new("kind", KINDS))
}

/// Reads which builds get a variable.
pub(crate) fn scope_of_variable(given: &str) -> Result<VariableScope, InvalidInput> {
    VariableScope::parse(given).ok_or_else(|| InvalidInput::new("scope", SCOPES))
}

/// Why a value cannot be kept. It is never part of the message.
pub(super) fn value_problem(key: &VariableKey, value: &SecretString) -> Option<String> {
    if value.expose().contains('\0') {
        return Some(format!("the value of {key} contains a NUL character, which no process can be given"));
    }
    (value.len() > LONGEST_VALUE).then(|| format!("the value of {key} is longer than 64 KiB"))
}

/// The value is never part of a message.
fn read_variable(mut item: Map<String, Value>) -> Result<NewVariable, String> {
    let Some(Value::String(key)) = item.remove("key") else { return Err("a variable has a key".to_owned()) };
    let key = VariableKey::parse(&key).map_err(|problem| problem.message)?;
    let Some(Value::String(value)) = item.remove("value") else { return Err(format!("the value of {key} is text")) };
    let value = SecretString::from(value);
    if let Some(problem) = value_problem(&key, &value) {
        return Err(problem);
    }
    let kind = match item.get("kind") {
        None | Some(Value::Null) => VariableKind::default(),
        Some(Value::String(kind)) => VariableKind::parse(kind).ok_or(KINDS)?,
        Some(_) => return Err(KINDS.to_owned()),
    };
    let scope = match item.get("scope") {
        None | Some(Value::Null) => VariableScope::default(),
        Some(Value::String(scope)) => VariableScope::parse(scope).ok_or(SCOPES)?,
        Some(_) => return Err(SCOPES.to_owned()),
    };
    Ok(NewVariable { key, kind, scope, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node() {
        for good in ["20", "20.11.1", ">=18 <21", "lts/*", "^20 || ^22"] {
            assert!(node_version(good).is_ok(), "{good}");
        }
        for bad in ["20; rm", "$(x)", "20\n", &"2".repeat(65)] {
            assert!(node_version(bad).is_err(), "{bad:?}");
        }
    }
}
