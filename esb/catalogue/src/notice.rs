//! The life of a change notice (变更通知; specification, section 3.2).

use std::collections::BTreeMap;

use jiff::civil::Date;
use rialto_esb_contract::Words;

use crate::guard::{Actor, Guards, Refusal, Role, not_from};

/// Where a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Being written.
    Draft,
    /// With the callers; none has answered yet.
    Sent,
    /// Some have answered.
    Acknowledging,
    /// All have answered or are waived.
    Cleared,
    /// Its day has passed and some have not.
    Overdue,
    /// The change was made.
    Executed,
    /// The change is not made.
    Cancelled,
}

impl State {
    /// Its name for people.
    #[must_use]
    pub fn words(self) -> Words {
        let (en, zh) = match self {
            Self::Draft => ("a draft", "草稿"),
            Self::Sent => ("sent", "已发送"),
            Self::Acknowledging => ("being acknowledged", "确认中"),
            Self::Cleared => ("cleared", "已全部确认"),
            Self::Overdue => ("overdue", "已逾期"),
            Self::Executed => ("executed", "已执行"),
            Self::Cancelled => ("cancelled", "已取消"),
        };
        Words::new(en, zh)
    }
}

/// What an affected caller said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// Nothing yet.
    Waiting,
    /// It is ready.
    Acknowledged {
        /// Who said so.
        by: String,
    },
    /// A manager waived it by name.
    Waived {
        /// Who did.
        by: String,
        /// Why.
        reason: String,
        /// Until when.
        until: Date,
    },
}

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where it stands.
    pub state: State,
    /// The day callers should have answered by.
    pub due: Date,
    /// Every affected caller, declared or observed, and what it said.
    pub callers: BTreeMap<String, Answer>,
}

/// What happens to a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It goes to the callers.
    Send,
    /// A caller is ready.
    Acknowledge {
        /// The caller.
        caller: String,
    },
    /// A caller is waived by name.
    Waive {
        /// The caller.
        caller: String,
        /// Why.
        reason: String,
        /// Until when.
        until: Date,
    },
    /// A day passes.
    Day,
    /// The change is made.
    Execute,
    /// The change is not made.
    Cancel {
        /// Why.
        reason: String,
    },
}

impl Notice {
    /// Callers that neither acknowledged nor are waived today.
    #[must_use]
    pub fn unheard(&self, today: Date) -> Vec<String> {
        let open = |answer: &Answer| match answer {
            Answer::Waiting => true,
            Answer::Acknowledged { .. } => false,
            Answer::Waived { until, .. } => *until < today,
        };
        let waiting = self.callers.iter().filter(|(_, answer)| open(answer));
        waiting.map(|(caller, _)| caller.clone()).collect()
    }

    /// What an event makes of the notice.
    ///
    /// # Errors
    /// [`Refusal`] with every guard that is not met.
    pub fn step(&self, event: &Event, actor: &Actor, today: Date) -> Result<Self, Refusal> {
        use State::{Acknowledging, Cancelled, Cleared, Draft, Executed, Overdue, Sent};
        let mut next = self.clone();
        let mut guards = Guards::default();
        match (self.state, event) {
            (Draft, Event::Send) => {
                guards.role(actor, &[Role::Provider, Role::Manager]);
                guards.require(
                    self.due > today,
                    "due",
                    "The day to answer by must lie ahead.",
                    "确认截止日须晚于今天。",
                );
                next.state = Sent;
            }
            (Sent | Acknowledging | Overdue | Cleared, Event::Acknowledge { caller }) => {
                guards.role(actor, &[Role::Caller]);
                next.answer(
                    caller,
                    Answer::Acknowledged {
                        by: actor.id.clone(),
                    },
                    &mut guards,
                );
            }
            (
                Sent | Acknowledging | Overdue | Cleared,
                Event::Waive {
                    caller,
                    reason,
                    until,
                },
            ) => {
                guards.role(actor, &[Role::Manager]);
                guards.reason(reason);
                guards.require(
                    *until >= today,
                    "until",
                    "The waiver ends before today.",
                    "豁免期早于今天。",
                );
                let waived = Answer::Waived {
                    by: actor.id.clone(),
                    reason: reason.clone(),
                    until: *until,
                };
                next.answer(caller, waived, &mut guards);
            }
            (Sent | Acknowledging | Overdue | Cleared, Event::Day) => {}
            (Cleared, Event::Execute) => {
                guards.role(actor, &[Role::Provider, Role::Operator, Role::System]);
                self.heard(today, &mut guards);
                next.state = Executed;
            }
            (Draft | Sent | Acknowledging | Overdue | Cleared, Event::Cancel { reason }) => {
                guards.role(actor, &[Role::Provider, Role::Manager]);
                guards.reason(reason);
                next.state = Cancelled;
            }
            _ => return Err(not_from(&self.state.words(), &words(event))),
        }
        guards.met()?;
        if matches!(next.state, Sent | Acknowledging | Overdue | Cleared) {
            next.state = next.by_answers(today);
        }
        Ok(next)
    }

