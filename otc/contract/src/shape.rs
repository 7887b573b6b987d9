//! Contracts that have closed forms, named: what a closed-form engine reads instead of the rules.
//!
//! A template that compiles to one of these says so; the rules stay the definition, and tests hold
//! both to the same price. Every number is absolute: amounts in currency units to the holder
//! (negative when the holder pays), levels and strikes in price units of the underlying (ratios of
//! the initial fixing where said), `units` already times the participation. A shape describes the
//! contract as signed, from its start: what has happened since (a knock-in, past fixings) is in the
//! plan's variables, whose names are given here, and an engine must read both.
//!
//! Shapes speak of monitoring at every instant; a barrier watched on dates only has no shape.

mod map;

/// A contract with a closed form.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Shape<X> {
    /// `amount` on the payment date of the end, whatever happens.
    Cash {
        /// Currency units.
        amount: X,
    },
    /// `units × (S_T − strike)` at the end.
    Forward {
        /// Units of the underlying; negative when the holder sold.
        units: X,
        /// Delivery price.
        strike: X,
    },
    /// `units × max(w (S_T − strike), 0)` at the end (Black-Scholes 1973, Merton 1973).
    European(Vanilla<X>),
    /// The same payoff at any time up to the end, the valuation instant included.
    American(Vanilla<X>),
    /// `amount` at the end when `w (S_T − strike) ≥ 0`.
    DigitalCash {
        /// Currency units.
        amount: X,
        /// Call or put.
        w: Side,
        /// Strike.
        strike: X,
    },
    /// `units × S_T` at the end when `w (S_T − strike) ≥ 0`.
    DigitalAsset {
        /// Units of the underlying.
        units: X,
        /// Call or put.
        w: Side,
        /// Strike.
        strike: X,
    },
    /// `inside` at the end when `lower ≤ S_T ≤ upper` (as `edges` say), `outside` otherwise.
    Interval {
        /// Currency units when the last fixing is inside.
        inside: X,
        /// Currency units when it is not.
        outside: X,
        /// The interval.
        range: Range<X>,
    },
    /// `amount` once the level is touched (Reiner and Rubinstein 1991).
    Touch {
        /// Currency units.
        amount: X,
        /// Up when touched from below.
        side: Barrier,
        /// Level; touching is `S ≥ level` (up) or `S ≤ level` (down).
        level: X,
        /// When the money moves.
        paid: Paid,
    },
    /// `amount` at the end unless the level is touched before.
    NoTouch {
        /// Currency units.
        amount: X,
        /// Up when touched from below.
        side: Barrier,
        /// Level.
        level: X,
    },
    /// `amount` once either level is touched (Hui 1996).
    DoubleTouch {
        /// Currency units.
        amount: X,
        /// Lower level.
        lower: X,
        /// Upper level.
        upper: X,
        /// When the money moves.
        paid: Paid,
    },
    /// `amount` at the end unless one of the levels is touched before (Hui 1996).
    DoubleNoTouch {
        /// Currency units.
        amount: X,
        /// Lower level.
        lower: X,
        /// Upper level.
        upper: X,
    },
    /// Option that begins or ends at a level (Reiner and Rubinstein 1991). Knock-in: the plan's flag
    /// `ki` says whether it has begun.
    Barrier {
        /// The option behind it.
        option: Vanilla<X>,
        /// Up or down.
        side: Barrier,
        /// In or out.
        knock: Knock,
        /// Level.
        level: X,
        /// Currency units paid when knocked out, or when never knocked in.
        rebate: X,
        /// When the rebate of a knock-out moves; a knock-in's moves at the end.
        paid: Paid,
    },
    /// Call and put that both end at the first touch of either level (Ikeda and Kunitomo 1992).
    DoubleBarrier {
        /// Call, when there is one.
        call: Option<Vanilla<X>>,
        /// Put, when there is one.
        put: Option<Vanilla<X>>,
        /// Lower level.
        lower: X,
        /// Upper level.
        upper: X,
        /// Currency units paid when the lower level is touched first.
        rebate_lower: X,
        /// Currency units paid when the upper level is touched first.
        rebate_upper: X,
        /// When the rebates move.
        paid: Paid,
    },
    /// `units × max(w (A − strike), 0)`, or `units × max(w (S_T − A), 0)` without a strike, with `A`
    /// the weighted mean of the fixings of schedule `fixings`.
    Asian {
        /// Units of the underlying.
        units: X,
        /// Call or put.
        w: Side,
        /// Fixed strike; floating when absent.
        strike: Option<X>,
        /// Which mean.
        mean: Mean,
        /// Weight of each row of schedule `fixings`, row 1 first; they sum to 1. What is known of the
        /// mean: variable `fixings_sum` holds `Σ v_i S_i` so far, with `v_i` the weights as written (1
        /// when equal), so divide by their sum; for the geometric mean variable `product` holds
        /// `Π (S_i/S0)^{w_i}` so far.
        weights: Vec<X>,
    },
    /// `units × max(w (mean of w-extremes of (S_i, floor) − strike), 0)`: a strip of Europeans struck
    /// at `level` when the outer maximum is idle, `w (level − strike) ≥ 0`.
    EnhancedAsian {
        /// Units of the underlying.
        units: X,
        /// Call (fixings count no less than `level`) or put (no more).
        w: Side,
        /// Strike.
        strike: X,
        /// Level at which a fixing is cut.
        level: X,
        /// Number of rows of schedule `fixings`; variable `fixings_sum` holds the sum so far.
        fixings: usize,
    },
    /// `amount × (days inside) / rows` at the end, over the rows of schedule `days`; variable
    /// `days_in` holds the days inside so far.
    RangeAccrual {
        /// Currency units when every day is inside.
        amount: X,
        /// The range.
        range: Range<X>,
        /// Number of rows.
        rows: usize,
        /// Currency units paid at the end whatever happens.
        principal: X,
    },
    /// Per row of schedule `days`, the first zone that holds the fixing gives units and cash; a unit
    /// settles `w (S − strike)`. Variables `accrued_units` and
    /// `accrued_cash` hold what was accrued (end settlement).
    Accumulator {
        /// Contract units a day.
        quantity: X,
        /// Call for an accumulator (the holder buys), put for a decumulator (sells).
        w: Side,
        /// Price at which a unit is bought or sold.
        strike: X,
        /// Zones in the order in which they are tried; the last holds everything left.
        zones: Vec<Zone<X>>,
        /// Whether units settle on their day's fixing or on the last one.
        daily: bool,
    },
    /// `units × max(a S_1 − b S_2, 0)` at the end (Margrabe 1978).
    Exchange {
        /// Units.
        units: X,
        /// Price units of payoff per price unit of the first underlying.
        first: X,
        /// The same for the second.
        second: X,
    },
    /// `units × max(w (Σ a_i S_i − strike), 0)` at the end; with two underlyings and opposite signs
    /// a spread option (Kirk 1995 as a check), with positive ones a basket.
    Basket {
        /// Units.
        units: X,
        /// Call or put.
        w: Side,
        /// Factor `a_i` of each underlying's price, in the plan's order; negative for short legs.
        factors: Vec<X>,
        /// Strike, in the units of `Σ a_i S_i`.
        strike: X,
    },
    /// `units × max(w (extreme of a_i S_i − strike), 0)` at the end (Stulz 1982, Johnson 1987).
    Extreme {
        /// Units.
        units: X,
        /// Call or put.
        w: Side,
        /// Whether the smallest counts (worst-of) or the largest (best-of).
        worst: bool,
        /// Factor `a_i` of each underlying's price, in the plan's order.
        factors: Vec<X>,
        /// Strike, in the units of `a_i S_i`.
        strike: X,
    },
    /// Several of the others together: their values add.
    Sum(Vec<Shape<X>>),
}

