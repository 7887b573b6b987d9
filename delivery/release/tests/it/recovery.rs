//! A small world (router and journal) in which the controller is killed at any point.

use proptest::prelude::*;
use rialto_delivery_release::plan::{Step, back_steps};
use rialto_delivery_release::{
    DeploymentState as S, Entry, Journal, Next, Outcome, RouterView, SlotName, choose_candidate,
    journal::{PREPARATIONS, PREPARES_AGAIN},
    resume,
};

#[derive(Debug, Clone)]
struct World {
    /// Slot the router serves.
    router: Option<SlotName>,
    journal: Journal,
    /// Actions left before the controller dies.
    fuel: u32,
    bake_is_good: bool,
    router_answers: bool,
}

struct Died;

impl World {
    fn new(previous: Option<SlotName>, fuel: u32, bake_is_good: bool) -> Self {
        let candidate = Some(choose_candidate(previous, None));
        let journal = Journal {
            state: S::Queued,
            candidate,
            previous,
            entries: vec![],
        };
        Self {
            router: previous,
            journal,
            fuel,
            bake_is_good,
            router_answers: true,
        }
    }

    fn tick(&mut self) -> Result<(), Died> {
        self.fuel = self.fuel.checked_sub(1).ok_or(Died)?;
        Ok(())
    }

    fn write(&mut self, state: S, step: Step, outcome: Outcome) -> Result<(), Died> {
        self.tick()?;
        self.journal.state = state;
        self.journal.entries.push(Entry {
            at_micros: 0,
            step,
            outcome,
            detail: String::new(),
        });
        Ok(())
    }

    fn route(&mut self, to: Option<SlotName>) -> Result<(), Died> {
        self.tick()?;
        self.router = to;
        Ok(())
    }

    fn view(&self) -> RouterView {
        if self.router_answers {
            RouterView::Serves {
                active: self.router,
            }
        } else {
            RouterView::Unknown
        }
    }

    fn deploy(&mut self) -> Result<(), Died> {
        self.write(S::Preparing, Step::Install, Outcome::Started)?;
        self.write(S::Preparing, Step::Start, Outcome::Ok)?;
        self.write(S::Preparing, Step::Readiness, Outcome::Ok)?;
        self.write(S::Switching, Step::Switch, Outcome::Started)?;
        self.route(self.journal.candidate)?;
        self.write(S::Baking, Step::Verify, Outcome::Ok)?;
        self.bake()
    }

    fn bake(&mut self) -> Result<(), Died> {
        if self.bake_is_good {
            self.write(S::Succeeded, Step::Bake, Outcome::Ok)
        } else {
            self.write(S::RollingBack, Step::Bake, Outcome::Failed)?;
            self.go_back()
        }
    }

    fn go_back(&mut self) -> Result<(), Died> {
        assert_eq!(back_steps()[0].step, Step::SwitchBack);
        self.write(S::RollingBack, Step::SwitchBack, Outcome::Started)?;
        self.route(self.journal.previous)?;
        self.write(S::RolledBack, Step::VerifyBack, Outcome::Ok)
    }

