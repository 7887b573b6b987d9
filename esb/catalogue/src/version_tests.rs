//! A whole life, every guard, and no way around.

use proptest::prelude::*;
use rialto_esb_contract::Severity;

use super::*;

/// Facts by which everything is allowed.
fn good() -> Facts {
    Facts {
        owner_system: Some("orders".to_owned()),
        taxonomy: Some("trading".to_owned()),
        pattern: Some("request-reply".to_owned()),
        similar: vec![],
        lint_errors: 0,
        missing_examples: 0,
        has_sla: true,
        compat: Some(None),
        is_major: false,
        authors: vec!["author".to_owned()],
        highest_level: 2,
        security_agreed: false,
        sandbox_healthy: Some(true),
        open_cells: Some(0),
        waived_percent: Decimal::ZERO,
        pass_percent: Some(Decimal::ONE_HUNDRED),
        target_percent: Decimal::ONE_HUNDRED,
        unheard_callers: vec![],
        baseline_met: Some(true),
        rollback_target: true,
        freeze: None,
        canary_held: Some(true),
        successor_told: true,
        notice_days: 60,
        least_notice_days: 60,
        quiet_days: Some(20),
        least_quiet_days: 20,
        subscribed_callers: vec![],
        retention_over: true,
        waived: vec![],
    }
}

#[test]
fn what_nothing_recorded_is_unmet_and_said_and_may_be_waived_by_name() {
    let unknown = Facts {
        open_cells: None,
        pass_percent: None,
        baseline_met: None,
        ..good()
    };
    let refused = step(at(State::Testing), &Event::OpenGrey, &anybody(), &unknown);
    let refused = refused.expect_err("nothing is known");
    let told: Vec<_> = refused
        .unmet
        .iter()
        .map(|one| (one.guard, one.recorded))
        .collect();
    assert_eq!(
        told,
        [
            ("coverage", false),
            ("pass_rate", false),
            ("baseline", false)
        ]
    );
    assert!(refused.unmet[0].what.en.contains("not yet recorded"));
    let waived = Facts {
        waived: ["coverage", "pass_rate", "baseline"]
            .map(str::to_owned)
            .to_vec(),
        ..unknown
    };
    assert!(step(at(State::Testing), &Event::OpenGrey, &anybody(), &waived).is_ok());
}

#[test]
fn who_may_act_and_what_was_reviewed_is_never_waived() {
    let all = [
        "role",
        "four_eyes",
        "security_agreed",
        "lint_clean",
        "sla",
        "compat",
        "compat_computed",
        "freeze",
        "rollback_target",
        "successor",
        "notice",
    ];
    let facts = Facts {
        waived: all.map(str::to_owned).to_vec(),
        authors: vec!["somebody".to_owned()],
        lint_errors: 3,
        ..good()
    };
    assert_eq!(
        unmet(State::InReview, &Event::Approve, &anybody(), &facts),
        ["four_eyes"]
    );
    assert_eq!(
        unmet(State::Draft, &Event::Submit, &anybody(), &facts),
        ["lint_clean"]
    );
}

fn anybody() -> Actor {
    use Role::{Caller, Manager, Operator, Provider, Security, System};
    Actor::new(
        "somebody",
        [Provider, Caller, Manager, Security, Operator, System],
    )
}

fn at(state: State) -> Standing {
    Standing {
        state,
        suspended: false,
    }
}

fn events() -> Vec<Event> {
    let reason = || "because".to_owned();
    vec![
        Event::Begin,
        Event::Edit,
        Event::Submit,
        Event::Approve,
        Event::Refuse { reason: reason() },
        Event::Test,
        Event::OpenGrey,
        Event::Publish,
        Event::Deprecate,
        Event::Restore,
        Event::Suspend { reason: reason() },
        Event::Resume,
        Event::Retire,
        Event::Supersede,
        Event::Archive { reason: reason() },
    ]
}

fn unmet(state: State, event: &Event, actor: &Actor, facts: &Facts) -> Vec<&'static str> {
    match step(at(state), event, actor, facts) {
        Ok(_) => vec![],
        Err(refusal) => refusal.unmet.iter().map(|one| one.guard).collect(),
    }
}

#[test]
fn a_life_from_idea_to_archive() {
    let life = [
        (Event::Begin, State::Draft),
        (Event::Submit, State::InReview),
        (Event::Approve, State::Approved),
        (Event::Test, State::Testing),
        (Event::OpenGrey, State::Grey),
        (Event::Publish, State::Published),
        (Event::Deprecate, State::Deprecated),
        (Event::Restore, State::Published),
        (Event::Deprecate, State::Deprecated),
        (Event::Retire, State::Retired),
        (
            Event::Archive {
                reason: String::new(),
            },
            State::Archived,
        ),
    ];
    let mut standing = at(State::Identified);
    for (event, expected) in life {
        standing = step(standing, &event, &anybody(), &good())
            .expect("allowed")
            .0;
        assert_eq!(standing, at(expected));
    }
}