/// A call or a put: `units × max(w (S − strike), 0)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Vanilla<X> {
    /// Units of the underlying; negative when the holder is short.
    pub units: X,
    /// Call or put.
    pub w: Side,
    /// Strike.
    pub strike: X,
}

/// An interval of prices.
#[derive(Debug, Clone, PartialEq)]
pub struct Range<X> {
    /// Lower edge; absent when unbounded.
    pub lower: Option<X>,
    /// Upper edge; absent when unbounded.
    pub upper: Option<X>,
    /// Which edges belong to it.
    pub edges: Edges,
}

/// A zone of an accumulator: up to `bound` on the side of `w`'s loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone<X> {
    /// Holds fixings `S < bound` (accumulator) or `S > bound` (decumulator); everything when absent.
    pub bound: Option<X>,
    /// Units accrued, in multiples of the day's quantity.
    pub units: X,
    /// Cash accrued, price units times the day's quantity.
    pub cash: X,
}

/// Sign of an option: `w` of the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// `w = +1`.
    Call,
    /// `w = −1`.
    Put,
}

/// Side of a barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Barrier {
    /// Hit at or above.
    Up,
    /// Hit at or below.
    Down,
}

/// What a hit does to the option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Knock {
    /// It begins.
    In,
    /// It ends.
    Out,
}

/// When the money of a hit moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Paid {
    /// At the hit.
    Hit,
    /// On the payment date of the end.
    End,
}

/// Which mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mean {
    /// `Σ w_i S_i`.
    Arithmetic,
    /// `Π S_i^{w_i}` (Kemna and Vorst 1990).
    Geometric,
}

/// Which edges belong to an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edges {
    /// `[)`: lower `≤ S <` upper.
    Lower,
    /// `[]`: lower `≤ S ≤` upper.
    Both,
    /// `(]`: lower `< S ≤` upper.
    Upper,
    /// `()`: lower `< S <` upper.
    Neither,
}

impl Side {
    /// +1 or −1.
    #[must_use]
    pub fn w(self) -> f64 {
        match self {
            Self::Call => 1.0,
            Self::Put => -1.0,
        }
    }
}
