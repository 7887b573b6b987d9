//! Expected flows by date and leg, from any engine that prices plans: a contract that pays one thing
//! alone has that thing's contribution as its value, and one that pays the notional instead has its
//! probability.
//!
//! Values are linear in what is paid, so the contributions add up to the value of the whole, within
//! the engine's error. What the holder decides, and payments at a barrier watched at every instant,
//! are not taken apart here: a simulation counts them where it can.

use rayon::prelude::*;
use rialto_otc_contract::plan::{Action, Carry, Cond, Expr, Moment, Plan};
use rialto_otc_contract::program::Comparison;
use rialto_otc_market::model::Model;

use crate::engine::{Ask, Engine, ExpectedFlow, Fit, Greeking, PriceError, Priced};
use crate::notes;
use crate::pde::FiniteDifferences;
use crate::quad::Quadrature;
use crate::rqmc::Rqmc;

/// Plans priced at most for the flows of one contract.
const MOST: usize = 4_000;

/// Paths on which flows are counted when none are told.
const PATHS: u64 = 1 << 16;

/// Flows that are less likely are left out.
const UNLIKELY: f64 = 1e-12;

/// A payment of a plan: instant, rule, action.
type Place = (usize, usize, usize);

/// What a plan of one payment pays.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pays {
    /// The amount.
    Amount,
    /// The notional when the rule runs. Engines drop what is small beside the notional: a payment
    /// of 1 would lose its tails.
    Rule,
    /// The notional when the rule runs and the amount is not 0.
    Something,
}

