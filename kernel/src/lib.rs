//! Typed ids, money, trading calendars and errors shared by every system.
