use rialto_delivery_engine::view::IncidentView;
use rialto_delivery_run::state::FailureReason;

use rialto_platform_identity::Role;

use crate::world::{FAILED, World, person};

const TWO: &str = "stages: [a, b]\none: {stage: a, script: [x]}\ntwo: {stage: b, script: [x]}\n";

async fn incidents(world: &World) -> Vec<IncidentView> {
    world
        .delivery
        .list_incidents(None, None, 0, None)
        .await
        .unwrap()
        .items
}

async fn until_state(world: &World, state: &str) -> IncidentView {
    world
        .until(state, || async {
            incidents(world)
                .await
                .first()
                .is_some_and(|incident| incident.state == state)
        })
        .await;
    incidents(world).await.remove(0)
}

#[tokio::test]
async fn a_broken_main_turns_red_and_the_next_good_push_repairs_it() {
    for world in World::all().await {
        let green = world.configure(TWO).await.summary;
        world.pass().await;
        world.pass().await;
        let bad = world.push("main", &[("a.txt", "bad")]).await.summary;
        assert_eq!(world.fail().await, "one");
        let incident = until_state(&world, "open").await;
        assert_eq!(incident.failing_pipeline.id, bad.id);
        // No account pushed this one: its author is named.
        assert_eq!(incident.owner.as_ref().unwrap().email, "lin@example.test");
        assert_eq!(incident.owner_login, None);
        assert_eq!(incident.commits.len(), 1);
        assert_eq!(incident.commits[0].sha, bad.sha);
        assert_ne!(incident.commits[0].sha, green.sha);
        assert_eq!(incident.failing_jobs[0].name, "one");
        let line = incident.failing_jobs[0].failing_line.as_ref().unwrap();
        assert_eq!(line.text, "error: it does not work");
        assert!(incident.detection_ms >= 0 && incident.total_ms.is_none());

        let worse = world.push("main", &[("a.txt", "worse")]).await.summary;
        world.pass().await;
        assert_eq!(world.fail().await, "two");
        world
            .until("the second failure to be attached", || async {
                incidents(&world).await[0].failing_pipeline.id == worse.id
            })
            .await;
        let attached = incidents(&world).await;
        assert_eq!(attached.len(), 1, "one open incident per branch");
        assert_eq!(attached[0].red_at, incident.red_at, "the clock runs on");
        // What was broken first is repaired: the light is red for what this push broke.
        assert_eq!(attached[0].failing_jobs[0].name, "two");
        assert_eq!(attached[0].commits, incident.commits, "the first cause");
        let [first, second] = attached[0].causes.as_slice() else {
            panic!("{:?}", attached[0].causes);
        };
        assert!(first.repaired_at.is_some() && second.repaired_at.is_none());
        assert_eq!(
            (first.jobs[0].as_str(), first.red_at == incident.red_at),
            ("one", true)
        );
        assert_eq!(second.jobs, ["two"]);
        assert!(second.red_at > first.red_at && second.pushed_at > first.pushed_at);
        let candidates = &second.commits;
        assert_eq!(candidates.len(), 1, "{candidates:?}");
        assert_eq!(candidates[0].sha, worse.sha);

        let good = world.push("main", &[("a.txt", "good")]).await.summary;
        world.pass().await;
        world.pass().await;
        let closed = until_state(&world, "closed").await;
        assert_eq!(closed.close_kind.as_deref(), Some("repaired"));
        assert_eq!(closed.closing_pipeline.unwrap().id, good.id);
        assert_eq!((closed.open_ms, closed.open_working_ms), (None, None));
        assert!(closed.repair_ms.unwrap() >= 0 && closed.total_ms.unwrap() >= 0);
        let project = world
            .delivery
            .project_view(&world.project.id)
            .await
            .unwrap();
        assert_eq!(project.light.state, "green");
    }
}

#[tokio::test]
async fn the_light_names_who_pushed_and_the_commits_author_beside() {
    for world in World::all().await {
        let green = world.configure("one: {script: [x]}\n").await.summary;
        world.pass().await;
        // The commit says that Lin wrote it; Wang's account brought it in.
        let bad = world.commit("main", &[("a.txt", "bad")], "a change").await;
        let wang = person("wang", &[Role::Developer]);
        world.pushed_by(&wang, "main", &green.sha, &bad).await;
        world.fail().await;
        let incident = until_state(&world, "open").await;
        let owner = incident.owner.as_ref().unwrap();
        assert_eq!(
            (owner.name.as_str(), owner.email.as_str()),
            ("WANG", "wang@example.test")
        );
        assert_eq!(incident.owner_login.as_deref(), Some("wang"));
        let author = incident.author.as_ref().unwrap();
        assert_eq!(
            (author.name.as_str(), author.email.as_str()),
            ("Lin", "lin@example.test")
        );
        assert_eq!(
            incident.failing_jobs[0].failure_message.as_deref(),
            Some(FAILED)
        );
        let text = incident.failing_jobs[0].failure_text.as_ref().unwrap();
        assert_eq!(
            (text.code.as_str(), text.zh.as_str()),
            ("job.exit_status", "脚本以退出状态 1 结束")
        );
    }
}

