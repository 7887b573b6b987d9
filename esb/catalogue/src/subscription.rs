//! The life of a subscription (订阅; specification, section 3.2).

use jiff::civil::Date;
use rialto_esb_contract::Words;

use crate::guard::{Actor, Guards, Refusal, Role, not_from};

/// Where a subscription stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Asked for by a caller.
    Requested,
    /// The provider agreed.
    ProviderApproved,
    /// A manager agreed; it begins with the next snapshot.
    ManagerApproved,
    /// Calls pass.
    Active,
    /// Calls pass at a lower rate.
    Throttled,
    /// Calls are refused for now.
    Suspended,
    /// Calls pass; it ends within thirty days.
    Expiring,
    /// It ended on its day.
    Expired,
    /// It was taken away.
    Revoked,
    /// It was refused.
    Rejected,
    /// The caller took the request back.
    Withdrawn,
}

impl State {
    /// All states.
    pub const ALL: [Self; 11] = [
        Self::Requested,
        Self::ProviderApproved,
        Self::ManagerApproved,
        Self::Active,
        Self::Throttled,
        Self::Suspended,
        Self::Expiring,
        Self::Expired,
        Self::Revoked,
        Self::Rejected,
        Self::Withdrawn,
    ];

    /// Its name for people.
    #[must_use]
    pub fn words(self) -> Words {
        let (en, zh) = match self {
            Self::Requested => ("requested", "已申请"),
            Self::ProviderApproved => ("approved by the provider", "提供方已批准"),
            Self::ManagerApproved => ("approved by a manager", "管理方已批准"),
            Self::Active => ("active", "生效中"),
            Self::Throttled => ("throttled", "限速中"),
            Self::Suspended => ("suspended", "已暂停"),
            Self::Expiring => ("expiring", "即将到期"),
            Self::Expired => ("expired", "已到期"),
            Self::Revoked => ("revoked", "已撤销"),
            Self::Rejected => ("rejected", "已驳回"),
            Self::Withdrawn => ("withdrawn", "已撤回"),
        };
        Words::new(en, zh)
    }

    /// Whether calls pass.
    #[must_use]
    pub fn admits_calls(self) -> bool {
        matches!(self, Self::Active | Self::Throttled | Self::Expiring)
    }

    /// Whether nothing can follow.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(
            self,
            Self::Expired | Self::Revoked | Self::Rejected | Self::Withdrawn
        )
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The provider or a manager agrees, whoever's turn it is.
    Approve,
    /// One of them does not.
    Reject {
        /// Why.
        reason: String,
    },
    /// The caller takes the request back.
    Withdraw,
    /// The snapshot that holds it is active.
    Activate,
    /// The rate is cut.
    Throttle {
        /// Why.
        reason: String,
    },
    /// Calls are refused for now.
    Suspend {
        /// Why.
        reason: String,
    },
    /// The cut or the refusal ends.
    Resume,
    /// A day passes.
    Day,
    /// The end is moved.
    Extend {
        /// The new last day.
        until: Date,
    },
    /// It is taken away.
    Revoke {
        /// Why.
        reason: String,
    },
}

/// What is known of a subscription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Today in the house's zone.
    pub today: Date,
    /// Its last day.
    pub until: Date,
    /// Who asked for it.
    pub requested_by: String,
    /// Who agreed for the provider.
    pub provider_approval: Option<String>,
    /// Whether it is for a sandbox whose policy agrees by itself.
    pub sandbox: bool,
}

/// Days before the end from which a subscription is called expiring.
pub const EXPIRING_DAYS: i32 = 30;

/// What an event makes of a subscription.
///
/// # Errors
/// [`Refusal`] with every guard that is not met.
pub fn step(state: State, event: &Event, actor: &Actor, facts: &Facts) -> Result<State, Refusal> {
    use State::{
        Active, Expired, Expiring, ManagerApproved, ProviderApproved, Rejected, Requested, Revoked,
        Suspended, Throttled, Withdrawn,
    };
    let mut guards = Guards::default();
    let next = match (state, event) {
        (Requested, Event::Approve) if facts.sandbox => ManagerApproved,
        (Requested, Event::Approve) => {
            guards.role(actor, &[Role::Provider]);
            four_eyes(actor, facts, &mut guards);
            ProviderApproved
        }
        (ProviderApproved, Event::Approve) => {
            guards.role(actor, &[Role::Manager]);
            four_eyes(actor, facts, &mut guards);
            ManagerApproved
        }
        (Requested | ProviderApproved, Event::Reject { reason }) => {
            guards.role(actor, &[Role::Provider, Role::Manager]);
            guards.reason(reason);
            Rejected
        }
        (Requested | ProviderApproved | ManagerApproved, Event::Withdraw) => {
            guards.role(actor, &[Role::Caller]);
            Withdrawn
        }
        (ManagerApproved, Event::Activate) => {
            guards.role(actor, &[Role::System]);
            by_day(Active, facts)
        }
        (Active | Expiring, Event::Throttle { reason }) => {
            guards.role(actor, &[Role::Provider, Role::Manager, Role::Operator]);
            guards.reason(reason);
            Throttled
        }
        (Active | Expiring | Throttled, Event::Suspend { reason }) => {
            guards.role(actor, &[Role::Provider, Role::Manager, Role::Operator]);
            guards.reason(reason);
            Suspended
        }
        (Throttled | Suspended, Event::Resume) => {
            guards.role(actor, &[Role::Provider, Role::Manager, Role::Operator]);
            by_day(Active, facts)
        }
        (Active | Expiring | Throttled | Suspended, Event::Day) => by_day(state, facts),
        (Active | Expiring | Throttled | Suspended, Event::Extend { until }) => {
            guards.role(actor, &[Role::Provider, Role::Manager]);
            let later = *until > facts.until && *until > facts.today;
            guards.require(
                later,
                "later",
                "The new end must lie after the old one and after today.",
                "新的到期日须晚于原到期日和今天。",
            );
            let moved = Facts {
                until: *until,
                ..facts.clone()
            };
            by_day(if state == Expiring { Active } else { state }, &moved)
        }
        (_, Event::Revoke { reason }) if !state.is_final() => {
            guards.role(actor, &[Role::Provider, Role::Manager, Role::Security]);
            guards.reason(reason);
            Revoked
        }
        _ => return Err(not_from(&state.words(), &words(event))),
    };
    guards.met()?;
    debug_assert!(next != Expired || facts.today > facts.until);
    Ok(next)
}

