//! Working time by the office calendar.

use jiff::Timestamp;
use rialto_kernel::Calendar;

/// Milliseconds of working time between two stored times; `None` where the calendar does not
/// know the days.
pub(crate) fn working_ms(from_micros: i64, to_micros: i64) -> Option<i64> {
    let from = Timestamp::from_microsecond(from_micros).ok()?;
    let to = Timestamp::from_microsecond(to_micros).ok()?;
    Calendar::china().working_ms(from, to).ok()
}
