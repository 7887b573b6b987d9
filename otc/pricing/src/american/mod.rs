//! American options by spectral collocation of the exercise boundary (specification, section 8.1).
//!
//! One underlying, flat r, q and volatility, one boundary. A put is exercised below its boundary when
//! r is above 0; when r is not above 0 and q not below r it is never exercised early; otherwise there
//! may be two boundaries and the engine refuses. A call is the put with the roles of spot and
//! strike, r and q exchanged (McDonald and Schroder 1998).

mod boundary;
#[cfg(test)]
mod tests;

use rialto_otc_contract::plan::Plan;
use rialto_otc_contract::shape::{Shape, Side, Vanilla};
use rialto_otc_market::model::Model;

use self::boundary::{Boundary, Put, Scheme};
use crate::closed::world::{World, gbm, is_flat};
use crate::closed::{European, european, finite};
use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::notes;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "american/1";

/// Good to 1e-5 per 100 of strike in 99 of 100 random contracts of up to three years, 3e-5 in all.
const FINE: Scheme = Scheme {
    degree: 10,
    steps: 16,
    still: 3e-6,
    inner: 8,
    outer: 32,
};

/// Error of the fine scheme relative to spot plus strike, found by comparison with a far finer one
/// over random contracts within [`Flat::is_usual`] (see the tests).
const ERROR: f64 = 5e-8;

/// For contracts beyond the usual, whose boundary bends more: small volatilities, long times, high
/// rates.
const DEEP: Scheme = Scheme {
    degree: 24,
    steps: 40,
    still: 1e-10,
    inner: 48,
    outer: 64,
};

/// What the deep scheme is compared with, and what differences of it are taken with.
const MIDDLE: Scheme = Scheme {
    degree: 16,
    steps: 30,
    still: 1e-8,
    inner: 24,
    outer: 48,
};

/// Least error of the deep scheme relative to spot plus strike.
const DEEP_ERROR: f64 = 1e-8;

/// Total volatility below which the price is taken to follow its forward.
const CERTAIN: f64 = 1e-7;

/// Spectral American engine.
#[derive(Debug, Clone, Copy, Default)]
pub struct American;

/// Value, delta and gamma at one spot.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Point {
    value: f64,
    delta: f64,
    gamma: f64,
}

/// Flat parameters of an option, the volatility on the rate clock.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Flat {
    w: Side,
    strike: f64,
    r: f64,
    q: f64,
    vol: f64,
    time: f64,
}

/// A solved option, ready for any spot.
#[derive(Debug)]
enum Solved {
    /// Never exercised early.
    European,
    /// The price follows its forward: best of the dates on the way.
    Certain,
    /// Put with its boundary; a call by symmetry has one for each spot, strike and spot exchanged.
    Boundary(Boundary, usize),
}

impl Flat {
    /// r and q in the roles they have for a put.
    fn roles(&self) -> (f64, f64) {
        match self.w {
            Side::Put => (self.r, self.q),
            Side::Call => (self.q, self.r),
        }
    }

    /// Whether it lies where the fine scheme was measured.
    fn is_usual(&self) -> bool {
        let rates = [self.r, self.q];
        self.vol >= 0.1
            && self.time <= 3.0
            && rates.iter().all(|rate| (-0.02..=0.105).contains(rate))
    }

    /// The fine scheme where it is good to what is asked for; the deep one elsewhere.
    fn scheme(&self, spot: f64, units: f64, tolerance: f64) -> Scheme {
        let error = units * ERROR * (spot + self.strike.abs());
        if self.is_usual() && error <= tolerance {
            FINE
        } else {
            DEEP
        }
    }

    /// How far off the value of a scheme may be, per unit.
    fn error(&self, scheme: Scheme, spot: f64, value: f64) -> f64 {
        let scale = spot + self.strike.abs();
        if scheme == FINE {
            return ERROR * scale;
        }
        let other = self.at(&self.solve(MIDDLE), spot).value;
        DEEP_ERROR * scale + (value - other).abs()
    }

    fn refuse(&self) -> Option<Reason> {
        let (r, q) = self.roles();
        (r <= 0.0 && q < r).then(|| {
            Reason::new(
                format!(
                    "r = {} and q = {} may give two exercise boundaries",
                    self.r, self.q
                ),
                format!("r = {}、q = {} 可能有两条行权边界", self.r, self.q),
            )
        })
    }

    /// In units of the strike a boundary depends on rates, volatility and time only.
    fn solve(&self, scheme: Scheme) -> Solved {
        let (r, q) = self.roles();
        if self.vol * self.time.sqrt() < CERTAIN {
            return Solved::Certain;
        }
        if r <= 0.0 || self.strike <= 0.0 {
            return Solved::European;
        }
        let put = Put {
            r,
            q,
            vol: self.vol,
            time: self.time,
        };
        Solved::Boundary(Boundary::solve(put, scheme), scheme.outer)
    }

