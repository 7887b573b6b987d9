//! Formulas of amounts with their numbers: what the ledger prints beside each flow,
//! `20,000,000 x 14.7 % x 154/365`.

use rialto_otc_time::Date;
use rust_decimal::Decimal;

use crate::compile::Compiled;
use crate::interpret::{Event, Flow, Recorder, Source, World};
use crate::lower::{Input, Lower, Site, looking};
use crate::plan::{self, Moment};
use crate::program::{Action, Expr};
use crate::value::{percent_text, round};

/// A flow as the ledger books it.
#[derive(Debug, Clone, PartialEq)]
pub struct Booked {
    /// Name of the flow.
    pub leg: String,
    /// Currency units to the holder, rounded half-up as the contract says.
    pub amount: Decimal,
    /// The same before rounding.
    pub exact: Decimal,
    /// When it was determined.
    pub observed: Moment,
    /// When the money moves.
    pub at: Moment,
    /// Row of its schedule, from 1; 0 otherwise.
    pub row: u32,
    /// Which action pays.
    pub source: Source,
    /// The formula with its numbers.
    pub trace: String,
}

/// Books what the interpreter determines: rounded amounts with their formulas.
#[derive(Debug)]
pub struct Booking<'c> {
    contract: &'c Compiled,
    trace: String,
    /// Flows, in the order in which they were determined; those of nothing are left out.
    pub flows: Vec<Booked>,
    /// Events, in order.
    pub events: Vec<Event<Decimal>>,
}

impl<'c> Booking<'c> {
    /// An empty booking of a contract.
    #[must_use]
    pub fn new(contract: &'c Compiled) -> Self {
        Self {
            contract,
            trace: String::new(),
            flows: Vec::new(),
            events: Vec::new(),
        }
    }
}

impl<'p> Recorder<'p, Decimal> for Booking<'_> {
    fn paying(&mut self, source: Source, world: World<'_, Decimal>) {
        self.trace = self.contract.trace(source, world).unwrap_or_default();
    }

    fn flow(&mut self, flow: Flow<'p, Decimal>) {
        let trace = std::mem::take(&mut self.trace);
        let amount = round(flow.amount, self.contract.rounding.amount);
        if amount.is_zero() && flow.amount.is_zero() {
            return;
        }
        self.flows.push(Booked {
            leg: flow.leg.to_owned(),
            amount,
            exact: flow.amount,
            observed: flow.observed,
            at: flow.at,
            row: flow.row,
            source: flow.source,
            trace,
        });
    }

    fn event(&mut self, event: Event<Decimal>) {
        self.events.push(event);
    }
}

/// How tightly a piece of a formula holds together.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Bond {
    Sum,
    Product,
    Atom,
}

type Piece = (String, Bond);

struct Writer<'w> {
    lower: Lower<'w>,
    world: World<'w, Decimal>,
    site: Site<'w>,
}

fn no_moment(_: Date) -> Option<Moment> {
    None
}

impl Compiled {
    /// The formula of an amount with its numbers; `None` when the source is not of this contract.
    #[must_use]
    pub fn trace(&self, source: Source, world: World<'_, Decimal>) -> Option<String> {
        let (amount, site) = self.origin(source)?;
        let input = Input {
            program: &self.program,
            schedules: &self.schedules,
            underlyings: &self.plan.underlyings,
            notional: self.plan.notional,
            currency: &self.plan.currency,
            level_decimals: self.rounding.level,
            start: self.end.at,
            end: self.end,
            moment: &no_moment,
            shape: None,
        };
        let writer = Writer {
            lower: looking(&input),
            world,
            site,
        };
        Some(writer.write(amount, false)?.0)
    }

    /// The expression an amount comes from and where it stands.
    fn origin(&self, source: Source) -> Option<(&Expr, Site<'_>)> {
        let (actions, action, site) = match source {
            Source::Exercise { .. } => {
                return Some((&self.program.exercise.as_ref()?.payoff, Site::Exercise));
            }
            Source::Monitor { monitor, action } => {
                let rule = self
                    .program
                    .rules
                    .get(*self.origins.monitors.get(monitor)?)?;
                (&rule.actions, action, Site::Continuous)
            }
            Source::Rule {
                instant,
                rule,
                action,
            } => match *self.origins.instants.get(instant)?.get(rule)? {
                None => (&self.program.terminal, action, Site::Terminal),
                Some(origin) => {
                    let placed = self.plan.instants.get(instant)?.rules.get(rule)?;
                    let schedule = self.schedules.iter().find(|s| s.name == placed.schedule)?;
                    let index = usize::try_from(placed.row).ok()?.checked_sub(1)?;
                    let rule = self.program.rules.get(origin)?;
                    (&rule.actions, action, Site::Row { schedule, index })
                }
            },
        };
        match actions.get(action)? {
            Action::Pay { amount, .. } => Some((amount, site)),
            Action::Set { .. } | Action::Stop => None,
        }
    }
}