#[tokio::test]
async fn a_success_by_retry_alone_is_flaky() {
    for world in World::all().await {
        let id = world.configure("one: {script: [x]}\n").await.summary.id;
        world.fail().await;
        until_state(&world, "open").await;
        let actor = crate::world::developer();
        world
            .delivery
            .retry_pipeline(&actor, &id.parse().unwrap())
            .await
            .unwrap();
        world.pass().await;
        let closed = until_state(&world, "closed").await;
        assert_eq!(closed.close_kind.as_deref(), Some("flaky"));
    }
}

#[tokio::test]
async fn a_broken_configuration_is_an_incident_of_its_own_class() {
    for world in World::all().await {
        world.configure("one: {scirpt: [x]}\n").await;
        let incident = until_state(&world, "open").await;
        assert_eq!(
            (incident.cause_class.as_str(), incident.cause_confidence),
            ("configuration", 100)
        );
        world.configure("one: {script: [x]}\n").await;
        world.pass().await;
        until_state(&world, "closed").await;
    }
}

#[tokio::test]
async fn a_topic_branch_has_no_light() {
    for world in World::all().await {
        let id = world
            .push("topic", &[(".gitlab-ci.yml", "one: {script: [x]}\n")])
            .await
            .summary
            .id;
        world.fail().await;
        let db = world.delivery.db().clone();
        world
            .until("settling", || async {
                let row = rialto_delivery_store::pipeline::find(&mut &db, &id.parse().unwrap())
                    .await
                    .unwrap()
                    .unwrap();
                !row.unsettled
            })
            .await;
        assert!(incidents(&world).await.is_empty());
    }
}

#[tokio::test]
async fn alarms_are_raised_once_after_twenty_and_thirty_working_minutes() {
    for mut world in World::all().await {
        world.configure("one: {script: [x]}\n").await;
        world.fail().await;
        until_state(&world, "open").await;
        // As if it had been red for two weeks, which hold more than thirty working minutes.
        let sql = "UPDATE incident SET red_at = red_at - 1209600000000";
        world
            .delivery
            .db()
            .execute(sql, rialto_platform_store::params![])
            .await
            .unwrap();
        world.restart().await;
        world
            .until("the alarms", || async {
                !incidents(&world).await[0].alarms.is_empty()
            })
            .await;
        for _ in 0..2 {
            let incident = incidents(&world).await.remove(0);
            let levels: Vec<u32> = incident.alarms.iter().map(|alarm| alarm.level).collect();
            assert_eq!(levels, [20, 30]);
            assert!(incident.open_working_ms.unwrap() >= 30 * 60_000);
            world.restart().await;
        }
    }
}

#[tokio::test]
async fn an_incident_counts_from_the_first_push_that_never_got_a_result() {
    for world in World::all().await {
        world.configure("one: {script: [x]}\n").await;
        world.pass().await;
        let cut_off = world.push("main", &[("a.txt", "1")]).await.summary;
        let failing = world.push("main", &[("a.txt", "2")]).await.summary;
        world.fail().await;
        let incident = until_state(&world, "open").await;
        assert_eq!(incident.failing_pipeline.id, failing.id);
        assert!(
            incident.pushed_at <= cut_off.created_at,
            "{incident:?} {cut_off:?}"
        );
        assert_eq!(incident.commits.len(), 2);
    }
}

#[tokio::test]
async fn the_light_names_who_broke_what_fails_now_though_the_first_job_was_skipped() {
    let three = "stages: [a, b, c]\nunit: {stage: a, script: [x]}\n\
                 package: {stage: b, script: [x]}\ndeploy-production: {stage: c, script: [x]}\n";
    for world in World::all().await {
        let first = world.configure(three).await.summary;
        world.pass().await;
        world.pass().await;
        assert_eq!(world.fail().await, "deploy-production");
        let opened = until_state(&world, "open").await;
        assert_eq!(opened.cause_class, "deploy");
        let mut before = opened.causes.clone();
        let mut old = first.sha;
        for (login, broken, cause) in [("wang", "unit", "test"), ("zhao", "package", "compile")] {
            let bad = world.commit("main", &[("a.txt", login)], "a change").await;
            let who = person(login, &[Role::Developer]);
            world.pushed_by(&who, "main", &old, &bad).await;
            if broken == "package" {
                world.pass().await;
            }
            assert_eq!(world.fail().await, broken);
            world
                .until("the failure to be attached", || async {
                    incidents(&world).await[0].failing_pipeline.sha == bad
                })
                .await;
            let now = incidents(&world).await.remove(0);
            assert_eq!(now.red_at, opened.red_at, "the clock runs on");
            assert_eq!(
                (&now.owner, &now.cause_class),
                (&opened.owner, &opened.cause_class),
                "whoever turned it red, with the time it turned red"
            );
            let newest = now.causes.last().unwrap();
            assert_eq!(now.causes.len(), before.len() + 1, "{:?}", now.causes);
            assert_eq!(newest.jobs, [broken]);
            assert_eq!(newest.owner_login.as_deref(), Some(login));
            assert_eq!(newest.cause_class, cause);
            assert!(newest.red_at > before.last().unwrap().red_at);
            let commits: Vec<&str> = newest.commits.iter().map(|c| c.sha.as_str()).collect();
            assert_eq!(commits, [bad.as_str()]);
            // Nobody deployed since: the first cause stands; a repaired one says when.
            assert_eq!(now.causes[0], opened.causes[0]);
            let (later, _) = now.causes[1..].split_at(now.causes.len() - 2);
            assert!(later.iter().all(|cause| cause.repaired_at.is_some()));
            assert_eq!(newest.repaired_at, None);
            before = now.causes;
            old = bad;
        }
    }
}