    fn recover(&mut self) -> Result<(), Died> {
        match resume(&self.journal, &self.view()) {
            Next::Nothing => Ok(()),
            Next::Check | Next::Wait => self.deploy(),
            Next::PrepareAgain => {
                self.tick()?;
                self.journal.entries.push(Entry {
                    at_micros: 0,
                    step: Step::Install,
                    outcome: Outcome::Started,
                    detail: PREPARES_AGAIN.to_owned(),
                });
                self.deploy()
            }
            Next::SwitchAgain => {
                self.route(self.journal.candidate)?;
                self.write(S::Baking, Step::Verify, Outcome::Ok)?;
                self.bake()
            }
            Next::Abort { .. } => self.write(S::Failed, Step::StopCandidate, Outcome::Ok),
            Next::ConfirmSwitch => {
                self.write(S::Baking, Step::Verify, Outcome::Ok)?;
                self.bake()
            }
            Next::Bake => self.bake(),
            Next::GoBack { .. } => self.go_back(),
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_crashes_exactly_one_slot_serves_in_the_end(
        first in any::<bool>(),
        bake_is_good in any::<bool>(),
        lives in prop::collection::vec((0u32..9, any::<bool>()), 0..6),
    ) {
        let previous = (!first).then_some(SlotName::Green);
        let mut world = World::new(previous, 0, bake_is_good);
        let mut begun = false;
        let interruptions = lives.len();
        let router_always_answers = lives.iter().all(|(_, answers)| *answers);
        for (fuel, router_answers) in lives {
            world.fuel = fuel;
            world.router_answers = router_answers;
            let _died = if begun { world.recover() } else { world.deploy() };
            begun = true;
        }
        world.fuel = 100;
        world.router_answers = true;
        let _ended = world.recover();
        prop_assert!(world.journal.state.is_terminal(), "{:?}", world.journal.state);
        let expected = if world.journal.state == S::Succeeded { world.journal.candidate } else { previous };
        prop_assert_eq!(world.router, expected);
        // Few interruptions of a good version do not keep it from going live.
        if bake_is_good && interruptions < PREPARATIONS && router_always_answers {
            prop_assert_eq!(world.journal.state, S::Succeeded);
        }
        if !bake_is_good {
            prop_assert_ne!(world.journal.state, S::Succeeded);
        }
    }

    #[test]
    fn a_candidate_takes_neither_the_serving_slot_nor_the_standby_s(
        active in prop::option::of(prop::sample::select(SlotName::ALL.to_vec())),
        standby in prop::option::of(prop::sample::select(SlotName::ALL.to_vec())),
    ) {
        let candidate = Some(choose_candidate(active, standby));
        prop_assert_ne!(candidate, active);
        prop_assert_ne!(candidate, standby);
    }

    #[test]
    fn resume_is_idempotent(
        state in prop::sample::select(S::ALL.to_vec()),
        router in prop::option::of(prop::sample::select(SlotName::ALL.to_vec())),
        answers in any::<bool>(),
    ) {
        let journal = Journal {
            state,
            candidate: Some(SlotName::Blue),
            previous: Some(SlotName::Green),
            entries: vec![],
        };
        let view = if answers { RouterView::Serves { active: router } } else { RouterView::Unknown };
        let first = resume(&journal, &view);
        prop_assert_eq!(&first, &resume(&journal, &view));
        // Carrying the decision out as far as its state and being killed again decides the same way.
        if let Some(event) = first.event(state) {
            let next = rialto_delivery_release::state::TRANSITIONS
                .iter()
                .find(|(from, on, ..)| *from == state && *on == event)
                .map(|(_, _, to, _)| *to);
            prop_assert!(next.is_some(), "{:?} is allowed in {}", event, state);
            let later = Journal { state: next.unwrap_or(state), ..journal };
            let second = resume(&later, &view);
            let consistent = match first {
                Next::GoBack { .. } => matches!(second, Next::GoBack { .. }),
                Next::ConfirmSwitch => matches!(second, Next::Bake),
                Next::Abort { .. } => matches!(second, Next::Nothing),
                Next::Check => matches!(second, Next::Check),
                _ => true,
            };
            prop_assert!(consistent, "{:?} then {:?}", first, second);
        }
    }
}

#[test]
fn an_unconfirmed_switch_goes_back_and_says_why() {
    let journal = Journal {
        state: S::Switching,
        candidate: Some(SlotName::Blue),
        previous: Some(SlotName::Green),
        entries: vec![],
    };
    let foreign = RouterView::Foreign {
        address: "127.0.0.1:1".into(),
    };
    let Next::GoBack { reason } = resume(&journal, &foreign) else {
        panic!("ambiguous goes back")
    };
    assert!(reason.contains("127.0.0.1:1"), "{reason}");
    assert_eq!(journal.last(Step::Switch), None);
}

#[test]
fn what_takes_the_server_down_again_and_again_is_given_up() {
    let again = Entry {
        at_micros: 0,
        step: Step::Install,
        outcome: Outcome::Started,
        detail: PREPARES_AGAIN.to_owned(),
    };
    let mut journal = Journal {
        state: S::Preparing,
        candidate: Some(SlotName::Blue),
        previous: None,
        entries: vec![again.clone(); PREPARATIONS - 1],
    };
    let nothing = RouterView::Serves { active: None };
    assert_eq!(resume(&journal, &nothing), Next::PrepareAgain);
    journal.entries.push(again);
    assert!(matches!(resume(&journal, &nothing), Next::Abort { .. }));
}

#[test]
fn a_switch_that_was_not_begun_is_made() {
    let journal = Journal {
        state: S::Switching,
        candidate: Some(SlotName::Violet),
        previous: Some(SlotName::Green),
        entries: vec![],
    };
    let serves = |active| RouterView::Serves { active };
    let next = |active| resume(&journal, &serves(active));
    assert_eq!(next(Some(SlotName::Green)), Next::SwitchAgain);
    assert_eq!(next(Some(SlotName::Violet)), Next::ConfirmSwitch);
    for other in [None, Some(SlotName::Blue)] {
        assert!(matches!(next(other), Next::GoBack { .. }), "{other:?}");
    }
}
