//! Settings of a project as requests name them, parsed into types. Used by both sets of routes.

use std::collections::HashSet;

use berth_model::{BranchName, InvalidInput, OutputDir, ProjectName, RepoUrl, RootDir, VariableKey, VariableKind};
use berth_secrets::SecretString;
use berth_store::{NewProject, ProjectChange};
use serde_json::{Map, Value};

use crate::Api;
use crate::error::ApiError;
use crate::input::{Form, Given, text};

/// Bytes of a command.
const LONGEST_COMMAND: usize = 4_096;
/// Bytes of a variable's value: a certificate chain fits.
const LONGEST_VALUE: usize = 64 << 10;
/// Variables in one request.
const MOST_VARIABLES: usize = 200;

/// A variable before it is sealed.
pub(crate) struct NewVariable {
    pub(crate) key: VariableKey,
    pub(crate) kind: VariableKind,
    pub(crate) value: SecretString,
}

/// Reads a new project; `variables` is the field that lists its variables.
pub(crate) fn read_new(
    api: &Api,
    form: &mut Form,
    variables: &'static str,
) -> Result<(NewProject, Vec<NewVariable>), ApiError> {
    let reserved = api.config.all_reserved_names();
    let name = form.required("name", |given| ProjectName::parse(given, &reserved));
    let branch = form.required("branch", BranchName::parse);
    let repo_url = form.required("repoUrl", |given| {
        let url = RepoUrl::parse(given)?;
        api.config.source_allow.check_url(&url).map(|()| url)
    });
    let optional = read_optional(form);
    let variables = read_variables(form, variables);
    form.check()?;
    let (Some(name), Some(branch), Some(repo_url)) = (name, branch, repo_url) else { return Err(form.refusal()) };
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
    };
    Ok((project, variables))
}

/// Reads changes: what is absent stays, `null` goes back to detection. `current` may keep its name even if the list of
/// reserved names has grown since.
pub(crate) fn read_change(
    api: &Api,
    form: &mut Form,
    current: &ProjectName,
    variables: &'static str,
) -> Result<(ProjectChange, Vec<NewVariable>), ApiError> {
    let reserved = api.config.all_reserved_names();
    let name = form.optional("name", |given| match given == current.as_str() {
        true => Ok(current.clone()),
        false => ProjectName::parse(given, &reserved),
    });
    let branch = form.optional("branch", BranchName::parse);
    for (field, is_null) in [("name", name == Given::Null), ("branch", branch == Given::Null)] {
        if is_null {
            form.problem(field, "this field is needed");
        }
    }
    let optional = read_optional(form);
    let variables = read_variables(form, variables);
    form.check()?;
    let change = ProjectChange {
        name: name.into_option(),
        branch: branch.into_option(),
        install_command: optional.install_command.into_change(),
        build_command: optional.build_command.into_change(),
        output_directory: optional.output_directory.into_change(),
        root_directory: optional.root_directory.into_change(),
        node_version: optional.node_version.into_change(),
        spa_fallback: optional.spa_fallback.into_change(),
    };
    Ok((change, variables))
}

struct Optional {
    install_command: Given<String>,
    build_command: Given<String>,
    output_directory: Given<OutputDir>,
    root_directory: Given<RootDir>,
    node_version: Given<String>,
    spa_fallback: Given<bool>,
}

fn read_optional(form: &mut Form) -> Optional {
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
        Err(InvalidInput::new("nodeVersion", "a version of Node looks like 20, 20.11.1 or >=18"))
    }
}

/// Reads the list of variables in `field`.
pub(crate) fn read_variables(form: &mut Form, field: &'static str) -> Vec<NewVariable> {
    let items = form.list(field);
    if items.len() > MOST_VARIABLES {
        form.problem(field, format!("at most {MOST_VARIABLES} variables at once"));
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut variables = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match read_variable(item) {
            Ok(variable) if seen.insert(variable.key.clone()) => variables.push(variable),
            Ok(variable) => form.problem(format!("{field}[{index}]"), format!("{} is given twice", variable.key)),
            Err(message) => form.problem(format!("{field}[{index}]"), message),
        }
    }
    variables
}

/// The value is never part of a message.
fn read_variable(mut item: Map<String, Value>) -> Result<NewVariable, String> {
    let Some(Value::String(key)) = item.remove("key") else { return Err("a variable has a key".to_owned()) };
    let key = VariableKey::parse(&key).map_err(|problem| problem.message)?;
    let Some(Value::String(value)) = item.remove("value") else { return Err(format!("the value of {key} is text")) };
    let value = SecretString::from(value);
    if value.expose().contains('\0') {
        return Err(format!("the value of {key} contains a NUL character, which no process can be given"));
    }
    if value.len() > LONGEST_VALUE {
        return Err(format!("the value of {key} is longer than 64 KiB"));
    }
    let kind = match item.get("kind") {
        None | Some(Value::Null) => VariableKind::default(),
        Some(Value::String(kind)) => VariableKind::parse(kind).ok_or("kind is secret or plain")?,
        Some(_) => return Err("kind is secret or plain".to_owned()),
    };
    Ok(NewVariable { key, kind, value })
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
