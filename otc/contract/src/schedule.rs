//! Schedules of a contract: how they are written, and their rows once resolved.

use rialto_otc_time::Date;
use rust_decimal::Decimal;

use crate::finding::Sink;
use crate::plan::Moment;
use crate::reader::Field;
use crate::templates::IfAbsent;

/// How a schedule is written.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleSpec {
    /// Every session after the start, or every point of the contract's grid.
    Daily,
    /// The end alone.
    End,
    /// Listed or generated: the text of the sheet, canonical.
    Written(String),
}

/// One observation of a schedule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// When it is observed.
    pub at: Moment,
    /// When its money moves.
    pub pay: Moment,
    /// The date before it was rolled; `None` in numeric contracts.
    pub unadjusted: Option<Date>,
    /// Whether it falls where sessions are only projected.
    pub projected: bool,
    /// Coupon clock from accrual start to the observation, exactly: a numerator and a denominator.
    pub accrued: (Decimal, Decimal),
}

/// Resolves the schedules of one contract.
#[derive(Debug)]
pub struct Resolver<'a> {
    marker: std::marker::PhantomData<&'a ()>,
}

impl Resolver<'_> {
    /// Rows of a schedule; `None` after a finding.
    pub fn resolve(
        &self,
        _field: Option<&Field<'_>>,
        _default: IfAbsent,
        _sink: &Sink,
    ) -> Option<(ScheduleSpec, Vec<Row>)> {
        None
    }
}
