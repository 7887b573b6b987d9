//! Templates: named products that compile to the rule program.
//!
//! A template reads its terms with [`crate::reader`], asks the [`Context`] for resolved schedules
//! and levels, and returns rules over named schedules with columns. It never walks dates itself.
//!
//! ```text
//! let ko = context.schedule_or("ko", field, terms, Usual::Monthly)?; // rows known here
//! let levels = context.levels(&levels_field, ko.len(), 0)?;       // prices, one per row
//! let ko = ko.with_column("level", levels).with_column("coupon", rates);
//! // rule: on "ko", phase KNOCK_OUT, if S >= ["row", "level"], do pay … stop
//! ```

mod accumulator;
mod accumulator_terms;
mod airbag;
mod asian;
mod autocall;
mod autocall_terms;
mod barrier;
mod binary;
pub mod catalog;
mod geometric;
mod multi;
mod parts;
mod phoenix;
mod phoenix_terms;
mod presets;
mod range;
mod sharkfin;
mod snowball;
mod snowball_terms;
mod trs;
mod trs_rules;
mod vanilla;
mod words;

use rust_decimal::Decimal;

use crate::document::{Node, Value};
use crate::envelope::{Rounding, Size};
use crate::finding::Sink;
use crate::plan::Underlying;
use crate::program::{Columns, Expr, Program};
use crate::reader::Field;
use crate::schedule::{Resolver, Row, ScheduleSpec};
use crate::shape::Shape;
use crate::value;

/// What a template makes of its terms.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// The rules.
    pub program: Program,
    /// Schedules that the rules name, with their columns.
    pub schedules: Vec<NamedSchedule>,
    /// The contract as a shape with a closed form, when it is one.
    pub shape: Option<Shape<Decimal>>,
}

/// A schedule that rules name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSchedule {
    /// Name, as in [`crate::program::On::Schedule`].
    pub name: String,
    /// JSON pointer of the field that gives it, or would.
    pub pointer: String,
    /// How it was written.
    pub spec: ScheduleSpec,
    /// Its rows, resolved.
    pub rows: Vec<Row>,
    /// Columns, each with one entry per row.
    pub columns: Columns,
}

impl NamedSchedule {
    fn new(name: &str, field: &Field<'_>, spec: ScheduleSpec, rows: Vec<Row>) -> Self {
        Self {
            name: name.to_owned(),
            pointer: field.pointer().to_owned(),
            spec,
            rows,
            columns: Columns::new(),
        }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The schedule with one more column; `values` has one entry per row.
    #[must_use]
    pub fn with_column(mut self, name: &str, values: Vec<Decimal>) -> Self {
        debug_assert_eq!(values.len(), self.rows.len(), "one entry per row");
        self.columns.insert(name.to_owned(), values);
        self
    }

    /// The same rows under another name, without columns.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            columns: Columns::new(),
            ..self.clone()
        }
    }

    /// Its rows from `first` (from 1) on; columns are cut alike.
    #[must_use]
    pub fn from_row(mut self, first: usize) -> Self {
        let skip = first.saturating_sub(1).min(self.rows.len());
        self.rows.drain(..skip);
        for column in self.columns.values_mut() {
            column.drain(..skip.min(column.len()));
        }
        self
    }
}

/// The schedule meant when terms do not give one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Usual {
    /// Every session after the start up to the end (every point of the grid in numeric contracts).
    Daily,
    /// Monthly from the start to the end.
    Monthly,
}

/// What a template knows of the contract around its terms.
#[derive(Debug)]
pub struct Context<'a> {
    /// Notional or quantity.
    pub size: Size,
    /// Underlyings with code, weight and initial fixing.
    pub underlyings: &'a [Underlying<Decimal>],
    /// Units of each underlying where the envelope gives them (return swaps).
    pub units: &'a [Option<Decimal>],
    /// Decimals of amounts and levels.
    pub rounding: Rounding,
    /// Resolves schedules on the contract's calendars and clocks.
    pub resolver: &'a Resolver<'a>,
    /// Where findings go.
    pub sink: &'a Sink,
}

