//! Reading from a transaction or from the database with the same functions.

use std::future::Future;

use crate::{Db, Params, Row, StoreError, Tx};

/// Something rows can be read from: `&mut tx`, or `&mut &db`.
pub trait Reader: Send {
    /// All rows.
    fn all<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> impl Future<Output = Result<Vec<T>, StoreError>> + Send;

    /// The first row, if any.
    fn optional<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> impl Future<Output = Result<Option<T>, StoreError>> + Send;
}

impl Reader for Tx<'_> {
    async fn all<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> Result<Vec<T>, StoreError> {
        self.fetch_all(sql, params).await
    }

    async fn optional<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> Result<Option<T>, StoreError> {
        self.fetch_optional(sql, params).await
    }
}

impl Reader for &Db {
    async fn all<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> Result<Vec<T>, StoreError> {
        Db::fetch_all(self, sql, params).await
    }

    async fn optional<T: Row>(
        &mut self,
        sql: &'static str,
        params: Params,
    ) -> Result<Option<T>, StoreError> {
        Db::fetch_optional(self, sql, params).await
    }
}
