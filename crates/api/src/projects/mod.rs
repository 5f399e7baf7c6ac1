//! What happens to projects, whichever route asks for it: settings are read once into types, a repository at GitHub
//! gets its hook, and the first build is queued.

mod connect;
mod detection;
mod dotenv;
mod hook;
mod import;
mod protection;
mod settings;

pub(crate) use connect::{change, connect, remove, seal};
pub(crate) use detection::read_detection;
pub(crate) use hook::{github_token, over_github};
pub(crate) use import::{Import, ImportedLine, RefusedLine, read_import};
pub(crate) use protection::read_protection;
pub(crate) use settings::{
    MOST_VARIABLES, folder_project, kind_of_variable, read_change, read_new, read_variables, scope_of_variable,
};
