//! A book of fifty thousand trades.

use std::time::Instant;

use rialto_otc_store::trade::{self, TradeRow};

use crate::world::{Calls, World, snowball};

/// Rows as the desk would write them, without chains: a page must not need them.
async fn fill(world: &World, count: i64) {
    let mut tx = world.db.begin().await.unwrap();
    let statuses = ["live", "live", "live", "closed", "settling"];
    for no in 1..=count {
        let id = format!("BULK-{no:06}");
        let day = format!("20{:02}-{:02}-{:02}", 24 + no % 4, 1 + no % 12, 1 + no % 28);
        let row = TradeRow {
            search: format!("{}\nsnowball\nfund {}", id.to_lowercase(), no % 97),
            trade_id: id,
            // Beyond the numbers the desk gives.
            no: 1_000_000 + no,
            product: "snowball".into(),
            title_en: "snowball on XSHG:000905".into(),
            title_zh: "雪球 XSHG:000905".into(),
            underlying: ["XSHG:000905", "XSHG:000852", "XSHG:000300"][(no % 3) as usize].into(),
            counterparty: format!("Fund {}", no % 97),
            direction: "house_sells".into(),
            notional: (no * 10_000).to_string(),
            notional_cents: no * 1_000_000,
            currency: "CNY".into(),
            start_date: "2024-03-11".into(),
            end_date: day.clone(),
            status: statuses[(no % 5) as usize].into(),
            flags: String::new(),
            version: 4,
            contract_version: 1,
            next_date: day,
            observed_to: "2024-03-11".into(),
            outcome: String::new(),
            quote_id: None,
            open_approval: None,
            pv: None,
            pv_as_of: None,
            seq: 1,
            head: "0".repeat(64),
            created_by: "t".into(),
            created_at: no,
            updated_at: no,
        };
        trade::insert(&mut tx, &row).await.unwrap();
    }
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn a_page_of_fifty_thousand_trades_is_one_query() {
    for world in World::on_each_engine(&Calls::default()).await {
        let began = Instant::now();
        fill(&world, 50_000).await;
        let engine = world.db.engine();
        println!("{engine}: 50,000 rows written in {:?}", began.elapsed());
        // None of the trades has an event: whatever folds a chain fails here.
        for query in [
            "page_size=200",
            "sort=-notional&page_size=200",
            "sort=next_observation&status=live&page_size=200",
            "underlying=XSHG:000852&sort=-updated_at&page_size=200",
            "counterparty=Fund%2013&page_size=200",
            "q=bulk-0499&page_size=200",
        ] {
            let began = Instant::now();
            let page = world
                .get(&world.auditor, &format!("/trades?{query}"))
                .await
                .is(200);
            let took = began.elapsed();
            let rows = page["items"].as_array().unwrap().len();
            println!("{engine}: {rows} rows in {took:?}: {query}");
            assert!(rows >= 100, "{query}: {rows}");
            let total: i64 = page["counts"]
                .as_object()
                .unwrap()
                .values()
                .map(|n| n.as_i64().unwrap())
                .sum();
            assert_eq!(total, 50_000);
        }
        let mut path = "/trades?sort=end&page_size=500".to_owned();
        let (mut seen, mut last) = (0, String::new());
        let began = Instant::now();
        for _ in 0..10 {
            let page = world.get(&world.auditor, &path).await.is(200);
            for row in page["items"].as_array().unwrap() {
                let end = row["end"].as_str().unwrap();
                assert!(end >= last.as_str());
                end.clone_into(&mut last);
                seen += 1;
            }
            let token = page["next_page_token"].as_str().unwrap();
            path = format!("/trades?sort=end&page_size=500&page_token={token}");
        }
        println!("{engine}: {seen} rows in 10 pages in {:?}", began.elapsed());
        let sheet = serde_json::json!({"terms": snowball("AFTER")});
        let made = world.post(&world.trader, "/trades", sheet).await.is(201);
        assert_eq!(made["status"], "draft");
    }
}
