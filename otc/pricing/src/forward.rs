//! No randomness left: the interpreter walked on the forward path (specification, section 8.7,
//! σ = 0 or T = 0). Exact.

use rialto_otc_contract::interpret::{
    Flow, Hit, Memory, Recorder, Seen, WalkError, World, beyond, step,
};
use rialto_otc_contract::plan::{Moment, Plan};
use rialto_otc_market::model::{Dynamics, Model, Name};

use crate::engine::{
    Ask, Engine, ErrorEstimate, ErrorKind, Fit, Greeking, Greeks, LadderPoint, PriceError, Priced,
};
use crate::notes;
use crate::pde::drop;
use crate::reason::Reason;

/// Name and version of the engine.
pub const ID: &str = "forward/1";

/// Variance to the last date below which nothing moves.
const NONE: f64 = 1e-14;

/// Times looked at between two dates for the best exercise.
const TIMES: u32 = 256;

/// Relative step of the spot for derivatives of a ladder.
const SPOT_STEP: f64 = 1e-4;

/// Walks the forward path.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forward;

impl Engine for Forward {
    fn id(&self) -> &'static str {
        ID
    }

    fn fit(&self, plan: &Plan<f64>, model: &Model, _ask: &Ask) -> Fit {
        match refuse(plan, model) {
            Some(reason) => Fit::No(reason),
            None => Fit::Exact {
                cost: 100.0 * plan.instants.len() as f64,
            },
        }
    }

    fn price(&self, plan: &Plan<f64>, model: &Model, ask: &Ask) -> Result<Priced, PriceError> {
        if let Some(reason) = refuse(plan, model) {
            return Err(PriceError::Refused { engine: ID, reason });
        }
        let value = value(plan, model)?;
        let mut greeks = Greeks::default();
        let mut notes = Vec::new();
        if ask.greeks == Greeking::All {
            // Away from levels the value moves with the square of a small volatility.
            greeks.vega = vec![0.0; model.names.len()];
            notes.push(notes::away_from_levels());
        }
        let ladder = ask.ladder.iter().map(|spot| {
            let at = |spot: f64| value_at(plan, model, spot);
            let by = SPOT_STEP * spot;
            let (down, here, up) = (at(spot - by)?, at(*spot)?, at(spot + by)?);
            Ok(LadderPoint {
                spot: *spot,
                value: here,
                delta: (up - down) / (2.0 * by),
                gamma: (up - 2.0 * here + down) / (by * by),
            })
        });
        Ok(Priced {
            value,
            greeks,
            ladder: ladder.collect::<Result<_, PriceError>>()?,
            flows: Vec::new(),
            error: ErrorEstimate {
                abs: 1e-14 * (value.abs() + plan.notional.abs()),
                kind: ErrorKind::Exact,
            },
            notes,
        })
    }
}

fn refuse(plan: &Plan<f64>, model: &Model) -> Option<Reason> {
    if plan.underlyings.len() != model.names.len() {
        return Some(Reason::new(
            "the model has other underlyings than the plan",
            "模型的标的与合约不同",
        ));
    }
    let last = plan.instants.last()?;
    let elapsed = (last.at.variance - model.as_of.variance).max(0.0);
    for name in &model.names {
        let moves = match &name.dynamics {
            Dynamics::Gbm { variance } => variance.integral_to(elapsed) > NONE,
            Dynamics::LocalVol(vol) => {
                let flat = match vol.cev {
                    Some(cev) => cev.hi == 0.0 || (cev.a == 0.0 && cev.lo == 0.0),
                    None => vol.vols.iter().all(|vol| *vol == 0.0),
                };
                elapsed > NONE && !flat
            }
            Dynamics::Heston(heston) => heston.expected_variance(elapsed) > NONE,
        };
        if moves {
            return Some(Reason::new(
                format!("{} moves at random", name.code),
                format!("{} 随机变动", name.code),
            ));
        }
    }
    if !plan.monitors.is_empty()
        && plan
            .exercise
            .as_ref()
            .is_some_and(|right| right.instants.is_empty())
    {
        return Some(Reason::new(
            "exercise at any time together with barriers watched continuously",
            "随时可行权且有连续观察的障碍",
        ));
    }
    None
}