    fn european(&self, spot: f64) -> European {
        european(
            self.w,
            spot,
            self.strike,
            self.time,
            (self.r, self.q, self.vol),
        )
    }

    fn at(&self, solved: &Solved, spot: f64) -> Point {
        let plain = |spot| {
            let one = self.european(spot);
            Point {
                value: one.value,
                delta: one.delta,
                gamma: one.gamma,
            }
        };
        match solved {
            Solved::European => plain(spot),
            Solved::Certain => self.certain(spot),
            Solved::Boundary(boundary, nodes) => {
                let k = self.strike;
                let x = match self.w {
                    Side::Put => spot / k,
                    Side::Call => k / spot,
                };
                if x <= boundary.at(self.time) {
                    return Point {
                        value: self.w.w() * (spot - k),
                        delta: self.w.w(),
                        gamma: 0.0,
                    };
                }
                let own = plain(spot);
                let extra = boundary.premium(x, *nodes);
                match self.w {
                    Side::Put => Point {
                        value: own.value + k * extra.value,
                        delta: own.delta + extra.delta,
                        gamma: own.gamma + extra.gamma / k,
                    },
                    // S p(K/S) differentiated by S
                    Side::Call => Point {
                        value: own.value + spot * extra.value,
                        delta: own.delta + extra.value - x * extra.delta,
                        gamma: own.gamma + x * x * extra.gamma / spot,
                    },
                }
            }
        }
    }

    /// Without volatility: the best moment is now, the end, or where waiting gains nothing.
    fn certain(&self, spot: f64) -> Point {
        let w = self.w.w();
        let worth = |time: f64| {
            let kept = (-self.q * time).exp();
            let value = w * (spot * kept - self.strike * (-self.r * time).exp());
            Point {
                value: value.max(0.0),
                delta: if value > 0.0 { w * kept } else { 0.0 },
                gamma: 0.0,
            }
        };
        let mut best = worth(0.0);
        let still = (self.r * self.strike / (self.q * spot)).ln() / (self.r - self.q);
        let middle = if still > 0.0 && still < self.time {
            still
        } else {
            0.0
        };
        for time in [middle, self.time] {
            let other = worth(time);
            if other.value > best.value {
                best = other;
            }
        }
        best
    }

    /// Price per unit; the parameters may have been moved.
    fn price(&self, scheme: Scheme, spot: f64) -> f64 {
        self.at(&self.solve(scheme), spot).value
    }
}

/// The option and its flat parameters, or why this engine is not for them.
fn read<'p>(world: &World<'p>) -> Result<(&'p Vanilla<f64>, Flat), Reason> {
    let plan = world.plan;
    let Some(Shape::American(option)) = &plan.shape else {
        return Err(Reason::new("it is not an American option", "不是美式期权"));
    };
    if plan.underlyings.len() != 1 || world.model.names.len() != 1 {
        return Err(Reason::one_underlying(plan.underlyings.len()));
    }
    if option.units < 0.0 {
        return Err(Reason::new(
            "the right to exercise is not the holder's",
            "行权权利不属于持有人",
        ));
    }
    let name = &world.model.names[0];
    let curve = gbm(name)?;
    let Some(end) = world.end() else {
        return Err(Reason::new("no date is left", "没有剩余日期"));
    };
    let (time, years) = world.elapsed(end)?;
    let flat = [
        ("r", "r", &world.model.discount, years),
        ("q", "q", &name.carry, years),
        ("the volatility", "波动率", curve, time),
    ];
    for (what, what_zh, curve, until) in flat {
        if !is_flat(curve, until) {
            return Err(Reason::new(
                format!("{what} is not the same up to the end"),
                format!("{what_zh} 至到期并非不变"),
            ));
        }
    }
    if name
        .dividends
        .iter()
        .any(|one| one.rate > 0.0 && one.rate <= years)
    {
        return Err(Reason::new(
            "a dividend is paid before the end",
            "到期前有分红",
        ));
    }
    let total = curve.integral_to(time).max(0.0);
    let per_year = |integral: f64| if years > 0.0 { integral / years } else { 0.0 };
    let flat = Flat {
        w: option.w,
        strike: option.strike,
        r: world.model.discount.rate_after(0.0),
        q: name.carry.rate_after(0.0),
        vol: per_year(total).sqrt(),
        time: years,
    };
    match flat.refuse() {
        Some(reason) => Err(reason),
        None => Ok((option, flat)),
    }
}

