use proptest::prelude::*;

use super::*;

fn service() -> ServiceKey {
    ServiceKey {
        namespace: "public".into(),
        group: "DEFAULT_GROUP".into(),
        name: "quote".into(),
    }
}

fn key(port: u16) -> InstanceKey {
    InstanceKey {
        address: "10.0.0.1".into(),
        port,
        cluster: "DEFAULT".into(),
    }
}

fn instance(port: u16, life: Life) -> Instance {
    Instance {
        key: key(port),
        weight: 1.0,
        zone: String::new(),
        metadata: BTreeMap::new(),
        enabled: true,
        life,
    }
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn nacos(port: u16) -> Instance {
    instance(port, Life::Ephemeral(Beats::NACOS))
}

#[test]
fn a_silent_instance_is_unhealthy_after_15_seconds_and_gone_after_30() {
    let mut registry = Registry::default();
    assert_eq!(registry.register(&service(), nacos(1), at(0)), Ok(true));
    let healthy = |registry: &Registry| {
        let seen = registry.list(&service(), &[], at(0)).instances;
        seen.first().map(|one| one.healthy)
    };
    let sweep_at = [
        (14, Some(true)),
        (15, Some(false)),
        (29, Some(false)),
        (30, None),
    ];
    for (second, expected) in sweep_at {
        registry.sweep(at(second));
        assert_eq!(healthy(&registry), expected, "{second}");
    }
    assert_eq!(registry.beat(&service(), &key(1), at(31)), None);
}

#[test]
fn a_beat_heals_and_is_no_change_for_one_that_is_healthy() {
    let mut registry = Registry::default();
    registry.register(&service(), nacos(1), at(0)).unwrap();
    let before = registry.list(&service(), &[], at(0)).revision;
    assert_eq!(registry.beat(&service(), &key(1), at(5)), Some(false));
    assert_eq!(registry.register(&service(), nacos(1), at(6)), Ok(false));
    assert_eq!(registry.list(&service(), &[], at(6)).revision, before);
    assert!(registry.sweep(at(21)));
    assert_eq!(registry.beat(&service(), &key(1), at(22)), Some(true));
    assert!(registry.list(&service(), &[], at(22)).revision > before);
}

#[test]
fn a_persistent_instance_stays_as_it_was_said_to_be() {
    let mut registry = Registry::default();
    let sick = instance(1, Life::Persistent { healthy: false });
    registry.register(&service(), sick, at(0)).unwrap();
    registry.sweep(at(1_000_000));
    registry.beat(&service(), &key(1), at(1_000_001));
    let listing = registry.list(&service(), &[], at(1_000_001));
    assert_eq!(listing.instances.len(), 1);
    assert!(!listing.instances[0].healthy);
    assert!(listing.usable(true).instances.is_empty());
}

#[test]
fn below_the_threshold_all_that_are_enabled_are_given_out() {
    let mut registry = Registry::default();
    for port in 1..=4 {
        let life = Life::Persistent { healthy: port == 1 };
        let mut one = instance(port, life);
        one.enabled = port != 4;
        registry.register(&service(), one, at(0)).unwrap();
    }
    let ports = |registry: &Registry, healthy_only| {
        let listing = registry.list(&service(), &[], at(0)).usable(healthy_only);
        let ports = listing.instances.iter().map(|one| one.instance.key.port);
        ports.collect::<Vec<_>>()
    };
    assert_eq!(ports(&registry, true), [1]);
    assert_eq!(ports(&registry, false), [1, 2, 3]);
    registry.protect(&service(), 0.34, at(0)).unwrap();
    assert_eq!(ports(&registry, true), [1, 2, 3]);
    registry.protect(&service(), 0.33, at(0)).unwrap();
    assert_eq!(ports(&registry, true), [1]);
}

#[test]
fn clusters_are_told_apart() {
    let mut registry = Registry::default();
    for (port, cluster) in [(1, "A"), (2, "B"), (3, "A")] {
        let mut one = nacos(port);
        one.key.cluster = cluster.into();
        registry.register(&service(), one, at(0)).unwrap();
    }
    let count = |clusters: &[&str]| registry.list(&service(), clusters, at(0)).instances.len();
    assert_eq!(
        (count(&[]), count(&["A"]), count(&["A", "B"]), count(&["C"])),
        (3, 2, 3, 0)
    );
}

#[test]
fn when_more_than_half_fall_silent_at_once_none_is_removed() {
    let mut registry = Registry::default();
    for port in 1..=4 {
        registry.register(&service(), nacos(port), at(0)).unwrap();
    }
    registry.beat(&service(), &key(1), at(29));
    registry.sweep(at(30));
    let listing = registry.list(&service(), &[], at(30));
    assert!(listing.frozen);
    assert_eq!(listing.instances.len(), 4);
    for port in 2..=3 {
        registry.beat(&service(), &key(port), at(31));
    }
    registry.sweep(at(32));
    let listing = registry.list(&service(), &[], at(32));
    assert!(!listing.frozen);
    assert_eq!(listing.instances.len(), 3);
}

#[test]
fn an_empty_service_is_forgotten_unless_something_is_set_for_it() {
    let mut registry = Registry::default();
    let mut other = service();
    other.name = "trade".into();
    for key in [service(), other.clone()] {
        registry.register(&key, nacos(1), at(0)).unwrap();
        assert!(registry.deregister(&key, &self::key(1), at(1)).is_some());
    }
    registry.protect(&other, 0.5, at(1)).unwrap();
    registry.sweep(at(10));
    assert_eq!(registry.services("public", None, 9).len(), 2);
    registry.sweep(at(11));
    assert_eq!(registry.services("public", None, 9), [(other, 0, 0)]);
    assert_eq!(registry.list(&service(), &[], at(11)).revision, 0);
}

/// What is known of an instance, found by looking at everything.
#[derive(Debug, Clone)]
struct Simple {
    port: u16,
    heard: u64,
    healthy: bool,
}

#[derive(Debug, Clone)]
enum Step {
    Register(u16),
    Beat(u16),
    Deregister(u16),
    Sweep,
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let port = 1_u16..6;
    let step = prop_oneof![
        3 => port.clone().prop_map(Step::Register),
        4 => port.clone().prop_map(Step::Beat),
        1 => port.prop_map(Step::Deregister),
        4 => Just(Step::Sweep),
        4 => (0_u64..20).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 0..60)
}

/// The rules once more, over a plain list.
fn simple_sweep(list: &mut Vec<Simple>, removed: &mut Vec<u64>, now: u64) -> bool {
    for one in list.iter_mut() {
        if now - one.heard >= 15 {
            one.healthy = false;
        }
    }
    let recent = removed.iter().filter(|then| now - **then < 10).count();
    let dead = list.iter().filter(|one| now - one.heard >= 30).count();
    let all = list.len() + recent;
    if dead > 0 && all >= 3 && 2 * (dead + recent) > all {
        return true;
    }
    list.retain(|one| now - one.heard < 30);
    removed.extend(std::iter::repeat_n(now, dead));
    false
}

proptest! {
    #[test]
    fn the_registry_says_what_a_plain_list_says(steps in steps()) {
        let mut registry = Registry::default();
        let (mut list, mut removed): (Vec<Simple>, Vec<u64>) = (Vec::new(), Vec::new());
        let (mut now, mut frozen) = (0, false);
        let mut last = (registry.list(&service(), &[], at(0)), 0);
        for step in steps {
            match step {
                Step::Register(port) => {
                    registry.register(&service(), nacos(port), at(now)).unwrap();
                    list.retain(|one| one.port != port);
                    list.push(Simple { port, heard: now, healthy: true });
                }
                Step::Beat(port) => {
                    let known = registry.beat(&service(), &key(port), at(now));
                    let found = list.iter_mut().find(|one| one.port == port);
                    let expected = found.map(|one| {
                        one.heard = now;
                        !std::mem::replace(&mut one.healthy, true)
                    });
                    prop_assert_eq!(known, expected);
                }
                Step::Deregister(port) => {
                    let gone = registry.deregister(&service(), &key(port), at(now)).is_some();
                    prop_assert_eq!(gone, list.iter().any(|one| one.port == port));
                    list.retain(|one| one.port != port);
                }
                Step::Sweep => {
                    registry.sweep(at(now));
                    frozen = simple_sweep(&mut list, &mut removed, now);
                }
                Step::Wait(seconds) => now += seconds,
            }
            list.sort_by_key(|one| one.port);
            let listing = registry.list(&service(), &[], at(now));
            let found: Vec<(u16, bool, u64)> = listing.instances.iter()
                .map(|one| (one.instance.key.port, one.healthy, one.silent.as_secs())).collect();
            let expected: Vec<(u16, bool, u64)> = list.iter()
                .map(|one| (one.port, one.healthy, now - one.heard)).collect();
            prop_assert_eq!(found, expected);
            if listing.revision == 0 {
                // Forgotten, with what was remembered of it.
                removed.clear();
                frozen = false;
            } else {
                prop_assert_eq!(listing.frozen, frozen);
            }
            // Whoever knows the revision knows the instances.
            let (before, then) = &last;
            if before.revision == listing.revision {
                let same = |listing: &Listing| listing.instances.iter()
                    .map(|one| (one.instance.clone(), one.healthy)).collect::<Vec<_>>();
                prop_assert_eq!(same(before), same(&listing), "since {}", then);
            } else {
                prop_assert!(listing.revision == 0 || listing.revision > before.revision);
            }
            last = (listing, now);
        }
    }
}