    /// Nobody's waiver may have ended since it was cleared.
    fn heard(&self, today: Date, guards: &mut Guards) {
        for caller in self.unheard(today) {
            let en = format!("The waiver of {caller} has ended.");
            guards.require(
                false,
                "callers_heard",
                en,
                format!("{caller} 的豁免已到期。"),
            );
        }
    }

    fn answer(&mut self, caller: &str, answer: Answer, guards: &mut Guards) {
        match self.callers.get_mut(caller) {
            Some(place) => *place = answer,
            None => guards.require(
                false,
                "affected",
                format!("{caller} is not affected by this change."),
                format!("{caller} 不受此变更影响。"),
            ),
        }
    }

    fn by_answers(&self, today: Date) -> State {
        let unheard = self.unheard(today).len();
        if unheard == 0 {
            State::Cleared
        } else if today > self.due {
            State::Overdue
        } else if unheard < self.callers.len() {
            State::Acknowledging
        } else {
            State::Sent
        }
    }
}

fn words(event: &Event) -> Words {
    let (en, zh) = match event {
        Event::Send => ("Sending", "发送"),
        Event::Acknowledge { .. } => ("Acknowledging", "确认"),
        Event::Waive { .. } => ("Waiving", "豁免"),
        Event::Day => ("Counting a day", "计日"),
        Event::Execute => ("Making the change", "执行变更"),
        Event::Cancel { .. } => ("Cancelling", "取消"),
    };
    Words::new(en, zh)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const TODAY: Date = date(2026, 11, 22);

    fn notice() -> Notice {
        let callers = ["app", "desk"].map(|caller| (caller.to_owned(), Answer::Waiting));
        Notice {
            state: State::Draft,
            due: date(2026, 12, 1),
            callers: callers.into(),
        }
    }

    fn actor(role: Role) -> Actor {
        Actor::new("somebody", [role])
    }

    fn acknowledge(caller: &str) -> Event {
        Event::Acknowledge {
            caller: caller.to_owned(),
        }
    }

    fn waive(until: Date) -> Event {
        Event::Waive {
            caller: "desk".to_owned(),
            reason: "it is being switched off".to_owned(),
            until,
        }
    }

    #[test]
    fn it_is_cleared_when_every_caller_answered_or_is_waived() {
        let sent = notice()
            .step(&Event::Send, &actor(Role::Provider), TODAY)
            .expect("sent");
        assert_eq!(sent.state, State::Sent);
        let one = sent
            .step(&acknowledge("app"), &actor(Role::Caller), TODAY)
            .expect("told");
        assert_eq!(
            (one.state, one.unheard(TODAY)),
            (State::Acknowledging, vec!["desk".to_owned()])
        );
        assert!(
            one.step(&Event::Execute, &actor(Role::Operator), TODAY)
                .is_err()
        );
        let all = one
            .step(&waive(date(2026, 12, 31)), &actor(Role::Manager), TODAY)
            .expect("waived");
        assert_eq!(all.state, State::Cleared);
        let done = all
            .step(&Event::Execute, &actor(Role::Operator), TODAY)
            .expect("made");
        assert_eq!(done.state, State::Executed);
    }

    #[test]
    fn a_waiver_ends_on_its_day_and_opens_the_notice_again() {
        let sent = notice()
            .step(&Event::Send, &actor(Role::Provider), TODAY)
            .expect("sent");
        let one = sent
            .step(&acknowledge("app"), &actor(Role::Caller), TODAY)
            .expect("told");
        let all = one
            .step(&waive(date(2026, 11, 25)), &actor(Role::Manager), TODAY)
            .expect("waived");
        let later = date(2026, 11, 26);
        let refused = all
            .step(&Event::Execute, &actor(Role::Operator), later)
            .expect_err("refused");
        assert_eq!(refused.unmet[0].guard, "callers_heard");
        let day = all
            .step(&Event::Day, &actor(Role::System), later)
            .expect("counted");
        assert_eq!(day.state, State::Acknowledging);
        let day = all
            .step(&Event::Day, &actor(Role::System), date(2026, 12, 2))
            .expect("counted");
        assert_eq!(day.state, State::Overdue);
    }

    #[test]
    fn only_affected_callers_answer_and_only_callers_acknowledge() {
        let sent = notice()
            .step(&Event::Send, &actor(Role::Provider), TODAY)
            .expect("sent");
        let refused = sent
            .step(&acknowledge("bank"), &actor(Role::Manager), TODAY)
            .expect_err("refused");
        let guards: Vec<_> = refused.unmet.iter().map(|one| one.guard).collect();
        assert_eq!(guards, ["role", "affected"]);
    }
}
