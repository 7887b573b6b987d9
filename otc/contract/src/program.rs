//! The rule program: what every template compiles to and what bespoke contracts are written in.
//!
//! A program says, for each observation date, which rules run, in which phase of the day, and what
//! they pay, remember or stop. Expressions still speak of schedule columns and of the row they
//! stand in; [`crate::plan`] resolves these to numbers.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// Phases of one date, in the order in which they run (specification, section 3).
pub mod phase {
    /// Fixings and averages.
    pub const FIXING: u8 = 10;
    /// Coupons; one of a knock-out date is still paid.
    pub const COUPON: u8 = 20;
    /// Knock-out, which ends the contract.
    pub const KNOCK_OUT: u8 = 30;
    /// Accrual of units or days.
    pub const ACCRUAL: u8 = 35;
    /// Knock-in.
    pub const KNOCK_IN: u8 = 40;
    /// Terminal payoff.
    pub const TERMINAL: u8 = 50;
}

/// A contract as rules over its schedules.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// What the contract remembers between dates.
    pub vars: Vec<Var>,
    /// Rules, run by date, then phase, then in the order of this list.
    pub rules: Vec<Rule>,
    /// Run on the last date when the contract is still alive.
    pub terminal: Vec<Action>,
    /// The holder's right to end the contract early.
    pub exercise: Option<Exercise>,
}

/// One remembered number.
#[derive(Debug, Clone, PartialEq)]
pub struct Var {
    /// Name by which expressions know it.
    pub name: String,
    /// What it may hold.
    pub kind: VarKind,
    /// Value at the start, unless the contract's state says otherwise.
    pub init: Decimal,
}

/// What a variable may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VarKind {
    /// 0 or 1.
    Flag,
    /// A whole number from 0 to `max`; further increments stay at `max`.
    Count {
        /// Largest value.
        max: u32,
    },
    /// Any number.
    Sum,
}

/// When a rule is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// On every row of the named schedule.
    Schedule(String),
    /// At every instant of the contract's life; only for barrier conditions on one underlying.
    Continuous,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// When it is looked at.
    pub on: On,
    /// Phase of the date, 10 to 50 (see [`phase`]).
    pub phase: u8,
    /// Runs only when this holds; always when absent.
    pub condition: Option<Cond>,
    /// What it does, in order.
    pub actions: Vec<Action>,
}

/// What a rule does.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The holder receives this many currency units (pays, when negative).
    Pay {
        /// Amount.
        amount: Expr,
        /// When the money moves.
        at: PayAt,
        /// What the flow is called in the ledger: `coupon`, `redemption`, `rebate`, …
        leg: String,
    },
    /// Remembers a value.
    Set {
        /// Variable.
        var: String,
        /// New value.
        value: Expr,
    },
    /// Ends the contract: later phases of the date, later dates and the terminal payoff do not run.
    Stop,
}

/// When the money of a payment moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PayAt {
    /// On the payment date of the row observed.
    Observation,
    /// On the payment date of the contract's end.
    End,
    /// On this date, whatever is observed.
    Date(rialto_otc_time::Date),
}

/// A number of the contract.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A number.
    Const(Decimal),
    /// A price level as this fraction of the only underlying's initial fixing, rounded as the
    /// contract rounds levels.
    Level(Decimal),
    /// Notional in currency units.
    Notional,
    /// Fixing of the only underlying (of the first, when there are several).
    Spot,
    /// Fixing of the underlying with this code.
    SpotOf(String),
    /// Initial fixing of the only (or first) underlying.
    Initial,
    /// Initial fixing of the underlying with this code.
    InitialOf(String),
    /// Smallest performance S/S0 over the underlyings.
    Worst,
    /// Largest performance S/S0 over the underlyings.
    Best,
    /// Weighted sum of performances S/S0.
    Basket,
    /// A variable.
    Var(String),
    /// Coupon clock from accrual start to this observation, years.
    Time,
    /// Coupon clock since the previous row (since accrual start on the first), years.
    TimeStep,
    /// Number of this row, from 1.
    RowNumber,
    /// Rows from this one to the last, this one included.
    RowsLeft,
    /// This row's entry in a column of its schedule.
    Row(String),
    /// Sum.
    Add(Vec<Expr>),
    /// First less the others; with one term, its negative.
    Sub(Vec<Expr>),
    /// Product.
    Mul(Vec<Expr>),
    /// First divided by the others.
    Div(Vec<Expr>),
    /// Smallest.
    Min(Vec<Expr>),
    /// Largest.
    Max(Vec<Expr>),
    /// One of two, by a condition.
    If(Box<Cond>, Box<Expr>, Box<Expr>),
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// At or above.
    AtLeast,
    /// Strictly above.
    Above,
    /// At or below.
    AtMost,
    /// Strictly below.
    Below,
}

/// What may hold or not.
#[derive(Debug, Clone, PartialEq)]
pub enum Cond {
    /// Comparison of two numbers.
    Compare(Comparison, Box<Expr>, Box<Expr>),
    /// All hold.
    And(Vec<Cond>),
    /// At least one holds.
    Or(Vec<Cond>),
    /// Does not hold.
    Not(Box<Cond>),
    /// A flag is set.
    Flag(String),
}

/// A right to end the contract early.
#[derive(Debug, Clone, PartialEq)]
pub struct Exercise {
    /// Dates on which it may be used; continuous for an American right.
    pub on: On,
    /// What the holder receives, currency units, on the payment date of the observation.
    pub payoff: Expr,
}

/// Columns of a schedule by name, one entry per row: levels, coupons and whatever rules ask for.
pub type Columns = BTreeMap<String, Vec<Decimal>>;
