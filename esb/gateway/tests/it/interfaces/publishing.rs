//! Publishes, roll-backs, restarts.

use rialto_esb_snapshot::*;
use serde_json::json;

use super::{World, publisher, route};
use crate::world::Load;

async fn in_force(world: &World) -> u64 {
    let (_, state) = world.admin("GET", "snapshot", Vec::new()).await;
    state["active"]["version"].as_u64().unwrap()
}

#[tokio::test]
async fn a_node_without_a_snapshot_says_so() {
    let world = World::empty().await;
    let answer = world.get("/open/x").await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (503, "bus-unavailable")
    );
    let (_, state) = world.admin("GET", "snapshot", Vec::new()).await;
    assert_eq!(state["active"], json!(null));
}

#[tokio::test]
async fn a_publish_is_acknowledged_and_serves() {
    let world = World::empty().await;
    let snapshot = world.snapshot(3);
    let digest = Encoded::of(&snapshot).unwrap().digest().to_owned();
    let expected = json!({"node": "n1", "environment": "test", "version": 3, "digest": digest});
    assert_eq!(
        world.publish(&snapshot).await,
        (http::StatusCode::OK, expected.clone())
    );
    assert_eq!(world.get("/open/x").await.text(), "one");
    // The same once more is the same answer.
    assert_eq!(world.publish(&snapshot).await.1, expected);
}

#[tokio::test]
async fn what_does_not_hold_is_refused_and_the_old_one_serves() {
    let world = World::start().await;
    let signed = |snapshot: &Snapshot| Encoded::of(snapshot).unwrap().sign(&publisher());
    let mut damaged = signed(&world.snapshot(2));
    let at = damaged.len() - 10;
    damaged[at] ^= 1;
    let other = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
    let foreign = Encoded::of(&world.snapshot(2)).unwrap().sign(&other);
    let mut elsewhere = world.snapshot(2);
    elsewhere.environment = "prod".to_owned();
    let mut changed = world.snapshot(1);
    changed.author = "somebody else".to_owned();
    let mut former = world.snapshot(2);
    former.token.epoch = 0;
    let mut dangling = world.snapshot(2);
    dangling.routes[0].policy = "none".to_owned();
    for (what, bytes, status, code) in [
        ("damaged", damaged, 422, "snapshot-damaged"),
        ("foreign", foreign, 403, "snapshot-signature"),
        ("elsewhere", signed(&elsewhere), 409, "snapshot-environment"),
        ("the version again", signed(&changed), 409, "snapshot-older"),
        ("of a former leader", signed(&former), 409, "snapshot-older"),
        ("dangling", signed(&dangling), 422, "snapshot-invalid"),
        ("no snapshot", b"nonsense".to_vec(), 422, "snapshot-invalid"),
    ] {
        let (got, problem) = world.admin("PUT", "snapshot", bytes).await;
        assert_eq!(
            (got.as_u16(), problem["code"].as_str().unwrap()),
            (status, code),
            "{what}: {problem}"
        );
        if what == "dangling" {
            assert_eq!(problem["errors"][0]["pointer"], "/routes/0/policy");
        }
        assert_eq!(in_force(&world).await, 1, "{what}");
        assert_eq!(world.get("/open/x").await.text(), "one", "{what}");
    }
}

#[tokio::test]
async fn a_snapshot_whose_secrets_do_not_open_is_refused() {
    let world = World::start().await;
    let mut snapshot = world.snapshot(2);
    let stranger = GroupKey::new([1; 32]);
    snapshot.credentials.push(Credential {
        id: "h1".to_owned(),
        application: "otc".to_owned(),
        not_after: None,
        kind: CredentialKind::Hmac {
            sealed: rialto_esb_sealing::seal(&stranger, "h1", b"secret").unwrap(),
        },
    });
    let (status, problem) = world.publish(&snapshot).await;
    assert_eq!(status, 422);
    assert!(
        problem["detail"].as_str().unwrap().contains("group key"),
        "{problem}"
    );
}

#[tokio::test]
async fn rules_that_cannot_be_compiled_are_refused_and_the_old_snapshot_serves() {
    let world = World::start().await;
    let mut snapshot = world.snapshot(2);
    let slow = "{\"body\":{\"required\":true,\"media\":[[\"application/json\",{\"pattern\":\"(?<=a)b\"}]]}}";
    super::validating::validate(&mut snapshot, slow, Mode::Enforce, Mode::Off);
    let (status, problem) = world.publish(&snapshot).await;
    assert_eq!(status, 422);
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("route open") && detail.contains("(?<=a)b"),
        "{problem}"
    );
    snapshot.schemas.clear();
    let (status, problem) = world.publish(&snapshot).await;
    assert_eq!(status, 422);
    assert_eq!(
        problem["errors"][0]["pointer"], "/routes/0/validation/rules",
        "{problem}"
    );
    assert_eq!(world.get("/open/x").await.status, 200);
}