/// Fills the flows that `ask` wants and `priced` lacks; what cannot be taken apart is noted.
///
/// # Errors
/// [`PriceError`] of the engine.
pub(crate) fn complete(
    engine: &dyn Engine,
    plan: &Plan<f64>,
    model: &Model,
    ask: &Ask,
    priced: &mut Priced,
) -> Result<(), PriceError> {
    if !ask.flows || !priced.flows.is_empty() || plan.instants.is_empty() {
        return Ok(());
    }
    if let Some((en, zh)) = apart(plan) {
        counted(plan, model, ask, (&en, &zh), priced);
        return Ok(());
    }
    let mut work = Work {
        plan,
        model,
        ask: Ask {
            greeks: Greeking::None,
            ladder: Vec::new(),
            flows: false,
            ..ask.clone()
        },
    };
    let payments = work.payments();
    // Errors of all of them together are to be those of the whole.
    work.ask.tolerance /= payments.len().max(1) as f64;
    let engines: [&dyn Engine; 3] = [engine, &Quadrature, &FiniteDifferences];
    let fits = |engine: &&dyn Engine| {
        payments.iter().all(|place| {
            let alone = work.alone(*place, Pays::Amount);
            !matches!(engine.fit(&alone, model, &work.ask), Fit::No(_))
        })
    };
    let Some(engine) = engines.into_iter().find(|engine| fits(engine)) else {
        counted(
            plan,
            model,
            ask,
            (
                "no engine prices one payment alone",
                "没有引擎能单独为一笔款项定价",
            ),
            priced,
        );
        return Ok(());
    };
    let found: Result<Vec<Option<ExpectedFlow>>, PriceError> = payments
        .par_iter()
        .map(|place| work.flow(engine, *place))
        .collect();
    match found {
        Ok(found) => priced.flows = merged(found.into_iter().flatten()),
        Err(PriceError::Refused { reason, .. }) => {
            counted(plan, model, ask, (&reason.en, &reason.zh), priced);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Flows as a simulation counts them, where they cannot be taken apart.
fn counted(plan: &Plan<f64>, model: &Model, ask: &Ask, reason: (&str, &str), priced: &mut Priced) {
    let ask = Ask {
        greeks: Greeking::None,
        ladder: Vec::new(),
        paths: Some(ask.paths.unwrap_or(PATHS)),
        ..ask.clone()
    };
    match Rqmc.price(plan, model, &ask) {
        Ok(simulated) => {
            priced
                .notes
                .push(notes::counted(reason, simulated.error.abs));
            priced.flows = simulated.flows;
        }
        Err(error) => priced.notes.push(notes::uncounted(reason, &error)),
    }
}

/// Why a plan is not taken apart.
fn apart(plan: &Plan<f64>) -> Option<(String, String)> {
    let both = |en: &str, zh: &str| Some((en.to_owned(), zh.to_owned()));
    if plan.exercise.is_some() {
        return both(
            "the holder decides when it is exercised",
            "由持有人决定何时行权",
        );
    }
    if !plan.monitors.is_empty() {
        return both("a barrier is watched at every instant", "障碍为连续观察");
    }
    let rules = plan.instants.iter().flat_map(|instant| &instant.rules);
    let pays = rules
        .flat_map(|rule| &rule.actions)
        .filter(|action| matches!(action, Action::Pay { .. }))
        .count();
    (pays > MOST).then(|| {
        (
            format!("it pays in {pays} places, at most {MOST} are taken apart"),
            format!("共有 {pays} 处付款，最多拆分 {MOST} 处"),
        )
    })
}

struct Work<'a> {
    plan: &'a Plan<f64>,
    model: &'a Model,
    ask: Ask,
}

impl Work<'_> {
    /// Every payment of the plan.
    fn payments(&self) -> Vec<Place> {
        let mut places = Vec::new();
        for (instant, at) in self.plan.instants.iter().enumerate() {
            for (rule, of) in at.rules.iter().enumerate() {
                for (action, what) in of.actions.iter().enumerate() {
                    if matches!(what, Action::Pay { .. }) {
                        places.push((instant, rule, action));
                    }
                }
            }
        }
        places
    }

    /// What stands for 1.
    fn unit(&self) -> f64 {
        let notional = self.plan.notional.abs();
        if notional > 0.0 { notional } else { 1.0 }
    }

    fn payment(&self, (instant, rule, action): Place) -> Option<(&Expr<f64>, &Moment, &str)> {
        match &self.plan.instants[instant].rules[rule].actions[action] {
            Action::Pay { amount, at, leg } => Some((amount, at, leg)),
            _ => None,
        }
    }

    /// The plan up to a payment, with that payment alone.
    fn alone(&self, place: Place, pays: Pays) -> Plan<f64> {
        let mut plan = Plan {
            instants: self.plan.instants[..=place.0].to_vec(),
            shape: None,
            ..self.plan.clone()
        };
        for (instant, at) in plan.instants.iter_mut().enumerate() {
            for (rule, of) in at.rules.iter_mut().enumerate() {
                let mut number = 0;
                of.actions.retain_mut(|action| {
                    let here = (instant, rule, number) == place;
                    number += 1;
                    let Action::Pay { amount, .. } = action else {
                        return true;
                    };
                    if here && pays != Pays::Amount {
                        *amount = match pays {
                            Pays::Something => something(amount, self.unit()),
                            _ => Expr::Const(self.unit()),
                        };
                    }
                    here
                });
            }
        }
        plan
    }

    fn price(&self, engine: &dyn Engine, place: Place, pays: Pays) -> Result<f64, PriceError> {
        let alone = self.alone(place, pays);
        Ok(engine.price(&alone, self.model, &self.ask)?.value)
    }

    fn flow(&self, engine: &dyn Engine, place: Place) -> Result<Option<ExpectedFlow>, PriceError> {
        let Some((amount, at, leg)) = self.payment(place) else {
            return Ok(None);
        };
        let discount = self.model.discount.factor(at.rate - self.model.as_of.rate);
        let (contribution, probability) = match amount {
            Expr::Const(amount) => {
                let unit = self.price(engine, place, Pays::Rule)? / self.unit();
                (amount * unit, unit / discount)
            }
            _ => {
                let worth = self.price(engine, place, Pays::Amount)?;
                // A payment of remembered sums has no level at which it begins: whether its rule
                // runs is all that can be told.
                let pays = match sums(self.plan, amount) {
                    true => Pays::Rule,
                    false => Pays::Something,
                };
                let unit = self.price(engine, place, pays)? / self.unit();
                (worth, unit / discount)
            }
        };
        Ok((probability > UNLIKELY).then(|| ExpectedFlow {
            instant: place.0,
            leg: leg.to_owned(),
            probability: probability.min(1.0),
            amount: contribution / (discount * probability),
            contribution,
        }))
    }
}

/// Whether an amount holds a remembered sum.
fn sums(plan: &Plan<f64>, amount: &Expr<f64>) -> bool {
    match amount {
        Expr::Var(var) => plan.vars[*var].carry != Carry::Discrete,
        Expr::Add(parts)
        | Expr::Sub(parts)
        | Expr::Mul(parts)
        | Expr::Div(parts)
        | Expr::Min(parts)
        | Expr::Max(parts) => parts.iter().any(|part| sums(plan, part)),
        // Sums never stand in conditions of plans that engines without paths price.
        Expr::If(_, yes, no) => sums(plan, yes) || sums(plan, no),
        Expr::Const(_) | Expr::Spot(_) | Expr::Worst | Expr::Best | Expr::Basket => false,
    }
}

/// `unit` when an amount is not 0.
fn something(amount: &Expr<f64>, unit: f64) -> Expr<f64> {
    let nothing = || Box::new(Expr::Const(0.0));
    let differs = [Comparison::Above, Comparison::Below]
        .map(|side| Cond::Compare(side, Box::new(amount.clone()), nothing()));
    Expr::If(
        Box::new(Cond::Or(differs.into())),
        Box::new(Expr::Const(unit)),
        nothing(),
    )
}

/// Flows of the same date and leg as one: they come from rules that exclude each other.
fn merged(flows: impl Iterator<Item = ExpectedFlow>) -> Vec<ExpectedFlow> {
    let mut all: Vec<ExpectedFlow> = Vec::new();
    for flow in flows {
        let same =
            |other: &&mut ExpectedFlow| other.instant == flow.instant && other.leg == flow.leg;
        let Some(other) = all.iter_mut().find(same) else {
            all.push(flow);
            continue;
        };
        let probability = other.probability + flow.probability;
        other.amount =
            (other.amount * other.probability + flow.amount * flow.probability) / probability;
        other.probability = probability.min(1.0);
        other.contribution += flow.contribution;
    }
    all
}

#[cfg(test)]
mod tests {
    use rialto_otc_numerics::normal;

    use super::*;
    use crate::select;
    use crate::testing::{Snowball, ask, european, flat};

    fn flows(plan: &Plan<f64>, engine: Option<&str>) -> (f64, Vec<ExpectedFlow>) {
        let model = flat(100.0, 0.03, 0.05, 0.2);
        let ask = Ask {
            flows: true,
            greeks: Greeking::None,
            paths: Some(1 << 16),
            ..ask()
        };
        let priced = select::price(plan, &model, &ask, engine).unwrap().priced;
        (priced.value, priced.flows)
    }

    #[test]
    fn contributions_add_up_to_the_value_and_probabilities_to_one() {
        let plan = Snowball::default().plan();
        for engine in ["quad1d", "pde1d"] {
            let (value, flows) = flows(&plan, Some(engine));
            let sum: f64 = flows.iter().map(|flow| flow.contribution).sum();
            let off = (sum - value).abs() / plan.notional;
            assert!(off < 1e-6, "{engine}: {off}");
            let probability: f64 = flows.iter().map(|flow| flow.probability).sum();
            assert!((probability - 1.0).abs() < 1e-4, "{engine}: {probability}");
        }
    }

    #[test]
    fn they_are_those_that_a_simulation_counts() {
        let plan = Snowball::default().plan();
        let (_, exact) = flows(&plan, Some("quad1d"));
        let (_, counted) = flows(&plan, Some("rqmc"));
        assert_eq!(exact.len(), counted.len());
        for (exact, counted) in exact.iter().zip(&counted) {
            assert_eq!((exact.instant, &exact.leg), (counted.instant, &counted.leg));
            let off = (exact.probability - counted.probability).abs();
            assert!(off < 2e-3, "{exact:?} {counted:?}");
            let off = (exact.amount / counted.amount - 1.0).abs();
            assert!(off < 2e-3, "{exact:?} {counted:?}");
        }
    }

    #[test]
    fn an_option_is_paid_when_it_ends_in_the_money() {
        let plan = european(1.0, 95.0, 2.0);
        let (value, flows) = flows(&plan, None);
        let [flow] = &flows[..] else {
            panic!("{flows:?}");
        };
        assert!((flow.contribution - value).abs() < 1e-6);
        let deviation = 0.2 * 2.0_f64.sqrt();
        let d2 = ((100.0_f64 / 95.0).ln() + (0.03 - 0.05 - 0.02) * 2.0) / deviation;
        assert!(
            (flow.probability - normal::cdf(d2)).abs() < 1e-6,
            "{flow:?}"
        );
        let forward = flow.amount * flow.probability * (-0.06_f64).exp();
        assert!((forward - value).abs() < 1e-6);
    }
}
