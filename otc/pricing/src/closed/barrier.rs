//! Levels watched at every instant: touches, single and double barriers.

use rialto_otc_contract::plan::Moment;
use rialto_otc_contract::shape::{Barrier, Edges, Knock, Paid, Side, Vanilla};

use super::images::{Levels, Motion, Piece, cash, option};
use super::jet::Jet;
use super::world::{CERTAIN, Law, World, gbm, is_flat};
use crate::engine::PriceError;
use crate::reason::Reason;

/// Name of the flag of a knock-in.
pub(crate) const KNOCKED_IN: &str = "ki";

/// What a watched contract pays.
#[derive(Debug)]
pub(crate) struct Watched {
    levels: Levels,
    /// Paid at the end when no level was hit.
    alive: Vec<Piece>,
    /// Paid at the end when the (single) level was hit.
    begun: Vec<Piece>,
    /// Cash when the lower and the upper level is hit first.
    cash: (f64, f64),
    paid: Paid,
}

/// Why levels cannot be watched in this market by a closed form.
pub(crate) fn refuse(world: &World<'_>) -> Result<(), Reason> {
    let Some(end) = world.end() else {
        return Ok(());
    };
    let name = world.name(0)?;
    let (time, years) = world.elapsed(end)?;
    let variance = gbm(name)?;
    let curves = [
        ("r", "r", &world.model.discount, years),
        ("q", "q", &name.carry, years),
        ("the volatility", "波动率", variance, time),
    ];
    for (what, what_zh, curve, until) in curves {
        if !is_flat(curve, until) {
            return Err(Reason::new(
                format!("a level is watched continuously and {what} is not the same up to the end"),
                format!("水平为连续观察，而 {what_zh} 至到期并非不变"),
            ));
        }
    }
    let ahead = |rate: f64| rate > 0.0 && rate <= years;
    if name.dividends.iter().any(|dividend| ahead(dividend.rate)) {
        return Err(Reason::new(
            "a level is watched continuously over a dividend",
            "连续观察的水平跨越分红",
        ));
    }
    for monitor in &world.plan.monitors {
        let from = monitor.from.rate - world.model.as_of.rate;
        if from > 1e-10 || (monitor.to.rate - end.rate).abs() > 1e-10 {
            return Err(Reason::new(
                "the level is not watched from now to the end",
                "水平并非从现在观察至到期",
            ));
        }
    }
    Ok(())
}

impl Watched {
    pub(crate) fn touch(amount: f64, side: Barrier, level: f64, paid: Paid) -> Self {
        let levels = match side {
            Barrier::Up => Levels::Up(level.ln()),
            Barrier::Down => Levels::Down(level.ln()),
        };
        Self {
            levels,
            alive: Vec::new(),
            begun: Vec::new(),
            cash: (amount, amount),
            paid,
        }
    }

    pub(crate) fn no_touch(amount: f64, side: Barrier, level: f64) -> Self {
        Self {
            alive: cash(amount),
            ..Self::touch(0.0, side, level, Paid::End)
        }
    }

    pub(crate) fn double_touch(amount: f64, (lower, upper): (f64, f64), paid: Paid) -> Self {
        Self {
            levels: Levels::Two(lower.ln(), upper.ln()),
            alive: Vec::new(),
            begun: Vec::new(),
            cash: (amount, amount),
            paid,
        }
    }

    pub(crate) fn double_no_touch(amount: f64, levels: (f64, f64)) -> Self {
        Self {
            alive: cash(amount),
            ..Self::double_touch(0.0, levels, Paid::End)
        }
    }

    pub(crate) fn barrier(
        inner: &Vanilla<f64>,
        (side, knock, level): (Barrier, Knock, f64),
        rebate: f64,
        paid: Paid,
    ) -> Self {
        let payoff = option(inner.units, inner.w == Side::Call, inner.strike);
        match knock {
            Knock::Out => Self {
                alive: payoff,
                ..Self::touch(rebate, side, level, paid)
            },
            Knock::In => Self {
                alive: cash(rebate),
                begun: payoff,
                ..Self::touch(0.0, side, level, Paid::End)
            },
        }
    }

