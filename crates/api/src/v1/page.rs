//! How much of a list a request asks for.

use serde::Deserialize;
use utoipa::IntoParams;

/// A page of a list, newest first.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Page {
    /// At most 100; 20 if absent.
    limit: Option<u32>,
    /// Only what is older than this id.
    pub(super) before: Option<i64>,
}

impl Page {
    pub(super) fn rows(&self) -> u32 {
        rows(self.limit)
    }
}

/// Rows of a page.
pub(super) fn rows(limit: Option<u32>) -> u32 {
    limit.unwrap_or(20).clamp(1, 100)
}
