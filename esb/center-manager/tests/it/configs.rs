use std::time::Duration;

use rialto_esb_center_manager::rules::config::{Client, md5};
use rialto_esb_center_manager::{CenterError, GreyInput, ItemInput, Publication};
use serde_json::json;

use crate::world::{World, item};

fn input(kind: &str, content: &str, secret: bool) -> ItemInput {
    let told = json!({"type": kind, "content": content, "secret": secret, "reason": "for a test"});
    serde_json::from_value(told).unwrap()
}

#[tokio::test]
async fn an_item_is_written_changed_rolled_back_and_removed_with_who_and_why() {
    for world in World::on_each_engine().await {
        let (center, who, key) = (&world.center, &world.provider, item("limits.json"));
        let first = input("json", "{\"a\": 1}", false);
        let made = center.create_item(who, &key, &first).await.unwrap();
        assert_eq!(
            (made.summary.revision, made.md5.as_deref()),
            (1, Some(md5("{\"a\": 1}").as_str()))
        );
        let again = center.create_item(who, &key, &first).await;
        assert!(matches!(
            again,
            Err(CenterError::Conflict {
                code: "E-CONFIG-THERE",
                ..
            })
        ));
        let broken = input("json", "{\"a\": }", false);
        let broken = center.update_item(who, &key, Some(1), &broken).await;
        assert!(
            matches!(&broken, Err(CenterError::Invalid { pointer, .. }) if pointer == "/content")
        );
        let same = center
            .update_item(who, &key, Some(1), &first)
            .await
            .unwrap();
        assert_eq!(same.summary.revision, 1);
        let second = input("json", "{\"a\": 2}", false);
        assert_eq!(
            center
                .update_item(who, &key, Some(1), &second)
                .await
                .unwrap()
                .summary
                .revision,
            2
        );
        let stale = center.update_item(who, &key, Some(1), &first).await;
        assert!(matches!(stale, Err(CenterError::Stale { revision: 2 })));
        let back = center
            .roll_back(who, &key, Some(2), (1, "wrong limit"))
            .await
            .unwrap();
        assert_eq!(
            (back.summary.revision, back.content.as_deref()),
            (3, Some("{\"a\": 1}"))
        );
        let denied = center.remove_item(&world.auditor, &key, None, "no").await;
        assert!(matches!(denied, Err(CenterError::Denied(_))));
        center
            .remove_item(who, &key, Some(3), "over")
            .await
            .unwrap();
        assert!(matches!(
            center.item(who, &key),
            Err(CenterError::NotFound { .. })
        ));
        let history = center.history(who, &key, None, 9).await.unwrap();
        let told: Vec<String> = history
            .iter()
            .map(|one| {
                format!(
                    "{} {} {} {}",
                    one.revision, one.event, one.actor, one.reason
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "4 removed provider over",
                "3 rolled_back provider wrong limit",
                "2 changed provider for a test",
                "1 created provider for a test",
            ]
        );
        // The numbers go on: no client takes a new item for one it has seen.
        assert_eq!(
            center
                .create_item(who, &key, &first)
                .await
                .unwrap()
                .summary
                .revision,
            5
        );
        let evidence = world.evidence().await;
        assert_eq!(
            evidence
                .iter()
                .filter(|one| one.starts_with("esb_config "))
                .count(),
            5
        );
        let after = world.restarted().await;
        assert_eq!(
            after.item(who, &key).unwrap(),
            center.item(who, &key).unwrap()
        );
    }
}

#[tokio::test]
async fn a_secret_is_sealed_at_rest_and_shown_by_right_only() {
    for world in World::on_each_engine().await {
        let (center, key) = (&world.center, item("db.properties"));
        let secret = input("properties", "password=hunter2", true);
        let made = center
            .create_item(&world.provider, &key, &secret)
            .await
            .unwrap();
        assert_eq!(made.content.as_deref(), Some("password=hunter2"));
        let rows: Vec<(String,)> = world
            .db
            .fetch_all(
                "SELECT content FROM esb_config UNION ALL SELECT content FROM esb_config_history
                 UNION ALL SELECT record FROM evidence_record",
                rialto_platform_store::params![],
            )
            .await
            .unwrap();
        assert!(rows.len() >= 3 && rows.iter().all(|(text,)| !text.contains("hunter2")));
        let seen = center.item(&world.auditor, &key).unwrap();
        assert_eq!((seen.content, seen.md5), (None, None));
        let client = Client::default();
        let denied = center.content(&world.auditor, &key, &client);
        assert!(matches!(denied, Err(CenterError::Denied(_))));
        // Published again without saying so, it stays secret.
        let new = Publication {
            kind: None,
            content: "password=hunter3".into(),
            reason: "rotated".into(),
        };
        center.publish(&world.provider, &key, &new).await.unwrap();
        let now = world.restarted().await;
        let seen = now
            .content(&world.provider, &key, &client)
            .unwrap()
            .unwrap();
        assert_eq!(seen.content.as_deref(), Some("password=hunter3"));
        assert!(now.item(&world.auditor, &key).unwrap().summary.secret);
        let history = now.history(&world.auditor, &key, None, 9).await.unwrap();
        assert!(history.len() == 2 && history.iter().all(|one| one.content.is_none()));
        let back = center
            .roll_back(&world.provider, &key, None, (1, "back"))
            .await
            .unwrap();
        assert_eq!(back.content.as_deref(), Some("password=hunter2"));
    }
}

fn grey(content: &str) -> GreyInput {
    let told = json!({"addresses": ["10.0.0.0/24"], "labels": {"zone": ["sh"]},
        "content": content, "reason": "try it"});
    serde_json::from_value(told).unwrap()
}

#[tokio::test]
async fn a_grey_release_is_for_some_until_it_is_for_all_or_for_none() {
    for world in World::on_each_engine().await {
        let (center, who, key) = (&world.center, &world.provider, item("flags.yaml"));
        center
            .create_item(who, &key, &input("yaml", "on: false", false))
            .await
            .unwrap();
        let content = |address: &str, labels: &str| {
            let seen = center
                .content(who, &key, &Client::new(address, labels))
                .unwrap()
                .unwrap();
            (seen.content.unwrap(), seen.grey)
        };
        let (old, new) = (
            ("on: false".to_owned(), false),
            ("on: true".to_owned(), true),
        );
        let nobody = GreyInput {
            addresses: vec![],
            labels: Default::default(),
            ..grey("on: true")
        };
        let refused = center.start_grey(who, &key, None, &nobody).await;
        assert!(matches!(refused, Err(CenterError::Invalid { .. })));
        center
            .start_grey(who, &key, Some(1), &grey("on: true"))
            .await
            .unwrap();
        assert_eq!(content("10.0.0.9", ""), new);
        assert_eq!(content("10.0.1.9", "zone=sh"), new);
        assert_eq!(content("10.0.1.9", "zone=bj"), old);
        center
            .end_grey(who, &key, Some(2), (false, "does not work"))
            .await
            .unwrap();
        assert_eq!(content("10.0.0.9", ""), old);
        let none = center.end_grey(who, &key, None, (true, "x")).await;
        assert!(matches!(
            none,
            Err(CenterError::Conflict {
                code: "E-NO-GREY-RELEASE",
                ..
            })
        ));
        center
            .start_grey(who, &key, None, &grey("on: true"))
            .await
            .unwrap();
        center
            .end_grey(who, &key, None, (true, "works"))
            .await
            .unwrap();
        assert_eq!(content("192.0.2.1", ""), ("on: true".to_owned(), false));
    }
}

#[tokio::test]
async fn who_listens_is_told_of_what_changed_for_him() {
    let world = World::on_each_engine().await.remove(0);
    let (center, who) = (world.center.clone(), world.provider.clone());
    let (a, b) = (item("a"), item("b"));
    center
        .create_item(&who, &a, &input("text", "1", false))
        .await
        .unwrap();
    let listened = vec![(a.clone(), md5("1")), (b.clone(), String::new())];
    let client = Client::new("192.0.2.1", "");
    let none = center
        .watch_items(&who, &listened, &client, Duration::ZERO)
        .await;
    assert_eq!(none, [0_usize; 0]);
    let watching = {
        let (center, who) = (center.clone(), who.clone());
        let patience = Duration::from_secs(60);
        tokio::spawn(async move { center.watch_items(&who, &listened, &client, patience).await })
    };
    // A grey release for others is no change for this client.
    center.start_grey(&who, &a, None, &grey("2")).await.unwrap();
    center
        .create_item(&who, &b, &input("text", "x", false))
        .await
        .unwrap();
    assert_eq!(watching.await.unwrap(), [1]);
}
