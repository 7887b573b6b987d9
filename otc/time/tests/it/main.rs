//! Facts about dates, sessions, schedules and clocks.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, beside the tests themselves"
)]

mod as_of;
mod calendars;
mod clocks;
mod dates;
mod nights;
mod projection;
mod properties;
mod schedules;
mod worked;

use rialto_otc_time::Date;

/// A date of a test.
fn day(text: &str) -> Date {
    text.parse().unwrap()
}
