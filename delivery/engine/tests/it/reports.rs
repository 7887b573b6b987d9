use rialto_delivery_gate::Event as GateEvent;
use rialto_delivery_run::assignment::JobResult;
use rialto_delivery_run::state::{FailureReason, Status};
use serde_json::json;

use crate::world::{World, developer, failed};

const WITH_REPORTS: &str = "
unit:
  script: [x]
  artifacts:
    reports:
      junit: report.xml
      coverage_report: {coverage_format: cobertura, path: coverage.xml}
";

const JUNIT: &str = r#"<testsuite name="s" tests="3" failures="1">
<testcase classname="c" name="good" time="0.5"/>
<testcase classname="c" name="bad"><failure message="boom">at src/a.py:2</failure></testcase>
<testcase classname="c" name="later"><skipped/></testcase>
</testsuite>"#;

fn cobertura(lines: &[(u32, u32)]) -> String {
    let lines: String = lines
        .iter()
        .map(|(line, hits)| format!(r#"<line number="{line}" hits="{hits}"/>"#))
        .collect();
    format!(
        r#"<coverage><sources><source>.</source></sources><packages><package name="p"><classes>
        <class name="a" filename="src/a.py"><lines>{lines}</lines></class></classes></package>
        </packages></coverage>"#
    )
}

async fn until_verdict(world: &World, pipeline: &str) -> serde_json::Value {
    world
        .until("a verdict", || async {
            world.view(pipeline).await.verdict.is_some()
        })
        .await;
    world
        .delivery
        .pipeline_verdict(&pipeline.parse().unwrap())
        .await
        .unwrap()
}

#[tokio::test]
async fn tests_and_coverage_are_read_and_judged() {
    for world in World::all().await {
        let first = world
            .push(
                "main",
                &[(".gitlab-ci.yml", WITH_REPORTS), ("src/a.py", "a\nb\n")],
            )
            .await
            .summary;
        let work = world.take().await.unwrap();
        work.upload(&world, "junit", "report.xml", JUNIT.as_bytes())
            .await
            .unwrap();
        let all = cobertura(&[(1, 1), (2, 1)]);
        work.upload(&world, "cobertura", "coverage.xml", all.as_bytes())
            .await
            .unwrap();
        world.pass_work(&work).await;
        let report = world
            .delivery
            .test_report(&first.id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(
            (report.total, report.passed, report.failed, report.skipped),
            (3, 1, 1, 1)
        );
        assert_eq!(report.files[0].outcome, "parsed");
        assert_eq!(report.suites[0].cases[1].message.as_deref(), Some("boom"));
        let verdict = until_verdict(&world, &first.id).await;
        assert_eq!(verdict["overall"], "failed");
        assert_eq!(verdict["rules"][0]["result"], "fail");
        assert!(verdict["evidence_seq"].is_number());

        let second = world
            .push("main", &[("src/a.py", "a\nb\nc\nd\n")])
            .await
            .summary;
        let work = world.take().await.unwrap();
        let good = r#"<testsuite><testcase name="good"/></testsuite>"#;
        work.upload(&world, "junit", "report.xml", good.as_bytes())
            .await
            .unwrap();
        let part = cobertura(&[(1, 1), (2, 1), (3, 1), (4, 0)]);
        work.upload(&world, "cobertura", "coverage.xml", part.as_bytes())
            .await
            .unwrap();
        world.pass_work(&work).await;
        let coverage = world
            .delivery
            .coverage_report(&second.id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(coverage.base_choice, "last_green");
        assert_eq!(coverage.base_sha.as_deref(), Some(first.sha.as_str()));
        assert_eq!(
            (coverage.new_lines.covered, coverage.new_lines.total),
            (1, 2)
        );
        assert_eq!(coverage.new_lines.percent.as_deref(), Some("50.00"));
        assert_eq!(coverage.existing.percent.as_deref(), Some("100.00"));
        assert_eq!(coverage.files[0].uncovered_new_lines, [4]);
        let verdict = until_verdict(&world, &second.id).await;
        assert_eq!(verdict["overall"], "passed", "{verdict:#}");
        assert_eq!(verdict["base_sha"], first.sha.as_str());
    }
}

/// Every case passes; the file says that there are seven more.
const LYING: &str = "<testsuites>\n<testsuite name=\"api\" tests=\"9\" failures=\"0\">\
    <testcase name=\"a\"/><testcase name=\"b\"/></testsuite></testsuites>";

#[tokio::test]
async fn a_report_that_lies_about_its_counts_is_told_and_does_not_pass_the_gate() {
    for world in World::all().await {
        let (delivery, project) = (&world.delivery, &world.project.id);
        let rules = json!({"rules": [{"id": "tests", "measure": "tests.pass_rate", "op": ">=",
            "bound": "100"}]});
        delivery
            .put_gate_rules(&developer(), project, &rules)
            .await
            .unwrap();
        let id = world.configure(WITH_REPORTS).await.summary.id;
        let work = world.take().await.unwrap();
        work.upload(&world, "junit", "report.xml", LYING.as_bytes())
            .await
            .unwrap();
        world.pass_work(&work).await;
        assert_eq!(
            world.status(&id).await,
            Status::Success,
            "the job is not to blame"
        );
        let report = delivery.test_report(&id.parse().unwrap()).await.unwrap();
        let file = &report.files[0];
        assert_eq!((file.outcome.as_str(), file.line), ("parsed", Some(2)));
        let said = "suite `api` says tests=\"9\", its cases make 2";
        assert_eq!(file.reason.as_deref(), Some(said));
        let chinese = "套件 `api` 声称 tests=\"9\"，而其用例实为 2";
        assert_eq!(file.text.as_ref().unwrap().zh, chinese);
        let verdict = until_verdict(&world, &id).await;
        assert_eq!(verdict["overall"], "failed", "{verdict:#}");
        assert_eq!(verdict["rules"][0]["result"], "pass");
        let rule = &verdict["rules"][1];
        assert_eq!(
            (&rule["id"], &rule["blocks"]),
            (&json!("report-integrity"), &json!(true))
        );
        assert_eq!(rule["text"]["code"], "gate.reports_contradictory");
        assert!(
            rule["text"]["zh"].as_str().unwrap().contains(chinese),
            "{rule:#}"
        );
        let detail = rule["detail"].as_str().unwrap();
        for part in [
            "report.xml line 2",
            "job unit",
            said,
            "leave the count attributes out",
        ] {
            assert!(detail.contains(part), "{part}: {detail}");
        }
        let release = delivery
            .judge_gate(
                &id.parse().unwrap(),
                Some(&"ab".repeat(32)),
                GateEvent::Deploy,
            )
            .await
            .unwrap();
        assert_eq!(release.overall, "failed", "nor is it deployed");
    }
}

#[tokio::test]
async fn a_malformed_report_is_told_and_fails_no_job() {
    for world in World::all().await {
        let id = world.configure(WITH_REPORTS).await.summary.id;
        let work = world.take().await.unwrap();
        work.upload(&world, "junit", "report.xml", b"<html>no report</html>")
            .await
            .unwrap();
        let bomb = br#"<!DOCTYPE x [<!ENTITY a "aaaa">]><coverage>&a;</coverage>"#;
        work.upload(&world, "cobertura", "coverage.xml", bomb)
            .await
            .unwrap();
        world.pass_work(&work).await;
        assert_eq!(world.status(&id).await, Status::Success);
        let report = world
            .delivery
            .test_report(&id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(report.files[0].outcome, "refused");
        assert!(report.files[0].reason.is_some());
        let coverage = world
            .delivery
            .coverage_report(&id.parse().unwrap())
            .await
            .unwrap();
        assert_eq!(coverage.refused[0].name, "coverage.xml");
        let verdict = until_verdict(&world, &id).await;
        assert_eq!(verdict["overall"], "failed", "missing data is not a pass");
        assert_eq!(verdict["rules"][0]["result"], "missing");
    }
}

#[tokio::test]
async fn a_projects_own_rules_decide() {
    for world in World::all().await {
        let (delivery, project) = (&world.delivery, &world.project.id);
        let before = delivery.gate_rules(project).await.unwrap();
        assert_eq!(before.rules.len(), 3);
        let rules = json!({"rules": [{"id": "tests", "measure": "tests.pass_rate", "op": ">=",
            "bound": "30"}]});
        let set = delivery
            .put_gate_rules(&developer(), project, &rules)
            .await
            .unwrap();
        // The default set was version 1.
        assert_eq!((set.version, set.rules.len()), (2, 1));
        let wrong = json!({"rules": [{"id": "tests", "measure": "tests.speed", "bound": "x"}]});
        let faults = delivery
            .put_gate_rules(&developer(), project, &wrong)
            .await
            .unwrap_err();
        assert!(faults.to_string().contains("/rules/0/measure"), "{faults}");
        let id = world.configure(WITH_REPORTS).await.summary.id;
        let work = world.take().await.unwrap();
        work.upload(&world, "junit", "report.xml", JUNIT.as_bytes())
            .await
            .unwrap();
        work.finish(&world, failed(FailureReason::ScriptFailure))
            .await
            .unwrap();
        let verdict = until_verdict(&world, &id).await;
        assert_eq!(verdict["overall"], "passed", "{verdict:#}");
        assert_eq!(verdict["rule_set"]["version"], 2);
    }
}

#[tokio::test]
async fn a_failing_test_is_the_class_of_the_incident() {
    for world in World::all().await {
        world.configure(WITH_REPORTS).await;
        let work = world.take().await.unwrap();
        work.upload(&world, "junit", "report.xml", JUNIT.as_bytes())
            .await
            .unwrap();
        work.finish(&world, failed(FailureReason::ScriptFailure))
            .await
            .unwrap();
        world
            .until("an incident", || async {
                let list = world
                    .delivery
                    .list_incidents(None, Some("open"), 0, None)
                    .await;
                list.unwrap()
                    .items
                    .first()
                    .is_some_and(|i| i.cause_class == "test")
            })
            .await;
        assert!(matches!(
            work.finish(&world, JobResult::Success).await,
            Ok(Status::Failed)
        ));
    }
}

#[tokio::test]
async fn a_coverage_report_that_lies_about_its_totals_does_not_pass_the_gate() {
    for world in World::all().await {
        let (delivery, project) = (&world.delivery, &world.project.id);
        let rules = json!({"rules": [{"id": "lines", "measure": "coverage.line", "op": ">=",
            "bound": "1"}]});
        delivery
            .put_gate_rules(&developer(), project, &rules)
            .await
            .unwrap();
        let id = world.configure(WITH_REPORTS).await.summary.id;
        let work = world.take().await.unwrap();
        let junit = r#"<testsuite tests="1"><testcase name="good"/></testsuite>"#;
        work.upload(&world, "junit", "report.xml", junit.as_bytes())
            .await
            .unwrap();
        let lying = cobertura(&[(1, 1), (2, 0)]).replacen(
            "<coverage",
            "<coverage lines-covered=\"2\" lines-valid=\"2\"",
            1,
        );
        work.upload(&world, "cobertura", "coverage.xml", lying.as_bytes())
            .await
            .unwrap();
        world.pass_work(&work).await;
        let verdict = until_verdict(&world, &id).await;
        assert_eq!(verdict["overall"], "failed", "{verdict:#}");
        let rule = verdict["rules"].as_array().unwrap().last().unwrap();
        assert_eq!(rule["id"], "report-integrity", "{verdict:#}");
        assert_eq!(rule["text"]["code"], "gate.reports_contradictory_any");
        let zh = rule["text"]["zh"].as_str().unwrap();
        let said = "文件声称 lines-covered=\"2\"，而其代码行实为 1";
        assert!(zh.contains(said), "{zh}");
        let coverage = delivery
            .coverage_report(&id.parse().unwrap())
            .await
            .unwrap();
        let odd = &coverage.refused[0];
        assert_eq!((odd.outcome.as_str(), odd.line), ("contradictory", Some(1)));
        assert_eq!(odd.text.zh, said);
    }
}
