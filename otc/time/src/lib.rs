//! Dates, exchange sessions, schedules and clocks of OTC contracts.
//!
//! Everything is a value: the calendars in use are passed in as [`Calendars`], the day of a
//! valuation as [`AsOf`]. Nothing here reads a clock or a file.

mod as_of;
mod calendar;
mod clock;
mod date;
mod exchange;
mod finding;
mod fixing;
mod hours;
mod num;
mod payment;
mod schedule;
mod tenor;

pub use as_of::{AsOf, AsOfError, DayPhase, Moment, TIME_TOLERANCE};
pub use calendar::{
    Announced, Announcement, CalendarError, Calendars, DayChange, DayState, Family, Kind,
    Reprojection, Roll, Session, SessionCalendar, Status, UnknownRoll,
};
pub use clock::{Clock, ClockError, ClockRole, Clocks, ClocksForm};
pub use date::{Date, DateError, Weekday};
pub use exchange::{Exchange, UnknownExchange};
pub use finding::{Bilingual, Finding, Findings, Severity};
pub use fixing::{Fallback, FixingSource, FixingTextError, Postponed};
pub use hours::{NightEnd, Part, TradingHours};
pub use payment::{DEFAULT_PAYMENT_LAG, PaymentRule};
pub use schedule::{
    DatedRow, DayRule, Expansion, Freq, MAX_ROWS, MonthEnd, NumericRows, Ratio, Rows, RuleSpec,
    ScheduleContext, ScheduleForm, ScheduleSpec, UnknownMonthEnd,
};
pub use tenor::{Tenor, TenorError, TenorUnit};