#[tokio::test]
async fn a_roll_back_goes_to_an_earlier_version_and_stays_through_a_restart() {
    let mut world = World::start().await;
    for version in 2..=3 {
        let mut snapshot = world.snapshot(version);
        let path = format!("/v{version}-only/{{*rest}}");
        snapshot.routes.push(route("more", &path, "open"));
        assert_eq!(world.publish(&snapshot).await.0, 200);
    }
    assert_eq!(world.get("/v3-only/x").await.status, 200);
    // The one before comes from memory, the one before that from disk.
    for to in [2, 1] {
        let (status, answer) = world.roll_back(None).await;
        assert_eq!(
            (status.as_u16(), answer["version"].as_u64()),
            (200, Some(to)),
            "{answer}"
        );
        let answer = world.get("/v2-only/x").await.status;
        assert_eq!(answer, if to == 2 { 200 } else { 404 });
    }
    assert_eq!(world.roll_back(None).await.0, 409);
    world = world.restarted().await;
    assert_eq!(in_force(&world).await, 1);
    let (status, problem) = world.publish(&world.snapshot(3)).await;
    assert_eq!(
        (status.as_u16(), problem["code"].as_str()),
        (409, Some("snapshot-older"))
    );
    assert_eq!(world.roll_back(Some(3)).await.0, 200);
    assert_eq!(world.get("/v3-only/x").await.status, 200);
    assert_eq!(world.publish(&world.snapshot(4)).await.0, 200);
    assert_eq!(in_force(&world).await, 4);
}

#[tokio::test]
async fn a_damaged_newest_snapshot_gives_way_to_the_one_before() {
    let world = World::start().await;
    assert_eq!(world.publish(&world.snapshot(2)).await.0, 200);
    let folder = world.folder.path().join("snapshots");
    let newest = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "snapshot"))
        .max()
        .unwrap();
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&newest, bytes).unwrap();
    let world = world.restarted().await;
    assert_eq!(in_force(&world).await, 1);
    assert_eq!(world.get("/open/x").await.text(), "one");
    // What was taken once is not published again.
    assert_eq!(world.publish(&world.snapshot(2)).await.0, 409);
    assert_eq!(world.publish(&world.snapshot(3)).await.0, 200);
}

#[tokio::test]
async fn old_snapshots_are_thrown_away() {
    let world = World::start().await;
    for version in 2..=9 {
        assert_eq!(world.publish(&world.snapshot(version)).await.0, 200);
    }
    let (_, state) = world.admin("GET", "snapshot", Vec::new()).await;
    assert_eq!(state["kept"], json!([9, 8, 7, 6, 5]));
}

#[tokio::test]
async fn of_two_publishes_at_once_one_is_taken_whole() {
    let world = World::start().await;
    let mut other = world.snapshot(2);
    other.author = "the other".to_owned();
    let first = world.snapshot(2);
    let (a, b) = tokio::join!(world.publish(&first), world.publish(&other));
    let mut statuses = [a.0.as_u16(), b.0.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let taken = if a.0 == 200 { &first } else { &other };
    let (_, state) = world.admin("GET", "snapshot", Vec::new()).await;
    assert_eq!(
        state["active"]["digest"],
        Encoded::of(taken).unwrap().digest()
    );
}

#[tokio::test]
async fn publishes_and_roll_backs_under_load_fail_no_request() {
    let world = World::start().await;
    let load = Load::start(world.address(), "/open/x", 4);
    for version in 2..=12 {
        assert_eq!(world.publish(&world.snapshot(version)).await.0, 200);
        if version % 3 == 0 {
            assert_eq!(world.roll_back(None).await.0, 200);
        }
    }
    let (count, failures) = load.end().await;
    assert!(count > 0 && failures.is_empty(), "{count}: {failures:?}");
}

#[tokio::test]
async fn what_is_made_ready_is_served_only_once_it_is_published() {
    let world = World::start().await;
    let mut next = world.snapshot(2);
    next.routes.push(route("new", "/new/{*rest}", "open"));
    let signed = Encoded::of(&next).unwrap().sign(&publisher());
    let ready = || world.admin("PUT", "snapshot/ready", signed.clone());
    let (status, told) = ready().await;
    assert_eq!(
        (status.as_u16(), &told["version"]),
        (200, &json!(2)),
        "{told}"
    );
    assert_eq!(world.get("/new/x").await.status, 404);
    let (_, state) = world.admin("GET", "snapshot", Vec::new()).await;
    assert_eq!(
        (&state["active"]["version"], &state["highest"]),
        (&json!(1), &json!(1))
    );
    // Another one of that number may be published instead.
    let (status, _) = world.publish(&world.snapshot(2)).await;
    assert_eq!(status, 200);
    assert_eq!(world.get("/new/x").await.status, 404);
    let (status, told) = ready().await;
    assert_eq!(
        (status.as_u16(), &told["code"]),
        (409, &json!("snapshot-older"))
    );
    next.version = 3;
    let signed = Encoded::of(&next).unwrap().sign(&publisher());
    let (status, _) = world.admin("PUT", "snapshot/ready", signed.clone()).await;
    assert_eq!(status, 200);
    let (status, _) = world.admin("PUT", "snapshot", signed).await;
    assert_eq!(
        (status.as_u16(), world.get("/new/x").await.status.as_u16()),
        (200, 200)
    );
    // What does not hold is told before anything is in force.
    next.version = 4;
    next.routes[0].policy = "none".to_owned();
    let signed = Encoded::of(&next).unwrap().sign(&publisher());
    let (status, told) = world.admin("PUT", "snapshot/ready", signed).await;
    assert_eq!(status, 422, "{told}");
    assert_eq!(world.get("/new/x").await.status, 200);
}
