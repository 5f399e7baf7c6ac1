//! The branches of a repository.

use berth_secrets::SecretString;
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use super::{Github, GithubError, Page, repository_path};

/// A branch in a list.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Its name, without `refs/heads/`.
    pub name: String,
    /// The commit that it is at.
    pub head: String,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    commit: Commit,
}

#[derive(Deserialize)]
struct Matching {
    #[serde(rename = "ref")]
    reference: String,
    object: Commit,
}

#[derive(Deserialize)]
struct Commit {
    sha: String,
}

impl Github {
    /// A page of a repository's branches, by name.
    pub async fn branches(
        &self,
        token: &SecretString,
        (owner, name): (&str, &str),
        page: u32,
    ) -> Result<Page<Branch>, GithubError> {
        let path = format!("{}/branches?", repository_path(owner, name)?);
        let Page { items, next } = self.page::<Listed>(token, &path, page).await?;
        let items = items.into_iter().map(|Listed { name, commit }| Branch { name, head: commit.sha });
        Ok(Page { items: items.collect(), next })
    }

    /// A page of the branches whose names begin so.
    pub async fn branches_beginning(
        &self,
        token: &SecretString,
        (owner, name): (&str, &str),
        beginning: &str,
        page: u32,
    ) -> Result<Page<Branch>, GithubError> {
        // No part of a branch's name begins with a dot; in an address it would lead elsewhere.
        if beginning.split('/').any(|part| part.starts_with('.')) || beginning.contains(|c: char| c.is_whitespace()) {
            return Ok(Page::default());
        }
        let parts: Vec<String> = beginning.split('/').map(|part| byte_serialize(part.as_bytes()).collect()).collect();
        let path = format!("{}/git/matching-refs/heads/{}?", repository_path(owner, name)?, parts.join("/"));
        let Page { items, next } = self.page::<Matching>(token, &path, page).await?;
        let named = items.into_iter().filter_map(|Matching { reference, object }| {
            Some(Branch { name: reference.strip_prefix("refs/heads/")?.to_owned(), head: object.sha })
        });
        Ok(Page { items: named.collect(), next })
    }
}
