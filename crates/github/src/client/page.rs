//! Lists come in pages; an answer's `Link` header says whether there is another.

use berth_secrets::SecretString;
use http::{HeaderMap, Method, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Github, GithubError, PAGE, read};

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The number of the page after it, if there is one.
    pub next: Option<u32>,
}

impl<T> Default for Page<T> {
    fn default() -> Self {
        Self { items: Vec::new(), next: None }
    }
}

#[derive(Deserialize)]
struct Found<T> {
    items: Vec<T>,
}

impl Github {
    /// A page of a list; `path` ends where more of the query can follow.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        page: u32,
    ) -> Result<Page<T>, GithubError> {
        let answer = self.send(token, Method::GET, &format!("{path}per_page={PAGE}&page={page}"), None).await?;
        let next = has_next(answer.headers()).then(|| page.saturating_add(1));
        Ok(Page { items: read(answer).await?, next })
    }

    /// A page of what a search found.
    pub(super) async fn search<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &str,
        page: u32,
    ) -> Result<Page<T>, GithubError> {
        let answer = self.send(token, Method::GET, &format!("{path}per_page={PAGE}&page={page}"), None).await?;
        let next = has_next(answer.headers()).then(|| page.saturating_add(1));
        Ok(Page { items: read::<Found<T>>(answer).await?.items, next })
    }
}

/// The addresses in the header are GitHub's own words; that there is one is all that is taken.
fn has_next(headers: &HeaderMap) -> bool {
    let links = headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok());
    links.flat_map(|links| links.split(',')).any(|link| link.contains("rel=\"next\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_announced() {
        let headers = |link: &str| HeaderMap::from_iter([(header::LINK, link.parse().unwrap())]);
        let first = r#"<https://api.github.test/user/orgs?page=2>; rel="next", <https://api.github.test/user/orgs?page=5>; rel="last""#;
        assert!(has_next(&headers(first)));
        assert!(!has_next(&headers(r#"<https://api.github.test/user/orgs?page=1>; rel="prev""#)));
        assert!(!has_next(&HeaderMap::new()));
    }
}