fn value_at(plan: &Plan<f64>, model: &Model, spot: f64) -> Result<f64, PriceError> {
    let mut moved = model.clone();
    if let [name] = &mut moved.names[..] {
        name.spot = spot;
        return value(plan, &moved);
    }
    Err(PriceError::Refused {
        engine: ID,
        reason: Reason::new("a ladder needs one underlying", "阶梯估值只适用于单一标的"),
    })
}

/// The most the holder can have: without exercise, or with the best one.
fn value(plan: &Plan<f64>, model: &Model) -> Result<f64, PriceError> {
    for name in &model.names {
        if !(name.spot.is_finite() && name.spot > 0.0) {
            return Err(PriceError::Model(format!(
                "spot {} of {} is not above 0",
                name.spot, name.code
            )));
        }
    }
    let walk = Walk { plan, model };
    let mut best = walk.whole(None)?;
    if let Some(right) = &plan.exercise {
        let any = right.instants.is_empty();
        for instant in 0..plan.instants.len() {
            if any || right.instants.contains(&instant) {
                best = best.max(walk.whole(Some(instant))?);
            }
            if any {
                best = best.max(walk.between(instant)?);
            }
        }
    }
    if best.is_finite() {
        Ok(best)
    } else {
        Err(PriceError::Number {
            stage: "the walk on the forward path",
            value: best,
        })
    }
}

struct Walk<'a> {
    plan: &'a Plan<f64>,
    model: &'a Model,
}

/// Adds up discounted payments.
struct Sum<'a> {
    model: &'a Model,
    value: f64,
}

impl Recorder<'_, f64> for Sum<'_> {
    fn flow(&mut self, flow: Flow<'_, f64>) {
        let paid = flow.at.rate - self.model.as_of.rate;
        self.value += flow.amount * (-self.model.discount.integral_to(paid)).exp();
    }
}

fn failed(error: WalkError) -> PriceError {
    PriceError::Model(format!("the walk on the forward path failed: {error}"))
}

