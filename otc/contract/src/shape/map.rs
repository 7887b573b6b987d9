//! Shapes in other numbers: decimal on the ledger, `f64` in engines.

use super::{Range, Shape, Vanilla, Zone};

impl<X> Vanilla<X> {
    /// The same option in other numbers.
    pub fn map<Y>(&self, f: &impl Fn(&X) -> Y) -> Vanilla<Y> {
        Vanilla {
            units: f(&self.units),
            w: self.w,
            strike: f(&self.strike),
        }
    }
}

impl<X> Range<X> {
    /// The same interval in other numbers.
    pub fn map<Y>(&self, f: &impl Fn(&X) -> Y) -> Range<Y> {
        let edge = |edge: &Option<X>| edge.as_ref().map(f);
        Range {
            lower: edge(&self.lower),
            upper: edge(&self.upper),
            edges: self.edges,
        }
    }
}

impl<X> Zone<X> {
    /// The same zone in other numbers.
    pub fn map<Y>(&self, f: &impl Fn(&X) -> Y) -> Zone<Y> {
        Zone {
            bound: self.bound.as_ref().map(f),
            units: f(&self.units),
            cash: f(&self.cash),
        }
    }
}

impl<X> Shape<X> {
    /// The same shape in other numbers: decimal on the ledger, `f64` in engines.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each shape, so that none is forgotten"
    )]
    pub fn map<Y>(&self, f: &impl Fn(&X) -> Y) -> Shape<Y> {
        let all = |xs: &[X]| xs.iter().map(f).collect::<Vec<Y>>();
        match self {
            Self::Cash { amount } => Shape::Cash { amount: f(amount) },
            Self::Forward { units, strike } => Shape::Forward {
                units: f(units),
                strike: f(strike),
            },
            Self::European(option) => Shape::European(option.map(f)),
            Self::American(option) => Shape::American(option.map(f)),
            Self::Asian {
                units,
                w,
                strike,
                mean,
                weights,
            } => Shape::Asian {
                units: f(units),
                w: *w,
                strike: strike.as_ref().map(f),
                mean: *mean,
                weights: all(weights),
            },
            Self::EnhancedAsian {
                units,
                w,
                strike,
                level,
                fixings,
            } => Shape::EnhancedAsian {
                units: f(units),
                w: *w,
                strike: f(strike),
                level: f(level),
                fixings: *fixings,
            },
            Self::RangeAccrual {
                amount,
                range,
                rows,
                principal,
            } => Shape::RangeAccrual {
                amount: f(amount),
                range: range.map(f),
                rows: *rows,
                principal: f(principal),
            },
            Self::Exchange {
                units,
                first,
                second,
            } => Shape::Exchange {
                units: f(units),
                first: f(first),
                second: f(second),
            },
            Self::Basket {
                units,
                w,
                factors,
                strike,
            } => Shape::Basket {
                units: f(units),
                w: *w,
                factors: all(factors),
                strike: f(strike),
            },
            Self::Extreme {
                units,
                w,
                worst,
                factors,
                strike,
            } => Shape::Extreme {
                units: f(units),
                w: *w,
                worst: *worst,
                factors: all(factors),
                strike: f(strike),
            },
            Self::Accumulator {
                quantity,
                w,
                strike,
                zones,
                daily,
            } => Shape::Accumulator {
                quantity: f(quantity),
                w: *w,
                strike: f(strike),
                zones: zones.iter().map(|zone| zone.map(f)).collect(),
                daily: *daily,
            },
            Self::Sum(parts) => Shape::Sum(parts.iter().map(|part| part.map(f)).collect()),
            Self::DigitalCash { amount, w, strike } => Shape::DigitalCash {
                amount: f(amount),
                w: *w,
                strike: f(strike),
            },
            Self::DigitalAsset { units, w, strike } => Shape::DigitalAsset {
                units: f(units),
                w: *w,
                strike: f(strike),
            },
            Self::Interval {
                inside,
                outside,
                range,
            } => Shape::Interval {
                inside: f(inside),
                outside: f(outside),
                range: range.map(f),
            },
            Self::Touch {
                amount,
                side,
                level,
                paid,
            } => Shape::Touch {
                amount: f(amount),
                side: *side,
                level: f(level),
                paid: *paid,
            },
            Self::NoTouch {
                amount,
                side,
                level,
            } => Shape::NoTouch {
                amount: f(amount),
                side: *side,
                level: f(level),
            },
            Self::DoubleTouch {
                amount,
                lower,
                upper,
                paid,
            } => Shape::DoubleTouch {
                amount: f(amount),
                lower: f(lower),
                upper: f(upper),
                paid: *paid,
            },
            Self::DoubleNoTouch {
                amount,
                lower,
                upper,
            } => Shape::DoubleNoTouch {
                amount: f(amount),
                lower: f(lower),
                upper: f(upper),
            },
            Self::Barrier {
                option,
                side,
                knock,
                level,
                rebate,
                paid,
            } => Shape::Barrier {
                option: option.map(f),
                side: *side,
                knock: *knock,
                level: f(level),
                rebate: f(rebate),
                paid: *paid,
            },
            Self::DoubleBarrier {
                call,
                put,
                lower,
                upper,
                rebate_lower,
                rebate_upper,
                paid,
            } => Shape::DoubleBarrier {
                call: call.as_ref().map(|option| option.map(f)),
                put: put.as_ref().map(|option| option.map(f)),
                lower: f(lower),
                upper: f(upper),
                rebate_lower: f(rebate_lower),
                rebate_upper: f(rebate_upper),
                paid: *paid,
            },
        }
    }
}
