//! Flows of the walk against flows of the ledger. What is not settled is replaced; what is settled
//! stays, and an adjustment carries the difference.

use std::collections::{BTreeMap, BTreeSet};

use rialto_otc_contract::formula::grouped;
use rialto_otc_time::{Date, PaymentRule};
use rust_decimal::Decimal;

use crate::context::{Context, local_date};
use crate::flow::{Flow, FlowKey, FlowKind, FlowStatus, Side};
use crate::payload::Change;
use crate::refusal::Refusal;
use crate::state::Why;
use crate::trade::{Trade, Turn};
use crate::walk::WalkFlow;

fn key(flow: &WalkFlow) -> FlowKey {
    (flow.observed, flow.leg.clone(), flow.row, flow.n)
}

impl Trade {
    /// Brings the ledger's flows to those of the walk.
    pub(crate) fn reconcile(
        &mut self,
        context: &Context<'_>,
        turn: &mut Turn,
    ) -> Result<(), Refusal> {
        if !turn.whole {
            let from = std::mem::replace(&mut self.taken, self.walk.flows.len());
            let new = self.walk.flows.get(from..).unwrap_or_default().to_vec();
            for flow in &new {
                self.determine(
                    flow,
                    flow.holder,
                    FlowKind::Contract,
                    flow.pay_date,
                    None,
                    turn,
                );
            }
            return Ok(());
        }
        self.taken = self.walk.flows.len();
        let mut targets: BTreeMap<FlowKey, WalkFlow> = self
            .walk
            .flows
            .iter()
            .map(|flow| (key(flow), flow.clone()))
            .collect();
        targets.extend(self.inception().map(|flow| (key(&flow), flow)));
        let known = self.flows.iter().map(Flow::key);
        let all: BTreeSet<FlowKey> = known.chain(targets.keys().cloned()).collect();
        for key in all {
            self.reconcile_one(context, &key, targets.get(&key), turn)?;
        }
        Ok(())
    }

    /// What the holder pays at inception.
    fn inception(&self) -> impl Iterator<Item = WalkFlow> {
        self.terms.inception.iter().map(|payment| WalkFlow {
            leg: payment.leg.clone(),
            row: 0,
            n: 1,
            holder: -payment.amount,
            observed: self.terms.observed_from.unwrap_or(payment.date),
            pay_date: payment.date,
            trace: payment.trace.clone(),
        })
    }

    fn reconcile_one(
        &mut self,
        context: &Context<'_>,
        key: &FlowKey,
        target: Option<&WalkFlow>,
        turn: &mut Turn,
    ) -> Result<(), Refusal> {
        let mine = |flow: &&Flow| flow.key() == *key && flow.counts();
        let settled = |flow: &&Flow| flow.status == FlowStatus::Settled;
        let paid: Decimal = self
            .flows
            .iter()
            .filter(mine)
            .filter(settled)
            .map(|f| f.holder)
            .sum();
        let was_paid = self
            .flows
            .iter()
            .rfind(|flow| mine(flow) && settled(flow))
            .cloned();
        let open: Vec<Flow> = self
            .flows
            .iter()
            .filter(mine)
            .filter(|f| f.is_open())
            .cloned()
            .collect();
        let due: Decimal = open.iter().map(|flow| flow.holder).sum();
        let wanted = target.map_or(Decimal::ZERO, |flow| flow.holder);
        let on_time = |flow: &Flow| {
            flow.kind == FlowKind::Adjustment
                || target.is_some_and(|target| target.pay_date == flow.pay_date)
        };
        let is_known = !open.is_empty() || was_paid.is_some();
        if paid + due == wanted && open.iter().all(on_time) && (is_known || target.is_none()) {
            return Ok(());
        }
        for flow in &open {
            self.take_back(&flow.flow_id, turn);
        }
        let left = wanted - paid;
        match (was_paid, target) {
            (None, Some(target)) => {
                let (kind, date) = (FlowKind::Contract, target.pay_date);
                self.determine(target, wanted, kind, date, None, turn);
            }
            (Some(before), target) if !left.is_zero() => {
                // What is paid at inception is told as the holder pays it.
                let inception = matches!(before.leg.as_str(), "premium" | "paid_in");
                let told = grouped(if inception { -paid } else { paid });
                let pay_date = self.adjusted_pay_date(context, before.pay_date, turn)?;
                let like = WalkFlow {
                    leg: before.leg.clone(),
                    row: before.row,
                    n: before.n,
                    holder: left,
                    observed: before.observed,
                    pay_date,
                    trace: match target {
                        Some(target) => format!("{} - {told} paid", target.trace),
                        None => format!("0 - {told} paid"),
                    },
                };
                let of = Some(before.flow_id);
                self.determine(&like, left, FlowKind::Adjustment, pay_date, of, turn);
            }
            _ => {}
        }
        Ok(())
    }

