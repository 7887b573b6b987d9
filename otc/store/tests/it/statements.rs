use rialto_otc_store::{MIGRATIONS, statements};
use rialto_platform_store::testing::{engines, explain_all};

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    for db in engines(&[MIGRATIONS]).await {
        explain_all(&db, &statements()).await;
    }
}
