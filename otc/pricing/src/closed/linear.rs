//! Contracts whose rules ask nothing and whose amounts are sums of products of prices: total return
//! swaps of every kind, forwards written as rules.
//!
//! Amounts and memory are carried as polynomials in the prices of the dates (negative powers too),
//! whose expectations are exact in geometric Brownian motion.

use rialto_otc_contract::plan::{Action, Cond, Expr};

use super::jet::Jet;
use super::world::World;
use crate::engine::PriceError;
use crate::reason::Reason;

/// Price of underlying `.1` on date `.0` to the power `.2`.
type Factor = (usize, usize, i32);

/// `coefficient × Π factors`, factors in order and none of power 0.
#[derive(Debug, Clone, PartialEq)]
struct Monomial {
    coefficient: f64,
    factors: Vec<Factor>,
}

/// Sum of monomials.
#[derive(Debug, Clone, PartialEq, Default)]
struct Polynomial(Vec<Monomial>);

/// Most monomials of one amount.
const MOST: usize = 2_000;

/// Amounts with their payments: index of the date, rule and action in each.
#[derive(Debug)]
pub(crate) struct Linear {
    amounts: Vec<(Polynomial, (usize, usize, usize))>,
}

impl Polynomial {
    fn constant(value: f64) -> Self {
        Self(vec![Monomial {
            coefficient: value,
            factors: Vec::new(),
        }])
    }

    fn price(date: usize, name: usize) -> Self {
        Self(vec![Monomial {
            coefficient: 1.0,
            factors: vec![(date, name, 1)],
        }])
    }

    fn plus(mut self, other: Self, sign: f64) -> Self {
        for term in other.0 {
            let same = self.0.iter_mut().find(|own| own.factors == term.factors);
            match same {
                Some(own) => own.coefficient += sign * term.coefficient,
                None => self.0.push(Monomial {
                    coefficient: sign * term.coefficient,
                    ..term
                }),
            }
        }
        self.0.retain(|term| term.coefficient != 0.0);
        self
    }

    fn times(&self, other: &Self) -> Self {
        let mut product = Self::default();
        for a in &self.0 {
            for b in &other.0 {
                product = product.plus(Self(vec![a.times(b)]), 1.0);
            }
        }
        product
    }

    /// One over a single monomial.
    fn inverse(&self) -> Option<Self> {
        match &self.0[..] {
            [one] if one.coefficient != 0.0 => Some(Self(vec![Monomial {
                coefficient: 1.0 / one.coefficient,
                factors: one.factors.iter().map(|(d, n, p)| (*d, *n, -p)).collect(),
            }])),
            _ => None,
        }
    }
}

impl Monomial {
    fn times(&self, other: &Self) -> Self {
        let mut factors = self.factors.clone();
        for (date, name, power) in &other.factors {
            match factors
                .iter_mut()
                .find(|own| own.0 == *date && own.1 == *name)
            {
                Some(own) => own.2 += power,
                None => factors.push((*date, *name, *power)),
            }
        }
        factors.retain(|factor| factor.2 != 0);
        factors.sort_unstable();
        Self {
            coefficient: self.coefficient * other.coefficient,
            factors,
        }
    }

    fn expected(&self, world: &World<'_>) -> Result<Jet, PriceError> {
        let at = |date: usize| &world.plan.instants[date].at;
        match &self.factors[..] {
            [] => return Ok(Jet::from(self.coefficient)),
            // A forward needs no volatility.
            [(date, name, 1)] => return Ok(world.forward(*name, at(*date))? * self.coefficient),
            _ => {}
        }
        let mut log = Jet::default();
        for (index, (date, name, power)) in self.factors.iter().enumerate() {
            let power = f64::from(*power);
            let law = world.law(*name, at(*date))?;
            log = log + (law.forward.ln() + law.variance * (0.5 * (power - 1.0))) * power;
            for (later, other, second) in &self.factors[index + 1..] {
                let first = at(*date.min(later));
                let shared = if name == other {
                    world.variance(*name, first)?
                } else {
                    world.covariance(*name, *other, first)?
                };
                log = log + shared * (power * f64::from(*second));
            }
        }
        Ok(log.exp() * self.coefficient)
    }
}

