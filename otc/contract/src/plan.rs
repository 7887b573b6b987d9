//! The plan: a program with every schedule resolved to instants and every column to numbers.
//!
//! What remains unknown in a plan are fixings and the contract's own memory, nothing else. Engines
//! price it, and the interpreter ([`crate::interpret`]) walks it on real or simulated fixings.

use rialto_otc_time::Date;

use crate::program::{Comparison, VarKind};
use crate::shape::Shape;

/// A compiled contract. `X` is `Decimal` on the ledger and `f64` in engines.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan<X> {
    /// Currency of all payments, ISO 4217.
    pub currency: String,
    /// Notional (or quantity times initial fixing), currency units; the scale of tolerances.
    pub notional: X,
    /// Underlyings, in the order in which [`Expr::Spot`] counts them.
    pub underlyings: Vec<Underlying<X>>,
    /// What the contract remembers, in the order in which [`Expr::Var`] counts.
    pub vars: Vec<Var<X>>,
    /// Dates on which something is looked at, strictly increasing, the last being the end.
    pub instants: Vec<Instant<X>>,
    /// Barriers watched at every instant between two moments.
    pub monitors: Vec<Monitor<X>>,
    /// Early exercise by the holder.
    pub exercise: Option<Exercise<X>>,
    /// What decides which engines can price it.
    pub class: Class,
    /// The contract as one of the shapes that have closed forms, when it is one.
    pub shape: Option<Shape<X>>,
}

/// An underlying of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Underlying<X> {
    /// Exchange and code, `XSHG:000905`.
    pub code: String,
    /// Weight in a basket.
    pub weight: X,
    /// Initial fixing, price units.
    pub initial: X,
}

/// A remembered number of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Var<X> {
    /// Name in the program.
    pub name: String,
    /// What it may hold.
    pub kind: VarKind,
    /// Value now: from the start, or from the contract's state.
    pub value: X,
    /// How engines carry it.
    pub carry: Carry,
}

/// How an engine carries a remembered number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carry {
    /// A flag or bounded count: one value function for each of its values.
    Discrete,
    /// Enters payments linearly and never a condition: one extra value function.
    Affine,
    /// Anything else: simulation, or a grid with one more dimension.
    Path,
}

/// A point of the contract's life on its three clocks, years since the contract's start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// Calendar date; `None` in numeric contracts.
    pub date: Option<Date>,
    /// Variance clock (diffusion).
    pub variance: f64,
    /// Rate clock (discounting, carry).
    pub rate: f64,
    /// Coupon clock (accrual).
    pub coupon: f64,
}

impl Moment {
    /// Its date, or its years in numeric contracts, as it is told.
    #[must_use]
    pub fn label(&self) -> String {
        match self.date {
            Some(date) => date.to_string(),
            None => self.rate.to_string(),
        }
    }
}

/// What happens on one date.
#[derive(Debug, Clone, PartialEq)]
pub struct Instant<X> {
    /// When.
    pub at: Moment,
    /// Rules of the date in the order in which they run; terminal actions of the last date are its
    /// last rules (phase 50).
    pub rules: Vec<Rule<X>>,
}

/// A rule on one date.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule<X> {
    /// Phase, 10 to 50.
    pub phase: u8,
    /// Row of its schedule, from 1; 0 for terminal rules.
    pub row: u32,
    /// Schedule of the program it comes from; empty for terminal rules.
    pub schedule: String,
    /// Runs only when this holds.
    pub condition: Option<Cond<X>>,
    /// What it does.
    pub actions: Vec<Action<X>>,
}

/// What a rule of a plan does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action<X> {
    /// Pays the holder.
    Pay {
        /// Currency units.
        amount: Expr<X>,
        /// When the money moves (`coupon` clock unused).
        at: Moment,
        /// Name of the flow.
        leg: String,
    },
    /// Remembers.
    Set {
        /// Index in [`Plan::vars`].
        var: usize,
        /// New value; counts stay within 0 and their maximum.
        value: Expr<X>,
    },
    /// Ends the contract.
    Stop,
}

/// A number that depends on fixings and memory only.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr<X> {
    /// A number.
    Const(X),
    /// Fixing of an underlying, by index.
    Spot(usize),
    /// Smallest performance.
    Worst,
    /// Largest performance.
    Best,
    /// Weighted sum of performances.
    Basket,
    /// A remembered number, by index.
    Var(usize),
    /// Sum.
    Add(Vec<Expr<X>>),
    /// First less the others; with one term, its negative.
    Sub(Vec<Expr<X>>),
    /// Product.
    Mul(Vec<Expr<X>>),
    /// First divided by the others.
    Div(Vec<Expr<X>>),
    /// Smallest.
    Min(Vec<Expr<X>>),
    /// Largest.
    Max(Vec<Expr<X>>),
    /// One of two.
    If(Box<Cond<X>>, Box<Expr<X>>, Box<Expr<X>>),
}

/// A condition of a plan. Levels are resolved and rounded as the ledger rounds them.
#[derive(Debug, Clone, PartialEq)]
pub enum Cond<X> {
    /// Known at compilation.
    Always(bool),
    /// Comparison of two numbers.
    Compare(Comparison, Box<Expr<X>>, Box<Expr<X>>),
    /// All hold.
    And(Vec<Cond<X>>),
    /// At least one holds.
    Or(Vec<Cond<X>>),
    /// Does not hold.
    Not(Box<Cond<X>>),
    /// A flag is set, by index.
    Flag(usize),
}

/// A barrier watched continuously between two moments.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor<X> {
    /// Watched from here (excluded)
    pub from: Moment,
    /// to here (included).
    pub to: Moment,
    /// Underlying, by index.
    pub underlying: usize,
    /// `AtLeast` for an up-barrier, `AtMost` for a down-barrier.
    pub side: Comparison,
    /// Price level.
    pub level: X,
    /// The hit counts for nothing when this holds at its time.
    pub unless: Option<Cond<X>>,
    /// Runs at the first hit; payments "at the observation" are paid at the hit.
    pub actions: Vec<Action<X>>,
    /// Payments are made at the hit, not at the moment written in them.
    pub pay_at_hit: bool,
}

/// Early exercise in a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Exercise<X> {
    /// Indices into [`Plan::instants`]; empty means at any time up to the end.
    pub instants: Vec<usize>,
    /// When the money moves, one for each of `instants`; empty when the right holds at any time:
    /// then it moves at the exercise.
    pub pay: Vec<Moment>,
    /// Currency units to the holder.
    pub payoff: Expr<X>,
}

/// What decides which engines can price a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Number of underlyings.
    pub underlyings: usize,
    /// Product of the sizes of all discrete variables.
    pub discrete_states: u64,
    /// Number of affine variables.
    pub affine: usize,
    /// Number of path variables.
    pub path: usize,
    /// Whether a barrier is watched continuously.
    pub continuous: bool,
    /// Whether the holder may end it early.
    pub exercise: bool,
}
