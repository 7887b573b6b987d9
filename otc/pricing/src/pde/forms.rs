//! What dates and barriers do, prepared for evaluation at many spots.

use std::rc::Rc;

use rialto_otc_contract::plan::{Action, Plan};

use super::timeline::{Time, Timeline, time};
use crate::backward::dates::{Cell, Dates, Outcome, Strike};
use crate::backward::expr::{Linear, MAX_AFFINE};
use crate::engine::PriceError;

/// Constant and coefficients of a value.
pub(super) type Parts = [f64; 1 + MAX_AFFINE];

/// What a date does to one state in a range of spots.
#[derive(Debug)]
pub(super) struct Form<'a> {
    /// Log-spot up to which; it begins where the one before ends.
    pub(super) hi: f64,
    /// State that goes on.
    pub(super) next: Option<usize>,
    shape: Shape<'a>,
}

#[derive(Debug)]
enum Shape<'a> {
    /// Pays nothing, changes nothing.
    Idle,
    /// Payments and updates `a + b S`.
    Straight(Box<Line>),
    /// Anything else; beyond its ends it goes on straight.
    Curved {
        outcome: &'a Outcome,
        instant: usize,
        spots: [f64; 2],
    },
}

/// Payments of a date and linear variables after it, as `a + b S`.
#[derive(Debug)]
struct Line {
    paid: [Linear; 2],
    held: [[Linear; 2]; MAX_AFFINE],
}

/// Forms of one date by state.
pub(super) type Row<'a> = Rc<Vec<Vec<Form<'a>>>>;

/// A plan's dates as forms.
#[derive(Debug)]
pub(super) struct Forms<'a> {
    pub(super) plan: &'a Plan<f64>,
    pub(super) dates: &'a Dates,
    pub(super) line: &'a Timeline<'a>,
    /// By instant.
    pub(super) rows: Vec<Row<'a>>,
}

impl<'a> Forms<'a> {
    /// Prepares the dates for spots between two logarithms.
    ///
    /// # Errors
    /// [`PriceError::Number`] when an amount is undefined.
    pub(super) fn new(
        plan: &'a Plan<f64>,
        dates: &'a Dates,
        line: &'a Timeline<'a>,
        (lo, hi): (f64, f64),
    ) -> Result<Self, PriceError> {
        let mut forms = Self {
            plan,
            dates,
            line,
            rows: Vec::new(),
        };
        let mut factors_before = Vec::new();
        for instant in 0..plan.instants.len() {
            let factors = forms.factors(instant);
            let same = instant > 0
                && Rc::ptr_eq(&dates.table[instant], &dates.table[instant - 1])
                && factors == factors_before;
            let row = if same {
                Rc::clone(&forms.rows[instant - 1])
            } else {
                let mut states = Vec::new();
                for cells in dates.table[instant].iter() {
                    let all: Result<Vec<_>, _> = cells
                        .iter()
                        .map(|cell| forms.form(instant, cell, (lo, hi)))
                        .collect();
                    states.push(all?);
                }
                Rc::new(states)
            };
            forms.rows.push(row);
            factors_before = factors;
        }
        Ok(forms)
    }

    /// Value functions carried for each state.
    pub(super) fn components(&self) -> usize {
        1 + self.dates.affine_vars.len()
    }

    /// Discount factors of all payments of a date.
    fn factors(&self, instant: usize) -> Vec<f64> {
        let rules = &self.plan.instants[instant].rules;
        let all = rules
            .iter()
            .enumerate()
            .flat_map(|(number, rule)| (0..rule.actions.len()).map(move |action| (number, action)));
        all.map(|(rule, action)| self.payment(instant, rule, action))
            .collect()
    }

    fn payment(&self, instant: usize, rule: usize, action: usize) -> f64 {
        let at = &self.plan.instants[instant];
        match &at.rules[rule].actions[action] {
            Action::Pay { at: paid, .. } => {
                let model = self.line.model;
                self.line
                    .discount(time(model, &at.at).rate, time(model, paid).rate)
            }
            _ => 1.0,
        }
    }

    fn outcome(
        &self,
        outcome: &Outcome,
        instant: usize,
        spot: f64,
    ) -> Result<(Linear, [Linear; MAX_AFFINE]), PriceError> {
        let rules = &self.plan.instants[instant].rules;
        let discount = |rule, action| self.payment(instant, rule, action);
        outcome.at(self.plan, rules, &self.dates.affine, spot, &discount)
    }

