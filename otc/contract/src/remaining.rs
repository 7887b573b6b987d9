//! A contract seen in mid-life: what is past leaves the plan, its effects come from the state.

use rialto_otc_time::{AsOf, Calendars, Moment as TimeMoment};
use rust_decimal::Decimal;

use crate::compile::{Compiled, PendingFlow};
use crate::document::Node;
use crate::envelope::{State, When};
use crate::finding::{Findings, Place, Sink};
use crate::lower::order;
use crate::plan::{Action, Exercise, Moment};
use crate::program::VarKind;
use crate::reader::Field;
use crate::schedule::{Term, years};

/// Why a value does not fit what a contract remembers under a name, in both languages.
pub(crate) fn misfit(name: &str, kind: VarKind, value: Decimal) -> Option<(String, String)> {
    let most = match kind {
        VarKind::Flag => Decimal::ONE,
        VarKind::Count { max } => Decimal::from(max),
        VarKind::Sum => return None,
    };
    let fits = value.is_integer() && value >= Decimal::ZERO && value <= most;
    (!fits).then(|| {
        (
            format!("{value} does not fit {name:?}, a whole number from 0 to {most}."),
            format!("{name:?} 的值 {value} 不符，须为 0 至 {most} 的整数。"),
        )
    })
}

impl Compiled {
    /// The contract at an as-of: instants observed before are gone, variables hold what `state`
    /// (or else the sheet's own state) says, determined flows still unpaid are in `pending`.
    ///
    /// # Errors
    /// `E-STATE-FIXING` when past observations are not in the state, `E-STATE-VALUE` when a value
    /// does not fit its variable, `E-ASOF-KIND` for an as-of of the other kind.
    pub fn remaining(
        mut self,
        as_of: &AsOf,
        state: Option<&State>,
        calendars: &Calendars,
    ) -> Result<Self, Findings> {
        let now = self.now(as_of, calendars)?;
        let sink = Sink::default();
        let own = self.state.take();
        let state = state.or(own.as_ref());
        let past = self.past(as_of, now);
        self.take_values(state, &sink);
        self.check_ki_date(as_of, state, &sink);
        if !state.is_some_and(|state| state.ended) {
            self.check_past(as_of, now, past, state, &sink);
        }
        self.pending = self.pending_after(state, now, as_of, calendars, &sink);
        self.cut(past);
        if state.is_some_and(|state| state.ended) {
            self.cut(self.plan.instants.len());
            self.plan.monitors.clear();
            self.plan.exercise = None;
            self.origins.monitors.clear();
        }
        self.state = own;
        let findings = sink.into_findings();
        if findings.has_errors() {
            Err(findings)
        } else {
            Ok(self)
        }
    }

    /// How many instants are past.
    fn past(&self, as_of: &AsOf, now: Moment) -> usize {
        let instants = &self.plan.instants;
        instants.partition_point(|instant| is_past(as_of, now, &instant.at))
    }

    fn take_values(&mut self, state: Option<&State>, sink: &Sink) {
        let Some(state) = state else { return };
        for (name, value) in &state.values {
            let at = Place {
                pointer: format!("/state/{name}"),
                value: Some(value.to_string()),
                ..Place::default()
            };
            let Some(var) = self.plan.vars.iter_mut().find(|var| var.name == *name) else {
                let en = format!("The contract remembers no {name:?}.");
                sink.error(
                    "E-STATE-UNKNOWN",
                    &at,
                    en,
                    format!("合约没有状态变量 {name:?}。"),
                );
                continue;
            };
            match misfit(name, var.kind, *value) {
                None => var.value = *value,
                Some((en, zh)) => sink.error("E-STATE-VALUE", &at, en, zh),
            }
        }
    }

    /// That the day of the knock-in is not one that is still ahead.
    fn check_ki_date(&self, as_of: &AsOf, state: Option<&State>, sink: &Sink) {
        let (Some(on), AsOf::Dated { date, .. }) = (state.and_then(|state| state.ki_date), as_of)
        else {
            return;
        };
        if on > *date {
            let at = Place {
                pointer: "/state/ki_date".to_owned(),
                value: Some(on.to_string()),
                ..Place::default()
            };
            let en = format!("{on} is after the valuation of {date}.");
            let zh = format!("敲入日 {on} 晚于估值日 {date}。");
            sink.error("E-STATE-VALUE", &at, en, zh);
        }
    }

    /// Whether the state tells what past observations did.
    fn check_past(
        &self,
        as_of: &AsOf,
        now: Moment,
        past: usize,
        state: Option<&State>,
        sink: &Sink,
    ) {
        let gone = self.plan.instants.get(..past).unwrap_or_default();
        let rules = gone.iter().flat_map(|instant| &instant.rules);
        let observed = rules.clone().count();
        let watched: Vec<_> = self
            .plan
            .monitors
            .iter()
            .filter(|monitor| is_past(as_of, now, &monitor.from))
            .collect();
        let watched = if order(&now, &self.start()).is_gt() {
            watched
        } else {
            Vec::new()
        };
        if observed == 0 && watched.is_empty() {
            return;
        }
        let actions = rules.flat_map(|rule| &rule.actions);
        let actions = actions.chain(watched.iter().flat_map(|monitor| &monitor.actions));
        let mut missing: Vec<&str> = actions
            .filter_map(|action| match action {
                Action::Set { var, .. } => self.plan.vars.get(*var),
                Action::Pay { .. } | Action::Stop => None,
            })
            .map(|var| var.name.as_str())
            .filter(|name| !state.is_some_and(|state| state.values.contains_key(*name)))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        let over = past == self.plan.instants.len();
        // After the last observation a contract has ended: what it then paid is not in its values.
        if state.is_some() && missing.is_empty() && !over {
            return;
        }
        let at = Place {
            pointer: "/state".to_owned(),
            ..Place::default()
        };
        let (en, zh) = if over {
            (
                format!(
                    "The contract's last observation is past at {as_of}. Give the fixings up to it in the market, or say in the state that it has \"ended\": true, with its unpaid flows as \"pending\"."
                ),
                format!(
                    "截至 {as_of} 合约最后一次观察已过。请在行情中给出截至该日的定盘价，或在 state 中给出 ended 为 true 及未付现金流 pending。"
                ),
            )
        } else {
            past_text(as_of, observed, &missing)
        };
        sink.error("E-STATE-FIXING", &at, en, zh);
    }