    pub(crate) fn double(
        wings: [Option<&Vanilla<f64>>; 2],
        levels: (f64, f64),
        rebates: (f64, f64),
        paid: Paid,
    ) -> Self {
        let pieces = |wing: &Vanilla<f64>| option(wing.units, wing.w == Side::Call, wing.strike);
        Self {
            alive: wings.into_iter().flatten().flat_map(pieces).collect(),
            cash: rebates,
            ..Self::double_touch(0.0, levels, paid)
        }
    }

    /// Which level the log-spot is at or beyond: the lower (false) or the upper one.
    fn breached(&self, log: f64) -> Option<bool> {
        match self.levels {
            Levels::Up(h) => (log >= h).then_some(true),
            Levels::Down(h) => (log <= h).then_some(false),
            Levels::Two(_, u) if log >= u => Some(true),
            Levels::Two(l, _) => (log <= l).then_some(false),
        }
    }

    fn cash_at(&self, upper: bool) -> f64 {
        if upper { self.cash.1 } else { self.cash.0 }
    }

    /// Value now; a level that the spot is already at or beyond is hit now.
    pub(crate) fn value(&self, world: &World<'_>, payment: &Moment) -> Result<Jet, PriceError> {
        let Some(end) = world.end() else {
            return Ok(Jet::default());
        };
        let x = world.spot(0)?.ln();
        let discount = world.discount(payment)?;
        let law = world.law(0, end)?;
        if let Some(upper) = self.breached(x.v) {
            let amount = Jet::from(self.cash_at(upper));
            let rebate = match self.paid {
                Paid::Hit => amount,
                Paid::End => amount * discount,
            };
            return Ok(rebate + payoff(law, &self.begun) * discount);
        }
        let growth = world.growth(0, end)?;
        let rates = world.rates(end)?;
        let v = law.variance;
        if v.v < CERTAIN {
            return Ok(self.certain(law, x, growth, rates, discount));
        }
        let motion = Motion {
            x,
            v,
            m: growth - v * 0.5,
        };
        let mut value = motion.survived(&self.alive, self.levels) * discount;
        value = value + motion.hit(&self.begun, self.levels) * discount;
        if self.cash != (0.0, 0.0) {
            value = value + self.rebates(&motion, rates, discount);
        }
        Ok(value)
    }

    fn rebates(&self, motion: &Motion, rates: Jet, discount: Jet) -> Jet {
        let (rho, discount) = match self.paid {
            Paid::Hit => (rates / motion.v, Jet::from(1.0)),
            Paid::End => (Jet::default(), discount),
        };
        let arrival = |level, other| motion.first_hit(level, other, rho) * discount;
        match self.levels {
            Levels::Up(h) if self.paid == Paid::Hit => arrival(h, None) * self.cash.1,
            Levels::Down(h) if self.paid == Paid::Hit => arrival(h, None) * self.cash.0,
            Levels::Up(_) => motion.hit(&cash(self.cash.1), self.levels) * discount,
            Levels::Down(_) => motion.hit(&cash(self.cash.0), self.levels) * discount,
            Levels::Two(l, u) => {
                arrival(l, Some(u)) * self.cash.0 + arrival(u, Some(l)) * self.cash.1
            }
        }
    }

    /// The price moves along its forward: the level is met on the way or never.
    fn certain(&self, law: Law, x: Jet, growth: Jet, rates: Jet, discount: Jet) -> Jet {
        let Some(upper) = self.breached(law.forward.v.ln()) else {
            return payoff(law, &self.alive) * discount;
        };
        let level = match self.levels {
            Levels::Two(l, _) if !upper => l,
            Levels::Up(h) | Levels::Down(h) | Levels::Two(_, h) => h,
        };
        let amount = self.cash_at(upper);
        let rebate = match self.paid {
            Paid::Hit => (rates * (x - level) / growth).exp() * amount,
            Paid::End => discount * amount,
        };
        rebate + payoff(law, &self.begun) * discount
    }
}

/// Expectation of pieces at the end, levels forgotten.
fn payoff(law: Law, pieces: &[Piece]) -> Jet {
    let value = |piece: &Piece| {
        let moments = law.between(piece.lo.map(f64::exp), piece.hi.map(f64::exp), Edges::Both);
        let part = if piece.power == 0.0 {
            moments.probability
        } else {
            moments.price
        };
        part * piece.coefficient
    };
    pieces.iter().map(value).sum()
}
