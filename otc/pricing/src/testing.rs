//! Plans and models that tests of several engines price, on a numeric clock.

use rialto_otc_contract::plan::{
    Action, Carry, Class, Cond, Expr, Instant, Moment, Plan, Rule, Underlying, Var,
};
use rialto_otc_contract::program::{Comparison, VarKind, phase};
use rialto_otc_market::model::{Curve, Dynamics, Model, Name, Origin};
use rialto_otc_numerics::normal;

use crate::engine::{Ask, Greeking};

/// A market of constant r, q and σ.
pub fn flat(spot: f64, r: f64, q: f64, vol: f64) -> Model {
    Model {
        as_of: Origin {
            variance: 0.0,
            rate: 0.0,
        },
        discount: Curve::flat(r),
        names: vec![Name::new(
            "A",
            spot,
            Curve::flat(q),
            Dynamics::Gbm {
                variance: Curve::flat(vol * vol),
            },
        )],
        correlation: vec![1.0],
    }
}

/// Value, delta and gamma.
pub fn ask() -> Ask {
    Ask {
        greeks: Greeking::Spot,
        ladder: Vec::new(),
        flows: false,
        tolerance: 1e-6,
        seed: 7,
        paths: None,
        draft: false,
    }
}

/// The same time on all clocks.
pub fn at(time: f64) -> Moment {
    Moment {
        date: None,
        variance: time,
        rate: time,
        coupon: time,
    }
}

pub fn pay(amount: Expr<f64>, time: f64) -> Action<f64> {
    Action::Pay {
        amount,
        at: at(time),
        leg: "flow".into(),
    }
}

pub fn rule(phase: u8, condition: Option<Cond<f64>>, actions: Vec<Action<f64>>) -> Rule<f64> {
    Rule {
        phase,
        row: 1,
        schedule: "s".into(),
        condition,
        actions,
    }
}

pub fn when(comparison: Comparison, level: f64) -> Cond<f64> {
    Cond::Compare(
        comparison,
        Box::new(Expr::Spot(0)),
        Box::new(Expr::Const(level)),
    )
}

/// `max(w (S − K), 0)`.
pub fn option(w: f64, strike: f64) -> Expr<f64> {
    let (spot, strike) = (Expr::Spot(0), Expr::Const(strike));
    let inner = if w > 0.0 {
        vec![spot, strike]
    } else {
        vec![strike, spot]
    };
    Expr::Max(vec![Expr::Sub(inner), Expr::Const(0.0)])
}

pub fn plan(initial: f64, notional: f64, instants: Vec<Instant<f64>>) -> Plan<f64> {
    Plan {
        currency: "CNY".into(),
        notional,
        underlyings: vec![Underlying {
            code: "A".into(),
            weight: 1.0,
            initial,
        }],
        vars: Vec::new(),
        instants,
        monitors: Vec::new(),
        exercise: None,
        class: Class {
            underlyings: 1,
            discrete_states: 1,
            affine: 0,
            path: 0,
            continuous: false,
            exercise: false,
        },
        shape: None,
    }
}

/// One unit of a vanilla option.
pub fn european(w: f64, strike: f64, time: f64) -> Plan<f64> {
    let terminal = rule(phase::TERMINAL, None, vec![pay(option(w, strike), time)]);
    plan(
        strike,
        strike,
        vec![Instant {
            at: at(time),
            rules: vec![terminal],
        }],
    )
}

/// Terms of a standard snowball on 244 sessions a year, levels and coupon as shares.
#[derive(Debug, Clone, Copy)]
pub struct Snowball {
    pub months: u32,
    pub lock: u32,
    pub ko: f64,
    pub step: f64,
    pub ki: f64,
    pub coupon: f64,
    pub notional: f64,
    pub initial: f64,
}

impl Default for Snowball {
    fn default() -> Self {
        Self {
            months: 12,
            lock: 3,
            ko: 1.0,
            step: 0.0,
            ki: 0.75,
            coupon: 0.15,
            notional: 1_000_000.0,
            initial: 100.0,
        }
    }
}

impl Snowball {
    /// Monthly knock-out after the lock-up, daily knock-in, loss below the initial fixing.
    pub fn plan(&self) -> Plan<f64> {
        let sessions = (244.0 * f64::from(self.months) / 12.0).round() as u32;
        let month_of = |session: u32| {
            (1..=self.months)
                .find(|month| (244.0 * f64::from(*month) / 12.0).round() as u32 == session)
        };
        let (n, initial) = (self.notional, self.initial);
        let mut instants = Vec::new();
        for session in 1..=sessions {
            let time = f64::from(session) / 244.0;
            let mut rules = Vec::new();
            if let Some(month) = month_of(session).filter(|month| *month >= self.lock) {
                let level = self.ko + self.step * f64::from(month - self.lock);
                let coupon = n * self.coupon * f64::from(month) / 12.0;
                rules.push(rule(
                    phase::KNOCK_OUT,
                    Some(when(Comparison::AtLeast, level * initial)),
                    vec![pay(Expr::Const(n + coupon), time), Action::Stop],
                ));
            }
            rules.push(rule(
                phase::KNOCK_IN,
                Some(when(Comparison::AtMost, self.ki * initial)),
                vec![Action::Set {
                    var: 0,
                    value: Expr::Const(1.0),
                }],
            ));
            if session == sessions {
                let loss = Expr::Mul(vec![Expr::Const(n / initial), option(-1.0, initial)]);
                let bonus = n * (1.0 + self.coupon * f64::from(self.months) / 12.0);
                let amount = Expr::If(
                    Box::new(Cond::Flag(0)),
                    Box::new(Expr::Sub(vec![Expr::Const(n), loss])),
                    Box::new(Expr::Const(bonus)),
                );
                rules.push(rule(phase::TERMINAL, None, vec![pay(amount, time)]));
            }
            instants.push(Instant {
                at: at(time),
                rules,
            });
        }
        let mut plan = plan(initial, n, instants);
        plan.vars = vec![Var {
            name: "ki".into(),
            kind: VarKind::Flag,
            value: 0.0,
            carry: Carry::Discrete,
        }];
        plan.class.discrete_states = 2;
        plan
    }
}

/// Value, delta and gamma of a vanilla (Black and Scholes 1973, Merton 1973).
pub fn black_scholes(w: f64, s: f64, k: f64, t: f64, r: f64, q: f64, vol: f64) -> [f64; 3] {
    let deviation = vol * t.sqrt();
    let d1 = ((s / k).ln() + (r - q + 0.5 * vol * vol) * t) / deviation;
    let d2 = d1 - deviation;
    let (df, dq) = ((-r * t).exp(), (-q * t).exp());
    [
        w * (s * dq * normal::cdf(w * d1) - k * df * normal::cdf(w * d2)),
        w * dq * normal::cdf(w * d1),
        dq * normal::pdf(d1) / (s * deviation),
    ]
}