    fn form(
        &self,
        instant: usize,
        cell: &'a Cell,
        (lo, hi): (f64, f64),
    ) -> Result<Form<'a>, PriceError> {
        let (from, to) = (cell.lo.ln(), cell.hi.ln());
        let mut form = Form {
            hi: to,
            next: cell.outcome.next,
            shape: Shape::Idle,
        };
        if cell.outcome.actions.is_empty() || to <= lo || from >= hi {
            return Ok(form);
        }
        let (a, b) = (from.max(lo).exp(), to.min(hi).exp());
        let spot = |share: f64| a + share * (b - a);
        let (s1, s2) = (spot(0.03), spot(0.97));
        let (p1, h1) = self.outcome(&cell.outcome, instant, s1)?;
        let (p2, h2) = self.outcome(&cell.outcome, instant, s2)?;
        let straight = |y1: Linear, y2: Linear| -> [Linear; 2] {
            let slope = y2.plus(y1.scaled(-1.0)).scaled(1.0 / (s2 - s1));
            [y1.plus(slope.scaled(-s1)), slope]
        };
        let paid = straight(p1, p2);
        let held = std::array::from_fn(|number| straight(h1[number], h2[number]));
        let mut is_straight = true;
        for share in [0.2, 0.41, 0.5, 0.77, 0.9] {
            let (p, h) = self.outcome(&cell.outcome, instant, spot(share))?;
            is_straight &= near(p, &paid, spot(share));
            for (line, h) in held.iter().zip(h) {
                is_straight &= near(h, line, spot(share));
            }
        }
        form.shape = if is_straight {
            Shape::Straight(Box::new(Line { paid, held }))
        } else {
            Shape::Curved {
                outcome: &cell.outcome,
                instant,
                spots: [a + 1e-9 * (b - a), b - 1e-9 * (b - a)],
            }
        };
        Ok(form)
    }

    /// Value before the date from the values after it, at one spot.
    pub(super) fn value(
        &self,
        form: &Form<'a>,
        spot: f64,
        after: impl Fn(usize) -> f64,
    ) -> Result<Parts, PriceError> {
        let (paid, held) = match &form.shape {
            Shape::Idle => {
                let mut parts = [0.0; 1 + MAX_AFFINE];
                if form.next.is_some() {
                    for (part, slot) in parts.iter_mut().enumerate().take(self.components()) {
                        *slot = after(part);
                    }
                }
                return Ok(parts);
            }
            Shape::Straight(line) => (
                at_spot(&line.paid, spot),
                std::array::from_fn(|number| at_spot(&line.held[number], spot)),
            ),
            Shape::Curved {
                outcome,
                instant,
                spots: [lo, hi],
            } => self.curved(outcome, *instant, spot, (*lo, *hi))?,
        };
        Ok(join(
            paid,
            &held,
            form.next.is_some(),
            self.components(),
            after,
        ))
    }

    fn curved(
        &self,
        outcome: &Outcome,
        instant: usize,
        spot: f64,
        (lo, hi): (f64, f64),
    ) -> Result<(Linear, [Linear; MAX_AFFINE]), PriceError> {
        if spot >= lo && spot <= hi {
            return self.outcome(outcome, instant, spot);
        }
        let (edge, inner) = if spot < lo {
            (lo, lo + 1e-3 * (hi - lo))
        } else {
            (hi, hi - 1e-3 * (hi - lo))
        };
        let (p0, h0) = self.outcome(outcome, instant, edge)?;
        let (p1, h1) = self.outcome(outcome, instant, inner)?;
        let share = (spot - edge) / (inner - edge);
        let go_on = |y0: Linear, y1: Linear| y0.scaled(1.0 - share).plus(y1.scaled(share));
        let held = std::array::from_fn(|number| go_on(h0[number], h1[number]));
        Ok((go_on(p0, p1), held))
    }

    /// Value at a hit of a barrier from the values of the state it leads to.
    pub(super) fn struck(
        &self,
        monitor: usize,
        outcome: &Outcome,
        now: Time,
        after: impl Fn(usize) -> f64,
    ) -> Result<Parts, PriceError> {
        let Strike { rules, .. } = &self.dates.strikes[monitor];
        let watched = &self.plan.monitors[monitor];
        let discount = |rule: usize, action: usize| match &rules[rule].actions[action] {
            Action::Pay { at, .. } if !watched.pay_at_hit => {
                let paid = time(self.line.model, at).rate;
                self.line.discount(now.rate, paid)
            }
            _ => 1.0,
        };
        let affine = &self.dates.affine;
        let (paid, held) = outcome.at(self.plan, rules, affine, watched.level, &discount)?;
        Ok(join(
            paid,
            &held,
            outcome.next.is_some(),
            self.components(),
            after,
        ))
    }
}

fn join(
    paid: Linear,
    held: &[Linear; MAX_AFFINE],
    goes_on: bool,
    components: usize,
    after: impl Fn(usize) -> f64,
) -> Parts {
    let mut sum = paid;
    if goes_on {
        sum.c[0] += after(0);
        for (number, held) in held.iter().enumerate().take(components - 1) {
            sum = sum.plus(held.scaled(after(1 + number)));
        }
    }
    sum.c
}

fn at_spot(line: &[Linear; 2], spot: f64) -> Linear {
    line[0].plus(line[1].scaled(spot))
}

/// Whether a value lies on a line, up to the rounding of the line's own terms.
fn near(value: Linear, line: &[Linear; 2], spot: f64) -> bool {
    let on_line = at_spot(line, spot);
    (0..=MAX_AFFINE).all(|part| {
        let size = line[0].c[part].abs() + (line[1].c[part] * spot).abs();
        (value.c[part] - on_line.c[part]).abs() <= 1e-11 * size
    })
}
