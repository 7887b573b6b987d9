//! What each kind of event does to the fold.

use rialto_otc_contract::TermSheet;
use rialto_otc_contract::formula::grouped;
use rialto_otc_time::Date;
use rust_decimal::Decimal;

use crate::canon::{Document, Hash};
use crate::deal::{Act, Cash, Control, Fixed, SeenHit, Version};
use crate::event::{Effective, Event};
use crate::flow::FlowStatus;
use crate::payload::{Book, Fixing, LinkKind, Novate, Payload, Resize, Terminate};
use crate::refusal::Refusal;
use crate::state::{Outcome, Status};
use crate::trade::{Booked, Terms, Trade, Turn};

impl Trade {
    pub(crate) fn record(&mut self, event: &Event, turn: &mut Turn) -> Result<(), Refusal> {
        let at = event.effective_at;
        let step = |workflow: &mut Option<Status>, from: Status, to: Status| {
            if *workflow == Some(from) {
                *workflow = Some(to);
            }
        };
        match &event.payload {
            Payload::Book(book) => self.book(book, event)?,
            Payload::Submit(_) => step(&mut self.workflow, Status::Draft, Status::PendingApproval),
            Payload::Approve(_) => {
                step(
                    &mut self.workflow,
                    Status::PendingApproval,
                    Status::PendingConfirm,
                );
            }
            Payload::Reject(_) => step(&mut self.workflow, Status::PendingApproval, Status::Draft),
            Payload::Confirm(_) => {
                step(&mut self.workflow, Status::PendingConfirm, Status::Live);
                turn.whole = true;
            }
            Payload::Fixing(fixing) | Payload::FixingCorrected(fixing) => {
                self.fix(fixing, event.seq, turn);
            }
            Payload::BarrierHit(hit) => {
                let hit = SeenHit {
                    date: hit.date,
                    code: hit.code.clone(),
                    price: hit.price,
                    seq: event.seq,
                };
                let place = self
                    .deal
                    .hits
                    .partition_point(|h| (h.date, h.seq) <= (hit.date, hit.seq));
                self.deal.hits.insert(place, hit);
                self.rewind(Effective::before(at.date), None, turn);
            }
            Payload::Instructed(flows) => self.pay(&flows.flows, FlowStatus::Instructed, turn),
            Payload::Settled(flows) => self.pay(&flows.flows, FlowStatus::Settled, turn),
            Payload::Failed(flows) => self.pay(&flows.flows, FlowStatus::Failed, turn),
            Payload::Revaluation(valuation) => {
                let currency = self.terms.currency.clone();
                let pv = rialto_otc_contract::value::round(valuation.pv_open, 2);
                self.accounts.revalued(pv, &currency, turn.stamp);
            }
            Payload::ReviewClosed(closed) => {
                self.reviews.retain(|review| review.id != closed.review);
            }
            _ => self.record_decision(event, turn)?,
        }
        Ok(())
    }

    /// Decisions about the contract, and its end.
    fn record_decision(&mut self, event: &Event, turn: &mut Turn) -> Result<(), Refusal> {
        let at = event.effective_at;
        match &event.payload {
            Payload::Exercise(_) => {
                let at = Effective::before(at.date);
                self.decide(at, event.seq, Act::Exercise, turn);
            }
            Payload::Abandon(_) => {
                self.decide(
                    at,
                    event.seq,
                    Act::End(Outcome::Abandoned, Vec::new()),
                    turn,
                );
            }
            Payload::Amend(amend) | Payload::Extend(amend) => {
                let index = self.add_version(&amend.sheet, Some(at))?;
                self.decide(at, event.seq, Act::Version(index), turn);
                turn.whole = true;
            }
            Payload::TerminatePartial(resize) => self.resize(resize, -resize.size, event, turn),
            Payload::NotionalIncrease(resize) => self.resize(resize, resize.size, event, turn),
            Payload::Terminate(Terminate {
                fee,
                pay_date,
                unwind,
            }) => {
                let cash = self.cash(*unwind, *fee, *pay_date);
                self.decide(at, event.seq, Act::End(Outcome::Terminated, cash), turn);
            }
            Payload::Novate(Novate {
                fee,
                pay_date,
                unwind,
                replacement,
                ..
            }) => {
                let cash = self.cash(*unwind, *fee, *pay_date);
                self.replacement = Some(replacement.clone());
                self.decide(at, event.seq, Act::End(Outcome::Novated, cash), turn);
            }
            Payload::Cancel(cancel) => {
                self.workflow = Some(Status::Cancelled);
                self.cancel_flows(cancel.pay_date, turn);
            }
            derived => {
                let kind = derived.kind().text();
                let en = format!("{kind:?} events are derived, not sent.");
                let zh = format!("{kind:?} 事件由系统推导，不可录入。");
                return Err(Refusal::new("E-BOOK-DERIVED", "/kind", en, zh));
            }
        }
        Ok(())
    }

