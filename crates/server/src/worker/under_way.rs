//! Tasks of a worker, each known by what it is about. One that panics gives that back like any other.

use std::collections::HashMap;
use std::future::Future;

use tokio::task::{Id, JoinError, JoinSet};

/// Tasks that are under way; dropping this ends them.
pub(super) struct UnderWay<K, T> {
    tasks: JoinSet<T>,
    about: HashMap<Id, K>,
}

impl<K: PartialEq, T: Send + 'static> UnderWay<K, T> {
    pub(super) fn new() -> Self {
        Self { tasks: JoinSet::new(), about: HashMap::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.about.len()
    }

    /// What those are about that are under way.
    pub(super) fn all(&self) -> impl Iterator<Item = &K> {
        self.about.values()
    }

    pub(super) fn is_about(&self, key: &K) -> bool {
        self.about.values().any(|other| other == key)
    }

    pub(super) fn begin(&mut self, key: K, task: impl Future<Output = T> + Send + 'static) {
        self.about.insert(self.tasks.spawn(task).id(), key);
    }

    /// What the next one to end was about, and what came of it; `None`: none is under way.
    pub(super) async fn next(&mut self) -> Option<(K, Result<T, JoinError>)> {
        let ended = self.tasks.join_next_with_id().await?;
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let key = self.about.remove(&id)?;
        Some((key, ended.map(|(_, came)| came)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_panics_is_no_longer_under_way() {
        let mut under_way = UnderWay::new();
        under_way.begin("shop", async { panic!("as a test") });
        assert!(under_way.is_about(&"shop"));
        let (key, came) = under_way.next().await.unwrap();
        assert!(key == "shop" && came.is_err_and(|error| error.is_panic()));
        assert!(!under_way.is_about(&"shop") && under_way.len() == 0);
        under_way.begin("docs", async {});
        assert!(under_way.next().await.is_some_and(|(key, came)| key == "docs" && came.is_ok()));
        assert!(under_way.next().await.is_none());
    }
}
