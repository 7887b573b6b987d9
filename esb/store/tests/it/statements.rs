use rialto_esb_store::{MIGRATIONS, anywhere, statements};
use rialto_platform_store::testing::{engines, explain_all};

#[tokio::test]
async fn every_statement_is_understood_by_both_engines() {
    for db in engines(&[MIGRATIONS]).await {
        explain_all(&db, &statements()).await;
    }
}

#[test]
fn what_people_type_is_no_pattern() {
    assert_eq!(anywhere("  "), None);
    assert_eq!(anywhere("50%_A!").as_deref(), Some("%50!%!_a!!%"));
}