    fn book(&mut self, book: &Book, event: &Event) -> Result<(), Refusal> {
        let continued = book
            .link
            .as_ref()
            .is_some_and(|link| link.kind != LinkKind::Rebooks);
        self.since = continued.then_some(event.effective_at.date);
        self.add_version(&book.sheet, continued.then_some(event.effective_at))?;
        self.workflow = Some(Status::Draft);
        self.link = book.link.clone();
        self.booked = Some(Booked {
            subject: event.subject(),
            maker: event.maker.clone(),
            on: Some(event.effective_at.date),
        });
        Ok(())
    }

    fn add_version(&mut self, sheet: &Document, from: Option<Effective>) -> Result<usize, Refusal> {
        let parsed = TermSheet::from_value(&sheet.0).map_err(Refusal::sheet)?;
        self.terms = Terms::of(&parsed, self.since);
        self.deal.versions.push(Version {
            sheet: sheet.clone(),
            hash: Hash::of(parsed.to_json().as_bytes()),
            from,
            loaded: crate::deal::Cache::default(),
        });
        Ok(self.deal.versions.len() - 1)
    }

    fn fix(&mut self, fixing: &Fixing, seq: u64, turn: &mut Turn) {
        let slot = self.deal.slot(&fixing.code, &fixing.rule);
        let key = (fixing.date, slot);
        let value = fixing.value;
        let before = self.deal.fixings.insert(key, Fixed { value, seq });
        if before.is_some() && self.deal.is_initial(key) {
            self.deal.unload();
            turn.undone = self.walk.restart();
            self.untake(turn);
        } else {
            // A fixing of a date not walked yet takes nothing back.
            self.rewind(Effective::before(fixing.date), None, turn);
        }
    }

    fn decide(&mut self, at: Effective, seq: u64, act: Act, turn: &mut Turn) {
        let place = self.deal.decide(Control { at, seq, act });
        self.rewind(at, Some(place), turn);
    }

    fn rewind(&mut self, to: Effective, place: Option<usize>, turn: &mut Turn) {
        let reached = self
            .walk
            .cursor
            .last
            .is_some_and(|last| Effective::new(last, crate::event::OBSERVED) >= to);
        let over = self
            .walk
            .outcome
            .is_some_and(|(_, on)| Effective::after(on) >= to);
        let passed = place.is_some_and(|place| self.walk.cursor.control > place);
        if !(reached || over || passed) {
            return;
        }
        if let Some(undone) = self.walk.rewind(to, place) {
            turn.undone = undone;
            self.untake(turn);
        }
    }

    fn untake(&mut self, turn: &mut Turn) {
        self.taken = self.taken.min(turn.undone.flows);
        turn.whole = true;
    }

    fn resize(&mut self, resize: &Resize, change: Decimal, event: &Event, turn: &mut Turn) {
        let cash = self.cash(resize.unwind, resize.fee, resize.pay_date);
        self.decide(
            event.effective_at,
            event.seq,
            Act::Resize(change, cash),
            turn,
        );
    }

    /// Unwind price (to the holder) and fee (to the house).
    fn cash(&self, unwind: Decimal, fee: Decimal, pay_date: Date) -> Vec<Cash> {
        let fee_to_holder = fee * Decimal::from(self.terms.house_sign);
        let fee_words = if fee.is_sign_negative() {
            "fee to the counterparty"
        } else {
            "fee to the house"
        };
        let sides = [
            ("unwind", unwind, "unwind price"),
            ("fee", fee_to_holder, fee_words),
        ];
        let cash = sides.map(|(leg, holder, words)| Cash {
            leg: leg.to_owned(),
            holder,
            pay_date,
            trace: format!("{words} {}", grouped(holder.abs())),
        });
        cash.into_iter()
            .filter(|cash| !cash.holder.is_zero())
            .collect()
    }
}
