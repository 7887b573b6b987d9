use proptest::prelude::*;
use rialto_delivery_release::approval::{ApprovalContext, Candidate, Person, may_approve, quorum};
use rialto_delivery_release::precondition::{Facts, VerdictFact, check};
use rialto_delivery_release::state::{TRANSITIONS, apply};
use rialto_delivery_release::{DeploymentState, Event};

fn facts(passed: bool, same_digest: bool) -> Facts {
    let digest = if same_digest { "aa" } else { "bb" };
    Facts {
        digest: "aa".into(),
        digest_stored: true,
        verdict: Some(VerdictFact {
            id: "v".into(),
            digest: Some(digest.into()),
            passed,
        }),
        required: None,
        environment_locked: None,
        router_drift: None,
        active_healthy: None,
        superseded_by: None,
    }
}

fn person(number: u8) -> Person {
    Person {
        user_id: format!("u{number}"),
        name: format!("user {number}"),
        emails: vec![format!("u{number}@house.example")],
    }
}

/// The events an adversary could bring about, given what the checks hand out.
fn events(facts: &Facts, context: &ApprovalContext) -> Vec<Event> {
    let mut events = vec![
        Event::PreflightStarted,
        Event::PreconditionsFailed,
        Event::ApprovalRefused,
        Event::ApprovalExpired,
        Event::LockGranted,
        Event::CandidateReady,
        Event::CandidateFailed,
        Event::SwitchConfirmed,
        Event::SwitchNotConfirmed,
        Event::BakePassed,
        Event::BakeFailed,
        Event::BakeFailedWithoutWayBack,
        Event::RollbackVerified,
        Event::RollbackNotVerified,
        Event::Cancel,
    ];
    events.extend(check(facts).ok().map(Event::PreconditionsHold));
    events.extend(quorum(context).map(Event::QuorumReached));
    events
}

fn context(required: u32, approvers: &[u8]) -> ApprovalContext {
    ApprovalContext {
        state: DeploymentState::AwaitingApproval,
        required,
        authors: vec![person(0), person(1)],
        pushers: vec![],
        requested_by: Some(person(2)),
        approved_by: approvers.iter().map(|n| person(*n)).collect(),
    }
}

proptest! {
    #[test]
    fn no_transition_leaves_a_terminal_state(choices in prop::collection::vec(0usize..17, 0..60)) {
        let all = events(&facts(true, true), &context(0, &[]));
        prop_assert_eq!(all.len(), 17);
        let mut state = DeploymentState::Requested;
        for choice in choices {
            let result = apply(state, &all[choice]);
            if state.is_terminal() {
                prop_assert!(result.is_err());
            }
            if let Ok((next, _)) = result {
                state = next;
            }
        }
    }

    #[test]
    fn a_release_whose_verdict_failed_never_switches(
        choices in prop::collection::vec(0usize..17, 0..200),
        passed: bool,
        same_digest: bool,
    ) {
        let same_digest = same_digest && !passed;
        let all = events(&facts(passed, same_digest), &context(0, &[]));
        let mut state = DeploymentState::Requested;
        for choice in choices {
            if let Ok((next, _)) = apply(state, &all[choice % all.len()]) {
                state = next;
            }
            prop_assert!(!matches!(
                state,
                DeploymentState::Preparing | DeploymentState::Switching | DeploymentState::Baking
            ));
        }
    }

    #[test]
    fn an_approver_is_never_an_author_nor_the_requester(
        asked in prop::collection::vec(0u8..6, 0..12),
        required in 1u32..4,
    ) {
        let mut context = context(required, &[]);
        for number in asked {
            let candidate =
                Candidate { person: person(number), holds_role: true, is_service: false };
            if may_approve(&candidate, &context).is_ok() {
                prop_assert!(number > 2);
                context.approved_by.push(candidate.person);
            }
        }
        let mut distinct: Vec<_> = context.approved_by.iter().map(|p| &p.user_id).collect();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), context.approved_by.len());
        prop_assert_eq!(quorum(&context).is_some(), distinct.len() as u32 >= required);
    }

    #[test]
    fn a_quorum_is_never_made_of_authors(approvers in prop::collection::vec(0u8..3, 0..10)) {
        prop_assert!(quorum(&context(1, &approvers)).is_none());
    }
}

#[test]
fn every_state_can_be_reached_and_every_live_state_can_end() {
    let mut reached = vec![DeploymentState::Requested];
    for _ in 0..DeploymentState::ALL.len() {
        for (from, _, to, _) in TRANSITIONS {
            if reached.contains(from) && !reached.contains(to) {
                reached.push(*to);
            }
        }
    }
    assert_eq!(reached.len(), DeploymentState::ALL.len());
    for state in DeploymentState::ALL {
        let leaves = TRANSITIONS.iter().any(|(from, ..)| *from == state);
        assert_eq!(leaves, !state.is_terminal(), "{state}");
        assert_eq!(DeploymentState::parse(state.as_str()), Some(state));
    }
}

#[test]
fn a_state_and_event_pair_stands_once_in_the_table() {
    for (i, (from, on, ..)) in TRANSITIONS.iter().enumerate() {
        assert!(
            !TRANSITIONS[..i]
                .iter()
                .any(|(f, o, ..)| f == from && o == on),
            "{from} {on:?}"
        );
    }
}

#[test]
fn a_version_that_fails_its_watch_stays_only_where_there_is_nothing_to_go_back_to() {
    let baking = DeploymentState::Baking;
    let (next, _) = apply(baking, &Event::BakeFailed).unwrap();
    assert_eq!(next, DeploymentState::RollingBack);
    let (next, _) = apply(baking, &Event::BakeFailedWithoutWayBack).unwrap();
    assert_eq!(next, DeploymentState::Failed);
}

#[test]
fn cancelling_is_allowed_exactly_before_the_switch() {
    for state in DeploymentState::ALL {
        assert_eq!(
            apply(state, &Event::Cancel).is_ok(),
            state.is_before_switch(),
            "{state}"
        );
    }
    let refusal = apply(DeploymentState::Baking, &Event::Cancel).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "a deployment that is baking does not accept Cancel"
    );
}
