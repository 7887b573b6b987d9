//! Lists as they are answered.

use serde::Serialize;

/// One page of a list.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// Give it as `page_token` for the next page; null on the last one.
    pub next_page_token: Option<String>,
}

impl<T> Page<T> {
    /// A list that is always answered whole.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next_page_token: None,
        }
    }
}

/// A list without pages.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Items<T> {
    /// All rows.
    pub items: Vec<T>,
}