impl Writer<'_> {
    /// `money`: the piece multiplies a notional, so that fractions are rates and read as percent.
    fn write(&self, expr: &Expr, money: bool) -> Option<Piece> {
        if let Some((above, below)) = self.lower.known(expr, self.site).ok()? {
            if below != Decimal::ONE {
                return Some((format!("{above}/{below}"), Bond::Product));
            }
            let rate = money && !above.is_integer() && above.abs() <= Decimal::TWO;
            let rate = rate && matches!(expr, Expr::Const(_) | Expr::Row(_));
            let text = if rate {
                percent_text(above)
            } else {
                grouped(above)
            };
            return Some((text, Bond::Atom));
        }
        let unknown = |expr: &plan::Expr<Decimal>| {
            let value = self.world.expr(expr)?;
            Some((grouped(round(value, 10)), Bond::Atom))
        };
        match expr {
            Expr::Add(terms) => self.sum(terms, " + ", money),
            Expr::Sub(terms) if terms.len() == 1 => Some((
                format!("-{}", self.held(terms.first()?, Bond::Atom, money)?),
                Bond::Sum,
            )),
            Expr::Sub(terms) => self.sum(terms, " - ", money),
            Expr::Mul(terms) => self.product(terms, money),
            Expr::Div(terms) => {
                let first = self.held(terms.first()?, Bond::Product, money)?;
                let rest = terms
                    .get(1..)?
                    .iter()
                    .map(|t| self.held(t, Bond::Atom, false));
                let pieces: Vec<String> = std::iter::once(Some(first))
                    .chain(rest)
                    .collect::<Option<_>>()?;
                Some((pieces.join(" / "), Bond::Product))
            }
            Expr::Min(terms) => self.call("min", terms, money),
            Expr::Max(terms) => self.call("max", terms, money),
            Expr::If(cond, yes, no) => {
                let cond = self.lower.cond(cond, self.site).ok()?;
                let branch = if self.world.cond(&cond)? { yes } else { no };
                self.write(branch, money)
            }
            _ => unknown(&self.lower.expr(expr, self.site).ok()?),
        }
    }

    fn held(&self, expr: &Expr, least: Bond, money: bool) -> Option<String> {
        let (text, bond) = self.write(expr, money)?;
        Some(if bond < least {
            format!("({text})")
        } else {
            text
        })
    }

    fn sum(&self, terms: &[Expr], sign: &str, money: bool) -> Option<Piece> {
        let mut pieces = Vec::new();
        for (n, term) in terms.iter().enumerate() {
            let least = if n == 0 { Bond::Sum } else { Bond::Product };
            let text = self.held(term, least, money)?;
            if text != "0" || (n == 0 && sign == " - ") {
                pieces.push(text);
            }
        }
        match pieces.len() {
            0 => Some(("0".to_owned(), Bond::Atom)),
            1 => Some((pieces.pop()?, Bond::Sum)),
            _ => Some((pieces.join(sign), Bond::Sum)),
        }
    }

    fn product(&self, terms: &[Expr], money: bool) -> Option<Piece> {
        let mut factors = Vec::new();
        flatten(terms, &mut factors);
        let money = money
            || factors
                .iter()
                .any(|factor| matches!(factor, Expr::Notional));
        let mut pieces = Vec::new();
        for factor in factors {
            let text = self.held(factor, Bond::Product, money)?;
            if text == "0" {
                return Some(("0".to_owned(), Bond::Atom));
            }
            if text != "1" {
                pieces.push(text);
            }
        }
        match pieces.len() {
            0 => Some(("1".to_owned(), Bond::Atom)),
            1 => Some((pieces.pop()?, Bond::Product)),
            _ => Some((pieces.join(" x "), Bond::Product)),
        }
    }

    fn call(&self, name: &str, terms: &[Expr], money: bool) -> Option<Piece> {
        let pieces = terms.iter().map(|term| self.held(term, Bond::Sum, money));
        let pieces: Vec<String> = pieces.collect::<Option<_>>()?;
        Some((format!("{name}({})", pieces.join(", ")), Bond::Atom))
    }
}

fn flatten<'e>(terms: &'e [Expr], into: &mut Vec<&'e Expr>) {
    for term in terms {
        match term {
            Expr::Mul(inner) => flatten(inner, into),
            other => into.push(other),
        }
    }
}

/// A number with thousands set apart: `20,000,000`.
#[must_use]
pub fn grouped(value: Decimal) -> String {
    let text = value.normalize().abs().to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if value.is_sign_negative() && !value.is_zero() {
        out.push('-');
    }
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    if !part.is_empty() {
        out.push('.');
        out.push_str(part);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (text, shown) in [
            ("20000000", "20,000,000"),
            ("-1234.50", "-1,234.5"),
            ("999", "999"),
            ("0", "0"),
        ] {
            assert_eq!(grouped(text.parse().expect("a number")), shown);
        }
    }
}
