//! Dates, exchange sessions, schedules, clocks of OTC contracts.