    fn start(&self) -> Moment {
        match self.term {
            Term::Dated { start, .. } => Moment {
                date: Some(start),
                ..years(0.0)
            },
            Term::Numeric { .. } => years(0.0),
        }
    }

    fn pending_after(
        &self,
        state: Option<&State>,
        now: Moment,
        as_of: &AsOf,
        calendars: &Calendars,
        sink: &Sink,
    ) -> Vec<PendingFlow> {
        let mut flows = Vec::new();
        let nowhere = Node::text("");
        let field = Field::new(&nowhere, "/state/pending", sink);
        for flow in state.iter().flat_map(|state| &state.pending) {
            let at = match (flow.pay, self.term) {
                (When::Years(time), Term::Numeric { .. }) => {
                    Some(years(crate::number::binary(time)))
                }
                (When::Date(date), Term::Dated { .. }) => {
                    let told = |error: rialto_otc_time::ClockError| {
                        field.error("E-TIME", format!("{error}."), "日历未覆盖付款日。");
                    };
                    let start = self.start().date.unwrap_or(date);
                    let year = |clock: &rialto_otc_time::Clock| {
                        clock
                            .year_fraction(start, date, calendars)
                            .map_err(told)
                            .ok()
                    };
                    let clocks = &self.clocks;
                    let moments = (
                        year(&clocks.variance),
                        year(&clocks.rate),
                        year(&clocks.coupon),
                    );
                    match moments {
                        (Some(variance), Some(rate), Some(coupon)) => Some(Moment {
                            date: Some(date),
                            variance,
                            rate,
                            coupon,
                        }),
                        _ => None,
                    }
                }
                _ => {
                    let en = "Payments of a contract on dates are dates, of a numeric one years.";
                    field.error(
                        "E-STATE-VALUE",
                        en,
                        "日期合约的付款时点须为日期，数值合约须为年数。",
                    );
                    None
                }
            };
            if let Some(at) = at.filter(|at| !is_past(as_of, now, at)) {
                flows.push(PendingFlow {
                    leg: flow.leg.clone(),
                    amount: flow.amount,
                    at,
                });
            }
        }
        flows
    }

    /// Removes the first `count` instants.
    fn cut(&mut self, count: usize) {
        let count = count.min(self.plan.instants.len());
        self.plan.instants.drain(..count);
        self.origins
            .instants
            .drain(..count.min(self.origins.instants.len()));
        let Some(Exercise { instants, pay, .. }) = &mut self.plan.exercise else {
            return;
        };
        if instants.is_empty() {
            return;
        }
        let kept = instants
            .iter()
            .zip(pay.iter())
            .filter_map(|(index, pay)| Some((index.checked_sub(count)?, *pay)));
        (*instants, *pay) = kept.unzip();
        // No date left: without this the right would hold at any time.
        if instants.is_empty() {
            self.plan.exercise = None;
        }
    }
}

fn is_past(as_of: &AsOf, now: Moment, at: &Moment) -> bool {
    let asked = match at.date {
        Some(date) => TimeMoment::Date(date),
        None => TimeMoment::Time(at.rate),
    };
    as_of
        .is_past(asked)
        .unwrap_or_else(|_| order(at, &now).is_le())
}

/// What a state leaves open at an as-of, and what to give.
fn past_text(as_of: &AsOf, observed: usize, missing: &[&str]) -> (String, String) {
    let (gone, gone_zh) = match observed {
        0 => (
            format!(
                "The barrier was watched up to {as_of}, and no state tells whether it was hit."
            ),
            format!("截至 {as_of} 障碍已处于连续观察中，而 state 未说明是否触及。"),
        ),
        1 => (
            format!("1 past observation up to {as_of} is not in the state."),
            format!("截至 {as_of} 已有 1 次观察未反映在 state 中。"),
        ),
        many => (
            format!("{many} past observations up to {as_of} are not in the state."),
            format!("截至 {as_of} 已有 {many} 次观察未反映在 state 中。"),
        ),
    };
    let named = missing.join(", ");
    let (give, give_zh) = match missing {
        // The contract remembers nothing: that it goes on is all there is to say.
        [] => (
            "Give \"state\": {} if the contract goes on, or \"ended\": true with its unpaid flows as \"pending\" if it has ended".to_owned(),
            "合约仍存续请给出 \"state\": {}，若已终止则给出 ended 为 true 及未付现金流 pending".to_owned(),
        ),
        _ => (
            format!("Give {named} in \"state\" (or, when the contract has ended, \"ended\": true with its unpaid flows as \"pending\")"),
            format!("请给出 {named}（合约若已终止，则给出 ended 为 true 及未付现金流 pending）"),
        ),
    };
    (
        format!("{gone} {give}, or let the ledger derive it from fixings."),
        format!("{gone_zh}{give_zh}，或由台账按定盘价推导。"),
    )
}
