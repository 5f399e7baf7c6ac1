//! `berth.toml`: the services of a project as its repository declares them. What it does not say is detected.
//!
//! - [`document`]: the text with its positions, and how an error names one;
//! - [`service`]: the keys of a service and what they may hold;
//! - [`plan`]: services become a plan; [`routes`]: which of them answers where.
//!
//! For people: `docs/berth-toml.md`; for editors: `docs/berth.schema.json`.

mod document;
mod plan;
mod routes;
mod service;

use berth_model::{Failure, FailureCode};

use super::ProjectSettings;
use super::folder::join;
use super::wanted::By;
use crate::Checkout;
use document::Document;
use service::Service;

pub(super) use plan::plan;

/// As many services has a project at most: each is built and run.
const MOST_SERVICES: usize = 20;

/// What a `berth.toml` declares.
pub(super) struct Declaration {
    document: Document,
    /// The directory that its paths begin at.
    directory: String,
    /// In the order of the file.
    services: Vec<Service>,
}

/// The declaration in the project's directory, or at the top of the repository.
///
/// # Errors
/// In words, with the line and the column of what is wrong.
pub(super) fn find(checkout: &Checkout, settings: &ProjectSettings) -> Result<Option<Declaration>, Failure> {
    let root = settings.root_directory.as_ref().map_or("", |root| root.as_str());
    let Some(directory) = [root, ""].into_iter().find(|directory| checkout.has_file(&join(directory, By::FILE))) else {
        return Ok(None);
    };
    let path = join(directory, By::FILE);
    let text = checkout.text(&path).ok_or_else(|| {
        let why = "It is a link, is not text, or is larger than 4 MiB. Commit it as a plain file.";
        Failure::new(FailureCode::BadRepository, format!("{path} cannot be read"), why)
    })?;
    read(path, directory, &text).map(Some)
}

fn read(path: String, directory: &str, text: &str) -> Result<Declaration, Failure> {
    let document = Document::new(path, text);
    let services = service::services(&document, text)?;
    Ok(Declaration { document, directory: directory.to_owned(), services })
}

#[cfg(test)]
mod tests;
