use rialto_delivery_gate::{GateInput, Overall, RuleResult, Waiver, default_rule_set, evaluate};

use crate::samples::{facts, subject};

fn waiver() -> Waiver {
    Waiver {
        id: "w1".to_owned(),
        rules: vec!["coverage-new".to_owned()],
        project_id: "p1".to_owned(),
        sha: Some("aaaa".to_owned()),
        git_ref: None,
        reason: "vendor feed cannot be simulated yet".to_owned(),
        work_item: "Q-17".to_owned(),
        requester: "li".to_owned(),
        approver: "wang".to_owned(),
        approver_roles: vec!["quality_owner".to_owned()],
        created_at: "2026-11-20T00:00:00Z".parse().unwrap(),
        expires_at: "2026-12-04T00:00:00Z".parse().unwrap(),
        max_uses: 1,
        uses: 0,
    }
}

fn judge(waiver: Waiver) -> rialto_delivery_gate::Verdict {
    let failing = facts((1, 1), (10, 100), (60, 100));
    evaluate(&GateInput::new(
        subject(),
        default_rule_set(),
        failing,
        vec![waiver],
    ))
}

#[test]
fn a_good_waiver_lets_the_rule_pass_and_is_listed() {
    let verdict = judge(waiver());
    assert_eq!(
        (verdict.overall, verdict.rules[2].result),
        (Overall::Passed, RuleResult::Waived)
    );
    assert_eq!(verdict.waivers[0].rules, ["coverage-new"]);
    insta::assert_snapshot!(
        verdict.rules[2].detail,
        @"10 of 100 executable lines (10.00 %), bound >= 80 %; waived by wang until 2026-12-04T00:00:00Z (w1): vendor feed cannot be simulated yet"
    );
}

#[test]
fn a_waiver_that_does_not_hold_is_inert_and_says_why() {
    type Change = fn(&mut Waiver);
    let changes: [Change; 13] = [
        |waiver| waiver.project_id = "p2".to_owned(),
        |waiver| waiver.sha = Some("cccc".to_owned()),
        |waiver| waiver.sha = None,
        |waiver| waiver.git_ref = Some("refs/heads/other".to_owned()),
        |waiver| waiver.reason = " ".to_owned(),
        |waiver| waiver.requester = "wang".to_owned(),
        |waiver| {
            waiver.approver = "li".to_owned();
            waiver.requester = "chen".to_owned();
        },
        |waiver| waiver.approver_roles = vec!["developer".to_owned()],
        |waiver| waiver.expires_at = "2026-12-20T00:00:01Z".parse().unwrap(),
        |waiver| waiver.created_at = "2026-11-23T00:00:00Z".parse().unwrap(),
        |waiver| waiver.expires_at = "2026-11-22T01:02:03Z".parse().unwrap(),
        |waiver| waiver.uses = 1,
        |waiver| waiver.rules = vec!["coverage-existing".to_owned()],
    ];
    let told: Vec<String> = changes
        .iter()
        .map(|change| {
            let mut waiver = waiver();
            change(&mut waiver);
            let verdict = judge(waiver);
            assert_eq!(verdict.overall, Overall::Failed);
            verdict.waivers[0].inert.clone().unwrap()
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_rule_that_is_not_waivable_is_not_waived() {
    let mut set = default_rule_set();
    set.rules[2].waivable = false;
    let failing = facts((1, 1), (10, 100), (60, 100));
    let verdict = evaluate(&GateInput::new(subject(), set, failing, vec![waiver()]));
    assert_eq!(verdict.overall, Overall::Failed);
}
