//! HTTP conventions of the suite: problem details, paging, sessions, live events, console files.
