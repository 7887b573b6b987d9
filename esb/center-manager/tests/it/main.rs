//! The tables and services on both engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::too_many_lines,
    reason = "a story is told in one piece, in its order"
)]

mod configs;
mod services;
mod world;

use rialto_esb_center_manager::{MIGRATIONS, STATEMENTS};
use rialto_platform_store::testing::{engines, explain_all};

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    for db in engines(&[MIGRATIONS]).await {
        explain_all(&db, STATEMENTS).await;
    }
}