impl Walk<'_> {
    /// Time of an instant from now on the rate clock.
    fn time(&self, instant: usize) -> f64 {
        (self.plan.instants[instant].at.rate - self.model.as_of.rate).max(0.0)
    }

    fn start(&self, instant: usize) -> f64 {
        instant
            .checked_sub(1)
            .map_or(0.0, |before| self.time(before))
    }

    /// Fixings at a time, after that moment's dividends.
    fn fixings(&self, time: f64) -> Vec<f64> {
        let names = self.model.names.iter();
        names.map(|name| self.spot(name, time, true)).collect()
    }

    /// Forward price with the dividends paid up to a time; those at the time itself too, when
    /// `after`.
    fn spot(&self, name: &Name, time: f64, after: bool) -> f64 {
        let grown = |from: f64, to: f64| {
            (self.model.discount.integral(from, to) - name.carry.integral(from, to)).exp()
        };
        let mut dividends: Vec<_> = name
            .dividends
            .iter()
            .filter(|dividend| {
                dividend.rate > 0.0
                    && (dividend.rate < time - 1e-9 || (after && dividend.rate <= time + 1e-9))
            })
            .collect();
        dividends.sort_by(|a, b| a.rate.total_cmp(&b.rate));
        let (mut spot, mut now) = (name.spot, 0.0);
        for dividend in dividends {
            let at = dividend.rate.min(time);
            spot = drop(spot * grown(now, at), dividend);
            now = at;
        }
        spot * grown(now, time)
    }

    /// Value when the holder exercises at an instant or never.
    fn whole(&self, exercise: Option<usize>) -> Result<f64, PriceError> {
        let mut memory = Memory::new(self.plan);
        let mut sum = Sum {
            model: self.model,
            value: 0.0,
        };
        for instant in 0..self.plan.instants.len() {
            if !memory.alive {
                break;
            }
            self.step(instant, exercise == Some(instant), &mut memory, &mut sum)?;
        }
        Ok(sum.value)
    }

    fn step<'p>(
        &'p self,
        instant: usize,
        exercise: bool,
        memory: &mut Memory<f64>,
        sum: &mut Sum<'p>,
    ) -> Result<(), PriceError> {
        let fixings = self.fixings(self.time(instant));
        let hits = self.hits(instant);
        let seen = Seen {
            fixings: &fixings,
            hits: (!self.plan.monitors.is_empty()).then_some(&hits[..]),
            exercise,
        };
        step(self.plan, instant, seen, memory, sum).map_err(failed)
    }

    /// The best the holder gets by exercise between the instant before and this one.
    fn between(&self, instant: usize) -> Result<f64, PriceError> {
        let mut memory = Memory::new(self.plan);
        let mut sum = Sum {
            model: self.model,
            value: 0.0,
        };
        for before in 0..instant {
            if !memory.alive {
                return Ok(f64::NEG_INFINITY);
            }
            self.step(before, false, &mut memory, &mut sum)?;
        }
        let Some(right) = self.plan.exercise.as_ref().filter(|_| memory.alive) else {
            return Ok(f64::NEG_INFINITY);
        };
        let at = |time: f64| -> Result<f64, PriceError> {
            let fixings = self.fixings(time);
            let world = World {
                plan: self.plan,
                fixings: &fixings,
                vars: &memory.vars,
            };
            let paid = world.expr(&right.payoff).ok_or(PriceError::Number {
                stage: "the payoff of exercise",
                value: f64::NAN,
            })?;
            Ok(sum.value + paid * (-self.model.discount.integral_to(time)).exp())
        };
        let (from, to) = (self.start(instant), self.time(instant));
        let width = (to - from) / f64::from(TIMES);
        let mut best = (from, at(from)?);
        for place in 1..=TIMES {
            let time = from + width * f64::from(place);
            let value = at(time)?;
            if value > best.1 {
                best = (time, value);
            }
        }
        // Thirds around the best place found; the function is smooth there or has its peak there.
        let (mut lo, mut hi) = ((best.0 - width).max(from), (best.0 + width).min(to));
        for _ in 0..60 {
            let (a, b) = (lo + (hi - lo) / 3.0, hi - (hi - lo) / 3.0);
            let (at_a, at_b) = (at(a)?, at(b)?);
            best.1 = best.1.max(at_a).max(at_b);
            if at_a < at_b {
                lo = a;
            } else {
                hi = b;
            }
        }
        Ok(best.1)
    }

    /// Barriers hit since the instant before, in order of time.
    fn hits(&self, instant: usize) -> Vec<Hit> {
        let (start, end) = (self.start(instant), self.time(instant));
        let origin = self.model.as_of.rate;
        let mut hits = Vec::new();
        for (number, monitor) in self.plan.monitors.iter().enumerate() {
            let name = &self.model.names[monitor.underlying];
            let from = (monitor.from.rate - origin).max(start);
            let to = (monitor.to.rate - origin).min(end);
            if to < from || (to <= from && instant > 0) {
                continue;
            }
            // Between these times the forward only rises or only falls.
            let mut times = vec![from, to];
            times.extend(name.dividends.iter().map(|dividend| dividend.rate));
            times.extend(self.model.discount.knots());
            times.extend(name.carry.knots());
            times.retain(|time| *time >= from && *time <= to);
            times.sort_by(f64::total_cmp);
            let passed = |time: f64, after: bool| beyond(monitor, self.spot(name, time, after));
            let mut found = passed(from, true).then_some(from);
            for pair in times.windows(2) {
                if found.is_some() {
                    break;
                }
                if passed(pair[1], false) {
                    let (mut lo, mut hi) = (pair[0], pair[1]);
                    for _ in 0..60 {
                        let middle = 0.5 * (lo + hi);
                        if passed(middle, false) {
                            hi = middle;
                        } else {
                            lo = middle;
                        }
                    }
                    found = Some(hi);
                } else if passed(pair[1], true) {
                    found = Some(pair[1]);
                }
            }
            if let Some(time) = found {
                let at = Moment {
                    date: None,
                    rate: origin + time,
                    ..self.plan.instants[instant].at
                };
                hits.push(Hit {
                    monitor: number,
                    at,
                    pay: at,
                });
            }
        }
        hits.sort_by(|a, b| a.at.rate.total_cmp(&b.at.rate));
        hits
    }
}

#[cfg(test)]
mod tests {
    use rialto_otc_contract::plan::{Action, Exercise, Expr, Monitor};
    use rialto_otc_contract::program::Comparison;

    use super::*;
    use crate::testing::{Snowball, ask, at, european, flat, option, pay};

    fn price(plan: &Plan<f64>, model: &Model) -> f64 {
        Forward.price(plan, model, &ask()).expect("a price").value
    }