impl Engine for American {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, _ask: &Ask) -> Fit {
        match read(&World::new(plan, model)) {
            Ok((option, flat)) => Fit::Good {
                error: 2.0 * ERROR * flat.strike.abs() * option.units,
                cost: if flat.is_usual() { 2e4 } else { 4e5 },
            },
            Err(reason) => Fit::No(reason),
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        let world = World::new(plan, model);
        let read = read(&world).map_err(|reason| PriceError::Refused { engine: ID, reason });
        let (option, flat) = read?;
        let spot = world.spot(0)?.v;
        let units = option.units;
        let scheme = flat.scheme(spot, units, ask.tolerance);
        let solved = flat.solve(scheme);
        let own = flat.at(&solved, spot);
        finite("an American option", own.value * units)?;
        let mut notes = Vec::new();
        if ask.greeks == Greeking::All {
            notes.push(notes::no_session());
        }
        if ask.flows {
            notes.push(notes::no_flows());
        }
        let (time, years) = match world.end() {
            Some(end) => world.elapsed(end)?,
            None => (0.0, 0.0),
        };
        if (time - years).abs() > 1e-9 {
            notes.push(notes::one_clock());
        }
        let clock = if years > 0.0 {
            (time / years).sqrt()
        } else {
            0.0
        };
        Ok(Priced {
            value: own.value * units,
            greeks: greeks(&flat, (scheme, spot), own, clock, ask.greeks)?.times(units),
            ladder: ladder(&flat, &solved, units, &ask.ladder)?,
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: units * flat.error(scheme, spot, own.value),
                kind: ErrorKind::TwoGrid,
            },
            notes,
        })
    }
}

/// Delta and gamma of the price's own integral; the others by fourth-order central differences of
/// the whole solution.
fn greeks(
    flat: &Flat,
    (scheme, spot): (Scheme, f64),
    own: Point,
    clock: f64,
    wanted: Greeking,
) -> Result<Greeks, PriceError> {
    if wanted == Greeking::None {
        return Ok(Greeks::default());
    }
    let mut greeks = Greeks {
        delta: vec![finite("delta", own.delta)?],
        gamma: vec![finite("gamma", own.gamma)?],
        ..Greeks::default()
    };
    if wanted == Greeking::Spot {
        return Ok(greeks);
    }
    let slope = |h: f64, moved: &dyn Fn(f64) -> Flat| {
        let scheme = if scheme == FINE { FINE } else { MIDDLE };
        let f = |d: f64| moved(d).price(scheme, spot);
        (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
    };
    // Moves that would leave the region of one boundary are made smaller.
    let (role, _) = flat.roles();
    let small = if role > 0.0 {
        1e-3_f64.min(0.2 * role)
    } else {
        1e-3
    };
    let vega = if flat.vol > 0.0 {
        let h = 1e-3_f64.min(0.2 * flat.vol);
        slope(h, &|d| Flat {
            vol: flat.vol + d,
            ..*flat
        })
    } else {
        0.0
    };
    let rho = slope(small, &|d| Flat {
        r: flat.r + d,
        ..*flat
    });
    let rho_q = slope(small, &|d| Flat {
        q: flat.q + d,
        ..*flat
    });
    greeks.vega = vec![finite("vega", vega * clock)?];
    greeks.rho = Some(finite("rho", rho)?);
    greeks.rho_q = vec![finite("rho_q", rho_q)?];
    Ok(greeks)
}

fn ladder(
    flat: &Flat,
    solved: &Solved,
    units: f64,
    spots: &[f64],
) -> Result<Vec<LadderPoint>, PriceError> {
    let mut points = Vec::with_capacity(spots.len());
    for spot in spots {
        if !(spot.is_finite() && *spot > 0.0) {
            return Err(PriceError::Model(format!("spot {spot} is not above 0")));
        }
        let one = flat.at(solved, *spot);
        points.push(LadderPoint {
            spot: *spot,
            value: finite("an American option on the ladder", one.value * units)?,
            delta: finite("delta on the ladder", one.delta * units)?,
            gamma: finite("gamma on the ladder", one.gamma * units)?,
        });
    }
    Ok(points)
}

impl Greeks {
    /// All of them times a number of units.
    pub(crate) fn times(mut self, units: f64) -> Self {
        let lists = [
            &mut self.delta,
            &mut self.gamma,
            &mut self.vega,
            &mut self.rho_q,
        ];
        for list in lists {
            for one in list.iter_mut() {
                *one *= units;
            }
        }
        self.rho = self.rho.map(|rho| rho * units);
        self.theta_1d = self.theta_1d.map(|theta| theta * units);
        self
    }
}
