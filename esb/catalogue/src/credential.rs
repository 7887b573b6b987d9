//! The life of a credential (凭证; specification, section 3.2).

use jiff::Timestamp;
use rialto_esb_contract::Words;

use crate::guard::{Guards, Refusal, not_from};

/// Where a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Made; its secret waits to be fetched by a second person.
    Created,
    /// Fetched; it works from its first use on.
    Delivered,
    /// In use.
    Active,
    /// A successor exists; both work until the overlap ends.
    Rotating,
    /// Taken away.
    Revoked,
    /// Ended on its day.
    Expired,
}

impl State {
    /// Its name for people.
    #[must_use]
    pub fn words(self) -> Words {
        let (en, zh) = match self {
            Self::Created => ("created", "已创建"),
            Self::Delivered => ("delivered", "已领取"),
            Self::Active => ("active", "使用中"),
            Self::Rotating => ("rotating", "轮换中"),
            Self::Revoked => ("revoked", "已吊销"),
            Self::Expired => ("expired", "已过期"),
        };
        Words::new(en, zh)
    }

    /// Whether the gateway takes it.
    #[must_use]
    pub fn is_accepted(self) -> bool {
        matches!(self, Self::Delivered | Self::Active | Self::Rotating)
    }
}

/// What happens to a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Its secret is fetched by its one-time link.
    Deliver {
        /// Who fetches it.
        by: String,
    },
    /// It is used for the first time.
    Use,
    /// A successor is made.
    Rotate {
        /// Days both work.
        overlap_days: u32,
    },
    /// Its successor went away before anybody fetched its secret: it goes on alone.
    Resume,
    /// It is taken away.
    Revoke {
        /// Why.
        reason: String,
    },
    /// Time passes.
    Tick,
}

/// What is known of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Now.
    pub now: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When the overlap with its successor ends.
    pub overlap_ends_at: Option<Timestamp>,
    /// Who saw its key id when it was made.
    pub created_by: String,
}

/// Longest time two credentials of one rotation both work, days.
pub const LONGEST_OVERLAP_DAYS: u32 = 30;

/// What an event makes of a credential.
///
/// # Errors
/// [`Refusal`] with every guard that is not met.
pub fn step(state: State, event: &Event, facts: &Facts) -> Result<State, Refusal> {
    use State::{Active, Created, Delivered, Expired, Revoked, Rotating};
    let mut guards = Guards::default();
    let next = match (state, event) {
        (Created, Event::Deliver { by }) => {
            let other = *by != facts.created_by;
            guards.require(
                other,
                "split_delivery",
                "The secret goes to another person than the key id.",
                "密钥须由创建者以外的人领取。",
            );
            let alive = facts.now < facts.expires_at;
            guards.require(
                alive,
                "alive",
                "It has expired; make another.",
                "已过期，请重新创建。",
            );
            Delivered
        }
        (Delivered | Active | Rotating, Event::Use) => {
            let alive = facts.now < facts.expires_at;
            guards.require(alive, "alive", "It has expired.", "已过期。");
            if state == Delivered { Active } else { state }
        }
        (Delivered | Active, Event::Rotate { overlap_days }) => {
            let fits = (1..=LONGEST_OVERLAP_DAYS).contains(overlap_days);
            let en = format!("Both work for 1 to {LONGEST_OVERLAP_DAYS} days, not {overlap_days}.");
            guards.require(
                fits,
                "overlap",
                en,
                format!("新旧凭证并存 1 至 {LONGEST_OVERLAP_DAYS} 天。"),
            );
            Rotating
        }
        (Rotating, Event::Resume) => {
            guards.require(
                facts.overlap_ends_at.is_none(),
                "successor",
                "Its successor works; make another one of that.",
                "新凭证已启用，请对新凭证轮换。",
            );
            Delivered
        }
        (Created | Delivered | Active | Rotating, Event::Revoke { reason }) => {
            guards.reason(reason);
            Revoked
        }
        (Created | Delivered | Active | Rotating, Event::Tick) => {
            let over = facts.overlap_ends_at.is_some_and(|end| facts.now >= end);
            match (facts.now >= facts.expires_at, state) {
                (true, _) => Expired,
                (false, Rotating) if over => Expired,
                _ => state,
            }
        }
        (Revoked | Expired, Event::Tick) => state,
        _ => return Err(not_from(&state.words(), &words(event))),
    };
    guards.met()?;
    Ok(next)
}