    /// An adjustment is paid on the day of what it adjusts when that is still ahead, otherwise by
    /// the contract's lag from the day on which it became known.
    fn adjusted_pay_date(
        &self,
        context: &Context<'_>,
        original: Date,
        turn: &Turn,
    ) -> Result<Date, Refusal> {
        let known = local_date(turn.stamp.known_at);
        if original > known {
            return Ok(original);
        }
        let sheet = self.deal.sheet(self.walk.cursor.version)?;
        let rule = sheet.payment.unwrap_or(PaymentRule::default());
        rule.date(known, context.calendars).map_err(|error| {
            let en =
                format!("No payment date can be found for a correction known on {known}: {error}.");
            let zh = format!("无法确定 {known} 更正的付款日：{error}。");
            Refusal::new(error.code(), "/known_at", en, zh)
        })
    }

    fn determine(
        &mut self,
        like: &WalkFlow,
        holder: Decimal,
        kind: FlowKind,
        pay_date: Date,
        reverses: Option<String>,
        turn: &mut Turn,
    ) {
        let house = holder * Decimal::from(self.terms.house_sign);
        let (payer, payee) = match house.is_sign_negative() && !house.is_zero() {
            true => (Side::House, Side::Counterparty),
            false => (Side::Counterparty, Side::House),
        };
        let WalkFlow {
            leg,
            row,
            n,
            observed,
            ..
        } = like;
        let wanted = key(like);
        let times = self
            .flows
            .iter()
            .filter(|flow| flow.key() == wanted)
            .count();
        let again = match times {
            0 => String::new(),
            times => format!("~{}", times + 1),
        };
        let terms = &self.terms;
        let (party, agreement) = (&terms.counterparty, &terms.agreement);
        let flow = Flow {
            amount: house.abs(),
            currency: terms.currency.clone(),
            flow_id: format!("{}/{leg}/{observed}/{row}.{n}{again}", self.trade_id),
            holder,
            kind,
            leg: leg.clone(),
            n: *n,
            netting_set: format!("{party}|{agreement}|{}|{pay_date}", terms.currency),
            observed: *observed,
            pay_date,
            payee,
            payer,
            reverses,
            row: *row,
            status: FlowStatus::Determined,
            trace: like.trace.clone(),
            trade_id: self.trade_id.clone(),
        };
        self.accounts.determined(&flow, turn.stamp);
        turn.changes.push(Change::Determined(flow.clone()));
        self.flows.push(flow);
    }

    /// Takes a flow back that is not settled.
    fn take_back(&mut self, flow_id: &str, turn: &mut Turn) {
        let Some(flow) = self.flows.iter_mut().find(|flow| flow.flow_id == flow_id) else {
            return;
        };
        let was_instructed = flow.status == FlowStatus::Instructed;
        flow.status = FlowStatus::Reversed;
        let flow = flow.clone();
        self.accounts.reversed(&flow, turn.stamp);
        let flow_id = flow.flow_id;
        turn.changes.push(Change::Reversed { flow_id });
        if was_instructed {
            self.review(Why::InstructionRecalled, turn);
        }
    }

    /// Moves payments on; the ledger's checks were made when the event was recorded.
    pub(crate) fn pay(&mut self, ids: &[String], to: FlowStatus, turn: &Turn) {
        for flow in self
            .flows
            .iter_mut()
            .filter(|flow| ids.contains(&flow.flow_id))
        {
            if flow.status.may_become(to) {
                flow.status = to;
                if to == FlowStatus::Settled {
                    self.accounts.settled(flow, turn.stamp);
                }
            }
        }
    }

    /// Takes every flow back: what was settled is paid back.
    pub(crate) fn cancel_flows(&mut self, pay_date: Option<Date>, turn: &mut Turn) {
        let flows: Vec<Flow> = self
            .flows
            .iter()
            .filter(|flow| flow.counts())
            .cloned()
            .collect();
        for flow in flows {
            if flow.status != FlowStatus::Settled {
                self.take_back(&flow.flow_id, turn);
                continue;
            }
            let pay_date = pay_date.unwrap_or(flow.pay_date);
            let back = WalkFlow {
                leg: flow.leg.clone(),
                row: flow.row,
                n: flow.n,
                holder: -flow.holder,
                observed: flow.observed,
                pay_date,
                trace: format!("-{}", flow.trace),
            };
            let of = Some(flow.flow_id);
            self.determine(&back, -flow.holder, FlowKind::Reversal, pay_date, of, turn);
        }
    }
}