    #[test]
    fn a_call_without_volatility_is_worth_its_forward_intrinsic() {
        let model = flat(100.0, 0.05, 0.01, 0.0);
        let want = 100.0 * (-0.01_f64).exp() - 95.0 * (-0.05_f64).exp();
        assert!((price(&european(1.0, 95.0, 1.0), &model) - want).abs() < 1e-12);
        assert_eq!(price(&european(-1.0, 95.0, 1.0), &model), 0.0);
    }

    #[test]
    fn with_volatility_it_is_refused() {
        let error = Forward
            .price(
                &european(1.0, 95.0, 1.0),
                &flat(100.0, 0.0, 0.0, 0.1),
                &ask(),
            )
            .expect_err("refused");
        assert!(matches!(error, PriceError::Refused { .. }), "{error}");
    }

    #[test]
    fn a_snowball_on_its_level_knocks_out_at_the_first_date() {
        let plan = Snowball::default().plan();
        let model = flat(100.0, 0.0, 0.0, 0.0);
        let want = 1_000_000.0 * (1.0 + 0.15 * 3.0 / 12.0);
        assert!((price(&plan, &model) - want).abs() < 1e-6);
        // One tick below its level it never does, and earns the bonus.
        let below = flat(99.999, 0.0, 0.0, 0.0);
        assert!((price(&plan, &below) - 1_150_000.0).abs() < 1e-6);
        // At the knock-in level it loses what the spot lost.
        let low = flat(75.0, 0.0, 0.0, 0.0);
        assert!((price(&plan, &low) - 750_000.0).abs() < 1e-6);
    }

    fn touch(level: f64, side: Comparison, at_hit: bool) -> Plan<f64> {
        let mut plan = european(1.0, 1e9, 1.0);
        plan.monitors.push(Monitor {
            from: at(0.0),
            to: at(1.0),
            underlying: 0,
            side,
            level,
            unless: None,
            actions: vec![pay(Expr::Const(10.0), 1.0), Action::Stop],
            pay_at_hit: at_hit,
        });
        plan
    }

    #[test]
    fn a_barrier_is_hit_where_the_forward_crosses_it() {
        let model = flat(100.0, 0.05, 0.0, 0.0);
        let hit = (1.02_f64).ln() / 0.05;
        let paid_then = price(&touch(102.0, Comparison::AtLeast, true), &model);
        assert!((paid_then - 10.0 * (-0.05 * hit).exp()).abs() < 1e-9);
        let paid_late = price(&touch(102.0, Comparison::AtLeast, false), &model);
        assert!((paid_late - 10.0 * (-0.05_f64).exp()).abs() < 1e-12);
        assert_eq!(price(&touch(106.0, Comparison::AtLeast, true), &model), 0.0);
        let breached = price(&touch(100.0, Comparison::AtMost, true), &model);
        assert!((breached - 10.0).abs() < 1e-12, "hit now");
    }

    #[test]
    fn an_american_put_is_exercised_at_once_and_a_call_when_it_pays_best() {
        let mut plan = european(-1.0, 110.0, 1.0);
        plan.exercise = Some(Exercise {
            instants: Vec::new(),
            pay: Vec::new(),
            payoff: option(-1.0, 110.0),
        });
        assert!((price(&plan, &flat(100.0, 0.05, 0.0, 0.0)) - 10.0).abs() < 1e-12);
        let mut call = european(1.0, 90.0, 1.0);
        call.exercise = Some(Exercise {
            instants: Vec::new(),
            pay: Vec::new(),
            payoff: option(1.0, 90.0),
        });
        // Most is had where q S = r K, inside the year.
        let model = flat(100.0, 0.06, 0.058, 0.0);
        let at = |t: f64| 100.0 * (-0.058 * t).exp() - 90.0 * (-0.06 * t).exp();
        let want = (0..=1000)
            .map(|i| at(f64::from(i) / 1000.0))
            .fold(0.0, f64::max);
        assert!((price(&call, &model) - want).abs() < 1e-6);
    }

    #[test]
    fn a_date_at_the_moment_itself_needs_no_volatility() {
        let plan = european(1.0, 95.0, 0.0);
        assert_eq!(price(&plan, &flat(100.0, 0.05, 0.0, 0.3)), 5.0);
    }
}