impl Context<'_> {
    /// Notional in currency units; in quantity form quantity × initial fixing (of the first).
    #[must_use]
    pub fn notional(&self) -> Option<Decimal> {
        match self.size {
            Size::Notional(notional) => Some(notional),
            Size::Quantity(quantity) => quantity.checked_mul(self.initial(0)?),
        }
    }

    /// Initial fixing of an underlying, by index.
    #[must_use]
    pub fn initial(&self, underlying: usize) -> Option<Decimal> {
        self.underlyings.get(underlying).map(|u| u.initial)
    }

    /// A schedule under a name, as `field` writes it: `"daily"`, `"end"`, the name of a schedule of
    /// the sheet, or an object. `None` after a finding.
    pub fn schedule(&self, name: &str, field: &Field<'_>) -> Option<NamedSchedule> {
        let (spec, rows) = self.resolver.resolve(field)?;
        Some(NamedSchedule::new(name, field, spec, rows))
    }

    /// Like [`Context::schedule`], and where `parent` gives no `schedule`, the usual one.
    pub fn schedule_or(
        &self,
        name: &str,
        written: Option<&Field<'_>>,
        parent: &Field<'_>,
        usual: Usual,
    ) -> Option<NamedSchedule> {
        if let Some(field) = written {
            return self.schedule(name, field);
        }
        let pointer = crate::reader::join(parent.pointer(), "schedule");
        let node = Node {
            line: parent.node().line,
            column: parent.node().column,
            ..Node::from(Value::Null)
        };
        let field = Field::new(&node, &pointer, self.sink);
        let (spec, rows) = self.resolver.usual(usual, &field)?;
        Some(NamedSchedule::new(name, &field, spec, rows))
    }

    /// The row of the contract's end. `None` after a finding.
    pub fn end(&self) -> Option<Row> {
        let nowhere = Node::from(Value::Null);
        let field = Field::new(&nowhere, "/dates/end", self.sink);
        self.resolver.end_row(&field)
    }

    /// The price of a level, resolved against an underlying's initial fixing and rounded.
    pub fn level(&self, field: &Field<'_>, underlying: usize) -> Option<Decimal> {
        let level = field.level()?;
        self.price(field, level, underlying)
    }

    /// Like [`Context::level`], zero allowed (where zero means no level).
    pub fn level_from_zero(&self, field: &Field<'_>, underlying: usize) -> Option<Decimal> {
        let level = field.level_from_zero()?;
        self.price(field, level, underlying)
    }

    /// Prices of a vector of levels, one for each row, resolved and rounded.
    pub fn levels(
        &self,
        field: &Field<'_>,
        rows: usize,
        underlying: usize,
    ) -> Option<Vec<Decimal>> {
        let levels = field.levels(rows)?;
        levels
            .into_iter()
            .map(|level| self.price(field, level, underlying))
            .collect()
    }

    fn price(&self, field: &Field<'_>, level: value::Level, underlying: usize) -> Option<Decimal> {
        let price = level.price(self.initial(underlying)?, self.rounding.level);
        let price = price.filter(|price| *price <= Decimal::from(value::MAX_MAGNITUDE));
        if price.is_none() {
            let en = format!("{} is too large as a price.", field.node().shown());
            field.error("E-TERM-LEVEL", en, "折算后的价格过大。");
        }
        price
    }

    /// Cash or a rebate in currency units: a ratio of the notional in notional form, a price amount
    /// times the quantity in quantity form.
    pub fn cash(&self, field: &Field<'_>) -> Option<Expr> {
        Some(match self.size {
            Size::Notional(_) => Expr::Mul(vec![Expr::Notional, Expr::Const(field.ratio()?)]),
            Size::Quantity(quantity) => {
                Expr::Mul(vec![Expr::Const(quantity), Expr::Const(field.decimal()?)])
            }
        })
    }

    /// Currency units of a payoff in price terms of the first underlying: `N × payoff / S0` in
    /// notional form, `quantity × payoff` in quantity form.
    #[must_use]
    pub fn per_unit(&self, payoff: Expr) -> Expr {
        match self.size {
            Size::Notional(_) => {
                Expr::Div(vec![Expr::Mul(vec![Expr::Notional, payoff]), Expr::Initial])
            }
            Size::Quantity(quantity) => Expr::Mul(vec![Expr::Const(quantity), payoff]),
        }
    }
}

pub use catalog::build;

/// Terms that stand nowhere: for tests of templates.
#[must_use]
pub fn no_terms() -> Node {
    Node::map([])
}