#[test]
fn all_guards_that_fail_are_told_at_once() {
    let facts = Facts {
        lint_errors: 3,
        missing_examples: 1,
        has_sla: false,
        compat: None,
        ..good()
    };
    let actor = Actor::new("reader", [Role::Caller]);
    let told = unmet(State::Draft, &Event::Submit, &actor, &facts);
    assert_eq!(
        told,
        ["role", "lint_clean", "examples", "sla", "compat_computed"]
    );
}

#[test]
fn nobody_approves_what_he_wrote_and_guarded_data_needs_security() {
    let author = Actor::new("author", [Role::Manager, Role::Provider]);
    assert_eq!(
        unmet(State::InReview, &Event::Approve, &author, &good()),
        ["four_eyes"]
    );
    let guarded = Facts {
        highest_level: 3,
        ..good()
    };
    let manager = Actor::new("manager", [Role::Manager]);
    assert_eq!(
        unmet(State::InReview, &Event::Approve, &manager, &guarded),
        ["security_agreed"]
    );
    let agreed = Facts {
        security_agreed: true,
        ..guarded
    };
    assert_eq!(
        unmet(State::InReview, &Event::Approve, &manager, &agreed),
        Vec::<&str>::new()
    );
}

#[test]
fn an_edit_after_the_approval_takes_the_pin_off() {
    for state in [State::Approved, State::Testing] {
        let (standing, effects) =
            step(at(state), &Event::Edit, &anybody(), &good()).expect("allowed");
        assert_eq!(
            (standing, effects),
            (at(State::Draft), vec![Effect::UnpinContent])
        );
    }
    assert_eq!(
        unmet(State::Published, &Event::Edit, &anybody(), &good()),
        ["state"]
    );
}

#[test]
fn the_gate_to_callers_counts_cells_tests_and_callers() {
    let facts = Facts {
        open_cells: Some(2),
        waived_percent: Decimal::new(21, 1),
        pass_percent: Some(Decimal::new(899, 1)),
        target_percent: Decimal::new(50, 0),
        baseline_met: Some(false),
        compat: Some(Some(Severity::Error)),
        unheard_callers: vec!["app".to_owned(), "desk".to_owned()],
        rollback_target: false,
        freeze: Some("year end".to_owned()),
        ..good()
    };
    let told = unmet(State::Testing, &Event::OpenGrey, &anybody(), &facts);
    let expected = [
        "coverage",
        "waivers",
        "pass_rate",
        "baseline",
        "compat",
        "callers_heard",
        "callers_heard",
        "rollback_target",
        "freeze",
    ];
    assert_eq!(told, expected);
    let major = Facts {
        compat: Some(Some(Severity::Error)),
        is_major: true,
        ..good()
    };
    assert_eq!(
        unmet(State::Testing, &Event::OpenGrey, &anybody(), &major),
        Vec::<&str>::new()
    );
}

#[test]
fn a_suspended_version_returns_to_the_state_it_left() {
    for state in [State::Grey, State::Published, State::Deprecated] {
        let suspend = Event::Suspend {
            reason: "leak".to_owned(),
        };
        let (held, effects) = step(at(state), &suspend, &anybody(), &good()).expect("allowed");
        assert!(held.suspended && effects.contains(&Effect::PublishEmergency));
        assert!(step(held, &Event::Deprecate, &anybody(), &good()).is_err());
        let (back, _) = step(held, &Event::Resume, &anybody(), &good()).expect("allowed");
        assert_eq!(back, at(state));
    }
    let silent = Event::Suspend {
        reason: " ".to_owned(),
    };
    assert_eq!(
        unmet(State::Published, &silent, &anybody(), &good()),
        ["reason"]
    );
}

#[test]
fn retirement_waits_for_silence_and_every_subscription() {
    let facts = Facts {
        quiet_days: Some(19),
        subscribed_callers: vec!["app".to_owned()],
        ..good()
    };
    let told = unmet(State::Deprecated, &Event::Retire, &anybody(), &facts);
    assert_eq!(told, ["no_calls", "subscriptions_ended"]);
}

#[test]
fn the_table_is_what_step_does() {
    for state in State::ALL {
        for event in events()
            .into_iter()
            .filter(|event| !matches!(event, Event::Suspend { .. } | Event::Resume))
        {
            let row = TABLE
                .iter()
                .find(|row| row.from == state && row.event == event.name());
            let stepped = step(at(state), &event, &anybody(), &good())
                .ok()
                .map(|(standing, _)| standing.state);
            assert_eq!(stepped, row.map(|row| row.to), "{state:?} {event:?}");
        }
    }
}

proptest! {
    /// Invariant V1: a version that callers reach was approved after its last edit.
    #[test]
    fn no_walk_reaches_callers_past_a_review(walk in prop::collection::vec(0_usize..15, 1..60)) {
        let all = events();
        let mut standing = at(State::Identified);
        let mut approved = false;
        for n in walk {
            let event = &all[n];
            let Ok((next, _)) = step(standing, event, &anybody(), &good()) else { continue };
            match event {
                Event::Approve => approved = true,
                Event::Edit | Event::Begin => approved = false,
                _ => {}
            }
            prop_assert!(!next.state.is_live() || approved);
            prop_assert!(next.state.is_live() || !next.suspended);
            standing = next;
        }
    }
}