#[tokio::test]
async fn a_run_by_hand_without_the_failed_job_leaves_the_light_red() {
    let yaml = "always: {script: [x]}\nunit:\n  rules: [{if: '$T != \"long\"'}]\n  script: [x]\n";
    for world in World::all().await {
        world.configure(yaml).await;
        world.fail().await;
        world.fail().await;
        let opened = until_state(&world, "open").await;
        let new = rialto_delivery_engine::NewPipeline {
            ref_name: "main".into(),
            variables: [("T".to_owned(), "long".to_owned())].into(),
        };
        let actor = crate::world::developer();
        let id = world
            .delivery
            .create_pipeline(&actor, &world.project.id, &new)
            .await
            .unwrap();
        assert_eq!(world.pass().await, "always");
        let db = world.delivery.db().clone();
        world
            .until("settling", || async {
                let row = rialto_delivery_store::pipeline::find(&mut &db, &id).await;
                !row.unwrap().unwrap().unsettled
            })
            .await;
        let still = incidents(&world).await.remove(0);
        assert_eq!((still.state.as_str(), still.no), ("open", opened.no));
    }
}

#[tokio::test]
async fn a_repair_that_had_to_be_run_again_is_no_flaky_job() {
    let two = "stages: [a, b]\nunit: {stage: a, script: [x]}\n\
               deploy-production: {stage: b, script: [x]}\n";
    for world in World::all().await {
        world.configure(two).await;
        world.pass().await;
        assert_eq!(world.fail().await, "deploy-production");
        until_state(&world, "open").await;
        // The way back stumbles over another job, and gets there when it is run again.
        let back = world.push("main", &[("a.txt", "back")]).await.summary;
        assert_eq!(world.fail().await, "unit");
        world
            .until("the second failure to be attached", || async {
                incidents(&world).await[0].causes.len() == 2
            })
            .await;
        let actor = crate::world::developer();
        let id = back.id.parse().unwrap();
        world.delivery.retry_pipeline(&actor, &id).await.unwrap();
        assert_eq!(world.pass().await, "unit");
        assert_eq!(world.pass().await, "deploy-production");
        let closed = until_state(&world, "closed").await;
        assert_eq!(closed.close_kind.as_deref(), Some("repaired"));
        let broken: Vec<&str> = closed.causes.iter().map(|c| c.jobs[0].as_str()).collect();
        assert_eq!(broken, ["deploy-production", "unit"]);
        assert!(closed.causes.iter().all(|c| c.repaired_at.is_some()));
    }
}

#[tokio::test]
async fn what_the_platform_failed_names_nobody_until_it_fails_by_itself() {
    for world in World::all().await {
        let id = world.configure("one: {script: [x]}\n").await.summary.id;
        let work = world.take().await.unwrap();
        let failure = crate::world::failed(FailureReason::RunnerSystemFailure);
        work.finish(&world, failure).await.unwrap();
        let incident = until_state(&world, "open").await;
        assert_eq!(incident.cause_class, "infrastructure");
        assert_eq!((&incident.owner, &incident.author), (&None, &None));
        assert!(incident.commits.is_empty());
        let actor = crate::world::developer();
        let id = id.parse().unwrap();
        world.delivery.retry_pipeline(&actor, &id).await.unwrap();
        world.fail().await;
        world
            .until("the fault to be named", || async {
                incidents(&world).await[0].causes.len() == 2
            })
            .await;
        let causes = incidents(&world).await.remove(0).causes;
        assert!(causes[0].owner.is_none() && causes[0].repaired_at.is_some());
        assert_eq!(causes[1].owner.as_ref().unwrap().email, "lin@example.test");
        assert_eq!(causes[1].repaired_at, None);
    }
}