/// The state a day makes of a running one.
fn by_day(state: State, facts: &Facts) -> State {
    let left = facts
        .until
        .since(facts.today)
        .map_or(i32::MAX, |span| span.get_days());
    match state {
        _ if left < 0 => State::Expired,
        State::Active if left <= EXPIRING_DAYS => State::Expiring,
        other => other,
    }
}

/// Who asked cannot agree, and one person cannot agree twice.
fn four_eyes(actor: &Actor, facts: &Facts, guards: &mut Guards) {
    let own = actor.id == facts.requested_by || facts.provider_approval.as_ref() == Some(&actor.id);
    guards.require(
        !own,
        "four_eyes",
        "Who asked for it, or agreed already, cannot agree.",
        "申请人或已批准者不能再批准。",
    );
}

fn words(event: &Event) -> Words {
    let (en, zh) = match event {
        Event::Approve => ("Approving", "批准"),
        Event::Reject { .. } => ("Rejecting", "驳回"),
        Event::Withdraw => ("Withdrawing", "撤回"),
        Event::Activate => ("Activating", "生效"),
        Event::Throttle { .. } => ("Throttling", "限速"),
        Event::Suspend { .. } => ("Suspending", "暂停"),
        Event::Resume => ("Resuming", "恢复"),
        Event::Day => ("Counting a day", "计日"),
        Event::Extend { .. } => ("Extending", "续期"),
        Event::Revoke { .. } => ("Revoking", "撤销"),
    };
    Words::new(en, zh)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn facts() -> Facts {
        Facts {
            today: date(2026, 11, 22),
            until: date(2027, 11, 21),
            requested_by: "caller".to_owned(),
            provider_approval: Some("provider".to_owned()),
            sandbox: false,
        }
    }

    fn actor(id: &str, role: Role) -> Actor {
        Actor::new(id, [role])
    }

    #[test]
    fn two_people_other_than_the_caller_agree() {
        let state = step(
            State::Requested,
            &Event::Approve,
            &actor("provider2", Role::Provider),
            &facts(),
        );
        assert_eq!(state, Ok(State::ProviderApproved));
        let same = step(
            State::ProviderApproved,
            &Event::Approve,
            &actor("provider", Role::Manager),
            &facts(),
        );
        assert_eq!(same.expect_err("refused").unmet[0].guard, "four_eyes");
        let state = step(
            State::ProviderApproved,
            &Event::Approve,
            &actor("manager", Role::Manager),
            &facts(),
        );
        assert_eq!(state, Ok(State::ManagerApproved));
    }

    #[test]
    fn a_sandbox_agrees_by_itself() {
        let sandbox = Facts {
            sandbox: true,
            ..facts()
        };
        let state = step(
            State::Requested,
            &Event::Approve,
            &actor("platform", Role::System),
            &sandbox,
        );
        assert_eq!(state, Ok(State::ManagerApproved));
    }

    #[test]
    fn days_lead_to_the_end_and_an_extension_leads_back() {
        let day = |today, state| {
            let facts = Facts { today, ..facts() };
            step(state, &Event::Day, &actor("platform", Role::System), &facts).expect("counted")
        };
        assert_eq!(day(date(2027, 10, 21), State::Active), State::Active);
        assert_eq!(day(date(2027, 10, 22), State::Active), State::Expiring);
        assert_eq!(day(date(2027, 11, 21), State::Expiring), State::Expiring);
        assert_eq!(day(date(2027, 11, 22), State::Throttled), State::Expired);
        let extend = Event::Extend {
            until: date(2028, 11, 21),
        };
        let near = Facts {
            today: date(2027, 11, 1),
            ..facts()
        };
        let extended = step(
            State::Expiring,
            &extend,
            &actor("manager", Role::Manager),
            &near,
        );
        assert_eq!(extended, Ok(State::Active));
    }

    fn events() -> impl Strategy<Value = Event> {
        let reason = || "because".to_owned();
        prop::sample::select(vec![
            Event::Approve,
            Event::Reject { reason: reason() },
            Event::Withdraw,
            Event::Activate,
            Event::Throttle { reason: reason() },
            Event::Suspend { reason: reason() },
            Event::Resume,
            Event::Day,
            Event::Revoke { reason: reason() },
        ])
    }

    proptest! {
        /// Invariant S1: calls pass only after a provider and a manager agreed; what has ended stays.
        #[test]
        fn calls_pass_only_after_both_agreed(walk in prop::collection::vec(events(), 1..40)) {
            use Role::{Caller, Manager, Operator, Provider, Security, System};
            let everybody = Actor::new("x", [Caller, Manager, Operator, Provider, Security, System]);
            let (mut state, mut agreed) = (State::Requested, 0);
            for event in walk {
                let ended = state.is_final();
                if let Ok(next) = step(state, &event, &everybody, &facts()) {
                    prop_assert!(!ended);
                    agreed += u32::from(event == Event::Approve);
                    state = next;
                }
                prop_assert!(!state.admits_calls() || agreed >= 2);
            }
        }
    }
}