fn words(event: &Event) -> Words {
    let (en, zh) = match event {
        Event::Deliver { .. } => ("Fetching the secret", "领取密钥"),
        Event::Use => ("Using it", "使用"),
        Event::Rotate { .. } => ("Rotating", "轮换"),
        Event::Resume => ("Going on alone", "恢复使用"),
        Event::Revoke { .. } => ("Revoking", "吊销"),
        Event::Tick => ("Ageing", "计时"),
    };
    Words::new(en, zh)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(day: i64) -> Facts {
        let at = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).expect("in range");
        Facts {
            now: at(day),
            expires_at: at(365),
            overlap_ends_at: Some(at(17)),
            created_by: "asker".to_owned(),
        }
    }

    #[test]
    fn the_secret_goes_to_a_second_person_once() {
        let deliver = |by: &str| Event::Deliver { by: by.to_owned() };
        let own = step(State::Created, &deliver("asker"), &facts(0)).expect_err("refused");
        assert_eq!(own.unmet[0].guard, "split_delivery");
        assert_eq!(
            step(State::Created, &deliver("other"), &facts(0)),
            Ok(State::Delivered)
        );
        let again = step(State::Delivered, &deliver("other"), &facts(0)).expect_err("refused");
        assert_eq!(again.unmet[0].guard, "state");
    }

    #[test]
    fn both_work_during_a_rotation_and_the_old_one_ends_with_it() {
        let rotate = |overlap_days| Event::Rotate { overlap_days };
        assert_eq!(
            step(State::Active, &rotate(7), &facts(10)),
            Ok(State::Rotating)
        );
        assert!(step(State::Active, &rotate(31), &facts(10)).is_err());
        assert!(step(State::Active, &rotate(0), &facts(10)).is_err());
        assert_eq!(
            step(State::Rotating, &Event::Tick, &facts(16)),
            Ok(State::Rotating)
        );
        assert_eq!(
            step(State::Rotating, &Event::Tick, &facts(17)),
            Ok(State::Expired)
        );
        assert!(State::Rotating.is_accepted());
    }

    #[test]
    fn one_whose_successor_was_never_fetched_goes_on_alone() {
        let mut known = facts(10);
        let begun = step(State::Rotating, &Event::Resume, &known).expect_err("refused");
        assert_eq!(begun.unmet[0].guard, "successor");
        known.overlap_ends_at = None;
        assert_eq!(
            step(State::Rotating, &Event::Resume, &known),
            Ok(State::Delivered)
        );
        assert!(step(State::Revoked, &Event::Resume, &known).is_err());
        // Without an end of the overlap it does not end before its own day.
        assert_eq!(
            step(State::Rotating, &Event::Tick, &known),
            Ok(State::Rotating)
        );
    }

    #[test]
    fn what_is_revoked_or_expired_never_works_again() {
        for state in [State::Revoked, State::Expired] {
            for event in [
                Event::Use,
                Event::Rotate { overlap_days: 7 },
                Event::Deliver { by: "x".to_owned() },
            ] {
                assert!(
                    step(state, &event, &facts(1)).is_err(),
                    "{state:?} {event:?}"
                );
            }
            assert_eq!(step(state, &Event::Tick, &facts(1)), Ok(state));
            assert!(!state.is_accepted());
        }
        assert_eq!(
            step(State::Active, &Event::Tick, &facts(365)),
            Ok(State::Expired)
        );
    }
}