impl Linear {
    /// Reads a plan.
    ///
    /// # Errors
    /// Why it is not linear.
    pub(crate) fn read(world: &World<'_>) -> Result<Self, Reason> {
        let plan = world.plan;
        if !plan.monitors.is_empty() || plan.exercise.is_some() {
            return Err(Reason::new(
                "it has no shape with a closed form",
                "没有对应闭式解的形状",
            ));
        }
        let mut vars: Vec<Polynomial> = plan
            .vars
            .iter()
            .map(|var| Polynomial::constant(var.value))
            .collect();
        let mut amounts = Vec::new();
        for (date, instant) in plan.instants.iter().enumerate() {
            for (at_rule, rule) in instant.rules.iter().enumerate() {
                match rule.condition {
                    None | Some(Cond::Always(true)) => {}
                    Some(Cond::Always(false)) => continue,
                    Some(_) => {
                        return Err(Reason::new(
                            "it has no shape with a closed form",
                            "没有对应闭式解的形状",
                        ));
                    }
                }
                for (at_action, action) in rule.actions.iter().enumerate() {
                    match action {
                        Action::Pay { amount, .. } => {
                            let amount = polynomial(world, amount, date, &vars)?;
                            amounts.push((amount, (date, at_rule, at_action)));
                        }
                        Action::Set { var, value } => {
                            let value = polynomial(world, value, date, &vars)?;
                            if let Some(var) = vars.get_mut(*var) {
                                *var = value;
                            }
                        }
                        Action::Stop => {
                            return Err(Reason::new("it may end early", "可能提前终止"));
                        }
                    }
                }
            }
        }
        Ok(Self { amounts })
    }

    /// Value now.
    pub(crate) fn value(&self, world: &World<'_>) -> Result<Jet, PriceError> {
        let mut sum = Jet::default();
        for (amount, (date, rule, action)) in &self.amounts {
            let action = &world.plan.instants[*date].rules[*rule].actions[*action];
            let Action::Pay { at, .. } = action else {
                continue;
            };
            let mut expected = Jet::default();
            for term in &amount.0 {
                expected = expected + term.expected(world)?;
            }
            sum = sum + expected * world.discount(at)?;
        }
        Ok(sum)
    }

    /// Whether some amount needs more than forwards.
    pub(crate) fn needs_law(&self) -> bool {
        let more = |term: &Monomial| !matches!(&term.factors[..], [] | [(_, _, 1)]);
        self.amounts
            .iter()
            .any(|(amount, _)| amount.0.iter().any(more))
    }
}

fn polynomial(
    world: &World<'_>,
    expr: &Expr<f64>,
    date: usize,
    vars: &[Polynomial],
) -> Result<Polynomial, Reason> {
    let of = |expr: &Expr<f64>| polynomial(world, expr, date, vars);
    let sum = |items: &[Expr<f64>], sign: f64| -> Result<Polynomial, Reason> {
        let mut total = Polynomial::default();
        for item in items {
            total = total.plus(of(item)?, sign);
        }
        Ok(total)
    };
    let value = match expr {
        Expr::Const(value) => Polynomial::default().plus(Polynomial::constant(*value), 1.0),
        Expr::Spot(name) => Polynomial::price(date, *name),
        Expr::Var(var) => vars.get(*var).cloned().unwrap_or_default(),
        Expr::Basket => {
            let mut total = Polynomial::default();
            for (name, underlying) in world.plan.underlyings.iter().enumerate() {
                let share = Polynomial::constant(underlying.weight / underlying.initial);
                total = total.plus(Polynomial::price(date, name).times(&share), 1.0);
            }
            total
        }
        Expr::Add(items) => sum(items, 1.0)?,
        Expr::Sub(items) => match &items[..] {
            [one] => sum(std::slice::from_ref(one), -1.0)?,
            [first, rest @ ..] => of(first)?.plus(sum(rest, 1.0)?, -1.0),
            [] => Polynomial::default(),
        },
        Expr::Mul(items) => {
            let mut product = Polynomial::constant(1.0);
            for item in items {
                let item = of(item)?;
                if product.0.len() * item.0.len() > MOST {
                    return Err(Reason::new(
                        "its amounts have too many terms",
                        "金额的项过多",
                    ));
                }
                product = product.times(&item);
            }
            product
        }
        Expr::Div(items) => {
            let Some((first, rest)) = items.split_first() else {
                return Err(Reason::new(
                    "it has no shape with a closed form",
                    "没有对应闭式解的形状",
                ));
            };
            let mut quotient = of(first)?;
            for item in rest {
                let inverse = of(item)?.inverse();
                let inverse = inverse.ok_or_else(|| {
                    Reason::new(
                        "an amount is divided by a sum of prices",
                        "金额除以价格之和",
                    )
                })?;
                quotient = quotient.times(&inverse);
            }
            quotient
        }
        Expr::Worst | Expr::Best | Expr::Min(_) | Expr::Max(_) | Expr::If(..) => {
            return Err(Reason::new(
                "it has no shape with a closed form",
                "没有对应闭式解的形状",
            ));
        }
    };
    Ok(value)
}
