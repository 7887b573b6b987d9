use std::time::Duration;

use rialto_esb_center_manager::rules::registry::{Instance, Life};
use rialto_esb_center_manager::{CenterError, InstanceInput};
use serde_json::json;

use crate::world::{World, service};

fn instance(port: u16, ephemeral: bool) -> Instance {
    let told = json!({"address": "10.0.0.1", "port": port, "ephemeral": ephemeral});
    let input: InstanceInput = serde_json::from_value(told).unwrap();
    input.instance()
}

#[tokio::test]
async fn what_is_persistent_is_there_after_a_restart_and_nothing_else() {
    for world in World::on_each_engine().await {
        let (center, quote) = (&world.center, service("quote"));
        for (port, ephemeral) in [(1, true), (2, false), (3, false)] {
            let one = instance(port, ephemeral);
            center.register(&world.provider, &quote, one).await.unwrap();
        }
        let protected = center.protect(&world.provider, &quote, 0.5).await.unwrap();
        assert_eq!(protected.instances.len(), 3);
        let gone = instance(3, false).key;
        assert!(
            center
                .deregister(&world.provider, &quote, &gone)
                .await
                .unwrap()
        );
        assert!(
            !center
                .deregister(&world.provider, &quote, &gone)
                .await
                .unwrap()
        );

        let after = world.restarted().await.service(&quote, &[]);
        let ports: Vec<u16> = after.instances.iter().map(|one| one.port).collect();
        assert_eq!(ports, [2]);
        assert!(!after.instances[0].ephemeral);
        assert!((after.protection_threshold - 0.5).abs() < f64::EPSILON);
        let evidence = world.evidence().await;
        let of_instances = evidence
            .iter()
            .filter(|text| text.starts_with("esb_instance"));
        let expected = ["registered", "registered", "protected", "deregistered"];
        let expected: Vec<String> = expected
            .iter()
            .map(|e| format!("esb_instance {e}"))
            .collect();
        assert!(of_instances.eq(&expected), "{evidence:?}");
    }
}

#[tokio::test]
async fn who_may_not_or_says_nonsense_is_refused() {
    for world in World::on_each_engine().await {
        let quote = service("quote");
        let denied = world
            .center
            .register(&world.auditor, &quote, instance(1, true));
        assert!(matches!(denied.await, Err(CenterError::Denied(_))));
        let beat = world
            .center
            .beat(&world.auditor, &quote, &instance(1, true).key);
        assert!(matches!(beat, Err(CenterError::Denied(_))));
        let mut heavy = instance(1, true);
        heavy.weight = f64::NAN;
        let mut nameless = instance(1, true);
        nameless.key.address = "a b".into();
        let mut portless = instance(1, true);
        portless.key.port = 0;
        for (one, place) in [
            (heavy, "/weight"),
            (nameless, "/address"),
            (portless, "/port"),
        ] {
            let refused = world.center.register(&world.provider, &quote, one).await;
            let Err(CenterError::Invalid { pointer, .. }) = refused else {
                panic!("{place}: {refused:?}");
            };
            assert_eq!(pointer, place);
        }
        let kept = instance(1, false);
        world
            .center
            .register(&world.provider, &quote, kept)
            .await
            .unwrap();
        let turned = instance(1, true);
        assert!(matches!(turned.life, Life::Ephemeral(_)));
        let turned = world.center.register(&world.provider, &quote, turned).await;
        assert!(matches!(
            turned,
            Err(CenterError::Conflict {
                code: "E-INSTANCE-PERSISTENT",
                ..
            })
        ));
    }
}

#[tokio::test]
async fn who_watches_is_told_of_a_change_and_let_go_when_the_center_stops() {
    let world = World::on_each_engine().await.remove(0);
    let (center, quote) = (world.center.clone(), service("quote"));
    let patience = Duration::from_secs(60);
    let watching = {
        let (center, quote) = (center.clone(), quote.clone());
        tokio::spawn(async move { center.watch_service(&quote, 0, patience).await })
    };
    center
        .register(&world.provider, &quote, instance(1, true))
        .await
        .unwrap();
    let told = watching.await.unwrap();
    assert_eq!((told.revision, told.instances.len()), (1, 1));
    // The revision that is known brings nothing until something changes.
    let none = center.watch_service(&quote, 1, Duration::ZERO).await;
    assert_eq!(none.revision, 1);
    let watching = {
        let (center, quote) = (center.clone(), quote.clone());
        tokio::spawn(async move { center.watch_service(&quote, 1, patience).await })
    };
    center.stop();
    assert_eq!(watching.await.unwrap().revision, 1);
}
